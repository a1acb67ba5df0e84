"""Feeds and the keeper, on virtual time: queues, rates, fairness, losses, back-off."""

import asyncio
import itertools
import logging

import pytest

from livehost.brain.chat.combo import IDLE, MOST, Combos
from livehost.brain.chat.feed import Feed, State
from livehost.brain.chat.feeds import Feeds
from livehost.brain.chat.fields import mentions, name, whole
from livehost.brain.chat.inbox import Inbox
from livehost.brain.chat.intake import Intake
from livehost.brain.chat.keep import keep, together
from livehost.brain.chat.message import Rejected
from livehost.errors import ConfigError, Transient

from .chat_parts import drained, running
from .show_parts import comment
from .virtual import run

BIG = 7327000000000000001


class Log:
    """A state file that is always quick; keeps (id, source)."""

    def __init__(self):
        self.rows, self.on_disk = [], set()

    def chat(self, message, source, done):
        fresh = message.id not in self.on_disk
        self.on_disk.add(message.id)
        if fresh:
            self.rows.append((message, source))
        asyncio.get_running_loop().call_soon(done, fresh)
        return True

    def rejected(self, reason):
        pass


def parts(*feeds, seen=()):
    log, inbox = Log(), Inbox()
    intake = Intake(log, inbox, most_bytes=16_384, seen=seen)
    all_feeds = Feeds(intake)
    intake.told = all_feeds.written
    for feed in feeds:
        all_feeds.add(feed)
    return all_feeds, log, inbox


def said(n, **more):
    return {"id": str(n), "text": f"第{n}句", "user": f"u{n}", **more}


def test_messages_reach_the_log_under_the_name_of_their_source():
    async def main():
        a, b = Feed("a", "jsonl", scope="a:"), Feed("b", "jsonl", scope="b:")
        feeds, log, inbox = parts(a, b)
        async with running(feeds.run()):
            a(said(1)), b(said(1))
            await asyncio.sleep(0.1)
        return log.rows, len(inbox), a.snapshot(), feeds.metrics()

    rows, waiting, snapshot, metrics = run(main())
    assert [(m.id, m.user, source) for m, source in rows] == [
        ("a:1", "a:u1", "a"),
        ("b:1", "b:u1", "b"),
    ]
    assert waiting == 2
    assert (snapshot["received"], snapshot["accepted"], snapshot["duplicates"]) == (1, 1, 0)
    assert snapshot["last_message_seconds"] == 0.1
    assert metrics['livehost_chat_source_accepted_total{source="b"}'] == 1


def test_lag_is_measured_where_a_message_says_when_it_was_said():
    async def main():
        from datetime import UTC, datetime

        a, b = Feed("a", "x"), Feed("b", "x")
        feeds, _, _ = parts(a, b)
        ago = datetime.now(UTC).timestamp() - 90
        async with running(feeds.run()):
            a(said(1, at=ago)), b(said(2))
            await asyncio.sleep(0.1)
        return a.snapshot(), b.snapshot(), feeds.metrics()

    a, b, metrics = run(main())
    assert a["lag_seconds"]["p50"] == pytest.approx(90, abs=5) == a["lag_seconds"]["p95"]
    assert b["lag_seconds"] is None and b["wait_seconds"] == {"p50": 0.0, "p95": 0.0}
    key = 'livehost_chat_source_lag_seconds{source="a",quantile="p95"}'
    assert metrics[key] == a["lag_seconds"]["p95"]


def test_duplicates_and_garbage_are_counted_where_they_came_from():
    async def main():
        a, b = Feed("a", "x", scope="a:"), Feed("b", "x", scope="b:")
        feeds, log, _ = parts(a, b)
        log.on_disk.add("a:9")
        async with running(feeds.run()):
            for raw in (said(1), said(1), said(9), b'{"text": ', b"\xff\xfe", "[1]", {"id": 1.5}):
                a(raw)
            b(said(1))
            await asyncio.sleep(0.1)
        return a, b

    a, b = run(main())
    assert (a.received, a.accepted, a.duplicates) == (7, 1, 2)
    assert a.rejected == {"not_json": 1, "not_utf8": 1, "not_object": 1, "kind": 1}
    assert (b.accepted, b.duplicates, b.rejected) == (1, 0, {})


