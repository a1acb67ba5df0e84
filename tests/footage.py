"""Videos of a person without one: the shipped host by her own renderer, filmed in many ways."""

import struct
from fractions import Fraction

import av
import numpy as np

from livehost.avatar import load_avatar
from livehost.clock import Timeline
from livehost.colour import yuv_to_rgb
from livehost.media import Face, Quality
from livehost.stage.drive import Drive
from livehost.stage.render import make_renderer
from tests.filmed import XIAOHE, scenery

SIZE = (360, 640)


def host(frames, viseme=lambda tick: "sil", size=SIZE, seed=3):
    """Pictures of the host, who blinks, breathes and sways, and says what she is asked to."""
    avatar = load_avatar(XIAOHE)
    drive = Drive(avatar, Timeline(Fraction(25)), seed)
    renderer = make_renderer(avatar, *size)
    wall = scenery(size)
    out = []
    for tick in range(frames):
        alive = drive.face(tick, None)
        shapes = np.maximum(alive.shapes, avatar.visemes[viseme(tick)])
        layer = renderer.render(Face(shapes, alive.pose, alive.body), Quality.FULL)
        picture = wall.copy()
        height, width = layer.alpha.shape
        part = picture[layer.top : layer.top + height, layer.left : layer.left + width]
        share = layer.alpha[..., None] / 255
        part[:] = part * (1 - share) + yuv_to_rgb(layer.picture) * share
        out.append(picture.astype(np.uint8))
    return out


def bar(frames, fps, speed=40.0, size=(160, 96)):
    """A soft bright bar that moves right by `speed` pixels a second."""
    x = np.arange(size[0], dtype=np.float32)
    for n in range(frames):
        row = 40 + 180 * np.exp(-0.5 * ((x - 20 - speed * n / fps) / 5) ** 2)
        yield np.broadcast_to(row[None, :, None], (size[1], size[0], 3)).astype(np.uint8)


def write(path, pictures, fps=25, at=None, **options):
    """Write a video; return its path.

    Args:
        at: seconds of each picture; None is every 1 / `fps`.
        options: codec, pix_fmt, trc, primaries, matrix, and anything for x264.
    """
    codec, pix_fmt = options.pop("codec", "libx264"), options.pop("pix_fmt", "yuv420p")
    colour = {name: options.pop(name, 1) for name in ("trc", "primaries", "matrix")}
    with av.open(str(path), "w") as out:
        stream = out.add_stream(codec, rate=fps)
        context = stream.codec_context
        context.time_base = Fraction(1, 12_800)
        context.color_trc, context.color_primaries = colour["trc"], colour["primaries"]
        context.colorspace = colour["matrix"]
        stream.pix_fmt = pix_fmt
        stream.options = {"crf": "16", "preset": "veryfast", **options}
        for number, picture in enumerate(pictures):
            if number == 0:
                stream.width, stream.height = picture.shape[1], picture.shape[0]
            frame = _frame(picture, pix_fmt)
            frame.pts = round((number / fps if at is None else at[number]) * 12_800)
            frame.time_base = Fraction(1, 12_800)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return path


def _frame(picture, pix_fmt):
    kind = "rgb48le" if picture.dtype == np.uint16 else "rgb24"
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format=kind)
    frame.colorspace = 1
    return frame.reformat(format=pix_fmt, src_colorspace=1, dst_colorspace=1)


def turned(path, quarters):
    """Have the file at `path` say that players must turn it clockwise by so many quarters."""
    a, b, c, d = {1: (0, 1, -1, 0), 2: (-1, 0, 0, -1), 3: (0, -1, 1, 0)}[quarters]
    matrix = struct.pack(">9i", a << 16, b << 16, 0, c << 16, d << 16, 0, 0, 0, 1 << 30)
    data = path.read_bytes()
    at = data.index(b"tkhd") + 44
    path.write_bytes(data[:at] + matrix + data[at + len(matrix) :])
    return path


def without_first_keyframe(source, path):
    """Copy a video from its second packet on, as a recording that begins in the middle."""
    with av.open(str(source)) as given, av.open(str(path), "w", format="mpegts") as out:
        stream = given.streams.video[0]
        copied = out.add_stream_from_template(stream)
        for number, packet in enumerate(given.demux(stream)):
            if packet.dts is not None and number:
                packet.stream = copied
                out.mux(packet)
    return path
