"""Answers under load and to what is no question: several at once, short, in other words, calm."""

import asyncio
import re
from itertools import pairwise

import pytest

from livehost.brain.chat.classes import meant, read
from livehost.brain.gate import Gate
from livehost.brain.reply import GroundedReplier, Question
from livehost.brain.reply.facts import slots_of
from livehost.brain.reply.grounded import MANY
from livehost.brain.reply.situation import COMPLAINTS, complaint
from livehost.brain.reply.size_chart import SEVERAL
from livehost.brain.reply.wording import _filled, _fitting, sentences, style_of
from livehost.brain.sentences import split
from tests.demo_shop import NOW, demo_catalog


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    return demo_catalog(tmp_path_factory.mktemp("shop"))


def question(shop, text, nickname="", product="jacket", number=0, **more):
    return Question(
        meant(text),
        nickname,
        nickname,
        shop.products.get(product),
        message=f"m{number}",
        of=read(text).of.value,
        **more,
    )


def said(replier, asked):
    async def main():
        return [sentence async for sentence in replier.reply(asked)]

    return asyncio.run(main())


def crowd(shop, *asked, waiting=MANY, product="jacket"):
    """Answer (nickname, text) pairs in one breath."""
    replier = GroundedReplier(shop, now=lambda: NOW)
    questions = [
        question(shop, text, nick, product, number=n) for n, (nick, text) in enumerate(asked)
    ]
    first = question(
        shop, asked[0][1], asked[0][0], product, together=tuple(questions[1:]), waiting=waiting
    )
    return said(replier, first)


def passes(shop, sentence, product="jacket"):
    return Gate(shop).check(sentence, shop.products.get(product), NOW).ok


# --- several at once ------------------------------------------------------------------------------


def test_each_viewer_gets_her_size_by_name(shop):
    told = crowd(shop, ("小明", "158 90斤穿什么码"), ("花花", "172 140斤选啥"), ("", "165 110斤"))
    text = "".join(told)
    assert re.search("小明.{1,2}S码", text) and re.search("花花.{1,2}XL码", text)
    assert re.search("165厘米110斤.{1,2}M码", text)
    assert all(passes(shop, sentence) for sentence in told)


def test_who_wears_the_same_shares_a_clause(shop):
    told = crowd(shop, ("小明", "172 140斤穿什么码"), ("", "180 75公斤"), ("", "165 110斤"))
    text = "".join(told)
    assert re.search("小明、180厘米75公斤都.XL码", text) and text.count("XL码") == 1
    assert re.search("165厘米110斤.{1,2}M码", text)
    told = crowd(shop, ("", "size for 172cm 70kg"), ("", "what size for 180cm 75kg"))
    assert "172 cm" in "".join(told) and "".join(told).count("size XL") == 1
    assert all(passes(shop, sentence) for sentence in told)


@pytest.mark.parametrize("text", ["尺码怎么选", "which size should i get"])
def test_several_without_measures_hear_the_size_table_once(shop, text):
    replier = GroundedReplier(shop, now=lambda: NOW)
    table = [row.name for row in shop.products["jacket"].size]

    def told(number, viewers):
        said_now = said(replier, question(shop, text, number=number, viewers=viewers))
        assert all(passes(shop, sentence) for sentence in said_now)
        return "".join(said_now)

    alone, several, again = told(0, 1), told(1, SEVERAL), told(2, SEVERAL)
    assert [name in several for name in table] == [True] * len(table)
    for asked in (alone, again):
        assert not re.search("[0-9]", asked), "asks for the measures"


def test_the_table_is_an_answer_and_no_question_back(shop):
    replier = GroundedReplier(shop, now=lambda: NOW)

    async def main():
        one = replier.reply(question(shop, "尺码怎么选", number=1))
        several = replier.reply(question(shop, "尺码怎么选", number=2, viewers=SEVERAL))
        return one.asked_back, several.asked_back

    assert asyncio.run(main()) == ({"m1"}, frozenset())


def test_colours_asked_for_one_by_one_are_told_as_a_list_with_the_stock(shop):
    text = "".join(crowd(shop, ("", "云雾白还有吗"), ("", "浅草绿还有吗"), ("", "雾霾蓝还有吗")))
    assert text.count("云雾白") == 1 and text.count("320") == 1


def test_a_price_after_free_postage_is_not_taken_for_postage(shop):
    told = crowd(shop, ("", "包邮吗"), ("", "多少钱"), ("", "还有货吗"))
    text = "".join(told)
    assert re.search("^[^。]*(?:邮|运费)", text), "what was asked first comes first"
    assert "179.9元" in text and not re.search("(?:邮|运费)[^。]*179.9元", text)


def test_price_stock_and_postage_share_a_sentence(shop):
    told = crowd(shop, ("", "多少钱"), ("", "还有货吗"), ("", "包邮吗"))
    assert len(told) == 1 and "179.9元" in told[0] and "320件" in told[0]
    assert "邮" in told[0] or "运费" in told[0]


