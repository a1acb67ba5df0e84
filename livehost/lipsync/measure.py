"""How far a mouth that follows sound is from one that knows the phones, on voices never heard.

In:  a folder of clips (`livehost.lipsync.data`), an ONNX model.   Out: a table as JSON.

    python -m livehost.lipsync.measure HELD_OUT livehost/stage/drive/audio.onnx

Everything is judged as it goes on air: tick by tick at 25 fps. The hand-made mouth and the one that
knows the phones are judged beside it; `python -m livehost.lipsync.train` must not have seen the
clips.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from livehost.avatar import Avatar
from livehost.clock import SAMPLE_RATE
from livehost.lipsync import conditions
from livehost.lipsync.data import Clip, folder
from livehost.lipsync.labels import reference
from livehost.media import SHAPE
from livehost.stage.drive.audio import AudioMouth, Follower
from livehost.stage.drive.hearing import Hearing
from livehost.stage.drive.loudness import LoudnessMouth
from livehost.stage.drive.phones import segments
from livehost.stage.drive.timings import GROUP_OF, GROUPS, Articulator, Curve
from livehost.stage.playout import AHEAD_SAMPLES

Values = NDArray[np.float32]

TICK = SAMPLE_RATE // 25
NEAR = 0.04
"""Seconds within which lips must shut around a closure."""
CLOSED, OPEN_VOWEL = 0.08, 0.3
"""Opening below which lips are shut; jaw of a viseme that must not be."""
_LAGS = 6  # ticks tried to each side
_OPENING = {
    "jawOpen": 1.0,
    "mouthUpperUpLeft": 0.5,
    "mouthUpperUpRight": 0.5,
    "mouthLowerDownLeft": 0.5,
    "mouthLowerDownRight": 0.5,
}

Follow = Callable[[], Follower]


@dataclass(frozen=True, slots=True)
class Said:
    """A clip as it is judged.

    Attributes:
        clip: what is said; sound: (n,) float32 at 48 kHz, as it is heard.
        truth: (ticks, 53) by its phones.
    """

    clip: Clip
    sound: Values
    truth: Values


def followed(mouth: Follower, sound: Values, ahead: int = AHEAD_SAMPLES) -> Values:
    """Return (ticks, 53): what `mouth` makes of `sound`, with `ahead` samples to look ahead."""
    mouth.reset()
    ends = range(TICK, len(sound) + 1, TICK)
    return np.stack(
        [mouth.shapes(sound[e - TICK : e], sound[e : e + ahead], TICK / SAMPLE_RATE) for e in ends]
    )


def known(curve: Curve, ticks: int) -> Values:
    """Return (ticks, 53) of a mouth that knows the phones."""
    return np.stack([curve.at((n + 0.5) * TICK / SAMPLE_RATE) for n in range(ticks)])


def opening(shapes: Values) -> Values:
    """Return how far lips are apart in each of (ticks, 53)."""
    return np.asarray(
        sum(shapes[:, SHAPE[name]] * part for name, part in _OPENING.items()), np.float32
    )


class Judge:
    """Compares mouths with the reference avatar's curves."""

    def __init__(self, avatar: Avatar) -> None:
        self._avatar = avatar
        self._articulator = Articulator(avatar.visemes, avatar.ipa)
        used = np.max(list(avatar.visemes.values()), axis=0) > 0
        self._members = [np.flatnonzero(used & (n == GROUP_OF)) for n in range(len(GROUPS))]

    def prepare(self, clip: Clip, sound: Values) -> Said:
        """Return a clip ready to be judged."""
        whole = np.pad(sound, (0, -len(sound) % TICK))
        return Said(clip, whole, known(self._articulator.curve(clip.phones), len(whole) // TICK))

    def judge(self, said: list[Said], mouths: list[Values]) -> dict[str, object]:
        """Return errors and rates of one mouth over all clips."""
        truth, ours = np.concatenate([s.truth for s in said]), np.concatenate(mouths)
        jaws = truth[:, SHAPE["jawOpen"]], ours[:, SHAPE["jawOpen"]]
        shut, wrong = self._closures(said, mouths)
        errors = {
            group: round(float(np.abs(truth - ours)[:, members].mean()), 4)
            for group, members in zip(GROUPS, self._members, strict=True)
        }
        return {
            "error": errors,
            "jaw_correlation": round(_correlation(*jaws), 3),
            "opening_correlation": round(_correlation(opening(truth), opening(ours)), 3),
            "movement": round(_movement(ours) / _movement(truth), 3),
            "lag_ms": _lag(said, mouths),
            "closed_on_bilabials": round(float(np.mean(shut)), 3),
            "closed_in_open_vowels": round(float(np.mean(wrong)), 3),
        }

    def _closures(self, said: list[Said], mouths: list[Values]) -> tuple[list[bool], list[bool]]:
        """Return of each bilabial, and of each open vowel, whether the lips shut."""
        shut, wrong = [], []
        for each, mouth in zip(said, mouths, strict=True):
            apart = opening(mouth)
            for segment in segments(each.clip.phones, self._avatar.ipa):
                if segment.viseme == "m":
                    near = _ticks(segment.start - NEAR, segment.end + NEAR, len(apart))
                    shut.append(bool(apart[near].min(initial=1) < CLOSED))
                elif self._jaw(segment.viseme) > OPEN_VOWEL and segment.length > 0.08:
                    middle = (segment.start + segment.end) / 2
                    near = _ticks(middle - 0.02, middle + 0.02, len(apart))
                    wrong.append(bool(apart[near].min(initial=1) < CLOSED))
        return shut, wrong

    def _jaw(self, viseme: str) -> float:
        return float(self._avatar.visemes[viseme][SHAPE["jawOpen"]])


def _ticks(start: float, end: float, count: int) -> NDArray[np.intp]:
    """Return the ticks whose middles lie between two times in seconds."""
    first = int(np.ceil(start * SAMPLE_RATE / TICK - 0.5))
    last = int(np.floor(end * SAMPLE_RATE / TICK - 0.5))
    return np.arange(max(0, first), min(count, last + 1))


def _correlation(a: Values, b: Values) -> float:
    return float(np.corrcoef(a, b)[0, 1]) if b.std() > 1e-6 else 0.0


def _movement(shapes: Values) -> float:
    """Return how much the opening changes in a tick."""
    return float(np.abs(np.diff(opening(shapes))).mean())


def _lag(said: list[Said], mouths: list[Values]) -> float:
    """Return by how many milliseconds the jaw is late, to a part of a tick."""
    jaw = SHAPE["jawOpen"]
    found = []
    for lag in range(-_LAGS, _LAGS + 1):
        first, last = max(0, -lag), max(0, lag)
        pairs = [
            (s.truth[first : len(m) - last, jaw], m[last : len(m) - first, jaw])
            for s, m in zip(said, mouths, strict=True)
        ]
        a, b = (np.concatenate(column) for column in zip(*pairs, strict=True))
        found.append(_correlation(a, b))
    best = min(max(int(np.argmax(found)), 1), 2 * _LAGS - 1)
    low, top, high = found[best - 1 : best + 2]
    shift = 0.5 * (low - high) / min(low - 2 * top + high, -1e-9)
    return round((best - _LAGS + shift) * 1000 * TICK / SAMPLE_RATE, 1)


def measure(clips: list[Clip], model: Path) -> dict[str, object]:
    """Return everything that is judged."""
    avatar = reference()
    judge, hearing = Judge(avatar), Hearing(model)

    def network() -> Follower:
        return AudioMouth(hearing, avatar.visemes)

    def by_hand() -> Follower:
        return LoudnessMouth(avatar.visemes)

    plain = [judge.prepare(clip, sound) for clip, sound in conditions.plain(clips)]
    spent = time.process_time()
    ours = [followed(network(), s.sound) for s in plain]
    spent = time.process_time() - spent
    table: dict[str, object] = {
        "seconds": round(sum(clip.seconds for clip in clips)),
        "known": judge.judge(plain, [s.truth for s in plain]),
        "network": judge.judge(plain, ours),
        "network, nothing ahead": judge.judge(
            plain, [followed(network(), s.sound, 0) for s in plain]
        ),
        "by hand": judge.judge(plain, [followed(by_hand(), s.sound) for s in plain]),
        "ms a tick": round(1000 * spent / sum(len(s.truth) for s in plain), 2),
    }
    table["voices"] = {
        voice: judge.judge(*_of(voice, plain, ours)) for voice in sorted({c.voice for c in clips})
    }
    table["conditions"] = {
        name: _both(judge, [judge.prepare(c, s) for c, s in heard], (network, by_hand))
        for name, heard in conditions.hard(clips)
    }
    level = _movement(np.concatenate([s.truth for s in plain]))
    table["movement without speech"] = {
        name: {
            "network": round(_movement(followed(network(), sound)) / level, 4),
            "by hand": round(_movement(followed(by_hand(), sound)) / level, 4),
        }
        for name, sound in conditions.speechless()
    }
    return table


def _of(voice: str, said: list[Said], mouths: list[Values]) -> tuple[list[Said], list[Values]]:
    kept = [n for n, each in enumerate(said) if each.clip.voice == voice]
    return [said[n] for n in kept], [mouths[n] for n in kept]


def _both(judge: Judge, said: list[Said], mouths: tuple[Follow, Follow]) -> dict[str, object]:
    """Return what matters most of the network's and the hand-made mouth."""
    names = ("jaw_correlation", "closed_on_bilabials", "closed_in_open_vowels")
    out: dict[str, object] = {}
    for name, make in zip(("network", "by hand"), mouths, strict=True):
        told = judge.judge(said, [followed(make(), s.sound) for s in said])
        out[name] = {key: told[key] for key in names}
    return out


def _lines(table: dict[str, object]) -> Iterator[str]:
    for key, value in table.items():
        yield f"{json.dumps(key)}: {json.dumps(value)}"


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("clips", type=Path, help="folder of clips of voices not trained on")
    parser.add_argument("model", type=Path)
    parser.add_argument("--most", type=int, default=1000, help="clips, from all voices")
    options = parser.parse_args()
    clips = folder(options.clips)
    table = measure(clips[:: -(-len(clips) // options.most)], options.model)
    print("{" + ",\n".join(_lines(table)) + "}")


if __name__ == "__main__":
    main()
