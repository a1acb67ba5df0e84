"""Write a trained vocoder as the ONNX file that goes on air.

In:  a checkpoint of `livehost.vocoder.train`.   Out: ONNX, weights in half precision.

    python -m livehost.vocoder.export run/vocoder.pt --out zf_xiaoxiao.onnx --calibrate pairs/1

Half precision halves the file; the network computes in float32, the weights are widened when the
model is loaded.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import onnx
import torch
from onnx import TensorProto, helper, numpy_helper

from livehost.brain.voice.vocoder import INPUTS
from livehost.vocoder.calibrate import calibrate
from livehost.vocoder.network import Network
from livehost.vocoder.pairs import load as pairs_load

OPSET = 18
CALIBRATED = 60
"""Pairs that the noise is measured on."""
_SMALL = 1024  # elements; smaller tensors stay as they are


def load(checkpoint: Path) -> Network:
    """Return the averaged network of a checkpoint, ready to run."""
    network = Network()
    network.load_state_dict(torch.load(checkpoint)["average"])
    return network.eval()


def export(network: Network, path: Path) -> None:
    """Write `network` to `path`: features (1, INPUTS, ticks) to filters (1, 2 * ticks, 903)."""
    torch.onnx.export(
        network,
        (torch.zeros(1, INPUTS, 64),),
        str(path),
        opset_version=OPSET,
        input_names=["features"],
        output_names=["filters"],
        dynamic_axes={"features": {2: "ticks"}, "filters": {1: "frames"}},
        dynamo=False,
    )
    onnx.save(_halved(onnx.load(path)), path)


def _halved(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return `model` with its large weights in float16, each followed by a cast."""
    graph = model.graph
    casts = []
    for weight in graph.initializer:
        values = numpy_helper.to_array(weight)
        if weight.data_type != TensorProto.FLOAT or values.size < _SMALL:
            continue
        half = numpy_helper.from_array(values.astype("float16"), f"{weight.name}.half")
        casts.append(helper.make_node("Cast", [half.name], [weight.name], to=TensorProto.FLOAT))
        weight.CopyFrom(half)
    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)
    onnx.checker.check_model(model)
    return model


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--calibrate", type=Path, metavar="PAIRS", help="folder trained on")
    options = parser.parse_args()
    network = load(options.checkpoint)
    if options.calibrate:
        files = sorted(options.calibrate.glob("[0-9]*.npz"))
        pairs = [pairs_load(file) for file in files[:: max(1, len(files) // CALIBRATED)]]
        print("noise moved by", calibrate(network, pairs).round(2).tolist(), "dB")
    export(network, options.out)
    print(f"{options.out}: {options.out.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
