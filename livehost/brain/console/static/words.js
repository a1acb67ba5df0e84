// Words for everything on the page, in the language that the operator chose.
// In:  a key and values.   Out: text.

import { PHRASES, REASONS } from "./phrases.js";
import { en } from "./words_en.js";
import { zh } from "./words_zh.js";

const WORDS = { zh, en };

let language = localStorage.getItem("livehost.language") === "en" ? "en" : "zh";

export function word(key, values = {}) {
  const text = WORDS[language][key] ?? key;
  return text.replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
}

// A word for a value that the server chose; the value itself if there is none.
export function named(group, value) {
  return WORDS[language][`${group}.${value}`] ?? String(value ?? "–");
}

// A sentence of the server in the operator's language, where it is known; unchanged otherwise.
export function phrase(text) {
  if (language === "en") return text;
  const known = PHRASES.find(([pattern]) => pattern.test(text));
  return known ? filled(text, known) : reason(text);
}

// Whether the operator can read a sentence of the server.
export function readable(text) {
  return language === "en" || phrase(text) !== text;
}

// Why something failed, in the operator's language where it is known.
export function reason(text) {
  if (language === "en") return text;
  const known = REASONS.find(([pattern]) => pattern.test(text));
  if (known) return filled(text, known);
  const [group, rest] = text.split(".");
  if (rest && has("rule", group)) return named("rule", group);
  const parts = text.split("; ");
  return parts.length > 1 && parts.some((part) => reason(part) !== part) ? parts.map(reason).join("；") : text;
}

function filled(text, [pattern, said]) {
  const parts = pattern.exec(text);
  return said.replace(/\$(\d)/g, (_, n) => reason(parts[n] ?? ""));
}

export function speak(chosen) {
  language = chosen;
  localStorage.setItem("livehost.language", chosen);
  translate();
}

export function has(group, value) {
  return `${group}.${value}` in WORDS[language];
}

export function other() {
  return language === "zh" ? "en" : "zh";
}

export function translate() {
  document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
  for (const node of document.querySelectorAll("[data-word]")) node.textContent = word(node.dataset.word);
  for (const node of document.querySelectorAll("[data-hint]")) node.placeholder = word(node.dataset.hint);
  for (const node of document.querySelectorAll("[data-title]")) node.title = word(node.dataset.title);
  for (const node of document.querySelectorAll("[data-label]")) node.setAttribute("aria-label", word(node.dataset.label));
}
