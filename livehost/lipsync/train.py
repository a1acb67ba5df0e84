"""Train the mouth that follows sound. Stops and goes on where it was.

In:  a folder of clips (`livehost.lipsync.data`).   Out: a checkpoint, losses as JSON lines.

    python -m livehost.lipsync.train clips --out run/mouth.pt --rounds 40

In each round a third of the clips is heard in a new way; stretches of what was heard in the last
rounds are drawn at random. New clips are taken in while it runs.
"""

from __future__ import annotations

import argparse
import copy
import json
import time
from collections import deque
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from livehost.lipsync.augment import Example, Random, example, other_voice
from livehost.lipsync.data import Clip, load
from livehost.lipsync.labels import Labeller, Labels, reference
from livehost.lipsync.network import Judge, Network
from livehost.stage.drive.audio import CLOSURES
from livehost.stage.drive.hearing import FUTURE, PAST, STRIDE
from livehost.stage.drive.mel import BANDS

BATCH, MOMENTS = 128, 16
KEPT = 5
"""Rounds of examples to draw from."""
_HEARD = 1 / 3  # share of the clips that is heard anew in each round
_FRAMES = PAST + FUTURE + STRIDE * MOMENTS - 1
_CUT_SHORT, _BEGUN_LATE = 0.5, 0.2  # share of stretches that lack what follows, or what was before
_WEIGHTS = (1.0, 1.0, 0.15, 0.1)  # of shapes, movement, shares, tendencies
_AVERAGE = 0.998
_WARM_UP = 100


class Clips:
    """All clips in a folder with their labels; new files are taken in while training."""

    def __init__(self, folder: Path, labeller: Labeller) -> None:
        self._folder, self._labeller = folder, labeller
        self._known: set[Path] = set()
        self.all: list[tuple[Clip, Labels]] = []
        self.refresh()

    def refresh(self) -> None:
        """Load files that were not there before."""
        new = set(self._folder.glob("*.npz")) - self._known
        for file in sorted(f for f in new if not f.name.endswith(".tmp.npz")):
            clip = load(file)
            self._known.add(file)
            self.all.append((clip, self._labeller.label(clip)))

    @property
    def seconds(self) -> float:
        """Speech in all."""
        return sum(clip.seconds for clip, _ in self.all)

    def heard(self, random: Random) -> list[Example]:
        """Return some clips as they may be heard."""
        clips = [clip for clip, _ in self.all]
        drawn = random.choice(len(clips), int(len(clips) * _HEARD) + 1, replace=False)
        return [
            example(clip, labels, clips, random)
            for clip, labels in map(self.all.__getitem__, drawn)
        ]


@dataclass(frozen=True, slots=True)
class Batch:
    """Attributes: (BATCH, ...) of stretches.

    heard: frames as the network is given them; shapes, shares, tendencies: see `Judge`.
    """

    heard: Tensor
    shapes: Tensor
    shares: Tensor
    tendencies: Tensor


def batch(examples: list[Example], random: Random) -> Batch:
    """Return stretches drawn at random, some without all of what surrounds them."""
    lengths = np.array([len(each.labels.brow) for each in examples], float)
    drawn = random.choice(len(examples), BATCH, p=lengths / lengths.sum())
    rows = [_stretch(examples[n], random) for n in drawn]
    return Batch(*(torch.from_numpy(np.stack(column)) for column in zip(*rows, strict=True)))


def _stretch(heard: Example, random: Random) -> tuple[np.ndarray, ...]:
    count = len(heard.labels.brow)
    first = int(random.integers(0, max(1, count - MOMENTS + 1)))
    start = first * STRIDE - PAST
    low, high = max(0, start), min(len(heard.frames), start + _FRAMES)
    if random.random() < _CUT_SHORT:
        high = min(high, start + _FRAMES - int(random.integers(1, FUTURE + 1)))
    if random.random() < _BEGUN_LATE:
        low = min(max(low, start + int(random.integers(0, PAST))), high)
    window = np.zeros((BANDS + 1, _FRAMES), np.float32)
    window[:-1, low - start : high - start] = other_voice(heard.frames[low:high], random).T
    window[-1, low - start : high - start] = 1
    take = np.minimum(np.arange(first, first + MOMENTS), count - 1)
    labels = heard.labels
    tendencies = np.stack([labels.brow[take], labels.blink[take]], 1)
    return window, labels.shapes[take], labels.shares[take], tendencies


