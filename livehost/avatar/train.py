"""Train the decoder of one face region and export it to ONNX (needs torch).

In:  a folder of labelled renders (see docs/avatar-training.md).   Out: an ONNX file.

`python -m livehost.avatar.train SAMPLES --out mouth.onnx --crop 36,0,144,160 --steps 12000`
runs on CPU, may be stopped at any time, and goes on from its checkpoint.
"""

from __future__ import annotations

import argparse
import copy
import math
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from livehost.avatar.measure import crop_of, psnr
from livehost.avatar.samples import Crop, Samples, closed_lips, load_samples, parse_crop
from livehost.errors import ConfigError, LivehostError

if TYPE_CHECKING:
    from livehost.avatar.network import Decoder, Widths

OPSET = 17
WIDTHS = {
    "full": {},
    "small": {"coarse": 48, "middle": 32, "grown": 12, "fine": 16, "planes": 6},
}


@dataclass(frozen=True, slots=True)
class Plan:
    """How to train.

    Attributes:
        steps: optimiser steps in all.
        batch: samples per step.
        rate: peak learning rate (AdamW, cosine to 2 %).
        noise: standard deviation added to the coefficients.
        ema: decay of the averaged weights that are exported.
        closed: extra weight of the lip line in samples with closed lips.
        seed: of the weights and the order of samples.
    """

    steps: int = 12_000
    batch: int = 8
    rate: float = 2e-3
    noise: float = 0.004
    ema: float = 0.998
    closed: float = 2.0
    seed: int = 0


