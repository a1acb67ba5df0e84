"""The values that cross module borders: faces, phones, pictures with alpha, encoded packets.

In:  nothing.   Out: frozen types; no behaviour beyond construction.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import Literal
from weakref import ReferenceType

import numpy as np
from numpy.typing import NDArray

CHUNK_SAMPLES = 9_600
"""Longest piece of speech handed on at once: 200 ms at 48 kHz."""

BLENDSHAPES: tuple[str, ...] = (
    "browDownLeft", "browDownRight", "browInnerUp", "browOuterUpLeft", "browOuterUpRight",
    "cheekPuff", "cheekSquintLeft", "cheekSquintRight",
    "eyeBlinkLeft", "eyeBlinkRight", "eyeLookDownLeft", "eyeLookDownRight", "eyeLookInLeft",
    "eyeLookInRight", "eyeLookOutLeft", "eyeLookOutRight", "eyeLookUpLeft", "eyeLookUpRight",
    "eyeSquintLeft", "eyeSquintRight", "eyeWideLeft", "eyeWideRight",
    "jawForward", "jawLeft", "jawOpen", "jawRight",
    "mouthClose", "mouthDimpleLeft", "mouthDimpleRight", "mouthFrownLeft", "mouthFrownRight",
    "mouthFunnel", "mouthLeft", "mouthLowerDownLeft", "mouthLowerDownRight", "mouthPressLeft",
    "mouthPressRight", "mouthPucker", "mouthRight", "mouthRollLower", "mouthRollUpper",
    "mouthShrugLower", "mouthShrugUpper", "mouthSmileLeft", "mouthSmileRight",
    "mouthStretchLeft", "mouthStretchRight", "mouthUpperUpLeft", "mouthUpperUpRight",
    "noseSneerLeft", "noseSneerRight", "tongueOut",
    "x_tongueUp",
)  # fmt: skip
"""ARKit-52 in alphabetical order, then `x_tongueUp` (tongue tip to the upper teeth; not ARKit)."""

SHAPE: dict[str, int] = {name: index for index, name in enumerate(BLENDSHAPES)}
"""Index of each blendshape in `Face.shapes`."""


@dataclass(frozen=True, slots=True)
class HeadPose:
    """Head pose; all zero looks at the camera.

    Attributes:
        yaw: degrees, positive to the subject's left (image right).
        pitch: degrees, positive nods down.
        roll: degrees, positive tilts counter-clockwise as the camera sees it.
        tx, ty: shift in units of the head's height, right and down in the image.
    """

    yaw: float = 0.0
    pitch: float = 0.0
    roll: float = 0.0
    tx: float = 0.0
    ty: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Sound:
    """The voice around a tick, for renderers that make pixels from it.

    Attributes:
        pcm: (n,) float32 at 48 kHz in [-1, 1]; silence where nothing sounds or is known to sound.
        first: stream sample of `pcm[0]`; negative before the stream began.
        known: stream sample from which on it is not known what will sound.
        starts: stream samples at which the tick and those after it begin.
    """

    pcm: NDArray[np.float32]
    first: int
    known: int
    starts: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Body:
    """What the host's body does; all zero is the plate.

    Attributes:
        breath: 0 (out) .. 1 (in), moves chest and shoulders.
        lean: degrees by which all of her leans, from the hips up; positive to the image right.
        shrug: 0 .. 1, shoulders up.
    """

    breath: float = 0.0
    lean: float = 0.0
    shrug: float = 0.0


@dataclass(frozen=True, slots=True)
class Face:
    """What a renderer draws at one tick.

    Attributes:
        shapes: (53,) float32 in [0, 1], ordered as `BLENDSHAPES`; gaze is in the eyeLook* shapes.
        pose: head pose, applied after the expression.
        body: breath and posture, which the head goes with.
        tick: index of the tick it is for; a host who was filmed is shown as far into the film.
        sound: what she says around it, where a renderer asked to hear it.
    """

    shapes: NDArray[np.float32]
    pose: HeadPose = field(default_factory=HeadPose)
    body: Body = field(default_factory=Body)
    tick: int = 0
    sound: Sound | None = None


def rest_face() -> Face:
    """Return the neutral face, lips closed, looking at the camera."""
    return Face(np.zeros(len(BLENDSHAPES), np.float32))


@dataclass(frozen=True, slots=True)
class Phone:
    """One phone of a sentence.

    Attributes:
        ipa: its IPA symbol without tone or stress; "sil" for a pause.
        start, end: samples at 48 kHz after the first sample of the sentence's speech.
        stress: 0 unmarked, 1 emphasised word.
    """

    ipa: str
    start: int
    end: int
    stress: int = 0


class Quality(IntEnum):
    """The quality ladder: what one tick may cost, dearest first."""

    FULL = 0  # everything
    MOUTH_ONLY = 1  # mouth decoder each tick; eyes, head and breath hold
    MOUTH_HALF = 2  # mouth every second tick, blended between
    HOLD = 3  # the last face stays
    PLATE = 4  # the avatar's still plate


@dataclass(frozen=True, slots=True)
class Yuv:
    """One 4:2:0 picture, bt709 limited range.

    Attributes:
        y: (height, width) uint8.
        u, v: (height / 2, width / 2) uint8.
    """

    y: NDArray[np.uint8]
    u: NDArray[np.uint8]
    v: NDArray[np.uint8]


@dataclass(frozen=True, slots=True, weakref_slot=True, eq=False)
class Layer:
    """A 4:2:0 picture with straight (not premultiplied) alpha, placed in the frame.

    Attributes:
        picture: the colours.
        alpha: (height, width) uint8, 255 is opaque.
        alpha_uv: (height / 2, width / 2) uint8, the same at chroma resolution.
        left, top: frame pixels of the picture's corner; both even, may be negative.
        before: the layer of the same size and place that this one replaces and equals outside
            `changed`; None when it may differ from any other everywhere.
        changed: boxes of the picture (left, top, width, height; even).
        solid: alpha is 255 everywhere.
    """

    picture: Yuv
    alpha: NDArray[np.uint8]
    alpha_uv: NDArray[np.uint8]
    left: int
    top: int
    before: ReferenceType[Layer] | None = None
    changed: tuple[tuple[int, int, int, int], ...] = ()
    solid: bool = False


@dataclass(frozen=True, slots=True)
class Packet:
    """One encoded packet.

    Attributes:
        kind: which stream it belongs to; "audio" is AAC, "opus" the same sound in Opus.
        pts, dts: 48 kHz samples since tick 0.
        duration: 48 kHz samples.
        keyframe: True for every packet of sound.
        data: H.264 in AVCC form (length-prefixed) or a raw AAC / Opus access unit.
    """

    kind: Literal["video", "audio", "opus"]
    pts: int
    dts: int
    duration: int
    keyframe: bool
    data: bytes


@dataclass(frozen=True, slots=True)
class StreamHeader:
    """What a muxer must know before the first packet.

    Attributes:
        width, height: pixels.
        fps: frames per second as "num/den".
        video_extradata: AVCDecoderConfigurationRecord (avcC), ISO/IEC 14496-15 5.3.3.
        audio_extradata: AudioSpecificConfig, ISO/IEC 14496-3 1.6.2.1.
        sample_rate: audio samples per second.
        channels: audio channels.
    """

    width: int
    height: int
    fps: str
    video_extradata: bytes
    audio_extradata: bytes
    sample_rate: int = 48_000
    channels: int = 2
