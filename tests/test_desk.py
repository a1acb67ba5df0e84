"""What operators tell a whole show on virtual time: take-over, silence, outputs, who did it."""

import asyncio

import pytest

from livehost.brain.command import Args, Nothing, Outcome, Role, Table, Who, command, declared
from livehost.brain.console.patch import difference
from livehost.brain.console.watched import Watched
from livehost.brain.desk import GROUPS, all_commands
from livehost.brain.lease import SECONDS, Lease
from livehost.wire import Cue, CueKind, Speech

from .console_desk import taking
from .test_brain import Brain, no_console, sql, until, with_brain  # noqa: F401  (a fixture)
from .virtual import run

OLGA = Who("olga", Role.OWNER, "10.0.0.1", "olga:phone")
OTTO = Who("otto", Role.OPERATOR, "10.0.0.2", "otto:desk")
OTTO_PHONE = Who("otto", Role.OPERATOR, "10.0.0.3", "otto:phone")
VERA = Who("vera", Role.VIEWER, "10.0.0.4", "vera:phone")


def cues(stage, kind):
    return [m.data for m in stage.received if isinstance(m, Cue) and m.kind is kind]


# --- taking over ----------------------------------------------------------------------------------


def test_person_takes_over_types_and_hands_back(tmp_path):
    async def test(stage, live):
        async def do(who, name, **args):
            return await live.desk.command(name, args, who)

        await until(lambda: len(stage.air) > 2)
        told = []
        live.desk.news.listen(told.append)
        assert (await do(OTTO, "take_over")).ok
        await asyncio.sleep(3)
        place, quiet = live.show.director.cursor, len(stage.air)
        for _ in range(10):
            await asyncio.sleep(2)
            assert (await do(OTTO, "lease_keep")).ok
        assert len(stage.air) == quiet, "the script keeps its place"
        assert live.desk.status()["mode"] == "taken"
        assert live.desk.status()["lease"]["user"] == "otto"

        others = [await do(w, n, **a) for w, n, a in (
            (OTTO_PHONE, "say", {"text": "我也说一句。"}), (OTTO_PHONE, "skip", {}),
            (OLGA, "product", {"id": "bottle"}), (OLGA, "take_over", {}),
            (OTTO_PHONE, "lease_keep", {}), (OLGA, "hand_back", {}),
        )]  # fmt: skip
        assert {o.code for o in others} == {"lease"} and not any(o.ok for o in others)
        assert others[0].data["lease"]["tab"] == "desk"

        assert (await do(OTTO, "say", text="大家好，我是店员小王。", emotion="excited")).ok
        await until(lambda: stage.texts[-1] == "大家好，我是店员小王。")
        await asyncio.sleep(5)
        assert stage.texts[-1] == "大家好，我是店员小王。"
        felt = {m.emotion for m in stage.received if isinstance(m, Speech) and "小王" in m.text}
        assert felt == {"excited"}

        assert (await do(OTTO, "hand_back")).ok
        await until(lambda: stage.texts[-1] != "大家好，我是店员小王。")
        assert live.desk.status()["lease"] is None
        after = live.show.director.cursor
        assert (after.segment, after.line) == (place.segment, place.line)
        return [item.data for item in told if item.kind == "lease"]

    taken, returned = with_brain(tmp_path, test)
    assert taken["holder"]["user"] == "otto" and taken["why"] == "taken"
    assert returned["holder"] is None and returned["why"] == "returned"


def test_nothing_heard_of_the_person_gives_the_host_back(tmp_path):
    async def test(stage, live):
        await until(lambda: len(stage.air) > 2)
        await live.desk.command("take_over", {"kind": "microphone"}, OTTO)
        assert live.show.lease.may_speak(OTTO.session)
        await asyncio.sleep(SECONDS - 1)
        quiet = len(stage.air)
        assert live.show.lease.held
        await asyncio.sleep(1.5)
        assert live.show.lease.held is None
        assert not live.show.lease.may_speak(OTTO.session)
        await until(lambda: len(stage.air) > quiet)
        await live.show.state.flush()

    with_brain(tmp_path, test)
    audit = str(sql(tmp_path, "SELECT what FROM audit WHERE kind = 'command'"))
    assert '"hand_back"' in audit and '"silent"' in audit and "10.0.0.2" in audit


