"""Commands under an id: in order, once, and what is known of them after the brain was killed."""

from __future__ import annotations

import asyncio

import pytest

from livehost.brain.command import LOCAL, Role, Who
from livehost.brain.console.orders import UNSURE

from .console_desk import FakeDesk, taking
from .show_parts import staged
from .test_brain import Brain, no_console, room_file, until  # noqa: F401  (a fixture)
from .virtual import run

OTTO = Who("otto", Role.OPERATOR, "10.0.0.2", "otto:desk")


class SlowDisk(FakeDesk):
    async def keep(self, user, key, what, outcome):
        await super().keep(user, key, what, outcome)
        await asyncio.sleep(0.3)


# --- what is written down when --------------------------------------------------------------------


def test_it_is_noted_that_a_skip_is_about_to_be_done_and_the_answer_waits_for_the_disk():
    async def main():
        desk, now = SlowDisk(), asyncio.get_running_loop().time
        began = now()
        async with taking(desk) as orders:
            asking = asyncio.ensure_future(orders.give_once("a", "skip", {}, LOCAL))
            await asyncio.sleep(0.2)
            assert (desk.commands, [kept[3] for kept in desk.remembered]) == ([], [None])
            assert (await asking)[0].ok and now() - began == pytest.approx(0.6)
            await orders.give_once("b", "goto", {"segment": "x"}, LOCAL)
        assert [kept[3] and kept[3].ok for kept in desk.remembered] == [None, True, True]

    run(main())


def test_commands_begin_in_their_order_but_nobody_waits_to_be_silent():
    async def main():
        desk = SlowDisk()
        async with taking(desk) as orders:
            names = ("skip", "goto", "skip", "say", "panic")
            given = [orders.give_once(f"{n}", name, {}, LOCAL) for n, name in enumerate(names)]
            await asyncio.gather(*given)
        assert [name for name, _ in desk.commands] == ["panic", "skip", "goto", "skip", "say"]

    run(main())


def test_who_asks_again_while_it_is_done_gets_the_same_answer():
    async def main():
        desk = SlowDisk()
        async with taking(desk) as orders:
            asking = [orders.give_once("a", "skip", {}, LOCAL) for _ in range(3)]
            told = await asyncio.gather(*asking)
        assert [repeated for _, repeated in told] == [False, True, True]
        assert len(desk.commands) == 1 and {outcome.message for outcome, _ in told} == {"done"}

    run(main())


def test_after_a_restart_it_is_answered_done_again_or_not_known():
    async def main():
        desk = FakeDesk()
        async with taking(desk) as orders:
            await orders.give_once("done", "goto", {"segment": "x"}, LOCAL)
            await orders.give_once("lease", "take_over", {}, LOCAL)
            await orders.give_once("asked", "status_is_none", {}, LOCAL)
        desk.remembered += [("local", "half", desk.remembered[0][2], None)]
        desk.commands.clear()
        async with taking(desk) as again:
            goto = "goto", {"segment": "x"}
            assert (await again.give_once("done", *goto, LOCAL))[1]
            assert await again.give_once("half", *goto, LOCAL) == (UNSURE, True)
            assert (await again.give_once("lease", "take_over", {}, LOCAL))[1] is False
        assert desk.commands == [("take_over", {})]

    run(main())


def test_a_command_that_breaks_breaks_nothing_else(caplog):
    class Broken(FakeDesk):
        async def command(self, name, args, who=LOCAL):
            if name == "skip":
                raise RuntimeError("a bug")
            return await super().command(name, args, who)

    async def main():
        async with taking(Broken()) as orders:
            broken, _ = await orders.give_once("a", "skip", {}, LOCAL)
            assert (broken.ok, broken.code) == (False, "failed")
            assert (await orders.give("skip", {}, LOCAL)).code == "failed"
            assert (await orders.give_once("b", "goto", {}, LOCAL))[0].ok

    run(main())
    assert [record.message for record in caplog.records] == ["command failed"] * 2


# --- killed at each write -------------------------------------------------------------------------


