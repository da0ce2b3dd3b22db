"The page in a real browser, where there is one: upload, tags, table; and what should not be taken."
import json, subprocess, sys, time, urllib.error, urllib.request
from pathlib import Path
import numpy as np, pytest, soundfile as sf
from conftest import find, free_port, tone, wait

pytest.importorskip('gradio', reason='Gradio is not installed: pip install "audiotag[app]"')

@pytest.fixture(scope='module')
def page(tagger_file):
    "The address of a page for a small tagger"
    port = free_port()
    code = f'from audiotag.app import serve; serve({str(tagger_file)!r}, {port}, most_mb=5, most_minutes=1)'
    server = subprocess.Popen([sys.executable, '-W', 'ignore', '-c', code], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    url = f'http://127.0.0.1:{port}'
    for _ in range(240):
        try: urllib.request.urlopen(url, timeout=5); break
        except (urllib.error.URLError, OSError): time.sleep(.5)
        if server.poll() is not None: pytest.fail(server.stdout.read())
    yield url
    server.kill()

def upload(browser, page, path):
    browser.get(page)
    wait(lambda: find(browser, '#sound input[type=file]'))[0].send_keys(str(path))

def toast(browser): return ' '.join(o.text for o in find(browser, '[data-testid=toast-body], .toast-body, .toast-wrap'))

def test_a_clip_is_tagged_and_its_table_saved(page, browser, tmp_path):
    sf.write(clip := tmp_path/'clip.wav', np.concatenate([tone(2, freq=o) for o in (300, 2000)]), 8000)
    upload(browser, page, clip)
    bars = wait(lambda: (o := find(browser, '#bars')[0].text) if all(t in find(browser, '#bars')[0].text for t in ('Bark', 'Meow', 'Moo')) else None)
    assert sum(0 <= float(o) <= 1 for o in bars.split() if o.replace('.', '').isdigit()) == 3
    wait(lambda: find(browser, '#figure img'))
    wait(lambda: find(browser, '#download')[0].is_enabled() and (find(browser, '#download')[0].click() or True))
    saved = wait(lambda: [o for o in browser.saved.iterdir() if o.name.startswith('spans') and o.suffix == '.csv'])
    assert saved[0].read_text().startswith('start,end,tag,score')
    browser.save_screenshot(str(tmp_path/'page.png'))

def test_many_clips_are_a_table_and_what_is_no_sound_is_named(page, browser, tmp_path):
    for o in (300, 2000): sf.write(tmp_path/f'{o}.wav', tone(2, freq=o), 8000)
    (tmp_path/'text.wav').write_text('only words')
    browser.get(page)
    wait(lambda: find(browser, 'button[role=tab]'))[1].click()
    wait(lambda: find(browser, '#files input[type=file]'))[0].send_keys('\n'.join(str(tmp_path/o) for o in ('300.wav', '2000.wav', 'text.wav')))
    wait(lambda: all(o in find(browser, '#files')[0].text for o in ('300', '2000', 'text')))
    find(browser, '#tag-all')[0].click()
    wait(lambda: 'text.wav: not audio' in find(browser, '#bad')[0].text)
    assert all(o in find(browser, '#scores')[0].text for o in ('300.wav', '2000.wav', 'Moo'))

@pytest.mark.parametrize('name, content, said', [('empty.wav', b'', 'empty.wav: the file is empty'), ('text.wav', b'only words, no sound', 'text.wav: not audio'), ('big.wav', None, 'maximum')])
def test_what_cannot_be_tagged_gets_a_message(page, browser, tmp_path, name, content, said):
    path = tmp_path/name
    if content is None:
        with open(path, 'wb') as f: f.truncate(200_000_000)
    else: path.write_bytes(content)
    upload(browser, page, path)
    text = wait(lambda: (t := toast(browser)).strip() and said in t and t)
    assert 'Traceback' not in text

def send(url, body, kind='application/json'):
    with urllib.request.urlopen(urllib.request.Request(url, body, {'Content-Type': kind}), timeout=60) as r: return r.read().decode()

def call(page, path):
    "What the page's own interface answers when told to tag the file at `path`"
    body = json.dumps(dict(data=[dict(path=str(path), meta={'_type': 'gradio.FileData'})])).encode()
    return send(f'{page}/gradio_api/call/one/{json.loads(send(f"{page}/gradio_api/call/one", body))["event_id"]}', None)

def put(page, path):
    "Upload `path`; where the page keeps it"
    body = b'--x\r\nContent-Disposition: form-data; name="files"; filename="clip.wav"\r\nContent-Type: audio/wav\r\n\r\n' + path.read_bytes() + b'\r\n--x--\r\n'
    return json.loads(send(f'{page}/gradio_api/upload', body, 'multipart/form-data; boundary=x'))[0]

def test_no_other_file_of_the_machine_is_read(page, tmp_path):
    sf.write(secret := tmp_path/'secret.wav', tone(), 8000)
    assert 'Bark' in call(page, put(page, secret))
    for path in (secret, f'{Path(__file__).parent}/../README.md', '/etc/passwd'):
        assert 'event: error' in (answer := call(page, path)) and 'Bark' not in answer
    for path in ('/etc/passwd', str(secret), '../../../../etc/passwd', '..%2f..%2f..%2fetc/passwd'):
        try:
            with urllib.request.urlopen(f'{page}/gradio_api/file={path}', timeout=30) as r: text = r.read()
        except urllib.error.HTTPError as e: assert e.code in (400, 403, 404)
        else: raise AssertionError(f'{path}: {text[:80]}')
