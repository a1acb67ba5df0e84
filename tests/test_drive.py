"""The living face: shut in silence, no jumps, human rates, the same for the same seed."""

import itertools
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livehost.avatar import load_avatar
from livehost.clock import Timeline
from livehost.media import BLENDSHAPES, SHAPE, Phone
from livehost.stage.drive import Drive
from livehost.stage.drive.drive import POSE_LIMIT
from livehost.stage.drive.idle import FARTHEST_LEAN
from livehost.stage.drive.loudness import LoudnessMouth
from livehost.stage.drive.mix import mix
from livehost.stage.drive.motion import Drift, Follow, Pulse, Splice
from livehost.stage.playout import Spoken

AVATAR = load_avatar(Path(__file__).parents[1] / "avatars" / "xiaohe")
TIMELINE = Timeline(Fraction(25))
OPENING = [SHAPE[n] for n in ("jawOpen", "mouthUpperUpLeft", "mouthLowerDownLeft", "mouthFunnel")]
LIPS = [n for n, name in enumerate(BLENDSHAPES) if name.startswith(("mouth", "jaw"))]
SYMBOLS = (
    "t",
    "a",
    "p",
    "u",
    "ɕ",
    "i",
    "m",
    "ə",
    "n",
    "f",
    "ei",
    "ʂ",
    "ʊ",
    "ŋ",
    "l",
    "y",
    "x",
    "o",
)


def phones(seconds, seed=0):
    """Return phones of a made-up sentence about `seconds` long."""
    random, at, out = np.random.default_rng(seed), 0, []
    while at < seconds * 48_000:
        symbol = SYMBOLS[random.integers(len(SYMBOLS))]
        end = at + int(random.uniform(0.05, 0.2) * 48_000)
        out.append(Phone(symbol, at, end))
        at = end
    return tuple(out)


def voice(ticks, seed=0, level=0.1):
    """Return (ticks, 1920) float32 with syllables at 4 Hz."""
    random = np.random.default_rng(seed)
    seconds = np.arange(ticks * 1_920) / 48_000
    tone = sum(np.sin(2 * np.pi * f * seconds) / f**0.5 for f in (180, 360, 720, 1_440, 2_900))
    syllables = 0.15 + np.abs(np.sin(2 * np.pi * 2 * seconds)) ** 1.5
    noise = random.normal(size=len(seconds)) * 0.01
    sound = syllables * (tone + noise)
    sound *= level / np.sqrt(np.mean(sound**2))
    return sound.astype(np.float32).reshape(ticks, 1_920)


def say(drive, first, ticks, *, sentence=0, emotion="neutral", said=(), pcm=None):
    """Return the faces of one sentence."""
    sound = voice(ticks, sentence) if pcm is None else pcm
    return [
        drive.face(first + n, Spoken(1, sentence, "x", tuple(said), emotion, n * 1_920, sound[n]))
        for n in range(ticks)
    ]


def idle(drive, first, ticks):
    return [drive.face(first + n, None) for n in range(ticks)]


def stack(faces):
    return np.stack([face.shapes for face in faces])


def jumps(faces):
    """Return the largest change of lips and jaw at each tick after the first."""
    return np.abs(np.diff(stack(faces)[:, LIPS], axis=0)).max(1)


def show(drive, sentences=12):
    """Return faces of speech and pauses in turn, and the ticks at which speech begins or ends."""
    faces, borders = [], []
    for n in range(sentences):
        faces += idle(drive, len(faces), 12)
        borders.append(len(faces))
        faces += say(drive, len(faces), 60, sentence=n, said=phones(2.4, n))
        borders.append(len(faces))
    return faces, borders


def test_values_stay_in_range():
    faces, _ = show(Drive(AVATAR, TIMELINE, 3))
    shapes = stack(faces)
    assert shapes.dtype == np.float32 and shapes.shape[1] == len(BLENDSHAPES)
    assert shapes.min() >= 0 and shapes.max() <= 1
    assert all(0 <= face.body.breath <= 1 for face in faces)


