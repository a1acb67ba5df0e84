"""The brain's end of the wire: window, reconnects, the preview's fan-out."""

import asyncio
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from livehost.brain.preview_tap import HELD_SECONDS, PreviewTap
from livehost.brain.stage_link import WINDOW, Level, StageLink
from livehost.errors import WireLost
from livehost.media import Packet, StreamHeader
from livehost.wire import Cue, CueKind, Encoded, Health, Progress, Speech, StreamInfo

from .show_parts import staged
from .show_stage import SocketStage
from .virtual import run

INFO = StreamInfo(StreamHeader(720, 1280, "25/1", b"v", b"a"))


def piece(utterance=1, sentence=0, samples=9_600, last=False):
    return Speech(utterance, sentence, np.zeros(samples, np.int16), last, "文", ())


class Ears:
    def __init__(self):
        self.heard = []

    def up(self, hello):
        self.heard.append(("up", hello.boot))

    def down(self):
        self.heard.append(("down",))

    def report(self, report):
        self.heard.append(report)


async def connected(link, most=60.0):
    async with asyncio.timeout(most):
        while not link.connected:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


def linked(test, **options):
    """Run `test(stage, link, ears)` with both ends alive."""

    async def main():
        async with staged() as stage:
            link, ears = StageLink("x", connect=stage.connect), Ears()
            link.listen(ears)
            running = asyncio.ensure_future(link.run())
            if options.get("wait", True):
                await connected(link)
            try:
                return await test(stage, link, ears)
            finally:
                running.cancel()

    return run(main())


def test_the_window_is_kept_and_speech_flows_as_it_is_played():
    async def test(stage, link, _):
        now = asyncio.get_running_loop().time
        began = now()
        for n in range(50):  # 10 s
            await link.speak(piece(last=n == 49))
            assert stage.playout.queued <= WINDOW * 48_000 + 1920
        sent_after = now() - began
        await link.until(0.0)
        return sent_after, now() - began, stage.most_queued

    sent_after, played_after, most = linked(test)
    assert 7.5 <= sent_after <= 8.4 and 9.8 <= played_after <= 10.3
    assert most >= 1.7 * 48_000, "the window is used"


def test_a_paused_stage_holds_the_sender():
    async def test(stage, link, _):
        stage.playout.paused = True
        sent = 0
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(60):
                while True:
                    await link.speak(piece())
                    sent += 1
        return sent

    assert linked(test) <= 14


def test_pieces_the_stage_refuses_do_not_narrow_the_window_for_ever():
    async def test(stage, link, _):
        for round_ in range(20):
            await link.speak(piece(round_))
            link.cue(Cue(CueKind.CUT))
            await asyncio.sleep(0.1)
            for _ in range(5):
                await link.speak(piece(round_))  # late pieces: refused
            await asyncio.sleep(1.5)
        return link.remaining(), stage.playout.refused

    remaining, refused = linked(test)
    assert refused >= 90 and remaining == 0.0


def test_level_between_two_reports():
    level = Level()
    level.progress(Progress(0, 0), 0.0)
    level.sent(48_000, 1.0)
    level.sent(48_000, 1.0)
    assert level.seconds(1.5) == pytest.approx(1.5)
    level.progress(Progress(24_000, 24_000), 1.1)  # half is still in flight
    assert level.seconds(1.1) == pytest.approx(1.5)
    level.progress(Progress(24_000, 24_000), 2.0)  # it never arrived
    assert level.seconds(2.0) == pytest.approx(0.5)
    assert level.seconds(9.0) == 0.0


def test_a_lost_stage_fails_the_sender_and_the_link_comes_back():
    async def test(stage, link, ears):
        await link.speak(piece(samples=9_600))
        stage.die()
        with pytest.raises(WireLost):
            for _ in range(20):
                await link.speak(piece())
        assert not link.connected and not link.cue(Cue(CueKind.CUT))
        with pytest.raises(WireLost):
            await link.until(0.0)
        await asyncio.sleep(30)
        stage.be_born()
        began = asyncio.get_running_loop().time()
        await connected(link)
        return list(ears.heard), link.session, asyncio.get_running_loop().time() - began

    heard, session, back = linked(test)
    changes = [h for h in heard if isinstance(h, tuple)]
    assert changes == [("up", "boot0"), ("down",), ("up", "boot1")]
    assert session == 2 and back <= 2.5


