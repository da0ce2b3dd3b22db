"Taggers as ONNX files, on every kind of network and on real recordings; all of them where AUDIOTAG_SLOW is set."
import json, os
import numpy as np, pytest, torch
from torch import nn
from audiotag.all import Clip, Cropper, FrontEnd, LogMel, Tagger, export_onnx, set_seed, tagging_net

onnxruntime = pytest.importorskip('onnxruntime')
pytest.importorskip('onnxscript')
slow = pytest.mark.skipif(not os.environ.get('AUDIOTAG_SLOW'), reason='AUDIOTAG_SLOW is not set: one export takes seconds')

def _tagger(arch, sr=8000, n_fft=512, pad='repeat', **net):
    "A tagger of random weights, whose norms have seen a batch"
    set_seed(0)
    log_mel = LogMel(sr, n_fft, 256, 32)
    options = {**net, **({'c_in': log_mel.channels} if log_mel.channels > 1 else {})}
    model = tagging_net(arch, 5, .25, **options)
    for m in model.modules():
        if isinstance(m, nn.BatchNorm2d): m.momentum = None; nn.init.ones_(m.weight)
        if hasattr(m, 'gamma'): m.gamma.data.fill_(.1)
    with torch.no_grad(): model(torch.randn(16, log_mel.channels, 32, 40)*2)
    return Tagger(FrontEnd(log_mel), model, list('abcde'), Cropper(40, 256, log_mel.n_fft, pad), dict(arch=arch, widen=.25, net=options)).eval()

def _run(path, wav): return onnxruntime.InferenceSession(path).run(None, {'wav': wav.numpy()})[0]

@pytest.mark.parametrize('arch, options', [
    ('crnn', dict(n_fft=[256, 600], freq_map=True)),
    pytest.param('xresnet18', dict(attention=True, pool='avgmax'), marks=slow), pytest.param('xresnet34', dict(pool='axis', pad='zeros'), marks=slow),
    pytest.param('xresnet50', dict(attention=True, freq_map=True), marks=slow), pytest.param('cnn', dict(pool='axis', n_fft=1000), marks=slow)])
@pytest.mark.parametrize('window', [False, True])
def test_every_network_exports(arch, options, window, tmp_path):
    tagger = _tagger(arch, **options)
    path = export_onnx(tagger, tmp_path/'tagger.onnx', window)
    wav = torch.randn(3, 39*256 + tagger.cropper.n_fft)*torch.tensor([[.5], [.05], [.005]])
    crops = torch.stack([torch.from_numpy(tagger.cropper(Clip('x', 8000, w.numpy()), s)) for w in wav for s in tagger.cropper.starts(Clip('x', 8000, w.numpy()))])
    with torch.inference_mode(): truth = tagger(wav if window else crops).sigmoid().numpy()
    if not window: truth = truth.reshape(3, -1, 5).mean(1)
    np.testing.assert_allclose(_run(path, wav), truth, atol=1e-4)
    np.testing.assert_allclose(_run(path, wav[:1]), truth[:1], atol=1e-4)
    assert truth.std(0).max() > 1e-3

def test_real_clips_get_the_scores_of_the_tagger(real_data, tmp_path):
    files = sorted((real_data/'esc10'/'audio').iterdir())[::40]
    tagger = _tagger('cnn', sr=22050, n_fft=1024)
    path, truth = export_onnx(tagger, tmp_path/'tagger.onnx'), tagger.scores(files).numpy()
    clips = [Clip(f, 22050) for f in files]
    waves = [torch.from_numpy(c.read(0, c.total)) for c in clips]
    np.testing.assert_allclose(np.concatenate([_run(path, w[None]) for w in waves]), truth, atol=1e-4)
    np.testing.assert_allclose(_run(path, nn.utils.rnn.pad_sequence(waves, batch_first=True)), truth, atol=1e-4)
    assert truth.std(0).min() > 1e-3 and len({c.samples for c in clips}) > 1

def test_the_command(shell, tagger_file, tmp_path):
    code, out, err = shell('export', tagger_file, '--out', tmp_path/'a.onnx', '--window', '--json')
    assert (code, err) == (0, '') and json.loads(out) == dict(out=str(tmp_path/'a.onnx'), bytes=(tmp_path/'a.onnx').stat().st_size, window=True)
    (tmp_path/'run').mkdir()
    for k in range(2):
        (tmp_path/'run'/f'fold{k}').mkdir()
        (tmp_path/'run'/f'fold{k}'/'tagger.safetensors').write_bytes(tagger_file.read_bytes())
    code, out, err = shell('export', tmp_path/'run', '--out', tmp_path/'b.onnx')
    assert code == 1 and '2 taggers are in there; name the file of one' in err and not (tmp_path/'b.onnx').exists()
