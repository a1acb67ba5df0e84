"""The speech cache, on virtual time with scripted engines."""

import asyncio
import os
from contextlib import aclosing

import numpy as np
import pytest

from livehost.brain.voice.cache import SpeechCache
from livehost.brain.voice.cache_store import Spoken, Store
from livehost.brain.voice.fallback import FallbackVoice
from livehost.brain.voice.speech import Chunk, Sentence, Unspeakable
from livehost.clock import VirtualTimeLoop
from livehost.errors import BackendBroken
from livehost.media import CHUNK_SAMPLES, Phone

PHONES = (Phone("n", 0, 4800), Phone("i", 4800, 9600, 1))


def run(coro):
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(coro)


def now():
    return asyncio.get_running_loop().time()


class Scripted:
    """An engine that takes `delay` seconds for each of its chunks, or fails at one of them."""

    def __init__(self, name="good", *, delay=0.1, chunks=3, error=None, fails_at=0):
        self.name, self.delay, self.chunks = name, delay, chunks
        self.error, self.fails_at = error, fails_at
        self.asked, self.made, self.closed = [], 0, 0

    def key(self, sentence):
        if not sentence.text:
            raise Unspeakable("nothing")
        return f"{self.name}{sentence.text}".encode().hex()

    async def speak(self, sentence):
        self.key(sentence)
        self.asked.append(sentence.text)
        try:
            for n in range(self.chunks):
                await asyncio.sleep(self.delay)
                if self.error and n == self.fails_at:
                    raise self.error
                self.made += 1
                pcm = np.full(CHUNK_SAMPLES, 0.5, np.float32)
                yield Chunk(pcm, PHONES if n == 0 else (), self.name)
        finally:
            self.closed += 1

    def close(self):
        pass


class Reluctant(Scripted):
    """An engine that takes half a second to stop."""

    async def speak(self, sentence):
        try:
            async with aclosing(super().speak(sentence)) as chunks:
                async for chunk in chunks:
                    yield chunk
        finally:
            await asyncio.sleep(0.5)


async def hear(voice, text):
    async with aclosing(voice.speak(Sentence(text))) as chunks:
        return [chunk async for chunk in chunks]


def cache_of(folder, *engines, bound=10**9):
    return SpeechCache(folder, bound, engines[0], FallbackVoice(engines))


# --- cache --------------------------------------------------------------------------------------


def test_the_second_time_costs_nothing(tmp_path):
    async def main():
        engine = Scripted()
        voice = cache_of(tmp_path, engine)
        sentence = Sentence("hi")
        before = voice.cached(sentence)
        first = await hear(voice, "hi")
        took = now()
        second = await hear(voice, "hi")
        again = now() - took
        later = cache_of(tmp_path, engine)  # another process, later
        return before, voice.cached(sentence), first, second, again, engine, voice, later

    before, after, first, second, again, engine, voice, later = run(main())
    assert (before, after, again) == (False, True, 0)
    assert engine.asked == ["hi"]
    assert second[0].phones == first[0].phones == PHONES
    one, two = (np.concatenate([c.pcm for c in chunks]) for chunks in (first, second))
    assert np.abs(one - two).max() < 1e-4
    assert all(len(c.pcm) <= CHUNK_SAMPLES and c.voice == "good" for c in second)
    assert (voice.hits, voice.misses) == (1, 1)
    assert later.cached(Sentence("hi"))


def test_chunks_are_passed_on_while_the_rest_is_made(tmp_path):
    async def main():
        voice = cache_of(tmp_path, Scripted(chunks=10))
        async with aclosing(voice.speak(Sentence("hi"))) as chunks:
            await anext(chunks)
            return now()

    assert run(main()) == pytest.approx(0.1)


def test_what_another_engine_said_is_not_kept(tmp_path):
    async def main():
        voice = cache_of(tmp_path, Scripted(error=BackendBroken("x")), Scripted("second"))
        heard = await hear(voice, "hi")
        return heard[0].voice, voice.cached(Sentence("hi"))

    assert run(main()) == ("second", False)


def test_half_a_sentence_is_not_kept(tmp_path):
    async def main():
        engine = Scripted(error=BackendBroken("x"), fails_at=2)
        voice = cache_of(tmp_path, engine)
        with pytest.raises(BackendBroken):
            await hear(voice, "hi")
        return voice.cached(Sentence("hi")), list(tmp_path.rglob("*.speech"))

    assert run(main()) == (False, [])


def test_a_cut_stops_the_work_at_once(tmp_path):
    async def main():
        engine = Scripted(chunks=100)
        voice = cache_of(tmp_path, engine)
        async with aclosing(voice.speak(Sentence("long"))) as chunks:
            await anext(chunks)
        await asyncio.sleep(5)
        began = now()
        await hear_first(voice, "next")
        return engine.made, now() - began, voice.snapshot()["making"]

    async def hear_first(voice, text):
        async with aclosing(voice.speak(Sentence(text))) as chunks:
            await anext(chunks)

    made, waited, making = run(main())
    assert made == 2  # the first of each sentence
    assert waited == pytest.approx(0.1)
    assert making == 0