def test_a_waiting_sender_is_told_at_once():
    async def test(stage, link, _):
        for _ in range(10):
            await link.speak(piece())
        waiting = asyncio.ensure_future(link.speak(piece(samples=9_600)))
        boundary = asyncio.ensure_future(link.until(0.1))
        await asyncio.sleep(0.05)
        died = asyncio.get_running_loop().time()
        stage.die()
        with pytest.raises(WireLost):
            await waiting
        with pytest.raises(WireLost):
            await boundary
        return asyncio.get_running_loop().time() - died

    assert linked(test) <= 0.1


def test_nonsense_in_place_of_a_greeting():
    async def test(stage, link, ears):
        stage.brain.drop()
        await asyncio.sleep(0.01)

        async def rude(path):
            return FakeRude()

        link._connect = rude
        await asyncio.sleep(20)
        return list(ears.heard)

    class FakeRude:
        async def messages(self):
            yield Health({})

        async def close(self):
            pass

    assert [h[0] for h in linked(test)] == ["up", "down"]


def test_health_is_kept():
    async def test(stage, link, _):
        stage.brain.deliver(Health({"quality": "FULL"}))
        await asyncio.sleep(0.01)
        return link.health

    assert linked(test) == {"quality": "FULL"}


# --- the preview ----------------------------------------------------------------------------------


def video(n, keyframe=False):
    return Encoded(Packet("video", n * 1920, n * 1920, 1920, keyframe, b"v"))


def audio(n):
    return Encoded(Packet("audio", n * 1024, n * 1024, 1024, True, b"a"))


def feed(tap, first, count, gop=50):
    for n in range(first, first + count):
        tap.packet(video(n, n % gop == 0))
        tap.packet(audio(n))


async def drain(channel):
    return [await channel.get() for _ in range(len(channel))]


def test_a_newcomer_starts_with_the_parameters_and_the_current_group():
    async def main():
        tap = PreviewTap()
        tap.info(INFO)
        async with tap.tap():
            feed(tap, 0, 75)
            async with tap.tap() as channel:
                first = await drain(channel)
                tap.packet(video(75))
                return first, await drain(channel), tap.subscribers

    first, then, subscribers = run(main())
    assert first[0] is INFO and first[1].packet.pts == 50 * 1920 and first[1].packet.keyframe
    assert len(first) == 1 + 50 and then[0].packet.pts == 75 * 1920 and subscribers == 2


def test_the_stream_is_asked_for_while_anybody_watches_and_begins_with_a_keyframe():
    async def main():
        told = []
        tap = PreviewTap(on_watched=told.append)
        tap.info(INFO)
        async with tap.tap(), tap.tap(live=True):
            feed(tap, 0, 10)
        feed(tap, 10, 3)  # still on their way when the last one left
        async with tap.tap() as channel:
            tap.packet(video(13))
            tap.packet(video(14, True))
            return tuple(told), await drain(channel)

    told, got = run(main())
    assert told == (True, False, True)
    assert got[0] is INFO and [m.packet.pts for m in got[1:]] == [14 * 1920]


def opus(n):
    return Encoded(Packet("opus", n * 960, n * 960, 960, True, b"o"))


def test_who_watches_live_gets_opus_from_the_next_keyframe_and_others_get_aac():
    async def main():
        told = []
        tap = PreviewTap(told.append)
        tap.info(INFO)
        feed(tap, 0, 75)
        async with tap.tap(live=True) as live, tap.tap() as later:
            async with tap.tap(live=True):
                assert tap.live
            for n in range(75, 125):
                tap.packet(video(n, n % 50 == 0))
                tap.packet(audio(n))
                tap.packet(opus(n))
            got = await drain(live), await drain(later)
        return *got, told, tap.live

    live, later, told, still = run(main())
    assert live[0] is INFO and live[1].packet.pts == 100 * 1920
    assert {m.packet.kind for m in live[1:]} == {"video", "opus"}
    assert {m.packet.kind for m in later[1:]} == {"video", "audio"}
    assert told == [True, False] and not still


