"""An 8-bit ONNX graph in float32: what a teacher should say, without the noise of quantisation.

In:  a graph made by dynamic quantisation.   Out: the same computation on float weights.

A quantised layer is a chain: the input is quantised, a layer on integers runs, its bias (divided
by the scales, rounded) is added, the sum is cast and multiplied by both scales. The chain is
replaced by the layer itself on the weights that the integers stand for.
"""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import NodeProto, helper, numpy_helper

_PLAIN = {"ConvInteger": "Conv", "MatMulInteger": "MatMul"}


def dequantised(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return `model` with every quantised layer made plain; other nodes stay as they are.

    Raises:
        ValueError: a chain has another form.
    """
    graph = _Graph(model)
    replaced: dict[int, list[NodeProto]] = {}
    for node in model.graph.node:
        if node.op_type in _PLAIN:
            last, nodes = graph.plain(node)
            replaced[id(last)] = nodes
    nodes = [n for node in model.graph.node for n in replaced.get(id(node), [node])]
    kept = _needed(nodes, {output.name for output in model.graph.output})
    del model.graph.node[:]
    model.graph.node.extend(kept)
    read = {name for node in kept for name in node.input}
    weights = [*model.graph.initializer, *graph.weights]
    del model.graph.initializer[:]
    model.graph.initializer.extend(w for w in weights if w.name in read)
    del model.graph.value_info[:]
    return model


class _Graph:
    """Who makes and who reads each tensor."""

    def __init__(self, model: onnx.ModelProto) -> None:
        self._values = {t.name: t for t in model.graph.initializer}
        self._maker = {name: node for node in model.graph.node for name in node.output}
        self._readers: defaultdict[str, list[NodeProto]] = defaultdict(list)
        for node in model.graph.node:
            for name in node.input:
                self._readers[name].append(node)
        self.weights: list[onnx.TensorProto] = []

    def plain(self, layer: NodeProto) -> tuple[NodeProto, list[NodeProto]]:
        """Return the last node of the layer's chain, and the nodes to put in its place."""
        source = self._maker[layer.input[0]]
        following = self._reader(layer)
        bias = ""
        if following.op_type == "Add":
            bias = self._bias(following, layer.output[0])
            following = self._reader(following)
        last = self._reader(following)
        if (source.op_type, following.op_type, last.op_type) != (
            "DynamicQuantizeLinear", "Cast", "Mul",
        ):  # fmt: skip
            raise ValueError(f"{layer.name}: not a chain of dynamic quantisation")
        weight = numpy_helper.from_array(self._weight(layer, following, last), f"{layer.name}.f32")
        self.weights.append(weight)
        made = [source.input[0], weight.name]
        plain = _PLAIN[layer.op_type]
        if plain == "Conv" and bias:
            made.append(bias)
        node = helper.make_node(plain, made, [last.output[0]], name=f"{layer.name}.plain")
        node.attribute.extend(layer.attribute)
        if bias and plain == "MatMul":
            node.output[0] += ".unbiased"
            return last, [node, helper.make_node("Add", [node.output[0], bias], last.output)]
        return last, [node]

    def _reader(self, node: NodeProto) -> NodeProto:
        readers = self._readers[node.output[0]]
        if len(readers) != 1:
            raise ValueError(f"{node.name}: read {len(readers)} times")
        return readers[0]

    def _bias(self, add: NodeProto, product: str) -> str:
        """Return the name of the bias in float, before it was divided by the scales."""
        name = next(name for name in add.input if name != product)
        while name not in self._values:
            name = self._maker[name].input[0]
        return name

    def _weight(self, layer: NodeProto, cast: NodeProto, scale: NodeProto) -> NDArray[np.float32]:
        quantised = self._array(layer.input[1])
        zero = self._array(layer.input[3]) if len(layer.input) > 3 else np.zeros(1, np.float32)
        scales = self._maker[next(name for name in scale.input if name != cast.output[0])]
        step = self._array(next(name for name in scales.input if name in self._values))
        plain = (quantised - self._along(zero, layer)) * self._along(step, layer)
        return np.asarray(plain, np.float32)

    def _along(self, values: NDArray[np.float32], layer: NodeProto) -> NDArray[np.float32]:
        """Return values of each output channel, shaped to multiply the layer's weight."""
        if np.size(values) == 1:
            return values.reshape(())
        rank = len(self._values[layer.input[1]].dims)
        first = layer.op_type == "ConvInteger"
        return values.reshape([-1] + [1] * (rank - 1) if first else [1] * (rank - 1) + [-1])

    def _array(self, name: str) -> NDArray[np.float32]:
        return np.asarray(numpy_helper.to_array(self._values[name]), np.float32)


def _needed(nodes: list[NodeProto], wanted: set[str]) -> list[NodeProto]:
    kept = []
    for node in reversed(nodes):
        if wanted.intersection(node.output):
            kept.append(node)
            wanted.update(node.input)
    return kept[::-1]
