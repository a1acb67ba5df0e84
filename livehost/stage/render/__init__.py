"""Renderers: a `Face` becomes the presenter's pixels.

In:  an avatar and the frame's size.   Out: something that draws her.
"""

from fractions import Fraction
from typing import Protocol

from livehost.avatar import Avatar
from livehost.media import Face, Layer, Quality
from livehost.stage.render.decoder import DecoderRenderer
from livehost.stage.render.loop import LoopRenderer
from livehost.stage.render.peers import Network, NetworkRenderer


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


def make_renderer(
    avatar: Avatar,
    width: int,
    height: int,
    rate: Fraction = Fraction(25),
    network: Network | None = None,
) -> Renderer:
    """Return the renderer for `avatar` at a frame of `width` x `height`.

    Args:
        rate: ticks per second.
        network: what paints her mouth; None: the avatar's own.

    Raises:
        BackendBroken: a model or a film cannot be loaded.
        ConfigError: the avatar's framing leaves its face outside the picture.
    """
    if network:
        return NetworkRenderer(avatar, network, width, height, rate)
    if avatar.loop:
        return LoopRenderer(avatar, width, height, rate)
    return DecoderRenderer(avatar, width, height)


__all__ = ["Renderer", "make_renderer"]
