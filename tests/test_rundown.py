"""The rundown on air: minutes, repeats, windows, who interrupts, what is said beside; and kills."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import pytest

from livehost.brain.chat.inbox import Inbox
from livehost.brain.director import Director
from livehost.brain.guests import Courtesy
from livehost.brain.intent import Intent, Place
from livehost.brain.manners import History, Manners
from livehost.brain.memory import Unfinished
from livehost.brain.on_air import adopted
from livehost.brain.programme.asides import Aside
from livehost.brain.programme.clock import Window
from livehost.brain.programme.load import Plan
from livehost.brain.programme.programme import Programme, Settings
from livehost.brain.script import Kind, Line, Segment

from .show_parts import Notes, comment, segment, sentences, show, social, staged
from .show_parts import Room as ShowRoom
from .test_programme import CHINA, OFFER, SALE, at
from .virtual import run

LONG = segment("long", None, "甲一。", "甲二。", "甲三。")
SHORT = segment("short", "tea", "乙一。", "乙二。")
LAST = segment("last", "cup", "丙一。")


class Wall:
    """A wall clock beside the loop's, both started together."""

    def __init__(self, begin=None):
        self.begin, self.seconds = begin or at(20), 0.0

    def __call__(self):
        return self.begin + timedelta(seconds=self.seconds)


class Desk:
    """A director whose speaker says a sentence in `pace` seconds."""

    def __init__(self, *rundown, plan=None, kept=None, place=None, begin=None, **settings):
        self.wall = Wall(begin)
        given = Settings(CHINA, **({"busy": 10, "quiet": 60} | settings))
        self.plan = plan or Plan(())
        self.programme = Programme(
            lambda: self.plan, lambda _: OFFER, given, wall=self.wall,
            kept=(kept or {}),
        )  # fmt: skip
        self.inbox = Inbox()
        self.rundown = list(rundown)
        self.events = []
        self.director = Director(
            lambda: self.rundown, self.inbox, Manners("zh"), History(),
            courtesy=Courtesy(notice=1e9), noticed=0.0, programme=self.programme,
            place=place, kept=kept,
        )  # fmt: skip
        self.director.tell = lambda kind, values: self.events.append(values["segment"])
        self.pace = 1.0

    @property
    def now(self):
        return self.wall.seconds

    def chat(self, text="多少钱", user="u"):
        self.inbox.add(comment(text, user), self.now)
        self.programme.rate.note(self.now)

    def say(self, count=1):
        said = []
        for _ in range(count):
            intent = self.director.choose(self.now)
            if intent is None:
                self.wall.seconds += 1.0
                said.append("")
                continue
            said.append(self.one(intent))
        return said

    def one(self, intent):
        director = self.director
        director.begun(intent, self.now)
        texts = list(self.texts(intent))
        director.sending(intent)
        for n, text in enumerate(texts):
            director.started(intent, n, self.now)
            self.wall.seconds += self.pace
            director.heard(intent, n, text, n == len(texts) - 1, self.now)
        return "".join(texts).replace("。", "")

    def texts(self, intent):
        if intent.place:
            return sentences(self.director.line(intent.place)[1].text)[intent.place.sentence :]
        if intent.lines and not intent.texts:
            return sentences("".join(line.text for line in intent.lines))
        return list(intent.texts) or ["答。"]


# --- how long a segment goes on -----------------------------------------------------------------


def test_a_segment_is_repeated_and_each_time_takes_other_words():
    desk = Desk(replace(LONG, repeat=3), SHORT)
    said = desk.say(13)
    assert said[:9] == ["甲一", "甲二", "甲三"] * 3
    assert said[9:] == ["乙一", "乙二", "甲一", "甲二"]
    assert desk.events == ["long", "short", "long"]
    course = desk.director.course
    assert [course.turn(Place("long", 0, 0, 0, n)) for n in range(3)] == [2, 3, 4]
    assert course.turn(Place("long", 0, 0, 1)) == 3, "the second round goes on where the first was"


def test_a_segment_with_minutes_goes_on_until_they_have_passed():
    desk = Desk(replace(LONG, seconds=60.0), SHORT)
    desk.pace = 4.0
    said = desk.say(30)
    first = said.index("乙一")
    assert said[:first] == (["甲一", "甲二", "甲三"] * 10)[:first]
    assert 60 <= first * 4 <= 68, "until the end of the line that was on"
    assert said[first : first + 3] == ["乙一", "乙二", "甲一"]


