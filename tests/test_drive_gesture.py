"""Head, brows and eyes go with what is said: planned from the words, carried out softly."""

from __future__ import annotations

import itertools
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livehost.avatar import load_avatar
from livehost.clock import Timeline
from livehost.config import Video
from livehost.media import BLENDSHAPES, SHAPE, Phone
from livehost.stage.drive import Drive
from livehost.stage.drive.drive import POSE_LIMIT
from livehost.stage.drive.gesture import LEAD, TAIL, Gesture, Kind, plan
from livehost.stage.drive.look import AGAIN, DELAY, PATIENCE, STAY, Look
from livehost.stage.drive.micro import AFTER_SPEECH, MICROS, Micros
from livehost.stage.drive.mix import SHUT_SMILE
from livehost.stage.drive.mood import FORGETS, MANNERS, Mood, freshness
from livehost.stage.drive.perform import STILL, TRACKS, Performer, length
from livehost.stage.glance import CardGlance, towards_card
from livehost.stage.layout import layout
from livehost.stage.playout import Playout, Spoken
from livehost.stage.program import Program, Still
from livehost.stage.show import Show
from livehost.wire import Cue, CueKind, Speech

from .test_show import Drawn, Encoder, Sound, picture
from .virtual import run

AVATAR = load_avatar(Path(__file__).parents[1] / "avatars" / "xiaohe")
TIMELINE = Timeline(Fraction(25))
TICK = 0.04
SEEDS = range(40)
DOWN = SHAPE["eyeLookDownLeft"]


def kinds(text, seed=0, phones=()):
    return [gesture.kind for gesture in plan(text, phones, seed)]


def often(text, kind):
    """Return in how many of the seeds a sentence brings a gesture of `kind`."""
    return sum(kind in kinds(text, seed) for seed in SEEDS)


# --- which gestures -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("是的，它有三种颜色。", Kind.NOD),
        ("没错，就是这个尺码。", Kind.NOD),
        ("可以的，喝完当天洗掉就好。", Kind.NOD),
        ("当然可以机洗。", Kind.NOD),
        ("对，就是大红色。", Kind.NOD),
        ("Yes, it comes in three colours.", Kind.NOD),
        ("It fits, of course.", Kind.NOD),
        ("它不会掉色。", Kind.SHAKE),
        ("不用领券，页面自动减。", Kind.SHAKE),
        ("里面没有防腐剂。", Kind.SHAKE),
        ("It does not leak.", Kind.SHAKE),
        ("We never add salt.", Kind.SHAKE),
        ("您喜欢哪个颜色呢？", Kind.TILT),
        ("放包里漏不漏？", Kind.TILT),
        ("Which colour do you like?", Kind.TILT),
        ("现在直播间199元。", Kind.BEAT),
        ("只卖八十九块。", Kind.BEAT),
        ("今天打8折。", Kind.BEAT),
        ("It is 20 dollars today.", Kind.BEAT),
        ("欢迎来到直播间。", Kind.BOW),
        ("谢谢小鱼的礼物。", Kind.BOW),
        ("对不起，已经卖完了。", Kind.BOW),
        ("Sorry, it is sold out.", Kind.BOW),
    ],
)
def test_words_bring_their_gesture_most_of_the_time(text, kind):
    assert 0.4 * len(SEEDS) < often(text, kind) <= len(SEEDS)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("是不是经常有点饿？", Kind.SHAKE),
        ("这个要不要看一下。", Kind.SHAKE),
        ("不用客气。", Kind.SHAKE),
        ("没有的话，咱们接着往下看。", Kind.SHAKE),
        ("它不错，也不贵。", Kind.SHAKE),
        ("It is not only light.", Kind.SHAKE),
        ("Isn't it light, doesn't it fit?", Kind.SHAKE),
        ("对面那家店也有。", Kind.NOD),
        ("对不起，没有听清。", Kind.NOD),
        ("行李箱在后面。", Kind.NOD),
        ("三折叠的伞。", Kind.BEAT),
        ("吊牌上有四块头像。", Kind.BEAT),
        ("它有三种颜色。", Kind.TILT),
    ],
)
def test_words_that_only_look_alike_do_not(text, kind):
    assert often(text, kind) == 0


