"""Where everything stands in the frame, for upright and for wide pictures.

In:  the frame's size.   Out: positions in pixels.

The top 8 % and the bottom 12 % belong to the platform's own controls: nothing that must be read
lies there. `unit` is one pixel of the 720-line design.
"""

from __future__ import annotations

from dataclasses import dataclass

from livehost.stage.planes import even

SAFE_TOP, SAFE_BOTTOM = 0.08, 0.12  # shares of the height


@dataclass(frozen=True, slots=True)
class Layout:
    """Positions; x to the right, y down.

    Attributes:
        width, height: the frame.
        unit: pixels per design pixel.
        upright: the frame is taller than wide.
        margin: distance of panels from the sides.
        bar_top: top of the title bar and of the label.
        card_left, card_width: the product card.
        card_bottom: bottom of the card in an upright picture, its top in a wide one.
        caption_middle, caption_bottom, caption_width: captions grow upwards.
        bubble_bottom, bubble_width: the chat bubble grows upwards from the left margin.
        desk_top: where the desk's far edge hides the host.
    """

    width: int
    height: int
    unit: float
    upright: bool
    margin: int
    bar_top: int
    card_left: int
    card_width: int
    card_bottom: int
    caption_middle: int
    caption_bottom: int
    caption_width: int
    bubble_bottom: int
    bubble_width: int
    desk_top: int

    @property
    def card_picture(self) -> tuple[float, float]:
        """About the middle of the picture on the product card."""
        if self.upright:
            return self.card_left + 106 * self.unit, self.card_bottom - 106 * self.unit
        return self.card_left + self.card_width / 2, self.card_bottom + 145 * self.unit

    def px(self, design: float) -> int:
        """Return design pixels as pixels of this frame, at least one."""
        return max(1, round(design * self.unit))


def layout(width: int, height: int) -> Layout:
    """Return the layout of a frame of `width` x `height` pixels."""
    return _upright(width, height) if height > width else _wide(width, height)


def _upright(width: int, height: int) -> Layout:
    unit = min(width / 720, height / 1280)
    margin = even(24 * unit)
    card_bottom = even(height * (1 - SAFE_BOTTOM) - 6 * unit)
    caption_bottom = card_bottom - even(230 * unit)
    return Layout(
        width,
        height,
        unit,
        upright=True,
        margin=margin,
        bar_top=even(height * SAFE_TOP + 10 * unit),
        card_left=margin,
        card_width=width - 2 * margin,
        card_bottom=card_bottom,
        caption_middle=width // 2,
        caption_bottom=caption_bottom,
        caption_width=width - 2 * margin,
        bubble_bottom=caption_bottom - even(142 * unit),
        bubble_width=even(430 * unit),
        desk_top=even(height * 0.755),
    )


def _wide(width: int, height: int) -> Layout:
    unit = min(width / 1280, height / 720)
    margin = even(36 * unit)
    card_width = even(300 * unit)
    bottom = even(height * (1 - SAFE_BOTTOM) - 6 * unit)
    return Layout(
        width,
        height,
        unit,
        upright=False,
        margin=margin,
        bar_top=even(height * SAFE_TOP + 6 * unit),
        card_left=width - margin - card_width,
        card_width=card_width,
        card_bottom=even(height * SAFE_TOP + 92 * unit),
        caption_middle=width // 2,
        caption_bottom=bottom,
        caption_width=even(width - 2 * (card_width + 2 * margin)),
        bubble_bottom=bottom - even(136 * unit),
        bubble_width=even(330 * unit),
        desk_top=even(height * 0.80),
    )
