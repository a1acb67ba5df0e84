"""Scenes of a room as a listener hears them: what must be in an answer, and what must never be."""

import asyncio
import re
from dataclasses import dataclass

import pytest

from livehost.brain.catalog import Catalog, check
from livehost.brain.chat.classes import meant, read
from livehost.brain.gate import Gate
from livehost.brain.product import Product
from livehost.brain.reply import GroundedReplier, Question, host_names
from livehost.config import load_room
from tests.demo_shop import DEMO, NOW, demo_catalog, demo_room

HOST = load_room(DEMO / "room.toml")

AGAIN = "还是说|刚才说过|再说一遍|还是那句|又有朋友|再讲一遍|跟刚才|再报一次|新来的朋友"
NOT_KNOWN = "卡上没|没有写|查不到|没有提到|没有这一项|找不到|没有依据|资料里没有|没有写这"
WHICH = "直播间有|哪一?款|几号链接|哪件商品|商品名|说个名字|报个名字"
ASKED_BACK = f"^[^，。]*(?:{WHICH})"
OTHERS_SHOPS = "别家|别的牌子|别人家|不比|只说|只讲"
_HAN, _WORD = r"[\u4e00-\u9fff]", r"\b(?:it|is|pieces|size|yuan|the|card|stock|Height|Size)\b"
MIXED = f"{_HAN}.*{_WORD}|{_WORD}.*{_HAN}"


@dataclass(frozen=True)
class Scene:
    """One moment of a show.

    Attributes:
        product: on the card, "" when none is.
        of: the class of the (first) message, as the chat reads it.
        asked: the messages in one breath, parted by " / ".
        must: patterns that must all be heard.
        never: patterns that must not be heard.
        before: messages answered before, parted by " / ".
    """

    product: str
    of: str
    asked: str
    must: tuple[str, ...] = ()
    never: tuple[str, ...] = ()
    before: str = ""


def s(product, of, asked, must=(), never=(), before=""):
    as_tuple = lambda value: (value,) if isinstance(value, str) else tuple(value)  # noqa: E731
    return Scene(product, of, asked, as_tuple(must), as_tuple(never), before)


