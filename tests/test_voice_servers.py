"""Voices behind HTTP: the three protocols as published, and every way a server can be bad."""

import asyncio
import logging
import time
from contextlib import aclosing

import numpy as np
import pytest

from livehost.brain.voice import ENGINES, Sentence, Unspeakable, make_voice
from livehost.brain.voice.level import BOTH_CHANNELS, loudness
from livehost.config import State, Voice
from livehost.errors import BackendBroken, BackendTimeout, ConfigError, Transient
from tests.voice_servers import KEY, NOTE, VoiceServer, served_room, shown, speech

pytestmark = pytest.mark.real
NAMES = ("openai", "sovits", "cosyvoice")
TEXT = "今天特价大家快来看"


@pytest.fixture(scope="module")
def server():
    server = VoiceServer()
    yield server
    server.close()


@pytest.fixture
def make(server, tmp_path, monkeypatch):
    """Make an engine that asks the server, which has `fault`."""
    monkeypatch.setenv("VOICE_KEY", KEY)
    server.fault, server.rate = "", 24_000
    server.asked.clear()
    made = []

    def make(name, fault="", **changes):
        server.fault = fault
        made.append(ENGINES[name](served_room(server, tmp_path, name, **changes)))
        return made[-1]

    yield make
    for engine in made:
        engine.close()


def hear(engine, text=TEXT, **how):
    """What was heard, and the error that ended it."""

    async def main():
        heard = []
        try:
            async with aclosing(engine.speak(Sentence(text, **how))) as chunks:
                async for chunk in chunks:
                    heard.append(chunk)
        except (Transient, BackendBroken) as error:
            return heard, error
        finally:
            engine.close()
            await asyncio.sleep(0)
        return heard, None

    return asyncio.run(main())


def whole(chunks):
    return np.concatenate([chunk.pcm for chunk in chunks])


def seconds(chunks):
    return len(whole(chunks)) / 48_000


# --- the protocols ------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["pcm", "wav", "opus", "mp3"])
def test_openai_in_every_format(make, server, kind):
    chunks, error = hear(make("openai", format=kind, voice="mei", model="m"))
    assert error is None
    assert seconds(chunks) == pytest.approx(len(TEXT) * NOTE + 0.1, abs=0.12)
    assert loudness(whole(chunks)) + BOTH_CHANNELS == pytest.approx(-16, abs=2)
    _, headers, body = server.asked[-1]
    assert headers["Authorization"] == f"Bearer {KEY}"
    assert body == {
        "model": "m", "voice": "mei", "input": TEXT, "response_format": kind, "speed": 1.0
    }  # fmt: skip


def test_openai_is_told_how_to_speak(make, server):
    engine = make(
        "openai",
        instructions="Calmly.",
        styles={"excited": "Happily!"},
        extra={"stream": True},
    )
    hear(engine, emotion="excited")
    hear(make("openai", instructions="Calmly.", styles={"excited": "Happily!"}))
    (_, _, excited), (_, _, calm) = server.asked
    assert (excited["instructions"], calm["instructions"]) == ("Happily!", "Calmly.")
    assert excited["stream"] is True


def test_sovits_gets_the_reference_and_its_text(make, server):
    chunks, error = hear(make("sovits", seed=7), speed=1.25)
    assert error is None
    assert seconds(chunks) == pytest.approx(len(TEXT) * NOTE / 1.25 + 0.1, abs=0.1)
    path, _, body = server.asked[-1]
    assert path == "/tts"
    expected = {
        "text": TEXT, "text_lang": "zh", "ref_audio_path": "/on/the/server/ref.wav",
        "prompt_text": "你好", "prompt_lang": "zh", "media_type": "wav", "streaming_mode": 2,
        "speed_factor": 1.25, "seed": 7,
    }  # fmt: skip
    assert expected.items() <= body.items()


@pytest.mark.parametrize("mode", ["sft", "zero_shot", "cross_lingual", "instruct2"])
def test_cosyvoice_in_every_mode(make, server, tmp_path, mode):
    (tmp_path / "ref.wav").write_bytes(b"RIFFref")
    given = {"prompt_wav": "ref.wav", "prompt_text": "你好", "instruct": "慢慢说"}
    chunks, error = hear(make("cosyvoice", mode=mode, **given))
    assert error is None
    assert seconds(chunks) == pytest.approx(len(TEXT) * NOTE + 0.1, abs=0.1)
    path, _, form = server.asked[-1]
    assert (path, form["tts_text"]) == (f"/inference_{mode}", TEXT)
    if mode == "sft":
        assert form["spk_id"] == "中文女"
    else:
        assert form["prompt_wav"] == b"RIFFref"


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("speed", [0.7, 1.6])
def test_speed(make, name, speed):
    chunks, error = hear(make(name), speed=speed)
    assert error is None
    assert seconds(chunks) == pytest.approx(len(TEXT) * NOTE / speed + 0.1, rel=0.12)


