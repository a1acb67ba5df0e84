"""Speech from a server over HTTP: asked, waited for with limits, decoded and shaped as it comes.

In:  one request, a decoder, a shaper.   Out: chunks; every fault as one clear line without secrets.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from typing import Any, TypeVar, TypeVarTuple

import aiohttp
import numpy as np
from yarl import URL

from livehost.brain.voice.shape import Pcm, Shaper
from livehost.brain.voice.speech import Chunk, chunks
from livehost.brain.voice.waveform import Decoder
from livehost.config_voice import Patience
from livehost.errors import BackendBroken, BackendTimeout, LivehostError, Transient

T = TypeVar("T")
Args = TypeVarTuple("Args")

_MOST_SAID = 4096  # bytes of an error's body that are read
_MOST_TOLD = 160  # characters of it that are told
_KEEP_SECONDS = 4.0  # shorter than servers keep an idle connection (uvicorn: 5 s)
_RATE_HEADERS = ("X-Sample-Rate", "X-Custom-Header-sampleRate")


@dataclass(frozen=True, slots=True)
class Part:
    """One field of a form: text, or a file."""

    name: str
    value: str | bytes
    filename: str = ""


@dataclass(frozen=True, slots=True)
class Ask:
    """One request: a POST of JSON, or of a form.

    Attributes:
        secret: sent as a bearer token; never told to anybody else.
    """

    url: str
    body: Mapping[str, Any] | None = None
    form: tuple[Part, ...] = ()
    secret: str = field(default="", repr=False)

    @property
    def headers(self) -> dict[str, str]:
        """What goes with it."""
        bearer = {"Authorization": f"Bearer {self.secret}"} if self.secret else {}
        return {"Accept-Encoding": "identity", **bearer}

    def content(self) -> dict[str, Any]:
        """Return aiohttp's arguments."""
        if self.body is not None:
            return {"json": self.body}
        form = aiohttp.FormData()
        for part in self.form:
            form.add_field(part.name, part.value, filename=part.filename or None)
        return {"data": form}


class _Waiting:
    """How long an answer may still be waited for. Only waiting counts, not who listens slowly."""

    def __init__(self, patience: Patience, shaper: Shaper) -> None:
        self._patience, self._shaper = patience, shaper
        self._until_begun = self._since_begun = 0.0

    def left(self) -> float:
        """Return the seconds that the next piece may take."""
        if not self._shaper.begun:
            return self._patience.timeout_seconds - self._until_begun
        idle = self._patience.idle_seconds
        return min(idle, idle + 2 * self._shaper.seconds - self._since_begun)

    def waited(self, seconds: float) -> None:
        """Note that a piece took `seconds`."""
        if self._shaper.begun:
            self._since_begun += seconds
        else:
            self._until_begun += seconds

    def late(self) -> LivehostError:
        """Return what it is called when nothing is left."""
        if self._shaper.begun:
            return BackendBroken("stopped in mid-sentence")
        return BackendTimeout(f"gives no sound within {self._patience.timeout_seconds:g} s")


