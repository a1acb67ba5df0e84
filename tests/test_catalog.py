"""Product files and rundown: what is refused, how it is said, and reloading without a glitch."""

import os
import re
import tomllib
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from livehost.brain.catalog import Line, check, fill, load_catalog
from livehost.brain.gate import Gate
from livehost.brain.product import Product
from livehost.config import Room, ShowFaq, load_toml
from livehost.config_webrtc import IceServer
from livehost.errors import ConfigError
from tests.demo_shop import DEMO, LATER, NOW, demo_catalog

PRODUCT = """
id = "cup"
name = "杯子"
price = 20
"""
RUNDOWN = """
[[segment]]
id = "one"
kind = "price"
product = "cup"
lines = ["现在{price}。"]
"""


def room(folder, product=PRODUCT, rundown=RUNDOWN):
    (folder / "products").mkdir(exist_ok=True)
    (folder / "products" / "cup.toml").write_text(product, "utf-8")
    (folder / "rundown.toml").write_text(rundown, "utf-8")
    file = folder / "room.toml"
    file.write_text('name = "t"\n[avatar]\npath = "a"\n', "utf-8")
    return load_toml(file, Room, file=file.resolve())


def problems(folder, product=PRODUCT, rundown=RUNDOWN):
    with pytest.raises(ConfigError) as caught:
        load_catalog(room(folder, product, rundown))
    return caught.value.problems


# --- the demo -----------------------------------------------------------------------------------


def test_demo_passes_the_gate_with_and_without_its_promotion(tmp_path):
    catalog = demo_catalog(tmp_path)
    assert [p.id for p in catalog.products.values()] == ["jacket", "bottle", "nuts"]
    for now in (NOW, LATER):
        assert check(catalog, Gate(catalog), now) == []


def test_demo_script_is_six_to_eight_minutes_long(tmp_path):
    catalog = demo_catalog(tmp_path)
    said = [
        fill(line, catalog.products.get(segment.product or ""), NOW)
        for segment in catalog.segments
        for line in segment.lines
    ]
    assert None not in said
    assert 360 <= sum(len(text) for text in said) / 4.8 <= 480  # characters a second
    assert {s.kind.value for s in catalog.segments} == {
        "opening", "selling_points", "demonstration", "faq", "price", "call_to_action",
        "transition",
    }  # fmt: skip


def test_demo_says_that_the_host_is_ai(tmp_path):
    lines = [line.text for s in demo_catalog(tmp_path).segments for line in s.lines]
    assert sum("AI生成" in line and "数字人" in line for line in lines) >= 2


# --- what is refused ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("product", "said"),
    [
        ('id = "cup"\nname = "杯子"\nprice = 0\n', r"cup\.toml:3: price: .*greater than 0"),
        ('id = "cup"\nname = "杯子"\nprice = -1.5\n', r"cup\.toml:3: price"),
        ('id = "cup"\nname = "杯子"\nprice = nan\n', r"cup\.toml:3: price"),
        ('id = "cup"\nname = "杯子"\nprice = 1.999\n', r"cup\.toml:3: price"),
        ('id = "cup"\nname = "杯子"\n', r"cup\.toml:1: price: is required"),
        (PRODUCT + "compared = 30\n", r"cup\.toml:\d+: .*compared needs basis"),
        (PRODUCT + 'compared = 10\nbasis = "去年"\n', "compared must be higher"),
        (PRODUCT + 'pictures = ["no.png"]\n', r"cup\.toml:5: pictures: no\.png does not exist"),
        (PRODUCT + 'pictures = ["a\\u0000b"]\n', r"cup\.toml:5: pictures"),
        (PRODUCT + 'colour = "red"\n', r"cup\.toml:5: colour: unknown key"),
        (PRODUCT + '[[faq]]\nask = []\nanswer = "x"\n', r"cup\.toml:6: faq\.0\.ask"),
        (
            PRODUCT + '[[promotion]]\nid = "p"\ntext = "减"\nstart = 2026-01-01T00:00:00\n'
            "end = 2026-02-01T00:00:00\n",
            r"cup\.toml:8: promotion\.0\.start: .*timezone",
        ),
        (
            PRODUCT + '[[promotion]]\nid = "p"\ntext = "减"\nstart = 2026-02-01T00:00:00Z\n'
            "end = 2026-01-01T00:00:00Z\n",
            r"cup\.toml:5: promotion\.0: end must be later",
        ),
        (
            PRODUCT + '[[size]]\nname = "M"\nheight_cm = [170, 160]\nweight_kg = [50, 60]\n',
            r"cup\.toml:7: size\.0\.height_cm: .*least, most",
        ),
        (
            PRODUCT + '[[size]]\nname = "M"\nheight_cm = [160, 170]\n',
            "either weight_jin or weight_kg",
        ),
        (PRODUCT + "[delivery]\nfree = true\nfee = 10\n", "cannot be free and have a fee"),
        ("id = [[[[", "not valid TOML"),
        ("a = " + "[" * 5000, "is not valid TOML"),
        ("id = " + "9" * 5000, "TOML"),
    ],
)
def test_wrong_product(tmp_path, product, said):
    found = problems(tmp_path, product)
    assert any(re.search(said, line) for line in found), found


