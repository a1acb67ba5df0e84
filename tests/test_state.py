"""The state file: nothing accepted is lost, whatever happens to the process or the file."""

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
import textwrap

import pytest

from livehost.brain import store as store_module
from livehost.brain.intent import Intent, IntentKind, Place
from livehost.brain.schema import VERSION
from livehost.brain.state import SAFE_SECONDS, State
from livehost.brain.store import Store
from livehost.errors import ConfigError, Transient

from .show_parts import comment
from .virtual import run


def ok(_fresh):
    pass


def reply(text="多少钱"):
    message = comment(text, id="q1")
    return Intent(IntentKind.REPLY, "question", asked=message, answers=("q1",), urgent=True)


def test_what_was_written_is_remembered(tmp_path):
    path = tmp_path / "deep" / "show.sqlite3"

    async def first():
        state = State(path, "run1")
        assert state.memory.place is None and not state.memory.waiting
        state.cursor(Place("open", 1, 2))
        done = []
        for n in range(3):
            state.chat(comment("多少钱", id=f"c{n}", extra={"a": 1}), "http", done.append)
        state.chat_is("c0", "answered", 7)
        state.utterance(7, reply(), "price")
        state.sentence(7, 0, "一百块。", "")
        state.sentence(7, 1, "要不要。", "")
        state.sentence_is(7, 0, "heard", 10, 10)
        state.sentence_is(7, 1, "started")
        state.utterance(8, Intent(IntentKind.NOTICE, "n", texts=("我是数字人。",)))
        state.sentence(8, 0, "我是数字人。", "")
        state.sentence_is(8, 0, "heard", 5, 5)
        state.rejected("not_json")
        state.rejected("not_json")
        state.flag("paused", True)
        await state.flush()
        assert done == [True, True, True]
        await state.close()

    async def second(name):
        state = State(path, name)
        await state.close()
        return state

    run(first())
    memory = run(second("run1")).memory
    assert memory.place == Place("open", 1, 2)
    assert [m.id for m in memory.waiting] == ["c1", "c2"] and memory.waiting[0].extra == {"a": 1}
    assert memory.seen == ("c0", "c1", "c2")
    (left,) = memory.unfinished
    assert left.utterance == 7 and left.intent.asked.text == "多少钱"
    assert [s for _, _, s in left.sentences] == ["heard", "started"]
    assert [t for t, _ in memory.heard] == ["一百块。", "我是数字人。"]
    assert memory.noticed is not None and memory.noticed < 60
    assert memory.flags == {"paused": True}
    assert run(second("run2")).memory.flags == {}, "another run starts with its switches off"
    assert run(second("run2")).rejections["not_json"] == 2


def test_what_is_unfinished_is_what_the_stage_may_have_and_what_should_follow_it(tmp_path):
    path = tmp_path / "show.sqlite3"
    states = {
        1: ("heard", "interrupted"),
        2: ("heard", "lost"),  # said again by another utterance
        3: ("heard", "planned"),  # the second was not sent yet
        4: ("heard", "planned"),  # gave way before the second
        5: ("sent", "planned"),
    }

    async def first():
        state = State(path, "run1")
        for number, both in states.items():
            state.utterance(number, reply())
            for n, how in enumerate(both):
                state.sentence(number, n, f"{number}.{n}", "")
                if how != "planned":
                    state.sentence_is(number, n, how)
        state.ended(4, "yielded")
        await state.close()

    async def second():
        state = State(path, "run1")
        await state.close()
        return [left.utterance for left in state.memory.unfinished]

    run(first())
    assert run(second()) == [3, 5]


def test_safe_is_when_all_that_was_noted_before_is_on_disk(tmp_path):
    async def main():
        state = State(tmp_path / "show.sqlite3")
        await state.safe()  # nothing waits
        for n in range(3):
            state.flag("paused", n)
            await state.safe()
            assert state.store.rows("SELECT value FROM meta WHERE key = 'flag.paused'")[0] == (
                str(n),
            )
        await state.close()

    run(main())


def test_a_disk_that_takes_nothing_does_not_hold_up_the_show(tmp_path, monkeypatch):
    def full(self, batch):
        raise sqlite3.OperationalError("database or disk is full")

    async def main():
        state = State(tmp_path / "show.sqlite3")
        monkeypatch.setattr(Store, "_commit", full)
        loop = asyncio.get_running_loop()
        state.flag("paused", True)
        before = loop.time()
        await state.safe()
        await state.safe()
        assert loop.time() - before < 0.1, "it failed at once"
        monkeypatch.undo()
        await state.close()

    run(main())


