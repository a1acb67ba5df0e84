"""Consent: what holds, what does not, in one clear line; and what happens when it ends on air."""

import asyncio
import hashlib
import logging
from contextlib import aclosing
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from livehost.brain.voice import check_voice, make_engine, make_voice
from livehost.brain.voice.consented import Consented
from livehost.brain.voice.say import default_room
from livehost.brain.voice.speech import Sentence
from livehost.brain.voice.tone import Tone
from livehost.brain.voice_status import cache_numbers, cache_warnings
from livehost.check import check
from livehost.config import State, Voice
from livehost.consent import Consent, NoConsent, Scope, Use
from livehost.errors import ConfigError
from tests.voice_servers import consent_record

VOICE = Use(Scope.VOICE, "room")
NOON = datetime(2026, 6, 15, 12, 0).astimezone()


def consent(folder, use=VOICE, now=NOON, **changes):
    return Consent(consent_record(folder, **changes), use, lambda: now)


def problem(folder, use=VOICE, now=NOON, **changes):
    problems = consent(folder, use, now, **changes).problems()
    return "; ".join(p.removeprefix(f"{folder}/") for p in problems)


# --- what holds ---------------------------------------------------------------------------------


def test_a_record_that_holds(tmp_path):
    record = consent(tmp_path).check()
    assert (record.who, record.expires) == ("王小美", date(2099, 12, 31))


@pytest.mark.parametrize(
    "changes",
    [
        {"expires": "2026-06-15"},  # its last day
        {"expires": "2026-06-15T23:00:00"},
        {"expires": '"2026-06-15"'},  # as a text
        {"when": "2026-06-15"},
        {"revoked": "2026-06-16"},  # from tomorrow on
        {"scope": '["likeness", "voice"]'},
        {"rooms": '["other", "room"]'},
    ],
)
def test_still_in_force(tmp_path, changes):
    assert problem(tmp_path, **changes) == ""


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"expires": "2026-06-14"}, "consent of 王小美 expired on 2026-06-14; have it renewed"),
        ({"expires": "2026-06-15T11:59:00"}, "expired on"),
        ({"expires": "2026-06-15T01:00:00Z"}, "expired on"),
        ({"when": "2026-06-16"}, "begins on 2026-06-16"),
        ({"revoked": "2026-06-15"}, "王小美 has withdrawn consent (revoked = 2026-06-15)"),
        ({"scope": '["likeness"]'}, "scope: 王小美 agrees to likeness, not to voice"),
        ({"rooms": '["other"]'}, "rooms: 王小美 does not agree to room room"),
        ({"scope": "[]"}, "consent.toml:5: scope:"),
        ({"scope": '["body"]'}, "consent.toml:5: scope.0:"),
        ({"who": None}, "who: is required"),
        ({"who": '" "'}, "consent.toml:1: who: must not be empty"),
        ({"contact": None}, "contact: is required"),
        ({"expires": None}, "expires: is required"),
        ({"expires": '"soon"'}, "consent.toml:4: expires"),
        ({"note": '"x"'}, "consent.toml:6: note: unknown key"),
    ],
)
def test_what_does_not_hold_is_told(tmp_path, changes, why):
    said = problem(tmp_path, **changes)
    assert why in said and "\n" not in said
    with pytest.raises(ConfigError):
        consent(tmp_path, **changes).check()


def test_no_record(tmp_path):
    said = Consent(tmp_path / "none.toml", VOICE).problem()
    assert "there is no consent record" in said


@pytest.mark.parametrize("content", [b"\xff\xfe", b"who = ", b""])
def test_what_is_no_record(tmp_path, content):
    path = consent_record(tmp_path)
    path.write_bytes(content)
    assert Consent(path, VOICE).problem()


