"""A rundown in the making.

In:  nothing.   Out: plain values that are written as TOML and read back as a rundown.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from livehost.brain.script import Segment

CHINESE_SECOND = 4.8  # characters spoken in a second
ENGLISH_SECOND = 14.0  # letters and blanks
PAUSE = 0.35  # seconds after a line


@dataclass(slots=True)
class DraftLine:
    """A line and its wordings.

    Attributes:
        texts: at least one; the first is the line's text, the others are its variants.
        beat: id of the beat that it was made from; "" where it was read from a file.
        fixed: a language model may not touch it.
    """

    texts: list[str]
    emotion: str = ""
    promotion: str = ""
    show: str = ""
    beat: str = ""
    fixed: bool = False
    rank: int = 1


@dataclass(slots=True)
class DraftSegment:
    """A segment; see `livehost.brain.script`."""

    id: str
    kind: str
    product: str | None = None
    lines: list[DraftLine] = field(default_factory=list)


@dataclass(slots=True)
class Draft:
    """A rundown.

    Attributes:
        notes: what was left out or replaced and why, for whoever wrote the facts.
    """

    segments: list[DraftSegment] = field(default_factory=list)
    forbidden: tuple[str, ...] = ()
    notes: list[str] = field(default_factory=list)

    def lines(self) -> Iterator[tuple[DraftSegment, DraftLine]]:
        """Yield every line with its segment, in order."""
        for segment in self.segments:
            for line in segment.lines:
                yield segment, line


def draft_of(segments: tuple[Segment, ...], forbidden: tuple[str, ...]) -> Draft:
    """Return a loaded rundown as a draft."""
    return Draft(
        [
            DraftSegment(
                segment.id,
                segment.kind.value,
                segment.product,
                [
                    DraftLine([line.text, *line.variants], line.emotion, line.promotion, line.show)
                    for line in segment.lines
                ],
            )
            for segment in segments
        ],
        forbidden,
    )


def seconds(text: str) -> float:
    """Return about how long it takes to say a text."""
    latin = sum(char.isascii() for char in text)
    return latin / ENGLISH_SECOND + (len(text) - latin) / CHINESE_SECOND + PAUSE
