"""A network with several inputs on the best provider there is.

In:  a model file, arrays by role.   Out: its output for any number of pictures.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from livehost.errors import BackendBroken
from livehost.stage.render.peers.contract import TYPES, Form, arguments
from livehost.stage.render.session import opened, plain, providers

log = logging.getLogger(__name__)

Arrays = Mapping[str, NDArray[Any]]


class Graph:
    """One ONNX model of a network, warmed up.

    Args:
        form: what it takes and makes.
        most: pictures at once.
        still: roles that hold the same for every picture, with what they hold.
        length: what a side of -1 is at warm-up.

    Attributes:
        provider: where it runs.

    Raises:
        ConfigError: the file is of another form.
        BackendBroken: it cannot be loaded or run.
    """

    def __init__(
        self,
        path: Path,
        form: Form,
        most: int = 1,
        still: Arrays | None = None,
        length: int = 1,
    ) -> None:
        self._name, self._form = path.name, form
        self._length = length
        self._most, self._still = most, dict(still or {})
        wanted = providers(ort.get_available_providers())
        session, self._run = opened(path, wanted, 1, self._start)
        self.provider: str = plain(session.get_providers()[0])
        log.info("network loaded", extra={"model": path.name, "provider": self.provider})

    def run(self, given: Arrays) -> NDArray[np.float32]:
        """Return the output for some pictures. Raises BackendBroken.

        Args:
            given: arrays of one length, for the roles that do not hold still.
        """
        count = len(next(iter(given.values())))
        try:
            parts = [
                self._run(_padded(given, at, self._size(count)))[: count - at]
                for at in range(0, count, self._size(count))
            ]
        except Exception as error:  # the seam to native code
            said = (str(error).splitlines() or [repr(error)])[0][:200]
            raise BackendBroken(f"{self._name}: failed: {said}") from error
        return np.concatenate(parts).astype(np.float32, copy=False)

    def _size(self, count: int) -> int:
        """Return how many pictures one run makes."""
        return self._fixed or min(count, self._most)

    def _start(self, session: Any, device: str | None) -> Any:
        """Find its inputs and outputs and run it once."""
        inputs, output = arguments(self._name, session, self._form)
        still = {role: array for role, array in self._still.items() if role in inputs}
        takes = {role: side for role, side in self._form.takes.items() if role not in still}
        sides = {inputs[role].shape[0] for role in takes}
        known = [side for side in sides if isinstance(side, int)]
        # On a device the buffers are made once, so one size is kept to.
        self._fixed = known[0] if known else (self._most if device else None)
        kind = _Bound if device else _Unbound
        run = kind(session, inputs, output, still, device)
        count = self._fixed or self._most
        lengths: dict[int | None, int] = {None: count, -1: self._length}
        run({role: np.zeros([_side(n, lengths) for n in shape]) for role, shape in takes.items()})
        return run


class _Unbound:
    """Runs a session in main memory."""

    def __init__(
        self, session: Any, inputs: Mapping[str, Any], output: Any, still: Arrays, _: str | None
    ) -> None:
        self._session, self._inputs, self._output = session, inputs, output.name
        self._still = still

    def __call__(self, given: Arrays) -> NDArray[Any]:
        count = len(next(iter(given.values())))
        feeds = {
            self._inputs[role].name: _typed(self._inputs[role], array)
            for role, array in [*given.items(), *_repeated(self._still, self._inputs, count)]
        }
        return np.asarray(self._session.run([self._output], feeds)[0])


class _Bound:
    """Runs a session with buffers of its own on the device; what holds still is brought once."""

    def __init__(
        self,
        session: Any,
        inputs: Mapping[str, Any],
        output: Any,
        still: Arrays,
        device: str | None,
    ) -> None:
        self._session, self._inputs, self._device = session, inputs, device
        self._still, self._output = still, output.name
        self._values: dict[str, Any] = {}
        self._binding = session.io_binding()
        self._forget_output()

    def _forget_output(self) -> None:
        """Have the next run allocate its output: it may be of another size."""
        self._made: Any = None
        self._binding.bind_output(self._output, self._device)

    def __call__(self, given: Arrays) -> NDArray[Any]:
        if not self._values:
            count = len(next(iter(given.values())))
            for role, array in _repeated(self._still, self._inputs, count):
                self._put(role, array)
        for role, array in given.items():
            self._put(role, array)
        self._session.run_with_iobinding(self._binding)
        if self._made is None:  # the first run has allocated the output; later ones write there
            self._made = self._binding.get_outputs()[0]
            self._binding.bind_ortvalue_output(self._output, self._made)
        return np.array(self._made.numpy())

    def _put(self, role: str, array: NDArray[Any]) -> None:
        typed = _typed(self._inputs[role], array)
        value = self._values.get(role)
        if value is not None and value.shape() == list(typed.shape):
            value.update_inplace(typed)
            return
        self._forget_output()
        self._values[role] = ort.OrtValue.ortvalue_from_numpy(typed, self._device, 0)
        self._binding.bind_ortvalue_input(self._inputs[role].name, self._values[role])


def _repeated(
    still: Arrays, inputs: Mapping[str, Any], count: int
) -> list[tuple[str, NDArray[Any]]]:
    """Return what holds still, once for each picture where the model wants it so."""
    out = []
    for role, array in still.items():
        side = inputs[role].shape[0] if inputs[role].shape else 1
        each = array if side == 1 or array.ndim < 2 else np.repeat(array, count, axis=0)
        out.append((role, each.reshape(()) if not inputs[role].shape else each))
    return out


def _typed(argument: Any, array: NDArray[Any]) -> NDArray[Any]:
    return np.ascontiguousarray(array, TYPES[argument.type]).reshape(np.shape(array))


def _padded(given: Arrays, at: int, size: int) -> dict[str, NDArray[Any]]:
    """Return `size` pictures from `at` on, the last one repeated where there are not so many."""
    out = {}
    for role, array in given.items():
        part = array[at : at + size]
        lacking = size - len(part)
        out[role] = np.concatenate([part, np.repeat(part[-1:], lacking, 0)]) if lacking else part
    return out


def _side(side: int | None, known: Mapping[int | None, int]) -> int:
    return known[side] if side is None or side < 0 else side
