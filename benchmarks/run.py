"""Benchmarks: each held against its limit, side by side in one run. Ratios first; absolute times depend on the machine.

python benchmarks/run.py [NAME ...] [--arch xresnet18 ...] [--bs 32 ...] [--device cpu] [--clips 500] [--hours 1] [--bf16]
"""
import argparse, contextlib, io, json, os, platform, resource, shutil, statistics, subprocess, sys, tempfile, time, tracemalloc, warnings
from copy import deepcopy
from pathlib import Path
warnings.filterwarnings('ignore')
import librosa, numpy as np, soundfile as sf, torch
from torch.nn.functional import binary_cross_entropy_with_logits
from fastai.callback.core import Callback
from fastai.learner import CancelFitException
from threadpoolctl import threadpool_limits
from audiotag.all import *
from audiotag.synth import sound_names, synth_clip

here = Path(__file__).parent

def now():
    "The time when all that was asked of the device is done"
    if torch.cuda.is_available(): torch.cuda.synchronize()
    return time.perf_counter()

def seconds(f, n=1, clock=now):
    "Mean time of `n` calls of `f`"
    start = clock()
    for _ in range(n): f()
    return (clock() - start)/n

def side_by_side(fs, n=1, rounds=7, clock=now):
    "Median time of each of `fs` (by name), taken in turn, and the median of each one's ratio to the first in the same round"
    for f in fs.values(): f()
    times = [{k: seconds(f, n, clock) for k, f in fs.items()} for _ in range(rounds)]
    first = next(iter(fs))
    return {k: dict(seconds=statistics.median(t[k] for t in times), ratio=statistics.median(t[first]/t[k] for t in times)) for k in fs}

@contextlib.contextmanager
def one_thread():
    "PyTorch and NumPy on one core"
    n = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with threadpool_limits(1): yield
    finally: torch.set_num_threads(n)

def logmel(args):
    "Log-mel of 5 s clips on one core, in processor time: librosa, of which it is to be 4 times as fast, ours, and torch.stft alone"
    cfg, n = dict(sr=44100, n_fft=2048, hop_length=1024, n_mels=64), 16
    wavs = torch.from_numpy(np.stack([synth_clip(['Rain', 'Knock'], 5, seed=s) for s in range(n)]).astype('float32'))
    lm, window = LogMel(**cfg), torch.hann_window(cfg['n_fft'])
    theirs = lambda x: librosa.power_to_db(librosa.feature.melspectrogram(y=x, **cfg), top_db=None)
    with one_thread(): res = side_by_side({'librosa': lambda: [theirs(x) for x in wavs.numpy()], 'LogMel': lambda: lm(wavs),
                                           'torch.stft alone': lambda: [torch.stft(x[None], cfg['n_fft'], cfg['hop_length'], window=window, return_complex=True) for x in wavs]}, rounds=15, clock=time.process_time)
    a, b = lm(wavs)[:, 0].numpy(), np.stack([theirs(x) for x in wavs.numpy()])
    diff = np.abs(a - b)[b > b.max((1, 2), keepdims=True) - 80].max()
    rows = [[k, f"{n/v['seconds']:.0f} clips/s", f"{v['ratio']:.1f} x librosa"] for k, v in res.items()]
    return rows + [['largest difference above -80 dB', f'{diff:.4f} dB', '']], dict(**res, difference_db=float(diff), threads=1)

class _Steps(Callback):
    "Times `n` training steps of a fit, then ends it"
    def __init__(self, n): self.n = n
    def before_fit(self): self.step = 0
    def before_batch(self):
        self.step += 1
        if self.step == 2: self.start = now()
        if self.step > self.n: self.seconds = (now() - self.start)/(self.n - 1); raise CancelFitException

def _bare_step(learn, x, y, bf16):
    "A training step of a copy of the same network, with its loss and optimiser, on a batch that is there"
    net = deepcopy(learn.model).train()
    opt = torch.optim.AdamW(net.parameters(), fused=True)
    def step():
        with torch.autocast(x.device.type, torch.bfloat16, enabled=bf16): logits = net(x)
        binary_cross_entropy_with_logits(logits.float(), y).backward()
        opt.step(); opt.zero_grad()
    return step