def test_the_signed_document_must_be_there_and_be_the_same(tmp_path):
    watched = consent(tmp_path)
    assert not watched.problem()
    (tmp_path / "signed.pdf").write_bytes(b"%PDF I agree to everything")
    assert "is not the file that was signed" in watched.problem()
    (tmp_path / "signed.pdf").unlink()
    assert "signed.pdf does not exist" in watched.problem()
    (tmp_path / "signed.pdf").write_bytes(b"%PDF I agree")
    assert not watched.problem()


def test_only_the_recordings_that_were_agreed_to(tmp_path):
    ours, other = tmp_path / "ours.wav", tmp_path / "other.wav"
    ours.write_bytes(b"RIFF ours")
    other.write_bytes(b"RIFF other")
    path = consent_record(tmp_path)
    digest = hashlib.sha256(b"RIFF ours").hexdigest()
    more = f'[[recordings]]\nfile = "ours.wav"\nsha256 = "{digest}"\n'
    path.write_text(path.read_text("utf-8") + more, "utf-8")

    def said(*recordings):
        return Consent(path, Use(Scope.VOICE, "room", recordings), lambda: NOON).problem()

    assert said() == said(ours) == ""
    assert "other.wav is not one that 王小美 agreed to" in said(ours, other)
    ours.write_bytes(b"RIFF changed")
    assert "ours.wav is not the file" in said(ours)


# --- while it is used ---------------------------------------------------------------------------


def test_it_ends_at_its_hour(tmp_path):
    time = [NOON]
    path = consent_record(tmp_path, expires="2026-06-15T13:00:00")
    watched = Consent(path, VOICE, lambda: time[0])
    assert not watched.problem()
    time[0] += timedelta(minutes=59)
    assert not watched.problem()
    time[0] += timedelta(minutes=1)
    assert "expired" in watched.problem()


def test_nothing_is_read_again_while_nothing_changes(tmp_path, monkeypatch):
    from livehost import consent as module

    watched = consent(tmp_path)
    watched.check()
    monkeypatch.setattr(module, "load_toml", None)
    monkeypatch.setattr(module, "sha256", None)
    assert not watched.problem()


def spoken(voice, text="你好"):
    async def main():
        async with aclosing(voice.speak(Sentence(text))) as chunks:
            return {chunk.voice async for chunk in chunks}

    return main()


def person_room(tmp_path, **voice):
    """A room whose first engine is a person's voice, and whose second is nobody's."""
    given = {
        "engine": "kokoro", "fallback": ("tone",), "person": True, "consent": "consent.toml",
        **voice,
    }  # fmt: skip
    state = State(cache_dir=tmp_path / "cache")
    changes = {"voice": Voice.model_validate(given), "file": tmp_path / "room.toml", "state": state}
    room = default_room().model_copy(update=changes)
    avatar = room.avatar.model_copy(update={"path": default_room().avatar.path.resolve()})
    return room.model_copy(update={"avatar": avatar})


def test_a_record_that_changes_while_it_is_read_is_read_again(tmp_path, monkeypatch):
    from livehost import consent as module

    path, read = consent_record(tmp_path), module._read

    def changed_meanwhile(record):
        found = read(record)
        consent_record(tmp_path, revoked="2026-01-02")
        return found

    watched = Consent(path, Use(Scope.VOICE, "room"))
    monkeypatch.setattr(module, "_read", changed_meanwhile)
    watched.problem()
    monkeypatch.setattr(module, "_read", read)
    assert "has withdrawn consent" in watched.problem()


class Person(Tone):
    """Quick to speak, and taken for a person's voice."""

    name = "kokoro"


@pytest.fixture
def quick(monkeypatch):
    """The person's voice needs no model."""
    from livehost.brain import voice

    monkeypatch.setitem(voice.ENGINES, "kokoro", Person)


