"""Ultralight-Digital-Human with HuBERT: features around a tick and a face become its lower part.

In:  the voice around a tick.   Out: the face of that tick.

Contract of the ONNX files: `generator` takes [n, 6, 160, 160] (BGR in 0..1: the face, then the
face with a black mouth) and [n, 16, 32, 32] (features), and makes [n, 3, 160, 160] (BGR in 0..1);
`hubert` takes [1, samples] at 16 kHz, of mean 0 and variance 1, and makes [1, features, 1024],
one feature in 20 ms. Names do not matter.
Source: anliyuan/Ultralight-Digital-Human, unet.py, face_utils.py, data_utils/hubert.py.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from livehost.media import Sound
from livehost.stage.ear import Window
from livehost.stage.render.peers import voice
from livehost.stage.render.peers.contract import Form
from livehost.stage.render.peers.graph import Graph
from livehost.stage.render.peers.kinds import Network

F32 = NDArray[np.float32]
U8 = NDArray[np.uint8]

SIDE, BORDER = 160, 4
"""Pixels of what the network sees, and of what is cut off around it."""
MOUTH = (5, 5, 150, 145)
"""Left, top, width, height of what is black."""
FEATURE, FIELD = 320, 400
"""Samples at 16 kHz from one feature to the next, and that one is made from."""
BEFORE, AFTER = 8, 8
"""Features before and from a tick's beginning on."""
CONTEXT = 25
"""Features before these that the encoder hears as well."""
_CHANNELS = 1024


class Ultralight:
    """Paints with an Ultralight-Digital-Human network; see `Painter`."""

    def __init__(self, network: Network, face: U8) -> None:
        self._shift = round(network.shift_ms * 48)
        forms = self.forms(network.form.side)
        hubert = Graph(
            network.path("hubert"),
            forms["hubert"],
            length=FEATURE * (CONTEXT + BEFORE + AFTER) + FIELD - FEATURE,
        )
        generator = Graph(
            network.path("generator"),
            forms["generator"],
            network.batch,
            {"face": _given(face)},
        )
        self.graphs = generator, hubert

    @staticmethod
    def forms(side: int) -> dict[str, Form]:
        """Return what its models take and make."""
        takes = {"face": (None, 6, side, side), "features": (None, 16, 32, 32)}
        return {
            "generator": Form(takes, (None, 3, side, side)),
            "hubert": Form({"voice": (1, -1)}, (1, -1, _CHANNELS)),
        }

    @staticmethod
    def window(shift: float) -> Window:
        """Return what it must hear for one picture, `shift` seconds late."""
        before = (CONTEXT + BEFORE + 1) * FEATURE / voice.RATE
        after = (AFTER + 1) * FEATURE / voice.RATE
        return Window(before - shift, after + shift)

    def span(self, start: int) -> tuple[int, int]:
        feature = self._feature(start)
        count = FEATURE * (BEFORE + AFTER - 1) + FIELD
        return voice.span((feature - BEFORE) * FEATURE, count)

    def paint(self, sound: Sound, starts: Sequence[int]) -> F32:
        begins = [self._feature(start) - BEFORE for start in starts]
        first = begins[0] - CONTEXT
        features = self._features(sound, first, begins[-1] + BEFORE + AFTER - first)
        parts = [features[at - first :][: BEFORE + AFTER].reshape(16, 32, 32) for at in begins]
        made = self.graphs[0].run({"features": np.stack(parts)})
        return np.moveaxis(made[:, ::-1], 1, 3)

    def _feature(self, start: int) -> int:
        return round((start + self._shift) / (FEATURE * voice.PER))

    def _features(self, sound: Sound, first: int, count: int) -> F32:
        """Return (count, 1024) features from feature `first` on."""
        samples = FEATURE * (count - 1) + FIELD
        heard = voice.heard(sound, first * FEATURE, samples)
        level = (heard - heard.mean()) / np.sqrt(heard.var() + 1e-7)
        made: F32 = self.graphs[1].run({"voice": level[None]})[0]
        return made


def _given(face: U8) -> F32:
    """Return (1, 6, 160, 160): the face, and the face with a black mouth."""
    left, top, width, height = MOUTH
    masked = face.copy()
    cv2.rectangle(masked, (left, top), (left + width - 1, top + height - 1), (0, 0, 0), -1)
    pair = np.concatenate([face[..., ::-1], masked[..., ::-1]], axis=2)
    return np.moveaxis(pair, 2, 0).astype(np.float32)[None] / np.float32(255)
