"""Experiments under way: choices that hold, rewards that count once, kills that lose nothing."""

import asyncio
import json
import re
import sqlite3
import tomllib
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest

from livehost.brain.chat.inbox import Inbox
from livehost.brain.chat.intake import Intake
from livehost.brain.chat.message import Rejected, parse
from livehost.brain.command import LOCAL, Table
from livehost.brain.experiments import trial as trial_module
from livehost.brain.experiments.audience import Audience
from livehost.brain.experiments.commands import ExperimentCommands
from livehost.brain.experiments.lab import Lab
from livehost.brain.experiments.plan import Arm, Experiment, Experiments, load
from livehost.brain.experiments.titles import Titles
from livehost.brain.experiments.trial import Trial
from livehost.brain.intent import Intent, IntentKind, Place
from livehost.brain.programme.course import Course
from livehost.brain.programme.overlay import Overlay
from livehost.brain.script import Kind, Line, Segment, key_of, wordings
from livehost.brain.state import State
from livehost.config import load_room
from livehost.config_actions import Title
from livehost.errors import ConfigError

from .virtual import run

ROOT = Path(__file__).parents[1]
NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
OPEN = Line("欢迎来到直播间。", variants=("晚上好，先说今天的价格。",), id="hello")
RUNDOWN = (
    Segment("open", None, Kind.OPENING, (OPEN, Line("坐稳了。", id="seat"))),
    Segment("tea", "tea", Kind.SELLING_POINTS, (Line("绿茶。"),)),
    Segment("cup", "cup", Kind.SELLING_POINTS, (Line("杯子。"),)),
    Segment("ask", None, Kind.CALL_TO_ACTION, (Line("点关注。"),)),
    Segment("ask-b", None, Kind.CALL_TO_ACTION, (Line("有问题打在公屏上。"),)),
)
FILE = """
[[experiment]]
id = "opening"
what = "wording"
segment = "open"
lines = ["hello"]
reward = { click = 1, order = 10 }
window_seconds = 30
least = 5
[[experiment.arm]]
id = "warm"
wording = 1
[[experiment.arm]]
id = "price"
wording = 2

[[experiment]]
id = "first"
what = "order"
reward = { order = 1 }
[[experiment.arm]]
id = "tea-first"
order = ["tea", "cup"]
[[experiment.arm]]
id = "cup-first"
order = ["cup", "tea"]

[[experiment]]
id = "asking"
what = "segment"
reward = { follow = 1 }
per = "exposure"
[[experiment.arm]]
id = "follow"
segment = "ask"
[[experiment.arm]]
id = "question"
segment = "ask-b"
"""


class Clock:
    def __init__(self):
        self.now = NOW

    def __call__(self):
        return self.now

    def pass_(self, seconds):
        self.now += timedelta(seconds=seconds)


def room_of(tmp_path, text=FILE):
    (tmp_path / "experiments.toml").write_text(text, "utf-8")
    file = tmp_path / "room.toml"
    file.write_text(
        'name = "room"\n[avatar]\npath = "."\n[show]\nrundown = "room.toml"\n'
        'experiments = "experiments.toml"\n'
    )
    return load_room(file)


def line_at(place):
    return next(each for each in RUNDOWN if each.id == place.segment).lines[place.line]


class Show:
    """A lab over a real state file, and a clock."""

    def __init__(self, tmp_path, clock=None, text=FILE):
        self.clock = clock or Clock()
        self.state = State(tmp_path / "s.sqlite3", "run")
        self.rundown = RUNDOWN
        seen = self.state.memory.seen
        self.lab = Lab(
            room_of(tmp_path, text), lambda: self.rundown, self.state.store, line_at, self.clock
        )
        self.state.sounds = self.lab.heard
        self.intake = Intake(self.state, Inbox(), most_bytes=4096, seen=seen)
        self.intake.told = self.lab.also(lambda *_: None)

    def __getitem__(self, name):
        return self.lab.trials[name]

    def says(self, segment, line=0, round_=0):
        """A sentence of the script is chosen, sent and begins to sound."""
        on_air = {each.id: each.lines for each in self.rundown}
        self.lab.chooser.wording(segment, on_air[segment][line].id, round_)
        self.lab.chooser.arranged(self.rundown, round_)
        number = self.state.new_id()
        self.state.utterance(
            number, Intent(IntentKind.SCRIPT, "", place=Place(segment, line, 0, round_))
        )
        self.state.sentence(number, 0, "好。", "")
        self.state.sentence_is(number, 0, "started")

    async def chat(self, kind, **more):
        at = more.pop("at", self.clock.now)
        message = self.intake.submit({"kind": kind, "at": at.isoformat(), **more}, "http")
        await self.state.flush()
        return message

    async def close(self):
        for trial in self.lab.trials.values():
            trial.settle(self.clock(), self.lab.audience.minutes)
        await self.state.close()