def test_a_revocation_during_the_show_changes_the_voice_at_the_next_sentence(
    tmp_path, caplog, quick
):
    consent_record(tmp_path)

    async def main():
        voice = make_voice(person_room(tmp_path))
        async with aclosing(voice.speak(Sentence("第一句话很长" * 5))) as chunks:
            heard = [(await anext(chunks)).voice]
            consent_record(tmp_path, revoked="2026-01-02")
            heard += [chunk.voice async for chunk in chunks]
        heard = [set(heard), await spoken(voice), await spoken(voice, "第一句话很长" * 5)]
        record = voice.snapshot()["engines"]["kokoro"]
        consent_record(tmp_path)
        heard.append(await spoken(voice, "又一句"))
        voice.close()
        return heard, record

    with caplog.at_level(logging.WARNING):
        heard, record = asyncio.run(main())
    # What the cache holds of the voice is not played either.
    assert heard == [{"kokoro"}, {"tone"}, {"tone"}, {"kokoro"}]
    assert record["state"] == "refused" and "has withdrawn consent" in record["why"]
    said = [r for r in caplog.records if r.message == "voice is not used without consent"]
    assert len(said) == 1 and "王小美" in said[0].why


def test_a_show_that_is_started_again_after_the_end_of_a_consent_goes_on(tmp_path, quick):
    consent_record(tmp_path, revoked="2026-01-02")
    room = person_room(tmp_path)
    with pytest.raises(ConfigError, match="withdrawn"):
        make_voice(room)

    async def main():
        voice = make_voice(room, running=True)
        heard = await spoken(voice)
        voice.close()
        return heard

    assert asyncio.run(main()) == {"tone"}


def test_the_key_of_a_refused_voice_is_another_one(tmp_path):
    watched = consent(tmp_path)
    engine = Consented(Tone(default_room()), watched)
    before = engine.key(Sentence("hi"))
    (tmp_path / "consent.toml").unlink()
    assert engine.key(Sentence("hi")) != before
    with pytest.raises(NoConsent, match="no consent record"):
        asyncio.run(spoken(engine))


# --- what is kept of a person -------------------------------------------------------------------


def kept(tmp_path):
    """The files of a person's speech, and the notes whose it is."""
    folder = tmp_path / "cache" / "speech"
    return len(list(folder.glob("*/person-*.speech"))), len(list(folder.glob("person-*.consent")))


async def until(condition, seconds=5.0):
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


@pytest.fixture
def often(monkeypatch):
    monkeypatch.setattr("livehost.brain.voice.cache.LOOK_SECONDS", 0.02)


@pytest.mark.parametrize("change", [{"revoked": "2026-01-02"}, {"expires": "2026-01-02"}, None])
def test_cached_speech_goes_when_the_consent_ends(tmp_path, caplog, quick, often, change):
    record = consent_record(tmp_path)

    async def main():
        voice = make_voice(person_room(tmp_path))
        heard = [await spoken(voice, "第一句"), await spoken(voice, "第二句")]
        held = kept(tmp_path), voice.cached(Sentence("第一句"))
        if change:
            consent_record(tmp_path, **change)
        else:
            record.unlink()
        # Nobody says anything meanwhile.
        await until(lambda: kept(tmp_path) == (0, 0))
        told = voice.snapshot()
        heard.append(await spoken(voice, "第一句"))
        gone = kept(tmp_path)
        consent_record(tmp_path)
        heard.append(await spoken(voice, "第一句"))
        voice.close()
        return heard, held, told, gone

    with caplog.at_level(logging.WARNING):
        heard, held, told, gone = asyncio.run(main())
    assert held == ((2, 1), True)
    assert (told["purged"], told["unpurged"], told["sentences"], told["bytes"]) == (2, 0, 0, 0)
    assert heard == [{"kokoro"}, {"kokoro"}, {"tone"}, {"kokoro"}]
    assert gone == (0, 0)
    assert kept(tmp_path) == (1, 1)  # by the renewed record
    said = [r for r in caplog.records if "is deleted" in r.message]
    assert [r.sentences for r in said] == [2] and said[0].why