class Server:
    """One voice server.

    Args:
        name: of the engine; begins every error.
        rate: Hz that its answers must have where they say it; None takes any.
    """

    def __init__(self, name: str, patience: Patience, rate: int | None = None) -> None:
        self._name, self._patience, self._rate = name, patience, rate
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"voice-{name}")
        self._session: aiohttp.ClientSession | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    async def speak(
        self, ask: Ask, make_decoder: Callable[[], Decoder], shaper: Shaper
    ) -> AsyncGenerator[Chunk, None]:
        """Yield the speech that the server answers with.

        What is broken before the first sound is an error at once, so that another voice can have
        the sentence; what breaks later ends with a fade.

        Raises:
            BackendTimeout: no sound in time.
            Transient: the server is busy.
            BackendBroken: anything else.
        """
        try:
            decoder = await self._run(make_decoder)
            async with aclosing(self._pieces(ask, shaper)) as pieces:
                async for data in pieces:
                    for chunk in chunks(await self._run(_fed, decoder, shaper, data), self._name):
                        yield chunk
            rest = await self._run(_ended, decoder, shaper)
        except LivehostError as error:
            if not shaper.begun:
                raise type(error)(f"{self._name}: the server {error}") from None
            for chunk in chunks(await self._run(shaper.broken), self._name):
                yield chunk
            raise BackendBroken(f"{self._name}: the server {error}") from None
        if not shaper.begun:
            raise BackendBroken(f"{self._name}: the server answers with silence")
        for chunk in chunks(rest, self._name):
            yield chunk

    def close(self) -> None:
        """Let go of the connections and the thread; idempotent."""
        self._thread.shutdown(wait=False, cancel_futures=True)
        self._drop_session()

    # --- the request ----------------------------------------------------------------------------

    async def _pieces(self, ask: Ask, shaper: Shaper) -> AsyncGenerator[bytes, None]:
        """Yield the answer's body as it comes."""
        waiting = _Waiting(self._patience, shaper)
        try:
            async with await self._asked(ask, waiting) as response:
                await self._check(response, ask.secret)
                while data := await _timed(waiting, response.content.readany()):
                    yield data
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise BackendBroken(_fault(error, shaper.begun)) from None

    async def _asked(self, ask: Ask, waiting: _Waiting) -> aiohttp.ClientResponse:
        """Send the request; once more when a kept connection turns out to be closed."""
        try:
            return await self._post(ask, waiting)
        except aiohttp.ClientConnectorError:
            raise
        except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError):
            return await self._post(ask, waiting)

    async def _post(self, ask: Ask, waiting: _Waiting) -> aiohttp.ClientResponse:
        post = self._connected().post(URL(ask.url), **_how(ask))
        response: aiohttp.ClientResponse = await _timed(waiting, post)
        return response

    async def _check(self, response: aiohttp.ClientResponse, secret: str) -> None:
        """Raise when this is no sound."""
        kind = response.headers.get("Content-Type", "").lower()
        if response.status == 200 and not kind.startswith(("application/json", "text/")):
            declared = declared_rate(response)
            if self._rate is not None and declared not in {None, self._rate}:
                raise BackendBroken(f"sends {declared} Hz, but `rate` is {self._rate}")
            return
        async with asyncio.timeout(1):
            said = _message(await response.content.read(_MOST_SAID), secret)
        if response.status in {429, 503}:
            raise Transient(f"is busy ({response.status}){said}")
        if response.status in {401, 403}:
            said += "; check the key"
        what = "no sound" if response.status == 200 else str(response.status)
        raise BackendBroken(f"answers {what}{said}")

    def _connected(self) -> aiohttp.ClientSession:
        """Return the session of the running loop: connections cannot move to another one."""
        loop = asyncio.get_running_loop()
        if self._session is None or self._session.closed or self._loop is not loop:
            self._drop_session()
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(keepalive_timeout=_KEEP_SECONDS),
                timeout=aiohttp.ClientTimeout(total=None),
            )
            self._loop = loop
        return self._session

    def _drop_session(self) -> None:
        session, self._session = self._session, None
        if session is None or self._loop is None:
            return
        if self._loop.is_running():
            self._loop.create_task(session.close())
        elif self._loop.is_closed() and session.connector:
            for _ in session.connector.close().__await__():  # nothing to wait for any more
                pass

    async def _run(self, work: Callable[[*Args], T], *args: *Args) -> T:
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._thread, work, *args)
        except LivehostError:
            raise
        except Exception as error:  # the seam to native code
            raise BackendBroken(f"sends what cannot be decoded: {type(error).__name__}") from error


def _fed(decoder: Decoder, shaper: Shaper, data: bytes) -> Pcm:
    return shaper.add(decoder.feed(data))


def _ended(decoder: Decoder, shaper: Shaper) -> Pcm:
    return np.concatenate([shaper.add(decoder.end()), shaper.end()])


def _how(ask: Ask) -> dict[str, Any]:
    return {"headers": ask.headers, "allow_redirects": False, **ask.content()}


async def _timed(waiting: _Waiting, coming: Any) -> Any:
    loop = asyncio.get_running_loop()
    began = loop.time()
    try:
        async with asyncio.timeout(max(0.0, waiting.left())):
            return await coming
    except TimeoutError:
        raise waiting.late() from None
    finally:
        waiting.waited(loop.time() - began)


def declared_rate(response: aiohttp.ClientResponse) -> int | None:
    """Return the sample rate that the headers tell (`audio/pcm;rate=24000`), if any."""
    said = [response.headers.get(name, "") for name in _RATE_HEADERS]
    parameters = response.headers.get("Content-Type", "").lower().split(";")[1:]
    said += [value.partition("=")[2] for value in parameters if value.strip().startswith("rate=")]
    return next((int(value) for value in map(str.strip, said) if value.isdecimal()), None)


def _fault(error: Exception, begun: bool) -> str:
    if isinstance(error, aiohttp.ClientConnectorError):
        return f"cannot be reached ({type(error.os_error).__name__})"
    if isinstance(error, aiohttp.ClientConnectionError | aiohttp.ClientPayloadError | OSError):
        return "broke off in mid-sentence" if begun else "broke off before any sound"
    return f"cannot be asked ({type(error).__name__})"


def _message(body: bytes, secret: str) -> str:
    """Return what an error's body tells, as ": ..." in one short line; "" when nothing."""
    text = body.decode("utf-8", "replace")
    with suppress(ValueError):
        text = _told(json.loads(text)) or text
    if secret:
        text = text.replace(secret, "***")
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return f": {line:.{_MOST_TOLD}}" if line else ""


def _told(value: Any) -> str:
    """Return the message in the usual places of a JSON error."""
    while isinstance(value, dict):
        keys = ("error", "message", "detail", "Exception")
        found = [value[key] for key in keys if value.get(key)]
        if len(found) > 1 and all(isinstance(part, str) for part in found):
            return ": ".join(found)
        value = found[0] if found else ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
