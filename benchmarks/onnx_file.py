"""Draw ONNX graphs with several inputs and random weights, for tests and measurements.

In:  nodes and weights.   Out: an ONNX file.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from livehost.avatar.photo import onnx_file as onnx
from livehost.avatar.photo.onnx_file import FLOAT, FLOAT16, INT64

__all__ = ["FLOAT", "FLOAT16", "INT64", "Sketch"]

Shape = Sequence[int | str]


class Sketch:
    """A graph being drawn; tensors are known by the names that its methods return."""

    def __init__(self, seed: int = 0) -> None:
        self._random = np.random.default_rng(seed)
        self._nodes, self._weights, self._inputs, self._outputs = [], [], [], []
        self._count = 0
        self.parameters = 0

    def input(self, name: str, shape: Shape, code: int = FLOAT) -> str:
        self._inputs.append(onnx.port(name, shape, code))
        return name

    def output(self, name: str, shape: Shape, code: int = FLOAT) -> str:
        self._outputs.append(onnx.port(name, shape, code))
        return name

    def weight(self, array: np.ndarray, *, learned: bool = True) -> str:
        name = self._name("w")
        self.parameters += array.size if learned else 0
        self._weights.append(onnx.tensor(name, array))
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
        self._nodes.append(onnx.node(kind, inputs, [made], attributes))
        return made

    def write(self, path: Path) -> Path:
        parts = (1, self._nodes), (5, self._weights), (11, self._inputs), (12, self._outputs)
        graph = b"".join(onnx.text(field, each) for field, many in parts for each in many)
        path.write_bytes(onnx.model(graph + onnx.text(2, "graph")))
        return path

    def _name(self, letter: str) -> str:
        self._count += 1
        return f"{letter}{self._count}"
