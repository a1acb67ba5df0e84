"""Write an ONNX model by hand, so that making an avatar needs no `onnx` package.

In:  operators and constants, in order.   Out: the bytes of a model.

Only the wire format of protobuf is needed. Field numbers come from onnx.proto3 (ONNX IR version 8).
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

IR, OPSET = 8, 17
FLOAT, INT32, INT64, FLOAT16 = 1, 6, 7, 10
_TYPES = {"float32": FLOAT, "int32": INT32, "int64": INT64, "float16": FLOAT16}
_FLOAT, _INT, _STRING, _INTS = 1, 2, 3, 7  # AttributeProto.type
_BYTES, _FIXED32 = 2, 5  # wire types

Attribute = int | float | str | Sequence[int]


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
        name = self._name("c")
        self._constants.append(tensor(name, array.reshape(np.shape(values))))
        return name

    def add(self, kind: str, *inputs: str, **attributes: Attribute) -> str:
        """Add an operator with one output; return the output's name."""
        return self.split(kind, *inputs, outputs=1, **attributes)[0]

    def split(self, kind: str, *inputs: str, outputs: int, **attributes: Attribute) -> list[str]:
        """Add an operator with several outputs; return their names."""
        names = [self._name("t") for _ in range(outputs)]
        self._node(kind, inputs, names, attributes)
        return names

    def output(self, name: str, source: str) -> None:
        """Give `source` the name by which the model returns it."""
        self._node("Identity", [source], [name], {})

    def model(self, given: tuple[str, Sequence[int]], returned: tuple[str, Sequence[int]]) -> bytes:
        """Return the model: float32 input and output by name and shape."""
        graph = b"".join(text(1, each) for each in self._nodes) + text(2, "face")
        graph += b"".join(text(5, each) for each in self._constants)
        return model(graph + text(11, port(*given)) + text(12, port(*returned)))

    def _name(self, prefix: str) -> str:
        self._names += 1
        return f"{prefix}{self._names}"

    def _node(
        self,
        kind: str,
        inputs: Sequence[str],
        outputs: Sequence[str],
        attributes: dict[str, Attribute],
    ) -> None:
        self._nodes.append(node(kind, inputs, outputs, attributes))


def model(graph: bytes) -> bytes:
    """Return a ModelProto around a GraphProto."""
    opset = text(8, text(1, "") + number(2, OPSET))
    return number(1, IR) + text(2, "livehost") + text(7, graph) + opset


def node(
    kind: str,
    inputs: Sequence[str],
    outputs: Sequence[str],
    attributes: Mapping[str, Attribute],
) -> bytes:
    """Return a NodeProto."""
    ports = b"".join(text(1, name) for name in inputs)
    ports += b"".join(text(2, name) for name in outputs)
    said = b"".join(text(5, _attribute(*each)) for each in attributes.items())
    return ports + text(4, kind) + said


def _attribute(name: str, value: Attribute) -> bytes:
    named = text(1, name)
    if isinstance(value, int):
        return named + number(3, value) + number(20, _INT)
    if isinstance(value, float):
        raw = _varint(2 << 3 | _FIXED32) + struct.pack("<f", value)
        return named + raw + number(20, _FLOAT)
    if isinstance(value, str):
        return named + text(4, value) + number(20, _STRING)
    return named + b"".join(number(8, each) for each in value) + number(20, _INTS)


def tensor(name: str, array: np.ndarray[Any, Any]) -> bytes:
    """Return a TensorProto of float32, float16, int32 or int64 values."""
    dims = b"".join(number(1, side) for side in array.shape)
    raw = np.ascontiguousarray(array, array.dtype.newbyteorder("<")).tobytes()
    return dims + number(2, _TYPES[array.dtype.name]) + text(8, name) + text(9, raw)


def port(name: str, shape: Sequence[int | str], kind: int = FLOAT) -> bytes:
    """Return a ValueInfoProto; a side with a name may have any length."""
    dims = (number(1, side) if isinstance(side, int) else text(2, side) for side in shape)
    sides = b"".join(text(1, dim) for dim in dims)
    return text(1, name) + text(2, text(1, number(1, kind) + text(2, sides)))


def number(field: int, value: int) -> bytes:
    """Return an integer field."""
    return _varint(field << 3) + _varint(value)


def text(field: int, body: bytes | str) -> bytes:
    """Return a field of bytes: text or a message."""
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