def test_a_flood_of_ten_thousand_fills_its_own_queue_and_delays_nobody():
    async def main():
        loud, calm = Feed("loud", "x", "l:"), Feed("calm", "x", "c:")
        feeds, log, inbox = parts(loud, calm)
        arrived = []
        async with running(feeds.run()):
            for n in range(10_000):
                loud(said(n))
                if n % 1000 == 0:
                    calm(said(n))
            await asyncio.sleep(0)
            for _ in range(40):
                await asyncio.sleep(0)
            arrived = [source for _, source in log.rows[:40]]
            await asyncio.sleep(5)
        return loud, calm, log, inbox, arrived

    loud, calm, _, inbox, arrived = run(main())
    assert loud.rejected == {"full": 8000} and loud.accepted == 2000
    assert calm.rejected == {} and calm.accepted == 10
    assert arrived.count("calm") == 10, "one in turn, not behind the flood"
    waiting = [w.source for line in inbox._lines.values() for w in line.values()]
    assert len(waiting) == 500 and waiting.count("calm") == 10, "none was pushed out by the flood"


def test_a_source_is_taken_in_at_its_own_rate():
    async def main():
        slow = Feed("slow", "x", most=1000, each_second=10)
        feeds, log, _ = parts(slow)
        async with running(feeds.run()):
            for n in range(60):
                slow(said(n))
            await asyncio.sleep(0.05)
            at_once = len(log.rows)
            await asyncio.sleep(2)
        return at_once, len(log.rows)

    at_once, later = run(main())
    assert at_once == 11, "a second's worth at once"
    assert later == 31, "then ten a second"


def test_a_source_that_can_wait_loses_nothing():
    async def main():
        feed = Feed("file", "x", most=10, each_second=100)
        feeds, log, _ = parts(feed)

        async def deliver():
            for n in range(300):
                await feed.room()
                feed(said(n))

        async with running(feeds.run()):
            await deliver()
            await asyncio.sleep(3)
        return feed, len(log.rows)

    feed, rows = run(main())
    assert rows == 300 and feed.rejected == {}


def test_outcomes_find_their_source():
    async def main():
        feed, told = Feed("douyin", "x", scope="douyin:"), []
        feed.settled = lambda *about: told.append(about)
        feeds, _, _ = parts(feed, Feed("http", "http"))
        for ident in ("douyin:live_comment:1", "other:1", "1", "http:1", ""):
            feeds.settled(ident, "answered")
        return told

    assert run(main()) == [("live_comment:1", "answered")]


def test_one_who_waits_for_the_answer_is_served_at_once():
    async def main():
        feeds, _, _ = parts(Feed("http", "http"))
        taken = feeds.direct("http", {"text": "多少钱"})
        with pytest.raises(Rejected):
            feeds.direct("http", b"{")
        await asyncio.sleep(0)
        return taken, next(iter(feeds))

    taken, feed = run(main())
    assert taken.text == "多少钱" and (feed.received, feed.accepted) == (2, 1)
    assert feed.rejected == {"not_json": 1} and feed.state is State.LIVE


def test_reasons_that_a_peer_makes_up_stay_few_and_plain():
    feed = Feed("a", "x")
    for n in range(100):
        feed.refuse(f'bad "{n}"\n')
    assert len(feed.rejected) == 41 and feed.rejected["other"] == 60
    assert all('"' not in reason and "\n" not in reason for reason in feed.rejected)


# --- the inbox, shared by all ---------------------------------------------------------------------


def test_in_a_full_inbox_the_source_with_the_most_gives_way():
    gone = []
    inbox = Inbox(lambda message, why: gone.append((message, why)), most=4)
    inbox.add(comment("好看", "x", id="calm"), 0.0, None, "calm")
    for n in range(9):
        inbox.add(comment(f"多少钱{n}", f"u{n}", id=f"q{n}"), float(n), None, "loud")
    assert [ident for ident, _ in gone] == [f"q{n}" for n in range(6)]


# --- the keeper -----------------------------------------------------------------------------------


class Scripted:
    """A source that does what the script says, one step a try."""

    name = "s"

    def __init__(self, *steps):
        self.steps, self.at, self.troubled = list(steps), [], []

    async def run(self, submit):
        self.at.append(asyncio.get_running_loop().time())
        step = self.steps.pop(0)
        if isinstance(step, float):
            submit.is_live()
            await asyncio.sleep(step)
            raise Transient("the far end is gone")
        self.troubled.append(submit.troubled)
        if isinstance(step, Exception):
            raise step


def kept(*steps):
    async def main():
        source, feed = Scripted(*steps), Feed("s", "x")
        await keep(source, feed)
        return source, feed

    return run(main())