def counts(trial):
    return [(one.place, one.arm, dict(one.counts)) for one in trial.shown if one.began]


# --- choosing -----------------------------------------------------------------------------------


def test_a_choice_holds_however_often_and_in_whichever_process_it_is_asked_for(tmp_path):
    clock, chosen = Clock(), []

    async def life():
        show = Show(tmp_path, clock)
        chosen.append([show.lab.chooser.wording("open", "hello", r) for r in range(8)])
        chosen.append([show.lab.chooser.wording("open", "hello", r) for r in range(8)])
        await show.close()

    run(life())
    run(life())
    assert chosen[0] == chosen[1] == chosen[2] == chosen[3]
    assert chosen[0].count(0) == chosen[0].count(1) == 4, "arms take turns at first"


def test_a_line_that_the_operator_puts_in_moves_no_experiment(tmp_path):
    async def main():
        show = Show(tmp_path)
        overlay = Overlay()
        overlay.insert("open", None, "先插一句。")
        on_air = {each.id: each for each in overlay.of(RUNDOWN)}
        show.lab._line = lambda place: on_air[place.segment].lines[place.line]
        lines = on_air["open"].lines
        assert [line.id for line in lines] == ["", "hello", "seat"]
        chosen = [show.lab.chooser.wording("open", line.id, 0) for line in lines]
        assert chosen[0] is None and chosen[1] in (0, 1) and chosen[2] is None
        show.lab.heard(Place("open", 0))
        assert show["opening"].on is None, "the line put in is not what is tried"
        show.lab.heard(Place("open", 1))
        assert show["opening"].on is not None
        orders = [key_of("open", line) for line in RUNDOWN[0].lines]
        assert [key_of("open", line) for line in lines[1:]] == orders
        await show.close()

    run(main())


def test_only_what_is_tried_is_chosen(tmp_path):
    async def main():
        show = Show(tmp_path)
        ask = show.lab.chooser
        assert ask.wording("open", "", 0) is None and ask.wording("tea", "", 0) is None
        for round_ in range(6):
            ids = [s.id for s in ask.arranged(RUNDOWN, round_)]
            first = show["first"].chosen(f"@{round_}").removesuffix("-first")
            assert ids[0] == "open" and ids[1] == first and set(ids[1:3]) == {"tea", "cup"}
            asked = {"follow": "ask", "question": "ask-b"}[show["asking"].chosen(f"@{round_}")]
            assert ids[3:] == [asked]
        gone = [s for s in RUNDOWN if s.id not in ("ask", "ask-b")]
        assert ask.arranged(gone, 0) and "cup" not in [s.id for s in ask.arranged(RUNDOWN[:2], 0)]
        await show.close()

    run(main())


def test_the_course_keeps_to_what_is_arranged_round_by_round(tmp_path):
    async def main():
        show = Show(tmp_path)
        course = Course(lambda: RUNDOWN, lambda: NOW, arranged=show.lab.chooser.arranged)
        place, walked = Place("open"), {}
        while place.round < 6:
            order = walked.setdefault(place.round, [])
            if place.segment not in order:
                order.append(place.segment)
            place = course.after(place)
        for round_, order in walked.items():
            wanted = [s.id for s in show.lab.chooser.arranged(RUNDOWN, round_)]
            assert order == wanted, "each segment once, none of those left out"
        assert len({tuple(order) for order in walked.values()}) > 1
        left_out = ({"ask", "ask-b"} - set(walked[0])).pop()
        after = course.after(Place(left_out))
        assert after.round == 1 or after.segment == "ask-b", (
            "an operator may jump to it all the same"
        )
        await show.close()

    run(main())