def test_one_list_of_colours_for_all_who_ask_for_one(shop):
    told = "".join(crowd(shop, ("", "有红色吗"), ("", "有黑色的吗"), ("", "什么颜色")))
    assert told.count("云雾白") == 1 and "红" not in told


def test_the_answer_is_about_the_card_when_a_part_of_it_is(shop):
    replier = GroundedReplier(shop, now=lambda: NOW)
    price = question(shop, "多少钱", product="bottle")
    first = question(shop, "165 110斤", product="bottle", together=(price,), waiting=MANY)
    assert replier.reply(first).product.id == "bottle"
    told = said(replier, first)
    assert any("89元" in s for s in told) and any("防晒衣" in s and "M码" in s for s in told)
    assert all(passes(shop, sentence, "bottle") for sentence in told)


def test_nothing_is_said_twice_in_a_breath(shop):
    told = "".join(crowd(shop, ("a", "多少钱"), ("b", "这个咋卖的"), ("c", "1号链接多少钱")))
    assert told.count("179.9元") == 1


def test_what_has_no_short_answer_has_its_own_sentence(shop):
    told = crowd(shop, ("", "多少钱"), ("", "有几个口袋"), ("", "会不会闷"), ("", "可以退吗"))
    text = "".join(told)
    assert all(word in text for word in ("179.9元", "客服", "透气网眼", "7天无理由"))
    assert all(passes(shop, sentence) for sentence in told)


@pytest.mark.parametrize("product", ["jacket", "bottle", "nuts"])
def test_every_breath_passes_the_gate(shop, product):
    texts = (
        "多少钱", "有优惠吗", "还有货吗", "有红色吗", "什么颜色", "包邮吗", "新疆发吗", "几天到",
        "165 110斤", "120斤穿什么码", "可以退吗", "保修多久", "怎么下单", "是正品吗", "傻逼主播",
    )  # fmt: skip
    for start in range(len(texts)):
        chosen = [("小明" if n % 2 else "", texts[(start + n) % len(texts)]) for n in range(6)]
        for sentence in crowd(shop, *chosen, product=product):
            assert passes(shop, sentence, product), (product, sentence)


def test_abuse_among_them_gets_no_answer(shop):
    assert crowd(shop, ("a", "傻逼主播"), ("b", "滚"), waiting=0) == []


def test_many_waiting_make_an_answer_short(shop):
    calm = said(GroundedReplier(shop, now=lambda: NOW), question(shop, "包邮吗"))
    many = [
        "".join(said(GroundedReplier(shop, seed=n), question(shop, "包邮吗", waiting=MANY)))
        for n in range(20)
    ]
    assert max(map(len, many)) <= 8 and calm


# --- again ----------------------------------------------------------------------------------------


def again(shop, text, times, apart=0.0, nickname=""):
    async def main():
        replier, told = GroundedReplier(shop, now=lambda: NOW), []
        for n in range(times):
            asked = question(shop, text, nickname, number=n)
            told.append("".join([s async for s in replier.reply(asked)]))
        return told

    return asyncio.run(main())


def test_the_same_again_is_shorter_and_in_other_words(shop):
    told = again(shop, "什么时候发货", 8)
    assert len(set(told)) == 8
    assert sum(map(len, told[1:])) / 7 < len(told[0]) * 1.6
    leads = style_of("zh").wordings["_again"]["say"]
    assert all(text.startswith(leads) for text in told[1:]) and not told[0].startswith(leads)


def test_a_stored_answer_stands_as_it_is_after_other_words(shop):
    told = again(shop, "会不会闷", 5)
    answer = "面料本身比较薄，腋下和后背做了透气网眼，夏天通勤穿不会很闷"
    assert len(set(told)) == 5 and all(answer in text for text in told)


def test_a_viewer_is_called_by_name(shop):
    assert all("花花" in text for text in again(shop, "多少钱", 5, nickname="花花"))
    assert "很长很长很长的名字" not in again(shop, "多少钱", 1, nickname="很长很长很长的名字")[0]


def test_nobody_is_told_again_what_is_no_fact(shop):
    leads = style_of("zh").wordings["_again"]["say"]
    for text in ("唱首歌", "主播好", "我的货还没到", "你好漂亮"):
        told = again(shop, text, 6)
        assert not any(part.startswith(leads) for part in told)
        assert all(a != b for a, b in pairwise(told))


