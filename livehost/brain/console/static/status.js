// The head of the page: what the show is doing, and whether the page knows.
// In:  the state.   Out: the status strip, the numbers.

import { element, follow } from "./lists.js";
import { mode, outputs, show } from "./state.js";
import { named, word } from "./words.js";

const $ = (id) => document.getElementById(id);

export function showStatus() {
  const { status } = show;
  const now = show.line === "login" ? "login" : mode();
  $("mode").dataset.mode = now;
  text($("mode"), named("mode", now));
  document.body.dataset.line = show.line;
  showWho();
  if (!status) return;
  const stage = status.stage ?? {};
  text($("title"), status.title || status.room || "livehost");
  document.title = `${named("mode", now)} · ${$("title").textContent}`;
  text($("uptime"), span(status.uptime_seconds));
  text($("quality"), stage.quality ? named("quality", stage.quality) : "–");
  text($("late"), count(stage.counters?.late));
  const dropped = outputs().reduce((sum, output) => sum + (output.dropped_frames || 0), 0);
  text($("dropped"), outputs().length ? count(dropped) : "–");
  text($("now"), status.now?.text || "–");
}

function showWho() {
  const { welcome } = show;
  $("who").hidden = !welcome || welcome.user === "local";
  if (welcome) text($("who"), `${welcome.user} · ${named("role", welcome.role)}`);
}

// Set a text only when it changes, so that nothing is announced again.
export function text(node, value) {
  if (node.textContent !== value) node.textContent = value;
}

export function showNumbers() {
  const stage = show.status?.stage ?? {};
  const counters = stage.counters ?? {};
  const chat = show.status?.chat ?? {};
  const rows = [
    ["ticks", count(counters.ticks)], ["repeated", count(counters.repeated)],
    ["skipped", count(counters.skipped)], ["filler", count(counters.filler)],
    ["resets", count(counters.resets)], ["encoder", stage.encoder ?? "–"], ["provider", stage.provider ?? "–"],
    ["queued", stage.speech_queued_seconds === undefined ? "–" : word("seconds", { n: stage.speech_queued_seconds.toFixed(1) })],
    ["chatWaiting", count(total(chat.waiting))], ["chatRejected", count(total(chat.rejected))],
  ];
  follow(
    $("numbers"), rows, ([key]) => key, ([, value]) => value,
    ([key, value]) => element("div", "", element("dt", "", word(key)), element("dd", "", value)),
  );
}

// A number, or the sum of numbers by name.
export function total(value) {
  return value && typeof value === "object" ? Object.values(value).reduce((sum, n) => sum + n, 0) : value;
}

export function count(value) {
  return Number.isFinite(value) ? value.toLocaleString("en-US") : "–";
}

export function span(seconds) {
  if (!Number.isFinite(seconds)) return "–";
  const [h, m, s] = [seconds / 3600, (seconds / 60) % 60, seconds % 60].map(Math.floor);
  return [h, m, s].map((n) => String(n).padStart(2, "0")).join(":");
}

// m:ss, for what lasts minutes.
export function minutes(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

export function clock(at) {
  const time = new Date(at ?? "");
  if (Number.isNaN(time.getTime())) return null;
  return element("time", "", time.toLocaleTimeString("zh-CN", { hourCycle: "h23" }));
}

// Day and time of something to come, as the operator's language writes it.
export function moment(at) {
  const style = { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
  return new Date(at).toLocaleString(document.documentElement.lang, style);
}
