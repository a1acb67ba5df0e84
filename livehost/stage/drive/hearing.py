"""The network that hears what a mouth does: any voice, any language, in noise and over music.

In:  log-mel frames.   Out: shares of visemes for each group of muscles, brow and eyelid tendencies.

The model is made by `livehost.lipsync`. It keeps no state: an answer depends on the 0.7 s of sound
around its moment alone.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from livehost.errors import BackendBroken, ConfigError
from livehost.models import manifest, verify
from livehost.stage.drive.mel import BANDS

PAST, FUTURE = 58, 10
"""Frames before and behind a moment that its answer depends on."""
STRIDE = 2
"""Frames from one moment to the next."""
MODEL = "audio-mouth"

Values = NDArray[np.float32]


class Hearing:
    """A loaded model.

    Attributes:
        visemes: whose shares are given.
    """

    def __init__(self, path: Path) -> None:
        """Load and try a model. Raises BackendBroken: it is missing, damaged or of another form."""
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        try:
            self._session = onnxruntime.InferenceSession(
                str(path), options, providers=["CPUExecutionProvider"]
            )
            told = self._session.get_modelmeta().custom_metadata_map
            self.visemes = tuple(told["visemes"].split())
            self.hear(np.zeros((BANDS + 1, PAST + FUTURE + 1), np.float32))
        except Exception as error:  # the seam to native code
            raise BackendBroken(f"{path.name}: {error}") from error

    def hear(self, heard: Values) -> tuple[Values, Values]:
        """Return shares (n, groups, visemes), which sum to 1, and (n, 3): reach, brow, blink.

        Args:
            heard: (BANDS + 1, PAST + FUTURE + 2 * n - 1) float32, log-mel frames with a last row
                of 1 for a frame that is known, 0 for one that is not.
        """
        shares, more = self._session.run(None, {"heard": heard[None]})
        return shares[0], more[0]


@cache
def load_hearing(folder: Path = Path(__file__).parent) -> Hearing:
    """Return the shipped model, loaded once. Raises BackendBroken.

    Args:
        folder: where its file is.
    """
    known = manifest()[MODEL]
    try:
        return Hearing(verify(folder / known.file, known.sha256))
    except ConfigError as error:
        raise BackendBroken(str(error)) from error
