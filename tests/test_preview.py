"""The live picture: fragments that decoders accept, and viewers of every kind."""

from __future__ import annotations

import asyncio
import functools
import io
import tracemalloc

import av
import pytest
from hypothesis import given
from hypothesis import strategies as st

from livehost.brain.console.fmp4 import Fragment, Fragmenter, mime
from livehost.brain.console.preview import MOST_READY, MOST_STALLS, Preview, Viewer, pieces
from livehost.clock import VirtualTimeLoop
from livehost.errors import WireLost
from livehost.media import Packet, StreamHeader
from tests.browser import make_stream
from tests.console_desk import FakeDesk, serving

stream = functools.cache(make_stream)
AVC = bytes([1, 0x64, 0, 0x1F, 0xFF, 0xE1, 0, 0])
HEADER = StreamHeader(180, 320, "25/1", AVC, b"\x11\x90")


def picture(tick: int, keyframe: bool = False, size: int = 100) -> Packet:
    return Packet("video", tick * 1920, tick * 1920, 1920, keyframe, bytes(size))


def sound(number: int) -> Packet:
    return Packet("audio", number * 1024, number * 1024, 1024, True, b"\x21" * 10)


def run(coroutine):
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(coroutine)


# --- fragments ------------------------------------------------------------------------------------


def decoded(data: bytes) -> tuple[list[int], int]:
    """Return the pts of every decoded picture in 48 kHz samples, and the number of samples."""
    with av.open(io.BytesIO(data)) as box:
        pictures = [round(f.pts * f.time_base * 48_000) for f in box.decode(video=0)]
    with av.open(io.BytesIO(data)) as box:
        samples = sum(f.samples for f in box.decode(audio=0))
    return pictures, samples


def test_every_picture_and_sample_comes_out_of_a_decoder_at_its_time():
    header, packets = stream(5.0)
    fragmenter = Fragmenter(header)
    fragments = [f for p in packets if (f := fragmenter.add(p))]
    pictures, samples = decoded(fragmenter.init + b"".join(f.data for f in fragments))
    sent = [p.pts for p in packets if p.kind == "video"]
    assert pictures == sent[: len(pictures)]
    assert len(pictures) >= len(sent) - 4  # the last fragment is still open
    assert abs(samples - 48_000 * 4.9) < 48_000 * 0.2


def test_decoder_may_start_at_every_keyframe_fragment():
    header, packets = stream(5.0)
    fragmenter = Fragmenter(header)
    fragments = [f for p in packets if (f := fragmenter.add(p))]
    starts = [n for n, f in enumerate(fragments) if f.keyframe]
    keys = [p.pts for p in packets if p.kind == "video" and p.keyframe]
    assert len(starts) == len(keys) == 3
    for start, key in zip(starts, keys, strict=True):
        pictures, _ = decoded(fragmenter.init + b"".join(f.data for f in fragments[start:]))
        assert pictures[0] == key


def test_b_pictures_keep_their_order():
    video = [(0, 3840, True), (1920, 9600, False), (3840, 5760, False), (5760, 7680, False)]
    fragmenter = Fragmenter(HEADER)
    for dts, pts, key in video:
        assert fragmenter.add(Packet("video", pts, dts, 1920, key, b"x" * 8)) is None
    fragment = fragmenter.add(Packet("video", 11520, 7680, 1920, False, b"y"))
    with av.open(io.BytesIO(fragmenter.init + fragment.data)) as box:
        found = [(p.dts, p.pts) for p in box.demux() if p.size]
    assert found == [(dts, pts) for dts, pts, _ in video]


def test_gap_in_the_pictures_is_bridged_by_the_last_one():
    fragmenter = Fragmenter(HEADER)
    fragmenter.add(picture(0, True))
    gone = fragmenter.add(picture(40, True))
    assert gone.span_samples == 40 * 1920
    assert (40 * 1920).to_bytes(4, "big") in gone.data


