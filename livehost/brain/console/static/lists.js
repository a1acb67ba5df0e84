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

// What has the focus in a list, so that it can be found in a row that was built anew.
function focusIn(list) {
  const node = document.activeElement;
  if (!node || node === list || !list.contains(node)) return null;
  return { node, key: node.closest("[data-key]")?.dataset.key, called: called(node) };
}

function called(node) {
  return node.getAttribute("aria-label") ?? node.textContent;
}

function focusAgain(list, { node, key, called: name }) {
  if (document.activeElement === node) return;
  if (list.contains(node)) {
    node.focus(); // it was moved, which takes the focus away
    return;
  }
  const row = [...list.querySelectorAll("[data-key]")].find((other) => other.dataset.key === key);
  const same = [...(row?.querySelectorAll(node.tagName) ?? [])];
  (same.find((other) => called(other) === name) ?? same[0])?.focus();
}

// Keep the newest row of a list in sight when the list changes its height, unless somebody scrolled up.
export function stickToEnd(list) {
  let atEnd = true;
  list.addEventListener("scroll", () => {
    atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 40;
  }, { passive: true });
  new ResizeObserver(() => {
    if (atEnd) list.scrollTop = list.scrollHeight;
  }).observe(list);
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
  const focus = focusIn(list);
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
  if (changed && atEnd && list.ariaLive) list.scrollTop = list.scrollHeight;
  if (changed && focus) focusAgain(list, focus);
}
