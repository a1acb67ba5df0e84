// Products and the rundown file in the page: a form or the text, the same checks as the files, the difference
// before publishing, taking back, and how a sentence sounds.
// In:  the commands script_*, hear.   Out: drafts; files in force.

import { act, confirmed, quietly, tell } from "./act.js";
import { element } from "./lists.js";
import { may } from "./state.js";
import { has, named, phrase, word } from "./words.js";

const $ = (id) => document.getElementById(id);
const NEW = "+";
const LONG_SECONDS = 20;
const HEAR_SECONDS = 45;

// Fields of the product form: key, kind. What is not here stays as the file has it.
const FIELDS = [
  ["name", "text"], ["price", "text"], ["compared", "text"], ["basis", "text"], ["link", "number"], ["stock", "number"], ["unit", "text"],
  ["aliases", "list"], ["tags", "list"], ["selling_points", "list"], ["usage", "text"], ["authenticity", "text"], ["warranty", "text"],
  ["forbidden", "list"],
];

let open = null; // {file, kind, version, text, values}
let mode = "form"; // or "text"
let preferred = "form"; // of products; the rundown has no form
let checked = null; // the draft that was checked and may be published
let known = [];

export function hasFiles() {
  return may("scripts") && may("script_read");
}

// Called when the tab is shown: ask for the list unless somebody is writing.
export async function showFiles() {
  if (known.length || !hasFiles()) return;
  known = [{ file: "", kind: "", title: "…" }];
  await list();
}

async function list(choose) {
  const answer = await quietly("scripts");
  if (!answer.ok) {
    known = [];
    tell($("file-receipt"), false, phrase(answer.message));
    return;
  }
  known = answer.data.scripts;
  const options = known.map(({ file, kind, title }) => option(file, kind === "rundown" ? word("rundown") : title || file));
  if (may("script_new")) options.push(option(NEW, word("newProduct")));
  $("file").replaceChildren(...options);
  await read(choose ?? open?.file ?? known[0]?.file);
}

function option(value, text) {
  const node = element("option", "", text);
  node.value = value;
  return node;
}

async function read(file) {
  if (!file) return;
  $("file").value = file;
  if (file === NEW) {
    open = { file: NEW, kind: "product", version: "", text: "", values: { id: "", name: "", price: "" } };
    mode = "form";
  } else {
    const answer = await quietly("script_read", { file });
    if (!answer.ok) {
      tell($("file-receipt"), false, phrase(answer.message));
      return;
    }
    open = answer.data;
    mode = open.kind === "product" && open.values ? preferred : "text";
  }
  show();
}

function show() {
  checked = null;
  const product = open.kind === "product" && Boolean(open.values);
  $("file-form").hidden = mode !== "form";
  $("file-text").hidden = mode === "form";
  $("file-mode").hidden = !product || open.file === NEW;
  $("file-mode").textContent = word(mode === "form" ? "asText" : "asForm");
  $("file-undo").hidden = open.file === NEW || !may("script_undo");
  $("file-check").hidden = !may("script_check");
  $("file-found").replaceChildren();
  $("file-publish").hidden = true;
  if (mode === "form") fillForm();
  else $("file-text").value = open.text;
}

// --- the form ---------------------------------------------------------------------------------------

function fillForm() {
  const fields = open.file === NEW ? [["id", "text"], ...FIELDS] : FIELDS;
  $("file-form").replaceChildren(...fields.flatMap(([key, kind]) => {
    const value = open.values[key];
    const field = element(kind === "list" ? "textarea" : "input");
    field.id = `field-${key}`;
    field.dataset.field = key;
    field.dataset.kind = kind;
    if (kind === "list") field.rows = Math.min(6, Math.max(2, (value ?? []).length));
    if (kind === "number") field.inputMode = "numeric";
    field.value = kind === "list" ? (value ?? []).join("\n") : value ?? "";
    const label = element("label", "", named("field", key), kind === "list" ? element("small", "", ` ${word("onePerLine")}`) : "");
    label.htmlFor = field.id;
    return [label, field];
  }));
}

function draft() {
  if (mode === "text") return { text: $("file-text").value };
  const values = { ...open.values };
  for (const field of $("file-form").querySelectorAll("[data-field]")) {
    const value = parsed(field);
    const empty = value === "" || (Array.isArray(value) && !value.length);
    if (empty) delete values[field.dataset.field];
    else values[field.dataset.field] = value;
  }
  return { values };
}

