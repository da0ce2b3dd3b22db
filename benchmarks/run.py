"""Benchmarks: each held against its limit, side by side in one run. Ratios first; absolute times depend on the machine.

python benchmarks/run.py [NAME ...] [--arch xresnet18] [--bs 32] [--device cpu]
"""
import argparse, contextlib, io, json, os, platform, statistics, subprocess, tempfile, time, tracemalloc, warnings
from pathlib import Path
warnings.filterwarnings('ignore')
import librosa, numpy as np, torch
from torch.nn.functional import binary_cross_entropy_with_logits
from fastai.callback.core import Callback
from fastai.learner import CancelFitException
from audiotag.all import *
from audiotag.synth import sound_names, synth_clip

here = Path(__file__).parent

def now():
    "The time when all that was asked of the device is done"
    if torch.cuda.is_available(): torch.cuda.synchronize()
    return time.perf_counter()

def seconds(f, n=1):
    "Mean time of `n` calls of `f`"
    start = now()
    for _ in range(n): f()
    return (now() - start)/n

def side_by_side(fs, n=1, rounds=7):
    "Median time of each of `fs` (by name), taken in turn, and the median of each one's ratio to the first in the same round"
    for f in fs.values(): f()
    times = [{k: seconds(f, n) for k, f in fs.items()} for _ in range(rounds)]
    first = next(iter(fs))
    return {k: dict(seconds=statistics.median(t[k] for t in times), ratio=statistics.median(t[first]/t[k] for t in times)) for k in fs}

def logmel(args):
    "Log-mel of 5 s clips on one core: librosa, of which it is to be 4 times as fast, ours, and torch.stft alone"
    torch.set_num_threads(1)
    cfg, n = dict(sr=44100, n_fft=2048, hop_length=1024, n_mels=64), 16
    wavs = torch.from_numpy(np.stack([synth_clip(['Rain', 'Knock'], 5, seed=s) for s in range(n)]).astype('float32'))
    lm, window = LogMel(**cfg), torch.hann_window(cfg['n_fft'])
    theirs = lambda x: librosa.power_to_db(librosa.feature.melspectrogram(y=x, **cfg), top_db=None)
    res = side_by_side({'librosa': lambda: [theirs(x) for x in wavs.numpy()], 'LogMel': lambda: lm(wavs),
                        'torch.stft alone': lambda: [torch.stft(x[None], cfg['n_fft'], cfg['hop_length'], window=window, return_complex=True) for x in wavs]})
    a, b = lm(wavs)[:, 0].numpy(), np.stack([theirs(x) for x in wavs.numpy()])
    diff = np.abs(a - b)[b > b.max((1, 2), keepdims=True) - 80].max()
    torch.set_num_threads(os.cpu_count())
    rows = [[k, f"{n/v['seconds']:.0f} clips/s", f"{v['ratio']:.1f} x librosa"] for k, v in res.items()]
    return rows + [['largest difference above -80 dB', f'{diff:.4f} dB', '']], dict(**res, difference_db=float(diff))

class _Steps(Callback):
    "Times `n` training steps of a fit, then ends it"
    def __init__(self, n): self.n = n
    def before_fit(self): self.step = 0
    def before_batch(self):
        self.step += 1
        if self.step == 2: self.start = now()
        if self.step > self.n: self.seconds = (now() - self.start)/(self.n - 1); raise CancelFitException

def _bare_step(learn, x, y):
    "A training step of the same network, loss and optimiser on a batch that is there"
    net, opt = learn.model.train(), torch.optim.AdamW(learn.model.parameters(), fused=True)
    def step():
        binary_cross_entropy_with_logits(net(x), y).backward()
        opt.step(); opt.zero_grad()
    return step

def training(args, rounds=9, steps=8):
    "Training steps of 5 s crops from WAV files through DataBlock and Learner, against the same step on one resident batch, which is the limit"
    with tempfile.TemporaryDirectory() as tmp, contextlib.redirect_stdout(io.StringIO()):
        clips = read_clips(synth_dataset(Path(tmp)/'data', clips=int(args.bs*(steps + 2)*1.3), noisy=0, test=0))
        dls = tagging_dls(clips, fold=0, bs=args.bs, device=args.device)
        start = now(); x, y = dls.one_batch(); first = now() - start
        learn = tagger_learner(dls, args.arch, args.widen, cbs=(timer := _Steps(steps + 1)))
        learn.model.to(memory_format=torch.channels_last)
        bare = _bare_step(learn, x.as_subclass(torch.Tensor), y.as_subclass(torch.Tensor).float())
        pairs = []
        for _ in range(rounds + 1):
            b = seconds(bare, steps)
            learn.fit(1)
            pairs.append((b, timer.seconds))
    pairs = pairs[1:]
    ratio, b, r = statistics.median(b/r for b, r in pairs), *(statistics.median(o) for o in zip(*pairs))
    rows = [['bare step', f'{args.bs/b:.1f} crops/s', ''], ['through the DataBlock', f'{args.bs/r:.1f} crops/s', f'{ratio:.2f} of bare'], ['first batch', f'{first:.2f} s', '']]
    return rows, dict(arch=args.arch, widen=args.widen, bs=args.bs, bare=b, real=r, efficiency=ratio, efficiencies=[b/r for b, r in pairs], first_batch=first)

