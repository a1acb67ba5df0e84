// What the operator does: one command, and what became of it in a line beside the button.
// In:  a command and the place for its receipt.   Out: the answer; the receipt.

import { tab } from "./api.js";
import { show } from "./state.js";
import { has, named, phrase, word } from "./words.js";

const $ = (id) => document.getElementById(id);

let link;

export function use(theLink) {
  link = theLink;
}

const READ_MS = 12000; // what went well is not news any more after that
const timers = new WeakMap();

export function tell(node, ok, text) {
  node.textContent = text;
  node.dataset.ok = String(ok);
  clearTimeout(timers.get(node));
  if (ok) timers.set(node, setTimeout(() => { node.textContent = ""; }, READ_MS));
}

// Give a command; return whether it was carried out. `done` is the word for that.
export async function act(node, name, args = {}, { done = `ok.${name}`, values = {}, seconds } = {}) {
  const answer = await link.command(name, args, seconds);
  tell(node, answer.ok, answer.ok ? said(done, values, answer) : word("failed", { why: why(answer) }));
  return answer.ok ? answer : null;
}

// A command that nobody waits for: the keeping of a lease.
export function quietly(name, args) {
  return link.command(name, args);
}

function said(done, values, answer) {
  const text = word(done, values);
  return text === done ? phrase(answer.message) : text;
}

function why({ code, message, data }) {
  if (code === "lease" && data?.lease) return word("code.lease", { user: data.lease.user });
  if (code === "gate" && data?.rule) return word("gateStopped", { found: data.found, rule: rule(data.rule) });
  if (code === "problems" && data?.problems?.length) return phrase(message);
  if (has("code", code) && (!message || code !== "unknown")) return named("code", code);
  return phrase(message) || word("noAnswer");
}

// A rule of the gate in words: "superlative.most" is a superlative.
export function rule(id) {
  return named("rule", String(id ?? "").split(".")[0]);
}

export function mine(lease = show.status?.lease) {
  return Boolean(lease) && lease.tab === (show.welcome?.tab ?? tab);
}

// Ask before something that cannot be undone.
export function confirmed(title, means, yes) {
  const dialog = $("confirm");
  $("confirm-name").textContent = title;
  $("confirm-means").textContent = means;
  $("confirm-yes").textContent = yes;
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true });
  });
}
