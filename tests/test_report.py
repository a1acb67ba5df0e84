"""The report of a room: numbers that are known, a page that can be shown, any log at all."""

import csv
import io
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livehost.brain.audit import Kind
from livehost.brain.audit.book import Book
from livehost.brain.audit.chain import Entry
from livehost.brain.audit.reading import entries
from livehost.cli import main
from livehost.report.command import COLUMNS, hours_csv
from livehost.report.gather import gather, quantile
from livehost.report.page import page
from livehost.report.words import WORDS

BEGIN = datetime(2026, 11, 22, 12, 50, tzinfo=UTC)


def log(folder, *events):
    """A log of (seconds, kind, body)."""
    book = Book(folder)
    book.append([((BEGIN + timedelta(seconds=s)).isoformat(), k, b) for s, k, b in events])
    book.close()
    return folder


def comment(at, number, user="u1", text="多少钱"):
    body = {"id": f"m{number}", "kind": "comment", "user": user, "text": text, "count": 1}
    return at, Kind.CHAT, body


def answer(at, number, messages, understood="price", text="多少钱", product="jacket"):
    asked = {"id": messages[0], "nickname": "小明", "text": text}
    body = {
        "utterance": number, "kind": "reply", "understood": understood,
        "asked": asked, "answers": messages, "product": product,
    }  # fmt: skip
    started = {"utterance": number, "sentence": 0, "state": "started", "tick": 5}
    heard = {"utterance": number, "sentence": 0, "state": "heard", "samples": 96_000}
    done = [(at + 3, Kind.CHAT_DONE, {"id": m, "outcome": "answered"}) for m in messages]
    return [
        (at, Kind.UTTERANCE, body),
        (at + 1, Kind.AIRED, started),
        (at + 3, Kind.AIRED, heard),
        *done,
    ]


@pytest.fixture
def evening(tmp_path):
    return log(
        tmp_path,
        (0, Kind.SHOW, {"event": "began", "room": "demo"}),
        comment(10, 1),
        comment(11, 2, "u2"),
        *answer(14, 7, ["m1", "m2"]),
        (20, Kind.CHAT, {"id": "g", "kind": "gift", "user": "u3", "count": 20}),
        (21, Kind.CHAT, {"id": "e", "kind": "enter", "user": "u4", "count": 1}),
        (30, Kind.GATE, {"rule": "AD-01", "utterance": 9}),
        comment(700, 3, text="能过敏的人穿吗？"),
        *answer(705, 8, ["m3"], "unknown", "能过敏的人穿吗？"),
        comment(800, 4, "u5", "能过敏的人穿吗"),
        *answer(803, 9, ["m4"], "unknown", "能过敏的人穿吗"),
        comment(900, 5, text="哈哈"),
        (1200, Kind.CHAT_DONE, {"id": "m5", "outcome": "stale"}),
        (1300, Kind.MODEL, {"message": "m3", "error": "slow"}),
        (1400, Kind.CONSENT, {"who": "王小美", "problem": ""}),
        (1500, Kind.SHOW, {"event": "ended"}),
    )


def made(folder, **more):
    return gather((entry for _, entry in entries(folder)), UTC, **more)


def test_hours(evening):
    report = made(evening)
    assert report.room == "demo" and (report.starts, report.ends) == (1, 1)
    first, second = report.hours
    assert (first.begins.hour, second.begins.hour) == (12, 13)
    assert first.viewers == {"u1", "u2", "u3", "u4"} and second.viewers == {"u1", "u5"}
    assert first.messages == {"comment": 2, "gift": 20, "enter": 1}
    assert first.asked == {"price": 2} and second.asked == {"unknown": 2}
    assert second.done == {"answered": 2, "stale": 1}
    assert first.stopped == {"AD-01": 1}
    assert first.said == {"reply": 1} and first.seconds == 2
    assert (second.model, second.model_errors) == (1, 1)
    assert report.consents == {"王小美": ""}


