"""Judge a talking face by its landmarks: does the mouth follow the sound, and is the rest calm?

In:  per picture: landmarks of MediaPipe, blink scores, the sound's level.   Out: numbers.

The judge is not the model that drives the face: it sees pictures and hears sound, as viewers do.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

F32 = NDArray[np.float32]

UPPER_LIP, LOWER_LIP = 13, 14  # inner edge, middle
LEFT_EYE, RIGHT_EYE = 263, 33  # outer corners
LIPS = (61, 291, 0, 17, 13, 14, 78, 308, 37, 267, 84, 314)  # corners, outer and inner edges
MOUTH = np.array(LIPS)
SKULL = np.array((98, 327, 168, 6, 133, 362))  # nostrils, bridge, inner corners of the eyes
MOST_LAG = 8  # pictures
QUIET_DB, FLOOR_DB = -45.0, -55.0
REST_SECONDS = 0.4  # after the last sound, until the lips must be still
BLINK_ON, BLINK_OFF = 0.45, 0.3  # MediaPipe's blink score, both eyes
MOST_BLINK_SECONDS = 0.6
CLOSED_SHARE = 0.15  # of the way from shut to wide open that still counts as shut
BORDER_PICTURES = 3
CLOSURE_SECONDS = 0.0401  # one picture at 25 a second, and rounding


@dataclass(frozen=True)
class Track:
    """What was seen and heard.

    Attributes:
        fps: pictures a second.
        points: (n, 478, 2) float32, in any unit.
        blink: (n,) float32, MediaPipe's score, the lesser of both eyes.
        level: (n,) float32, dB of the voice while each picture is shown.
        at: (n,) float64, seconds, when each picture is shown.
    """

    fps: float
    points: F32
    blink: F32
    level: F32
    at: NDArray[np.float64]

    @property
    def opening(self) -> F32:
        """Return (n,): the gap between the inner lips, in distances of the outer eye corners."""
        gap = self.points[:, LOWER_LIP] - self.points[:, UPPER_LIP]
        return np.asarray(np.linalg.norm(gap, axis=1) / self._eyes, np.float32)

    @property
    def _eyes(self) -> F32:
        apart = self.points[:, LEFT_EYE] - self.points[:, RIGHT_EYE]
        return np.asarray(np.median(np.linalg.norm(apart, axis=1)), np.float32)

    @property
    def motion(self) -> F32:
        """Return (n - 1,): how far the lips move to the next picture, without the head's part."""
        return self._steps(MOUTH)

    @property
    def noise(self) -> F32:
        """Return (n - 1,): the same of points that cannot move: what the judge sees too much."""
        return self._steps(SKULL)

    def _steps(self, indexes: NDArray[np.int_]) -> F32:
        points = self.points[:, indexes] - self.points[:, [1]]  # the tip of the nose
        steps = np.linalg.norm(np.diff(points, axis=0), axis=2).mean(1)
        return np.asarray(steps / self._eyes, np.float32)


def follows(track: Track) -> dict[str, float]:
    """Return the correlation of mouth opening and level, and the lag where it is best.

    A positive lag: the mouth is late.
    """
    level = _smooth(np.maximum(track.level, FLOOR_DB))
    opening = _smooth(track.opening)
    found = {lag: _correlation(opening, level, lag) for lag in range(-MOST_LAG, MOST_LAG + 1)}
    best = max(found, key=lambda lag: found[lag])
    return {
        "r": round(found[best], 3),
        "lag_ms": round(1000 * best / track.fps),
        "r_without_lag": round(found[0], 3),
    }


def silence(track: Track) -> dict[str, float]:
    """Return the lips' movement while nothing sounds, as a share of that in speech.

    Landmarks tremble, and swim when the head turns. So the movement is what the lips do beyond
    points of the skull (root of the difference of mean squares).
    """
    still, speaking = still_pictures(track), track.level > QUIET_DB
    calm, loud = (still[1:] & still[:-1]), (speaking[1:] & speaking[:-1])
    if not calm.any() or not loud.any():
        return {"seconds": 0.0}
    moved = [_beyond(track.motion[part], track.noise[part]) for part in (calm, loud)]
    opening = track.opening
    floor = float(np.median(opening[still]))
    return {
        "seconds": round(float(still.sum()) / track.fps, 1),
        "movement_share": round(moved[0] / moved[1], 4),
        "tremble_share": round(float(track.noise[calm].mean() / track.motion[loud].mean()), 4),
        "opening_share": round(
            float(np.abs(opening[still] - floor).mean() / (opening[speaking] - floor).mean()), 4
        ),
    }


