"""A lexicon that is saved reaches every voice: what is said changes, and so does what is cached."""

import asyncio
import os
from contextlib import aclosing

import pytest

from livehost.brain.voice import ENGINES, Sentence, make_engine
from livehost.brain.voice.lexicon import load_texts
from livehost.brain.voice.say import default_room
from tests import tiny_coqui
from tests.voice_servers import KEY, VoiceServer, served_room

SERVED = {"openai": "input", "sovits": "text", "cosyvoice": "tts_text"}
needs_coqui = pytest.mark.skipif(bool(tiny_coqui.missing()), reason=tiny_coqui.missing())
SILENT = {"tone", "silent"}
ALL = [
    pytest.param(name, marks=[needs_coqui] if name == "coqui" else [])
    for name in sorted(set(ENGINES) - SILENT)
]


def saved(path, at, **words):
    lines = [f'"{word}" = "{says}"' for word, says in words.items()]
    path.write_text("\n".join(["[words]", *lines]), "utf-8")
    os.utime(path, ns=(at, at))


@pytest.fixture(scope="module")
def server():
    server = VoiceServer()
    yield server
    server.close()


@pytest.fixture
def made(server, tmp_path, monkeypatch):
    """Return an engine by name, whose room has the lexicon at `tmp_path`."""
    monkeypatch.setenv("VOICE_KEY", KEY)
    server.fault = ""
    server.asked.clear()
    engines = []

    def make(name):
        room = served_room(server, tmp_path, name) if name in SERVED else default_room()
        changes = {"engine": name, "fallback": (), "lexicon": tmp_path / "lexicon.toml"}
        if name == "coqui":
            folder = tiny_coqui.build(tmp_path / "vits")
            changes["coqui"] = room.voice.coqui.model_copy(update={"model": folder})
        voice = room.voice.model_copy(update=changes)
        engines.append(make_engine(room.model_copy(update={"voice": voice}), name))
        return engines[-1]

    yield make
    for engine in engines:
        engine.close()


@pytest.mark.parametrize("name", ALL)
def test_a_saved_word_changes_the_keys_of_its_sentences_and_of_no_others(name, made, tmp_path):
    lexicon = tmp_path / "lexicon.toml"
    saved(lexicon, 1, Acme="Akme")
    engine = made(name)
    with_it, without = Sentence("Acme is on sale."), Sentence("This one is on sale.")
    before = engine.key(with_it), engine.key(without)
    saved(lexicon, 2, Acme="Ack me")
    after = engine.key(with_it), engine.key(without)
    assert after[0] != before[0]
    assert after[1] == before[1]
    saved(lexicon, 3, Acme="Akme")
    assert engine.key(with_it) == before[0]


@pytest.mark.real
@pytest.mark.parametrize("name", SERVED)
def test_a_server_is_given_the_saved_word(name, made, server, tmp_path):
    lexicon = tmp_path / "lexicon.toml"
    saved(lexicon, 1, 小荷="小河")
    engine = made(name)

    async def main():
        for at, says in enumerate(("小河", "小鹤"), 1):
            saved(lexicon, at, 小荷=says)
            async with aclosing(engine.speak(Sentence("欢迎来到小荷的家"))) as chunks:
                await anext(chunks)

    asyncio.run(main())
    texts = [fields[SERVED[name]] for _, _, fields in server.asked]
    assert ["小河" in text for text in texts] == [True, False]
    assert "小鹤" in texts[1]


def test_a_reader_without_chinese_gets_no_chinese(tmp_path):
    path = tmp_path / "lexicon.toml"
    saved(path, 1, Acme="艾克米", Zeta="Zayta", Mint="[bo4 he5]")
    assert load_texts(path, chinese=False).replace("Acme Zeta Mint") == "Acme Zayta Mint"
    assert load_texts(path).replace("Acme Zeta Mint") == "艾克米 Zayta Mint"
    assert load_texts(None).replace("Acme") == "Acme"
