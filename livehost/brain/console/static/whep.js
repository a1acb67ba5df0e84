// The live picture by WebRTC (WHEP), half a second behind; by HTTP where that does not work.
// In:  POST /whep, RTP.   Out: a playing <video>, what state it is in, "health" events on it.

import { Player } from "./player.js";
import { iceServers, Signalling } from "./rtc.js";

const PATH = "/whep";
const FIRST_MS = 6000; // without a picture for so long a new connection is given up
const STALLED_MS = 3000; // without a new picture for so long an old one is
const LOOK_MS = 500;
const RETRY_MS = 800;
const MOST_FAILURES = 2; // connections without a picture before HTTP is taken
// The picture waits for what a browser keeps of the sound in any case, or lips would be early.
const BUFFER_MS = { video: 60, audio: 0 };

// Plays WebRTC first. Same manners as Player: tell(state, secondsBehind).
export class LivePicture {
  constructor(video, tell) {
    this.video = video;
    this.tell = tell;
  }

  async run() {
    this.tell("connecting");
    if (window.RTCPeerConnection) await this.#byWebRtc();
    this.video.srcObject = null;
    await new Player(this.video, this.tell).run();
  }

  // Play until HTTP is the better way.
  async #byWebRtc() {
    for (let failures = 0; failures < MOST_FAILURES;) {
      const connection = new Connection(this.video, this.tell);
      const why = await connection.run().catch(() => "failed");
      if (why === "never") return;
      if (why === "failed") failures = connection.shown ? 0 : failures + 1;
      this.tell(why === "failed" ? "away" : why);
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }
}

// One peer connection, from its offer to its end.
class Connection {
  constructor(video, tell) {
    this.video = video;
    this.tell = tell;
    this.shown = false;
    this.began = performance.now();
  }

  // Return why it ended: "server", "token", "away", "failed", or "never" where HTTP must do.
  async run() {
    const { servers, refused } = await iceServers(PATH);
    if (!servers) return refusal(refused);
    this.peer = new RTCPeerConnection({ iceServers: servers, bundlePolicy: "max-bundle" });
    const signalling = new Signalling(PATH, this.peer);
    try {
      const stream = this.#receive();
      const answer = await signalling.offer(await this.#offer());
      if (answer !== undefined) return refusal(answer);
      this.video.removeAttribute("src");
      this.video.srcObject = stream;
      this.video.play().catch(() => {});
      return await this.#watch();
    } finally {
      signalling.leave();
    }
  }

  #receive() {
    const stream = new MediaStream();
    for (const kind of ["video", "audio"]) {
      const { receiver } = this.peer.addTransceiver(kind, { direction: "recvonly" });
      if ("jitterBufferTarget" in receiver) receiver.jitterBufferTarget = BUFFER_MS[kind];
    }
    this.peer.addEventListener("track", ({ track }) => stream.addTrack(track));
    return stream;
  }

  async #offer() {
    const { sdp } = await this.peer.createOffer();
    // Browsers play Opus as mono unless they ask for both channels.
    return sdp.replace(/(a=fmtp:\d+ .*useinbandfec=1)/g, "$1;stereo=1");
  }

  // Look at the picture until it is gone.
  async #watch() {
    let frames = 0;
    let movedAt = performance.now();
    for (;;) {
      await new Promise((resolve) => setTimeout(resolve, this.shown ? LOOK_MS : LOOK_MS / 5));
      if (["failed", "closed"].includes(this.peer.connectionState)) return "failed";
      const health = await healthOf(this.peer);
      const now = performance.now();
      if (health.frames > frames) {
        if (!this.shown) health.joinMs = now - this.began;
        this.shown = true;
        frames = health.frames;
        movedAt = now;
        this.tell("playing", health.behindMs / 1000);
      }
      this.video.dispatchEvent(new CustomEvent("health", { detail: health }));
      if (this.video.paused && !document.hidden) this.video.play().catch(() => {});
      if (now - movedAt > (this.shown ? STALLED_MS : FIRST_MS)) return "failed";
    }
  }
}

// Return what a refusal means; null: nobody answered.
async function refusal(response) {
  if (!response) return "server";
  if (response.status === 401) return "token";
  const why = (await response.json().catch(() => ({}))).error ?? "";
  return response.status === 503 && !why.includes("too many") ? "away" : "never";
}

// Return what the browser counts, in numbers that mean something to a person.
async function healthOf(peer) {
  const by = {};
  for (const report of (await peer.getStats()).values()) {
    if (report.type === "inbound-rtp") by[report.kind] = report;
    if (report.type === "candidate-pair" && report.nominated) by.pair = report;
  }
  const { video = {}, audio = {}, pair = {} } = by;
  const rtt = (pair.currentRoundTripTime ?? 0) * 1000;
  const buffered = video.jitterBufferEmittedCount
    ? (video.jitterBufferDelay / video.jitterBufferEmittedCount) * 1000 : 0;
  const offset = audio.estimatedPlayoutTimestamp - video.estimatedPlayoutTimestamp;
  return {
    frames: video.framesDecoded ?? 0,
    dropped: video.framesDropped ?? 0,
    freezes: video.freezeCount ?? 0,
    frozenMs: (video.totalFreezesDuration ?? 0) * 1000,
    lost: (video.packetsLost ?? 0) + (audio.packetsLost ?? 0),
    concealed: audio.concealedSamples ?? 0,
    heard: audio.totalSamplesReceived ?? 0,
    bytes: (video.bytesReceived ?? 0) + (audio.bytesReceived ?? 0),
    rttMs: rtt,
    behindMs: buffered + rtt / 2,
    avOffsetMs: Number.isFinite(offset) ? offset : null,
  };
}
