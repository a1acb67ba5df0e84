"""How close a decoder is to the renders it never saw.

In:  samples, an ONNX decoder.   Out: PSNR, SSIM, the closed-lip check, and what a frame costs.

`python -m livehost.avatar.measure SAMPLES mouth.onnx --crop 36,0,144,160` prints them.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from time import process_time
from typing import Any

import cv2
import numpy as np
import onnxruntime
from numpy.typing import NDArray

from livehost.avatar.samples import Crop, Samples, closed_lips, load_samples, parse_crop
from livehost.colour import yuv_to_rgb
from livehost.errors import LivehostError
from livehost.media import Yuv

Pictures = NDArray[np.uint8]


def crop_of(samples: Samples) -> Crop:
    """Return the box in which the training images vary most: the mouth, or the eyes and brows.

    It holds every pixel whose standard deviation is above a quarter of the largest.
    """
    spread = samples.images[samples.train].astype(np.float32).std(0).mean(2)
    smooth = cv2.GaussianBlur(spread, (0, 0), 2)
    rows, columns = np.nonzero(smooth > 0.25 * smooth.max())
    left, top = int(columns.min()), int(rows.min())
    return left, top, int(columns.max()) + 1 - left, int(rows.max()) + 1 - top


def psnr(drawn: Pictures, truth: Pictures, box: Crop | None = None) -> float:
    """Return the peak signal-to-noise ratio in dB over all pictures together.

    Args:
        drawn, truth: (n, h, w, 3).
        box: the part to compare; None is all of it.
    """
    error = _part(drawn, box).astype(np.float64) - _part(truth, box)
    return float(10 * np.log10(255**2 / max(float((error**2).mean()), 1e-12)))


def ssim(drawn: Pictures, truth: Pictures, box: Crop | None = None) -> float:
    """Return the mean structural similarity of the luma, Gaussian window of 1.5 px.

    Source: Wang et al., Image quality assessment: from error visibility to structural
    similarity, 2004.
    """
    pairs = zip(_part(drawn, box), _part(truth, box), strict=True)
    return float(np.mean([_ssim(_luma(a), _luma(b)) for a, b in pairs]))


def _part(pictures: Pictures, box: Crop | None) -> Pictures:
    if box is None:
        return pictures
    x, y, width, height = box
    return pictures[:, y : y + height, x : x + width]


def _luma(picture: Pictures) -> NDArray[np.float64]:
    return np.asarray(picture.astype(np.float64) @ (0.2126, 0.7152, 0.0722))


def _ssim(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    ma, mb = _blur(a), _blur(b)
    va, vb, both = _blur(a * a) - ma * ma, _blur(b * b) - mb * mb, _blur(a * b) - ma * mb
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    top = (2 * ma * mb + c1) * (2 * both + c2)
    return float((top / ((ma * ma + mb * mb + c1) * (va + vb + c2))).mean())


def _blur(x: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(cv2.GaussianBlur(x, (11, 11), 1.5))


def lip_leak(drawn: Pictures, truth: Pictures, box: Crop) -> float:
    """Return how much darker than it should be the worst 1 % of a mouth is, in grey levels.

    In pictures of closed lips this is a gap that is not there.
    """
    darker = [
        np.percentile(_luma(b) - _luma(a), 99)
        for a, b in zip(_part(drawn, box), _part(truth, box), strict=True)
    ]
    return float(np.mean(darker))


class OnnxDecoder:
    """An exported decoder on one CPU thread."""

    def __init__(self, model: Path) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(
            str(model), options, providers=["CPUExecutionProvider"]
        )

    def draw(self, coefs: NDArray[np.float32]) -> Pictures:
        """Return (n, h, w, 3) for (n, k) coefficients."""
        return np.stack([_rgb(self._run(row)) for row in coefs])

    def milliseconds(self, coefs: NDArray[np.float32], runs: int = 200) -> tuple[float, float]:
        """Return (median, least) CPU time of one frame."""
        taken = []
        for n in range(runs):
            start = process_time()
            self._run(coefs[n % len(coefs)])
            taken.append((process_time() - start) * 1_000)
        return float(np.median(taken)), min(taken)

    def _run(self, row: NDArray[np.float32]) -> NDArray[Any]:
        return np.asarray(self._session.run(None, {"coefs": row[None]})[0][0])


def _rgb(drawn: NDArray[Any]) -> NDArray[np.uint8]:
    """Return (h, w, 3) of a decoder's output, in either of its two forms (see `Region`)."""
    if drawn.ndim == 3:
        return np.asarray(np.moveaxis(drawn, 0, 2) * 255 + 0.5, np.uint8)
    rows, columns = drawn.shape[0] * 2 // 3, drawn.shape[1]
    u, v = drawn[rows:].reshape(2, rows // 2, columns // 2)
    return yuv_to_rgb(Yuv(drawn[:rows], u, v))


def report(samples: Samples, model: Path) -> list[str]:
    """Return lines that compare the decoder and the mean training image on the held-out part."""
    decoder, box, held = OnnxDecoder(model), crop_of(samples), samples.test
    truth = samples.images[held]
    mean = samples.images[samples.train].astype(np.float64).mean(0) + 0.5
    lines = [f"{len(samples.train)} training, {len(held)} held-out samples; moving part {box}"]
    average = np.broadcast_to(mean.astype(np.uint8), truth.shape)
    for name, drawn in (("mean image", average), ("decoder", decoder.draw(samples.coefs[held]))):
        lines.append(
            f"{name}: PSNR {psnr(drawn, truth):.2f} dB, SSIM {ssim(drawn, truth):.4f}; moving part "
            f"PSNR {psnr(drawn, truth, box):.2f} dB, SSIM {ssim(drawn, truth, box):.4f}"
        )
    if (closed := np.flatnonzero(closed_lips(samples))).size:
        leak = lip_leak(decoder.draw(samples.coefs[closed]), samples.images[closed], box)
        lines.append(
            f"closed lips: {closed.size} samples, darkest 1 % is {leak:.1f} grey levels off"
        )
    median, least = decoder.milliseconds(samples.coefs)
    return [*lines, f"one CPU thread: median {median:.2f} ms, least {least:.2f} ms a frame"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure from the command line; return the exit code."""
    parser = argparse.ArgumentParser(prog="livehost.avatar.measure", description=__doc__)
    parser.add_argument("samples", type=Path, help="folder of labelled renders")
    parser.add_argument("model", type=Path, help="ONNX decoder")
    parser.add_argument("--crop", type=parse_crop, help="x,y,width,height it was trained on")
    options = parser.parse_args(arguments)
    try:
        samples = load_samples(options.samples, options.crop)
    except LivehostError as error:
        print(error, file=sys.stderr)
        return 2
    print("\n".join(report(samples, options.model)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