def test_a_model_at_another_rate(make, server):
    server.rate = 22_050
    chunks, _ = hear(make("cosyvoice", rate=22_050))
    assert seconds(chunks) == pytest.approx(len(TEXT) * NOTE + 0.1, abs=0.1)


def test_numbers_are_spelled_out_unless_the_server_does_it(make, server):
    hear(make("openai"), "<b>只要</b>199.9元😀")
    hear(make("openai", normalise=False), "只要199.9元😀")
    spelled, written = (body["input"] for _, _, body in server.asked)
    assert "一百九十九" in spelled and "<" not in spelled
    assert written == "只要199.9元"


@pytest.mark.parametrize("name", NAMES)
def test_sound_starts_before_the_server_has_finished(make, name):
    """The server hangs in the middle: what came before is heard."""
    chunks, error = hear(make(name, "hangs in the middle"))
    assert 0.3 < seconds(chunks) < len(TEXT) * NOTE
    assert isinstance(error, BackendBroken) and "stopped in mid-sentence" in str(error)


@pytest.mark.parametrize("name", NAMES)
def test_a_cut_ends_the_request(make, name):
    async def main():
        engine = make(name, "babbles")
        speech = engine.speak(Sentence(TEXT))
        await anext(speech)
        await speech.aclose()
        engine.close()
        await asyncio.sleep(0)
        return len(asyncio.all_tasks())

    began = time.monotonic()
    assert asyncio.run(main()) <= 2
    assert time.monotonic() - began < 5


@pytest.mark.parametrize("name", NAMES)
def test_two_at_once_and_again_from_another_loop(make, name):
    engine = make(name)

    async def main():
        async def one(text):
            async with aclosing(engine.speak(Sentence(text))) as chunks:
                return [chunk async for chunk in chunks]

        return await asyncio.gather(one("好的马上"), one(TEXT))

    for _ in range(2):
        short, long = asyncio.run(main())
        assert seconds(short) < seconds(long)


# --- faults -------------------------------------------------------------------------------------

BEFORE_ANY_SOUND = {
    "json": "model not loaded",
    "refused": "check the key",
    "failing": "answers 500",
    "moved": "answers 302",
    "html": "text instead of sound",
    "empty": "answers with silence",
    "silent": "answers with silence",
    "silent for ever": "too long for its text",
    "not numbers": "not numbers",
    "declares": "sends 16000 Hz",
    "other format": "sends Ogg",
}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("fault", BEFORE_ANY_SOUND)
def test_a_bad_answer_is_one_clear_line_and_no_sound(make, name, fault):
    changes = {"rate": 32_000} if name == "sovits" else {}
    chunks, error = hear(make(name, fault, **changes))
    assert chunks == []
    assert type(error) is BackendBroken
    assert BEFORE_ANY_SOUND[fault] in str(error)
    assert str(error).startswith(f"{name}: the server ") and "\n" not in str(error)
    assert len(str(error)) < 260


@pytest.mark.parametrize("name", NAMES)
def test_the_wrong_rate_in_the_header_of_the_file(make, name):
    chunks, error = hear(make(name, "16 kHz", rate=24_000))
    assert chunks == [] and "sends 16000 Hz, but `rate` is 24000" in str(error)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("fault", ["hangs", "hangs after headers", "drips"])
def test_no_sound_in_time(make, name, fault):
    began = time.monotonic()
    chunks, error = hear(make(name, fault, timeout_seconds=0.5))
    assert chunks == [] and isinstance(error, BackendTimeout)
    assert str(error) == f"{name}: the server gives no sound within 0.5 s"
    assert time.monotonic() - began < 4


@pytest.mark.parametrize("name", NAMES)
def test_a_busy_server_may_be_asked_again(make, name):
    _, error = hear(make(name, "busy"))
    assert type(error) is Transient and "queue is full" in str(error)


