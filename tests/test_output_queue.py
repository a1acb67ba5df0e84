"""The packet queue: sound survives, pictures resume on keyframes, memory is bounded."""

from __future__ import annotations

import asyncio
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livehost.errors import OutputLost
from livehost.media import Packet
from livehost.stage.outputs.queue import PacketQueue

SECOND = 48_000
FRAME = 1920


def video(n: int, keyframe: bool) -> Packet:
    return Packet("video", n * FRAME, n * FRAME, FRAME, keyframe, b"v")


def audio(n: int) -> Packet:
    return Packet("audio", n * FRAME, n * FRAME, FRAME, True, b"a")


def drain(queue: PacketQueue) -> list[Packet]:
    async def main():
        got = []
        while len(queue):
            got.append(await queue.get())
        return got

    return asyncio.run(main())


# What happens in one tick: is this picture a keyframe, and how many packets does the link take?
ticks = st.lists(st.tuples(st.booleans(), st.integers(0, 5)), min_size=1, max_size=400)


@given(ticks=ticks, offset=st.integers(0, 10**9))
def test_any_history_keeps_the_promises(ticks, offset):
    """Whatever the link's speed: order, all sound, whole pictures groups, bounded memory."""
    queue = PacketQueue(span=SECOND)
    put: list[Packet] = []
    out: list[Packet] = []

    async def main():
        with queue.open():
            for n, (keyframe, takes) in enumerate(ticks):
                for packet in (video(n + offset, keyframe), audio(n + offset)):
                    put.append(packet)
                    queue.put(packet)
                queued_video = [p for p in queue._packets if p.kind == "video"]
                if queued_video:
                    assert queued_video[-1].dts - queue._packets[0].dts <= SECOND
                for _ in range(min(takes, len(queue))):
                    out.append(await queue.get())
            while len(queue):
                out.append(await queue.get())

    try:
        asyncio.run(main())
    except OutputLost:
        assert queue.held > 2 * SECOND
        return
    keyframes = [p.dts for p in put if p.kind == "video" and p.keyframe]
    if not keyframes:
        assert out == []
        return
    origin = keyframes[0]
    assert out[0] == Packet("video", 0, 0, FRAME, True, b"v")
    assert [p.dts for p in out] == sorted(p.dts for p in out)
    sounds = [p.dts - origin for p in put if p.kind == "audio" and p.dts >= origin]
    assert [p.dts for p in out if p.kind == "audio"] == sounds
    pictures = [p for p in out if p.kind == "video"]
    assert all(b.keyframe or b.dts - a.dts == FRAME for a, b in pairwise(pictures))
    offered = sum(p.kind == "video" and p.dts >= origin for p in put)
    assert queue.dropped == offered - len(pictures)


def test_resumes_only_with_room_for_more_than_one_keyframe():
    async def main():
        queue = PacketQueue(span=SECOND)
        with queue.open():
            for n in range(26):
                queue.put(video(n, n == 0))
                queue.put(audio(n))
            queue.put(video(26, False))
            assert queue.dropped == 1
            for _ in range(10):
                await queue.get()
            queue.put(video(27, True))
            assert queue.dropped == 2, "there is no room for what follows the keyframe"
            for _ in range(30):
                await queue.get()
            queue.put(video(28, False))
            assert queue.dropped == 3, "there is room, but no keyframe"
            queue.put(video(29, True))
            queue.put(video(30, False))
            assert queue.dropped == 3

    asyncio.run(main())


def test_sound_before_the_first_picture_is_left_out():
    queue = PacketQueue()
    with queue.open():
        queue.put(audio(9))
        queue.put(video(10, True))
        queue.put(audio(9))
        queue.put(audio(10))
        assert [(p.kind, p.dts) for p in drain(queue)] == [("video", 0), ("audio", 0)]


def test_sound_alone_overflows_into_a_loss():
    queue = PacketQueue(span=SECOND)
    with queue.open():
        queue.put(video(0, True))
        for n in range(60):
            queue.put(audio(n))
        with pytest.raises(OutputLost, match="too slow"):
            drain(queue)


def test_end_lets_the_rest_out_then_says_so():
    async def main():
        queue = PacketQueue()
        with queue.open():
            queue.put(video(0, True))
            queue.end()
            queue.put(video(1, False))
            return [await queue.get(), await queue.get()]

    first, last = asyncio.run(main())
    assert first.dts == 0
    assert last is None


def test_end_wakes_a_waiting_get():
    async def main():
        queue = PacketQueue()
        with queue.open():
            async with asyncio.timeout(1), asyncio.TaskGroup() as group:
                waiting = group.create_task(queue.get())
                await asyncio.sleep(0)
                queue.end()
            return waiting.result()

    assert asyncio.run(main()) is None


def test_closed_keeps_nothing():
    queue = PacketQueue()
    queue.put(video(0, True))
    assert len(queue) == 0
    with queue.open():
        queue.put(video(0, True))
    assert len(queue) == 0