def test_speech_that_is_being_made_when_the_consent_ends_is_not_kept(tmp_path, quick, monkeypatch):
    async def slowly(person, sentence):
        async with aclosing(Tone.speak(person, sentence)) as chunks:
            async for chunk in chunks:
                yield chunk
                await asyncio.sleep(0.01)

    monkeypatch.setattr(Person, "speak", slowly)
    consent_record(tmp_path)

    async def main():
        voice = make_voice(person_room(tmp_path))
        async with aclosing(voice.speak(Sentence("很长的一句话" * 5))) as chunks:
            await anext(chunks)
            consent_record(tmp_path, revoked="2026-01-02")
            async for _ in chunks:
                pass
        voice.close()

    asyncio.run(main())
    assert kept(tmp_path)[0] == 0


async def say_and_stop(room, text="第一句"):
    voice = make_voice(room, running=True)
    heard = await spoken(voice, text)
    voice.close()
    return heard, voice.snapshot()


@pytest.mark.parametrize("voice", [{}, {"engine": "tone", "person": False, "consent": None}])
def test_a_restart_deletes_what_a_crash_left(tmp_path, quick, voice):
    """Also when the room speaks with another voice by then."""
    consent_record(tmp_path)
    asyncio.run(say_and_stop(person_room(tmp_path)))
    assert kept(tmp_path) == (1, 1)
    consent_record(tmp_path, revoked="2026-01-02")
    heard, told = asyncio.run(say_and_stop(person_room(tmp_path, **voice), "又一句"))
    assert heard == {"tone"}
    assert kept(tmp_path) == (0, 0)
    assert told["purged"] == 1


def test_speech_with_consent_survives_a_restart_with_another_voice(tmp_path, quick):
    consent_record(tmp_path)
    asyncio.run(say_and_stop(person_room(tmp_path)))
    other = person_room(tmp_path, engine="tone", person=False, consent=None)
    asyncio.run(say_and_stop(other))
    assert kept(tmp_path) == (1, 1)
    assert len(list((tmp_path / "cache/speech").glob("*/*.speech"))) == 2


@pytest.mark.parametrize("note", [None, "{", "[]", '{"record": 1}'])
def test_speech_of_nobody_known_goes(tmp_path, quick, note):
    consent_record(tmp_path)
    asyncio.run(say_and_stop(person_room(tmp_path)))
    (path,) = (tmp_path / "cache/speech").glob("person-*.consent")
    path.write_text(note) if note else path.unlink()
    other = person_room(tmp_path, engine="tone", person=False, consent=None)
    asyncio.run(say_and_stop(other))
    assert kept(tmp_path) == (0, 0)


def test_what_cannot_be_deleted_is_told_and_tried_again(tmp_path, caplog, quick, often):
    consent_record(tmp_path)
    unlink = Path.unlink

    def stuck(path, missing_ok=False):
        if path.suffix == ".speech":
            raise PermissionError(13, "denied")
        unlink(path, missing_ok)

    async def main(monkeypatch):
        voice = make_voice(person_room(tmp_path))
        await spoken(voice)
        with monkeypatch.context() as patch:
            patch.setattr(Path, "unlink", stuck)
            consent_record(tmp_path, revoked="2026-01-02")
            await until(lambda: voice.snapshot()["unpurged"])
            await asyncio.sleep(0.1)
            told = cache_warnings(voice.snapshot()), kept(tmp_path)
        await until(lambda: kept(tmp_path) == (0, 0) and not voice.snapshot()["unpurged"])
        voice.close()
        return told, voice.snapshot()

    with pytest.MonkeyPatch.context() as monkeypatch:
        (warned, held), told = asyncio.run(main(monkeypatch))
    assert held == (1, 1)
    assert warned == ["cached speech without consent cannot be deleted: 1 files"]
    assert cache_numbers(told)["livehost_voice_cache_purged_total"] == 1
    assert not cache_warnings(told)
    assert len([r for r in caplog.records if "cannot be deleted" in r.message]) == 1


# --- which voices need it -----------------------------------------------------------------------


