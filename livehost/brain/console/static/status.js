// What the show is doing, in plain words.
// In:  /api/status, or null when the server is silent.   Out: the status strip, warnings, outputs, numbers.

import { element, follow } from "./lists.js";
import { named, phrase, word } from "./words.js";

const WELL = new Set(["live"]);
const $ = (id) => document.getElementById(id);

export function showStatus(status) {
  const stage = status?.stage ?? {};
  const outputs = outputsOf(status);
  const mode = status ? modeOf(status) : "offline";
  $("mode").textContent = named("mode", mode);
  $("mode").dataset.mode = mode;
  if (status) {
    $("title").textContent = status.title || status.room || "livehost";
    document.title = `${named("mode", mode)} · ${$("title").textContent}`;
    $("uptime").textContent = span(status.uptime_seconds);
    $("quality").textContent = stage.quality ? named("quality", stage.quality) : "–";
    $("late").textContent = count(stage.counters?.late);
    $("dropped").textContent = count(outputs.reduce((sum, output) => sum + (output.dropped_frames || 0), 0));
    $("now").textContent = status.now?.text || "–";
    showButtons(mode);
    showNumbers(status, stage);
  }
  showOutputs(outputs);
  showWarnings(warningsOf(status, stage, outputs, mode));
}

function modeOf(status) {
  return status.stage?.connected === false ? "waiting" : status.mode ?? "unknown";
}

export function outputsOf(status) {
  const outputs = status?.outputs ?? [];
  return Array.isArray(outputs) ? outputs : Object.entries(outputs).map(([name, rest]) => ({ name, ...rest }));
}

function showButtons(mode) {
  const paused = mode === "paused";
  const slate = mode === "slate";
  Object.assign($("pause").dataset, { word: paused ? "resume" : "pause", command: paused ? "resume" : "pause" });
  Object.assign($("slate").dataset, { word: slate ? "slateOff" : "slateOn", on: String(!slate) });
  for (const id of ["pause", "slate"]) $(id).textContent = word($(id).dataset.word);
}

function warningsOf(status, stage, outputs, mode) {
  if (!status) return [word("warnOffline")];
  const found = (status.warnings ?? []).map((line) => phrase(String(line))).filter(Boolean);
  if (!stage.connected) return [word("warnStage"), ...found];
  for (const { name, state } of outputs) {
    if (!WELL.has(state)) found.push(word("warnOutput", { name, state: named("state", state) }));
  }
  if (stage.quality && stage.quality !== "FULL") {
    found.push(word("warnQuality", { level: named("quality", stage.quality) }));
  }
  if (mode === "slate") found.push(word("warnSlate"));
  if (mode === "paused") found.push(word("warnPaused"));
  return found;
}

function showWarnings(lines) {
  follow($("warnings"), lines, (line) => line, () => "", (line) => element("li", "", line));
}

function showOutputs(outputs) {
  $("no-outputs").hidden = outputs.length > 0;
  const facts = ({ state, bitrate_kbps: rate, losses, dropped_frames: lost, reason }) => [
    WELL.has(state) && rate ? word("rate", { n: Math.round(rate) }) : "",
    losses ? word("losses", { n: losses }) : "",
    lost ? word("lost", { n: lost }) : "",
    WELL.has(state) ? "" : String(reason ?? ""),
  ].filter(Boolean).join(" · ");
  follow(
    $("outputs"), outputs, ({ name }) => name,
    (output) => named("state", output.state) + facts(output),
    (output) => element(
      "li", WELL.has(output.state) ? "well" : "unwell",
      element("span", "dot"), element("b", "", String(output.name)),
      element("span", "state", named("state", output.state)), element("small", "", facts(output)),
    ),
  );
}

function showNumbers(status, stage) {
  const counters = stage.counters ?? {};
  const rows = [
    ["ticks", count(counters.ticks)], ["repeated", count(counters.repeated)],
    ["skipped", count(counters.skipped)], ["filler", count(counters.filler)],
    ["resets", count(counters.resets)],
    ["queued", stage.speech_queued_seconds === undefined ? "–" : word("seconds", { n: stage.speech_queued_seconds.toFixed(1) })],
    ["chatWaiting", count(total(status.chat?.waiting))], ["chatRejected", count(total(status.chat?.rejected))],
  ];
  follow(
    $("numbers"), rows, ([key]) => key, ([key, value]) => word(key) + value,
    ([key, value]) => element("div", "", element("dt", "", word(key)), element("dd", "", value)),
  );
}

// A number, or the sum of numbers by name.
function total(value) {
  return value && typeof value === "object" ? Object.values(value).reduce((sum, n) => sum + n, 0) : value;
}

function count(value) {
  return Number.isFinite(value) ? value.toLocaleString("en-US") : "–";
}

function span(seconds) {
  if (!Number.isFinite(seconds)) return "–";
  const [h, m, s] = [seconds / 3600, (seconds / 60) % 60, seconds % 60].map(Math.floor);
  return [h, m, s].map((n) => String(n).padStart(2, "0")).join(":");
}
