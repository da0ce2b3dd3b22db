"Makes a site of the notebooks, with their saved pictures and players: `python tests/make_docs.py [FOLDER]`. It needs no server and no network."
import ast, html, importlib, io, json, re, shutil, sys, warnings
from functools import cache
from pathlib import Path
warnings.simplefilter('ignore')
import matplotlib, mistune
from fastcore.nbio import read_nb
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import get_lexer_by_name
from pygments.util import ClassNotFound

root = Path(__file__).parent.parent
nbs, here = root/'nbs', Path(__file__).parent
groups = {'': 'Start', 'tutorials': 'Tutorials', 'modules': 'The rooms', 'experiments': 'Experiments'}
formatter = HtmlFormatter(nowrap=True, classprefix='c-')

def notebooks():
    "The notebooks of the site by page, in their order"
    found = sorted(o for o in nbs.rglob('*.ipynb') if not any(p.startswith(('.', '_')) for p in o.relative_to(nbs).parts))
    return {o.relative_to(nbs).with_suffix('.html').as_posix(): o for o in sorted(found, key=lambda o: (o.stem != 'index', o.as_posix()))}

def group_of(page): return '' if page == 'index.html' else page.split('/')[0] if '/' in page else 'modules'

def slug(text): return re.sub(r'[^\w.]+', '-', re.sub(r'<[^>]+>', '', text)).strip('-').lower() or 'top'

def code_html(code, language='python'):
    try: lexer = get_lexer_by_name(language or 'text')
    except ClassNotFound: lexer = get_lexer_by_name('text')
    return f'<pre class="code">{highlight(code, lexer, formatter)}</pre>'

@cache
def formula(text, size):
    "LaTeX as an inline picture that takes the colour of the text"
    from matplotlib.mathtext import math_to_image
    with matplotlib.rc_context({'svg.fonttype': 'path', 'mathtext.fontset': 'cm'}):
        math_to_image(f'${text}$', out := io.StringIO(), format='svg', dpi=72, prop=matplotlib.font_manager.FontProperties(size=size))
    svg = out.getvalue()
    svg = re.sub(r'(?s)^.*?<svg', '<svg', svg).replace('fill: #ffffff', 'fill: none')
    return re.sub(r'(?s)<metadata>.*?</metadata>', '', svg).replace('<svg', f'<svg role="img" aria-label="{html.escape(text)}" class="formula" fill="currentColor"', 1)

class Renderer(mistune.HTMLRenderer):
    "Markdown to HTML: headings with anchors, code in colour, names of the library as links"
    def __init__(self, symbols, page): super().__init__(escape=False); self.symbols, self.page, self.headings = symbols, page, []
    def heading(self, text, level, **attrs):
        self.headings.append((level, slug(text), re.sub(r'<[^>]+>', '', text)))
        return f'<h{level} id="{slug(text)}">{text}<a class="anchor" href="#{slug(text)}" aria-label="link to this section">#</a></h{level}>\n'
    def block_code(self, code, info=None): return code_html(code.rstrip('\n'), info)
    def codespan(self, text):
        code = f'<code>{html.escape(text)}</code>'
        where = self.symbols.get(text.removesuffix('()'))
        return f'<a class="name" href="{up(self.page)}{where}">{code}</a>' if where else code
    def block_quote(self, text): return f'<p class="lead">{re.sub("</?p>", "", text)}</p>'
    def link(self, text, url, title=None): return super().link(text, re.sub(r'^(?!\w+:)(.*)\.ipynb', r'\1.html', url), title)
    def image(self, text, url, title=None): return f'<img src="{up(self.page)}{url}" alt="{html.escape(text)}">'
    def inline_math(self, text): return formula(text, 13)
    def block_math(self, text): return f'<div class="equation">{formula(text.strip(), 15)}</div>'

def up(page): return '../'*page.count('/')

def defined(cell):
    "Names that an exported cell defines for users, and those of the methods that it patches in"
    names = []
    for o in ast.parse(cell.source).body:
        if not isinstance(o, (ast.FunctionDef, ast.ClassDef)) or o.name.startswith('_'): continue
        decorators = {re.match(r'\w+', ast.unparse(d))[0] for d in o.decorator_list}
        if 'dispatch' in decorators: continue
        names.append(f'{ast.unparse(o.args.args[0].annotation)}.{o.name}' if 'patch' in decorators else o.name)
    return names

def module_of(nb):
    "The module that a notebook is exported to"
    found = re.search(r'#\|\s*default_exp (\S+)', '\n'.join(c.source for c in nb.cells))
    return found and found[1]

def symbols_of(pages):
    "Where each name of the library is described"
    where = {}
    for page, nb in pages.items():
        if not module_of(nb): continue
        for cell in nb.cells:
            if cell.source.startswith('#| export'): where.update({n: f'{page}#{n}' for n in defined(cell)})
    return where

def shown(module, name):
    "Signature and docstring of a name, as nbdev's `show_doc` gives them, for the page"
    from nbdev.showdoc import show_doc
    o = importlib.import_module(f'audiotag.{module}')
    for part in name.split('.'): o = getattr(o, part)
    text = show_doc(o)._repr_markdown_()
    return re.sub(r'(?m)^(---|\[source\].*|###.*)\n', '', text).replace(' object>', '>').strip()

