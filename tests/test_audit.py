"""The audit log: a chain that shows every change, and still lets a person be forgotten."""

import asyncio
import csv
import gzip
import json
import time
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livehost.brain.audit import Kind, Recorder
from livehost.brain.audit import recorder as recording
from livehost.brain.audit.book import Book, compress_finished, days, lines, rewrite
from livehost.brain.audit.chain import BEGINNING, class_of, parsed, sealed
from livehost.brain.audit.reading import (
    about_consent,
    about_user,
    drop,
    entries,
    erase,
    utterances,
    verify,
)
from livehost.cli import main
from livehost.errors import Transient

DEMO = Path(__file__).parents[1] / "scripts" / "demo" / "room.toml"
AT = "2026-11-22T08:00:00+00:00"


def book(folder, *events):
    """A closed book with `events`, each (kind, body)."""
    made = Book(folder)
    made.append([(AT, kind, body) for kind, body in events])
    made.close()
    return made


def chat(number, user="u1"):
    return Kind.CHAT, {"id": f"m{number}", "user": user, "text": f"问{number}"}


def some(folder, count=5):
    return book(folder, *(chat(n) for n in range(count)))


def edit(folder, change):
    """Change the last file as somebody with an editor could."""
    path = days(folder)[-1]
    content = list(lines(path))
    change(content)
    path.write_text("".join(line + "\n" for line in content), "utf-8")


# --- the chain ------------------------------------------------------------------------------------


def test_an_untouched_log_holds_and_tells_its_head(tmp_path):
    made = some(tmp_path)
    verdict = verify(tmp_path)
    assert verdict.problems == []
    assert verdict.records == 5
    assert verdict.head == (5, made.hash)
    assert verify(tmp_path, verdict.head).problems == []


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (lambda log: log.__setitem__(2, log[2].replace("问2", "问9")), "was changed"),
        (lambda log: log.pop(2), "does not follow"),
        (lambda log: log.insert(1, log.pop(3)), "does not follow"),
        (lambda log: log.insert(1, log[1]), "does not follow"),
        (lambda log: log.__setitem__(2, log[2].replace(AT, AT.replace("08", "09"))), "follow"),
        (lambda log: log.__setitem__(2, log[2].replace('"chat"', '"gate"')), "follow"),
        (lambda log: log.__setitem__(2, "{}"), "cannot be read further"),
        (lambda log: log.__setitem__(2, "\x00\xff"), "cannot be read further"),
        (lambda log: log.pop(0), "records 1 to 1 are missing"),
    ],
)
def test_every_change_shows(tmp_path, change, found):
    some(tmp_path)
    edit(tmp_path, change)
    assert any(found in problem for problem in verify(tmp_path).problems)


def test_a_body_taken_out_shows(tmp_path):
    some(tmp_path)

    def without(log):
        values = json.loads(log[2])
        del values["body"], values["salt"]
        log[2] = json.dumps(values)

    edit(tmp_path, without)
    (problem,) = verify(tmp_path).problems
    assert "no record tells why" in problem


def test_a_log_cut_short_or_written_anew_shows_against_a_head_noted_before(tmp_path):
    some(tmp_path)
    head = verify(tmp_path).head
    edit(tmp_path, lambda log: log.pop())
    assert verify(tmp_path).problems == [], "nothing in what is left tells it"
    assert "is not in the log" in verify(tmp_path, head).problems[0]


def test_equal_bodies_have_different_digests():
    one, two = (sealed(BEGINNING, 1, AT, Kind.CHAT, {"text": "1"}) for _ in range(2))
    assert one.digest != two.digest, "or an erased short text could be guessed"


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=12,
)


@settings(deadline=None)
@given(st.dictionaries(st.text(max_size=8), values, max_size=5))
def test_any_body_survives_the_file(body):
    entry = sealed(BEGINNING, 1, AT, Kind.SHOW, body)
    line = entry.line().encode("utf-8", "backslashreplace").decode()
    assert parsed(line) == entry
    assert parsed(line).intact and parsed(line).follows(BEGINNING)
    assert "\n" not in line


