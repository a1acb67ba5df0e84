"""Bytes to samples, tempo, and the shaping of one sentence, each by itself."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livehost.brain.voice.level import BOTH_CHANNELS, CEILING, loudness
from livehost.brain.voice.ogg import Ogg
from livehost.brain.voice.reading import Reading
from livehost.brain.voice.say import default_room
from livehost.brain.voice.shape import Loudness, Shaper, most_samples
from livehost.brain.voice.speech import Sentence
from livehost.brain.voice.tempo import Stretched
from livehost.brain.voice.waveform import Compressed, Resampler, Samples
from livehost.errors import BackendBroken
from tests.voice_servers import cut, encoded, speech, wav

RATE = 24_000
SPEECH = speech("abcdefgh", RATE)
SECONDS = len(SPEECH) / RATE


def decoded(decoder, data, size=999):
    parts = [decoder.feed(piece) for piece in cut(data, size)]
    return np.concatenate([*parts, decoder.end()])


REFERENCE = decoded(Samples(RATE), SPEECH.tobytes())


# --- WAV ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "rate"),
    [
        (wav(SPEECH, RATE), RATE),
        (wav(SPEECH, RATE), None),
        (wav(SPEECH, RATE, size=0), RATE),
        (wav(SPEECH, RATE, size=0xFFFFFFFF), RATE),
        (wav(SPEECH, RATE, size=0x7FFFFFFF), RATE),
        (wav(SPEECH, RATE, size=4096), RATE),  # that of the first piece
        (wav(SPEECH, RATE, before=b"LIST\x04\0\0\0abcd"), RATE),
        (wav(SPEECH, RATE, after=b"LIST\x04\0\0\0abcd"), RATE),
        (wav(SPEECH[:4000], RATE) + wav(SPEECH[4000:], RATE), RATE),  # a file for each piece
        (wav(SPEECH / 32768, RATE, kind="<f4"), RATE),
        (wav(np.repeat(SPEECH, 2), RATE, channels=2), RATE),
    ],
    ids=[
        "right", "any rate", "0", "all ones", "2^31-1", "too small", "chunk before", "chunk after",
        "header again", "floats", "stereo",
    ],
)  # fmt: skip
@pytest.mark.parametrize("size", [1, 7, 999, 10**6])
def test_wav_files_as_servers_send_them(data, rate, size):
    if size == 1:
        data = data[:20_000]
    pcm = decoded(Samples(rate), data, size)
    expected = REFERENCE[: len(pcm)]
    assert len(data) < 20_001 or abs(len(pcm) - len(REFERENCE)) < 10
    middle = slice(0, len(expected) - 2000)
    assert np.abs(pcm[middle] - expected[middle]).max() < 2e-3


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (wav(SPEECH, 16_000), "sends 16000 Hz, but `rate` is 24000"),
        (wav(SPEECH, RATE, channels=6), "6 channels"),
        (wav(SPEECH, RATE)[:40], "ends within its WAV header"),
        (b"RIFF\0\0\0\0WAVE" + b"junk\x10\0\0\0" * 9000, "without sound"),
        (b"RIFF\0\0\0\0WAVEdata\xff\xff\xff\xff" + b"\0" * 90, "without a format"),
        (wav(SPEECH, RATE) + wav(SPEECH, RATE, channels=2), "changes its format"),
        (encoded(SPEECH, RATE, "mp3"), "sends MP3"),
        (b'{"error": "no such voice, please choose another one"}', "text instead of sound"),
        (b"<html><body>It works!</body></html>", "text instead of sound"),
        (b"ok, done", "text instead of sound: ok, done"),
    ],
)
def test_what_is_no_speech_is_told(data, why):
    with pytest.raises(BackendBroken, match=why):
        decoded(Samples(RATE), data)


def test_raw_samples_need_a_rate():
    with pytest.raises(BackendBroken, match="set `rate`"):
        decoded(Samples(None), SPEECH.tobytes())


@given(
    st.binary(max_size=300),
    st.sampled_from([b"", wav(SPEECH[:50], RATE), b"RIFF....WAVE"]),
    st.integers(1, 80),
)
def test_any_bytes_are_samples_or_one_kind_of_error(data, head, size):
    try:
        pcm = decoded(Samples(RATE), head + data, size)
    except BackendBroken as error:
        assert "\n" not in str(error)
    else:
        assert pcm.dtype == np.float32 and pcm.ndim == 1


@pytest.mark.parametrize("rate", [8_000, 22_050, 32_000, 44_100, 48_000])
@pytest.mark.parametrize("size", [101, 4800])
def test_a_resampled_stream_has_no_seams(rate, size):
    tone = np.sin(2 * np.pi * 440 * np.arange(rate) / rate).astype(np.float32)
    resampler = Resampler(rate)
    parts = [resampler.feed(part) for part in cut(tone, size)]
    pcm = np.concatenate([*parts, resampler.feed(tone[:0], last=True)])
    expected = np.sin(2 * np.pi * 440 * np.arange(len(pcm)) / 48_000)
    assert abs(len(pcm) - 48_000) <= 2
    assert np.abs(pcm - expected)[500:-500].max() < 2e-3


# --- MP3 and Opus -------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["mp3", "opus"])
@pytest.mark.parametrize("size", [13, 999, 10**6])
def test_compressed_sound_in_any_pieces(kind, size):
    pcm = decoded(Compressed(kind), encoded(SPEECH, RATE, kind), size)
    assert len(pcm) / 48_000 == pytest.approx(SECONDS, abs=0.1)
    assert np.abs(pcm).max() == pytest.approx(9000 / 32768, rel=0.2)


def test_a_large_tag_before_an_mp3():
    tag = b"ID3\x04\0\0\0\x00\x27\x10" + bytes(range(256)) * 20
    tag = tag[: 10 + (0x27 << 7) + 0x10].ljust(10 + (0x27 << 7) + 0x10, b"\xff")
    pcm = decoded(Compressed("mp3"), tag + encoded(SPEECH, RATE, "mp3"), 500)
    assert len(pcm) / 48_000 == pytest.approx(SECONDS, abs=0.15)


@pytest.mark.parametrize("kind", ["mp3", "opus"])
@pytest.mark.parametrize("data", [SPEECH.tobytes(), wav(SPEECH, RATE), b"{'error': 'x'}" * 9, b""])
def test_what_is_not_compressed(kind, data):
    try:
        pcm = decoded(Compressed(kind), data)
    except BackendBroken:
        return
    assert not len(pcm) or kind == "mp3"


def test_damage_is_one_kind_of_error():
    head, _, tail = encoded(SPEECH, RATE, "opus").rpartition(b"OggS")
    with pytest.raises(BackendBroken, match="damaged"):
        decoded(Compressed("opus"), head + b"????" + tail)


@settings(max_examples=50)
@given(st.binary(max_size=400), st.sampled_from(["mp3", "opus"]), st.integers(1, 90))
def test_any_bytes_end_well(data, kind, size):
    head = {"mp3": b"\xff\xf3\x84\xc0", "opus": b"OggS"}[kind]
    try:
        decoded(Compressed(kind), head + data, size)
    except BackendBroken as error:
        assert "\n" not in str(error)


def test_packets_longer_than_a_segment():
    packets = [b"a" * 10, b"b" * 600, b"c" * 255, b""]
    pages = b""
    for packet in packets:
        table = bytes([255] * (len(packet) // 255) + [len(packet) % 255])
        pages += b"OggS" + bytes(22) + bytes([len(table)]) + table + packet
    ogg = Ogg()
    assert [found for piece in cut(pages, 17) for found in ogg.packets(piece)] == packets
    with pytest.raises(BackendBroken):
        list(ogg.packets(b"x" * 40))


# --- tempo --------------------------------------------------------------------------------------


@pytest.mark.parametrize("pace", [0.5, 0.8, 1.25, 2.0])
def test_tempo_changes_the_length_and_not_the_pitch(pace):
    tone = (8000 * np.sin(2 * np.pi * 300 * np.arange(2 * RATE) / RATE)).astype("<i2")
    pcm = decoded(Stretched(Samples(RATE), pace), tone.tobytes())
    assert len(pcm) / 48_000 == pytest.approx(2 / pace, rel=0.06)
    spectrum = np.abs(np.fft.rfft(pcm[2000:-2000]))
    hertz = np.argmax(spectrum) * 48_000 / (len(pcm) - 4000)
    assert hertz == pytest.approx(300, rel=0.02)


# --- one sentence -------------------------------------------------------------------------------


def shaped(pcm, size=4800, loudness_of=None, most=10**7):
    shaper = Shaper(loudness_of or Loudness(), -16, most)
    parts = [shaper.add(part) for part in cut(pcm, size)]
    return np.concatenate([*parts, shaper.end()])


def quiet(seconds):
    return np.zeros(int(48_000 * seconds), np.float32)


NOTE = (0.1 * np.sin(2 * np.pi * 220 * np.arange(48_000) / 48_000)).astype(np.float32)


@pytest.mark.parametrize("size", [100, 4800, 10**6])
def test_silence_around_a_sentence_goes_and_pauses_stay(size):
    pcm = shaped(np.concatenate([quiet(3), NOTE, quiet(0.5), NOTE, quiet(3)]), size)
    assert len(pcm) / 48_000 == pytest.approx(2.5 + 0.06 + 0.1, abs=0.01)


def test_a_very_long_pause_is_shortened():
    pcm = shaped(np.concatenate([NOTE, quiet(5), NOTE]))
    assert len(pcm) / 48_000 == pytest.approx(3 + 0.1, abs=0.15)


def test_the_same_sound_in_other_pieces_is_the_same_speech():
    pcm = np.concatenate([quiet(0.3), NOTE, 0.3 * NOTE, quiet(0.4), NOTE])
    first, *others = (shaped(pcm, size) for size in (4800, 333, 10**6))
    assert all(np.abs(other - first).max() < 1e-4 for other in others)


@pytest.mark.parametrize("peak", [0.02, 0.1, 0.9])
def test_an_engine_s_loudness_is_learned(peak):
    learned = Loudness()
    sentence = np.concatenate([NOTE * peak * 10] * 3)
    levels = [loudness(shaped(sentence, loudness_of=learned)) + BOTH_CHANNELS for _ in range(4)]
    assert levels[-1] == pytest.approx(-16, abs=1)
    assert abs(levels[-1] + 16) <= abs(levels[0] + 16) + 0.1


def test_no_clicks_and_no_overs():
    """Levels that jump from piece to piece leave no step behind."""
    loud = np.concatenate([NOTE * gain for gain in (0.2, 8, 0.5, 9, 0.1)])
    pcm = shaped(loud)
    assert np.abs(pcm).max() <= CEILING + 1e-3
    assert pcm[0] == pcm[-1] == 0
    steps = np.abs(np.diff(pcm))
    assert steps.max() < 2.5 * 2 * np.pi * 220 / 48_000


def test_what_breaks_off_fades():
    shaper = Shaper(Loudness(), -16, 10**7)
    head = shaper.add(np.concatenate([NOTE, NOTE]))
    tail = shaper.broken()
    assert len(head) and len(tail) >= 960
    assert tail[-1] == 0


def test_silence_is_nothing():
    assert len(shaped(quiet(3))) == 0
    shaper = Shaper(Loudness(), -16, 10**7)
    shaper.add(quiet(3))
    assert not shaper.begun and len(shaper._held) < 4800


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_no_numbers(bad):
    with pytest.raises(BackendBroken, match="not numbers"):
        shaped(np.array([0.1, bad], np.float32))


def test_what_never_ends():
    most = most_samples("好的", 1.0)
    assert 10 < most / 48_000 < 20
    with pytest.raises(BackendBroken, match="too long for its text"):
        shaped(np.concatenate([NOTE] * 20), most=most)


# --- text ---------------------------------------------------------------------------------------


def test_the_room_s_own_words_and_no_pinyin(tmp_path):
    (tmp_path / "lexicon.toml").write_text('[words]\n"Acme" = "艾克米"\n"薄荷" = "[bo4 he5]"\n')
    room = default_room()
    voice = room.voice.model_copy(update={"lexicon": tmp_path / "lexicon.toml"})
    reading = Reading(room.model_copy(update={"voice": voice}))
    assert reading.of(Sentence("acme的薄荷糖，只要9.9元")) == "艾克米的薄荷糖，只要九点九元"
    assert reading.rules == Reading(room).rules != Reading(room, spell_out=False).rules
