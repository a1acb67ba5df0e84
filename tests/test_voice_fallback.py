"""The fallback chain on virtual time with scripted engines: who speaks, who rests, who is tried."""

import asyncio
import logging
from contextlib import aclosing
from itertools import pairwise

import numpy as np
import pytest

from livehost.brain import voice_status
from livehost.brain.voice.fallback import FallbackVoice
from livehost.brain.voice.speech import Chunk, Sentence, Unfit, Unspeakable
from livehost.clock import VirtualTimeLoop
from livehost.consent import NoConsent
from livehost.errors import BackendBroken, BackendTimeout, Transient
from livehost.media import CHUNK_SAMPLES


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
        self.asked, self.closed = [], 0

    def key(self, sentence):
        return self.name + sentence.text

    async def speak(self, sentence):
        if not sentence.text:
            raise Unspeakable("nothing")
        self.asked.append((now(), sentence.text))
        try:
            for n in range(self.chunks):
                await asyncio.sleep(self.delay)
                if self.error and n == self.fails_at:
                    raise self.error
                yield Chunk(np.full(CHUNK_SAMPLES, 0.5, np.float32), (), self.name)
        finally:
            self.closed += 1

    def close(self):
        pass


async def hear(voice, text="hi"):
    async with aclosing(voice.speak(Sentence(text))) as chunks:
        return [chunk async for chunk in chunks]


async def who(voice, text="hi"):
    (name,) = {chunk.voice for chunk in await hear(voice, text)}
    return name


# --- who speaks ---------------------------------------------------------------------------------


def test_the_first_engine_that_can_speaks():
    async def main():
        broken = Scripted("broken", error=BackendBroken("no model"))
        voice = FallbackVoice([broken, Scripted()])
        heard = [await who(voice) for _ in range(2)]
        return heard, len(broken.asked), voice.snapshot()["broken"]

    heard, asked, record = run(main())
    assert (heard, asked) == (["good", "good"], 1)
    assert record == {
        "state": "resting", "spoken": 0, "late": 0, "failed": 1, "refused": 0, "probes": 0,
        "rests_seconds": 19.4, "why": "no model",
    }  # fmt: skip


def test_the_voice_never_changes_in_mid_sentence():
    async def main():
        half = Scripted("half", error=BackendBroken("died"), fails_at=1)
        good = Scripted()
        voice = FallbackVoice([half, good])
        heard = []
        with pytest.raises(BackendBroken, match="died"):
            async with aclosing(voice.speak(Sentence("hi"))) as chunks:
                async for chunk in chunks:
                    heard.append(chunk.voice)
        asked = list(good.asked)
        return heard, asked, await who(voice, "next")

    assert run(main()) == (["half"], [], "good")


@pytest.mark.parametrize("error", [Transient("slow"), KeyError("bug"), BackendTimeout("late")])
def test_whatever_breaks_a_sentence_in_the_middle_is_one_kind_of_error(error):
    async def main():
        voice = FallbackVoice([Scripted("half", error=error, fails_at=1), Scripted()])
        with pytest.raises(BackendBroken):
            await hear(voice)
        return voice.snapshot()["half"]["state"], await who(voice)

    assert run(main()) == ("resting", "good")


@pytest.mark.parametrize("error", [BackendTimeout("server is slow"), ValueError("a bug in it")])
def test_whatever_an_engine_does_the_next_one_speaks(error):
    async def main():
        voice = FallbackVoice([Scripted("bad", error=error), Scripted()])
        return await who(voice), voice.snapshot()["bad"]["why"]

    name, why = run(main())
    assert name == "good" and str(error) in why


def test_longer_texts_have_longer_deadlines_and_loaded_engines_shorter_ones():
    async def main():
        waited = []
        for text in ("hi", "x" * 300):
            for started in (False, True):
                engine = Scripted("engine")
                voice = FallbackVoice([engine, Scripted(delay=0)])
                if started:
                    await hear(voice)
                engine.delay, began = 500, now()
                await hear(voice, text)
                waited.append(round(now() - began, 3))
        return waited

    assert run(main()) == [38.8, 8.8, 62, 32]


def test_what_cannot_be_spoken_is_nobodys_fault():
    async def main():
        engine, good = Scripted("engine"), Scripted()
        voice = FallbackVoice([engine, good])
        with pytest.raises(Unspeakable):
            await hear(voice, "")
        return good.asked, voice.snapshot()["engine"]["state"]

    assert run(main()) == ([], "ok")


def test_another_language_is_no_fault_either(caplog):
    async def main():
        english = Scripted("english", error=Unfit("English only"))
        voice = FallbackVoice([english, Scripted()])
        heard = [await who(voice) for _ in range(3)]
        return heard, len(english.asked), voice.snapshot()["english"]

    heard, asked, record = run(main())
    assert (heard, asked) == (["good"] * 3, 3)
    assert (record["state"], record["late"], record["failed"]) == ("ok", 0, 0)
    assert not caplog.records


def test_nobody_can_speak():
    async def main():
        voice = FallbackVoice([Scripted("a", error=BackendBroken("x")), Scripted("b", chunks=0)])
        with pytest.raises(BackendBroken, match="no voice"):
            await hear(voice)
        return voice.snapshot()["b"]["why"]

    assert run(main()) == "it made no sound"


def test_where_nobody_is_well_those_that_rest_are_asked_again():
    """Better a voice that has just failed than none."""

    async def main():
        first, second = (Scripted(name, error=BackendBroken("x")) for name in "ab")
        voice = FallbackVoice([first, second])
        with pytest.raises(BackendBroken):
            await hear(voice)
        second.error = None
        return await who(voice)

    assert run(main()) == "b"


# --- rest and return ----------------------------------------------------------------------------


