"""The operator's page in a real browser: what it shows, what it sends, what it survives."""

from __future__ import annotations

import asyncio
import functools
import json
import re
import shutil

import pytest

from livehost.brain.console import Outcome
from livehost.brain.console.server import STATIC
from tests.browser import chromium, make_stream
from tests.console_desk import TOKEN, FakeDesk, serving

pytestmark = [
    pytest.mark.real,
    pytest.mark.slow,
    pytest.mark.skipif(not shutil.which("chromium"), reason="chromium is not installed"),
]

HACK = '<img src=x onerror="window.hacked=1"><script>window.hacked=1</script>'
EXPECTED = "Failed to load resource"  # what a browser logs by itself at a 4xx or 5xx
stream = functools.cache(functools.partial(make_stream, 12.0))


@pytest.fixture(scope="module")
def browser():
    with asyncio.Runner() as runner:
        context = chromium()
        page = runner.run(context.__aenter__())
        runner.run(page.look(1280, 800))
        yield runner, page
        runner.run(context.__aexit__(None, None, None))


@pytest.fixture
def visit(browser):
    """Run `scenario(page, desk, console)` on a fresh page; fail if the page logged an error."""
    runner, page = browser

    def run(scenario, desk=None, token=None, path=""):
        async def main():
            show = desk or scripted()
            async with serving(show, token) as (console, _):
                page.console.clear()
                await page.goto("about:blank")
                await page.goto(console.address + path)
                await page.run("sessionStorage.clear(), localStorage.clear()")
                if not token:
                    await page.goto(console.address + path)
                await scenario(page, show, console)
                unexpected = [line for line in page.console if not re.search(EXPECTED, line)]
                assert unexpected == []
                await page.goto("about:blank")

        runner.run(main())

    return run


def scripted() -> FakeDesk:
    desk = FakeDesk()
    desk.values |= {
        "title": "小荷的日常好物",
        "mode": "live",
        "uptime_seconds": 3723,
        "products": [{"id": "a", "name": "外套", "price": "199.90"}, {"id": "b", "name": "杯子"}],
        "product": "a",
        "now": {"text": "大家好"},
        "stage": {"connected": True, "quality": "FULL", "counters": {"late": 3}},
    }
    return desk


def text(selector: str) -> str:
    return f"document.querySelector({json.dumps(selector)}).textContent"


async def fill(page, selector: str, value: str) -> None:
    await page.run(f"document.querySelector({json.dumps(selector)}).value = {json.dumps(value)}")


async def click(page, selector: str) -> None:
    await page.run(f"document.querySelector({json.dumps(selector)}).click()")


async def offline(page, on: bool) -> None:
    await page.call(
        "Network.emulateNetworkConditions",
        offline=on,
        latency=0,
        downloadThroughput=-1,
        uploadThroughput=-1,
    )


async def playing(page, seconds: float = 20) -> None:
    frames = "video.getVideoPlaybackQuality().totalVideoFrames > 5 && video.currentTime > 0"
    await page.until(f"{frames} && !video.paused && away.hidden", seconds)


# --- picture --------------------------------------------------------------------------------------


def test_picture_is_decoded_and_moves_on(visit):
    async def scenario(page, desk, console):
        header, packets = stream()
        desk.start_stream(header)
        show = asyncio.ensure_future(desk.play(packets))
        await playing(page)
        at = await page.run("video.currentTime")
        frames = await page.run("video.getVideoPlaybackQuality().totalVideoFrames")
        await asyncio.sleep(1)
        assert await page.run("video.currentTime") > at
        assert await page.run("video.getVideoPlaybackQuality().totalVideoFrames") > frames
        assert await page.run("[video.videoWidth, video.videoHeight]") == [180, 320]
        assert await page.run("video.buffered.end(0) - video.currentTime") < 2.5
        assert "延迟" in await page.run(text("#behind"))
        assert await page.run("video.muted")
        await click(page, "#sound")
        assert not await page.run("video.muted")
        assert await page.run("sound.getAttribute('aria-pressed')") == "true"
        show.cancel()

    visit(scenario)


