"""The gate: disguises, numbers, masks, word lists, and that it fails closed."""

import asyncio
import logging
import time
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livehost.brain import saved
from livehost.brain.gate import Gate, gate
from livehost.brain.gate.denial import denied
from livehost.brain.gate.fold import fold
from livehost.brain.gate.numerals import han, parse
from livehost.brain.gate.quantities import quantities
from livehost.brain.gate.rules import BUILT_IN, RuleText, load_rules
from livehost.brain.product import Product
from livehost.errors import ConfigError
from tests.demo_shop import NOW, demo_catalog

CUP = Product(id="cup", name="瓷杯", price=Decimal("199.90"), stock=30)
JUDGE = Gate()


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    return demo_catalog(tmp_path_factory.mktemp("shop"))


# --- numbers ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("199.9", "199.9"), ("1,999", "1999"), ("一百九十九", "199"), ("一百九", "190"),
        ("一百零九", "109"), ("两百五", "250"), ("三千八", "3800"), ("一万二", "12000"),
        ("二十", "20"), ("一百一十", "110"), ("二零二六", "2026"), ("一九九", "199"),
        ("3千8", "3800"), ("1.5万", "15000"), ("九点九", "9.9"), ("一百九十九点九", "199.9"),
        ("十五", "15"), ("两千零二十六", "2026"),
        ("一亿", "100000000"), ("ninety nine", "99"), ("one hundred and five", "105"), ("零", "0"),
    ],
)  # fmt: skip
def test_numerals(text, value):
    assert parse(text) == Decimal(value)


@pytest.mark.parametrize("text", ["三四百", "三五", "七八", "一点", "x", "1.2.3"])
def test_what_is_not_an_exact_number(text):
    assert parse(text) is None


@given(st.integers(1, 99))
def test_han_and_back(number):
    assert parse(han(number)) == number


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("一百九十九块九", [("money", "199.9")]),
        ("9块9毛9", [("money", "9.99")]),
        ("199元3件", [("money", "199"), ("count:件", "3")]),
        ("99块9包邮", [("money", "99.9")]),
        ("八折", [("discount", "8")]),
        ("百分之二十", [("percent", "20")]),
        ("48到72小时", [("hour", "48"), ("hour", "72")]),
        ("一米六五", [("cm", "165")]),
        ("1.65米，55kg", [("cm", "165"), ("jin", "110")]),
        (
            "2026年9月3日晚上8点半",
            [("year", "2026"), ("date", "903"), ("clock", "8.5")],
        ),
        ("3:30", [("clock", "3.5")]),
        ("几十块钱", [("money", None)]),
        ("165，110斤", [("", "165"), ("jin", "110")]),
        ("￥１９９", [("money", "199")]),
        ("壹佰元", [("money", "100")]),
        ("①⑨⑨元", [("money", "199")]),
        ("没有数字", []),
    ],
)
def test_quantities(text, found):
    assert [(q.dim, q.value) for q in quantities(fold(text).text)] == [
        (dim, None if value is None else Decimal(value)) for dim, value in found
    ]


def spoken(cents):
    """The ways people write and say an amount."""
    whole, part = divmod(cents, 100)
    number = f"{whole}.{part:02d}"
    return [f"{number}元", f"¥{number}", f"只要{number}", f"{number} yuan", f"{number}块钱"]


@settings(deadline=None)
@given(st.integers(1, 999_999).filter(lambda c: c != 19_990), st.data())
def test_a_price_that_is_not_on_the_card_never_passes(cents, data):
    text = data.draw(st.sampled_from(spoken(cents)))
    head = data.draw(st.sampled_from(["", "现在", "瓷杯", "今天拍下", "给大家算到手价"]))
    assert not JUDGE.check(f"{head}{text}。", CUP, NOW).ok


@settings(deadline=None)
@given(st.integers(2, 99).filter(lambda n: n not in (30,)))
def test_chinese_numerals_are_no_way_around(number):
    for text in (
        f"{han(number)}块钱",
        f"只要{han(number)}元",
        f"还剩{han(number)}件",
        f"{han(number)}折",
    ):
        assert not JUDGE.check(text, CUP, NOW).ok


def test_the_price_itself_passes_in_every_form():
    for text in (*spoken(19_990), "一百九十九块九", "一百九十九点九元", "199.90元"):
        verdict = JUDGE.check(text, CUP, NOW)
        assert verdict.ok, verdict