def test_owner_takes_it_by_force_and_an_operator_cannot(tmp_path):
    async def test(stage, live):
        await live.desk.command("take_over", {}, OTTO)
        refused = await live.desk.command("take_over_force", {}, OTTO_PHONE)
        assert refused.code == "role"
        assert (await live.desk.command("take_over_force", {}, OLGA)).ok
        assert live.show.lease.holder == OLGA.session
        lost = await live.desk.command("lease_keep", {}, OTTO)
        assert lost.code == "lease" and lost.data["lease"]["user"] == "olga"
        await live.desk.command("panic", {}, OTTO)
        assert live.show.lease.held is None, "who stops the show stops the person, too"

    with_brain(tmp_path, test)


def test_lease_goes_to_one_session_at_a_time():
    async def main():
        lease, told = Lease(), []
        lease.listen(lambda now, before, why: told.append((now and now.who.name, why)))
        assert lease.take(OTTO, "type") and lease.take(OTTO, "microphone")
        assert lease.may_speak(OTTO.session) and not lease.may_speak(OTTO_PHONE.session)
        assert not lease.take(OLGA, "type") and not lease.end(OLGA.session)
        assert lease.take(OLGA, "type", force=True) and not lease.keep(OTTO)
        assert not lease.may_speak(OLGA.session)
        await asyncio.sleep(SECONDS * 0.9)
        assert lease.keep(OLGA)
        await asyncio.sleep(SECONDS * 0.9)
        assert lease.holder == OLGA.session
        await asyncio.sleep(SECONDS)
        assert lease.holder is None and not lease.keep(OLGA)
        assert [why for _, why in told] == ["taken", "taken", "forced", "silent"]

    run(main())


# --- silence --------------------------------------------------------------------------------------


def test_mute_is_silent_at_once_and_goes_on_where_it_was(tmp_path):
    async def test(stage, live):
        await until(lambda: len(stage.air) > 2 and live.desk.status()["now"])
        before = stage.texts[-1]
        await live.desk.command("mute", {"on": True}, OTTO)
        await asyncio.sleep(0.2)
        assert stage.playout.queued == 0
        quiet = len(stage.air)
        await asyncio.sleep(30)
        assert len(stage.air) == quiet and live.desk.status()["mode"] == "muted"
        assert cues(stage, CueKind.MUSIC)[-1] == {"on": True}, "the music plays on"
        await live.desk.command("mute", {"on": False}, OTTO)
        await until(lambda: len(stage.air) > quiet)
        assert stage.texts[-1] == before
        await live.desk.command("mute", {"on": True, "music": True}, OTTO)
        assert cues(stage, CueKind.MUSIC)[-1] == {"on": False}
        await live.desk.command("resume", {}, OTTO)
        assert cues(stage, CueKind.MUSIC)[-1] == {"on": True}
        assert live.desk.status()["mode"] == "live"

    with_brain(tmp_path, test)


def test_panic_shows_the_slate_and_nothing_is_heard(tmp_path):
    async def test(stage, live):
        await until(lambda: len(stage.air) > 2)
        await live.desk.command("panic", {}, OTTO)
        await asyncio.sleep(0.2)
        assert stage.playout.queued == 0 and stage.playout.paused
        assert cues(stage, CueKind.SLATE)[-1] == {"on": True, "cut": True}
        assert cues(stage, CueKind.MUSIC)[-1] == {"on": False}
        assert live.desk.status()["mode"] == "slate"
        await asyncio.sleep(20)
        quiet = len(stage.air)
        await live.desk.command("panic", {"on": False}, OTTO)
        await until(lambda: len(stage.air) > quiet)
        assert cues(stage, CueKind.SLATE)[-1] == {"on": False, "cut": False}
        assert live.desk.status()["mode"] == "live"

    with_brain(tmp_path, test)