@settings(deadline=None)
@given(st.text(max_size=200))
def test_any_line_is_read_or_refused(line):
    with suppress(ValueError):
        parsed(line)


# --- on disk --------------------------------------------------------------------------------------


def test_the_chain_goes_on_where_it_was(tmp_path):
    some(tmp_path, 3)
    some(tmp_path, 3)
    assert verify(tmp_path).problems == []
    assert [e.seq for _, e in entries(tmp_path)] == [1, 2, 3, 4, 5, 6]


def test_half_a_line_of_a_killed_process_is_kept_aside_and_told(tmp_path):
    some(tmp_path)
    path = days(tmp_path)[0]
    path.write_bytes(path.read_bytes() + b'{"seq":6,"at":"20')
    some(tmp_path, 1)
    verdict = verify(tmp_path)
    assert verdict.problems == [] and verdict.records == 7
    assert [e.kind for _, e in entries(tmp_path)][-2:] == ["gap", "chat"]
    assert (tmp_path / "torn.txt").read_bytes() == b'{"seq":6,"at":"20\n'


def test_only_one_process_writes(tmp_path):
    held = Book(tmp_path)
    with pytest.raises(Transient, match="on air"):
        Book(tmp_path)
    held.close()


def yesterday(folder):
    """Call the only day yesterday."""
    (path,) = days(folder)
    then = datetime.now(UTC).date() - timedelta(days=1)
    path.rename(folder / f"{then}.jsonl")


def test_a_day_that_is_over_is_compressed_and_the_chain_runs_through(tmp_path):
    some(tmp_path)
    yesterday(tmp_path)
    some(tmp_path)
    assert [path.suffix for path in days(tmp_path)] == [".gz", ".jsonl"]
    verdict = verify(tmp_path)
    assert verdict.problems == [] and verdict.records == 10


