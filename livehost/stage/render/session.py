"""Open ONNX models on the best provider there is, and say which one really loaded.

In:  a model file.   Out: a warmed-up session and the provider's name.
"""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from livehost.errors import BackendBroken

log = logging.getLogger(__name__)

ORDER = ("TensorrtExecutionProvider", "CUDAExecutionProvider", "CPUExecutionProvider")

Provider = tuple[str, dict[str, Any]]


class Session:
    """One ONNX model with one input and one output.

    A provider that cannot be loaded is passed over for the next one, and told.

    Args:
        path: the model.
        threads: threads within one operator; 1 leaves the other core to the encoder.

    Attributes:
        provider: the one that really loaded, "Tensorrt", "CUDA" or "CPU".

    Raises:
        BackendBroken: the model cannot be loaded or run on any provider.
    """

    def __init__(self, path: Path, threads: int = 1) -> None:
        self._name = path.name
        self._session = _open(path, providers(ort.get_available_providers()), threads)
        self._input = self._session.get_inputs()[0]
        self.provider: str = _plain(self._session.get_providers()[0])
        self.run(np.zeros(self.shape, np.float32))
        log.info("model loaded", extra={"model": path.name, "provider": self.provider})

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the input; free axes count as 1."""
        return tuple(n if isinstance(n, int) else 1 for n in self._input.shape)

    def run(self, values: NDArray[np.float32]) -> NDArray[Any]:
        """Return the output for one input, in the model's own type. Raises BackendBroken."""
        try:
            (output,) = self._session.run(None, {self._input.name: values})
        except Exception as error:
            raise BackendBroken(f"{self._name}: failed: {_short(error)}") from error
        return np.asarray(output)


def accelerators() -> list[str]:
    """Return the accelerators that this onnxruntime was built for; one may still fail to load."""
    return [name for name in ort.get_available_providers() if name in ORDER[:-1]]


def providers(available: list[str]) -> list[Provider]:
    """Return the providers to try, dearest hardware first, with their options."""
    engines = _engine_cache()
    options: dict[str, dict[str, Any]] = {
        "TensorrtExecutionProvider": {
            "trt_fp16_enable": True,
            "trt_engine_cache_enable": True,
            "trt_engine_cache_path": str(engines),
            "trt_timing_cache_enable": True,
        },
        # The default, EXHAUSTIVE, spends seconds on kernels that take microseconds.
        "CUDAExecutionProvider": {"cudnn_conv_algo_search": "HEURISTIC"},
    }
    return [(name, options.get(name, {})) for name in ORDER if name in available]


def _open(path: Path, wanted: list[Provider], threads: int) -> Any:
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    for at, (name, _) in enumerate(wanted):
        try:
            session = ort.InferenceSession(str(path), options, providers=wanted[at:])
        except Exception as error:
            if at == len(wanted) - 1:
                raise BackendBroken(f"{path.name}: cannot be loaded: {_short(error)}") from error
            _tell_passed_over(path, name, _short(error))
        else:
            if (loaded := session.get_providers()[0]) != name:
                _tell_passed_over(path, name, f"{_plain(loaded)} loaded instead")
            return session
    raise BackendBroken(f"{path.name}: onnxruntime has none of the providers {', '.join(ORDER)}")


def _tell_passed_over(path: Path, name: str, why: str) -> None:
    extra = {"model": path.name, "provider": _plain(name), "why": why}
    log.warning("provider passed over", extra=extra)


def _engine_cache() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "livehost" / "engines"


def _plain(provider: str) -> str:
    return provider.removesuffix("ExecutionProvider")


def _short(error: Exception) -> str:
    return (str(error).splitlines() or [repr(error)])[0][:200]