def test_a_plain_sentence_is_said_with_a_quiet_head():
    assert all(plan("袖口有拇指孔，往前一套。", (), seed) == () for seed in SEEDS)


def test_nobody_nods_at_every_yes():
    assert often("是的，它有三种颜色。", Kind.NOD) < len(SEEDS)


def test_two_denials_are_shaken_at_once():
    text = "它不会掉色，也不用烘干，洗的时候也不会缩水。"
    assert max(kinds(text, seed).count(Kind.SHAKE) for seed in SEEDS) == 1


def test_equal_arguments_equal_gestures_and_other_seeds_other_ones():
    text = "没错，现在199元，您喜欢吗？"
    assert plan(text, (), 7) == plan(text, (), 7)
    assert len({plan(text, (), seed) for seed in SEEDS}) > 30


WORDS = (
    "是的，",
    "不会",
    "199元",
    "对不起，",
    "您喜欢吗？",
    "特别",
    "它",
    "很轻",
    "。",
    "yes ",
    "not ",
)


@given(st.lists(st.sampled_from(WORDS), max_size=30).map("".join), st.integers(0, 2**32 - 1))
def test_gestures_leave_each_other_room(text, seed):
    found = [g for g in plan(text, (), seed) if g.kind is not Kind.TILT]
    ends = [g.start + (LEAD[g.kind] + TAIL[g.kind]) * 0.8 for g in found]
    assert all(end <= after.start + 0.3 for end, after in zip(ends, found[1:], strict=False))
    assert all(0.6 < abs(amount) < 1.5 for g in found for amount in g.amount)


PHONE = st.builds(
    Phone, st.sampled_from(["a", "sil", "ʂ", "", "。"]), st.integers(-9, 10**6),
    st.integers(-9, 10**6), st.integers(0, 1),
)  # fmt: skip


@given(st.text(max_size=60), st.lists(PHONE, max_size=30), st.integers(0, 99))
def test_any_text_and_any_phones_can_be_planned(text, phones, seed):
    gestures = plan(text, phones, seed)
    assert all(np.isfinite(g.start) and g.start >= 0 and g.hold >= 0 for g in gestures)
    starts = [g.start for g in gestures]
    assert starts == sorted(starts)


def test_endless_sentences_are_left_alone():
    assert plan("是的，" * 400, (), 0) == ()


# --- when -----------------------------------------------------------------------------------------


def spoken_at(*clauses, syllable=0.2, stressed=()):
    """Return phones: clauses of (start in seconds, syllables), in syllables of `syllable`."""
    row, number = [], 0
    for start, count in clauses:
        for n in range(count):
            at = round((start + n * syllable) * 48_000)
            row.append(Phone("a", at, at + round(syllable * 48_000), int(number in stressed)))
            number += 1
        row.append(Phone("sil", row[-1].end, row[-1].end + 4_800))
    return tuple(row)


def point(gesture):
    return gesture.start + LEAD[gesture.kind]


def first(text, phones, kind):
    found = (g for seed in SEEDS for g in plan(text, phones, seed) if g.kind is kind)
    return next(found)


def test_pauses_are_matched_with_the_marks_of_the_text():
    text = "它有三种颜色，现在直播间只要199元，您看看。"
    phones = spoken_at((0.1, 6), (4.0, 13), (9.0, 3))
    price = first(text, phones, Kind.BEAT)
    assert 4.0 + 6 * 0.2 < point(price) < 4.0 + 13 * 0.2, "within the second clause"


def test_without_such_pauses_a_word_lies_at_its_share():
    text = "它有三种颜色而且还很轻非常好看，不会掉色。"
    (shake,) = (g for g in plan(text, spoken_at((0.0, 20)), 1) if g.kind is Kind.SHAKE)
    assert 14.5 * 0.2 < point(shake) < 17.5 * 0.2


def test_without_phones_a_sentence_has_its_usual_speed():
    early, late = (first(text, (), Kind.BEAT) for text in ("只要9元。", "它有三种颜色，只要9元。"))
    assert point(early) < 1.2 < point(late) < 3.0