def test_what_is_watched_of_the_rundown_changes_by_what_was_edited(tmp_path):
    async def test(stage, live):
        await until(lambda: len(stage.air) > 1)
        watched = Watched(live.desk)
        before = watched.look()["rundown"]
        assert before["order"][:2] == ["welcome", "lineup"]
        listed = (await live.desk.command("rundown", {}, VERA)).data
        assert before["segments"]["welcome"]["lines"] == listed["segments"][0]["lines"]
        lines = [segment["lines"] for segment in live.desk.rundown()["segments"]]
        edit = {"segment": "lineup", "line": 0, "text": "今天先看杯子。"}
        assert (await live.desk.command("edit", edit, OTTO)).ok
        after = watched.look()["rundown"]
        patch = difference(before, after)
        changed = patch["segments"]["lineup"]["lines"][0]
        assert (changed["text"], changed["changed"]) == ("今天先看杯子。", "edited")
        assert patch["segments"].keys() == {"lineup"} and patch["changed"] is True
        assert "order" not in patch
        again = [segment["lines"] for segment in live.desk.rundown()["segments"]]
        assert [a is b for a, b in zip(lines, again, strict=True)].count(False) == 1
        assert (await live.desk.command("rundown_reset", {}, OTTO)).ok
        back = watched.look()["rundown"]
        assert back["segments"]["lineup"]["lines"] == before["segments"]["lineup"]["lines"]

    with_brain(tmp_path, test)


def test_layers_are_left_out_and_stay_so_over_a_restart(tmp_path):
    async def first(stage, live):
        await until(lambda: len(stage.air) > 1)
        assert live.desk.status()["layers"] == dict.fromkeys(
            ("captions", "card", "question", "title"), True
        )
        assert (await live.desk.command("layers", {"captions": False}, OTTO)).ok
        assert (await live.desk.command("layers", {"card": False, "title": False}, OTTO)).ok
        assert (await live.desk.command("layers", {"title": True}, OTTO)).ok
        assert cues(stage, CueKind.LAYERS)[-1] == {"hidden": ["captions", "card"]}
        assert not (await live.desk.command("layers", {"label": False}, OTTO)).ok
        assert not (await live.desk.command("layers", {"title": False}, VERA)).ok

    async def second(stage, live):
        await until(lambda: cues(stage, CueKind.LAYERS))
        assert cues(stage, CueKind.LAYERS)[-1] == {"hidden": ["captions", "card"]}
        assert live.desk.status()["layers"]["title"] and not live.desk.status()["layers"]["card"]

    with_brain(tmp_path, first)
    with_brain(tmp_path, second)


# --- outputs --------------------------------------------------------------------------------------


def test_output_is_sent_somewhere_else(tmp_path):
    async def test(stage, live):
        await until(lambda: len(stage.air) > 1)
        args = {"name": "shop", "url": "rtmp://h/app/SECRETKEY"}
        assert "no output" in (await live.desk.command("output_set", args, OTTO)).message
        live.show.link.health = {"outputs": {"shop": {"state": "live"}}}
        assert (await live.desk.command("output_set", args, OTTO)).ok
        assert cues(stage, CueKind.OUTPUT_ADD)[-1] == args
        await live.show.state.flush()

    with_brain(tmp_path, test)
    assert "SECRETKEY" not in str(sql(tmp_path, "SELECT what FROM audit"))


# --- who ------------------------------------------------------------------------------------------


