"Labels cleaned in JupyterLab in a real browser, where there are both: by keys and by buttons, and no decision is lost."
import base64, io, json, os, signal, subprocess, sys, urllib.error, urllib.request
import numpy as np, pandas as pd, pytest, soundfile as sf
from conftest import find, free_port, tone, wait
from audiotag.clean import Cleaner, read_decisions
from audiotag.datasets import read_clips

pytest.importorskip('ipywidgets', reason='ipywidgets is not installed: pip install "audiotag[clean]"')
pytest.importorskip('jupyterlab', reason='JupyterLab is not installed: the cleaner is not tried in a browser')

pitches = dict(a=300, b=600, c=1200, d=2400)
cell = """import os
from pathlib import Path
import pandas as pd
from audiotag.clean import cleaner
from audiotag.datasets import read_clips
Path('pid').write_text(str(os.getpid()))
cleaner(read_clips('data'), pd.read_csv('oof.csv'), 'data/decisions.csv')"""

@pytest.fixture(scope='module')
def lab(tmp_path_factory):
    "A folder with a data set, scores and a notebook, and the address of JupyterLab in it"
    folder, port = tmp_path_factory.mktemp('lab'), free_port()
    (folder/'data'/'audio').mkdir(parents=True)
    for k, f in pitches.items(): sf.write(folder/'data'/'audio'/f'{k}.wav', tone(2, freq=f), 8000)
    (folder/'data'/'clips.csv').write_text('fname,labels\na.wav,High\nb.wav,Low\nc.wav,Low\nd.wav,Low\n')
    (folder/'oof.csv').write_text('fname,High,Low\na.wav,.9,.1\nb.wav,.3,.7\nc.wav,.6,.4\nd.wav,.9,.1\n')
    code = dict(cell_type='code', id='one', metadata={}, source=cell, outputs=[], execution_count=None)
    (folder/'clean.ipynb').write_text(json.dumps(dict(cells=[code], metadata=dict(kernelspec=dict(name='python3', display_name='Python 3', language='python')), nbformat=4, nbformat_minor=5)))
    own = {f'JUPYTER_{k}_DIR': str(folder/'.jupyter'/k) for k in ('CONFIG', 'RUNTIME', 'DATA')} | {f'JUPYTERLAB_{k}_DIR': str(folder/'.jupyter'/k) for k in ('SETTINGS', 'WORKSPACES')}
    args = '--no-browser', '--allow-root', '--ip=127.0.0.1', f'--port={port}', f'--ServerApp.root_dir={folder}', '--IdentityProvider.token=', '--LabApp.expose_app_in_browser=True'
    with open(folder/'log', 'w') as log: server = subprocess.Popen([sys.executable, '-m', 'jupyterlab', *args], stdout=log, stderr=log, env={**os.environ, **own})
    url = f'http://127.0.0.1:{port}'
    def up():
        if server.poll() is not None: pytest.fail((folder/'log').read_text()[-2000:])
        try: return urllib.request.urlopen(f'{url}/api', timeout=5)
        except (urllib.error.URLError, OSError): return None
    wait(up, 120)
    yield folder, url
    server.send_signal(signal.SIGTERM); server.wait()

def run_all(browser, url):
    browser.get(f'{url}/doc/tree/clean.ipynb')
    wait(lambda: find(browser, '.jp-NotebookPanel .jp-CodeCell') and browser.execute_script('return window.jupyterapp.shell.currentWidget.sessionContext.session?.kernel?.status') == 'idle', 120)
    browser.execute_script("window.jupyterapp.commands.execute('notebook:run-all-cells')")
    wait(lambda: find(browser, '.widget-html article'), 120)

def shown(browser): return find(browser, '.widget-html article')[0].text

def played(browser):
    "The pitch in Hz of the clip on the card, which plays"
    source = browser.execute_async_script("""const [done] = arguments, a = document.querySelector('.widget-html audio');
        a.ontimeupdate = () => { if (a.currentTime > .1) { a.pause(); done(a.src) } }; a.onerror = () => done('error'); a.play().catch(e => done(String(e)))""")
    x, sr = sf.read(io.BytesIO(base64.b64decode(source.split('base64,')[1])))
    return np.abs(np.fft.rfft(x)).argmax()*sr/len(x)

def button(browser, name): next(o for o in find(browser, 'button.jupyter-button, button.widget-button') if o.text == name).click()

def type_line(browser, text): find(browser, '.widget-text input')[0].send_keys(text + '\ue007')

def test_keys_and_buttons_decide_at_once_and_a_killed_kernel_loses_nothing(lab, browser, tmp_path):
    (folder, url), decided = lab, lambda: read_decisions(lab[0]/'data'/'decisions.csv').iloc[:, :3].values.tolist()
    run_all(browser, url)
    assert 'd.wav' in shown(browser) and abs(played(browser) - pitches['d']) < 10
    type_line(browser, 'c High')
    wait(lambda: 'c.wav' in shown(browser))
    assert decided() == [['d.wav', 'change', 'High']] and abs(played(browser) - pitches['c']) < 10
    type_line(browser, 'k')
    wait(lambda: 'b.wav' in shown(browser))
    button(browser, 'back')
    wait(lambda: 'c.wav' in shown(browser))
    button(browser, 'drop')
    wait(lambda: 'b.wav' in shown(browser))
    assert decided() == [['d.wav', 'change', 'High'], ['c.wav', 'drop', '']] and abs(played(browser) - pitches['b']) < 10
    browser.save_screenshot(str(tmp_path/'cleaner.png'))
    button(browser, 'keep')
    wait(lambda: len(decided()) == 3)
    os.kill(int((folder/'pid').read_text()), signal.SIGKILL)
    clips = read_clips(folder/'data')
    assert clips[['fname', 'labels']].values.tolist() == [['a.wav', 'High'], ['b.wav', 'Low'], ['d.wav', 'High']]
    assert Cleaner(clips, pd.read_csv(folder/'oof.csv'), folder/'data'/'decisions.csv').queue.fname.tolist() == ['a.wav']
