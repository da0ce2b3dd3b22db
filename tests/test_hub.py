"A tagger to the Hugging Face Hub and back, by the real client and over HTTP: a server on this machine keeps what a repository of the Hub would"
import base64, hashlib, http.server, json, threading
import pytest, soundfile as sf
from audiotag.all import Tagger, TaggerError, from_hub, push_to_hub
from conftest import tone

class Hub(http.server.ThreadingHTTPServer):
    "Repositories by name, each a dict of files; large files by their SHA-256; `asked` is what it was asked for, in order"
    daemon_threads = True
    def __init__(self):
        super().__init__(('127.0.0.1', 0), Handler)
        self.repos, self.large, self.asked, self.url = {}, {}, [], f'http://127.0.0.1:{self.server_port}'

class Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *args): pass
    def _body(self): return self.rfile.read(int(self.headers.get('Content-Length', 0)))

    def _answer(self, body=b'', status=200, **headers):
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        for k, v in {'Content-Length': len(data), 'Content-Type': 'application/vnd.git-lfs+json', **headers}.items(): self.send_header(k, str(v))
        self.end_headers()
        if self.command != 'HEAD': self.wfile.write(data)

    def do_POST(self):
        hub, body = self.server, self._body()
        hub.asked.append((self.path, self.headers.get('Authorization')))
        if self.headers.get('Authorization') != 'Bearer secret': return self._answer(dict(error='Invalid credentials'), 401)
        if self.path == '/api/repos/create':
            made = json.loads(body)
            hub.repos.setdefault(name := f"{made.get('organization') or 'me'}/{made['name']}", {})
            return self._answer(dict(url=f'{hub.url}/{name}', name=name))
        if self.path.endswith('/preupload/main'): return self._answer(dict(files=[dict(path=o['path'], uploadMode='lfs' if o['path'].endswith('.safetensors') else 'regular', shouldIgnore=False) for o in json.loads(body)['files']]))
        if self.path.endswith('/objects/batch'): return self._answer(dict(transfer='basic', objects=[dict(**o, actions=dict(upload=dict(href=f"{hub.url}/large/{o['oid']}"))) for o in json.loads(body)['objects']]))
        if self.path.endswith('/commit/main'):
            for o in map(json.loads, body.splitlines()): self._keep(hub.repos['/'.join(self.path.split('/')[3:5])], o['key'], o['value'])
            return self._answer(dict(success=True, commitOid='0'*40, commitUrl=f'{hub.url}/me/farm/commit/{"0"*40}'))
        return self._answer(dict(errors=[], warnings=[]))

    def _keep(self, repo, key, value):
        if key == 'file': repo[value['path']] = base64.b64decode(value['content'])
        if key == 'lfsFile': repo[value['path']] = self.server.large[value['oid']]

    def do_PUT(self):
        data, oid = self._body(), self.path.split('/')[-1]
        if hashlib.sha256(data).hexdigest() != oid: return self._answer(status=400)
        self.server.large[oid] = data
        self._answer()

    def do_GET(self):
        *_, owner, name, _, revision, file = self.path.split('/')
        data = self.server.repos.get(f'{owner}/{name}', {}).get(file)
        if data is None: return self._answer(status=404, **{'X-Error-Code': 'EntryNotFound' if f'{owner}/{name}' in self.server.repos else 'RepoNotFound'})
        self._answer(data, ETag=f'"{hashlib.sha1(data).hexdigest()}"', **{'X-Repo-Commit': '0'*40, 'Content-Type': 'application/octet-stream'})
    do_HEAD = do_GET

@pytest.fixture
def hub():
    threading.Thread(target=(site := Hub()).serve_forever, daemon=True).start()
    yield site
    site.shutdown()

@pytest.fixture
def api(hub, monkeypatch, tmp_path):
    client = pytest.importorskip('huggingface_hub', reason='huggingface_hub is not installed: nothing is sent to a Hub')
    monkeypatch.setattr('huggingface_hub.constants.HF_HUB_DISABLE_XET', True)
    monkeypatch.setattr('huggingface_hub.constants.HF_HUB_CACHE', str(tmp_path/'cache'))
    return lambda token='secret': client.HfApi(endpoint=hub.url, token=token)

def test_there_and_back(hub, api, tagger_file, tmp_path):
    tagger = Tagger.load(tagger_file)
    assert push_to_hub(tagger, 'me/farm', api=api()) == 'me/farm'
    assert sorted(o for o in hub.repos['me/farm'] if not o.startswith('.')) == ['README.md', 'tagger.safetensors']
    assert b'Bark' in hub.repos['me/farm']['README.md'] and hub.large[hashlib.sha256(hub.repos['me/farm']['tagger.safetensors']).hexdigest()]
    found, sound = from_hub('me/farm', api=api()), tmp_path/'a.wav'
    sf.write(sound, tone(2), 8000)
    assert found.vocab == tagger.vocab and found.tag(sound).equals(tagger.tag(sound))

def test_again_into_the_same_place(hub, api, tagger_file):
    tagger = Tagger.load(tagger_file)
    for vocab in (tagger.vocab, ['Woof', 'Meow', 'Moo']): tagger.vocab = vocab; push_to_hub(tagger, 'me/farm', api=api())
    assert from_hub('me/farm', api=api()).vocab == vocab

def test_what_is_no_tagger(hub, api):
    hub.repos['me/farm'] = {'tagger.safetensors': b'no tagger'}
    with pytest.raises(TaggerError): from_hub('me/farm', api=api())

def test_a_wrong_token_sends_nothing(hub, api, tagger_file):
    with pytest.raises(Exception, match='401'): push_to_hub(Tagger.load(tagger_file), 'me/farm', api=api('guess'))
    assert not hub.repos and not hub.large
