"""TLS by certificate files, read again when they are renewed.

In:  two PEM files.   Out: an SSL context that stays the same while its certificate changes.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from pathlib import Path

from livehost.errors import ConfigError

log = logging.getLogger(__name__)

LOOK_SECONDS = 30.0


class Tls:
    """One certificate and its key.

    Raises:
        ConfigError: the files are not a certificate and its key.
    """

    def __init__(self, cert: Path, key: Path) -> None:
        self._cert, self._key = cert, key
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.minimum_version = ssl.TLSVersion.TLSv1_2
        self._stamp = self._look()
        self._load(self.context)

    async def run(self) -> None:
        """Put renewed files in force until cancelled; broken ones leave the old ones."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            await loop.run_in_executor(None, self.renew)

    def renew(self) -> bool:
        """Read the files again if they changed; return whether they are in force."""
        stamp = self._look()
        if stamp == self._stamp:
            return False
        self._stamp = stamp
        try:
            self._load(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER))  # half a renewal must not count
            self._load(self.context)
        except ConfigError as error:
            log.warning("certificate was not renewed", extra={"error": str(error)})
            return False
        log.info("certificate renewed", extra={"file": str(self._cert)})
        return True

    def _load(self, context: ssl.SSLContext) -> None:
        try:
            context.load_cert_chain(self._cert, self._key)
        except (OSError, ssl.SSLError) as error:
            raise ConfigError(
                f"console.tls_cert: {self._cert} and {self._key} are not a certificate and its "
                f"key: {error.strerror or 'cannot be read'}"
            ) from error

    def _look(self) -> tuple[int, ...]:
        found = []
        for path in (self._cert, self._key):
            try:
                found.append(path.stat().st_mtime_ns)
            except OSError:
                found.append(0)
        return tuple(found)
