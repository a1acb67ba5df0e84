"""The brain as it runs: wired from a real room, on virtual time; and as a real process."""

import asyncio
import json
import os
import signal
import sqlite3
import sys
from contextlib import asynccontextmanager, suppress
from dataclasses import replace

import aiohttp
import pytest

from livehost.brain import app
from livehost.brain.ahead import SpeechAhead
from livehost.brain.audit.book import Book
from livehost.brain.audit.reading import about_consent, entries, erase, utterances, verify
from livehost.brain.desk import ShowDesk, flattened
from livehost.brain.intent import Place
from livehost.brain.manners import Manners
from livehost.brain.stage_link import StageLink
from livehost.errors import BackendTimeout, ConfigError
from livehost.options import Options

from .demo_shop import DEMO, demo_room
from .show_parts import ALL, Room, sentences, staged
from .show_stage import SocketStage
from .virtual import run
from .voice_servers import consent_record

ROOM = """
name = "test"
[avatar]
path = "AVATAR"
[voice]
engine = "tone"
[state]
dir = "state"
cache_dir = "cache"
[console]
port = 0
"""


def room_text():
    return ROOM.replace("AVATAR", str(DEMO.parent.parent / "avatars" / "xiaohe"))


def room_file(folder, more=""):
    """A room with the demo's products and script, and a voice that costs nothing."""
    demo_room(folder)
    file = folder / "room.toml"
    file.write_text(room_text() + more)
    return file


def options(folder):
    return Options(str(folder / "room.toml"), str(folder / "s.sock"), console="127.0.0.1:0")


class Brain:
    """A show without its console, with everything inside in reach."""

    def __init__(self, folder, stage):
        given = options(folder)
        self.show = app.Show(app.load_room(given.path), given)
        self.show.link._connect = stage.connect
        self.ended = []
        self.desk = ShowDesk(self.show, lambda: self.ended.append(True))
        self.ending = asyncio.Event()
        self.running = asyncio.ensure_future(self.show.run(self.ending, None))

    async def end(self):
        self.ending.set()
        await self.running
        await self.show.close()

    async def be_killed(self):
        """End without saving anything more than what is saved already."""
        store = self.show.state.store
        await store.flush()
        store.put = lambda *_, **__: True
        self.show.link.listen(None)
        await self.end()


@asynccontextmanager
async def brain(folder, stage):
    live = Brain(folder, stage)
    try:
        yield live
    finally:
        if not live.running.done():
            await live.end()


@pytest.fixture(autouse=True)
def no_console(monkeypatch, request):
    if "real" not in request.keywords:
        monkeypatch.setattr(app.Show, "_console", lambda self: asyncio.Event().wait())


async def until(condition, most=200.0):
    async with asyncio.timeout(most):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.02)


def with_brain(tmp_path, test, more=""):
    room_file(tmp_path, more)

    async def main():
        async with staged() as stage, brain(tmp_path, stage) as live:
            return await test(stage, live)

    return run(main())


def test_the_demo_script_is_spoken_and_a_question_is_answered(tmp_path):
    async def test(stage, live):
        await until(lambda: len(stage.air) > 3)
        receipt = live.desk.submit_chat('{"text": "2号链接多少钱", "nickname": "小明"}'.encode())
        at = len(stage.air)
        await until(lambda: any(c.kind == "question" and c.data for _, c in stage.shown))
        await asyncio.sleep(6)
        return receipt, [s.text for s in stage.air[at:]], stage.shown, live.desk.recent()

    receipt, texts, shown, recent = with_brain(tmp_path, test)
    assert receipt.ok and receipt.id
    assert any("89" in text for text in texts), "the price stands on the product card"
    question = next(c.data for _, c in shown if c.kind == "question" and c.data)
    assert question == {"nickname": "小明", "text": "2号链接多少钱"}
    cards = [c.data["name"] for _, c in shown if c.kind == "product" and c.data]
    assert any("保温杯" in name for name in cards)
    assert recent["chat"][0]["nickname"] == "小明"
    assert recent["chat"][0]["state"] == "answered" and "89" in recent["chat"][0]["answer"]
    assert {"reply", "script"} <= {u["kind"] for u in recent["utterances"]}


