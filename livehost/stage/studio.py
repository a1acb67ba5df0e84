"""The built-in studio: a softly lit shop behind the host, a desk in front, the slate.

In:  the layout and a look.   Out: planes; the same for every start, no picture file needed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from livehost.config import Scene
from livehost.media import Layer, Yuv
from livehost.stage import planes, props
from livehost.stage.canvas import Canvas, colour
from livehost.stage.layout import Layout
from livehost.stage.looks import SHOP, Look, Palette
from livehost.stage.pictures import Pictures
from livehost.stage.planes import Colour
from livehost.stage.props import Light, linear
from livehost.stage.slots import Drawn
from livehost.stage.text import BOLD, MEDIUM, Style, one_line

Rgb = NDArray[np.float32]  # (h, w, 3) sRGB 0 .. 1

_LINES = 960  # the room is painted for a frame this high, then scaled: it is out of focus
_SEED = 7


@dataclass(frozen=True, slots=True)
class _Kit:
    """What a room is furnished with: its colours and the dice that choose among them."""

    look: Look
    dice: np.random.Generator

    def pick(self, options: Palette) -> Colour:
        """Return one of `options`."""
        return options[int(self.dice.integers(len(options)))]


def studio(layout: Layout, look: Look = SHOP) -> Rgb:
    """Return the room behind the host."""
    upright = layout.upright
    scale = min(1.0, (_LINES if upright else 720) / layout.height)
    width, height = round(layout.width * scale), round(layout.height * scale)
    room = _room(width, height, upright, look)
    picture = props.film(room * _vignette(width, height)[..., None])
    full = cv2.resize(picture, (layout.width, layout.height), interpolation=cv2.INTER_CUBIC)
    return np.asarray(full, np.float32)


def _room(width: int, height: int, upright: bool, look: Look) -> Light:
    kit = _Kit(look, np.random.default_rng(_SEED))
    light = _wall(width, height, look)
    unit = height / 960 if upright else height / 720
    shelf = 205 * unit if upright else 330 * unit
    _shelves(light, -26 * unit, shelf - 26 * unit, unit, kit)
    _shelves(light, width - shelf + 30 * unit, width + 30 * unit, unit, kit)
    soft = props.lens(light, 6.5 * unit)
    _pendants(soft, width, unit, upright, look.warm)
    _string(soft, width, height, unit, kit)
    near = props.lens(soft, 2.2 * unit)
    _window_light(near, look.day)
    return near


def _wall(width: int, height: int, look: Look) -> Light:
    """A plastered wall with vertical reeds in the lower half and a pool of warm light."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    light = np.broadcast_to(linear(look.wall), (height, width, 3)).astype(np.float32).copy()
    across, down = x / width - 0.5, y / height
    far = ((across / 0.42) ** 2) + ((down - 0.30) / 0.34) ** 2
    pool = look.floor + look.pool * np.exp(-far)
    waves = np.sin(x * 2 * np.pi / (height / 42))
    reeds = 1 + look.slats * waves * np.clip((down - 0.42) * 30, 0, 1)
    ledge = 1 + 0.55 * np.exp(-(((down - 0.42) / 0.004) ** 2))
    light *= (pool * reeds * ledge)[..., None]
    return light