class Doomed(Brain):
    """A brain that is killed when its state file has taken so many writes.

    Args:
        writes: from now on, each of everything that waits.
        after: killed right after the last of them, not right before the next one.
    """

    def die_after(self, stage, writes, after):
        store, self.dead = self.show.state.store, asyncio.Event()
        begin, end, left = store._next_batch, store._written, writes

        def die():
            store.put = lambda *_, **__: True
            store._next_batch = lambda: None
            stage.brain = None
            self.dead.set()

        def next_batch():
            if left <= 0:
                die()
            else:
                begin()

        def written(future):
            nonlocal left
            left -= 1
            if left <= 0 and after:
                die()
            end(future)

        store._next_batch, store._written = next_batch, written


def given_and_killed(folder, command, writes, after, before=None, seconds=30.0):
    """Give a command to a brain that is killed, and again to the next one; return what came of it.

    Args:
        before: a command that is given earlier, and done.
    """

    async def main():
        async with staged() as stage:
            first = Doomed(folder, stage)
            async with taking(first.desk) as orders:
                await until(lambda: len(stage.air) > 2)
                if before:
                    assert (await orders.give_once("p-0", *before, OTTO))[0].ok
                    await until(first.show.speaker.says_something_else)
                await first.show.state.flush()
                first.die_after(stage, writes, after)
                asking = asyncio.ensure_future(orders.give_once("p-1", *command, OTTO))
                await asyncio.wait({asyncio.ensure_future(first.dead.wait())}, timeout=seconds)
            asking.cancel()
            await first.end()
            second = Brain(folder, stage)
            async with taking(second.desk) as orders:
                await asyncio.sleep(RECONNECT)
                told, repeated = await orders.give_once("p-1", *command, OTTO)
                await asyncio.sleep(20)
            await second.end()
            return told, repeated, stage.air

    room_file(folder)
    return run(main())


RECONNECT = 0.8  # seconds until a page has found the next brain
SAY = "say", {"text": "这一句只说一遍。"}
LONG = "say", {"text": "这一句长一些，因为要在说到一半的时候把它跳过去，所以多说几个字。"}
SKIP = "skip", {}
OPENING = ["商品信息都来自商家填写的商品卡。", "我会照着商品卡如实告诉您；"]
LINEUP = [
    "今天跟大家慢慢聊三款日常用得上的东西。",
    "一件出门能挡太阳的薄外套，",
    "一个通勤路上的保温杯，还有一盒放在办公桌上的坚果。",
    "都不是什么稀罕物件，咱们就看它做得细不细，适不适合您。",
]  # the segment after the first
FEW = [(0, False), (1, False), (2, False), (2, True)]
MANY = [(writes, after) for writes in range(10) for after in (False, True)]


def check_said(folder, writes, after):
    told, _, air = given_and_killed(folder, SAY, writes, after)
    assert told.ok, told
    whole = [s for s in air if s.text == SAY[1]["text"] and s.interrupted is False]
    assert len(whole) == 1, (writes, after, [s.text for s in air])


def check_skipped(folder, writes, after):
    told, _, air = given_and_killed(folder, SKIP, writes, after)
    assert told.ok or told.code == "unsure", told
    texts = [s.text for s in air if s.interrupted is False]
    lineup = [text for text in texts if text in LINEUP]
    assert lineup == LINEUP[: len(lineup)], (writes, after, texts)
    if told.ok:
        assert lineup == LINEUP and not {*OPENING} & {*texts}, (writes, after, texts)


def check_cut(folder, writes, after):
    """What is skipped is a text of the operator: the script goes on where it was."""
    told, _, air = given_and_killed(folder, SKIP, writes, after, before=LONG)
    assert told.ok or told.code == "unsure", told
    texts = [s.text for s in air if s.interrupted is False]
    assert {*OPENING} <= {*texts}, (writes, after, texts)
    assert LINEUP[0] not in texts[: texts.index(OPENING[1])], (writes, after, texts)


@pytest.mark.parametrize(("writes", "after"), FEW)
@pytest.mark.parametrize("check", [check_said, check_skipped, check_cut])
def test_killed_at_a_write_nothing_is_done_twice_or_lost(tmp_path, check, writes, after):
    check(tmp_path, writes, after)


@pytest.mark.stress
@pytest.mark.parametrize("check", [check_said, check_skipped, check_cut])
def test_killed_at_every_write_nothing_is_done_twice_or_lost(tmp_path, check):
    for writes, after in MANY:
        folder = tmp_path / f"{writes}{after}"
        folder.mkdir()
        check(folder, writes, after)
