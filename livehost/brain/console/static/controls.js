// The buttons and keys that must work at three in the morning, and "say this now".
// In:  presses.   Out: commands.

import { act, confirmed, mine, tell } from "./act.js";
import { element } from "./lists.js";
import { may, mode, show } from "./state.js";
import { text } from "./status.js";
import { named, word } from "./words.js";

const $ = (id) => document.getElementById(id);
const HOLD_MS = 1000;
const EMOTIONS = ["neutral", "friendly_smile", "excited", "surprised", "apologetic", "thinking", "calm"];
const NERVOUS_MS = 1500; // a button that is hammered shows the slate and does not take it away again
const KEYS_OFF = "livehost.keys-off";

let panicked = -Infinity;

// --- state ------------------------------------------------------------------------------------------

function panics() {
  return mode() === "slate";
}

function silent() {
  return mode() === "muted";
}

function paused() {
  return mode() === "paused";
}

export function showControls() {
  const known = ["panic", "slate", "mute", "pause", "skip", "say"].some(may);
  $("controls").hidden = !known;
  $("say-card").hidden = !may("say");
  $("panic").hidden = !may("panic") && !may("slate");
  $("mute").hidden = !may("mute");
  $("pause").hidden = !may("pause");
  $("skip").hidden = !may("skip");
  $("stop").hidden = !may("stop");
  $("ask").hidden = (show.welcome ?? show.me)?.role === "viewer";
  $("logout").hidden = !show.me?.login;
  $("emotion").closest("label").hidden = !show.welcome; // without a hello nobody knows whether it is understood
  press($("panic"), panics());
  press($("mute"), silent());
  press($("pause"), paused());
  text($("panic-text"), word(panics() ? "panicOff" : "panicOn"));
  text($("panic-hint"), word(!panics() ? "panicHint" : show.status?.muted === false ? "slateBack" : "panicBack"));
  $("panic-hint").classList.toggle("with-keys", !panics());
  text($("mute"), word(silent() ? "unmute" : "mute"));
  text($("pause"), word(paused() ? "resume" : "pause"));
  const holding = mine();
  $("cut").closest("label").hidden = holding;
  $("line").placeholder = word(holding ? "lineTaken" : "lineHint");
}

function press(node, on) {
  node.setAttribute("aria-pressed", String(on));
}

// --- what the buttons do ----------------------------------------------------------------------------

function panic() {
  const on = !panics();
  const name = may("panic") ? "panic" : "slate";
  if (!may(name) || (!on && performance.now() - panicked < NERVOUS_MS)) return;
  if (on) panicked = performance.now();
  act($("outcome"), name, { on }, { done: name === "slate" ? "ok.slate" : on ? "ok.panic" : "ok.panicOff" });
}

function mute() {
  const on = !silent();
  if (may("mute")) act($("outcome"), "mute", { on }, { done: on ? "ok.mute" : "ok.unmute" });
}

function pause() {
  if (may("pause")) act($("outcome"), paused() ? "resume" : "pause");
}

// A skipped segment can be had again: nobody has to look for it in the rundown.
async function skip() {
  if (!may("skip")) return;
  const before = show.status?.place?.segment;
  const answer = await act($("outcome"), "skip");
  const now = answer?.data?.segment;
  if (!now || !before || now === before || !may("goto")) return;
  const back = () => act($("outcome"), "goto", { segment: before }, { done: "ok.back" });
  tell($("outcome"), true, word("ok.skip"), { text: word("back"), action: back });
}

async function say(event) {
  event.preventDefault();
  const said = $("line").value.trim();
  if (!said) return;
  const args = { text: said };
  if ($("cut").checked && !mine()) args.cut = true;
  if ($("emotion").value && show.welcome) args.emotion = $("emotion").value;
  const answer = await act($("said-receipt"), "say", args);
  if (answer && $("line").value.trim() === said) $("line").value = "";
}

async function stop() {
  if (await confirmed(word("stopAsk"), word("stopMeans"), word("stopYes"))) act($("outcome"), "stop");
}

// --- keys -------------------------------------------------------------------------------------------

const KEYS = { p: panic, m: mute, k: pause, n: skip, s: () => $("line").focus() };

function writes(node) {
  return node.matches?.("input:not([type=checkbox]), textarea, select, [contenteditable]");
}

function wireKeys() {
  $("keys-on").checked = localStorage.getItem(KEYS_OFF) === null;
  $("keys-on").addEventListener("change", () => {
    if ($("keys-on").checked) localStorage.removeItem(KEYS_OFF);
    else localStorage.setItem(KEYS_OFF, "1");
  });
  let holding = null;
  const release = () => {
    clearTimeout(holding);
    holding = null;
    $("panic").classList.remove("arming");
  };
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !document.querySelector("dialog[open]")) {
      if (holding !== null || panics()) return;
      $("panic").classList.add("arming");
      holding = setTimeout(() => {
        release();
        if (!panics()) panic();
      }, HOLD_MS);
      return;
    }
    const action = KEYS[event.key.toLowerCase()];
    const other = event.ctrlKey || event.metaKey || event.altKey || event.repeat || event.isComposing;
    if (!action || other || !$("keys-on").checked || writes(event.target) || document.querySelector("dialog[open]")) return;
    event.preventDefault();
    action();
  });
  document.addEventListener("keyup", (event) => event.key === "Escape" && release());
  window.addEventListener("blur", release);
}

// --- wiring -----------------------------------------------------------------------------------------

export function fillEmotions() {
  const chosen = $("emotion").value;
  const options = ["", ...EMOTIONS].map((value) => {
    const option = element("option", "", named("emotion", value || "auto"));
    option.value = value;
    return option;
  });
  $("emotion").replaceChildren(...options);
  $("emotion").value = chosen;
}

export function wireControls() {
  fillEmotions();
  $("panic").addEventListener("click", panic);
  $("mute").addEventListener("click", mute);
  $("pause").addEventListener("click", pause);
  $("skip").addEventListener("click", skip);
  $("stop").addEventListener("click", stop);
  $("say").addEventListener("submit", say);
  $("line").addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      $("say").requestSubmit();
    }
  });
  wireKeys();
}
