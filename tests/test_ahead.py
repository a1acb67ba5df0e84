"""What is made before it is said: the programme beside the script, in order and within bounds."""

import asyncio
from datetime import timedelta
from functools import partial

from livehost.brain import ahead as ahead_module
from livehost.brain import app
from livehost.brain.ahead import SOON, SpeechAhead
from livehost.brain.manners import Manners
from livehost.brain.programme.asides import Aside
from livehost.brain.programme.load import Plan
from livehost.brain.programme.programme import FILLERS_READY, Programme, Settings
from livehost.brain.programme.timer import make_programme
from livehost.brain.script import Line

from .demo_shop import CHINA, NOW
from .show_parts import ALL, Room, sentences, staged
from .test_brain import brain, room_file
from .test_programme import OFFER
from .virtual import run

RUNDOWN = """
[[segment]]
id = "one"
kind = "opening"
lines = ["我们先聊一聊。", "再看一看吧。", "今天天气不错。"]
[[announcement]]
id = "rules"
every_minutes = 2
lines = [{ text = "公告说一遍。", variants = ["公告换个说法。"] }]
[[filler]]
lines = ["评论区很安静。"]
[[filler]]
lines = ["随便聊一聊吧。"]
[[flash_sale]]
id = "night"
product = "bottle"
promotion = "flash"
start = 2026-11-22T20:03:00+08:00
minutes = 3
marks = [1]
opening = ["活动开始，{name}现在{price}，还有{left}。"]
countdown = ["还有{left}，到手{price}。"]
ending = ["{name}现在是{price}，活动结束了。"]
"""
BESIDE = ("公告说一遍。", "公告换个说法。", "评论区很安静。", "随便聊一聊吧。")


def test_what_is_said_beside_the_script_costs_no_synthesis_when_it_is_due(tmp_path, monkeypatch):
    room_file(tmp_path, "[show]\nfiller_minutes = 1\nquiet_seconds = 20\n")
    room = tmp_path / "room.toml"
    (tmp_path / "rundown.toml").write_text(RUNDOWN)
    room.write_text(room.read_text().replace("[show]", '[show]\nrundown = "rundown.toml"'))

    async def main():
        loop = asyncio.get_running_loop()

        def wall():
            return NOW.astimezone(CHINA) + timedelta(seconds=loop.time())

        monkeypatch.setattr(app, "make_programme", partial(make_programme, clock=wall))
        async with staged() as stage, brain(tmp_path, stage) as live:
            live.show.writer._now = wall
            await asyncio.sleep(20)
            voice = live.show.voice.value
            before = voice.misses
            await asyncio.sleep(460)
            return [s.text for s in stage.air], voice.misses - before

    texts, missed = run(main())
    assert set(BESIDE) <= set(texts)
    said = [text for text in texts if "活动" in text or "还有" in text]
    assert len(said) == 3 and "79元，还有2分钟" in said[0] and "89元" in said[2], said
    assert missed == 0, texts


class Cache:
    def __init__(self):
        self.made = []

    async def prepare(self, sentence):
        self.made.append(sentence)
        await asyncio.sleep(1.0)
        return True


def made_ahead(plan, seconds):
    """Return what is made in `seconds`, each sentence taking a second."""
    cache = Cache()

    async def main():
        loop = asyncio.get_running_loop()
        programme = Programme(
            lambda: plan, lambda _: OFFER, Settings(CHINA),
            wall=lambda: NOW + timedelta(seconds=loop.time()),
        )  # fmt: skip
        room = Room(None, programme=programme)

        class Script:
            def ahead(self, place):
                for text in sentences(room.director.line(place)[1].text):
                    yield text, "plain"

            def beside(self, intent, at):
                for line in intent.lines:
                    yield line.text.replace("{left}", intent.left), "plain"

        async def voice():
            return cache

        speech = SpeechAhead(voice, Script(), room.director, Manners("zh"), lambda text, _: text)
        running = asyncio.ensure_future(speech.run())
        await asyncio.sleep(seconds)
        running.cancel()

    run(main())
    return cache.made


def announcement(n, every):
    return Aside(f"a{n}", (Line(f"公告{n}。"),), every=every)


def test_the_next_line_goes_first_then_what_is_due_soon_then_the_rest():
    plan = Plan(
        (),
        announcements=(announcement(1, 60.0), announcement(2, 30.0), announcement(3, 600.0)),
        fillers=tuple(Aside(f"f{n}", (Line(f"填{n}。"),)) for n in range(4)),
    )
    made = made_ahead(plan, 12.5)
    assert made[:5] == [ALL[0], "公告2。", "公告1。", "填0。", "填1。"]
    assert made[5:] == ALL[1:9] and FILLERS_READY == 2


def test_what_becomes_due_later_is_made_in_its_last_minute():
    plan = Plan((), announcements=(announcement(1, 600.0),))
    assert "公告1。" not in made_ahead(plan, 600 - SOON - 10)
    assert made_ahead(plan, 600 - SOON + 10)[-1] == "公告1。"


def test_a_rundown_full_of_announcements_does_not_hold_up_the_script():
    many = tuple(announcement(n, 60.0) for n in range(100))
    made = made_ahead(Plan((), announcements=many), 40.0)
    assert ALL[1] in made[: ahead_module.MOST_BESIDE + 2]
