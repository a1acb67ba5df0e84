"""Write ONNX graphs without the onnx package: the few messages of its format that graphs need.

In:  nodes and weights.   Out: an ONNX file.

Source: onnx.proto (Open Neural Network Exchange), protocol buffers' wire format.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

OPSET, IR = 17, 8
FLOAT, INT64, FLOAT16 = 1, 7, 10
_CODES = {np.dtype(np.float32): FLOAT, np.dtype(np.int64): INT64, np.dtype(np.float16): FLOAT16}

Shape = Sequence[int | str]


class Sketch:
    """A graph being drawn; tensors are known by the names that its methods return."""

    def __init__(self, seed: int = 0) -> None:
        self._random = np.random.default_rng(seed)
        self._nodes, self._weights, self._inputs, self._outputs = [], [], [], []
        self._count = 0
        self.parameters = 0

    def input(self, name: str, shape: Shape, code: int = FLOAT) -> str:
        self._inputs.append(_value(name, shape, code))
        return name

    def output(self, name: str, shape: Shape, code: int = FLOAT) -> str:
        self._outputs.append(_value(name, shape, code))
        return name

    def weight(self, array: np.ndarray, *, learned: bool = True) -> str:
        name = self._name("w")
        self.parameters += array.size if learned else 0
        self._weights.append(_tensor(name, array))
        return name

    def random(self, *shape: int, spread: float = 1.0) -> str:
        values = self._random.standard_normal(shape, np.float32)
        return self.weight(values * np.float32(spread))

    def node(
        self,
        kind: str,
        inputs: Sequence[str],
        named: dict[str, Any] | None = None,
        *,
        to: str = "",
        **attributes: Any,
    ) -> str:
        """Add a node and return its output, called `to` if given; `named` are attributes too."""
        made = to or self._name("t")
        attributes |= named or {}
        parts = [_text(1, name) for name in inputs] + [_text(2, made), _text(4, kind)]
        parts += [_bytes(5, _attribute(key, value)) for key, value in attributes.items()]
        self._nodes.append(b"".join(parts))
        return made

    def write(self, path: Path) -> Path:
        graph = b"".join(
            [
                *(_bytes(1, node) for node in self._nodes),
                _text(2, "graph"),
                *(_bytes(5, weight) for weight in self._weights),
                *(_bytes(11, value) for value in self._inputs),
                *(_bytes(12, value) for value in self._outputs),
            ]
        )
        model = _number(1, IR) + _bytes(7, graph) + _bytes(8, _text(1, "") + _number(2, OPSET))
        path.write_bytes(model)
        return path

    def _name(self, letter: str) -> str:
        self._count += 1
        return f"{letter}{self._count}"


def _varint(value: int) -> bytes:
    value &= (1 << 64) - 1
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _bytes(field: int, value: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(value)) + value


def _text(field: int, value: str) -> bytes:
    return _bytes(field, value.encode())


def _attribute(name: str, value: Any) -> bytes:
    """An AttributeProto: an int, a float, a string or a list of ints or floats."""
    if isinstance(value, int):
        return _text(1, name) + _number(3, value) + _number(20, 2)
    if isinstance(value, float):
        return _text(1, name) + _varint(2 << 3 | 5) + struct.pack("<f", value) + _number(20, 1)
    if isinstance(value, str):
        return _text(1, name) + _text(4, value) + _number(20, 3)
    numbers = b"".join(_number(8, each) for each in value)
    return _text(1, name) + numbers + _number(20, 7)


def _tensor(name: str, array: np.ndarray) -> bytes:
    dims = b"".join(_number(1, side) for side in array.shape)
    code = _number(2, _CODES[array.dtype])
    return dims + code + _text(8, name) + _bytes(9, np.ascontiguousarray(array).tobytes())


def _value(name: str, shape: Shape, code: int) -> bytes:
    dims = (_number(1, side) if isinstance(side, int) else _text(2, side) for side in shape)
    sides = b"".join(_bytes(1, dim) for dim in dims)
    tensor = _number(1, code) + _bytes(2, sides)
    return _text(1, name) + _bytes(2, _bytes(1, tensor))
