"""The operator's commands on the rundown, in a real show on virtual time."""

import asyncio

import pytest

from livehost.brain import app
from livehost.brain.command import Role, Who

from .show_stage import FakeStage
from .test_brain import Brain, brain, room_file, until
from .test_brain import no_console as no_console  # noqa: PLC0414  (a fixture)
from .virtual import run


async def do(live, name, **args):
    return await live.desk.command(name, args)


async def rundown(live):
    return (await do(live, "rundown")).data


def with_show(folder, test):
    room_file(folder)

    async def main():
        stage = FakeStage()
        running = asyncio.ensure_future(stage.run())
        try:
            async with brain(folder, stage) as live:
                await until(lambda: len(stage.air) > 1)
                return await test(stage, live)
        finally:
            running.cancel()

    return run(main())


def cards(stage):
    return [cue.data for _, cue in stage.shown if cue.kind == "product"]


def test_a_flash_sale_from_start_to_stop(tmp_path):
    async def test(stage, live):
        told = []
        live.show.timer._tell = lambda kind, values, name: told.append((kind, values, name))
        refused = [
            await do(live, "flash_sale", id="none"), await do(live, "flash_sale", id="bottle-night",
                                                              minutes=0.1),
            await do(live, "flash_sale", id="bottle-night", stop=True),
        ]  # fmt: skip
        started = await do(live, "flash_sale", id="bottle-night", minutes=12)
        again = await do(live, "flash_sale", id="bottle-night")
        await until(lambda: any("79" in s.text for s in stage.air))
        await until(lambda: cards(stage) and cards(stage)[-1].get("ends"))
        card = cards(stage)[-1]
        live.desk.submit_chat({"text": "2号链接多少钱", "user": "u"})
        await until(lambda: live.show.speaker.on_air.counts["utterances.reply"])
        await asyncio.sleep(5)
        answer = [u["text"] for u in live.desk.recent()["utterances"] if u["kind"] == "reply"]
        view = (await rundown(live))["flash_sales"][0]
        await do(live, "goto", segment="bottle-price")
        stopped = await do(live, "flash_sale", id="bottle-night", stop=True)
        await until(lambda: any("89" in s.text for s in stage.air[-6:]))
        await until(lambda: cards(stage)[-1]["price"] == "89.00")
        after = [s.text for s in stage.air if "活动结束" in s.text]
        await live.show.state.flush()
        return refused, started, again, card, answer, view, stopped, after, told, cards(stage)[-1]

    refused, started, again, card, answer, view, stopped, after, told, last = with_show(
        tmp_path, test
    )
    assert not any(outcome.ok for outcome in refused) and started.ok and stopped.ok
    assert not again.ok and "on already" in again.message
    assert card["price"] == "79.00" and card["after"]["price"] == "89.00"
    assert card["ends"] == started.data["end"] and "ends" not in card["after"]
    assert "79" in "".join(answer) and "89" not in "".join(answer)
    assert view["on"] and view["price"] == "79" and 600 < view["left_seconds"] <= 720
    assert after and "ends" not in last
    assert [kind for kind, _, _ in told] == ["flash_sale.began", "flash_sale.ended"]
    assert told[0][1]["price"] == "79" and told[0][1]["usual"] == "89"
    assert told[0][2] != told[1][2] and told[0][2].startswith("bottle-night@")


