"""Wordings by rules: facts stay, the gate passes them, no round is like another."""

import tomllib
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livehost.brain.catalog import check as gate_problems
from livehost.cli import main
from livehost.studio.draft import draft_of
from livehost.studio.essence import differs, terms_of, unbacked_claim
from livehost.studio.paraphrase import wordings_of
from livehost.studio.shelf import open_shelf
from livehost.studio.vary import variety, vary
from tests.demo_shop import NOW, demo_catalog, demo_room

NIGHT = datetime(2026, 11, 22, 20, 0, tzinfo=timezone(timedelta(hours=8)))


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    return demo_catalog(tmp_path_factory.mktemp("shop"))


# --- what may not change --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "after", "what"),
    [
        ("48小时内发货。", "24小时内发货。", "figures"),
        ("48小时内发货。", "四十八小时之内发货。", "conditions"),
        ("每袋25克。", "每袋25毫升。", "figures"),
        ("现在到手{price}。", "现在到手{compared}。", "slots"),
        ("现在到手{price}。", "现在到手89元。", "slots"),
        ("不要放进微波炉。", "可以放进微波炉。", "negations"),
        ("坚果不油炸，也不放盐。", "坚果油炸，也不放盐。", "negations"),
        ("检测条件下不低于68度。", "不低于68度。", "conditions"),
        ("大约180克。", "180克。", "conditions"),
        ("颜色有云雾白。", "颜色有浅草绿。", "names"),
        ("316不锈钢保温杯很顺手。", "这个杯子很顺手。", "figures"),
        ("这件外套很顺手。", "这件防水外套很顺手。", "claims"),
        ("面料摸着软。", "真丝面料摸着软。", "claims"),
        ("It ships within 48 hours.", "It ships within 24 hours.", "figures"),
        ("Do not put it into the microwave.", "Put it into the microwave.", "negations"),
        ("If it is closed, it does not leak.", "It does not leak.", "conditions"),
    ],
)
def test_another_statement_is_told_from_another_wording(shop, before, after, what):
    assert differs(before, after, terms_of(shop.products.values())).startswith(what)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("看一下图片。", "看看图片。"),
        ("现在直播间到手{price}。", "直播间现在到手{price}。"),
        ("核桃、腰果、榛子。", "榛子、核桃、腰果。"),
        ("一盒30小袋，每袋25克。", "您看，每袋25克，一盒30小袋。"),
        ("Have a look at it.", "Take a look at it."),
    ],
)
def test_another_wording_is_no_other_statement(shop, before, after):
    assert differs(before, after, terms_of(shop.products.values())) == ""


def test_a_claim_needs_a_card():
    assert unbacked_claim("这件防水，透气。", "面料透气") == "防水"
    assert unbacked_claim("面料透气。", "面料透气") == ""
    assert unbacked_claim("a waterproof bag", "canvas bag") == "waterproof"


# --- wordings -------------------------------------------------------------------------------------

CLAUSES = """
您看 大家看屏幕上的图片 颜色有{colours} 现在直播间到手{price} 不要烘干 一盒30小袋 每袋25克
检测条件下6小时水温不低于68度 喜欢的朋友点开一号链接 拍之前看清楚 里面有核桃、腰果、榛子
48小时内从浙江杭州发出 大约180克 如果不合适可以退 想先听哪一款 打在评论区告诉我 咱们慢慢看
没有装过水的，支持7天无理由退换
""".split()


@given(
    st.lists(st.sampled_from(CLAUSES), min_size=1, max_size=4),
    st.sampled_from("。。？"),
    st.text("abc", max_size=3),
)
def test_whatever_the_rules_make_says_the_same(clauses, end, seed):
    text = "，".join(clauses) + end
    terms = ("云雾白", "浙江杭州", "每袋25克", "核桃", "腰果")
    for other in wordings_of(text, 3, seed, terms):
        assert other != text and differs(text, other, terms) == ""


def test_the_same_seed_gives_the_same_wordings():
    text = "喜欢的朋友点开一号链接，咱们慢慢看。"
    assert wordings_of(text, 4, "a") == wordings_of(text, 4, "a")
    assert len({tuple(wordings_of(text, 4, seed)) for seed in "abcdef"}) > 1


def test_a_sentence_that_no_rule_fits_is_left_alone():
    assert wordings_of("{returns}？", 4, "a") == []


# --- a whole rundown ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def varied(tmp_path_factory):
    shelf = open_shelf(demo_room(tmp_path_factory.mktemp("demo")).file)
    draft = draft_of(shelf.catalog.segments, shelf.catalog.forbidden)
    vary(draft, shelf.catalog, shelf.gate, 5, "1", NOW)
    return shelf, draft


def test_no_two_rounds_are_alike(varied):
    _, draft = varied
    found = variety(draft, 30)
    assert found.alike == 0 and found.changed > 0.6
    assert found.alone < 0.35 * found.lines


def test_every_wording_keeps_the_facts_of_its_line(varied):
    shelf, draft = varied
    terms = terms_of(shelf.catalog.products.values())
    for _, line in draft.lines():
        assert all(differs(line.texts[0], text, terms) == "" for text in line.texts[1:])
        assert len(set(line.texts)) == len(line.texts) <= 5


def test_the_command_writes_what_a_room_loads(tmp_path, capsys):
    folder = demo_room(tmp_path).file.parent
    out = folder / "rundown.toml"
    given = ["script", "vary", str(folder / "rundown-evening.toml"), "--rounds", "3"]
    assert main([*given, "--out", str(out)]) == 0
    assert "0 pairs alike" in capsys.readouterr().out
    shelf = open_shelf(folder / "room.toml")
    assert gate_problems(shelf.catalog, shelf.gate, NIGHT) == []
    assert any(line.variants for s in shelf.catalog.segments for line in s.lines)
    assert shelf.catalog.forbidden == ("全场清仓", "员工价")
    assert main([*given[:-1], "0"]) == 2


FULL = """# Mine.
forbidden = ["全场清仓"]

[[segment]]
id = "night"
kind = "opening"
minutes = 3.5  # short
from = "18:00"
until = "23:30"
start = 2026-11-01T20:00:00+08:00
interrupt = "segment"
lines = [
  { id = "hello", text = "今天给大家带来三样好物，都是日常用得上的。", optional = true },
  # Tom: keep this one
  "有问题的朋友打在公屏上，我看到就回答。", # short, too
]

[[announcement]]
id = "hours"
every_minutes = 20
lines = ["每天晚上八点准时开播。"]

[[filler]]
lines = ["想看哪一款，打个数字。"]
"""


def test_wordings_are_put_in_and_all_else_stands(tmp_path):
    folder = demo_room(tmp_path).file.parent
    (folder / "rundown.toml").write_text(FULL)
    assert main(["script", "vary", str(folder / "room.toml"), "--rounds", "4"]) == 0
    text = (folder / "rundown-varied.toml").read_text("utf-8")
    for note in ("# Mine.", "# short\n", "  # Tom: keep this one\n", "  ] }, # short, too\n"):
        assert note in text
    old, new = tomllib.loads(FULL), tomllib.loads(text)
    lines = new["segment"][0]["lines"]
    assert all(line.pop("variants") for line in lines)
    new["segment"][0]["lines"] = [lines[0], lines[1].pop("text")]
    assert new == old and lines[1] == {}
