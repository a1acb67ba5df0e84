"""Session descriptions: what an offer may hold, and which codec the stream is sent as.

In:  SDP from a player.   Out: the same without what delays the answer; aiortc's codec preferences.

Source: RFC 6184 8.1 (H.264), RFC 8840 (candidates behind the offer), RFC 9725 4.3 (WHIP, WHEP).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from aiortc import RTCIceCandidate, RTCRtpCodecCapability
from aiortc.codecs import CODECS, get_capabilities
from aiortc.rtcrtpparameters import ParametersDict, RTCRtpCodecParameters
from aiortc.sdp import candidate_from_sdp

MOST_SDP = 64 * 1024  # bytes
MOST_CANDIDATES = 64
_CONSTRAINED_HIGH, _HIGH, _MAIN, _BASELINE, _PLAIN = (
    "640c1f",
    "64001f",
    "4d001f",
    "42e01f",
    "42001f",
)
_LATER = (_CONSTRAINED_HIGH, _HIGH, _MAIN, _BASELINE, _PLAIN)
"""Profiles that are tried when a player does not name the stream's own: decoders go by the
parameters in the stream, and take more than their browser says."""
_SLOW = re.compile(r"^a=(end-of-candidates|candidate:\S+ \d+ \S+ \d+ \S+\.local ).*\r?\n?", re.M)


class Unsuitable(ValueError):
    """The other side offers nothing that can be answered; says why."""


@dataclass(frozen=True, slots=True)
class Fragment:
    """Candidates that came behind an offer.

    Attributes:
        ufrag: of the ICE session they belong to; "" when it is not named.
        candidates: addresses to try.
        ended: no more will follow.
    """

    ufrag: str
    candidates: tuple[RTCIceCandidate, ...]
    ended: bool


def swift(offer: str) -> str:
    """Return an offer without names that take seconds to look up, and without its last word on
    candidates: a player that sends checks is found by them.

    Raises:
        Unsuitable: it is not SDP, or too long.
    """
    if len(offer) > MOST_SDP or not offer.startswith("v=0"):
        raise Unsuitable("the body is not a session description (SDP)")
    for line in ("a=fingerprint:", "a=ice-ufrag:", "a=ice-pwd:"):
        if f"\n{line}" not in offer:
            raise Unsuitable(f"the session description has no {line[2:-1]}")
    return _SLOW.sub("", offer)


def kinds(offer: str) -> tuple[str, ...]:
    """Return which of "audio" and "video" an offer has sections of."""
    found = (kind for kind in ("audio", "video") if re.search(rf"^m={kind} ", offer, re.M))
    return tuple(found)


def video_preferences(record: bytes) -> list[RTCRtpCodecCapability]:
    """Return how H.264 of an AVCDecoderConfigurationRecord is offered: as itself, then as others.

    Retransmission comes with it. aiortc knows two profiles by itself; others are added to it.
    """
    own = record[1:4].hex()
    rank = {profile: n for n, profile in enumerate(dict.fromkeys((own, *_LATER)))}
    for profile in rank:
        _known(profile)
    capabilities = get_capabilities("video").codecs
    wanted = [c for c in capabilities if c.mimeType == "video/H264"]
    wanted.sort(key=lambda c: rank.get(str(c.parameters["profile-level-id"]), len(rank)))
    return wanted + [c for c in capabilities if c.name == "rtx"]


def audio_preferences() -> list[RTCRtpCodecCapability]:
    """Return Opus alone."""
    return [c for c in get_capabilities("audio").codecs if c.mimeType == "audio/opus"]


def _known(profile: str) -> None:
    """Let aiortc negotiate a profile."""
    have = [c for c in CODECS["video"] if c.mimeType == "video/H264"]
    if any(c.parameters.get("profile-level-id") == profile for c in have):
        return
    number = max(c.payloadType or 0 for c in CODECS["video"]) + 1
    parameters = {**have[0].parameters, "profile-level-id": profile}
    again: ParametersDict = {"apt": number}
    CODECS["video"] += [
        replace(have[0], payloadType=number, parameters=parameters),
        RTCRtpCodecParameters("video/rtx", 90_000, payloadType=number + 1, parameters=again),
    ]


def fragment(text: str) -> Fragment:
    """Return what a `application/trickle-ice-sdpfrag` body says. Raises Unsuitable."""
    if len(text) > MOST_SDP:
        raise Unsuitable("the body is too long")
    ufrag, mid, found, ended = "", "0", [], False
    for line in text.splitlines():
        name, _, value = line.strip().partition(":")
        if name == "a=ice-ufrag":
            ufrag = value
        elif name == "a=mid":
            mid = value
        elif name == "a=candidate" and ".local " not in value:
            found.append(_candidate(value, mid))
        ended = ended or name == "a=end-of-candidates"
    if not (found or ended or ufrag):
        raise Unsuitable("the body has no candidates")
    return Fragment(ufrag, tuple(found[:MOST_CANDIDATES]), ended)


def _candidate(value: str, mid: str) -> RTCIceCandidate:
    try:
        candidate = candidate_from_sdp(value)
    except (AssertionError, ValueError, IndexError) as error:
        raise Unsuitable("a candidate is malformed") from error
    candidate.sdpMid = mid
    return candidate


def ufrag_of(description: str) -> str:
    """Return the ICE user fragment of a description; "" when it has none."""
    found = re.search(r"^a=ice-ufrag:(\S+)", description, re.M)
    return found.group(1) if found else ""
