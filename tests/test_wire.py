"""Whatever goes in at one end of the wire comes out at the other, and nothing else does."""

import asyncio
import contextlib
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from livehost import wire
from livehost.errors import WireLost
from livehost.media import Packet, Phone, StreamHeader

NUMBER = st.integers(0, 2**53)
TEXT, BYTES = st.text(max_size=5), st.binary(max_size=20)
KEY = st.none() | st.tuples(NUMBER, NUMBER)
PHONE = st.builds(Phone, st.text(max_size=4), NUMBER, NUMBER, st.integers(0, 1))
MESSAGE = st.one_of(
    st.builds(
        wire.Cue,
        st.sampled_from(wire.CueKind),
        st.dictionaries(st.text(max_size=8), st.text(max_size=8), max_size=3),
        st.none() | NUMBER,
        st.none() | NUMBER,
    ),
    st.builds(wire.Hello, TEXT, NUMBER, NUMBER, TEXT, KEY),
    st.builds(wire.Started, NUMBER, NUMBER, NUMBER),
    st.builds(wire.Heard, NUMBER, NUMBER, NUMBER, NUMBER, st.booleans()),
    st.builds(wire.Progress, NUMBER, NUMBER),
    st.builds(
        wire.Encoded,
        st.builds(
            Packet, st.sampled_from(["video", "audio", "opus"]), NUMBER, NUMBER, NUMBER,
            st.booleans(), st.binary(max_size=50),
        ),
    ),
    st.builds(
        wire.StreamInfo,
        st.builds(
            StreamHeader, NUMBER, NUMBER, TEXT, BYTES, BYTES
        ),
    ),
)  # fmt: skip


def split(frame):
    head, payload = struct.unpack(">II", frame[:8])
    assert len(frame) == 8 + head + payload
    return frame[8 : 8 + head], frame[8 + head :]


@given(MESSAGE)
def test_round_trip(message):
    assert wire.decode(*split(wire.encode(message))) == message


@given(
    st.binary(max_size=400).map(lambda b: b[: len(b) // 2 * 2]),
    st.lists(PHONE, max_size=5),
    st.text(),
)
def test_speech_round_trip(pcm, phones, text):
    sent = wire.Speech(7, 1, np.frombuffer(pcm, "<i2"), True, text, tuple(phones), "excited")
    got = wire.decode(*split(wire.encode(sent)))
    assert np.array_equal(got.pcm, sent.pcm)
    assert (got.text, got.phones, got.last, got.emotion) == (text, tuple(phones), True, "excited")


@given(st.binary(max_size=200), st.binary(max_size=50))
def test_garbage_is_wire_lost_and_nothing_else(head, payload):
    with contextlib.suppress(WireLost):
        wire.decode(head, payload)


@pytest.mark.parametrize(
    "sent",
    [b"\xff" * 8, struct.pack(">II", 5, 0) + b"hello", struct.pack(">II", 100, 0) + b"{"],
    ids=["too long", "not json", "broken off"],
)
def test_a_bad_peer_ends_the_connection_with_one_error(sent):
    async def main():
        reader = asyncio.StreamReader()
        reader.feed_data(sent)
        reader.feed_eof()
        return [m async for m in wire.Connection(reader, None).messages()]

    with pytest.raises(WireLost):
        asyncio.run(main())


def test_a_closed_peer_ends_the_iteration_quietly():
    async def main():
        reader = asyncio.StreamReader()
        reader.feed_data(wire.encode(wire.Started(1, 2, 3)))
        reader.feed_eof()
        return [m async for m in wire.Connection(reader, None).messages()]

    assert asyncio.run(main()) == [wire.Started(1, 2, 3)]


def test_nobody_listening_is_wire_lost(tmp_path):
    with pytest.raises(WireLost):
        asyncio.run(wire.connect(str(tmp_path / "none.sock")))
