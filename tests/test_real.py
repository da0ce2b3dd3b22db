"Real recordings, where AUDIOTAG_DATA names their folder."
import subprocess, sys
import numpy as np, pandas as pd
from audiotag.all import *

def test_esc10_table(real_data):
    clips = read_clips(real_data/'esc10')
    assert len(clips) == 400 and len(vocab_of(clips)) == 10 and sorted(clips.fold.unique()) == [1, 2, 3, 4, 5] and clips.path.notna().all()
    assert (clips.groupby('source').fold.nunique() == 1).all()
    assert check_audio(clips, 1).empty

def test_a_mixture_benchmark_of_esc10(real_data, tmp_path):
    "Labels, sources and sums of scenes mixed from real recordings"
    esc = read_clips(real_data/'esc10').set_index('fname')
    bench = mixture_dataset(esc.reset_index(), tmp_path/'bench', curated=30, noisy=40, test=30)
    clips, layers = read_clips(bench).set_index('fname'), pd.read_csv(bench/'layers.csv', dtype=dict(source=str))
    real = layers[layers.source != 'synthetic'].join(clips.subset, on='fname')
    assert (real.groupby('source').subset.nunique() == 1).all() and given_vocab(bench) == sorted(set(esc.labels))
    assert (real.source.to_numpy() == esc.source[real.recording].astype(str).to_numpy()).all() and (real.tag.to_numpy() == esc.labels[real.recording].to_numpy()).all()
    heard = real[real.subset == 'test'].groupby('fname').tag.agg(lambda o: ','.join(sorted(o)))
    assert heard.to_dict() == clips.labels[clips.subset == 'test'].to_dict()
    for f, sounds in real[real.subset == 'test'].groupby('fname'):
        x = decode(clips.path[f])
        for o in sounds.itertuples():
            y, ramp = decode(esc.path[o.recording], 22050)[o.start:o.start + o.samples], np.arange(1, o.samples + 1)/220.5
            x[o.onset:o.onset + o.samples] -= o.gain*y*np.minimum(1, np.minimum(ramp, ramp[::-1]))
        assert np.abs(x).max() < 2**-13*max(1, sounds.gain.sum())

def test_fsdkaggle2019_table(real_data):
    import pytest
    folder = real_data/'fsdkaggle2019'
    with pytest.warns(DataWarning): everything, clips = read_clips(folder, drop_bad=False), read_clips(folder)
    assert everything.subset.value_counts().to_dict() == dict(curated=4970, noisy=19815, test=4481)
    assert len(everything) - len(clips) == 6 and len(vocab_of(clips)) == 80 and given_vocab(folder) == vocab_of(clips)
    mean = everything.labels.map(lambda o: len(split_labels(o))).groupby(everything.subset).mean().round(3)
    assert mean.to_dict() == dict(curated=1.157, noisy=1.211, test=1.395)

def test_two_real_clips_through_train_and_predict(real_data, tmp_path):
    import pytest
    with pytest.warns(DataWarning): clips = read_clips(real_data/'fsdkaggle2019')
    clips = clips[clips.path.notna()].assign(subset='curated').reset_index(drop=True)
    assert sorted(clips.labels) == ['Gurgling', 'Motorcycle']
    report = cross_validate(clips, tmp_path/'run', get_recipe('quick', epochs=1, widen=.25), n_folds=2, vocab=['Gurgling', 'Motorcycle'], device='cpu')
    tags = Tagger.load(tmp_path/'run'/'fold0'/'tagger.safetensors').tag(clips.path[0])
    assert report['clips'] == 2 and sorted(tags.tag) == ['Gurgling', 'Motorcycle'] and tags.score.between(0, 1).all()

def test_odd_clips_are_all_tagged(real_data, tagger_file, shell, tmp_path):
    code, _, err = shell('predict', tagger_file, real_data/'odd_clips', '--out', tmp_path/'preds.csv')
    df = pd.read_csv(tmp_path/'preds.csv')
    assert code == 0 and err == '' and len(df) == 91 and np.isfinite(df.iloc[:, 1:]).all(axis=None)

def test_workers_that_are_spawned_read_the_same(real_data, tmp_path):
    "Windows and macOS start workers afresh, so everything in the pipeline must pickle"
    script = tmp_path/'spawned.py'
    script.write_text(f'''
import multiprocessing, torch, warnings
from audiotag.all import *
def xs(workers): return torch.cat([x.as_subclass(torch.Tensor) for x, _ in tagging_dls(clips, fold=1, seconds=1, num_workers=workers, device='cpu').valid])
if __name__ == '__main__':
    multiprocessing.set_start_method('spawn')
    clips = read_clips({str(real_data/'esc10')!r}).groupby('fold').head(8)
    same = (xs(0) - xs(1)).abs().max().item() < 1e-5
    tagger_learner(tagging_dls(clips, fold=1, seconds=1, bs=8, num_workers=1, device='cpu'), widen=.25).fit(1)
    print(same)
''')
    done = subprocess.run([sys.executable, '-W', 'ignore', script], capture_output=True, text=True)
    assert done.stdout.splitlines()[-1:] == ['True'], done.stderr
