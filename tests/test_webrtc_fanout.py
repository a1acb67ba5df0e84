"""One stream for many viewers: what is sent when, on virtual time; what an offer may hold."""

import asyncio
from itertools import pairwise

import pytest

from livehost.avc import annex_b
from livehost.media import Packet, StreamHeader
from livehost.rtc import description
from livehost.rtc.description import Unsuitable
from livehost.rtc.fanout import MOST_STALLS, MOST_WAITING, Fanout, Feed, Unit

from .virtual import run

SPS, PPS = b"\x67\x64\x00\x1fab", b"\x68\xeecd"
RECORD = b"\x01\x64\x00\x1f\xff\xe1\x00\x06" + SPS + b"\x01\x00\x04" + PPS
HEADER = StreamHeader(720, 1280, "25/1", RECORD, b"")


def picture(n, keyframe=False):
    return Packet("video", n * 1920, n * 1920, 1920, keyframe, b"\0\0\0\2\x65p")


def sound(n):
    return Packet("opus", n * 960, n * 960, 960, True, b"o")


def watched(scenario):
    """Run `scenario(fanout, feed, sent)`; `sent` gets (second, unit) of all that reaches it."""

    async def main():
        fanout, feed, sent = Fanout(), Feed(), []
        now = asyncio.get_running_loop().time
        original = feed.offer

        def offer(unit):
            sent.append((now(), unit))
            original(unit)

        feed.offer = offer
        fanout.feeds.add(feed)
        await scenario(fanout, feed, sent)
        fanout.close()
        return sent

    return run(main())


def test_keyframes_carry_the_parameters_and_start_codes():
    async def scenario(fanout, feed, sent):
        fanout.info(HEADER)
        fanout.packet(picture(0, keyframe=True))
        fanout.packet(picture(1))

    (_, first), (_, second) = watched(scenario)
    start = b"\0\0\0\1"
    assert first.data == start + SPS + start + PPS + start + b"\x65p" and first.keyframe
    assert second.data == start + b"\x65p" and not second.keyframe


def test_parameters_that_a_keyframe_has_are_not_sent_twice():
    own = b"\0\0\0\6" + SPS + b"\0\0\0\4" + PPS + b"\0\0\0\2\x65p"

    async def scenario(fanout, feed, sent):
        fanout.info(HEADER)
        fanout.packet(Packet("video", 0, 0, 1920, True, own))

    assert watched(scenario)[0][1].data == annex_b(own)


@pytest.mark.parametrize("encoding", [0.0, 0.03, 0.12])
def test_sound_leaves_as_late_as_the_picture_so_that_both_clocks_agree(encoding):
    """The stage hands over the sound of a tick when the tick begins, its picture after encoding."""

    async def scenario(fanout, feed, sent):
        fanout.info(HEADER)
        loop = asyncio.get_running_loop()
        origin = loop.time()

        def sounds(n):
            fanout.packet(sound(2 * n))
            fanout.packet(sound(2 * n + 1))

        for n in range(100):
            loop.call_at(origin + n * 0.04, sounds, n)
            loop.call_at(origin + n * 0.04 + encoding, fanout.packet, picture(n, n == 0))
        await asyncio.sleep(5)

    sent = watched(scenario)
    lags: dict[str, list[float]] = {"video": [], "audio": []}
    for t, u in sent:
        lags[u.kind].append(t - u.at / 48_000)
    late = lags["audio"][20:]
    assert abs(sum(late) / len(late) - lags["video"][-1]) < 0.005
    assert max(late) - min(late) < 0.005
    assert len(lags["audio"]) == 200
    assert [u.at for _, u in sent if u.kind == "audio"] == [n * 960 for n in range(200)]


def test_timestamps_go_on_over_a_restart_of_the_stage():
    async def scenario(fanout, feed, sent):
        for first in (5000, 0, 0):
            fanout.info(HEADER)
            for n in range(first, first + 50):
                fanout.packet(picture(n, n == first))
                fanout.packet(sound(2 * n))
                await asyncio.sleep(0.04)
            await asyncio.sleep(3)

    sent = watched(scenario)
    at = [u.at for _, u in sent if u.kind == "video"]
    assert all(0 < b - a < 48_000 * 6 for a, b in pairwise(at))
    assert at[50] - at[49] == pytest.approx(48_000 * 3.04, abs=480)
    assert all(
        abs(t - u.at / 48_000 - (sent[0][0] - sent[0][1].at / 48_000)) < 0.1 for t, u in sent
    )


