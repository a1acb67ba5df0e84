"""What every engine promises, and the sound and timings of the ones that have a model."""

import asyncio
import wave
from contextlib import aclosing
from itertools import pairwise

import numpy as np
import pytest

from livehost.brain.voice import ENGINES, Sentence, Unspeakable, make_engine, make_voice
from livehost.brain.voice.kokoro import find_vector
from livehost.brain.voice.level import BOTH_CHANNELS, CEILING, loudness
from livehost.brain.voice.listing import ABOUT
from livehost.brain.voice.say import default_room, say
from livehost.brain.voice.speech import MOST_CHARACTERS, Unfit
from livehost.config import State, Voice
from livehost.errors import BackendBroken, ConfigError
from livehost.media import CHUNK_SAMPLES
from tests import tiny_coqui
from tests.voice_servers import KEY, VoiceServer, served_room

TEXT = {"hibari": "Hello there, only five dollars today!"}
SERVED = ("openai", "sovits", "cosyvoice")
needs_coqui = pytest.mark.skipif(bool(tiny_coqui.missing()), reason=tiny_coqui.missing())
ALL = [pytest.param(name, marks=[needs_coqui] if name == "coqui" else []) for name in ENGINES]
TIMED = [name for name in ENGINES if ABOUT[name].timings]
WITH_SOUND = [each for each in ALL if each.values[0] not in {"silent", "tone"}]
CHINESE = "家人们，今天只要199.9元！"


def room(engine="kokoro", **changes):
    voice = Voice(engine=engine, fallback=(), **changes)
    return default_room().model_copy(update={"voice": voice})


@pytest.fixture(scope="module")
def room_of(tmp_path_factory):
    """A room for each engine, with its server or its model."""
    folder = tmp_path_factory.mktemp("voices")
    server = VoiceServer()

    def make(name):
        if name in SERVED:
            return served_room(server, folder, name)
        if name != "coqui":
            return room(name)
        model = folder / "vits"
        return room(
            name, coqui={"model": str(model if model.exists() else tiny_coqui.build(model))}
        )

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VOICE_KEY", KEY)
        yield make
    server.close()


@pytest.fixture(scope="module")
def engines(room_of):
    """Engines are slow to load: one of each for the module."""
    made = {}
    yield lambda name: made.setdefault(name, make_engine(room_of(name), name))
    for engine in made.values():
        engine.close()


async def speak(engine, text, **how):
    async with aclosing(engine.speak(Sentence(text, **how))) as chunks:
        return [chunk async for chunk in chunks]


@pytest.fixture(scope="module")
def spoken(engines):
    """The chunks of a text, made once for the module."""
    made = {}

    def say_once(name, text=None):
        text = text or text_for(name)
        if (name, text) not in made:
            made[name, text] = asyncio.run(speak(engines(name), text))
        return made[name, text]

    return say_once


def text_for(name):
    return TEXT.get(name, CHINESE)


@pytest.mark.parametrize("name", ALL)
def test_contract(name, spoken):
    chunks = spoken(name)
    assert all(0 < len(c.pcm) <= CHUNK_SAMPLES for c in chunks)
    assert all(c.pcm.dtype == np.float32 and c.pcm.ndim == 1 for c in chunks)
    assert all(np.isfinite(c.pcm).all() and np.abs(c.pcm).max() <= 1 for c in chunks)
    assert all(c.voice == name for c in chunks)
    timed = [ABOUT[name].timings] + [False] * (len(chunks) - 1)
    assert [bool(c.phones) for c in chunks] == timed