def export_html(cell, module, render):
    "What an exported cell has for users, and its source to unfold"
    names = [n for n in defined(cell) if module]
    parts = [f'<section class="api" id="{n}"><h3><code>{n}</code><a class="anchor" href="#{n}" aria-label="link to {n}">#</a></h3>{render(shown(module, n))}</section>' for n in names]
    source = code_html(re.sub(r'^#\| export\n', '', cell.source))
    return ''.join(parts) + f'<details class="source"><summary>Source</summary>{source}</details>'

def output_html(out):
    "A saved output"
    if out.output_type == 'stream': return f'<pre class="out">{html.escape("".join(out.text))}</pre>'
    data = {k: ''.join(v) for k, v in out.get('data', {}).items()}
    for kind in ('image/png', 'image/jpeg'):
        if kind in data: return f'<img alt="what the code above shows" src="data:{kind};base64,{data[kind].strip()}">'
    if 'text/html' in data: return f'<div class="rich">{data["text/html"]}</div>'
    return f'<pre class="out">{html.escape(data.get("text/plain", ""))}</pre>' if data else ''

def cell_html(cell, module, render):
    "A cell, or nothing where it is for the machine alone"
    directives = re.findall(r'(?m)^#\|\s*(\w+)', cell.source)
    if cell.cell_type == 'markdown': return render(cell.source)
    if not cell.source.strip() or set(directives) & {'hide', 'default_exp'}: return ''
    outs = ''.join(map(output_html, cell.get('outputs', [])))
    if 'echo' in directives: return outs
    if 'export' in directives: return export_html(cell, module, render) + outs
    if cell.source.startswith('%%bash\n'): return code_html(cell.source.partition('\n')[2], 'bash') + outs
    return code_html(re.sub(r'(?m)^#\|.*\n', '', cell.source)) + outs

def title_of(nb): return next((m[1] for c in nb.cells if c.cell_type == 'markdown' and (m := re.search(r'(?m)^# (.+)$', c.source))), 'audiotag')

def nav_html(page, titles):
    "The list of pages, with this one marked"
    line = lambda p: f'<a href="{up(page)}{p}"{" aria-current=page" if p == page else ""}>{html.escape(titles[p])}</a>'
    lists = {g: [line(p) for p in titles if group_of(p) == g] for g in groups}
    return ''.join(f'<h2>{groups[g]}</h2>{"".join(o)}' for g, o in lists.items() if o)

def page_html(page, nb, titles, symbols):
    "A page, and the sections by which it is found"
    renderer = Renderer(symbols, page)
    markdown = mistune.create_markdown(renderer=renderer, plugins=['table', 'math', 'strikethrough', 'url'])
    module = module_of(nb)
    body = '\n'.join(cell_html(c, module, markdown) for c in nb.cells)
    contents = ''.join(f'<a class="l{level}" href="#{i}">{html.escape(text)}</a>' for level, i, text in renderer.headings if level in (2, 3))
    fields = dict(title=html.escape(titles[page]), up=up(page), nav=nav_html(page, titles), body=body, contents=contents, module=f'<p class="module">from <code>audiotag.{module}</code></p>' if module else '')
    return re.sub(r'\{\{(\w+)\}\}', lambda m: fields[m[1]], (here/'docs'/'page.html').read_text()), search_entries(page, body, titles[page])

def search_entries(page, body, title):
    "Sections of a page: where, what it is called, and its words"
    parts = re.split(r'<(?:h[1-3]|section class="api") id="([^"]+)">', body)
    plain = lambda o: ' '.join(html.unescape(re.sub(r'<[^>]+>', ' ', re.sub(r'(?s)<(pre|svg|audio|style|script|details).*?</\1>', ' ', o))).split())
    return [dict(url=f'{page}#{i}', page=title, title=plain(text.partition('<a class="anchor"')[0]), text=plain(text)[:1500]) for i, text in zip(parts[1::2], parts[2::2])]

def make_site(out):
    "Write the site to the folder `out`"
    pages = {p: read_nb(f) for p, f in notebooks().items()}
    titles, symbols, found = {p: title_of(nb) for p, nb in pages.items()}, symbols_of(pages), []
    shutil.rmtree(out, ignore_errors=True)
    for page, nb in pages.items():
        text, entries = page_html(page, nb, titles, symbols)
        found += entries
        (out/page).parent.mkdir(parents=True, exist_ok=True)
        (out/page).write_text(text, encoding='utf-8')
    (out/'search.js').write_text(f'const sections = {json.dumps(found, ensure_ascii=False)};\n' + (here/'docs'/'search.js').read_text(), encoding='utf-8')
    css = '\n'.join(HtmlFormatter(style=style, classprefix='c-').get_style_defs('.code').join(wrap) for style, wrap in {'default': ('', ''), 'github-dark': ('@media (prefers-color-scheme: dark) {', '}')}.items())
    (out/'style.css').write_text(css + (here/'docs'/'style.css').read_text(), encoding='utf-8')
    return out

if __name__ == '__main__':
    out = make_site(Path(sys.argv[1] if len(sys.argv) > 1 else root/'_site'))
    print(f'{out}/index.html')
