// Five minutes of the numbers that tell whether a show is well, as small lines.
// In:  one sample a second.   Out: SVG; each plot says its newest and its highest value in words.

import { element } from "./lists.js";
import { outputs, show } from "./state.js";
import { total } from "./status.js";
import { word } from "./words.js";

const SVG = "http://www.w3.org/2000/svg";
const MOST = 300; // samples
const WIDTH = 300;
const HEIGHT = 56;

// Each: name, unit, digits, least top of the scale, a limit that is drawn, and its series [label, sample => number].
const PLOTS = [
  ["tick", "ms", 0, 40, 40, [["tickRender", (s) => s.render], ["tickEncode", (s) => s.encode]]],
  ["lag", "ms", 1, 10, 40, [["lag", (s) => s.lag]]],
  ["latency", "s", 1, 1, null, [["latency", (s) => s.behind]]],
  ["av", "ms", 0, 60, 60, [["av", (s) => s.av]]],
  ["lost", "/s", 0, 5, null, [["lostLate", (s) => s.late], ["lostDropped", (s) => s.dropped]]],
  ["queue", "", 1, 5, null, [["queueSpeech", (s) => s.speech], ["queueChat", (s) => s.chat]]],
  ["rate", "kbps", 0, 500, null, [["rate", (s) => s.rate]]],
  ["cpu", "%", 0, 100, null, [["cpu", (s) => s.cpu]]],
  ["gpu", "%", 0, 100, null, [["gpuLoad", (s) => s.gpu], ["gpuEncoder", (s) => s.gpuEncoder]]],
  ["gpuMemory", "%", 0, 100, null, [["gpuMemory", (s) => s.gpuMemory]]],
  ["gpuHeat", "°C", 0, 100, null, [["gpuHeat", (s) => s.gpuHeat]]],
  ["memory", "%", 0, 100, null, [["memory", (s) => s.memory]]],
];

const samples = [];
let health = {}; // of the picture, by the player
let before = null;

export function pictureIs(found) {
  health = found;
}

// Take one sample of the state, about once a second.
export function sample() {
  const { status } = show;
  if (!status || show.line === "lost") return samples.push({}) > MOST && samples.shift();
  const { counters = {}, milliseconds = {}, speech_queued_seconds: speech } = status.stage ?? {};
  const lost = { late: counters.late ?? 0, dropped: outputs().reduce((sum, output) => sum + (output.dropped_frames ?? 0), 0) };
  const machine = status.machine ?? {};
  samples.push({
    render: milliseconds.render?.p95, encode: milliseconds.encode?.p95, lag: milliseconds.lag?.p95,
    behind: health.behind, av: health.avOffsetMs === undefined || health.avOffsetMs === null ? undefined : Math.abs(health.avOffsetMs),
    late: before ? Math.max(0, lost.late - before.late) : 0, dropped: before ? Math.max(0, lost.dropped - before.dropped) : 0,
    speech, chat: total(status.chat?.waiting),
    rate: outputs().length ? outputs().reduce((sum, output) => sum + (output.bitrate_kbps ?? 0), 0) : undefined,
    cpu: machine.cpu_percent, memory: machine.memory_percent,
    gpu: machine.gpu_percent, gpuEncoder: machine.gpu_encoder_percent, gpuHeat: machine.gpu_celsius,
    gpuMemory: machine.gpu_memory_total_mib ? (100 * machine.gpu_memory_used_mib) / machine.gpu_memory_total_mib : undefined,
  });
  before = lost;
  return samples.length > MOST && samples.shift();
}

export function showPlots(node) {
  for (const plot of PLOTS) draw(node, plot);
}

function draw(node, [name, unit, digits, least, limit, series]) {
  const known = series.some(([, of]) => samples.some((one) => Number.isFinite(of(one))));
  let figure = node.querySelector(`[data-plot="${name}"]`);
  if (!known) return figure?.remove();
  if (!figure) {
    figure = make(name, series.length);
    node.append(figure);
  }
  const values = series.map(([, of]) => samples.map(of).map((value) => (Number.isFinite(value) ? value : null)));
  const most = Math.max(...values.flat().filter((value) => value !== null), 0);
  const top = Math.max(least, most * 1.1);
  const shown = (value) => `${value.toFixed(value && value < 10 ? Math.max(digits, 1) : digits)}${unit && ` ${unit}`}`;
  const now = values.map((line) => line.findLast((value) => value !== null));
  const labels = now.map((value, n) => {
    if (value === undefined) return ""; // a card without an encoder
    return series.length > 1 ? `${word(`plot.${series[n][0]}`)} ${shown(value)}` : shown(value);
  });
  figure.querySelector("b").textContent = word(`plot.${name}`);
  figure.querySelectorAll("figcaption span").forEach((label, n) => { label.textContent = labels[n]; });
  figure.querySelectorAll("path.series").forEach((path, n) => path.setAttribute("d", line(values[n], top)));
  const rule = figure.querySelector(".limit");
  const at = limit === null ? -9 : HEIGHT - (limit / top) * HEIGHT;
  rule.setAttribute("y1", at);
  rule.setAttribute("y2", at);
  figure.querySelector("svg").setAttribute("aria-label", word("plotName", { name: word(`plot.${name}`), now: labels.filter(Boolean).join(", "), most: shown(most) }));
  return undefined;
}

function line(values, top) {
  let d = "";
  let pen = "M";
  values.forEach((value, n) => {
    if (value === null) {
      pen = "M";
      return;
    }
    const x = WIDTH - (values.length - 1 - n) * (WIDTH / (MOST - 1));
    d += `${pen}${x.toFixed(1)} ${(HEIGHT - (value / top) * HEIGHT).toFixed(1)}`;
    pen = "L";
  });
  return d;
}

function make(name, count) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", `0 -2 ${WIDTH} ${HEIGHT + 4}`);
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("role", "img");
  const limit = document.createElementNS(SVG, "line");
  limit.setAttribute("class", "limit");
  limit.setAttribute("x1", 0);
  limit.setAttribute("x2", WIDTH);
  svg.append(limit);
  const labels = [];
  for (let n = 0; n < count; n += 1) {
    const path = document.createElementNS(SVG, "path");
    path.setAttribute("class", `series s${n}`);
    svg.append(path);
    labels.push(element("span", `s${n}`));
  }
  const figure = element("figure", "plot", element("figcaption", "", element("b"), ...labels), svg);
  figure.dataset.plot = name;
  return figure;
}
