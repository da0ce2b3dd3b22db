"A competition that is killed, again and again, at any moment, ends as if nothing had happened"
import json, os, random, signal, subprocess, sys, time
import pytest
from audiotag.learner import Tagger

kills = int(os.environ.get('AUDIOTAG_KILLS', 3))
settings = [f'--set={o}' for o in ('seconds=1', 'sr=11025', 'n_fft=512', 'hop_length=256', 'n_mels=32', 'widen=.25', 'bs=8',
    'members=[{"net": {"attention": true}}, {"arch": "cnn", "net": {"freq_map": true}}]')]

@pytest.fixture(scope='module')
def synth(tmp_path_factory):
    from audiotag.synth import synth_dataset
    return synth_dataset(tmp_path_factory.mktemp('data')/'synth', clips=50, noisy=30, test=8, sr=11025)

def _start(data, out):
    command = [sys.executable, '-c', 'from audiotag.cli import main; main()', 'train', str(data), '--recipe', 'fat2019', '--folds', '2', '--epochs', '6', '--device', 'cpu', '--out', str(out), *settings]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env={**os.environ, 'OMP_NUM_THREADS': '1'})

def test_a_run_killed_at_random_ends_with_the_same_submission(synth, tmp_path):
    start = time.time()
    whole = _start(synth, tmp_path/'whole')
    text = whole.communicate()[0]
    assert whole.returncode == 0, text
    took, rng = time.time() - start, random.Random(0)
    for i in range(kills):
        run = _start(synth, tmp_path/'killed')
        time.sleep(4 + rng.random()*(took - 4)*2/(kills + 1))
        run.send_signal(signal.SIGKILL)
        run.communicate()
        assert run.returncode in (0, -signal.SIGKILL)
    last = _start(synth, tmp_path/'killed')
    text = last.communicate()[0]
    assert last.returncode == 0, text
    files = lambda run: {f.relative_to(tmp_path/run) for f in (tmp_path/run).rglob('*') if f.suffix != '.partial'} # a kill while a file is written leaves a partial one beside it
    assert files('killed') == files('whole')
    for name in ('submission.csv', 'oof.csv', 'test.csv', 'blend.json'): assert (tmp_path/'killed'/name).read_bytes() == (tmp_path/'whole'/name).read_bytes(), name
    header = lambda f: Tagger.load(f).about['thresholds']
    assert len({json.dumps(header(f)) for run in ('killed', 'whole') for f in (tmp_path/run).rglob('tagger.safetensors')}) == 1
    print(f'{kills} kills of a run of {took:.0f} s')