def test_a_lost_source_comes_back_with_growing_pauses_and_jitter():
    source, feed = kept(*[Transient("refused")] * 12, None)
    pauses = [b - a for a, b in itertools.pairwise(source.at)]
    assert 0.8 <= pauses[0] <= 1.2 and max(pauses) <= 36 and pauses[-1] >= 24
    assert len({round(pause % 1, 6) for pause in pauses}) == 12, "no two alike"
    assert feed.reconnects == 12 and feed.state is State.ENDED
    assert source.troubled == [False] + [True] * 12, "an alarm does not blink with every try"


def test_a_source_that_was_well_for_long_starts_its_back_off_anew():
    source, _ = kept(*[Transient("refused")] * 8, 3600.0, Transient("refused"), None)
    pauses = [b - a for a, b in itertools.pairwise(source.at)]
    assert pauses[7] > 20 and pauses[8] < 3600 + 2


def test_wrong_settings_end_the_source_and_nothing_else():
    _, feed = kept(ConfigError("set the environment variable X"))
    assert feed.state is State.FAILED and feed.troubled and "X" in feed.reason


def test_a_fault_inside_is_a_loss_and_is_logged_without_what_it_quotes(caplog):
    caplog.set_level(logging.DEBUG)
    source, feed = kept(ValueError("wss://x/?key=SECRET"), None)
    assert len(source.at) == 2 and feed.state is State.ENDED
    record = next(r for r in caplog.records if r.message == "chat source failed")
    assert record.error == "ValueError" and "SECRET" not in str(vars(record))


def test_one_line_is_logged_when_it_is_lost_not_one_for_each_try(caplog):
    caplog.set_level(logging.INFO, "livehost")
    kept(5.0, *[Transient("refused")] * 6, 5.0, None)
    assert [r.message for r in caplog.records] == [
        "chat source is live",
        "chat source lost",
        "chat source is live",
        "chat source lost",
        "chat source ended",
    ]


def test_jobs_together_end_with_the_first_that_fails():
    async def fails():
        await asyncio.sleep(1)
        raise Transient("this one")

    async def waits():
        await asyncio.sleep(1000)

    async def main():
        with pytest.raises(Transient, match="this one"):
            await together(waits(), fails())
        return asyncio.get_running_loop().time()

    assert run(main()) == pytest.approx(1)


# --- combos and fields ----------------------------------------------------------------------------


def test_a_combo_gives_increments():
    combos = Combos()
    steps = [("1", 1, False), ("2", 3, False), ("2", 3, False), ("3", 5, False), ("4", 5, True)]
    assert [combos.added(i, "k", c, e, 0.0) for i, c, e in steps] == [1, 2, 0, 2, 0]
    assert combos.added("4", "k", 5, True, 0.5) == 0, "its end, once more"
    assert combos.added("5", "k", 1, False, 1.0) == 1, "a new combo after the end"
    assert combos.added("6", "other", 7, True, 1.0) == 7


def test_a_late_message_of_a_combo_adds_nothing_and_a_pause_starts_anew():
    combos = Combos()
    assert combos.added("1", "k", 5, False, 0.0) == 5
    assert combos.added("2", "k", 4, False, 0.1) == 0
    assert combos.added("3", "k", 6, False, 0.2) == 1
    assert combos.added("4", "k", 1, False, IDLE + 1) == 1


def test_combos_are_forgotten_in_the_end():
    combos = Combos()
    for n in range(3 * MOST):
        combos.added(str(n), n, 1, False, 0.0)
    assert len(combos._counts) <= MOST and len(combos._seen) <= MOST


def test_identifiers_and_numbers_never_pass_through_a_float():
    assert name({"a": BIG}, "a") == str(BIG) == name({"a": str(BIG)}, "a")
    assert name({"a": 0, "b": None, "c": True, "d": 1.5, "e": "x"}, *"abcde") == "x"
    assert whole({"n": str(BIG)}, "n") == BIG == whole({"n": BIG}, "n")
    for wrong in (1.5, "1.5", "x", [], True, "1e3", "9" * 40):
        with pytest.raises(Rejected):
            whole({"n": wrong}, "n")


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("@小明 你买了吗", ["小明"]),
        ("问下＠主播，@小红:多少钱", ["主播", "小红"]),
        ("a@b.c", ["b.c"]),
        ("没有", []),
        ("@" * 50, []),
    ],
)
def test_mentions(text, names):
    assert mentions(text) == names


def test_a_drained_feed_is_empty():
    async def main():
        feed = Feed("a", "x")
        feed(said(1))
        return drained(feed), drained(feed)

    first, second = run(main())
    assert len(first) == 1 and second == []
