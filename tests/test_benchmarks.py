"What the benchmarks measure with."
import importlib.util, time
from pathlib import Path
import pytest, torch

@pytest.fixture(scope='module')
def run():
    spec = importlib.util.spec_from_file_location('run', Path(__file__).parent.parent/'benchmarks'/'run.py')
    spec.loader.exec_module(module := importlib.util.module_from_spec(spec))
    return module

def test_union(run):
    assert run.union_seconds([(4, 6), (0, 2), (1, 3), (5, 5.5)]) == 5
    assert run.union_seconds([]) == 0

def test_busy_share(run):
    def work(): torch.randn(300, 300) @ torch.randn(300, 300)
    def pause(): work(); time.sleep(.5); work()
    assert 0 < run.busy_share(pause, 'cpu') < .5
    assert run.busy_share(work, 'cpu') > run.busy_share(pause, 'cpu')
