"""The stage's end of the wire: what a brain gets, and what it gets only while it wants it."""

import asyncio
from contextlib import asynccontextmanager, suppress

from livehost import wire
from livehost.brain.stage_link import StageLink
from livehost.media import Packet, StreamHeader
from livehost.stage.brain_link import BrainLink
from livehost.wire import Cue, CueKind, Encoded, Hello, StreamInfo

HEADER = StreamHeader(720, 1280, "25/1", b"v", b"a")


def picture(n, keyframe=False, size=100):
    return Packet("video", n * 1920, n * 1920, 1920, keyframe, bytes(size))


class Stage:
    """A stage that obeys `STREAM` as the real one does; a keyframe comes every 50 pictures."""

    def __init__(self, path):
        self.told = []
        self.asked = False
        hello = Hello("boot", 720, 1280, "25/1")
        self.link = BrainLink(str(path), lambda: hello, HEADER, self._receive)
        self.tick = 1

    def _receive(self, message):
        if isinstance(message, Cue) and message.kind is CueKind.STREAM:
            self.told.append(message.data["on"])
            self.link.stream(message.data["on"])
            self.asked |= message.data["on"]

    def play(self, count):
        for _ in range(count):
            keyframe, self.asked = self.asked or self.tick % 50 == 0, False
            self.link.packet(picture(self.tick, keyframe))
            self.tick += 1


@asynccontextmanager
async def running(service):
    task = asyncio.ensure_future(service)
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def until(what, seconds=10):
    async with asyncio.timeout(seconds):
        while not what():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


def numbers(messages):
    return [m.packet.pts // 1920 for m in messages if isinstance(m, Encoded)]


async def taken(connection, kind=Encoded, seconds=0.2):
    """Return the messages of one kind that come within `seconds`."""
    got = []
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            async for message in connection.messages():
                got += [message] if isinstance(message, kind) else []
    return got


def test_no_packet_goes_to_a_brain_that_did_not_ask_and_the_first_is_a_keyframe(tmp_path):
    async def main():
        stage = Stage(tmp_path / "s")
        async with running(stage.link.run()):
            await until((tmp_path / "s").exists)
            brain = await wire.connect(str(tmp_path / "s"))
            await until(lambda: stage.link.connected)
            stage.play(60)
            infos = await taken(brain, StreamInfo | Encoded)
            brain.post(Cue(CueKind.STREAM, {"on": True}))
            await until(lambda: stage.told)
            stage.play(3)
            wanted = await taken(brain)
            brain.post(Cue(CueKind.STREAM, {"on": False}))
            await until(lambda: len(stage.told) == 2)
            stage.play(60)
            return infos, wanted, await taken(brain), stage.link.left_out

    infos, wanted, after, left_out = asyncio.run(main())
    assert [type(m) for m in infos] == [StreamInfo]
    assert numbers(wanted) == [61, 62, 63] and wanted[0].packet.keyframe
    assert after == [] and left_out == 0


def test_what_one_brain_wanted_another_does_not_get(tmp_path):
    async def main():
        stage = Stage(tmp_path / "s")
        async with running(stage.link.run()):
            await until((tmp_path / "s").exists)
            first = await wire.connect(str(tmp_path / "s"))
            first.post(Cue(CueKind.STREAM, {"on": True}))
            await until(lambda: stage.told)
            second = await wire.connect(str(tmp_path / "s"))
            await until(lambda: stage.link.connections == 2)
            await asyncio.sleep(0.05)
            stage.play(100)
            return await taken(second)

    assert asyncio.run(main()) == []


def test_a_watcher_gets_the_picture_back_when_the_link_breaks_and_when_the_stage_restarts(tmp_path):
    async def main():
        path = tmp_path / "s"
        stage, link = Stage(path), StageLink(str(path))
        async with running(link.run()):
            async with running(stage.link.run()):
                await until(lambda: link.connected)
                async with link.preview.tap() as tap:
                    await until(lambda: stage.told == [True])
                    stage.play(10)
                    await until(lambda: len(tap) == 11)
                    await stage.link._brain.close()
                    await until(lambda: stage.told == [True, True])
                    stage.play(5)
                    await until(lambda: len(tap) == 6)  # a new beginning
                    first = [await tap.get() for _ in range(6)]
                await until(lambda: stage.told[-1] is False)
            other = Stage(path)
            async with link.preview.tap() as tap, running(other.link.run()):
                await until(lambda: other.told == [True])
                other.play(5)
                await until(lambda: len(tap) == 6)
                again = [await tap.get() for _ in range(6)]
                await until(lambda: link.connected)
            return first, again, stage.told

    first, again, told = asyncio.run(main())
    for got in (first, again):
        assert isinstance(got[0], StreamInfo) and got[1].packet.keyframe
    assert told == [True, True, False]


def test_a_brain_that_reads_nothing_gets_keyframes_first_when_it_reads_again(tmp_path):
    async def main():
        stage = Stage(tmp_path / "s")
        async with running(stage.link.run()):
            await until((tmp_path / "s").exists)
            brain = await wire.connect(str(tmp_path / "s"))
            brain.post(Cue(CueKind.STREAM, {"on": True}))
            await until(lambda: stage.told)
            for n in range(300):
                stage.link.packet(picture(n, n % 50 == 0, 50_000))
            most = stage.link.left_out
            got = await taken(brain)
            stage.link.packet(picture(301))
            stage.link.packet(picture(302, True))
            return most, got, await taken(brain)

    most, got, later = asyncio.run(main())
    assert 100 < most < 300 and numbers(got) == list(range(len(got)))
    assert numbers(later) == [302]
