"""The loop finder: quiet stretches whose end meets their beginning, and why there is none."""

import numpy as np
import pytest

from livehost.avatar.making import Verdict
from livehost.avatar.video import judge, seam
from livehost.avatar.video.footage import FPS, Facts, Losses
from livehost.avatar.video.seam import FAR, Stretch, find, runs, usable
from livehost.avatar.video.watch import CHIP, THUMB, Moment, Seen

SIZE = (360, 640)
_DICE = np.random.default_rng(5)
FACE = np.column_stack([_DICE.uniform(120, 240, 478), _DICE.uniform(150, 300, 478), np.zeros(478)])
FACE[[10, 152], :2] = [(180, 140), (180, 310)]
ROOM = _DICE.uniform(60, 160, THUMB[::-1])
SKIN = _DICE.integers(0, 255, (CHIP, CHIP)).astype(np.uint8)


def moment(dx=0.0, dy=0.0, **seen):
    """The face, and the room behind it, moved by some pixels."""
    given = {"gap": 0.005, "jaw": 0.0, "yaw": 0.0, "chip": SKIN, "stale": False, **seen}
    if given.get("gone"):
        return Moment(None, 0, ROOM.astype(np.float32), given["stale"])
    points = (FACE + np.array([dx, dy, 0])).astype(np.float32)
    scores = {"jawOpen": given["jaw"], "eyeBlinkLeft": 0.0, "eyeBlinkRight": 0.0}
    face = Seen(
        points, scores, (given["yaw"], 0.0, 0.0), given["gap"], given["chip"], 100.0, (140.0, 0.0)
    )
    thumb = ROOM + 3 * dx + 2 * dy + given.get("scene", 0.0)
    return Moment(face, given.get("others", 0), thumb.astype(np.float32), given["stale"])


def swaying(frames, period, drift=0.0):
    turn = 2 * np.pi * np.arange(frames) / period
    return [moment(4 * np.sin(t) + drift * n, 2 * np.cos(t)) for n, t in enumerate(turn)]


def fine(moments):
    return usable(moments, SIZE)[""]


@pytest.mark.parametrize("period", [70, 110, 130])
def test_what_comes_again_is_found(period):
    moments = swaying(420, period)
    cut = find(moments, fine(moments))
    assert cut is not None and not cut.mirrored
    assert cut.length % period in (0, 1, period - 1) and cut.seam < 1
    assert seam.LEAST_SECONDS * FPS <= cut.length <= seam.MOST_SECONDS * FPS


def test_a_loop_is_not_shorter_than_it_must_be():
    moments = swaying(700, 60)
    assert find(moments, fine(moments)).length >= 220


def test_what_never_comes_again_is_played_there_and_back():
    moments = swaying(200, 90, drift=0.8)
    cut = find(moments, fine(moments))
    assert cut is not None and cut.mirrored
    assert cut.frames == 2 * cut.length - 2 >= seam.LEAST_SECONDS * FPS
    assert judge.loop(cut).verdict is Verdict.FAIR


def test_two_seconds_are_enough_for_there_and_back():
    assert find(swaying(50, 90), fine(swaying(50, 90))) is None
    cut = find(swaying(56, 90), fine(swaying(56, 90)))
    assert cut is not None and cut.mirrored and cut.frames >= 100


def test_moments_that_are_no_good_are_left_out():
    moments = swaying(400, 100)
    moments[150] = moment(gap=0.05)
    cut = find(moments, fine(moments))
    assert cut.begin > 150 or cut.begin + cut.length + seam.FADE <= 150


@pytest.mark.parametrize(
    ("fault", "seen"),
    [
        ("no face", {"gone": True}),
        ("face not whole in the picture", {"dx": 150}),
        ("turned away", {"yaw": 30.0}),
        ("mouth open", {"gap": 0.04}),
        ("mouth open", {"jaw": 0.3}),
        ("something before the mouth", {"chip": 255 - SKIN}),
        ("no picture", {"stale": True}),
        ("cut", {"scene": 60.0}),
    ],
)
def test_every_fault_is_told_by_its_name(fault, seen):
    moments = swaying(60, 50)
    moments[30] = moment(**seen)
    free = usable(moments, SIZE)
    assert not free[fault][30] and free[fault][:29].all()
    assert not free[""][30]
    if fault not in ("no face", "cut"):
        others = [name for name in free if name not in (fault, "", "cut")]
        assert all(free[name].all() for name in others)


def test_every_fault_has_an_advice():
    names = set(usable([moment()] * 3, SIZE)) - {""}
    assert names == set(judge.CAUSES) == set(judge.ADVICE)


def test_a_speaking_person_is_refused_with_what_to_film():
    moments = [moment(gap=0.05 if n % 20 > 5 else 0.004) for n in range(200)]
    free = usable(moments, SIZE)
    assert find(moments, free[""]) is None
    said = str(judge.nothing(free))
    assert said.startswith("bad   lips: no quiet stretch of 2 s (longest 0.2 s): mouth open in 70%")
    assert "film 10 to 60 seconds" in said


def test_runs():
    assert runs(np.array([0, 1, 1, 0, 1], bool)) == [(1, 3), (4, 5)]
    assert runs(np.zeros(0, bool)) == []


def test_two_faces_are_refused_and_a_passer_by_is_not():
    together = [moment(others=1)] * 50
    bad = judge.people(together, usable(together, SIZE))
    assert bad[0].verdict is Verdict.BAD and "more than one in 100%" in bad[0].value
    passing = [moment(others=int(n == 3)) for n in range(100)]
    assert judge.people(passing, usable(passing, SIZE))[0].verdict is Verdict.GOOD


def test_nobody_is_refused():
    nobody = [moment(gone=True)] * 50
    (finding,) = judge.people(nobody, usable(nobody, SIZE))
    assert finding.verdict is Verdict.BAD and finding.value == "none found"


@pytest.mark.parametrize(
    ("facts", "seconds", "measure", "verdict"),
    [
        (Facts(1080, 1920, 30, "hevc", curve="HLG"), 20, "length", Verdict.GOOD),
        (Facts(1080, 1920, 30, "hevc"), 1.5, "length", Verdict.BAD),
        (Facts(200, 360, 30, "h264"), 20, "picture", Verdict.BAD),
        (Facts(360, 640, 30, "h264"), 20, "picture", Verdict.FAIR),
        (Facts(1080, 1920, 15, "h264"), 20, "frames", Verdict.FAIR),
        (Facts(1080, 1920, 5, "h264"), 20, "frames", Verdict.BAD),
        (Facts(1080, 1920, 25, "h264", interlaced=True), 20, "half pictures", Verdict.FAIR),
    ],
)
def test_the_file_is_judged(facts, seconds, measure, verdict):
    found = {each.measure: each for each in judge.file(facts, seconds, Losses())}
    assert found[measure].verdict is verdict
    assert bool(found[measure].advice) == (verdict is not Verdict.GOOD)


def test_damage_that_was_survived_is_told():
    losses = Losses(packets=100, damaged=2, why="x")
    found = judge.file(Facts(1080, 1920, 30, "h264"), 20, losses)
    assert "2 of 100 parts" in [each.value for each in found]


def test_a_good_loop_is_good_and_a_far_one_fair():
    assert judge.loop(Stretch(0, 300, 1.0)).verdict is Verdict.GOOD
    assert judge.loop(Stretch(0, 300, FAR + 1)).verdict is Verdict.FAIR
    assert judge.loop(Stretch(0, 120, 1.0)).verdict is Verdict.FAIR