def test_emphasised_words_get_a_beat_where_the_voice_says_them():
    phones = spoken_at((0.0, 12), stressed=(6, 7, 8))
    beats = [g for seed in SEEDS for g in plan("袖口有拇指孔往前一套就好", phones, seed)]
    assert {g.kind for g in beats} == {Kind.BEAT} and len(beats) > len(SEEDS) / 2
    assert all(6 * 0.2 <= point(g) <= 9 * 0.2 for g in beats)


def test_a_tilt_lasts_to_the_end_of_the_question():
    tilt = first("您平时喜欢浅色多还是深色多？", spoken_at((0.0, 13)), Kind.TILT)
    assert tilt.start + length(tilt) > 13 * 0.2 > point(tilt)


# --- carried out ----------------------------------------------------------------------------------


def track(*gestures, seconds=3.0, amount=1.0):
    """Return the moves of each tick as (ticks, 4)."""
    performer = Performer(amount)
    performer.begin(gestures)
    return np.array([performer.step(n * TICK, TICK) for n in range(round(seconds / TICK))])


@pytest.mark.parametrize("kind", Kind)
def test_every_gesture_begins_and_ends_still_and_moves_smoothly(kind):
    moves = track(Gesture(kind, 0.2, hold=0.3))
    assert (moves[0] == 0).all() and (moves[-5:] == 0).all()
    assert np.abs(moves).max() > 0.5
    assert np.abs(np.diff(moves[:, :3], axis=0)).max() < 0.9  # degrees in 40 ms
    assert np.abs(moves[:, 3]).max() < 0.45


@pytest.mark.parametrize("kind", LEAD)
def test_a_gesture_is_at_its_point_when_its_word_is_said(kind):
    (gesture,) = (Gesture(kind, 1.0 - LEAD[kind]),)
    fine = Performer()
    fine.begin([gesture])
    moves = np.array([fine.step(n / 1000, 0.001) for n in range(2500)])
    main = {Kind.NOD: 1, Kind.SHAKE: 0, Kind.TILT: 2, Kind.BOW: 1, Kind.BEAT: 1}[kind]
    assert abs(np.abs(moves[:, main]).argmax() / 1000 - 1.0) < 0.15


@pytest.mark.parametrize("kind", [Kind.TILT, Kind.BOW, Kind.GLANCE])
def test_hold_prolongs_a_gesture(kind):
    brief, long = track(Gesture(kind)), track(Gesture(kind, hold=0.8))
    assert np.count_nonzero(long.any(1)) == np.count_nonzero(brief.any(1)) + 20
    assert np.abs(long).max() == pytest.approx(np.abs(brief).max(), rel=0.05)


def test_moves_do_not_depend_on_the_frame_rate():
    coarse, fine = Performer(), Performer()
    for performer in (coarse, fine):
        performer.begin([Gesture(Kind.NOD, 0.2)])
    slow = [coarse.step(n * 0.04, 0.04) for n in range(30)]
    fast = [fine.step(n * 0.02, 0.02) for n in range(60)]
    assert np.allclose(np.array(slow), np.array(fast)[::2], atol=1e-6)


def test_a_new_sentence_drops_what_waits_but_ends_what_moves():
    performer = Performer()
    performer.begin([Gesture(Kind.NOD, 0.0), Gesture(Kind.NOD, 1.5)])
    before = [performer.step(n * TICK, TICK) for n in range(7)]
    performer.begin(())
    after = np.array([performer.step(0.0, TICK) for n in range(100)])
    assert before[-1] != STILL and np.abs(after[0] - before[-1]).max() < 0.9
    assert after.any(1).sum() == int(TRACKS[Kind.NOD][-1][0] / TICK) - 6
    assert not performer.busy


def test_amount_scales_and_nothing_is_nothing():
    full, half = track(Gesture(Kind.NOD)), track(Gesture(Kind.NOD), amount=0.5)
    assert np.allclose(half, 0.5 * full) and full.any()
    assert not track(Gesture(Kind.NOD), amount=0.0).any()


# --- in the drive ---------------------------------------------------------------------------------

SOUND = (np.random.default_rng(0).normal(size=1_920) * 0.05).astype(np.float32)