def test_the_rundown_is_changed_for_this_run_and_survives_a_kill(tmp_path):
    room_file(tmp_path)

    async def main():
        stage = FakeStage()
        running = asyncio.ensure_future(stage.run())
        first = Brain(tmp_path, stage)
        await until(lambda: len(stage.air) > 1)
        outcomes = [
            await do(first, "insert", text="这一句是刚刚加的。"),
            await do(first, "edit", segment="lineup", line=0, text="今天看三样东西，一样一样来。"),
            await do(first, "reorder", order=["welcome", "wrap-up", "lineup"]),
            await do(first, "pin", product="nuts"),
        ]
        await until(lambda: "这一句是刚刚加的。" in stage.texts)
        await first.be_killed()
        at = len(stage.air)
        async with brain(tmp_path, stage) as second:
            await until(lambda: any(s.text.startswith("三款都讲完") for s in stage.air[at:]))
            await until(lambda: "今天看三样东西，" in stage.texts or "今天看三样东西，一样一样来。"
                        in stage.texts)  # fmt: skip
            view, card = await rundown(second), cards(stage)[-1]
            reset = await do(second, "rundown_reset")
            back = await rundown(second)
            await do(second, "pin")
        running.cancel()
        return outcomes, view, card, reset, back, stage.texts

    outcomes, view, card, reset, back, texts = run(main())
    assert all(outcome.ok for outcome in outcomes), outcomes
    assert [s["id"] for s in view["segments"]][:3] == ["welcome", "wrap-up", "lineup"]
    assert view["changed"] and view["pinned"] == "nuts" and "坚果" in card["name"]
    assert view["segments"][2]["lines"][0]["changed"] == "edited"
    assert [line["changed"] for line in view["segments"][0]["lines"]].count("inserted") == 1
    assert reset.ok and not back["changed"]
    assert [s["id"] for s in back["segments"]][:3] == ["welcome", "lineup", "jacket-points"]
    assert texts.count("这一句是刚刚加的。") == 1


def test_goto_repeat_and_what_comes_next(tmp_path):
    async def test(stage, live):
        went = await do(live, "goto", segment="nuts-price")
        await until(lambda: live.show.director.product == "nuts" and live.desk.status()["now"])
        repeated = await do(live, "repeat")
        view = await rundown(live)
        await until(lambda: live.show.director.cursor.again == 1)
        return went, repeated, view, live.show.director.cursor

    went, repeated, view, cursor = with_show(tmp_path, test)
    assert went.ok and repeated.ok and cursor.segment == "nuts-price" and cursor.round == 0
    here = next(s for s in view["segments"] if s["id"] == "nuts-price")
    assert here["on_air"] and here["once_more"] and here["open"]
    assert {"kind", "why"} <= set(view["next"][0])
    assert view["mood"] in ("usual", "quiet", "busy")


@pytest.mark.parametrize(
    ("name", "args", "why"),
    [
        ("goto", {"segment": "none"}, "no such segment"),
        ("insert", {"text": "全国第一。"}, "is stopped by rule"),
        ("insert", {"text": ""}, "1 to"),
        ("insert", {"text": "{nothing}"}, "unknown slot"),
        ("insert", {"text": "{price}"}, "no value"),
        ("insert", {"text": "好。", "segment": "lineup", "line": 99}, "line is"),
        ("insert", {"text": "好的好的。", "segment": "welcome", "line": -1}, "line is"),
        ("edit", {"segment": "lineup", "line": 9, "text": "好。"}, "line is"),
        (
            "edit",
            {"segment": "jacket-points", "line": 0, "text": "只要1元。"},
            "is stopped by rule",
        ),
        ("reorder", {"order": ["lineup", "lineup"]}, "each segment once"),
        ("reorder", {"order": ["none"]}, "each segment once"),
        ("pin", {"product": "none"}, "no such product"),
        ("flash_sale", {"id": 5}, "id"),
    ],
)
def test_what_cannot_be_done_is_refused_in_one_line(tmp_path, name, args, why):
    async def test(_, live):
        return await do(live, name, **args), live.show.overlay.changed

    outcome, changed = with_show(tmp_path, test)
    assert not outcome.ok and why in outcome.message and "\n" not in outcome.message
    assert not changed


def test_nothing_of_the_programme_is_lost_in_the_app(tmp_path):
    """The state file of a show that ends and of the one that begins say the same."""
    room_file(tmp_path)

    async def main():
        stage = FakeStage()
        running = asyncio.ensure_future(stage.run())
        async with brain(tmp_path, stage) as first:
            await until(lambda: len(stage.air) > 3)
            await do(first, "flash_sale", id="bottle-night", minutes=30)
            await until(lambda: any("79" in s.text for s in stage.air))
            await asyncio.sleep(3)
            before = first.show.director.to_json()
        given = app.Show(app.load_room(tmp_path / "room.toml"), first.show.options)
        after = given.director.to_json()
        price = given.catalog.products["bottle"].card(given.programme.wall())["price"]
        await given.close()
        running.cancel()
        return before, after, price

    before, after, price = run(main())
    assert before["sales"] == after["sales"] and price == "79.00"
    assert before["course"]["in"] == after["course"]["in"] and before["began"] == after["began"]


