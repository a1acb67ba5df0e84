"""The countdown on the product card: the figures, their place, and the card after it."""

from datetime import UTC, datetime, timedelta
from fractions import Fraction

import pytest

from livehost.config import Scene, Video
from livehost.stage import card, countdown
from livehost.stage.compose import Composer
from livehost.stage.countdown import Countdown, figures
from livehost.stage.layout import layout

NOW = datetime(2026, 11, 22, 20, 0, tzinfo=UTC)
CARD = {"name": "保温杯", "price": "79.00", "tags": ["316内胆"]}


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(598, "09:58"), (60, "01:00"), (9, "00:09"), (0, "00:00"), (-3, "00:00"), (4198, "1:09:58")],
)
def test_figures(seconds, text):
    assert figures(seconds) == text


def test_it_runs_with_the_ticks_and_is_over_once():
    over = []
    running = Countdown(Fraction(25), lambda: over.append(True), lambda: NOW)
    assert running.at(0) == ""
    running.until(NOW + timedelta(seconds=2))
    shown = [running.at(tick) for tick in range(100, 160)]
    assert shown == ["00:02"] * 25 + ["00:01"] * 25 + [""] * 10 and over == [True]
    running.until(NOW + timedelta(seconds=2))
    assert running.at(200) == "00:02", "the same end again counts from there"
    running.until(None)
    assert running.at(201) == ""


def test_the_same_end_again_changes_nothing():
    moments = iter([NOW, NOW + timedelta(hours=1)])
    running = Countdown(Fraction(25), lambda: None, lambda: next(moments))
    running.until(NOW + timedelta(seconds=100))
    assert running.at(0) == "01:40"
    running.until(NOW + timedelta(seconds=100))
    assert running.at(25) == "01:39"


def test_figures_stand_still_while_they_change():
    places = layout(720, 1280)
    one, two = (countdown.draw(text, (100, 200), places) for text in ("11:11", "08:48"))
    assert one.layer.alpha.shape == two.layer.alpha.shape
    assert (one.layer.left, one.layer.top) == (100, 200) and one.texts == ("11:11",)


@pytest.mark.parametrize("ends", ["soon", 5, None, "2026-11-22T20:00:00", ["x"]])
def test_a_malformed_end_shows_the_plain_card(ends):
    assert card.parse({**CARD, "ends": ends}).ends is None


@pytest.mark.parametrize("size", [(360, 640), (640, 360)])
def test_the_card_counts_down_and_gives_way_to_the_next(size, monkeypatch):
    monkeypatch.setattr(countdown, "wall", lambda: NOW)
    monkeypatch.setattr(Countdown.__init__, "__defaults__", (lambda: NOW,))
    scenery = Composer(Video(width=size[0], height=size[1]), Scene(), lambda path: path)
    after = {**CARD, "price": "89.00", "ends": "2027-01-01T00:00:00+08:00"}
    ends = (NOW + timedelta(seconds=3)).isoformat()
    scenery.product({**CARD, "ends": ends, "after": after})
    seen = []
    for tick in range(110):
        scenery.settle()
        scenery.compose(tick, None, "", 0.0)
        seen.append(scenery.texts)
    assert "00:03" in seen[10] and "00:02" in seen[30] and "距活动结束" in seen[30]
    assert "79" in seen[60] and "316内胆" in seen[109]
    assert "89" in seen[109] and "距活动结束" not in seen[109] and "00:00" not in seen[109]
    assert not any(":" in text for text in seen[109] if text[0].isdigit())
    scenery.close()


def test_a_card_without_an_end_costs_nothing(monkeypatch):
    scenery = Composer(Video(width=360, height=640), Scene(), lambda path: path)
    scenery.product(CARD)
    scenery.settle()
    asked = []
    monkeypatch.setattr(scenery._workshop, "ask", lambda *given: asked.append(given))
    for tick in range(50):
        scenery.compose(tick, None, "", 0.0)
    assert asked == []
    scenery.close()
