"""The director alone: order, exact return, digests, notices; a day of it on virtual time."""

import tracemalloc
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livehost.brain.chat.inbox import Inbox
from livehost.brain.chat.kinds import Sort
from livehost.brain.director import Director
from livehost.brain.guests import FIRST_NOTICE, MOST_IN_A_CROWD, MOST_REPLIES, Courtesy
from livehost.brain.intent import Intent, IntentKind, Place
from livehost.brain.manners import CHINESE, REMEMBERED, History, Manners
from livehost.brain.owed import MOST_SAYS

from .show_parts import RUNDOWN, comment, segment, sentences, social


def about(text):
    return next((p for p in ("tea", "cup") if p in text), None)


class Desk:
    """A director with a speaker that says everything at once, a sentence a second."""

    def __init__(self, rundown=RUNDOWN, **options):
        self.rundown = list(rundown)
        self.inbox = options.pop("inbox", None) or Inbox(about=about)
        self.history = History()
        self.manners = Manners("zh", options.pop("sayable", lambda _: True))
        courtesy = Courtesy(notice=options.pop("notice", 900.0), talk=30.0)
        options.setdefault("noticed", 0.0)
        self.director = Director(
            lambda: self.rundown, self.inbox, self.manners, self.history,
            courtesy=courtesy, **options,
        )  # fmt: skip
        self.now = 0.0
        self.sentence_seconds = 1.0

    def chat(self, *messages):
        for message in messages:
            self.inbox.add(message, self.now, self.director.product)

    def texts(self, intent: Intent):
        if intent.place:
            _, line = self.director.line(intent.place)
            return sentences(line.text)[intent.place.sentence :]
        return list(intent.texts) or [f"答{intent.asked.text}"]

    def say_one(self, most=10**9):
        """Say the next intent, or its first `most` sentences; return (kind, what was heard)."""
        director = self.director
        intent = director.choose(self.now)
        director.begun(intent, self.now)
        texts = self.texts(intent)
        if not texts:
            director.empty(intent)
        for n, text in enumerate(texts[:most]):
            director.started(intent, n)
            self.now += self.sentence_seconds
            director.heard(intent, n, text, n == len(texts) - 1, self.now)
        if most < len(texts):
            director.yielded(intent, most)
        return intent.kind.value, texts[:most], intent

    def say(self, count):
        return [self.say_one()[:2] for _ in range(count)]


LINES = [("script", sentences(line.text)) for part in RUNDOWN for line in part.lines]


def test_the_rundown_loops_line_by_line():
    assert Desk().say(13) == (LINES * 3)[:13]


def test_a_yielded_line_goes_on_with_its_next_sentence():
    desk = Desk()
    desk.say_one()
    assert desk.say_one(most=1)[1] == ["今天有两样东西。"]
    desk.chat(comment("多少钱"))
    assert desk.say_one()[0] == "reply"
    assert desk.say_one()[1] == ["先看第一样东西。", "再看第二样。"]
    assert desk.say_one()[1] == LINES[2][1]


def test_operator_then_chat_then_script():
    desk = Desk()
    desk.chat(comment("多少钱"))
    desk.director.say("第一句")
    desk.director.say("第二句")
    assert [kind for kind, _ in desk.say(4)] == ["say", "say", "reply", "script"]


def test_too_many_texts_of_the_operator_are_refused():
    desk = Desk()
    assert [desk.director.say("x") for _ in range(MOST_SAYS + 2)] == [True] * MOST_SAYS + [
        False
    ] * 2


def test_better_than_leaves_everything_where_it_is_unless_something_better_waits():
    desk = Desk()
    script = desk.director.choose(0.0)
    assert desk.director.choose(0.0, better_than=script) is None
    desk.chat(comment("多少钱", "a"), comment("几码", "b"))
    reply = desk.director.choose(0.0, better_than=script)
    assert reply.kind is IntentKind.REPLY and reply.urgent
    assert desk.director.choose(0.0, better_than=reply) is None
    desk.director.say("x")
    assert desk.director.choose(0.0, better_than=reply).kind is IntentKind.SAY
    desk.director.put_back(reply, 0.0)
    assert desk.director.choose(0.0).asked.text == "多少钱", "put back at the front"


@pytest.mark.parametrize("kind", ["say", "reply", "notice", "thanks"])
def test_what_is_put_back_comes_again(kind):
    desk = Desk(noticed=900.0 if kind == "notice" else 0.0)
    if kind == "say":
        desk.director.say("x")
    elif kind == "reply":
        desk.chat(comment("多少钱"))
    elif kind == "thanks":
        desk.chat(social("gift", "a"))
    intent = desk.director.choose(0.0)
    assert intent.kind == kind
    assert desk.director.choose(0.0).kind is IntentKind.SCRIPT
    desk.director.put_back(intent, 0.0)
    again = desk.director.choose(0.0)
    assert again.kind == kind and again.answers == intent.answers


