"""The rundown file: its tables and keys, each checked by itself.

In:  a TOML file.   Out: `Rundown`.
"""

from __future__ import annotations

import re
from datetime import tzinfo
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BeforeValidator,
    Field,
    field_validator,
    model_validator,
)

from livehost.brain.emotion import Emotion
from livehost.brain.product import Id, Some, Text
from livehost.brain.programme.clock import DAY, WEEKDAYS, Window
from livehost.brain.script import Interrupt, Kind, unknown_slot
from livehost.brain.storyboard import SHOW
from livehost.config import Model

_CLOCK = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)")


def _minute(value: Any) -> int:
    """Return "20:05" as a minute of the day; a minute is kept."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    said = str(value).removesuffix(":00") if str(value).count(":") == 2 else str(value)
    if said == "24:00":
        return DAY
    if not (found := _CLOCK.fullmatch(said)):
        raise ValueError('write a time of day like "20:30"')
    return int(found[1]) * 60 + int(found[2])


Minute = Annotated[int, BeforeValidator(_minute), Field(ge=0, le=DAY)]


class LineText(Model):
    """A line in the file: a string, or a table with these keys."""

    more_slots: ClassVar[tuple[str, ...]] = ()
    id: Id | None = None
    """By which experiments name it."""
    text: Text
    emotion: Emotion | None = None
    """None takes the segment's."""
    promotion: Id | None = None
    variants: tuple[Text, ...] = ()
    """Other wordings; each round takes another one."""
    show: str | None = Field(default=None, pattern=f"^(?:{SHOW.pattern})$")
    """What is on the picture meanwhile."""
    optional: bool = False
    """Left out while the chat is busy."""

    @field_validator("variants")
    @classmethod
    def _known_slots_in_all(cls, values: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(cls._known_slots(value) for value in values)

    @field_validator("text")
    @classmethod
    def _known_slots(cls, value: str) -> str:
        if wrong := unknown_slot(value, cls.more_slots):
            raise ValueError(wrong)
        return value


def _line(value: Any) -> Any:
    return {"text": value} if isinstance(value, str) else value


Said = Annotated[LineText, BeforeValidator(_line)]


class Timed(Model):
    """What has hours and days."""

    since: Minute | None = Field(default=None, alias="from")
    """Time of day from which it is on."""
    until: Minute | None = None
    """Time of day until which it is on; before `from`, it goes on over midnight."""
    start: AwareDatetime | None = None
    end: AwareDatetime | None = None
    weekdays: tuple[Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"], ...] = ()

    @model_validator(mode="after")
    def _some_time(self) -> Self:
        if self.since is not None and self.since == self.until:
            raise ValueError("from and until are the same; leave both out for the whole day")
        if self.start and self.end and self.end <= self.start:
            raise ValueError("end must be later than start")
        return self

    def window(self, zone: tzinfo) -> Window:
        """Return when it is on, in the room's time zone."""
        days = frozenset(WEEKDAYS.index(day) for day in self.weekdays)
        since = 0 if self.since is None else self.since
        until = DAY if self.until is None else self.until
        return Window(since, until, self.start, self.end, days, zone)


class SegmentText(Timed):
    """[[segment]] of a rundown file."""

    id: Id
    kind: Kind
    product: Id | None = None
    emotion: Emotion | None = None
    """Of the lines that name none; None leaves it to their sentences."""
    minutes: float | None = Field(default=None, gt=0, le=24 * 60)
    """It goes on with its lines until that long has passed."""
    repeat: int = Field(default=1, ge=1, le=1000)
    """Times through the lines."""
    interrupt: Interrupt | None = None
    """Where answers to viewers are let in; None takes the room's."""
    lines: Some[Said]

    @model_validator(mode="after")
    def _lines_have_own_ids(self) -> Self:
        names = [line.id for line in self.lines if line.id]
        if twice := next((name for name in names if names.count(name) > 1), None):
            raise ValueError(f"two lines have the id {twice}")
        return self

    @model_validator(mode="after")
    def _one_length(self) -> Self:
        if self.minutes and self.repeat > 1:
            raise ValueError("give minutes or repeat, not both")
        return self


class AnnouncementText(Timed):
    """[[announcement]]: said every so often, or at times of the day."""

    id: Id
    every_minutes: float | None = Field(default=None, ge=1, le=24 * 60)
    at: tuple[Minute, ...] = ()
    product: Id | None = None
    """Whose card fills the slots and is shown meanwhile."""
    lines: Some[Said]

    @model_validator(mode="after")
    def _one_rhythm(self) -> Self:
        if (self.every_minutes is None) == (not self.at):
            raise ValueError("give either every_minutes or at")
        return self


class FillerText(Timed):
    """[[filler]]: said when the chat is quiet."""

    product: Id | None = None
    lines: Some[Said]


class SaleLineText(LineText):
    """A line about a flash sale."""

    more_slots: ClassVar[tuple[str, ...]] = ("left",)


SaleLine = Annotated[SaleLineText, BeforeValidator(_line)]


def _falling(marks: tuple[float, ...]) -> tuple[float, ...]:
    if any(not 0 < mark <= 24 * 60 for mark in marks):
        raise ValueError("marks are minutes before the end, above 0")
    return tuple(sorted(set(marks), reverse=True))


class FlashSaleText(Model):
    """[[flash_sale]]: a promotion of a card that holds for minutes, with a countdown."""

    id: Id
    product: Id
    promotion: Id
    """Of the product's card; it needs a price, and holds only during the sale."""
    start: AwareDatetime | None = None
    end: AwareDatetime | None = None
    at: tuple[Minute, ...] = ()
    """Times of day at which it begins; without these and without start the operator starts it."""
    minutes: float | None = Field(default=None, gt=0, le=24 * 60)
    """How long it goes on where no end is given."""
    marks: Annotated[tuple[float, ...], AfterValidator(_falling)] = (10.0, 5.0, 1.0)
    """Minutes before the end at which the time left is said."""
    opening: tuple[SaleLine, ...] = ()
    """Said when it begins; built-in words when empty."""
    countdown: tuple[SaleLine, ...] = ()
    """Wordings of the time left, taken in turns; built-in words when empty."""
    ending: tuple[SaleLine, ...] = ()
    """Said when it is over; built-in words when empty."""

    @model_validator(mode="after")
    def _has_an_end(self) -> Self:
        if self.start and self.end and self.end <= self.start:
            raise ValueError("end must be later than start")
        if self.end and not self.start:
            raise ValueError("end needs start")
        if self.at and self.start:
            raise ValueError("give either start or at")
        if self.end and self.minutes:
            raise ValueError("give either end or minutes")
        if (self.at or self.start) and not (self.end or self.minutes):
            raise ValueError("minutes is required: how long it goes on")
        return self


class Rundown(Model):
    """A rundown file."""

    forbidden: tuple[Text, ...] = ()
    """Claims that must never be made in this room."""
    segment: Some[SegmentText]
    announcement: tuple[AnnouncementText, ...] = ()
    filler: tuple[FillerText, ...] = ()
    flash_sale: tuple[FlashSaleText, ...] = ()