def _shelves(light: Light, left: float, right: float, unit: float, kit: _Kit) -> None:
    """A shelf of oak with a strip of light under every board and things on it."""
    height = light.shape[0]
    bay, board = 172 * unit, 11 * unit
    window = props.spot(light, left, -bay, right, height)
    if window is None:
        return
    wide = right - left
    inside = np.clip(np.minimum(window.x, wide - window.x), 0, 1)
    offset = window.y % bay
    strip = 0.26 + 1.55 / (1 + (np.maximum(offset - board, 0) / (26 * unit)) ** 1.5)
    sides = 0.72 + 0.28 * np.clip(np.minimum(window.x, wide - window.x) / (30 * unit), 0, 1)
    back = linear(kit.look.back) * linear(kit.look.warm) * (strip * sides)[..., None]
    props.over(window.part, inside, back.astype(np.float32))
    edge = np.clip(board - offset + 0.5, 0, 1) * inside
    props.over(window.part, edge, linear(kit.look.board) * 0.85)
    wall = np.clip(9 * unit - np.minimum(window.x, wide - window.x), 0, 1) * inside
    props.over(window.part, wall, linear(kit.look.board) * 0.62)
    for floor in np.arange(bay, height + bay, bay):
        _things(light, left + 20 * unit, right - 20 * unit, floor - bay * 0, unit, kit)


def _things(light: Light, left: float, right: float, floor: float, unit: float, kit: _Kit) -> None:
    """Fill one board from left to right."""
    makers = [_vase, _cartons, _books, _jar, _pot, _bottles]
    at, last = left + kit.dice.uniform(0, 10) * unit, -1
    while at < right - 24 * unit:
        choice = int(kit.dice.integers(len(makers)))
        choice = (choice + 1) % len(makers) if choice == last else choice
        last = choice
        at += makers[choice](light, at, floor, unit, kit) + kit.dice.uniform(12, 30) * unit


def _vase(light: Light, at: float, floor: float, unit: float, kit: _Kit) -> float:
    wide, high = kit.dice.uniform(44, 58) * unit, kit.dice.uniform(74, 104) * unit
    props.lathe(
        light, at + wide / 2, floor, (wide, high),
        lambda t: 0.36 + 0.64 * np.sin(np.pi * np.clip(t * 0.92 + 0.05, 0, 1)) ** 1.3
        - 0.08 * (t > 0.96), kit.pick(kit.look.clay),
    )  # fmt: skip
    return float(wide)


def _jar(light: Light, at: float, floor: float, unit: float, kit: _Kit) -> float:
    wide, high = kit.dice.uniform(40, 52) * unit, kit.dice.uniform(50, 66) * unit
    tint = kit.pick(kit.look.clay)
    props.lathe(light, at + wide / 2, floor, (wide, high), lambda t: 0.97 + 0 * t, tint, 0.5)
    lid = colour("#c8a06e")
    props.lathe(
        light, at + wide / 2, floor - high, (wide * 0.9, 10 * unit), lambda t: 1 + 0 * t, lid
    )
    return float(wide)


def _bottles(light: Light, at: float, floor: float, unit: float, kit: _Kit) -> float:
    wide = 27 * unit
    tint = kit.pick(kit.look.clay)
    for index in range(2):
        high = kit.dice.uniform(84, 106) * unit
        props.lathe(
            light, at + wide * (0.5 + 1.35 * index), floor, (wide, high),
            lambda t: np.where(t < 0.16, 0.5, np.clip(0.5 + (t - 0.16) * 5, 0, 0.98)), tint, 0.7,
        )  # fmt: skip
    return float(wide * 2.4)


def _cartons(light: Light, at: float, floor: float, unit: float, kit: _Kit) -> float:
    wide, low = kit.dice.uniform(56, 74) * unit, kit.dice.uniform(30, 40) * unit
    props.box(light, at, floor, (wide, low), kit.pick(kit.look.paper), kit.pick(kit.look.paper))
    inset = wide * 0.12
    props.box(
        light, at + inset, floor - low, (wide - 2 * inset, low * 0.85), kit.pick(kit.look.paper)
    )
    return float(wide)


def _books(light: Light, at: float, floor: float, unit: float, kit: _Kit) -> float:
    start = at
    for _ in range(int(kit.dice.integers(3, 6))):
        wide, high = kit.dice.uniform(10, 17) * unit, kit.dice.uniform(72, 98) * unit
        props.box(light, at, floor, (wide, high), kit.pick(kit.look.paper + kit.look.clay))
        at += wide + 0.8 * unit
    return float(at - start)


