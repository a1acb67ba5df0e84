"""What is on when: windows, times of day, the chat's mood, announcements, fillers, flash sales."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livehost.brain.product import Product, Promotion
from livehost.brain.programme.asides import Announcements, Aside, Book, Fillers
from livehost.brain.programme.claims import Claims
from livehost.brain.programme.clock import Window, occurrences
from livehost.brain.programme.mood import ChatRate, Mood
from livehost.brain.programme.overlay import Overlay
from livehost.brain.programme.sales import FlashSale, Memory, Sales, claimed, spoken
from livehost.brain.script import Kind, Line, Segment
from livehost.config import time_zone

CHINA = time_zone("Asia/Shanghai")


def at(hour, minute=0, second=0, day=22):
    return datetime(2026, 11, day, hour, minute, second, tzinfo=CHINA)  # the 22nd is a Sunday


# --- windows ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("window", "now", "is_open"),
    [
        (Window(), at(3), True),
        (Window(1200, 1350, zone=CHINA), at(20), True),
        (Window(1200, 1350, zone=CHINA), at(22, 29, 59), True),
        (Window(1200, 1350, zone=CHINA), at(22, 30), False),
        (Window(1200, 1350, zone=CHINA), at(20).astimezone(UTC), True),
        (Window(1320, 120, zone=CHINA), at(23), True),
        (Window(1320, 120, zone=CHINA), at(1, 59), True),
        (Window(1320, 120, zone=CHINA), at(2), False),
        (Window(1320, 120, zone=CHINA), at(21, 59), False),
        (Window(1320, 120, weekdays=frozenset({6}), zone=CHINA), at(23), True),
        (Window(1320, 120, weekdays=frozenset({6}), zone=CHINA), at(1, day=23), True),
        (Window(1320, 120, weekdays=frozenset({0}), zone=CHINA), at(1, day=23), False),
        (Window(start=at(20), end=at(21)), at(20), True),
        (Window(start=at(20), end=at(21)), at(21), False),
        (Window(600, start=at(20), zone=CHINA), at(19), False),
    ],
)
def test_windows(window, now, is_open):
    assert window.open(now) is is_open


@given(st.integers(0, 1440), st.integers(0, 1440), st.integers(0, 1439))
def test_a_daily_window_and_its_complement_cover_the_day_once(since, until, minute):
    if since % 1440 == until % 1440:
        return
    now = at(0) + timedelta(minutes=minute)
    one, other = Window(since, until, zone=CHINA), Window(until % 1440, since or 1440, zone=CHINA)
    assert one.open(now) != other.open(now)


def test_what_a_window_says():
    assert Window().always and Window().said() == ""
    assert Window(1200, 1350, weekdays=frozenset({5, 6})).said() == "20:00-22:30 sat, sun"


def test_times_of_day_around_midnight():
    found = list(occurrences((5, 1435), at(0, 1), CHINA))
    assert found == sorted(found) and at(0, 5) in found and at(23, 55, day=21) in found


def test_an_unknown_time_zone_is_refused_and_chinas_is_always_there(monkeypatch):
    with pytest.raises(ValueError, match="Asia/Shanghai"):
        time_zone("Mars/Base")
    monkeypatch.setattr("livehost.config.ZoneInfo", lambda name: time_zone("Mars/Base"))
    monkeypatch.setattr("livehost.config.ZoneInfo", lambda name: (_ for _ in ()).throw(OSError()))
    assert time_zone("Asia/Shanghai").utcoffset(None) == timedelta(hours=8)


# --- the mood -----------------------------------------------------------------------------------


def test_the_mood_follows_the_pace_with_hysteresis():
    rate = ChatRate(busy=30, quiet=60)
    assert rate.mood(0.0) is Mood.USUAL and rate.mood(60.0) is Mood.QUIET
    now = 60.0
    for _ in range(200):
        now += 1.0
        rate.note(now)
    assert rate.mood(now) is Mood.BUSY and 55 < rate.per_minute(now) < 61
    assert rate.mood(now + 40) is Mood.BUSY, "a short lull is no change"
    assert rate.mood(now + 59) is Mood.BUSY and rate.mood(now + 60) is Mood.QUIET


def test_the_mood_does_not_flicker_around_the_limit():
    rate, now, changes, last = ChatRate(busy=30, quiet=60), 0.0, 0, None
    for n in range(2000):
        now += 2.0 + (0.4 if n % 2 else -0.4)
        rate.note(now)
        mood = rate.mood(now)
        changes += mood is not last
        last = mood
    assert changes <= 2


# --- announcements ------------------------------------------------------------------------------


def announcements(*asides, began=None, book=None):
    return Announcements(lambda: asides, CHINA, began or at(19), book or Book())


def aside(name="rules", **more):
    return Aside(name, (Line("请看公告。"),), **more)


def run_through(found, start, end, step=7):
    said, now = [], start
    while now < end:
        if each := found.take(now):
            found.said(each.id, now)
            said.append((now, each.id))
        now += timedelta(seconds=step)
    return said


def test_an_announcement_every_so_often_and_one_at_its_time():
    found = announcements(aside(every=900.0), aside("close", at=(21 * 60 + 30,)))
    said = run_through(found, at(19), at(23))
    rules = [now for now, name in said if name == "rules"]
    assert all(900 <= (b - a).total_seconds() < 910 for a, b in pairwise(rules))
    assert len(rules) == 15
    assert [now for now, name in said if name == "close"] == [
        next(now for now, name in said if now >= at(21, 30) and name == "close")
    ]


def test_a_time_of_day_is_said_once_each_day_and_not_long_after():
    found = announcements(aside(at=(1200,)), began=at(19))
    said = run_through(found, at(19), at(23) + timedelta(days=2), step=60)
    assert [now.day for now, _ in said] == [22, 23, 24]
    late = announcements(aside(at=(1200,)), began=at(19))
    assert late.take(at(20, 11)) is None, "missed by more than ten minutes"
    assert announcements(aside(at=(1200,)), began=at(20, 5)).take(at(20, 6)) is None


def test_an_announcement_outside_its_window_waits_for_it():
    found = announcements(aside(every=900.0, window=Window(1260, 1380, zone=CHINA)))
    assert found.take(at(20)) is None
    assert found.take(at(21)) is not None


def test_an_announcement_that_is_put_back_comes_again_and_a_restart_knows_what_was_said():
    found = announcements(aside(every=900.0))
    assert found.take(at(20)) and found.take(at(20)) is None
    found.put_back("rules")
    assert found.take(at(20)).id == "rules"
    found.said("rules", at(20))
    again = announcements(aside(every=900.0), book=Book.from_json(found.book.to_json()))
    assert again.take(at(20, 14)) is None and again.take(at(20, 15)) is not None


# --- fillers ------------------------------------------------------------------------------------


def fillers(*names):
    return Fillers(lambda: [aside(name) for name in names], Book(), seconds=180.0)


def test_fillers_take_turns_and_never_twice_running():
    found, said, now = fillers("a", "b", "c"), [], at(20)
    while len(said) < 20:
        if each := found.take(now):
            found.said(each.id, now)
            said.append((now, each.id))
        now += timedelta(seconds=10)
    assert all(a[1] != b[1] for a, b in pairwise(said))
    assert {name for _, name in said[:3]} == {"a", "b", "c"}
    assert all((b[0] - a[0]).total_seconds() >= 180 for a, b in pairwise(said))


def test_a_single_filler_is_better_than_silence_and_alone_they_come_often():
    found = fillers("a")
    found.said("a", at(20))
    assert found.take(at(20, 0, 11), alone=True) is None
    assert found.take(at(20, 0, 12), alone=True).id == "a"
    assert found.take(at(20, 5), alone=True) is None, "it is on its way"
    found.put_back()
    assert found.take(at(20, 5)).id == "a"


# --- flash sales --------------------------------------------------------------------------------

OFFER = Promotion(id="night", text="限时优惠", start=at(0), end=at(23, 30), price=Decimal(79))
CUP = Product(id="cup", name="杯子", price=Decimal(89), promotion=(OFFER,))
SALE = FlashSale(
    "cup-night", "cup", "night", seconds=900.0, marks=(10.0, 5.0, 1.0),
    opening=(Line("{name}活动开始，还有{left}。"),),
    countdown=(Line("还有{left}。"), Line("{left}以后活动结束。")),
    ending=(Line("活动结束了。"),),
)  # fmt: skip


def sales(sale=SALE, offer=OFFER, memory=None):
    return Sales(lambda: [sale], lambda _: offer, CHINA, "zh", memory or Memory())


def sale_at(*minutes):
    return FlashSale(**{name: getattr(SALE, name) for name in SALE.__slots__} | {"at": minutes})


def told(found, start, seconds, step=2.0, saying=5.0):
    """Say what is due as soon as it is; return (now, phase, left, seconds that were true)."""
    said, now = [], start
    while (now - start).total_seconds() < seconds:
        found.news(now)
        if word := found.take(now):
            found.said(word.mark)
            begins = now + timedelta(seconds=saying / 2)
            assert begins <= word.until, "it can still be said"
            said.append((now, word.phase, word.left, word.run.left(begins)))
        now += timedelta(seconds=step)
    return said


def test_what_is_coming_of_a_sale_is_what_will_be_said():
    sale = sale_at(1201)
    coming = sales(sale).coming(at(20), at(20, 20))
    words = [(word.phase, word.left, word.turn) for _, word in coming]
    found, said = sales(sale), []
    now = at(20)
    while now < at(20, 20):
        if word := found.take(now):
            found.said(word.mark)
            said.append((word.phase, word.left, word.turn))
        now += timedelta(seconds=1)
    assert words == said and len(said) == 5
    assert [moment for moment, _ in coming][::4] == [at(20, 1), at(20, 16)]
    assert not sales(sale).coming(at(20), at(20, 0, 59))
    rest = found.coming(at(20, 10), at(20, 20))
    assert rest == [], "what was said does not come again"


def test_a_sale_is_opened_counted_down_and_ended():
    found = sales(sale_at(1230))
    said = told(found, at(20, 29), 1200)
    assert [(phase, left) for _, phase, left, _ in said] == [
        ("opening", "14分钟"), ("10", "10分钟"), ("5", "5分钟"), ("1", "1分钟"), ("ending", ""),
    ]  # fmt: skip
    assert said[0][0] >= at(20, 30) and said[-1][0] >= at(20, 45)


@given(st.floats(0.5, 60), st.floats(0, 3600), st.floats(1, 30))
def test_a_time_left_is_never_longer_than_the_true_one(minutes, since, step):
    found = sales()
    found.start("cup-night", minutes, at(20))
    for _, _, left, true in told(found, at(20) + timedelta(seconds=since), 600, step=step):
        number = float(left.removesuffix("分钟").removesuffix("秒") or 0)
        assert number * (60 if left.endswith("分钟") else 1) <= true or not left


def test_the_operator_starts_and_stops_a_sale():
    found = sales()
    assert found.running(at(20)) == [] and "no such" in found.start("x", 5, at(20))
    run = found.start("cup-night", 20, at(20))
    assert (run.end - run.start) == timedelta(minutes=20)
    assert "on already" in found.start("cup-night", 20, at(20, 1))
    assert found.windows(at(20, 1)) == {"cup-night": (run.start, run.end)}
    assert [what for what, _ in found.news(at(20, 1))] == ["began"]
    assert found.news(at(20, 1)) == []
    assert found.stop("cup-night", at(20, 5)).end == at(20, 5)
    assert found.running(at(20, 5)) == [] and "no such" in found.stop("cup-night", at(20, 6))
    assert [what for what, _ in found.news(at(20, 6))] == ["ended"] and not found.news(at(20, 7))


def test_no_sale_without_a_price_on_the_card_or_outside_its_promotion():
    assert "no promotion" in sales(offer=None).start("cup-night", 5, at(20))
    plain = OFFER.model_copy(update={"price": None})
    assert "no promotion" in sales(offer=plain).start("cup-night", 5, at(20))
    assert "does not hold" in sales().start("cup-night", 5, at(23, 45))
    assert sales().start("cup-night", 60, at(23, 0)).end == OFFER.end, "not beyond it"


def test_a_sale_of_the_rundown_can_be_stopped_and_the_next_one_still_comes():
    found = sales(sale_at(1200, 1260))
    assert found.running(at(20, 5))
    found.stop("cup-night", at(20, 6))
    assert not found.running(at(20, 7)) and found.running(at(21, 1))


def test_what_began_is_ended_after_a_restart_long_after():
    found = sales(sale_at(1200))
    found.news(at(20, 1))
    again = sales(sale_at(1200), memory=Memory.from_json(found.memory.to_json()))
    assert [what for what, _ in again.news(at(20, 40))] == ["ended"]
    assert again.take(at(20, 40)) is None, "too late to speak of"


def test_a_restart_repeats_no_word_and_forgets_none():
    found = sales(sale_at(1200))
    word = found.take(at(20, 0, 5))
    found.said(word.mark)
    again = sales(sale_at(1200), memory=Memory.from_json(found.memory.to_json()))
    assert again.take(at(20, 0, 30)) is None
    assert again.take(at(20, 4, 40)).phase == "10"
    lost = sales(sale_at(1200))
    assert lost.take(at(20, 0, 5)).phase == "opening", "taken and never sent: it is due again"


def test_a_sale_of_long_ago_is_forgotten():
    found = sales(sale_at(1200))
    for day in range(20, 30):
        told(found, at(20, 0, day=day), 1000, step=20)
    assert len(found.memory.said) < 20 and len(found.memory.began) < 5


@pytest.mark.parametrize(
    ("text", "left", "holds"),
    [("最后一分钟", 60, True), ("最后一分钟", 61, False), ("最后5分钟", 200, True),
     ("最后三十秒", 31, False), ("最后半小时", 1500, True), ("倒计时", 500, True),
     ("最后三天", 60, False), ("涨价", 60, False)],
)  # fmt: skip
def test_words_of_a_deadline_hold_when_they_are_true(text, left, holds):
    found = sales()
    found.start("cup-night", 60, at(20))
    now = at(21) - timedelta(seconds=left)
    assert Claims(found).holds(text, CUP, now) is holds
    assert not Claims(found).holds(text, None, now) and not Claims(found).holds(text, CUP, at(22))


@pytest.mark.parametrize(
    ("text", "over"),
    [("还有10分钟", "还有10分钟"), ("还有四分钟，抓紧", ""), ("只剩半小时", "只剩半小时"),
     ("还有5分钟", ""), ("还剩下三百秒", ""), ("还有十五分钟", "还有十五分钟"), ("还有货", "")],
)  # fmt: skip
def test_more_time_than_is_left_is_found(text, over):
    found = sales()
    found.start("cup-night", 60, at(20))
    assert Claims(found).overclaims(text, CUP, at(20, 55)) == over
    assert Claims(found).overclaims(text, CUP, at(22)) == ""


def test_a_true_time_left_needs_no_other_backing():
    found = sales()
    found.start("cup-night", 60, at(20))
    now = at(20, 45)
    assert Claims(found).backed("还有14分钟，到手79元", CUP, now) == "还有一会儿，到手79元"
    assert Claims(found).backed("还有十五分钟", CUP, now) == "还有一会儿"
    assert Claims(found).backed("with 14 minutes to go", CUP, now) == "with 一会儿 to go"
    assert Claims(found).backed("还有16分钟", CUP, now) == "还有16分钟"
    assert Claims(found).overclaims("16 Minutes left", CUP, now) == "16 Minutes left"
    assert Claims(found).backed("还有14分钟", CUP, at(22)) == "还有14分钟", "no sale is on"


def test_times_left_in_words():
    assert [claimed(s) for s in (605, 119.9, 60, 59.9, 9)] == [600, 60, 60, 50, 0]
    assert (spoken(600, "zh"), spoken(50, "zh")) == ("10分钟", "50秒")
    assert (spoken(60, "en"), spoken(120, "en")) == ("1 minute", "2 minutes")


# --- changes over the rundown ---------------------------------------------------------------------

SEGMENTS = tuple(
    Segment(name, None, Kind.TRANSITION, tuple(Line(f"{name}{n}") for n in range(3)))
    for name in "abc"
)


def texts(overlay, segments=SEGMENTS):
    return {s.id: [line.text for line in s.lines] for s in overlay.of(segments)}


def test_an_overlay_orders_edits_and_inserts_and_survives_a_restart():
    overlay = Overlay()
    assert overlay.of(SEGMENTS) is SEGMENTS
    overlay.reorder(["c", "a"])
    overlay.edit("a", Line("a1"), "新的")
    overlay.insert("a", Line("新的"), "插一句")
    overlay.insert("a", Line("插一句"), "再插一句")
    overlay.insert("b", None, "开头")
    overlay.edit("b", Line("开头"), "另一个开头")
    expected = {
        "c": ["c0", "c1", "c2"],
        "a": ["a0", "新的", "插一句", "再插一句", "a2"],
        "b": ["另一个开头", "b0", "b1", "b2"],
    }
    again = Overlay(overlay.to_json())
    for one in (overlay, again):
        assert texts(one) == expected and list(texts(one)) == ["c", "a", "b"]
    assert again.touched("a", Line("新的")) == "edited"
    assert again.touched("a", Line("插一句")) == "inserted" and not again.touched("a", Line("a0"))
    again.reset()
    assert again.of(SEGMENTS) is SEGMENTS


def test_a_line_that_the_file_changed_is_that_of_the_file():
    overlay = Overlay()
    overlay.edit("a", Line("a1"), "新的")
    saved = (Segment("a", None, Kind.TRANSITION, (Line("a0"), Line("文件里的"))),)
    assert texts(overlay, saved) == {"a": ["a0", "文件里的"]}