def say(drive, first, ticks, text="x", *, sentence=0, emotion="neutral", intensity=1.0, phones=()):
    return [
        drive.face(
            first + n,
            Spoken(1, sentence, text, phones, emotion, n * 1_920, SOUND, intensity=intensity),
        )
        for n in range(ticks)
    ]


def idle(drive, first, ticks):
    return [drive.face(first + n, None) for n in range(ticks)]


def stack(faces):
    return np.stack([face.shapes for face in faces])


def poses(faces):
    return np.array([[f.pose.yaw, f.pose.pitch, f.pose.roll] for f in faces])


def difference(text, seed=3, **drive):
    """Return what a sentence's words add to the head's pose: (ticks, 3)."""
    said, plain = (
        poses(say(Drive(AVATAR, TIMELINE, seed, **drive), 0, 60, words))
        for words in (text, "袖口有孔。")
    )
    return said - plain


def test_a_yes_is_nodded_and_a_no_is_shaken_and_a_question_tilted():
    for text, axis in (("是的，没错。", 1), ("它不会掉色。", 0), ("您喜欢什么颜色呢？", 2)):
        moved = [np.abs(difference(text, seed)).max(0) for seed in range(4)]
        most = np.max(moved, axis=0)
        assert most[axis] > 0.8 and most.argmax() == axis


def test_gestures_can_be_turned_off():
    assert not difference("是的，没错。", gestures=0.0).any()


def test_poses_stay_within_their_limits_whatever_is_said():
    drive, text = Drive(AVATAR, TIMELINE, 5, 1.5, 1.5), "是的！不会！对不起！199元！真的吗？"
    drive.glance(30.0, -60.0)
    faces = list(
        itertools.chain.from_iterable(
            say(drive, n * 70, 70, text, sentence=n, emotion=emotion)
            for n, emotion in enumerate(MANNERS)
        )
    )
    assert (np.abs(poses(faces)) <= POSE_LIMIT[:3]).all()
    assert np.abs(np.diff(poses(faces), axis=0)).max() < 1.6
    shapes = stack(faces)
    assert shapes.min() >= 0 and shapes.max() <= 1


def test_brows_raised_by_surprise_are_not_raised_much_further():
    drive = Drive(AVATAR, TIMELINE, 1)
    text = "居然只要199元，真的特别轻，还有89元的，99元的。"
    faces = say(drive, 0, 150, text, emotion="surprised")
    assert stack(faces)[:, SHAPE["browInnerUp"]].max() < 0.75


def test_the_same_seed_glances_and_speaks_alike():
    def run():
        drive = Drive(AVATAR, TIMELINE, 8)
        drive.glance(-5.0, -12.0)
        faces = [*idle(drive, 0, 60), *say(drive, 60, 60, "是的，199元。"), *idle(drive, 120, 300)]
        return stack(faces), poses(faces)

    once, again = run(), run()
    assert np.array_equal(once[0], again[0]) and np.array_equal(once[1], again[1])


# --- emotions -------------------------------------------------------------------------------------


def brows_up(intensity, **drive):
    faces = say(
        Drive(AVATAR, TIMELINE, 2, **drive), 0, 50, emotion="apologetic", intensity=intensity
    )
    return stack(faces)[25:, SHAPE["browInnerUp"]].mean()


def test_intensity_and_expression_scale_an_emotion():
    none, half, full = brows_up(0.0), brows_up(0.5), brows_up(1.0)
    assert full - half == pytest.approx(half - none, rel=0.1) and full > none + 0.3
    assert brows_up(1.0, expression=0.5) == pytest.approx(half, abs=0.02)
    assert brows_up(1.0, expression=0.0) == pytest.approx(none, abs=0.02)


def mood(seconds, emotion="surprised", worn=None):
    worn = worn or Mood(AVATAR, np.random.default_rng(0))
    spoken = Spoken(1, 0, "", (), emotion, 0, SOUND)
    rows = [worn.step(spoken, TICK) for _ in range(round(seconds / TICK))]
    return worn, np.array([shapes[SHAPE["eyeWideLeft"]] for shapes, *_ in rows])


