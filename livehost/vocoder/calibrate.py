"""The last touch on a trained vocoder: as much noise between the harmonics as the teacher has.

In:  a network, pairs it was trained on.   Out: the same network, its noise moved by bands.

Losses on log-magnitudes leave the voice a little too clean below 2 kHz: the noise there is 10 to 25
dB below the harmonics. How much is missing is measured, and added to the bias of the last layer.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from livehost.brain.voice.vocoder import BINS, SAMPLE_RATE, TICK, WINDOW, noise, pulses
from livehost.vocoder.measure import BANDS, JUDGED, contrast
from livehost.vocoder.network import Network, render
from livehost.vocoder.pairs import Pair

_ROUNDS = 5
_MOST = 0.4  # nepers
_DECIBELS = 20 / np.log(10)  # of a neper


@torch.no_grad()
def calibrate(network: Network, pairs: list[Pair]) -> NDArray[np.float64]:
    """Move the noise of `network`, in place; return by how much in each judged band, in dB."""
    filters = [network(torch.from_numpy(p.seen.astype(np.float32))[None]) for p in pairs]
    theirs = _contrast([p.speech.astype(np.float64) for p in pairs], pairs)
    moved = np.zeros(JUDGED)
    for _ in range(_ROUNDS):
        lift = torch.from_numpy(_by_bin(moved)).float()
        ours = _contrast([_said(f, lift, p) for f, p in zip(filters, pairs, strict=True)], pairs)
        moved = np.clip(moved + 0.7 * (ours - theirs) / _DECIBELS, -_MOST, _MOST)
    network.leave.bias[2 * BINS :] += torch.from_numpy(_by_bin(moved)).float()
    return moved * _DECIBELS


def _said(filters: Tensor, lift: Tensor, pair: Pair) -> NDArray[np.float64]:
    lifted = filters.clone()
    lifted[:, :, 2 * BINS :] += lift
    train = torch.from_numpy(pulses(pair.pitch))[None]
    hiss = torch.from_numpy(noise(0, pair.ticks * TICK))[None]
    return render(lifted, train, hiss)[0][0].numpy().astype(np.float64)


def _contrast(waves: list[NDArray[np.float64]], pairs: list[Pair]) -> NDArray[np.float64]:
    each = [contrast(w, p.pitch) for w, p in zip(waves, pairs, strict=True)]
    power = np.sum(each, axis=0)[:JUDGED]
    return 10 * np.log10(power[:, 0] / power[:, 1])


def _by_bin(moved: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return (BINS,): the bands' values at their middles, nothing from 3 kHz on."""
    middles = [(low + high) / 2 for low, high in BANDS[:JUDGED]]
    hertz = np.arange(BINS) * SAMPLE_RATE / WINDOW
    return np.interp(hertz, [*middles, 3000.0], [*moved, 0.0])
