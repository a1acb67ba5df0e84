"""The way in: sources, duplicates, and that a message waits only once it is on disk."""

import asyncio
import json

import pytest

from livehost.brain.chat.inbox import Inbox
from livehost.brain.chat.intake import Intake
from livehost.brain.chat.message import Rejected
from livehost.brain.chat.replay import ReplaySource
from livehost.brain.chat.stdin import LineSource
from livehost.errors import Transient

from .virtual import run


class Log:
    """A state file that writes when told."""

    def __init__(self, room=10):
        self.room, self.rows, self.reasons = room, [], []

    def chat(self, message, source, done):
        if len(self.rows) >= self.room:
            return False
        self.rows.append((message, source, done))
        return True

    def rejected(self, reason):
        self.reasons.append(reason)

    def write(self, fresh=True):
        for _, _, done in self.rows:
            done(fresh)


def intake(log, inbox, **more):
    return Intake(log, inbox, most_bytes=1000, **more)


def test_a_message_waits_only_once_it_is_written():
    async def main():
        log, inbox, news = Log(), Inbox(), []
        door = intake(log, inbox, news=lambda: news.append(len(inbox)))
        door.submit({"text": "多少钱"}, "http")
        before = len(inbox), list(news)
        log.write()
        return before, len(inbox), news, door.accepted["comment"]

    before, after, news, accepted = run(main())
    assert before == (0, []) and after == 1 and news == [1] and accepted == 1


def test_duplicates_and_full_disks_are_rejected_and_counted():
    async def main():
        log, inbox = Log(room=2), Inbox()
        door = intake(log, inbox, seen=["old"])
        reasons = []
        for raw in ({"id": "1", "text": "x"}, {"id": 1, "text": "x"}, {"id": "old", "text": "x"},
                    {"id": "2", "text": "y"}, {"id": "3", "text": "z"}, b"nonsense"):  # fmt: skip
            try:
                door.submit(raw, "http")
            except Rejected as rejected:
                reasons.append(rejected.reason)
        return reasons, dict(door.rejections), log

    reasons, counted, log = run(main())
    assert reasons == ["duplicate", "duplicate", "busy", "not_json"] == log.reasons
    assert counted == {"duplicate": 2, "busy": 1, "not_json": 1}
    assert [m.id for m, _, _ in log.rows] == ["1", "2"]


def test_a_message_known_on_disk_does_not_wait():
    async def main():
        log, inbox = Log(), Inbox()
        door = intake(log, inbox)
        door.submit({"id": "1", "text": "x"}, "http")
        log.write(fresh=False)
        return len(inbox), door.rejections["duplicate"]

    assert run(main()) == (0, 1)


def test_replay_keeps_the_times(tmp_path):
    path = tmp_path / "chat.jsonl"
    rows = [{"at": 0.5, "text": "a"}, {"at": 2, "text": "b", "id": "x"}, {"at": 2, "text": "c"}]
    lines = [json.dumps(row) for row in rows]
    path.write_text("\n".join([lines[0], "nonsense", "", *lines[1:]]))

    async def main(**options):
        got = []
        now = asyncio.get_running_loop().time
        source = ReplaySource(path, show="s", **options)
        await source.run(lambda raw: got.append((now(), raw)))
        return got

    got = run(main())
    assert [at for at, _ in got] == pytest.approx([0.5, 0.5, 2, 2])
    assert got[1][1] == b"nonsense\n", "left to be rejected and counted"
    ids = [raw["id"] for _, raw in got if isinstance(raw, dict)]
    assert len(set(ids)) == 3 and all("at" not in raw for _, raw in got if isinstance(raw, dict))
    assert [at for at, _ in run(main(speed=10))] == pytest.approx([0.05, 0.05, 0.2, 0.2])
    assert [at for at, _ in run(main(base=1.0))] == pytest.approx([0, 0, 1, 1])


def test_replay_without_its_file_asks_to_be_tried_again(tmp_path):
    with pytest.raises(Transient):
        run(ReplaySource(tmp_path / "none").run(print))


def test_lines_from_stdin_even_long_and_unended_ones():
    async def main():
        reader = asyncio.StreamReader(limit=64)
        got = []
        reader.feed_data(b'{"text": "a"}\n\n' + b"x" * 500 + b'\n{"text": "b"}\n{"text": "c"}')
        reader.feed_eof()
        await LineSource(reader).run(got.append)
        return got

    got = run(main())
    assert got[0] == b'{"text": "a"}\n' and got[-2:] == [b'{"text": "b"}\n', b'{"text": "c"}']
    assert len(got) == 4 and set(got[1]) == {ord("x")}
