"A data set from a server that breaks off, lies or is killed with us: whole and right in the end, or an error and nothing that looks like one"
import hashlib, http.server, io, json, multiprocessing, shutil, signal, subprocess, threading, time, zipfile
import numpy as np, pytest, soundfile as sf
from audiotag import download as module
from audiotag.datasets import DataError, read_clips
from audiotag.download import download, open_zip, plan_download, unpack

class Site(http.server.ThreadingHTTPServer):
    "Serves `files` (name to bytes) and a record of them; `asked` is what it was asked for; `cut` stops once after so many bytes of a file, `pause` rests between blocks of 1 kB"
    daemon_threads = True
    def __init__(self):
        super().__init__(('127.0.0.1', 0), Handler)
        self.files, self.asked, self.cut, self.pause, self.sent, self.ranges, self.url = {}, [], {}, 0, 0, True, f'http://127.0.0.1:{self.server_port}'

    def record(self):
        md5 = lambda data: 'md5:' + hashlib.md5(data).hexdigest()
        return json.dumps(dict(files=[dict(key=k, size=len(v), checksum=md5(v), links=dict(self=f'{self.url}/{k}/content')) for k, v in self.files.items()])).encode()

class Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *args): pass
    def do_GET(self):
        site, name = self.server, self.path.split('/')[1]
        data, start = site.files[name] if name in site.files else site.record(), 0
        if 'Range' in self.headers and site.ranges: start = int(self.headers['Range'].removeprefix('bytes=').rstrip('-'))
        if name in site.files: site.asked.append((name, self.headers.get('Range')))
        self.send_response(206 if start else 200)
        self.send_header('Content-Length', str(len(data) - start))
        self.end_headers()
        stop = site.cut.pop(name, len(data))
        for i in range(start, stop, 1000):
            try: self.wfile.write(data[i:min(i + 1000, stop)])
            except OSError: return
            if name in site.files: site.sent += 1000; time.sleep(site.pause)

def _wav(rng):
    sf.write(f := io.BytesIO(), rng.normal(0, .1, 200_000), 8000, format='WAV')
    return f.getvalue()

def _zip(members):
    with zipfile.ZipFile(f := io.BytesIO(), 'w', zipfile.ZIP_DEFLATED) as z:
        for k, v in members.items(): z.writestr(k, v)
    return f.getvalue()

@pytest.fixture
def site(monkeypatch):
    "A record like FSDKaggle2019's"
    site, rng = Site(), np.random.default_rng(0)
    meta = {f'FSDKaggle2019.meta/{o}_post_competition.csv': f'fname,labels,license\n{o}.wav,Bark,CC0\n' for o in ('train_curated', 'train_noisy', 'test')}
    site.files['FSDKaggle2019.meta.zip'] = _zip(meta)
    for o in ('train_curated', 'train_noisy', 'test'): site.files[f'FSDKaggle2019.audio_{o}.zip'] = _zip({f'FSDKaggle2019.audio_{o}/{o}.wav': _wav(rng)})
    site.files['README.md'] = b'no archive'
    threading.Thread(target=site.serve_forever, daemon=True).start()
    monkeypatch.setattr(module, 'zenodo_api', site.url)
    monkeypatch.setitem(module.downloadable, 'fsdkaggle2019', {**module.downloadable['fsdkaggle2019'], 'unpacked': 2e6})
    yield site
    site.shutdown()

noisy = 'FSDKaggle2019.audio_train_noisy.zip'

def _is_whole(path):
    clips = read_clips(path)
    assert clips.subset.tolist() == ['curated', 'noisy', 'test'] and clips.license.tolist() == ['CC0']*3 and clips.path.notna().all()
    for f in clips.path: assert len(sf.read(f)[0]) == 200_000
    assert not path.with_name(path.name + '.partial').exists()

def test_what_was_broken_off_goes_on_where_it_stopped(site, tmp_path):
    site.cut[noisy], kept = 300_000, 2**18 # a block of which not all came is lost
    with pytest.raises(DataError, match='broken off'): download('fsdkaggle2019', tmp_path/'fsd')
    assert not (tmp_path/'fsd').exists() and (tmp_path/'fsd.partial'/f'{noisy}.partial').read_bytes() == site.files[noisy][:kept]
    before = len(site.asked)
    download('fsdkaggle2019', tmp_path/'fsd')
    assert site.asked[before:] == [(noisy, f'bytes={kept}-'), ('FSDKaggle2019.audio_test.zip', None)]
    _is_whole(tmp_path/'fsd')

