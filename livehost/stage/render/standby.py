"""A model on the accelerator while that works, and on the CPU from the very picture it fails.

In:  the model for accelerators, the one for CPUs.   Out: pictures, whatever happens to the GPU.

On a machine with an accelerator the CPU's model is open as well, so that the change costs no
time. A lost accelerator is tried again in a thread of its own, after a rest that doubles.
"""

from __future__ import annotations

import logging
import threading
import weakref
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from livehost.errors import BackendBroken
from livehost.stage.render.session import ACCELERATED, CPU, Session, accelerators

log = logging.getLogger(__name__)

REST_SECONDS, MOST_REST_SECONDS = 30.0, 960.0
STEADY_RUNS = 15_000
"""Ten minutes on air after which a loss counts as the first one again."""


class Standby:
    """One region's model; call it from one thread.

    Args:
        precise: for accelerators.
        plain: for CPUs.
        rest_seconds: before a lost accelerator is tried again, the first time.

    Attributes:
        losses: times that the accelerator failed on air.
        trouble: why the accelerator is not used; "" when it is, or when there is none.

    Raises:
        BackendBroken: the model cannot be loaded anywhere.
    """

    def __init__(self, precise: Path, plain: Path, rest_seconds: float = REST_SECONDS) -> None:
        self._precise = precise
        self._first_rest = self._rest = rest_seconds
        self.losses, self.trouble = 0, ""
        self._runs = 0
        self._back: Session | None = None  # set by the thread that tries again
        best = self._accelerated() if accelerators() else None
        self._spare = Session(plain, among=CPU)
        self._session = best or self._spare

    @property
    def provider(self) -> str:
        """Where the next picture is made."""
        return self._session.provider

    def run(self, values: NDArray[np.float32]) -> NDArray[Any]:
        """Return the model's output, in the form of the model that made it. Raises BackendBroken,
        from the CPU's only."""
        if self._back is not None:
            self._take_up(self._back)
        if self._session is self._spare:
            return self._spare.run(values)
        try:
            made = self._session.run(values)
        except BackendBroken as error:
            self._lose(error)
            return self._spare.run(values)
        self._runs += 1
        return made

    def _accelerated(self) -> Session | None:
        try:
            return Session(self._precise, among=ACCELERATED)
        except BackendBroken as error:
            self.trouble = f"no accelerator: {error}"
            return None

    # --- a lost accelerator -----------------------------------------------------------------------

    def _lose(self, error: BackendBroken) -> None:
        provider = self._session.provider
        steady = self._runs >= STEADY_RUNS
        self._rest = self._first_rest if steady else min(self._rest, MOST_REST_SECONDS)
        self._session, self._runs = self._spare, 0
        self.losses += 1
        self.trouble = f"{provider} lost: {error}"
        extra = {"provider": provider, "why": str(error), "again_in_seconds": self._rest}
        log.warning("accelerator lost; the picture is made on the CPU", extra=extra)
        self._try_later()

    def _try_later(self) -> None:
        """Try again after a rest, and have the next rest be longer."""
        timer = threading.Timer(self._rest, _try_again, (weakref.ref(self), self._precise))
        timer.daemon = True
        self._rest = min(self._rest * 2, MOST_REST_SECONDS)
        timer.start()

    def _take_up(self, session: Session) -> None:
        self._session, self._back, self.trouble = session, None, ""
        log.warning("accelerator back", extra={"provider": session.provider})


def _try_again(reference: weakref.ref[Standby], precise: Path) -> None:
    """Open the model on the accelerator beside the show, which takes its time."""
    try:
        session = Session(precise, among=ACCELERATED)
    except BackendBroken:
        session = None
    standby = reference()
    if standby is None:
        return
    if session is None:
        standby._try_later()
    else:
        standby._back = session
