"""coqui-tts with a random VITS built here, and without the extra; streaming by a scripted model."""

import asyncio
from contextlib import aclosing

import numpy as np
import pytest

from livehost.brain.voice import coqui
from livehost.brain.voice.coqui import Coqui
from livehost.brain.voice.say import default_room
from livehost.brain.voice.speech import Sentence, Unfit
from livehost.config import Voice
from livehost.errors import BackendBroken, ConfigError
from tests import tiny_coqui
from tests.voice_servers import speech, wav

needs_coqui = pytest.mark.skipif(bool(tiny_coqui.missing()), reason=tiny_coqui.missing())
TEXT = "好的马上，家人们！"


def room(folder, **table):
    voice = Voice.model_validate({"engine": "coqui", "coqui": {"model": str(folder), **table}})
    return default_room().model_copy(update={"voice": voice, "file": folder / "room.toml"})


def hear(engine, text=TEXT, **how):
    async def main():
        heard = []
        try:
            async with aclosing(engine.speak(Sentence(text, **how))) as chunks:
                async for chunk in chunks:
                    heard.append(chunk.pcm)
        except BackendBroken as error:
            return heard, error
        return heard, None

    return asyncio.run(main())


@pytest.fixture(scope="module")
def vits(tmp_path_factory):
    return tiny_coqui.build(tmp_path_factory.mktemp("coqui") / "vits")


@needs_coqui
def test_a_whole_sentence(vits):
    engine = Coqui(room(vits))
    heard, error = hear(engine)
    assert error is None
    assert np.abs(np.concatenate(heard)).max() > 1e-3  # a random network hums softly
    with pytest.raises(Unfit):
        asyncio.run(anext(engine.speak(Sentence("สวัสดี"))))
    engine.close()


@needs_coqui
def test_a_damaged_model_is_one_clear_line(vits, tmp_path):
    (tmp_path / "config.json").write_bytes((vits / "config.json").read_bytes())
    (tmp_path / "model.pth").write_bytes(b"PK not a checkpoint")
    heard, error = hear(Coqui(room(tmp_path)))
    assert heard == [] and str(error).startswith("coqui: ") and "\n" not in str(error)
    (tmp_path / "config.json").write_text("{}")
    heard, error = hear(Coqui(room(tmp_path)))
    assert heard == [] and str(error).startswith("coqui: ") and "\n" not in str(error)


@pytest.fixture(scope="module")
def xtts(tmp_path_factory):
    folder = tiny_coqui.build_xtts(tmp_path_factory.mktemp("coqui") / "xtts")
    (folder / "me.wav").write_bytes(wav(speech("abcdefghijklmn", 16_000), 16_000))
    (folder / "short.wav").write_bytes(wav(speech("a", 16_000), 16_000))
    (folder / "no.wav").write_bytes(b"RIFF")
    return folder


@needs_coqui
@pytest.mark.slow
@pytest.mark.parametrize("table", [{"speaker": "mei"}, {"speaker_wav": ["me.wav"]}])
def test_xtts_streams_with_a_speaker_or_a_recording(xtts, table):
    engine = Coqui(room(xtts, language="en", **table))

    async def main():
        loop, times = asyncio.get_running_loop(), []
        async with aclosing(engine.speak(Sentence("hello there, this is a test"))) as chunks:
            async for chunk in chunks:
                times.append((loop.time(), len(chunk.pcm)))
        return times

    times = asyncio.run(main())
    engine.close()
    assert sum(samples for _, samples in times) > 24_000
    assert times[-1][0] > times[0][0]


@needs_coqui
@pytest.mark.parametrize(
    ("table", "why"),
    [
        ({"speaker": "bob"}, "one of: mei; not 'bob'"),
        ({"speaker_wav": ["no.wav"]}, "no.wav: is no recording"),
        ({"speaker_wav": ["short.wav"]}, "short.wav: is shorter than a second"),
    ],
)
def test_xtts_without_a_voice_is_one_clear_line(xtts, table, why):
    heard, error = hear(Coqui(room(xtts, language="en", **table)))
    assert heard == [] and why in str(error)


# --- without the extra --------------------------------------------------------------------------


