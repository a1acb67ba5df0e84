// Taking the host over: who holds her, for how long, and the dead-man timer.
// In:  the lease of the state, signs of life of the operator.   Out: take_over, lease_keep, hand_back.
//
// The server hands the host back when it hears nothing for ten seconds. The page keeps the lease for as long as the
// operator moves: an empty chair in front of an open page must not leave the host mute.

import { act, mine, person, quietly, tell, twice } from "./act.js";
import { may, show } from "./state.js";
import { minutes, text } from "./status.js";
import { named, word } from "./words.js";

const $ = (id) => document.getElementById(id);
const KEEP_MS = 3000;
const IDLE_SECONDS = 90; // without a move for so long the host is handed back
const SHOWN_SECONDS = 60; // of which the last are counted down in words

let moved = performance.now();
let microphone = null; // {stop(), level()} while it is open

export function showTakeOver() {
  const lease = show.status?.lease ?? null;
  const holding = mine(lease);
  $("take").hidden = !may("take_over");
  $("take-type").hidden = Boolean(lease) || !may("take_over");
  $("take-mic").hidden = Boolean(lease) || !may("take_over") || !canSpeak();
  $("take-force").hidden = !lease || holding || !may("take_over_force");
  $("hand-back").hidden = !holding;
  $("lease").hidden = !lease;
  $("say-card").dataset.lease = holding ? "mine" : lease ? "other" : "";
  $("line").disabled = Boolean(lease) && !holding;
  document.querySelector("#say button.main").disabled = $("line").disabled;
  if (lease) text($("lease"), sentence(lease, holding));
  showDeadMan(holding);
  if (!holding) closeMicrophone();
}

function sentence(lease, holding) {
  if (holding && show.line !== "open") return word("leaseMineGap");
  const t = minutes((Date.now() - new Date(lease.since).getTime()) / 1000);
  const key = holding ? "leaseMine" : lease.user === show.welcome?.user ? "leaseElsewhere" : "leaseOther";
  return word(key, { user: lease.user, how: named("how", lease.kind), t });
}

function showDeadMan(holding) {
  const left = Math.ceil(IDLE_SECONDS - idle());
  $("dead-man").hidden = !holding;
  $("dead-man-bar").max = IDLE_SECONDS;
  $("dead-man-bar").value = Math.max(0, left);
  $("dead-man").dataset.soon = String(left <= SHOWN_SECONDS / 3);
  text($("dead-man-text"), word("deadManLeft", { s: Math.max(0, left) }));
}

function idle() {
  if (microphone?.level() > 0.02) moved = performance.now();
  return (performance.now() - moved) / 1000;
}

// --- microphone -------------------------------------------------------------------------------------

let speak = null;

// Let the page speak by microphone: `open(stream)` returns {stop(), level()}.
export function withMicrophone(open) {
  speak = open;
}

function canSpeak() {
  return Boolean(speak && navigator.mediaDevices?.getUserMedia);
}

async function takeByMicrophone() {
  let stream;
  try {
    stream = await navigator.mediaDevices.getUserMedia({ audio: { echoCancellation: true, noiseSuppression: true, autoGainControl: true } });
  } catch (error) {
    const why = { NotAllowedError: "micDenied", NotFoundError: "micNone" }[error.name];
    return tell($("said-receipt"), false, why ? word(why) : word("micFailed", { why: error.message }));
  }
  const taken = await take("microphone");
  if (!taken) return stream.getTracks().forEach((track) => track.stop());
  try {
    const mine = await speak(stream);
    microphone = mine;
    mine.ended?.then(() => microphone === mine && handBack("micLost"));
    return tell($("said-receipt"), true, word("micLive"));
  } catch (error) {
    stream.getTracks().forEach((track) => track.stop());
    act($("said-receipt"), "hand_back");
    return tell($("said-receipt"), false, word("micFailed", { why: error.message }));
  }
}

function closeMicrophone() {
  microphone?.stop();
  microphone = null;
}

// --- acts -------------------------------------------------------------------------------------------

async function take(kind, name = "take_over") {
  moved = performance.now();
  const answer = await act($("said-receipt"), name, { kind });
  if (answer && kind === "type") $("line").focus();
  return answer;
}

async function handBack(why) {
  const answer = await act($("said-receipt"), "hand_back"); // first: to close the microphone hands her back as well
  closeMicrophone();
  if (answer && why) tell($("said-receipt"), false, word(why));
}

export function leaseChanged({ why, holder, before }) {
  if (why === "silent" && before) tell($("said-receipt"), false, word("leaseSilent"));
  if (why === "forced" && holder) tell($("said-receipt"), false, word("leaseForced", { user: person(holder.user ?? holder) }));
}

export function wireTakeOver() {
  $("take-type").addEventListener("click", () => take("type"));
  $("take-mic").addEventListener("click", takeByMicrophone);
  twice($("take-force"), () => take("type", "take_over_force"));
  $("hand-back").addEventListener("click", () => handBack());
  for (const sign of ["keydown", "pointerdown", "input"]) {
    document.addEventListener(sign, () => { moved = performance.now(); }, { passive: true });
  }
  setInterval(() => {
    if (mine() && show.line === "open" && idle() < IDLE_SECONDS) quietly("lease_keep");
  }, KEEP_MS);
  setInterval(() => show.status?.lease && showTakeOver(), 500);
}