SCENES = [
    # --- "again" only before the same fact ------------------------------------------------------
    s("jacket", "quality", "会起球吗", NOT_KNOWN, AGAIN, before="有口袋吗"),
    s("jacket", "other", "谁有票", "", AGAIN, before="楼上说得对？"),
    s("jacket", "comparison", "跟上次那款一样吗", "", AGAIN, before="和别家的有啥区别"),
    s("", "quality", "怎么洗", WHICH, AGAIN, before="什么材质的"),
    s("jacket", "stock", "有红色吗", "云雾白", AGAIN, before="有黑色吗"),
    s("jacket", "delivery", "北京发不发", "北京", AGAIN, before="内蒙发吗"),
    s("jacket", "price", "多少钱", (AGAIN, "179.9元"), before="怎么卖"),
    s("bottle", "quality", "能保温几个小时", (AGAIN, "68度"), before="保温多久"),
    # --- one language in an answer --------------------------------------------------------------
    s("bottle", "stock", "what colors do you have", "cream white.*dark green", r"[\u4e00-\u9fff]"),
    s("jacket", "stock", "is there a green one", "green", r"[\u4e00-\u9fff]"),
    s("bottle", "stock", "in stock? / what colors / price?",
      ("560", "89 yuan"), r"[\u4e00-\u9fff]"),
    s("jacket", "quality", "is it good quality", "nylon|UPF", r"[\u4e00-\u9fff]"),
    s("bottle", "size", "170cm 65kg what size", ("size L", "jacket"), r"[\u4e00-\u9fff]"),
    s("jacket", "comparison", "what's the difference between 1 and 2",
      "jacket.*bottle", r"[\u4e00-\u9fff]"),
    s("nuts", "other", "how long does it keep", "", MIXED),
    s("jacket", "quality", "is it waterproof", "", MIXED),
    s("", "price", "price pls", "179.9 yuan.*89 yuan", r"[\u4e00-\u9fff]"),
    s("bottle", "service", "can i return it", "7 days", r"[\u4e00-\u9fff]"),
    # --- not asked back without need ------------------------------------------------------------
    s("", "size", "尺码怎么选呀", ("防晒衣", "身高"), ASKED_BACK),
    s("", "size", "有哪些尺码", ("防晒衣", "XXL"), ASKED_BACK),
    s("", "service", "七天无理由吗", ("都|三款", "7天无理由"), ASKED_BACK),
    s("", "service", "可以退吗", "7天无理由", ASKED_BACK),
    s("", "delivery", "内蒙包不包邮", "包邮", ASKED_BACK),
    s("", "delivery", "包邮吗", "包邮", ASKED_BACK),
    s("", "delivery", "新疆发吗", ("防晒衣", "新疆"), ASKED_BACK),
    s("", "delivery", "从哪发货", ("浙江杭州", "浙江永康", "安徽合肥"), ASKED_BACK),
    s("", "delivery", "多久发货", ("48小时", "24小时"), ASKED_BACK),
    s("", "price", "有优惠吗", ("防晒衣", "活动|优惠"), ASKED_BACK),
    s("", "comparison", "哪个保温效果更好", ("保温杯", "68度|保温"), ASKED_BACK),
    s("", "quality", "保质期多久", ("坚果", "240天"), ASKED_BACK),
    s("", "service", "能开发票吗", "发票", ASKED_BACK),
    s("", "quality", "怎么洗", WHICH),
    s("", "quality", "什么材质的", WHICH),
    # --- what another product knows -------------------------------------------------------------
    s("bottle", "quality", "透气不透气 夏天热", ("防晒衣", "网眼"), NOT_KNOWN),
    s("jacket", "quality", "能装咖啡不", ("保温杯|杯子", "咖啡"), NOT_KNOWN),
    s("jacket", "quality", "可以泡茶嘛", ("保温杯|杯子", "泡茶"), NOT_KNOWN),
    s("nuts", "quality", "可不可以机洗", ("防晒衣", "30度"), NOT_KNOWN),
    s("bottle", "quality", "甜不甜", ("坚果", "糖"), NOT_KNOWN),
    s("bottle", "quality", "防不防紫外线", ("防晒衣", "UPF50"), NOT_KNOWN),
    s("jacket", "other", "有拉链口袋吗", NOT_KNOWN, "保温杯|坚果"),
    s("jacket", "quality", "能装多少东西", "", "咖啡|480"),
    s("nuts", "quality", "会不会褪色", NOT_KNOWN, "坚果.*网眼"),
    # --- the right entry ------------------------------------------------------------------------
    s("jacket", "quality", "坚果有糖吗", "糖", "6种"),
    s("nuts", "quality", "放盐了没", "盐", "6种"),
    s("nuts", "other", "坚果都有哪几种", "核桃"),
    s("nuts", "other", "坚果里面有什么", "核桃"),
    s("bottle", "price", "直播间价多少，和页面一样不", "89元", OTHERS_SHOPS),
    s("jacket", "price", "价格和页面一样吗", "179.9元", OTHERS_SHOPS),
    s("jacket", "complaint", "快递员态度太差", ("客服", "快递员|态度|配送"), "到哪"),
    s("bottle", "complaint", "送货的小哥好凶 态度恶劣", "客服", "到哪|照片"),
    s("jacket", "complaint", "我的货到哪了 都五天没动了", "客服", "态度|照片"),
    s("jacket", "other", "你叫什么名字", ("小荷", "AI")),
    s("", "other", "主播叫啥", ("小荷", "AI")),
    s("bottle", "other", "what's your name", ("Xiaohe", "AI"), r"[\u4e00-\u9fff]"),
    s("jacket", "other", "你是真人吗", "AI"),
    # --- an unknown in a breath names its topic ----------------------------------------------
    s("bottle", "price", "多少钱 / 还有货吗 / 发顺丰还是邮政 / 胸围多少",
      ("89元", "560"), r"^(?:卡上没|资料里|这个我没|这一点请)|，卡上没有这一项"),
    s("jacket", "price", "多少钱 / 胸围多少",
      ("179.9元", "尺码|尺寸|胸围"), "^卡上没|^资料里|^这个"),
    s("bottle", "price", "多少钱 / 穿什么码",
      ("89元", "(?:保温杯|杯子).{0,4}(?:不分尺码|没有尺码|不用选码)"), "这款不用选码"),
    s("jacket", "size", "几码合适啊我啊", "身高|体重", NOT_KNOWN),
    s("jacket", "size", "肩宽窄穿m行不", "", "320件"),
    # --- figures with their word, and the crowd's question first ----------------------------------
    s("jacket", "delivery", "走什么物流 / 多少钱",
      ("发货|快递|路上", "(?:到手|价格|现在|拍下来|卖|防晒衣)179.9元"), "，179.9元"),
    s("jacket", "price", "有优惠吗 / 什么颜色 / 还有货吗",
      "^[^。]*(?:活动|优惠|立减)", "^[^。]*云雾白"),
    s("jacket", "delivery", "包邮吗 / 多少钱 / 什么颜色", "^[^，。]*(?:邮|运费)"),
    s("jacket", "price", "多少钱 / 有优惠吗", ("12月31日", "179.9元"), "179.9元.*179.9元"),
    s("jacket", "service", "可以退吗 / 多少钱 / 还有货吗", "^[^。]*(?:退|无理由)"),
    s("jacket", "stock", "还有货吗 / 158 90斤穿什么码 / 多少钱",
      ("^[^。]*320件", "S码", "179.9元")),
    s("jacket", "price", "any discount", "offer", "[Nn]o (?:other|extra|further)|[一-鿿]"),
    s("bottle", "price", "any discount for two?", "89 yuan", "with the offer|[一-鿿]"),
    s("bottle", "size", "170 65kg", ("防晒衣", "L码"), "size"),
    s("nuts", "quality", "怎么洗", NOT_KNOWN, "一小袋"),
    # --- order of words ----------------------------------------------------------------------
    s("jacket", "quality", "保温多久", ("保温杯", "68度"),
      "保温杯，(?:来回答|说说|回答一下|这个有写|卡上是|看商品卡|给大家|问到)|检测条件下，保温杯"),
    s("jacket", "quality", "能保温几个小时",
      (AGAIN, "68度"), "检测条件下，保温杯|保温杯，(?:再|又|刚)",
      before="保温多久"),
    s("bottle", "quality", "保质期多久", ("坚果", "240天"),
      "坚果礼盒，(?:来回答|说说|回答一下|这个有写|卡上是|看商品卡|给大家|问到)"),
    s("nuts", "comparison", "买1号还是3号", ("防晒衣", "坚果"), "坚果坚果"),
    # --- comparisons say what each is for ----------------------------------------------------
    s("", "comparison", "1号和2号哪个好呀",
      "(?:想|要).{0,3}防晒.{0,6}防晒衣.*保温杯", "不知道|排先后"),
    s("bottle", "comparison", "2和3有啥差别", ("保温杯", "坚果"), "防晒衣"),
    s("", "comparison", "选哪个好纠结", ("防晒衣", "保温杯", "坚果"), ASKED_BACK),
    s("jacket", "comparison", "和别家的有啥区别", "防晒衣", "保温杯"),
    # --- regions -----------------------------------------------------------------------------
    s("jacket", "delivery", "内蒙古发吗", "内蒙古(?:可以|能)|(?:可以|能)发内蒙古", "不在不发|名单"),
    s("jacket", "delivery", "do you ship to shanghai", "ship", "[Nn]ot excluded"),
    s("nuts", "delivery", "青海能送到吗", "青海", "名单"),
    s("bottle", "delivery", "西藏能发吗", "西藏", "可以发|可以拍"),
    # --- technical trouble ----------------------------------------------------------------------
    s("jacket", "other", "为什么没有声音", "(?:退出|刷新|重新进|重进)", NOT_KNOWN),
    s("", "other", "卡了", "退出|刷新|重新进|重进|网络", NOT_KNOWN),
    s("bottle", "other", "黑屏", "退出|刷新|重新进|重进", NOT_KNOWN),
    s("nuts", "other", "听不到啊", "退出|刷新|重新进|重进|音量", NOT_KNOWN),
    s("nuts", "other", "画面怎么不动了", "退出|刷新|重新进|重进|网络", NOT_KNOWN),
    s("jacket", "other", "声音太小了听不清", "音量|退出|刷新", NOT_KNOWN),
    s("jacket", "other", "I can't hear anything",
      "(?:again|volume|reload|reopen)", r"[\u4e00-\u9fff]"),
    s("bottle", "other", "盖子卡不卡手", "", "退出|刷新"),
    s("bottle", "other", "开盖有声音吗", "", "退出|刷新"),
    # --- about the show -----------------------------------------------------------------------
    s("jacket", "other", "几点开播的", "全天", NOT_KNOWN),
    s("", "other", "明天还播吗", "明天|每天|24", NOT_KNOWN),
    s("bottle", "other", "店铺叫什么宝", "小荷", NOT_KNOWN),
    s("jacket", "other", "什么时候下播", "播", NOT_KNOWN),
    s("nuts", "other", "你们店叫啥名字呀", "小荷的日常好物", NOT_KNOWN),
    s("nuts", "delivery", "明天发货吗", "24小时", "播"),
]  # fmt: skip


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    return demo_catalog(tmp_path_factory.mktemp("shop"))


