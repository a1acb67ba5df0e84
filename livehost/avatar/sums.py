"""Make the CPU's variant of a decoder: any picture as a sum of fixed pictures (needs torch, onnx).

In:  an avatar with a float32 decoder, its training samples.   Out: an ONNX file.

`python -m livehost.avatar.sums avatars/xiaohe mouth SAMPLES --out mouth.sums.onnx`

The decoder draws some thousand pictures of what a face may be asked for. Their principal components
become the fixed pictures, tile by tile, and a small network learns the share of each from the
coefficients. Summing them is one product of 8-bit integers: a tenth of the decoder's time.
Source: Turk and Pentland, Eigenfaces for recognition, 1991.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnxruntime
from numpy.typing import NDArray

from livehost.avatar.asked import Asked
from livehost.avatar.load import Avatar, Region, load_avatar
from livehost.avatar.samples import Samples, load_samples
from livehost.avatar.sums_graph import RUN, Shares, Tile, write
from livehost.colour import rgb_to_yuv
from livehost.errors import ConfigError, LivehostError
from livehost.media import SHAPE

F32 = NDArray[np.float32]
U8 = NDArray[np.uint8]

HELD = 1_000  # pictures that nothing is learned from, to judge by
HEADROOM = 1.1  # of the largest share seen
STILL = 0.12  # grey levels of standard deviation below which a pixel is left as it is


@dataclass(frozen=True, slots=True)
class Plan:
    """How to learn.

    Attributes:
        tiles: rows and columns of tiles with pictures of their own.
        pictures: in each tile.
        drawn: pictures by the decoder; each takes 1.5 bytes a pixel of memory.
        components: of these, how many set the principal components.
        steps, batch, rate, hidden: of the network.
        free: share of pictures in which single blendshapes move at will: much for eyes, which
            look and blink as they like, little for a mouth, which says visemes.
        seed: of everything random.
    """

    tiles: tuple[int, int] = (2, 2)
    pictures: int = 96
    drawn: int = 24_000
    components: int = 4_000
    steps: int = 16_000
    batch: int = 384
    rate: float = 3e-3
    hidden: int = 256
    free: float = 0.06
    seed: int = 0


def asked(avatar: Avatar, region: Region, samples: Samples, free: float) -> Asked:
    """Return what the decoder of `region` may be asked for. Raises ConfigError."""
    if not set(region.coefs) <= set(samples.names):
        raise ConfigError(f"the samples lack coefficients of {region.precise.name}")
    order = [samples.names.index(name) for name in region.coefs]
    dense = [SHAPE[name] for name in region.coefs]
    return Asked(
        region.coefs,
        samples.coefs[samples.train][:, order],
        np.stack(list(avatar.visemes.values()))[:, dense],
        np.stack(list(avatar.emotions.values()))[:, dense],
        free,
    )


def draw(region: Region, rows: F32) -> U8:
    """Return (n, pixels) uint8: what the float32 decoder draws, each picture as I420 in a row."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        str(region.precise), options, providers=["CPUExecutionProvider"]
    )
    height, width = region.mask.shape
    out = np.empty((len(rows), height * width * 3 // 2), np.uint8)
    for at, row in enumerate(rows):
        rgb = session.run(["rgb"], {"coefs": row[None]})[0][0]
        whole = np.clip(np.moveaxis(rgb, 0, 2) * 255 + 0.5, 0, 255).astype(np.uint8)
        out[at] = flat(*_planes(whole))
    return out


def _planes(rgb: U8) -> tuple[U8, U8, U8]:
    picture = rgb_to_yuv(rgb)
    return picture.y, picture.u, picture.v


def flat(y: NDArray[Any], u: NDArray[Any], v: NDArray[Any]) -> NDArray[Any]:
    """Return the planes of one picture in one row: I420."""
    return np.concatenate([y.ravel(), u.ravel(), v.ravel()])


def tile_pixels(
    moving: NDArray[np.bool_], size: tuple[int, int], tiles: tuple[int, int]
) -> list[NDArray[np.int64]]:
    """Return, for each tile, the indices of its pixels in an I420 row, in whole runs of `RUN`.

    Args:
        moving: (pixels,) whether a pixel ever changes; runs in which none does are left out.
        size: height and width of the picture.
    """
    owner = flat(*(_owners(side, tiles) for side in (size, *2 * [(size[0] // 2, size[1] // 2)])))
    runs = np.arange(len(moving)).reshape(-1, RUN)
    kept = moving.reshape(-1, RUN).any(axis=1)
    return [runs[kept & (owner[::RUN] == tile)].ravel() for tile in range(tiles[0] * tiles[1])]


def _owners(size: tuple[int, int], tiles: tuple[int, int]) -> NDArray[np.int64]:
    """Return (h, w): the tile of each pixel of a plane."""
    row, column = (np.arange(side) * count // side for side, count in zip(size, tiles, strict=True))
    return row[:, None] * tiles[1] + column[None]


def decompose(pictures: U8, mask: U8, plan: Plan) -> tuple[list[Tile], F32, F32]:
    """Return the tiles, the mean picture, and how much of each fixed picture is in each picture.

    The components are those of what shows through `mask` (h, w); where the mask is thin the fixed
    pictures go on by least squares.

    Args:
        pictures: (n, pixels) I420.
    """
    half = cv2.resize(mask, (mask.shape[1] // 2, mask.shape[0] // 2), interpolation=cv2.INTER_AREA)
    seen = flat(mask, half, half).astype(np.float32) / 255
    first = pictures[: plan.components].astype(np.float32)
    mean = first.mean(0)
    first -= mean
    moving = first.std(0) * seen > STILL
    tiles, shares = [], []
    for pixels in tile_pixels(moving, mask.shape, plan.tiles):
        axes = _components(first[:, pixels] * seen[pixels], plan.pictures) * seen[pixels, None]
        parts = [part[:, pixels] - mean[pixels] for part in np.array_split(pictures, 24)]
        share = np.concatenate([part @ axes for part in parts])
        known = share[: plan.components]
        sums = np.linalg.solve(known.T @ known, known.T @ first[:, pixels])
        tiles.append(Tile(pixels, sums.astype(np.float32), mean[pixels]))
        shares.append(share)
    return tiles, mean, np.concatenate(shares, axis=1).astype(np.float32)


def _components(rows: NDArray[Any], count: int) -> F32:
    """Return (pixels, count): the orthonormal axes along which `rows` (n, pixels) vary most."""
    power, axes = np.linalg.eigh(rows @ rows.T)
    power, axes = power[::-1][:count], axes[:, ::-1][:, :count]
    return np.asarray((rows.T @ axes) / np.sqrt(np.maximum(power, 1e-6)), np.float32)


class Learner:
    """The network from coefficients to shares, and its training."""

    def __init__(self, rows: F32, shares: F32, plan: Plan) -> None:
        import torch  # noqa: PLC0415 (only training needs it)

        torch.manual_seed(plan.seed)
        self._torch, self._plan = torch, plan
        self._rows, self._shares = torch.from_numpy(rows), torch.from_numpy(shares)
        self._unit = float(shares.std(0).max())
        self._centre, self._spread = rows.mean(0), (rows.std(0) + 0.03) * 2
        sizes = [rows.shape[1], plan.hidden, plan.hidden, plan.hidden]
        self._hidden = torch.nn.ModuleList(map(torch.nn.Linear, sizes, sizes[1:]))
        self._out = torch.nn.Linear(plan.hidden, shares.shape[1])
        self._skip = torch.nn.Linear(rows.shape[1], shares.shape[1], bias=False)
        self._all = torch.nn.ModuleList([self._hidden, self._out, self._skip])

    def train(self) -> None:
        """Learn all but the last `HELD` rows."""
        torch, plan, known = self._torch, self._plan, len(self._rows) - HELD
        order = torch.Generator().manual_seed(plan.seed)
        optimiser = torch.optim.AdamW(self._all.parameters(), plan.rate, weight_decay=1e-4)
        for step in range(plan.steps):
            for group in optimiser.param_groups:
                group["lr"] = plan.rate * _schedule(step, plan.steps)
            picked = torch.randint(known, (plan.batch,), generator=order)
            error = self._forward(self._rows[picked]) - self._shares[picked] / self._unit
            loss = (error**2).sum(1).mean()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            if step % 1000 == 0:
                print(f"step {step} loss {float(loss.detach()):.6f}", flush=True)

    def _forward(self, rows: Any) -> Any:
        centre, spread = map(self._torch.from_numpy, (self._centre, self._spread))
        scaled = (rows - centre) / spread
        hidden = scaled
        for layer in self._hidden:
            hidden = self._torch.nn.functional.silu(layer(hidden))
        return self._out(hidden) + self._skip(scaled)

    def network(self) -> Shares:
        """Return the weights, in grey levels."""
        pairs = [*((layer.weight, layer.bias) for layer in self._hidden)]
        hidden = [(weight.detach().numpy().T, bias.detach().numpy()) for weight, bias in pairs]
        out, skip = self._out.weight.detach().numpy().T, self._skip.weight.detach().numpy().T
        bias = self._out.bias.detach().numpy()
        most = np.abs(self._shares.numpy()).max(0) * HEADROOM
        unit = np.float32(self._unit)
        return Shares(
            self._centre, self._spread, hidden, (out * unit, bias * unit), skip * unit, most
        )


def _schedule(step: int, steps: int) -> float:
    return min(1.0, (step + 1) / 200) * (0.002 + 0.499 * (1 + math.cos(math.pi * step / steps)))


def judge(model: Path, rows: F32, pictures: U8, mask: U8) -> str:
    """Return how close the sums are to the decoder on rows that nothing was learned from."""
    session = onnxruntime.InferenceSession(str(model), providers=["CPUExecutionProvider"])
    seen = mask.ravel().astype(np.float32) / 255
    found = []
    for row, picture in zip(rows, pictures, strict=True):
        drawn = session.run(["yuv"], {"coefs": row[None]})[0].ravel()[: seen.size]
        error = (drawn.astype(np.float32) - picture[: seen.size]) * seen
        found.append(10 * np.log10(255**2 / max(float((error**2).mean()), 1e-6)))
    least, low, median = np.percentile(found, [0, 10, 50])
    return f"luma PSNR to the decoder: median {median:.1f}, 10 % {low:.1f}, least {least:.1f} dB"


def make(avatar: Avatar, region: Region, samples: Samples, out: Path, plan: Plan) -> str:
    """Write the ONNX file; return how good it is. Raises ConfigError, ImportError."""
    random = np.random.default_rng(plan.seed)
    rows = asked(avatar, region, samples, plan.free).rows(plan.drawn + HELD, random)
    pictures = draw(region, rows)
    tiles, mean, shares = decompose(pictures, region.mask, plan)
    learner = Learner(rows, shares, plan)
    learner.train()
    write(out, learner.network(), tiles, mean, region.mask.shape)
    return judge(out, rows[-HELD:], pictures[-HELD:], region.mask)


def main(arguments: Sequence[str] | None = None) -> int:
    """Make the variant from the command line; return the exit code."""
    parser = argparse.ArgumentParser(prog="livehost.avatar.sums", description=__doc__)
    parser.add_argument("avatar", type=Path, help="avatar folder with the float32 decoder")
    parser.add_argument("region", choices=("mouth", "eyes"))
    parser.add_argument("samples", type=Path, help="folder of labelled renders")
    parser.add_argument("--out", type=Path, required=True, help="ONNX file to write")
    parser.add_argument("--tiles", type=int, nargs=2, default=Plan().tiles)
    parser.add_argument("--pictures", type=int, default=Plan().pictures, help="in each tile")
    parser.add_argument("--drawn", type=int, default=Plan().drawn)
    parser.add_argument("--steps", type=int, default=Plan().steps)
    parser.add_argument("--free", type=float, default=Plan().free)
    options = parser.parse_args(arguments)
    plan = Plan(
        tuple(options.tiles),
        options.pictures,
        options.drawn,
        steps=options.steps,
        free=options.free,
    )
    try:
        avatar, samples = load_avatar(options.avatar), load_samples(options.samples)
        print(make(avatar, getattr(avatar, options.region), samples, options.out, plan))
    except ImportError:
        return _fail(ConfigError("torch or onnx is not installed; pip install torch onnx"))
    except LivehostError as error:
        return _fail(error)
    return 0


def _fail(error: LivehostError) -> int:
    print(error, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
