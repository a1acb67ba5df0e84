"""Experiments and actions in a whole show: what is chosen is spoken, counted, told and kept."""

import asyncio
import json
import sqlite3
from itertools import pairwise

import pytest

from livehost.brain import app
from livehost.report.tried import tried

from .demo_shop import demo_room
from .show_parts import staged
from .test_brain import Brain, room_text, until
from .virtual import run

RUNDOWN = """
[[segment]]
id = "hello"
kind = "opening"
lines = [{ text = "欢迎来到直播间。", variants = ["晚上好，先看今天的两样东西。"] }]
[[segment]]
id = "jacket"
kind = "selling_points"
product = "jacket"
lines = ["先说这件衣服。"]
[[segment]]
id = "bottle"
kind = "selling_points"
product = "bottle"
lines = ["再看这个杯子。"]
[[segment]]
id = "ask"
kind = "call_to_action"
lines = ["喜欢的话点个关注。"]
[[segment]]
id = "ask-question"
kind = "call_to_action"
lines = ["你们平时几点睡？"]
"""
EXPERIMENTS = """
[[experiment]]
id = "opening"
what = "wording"
segment = "hello"
least = 5
reward = { click = 1 }
arm = [{ id = "warm", wording = 1 }, { id = "direct", wording = 2 }]
[[experiment]]
id = "first"
what = "order"
[[experiment.arm]]
id = "jacket"
order = ["jacket", "bottle"]
[[experiment.arm]]
id = "bottle"
order = ["bottle", "jacket"]
[[experiment]]
id = "asking"
what = "segment"
reward = { follow = 1 }
per = "exposure"
arm = [{ id = "follow", segment = "ask" }, { id = "question", segment = "ask-question" }]
"""
MORE = """
[[action]]
name = "shop"
url = "http://127.0.0.1:1/"
[[title]]
id = "spring"
text = "春季上新"
since = 2026-01-01T00:00:00+08:00
"""
OPENINGS = ["欢迎来到直播间。", "晚上好，先看今天的两样东西。"]
ASKS = ["喜欢的话点个关注。", "你们平时几点睡？"]
PRODUCTS = ["先说这件衣服。", "再看这个杯子。"]


@pytest.fixture(autouse=True)
def no_console(monkeypatch):
    monkeypatch.setattr(app.Show, "_console", lambda self: asyncio.Event().wait())


def shop(folder):
    demo_room(folder)
    (folder / "rundown.toml").write_text(RUNDOWN, "utf-8")
    (folder / "experiments.toml").write_text(EXPERIMENTS, "utf-8")
    show = '[show]\nexperiments = "experiments.toml"\nnotice_minutes = 60.0\n'
    (folder / "room.toml").write_text(room_text() + show + MORE, "utf-8")


def rounds(texts):
    """Return what was said in each whole round, of what is in the script."""
    known = [t for t in texts if t in OPENINGS + ASKS + PRODUCTS]
    begins = [n for n, text in enumerate(known) if text in OPENINGS]
    return [known[a:b] for a, b in pairwise(begins)]


def heard(stage):
    return [s.text for s in stage.air if s.interrupted is False]


def test_a_show_speaks_what_experiments_choose_and_goes_on_after_a_kill(tmp_path):
    shop(tmp_path)

    async def main():
        async with staged() as stage:
            live = Brain(tmp_path, stage)
            await until(lambda: len(rounds(heard(stage))) >= 3)
            for kind in ("click", "order", "follow"):
                receipt = live.desk.submit_chat(
                    json.dumps(
                        {"kind": kind, "id": kind, "user": "u", "product": "jacket"}
                    ).encode()
                )
                assert receipt.ok, receipt
            await until(lambda: live.show.intake.accepted["follow"] == 1)
            before = live.desk.status()
            await live.be_killed()
            live = Brain(tmp_path, stage)
            assert not live.desk.submit_chat(b'{"kind": "click", "id": "click"}').ok, "counted once"
            await until(lambda: len(rounds(heard(stage))) >= 8)
            assert (
                await live.desk.command("experiment_stop", {"id": "opening", "keep": "warm"})
            ).ok
            assert (await live.desk.command("title_on", {"id": "spring"})).ok
            at = len(rounds(heard(stage)))
            await until(lambda: len(rounds(heard(stage))) >= at + 6)
            status, numbers = live.desk.status(), live.desk.metrics()
            trials = dict(live.show.lab.trials)
            await live.end()
            return rounds(heard(stage)), at, before, status, numbers, trials

    said, at, before, status, numbers, trials = run(main())
    for number, round_ in enumerate(said):
        assert len(set(round_)) == 4, "one opening, both products, one question"
        opening = ("warm", "direct")[OPENINGS.index(round_[0])]
        ordered = ("jacket", "bottle")[PRODUCTS.index(round_[1])]
        asked = ("follow", "question")[ASKS.index(round_[-1])]
        if number < at:
            assert opening == trials["opening"].chosen(f"hello@{number}")
        assert ordered == trials["first"].chosen(f"@{number}")
        assert asked == trials["asking"].chosen(f"@{number}")
    assert {r[0] for r in said[:at]} == set(OPENINGS) and {r[0] for r in said[at + 2 :]} == {
        OPENINGS[0]
    }
    assert {r[1] for r in said} == set(PRODUCTS) and {r[-1] for r in said} == set(ASKS)
    counted = [sum(one.counts.total() for one in trial.shown) for trial in trials.values()]
    assert counted[1] == 2 and counted[0] <= 1 and counted[2] <= 1, "by what each counts"
    assert before["titles"]["on"] == status["titles"]["on"] == "spring"
    assert [e["kept"] for e in status["experiments"]] == ["warm", "", ""]
    assert numbers['livehost_experiment_stopped{experiment="opening"}'] == 1
    assert numbers['livehost_action_waiting{target="shop"}'] > 0
    found = {one.plan.id: one.kept for one in tried(tmp_path / "state" / "audit")}
    assert found == {"asking": "", "first": "", "opening": "warm"}


def test_a_show_tells_its_moments_in_order(tmp_path):
    shop(tmp_path)

    async def main():
        async with staged() as stage:
            live = Brain(tmp_path, stage)
            await until(lambda: len(rounds(heard(stage))) >= 2)
            await live.end()

    run(main())
    base = sqlite3.connect(tmp_path / "state" / "show.sqlite3")
    rows = base.execute("SELECT kind, body FROM actions ORDER BY seq").fetchall()
    base.close()
    kinds = [kind for kind, _ in rows]
    assert kinds[0] == "show.began" and kinds[-1] == "show.ended"
    assert kinds.count("show.began") == kinds.count("show.ended") == 1
    data = [(kind, json.loads(body)["data"]) for kind, body in rows]
    segments = [d["segment"] for kind, d in data if kind == "segment.began"]
    assert segments[0] == "hello" and {"jacket", "bottle"} <= set(segments)
    products = [d["product"] for kind, d in data if kind == "product.shown"]
    assert set(products) == {"jacket", "bottle"}
    assert all(a != b for a, b in pairwise(products))
    assert all(d["link"] and d["price"] for kind, d in data if kind == "product.shown")
