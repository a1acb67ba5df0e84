// The line to the server: one websocket, and the HTTP API while that does not come about.
// In:  commands.   Out: state, events, answers, and how well the line is.
//
// A command is sent again after a lost connection under the same id, so it is never done twice. What was
// sent and never answered is told as such and is not repeated by another way.

import * as api from "./api.js";
import { tab } from "./api.js";

export { tab };

const BACKOFF = [500, 1000, 2000, 4000, 8000];
const PING_MS = 3000;
const SILENT_MS = 7000; // nothing heard for so long after a ping: the line is dead
const POLL_MS = 1000;
const POLL_AFTER = 2; // tries of the socket in vain before the HTTP API is asked
const DEADLINE_MS = 5000;

const LOAD = random();

function random() {
  return Array.from(crypto.getRandomValues(new Uint8Array(8)), (n) => n.toString(16).padStart(2, "0")).join("");
}

export class Link {
  // on.hello(welcome), on.state(status, recent | null), on.patch(patch), on.events(events, leftOut), on.line(how)
  // where how is "open", "lost", "polling" or "login"; on.login() when the server wants to know who one is.
  constructor(on) {
    this.on = on;
    this.how = "connecting";
    this.waiting = new Map(); // commands without an answer, by id
    this.given = 0;
    this.failures = 0;
    this.offset = null; // the server's clock minus ours
    window.addEventListener("online", () => this.#soon(0));
    window.addEventListener("offline", () => this.#lost());
    document.addEventListener("visibilitychange", () => document.hidden || this.#check());
    setInterval(() => this.#check(), 1000);
  }

  start() {
    this.#connect();
  }

  // Carry out one command; never rejects. The answer: {ok, code, message, data}, where code "offline" was
  // not sent and "unsure" was sent and not answered.
  command(name, args = {}, seconds = DEADLINE_MS / 1000) {
    const id = `${tab}:${LOAD}:${++this.given}`;
    const frame = { type: "command", id, name, args, deadline_ms: Math.round(seconds * 1000) };
    if (this.offset !== null) frame.at_ms = Math.max(0, Math.round(performance.now() + this.offset));
    return new Promise((resolve) => {
      const until = performance.now() + seconds * 1000 + 1000;
      this.waiting.set(id, { frame, resolve, until, sent: false });
      this.#send(id);
    });
  }

  // --- the socket --------------------------------------------------------------------------------

  #connect() {
    clearTimeout(this.retry);
    this.#drop();
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const socket = new WebSocket(`${scheme}://${location.host}/ws`);
    this.socket = socket;
    const mine = (action) => (event) => this.socket === socket && action(event);
    socket.onopen = mine(() => this.#greet());
    socket.onmessage = mine(({ data }) => this.#take(JSON.parse(data)));
    socket.onclose = mine(({ code }) => this.#closed(code));
    this.heard = performance.now();
  }

  #drop() {
    const old = this.socket;
    this.socket = null;
    this.open = false;
    this.pinged = null;
    if (old) old.close();
  }

  #greet() {
    const since = this.epoch && this.seq !== undefined ? { epoch: this.epoch, seq: this.seq } : null;
    this.#write({ type: "hello", protocol: [1], tab, client: "page", since });
  }

  #write(message) {
    this.socket.send(JSON.stringify(message));
  }

  #closed(code) {
    this.#drop();
    if (code === 4004) return this.#login();
    return this.#lost();
  }

  #lost() {
    if (this.socket) this.#drop();
    this.failures += 1;
    if (this.how !== "polling") this.#tell("lost");
    if (this.failures >= POLL_AFTER) this.#poll();
    this.#soon(BACKOFF[Math.min(this.failures - 1, BACKOFF.length - 1)] * (0.8 + Math.random() * 0.4));
  }

  #soon(milliseconds) {
    if (this.open || this.asking) return;
    clearTimeout(this.retry);
    this.retry = setTimeout(() => this.#connect(), milliseconds);
  }

  #check() {
    const now = performance.now();
    for (const [id, { until, sent, resolve }] of this.waiting) {
      if (now < until) continue;
      this.waiting.delete(id);
      resolve({ ok: false, code: sent ? "unsure" : "offline", message: "", data: {} });
    }
    if (!this.open) return;
    if (this.pinged !== null && now - this.pinged > SILENT_MS && this.heard < this.pinged) this.#lost();
    else if (now - (this.pinged ?? 0) > PING_MS && this.heard >= (this.pinged ?? 0)) {
      this.pinged = now;
      this.#write({ type: "ping", t: now });
    }
  }

  // --- what the server says ----------------------------------------------------------------------

  #take(message) {
    this.heard = performance.now();
    const take = {
      hello: () => this.#welcome(message),
      snapshot: () => this.#everything(message),
      update: () => this.#update(message),
      ack: () => this.#answered(message),
      pong: () => { this.offset = message.time_ms - (performance.now() + message.t) / 2; },
    }[message.type];
    if (take) take();
  }

  #welcome(message) {
    this.open = true;
    this.failures = 0;
    this.offset = message.time_ms - performance.now();
    if (this.epoch !== message.epoch) this.seq = undefined;
    this.epoch = message.epoch;
    this.#tell("open");
    this.on.hello(message);
    for (const id of this.waiting.keys()) this.#send(id);
  }

  #everything({ seq, status, recent }) {
    this.seq = seq;
    this.on.state(status, recent);
  }

  #update({ seq, patch, events, left_out: leftOut }) {
    if (this.seq === undefined) return;
    if (seq !== this.seq + 1) {
      this.seq = undefined;
      this.#write({ type: "resync" });
      return;
    }
    this.seq = seq;
    this.on.patch(patch ?? {});
    this.on.events(events ?? [], leftOut ?? 0);
  }

  #answered(message) {
    const command = this.waiting.get(message.id);
    if (!command) return;
    this.waiting.delete(message.id);
    command.resolve(message);
  }

  #tell(how) {
    if (how === this.how) return;
    this.how = how;
    this.on.line(how);
  }

  // --- sending -----------------------------------------------------------------------------------

  #send(id) {
    const command = this.waiting.get(id);
    if (this.open) {
      command.sent = true;
      this.#write(command.frame);
    } else if (this.how === "polling" && !command.sent) {
      command.sent = true;
      this.#post(id, command);
    }
  }

  async #post(id, { frame, resolve }) {
    let answer;
    try {
      answer = await api.command(frame.name, frame.args);
    } catch (error) {
      const code = { 0: "unsure", 403: "role", 429: "busy", 504: "timeout" }[error.status] ?? "refused";
      answer = { ok: false, code, message: error.message, data: {} };
    }
    this.waiting.delete(id);
    resolve(answer);
  }

  // --- without a socket --------------------------------------------------------------------------

  async #poll() {
    if (this.polling) return;
    this.polling = true;
    while (!this.open) {
      try {
        const [status, recent] = await Promise.all([api.status(), api.recent()]);
        if (this.open) break;
        this.#tell("polling");
        this.on.state(status, recent);
        for (const id of this.waiting.keys()) this.#send(id);
      } catch (error) {
        if (this.open) break;
        if (error.status === 401) {
          this.#login();
          break;
        }
        this.#tell("lost");
      }
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
    this.polling = false;
  }

  // Nobody is let in without a login: the page goes there and comes back as a new one.
  #login() {
    this.asking = true;
    this.#tell("login");
    this.on.login();
  }
}
