"The kit for Kaggle, from the command to a submission, without a network where that can be had."
import json, os, shutil, subprocess, sys
import pandas as pd, pytest
from audiotag.all import chance, cross_validate, get_recipe, given_vocab, lwlrap, read_clips, synth_dataset, truth_of

offline = ['unshare', '-rn'] if shutil.which('unshare') and not subprocess.run(['unshare', '-rn', 'true'], capture_output=True).returncode else []

def _kernel(kit, folder, seconds):
    "Run the kit's notebook as a script in an empty folder, its inputs in `folder`: what it prints, and its submission"
    cells = json.loads((kit/'submission.ipynb').read_text())['cells']
    (work := folder.parent/'work').mkdir(exist_ok=True)
    (work/'script.py').write_text('\n'.join(''.join(c['source']) for c in cells if c['cell_type'] == 'code'))
    env = {k: v for k, v in os.environ.items() if k != 'PYTHONPATH'} | dict(AUDIOTAG_INPUT=str(folder), AUDIOTAG_SECONDS=str(seconds), CUDA_VISIBLE_DEVICES='', OMP_NUM_THREADS='1')
    done = subprocess.run([*offline, sys.executable, 'script.py'], cwd=work, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout, pd.read_csv(work/'submission.csv')

def _competition(folder, **sizes):
    "Competitor's files in `folder`, and the truth of the test set"
    clips = read_clips(synth_dataset(folder, **sizes))
    (folder/'test_post_competition.csv').unlink()
    return clips

def test_a_kit_submits_whatever_the_time(shell, tmp_path):
    clips = _competition(tmp_path/'input'/'competition', clips=40, noisy=2, test=10, sr=11025)
    tiny = get_recipe('quick', epochs=1, widen=.25, sr=11025, n_fft=512, hop_length=256, n_mels=32, seconds=1.)
    cross_validate(clips[clips.subset == 'curated'], tmp_path/'run', tiny, n_folds=2, vocab=given_vocab(tmp_path/'input'/'competition'), device='cpu')
    code, out, _ = shell('kaggle-kit', tmp_path/'run', '--out', tmp_path/'input'/'kit', '--json')
    assert code == 0 and json.loads(out)['wheels'] == [f.name for f in (tmp_path/'input'/'kit'/'wheels').iterdir()]
    sample = pd.read_csv(tmp_path/'input'/'competition'/'sample_submission.csv')
    for seconds, words in (600, 'all crops of 10 of 10 clips, by 2 of 2 taggers'), (0, 'the middle crop of 0 of 10 clips'):
        said, submission = _kernel(tmp_path/'input'/'kit', tmp_path/'input', seconds)
        assert words in said and 'taken from the kit: audiotag' in said
        assert submission.fname.tolist() == sample.fname.tolist() and list(submission.columns) == list(sample.columns) and submission.notna().all(axis=None)
    code, _, err = shell('kaggle-kit', tmp_path/'run', '--out', tmp_path/'input'/'kit')
    assert code == 1 and 'not empty' in err
    assert shell('kaggle-kit', tmp_path/'input'/'competition', '--out', tmp_path/'other')[0] == 1 and not (tmp_path/'other').exists()

@pytest.mark.skipif(not os.environ.get('AUDIOTAG_SLOW'), reason='AUDIOTAG_SLOW is not set: takes some minutes')
def test_a_minute_that_is_too_short_for_everything(shell, tmp_path):
    clips = _competition(tmp_path/'input'/'competition', clips=200, noisy=2, test=400)
    small = get_recipe('quick', epochs=8, widen=.25, seconds=2.)
    cross_validate(clips[clips.subset == 'curated'], tmp_path/'run', small, folds=[0], vocab=given_vocab(tmp_path/'input'/'competition'), device='cpu')
    for k in range(1, 40): shutil.copytree(tmp_path/'run'/'fold0', tmp_path/'run'/f'fold{k}') # more taggers than a minute is enough for
    shell('kaggle-kit', tmp_path/'run', '--out', tmp_path/'input'/'kit')
    said, submission = _kernel(tmp_path/'input'/'kit', tmp_path/'input', 60)
    test = clips[clips.subset == 'test']
    truth = truth_of(test, list(submission.columns[1:])).loc[submission.fname].to_numpy()
    assert sorted(submission.fname) == sorted(test.fname) and 'by 40 of 40 taggers' not in said
    assert lwlrap(submission.iloc[:, 1:].to_numpy(), truth) > chance(truth) + .1
