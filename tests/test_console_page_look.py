"""The operator's page as people find it: names, keys, colours, widths, words."""

from __future__ import annotations

import gzip
import json
import re

import pytest

from livehost.brain.console.server import STATIC
from tests.console_page import HACK, REAL, browser, click, scripted, shown, text, visit

__all__ = ["browser", "visit"]  # fixtures
pytestmark = REAL

PANELS = ("products", "outputs", "numbers", "said", "log", "settings")
CONTROLS = {"button", "textbox", "combobox", "checkbox", "tab", "progressbar", "image"}

CONTRAST = """(() => {
  const light = (rgb) => rgb.slice(0, 3).map((v) => v / 255)
    .map((v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
    .reduce((sum, v, n) => sum + v * [0.2126, 0.7152, 0.0722][n], 0);
  const colour = (text) => {
    const canvas = document.createElement("canvas");
    canvas.width = canvas.height = 1;
    const pen = canvas.getContext("2d", { willReadFrequently: true });
    pen.fillStyle = text;
    pen.fillRect(0, 0, 1, 1);
    return [...pen.getImageData(0, 0, 1, 1).data];
  };
  const over = (top, under) =>
    top.slice(0, 3).map((v, n) => (v * top[3] + under[n] * (255 - top[3])) / 255);
  const ground = (node) => {
    if (!node) return [255, 255, 255];
    const own = colour(getComputedStyle(node).backgroundColor);
    return own[3] === 255 ? own.slice(0, 3) : over(own, ground(node.parentElement));
  };
  const poor = [];
  for (const node of document.querySelectorAll("body *")) {
    const own = [...node.childNodes].some((child) => child.nodeType === 3 && child.data.trim());
    const out = node.closest(".screen, .hidden, .skip-link, :disabled");
    if (!own || out || !node.checkVisibility()) continue;
    const under = ground(node);
    const ink = over(colour(getComputedStyle(node).color), under);
    const [a, b] = [light(ink), light(under)].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    const name = `${node.tagName}.${node.className} ${node.textContent.slice(0, 20)}`;
    if (ratio < 4.5) poor.push(`${name} ${ratio.toFixed(2)}`);
  }
  return poor;
})()"""


def full():
    """Return a show with long words, troubles and everything that has a colour of its own."""
    desk = scripted()
    word = "很长的昵称" * 6 + "x" * 60
    desk.values |= {
        "mode": "paused",
        "warnings": [f"state cannot be written: {word}", "action crm: no answer; 3 events wait"],
        "outputs": [
            {"name": "douyin", "state": "live", "bitrate_kbps": 2641.2, "losses": 2},
            {"name": "k" * 32, "state": "waiting", "reason": word, "dropped_frames": 12},
        ],
        "lease": {"user": "小王", "tab": "other", "kind": "type", "since": "2026-11-22T00:00:00Z"},
    }
    desk.values["stage"] |= {"quality": "HOLD", "milliseconds": {"render": {"p95": 17.0}}}
    desk.values["products"].append({"id": "c", "name": word, "price": "1999.90"})
    states = ("waiting", "answered", "passed", "rejected")
    desk.lately = {
        "chat": [
            {"id": str(n), "nickname": word, "text": word, "state": state, "answer": word,
             "class": "price", "at": "2026-11-22T12:00:00Z"}
            for n, state in enumerate(states)
        ] + [{"id": "g", "kind": "gift", "nickname": HACK, "text": "花", "count": 3}],
        "utterances": [
            {"utterance": n, "sentence": 0, "kind": kind, "why": word, "text": word, "state": state}
            for n, (kind, state) in enumerate(
                [("reply", "heard"), ("script", "interrupted"), ("say", "started")]
            )
        ],
    }  # fmt: skip
    return desk


async def settled(page):
    await page.until("document.body.dataset.line === 'open' && messages.children.length > 0")


async def open_panel(page, panel):
    """Open a tab and wait until it is drawn."""
    await click(page, f"#tab-{panel}")
    frames = "(done) => requestAnimationFrame(() => requestAnimationFrame(done))"
    await page.run(f"new Promise({frames})")


# --- widths, names, colours -----------------------------------------------------------------------


