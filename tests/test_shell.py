"The commands, on good input and bad."
import json
import numpy as np, pandas as pd, pytest, soundfile as sf
from conftest import tone
from sklearn.metrics import label_ranking_average_precision_score

def _one_line(err): return len(err.strip().splitlines()) == 1 and err.startswith('audiotag: ')

def _write(path, x, sr=8000, **kwargs):
    sf.write(path, x, sr, **kwargs)
    return path

@pytest.fixture
def zoo(tmp_path):
    "Recordings of every kind: those that can be tagged, and those that cannot"
    good, bad = tmp_path/'zoo'/'good', tmp_path/'zoo'/'bad'
    good.mkdir(parents=True); bad.mkdir()
    x = np.random.default_rng(1).normal(0, .1, 8000).astype('float32')
    for name, subtype in dict(eight='PCM_U8', twentyfour='PCM_24', float='FLOAT').items(): _write(good/f'{name}.wav', x, subtype=subtype)
    _write(good/'five channels.wav', np.stack([x]*5, 1))
    _write(good/'silent.wav', x*0)
    _write(good/'comma, "quote" and Grüße 雨.wav', x)
    _write(good/'short.flac', tone(.1))
    _write(good/'fast.ogg', tone(1, 48000), 48000)
    _write(bad/'one.wav', x[:1])
    _write(bad/'nan.wav', x*np.nan, subtype='FLOAT')
    (bad/'empty.wav').touch()
    (bad/'text.wav').write_text('Dear Sir,')
    (bad/'cut.wav').write_bytes((good/'eight.wav').read_bytes()[:5000])
    _write(tmp_path/'long.flac', np.random.default_rng(0).normal(0, .1, 16000))
    (bad/'cut.flac').write_bytes((tmp_path/'long.flac').read_bytes()[:9000])
    return tmp_path/'zoo'

def test_predict_tags_what_it_can_and_names_the_rest(shell, zoo, tagger_file, tmp_path):
    code, out, err = shell('predict', tagger_file, zoo, '--out', tmp_path/'preds.csv', '--json')
    good, bad = sorted((zoo/'good').iterdir()), sorted((zoo/'bad').iterdir())
    df = pd.read_csv(tmp_path/'preds.csv')
    assert code == 0
    assert sorted(df.fname) == [f'good/{f.name}' for f in good]
    assert list(df.columns) == ['fname', 'Bark', 'Meow', 'Moo'] and df.iloc[:, 1:].gt(0).all(axis=None) and df.iloc[:, 1:].lt(1).all(axis=None)
    assert json.loads(out)['tagged'] == len(good) and len(json.loads(out)['left_out']) == len(bad)
    for f in bad: assert sum(f'{f}: ' in line for line in err.splitlines()) == 1

def test_formats_of_one_sound_get_one_score(shell, zoo, tagger_file, tmp_path):
    shell('predict', tagger_file, zoo/'good', '--out', tmp_path/'preds.csv')
    df = pd.read_csv(tmp_path/'preds.csv', index_col='fname')
    for name in ('eight.wav', 'twentyfour.wav', 'five channels.wav', 'comma, "quote" and Grüße 雨.wav'):
        np.testing.assert_allclose(df.loc[name], df.loc['float.wav'], atol=.02)

@pytest.mark.parametrize('what', ['gone', 'no_audio', 'all_bad', 'no_folder', 'out_is_folder', 'under_a_file', 'not_a_tagger', 'pool', 'device'])
def test_predict_says_what_is_wrong_and_writes_nothing(shell, zoo, tagger_file, tmp_path, what):
    (tmp_path/'nothing').mkdir()
    out = tmp_path/'preds.csv'
    inputs, tagger, extra, words = [zoo/'good'], tagger_file, [], ''
    if what == 'gone': inputs, words = [tmp_path/'gone.wav'], 'gone.wav: no such file'
    if what == 'no_audio': inputs, words = [tmp_path/'nothing'], 'no recordings in this folder'
    if what == 'all_bad': inputs, words = [zoo/'bad'], 'none of the 6 recordings could be tagged'
    if what == 'no_folder': out, words = tmp_path/'deep'/'er'/'preds.csv', 'there is no folder'
    if what == 'out_is_folder': out, words = tmp_path/'nothing', 'name a file to write'
    if what == 'under_a_file': out, words = zoo/'good'/'eight.wav'/'preds.csv', 'there is no folder'
    if what == 'not_a_tagger': tagger, words = zoo/'bad'/'text.wav', 'not a whole safetensors file'
    if what == 'pool': extra, words = ['--pool', 'median'], 'mean, max or gmean'
    if what == 'device': extra, words = ['--device', 'warp'], 'not available here'
    code, stdout, err = shell('predict', tagger, *inputs, '--out', out, *extra)
    assert code == 1 and words in err and stdout == ''
    assert what == 'all_bad' or _one_line(err)
    assert not list(tmp_path.rglob('preds.csv*'))