def test_sound_goes_on_without_pictures():
    fragmenter = Fragmenter(HEADER)
    fragmenter.add(picture(0, True))
    fragments = [f for n in range(200) if (f := fragmenter.add(sound(n)))]
    assert [f.keyframe for f in fragments] == [True, False, False, False]


def test_nothing_before_the_first_keyframe():
    fragmenter = Fragmenter(HEADER)
    assert fragmenter.add(sound(0)) is None
    assert fragmenter.add(picture(0)) is None
    assert fragmenter.misfits == 2
    fragmenter.add(picture(1, True))
    assert fragmenter.add(picture(2, True)).keyframe


def test_mime_names_both_codecs():
    assert mime(HEADER) == 'video/mp4; codecs="avc1.64001f, mp4a.40.2"'


@pytest.mark.parametrize(
    ("avc", "aac"), [(b"", b"\x11\x90"), (AVC, b""), (b"\0\0\0\1gd", b"\x11\x90")]
)
def test_header_without_configuration_is_refused(avc, aac):
    with pytest.raises(WireLost, match="configuration"):
        Fragmenter(StreamHeader(180, 320, "25/1", avc, aac))


PACKETS = st.lists(
    st.builds(
        lambda kind, dts, offset, key: Packet(kind, dts + offset, dts, 1024, key, b"data"),
        st.sampled_from(["video", "audio"]),
        st.integers(-10_000, 10**7),
        st.integers(-5_000, 5_000),
        st.booleans(),
    ),
    max_size=60,
)


@given(PACKETS)
def test_any_packets_make_fragments_with_rising_times_and_lose_none_silently(packets):
    fragmenter = Fragmenter(HEADER)
    fragments = [f for p in packets if (f := fragmenter.add(p))]
    kept = len(fragmenter._video) + len(fragmenter._audio)
    out = sum(f.data.count(b"data") for f in fragments)
    assert out + kept + fragmenter.misfits == len(packets)
    assert all(f.span_samples >= 0 for f in fragments)


# --- viewers --------------------------------------------------------------------------------------


def fragment(name: str, keyframe: bool = False, span: int = 48_000) -> Fragment:
    return Fragment(name.encode(), keyframe, span)


def waiting(viewer: Viewer) -> list[bytes]:
    async def main():
        found = []
        async for data in pieces(viewer, 0.1):
            if data is None:
                return found
            found.append(data)
        return [*found, b"END"]

    return run(main())


def test_viewer_starts_with_what_is_ready():
    viewer = Viewer([b"init", b"key"], bound=96_000)
    viewer.offer(fragment("next"))
    assert waiting(viewer) == [b"init", b"key", b"next"]


def test_slow_viewer_skips_to_the_next_keyframe():
    viewer = Viewer([], bound=96_000)
    offered = [viewer.offer(f) for f in map(fragment, "abcd")]
    assert offered == [True, True, False, True]
    viewer.offer(fragment("K", keyframe=True))
    viewer.offer(fragment("l"))
    assert waiting(viewer) == [b"K", b"l"]


def test_viewer_who_takes_nothing_is_let_go():
    viewer = Viewer([], bound=48_000)
    for _ in range(MOST_STALLS):
        assert not viewer.ended
        viewer.offer(fragment("K", keyframe=True))
        viewer.offer(fragment("p"))
    assert viewer.ended
    assert waiting(viewer) == [b"END"]


def test_viewer_who_takes_a_little_stays():
    async def main():
        viewer = Viewer([], bound=48_000)
        for _ in range(MOST_STALLS * 3):
            viewer.offer(fragment("K", keyframe=True))
            viewer.offer(fragment("p"))
            viewer.offer(fragment("K", keyframe=True))
            assert await viewer.next() == b"K"
        assert not viewer.ended

    run(main())


# --- preview --------------------------------------------------------------------------------------