@pytest.mark.parametrize("width", [320, 390, 768, 1160, 1440])
def test_nothing_is_wider_than_the_screen(visit, width):
    async def scenario(page, desk, console):
        await settled(page)
        await page.look(width, 844)
        try:
            for language in ("zh", "en"):
                for panel in PANELS:
                    await open_panel(page, panel)
                    assert await page.run("document.documentElement.scrollWidth <= innerWidth"), (
                        f"{language} {panel}"
                    )
                await click(page, "#language")
                await open_panel(page, "products")
        finally:
            await page.look(1280, 900)

    visit(scenario, full())


@pytest.mark.parametrize("language", ["zh", "en"])
def test_everything_that_can_be_used_has_a_name(visit, language):
    async def scenario(page, desk, console):
        await settled(page)
        if language == "en":
            await click(page, "#language")
            assert await page.run("document.documentElement.lang") == "en"
            await page.until(f"{text('#mode')} === 'Speech paused'")
        for panel in PANELS:
            await open_panel(page, panel)
            tree = (await page.call("Accessibility.getFullAXTree"))["nodes"]
            controls = [n for n in tree if not n["ignored"] and n["role"]["value"] in CONTROLS]
            names = [n.get("name", {}).get("value", "").strip() for n in controls]
            assert len(controls) > 15
            assert [c["role"] for c, name in zip(controls, names, strict=True) if not name] == []
            if language == "en":  # but for the words of others, and the way back
                own = [n for n in names if n != "中文" and not re.search("很长|小|外套|杯子|花", n)]
                assert [n for n in own if re.search("[\u4e00-\u9fff]", n)] == []

    visit(scenario, full())


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_can_be_read(visit, theme):
    async def scenario(page, desk, console):
        await settled(page)
        await page.look(1280, 900, theme)
        try:
            for panel in PANELS:
                await open_panel(page, panel)
                assert await page.run(CONTRAST) == [], panel
            desk.values["mode"] = "slate"
            await page.until("panic.getAttribute('aria-pressed') === 'true'")
            assert await page.run(CONTRAST) == []
        finally:
            await page.look(1280, 900)

    visit(scenario, full())


WARNINGS = {
    "catalog not reloaded: /a/b.toml:7: price: bad 'abc'": "b.toml 第 7 行 price",
    "state cannot be written: database or disk is full": "状态文件写不进去：磁盘满了",
    "audit log cannot be written: [Errno 28] No space left on device": "播出记录写不进去：磁盘满了",
    "disk nearly full: 1.3 GB left for the recording": "录像的盘只剩 1.3 GB",
    "disk full: 0.0 GB left for the state; the audit log is not saved; recording tape has stopped":
        "磁盘满了：存状态和记录的盘只剩 0.0 GB；播出记录存不下来；录像 tape 停了。",
    "voice openai is resting: openai: the server cannot be reached (X)":
        "语音引擎 openai 出故障：连不上",
    "voice kokoro is refused: /c.toml: 王小美 has withdrawn consent (revoked = 2026-11-20)":
        "王小美 撤回了同意",
    "language model: the language model cannot be reached: X": "先用商品卡回答",
    "chat source bus: cannot be reached (connection refused)": "弹幕 bus 断了：连不上，对方没有开",
    "action shop: cannot be reached (connection refused); 2 events wait":
        "通知 shop 送不出去，有 2 条在等",
    "picture: CUDA lost: out of memory": "显卡（CUDA）出故障",
    "picture: encoder lost: h264_nvenc failed": "显卡编码失败",
    "cached speech without consent cannot be deleted: 2 files": "有 2 段已撤回同意的声音删不掉",
}  # fmt: skip
"""What a show really says when it is in trouble, and what the operator reads."""