# --- what the chat knows --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("我的货还没到", "complaint_late"), ("等了一个星期了还没发", "complaint_late"),
        ("收到就是坏的", "complaint_broken"), ("给我发错颜色了", "complaint_wrong"),
        ("客服没人理", "complaint_service"), ("退款怎么还不到账", "complaint_money"),
        ("差评", "complaint"), ("😡😡", "complaint"), ("说好的第二天到呢", "complaint"),
    ],
)  # fmt: skip
def test_a_complaint_gets_an_apology_of_its_kind_and_no_promise(shop, text, kind):
    assert read(text).of == "complaint"
    assert complaint(text) == kind
    told = "".join(said(GroundedReplier(shop), question(shop, text)))
    assert re.search("抱歉|对不起|不好意思|赔个不是", told) and "客服" in told
    assert not re.search("一定|保证|马上|赔偿|补发|退给", told)


def test_every_kind_of_complaint_leads_to_the_official_service():
    for key in [*(key for key, _ in COMPLAINTS), "complaint"]:
        parts = style_of("zh").wordings[key]
        assert all("客服" in text for text in parts["then"] + parts["brief"]), key


@pytest.mark.parametrize("text", ["垃圾主播滚", "主播丑死了", "you suck"])
def test_abuse_that_only_the_chat_knows_is_not_answered(shop, text):
    assert said(GroundedReplier(shop), question(shop, text)) == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("666", "谢|暖|开心"), ("👍👍", "谢|暖|开心"), ("冲冲冲", "谢|暖|开心"),
        ("1号和2号哪个好", "防晒衣.+保温杯"), ("跟别家的有啥区别", "别|比|只讲|只有"),
        ("唱首歌", "讲|商品|哪一款|说回|放一放|不|考住"),
    ],
)  # fmt: skip
def test_the_class_decides_what_words_alone_do_not(shop, text, words):
    told = "".join(said(GroundedReplier(shop), question(shop, text)))
    assert re.search(words, told), told


def test_measures_are_for_the_product_that_has_sizes(shop):
    told = "".join(said(GroundedReplier(shop), question(shop, "165 110斤穿什么码", product="nuts")))
    assert "防晒衣" in told and "M码" in told and passes(shop, told, "nuts")


def test_prices_of_all_when_nobody_knows_which(shop):
    told = said(GroundedReplier(shop, now=lambda: NOW), question(shop, "多少钱", product=""))
    text = "".join(told)
    assert all(price in text for price in ("防晒衣179.9元", "保温杯89元", "坚果79.9元"))
    assert all(passes(shop, sentence, "") for sentence in told)


# --- every wording --------------------------------------------------------------------------------


def slots_for(product, language):
    slots = slots_of(product, NOW, language)
    chinese = language == "zh"
    return slots | {
        "body": "身高165厘米、体重110斤" if chinese else "height 165 cm, weight 55 kg",
        "size": "M", "other": "L", "missing": "体重", "region": "新疆", "excluded": "新疆、西藏",
        "nick": "小明", "who": "花花", "that": "坚果", "that_point": "坚果是低温烘烤的，不油炸",
        "tall": "158到168", "heavy": "98到118", "prices": "防晒衣179.9元，保温杯89元",
        "stocks": "防晒衣库存320件，保温杯库存560个",
        "host": "小荷", "choices": "想防晒选防晒衣，想随身带热水选保温杯", "topic": "尺码",
        "each": "防晒衣从浙江杭州发货，保温杯从浙江永康发货", "common": "支持开发票",
        "all": "防晒衣、保温杯和坚果" if chinese else "the sun jacket and the nut box",
        "to": "坚果", "not_to": "防晒衣", "well": "我这边播出是正常的",
    }  # fmt: skip


def told_all(parts, slots, style):
    """Yield each sentence that a situation can be worded as."""
    more = _fitting(parts.get("then", ()), slots)
    more = more or ["", *_fitting(parts.get("more", ()), slots)]
    for say in _fitting(parts["say"], slots):
        for then in more:
            joined = _filled(say, slots) + (style.comma + _filled(then, slots) if then else "")
            yield from sentences(joined + style.stop)
    for brief in _fitting(parts.get("brief", ()), slots):
        for lead in ("", style.wordings["_again"]["say"][0]):
            yield from sentences(lead + _filled(brief, slots) + style.stop)


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("name", ["jacket", "bottle", "nuts"])
def test_the_gate_lets_every_wording_pass(shop, language, name):
    product, gate, style = shop.products[name], Gate(shop), style_of(language)
    gone = product.model_copy(update={"stock": 0})
    slots = slots_for(product, language)
    for key, parts in style.wordings.items():
        sized = "size" in key and key != "sizes"
        if key in ("_again", "_about", "_topics", "size_half") or (sized and name != "jacket"):
            continue
        about = gone if key == "sold_out" else product
        for sentence in dict.fromkeys(told_all(parts, slots, style)):
            assert gate.check(sentence, about, NOW).ok, (key, sentence)
    for faq in product.faq:
        for lead in style.wordings["_about"]["say"] + style.wordings["_again"]["say"]:
            assert all(gate.check(s, product, NOW).ok for s in split(lead + faq.answer))
