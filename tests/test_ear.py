"""Each tick is told the voice around it, exactly, whatever is queued, cut or held back."""

from fractions import Fraction

import numpy as np
import pytest

from livehost.clock import Timeline
from livehost.stage.ear import Ear, Window
from livehost.stage.playout import Playout
from livehost.wire import Speech

RATES = (Fraction(25), Fraction(30000, 1001))


def say(playout, pcm, utterance=1, last=True):
    playout.push(Speech(utterance, 0, pcm.astype(np.int16), last, "话"))


def noise(samples, seed=0):
    return np.random.default_rng(seed).integers(-20_000, 20_000, samples)


def pulls(ear, timeline, ticks):
    return [ear.pull(timeline.samples(n)) for n in range(ticks)]


@pytest.mark.parametrize("fps", RATES)
@pytest.mark.parametrize("held", [0.0, 0.09])
def test_the_sound_around_a_tick_is_what_is_on_air_around_it(fps, held):
    timeline = Timeline(fps)
    ear = Ear(timeline, Window(0.3, 0.25, ticks=2, held=held))
    say(ear, noise(40_000))
    say(ear, noise(30_000, 1), utterance=2)
    told = pulls(ear, timeline, 60)
    air = np.concatenate([pulled.pcm for pulled in told])
    for tick, pulled in enumerate(told[:45]):
        sound = pulled.sound
        assert sound.starts == (timeline.first_sample(tick), timeline.first_sample(tick + 1))
        assert sound.first == timeline.first_sample(tick) - 14_400 and len(sound.pcm) == 26_400
        assert sound.known == sound.first + len(sound.pcm)
        wanted = np.zeros(26_400, np.float32)
        begin = max(0, sound.first)
        part = air[begin : sound.first + 26_400]
        wanted[begin - sound.first : begin - sound.first + len(part)] = part
        assert np.array_equal(sound.pcm, wanted)


def test_a_tick_is_the_one_that_a_plain_playout_gives():
    timeline, plain = Timeline(Fraction(25)), Playout()
    ear = Ear(timeline, Window(0.1, 0.1))
    for each in (plain, ear):
        say(each, noise(5_000))
    for tick in range(5):
        one, other = plain.pull(1920), ear.pull(1920)
        assert np.array_equal(one.pcm, other.pcm)
        assert (one.started, one.heard) == (other.started, other.heard), tick
        assert (one.spoken is None) == (other.spoken is None)


def test_what_has_not_arrived_is_silence_and_said_to_be_unknown():
    timeline = Timeline(Fraction(25))
    ear = Ear(timeline, Window(0.1, 0.5))
    say(ear, noise(6_000), last=False)
    sound = ear.pull(1920).sound
    assert sound.known == 6_000
    assert sound.pcm[4_800 : 4_800 + 6_000].any() and not sound.pcm[4_800 + 6_000 :].any()


def test_nothing_queued_is_known_to_be_silence():
    sound = Ear(Timeline(Fraction(25)), Window(0.1, 0.5)).pull(1920).sound
    assert sound.known == 24_000 and not sound.pcm.any()


def test_held_back_speech_is_heard_surely_and_cut_later():
    """Two ticks back: what sounds next is known although the queue is empty behind it."""
    timeline = Timeline(Fraction(25))
    ear = Ear(timeline, Window(0.0, 0.12, held=0.08))
    pcm = noise(1920 * 8)
    say(ear, pcm[: 1920 * 3], last=False)
    first = ear.pull(1920)
    assert first.sound.known == 1920 * 3 and first.started == ((1, 0),)
    say(ear, pcm[1920 * 3 :])
    ear.cut()
    told = [ear.pull(1920) for _ in range(6)]
    air = np.concatenate([pulled.pcm for pulled in told])
    assert np.array_equal(air[: 1920 * 2], (pcm / np.float32(32768)).astype(np.float32)[1920:5760])
    assert not air[1920 * 3 :].any()
    assert [n for n, pulled in enumerate(told) if pulled.heard] == [2]


def test_memory_of_the_voice_is_bounded():
    timeline = Timeline(Fraction(25))
    ear = Ear(timeline, Window(0.2, 0.2, held=0.1))
    say(ear, noise(48_000 * 20))
    pulls(ear, timeline, 400)
    assert len(ear._voice) <= 0.4 * 48_000