def test_the_script_gets_a_word_after_three_answers():
    desk = Desk()
    desk.chat(*(comment(f"第{n}个漏水吗", f"u{n}") for n in range(7)))
    kinds = [kind for kind, _ in desk.say(9)]
    assert kinds == (["reply"] * MOST_REPLIES + ["script"]) * 2 + ["reply"]


def test_in_a_crowd_it_waits_for_one_more():
    desk = Desk()
    desk.chat(*(comment(f"第{n}个漏水吗", f"u{n}") for n in range(40)))
    kinds = [kind for kind, _ in desk.say(MOST_IN_A_CROWD + 1)]
    assert kinds == ["reply"] * MOST_IN_A_CROWD + ["script"]


def test_talk_is_answered_now_and_then_and_never_interrupts():
    desk = Desk()
    desk.chat(*(comment(f"你好{chr(0x4E00 + n)}", f"u{n}") for n in range(20)))
    kinds = [desk.say_one() for _ in range(30)]
    replies = [intent for kind, _, intent in kinds if kind == "reply"]
    assert 1 < len(replies) <= desk.now / 30 + 1
    assert not any(intent.urgent for intent in replies)


def test_thanks_come_in_one_breath_and_bounded():
    desk = Desk()
    desk.chat(*(social("gift", f"送礼{n}") for n in range(30)))
    desk.chat(*(social("follow", f"关注{n}") for n in range(100)))
    desk.chat(*(social("enter", f"来{n}") for n in range(100)))
    kind, texts, intent = desk.say_one()
    assert kind == "thanks" and len(texts) == 3
    assert "送礼29、送礼28、送礼27和其他朋友" in texts[0]
    assert len(intent.answers) == 30 + 100 + 100
    assert desk.say_one()[0] == "script", "the next thanks wait their time"


def test_thanks_keep_their_distance():
    desk, thanked = Desk(), []
    for n in range(600):
        desk.chat(social("gift", f"g{n}"), social("enter", f"e{n}"), social("like", f"l{n}"))
        at = desk.now
        if desk.say_one()[0] == "thanks":
            thanked.append(at)
    assert 20 < len(thanked) <= desk.now / 15 + 1
    assert min(b - a for a, b in pairwise(thanked)) >= 15


def test_nicknames_that_may_not_be_said_are_not_said():
    desk = Desk(sayable=lambda name: "坏" not in name)
    desk.chat(social("gift", "坏人"))
    assert "坏" not in "".join(desk.say_one()[1])
    desk = Desk(sayable=lambda name: "坏" not in name)
    desk.chat(social("gift", "坏人"), social("gift", "好人"), social("gift", "{names}"))
    (text,) = desk.say_one()[1]
    assert "好人" in text and "坏" not in text


def test_variants_take_turns():
    desk, heard = Desk(), []
    count = len(CHINESE.thanks[Sort.GIFT])
    for n in range(2 * count):
        desk.chat(social("gift", f"甲{n}"))
        kind, texts, _ = desk.say_one()
        assert kind == "thanks"
        heard.append(texts[0].replace(f"甲{n}", "{names}"))
        desk.now += 60
    assert len(set(heard[:count])) == count and heard[:count] == heard[count:]


def test_notices_every_interval_whatever_else_happens():
    desk = Desk(noticed=None, notice=900.0)
    heard = []
    desk.sentence_seconds = 4.0
    while desk.now < 4 * 3600:
        desk.chat(comment(f"多少钱{desk.now}", f"u{desk.now}"))
        kind, texts, _ = desk.say_one()
        if kind == "notice":
            heard.append((desk.now, texts[0]))
    times = [at for at, _ in heard]
    assert times[0] <= FIRST_NOTICE + 20
    assert all(900 <= b - a <= 940 for a, b in pairwise(times))
    assert len(times) >= 15
    assert [t for _, t in heard[:4]] == list(dict.fromkeys(t for _, t in heard))[:4]
    assert {t for _, t in heard} == set(CHINESE.notices)


def test_a_restart_keeps_the_notice_interval():
    desk = Desk(noticed=800.0)
    while desk.say_one()[0] != "notice":
        pass
    assert 100 <= desk.now <= 110


def test_skip_and_jump_begin_a_new_course():
    desk = Desk()
    old = desk.director.choose(0.0)
    desk.director.begun(old, 0.0)
    assert desk.director.skip() == "tea"
    desk.director.heard(old, 0, "x", True, 1.0)
    desk.director.started(old, 0)
    assert desk.director.cursor == Place("tea"), "late reports of what was skipped change nothing"
    assert desk.say_one()[1] == sentences(RUNDOWN[1].lines[0].text)
    assert desk.director.jump_to_product("cup") == "cup"
    assert desk.director.jump_to_product("nothing") is None
    assert desk.say_one()[1] == sentences(RUNDOWN[2].lines[0].text)
    assert desk.director.skip() == "cup" or desk.director.skip()