function parsed({ value, dataset }) {
  if (dataset.kind === "list") return value.split("\n").map((line) => line.trim()).filter(Boolean);
  if (dataset.kind === "number" && /^\d+$/.test(value.trim())) return Number(value);
  return value.trim();
}

// --- checking and publishing ------------------------------------------------------------------------

async function check() {
  const given = draft();
  if (open.file === NEW) return ready({ given, problems: [], diff: [] });
  const answer = await act($("file-receipt"), "script_check", { file: open.file, ...given }, { done: "checked", seconds: LONG_SECONDS });
  if (!answer) return undefined;
  const { problems, diff, version } = answer.data;
  tell($("file-receipt"), !problems.length, word(problems.length ? "foundProblems" : diff.length ? "checked" : "nothingChanged", { n: problems.length }));
  return ready({ given, problems, diff, version });
}

function ready({ given, problems, diff, version }) {
  checked = problems.length ? null : { ...given, version: version ?? open.version };
  $("file-found").replaceChildren(...problemRows(problems), ...(diff.length ? [diffBox(diff)] : []));
  for (const field of $("file-form").querySelectorAll("[data-field]")) {
    field.setAttribute("aria-invalid", String(problems.some(({ key }) => key.split(".")[0] === field.dataset.field)));
  }
  $("file-found").scrollIntoView({ block: "nearest" });
  $("file-publish").hidden = !checked || !may("script_publish") || (open.file !== NEW && !diff.length);
}

function problemRows(problems) {
  if (!problems.length) return [];
  return [element("ul", "problems", ...problems.map(({ line, key, text }) => (
    element("li", "", element("b", "", [line ? word("lineAt", { n: line }) : "", has("field", key) ? named("field", key) : key].filter(Boolean).join(" · ")), element("span", "", phrase(text)))
  )))];
}

function diffBox(diff) {
  const lines = diff.slice(2).map((line) => (
    element("span", line[0] === "+" ? "added" : line[0] === "-" ? "gone" : line[0] === "@" ? "place" : "", `${line}\n`)
  ));
  const box = element("pre", "diff", ...lines);
  box.tabIndex = 0;
  box.setAttribute("role", "region");
  box.setAttribute("aria-label", word("difference"));
  return box;
}

async function publish() {
  if (!checked) return;
  const created = open.file === NEW;
  const { version, ...given } = checked;
  const file = created ? given.values.id : open.file;
  const args = created ? { file, ...given } : { file, version, ...given };
  const answer = await act($("file-receipt"), created ? "script_new" : "script_publish", args, { done: "published", seconds: LONG_SECONDS });
  if (!answer) return;
  await list(answer.data.file);
  if (answer.data.elsewhere) tell($("file-receipt"), true, phrase(answer.message));
}

async function undo() {
  if (!(await confirmed(word("fileUndoAsk"), word("fileUndoMeans"), word("undo")))) return;
  if (await act($("file-receipt"), "script_undo", { file: open.file }, { done: "filePutBack", seconds: LONG_SECONDS })) await read(open.file);
}

// --- listening --------------------------------------------------------------------------------------

async function hear(event) {
  event.preventDefault();
  const text = $("hear-text").value.trim();
  if (!text) return;
  tell($("hear-receipt"), true, word("hearMaking"));
  const args = { text, ...($("emotion").value ? { emotion: $("emotion").value } : {}) };
  const answer = await act($("hear-receipt"), "hear", args, { done: "hearNow", seconds: HEAR_SECONDS });
  if (!answer) return;
  if (answer.data.rule) tell($("hear-receipt"), false, word("hearStopped", { found: answer.data.found }));
  new Audio(answer.data.url).play().catch(() => {});
}

// What is selected in the text is what one wants to hear.
function takeSelection() {
  const { selectionStart: from, selectionEnd: to, value } = $("file-text");
  const quoted = value.slice(from, to).replace(/^[\s"']+|[\s"',]+$/g, "");
  if (quoted && !quoted.includes("\n")) $("hear-text").value = quoted.slice(0, 120);
}

export function wireFiles() {
  $("file").addEventListener("change", () => read($("file").value));
  $("file-mode").addEventListener("click", () => {
    preferred = mode === "form" ? "text" : "form";
    read(open.file);
  });
  $("file-check").addEventListener("click", check);
  $("file-publish").addEventListener("click", publish);
  $("file-undo").addEventListener("click", undo);
  $("hear").addEventListener("submit", hear);
  $("file-text").addEventListener("select", takeSelection);
  for (const node of [$("file-text"), $("file-form")]) {
    node.addEventListener("input", () => {
      checked = null;
      $("file-publish").hidden = true;
    });
  }
}
