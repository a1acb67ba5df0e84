"""A frame of ours and a frame with the field's lip-sync networks, stage by stage, side by side.

In:  an avatar.   Out: CPU milliseconds per frame, medians, and ratios.

One process, one thread, the same cores, the cases in turn, so that what else the machine does falls
on all of them. The networks have random weights and the published layers (`peer_graphs`): what they
cost does not depend on what they learned. HuBERT, which Ultralight-Digital-Human hears with, is not
part of it: its features are made by a stand-in that costs nothing.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from benchmarks import machine
from benchmarks.onnx_file import Sketch
from benchmarks.peer_graphs import NETWORKS, Made, folder
from livehost.avatar import Avatar, load_avatar
from livehost.clock import SAMPLE_RATE, Timeline
from livehost.config import Scene, Video
from livehost.media import Phone, Quality
from livehost.models import sha256
from livehost.stage.compose import Composer
from livehost.stage.drive import Drive
from livehost.stage.ear import Ear, Window
from livehost.stage.playout import Playout
from livehost.stage.render import make_renderer
from livehost.stage.render.band import Band
from livehost.stage.render.patch import Patch
from livehost.stage.render.peers import Network, load_network, mel, voice, window
from livehost.stage.render.peers.crop import Paste
from livehost.stage.render.peers.graph import Graph
from livehost.wire import Speech

SIZES = ((720, 1280), (1080, 1920))
TIMELINE = Timeline(Fraction(25))
ROUNDS, WARM_UP = 10, 6
FRAMES = {"ours": 12, "wav2lip-96": 4, "ultralight-hubert": 4, "wav2lip-256": 1, "wav2lip-384": 1}
"""Of each case in a round."""
STAGES: dict[str, tuple[tuple[Any, str], ...]] = {
    "mel": ((mel, "wav2lip"), (voice, "heard")),
    "network": ((Graph, "run"),),
    "paste": ((Paste, "draw"),),
    "blend": ((Patch, "draw"),),  # for a network: within "paste", and the eyes
    "warp": ((Band, "follow"), (Band, "draw")),
}


def measure(host: Path = Path("avatars/xiaohe")) -> dict[str, Any]:
    """Return the cost of a frame by size, case and stage."""
    cv2.setNumThreads(1)
    avatar, made = load_avatar(host), {kind: write(folder()) for kind, write in _writers()}
    out: dict[str, Any] = {"cpu_ms": {}, "networks": {k: _facts(m) for k, m in made.items()}}
    with _Timed() as spent:
        for size in SIZES:
            cases = {"ours": _Case(avatar, size, None, spent)}
            for kind, graph in made.items():
                cases[kind] = _Case(avatar, size, _described(kind, graph), spent)
            out["cpu_ms"][f"{size[0]}x{size[1]}"] = _in_turn(cases)
    out["ratios"] = _ratios(out["cpu_ms"])
    return out


def _writers() -> list[tuple[str, Callable[[Path], Made]]]:
    def at(kind: str) -> Callable[[Path], Made]:
        return lambda where: NETWORKS[kind](where / f"{kind}.onnx")

    return [(kind, at(kind)) for kind in NETWORKS]


def _facts(made: Made) -> dict[str, float]:
    return {
        "million_parameters": round(made.parameters / 1e6, 2),
        "billion_multiply_adds": round(made.multiply_adds / 1e9, 2),
    }


def _in_turn(cases: dict[str, _Case]) -> dict[str, dict[str, float]]:
    for turn in range(ROUNDS):
        print(f"round {turn + 1} of {ROUNDS}", file=sys.stderr)
        for kind, case in cases.items():
            case.run(FRAMES[kind])
    return {kind: case.medians() for kind, case in cases.items()}


def _ratios(costs: dict[str, Any]) -> dict[str, dict[str, float]]:
    """Return, by size and network, how many whole frames of ours the network alone costs."""
    return {
        size: {
            kind: round(case["network"] / cases["ours"]["frame"], 2)
            for kind, case in cases.items()
            if kind != "ours"
        }
        for size, cases in costs.items()
    }


# --- one case -------------------------------------------------------------------------------------


class _Case:
    """A host who speaks without a pause, in the painted studio."""

    def __init__(
        self,
        avatar: Avatar,
        size: tuple[int, int],
        network: Network | None,
        spent: dict[str, float],
    ) -> None:
        self._spent, self._tick = spent, 0
        self._drive = Drive(avatar, TIMELINE)
        self._playout = _speaking(avatar, network)
        self._renderer = make_renderer(avatar, *size, TIMELINE.fps, network)
        self._composer = Composer(Video(width=size[0], height=size[1]), Scene(), Path)
        if network is None:
            _timed_decoders(self._renderer, spent)
        else:
            inner = self._renderer._inner
            inner._eyes.decoder.run = _timing(inner._eyes.decoder.run, "eyes", spent)
        self._frames: list[dict[str, float]] = []
        self.run(WARM_UP)
        self._frames.clear()

    def run(self, frames: int) -> None:
        for _ in range(frames):
            before = defaultdict(float, self._spent)
            began = time.process_time()
            self._frame()
            whole = (time.process_time() - began) * 1000
            row = {stage: self._spent[stage] - before[stage] for stage in self._spent}
            self._frames.append({**row, "frame": whole})

    def _frame(self) -> None:
        pulled = self._playout.pull(TIMELINE.samples(self._tick))
        with _Stage("drive", self._spent):
            face = self._drive.face(self._tick, pulled.spoken)
        if pulled.sound:
            face = replace(face, sound=pulled.sound)
        with _Stage("render", self._spent):
            layer = self._renderer.render(face, Quality.FULL)
        with _Stage("compose", self._spent):
            self._composer.compose(self._tick, layer, "", 0.0)
        self._tick += 1

    def medians(self) -> dict[str, float]:
        """Return the median of each stage; the mean of one that most frames do not have."""
        out = {}
        for name in sorted({name for row in self._frames for name in row}):
            values = [row.get(name, 0.0) for row in self._frames]
            out[name] = statistics.median(values) or statistics.mean(values)
        return {name: round(value, 2) for name, value in out.items() if value}


def _timed_decoders(renderer: Any, spent: dict[str, float]) -> None:
    for name in ("mouth", "eyes"):
        decoder = getattr(renderer, f"_{name}").decoder
        decoder.run = _timing(decoder.run, name, spent)


def _speaking(avatar: Avatar, network: Network | None) -> Playout:
    """Return a playout with a minute of speech: phones of 90 ms, noise with their rhythm."""
    heard = window(network, TIMELINE) if network else Window(0.1, 0.1)
    playout = Ear(TIMELINE, heard) if network else Playout()
    length, step = 50 * SAMPLE_RATE, 4_320
    names = [name for name in avatar.ipa if name != "sil"]
    starts = range(0, length - step, step)
    phones = [Phone(names[n % len(names)], at, at + step) for n, at in enumerate(starts)]
    random = np.random.default_rng(0)
    swell = 0.6 + 0.4 * np.sin(2 * np.pi * np.arange(length) / step)
    pcm = (random.normal(0, 3000, length) * swell).clip(-32768, 32767).astype(np.int16)
    playout.push(Speech(1, 0, pcm, True, "话", tuple(phones)))
    return playout


def _described(kind: str, made: Made) -> Network:
    models = {"generator": made.path}
    if kind.startswith("ultralight"):
        models["hubert"] = _stand_in(made.path.parent / "hubert.onnx")
    lines = [f'kind = "{kind}"', 'licence = "random weights"']
    for name, path in models.items():
        lines += [f"[models.{name}]", f'file = "{path.name}"', f'sha256 = "{sha256(path)}"']
    path = made.path.with_suffix(".toml")
    path.write_text("\n".join(lines))
    return load_network(path)


def _stand_in(path: Path) -> Path:
    """Write what makes numbers of the form of HuBERT's features, for next to nothing."""
    sketch = Sketch()
    heard = sketch.input("voice", (1, "samples"))
    row = sketch.node("Unsqueeze", [heard, sketch.weight(np.array([1], np.int64))])
    pooled = sketch.node("AveragePool", [row], kernel_shape=[400], strides=[320])
    column = sketch.node("Transpose", [pooled], perm=[0, 2, 1])
    wide = sketch.weight(np.array([1, 1, 1024], np.int64))
    sketch.node("Expand", [column, wide], to=sketch.output("o", (1, "features", 1024)))
    return sketch.write(path)


