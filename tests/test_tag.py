"Tags for people, and over time."
import io, json, socket, sys
from types import SimpleNamespace
import numpy as np, pandas as pd, pytest, soundfile as sf
from conftest import tone
from audiotag.all import Tagger

@pytest.fixture
def sound(tmp_path):
    sf.write(tmp_path/'a.wav', np.r_[tone(3), tone(3, freq=2000)], 8000)
    return tmp_path/'a.wav'

def test_tags_are_ranked_with_a_bar_each(shell, tagger_file, sound):
    code, out, err = shell('tag', tagger_file, sound, '-n', 2)
    best = Tagger.load(tagger_file).tag(sound, 2)
    head, *lines = out.splitlines()
    assert code == 0 and err == '' and head == str(sound) and [o.split()[-3] if o.startswith('*') else o.split()[0] for o in lines] == best.tag.tolist()
    for line, score in zip(lines, best.score): assert f' {score:.3f} {"#"*round(40*score)}' in line and line.startswith('*') == (score > .5)

def test_json_standard_input_and_a_bad_file(shell, tagger_file, sound, tmp_path, monkeypatch):
    (tmp_path/'bad.wav').write_text('no sound')
    monkeypatch.setattr(sys, 'stdin', SimpleNamespace(buffer=io.BytesIO(sound.read_bytes())))
    code, out, err = shell('tag', tagger_file, sound, tmp_path/'bad.wav', '-', '--json')
    found = json.loads(out)
    assert code == 0 and err.count('\n') == 1 and 'bad.wav: not audio' in err and len(found['left_out']) == 1
    a, b = found['files']
    assert (a['file'], b['file'], a['tags']) == (str(sound), '-', b['tags']) and len(a['tags']) == 3
    assert all(o['above'] == (o['score'] > .5) for o in a['tags'])

@pytest.mark.parametrize('how', [[], ['--timeline']])
def test_nothing_at_standard_input(shell, tagger_file, monkeypatch, how):
    monkeypatch.setattr(sys, 'stdin', SimpleNamespace(buffer=io.BytesIO()))
    code, _, err = shell('tag', tagger_file, '-', *how)
    assert code == 1 and 'audiotag: ' in err and 'standard input: ' in err and '/' not in err.replace('and/or', '')

def test_thresholds_travel_with_the_tagger(shell, tagger_file, sound, tmp_path):
    tagger, fold = Tagger.load(tagger_file), tmp_path/'run'/'fold0'
    tagger.save(fold/'tagger.safetensors', seconds=1)
    (tmp_path/'run'/'oof.csv').write_text('fname,Bark,Meow,Moo\nx,.0002,.9,.1\ny,.0001,.5,.3\n')
    (tmp_path/'truth.csv').write_text('fname,labels\nx,"Bark,Meow"\ny,Bark\nz,Moo\n')
    code, out, _ = shell('thresholds', tmp_path/'run', tmp_path/'truth.csv', '--json')
    assert code == 0 and json.loads(out) == dict(thresholds=dict(Bark=.00005, Meow=.7)) # none for Moo, which no clip of oof.csv has
    assert Tagger.load(fold/'tagger.safetensors').about == dict(seconds=1, thresholds=json.loads(out)['thresholds'])
    tags = json.loads(shell('tag', tmp_path/'run', sound, '--json')[1])['files'][0]['tags']
    assert {o['tag']: o['above'] for o in tags} == {o['tag']: o['score'] > dict(Bark=.00005, Meow=.7, Moo=.5)[o['tag']] for o in tags}
    assert {o['tag'] for o in tags if o['above']} >= {'Bark'}

def test_a_blended_run_tags_as_it_predicts(shell, tagger_file, sound, tmp_path):
    from audiotag.all import Blend, set_seed, tagging_net
    tagger, vocab = Tagger.load(tagger_file), ['Bark', 'Meow', 'Moo']
    for seed, name in enumerate(('1-a', '2-b')):
        set_seed(seed)
        tagger.net = tagging_net('xresnet18', 3, .25)
        tagger.save(tmp_path/'run'/name/'fold0'/'tagger.safetensors')
    blend = Blend('gmean')
    blend.weights, blend.members, blend.vocab, blend.seen = {'1-a': .9, '2-b': .1}, ['1-a', '2-b'], vocab, set()
    blend.save(tmp_path/'run'/'blend.json')
    assert shell('predict', tmp_path/'run', sound, '--out', tmp_path/'p.csv')[0] == 0
    scores = pd.read_csv(tmp_path/'p.csv')[vocab].iloc[0]
    tags = json.loads(shell('tag', tmp_path/'run', sound, '--json')[1])['files'][0]['tags']
    assert all(abs(o['score'] - scores[o['tag']]) < 1e-5 for o in tags) and len(tags) == 3