@pytest.mark.parametrize(
    ("rundown", "said"),
    [
        ("", r"rundown\.toml:1: segment: is required"),
        (RUNDOWN.replace('["现在{price}。"]', "[]"), r"rundown\.toml:6: segment\.0\.lines"),
        (
            RUNDOWN.replace('"cup"', '"mug"'),
            r"rundown\.toml:5: .*mug is not a product; there are cup",
        ),
        (RUNDOWN.replace('product = "cup"\n', ""), "product: is required for price"),
        (RUNDOWN.replace("{price}", "{cost}"), r"unknown slot \{cost\}"),
        (RUNDOWN.replace("{price}", "{price"), "lone"),
        (RUNDOWN.replace('"price"', '"shouting"'), r"rundown\.toml:4: segment\.0\.kind"),
        (RUNDOWN + RUNDOWN, r"rundown\.toml:9: segment\.1\.id: one stands twice"),
        (
            RUNDOWN.replace('["', '[{ promotion = "x", text = "').replace('"]', '" }]'),
            "no promotion x",
        ),
        ('[[segment]]\nid = "a"\nkind = "opening"\nlines = ["{price}"]\n', "has no product"),
    ],
)
def test_wrong_rundown(tmp_path, rundown, said):
    found = problems(tmp_path, rundown=rundown)
    assert any(re.search(said, line) for line in found), found


def test_all_problems_at_once(tmp_path):
    found = problems(
        tmp_path, 'id = "cup"\nname = ""\nprice = 0\n', RUNDOWN.replace("{price}", "{x}")
    )
    assert len(found) == 3
    assert all(re.match(r".+\.toml:\d+: \S+: ", line) for line in found), found


def test_ids_links_and_aliases_must_differ(tmp_path):
    room(tmp_path, PRODUCT + 'link = 1\naliases = ["水杯"]\n')
    other = PRODUCT.replace('"cup"', '"mug"').replace("杯子", "马克杯")
    (tmp_path / "products" / "mug.toml").write_text(
        other + 'link = 1\naliases = ["水杯"]\n', "utf-8"
    )
    (tmp_path / "products" / "zzz.toml").write_text(PRODUCT, "utf-8")
    with pytest.raises(ConfigError) as caught:
        load_catalog(load_toml(tmp_path / "room.toml", Room, file=tmp_path / "room.toml"))
    said = "\n".join(caught.value.problems)
    assert "cup is taken by" in said and "link: 1 is taken" in said and "水杯 also names" in said


def test_no_product_file(tmp_path):
    made = room(tmp_path)
    (tmp_path / "products" / "cup.toml").unlink()
    with pytest.raises(ConfigError, match="no file matches"):
        load_catalog(made)


@pytest.mark.parametrize("rule", ["国家级", "只要九块九"])
def test_check_names_file_and_line(tmp_path, rule):
    rundown = RUNDOWN.replace("lines = [", f'lines = [\n  "先聊聊。",\n  "{rule}的杯子。",\n  ')
    catalog = load_catalog(room(tmp_path, rundown=rundown))
    found = check(catalog, Gate(catalog), NOW)
    assert len(found) == 1 and re.search(
        r"rundown\.toml:8: segment one: 「.*」 is stopped", found[0]
    )