def test_prepare_fills_the_cache(tmp_path):
    async def main():
        engine = Scripted()
        voice = cache_of(tmp_path, engine)
        done = [await voice.prepare(Sentence(text)) for text in ("a", "b", "a")]
        await hear(voice, "b")
        return done, engine.asked, voice.hits, voice.prepared

    assert run(main()) == ([True, True, True], ["a", "b"], 1, 2)


def test_nothing_is_prepared_while_the_engine_that_is_kept_is_away(tmp_path):
    async def main():
        good, other = Scripted(error=BackendBroken("gone")), Scripted("other")
        voice = SpeechCache(tmp_path, 10**9, good, FallbackVoice([good, other]))
        await hear(voice, "一")
        preparing = asyncio.ensure_future(voice.prepare(Sentence("二")))
        await asyncio.sleep(15)
        assert not preparing.done() and other.asked == ["一"]
        good.error = None
        await asyncio.sleep(60)
        await hear(voice, "三")  # tries the engine again, unheard
        await asyncio.sleep(30)
        return preparing.done() and preparing.result(), good.asked, other.asked

    prepared, asked, others = run(main())
    assert prepared and asked[-1] == "二" and others == ["一", "三"]


def test_live_speech_is_not_delayed_by_preparing(tmp_path):
    async def main():
        engine = Scripted(delay=1.0, chunks=5)
        voice = cache_of(tmp_path, engine)
        async with asyncio.TaskGroup() as group:
            ahead = group.create_task(voice.prepare(Sentence("script")))
            await asyncio.sleep(2.5)
            began = now()
            async with aclosing(voice.speak(Sentence("answer"))) as chunks:
                await anext(chunks)
                waited = now() - began
                running = engine.asked.count("script") - engine.closed
                async for _ in chunks:
                    pass
        return waited, running, ahead.result(), engine.asked, voice.put_off

    waited, running, prepared, asked, put_off = run(main())
    assert waited == pytest.approx(1.0)  # the time of its own first chunk
    assert running == 0
    assert prepared is True
    assert asked == ["script", "answer", "script"]
    assert put_off == 1


def test_live_speech_joins_what_is_being_prepared(tmp_path):
    async def main():
        engine = Scripted(delay=1.0, chunks=5)
        voice = cache_of(tmp_path, engine)
        async with asyncio.TaskGroup() as group:
            ahead = group.create_task(voice.prepare(Sentence("same")))
            await asyncio.sleep(2.5)
            began = now()
            heard = await hear(voice, "same")
            took = now() - began
        return len(heard), took, ahead.result(), engine.asked

    count, took, prepared, asked = run(main())
    assert (count, prepared, asked) == (5, True, ["same"])
    assert took == pytest.approx(2.5)


def test_what_is_just_being_put_off_is_made_anew_for_a_live_speaker(tmp_path):
    async def main():
        engine = Reluctant(delay=1.0, chunks=5)
        voice = cache_of(tmp_path, engine)
        async with asyncio.TaskGroup() as group:
            ahead = group.create_task(voice.prepare(Sentence("script")))
            await asyncio.sleep(2.5)
            answer = group.create_task(hear(voice, "answer"))
            await asyncio.sleep(0.2)
            live = group.create_task(hear(voice, "script"))
        return len(answer.result()), len(live.result()), ahead.result()

    assert run(main()) == (5, 5, True)


def test_a_speaker_goes_on_when_the_preparer_gives_up(tmp_path):
    async def main():
        engine = Scripted(delay=1.0, chunks=5)
        voice = cache_of(tmp_path, engine)
        async with asyncio.TaskGroup() as group:
            ahead = group.create_task(voice.prepare(Sentence("same")))
            await asyncio.sleep(1.5)
            live = group.create_task(hear(voice, "same"))
            await asyncio.sleep(1)
            ahead.cancel()
        return len(live.result()), engine.asked

    assert run(main()) == (5, ["same"])


def test_cancelling_prepare_stops_the_work(tmp_path):
    async def main():
        engine = Scripted(delay=1.0, chunks=100)
        voice = cache_of(tmp_path, engine)
        ahead = asyncio.ensure_future(voice.prepare(Sentence("script")))
        await asyncio.sleep(2.5)
        ahead.cancel()
        await asyncio.sleep(60)
        return engine.made, engine.closed, voice.snapshot()["making"]

    assert run(main()) == (2, 1, 0)


def test_two_speakers_share_one_job(tmp_path):
    async def main():
        engine = Scripted(delay=1.0)
        voice = cache_of(tmp_path, engine)
        both = await asyncio.gather(hear(voice, "same"), hear(voice, "same"))
        return [len(chunks) for chunks in both], engine.asked

    assert run(main()) == ([3, 3], ["same"])