def test_picture_comes_back_by_itself_after_the_stage_was_away(visit):
    async def scenario(page, desk, console):
        header, packets = stream()
        desk.start_stream(header)
        show = asyncio.ensure_future(desk.play(packets))
        await playing(page)
        show.cancel()
        desk.values["stage"] = {"connected": False}
        desk.start_stream(header)  # a new stage: timestamps begin again
        await page.until("!away.hidden")
        assert "自动重连" in await page.run(text("#away-text"))
        await page.until("mode.dataset.mode === 'waiting'")
        assert not await page.run("away.hidden")  # though the buffer's rest could be played
        desk.values["stage"] = {"connected": True, "quality": "FULL"}
        show = asyncio.ensure_future(desk.play(packets))
        await playing(page)
        assert await page.run("video.currentTime") < 8
        show.cancel()

    visit(scenario)


def test_stalled_picture_is_told_while_the_connection_stands(visit):
    async def scenario(page, desk, console):
        header, packets = stream()
        desk.start_stream(header)
        show = asyncio.ensure_future(desk.play(packets))
        await playing(page)
        show.cancel()
        await page.until("!away.hidden", 4)  # before the page gives the connection up
        assert console._preview.metrics()["livehost_preview_viewers"] == 1

    visit(scenario)


# --- words of others ------------------------------------------------------------------------------


def test_words_of_others_are_shown_as_text(visit):
    desk = scripted()
    desk.values |= {"title": HACK, "warnings": [HACK], "now": {"text": HACK}}
    desk.values["products"] = [{"id": HACK, "name": HACK, "price": HACK}]
    desk.values["outputs"] = [{"name": HACK, "state": HACK, "reason": HACK}]
    desk.lately = {
        "chat": [
            {"id": HACK, "kind": "comment", "nickname": HACK, "text": HACK, "state": HACK},
            {"id": "2", "kind": HACK, "nickname": HACK, "text": HACK, "answer": HACK},
        ],
        "utterances": [
            {"utterance": 1, "sentence": 0, "kind": HACK, "why": HACK, "text": HACK, "state": HACK}
        ],
    }

    async def scenario(page, desk, console):
        await page.until("document.querySelectorAll('#messages li, #utterances li').length === 3")
        await page.until("document.querySelectorAll('#products button').length === 1")
        await asyncio.sleep(0.3)
        assert await page.run("window.hacked") is None
        assert await page.run("document.querySelectorAll('main img, main script').length") == 0
        for place in ("#title", "#warnings", "#now", "#products", "#outputs", "#messages b"):
            assert HACK in await page.run(text(place)), place

    visit(scenario, desk)


# --- what the operator sees -----------------------------------------------------------------------


def test_state_of_the_show_is_told_in_words(visit):
    async def scenario(page, desk, console):
        await page.until("mode.dataset.mode === 'live'")
        assert await page.run(text("#mode")) == "直播中"
        assert await page.run(text("#uptime")) == "01:02:03"
        assert await page.run(text("#quality")) == "完整"
        assert await page.run(text("#late")) == "3"
        assert await page.run(text("#now")) == "大家好"
        desk.values["stage"]["quality"] = "HOLD"
        desk.values["outputs"] = [{"name": "douyin", "state": "waiting", "reason": "refused"}]
        desk.values["warnings"] = ["state cannot be written: disk full"]
        await page.until("warnings.children.length === 3")
        warned = await page.run(text("#warnings"))
        assert "定住表情" in warned
        assert "douyin：等待重连" in warned
        assert "状态文件写不进去：disk full" in warned
        assert "refused" in await page.run(text("#outputs"))

    visit(scenario)


