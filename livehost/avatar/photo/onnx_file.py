"""Write an ONNX model by hand, so that making an avatar needs no `onnx` package.

In:  operators and constants, in order.   Out: the bytes of a model.

Only the wire format of protobuf is needed. Field numbers come from onnx.proto3 (ONNX IR version 8).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

IR, OPSET = 8, 17
FLOAT, INT32, INT64 = 1, 6, 7
_TYPES = {"float32": FLOAT, "int32": INT32, "int64": INT64}
_INT, _STRING, _INTS = 2, 3, 7  # AttributeProto.type
_BYTES = 2  # wire type


class Graph:
    """Operators and constants in the order they were added."""

    def __init__(self) -> None:
        self._nodes: list[bytes] = []
        self._constants: list[bytes] = []
        self._names = 0

    def constant(self, values: Any) -> str:
        """Add float32, int32 or int64 values; return their name."""
        array = np.ascontiguousarray(values)
        if array.dtype == np.float64:
            array = array.astype(np.float32)
        shape = np.shape(values)
        dims = b"".join(_number(1, side) for side in shape)
        name = self._name("c")
        kind = _number(2, _TYPES[array.dtype.name])
        raw = _text(9, array.astype(array.dtype.newbyteorder("<")).tobytes())
        self._constants.append(dims + kind + _text(8, name) + raw)
        return name

    def add(self, kind: str, *inputs: str, **attributes: int | str | Sequence[int]) -> str:
        """Add an operator with one output; return the output's name."""
        return self.split(kind, *inputs, outputs=1, **attributes)[0]

    def split(
        self, kind: str, *inputs: str, outputs: int, **attributes: int | str | Sequence[int]
    ) -> list[str]:
        """Add an operator with several outputs; return their names."""
        names = [self._name("t") for _ in range(outputs)]
        self._node(kind, inputs, names, attributes)
        return names

    def output(self, name: str, source: str) -> None:
        """Give `source` the name by which the model returns it."""
        self._node("Identity", [source], [name], {})

    def model(self, given: tuple[str, Sequence[int]], returned: tuple[str, Sequence[int]]) -> bytes:
        """Return the model: float32 input and output by name and shape."""
        graph = b"".join(_text(1, node) for node in self._nodes) + _text(2, "face")
        graph += b"".join(_text(5, constant) for constant in self._constants)
        graph += _text(11, _port(*given)) + _text(12, _port(*returned))
        opset = _text(8, _text(1, "") + _number(2, OPSET))
        return _number(1, IR) + _text(2, "livehost") + _text(7, graph) + opset

    def _name(self, prefix: str) -> str:
        self._names += 1
        return f"{prefix}{self._names}"

    def _node(
        self,
        kind: str,
        inputs: Sequence[str],
        outputs: Sequence[str],
        attributes: dict[str, int | str | Sequence[int]],
    ) -> None:
        ports = b"".join(_text(1, name) for name in inputs)
        ports += b"".join(_text(2, name) for name in outputs)
        said = b"".join(_text(5, _attribute(*each)) for each in attributes.items())
        self._nodes.append(ports + _text(4, kind) + said)


def _attribute(name: str, value: int | str | Sequence[int]) -> bytes:
    named = _text(1, name)
    if isinstance(value, int):
        return named + _number(3, value) + _number(20, _INT)
    if isinstance(value, str):
        return named + _text(4, value) + _number(20, _STRING)
    return named + b"".join(_number(8, each) for each in value) + _number(20, _INTS)


def _port(name: str, shape: Sequence[int]) -> bytes:
    dims = b"".join(_text(1, _number(1, side)) for side in shape)
    return _text(1, name) + _text(2, _text(1, _number(1, FLOAT) + _text(2, dims)))


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _text(field: int, body: bytes | str) -> bytes:
    raw = body.encode() if isinstance(body, str) else body
    return _varint(field << 3 | _BYTES) + _varint(len(raw)) + raw


def _varint(value: int) -> bytes:
    value &= (1 << 64) - 1  # negative numbers are written as their two's complement
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
