"The site that `make docs` makes: all links lead somewhere, all names can be found, nothing comes from elsewhere."
import html, json, re
from pathlib import Path
import pytest
import make_docs

@pytest.fixture(scope='module')
def site(tmp_path_factory): return make_docs.make_site(tmp_path_factory.mktemp('docs')/'site')

def pages(site): return {p: p.read_text(encoding='utf-8') for p in site.rglob('*.html')}

def ids(text): return set(re.findall(r'\bid="([^"]+)"', text))

def lost(site):
    "Links of the site that lead nowhere"
    texts = pages(site)
    for page, text in texts.items():
        for link in re.findall(r'<(?:a|img|link|script|audio|iframe)\b[^<>]*?\s(?:href|src)="([^"]+)"', text):
            path, _, anchor = html.unescape(link).partition('#')
            if path.startswith(('https://', 'mailto:', 'data:')): continue
            to = (page.parent/path).resolve() if path else page
            if not to.is_file() or anchor and anchor not in ids(texts[to]): yield page.name, link

def test_links(site):
    assert list(lost(site)) == []
    (page := site/'index.html').write_text(page.read_text().replace('</main>', '<a href="nowhere.html">x</a><a href="#nothing">y</a></main>'))
    assert list(lost(site)) == [('index.html', 'nowhere.html'), ('index.html', '#nothing')]

def test_every_notebook_has_a_page_with_its_outputs(site):
    for page, nb in make_docs.notebooks().items():
        text, cells = (site/page).read_text(encoding='utf-8'), make_docs.read_nb(nb).cells
        pictures = sum('image/jpeg' in o.get('data', {}) for c in cells if not re.search(r'(?m)^#\|\s*hide', c.source) for o in c.get('outputs', []))
        assert text.count('data:image/jpeg') >= pictures, page
        assert f'href="{page}"' in (site/'index.html').read_text()

def test_exported_names_can_be_found(site):
    text = (site/'search.js').read_text(encoding='utf-8')
    sections = json.loads(text[len('const sections = '):text.index(';\n')])
    found = {o['title'] for o in sections}
    assert {'LogMel', 'Tagger', 'Tagger.load', 'lwlrap', 'tagging_dls', 'cross_validate'} <= found
    assert not found & {'_riff_missing', 'show_batch'}

def test_sections_go_by_their_headings(site):
    text = (site/'search.js').read_text(encoding='utf-8')
    titles = {o['url']: o['title'] for o in json.loads(text[len('const sections = '):text.index(';\n')])}
    assert titles['03_store.html#packs-and-their-index'] == 'Packs and their index'
    assert titles['44_cli.html#tags-for-people-and-over-time'] == 'Tags for people, and over time'

def test_needs_no_network(site):
    for page, text in pages(site).items():
        assert not re.findall(r'<(?:script|link|img|iframe)[^>]+(?:src|href)="(?:https?:)?//', text), page
