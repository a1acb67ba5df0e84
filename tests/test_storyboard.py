"""What is on the picture while a line is said, and which of its wordings a round takes."""

from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livehost.brain.catalog import Line, check, fill, load_catalog
from livehost.brain.director import Director
from livehost.brain.gate import Gate
from livehost.brain.intent import Intent, IntentKind, Place
from livehost.brain.manners import History, Manners
from livehost.brain.script import Kind, Segment, wordings
from livehost.brain.storyboard import lacks, shown
from livehost.brain.writer import ShowWriter
from livehost.config import Room, load_toml
from livehost.errors import ConfigError
from tests.demo_shop import LATER, NOW, demo_catalog

TEXTS = tuple(f"第{n}种说法。" for n in "甲乙丙丁")
LINE = Line(TEXTS[0], variants=TEXTS[1:])


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    return demo_catalog(tmp_path_factory.mktemp("shop"))


def first(line, round_, key="s.0"):
    return next(wordings(line, round_, key)).text


# --- wordings -----------------------------------------------------------------------------------


@given(st.integers(2, 7), st.text("abc.", min_size=1, max_size=4), st.integers(0, 2000))
def test_every_wording_takes_its_turn_and_none_comes_twice_running(count, key, cycle):
    line = Line("0", variants=tuple(map(str, range(1, count))))
    said = [first(line, n, key) for n in range(cycle * count, (cycle + 2) * count)]
    assert Counter(said[:count]) == Counter((line.text, *line.variants))
    assert all(a != b for a, b in pairwise(said))


def test_lines_do_not_change_in_step():
    orders = {tuple(first(LINE, n, f"s.{k}") for n in range(8)) for k in range(12)}
    assert len(orders) > 8


def test_a_line_without_variants_is_always_the_same():
    assert {first(Line("好。"), n) for n in range(9)} == {"好。"}


def test_all_wordings_are_tried_before_a_line_is_passed_over():
    assert sorted(w.text for w in wordings(LINE, 5, "k")) == sorted(TEXTS)


# --- the director counts rounds ------------------------------------------------------------------

SEGMENTS = (
    Segment("open", None, Kind.OPENING, (LINE, Line("二。"))),
    Segment("close", None, Kind.CALL_TO_ACTION, (LINE,)),
)


def director(**more):
    class Nobody:
        def take(self, *_): ...
        def drain(self, *_): ...
        def different(self, *_):
            return 0

    return Director(lambda: SEGMENTS, Nobody(), Manners("zh"), History(), noticed=0.0, **more)


def hear(director):
    intent = director.script()
    director.begun(intent, 0.0)
    director.heard(intent, 0, "x", True, 0.0)
    return intent.place


def test_a_round_ends_with_the_last_line():
    rounds = director()
    assert [(p.segment, p.line, p.round) for p in (hear(rounds) for _ in range(7))] == [
        ("open", 0, 0), ("open", 1, 0), ("close", 0, 0),
        ("open", 0, 1), ("open", 1, 1), ("close", 0, 1), ("open", 0, 2),
    ]  # fmt: skip


def test_what_comes_next_is_known_with_its_round():
    rounds = director(place=Place("close", 0, 0, 4))
    assert rounds.upcoming(3) == [
        Place("close", round=4), Place("open", 0, 0, 5), Place("open", 1, 0, 5),
    ]  # fmt: skip


def test_going_back_begins_another_round_and_going_on_does_not():
    rounds = director(place=Place("open", 1, 0, 2))
    rounds.skip()
    assert rounds.cursor == Place("close", round=2)
    rounds.skip()
    assert rounds.cursor == Place("open", round=3)


def test_a_new_show_goes_on_with_the_next_round():
    assert director(round_=7).cursor == Place("open", round=7)


def test_the_round_survives_in_the_state_file_format():
    place = Place("open", 1, 2, 3)
    intent = Intent(IntentKind.SCRIPT, "", place=place)
    assert Intent.from_json(intent.to_json()).place == place
    old = intent.to_json() | {"place": ["open", 1, 2]}  # written by an earlier version
    assert Intent.from_json(old).place == Place("open", 1, 2)


# --- the writer ----------------------------------------------------------------------------------


def writer(shop, segment):
    def line(place):
        return segment, segment.lines[place.line]

    async def nobody():
        raise AssertionError

    return ShowWriter(shop, Gate(shop), nobody, History(), line, now=lambda: NOW)