def test_without_a_file_nothing_is_chosen(tmp_path):
    async def main():
        room = load_room(room_of(tmp_path).file)
        room = room.model_copy(update={"show": room.show.model_copy(update={"experiments": None})})
        state = State(tmp_path / "s.sqlite3", "run")
        lab = Lab(room, lambda: RUNDOWN, state.store, line_at)
        assert lab.chooser.wording("open", "hello", 0) is None
        assert lab.chooser.arranged(RUNDOWN, 0) is RUNDOWN
        lab.heard(Place("open"))
        assert lab.snapshot() == [] and lab.metrics() == {} and lab.warnings() == []
        await state.close()

    run(main())


def test_the_chosen_wording_comes_first_and_the_others_stay_behind_it():
    line = Line("一。", variants=("二。", "三。"))
    for chosen in range(3):
        texts = [w.text for w in wordings(line, 4, "k", chosen)]
        assert texts[0] == ("一。", "二。", "三。")[chosen] and len(set(texts)) == 3
    assert [w.text for w in wordings(line, 4, "k", 7)] == [w.text for w in wordings(line, 4, "k")]


def test_after_the_least_exposures_the_better_arm_comes_more_often_but_never_alone(tmp_path):
    async def main():
        show = Show(tmp_path)
        for round_ in range(120):
            show.says("open", 0, round_)
            show.clock.pass_(60)
            if show["opening"].on.arm == "price":
                await show.chat("click", count=3)
            show.says("tea", 0, round_)
            show.clock.pass_(60)
        shown = Counter(one.arm for one in show["opening"].shown[20:])
        assert shown["price"] > 2 * shown["warm"] and shown["warm"] >= 10
        shares = [one.share for one in show["opening"].shown if one.arm == "warm"]
        assert min(shares) >= 0.2, "the share that is spread evenly"
        (told,) = [t for t in show.lab.snapshot() if t["id"] == "opening"]
        assert told["standing"] == "better" and "price" in told["words"]
        await show.close()

    run(main())


# --- what counts --------------------------------------------------------------------------------


def test_what_viewers_do_counts_for_the_arm_that_was_on_and_in_the_window_after_it(tmp_path):
    async def main():
        show = Show(tmp_path)
        await show.chat("click")  # before anything was on
        show.says("open", 0, 0)
        show.clock.pass_(10)
        await show.chat("click", count=2)
        await show.chat("comment", text="多少钱")  # not part of the reward
        show.says("tea", 0, 0)
        show.clock.pass_(29)
        await show.chat("order", product="tea")
        show.clock.pass_(2)
        await show.chat("click")  # after the window
        late = show.clock.now - timedelta(seconds=20)
        await show.chat("order", at=late)  # told late, in time
        (one,) = [one for one in show["opening"].shown if one.began]
        assert one.counts == {"click": 2, "order": 2}
        assert one.minutes == pytest.approx(40 / 60)
        show.says("open", 0, 1)
        await show.chat("click")
        assert [c for *_, c in counts(show["opening"])] == [{"click": 2, "order": 2}, {"click": 1}]
        await show.close()

    run(main())


def test_the_next_exposure_ends_the_window_of_the_one_before(tmp_path):
    async def main():
        show = Show(tmp_path)
        show.says("open", 0, 0)
        show.clock.pass_(20)
        show.says("tea", 0, 0)
        show.clock.pass_(10)
        show.says("open", 0, 1)
        await show.chat("click")
        first, second = (one for one in show["opening"].shown if one.began)
        assert first.until == second.began and not first.counts and second.counts["click"] == 1
        await show.close()

    run(main())


def test_an_experiment_about_one_product_counts_nothing_else(tmp_path):
    text = FILE.replace('id = "opening"\n', 'id = "opening"\nproduct = "tea"\n')

    async def main():
        show = Show(tmp_path, text=text)
        show.says("open")
        await show.chat("order", product="cup")
        await show.chat("order")
        await show.chat("order", product="tea")
        assert [c for *_, c in counts(show["opening"])] == [{"order": 1}]
        assert [c for *_, c in counts(show["first"])] == [{"order": 3}]
        await show.close()

    run(main())


