import os, shutil, socket, sys, time, warnings
from pathlib import Path
import numpy as np, pytest, soundfile as sf, torch
from audiotag import cli

torch.set_num_threads(2)

@pytest.fixture(scope='session')
def real_data():
    "The folder of real recordings, where there is one"
    if not os.environ.get('AUDIOTAG_DATA'): pytest.skip('AUDIOTAG_DATA is not set: no real recordings to test on')
    return Path(os.environ['AUDIOTAG_DATA'])

@pytest.fixture(autouse=True, scope='session')
def cache(tmp_path_factory): os.environ['AUDIOTAG_CACHE'] = str(tmp_path_factory.mktemp('cache'))

@pytest.fixture
def shell(capsys, monkeypatch):
    "Call the command `audiotag` with some arguments: exit code, stdout, stderr"
    def call(*args):
        monkeypatch.setattr(sys, 'argv', ['audiotag', *map(str, args)])
        capsys.readouterr()
        with warnings.catch_warnings():
            try: cli.main(); code = 0
            except SystemExit as e: code = e.code or 0
        out, err = capsys.readouterr()
        return code, out, err
    return call

@pytest.fixture(scope='session')
def tagger_file(tmp_path_factory):
    "A small tagger of random weights, for what does not depend on how good it is"
    from audiotag.all import Cropper, FrontEnd, LogMel, Tagger, set_seed, tagging_net
    set_seed(0)
    tagger = Tagger(FrontEnd(LogMel(8000, 512, 256, 32)), tagging_net('xresnet18', 3, .25), ['Bark', 'Meow', 'Moo'], Cropper(31, 256, 512), dict(arch='xresnet18', widen=.25))
    return tagger.save(tmp_path_factory.mktemp('tagger')/'tagger.safetensors')

def tone(seconds=1., sr=8000, freq=440): return (.3*np.sin(2*np.pi*freq*np.arange(int(seconds*sr))/sr)).astype('float32')

@pytest.fixture
def make_folder(tmp_path):
    "A folder of one's own clips: `clips.csv` with the given text, and tones of the given names"
    def make(table, files=(), name='data'):
        folder = tmp_path/name
        (folder/'audio').mkdir(parents=True)
        if table is not None: (folder/'clips.csv').write_bytes(table.encode('utf-8') if isinstance(table, str) else table)
        for f in files: sf.write(folder/'audio'/f, tone(), 8000)
        return folder
    return make

def free_port():
    with socket.socket() as s: s.bind(('127.0.0.1', 0)); return s.getsockname()[1]

@pytest.fixture(scope='module')
def browser(tmp_path_factory):
    "Headless Chromium that saves to a folder"
    selenium = pytest.importorskip('selenium.webdriver', reason='Selenium is not installed')
    chromium, driver = shutil.which('chromium') or shutil.which('google-chrome'), shutil.which('chromedriver')
    if not (chromium and driver): pytest.skip('no Chromium with chromedriver: nothing is tried in a browser')
    folder, options = tmp_path_factory.mktemp('saved'), selenium.ChromeOptions()
    options.binary_location = chromium
    for o in ('--headless=new', '--no-sandbox', '--disable-gpu', '--window-size=1200,1500', '--disable-dev-shm-usage', '--autoplay-policy=no-user-gesture-required'): options.add_argument(o)
    options.add_experimental_option('prefs', {'download.default_directory': str(folder)})
    b = selenium.Chrome(options=options, service=selenium.ChromeService(driver))
    b.saved = folder
    yield b
    b.quit()

def wait(what, seconds=60):
    "What `what` gives, once it gives something; until then the page may lack the elements that it looks for"
    from selenium.common.exceptions import WebDriverException
    end = time.time() + seconds
    while time.time() < end:
        try:
            if o := what(): return o
        except (WebDriverException, IndexError): pass
        time.sleep(.25)
    raise AssertionError('waited in vain')

def find(browser, css): return browser.find_elements('css selector', css)
