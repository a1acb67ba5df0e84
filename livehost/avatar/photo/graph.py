"""The ONNX graph that draws a region: two sheets of skin, split at lips or lids, and the inside.

In:  textures, mattes and moves.   Out: the bytes of a model, "coefs" [1, k] -> "rgb" [1, 3, h, w].

The moves of all blendshapes add up on a coarse grid: where each point of a sheet goes. Drawing asks
where each pixel comes from, so the field is turned round there by a damped fixed point, enlarged by
two small products, and the sheets are fetched by one gather of rows that hold a pixel's four
neighbours: ONNX Runtime's GridSample on whole pictures costs several times as much.
Source: Chen and Williams, "View interpolation for image synthesis", SIGGRAPH 1993 (the inversion).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from livehost.avatar.photo.field import CELL, Grid
from livehost.avatar.photo.onnx_file import Graph

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]

ROUNDS = 9  # of the fixed point
DAMPING = 0.6  # lids that shut stretch skin to more than twice its height: undamped would diverge


@dataclass(frozen=True, slots=True)
class Sheet:
    """A picture that is moved by a field.

    Attributes:
        picture: (h, w, 3 or 4) float32 in 0..1, the last channel of four is alpha.
        moves: (k, nodes, 2) pixels at 1.
        rest: (nodes, 2) pixels it is moved even when all coefficients are 0.
    """

    picture: F32
    moves: F64
    rest: F64


@dataclass(frozen=True, slots=True)
class Plane:
    """A picture inside the mouth that shifts as a whole.

    Attributes:
        picture: (rows, columns, 4) float32.
        shift: (k, 2) pixels at 1.
    """

    picture: F32
    shift: F64


@dataclass(frozen=True, slots=True)
class Inside:
    """What is seen between the lips.

    Attributes:
        left: its first column in the region.
        back: (rows, columns, 3) float32, the darkness behind everything.
        moving: planes that move with the jaw, back to front.
        front: (rows, columns, 4) float32: the upper teeth, which never move.
        shade_rows: how far down the upper lip throws its shadow, pixels.
    """

    left: int
    back: F32
    moving: tuple[Plane, ...]
    front: F32
    shade_rows: int

    def without_colour(self) -> Inside:
        """Return the same in greys, for photos that have no colours."""
        moving = tuple(replace(plane, picture=_greyed(plane.picture)) for plane in self.moving)
        return replace(self, back=_greyed(self.back), moving=moving, front=_greyed(self.front))


def _greyed(picture: F32) -> F32:
    grey = picture.copy()
    grey[..., :3] = picture[..., :3].mean(-1, keepdims=True)
    return grey


@dataclass(frozen=True, slots=True)
class Rows:
    """Where the sheets can meet: above `first` there is only the upper, from `upper_end` on none of
    it, from `hole_end` on only the lower."""

    first: int
    upper_end: int
    hole_end: int


@dataclass(frozen=True, slots=True)
class Limits:
    """How coefficients hold each other back: c' = min(c, floor + c @ most) * clip(1 - c @ less)."""

    floor: F64
    most: F64
    less: F64


@dataclass(frozen=True, slots=True)
class Drawing:
    """A region to draw.

    Attributes:
        inside: what shows between the sheets: a mouth, or eyeballs (3 channels) that follow gaze.
    """

    grid: Grid
    upper: Sheet
    lower: Sheet
    inside: Inside | Sheet
    rows: Rows
    limits: Limits


def build(drawing: Drawing) -> bytes:
    """Return the model."""
    return _Build(drawing).model()


