"""`livehost voice list | bench | say`: what they print, for people and for programs."""

import json

import pytest

from livehost import cli
from livehost.brain.voice import ENGINES, bench
from livehost.brain.voice.listing import ABOUT, row
from livehost.brain.voice.say import default_room
from livehost.config import Voice
from tests.voice_servers import VoiceServer, consent_record, served_room

HEAD = 'name = "voices"\n[avatar]\npath = "."\n[show]\nrundown = "room.toml"\n'


@pytest.fixture
def server():
    server = VoiceServer()
    yield server
    server.close()


def room_file(folder, text):
    path = folder / "room.toml"
    path.write_text(HEAD + text, "utf-8")
    return str(path)


def listed(capsys, *arguments):
    assert cli.main(["voice", "list", "--json", *arguments]) == 0
    return {each["engine"]: each for each in json.loads(capsys.readouterr().out)}


def test_every_engine_is_described():
    assert set(ABOUT) == set(ENGINES)


def test_the_list_of_a_room_with_defaults(capsys):
    rows = listed(capsys)
    assert rows["kokoro"] == {
        "engine": "kokoro", "use": "speaks", "ready": "yes", "languages": ["zh", "en"],
        "timings": True,
        "voices": ["zf_xiaobei", "zf_xiaoxiao", "zf_xiaoyi", "zm_yunxi", "zm_yunyang"],
        "consent": "not needed",
    }  # fmt: skip
    assert rows["silent"]["use"] == "fallback 1"
    assert rows["openai"]["ready"] == "no: voice.openai.base_url: is required"


def test_the_table(capsys):
    assert cli.main(["voice", "list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 1 + len(ENGINES)
    assert lines[0].split() == [
        "engine", "use", "languages", "timings", "voices", "consent", "ready"
    ]  # fmt: skip
    assert lines[1].split()[:4] == ["kokoro", "speaks", "zh", "en"]


def test_the_list_tells_of_consent(capsys, tmp_path):
    consent_record(tmp_path)
    text = (
        '[voice]\nengine = "sovits"\nfallback = ["cosyvoice"]\n'
        '[voice.sovits]\nbase_url = "http://x"\nref_audio_path = "a.wav"\n'
        'consent = "consent.toml"\n'
        '[voice.cosyvoice]\nbase_url = "http://x"\nperson = true\n'
    )
    rows = listed(capsys, "--room", room_file(tmp_path, text))
    assert rows["sovits"]["consent"] == "王小美, until 2099-12-31"
    assert (rows["sovits"]["ready"], rows["sovits"]["use"]) == ("yes", "speaks")
    assert rows["cosyvoice"]["consent"] == "missing"
    assert rows["cosyvoice"]["ready"].startswith("no: voice.cosyvoice.consent: this voice")
    consent_record(tmp_path, revoked="2026-01-02")
    rows = listed(capsys, "--room", str(tmp_path / "room.toml"))
    assert "has withdrawn consent" in rows["sovits"]["ready"]


def test_a_missing_package_is_told(monkeypatch):
    from livehost.brain.voice import listing

    monkeypatch.setattr(listing.importlib.util, "find_spec", lambda name: None)
    assert "TTS, torch" in row(default_room(), "coqui").ready
    assert "pip install livehost[coqui]" in row(default_room(), "coqui").ready


# --- bench --------------------------------------------------------------------------------------


def test_bench_of_an_engine_in_its_own_process(capsys):
    assert cli.main(["voice", "bench", "--engine", "tone", "--engine", "silent", "--json"]) == 0
    tone, silent = json.loads(capsys.readouterr().out)
    assert (tone["engine"], silent["engine"]) == ("tone", "silent")
    assert tone["error"] == "" and tone["speech"] > 5
    assert 0 < tone["first"] < 5 and 0 < tone["wall"] < 1 and tone["rss_mb"] > 20


@pytest.mark.real
def test_bench_of_a_server_and_of_one_that_is_down(server, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("VOICE_KEY", "k")
    made = bench.measure(served_room(server, tmp_path, "openai"), "openai")
    assert made.error == "" and made.speech > 5
    down = served_room(server, tmp_path, "openai", base_url="http://127.0.0.1:9")
    failed = bench.measure(down, "openai")
    assert "cannot be reached" in failed.error
    text = bench.table([made, failed])
    assert "openai" in text and "cannot be reached" in text


def test_bench_tells_what_is_wrong_with_the_room(tmp_path, capsys):
    room = room_file(tmp_path, '[voice]\nengine = "openai"\n')
    assert cli.main(["voice", "bench", "--room", room]) == 1
    assert "voice.openai.base_url: is required" in capsys.readouterr().out


def test_bench_of_nobody(capsys):
    assert cli.main(["voice", "bench", "--engine", "parrot"]) == 2
    assert "no engine parrot" in capsys.readouterr().err


# --- say ----------------------------------------------------------------------------------------


@pytest.mark.real
def test_say_with_a_server_s_voice(server, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("VOICE_KEY", "k")
    table = f'[voice]\nengine = "openai"\n[voice.openai]\nbase_url = "{server.url}/v1"\n'
    room, out = room_file(tmp_path, table), tmp_path / "out.wav"
    assert cli.main(["voice", "say", "今天只要199.9元", "--room", room, "--out", str(out)]) == 0
    assert out.stat().st_size > 48_000
    assert "一百九十九" in server.asked[-1][2]["input"]


def test_say_without_consent_says_so(tmp_path, capsys):
    table = '[voice]\nengine = "tone"\n[voice.openai]\nbase_url = "http://x"\nperson = true\n'
    room = room_file(tmp_path, table.replace("tone", "openai"))
    assert cli.main(["voice", "say", "hi", "--room", room, "--out", str(tmp_path / "o.wav")]) == 2
    assert "voice.openai.consent: this voice is made from a person" in capsys.readouterr().err


def test_settings_of_an_engine_are_strict(tmp_path, capsys):
    room = room_file(tmp_path, '[voice.sovits]\nkey = "secret"\n[voice.openai]\nrate = 1\n')
    assert cli.main(["voice", "list", "--room", room]) == 2
    said = capsys.readouterr().err
    assert "voice.sovits.key: unknown key" in said and "voice.openai.rate" in said


def test_files_that_an_engine_names_must_be_there(tmp_path, capsys):
    text = (
        '[voice.coqui]\nmodel = "none"\nspeaker_wav = ["a.wav"]\n'
        '[voice.sovits]\nrecording = "b.wav"\nconsent = "c.toml"\n'
    )
    assert cli.main(["voice", "list", "--room", room_file(tmp_path, text)]) == 2
    said = capsys.readouterr().err
    for key in ("coqui.model", "coqui.speaker_wav.0", "sovits.recording", "sovits.consent"):
        assert f"voice.{key}: " in said
    assert Voice().files()
