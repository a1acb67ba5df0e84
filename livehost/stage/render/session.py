"""Open ONNX models on the best provider there is, and say which one really loaded.

In:  a model file.   Out: a warmed-up session and the provider's name.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from livehost.errors import BackendBroken, ConfigError

log = logging.getLogger(__name__)

ORDER = ("TensorrtExecutionProvider", "CUDAExecutionProvider", "CPUExecutionProvider")
ACCELERATED, CPU = ORDER[:-1], ORDER[-1:]

DEVICES = {"TensorrtExecutionProvider": "cuda", "CUDAExecutionProvider": "cuda"}
"""Where a provider has its tensors; one that is missing here has them in main memory."""

Provider = tuple[str, dict[str, Any]]
Run = Callable[[NDArray[np.float32]], NDArray[Any]]
Started = TypeVar("Started")


class Session:
    """One ONNX model with one input and one output.

    A provider that cannot be loaded, or cannot run the model once, is passed over for the next
    one, and told.

    Args:
        path: the model.
        threads: threads within one operator; 1 leaves the other core to the encoder.
        among: providers that will do, best first.

    Attributes:
        provider: the one that really loaded, "Tensorrt", "CUDA" or "CPU".

    Raises:
        BackendBroken: the model cannot be loaded or run on any of them.
    """

    def __init__(self, path: Path, threads: int = 1, among: Sequence[str] = ORDER) -> None:
        self._name = path.name
        wanted = [each for each in providers(ort.get_available_providers()) if each[0] in among]
        session, self._run = opened(path, wanted, threads, _started)
        self._input = session.get_inputs()[0]
        self.provider: str = plain(session.get_providers()[0])
        log.info("model loaded", extra={"model": path.name, "provider": self.provider})

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the input; free axes count as 1."""
        return _shape(self._input)

    def run(self, values: NDArray[np.float32]) -> NDArray[Any]:
        """Return the output for one input, in the model's own type. Raises BackendBroken."""
        try:
            return self._run(values)
        except Exception as error:  # the seam to native code
            raise BackendBroken(f"{self._name}: failed: {_short(error)}") from error


def accelerators() -> list[str]:
    """Return the accelerators that this onnxruntime was built for; one may still fail to load."""
    return [name for name in ort.get_available_providers() if name in ACCELERATED]


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


# --- opening ------------------------------------------------------------------------------------


def opened(
    path: Path,
    wanted: list[Provider],
    threads: int,
    start: Callable[[Any, str | None], Started],
) -> tuple[Any, Started]:
    """Return a session on the first provider of `wanted` that works, and what `start` made of it.

    Args:
        start: given the session and the device of its tensors (None is main memory); must run it
            once, since many a provider loads what it cannot run.

    Raises:
        BackendBroken: no provider works.
        ConfigError: from `start`.
    """
    why = "onnxruntime has none of the providers"
    for at, (name, _) in enumerate(wanted):
        try:
            session = _loaded(path, wanted[at:], threads)
            loaded = session.get_providers()[0]
            if loaded != name:
                _tell_passed_over(path, name, why := f"{plain(loaded)} loaded instead")
                if loaded not in [each for each, _ in wanted]:
                    continue
            started = start(session, DEVICES.get(loaded))
        except ConfigError:
            raise
        except Exception as error:  # the seam to native code
            why = _short(error)
            if at < len(wanted) - 1:
                _tell_passed_over(path, name, why)
        else:
            return session, started
    raise BackendBroken(f"{path.name}: cannot be loaded: {why}")


def _loaded(path: Path, wanted: list[Provider], threads: int) -> Any:
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    session = ort.InferenceSession(str(path), options, providers=wanted)
    # What fails on air is told and handled here, not printed and retried within onnxruntime.
    session.disable_fallback()
    return session


def _started(session: Any, device: str | None) -> Run:
    """Return how to run a session, once it has run."""
    run = _Bound(session, device) if device else _plain_run(session)
    run(np.zeros(_shape(session.get_inputs()[0]), np.float32))
    return run


def _plain_run(session: Any) -> Run:
    name = session.get_inputs()[0].name

    def run(values: NDArray[np.float32]) -> NDArray[Any]:
        (output,) = session.run(None, {name: values})
        return np.asarray(output)

    return run


class _Bound:
    """Runs a session with buffers of its own on the device: nothing is allocated while on air,
    and each tensor crosses the bus once."""

    def __init__(self, session: Any, device: str) -> None:
        given, made = session.get_inputs()[0], session.get_outputs()[0]
        self._session = session
        self._output = made.name
        nothing = np.zeros(_shape(given), np.float32)
        self._given = ort.OrtValue.ortvalue_from_numpy(nothing, device, 0)
        self._binding = session.io_binding()
        self._binding.bind_ortvalue_input(given.name, self._given)
        self._binding.bind_output(made.name, device)
        self._made: Any = None

    def __call__(self, values: NDArray[np.float32]) -> NDArray[Any]:
        self._given.update_inplace(np.ascontiguousarray(values, np.float32))
        self._session.run_with_iobinding(self._binding)
        if self._made is None:  # the first run has allocated the output; later ones write there
            self._made = self._binding.get_outputs()[0]
            self._binding.bind_ortvalue_output(self._output, self._made)
        return np.array(self._made.numpy())


def _shape(argument: Any) -> tuple[int, ...]:
    return tuple(n if isinstance(n, int) else 1 for n in argument.shape)


def _tell_passed_over(path: Path, name: str, why: str) -> None:
    extra = {"model": path.name, "provider": plain(name), "why": why}
    log.warning("provider passed over", extra=extra)


def _engine_cache() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "livehost" / "engines"


def plain(provider: str) -> str:
    """Return a provider's name as people say it."""
    return provider.removesuffix("ExecutionProvider")


def _short(error: Exception) -> str:
    return (str(error).splitlines() or [repr(error)])[0][:200]