def test_every_moment_of_a_kill_resumes_in_the_sentence_it_was_in(tmp_path):
    """What viewers fully heard is not skipped; at most the sentence they were in is repeated."""
    room_file(tmp_path)

    async def main():
        async with staged() as stage:
            for moment in (0.9, 2.3, 3.1, 4.4, 0.5):
                live = Brain(tmp_path, stage)
                at = len(stage.air)
                await until(lambda at=at: len(stage.air) > at)
                await asyncio.sleep(moment)
                await live.be_killed()
                await asyncio.sleep(1.0)
            return stage.air

    air = run(main())
    heard = [s.text for s in air if s.interrupted is False]
    once = [text for n, text in enumerate(heard) if n == 0 or text != heard[n - 1]]
    script = expected_script(tmp_path)
    assert once == script[: len(once)]
    assert len(heard) - len(once) <= 2, "sentences that were complete in the stage are not repeated"


def expected_script(folder):
    from livehost.brain.catalog import fill, load_catalog
    from livehost.brain.sentences import split
    from livehost.brain.writer import wall
    from livehost.config import load_room

    catalog = load_catalog(load_room(folder / "room.toml"))
    texts = []
    for segment in catalog.segments:
        for line in segment.lines:
            text = fill(line, catalog.products.get(segment.product or ""), wall())
            texts += split(text) if text else []
    return texts


def test_an_answer_under_way_is_finished_after_a_kill(tmp_path):
    room_file(tmp_path)

    async def main():
        async with staged() as stage:
            first = Brain(tmp_path, stage)
            await until(lambda: len(stage.air) > 1)
            first.desk.submit_chat({"text": "2号链接怎么退货", "id": "q1", "nickname": "小明"})
            first.desk.submit_chat({"text": "3号链接多少钱", "id": "q2", "nickname": "小红"})
            await until(lambda: (first.desk.status()["now"] or {}).get("kind") == "reply")
            await asyncio.sleep(0.3)
            said = first.show.speaker.on_air.saying[0]
            sentences = [s.text for s in said.said]
            await first.be_killed()
            at = len(stage.air)
            await asyncio.sleep(0.5)
            async with brain(tmp_path, stage):
                await asyncio.sleep(20)
            outcomes = sql(tmp_path, "SELECT id, outcome FROM chat")
            return sentences, [s.text for s in stage.air[at:]], outcomes

    sentences, after, outcomes = run(main())
    for sentence in sentences[1:]:
        assert sentence in after, "the rest of the answer"
    assert dict(outcomes) == {"q1": "answered", "q2": "answered"}, "none is lost"


def sql(folder, query):
    base = sqlite3.connect(folder / "state" / "show.sqlite3")
    try:
        return base.execute(query).fetchall()
    finally:
        base.close()


def test_what_was_said_is_in_the_state_file(tmp_path):
    async def test(stage, live):
        await until(lambda: len(stage.air) > 4)
        live.desk.submit_chat({"text": "多少钱", "id": "q"})
        await asyncio.sleep(10)

    with_brain(tmp_path, test)
    kinds = dict(sql(tmp_path, "SELECT kind, count(*) FROM utterances GROUP BY kind"))
    assert kinds["script"] > 2 and kinds["reply"] == 1
    heard = sql(tmp_path, "SELECT samples, total FROM sentences WHERE state = 'heard'")
    assert len(heard) > 4 and all(0 < samples == total for samples, total in heard)
    (understood,) = sql(tmp_path, "SELECT understood FROM utterances WHERE kind = 'reply'")[0]
    assert understood
    assert sql(tmp_path, "SELECT outcome FROM chat") == [("answered",)]


def test_commands(tmp_path):
    async def test(stage, live):
        async def do(command, **args):
            return await live.desk.command(command, args)

        await until(lambda: len(stage.air) > 1)
        said = await do("say", text="这里说一句题外话。")
        await until(lambda: "这里说一句题外话。" in stage.texts)
        skip = await do("skip")
        await until(lambda: stage.air[-1].text != "这里说一句题外话。")
        place = live.show.director.cursor.segment
        skipped = await do("skip")
        assert live.show.director.cursor.segment != place
        jump = await do("product", id="bottle")
        await until(lambda: live.show.director.product == "bottle" and live.desk.status()["now"])
        paused = await do("pause")
        await asyncio.sleep(10)
        quiet = len(stage.air), live.desk.status()["mode"]
        await asyncio.sleep(30)
        assert len(stage.air) == quiet[0] and quiet[1] == "paused"
        await do("resume")
        await until(lambda: len(stage.air) > quiet[0])
        await do("slate", on=True)
        slate = live.desk.status()["mode"]
        await do("slate", on=False)
        await do("output_add", name="x", url="rtmp://h/app/SECRETKEY")
        bad = [
            await do("say", text=""), await do("say"), await do("say", text="x" * 501),
            await do("say", text="这是全国第一的国家级产品"), await do("product", id="none"),
            await do("dance"), await do("slate", on="yes"), await do("output_remove"),
            await do("output_add", name="a b", url="x"),
        ]  # fmt: skip
        stop = await do("stop")
        await live.show.state.flush()
        good = [said, skip, skipped, jump, paused, stop]
        return good, bad, slate, live.ended, live.desk.status()["mode"]

    good, bad, slate, ended, mode = with_brain(tmp_path, test)
    assert all(outcome.ok for outcome in good), good
    assert not any(outcome.ok for outcome in bad) and all(outcome.message for outcome in bad)
    assert slate == "slate" and ended == [True] and mode == "stopping"
    audit = sql(tmp_path, "SELECT what FROM audit WHERE kind = 'command'")
    assert len(audit) > 10 and "SECRETKEY" not in str(audit)