def _beyond(lips: F32, skull: F32) -> float:
    """Return the root mean square of what is in `lips` and not in `skull`."""
    return float(np.sqrt(max(0.0, np.mean(lips**2) - np.mean(skull**2))))


def still_pictures(track: Track) -> NDArray[np.bool_]:
    """Return (n,): the pictures in which the lips have no reason to move."""
    rest = round(REST_SECONDS * track.fps)
    loud = track.level > QUIET_DB
    near = np.convolve(loud, np.ones(2 * rest + 1), "same") > 0
    return np.asarray(~near, np.bool_)


def blinks(track: Track) -> dict[str, float]:
    """Return how many blinks a minute, and their mean length in seconds."""
    lengths, began = [], None
    for index, score in enumerate(track.blink):
        if began is None and score > BLINK_ON:
            began = index
        elif began is not None and score < BLINK_OFF:
            lengths.append((index - began) / track.fps)
            began = None
    real = [length for length in lengths if length <= MOST_BLINK_SECONDS]
    minutes = len(track.blink) / track.fps / 60
    return {
        "per_minute": round(len(real) / minutes, 1),
        "mean_seconds": round(float(np.mean(real)), 3) if real else 0.0,
    }


def borders(track: Track) -> dict[str, float]:
    """Return the lips' largest step where speech begins or ends, against steps within speech."""
    speaking = ~still_pictures(track)
    motion = track.motion
    normal = motion[(speaking[1:] & speaking[:-1])]
    rest = round(REST_SECONDS * track.fps)
    change = np.diff(speaking.astype(np.int8))
    edges = [*(np.flatnonzero(change > 0) + rest), *(np.flatnonzero(change < 0) - rest)]
    near = [motion[max(0, e - BORDER_PICTURES) : e + BORDER_PICTURES + 1] for e in edges]
    steps = [part.max() for part in near if len(part)]
    if not steps or not len(normal):
        return {"borders": 0}
    usual = float(np.percentile(normal, 99))
    return {
        "borders": len(steps),
        "largest_against_p99": round(float(max(steps)) / usual, 3),
    }


def closures(track: Track, spans: list[tuple[float, float]]) -> dict[str, float]:
    """Return the share of b, p and m whose lips are seen to meet.

    Args:
        spans: (begin, end) of each phone, in seconds of the recording.
    """
    opening = track.opening
    still = still_pictures(track)
    shut = float(np.median(opening[still])) if still.any() else float(np.percentile(opening, 2))
    wide = float(np.percentile(opening[~still], 95))
    most = shut + CLOSED_SHARE * (wide - shut)
    least = []
    for begin, end in spans:
        near = (track.at + 1 / track.fps >= begin - CLOSURE_SECONDS) & (
            track.at <= end + CLOSURE_SECONDS
        )
        if near.any():
            least.append(float(opening[near].min()))
    if not least:
        return {"phones": 0}
    return {
        "phones": len(least),
        "closed": round(float(np.mean(np.array(least) <= most)), 3),
        "counts_as_closed_share": CLOSED_SHARE,
        "median_share_of_wide": round((float(np.median(least)) - shut) / (wide - shut), 3),
    }


def verdict(track: Track, spans: list[tuple[float, float]]) -> dict[str, Any]:
    """Return all measures of a recording."""
    return {
        "pictures": len(track.at),
        "follows": follows(track),
        "silence": silence(track),
        "blinks": blinks(track),
        "borders": borders(track),
        "closures": closures(track, spans),
    }


def _smooth(values: F32) -> F32:
    return np.asarray(np.convolve(values, np.ones(3) / 3, "same"), np.float32)


def _correlation(opening: F32, level: F32, lag: int) -> float:
    """Return Pearson's r of the opening `lag` pictures after the level."""
    late, early = (opening[lag:], level[: len(level) - lag]) if lag >= 0 else (
        opening[:lag], level[-lag:]
    )  # fmt: skip
    if early.std() < 1e-6 or late.std() < 1e-6:
        return 0.0
    return float(np.corrcoef(late, early)[0, 1])
