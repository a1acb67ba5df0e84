"""Loudness, phones, clauses, and cutting a model, each by itself."""

import tracemalloc
from itertools import pairwise

import numpy as np
import onnxruntime
import pytest
from hypothesis import given
from hypothesis import strategies as st

from livehost.brain.voice.g2p import Symbols, vocabulary
from livehost.brain.voice.kokoro import clauses
from livehost.brain.voice.kokoro_model import Prosody
from livehost.brain.voice.level import CEILING, Leveller, fade_ends, limit, loudness
from livehost.brain.voice.onnx_graph import Port, cut
from livehost.brain.voice.phones import TICK_SAMPLES, phones
from livehost.models import manifest

SECOND = np.arange(48_000 * 3) / 48_000


def tone(hertz, peak):
    return (peak * np.sin(2 * np.pi * hertz * SECOND)).astype(np.float32)


# --- loudness -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pcm", "lufs"),
    [
        (tone(997, 1.0), -3.01),  # BS.1770-4: the calibration tone
        (tone(997, 0.1), -23.01),  # EBU Tech 3341, case 1, in one channel
        (tone(100, 1.0), -4.8),  # the K curve at 100 Hz, about -1.8 dB against 997 Hz
        (tone(10_000, 1.0), 0.3),  # and above 2 kHz, about +3.3 dB
    ],
)
def test_loudness_follows_the_standard(pcm, lufs):
    assert loudness(pcm) == pytest.approx(lufs, abs=0.15)


def test_silence_has_no_loudness_and_does_not_dilute_speech():
    quiet = np.zeros(48_000 * 3, np.float32)
    assert loudness(quiet) == float("-inf")
    assert loudness(np.concatenate([tone(997, 0.1), quiet])) == pytest.approx(-23.01, abs=0.7)
    assert loudness(np.zeros(0, np.float32)) == float("-inf")


def test_a_long_sentence_comes_to_the_target():
    pcm = np.concatenate([tone(997, 0.02)] * 10)
    level = Leveller(-16, -36, weight=0.5).level(pcm)
    assert loudness(level) == pytest.approx(-19, abs=0.3)


def test_a_short_word_is_not_blown_up():
    whisper = tone(997, 0.001)[:9600]
    gain = np.abs(Leveller(-16, -18).level(whisper)).max() / 0.001
    assert gain < 1.5


def test_pieces_of_a_sentence_come_nearer_to_the_target_one_by_one():
    leveller = Leveller(-16, -30)
    levels = [loudness(leveller.level(tone(997, 0.1))) for _ in range(4)]
    assert levels == sorted(levels, reverse=True)
    assert levels[-1] == pytest.approx(-19, abs=1)


@given(st.integers(0, 2**32), st.integers(0, 5000), st.floats(0.01, 20))
def test_no_sample_passes_the_limiter(seed, samples, peak):
    noise = np.random.default_rng(seed).normal(0, peak, samples).astype(np.float32)
    out = limit(noise)
    assert len(out) == samples
    assert not samples or np.abs(out).max() <= CEILING + 1e-5
    assert not samples or np.all(np.sign(out) == np.sign(noise))


def test_the_limiter_leaves_quiet_sound_alone():
    assert np.array_equal(limit(tone(440, 0.5)), tone(440, 0.5))


@pytest.mark.parametrize("samples", [0, 1, 100, 1000])
def test_fades(samples):
    out = fade_ends(np.ones(samples, np.float32), head=True, tail=True)
    assert len(out) == samples
    assert not samples or out[0] == out[-1] == 0


# --- phones -------------------------------------------------------------------------------------