def curated_seconds(n):
    "Lengths of `n` clips, distributed as those of FSDKaggle2019's curated set by its quantiles: 0.3 to 57.6 s, median 4.7, 10.5 h in 4,970 clips"
    at = np.log([.3, .5, 1.6, 4.7, 11.1, 24.5, 30])
    return np.exp(np.interp((np.arange(n) + .5)/n, [0, .05, .25, .5, .75, .95, 1], at))

def noise_set(path, n, sr=44100, tags=80):
    "A data set of `n` clips of noise as WAV, 16 bits, with the lengths of the curated set and 1.16 tags a clip"
    rng = np.random.default_rng(0)
    (path/'audio').mkdir(parents=True)
    noise, rows = rng.integers(-8000, 8000, 60*sr, dtype=np.int16), ['fname,labels']
    for i, seconds in enumerate(rng.permutation(curated_seconds(n))):
        a = rng.integers(0, len(noise) - int(seconds*sr))
        sf.write(path/'audio'/f'{i:05}.wav', noise[a:a + int(seconds*sr)], sr)
        rows.append(f"{i:05}.wav,\"{','.join(sorted({f'tag{t:02}' for t in rng.integers(0, tags, 1 + (rng.random() < .16))}))}\"")
    (path/'clips.csv').write_text('\n'.join(rows) + '\n')
    return path

class _Route:
    "Training on `clips` that are read in one way: first batch, learner, and seconds a step"
    def __init__(self, clips, arch, bs, steps, args, **kwargs):
        start = now()
        self.dls = tagging_dls(clips, fold=0, bs=bs, device=args.device, **kwargs)
        self.batch = self.dls.one_batch()
        self.first_batch = now() - start
        self.bf16, self.learn = args.bf16, tagger_learner(self.dls, arch, args.widen, bf16=args.bf16, cbs=(timer := _Steps(steps + 1)))
        self.timer = timer
        self.learn.model.to(args.device, memory_format=torch.channels_last)

    def step(self):
        self.learn.fit(1)
        return self.timer.seconds

    def read_all(self):
        "Read every clip of the training set once; returns the seconds"
        start = now()
        for _ in self.dls.train.create_batches(range(len(self.dls.train_ds))): pass
        return now() - start

    def spectrogram_seconds(self, n=3):
        "What making a batch of spectrograms takes"
        to_spec, wav = next(o for o in self.dls.train.after_batch.fs if isinstance(o, ToSpec)), self.batch[0].wav
        with keep_freed():
            to_spec(wav)
            return seconds(lambda: to_spec(wav), n)

def _steps_seconds(bare, n, keep):
    "Seconds of a step after the first, where freed memory is kept as in a fit, or as PyTorch leaves it"
    with keep_freed() if keep else contextlib.nullcontext():
        bare()
        return seconds(bare, n)

def _efficiency(routes, steps, rounds):
    "For each route, for log-mel alone and for bare steps as plain PyTorch takes them, pairs of seconds: of a step, and of a bare one that keeps its memory as a fit does, the mean of those right before and after; the bare one is that of a copy of the first route's network on a batch that is there"
    first = next(iter(routes.values()))
    x, y = (o.as_subclass(torch.Tensor) for o in first.batch)
    bare = _bare_step(first.learn, x, y.float(), first.bf16)
    fs = {'plain': lambda: _steps_seconds(bare, steps, False), 'spectrogram': first.spectrogram_seconds, **{k: o.step for k, o in routes.items()}}
    times, before = {k: [] for k in fs}, _steps_seconds(bare, steps, True)
    for _ in range(rounds + 1):
        for k, f in fs.items():
            step, after = f(), _steps_seconds(bare, steps, True)
            times[k].append((step, (before + after)/2))
            before = after
    return {k: np.array(v[1:]) for k, v in times.items()}

def union_seconds(spans):
    "How much of time the `spans`, pairs of start and end, cover together"
    total, reached = 0, -np.inf
    for start, end in sorted(spans): total, reached = total + max(0, end - max(start, reached)), max(end, reached)
    return total