async def settled(preview: Preview, desk: FakeDesk, packets) -> None:
    for packet in packets:
        desk.send(packet)
        await asyncio.sleep(0)
    await asyncio.sleep(0.01)


def previewing(scenario):
    """Run `scenario(desk, preview)` beside a preview on virtual time."""

    async def main():
        desk = FakeDesk()
        preview = Preview(desk, most_viewers=3)
        task = asyncio.ensure_future(preview.run())
        await asyncio.sleep(0)
        try:
            return await scenario(desk, preview)
        finally:
            task.cancel()
            await asyncio.wait({task})

    return run(main())


def test_nobody_joins_before_there_is_a_keyframe():
    async def scenario(desk, preview):
        assert await preview.join() is None
        desk.start_stream(HEADER)
        joining = asyncio.ensure_future(preview.join())
        await settled(preview, desk, [picture(n) for n in range(20)])
        assert not joining.done() and preview.mime is None
        await settled(preview, desk, [picture(20, True), *(picture(n) for n in range(21, 30))])
        assert await joining is not None

    previewing(scenario)


def test_stream_is_followed_while_anybody_watches_or_waits_for_it_and_at_no_other_time():
    async def scenario(desk, preview):
        desk.start_stream(HEADER)
        await settled(preview, desk, [picture(n, n % 50 == 0) for n in range(20)])
        followed = [len(desk.taps)]
        joining = asyncio.ensure_future(preview.join())
        await asyncio.sleep(0.01)
        followed.append(len(desk.taps))
        await settled(preview, desk, [picture(n, n % 50 == 0) for n in range(20, 60)])
        viewer = await joining
        followed.append(len(desk.taps))
        preview.leave(viewer)
        await settled(preview, desk, [picture(60)])
        assert preview.mime is None
        return [*followed, len(desk.taps), preview.fragments]

    *followed, fragments = previewing(scenario)
    assert followed == [0, 1, 1, 0] and fragments > 0


def test_one_who_gives_up_waiting_leaves_nothing_behind():
    async def scenario(desk, preview):
        joining = asyncio.ensure_future(preview.join())
        await asyncio.sleep(0.5)
        joining.cancel()
        await asyncio.sleep(0)
        desk.start_stream(HEADER)
        await settled(preview, desk, [picture(n, n == 0) for n in range(20)])
        return len(desk.taps), preview.metrics()["livehost_preview_viewers"]

    assert previewing(scenario) == (0, 0)


def test_new_viewer_gets_the_newest_group_of_pictures_at_once():
    async def scenario(desk, preview):
        desk.start_stream(HEADER)
        await settled(preview, desk, [picture(0, True)])
        watching = asyncio.ensure_future(preview.join())
        await settled(preview, desk, [picture(n, n % 50 == 0) for n in range(1, 90)])
        assert await watching is not None
        viewer = await preview.join()
        first = await viewer.next()
        assert first[4:8] == b"ftyp"
        moof = await viewer.next()
        assert (50 * 1920).to_bytes(8, "big") in moof  # tfdt of the keyframe at tick 50

    previewing(scenario)


def test_new_stage_ends_the_streams_of_the_old_one():
    async def scenario(desk, preview):
        desk.start_stream(HEADER)
        await settled(preview, desk, [picture(n, n == 0) for n in range(20)])
        viewer = await preview.join()
        desk.start_stream(HEADER)
        await settled(preview, desk, [])
        assert await viewer.next() is None
        assert await preview.join() is None
        joining = asyncio.ensure_future(preview.join())
        await settled(preview, desk, [picture(n, n == 0) for n in range(20)])
        assert await joining is not None

    previewing(scenario)


def test_viewers_are_counted_and_bounded():
    async def scenario(desk, preview):
        desk.start_stream(HEADER)
        await settled(preview, desk, [picture(n, n == 0) for n in range(20)])
        viewers = await asyncio.gather(*(preview.join() for _ in range(5)))
        assert sum(viewer is not None for viewer in viewers) == 3
        assert preview.full
        assert await preview.join() is None
        preview.leave(viewers[0])
        preview.leave(viewers[0])
        assert await preview.join() is not None
        assert preview.metrics()["livehost_preview_viewers"] == 3

    previewing(scenario)