def test_without_the_extra_it_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setattr(coqui.importlib.util, "find_spec", lambda _: None)
    with pytest.raises(ConfigError) as caught:
        Coqui(room(tmp_path))
    (line,) = caught.value.problems
    assert "coqui needs TTS, torch, torchaudio, torchcodec; install livehost[coqui]" in line


@pytest.fixture
def installed(monkeypatch, tmp_path):
    """As if the extra were there, and a folder that looks like a model."""
    monkeypatch.setattr(coqui, "missing_packages", list)
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "model.pth").write_bytes(b"weights")
    return tmp_path


def test_a_model_is_needed(installed):
    voice = Voice.model_validate({"engine": "coqui"})
    with pytest.raises(ConfigError, match=r"voice\.coqui\.model: is required"):
        Coqui(default_room().model_copy(update={"voice": voice}))
    (installed / "model.pth").unlink()
    with pytest.raises(ConfigError, match=r"has no model\.pth, but 0 other"):
        Coqui(room(installed))
    (installed / "vits_1.pth").write_bytes(b"x")
    assert Coqui(room(installed))
    (installed / "config.json").unlink()
    with pytest.raises(ConfigError, match=r"has no config\.json"):
        Coqui(room(installed))


def test_what_changes_the_sound_changes_the_key(installed):
    (installed / "a.wav").write_bytes(b"RIFFa")

    def key(**table):
        return Coqui(room(installed, **table)).key(Sentence(TEXT))

    keys = [key(), key(speaker="a"), key(language="en"), key(normalise=False)]
    keys.append(key(speaker_wav=["a.wav"]))
    (installed / "a.wav").write_bytes(b"RIFFb")
    keys.append(key(speaker_wav=["a.wav"]))
    (installed / "model.pth").write_bytes(b"other weights")
    keys.append(key())
    (installed / "config.json").write_text('{"model": "vits"}')
    keys.append(key())
    assert len(set(keys)) == len(keys)
    assert key(person=True) == key()


class Scripted:
    """A model that streams, as XTTS does."""

    rate = 24_000

    def __init__(self, pieces, error=None):
        self.pieces, self.error, self.made, self.closed = pieces, error, 0, 0

    def speak(self, text, pace):
        try:
            for piece in self.pieces:
                self.made += 1
                yield piece
            if self.error:
                raise self.error
        finally:
            self.closed += 1


def tone(seconds):
    time = np.arange(int(24_000 * seconds)) / 24_000
    return (0.2 * np.sin(2 * np.pi * 200 * time)).astype(np.float32)


def streaming(folder, *pieces, error=None):
    engine = Coqui(room(folder))
    engine._model = Scripted(pieces, error)
    return engine, engine._model


def test_speech_comes_while_it_is_made(installed):
    engine, model = streaming(installed, *[tone(0.5)] * 8)

    async def main():
        async with aclosing(engine.speak(Sentence(TEXT))) as chunks:
            await anext(chunks)
            return model.made

    made = asyncio.run(main())
    engine._thread.submit(lambda: None).result(5)
    assert made <= 3
    assert model.closed == 1


def test_a_model_that_fails_in_mid_sentence_ends_without_a_click(installed):
    engine, _ = streaming(installed, *[tone(0.5)] * 3, error=RuntimeError("CUDA\nout of memory"))
    heard, error = hear(engine)
    pcm = np.concatenate(heard)
    assert str(error) == "coqui: CUDA out of memory"
    assert 1.3 < len(pcm) / 48_000 <= 1.5 and abs(pcm[-1]) < 1e-3


@pytest.mark.parametrize(
    ("pieces", "why"),
    [
        ([np.zeros(24_000, np.float32)], "only silence"),
        ([], "only silence"),
        ([np.full(24_000, np.nan, np.float32)], "not numbers"),
        ([tone(10)] * 20, "too long for its text"),
    ],
)
def test_bad_sound(installed, pieces, why):
    engine, _ = streaming(installed, *pieces)
    _, error = hear(engine)
    assert why in str(error)


def test_a_broken_torch_is_explained(installed):
    engine, _ = streaming(installed, error=OSError("could not load libtorch_cuda.so"))
    _, error = hear(engine)
    assert "of one build" in str(error)
