"""Phones to visemes to curves: lips that shut, teeth on lips, rounding that starts early."""

import itertools
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livehost.avatar import load_avatar
from livehost.media import SHAPE, Phone
from livehost.stage.drive.phones import lookup, segments
from livehost.stage.drive.timings import OPENERS, Articulator

AVATAR = load_avatar(Path(__file__).parents[1] / "avatars" / "xiaohe")
SYMBOLS = [*AVATAR.ipa, "↘", "→", "ʰ", " ", "。", "pʰ", "tɕʰ", "a↘", "??", "", "ʈʂ", "ꭧʰ", "\u0329"]


@pytest.fixture(scope="module")
def mouth():
    return Articulator(AVATAR.visemes, AVATAR.ipa)


def row(*symbols, length=0.1):
    """Return phones one after the other; a symbol may bring its own length: ("a", 0.2)."""
    at, out = 0, []
    for given_ in symbols:
        symbol, seconds = given_ if isinstance(given_, tuple) else (given_, length)
        end = at + round(seconds * 48_000)
        out.append(Phone(symbol, at, end))
        at = end
    return tuple(out)


def visemes(*symbols, **keys):
    return [s.viseme for s in segments(row(*symbols, **keys), AVATAR.ipa)]


def opening(shapes):
    return float(shapes[list(OPENERS)].sum())


def closed(shapes):
    return opening(shapes) < 0.03 and shapes[SHAPE["mouthPressLeft"]] > 0.3


@pytest.mark.parametrize(
    ("symbols", "expected"),
    [
        (("t", "ɕ", "a"), ["j", "j", "a"]),
        (("tɕ", "a"), ["j", "a"]),
        (("tɕʰ", "a"), ["j", "a", "a"]),
        (("ꭧ", "ʰ", "a"), ["zh", "a", "a"]),
        (("ʈʂ", "ɨ"), ["zh"]),
        (("ts", "ɨ"), ["z"]),
        (("s", "ɹ\u0329"), ["z"]),
        (("ɹ", "ɛ"), ["zh", "eh"]),
        (("a", "↘", "n"), ["a", "d"]),
        (("aɪ",), ["a", "i"]),
        (("ai̯",), ["a", "i"]),
        (("p", "☃", "a"), ["m", "a"]),
        (("p", " ", "a"), ["m", "a"]),
        (("a", ("。", 0.4), "a"), ["a", "sil", "a"]),
        (("ˈa", "ŋ"), ["a", "g"]),
        ((("p", 0.16), "a"), ["m", "a", "a"]),
        (("☃",), []),
        ((), []),
    ],
)
def test_notations(symbols, expected):
    assert visemes(*symbols) == expected


def test_unknown_phone_prolongs_the_last():
    first, second = segments(row("a", "☃", "i"), AVATAR.ipa)
    assert first.end == second.start == pytest.approx(0.2)


def test_long_gap_is_a_pause_and_short_gap_is_not():
    def gap(seconds):
        late = round((0.1 + seconds) * 48_000)
        return segments([Phone("a", 0, 4_800), Phone("i", late, late + 4_800)], AVATAR.ipa)

    assert [s.viseme for s in gap(0.2)] == ["a", "sil", "i"]
    assert [s.viseme for s in gap(0.04)] == ["a", "i"]


def test_unsorted_phones_are_sorted():
    phones = row("p", "a", "n", "u")
    assert segments(phones[::-1], AVATAR.ipa) == segments(phones, AVATAR.ipa)


def test_every_symbol_of_the_avatar_is_found():
    assert all(lookup(symbol, AVATAR.ipa) for symbol in AVATAR.ipa)


def times_where(curve, condition):
    return [n * 0.005 for n in range(len(curve.points) * 2) if condition(curve.at(n * 0.005))]


@pytest.mark.parametrize("phone", ["p", "b", "m"])
@pytest.mark.parametrize("vowel", ["a", "i", "u", "ɤ", "o"])
@pytest.mark.parametrize("length", [0.0, 0.03, 0.075])
def test_bilabials_shut_the_lips_for_60_ms(mouth, phone, vowel, length):
    curve = mouth.curve(row((vowel, 0.15), (phone, length), (vowel, 0.15)))
    shut = times_where(curve, closed)
    inside = [t for t in shut if 0.05 < t < 0.3]
    assert max(inside) - min(inside) >= 0.06
    assert len(inside) * 0.005 >= 0.06


