"""The encoder: every tick one picture, sound without a gap, parameters that servers expect."""

from __future__ import annotations

import io
from types import SimpleNamespace

import av
import numpy as np
import pytest

from livehost import config
from livehost.avc import avcc_record, nal_units, parameter_sets, record_in
from livehost.clock import Timeline
from livehost.errors import BackendBroken
from livehost.media import Yuv
from livehost.stage import encode
from livehost.stage.encode import AAC_SAMPLES, open_encoder
from livehost.stage.outputs.mux import Muxer, flv_head

WIDTH, HEIGHT = 208, 176  # rows that FFmpeg pads


def settings(**video) -> config.Video:
    return config.Video(
        **{"width": WIDTH, "height": HEIGHT, "encoder": "libx264", "bitrate_kbps": 300, **video}
    )


def opened(**video) -> encode.Encoder:
    return open_encoder(settings(**video), config.Audio())


def picture(level: int) -> Yuv:
    grey = np.full((HEIGHT // 2, WIDTH // 2), 128, np.uint8)
    y = np.full((HEIGHT, WIDTH), level, np.uint8)
    y[:, : WIDTH // 2] = 235 - level
    return Yuv(y, grey, grey)


def noise(seed: int) -> Yuv:
    rng = np.random.default_rng(seed)
    grey = np.full((HEIGHT // 2, WIDTH // 2), 128, np.uint8)
    return Yuv(rng.integers(16, 235, (HEIGHT, WIDTH), np.uint8), grey, grey)


def decoded(encoder: encode.Encoder, packets) -> list[np.ndarray]:
    """Decode H.264 packets with nothing but the header's extradata."""
    decoder = av.CodecContext.create("h264", "r")
    decoder.extradata = encoder.header.video_extradata
    frames = [f for packet in packets for f in decoder.decode(av.Packet(packet.data))]
    return [frame.to_ndarray() for frame in frames + decoder.decode(None)]


@pytest.mark.parametrize("fps", ["25", "30", "30000/1001"])
def test_one_packet_a_tick_at_the_tick_s_samples(fps):
    encoder, timeline = opened(fps=fps), Timeline(settings(fps=fps).rate)
    packets = [p for n in range(70) for p in encoder.video(n, picture(n))] + encoder.flush()
    assert [p.pts for p in packets] == [timeline.first_sample(n) for n in range(70)]
    assert all(p.dts == p.pts for p in packets)
    assert [p.duration for p in packets] == [timeline.samples(n) for n in range(70)]
    gop = round(timeline.fps * 2)
    assert [n for n, p in enumerate(packets) if p.keyframe] == list(range(0, 70, gop))


def test_picture_comes_back_as_it_went_in():
    encoder = opened(bitrate_kbps=3000)
    [packet] = encoder.video(0, picture(60))
    [seen] = decoded(encoder, [packet])
    assert np.abs(seen[:HEIGHT].astype(int) - picture(60).y).mean() < 2


def test_header_tells_what_the_stream_is():
    encoder = opened()
    [packet] = encoder.video(0, noise(0))
    decoder = av.CodecContext.create("h264", "r")
    decoder.extradata = encoder.header.video_extradata
    [frame] = decoder.decode(av.Packet(packet.data)) + decoder.decode(None)
    assert encoder.header.video_extradata[0] == 1  # avcC, not Annex B
    assert (frame.width, frame.height, frame.format.name) == (WIDTH, HEIGHT, "yuv420p")
    assert (int(frame.color_range), int(frame.colorspace)) == (1, 1)  # limited, bt709
    assert (decoder.color_primaries, decoder.color_trc) == (1, 1)
    assert not decoder.has_b_frames
    assert encoder.header.fps == "25/1"


def test_none_repeats_the_last_picture_and_costs_few_bytes():
    encoder = opened()
    packets = [p for n in range(5) for p in encoder.video(n, noise(1) if n == 0 else None)]
    frames = decoded(encoder, packets)
    assert len(frames) == 5
    assert np.abs(frames[4].astype(int) - frames[0]).mean() < 8
    assert len(packets[4].data) < len(packets[0].data) / 20


def test_the_first_picture_may_be_missing():
    encoder = opened()
    [frame] = decoded(encoder, encoder.video(0, None))
    assert abs(int(frame[:HEIGHT].max()) - 16) < 3


def test_keyframe_on_request_starts_a_stream_that_decodes_alone():
    encoder = opened()
    packets = [p for n in range(20) for p in encoder.video(n, noise(n), keyframe=n == 13)]
    assert [n for n, p in enumerate(packets) if p.keyframe] == [0, 13]
    types = {unit[0] & 31 for unit in lengths_to_units(packets[13].data)}
    assert 5 in types, "an IDR picture, not just an I picture"
    assert len(decoded(encoder, packets[13:])) == 7


def test_ticks_may_leave_gaps_but_not_go_back():
    encoder = opened()
    assert encoder.video(3, None)[0].pts == 3 * 1920
    assert encoder.video(9, None)[0].pts == 9 * 1920
    with pytest.raises(ValueError, match="tick 9 after tick 9"):
        encoder.video(9, None)


def test_a_picture_of_another_size_is_refused():
    small = np.zeros((HEIGHT // 2, WIDTH // 2), np.uint8)
    with pytest.raises(ValueError, match="plane"):
        opened().video(0, Yuv(small, small, small))


def test_bits_that_nobody_can_see_are_not_spent():
    def sent(bitrate_kbps: int) -> int:
        encoder = opened(bitrate_kbps=bitrate_kbps)
        return sum(len(p.data) for n in range(50) for p in encoder.video(n, noise(n)))

    assert sent(12_000) < 1.05 * sent(6_000)


def test_bitrate_holds_for_noise():
    encoder = opened(bitrate_kbps=800)
    packets = [p for n in range(100) for p in encoder.video(n, noise(n))]
    seconds = [sum(len(p.data) for p in packets[s : s + 25]) * 8 / 1000 for s in (25, 50, 75)]
    assert all(rate < 800 * 1.2 for rate in seconds)


def test_sound_has_no_gap_and_nothing_before_its_start():
    encoder = opened(fps="30000/1001")
    timeline = Timeline(settings(fps="30000/1001").rate)
    packets = []
    for n in range(100, 200):
        packets += encoder.audio(timeline.first_sample(n), np.zeros((timeline.samples(n), 2), "i2"))
    packets += encoder.flush()
    start = timeline.first_sample(100)
    assert [p.pts for p in packets] == [start + k * AAC_SAMPLES for k in range(len(packets))]
    assert packets[-1].pts + AAC_SAMPLES >= timeline.first_sample(200)
    assert all(p.keyframe and p.kind == "audio" for p in packets)


def test_sound_stands_where_it_was_put():
    """The encoder's priming is accounted for: a click decodes at its own sample."""
    encoder = opened()
    pcm = np.zeros((48_000, 2), np.int16)
    pcm[30_000:30_200] = 20_000
    packets = [p for k in range(0, 48_000, 1920) for p in encoder.audio(k, pcm[k : k + 1920])]
    decoder = av.CodecContext.create("aac", "r")
    decoder.extradata = encoder.header.audio_extradata
    heard = {}
    for packet in packets + encoder.flush():
        for frame in decoder.decode(av.Packet(packet.data)):
            level = np.abs(frame.to_ndarray()).max(axis=0)
            heard.update({packet.pts + i: v for i, v in enumerate(level)})
    onset = min(sample for sample, level in heard.items() if level > 0.3)
    assert abs(onset - 30_000) <= 48  # 1 ms


@pytest.mark.parametrize("first", [1919, 1921])
def test_sound_with_a_gap_or_an_overlap_is_refused(first):
    encoder = opened()
    encoder.audio(0, np.zeros((1920, 2), np.int16))
    with pytest.raises(ValueError, match="expected 1920"):
        encoder.audio(first, np.zeros((1920, 2), np.int16))


def test_auto_takes_x264_without_a_gpu(monkeypatch):
    def broken(name, video):
        if name == "h264_nvenc":
            raise BackendBroken("no GPU")
        return original(name, video)

    original = encode._probed
    monkeypatch.setattr(encode, "_probed", broken)
    assert opened(encoder="auto").name == "libx264"


def test_an_encoder_that_opens_but_encodes_nothing_is_not_used(monkeypatch):
    monkeypatch.setitem(encode._OPTIONS, "h264_nvenc", encode._x264)
    made = []

    class Mute(encode.VideoEncoder):
        def __init__(self, name, video):
            made.append(name)
            super().__init__("libx264", video)
            self.mute = name == "h264_nvenc"

        def _packets(self, call):
            return [] if self.mute else super()._packets(call)

    monkeypatch.setattr(encode, "VideoEncoder", Mute)
    assert opened(encoder="auto").name == "libx264"
    assert made[0] == "h264_nvenc"


def test_no_encoder_at_all_is_broken(monkeypatch):
    def broken(name, video):
        raise BackendBroken("no GPU")

    monkeypatch.setattr(encode, "_probed", broken)
    with pytest.raises(BackendBroken, match="no video encoder works: no GPU"):
        opened(encoder="h264_nvenc")


def test_errors_of_the_encoder_are_broken_backends():
    encoder = opened()
    encoder.flush()
    with pytest.raises(BackendBroken):
        encoder.video(0, None)


# --- an accelerated encoder that is lost on air -------------------------------------------------


class Lost(encode.VideoEncoder):
    """Taken for NVENC; from one tick on it fails, and it keeps its last packets back."""

    fails_at, holds = 10, 0

    def __init__(self, name, video):
        # Other parameters than x264 will have, as NVENC's are.
        given = video.model_copy(update={"preset": "ultrafast"}) if name == "h264_nvenc" else video
        super().__init__("libx264", given)
        self.name, self._settings, self._held = name, video, []

    def _packets(self, call):
        if self.name == "libx264":
            return super()._packets(call)
        if self._next_tick > self.fails_at:
            raise BackendBroken("h264_nvenc: the GPU is gone")
        self._held += [(packet.pts, packet) for packet in call()]
        out, self._held = (
            self._held[: -self.holds or None],
            self._held[-self.holds or len(self._held) :],
        )
        return [self._packet(packet) for _, packet in out]


@pytest.fixture
def nvenc(monkeypatch):
    monkeypatch.setattr(encode, "VideoEncoder", Lost)
    monkeypatch.setattr(encode, "_probed", Lost)

    def make(**changes):
        for name, value in changes.items():
            monkeypatch.setattr(Lost, name, value)
        return opened(encoder="auto")

    return make


@pytest.mark.parametrize("holds", [0, 3])
def test_a_lost_gpu_encoder_costs_no_tick(nvenc, caplog, holds):
    encoder = nvenc(holds=holds)
    before = encoder.header
    assert encoder.name == "h264_nvenc" and not encoder.trouble
    packets = [p for n in range(30) for p in encoder.video(n, picture(16 + n))] + encoder.flush()
    timeline = Timeline(settings().rate)
    assert [p.pts for p in packets] == [timeline.first_sample(n) for n in range(30)]
    assert [n for n, p in enumerate(packets) if p.keyframe] == [0, 10 - holds]
    assert encoder.name == "libx264" and "the GPU is gone" in encoder.trouble
    assert caplog.messages.count("video encoder lost; x264 goes on") == 1
    # Who joined before decodes what comes after, and who joins later has the new header.
    for header in (before, encoder.header):
        decoder = av.CodecContext.create("h264", "r")
        decoder.extradata = header.video_extradata
        given = packets if header is before else packets[10 - holds :]
        frames = [f for p in given for f in decoder.decode(av.Packet(p.data))]
        frames += decoder.decode(None)
        assert len(frames) == len(given)
        assert np.abs(frames[-1].to_ndarray()[:HEIGHT].astype(int) - picture(45).y).mean() < 3
    assert before.video_extradata != encoder.header.video_extradata


def test_the_picture_that_was_lost_is_repeated(nvenc):
    encoder = nvenc()
    for n in range(10):
        encoder.video(n, picture(100))
    packets = encoder.video(10, None) + encoder.flush()
    assert np.abs(decoded(encoder, packets)[-1][:HEIGHT].astype(int) - picture(100).y).mean() < 3


def test_x264_that_fails_ends_the_show(nvenc, monkeypatch):
    def broken(name, video):
        raise BackendBroken("no memory")

    encoder = nvenc()
    for n in range(10):
        encoder.video(n, None)
    monkeypatch.setattr(encode, "VideoEncoder", broken)
    with pytest.raises(BackendBroken, match="no memory"):
        encoder.video(10, None)


@pytest.mark.parametrize("container", ["flv", "mp4"])
def test_a_stream_goes_on_through_a_lost_encoder(nvenc, container):
    encoder, target = nvenc(), io.BytesIO()
    muxer = Muxer(target, container, encoder.header)
    muxer.start()
    for n in range(50):
        sound = encoder.audio(n * 1920, np.zeros((1920, 2), np.int16))
        for p in encoder.video(n, picture(16 + 2 * n)) + sound:
            muxer.write(p.kind, p.pts, p.dts, p.duration, p.keyframe, p.data)
    muxer.close()
    sent = target.getvalue()
    if container == "flv":  # the far end is told of the new parameters beside the pictures
        assert sent.count(b"\x17\x00\x00\x00\x00") == 2
    with av.open(io.BytesIO(sent)) as source:
        frames = list(source.decode(video=0))
    assert len(frames) == 50
    steps = np.diff([float(frame.time) for frame in frames])
    assert np.abs(steps - 0.04).max() < 0.002
    for n in (5, 15, 45):
        drawn = frames[n].to_ndarray()[:HEIGHT].astype(int)
        assert np.abs(drawn - picture(16 + 2 * n).y).mean() < 4


def test_parameters_in_the_stream_are_those_of_the_header():
    record = opened().header.video_extradata
    assert record_in(parameter_sets(record) + b"\0\0\0\x01\x65") == record
    assert record_in(b"\0\0\0\x01\x65") == record_in(b"") == b""


def lengths_to_units(data: bytes) -> list[bytes]:
    units = []
    while data:
        size = int.from_bytes(data[:4], "big")
        units.append(data[4 : 4 + size])
        data = data[4 + size :]
    return units


def test_annex_b_becomes_the_same_avcc(monkeypatch):
    usual = encode._x264(settings())
    assert "annexb=0" in usual["x264-params"]
    annex_b = {**usual, "x264-params": usual["x264-params"].replace("annexb=0", "annexb=1")}
    expected = opened()
    monkeypatch.setitem(encode._OPTIONS, "libx264", lambda video: annex_b)
    converted = opened()
    assert converted._video._annex_b
    assert not expected._video._annex_b
    assert converted.header == expected.header
    for n in range(5):  # without the first one's comment, which tells the options
        [mine], [theirs] = (e.video(n, noise(n)) for e in (converted, expected))
        slices = [[u for u in lengths_to_units(p.data) if u[0] & 31 < 6] for p in (mine, theirs)]
        assert slices[0] == slices[1] != []


def test_nal_units_with_both_start_codes():
    stream = b"\0\0\0\1\x67ab\0\0\1\x68c\0\0\0\1\x65d\0\0e"
    assert list(nal_units(stream)) == [b"\x67ab", b"\x68c", b"\x65d\0\0e"]


def test_missing_parameter_sets_are_broken():
    with pytest.raises(BackendBroken, match="SPS"):
        avcc_record(b"\0\0\0\1\x65")


@pytest.mark.parametrize("container", ["flv", "mp4"])
def test_muxer_carries_both_streams(container):
    encoder = opened()
    target = io.BytesIO()
    muxer = Muxer(target, container, encoder.header, tags={"comment": "made here"})
    muxer.start()
    for n in range(50):
        sound = encoder.audio(n * 1920, np.zeros((1920, 2), np.int16))
        for p in encoder.video(n, picture(n)) + sound:
            muxer.write(p.kind, p.pts, p.dts, p.duration, p.keyframe, p.data)
    muxer.close()
    with av.open(io.BytesIO(target.getvalue())) as source:
        assert source.metadata["comment"] == "made here"
        frames = list(source.decode(video=0))
    assert len(frames) == 50
    assert (frames[0].width, frames[0].height) == (WIDTH, HEIGHT)


def test_flv_head_is_an_flv():
    header = SimpleNamespace(video_extradata=b"\1abc", audio_extradata=b"\x11\x90")
    assert flv_head(header)[:13] == b"FLV\x01\x05\x00\x00\x00\x09\x00\x00\x00\x00"
