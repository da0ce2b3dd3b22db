"Training by two processes of the CPU is what training by one is"
import os, signal, socket, subprocess, sys, time
import numpy as np, pandas as pd, pytest, torch
from audiotag.crossval import load_taggers, read_scores
from audiotag.datasets import read_clips, truth_of
from audiotag.folds import add_folds
from audiotag.metrics import lwlrap

torch.set_num_threads(1)
pytest.importorskip('accelerate', reason='accelerate is not installed')
stages = '[{"noisy": {"use": "all"}}, {"noisy": {"use": "selected", "per_class": 1}, "share": 0.5, "plain_finish": 1}]'
settings = [f'--set={o}' for o in ('seconds=1', 'sr=11025', 'n_fft=512', 'hop_length=256', 'n_mels=32', 'widen=.25', 'bs=8', 'average={"EMA": {"decay": 0.9}}', f'stages={stages}')]

@pytest.fixture(scope='module')
def data(tmp_path_factory):
    from audiotag.synth import synth_dataset
    return synth_dataset(tmp_path_factory.mktemp('data')/'synth', clips=37, noisy=15, test=5, sr=11025)

def _args(data, out): return ['train', str(data), '--folds', '2', '--epochs', '2', '--device', 'cpu', '--out', str(out), *settings]

def _free_port():
    with socket.socket() as s: s.bind(('127.0.0.1', 0)); return str(s.getsockname()[1])

def _start(data, out):
    "Two processes, as `accelerate launch` and `torchrun` start them"
    env = {**os.environ, 'OMP_NUM_THREADS': '1', 'MASTER_ADDR': '127.0.0.1', 'MASTER_PORT': _free_port(), 'WORLD_SIZE': '2', 'LOCAL_WORLD_SIZE': '2'}
    command = [sys.executable, '-m', 'audiotag.cli', *_args(data, out)]
    return [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**env, 'RANK': r, 'LOCAL_RANK': r}) for r in '01']

def _end(runs):
    outs = [run.communicate() for run in runs]
    assert [run.returncode for run in runs] == [0, 0], outs
    return outs

@pytest.fixture(scope='module')
def two(data, tmp_path_factory):
    out = tmp_path_factory.mktemp('two')/'run'
    return out, _end(_start(data, out))

def _files(out): return {f.relative_to(out) for f in out.rglob('*')}

def test_the_run_is_one_that_one_process_writes(two, data, tmp_path, shell):
    out, ((said, _), (other, warned)) = two
    assert shell(*_args(data, tmp_path/'one'))[0] == 0
    assert _files(out) == _files(tmp_path/'one')
    assert (out/'config.json').read_bytes() == (tmp_path/'one'/'config.json').read_bytes()
    assert [o.split()[0] for o in said.splitlines()] == ['epoch', '0', '1', 'epoch', '0']*2 + ['lwlrap']
    assert (other, [o for o in warned.splitlines() if o.startswith('audiotag')]) == ('', [])

def test_lwlrap_and_scores_are_those_of_one_process(two, data):
    out, clips = two[0], add_folds(read_clips(data), 2)
    history, oof = pd.read_csv(out/'history.csv'), read_scores(out/'oof.csv').set_index('fname')
    for fold, tagger in enumerate(load_taggers(out)):
        held = clips[clips.fold == fold]
        assert len(held) % 2 or len(held) % 8
        truth = truth_of(held, tagger.vocab).to_numpy()
        last = history[(history.fold == fold) & (history.stage == 1)].lwlrap.iloc[-1]
        assert last == pytest.approx(lwlrap(tagger.scores(held.path.tolist(), tta=False), truth), abs=1e-6)
        np.testing.assert_allclose(tagger.scores(held.path.tolist()).numpy(), oof.loc[held.fname].to_numpy(), atol=1e-5)

def test_a_killed_run_goes_on(two, data, tmp_path):
    out = tmp_path/'run'
    runs = _start(data, out)
    while not (out/'fold0.partial'/'stage0.pt').exists() and all(run.poll() is None for run in runs): time.sleep(.01)
    for run in runs: run.send_signal(signal.SIGKILL)
    for run in runs: assert run.communicate() and run.returncode == -signal.SIGKILL
    (said, _), _ = _end(_start(data, out))
    assert said.splitlines()[1].split()[0] in ('1', 'epoch')
    assert _files(out) == _files(two[0])
    for name in ('oof.csv', 'single.csv', 'test.csv'): np.testing.assert_allclose(*(read_scores(o/name).iloc[:, 1:] for o in (out, two[0])), atol=1e-5)
