"""Open ONNX models on the best provider there is, and say which one really loaded.

In:  a model file.   Out: a warmed-up session and the provider's name.
"""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from livehost.errors import BackendBroken

log = logging.getLogger(__name__)

ORDER = ("TensorrtExecutionProvider", "CUDAExecutionProvider", "CPUExecutionProvider")


class Session:
    """One ONNX model with one input and one output.

    Args:
        path: the model.
        threads: threads within one operator; 1 leaves the other core to the encoder.

    Raises:
        BackendBroken: the model cannot be loaded or run on any provider.
    """

    def __init__(self, path: Path, threads: int = 1) -> None:
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        wanted = [name for name in ORDER if name in ort.get_available_providers()]
        try:
            self._session = ort.InferenceSession(str(path), options, providers=wanted)
        except Exception as error:
            raise BackendBroken(f"{path.name}: cannot be loaded: {_short(error)}") from error
        self._name = path.name
        self._input = self._session.get_inputs()[0]
        self.provider: str = self._session.get_providers()[0].removesuffix("ExecutionProvider")
        self.run(np.zeros(self.shape, np.float32))
        log.info("model loaded", extra={"model": path.name, "provider": self.provider})

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the input; free axes count as 1."""
        return tuple(n if isinstance(n, int) else 1 for n in self._input.shape)

    def run(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the output for one input. Raises BackendBroken."""
        try:
            (output,) = self._session.run(None, {self._input.name: values})
        except Exception as error:
            raise BackendBroken(f"{self._name}: failed: {_short(error)}") from error
        return np.asarray(output, np.float32)


def _short(error: Exception) -> str:
    return (str(error).splitlines() or [repr(error)])[0][:200]
