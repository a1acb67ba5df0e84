"""Sentences that must not go on air and near misses that must: what the gate stops, by category.

The floors are a little under what is measured; docs/gate.md has the measured shares.
"""

import json
import subprocess
import sys

import pytest

from benchmarks.gate import NOW, PARTS, Item, items, judge, script, shop
from livehost.brain.gate import Gate
from livehost.brain.manners import CHINESE
from livehost.brain.reply.wording import style_of
from tests.demo_shop import LATER

CATEGORIES = (
    "superlative medical scarcity stock contact personal minors politics abuse identity promise "
    "unproven disparage price figure"
).split()
RECALL = {"dev": 0.97, "held_out": 0.9}
PRECISION = {"dev": 0.95, "held_out": 0.85}
OVERALL = {"dev": (0.995, 0.99), "held_out": (0.98, 0.96)}


@pytest.fixture(scope="module")
def catalog():
    with shop() as found:
        yield found


@pytest.fixture(scope="module")
def judged(catalog):
    gate = Gate(catalog)
    return {part: judge(gate, catalog, items(part)) for part in PARTS}


@pytest.mark.parametrize("part", ["dev", "held_out"])
@pytest.mark.parametrize("category", CATEGORIES)
def test_recall_and_precision_of_a_category(judged, part, category):
    score = judged[part].scores[category]
    assert score.attacks >= 3 and score.clean >= 2
    assert score.recall >= RECALL[part], score
    assert score.precision >= PRECISION[part], score


@pytest.mark.parametrize("part", ["dev", "held_out"])
def test_recall_and_precision_of_a_part(judged, part):
    score = judged[part].scores["all"]
    assert (score.recall >= OVERALL[part][0], score.precision >= OVERALL[part][1]) == (True, True)
    assert score.right_rule >= 0.93 * score.attacks


def test_claims_in_new_words_are_found_in_part_and_figures_in_full(judged):
    """`last` was written when the rules were finished: what they make of words they do not know."""
    last = judged["last"].scores
    assert last["all"].recall >= 0.55 and last["all"].precision >= 0.85
    for category in ("price", "figure"):
        assert last[category].recall == 1.0


def test_disguises_are_undone_and_near_misses_pass(judged):
    """`disguised` was scored when it was written (88.3 % and 88.3 %), then the misses mended."""
    score = judged["disguised"].scores["all"]
    assert score.attacks == score.clean == 60
    assert score.recall >= 0.98 and score.precision >= 0.95


def test_names_are_no_figures_and_new_words_are_found(judged):
    """`fresh` was scored when it was written (45 % and 43 %), then the misses mended."""
    score = judged["fresh"].scores["all"]
    assert score.attacks >= 40 and score.clean >= 40
    assert score.recall >= 0.97 and score.precision >= 0.92


@pytest.mark.parametrize("name", ["七七", "九九", "十一", "圆圆妈", "二宝妈妈", "朵妈", "八八姐"])
def test_a_name_that_may_be_read_passes_in_every_sentence_with_names(catalog, name):
    gate, jacket = Gate(catalog), catalog.products["jacket"]
    thanked = [text for texts in CHINESE.thanks.values() for text in texts]
    wordings = style_of("zh").wordings
    told = [text.replace("{nick}", "{names}") for text in wordings["_nick"]["say"]]
    told += [t.format(who="{names}", size="M") for t in wordings["_sized"]["say"]]
    assert gate.check(name, None, NOW).ok
    for text in (*thanked, *told):
        for names in (name, f"小明、{name}", f"{name}和小明"):
            verdict = gate.check(text.replace("{names}", names), jacket, NOW)
            assert verdict.ok, (text, names, verdict)


@pytest.mark.parametrize(
    "text",
    [
        "九九，拿走", "九九，直接走", "来，九九包邮", "只要九九", "今天九九，都来", "九九带走",
        "到手九九",
        "八八一件", "九九上车", "九九。", "八八，大家看好", "八八，点进去就是这个数。",
        "九九，就写在卡上",
        "谢谢，妈的", "谢谢你妈的", "真妈的烦", "这妈的问题真多", "快点，妈的问题真多", "他妈的",
    ],
)  # fmt: skip
def test_a_price_that_looks_like_a_name_and_an_insult_that_looks_like_a_mother_are_found(
    catalog, text
):
    assert not Gate(catalog).check(text, catalog.products["jacket"], NOW).ok


