// Where the stream goes: each output's health, and adding, moving and ending one.
// In:  the state, a URL that is sent once and never shown.   Out: rows; commands.

import { act, confirmed, tell } from "./act.js";
import { button, element, follow } from "./lists.js";
import { may, outputs } from "./state.js";
import { named, reason, word } from "./words.js";

const $ = (id) => document.getElementById(id);

export function showOutputs() {
  const list = outputs();
  $("no-outputs").hidden = list.length > 0;
  $("output-form").hidden = !may("output_add");
  follow($("outputs"), list, ({ name }) => name, (output) => `${output.state}${facts(output)}${may("output_remove")}${may("output_set")}`, row);
}

function facts({ state, bitrate_kbps: rate, losses, dropped_frames: lost, queue_seconds: queue, reason: why }) {
  return [
    state === "live" && rate ? word("rate", { n: Math.round(rate) }) : "",
    losses ? word("losses", { n: losses }) : "",
    lost ? word("lost", { n: lost }) : "",
    queue > 1 ? word("backlog", { n: queue.toFixed(1) }) : "",
    state === "live" || !why ? "" : reason(String(why)),
  ].filter(Boolean).join(" · ");
}

function row(output) {
  const { name, state } = output;
  const buttons = element("span", "row-buttons");
  const line = element(
    "li", state === "live" ? "well" : "unwell",
    element("span", "dot"), element("b", "", String(name)), element("span", "state", named("state", state)),
    element("small", "", facts(output)), buttons,
  );
  if (may("output_set")) buttons.append(button(word("outputSet"), "small", () => move(line, name), `${word("outputSet")} ${name}`));
  if (may("output_remove")) buttons.append(button(word("outputStop"), "small danger", () => end(name), `${word("outputStop")} ${name}`));
  return line;
}

// A field for a new URL under the row; the row stays as it is while it is open.
function move(line, name) {
  if (line.dataset.held) return line.querySelector("input").focus();
  const form = element("form", "move");
  const field = element("input");
  Object.assign(field, { type: "password", maxLength: 2000, required: true, placeholder: "rtmp://…", autocomplete: "off" });
  field.setAttribute("aria-label", `${name}: ${word("outputUrl")}`);
  const close = () => {
    form.remove();
    delete line.dataset.held;
  };
  const save = element("button", "main small", word("outputSave"));
  save.type = "submit";
  form.append(field, save, button(word("cancel"), "small", close));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (await act($("output-receipt"), "output_set", { name, url: field.value.trim() }, { values: { name } })) close();
  });
  line.dataset.held = "1";
  line.append(form);
  return field.focus();
}

async function end(name) {
  const sure = await confirmed(word("outputAsk", { name }), word("outputMeans"), word("outputStop"));
  if (sure) act($("output-receipt"), "output_remove", { name }, { values: { name } });
}

export function wireOutputs() {
  $("output-form").addEventListener("submit", async (event) => {
    event.preventDefault();
    const name = $("output-name").value.trim();
    const url = $("output-url").value.trim();
    if (outputs().some((known) => known.name === name && known.state !== "stopped")) {
      tell($("output-receipt"), false, word("outputKnown", { name })); // adding it would end the one on air
      return;
    }
    if (!(await act($("output-receipt"), "output_add", { name, url }, { values: { name } }))) return;
    $("output-name").value = "";
    $("output-url").value = "";
  });
}