def test_who_gave_a_command_is_written_down(tmp_path):
    async def test(stage, live):
        await live.desk.command("pause", {}, OTTO)
        await live.desk.command("pause", {}, VERA)
        await live.desk.command("lease_keep", {}, OTTO)
        live.desk.note(OLGA, "login", True, "")
        await live.show.state.flush()
        return stage

    with_brain(tmp_path, test)
    audit = [row[0] for row in sql(tmp_path, "SELECT what FROM audit WHERE kind = 'command'")]
    assert any('"otto"' in row and '"operator"' in row and "10.0.0.2" in row for row in audit)
    assert any('"vera"' in row and '"ok": false' in row for row in audit)
    assert any('"login"' in row for row in audit)


@pytest.mark.parametrize("known", all_commands(), ids=lambda known: known.name)
def test_every_command_says_who_may_and_what_it_does(known):
    assert isinstance(known.role, Role) and len(known.does) > 10
    assert issubclass(known.args, Args) and known.seconds <= 60
    for key, field in known.args.model_json_schema().get("properties", {}).items():
        hidden = any(word in key for word in ("url", "password", "token", "key", "secret"))
        assert not hidden or key in known.secret, (key, field)


def test_names_are_given_once():
    names = [known.name for group in GROUPS for known in declared(group)]
    assert len(names) == len(set(names))

    class Twice:
        @command(Role.VIEWER)
        def look(self, _: Nothing, __: Who) -> Outcome:
            """Look at it once more."""
            return Outcome(True)

    table = Table()
    table.add(Twice())
    with pytest.raises(ValueError, match="two commands are called look"):
        table.add(Twice())


@pytest.mark.parametrize(
    ("name", "args", "word"),
    [
        ("say", {"text": 1}, "text: "),
        ("say", {}, "text is needed"),
        ("say", {"text": "a", "cutt": True}, "cutt is not an argument"),
        ("slate", {"on": "yes"}, "on: "),
        ("output_add", {"name": "a", "url": ""}, "url: "),
        ("output_add", {"name": "../x", "url": "rtmp://h/SECRET"}, "name: "),
        ("output_add", {"name": "x", "url": "SECRET"}, "no stream URL"),
        ("output_add", {"name": "x", "url": "http://h/SECRET"}, "no stream URL"),
        ("output_add", {"name": "x", "url": "rtmp:///SECRET"}, "no stream URL"),
        ("output_add", {"name": "x", "url": "whip+https://SECRET@h:99999/x"}, "no stream URL"),
        ("take_over", {"kind": "telepathy"}, "kind: "),
        ("dance", {}, "unknown command"),
    ],
)
def test_wrong_arguments_are_one_line_without_what_was_given(tmp_path, name, args, word):
    async def test(stage, live):
        return await live.desk.command(name, args, OTTO)

    outcome = with_brain(tmp_path, test)
    assert not outcome.ok and word in outcome.message and "\n" not in outcome.message
    assert "SECRET" not in outcome.message and outcome.code in ("args", "unknown")


def test_command_asked_again_after_a_restart_of_the_brain_is_not_done_twice(tmp_path):
    """The answer is in the state file: a phone that sends again what it was not told gets it."""

    async def test(stage, live):
        async with taking(live.desk) as orders:
            said = await orders.give_once("p-1", "say", {"text": "只说一次。"}, OTTO)
            await until(lambda: "只说一次。" in stage.texts)
        await live.end()
        again = Brain(tmp_path, stage)
        try:
            async with taking(again.desk) as orders:
                repeated = await orders.give_once("p-1", "say", {"text": "只说一次。"}, OTTO)
                other = await orders.give_once("p-1", "say", {"text": "另一句。"}, OTTO)
            await asyncio.sleep(20)
        finally:
            await again.end()
        return said, repeated, other, stage.texts

    said, repeated, other, texts = with_brain(tmp_path, test)
    assert said[0].ok and not said[1]
    assert repeated == (said[0], True)
    assert other[0].code == "id"
    assert texts.count("只说一次。") == 1
    assert "只说一次" not in str(sql(tmp_path, "SELECT what FROM acks"))