def test_common_questions_are_answered_from_the_cache(tmp_path):
    async def test(stage, live):
        await live.desk.command("product", {"id": "bottle"})
        await until(lambda: live.show.ahead.made > 150)
        await until(lambda: live.desk.status()["voice"]["making"] == 0, 2000)
        await asyncio.sleep(30)
        voice = live.show.voice.value
        before = voice.misses
        for n, text in enumerate(["2号链接多少钱", "包邮吗", "你是真人吗", "3号链接什么时候发货"]):
            live.desk.submit_chat({"text": text, "user": f"u{n}"})
            await asyncio.sleep(25)
        return voice.misses - before, live.show.speaker.on_air

    missed, on_air = with_brain(tmp_path, test)
    assert on_air.counts["utterances.reply"] == 4
    assert missed <= 1, "a named product may need a sentence of its own"
    assert on_air.answer_seconds.snapshot()["max"] < 12


def test_speech_ahead_begins_where_the_show_is_and_survives_what_cannot_be_spoken():
    made = []

    class Cache:
        async def prepare(self, sentence):
            made.append(sentence)
            await asyncio.sleep(0.1)
            if sentence == "这是一个杯子。":
                raise BackendTimeout("no")
            return True

    async def main():
        room = Room(None, place=Place("tea", 1))
        manners = Manners("zh")

        class Script:
            def ahead(self, place):
                for text in sentences(room.director.line(place)[1].text):
                    yield text, "neutral"

        async def cache():
            return Cache()

        ahead = SpeechAhead(cache, Script(), room.director, manners, lambda text, _: text)
        running = asyncio.ensure_future(ahead.run())
        await asyncio.sleep(300)
        running.cancel()
        return ahead.made, ahead.failed, manners.fixed()

    count, failed, fixed = run(main())
    assert made[:3] == ["茶叶用小罐装。", "这是一个杯子。", "杯子可以放心用。"]
    assert len(made) == len(set(made)) == len(ALL) + len(fixed), "each once, loop after loop"
    assert failed == 1 and count == len(made) - 1


def test_switches_hold_over_a_restart_of_the_brain_in_the_same_run(tmp_path):
    room_file(tmp_path)

    async def main():
        async with staged() as stage:
            async with brain(tmp_path, stage) as first:
                await until(lambda: len(stage.air) > 1)
                await first.desk.command("pause", {})
                await asyncio.sleep(8)
            at = len(stage.air)
            async with brain(tmp_path, stage) as second:
                await asyncio.sleep(20)
                held = len(stage.air), second.desk.status()["mode"]
                await second.desk.command("resume", {})
                await until(lambda: len(stage.air) > at)
            return at, held

    at, held = run(main())
    assert held == (at, "paused")


def test_ten_thousand_messages_at_once(tmp_path):
    async def test(stage, live):
        await until(lambda: len(stage.air) > 2)
        began = asyncio.get_running_loop().time()
        taken = 0
        for n in range(10_000):
            raw = json.dumps({"text": f"第{n}个问题，多少钱", "user": n, "id": n}).encode()
            taken += live.desk.submit_chat(raw).ok
            if n % 100 == 0:
                await asyncio.sleep(0.01)
        live.desk.submit_chat(b"x" * 100_000)
        live.desk.submit_chat(b"\xff")
        await asyncio.sleep(20)
        gaps = [stage.silence_before(n) for n in range(3, len(stage.air))]
        return taken, live.desk.status()["chat"], gaps, began

    taken, chat, gaps, _ = with_brain(tmp_path, test)
    assert taken == 10_000 and chat["accepted"]["comment"] == 10_000
    assert chat["waiting"]["question"] <= 500
    assert chat["dropped"]["full"] >= 9_000
    assert chat["rejected"] == {"too_large": 1, "not_utf8": 1}
    assert max(gaps) < 1.2, "the show goes on meanwhile"
    assert sql(tmp_path, "SELECT count(*) FROM chat") == [(10_000,)]