def test_skip_at_the_end_goes_to_the_top():
    desk = Desk(place=Place("cup", 1))
    assert desk.director.skip() == "open"


def test_rewind_says_again_what_was_not_heard():
    desk = Desk()
    intent = desk.director.choose(0.0)
    desk.director.begun(intent, 0.0)
    desk.director.started(intent, 0)
    ahead = desk.director.choose(0.0)
    assert ahead.place == Place("open", 1)
    desk.director.rewind()
    assert desk.director.choose(0.0).place == Place("open", 0)


def test_what_turns_out_to_be_heard_after_a_cut_is_not_repeated():
    desk = Desk()
    intent = desk.director.choose(0.0)
    desk.director.begun(intent, 0.0)
    desk.director.started(intent, 0)
    desk.director.rewind()
    desk.director.heard(intent, 0, "x", True, 1.0)
    assert desk.director.choose(1.0).place == Place("open", 1)


def test_an_interrupted_utterance_is_resumed_after_the_operator():
    desk = Desk()
    desk.chat(comment("多少钱"))
    reply = desk.director.choose(0.0)
    desk.director.resume(replace(reply, texts=("剩下的。",)))
    desk.director.say("x")
    assert [texts for _, texts in desk.say(2)] == [["x"], ["剩下的。"]]


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        (Place("tea", 1, 0), Place("tea", 1, 0)),
        (Place("tea", 9, 3), Place("cup")),
        (Place("gone", 1, 1), Place("open")),
        (Place("cup", 2), Place("open", round=1)),
    ],
)
def test_a_saved_place_in_a_changed_script(place, expected):
    assert Desk(place=place).director.cursor == expected


def test_reload_in_the_middle():
    desk = Desk()
    desk.say(3)
    desk.rundown[:] = [RUNDOWN[0], segment("new", "tea", "新的。"), RUNDOWN[2]]
    texts = [texts for _, texts in desk.say(3)]
    assert texts == [["新的。"], ["这是一个杯子。"], ["杯子可以放心用。"]]


def test_upcoming_lists_each_line_once():
    desk = Desk(place=Place("tea", 1, 1))
    assert desk.director.upcoming(3) == [Place("tea", 1), Place("cup"), Place("cup", 1)]
    assert len(desk.director.upcoming(1000)) == 6


@given(st.data())
def test_killed_at_any_transition_the_next_process_goes_on_exactly_there(data):
    """Only the cursor survives; what viewers fully heard is never skipped nor said twice."""
    desk, heard, cursor = Desk(), [], None
    for _ in range(data.draw(st.integers(1, 12))):
        if data.draw(st.booleans()):
            desk.chat(comment(f"多少钱{len(heard)}", f"u{len(heard)}"))
        director = desk.director
        intent = director.choose(desk.now)
        director.begun(intent, desk.now)
        texts = desk.texts(intent)
        stop = data.draw(st.integers(0, 2 * len(texts)))  # transitions before the kill
        for step in range(min(stop, 2 * len(texts))):
            n, what = divmod(step, 2)
            if what == 0:
                director.started(intent, n)
            else:
                director.heard(intent, n, texts[n], n == len(texts) - 1, desk.now)
                if intent.kind is IntentKind.SCRIPT:
                    heard.append(texts[n])
        if stop < 2 * len(texts):
            cursor = director.cursor
            desk = Desk(place=cursor)
    script = [text for _, texts in LINES for text in texts]
    assert heard == (script * 20)[: len(heard)]


def test_a_day_stays_bounded():
    """24 hours: chat of every kind all the time, and memory that does not grow."""
    settled = []
    inbox = Inbox(lambda *gone: settled.append(gone[1]), about)
    desk = Desk(noticed=None, inbox=inbox)
    desk.sentence_seconds = 3.0
    counts: dict[str, int] = {}
    n = 0

    def hours(until):
        nonlocal n
        while desk.now < until * 3600:
            n += 1
            desk.chat(
                comment(f"tea{n}多少钱", f"u{n % 97}") if n % 3 == 0 else comment("嗯", f"t{n}"),
                social(("like", "enter", "follow", "gift")[n % 4], f"s{n}"),
            )
            kind, _, _ = desk.say_one()
            counts[kind] = counts.get(kind, 0) + 1
            settled.clear()

    hours(20)
    tracemalloc.start()
    hours(22)  # by now everything bounded is full of traced memory
    before = tracemalloc.get_traced_memory()[0]
    hours(24)
    grown = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert len(inbox) <= 500 and len(desk.history.last(10**6)) <= REMEMBERED
    assert grown < 100_000, "bytes in two hours"
    assert 24 * 4 - 2 <= counts["notice"] <= 24 * 4 + 1
    assert counts["reply"] > 3000 and counts["thanks"] > 1000 and counts["script"] > 3000
