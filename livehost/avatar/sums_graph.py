"""The ONNX graph of a decoder that adds up fixed pictures (needs onnx).

In:  the weights of a small network, the fixed pictures.   Out: an ONNX file, input "coefs" [1, k]
float32, output "yuv" [1, 3 h / 2, w] uint8: the planes y, u, v one after the other (I420).

A share is a whole number of 14 bits. Its upper and lower 7 bits are two rows of one product with
the fixed pictures in 8 bits: no sum of two products can overflow the 16 bits that processors
without VNNI add in.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

F32 = NDArray[np.float32]

OPSET = 17
DIGIT = 128  # a share is two of these digits
RUN = 8  # pixels that are moved to their place together
MIDDLE = DIGIT * DIGIT // 2  # the share that means none


@dataclass(frozen=True, slots=True)
class Tile:
    """A part of the picture with fixed pictures of its own.

    Attributes:
        pixels: (n,) its pixels in an I420 row, in whole runs of `RUN`.
        sums: (pictures, n) float32 in grey levels per share.
        mean: (n,) float32, the picture when every share is 0.
    """

    pixels: NDArray[np.int64]
    sums: F32
    mean: F32


@dataclass(frozen=True, slots=True)
class Shares:
    """The network from coefficients to shares: layers with SiLU, and a linear path around them.

    Attributes:
        centre, spread: (k,) of the coefficients.
        hidden: weights (in, out) and biases.
        out: the last layer.
        skip: (k, shares) the path around.
        most: (shares,) the largest share that can be said.
    """

    centre: F32
    spread: F32
    hidden: Sequence[tuple[F32, F32]]
    out: tuple[F32, F32]
    skip: F32
    most: F32


class _Graph:
    """Nodes and constants in the order they were added."""

    def __init__(self) -> None:
        import onnx  # noqa: PLC0415 (not part of the install)

        self.onnx = onnx
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def constant(self, values: Any) -> str:
        name = f"c{len(self.constants)}"
        array = np.asarray(values, order="C")
        self.constants.append(self.onnx.numpy_helper.from_array(array, name))
        return name

    def add(self, kind: str, *inputs: str, outputs: int = 1, **attributes: Any) -> Any:
        """Add a node; return the name of its output, or a list of several."""
        names = [f"n{len(self.nodes)}_{n}" for n in range(outputs)]
        self.nodes.append(self.onnx.helper.make_node(kind, inputs, names, **attributes))
        return names[0] if outputs == 1 else names


def write(
    path: Path, network: Shares, tiles: Sequence[Tile], mean: F32, size: tuple[int, int]
) -> None:
    """Write the graph for pictures of `size` (height, width). Raises ImportError.

    Args:
        mean: (pixels,) of an I420 row; shown where no tile has a pixel.
    """
    graph = _Graph()
    digits = _digits(graph, _shares(graph, network), network.most)
    summed = _products(graph, digits, network.most, tiles)
    bytes_ = graph.add("Cast", summed, to=graph.onnx.TensorProto.UINT8)
    moving = np.concatenate([tile.pixels for tile in tiles])
    still = np.setdiff1d(np.arange(len(mean)), moving)
    rest = graph.constant(np.rint(mean[still])[None].astype(np.uint8))
    order = np.argsort(np.concatenate([moving, still])[::RUN]).astype(np.int32)
    whole = graph.add("Concat", bytes_, rest, axis=1)
    runs = graph.add("Reshape", whole, graph.constant(np.array([-1, RUN])))
    picture = graph.add("Gather", runs, graph.constant(order), axis=0)
    shape = graph.constant(np.array([1, size[0] * 3 // 2, size[1]]))
    graph.nodes.append(graph.onnx.helper.make_node("Reshape", [picture, shape], ["yuv"]))
    _save(graph, path, len(network.centre), (1, size[0] * 3 // 2, size[1]))


def _shares(graph: _Graph, network: Shares) -> str:
    """Add the network; its output is [1, shares] in digits, around `MIDDLE`."""
    centred = graph.add("Sub", "coefs", graph.constant(network.centre[None]))
    scaled: str = graph.add("Div", centred, graph.constant(network.spread[None]))
    hidden = scaled
    for weight, bias in network.hidden:
        linear = graph.add("Gemm", hidden, graph.constant(weight), graph.constant(bias))
        hidden = graph.add("Mul", linear, graph.add("Sigmoid", linear))
    unit = np.float32(MIDDLE - 1) / network.most
    weight, bias = network.out[0] * unit, network.out[1] * unit + np.float32(MIDDLE + 0.5)
    nonlinear = graph.add("Gemm", hidden, graph.constant(weight), graph.constant(bias))
    linear = graph.add("MatMul", scaled, graph.constant(network.skip * unit))
    return str(graph.add("Add", nonlinear, linear))


def _digits(graph: _Graph, shares: str, most: F32) -> str:
    """Add [2, shares] uint8: the upper digits and the lower."""
    low, high = (graph.constant(np.float32(end)) for end in (0, 2 * MIDDLE - 1))
    whole = graph.add("Floor", graph.add("Clip", shares, low, high))
    digit = graph.constant(np.float32(DIGIT))
    upper = graph.add("Floor", graph.add("Div", whole, digit))
    lower = graph.add("Sub", whole, graph.add("Mul", upper, digit))
    both = graph.add("Concat", upper, lower, axis=0)
    return str(graph.add("Cast", both, to=graph.onnx.TensorProto.UINT8))


def _products(graph: _Graph, digits: str, most: F32, tiles: Sequence[Tile]) -> str:
    """Add [1, pixels] float32 in 0..255.5: the mean and the shares of the fixed pictures."""
    counts = np.array([len(tile.sums) for tile in tiles])
    parts = [digits]
    if len(tiles) > 1:
        parts = graph.add("Split", digits, graph.constant(counts), axis=1, outputs=len(tiles))
    found, steps, bases, at = [], [], [], 0
    for part, tile in zip(parts, tiles, strict=True):
        sums = tile.sums * (most[at : at + len(tile.sums), None] / np.float32(MIDDLE - 1))
        at += len(tile.sums)
        step = np.maximum(np.abs(sums).max(0) / 127, 1e-12)
        whole = np.rint(sums / step).astype(np.int8)
        found.append(graph.add("MatMulInteger", part, graph.constant(whole)))
        steps.append(step)
        bases.append(tile.mean - step * whole.sum(0, dtype=np.int64) * MIDDLE + 0.5)
    rows = graph.add("Concat", *found, axis=1) if len(found) > 1 else found[0]
    upper, lower = graph.add("Split", rows, axis=0, outputs=2)
    raised = graph.add("Mul", upper, graph.constant(np.int32(DIGIT)))
    total = graph.add("Cast", graph.add("Add", raised, lower), to=graph.onnx.TensorProto.FLOAT)
    scaled = graph.add("Mul", total, graph.constant(np.concatenate(steps)[None].astype(np.float32)))
    base = graph.constant(np.concatenate(bases)[None].astype(np.float32))
    low, high = (graph.constant(np.float32(end)) for end in (0, 255.5))
    return str(graph.add("Clip", graph.add("Add", scaled, base), low, high))


def _save(graph: _Graph, path: Path, coefs: int, shape: tuple[int, ...]) -> None:
    helper, types = graph.onnx.helper, graph.onnx.TensorProto
    made = helper.make_graph(
        graph.nodes,
        "sums",
        [helper.make_tensor_value_info("coefs", types.FLOAT, [1, coefs])],
        [helper.make_tensor_value_info("yuv", types.UINT8, list(shape))],
        graph.constants,
    )
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", OPSET)])
    model.ir_version = 8
    path.write_bytes(model.SerializeToString())
