"Fine-tuning a tagger from the shell"
import json
import torch
from audiotag.crossval import load_taggers

torch.set_num_threads(1)
table = 'fname,labels\n' + ''.join(f'{tag}{i}.wav,{tag}\n' for tag in ('Moo', 'Oink') for i in range(4))
quick = '--folds', 2, '--fold', 0, '--epochs', 1, '--device', 'cpu', '--set', 'lr=1e-9', '--set', 'bs=2', '--set', 'mix={}'

def test_a_tagger_is_fine_tuned(shell, make_folder, tagger_file, tmp_path):
    data = make_folder(table, [f'{tag}{i}.wav' for tag in ('Moo', 'Oink') for i in range(4)])
    code, out, err = shell('train', data, '--init', tagger_file, '--out', tmp_path/'run', *quick)
    assert code == 0, err
    assert f'{tagger_file}: taken from it, instead of the recipe' in err and 'sr=8000' in err
    (tuned,), (old,) = load_taggers(tmp_path/'run'), load_taggers(tagger_file)
    assert (tuned.vocab, tuned.arch, tuned.front.log_mel.config) == (['Moo', 'Oink'], old.arch, old.front.log_mel.config)
    torch.testing.assert_close(tuned.front.mean, old.front.mean)
    for a, b in zip(tuned.net.parameters(), [*old.net.parameters()][:-2]): torch.testing.assert_close(a, b, atol=1e-6, rtol=0)
    torch.testing.assert_close(tuned.net[-1].weight[0], old.net[-1].weight[old.vocab.index('Moo')], atol=1e-6, rtol=0)
    assert len(json.loads((tmp_path/'run'/'config.json').read_text())['recipe']['init']) == 40

def test_a_wrong_file_is_one_line(shell, make_folder, tmp_path):
    data = make_folder(table, [])
    code, out, err = shell('train', data, '--init', data/'clips.csv', '--out', tmp_path/'run', *quick)
    assert (code, out, err.count('\n')) == (1, '', 1) and 'clips.csv: not a whole safetensors file' in err
    assert not (tmp_path/'run').exists()
