"""Encode once for everybody: H.264 by NVENC or x264, AAC-LC and, where wanted, Opus by FFmpeg.

In:  4:2:0 pictures by tick, 48 kHz stereo PCM.   Out: `Packet`s on the sample clock.

The picture's clock is the tick, the sound's is the sample; both map to samples by `Timeline`.
There are no B frames, so decode order is presentation order.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import av
import numpy as np
from av.codec.context import Flags
from av.video.frame import PictureType
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc
from numpy.typing import NDArray

from livehost import config
from livehost.avc import avcc, avcc_record, parameter_sets
from livehost.clock import SAMPLE_RATE, Timeline
from livehost.errors import BackendBroken
from livehost.media import Packet, StreamHeader, Yuv
from livehost.stage.encode_sound import AAC_SAMPLES as AAC_SAMPLES  # noqa: PLC0414
from livehost.stage.encode_sound import AudioEncoder, OpusEncoder, translated
from livehost.stage.packed import black, in_one

log = logging.getLogger(__name__)

_SAFE = "libx264"
_FINEST = 12  # quantiser below which x264 would spend bits and time on what nobody can see


class Encoder:
    """Both encoders of one stream. `video` and `audio` may run in two threads, each in one only.

    An accelerated video encoder that fails on air is replaced by x264 at once: the picture that it
    did not take is a keyframe, times go on, and every keyframe from then on carries its parameters
    for whoever joined before.

    Attributes:
        trouble: why x264 took over, "" while it did not.
        opus: make the sound in Opus, too; may be set from any thread. It falls back to False when
            Opus does not work here.
    """

    def __init__(self, video: VideoEncoder, audio: AudioEncoder) -> None:
        self._video = video
        self._audio = audio
        self._opus: OpusEncoder | None = None
        self.trouble = ""
        self.opus = False

    @property
    def name(self) -> str:
        """The picture's codec, "h264_nvenc" or "libx264"."""
        return self._video.name

    @property
    def header(self) -> StreamHeader:
        """What a muxer that starts now needs before the first packet."""
        video = self._video
        return StreamHeader(
            width=video.width,
            height=video.height,
            fps=f"{video.fps.numerator}/{video.fps.denominator}",
            video_extradata=video.extradata,
            audio_extradata=self._audio.extradata,
            sample_rate=SAMPLE_RATE,
            channels=2,
        )

    def video(self, tick: int, picture: Yuv | None, keyframe: bool = False) -> list[Packet]:
        """Encode the picture of `tick`; ticks rise and may leave gaps.

        Args:
            picture: None repeats the last one (black before the first).
            keyframe: make this one an IDR frame.

        Raises:
            ValueError: the picture has the wrong size, or `tick` does not rise.
            BackendBroken: the encoder failed.
        """
        try:
            return self._video.encode(tick, picture, keyframe)
        except BackendBroken as error:
            if self._video.name == _SAFE:
                raise
            late = self._take_over(error)
            return late + self._video.encode(tick, picture, keyframe)

    def _take_over(self, error: BackendBroken) -> list[Packet]:
        """Go on with x264; return the packets that the lost encoder kept for itself.

        Raises BackendBroken when x264 does not open.
        """
        lost, why = self._video, str(error)
        log.warning("video encoder lost; x264 goes on", extra={"encoder": lost.name, "why": why})
        self.trouble = f"encoder lost: {why}"
        self._video = lost.successor(_SAFE)
        return [packet for tick in lost.awaited[:-1] for packet in self._video.encode(tick, None)]

    def audio(self, first_sample: int, pcm: NDArray[np.int16]) -> list[Packet]:
        """Encode sound that follows the last without a gap.

        Args:
            first_sample: index of `pcm[0]`.
            pcm: (n, 2) int16.

        Raises:
            ValueError: there is a gap or an overlap.
            BackendBroken: the encoder failed.
        """
        return self._audio.encode(first_sample, pcm) + self._in_opus(first_sample, pcm)

    def _in_opus(self, first_sample: int, pcm: NDArray[np.int16]) -> list[Packet]:
        if not self.opus:
            self._opus = None
            return []
        try:
            self._opus = self._opus or OpusEncoder()
            return self._opus.encode(first_sample, pcm)
        except BackendBroken as error:  # the show goes on without
            log.warning("no Opus: WebRTC has no sound", extra={"why": str(error)})
            self._opus, self.opus = None, False
            return []

    def flush(self) -> list[Packet]:
        """Return what the encoders still hold, in order of time; they take nothing after it."""
        try:
            video = self._video.flush()
        except BackendBroken as error:  # the end must come in any case
            log.warning("video encoder gave no last packets", extra={"why": str(error)})
            video = []
        return sorted(video + self._audio.flush(), key=lambda packet: packet.dts)


def open_encoder(video: config.Video, audio: config.Audio) -> Encoder:
    """Open the best encoders that really work here. Raises BackendBroken when none does."""
    return Encoder(_open_video(video), AudioEncoder(audio.bitrate_kbps))


def _open_video(video: config.Video) -> VideoEncoder:
    names = ("h264_nvenc", _SAFE) if video.encoder == "auto" else (video.encoder,)
    for name in names:
        try:
            return _probed(name, video)
        except BackendBroken as error:
            log.info("video encoder not usable", extra={"encoder": name, "error": str(error)})
            last = error
    raise BackendBroken(f"no video encoder works: {last}") from last


def _probed(name: str, video: config.Video) -> VideoEncoder:
    """Return a fresh encoder of a kind that has just encoded a frame (opening proves little)."""
    if name != _SAFE:
        trial = VideoEncoder(name, video)
        if not trial.encode(0, None) + trial.flush():
            raise BackendBroken(f"{name} gave no packet")
    return VideoEncoder(name, video)


