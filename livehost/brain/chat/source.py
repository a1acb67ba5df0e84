"""What every chat source is: one file of this folder, one class, one `run`.

In:  a platform, a bridge, a file.   Out: raw messages given to `Submit`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

Raw = bytes | str | dict[str, Any]

Submit = Callable[[Raw], object]
"""Takes one raw message; never raises: what is wrong with it is counted."""


class Source(Protocol):
    """A place chat comes from.

    `run` returns when the source has no more messages for good; it raises Transient when it
    should be run again after a pause. Cancelling it closes what it opened.
    """

    name: str

    async def run(self, submit: Submit) -> None:
        """Deliver messages until the source ends or the call is cancelled."""
        ...


async def give(submit: Submit, raw: Raw) -> None:
    """Submit one message of a source that can wait: where there is a queue, wait for room."""
    room = getattr(submit, "room", None)
    if room is not None:
        await room()
    submit(raw)