def test_check_reads_the_card_too(tmp_path):
    catalog = load_catalog(
        room(tmp_path, PRODUCT + '[[faq]]\nask = ["好吗"]\nanswer = "包治百病。"\n')
    )
    found = check(catalog, Gate(catalog), NOW)
    assert len(found) == 1 and re.search(r"cup\.toml:7: faq\.0\.answer: ", found[0])


KEYS = ["id", "name", "price", "stock", "pictures", "faq", "size", "link", "tags"]
VALUES = [
    "1", '"x"', "[]", "[1]", "{}", "nan", "inf", "1e400", "true", '"\\u0000"', "-1", "2026-01-01",
    '[""]', "[[]]", "{a=1}", '"' + "长" * 500 + '"',
]  # fmt: skip
GARBAGE = st.one_of(
    st.text(max_size=200),
    st.lists(
        st.tuples(
            st.sampled_from(KEYS),
            st.sampled_from(VALUES),
        ),
        max_size=8,
    ).map(lambda pairs: "\n".join(f"{key} = {value}" for key, value in pairs)),
)  # fmt: skip


@settings(
    max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(product=GARBAGE, rundown=GARBAGE)
def test_garbage_is_a_config_error_or_fine(tmp_path, product, rundown):
    try:
        load_catalog(room(tmp_path, product, rundown))
    except ConfigError as error:
        assert error.problems and all(error.problems)


def test_bytes_that_are_not_utf8(tmp_path):
    made = room(tmp_path)
    (tmp_path / "products" / "cup.toml").write_bytes(b'id = "\xff"')
    with pytest.raises(ConfigError, match="UTF-8"):
        load_catalog(made)


# --- prices and slots ---------------------------------------------------------------------------


def test_price_follows_the_promotion(tmp_path):
    jacket = demo_catalog(tmp_path).products["jacket"]
    assert (jacket.price_at(NOW), jacket.price_at(LATER)) == (Decimal("179.90"), Decimal("199.90"))
    card = jacket.card(NOW)
    assert card["price"] == "179.90" and card["compared"] == "269.00" and card["basis"]
    assert card["picture"].endswith("media/jacket.png") and Path(card["picture"]).is_absolute()
    assert card["stock"] == 320 and "UPF50+" in card["tags"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("到手{price}", "到手179.9元"),
        ("{basis}{compared}", "品牌官方旗舰店2026年10月日常售价269元"),
        ("还有{stock}", "还有320件"),
        ("到{promo_end}", "到12月31日23点59分"),
        ("省{saving}", "省89.1元"),
        ("{colours}", "云雾白、浅草绿、雾霾蓝"),
        ("没有槽", "没有槽"),
    ],
)
def test_fill(tmp_path, text, said):
    assert fill(Line(text), demo_catalog(tmp_path).products["jacket"], NOW) == said


def test_a_slot_without_value_skips_the_line(tmp_path):
    jacket = demo_catalog(tmp_path).products["jacket"]
    assert fill(Line("到{promo_end}"), jacket, LATER) is None
    assert fill(Line("换季活动。", promotion="season"), jacket, LATER) is None
    assert fill(Line("换季活动。", promotion="season"), jacket, NOW) == "换季活动。"
    assert fill(Line("{price}"), None, NOW) is None
    plain = Product(id="a", name="甲", price=Decimal(5), stock=0)
    assert fill(Line("{compared}"), plain, NOW) is None
    assert fill(Line("{stock}"), plain, NOW) is None


# --- hot reload ---------------------------------------------------------------------------------


def save(path, text):
    path.write_text(text, "utf-8")
    status = path.stat()
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns + 1_000_000_000))


def test_reload_on_save(tmp_path):
    catalog = load_catalog(room(tmp_path))
    assert not catalog.changed()
    save(tmp_path / "products" / "cup.toml", PRODUCT.replace("20", "25"))
    assert catalog.changed()
    assert catalog.reload() == () and catalog.version == 2
    assert catalog.products["cup"].price == 25 and not catalog.changed()


def test_saving_the_same_text_changes_nothing(tmp_path):
    catalog = load_catalog(room(tmp_path))
    save(tmp_path / "products" / "cup.toml", PRODUCT)
    assert not catalog.changed()


