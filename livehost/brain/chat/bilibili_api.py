"""Signed calls to Bilibili's open-live platform.

In:  access key id and secret, a path and a body.   Out: the `data` of the answer.

Source: the open-live documentation: HMAC-SHA256 over the `x-bili-` headers, sorted by name, one
`name:value` a line.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import uuid
from datetime import UTC, datetime
from typing import Any

import aiohttp

from livehost.brain.chat.calls import ask, code
from livehost.config_chat import Bilibili, secret
from livehost.errors import Transient


def signed(key: str, key_secret: str, body: bytes, nonce: str, stamp: int) -> dict[str, str]:
    """Return the headers of a request.

    Args:
        nonce: never used before.
        stamp: seconds since 1970.
    """
    headers = {
        "x-bili-accesskeyid": key,
        "x-bili-content-md5": hashlib.md5(body, usedforsecurity=False).hexdigest(),
        "x-bili-signature-method": "HMAC-SHA256",
        "x-bili-signature-nonce": nonce,
        "x-bili-signature-version": "1.0",
        "x-bili-timestamp": str(stamp),
    }
    lines = "\n".join(f"{name}:{value}" for name, value in sorted(headers.items()))
    sign = hmac.new(key_secret.encode(), lines.encode(), hashlib.sha256).hexdigest()
    return headers | {
        "Authorization": sign,
        "Content-Type": "application/json",
        "Accept": "application/json",
    }


class BilibiliApi:
    """The platform. Nothing it raises holds a secret."""

    def __init__(self, settings: Bilibili) -> None:
        self._url = settings.api_url.rstrip("/")
        self._key = secret(settings, "key_env")
        self._secret = secret(settings, "secret_env")

    async def call(
        self, http: aiohttp.ClientSession, path: str, body: dict[str, Any]
    ) -> dict[str, Any]:
        """POST `body` to `path`. Raises Transient with the platform's code."""
        raw = json.dumps(body).encode()
        stamp = int(datetime.now(UTC).timestamp())
        headers = signed(self._key, self._secret, raw, uuid.uuid4().hex, stamp)
        answer = await ask(http, f"bilibili: {path}", self._url + path, raw, headers)
        if answer.get("code") != 0:
            raise Transient(f"bilibili: {path} answered code {code(answer.get('code'))}")
        data = answer.get("data")
        return data if isinstance(data, dict) else {}