def tta(args, rounds=5):
    "Scoring clips of the competition's lengths, from WAV files, all crops, against the bare forward pass of as many crops"
    with tempfile.TemporaryDirectory() as tmp:
        clips = read_clips(synth_dataset(Path(tmp)/'data', clips=60, noisy=0, test=0))
        net = tagging_net(args.arch, len(sound_names), args.widen).to(args.device, memory_format=torch.channels_last)
        tagger = Tagger(FrontEnd(LogMel()), net, sound_names, Cropper(215, 1024, 2048), dict(arch=args.arch, widen=args.widen)).to(args.device).eval()
        files = clips.path.tolist()
        crops = sum(len(tagger.cropper.starts(Clip(f, 44100))) for f in files)
        batches = [torch.randn(n, 1, 64, 215, device=args.device) for n in [args.bs]*(crops//args.bs) + [crops % args.bs] if n]
        def bare():
            with torch.inference_mode():
                for x in batches: net(x).sum().item()
        res = side_by_side({'bare forward pass': bare, 'from files, pooled': lambda: tagger.scores(files, bs=args.bs)}, rounds=rounds)
    return [[k, f"{crops/v['seconds']:.0f} crops/s", f"{v['ratio']:.2f} of bare"] for k, v in res.items()], dict(**res, crops=crops, clips=len(files))

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
    times = {n: statistics.median(seconds(lambda: lwlrap(s, t)) for _ in range(7)) for n, (s, t) in sets.items()}
    tracemalloc.start()
    for n, o in sets.items():
        tracemalloc.reset_peak(); before = tracemalloc.get_traced_memory()[0]
        lwlrap(*o)
        sets[n] = tracemalloc.get_traced_memory()[1] - before
    tracemalloc.stop()
    slope = np.polyfit(*np.log([[n, times[n]] for n in sizes if n >= 10_000]).T, 1)[0]
    return dict(slope=float(slope), clips={n: dict(seconds=times[n], extra_bytes=sets[n]) for n in sizes})

def lwlrap_speed(args):
    "lwlrap at the size of the competition's test set, 4,481 x 80, against a plain loop, of which it is to be 100 times as fast, and scikit-learn; then 1,000 to 1,000,000 clips"
    from sklearn.metrics import label_ranking_average_precision_score
    s, t = _scored_clips(4481)
    s, t = s.astype(float), t.astype(int)
    plain, ours = _loop_lwlrap(s, t), lwlrap(s, t)
    assert abs(plain - ours) < 1e-12
    ss, tt = torch.tensor(s), torch.tensor(t)
    res = side_by_side({'plain loop': lambda: _loop_lwlrap(s, t), 'scikit-learn': lambda: label_ranking_average_precision_score(t, s, sample_weight=t.sum(1)), 'lwlrap': lambda: lwlrap(ss, tt)})
    growth = _growth()
    rows = [[k, f"{v['seconds']*1000:.2f} ms", f"{v['ratio']:.0f} x the loop"] for k, v in res.items()] + [['slope of log time over log clips', f"{growth['slope']:.2f}", '1 is linear']]
    rows += [[f'{n:,} clips', f"{v['seconds']*1000:.2f} ms", f"{v['extra_bytes']/2**20:.1f} MB beside the arguments"] for n, v in growth['clips'].items()]
    return rows, dict(**res, growth=growth)

benchmarks = dict(logmel=logmel, training=training, tta=tta, lwlrap=lwlrap_speed)

def machine(device):
    cpu = next((l.split(':')[1].strip() for l in Path('/proc/cpuinfo').read_text().splitlines() if 'model name' in l), platform.processor()) if Path('/proc/cpuinfo').exists() else platform.processor()
    commit = subprocess.run(['git', 'rev-parse', '--short', 'HEAD'], cwd=here, capture_output=True, text=True).stdout.strip()
    return dict(cpu=cpu, cores=os.cpu_count(), gpu=torch.cuda.get_device_name() if 'cuda' in device else None, torch=torch.__version__, commit=commit, date=time.strftime('%Y-%m-%d'))

def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('names', nargs='*', help=f"of {', '.join(benchmarks)}; all by default")
    for name, default in dict(arch='xresnet18', widen=1., bs=32, device='cpu').items(): p.add_argument(f'--{name}', default=default, type=type(default))
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
