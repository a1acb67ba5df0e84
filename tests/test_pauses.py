"""Speech is broken off and taken up in its pauses."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from livehost.pauses import FRAME, break_off, pauses, take_up

SPEECH, QUIET = st.integers(12, 80), st.integers(12, 60)


def speech(*seconds):
    """Return tone and silence in turn."""
    loud = [np.full(round(s * 48_000), 0.1 if n % 2 == 0 else 0.0) for n, s in enumerate(seconds)]
    return np.concatenate(loud).astype(np.float32)


def test_a_pause_is_at_least_a_tenth_of_a_second():
    assert list(pauses(speech(0.5, 0.08, 0.5, 0.2, 0.3))) == [(51_840, 61_440)]


def test_speech_stops_at_the_beginning_of_the_first_pause():
    at = break_off(speech(0.4, 0.3, 1.0), 48_000)
    assert 0.4 * 48_000 <= at <= 0.45 * 48_000


def test_without_a_pause_it_stops_at_the_quietest_moment_of_the_second_half():
    pcm = speech(2.0)
    pcm[int(0.7 * 48_000) : int(0.72 * 48_000)] *= 0.2
    pcm[int(0.2 * 48_000) : int(0.22 * 48_000)] *= 0.1
    assert 0.69 * 48_000 <= break_off(pcm, 48_000) <= 0.73 * 48_000


def test_it_is_taken_up_where_the_last_pause_ended():
    pcm = speech(0.5, 0.2, 0.5, 0.2, 1.0)
    assert take_up(pcm, int(0.4 * 48_000)) == 0
    assert 0.65 * 48_000 <= take_up(pcm, int(0.55 * 48_000)) <= 0.7 * 48_000
    assert 0.65 * 48_000 <= take_up(pcm, int(1.1 * 48_000)) <= 0.7 * 48_000
    assert 1.35 * 48_000 <= take_up(pcm, int(1.9 * 48_000)) <= 1.4 * 48_000


@given(st.lists(st.tuples(SPEECH, QUIET), min_size=1, max_size=6), st.integers(0, 400))
def test_nothing_that_sounds_is_lost_between_breaking_off_and_taking_up(parts, ahead):
    pcm = speech(*(frames / 100 for part in parts for frames in part))
    now = min(ahead * FRAME, len(pcm))
    stop = now + break_off(pcm[now:], 48_000)
    assert now <= stop <= min(len(pcm), now + 48_000)
    start = take_up(pcm, stop)
    assert start <= stop or not pcm[stop:start].any()


def test_nothing_at_all_is_no_trouble():
    nothing = np.zeros(0, np.float32)
    assert break_off(nothing, 48_000) == 0 and take_up(nothing, 0) == 0
    assert break_off(np.ones(100, np.float32), 48_000) == 100