def test_a_broken_save_keeps_the_old_catalog(tmp_path):
    catalog = load_catalog(room(tmp_path))
    before = catalog.products, catalog.segments
    save(tmp_path / "rundown.toml", "oops [")
    assert catalog.changed()
    assert "rundown.toml" in catalog.reload()[0] and catalog.problems
    assert (catalog.products, catalog.segments) == before and catalog.version == 1
    assert not catalog.changed()
    save(tmp_path / "rundown.toml", RUNDOWN.replace("现在", "今天"))
    assert catalog.changed() and catalog.reload() == () and not catalog.problems
    assert catalog.segments[0].lines[0].text == "今天{price}。"


def test_a_deleted_file_is_a_broken_save(tmp_path):
    catalog = load_catalog(room(tmp_path))
    (tmp_path / "rundown.toml").unlink()
    assert catalog.changed() and catalog.reload() and catalog.segments


def test_a_new_product_file_is_seen(tmp_path):
    catalog = load_catalog(room(tmp_path))
    other = PRODUCT.replace("cup", "mug").replace("杯子", "马克杯")
    (tmp_path / "products" / "mug.toml").write_text(other, "utf-8")
    assert catalog.changed() and catalog.reload() == () and set(catalog.products) == {"cup", "mug"}


# --- files that ship ----------------------------------------------------------------------------

EXAMPLE = DEMO.parent / "example-room.toml"


def flat(values, prefix=""):
    for key, value in values.items():
        if isinstance(value, dict):
            yield from flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def fields(model, prefix=""):
    for key, field in model.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from fields(kind, f"{prefix}{key}.")
        elif key == "output":
            yield from ((f"output.{name}", None) for name in ("name", "url", "url_env"))
        elif f"{prefix}{key}" == "console.webrtc.ice_server":
            yield from ((f"{prefix}{key}.{name}", None) for name in IceServer.model_fields)
        elif f"{prefix}{key}" == "show.faq":
            yield from ((f"{prefix}{key}.{name}", None) for name in ShowFaq.model_fields)
        elif f"{prefix}{key}" == "chat.source":
            continue  # tables of many kinds, see test_config_chat.py
        elif f"{prefix}{key}" in {"action", "title"}:
            continue  # any number of tables, see test_actions.py
        elif f"{prefix}{key}" != "file":
            yield f"{prefix}{key}", field.get_default()


def test_example_room_equals_the_defaults():
    text = EXAMPLE.read_text("utf-8")
    given_values = dict(flat(tomllib.loads(text)))
    required = {"name", "avatar.path"}
    for key, default in fields(Room):
        if key in required:
            assert key in given_values
        elif default is None or key.startswith("output."):
            assert re.search(rf"^# {key.rpartition('.')[2]} = ", text, re.MULTILINE), key
        else:
            value = given_values[key]
            same = tuple(value) if isinstance(value, list) else value
            assert same == (str(default) if isinstance(default, Path) else default), key
    known = {key for key, _ in fields(Room)}
    assert set(given_values) <= known
    load_toml(EXAMPLE, Room)


def test_every_key_of_products_and_rundowns_is_in_the_docs():
    from livehost.brain import product, script
    from livehost.brain.programme import file

    text = (DEMO.parent.parent / "docs" / "scripts.md").read_text("utf-8")
    cards = (product.Product, product.Variant, product.Size, product.Faq, product.Delivery)
    models = [*cards, product.Returns, product.Promotion, file.Rundown, file.SegmentText]
    models += [file.LineText, file.AnnouncementText, file.FillerText, file.FlashSaleText]
    missing = [
        f"{model.__name__}.{key}"
        for model in models
        for key in (field.alias or name for name, field in model.model_fields.items())
        if f"`{key}`" not in text and f"`[[{key}]]`" not in text and f"`[{key}]`" not in text
    ]
    assert not missing
    assert all(f"{{{slot}}}" in text for slot in script.SLOTS)


def test_demo_room_and_replay_are_sound():
    import json

    demo_values = tomllib.loads((DEMO / "room.toml").read_text("utf-8"))
    assert demo_values["name"] == "demo" and demo_values["avatar"]["path"] == "../../avatars/xiaohe"
    rows = [
        json.loads(line) for line in (DEMO / "chat-replay.jsonl").read_text("utf-8").splitlines()
    ]
    assert len(rows) >= 55 and [r["at"] for r in rows] == sorted(r["at"] for r in rows)
    assert {r["kind"] for r in rows} == {"comment", "gift", "like", "follow", "enter"}
