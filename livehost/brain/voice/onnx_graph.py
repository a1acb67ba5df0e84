"""Cut an ONNX model in two by hand, so that the product needs no `onnx` package.

In:  the bytes of a model, the tensors to cut at.   Out: the bytes of a smaller model.

Only the wire format of protobuf is needed: a message is a list of (field number, wire type,
value). Field numbers come from onnx.proto3 (ONNX IR version 8). Weights are never copied before
the smaller model is put together: a process on air has no room for a large model several times.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_MODEL_GRAPH = 7
_NODE, _INITIALIZER, _INPUT, _OUTPUT, _VALUE_INFO = 1, 5, 11, 12, 13
_NODE_INPUT, _NODE_OUTPUT = 1, 2
_TENSOR_NAME = 8
_FLOAT = 1  # TensorProto.DataType
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


@dataclass(frozen=True, slots=True)
class Port:
    """A float tensor that becomes an input or output of the cut model.

    Attributes:
        name: the tensor's name in the model.
        rank: its number of dimensions; every size is left open.
    """

    name: str
    rank: int


def cut(model: bytes | bytearray, inputs: Sequence[Port], outputs: Sequence[Port]) -> bytes:
    """Return the part of `model` that computes `outputs` from `inputs` and its own inputs.

    Args:
        model: a ModelProto without external data.
        inputs: tensors that are given from outside instead of being computed.
        outputs: tensors to return, in this order; the model's own outputs are dropped unless
            named here.

    Raises:
        ValueError: a named tensor does not exist, or the bytes are not a model.
    """
    fields = list(_fields(memoryview(model)))
    graphs = [value for number, _, value in fields if number == _MODEL_GRAPH]
    if len(graphs) != 1:
        raise ValueError("not an ONNX model")
    graph = _cut_graph(graphs[0], inputs, outputs)
    size = _varint(sum(map(len, graph)))
    rest = [raw for number, raw, _ in fields if number != _MODEL_GRAPH]
    return b"".join([*rest, _varint(_MODEL_GRAPH << 3 | _BYTES), size, *graph])


def _cut_graph(
    graph: memoryview, inputs: Sequence[Port], outputs: Sequence[Port]
) -> list[bytes | memoryview]:
    """Return the fields of the smaller graph."""
    fields = list(_fields(graph))
    nodes = [(raw, *_ports(value)) for number, raw, value in fields if number == _NODE]
    given = {port.name for port in inputs}
    kept, needed = _reachable(nodes, given, [port.name for port in outputs])
    parts: list[bytes | memoryview] = []
    parts += [raw for number, raw, _ in fields if number not in _REBUILT]
    parts += kept
    parts += [
        raw
        for number, raw, value in fields
        if (number == _INITIALIZER and _text(value, _TENSOR_NAME) in needed)
        or (number == _INPUT and _text(value, 1) in needed)
    ]
    parts += [_message(_INPUT, _value_info(port)) for port in inputs]
    own = {_text(value, 1): raw for number, raw, value in fields if number == _OUTPUT}
    parts += [own.get(port.name) or _message(_OUTPUT, _value_info(port)) for port in outputs]
    return parts


_REBUILT = {_NODE, _INITIALIZER, _INPUT, _OUTPUT, _VALUE_INFO}


def _reachable(
    nodes: list[tuple[memoryview, list[str], list[str]]], given: set[str], wanted: list[str]
) -> tuple[list[memoryview], set[str]]:
    """Return the nodes behind `wanted`, in their order, and every tensor name they read."""
    made = {name for _, _, outs in nodes for name in outs}
    if missing := (given | set(wanted)) - made:
        raise ValueError(f"the model has no tensor {sorted(missing)[0]}")
    needed = set(wanted)
    kept: list[memoryview] = []
    for raw, ins, outs in reversed(nodes):  # a valid graph is sorted: makers before readers
        if needed.intersection(outs) - given:
            kept.append(raw)
            needed.update(ins)
    return kept[::-1], needed - given


def _ports(node: memoryview) -> tuple[list[str], list[str]]:
    ins: list[str] = []
    outs: list[str] = []
    for number, _, value in _fields(node):
        if number == _NODE_INPUT:
            ins.append(bytes(value).decode())
        elif number == _NODE_OUTPUT:
            outs.append(bytes(value).decode())
    return ins, outs


def _value_info(port: Port) -> bytes:
    dims = b"".join(_message(1, _message(2, f"{port.name}.{n}".encode())) for n in range(port.rank))
    tensor = _varint(1 << 3) + _varint(_FLOAT) + _message(2, dims)
    return _message(1, port.name.encode()) + _message(2, _message(1, tensor))


def _text(message: memoryview, field: int) -> str:
    for number, _, value in _fields(message):
        if number == field:
            return bytes(value).decode()
    return ""


# --- protobuf wire format -----------------------------------------------------------------------


def _fields(message: memoryview) -> Iterator[tuple[int, memoryview, memoryview]]:
    """Yield (field number, the whole field, its value) of one message."""
    at = 0
    while at < len(message):
        start = at
        key, at = _read_varint(message, at)
        kind = key & 7
        if kind == _BYTES:
            size, at = _read_varint(message, at)
            value_at, at = at, at + size
        else:
            value_at, at = at, _skip(message, at, kind)
        if at > len(message):
            raise ValueError("not an ONNX model: it breaks off")
        yield key >> 3, message[start:at], message[value_at:at]


def _skip(message: memoryview, at: int, kind: int) -> int:
    match kind:
        case 0:
            return _read_varint(message, at)[1]
        case 1:
            return at + 8
        case 5:
            return at + 4
    raise ValueError("not an ONNX model: unknown wire type")


def _read_varint(message: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        if at >= len(message):
            raise ValueError("not an ONNX model: it breaks off")
        byte = message[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _message(number: int, body: bytes) -> bytes:
    return _varint(number << 3 | _BYTES) + _varint(len(body)) + body
