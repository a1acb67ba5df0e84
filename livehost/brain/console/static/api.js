// The console's HTTP API.
// In:  calls.   Out: parsed answers; a `Refused` with the server's reason and status otherwise.

const KEY = "livehost.token";

export class Refused extends Error {
  constructor(status, why) {
    super(why);
    this.status = status;
  }
}

// The token may come with the address; it is kept for this tab and taken out of the address bar.
function takeToken() {
  const given = new URLSearchParams(location.search).get("token")
    ?? new URLSearchParams(location.hash.slice(1)).get("token");
  if (given === null) return;
  sessionStorage.setItem(KEY, given);
  history.replaceState(null, "", location.pathname);
}

export function setToken(token) {
  sessionStorage.setItem(KEY, token);
}

export function headers() {
  const token = sessionStorage.getItem(KEY);
  return token ? { Authorization: `Bearer ${token}` } : {};
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

takeToken();
