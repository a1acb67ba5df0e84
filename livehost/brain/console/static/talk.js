// Chat with what was answered, what was said, and the products.
// In:  /api/recent and /api/status.   Out: lists of text.

import { element, follow } from "./lists.js";
import { named, phrase, word } from "./words.js";

const $ = (id) => document.getElementById(id);

export function showRecent({ chat = [], utterances = [] }) {
  $("no-messages").hidden = chat.length > 0;
  $("no-utterances").hidden = utterances.length > 0;
  follow($("messages"), chat, ({ id }) => id, (message) => JSON.stringify(message) + word("chat"), messageRow);
  follow($("utterances"), utterances, ({ utterance, sentence }) => `${utterance}.${sentence}`, (said) => JSON.stringify(said) + word("said"), saidRow);
}

function messageRow({ at, kind, class: of, nickname, text, count, state, answer }) {
  const event = kind && kind !== "comment";
  const head = element(
    "div", "who",
    element("b", "", String(nickname || word("viewer"))), clock(at),
    of ? element("span", "", named("class", of)) : null,
    event || !state ? null : element("span", `badge ${safe(state)}`, named("chat", state)),
  );
  const body = element("p", event ? "event" : "text", event ? `${named("kind", kind)} ${text ?? ""}${count > 1 ? ` ×${count}` : ""}` : String(text ?? ""));
  const reply = answer ? element("p", "answer", element("span", "tag", word("answered")), String(answer)) : null;
  return element("li", "", head, body, reply);
}

function saidRow({ at, kind, why, text, state }) {
  const head = element(
    "div", "who", element("span", `why ${safe(kind)}`, named("why", kind)),
    element("span", "", phrase(String(why ?? ""))), clock(at),
    state ? element("span", `badge ${safe(state)}`, named("said", state)) : null,
  );
  return element("li", "", head, element("p", "text", String(text ?? "")));
}

export function showProducts({ products = [], product }, choose) {
  if (!products.length) return $("products").replaceChildren(element("li", "empty", word("noProducts")));
  follow(
    $("products"), products, ({ id }) => id,
    ({ id, name, price }) => `${name}${price}${id === product}${word("sold")}`,
    ({ id, name, price }) => {
      const button = element(
        "button", "", element("span", "name", String(name ?? id)),
        id === product ? element("span", "tag", word("sold")) : null,
        price === undefined || price === null ? null : element("span", "price", `¥${price}`),
      );
      button.type = "button";
      button.setAttribute("aria-pressed", String(id === product));
      button.addEventListener("click", () => choose(id));
      return element("li", "", button);
    },
  );
  return undefined;
}

function safe(state) {
  return String(state).replace(/[^a-z]/g, "-");
}

function clock(at) {
  const time = new Date(at ?? "");
  if (Number.isNaN(time.getTime())) return null;
  return element("time", "", time.toLocaleTimeString("zh-CN", { hour12: false }));
}