def named(result):
    return [(p.ipa, p.start // TICK_SAMPLES, p.end // TICK_SAMPLES) for p in result]


def test_tones_and_marks_belong_to_the_phone_before_and_stress_to_the_one_after():
    result = phones("xau↓ˈA", [0] * 6, [16, 4, 4, 4, 4, 2, 6], [], (0, 44))
    assert named(result) == [
        ("sil", 0, 10), ("x", 10, 14), ("a", 14, 18), ("u", 18, 26), ("eɪ", 26, 34), ("sil", 34, 44)
    ]  # fmt: skip


def test_a_pause_is_where_the_voice_is_silent_not_where_the_mark_is():
    result = phones("a, a", [0] * 4, [10, 4, 20, 2, 4], [(12, 22)], (4, 34))
    assert named(result) == [("a", 0, 8), ("sil", 8, 18), ("a", 18, 30)]


def test_lips_close_before_the_end_of_a_pause():
    result = phones("apa", [0] * 3, [10, 6, 6, 6], [(9, 16)], (4, 22))
    assert named(result)[:3] == [("a", 0, 6), ("p", 6, 12), ("a", 12, 18)]
    result = phones("apa", [0] * 3, [10, 6, 16, 6], [(9, 26)], (4, 32))
    assert named(result)[:4] == [("a", 0, 6), ("sil", 6, 17), ("p", 17, 22), ("a", 22, 28)]


def test_affricates_have_their_usual_names():
    result = phones("ʨꭧʦʧʤ", [0, 1, 0, 1, 0], [6, 4, 4, 4, 4, 4], [], (0, 20))
    assert [p.ipa for p in result] == ["tɕ", "ʈʂ", "ts", "tʃ", "dʒ"]
    assert [p.stress for p in result] == [0, 1, 0, 1, 0]


tokens = st.lists(st.tuples(st.sampled_from(sorted(vocabulary())), st.integers(0, 40)), max_size=30)
edges = st.lists(st.integers(0, 600), max_size=12, unique=True)


@given(tokens, edges, st.integers(6, 40), st.integers(0, 30), st.integers(1, 40))
def test_phones_have_no_gap_and_no_overlap(said, cuts, head, first, tail):
    total = head + sum(length for _, length in said) + tail
    bounds = sorted(cut for cut in cuts if cut <= total)
    silences = list(zip(bounds[::2], bounds[1::2], strict=False))
    span = (min(first, total - 1), total)
    symbols = "".join(symbol for symbol, _ in said)
    ticks = [head, *(length for _, length in said)]
    result = phones(symbols, [0] * len(symbols), ticks, silences, span)
    assert result[0].start == 0
    assert result[-1].end == (span[1] - span[0]) * TICK_SAMPLES
    assert all(a.end == b.start for a, b in pairwise(result))
    assert all(p.start < p.end for p in result)


# --- clauses ------------------------------------------------------------------------------------


def sizes(*texts):
    parts = [Symbols(text) for text in texts]
    out = list(clauses(parts))
    assert "".join(p.text for c in out for p in c) == "".join(texts)
    return [sum(len(part.text) for part in clause) for clause in out]


def test_the_first_clause_is_short_and_the_rest_long():
    assert sizes("a" * 30, ", ", "b" * 60, ", ", "c" * 60, ". ") == [32, 124]


def test_a_tiny_first_clause_takes_the_next_along():
    assert sizes("a" * 6, ", ", "b" * 60, ", ", "c" * 30, ". ") == [70, 32]


def test_a_short_sentence_is_one_clause():
    assert sizes("a" * 20, ", ", "b" * 20, ". ") == [44]


@given(st.lists(st.sampled_from(["a" * 7, "b" * 90, "c" * 900, ", ", ". ", " "]), max_size=40))
def test_no_clause_is_longer_than_the_model_takes(texts):
    assert all(size <= 400 for size in sizes(*texts))


def prosody(*silences, length=1000):
    empty = np.zeros((1, length), np.float32)
    return Prosody(np.zeros(1, np.int64), empty, empty, empty, empty, silences)


def test_pieces_are_cut_in_pauses_only():
    one = prosody((0, 20), (100, 120), (140, 142), (400, 420), (980, 1000))
    assert one.sounding(5, 8) == (14, 988)
    assert list(one.pieces((14, 988), 64, 160)) == [(14, 110), (110, 410), (410, 988)]


def test_a_clause_without_pauses_is_one_piece():
    assert prosody().sounding(5, 8) == (0, 1000)
    assert list(prosody().pieces((0, 1000), 64, 160)) == [(0, 1000)]


def test_a_clause_of_silence_has_a_span():
    low, high = prosody((0, 1000)).sounding(5, 8)
    assert 0 <= low <= high <= 1000


# --- cutting a model ----------------------------------------------------------------------------


def varint(number):
    digits = b""
    while number > 0x7F:
        digits, number = digits + bytes([number & 0x7F | 0x80]), number >> 7
    return digits + bytes([number])


def field(number, body):
    return bytes([number << 3 | 2]) + varint(len(body)) + body


def node(kind, ins, outs):
    parts = [field(1, i.encode()) for i in ins] + [field(2, o.encode()) for o in outs]
    return field(1, b"".join(parts) + field(4, kind.encode()))


def value(number, name):
    tensor = bytes([8, 1]) + field(2, field(1, field(2, b"n")))
    return field(number, field(1, name.encode()) + field(2, field(1, tensor)))


@pytest.fixture
def model():
    """y = -(|x|); z = sqrt(|x|), the smallest graph with something to leave out."""
    graph = (
        node("Abs", ["x"], ["a"])
        + node("Neg", ["a"], ["y"])
        + node("Sqrt", ["a"], ["z"])
        + field(2, b"g")
        + value(11, "x")
        + value(12, "y")
        + value(12, "z")
    )
    return bytes([8, 8]) + field(7, graph) + field(8, bytes([16, 13]))


def run(model, **feed):
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    values = {name: np.array(numbers, np.float32) for name, numbers in feed.items()}
    outputs = [output.name for output in session.get_outputs()]
    return dict(zip(outputs, session.run(None, values), strict=True))


def test_the_model_of_this_test_runs(model):
    assert list(run(model, x=[-4])["z"]) == [2]


def test_both_halves_together_are_the_whole(model):
    first = run(cut(model, [], [Port("a", 1)]), x=[-4, 9])
    second = run(cut(model, [Port("a", 1)], [Port("z", 1)]), a=first["a"])
    assert list(second) == ["z"]
    assert list(second["z"]) == list(run(model, x=[-4, 9])["z"])


def test_an_inner_tensor_becomes_an_output_beside_the_others(model):
    assert list(run(cut(model, [], [Port("y", 1), Port("a", 1)]), x=[-4])) == ["y", "a"]


def weight(name, numbers):
    raw = np.asarray(numbers, np.float32).tobytes()
    dims = b"\x08" + varint(len(numbers))
    return field(5, dims + bytes([16, 1]) + field(8, name.encode()) + field(9, raw))


def test_cutting_a_large_model_copies_what_is_kept_and_nothing_else():
    """It happens at the first start of a show, beside all that is on air already."""
    count = 500_000  # 2 MB each
    parts = [node("Mul", ["x", f"w{n}"], [f"y{n}"]) for n in range(4)]
    parts += [weight(f"w{n}", np.full(count, n)) for n in range(4)]
    parts += [field(2, b"g"), value(11, "x"), *(value(12, f"y{n}") for n in range(4))]
    whole = bytes([8, 8]) + field(7, b"".join(parts)) + field(8, bytes([16, 13]))
    tracemalloc.start()
    made = cut(whole, [], [Port("y3", 1)])
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert 4 * count < len(made) < peak < 1.5 * len(made)
    assert run(made, x=[2.0])["y3"][-1] == 6


@pytest.mark.parametrize("name", ["b", ""])
def test_a_tensor_that_does_not_exist(model, name):
    with pytest.raises(ValueError, match="no tensor"):
        cut(model, [], [Port(name, 1)])


@pytest.mark.parametrize("content", [b"", b"hello", b"\xff" * 20, b"\x3a\x7fabc"])
def test_what_is_no_model(content):
    with pytest.raises(ValueError, match="not an ONNX model"):
        cut(content, [], [])


def test_every_model_has_a_licence_and_a_source():
    known = manifest()
    assert {"kokoro", "kokoro-encoder", "kokoro-decoder", "voice-zf_xiaoxiao"} <= set(known)
    assert all(m.licence and m.source and m.title for m in known.values())
