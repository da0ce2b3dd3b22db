"""Broken recordings and taggers: nothing but `AudioError` and `TaggerError`, no crash, no hang, no gigabytes.

`AUDIOTAG_FUZZ=10000` breaks so many recordings, and a tenth as many taggers; a few by default. File `i` is always the same:
`python tests/test_fuzz.py audio FOLDER 17 18` tries number 17 alone, in FOLDER, and leaves it there."""
import collections, json, os, random, resource, signal, struct, subprocess, sys, time, traceback
from pathlib import Path
import pytest

files = int(os.environ.get('AUDIOTAG_FUZZ', 120))
seconds, megabytes = 5, 1000

def _positions(data, rng):
    "A place in `data`, every other time in its first bytes, where headers are"
    return rng.randrange(min(len(data), 128) if rng.random() < .5 else len(data))

extremes = [0, 1, 2, 0x7F, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 2**31 - 1, 2**31, 2**32 - 1, 2**40, 2**63 - 1, 2**64 - 1]

def flip(data, rng):
    for _ in range(rng.choice([1, 1, 2, 8, 64])): data[_positions(data, rng)] ^= 1 << rng.randrange(8)
def field(data, rng):
    at, value, size = _positions(data, rng), rng.choice([*extremes, rng.getrandbits(64)]), rng.choice([1, 2, 4, 8])
    data[at:at+size] = (value % 256**size).to_bytes(size, rng.choice(['little', 'big']))
def cut(data, rng): del data[_positions(data, rng):]
def drop(data, rng):
    at = _positions(data, rng)
    del data[at:at + rng.choice([1, 4, 100, 5000])]
def double(data, rng):
    at, size = _positions(data, rng), rng.choice([4, 100, 5000])
    data[_positions(data, rng):0] = data[at:at+size]
def noise(data, rng):
    at, size = _positions(data, rng), rng.choice([4, 100, 5000])
    data[at:at+size] = rng.randbytes(size)
def zeros(data, rng):
    at, size = _positions(data, rng), rng.choice([4, 100, 5000])
    data[at:at+size] = bytes(size)

def _ogg_crc(page):
    "The checksum of an Ogg page whose own is 0"
    crc = 0
    for byte in page:
        crc ^= byte << 24
        for _ in range(8): crc = (crc << 1 ^ (0x104c11db7 if crc >> 31 else 0)) & 0xFFFFFFFF
    return struct.pack('<I', crc)

def promise(data, rng):
    "A header that is whole and promises more than any file holds, or a rate of its own"
    samples, rate = rng.choice([2**24, 2**31, 2**33, 2**36 - 1, 2**40, 2**47, 2**62]), rng.choice([1, 7, 100, 2**20 - 1, 2**31 - 1])
    if data.startswith(b'fLaC') and rng.random() < .7: data[22:26] = (min(samples, 2**32 - 1)).to_bytes(4, 'big'); data[21] |= samples >= 2**32 and 15
    elif data.startswith(b'fLaC'): data[18:21] = (min(rate, 2**20 - 1) << 4 | data[20] & 15).to_bytes(3, 'big')
    elif data.startswith(b'RIFF') and rng.random() < .5: data[24:28] = rate.to_bytes(4, 'little')
    elif data.startswith(b'RIFF'):
        for at in (4, data.find(b'data') + 4): data[at:at+4] = min(samples, 2**32 - 1).to_bytes(4, 'little')
    elif data.startswith(b'OggS'):
        at = data.rfind(b'OggS')
        data[at+6:at+14] = samples.to_bytes(8, 'little'); data[at+22:at+26] = bytes(4)
        data[at+22:at+26] = _ogg_crc(data[at:])
    elif (at := max(data.find(b'Info'), data.find(b'Xing'))) > 0: data[at+8:at+12] = min(samples, 2**32 - 1).to_bytes(4, 'big')

def mutate(data, rng):
    "`data` with one to three kinds of damage, or a header that lies"
    data = bytearray(data)
    if rng.random() < .1:
        promise(data, rng)
        return bytes(data)
    for _ in range(rng.choice([1, 1, 2, 3])):
        if data: rng.choice([flip, field, cut, drop, double, noise, zeros])(data, rng)
    return bytes(data)

odd_values = [None, True, '', 'x', [], {}, [[]], -1, 0, 1, 2, 1.5, 2**20, 2**31, 10**9, 2**40, 2**63, 10**30, 1e308, -1e308, float('nan'), float('inf'), [2**20]*5, ['a']*100, dict(a=1)]

