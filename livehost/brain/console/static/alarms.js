// What needs the operator now, in plain words with what to do, and a button where one press does it.
// In:  the state.   Out: the alarm bar; one spoken line for screen readers; what began and ended, for the log.

import { act } from "./act.js";
import { button, element, follow } from "./lists.js";
import { may, mode, outputs, show } from "./state.js";
import { text } from "./status.js";
import { named, phrase, reason, word } from "./words.js";

const $ = (id) => document.getElementById(id);
const RANK = { bad: 0, warn: 1, note: 2 };

// Lines of the server by what there is to do about them.
const ADVICE = [
  [/^catalog not reloaded|^word lists not reloaded/, "todoCatalog", "warn"],
  [/^(state|audit log) cannot be written/, "todoDisk", "bad"],
  [/^disk full/, "todoDiskFull", "bad"],
  [/^disk nearly full/, "todoDiskSoon", "warn"],
  [/^the state file was damaged/, "todoState", "note"],
  [/^cached speech/, "todoConsent", "warn"],
  [/^voice \S+ is refused/, "todoPerson", "bad"],
  [/^voice /, "todoVoice", "warn"],
  [/^language model/, "todoModel", "note"],
  [/^chat source /, "todoSource", "warn"],
  [/^action /, "todoAction", "note"],
  [/^experiment/, "todoExperiment", "note"],
  [/^GPU /, "todoGpu", "note"],
  [/^viewers /, "todoViewers", "warn"],
  [/^picture: renderer failed/, "todoRenderer", "bad"],
  [/^picture: .*onsent/, "todoPerson", "bad"],
  [/^picture: /, "todoPicture", "warn"],
];
const MOST = 3; // alarms that are shown without asking; the picture and the buttons have to stay in sight

let active = new Map();
let all = false; // whether those beyond MOST are shown, too

// Show the alarms; return which began and which are over: [{key, text, over}].
export function showAlarms() {
  // What one press undoes comes first: it is never among those that are left out.
  const alarms = found().sort((a, b) => Boolean(b.does) - Boolean(a.does) || RANK[a.level] - RANK[b.level]);
  const shown = all ? alarms : alarms.slice(0, MOST);
  $("alarms-more").hidden = alarms.length <= MOST;
  $("alarms-more").setAttribute("aria-expanded", String(all));
  text($("alarms-more"), all ? word("alarmsLess") : word("alarmsMore", { n: alarms.length - MOST }));
  follow(
    $("alarms"), shown, ({ key }) => key, ({ level, text: said, todo, does }) => `${level}${said}${todo}${does?.word ?? ""}`, row,
  );
  const changes = [];
  const now = new Map(alarms.map((alarm) => [alarm.key, alarm]));
  for (const [key, alarm] of now) if (!active.has(key)) changes.push({ ...alarm, over: false });
  for (const [key, alarm] of active) if (!now.has(key)) changes.push({ ...alarm, over: true });
  active = now;
  const begun = changes.filter(({ over, level }) => !over && level !== "note");
  if (begun.length) $("alarm-voice").textContent = begun.map(({ text, todo }) => `${text} ${todo}`).join(" ");
  return changes;
}

function row({ level, text, todo, does }) {
  const press = does
    ? button(word(does.word), "small", () => act($("outcome"), does.name, does.args, { done: does.done }))
    : null;
  return element("li", level, element("p", "", element("b", "", text), todo ? element("span", "todo", todo) : null), press);
}

export function wireAlarms(render) {
  $("alarms-more").addEventListener("click", () => {
    all = !all;
    render();
  });
}

function found() {
  const { status, line } = show;
  if (line === "lost") return [alarm("offline", "bad", word("warnOffline"), word("todoOffline"))];
  if (!status) return [];
  const list = line === "polling" ? [alarm("polling", "note", word("warnPolling"))] : [];
  if (status.stage?.connected === false) {
    return [...list, alarm("stage", "bad", word("warnStage"), word("todoStage")), ...told(status)];
  }
  return [...list, ...told(status), ...ofOutputs(status), ...ofPicture(status), ...ofMode()];
}

function alarm(key, level, text, todo = "", does = null) {
  return { key, level, text, todo, does: does && may(does.name) ? does : null };
}

// What stays the same while a warning's numbers and tries go on: it is one alarm.
const NAMES = /^(voice \S+|chat source \S+|action \S+|viewers \w+|cached speech|language model|disk full)/;

function told(status) {
  return (status.warnings ?? []).map((warning) => {
    const line = String(warning?.text ?? warning);
    const known = ADVICE.find(([pattern]) => pattern.test(line));
    const text = phrase(line);
    const todo = warning?.todo ? phrase(String(warning.todo)) : known ? word(known[1]) : "";
    return text ? alarm(`told ${NAMES.exec(line)?.[0] ?? line.replace(/[\d.]+ GB/, "")}`, known?.[2] ?? "warn", text, todo) : null;
  }).filter(Boolean);
}

function ofOutputs(status) {
  const full = (status.warnings ?? []).some((warning) => String(warning?.text ?? warning).startsWith("disk full")); // tells of recordings, too
  // An output that was lost stays an alarm while it tries again.
  const lost = ({ name, state }) => state === "waiting" || state === "failed" || (state === "connecting" && active.has(`output ${name}`));
  return outputs().filter(lost).filter(({ reason: why }) => !(full && why === "failed: disk full")).map(({ name, state, reason: why }) => (
    alarm(`output ${name}`, "bad", word("warnOutput", { name, why: why ? reason(String(why)) : named("state", state) }), word("todoOutput"))
  ));
}

function ofPicture({ stage }) {
  if (!stage?.quality || stage.quality === "FULL") return [];
  return [alarm("quality", "warn", word("warnQuality", { level: named("quality", stage.quality) }), word("todoQuality"))];
}

function ofMode() {
  const back = may("panic")
    ? { word: "panicOff", name: "panic", args: { on: false }, done: "ok.panicOff" }
    : { word: "slateOff", name: "slate", args: { on: false } };
  const resume = { word: "resume", name: "resume", args: {} };
  const unmute = { word: "unmute", name: "mute", args: { on: false }, done: "ok.unmute" };
  const known = {
    slate: () => alarm("slate", "warn", word("warnSlate"), word("todoSlate"), back),
    paused: () => alarm("paused", "warn", word("warnPaused"), word("todoPaused"), resume),
    muted: () => alarm("muted", "warn", word("warnMuted"), word("todoMuted"), unmute),
  }[mode()];
  return known ? [known()] : [];
}
