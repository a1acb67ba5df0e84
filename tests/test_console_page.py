"""The operator's page in a real browser: what it shows, what it sends, what it survives."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

from livehost.brain.console import Console, Outcome
from livehost.brain.desk import all_commands
from tests.console_desk import TOKEN
from tests.console_page import (
    HACK,
    REAL,
    agree,
    browser,
    click,
    fill,
    playing,
    press_twice,
    scripted,
    shown,
    stream,
    text,
    visit,
)

__all__ = ["browser", "visit"]  # fixtures
pytestmark = REAL


@asynccontextmanager
async def running(desk, port):
    """Run a console on a port of its own until the block is left."""
    console = Console(desk, "127.0.0.1", port)
    task = asyncio.ensure_future(console.run())
    await console.ready.wait()
    try:
        yield console
    finally:
        task.cancel()
        await asyncio.wait({task})


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
        await page.until("document.querySelectorAll('#messages li').length === 2")
        await page.until("document.querySelectorAll('#products button').length === 1")
        await asyncio.sleep(0.3)
        assert await page.run("window.hacked") is None
        assert await page.run("document.querySelectorAll('main img, main script').length") == 0
        for place in ("#title", "#alarms", "#now", "#products", "#messages b"):
            assert HACK in await page.run(text(place)), place
        for tab, place in (("outputs", "#outputs"), ("said", "#utterances"), ("log", "#events")):
            await click(page, f"#tab-{tab}")
            await page.until(f"{text(place)}.includes({HACK!r})")
        assert await page.run("window.hacked") is None

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
        await page.until("alarms.children.length === 3")
        warned = await page.run(text("#alarms"))
        assert "定住表情" in warned
        assert "douyin 断了：refused" in warned
        assert "状态文件写不进去：disk full" in warned
        assert "换地址" in warned  # and what to do about it
        assert "douyin 断了：refused" in await page.run(text("#alarm-voice"))
        await click(page, "#tab-outputs")
        await page.until(f"{text('#outputs')}.includes('refused')")
        await click(page, "#tab-log")
        await page.until("events.children.length === 3")
        desk.values["outputs"] = []
        await page.until(f"{text('#events')}.includes('已恢复')")

    visit(scenario)


def test_server_that_goes_is_told_at_once_and_found_again(visit):
    async def scenario(page, desk, console):
        await page.until("mode.dataset.mode === 'live' && document.body.dataset.line === 'open'")
        port = int(console.address.rstrip("/").rpartition(":")[2])
        await console._sockets.end()
        await page.until("document.body.dataset.line === 'lost'", 1)
        assert await page.run("mode.dataset.mode") == "offline"
        assert "连不上 livehost" in await page.run(text("#alarms"))
        await page.until("document.body.dataset.line === 'open'", 5)
        assert await page.run("alarms.children.length") == 0
        assert port == int(console.address.rstrip("/").rpartition(":")[2])

    visit(scenario)


def test_restarted_server_is_found_and_no_command_is_given_twice(browser):
    runner, page = browser

    async def main():
        first, second = scripted(), scripted()
        first.command_seconds = 60  # the answer will never come
        async with running(first, 0) as console:
            port = int(console.address.rstrip("/").rpartition(":")[2])
            await page.goto(console.address)
            await page.until("document.body.dataset.line === 'open'")
            await click(page, "#skip")
            await page.until("true")
            async with asyncio.timeout(5):
                while not first.commands:  # noqa: ASYNC110
                    await asyncio.sleep(0.02)
        await page.until("document.body.dataset.line === 'lost'", 2)
        await click(page, "#pause")  # while nobody listens
        async with running(second, port):
            await page.until("document.body.dataset.line === 'open'", 15)
            await page.until("outcome.dataset.ok === 'true'")
            await asyncio.sleep(0.5)
        assert first.commands == [("skip", {})]
        # The new server does not know the ids: what is within its deadline is begun, each once.
        assert sorted(name for name, _ in second.commands) in (["pause"], ["pause", "skip"])
        await page.goto("about:blank")

    runner.run(main())


def test_page_asks_by_http_while_sockets_do_not_come_about(visit):
    async def scenario(page, desk, console):
        script = await page.call(
            "Page.addScriptToEvaluateOnNewDocument",
            source="window.WebSocket = class { constructor() {"
            "setTimeout(() => this.onclose({ code: 1006 }), 10); } close() {} send() {} }",
        )
        await page.goto("about:blank")
        await page.goto(console.address)
        await page.until("document.body.dataset.line === 'polling'")
        assert await page.run(text("#mode")) == "直播中"
        assert "每秒刷新" in await page.run(text("#alarms"))
        await click(page, "#skip")
        await page.until("outcome.dataset.ok === 'true'")
        await asyncio.sleep(1.5)
        assert desk.commands == [("skip", {})]
        await page.call("Page.removeScriptToEvaluateOnNewDocument", **script)

    visit(scenario)


def test_rows_stay_while_others_come(visit):
    desk = scripted()
    desk.lately = {"chat": [{"id": i, "nickname": i, "text": i} for i in "abc"]}

    async def scenario(page, desk, console):
        await page.until("messages.children.length === 3")
        await page.run("window.kept = [...messages.children]")
        desk.news.tell("chat", id="d", kind="comment", nickname="d", text="d", of="", sent=None)
        await page.until("messages.children.length === 4")
        assert await page.run("window.kept.every((row, n) => messages.children[n] === row)")

    visit(scenario, desk)


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
        await page.until("products.children.length === 2 && document.body.dataset.line === 'open'")
        await fill(page, "#line", "欢迎新来的朋友")
        await fill(page, "#emotion", "excited")
        await page.run("cut.checked = true")
        await click(page, "#say button")
        await page.until("document.querySelector('#said-receipt').dataset.ok === 'true'")
        await page.until("line.value === ''")
        await fill(page, "#emotion", "")
        await page.run("cut.checked = false")
        await click(page, "#skip")
        await press_twice(page, "#products li:nth-child(2) button")
        await click(page, "#pause")
        desk.values["mode"] = "paused"
        await page.until("pause.textContent === '继续口播'")
        await click(page, "#pause")
        desk.values["mode"] = "live"
        await page.until("pause.textContent === '暂停口播'")
        await click(page, "#mute")
        desk.values["mode"] = "muted"
        await page.until("mute.textContent === '恢复声音'")
        await click(page, "#mute")
        await click(page, "#panic")
        desk.values["mode"] = "slate"
        await page.until("panic.textContent.includes('恢复直播')")
        await click(page, "#panic")  # a button that is hammered does not take the slate away
        await click(page, "#alarms button")  # the alarm has the same button
        await asyncio.sleep(0.2)
        assert desk.commands == [
            ("say", {"text": "欢迎新来的朋友", "cut": True, "emotion": "excited"}),
            ("skip", {}),
            ("product", {"id": "b"}),
            ("pause", {}),
            ("resume", {}),
            ("mute", {"on": True}),
            ("mute", {"on": False}),
            ("panic", {"on": True}),
            ("panic", {"on": False}),
        ]
        found = {"rule": "superlative.most", "found": "最好"}
        desk.outcome = Outcome(False, "「最好」 is stopped by rule superlative", found, "gate")
        await fill(page, "#line", "全网最好")
        await click(page, "#say button")
        receipt = "document.querySelector('#said-receipt')"
        await page.until(f"{receipt}.dataset.ok === 'false'")
        assert "风控拦下“最好”：极限词" in await page.run(f"{receipt}.textContent")
        assert await page.run("line.value") == "全网最好"

    visit(scenario)


def test_layers_are_switched_in_the_settings(visit):
    desk = scripted()
    desk.values["layers"] = {"captions": True, "card": False, "question": True, "title": True}

    async def scenario(page, desk, console):
        await click(page, "#tab-settings")
        await page.until("!layers.hidden")
        assert await page.run("document.querySelector('#layer-card').checked") is False
        await click(page, "#layer-captions")
        await page.until("document.querySelector('#layers-receipt').dataset.ok === 'true'")
        assert desk.commands == [("layers", {"captions": False})]
        desk.values["layers"] = desk.values["layers"] | {"captions": False, "card": True}
        await page.until("document.querySelector('#layer-card').checked")
        assert await page.run("document.querySelector('#layer-captions').checked") is False

    visit(scenario, desk)


def test_stop_asks_first(visit):
    async def scenario(page, desk, console):
        await click(page, "#stop")
        assert await page.run("document.querySelector('#confirm').open")
        await click(page, "#confirm [value=no]")
        await asyncio.sleep(0.2)
        assert desk.commands == []
        await click(page, "#stop")
        await click(page, "#confirm [value=yes]")  # the second tap of a double tap
        await asyncio.sleep(0.4)
        assert desk.commands == []
        await click(page, "#confirm [value=yes]")
        await page.until("outcome.dataset.ok === 'true'")
        assert desk.commands == [("stop", {})]

    visit(scenario)


def test_keys_stop_the_host_wherever_the_focus_is(visit):
    async def scenario(page, desk, console):
        await page.until("document.body.dataset.line === 'open' && !controls.hidden")
        await page.run("document.activeElement.blur()")
        for key in ("p", "m", "k", "n"):
            await page.press(key, key)
        await page.run("line.focus()")
        await page.press("p", "p")  # a letter in a text
        await page.press("Escape")  # too short to mean it
        assert await page.run("line.value") == "p"
        await page.press("Escape", hold=1.3)
        await asyncio.sleep(0.2)
        expected = ["panic", "mute", "pause", "skip", "panic"]
        assert [name for name, _ in desk.commands] == expected
        await click(page, "#tab-settings")
        await click(page, "#keys-on")
        await page.run("document.activeElement.blur()")
        await page.press("p", "p")
        await asyncio.sleep(0.2)
        assert len(desk.commands) == len(expected)

    visit(scenario)


def test_outputs_are_added_moved_and_ended_and_their_key_is_never_shown(visit):
    async def scenario(page, desk, console):
        await click(page, "#tab-outputs")
        await page.until("outputs.children.length === 1")
        await fill(page, "#output-name", "douyin")
        await fill(page, "#output-url", "rtmp://push.example/live/hush")
        await click(page, "#output-form button")  # it would end the one on air
        await page.until("document.querySelector('#output-receipt').dataset.ok === 'false'")
        assert "已经有一路叫 douyin" in await page.run(text("#output-receipt"))
        assert desk.commands == []
        await fill(page, "#output-name", "kuaishou")
        await fill(page, "#output-url", "rtmp://push.example/live/hush-hush")
        await click(page, "#output-form button")
        await page.until("document.querySelector('#output-receipt').dataset.ok === 'true'")
        assert await page.run("document.querySelector('#output-url').value") == ""
        await click(page, "#outputs .row-buttons button")
        await fill(page, "#outputs .move input", "rtmp://push.example/live/hush-too")
        await page.run("document.querySelector('#outputs .move').requestSubmit()")
        await page.until("!document.querySelector('#outputs .move')")
        await click(page, "#outputs .danger")
        await page.until("document.querySelector('#confirm').open")
        assert "douyin" in await page.run(text("#confirm"))
        await agree(page)
        await page.until("document.querySelector('#output-receipt').textContent.includes('停掉')")
        urls = [args.get("url", "") for _, args in desk.commands]
        assert [name for name, _ in desk.commands] == ["output_add", "output_set", "output_remove"]
        assert urls == [
            "rtmp://push.example/live/hush-hush", "rtmp://push.example/live/hush-too", "",
        ]  # fmt: skip
        assert "hush" not in await page.run("document.documentElement.outerHTML")

    visit(scenario)


def test_what_became_of_chat_is_told_as_it_happens(visit):
    async def scenario(page, desk, console):
        await page.until("document.body.dataset.line === 'open'")
        said = {"kind": "comment", "source": "http", "count": 1, "of": "price", "sent": None}
        desk.news.tell("chat", id="1", nickname="小明", text="多少钱", **said)
        desk.news.tell("chat", id="2", nickname="老王", text="加微信", **said)
        await page.until("messages.children.length === 2")
        await click(page, "[data-filter=waiting]")
        desk.news.tell("chat_done", id="2", outcome="too_fast", utterance=None)
        desk.news.tell("utterance", utterance=7, kind="reply", reason="question", product=None)
        desk.news.tell("sentence", utterance=7, sentence=0, state="started", text="一百九十九。")
        desk.news.tell("chat_done", id="1", outcome="answered", utterance=7)
        stopped = {"rule": "superlative.most", "found": "最好", "text": "全网最好", "said": "很好"}
        desk.news.tell("gate", utterance=7, model=False, **stopped)
        await page.until("messages.children.length === 0")
        await click(page, "[data-filter=all]")
        await page.until("messages.children.length === 2")
        told = await page.run(text("#messages"))
        assert "一百九十九。" in told
        assert "未采用 · 发得太快" in told
        assert "风控拦下“最好”：极限词" in told
        await click(page, "[data-filter=stopped]")
        assert await page.run("messages.children.length") == 2

    visit(scenario)


def test_plots_follow_the_numbers(visit):
    async def scenario(page, desk, console):
        desk.values["stage"]["milliseconds"] = {"render": {"p95": 17.0}, "encode": {"p95": 61.0}}
        await click(page, "#tab-numbers")
        path = "document.querySelector('[data-plot=tick] path.s1')"
        await page.until(f"{path}?.getAttribute('d')?.split('L').length > 2")
        name = await page.run("document.querySelector('[data-plot=tick] svg').ariaLabel")
        assert "61 ms" in name
        assert not await page.run("document.querySelector('[data-plot=gpu]')")  # nobody tells
        desk.values["machine"] = {
            "cpu_percent": 31.0, "gpu": "NVIDIA L4", "gpu_percent": 87, "gpu_celsius": 61,
            "gpu_memory_used_mib": 6141, "gpu_memory_total_mib": 24564,
        }  # fmt: skip
        label = "document.querySelector('[data-plot={}] figcaption')?.textContent ?? ''"
        await page.until(f"({label.format('gpu')}).includes('87 %')")
        assert "编码" not in await page.run(label.format("gpu")), "the card has no encoder"
        assert "25 %" in await page.run(label.format("gpuMemory"))
        assert "61 °C" in await page.run(label.format("gpuHeat"))
        desk.values["machine"]["gpu_encoder_percent"] = 12
        await page.until(f"({label.format('gpu')}).includes('编码 12 %')")

    visit(scenario)


def test_buttons_of_unknown_commands_are_not_there(visit):
    desk = scripted()
    desk.table = {known.name: known for known in all_commands() if known.name in ("say", "skip")}

    async def scenario(page, desk, console):
        await page.until("document.body.dataset.line === 'open' && !controls.hidden")
        for there in ("#skip", "#line"):
            assert await page.run(shown(there)), there
        for gone in ("#panic", "#mute", "#pause", "#take-type", "#stop"):
            assert not await page.run(shown(gone)), gone
        assert await page.run("document.querySelectorAll('#products button').length") == 0

    visit(scenario, desk)


# --- the way in ----------------------------------------------------------------------------------


def test_stranger_is_sent_to_the_login_and_comes_back(visit):
    async def scenario(page, desk, console):
        await page.until("location.pathname === '/login'")
        await page.until("document.querySelector('#token')?.checkVisibility()")
        await fill(page, "#token", TOKEN)
        await page.run("document.querySelector('#by-token').requestSubmit()")
        await page.until("location.pathname === '/' && window.mode?.dataset.mode === 'live'")
        await page.until("document.body.dataset.line === 'open'")
        await click(page, "#tab-settings")
        await click(page, "#logout")
        await page.until("location.pathname === '/login'")

    visit(scenario, token=TOKEN)


def test_token_in_the_address_is_taken_out_of_it(visit):
    async def scenario(page, desk, console):
        for mark in ("?", "#"):
            await page.goto("about:blank")
            await page.call("Network.clearBrowserCookies")
            await page.goto(f"{console.address}{mark}token={TOKEN}")
            await page.until("window.mode?.dataset.mode === 'live'")
            assert TOKEN not in await page.run("location.href")

    visit(scenario, token=TOKEN)
