"""Everything beside the script, as intents: flash sales, announcements, fillers; and the mood.

In:  the plan in force, the wall clock, comments.   Out: `Intent`s; what a restart needs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

from livehost.brain.intent import Intent, IntentKind
from livehost.brain.product import Promotion
from livehost.brain.programme.asides import (
    FILLER_SECONDS,
    Announcements,
    Aside,
    Book,
    Fillers,
)
from livehost.brain.programme.clock import clock
from livehost.brain.programme.load import Plan
from livehost.brain.programme.mood import ChatRate, Mood
from livehost.brain.programme.sales import ENDING, OPENING, FlashSale, Memory, Sales, Word

FILLERS_READY = 2
"""Fillers that are made ready before it is known when they are said."""


def wall() -> datetime:
    """Return the present with the machine's time zone."""
    return datetime.now().astimezone()


def _nothing() -> Plan:
    return Plan(())


def _no_offer(_: FlashSale) -> Promotion | None:
    return None


@dataclass(frozen=True, slots=True)
class Settings:
    """What the room file says about the programme."""

    zone: tzinfo = UTC
    language: str = "zh"
    busy: float = 30.0
    quiet: float = 60.0
    filler_seconds: float = FILLER_SECONDS
    interrupt: str = "now"


class Programme:
    """What is said beside the script.

    Args:
        plan: returns the rundown in force; a reload may change it.
        offer: returns the promotion of a flash sale as the card has it.
        now: the loop's time at the start.
        wall: returns the present.
        kept: what `to_json` gave.
    """

    def __init__(
        self,
        plan: Callable[[], Plan] = _nothing,
        offer: Callable[[FlashSale], Promotion | None] = _no_offer,
        settings: Settings = Settings(),
        *,
        now: float = 0.0,
        wall: Callable[[], datetime] = wall,
        kept: Mapping[str, Any] | None = None,
    ) -> None:
        kept = kept or {}
        self._plan = plan
        self.settings = settings
        self.wall = wall
        self.rate = ChatRate(settings.busy, settings.quiet, now)
        memory = Memory.from_json(kept.get("sales", {}))
        self.sales = Sales(lambda: plan().sales, offer, settings.zone, settings.language, memory)
        began = kept.get("began")
        self._began = datetime.fromisoformat(began) if began else wall()
        self.announcements = Announcements(
            lambda: plan().announcements,
            settings.zone,
            self._began,
            Book.from_json(kept.get("announcements", {})),
        )
        self.fillers = Fillers(
            lambda: plan().fillers,
            Book.from_json(kept.get("fillers", {})),
            kept.get("filler", ""),
            settings.filler_seconds,
        )

    def to_json(self) -> dict[str, Any]:
        """Return what a restart needs, as JSON values."""
        return {
            "began": self._began.isoformat(),
            "sales": self.sales.memory.to_json(),
            "announcements": self.announcements.book.to_json(),
            "fillers": self.fillers.book.to_json(),
            "filler": self.fillers.last,
        }

    def mood(self, now: float) -> Mood:
        """Return what the chat is like at the loop's time `now`."""
        return self.rate.mood(now)

    def waiting(self) -> list[tuple[str, str]]:
        """Return (kind, reason) of what is due and was not taken yet."""
        moment = self.wall()
        due = [("sale", _said(word)) for word in [self.sales.next(moment)] if word]
        for aside in self._plan().announcements:
            at = self.announcements.due(aside, moment)
            if at and at <= moment:
                due.append(("announcement", _rhythm(aside)))
        return due

    # --- one kind each ----------------------------------------------------------------------------

    def take_sale(self) -> Intent | None:
        """Return what is to be said about a flash sale now."""
        word = self.sales.take(self.wall())
        return _of_sale(word) if word else None

    def take_announcement(self) -> Intent | None:
        """Return the announcement that is due."""
        found = self.announcements.take(self.wall())
        return self._announcement(found) if found else None

    def take_filler(self, now: float, alone: bool) -> Intent | None:
        """Return something to say in a silence.

        Args:
            alone: no segment is on; the chat may be as it likes.
        """
        moment = self.wall()
        quiet = self.mood(now) is Mood.QUIET and not self.sales.running(moment)
        if not (alone or quiet):
            return None
        found = self.fillers.take(moment, alone)
        reason = "no segment is on now" if alone else "chat is quiet"
        return self._filler(found, reason) if found else None

    def _announcement(self, aside: Aside) -> Intent:
        turn = self.announcements.book[aside.id].count
        return _of_aside(IntentKind.ANNOUNCEMENT, aside, _rhythm(aside), turn)

    def _filler(self, aside: Aside, reason: str) -> Intent:
        return _of_aside(IntentKind.FILLER, aside, reason, self.fillers.book[aside.id].count)

    # --- what is coming ---------------------------------------------------------------------------

    def coming(self, seconds: float) -> list[tuple[datetime, Intent]]:
        """Return what will be said in the next seconds, each with the moment it is due, in order.

        Of fillers, whose moment nobody knows, those that would be next. Nothing is taken.
        """
        now = self.wall()
        until = now + timedelta(seconds=seconds)
        soon = [(at, _of_sale(word)) for at, word in self.sales.coming(now, until)]
        for aside in self._plan().announcements:
            at = self.announcements.due(aside, now)
            if at and at < until:
                soon.append((max(at, now), self._announcement(aside)))
        soon.sort(key=lambda pair: pair[0])
        fillers = self.fillers.following(now)[:FILLERS_READY]
        return soon + [(now, self._filler(aside, "chat is quiet")) for aside in fillers]

    # --- what became of it ------------------------------------------------------------------------

    def put_back(self, intent: Intent) -> None:
        """Return what was taken and is not said now."""
        if intent.kind is IntentKind.SALE:
            self.sales.put_back(intent.of)
        elif intent.kind is IntentKind.ANNOUNCEMENT:
            self.announcements.put_back(intent.of)
        elif intent.kind is IntentKind.FILLER:
            self.fillers.put_back()

    def sending(self, intent: Intent) -> None:
        """Note that an intent is on its way to the viewers: it will not come again.

        The time to the next announcement or filler counts from the rest of one, too.
        """
        if intent.kind is IntentKind.SALE and not intent.resumed:
            self.sales.said(intent.of)
        elif intent.kind is IntentKind.ANNOUNCEMENT:
            self.announcements.said(intent.of, self.wall(), intent.resumed)
        elif intent.kind is IntentKind.FILLER:
            self.fillers.said(intent.of, self.wall(), intent.resumed)

    def past(self, intent: Intent) -> bool:
        """Return whether an intent is no longer true; if it is, a sale may find other words."""
        past = intent.past(self.wall())
        if past and intent.kind is IntentKind.SALE:
            self.sales.unsaid(intent.of)
        return past


def _of_sale(word: Word) -> Intent:
    sale, lines = word.run.sale, word.lines
    if word.phase not in (OPENING, ENDING):
        lines = (lines[word.turn % len(lines)],)
    return Intent(
        IntentKind.SALE,
        _said(word),
        product=sale.product,
        emotion=lines[0].emotion,
        urgent=True,
        lines=lines,
        turn=word.turn,
        of=word.mark,
        left=word.left,
        until=word.until,
    )


def _said(word: Word) -> str:
    said = {OPENING: "begins", ENDING: "is over"}.get(word.phase, f"{word.left} left")
    return f"flash sale {word.run.sale.id} {said}"


def _of_aside(kind: IntentKind, aside: Aside, reason: str, turn: int) -> Intent:
    return Intent(
        kind,
        reason,
        product=aside.product,
        emotion=aside.lines[0].emotion,
        lines=aside.lines,
        turn=turn,
        of=aside.id,
    )


def _rhythm(aside: Aside) -> str:
    if aside.at:
        return f"announcement {aside.id}, daily at {', '.join(clock(at) for at in aside.at)}"
    return f"announcement {aside.id}, every {aside.every / 60:g} minutes"
