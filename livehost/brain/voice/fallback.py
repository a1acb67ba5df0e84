"""Several engines as one voice: the first that can speaks, and never two in one sentence.

In:  a sentence.   Out: the chunks of the first engine that starts in time.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from livehost.brain.voice.speech import Chunk, Engine, Sentence, Unspeakable
from livehost.errors import BackendBroken, Transient

log = logging.getLogger(__name__)

_DEADLINE_SECONDS, _DEADLINE_PER_CHARACTER, _MOST_CHARACTERS = 8.0, 0.4, 60
_FIRST_START_SECONDS = 30.0  # loading models on a busy machine
_REST_SECONDS = 60.0  # until a broken engine is tried again


@dataclass(slots=True)
class _Health:
    """One engine's record.

    Attributes:
        spoken, late, failed: sentences.
        rests_until: loop time before which it is not asked.
        started: it has spoken once, so its models are loaded.
        why: the last failure, "" after a success.
    """

    engine: Engine
    spoken: int = 0
    late: int = 0
    failed: int = 0
    rests_until: float = 0.0
    started: bool = False
    why: str = ""


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
        for record in self._records:
            if asyncio.get_running_loop().time() < record.rests_until:
                continue
            async with aclosing(record.engine.speak(sentence)) as chunks:
                first = await self._first(record, chunks, sentence)
                if first is None:
                    continue
                yield first
                try:
                    async for chunk in chunks:
                        yield chunk
                except BackendBroken as error:
                    self._broken(record, error)
                    raise
                return
        raise BackendBroken("no voice could speak this sentence")

    async def _first(
        self, record: _Health, chunks: AsyncGenerator[Chunk, None], sentence: Sentence
    ) -> Chunk | None:
        try:
            async with asyncio.timeout(_deadline(sentence, record.started)):
                first = await anext(chunks)
        except Unspeakable:
            raise
        except (Transient, TimeoutError) as error:
            record.late += 1
            self._note(record, str(error) or "no sound before the deadline")
            return None
        except (BackendBroken, StopAsyncIteration) as error:
            self._broken(record, error)
            return None
        record.spoken += 1
        record.started = True
        if record.why:
            log.info("voice speaks again", extra={"voice": record.engine.name})
        record.why = ""
        return first

    def _broken(self, record: _Health, error: Exception) -> None:
        record.failed += 1
        record.rests_until = asyncio.get_running_loop().time() + _REST_SECONDS
        self._note(record, str(error) or "it made no sound")

    def _note(self, record: _Health, why: str) -> None:
        if not record.why:
            log.warning("voice failed", extra={"voice": record.engine.name, "why": why})
        record.why = why

    def snapshot(self) -> dict[str, Any]:
        """Return the record of each engine by name."""
        now = asyncio.get_running_loop().time()
        return {
            record.engine.name: {
                "state": "resting"
                if record.rests_until > now
                else "failing"
                if record.why
                else "ok",
                "spoken": record.spoken,
                "late": record.late,
                "failed": record.failed,
                "why": record.why,
            }
            for record in self._records
        }

    def close(self) -> None:
        """Close every engine."""
        for record in self._records:
            record.engine.close()


def _deadline(sentence: Sentence, started: bool) -> float:
    """Seconds to the first sound: longer texts may have a longer first clause."""
    length = min(len(sentence.text), _MOST_CHARACTERS)
    grace = 0.0 if started else _FIRST_START_SECONDS
    return _DEADLINE_SECONDS + _DEADLINE_PER_CHARACTER * length + grace
