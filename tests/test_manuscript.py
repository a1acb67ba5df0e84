"""Scripts changed from the page: merging, checking, publishing, taking back, listening."""

import asyncio
import io
import tomllib
import wave
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livehost.brain.command import Role, Who
from livehost.brain.desk.listening import Listening
from livehost.brain.heard import Heard
from livehost.brain.manuscript.folder import MOST_KEPT, Folder, Unknown, difference, version_of
from livehost.brain.manuscript.judge import caused_by, problems_with, script_problems
from livehost.brain.manuscript.merge import merged, values_of
from livehost.config import load_room

from .test_brain import no_console, room_file, sql, until, with_brain  # noqa: F401  (a fixture)

OTTO = Who("otto", Role.OPERATOR, "10.0.0.2", "otto:desk")


# --- merging --------------------------------------------------------------------------------------

TEXT = """\
# the shop's own words
name = "杯子"  # as on the box
price = 89.0
ends = 2027-01-01T00:00:00+08:00

[delivery]
days = [2, 4]

# first
[[faq]]
ask = ["怎么洗"]
answer = "手洗。"

# second, about steel
[[faq]]
ask = ["什么钢"]
answer = "316。"
"""


def test_values_change_and_comments_stay():
    values = values_of(TEXT)
    values["price"] = 79.5
    values["faq"][1]["answer"] = "316不锈钢。"
    values["delivery"] = {"days": [1, 2], "free": True}
    values["usage"] = "每天用"
    after = merged(TEXT, values)
    assert values_of(after) == values
    for kept in ("# the shop's own words", "# as on the box", "# first", "# second, about steel"):
        assert kept in after
    assert "ends = 2027-01-01T00:00:00+08:00" in after
    assert len(difference(TEXT, after, "x")) < 30


def test_unchanged_values_leave_the_text_as_it_was():
    assert merged(TEXT, values_of(TEXT)) == TEXT


def test_tables_are_moved_added_and_taken_out():
    text = '[[segment]]\nid = "a" # one\n\n[[segment]]\nid = "b" # two\nlines = ["x"]\n'
    values = {"segment": [{"id": "b", "lines": ["x", "y"]}, {"id": "c", "lines": [{"text": "z"}]}]}
    after = merged(text, values)
    assert values_of(after) == values
    assert "# two" in after and "# one" not in after


def test_time_stays_a_time_and_null_takes_a_key_away():
    values = values_of(TEXT)
    values["ends"], values["delivery"] = "2027-02-01T00:00:00+08:00", None
    after = merged(TEXT, values)
    assert tomllib.loads(after)["ends"].month == 2
    assert "[delivery]" not in after


@pytest.mark.parametrize("bad", [{"a": float}, {"a": [None]}, {"a": object()}])
def test_what_toml_cannot_hold_is_refused(bad):
    with pytest.raises(ValueError, match="TOML"):
        merged(TEXT, bad)


KEYS = st.from_regex(r"[a-z]{1,5}", fullmatch=True)
LEAVES = st.booleans() | st.integers(-(2**60), 2**60) | st.text(max_size=12)
JSON = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(KEYS, JSON, max_size=5), st.dictionaries(KEYS, JSON, max_size=5))
def test_any_values_are_written_without_a_loss_or_refused(first, second):
    try:
        text = merged("", first)
        after = merged(text, second)
    except ValueError:
        return
    assert values_of(after) == second


# --- files ----------------------------------------------------------------------------------------


@pytest.fixture
def room(tmp_path):
    return load_room(room_file(tmp_path))


@pytest.mark.parametrize(
    "name",
    ["../room.toml", "room.toml", "/etc/passwd", "products/../room.toml", "", "products", "a\0"],
)  # fmt: skip
def test_only_scripts_of_the_room_can_be_reached(room, tmp_path, name):
    folder = Folder(room, tmp_path / "kept")
    assert {s.kind for s in folder.scripts()} == {"rundown", "product"}
    with pytest.raises(Unknown):
        folder.script(name)


@pytest.mark.parametrize("name", ["../x", "a/b", "", ".hidden", "x.toml", "bottle", "a" * 65])
def test_new_products_go_where_products_are(room, tmp_path, name):
    folder = Folder(room, tmp_path / "kept")
    assert folder.new_product("tea").path.parent.name == "products"
    with pytest.raises(Unknown):
        folder.new_product(name)