def test_reload_on_save_and_a_broken_file(tmp_path):
    async def test(stage, live):
        await until(lambda: len(stage.air) > 1)
        product = tmp_path / "products" / "bottle.toml"
        text = product.read_text()
        product.write_text(text + "\n[broken\n")
        await asyncio.sleep(3)
        broken = live.desk.status()["warnings"]
        at = len(stage.air)
        await asyncio.sleep(10)
        assert len(stage.air) > at, "the old files stay in force"
        product.write_text(text.replace("89", "88"))
        await asyncio.sleep(3)
        return broken, live.desk.status()

    broken, status = with_brain(tmp_path, test)
    assert broken and "bottle.toml" in broken[0]
    assert not status["warnings"]
    prices = {p["id"]: p["price"] for p in status["products"]}
    assert prices["bottle"].startswith("88")


def test_replayed_chat_is_answered(tmp_path):
    (tmp_path / "chat.jsonl").write_text('{"at": 4, "text": "多少钱", "nickname": "小明"}\nbad\n')

    async def test(stage, live):
        await asyncio.sleep(20)
        return live.desk.status()["chat"], live.desk.recent()["utterances"]

    chat, said = with_brain(tmp_path, test, '[chat]\nreplay = "chat.jsonl"\n')
    assert chat["accepted"] == {"comment": 1} and chat["rejected"] == {"not_json": 1}
    assert "reply" in {u["kind"] for u in said}


def test_status_and_metrics_are_plain_values(tmp_path):
    async def test(stage, live):
        await until(lambda: live.desk.status()["now"] is not None)
        live.show.link.health = {
            "counters": {"ticks": 5},
            "outputs": {"a": {"state": "live", "bytes": 7}},
            "milliseconds": {"lag": {"p50": 1.5}},
        }
        return live.desk.status(), live.desk.metrics()

    status, metrics = with_brain(tmp_path, test)
    json.dumps(status, allow_nan=False)
    assert status["now"]["text"] and status["mode"] == "live"
    assert status["outputs"] == [{"name": "a", "state": "live", "bytes": 7}]
    assert metrics["livehost_stage_counters_ticks_total"] == 5
    assert metrics['livehost_output_bytes{output="a"}'] == 7
    assert metrics["livehost_stage_milliseconds_lag_p50"] == 1.5
    assert all(isinstance(value, int | float) for value in metrics.values())


def test_numbers_in_nested_values():
    assert flattened("x", {"a": {"b": 1, "c": "text", "d": True}}) == {"x_a_b": 1.0, "x_a_d": 1.0}


def test_an_address_that_is_none(tmp_path):
    from livehost.brain.desk import make_console

    async def test(stage, live):
        live.show.options = Options("", "", console="nowhere")
        with pytest.raises(ConfigError, match="--console"):
            make_console(live.show, print)

    with_brain(tmp_path, test)
    assert StageLink("x").connected is False


# --- the real process -----------------------------------------------------------------------------


async def start(folder, port):
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "livehost.brain",
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    given = replace(options(folder), console=f"127.0.0.1:{port}")
    child.stdin.write(given.line())
    await child.stdin.drain()
    return child


async def ask(session, method, path, **more):
    """Ask the console, which may not be there yet."""
    async with asyncio.timeout(60):
        while True:
            with suppress(aiohttp.ClientError):
                async with session.request(method, path, **more) as response:
                    return await response.json()
            await asyncio.sleep(0.1)