def test_a_pause_costs_a_segment_no_time():
    desk = Desk(replace(LONG, seconds=60.0), SHORT)
    desk.say(3)
    desk.wall.seconds += 3600
    assert desk.say(20) == (["甲一", "甲二", "甲三"] * 7)[:20], "half a minute counts at most"
    assert desk.director.course.spent == pytest.approx(53, abs=1)


def test_what_the_state_file_has_goes_on_in_the_same_pass_and_time():
    desk = Desk(replace(LONG, repeat=3), SHORT)
    desk.say(7)
    kept, place = desk.director.to_json(), replace(desk.director.cursor, again=0)
    assert place == Place("long", 1)
    again = Desk(replace(LONG, repeat=3), SHORT, kept=kept, place=place)
    assert again.say(4) == ["甲二", "甲三", "乙一", "乙二"]
    timed = Desk(replace(LONG, seconds=10.0), SHORT)
    timed.say(8)
    kept = timed.director.to_json()
    later = Desk(
        replace(LONG, seconds=10.0), SHORT, kept=kept, place=replace(timed.director.cursor, again=0)
    )
    assert later.say(4).index("乙一") in (2, 3)


def test_a_segment_outside_its_window_is_passed_over():
    evening = Window(1215, 1230, zone=CHINA)  # 20:15 to 20:30
    desk = Desk(LONG, replace(SHORT, window=evening))
    desk.pace = 30.0
    said = desk.say(120)
    at_minute = [n / 2 for n, text in enumerate(said) if text.startswith("乙")]
    assert at_minute and min(at_minute) >= 15 and max(at_minute) <= 30.5
    assert "甲一" in said[-6:]


def test_a_window_that_closes_ends_the_segment_at_the_end_of_the_line():
    desk = Desk(replace(LONG, window=Window(1200, 1201, zone=CHINA), repeat=50), SHORT)
    desk.pace = 11.0
    said = desk.say(9)
    assert said.index("乙一") == 6 and "甲一" not in said[6:]


def test_when_no_segment_is_on_fillers_are_said_and_the_script_comes_back():
    night = Window(0, 60, zone=CHINA)
    plan = Plan((), fillers=(Aside("f1", (Line("填一。"),)), Aside("f2", (Line("填二。"),))))
    desk = Desk(replace(LONG, window=night), plan=plan)
    said = [text for text in desk.say(60) if text]
    assert (
        len(said) >= 3 and all(a != b for a, b in pairwise(said)) and set(said) == {"填一", "填二"}
    )
    desk.rundown[0] = LONG
    assert "甲一" in desk.say(3)


def test_lines_that_cannot_be_said_do_not_hold_a_segment_in_silence():
    desk = Desk(replace(LONG, seconds=600.0), SHORT)
    for _ in range(3):
        intent = desk.director.script()
        desk.director.begun(intent, 0.0)
        desk.director.empty(intent)
    assert desk.say(2) == ["乙一", "乙二"]


def test_optional_lines_are_left_out_while_the_chat_is_busy():
    lines = (Line("甲一。"), Line("甲二。", optional=True), Line("甲三。"))
    desk = Desk(Segment("long", None, Kind.OPENING, lines), busy=10, quiet=60)
    assert desk.say(3) == ["甲一", "甲二", "甲三"]
    for n in range(30):
        desk.programme.rate.note(desk.now + n / 10)
    assert desk.say(4) == ["甲一", "甲三"] * 2
    desk.wall.seconds += 300
    assert desk.say(3) == ["甲一", "甲二", "甲三"]


def test_fewer_thanks_while_the_chat_is_busy():
    def thanked(busy):
        desk = Desk(LONG, busy=10, quiet=60)
        count = 0
        for n in range(300):
            desk.inbox.add(social("gift", f"g{n}"), desk.now)
            for _ in range(busy):
                desk.programme.rate.note(desk.now)
            count += desk.director.choose(desk.now).kind.value == "thanks"
            desk.wall.seconds += 1
        return count

    assert thanked(1) * 2 < thanked(0)


# --- who interrupts -----------------------------------------------------------------------------


def test_a_closed_segment_lets_viewers_in_at_its_end():
    desk = Desk(replace(LONG, interrupt="segment"), SHORT)
    desk.say(1)
    desk.chat()
    desk.director.say("插一句。")
    assert desk.say(5) == ["插一句", "甲二", "甲三", "答", "乙一"]


def test_the_rooms_rule_holds_where_a_segment_has_none():
    desk = Desk(LONG, replace(SHORT, interrupt="now"), interrupt="segment")
    desk.say(1)
    desk.chat()
    assert desk.say(3) == ["甲二", "甲三", "答"]
    desk.say(1)
    desk.chat("还有货吗", "w")
    assert desk.say(1) == ["答"]


