// The operator's page: polls the show, sends what the operator does.
// In:  the API and the operator's hands.   Out: the page.

import * as api from "./api.js";
import { Player } from "./player.js";
import { showStatus } from "./status.js";
import { showProducts, showRecent } from "./talk.js";
import { other, phrase, speak, translate, word } from "./words.js";

const $ = (id) => document.getElementById(id);
const STATUS_MS = 1000;
const RECENT_MS = 1500;
const HIDDEN_FACTOR = 5; // a page in the background asks less often

let lastStatus;
let lastRecent = {};

function render() {
  showStatus(lastStatus);
  if (lastStatus) showProducts(lastStatus, (id) => operate("product", { id }));
  showRecent(lastRecent);
}

// Ask again and again; a page that cannot reach the server says so and keeps trying.
async function poll(ask, milliseconds, take) {
  for (;;) {
    try {
      take(await ask());
    } catch (error) {
      if (error.status === 401) await login();
      else take(null);
    }
    const factor = document.hidden ? HIDDEN_FACTOR : 1;
    await new Promise((resolve) => setTimeout(resolve, milliseconds * factor));
  }
}

function takeStatus(status) {
  lastStatus = status;
  showStatus(status);
  if (status) showProducts(status, (id) => operate("product", { id }));
}

function takeRecent(recent) {
  if (!recent) return;
  lastRecent = recent;
  showRecent(recent);
}

let asking;

function login() {
  asking ??= new Promise((resolve) => {
    const dialog = $("login");
    const again = "Authorization" in api.headers();
    if (again) dialog.querySelector("p").textContent = word("tokenWrong");
    $("token").value = "";
    dialog.showModal();
    dialog.addEventListener("close", () => {
      if ($("token").value) api.setToken($("token").value);
      asking = undefined;
      resolve();
    }, { once: true });
  });
  return asking;
}

function tell(node, ok, text) {
  node.textContent = text;
  node.dataset.ok = String(ok);
}

async function attempt(node, action, done, failed) {
  try {
    await action();
    tell(node, true, word(done));
    return true;
  } catch (error) {
    tell(node, false, word(failed, { why: phrase(error.message) || word("noAnswer") }));
    return false;
  }
}

function operate(name, args) {
  return attempt($("outcome"), () => api.command(name, args), `ok.${name}`, "failed");
}

function wireChat() {
  $("nickname").value = localStorage.getItem("livehost.nickname") ?? "";
  $("ask").addEventListener("submit", async (event) => {
    event.preventDefault();
    const nickname = $("nickname").value.trim() || word("viewer");
    const text = $("question").value.trim();
    if (!text) return;
    localStorage.setItem("livehost.nickname", $("nickname").value);
    const message = { kind: "comment", user: `console:${nickname}`, nickname, text };
    if (await attempt($("receipt"), () => api.chat(message), "sent", "rejected")) $("question").value = "";
  });
}

function wireDirection() {
  $("say").addEventListener("submit", async (event) => {
    event.preventDefault();
    const text = $("line").value.trim();
    if (text && (await operate("say", { text }))) $("line").value = "";
  });
  $("line").addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      $("say").requestSubmit();
    }
  });
  $("skip").addEventListener("click", () => operate("skip"));
  $("pause").addEventListener("click", () => operate($("pause").dataset.command ?? "pause"));
  $("slate").addEventListener("click", () => operate("slate", { on: $("slate").dataset.on !== "false" }));
  $("stop").addEventListener("click", () => $("confirm").showModal());
  $("confirm").addEventListener("close", () => {
    if ($("confirm").returnValue === "yes") operate("stop");
    $("confirm").returnValue = "";
  });
}

function wireLanguage() {
  const label = () => {
    $("language").textContent = other() === "en" ? "English" : "中文";
    $("language").lang = other() === "en" ? "en" : "zh-CN";
  };
  $("language").addEventListener("click", () => {
    speak(other());
    label();
    render();
    showSound();
    showAway();
  });
  label();
}

function showSound() {
  const muted = $("video").muted;
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
  const player = new Player(video, (state, behind) => {
    if (state !== pictureState) {
      pictureState = state;
      showAway();
    }
    $("behind").textContent = state === "playing" ? word("behind", { s: behind.toFixed(1) }) : "";
  });
  player.run();
}

translate();
wireLanguage();
wireChat();
wireDirection();
wirePicture();
showSound();
poll(api.status, STATUS_MS, takeStatus);
poll(api.recent, RECENT_MS, takeRecent);
