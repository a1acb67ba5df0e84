"""How the built-in studio can look: the colours of walls, wood, light and of what stands about.

In:  `scene.studio`.   Out: a `Look`.
"""

from __future__ import annotations

from dataclasses import dataclass

from livehost.stage.canvas import colour
from livehost.stage.planes import Colour

Palette = tuple[Colour, ...]


def _all(*codes: str) -> Palette:
    return tuple(colour(code) for code in codes)


@dataclass(frozen=True, slots=True)
class Look:
    """The colours of one room, sRGB.

    Attributes:
        wall, reed: plaster of the wall, wooden reeds of the desk.
        board, back: shelves and what is behind them.
        warm: the light of lamps and of the strips under the boards.
        day: what falls in through a window.
        leaf, stone, edge, vase: twigs and vase on the desk, its top and its lit edge.
        clay, paper, green: ceramics, cartons and plants on the shelves.
        pool, floor: the light on the wall in its brightest place, and away from it.
        slats: depth of the vertical reeds of the wall, 0 .. 1.
    """

    wall: Colour
    reed: Colour
    board: Colour
    back: Colour
    warm: Colour
    day: Colour
    leaf: Colour
    stone: Colour
    edge: Colour
    vase: Colour
    clay: Palette
    paper: Palette
    green: Palette
    pool: float
    floor: float
    slats: float


SHOP = Look(
    wall=colour("#b99c84"),
    reed=colour("#bda488"),
    board=colour("#b08d6a"),
    back=colour("#b39a84"),
    warm=colour("#ffdfb2"),
    day=colour("#dfe9ff"),
    leaf=colour("#7d9672"),
    stone=colour("#efe6da"),
    edge=colour("#f7efe4"),
    vase=colour("#efe4d6"),
    clay=_all("#e8ddcf", "#c9b8a5", "#8f9a8b", "#d9a78b", "#f2ebe0"),
    paper=_all("#d8c7b0", "#a8b5a2", "#e6d3c4", "#b98b74", "#efe6da"),
    green=_all("#6f8a5a", "#55754e", "#87985f"),
    pool=0.85,
    floor=0.50,
    slats=0.10,
)

WALNUT = Look(
    wall=colour("#8a7567"),
    reed=colour("#735a49"),
    board=colour("#61493a"),
    back=colour("#74635a"),
    warm=colour("#ffd6a8"),
    day=colour("#c9dcff"),
    leaf=colour("#6f8468"),
    stone=colour("#8d8078"),
    edge=colour("#a3958a"),
    vase=colour("#3f4a4c"),
    clay=_all("#ddd2c2", "#5d6a68", "#35474a", "#b5764f", "#c9bda9"),
    paper=_all("#2f4550", "#7d3f33", "#c8b590", "#445244", "#a98a5c"),
    green=_all("#5f7a50", "#48663f", "#748552"),
    pool=0.80,
    floor=0.34,
    slats=0.30,
)

LOOKS = {"shop": SHOP, "walnut": WALNUT}
