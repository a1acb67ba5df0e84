"""Keyframes on demand, Opus on demand: what the stage does for those who watch live."""

import asyncio
from itertools import pairwise

import av
import numpy as np
import pytest

from livehost import config
from livehost.avc import annex_b, avcc
from livehost.errors import BackendBroken
from livehost.media import Packet
from livehost.stage import encode
from livehost.stage.encode import open_encoder
from livehost.stage.encode_sound import OPUS_SAMPLES
from livehost.stage.wishes import Wishes

from .virtual import run


def keyframe(n=0):
    return Packet("video", n, n, 1920, True, b"k")


def wished(scenario):
    """Run `scenario(wishes)` on virtual time; return when keyframes were made and Opus switched."""

    async def main():
        now = asyncio.get_running_loop().time
        made, opus = [], []
        await scenario(Wishes(lambda: made.append(now()), opus.append))
        return made, opus

    return run(main())


def test_many_who_join_at_once_cost_one_keyframe():
    async def scenario(wishes):
        for _ in range(20):
            wishes.keyframe()
        await asyncio.sleep(5)

    made, _ = wished(scenario)
    assert len(made) == 1 and made[0] < 0.01


def test_keyframes_on_demand_are_a_second_apart_however_many_ask():
    async def scenario(wishes):
        for _ in range(100):
            wishes.keyframe()
            await asyncio.sleep(0.1)

    made, _ = wished(scenario)
    assert 9 <= len(made) <= 11
    assert min(b - a for a, b in pairwise(made)) >= 0.999


def test_a_keyframe_that_came_by_itself_serves_those_who_wait():
    async def scenario(wishes):
        wishes.made(keyframe())
        await asyncio.sleep(0.2)
        wishes.keyframe()
        await asyncio.sleep(0.3)
        wishes.made(keyframe())
        await asyncio.sleep(5)

    assert wished(scenario)[0] == []


def test_a_newcomer_does_not_wait_for_a_keyframe_that_came_by_itself_before():
    async def scenario(wishes):
        wishes.made(keyframe())
        await asyncio.sleep(0.2)
        wishes.first_keyframe()
        await asyncio.sleep(5)

    made, _ = wished(scenario)
    assert len(made) == 1 and 0.19 < made[0] < 0.21


def test_newcomers_ask_for_no_more_than_one_a_second_together():
    async def scenario(wishes):
        for _ in range(100):
            wishes.first_keyframe()
            wishes.keyframe()
            await asyncio.sleep(0.1)

    made, _ = wished(scenario)
    assert 9 <= len(made) <= 11
    assert min(b - a for a, b in pairwise(made)) >= 0.999


def test_a_newcomer_is_not_held_up_by_one_who_waits():
    async def scenario(wishes):
        wishes.made(keyframe())
        wishes.keyframe()
        await asyncio.sleep(0.3)
        wishes.first_keyframe()
        await asyncio.sleep(5)

    made, _ = wished(scenario)
    assert len(made) == 1 and 0.29 < made[0] < 0.31


def test_opus_is_made_while_anybody_wants_it():
    async def scenario(wishes):
        for who, on in [("a", True), ("b", True), ("a", False), ("a", False), ("b", False)]:
            wishes.opus(who, on)

    assert wished(scenario)[1] == [True, True, True, True, False]


def opened() -> encode.Encoder:
    return open_encoder(
        config.Video(width=208, height=176, encoder="libx264", bitrate_kbps=300), config.Audio()
    )


def test_opus_runs_beside_aac_from_where_it_was_switched_on_and_stands_where_it_was_put():
    encoder = opened()
    pcm = np.zeros((96_000, 2), np.int16)
    pcm[70_000:70_200] = 20_000
    packets = []
    for k in range(0, 96_000, 1920):
        encoder.opus = 48_000 <= k < 90_000
        packets += encoder.audio(k, pcm[k : k + 1920])
    opus = [p for p in packets if p.kind == "opus"]
    assert len([p for p in packets if p.kind == "audio"]) >= 96_000 // 1024 - 2
    assert 48_000 <= opus[0].pts < 48_000 + OPUS_SAMPLES
    assert [p.pts - opus[0].pts for p in opus] == [n * OPUS_SAMPLES for n in range(len(opus))]
    assert opus[-1].pts < 90_000 + 1920
    decoder = av.CodecContext.create("opus", "r")
    decoder.layout, decoder.sample_rate = "stereo", 48_000
    heard = np.concatenate(
        [f.to_ndarray()[0] for p in opus for f in decoder.decode(av.Packet(p.data))]
    )
    onset = opus[0].pts + int(np.argmax(np.abs(heard) > 0.2))
    assert abs(onset - 70_000) <= 96  # 2 ms


def test_a_show_goes_on_where_opus_does_not_work(monkeypatch):
    def broken():
        raise BackendBroken("libopus: not there")

    monkeypatch.setattr(encode, "OpusEncoder", broken)
    encoder = opened()
    encoder.opus = True
    packets = [p for n in range(4) for p in encoder.audio(n * 1920, np.zeros((1920, 2), "i2"))]
    assert packets and {p.kind for p in packets} == {"audio"} and not encoder.opus


def test_a_picture_in_one_form_is_the_same_in_the_other():
    packet = opened().video(0, None)[0]
    assert avcc(annex_b(packet.data)) == packet.data
    decoder = av.CodecContext.create("h264", "r")
    assert annex_b(packet.data)[:4] == b"\0\0\0\1" and not decoder.extradata


@pytest.mark.parametrize("unit", [b"", b"\0\0", b"\0\0\0\x09ab"])
def test_a_damaged_unit_does_not_end_anything(unit):
    assert isinstance(annex_b(unit), bytes)
