// The rundown: where the show is, what comes next and why, and changing it for this run.
// In:  the rundown in the state, as the server tells it.   Out: segments; commands.

import { act, confirmed, twice } from "./act.js";
import { sortable } from "./drag.js";
import { button, element, follow } from "./lists.js";
import { may, show, spelled } from "./state.js";
import { has, named, phrase, word } from "./words.js";

const $ = (id) => document.getElementById(id);
const MOST_NEXT = 3;
const UNDOES = { insert: "remove", remove: "insert" }; // what a command takes back, where it is another one

const opened = new Map(); // segments that the operator opened or closed, by id
// Commands that take back what was done here, the last at the end. They name a line by what it says: when others
// changed it meanwhile nothing is done.
const undos = [];
let taken = null; // the part of the state that is shown

// --- following --------------------------------------------------------------------------------------

// Take the rundown from the state when it changed there.
export function takeRundown() {
  const told = show.status?.rundown ?? null;
  if (told === taken) return;
  const same = Boolean(told) && told.flash_sales === taken?.flash_sales; // of which seconds are left
  taken = told;
  show.rundown = told && {
    ...told,
    segments: (told.order ?? []).map((id) => ({ ...told.segments[id], lines: told.segments[id].lines ?? [] })),
    flash_sales: Object.values(told.flash_sales ?? {}),
    at: same ? show.rundown.at : performance.now(),
  };
}

function change(name, args, options) {
  return act($("rundown-receipt"), name, args, options);
}

// --- showing ----------------------------------------------------------------------------------------

export function showRundown() {
  const rundown = show.rundown && may("rundown") ? show.rundown : null;
  $("rundown-card").hidden = !rundown;
  document.body.classList.toggle("has-rundown", Boolean(rundown));
  if (!rundown) return;
  $("repeat").hidden = !may("repeat");
  $("undo").hidden = !undos.length;
  $("reset").hidden = !rundown.changed || !may("rundown_reset");
  showNext(rundown.next ?? []);
  const { segments, cursor } = rundown;
  follow(
    $("rundown"), segments, ({ id }) => id,
    (segment) => JSON.stringify([{ ...segment, spent_seconds: 0 }, segment.on_air && cursor, isOpen(segment), ends(segments, segment), productOf(segment.id)]),
    segmentRow,
  );
  scrollTo(cursor);
}

// Whether a segment is the first or the last: their arrows are disabled.
function ends(segments, segment) {
  return segment === segments[0] || segment === segments.at(-1) ? segments.indexOf(segment) : -1;
}

let shownAt = "";

// Keep the line on air in sight, unless somebody works in the list.
function scrollTo({ segment, line }) {
  const list = $("rundown");
  const at = `${segment} ${line}`;
  if (at === shownAt || list.contains(document.activeElement) || list.matches(":hover")) return;
  shownAt = at;
  const row = list.querySelector(".lines .here") ?? list.querySelector(".here");
  if (row) list.scrollTop += row.getBoundingClientRect().top - list.getBoundingClientRect().top - list.clientHeight / 3;
}

function showNext(next) {
  const rows = next.filter(({ kind, segment, line }, n) => kind !== "script" || n > 0 || !onAir(segment, line)).slice(0, MOST_NEXT);
  follow(
    $("next"), rows.map((row, n) => ({ ...row, n })), ({ n }) => n, (row) => JSON.stringify(row),
    ({ kind, why, text, segment }) => element(
      "li", "", element("span", `why why-${kind}`, named("why", kind)),
      element("span", "", text ? filled(text, productOf(segment)) : phrase(spelled(why))),
    ),
  );
}

function productOf(segment) {
  const id = show.rundown.segments.find((known) => known.id === segment)?.product;
  return show.status?.products?.find((known) => known.id === id);
}

function onAir(segment, line) {
  const { cursor } = show.rundown;
  return cursor.segment === segment && cursor.line === line;
}

function isOpen({ id, on_air: here }) {
  return opened.get(id) ?? here;
}

function segmentRow(segment) {
  const { id, lines, on_air: here } = segment;
  const open = isOpen(segment);
  const row = element("li", ["segment", here ? "here" : "", segment.open ? "" : "closed"].join(" ").trim());
  const toggle = button("", "toggle", () => {
    opened.set(id, !open);
    showRundown();
  });
  toggle.setAttribute("aria-expanded", String(open));
  toggle.append(
    element("b", "", named("segment", segment.kind)), element("span", "about", about(segment)),
    ...badges(segment).map(([text, kind]) => element("span", `tag ${kind}`, text)),
  );
  const head = element("div", "segment-head", may("reorder") ? handle() : null, toggle, segmentButtons(segment));
  row.append(head);
  if (open) row.append(element("ol", "lines", ...lines.map((line, n) => lineRow(row, segment, line, n))));
  if (here) row.setAttribute("aria-current", "true");
  return row;
}

function about({ id, product, lines }) {
  const name = show.status?.products?.find((known) => known.id === product)?.name;
  return [name, word("lineCount", { n: lines.length }), name ? "" : id].filter(Boolean).join(" · ");
}

function badges(segment) {
  return [
    segment.on_air ? [word("onAir"), ""] : null,
    segment.once_more ? [word("onceMore"), "calm"] : null,
    segment.minutes ? [word("forMinutes", { n: segment.minutes }), "calm"] : null,
    segment.open ? null : [word("notNow", { window: segment.window }), "calm"],
  ].filter(Boolean);
}

