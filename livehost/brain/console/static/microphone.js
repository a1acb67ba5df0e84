// Speaking for the host: this browser's microphone to the show (WHIP), while the take-over is ours.
// In:  a microphone's MediaStream.   Out: {stop(), level(), ended}: sound on air, how loud, when it ended.

import { iceServers, Signalling } from "./rtc.js";

const PATH = "/whip";
const CONNECT_MS = 15000;
const LOOK_MS = 50;

// Open the microphone; throws an Error with the server's reason when that is refused.
export async function openMicrophone(stream) {
  const { servers, refused } = await iceServers(PATH);
  if (!servers) throw new Error(await reason(refused));
  const peer = new RTCPeerConnection({ iceServers: servers, bundlePolicy: "max-bundle" });
  const signalling = new Signalling(PATH, peer);
  const meter = new Meter(stream);
  const ended = new Promise((resolve) => {
    peer.addEventListener("connectionstatechange", () => {
      if (["failed", "closed", "disconnected"].includes(peer.connectionState)) resolve();
    });
  });
  const stop = () => {
    meter.stop();
    signalling.leave();
    stream.getTracks().forEach((track) => track.stop());
  };
  try {
    for (const track of stream.getAudioTracks()) {
      peer.addTransceiver(track, { direction: "sendonly", streams: [stream] });
    }
    const answer = await signalling.offer((await peer.createOffer()).sdp);
    if (answer !== undefined) throw new Error(await reason(answer));
    await connected(peer);
  } catch (error) {
    stop();
    throw error;
  }
  return { stop, ended, level: () => meter.level };
}

function connected(peer) {
  return new Promise((resolve, reject) => {
    const look = () => {
      if (peer.connectionState === "connected") resolve();
      if (peer.connectionState === "failed") reject(new Error("failed"));
    };
    peer.addEventListener("connectionstatechange", look);
    setTimeout(() => reject(new Error("timeout")), CONNECT_MS);
    look();
  });
}

async function reason(response) {
  if (!response) return "";
  return (await response.json().catch(() => ({}))).error ?? `HTTP ${response.status}`;
}

// How loud the microphone is now, 0 to 1.
class Meter {
  constructor(stream) {
    this.level = 0;
    this.context = new AudioContext();
    const analyser = this.context.createAnalyser();
    analyser.fftSize = 1024;
    this.context.createMediaStreamSource(stream).connect(analyser);
    const wave = new Float32Array(analyser.fftSize);
    this.timer = setInterval(() => {
      analyser.getFloatTimeDomainData(wave);
      this.level = Math.sqrt(wave.reduce((sum, x) => sum + x * x, 0) / wave.length);
    }, LOOK_MS);
  }

  stop() {
    clearInterval(this.timer);
    this.context.close().catch(() => {});
    this.level = 0;
  }
}
