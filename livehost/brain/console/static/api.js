// The console's HTTP API, and the way in.
// In:  calls.   Out: parsed answers; a `Refused` with the server's reason and status otherwise.

const TAB = "livehost.tab";

export class Refused extends Error {
  constructor(status, why) {
    super(why);
    this.status = status;
  }
}

function random() {
  return Array.from(crypto.getRandomValues(new Uint8Array(8)), (n) => n.toString(16).padStart(2, "0")).join("");
}

// Names this tab over reloads; the take-over belongs to it.
export const tab = (() => {
  const kept = sessionStorage.getItem(TAB) ?? random();
  sessionStorage.setItem(TAB, kept);
  return kept;
})();

let csrf = "";

// What every request carries; the login itself is a cookie that no script can read.
export function headers() {
  return { "X-Livehost-Tab": tab, ...(csrf ? { "X-Livehost-Csrf": csrf } : {}) };
}

async function call(path, options = {}) {
  let response;
  try {
    response = await fetch(path, {
      ...options,
      headers: { ...headers(), ...options.headers },
      signal: AbortSignal.timeout(20000),
      cache: "no-store",
    });
  } catch {
    throw new Refused(0, "");
  }
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw new Refused(response.status, answer.error ?? `HTTP ${response.status}`);
  return answer;
}

function post(path, body) {
  return call(path, {
    method: "POST",
    body: JSON.stringify(body),
    headers: { "Content-Type": "application/json" },
  });
}

export const status = () => call("/api/status");
export const recent = () => call("/api/recent");
export const chat = (message) => post("/api/chat", message);
export const command = (name, args = {}) => post("/api/command", { name, args });
export const logout = () => post("/api/logout", {});

// Who one is: {user, role, login}; a `Refused` with status 401 for a stranger.
export async function me() {
  const answer = await call("/api/me");
  csrf = answer.csrf;
  return answer;
}

// A token that came with the address is turned into a login and taken out of the address bar.
export async function enterByAddress() {
  const given = new URLSearchParams(location.search).get("token")
    ?? new URLSearchParams(location.hash.slice(1)).get("token");
  if (given === null) return;
  history.replaceState(null, "", location.pathname);
  await post("/api/login", { token: given }).catch(() => {});
}

export function toLogin() {
  location.assign(`/login?next=${encodeURIComponent(location.pathname)}`);
}
