"""Chat from files: a recorded evening at any speed, and a file that grows."""

import asyncio
import json
import sqlite3

import pytest

from livehost.brain.chat import jsonl
from livehost.brain.chat.feed import Feed, State, feed_of
from livehost.brain.chat.jsonl import LinesSource
from livehost.brain.chat.keep import keep
from livehost.brain.chat.message import parse
from livehost.brain.chat.replay import ReplaySource
from livehost.brain.state import State as Record
from livehost.errors import Transient

from .chat_parts import drained, running, table
from .test_chat_feeds import parts
from .virtual import run


def evening(path, *rows):
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
    return path


def played(path, **options):
    async def main():
        now, got = asyncio.get_running_loop().time, []
        await ReplaySource(path, **options).run(lambda raw: got.append((now(), raw)))
        return got

    return run(main())


@pytest.mark.parametrize("speed", [1, 10, 100])
def test_an_evening_of_hours_keeps_its_times_at_any_speed(tmp_path, speed):
    rows = [{"at": n * 7.2, "text": f"{n}"} for n in range(1500)]  # three hours
    got = played(evening(tmp_path / "e.jsonl", *rows), speed=speed)
    assert [raw["text"] for _, raw in got] == [f"{n}" for n in range(1500)]
    assert [at for at, _ in got] == pytest.approx([n * 7.2 / speed for n in range(1500)])


@pytest.mark.parametrize(
    "stamps",
    [
        ["2026-11-20T20:00:00+08:00", "2026-11-20T12:00:05Z", "2026-11-20T20:01:00+08:00"],
        ["2026-11-20T20:00:00", "2026-11-20T20:00:05", "2026-11-20T20:01:00"],
        [1_763_640_000, 1_763_640_005, 1_763_640_060],
        [1_763_640_000_000, 1_763_640_005_000, 1_763_640_060_000],
    ],
)
def test_times_of_day_are_counted_from_the_first(tmp_path, stamps):
    path = evening(tmp_path / "e.jsonl", *({"at": at, "text": "x"} for at in stamps))
    assert [at for at, _ in played(path)] == pytest.approx([0, 5, 60])


@pytest.mark.parametrize("at", ['"x"', "[]", "{}", "1e999", "NaN", "true", '"9999"'])
def test_a_wrong_time_is_left_to_be_rejected_and_holds_nobody_up(tmp_path, at):
    path = tmp_path / "e.jsonl"
    path.write_text(f'{{"at": {at}, "text": "x"}}\n{{"at": 1, "text": "y"}}\n{{"at": 2, "te')
    got = played(path)
    assert len(got) == 3 and got[-1][0] <= 1 and got[-1][1] == b'{"at": 2, "te'


def test_a_flood_in_the_file_loses_nothing(tmp_path):
    path = evening(tmp_path / "e.jsonl", *({"at": 1, "text": f"{n}"} for n in range(10_000)))

    async def main():
        feed = Feed("replay", "replay")
        feeds, log, _ = parts(feed)
        async with running(feeds.run()):
            await keep(ReplaySource(path), feed)
            await asyncio.sleep(5)
        return feed, len(log.rows)

    feed, rows = run(main())
    assert rows == 10_000 and feed.rejected == {} and feed.state is State.ENDED


def test_after_a_restart_nothing_is_taken_twice(tmp_path):
    path = evening(tmp_path / "e.jsonl", *({"at": n, "text": f"{n}"} for n in range(10)))

    async def main():
        feed = Feed("replay", "replay")
        feeds, log, _ = parts(feed)
        async with running(feeds.run()):
            for base in (0.0, 50.0):
                await ReplaySource(path, 10, base, "show").run(feed)
            await asyncio.sleep(1)
        return feed, len(log.rows)

    feed, rows = run(main())
    assert rows == 10 and feed.duplicates == 10


EXPORT = (  # as docs/chat-sources.md has it
    "SELECT json_object('at', at, 'kind', kind, 'user', user, 'nickname', nickname,"
    " 'text', text, 'count', count) FROM chat ORDER BY seq"
)