def test_nothing_of_a_batch_stays_when_the_disk_is_full(tmp_path, monkeypatch):
    made = Book(tmp_path)
    made.append([(AT, *chat(1))])

    def full(_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", full)
        with pytest.raises(OSError, match="No space"):
            made.append([(AT, *chat(2)), (AT, *chat(3))])
    made.append([(AT, *chat(4))])
    made.close()
    assert verify(tmp_path).problems == []
    assert [e.body["id"] for _, e in entries(tmp_path)] == ["m1", "m4"]


# --- the recorder ---------------------------------------------------------------------------------


def test_events_are_written_in_order_and_the_last_ones_at_the_end(tmp_path):
    async def show():
        log = Recorder(tmp_path)
        task = asyncio.ensure_future(log.run())
        for n in range(2500):
            log.note(*chat(n)[:1], **chat(n)[1])
        await asyncio.sleep(0.6)
        for n in range(2500, 2510):
            log.note(Kind.CHAT, **chat(n)[1])
        task.cancel()
        await log.close()
        return log

    log = asyncio.run(show())
    assert log.waiting == 0 and log.written == 2510
    assert [e.body["id"] for _, e in entries(tmp_path)] == [f"m{n}" for n in range(2510)]
    assert verify(tmp_path).problems == []


def test_cancelled_in_the_middle_of_a_write_nothing_is_written_twice(tmp_path, monkeypatch):
    async def show():
        log = Recorder(tmp_path)
        real = Book.append

        def slow(book, events):
            time.sleep(0.3)
            real(book, events)

        monkeypatch.setattr(Book, "append", slow)
        task = asyncio.ensure_future(log.run())
        log.note(Kind.CHAT, id="m1")
        await asyncio.sleep(0.35)
        task.cancel()
        await log.close()

    asyncio.run(show())
    assert [e.body["id"] for _, e in entries(tmp_path)] == ["m1"]


def test_while_the_disk_does_not_take_them_events_wait_and_lost_ones_are_counted(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(recording, "MOST_WAITING", 3)
    monkeypatch.setattr(recording, "RETRY_SECONDS", 0.05)
    blocked = tmp_path / "audit"
    blocked.write_text("in the way")

    async def show():
        log = Recorder(blocked)
        task = asyncio.ensure_future(log.run())
        for n in range(5):
            log.note(Kind.CHAT, id=f"m{n}")
        await asyncio.sleep(0.4)
        assert log.failing and log.waiting == 3 and log.lost == 2
        blocked.unlink()
        await asyncio.sleep(0.5)
        assert not log.failing
        task.cancel()
        await log.close()

    asyncio.run(show())
    kept = [(e.kind, e.body) for _, e in entries(blocked)]
    assert kept[0] == ("gap", {"lost": 2})
    assert [body["id"] for _, body in kept[1:]] == ["m0", "m1", "m2"]


# --- forgetting -----------------------------------------------------------------------------------


ASKED = {"id": "m1", "text": "问1"}


def evening(folder):
    book(
        folder,
        (Kind.SHOW, {"event": "began", "label": "AI生成 · 数字人"}),
        (Kind.SHOW, {"event": "stage", "boot": "b1"}),
        (Kind.CONSENT, {"who": "李雷", "scope": ["voice"]}),
        chat(1, "u1"),
        chat(2, "u2"),
        (Kind.MODEL, {"message": "m1", "model": "q", "messages": [], "said": ["有的。"]}),
        (
            Kind.UTTERANCE,
            {"utterance": 7, "kind": "reply", "answers": ["m1"], "asked": ASKED},
        ),
        (Kind.SENTENCE, {"utterance": 7, "sentence": 0, "text": "有的。", "rule": ""}),
        (Kind.AIRED, {"utterance": 7, "sentence": 0, "state": "started", "tick": 125}),
        (Kind.ENDED, {"utterance": 7, "how": "done"}),
        (
            Kind.AIRED,
            {"utterance": 7, "sentence": 0, "state": "heard", "samples": 9600, "total": 9600},
        ),
        (Kind.UTTERANCE, {"utterance": 8, "kind": "script", "answers": [], "asked": None}),
    )  # fmt: skip


def test_an_utterance_is_told_whole(tmp_path):
    evening(tmp_path)
    reply, script = utterances(tmp_path)
    assert reply["label"] == "AI生成 · 数字人" and reply["stage"] == "b1"
    assert reply["model"][0]["said"] == ["有的。"]
    (sentence,) = reply["sentences"]
    assert (sentence["tick"], sentence["samples"], sentence["state"]) == (125, 9600, "heard")
    assert script["kind"] == "script" and "how" not in script


def test_a_viewer_is_forgotten_with_the_answers_and_the_chain_holds(tmp_path):
    evening(tmp_path)
    made = Book(tmp_path)
    count = erase(made, tmp_path, about_user(tmp_path, "u1"), reason="asked")
    made.close()
    assert count == 4
    text = "".join(line for path in days(tmp_path) for line in lines(path))
    assert "问1" not in text and "有的" not in text and "问2" in text
    verdict = verify(tmp_path)
    assert verdict.problems == [] and verdict.erased == 4


def test_erasing_reaches_compressed_days(tmp_path):
    evening(tmp_path)
    yesterday(tmp_path)
    some(tmp_path, 1)
    made = Book(tmp_path)
    assert erase(made, tmp_path, about_consent("李雷")) == 1
    made.close()
    with gzip.open(days(tmp_path)[0], "rt", encoding="utf-8") as file:
        assert "李雷" not in file.read()
    assert verify(tmp_path).problems == []


def test_a_kill_between_telling_and_erasing_is_made_good(tmp_path, monkeypatch):
    evening(tmp_path)
    made = Book(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr("livehost.brain.audit.reading.rewrite", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            erase(made, tmp_path, about_user(tmp_path, "u1"))
    assert erase(made, tmp_path, about_user(tmp_path, "u1")) == 4
    made.close()
    assert verify(tmp_path).problems == []


def test_three_years_are_kept_and_older_days_go_whole(tmp_path):
    some(tmp_path, 3)
    (path,) = days(tmp_path)
    path.rename(tmp_path / "2020-01-01.jsonl")
    made = Book(tmp_path)
    made.append([(AT, *chat(4))])
    compress_finished(tmp_path)
    with pytest.raises(ValueError, match="three years"):
        drop(made, tmp_path, timedelta(days=365))
    assert drop(made, tmp_path, timedelta(days=1100), date(2022, 12, 1)) == []
    assert drop(made, tmp_path, timedelta(days=1100), date(2026, 1, 1)) == ["2020-01-01.jsonl.gz"]
    made.close()
    verdict = verify(tmp_path)
    assert verdict.problems == [] and verdict.records == 2
    edit(tmp_path, lambda log: log.pop())
    assert "records 1 to 3 are missing" in verify(tmp_path).problems[0]


def test_what_is_said_and_asked_is_kept_longest():
    kept = {kind: class_of(kind).value for kind in Kind}
    assert kept[Kind.SENTENCE] == "script" and kept[Kind.CHAT] == "interaction"
    assert kept[Kind.COMMAND] == "operation"


def test_a_rewrite_that_fails_leaves_the_day_as_it_was(tmp_path):
    some(tmp_path)
    (path,) = days(tmp_path)
    before = path.read_bytes()

    def broken():
        yield parsed(next(lines(path)))
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        rewrite(path, broken())
    assert path.read_bytes() == before


# --- the command ----------------------------------------------------------------------------------


@pytest.fixture
def room(tmp_path, monkeypatch):
    """The demo room, with an evening in its log."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    evening(tmp_path / "livehost" / "demo" / "audit")
    return DEMO


def test_verify_and_export(room, tmp_path, capsys):
    assert main(["audit", "verify", str(room)]) == 0
    said = capsys.readouterr().out
    assert "12 records" in said and "the log holds" in said
    head = next(line.split()[1] for line in said.splitlines() if line.startswith("head"))
    assert main(["audit", "verify", str(room), "--head", head]) == 0
    capsys.readouterr()
    assert main(["audit", "export", str(room)]) == 0
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [each["utterance"] for each in told] == [7, 8]
    out = tmp_path / "said.csv"
    assert main(["audit", "export", str(room), "--form", "csv", "--out", str(out)]) == 0
    (row,) = csv.DictReader(out.open(encoding="utf-8"))
    assert (row["text"], row["tick"], row["asked"]) == ("有的。", "125", "问1")


def test_formulas_of_viewers_are_not_run_by_a_spreadsheet(tmp_path, room):
    book(
        tmp_path / "livehost" / "demo" / "audit",
        (Kind.UTTERANCE, {"utterance": 9, "asked": {"id": "m9", "text": "=HYPERLINK(1)"}}),
        (Kind.SENTENCE, {"utterance": 9, "sentence": 0, "text": "好", "rule": ""}),
    )
    out = tmp_path / "said.csv"
    main(["audit", "export", str(room), "--form", "csv", "--out", str(out)])
    assert "'=HYPERLINK(1)" in out.read_text("utf-8")


def test_forget_and_expire(room, tmp_path, capsys):
    assert main(["audit", "forget", str(room), "--user", "u2", "--reason", "asked"]) == 0
    assert "1 records erased" in capsys.readouterr().out
    assert main(["audit", "verify", str(room)]) == 0
    assert main(["audit", "expire", str(room), "--days", "30"]) == 2
    assert "three years" in capsys.readouterr().err
    assert main(["audit", "expire", str(room)]) == 0
    assert main(["audit", "forget", str(room)]) == 2
    held = Book(tmp_path / "livehost" / "demo" / "audit")
    assert main(["audit", "forget", str(room), "--user", "u2"]) == 1
    assert "on air" in capsys.readouterr().err
    held.close()


def test_a_log_that_was_changed_fails_the_command_also_as_a_copy(room, tmp_path, capsys):
    edit(tmp_path / "livehost" / "demo" / "audit", lambda log: log.pop(3))
    assert main(["audit", "verify", str(room)]) == 1
    assert "does not hold" in capsys.readouterr().out
    assert main(["audit", "verify", str(tmp_path / "livehost" / "demo" / "audit")]) == 1
    assert main(["audit", "verify", str(tmp_path / "livehost")]) == 0, (
        "a folder without days is empty"
    )
    assert main(["audit", "verify", str(room), "--head", "x"]) == 2
