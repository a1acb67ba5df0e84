"""How busy the GPU of the show is, as NVIDIA's driver tells it.

In:  the driver's library (NVML), by nvidia-ml-py.   Out: numbers for the status; none without it.

The driver is asked in a thread that nobody waits for: about a card that has fallen off the bus, a
call may never come back.
"""

from __future__ import annotations

import asyncio
import importlib
import logging
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

from livehost.errors import Transient

log = logging.getLogger(__name__)

EVERY_SECONDS = 2.0
PATIENCE_SECONDS = 5.0  # for an answer of the driver
RETRY_SECONDS = 30.0
MIB = 1024 * 1024

Numbers = dict[str, Any]


class Gpu:
    """Looks every two seconds, for as long as there is something to see.

    Attributes:
        trouble: why a card that was there cannot be read any more; "" otherwise.
    """

    def __init__(self, look: Callable[[], Numbers] | None = None) -> None:
        self._look = look or Card(os.environ.get("CUDA_VISIBLE_DEVICES")).look
        self._seen: Numbers = {}
        self._known = False
        self.trouble = ""

    def snapshot(self) -> Numbers:
        """Return what was seen last; {} where there is nothing to be seen.

        `gpu` names the card; `gpu_percent` and `gpu_encoder_percent` are its load and that of
        NVENC, `gpu_memory_used_mib` of `gpu_memory_total_mib` are in use, `gpu_celsius` is its
        temperature. What a card does not tell is left out.
        """
        return self._seen

    async def run(self) -> None:
        """Look until cancelled. Where there never was a card, nothing is said about it."""
        while True:
            try:
                self._take(await self._answer())
            except Transient as error:
                self._lose(str(error))
            await asyncio.sleep(EVERY_SECONDS if self._seen else RETRY_SECONDS)

    async def _answer(self) -> Numbers:
        asked = _in_thread(self._look)
        try:
            if not (await asyncio.wait({asked}, timeout=PATIENCE_SECONDS))[0]:
                self._lose("the driver does not answer")
            return await asked
        finally:
            asked.cancel()

    def _take(self, seen: Numbers) -> None:
        if self.trouble:
            log.info("GPU can be read again")
        self._seen, self._known, self.trouble = seen, True, ""

    def _lose(self, why: str) -> None:
        self._seen = {}
        if self._known and not self.trouble:
            log.warning("GPU cannot be read any more; trying again", extra={"error": why})
            self.trouble = why


def _in_thread(work: Callable[[], Numbers]) -> asyncio.Future[Numbers]:
    """Do `work` in a thread of its own that holds up no exit."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[Numbers] = loop.create_future()

    def settle(seen: Numbers | None, error: Transient | None) -> None:
        if future.done():
            return
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(seen or {})

    def run() -> None:
        told: tuple[Numbers | None, Transient | None]
        try:
            told = work(), None
        except Transient as error:
            told = None, error
        with suppress(RuntimeError):  # the loop has ended meanwhile
            loop.call_soon_threadsafe(settle, *told)

    threading.Thread(target=run, name="gpu", daemon=True).start()
    return future


class Card:
    """The card that CUDA takes first; its calls may block.

    Args:
        visible: the value of CUDA_VISIBLE_DEVICES; None: every card is.
    """

    def __init__(self, visible: str | None) -> None:
        self._which = "0" if visible is None else visible.partition(",")[0].strip()
        self._handle: Any = None

    def look(self) -> Numbers:
        """Return what the card tells. Raises Transient when there is none, or it is lost."""
        try:
            nvml = importlib.import_module("pynvml")
        except ImportError as error:
            raise Transient("nvidia-ml-py is not installed") from error
        try:
            if self._handle is None:
                self._handle = self._open(nvml)
            return dict(_read(nvml, self._handle))
        except nvml.NVMLError as error:
            self._handle = None
            with suppress(nvml.NVMLError):
                nvml.nvmlShutdown()
            raise Transient(str(error)) from error

    def _open(self, nvml: Any) -> Any:
        if self._which in ("", "-1"):
            raise Transient("CUDA_VISIBLE_DEVICES hides every card")
        nvml.nvmlInit()
        if self._which.isdigit():
            return nvml.nvmlDeviceGetHandleByIndex(int(self._which))
        return nvml.nvmlDeviceGetHandleByUUID(self._which)


def _read(nvml: Any, card: Any) -> Iterator[tuple[str, Any]]:
    """Yield what a card tells; what it does not support is left out."""
    memory = nvml.nvmlDeviceGetMemoryInfo(card)
    yield "gpu", str(nvml.nvmlDeviceGetName(card))
    yield "gpu_memory_used_mib", memory.used // MIB
    yield "gpu_memory_total_mib", memory.total // MIB
    asks: dict[str, Callable[[], int]] = {
        "gpu_percent": lambda: nvml.nvmlDeviceGetUtilizationRates(card).gpu,
        "gpu_encoder_percent": lambda: nvml.nvmlDeviceGetEncoderUtilization(card)[0],
        "gpu_celsius": lambda: nvml.nvmlDeviceGetTemperature(card, nvml.NVML_TEMPERATURE_GPU),
    }
    for name, ask in asks.items():
        with suppress(nvml.NVMLError_NotSupported):
            yield name, ask()
