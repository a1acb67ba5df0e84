// The operator's page: what the server tells is shown, what the operator does is sent.
// In:  the websocket (or the HTTP API) and the operator's hands.   Out: the page.

import { tell, use } from "./act.js";
import { showAlarms, wireAlarms } from "./alarms.js";
import * as api from "./api.js";
import { fillEmotions, showControls, wireControls } from "./controls.js";
import { hasExperiments, showExperiments } from "./experiments.js";
import { hasFiles, showFiles, wireFiles } from "./files.js";
import { showLayers, wireLayers } from "./layers.js";
import { Link } from "./link.js";
import { showLog } from "./log.js";
import { openMicrophone } from "./microphone.js";
import { showOutputs, wireOutputs } from "./outputs.js";
import { pictureIs, sample, showPlots } from "./plots.js";
import { showRundown, takeRundown, wireRundown } from "./rundown.js";
import { showProducts } from "./sales.js";
import { note, patched, show, takeEvents, takeRecent } from "./state.js";
import { showNumbers, showStatus } from "./status.js";
import { wireTabs } from "./tabs.js";
import { leaseChanged, showTakeOver, wireTakeOver, withMicrophone } from "./takeover.js";
import { showChat, showSaid, wireChat } from "./talk.js";
import { LivePicture } from "./whep.js";
import { other, phrase, speak, translate, word } from "./words.js";

const $ = (id) => document.getElementById(id);

let panel = "products";

// --- showing ----------------------------------------------------------------------------------------

const PANELS = {
  products: showProducts, outputs: showOutputs, said: showSaid, log: showLog, experiments: showExperiments, files: showFiles,
  settings: showLayers,
  numbers: () => { showPlots($("plots")); showNumbers(); },
};

let due = false;

// Show everything that changed, once a frame at most.
function render() {
  if (due) return;
  due = true;
  const now = () => {
    due = false;
    showStatus();
    const at = new Date().toISOString();
    for (const change of showAlarms()) note("alarm", change, at);
    showControls();
    showTakeOver();
    showChat();
    showRundown();
    $("tab-experiments").hidden = !hasExperiments();
    $("tab-files").hidden = !hasFiles();
    PANELS[panel]?.();
  };
  if (document.hidden) setTimeout(now, 500);
  else requestAnimationFrame(now);
}

// --- what the server says ---------------------------------------------------------------------------

const link = new Link({
  hello: (welcome) => { show.welcome = welcome; },
  line: (how) => {
    show.line = how;
    if (how === "polling") show.welcome = null;
    render();
  },
  state: (status, recent) => {
    show.status = status;
    if (recent) takeRecent(recent);
    takeRundown();
    render();
  },
  patch: (patch) => {
    show.status = patched(show.status ?? {}, patch);
    takeRundown();
    render();
  },
  events: (events, leftOut) => {
    takeEvents(events, leftOut);
    for (const { kind, data } of events) {
      if (kind === "lease") leaseChanged(data);
    }
    render();
  },
  login: api.toLogin,
});

// The button is there where the server listens.
async function allowMicrophone() {
  const response = await fetch("/whip", { method: "OPTIONS", headers: api.headers() }).catch(() => null);
  if (response?.ok) withMicrophone(openMicrophone);
}

// A stranger is sent to the login before anything else is asked for.
async function begin() {
  await api.enterByAddress();
  try {
    show.me = await api.me();
  } catch (error) {
    if (error.status === 401) return api.toLogin();
  }
  wirePicture();
  link.start();
  await allowMicrophone();
  return render();
}

// --- wiring -----------------------------------------------------------------------------------------

async function ask(message) {
  try {
    await api.chat(message);
    tell($("receipt"), true, word("sent"));
    return true;
  } catch (error) {
    tell($("receipt"), false, word("rejected", { why: phrase(error.message) || word("noAnswer") }));
    return false;
  }
}

function wireLanguage() {
  const label = () => {
    $("language").textContent = other() === "en" ? "English" : "中文";
    $("language").lang = other() === "en" ? "en" : "zh-CN";
  };
  $("language").addEventListener("click", () => {
    speak(other());
    label();
    fillEmotions();
    showSound();
    showAway();
    render();
  });
  label();
}

function showSound() {
  const { muted } = $("video");
  $("sound").dataset.word = muted ? "soundOn" : "soundOff";
  $("sound").textContent = word($("sound").dataset.word);
  $("sound").setAttribute("aria-pressed", String(!muted));
}

const AWAY = {
  connecting: "connecting", away: "awayStage", server: "awayServer", token: "awayToken",
  full: "awayFull", browser: "awayBrowser",
};
let pictureState = "connecting";

function showAway() {
  $("away").hidden = pictureState === "playing";
  $("away").dataset.state = pictureState;
  if (AWAY[pictureState]) $("away-text").textContent = word(AWAY[pictureState]);
}

function wirePicture() {
  const video = $("video");
  video.muted = true;
  $("sound").addEventListener("click", () => {
    video.muted = !video.muted;
    showSound();
  });
  let health = {};
  video.addEventListener("health", ({ detail }) => { health = detail; });
  const player = new LivePicture(video, (state, behind) => {
    if (state !== pictureState) {
      pictureState = state;
      showAway();
    }
    pictureIs(state === "playing" ? { behind, avOffsetMs: health.avOffsetMs } : {});
    $("behind").textContent = state === "playing" ? word("behind", { s: behind.toFixed(1) }) : "";
  });
  player.run();
}

use(link);
translate();
wireLanguage();
wireChat(ask);
wireAlarms(render);
wireControls();
wireTakeOver();
wireOutputs();
wireRundown();
wireFiles();
wireLayers();
showSound();
wireTabs(document.querySelector("[role=tablist]"), (name) => {
  panel = name;
  render();
});
setInterval(() => {
  sample();
  if (panel === "products" && !document.hidden) showProducts();
  if (panel === "numbers" && !document.hidden) PANELS.numbers();
}, 1000);
$("logout").addEventListener("click", async () => {
  await api.logout().catch(() => {});
  api.toLogin();
});
render();
begin();
