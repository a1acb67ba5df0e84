"""How a part with subcommands adds them to the command line without knowing it.

In:  nothing.   Out: the type of what it is given; light, because every command reads it.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

AddCommand = Callable[[str, str, str], argparse.ArgumentParser]
"""Makes the parser of (name, what it is for, example)."""