def test_same_seed_same_faces_and_another_seed_another_life():
    def run(seed):
        faces, _ = show(Drive(AVATAR, TIMELINE, seed), 3)
        return stack(faces), [face.pose for face in faces]

    assert np.array_equal(run(5)[0], run(5)[0]) and run(5)[1] == run(5)[1]
    assert not np.array_equal(run(5)[0], run(6)[0])


def test_mouth_moves_with_speech():
    faces = say(Drive(AVATAR, TIMELINE), 0, 75, said=phones(3.0))
    jaw = stack(faces)[:, SHAPE["jawOpen"]]
    assert jaw.max() > 0.3 and jaw.std() > 0.08


def test_silence_after_speech_is_shut():
    drive = Drive(AVATAR, TIMELINE)
    say(drive, 0, 50, said=phones(2.0), emotion="excited")
    after = stack(idle(drive, 50, 50))[:, OPENING]
    assert after[5:].max() < 0.12  # from 200 ms on only what is left of the smile
    assert after[20:].max() < 0.06


@pytest.mark.parametrize("emotion", AVATAR.emotions)
@pytest.mark.parametrize("said", [True, False])
def test_bilabials_shut_under_every_emotion(emotion, said):
    drive = Drive(AVATAR, TIMELINE)
    a, p = 0.24, 0.1
    row, at = [], 0
    for symbol, seconds in (("a", a), ("p", p)) * 6 if said else ():
        row.append(Phone(symbol, at, at + round(seconds * 48_000)))
        at = row[-1].end
    faces = say(drive, 0, 51, said=row or phones(2.0), emotion=emotion)
    shapes = stack(faces)
    if said:
        for n in range(6):
            ticks = shapes[int((n * (a + p) + a) / 0.04) : int((n + 1) * (a + p) / 0.04) + 1]
            assert ticks[:, OPENING].sum(1).min() < 0.06


def test_silent_voice_keeps_the_mouth_shut():
    pcm = np.zeros((50, 1_920), np.float32)
    faces = say(Drive(AVATAR, TIMELINE), 0, 50, pcm=pcm)
    assert stack(faces)[:, OPENING].max() < 0.06


def test_no_jump_between_idle_and_speech():
    faces, borders = show(Drive(AVATAR, TIMELINE, 1), 24)
    change = jumps(faces)
    edge = np.zeros(len(change), bool)
    for border in borders:
        edge[border - 1 : border + 2] = True
    speech = change[~edge]
    speech = speech[speech > 0.02]  # not the stillness of pauses
    assert change[edge].max() <= np.percentile(speech, 99)


@pytest.fixture(scope="module")
def usual():
    """The 99th percentile of what lips do from one tick to the next in speech."""
    return np.percentile(jumps(say(Drive(AVATAR, TIMELINE, 1), 0, 600, said=phones(24, 8))), 99)


@pytest.fixture(scope="module")
def quiet():
    """Ten virtual minutes without a word."""
    return idle(Drive(AVATAR, TIMELINE, 4), 0, 10 * 60 * 25)


@pytest.mark.parametrize("cut", range(20, 56, 3))
def test_no_jump_at_a_cut(cut, usual):
    drive = Drive(AVATAR, TIMELINE, 1)
    spoken = say(drive, 0, cut, said=phones(2.4, 7))
    after = idle(drive, cut, 12)
    assert jumps([spoken[-1], *after]).max() <= usual


def test_no_jump_between_sentences_without_a_pause(usual):
    drive = Drive(AVATAR, TIMELINE, 2)
    first = say(drive, 0, 31, sentence=0, said=phones(2.4, 3))
    second = say(drive, 31, 31, sentence=1, said=phones(2.4, 4))
    assert jumps([*first[-2:], *second[:3]]).max() <= usual