def named(**tables):
    return {"fallback": (), **tables}


@pytest.mark.parametrize(
    ("voice", "table"),
    [
        (named(engine="kokoro", person=True), "voice"),
        (named(engine="openai", openai={"base_url": "http://x", "person": True}), "voice.openai"),
        (
            named(engine="sovits", sovits={"base_url": "http://x", "ref_audio_path": "a"}),
            "voice.sovits",
        ),
        (
            named(
                engine="cosyvoice",
                cosyvoice={
                    "base_url": "http://x", "mode": "cross_lingual", "prompt_wav": "ref.wav",
                },
            ),
            "voice.cosyvoice",
        ),
        (
            named(engine="tone", fallback=("cosyvoice",), cosyvoice={
                "base_url": "http://x", "person": True,
            }),
            "voice.cosyvoice",
        ),
    ],
)  # fmt: skip
def test_a_person_s_voice_without_a_record_does_not_load(tmp_path, voice, table):
    (tmp_path / "ref.wav").write_bytes(b"RIFF")
    room = person_room(tmp_path, person=False, consent=None)
    room = room.model_copy(update={"voice": Voice.model_validate(voice)})
    (line,) = check_voice(room)
    assert line.startswith(f"{tmp_path}/room.toml: {table}.consent: this voice is made from")
    with pytest.raises(ConfigError):
        make_voice(room)


def test_a_coqui_voice_with_recordings_needs_it(tmp_path, monkeypatch):
    from livehost.brain.voice import coqui

    monkeypatch.setattr(coqui, "missing_packages", list)
    for name in ("config.json", "model.pth", "me.wav"):
        (tmp_path / name).write_bytes(b"{}")
    table = {"model": str(tmp_path), "speaker_wav": ["me.wav"]}
    room = person_room(tmp_path, engine="coqui", coqui=table, person=False, consent=None)
    with pytest.raises(ConfigError, match=r"voice\.coqui\.consent"):
        make_engine(room, "coqui")
    consent_record(tmp_path)
    table["consent"] = "consent.toml"
    room = person_room(tmp_path, engine="coqui", coqui=table, person=False, consent=None)
    assert isinstance(make_engine(room, "coqui"), Consented)


@pytest.mark.parametrize("name", ["tone", "silent", "hibari", "kokoro"])
def test_nobody_s_voice_needs_none(name, tmp_path):
    room = person_room(tmp_path, engine=name, person=False, consent=None)
    assert not isinstance(make_engine(room, name), Consented)


def test_a_record_that_is_named_is_checked_even_where_none_is_needed(tmp_path, quick):
    consent_record(tmp_path, expires="2026-01-02")
    with pytest.raises(ConfigError, match="expired"):
        make_engine(person_room(tmp_path, person=False), "kokoro")


def test_check_tells_of_it_with_all_else(tmp_path):
    consent_record(tmp_path, expires="2026-01-02")
    demo = default_room().file.parent / "scripts" / "demo" / "room.toml"
    text = demo.read_text("utf-8").replace('path = "', f'path = "{demo.parent}/')
    for key in ("rundown", "replay", "background", "music"):
        text = text.replace(f'{key} = "', f'{key} = "{demo.parent}/')
    table = '[voice]\nperson = true\nconsent = "consent.toml"\nfallback = ["parrot"]\n'
    room = tmp_path / "room.toml"
    kept = [part for part in text.split("\n[") if not part.startswith("voice]")]
    room.write_text("\n[".join(kept) + "\n" + table, "utf-8")
    problems = check(room)
    assert any("consent of 王小美 expired on 2026-01-02" in problem for problem in problems)
    assert any("no engine parrot" in problem for problem in problems)


def test_the_clock_is_the_wall_s(tmp_path):
    yesterday = datetime.now(UTC).date() - timedelta(days=2)
    assert "expired" in Consent(consent_record(tmp_path, expires=str(yesterday)), VOICE).problem()
