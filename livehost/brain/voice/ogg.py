"""Packets out of an Ogg stream that is still coming in.

In:  bytes in pieces of any size.   Out: whole packets.   Source: RFC 3533.
"""

from __future__ import annotations

from collections.abc import Iterator

from livehost.errors import BackendBroken

_HEAD = 27  # bytes of a page header before its segment table
_FULL = 255  # a segment of this length is continued by the next one


class Ogg:
    """One logical stream; pages of others are not expected in speech."""

    def __init__(self) -> None:
        self._held = b""
        self._packet = b""

    def packets(self, data: bytes) -> Iterator[bytes]:
        """Yield the packets that `data` completes. Raises BackendBroken."""
        self._held += data
        while page := self._page():
            yield from self._whole(*page)

    def _page(self) -> tuple[bytes, bytes] | None:
        """Return (segment table, content) of the next page; None while it is not complete."""
        if len(self._held) < _HEAD:
            return None
        if not self._held.startswith(b"OggS"):
            raise BackendBroken("sends damaged Ogg")
        start = _HEAD + self._held[_HEAD - 1]
        table = self._held[_HEAD:start]
        end = start + sum(table)
        if len(self._held) < end:
            return None
        content, self._held = self._held[start:end], self._held[end:]
        return table, content

    def _whole(self, table: bytes, content: bytes) -> Iterator[bytes]:
        at = 0
        for length in table:
            self._packet += content[at : at + length]
            at += length
            if length < _FULL:
                packet, self._packet = self._packet, b""
                yield packet