def test_like_gives_the_rows_and_columns_of_a_sample(shell, zoo, tagger_file, tmp_path):
    names = ['silent.wav', 'eight.wav', 'short.flac']
    sample = tmp_path/'sample.csv'
    pd.DataFrame(0, index=pd.Index(names, name='fname'), columns=['Moo', 'Bark', 'Meow']).to_csv(sample)
    assert shell('predict', tagger_file, zoo/'good', '--out', tmp_path/'sub.csv', '--like', sample)[0] == 0
    df = pd.read_csv(tmp_path/'sub.csv')
    assert df.fname.tolist() == names and list(df.columns) == ['fname', 'Moo', 'Bark', 'Meow']
    sample.write_text('fname,Quack\neight.wav,0\n')
    code, _, err = shell('predict', tagger_file, zoo/'good', '--out', tmp_path/'sub2.csv', '--like', sample)
    assert code == 1 and 'does not know: 1 (Quack)' in err and not (tmp_path/'sub2.csv').exists()
    sample.write_text('fname,Moo\neight.wav,0\ngone.wav,0\n')
    code, _, err = shell('predict', tagger_file, zoo/'good', '--out', tmp_path/'sub2.csv', '--like', sample)
    assert code == 1 and 'not among the inputs: 1 (gone.wav)' in err and _one_line(err)

def test_a_submission_is_whole_though_a_clip_is_bad(shell, zoo, tagger_file, tmp_path):
    (tmp_path/'sample.csv').write_text('fname,Moo\nbad/nan.wav,0\ngood/eight.wav,0\ngood/short.flac,0\n')
    code, _, err = shell('predict', tagger_file, zoo, '--out', tmp_path/'sub.csv', '--like', tmp_path/'sample.csv')
    df = pd.read_csv(tmp_path/'sub.csv')
    assert code == 0 and 'nan.wav: holds no number' in err
    assert df.fname.tolist() == ['bad/nan.wav', 'good/eight.wav', 'good/short.flac'] and df.Moo.between(0, 1).all()

@pytest.fixture
def scored(tmp_path):
    "Scores of three tags for 40 clips, their truth, and worse scores"
    rng = np.random.default_rng(0)
    truth = (rng.random((40, 3)) < .4).astype(int)
    tables = {}
    for name, noise in dict(a=.3, b=.8).items():
        df = pd.DataFrame(truth + rng.normal(0, noise, truth.shape), columns=list('XYZ'))
        df.insert(0, 'fname', [f'{i}.wav' for i in range(40)])
        df.sample(frac=1, random_state=1 if name == 'a' else 2).to_csv(tmp_path/f'{name}.csv', index=False)
        tables[name] = df
    labels = [','.join(c for c, v in zip('XYZ', row) if v) for row in truth]
    pd.DataFrame(dict(fname=tables['a'].fname, labels=labels)).to_csv(tmp_path/'truth.csv', index=False)
    pd.DataFrame(truth, columns=list('XYZ')).assign(fname=tables['a'].fname).to_csv(tmp_path/'onehot.csv', index=False)
    oracle = lambda name: label_ranking_average_precision_score(truth[truth.any(1)], tables[name].iloc[:, 1:].to_numpy()[truth.any(1)], sample_weight=truth.sum(1)[truth.any(1)])
    return tmp_path, oracle, truth

def test_evaluate(shell, scored):
    folder, oracle, truth = scored
    for file in ('truth.csv', 'onehot.csv'):
        code, out, err = shell('evaluate', folder/'a.csv', folder/file, '--json')
        report = json.loads(out)
        assert code == 0 and err == '' and report['clips'] == 40 and report['labels'] == truth.sum()
        assert report['lwlrap'] == pytest.approx(oracle('a'), abs=1e-9)
        assert {c: v['labels'] for c, v in report['per_class'].items()} == dict(zip('XYZ', truth.sum(0)))
    assert f"lwlrap {oracle('a'):.4f}" in shell('evaluate', folder/'a.csv', folder/'truth.csv')[1]

