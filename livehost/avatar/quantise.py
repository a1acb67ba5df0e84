"""Make the CPU's variant of a decoder: 8-bit convolutions (needs the package onnx).

In:  an exported decoder and its training samples.   Out: an ONNX file with the same inputs.

`python -m livehost.avatar.quantise SAMPLES mouth.onnx --out mouth.int8.onnx --crop 36,0,144,160`
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from livehost.avatar.samples import Samples, load_samples, parse_crop
from livehost.errors import ConfigError, LivehostError

EVERY = 6  # one training sample in so many sets the ranges


def quantise(model: Path, samples: Samples, out: Path) -> None:
    """Write `model` with its convolutions in 8 bits, ranges taken from training samples.

    Weights keep 7 bits: with 8, processors without VNNI saturate in the middle of a sum.
    Everything but convolutions stays float: coordinates of the warp need their precision.

    Raises:
        ImportError: the package onnx is missing.
    """
    from onnxruntime.quantization import (  # noqa: PLC0415 (needs onnx: not part of the install)
        CalibrationDataReader,
        QuantFormat,
        QuantType,
        quantize_static,
    )
    from onnxruntime.quantization.shape_inference import quant_pre_process  # noqa: PLC0415

    class Reader(CalibrationDataReader):  # type: ignore[misc]
        """Coefficients, one row at a time."""

        def __init__(self) -> None:
            self._rows = iter(samples.coefs[samples.train][::EVERY])

        def get_next(self) -> dict[str, object] | None:
            """Return the next input, None at the end."""
            row = next(self._rows, None)
            return None if row is None else {"coefs": row[None]}

    with tempfile.TemporaryDirectory() as scratch:
        prepared = Path(scratch) / "prepared.onnx"
        quant_pre_process(
            str(model), str(prepared), skip_optimization=True, skip_symbolic_shape=True
        )
        quantize_static(
            str(prepared),
            str(out),
            Reader(),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=["Conv"],
            per_channel=True,
            reduce_range=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
        )


def main(arguments: Sequence[str] | None = None) -> int:
    """Quantise from the command line; return the exit code."""
    parser = argparse.ArgumentParser(prog="livehost.avatar.quantise", description=__doc__)
    parser.add_argument("samples", type=Path, help="folder of labelled renders")
    parser.add_argument("model", type=Path, help="exported decoder")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--crop", type=parse_crop, help="x,y,width,height it was trained on")
    options = parser.parse_args(arguments)
    try:
        quantise(options.model, load_samples(options.samples, options.crop), options.out)
    except ImportError:
        return _fail(ConfigError("the package onnx is not installed; pip install onnx"))
    except LivehostError as error:
        return _fail(error)
    return 0


def _fail(error: LivehostError) -> int:
    print(error, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