def test_without_a_card_no_figure_passes():
    assert not JUDGE.check("只要199.9元。", None, NOW).ok
    assert JUDGE.check("今天有三款。", None, NOW).ok


# --- failing closed -----------------------------------------------------------------------------


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=300))
def test_never_raises_and_always_answers(text):
    verdict = JUDGE.check(text, CUP, NOW)
    assert verdict.ok == (verdict.rule == "")
    assert verdict.ok or verdict.text
    assert verdict.rule != "gate-error"
    shown = JUDGE.check_shown(text)
    assert shown.rule != "gate-error" and len(shown.text) <= 120


@settings(max_examples=200, deadline=None)
@given(st.text("一二三十百千万点元块折%.,0123456789号码月日斤米：:-~ 送买", max_size=24))
def test_number_soup_never_raises(text):
    assert JUDGE.check(text, CUP, NOW).rule != "gate-error"


def test_a_fault_inside_stops_the_sentence(monkeypatch, caplog):
    def broken(*_):
        raise RuntimeError("boom")

    monkeypatch.setattr(gate, "unbacked", broken)
    verdict = Gate().check("你好。", CUP, NOW)
    assert not verdict.ok and verdict.rule == "gate-error" and verdict.text != "你好。"
    assert "stopped the sentence" in caplog.text
    monkeypatch.setattr(gate, "view", broken)
    assert Gate().check_shown("小明").text == "***"


def test_a_text_without_end_is_stopped_unread():
    assert Gate().check("好" * 10_000, CUP, NOW).rule == "too-long"


def test_stops_are_logged_and_counted(caplog):
    judge = Gate()
    with caplog.at_level(logging.INFO):
        judge.check("国家级好杯子。", CUP, NOW)
    assert judge.stopped == {"superlative.state": 1}
    assert caplog.records[-1].rule == "superlative.state"
    assert caplog.records[-1].found == "国家级"


def test_is_fast_enough_for_every_sentence(shop):
    """Not a benchmark: an order of magnitude above the 5 ms a sentence may cost."""
    judge, jacket = Gate(shop), shop.products["jacket"]
    text = "品牌官方旗舰店2026年10月日常售价是269元，现在直播间到手179.9元，48小时内发货。"
    judge.check(text, jacket, NOW)
    started = time.process_time()
    for _ in range(20):
        assert judge.check(text, jacket, NOW).ok
    assert time.process_time() - started < 20 * 0.05


# --- disguises and masks ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "国家级",
        "国 家 级",
        "国-家.级",
        "国🎉家🎉级",
        "國家級",
        "国\u200b家\u200b级",
        "国/家/级",
        "【国】家【级】",
    ],
)
def test_disguises_of_one_word(text):
    assert JUDGE.check(f"这是{text}的杯子", CUP, NOW).rule == "superlative.state"


def test_found_is_what_stands_in_the_text():
    assert JUDGE.check("这是国 家-级的杯子", CUP, NOW).found == "国 家-级"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("小明", "小明"),
        ("加薇信abc呀", "***abc呀"),
        ("你个傻 逼", "你个***"),
        ("电话13812345678", "***********" + "**"),
        ("买ＶＸ找我", "买**找我"),
        ("看 t.me/abc", "看 *****abc"),
        ("这是最好的吗？199行不行", "这是最好的吗？199行不行"),
        ("换\u202e行\n了", "换行了"),
    ],
)
def test_shown_text_is_masked(text, shown):
    assert JUDGE.check_shown(text).text == shown


def test_shown_text_is_cut():
    assert len(JUDGE.check_shown("啊" * 500, most=24).text) == 24


# --- lists --------------------------------------------------------------------------------------


def test_every_safe_line_passes_in_every_language(shop):
    for language, lines in gate._safe_lines().items():
        judge = Gate(shop, language=language)
        for product in (None, *shop.products.values()):
            for text in (line for group in lines.values() for line in group):
                assert judge.check(text, product, NOW).ok, text


def test_every_category_has_a_safe_line_and_every_rule_a_source():
    text = "".join(path.read_text("utf-8") for path in BUILT_IN.glob("*.toml"))
    rules = load_rules()
    for lines in gate._safe_lines().values():
        assert {rule.category for rule in rules} <= set(lines)
    assert text.count("[[rule]]") == text.count("source = ") == text.count("title = ") == len(rules)
    assert len({rule.id for rule in rules}) == len(rules)
    assert all(rule.id.split(".")[0] == rule.category for rule in rules)