def test_compare(shell, scored):
    folder, oracle, _ = scored
    res = json.loads(shell('compare', folder/'a.csv', folder/'b.csv', folder/'truth.csv', '--json')[1])
    assert res['difference'] == pytest.approx(oracle('a') - oracle('b'), abs=1e-9)
    assert 0 < res['low'] < res['difference'] < res['high'] and res['p'] < .05
    back = json.loads(shell('compare', folder/'b.csv', folder/'a.csv', folder/'truth.csv', '--json')[1])
    assert back['difference'] == pytest.approx(-res['difference'], abs=1e-12)

def test_compare_of_more_than_two(shell, scored):
    folder, oracle, _ = scored
    (folder/'c.csv').write_text((folder/'b.csv').read_text())
    rows = json.loads(shell('compare', *(folder/f'{o}.csv' for o in ('a', 'b', 'c', 'truth')), '--json')[1])
    assert [r['system'] for r in rows] == [str(folder/f'{o}.csv') for o in 'abc']
    assert [r['lwlrap'] for r in rows] == pytest.approx([oracle('a'), oracle('b'), oracle('b')], abs=1e-9)
    assert rows[0]['sd'] is None
    two = json.loads(shell('compare', *(folder/f'{o}.csv' for o in ('b', 'a', 'truth')), '--json')[1])
    assert list(two) == ['difference', 'low', 'high', 'p']
    assert [rows[1][k] for k in ('difference', 'difference_low', 'difference_high')] == pytest.approx([two[k] for k in ('difference', 'low', 'high')], abs=1e-9)
    code, out, err = shell('compare', *(folder/f'{o}.csv' for o in ('a', 'b', 'a', 'truth')))
    assert code == 1 and 'named more than once' in err and out == '' and _one_line(err)

@pytest.fixture
def members(scored):
    "Out-of-fold scores of two members with their truth, and the members' probabilities for ten other clips"
    folder, oracle, _ = scored
    for name in 'ab':
        df = pd.read_csv(folder/f'{name}.csv')
        df.iloc[:, 1:] = 1/(1 + np.exp(-4*df.iloc[:, 1:]))
        df.to_csv(folder/f'oof_{name}.csv', index=False)
        df[:10].assign(fname=[f'new{i}.wav' for i in range(10)]).sample(frac=1, random_state=0).to_csv(folder/f'new_{name}.csv', index=False)
    return folder, oracle, [folder/'new_a.csv', folder/'new_b.csv'], ['--oof', folder/'oof_a.csv', '--oof', folder/'oof_b.csv', '--truth', folder/'truth.csv']

@pytest.mark.parametrize('how', ['mean', 'blend', 'stack'])
def test_ensemble(shell, members, how):
    folder, oracle, preds, fit = members
    code, out, err = shell('ensemble', *preds, '--how', how, *fit, '--out', folder/'e.csv', '--json')
    res, a, b, e = json.loads(out), *(pd.read_csv(f, index_col='fname') for f in (*preds, folder/'e.csv'))
    assert code == 0 and err == '' and e.index.tolist() == a.index.tolist() and list(e.columns) == list('XYZ') and res['clips'] == 10
    assert [r['system'] for r in res['systems']] == ['ensemble', *map(str, preds)]
    assert [r['lwlrap'] for r in res['systems'][1:]] == pytest.approx([oracle('a'), oracle('b')], abs=1e-9) and res['systems'][1]['difference'] == 0
    assert e.gt(0).all(axis=None) and e.lt(1).all(axis=None)
    if how == 'stack': return
    w = res['weights'] if how == 'blend' else dict.fromkeys(map(str, preds), .5)
    assert sum(w.values()) == pytest.approx(1) and w[str(preds[0])] >= w[str(preds[1])]
    np.testing.assert_allclose(e, w[str(preds[0])]*a + w[str(preds[1])]*b.loc[a.index], atol=1e-5)

@pytest.mark.parametrize('what, words', [
    ('how', 'mean, gmean, rank, blend or stack'), ('unlabelled', 'is fitted on labels'), ('no_truth', 'go together'), ('too_few', '2 tables of scores, but 1'), 
    ('seen', 'may not score them: 40 ('), ('other_clips', 'are not for the same clips'), ('unknown_tag', 'not in the vocabulary: 1 (W)')])