def test_blinks_like_a_human(quiet):
    shut = stack(quiet)[:, SHAPE["eyeBlinkLeft"]] > 0.8
    starts = np.flatnonzero(shut[1:] & ~shut[:-1])
    gaps = np.diff(starts) / 25
    assert 100 <= len(starts) <= 200  # 10 to 20 a minute
    assert gaps.std() > 0.3 * gaps.mean()  # irregular
    lengths = [int(np.argmin(shut[s + 1 :])) for s in starts[:-1]]
    assert max(lengths) <= 3  # never more than 120 ms shut


def test_blink_is_fast_down_and_slower_up(quiet):
    lids = stack(quiet)[:, SHAPE["eyeBlinkLeft"]]
    change = np.diff(lids)
    assert change.max() > -change.min()
    assert lids.max() > 0.9


def test_shifts_her_weight_now_and_then_and_rests_between(quiet):
    lean = np.array([face.body.lean for face in quiet])
    speed = np.abs(np.diff(lean)) * 25
    assert np.abs(lean).max() <= FARTHEST_LEAN and np.ptp(lean) > 0.5
    assert speed.max() < 1.6, "degrees a second"
    assert 0.05 < (speed > 0.01).mean() < 0.4, "most of the time she stands"
    starts = np.flatnonzero(np.diff((speed > 0.01).astype(int)) > 0)
    minutes = len(lean) / 25 / 60
    assert 3 < len(starts) / minutes < 12


def test_the_head_stays_more_upright_than_the_body(quiet):
    lean = np.array([face.body.lean for face in quiet])
    roll = np.array([face.pose.roll for face in quiet])
    assert np.corrcoef(lean, roll)[0, 1] > 0.1


def test_breathes_12_to_16_times_a_minute(quiet):
    breath = np.array([f.body.breath for f in quiet])
    middle = breath > 0.4
    assert 119 <= np.count_nonzero(middle[1:] & ~middle[:-1]) <= 161
    assert np.abs(np.diff(breath)).max() < 0.06


def poses(faces):
    return np.array([[f.pose.yaw, f.pose.pitch, f.pose.roll, f.pose.tx, f.pose.ty] for f in faces])


def test_head_moves_a_little_and_smoothly(quiet):
    pose = poses(quiet)
    assert (np.abs(pose) <= POSE_LIMIT).all()
    assert (pose[:, :3].std(0) > 0.3).all()
    assert np.abs(np.diff(pose[:, :3], axis=0)).max() < 0.5  # degrees in 40 ms
    steps = np.diff(pose[:, 0])
    assert np.abs(np.diff(steps)).max() < 0.15  # no jerk


def test_head_is_livelier_while_speaking(quiet):
    drive = Drive(AVATAR, TIMELINE, 9)
    lively = np.concatenate(
        [poses(say(drive, n * 100, 100, sentence=n, said=phones(4, n))) for n in range(20)]
    )
    assert lively[:, 1].std() > 1.2 * poses(quiet)[:, 1].std()


def test_idle_life_does_not_repeat(quiet):
    yaw = poses(quiet)[:, 0]
    yaw = (yaw - yaw.mean()) / yaw.std()
    spectrum = np.abs(np.fft.rfft(yaw, 2 * len(yaw))) ** 2
    correlation = np.fft.irfft(spectrum)[: len(yaw)] / len(yaw)
    assert correlation[25 * 20 :].max() < 0.6  # nothing like it comes back after 20 s


def test_eyes_stay_on_the_camera_when_the_head_turns(quiet):
    left = stack(quiet) @ _gaze_left()
    world = left * 30 + poses(quiet)[:, 0]
    assert np.median(np.abs(world)) < 1.5
    assert np.mean(np.abs(world) < 4) > 0.75


def _gaze_left():
    weights = np.zeros(len(BLENDSHAPES))
    weights[[SHAPE["eyeLookOutLeft"], SHAPE["eyeLookInRight"]]] = 0.5
    weights[[SHAPE["eyeLookInLeft"], SHAPE["eyeLookOutRight"]]] = -0.5
    return weights


