const field = document.getElementById('search'), found = document.getElementById('found'), up = document.body.dataset.up;
const escaped = t => t.replace(/[&<>"]/g, c => ({'&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;'})[c]);

function score(section, words) {
  const title = section.title.toLowerCase(), page = section.page.toLowerCase(), text = section.text.toLowerCase();
  let sum = 0;
  for (const w of words) {
    const s = (title === w ? 50 : 0) + (title.includes(w) ? 20 : 0) + (page.includes(w) ? 5 : 0) + (text.includes(w) ? 1 : 0);
    if (!s) return 0;
    sum += s;
  }
  return sum;
}

function around(text, word) {
  const at = Math.max(0, text.toLowerCase().indexOf(word) - 40);
  return (at ? '… ' : '') + text.slice(at, at + 120);
}

function search() {
  const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
  const best = words.length ? sections.map(s => [score(s, words), s]).filter(o => o[0]).sort((a, b) => b[0] - a[0]).slice(0, 12) : [];
  found.hidden = !words.length;
  found.innerHTML = best.length ? best.map(([, s]) => `<a role="option" href="${up}${s.url}"><b>${escaped(s.title)}</b> <i>${escaped(s.page)}</i><br>${escaped(around(s.text, words[0]))}</a>`).join('') : '<p>Nothing found</p>';
}

field.addEventListener('input', search);
field.form.addEventListener('submit', e => { e.preventDefault(); found.querySelector('a')?.click(); });
document.addEventListener('keydown', e => {
  if (e.key === '/' && document.activeElement !== field) { e.preventDefault(); field.focus(); }
  if (e.key === 'Escape') { found.hidden = true; field.blur(); }
});
document.addEventListener('click', e => { if (!found.contains(e.target) && e.target !== field) found.hidden = true; });
