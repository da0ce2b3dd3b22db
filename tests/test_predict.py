"Many files: killed and gone on with, shared among processes, in constant memory"
import json, os, random, signal, subprocess, sys, time
import numpy as np, pandas as pd, pytest, soundfile as sf
from conftest import tone

n_files = int(os.environ.get('AUDIOTAG_KILL_FILES', 2000))
n_kills = 5 if n_files >= 10_000 else 2

@pytest.fixture(scope='module')
def many(tmp_path_factory):
    "Many short files, some in folders, every hundredth of them no sound"
    folder, rng = tmp_path_factory.mktemp('many'), np.random.default_rng(0)
    for i in range(n_files):
        f = folder/f'{i % 7}'/f'{i}.wav'
        f.parent.mkdir(exist_ok=True)
        if i % 100 == 50: f.write_text('no sound')
        else: sf.write(f, rng.normal(0, .1, rng.integers(800, 2400)), 8000)
    return folder

def _start(tagger, *args, env={}):
    command = [sys.executable, '-W', 'ignore', '-m', 'audiotag.cli', 'predict', tagger, *args, '--device', 'cpu']
    return subprocess.Popen(list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, 'OMP_NUM_THREADS': '1', **env})

def _end(*processes):
    for p in processes:
        out, err = p.communicate()
        assert p.returncode == 0, err
    return out, err

@pytest.fixture(scope='module')
def whole(many, tagger_file, tmp_path_factory):
    "The table of a run that nothing disturbs, and what it said on stderr"
    out = tmp_path_factory.mktemp('whole')/'whole.csv'
    return out, _end(_start(tagger_file, many, '--out', out))[1]

def _done(state):
    try: return json.loads(state.read_text())['kept']['done']
    except FileNotFoundError: return 0

def test_a_killed_run_loses_and_repeats_nothing(many, whole, tagger_file, tmp_path):
    out, rng, reached, killed = tmp_path/'killed.csv', random.Random(0), 0, 0
    state = tmp_path/'killed.csv.partial.json'
    for _ in range(4*n_kills):
        run, goal = _start(tagger_file, many, '--out', out), n_files*(killed + rng.random())/(n_kills + 2)
        while _done(state) <= max(reached, goal) and run.poll() is None: time.sleep(.005)
        run.send_signal(signal.SIGKILL)
        run.communicate()
        if run.returncode != -signal.SIGKILL or out.exists(): out.unlink(); reached = killed = 0; continue # it was done before it could be killed
        assert _done(state) >= reached
        reached, killed = _done(state), killed + 1
        if killed == n_kills: break
    _, err = _end(_start(tagger_file, many, '--out', out))
    if killed < n_kills: pytest.skip('this machine is too quick: the run was over before it could be killed')
    assert out.read_bytes() == whole[0].read_bytes() and err == whole[1]
    names = pd.read_csv(out).fname
    assert len(names) == len(set(names)) == n_files - n_files//100 and len(err.splitlines()) == n_files//100
    assert sorted(o.name for o in tmp_path.iterdir()) == ['killed.csv']
    print(f'{killed} kills of a run over {n_files} files, the last at {reached}')

def test_two_processes_write_the_table_of_one(many, whole, tagger_file, tmp_path):
    "As jobs that know only their number"
    out = tmp_path/'two.csv'
    _end(*[_start(tagger_file, many, '--out', out, env=dict(RANK=str(r), WORLD_SIZE='2')) for r in (0, 1)])
    assert out.read_bytes() == whole[0].read_bytes() and [o.name for o in tmp_path.iterdir()] == ['two.csv']

def test_accelerate_launches_two_processes(many, whole, tagger_file, tmp_path):
    pytest.importorskip('accelerate')
    out = tmp_path/'two.csv'
    command = [sys.executable, '-m', 'accelerate.commands.launch', '--cpu', '--num_processes', '2', '--num_cpu_threads_per_process', '1', '-m', 'audiotag.cli', 'predict', tagger_file, many, '--out', out, '--device', 'cpu']
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, env={**os.environ, 'OMP_NUM_THREADS': '1'})
    assert done.returncode == 0, done.stderr
    assert out.read_bytes() == whole[0].read_bytes()

