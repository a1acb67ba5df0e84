"""MuseTalk: Whisper's features and a face's latents become the face, in one step of a U-Net.

In:  the voice around a tick.   Out: the face of that tick.

Contract of the ONNX files, by shape; names do not matter:
- `whisper`: log-mel [1, 80, 3000] to features [1, 1500, 5, 384], the encoder's five hidden states;
- `encoder`: RGB in -1..1 [n, 3, 256, 256] to latents [n, 4, 32, 32] (mode or sample), or [n, 8, 32,
  32] (mean and log-variance), not scaled;
- `unet`: latents [n, 8, 32, 32], a time step ([1], [n] or a scalar), features [n, 50, 384], to
  latents [n, 4, 32, 32];
- `decoder`: latents [n, 4, 32, 32], not scaled, to RGB in -1..1 [n, 3, 256, 256].
A GPU is expected. Source: TMElyralab/MuseTalk, models/vae.py, models/unet.py and
utils/audio_processor.py (Zhang et al., 2024).
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

SCALE = 0.18215
"""Of latents, in Stable Diffusion's VAE."""
FEATURE = 2 * mel.STEP
"""Samples at 16 kHz of one feature."""
BEFORE, AFTER = 4, 6
"""Features before and from a tick's beginning on."""
CONTEXT = 50
"""Features before these that Whisper hears as well."""
_STATES, _CHANNELS = 5, 384


class MuseTalk:
    """Paints with MuseTalk's networks; see `Painter`."""

    def __init__(self, network: Network, face: U8) -> None:
        self._shift = round(network.shift_ms * 48)
        self._places = _places(_STATES * (BEFORE + AFTER))
        forms, most = self.forms(network.form.side), network.batch
        whisper = Graph(network.path("whisper"), forms["whisper"])
        still = {
            "latents": _latents(network, forms["encoder"], face),
            "time": np.zeros(1, np.float32),
        }
        unet = Graph(network.path("unet"), forms["unet"], most, still)
        decoder = Graph(network.path("decoder"), forms["decoder"], most)
        self.graphs = unet, decoder, whisper

    @staticmethod
    def forms(side: int) -> dict[str, Form]:
        """Return what its models take and make."""
        picture = (None, 3, side, side)
        latents = (None, 4, side // 8, side // 8)
        features = (None, _STATES * (BEFORE + AFTER), _CHANNELS)
        both = (None, 8, side // 8, side // 8)
        frames = mel.LONGEST // mel.STEP
        return {
            "whisper": Form({"mel": (1, mel.BANDS, frames)}, (1, frames // 2, _STATES, _CHANNELS)),
            "encoder": Form({"face": picture}, (None, -1, side // 8, side // 8)),
            "unet": Form({"latents": both, "features": features}, latents, "time"),
            "decoder": Form({"latents": latents}, picture),
        }

    @staticmethod
    def window(shift: float) -> Window:
        """Return what it must hear for one picture, `shift` seconds late."""
        before = (CONTEXT + BEFORE + 1) * FEATURE / voice.RATE + 0.01
        after = AFTER * FEATURE / voice.RATE + 0.02
        return Window(before - shift, after + shift)

    def span(self, start: int) -> tuple[int, int]:
        return voice.span((self._feature(start) - BEFORE) * FEATURE, (BEFORE + AFTER) * FEATURE)

    def paint(self, sound: Sound, starts: Sequence[int]) -> F32:
        begins = [self._feature(start) - BEFORE for start in starts]
        first, count = begins[0] - CONTEXT, begins[-1] - begins[0] + CONTEXT + BEFORE + AFTER
        unet, decoder, whisper = self.graphs
        heard = mel.whisper(voice.heard(sound, first * FEATURE, count * FEATURE))
        features = whisper.run({"mel": heard[None]})[0]
        parts = [features[at - first :][: BEFORE + AFTER] for at in begins]
        prompts = np.stack(parts).reshape(len(parts), -1, _CHANNELS) + self._places
        latents = unet.run({"features": prompts})
        made = decoder.run({"latents": latents / np.float32(SCALE)})
        return np.moveaxis(np.clip(made / 2 + np.float32(0.5), 0, 1), 1, 3)

    def _feature(self, start: int) -> int:
        return (start + self._shift) // (FEATURE * voice.PER)


def _latents(network: Network, form: Form, face: U8) -> F32:
    """Return (1, 8, 32, 32): the latents of the face without its lower half, and with it."""
    encoder = Graph(network.path("encoder"), form)
    whole = np.moveaxis(face, 2, 0).astype(np.float32) / np.float32(255)
    masked = whole.copy()
    masked[:, len(face) // 2 :] = 0
    made = encoder.run({"face": 2 * np.stack([masked, whole]) - 1})[:, :4]
    return (made * np.float32(SCALE)).reshape(1, 8, *made.shape[2:])


def _places(count: int) -> F32:
    """Return (count, 384): what tells the U-Net which feature is which."""
    rate = np.exp(np.arange(0, _CHANNELS, 2) * (-np.log(10_000.0) / _CHANNELS))
    turn = np.arange(count)[:, None] * rate
    out = np.empty((count, _CHANNELS), np.float32)
    out[:, 0::2], out[:, 1::2] = np.sin(turn), np.cos(turn)
    return out
