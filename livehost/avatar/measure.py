"""How close a decoder is to the renders it never saw.

In:  pictures, an ONNX decoder, samples.   Out: PSNR, SSIM, and the closed-lip check.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from livehost.avatar.samples import Crop, Samples

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
