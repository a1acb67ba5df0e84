"""What WebRTC needs of the show: its stream, and somebody to ask for a keyframe.

In:  the brain's link to the stage.   Out: one Protocol.
"""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import Protocol

from livehost.brain.preview_tap import Tap
from livehost.media import StreamHeader


class Source(Protocol):
    """The live stream; `livehost.brain.stage_link.StageLink` is one."""

    @property
    def header(self) -> StreamHeader | None:
        """Its parameters; None before the first stage was there."""

    def live(self) -> AbstractAsyncContextManager[Tap]:
        """Return a tap that begins with the next keyframe and has Opus."""

    def want_keyframe(self) -> None:
        """Ask for a keyframe soon."""