def test_stream_without_further_keyframes_keeps_a_bounded_start():
    async def scenario(desk, preview):
        desk.start_stream(HEADER)
        await settled(preview, desk, [picture(0, True)])
        first = asyncio.ensure_future(preview.join())
        await settled(preview, desk, [picture(n) for n in range(1, MOST_READY // 1920 + 20)])
        assert await first is not None and await preview.join() is None
        await settled(preview, desk, [picture(n + 10_000, n == 0) for n in range(20)])
        assert await preview.join() is not None

    previewing(scenario)


def test_broken_header_is_survived(caplog):
    async def scenario(desk, preview):
        desk.start_stream(StreamHeader(180, 320, "25/1", b"", b""))
        joining = asyncio.ensure_future(preview.join(patience=30))
        await asyncio.sleep(3.5)
        desk.start_stream(HEADER)
        await asyncio.sleep(1.5)
        await settled(preview, desk, [picture(n, n == 0) for n in range(20)])
        assert await joining is not None
        assert len(caplog.records) == 1  # once for the cause, not once a try

    previewing(scenario)


def test_fifty_viewers_who_take_nothing_cost_bounded_memory_and_are_let_go():
    async def main():
        desk = FakeDesk()
        preview = Preview(desk)
        task = asyncio.ensure_future(preview.run())
        await asyncio.sleep(0)
        desk.start_stream(HEADER)
        await settled(preview, desk, [picture(n, n % 50 == 0, 12_000) for n in range(60)])
        viewers = [await preview.join() for _ in range(50)]
        tracemalloc.start()
        before, _ = tracemalloc.get_traced_memory()
        await settled(preview, desk, [picture(n, n % 50 == 0, 12_000) for n in range(60, 1500)])
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        task.cancel()
        assert all(viewer.ended for viewer in viewers)
        assert preview.let_go == 50
        # 4 s queued and 2 s ready at 300 kB/s, shared by all: about 2 MB, not 50 times that.
        # The scripted packets themselves are 17 MB and made before the peak is read.
        return most - before

    assert run(main()) < 24e6


# --- over HTTP ------------------------------------------------------------------------------------


@pytest.mark.real
def test_stream_over_http_is_a_film_that_ffmpeg_reads():
    async def main():
        header, packets = stream(5.0)
        desk = FakeDesk()
        desk.start_stream(header)
        async with serving(desk) as (_, client):
            assert (await client.get("/live.mp4")).status == 503
            playing = asyncio.ensure_future(desk.play(packets, speed=4))
            await asyncio.sleep(0.3)
            async with client.get("/live.mp4") as answer:
                assert answer.headers["Content-Type"] == mime(header)
                data = bytearray()
                with pytest.raises(TimeoutError):
                    async with asyncio.timeout(1.5):
                        async for piece in answer.content.iter_any():
                            data += piece
            await playing
        return bytes(data)

    pictures, samples = decoded(asyncio.run(main()))
    assert len(pictures) > 100
    assert samples > 48_000 * 4


@pytest.mark.real
def test_viewer_who_hangs_up_is_forgotten():
    async def main():
        header, packets = stream(5.0)
        desk = FakeDesk()
        desk.start_stream(header)
        async with serving(desk) as (console, client):
            playing = asyncio.ensure_future(desk.play(packets, speed=1))
            await asyncio.sleep(0.5)
            answers = [await client.get("/live.mp4") for _ in range(5)]
            assert console._preview.metrics()["livehost_preview_viewers"] == 5
            for answer in answers:
                answer.close()
            await asyncio.sleep(1.5)
            playing.cancel()
            return console._preview.metrics()["livehost_preview_viewers"]

    assert asyncio.run(main()) == 0