def test_an_engine_comes_back_only_after_it_answered_unheard():
    async def main():
        engine, good = Scripted("engine", error=BackendBroken("busy")), Scripted()
        voice = FallbackVoice([engine, good])
        heard = [await who(voice, "one")]
        engine.error = None
        await asyncio.sleep(10)
        heard.append(await who(voice, "two"))  # it rests
        await asyncio.sleep(15)
        heard.append(await who(voice, "three"))  # tried unheard
        await asyncio.sleep(1)
        heard.append(await who(voice, "four"))
        record = voice.snapshot()["engine"]
        return heard, [text for _, text in engine.asked], record["state"], record["probes"]

    heard, asked, state, probes = run(main())
    assert heard == ["good", "good", "good", "engine"]
    assert asked == ["one", "three", "four"]
    assert (state, probes) == ("ok", 1)


def test_a_server_that_hangs_delays_one_sentence_only():
    async def main():
        hanging = Scripted("hanging", delay=10_000)
        voice = FallbackVoice([hanging, Scripted(delay=0)])
        waits = []
        for _ in range(200):
            began = now()
            await hear(voice)
            waits.append(now() - began)
            await asyncio.sleep(3)
        return waits, len(hanging.asked), voice.snapshot()["hanging"]

    waits, asked, record = run(main())
    assert waits[0] == pytest.approx(38.8) and not any(waits[1:])
    assert asked == 1 + record["probes"] and record["probes"] >= 3
    assert record["late"] in {asked, asked - 1}


def test_the_rest_grows_and_is_bounded():
    async def main():
        engine = Scripted("engine", delay=0, error=BackendBroken("down"))
        voice = FallbackVoice([engine, Scripted(delay=0)])
        for _ in range(2000):
            await hear(voice)
            await asyncio.sleep(1)
        engine.error = None
        await asyncio.sleep(300)
        await hear(voice)
        await asyncio.sleep(1)
        engine.error = BackendBroken("again")
        await hear(voice)
        return [at for at, _ in engine.asked], voice.snapshot()["engine"]["rests_seconds"]

    asked, rests = run(main())
    gaps = [round(b - a) for a, b in pairwise(asked)]
    assert gaps[:8] == [20, 40, 80, 160, 300, 300, 300, 300]
    assert rests == 20  # after it had spoken, it begins anew


def test_an_engine_that_comes_and_goes_changes_the_voice_rarely():
    """It fails at every other asking; the voice must not alternate."""

    async def main():
        engine = Scripted("engine", delay=0)
        voice = FallbackVoice([engine, Scripted(delay=0)])
        heard = []
        for n in range(300):
            engine.error = BackendBroken("flaky") if len(engine.asked) % 2 else None
            heard.append(await who(voice, str(n)))
            await asyncio.sleep(2)
        return heard

    heard = run(main())
    changes = sum(a != b for a, b in pairwise(heard))
    assert changes <= 600 / 20


def test_a_close_ends_the_probe():
    async def main():
        engine = Scripted("engine", error=BackendBroken("x"))
        voice = FallbackVoice([engine, Scripted(delay=0)])
        await hear(voice)
        engine.error, engine.delay = None, 100
        await asyncio.sleep(30)
        await hear(voice)
        state = voice.snapshot()["engine"]["state"]
        await asyncio.sleep(0)
        voice.close()
        await asyncio.sleep(0.1)
        return state, engine.closed, len(asyncio.all_tasks())

    assert run(main()) == ("probing", 2, 1)


# --- consent ------------------------------------------------------------------------------------


def test_without_consent_the_next_voice_speaks_at_once_and_back_as_soon_as_it_is_given(caplog):
    async def main():
        person = Scripted("person", delay=0, error=NoConsent("consent of Mei expired"))
        voice = FallbackVoice([person, Scripted(delay=0)])
        heard = [await who(voice) for _ in range(3)]
        record = voice.snapshot()["person"]
        person.error = None
        heard.append(await who(voice))
        return heard, record, voice.snapshot()["person"]["state"]

    with caplog.at_level(logging.INFO):
        heard, record, state = run(main())
    assert heard == ["good", "good", "good", "person"]
    assert (record["state"], record["refused"], record["failed"]) == ("refused", 3, 0)
    assert state == "ok"
    said = [(r.message, getattr(r, "why", "")) for r in caplog.records]
    assert said == [
        ("voice is not used without consent", "consent of Mei expired"),
        ("voice speaks again", ""),
    ]


# --- seen from outside --------------------------------------------------------------------------


def test_failures_are_logged_on_the_edge(caplog):
    async def main():
        engine = Scripted("engine", delay=0, error=BackendBroken("down"))
        voice = FallbackVoice([engine, Scripted(delay=0)])
        for _ in range(200):
            await hear(voice)
            await asyncio.sleep(1)
        engine.error = None
        for _ in range(400):
            await hear(voice)
            await asyncio.sleep(1)

    with caplog.at_level(logging.INFO):
        run(main())
    assert [r.message for r in caplog.records] == ["voice failed", "voice speaks again"]


def test_status_and_metrics():
    async def main():
        voice = FallbackVoice([Scripted("a", error=BackendBroken("no model")), Scripted("b")])
        await hear(voice)
        return voice.snapshot()

    snapshot = run(main())
    numbers = voice_status.numbers(snapshot)
    assert numbers['livehost_voice_ok{engine="a"}'] == 0
    assert numbers['livehost_voice_ok{engine="b"}'] == 1
    assert numbers['livehost_voice_failed_total{engine="a"}'] == 1
    assert numbers['livehost_voice_spoken_total{engine="b"}'] == 1
    assert voice_status.warnings(snapshot) == ["voice a is resting: no model"]
