"""One process at a time: a lock that ends with the process that holds it, however it ends.

In:  a path.   Out: an open file that is the lock.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from livehost.errors import Transient


def hold(path: Path, taken: str) -> int:
    """Return the descriptor of the lock at `path`; closing it lets go.

    Args:
        taken: what is told when another process holds it.

    Raises:
        OSError: the file cannot be made.
        Transient: it is held.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        raise Transient(taken) from error
    return descriptor