class _Build:
    def __init__(self, drawing: Drawing) -> None:
        self.drawing, self.grid = drawing, drawing.grid
        self.graph = Graph()
        self.width = drawing.grid.width

    def model(self) -> bytes:
        drawing, rows = self.drawing, self.drawing.rows
        coefs = self._limited()
        balls = drawing.inside if isinstance(drawing.inside, Sheet) else None
        sheets = [drawing.upper, drawing.lower] + ([balls] if balls else [])
        fields = self._fields(coefs, sheets)
        upper = self._fetched(drawing.upper.picture, fields[0], (0, rows.upper_end))
        lower = self._fetched(drawing.lower.picture, fields[1], (rows.first, self.grid.height))
        if balls:
            seen = self._fetched(balls.picture, fields[2], (rows.first, rows.hole_end))
        else:
            seen = self._mouth(coefs, upper)
        self._put_together(upper, lower, seen)
        return self.graph.model(
            ("coefs", (1, len(drawing.limits.floor))),
            ("rgb", (1, 3, self.grid.height, self.width)),
        )

    def _limited(self) -> str:
        graph, limits = self.graph, self.drawing.limits
        most = graph.add("MatMul", "coefs", graph.constant(limits.most))
        most = graph.add("Add", most, graph.constant(limits.floor[None]))
        held = graph.add("MatMul", "coefs", graph.constant(limits.less))
        held = graph.add("Sub", graph.constant(np.float32(1)), held)
        zero, one = graph.constant(np.float32(0)), graph.constant(np.float32(1))
        share = graph.add("Clip", held, zero, one)
        return graph.add("Mul", graph.add("Min", "coefs", most), share)

    # --- where pixels come from ---------------------------------------------------------------

    def _fields(self, coefs: str, sheets: list[Sheet]) -> list[str]:
        """Return for each sheet [2, h, w]: source minus target, in pixels."""
        graph, (rows, columns) = self.graph, self.grid.shape
        layers = len(sheets)
        moves = np.stack([s.moves for s in sheets], 1)  # k, layers, nodes, 2
        table = moves.transpose(0, 1, 3, 2).reshape(len(moves), -1)
        rest = np.stack([s.rest.T for s in sheets]).reshape(1, -1)
        forward = graph.add("MatMul", coefs, graph.constant(table))
        forward = graph.add("Add", forward, graph.constant(rest))
        shape = graph.constant(np.array([layers, 2, rows, columns], np.int64))
        forward = graph.add("Reshape", forward, shape)
        back = self._turned_round(forward, layers)
        down, across = (graph.constant(m) for m in self.grid.enlarging())
        full = graph.add("MatMul", graph.add("MatMul", down, back), across)
        parts = graph.split("Split", full, outputs=layers, axis=0)
        shape = graph.constant(np.array([2, self.grid.height, self.width], np.int64))
        return [graph.add("Reshape", part, shape) for part in parts]

    def _turned_round(self, forward: str, layers: int) -> str:
        """Return d with d(p) = -forward(p + d(p))."""
        graph, (rows, columns) = self.graph, self.grid.shape
        x, y = np.meshgrid(np.linspace(-1, 1, columns), np.linspace(-1, 1, rows))
        still = graph.constant(np.repeat(np.stack([x, y], -1)[None], layers, 0))
        unit = graph.constant(np.array([2 / (CELL * (columns - 1)), 2 / (CELL * (rows - 1))]))
        new, old = graph.constant(np.float32(-DAMPING)), graph.constant(np.float32(1 - DAMPING))
        back = graph.add("Mul", forward, new)
        for _ in range(ROUNDS):
            moved = graph.add("Mul", graph.add("Transpose", back, perm=(0, 2, 3, 1)), unit)
            at = graph.add("Add", moved, still)
            there = graph.add(
                "GridSample", forward, at, align_corners=1, mode="bilinear", padding_mode="border"
            )
            back = graph.add("Add", graph.add("Mul", back, old), graph.add("Mul", there, new))
        return back

    # --- fetching -----------------------------------------------------------------------------

    def _fetched(self, picture: F32, field: str, span: tuple[int, int]) -> str:
        """Return [channels, pixels] of rows `span`, moved by `field` [2, h, w]."""
        graph, (first, end) = self.graph, span
        part = self._slice(field, first, end, axis=1)
        count = (end - first) * self.width
        part = graph.add("Reshape", part, graph.constant(np.array([2, count], np.int64)))
        dx, dy = graph.split("Split", part, outputs=2, axis=0)
        y, x = np.mgrid[first:end, 0 : self.width]
        x_at = graph.add("Add", dx, graph.constant(x.reshape(1, -1).astype(np.float32)))
        y_at = graph.add("Add", dy, graph.constant(y.reshape(1, -1).astype(np.float32)))
        return self._gathered(picture, x_at, y_at, count)

    def _gathered(self, picture: F32, x: str, y: str, count: int) -> str:
        """Return [channels, count]: `picture` at the places [1, count], between pixels."""
        graph = self.graph
        height, width, channels = picture.shape
        left, part_x = self._corner(x, width)
        top, part_y = self._corner(y, height)
        index = graph.add("Mul", top, graph.constant(np.float32(width)))
        index = graph.add("Cast", graph.add("Add", index, left), to=6)
        index = graph.add("Reshape", index, graph.constant(np.array([-1], np.int64)))
        flat = picture.reshape(-1, channels)
        steps = (0, 1, width, width + 1)
        table = np.concatenate([np.roll(flat, -step, 0) for step in steps], 1)
        rows = graph.add("Gather", graph.constant(table), index, axis=0)
        columns = graph.add("Transpose", rows, perm=(1, 0))
        here, right, below, across = graph.split("Split", columns, outputs=4, axis=0)
        above = self._between(here, right, part_x)
        under = self._between(below, across, part_x)
        return self._between(above, under, part_y)

    def _corner(self, at: str, size: int) -> tuple[str, str]:
        graph = self.graph
        low, high = graph.constant(np.float32(0)), graph.constant(np.float32(size - 1.001))
        inside = graph.add("Clip", at, low, high)
        whole = graph.add("Floor", inside)
        return whole, graph.add("Sub", inside, whole)

    def _between(self, one: str, other: str, share: str) -> str:
        graph = self.graph
        part = graph.add("Mul", graph.add("Sub", other, one), share)
        return graph.add("Add", one, part)

    def _slice(self, source: str, first: int, end: int, axis: int) -> str:
        graph = self.graph
        bounds = (graph.constant(np.array([n], np.int64)) for n in (first, end, axis))
        return graph.add("Slice", source, *bounds)

    # --- the mouth ----------------------------------------------------------------------------

    def _mouth(self, coefs: str, upper: str) -> str:
        """Return [3, pixels] of the rows with a hole: teeth, tongue and dark, shaded by the lip."""
        inside = self.drawing.inside
        assert isinstance(inside, Inside)
        graph = self.graph
        rows, columns = inside.back.shape[:2]
        seen = graph.constant(_planar(inside.back))
        for plane in inside.moving:
            seen = self._over(seen, self._shifted(plane, coefs))
        front = _planar(inside.front)
        colour = graph.constant(front[:3] * front[3:])
        seen = graph.add("Mul", seen, graph.constant(1 - front[3:]))
        seen = graph.add("Add", seen, colour)
        seen = graph.add("Mul", seen, self._light(upper, inside))
        shape = graph.constant(np.array([3, rows, columns], np.int64))
        seen = graph.add("Reshape", seen, shape)
        right = self.width - inside.left - columns
        pads = np.array([0, 0, inside.left, 0, 0, right], np.int64)
        seen = graph.add("Pad", seen, graph.constant(pads))
        flat = graph.constant(np.array([3, rows * self.width], np.int64))
        return graph.add("Reshape", seen, flat)

    def _shifted(self, plane: Plane, coefs: str) -> str:
        """Return [4, pixels] of a plane that moves as one."""
        graph = self.graph
        rows, columns = plane.picture.shape[:2]
        shift = graph.add("MatMul", coefs, graph.constant(-plane.shift))
        dx, dy = graph.split("Split", shift, outputs=2, axis=1)
        y, x = np.mgrid[0:rows, 0:columns].astype(np.float32)
        x_at = graph.add("Add", graph.constant(x.reshape(1, -1)), dx)
        y_at = graph.add("Add", graph.constant(y.reshape(1, -1)), dy)
        return self._gathered(plane.picture, x_at, y_at, rows * columns)

    def _over(self, below: str, above: str) -> str:
        """Return [3, pixels]: `above` [4, pixels] in front of `below`."""
        colour, share = self._slice(above, 0, 3, 0), self._slice(above, 3, 4, 0)
        return self._between(below, colour, share)

    def _light(self, upper: str, inside: Inside) -> str:
        """Return [3, pixels]: less light right under the upper lip, and a redder one."""
        graph, rows = self.graph, self.drawing.rows
        first = max(0, rows.first - inside.shade_rows)
        share = self._slice(upper, 3, 4, axis=0)
        share = self._slice(share, first * self.width, rows.upper_end * self.width, axis=1)
        above = rows.upper_end - first
        shape = graph.constant(np.array([1, above, self.width], np.int64))
        columns = inside.back.shape[1]
        share = graph.add("Reshape", share, shape)
        share = self._slice(share, inside.left, inside.left + columns, axis=2)
        below = len(inside.back) - above
        pads = graph.constant(np.array([0, 0, 0, 0, max(0, below), 0], np.int64))
        share = self._slice(graph.add("Pad", share, pads), 0, len(inside.back), axis=1)
        flat = graph.constant(np.array([1, len(inside.back) * columns], np.int64))
        flattened = graph.add("Reshape", share, flat)
        dark = graph.add("Mul", flattened, graph.constant(np.array(SHADE, np.float32)[:, None]))
        return graph.add("Sub", graph.constant(np.float32(1)), dark)

    # --- together -----------------------------------------------------------------------------

    def _put_together(self, upper: str, lower: str, seen: str) -> None:
        graph, rows, width = self.graph, self.drawing.rows, self.width
        first, upper_end, hole_end = (
            n * width for n in (rows.first, rows.upper_end, rows.hole_end)
        )
        lower_colour = self._slice(lower, 0, 3, 0)
        holed = self._slice(lower, 0, hole_end - first, axis=1)
        holed = self._over(seen, holed)
        rest = self._slice(lower_colour, hole_end - first, self.grid.height * width - first, axis=1)
        below = graph.add("Concat", holed, rest, axis=1)
        top = self._slice(self._slice(upper, 0, 3, 0), 0, first, axis=1)
        meeting = self._over(
            self._slice(below, 0, upper_end - first, axis=1),
            self._slice(upper, first, upper_end, axis=1),
        )
        end = self.grid.height * width - first
        bottom = self._slice(below, upper_end - first, end, axis=1)
        whole = graph.add("Concat", top, meeting, bottom, axis=1)
        shape = graph.constant(np.array([1, 3, self.grid.height, width], np.int64))
        zero, one = graph.constant(np.float32(0)), graph.constant(np.float32(1))
        graph.output("rgb", graph.add("Clip", graph.add("Reshape", whole, shape), zero, one))


SHADE = (0.17, 0.26, 0.29)  # of the red, green, blue that the upper lip takes right behind it


def _planar(picture: F32) -> F32:
    """Return [channels, pixels] of an (h, w, channels) picture."""
    flat = picture.reshape(-1, picture.shape[2]).T
    return np.ascontiguousarray(flat, np.float32)
