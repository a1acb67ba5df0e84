"""The rundown file: its new keys, what is wrong in them, and sales that change the card."""

from datetime import datetime, timedelta

import pytest

from livehost.brain.catalog import check, fill, load_catalog
from livehost.brain.gate import Gate
from livehost.brain.programme.claims import Claims
from livehost.brain.programme.programme import Programme, Settings
from livehost.brain.script import wordings
from livehost.brain.sentences import split
from livehost.check import check as check_room
from livehost.errors import ConfigError

from .demo_shop import CHINA, DEMO, NOW, demo_catalog, demo_room

SEGMENT = """
[[segment]]
id = "one"
kind = "opening"
lines = ["欢迎。"]
"""


def problems(folder, text):
    room = demo_room(folder)
    (folder / "rundown.toml").write_text(text)
    with pytest.raises(ConfigError) as wrong:
        load_catalog(room)
    return "\n".join(wrong.value.problems)


SALE = SEGMENT + '[[flash_sale]]\nid = "x"\nproduct = "bottle"\npromotion = "flash"\n'


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (SEGMENT + 'minutes = 5\nrepeat = 2\n', "segment.0: give minutes or repeat"),
        (SEGMENT + 'from = "25:00"\n', 'segment.0.from: write a time of day like "20:30"'),
        (SEGMENT + 'from = "20:00"\nuntil = "20:00"\n', "from and until are the same"),
        (SEGMENT + 'weekdays = ["sunday"]\n', "rundown.toml:6: segment.0.weekdays"),
        (SEGMENT + 'start = 2026-11-22T20:00:00\n', "segment.0.start"),
        (SEGMENT + 'interrupt = "never"\n', "rundown.toml:6: segment.0.interrupt"),
        (SEGMENT + 'from = "20:00"\n', "the room would fall silent"),
        (SEGMENT + '[[announcement]]\nid = "a"\nlines = ["x"]\n', "every_minutes or at"),
        (SEGMENT + '[[announcement]]\nid = "a"\nat = ["20:00"]\nlines = ["{price}"]\n',
         "rundown.toml:9: announcement.0.lines: has slots but the announcement has no product"),
        (SEGMENT + '[[announcement]]\nid = "a"\nat = ["x"]\nlines = ["y"]\n', "announcement.0.at"),
        (SEGMENT + '[[filler]]\nlines = ["x"]\nproduct = "none"\n',
         "filler.0.product: none is not a product"),
        (SEGMENT + '[[filler]]\nlines = [{ text = "x", optional = 3 }]\n', "optional"),
        (SALE + 'at = ["20:00"]\n', "minutes is required"),
        (SALE + 'marks = [0]\nminutes = 5\n', "flash_sale.0.marks"),
        (SALE + 'countdown = ["还有{left}{lef}"]\n', "unknown slot {lef}"),
        (SALE.replace("flash\"", "none\""), "bottle has no promotion none; there are flash"),
        (SALE.replace("bottle", "cup"), "flash_sale.0.product: cup is not a product"),
        (SALE + SALE.removeprefix(SEGMENT).replace('"x"', '"y"'), "is that of x; give it its own"),
        (SALE + SALE.removeprefix(SEGMENT), "flash_sale.1.id: x stands twice"),
        (SALE + "start = 2030-01-01T00:00:00+08:00\nminutes = 5\n", "not inside promotion flash"),
        (SALE + "end = 2026-11-22T20:00:00+08:00\n", "end needs start"),
        (SEGMENT + 'lines = ["{left}"]\n'.replace("lines", "lines2"), "unknown key"),
        (SEGMENT.replace("欢迎。", "{left}"), "unknown slot {left}"),
        (SEGMENT.replace('"欢迎。"', '{ id = "a", text = "x" }, { id = "a", text = "y" }'),
         "segment.0: two lines have the id a"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_file_line_and_key(tmp_path, text, expected):
    found = problems(tmp_path, text)
    assert expected in found and "rundown.toml:" in found


def test_a_sale_needs_a_lower_price(tmp_path):
    room = demo_room(tmp_path)
    (tmp_path / "rundown.toml").write_text(SALE)
    bottle = tmp_path / "products" / "bottle.toml"
    bottle.write_text(bottle.read_text().replace('price = "79.00"', 'price = "89.00"'))
    with pytest.raises(ConfigError, match="needs a price below 89"):
        load_catalog(room)


def test_an_unknown_time_zone_is_one_line(tmp_path):
    demo_room(tmp_path)
    text = (tmp_path / "room.toml").read_text().replace("[show]", '[show]\ntime_zone = "Mars"')
    (tmp_path / "room.toml").write_text(text)
    (found,) = [p for p in check_room(tmp_path / "room.toml") if "time_zone" in p]
    assert "show.time_zone" in found and "Asia/Shanghai" in found


def test_the_gate_reads_everything_beside_the_script(tmp_path):
    room = demo_room(tmp_path)
    (tmp_path / "rundown.toml").write_text(
        SALE
        + 'opening = ["这是全国第一的杯子。"]\nending = ["治病。"]\n'
        + '[[announcement]]\nid = "a"\nevery_minutes = 5\nlines = ["加我微信领红包。"]\n'
        + '[[filler]]\nlines = ["最后三天，马上涨价。"]\n'
    )
    catalog = load_catalog(room)
    found = "\n".join(check(catalog, Gate(catalog), NOW))
    for line, name in (
        (10, "flash sale x"), (11, "end of flash sale x"), (15, "announcement a"), (17, "filler 1"),
    ):  # fmt: skip
        assert f"rundown.toml:{line}: segment {name}" in found, found


def test_a_line_is_read_at_the_price_of_the_sale_too(tmp_path):
    room = demo_room(tmp_path)
    text = SALE.replace("[[flash", '[[segment]]\nid = "b"\nkind = "price"\nproduct = "bottle"\n'
                        'lines = ["到手{price}。"]\n[[flash')  # fmt: skip
    (tmp_path / "rundown.toml").write_text(text)
    catalog = load_catalog(room)
    assert check(catalog, Gate(catalog), NOW) == []
    (tmp_path / "rundown.toml").write_text(text.replace("到手{price}", "到手89元"))
    catalog.reload()
    assert len(check(catalog, Gate(catalog), NOW)) == 1


@pytest.mark.parametrize("room", ["room.toml", "evening.toml"])
def test_the_demo_rooms_are_sound(room):
    assert check_room(DEMO / room) == []


# --- a sale that runs ---------------------------------------------------------------------------


@pytest.fixture
def shop(tmp_path):
    catalog = demo_catalog(tmp_path)
    clock = [NOW]
    programme = Programme(
        lambda: catalog.plan, catalog.offer, Settings(CHINA), wall=lambda: clock[0]
    )
    gate = Gate(catalog)
    gate.claims = Claims(programme.sales)
    return catalog, programme, gate, clock


def test_the_price_holds_during_the_sale_alone(shop):
    catalog, programme, gate, clock = shop

    def price():
        catalog.put_on(programme.sales.windows(clock[0]))
        return str(catalog.products["bottle"].price_at(clock[0]))

    assert price() == "89.00" and not gate.check("到手79元。", catalog.products["bottle"], NOW).ok
    programme.sales.start("bottle-night", 5, NOW)
    assert price() == "79.00" and gate.check("到手79元。", catalog.products["bottle"], NOW).ok
    same = catalog.products["bottle"]
    assert price() == "79.00" and catalog.products["bottle"] is same, "nothing is made anew"
    clock[0] = NOW + timedelta(minutes=5)
    assert same.price_at(clock[0]) == 89, "the card itself knows the end"
    assert price() == "89.00" and not gate.check("到手79元。", same, clock[0]).ok
    clock[0] = datetime(2026, 11, 22, 20, 31, tzinfo=CHINA)
    assert price() == "79.00", "every evening"


def test_words_about_time_pass_only_while_they_are_true(shop):
    catalog, programme, gate, clock = shop

    def ok(text):
        catalog.put_on(programme.sales.windows(clock[0]))
        return gate.check(text, catalog.products["bottle"], clock[0]).ok

    assert not ok("最后一分钟。") and not ok("倒计时开始。") and not ok("限时优惠，到手79元。")
    programme.sales.start("bottle-night", 20, NOW)
    assert ok("限时优惠，到手79元。") and ok("倒计时开始。") and ok("到手79元，还有18分钟。")
    assert not ok("最后一分钟。") and not ok("还有30分钟。")
    assert gate.check("还有30分钟。", catalog.products["bottle"], NOW).rule == "scarcity.time"
    assert not ok("马上涨价，最后一分钟。") and not ok("还有18分钟，只剩3件。")
    clock[0] = NOW + timedelta(minutes=19, seconds=10)
    assert ok("最后一分钟。") and ok("还有50秒。") and not ok("还有一分钟。")
    clock[0] = NOW + timedelta(minutes=21)
    assert not ok("最后一分钟。") and not ok("限时优惠，到手79元。")


def test_everything_said_in_the_demos_sale_passes(shop):
    catalog, programme, gate, clock = shop
    said = 0
    for minutes in (1, 2, 5, 12, 15):
        programme.sales.memory.by_hand.clear()
        programme.sales.memory.said.clear()
        clock[0] = NOW
        programme.sales.start("bottle-night", minutes, NOW)
        while clock[0] < NOW + timedelta(minutes=minutes + 1):
            catalog.put_on(programme.sales.windows(clock[0]))
            if intent := programme.take_sale():
                programme.sending(intent)
                product = catalog.products["bottle"]
                for line in intent.lines:
                    for worded in wordings(line, 0, ""):
                        text = fill(worded, product, clock[0], {"left": intent.left})
                        for sentence in split(text or ""):
                            verdict = gate.check(sentence, product, clock[0])
                            assert verdict.ok, (sentence, verdict)
                            said += 1
            clock[0] += timedelta(seconds=5)
    assert said > 20
