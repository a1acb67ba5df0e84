// Every word on the page, in Chinese and in English.
// In:  a key and values.   Out: text in the language that the operator chose.

const WORDS = {
  zh: {
    skipLink: "跳到互动区", uptime: "已开播", quality: "画质档位", late: "迟到帧", dropped: "丢弃包",
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
    sent: "已送达，主播会在句子之间看到。", rejected: "没有收下：{why}", done: "已执行。",
    failed: "没有执行：{why}", noAnswer: "服务没有应答",
    behind: "延迟 {s} 秒", connecting: "正在连接画面", awayStage: "画面暂时离开，正在自动重连",
    awayServer: "连不上服务，正在重试", awayBrowser: "这个浏览器不能播放直播画面，请用新版 Chrome、Edge 或 Safari。",
    awayToken: "需要口令才能看画面", awayFull: "同时观看的人太多，正在等位",
    "mode.live": "直播中", "mode.paused": "口播已暂停", "mode.slate": "垫片", "mode.stopping": "正在结束",
    "mode.waiting": "等待画面", "mode.offline": "连接中断", "mode.unknown": "连接中",
    "quality.FULL": "完整", "quality.MOUTH_ONLY": "只动口型", "quality.MOUTH_HALF": "口型减半",
    "quality.HOLD": "定住表情", "quality.PLATE": "静止画面",
    "state.live": "正常", "state.open": "正常", "state.writing": "正在写入", "state.recording": "正在录制",
    "state.connecting": "正在连接", "state.waiting": "等待重连", "state.failed": "失败",
    "state.closed": "已关闭", "state.stopped": "已停止", "state.unknown": "未知",
    "chat.waiting": "等待中", "chat.answered": "已回答", "chat.passed": "未采用", "chat.rejected": "已拦下",
    "said.on air": "正在说", "said.heard": "说完", "said.cut": "被打断",
    "kind.gift": "送出礼物", "kind.like": "点赞", "kind.follow": "关注了直播间", "kind.enter": "进入直播间",
    sold: "在讲", ticks: "总帧数", repeated: "重复帧", skipped: "跳过编码", filler: "语音未到",
    resets: "时钟重置", queued: "待播语音", chatWaiting: "待答消息", chatRejected: "拒收消息",
    cached: "语音缓存命中", seconds: "{n} 秒", losses: "断线 {n} 次", lost: "丢包 {n}",
    warnOffline: "连不上 livehost，正在重试。直播可能仍在继续：画面进程独立于控制台。",
    warnStage: "画面进程没有连上，正在自动恢复。",
    warnOutput: "{name}：{state}。系统会一直自动重连，其他平台不受影响。",
    warnQuality: "这台机器有些吃力，表情细节已降为“{level}”；声音不受影响。",
    warnSlate: "观众现在看到的是垫片，不是主播。",
    warnPaused: "口播已暂停，主播在画面上但不说话。",
  },
  en: {
    skipLink: "Skip to chat", uptime: "On air", quality: "Quality", late: "Late frames", dropped: "Dropped",
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
    sent: "Sent. The host sees it between two sentences.", rejected: "Not taken: {why}", done: "Done.",
    failed: "Not done: {why}", noAnswer: "the server does not answer",
    behind: "{s} s behind", connecting: "Connecting", awayStage: "The picture is away. Reconnecting",
    awayServer: "The server cannot be reached. Retrying", awayBrowser: "This browser cannot play the live picture. Use a recent Chrome, Edge or Safari.",
    awayToken: "The picture needs the token", awayFull: "Too many viewers. Waiting for a place",
    "mode.live": "On air", "mode.paused": "Speech paused", "mode.slate": "Slate", "mode.stopping": "Ending",
    "mode.waiting": "Waiting for picture", "mode.offline": "Disconnected", "mode.unknown": "Connecting",
    "quality.FULL": "Full", "quality.MOUTH_ONLY": "Mouth only", "quality.MOUTH_HALF": "Half mouth",
    "quality.HOLD": "Held face", "quality.PLATE": "Still picture",
    "state.live": "Live", "state.open": "Fine", "state.writing": "Writing", "state.recording": "Recording",
    "state.connecting": "Connecting", "state.waiting": "Waiting to reconnect", "state.failed": "Failed",
    "state.closed": "Closed", "state.stopped": "Stopped", "state.unknown": "Unknown",
    "chat.waiting": "Waiting", "chat.answered": "Answered", "chat.passed": "Passed over", "chat.rejected": "Held back",
    "said.on air": "On air", "said.heard": "Said", "said.cut": "Cut",
    "kind.gift": "sent a gift", "kind.like": "liked", "kind.follow": "followed", "kind.enter": "came in",
    sold: "On now", ticks: "Frames", repeated: "Repeated", skipped: "Not encoded", filler: "Speech late",
    resets: "Clock resets", queued: "Speech queued", chatWaiting: "Chat waiting", chatRejected: "Chat refused",
    cached: "Speech from cache", seconds: "{n} s", losses: "lost {n}×", lost: "dropped {n}",
    warnOffline: "livehost cannot be reached. Retrying. The stream may still be on air: it does not depend on the console.",
    warnStage: "The picture process is not connected. It is being restarted.",
    warnOutput: "{name}: {state}. It reconnects by itself; other outputs are not affected.",
    warnQuality: "This machine is short of time: the face is reduced to “{level}”. Sound is not affected.",
    warnSlate: "Viewers see the slate now, not the host.",
    warnPaused: "Speech is paused: the host is there but silent.",
  },
};

let language = localStorage.getItem("livehost.language") === "en" ? "en" : "zh";

export function word(key, values = {}) {
  const text = WORDS[language][key] ?? key;
  return text.replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
}

// A word for a value that the server chose; the value itself if there is none.
export function named(group, value) {
  return WORDS[language][`${group}.${value}`] ?? String(value ?? "–");
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