def test_script_outside_the_folder_is_not_offered(tmp_path):
    inner = tmp_path / "inner"
    inner.mkdir()
    room = load_room(room_file(inner))
    outside = tmp_path / "outside.toml"
    outside.write_text((inner / "rundown.toml").read_text())
    (inner / "rundown.toml").unlink()
    (inner / "rundown.toml").symlink_to(outside)
    names = {script.name for script in Folder(room, tmp_path / "kept").scripts()}
    assert not any("outside" in name or name == "rundown.toml" for name in names)


def test_last_texts_are_kept_and_no_more(room, tmp_path):
    folder = Folder(room, tmp_path / "kept")
    script = folder.scripts()[0]
    for n in range(MOST_KEPT + 5):
        folder.write(script, f"# {n}\n", version_of(script.path.read_text()), "a/b ~ 王")
    kept = folder.kept(script)
    assert len(kept) == MOST_KEPT
    assert folder.earlier(script) == f"# {MOST_KEPT + 3}\n"
    assert folder.earlier(script, kept[4].version) == f"# {MOST_KEPT - 1}\n"
    assert "/" not in kept[0].by and kept[0].at.startswith("20")
    assert list(script.path.parent.glob(".*.part")) == []


# --- checking -------------------------------------------------------------------------------------


def test_draft_is_judged_by_the_checks_of_the_files(room):
    rundown = room.near(room.show.rundown)
    text = rundown.read_text()
    assert problems_with(room, {rundown: text}) == []
    (problem,) = problems_with(room, {rundown: text.replace('kind = "opening"', 'kind = "x"', 1)})
    assert (problem.file, problem.key) == ("rundown.toml", "segment.0.kind")
    assert text.splitlines()[problem.line - 1] == 'kind = "opening"'
    said = text.replace("今天跟大家慢慢聊", "这是全国第一的国家级好货，今天聊", 1)
    (stopped,) = problems_with(room, {rundown: said})
    assert "国家级" in stopped.text or "第一" in stopped.text
    assert problems_with(room, {rundown: "nonsense"})[0].text.startswith("is not valid TOML")
    assert rundown.read_text() == text, "nothing was saved"
    rundown.write_text(said)
    (same,) = script_problems(room)
    assert same == f"{rundown}:{stopped.line}: {stopped.text}"


def test_product_draft_sees_its_pictures_and_the_others(room):
    bottle = next(s for s in Folder(room, Path("x")).scripts() if "bottle" in s.name)
    text = bottle.path.read_text()
    assert problems_with(room, {bottle.path: text}) == []
    (low,) = problems_with(room, {bottle.path: text.replace('"129.00"', '"1.00"')})
    assert low.text == "compared must be higher than price"
    gone = problems_with(room, {bottle.path: text.replace('id = "bottle"', 'id = "bottles"')})
    assert gone and all(p.file == "rundown.toml" for p in gone)
    assert "bottle is not a product" in gone[0].text


def test_what_is_wrong_elsewhere_holds_up_nothing_but_what_a_draft_breaks_does(room):
    bottle, jacket = [s for s in Folder(room, Path("x")).scripts() if s.kind == "product"][:2]
    text = bottle.path.read_text()
    right = jacket.path.read_text()
    jacket.path.write_text("wrong = 1\n" + right)
    own, anyway = caused_by(room, {bottle.path: text.replace("price = 89", "price = 79")})
    assert own == [] and [(p.file, p.key) for p in anyway] == [(jacket.name, "wrong")]
    own, anyway = caused_by(room, {bottle.path: "wrong = 2\n" + text})
    assert [(p.file, p.key) for p in own] == [(bottle.name, "wrong")] and len(anyway) == 1
    jacket.path.write_text(right)
    own, anyway = caused_by(room, {bottle.path: text.replace('id = "bottle"', 'id = "bottles"')})
    assert {p.file for p in own} == {"rundown.toml"} and anyway == []


def test_a_new_product_that_was_written_before_is_the_same_one(room, tmp_path):
    folder = Folder(room, tmp_path / "kept")
    script = folder.new_product("tea", "x = 1\n")
    folder.write(script, "x = 1\n", "", "otto")
    assert folder.new_product("tea", "x = 1\n") == script
    assert folder.write(script, "x = 1\n", "", "otto") == version_of("x = 1\n")
    with pytest.raises(Unknown):
        folder.new_product("tea", "x = 2\n")


# --- on air ---------------------------------------------------------------------------------------