def test_other_settings_do_not_go_on_with_the_rows(shell, tagger_file, tmp_path):
    sf.write(tmp_path/'a.wav', tone(), 8000)
    (tmp_path/'p.csv.partial.json').write_text(json.dumps(dict(asked=dict(tagger='other'), kept={})))
    code, out, err = shell('predict', tagger_file, tmp_path/'a.wav', '--out', tmp_path/'p.csv')
    assert code == 1 and out == '' and 'p.csv.partial: begun with another tagger' in err and f"delete {tmp_path/'p.csv.partial.json'}" in err

def test_the_same_twice_at_once(many, whole, tagger_file, tmp_path):
    "The second is told at once; the first is not disturbed"
    out = tmp_path/'p.csv'
    first = _start(tagger_file, many, '--out', out)
    while not _done(tmp_path/'p.csv.partial.json') and first.poll() is None: time.sleep(.005)
    first.send_signal(signal.SIGSTOP)
    second = _start(tagger_file, many, '--out', out)
    said, err = second.communicate(timeout=300)
    first.send_signal(signal.SIGCONT)
    _end(first)
    assert (second.returncode, said) == (1, '') and 'p.csv.partial: another process is at work on it' in err
    assert out.read_bytes() == whole[0].read_bytes()

def test_the_suffix_is_one_of_two(shell, tagger_file, tmp_path):
    sf.write(tmp_path/'a.wav', tone(), 8000)
    code, out, err = shell('predict', tagger_file, tmp_path/'a.wav', '--out', tmp_path/'p.txt')
    assert code == 1 and out == '' and 'p.txt: .csv or .parquet, by the suffix' in err and [o.name for o in tmp_path.iterdir()] == ['a.wav']

def test_parquet_and_csv_hold_the_same(shell, tagger_file, tmp_path):
    pytest.importorskip('pyarrow')
    (tmp_path/'in').mkdir()
    for name in ('a.wav', 'b, "c".wav'): sf.write(tmp_path/'in'/name, tone(.5), 8000)
    for suffix in ('csv', 'parquet'): assert shell('predict', tagger_file, tmp_path/'in', '--out', tmp_path/f'p.{suffix}')[0] == 0
    a, b = pd.read_csv(tmp_path/'p.csv'), pd.read_parquet(tmp_path/'p.parquet')
    assert a.fname.tolist() == b.fname.tolist() == ['a.wav', 'b, "c".wav']
    np.testing.assert_allclose(a.iloc[:, 1:], b.iloc[:, 1:], rtol=1e-6)

def test_a_missing_extra_is_named(shell, tagger_file, tmp_path, monkeypatch):
    sf.write(tmp_path/'a.wav', tone(), 8000)
    monkeypatch.setitem(sys.modules, 'pyarrow', None)
    code, out, err = shell('predict', tagger_file, tmp_path/'a.wav', '--out', tmp_path/'p.parquet')
    assert code == 1 and out == '' and 'pip install "audiotag[parquet]"' in err and [o.name for o in tmp_path.iterdir()] == ['a.wav']

def test_memory_does_not_grow_with_the_length(tagger_file, tmp_path):
    "Five minutes and forty at another rate, whose samples alone would be 150 MB"
    peaks = []
    for minutes in (5, 40):
        with sf.SoundFile(tmp_path/f'{minutes}.flac', 'w', 16000, 1) as f:
            for _ in range(minutes): f.write(np.random.default_rng(0).normal(0, .1, 60*16000))
        code = f"import resource, torch; torch.set_num_threads(1); from audiotag.all import Tagger; t = Tagger.load({str(tagger_file)!r}); idle = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss; t.tag({str(tmp_path/f'{minutes}.flac')!r}); print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - idle)"
        done = subprocess.run([sys.executable, '-W', 'ignore', '-c', code], capture_output=True, text=True)
        peaks.append(int(done.stdout)/1024)
    assert max(peaks) < 500 and peaks[1] - peaks[0] < 50, peaks
