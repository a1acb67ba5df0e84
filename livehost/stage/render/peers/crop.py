"""The face as a network sees it, and what it makes of it put back where it belongs.

In:  an avatar and a kind of network.   Out: the face's picture; changed pixels of the texture.

Only what lies within the avatar's own mouth region is put back, with that region's soft edge, so
that eyes, brows and hair stay as sharp as the plate is. Head motion comes after it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from livehost.avatar import Avatar, Region
from livehost.errors import ConfigError
from livehost.stage.render.patch import Patch
from livehost.stage.render.peers.kinds import Box, Network
from livehost.stage.render.peers.ultralight import BORDER, SIDE
from livehost.stage.render.texture import Texture

F32 = NDArray[np.float32]
U8 = NDArray[np.uint8]

GREY = 127
"""What stands behind a head that was cut out."""
EDGE = 0.05
"""Share of the face's height over which its picture fades out towards its sides."""
SMALL = 200
"""Side of a picture up to which it is enlarged smoothly before it is laid on the plate."""
CHIN = 0.6
"""Share of the mouth's region at which the chin is, mouth shut."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a network's picture lies on the plate.

    Attributes:
        x, y, width, height: plate pixels, of the picture's outer edges.
        side: pixels of the picture.
    """

    x: float
    y: float
    width: float
    height: float
    side: int

    def matrix(self, left: float, top: float, scale: float) -> NDArray[np.float64]:
        """Return how a picture of the plate, enlarged by `scale` from a corner at (left, top),
        shows in this one: its pixel p becomes matrix @ (p, 1). Pixels have their middle at .5."""
        across, down = self.side / self.width / scale, self.side / self.height / scale
        x = (left - self.x) * scale * across + 0.5 * across - 0.5
        y = (top - self.y) * scale * down + 0.5 * down - 0.5
        return np.array([[across, 0, x], [0, down, y]])


def place(avatar: Avatar, network: Network) -> Place:
    """Return where the network's picture of the face lies. Raises ConfigError."""
    x, y, width, height = network.box or _face(avatar, network.form.face)
    rows, columns = avatar.plate.shape[:2]
    if x < 0 or y < 0 or x + width > columns or y + height > rows or min(width, height) < 16:
        raise ConfigError(
            f"{network.file}: box: ({x}, {y}, {width}, {height}) does not lie on the plate of "
            f"{avatar.name}, {columns} x {rows}"
        )
    side = network.form.side
    if side != SIDE:
        return Place(x, y, width, height, side)
    margin = BORDER / (SIDE + 2 * BORDER)  # the outermost pixels are cut off
    inner = 1 - 2 * margin
    return Place(x + margin * width, y + margin * height, inner * width, inner * height, side)


def _face(avatar: Avatar, sides: tuple[float, float, float, float]) -> Box:
    """Return the box of the face, from where eyes and mouth are."""
    eyes = (avatar.eyes or avatar.mouth).box
    mouth = avatar.mouth.box
    middle = eyes[1] + eyes[3] / 2
    down = mouth[1] + CHIN * mouth[3] - middle
    left, right = (eyes[0] + share * eyes[2] for share in (sides[0], sides[2]))
    top, bottom = (middle + share * down for share in (sides[1], sides[3]))
    return round(left), round(top), round(right - left), round(bottom - top)


def face(avatar: Avatar, where: Place) -> U8:
    """Return (side, side, 3) uint8 RGB: the face at rest, on grey."""
    alpha = avatar.plate[..., 3:].astype(np.float32) / np.float32(255)
    rgb = np.asarray(avatar.plate[..., :3] * alpha + GREY * (1 - alpha), np.float32)
    shrunk = max(where.width, where.height) / where.side
    if shrunk > 1:  # what would flicker between pixels is blurred away first
        rgb = np.asarray(cv2.GaussianBlur(rgb, (0, 0), 0.42 * shrunk), np.float32)
    placed = cv2.warpAffine(
        rgb,
        where.matrix(0, 0, 1),
        (where.side, where.side),
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return np.asarray(np.clip(np.rint(placed), 0, 255), np.uint8)


class Paste:
    """Puts pictures of the face onto the texture.

    Attributes:
        box: left, top, width, height of what changes, in the texture; all even.

    Raises:
        ConfigError: the mouth lies outside the picture or outside the frame.
    """

    def __init__(self, avatar: Avatar, texture: Texture, where: Place, top: float) -> None:
        scale = texture.view.scale
        left, upper, width, height = avatar.mouth.box
        self._size = round(width * scale), round(height * scale)
        self._side = where.side if where.side > SMALL else 2 * where.side
        self._matrix = replace(where, side=self._side).matrix(left, upper, scale)
        mask = _mask(avatar.mouth.mask, self._size, self._matrix, self._side, top)
        if not mask.any():
            raise ConfigError(f"{avatar.name}: its mouth is not in the network's picture; set box")
        # At the texture's own scale: what is handed on is moved by a part of a pixel at most.
        region = Region(avatar.mouth.box, Path("the network"), (), scale, mask, Path())
        self._patch = Patch(region, texture)
        rest = cv2.warpAffine(
            _flat(avatar),
            np.array([[scale, 0, _shift(left, scale)], [0, scale, _shift(upper, scale)]]),
            self._size,
            flags=cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        )
        self._rest: U8 = np.asarray(np.rint(rest), np.uint8)
        self.box = self._patch.box

    def draw(self, picture: F32, share: float) -> None:
        """Show (side, side, 3) RGB in 0..1, mixed with the mouth at rest where `share` is < 1."""
        whole = cv2.convertScaleAbs(np.maximum(picture, 0), alpha=255)
        if len(whole) != self._side:  # a cubic warp would cost five times as much
            whole = cv2.resize(whole, (self._side, self._side), interpolation=cv2.INTER_CUBIC)
        placed = cv2.warpAffine(
            whole,
            self._matrix,
            self._size,
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        )
        if share < 1:
            placed = cv2.addWeighted(placed, share, self._rest, 1 - share, 0)
        self._patch.draw(np.asarray(placed, np.uint8))

    def clear(self) -> None:
        """Show the mouth at rest."""
        self._patch.clear()


def _shift(corner: int, scale: float) -> float:
    """Return where the plate's first pixel lies, enlarged, as seen from a corner."""
    return (0.5 - corner) * scale - 0.5


def _flat(avatar: Avatar) -> F32:
    return avatar.plate[..., :3].astype(np.float32)


def _mask(own: U8, size: tuple[int, int], matrix: NDArray[np.float64], side: int, top: float) -> U8:
    """Return (h, w): the region's own soft edge, where the picture has something to show."""
    ramp = np.full((side, side), 255, np.float32)
    edge = max(1.0, EDGE * side)
    middle = np.arange(side) + 0.5
    across = np.minimum(middle, side - middle) / edge
    down = np.minimum((middle - top * side) / edge, (side - middle) / edge)
    ramp *= np.clip(across, 0, 1)[None] * np.clip(down, 0, 1)[:, None]
    shown = cv2.warpAffine(
        ramp,
        matrix,
        size,
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_CONSTANT,
    )
    own = np.asarray(cv2.resize(own, size, interpolation=cv2.INTER_LINEAR), np.uint8)
    return np.asarray(np.rint(own * (shown / np.float32(255))), np.uint8)