def test_a_segment_counts_only_while_the_chosen_one_is_on(tmp_path):
    async def main():
        show = Show(tmp_path)
        show.says("tea", 0, 0)
        chosen = next(
            a.segment for a in show["asking"].plan.arm if a.id == show["asking"].chosen("@0")
        )
        other = ({"ask", "ask-b"} - {chosen}).pop()
        show.says(other, 0, 0)  # the operator jumped there
        await show.chat("follow")
        assert counts(show["asking"]) == []
        show.says(chosen, 0, 0)
        await show.chat("follow")
        await show.chat("follow")
        assert [c for *_, c in counts(show["asking"])] == [{"follow": 2}]
        await show.close()

    run(main())


def test_an_id_counts_once(tmp_path):
    async def main():
        show = Show(tmp_path)
        show.says("open")
        await show.chat("order", id="o1")
        with pytest.raises(Rejected):
            await show.chat("order", id="o1")
        assert [c for *_, c in counts(show["opening"])] == [{"order": 1}]
        assert show.intake.accepted["order"] == 1 and not show.intake.recent
        assert show.state.outcomes["o1"][0] == "counted"
        await show.close()

    run(main())


def test_clicks_and_orders_name_their_product_and_never_wait_for_an_answer(tmp_path):
    assert parse({"kind": "order", "product": "tea", "extra": {"a": 1}}).extra == {
        "a": 1,
        "product": "tea",
    }
    assert parse({"kind": "comment", "text": "x", "product": "tea"}).extra == {}
    for wrong in ({"product": 1.5}, {"product": ["x"]}, {"product": "x" * 200}, {"count": -1}):
        with pytest.raises(Rejected):
            parse({"kind": "click", **wrong})

    async def first():
        show = Show(tmp_path)
        await show.chat("click", id="c1")
        show.state.outcomes.clear()
        await show.close()
        base = sqlite3.connect(tmp_path / "s.sqlite3")
        base.execute("UPDATE chat SET outcome = NULL")  # killed before it was noted
        base.commit()
        base.close()

    async def second():
        state = State(tmp_path / "s.sqlite3", "run")
        assert state.memory.waiting == () and state.memory.seen == ("c1",)
        await state.close()

    run(first())
    run(second())


# --- kills --------------------------------------------------------------------------------------


def test_after_a_kill_everything_is_counted_once(tmp_path):
    """The counts of the last second were not written; they are counted again from the chat log."""
    clock = Clock()

    async def killed():
        show = Show(tmp_path, clock)
        show.says("open")
        clock.pass_(5)
        for n in range(7):
            await show.chat("click", id=f"c{n}")
        await show.chat("audience", count=50)
        await show.state.flush()
        show.state._meta = lambda *_: None
        await show.state.close()  # without the lab's last word
        base = sqlite3.connect(tmp_path / "s.sqlite3")
        assert base.execute("SELECT counts FROM exposures WHERE began <> ''").fetchall()[0] == (
            "{}",
        )
        stamp = (clock.now - timedelta(seconds=5)).isoformat()
        base.execute("UPDATE sentences SET at = ?", (stamp,))
        base.execute("UPDATE chat SET received = at")
        base.commit()
        base.close()

    async def again():
        show = Show(tmp_path, clock)
        assert [c for *_, c in counts(show["opening"])] == [{"click": 7}]
        assert show["opening"].on, "a restart of seconds goes on"
        await show.chat("click")
        with pytest.raises(Rejected):
            await show.chat("click", id="c3")
        assert [c for *_, c in counts(show["opening"])] == [{"click": 8}]
        assert show.lab.audience.minutes(clock.now - timedelta(seconds=1), clock.now) is not None
        await show.close()

    run(killed())
    clock.pass_(3)
    run(again())


