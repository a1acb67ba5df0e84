"""A voice that remembers: what was said once costs nothing the next time.

In:  sentences to speak now, and sentences that will be spoken soon.
Out: their speech, from disk when it is there, from the engines otherwise.

Each sentence that has to be made is one job, shared by everybody who wants it. Live jobs go
first: while one is being made, a job that is only prepared is stopped and begun again later.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from pathlib import Path
from typing import Any, TypeVar, TypeVarTuple

import numpy as np

from livehost.brain.voice.cache_store import Spoken, Store
from livehost.brain.voice.fallback import FallbackVoice
from livehost.brain.voice.persons import Persons
from livehost.brain.voice.speech import Chunk, Engine, Sentence, chunks
from livehost.consent import Consent
from livehost.errors import BackendBroken

AWAY_SECONDS = 5.0  # between two looks whether the first engine speaks again
LOOK_SECONDS = 5.0  # between two looks whether a consent has ended

T = TypeVar("T")
Args = TypeVarTuple("Args")


class _Job:
    """One sentence being made.

    Attributes:
        made: chunks so far.
        live: speakers that wait for it; with none it may be put off.
        over: no more chunks will come.
        error: why it ended early.
    """

    def __init__(self) -> None:
        self.made: list[Chunk] = []
        self.live = 0
        self.over = False
        self.error: BaseException | None = None
        self.task: asyncio.Task[None] | None = None
        self._changed = asyncio.Event()

    def change(self) -> None:
        self._changed.set()

    async def beyond(self, count: int) -> None:
        """Wait for chunk number `count`, or the end."""
        while len(self.made) <= count and not self.over:
            self._changed.clear()
            await self._changed.wait()


class SpeechCache:
    """The room's voice: a cache over the fallback chain. Itself a `Voice`."""

    name = "cache"

    def __init__(
        self,
        folder: Path,
        bound_bytes: int,
        engine: Engine,
        chain: FallbackVoice,
        consent: Consent | None = None,
    ) -> None:
        """Put a cache before `chain`; speech of a person without consent is deleted at once.

        Args:
            folder: where sentences are kept.
            bound_bytes: most that `folder` may hold.
            engine: the first of `chain`; only its speech is kept.
            chain: who makes speech.
            consent: that `engine` needs, when it is a person's voice.
        """
        self._engine = engine
        self._chain = chain
        self._disk = Store(folder, bound_bytes)
        self._persons = Persons(folder, self._disk, consent)
        self._persons.look()
        self._looking: asyncio.Task[None] | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="voice-cache")
        self._jobs: dict[str, _Job] = {}
        self._no_live = asyncio.Event()
        self._no_live.set()
        self._preparing = asyncio.Lock()
        self.hits = self.misses = self.prepared = self.put_off = 0

    async def speak(self, sentence: Sentence) -> AsyncGenerator[Chunk, None]:
        """Speak `sentence`; see `Voice.speak`."""
        self._keep_looking()
        key = self._engine.key(sentence)
        if spoken := await self._in_thread(self._disk.read, key):
            self.hits += 1
            for chunk in _chunks(spoken, self._engine.name):
                yield chunk
            return
        self.misses += 1
        job = self._join(key, sentence)
        try:
            async for chunk in _follow(job):
                yield chunk
        finally:
            self._leave(key, job)

    async def prepare(self, sentence: Sentence) -> bool:
        """Make the speech of `sentence` ahead of time; return whether the cache now holds it.

        Waits while somebody speaks live and while the first engine is away, whose speech alone
        is kept; prepares one sentence at a time, in the order asked.
        False when the standard engine could not make it. Cancelling stops the work.

        Raises Unspeakable.
        """
        self._keep_looking()
        key = self._engine.key(sentence)
        async with self._preparing:
            while key not in self._disk:
                await self._no_live.wait()
                if not self._chain.best_speaks:
                    await asyncio.sleep(AWAY_SECONDS)
                    continue
                job = self._jobs.get(key) or self._begin(key, sentence)
                try:
                    async for _ in _follow(job):
                        pass
                except BackendBroken:
                    return False
                except _PutOffError:
                    self.put_off += 1
                    continue
                finally:
                    self._give_up(key, job)
                if key not in self._disk:
                    return False
                self.prepared += 1
        return True

    def cached(self, sentence: Sentence) -> bool:
        """Whether `sentence` would be spoken from disk. Raises Unspeakable."""
        return self._engine.key(sentence) in self._disk

    def snapshot(self) -> dict[str, Any]:
        """Return counters of the cache and the record of each engine."""
        disk = self._disk
        return {
            "hits": self.hits,
            "misses": self.misses,
            "prepared": self.prepared,
            "put_off": self.put_off,
            "making": len(self._jobs),
            "sentences": len(disk),
            "bytes": disk.bytes,
            "evicted": disk.evicted,
            "corrupt": disk.corrupt,
            "unwritten": disk.failed,
            "purged": disk.purged,
            "unpurged": self._persons.left,
            "engines": self._chain.snapshot(),
        }

    def close(self) -> None:
        """Stop all work and let go of threads and models; idempotent."""
        for job in self._jobs.values():
            if job.task:
                job.task.cancel()
        if self._looking:
            self._looking.cancel()
        self._chain.close()
        self._thread.shutdown(wait=False)

    # --- jobs -----------------------------------------------------------------------------------

    def _join(self, key: str, sentence: Sentence) -> _Job:
        """Return the job of `key` with one more live speaker; others are put off."""
        job = self._jobs.get(key)
        self._no_live.clear()
        for name, other in list(self._jobs.items()):
            if other is not job and not other.live and other.task:
                other.error = _PutOffError()
                other.task.cancel()
                del self._jobs[name]  # whoever asks for it while it ends gets a new one
        job = job or self._begin(key, sentence)
        job.live += 1
        return job

    def _leave(self, key: str, job: _Job) -> None:
        job.live -= 1
        self._give_up(key, job)
        if not any(other.live for other in self._jobs.values()):
            self._no_live.set()

    def _give_up(self, key: str, job: _Job) -> None:
        """Stop a job that nobody live waits for any more."""
        if not job.live and not job.over and job.task:
            job.task.cancel()
            if self._jobs.get(key) is job:
                del self._jobs[key]

    def _begin(self, key: str, sentence: Sentence) -> _Job:
        job = self._jobs[key] = _Job()
        # A task of the cache's own: the job may outlive the one who asked for it first.
        job.task = asyncio.get_running_loop().create_task(self._make(key, sentence, job))
        return job

    async def _make(self, key: str, sentence: Sentence, job: _Job) -> None:
        try:
            async with aclosing(self._chain.speak(sentence)) as made:
                async for chunk in made:
                    job.made.append(chunk)
                    job.change()
            # What would sound different by now, or may not be kept any more, has another key.
            spoken = bool(job.made) and job.made[0].voice == self._engine.name
            if spoken and self._engine.key(sentence) == key:
                await self._in_thread(self._keep, key, job.made)
        except asyncio.CancelledError as error:
            job.error = job.error or error
            raise
        except Exception as error:  # the seam: whoever waits for the job gets it
            job.error = error
        finally:
            job.over = True
            job.change()
            if self._jobs.get(key) is job:
                del self._jobs[key]

    # --- disk -----------------------------------------------------------------------------------

    def _keep(self, key: str, made: list[Chunk]) -> None:
        if self._persons.note():
            self._disk.write(key, _whole(made))

    def _keep_looking(self) -> None:
        """Look after consents that may end, as long as the loop runs."""
        if not self._persons.empty and (self._looking is None or self._looking.done()):
            self._looking = asyncio.get_running_loop().create_task(self._look())

    async def _look(self) -> None:
        while True:
            await self._in_thread(self._persons.look)
            await asyncio.sleep(LOOK_SECONDS)

    async def _in_thread(self, work: Callable[[*Args], T], *args: *Args) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work, *args)


class _PutOffError(Exception):
    """A prepared job made way for a live one."""


async def _follow(job: _Job) -> AsyncGenerator[Chunk, None]:
    """Yield the chunks of `job` as they are made; raise what ended it early."""
    count = 0
    while True:
        await job.beyond(count)
        if count < len(job.made):
            yield job.made[count]
            count += 1
        elif job.error:
            raise job.error
        else:
            return


def _whole(made: list[Chunk]) -> Spoken:
    pcm = np.concatenate([chunk.pcm for chunk in made])
    return Spoken(np.round(np.clip(pcm, -1, 1) * 32767).astype(np.int16), made[0].phones)


def _chunks(spoken: Spoken, voice: str) -> list[Chunk]:
    return chunks((spoken.pcm / np.float32(32767)).astype(np.float32), voice, spoken.phones)