def test_ensemble_says_what_is_wrong_and_writes_nothing(shell, members, what, words):
    folder, _, preds, fit = members
    args = ['--how', 'blend', *fit]
    if what == 'how': args = ['--how', 'median']
    if what == 'unlabelled': args = ['--how', 'stack']
    if what == 'no_truth': args = fit[:4]
    if what == 'too_few': args = ['--how', 'blend', *fit[2:]]
    if what == 'seen': preds = [folder/'oof_a.csv', folder/'oof_b.csv']
    if what == 'other_clips': preds = [preds[0], folder/'b.csv']
    if what == 'unknown_tag': (folder/'truth.csv').write_text((folder/'truth.csv').read_text().replace('X', 'W'))
    code, out, err = shell('ensemble', *preds, *args, '--out', folder/'e.csv')
    assert code == 1 and words in err and out == '' and _one_line(err) and not (folder/'e.csv').exists()

@pytest.mark.parametrize('table, words', [
    ('fname,X\n0.wav,1\n', 'no column Y'), ('name,labels\n0.wav,X\n', 'no column fname'), ('fname,labels\n0.wav,W\n', 'scores for clips that'),
    ('', 'not a CSV file')])
def test_evaluate_says_what_is_wrong_with_the_truth(shell, scored, table, words):
    folder = scored[0]
    (folder/'bad.csv').write_text(table)
    code, out, err = shell('evaluate', folder/'a.csv', folder/'bad.csv')
    assert code == 1 and words in err and out == '' and _one_line(err)

@pytest.mark.parametrize('table, words', [
    ('fname,X,Y,Z\n0.wav,1,a,2\n', 'no numbers for 1 (0.wav)'), ('fname\n0.wav\n', 'no column of scores'), ('fname,X\n0.wav,1\n0.wav,2\n', 'listed more than once'),
    ('fname,X,Y,Z\n0.wav,1,1,2\n', 'without scores: 39 (')])
def test_evaluate_says_what_is_wrong_with_the_scores(shell, scored, table, words):
    folder = scored[0]
    (folder/'bad.csv').write_text(table)
    code, out, err = shell('evaluate', folder/'bad.csv', folder/'truth.csv')
    assert code == 1 and words in err and out == '' and _one_line(err)

@pytest.mark.parametrize('table, files, words', [
    (None, ['a.wav'], 'no clips.csv'), ('fname,tags\na.wav,X\n', ['a.wav'], 'no column labels'), ('fname,labels\na.wav,X\nb.wav,\n', ['a.wav', 'b.wav'], 'no label for 1 (b.wav)'),
    ('fname,labels\na.wav,X\n', [], 'none of the 1 clips can be used'), ('fname,labels\na.wav,X\na.wav,Y\n', ['a.wav'], 'listed more than once'),
    ('fname,labels\na.wav,X\nb.wav,Y\n', ['a.wav', 'b.wav'], '5 folds cannot be made of 2'), (b'fname,labels\n\xff\xfe,X\n', [], 'not a CSV file in UTF-8')])
def test_train_says_what_is_wrong_with_the_data_and_makes_no_run(shell, make_folder, tmp_path, table, files, words):
    code, out, err = shell('train', make_folder(table, files), '--out', tmp_path/'run', '--device', 'cpu')
    assert code == 1 and words in err.splitlines()[-1] and out == '' and not (tmp_path/'run').exists()

@pytest.mark.parametrize('args, words', [
    (['--recipe', 'slow'], "no recipe 'slow'"), (['--set', 'epoch=3'], 'a recipe has no epoch'), (['--set', 'n_mels'], 'KEY=VALUE'), (['--set', 'lr=high'], "cannot have lr='high'"),
    (['--set', 'net={"atention": true}'], 'atention'), (['--set', 'noisy={"use": "selected", "per_class": 3}'], 'the first stage has no tagger'), (['--recipe', 'fat2019', '--fold', '0'], 'two folds or more'),
    (['--arch', 'vgg'], 'the architectures are'), (['--device', 'warp'], 'not available'), (['--fold', '9'], 'there is no fold 9')])
def test_train_says_what_is_wrong_with_the_arguments(shell, make_folder, tmp_path, args, words):
    names = [f'{i}.wav' for i in range(6)]
    data = make_folder('fname,labels\n' + ''.join(f"{n},{'XY'[i % 2]}\n" for i, n in enumerate(names)), names)
    code, out, err = shell('train', data, '--out', tmp_path/'run', '--folds', '2', *args)
    assert code == 1 and words in err and out == '' and not (tmp_path/'run').exists()