class VideoEncoder:
    """One H.264 encoder.

    Args:
        name: FFmpeg encoder.

    Attributes:
        awaited: ticks that it has taken and given no packet of.

    Raises:
        BackendBroken: it does not open.
    """

    def __init__(self, name: str, video: config.Video) -> None:
        self.name = name
        self.width, self.height, self.fps = video.width, video.height, video.rate
        self._settings = video
        self._timeline = Timeline(self.fps)
        self._next_tick = 0
        self.awaited: list[int] = []
        self._context = translated(name, lambda: _video_context(name, video))
        given = self._context.extradata or b""
        self.extradata = given if given[:1] == b"\x01" else avcc_record(given)
        self._annex_b = given[:1] != b"\x01"
        self._before_keyframes = b""
        self._frame = _frame(black(self.width, self.height))

    def successor(self, name: str) -> VideoEncoder:
        """Return an encoder that shows this one's last picture and takes what this one did not
        give; its keyframes carry its parameters. Raises BackendBroken when it does not open."""
        after = VideoEncoder(name, self._settings)
        after._before_keyframes = parameter_sets(after.extradata)
        after._frame = self._frame
        return after

    def encode(self, tick: int, picture: Yuv | None, keyframe: bool = False) -> list[Packet]:
        """See `Encoder.video`."""
        if tick < self._next_tick:
            raise ValueError(f"tick {tick} after tick {self._next_tick - 1}")
        self._next_tick = tick + 1
        if picture is not None:
            self._frame = self._framed(picture)
        self._frame.pts = tick
        self._frame.pict_type = PictureType.I if keyframe else PictureType.NONE
        self.awaited.append(tick)
        return self._packets(lambda: self._context.encode(self._frame))

    def flush(self) -> list[Packet]:
        """See `Encoder.flush`."""
        return self._packets(lambda: self._context.encode(None))

    def _framed(self, picture: Yuv) -> Any:
        wanted = (self.height, self.width), *2 * [(self.height // 2, self.width // 2)]
        for drawn, shape in zip((picture.y, picture.u, picture.v), wanted, strict=True):
            if drawn.shape != shape:
                raise ValueError(f"picture plane is {drawn.shape}, must be {shape}")
        return _frame(picture)

    def _packets(self, encode: Callable[[], list[Any]]) -> list[Packet]:
        return [self._packet(packet) for packet in translated(self.name, encode)]

    def _packet(self, packet: Any) -> Packet:
        encoded, keyframe = bytes(packet), bool(packet.is_keyframe)
        unit = avcc(encoded) if self._annex_b else encoded
        self.awaited.remove(packet.pts)
        return Packet(
            kind="video",
            pts=self._timeline.first_sample(packet.pts),
            dts=self._timeline.first_sample(packet.pts),
            duration=self._timeline.samples(packet.pts),
            keyframe=keyframe,
            data=self._before_keyframes + unit if keyframe else unit,
        )


def _frame(picture: Yuv) -> Any:
    """Return a frame that shows `picture`: its own memory where it is packed, else a copy."""
    height, width = picture.y.shape
    rows = in_one(picture).reshape(height * 3 // 2, width)
    return av.VideoFrame.from_numpy_buffer(rows, "yuv420p")


def _video_context(name: str, video: config.Video) -> Any:
    context: Any = av.CodecContext.create(name, "w")
    context.width, context.height, context.pix_fmt = video.width, video.height, "yuv420p"
    context.time_base, context.framerate = 1 / video.rate, video.rate
    context.sample_aspect_ratio = Fraction(1, 1)
    context.bit_rate = video.bitrate_kbps * 1000
    context.gop_size = gop(video)
    context.max_b_frames = 0
    context.color_range = ColorRange.MPEG
    context.colorspace = Colorspace.ITU709
    context.color_primaries = ColorPrimaries.BT709
    context.color_trc = ColorTrc.BT709
    context.flags |= Flags.global_header | Flags.closed_gop
    context.thread_count = 1
    context.options = _OPTIONS[name](video)
    context.open()
    return context


def gop(video: config.Video) -> int:
    """Return the frames from one keyframe to the next."""
    return max(1, round(video.rate * Fraction(video.keyframe_seconds)))


def _rate_control(video: config.Video) -> dict[str, str]:
    # A buffer of one second: steady enough for ingest servers, without filler in still scenes.
    rate = str(video.bitrate_kbps * 1000)
    return {"maxrate": rate, "bufsize": rate}


_SPARED = {"veryfast": ":subme=1"}
"""Of a preset's own work: the same picture for a sixth less time, at one to three % more bits."""


def _x264(video: config.Video) -> dict[str, str]:
    return {
        **_rate_control(video),
        "preset": video.preset,
        "tune": "zerolatency",
        "forced-idr": "1",
        "sc_threshold": "0",
        "keyint_min": str(gop(video)),
        # Splitting blocks costs a fifth of the time and gives 0.1 dB to a host before a still room.
        "x264-params": f"annexb=0:partitions=none:qpmin={_FINEST}" + _SPARED.get(video.preset, ""),
    }


def _nvenc(video: config.Video) -> dict[str, str]:
    return {
        **_rate_control(video),
        "preset": "p4",
        "tune": "ll",
        "rc": "cbr",
        "zerolatency": "1",
        "delay": "0",
        "forced-idr": "1",
        "no-scenecut": "1",
        "strict_gop": "1",
    }


_OPTIONS: dict[str, Callable[[config.Video], dict[str, str]]] = {
    "libx264": _x264,
    "h264_nvenc": _nvenc,
}