def test_a_show_that_was_away_ends_what_was_on(tmp_path):
    clock = Clock()

    async def first():
        show = Show(tmp_path, clock)
        show.says("open")
        await show.close()
        base = sqlite3.connect(tmp_path / "s.sqlite3")
        base.execute(
            "UPDATE sentences SET at = ?", ((clock.now + timedelta(seconds=20)).isoformat(),)
        )
        base.commit()
        base.close()

    async def second():
        show = Show(tmp_path, clock)
        (one,) = [one for one in show["opening"].shown if one.began]
        assert one.until == NOW + timedelta(seconds=20) and show["opening"].on is None
        await show.close()

    run(first())
    clock.pass_(7200)
    run(second())
    clock.pass_(7200)
    run(second())


# --- the operator -------------------------------------------------------------------------------


async def give(show, name, **args):
    table = Table()
    titles = Titles((Title(id="a"), Title(id="b")), show.state, show.clock)
    table.add(ExperimentCommands(SimpleNamespace(lab=show.lab, titles=titles)))
    return await table.give(name, args, LOCAL), titles


def test_one_command_stops_and_one_goes_on(tmp_path):
    clock = Clock()

    async def first():
        show = Show(tmp_path, clock)
        show.says("open")
        clock.pass_(10)
        outcome, _ = await give(show, "experiment_stop", id="opening", keep="price")
        assert outcome.ok and outcome.data == {"kept": "price"}
        assert [show.lab.chooser.wording("open", "hello", r) for r in range(50, 60)] == [1] * 10
        assert show["opening"].on is None
        shown = len(show["opening"].shown)
        show.says("open", 0, 60)
        assert len(show["opening"].shown) == shown, "nothing is tried and nothing is counted"
        outcome, _ = await give(show, "experiment_stop", id="opening", keep="no")
        assert not outcome.ok and "warm, price" in outcome.message
        outcome, _ = await give(show, "experiment_stop", id="no")
        assert not outcome.ok and "opening" in outcome.message
        await show.close()

    async def second():
        show = Show(tmp_path, clock)
        told = next(t for t in show.lab.snapshot() if t["id"] == "opening")
        assert told["kept"] == "price" and told["words"].startswith("已停止，固定用“price”")
        assert show.lab.chooser.wording("open", "hello", 70) == 1
        outcome, _ = await give(show, "experiment_resume", id="opening")
        assert outcome.ok
        assert {show.lab.chooser.wording("open", "hello", r) for r in range(80, 90)} == {0, 1}
        outcome, _ = await give(show, "experiment_stop", id="opening")
        assert outcome.data["kept"] in ("warm", "price")
        await show.close()

    run(first())
    run(second())


def test_titles_are_noted_when_they_change(tmp_path):
    clock = Clock()
    schedule = (
        Title(id="a", text="春季外套", since=NOW - timedelta(hours=1)),
        Title(id="b", cover="b.jpg", since=NOW + timedelta(hours=1)),
        Title(id="c"),
    )

    async def life(*steps):
        state = State(tmp_path / "s.sqlite3", "run")
        noted = []
        state.log.note = lambda kind, **what: noted.append(what.get("title"))
        titles = Titles(schedule, state, clock)
        for step in steps:
            step(titles)
            titles.note()
        await state.close()
        return [t for t in noted if t], titles.snapshot()["on"]

    def later(hours):
        return lambda _titles: clock.pass_(3600 * hours)

    assert run(life(later(0), later(0.5), later(1))) == (["a", "b"], "b")
    assert run(life(lambda t: t.put_on("c"))) == (["c"], "c"), "the operator's word came last"
    assert run(life(later(1)))[1] == "c", "over a restart"
    with pytest.raises(KeyError):
        run(life(lambda t: t.put_on("x")))


def test_a_saved_file_is_taken_in_and_a_broken_one_is_left_aside(tmp_path):
    async def main():
        show = Show(tmp_path)
        show.says("open")
        path = tmp_path / "experiments.toml"
        path.write_text(FILE.replace('segment = "open"', 'segment = "nowhere"'), "utf-8")
        show.lab.reload()
        assert "nowhere" in show.lab.warnings()[0] and "opening" in show.lab.trials
        path.write_text(FILE.replace("least = 5", "least = 50") + "\n", "utf-8")
        show.lab.reload()
        assert show.lab.warnings() == [] and show["opening"].plan.least == 50
        assert len(counts(show["opening"])) == 1, "what was learnt goes on"
        await show.close()

    run(main())


