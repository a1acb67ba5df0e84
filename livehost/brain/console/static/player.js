// The live picture through Media Source Extensions, close to the live edge.
// In:  /live.mp4, a fragmented MP4 without end.   Out: a playing <video>, and what state it is in.

import { headers } from "./api.js";

const SILENT_MS = 5000; // without a byte for so long the stream is asked for again
const STALLED_MS = 1200; // without a new picture for so long the picture is away
const RETRY_MS = 800;
const TARGET = 0.45; // seconds behind the newest picture
const HURRY = 0.9; // further behind plays 5 % faster
const JUMP = 2.0; // further behind jumps
const KEEP = 8; // seconds of the past kept in the buffer

const Source = window.ManagedMediaSource ?? window.MediaSource;

export class Player {
  // tell(state, secondsBehind): "playing", "connecting", "away", "server", "token", "full", "browser"
  constructor(video, tell) {
    this.video = video;
    this.tell = tell;
    this.behind = 0;
    this.connected = false;
    this.playedAt = 0;
    setInterval(() => this.#keepUp(), 250);
    video.addEventListener("waiting", () => this.#keepUp());
  }

  async run() {
    if (!Source) return this.tell("browser");
    this.tell("connecting");
    for (;;) {
      const state = await this.#once().catch(() => "server");
      this.tell(state);
      if (state === "browser") return;
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }

  // Play one connection to its end; return why there is no picture now.
  async #once() {
    const stop = new AbortController();
    const response = await fetch("/live.mp4", { headers: headers(), signal: stop.signal, cache: "no-store" });
    if (!response.ok) {
      if (response.status === 401) return "token";
      const why = (await response.json().catch(() => ({}))).error ?? "";
      return why.includes("too many") ? "full" : "away";
    }
    const type = response.headers.get("Content-Type");
    if (!Source.isTypeSupported(type)) {
      stop.abort();
      return "browser";
    }
    const buffer = await this.#open(type);
    try {
      this.connected = true;
      this.playedAt = performance.now();
      await this.#fill(buffer, response.body.getReader());
    } catch {
      // the connection or the decoder gave up: start anew
    } finally {
      this.connected = false; // what is left in the buffer is not live
      stop.abort();
    }
    return "away";
  }

  #open(type) {
    const source = new Source();
    this.video.disableRemotePlayback = true; // ManagedMediaSource asks for it
    if (this.url) URL.revokeObjectURL(this.url);
    this.url = URL.createObjectURL(source);
    this.video.src = this.url;
    return new Promise((resolve, reject) => {
      source.addEventListener("sourceopen", () => {
        try {
          resolve(source.addSourceBuffer(type));
        } catch (error) {
          reject(error);
        }
      }, { once: true });
    });
  }

  async #fill(buffer, reader) {
    let started = false;
    for (;;) {
      const { done, value } = await Promise.race([reader.read(), silence()]);
      if (done) return;
      await append(buffer, value);
      if (this.video.error) return;
      if (!started && buffer.buffered.length) {
        started = true;
        this.#toEdge();
        this.video.play().catch(() => {});
      }
      await this.#forget(buffer);
    }
  }

  async #forget(buffer) {
    const until = this.video.currentTime - KEEP;
    if (buffer.buffered.length && until > buffer.buffered.start(0) + KEEP) {
      buffer.remove(0, until);
      await settled(buffer);
    }
  }

  #toEdge() {
    const { buffered } = this.video;
    const last = buffered.length - 1;
    if (last >= 0) this.video.currentTime = Math.max(buffered.start(last), buffered.end(last) - TARGET);
  }

  #keepUp() {
    const { video } = this;
    const last = video.buffered.length - 1;
    if (!this.connected || last < 0 || video.readyState === 0) return;
    this.behind = video.buffered.end(last) - video.currentTime;
    const inGap = video.currentTime < video.buffered.start(last) && video.readyState < 3;
    if (inGap || this.behind > JUMP) this.#toEdge();
    if (this.behind > HURRY) video.playbackRate = 1.05;
    else if (this.behind < TARGET) video.playbackRate = 1;
    if (video.paused && !document.hidden) video.play().catch(() => {});
    if (!video.paused && video.readyState >= 3) {
      this.playedAt = performance.now();
      this.tell("playing", this.behind);
    } else if (performance.now() - this.playedAt > STALLED_MS && !document.hidden) {
      this.tell("away");
    }
  }
}

function silence() {
  return new Promise((_, reject) => setTimeout(() => reject(new Error("silence")), SILENT_MS));
}

function append(buffer, bytes) {
  buffer.appendBuffer(bytes);
  return settled(buffer);
}

function settled(buffer) {
  return new Promise((resolve, reject) => {
    buffer.onupdateend = resolve;
    buffer.onerror = () => reject(new Error("decode"));
  });
}
