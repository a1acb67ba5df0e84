// Chat with what became of each message and why, and what was said.
// In:  the state.   Out: lists of text; every word of others is a text node.

import { rule } from "./act.js";
import { element, follow, stickToEnd } from "./lists.js";
import { show, spelled } from "./state.js";
import { clock } from "./status.js";
import { has, named, phrase, word } from "./words.js";

const $ = (id) => document.getElementById(id);

let filter = "all";

const SHOWN = {
  all: () => true,
  waiting: ({ kind, state }) => isComment(kind) && (state ?? "waiting") === "waiting",
  stopped: ({ kind, state, stopped }) => Boolean(stopped) || (isComment(kind) && (state === "passed" || state === "rejected")),
};

function isComment(kind) {
  return !kind || kind === "comment";
}

export function showChat() {
  const chat = show.chat.map(withGate).filter(SHOWN[filter]);
  $("no-messages").hidden = chat.length > 0;
  $("no-messages").textContent = word(filter === "all" ? "noChat" : "noneFiltered");
  follow($("messages"), chat, ({ id }) => id, (message) => JSON.stringify(message), messageRow);
  $("left-out").hidden = !show.leftOut;
  $("left-out").textContent = show.leftOut ? word("leftOut", { n: show.leftOut }) : "";
}

// What the gate stopped in the answer to a message.
function withGate(message) {
  if (message.utterance === undefined) return message;
  const stopped = show.log.find(({ kind, data }) => kind === "gate" && data.utterance === message.utterance)?.data;
  return stopped ? { ...message, stopped } : message;
}

function messageRow(message) {
  const { at, kind, class: of, nickname, text, count, state, answer, outcome, stopped } = message;
  const event = !isComment(kind);
  const why = has("outcome", outcome) ? named("outcome", outcome) : "";
  const head = element(
    "div", "who",
    element("b", "", String(nickname || word("viewer"))), clock(at),
    of ? element("span", "class", named("class", of)) : null,
    event || !state ? null : element("span", `badge ${safe(state)}`, [named("chat", state), why].filter(Boolean).join(" · ")),
  );
  const said = event ? `${named("kind", kind)} ${text ?? ""}${count > 1 ? ` ×${count}` : ""}` : String(text ?? "");
  const reply = answer ? element("p", "answer", element("span", "tag", word("answered")), String(answer)) : null;
  return element("li", "", head, element("p", event ? "event" : "text", said), reply, stopped ? gateNote(stopped) : null);
}

export function gateNote({ rule: id, found, text, said }) {
  return element(
    "p", "gate-note", element("b", "", word("gateStopped", { found: found ?? "", rule: rule(id) })),
    text ? element("s", "", String(text)) : null, said ? element("span", "", word("gateSaid", { said })) : null,
  );
}

export function showSaid() {
  $("no-utterances").hidden = show.said.length > 0;
  follow($("utterances"), show.said, ({ utterance, sentence }) => `${utterance}.${sentence}`, (said) => JSON.stringify(said), saidRow);
}

function saidRow({ at, kind, why, text, state }) {
  const head = element(
    "div", "who", element("span", `why why-${safe(kind)}`, kind ? named("why", kind) : ""),
    element("span", "", phrase(spelled(why))), clock(at),
    state ? element("span", `badge ${safe(state)}`, named("said", state)) : null,
  );
  return element("li", "", head, element("p", "text", String(text ?? "")));
}

function safe(state) {
  return String(state).replace(/[^a-z]/g, "-");
}

export function wireChat(send) {
  stickToEnd($("messages"));
  for (const chip of document.querySelectorAll("[data-filter]")) {
    chip.addEventListener("click", () => {
      filter = chip.dataset.filter;
      for (const other of document.querySelectorAll("[data-filter]")) other.setAttribute("aria-pressed", String(other === chip));
      showChat();
    });
  }
  $("nickname").value = localStorage.getItem("livehost.nickname") ?? "";
  $("ask").addEventListener("submit", async (event) => {
    event.preventDefault();
    const nickname = $("nickname").value.trim() || word("viewer");
    const text = $("question").value.trim();
    if (!text) return;
    localStorage.setItem("livehost.nickname", $("nickname").value);
    if (await send({ kind: "comment", user: `console:${nickname}`, nickname, text })) $("question").value = "";
  });
}
