"""Wav2Lip at any of its sizes: a mel window and a face without its lower half become the face.

In:  the voice around a tick.   Out: the face of that tick.

Contract of the ONNX file: inputs [n, 1, 80, 16] (mel) and [n, 6, S, S] (BGR in 0..1: the face with
its lower half black, then the whole face); output [n, 3, S, S] (BGR in 0..1). Names do not matter.
Source: Wav2Lip, models/wav2lip.py and inference.py (Prajwal et al., A lip sync expert is all you
need, 2020); the larger sizes as in LiveTalking, avatars/wav2lip/models.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from livehost.media import Sound
from livehost.stage.ear import Window
from livehost.stage.render.peers import mel, voice
from livehost.stage.render.peers.contract import Form
from livehost.stage.render.peers.graph import Graph
from livehost.stage.render.peers.kinds import Network

F32 = NDArray[np.float32]
U8 = NDArray[np.uint8]

_HOP = mel.HOP * voice.PER  # stream samples
_LEAD = mel.WINDOW // 2 + 1  # samples at 16 kHz before the middle of the first frame


class Wav2Lip:
    """Paints with a Wav2Lip generator; see `Painter`."""

    def __init__(self, network: Network, face: U8) -> None:
        form = self.forms(network.form.side)["generator"]
        self._shift = round(network.shift_ms * 48)
        self.graphs = (
            Graph(network.path("generator"), form, network.batch, {"face": _given(face)}),
        )

    @staticmethod
    def forms(side: int) -> dict[str, Form]:
        """Return what its models take and make."""
        takes = {"mel": (None, 1, mel.BANDS, mel.FRAMES), "face": (None, 6, side, side)}
        return {"generator": Form(takes, (None, 3, side, side))}

    @staticmethod
    def window(shift: float) -> Window:
        """Return what it must hear for one picture, `shift` seconds late."""
        low, high = voice.span(-_LEAD, mel.SPAN)
        return Window(-low / 48_000 + 0.0125 - shift, high / 48_000 + shift)

    def span(self, start: int) -> tuple[int, int]:
        return voice.span(self._first(start), mel.SPAN)

    def paint(self, sound: Sound, starts: Sequence[int]) -> F32:
        mels = [mel.wav2lip(voice.heard(sound, self._first(at), mel.SPAN)) for at in starts]
        made = self.graphs[0].run({"mel": np.stack(mels)[:, None]})
        return np.moveaxis(made[:, ::-1], 1, 3)

    def _first(self, start: int) -> int:
        """Return the first sample at 16 kHz of the picture of a tick.

        The window begins with the mel frame whose middle is at the tick's beginning or next
        before it.
        """
        return (start + self._shift) // _HOP * mel.HOP - _LEAD


def _given(face: U8) -> F32:
    """Return (1, 6, S, S): the face without its lower half, and with it."""
    whole = np.moveaxis(face[..., ::-1], 2, 0).astype(np.float32) / np.float32(255)
    masked = whole.copy()
    masked[:, len(face) // 2 :] = 0
    return np.concatenate([masked, whole])[None]
