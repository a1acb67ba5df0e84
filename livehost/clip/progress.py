"""How far a clip is, on a terminal: one line that is written over; in a log: a line now and then.

In:  seconds made and the share that they are.   Out: text on standard error.
"""

from __future__ import annotations

import shutil
import time
from typing import TextIO

BAR = 24  # characters
_EVERY, _EVERY_IN_A_LOG = 0.2, 15.0  # seconds


class Bar:
    """The progress of one clip.

    Args:
        name: shown before the bar.
        to: a terminal or not.
        quiet: write nothing.
    """

    def __init__(self, name: str, to: TextIO, quiet: bool = False) -> None:
        self._name, self._to, self._quiet = name, to, quiet
        self._live = to.isatty()
        self._began = time.monotonic()
        self._next = self._began + (0.0 if self._live else _EVERY_IN_A_LOG)

    def tell(self, seconds: float, share: float) -> None:
        """Show that `seconds` of the clip are made, `share` of it."""
        now = time.monotonic()
        if self._quiet or now < self._next:
            return
        self._next = now + (_EVERY if self._live else _EVERY_IN_A_LOG)
        line = self._line(seconds, share, now - self._began)
        if self._live:
            width = shutil.get_terminal_size().columns - 1
            self._to.write(f"\r{line[:width]:<{width}}")
        else:
            self._to.write(line + "\n")
        self._to.flush()

    def clear(self) -> None:
        """Take the line away."""
        if self._live and not self._quiet:
            self._to.write("\r\x1b[K")
            self._to.flush()

    def _line(self, seconds: float, share: float, took: float) -> str:
        full = round(BAR * share)
        left = f", {_clock(took / share - took)} left" if share > 0.03 else ""
        bar = "█" * full + "·" * (BAR - full)
        return f"{self._name} {bar} {share:4.0%}  {seconds:.1f} s made in {_clock(took)}{left}"


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02}"