def test_silent_server_is_told_and_asked_again(visit):
    async def scenario(page, desk, console):
        await page.until("mode.dataset.mode === 'live'")
        await offline(page, True)
        await page.until("mode.dataset.mode === 'offline'")
        assert "连不上 livehost" in await page.run(text("#warnings"))
        await offline(page, False)
        await page.until("mode.dataset.mode === 'live'")
        assert await page.run("warnings.children.length") == 0

    visit(scenario)


def test_rows_stay_while_others_come_and_go(visit):
    async def scenario(page, desk, console):
        def chat(*ids):
            return [{"id": i, "kind": "comment", "nickname": i, "text": i} for i in ids]

        desk.lately = {"chat": chat("a", "b", "c")}
        await page.until("messages.children.length === 3")
        await page.run("window.kept = messages.children[1]")
        desk.lately = {"chat": chat("b", "c", "d")}
        await page.until("messages.lastChild.textContent.includes('d')")
        assert await page.run("messages.children[0] === window.kept")
        assert await page.run("messages.children.length") == 3

    visit(scenario)


# --- what the operator does -----------------------------------------------------------------------


def test_question_of_a_viewer_is_sent_and_its_fate_shown(visit):
    async def scenario(page, desk, console):
        await fill(page, "#nickname", "小明")
        await fill(page, "#question", "多少钱？")
        await click(page, "#ask button")
        await page.until("receipt.dataset.ok === 'true'")
        (message,) = desk.chat
        assert (message["nickname"], message["text"]) == ("小明", "多少钱？")
        assert await page.run("question.value") == ""
        await fill(page, "#question", "x" * 20_000)
        await click(page, "#ask button")
        await page.until("receipt.dataset.ok === 'false'")
        assert "没有收下：超过 16384 字节" in await page.run(text("#receipt"))

    visit(scenario)


def test_buttons_send_their_commands(visit):
    async def scenario(page, desk, console):
        await page.until("products.children.length === 2")
        await fill(page, "#line", "欢迎新来的朋友")
        await click(page, "#say button")
        await page.until("outcome.dataset.ok === 'true' && line.value === ''")
        await click(page, "#skip")
        await click(page, "#products li:nth-child(2) button")
        await click(page, "#pause")
        desk.values["mode"] = "paused"
        await page.until("pause.textContent === '继续口播'")
        await click(page, "#pause")
        desk.values["mode"] = "slate"
        await page.until("slate.textContent === '回到主播'")
        await click(page, "#slate")
        await asyncio.sleep(0.2)
        assert desk.commands == [
            ("say", {"text": "欢迎新来的朋友"}),
            ("skip", {}),
            ("product", {"id": "b"}),
            ("pause", {}),
            ("resume", {}),
            ("slate", {"on": False}),
        ]
        desk.outcome = Outcome(False, "「最好」 is stopped by rule superlative; reword it")
        await fill(page, "#line", "全网最好")
        await click(page, "#say button")
        await page.until("outcome.dataset.ok === 'false'")
        assert "“最好”触犯规则 superlative" in await page.run(text("#outcome"))
        assert await page.run("line.value") == "全网最好"

    visit(scenario)


def test_stop_asks_first(visit):
    async def scenario(page, desk, console):
        await click(page, "#stop")
        assert await page.run("document.querySelector('#confirm').open")
        await click(page, "#confirm [value=no]")
        await asyncio.sleep(0.2)
        assert desk.commands == []
        await click(page, "#stop")
        await click(page, "#confirm [value=yes]")
        await page.until("outcome.dataset.ok === 'true'")
        assert desk.commands == [("stop", {})]

    visit(scenario)


