"""Train a vocoder on pairs from its teacher. Stops and goes on where it was.

In:  folders of pairs (`livehost.vocoder.teacher`).   Out: a checkpoint, losses as JSON lines.

    python -m livehost.vocoder.train PAIRS... --out run/vocoder.pt --steps 20000
"""

from __future__ import annotations

import argparse
import copy
import json
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from livehost.brain.voice.vocoder import HOP, TICK
from livehost.vocoder.network import (
    DULL,
    FINE,
    PHASE_WINDOWS,
    RESOLUTIONS,
    Network,
    losses,
    noise_mask,
    render,
)
from livehost.vocoder.pairs import Pair, load

BATCH, SEGMENT = 4, 120  # 4 stretches of 1.5 s
WARM_UP = 100
AVERAGE = 0.999
LOUDER = 4.0  # speech at an RMS of about 0.3
PHASE_WEIGHT, CONVERGENCE_WEIGHT, NOISE_WEIGHT = 4.0, 0.5, 0.03
SAVE_EVERY, TELL_EVERY, LOOK_EVERY = 250, 50, 500


class Pairs:
    """All pairs in some folders; new files are taken in while training."""

    def __init__(self, folders: list[Path]) -> None:
        self._folders = folders
        self._known: set[Path] = set()
        self._pairs: list[Pair] = []
        self._chance: NDArray[np.float64] = np.zeros(0)
        self.refresh()

    def refresh(self) -> None:
        """Load files that were not there before."""
        files = {f for folder in self._folders for f in folder.glob("[0-9]*.npz")}
        new = sorted(f for f in files - self._known if not f.name.endswith(".tmp.npz"))
        self._known.update(new)
        self._pairs += [pair for pair in map(load, new) if pair.ticks > SEGMENT // 2]
        length = np.array([pair.ticks for pair in self._pairs], float)
        self._chance = length / length.sum()

    @property
    def seconds(self) -> float:
        """Speech in all."""
        return sum(pair.ticks for pair in self._pairs) * TICK / 24_000

    def statistics(self) -> tuple[Tensor, Tensor]:
        """Return mean and spread of the inputs, (INPUTS, 1) each."""
        some = self._pairs[:: max(1, len(self._pairs) // 200)]
        seen = np.concatenate([pair.seen for pair in some], 1).astype(np.float32)
        mean, spread = seen.mean(1, keepdims=True), seen.std(1, keepdims=True) + 1e-2
        return torch.from_numpy(mean), torch.from_numpy(spread)

    def batch(self, rng: np.random.Generator) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return inputs, pitch, pulses and speech of stretches drawn at random."""
        rows = [self._stretch(rng) for _ in range(BATCH)]
        seen, pitch, train, speech = (np.stack(column) for column in zip(*rows, strict=True))
        return (
            torch.from_numpy(seen.astype(np.float32)),
            torch.from_numpy(pitch),
            torch.from_numpy(train.astype(np.float32)),
            torch.from_numpy(speech.astype(np.float32) * LOUDER),
        )

    def _stretch(self, rng: np.random.Generator) -> tuple[NDArray[np.floating], ...]:
        pair = self._pairs[rng.choice(len(self._pairs), p=self._chance)]
        start = int(rng.integers(0, max(1, pair.ticks - SEGMENT + 1)))
        end = min(pair.ticks, start + SEGMENT)
        short = SEGMENT - (end - start)
        return (
            np.pad(pair.seen[:, start:end], ((0, 0), (0, short)), mode="edge"),
            np.pad(pair.pitch[start:end], (0, short)),
            np.pad(pair.train[start * TICK : end * TICK], (0, short * TICK)),
            np.pad(pair.speech[start * TICK : end * TICK], (0, short * TICK)),
        )


class Run:
    """A training run that can be taken up again.

    Args:
        steps: in all; the rate is constant, then falls to a twentieth over the last `decay`.
        masked: steps in which noise is kept out of voiced low frequencies.
    """

    def __init__(
        self, out: Path, pairs: Pairs, steps: int, decay: int, rate: float, masked: int
    ) -> None:
        self.out, self.pairs = out, pairs
        self.steps, self.decay, self.rate, self.masked = steps, decay, rate, masked
        self.step = 0
        self.network = Network()
        self.average = copy.deepcopy(self.network)
        self.optimiser = torch.optim.AdamW(
            self.network.parameters(), lr=rate, betas=(0.8, 0.98), weight_decay=0.01
        )
        if out.exists():
            self._take_up()
        else:
            mean, spread = pairs.statistics()
            for network in (self.network, self.average):
                network.mean.copy_(mean)
                network.spread.copy_(spread)

    def _take_up(self) -> None:
        saved = torch.load(self.out)
        self.step = saved["step"]
        self.network.load_state_dict(saved["network"])
        self.average.load_state_dict(saved["average"])
        self.optimiser.load_state_dict(saved["optimiser"])

    def save(self) -> None:
        """Write the checkpoint, atomically."""
        partial = self.out.with_suffix(".part")
        state = {
            "step": self.step,
            "network": self.network.state_dict(),
            "average": self.average.state_dict(),
            "optimiser": self.optimiser.state_dict(),
        }
        torch.save(state, partial)
        partial.replace(self.out)

    def go(self) -> Iterator[dict[str, float]]:
        """Train; yield mean losses every `TELL_EVERY` steps."""
        told, since = np.zeros(4), time.process_time()
        while self.step < self.steps:
            told += self._one(np.random.default_rng(self.step))
            self.step += 1
            if self.step % SAVE_EVERY == 0:
                self.save()
            if self.step % LOOK_EVERY == 0:
                self.pairs.refresh()
            if self.step % TELL_EVERY == 0:
                spent = (time.process_time() - since) / TELL_EVERY
                names = ("log_magnitude", "convergence", "phase", "noise")
                means = (told / TELL_EVERY).round(4).tolist()
                yield {"step": self.step, **dict(zip(names, means, strict=True)), "cpu": spent}
                told, since = np.zeros(4), time.process_time()
        self.save()

    def _one(self, rng: np.random.Generator) -> NDArray[np.float64]:
        for group in self.optimiser.param_groups:
            group["lr"] = self._rate()
        seen, pitch, train, speech = self.pairs.batch(rng)
        torch.manual_seed(self.step)
        hiss = torch.randn_like(train)
        frames = train.shape[1] // HOP
        mask = noise_mask(pitch, frames)
        with torch.autocast("cpu", torch.bfloat16):
            filters = self.network(seen)
        masked = self.step < self.masked
        said, voiced = render(filters, train, hiss, mask if masked else None)
        magnitude, convergence, phase = losses(said, voiced, speech, _windows(rng))
        breath = _noise_share(filters.float(), noise_mask(pitch, frames, DULL))
        loss = magnitude + CONVERGENCE_WEIGHT * convergence + PHASE_WEIGHT * phase
        if not masked:
            loss = loss + NOISE_WEIGHT * breath
        self.optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 5.0)
        self.optimiser.step()
        self._follow()
        return np.array([v.item() for v in (magnitude, convergence, phase, breath)])

    def _rate(self) -> float:
        left = (self.steps - self.step) / max(1, self.decay)
        return self.rate * min(1.0, (self.step + 1) / WARM_UP, 0.05 + 0.95 * min(1.0, left))

    @torch.no_grad()
    def _follow(self) -> None:
        keep = min(AVERAGE, (self.step + 1) / (self.step + 10))
        for mean, now in zip(self.average.parameters(), self.network.parameters(), strict=True):
            mean.lerp_(now, 1 - keep)


def _windows(rng: np.random.Generator) -> list[int]:
    """Draw two resolutions, one of them for the phase, and the fine one every second time."""
    others = [window for window in RESOLUTIONS if window not in PHASE_WINDOWS]
    drawn = [int(rng.choice(PHASE_WINDOWS)), int(rng.choice(others))]
    return [*drawn, FINE] if rng.random() < 0.5 else drawn


def _noise_share(filters: Tensor, mask: Tensor) -> Tensor:
    """Return how much is noise where `mask` is 0, 0 to 1."""
    bins = filters.shape[2] // 3
    gain, breath = filters[:, :, :bins], filters[:, :, 2 * bins :]
    inside = 1.0 - mask.transpose(1, 2)
    share: Tensor = (torch.sigmoid(breath - gain) * inside).sum() / inside.sum().clamp(min=1.0)
    return share


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pairs", type=Path, nargs="+")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=20_000)
    parser.add_argument("--decay", type=int, default=5_000)
    parser.add_argument("--masked", type=int, default=2_500)
    parser.add_argument("--rate", type=float, default=1.2e-3)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    pairs = Pairs(options.pairs)
    run = Run(options.out, pairs, options.steps, options.decay, options.rate, options.masked)
    for told in run.go():
        print(json.dumps({**told, "seconds": round(pairs.seconds)}), flush=True)


if __name__ == "__main__":
    main()
