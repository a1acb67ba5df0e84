"""An output survives every way its far end can fail. Virtual time, a scripted far end."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from itertools import pairwise

import pytest

from livehost.errors import ConfigError, OutputLost
from livehost.media import Packet, StreamHeader
from livehost.stage.outputs import make_output
from livehost.stage.outputs.loop import Limits, Output, Rate, State
from tests.virtual import run

HEADER = StreamHeader(320, 240, "25/1", b"\x01", b"\x11\x90")


class FarEnd:
    """Follows a script: one word per connection, the last one repeating."""

    def __init__(self, *script: str) -> None:
        self._script = list(script)
        self.attempts: list[float] = []
        self.received: list[list[Packet]] = []
        self.finished = 0
        self.open = 0
        self.sent_bytes = 0

    @asynccontextmanager
    async def connect(self):
        self.attempts.append(asyncio.get_running_loop().time())
        self._behave = self._script.pop(0) if len(self._script) > 1 else self._script[0]
        if self._behave == "refuse":
            raise OutputLost("refused: the stream key is already in use")
        if self._behave == "no route":
            raise OSError("no route to host")
        if self._behave == "black hole":
            await asyncio.Event().wait()
        self._got: list[Packet] = []
        self.received.append(self._got)
        self.sent_bytes = 0
        self.open += 1
        try:
            yield self
        finally:
            self.open -= 1

    async def send(self, packet: Packet) -> None:
        match self._behave.split():
            case ["reset", "after", count] if len(self._got) >= int(count):
                raise OutputLost("reset by peer")
            case ["stall", "after", count] if len(self._got) >= int(count):
                await asyncio.Event().wait()
            case ["crawl"]:
                await asyncio.sleep(2)
        self._got.append(packet)
        self.sent_bytes += len(packet.data)

    async def finish(self) -> None:
        if self._behave == "deaf":
            await asyncio.Event().wait()
        self.finished += 1


class Source:
    """25 pictures and 25 pieces of sound a second; a keyframe every 2 s or when asked."""

    def __init__(self, *outputs: Output, gop: int = 50) -> None:
        self.outputs = list(outputs)
        self.gop = gop
        self.tick = 0
        self.wanted = 0

    def want(self) -> None:
        self.wanted += 1

    async def run(self, seconds: float) -> None:
        asked = 0
        for _ in range(round(25 * seconds)):
            n, self.tick = self.tick, self.tick + 1
            key, asked = n % self.gop == 0 or self.wanted > asked, self.wanted
            for output in self.outputs:
                output.put(Packet("video", n * 1920, n * 1920, 1920, key, bytes(1000)))
                output.put(Packet("audio", n * 1920 - 500, n * 1920 - 500, 1920, True, bytes(200)))
            await asyncio.sleep(0.04)


def output_to(far: FarEnd, **limits: float) -> Output:
    return Output("test", "rtmp://h/***", far.connect, limits=Limits(jitter=0, **limits))


async def on_air(output: Output, seconds: float) -> None:
    async with asyncio.TaskGroup() as group:
        running = group.create_task(output.run())
        await asyncio.sleep(0)
        await Source(output).run(seconds)
        running.cancel()


def test_backs_off_then_goes_live():
    far = FarEnd("refuse", "refuse", "refuse", "ok")
    output = output_to(far)

    async def main():
        async with asyncio.TaskGroup() as group:
            running = group.create_task(output.run())
            await Source(output).run(20)
            assert output.snapshot()["state"] == "live"
            running.cancel()

    run(main())
    assert [round(t, 2) for t in far.attempts] == [0.0, 1.0, 2.6, 5.16]
    assert (output.losses, output.failures) == (0, 3)


def test_pauses_grow_to_their_cap_and_outputs_do_not_retry_together():
    one, two = FarEnd("refuse"), FarEnd("refuse")
    outputs = [Output("x", "", far.connect) for far in (one, two)]

    async def main():
        async with asyncio.TaskGroup() as group:
            running = [group.create_task(output.run()) for output in outputs]
            await asyncio.sleep(3600)
            for task in running:
                task.cancel()

    run(main())
    pauses = [b - a for a, b in pairwise(one.attempts)]
    assert 0.8 <= pauses[0] <= 1.2
    assert all(24 <= pause <= 36 for pause in pauses[10:])
    assert not set(one.attempts[1:]) & set(two.attempts[1:])


def test_reason_is_in_plain_words_while_waiting():
    far = FarEnd("refuse")
    output = output_to(far)

    async def main():
        async with asyncio.TaskGroup() as group:
            running = group.create_task(output.run())
            await asyncio.sleep(0.5)
            shown = output.snapshot()
            running.cancel()
        return shown

    shown = run(main())
    assert shown["state"] == "waiting"
    assert shown["reason"] == "refused: the stream key is already in use"
    assert shown["since_seconds"] == 0.5
    assert shown["url"] == "rtmp://h/***"


def test_black_hole_is_left_after_the_connect_limit():
    far = FarEnd("black hole", "ok")
    output = output_to(far)
    run(on_air(output, 30))
    assert far.attempts == pytest.approx([0.0, 11.0])
    assert output.failures == 1


def test_stalled_send_is_a_loss_after_its_limit():
    far = FarEnd("stall after 3", "ok")
    output = output_to(far)
    run(on_air(output, 30))
    assert output.losses == 1
    assert 6 <= far.attempts[1] <= 6.5


def test_every_connection_starts_on_a_keyframe_at_zero():
    far = FarEnd("reset after 70", "reset after 70", "ok")
    run(on_air(output_to(far), 60))
    assert len(far.received) == 3
    for got in far.received:
        assert (got[0].kind, got[0].keyframe, got[0].dts) == ("video", True, 0)
        assert min(packet.dts for packet in got) == 0
        video = [packet.dts for packet in got if packet.kind == "video"]
        assert {b - a for a, b in pairwise(video)} == {1920}


def test_a_link_asks_for_a_keyframe_and_is_on_air_at_once():
    far = FarEnd("no route", "ok")
    source = Source(gop=10_000)
    output = Output("test", "", far.connect, source.want)
    source.outputs = [output]

    async def main():
        async with asyncio.TaskGroup() as group:
            running = group.create_task(output.run())
            await source.run(3)
            running.cancel()

    run(main())
    assert source.wanted == 1
    [got] = far.received
    assert len([p for p in got if p.kind == "video"]) >= 40


def test_backoff_starts_anew_after_a_stable_connection():
    far = FarEnd("refuse", "refuse", "refuse", "reset after 5000", "ok")
    run(on_air(output_to(far), 130))
    keyframe = 6.0  # the first after the fourth try, at 5.16 s
    lost = keyframe + 5000 / 50
    assert far.attempts[4] == pytest.approx(lost + 1.0, abs=0.1)


def test_backoff_goes_on_growing_when_links_die_young():
    far = FarEnd("reset after 20")
    run(on_air(output_to(far), 300))
    pauses = [b - a for a, b in pairwise(far.attempts)]
    assert pauses[-1] > 20


def test_an_outage_keeps_nothing():
    far = FarEnd("refuse")
    output = output_to(far)
    run(on_air(output, 600))
    assert len(output._queue) == 0


def test_close_drains_and_finishes():
    far = FarEnd("ok")
    output = output_to(far)

    async def main():
        async with asyncio.TaskGroup() as group:
            group.create_task(output.run())
            source = Source(output)
            await source.run(4)
            output.put(Packet("video", 4 * 48_000, 4 * 48_000, 1920, False, b"last"))
            await output.close()
            await output.close()

    run(main())
    assert far.received[0][-1].data == b"last"
    assert (far.finished, far.open) == (1, 0)
    assert (output.state, output.losses) == (State.STOPPED, 0)


def test_close_leaves_a_far_end_that_does_not_answer():
    far = FarEnd("deaf")
    output = output_to(far)

    async def main():
        async with asyncio.TaskGroup() as group:
            group.create_task(output.run())
            await Source(output).run(2)
            began = asyncio.get_running_loop().time()
            await output.close()
            return asyncio.get_running_loop().time() - began

    assert run(main()) == pytest.approx(4.0)
    assert far.open == 0


@pytest.mark.parametrize("script", ["black hole", "refuse"])
def test_close_is_prompt_while_connecting_or_waiting(script):
    far = FarEnd(script)
    output = output_to(far)

    async def main():
        async with asyncio.TaskGroup() as group:
            group.create_task(output.run())
            await asyncio.sleep(0.5)
            await output.close()
            return asyncio.get_running_loop().time()

    assert run(main()) == pytest.approx(0.5)
    assert output.state is State.STOPPED


def test_close_before_run_makes_run_return():
    output = output_to(FarEnd("ok"))

    async def main():
        await output.close()
        await output.run()

    run(main())
    assert output.state is State.STOPPED


def test_reconnect_starts_again_at_zero_without_a_loss():
    far = FarEnd("ok")
    output = output_to(far)

    async def main():
        async with asyncio.TaskGroup() as group:
            group.create_task(output.run())
            source = Source(output)
            await source.run(3)
            output.reconnect()
            await source.run(3)
            await output.close()

    run(main())
    assert (len(far.received), far.finished, output.losses) == (2, 2, 0)
    assert far.received[1][0].dts == 0


def test_reconnect_cuts_a_wait_short():
    far = FarEnd(*["refuse"] * 12, "ok")
    output = output_to(far)

    async def main():
        async with asyncio.TaskGroup() as group:
            group.create_task(output.run())
            await asyncio.sleep(100)
            before = len(far.attempts)
            output.reconnect()
            await asyncio.sleep(0)
            await asyncio.sleep(0.01)
            assert len(far.attempts) == before + 1
            await output.close()

    run(main())


def test_a_stuck_output_touches_no_other():
    stuck, well = FarEnd("stall after 3"), FarEnd("ok")
    outputs = [output_to(stuck), output_to(well)]

    async def main():
        async with asyncio.TaskGroup() as group:
            running = [group.create_task(output.run()) for output in outputs]
            await Source(*outputs).run(60)
            for task in running:
                task.cancel()

    run(main())
    assert len(outputs) == 2
    assert outputs[0].losses >= 3
    assert outputs[1].losses == 0
    assert len([p for p in well.received[0] if p.kind == "video"]) >= 60 * 25 - 51


def test_a_crawling_link_is_left_and_memory_stays_bounded():
    far = FarEnd("crawl")
    output = output_to(far)
    most = 0

    async def main():
        nonlocal most
        async with asyncio.TaskGroup() as group:
            running = group.create_task(output.run())
            source = Source(output)
            for _ in range(60):
                await source.run(1)
                most = max(most, len(output._queue))
            running.cancel()

    run(main())
    assert output.losses >= 2
    assert most < 10 * 50


def test_snapshot_counts_bytes_over_connections():
    far = FarEnd("reset after 100", "ok")
    output = output_to(far)

    async def main():
        async with asyncio.TaskGroup() as group:
            running = group.create_task(output.run())
            await Source(output).run(30)
            shown = output.snapshot()
            running.cancel()
        return shown

    shown = run(main())
    assert shown["sent_bytes"] == sum(len(p.data) for got in far.received for p in got)
    assert shown["bitrate_kbps"] == pytest.approx(1200 * 25 * 8 / 1000, rel=0.05)
    assert shown["losses"] == 1


def test_rate_forgets():
    rate = Rate(window=5)
    for second in range(20):
        rate.add(float(second), second * 1000)
    assert rate.kbps(20.0, 20_000) == pytest.approx(8.0)
    assert rate.kbps(100.0, 20_000) == 0.0


@pytest.mark.parametrize(
    "url",
    ["http://h/app/secret1", "rtmp://", "rtmp://h:99999/app/secret1", "rtmp://[/secret1", "x.mkv"],
)
def test_bad_urls_are_said_once_without_their_key(url):
    with pytest.raises(ConfigError) as raised:
        make_output("main", url, HEADER)
    assert "output main" in str(raised.value)
    assert "secret1" not in str(raised.value)
