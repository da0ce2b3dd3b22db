"Makes README.md from nbs/index.ipynb: its prose, its code and what that printed; pictures go to nbs/images."
import re
from base64 import b64decode
from pathlib import Path
from fastcore.nbio import read_nb

root = Path(__file__).parent.parent

def _output(out, n):
    "One cell output as Markdown, and the bytes of its picture if it is one"
    if out.output_type == 'stream': return f"```text\n{''.join(out.text).rstrip()}\n```", None
    data = out.get('data', {})
    if 'image/jpeg' in data: return f'![](nbs/images/index-{n}.jpg)', b64decode(data['image/jpeg'])
    text = ''.join(data.get('text/plain', ''))
    return (f'```text\n{text}\n```' if text and not text.startswith('<') else ''), None

def readme(nb):
    "Markdown of the notebook `nb`, and its pictures by path"
    parts, pictures = [], {}
    for cell in nb.cells:
        source = cell.source.strip()
        if source.startswith(('#| default_exp', '#| hide')) or not source: continue
        if not source.startswith('#| echo: false'): parts.append(re.sub(r'\]\((?=(tutorials|experiments)/)', '](nbs/', source) if cell.cell_type == 'markdown' else f'```python\n{source}\n```')
        for out in cell.get('outputs', []):
            text, picture = _output(out, len(pictures))
            if picture: pictures[f'nbs/images/index-{len(pictures)}.jpg'] = picture
            if text: parts.append(text)
    return '<!-- made from nbs/index.ipynb by `make readme` -->\n\n' + '\n\n'.join(parts) + '\n', pictures

if __name__ == '__main__':
    text, pictures = readme(read_nb(root/'nbs'/'index.ipynb'))
    (root/'README.md').write_text(text, encoding='utf-8')
    for path, data in pictures.items():
        (root/path).parent.mkdir(exist_ok=True)
        (root/path).write_bytes(data)