def _places(o):
    "Every place in nested dicts and lists: what holds it, and its key"
    for k in (list(o) if isinstance(o, dict) else range(len(o)) if isinstance(o, list) else ()):
        yield o, k
        yield from _places(o[k])

def mutate_json(o, rng):
    "Change, drop or add an entry somewhere in nested dicts and lists"
    for _ in range(rng.choice([1, 1, 2])):
        where = list(_places(o))
        if not where: return
        holder, k = rng.choice(where)
        if rng.random() < .15: del holder[k]
        elif rng.random() < .1 and isinstance(holder, dict): holder[rng.choice(['c_in', 'x', 'pool', 'two_heads'])] = rng.choice(odd_values)
        else: holder[k] = rng.choice([*odd_values, *([holder[k]*10] if isinstance(holder[k], (int, float)) else [])])

def mutate_tagger(data, rng):
    "Half of the time as any file; else by an entry of audiotag's header or of that of safetensors"
    if rng.random() < .4: return mutate(data, rng)
    n, = struct.unpack_from('<Q', data)
    header = json.loads(data[8:8+n])
    ours = json.loads(header['__metadata__']['audiotag'])
    mutate_json(ours if rng.random() < .8 else header, rng)
    if isinstance(header.get('__metadata__'), dict): header['__metadata__']['audiotag'] = json.dumps(ours)
    text = json.dumps(header).encode()
    return struct.pack('<Q', len(text)) + text + data[8+n:]

def make_recordings(folder):
    import numpy as np, soundfile as sf
    x = np.random.default_rng(0).normal(0, .1, (6000, 2))*np.hanning(6000)[:, None]
    kinds = [('wav', 'PCM_16', 1), ('wav', 'FLOAT', 1), ('wav', 'PCM_24', 2), ('wav', 'MS_ADPCM', 1), ('flac', 'PCM_16', 1), ('flac', 'PCM_24', 2), ('ogg', 'VORBIS', 1), ('ogg', 'VORBIS', 2), ('ogg', 'OPUS', 1), ('mp3', 'MPEG_LAYER_III', 1), ('mp3', 'MPEG_LAYER_III', 2)]
    for i, (ext, subtype, channels) in enumerate(kinds): sf.write(folder/f'{i:02}.{ext}', x[:, :channels], 8000, subtype=subtype)

def make_tagger(folder, name='tagger', **kwargs):
    import torch
    from audiotag.all import Cropper, FrontEnd, LogMel, Tagger, set_seed, tagging_net
    set_seed(0)
    torch.set_num_threads(1)
    arch = dict(dict(arch='xresnet18', widen=.25, net={}), **kwargs)
    front = LogMel(8000, 512, 256, 32)
    Tagger(FrontEnd(front), tagging_net(arch['arch'], 3, arch['widen'], **arch['net']), ['Bark', 'Meow', 'Moo'], Cropper(31, 256, 512), arch).eval().save(folder/f'{name}.safetensors')

def make_taggers(folder):
    make_tagger(folder, 'a', net=dict(attention=True, pool='avgmax'))
    make_tagger(folder, 'b', arch='cnn', widen=.1, net=dict(freq_map=True))
    make_tagger(folder, 'c', arch='crnn', widen=.1)

def _try_audio(path, tagger):
    "Read a recording by every way there is, also where an earlier one said what is wrong; raise the first that did"
    import numpy as np
    from audiotag.audio import AudioError, Clip, Stream, decode
    def clip():
        c = Clip(path)
        assert np.isfinite(c.read()).all() and len(c.read(-100, c.samples + 100)) == c.samples + 200
    def stream(sr, seconds):
        x = np.concatenate([*(s := Stream(path, sr, tail=500, seconds=seconds))])
        assert np.isfinite(x).all() and np.isfinite(s.tail).all() and len(x) == s.samples and len(s.tail) <= 500
    errors = []
    for way in (clip, lambda: Clip(path, 16000).read(), lambda: decode(path, 11025), lambda: stream(None, .1), lambda: stream(16000, .05),
                lambda: tagger.tag(path).score, lambda: tagger.timeline(path, .5, .25).iloc[:, 2:]):
        try: assert (x := way()) is None or np.isfinite(x).all().all()
        except AudioError as e: errors.append(e)
    if errors: raise errors[0]

def _try_tagger(path, recording):
    from audiotag.tta import Tagger
    Tagger.load(path).tag(recording)