def test_train_then_predict_then_evaluate(shell, make_folder, tmp_path):
    "A table with a byte-order mark, odd names, a bad file: dropped and named; the rest trained on, tagged and scored"
    names = [f'{i} "é", {i}.wav' for i in range(8)]
    rows = ''.join(f'''"{n.replace('"', '""')}",{'low' if i % 2 else 'high'}\n''' for i, n in enumerate(names))
    data = make_folder(b'\xef\xbb\xbf' + f'fname,labels\n{rows}bad.wav,low\n'.encode(), ['bad.wav'])
    for i, n in enumerate(names): sf.write(data/'audio'/n, tone(.7, 44100, 200 if i % 2 else 3000), 44100)
    (data/'audio'/'bad.wav').write_text('')
    code, out, err = shell('train', data, '--out', tmp_path/'run', '--folds', '2', '--epochs', '1', '--device', 'cpu', '--json')
    report = json.loads(out)
    assert code == 0 and 'Dropped 1 (bad.wav: the file is empty' in err and report['clips'] == 8
    assert {'lwlrap', 'accuracy', 'seconds', 'folds', 'recipe', 'versions'} <= set(report) and report == json.loads((tmp_path/'run'/'report.json').read_text())
    assert sorted(pd.read_csv(tmp_path/'run'/'oof.csv').fname) == sorted(names)
    code, out, err = shell('predict', tmp_path/'run', data/'audio', '--out', tmp_path/'preds.csv')
    assert code == 0 and sorted(pd.read_csv(tmp_path/'preds.csv').fname) == sorted(names)
    (tmp_path/'truth.csv').write_text(f'fname,labels\n{rows}', encoding='utf-8')
    assert shell('evaluate', tmp_path/'preds.csv', tmp_path/'truth.csv')[0] == 0

def test_the_competition_from_the_shell(shell, tmp_path):
    "A submission has the sample's rows and columns, though the few training clips lack some of the tags"
    data, run, sub = tmp_path/'data', tmp_path/'run', tmp_path/'submission.csv'
    assert shell('synth', data, '--clips', 12, '--noisy', 1, '--test', 5)[0] == 0
    assert shell('train', data, '--out', run, '--folds', 2, '--fold', 0, '--epochs', 1, '--device', 'cpu')[0] == 0
    assert shell('predict', run, data/'test', '--like', data/'sample_submission.csv', '--out', sub)[0] == 0
    got, sample = pd.read_csv(sub), pd.read_csv(data/'sample_submission.csv')
    assert list(got.columns) == list(sample.columns) and got.fname.tolist() == sample.fname.tolist() and len(got.columns) == 21
    assert json.loads(shell('evaluate', sub, data/'test_post_competition.csv', '--json')[1])['clips'] == 5
    np.testing.assert_allclose(pd.read_csv(run/'submission.csv').iloc[:, 1:], got.iloc[:, 1:], atol=1e-4)
    (data/'sample_submission.csv').write_text('fname,Rain\n')
    code, _, err = shell('train', data, '--out', tmp_path/'run2')
    assert code == 1 and 'not in the vocabulary' in err and not (tmp_path/'run2').exists()

def test_seeds_and_changes_of_a_recipe(shell, make_folder, tmp_path):
    names = [f'{i}.wav' for i in range(8)]
    data = make_folder('fname,labels\n' + ''.join(f"{n},{'XY'[i % 2]}\n" for i, n in enumerate(names)), names)
    args = ['--folds', '2', '--device', 'cpu', '--json', *[f'--set={o}' for o in ('epochs=1', 'widen=.25', 'sr=8000', 'n_fft=512', 'hop_length=256', 'n_mels=32', 'seconds=1')]]
    code, out, _ = shell('train', data, '--out', tmp_path/'run', '--seeds', 2, '--seed', 3, *args)
    report = json.loads(out)
    assert code == 0 and set(report['seeds']) == {'3', '4'} and {'lwlrap', 'accuracy'} <= set(report['mean']) and report['recipe']['epochs'] == 1 and report['recipe']['n_mels'] == 32
    code, out, err = shell('train', data, '--plan', '--seeds', 2, *args)
    plan = json.loads(out)
    assert code == 0 and {'device_gb', 'ram_gb', 'disk_gb', 'hours'} <= set(plan) and [o['epochs'] for o in plan['steps']] == [1, 0] and sorted(o.name for o in tmp_path.iterdir()) == ['data', 'run']