def test_surprise_is_over_sooner_than_the_sentence():
    _, wide = mood(6.0)
    assert wide[20:35].max() > 0.25 and wide[-1] < 0.5 * wide.max()


def test_calm_stays():
    assert freshness(MANNERS["calm"], 60.0) == 1.0 > freshness(MANNERS["surprised"], 3.0)


def test_a_short_pause_does_not_make_a_worn_emotion_fresh_and_a_long_one_does():
    peaks = []
    for pause in (0.4, FORGETS + 2.0):
        worn, _ = mood(6.0)
        for _ in range(round(pause / TICK)):
            worn.step(None, TICK)
        peaks.append(mood(1.5, worn=worn)[1].max())
    assert peaks[1] > peaks[0] + 0.1


def test_one_emotion_gives_way_to_the_next_without_a_jump():
    drive, faces = Drive(AVATAR, TIMELINE, 1), []
    still = np.zeros(1_920, np.float32)
    for number, emotion in enumerate(("excited", "apologetic", "surprised", "thinking") * 2):
        for n in range(30):
            spoken = Spoken(1, number, "x", (), emotion, n * 1_920, still)
            faces.append(drive.face(len(faces), spoken))
    felt = [n for n, name in enumerate(BLENDSHAPES) if not name.startswith("eye")]
    assert np.abs(np.diff(stack(faces)[:, felt], axis=0)).max() < 0.1


def test_a_silent_smile_does_not_become_a_grimace():
    still = np.zeros(1_920, np.float32)
    drive = Drive(AVATAR, TIMELINE, 1, expression=1.5)
    faces = [drive.face(n, Spoken(1, 0, "x", (), "excited", n * 1_920, still)) for n in range(200)]
    assert stack(faces)[:, SHAPE["mouthSmileLeft"]].max() <= SHUT_SMILE + 1e-6


def test_who_thinks_looks_away_first_and_then_at_the_viewer():
    def away(seed):
        shapes = stack(say(Drive(AVATAR, TIMELINE, seed), 0, 75, emotion="thinking"))
        sides = [SHAPE[n] for n in ("eyeLookOutLeft", "eyeLookInLeft")]
        return shapes[5:15, sides].max(), shapes[-15:, sides].mean()

    first, later = np.median([away(seed) for seed in range(10)], axis=0)
    assert first > 0.12 > later


# --- the card -------------------------------------------------------------------------------------


def test_the_card_lies_below_in_upright_frames_and_beside_in_wide_ones():
    left, up = towards_card(layout(720, 1280), AVATAR)
    assert -12 < left < 0 and up < -10, "its picture is on the left of the frame: her right"
    left, up = towards_card(layout(1280, 720), AVATAR)
    assert left > 10 and abs(up) < 8, "the card is on the right of the frame: her left"


def test_the_direction_does_not_depend_on_the_resolution():
    small, large = (towards_card(layout(*size), AVATAR) for size in ((360, 640), (1080, 1920)))
    assert small == pytest.approx(large, abs=0.5)


def product(name, **more):
    return Cue(CueKind.PRODUCT, {"name": name, **more} if name else {})


def test_only_a_new_card_is_news():
    seen = []
    cards = CardGlance(lambda left, up: seen.append((left, up)), (1.0, -2.0))
    cards([product("a")])
    cards([product("a"), product("a", price="9")])
    assert seen == [(1.0, -2.0)]
    cards([Cue(CueKind.NOTICE, {"text": "x"}), product("b")])
    assert len(seen) == 2
    cards([product(""), product("")])
    assert len(seen) == 2, "nothing to look at"
    cards([product("b")])
    assert len(seen) == 3, "it came back"


def test_the_host_on_air_looks_at_the_card_that_comes_with_her_sentence():
    source, drive, playout = Drawn(), Drive(AVATAR, TIMELINE, 2), Playout()
    show = Show(
        TIMELINE, playout, drive, Sound(), Program([source], Still(picture(0))), Encoder(),
        lambda packet: None, lambda report: None,
        on_cues=CardGlance(drive.glance, towards_card(layout(720, 1280), AVATAR)),
    )  # fmt: skip
    pcm = np.full(48_000, 3_000, np.int16)
    for sentence in (0, 1):
        playout.push(Speech(1, sentence, pcm, last=True, text="先看一号链接。"))
    show.cues.add(Cue(CueKind.PRODUCT, {"name": "a"}, utterance=1, sentence=1))

    run(show.run(74))
    down = np.array([plan.face.shapes[DOWN] for plan in source.plans])
    seen = np.flatnonzero(down > 0.4)
    assert 25 + DELAY[0] / TICK <= seen[0] <= 25 + 1 / TICK
    assert down[-5:].max() < 0.3