def test_every_rule_and_key_is_documented():
    text = (Path(__file__).parent.parent / "docs" / "gate.md").read_text("utf-8")
    assert [rule.id for rule in load_rules() if f"`{rule.id}`" not in text] == []
    assert [key for key in RuleText.model_fields if f"\n{key} = " not in text] == []


def test_own_list(tmp_path):
    own = tmp_path / "own.toml"
    own.write_text('[[rule]]\nid = "house"\nwords = ["隔壁老王家"]\nscope = "say"\n', "utf-8")
    verdict = Gate(wordlists=[own]).check("比隔壁 老王家的好看。", CUP, NOW)
    assert (verdict.rule, verdict.found) == ("house", "隔壁 老王家")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[[rule]]\nid = "a"\npatterns = ["("]\n', "own.toml:3: .*not a regular expression"),
        ('[[rule]]\nid = "a"\npatterns = ["x*"]\n', "matches the empty text"),
        ('[[rule]]\nid = "a"\nwords = ["，"]\n', "without letters"),
        ('[[rule]]\nid = "a"\ncolour = 1\n', "unknown key"),
        ('[[rule]]\nid = "a"\nsounds = ["加"]\n', "two characters or more"),
        ('[[rule]]\nid = "a"\naction = "drop"\n', "own.toml:3: .*replace"),
        ("", "rule: is required"),
        ("x = " + "[" * 4000, "is not valid TOML"),
    ],
)
def test_wrong_list(tmp_path, text, said):
    own = tmp_path / "own.toml"
    own.write_text(text, "utf-8")
    with pytest.raises(ConfigError, match=said):
        Gate(wordlists=[own])


def test_catalog_may_be_a_function(shop):
    judge = Gate(lambda: shop)
    assert judge.check("保温杯现在89元。", shop.products["jacket"], NOW).ok


# --- lists that are saved while the show runs ---------------------------------------------------

HOUSE = '[[rule]]\nid = "house"\ntitle = "竞品"\nwords = ["{word}"]\nscope = "say"\n'


def test_a_saved_list_is_taken_up_and_a_broken_one_leaves_the_old_in_force(tmp_path):
    own = tmp_path / "own.toml"
    own.write_text(HOUSE.format(word="隔壁老王家"), "utf-8")
    judge = Gate(wordlists=lambda: sorted(tmp_path.glob("*.toml")))
    assert not judge.rules.changed()
    assert judge.check("比隔壁老王家好看。", CUP, NOW).rule == "house"

    own.write_text(HOUSE.format(word="对门小李家"), "utf-8")
    assert judge.rules.changed() and judge.rules.reload() == ()
    assert judge.check("比隔壁老王家好看。", CUP, NOW).ok
    assert judge.check("比对门小李家好看。", CUP, NOW).rule == "house"

    own.write_text('[[rule]]\nid = "house"\npatterns = ["("]\n', "utf-8")
    problems = judge.rules.reload()
    assert "own.toml:3" in problems[0] and problems == judge.rules.problems
    assert not judge.rules.changed()  # a broken file is reported once
    assert judge.check("比对门小李家好看。", CUP, NOW).rule == "house"

    (tmp_path / "more.toml").write_text(HOUSE.format(word="楼下阿姨家"), "utf-8")
    own.unlink()
    assert judge.rules.changed() and judge.rules.reload() == () and not judge.rules.problems
    assert judge.check("比楼下阿姨家好看。", CUP, NOW).rule == "house"
    assert judge.rules.version == 3


def test_the_show_takes_up_saved_lists_and_writes_it_down(tmp_path, monkeypatch, caplog):
    own = tmp_path / "own.toml"
    own.write_text(HOUSE.format(word="隔壁老王家"), "utf-8")
    judge, audit = Gate(wordlists=[own]), []
    state = SimpleNamespace(audit=lambda kind, **what: audit.append((kind, what)))
    monkeypatch.setattr(saved, "RELOAD_SECONDS", 0.005)

    async def until(holds):
        async with asyncio.timeout(5):
            while not holds():  # noqa: ASYNC110  (a file in a thread, no event to wait on)
                await asyncio.sleep(0.005)

    async def main():
        files = saved.Saved(None, judge.rules, state, None)
        watching = asyncio.ensure_future(files.wordlists())
        own.write_text(HOUSE.format(word="对门小李家"), "utf-8")
        await until(lambda: audit)
        own.write_text("[[rule]]\nid = 5\n", "utf-8")
        await until(lambda: judge.rules.problems)
        watching.cancel()

    asyncio.run(main())
    assert audit == [("reload", {"wordlists": 2})]
    assert "word lists not reloaded" in caplog.text
    assert not judge.check("比对门小李家好看。", CUP, NOW).ok


