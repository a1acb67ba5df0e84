"""The vocoder's network, and the speech and losses it is trained with.

In:  features at 80 Hz.   Out: filters of a pulse train and of noise at 160 Hz.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from livehost.brain.voice.vocoder import BINS, HOP, INPUTS, SAMPLE_RATE, WINDOW

RESOLUTIONS = (256, 512, 1024, 2048)
PHASE_WINDOWS = (512, 1024)
FINE = 4096
"""Window for the harmonics below `PHASED`: lost ones must cost something."""
FINE_WEIGHT = 0.25
PHASED = 3000.0
"""Hz; above it the teacher's phase cannot be foreseen from the pitch."""
DULL = (1500.0, 2750.0)
"""Hz in which noise goes on costing a little: harmonics are learnt late there."""
MASKED = 2500.0
"""Hz; below it voiced speech starts without noise, so that harmonics are learnt first."""


class Block(nn.Module):
    """ConvNeXt block over time, (batch, time, width)."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.mix = nn.Conv1d(width, width, 7, padding=3, groups=width)
        self.norm = nn.LayerNorm(width, eps=1e-5)
        self.up = nn.Linear(width, hidden)
        self.down = nn.Linear(hidden, width)
        self.scale = nn.Parameter(torch.full((width,), 0.3))

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm(self.mix(x.transpose(1, 2)).transpose(1, 2))
        y = self.down(functional.gelu(self.up(y), approximate="tanh"))
        return x + self.scale * y


class Network(nn.Module):
    """(batch, INPUTS, ticks) to (batch, 2 * ticks, 3 * BINS); inputs are normalised inside."""

    def __init__(self, width: int = 256, hidden: int = 768, slow: int = 4, fast: int = 4) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(INPUTS, 1))
        self.register_buffer("spread", torch.ones(INPUTS, 1))
        self.enter = nn.Conv1d(INPUTS, width, 3, padding=1)
        self.slow = nn.Sequential(*[Block(width, hidden) for _ in range(slow)])
        self.split = nn.Conv1d(width, 2 * width, 3, padding=1)
        self.fast = nn.Sequential(*[Block(width, hidden) for _ in range(fast)])
        self.norm = nn.LayerNorm(width, eps=1e-5)
        self.leave = nn.Linear(width, 3 * BINS)
        nn.init.normal_(self.leave.weight, std=0.01)
        nn.init.zeros_(self.leave.bias)

    def forward(self, features: Tensor) -> Tensor:
        x = self.enter((features - self.mean) / self.spread).transpose(1, 2)
        x = self.split(self.slow(x).transpose(1, 2)).transpose(1, 2)
        batch, ticks, twice = x.shape
        x = self.fast(x.reshape(batch, ticks * 2, twice // 2))
        out: Tensor = self.leave(self.norm(x))
        return out


_windows: dict[int, Tensor] = {}


def stft(wave: Tensor, window: int, hop: int) -> Tensor:
    """Return (batch, bins, frames) complex."""
    if window not in _windows:
        _windows[window] = torch.hann_window(window)
    return torch.stft(
        wave, window, hop, window=_windows[window], center=True, return_complex=True,
        pad_mode="constant",
    )  # fmt: skip


def render(
    filters: Tensor, train: Tensor, hiss: Tensor, mask: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Return (speech, its voiced part), (batch, samples) each.

    Args:
        filters: of `Network`, (batch, frames, 3 * BINS).
        train, hiss: (batch, frames * HOP) pulses and noise.
        mask: (batch, BINS, frames), 0 where the noise is switched off.
    """
    filters = filters.float().transpose(1, 2)
    gain = torch.exp(filters[:, :BINS].clamp(-12, 5))
    turn = filters[:, BINS : 2 * BINS]
    breath = torch.exp(filters[:, 2 * BINS :].clamp(-12, 3))
    if mask is not None:
        breath = breath * mask
    voiced = torch.complex(gain * torch.cos(turn), gain * torch.sin(turn))
    voiced = voiced * stft(train, WINDOW, HOP)[:, :, :-1]
    whole = voiced + breath * stft(hiss, WINDOW, HOP)[:, :, :-1]
    both = torch.cat([whole, voiced])
    both = torch.cat([both, both[:, :, -1:]], 2)
    stft(train[:, :WINDOW], WINDOW, HOP)
    wave = torch.istft(both, WINDOW, HOP, window=_windows[WINDOW], length=train.shape[1])
    return wave[: len(train)], wave[len(train) :]


def losses(
    speech: Tensor, voiced: Tensor, teacher: Tensor, windows: Sequence[int] = (*RESOLUTIONS, FINE)
) -> tuple[Tensor, Tensor, Tensor]:
    """Return (log-magnitude L1, spectral convergence, phase of the voiced part) of a batch.

    The phase is judged below `PHASED` and on the voiced part alone: judged on the sum it would
    pull the noise, which can never match, to nothing.

    Args:
        windows: which resolutions to judge at; a few drawn at random cost less and teach the same.
    """
    count = len(teacher)
    log_magnitude = convergence = phase = torch.zeros(())
    coarse = [window for window in windows if window != FINE]
    phased = [window for window in coarse if window in PHASE_WINDOWS]
    for window in coarse:
        both = stft(torch.cat([teacher, speech]), window, window // 4)
        spectrum = both[:count]
        target, got = spectrum.abs(), both[count:].abs()
        floor = 1e-3 * window**0.5 / 16
        log_magnitude = log_magnitude + _log_distance(target, got, floor)
        convergence = convergence + (target - got).norm() / (target.norm() + 1e-3)
        if window in PHASE_WINDOWS:
            low = round(PHASED * window / SAMPLE_RATE)
            spectrum = spectrum[:, :low]
            guess = stft(voiced, window, window // 4)[:, :low]
            phase = phase + (_compressed(spectrum) - _compressed(guess)).abs().mean()
    number = len(coarse)
    log_magnitude, convergence = log_magnitude / number, convergence / number
    if FINE in windows:
        low = round(PHASED * FINE / SAMPLE_RATE)
        both = stft(torch.cat([teacher, speech]), FINE, FINE // 8)[:, :low].abs()
        fine = _log_distance(both[:count], both[count:], 1e-3 * FINE**0.5 / 16)
        log_magnitude = log_magnitude + FINE_WEIGHT * fine
    return log_magnitude, convergence, phase / max(1, len(phased))


def _log_distance(target: Tensor, got: Tensor, floor: float) -> Tensor:
    return (torch.log(target + floor) - torch.log(got + floor)).abs().mean()


def _compressed(spectrum: Tensor) -> Tensor:
    """Square root of the magnitude, the phase as it is; real and imaginary part last."""
    return torch.view_as_real(spectrum * (spectrum.abs() + 1e-3) ** -0.5)


def noise_mask(pitch: Tensor, frames: int, band: tuple[float, float] = (0.0, MASKED)) -> Tensor:
    """Return (batch, BINS, frames): 0 inside `band` (Hz) where there is pitch, else 1."""
    voiced = (pitch > 10).repeat_interleave(2, dim=1)[:, None, :frames]
    hertz = torch.arange(BINS)[None, :, None] * SAMPLE_RATE / WINDOW
    return 1.0 - (voiced & (hertz >= band[0]) & (hertz < band[1])).float()