def test_every_warning_is_told_in_plain_words_with_what_to_do(visit):
    desk = scripted()
    desk.values["warnings"] = list(WARNINGS)
    desk.values["mode"] = "slate"
    reasons = {
        "connection refused: nothing listens there": "地址连不上",
        "refused: the server hung up; is the stream key right? (error)": "推流码可能不对",
        "unknown host name": "域名不存在",
    }  # fmt: skip
    desk.values["outputs"] = [
        {"name": f"o{n}", "state": "waiting", "reason": why} for n, why in enumerate(reasons)
    ]

    async def scenario(page, desk, console):
        await page.until("alarms.children.length === 3")
        assert "恢复直播" in await page.run(
            text("#alarms button")
        )  # what one press undoes is first
        more = "document.querySelector('#alarms-more')"
        assert await page.run(f"{more}.textContent") == f"还有 {len(WARNINGS) + 4 - 3} 条"
        await page.run(f"{more}.click()")
        await page.until(f"alarms.children.length === {len(WARNINGS) + 4}")
        told = await page.run(text("#alarms"))
        for words in [*WARNINGS.values(), *reasons.values()]:
            assert words in told, words
        advice = "[...alarms.children].filter((row) => !row.querySelector('.todo')).length"
        assert await page.run(advice) == 0
        await page.run("window.rows = [...alarms.children].map((row) => row.dataset.key).join()")
        tries = "action shop: cannot be reached (connection refused); 3 events wait"
        told_before = list(WARNINGS)
        desk.values["warnings"] = [tries if "shop" in w else w for w in told_before]
        await page.until(f"{text('#alarms')}.includes('有 3 条在等')")
        assert await page.run("rows === [...alarms.children].map((r) => r.dataset.key).join()")

    visit(scenario, desk)


def test_nothing_of_the_page_lies_over_the_picture(visit):
    over = """(() => { const a = document.querySelector('.screen').getBoundingClientRect();
        return ['sound', 'behind'].map((id) => document.getElementById(id).getBoundingClientRect())
            .filter((b) => b.top < a.bottom && b.bottom > a.top).length; })()"""

    async def scenario(page, desk, console):
        await page.until("document.body.dataset.line === 'open' && mode.dataset.mode === 'live'")
        try:
            for width in (390, 1440):
                await page.look(width, 844)
                assert await page.run(over) == 0
                assert await page.run(shown("#sound"))
        finally:
            await page.look(1280, 900)
        assert await page.run("sound.title") == "只是你这里的声音，观众不受影响"

    visit(scenario)


def test_a_slate_with_sound_and_the_log_say_what_they_are(visit):
    desk = scripted()
    desk.values |= {"mode": "slate", "muted": False}

    async def scenario(page, desk, console):
        await page.until(f"{text('#panic-hint')} === '观众看垫片，听得到声音'")
        desk.values["muted"] = True
        await page.until(f"{text('#panic-hint')} === '观众看垫片、听不到声音'")
        told = {"who": "local", "ok": True, "message": ""}
        for name, args in (
            ("edit", {"segment": "s", "line": 3, "text": "新的", "was": "旧的"}),
            ("layers", {"card": False}),
            ("mute", {"on": True}),
            ("pin", {"product": "a"}),
            ("take_over", {"kind": "type"}),
        ):
            desk.news.tell("command", name=name, args=args, **told)
        await click(page, "#tab-log")
        await page.until("events.children.length >= 5")
        said = await page.run("[...events.querySelectorAll('.text')].map((p) => p.textContent)")
        assert said[:5] == [
            "本机 · 接管主播 打字",
            "本机 · 挂卡片 外套",
            "本机 · 静音",
            "本机 · 画面显示 商品卡 关",
            "本机 · 改句子 s 新的",
        ]

    visit(scenario, desk)


@pytest.mark.parametrize(
    ("found", "told"),
    [
        ("Input should be a valid decimal (is 'abc')", "要填数字，现在是“abc”"),
        ("is required", "必填"),
        ("String should have at most 40 characters (is 'xx')", "最多 40 个字"),
        ("1 is taken by bottle; choose another", "1 已被 bottle 用了，换一个"),
        ("segment a: 「保温」 is stopped by rule superlative.state; reword it",
         "段落 a：“保温”触犯规则 极限词，请换个说法"),
        ("not published: rundown.toml:5: is not valid TOML: Expected",
         "没有发布：rundown.toml 第 5 行：格式写坏了，看看引号、括号、逗号：Expected"),
        ("something odd; nobody knows", "something odd; nobody knows"),
    ],
)  # fmt: skip
def test_what_a_check_finds_is_said_in_chinese(visit, found, told):
    async def scenario(page, desk, console):
        words = "import('/static/words.js').then(({ phrase }) => phrase(" + json.dumps(found) + "))"
        assert await page.run(words) == told

    visit(scenario)


