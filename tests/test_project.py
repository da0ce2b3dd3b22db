"The project's own rules: notebooks and modules in step, order of rooms, light imports, one version."
import ast, re, shutil, subprocess, sys
from configparser import ConfigParser
from pathlib import Path
from fastcore.nbio import read_nb
import audiotag
from make_readme import readme

root = Path(__file__).parent.parent
notebooks, studies, tutorials = (sorted((root/'nbs'/o).glob('*.ipynb')) for o in ('', 'experiments', 'tutorials'))

def _python(code): return subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=True).stdout.strip()

def test_export_and_clean_leave_no_diff(tmp_path):
    for o in ('nbs', 'audiotag'): shutil.copytree(root/o, tmp_path/o, ignore=shutil.ignore_patterns('__pycache__', '.ipynb_checkpoints'))
    for o in ('pyproject.toml', 'settings.ini', 'setup.py'): shutil.copy(root/o, tmp_path)
    for command in ('nbdev-export', 'nbdev-clean'): subprocess.run([Path(sys.executable).parent/command], cwd=tmp_path, check=True, capture_output=True)
    for f in [*notebooks, *(root/'audiotag').glob('*.py')]: assert (tmp_path/f.relative_to(root)).read_text() == f.read_text(), f'{f.name} is out of step'

def test_every_module_comes_from_a_notebook():
    exported = {c.source.split('default_exp ')[1].split()[0] for nb in notebooks for c in read_nb(nb).cells if 'default_exp ' in c.source}
    assert exported | {'__init__', '_modidx'} == {f.stem for f in (root/'audiotag').glob('*.py')}

def _imports(path):
    "Names of the modules of this package that `path` imports"
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.level == 1 and node.module: yield node.module
        if isinstance(node, ast.ImportFrom) and node.level == 1 and not node.module: yield from (o.name for o in node.names)
        if isinstance(node, ast.ImportFrom) and (node.module or '').startswith('audiotag.'): yield node.module.split('.')[1]
        if isinstance(node, ast.Import): yield from (o.name.split('.')[1] for o in node.names if o.name.startswith('audiotag.'))

def test_no_module_imports_a_higher_one():
    assert {'audio', 'augment', 'store'} <= set(_imports(root/'audiotag'/'data.py'))
    order = {nb.stem.partition('_')[2]: nb.stem for nb in notebooks}
    for module, stem in order.items():
        if (file := root/'audiotag'/f'{module}.py').exists():
            for other in _imports(file): assert other == '__version__' or order[other] < stem, f'{module} imports {other}'

def test_version_is_said_once():
    config = ConfigParser(delimiters=['='])
    config.read(root/'settings.ini')
    assert config['DEFAULT']['version'] == audiotag.__version__

def test_import_and_help_load_nothing_heavy():
    code = "import sys; sys.argv = ['audiotag', '--help']\nimport audiotag, audiotag.cli\ntry: audiotag.cli.main()\nexcept SystemExit: pass\nprint('HEAVY', [m for m in ('torch', 'fastai', 'librosa', 'pandas', 'numpy', 'matplotlib') if m in sys.modules])"
    assert _python(code).endswith('HEAVY []')

def test_notebooks_are_small_and_show_no_machine():
    for nb in notebooks + studies + tutorials:
        assert nb.stat().st_size <= 150*1024, nb.name
        assert 'site-packages' not in nb.read_text(encoding='utf-8'), nb.name

def _seen(cell): return cell.cell_type == 'code' and not cell.source.startswith('#| hide')

def _words(out): return ''.join(out.get('text', '')) + ''.join(v if isinstance(v, str) else ''.join(v) for k, v in out.get('data', {}).items() if k.startswith('text/'))

def test_tutorials_are_saved_as_they_ran():
    assert [nb.name[0] for nb in tutorials] == list('123456')
    for nb in tutorials:
        cells = [c for c in read_nb(nb).cells if _seen(c)]
        assert all(len(c.source.splitlines()) <= 15 for c in cells), nb.name
        assert all(c.outputs for c in cells if 'print(' in c.source or '.head(' in c.source), nb.name
        assert sum(bool(c.outputs) for c in cells) >= len(cells)/2, nb.name
        for out in (o for c in cells for o in c.outputs):
            assert out.output_type != 'error', nb.name
            assert not re.search(r'(?<![\w.:/])/(tmp|home|root|work|mnt|opt|Users|private)/', re.sub(r'data:\w+/\w+;base64,[\w+/=]*', '', _words(out))), nb.name

def test_the_index_leads_to_every_tutorial():
    text = ''.join(c.source for c in read_nb(root/'nbs'/'index.ipynb').cells)
    for nb in tutorials: assert f'](tutorials/{nb.name})' in text, nb.name

def test_readme_is_that_of_the_index():
    text, pictures = readme(read_nb(root/'nbs'/'index.ipynb'))
    assert (root/'README.md').read_text(encoding='utf-8') == text
    for path, data in pictures.items(): assert (root/path).read_bytes() == data

def test_nothing_is_loaded_by_pickle():
    for f in (root/'audiotag').glob('*.py'):
        for word in ('pickle.load', 'torch.load(', 'load_learner(', 'allow_pickle'): assert word not in f.read_text(), f'{f.name}: {word}'
