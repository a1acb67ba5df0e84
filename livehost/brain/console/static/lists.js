// Lists that follow the server: rows are kept by key, and everything from others is a text node.
// In:  items.   Out: the same nodes as before where nothing changed, so that focus and scroll stay.

export function element(name, className, ...children) {
  const node = document.createElement(name);
  if (className) node.className = className;
  node.append(...children.filter((child) => child !== null));
  return node;
}

// A button that says `text` and, where that does not tell what it is for, is called `name` by screen readers.
export function button(text, className, action, name) {
  const node = element("button", className, text);
  node.type = "button";
  if (name) node.setAttribute("aria-label", name);
  node.addEventListener("click", action);
  return node;
}

// Make `list` show `items`; `make(item)` builds a row, and builds it again when `print(item)` changes.
export function follow(list, items, key, print, make) {
  const old = new Map([...list.children].map((row) => [row.dataset.key, row]));
  const rows = items.map((item) => {
    const name = String(key(item));
    const text = `${document.documentElement.lang} ${print(item)}`;
    const kept = old.get(name);
    if (kept && (kept.dataset.print === text || kept.dataset.held)) return kept; // held: somebody writes in it
    const row = make(item);
    row.dataset.key = name;
    row.dataset.print = text;
    return row;
  });
  const atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 40;
  let changed = false;
  for (const row of [...list.children]) {
    if (!rows.includes(row)) changed = row.remove() ?? true;
  }
  rows.forEach((row, n) => {
    if (list.children[n] === row) return;
    list.insertBefore(row, list.children[n] ?? null);
    changed = true;
  });
  if (changed && atEnd) list.scrollTop = list.scrollHeight;
}