def _pot(light: Light, at: float, floor: float, unit: float, kit: _Kit) -> float:
    wide, high = 44 * unit, 40 * unit
    middle, tint = at + wide / 2, kit.pick(kit.look.green)
    for angle in np.linspace(-2.75, -0.4, 7):
        props.branch(
            light, (middle, floor - high), float(angle + kit.dice.uniform(-0.15, 0.15)),
            kit.dice.uniform(46, 74) * unit, 4, (26 * unit, 14 * unit), tint,
            kit.dice.uniform(-0.5, 0.5), kit.dice,
        )  # fmt: skip
    props.lathe(
        light, middle, floor, (wide, high), lambda t: 1 - 0.22 * t, kit.pick(kit.look.clay), 0.1
    )
    return float(wide)


def _pendants(light: Light, width: int, unit: float, upright: bool, warm: Colour) -> None:
    """Two globe lamps that hang into the picture beside the host's head."""
    places = ((0.335, 92, 25), (0.70, 150, 31)) if upright else ((0.30, 70, 24), (0.665, 120, 28))
    for share, drop, radius in places:
        x, y = share * width, drop * unit
        cv2.line(light, (round(x), 0), (round(x), round(y)), (0.05, 0.04, 0.03), 2, cv2.LINE_AA)
        props.glow(light, (x, y), 95 * unit, warm, 0.42)
        props.lamp(light, (x, y), radius * unit, 2.6)


def _string(light: Light, width: int, height: int, unit: float, kit: _Kit) -> None:
    """A string of small bulbs far behind, nothing but discs of light."""
    dice = kit.dice
    count = max(8, round(width / (44 * unit)))
    for index in range(count):
        x = (index + 0.5) * width / count + dice.uniform(-8, 8) * unit
        sag = 30 * np.sin(np.pi * ((index * 0.31) % 1.0))
        y = height * 0.285 + sag * unit + dice.uniform(-10, 10) * unit
        disc = np.zeros_like(light)
        cv2.circle(disc, (round(x * 8), round(y * 8)), round(dice.uniform(8, 14) * unit * 8),
                   linear(kit.look.warm).tolist(), -1, cv2.LINE_AA, 3)  # fmt: skip
        light += disc * dice.uniform(0.10, 0.34)


def _window_light(light: Light, day: Colour) -> None:
    """Cool daylight from the left, out of the picture, and the haze it makes."""
    height, width = light.shape[:2]
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    beam = np.exp(-((x / width + 0.35 * y / height - 0.05) ** 2) / 0.10)
    light += 0.055 * beam[..., None].astype(np.float32) * linear(day)


def _vignette(width: int, height: int) -> Light:
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    far = np.hypot((x / width - 0.5) * 1.15, (y / height - 0.42) * 0.95)
    return np.asarray(1.08 - 0.75 * np.clip(far - 0.18, 0, 1) ** 1.4, np.float32)


def dithered(picture: Rgb, seed: int = _SEED) -> NDArray[np.uint8]:
    """Return sRGB 0 .. 1 as bytes, with noise below one step so that soft light shows no bands."""
    noise = np.random.default_rng(seed).random(picture.shape[:2], np.float32)
    scaled = np.clip(picture, 0, 1) * 254 + noise[..., None] + 0.25
    return scaled.astype(np.uint8)


# --- the desk -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Desk:
    """What stands before the host.

    Attributes:
        picture: full frame; right from `solid_top` down.
        solid_top: from here down the desk hides everything behind it; even.
        layers: what reaches above that, bottom first.
    """

    picture: Yuv
    solid_top: int
    layers: tuple[Layer, ...]


