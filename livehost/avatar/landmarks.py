"""Find faces in a picture: 478 landmarks, 52 blendshapes and the head's pose, by MediaPipe.

In:  an RGB picture.   Out: what is known of every face in it, the largest first.

For making and measuring avatars; never on air. MediaPipe wants a build of OpenCV that clashes with
ours, so it is installed without its dependencies: `make setup-avatar`.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from livehost.errors import ConfigError
from livehost.models import manifest, verify

POINTS = 478
MOST_FACES = 4
MISSING = (
    "faces in pictures are found with MediaPipe, which is not installed here: "
    "run 'make setup-avatar' in the folder of livehost"
)


@dataclass(frozen=True, slots=True)
class Found:
    """A face in a picture.

    Attributes:
        points: (478, 3) float32; x right and y down in pixels of the picture, z in the same unit,
            smaller is nearer. Order: MediaPipe's face mesh, then five of each iris.
        scores: 0..1 by blendshape, ARKit's names ("jawOpen", "eyeBlinkLeft", ...).
        matrix: (4, 4) float32, from the canonical face in cm to the camera; its rotation is the
            head's.
    """

    points: NDArray[np.float32]
    scores: dict[str, float]
    matrix: NDArray[np.float32]

    @property
    def box(self) -> tuple[float, float, float, float]:
        """Return x, y, width and height around all points, in pixels."""
        low, high = self.points[:, :2].min(0), self.points[:, :2].max(0)
        return float(low[0]), float(low[1]), float(high[0] - low[0]), float(high[1] - low[1])

    @property
    def angles(self) -> tuple[float, float, float]:
        """Return yaw, pitch and roll in degrees, signed as in `HeadPose`.

        Pitch is off by some 10 degrees, more for a face low in the picture: compare, do not trust.
        """
        rotation = self.matrix[:3, :3] / np.cbrt(max(1e-9, np.linalg.det(self.matrix[:3, :3])))
        yaw = np.arcsin(np.clip(rotation[0, 2], -1, 1))
        pitch = np.arctan2(-rotation[1, 2], rotation[2, 2])
        roll = np.arctan2(-rotation[0, 1], rotation[0, 0])
        return float(np.degrees(yaw)), float(np.degrees(pitch)), float(np.degrees(roll))


class Landmarker:
    """Finds faces; close it, or use it in a `with` statement.

    Args:
        faces: how many are looked for.

    Raises:
        ConfigError: MediaPipe or its model is missing, or the model is not the one we know.
    """

    def __init__(self, faces: int = MOST_FACES) -> None:
        model = _model()
        with _without_chatter():
            self._open(model, faces)

    def _open(self, model: Path, faces: int) -> None:
        try:
            import mediapipe  # noqa: PLC0415
            from mediapipe.tasks.python import BaseOptions, vision  # noqa: PLC0415
        except ImportError as error:
            raise ConfigError(MISSING) from error
        self._image, self._rgb = mediapipe.Image, mediapipe.ImageFormat.SRGB
        self._found = vision.FaceLandmarker.create_from_options(
            vision.FaceLandmarkerOptions(
                base_options=BaseOptions(model_asset_path=str(model)),
                output_face_blendshapes=True,
                output_facial_transformation_matrixes=True,
                num_faces=faces,
            )
        )

    def find(self, rgb: NDArray[np.uint8]) -> tuple[Found, ...]:
        """Return the faces of `rgb`, (H, W, 3), largest first; () when there is none."""
        picture = self._image(image_format=self._rgb, data=np.ascontiguousarray(rgb))
        with _without_chatter():
            seen = self._found.detect(picture)
        size = np.array([rgb.shape[1], rgb.shape[0], rgb.shape[1]], np.float32)
        faces = zip(
            seen.face_landmarks,
            seen.face_blendshapes,
            seen.facial_transformation_matrixes,
            strict=True,
        )
        found = [_found(points, scores, matrix, size) for points, scores, matrix in faces]
        return tuple(sorted(found, key=lambda face: -face.box[2] * face.box[3]))

    def close(self) -> None:
        """Let go of the model."""
        self._found.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.close()


@contextmanager
def _without_chatter() -> Iterator[None]:
    """Keep what MediaPipe's C++ prints away from the user: there is nothing to do about it."""
    sys.stderr.flush()
    stderr = os.dup(2)
    try:
        with Path(os.devnull).open("wb") as nothing:
            os.dup2(nothing.fileno(), 2)
        yield
    finally:
        os.dup2(stderr, 2)
        os.close(stderr)


def _found(points: Any, scores: Any, matrix: Any, size: NDArray[np.float32]) -> Found:
    return Found(
        np.array([(p.x, p.y, p.z) for p in points], np.float32) * size,
        {score.category_name: float(score.score) for score in scores},
        np.asarray(matrix, np.float32),
    )


def _model() -> Path:
    """Return the path of the model, which a package carries."""
    model = manifest()["face-landmarker"]
    package = importlib.util.find_spec(model.packages[0])
    if package is None or not package.submodule_search_locations:
        raise ConfigError(MISSING)
    return verify(Path(package.submodule_search_locations[0]) / model.file, model.sha256)