def test_the_stage_is_told_what_is_wanted_again_after_it_was_away():
    async def scenario(stage, link, ears):
        link.preview.info(INFO)
        async with link.preview.tap(live=True):
            link.want_keyframe()
            first = [m for m in stage.received if isinstance(m, Cue)]
            stage.die()
            stage.be_born()
            await asyncio.sleep(5)
            again = [m for m in stage.received if isinstance(m, Cue)][len(first) :]
        last = stage.received[-1]
        return first, again, last

    first, again, last = linked(scenario)
    assert [c.kind for c in first] == [CueKind.STREAM, CueKind.OPUS, CueKind.KEYFRAME]
    assert again == [Cue(CueKind.STREAM, {"on": True}), Cue(CueKind.OPUS, {"on": True})]
    assert last == Cue(CueKind.STREAM, {"on": False})


def test_before_the_stage_is_there_a_newcomer_waits():
    async def main():
        tap = PreviewTap()

        async def join():
            async with tap.tap() as channel:
                return await channel.get()

        joining = asyncio.ensure_future(join())
        await asyncio.sleep(5)
        early = joining.done()
        tap.info(INFO)
        return early, await joining, tap.subscribers

    assert run(main()) == (False, INFO, 0)


def test_a_slow_subscriber_skips_to_a_keyframe_and_never_holds_more_than_its_bound():
    async def main():
        tap = PreviewTap()
        tap.info(INFO)
        async with tap.tap() as slow, tap.tap() as quick:
            got = []
            for n in range(2000):
                tap.packet(video(n, n % 50 == 0))
                got += await drain(quick)
                assert slow.weight <= HELD_SECONDS
            held = await drain(slow)
            return got, held, tap.left_out

    got, held, left_out = run(main())
    assert len(got) == 2001 and got[0] is INFO, "others get everything"
    assert left_out == 250, "50 of each 350"
    assert held[0] is INFO and held[1].packet.keyframe
    numbers = [m.packet.pts // 1920 for m in held if isinstance(m, Encoded)]
    for before, after in pairwise(numbers):
        assert after == before + 1 or after % 50 == 0


def test_a_new_stage_begins_a_new_stream_even_for_the_slow():
    async def main():
        tap = PreviewTap()
        tap.info(INFO)
        other = StreamInfo(replace(INFO.header, width=1080))
        async with tap.tap() as channel:
            feed(tap, 0, 3000)
            tap.info(other)
            tap.packet(video(7))
            feed(tap, 50, 1)
            return await drain(channel), other

    held, other = run(main())
    assert held[0] == other
    assert [m.packet.pts // 1920 for m in held[1:] if m.packet.kind == "video"][-1] == 50


@pytest.mark.real
def test_a_real_socket(tmp_path):
    async def main():
        stage = SocketStage(str(tmp_path / "s.sock"))
        link, ears = StageLink(str(tmp_path / "s.sock")), Ears()
        link.listen(ears)
        running = asyncio.ensure_future(link.run())
        await asyncio.sleep(0.2)
        serving = asyncio.ensure_future(stage.serve())
        await connected(link, 10)
        link.cue(Cue(CueKind.SLATE, {"on": True}))
        await link.speak(piece(samples=4_800, last=True))
        async with asyncio.timeout(10):
            while len(ears.heard) < 3:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        stage.brain.drop()
        await asyncio.sleep(0.5)
        again = link.session
        for task in (running, serving):
            task.cancel()
        await asyncio.gather(running, serving, return_exceptions=True)
        return ears.heard, again

    heard, sessions = asyncio.run(main())
    assert heard[0] == ("up", "boot0") and heard[2].samples == 4_800
    assert ("down",) in heard and sessions >= 2