def test_rests_with_a_friendly_face(quiet):
    shapes = stack(quiet)
    assert 0.07 < shapes[:, SHAPE["mouthSmileLeft"]].mean() < 0.2
    assert shapes[:, OPENING].max() < 0.06


def test_emotions_come_smoothly_and_go():
    drive = Drive(AVATAR, TIMELINE)
    before = idle(drive, 0, 25)
    felt = say(drive, 25, 75, emotion="surprised", said=phones(3.0))
    inner = stack([*before, *felt])[:, SHAPE["browInnerUp"]]
    assert inner[-20:].mean() > 0.2 + inner[:25].mean()
    assert np.abs(np.diff(inner)).max() < 0.12
    later = stack(idle(drive, 100, 100))[-20:, SHAPE["browInnerUp"]]
    assert later.mean() < 0.15


def test_unknown_emotion_is_the_resting_one():
    plain = say(Drive(AVATAR, TIMELINE), 0, 40, said=phones(1.6), emotion="neutral")
    odd = say(Drive(AVATAR, TIMELINE), 0, 40, said=phones(1.6), emotion="no such emotion")
    assert np.array_equal(stack(plain), stack(odd))


def test_loud_syllables_open_wider():
    loud, soft = voice(50), voice(50)
    soft[25:] *= 0.1
    wide = stack(say(Drive(AVATAR, TIMELINE), 0, 50, said=phones(2, 2), pcm=loud))
    small = stack(say(Drive(AVATAR, TIMELINE), 0, 50, said=phones(2, 2), pcm=soft))
    jaw = SHAPE["jawOpen"]
    assert small[28:, jaw].mean() < 0.9 * wide[28:, jaw].mean()


def test_stressed_words_move_the_head_or_the_brows():
    row = tuple(Phone("a", n * 24_000, n * 24_000 + 20_000, int(n % 4 == 0)) for n in range(40))
    plain = tuple(Phone(p.ipa, p.start, p.end) for p in row)
    pcm = np.full((500, 1_920), 0.05, np.float32)

    def brows(said):
        return stack(say(Drive(AVATAR, TIMELINE, 3), 0, 500, said=said, pcm=pcm))

    up = SHAPE["browOuterUpLeft"]
    assert brows(row)[:, up].max() > 0.12 + brows(plain)[:, up].max()


def test_sentence_that_begins_inside_a_tick():
    drive = Drive(AVATAR, TIMELINE)
    spoken = Spoken(1, 0, "x", phones(1.0), "neutral", -960, np.zeros(1_920, np.float32))
    assert np.isfinite(drive.face(0, spoken).shapes).all()


def test_skipped_ticks_and_odd_rates_are_fine():
    drive = Drive(AVATAR, Timeline(Fraction(30_000, 1_001)))
    faces = [drive.face(tick, None) for tick in (0, 1, 5, 400, 401, 100_000)]
    assert np.isfinite(stack(faces)).all()


# --- sound alone --------------------------------------------------------------------------------


def follow(pcm):
    mouth = LoudnessMouth(AVATAR.visemes)
    return np.stack([mouth.shapes(tick, tick[:0], 0.04) for tick in pcm])


def test_sound_opens_the_mouth_and_silence_shuts_it_within_200_ms():
    pcm = voice(60)
    pcm[40:] = 0
    shapes = follow(pcm)
    assert shapes[10:40, SHAPE["jawOpen"]].max() > 0.25
    assert shapes[40 + 5 :, OPENING].max() < 0.04


def test_room_noise_does_not_move_the_lips():
    noise = np.random.default_rng(0).normal(size=(50, 1_920)).astype(np.float32) * 0.002
    assert follow(noise).max() == 0


def tone(*hertz, level=0.1):
    seconds = np.arange(20 * 1_920) / 48_000
    sound = sum(np.sin(2 * np.pi * f * seconds) for f in hertz) * level
    return sound.astype(np.float32).reshape(20, 1_920)


