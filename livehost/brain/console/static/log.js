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

const BODIES = {
  alarm: ({ text, todo, over }) => (over ? word("of", { what: word("logOver"), name: text }) : [text, todo].filter(Boolean).join(" ")),
  command: ({ who, name, args, ok, message }) => {
    const what = has("command", name) ? named("command", name) : String(name);
    const given = Object.entries(args ?? {}).filter(([key, value]) => key !== "version" && typeof value !== "object").map(([, value]) => value).join(" ");
    return `${who ?? ""} · ${what} ${given}${ok ? "" : ` → ${phrase(String(message ?? ""))}`}`;
  },
  lease: ({ holder, before, why }) => `${named("lease", why)} ${holder?.user ?? before?.user ?? ""}`,
  reload: ({ problems }) => (problems?.length ? String(problems[0]) : ""),
  show: () => "",
};
