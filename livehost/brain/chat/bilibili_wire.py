"""Bilibili's socket protocol: packets with a 16-byte header, some holding compressed packets.

In:  frames from the socket.   Out: (operation, body) of each packet; packets to send.

Source: the open-live documentation. Header, big endian: total length, header length (16), version
(0 plain, 2 zlib), operation, sequence.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from enum import IntEnum

from livehost.brain.chat.message import Rejected

_HEADER = struct.Struct(">IHHII")
PLAIN, ZLIB, BROTLI = 0, 2, 3
MOST_UNPACKED = 1024 * 1024  # bytes of one compressed packet


class Operation(IntEnum):
    """What a packet is for."""

    HEARTBEAT = 2
    HEARTBEAT_REPLY = 3
    MESSAGE = 5
    AUTH = 7
    AUTH_REPLY = 8


def packet(operation: Operation, body: bytes = b"") -> bytes:
    """Return one plain packet."""
    return _HEADER.pack(_HEADER.size + len(body), _HEADER.size, PLAIN, operation, 1) + body


def packets(frame: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield (operation, body) of each packet in a frame, unpacking compressed ones.

    Raises:
        Rejected: the frame is cut short, compressed twice or too much, or in a way unknown.
    """
    for version, operation, body in _split(frame):
        if operation != Operation.MESSAGE or version in (PLAIN, 1):
            yield operation, body
        elif version == ZLIB:
            yield from ((inside, part) for _, inside, part in _plain(_unpacked(body)))
        else:
            raise Rejected("brotli" if version == BROTLI else "version", "unknown compression")


def _split(frame: bytes) -> Iterator[tuple[int, int, bytes]]:
    at = 0
    while at < len(frame):
        if len(frame) - at < _HEADER.size:
            raise Rejected("frame", "a header is cut short")
        length, header, version, operation, _ = _HEADER.unpack_from(frame, at)
        if header < _HEADER.size or length < header or at + length > len(frame):
            raise Rejected("frame", "a packet does not end where it says")
        yield version, operation, frame[at + header : at + length]
        at += length


def _plain(frame: bytes) -> Iterator[tuple[int, int, bytes]]:
    for version, operation, body in _split(frame):
        if version not in (PLAIN, 1):
            raise Rejected("frame", "compressed twice")
        yield version, operation, body


def _unpacked(body: bytes) -> bytes:
    unpacker = zlib.decompressobj()
    try:
        data = unpacker.decompress(body, MOST_UNPACKED)
    except zlib.error as error:
        raise Rejected("frame", "the body is not zlib") from error
    if unpacker.unconsumed_tail or not unpacker.eof:
        raise Rejected("frame", "the compressed body is too long or cut short")
    return data