def busy_share(f, device='cuda'):
    "Share of the time from the first operation on `device` that `f` causes to the last in which there is one, by PyTorch's profiler"
    with torch.profiler.profile(activities=[getattr(torch.profiler.ProfilerActivity, device.upper())]) as done: f()
    spans = [(o.time_range.start, o.time_range.end) for o in done.events() if o.device_type.name == device.upper()]
    return union_seconds(spans)/(max(end for _, end in spans) - min(start for start, _ in spans))

def _odd_rate(clips, folder):
    "The same clips with another rate in their headers, so that they have to be resampled"
    folder.mkdir()
    for f in clips.path: sf.write(folder/Path(f).name, sf.read(f, dtype='int16')[0], 48000)
    return clips.assign(path=[str(folder/Path(f).name) for f in clips.path])

def training(args, rounds=7, steps=8):
    "Training steps of 5 s crops through DataBlock and Learner, from WAV files, decoded ones in the store, and resident ones, against the same step on one batch that is there, which is the limit"
    rows, runs = [], []
    with tempfile.TemporaryDirectory() as tmp, contextlib.redirect_stdout(io.StringIO()):
        tmp, n = Path(tmp), int(max(args.bs)*(steps + 2)*1.3)
        clips = read_clips(noise_set(tmp/'data', n))
        odd, store = _odd_rate(clips, tmp/'odd'), tmp/'store'
        prepare(odd.path, 44100, store)
        for arch in args.arch:
            for bs in args.bs:
                routes = dict(files=(clips, False), store=(odd, False), resident=(clips, True))
                routes = {k: _Route(table, arch, bs, steps, args, store=store, resident=resident) for k, (table, resident) in routes.items()}
                routes['resident'].read_all()
                times = _efficiency(routes, steps, rounds)
                median, kept = lambda k: np.median(times[k][:, 0]).item(), {k: v[:, 1]/v[:, 0] for k, v in times.items()}
                plain = {k: v/kept['plain'] for k, v in kept.items()}
                three = lambda v: '{1:.2f} ({0:.2f} to {2:.2f})'.format(*np.quantile(v, [.25, .5, .75]))
                bare = np.median(np.concatenate([v[:, 1] for v in times.values()])).item()
                rows += [[f'{arch}, {bs}: bare step, plain PyTorch', f"{bs/median('plain'):.1f} crops/s", ''], ['  bare step, memory kept', f'{bs/bare:.1f} crops/s', f"{three(1/kept['plain'])} of the plain one's speed, with quartiles"],
                         ['  log-mel alone', f"{bs/median('spectrogram'):.1f} crops/s", f"{np.median(1/kept['spectrogram']):.3f} of a bare step"]]
                rows += [[f'  {k}', f'{bs/median(k):.1f} crops/s', f'{three(plain[k])} of plain PyTorch, {three(kept[k])} with memory kept; first batch {o.first_batch:.2f} s'] for k, o in routes.items()]
                runs.append(dict(arch=arch, bs=bs, widen=args.widen, bf16=args.bf16, plain=median('plain'), kept=bare, spectrogram=median('spectrogram'), routes={
                    k: dict(step=median(k), efficiency=np.median(plain[k]).item(), efficiencies=plain[k].tolist(), efficiency_kept=np.median(kept[k]).item(), efficiencies_kept=kept[k].tolist(), first_batch=o.first_batch) for k, o in routes.items()}))
                if 'cuda' in args.device:
                    runs[-1]['busy'] = {k: busy_share(o.step) for k, o in routes.items()}
                    rows += [[f'  {k}: the GPU is busy', f'{v:.0%} of the time', ''] for k, v in runs[-1]['busy'].items()]
    return rows, dict(runs=runs)

def _peak(device):
    "The most memory used so far in GB: of the process, and of the GPU"
    return dict(ram=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss/1e6, **({'gpu': torch.cuda.max_memory_allocated()/1e9} if 'cuda' in device else {}))