def look(asked, seconds, busy=lambda at: False, seed=0):
    """Return (ticks, 2) of gaze in degrees and the ticks at which the head was asked to move."""
    eyes, rows, nods = Look(np.random.default_rng(seed)), [], []
    for n in range(round(seconds / TICK)):
        for at, place in asked:
            if round(at / TICK) == n:
                eyes.ask(*place)
        rows.append(eyes.step(TICK, True, busy(n * TICK))[:2])
        nods += [n] if eyes.nod() else []
    return np.array(rows), nods


def test_a_glance_goes_there_stays_a_moment_and_comes_back():
    for seed in range(20):
        gaze, nods = look([(1.0, (-6.0, -13.0))], 4.0, seed=seed)
        there = np.flatnonzero(np.hypot(gaze[:, 0] + 6, gaze[:, 1] + 13) < 1.0)
        assert DELAY[0] <= there[0] * TICK - 1.0 <= DELAY[1] + 0.2
        assert STAY[0] - 0.1 <= len(there) * TICK <= STAY[1] + 0.1
        back = gaze[there[-1] + 4 : there[-1] + 8]
        assert np.abs(back).max() < 4.5, "straight back to the camera"
        assert len(nods) == 1 and there[0] - 4 <= nods[0] <= there[0]


def test_the_eyes_go_first_and_the_head_follows_a_little():
    drive = Drive(AVATAR, TIMELINE, 3)
    plain = poses(idle(Drive(AVATAR, TIMELINE, 3), 0, 60))[:, 1]
    drive.glance(0.0, -14.0)
    faces = idle(drive, 0, 60)
    eyes = stack(faces)[:, DOWN]
    head = poses(faces)[:, 1] - plain
    eyes_first, head_first = np.argmax(eyes > 0.3), np.argmax(head > 0.5)
    assert 0 < head_first - eyes_first <= 8
    assert 1.5 < head.max() < 3.5 and eyes.max() > 0.4
    assert head[-1] == 0


def test_a_glance_waits_for_a_gesture_to_end_but_not_for_long():
    place = (0.0, -12.0)
    gaze, _ = look([(0.0, place)], 3.0, busy=lambda at: at < 1.2)
    below = np.flatnonzero(gaze[:, 1] < -11)
    assert 1.2 <= below[0] * TICK < 1.5
    gaze, nods = look([(0.0, place)], 6.0, busy=lambda at: at < PATIENCE + 0.5)
    assert not nods and gaze[:, 1].min() > -11


def test_cards_that_change_quickly_are_not_all_looked_at():
    asked = [(float(at), (0.0, -12.0)) for at in range(1, 7)]
    assert len(look(asked, 7.0)[1]) == 1
    assert len(look([(1.0, (0.0, -12.0)), (1.0 + AGAIN + 1, (0.0, -12.0))], 15.0)[1]) == 2


def test_a_host_who_apologises_does_not_look_at_the_goods():
    drive = Drive(AVATAR, TIMELINE, 4)
    drive.glance(0.0, -14.0)
    eyes = stack(say(drive, 0, 75, emotion="apologetic"))[:, DOWN]
    assert eyes.max() < 0.4


def test_blinks_stay_human_with_glances_and_speech():
    drive, faces = Drive(AVATAR, TIMELINE, 6), []
    phones = spoken_at((0.0, 4), (1.5, 8), (4.0, 6))
    for n in range(20):
        drive.glance(-6.0, -14.0)
        faces += say(drive, len(faces), 150, "是的，199元，您喜欢吗？", sentence=n, phones=phones)
        faces += idle(drive, len(faces), 100)
    shapes = stack(faces)
    closed = shapes[:, SHAPE["eyeBlinkLeft"]] + 0.75 * shapes[:, DOWN] > 0.85
    blinks = np.count_nonzero(closed[1:] & ~closed[:-1])
    assert 10 <= blinks / (len(faces) * TICK / 60) <= 25