def test_many_at_once(tmp_path):
    async def main():
        engine = Scripted(delay=0.01)
        voice = cache_of(tmp_path, engine)
        texts = [f"t{n % 7}" for n in range(50)]
        heard = await asyncio.gather(
            *(hear(voice, text) for text in texts),
            *(voice.prepare(Sentence(text)) for text in texts),
        )
        return heard, voice.snapshot()

    heard, snapshot = run(main())
    assert all(len(chunks) == 3 for chunks in heard[:50])
    assert heard[50:] == [True] * 50
    assert snapshot["sentences"] == 7
    assert snapshot["making"] == 0


def test_unspeakable_text_reaches_the_caller(tmp_path):
    async def main():
        voice = cache_of(tmp_path, Scripted())
        for call in (hear(voice, ""), voice.prepare(Sentence(""))):
            with pytest.raises(Unspeakable):
                await call
        return voice.snapshot()["making"]

    assert run(main()) == 0


def test_close_stops_everything(tmp_path):
    async def main():
        engine = Scripted(delay=1.0, chunks=100)
        voice = cache_of(tmp_path, engine)
        ahead = asyncio.ensure_future(voice.prepare(Sentence("script")))
        await asyncio.sleep(2.5)
        voice.close()
        voice.close()
        await asyncio.sleep(10)
        ahead.cancel()
        return engine.made

    assert run(main()) == 2


# --- the files ----------------------------------------------------------------------------------


def speech(samples=1000, seed=0):
    noise = np.random.default_rng(seed).integers(-30_000, 30_000, samples)
    return Spoken(noise.astype(np.int16), PHONES)


def test_store_gives_back_what_it_was_given(tmp_path):
    Store(tmp_path, 10**6).write("ab12", speech())
    found = Store(tmp_path, 10**6).read("ab12")
    assert np.array_equal(found.pcm, speech().pcm)
    assert found.phones == PHONES
    assert Store(tmp_path, 10**6).read("other") is None


def test_the_sentence_not_used_for_longest_goes_first(tmp_path):
    store = Store(tmp_path, 7000)
    for key in ("aa", "bb", "cc"):
        store.write(key, speech())
    store.read("aa")
    store.write("dd", speech())
    assert [key in store for key in ("aa", "bb", "cc", "dd")] == [True, False, True, True]
    assert store.bytes <= 7000
    assert store.evicted == 1
    assert store.bytes == sum(p.stat().st_size for p in tmp_path.rglob("*.speech"))


def test_the_order_of_use_survives_a_restart(tmp_path):
    store = Store(tmp_path, 10**6)
    for age, key in enumerate(("aa", "bb", "cc")):
        store.write(key, speech())
        os.utime(tmp_path / key / f"{key}.speech", (1000 - age, 1000 - age))
    again = Store(tmp_path, 7000)
    again.write("dd", speech())
    assert [key in again for key in ("aa", "bb", "cc", "dd")] == [True, True, False, True]


def test_a_sentence_larger_than_the_bound_is_still_kept_for_now(tmp_path):
    store = Store(tmp_path, 100)
    store.write("aa", speech())
    store.write("bb", speech())
    assert "aa" not in store
    assert store.read("bb") is not None


def damage_middle(content):
    return content[:60] + bytes([content[60] ^ 1]) + content[61:]


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: b"",
        lambda content: content[:3],
        lambda content: content[:-1],
        lambda content: content + b"x",
        lambda content: b"\0" * len(content),
        lambda content: b"LHV9" + content[4:],
        damage_middle,
    ],
)
def test_damaged_speech_is_made_again(tmp_path, damage):
    async def main():
        engine = Scripted()
        voice = cache_of(tmp_path, engine)
        await hear(voice, "hi")
        (path,) = tmp_path.rglob("*.speech")
        path.write_bytes(damage(path.read_bytes()))
        await hear(voice, "hi")
        third = await hear(voice, "hi")
        return engine.asked, voice.snapshot(), third[0].phones

    asked, snapshot, phones = run(main())
    assert asked == ["hi", "hi"]
    assert (snapshot["corrupt"], snapshot["hits"]) == (1, 1)
    assert phones == PHONES


def test_a_file_that_vanished_is_made_again_quietly(tmp_path):
    async def main():
        engine = Scripted()
        voice = cache_of(tmp_path, engine)
        await hear(voice, "hi")
        for path in tmp_path.rglob("*.speech"):
            path.unlink()
        await hear(voice, "hi")
        return engine.asked, voice.snapshot()["corrupt"]

    assert run(main()) == (["hi", "hi"], 0)


def test_what_a_crash_left_behind_is_cleared(tmp_path):
    (tmp_path / "123-0.partial").write_bytes(b"half")
    Store(tmp_path, 10**6)
    assert not list(tmp_path.iterdir())


def test_a_disk_that_cannot_be_written_costs_only_the_cache(tmp_path):
    target = tmp_path / "file"
    target.write_text("not a folder")

    async def main():
        voice = cache_of(target, Scripted())
        heard = [len(await hear(voice, "hi")) for _ in range(2)]
        return heard, voice.snapshot()["unwritten"], await voice.prepare(Sentence("x"))

    assert run(main()) == ([3, 3], 2, False)