def test_a_slow_disk_holds_up_a_sentence_for_a_moment_only(tmp_path, monkeypatch):
    async def main():
        state = State(tmp_path / "show.sqlite3")
        loop, begin = asyncio.get_running_loop(), Store._next_batch
        monkeypatch.setattr(Store, "_next_batch", lambda self: loop.call_later(9, begin, self))
        state.flag("paused", True)
        before = loop.time()
        await state.safe()
        assert loop.time() - before == pytest.approx(SAFE_SECONDS, abs=0.1)
        monkeypatch.undo()
        await asyncio.sleep(10)
        await state.close()

    run(main())


def test_ids_are_never_used_twice_even_when_nothing_was_saved(tmp_path):
    seen = set()

    async def life(count):
        state = State(tmp_path / "s.db")
        for used in range(count):
            if used == count - 300:
                await state.flush()
                state.store.put = lambda *_, **__: True  # killed: the last moments are not saved
            number = state.new_id()
            assert number not in seen
            seen.add(number)
        await state.close()

    for count in (1, 5, 1700, 3, 0, 2):
        run(life(count))
    assert len(seen) == 1711


def test_duplicate_ids_are_told(tmp_path):
    async def main():
        state, fresh = State(tmp_path / "s.db"), []
        for _ in range(2):
            state.chat(comment("x", id="same"), "http", fresh.append)
        await state.close()
        return fresh

    assert run(main()) == [True, False]


def test_ten_thousand_messages_in_a_burst(tmp_path):
    async def main():
        state, done = State(tmp_path / "s.db"), []
        for n in range(10_000):
            assert state.chat(comment(f"第{n}条"), "http", done.append)
        await state.flush()
        (count,) = state.store.rows("SELECT count(*) FROM chat")[0]
        await state.close()
        return count, sum(done)

    assert run(main()) == (10_000, 10_000)


def test_more_than_the_bound_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(store_module, "MOST_WAITING", 10)

    async def main():
        state = State(tmp_path / "s.db")
        taken = [state.chat(comment("x"), "http", ok) for _ in range(20)]
        await state.close()
        return taken, state.store.refused

    taken, refused = run(main())
    assert taken.count(False) == refused and 5 <= refused <= 10


def test_a_damaged_file_is_moved_aside(tmp_path):
    path = tmp_path / "s.db"
    path.write_bytes(b"this is not a database" * 100)

    async def main():
        state = State(path)
        state.audit("command", a=1)
        await state.close()
        return state.store.moved

    moved = run(main())
    assert moved.read_bytes().startswith(b"this is not")
    assert sqlite3.connect(path).execute("SELECT count(*) FROM audit").fetchone() == (1,)


def test_damage_found_while_reading_or_writing(tmp_path):
    path = tmp_path / "s.db"

    async def fill():
        state = State(path)
        for n in range(3000):
            state.chat(comment(f"第{n}条"), "http", ok)
        await state.close()

    run(fill())
    size = path.stat().st_size
    with path.open("r+b") as file:  # the header survives, the tables do not
        file.seek(4096)
        file.write(os.urandom(size - 4096))

    async def main():
        state = State(path)
        done = []
        state.chat(comment("新的", id="new"), "http", done.append)
        await state.close()
        return done, state.store.moved, state.memory

    done, moved, memory = run(main())
    assert done == [True] and moved is not None and memory.waiting == ()


def test_damage_while_running(tmp_path):
    async def main():
        state, done = State(tmp_path / "s.db"), []
        state.store._base.execute("DROP TABLE audit")

        real = state.store._commit
        broken = iter([sqlite3.DatabaseError("database disk image is malformed")])

        def commit(batch):
            if error := next(broken, None):
                raise error
            return real(batch)

        state.store._commit = commit
        state.chat(comment("x", id="1"), "http", done.append)
        await state.close()
        return done, state.store.moved

    done, moved = run(main())
    assert done == [True] and moved


def test_a_full_disk_is_waited_for_and_nothing_is_lost(tmp_path):
    async def main():
        state, done = State(tmp_path / "s.db"), []
        real, full = state.store._commit, [True]

        def commit(batch):
            if full:
                raise sqlite3.OperationalError("database or disk is full")
            return real(batch)

        state.store._commit = commit
        state.chat(comment("x"), "http", done.append)
        await asyncio.sleep(5)
        waiting = list(done), state.store.failing
        full.clear()
        await asyncio.sleep(2)
        await state.close()
        return waiting, done, state.store.failing

    waiting, done, failing = run(main())
    assert waiting == ([], "database or disk is full") and done == [True] and failing == ""