ANNA, BEN = (Who(name, Role.OPERATOR, "10.0.0.2", f"{name}:desk") for name in ("anna", "ben"))


def test_two_operators_change_a_rundown_and_one_takes_back_what_is_his(tmp_path):
    async def test(stage, live):
        async def give(who, name, **args):
            return await live.desk.command(name, {"segment": "nuts-price", **args}, who)

        async def lines():
            segments = (await rundown(live))["segments"]
            return next(s["lines"] for s in segments if s["id"] == "nuts-price")

        def said(told):
            return [each["text"] for each in told]

        before = await lines()
        one, two = said(before)[:2]
        assert (await give(ANNA, "edit", line=1, was=two, text="安娜改的这一句。")).ok
        assert (await give(BEN, "insert", line=0, was=one, text="本加的这一句。")).ok
        # Ben still sees the rundown of before: his line 2 is line 3 now
        three = said(before)[2]
        assert (await give(BEN, "edit", line=2, was=three, text="本改的这一句。")).ok
        now = ["本加的这一句。", "安娜改的这一句。", "本改的这一句。"]
        assert said(await lines())[1:4] == now
        undone = await give(ANNA, "edit", line=1, text=two, was="安娜改的这一句。")
        assert undone.ok and undone.data["line"] == 2
        after = await lines()
        assert said(after)[:4] == [one, "本加的这一句。", two, "本改的这一句。"]
        assert after[2] == before[1], "with its wordings, and not marked as changed"

        again = await give(ANNA, "edit", line=2, was=two, text="安娜又改了一次。")
        assert (await give(BEN, "edit", line=2, was="安娜又改了一次。", text="本也改了。")).ok
        late = await give(ANNA, "edit", line=2, text=two, was="安娜又改了一次。")
        assert again.ok and (late.ok, late.code) == (False, "gone")
        assert late.message == "that line was changed or taken out meanwhile; look again"
        put = await give(ANNA, "insert", line=2, was="安娜又改了一次。", text="再加。")
        assert put.code == "gone"
        assert said(await lines())[2] == "本也改了。", "nothing was done"

        assert (await give(BEN, "insert", line=1, was="本加的这一句。", text="跟在后面的。")).ok
        assert (await give(BEN, "remove", line=9, was="本加的这一句。")).ok
        assert said(await lines())[:3] == [one, "跟在后面的。", "本也改了。"]
        twice = await give(BEN, "remove", line=1, was="本加的这一句。")
        of_the_file = await give(BEN, "remove", line=0, was=one)
        assert twice.code == "gone" and of_the_file.code == "args"
        assert (await give(ANNA, "remove", segment="none", line=0, was="x")).code == "gone"

        order = [s["id"] for s in (await rundown(live))["segments"]]
        moved = [*order[1:], order[0]]
        assert (await live.desk.command("reorder", {"order": moved, "was": order}, BEN)).ok
        other = [order[1], order[0], *order[2:]]
        refused = await live.desk.command("reorder", {"order": other, "was": order}, ANNA)
        assert refused.code == "moved"
        assert [s["id"] for s in (await rundown(live))["segments"]] == moved

    with_show(tmp_path, test)


def test_a_line_put_in_and_taken_out_again_is_not_said(tmp_path):
    async def test(stage, live):
        here = live.show.director.on_line.segment
        put = await do(live, "insert", text="这一句不要说。")
        kept = await do(live, "insert", text="这一句要说。", line=put.data["line"], segment=here)
        assert put.ok and kept.ok
        assert (await do(live, "remove", segment=here, line=put.data["line"])).ok
        await until(lambda: "这一句要说。" in stage.texts)
        late = await do(live, "remove", segment=here, line=put.data["line"], was="这一句要说。")
        assert late.code == "busy" or here != live.show.director.on_line.segment
        return stage.texts

    assert "这一句不要说。" not in with_show(tmp_path, test)
