"""The host notices a product card that is new in the picture.

In:  cues as they take effect, the layout.   Out: glances in the direction of the card.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from livehost.avatar import Avatar
from livehost.stage.layout import Layout
from livehost.stage.render.texture import view
from livehost.wire import Cue, CueKind

Direction = tuple[float, float]  # degrees to the host's left and up

DEGREES = 32.0  # of gaze for the height of the frame


def towards_card(layout: Layout, avatar: Avatar) -> Direction:
    """Return where the picture on the product card lies from the host's eyes."""
    frame = view(avatar, layout.width, layout.height)
    left, top, width, height = (avatar.eyes or avatar.mouth).box
    eyes_x = (left + width / 2 - frame.x) * frame.scale
    eyes_y = (top + height / 2 - frame.y) * frame.scale
    x, y = layout.card_picture
    degrees = DEGREES / layout.height
    return (x - eyes_x) * degrees, (eyes_y - y) * degrees


class CardGlance:
    """Asks for a glance when a card appears or gives way to another one.

    Args:
        glance: see `Drive.glance`.
    """

    def __init__(self, glance: Callable[[float, float], None], direction: Direction) -> None:
        self._glance, self._direction = glance, direction
        self._shown = ""

    def __call__(self, cues: Iterable[Cue]) -> None:
        """Take the cues of a tick; a card that is sent again, or only changes, is no news."""
        for cue in cues:
            if cue.kind is not CueKind.PRODUCT:
                continue
            shown, self._shown = self._shown, str(cue.data.get("name") or "")
            if self._shown and self._shown != shown:
                self._glance(*self._direction)
