"""The mouth that follows sound: speech moves it as its phones would, all else leaves it shut.

The speech in tests/speech is of a synthetic voice that the model was not trained on.
"""

import logging
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import soxr
from hypothesis import given, settings
from hypothesis import strategies as st

from livehost.avatar import load_avatar
from livehost.clock import Timeline
from livehost.errors import BackendBroken
from livehost.media import BLENDSHAPES, SHAPE, Phone
from livehost.models import manifest
from livehost.stage.drive import Drive, mel
from livehost.stage.drive.audio import AudioMouth, follower
from livehost.stage.drive.hearing import FUTURE, MODEL, PAST, Hearing, load_hearing
from livehost.stage.drive.idle import SOON, Blinks
from livehost.stage.drive.loudness import LoudnessMouth
from livehost.stage.drive.phones import segments
from livehost.stage.drive.timings import Articulator
from livehost.stage.music import loop
from livehost.stage.playout import AHEAD_SAMPLES, Spoken

HERE = Path(__file__).parent
AVATAR = load_avatar(HERE.parent / "avatars" / "xiaohe")
JAW = SHAPE["jawOpen"]
OPENING = [SHAPE[n] for n in ("jawOpen", "mouthUpperUpLeft", "mouthLowerDownLeft")]
TICK = 1_920


def _speech():
    with np.load(HERE / "speech" / "zm_yunxi.npz") as file:
        pcm = soxr.resample(file["pcm"].astype(np.float32) / 32767, 24_000, 48_000)
        rows = zip(file["ipa"].tolist(), file["spans"].tolist(), strict=True)
        said = tuple(Phone(ipa, *span) for ipa, span in rows)
    return np.pad(pcm, (0, -len(pcm) % TICK)).astype(np.float32), said


SPEECH, SAID = _speech()
TRUTH = Articulator(AVATAR.visemes, AVATAR.ipa).curve(SAID)


def new():
    return AudioMouth(load_hearing(), AVATAR.visemes)


def follow(pcm, ahead=AHEAD_SAMPLES, tick=TICK, mouth=None):
    """Return (ticks, 53) of a sound."""
    mouth = mouth or new()
    ends = range(tick, len(pcm) + 1, tick)
    return np.stack(
        [mouth.shapes(pcm[e - tick : e], pcm[e : e + ahead], tick / 48_000) for e in ends]
    )


def truth(ticks, tick=TICK):
    return np.stack([TRUTH.at((n + 0.5) * tick / 48_000) for n in range(ticks)])


def likeness(shapes):
    return np.corrcoef(shapes[:, JAW], truth(len(shapes))[:, JAW])[0, 1]


@pytest.fixture(scope="module")
def heard():
    return follow(SPEECH)


def test_moves_as_the_phones_of_a_voice_never_heard_before_would(heard):
    assert likeness(heard) > 0.65
    assert np.abs(heard - truth(len(heard))).mean(0)[JAW] < 0.08


def test_lips_shut_on_bilabials_and_open_on_a(heard):
    apart, shut, opened = heard[:, OPENING].sum(1), [], []
    for segment in segments(SAID, AVATAR.ipa):
        first, last = int((segment.start - 0.04) / 0.04), int((segment.end + 0.04) / 0.04)
        if segment.viseme == "m":
            shut.append(apart[first : last + 1].min())
        elif segment.viseme == "a" and segment.length > 0.1:
            opened.append(heard[first : last + 1, JAW].max())
    assert len(shut) == 5 and np.count_nonzero(np.array(shut) < 0.1) >= 4
    assert opened and np.median(opened) > 0.15


def test_silence_stays_shut():
    assert follow(np.zeros(50 * TICK, np.float32)).max() < 0.01