def paint_desk(layout: Layout, look: Look = SHOP) -> Desk:
    """Return the desk of this layout; nothing when it would begin below the picture."""
    rows = layout.height - layout.desk_top
    if rows <= 0:
        empty = np.zeros((layout.height, layout.width, 3), np.uint8)
        return Desk(planes.opaque(empty), layout.height, ())
    front = _desk(layout.width, rows, layout.unit, look)
    full = np.zeros((layout.height, layout.width, 3), np.uint8)
    full[layout.desk_top :] = dithered(props.film(front), 3)
    return Desk(planes.opaque(full), layout.desk_top, (_shade(layout), *_on_desk(layout, look)))


def _desk(width: int, rows: int, unit: float, look: Look) -> Light:
    """A stone top seen at a low angle, its lit edge, reeds of oak below."""
    y, x = np.mgrid[0:rows, 0:width].astype(np.float32)
    top, lip = 44 * unit, 13 * unit
    across = np.abs(x / width - 0.5)
    grain = _grain(width, rows)
    stone = (
        linear(look.stone) * ((0.62 + 0.34 * (y / top) - 0.35 * across + 0.05 * grain)[..., None])
    )
    stone *= (1 - 0.42 * np.exp(-((across / 0.24) ** 2) - (y / (20 * unit)) ** 2))[..., None]
    edge = linear(look.edge) * (1.02 - 0.38 * (y - top) / lip - 0.3 * across)[..., None]
    below = np.maximum(y - top - lip, 0)
    reed = (x % (22 * unit)) / (22 * unit) - 0.5
    turned = 0.42 + 0.58 * np.sqrt(np.clip(1 - (2 * reed) ** 2, 0, 1)) * (1 - 0.5 * reed)
    strip = 0.13 + 0.80 * np.exp(-below / (50 * unit)) + 0.30 * np.exp(-below / (210 * unit))
    wood = (
        linear(look.reed)
        * linear(look.warm) ** 0.4
        * (turned * strip * (1 - 0.55 * across))[..., None]
    )
    out = np.where((y < top)[..., None], stone, edge)
    out = np.where((y < top + lip)[..., None], out, wood)
    return np.asarray(np.maximum(out, 0), np.float32)


