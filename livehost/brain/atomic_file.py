"""Files that are there whole or not at all, whatever happens while they are written.

In:  a path, a text.   Out: the file.
"""

from __future__ import annotations

import os
from pathlib import Path


def write_atomically(path: Path, text: str, mode: int, *, sync: bool = True) -> None:
    """Put a text in place of a file's.

    Args:
        mode: of the file, such as 0o600 for what others may not read.
        sync: wait until the disk has it, so that a power cut leaves one of the two texts.

    Raises:
        OSError: the disk does not take it; the file is as it was.
    """
    part = path.with_name(f".{path.name}.part")
    part.unlink(missing_ok=True)
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "w", encoding="utf-8", newline="\n") as file:
        file.write(text)
        if sync:
            file.flush()
            os.fsync(file.fileno())
    part.replace(path)