@pytest.mark.parametrize("phase", range(8))
def test_a_tick_sees_every_closure(mouth, phase):
    curve = mouth.curve(row("m", "a", ("p", 0.03), "a", ("m", 0.03), "i", "p", "u", length=0.12))
    ticks = [curve.at(phase * 0.005 + n * 0.04) for n in range(24)]
    shut = [closed(t) for t in ticks]
    separate = sum(b and not a for a, b in zip([False, *shut], shut, strict=False))
    assert separate == 4  # and the vowels between them are seen too


def test_usually_two_ticks_see_a_closure(mouth):
    curve = mouth.curve(row(("a", 0.2), ("p", 0.05), ("a", 0.2)))
    seen = [sum(closed(curve.at(p * 0.005 + n * 0.04)) for n in range(11)) for p in range(8)]
    assert min(seen) >= 1 and np.mean(seen) > 1.6


def test_f_brings_the_lip_to_the_teeth(mouth):
    curve = mouth.curve(row("a", ("f", 0.05), "a"))
    roll = SHAPE["mouthRollLower"]
    on = times_where(curve, lambda s: s[roll] > 0.65 and s[SHAPE["jawOpen"]] < 0.12)
    assert len(on) * 0.005 >= 0.055


@pytest.mark.parametrize("before", ["s", "t", "k", "l"])
def test_rounding_is_anticipated(mouth, before):
    curve = mouth.curve(row(("a", 0.2), (before, 0.1), ("u", 0.2)))
    pucker = SHAPE["mouthPucker"]
    full = curve.at(0.4)[pucker]
    assert curve.at(0.3 - 0.08)[pucker] > 0.25 * full
    assert curve.at(0.05)[pucker] < 0.1 * full


def test_lips_may_be_pursed_while_shut(mouth):
    shapes = mouth.curve(row("a", "p", ("u", 0.2))).at(0.15)
    assert closed(shapes) and shapes[SHAPE["mouthPucker"]] > 0.15


def test_fast_speech_opens_less(mouth):
    jaw = SHAPE["jawOpen"]
    slow = mouth.curve(row("t", ("a", 0.25), "t")).points[:, jaw].max()
    fast = mouth.curve(row("t", ("a", 0.07), "t")).points[:, jaw].max()
    assert fast < 0.85 * slow
    assert slow < 0.95 * AVATAR.visemes["a"][jaw]


def test_stress_is_an_accent(mouth):
    phones = (Phone("t", 0, 4_800, 1), Phone("a", 4_800, 14_400, 1), Phone("n", 14_400, 19_200))
    assert mouth.curve(phones).accents == (0.1,)


def test_mouth_is_shut_after_the_last_phone_and_in_pauses(mouth):
    curve = mouth.curve(row("a", ("sil", 0.6), "a"))
    assert opening(curve.at(0.4)) < 0.02
    assert opening(curve.at(0.8 + 0.2)) < 0.02
    assert opening(curve.at(60.0)) == 0


def test_tongue_rises_for_l(mouth):
    curve = mouth.curve(row("a", "l", "a"))
    assert curve.at(0.15)[SHAPE["x_tongueUp"]] > 0.7 > 2 * curve.at(0.02)[SHAPE["x_tongueUp"]]


any_phone = st.builds(
    Phone,
    st.sampled_from(SYMBOLS) | st.text(max_size=3),
    st.integers(-10_000, 200_000),
    st.integers(-10_000, 200_000),
    st.integers(0, 1),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(any_phone, max_size=30))
def test_any_phones_give_a_finite_curve(phones):
    curve = Articulator(AVATAR.visemes, AVATAR.ipa).curve(phones)
    assert np.isfinite(curve.points).all()
    assert curve.points.min() >= 0 and curve.points.max() <= 1
    assert all(math.isfinite(t) for t in curve.accents)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(SYMBOLS), st.floats(0.02, 0.3)), min_size=1, max_size=20))
def test_segments_are_in_order_and_not_empty(symbols):
    found = segments(row(*symbols), AVATAR.ipa)
    assert all(s.length > 0 for s in found)
    assert all(a.start <= b.start for a, b in itertools.pairwise(found))