def test_the_same_stream_after_a_gap_keeps_its_clock():
    async def scenario(fanout, feed, sent):
        fanout.info(HEADER)
        for n in range(200):
            if n == 100:
                fanout.info(HEADER)  # the tap skipped to a keyframe
            if not 60 <= n < 100:
                fanout.packet(picture(n, n in (0, 100)))
            await asyncio.sleep(0.04)

    assert [u.at // 1920 for _, u in watched(scenario)] == [*range(60), *range(100, 200)]


def unit(n, keyframe=False, kind="video"):
    return Unit(kind, n * 1920, keyframe, b"", 1920)


def test_a_viewer_begins_with_a_keyframe_and_the_sound_after_it():
    feed = Feed()
    for n in range(10):
        feed.offer(unit(n, keyframe=n == 5))
        feed.offer(unit(n, kind="audio"))
    assert len(feed.video) == 5 and len(feed.audio) == 5


def test_a_viewer_that_takes_nothing_holds_half_a_second_and_is_given_up():
    feed = Feed()
    for n in range(25 * 60):
        feed.offer(unit(n, keyframe=n % 50 == 0))
        assert feed.video.weight <= MOST_WAITING
    assert feed.hopeless and feed.dropped > 1000


def test_a_viewer_that_was_late_once_goes_on_at_the_next_keyframe():
    async def main():
        feed = Feed()
        for n in range(200):
            feed.offer(unit(n, keyframe=n % 50 == 0))
            while n not in range(60, 90) and len(feed.video):
                await feed.video.get()
                feed.took()
        return feed

    feed = run(main())
    assert not feed.hopeless and 0 < feed.dropped < 50 and MOST_STALLS > 1


# --- descriptions ---------------------------------------------------------------------------------

OFFER = (
    "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\n"
    "a=candidate:1 1 udp 2113937151 5f0c.local 50000 typ host generation 0\r\n"
    "a=candidate:2 1 udp 2113937151 192.0.2.7 50001 typ host\r\na=end-of-candidates\r\n"
    "a=ice-ufrag:abcd\r\na=ice-pwd:x\r\na=fingerprint:sha-256 00\r\n"
    "m=video 9 UDP/TLS/RTP/SAVPF 96\r\n"
)


def test_an_offer_loses_what_would_make_it_wait():
    swift = description.swift(OFFER)
    assert ".local" not in swift and "end-of-candidates" not in swift
    assert "192.0.2.7" in swift and swift.count("\r\n") == OFFER.count("\r\n") - 2
    assert description.kinds(swift) == ("audio", "video")
    assert description.ufrag_of(swift) == "abcd"


@pytest.mark.parametrize("body", ["", "hello", "v=0" + "x" * 70_000])
def test_what_is_no_offer_is_refused(body):
    with pytest.raises(Unsuitable):
        description.swift(body)


def test_candidates_that_come_later_are_read():
    body = (
        "a=ice-ufrag:abcd\r\na=mid:1\r\na=candidate:2 1 udp 2113937151 192.0.2.7 50001 typ host\r\n"
        "a=candidate:3 1 udp 2113937151 x.local 50001 typ host\r\na=end-of-candidates\r\n"
    )
    found = description.fragment(body)
    assert (found.ufrag, found.ended) == ("abcd", True)
    assert [(c.ip, c.port, c.sdpMid) for c in found.candidates] == [("192.0.2.7", 50001, "1")]


@pytest.mark.parametrize("body", ["", "a=candidate:nonsense", "a=candidate:1 1 udp x y z typ host"])
def test_candidates_that_are_none_are_refused(body):
    with pytest.raises(Unsuitable):
        description.fragment(body)


def test_the_stream_is_offered_as_what_it_is_first():
    preferred = description.video_preferences(RECORD)
    profiles = [c.parameters["profile-level-id"] for c in preferred if c.parameters]
    assert profiles[0] == "64001f" and {"42e01f", "4d001f", "640c1f"} <= set(profiles)
    assert all(c.parameters["packetization-mode"] == "1" for c in preferred if c.parameters)
    assert preferred[-1].name == "rtx"
    again = description.video_preferences(RECORD)
    assert again == preferred, "asking twice adds nothing"
