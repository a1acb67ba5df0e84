"""The published lip-sync networks with random weights: the same layers, so the same arithmetic.

In:  a folder.   Out: ONNX files, their parameters and multiply-adds.

Batch normalisation is folded into the convolutions, as every exporter does. Source: Wav2Lip,
models/wav2lip.py; the 256 of LiveTalking, avatars/wav2lip/models/wav2lip_v2.py; no layers of a 384
are published: it goes on by the rule that makes a 256 of a 96; Ultralight-Digital-Human, unet.py.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.onnx_file import Sketch

BATCH = "n"


@dataclass(frozen=True)
class Made:
    """A graph on disk, and the size of it."""

    path: Path
    parameters: int
    multiply_adds: int


@dataclass(frozen=True)
class Tensor:
    name: str
    channels: int
    height: int
    width: int


def folder() -> Path:
    """Return where graphs are kept; nothing of it is worth keeping."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    path = Path(base) / "livehost" / "bench-networks"
    path.mkdir(parents=True, exist_ok=True)
    return path


class Layers:
    """Convolutional layers, counted."""

    def __init__(self) -> None:
        self.sketch, self.multiply_adds = Sketch(), 0

    def input(self, name: str, channels: int, height: int, width: int) -> Tensor:
        return Tensor(
            self.sketch.input(name, (BATCH, channels, height, width)), channels, height, width
        )

    def conv(
        self,
        x: Tensor,
        out: int,
        side: int = 3,
        stride: tuple[int, int] = (1, 1),
        pad: int = 1,
        *,
        groups: int = 1,
        again: bool = False,
        act: str = "Relu",
    ) -> Tensor:
        """A convolution and its activation; `again` adds what went in."""
        sketch, inside = self.sketch, x.channels // groups
        spread = (2 / (inside * side * side)) ** 0.5
        weights = sketch.random(out, inside, side, side, spread=spread)
        height = (x.height + 2 * pad - side) // stride[0] + 1
        width = (x.width + 2 * pad - side) // stride[1] + 1
        self.multiply_adds += out * height * width * inside * side * side
        name = sketch.node(
            "Conv",
            [x.name, weights, sketch.random(out, spread=0.01)],
            kernel_shape=[side, side],
            strides=list(stride),
            pads=[pad] * 4,
            group=groups,
        )
        if again:
            name = sketch.node("Add", [name, x.name])
        return Tensor(sketch.node(act, [name]) if act else name, out, height, width)

    def up(self, x: Tensor, out: int, side: int = 3, *, first: bool = False) -> Tensor:
        """A transposed convolution: to twice the size, or the first one, from a single pixel."""
        stride, pad, more = (1, 0, 0) if first else (2, 1, 1)
        spread = (2 / (x.channels * side * side)) ** 0.5
        weights = self.sketch.random(x.channels, out, side, side, spread=spread)
        height = (x.height - 1) * stride - 2 * pad + side + more
        self.multiply_adds += x.channels * x.height * x.width * out * side * side
        name = self.sketch.node(
            "ConvTranspose",
            [x.name, weights, self.sketch.random(out, spread=0.01)],
            kernel_shape=[side, side],
            strides=[stride] * 2,
            pads=[pad] * 4,
            output_padding=[more] * 2,
        )
        return Tensor(self.sketch.node("Relu", [name]), out, height, height)

    def join(self, one: Tensor, other: Tensor) -> Tensor:
        if (one.height, one.width) != (other.height, other.width):
            raise ValueError(f"{one} and {other} do not fit")
        name = self.sketch.node("Concat", [one.name, other.name], axis=1)
        return Tensor(name, one.channels + other.channels, one.height, one.width)

    def finish(self, x: Tensor, path: Path) -> Made:
        """End with three channels in 0..1 and write the file."""
        last = self.conv(x, 3, 1, pad=0, act="Sigmoid")
        shape = (BATCH, 3, last.height, last.width)
        self.sketch.node("Identity", [last.name], to=self.sketch.output("output", shape))
        return Made(self.sketch.write(path), self.sketch.parameters, self.multiply_adds)


# --- Wav2Lip --------------------------------------------------------------------------------------

_DOWN = ((32, 2), (64, 3), (128, 2), (256, 2), (512, 1))
"""Channels, and layers behind the one that halves the size."""
_HEARS = (
    (32, (1, 1), 2),
    (64, (3, 1), 2),
    (128, (3, 3), 2),
    (256, (3, 2), 1),
)
_UP = {512: (512, 2), 256: (384, 2), 128: (256, 2), 64: (128, 2), 32: (64, 2)}
"""By channels of what is joined before: channels and layers behind the one that doubles."""


