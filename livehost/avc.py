"""H.264 in its two forms: units behind start codes (annex B), or behind their lengths (AVCC).

In:  access units and parameters in one form.   Out: the same in the other.

It imports next to nothing: the children of outputs use it, and the brain for its viewers.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from livehost.errors import BackendBroken

SPS, PPS = 7, 8


def avcc(annex_b: bytes) -> bytes:
    """Return an access unit with start codes as one with 4-byte lengths.

    Source: ITU-T H.264 annex B; ISO/IEC 14496-15 5.3.4.2.
    """
    return b"".join(struct.pack(">I", len(unit)) + unit for unit in nal_units(annex_b))


def avcc_record(annex_b: bytes) -> bytes:
    """Return the AVCDecoderConfigurationRecord of SPS and PPS with start codes.

    Raises:
        BackendBroken: one of them is missing.

    Source: ISO/IEC 14496-15 5.3.3.1.
    """
    record = _record(list(nal_units(annex_b)))
    if not record:
        raise BackendBroken("the video encoder gave no SPS and PPS")
    return record


def annex_b(unit: bytes) -> bytes:
    """Return an access unit in AVCC form with start codes.

    Source: ITU-T H.264 annex B; ISO/IEC 14496-15 5.3.4.2.
    """
    parts, at = [], 0
    while at + 4 < len(unit):
        end = at + 4 + int.from_bytes(unit[at : at + 4], "big")
        parts += [b"\x00\x00\x00\x01", unit[at + 4 : end]]
        at = end
    return b"".join(parts)


def record_in(unit: bytes) -> bytes:
    """Return the AVCDecoderConfigurationRecord of the parameters that an access unit in AVCC form
    begins with; b"" when it has none."""
    units, at = [], 0
    while at + 4 < len(unit) and unit[at + 4] & 31 in (SPS, PPS):
        end = at + 4 + int.from_bytes(unit[at : at + 4], "big")
        units.append(unit[at + 4 : end])
        at = end
    return _record(units)


def _record(units: list[bytes]) -> bytes:
    sps = next((unit for unit in units if unit[0] & 31 == SPS), b"")
    pps = next((unit for unit in units if unit[0] & 31 == PPS), b"")
    if len(sps) < 4 or not pps:
        return b""
    record = bytes([1, *sps[1:4], 0xFF, 0xE1]) + struct.pack(">H", len(sps)) + sps
    record += b"\x01" + struct.pack(">H", len(pps)) + pps
    # High profiles add chroma format and bit depths: 4:2:0, 8 bits.
    return record + b"\xfd\xf8\xf8\x00" if sps[1] in (100, 110, 122, 144) else record


def parameter_sets(record: bytes) -> bytes:
    """Return SPS and PPS of an AVCDecoderConfigurationRecord as units with 4-byte lengths.

    Source: ISO/IEC 14496-15 5.3.3.1.
    """
    units, at = b"", 5
    for mask in (0x1F, 0xFF):
        count, at = record[at] & mask, at + 1
        for _ in range(count):
            end = at + 2 + int.from_bytes(record[at : at + 2], "big")
            units += struct.pack(">I", end - at - 2) + record[at + 2 : end]
            at = end
    return units


def nal_units(annex_b: bytes) -> Iterator[bytes]:
    """Yield the NAL units between start codes."""
    for piece in annex_b.split(b"\x00\x00\x01"):
        # The zero of a 4-byte start code, or trailing zeros; a NAL unit never ends in zero.
        unit = piece.rstrip(b"\x00")
        if unit:
            yield unit
