"""Captions of a clip: those of the sentence that sounds, or of an SRT file; and SRT to write.

In:  what sounds now, or the time.   Out: the caption, and how much of it is said.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from livehost.clip.given import read_text
from livehost.clock import SAMPLE_RATE
from livehost.errors import ConfigError
from livehost.stage.playout import Spoken

STAYS_SECONDS = 0.5
"""How long a caption stays after its last word."""
_USUAL = 11_000  # samples to a character, where a voice has no timings
_TIME = r"(\d+):(\d\d):(\d\d)[,.](\d{1,3})"
_SPAN = re.compile(rf"\s*{_TIME}\s*-->\s*{_TIME}")
_MARKUP = re.compile(r"<[^>]*>|\{\\[^}]*\}")

Shown = tuple[str, float]


@dataclass(frozen=True, slots=True)
class Cue:
    """A caption and the samples of the clip's speech over which it is shown."""

    start: int
    end: int
    text: str


class Captions(Protocol):
    """Says what is written on each tick."""

    def at(self, sample: int, spoken: Spoken | None) -> Shown:
        """Return the caption, "" for none, and the share of it that is said; in order of time.

        Args:
            sample: the tick's first, counted from the beginning of the speech.
        """


class Said:
    """The sentences themselves, each until shortly after its end."""

    def __init__(self) -> None:
        self._shown: Shown = "", 0.0
        self._until = 0

    def at(self, sample: int, spoken: Spoken | None) -> Shown:
        if spoken:
            total = spoken.phones[-1].end if spoken.phones else _USUAL * len(spoken.text)
            self._shown = spoken.text, min(1.0, max(0.0, spoken.start / max(total, 1)))
            self._until = sample + round(STAYS_SECONDS * SAMPLE_RATE)
        return self._shown if sample <= self._until else ("", 0.0)


class Given:
    """Captions that came with a recording.

    Args:
        cues: sorted by their start.
    """

    def __init__(self, cues: Sequence[Cue]) -> None:
        self._cues = cues
        self._starts = [cue.start for cue in cues]

    def at(self, sample: int, spoken: Spoken | None) -> Shown:
        index = bisect_right(self._starts, sample) - 1
        cue = self._cues[index] if index >= 0 else None
        if cue is None or sample >= cue.end:
            return "", 0.0
        return cue.text, (sample - cue.start) / (cue.end - cue.start)


def read_srt(path: Path) -> list[Cue]:
    """Return the captions of an SRT file.

    Raises ConfigError: it cannot be read, or holds none.
    """
    text = read_text(path)
    cues = [cue for block in re.split(r"\r?\n\s*\r?\n", text) if (cue := _cue(block))]
    if not cues:
        raise ConfigError(f"{path}: holds no captions; write it as SRT")
    return sorted(cues, key=lambda cue: cue.start)


def _cue(block: str) -> Cue | None:
    lines = block.strip().splitlines()
    for number, line in enumerate(lines[:2]):
        if match := _SPAN.match(line):
            start, end = _sample(match.groups()[:4]), _sample(match.groups()[4:])
            said = _MARKUP.sub("", " ".join(lines[number + 1 :])).strip()
            return Cue(start, end, said) if said and end > start else None
    return None


def _sample(parts: Sequence[str]) -> int:
    hours, minutes, seconds = (int(part) for part in parts[:3])
    milliseconds = int(parts[3].ljust(3, "0"))
    return (
        (hours * 60 + minutes) * 60 + seconds
    ) * SAMPLE_RATE + milliseconds * SAMPLE_RATE // 1000


def srt(cues: Sequence[Cue]) -> str:
    """Return captions as the text of an SRT file."""
    return "".join(
        f"{number}\n{_written(cue.start)} --> {_written(cue.end)}\n{cue.text}\n\n"
        for number, cue in enumerate(cues, 1)
    )


def _written(sample: int) -> str:
    milliseconds = sample * 1000 // SAMPLE_RATE
    seconds, rest = divmod(milliseconds, 1000)
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02},{rest:03}"
