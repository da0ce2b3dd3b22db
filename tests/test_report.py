"The page about a run: whole, small, harmless, and with the numbers of its report.json."
import html, json, re, shutil, subprocess
from html.parser import HTMLParser
import numpy as np, pandas as pd, pytest, soundfile as sf
from conftest import tone
from audiotag.datasets import read_clips, truth_of
from audiotag.metrics import accuracy, score_report

evil = '<script>console.error(1)</script>.wav'

def make_run(run, clips, vocab, epochs=5):
    "The files of a run with made-up scores"
    truth, rng = truth_of(clips, vocab), np.random.default_rng(0)
    oof = pd.DataFrame(1/(1 + np.exp(2 - 3*truth - rng.normal(0, 1, truth.shape)))).reset_index()
    run.mkdir(parents=True)
    oof.to_csv(run/'oof.csv', index=False, float_format='%.6g')
    pd.DataFrame([[0, 0, i, .7*.9**i, .7*.9**i, 1 - .9**i] for i in range(epochs)], columns='fold stage epoch train_loss valid_loss lwlrap'.split()).to_csv(run/'history.csv', index=False)
    about = dict(folds=[0], recipe=dict(name='quick', arch='cnn'), machine='CPU', versions=dict(audiotag='1.0'), seconds=61.)
    (run/'report.json').write_text(json.dumps(dict(**score_report(oof, truth), accuracy=accuracy(oof, truth), **about)))
    (run/'config.json').write_text(json.dumps(dict(recipe=about['recipe'], folds=[0], seeds=[0], vocab=vocab)))
    return run

@pytest.fixture
def data(make_folder):
    files = [f'{i}.wav' for i in range(9)]
    return make_folder('fname,labels\n' + ''.join(f'{f},"Bark & <b>,{"Meow" if i % 2 else "Moo"}"\n' for i, f in enumerate(files)) + f'{evil},Meow\n', files)

@pytest.fixture
def page(data, tmp_path, shell):
    with pytest.warns(UserWarning, match='no such file'): clips = read_clips(data)
    run = make_run(tmp_path/'run <i>', clips, ['Bark & <b>', 'Meow', 'Moo'])
    assert shell('report', run, data)[0] == 0
    return run/'report.html'

class Tags(HTMLParser):
    def __init__(self, text): super().__init__(); self.found = []; self.feed(text)
    def handle_starttag(self, tag, attrs): self.found.append((tag, dict(attrs)))

def test_it_is_whole_in_itself(page):
    tags = Tags(page.read_text()).found
    for tag, attrs in tags:
        assert tag not in ('script', 'link', 'iframe', 'object', 'embed', 'base', 'form', 'b' if attrs.get('class') is None else ''), tag
        for k, v in attrs.items():
            assert k not in ('href', 'srcset', 'poster', 'action') and not k.startswith('on'), k
            assert k != 'src' or v.startswith(('data:image/jpeg;base64,', 'data:audio/mpeg;base64,'))
    assert not re.search(r'@import|url\(|https?://|file://', page.read_text())
    assert sum(tag == 'audio' for tag, _ in tags) == 9

def test_odd_names_are_text(page):
    text = page.read_text()
    assert '<script' not in text and '<i></h1>' not in text
    for o in (evil, 'Bark & <b>', 'run <i>'): assert html.escape(o) in text
    assert 'Clips without their audio file: 1 (' + html.escape(evil) in text

def test_its_numbers_are_those_of_the_report(page):
    report, text = json.loads((page.parent/'report.json').read_text()), page.read_text()
    tiles = dict(re.findall('<dt>(.*?)</dt><dd>(.*?)</dd>', text))
    assert (tiles['lwlrap'], tiles['accuracy'], tiles['labels']) == (f"{report['lwlrap']:.4f}", f"{report['accuracy']:.4f}", '19')
    rows = re.findall(r'<tr><td>([^<]*)</td><td class="num">(\d+)</td><td[^>]*>([\d.]+)</td>', re.search('<table class="classes">.*?</table>', text)[0])
    assert {html.unescape(k): (int(n), v) for k, n, v in rows} == {k: (v['labels'], f"{v['lwlrap']:.4f}") for k, v in report['per_class'].items()}

def test_however_many_clips_it_is_small(tmp_path):
    vocab, n = [f'tag number {i} {"x"*60}' for i in range(700)], 1000
    x = np.random.default_rng(0).uniform(-1, 1, 20*8000)
    sf.write(tmp_path/'noise.wav', x, 8000)
    names = [f'{i:05} {"long "*40}.wav' for i in range(n)]
    clips = pd.DataFrame(dict(fname=names, labels=[','.join(vocab[(i + j) % 700] for j in range(300 if i % 100 == 0 else 2)) for i in range(n)], subset='curated', path=[str(tmp_path/'noise.wav')]*(n - 300) + [None]*300))
    from audiotag.report import write_report
    file = write_report(make_run(tmp_path/'run', clips, vocab, epochs=3000), clips)
    assert 200_000 < file.stat().st_size < 3_000_000

def test_chromium_has_nothing_to_complain_about(page, tmp_path):
    if not (chromium := shutil.which('chromium') or shutil.which('google-chrome')): pytest.skip('Chromium is not installed')
    done = subprocess.run([chromium, '--headless', '--no-sandbox', '--disable-gpu', f'--user-data-dir={tmp_path}/chromium', '--enable-logging=stderr', '--v=0', '--dump-dom', page.absolute().as_uri()],
                          capture_output=True, text=True, timeout=120)
    assert 'CONSOLE' not in done.stderr and 'Tags, the worst first' in done.stdout and done.returncode == 0

def test_training_writes_it_and_outlives_its_failure(make_folder, tmp_path, shell, monkeypatch):
    data = make_folder('fname,labels,fold\n' + ''.join(f'{i}.wav,{"Bark" if i % 2 else "Meow"},{i//4}\n' for i in range(8)), [f'{i}.wav' for i in range(8)])
    args = ['train', data, '--epochs', 1, '--device', 'cpu', *(o for s in ('sr=8000', 'n_fft=512', 'hop_length=256', 'n_mels=32', 'seconds=1', 'widen=.25', 'bs=4') for o in ('--set', s))]
    code, out, err = shell(*args, '--out', tmp_path/'run')
    assert code == 0 and 'lwlrap' in out and (tmp_path/'run'/'report.html').read_text().count('<article') == 8
    from audiotag.cli import _show_run
    (tmp_path/'run'/'report.html').unlink()
    for rank, there in ('1', False), ('0', True):
        monkeypatch.setenv('RANK', rank)
        _show_run(data, tmp_path/'run')
        assert (tmp_path/'run'/'report.html').exists() == there
    monkeypatch.delenv('RANK')
    def full(*args): raise OSError('disk full')
    import audiotag.report
    monkeypatch.setattr(audiotag.report, 'write_whole', full)
    (tmp_path/'run'/'report.html').unlink()
    code, out, err = shell(*args, '--out', tmp_path/'run')
    assert code == 0 and 'lwlrap' in out and 'no report.html (disk full)' in err and not (tmp_path/'run'/'report.html').exists()

def test_what_is_wrong_is_said(make_folder, tmp_path, shell):
    data = make_folder('fname,labels\na.wav,Bark\n', ['a.wav'])
    assert shell('report', tmp_path/'gone', data)[::2] == (1, f'audiotag: {tmp_path}/gone: no such folder\n')
    assert shell('report', data, data)[::2] == (1, f'audiotag: {data}: no report.json in it; is it a run, and did its training end?\n')