@pytest.mark.real
@pytest.mark.slow
def test_the_process_speaks_answers_is_killed_resumes_and_ends(tmp_path, unused_tcp_port=18_471):
    room_file(tmp_path)

    async def main():
        stage = SocketStage(str(tmp_path / "s.sock"))
        serving = asyncio.ensure_future(stage.serve())
        child = await start(tmp_path, unused_tcp_port)
        try:
            await until(lambda: len(stage.air) > 1, 60)
            async with aiohttp.ClientSession(f"http://127.0.0.1:{unused_tcp_port}") as session:
                posted = await ask(session, "POST", "/api/chat", json={"text": "包邮吗", "id": "1"})
                script = expected_script(tmp_path)
                answered = set()
                while not (answered and stage.air[-1].text in script):
                    answered |= {s.text for s in stage.air} - set(script)
                    await asyncio.sleep(0.1)
                await asyncio.sleep(0.5)
                child.send_signal(signal.SIGKILL)
                await child.wait()
                sounding = stage.air[-1].text
                killed = asyncio.get_running_loop().time()
                at = len(stage.air)
                child = await start(tmp_path, unused_tcp_port)
                await until(lambda: len(stage.air) > at, 60)
                back = stage.air[at].at - killed
                stopped = await ask(
                    session, "POST", "/api/command", json={"name": "stop", "args": {}}
                )
            event = json.loads(await child.stdout.readline())
            child.terminate()
            code = await asyncio.wait_for(child.wait(), 15)
            return posted, sounding, stage.air[at].text, back, stopped, event, code
        finally:
            if child.returncode is None:
                child.kill()
                await child.wait()
            serving.cancel()
            await asyncio.gather(serving, return_exceptions=True)

    posted, sounding, first, _back, stopped, event, code = asyncio.run(main())
    assert posted["ok"] and stopped["ok"] and event == {"event": "stop"} and code == 0
    script = expected_script(tmp_path)  # the same sentence, or the next if it was complete
    assert first in script[script.index(sounding) : script.index(sounding) + 2]
    assert sql(tmp_path, "SELECT count(*) FROM chat") == [(1,)]


@pytest.mark.real
def test_the_process_ends_with_its_parent_and_names_what_is_wrong(tmp_path):
    room_file(tmp_path)

    async def main():
        child = await start(tmp_path, 0)
        await asyncio.sleep(0.2)
        child.stdin.close()
        clean = await asyncio.wait_for(child.wait(), 60)
        (tmp_path / "rundown.toml").write_text("[[segment]]\nid = 5\n")
        child = await start(tmp_path, 0)
        return clean, await asyncio.wait_for(child.wait(), 60)

    assert asyncio.run(main()) == (0, 2)
    assert os.path.exists(tmp_path / "state" / "show.sqlite3")  # noqa: PTH110


SOMEBODYS_VOICE = """
[voice.sovits]
base_url = "http://127.0.0.1:9"
ref_audio_path = "a.wav"
consent = "consent.toml"
"""


def test_the_audit_log_tells_whose_voice_it_is_and_when_the_consent_ended(tmp_path):
    consent_record(tmp_path)

    async def test(stage, live):
        await until(lambda: len(stage.air) > 1)
        consent_record(tmp_path, revoked="2026-01-02")
        await asyncio.sleep(11)

    room_file(tmp_path)
    text = room_text().replace(
        'engine = "tone"', 'engine = "tone"\nfallback = ["sovits", "silent"]'
    )
    (tmp_path / "room.toml").write_text(text + SOMEBODYS_VOICE)

    async def main():
        async with staged() as stage, brain(tmp_path, stage) as live:
            await test(stage, live)

    run(main())
    folder = tmp_path / "state" / "audit"
    told = [entry.body for _, entry in entries(folder) if entry.kind == "consent"]
    assert [(each["engine"], each["who"]) for each in told] == [("sovits", "王小美")] * 2
    assert told[0]["problem"] == "" and told[0]["expires"] == "2099-12-31"
    assert "has withdrawn consent" in told[1]["problem"] and told[1]["revoked"] == "2026-01-02"
    erased = erase(Book(folder), folder, about_consent("王小美"), reason="asked")
    assert erased == 2 and "王小美" not in "".join(p.read_text() for p in folder.glob("*.jsonl"))


def test_the_audit_log_tells_what_was_said_and_why(tmp_path):
    room_file(tmp_path)

    async def main():
        async with staged() as stage:
            async with brain(tmp_path, stage) as live:
                await until(lambda: len(stage.air) > 1)
                live.desk.submit_chat({"text": "2号链接多少钱", "user": "u1", "nickname": "小王"})
                await until(lambda: live.show.speaker.on_air.counts["utterances.reply"])
                await asyncio.sleep(8)
            return live.show.state.log

    log = run(main())
    assert log.waiting == log.lost == 0
    folder = tmp_path / "state" / "audit"
    verdict = verify(folder)
    assert verdict.problems == [] and verdict.records > 20
    told = list(utterances(folder))
    reply = next(each for each in told if each["kind"] == "reply")
    assert reply["asked"]["text"] == "2号链接多少钱" and reply["asked"]["nickname"] == "小王"
    assert "price" in reply["card"] and reply["label"] == "AI生成 · 数字人"
    first = reply["sentences"][0]
    assert first["state"] in ("heard", "interrupted") and first["samples"] > 0
    assert first["tick"] >= 0 and reply["stage"].startswith("boot")
    kinds = {entry.kind for _, entry in entries(folder)}
    assert {"show", "chat", "chat-done", "utterance", "sentence", "aired", "ended"} <= kinds
