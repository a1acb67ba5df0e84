"""Draws cards beside the clock: one thread, the newest wish per place, nothing queued behind it.

In:  a place's name and how to draw what it shall show.   Out: finished drawings by place.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from livehost.stage.slots import Drawn

log = logging.getLogger(__name__)

Draw = Callable[[], Drawn | None]


class Workshop:
    """Keeps at most one open wish and one finished drawing per place.

    Attributes:
        failures: drawings that raised; their place is emptied.
    """

    def __init__(self) -> None:
        self._lock = threading.Condition()
        self._wishes: dict[str, Draw | None] = {}
        self._done: dict[str, Drawn | None] = {}
        self._busy = False
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="scene")
        self.failures = 0

    def ask(self, place: str, draw: Draw | None) -> None:
        """Have `draw` called soon; None empties the place. Replaces an open wish for it."""
        with self._lock:
            self._wishes.pop(place, None)
            self._wishes[place] = draw
            if not self._busy:
                self._busy = True
                self._thread.submit(self._work)

    def finished(self) -> dict[str, Drawn | None]:
        """Remove and return the drawings made since the last call."""
        with self._lock:
            done, self._done = self._done, {}
            return done

    def settle(self) -> None:
        """Wait until no wish is open."""
        with self._lock:
            self._lock.wait_for(lambda: not self._busy)

    def close(self) -> None:
        """Let go of the thread when it has drawn what was asked for."""
        self._thread.shutdown(wait=False)

    def _work(self) -> None:
        while wish := self._next():
            place, draw = wish
            drawn = self._drawn(place, draw)
            with self._lock:
                self._done[place] = drawn

    def _next(self) -> tuple[str, Draw | None] | None:
        with self._lock:
            if self._wishes:
                place = next(iter(self._wishes))
                return place, self._wishes.pop(place)
            self._busy = False
            self._lock.notify_all()
            return None

    def _drawn(self, place: str, draw: Draw | None) -> Drawn | None:
        try:
            return draw() if draw else None
        except Exception:  # whatever a card holds, the show goes on without it
            self.failures += 1
            log.exception("a part of the scene could not be drawn", extra={"place": place})
            return None