function lineRow(row, segment, line, n) {
  const here = segment.on_air && show.rundown.cursor.line === n;
  const past = segment.on_air && n < show.rundown.cursor.line;
  const node = element(
    "li", here ? "here" : past ? "past" : "",
    element("p", "text", filled(line.text, productOf(segment.id)), ...marks(line)),
  );
  if (here) node.setAttribute("aria-current", "true");
  const name = `${named("segment", segment.kind)} ${n + 1}`;
  const buttons = element("span", "line-buttons");
  if (may("edit") && !here) buttons.append(button(word("edit"), "small", () => edit(row, node, segment, line, n), word("of", { what: word("edit"), name })));
  if (may("remove") && line.changed === "inserted" && !past && !here) {
    buttons.append(button(word("remove"), "small", () => remove(segment, line, n), word("of", { what: word("remove"), name })));
  }
  if (may("insert") && !past) buttons.append(button(word("insert"), "small", () => insert(row, node, segment, line, n), word("of", { what: word("insert"), name })));
  node.append(buttons);
  return node;
}

// The words of a line with what its slots will say, as far as the page knows.
function filled(text, product) {
  const known = { name: product?.name, price: product?.price && `¥${product.price}` };
  return String(text).replace(/\{(\w+)\}/g, (_, slot) => known[slot] ?? `〔${has("slot", slot) ? named("slot", slot) : slot}〕`);
}

function marks({ emotion, optional, changed, promotion }) {
  return [
    changed ? [named("changed", changed), "changed"] : null, optional ? [word("optional"), "calm"] : null,
    emotion ? [named("emotion", emotion), "calm"] : null, promotion ? [word("onlyOffer"), "calm"] : null,
  ].filter(Boolean).map(([text, kind]) => element("span", `mark ${kind}`, text));
}

// --- moving -----------------------------------------------------------------------------------------

function segmentButtons(segment) {
  const { id } = segment;
  const name = `${named("segment", segment.kind)} ${about(segment)}`;
  const all = element("span", "segment-buttons");
  if (may("goto")) all.append(goButton(segment, name));
  if (may("reorder")) {
    const ids = show.rundown.segments.map((other) => other.id);
    const at = ids.indexOf(id);
    const up = button("↑", "small arrow", () => move(id, at - 1), word("of", { what: word("up"), name }));
    const down = button("↓", "small arrow", () => move(id, at + 1), word("of", { what: word("down"), name }));
    up.disabled = at === 0;
    down.disabled = at === ids.length - 1;
    all.append(up, down);
  }
  return all;
}

function goButton({ id, on_air: here }, name) {
  const text = word(here ? "restart" : "goto");
  const node = button(text, "small", () => {}, word("of", { what: text, name }));
  return twice(node, () => change("goto", { segment: id }));
}

async function move(id, to) {
  const before = show.rundown.segments.map((segment) => segment.id);
  const order = before.filter((other) => other !== id);
  order.splice(to, 0, id);
  if (order.join() === before.join()) return;
  if (await change("reorder", { order, was: before })) undos.push(["reorder", { order: before, was: order }]);
}

function handle() {
  const grip = element("span", "grip", "⠿");
  grip.setAttribute("aria-hidden", "true"); // the arrows do the same
  return grip;
}

// --- writing ----------------------------------------------------------------------------------------

function edit(row, node, { id }, { text: was }, n) {
  write(row, node, was, word("edit"), async (text) => {
    const done = await change("edit", { segment: id, line: n, text, was });
    if (done) undos.push(["edit", { segment: id, line: n, text: was, was: done.data?.text ?? text }]);
    return done;
  });
}

function insert(row, node, { id }, { text: was }, n) {
  write(row, node, "", word("insert"), async (text) => {
    const done = await change("insert", { segment: id, line: n, text, was });
    if (done) undos.push(["remove", { segment: id, line: n + 1, was: done.data?.text ?? text }]);
    return done;
  });
}

async function remove({ id, lines }, { text }, n) {
  if (!(await change("remove", { segment: id, line: n, was: text }))) return;
  const after = n ? { was: lines[n - 1].text } : {};
  undos.push(["insert", { segment: id, line: n - 1, text, ...after }]);
}

// A field under a line; the segment stays as it is while it is open.
function write(row, node, text, label, send) {
  row.querySelector(".write")?.remove();
  const form = element("form", "write");
  const field = element("textarea");
  Object.assign(field, { value: text, rows: 2, maxLength: 500, required: true });
  field.setAttribute("aria-label", label);
  const close = () => {
    form.remove();
    delete row.dataset.held;
    row.dataset.print = "";
    showRundown();
  };
  const save = element("button", "main small", word("save"));
  save.type = "submit";
  if (/\{\w+\}/.test(text)) form.append(element("small", "", word("slotHint", { price: "{price}" })));
  form.prepend(field);
  form.append(element("span", "", button(word("cancel"), "small", close), save));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (field.value.trim() && (await send(field.value.trim()))) close();
  });
  field.addEventListener("keydown", (event) => event.key === "Escape" && close());
  row.dataset.held = "1";
  node.append(form);
  field.focus();
}

// --- wiring -----------------------------------------------------------------------------------------

export function wireRundown() {
  sortable($("rundown"), move);
  $("repeat").addEventListener("click", () => change("repeat"));
  $("undo").addEventListener("click", async () => {
    const [name, args] = undos.pop();
    await change(name, args, { done: "undone", values: { what: named("command", UNDOES[name] ?? name) } });
    showRundown();
  });
  $("reset").addEventListener("click", async () => {
    if (!(await confirmed(word("resetAsk"), word("resetMeans"), word("reset")))) return;
    if (await change("rundown_reset")) undos.length = 0;
  });
}