def wav2lip(path: Path, side: int) -> Made:
    """Write a Wav2Lip of `side` pixels: 96, 256 or 384."""
    layers = Layers()
    heard = _heard(layers)
    steps, foot = list(_DOWN), side // 32
    while foot > 4:
        steps.append((512, 1))
        foot //= 2
    return _generator(layers, heard, side, steps, path)


def _heard(layers: Layers) -> Tensor:
    """Return the 512 numbers of a mel window."""
    x = layers.input("mel", 1, 80, 16)
    for channels, stride, more in _HEARS:
        x = layers.conv(x, channels, stride=stride)
        for _ in range(more):
            x = layers.conv(x, channels, again=True)
    return layers.conv(layers.conv(x, 512, pad=0), 512, 1, pad=0)


def _generator(
    layers: Layers, heard: Tensor, side: int, steps: Sequence[tuple[int, int]], path: Path
) -> Made:
    x = layers.conv(layers.input("face", 6, side, side), 16, 7, pad=3)
    seen = [x]
    for channels, more in steps:
        x = layers.conv(x, channels, stride=(2, 2))
        for _ in range(more):
            x = layers.conv(x, channels, again=True)
        seen.append(x)
    foot = x.height
    seen.append(layers.conv(layers.conv(x, 512, foot, pad=0), 512, 1, pad=0))
    x = layers.join(layers.conv(heard, 512, 1, pad=0), seen.pop())
    x = layers.conv(layers.up(x, 512, foot, first=True), 512, again=True)
    while len(seen) > 1:
        joined = seen.pop()
        out, more = _UP[joined.channels]
        # The second of the 256's two blocks of 512 has one layer less.
        more -= joined.channels == 512 and seen[-1].channels == 512
        x = layers.up(layers.join(x, joined), out)
        for _ in range(more):
            x = layers.conv(x, out, again=True)
    return layers.finish(layers.conv(layers.join(x, seen.pop()), 32), path)


# --- Ultralight-Digital-Human ---------------------------------------------------------------------

_WIDE = (32, 64, 128, 256, 512)


def ultralight(path: Path, side: int = 160) -> Made:
    """Write the network that hears HuBERT's features; HuBERT itself is not part of it."""
    layers = Layers()
    seen = [_inverted(layers, layers.input("face", 6, side, side), _WIDE[0])]
    for channels in _WIDE[1:]:
        seen.append(_double(layers, seen[-1], channels, 2))
    x = layers.join(seen.pop(), _features(layers))
    x = _double(layers, _double(layers, x, _WIDE[4], 1), _WIDE[3], 1)
    for channels in (_WIDE[3] // 2, _WIDE[2] // 2, _WIDE[1] // 2, _WIDE[0]):
        x = _double(layers, layers.join(_doubled(layers, x), seen.pop()), channels, 1)
    return layers.finish(x, path)


def _features(layers: Layers) -> Tensor:
    x = layers.input("features", 16, 32, 32)
    x = _inverted(layers, _inverted(layers, x, _WIDE[1]), _WIDE[2])
    x = layers.conv(x, _WIDE[3], stride=(2, 2))
    x = layers.conv(_inverted(layers, x, _WIDE[3], again=True), _WIDE[4], 3, (2, 2), 3)
    return _inverted(layers, _inverted(layers, x, _WIDE[4], again=True), _WIDE[4], again=True)


def _inverted(
    layers: Layers, x: Tensor, out: int, stride: int = 1, *, again: bool = False
) -> Tensor:
    """An inverted residual: wider, one filter a channel, narrower."""
    wide = layers.conv(x, 2 * x.channels, 1, pad=0)
    each = layers.conv(wide, wide.channels, 3, (stride, stride), groups=wide.channels)
    narrow = layers.conv(each, out, 1, pad=0, act="")
    if not again:
        return narrow
    name = layers.sketch.node("Add", [narrow.name, x.name])
    return Tensor(name, out, narrow.height, narrow.width)


def _double(layers: Layers, x: Tensor, out: int, stride: int) -> Tensor:
    return _inverted(layers, _inverted(layers, x, out, stride), out, again=True)


def _doubled(layers: Layers, x: Tensor) -> Tensor:
    sketch = layers.sketch
    scales = sketch.weight(np.float32([1, 1, 2, 2]), learned=False)
    empty = sketch.weight(np.zeros(0, np.float32))
    attributes = {"mode": "linear", "coordinate_transformation_mode": "align_corners"}
    name = sketch.node("Resize", [x.name, empty, scales], attributes)
    return Tensor(name, x.channels, 2 * x.height, 2 * x.width)


NETWORKS = {
    "wav2lip-96": lambda path: wav2lip(path, 96),
    "wav2lip-256": lambda path: wav2lip(path, 256),
    "wav2lip-384": lambda path: wav2lip(path, 384),
    "ultralight-hubert": ultralight,
}
