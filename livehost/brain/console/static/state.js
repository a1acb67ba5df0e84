// What the page knows: the show as the server tells it, and what happened lately.
// In:  snapshots, patches and events.   Out: one object, `show`, that the views read.

const MOST_CHAT = 120;
const MOST_SAID = 80;
const MOST_LOG = 200;

export const show = {
  status: null, // null: the server is silent
  chat: [],
  said: [],
  log: [], // what an operator may want to look up: {at, kind, data}
  line: "connecting",
  leftOut: 0,
  me: null, // who one is, by HTTP
  welcome: null, // the server's hello; null while only the HTTP API answers
};

// Commands that the HTTP API takes from everybody whom it lets in, while there was no hello.
const BASIC = ["say", "skip", "pause", "resume", "product", "slate", "panic", "mute", "output_add", "output_set", "output_remove", "stop"];

export function may(name) {
  if (show.welcome) return show.welcome.commands.some((known) => known.name === name);
  return show.line === "polling" && show.me?.role !== "viewer" && BASIC.includes(name);
}

// RFC 7396.
export function patched(tree, patch) {
  const after = { ...tree };
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete after[key];
    else if (typeof value === "object" && !Array.isArray(value)) {
      const old = after[key];
      after[key] = patched(old && typeof old === "object" && !Array.isArray(old) ? old : {}, value);
    } else after[key] = value;
  }
  return after;
}

export function takeRecent({ chat = [], utterances = [] }) {
  const known = new Map(show.chat.map((message) => [message.id, message]));
  show.chat = chat.map((message) => ({ ...pick(known.get(message.id)), ...message }));
  show.said = utterances.slice();
}

// What an event told of a message and a snapshot does not.
function pick(message) {
  if (!message) return {};
  const { outcome, utterance, stopped } = message;
  return Object.fromEntries(Object.entries({ outcome, utterance, stopped }).filter(([, value]) => value !== undefined));
}

const announced = new Map(); // utterances that began, by their number
const MOST_ANNOUNCED = 16;

const TAKES = {
  chat: (data, at) => {
    if (show.chat.some(({ id }) => id === data.id)) return;
    show.chat.push({ ...data, at: data.sent || at, class: data.of, state: "waiting", answer: "" });
    show.chat = show.chat.slice(-MOST_CHAT);
  },
  chat_done: ({ id, outcome, utterance }) => {
    const message = show.chat.find((known) => known.id === id);
    if (!message) return;
    const answered = ["answered", "asked_back", "digest"].includes(outcome);
    Object.assign(message, { outcome, utterance, state: answered ? "answered" : "passed" });
    if (answered) message.answer = textOf(utterance);
  },
  sentence: ({ utterance, sentence, state, text, ...rest }, at) => {
    const known = show.said.find((said) => said.utterance === utterance && said.sentence === sentence);
    if (known) Object.assign(known, { state }, text ? { text } : {});
    else show.said.push({ at, utterance, sentence, state, text, ...about(utterance), ...rest });
    show.said = show.said.slice(-MOST_SAID);
    const asked = show.chat.find((message) => message.utterance === utterance && message.state === "answered");
    if (asked) asked.answer = textOf(utterance);
  },
  utterance: ({ utterance, kind, reason, product }) => {
    announced.set(utterance, { kind, why: reason, product });
    if (announced.size > MOST_ANNOUNCED) announced.delete(announced.keys().next().value);
  },
  gate: (data, at) => note("gate", data, at),
  command: (data, at) => note("command", data, at),
  lease: (data, at) => note("lease", data, at),
  reload: (data, at) => note("reload", data, at),
  show: (data, at) => note("show", data, at),
};

export function takeEvents(events, leftOut) {
  show.leftOut = leftOut;
  for (const { at, kind, data } of events) TAKES[kind]?.(data ?? {}, at);
}

export function note(kind, data, at) {
  show.log.push({ at, kind, data, id: `${at}.${show.log.length ? (show.log.at(-1).n ?? 0) + 1 : 0}`, n: (show.log.at(-1)?.n ?? 0) + 1 });
  show.log = show.log.slice(-MOST_LOG);
}

// What an utterance is for: it was told when it began, or of its sentences that were said before the page came.
function about(utterance) {
  const before = show.said.find((said) => said.utterance === utterance && said.kind);
  return announced.get(utterance) ?? (before && { kind: before.kind, why: before.why, product: before.product });
}

function textOf(utterance) {
  if (utterance === undefined || utterance === null) return "";
  return show.said.filter((said) => said.utterance === utterance).map(({ text }) => text).join("");
}

// --- reading ---------------------------------------------------------------------------------------

export function outputs() {
  const list = show.status?.outputs ?? [];
  return Array.isArray(list) ? list : Object.entries(list).map(([name, rest]) => ({ name, ...rest }));
}

// What a reason of the server is about, by the product's name in place of its id.
export function spelled(why) {
  const nameOf = (id) => show.status?.products?.find((known) => known.id === id)?.name ?? id;
  return String(why ?? "").replace(/^(question about )([^,]+)/, (_, about, id) => about + nameOf(id));
}

export function mode() {
  if (!show.status || show.line === "lost" || show.line === "login") return "offline";
  return show.status.stage?.connected === false ? "waiting" : show.status.mode ?? "unknown";
}