def test_sentence_is_changed_published_heard_on_air_and_taken_back(tmp_path):
    new = "今天这一句是刚刚改好的。"

    async def test(stage, live):
        async def do(name, **args):
            return await live.desk.command(name, args, OTTO)

        await until(lambda: len(stage.air) > 1)
        listed = (await do("scripts")).data["scripts"]
        assert listed[0]["file"] == "rundown.toml" and len(listed) == 4
        read = (await do("script_read", file="rundown.toml")).data
        values, version = read["values"], read["version"]
        values["segment"] = values["segment"][:1]
        values["segment"][0]["lines"] = [new]
        draft = await do("script_check", file="rundown.toml", values=values)
        assert draft.data["problems"] == [] and f'+  "{new}",' in draft.data["diff"]
        assert (await do("script_read", file="rundown.toml")).data["version"] == version
        done = await do("script_publish", file="rundown.toml", values=values, version=version)
        assert done.ok, done
        late = await do("script_publish", file="rundown.toml", text="x", version=version)
        assert late.code in ("stale", "problems")
        again = await do("script_publish", file="rundown.toml", values=values, version=version)
        assert again.ok and again.data == done.data, "it was done before; the answer was lost"
        assert len((await do("script_versions", file="rundown.toml")).data["versions"]) == 1
        other = {**values, "segment": [{**values["segment"][0], "lines": ["另一句。"]}]}
        stale = await do("script_publish", file="rundown.toml", values=other, version=version)
        assert stale.code == "stale"
        await until(lambda: new in stage.texts)

        wrong = {**values, "forbidden": [1]}
        refused = await do(
            "script_publish", file="rundown.toml", values=wrong, version=done.data["version"]
        )
        assert refused.code == "problems" and refused.data["problems"][0]["key"].startswith("forb")
        (kept,) = (await do("script_versions", file="rundown.toml")).data["versions"]
        assert (kept["version"], kept["by"]) == (version, "otto")
        assert (await do("script_undo", file="rundown.toml")).ok
        assert (await do("script_read", file="rundown.toml")).data["text"] == read["text"]
        await until(lambda: stage.texts[-1] != new)
        assert (await do("script_undo", file="rundown.toml")).ok, "undo can be undone"
        assert (await do("script_read", file="../room.toml")).code == "unknown"
        both = await do("script_check", file="rundown.toml", text="", values={})
        assert both.code == "args"
        await live.show.state.flush()

    with_brain(tmp_path, test)
    audit = str(sql(tmp_path, "SELECT what FROM audit WHERE kind = 'command'"))
    assert "script_publish" in audit and "script_undo" in audit and new not in audit


def test_new_product_is_added(tmp_path):
    async def test(stage, live):
        text = (tmp_path / "products/nuts.toml").read_text()
        for before, after in (('id = "nuts"', 'id = "tea"'), ("link = 3", "link = 4")):
            text = text.replace(before, after)
        values = values_of(text) | {"name": "明前龙井", "aliases": ["龙井"]}
        made = await live.desk.command("script_new", {"file": "tea", "values": values}, OTTO)
        assert made.ok, made
        await until(lambda: "tea" in live.show.catalog.products)
        again = await live.desk.command("script_new", {"file": "tea", "values": values}, OTTO)
        assert again == made, "asked again because the answer was lost"
        other = {**values, "name": "别的茶"}
        taken = await live.desk.command("script_new", {"file": "tea", "values": other}, OTTO)
        assert taken.code == "unknown"

    with_brain(tmp_path, test)


def test_operator_listens_to_a_sentence(tmp_path):
    async def test(stage, live):
        await until(lambda: len(stage.air) > 1)
        args = {"text": "这一句先听听看。", "emotion": "excited"}
        heard = await live.desk.command("hear", args, OTTO)
        assert heard.ok, heard
        stopped = await live.desk.command("hear", {"text": "这是全国第一的国家级产品。"}, OTTO)
        assert stopped.ok and stopped.data["rule"]
        sound = live.show.heard.get(heard.data["url"].rpartition("/")[2])
        with wave.open(io.BytesIO(sound)) as file:
            assert file.getframerate() == 48_000 and file.getnframes() > 12_000
        assert "这一句先听听看。" not in stage.texts
        long = await live.desk.command("hear", {"text": "长" * 121}, OTTO)
        assert long.code == "args"

    with_brain(tmp_path, test)


def test_sounds_are_kept_for_a_while():
    import numpy as np

    heard = Heard()
    names = [heard.keep(np.full(4800, 0.5, np.float32)) for _ in range(20)]
    assert heard.get(names[0]) is None and heard.get(names[-1])
    assert [route.path for route in Listening(heard).routes()] == ["/api/heard/{name}"]
    assert asyncio.iscoroutinefunction(Listening(heard).run)