def test_dark_sounds_round_and_bright_sounds_spread():
    dark, bright = follow(tone(250, 350))[-1], follow(tone(250, 2_300, 2_900))[-1]
    assert dark[SHAPE["mouthPucker"]] > 0.3 > bright[SHAPE["mouthPucker"]]
    assert bright[SHAPE["mouthSmileLeft"]] > 0.1 > dark[SHAPE["mouthSmileLeft"]]


def test_hiss_brings_the_teeth_together():
    hiss = follow(tone(5_000, 6_500, 8_000))[-1]
    assert hiss[SHAPE["jawOpen"]] < 0.1 and hiss[SHAPE["mouthLowerDownLeft"]] > 0.2


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.floats(width=32, allow_nan=True, allow_infinity=True), max_size=400),
    st.booleans(),
)
def test_any_sound_gives_a_face(samples, timed):
    drive = Drive(AVATAR, TIMELINE)
    pcm = np.array(samples, np.float32)
    said = phones(0.5) if timed else ()
    faces = [drive.face(n, Spoken(1, 0, "x", said, "neutral", n * 1_920, pcm)) for n in range(4)]
    shapes = stack(faces)
    assert np.isfinite(shapes).all() and shapes.min() >= 0 and shapes.max() <= 1


# --- parts --------------------------------------------------------------------------------------

unit = st.floats(0, 1, width=32)


@settings(max_examples=60, deadline=None)
@given(st.lists(unit, min_size=53, max_size=53), st.sampled_from(list(AVATAR.emotions)), unit)
def test_mix_stays_in_range_and_keeps_the_spoken_mouth(values, emotion, activity):
    mouth = np.array(values, np.float32)
    kept = mouth.copy()
    mixed = mix(mouth, AVATAR.emotions[emotion], activity)
    assert np.array_equal(mouth, kept)
    assert mixed.min() >= 0 and mixed.max() <= 1
    assert mixed[SHAPE["jawOpen"]] >= mouth[SHAPE["jawOpen"]] - 1e-6


def test_smile_gives_way_to_a_wide_open_mouth():
    mouth = AVATAR.visemes["a"] + np.float32(0)
    assert mix(mouth, AVATAR.emotions["excited"], 1)[SHAPE["mouthSmileLeft"]] <= 0.38


def test_follow_arrives_without_overshoot():
    value = Follow(np.zeros(1), 0.5)
    path = [float(value.step(np.ones(1), 0.04)[0]) for _ in range(60)]
    assert all(a <= b + 1e-9 for a, b in itertools.pairwise(path))
    assert path[-1] == pytest.approx(1, abs=1e-3) and path[0] < 0.05


def test_follow_does_not_depend_on_the_frame_rate():
    fine, coarse = Follow(np.zeros(1), 0.5), Follow(np.zeros(1), 0.5)
    for _ in range(8):
        fine.step(np.ones(1), 0.05)
    for _ in range(2):
        coarse.step(np.ones(1), 0.2)
    assert fine.value == pytest.approx(coarse.value)


def test_splice_starts_where_the_old_motion_was_and_ends_on_the_new():
    splice = Splice(1, 0.2)
    splice.step(np.ones(1, np.float32), 0.04, False)
    path = [float(splice.step(np.zeros(1, np.float32), 0.04, n == 0)[0]) for n in range(7)]
    assert path[0] > 0.85 and path[-1] == 0
    assert np.abs(np.diff([1.0, *path])).max() < 0.35


def test_pulse_rises_falls_and_cannot_be_interrupted():
    pulse = Pulse(0.1, 0.2)
    assert pulse.step(0.04) == 0
    pulse.trigger(2.0)
    pulse.trigger(9.0)
    path = [pulse.step(0.02) for _ in range(20)]
    assert max(path) == pytest.approx(2.0, abs=0.01) and path[-1] == 0 and not pulse.busy


def test_drift_has_the_spread_it_was_given():
    drift = Drift(np.random.default_rng(0), np.array([1.0]), np.array([100.0]))
    values = np.array([drift.step(0.04)[0] for _ in range(60_000)])
    assert 0.8 < values.std() < 1.25
