"A data set's folder as the truth: with its decisions, for the clips that have scores"
import json
import numpy as np, pandas as pd, pytest, soundfile as sf
from audiotag.metrics import lwlrap

@pytest.fixture
def judged(tmp_path):
    "A data set of six clips, one of which was dropped and one changed, and two tables of scores for five of them"
    (tmp_path/'data'/'audio').mkdir(parents=True)
    names = [f'{i}.wav' for i in range(6)]
    for f in names: sf.write(tmp_path/'data'/'audio'/f, np.ones(800)*.1, 8000)
    pd.DataFrame(dict(fname=names, labels=['A', 'B', 'A,B', 'C', 'C', 'A'])).to_csv(tmp_path/'data'/'clips.csv', index=False)
    (tmp_path/'data'/'decisions.csv').write_text('fname,decision,labels\n3.wav,drop,\n4.wav,change,B\n')
    rng = np.random.default_rng(0)
    tables = [pd.DataFrame(rng.random((5, 3)), columns=list('ABC')).assign(fname=names[1:])[['fname', *'ABC']] for _ in range(2)]
    for f, df in zip('ab', tables): df.to_csv(tmp_path/f'{f}.csv', index=False)
    truth = np.array([[0, 1, 0], [1, 1, 0], [0, 1, 0], [1, 0, 0]]) # of clips 1, 2, 4 and 5
    return [tmp_path/'a.csv', tmp_path/'b.csv', tmp_path/'data'], [lwlrap(o.iloc[[0, 1, 3, 4], 1:].to_numpy(), truth) for o in tables]

def test_evaluate(shell, judged):
    (a, _, data), (expected, _) = judged
    code, out, err = shell('evaluate', a, data, '--json')
    found = json.loads(out)
    assert code == 0 and found['clips'] == 4 and found['lwlrap'] == pytest.approx(expected)
    assert 'left out: 1 (3.wav)' in err

def test_compare(shell, judged):
    (a, b, data), expected = judged
    code, out, _ = shell('compare', a, b, data, '--json')
    assert code == 0 and json.loads(out)['difference'] == pytest.approx(expected[0] - expected[1])

def test_compare_of_three(shell, judged, tmp_path):
    (a, b, data), expected = judged
    (tmp_path/'c.csv').write_text(a.read_text())
    code, out, _ = shell('compare', a, b, tmp_path/'c.csv', data, '--json')
    assert code == 0 and [o['lwlrap'] for o in json.loads(out)] == pytest.approx([*expected, expected[0]])

def test_a_table_says_that_a_folder_would_do(shell, judged):
    (a, _, data), _ = judged
    code, _, err = shell('evaluate', a, data/'clips.csv')
    assert code == 1 and "name the data set's folder instead" in err

def test_thresholds_are_fitted_on_what_the_data_set_still_has(shell, judged, tagger_file, tmp_path):
    (a, _, data), _ = judged
    (fold := tmp_path/'run'/'fold0').mkdir(parents=True)
    (fold/'tagger.safetensors').write_bytes(tagger_file.read_bytes())
    (tmp_path/'run'/'oof.csv').write_text('fname,A,B,C\n1.wav,.1,.9,.8\n2.wav,.9,.8,.1\n3.wav,.95,.1,.1\n4.wav,.2,.7,.1\n5.wav,.8,.1,.1\n')
    code, out, err = shell('thresholds', tmp_path/'run', data, '--json')
    assert code == 0 and json.loads(out)['thresholds'] == dict(A=pytest.approx(.5), B=pytest.approx(.4)) and 'left out: 1 (3.wav)' in err

def test_an_ensemble_is_judged_by_what_the_data_set_still_has(shell, judged, tmp_path):
    (a, b, data), expected = judged
    code, out, _ = shell('ensemble', a, b, '--oof', a, '--oof', b, '--truth', data, '--out', tmp_path/'joined.csv', '--json')
    found = {o['system']: o['lwlrap'] for o in json.loads(out)['systems']}
    assert code == 0 and [found[str(o)] for o in (a, b)] == pytest.approx(expected)

def test_names_that_do_not_match_are_shown(shell, judged, tmp_path):
    (a, _, data), _ = judged
    pd.read_csv(a).assign(fname=lambda o: 'audio/' + o.fname).to_csv(tmp_path/'far.csv', index=False)
    code, _, err = shell('evaluate', tmp_path/'far.csv', data)
    assert code == 1 and '(0.wav ...)' in err and '(audio/1.wav ...)' in err