def test_a_rundown_that_lost_what_is_tried_is_told(tmp_path):
    async def main():
        show = Show(tmp_path)
        running = asyncio.ensure_future(show.lab.run())
        await asyncio.sleep(1.5)
        assert show.lab.warnings() == []
        show.rundown = RUNDOWN[1:]
        await asyncio.sleep(1.5)
        assert show.lab.warnings() == ["experiment opening: the rundown has no segment open"]
        running.cancel()
        await show.close()

    run(main())


def test_a_show_without_end_stays_bounded(monkeypatch):
    monkeypatch.setattr(trial_module, "MOST_LEARNT", 20)
    experiment = {
        "id": "x", "what": "segment", "least": 5,
        "arm": [{"id": "a", "segment": "tea"}, {"id": "b", "segment": "cup"}],
    }  # fmt: skip
    kept = {}
    trial = Trial(Experiment.model_validate(experiment), lambda one: kept.update({one.number: one}))
    now = NOW
    for n in range(300):
        trial.arm(f"@{n}", now)
        trial.begun(f"@{n}", now)
        now += timedelta(minutes=1)
        trial.ended(now)
    assert len(trial.shown) <= 40 and len(trial._on_air) <= 40 and len(trial._places) <= 40
    assert sorted(kept) == list(range(300)), "the state file keeps all"


# --- the audience -------------------------------------------------------------------------------


def test_viewer_minutes():
    audience = Audience()
    minute = timedelta(minutes=1)
    assert audience.minutes(NOW, NOW + minute) is None
    audience.report(NOW, 100)
    audience.report(NOW + 2 * minute, 200)
    audience.report(NOW + minute, 999)  # late
    assert audience.minutes(NOW, NOW + 2 * minute) == 200
    assert audience.minutes(NOW + minute, NOW + 3 * minute) == 300
    assert audience.minutes(NOW + 2 * minute, NOW + 12 * minute) == 2000
    assert audience.minutes(NOW + 2 * minute, NOW + 16 * minute) is None, "too little was reported"
    assert audience.minutes(NOW - minute, NOW + 9 * minute) == pytest.approx((200 + 1400) * 10 / 9)


def test_a_reward_for_each_viewer_minute(tmp_path):
    text = FILE.replace('what = "wording"', 'what = "wording"\nper = "viewer_minute"')

    async def main():
        show = Show(tmp_path, text=text)
        trial = show["opening"]
        for round_ in range(12):
            if round_ > 1:
                await show.chat("audience", count=30 if round_ % 2 else 60)
            show.says("open", 0, round_)
            show.clock.pass_(60)
            await show.chat("click", count=6)
            show.says("tea", 0, round_)
            show.clock.pass_(60)
            trial.settle(show.clock(), show.lab.audience.minutes)
            if round_ == 1:
                assert "no audience" in show.lab.warnings()[0]
        seen = trial.finished(show.clock())
        assert len(seen) == 10 and {round(one.viewer_minutes) for one in seen} == {45, 90}
        known = trial.knowledge(show.clock())
        assert known.amount.sum() == pytest.approx(sum(one.viewer_minutes for one in seen))
        await show.close()

    run(main())


# --- the file -----------------------------------------------------------------------------------

