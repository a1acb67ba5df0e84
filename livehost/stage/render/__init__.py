"""Renderers: a `Face` becomes the presenter's pixels.

In:  an avatar and the frame's size.   Out: something that draws her.
"""

from typing import Protocol

from livehost.avatar import Avatar
from livehost.media import Face, Layer, Quality
from livehost.stage.render.decoder import DecoderRenderer


class Renderer(Protocol):
    """Draws the presenter; called from one thread.

    Attributes:
        provider: where its models run now.
        trouble: why an accelerator is not used, "" when nothing is wrong.
        losses: times that an accelerator failed on air.
        shown: the face it drew last, on its way or there.
    """

    name: str

    @property
    def provider(self) -> str: ...
    @property
    def trouble(self) -> str: ...
    @property
    def losses(self) -> int: ...
    @property
    def shown(self) -> Face: ...

    def begin(self, shown: Face) -> None:
        """Go on from what another renderer of the same avatar has shown. Raises BackendBroken."""

    def render(self, face: Face, quality: Quality) -> Layer:
        """Return fresh planes of the presenter in frame pixels. Raises BackendBroken."""


def make_renderer(avatar: Avatar, width: int, height: int) -> Renderer:
    """Return the renderer for `avatar` at a frame of `width` x `height`. Raises BackendBroken."""
    return DecoderRenderer(avatar, width, height)


__all__ = ["Renderer", "make_renderer"]