def test_what_a_show_has_recorded_can_be_played(tmp_path):
    async def main():
        record = Record(tmp_path / "show.sqlite3")
        for n, text in enumerate(["多少钱😀", "包邮吗"]):
            at = f"2026-11-20T12:00:0{n}Z"
            message = parse({"id": str(n), "text": text, "nickname": "小明", "at": at})
            record.chat(message, "douyin", lambda fresh: None)
        await record.close()

    asyncio.run(main())
    rows = sqlite3.connect(tmp_path / "show.sqlite3").execute(EXPORT).fetchall()
    path = tmp_path / "e.jsonl"
    path.write_text("\n".join(row for (row,) in rows))
    got = played(path)
    assert [(at, parse(raw).text) for at, raw in got] == [(0.0, "多少钱😀"), (1.0, "包邮吗")]


# --- a file that grows ----------------------------------------------------------------------------


def follow(path, test, **more):
    async def main():
        settings = table("jsonl", path=path, **more)
        feed = feed_of(settings)
        async with running(keep(LinesSource(settings, path, feed), feed)):
            await asyncio.sleep(1)
            return await test(feed)

    return run(main())


def add(path, data):
    with path.open("ab") as file:
        file.write(data if isinstance(data, bytes) else data.encode())


def texts(feed):
    return [parse(raw).text for raw in drained(feed)]


def test_what_is_appended_is_delivered_half_a_line_when_it_is_whole(tmp_path):
    path = evening(tmp_path / "c.jsonl", {"text": "old"})

    async def test(feed):
        steps = []
        for data in ('{"text": "a"}\n{"te', 'xt": "b"}\n', '\n{"text": "c"}\n'):
            add(path, data)
            await asyncio.sleep(1)
            steps.append(texts(feed))
        return steps, feed.state

    assert follow(path, test) == ([["a"], ["b"], ["c"]], State.LIVE)


def test_from_the_start_on_request(tmp_path):
    path = evening(tmp_path / "c.jsonl", {"text": "a"}, {"text": "b"})

    async def test(feed):
        return [raw["id"] for raw in drained(feed)]

    first = follow(path, test, from_start=True)
    assert len(set(first)) == 2 and first == follow(path, test, from_start=True)


def test_a_file_that_comes_later_is_replaced_or_cut_short(tmp_path):
    path = tmp_path / "c.jsonl"

    async def test(feed):
        seen = [feed.state]
        add(path, '{"text": "a"}\n')
        await asyncio.sleep(1)
        seen.append(texts(feed))
        path.rename(tmp_path / "c.1")
        await asyncio.sleep(1)
        add(path, '{"text": "b"}\n')
        await asyncio.sleep(1)
        seen.append(texts(feed))
        path.write_text("")
        await asyncio.sleep(1)
        add(path, '{"text": "c"}\n')
        await asyncio.sleep(1)
        return [*seen, texts(feed), feed.reconnects]

    assert follow(path, test) == [State.LISTENING, ["a"], ["b"], ["c"], 0]


def test_what_a_file_that_was_cut_short_says_anew_is_new(tmp_path):
    path = evening(tmp_path / "c.jsonl", {"text": "a"})

    async def test(feed):
        await asyncio.sleep(1)
        ids = [parse(raw).id for raw in drained(feed)]
        path.write_text("")
        await asyncio.sleep(1)
        add(path, '{"text": "b"}\n')
        await asyncio.sleep(1)
        return ids + [parse(raw).id for raw in drained(feed)]

    first, second = follow(path, test, from_start=True)
    assert first != second
    assert follow(path, test, from_start=True)[0] == second, "the same line is the same message"


def test_garbage_and_endless_lines_are_left_to_be_rejected(tmp_path, monkeypatch):
    monkeypatch.setattr(jsonl, "MOST_LINE", 1000)
    monkeypatch.setattr(jsonl, "CHUNK", 300)
    path = evening(tmp_path / "c.jsonl")

    async def test(feed):
        add(path, b'\xff\xfe\n[1]\n{"te\n' + b"x" * 5000 + b'\n{"text": "a"}\n')
        await asyncio.sleep(1)
        return drained(feed)

    got = follow(path, test)
    assert got[:3] == [b"\xff\xfe", b"[1]", b'{"te'] and set(got[3]) == {ord("x")}
    assert len(got) == 5 and got[4]["text"] == "a"


def test_a_folder_is_a_loss_with_its_reason(tmp_path):
    async def test(feed):
        return feed.state, feed.reason

    state, reason = follow(tmp_path, test)
    assert state is State.WAITING and "cannot be read" in reason


def test_a_replay_that_is_gone_says_so(tmp_path):
    with pytest.raises(Transient, match="cannot be read"):
        run(ReplaySource(tmp_path / "none").run(print))