def fullscale(args, steps=6):
    "A set with the lengths of FSDKaggle2019's curated one, of --clips clips (there are 4,970): preparation, first batch, epoch, memory and disk"
    size = curated_seconds(args.clips).sum()*44100*2
    if (free := shutil.disk_usage(tempfile.gettempdir()).free) < 1.5*size: raise SystemExit(f'{args.clips} clips take {size/1e9:.1f} GB in {tempfile.gettempdir()}, where {free/1e9:.1f} GB are free: set TMPDIR or take fewer --clips')
    arch, bs, rows, res = args.arch[0], args.bs[0], [], {}
    if .8*args.clips < bs*(steps + 2): raise SystemExit(f'--clips {args.clips} are too few for {steps} steps of {bs}')
    with tempfile.TemporaryDirectory() as tmp, contextlib.redirect_stdout(io.StringIO()):
        clips = read_clips(noise_set(Path(tmp)/'data', args.clips))
        start = now(); done = prepare(clips.path, 44100, Path(tmp)/'store'); prepared = now() - start
        assert len(done.direct) == args.clips
        rows += [['clips', f'{args.clips}', f'{size/1e9:.2f} GB of WAV'], ['prepare', f'{prepared:.2f} s', 'nothing to decode'], ['disk beside the files', f"{sum(o.stat().st_size for o in (Path(tmp)/'store').rglob('*') if o.is_file())/1e9:.2f} GB", '']]
        for name, resident in (('files', False), ('resident', True)):
            route = _Route(clips, arch, bs, steps, args, store=Path(tmp)/'store', resident=resident)
            first, reading, n = route.step(), route.read_all(), len(route.dls.train)
            later, peak = route.step(), _peak(args.device)
            res[name] = dict(first_batch=route.first_batch, batches=n, first_step=first, step=later, first_epoch=first*n, epoch=later*n, reading=reading, peak=peak)
            rows += [[f'{name}: first batch', f'{route.first_batch:.2f} s', 'from the call of tagging_dls on'], [f'{name}: first epoch', f'{first*n:.0f} s', f'extrapolated from {steps} of {n} steps'],
                     [f'{name}: later epochs', f'{later*n:.0f} s', 'likewise; peak memory ' + ', '.join(f'{v:.1f} GB {k}' for k, v in peak.items())]]
    return rows, dict(arch=arch, bs=bs, widen=args.widen, clips=args.clips, gigabytes=size/1e9, prepare=prepared, **res)

def _tagger(args):
    "A tagger of random weights"
    net = tagging_net(args.arch[0], len(sound_names), args.widen).to(args.device, memory_format=torch.channels_last)
    return Tagger(FrontEnd(LogMel()), net, sound_names, Cropper(215, 1024, 2048), dict(arch=args.arch[0], widen=args.widen)).to(args.device).eval()

def _lengths(n):
    "Seconds of `n` clips with the quantiles of FSDKaggle2019's curated ones"
    return np.interp(np.linspace(0, 1, n), [0, .25, .5, .75, .95, 1], [.3, 1.6, 4.7, 11.1, 24.5, 57.6])

@torch.inference_mode()
def _position_by_position(tagger, files, bs):
    "TTA as one writes it with DataLoaders: a pass over all clips for every position that the longest clip has"
    cropper, total = tagger.cropper, 0
    passes = max(len(cropper.starts(Clip(f, 44100))) for f in files)
    for k in range(passes):
        for i in range(0, len(files), bs):
            clips = [Clip(f, 44100) for f in files[i:i + bs]]
            starts = [cropper.starts(c) for c in clips]
            crops = [torch.from_numpy(cropper(c, s[k % len(s)])) for c, s in zip(clips, starts)]
            total += tagger(torch.stack(crops).to(tagger.device)).sigmoid().sum().item()

