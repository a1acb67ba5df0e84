"""The face as a network sees it, and what it makes of it put back where it belongs.

In:  an avatar and a kind of network.   Out: the face's picture; changed pixels of the texture.

Only what lies within the avatar's own mouth region is put back, with that region's soft edge, so
that eyes, brows and hair stay as sharp as the plate is. Head motion comes after it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from livehost.avatar import Avatar, Region
from livehost.errors import ConfigError
from livehost.stage.render.part import Drawn
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
    if not (network.box or avatar.eyes):
        raise ConfigError(f"{network.file}: box: is required for {avatar.name}, who was filmed")
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


class Laid:
    """A network's picture as pixels of the mouth's region.

    Args:
        scale: pixels per plate pixel.
        size: width and height of the region in them.

    Attributes:
        rest: (h, w, 3) uint8 RGB, the region at rest.
    """

    def __init__(self, avatar: Avatar, where: Place, scale: float, size: tuple[int, int]) -> None:
        left, upper = avatar.mouth.box[:2]
        self._size = size
        self._side = where.side if where.side > SMALL else 2 * where.side
        self._matrix = replace(where, side=self._side).matrix(left, upper, scale)
        rest = cv2.warpAffine(
            _flat(avatar),
            np.array([[scale, 0, _shift(left, scale)], [0, scale, _shift(upper, scale)]]),
            size,
            flags=cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        )
        self.rest: U8 = np.asarray(np.rint(rest), np.uint8)

    def lay(self, picture: F32, share: float) -> U8:
        """Return (h, w, 3) uint8 RGB of (side, side, 3) RGB in 0..1, `share` of it over rest."""
        whole = cv2.convertScaleAbs(np.maximum(picture, 0), alpha=255)
        if len(whole) != self._side:  # a cubic warp would cost five times as much
            whole = cv2.resize(whole, (self._side, self._side), interpolation=cv2.INTER_CUBIC)
        placed = self._fetched(whole, cv2.BORDER_REPLICATE)
        if share < 1:
            placed = cv2.addWeighted(placed, share, self.rest, 1 - share, 0)
        return np.asarray(placed, np.uint8)

    def cover(self, top: float) -> F32:
        """Return (h, w) in 0..1: where the picture has something to show, fading at its sides."""
        side = self._side
        edge, middle = max(1.0, EDGE * side), np.arange(side) + 0.5
        across = np.minimum(middle, side - middle) / edge
        down = np.minimum((middle - top * side) / edge, (side - middle) / edge)
        ramp = np.clip(across, 0, 1)[None] * np.clip(down, 0, 1)[:, None]
        return np.asarray(self._fetched(ramp.astype(np.float32), cv2.BORDER_CONSTANT), np.float32)

    def _fetched(self, picture: NDArray[Any], border: int) -> NDArray[Any]:
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        moved = cv2.warpAffine(picture, self._matrix, self._size, flags=flags, borderMode=border)
        return np.asarray(moved)


class Paste:
    """Puts pictures of the face onto the texture.

    Attributes:
        box: left, top, width, height of what changes, in the texture; all even.

    Raises:
        ConfigError: the mouth lies outside the picture or outside the frame.
    """

    def __init__(self, avatar: Avatar, texture: Texture, where: Place, top: float) -> None:
        scale = texture.view.scale
        size = round(avatar.mouth.box[2] * scale), round(avatar.mouth.box[3] * scale)
        self._laid = Laid(avatar, where, scale, size)
        own = cv2.resize(avatar.mouth.mask, size, interpolation=cv2.INTER_LINEAR)
        mask = np.asarray(np.rint(own * _something(avatar, self._laid.cover(top))), np.uint8)
        # At the texture's own scale: what is handed on is moved by a part of a pixel at most.
        region = Region(avatar.mouth.box, Path("the network"), (), scale, mask, Path())
        self._patch = Patch(region, texture)
        self.box = self._patch.box

    def draw(self, picture: F32, share: float) -> None:
        """Show (side, side, 3) RGB in 0..1, mixed with the mouth at rest where `share` is < 1."""
        self._patch.draw(self._laid.lay(picture, share))

    def clear(self) -> None:
        """Show the mouth at rest."""
        self._patch.clear()


class Carried:
    """Puts pictures of the face onto a mouth that is carried through a film; see `Paste`.

    Attributes:
        box: where it was put last.
    """

    def __init__(self, avatar: Avatar, lips: Drawn, where: Place, top: float) -> None:
        size = avatar.mouth.mask.shape[1], avatar.mouth.mask.shape[0]
        self._laid = Laid(avatar, where, avatar.mouth.scale, size)
        self._cover = _something(avatar, self._laid.cover(top))[..., None]
        self._lips = lips
        self._rest: F32 = self._laid.rest.astype(np.float32)
        self.clear()

    @property
    def box(self) -> Box:
        """Where it was put last."""
        return self._lips.box

    def draw(self, picture: F32, share: float) -> None:
        """Show (side, side, 3) RGB in 0..1, mixed with the mouth at rest where `share` is < 1."""
        self._show(self._rest + (self._laid.lay(picture, share) - self._rest) * self._cover)

    def clear(self) -> None:
        """Show the plate's mouth, which is at rest; the film's may not be."""
        self._show(self._rest)

    def _show(self, rgb: F32) -> None:
        self._lips.draw(np.moveaxis(rgb, 2, 0) / np.float32(255))


def _something(avatar: Avatar, cover: F32) -> F32:
    if not cover.any():
        raise ConfigError(f"{avatar.name}: its mouth is not in the network's picture; set box")
    return cover


def _shift(corner: int, scale: float) -> float:
    """Return where the plate's first pixel lies, enlarged, as seen from a corner."""
    return (0.5 - corner) * scale - 0.5


def _flat(avatar: Avatar) -> F32:
    return avatar.plate[..., :3].astype(np.float32)
