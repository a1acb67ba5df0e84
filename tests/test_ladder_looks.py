"""What viewers see of the quality ladder: nothing. She never moves faster than she always does."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from livehost.avatar import load_avatar
from livehost.clock import Timeline
from livehost.media import Face, Quality
from livehost.stage.drive import Drive
from livehost.stage.render import make_renderer

AVATAR = Path(__file__).parents[1] / "avatars" / "xiaohe"
SIZE = (180, 320)
TICKS = 900
FULL, MOUTH_ONLY, MOUTH_HALF, HOLD = list(Quality)[:4]
LADDER = [
    # Down at once and up by and by, as the ladder goes; then swinging; then deep falls.
    *[(FULL, 30), (MOUTH_ONLY, 2), (MOUTH_HALF, 2), (HOLD, 50), (MOUTH_HALF, 50)],
    *[(MOUTH_ONLY, 50), (FULL, 60), (MOUTH_ONLY, 3), (FULL, 20), (MOUTH_ONLY, 20), (FULL, 4)],
    *[(MOUTH_ONLY, 1), (FULL, 1), (MOUTH_ONLY, 40), (MOUTH_HALF, 40), (MOUTH_ONLY, 9)],
    *[(FULL, 90), (HOLD, 100), (FULL, 80), (HOLD, 1), (MOUTH_HALF, 1), (FULL, 50), (HOLD, 96)],
    *[(FULL, 100)],
]


@pytest.fixture(scope="module")
def avatar():
    return load_avatar(AVATAR)


@pytest.fixture(scope="module")
def film(avatar):
    """The host as she moves while she speaks, three ticks to a viseme."""
    drive, known = Drive(avatar, Timeline(Fraction(25))), list(avatar.visemes.values())

    def face(tick):
        moving, (at, part) = drive.face(tick, None), divmod(tick, 3)
        mouth = known[at % len(known)] * (3 - part) / 3 + known[(at + 1) % len(known)] * part / 3
        shapes = np.clip(moving.shapes + 0.8 * mouth, 0, 1).astype(np.float32)
        return Face(shapes, moving.pose, moving.body)

    return [face(tick) for tick in range(TICKS)]


def moved(avatar, film, levels):
    """How far each picture is from the one before: in all, and at the place that changes most."""
    renderer, before, out = make_renderer(avatar, *SIZE), None, []
    for face, quality in zip(film, levels, strict=True):
        layer = renderer.render(face, quality)
        cover = layer.alpha.astype(np.float32) / 255
        now = layer.picture.y * cover + 120 * (1 - cover)
        if before is not None:
            change = np.abs(now - before)
            rows, columns = (side // 8 for side in change.shape)
            blocks = change[: rows * 8, : columns * 8].reshape(rows, 8, columns, 8).mean((1, 3))
            out.append((change.mean(), blocks.max()))
        before = now
    return np.array(out)


def test_no_change_of_level_is_a_jump(avatar, film):
    levels = [quality for quality, ticks in LADDER for _ in range(ticks)]
    assert len(levels) == TICKS
    usual = moved(avatar, film, [FULL] * TICKS)
    # The most that she does anyway: one picture in a hundred moves more than this.
    whole, place = np.percentile(usual, 99, axis=0)
    seen = moved(avatar, film, levels)
    near = np.zeros(TICKS - 1, bool)  # within two seconds of a change
    for tick in np.flatnonzero(np.diff(levels)):
        near[tick : tick + 50] = True
    assert near.sum() > 500
    most = np.maximum(usual, [whole, place])  # what she does at that moment without a ladder
    assert (seen <= 1.1 * most)[near].all()