TWO = '[[experiment.arm]]\nid = "a"\nwording = 1\n[[experiment.arm]]\nid = "b"\nwording = 2\n'
AGAIN = FILE.replace('"opening"', '"o2"').replace('"first"', '"f2"').replace('"asking"', '"a2"')
HEAD = '[[experiment]]\nid = "x"\nwhat = "%s"\n'
A, B = '[[experiment.arm]]\nid = "a"\n', '[[experiment.arm]]\nid = "b"\n'


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (HEAD % "wording" + TWO, "segment belongs to"),
        (HEAD % "order" + A + 'order = ["tea"]\n' + B, "arm b needs order"),
        (HEAD % "order" + A + 'order = ["tea"]\n' + B + 'order = ["cup"]\n', "same segments"),
        (HEAD % "segment" + A + 'segment = "tea"\n', "experiment.0.arm"),
        (HEAD % "segment" + A + 'segment = "tea"\n' + A + 'segment = "cup"\n', "its own id"),
        (HEAD % "segment" + A + 'segment = "tea"\n' + B + 'segment = "tea"\n', "two arms are the"),
        (HEAD % "segment" + A + 'segment = "tea"\nwording = 1\n' + B + 'segment = "x"\n', "arm a"),
        (HEAD % "segment" + A + 'segment = "tea"\n' + B + 'segment = "no"\n', "no segment no"),
        (HEAD % "wording" + 'segment = "open"\nlines = ["seat"]\n' + TWO,
         "line seat has 1 wordings, not 2"),
        (HEAD % "wording" + 'segment = "open"\nlines = ["nine"]\n' + TWO,
         "has no line with the id nine; there are hello, seat"),
        (HEAD % "wording" + 'segment = "open"\nlines = [1]\n' + TWO,
         "name lines by the id"),
        (HEAD % "wording" + 'segment = "tea"\n' + TWO,
         "no line has 2 wordings"),
        (HEAD % "order" + "reward = {}\n" + A + 'order = ["tea"]\n', "reward"),
        (FILE + FILE, "its own id"),
        (FILE + AGAIN,
         "is in opening too"),
    ],
)  # fmt: skip
def test_mistakes_in_the_file(tmp_path, text, said):
    path = tmp_path / "experiments.toml"
    path.write_text(text, "utf-8")
    with pytest.raises(ConfigError) as caught:
        load(path, RUNDOWN)
    assert any(said in problem for problem in caught.value.problems), caught.value.problems
    assert all(problem.startswith(str(path)) for problem in caught.value.problems)


def test_every_key_stands_in_the_docs():
    docs = (ROOT / "docs/experiments.md").read_text("utf-8")
    keys = {*Experiment.model_fields, *Arm.model_fields, *Title.model_fields} - {"arm"}
    assert not [key for key in keys if f"`{key}`" not in docs]
    _, example, room = re.findall(r"```toml\n(.*?)```", docs, re.DOTALL)
    assert len(Experiments.model_validate(tomllib.loads(example)).experiment) == 3
    assert [Title.model_validate(t).id for t in tomllib.loads(room)["title"]] == ["a", "b"]


def test_an_exposure_cut_short_or_never_heard_says_nothing():
    plan = Experiment.model_validate(
        {
            "id": "x", "what": "segment",
            "arm": [{"id": "a", "segment": "tea"}, {"id": "b", "segment": "cup"}],
        }
    )  # fmt: skip
    trial = Trial(plan, lambda _one: None)
    trial.arm("@0", NOW)
    trial.arm("@1", NOW)
    trial.begun("@1", NOW)
    trial.begun("@9", NOW)  # nothing was chosen for it
    trial.interrupted(NOW + timedelta(seconds=2))
    assert trial.finished(NOW + timedelta(hours=1)) == []
    assert json.dumps(trial.standings(NOW).standing) == '"collecting"'


def test_the_show_asks_what_is_chosen(tmp_path):
    """The writer of a real show says the wording that the experiment chose."""
    from livehost.brain.writer import ShowWriter

    catalog = SimpleNamespace(products={}, version=1)
    writer = ShowWriter(catalog, None, None, None, lambda place: (RUNDOWN[0], OPEN))

    async def main():
        show = Show(tmp_path)
        writer.wording = show.lab.chooser.wording
        for round_ in range(10):
            chosen = show.lab.chooser.wording("open", "hello", round_)
            said = "".join(writer.script(Place("open", 0, 0, round_)))
            assert said == (OPEN.text, *OPEN.variants)[chosen]
        await show.close()

    run(main())


def test_time_is_left_to_others(tmp_path):
    """The lab's own service looks after files and audiences, and ends when it is told to."""

    async def main():
        show = Show(tmp_path)
        show.says("open")
        await show.chat("click")
        running = asyncio.ensure_future(show.lab.run())
        await asyncio.sleep(2.5)
        running.cancel()
        await show.state.flush()
        await show.close()
        base = sqlite3.connect(tmp_path / "s.sqlite3")
        assert ('{"click": 1}',) in base.execute("SELECT counts FROM exposures").fetchall()
        base.close()

    run(main())