@pytest.mark.parametrize(
    ("interrupt", "texts"),
    [
        ("now", ["今天有两样东西。", "答多少钱。", "还有问题吗。", "今天有两样东西。"]),
        ("sentence", ["今天有两样东西。", "答多少钱。", "还有问题吗。", "先看第一样东西。"]),
        ("segment", ["今天有两样东西。", "先看第一样东西。", "再看第二样。", "答多少钱。"]),
    ],
)
def test_where_an_answer_comes_in(interrupt, texts):
    """The pause of a tone is at its end: a sentence that gives way is said again from its start."""
    rundown = (
        Segment("open", None, Kind.OPENING, (Line("今天有两样东西。先看第一样东西。再看第二样。"),),
                interrupt=interrupt),
        segment("tea", "tea", "这是一款绿茶。"),
    )  # fmt: skip

    async def main():
        async with show(rundown=rundown, gives_way=1.0) as room:
            await asyncio.sleep(0.9)
            room.chat(comment("多少钱"))
            await asyncio.sleep(14)
            return room.stage.texts

    assert run(main())[:4] == texts


# --- beside the script --------------------------------------------------------------------------


def test_an_announcement_comes_between_lines_after_notices_and_before_thanks():
    plan = Plan((), announcements=(Aside("rules", (Line("公告。"),), every=10.0),))
    desk = Desk(LONG, plan=plan)
    desk.pace = 4.0
    desk.inbox.add(social("gift", "a"), 0.0)
    said = desk.say(12)
    times = [n * 4 for n, text in enumerate(said) if text == "公告"]
    assert len(times) >= 3 and all(b - a >= 10 for a, b in pairwise(times))


def test_a_filler_in_a_quiet_chat_and_none_in_a_lively_one():
    plan = Plan((), fillers=(Aside("f1", (Line("填一。"),)), Aside("f2", (Line("填二。"),))))
    quiet = Desk(LONG, plan=plan, filler_seconds=60.0)
    quiet.pace = 5.0
    said = quiet.say(100)
    fillers = [text for text in said if text.startswith("填")]
    assert len(fillers) == 8 and all(a != b for a, b in pairwise(fillers))
    lively = Desk(LONG, plan=plan)
    for _ in range(60):
        lively.programme.rate.note(lively.now)
        assert "填" not in lively.say(1)[0]
        lively.wall.seconds += 30


def test_a_sale_goes_before_answers_and_is_counted_down():
    desk = Desk(LONG, plan=Plan((), sales=(SALE,)))
    desk.pace = 4.0
    desk.programme.sales.start("cup-night", 12, desk.wall())
    desk.chat()
    said = desk.say(200)
    sale = [text for text in said if "还有" in text or "以后活动" in text or "结束了" in text]
    assert said[0] == "{name}活动开始，还有{left}" and said[1] == "答"
    assert len(sale) == 5 and sale[-1] == "活动结束了"


def test_a_sales_words_are_said_at_a_sentence_boundary_and_the_script_goes_on_there():
    programme = None

    async def main():
        nonlocal programme
        begin, loop = at(20), asyncio.get_running_loop()
        programme = Programme(
            lambda: Plan((), sales=(replace_lines(SALE),)), lambda _: OFFER,
            Settings(CHINA, quiet=3600.0), wall=lambda: begin + timedelta(seconds=loop.time()),
        )  # fmt: skip
        rundown = (segment("a", None, "今天有两样东西。先看第一样东西。再看第二样。"),)
        async with show(rundown=rundown, programme=programme, gives_way=1.0) as room:
            await asyncio.sleep(1.0)
            programme.sales.start("cup-night", 5, programme.wall())
            room.speaker.plan()
            await asyncio.sleep(12)
            return room.stage.air

    air = run(main())
    assert [s.text for s in air][:4] == [
        "今天有两样东西。", "活动开始还有4分钟。", "先看第一样东西。", "再看第二样。",
    ]  # fmt: skip
    assert not any(s.interrupted for s in air)


def replace_lines(sale):
    return replace(sale, opening=(Line("活动开始还有{left}。"),))


# --- the operator -------------------------------------------------------------------------------


def test_repeat_goes_through_the_segment_once_more():
    desk = Desk(LONG, SHORT)
    desk.say(2)
    desk.director.course.wanted = "long"
    desk.director.replan()
    assert desk.say(6) == ["甲三", "甲一", "甲二", "甲三", "乙一", "乙二"]
    assert desk.director.course.wanted is None


