// Experiments: what is tried, how it stands in plain words, keeping one arm, going on. Titles of the room.
// In:  the state.   Out: cards; commands.

import { act, confirmed, twice } from "./act.js";
import { button, element, follow } from "./lists.js";
import { may, show } from "./state.js";
import { named, word } from "./words.js";

const $ = (id) => document.getElementById(id);

export function hasExperiments() {
  return Boolean(show.status?.experiments?.length || show.status?.titles?.all?.length);
}

export function showExperiments() {
  follow($("trials"), show.status?.experiments ?? [], ({ id }) => id, (trial) => JSON.stringify([trial, may("experiment_stop")]), trialRow);
  const titles = show.status?.titles ?? {};
  follow(
    $("titles"), titles.all ?? [], ({ id }) => id, (title) => JSON.stringify([title, titles.on === title.id, may("title_on")]),
    (title) => titleRow(title, titles.on === title.id),
  );
}

function trialRow(trial) {
  const { id, what, kept, standing, words, arms } = trial;
  const list = element("ul", "arms", ...arms.map((arm) => armRow(trial, arm)));
  const head = element("div", "head", element("h3", "", `${id} · ${named("what", what)}`), element("span", `tag ${kept ? "calm" : ""}`, kept ? word("trialStopped") : named("standing", standing)));
  const row = element("li", "trial", head, words ? element("p", "", String(words)) : null, list);
  if (kept && may("experiment_resume")) {
    row.append(button(word("trialResume"), "small", () => act($("trial-receipt"), "experiment_resume", { id }), `${word("trialResume")} ${id}`));
  } else if (!kept && may("experiment_stop")) {
    row.append(button(word("trialStop"), "small", () => stop(id, ""), `${word("trialStop")} ${id}`));
  }
  return row;
}

function armRow({ id, kept, on }, arm) {
  const bar = element("meter");
  Object.assign(bar, { min: 0, max: 1, value: arm.best });
  bar.setAttribute("aria-label", `${arm.id}: ${word("armBest")}`);
  const keep = !kept && may("experiment_stop")
    ? button(word("armKeep"), "small", () => stop(id, arm.id), `${word("armKeep")} ${arm.id}`) : null;
  const marks = [kept === arm.id ? element("span", "tag", word("armKept")) : null, on === arm.id ? element("span", "tag", word("onAir")) : null];
  return element(
    "li", kept === arm.id ? "kept" : "",
    element("span", "arm-name", String(arm.id), ...marks.filter(Boolean)),
    element("span", "arm-numbers", word("armNumbers", { n: arm.exposures, best: Math.round(arm.best * 100) })), bar, keep,
  );
}

async function stop(id, keep) {
  if (await confirmed(word("trialStopAsk", { id }), word(keep ? "trialStopKeep" : "trialStopBest", { keep }), word("trialStop"))) {
    act($("trial-receipt"), "experiment_stop", keep ? { id, keep } : { id });
  }
}

function titleRow({ id, text }, on) {
  const row = element("li", on ? "title on" : "title", element("span", "name", String(text ?? id)), on ? element("span", "tag", word("titleIs")) : null);
  if (!on && may("title_on")) {
    const press = button(word("titleOn"), "small", () => {}, `${word("titleOn")} ${text ?? id}`);
    row.append(twice(press, () => act($("trial-receipt"), "title_on", { id })));
  }
  return row;
}