def test_latency_is_from_the_comment_to_the_first_sound(evening):
    first, second = made(evening).hours
    assert first.latencies == [5, 4], "both questions were answered with one utterance"
    assert second.latencies == [6, 4]


def test_what_the_card_does_not_know_is_listed_once(evening):
    (gap,) = made(evening).gaps
    assert (gap.product, gap.text, gap.times) == ("jacket", "能过敏的人穿吗？", 2)


def test_a_part_of_the_time(evening):
    report = made(evening, since="2026-11-22T13", until="2026-11-22T13:03:00")
    (hour,) = report.hours
    assert hour.begins.hour == 13 and hour.messages["comment"] == 1
    assert len(report.gaps) == 1 and report.gaps[0].times == 1


def test_hours_are_local(evening):
    found = gather((e for _, e in entries(evening)), timezone(timedelta(hours=8)))
    assert [hour.begins.hour for hour in found.hours] == [20, 21]


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_page(evening, language):
    text = page(made(evening), language)
    assert WORDS[language]["title"] in text and "能过敏的人穿吗？" in text and "AD-01" in text
    assert text.count("<svg") == 2 and "<script" not in text
    assert WORDS["zh"].keys() == WORDS["en"].keys()


def test_nothing_that_a_viewer_writes_becomes_a_part_of_the_page(tmp_path):
    evil = '<script>alert(1)</script>"><img src=x>'
    folder = log(tmp_path, comment(0, 1, text=evil), *answer(1, 1, ["m1"], "unknown", evil, evil))
    text = page(made(folder))
    assert "<script" not in text and "<img" not in text and "&lt;script&gt;" in text


def test_the_table(evening):
    rows = list(csv.DictReader(io.StringIO(hours_csv(made(evening)).lstrip("\ufeff"))))
    assert tuple(rows[0]) == COLUMNS and len(rows) == 2
    assert rows[0]["gifts"] == "20" and rows[1]["unanswered"] == "1"
    assert rows[0]["latency_p50"] == "5.0"


def test_an_empty_log(tmp_path):
    report = gather([])
    assert WORDS["zh"]["empty"] in page(report) and hours_csv(report).count("\n") == 1


def test_an_erased_record_is_only_a_time(tmp_path):
    report = gather([Entry(1, BEGIN.isoformat(), Kind.CHAT, "x", "d", "h", "", None)], UTC)
    assert report.hours == [] and report.first == BEGIN


def test_the_command(evening, tmp_path, capsys):
    out, table = tmp_path / "r.html", tmp_path / "r.csv"
    assert main(["report", str(evening), "--out", str(out), "--csv", str(table)]) == 0
    assert "2 hours, 1 questions" in capsys.readouterr().out
    assert out.read_text("utf-8").startswith("<!doctype html>") and table.stat().st_size > 100
    assert main(["report", str(evening), "--out", str(tmp_path / "no" / "r.html")]) == 2
    assert "r.html" in capsys.readouterr().err
    assert main(["report", str(tmp_path / "nothing")]) == 2


VALUE = st.one_of(st.none(), st.integers(-5, 5), st.text(max_size=4), st.lists(st.text(max_size=3)))
BODY = st.dictionaries(
    st.sampled_from(
        ["id", "kind", "user", "count", "utterance", "asked", "state", "samples", "who"]
    ),
    VALUE,
)


@settings(max_examples=60)
@given(st.lists(st.tuples(st.sampled_from(list(Kind)), BODY), max_size=20))
def test_whatever_stands_in_a_log(found):
    log = [Entry(n, BEGIN.isoformat(), k, "x", "d", "h", "s", b) for n, (k, b) in enumerate(found)]
    try:
        page(gather(log, UTC))
    except (TypeError, ValueError) as error:
        raise AssertionError("a strange record must not end a report") from error


def test_quantiles():
    assert quantile([], 0.5) is None
    assert quantile([3, 1, 2], 0.5) == 2 and quantile([1] * 19 + [9], 0.95) == 9