def test_keyboard_alone_is_enough(visit):
    async def scenario(page, desk, console):
        async def press(key, code, typed=""):
            event = {"key": key, "code": key, "windowsVirtualKeyCode": code, "text": typed}
            for kind in ("keyDown", "keyUp"):
                await page.call("Input.dispatchKeyEvent", type=kind, **event)

        await page.until("products.children.length === 2")
        reached = set()
        for _ in range(30):
            await press("Tab", 9)
            reached.add(await page.run("document.activeElement.id || document.activeElement.name"))
        wanted = {"language", "sound", "nickname", "question", "line", "skip", "pause", "slate"}
        assert wanted | {"stop"} <= reached
        await page.run("line.focus()")
        await fill(page, "#line", "你好")
        await press("Enter", 13, "\r")
        await page.until("outcome.dataset.ok === 'true'")
        assert desk.commands == [("say", {"text": "你好"})]

    visit(scenario)


# --- token ----------------------------------------------------------------------------------------


def test_page_asks_for_the_token_until_it_is_right(visit):
    async def scenario(page, desk, console):
        await page.until("document.querySelector('#login').open")
        await fill(page, "#token", "wrong-wrong-wrong-wrong")
        await click(page, "#login button")
        await page.until("document.querySelector('#login').open && token.value === ''")
        assert "口令不对" in await page.run(text("#login p"))
        await fill(page, "#token", TOKEN)
        await click(page, "#login button")
        await page.until("mode.dataset.mode === 'live'")
        assert await page.run("sessionStorage.getItem('livehost.token')") == TOKEN

    visit(scenario, token=TOKEN)


def test_token_in_the_address_is_taken_out_of_it(visit):
    async def scenario(page, desk, console):
        for mark in ("?", "#"):
            await page.goto("about:blank")
            await page.goto(f"{console.address}{mark}token={TOKEN}")
            await page.until("mode.dataset.mode === 'live'")
            assert TOKEN not in await page.run("location.href")
            await page.run("sessionStorage.clear()")

    visit(scenario, token=TOKEN)


# --- look -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", ["zh", "en"])
def test_nothing_is_wider_than_the_screen_and_everything_has_a_name(visit, language):
    async def scenario(page, desk, console):
        await page.until("products.children.length === 2")
        if language == "en":
            await click(page, "#language")
            assert await page.run("document.documentElement.lang") == "en"
            assert await page.run(text("#mode")) == "On air"
            assert not re.search("[\u4e00-\u9fff]", await page.run(text(".side .buttons")))
        for width, height in ((390, 844), (768, 1024), (1440, 900)):
            await page.look(width, height, "dark")
            assert await page.run("document.documentElement.scrollWidth <= innerWidth"), width
        tree = (await page.call("Accessibility.getFullAXTree"))["nodes"]
        controls = [
            node
            for node in tree
            if not node["ignored"] and node["role"]["value"] in ("button", "textbox", "list", "log")
        ]
        named = [node for node in controls if node.get("name", {}).get("value")]
        assert len([n for n in controls if n["role"]["value"] in ("button", "textbox")]) >= 11
        assert [n for n in controls if n not in named and n["role"]["value"] != "list"] == []
        await page.look(1280, 800)

    visit(scenario)


def test_every_word_exists_in_both_languages():
    words = (STATIC / "words.js").read_text()
    both = words[: words.index("const PHRASES")].split("\n  en: {")
    chinese, english = (set(re.findall(r'[,{\s]"?(\w[\w.]*)"?: "', part)) for part in both)
    assert chinese == english
    page = (STATIC / "index.html").read_text()
    scripts = "".join(file.read_text() for file in STATIC.glob("*.js"))
    used = set(re.findall(r'data-(?:word|hint)="(\w+)"', page))
    used |= set(re.findall(r'\bword\("(\w+)"', scripts))
    assert used <= chinese, used - chinese


def test_files_are_shipped_and_none_needs_another_server():
    for file in STATIC.iterdir():
        assert file.suffix in {".html", ".css", ".js", ".png"}, "add the suffix to package-data"
        if file.suffix != ".png":
            assert not re.search(r"(?:src|href|from|url\()\W*https?:", file.read_text()), file