def test_a_timeline_in_every_format(shell, tagger_file, sound, tmp_path):
    table = Tagger.load(tagger_file).timeline(sound, 1, .5)
    args = 'tag', tagger_file, sound, '--timeline', '--window', 1, '--hop', .5, '--threshold', float(table.Bark.median())
    spans = json.loads(shell(*args, '--json')[1])['spans']
    on = table[table.Bark > table.Bark.median()]
    bark = [o for o in spans if o['tag'] == 'Bark']
    assert abs(bark[0]['start'] - on.start.iloc[0]) < 1e-4 and abs(bark[-1]['end'] - on.end.iloc[-1]) < 1e-4 and abs(max(o['score'] for o in bark) - on.Bark.max()) < 1e-5
    for ext in 'csv', 'txt', 'parquet':
        code, out, err = shell(*args, '--out', tmp_path/f's.{ext}')
        assert code == 0 and f'{len(spans)} spans' in out and err == ''
    assert pd.read_csv(tmp_path/'s.csv').tag.tolist() == pd.read_parquet(tmp_path/'s.parquet').tag.tolist() == [o['tag'] for o in spans]
    assert [o.split('\t')[2] for o in (tmp_path/'s.txt').read_text().splitlines()] == [o['tag'] for o in spans]
    assert len(shell(*args)[1].splitlines()) == len(spans)

@pytest.mark.parametrize('args, words', [
    (['--out', 'x.csv'], 'go with --timeline'), (['a.wav', '--timeline'], 'for one recording'), (['--timeline', '--out', 'x.doc'], 'by the suffix'), (['--pool', 'median'], 'mean, max or gmean'), (['gone.wav'], '')])
def test_tag_says_what_is_wrong(shell, tagger_file, sound, tmp_path, monkeypatch, args, words):
    monkeypatch.chdir(tmp_path)
    code, out, err = shell('tag', tagger_file, *([sound] if args != ['gone.wav'] else []), *args)
    assert code == 1 and words in err and (out == '' or args == ['gone.wav'])

def test_a_film_is_heard_where_pyav_is_there(shell, tagger_file, sound, tmp_path, monkeypatch):
    av = pytest.importorskip('av')
    x = sf.read(sound, dtype='float32')[0]
    with av.open(str(tmp_path/'film.mp4'), 'w') as f:
        track, frame = f.add_stream('aac', rate=8000, layout='mono'), av.AudioFrame.from_ndarray(x[None], 'fltp', 'mono')
        frame.sample_rate = 8000
        for packet in [*track.encode(frame), *track.encode()]: f.mux(packet)
    a, b = (json.loads(shell('tag', tagger_file, f, '--json')[1])['files'][0]['tags'] for f in (sound, tmp_path/'film.mp4'))
    assert [o['tag'] for o in a] == [o['tag'] for o in b] and max(abs(p['score'] - q['score']) for p, q in zip(a, b)) < .1
    (tmp_path/'sounds').mkdir()
    for f in (sound, tmp_path/'film.mp4'): f.rename(tmp_path/'sounds'/f.name)
    def predicted(): return shell('predict', tagger_file, tmp_path/'sounds', '--out', tmp_path/'p.csv'), pd.read_csv(tmp_path/'p.csv').fname.tolist()
    (code, _, err), names = predicted()
    assert (code, err, names) == (0, '', ['a.wav', 'film.mp4'])
    monkeypatch.setitem(sys.modules, 'av', None)
    (code, _, err), names = predicted()
    assert (code, err, names) == (0, f"audiotag: {tmp_path/'sounds'}: M4A, WebM or films, passed over: 1 (film.mp4); to read them: pip install \"audiotag[av]\"\n", ['a.wav'])
    code, out, err = shell('tag', tagger_file, tmp_path/'sounds'/'film.mp4')
    assert code == 1 and out == '' and 'pip install "audiotag[av]"' in err

def test_a_port_in_use(shell, tagger_file):
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0)); s.listen()
        code, _, err = shell('serve', tagger_file, '--port', port := s.getsockname()[1])
    assert code == 1 and err == f'audiotag: port {port} is in use; name another with --port\n'
