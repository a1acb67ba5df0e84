"""Write a trained network as the ONNX file that goes on air.

In:  a checkpoint of `livehost.lipsync.train`.   Out: ONNX, with the names of its visemes inside.

    python -m livehost.lipsync.export run/mouth.pt --out livehost/stage/drive/audio.onnx
"""

from __future__ import annotations

import argparse
from pathlib import Path

import onnx
import torch

from livehost.lipsync.network import Network, Served
from livehost.models import sha256
from livehost.stage.drive.hearing import FUTURE, PAST
from livehost.stage.drive.mel import BANDS

OPSET = 18


def load(checkpoint: Path) -> tuple[Network, tuple[str, ...]]:
    """Return the averaged network of a checkpoint, ready to run, and its visemes."""
    saved = torch.load(checkpoint)
    network = Network(len(saved["visemes"]))
    network.load_state_dict(saved["average"])
    return network.eval(), tuple(saved["visemes"])


def export(network: Network, visemes: tuple[str, ...], path: Path) -> None:
    """Write `network` to `path`; see `livehost.stage.drive.hearing.Hearing` for its form."""
    torch.onnx.export(
        Served(network).eval(),
        (torch.zeros(1, BANDS + 1, PAST + FUTURE + 3),),
        str(path),
        opset_version=OPSET,
        input_names=["heard"],
        output_names=["shares", "more"],
        dynamic_axes={"heard": {2: "frames"}, "shares": {1: "moments"}, "more": {1: "moments"}},
        dynamo=False,
    )
    model = onnx.load(path)
    onnx.helper.set_model_props(model, {"visemes": " ".join(visemes)})
    onnx.checker.check_model(model)
    onnx.save(model, path)


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    network, visemes = load(options.checkpoint)
    export(network, visemes, options.out)
    count = sum(p.numel() for p in network.parameters())
    size = options.out.stat().st_size / 1e6
    print(f"{options.out}: {count} parameters, {size:.2f} MB, sha256 {sha256(options.out)}")


if __name__ == "__main__":
    main()
