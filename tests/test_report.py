"""The report of a room: numbers that are known, a page that can be shown, any log at all."""

import csv
import io
import json
import random
import sqlite3
from datetime import UTC, datetime, timedelta, timezone
from html import escape

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livehost.brain.audit import Kind
from livehost.brain.audit.book import Book
from livehost.brain.audit.chain import Entry
from livehost.brain.audit.reading import entries
from livehost.brain.experiments.plan import Experiment
from livehost.brain.schema import migrate
from livehost.cli import main
from livehost.report.gather import gather, quantile
from livehost.report.page import page
from livehost.report.tables import COLUMNS, arms_csv, hours_csv, titles_csv
from livehost.report.titles import hourly, mean, summed
from livehost.report.tried import tried
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


# --- experiments and titles -----------------------------------------------------------------------


def title(at, name, text="", cover=""):
    return at, Kind.SHOW, {"event": "title", "title": name, "text": text, "cover": cover}


def did(at, kind, user, count=1):
    body = {"id": f"{kind}{at}", "kind": kind, "user": user, "text": "", "count": count}
    return at, Kind.CHAT, body


@pytest.fixture
def titled(tmp_path):
    return log(
        tmp_path / "audit",
        (0, Kind.SHOW, {"event": "began", "room": "demo"}),
        title(1, "a", "春季外套 <b>", "a.jpg"),
        did(100, "audience", "anonymous", 40),
        did(200, "click", "u1", 3),
        (201, Kind.CHAT_DONE, {"id": "click200", "outcome": "counted"}),
        did(1000, "order", "u1"),
        did(1800, "audience", "anonymous", 60),
        title(1801, "b"),
        did(2000, "order", "u2", 2),
        (3601, Kind.SHOW, {"event": "ended"}),
        did(3700, "order", "u3"),
        (7200, Kind.SHOW, {"event": "began", "room": "demo"}),
        title(7201, "a", "春季外套 <b>", "a.jpg"),
        did(9001, "follow", "u4"),
        (20_000, Kind.SHOW, {"event": "began", "room": "demo"}),  # it was killed long before
    )


def test_titles_and_their_results(titled, tmp_path):
    report = made(titled)
    first, second, third = report.periods
    assert [round(p.hours, 2) for p in report.periods] == [0.5, 0.5, 0.5]
    assert first.messages == {"click": 3, "order": 1} and first.viewers == {"u1"}
    assert second.messages == {"order": 2} and third.messages == {"follow": 1}
    (a, hours), (b, _) = summed(report.periods)
    assert a.title == "a" and hours == pytest.approx(1.0) and a.messages["order"] == 1
    assert mean(a.watching) == "50" and mean(b.watching) == ""
    assert report.hours[0].watching == [40] and report.hours[0].viewers == {"u1"}
    assert "counted" not in report.hours[0].done and report.hours[0].messages["audience"] == 0
    text = page(report)
    assert all(WORDS["zh"][key] in text for key in ("did_click", "did_order", "watching"))
    assert "春季外套 &lt;b&gt;" in text and WORDS["zh"]["titles_note"] in text
    rows = list(csv.DictReader(io.StringIO(titles_csv(report.periods).lstrip("\ufeff"))))
    assert [r["orders"] for r in rows] == ["1", "2", "0"] and rows[0]["watching"] == "50"


def test_a_report_that_begins_later_knows_which_title_was_on(titled):
    report = made(titled, since=(BEGIN + timedelta(seconds=1500)).isoformat())
    first, *_ = report.periods
    assert first.title == "a" and first.begins == BEGIN + timedelta(seconds=1800)
    assert not first.messages["order"]


def test_a_rate_an_hour_has_an_honest_interval():
    assert hourly(3, 0.0) is None
    rate, low, high = hourly(0, 2.0)
    assert rate == 0 and 0 <= low < 0.01 and 0.8 < high < 1.5, "none seen is not none ever"
    rate, low, high = hourly(100, 10.0)
    assert rate == 10 and 8 < low < 8.4 and 11.8 < high < 12.3


def exposures(folder, seed=3):
    """A state file with an experiment of which one arm is twice as good."""
    base = sqlite3.connect(folder / "show.sqlite3", isolation_level=None)
    migrate(base)
    plan = Experiment.model_validate(
        {
            "id": "opening", "what": "wording", "segment": "open", "reward": {"click": 1},
            "arm": [{"id": "warm", "wording": 1}, {"id": "price", "wording": 2}],
        }
    )  # fmt: skip
    older = plan.model_dump_json().replace('"lines":[]', '"lines":[1]')  # lines had numbers
    base.execute("INSERT INTO experiments VALUES (?, ?, '', '')", (plan.id, older))
    draw = random.Random(seed)
    for n in range(120):
        arm = plan.names[n % 2]
        began = BEGIN - timedelta(days=1) + timedelta(minutes=3 * n)
        clicks = sum(draw.random() < (0.6 if arm == "price" else 0.3) for _ in range(10))
        row = (
            "opening", n, f"open@{n}", arm, 0.5, began.isoformat(), began.isoformat(),
            (began + timedelta(minutes=2)).isoformat(), None, json.dumps({"click": clicks}),
        )  # fmt: skip
        base.execute("INSERT INTO exposures VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
    base.close()


@pytest.mark.parametrize("language", ["zh", "en"])
def test_what_experiments_have_shown(titled, language):
    exposures(titled.parent)
    (one,) = tried(titled)
    assert one.standings.standing == "better" and one.plan.names[one.standings.leader] == "price"
    text = page(made(titled), language, [one])
    assert (
        escape(one.words(language)) in text and text.count("<circle") == 2 and "<script" not in text
    )
    assert 300 < one.did("price")["click"] < 420
    rows = list(csv.DictReader(io.StringIO(arms_csv([one]).lstrip("\ufeff"))))
    assert [r["arm"] for r in rows] == ["warm", "price"]
    low, high = (float(rows[1][key]) for key in ("low", "high"))
    assert low < float(rows[1]["reward"]) < high
    (early,) = tried(titled, until=(BEGIN + timedelta(days=-1, minutes=40)).isoformat())
    assert early.standings.standing == "collecting" and early.known.exposures.sum() == 14


def test_the_command_writes_their_tables_too(titled, tmp_path):
    exposures(titled.parent)
    out, table = tmp_path / "r.html", tmp_path / "r.csv"
    assert main(["report", str(titled), "--out", str(out), "--csv", str(table)]) == 0
    assert {p.name for p in tmp_path.glob("r.*")} == {
        "r.html", "r.csv", "r.experiments.csv", "r.titles.csv",
    }  # fmt: skip


def test_a_state_file_that_cannot_be_read_leaves_the_rest_of_the_report(titled):
    (titled.parent / "show.sqlite3").write_bytes(b"no database at all" * 100)
    assert tried(titled) == ()
    (titled.parent / "show.sqlite3").unlink()
    assert tried(titled) == ()