def test_lids_of_eyes_that_look_down_are_not_shut_twice():
    drive, most = Drive(AVATAR, TIMELINE, 0), 0.0
    for n in range(3000):
        if n % 250 == 0:
            drive.glance(0.0, -15.0)
        shapes = drive.face(n, None).shapes
        most = max(most, float(shapes[SHAPE["eyeBlinkLeft"]] + 0.75 * shapes[DOWN]))
    assert 0.9 < most < 1.08


# --- micro-expressions ----------------------------------------------------------------------------


def micros(seconds, activity=0.0, seed=0, amount=1.0):
    """Return (ticks, 53) of what is added."""
    small = Micros(np.random.default_rng(seed), amount)
    rows = np.zeros((round(seconds / TICK), len(BLENDSHAPES)), np.float32)
    for row in rows:
        small.step(row, TICK, activity)
    return rows


def test_micro_expressions_come_now_and_then_and_irregularly():
    moving = micros(600.0).any(1)
    starts = np.flatnonzero(moving[1:] & ~moving[:-1]) * TICK
    assert 5 <= len(starts) / 10 <= 12  # a minute
    assert np.diff(starts).std() > 0.3 * np.diff(starts).mean()
    assert moving.mean() < 0.4


def test_all_of_them_are_seen_small_soft_and_with_a_shut_mouth():
    rows = micros(900.0, seed=1)
    seen = {BLENDSHAPES[n] for n in np.flatnonzero(rows.any(0))}
    assert seen == {name for micro in MICROS.values() for name in micro.shapes}
    assert rows.max() < 0.4 and rows.min() >= 0
    assert np.abs(np.diff(rows, axis=0)).max() < 0.12
    opening = ("jawOpen", "mouthUpperUpLeft", "mouthLowerDownLeft", "mouthFunnel")
    assert not rows[:, [SHAPE[name] for name in opening]].any()


def test_smiles_are_never_quite_even():
    rows = micros(900.0, seed=2)
    left, right = rows[:, SHAPE["mouthSmileLeft"]], rows[:, SHAPE["mouthSmileRight"]]
    assert (left > right).any() and (right > left).any()
    smiling = np.maximum(left, right) > 0.05
    ratio = np.minimum(left, right)[smiling] / np.maximum(left, right)[smiling]
    assert ratio.min() > 0.7


def test_none_while_somebody_speaks_nor_right_after():
    assert not micros(120.0, activity=1.0).any()
    small, row = Micros(np.random.default_rng(3)), np.zeros(len(BLENDSHAPES), np.float32)
    for _ in range(1000):
        small.step(row, TICK, 1.0)
    for _ in range(round(AFTER_SPEECH / TICK) - 1):
        small.step(row, TICK, 0.0)
    assert not row.any()


def test_speech_makes_one_give_way_within_a_moment():
    drive, n, smile = Drive(AVATAR, TIMELINE, 0), 0, SHAPE["mouthPressLeft"]
    while drive.face(n, None).shapes[smile] < 0.2:
        n += 1
    faces = say(drive, n + 1, 10)
    assert stack(faces)[7:, smile].max() < 0.1


def test_a_face_without_expression_has_none():
    assert not micros(300.0, amount=0.0).any()


@settings(max_examples=20, deadline=None)
@given(st.text(max_size=40), st.sampled_from([*MANNERS, "neutral", "?"]), st.floats(0, 1))
def test_any_sentence_gives_a_face(text, emotion, intensity):
    drive = Drive(AVATAR, TIMELINE, 1, 1.5, 1.5)
    drive.glance(3.0, -9.0)
    faces = say(drive, 0, 30, text, emotion=emotion, intensity=intensity)
    assert np.isfinite(stack(faces)).all() and np.isfinite(poses(faces)).all()


def test_frames_of_every_usual_size_have_a_direction():
    video = Video()
    assert towards_card(layout(video.width, video.height), AVATAR)[1] < 0