@pytest.mark.parametrize("name", NAMES)
def test_nobody_there(make, name):
    where = {"base_url": "http://127.0.0.1:9/v1"}
    chunks, error = hear(make(name, **where))
    assert chunks == [] and "cannot be reached" in str(error)


@pytest.mark.parametrize("name", NAMES)
def test_a_server_that_dies_in_mid_sentence_ends_without_a_click(make, name):
    chunks, error = hear(make(name, "dies"))
    assert type(error) is BackendBroken and "broke off in mid-sentence" in str(error)
    pcm = whole(chunks)
    assert 0.4 < seconds(chunks) < len(TEXT) * NOTE
    assert abs(pcm[0]) < 1e-3 and abs(pcm[-1]) < 1e-3
    assert np.abs(np.diff(pcm)).max() < 0.1


@pytest.mark.parametrize("name", NAMES)
def test_a_model_that_babbles_on_is_stopped(make, name):
    chunks, error = hear(make(name, "babbles"), "好的。")
    assert "too long for its text" in str(error)
    assert seconds(chunks) < 20


@pytest.mark.parametrize("name", NAMES)
def test_pieces_that_split_samples(make, name):
    smooth, _ = hear(make(name))
    odd, error = hear(make(name, "odd pieces"))
    assert error is None
    assert len(whole(odd)) == len(whole(smooth))
    assert np.abs(whole(odd) - whole(smooth)).max() < 1e-3


def test_sovits_tells_why_it_failed(make):
    _, error = hear(make("sovits", ref_audio_path="ref.txt"))
    assert "tts failed: no such recording" in str(error)


def test_a_kept_connection_that_was_closed_is_no_fault(make):
    """The first connection ends without an answer, as when the server gave it up meanwhile."""
    asked = []

    async def answer(reader, writer):
        head = await reader.readuntil(b"\r\n\r\n")
        asked.append(head)
        if len(asked) > 1:
            pcm = speech(TEXT, 24_000).tobytes()
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(pcm) + pcm)
        writer.close()

    async def main():
        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        engine = make("openai", base_url=url)
        async with aclosing(engine.speak(Sentence(TEXT))) as chunks:
            heard = [chunk async for chunk in chunks]
        engine.close()
        server.close()
        return heard

    assert seconds(asyncio.run(main())) > 1
    assert len(asked) == 2


# --- through the chain ----------------------------------------------------------------------------


def through(room, *texts):
    """Speak `texts` with the whole voice of a room; the voices heard, errors, the snapshot."""

    async def main():
        voice = make_voice(room)
        heard, errors = [], []
        for text in texts:
            names = []
            try:
                async with aclosing(voice.speak(Sentence(text))) as chunks:
                    names = [chunk.voice async for chunk in chunks]
            except BackendBroken as error:
                errors.append(str(error))
            heard.append(set(names))
        snapshot = voice.snapshot()
        voice.close()
        await asyncio.sleep(0)
        return heard, errors, snapshot

    return asyncio.run(main())


def with_fallback(room, tmp_path):
    voice = Voice.model_validate({**room.voice.model_dump(), "fallback": ("tone",)})
    return room.model_copy(update={"voice": voice, "state": State(cache_dir=tmp_path / "cache")})


@pytest.mark.parametrize("name", NAMES)
def test_the_show_goes_on_with_another_voice(server, make, tmp_path, name):
    make(name, "failing")
    room = with_fallback(served_room(server, tmp_path, name), tmp_path)
    heard, errors, snapshot = through(room, "你好", "大家好")
    assert (heard, errors) == ([{"tone"}, {"tone"}], [])
    assert snapshot["engines"][name]["state"] == "resting"
    assert "answers 500" in snapshot["engines"][name]["why"]
    assert snapshot["sentences"] == 0
    assert len(server.asked) == 1


def test_a_sentence_that_broke_off_is_not_finished_by_another_voice(server, make, tmp_path):
    make("openai", "dies")
    room = with_fallback(served_room(server, tmp_path, "openai"), tmp_path)
    heard, errors, snapshot = through(room, TEXT, "大家好")
    assert heard[1] == {"tone"} and len(errors) == 1
    assert snapshot["sentences"] == 0


def test_what_was_spoken_is_kept(server, make, tmp_path):
    make("sovits")
    room = with_fallback(served_room(server, tmp_path, "sovits"), tmp_path)
    heard, _, snapshot = through(room, TEXT, TEXT)
    assert heard == [{"sovits"}] * 2 and len(server.asked) == 1
    assert (snapshot["hits"], snapshot["sentences"]) == (1, 1)