@pytest.fixture(scope="module")
def room(tmp_path_factory):
    return demo_room(tmp_path_factory.mktemp("room"))


def question(shop, text, product, number, **more):
    return Question(
        meant(text),
        user=f"u{number}",
        product=shop.products.get(product),
        message=f"m{number}",
        of=read(text).of.value,
        **more,
    )


def told(shop, room, scene, seed):
    """Return the answer and its sentences, after what was answered before."""
    replier = GroundedReplier(
        shop, seed=seed, now=lambda: NOW, faq=room.show.faq, host=host_names(HOST)
    )

    async def main():
        numbers = iter(range(100))
        for text in scene.before.split(" / ") if scene.before else ():
            earlier = replier.reply(question(shop, text, scene.product, next(numbers)))
            assert [sentence async for sentence in earlier]
        asked = scene.asked.split(" / ")
        others = tuple(question(shop, t, scene.product, next(numbers)) for t in asked[1:])
        first = question(shop, asked[0], scene.product, next(numbers), together=others)
        answer = replier.reply(first)
        return answer, [sentence async for sentence in answer]

    return asyncio.run(main())


def test_there_are_enough_scenes():
    assert len(SCENES) >= 60


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: f"{scene.product}-{scene.asked}")
def test_scene(shop, room, scene):
    gate = Gate(shop)
    assert read(scene.asked.split(" / ")[0]).of.value == scene.of
    for seed in range(5):  # whichever wording is chosen
        answer, sentences = told(shop, room, scene, seed)
        text = "".join(sentences)
        assert text, scene.asked
        missing = [pattern for pattern in scene.must if not re.search(pattern, text)]
        heard = [pattern for pattern in scene.never if re.search(pattern, text)]
        assert not missing and not heard, (text, missing, heard)
        for sentence in sentences:
            verdict = gate.check(sentence, answer.product, NOW)
            assert verdict.ok, (sentence, verdict)


def test_the_check_reads_what_the_room_answers(tmp_path):
    room = demo_room(tmp_path)
    bad = room.show.faq[0].model_copy(update={"answer": "这是全网最低价"})
    show = room.show.model_copy(update={"faq": (*room.show.faq, bad)})
    problems = check(Catalog(room.model_copy(update={"show": show})), Gate(), NOW)
    assert len(problems) == 1 and f"show.faq.{len(room.show.faq)}.answer" in problems[0]


def test_english_is_of_texts_that_stand_on_the_card(shop):
    card = shop.products["jacket"].model_dump()
    card["english"] = {"云雾白色": "cloud white"}
    with pytest.raises(ValueError, match="云雾白色"):
        Product.model_validate(card)


def test_all_is_well_is_said_only_when_it_is(shop):
    for well in (False, True):
        replier = GroundedReplier(shop, now=lambda: NOW, well=lambda well=well: well)
        asked = question(shop, "没有声音", "jacket", 0)
        told = ["".join(said) for said in replier.variants(asked, 12)]
        assert any("正常" in text for text in told) is well
