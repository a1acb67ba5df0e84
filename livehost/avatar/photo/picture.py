"""Read a photo as it comes from phones, cameras, scanners and programs.

In:  a picture file.   Out: upright sRGB pixels of bounded size, or a ConfigError with what to do.
"""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

from livehost.errors import ConfigError

U8 = NDArray[np.uint8]

MOST_SIDE = 4096  # pixels kept of the longer side
MOST_PIXELS = 64_000_000  # of files that must be decoded whole; JPEG is shrunk while it is read
MOST_JPEG = 170_000_000
LEAST_SIDE = 256
STILLS = ("MPO",)  # a photo with a preview or a depth map beside it, as phones write


@dataclass(frozen=True, slots=True)
class Photo:
    """A picture.

    Attributes:
        rgb: (H, W, 3), upright, sRGB.
        alpha: (H, W) when the file has transparent parts.
        grey: it has no colours.
    """

    rgb: U8
    alpha: U8 | None
    grey: bool


def read(path: Path) -> Photo:
    """Read the picture at `path`.

    Raises:
        ConfigError: it is animated, too small, too large, or damaged.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(path) as picture:
                _check(path, picture)
                return _converted(picture)
    except Image.DecompressionBombError as error:
        raise ConfigError(_too_large(path, "more than 170 million")) from error
    except UnidentifiedImageError as error:
        raise ConfigError(f"{path}: is not a picture that can be read; save it as JPEG") from error
    except (OSError, ValueError, SyntaxError, EOFError) as error:
        raise ConfigError(f"{path}: is damaged ({error}); copy or save it again") from error
    except MemoryError as error:
        raise ConfigError(_too_large(path, "too many")) from error


def _check(path: Path, picture: Image.Image) -> None:
    frames = getattr(picture, "n_frames", 1)
    if frames > 1 and picture.format not in STILLS:
        raise ConfigError(
            f"{path}: holds {frames} pictures (animated, or several pages); "
            "save the one you want as JPEG or PNG"
        )
    width, height = picture.size
    if min(width, height) < LEAST_SIDE:
        raise ConfigError(
            f"{path}: is only {width}x{height}; use a photo of at least "
            f"{LEAST_SIDE} pixels a side, better 1080x1920"
        )
    most = MOST_JPEG if picture.format in ("JPEG", *STILLS) else MOST_PIXELS
    if width * height > most:
        raise ConfigError(_too_large(path, f"{width}x{height}"))


def _too_large(path: Path, size: str) -> str:
    return f"{path}: has {size} pixels; shrink it to 4000 pixels a side, or save it as JPEG"


def _converted(picture: Image.Image) -> Photo:
    if picture.format in ("JPEG", *STILLS):
        picture.draft(None, (MOST_SIDE, MOST_SIDE))
    picture.load()
    profile = picture.info.get("icc_profile")
    upright = ImageOps.exif_transpose(picture)
    if max(upright.size) > MOST_SIDE:
        shrunk = upright if upright.mode not in ("P", "1") else upright.convert("RGBA")
        shrunk.thumbnail((MOST_SIDE, MOST_SIDE), Image.Resampling.BOX)
        upright = shrunk
    alpha = None
    if "A" in upright.getbands() or "transparency" in upright.info:
        alpha = np.asarray(upright.convert("RGBA").getchannel("A"))
        alpha = None if alpha.min() == 255 else alpha
    rgb = np.array(_rgb(upright, profile), np.uint8)
    if alpha is not None:
        share = alpha[..., None].astype(np.float32) / 255
        rgb = (rgb * share + 255 * (1 - share) + 0.5).astype(np.uint8)
    return Photo(rgb, alpha, _is_grey(rgb))


def _rgb(picture: Image.Image, profile: bytes | None) -> Image.Image:
    if picture.mode in ("I", "F") or picture.mode.startswith("I;16"):
        deep = np.asarray(picture, np.float64)
        most = max(1.0, 65_535.0 if deep.max() > 255 else 255.0)
        return Image.fromarray(np.clip(deep / most * 255, 0, 255).astype(np.uint8)).convert("RGB")
    if profile and picture.mode in ("RGB", "CMYK"):
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            srgb = ImageCms.createProfile("sRGB")
            managed = ImageCms.profileToProfile(picture, source, srgb, outputMode="RGB")
            if managed is not None:
                return managed
        except (ImageCms.PyCMSError, OSError, ValueError):
            pass  # a broken profile: the plain conversion is near enough
    return picture.convert("RGBA").convert("RGB") if picture.mode == "P" else picture.convert("RGB")


def _is_grey(rgb: U8) -> bool:
    small = rgb[:: max(1, len(rgb) // 200), :: max(1, rgb.shape[1] // 200)].astype(np.int16)
    spread = small.max(-1) - small.min(-1)
    return bool(np.percentile(spread, 98) < 12)
