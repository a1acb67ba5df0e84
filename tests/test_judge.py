"""The judge of the face: series whose answers are known."""

import numpy as np
import pytest

from benchmarks import judge

FPS = 25.0
LOUD, QUIET = -20.0, -70.0


def track(opening, level, blink=None, jitter=0.0):
    """A face with eyes 100 apart whose lips are `opening` of that apart."""
    n = len(opening)
    random = np.random.default_rng(1)
    points = np.zeros((n, 478, 2), np.float32)
    points[:, judge.LEFT_EYE, 0] = 100
    points[:, judge.LOWER_LIP, 1] = 100 * np.asarray(opening)
    points += random.normal(0, jitter, points.shape) if jitter else 0
    blink = np.zeros(n) if blink is None else blink
    level = np.asarray(level, np.float32)
    return judge.Track(FPS, points, np.asarray(blink, np.float32), level, np.arange(n) / FPS)


def talk(seconds=40, lag=0, still=0.0):
    """Speech for four seconds, silence for 2.4, and so on, with a mouth that follows it."""
    n = round(seconds * FPS)
    t = np.arange(n)
    speaking = (t % 160) < 100
    wave = 0.5 - 0.5 * np.cos(2 * np.pi * t / 20)
    opening = np.where(speaking, 0.2 * wave, still * (t % 2))
    level = np.where(speaking, -45 + 35 * wave, QUIET)
    return track(np.roll(opening, lag), level)


@pytest.mark.parametrize("lag", [-3, 0, 2, 5])
def test_the_lag_of_the_mouth_is_found(lag):
    found = judge.follows(talk(lag=lag))
    assert found["lag_ms"] == lag * 40
    assert found["r"] > 0.9


def test_a_mouth_that_moves_at_will_does_not_follow():
    random = np.random.default_rng(0)
    found = judge.follows(track(random.random(900) / 5, random.uniform(-60, -10, 900)))
    assert found["r"] < 0.3


def test_a_still_mouth_does_not_follow():
    assert judge.follows(track(np.zeros(500), np.full(500, LOUD)))["r"] == 0


def test_silence_is_still_or_it_shows():
    still, restless = judge.silence(talk()), judge.silence(talk(still=0.05))
    assert still["movement_share"] == 0 and still["opening_share"] == 0
    assert restless["movement_share"] > 0.5 and restless["opening_share"] > 0.2
    # 2.4 seconds of silence, of which 0.4 s at both ends do not count.
    assert still["seconds"] == pytest.approx(6 * 1.6, abs=1.0)


def test_trembling_landmarks_are_not_movement_of_the_mouth():
    quiet, restless = talk(), talk(still=0.05)
    random = np.random.default_rng(2)
    for shown in (quiet, restless):
        shown.points[:] += random.normal(0, 0.3, shown.points.shape)
    assert judge.silence(quiet)["tremble_share"] > 0.1
    assert judge.silence(quiet)["movement_share"] < 0.1
    assert judge.silence(restless)["movement_share"] > 0.5


def test_no_silence_is_no_number():
    assert judge.silence(track(np.zeros(100), np.full(100, LOUD))) == {"seconds": 0.0}


def test_blinks_are_counted_and_sleep_is_not():
    score = np.zeros(1500)
    for at in range(100, 1500, 100):
        score[at : at + 4] = [0.4, 0.9, 0.8, 0.35]
    found = judge.blinks(track(np.zeros(1500), np.full(1500, LOUD), score))
    assert found["per_minute"] == 14 and 0.08 <= found["mean_seconds"] <= 0.16
    score[500:1400] = 1
    assert judge.blinks(track(np.zeros(1500), np.full(1500, LOUD), score))["per_minute"] < 8


def test_a_jump_where_speech_ends_shows():
    calm = judge.borders(talk())
    assert calm["borders"] >= 10 and calm["largest_against_p99"] <= 1.05
    jumping = talk()
    end = 100  # first silent picture
    jumping.points[:end, judge.LOWER_LIP, 1] += 25
    assert judge.borders(jumping)["largest_against_p99"] > 1.5


def test_lips_that_meet_count_whenever_they_do_near_the_phone():
    opening, level = np.full(500, 0.2), np.full(500, LOUD)
    level[:60], opening[:60] = QUIET, 0.0
    opening[::3] = 0.15
    opening[200] = 0.0
    shown = track(opening, level)
    assert judge.closures(shown, [(8.0, 8.05)])["closed"] == 1
    assert judge.closures(shown, [(8.08, 8.1)])["closed"] == 1, "within 40 ms"
    assert judge.closures(shown, [(8.2, 8.3)])["closed"] == 0
    assert judge.closures(shown, [(8.0, 8.05), (9.0, 9.05)])["closed"] == 0.5
    assert judge.closures(shown, []) == {"phones": 0}
