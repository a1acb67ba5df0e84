"""Offset between sound and picture where they arrive: a flash and a beep each second, by RTMP.

In:  seconds.   Out: milliseconds from flash to beep in what a real RTMP server recorded.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from livehost.stage.outputs import State
from tests.broadcast import Broadcast, run_real
from tests.peers import flash_beep_offset, nginx_rtmp, until


def measure(seconds: float = 20.0) -> dict[str, Any]:
    """Push `seconds` of flashes and beeps through encoder, link child and nginx-rtmp."""
    with (
        tempfile.TemporaryDirectory(prefix="livehost-bench-") as name,
        nginx_rtmp(Path(name)) as srv,
    ):

        async def main() -> None:
            source = Broadcast()
            output = source.add("main", srv.url("sync"))
            async with source.on_air(3):
                await until(lambda: output.state is State.LIVE)
                await source.play(seconds)

        run_real(main())
        srv.stop()
        offsets = flash_beep_offset(srv.recordings("sync")[0])
    return {
        "flashes": len(offsets),
        "mean_ms": round(float(np.mean(offsets)), 2),
        "worst_ms": round(max(map(abs, offsets)), 2),
    }
