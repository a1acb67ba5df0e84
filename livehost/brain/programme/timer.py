"""The programme of a room: put together at the start, and kept in step with the wall clock.

In:  the room, its catalog, what the state file remembers.   Out: sales that begin and end on time.

A sale changes what the card costs: the catalog, the picture and what is prepared are told in the
same turn of the loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Any, Protocol

from livehost.brain.catalog import Catalog
from livehost.brain.product import Product, plain
from livehost.brain.programme.programme import Programme, Settings, wall
from livehost.brain.programme.sales import Run
from livehost.config import Room, time_zone

LOOK = 1.0
"""Seconds between two looks at the clock."""

Tell = Callable[[str, dict[str, Any], str], object]
"""Takes kind, data, and an id that is the same when the same is told again."""


class Told(Protocol):
    """What a sale that begins or ends changes; see `livehost.brain.speaker.Speaker`."""

    def renew(self) -> None:
        """Take new texts and cards into use."""

    def plan(self) -> None:
        """Have the best intent made."""


class Kept(Protocol):
    """See `livehost.brain.state.State`."""

    def programme(self, values: dict[str, Any]) -> None:
        """Note what a restart needs."""


def make_programme(
    room: Room,
    catalog: Catalog,
    now: float,
    kept: dict[str, Any],
    clock: Callable[[], datetime] = wall,
) -> Programme:
    """Return the programme of a room; the sales that are on now are in force at once."""
    show = room.show
    settings = Settings(
        time_zone(show.time_zone),
        room.language,
        show.busy_per_minute,
        show.quiet_seconds,
        show.filler_minutes * 60,
        show.interrupt,
    )
    made = Programme(lambda: catalog.plan, catalog.offer, settings, now=now, wall=clock, kept=kept)
    catalog.put_on(made.sales.windows(clock()))
    return made


class Timer:
    """Looks at the clock.

    Args:
        values: returns what a restart needs.
    """

    def __init__(
        self,
        programme: Programme,
        catalog: Catalog,
        speaker: Told,
        state: Kept,
        values: Callable[[], dict[str, Any]],
        tell: Tell,
    ) -> None:
        self._programme = programme
        self._catalog = catalog
        self._speaker = speaker
        self._state = state
        self._values = values
        self._tell = tell
        self._looked = asyncio.Event()

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            self.look()
            edge = self._programme.sales.edge(self._programme.wall())
            self._looked.clear()
            try:
                async with asyncio.timeout(max(0.01, min(LOOK, edge))):
                    await self._looked.wait()
            except TimeoutError:
                pass

    def look(self) -> None:
        """Put in force what is on now, and tell what has begun or ended."""
        now = self._programme.wall()
        sales = self._programme.sales
        news = sales.news(now)
        if self._catalog.put_on(sales.windows(now)) or news:
            self._speaker.renew()
        for what, run in news:
            self._tell(f"flash_sale.{what}", self._data(run, now), f"{run.key}/{what}")
        if news:
            self._state.programme(self._values())
        self._speaker.plan()

    def _data(self, run: Run, now: datetime) -> dict[str, Any]:
        sale = run.sale
        product = self._catalog.products.get(sale.product)
        offer = self._catalog.offer(sale)
        return {
            "sale": sale.id,
            "product": sale.product,
            "promotion": sale.promotion,
            "price": plain(offer.price) if offer and offer.price else None,
            "usual": plain(product.price) if product else None,
            "start": run.start.isoformat(),
            "end": run.end.isoformat(),
        }


def sale_end(programme: Programme) -> Callable[[Product, datetime], datetime | None]:
    """Return a function that tells when the running flash sale of a product ends."""

    def end(product: Product, now: datetime) -> datetime | None:
        on = programme.sales.running(now, product.id)
        return on[0].end if on else None

    return end