def test_a_noted_word_goes_on_air_and_is_counted(tmp_path, caplog):
    own = tmp_path / "own.toml"
    own.write_text(HOUSE.format(word="老客户") + 'action = "note"\n', "utf-8")
    judge = Gate(wordlists=[own])
    with caplog.at_level(logging.INFO):
        assert judge.check("欢迎老客户。", CUP, NOW).ok
    assert judge.noted == {"house": 1} and not judge.stopped
    assert caplog.records[-1].rule == "house"


@pytest.mark.parametrize(
    ("keys", "text", "ok"),
    [
        ('sounds = ["隔壁老王"]', "比葛壁老汪好。", False),
        ('sounds = ["隔壁老王"]', "比ge bi lao wang好。", False),
        ('sounds = ["隔壁老王"]', "比隔壁小王好。", True),
        ('words = ["老王家"]\nmirror = true', "比家王老好。", False),
        ('words = ["老王家"]\nneeds = "比"', "比老王家好。", False),
        ('words = ["老王家"]\nneeds = "贵"', "比老王家好。", True),
        ('words = ["老王家"]\ndeniable = true', "我们不说老王家。", True),
        ('words = ["老王家"]\ndeniable = true', "不说老王家是不行的，我说的就是老王家。", False),
        ('words = ["老王家"]\nallow = ["去老王家"]', "去老王家串门。", True),
    ],
)
def test_keys_of_a_rule(tmp_path, keys, text, ok):
    own = tmp_path / "own.toml"
    own.write_text(f'[[rule]]\nid = "house"\nscope = "say"\n{keys}\n', "utf-8")
    assert Gate(wordlists=[own]).check(text, CUP, NOW).ok == ok


# --- denials ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "claim", "is_denied"),
    [
        ("没有最低价这一说。", "最低价", True),
        ("它不是药，不能治病。", "治病", True),
        ("不能治病，也不能代替药品。", "治病", True),
        ("我不敢说是最好的。", "最好", True),
        ("最低价这种话我不敢说。", "最低价", True),
        ("不是不能治病。", "治病", False),
        ("不是最好的我们不卖。", "最好", False),
        ("难道不是最好的吗？", "最好", False),
        ("是不是最好的？", "最好", False),
        ("谁说不是最好的。", "最好", False),
        ("不能不说是最好的。", "最好", False),
        ("不是我吹，这是最好的。", "最好", False),
        ("不是我吹这是最好的。", "最好", False),
        ("不用吃药就能治病。", "治病", False),
        ("别加别人的微信，我的是abc123。", "微信", False),
        ("不能治病你来找我。", "治病", False),
        ("不是最好，而是顶级。", "最好", False),
        ("最好的。没有。", "最好", False),
    ],
)
def test_only_a_plain_denial_is_one(text, claim, is_denied):
    start = text.index(claim)
    assert denied(text, start, start + len(claim)) == is_denied


CHAT = """多少钱
165 110斤穿什么码
有没有黑色的
什么时候发货呀
主播你是真人吗
跟优衣库同号吗
中央空调房里穿会冷吗
新疆能发吗？我在乌鲁木齐
我妈妈能穿吗，她170
最便宜的是哪款
这个能治感冒吗哈哈
2号链接讲一下
第一次来，关注了
学生党预算100以内
99.9能不能再少点
好看好看，已拍
上次买的杯子漏水了怎么办
退货地址在哪里
尾号不记得了，订单怎么查
微胖能穿吗
为什么我这边卡
加绒的有吗
卫衣外面能套吗
这位新来的宝宝说得对
20:30还播吗
666666""".split("\n")


@pytest.mark.parametrize("text", CHAT)
def test_what_viewers_ask_is_shown_as_it_is(text):
    assert JUDGE.check_shown(text).text == text
