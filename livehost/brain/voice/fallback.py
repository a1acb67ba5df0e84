"""Several engines as one voice: the first that can speaks, and never two in one sentence.

In:  a sentence.   Out: the chunks of the first engine that starts in time.

An engine that failed rests, longer after each failure. When its rest is over, a sentence that
another engine speaks is tried on it unheard; only when it has answered does it go on air again.
So nobody waits for a server that hangs, and the voice does not change to and fro.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from livehost.brain.voice.speech import Chunk, Engine, Sentence, Unfit, Unspeakable
from livehost.consent import NoConsent
from livehost.errors import BackendBroken, LivehostError, Transient

log = logging.getLogger(__name__)

_DEADLINE_SECONDS, _DEADLINE_PER_CHARACTER, _MOST_CHARACTERS = 8.0, 0.4, 60
_FIRST_START_SECONDS = 30.0  # loading models on a busy machine
_REST_SECONDS, _REST_FACTOR, _MOST_REST_SECONDS = 20.0, 2.0, 300.0


@dataclass(slots=True)
class _Health:
    """One engine's record.

    Attributes:
        spoken, late, failed, refused: sentences; refused ones lacked the person's consent.
        tries: probes, unheard.
        rests_until: loop time before which it is not asked.
        in_a_row: failures since it last spoke.
        started: it has spoken once, so its models are loaded.
        why: the last failure, "" after a success.
        probe: tries it unheard.
    """

    engine: Engine
    spoken: int = 0
    late: int = 0
    failed: int = 0
    refused: int = 0
    tries: int = 0
    rests_until: float = 0.0
    in_a_row: int = 0
    started: bool = False
    lacks_consent: bool = False
    why: str = ""
    probe: asyncio.Task[None] | None = None

    def state(self, now: float) -> str:
        """Return ok, refused, probing, resting or, when its rest is over, failing."""
        if self.lacks_consent:
            return "refused"
        if self.probe and not self.probe.done():
            return "probing"
        if not self.why:
            return "ok"
        return "resting" if self.rests_until > now else "failing"


class FallbackVoice:
    """Tries engines in order. A sentence that has begun is never begun again by another one."""

    name = "fallback"

    def __init__(self, engines: Sequence[Engine]) -> None:
        """Args: engines: best first; the last one should never fail."""
        self._records = [_Health(engine) for engine in engines]

    async def speak(self, sentence: Sentence) -> AsyncGenerator[Chunk, None]:
        """Speak `sentence`; see `Voice.speak`.

        Raises:
            Unspeakable: from the first engine asked; no other is tried.
            BackendBroken: no engine could start, or the one that spoke failed in mid-sentence.
        """
        for record in self._in_order():
            async with aclosing(record.engine.speak(sentence)) as chunks:
                first = await self._first(record, chunks, sentence)
                if first is None:
                    continue
                self._probe_better(record, sentence)
                yield first
                async with aclosing(self._rest(record, chunks)) as rest:
                    async for chunk in rest:
                        yield chunk
                return
        raise BackendBroken("no voice could speak this sentence")

    def _in_order(self) -> list[_Health]:
        """Return the engines that speak, best first; behind them, for when there is no other,
        those whose rest is over, and those that rest."""
        now = asyncio.get_running_loop().time()
        ranks = {"ok": 0, "refused": 0, "failing": 1, "probing": 1, "resting": 2}
        return sorted(self._records, key=lambda record: ranks[record.state(now)])

    async def _first(
        self, record: _Health, chunks: AsyncGenerator[Chunk, None], sentence: Sentence
    ) -> Chunk | None:
        """Return the first chunk; None when there is none, which is noted."""
        try:
            async with asyncio.timeout(_deadline(sentence, record.started)):
                first = await anext(chunks)
        except (Unspeakable, asyncio.CancelledError):
            raise
        except Unfit:
            return None
        except Exception as error:  # the seam to plugins
            self._failed(record, error)
            return None
        self._works(record)
        record.spoken += 1
        return first

    async def _rest(
        self, record: _Health, chunks: AsyncGenerator[Chunk, None]
    ) -> AsyncGenerator[Chunk, None]:
        """Yield the other chunks. Raises BackendBroken, whatever went wrong."""
        try:
            async for chunk in chunks:
                yield chunk
        except Exception as error:  # the seam to plugins
            self._failed(record, error)
            if isinstance(error, BackendBroken):
                raise
            raise BackendBroken(_said(error)) from error

    # --- health ---------------------------------------------------------------------------------

    def _works(self, record: _Health) -> None:
        if record.why:
            log.info("voice speaks again", extra={"voice": record.engine.name})
        record.started, record.lacks_consent = True, False
        record.in_a_row, record.rests_until, record.why = 0, 0.0, ""

    def _failed(self, record: _Health, error: Exception) -> None:
        why = _said(error)
        if isinstance(error, NoConsent):
            record.refused += 1
            if not record.lacks_consent:
                extra = {"voice": record.engine.name, "why": why}
                log.warning("voice is not used without consent", extra=extra)
            record.lacks_consent, record.why = True, why
            return
        if isinstance(error, Transient | TimeoutError):
            record.late += 1
        else:
            record.failed += 1
        if not record.why or record.lacks_consent:
            log.warning("voice failed", extra={"voice": record.engine.name, "why": why})
        record.lacks_consent, record.why = False, why
        rest = min(_REST_SECONDS * _REST_FACTOR**record.in_a_row, _MOST_REST_SECONDS)
        record.in_a_row += 1
        record.rests_until = asyncio.get_running_loop().time() + rest

    def _probe_better(self, speaking: _Health, sentence: Sentence) -> None:
        """Try rested engines before the speaking one unheard, with what it speaks."""
        loop = asyncio.get_running_loop()
        for record in self._records[: self._records.index(speaking)]:
            if record.state(loop.time()) == "failing":
                record.tries += 1
                record.probe = loop.create_task(self._probe(record, sentence))

    async def _probe(self, record: _Health, sentence: Sentence) -> None:
        try:
            async with (
                asyncio.timeout(_deadline(sentence, record.started)),
                aclosing(record.engine.speak(sentence)) as chunks,
            ):
                await anext(chunks)
        except (Unspeakable, Unfit):
            return
        except Exception as error:  # the seam to plugins
            self._failed(record, error)
            return
        self._works(record)

    # --- seen from outside ----------------------------------------------------------------------

    @property
    def best_speaks(self) -> bool:
        """The first engine is neither failing nor refused."""
        return self._records[0].state(asyncio.get_running_loop().time()) == "ok"

    def snapshot(self) -> dict[str, Any]:
        """Return the record of each engine by name."""
        now = asyncio.get_running_loop().time()
        return {
            record.engine.name: {
                "state": record.state(now),
                "spoken": record.spoken,
                "late": record.late,
                "failed": record.failed,
                "refused": record.refused,
                "probes": record.tries,
                "rests_seconds": round(max(0.0, record.rests_until - now), 1),
                "why": record.why,
            }
            for record in self._records
        }

    def close(self) -> None:
        """Stop the probes and close every engine."""
        for record in self._records:
            if record.probe:
                record.probe.cancel()
            record.engine.close()


def _said(error: Exception) -> str:
    if isinstance(error, LivehostError) and str(error):
        return str(error)
    if isinstance(error, TimeoutError):
        return "no sound before the deadline"
    if isinstance(error, StopAsyncIteration):
        return "it made no sound"
    return f"{type(error).__name__}: {error}"


def _deadline(sentence: Sentence, started: bool) -> float:
    """Seconds to the first sound: longer texts may have a longer first clause."""
    length = min(len(sentence.text), _MOST_CHARACTERS)
    grace = 0.0 if started else _FIRST_START_SECONDS
    return _DEADLINE_SECONDS + _DEADLINE_PER_CHARACTER * length + grace