def test_alarms_are_spoken_once(visit):
    async def scenario(page, desk, console):
        await page.until("document.body.dataset.line === 'open' && mode.dataset.mode === 'live'")
        assert (
            await page.run("document.querySelector('#alarm-voice').getAttribute('role')") == "alert"
        )
        await page.run(
            "window.spoken = [], window.voice = document.querySelector('#alarm-voice'),"
            "new MutationObserver(() => spoken.push(voice.textContent))"
            ".observe(voice, { childList: true })"
        )
        desk.values["outputs"] = [{"name": "douyin", "state": "waiting", "dropped_frames": 1}]
        await page.until("window.spoken.length === 1")
        desk.values["outputs"][0]["dropped_frames"] = 99
        await page.until("dropped.textContent === '99'")
        assert await page.run("window.spoken.length") == 1

    visit(scenario)


# --- keyboard -------------------------------------------------------------------------------------


def test_keyboard_alone_is_enough(visit):
    async def scenario(page, desk, console):
        await page.until("products.children.length === 2 && document.body.dataset.line === 'open'")
        reached, rings = [], []
        for _ in range(30):
            await page.press("Tab")
            reached.append(
                await page.run("document.activeElement.id || document.activeElement.tagName")
            )
            rings.append(await page.run("getComputedStyle(document.activeElement).outlineStyle"))
        order = ["language", "sound", "panic", "mute", "pause", "skip", "line", "emotion", "cut"]
        order += ["nickname", "question", "tab-products"]
        seen = [name for name in reached if name in order]
        assert seen[: len(order)] == order  # what matters most comes first
        assert set(rings[: len(order)]) == {"solid"}  # and is seen
        await page.run("document.querySelector('#tab-products').focus()")
        for key, panel in (("ArrowRight", "outputs"), ("End", "settings"), ("Home", "products")):
            await page.press(key)
            assert await page.run("document.activeElement.id") == f"tab-{panel}"
            assert await page.run(f"!document.querySelector('#panel-{panel}').hidden")
        await page.run("line.focus()")
        await page.write("你好")
        await page.press("Enter", "\r")
        await page.until("document.querySelector('#said-receipt').dataset.ok === 'true'")
        await page.run("skip.focus()")
        await page.press("Enter", "\r")
        await page.until("outcome.dataset.ok === 'true'")
        assert desk.commands == [("say", {"text": "你好"}), ("skip", {})]

    visit(scenario)


# --- files ----------------------------------------------------------------------------------------


def test_every_word_exists_in_both_languages():
    found = re.compile(r'[,{\s]"?(\w[\w.]*)"?: "((?:[^"\\]|\\.)*)"')
    chinese, english = (
        dict(found.findall((STATIC / f"words_{of}.js").read_text())) for of in ("zh", "en")
    )
    assert chinese.keys() == english.keys()
    slots = {key: sorted(re.findall(r"{(\w+)}", said)) for key, said in chinese.items()}
    assert slots == {key: sorted(re.findall(r"{(\w+)}", said)) for key, said in english.items()}
    page = (STATIC / "index.html").read_text()
    scripts = "".join(file.read_text() for file in STATIC.glob("*.js"))
    used = set(re.findall(r'data-(?:word|hint|label)="(\w+)"', page))
    used |= set(re.findall(r'\bword\("(\w+)"', scripts))
    assert used <= chinese.keys(), used - chinese.keys()


def test_files_are_shipped_and_none_needs_another_server():
    for file in STATIC.iterdir():
        assert file.suffix in {".html", ".css", ".js", ".png"}, "add the suffix to package-data"
        if file.suffix != ".png":
            content = file.read_text()
            assert not re.search(r"(?:src|href|from|url\()\W*https?:", content), file
            assert len(content.splitlines()) <= 400, file
        if file.suffix == ".html":
            assert not re.search(
                r" style=| on\w+=|<style|<script(?! type=\"module\" src=)", content
            ), file
        if file.suffix == ".js":
            assert not re.search(
                r"innerHTML|outerHTML|insertAdjacent|document.write|eval\(", content
            ), file


def test_page_is_light():
    total = sum(len(gzip.compress(file.read_bytes())) for file in STATIC.iterdir())
    assert total < 90_000  # bytes
