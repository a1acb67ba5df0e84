// The login page.
// In:  a name and a password, or a token.   Out: a cookie that no script can read; then the console.

const WORDS = {
  zh: {
    title: "登录直播控制台", user: "用户名", password: "密码", token: "口令", enter: "登录",
    tokenMeans: "管理员给你的长串字符，或启动时环境变量里的那一串。",
    byToken: "用口令登录", byPassword: "用用户名和密码登录",
    wrong: "不对，请再试一次。", away: "连不上服务器，请检查网络。", empty: "请填写完整。",
    wait: (seconds) => `试得太多了，请等 ${seconds} 秒。`,
  },
  en: {
    title: "Log in to the live console", user: "User name", password: "Password", token: "Token", enter: "Log in",
    tokenMeans: "The long text that you were given, or the one from the environment variable at the start.",
    byToken: "Log in with a token", byPassword: "Log in with user name and password",
    wrong: "That is not right. Try again.", away: "The server cannot be reached. Check the network.", empty: "Fill in everything.",
    wait: (seconds) => `Too many tries. Wait ${seconds} s.`,
  },
};

const KEY = "livehost.language"; // the console's choice, too
let language = localStorage.getItem(KEY) === "en" ? "en" : "zh";
let words = WORDS[language];
const $ = (id) => document.getElementById(id);
const forms = { users: $("by-password"), token: $("by-token") };
let waiting = 0;

function translate() {
  document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
  document.title = words.title;
  for (const element of document.querySelectorAll("[data-word]")) element.textContent = words[element.dataset.word];
  $("language").textContent = language === "zh" ? "English" : "中文";
  $("language").lang = language === "zh" ? "en" : "zh-CN";
}

function speak(chosen) {
  language = chosen;
  words = WORDS[chosen];
  localStorage.setItem(KEY, chosen);
  translate();
  $("said").textContent = "";
  nameOther();
}

let shown = "users";

function show(kind) {
  shown = kind;
  for (const [name, form] of Object.entries(forms)) form.hidden = name !== kind;
  forms[kind].querySelector("input").focus();
  nameOther();
}

function nameOther() {
  $("other").textContent = shown === "users" ? words.byToken : words.byPassword;
}

function leave() {
  const next = new URLSearchParams(location.search).get("next") ?? "/";
  // only a path of this site: "//elsewhere" and "/\elsewhere" would leave it
  location.replace(/^\/(?![/\\])/.test(next) ? next : "/");
}

async function enter(body, form) {
  const button = form.querySelector("button");
  button.disabled = true;
  try {
    const response = await fetch("/api/login", {
      method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body),
    });
    if (response.ok) return leave();
    form.querySelector("[type=password]").value = "";
    if (response.status === 429) return hold(button, Number(response.headers.get("Retry-After")) || 1);
    $("said").textContent = response.status < 500 ? words.wrong : words.away;
  } catch {
    $("said").textContent = words.away;
  }
  button.disabled = waiting > 0;
  form.querySelector("[type=password]").focus();
}

function hold(button, seconds) {
  waiting = seconds;
  $("said").textContent = seconds > 0 ? words.wait(seconds) : "";
  button.disabled = seconds > 0;
  if (seconds > 0) setTimeout(() => hold(button, seconds - 1), 1000);
}

forms.users.addEventListener("submit", (event) => {
  event.preventDefault();
  enter({ user: $("user").value.trim(), password: $("password").value }, forms.users);
});
forms.token.addEventListener("submit", (event) => {
  event.preventDefault();
  enter({ token: $("token").value.trim() }, forms.token);
});

$("other").addEventListener("click", () => {
  $("said").textContent = "";
  show(shown === "users" ? "token" : "users");
});
$("language").addEventListener("click", () => speak(language === "zh" ? "en" : "zh"));
translate();
const known = await fetch("/api/login").then((response) => response.json(), () => ({ users: true, token: true }));
if (known.in) leave();
show(known.users ? "users" : "token");
$("other").hidden = false;