def tta(args, clips=150, rounds=7):
    "Scoring clips of the competition's lengths, from WAV files, all crops, against the bare forward pass of as many crops, and against a pass over all clips for every crop position"
    with tempfile.TemporaryDirectory() as tmp:
        tagger, files = _tagger(args), [Path(tmp)/f'{i}.wav' for i in range(clips)]
        for i, (f, s) in enumerate(zip(files, _lengths(clips))): sf.write(f, synth_clip(['Rain', 'Knock'], s, seed=i), 44100)
        crops = sum(len(tagger.cropper.starts(Clip(f, 44100))) for f in files)
        batches = [torch.randn(n, 1, 64, 215, device=args.device) for n in [args.bs[0]]*(crops//args.bs[0]) + [crops % args.bs[0]] if n]
        def bare():
            with torch.inference_mode():
                for x in batches: tagger.net(x).sum().item()
        def kept():
            with keep_freed(): bare()
        def ours(): tagger.scores(files, bs=args.bs[0])
        res = side_by_side({'bare forward pass': bare, 'bare, memory kept': kept, 'from files, pooled': ours}, rounds=rounds)
        against = side_by_side({'position by position': lambda: _position_by_position(tagger, files, args.bs[0]), 'ours': ours}, rounds=3)
    slow = against['position by position']['seconds']
    res['position by position'] = dict(seconds=slow, ratio=res['bare forward pass']['seconds']/slow)
    res['times faster than that'] = against['ours']['ratio']
    rows = [[k, f"{crops/v['seconds']:.0f} crops/s", f"{v['ratio']:.2f} of bare"] for k, v in res.items() if isinstance(v, dict)]
    return rows + [['position by position / from files', f"{res['times faster than that']:.1f} x", '']], dict(**res, crops=crops, clips=len(files))

_alone = """
import json, re, sys, time, torch
from pathlib import Path
from audiotag.all import Tagger
if sys.argv[4] == 'cpu': torch.set_num_threads(int(sys.argv[3]))
tagger, peak = Tagger.load(sys.argv[1], sys.argv[4]), lambda: int(re.search(r'VmHWM:\\s+(\\d+)', Path('/proc/self/status').read_text())[1])/1024 # ru_maxrss would begin at the parent's
tagger.tag(sys.argv[2] + '/warm.wav')
idle, start = peak(), time.perf_counter()
tagger.tag(sys.argv[2] + '/long.mp3')
print(json.dumps(dict(seconds=time.perf_counter() - start, mb=peak() - idle)))
"""

def _long_file(tagger, folder, minutes, args):
    "Seconds, and memory in MB above that of the process before, for one MP3 of so many minutes, in a process of its own"
    minute = np.concatenate([synth_clip(['Rain', 'Knock'], 20, seed=s) for s in range(3)]).astype('float32')
    with sf.SoundFile(folder/'long.mp3', 'w', 44100, 1) as f:
        for _ in range(minutes): f.write(minute)
    sf.write(folder/'warm.wav', minute[:20*44100], 44100)
    done = subprocess.run([sys.executable, '-W', 'ignore', '-c', _alone, tagger, folder, str(torch.get_num_threads()), args.device], capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])

def tagging(args, rounds=3):
    "Tagging from files of several formats, how much of that is decoding, and files from a minute to hours"
    with tempfile.TemporaryDirectory() as tmp:
        tmp, tagger, res = Path(tmp), _tagger(args), {}
        for ext in ('wav', 'flac', 'ogg', 'mp3'):
            files = [tmp/f'{i}.{ext}' for i in range(15)]
            for i, f in enumerate(files): sf.write(f, synth_clip(['Rain', 'Knock'], 10, seed=i), 44100)
            times = side_by_side({'all': lambda: tagger.scores(files, bs=args.bs[0]), 'decoding': lambda: [len(x) for f in files for x in Stream(f, 44100)]}, rounds=rounds)
            res[ext] = dict(seconds=times['all']['seconds'], decoding=times['decoding']['seconds']/times['all']['seconds'], real_time=10*len(files)/times['all']['seconds'])
        file = tagger.save(tmp/'tagger.safetensors')
        for minutes in [1, 10, 60] + [60*args.hours]*(args.hours > 1): res[f'{minutes} min'] = _long_file(file, tmp, minutes, args)
    rows = [[k, f"{v['real_time']:.0f} x real time", f"{v['decoding']:.0%} of it decoding, one thread"] for k, v in res.items() if 'real_time' in v]
    return rows + [[k, f"{v['seconds']:.1f} s", f"{v['mb']:.0f} MB above the idle process"] for k, v in res.items() if 'mb' in v], res

def _loop_lwlrap(scores, truth):
    "lwlrap by the definition, one clip and one label at a time"
    total = n = 0
    for s, t in zip(scores.tolist(), truth.tolist()):
        true = [c for c, v in enumerate(t) if v]
        for c in true:
            rank = sum(o >= s[c] for o in s)
            total += sum(s[k] >= s[c] for k in true)/rank
            n += 1
    return total/n

def _scored_clips(n, classes=80):
    "Random scores and truth of `n` clips, with as many tags a clip as the competition's test set has"
    rng, truth = np.random.default_rng(0), np.zeros((n, classes), bool)
    more = rng.choice(4, n, p=(.713, .203, .065, .019))
    for k in range(4): truth[more >= k, rng.integers(0, classes, (more >= k).sum())] = True
    return rng.random((n, classes), np.float32), truth

def _growth(sizes=(1000, 10_000, 100_000, 1_000_000)):
    "Time of lwlrap and the memory that it takes beside its arguments, by number of clips, and the slope of log time over log clips from 10,000 on"
    sets = {n: _scored_clips(n) for n in sizes}
    times = {n: statistics.median(seconds(lambda: lwlrap(s, t), clock=time.process_time) for _ in range(7)) for n, (s, t) in sets.items()}
    tracemalloc.start()
    for n, o in sets.items():
        tracemalloc.reset_peak(); before = tracemalloc.get_traced_memory()[0]
        lwlrap(*o)
        sets[n] = tracemalloc.get_traced_memory()[1] - before
    tracemalloc.stop()
    slope = np.polyfit(*np.log([[n, times[n]] for n in sizes if n >= 10_000]).T, 1)[0]
    return dict(slope=float(slope), clips={n: dict(seconds=times[n], extra_bytes=sets[n]) for n in sizes})

def lwlrap_speed(args):
    "lwlrap in processor time, at the size of the competition's test set, 4,481 x 80, against a plain loop, of which it is to be 100 times as fast, and scikit-learn; then 1,000 to 1,000,000 clips"
    from sklearn.metrics import label_ranking_average_precision_score
    s, t = _scored_clips(4481)
    s, t = s.astype(float), t.astype(int)
    plain, ours = _loop_lwlrap(s, t), lwlrap(s, t)
    assert abs(plain - ours) < 1e-12
    ss, tt = torch.tensor(s), torch.tensor(t)
    res = side_by_side({'plain loop': lambda: _loop_lwlrap(s, t), 'lwlrap': lambda: [lwlrap(ss, tt) for _ in range(20)],
                        'scikit-learn': lambda: label_ranking_average_precision_score(t, s, sample_weight=t.sum(1)), 'lwlrap, its data out of the cache': lambda: lwlrap(ss, tt)}, clock=time.process_time)
    res['lwlrap'] = dict(seconds=res['lwlrap']['seconds']/20, ratio=res['lwlrap']['ratio']*20)
    growth = _growth()
    rows = [[k, f"{v['seconds']*1000:.2f} ms", f"{v['ratio']:.0f} x the loop"] for k, v in res.items()] + [['slope of log time over log clips', f"{growth['slope']:.2f}", '1 is linear']]
    rows += [[f'{n:,} clips', f"{v['seconds']*1000:.2f} ms", f"{v['extra_bytes']/2**20:.1f} MB beside the arguments"] for n, v in growth['clips'].items()]
    return rows, dict(**res, growth=growth)

def _ast(args):
    "Tagging a file by the Audio Spectrogram Transformer of `transformers`, with its default configuration and random weights"
    from transformers import ASTConfig, ASTFeatureExtractor, ASTForAudioClassification
    net, features = ASTForAudioClassification(ASTConfig(num_labels=len(sound_names))).to(args.device).eval(), ASTFeatureExtractor()
    def tag(file):
        x = features(librosa.load(file, sr=16000)[0], sampling_rate=16000, return_tensors='pt')
        with torch.inference_mode(): return net(**x.to(args.device)).logits.sigmoid().cpu()
    return net, tag

def rivals(args, n=2, rounds=3):
    "Tagging WAV files of 10 s one by one, against what `transformers` takes for the same files, where it is installed"
    ours, left_out = _tagger(args), {}
    taggers = {f'audiotag, {args.arch[0]}': (ours.net, lambda f: ours.scores([f], bs=args.bs[0]))}
    try: taggers['transformers, AST'] = _ast(args)
    except ImportError as e: left_out['transformers, AST'] = str(e).splitlines()[0]
    with tempfile.TemporaryDirectory() as tmp:
        files = [f'{tmp}/{i}.wav' for i in range(n)]
        for i, f in enumerate(files): sf.write(f, synth_clip(['Rain', 'Knock'], 10, seed=i), 44100)
        res = side_by_side({k: lambda tag=tag: [tag(f) for f in files] for k, (_, tag) in taggers.items()}, rounds=rounds)
    for k, v in res.items(): v['weights'] = sum(p.numel() for p in taggers[k][0].parameters())
    rows = [[k, f"{n/v['seconds']:.2f} clips/s", f"{v['ratio']:.2f} of audiotag's, {v['weights']/1e6:.1f} M weights"] for k, v in res.items()]
    return rows + [[k, 'left out', v] for k, v in left_out.items()], dict(**res, clips=n, left_out=left_out)

def _soundscape(net, folder, files, bs):
    "Functions that train the network `net` on `files` of 10 s for so many steps, and that tag them, by `opensoundscape`, with spectrograms of the size of ours"
    from opensoundscape import CNN
    import pandas as pd
    tags = [f't{i}' for i in range(len(sound_names))]
    rows = pd.MultiIndex.from_tuples([(f, s, s + 5.) for f in files for s in (0., 5.)], names=['file', 'start_time', 'end_time'])
    table, cnn = pd.DataFrame(np.random.default_rng(0).integers(0, 2, (len(rows), len(tags))), columns=tags, index=rows), CNN(net, tags, 5., 44100)
    cnn.preprocessor.pipeline.to_tensor.set(shape=[64, 215])
    def train(steps): cnn.train(table, steps=steps, batch_size=bs, save_path=str(folder), log_interval=10**6, validation_interval=10**6, progress_bar=False)
    return train, lambda: cnn.predict(files, batch_size=bs, activation_layer='sigmoid', progress_bar=False)

def soundscape(args, n=16, steps=2, rounds=1):
    "Training steps from WAV files and tagging them, the same network and batches, by us and by `opensoundscape`, where it is installed, with its own augmentation"
    bs, more = args.bs[0], 1 + steps
    with tempfile.TemporaryDirectory() as tmp, contextlib.redirect_stdout(io.StringIO()):
        tmp, tagger = Path(tmp), _tagger(args)
        files = [str(tmp/f'{i}.wav') for i in range(n)]
        for i, f in enumerate(files): sf.write(f, synth_clip(['Rain', 'Knock'], 10, seed=i), 44100)
        try: train, tag = _soundscape(_tagger(args).net.float(), tmp, files, bs)
        except ImportError as e: return [['opensoundscape', 'left out', str(e).splitlines()[0]]], dict(left_out=str(e))
        clips = read_clips(noise_set(tmp/'data', (steps + 2)*2*bs, tags=len(sound_names)))
        route = _Route(clips, args.arch[0], bs, steps, args, resident=False)
        times = [dict(ours=route.step(), theirs=(seconds(lambda: train(more)) - seconds(lambda: train(1)))/steps, tag=seconds(lambda: tagger.scores(files, bs=bs)), their_tag=seconds(tag)) for _ in range(rounds + 1)][1:]
    median = lambda k: statistics.median(t[k] for t in times)
    res = dict(training=dict(audiotag=bs/median('ours'), opensoundscape=bs/median('theirs')), tagging=dict(audiotag=2*n/median('tag'), opensoundscape=2*n/median('their_tag')))
    rows = [[f'{k}: {name}', f'{v[name]:.1f} crops/s', f"{v[name]/v['audiotag']:.2f} of audiotag's"] for k, v in res.items() for name in v]
    return rows, dict(**res, crops=2*n, rounds=rounds)

def _cli(threads, *args, **env):
    "`audiotag ARGS` as a process that is begun here, with so many threads"
    return subprocess.Popen([sys.executable, '-W', 'ignore', '-m', 'audiotag.cli', *map(str, args)], env={**os.environ, 'OMP_NUM_THREADS': str(threads), **env}, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)

def _until_ended(processes):
    "Seconds until all of `processes` have ended"
    start = time.perf_counter()
    for o in processes:
        errors = o.communicate()[1]
        if o.returncode: raise SystemExit(errors)
    return time.perf_counter() - start

def _train_seconds(processes, threads, data, out, epochs, args):
    "Seconds that `audiotag train` takes for two folds"
    return _until_ended([_cli(threads, 'train', data, '--out', out, '--folds', 2, '--epochs', epochs, '--arch', args.arch[0], '--processes', processes, '--device', 'cpu')])

def _predict_seconds(processes, threads, tagger, folder, out):
    "Seconds that `audiotag predict` takes for the files in `folder`"
    return _until_ended([_cli(max(1, threads//processes), 'predict', tagger, folder, '--out', out, '--device', 'cpu', RANK=str(r), WORLD_SIZE=str(processes)) for r in range(processes)])

def scaling(args, clips=128, files=(2, 256), epochs=(1, 7), rounds=3):
    "Two folds trained side by side, and files tagged, by one and by two processes; what more epochs and more files take, so that starting does not count; medians of three rounds"
    cores, res = os.cpu_count(), {}
    ways = {'one process, one core': (1, 1), f'one process, {cores} cores': (1, cores), f'two processes, {cores} cores': (2, cores)}
    with tempfile.TemporaryDirectory() as tmp:
        tmp, noise = Path(tmp), np.random.default_rng(0).normal(0, .1, 20*44100)
        data, tagger = noise_set(tmp/'data', clips, tags=8), _tagger(args).to('cpu').save(tmp/'tagger.safetensors')
        for n in files:
            (tmp/f'{n}').mkdir()
            for i in range(n): sf.write(tmp/f'{n}'/f'{i}.wav', noise, 44100)
        for r in range(rounds):
            for k, way in ways.items():
                less, more = (_train_seconds(*way, data, tmp/f'{k} {n} {r}', n, args) for n in epochs)
                few, many = (_predict_seconds(*way, tagger, tmp/f'{n}', tmp/f'{k} {n} {r}.csv') for n in files)
                res.setdefault(k, []).append(dict(training=more - less, predict=many - few))
    res = {k: {o: statistics.median(t[o] for t in v) for o in v[0]} for k, v in res.items()}
    times = lambda k, o: next(iter(res.values()))[o]/res[k][o]
    rows = [[f'{o}: {k}', f'{v[o]:.1f} s', f'{times(k, o):.2f} times the speed of one core'] for o in ('training', 'predict') for k, v in res.items()]
    return rows, res

benchmarks = dict(logmel=logmel, training=training, fullscale=fullscale, tta=tta, tagging=tagging, scaling=scaling, lwlrap=lwlrap_speed, rivals=rivals, soundscape=soundscape)

def machine(device):
    cpu = next((l.split(':')[1].strip() for l in Path('/proc/cpuinfo').read_text().splitlines() if 'model name' in l), platform.processor()) if Path('/proc/cpuinfo').exists() else platform.processor()
    commit = subprocess.run(['git', 'rev-parse', '--short', 'HEAD'], cwd=here, capture_output=True, text=True).stdout.strip()
    memory = round(os.sysconf('SC_PAGE_SIZE')*os.sysconf('SC_PHYS_PAGES')/2**30, 1)
    return dict(cpu=cpu, cores=os.cpu_count(), threads=torch.get_num_threads(), memory_gb=memory, gpu=torch.cuda.get_device_name() if 'cuda' in device else None, torch=torch.__version__, commit=commit, date=time.strftime('%Y-%m-%d'))

def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('names', nargs='*', help=f"of {', '.join(benchmarks)}; all by default")
    for name, default in dict(arch='xresnet18', bs=32).items(): p.add_argument(f'--{name}', default=[default], type=type(default), nargs='+')
    for name, default in dict(widen=1., device='cpu', clips=500, hours=1).items(): p.add_argument(f'--{name}', default=default, type=type(default))
    p.add_argument('--bf16', action='store_true', help='train in bfloat16')
    args = p.parse_args()
    if unknown := set(args.names) - set(benchmarks): p.error(f"no benchmark {', '.join(unknown)}; there are {', '.join(benchmarks)}")
    about = machine(args.device)
    print(json.dumps(about), flush=True)
    for name in args.names or benchmarks:
        rows, result = benchmarks[name](args)
        print(f'\n{name}: {benchmarks[name].__doc__}', flush=True)
        for a, b, c in rows: print(f'  {a:<34}{b:>18}  {c}', flush=True)
        (here/f'{name}.json').write_text(json.dumps(dict(machine=about, **result), indent=1) + '\n')

if __name__ == '__main__': main()