# --- secrets and keys -----------------------------------------------------------------------------


def test_the_key_is_never_told(make, caplog):
    """The server echoes it in its error, and everything is logged."""
    caplog.set_level(logging.DEBUG)
    engine = make("openai", "refused")
    _, error = hear(engine)
    assert "***" in str(error)
    told = [str(error), repr(error.__context__), repr(error.__cause__), caplog.text]
    told += [engine.key(Sentence(TEXT)), shown(engine._body("x", Sentence("x")))]
    assert not any(KEY in text for text in told)


def test_another_secret_is_the_same_sound(make, monkeypatch):
    first = make("openai").key(Sentence(TEXT))
    monkeypatch.setenv("VOICE_KEY", "another")
    assert make("openai").key(Sentence(TEXT)) == first


CHANGES = {
    "openai": {
        "model": "m2", "voice": "v2", "format": "wav", "rate": 22_050, "instructions": "slowly",
        "styles": {"neutral": "x"}, "extra": {"a": 1}, "normalise": False, "base_url": "http://b",
    },
    "sovits": {
        "ref_audio_path": "b.wav", "prompt_text": "b", "prompt_lang": "en", "text_lang": "en",
        "streaming_mode": 1, "text_split_method": "cut0", "top_k": 3, "top_p": 0.5,
        "temperature": 0.5, "seed": 1, "rate": 32_000, "normalise": False, "base_url": "http://b",
        "recording": "ref.wav",
    },
    "cosyvoice": {
        "mode": "instruct2", "speaker": "英文女", "rate": 22_050, "normalise": False,
        "base_url": "http://b",
    },
}  # fmt: skip
SAME = {"timeout_seconds": 9.0, "idle_seconds": 9.0, "person": True}


@pytest.mark.parametrize(
    ("name", "key", "value"),
    [(name, *change) for name, changes in CHANGES.items() for change in changes.items()],
)
def test_what_changes_the_sound_changes_the_key(make, tmp_path, name, key, value):
    (tmp_path / "ref.wav").write_bytes(b"RIFF")
    more = {"prompt_wav": "ref.wav", "instruct": "x"} if value == "instruct2" else {}
    before = make(name).key(Sentence(TEXT))
    assert make(name, **{key: value}, **more).key(Sentence(TEXT)) != before


@pytest.mark.parametrize("name", NAMES)
def test_what_does_not_change_the_sound_keeps_the_key(make, name):
    assert make(name, **SAME).key(Sentence(TEXT)) == make(name).key(Sentence(TEXT))


def test_another_recording_is_another_sound(make, tmp_path):
    keys = set()
    for content in (b"RIFF1", b"RIFF2"):
        (tmp_path / "ref.wav").write_bytes(content)
        engine = make("cosyvoice", mode="cross_lingual", prompt_wav="ref.wav")
        keys.add(engine.key(Sentence(TEXT)))
    assert len(keys) == 2


# --- settings -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "changes", "why"),
    [
        ("openai", {"base_url": ""}, "voice.openai.base_url: is required"),
        ("openai", {"api_key_env": "NO_SUCH"}, "NO_SUCH is not set"),
        ("sovits", {"base_url": ""}, "voice.sovits.base_url: is required"),
        ("sovits", {"ref_audio_path": ""}, "voice.sovits.ref_audio_path: is required"),
        ("cosyvoice", {"mode": "zero_shot"}, "prompt_wav: is required for mode zero_shot"),
        ("cosyvoice", {"mode": "instruct2", "prompt_wav": "no.wav"}, "instruct: is required"),
        ("cosyvoice", {"mode": "cross_lingual", "prompt_wav": "no.wav"}, "No such file"),
    ],
)
def test_wrong_settings(make, name, changes, why):
    with pytest.raises(ConfigError, match=why):
        make(name, **changes)


@pytest.mark.parametrize(
    "url", ["ftp://x", "http://user:pw@host/v1", "http://host/v1?key=secret", "host:80"]
)
def test_addresses_hold_no_secrets(make, url):
    with pytest.raises(ValueError, match="base_url"):
        make("openai", base_url=url)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("text", ["", "😀🎉", "……", "<speak></speak>", "https://a.bc/def"])
def test_nothing_to_say_does_not_reach_the_server(make, server, name, text):
    with pytest.raises(Unspeakable):
        hear(make(name), text)
    assert server.asked == []
