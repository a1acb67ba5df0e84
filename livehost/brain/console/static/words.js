// Every word on the page, in Chinese and in English.
// In:  a key and values.   Out: text in the language that the operator chose.

const WORDS = {
  zh: {
    skipLink: "跳到互动区", uptime: "已开播", quality: "画质档位", late: "迟到帧", dropped: "网络丢帧",
    picture: "直播画面", saying: "正在说", chat: "互动", nickname: "昵称", question: "以观众身份提问",
    send: "发送", operate: "导播", line: "让主播说……", say: "说这句", skip: "跳过这段",
    pause: "暂停口播", resume: "继续口播", slateOn: "切到垫片", slateOff: "回到主播",
    products: "商品", outputs: "推流与录制", numbers: "运行数据", said: "刚才说的", stop: "结束直播",
    noChat: "还没有观众提问，在下面发一条试试。", noSaid: "还没有开口。",
    noOutputs: "没有推流目标，画面只在这里能看到。", noProducts: "商品还没有读到。",
    stopAsk: "结束直播？", stopMeans: "所有平台的推流都会断开，录制会正常收尾。观众会看到直播结束。",
    cancel: "取消", stopYes: "结束直播", token: "口令", tokenAsk: "请输入口令",
    tokenMeans: "这个控制台需要口令，就是启动时环境变量里的那一串。", tokenWrong: "口令不对，再试一次。",
    enter: "进入", soundOn: "打开声音", soundOff: "静音", viewer: "观众", answered: "主播回答",
    sent: "已送达，主播会在句子之间看到。", rejected: "没有收下：{why}",
    failed: "没有执行：{why}", noAnswer: "服务没有应答",
    behind: "延迟 {s} 秒", connecting: "正在连接画面", awayStage: "画面暂时离开，正在自动重连",
    awayServer: "连不上服务，正在重试", awayBrowser: "这个浏览器不能播放直播画面，请用新版 Chrome、Edge 或 Safari。",
    awayToken: "需要口令才能看画面", awayFull: "同时观看的人太多，正在等位",
    "mode.live": "直播中", "mode.paused": "口播已暂停", "mode.slate": "垫片", "mode.stopping": "正在结束",
    "mode.waiting": "等待画面", "mode.offline": "连接中断", "mode.unknown": "连接中",
    "quality.FULL": "完整", "quality.MOUTH_ONLY": "只动口型", "quality.MOUTH_HALF": "口型减半",
    "quality.HOLD": "定住表情", "quality.PLATE": "静止画面",
    "state.live": "正常", "state.connecting": "正在连接", "state.waiting": "等待重连", "state.stopped": "已停止",
    "chat.waiting": "等待中", "chat.answered": "已回答", "chat.passed": "未采用", "chat.rejected": "已拦下",
    "said.started": "正在说", "said.heard": "说完", "said.interrupted": "被打断",
    "why.script": "脚本", "why.reply": "回答", "why.notice": "提示", "why.thanks": "感谢", "why.say": "导播",
    "ok.say": "好的，接着就说这句。", "ok.skip": "已跳过。", "ok.pause": "说完这句就暂停。", "ok.resume": "继续口播。",
    "ok.product": "已切到这个商品。", "ok.stop": "正在结束直播。", "ok.slate": "已切换。",
    "class.price": "价格", "class.size": "尺码", "class.stock": "库存", "class.delivery": "物流", "class.quality": "品质",
    "class.comparison": "对比", "class.service": "售后下单", "class.other": "其他", "class.greeting": "问候", "class.praise": "夸奖",
    "class.complaint": "投诉", "class.abuse": "辱骂", "class.offtopic": "闲聊", "class.injection": "指令注入",
    "kind.gift": "送出礼物", "kind.like": "点赞", "kind.follow": "关注了直播间", "kind.enter": "进入直播间",
    sold: "在讲", ticks: "总帧数", repeated: "重复帧", skipped: "跳过编码", filler: "语音未到",
    resets: "时钟重置", queued: "待播语音", chatWaiting: "待答消息", chatRejected: "拒收消息",
     seconds: "{n} 秒", losses: "断线 {n} 次", lost: "丢帧 {n}", rate: "{n} kbps",
    warnOffline: "连不上 livehost，正在重试。直播可能仍在继续：画面进程独立于控制台。",
    warnStage: "画面进程没有连上，正在自动恢复。",
    warnOutput: "{name}：{state}。系统会一直自动重连，其他平台不受影响。",
    warnQuality: "这台机器有些吃力，表情细节已降为“{level}”；声音不受影响。",
    warnSlate: "观众现在看到的是垫片，不是主播。",
    warnPaused: "口播已暂停，主播在画面上但不说话。",
  },
  en: {
    skipLink: "Skip to chat", uptime: "On air", quality: "Quality", late: "Late frames", dropped: "Dropped frames",
    picture: "Live picture", saying: "Saying", chat: "Chat", nickname: "Nickname", question: "Ask as a viewer",
    send: "Send", operate: "Direct", line: "Have the host say…", say: "Say this", skip: "Skip this",
    pause: "Pause speech", resume: "Resume speech", slateOn: "Show slate", slateOff: "Show host",
    products: "Products", outputs: "Outputs", numbers: "Numbers", said: "Just said", stop: "End the stream",
    noChat: "No questions yet. Try one below.", noSaid: "Nothing said yet.",
    noOutputs: "No output: the picture can be seen here only.", noProducts: "No products yet.",
    stopAsk: "End the stream?", stopMeans: "All outputs are disconnected and recordings are finished. Viewers see the stream end.",
    cancel: "Cancel", stopYes: "End the stream", token: "Token", tokenAsk: "Token, please",
    tokenMeans: "This console asks for the token from the environment variable it was started with.", tokenWrong: "That is not the token. Try again.",
    enter: "Enter", soundOn: "Sound on", soundOff: "Mute", viewer: "viewer", answered: "Host",
    sent: "Sent. The host sees it between two sentences.", rejected: "Not taken: {why}",
    failed: "Not done: {why}", noAnswer: "the server does not answer",
    behind: "{s} s behind", connecting: "Connecting", awayStage: "The picture is away. Reconnecting",
    awayServer: "The server cannot be reached. Retrying", awayBrowser: "This browser cannot play the live picture. Use a recent Chrome, Edge or Safari.",
    awayToken: "The picture needs the token", awayFull: "Too many viewers. Waiting for a place",
    "mode.live": "On air", "mode.paused": "Speech paused", "mode.slate": "Slate", "mode.stopping": "Ending",
    "mode.waiting": "Waiting for picture", "mode.offline": "Disconnected", "mode.unknown": "Connecting",
    "quality.FULL": "Full", "quality.MOUTH_ONLY": "Mouth only", "quality.MOUTH_HALF": "Half mouth",
    "quality.HOLD": "Held face", "quality.PLATE": "Still picture",
    "state.live": "Live", "state.connecting": "Connecting", "state.waiting": "Waiting to reconnect", "state.stopped": "Stopped",
    "chat.waiting": "Waiting", "chat.answered": "Answered", "chat.passed": "Passed over", "chat.rejected": "Held back",
    "said.started": "On air", "said.heard": "Said", "said.interrupted": "Cut",
    "why.script": "Script", "why.reply": "Answer", "why.notice": "Notice", "why.thanks": "Thanks", "why.say": "Operator",
    "ok.say": "Will be said next.", "ok.skip": "Skipped.", "ok.pause": "Pauses after this sentence.", "ok.resume": "Speech goes on.",
    "ok.product": "Moved to this product.", "ok.stop": "The stream is ending.", "ok.slate": "Switched.",
    "class.price": "price", "class.size": "size", "class.stock": "stock", "class.delivery": "delivery", "class.quality": "quality",
    "class.comparison": "comparison", "class.service": "service", "class.other": "other", "class.greeting": "greeting", "class.praise": "praise",
    "class.complaint": "complaint", "class.abuse": "abuse", "class.offtopic": "off topic", "class.injection": "injection",
    "kind.gift": "sent a gift", "kind.like": "liked", "kind.follow": "followed", "kind.enter": "came in",
    sold: "On now", ticks: "Frames", repeated: "Repeated", skipped: "Not encoded", filler: "Speech late",
    resets: "Clock resets", queued: "Speech queued", chatWaiting: "Chat waiting", chatRejected: "Chat refused",
     seconds: "{n} s", losses: "lost {n}×", lost: "dropped {n}", rate: "{n} kbps",
    warnOffline: "livehost cannot be reached. Retrying. The stream may still be on air: it does not depend on the console.",
    warnStage: "The picture process is not connected. It is being restarted.",
    warnOutput: "{name}: {state}. It reconnects by itself; other outputs are not affected.",
    warnQuality: "This machine is short of time: the face is reduced to “{level}”. Sound is not affected.",
    warnSlate: "Viewers see the slate now, not the host.",
    warnPaused: "Speech is paused: the host is there but silent.",
  },
};