class Run:
    """A training run that can be taken up again."""

    def __init__(self, out: Path, clips: Clips, rounds: int, rate: float, steps: int) -> None:
        self._out, self._clips = out, clips
        self._rounds, self._rate, self._steps = rounds, rate, steps
        avatar = reference()
        self.visemes = Labeller(avatar).visemes
        targets = torch.from_numpy(np.stack([avatar.visemes[v] for v in self.visemes]))
        self.judge = Judge(targets, [self.visemes.index(name) for name in CLOSURES])
        self.network = Network(len(self.visemes))
        self.average = copy.deepcopy(self.network)
        self.optimiser = torch.optim.AdamW(self.network.parameters(), lr=rate, weight_decay=0.1)
        self._round = 0
        self._examples: deque[list[Example]] = deque(maxlen=KEPT)
        if out.exists():
            self._take_up()

    def _take_up(self) -> None:
        saved = torch.load(self._out)
        self._round = saved["round"]
        self.network.load_state_dict(saved["network"])
        self.average.load_state_dict(saved["average"])
        self.optimiser.load_state_dict(saved["optimiser"])

    def save(self) -> None:
        """Write the checkpoint, atomically."""
        partial = self._out.with_suffix(".part")
        state = {
            "round": self._round,
            "visemes": self.visemes,
            "network": self.network.state_dict(),
            "average": self.average.state_dict(),
            "optimiser": self.optimiser.state_dict(),
        }
        torch.save(state, partial)
        partial.replace(self._out)

    def go(self) -> None:
        """Train; print mean losses after every round."""
        while self._round < self._rounds:
            began = time.process_time()
            random = np.random.default_rng(self._round)
            self._clips.refresh()
            self._examples.append(self._clips.heard(random))
            if self._round == 0:
                self._normalise()
            heard = time.process_time()
            told = np.mean([self._step(n, random) for n in range(self._steps)], axis=0)
            self._round += 1
            self.save()
            names = ("shapes", "movement", "shares", "tendencies")
            row = dict(zip(names, told.round(5).tolist(), strict=True))
            cpu = [round(heard - began, 1), round(time.process_time() - heard, 1)]
            print(json.dumps({"round": self._round, **row, "cpu": cpu}), flush=True)

    def _normalise(self) -> None:
        frames = np.concatenate([each.frames for each in self._examples[-1]])
        for network in (self.network, self.average):
            network.mean.copy_(torch.from_numpy(frames.mean(0))[:, None])
            network.spread.copy_(torch.from_numpy(frames.std(0))[:, None] + 1e-2)

    def _step(self, number: int, random: Random) -> list[float]:
        for group in self.optimiser.param_groups:
            group["lr"] = self._rate_at(self._round * self._steps + number)
        torch.manual_seed(self._round * self._steps + number)
        drawn = batch([each for heard in self._examples for each in heard], random)
        self.network.train()
        answers = self.network(drawn.heard)
        losses = self.judge(answers, drawn.shapes, drawn.shares, drawn.tendencies)
        loss = sum(weight * part for weight, part in zip(_WEIGHTS, losses, strict=True))
        self.optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 2.0)
        self.optimiser.step()
        self._follow(self._round * self._steps + number)
        return [part.item() for part in losses]

    def _rate_at(self, step: int) -> float:
        done = step / (self._rounds * self._steps)
        falling = 0.02 + 0.98 * 0.5 * (1 + np.cos(np.pi * done))
        return float(self._rate * min(1.0, (step + 1) / _WARM_UP) * falling)

    @torch.no_grad()
    def _follow(self, step: int) -> None:
        keep = min(_AVERAGE, (step + 1) / (step + 10))
        ours, mean = self.network.state_dict(), self.average.state_dict()
        for name, value in mean.items():
            if value.dtype.is_floating_point:
                value.lerp_(ours[name], 1 - keep)
            else:
                value.copy_(ours[name])


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("clips", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--steps", type=int, default=100, help="of each round")
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    clips = Clips(options.clips, Labeller(reference()))
    print(f"{len(clips.all)} clips, {clips.seconds:.0f} s", flush=True)
    Run(options.out, clips, options.rounds, options.rate, options.steps).go()


if __name__ == "__main__":
    main()
