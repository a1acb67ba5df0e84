// What the operator does: one command, and what became of it in a line beside the button.
// In:  a command and the place for its receipt.   Out: the answer; the receipt.

import { tab } from "./api.js";
import { button } from "./lists.js";
import { show } from "./state.js";
import { has, named, phrase, readable, word } from "./words.js";

const $ = (id) => document.getElementById(id);

let link;

export function use(theLink) {
  link = theLink;
}

const READ_MS = 12000; // what went well is not news any more after that
const PATIENCE_MS = 400; // later than this, one is told that the command is under way
const TWICE_MS = 3000; // in which the second press has to come
const SLIP_MS = 300; // sooner it is a finger that trembled
const ASK_MS = 20000; // a question that nobody answers is a no
const timers = new WeakMap();

// Say what became of something; `press` is a button beside it, as {text, action}.
export function tell(node, ok, text, press = null) {
  node.textContent = text;
  node.dataset.ok = String(ok);
  if (press) node.append(button(press.text, "small", press.action));
  clearTimeout(timers.get(node));
  if (ok) timers.set(node, setTimeout(() => { node.textContent = ""; }, READ_MS));
}

// Give a command; return whether it was carried out. `done` is the word for that.
export async function act(node, name, args = {}, { done = `ok.${name}`, values = {}, seconds } = {}) {
  const patience = setTimeout(() => tell(node, null, word("underWay")), PATIENCE_MS);
  const answer = await link.command(name, args, seconds);
  clearTimeout(patience);
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

// Of these the message says more than the code: what is busy, which file is stale.
const OF_THE_SHOW = new Set(["busy", "stale", "failed"]);

function why({ code, message, data }) {
  if (code === "lease" && data?.lease) return word("code.lease", { user: person(data.lease.user) });
  if (code === "gate" && data?.rule) return word("gateStopped", { found: data.found, rule: rule(data.rule) });
  if (code === "problems" && data?.problems?.length) return phrase(message);
  if (message && OF_THE_SHOW.has(code) && readable(message)) return phrase(message);
  if (has("code", code) && (!message || code !== "unknown")) return named("code", code);
  return phrase(message) || word("noAnswer");
}

// Who somebody is: without users everybody at this machine has the same name.
export function person(user) {
  return user === "local" ? word("otherWindow") : user;
}

// A rule of the gate in words: "superlative.most" is a superlative.
export function rule(id) {
  return named("rule", String(id ?? "").split(".")[0]);
}

export function mine(lease = show.status?.lease) {
  return Boolean(lease) && lease.tab === (show.welcome?.tab ?? tab);
}

// What one slip of a finger must not do: the button asks for a second press within three seconds.
export function twice(node, action) {
  let armed = 0;
  let timer = 0;
  const rest = () => {
    armed = 0;
    delete node.dataset.armed;
  };
  node.addEventListener("click", () => {
    const now = performance.now();
    if (armed && now - armed < SLIP_MS) return;
    clearTimeout(timer);
    if (armed && now - armed < TWICE_MS) {
      rest();
      action();
      return;
    }
    armed = now;
    node.dataset.armed = word("again");
    $("aside-voice").textContent = word("again");
    timer = setTimeout(rest, TWICE_MS);
  });
  return node;
}

// Ask before something that cannot be undone.
export function confirmed(title, means, yes) {
  const dialog = $("confirm");
  $("confirm-name").textContent = title;
  $("confirm-means").textContent = means;
  $("confirm-yes").textContent = yes;
  dialog.returnValue = "";
  dialog.showModal();
  $("confirm-yes").disabled = true; // the second tap of a double tap is no answer
  const ready = setTimeout(() => { $("confirm-yes").disabled = false; }, SLIP_MS);
  const over = setTimeout(() => dialog.close("no"), ASK_MS);
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      clearTimeout(ready);
      clearTimeout(over);
      resolve(dialog.returnValue === "yes");
    }, { once: true });
  });
}