def test_one_bad_row_does_not_hold_up_the_others(tmp_path):
    async def main():
        state, done = State(tmp_path / "s.db"), []
        state.store.put("INSERT INTO nowhere VALUES (1)")
        state.store.put("INSERT INTO meta VALUES (NULL, NULL)", done=done.append)
        state.chat(comment("x"), "http", done.append)
        await asyncio.sleep(3)
        await state.close()
        return done

    assert run(main()) == [False, True]


def test_two_processes_cannot_run_one_room(tmp_path):
    async def main():
        state = State(tmp_path / "s.db")
        with pytest.raises(Transient, match="another livehost"):
            State(tmp_path / "s.db")
        await state.close()
        await State(tmp_path / "s.db").close()

    run(main())


def test_a_file_locked_by_somebody_else(tmp_path, monkeypatch):
    monkeypatch.setattr(store_module, "LOCK_SECONDS", 0.05)
    other = sqlite3.connect(tmp_path / "s.db", isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(Transient, match="another program"):
        run(_open(tmp_path / "s.db"))
    other.execute("ROLLBACK")
    run(_open(tmp_path / "s.db"))


async def _open(path):
    await State(path).close()


def test_locked_while_running_is_waited_for(tmp_path, monkeypatch):
    monkeypatch.setattr(store_module, "LOCK_SECONDS", 0.05)

    async def main():
        state, done = State(tmp_path / "s.db"), []
        other = sqlite3.connect(tmp_path / "s.db", isolation_level=None)
        other.execute("BEGIN EXCLUSIVE")
        state.chat(comment("x"), "http", done.append)
        await asyncio.sleep(3)
        held = list(done)
        other.execute("ROLLBACK")
        await asyncio.sleep(3)
        await state.close()
        return held, done

    assert run(main()) == ([], [True])


def test_places_where_no_file_can_be(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match=r"state\.dir"):
        run(_open(tmp_path / "file" / "s.db"))
    (tmp_path / "folder.db").mkdir()
    with pytest.raises(ConfigError, match="cannot be opened"):
        run(_open(tmp_path / "folder.db"))


def test_a_file_of_the_future(tmp_path):
    run(_open(tmp_path / "s.db"))
    base = sqlite3.connect(tmp_path / "s.db")
    base.execute(f"PRAGMA user_version = {VERSION + 1}")
    base.close()
    with pytest.raises(ConfigError, match="newer livehost"):
        run(_open(tmp_path / "s.db"))


@pytest.mark.real
def test_kill_9_at_any_time_leaves_a_whole_file(tmp_path):
    """The child reports each message once it is safe; after SIGKILL every reported one is there."""
    path = tmp_path / "s.db"
    child = textwrap.dedent("""
        import asyncio, sys
        sys.path[:0] = sys.argv[2:]
        from pathlib import Path
        from livehost.brain.state import SAFE_SECONDS, State
        from livehost.brain.chat.message import parse

        async def main():
            state = State(Path(sys.argv[1]))
            n = 0
            while True:
                for _ in range(20):
                    m = parse({"text": "x" * 50, "id": f"{state.new_id()}"})
                    state.chat(m, "t", lambda fresh, m=m: print(m.id, flush=True))
                await asyncio.sleep(0.001)

        asyncio.run(main())
    """)
    reported = set()
    for lines in (1, 50, 333):
        process = subprocess.Popen(
            [sys.executable, "-c", child, str(path)], stdout=subprocess.PIPE, text=True
        )
        for _ in range(lines):
            reported.add(process.stdout.readline().strip())
        process.send_signal(signal.SIGKILL)
        reported |= {line for line in process.stdout.read().splitlines(keepends=False) if line}
        process.wait()
        base = sqlite3.connect(path)
        assert base.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        kept = {row[0] for row in base.execute("SELECT id FROM chat")}
        base.close()
        assert {r for r in reported if len(r) >= 10} <= kept


def test_the_store_reports_what_waits(tmp_path):
    async def main():
        store = Store(tmp_path / "s.db")
        store.put("INSERT INTO meta VALUES ('a', '1')")
        waiting = store.waiting
        await store.flush()
        after = store.waiting
        await store.close()
        return waiting, after

    assert run(main()) == (1, 0)
