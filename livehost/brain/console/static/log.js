// The log in plain words: alarms that began and ended, who did what, what the gate stopped.
// In:  events of the server, changes of the alarms.   Out: a list, newest first.

import { element, follow } from "./lists.js";
import { show } from "./state.js";
import { clock } from "./status.js";
import { gateNote } from "./talk.js";
import { has, named, phrase, word } from "./words.js";

const $ = (id) => document.getElementById(id);
const MOST = 120;
const QUIET = new Set(["lease_keep"]);

export function showLog() {
  const entries = show.log.filter(({ data }) => !QUIET.has(data.name)).slice(-MOST).reverse();
  $("no-events").hidden = entries.length > 0;
  follow($("events"), entries, ({ id }) => id, () => "", row);
}

const TITLES = {
  alarm: "logAlarm", gate: "logGate", command: "logCommand", lease: "logLease", reload: "logReload", show: "logShow",
};

function row({ at, kind, data }) {
  const level = kind === "alarm" ? (data.over ? "over" : data.level) : kind === "command" && !data.ok ? "warn" : kind;
  const head = element("div", "who", element("b", "", word(TITLES[kind])), clock(at));
  return element("li", `log-${level}`, head, kind === "gate" ? gateNote(data) : element("p", "text", BODIES[kind]?.(data) ?? ""));
}

const UNTOLD = new Set(["version", "was", "line"]); // which text or line it was is said by other words

// One argument of a command, as it is called on the page.
function told([key, value]) {
  if (typeof value === "boolean") {
    if (has("layer", key)) return `${named("layer", key)} ${word(value ? "switchedOn" : "switchedOff")}`;
    return key === "on" && !value ? word("switchedOff") : value && has("arg", key) ? named("arg", key) : "";
  }
  if (typeof value === "object") return "";
  if (key === "product" || key === "id") return show.status?.products?.find((known) => known.id === value)?.name ?? value;
  const group = { emotion: "emotion", kind: "how" }[key];
  return group ? named(group, value) : String(value);
}

const BODIES = {
  alarm: ({ text, todo, over }) => (over ? word("of", { what: word("logOver"), name: text }) : [text, todo].filter(Boolean).join(" ")),
  command: ({ who, name, args, ok, message }) => {
    const what = has("command", name) ? named("command", name) : String(name);
    const given = Object.entries(args ?? {}).filter(([key]) => !UNTOLD.has(key)).map(told).filter(Boolean).join(" ");
    const line = `${who === "local" ? word("localUser") : who ?? ""} · ${what} ${given}`.trim();
    return ok ? line : `${line} → ${phrase(String(message ?? ""))}`;
  },
  lease: ({ holder, before, why }) => `${named("lease", why)} ${holder?.user ?? before?.user ?? ""}`,
  reload: ({ problems }) => (problems?.length ? String(problems[0]) : ""),
  show: () => "",
};