// The server speaks English; what an operator meets often is said in Chinese too.
const PHRASES = [
  [/^(question|comment)$/, ""],
  [/^(?:question|comment), (\d+) viewers$/, "$1 人一起问"],
  [/^question about (.*), (\d+) viewers$/s, "关于 $1，$2 人一起问"],
  [/^question about (.*)$/s, "关于 $1"],
  [/^rundown (\S+), line (\d+)$/, "流程 $1 第 $2 句"],
  [/^AI notice every (\d+) minutes$/, "每 $1 分钟一次的身份提示"],
  [/^the stage is not there; nobody hears the host$/, ""],
  [/^catalog not reloaded: (.*)$/s, "商品或脚本的修改没有生效，仍按原来的播：$1"],
  [/^state cannot be written: (.*)$/s, "状态文件写不进去：$1"],
  [/^the state file was damaged; it is kept as (.*)$/, "状态文件损坏，已另存为 $1，从头开始播。"],
  [/^「(.*)」 is stopped by rule (.*); reword it$/s, "“$1”触犯规则 $2，请换个说法"],
  [/^too many texts wait to be said; try again later$/, "排队要说的太多了，请稍后再试"],
  [/^the text is longer than (\d+) characters$/, "超过 $1 个字"],
  [/^say needs a text$/, "内容是空的"],
  [/^no such product; there are (.*)$/s, "没有这个商品，现有：$1"],
  [/^(\S+) has no segment in the rundown$/, "$1 在流程里没有段落"],
  [/^too many messages a second$/, "消息太密，请稍后再发"],
  [/^text_too_long: .*?(\d+) characters$/, "超过 $1 个字"],
  [/^text: .*/, "内容是空的"],
  [/^duplicate.*/, "重复的消息"],
  [/^message is longer than (\d+) bytes$/, "超过 $1 字节"],
];

let language = localStorage.getItem("livehost.language") === "en" ? "en" : "zh";

export function word(key, values = {}) {
  const text = WORDS[language][key] ?? key;
  return text.replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
}

// A word for a value that the server chose; the value itself if there is none.
export function named(group, value) {
  return WORDS[language][`${group}.${value}`] ?? String(value ?? "–");
}

// A sentence of the server in the operator's language, where it is known; unchanged otherwise.
export function phrase(text) {
  if (language === "en") return text;
  const known = PHRASES.find(([pattern]) => pattern.test(text));
  return known ? text.replace(known[0], known[1]) : text;
}

export function speak(chosen) {
  language = chosen;
  localStorage.setItem("livehost.language", chosen);
  translate();
}

export function other() {
  return language === "zh" ? "en" : "zh";
}

export function translate() {
  document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
  for (const node of document.querySelectorAll("[data-word]")) node.textContent = word(node.dataset.word);
  for (const node of document.querySelectorAll("[data-hint]")) node.placeholder = word(node.dataset.hint);
}