def test_a_server_that_knows_no_ranges_is_asked_for_all(site, tmp_path):
    site.cut[noisy], site.ranges = 300_000, False
    with pytest.raises(DataError, match='broken off'): download('fsdkaggle2019', tmp_path/'fsd')
    download('fsdkaggle2019', tmp_path/'fsd')
    _is_whole(tmp_path/'fsd')

def test_a_wrong_beginning_is_found_by_the_checksum_and_removed(site, tmp_path):
    partial = tmp_path/'fsd.partial'/f'{noisy}.partial'
    partial.parent.mkdir()
    partial.write_bytes(bytes(500))
    with pytest.raises(DataError, match=f'{noisy}.*does not have the checksum md5:'): download('fsdkaggle2019', tmp_path/'fsd')
    assert not [f for f in partial.parent.iterdir() if noisy in f.name]
    download('fsdkaggle2019', tmp_path/'fsd')
    _is_whole(tmp_path/'fsd')

def test_killed_at_any_moment_and_started_again(site, tmp_path):
    site.pause = .001
    total, fork = sum(map(len, site.files.values())), multiprocessing.get_context('fork')
    for share in (.1, .4, .7):
        run = fork.Process(target=download, args=('fsdkaggle2019', tmp_path/'fsd'))
        run.start()
        while site.sent < share*total: time.sleep(.001)
        run.kill(); run.join()
        assert run.exitcode == -signal.SIGKILL and not (tmp_path/'fsd').exists()
    site.pause = 0
    download('fsdkaggle2019', tmp_path/'fsd')
    assert len([r for _, r in site.asked if r]) >= 2
    _is_whole(tmp_path/'fsd')

def test_the_command(site, shell, tmp_path):
    code, out, err = shell('download', 'fsdkaggle2019', tmp_path/'fsd', '--plan', '--json')
    plan = json.loads(out)
    assert code == 0 and err == '' and plan['download'] == sum(len(v) for k, v in site.files.items() if k != 'README.md') and not list(tmp_path.iterdir()) and not site.asked
    code, out, err = shell('download', 'fsdkaggle2019', tmp_path/'fsd', '--json')
    assert code == 0 and json.loads(out) == dict(out=str(tmp_path/'fsd'), clips=3, licence=plan['licence'])
    assert 'MB to download' in err and 'Licence: CC BY 4.0' in err
    _is_whole(tmp_path/'fsd')

@pytest.mark.parametrize('what, words', [('name', 'there is fsdkaggle2019, fsd50k, urbansound8k, esc50'), ('full', 'of disk are needed'), ('taken', 'not empty'), ('offline', 'cannot be fetched')])
def test_the_command_says_what_is_wrong_in_a_line(site, shell, tmp_path, monkeypatch, what, words):
    (tmp_path/'taken').mkdir(); (tmp_path/'taken'/'mine.txt').touch()
    if what == 'full': monkeypatch.setattr(shutil, 'disk_usage', lambda _: shutil._ntuple_diskusage(9, 9, 9))
    if what == 'offline': monkeypatch.setattr(module, 'zenodo_api', 'http://127.0.0.1:1')
    code, out, err = shell('download', 'fsd60k' if what == 'name' else 'fsdkaggle2019', tmp_path/('taken' if what == 'taken' else 'x'))
    last = err.strip().splitlines()[-1]
    assert code == 1 and out == '' and last.startswith('audiotag: ') and words in last
    assert [f.name for f in tmp_path.iterdir()] == ['taken']

@pytest.mark.skipif(not shutil.which('zip'), reason='no zip command to split with')
@pytest.mark.parametrize('options', [['-0'], ['-9'], ['-9', '-fz']])
def test_zip_files_split_by_the_zip_command(tmp_path, options):
    rng, data = np.random.default_rng(0), tmp_path/'set'
    (data/'deep').mkdir(parents=True)
    for i in range(9): (data/('deep' if i % 2 else '.')/f'{i} a.bin').write_bytes(rng.bytes(30_000) + bytes(5000))
    subprocess.run(['zip', '-q', '-r', '-s', '64k', *options, 'set.zip', 'set'], cwd=tmp_path, check=True)
    assert len(list(tmp_path.glob('set.z*'))) >= 5
    with open_zip(tmp_path/'set.zip') as z: assert z.testzip() is None
    unpack(tmp_path/'set.zip', tmp_path/'out', 1e6)
    files = lambda folder: {f.relative_to(folder): f.read_bytes() for f in folder.rglob('*') if f.is_file()}
    assert files(tmp_path/'out'/'set') == files(data) and len(files(data)) == 9