def weight_map(images: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return (h, w), 1 where nothing ever changes and up to 6 where most does.

    Args:
        images: (n, 3, h, w) in 0..1.
    """
    import cv2  # noqa: PLC0415 (only training needs the blur)

    busy = cv2.GaussianBlur(images.std(0).mean(0), (0, 0), 3)
    return np.asarray(1 + 5 * busy / busy.max(), np.float32)


def train(samples: Samples, plan: Plan, checkpoint: Path, small: bool, seconds: float) -> Decoder:
    """Train, resuming from `checkpoint` if it exists; return the averaged network.

    Args:
        seconds: stop after this long (the checkpoint remembers where); inf for all steps.
    """
    run = Run(samples, plan, checkpoint, small)
    clock = _clock()
    while run.step < plan.steps and next(clock) < seconds:
        run.one_step()
        if run.step % 250 == 0:
            print(run.line(), flush=True)
            run.save()
    run.save()
    trained: Decoder = run.average
    return trained


def _clock() -> Iterator[float]:
    """Yield seconds since the first call (training is offline: no event loop has the time)."""
    import time  # noqa: PLC0415

    start = time.monotonic()
    while True:
        yield time.monotonic() - start


class Run:
    """One training run: weights, their average, the optimiser, and how far it has come."""

    def __init__(self, samples: Samples, plan: Plan, checkpoint: Path, small: bool) -> None:
        import torch  # noqa: PLC0415

        self.plan, self.samples, self.checkpoint = plan, samples, checkpoint
        self.step, self.loss = 0, 0.0
        torch.manual_seed(plan.seed)
        self.torch, self.order = torch, torch.Generator().manual_seed(plan.seed)
        pictures = np.ascontiguousarray(samples.images.transpose(0, 3, 1, 2))
        self.images = torch.from_numpy(pictures).float() / 255
        self.coefs = torch.from_numpy(samples.coefs)
        self.train = torch.from_numpy(samples.train)
        self.weight = torch.from_numpy(weight_map(self.images[self.train].numpy()))[None, None]
        self.closed = torch.from_numpy(closed_lips(samples).astype(np.float32))
        self.network = make_network(self.images[self.train], self.coefs[self.train], small)
        self.average: Decoder = copy.deepcopy(self.network).eval()
        self.optimiser = torch.optim.AdamW(self.network.parameters(), plan.rate, weight_decay=1e-4)
        if checkpoint.exists():
            self._load()

    def one_step(self) -> None:
        """Do one optimiser step on a random batch."""
        torch, plan = self.torch, self.plan
        for group in self.optimiser.param_groups:
            group["lr"] = plan.rate * schedule(self.step, plan.steps)
        odds = 1 + self.closed[self.train]
        picked = self.train[torch.multinomial(odds, plan.batch, True, generator=self.order)]
        coefs = self.coefs[picked]
        noise = torch.randn(coefs.shape, generator=self.order) * plan.noise
        drawn = self.network((coefs + noise).clamp_min(0))
        loss = self._loss(drawn, self.images[picked], self.closed[picked])
        self.optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        self.optimiser.step()
        self.step, self.loss = self.step + 1, self.loss * 0.99 + 0.01 * float(loss.detach())
        self._follow()

    def _loss(self, drawn: Any, truth: Any, closed: Any) -> Any:
        """Weighted L1 of colour and gradient; in closed mouths a dark gap costs extra."""
        error, weight = drawn - truth, self.weight
        flat = (error.abs() * weight).mean()
        across = ((error[..., 1:] - error[..., :-1]).abs() * weight[..., 1:]).mean()
        down = ((error[..., 1:, :] - error[..., :-1, :]).abs() * weight[..., 1:, :]).mean()
        leak = ((-error).clamp_min(0) * (weight - 1) * closed[:, None, None, None]).mean()
        return flat + across + down + self.plan.closed * leak

    def _follow(self) -> None:
        decay = min(self.plan.ema, (1 + self.step) / (10 + self.step))
        with self.torch.no_grad():
            pairs = zip(self.average.parameters(), self.network.parameters(), strict=True)
            for slow, fast in pairs:
                slow.lerp_(fast, 1 - decay)

    def line(self) -> str:
        """Return one line of progress with held-out PSNR (reported, never chosen by)."""
        truth = self.samples.images[self.samples.test]
        drawn = self.draw(self.samples.coefs[self.samples.test])
        box = crop_of(self.samples)
        return (
            f"step {self.step} loss {self.loss:.5f} "
            f"test psnr {psnr(drawn, truth):.2f} moving part {psnr(drawn, truth, box):.2f}"
        )

    def draw(self, coefs: NDArray[np.float32]) -> NDArray[np.uint8]:
        """Return (n, h, w, 3) pictures by the averaged weights."""
        with self.torch.no_grad():
            drawn = [self.average(self.torch.from_numpy(c[None]))[0] for c in coefs]
        pictures = self.torch.stack(drawn).permute(0, 2, 3, 1) * 255 + 0.5
        return np.asarray(pictures.clamp(0, 255).numpy(), np.uint8)

    def save(self) -> None:
        """Write the checkpoint, replacing the old one in one move."""
        parts = {
            "step": self.step,
            "network": self.network.state_dict(),
            "average": self.average.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "order": self.order.get_state(),
        }
        fresh = self.checkpoint.with_suffix(".new")
        self.torch.save(parts, fresh)
        fresh.replace(self.checkpoint)

    def _load(self) -> None:
        try:
            parts = self.torch.load(self.checkpoint, weights_only=True)
            self.network.load_state_dict(parts["network"])
            self.average.load_state_dict(parts["average"])
            self.optimiser.load_state_dict(parts["optimiser"])
        except (RuntimeError, KeyError, ValueError) as error:
            raise ConfigError(
                f"{self.checkpoint}: is not a checkpoint of this network; remove or rename it"
            ) from error
        self.step = parts["step"]
        self.order.set_state(parts["order"])


def make_network(images: Any, coefs: Any, small: bool) -> Decoder:
    """Return a fresh decoder around the mean of `images` (n, 3, h, w)."""
    from livehost.avatar.network import Decoder, Widths  # noqa: PLC0415

    widths: Widths = Widths(**WIDTHS["small" if small else "full"])
    return Decoder(images.mean(0), coefs.mean(0), coefs.std(0) + 0.03, widths)


def schedule(step: int, steps: int) -> float:
    """Return the share of the peak learning rate: 100 steps of warm-up, cosine to 2 %."""
    return min(1.0, (step + 1) / 100) * (0.02 + 0.49 * (1 + math.cos(math.pi * step / steps)))


def export(network: Decoder, path: Path) -> None:
    """Write `network` as ONNX: coefs [1, k] -> rgb [1, 3, h, w] in 0..1."""
    import torch  # noqa: PLC0415

    torch.onnx.export(
        network.eval(),
        (torch.zeros(1, network.centre.shape[1]),),
        str(path),
        opset_version=OPSET,
        input_names=["coefs"],
        output_names=["rgb"],
        do_constant_folding=False,  # the warp's table is four times its sheets; folded when loaded
        dynamo=False,
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Train from the command line; return the exit code."""
    options = _options(arguments)
    try:
        samples = load_samples(options.samples, options.crop)
        import torch  # noqa: PLC0415

        torch.set_num_threads(options.threads)
        plan = Plan(steps=options.steps, batch=options.batch, seed=options.seed)
        checkpoint = options.checkpoint or options.out.with_suffix(".pt")
        network = train(samples, plan, checkpoint, options.small, options.seconds)
        export(network, options.out)
    except ImportError:
        return _fail(ConfigError("torch is not installed; pip install torch==2.13.0"))
    except LivehostError as error:
        return _fail(error)
    return 0


def _fail(error: LivehostError) -> int:
    print(error, file=sys.stderr)
    return 2


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="livehost.avatar.train", description=__doc__)
    parser.add_argument("samples", type=Path, help="folder of labelled renders")
    parser.add_argument("--out", type=Path, required=True, help="ONNX file to write")
    parser.add_argument("--crop", type=_crop, help="x,y,width,height within the samples")
    parser.add_argument("--steps", type=int, default=Plan().steps)
    parser.add_argument("--batch", type=int, default=Plan().batch)
    parser.add_argument("--seconds", type=float, default=math.inf, help="stop (and export) after")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=Plan().seed)
    parser.add_argument("--small", action="store_true", help="fewer channels: cheaper, softer")
    parser.add_argument("--checkpoint", type=Path, help="default: beside --out, .pt")
    return parser.parse_args(arguments)


def _crop(text: str) -> Crop:
    crop = parse_crop(text)
    if crop[2] % 16 or crop[3] % 16:
        raise argparse.ArgumentTypeError("width and height must be divisible by 16")
    return crop


if __name__ == "__main__":
    sys.exit(main())