@pytest.mark.parametrize('args, words', [(['predict'], 'Missing'), (['compare', 'x', 'y'], 'two tables of scores'), (['train', 'x'], '--out'), (['fly'], "No such command 'fly'"), (['synth', 'x', '--seed', '-1'], '--seed')])
def test_wrong_words_are_one_line(shell, args, words):
    code, out, err = shell(*args)
    assert code == 2 and out == '' and words in err and _one_line(err)

def test_train_skips_rows_marked_as_test_and_names_a_bad_fold(shell, make_folder, tmp_path):
    data = make_folder('fname,labels,subset,fold\na.wav,X,,\nb.wav,,test,\n', ['a.wav', 'b.wav'])
    code, _, err = shell('train', data, '--out', tmp_path/'run')
    assert code == 1 and 'no whole number as fold of 1 (a.wav)' in err and not (tmp_path/'run').exists()

@pytest.mark.parametrize('cell, code', [('True', 0), ('1', 0), ('', 1), ('yes', 1)])
def test_truth_in_columns(shell, tmp_path, cell, code):
    (tmp_path/'p.csv').write_text('fname,X,Y\na,.9,.1\nb,.2,.7\n')
    (tmp_path/'t.csv').write_text(f'fname,X,Y\na,{cell},False\nb,False,True\n')
    got, out, err = shell('evaluate', tmp_path/'p.csv', tmp_path/'t.csv')
    assert got == code and ('lwlrap 1.0000' in out if not code else 'neither 0 nor 1 for 1 (a)' in err)

def test_an_unfinished_run_says_so(shell, zoo, tagger_file, tmp_path):
    run = tmp_path/'run'
    for k in ('fold0', 'fold1.partial'):
        (run/k).mkdir(parents=True)
        (run/k/'tagger.safetensors').write_bytes(tagger_file.read_bytes())
    (run/'config.json').write_text('{"folds": [0, 1]}')
    code, _, err = shell('predict', run, zoo/'good', '--out', tmp_path/'preds.csv')
    assert code == 0 and '1 of 2 folds are used' in err

def test_synth_refuses_a_folder_that_is_not_empty(shell, tmp_path):
    (tmp_path/'mine.txt').write_text('keep me')
    code, out, err = shell('synth', tmp_path)
    assert code == 1 and 'is not empty' in err and _one_line(err) and [o.name for o in tmp_path.iterdir()] == ['mine.txt']
    code, out, err = shell('synth', tmp_path/'mine.txt'/'x')
    assert code == 1 and 'is a file' in err and _one_line(err)

def test_mixtures_then_train(shell, make_folder, tmp_path):
    "A benchmark of a table with licences, tags of three sources each, and a bad file; a run on it"
    names = [f'{i}.wav' for i in range(9)]
    data = make_folder('fname,labels,license\n' + ''.join(f"{n},{'XYZ'[i % 3]},{'CC0' if i else ''}\n" for i, n in enumerate(names)) + 'bad.wav,X,CC0\n', names)
    (data/'audio'/'bad.wav').write_text('')
    out = tmp_path/'bench'
    code, _, err = shell('mixtures', data, out, '--curated', 9, '--noisy', 6, '--test', 4, '--sr', 8000, '--noise', 'wrong=.5', '--noise', 'extra=.5', '--json')
    assert code == 0 and _one_line(err) and 'Dropped 1 (bad.wav: the file is empty' in err
    assert set(pd.read_csv(out/'provenance.csv').query('subset == "noisy"').kind) == {'wrong', 'extra'}
    assert '9 recordings of data' in (out/'README.txt').read_text() and 'CC0 8, not stated 1' in (out/'README.txt').read_text()
    assert shell('train', out, '--out', tmp_path/'run', '--folds', 2, '--fold', 0, '--epochs', 1, '--device', 'cpu')[0] == 0

@pytest.mark.parametrize('args, words', [
    (['--noise', 'wrong'], 'KIND=RATE is needed'), (['--noise', 'late=.1'], 'no kind late'), (['--noise', 'wrong=1.5'], 'a sum of at most 1'), ([], 'fewer than the three sources')])
def test_mixtures_says_what_is_wrong_and_writes_nothing(shell, make_folder, tmp_path, args, words):
    data = make_folder('fname,labels\na.wav,X\nb.wav,Y\n', ['a.wav', 'b.wav'])
    code, out, err = shell('mixtures', data, tmp_path/'bench', *args)
    assert code == 1 and words in err and out == '' and _one_line(err) and [o.name for o in tmp_path.iterdir()] == ['data']