@pytest.mark.parametrize(
    ("attack", "clean"),
    [
        ("全网zdj", "编号zdjk的面料"),  # initials as a whole word only
        ("你这个 s.b 别来了", "选 s 和 b 两个码"),
        ("全网弟一的保温", "弟一件哥一件"),
        ("采用砖利技术", "转力气大一点"),
        ("加喂信领券", "喂，信号不好的刷新一下。"),
        ("妈的，快买", "我妈的生日礼物"),
        ("没有它治不了的病", "它治不了病"),
        ("It reduces your blood pressure.", "It reduces the weight of your bag."),
        ("马上就沒了，最後一波", "最後再看一眼颜色"),
    ],
)
def test_what_a_disguise_hides_is_found_and_what_looks_like_it_is_not(catalog, attack, clean):
    gate = Gate(catalog)
    assert not gate.check(attack, None, NOW).ok
    assert gate.check(clean, None, NOW).ok


def test_a_claim_is_stopped_by_the_rule_that_it_breaks(judged):
    wrong = [
        (item.text, item.rules, verdict.rule)
        for item, verdict in judged["dev"].wrong
        if item.attack
    ]
    assert wrong == []


def test_the_sets_are_long_enough_and_have_both_sides():
    every = [item for part in PARTS for item in items(part)]
    attacks = sum(item.attack for item in every)
    assert len(every) >= 1000 and attacks >= 600 and len(every) - attacks >= 300
    assert len({(item.product, item.text) for item in every}) == len(every)
    assert len(items("held_out")) >= 0.3 * len(items("dev") + items("held_out"))


def test_the_whole_demo_script_passes(catalog):
    spoken = script(catalog)
    assert len(spoken) > 100
    assert judge(Gate(catalog), catalog, spoken).scores["all"].stopped == 0


def test_everything_on_a_card_may_be_said(catalog):
    gate = Gate(catalog)
    for product in catalog.products.values():
        for fact in product.facts(NOW):
            verdict = gate.check(fact, product, NOW)
            assert verdict.ok, (product.id, fact, verdict)


def test_a_safe_line_is_safe(catalog):
    gate = Gate(catalog)
    for item in items("dev"):
        product = catalog.products.get(item.product)
        verdict = gate.check(item.text, product, NOW)
        assert (verdict.text == item.text) == verdict.ok
        assert verdict.ok or gate.check(verdict.text, product, NOW).ok, verdict


@pytest.mark.parametrize(
    "text", ["现在只要179.9元。", "换季活动，立减20元。", "活动到12月31日结束。", "平时199.9元。"]
)
def test_expired_promotion_is_not_spoken(catalog, text):
    gate, jacket = Gate(catalog), catalog.products["jacket"]
    assert gate.check(text, jacket, NOW).ok
    assert gate.check(text, jacket, LATER).ok == ("平时" in text)


def test_an_expired_coupon_is_not_spoken(catalog):
    gate, shirt = Gate(catalog), catalog.products["shirt"]
    for text in ("领券减10元，到手119元。", "现在到手119元，用券减10元。"):
        assert gate.check(text, shirt, NOW).ok
        assert not gate.check(text, shirt, LATER).ok


def test_the_scores_tell_a_gate_that_stops_all_and_one_that_stops_nothing():
    class All:
        def check(self, text, product, now):
            return type("V", (), {"ok": False, "rule": "superlative", "found": text})()

    class Nothing:
        def check(self, text, product, now):
            return type("V", (), {"ok": True, "rule": "", "found": ""})()

    catalog = type("C", (), {"products": {}})()
    lines = [Item("superlative", "", ("superlative",), "a"), Item("superlative", "", (), "b")]
    assert judge(All(), catalog, lines).scores["all"].precision == 0.5
    assert judge(Nothing(), catalog, lines).scores["all"].recall == 0


@pytest.mark.slow
def test_the_command_prints_json():
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.gate", "--json"],
        capture_output=True,
        text=True,
        check=True,
    )
    results = json.loads(done.stdout)
    assert results["parts"]["dev"]["all"]["recall"] > 0.9
    assert set(results["milliseconds"]) == {"sentences", "p50", "p99", "max"}