# --- timing ---------------------------------------------------------------------------------------


class _Stage:
    """Adds the CPU milliseconds of a block to a stage."""

    def __init__(self, name: str, spent: dict[str, float]) -> None:
        self._name, self._spent = name, spent

    def __enter__(self) -> None:
        self._began = time.process_time()

    def __exit__(self, *_: object) -> None:
        self._spent[self._name] += (time.process_time() - self._began) * 1000


def _timing(function: Callable[..., Any], name: str, spent: dict[str, float]) -> Any:
    def call(*args: Any, **named: Any) -> Any:
        with _Stage(name, spent):
            return function(*args, **named)

    return call


class _Timed:
    """Adds up what is spent in each of `STAGES` while it is open."""

    def __enter__(self) -> dict[str, float]:
        spent: dict[str, float] = defaultdict(float)
        self._originals = []
        for stage, places in STAGES.items():
            for owner, method in places:
                original = getattr(owner, method)
                self._originals.append((owner, method, original))
                setattr(owner, method, _timing(original, stage, spent))
        return spent

    def __exit__(self, *_: object) -> None:
        for owner, method, original in self._originals:
            setattr(owner, method, original)


if __name__ == "__main__":
    print(json.dumps({"machine": machine.facts(), "peers": measure()}, indent=2))