def _memory(key): return int(next(o for o in Path('/proc/self/status').read_text().splitlines() if o.startswith(key)).split()[1])/1000

def _limit_memory():
    size = int((_memory('VmSize') + megabytes)*1e6)
    resource.setrlimit(resource.RLIMIT_AS, (size, size))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

def child(kind, folder, first, last):
    "Break and try files `first` to `last`; a line of JSON for each goes to stdout"
    import torch
    from audiotag.audio import AudioError
    from audiotag.learner import TaggerError
    from audiotag.timeline import Tagger
    torch.set_num_threads(1)
    sources, sound = sorted((folder/kind).iterdir()), sorted((folder/'audio').iterdir())[0]
    known, change = (AudioError, mutate) if kind == 'audio' else (TaggerError, mutate_tagger)
    tagger = Tagger.load(folder/'tagger.safetensors') if kind == 'audio' else None
    attempt = (lambda f: _try_audio(f, tagger)) if kind == 'audio' else (lambda f: _try_tagger(f, sound))
    for f in sources: attempt(f)
    _limit_memory()
    for i in range(first, last):
        rng = random.Random(f'{kind} {i}')
        source = rng.choice(sources)
        path = folder/f'broken{source.suffix}'
        path.write_bytes(change(source.read_bytes(), rng))
        print(json.dumps(dict(i=i, name=source.name)), flush=True)
        Path('/proc/self/clear_refs').write_text('5') # the peak of memory is counted from here
        start = _memory('VmRSS')
        signal.setitimer(signal.ITIMER_PROF, seconds)
        began, found, text = time.process_time(), 'fine', ''
        try: attempt(path)
        except known as e: found, text = ('known' if 'alloc' not in str(e) else 'MemoryError'), str(e).replace(str(path), '')
        except Exception as e: found, text = type(e).__name__, traceback.format_exc()
        signal.setitimer(signal.ITIMER_PROF, 0)
        print(json.dumps(dict(i=i, found=found, text=text, took=time.process_time() - began, peak=_memory('VmHWM') - start)), flush=True)

def hunt(kind, folder, n):
    "The lines that children gave of `n` broken files; a child that died is a line too"
    lines, at = [], 0
    while at < n:
        run = subprocess.run([sys.executable, __file__, kind, str(folder), str(at), str(min(n, at + 2500))], capture_output=True, text=True, errors='replace')
        told = [json.loads(o) for o in run.stdout.splitlines() if o.startswith('{"i"')]
        lines += [o for o in told if 'found' in o]
        if run.returncode == 0: at = min(n, at + 2500); continue
        assert told, run.stderr
        lines.append(dict(i=told[-1]['i'], found=f'signal {-run.returncode}', text=run.stderr[-2000:], took=0, peak=0))
        at = told[-1]['i'] + 1
    return lines

def _report(kind, lines):
    reasons = collections.Counter(' '.join(o['text'].split(': ')[1 if kind == 'audio' else -1].split()[:4]) for o in lines if o['found'] == 'known')
    slowest, largest = max(lines, key=lambda o: o['took']), max(lines, key=lambda o: o['peak'])
    print(f"\n{kind}: {len(lines)} broken files, {dict(collections.Counter(o['found'] for o in lines))}; slowest {slowest['took']:.2f} s (number {slowest['i']}), peak {largest['peak']:.0f} MB (number {largest['i']})")
    for reason, n in reasons.most_common(25): print(f'{n:>6} {reason}')
    for o in [o for o in lines if o['found'] not in ('fine', 'known')][:40]: print(f"\n{kind} {o['i']}: {o['found']}\n{o['text'][-1500:]}")

@pytest.mark.parametrize('kind, n', [('audio', files), ('tagger', files//10 if files >= 1000 else files//3)])
def test_broken_files_are_errors_that_are_known(tmp_path, kind, n):
    for o in ('audio', 'tagger'): (tmp_path/o).mkdir()
    make_recordings(tmp_path/'audio'); make_taggers(tmp_path/'tagger'); make_tagger(tmp_path)
    lines = hunt(kind, tmp_path, n)
    _report(kind, lines)
    assert sorted(o['i'] for o in lines) == list(range(n))
    assert not [(o['i'], o['found']) for o in lines if o['found'] not in ('fine', 'known')]
    assert sum(o['found'] == 'known' for o in lines) > n/5

if __name__ == '__main__': child(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