@pytest.mark.parametrize("name", TIMED)
def test_phones_follow_each_other_from_the_first_to_the_last_sample(name, spoken):
    chunks = spoken(name)
    phones = chunks[0].phones
    assert phones[0].start == 0
    assert phones[-1].end == sum(len(c.pcm) for c in chunks)
    assert all(p.start < p.end for p in phones)
    assert all(a.end == b.start for a, b in pairwise(phones))


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("text", ["", "   ", "x" * (MOST_CHARACTERS + 1)])
def test_empty_and_endless_texts_are_refused(name, text, engines):
    with pytest.raises(Unspeakable):
        asyncio.run(speak(engines(name), text))
    with pytest.raises(Unspeakable):
        engines(name).key(Sentence(text))


@pytest.mark.parametrize("name", WITH_SOUND)
@pytest.mark.parametrize("text", ["😀🎉", "……", "！！！", "https://a.bc/def"])
def test_nothing_to_say_is_refused(name, text, engines):
    with pytest.raises(Unspeakable):
        asyncio.run(speak(engines(name), text))


@pytest.mark.parametrize("name", ALL)
def test_the_key_tells_speeds_and_texts_apart(name, engines):
    text = text_for(name)
    keys = [
        engines(name).key(sentence)
        for sentence in (Sentence(text), Sentence(text, speed=1.5), Sentence(text + " 2 more"))
    ]
    assert len(set(keys)) == 3
    assert engines(name).key(Sentence(text)) == keys[0]


@pytest.mark.parametrize("name", ALL)
def test_faster_is_shorter(name, engines):
    text = "Good." if name == "hibari" else "好的，马上。"
    slow, fast = (
        sum(len(chunk.pcm) for chunk in asyncio.run(speak(engines(name), text, speed=speed)))
        for speed in (0.8, 1.8)
    )
    assert fast < 0.8 * slow


STRANGE = [
    "<speak>你好<break time='1s'/></speak>",
    "สวัสดีครับ",
    "Привет!",
    "ok 👍🏽 好\u202e的\x07",
    "1" * 40,
    "𠮷野家",
]


@pytest.mark.parametrize("name", WITH_SOUND)
@pytest.mark.parametrize("text", STRANGE)
def test_strange_texts_are_spoken_or_refused(name, text, engines):
    try:
        chunks = asyncio.run(speak(engines(name), text))
    except (Unspeakable, Unfit):
        return
    assert chunks and all(np.isfinite(c.pcm).all() for c in chunks)


@pytest.mark.parametrize("name", ALL)
def test_a_closed_sentence_does_not_hold_up_the_next(name, engines):
    async def main():
        speech = engines(name).speak(Sentence(text_for(name)))
        await anext(speech)
        await speech.aclose()
        return await speak(engines(name), text_for(name))

    assert asyncio.run(main())


@pytest.mark.parametrize("name", ALL)
def test_closing_twice_is_no_error(name, room_of):
    engine = make_engine(room_of(name), name)
    engine.close()
    engine.close()


@pytest.mark.parametrize("name", ["kokoro", "hibari", *SERVED])
def test_speech_is_audible_at_the_room_s_loudness(name, spoken):
    chunks = spoken(name)
    pcm = np.concatenate([c.pcm for c in chunks])
    assert loudness(pcm) + BOTH_CHANNELS == pytest.approx(-16, abs=2)
    assert np.abs(pcm).max() <= CEILING + 1e-4


@pytest.mark.parametrize("name", ["kokoro", "hibari"])
def test_the_sound_is_where_the_phones_say(name, spoken):
    chunks = spoken(name)
    pcm = np.concatenate([c.pcm for c in chunks])
    power = {True: [], False: []}
    for phone in chunks[0].phones:
        power[phone.ipa == "sil"].append(float(np.mean(pcm[phone.start : phone.end] ** 2)))
    assert np.mean(power[False]) > 300 * np.mean(power[True])


def test_lips_are_closed_when_the_sound_is(spoken):
    """The closure of 爸 and 怕 is silent: the phone p must lie over it, not after it."""
    chunks = spoken("kokoro", "他爸爸怕八百。")
    pcm = np.concatenate([c.pcm for c in chunks])
    level = [
        (phone.ipa, float(np.sqrt(np.mean(pcm[phone.start : phone.end] ** 2))))
        for phone in chunks[0].phones
    ]
    closed = np.median([rms for ipa, rms in level if ipa == "p"])
    opened = np.median([rms for ipa, rms in level if ipa == "a"])
    assert closed < opened / 3


