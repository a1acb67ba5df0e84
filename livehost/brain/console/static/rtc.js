// What WHEP and WHIP share: an offer, its answer, candidates behind it, the end.
// In:  a peer connection, the path of an endpoint.   Out: a connected peer, or why not.

import { headers } from "./api.js";

// Return the STUN and TURN servers of this console, or the Response that refused them; null: no server.
export async function iceServers(path) {
  const response = await fetch(path, { method: "OPTIONS", headers: headers() }).catch(() => null);
  if (!response?.ok) return { refused: response };
  const links = (response.headers.get("Link") ?? "").matchAll(/<([^>]+)>;\s*rel="ice-server"([^,]*)/g);
  return {
    servers: [...links].map(([, urls, more]) => ({
      urls,
      username: /username="([^"]*)"/.exec(more)?.[1],
      credential: /credential="([^"]*)"/.exec(more)?.[1],
    })),
  };
}

// One connection's talk with its endpoint.
export class Signalling {
  constructor(path, peer) {
    this.path = path;
    this.peer = peer;
    this.waiting = []; // candidates that the server does not know yet
    this.leave = this.leave.bind(this);
    peer.addEventListener("icecandidate", ({ candidate }) => this.#trickle(candidate));
    window.addEventListener("pagehide", this.leave);
  }

  // Offer `sdp`; return the Response that refused it, null where nobody answered, or undefined.
  async offer(sdp) {
    await this.peer.setLocalDescription({ type: "offer", sdp });
    const response = await this.#fetch(this.path, "POST", "application/sdp", sdp).catch(() => null);
    if (response?.status !== 201) return response;
    this.location = response.headers.get("Location");
    await this.peer.setRemoteDescription({ type: "answer", sdp: await response.text() });
    this.#trickle(null);
    return undefined;
  }

  leave() {
    window.removeEventListener("pagehide", this.leave);
    const { location } = this;
    this.location = undefined;
    if (location) this.#fetch(location, "DELETE").catch(() => {});
    this.peer.close();
  }

  // Tell the server of addresses that it would not find by itself.
  #trickle(candidate) {
    if (candidate?.candidate && !candidate.address?.endsWith(".local")) this.waiting.push(candidate);
    if (!this.location || !this.waiting.length) return;
    const found = this.waiting.splice(0);
    const lines = found.map(({ sdpMid, candidate: line }) => `a=mid:${sdpMid}\r\na=${line}\r\n`);
    const body = `a=ice-ufrag:${found[0].usernameFragment}\r\n${lines.join("")}`;
    this.#fetch(this.location, "PATCH", "application/trickle-ice-sdpfrag", body).catch(() => {});
  }

  #fetch(path, method, type, body) {
    const kind = type ? { "Content-Type": type } : {};
    return fetch(path, {
      method, body, headers: { ...headers(), ...kind }, keepalive: method === "DELETE",
    });
  }
}