def test_silence_after_speech_is_shut_within_200_ms():
    after = follow(np.concatenate([SPEECH, np.zeros(25 * TICK, np.float32)]))[len(SPEECH) // TICK :]
    assert after[5:, OPENING].max() < 0.02


@pytest.mark.parametrize("level", [0.001, 0.01, 0.05])
def test_noise_alone_does_not_move_the_lips(level):
    noise = np.random.default_rng(3).normal(size=75 * TICK).astype(np.float32) * level
    assert follow(noise)[:, OPENING].mean() < 0.02


def test_music_alone_hardly_moves_the_lips(heard):
    music = loop()[: 75 * TICK].mean(1).astype(np.float32) / 32768
    music *= 0.1 / np.sqrt((music**2).mean())
    moved = np.abs(np.diff(follow(music)[:, JAW])).mean()
    assert moved < 0.1 * np.abs(np.diff(heard[:, JAW])).mean()


def narrow(pcm):
    return soxr.resample(soxr.resample(pcm, 48_000, 8_000), 8_000, 48_000)


def noisy(pcm):
    return pcm + np.random.default_rng(5).normal(size=len(pcm)) * 0.01


@pytest.mark.parametrize(
    ("change", "least"),
    [
        (lambda pcm: np.clip(pcm * 20, -0.5, 0.5), 0.45),
        (lambda pcm: pcm + 0.2, 0.6),
        (lambda pcm: pcm * 0.2, 0.6),
        (narrow, 0.5),
        (noisy, 0.35),
    ],
    ids=["clipped", "dc", "soft", "8 kHz", "noisy"],
)
def test_bad_sound_still_moves_the_mouth_rightly(change, least):
    assert likeness(follow(change(SPEECH).astype(np.float32))) > least


def test_nan_counts_as_silence():
    broken = SPEECH.copy()
    broken[20_000:22_000] = np.nan
    broken[30_000] = np.inf
    shapes = follow(broken)
    assert np.isfinite(shapes).all() and likeness(shapes) > 0.5


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.floats(width=32, allow_nan=True, allow_infinity=True), max_size=400),
    st.lists(st.floats(width=32, allow_nan=True, allow_infinity=True), max_size=50),
)
def test_any_sound_gives_shapes(samples, following):
    mouth = new()
    for _ in range(3):
        shapes = mouth.shapes(np.array(samples, np.float32), np.array(following, np.float32), 0.04)
        assert shapes.shape == (len(BLENDSHAPES),) and shapes.dtype == np.float32
        assert np.isfinite(shapes).all() and shapes.min() >= 0 and shapes.max() <= 1


def test_the_same_sound_gives_the_same_mouth(heard):
    mouth = new()
    follow(SPEECH[::-1].copy(), mouth=mouth)
    mouth.reset()
    assert np.array_equal(follow(SPEECH, mouth=mouth), heard)


def test_without_what_follows_it_is_worse_but_right(heard):
    blind = follow(SPEECH, ahead=0)
    assert likeness(heard) > likeness(blind) > 0.3
    assert likeness(follow(SPEECH, ahead=2_400)) > 0.5


@pytest.mark.parametrize("tick", [800, 1_600, 2_000])
def test_the_mouth_does_not_depend_on_the_frame_rate(heard, tick):
    shapes = follow(SPEECH, tick=tick)
    at = (np.arange(len(heard)) + 0.5) * TICK
    where = (np.arange(len(shapes)) + 0.5) * tick
    jaw = np.interp(at, where, shapes[:, JAW])
    inner = slice(2, -4)
    assert np.abs(jaw - heard[:, JAW])[inner].max() < 0.12
    assert np.abs(jaw - heard[:, JAW])[inner].mean() < 0.02


def test_another_avatar_keeps_its_own_shapes(heard):
    wider = {name: np.minimum(1, 1.5 * target) for name, target in AVATAR.visemes.items()}
    shapes = follow(SPEECH, mouth=AudioMouth(load_hearing(), wider))
    assert 1.2 < shapes[:, JAW].mean() / heard[:, JAW].mean() < 1.8


def test_an_avatar_may_lack_visemes():
    few = {name: AVATAR.visemes[name] for name in ("sil", "a", "m")}
    shapes = follow(SPEECH, mouth=AudioMouth(load_hearing(), few))
    assert np.isfinite(shapes).all() and shapes[:, JAW].max() > 0.1


# --- in the drive -------------------------------------------------------------------------------


def spoken(n, said=()):
    pcm, ahead = SPEECH[n * TICK : (n + 1) * TICK], SPEECH[(n + 1) * TICK :][:AHEAD_SAMPLES]
    return Spoken(1, 0, "x", said, "neutral", n * TICK, pcm, ahead=ahead)


