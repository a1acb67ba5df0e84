"""Signatures of webhooks, out and in, as the Standard Webhooks specification has them.

In:  a secret, the id, time and bytes of a message.   Out: headers, or whether they are right.

Source: https://github.com/standard-webhooks/standard-webhooks, spec v1, symmetric signatures.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping

ID, TIMESTAMP, SIGNATURE = "webhook-id", "webhook-timestamp", "webhook-signature"
WINDOW_SECONDS = 300.0
_PREFIX = "whsec_"


def key_of(secret: str) -> bytes:
    """Return the key: the base64 after "whsec_", or the bytes of any other text."""
    if secret.startswith(_PREFIX):
        try:
            return base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
        except (binascii.Error, ValueError):
            pass  # then it is a text that only looks like one
    return secret.encode()


def signature(secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    """Return "v1," and the base64 of HMAC-SHA256 over "id.timestamp.body"."""
    signed = f"{message_id}.{timestamp}.".encode() + body
    digest = hmac.new(key_of(secret), signed, hashlib.sha256).digest()
    return "v1," + base64.b64encode(digest).decode()


def headers(secret: str, message_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """Return the headers of a message; without a secret it has no signature."""
    given = {ID: message_id, TIMESTAMP: str(timestamp)}
    if secret:
        given[SIGNATURE] = signature(secret, message_id, timestamp, body)
    return given


def wrong(secret: str, given: Mapping[str, str], body: bytes, now: float) -> str:
    """Return what is wrong with a message: "" for nothing, "signature" or "timestamp".

    Args:
        given: its headers.
        now: seconds since 1970.
    """
    message_id, stamp = given.get(ID, ""), given.get(TIMESTAMP, "")
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) <= 12):
        return "timestamp"
    right = signature(secret, message_id, int(stamp), body)
    if not message_id:
        return "signature"
    claims = given.get(SIGNATURE, "").split()
    if not any(
        hmac.compare_digest(claim.encode(errors="replace"), right.encode()) for claim in claims
    ):
        return "signature"
    return "" if abs(now - int(stamp)) <= WINDOW_SECONDS else "timestamp"