def _grain(width: int, rows: int) -> Light:
    dice = np.random.default_rng(11)
    coarse = dice.standard_normal((max(2, rows // 6), max(2, width // 40))).astype(np.float32)
    return np.asarray(cv2.resize(coarse, (width, rows), interpolation=cv2.INTER_CUBIC), np.float32)


def _shade(layout: Layout) -> Layer:
    """The soft shadow that the desk's edge throws up on the host."""
    px = layout.px
    canvas = Canvas(layout.width, planes.even(px(54)))
    ramp = np.linspace(0, 1, canvas.height, dtype=np.float32) ** 2
    mask = np.repeat((ramp * 255).astype(np.uint8)[:, None], canvas.width, axis=1)
    canvas.fill(mask, (0, 0), (0.13, 0.08, 0.05), 0.42)
    return canvas.to_layer(0, layout.desk_top - canvas.height)


def _on_desk(layout: Layout, look: Look) -> tuple[Layer, ...]:
    """A vase with twigs on the right; wide pictures have the product card there."""
    if not layout.upright:
        return ()
    unit = layout.unit
    width, height = planes.even(280 * unit), planes.even(340 * unit)
    dark, bright = (np.full((height, width, 3), ground, np.float32) for ground in (0, 1))
    for picture in (dark, bright):
        _vase_with_twigs(picture, width, height, unit, look)
    alpha = np.clip(1 - (bright - dark).mean(axis=2, keepdims=True), 0, 1)
    light = props.film(dark / np.maximum(alpha, 1e-3))
    rgba = np.concatenate([light * alpha, alpha], axis=2)
    soft = np.asarray(cv2.GaussianBlur(rgba, (0, 0), 1.1 * unit), np.float32)
    left, top = layout.width - width + round(84 * unit), layout.desk_top + round(32 * unit) - height
    return (planes.layer(np.moveaxis(soft, 2, 0), left, top),)


def _vase_with_twigs(picture: Light, width: int, height: int, unit: float, look: Look) -> None:
    dice = np.random.default_rng(5)
    middle, foot = width * 0.5, height - 14 * unit
    _contact(picture, (middle + 8 * unit, foot - 2 * unit), (44 * unit, 9 * unit))
    for angle, length in ((-2.15, 138), (-1.78, 188), (-1.42, 170), (-1.02, 128)):
        bend = 0.4 if angle > -1.5 else -0.4
        root = middle, foot - 92 * unit
        size = 38 * unit, 17 * unit
        props.branch(picture, root, angle, length * unit, 7, size, look.leaf, bend, dice)
    props.lathe(picture, middle, foot, (70 * unit, 108 * unit), _belly, look.vase, 0.3, 0.3)


def _contact(picture: Light, middle: tuple[float, float], size: tuple[float, float]) -> None:
    """Darken the desk under a thing that stands on it."""
    height, width = picture.shape[:2]
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    far = np.hypot((x - middle[0]) / size[0], (y - middle[1]) / size[1])
    cover = 0.62 * np.exp(-(far**2))
    props.over(picture, cover.astype(np.float32), linear((0.16, 0.11, 0.08)))


def _belly(level: Light) -> Light:
    return np.asarray(0.34 + 0.66 * np.sin(np.pi * np.clip(level * 0.86 + 0.06, 0, 1)) ** 1.2)


# --- the slate ------------------------------------------------------------------------------------


def paint_slate(
    scene: Scene, near: Callable[[str | Path], Path], layout: Layout, room: Rgb
) -> Drawn:
    """Return the picture shown while the host is away; painted when there is no readable file.

    Args:
        room: (h, w, 3) sRGB, what the painted one shows out of focus.
    """
    width, height = layout.width, layout.height
    given = Pictures().cover(near(scene.slate), width, height) if scene.slate else None
    canvas = Canvas(width, height)
    canvas.pixels[3] = 1
    if given is not None:
        canvas.pixels[:3] = np.moveaxis(given[..., :3] * given[..., 3:], 2, 0)
        return Drawn(canvas.to_layer(0, 0))
    calm = _far(room, 16 * layout.unit)
    noise = np.random.default_rng(_SEED).random((height, width), np.float32) / 255
    light = _vignette(width, height) * 0.66
    canvas.pixels[:3] = np.moveaxis(calm * light[..., None], 2, 0) + noise
    words = _slate_words(canvas, layout, scene)
    return Drawn(canvas.to_layer(0, 0), words)


def _far(room: Rgb, blur: float) -> Rgb:
    """Return the room blurred; done at an eighth of its size, which nobody can tell."""
    height, width = room.shape[:2]
    small = cv2.resize(room, (width // 8, height // 8), interpolation=cv2.INTER_AREA)
    soft = cv2.GaussianBlur(small, (0, 0), blur / 8)
    return np.asarray(cv2.resize(soft, (width, height), interpolation=cv2.INTER_CUBIC), np.float32)


def _slate_words(canvas: Canvas, layout: Layout, scene: Scene) -> tuple[str, ...]:
    px, middle = layout.px, layout.height * 0.44
    large = one_line("主播稍后回来", Style(px(58), BOLD, layout.unit * 3), layout.width)
    small = one_line("精彩马上继续，先别走开", Style(px(28), MEDIUM, layout.unit * 2), layout.width)
    cream = colour("#fff3e2")
    canvas.words(large, ((layout.width - large.width) // 2, round(middle) - px(60)), cream)
    canvas.panel(((layout.width - px(64)) // 2, round(middle) + px(36)), (px(64), px(5)), px(2),
                 colour(scene.accent))  # fmt: skip
    canvas.words(small, ((layout.width - small.width) // 2, round(middle) + px(62)), cream, 0.82)
    return large.text, small.text