def test_another_order_holds_from_the_end_of_the_line_on_air():
    desk = Desk(LONG, SHORT, LAST)
    desk.say(3)
    desk.rundown[:] = [LONG, LAST, SHORT]
    desk.director.replan()
    assert desk.say(3) == ["丙一", "乙一", "乙二"]


def test_a_line_put_in_is_said_next_also_after_the_last_line():
    for before in (1, 3):
        desk = Desk(LONG, SHORT)
        desk.say(before)
        lines = (*LONG.lines[:before], Line("新。"), *LONG.lines[before:])
        desk.rundown[0] = replace(LONG, lines=lines)
        desk.director.inserted("long", before)
        assert desk.say(2) == ["新", ["甲二", "乙一"][before // 3]]


def test_the_next_announcement_counts_from_the_rest_of_one_that_was_broken_off():
    plan = Plan((), announcements=(Aside("rules", (Line("公告一。公告二。"),), every=30.0),))
    desk = Desk(LONG, plan=plan)
    desk.wall.seconds = 30.0
    intent = desk.director.choose(desk.now)
    desk.director.begun(intent, desk.now)
    desk.director.sending(intent)
    desk.wall.seconds = 55.0  # nobody was there
    desk.director.resume(replace(intent, texts=("公告二。",)))
    said = desk.say(40)
    assert said[0] == "公告二" and said.index("公告一公告二") in (30, 31)
    assert desk.programme.announcements.book["rules"].count == 2, "and its wording is the next one"


# --- kills --------------------------------------------------------------------------------------


class Durable(Notes):
    """A record of which survives what was on disk when its process was killed.

    What is noted while a batch is being written makes the next one, as in the state file.

    Args:
        most: batches that get there; all later writes are lost.
    """

    def __init__(self, most, before=None):
        super().__init__()
        self.left, self.full, self.kept = most, asyncio.Event(), {}
        self.place, self.intents, self.saved, self.over = None, {}, {}, set()
        if before:
            self.next_id = before.next_id + 1000
            self.place, self.kept = before.place, before.kept
            self.intents, self.saved = dict(before.intents), dict(before.saved)
            self.states, self.over = dict(before.saved), set(before.over)
        self._waiting, self._batch = [], []
        self.under_way, self._done = {}, 0

    def _later(self, write):
        self._waiting.append(write)
        if len(self._waiting) == 1 and not self._batch:
            asyncio.get_running_loop().call_soon(self._next_batch)

    def _next_batch(self):
        self._batch, self._waiting = self._waiting, []
        asyncio.get_running_loop().call_later(DISK, self._commit)

    def _commit(self):
        self._done += 1
        if self.left > 0:
            for write in self._batch:
                write()
            self.left -= 1
        if self.left <= 0:
            self.full.set()
        self._batch = []
        if self._waiting:
            self._next_batch()

    async def safe(self):
        there = asyncio.get_running_loop().create_future()
        self._later(lambda: there.done() or there.set_result(None))
        await there

    def utterance(self, utterance, intent, understood):
        values = intent.to_json()
        self._later(lambda: self.intents.__setitem__(utterance, values))

    def sentence(self, utterance, sentence, text, rule):
        super().sentence(utterance, sentence, text, rule)
        self._later(lambda: self.saved.setdefault((utterance, sentence), ("planned", text)))

    def sentence_is(self, utterance, sentence, state, samples=0, total=0, tick=None):
        super().sentence_is(utterance, sentence, state)
        text = self.states[utterance, sentence][1]
        if state in ("sent", "started"):
            self.under_way.setdefault(text[:2], []).append(self._done + 1)
        self._later(lambda: self.saved.__setitem__((utterance, sentence), (state, text)))

    def cursor(self, place):
        self._later(lambda: setattr(self, "place", place))

    def programme(self, values):
        self._later(lambda: setattr(self, "kept", values))

    def ended(self, utterance, how):
        super().ended(utterance, how)
        self._later(lambda: self.over.add(utterance))

    def unfinished(self):
        of = {}
        for (utterance, _), (state, text) in sorted(self.saved.items()):
            of.setdefault(utterance, []).append((text, "", state))
        return [
            adopted(Unfinished(u, Intent.from_json(self.intents[u]), tuple(said)))
            for u, said in sorted(of.items())
            if any(state in ("sent", "started") for _, _, state in said)
            or (u not in self.over and any(state == "planned" for _, _, state in said[1:]))
        ][-3:]


SPOKEN = (
    Segment("one", None, Kind.OPENING, (Line("甲一。甲二。"), Line("甲三。")), repeat=2),
    Segment("two", None, Kind.OPENING, (Line("乙一。"), Line("乙二。乙三。"))),
)
BESIDE = Plan(
    (),
    announcements=(Aside("rules", (Line("公告一。公告二。"),), every=9.0),),
    fillers=(Aside("f1", (Line("填一。"),)), Aside("f2", (Line("填二。"),))),
    sales=(replace(SALE, opening=(Line("开始。"),), countdown=(Line("还在。"),), at=(1200,),
                   seconds=50.0, marks=(0.3,)),),
)  # fmt: skip
WRITES = 230  # of a minute
DISK = 0.03  # seconds that a write takes
SCRIPT = ["甲一。", "甲二。", "甲三。", "甲一。", "甲二。", "甲三。", "乙一。", "乙二。", "乙三。"]


async def until_killed(stage, notes, seconds, wall):
    """Run a brain until its record takes no more, or for so long."""
    programme = Programme(
        lambda: BESIDE, lambda _: OFFER, Settings(CHINA, quiet=1.0, filler_seconds=20.0),
        now=asyncio.get_running_loop().time(), wall=wall, kept=notes.kept,
    )  # fmt: skip
    room = ShowRoom(
        stage, rundown=SPOKEN, notes=notes, place=notes.place, programme=programme,
        kept=notes.kept, gives_way=1.0,
    )  # fmt: skip
    room.speaker.on_air.adopt(notes.unfinished())
    async with room.on_air():
        try:
            async with asyncio.timeout(seconds):
                await notes.full.wait()
        except TimeoutError:
            pass
        room.link.listen(None)  # whatever the stage still says, nobody hears it
        stage.brain = None


def killed_at(*commits, seconds=70.0):
    """Kill one brain after the other, each at a write; the last goes on. Return what was heard."""

    async def main():
        loop = asyncio.get_running_loop()

        def wall():
            return at(20) - timedelta(seconds=4) + timedelta(seconds=loop.time())

        async with staged() as stage:
            record = None
            for most in commits:
                record = Durable(most, record)
                await until_killed(stage, record, seconds - loop.time(), wall)
                await asyncio.sleep(1.0)
            await until_killed(stage, Durable(10**9, record), seconds - loop.time(), wall)
            return [s for s in stage.air if s.interrupted is False]

    return run(main())


def check_heard(heard, commits):
    texts = [s.text for s in heard]
    script = [text for text in texts if text[0] in "甲乙"]
    assert script == (SCRIPT * 10)[: len(script)], f"kill at write {commits}: {texts}"
    assert texts.count("开始。") == 1 and texts.count("活动结束了。") == 1, (commits, texts)
    assert texts.count("还在。") == 1, (commits, texts)
    said = [s.at for s in heard if s.text == "公告一。"]
    assert texts.count("公告一。") - texts.count("公告二。") in (0, int("公告一。" in texts[-3:]))
    assert all(7 < b - a < 16 for a, b in pairwise(said)), (commits, said)
    fillers = [s for s in heard if s.text[0] == "填"]
    assert all(a.text != b.text and b.at - a.at > 15 for a, b in pairwise(fillers)), commits


def test_killed_at_writes_all_over_a_show_nothing_is_lost_or_doubled():
    undisturbed = killed_at()
    check_heard(undisturbed, 0)
    kinds = {s.text[0] for s in undisturbed}
    assert {"甲", "乙", "公", "填", "开", "还", "活"} <= kinds
    for commits in range(2, WRITES, 7):
        check_heard(killed_at(commits), commits)


def writes_under_way():
    """Return the writes after which a sentence is on its way, by its first two characters."""
    record = Durable(10**9)

    async def main():
        loop = asyncio.get_running_loop()

        def wall():
            return at(20) - timedelta(seconds=4) + timedelta(seconds=loop.time())

        async with staged() as stage:
            await until_killed(stage, record, 70.0, wall)

    run(main())
    return record.under_way


def test_killed_again_while_it_takes_up_what_the_first_kill_broke_off():
    for first in writes_under_way()["公告"][1:3]:
        for second in range(1, 7):
            check_heard(killed_at(first, second), (first, second))


@pytest.mark.stress
def test_killed_again_after_any_kill_that_broke_off_something_beside_the_script():
    under_way = writes_under_way()
    for first in {n for said, writes in under_way.items() if said[0] not in "甲乙" for n in writes}:
        for second in range(1, 8):
            check_heard(killed_at(first, second), (first, second))


@pytest.mark.stress
def test_killed_at_every_write_nothing_is_lost_or_doubled():
    """Each time the state file takes something, the brain dies right after; another one goes on."""
    for commits in range(1, WRITES):
        check_heard(killed_at(commits), commits)