def test_a_voice_without_phones_moves_the_face_as_one_with_them():
    drives = [Drive(AVATAR, Timeline(Fraction(25))) for _ in range(2)]
    faces = [
        np.stack([drive.face(n, spoken(n, said)).shapes for n in range(len(SPEECH) // TICK)])
        for drive, said in zip(drives, (SAID, ()), strict=True)
    ]
    assert np.corrcoef(faces[0][:, JAW], faces[1][:, JAW])[0, 1] > 0.6


def first_blink(ended=None):
    """Return when the first blink begins, in seconds, if a phrase ends at `ended`."""
    blinks = Blinks(np.random.default_rng(8))
    for n in range(500):
        if ended is not None and n == round(ended * 50):
            blinks.with_phrase()
        if blinks.step(0.02) > 0:
            return n / 50
    raise AssertionError("no blink")


def test_a_blink_that_is_due_soon_comes_at_the_end_of_a_phrase():
    usual = first_blink()
    assert usual > SOON + 0.3
    assert first_blink(usual - 1) == pytest.approx(usual - 1, abs=0.03)
    assert first_blink(usual - SOON - 0.3) == usual


# --- the model ----------------------------------------------------------------------------------


def model_path():
    return Path(mel.__file__).with_name(manifest()[MODEL].file)


def test_shares_sum_to_one_and_tendencies_are_shares():
    heard = np.random.default_rng(0).normal(size=(mel.BANDS + 1, PAST + FUTURE + 5))
    shares, more = load_hearing().hear(heard.astype(np.float32))
    assert shares.shape[0] == more.shape[0] == 3
    assert np.allclose(shares.sum(2), 1, atol=1e-5) and shares.min() >= 0
    assert more.min() >= 0 and more[:, 1:].max() <= 1


def test_the_model_is_small():
    assert model_path().stat().st_size < 2_000_000


def test_a_model_with_another_hash_is_refused(tmp_path):
    content = bytearray(model_path().read_bytes())
    content[len(content) // 2] ^= 1
    (tmp_path / manifest()[MODEL].file).write_bytes(content)
    with pytest.raises(BackendBroken, match="sha256"):
        load_hearing(tmp_path)


def test_a_missing_model_is_said(tmp_path):
    with pytest.raises(BackendBroken, match="missing"):
        load_hearing(tmp_path)


def test_a_file_that_is_no_model_is_refused(tmp_path):
    (tmp_path / "x.onnx").write_bytes(b"no model")
    with pytest.raises(BackendBroken, match=r"x\.onnx"):
        Hearing(tmp_path / "x.onnx")


def test_without_its_model_the_mouth_follows_loudness(monkeypatch, caplog):
    def broken():
        raise BackendBroken("no model here")

    monkeypatch.setattr("livehost.stage.drive.audio.load_hearing", broken)
    with caplog.at_level(logging.WARNING):
        mouth = follower(AVATAR.visemes)
    assert isinstance(mouth, LoudnessMouth) and "no model here" in str(caplog.records[0].why)
    assert follow(SPEECH, mouth=mouth)[:, JAW].max() > 0.2


# --- frames -------------------------------------------------------------------------------------


def test_frames_of_pieces_are_frames_of_the_whole():
    whole, pieces, rest = mel.frames(SPEECH), [], np.zeros(0, np.float32)
    for start in range(0, len(SPEECH), 1_601):
        rest = np.concatenate([rest, SPEECH[start : start + 1_601]])
        pieces.append(mel.frames(rest))
        rest = rest[len(pieces[-1]) * mel.HOP :]
    assert np.allclose(np.concatenate(pieces), whole, atol=1e-4)


def test_a_higher_tone_lies_in_a_higher_band():
    at = np.arange(mel.WINDOW) / 48_000
    bands = [
        mel.frames(np.sin(2 * np.pi * hertz * at).astype(np.float32))[0].argmax()
        for hertz in (150, 400, 1_000, 3_000, 7_000)
    ]
    assert bands == sorted(set(bands))


def test_silence_and_dc_are_the_floor():
    assert mel.frames(np.full(mel.WINDOW, 0.3, np.float32)).max() < mel.SILENT + 0.5
    assert mel.frames(np.zeros(mel.WINDOW - 1, np.float32)).shape == (0, mel.BANDS)