def test_what_is_prepared_is_what_is_said(shop):
    segment = Segment(
        "s", "jacket", Kind.PRICE, (Line("到手{price}。", variants=("现在{price}。",)),)
    )
    words = writer(shop, segment)
    said = [words.script(Place("s", round=n)) for n in range(4)]
    assert {tuple(s) for s in said} == {("到手179.9元。",), ("现在179.9元。",)}
    assert said == [
        [text for text, _ in words.ahead(Place("s", round=n))] for n in range(4)
    ]  # fmt: skip


def test_a_wording_that_cannot_be_said_leaves_its_turn_to_another(shop):
    segment = Segment("s", "bottle", Kind.PRICE, (Line("好看。", variants=("{promo}。",)),))
    words = writer(shop, segment)
    assert {tuple(words.script(Place("s", round=n))) for n in range(4)} == {("好看。",)}


# --- the picture ---------------------------------------------------------------------------------


def test_each_thing_that_can_be_shown(shop):
    jacket = shop.products["jacket"]
    card = jacket.card(NOW)
    assert shown(jacket, "", NOW) == shown(jacket, "card", NOW) == card
    assert shown(jacket, "host", NOW) == {}
    assert shown(None, "", NOW) is None
    assert shown(jacket, "sizes", NOW)["tags"][0].endswith("斤")
    assert shown(jacket, "colours", NOW)["tags"] == list(jacket.values("colour"))
    assert shown(jacket, "offer", NOW)["tags"][0].startswith("截至")
    assert shown(jacket, "offer", LATER) == jacket.card(LATER)
    two = jacket.model_copy(update={"pictures": (Path("a.png"), Path("b.png"))})
    assert shown(two, "picture-2", NOW)["picture"] == "b.png"


def test_what_is_missing_for_it_is_said(shop):
    bottle = shop.products["bottle"]
    assert lacks(bottle, "picture-2") == "picture 2 of bottle"
    assert lacks(bottle, "sizes") == "sizes of bottle" and lacks(None, "card")
    assert not lacks(bottle, "colours") and not lacks(None, "host")


def test_the_writer_shows_what_the_line_asks_for(shop):
    lines = (Line("看我。", show="host"), Line("看尺码。", show="sizes"), Line("好。"))
    words = writer(shop, Segment("s", "jacket", Kind.FAQ, lines))
    cards = [
        words.card(Intent(IntentKind.SCRIPT, "", "jacket", Place("s", n))) for n in range(3)
    ]  # fmt: skip
    assert cards[0] == {} and "斤" in cards[1]["tags"][0]
    assert cards[2] == shop.products["jacket"].card(NOW)


# --- the file ------------------------------------------------------------------------------------

PRODUCT = 'id = "cup"\nname = "杯子"\nprice = 20\n'


def load(folder, line):
    (folder / "products").mkdir(exist_ok=True)
    (folder / "products" / "cup.toml").write_text(PRODUCT, "utf-8")
    rundown = f'[[segment]]\nid = "one"\nkind = "price"\nproduct = "cup"\nlines = [\n  {line},\n]\n'
    (folder / "rundown.toml").write_text(rundown, "utf-8")
    file = folder / "room.toml"
    file.write_text('name = "t"\n[avatar]\npath = "a"\n', "utf-8")
    return load_catalog(load_toml(file, Room, file=file.resolve()))


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('{ text = "好。", variants = ["{prise}。"] }', "unknown slot"),
        ('{ text = "好。", show = "fireworks" }', "pattern"),
        ('{ text = "好。", show = "picture-1" }', "needs picture 1 of cup"),
    ],
)
def test_what_is_wrong_with_a_line_is_said(tmp_path, line, said):
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, line)
    assert said in caught.value.problems[0]


def test_every_wording_is_checked(tmp_path):
    catalog = load(tmp_path, '{ text = "现在{price}。", variants = ["全网最便宜，{price}。"] }')
    (problem,) = check(catalog, Gate(catalog), NOW)
    assert "最便宜" in problem and ":6: segment one" in problem


def test_amounts_in_an_english_line_are_english(shop):
    bottle = shop.products["bottle"]
    assert fill(Line("It is {price} now, in {colours}."), bottle, NOW) == (
        "It is 89 yuan now, in 奶油白, 墨绿, 樱花粉."
    )
    assert (
        fill(Line("{name}，{link}，{price}。"), bottle, NOW) == "316不锈钢保温杯，2号链接，89元。"
    )