def test_a_pause_separates_clauses(spoken):
    chunks = spoken("kokoro", "今天的价格非常便宜，明天就没有了。")
    inner = [p for p in chunks[0].phones if p.ipa == "sil"][1:-1]
    assert any(p.end - p.start > 4800 for p in inner)


def test_english_words_inside_chinese(spoken):
    chunks = spoken("kokoro", "支持WiFi和iPhone 15。")
    said = " ".join(p.ipa for p in chunks[0].phones)
    assert "w aɪ" in said
    assert "aɪ f oʊ n" in said
    assert any(p.stress for p in chunks[0].phones)


def test_hibari_leaves_chinese_to_others(engines):
    with pytest.raises(Unfit):
        asyncio.run(speak(engines("hibari"), "你好"))


def test_a_cut_ends_the_native_work(engines):
    """The next sentence does not wait for the rest of one that was closed."""

    async def main():
        engine = engines("kokoro")
        await speak(engine, "好的。")
        speech = engine.speak(
            Sentence("这款面料非常舒服，弹力很好，洗了也不变形，四季都可以穿。" * 8)
        )
        task = asyncio.ensure_future(anext(speech))
        await asyncio.sleep(0.3)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return engine._thread._work_queue.qsize(), await speak(engine, "好的。")

    waiting, chunks = asyncio.run(main())
    assert waiting == 0
    assert chunks


def test_damaged_parts_are_a_clear_error(tmp_path, monkeypatch):
    from livehost.brain.voice import kokoro_model

    monkeypatch.setattr(kokoro_model, "cut", lambda *_: b"not a model")
    bad = room().model_copy(update={"state": State(cache_dir=tmp_path)})
    engine = ENGINES["kokoro"](bad)
    with pytest.raises(BackendBroken, match="cut wrongly"):
        asyncio.run(speak(engine, "你好"))
    engine.close()


def test_unknown_voice_says_which_there_are():
    with pytest.raises(ConfigError, match=r"no voice nobody .*zf_xiaoxiao"):
        find_vector(room(name="nobody"))


def test_a_file_that_is_no_voice_is_refused(tmp_path):
    path = tmp_path / "mine.bin"
    path.write_bytes(b"\0" * 400)
    with pytest.raises(ConfigError, match="510 x 256"):
        ENGINES["kokoro"](room(name=str(path)))


def test_a_path_is_a_voice(tmp_path):
    path = tmp_path / "mine.bin"
    path.write_bytes(find_vector(room()).read_bytes())
    assert find_vector(room(name=str(path))) == path


def test_unknown_engine():
    with pytest.raises(ConfigError, match=r"no engine parrot; there are coqui, cosyvoice"):
        make_voice(room("parrot"))


def test_say_writes_a_wav(tmp_path, capsys, monkeypatch):
    out = tmp_path / "hello.wav"
    assert say(None, "大家好！😀 今天只要199.9元。", out) == 0
    assert "kokoro: " in capsys.readouterr().out
    with wave.open(str(out)) as sound:
        assert (sound.getframerate(), sound.getnchannels()) == (48_000, 1)
        assert 2.5 < sound.getnframes() / 48_000 < 6


@pytest.mark.parametrize("text", ["", "😀", "..."])
def test_say_refuses_nothing(tmp_path, text):
    with pytest.raises(Unspeakable):
        say(None, text, tmp_path / "x.wav")
    assert not list(tmp_path.iterdir())


def test_say_names_the_file_that_cannot_be_written(tmp_path):
    with pytest.raises(ConfigError, match="cannot write"):
        say(None, "好", tmp_path / "none" / "x.wav")
