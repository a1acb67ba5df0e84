"""Lines that must not go on air, near misses that must, on the demo shop's cards."""

import pytest

from livehost.brain.gate import Gate
from tests.demo_shop import LATER, NOW, demo_catalog

# (text, product on the card, rule that must stop it; "" lets it pass)
LINES = [
    # superlatives, straight and disguised
    ("这是国家级品质的衣服。", "jacket", "superlative"),
    ("国 家 级 工艺，放心穿。", "jacket", "superlative"),
    ("國家級的面料。", "jacket", "superlative"),
    ("这是最好的防晒衣。", "jacket", "superlative"),
    ("最*佳*选择。", "jacket", "superlative"),
    ("全网第一的保温杯。", "bottle", "superlative"),
    ("销量第一，闭眼入。", "bottle", "superlative"),
    ("我们是第一品牌。", "bottle", "superlative"),
    ("绝对不会掉色。", "jacket", "superlative"),
    ("顶级面料，独一无二。", "jacket", "superlative"),
    ("全网最低价。", "jacket", "superlative"),
    ("n o 1 的坚果。", "nuts", "superlative"),
    ("This is the best bottle ever.", "bottle", "superlative"),
    ("The cheapest jacket on the internet.", "jacket", "superlative"),
    ("ｂｅｓｔ quality.", "jacket", "superlative"),
    # near misses of superlatives
    ("最近天气热，大家出门注意防晒。", "jacket", ""),
    ("最后再看一眼颜色。", "jacket", ""),
    ("第一次来直播间的朋友，欢迎。", "jacket", ""),
    ("第一个问题，怎么洗？", "jacket", ""),
    ("第一时间告诉大家。", "jacket", ""),
    ("最好先量一下身高再选码。", "jacket", ""),
    ("大家最多问的是尺码。", "jacket", ""),
    ("最重要的是合身。", "jacket", ""),
    ("我会尽我所能讲清楚。", "jacket", ""),
    ("It is best to wash it in cold water.", "jacket", ""),
    # medical and effect claims
    ("这个坚果能降血压。", "nuts", "medical"),
    ("每天一袋，增强免疫力。", "nuts", "medical"),
    ("喝热水治疗感冒。", "bottle", "medical"),
    ("吃了七天见效。", "nuts", "medical"),
    ("助 眠 效果很好。", "nuts", "medical"),
    ("这款外套防辐射。", "jacket", "medical"),
    ("It cures everything.", "nuts", "medical"),
    ("它是普通食品，不能代替药品治疗。", "nuts", ""),
    ("这是普通食品，请先听医生的建议。", "nuts", ""),
    # forbidden claims of the product and of the room
    ("穿上它怎么都晒不黑。", "jacket", "medical"),
    ("穿上它能降温。", "jacket", "forbidden.jacket"),
    ("多吃坚果补脑。", "nuts", "medical"),
    ("坚果可以代餐。", "nuts", "forbidden.nuts"),
    ("今天全场清仓。", "jacket", "forbidden"),
    # false scarcity and pressure
    ("手慢无，赶紧拍。", "jacket", "scarcity"),
    ("最后几件了，再不拍就没了。", "jacket", "scarcity"),
    ("马上涨价，别犹豫。", "jacket", "scarcity"),
    ("今天不买明天后悔。", "jacket", "scarcity"),
    ("Hurry, almost gone!", "jacket", "scarcity"),
    ("不着急，想好再拍。", "jacket", ""),
    # luring away
    ("加我微信领优惠。", "jacket", "contact"),
    ("加 薇 信 聊。", "jacket", "contact"),
    ("v x 同号。", "jacket", "contact"),
    ("ⅴⅹ找我。", "jacket", "contact"),
    ("扣扣群见。", "jacket", "contact"),
    ("打我电话一三八一二三四五六七八。", "jacket", "contact"),
    ("联系13812345678。", "jacket", "contact"),
    ("去 taobao.com 买。", "jacket", "link"),
    ("请不要私下转账，注意交易安全。", "jacket", ""),
    # people and politics
    ("你这个傻逼。", "jacket", "abuse"),
    ("他妈的，真便宜。", "jacket", "abuse"),
    ("支持台独。", "jacket", "politics"),
    ("人民大会堂同款。", "jacket", "politics"),
    ("国旗一样红。", "jacket", "politics"),
    # identity
    ("我就是真人，放心。", "jacket", "impersonation"),
    ("I'm human, trust me.", "jacket", "impersonation"),
    ("我是AI生成的数字人，不是真人出镜。", "jacket", ""),
    # proof that the card does not give
    ("我们有检测报告。", "jacket", "unproven"),
    ("这是有机食品。", "nuts", "unproven"),
    ("假一赔十。", "jacket", "promise"),
    ("买一送一。", "jacket", "promise"),
    ("买两件送一件。", "jacket", "promise"),
    # prices
    ("现在只要179.9元。", "jacket", ""),
    ("到手一百七十九块九。", "jacket", ""),
    ("一百七十九块九毛。", "jacket", ""),
    ("¥179.90", "jacket", ""),
    ("现在只要199.9元。", "jacket", "price"),
    ("平时199.9元，现在179.9元。", "jacket", ""),
    ("只要99块。", "jacket", "price"),
    ("九十九块钱拿走。", "jacket", "price"),
    ("9块9包邮。", "jacket", "price"),
    ("九块九带走。", "jacket", "price"),
    ("只要九十九。", "jacket", "price"),
    ("才99。", "jacket", "price"),
    ("壹佰元就够了。", "jacket", "price"),
    ("不到一百块。", "jacket", "price"),
    ("几十块钱的事。", "jacket", "price"),
    ("一百多块。", "jacket", "price"),
    ("１７８元。", "jacket", "price"),
    ("只要八十九元。", "bottle", ""),
    ("两个一共178元。", "bottle", "price"),
    ("ninety nine yuan only.", "jacket", "price"),
    ("Now 179.9 yuan.", "jacket", ""),
    # compared prices and savings
    ("品牌官方旗舰店2026年10月日常售价269元。", "jacket", ""),
    ("原价269元，现在179.9元。", "jacket", ""),
    ("原价599元，现在179.9元。", "jacket", "price"),
    ("现在只要269元。", "jacket", "price"),
    ("专柜价999。", "jacket", "price"),
    ("今天立减89.1元。", "jacket", ""),
    ("直播间下单立减20元。", "jacket", ""),
    ("再减50元。", "jacket", "price"),
    ("全场八折。", "jacket", "price"),
    ("打五折。", "jacket", "price"),
    ("今天半价。", "jacket", "price"),
    ("50% off today.", "jacket", "figure"),
    # stock
    ("库存还有320件。", "jacket", ""),
    ("只剩20件了。", "jacket", "stock"),
    ("还剩五件。", "jacket", "stock"),
    ("最后三单。", "jacket", "stock"),
    ("Only two left!", "jacket", "stock"),
    ("320件现货。", "bottle", "stock"),
    # other figures
    ("UPF50+的面料。", "jacket", ""),
    ("UPF100+的面料。", "jacket", "figure"),
    ("百分之九十九的紫外线都挡住。", "jacket", "figure"),
    ("百分百纯棉。", "jacket", "figure"),
    ("48小时内发货。", "jacket", ""),
    ("24小时内发货。", "jacket", "figure"),
    ("支持七天无理由退换。", "jacket", ""),
    ("三十天无理由退换。", "jacket", "figure"),
    ("终身质保。", "bottle", "promise"),
    ("质保三年。", "bottle", "figure"),
    ("6小时不低于68度。", "bottle", ""),
    ("保温二十四小时。", "bottle", "figure"),
    ("容量500毫升。", "bottle", "figure"),
    ("已经卖了三万件。", "jacket", "figure"),
    ("十万人都在用。", "bottle", "figure"),
    ("含有12种坚果。", "nuts", "figure"),
    ("活动到12月31日23点59分结束。", "jacket", ""),
    ("活动到12月25日结束。", "jacket", "figure"),
    ("今晚八点恢复原价。", "jacket", "figure"),
    # the same hours, about something else
    ("48小时内发货，一般路上2到5天。", "bottle", ""),
    ("保温48小时。", "bottle", "figure"),
    ("保温48h。", "bottle", "figure"),
    ("6小时发货。", "bottle", "figure"),
    ("保温七天。", "bottle", "figure"),
    ("当天发货，次日达。", "bottle", "delivery-promise"),
    ("半斤装。", "nuts", "figure"),
    # prices without a number
    ("一杯奶茶钱就能带走。", "jacket", "vague-price"),
    ("今天打个对折。", "jacket", "vague-price"),
    ("50 off today.", "jacket", "price"),
    ("零头不要，收您一百八。", "jacket", "price"),
    ("倒计时，仅限今天。", "jacket", "scarcity"),
    ("最后一个问题，怎么洗？", "jacket", ""),
    # sizes
    ("身高165、体重110斤，拍M码。", "jacket", ""),
    ("身高165、体重110斤，拍XXL码。", "jacket", "figure"),
    ("有XXXL码。", "jacket", "size"),
    ("身高一米六五，体重五十五公斤，M码就可以。", "jacket", ""),
    # harmless counts and idioms
    ("今天带来三款好物。", None, ""),
    ("给我两分钟，慢慢讲。", None, ""),
    ("一起来看一号链接。", "jacket", ""),
    ("三、二、一，上链接。", "jacket", ""),
    ("一件一件慢慢看。", "jacket", ""),
    ("十分感谢，一百个放心。", "jacket", ""),
    ("一年四季都能用，两全其美。", "bottle", ""),
    ("辛苦了一天，喝口热水。", "bottle", ""),
    ("大家千万别放洗碗机。", "bottle", ""),
    # another product than the one on the card
    ("316不锈钢保温杯，现在89元。", "jacket", ""),
    ("保温杯现在179.9元。", "jacket", "price"),
    ("三号链接，79.9元。", "jacket", ""),
    ("只要79.9元。", None, "price"),
]  # fmt: skip


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    catalog = demo_catalog(tmp_path_factory.mktemp("shop"))
    return catalog, Gate(catalog)


@pytest.mark.parametrize(("text", "product", "rule"), LINES)
def test_line(shop, text, product, rule):
    catalog, gate = shop
    verdict = gate.check(text, catalog.products[product] if product else None, NOW)
    assert verdict.rule == rule, verdict
    assert verdict.ok == (rule == "")
    assert (verdict.text == text) == verdict.ok
    if not verdict.ok:
        assert gate.check(verdict.text, catalog.products["jacket"], NOW).ok, "unsafe safe line"


def test_list_is_long_enough_and_has_both_sides():
    stopped = sum(rule != "" for _, _, rule in LINES)
    assert len(LINES) >= 80 and stopped >= 60 and len(LINES) - stopped >= 30


@pytest.mark.parametrize(
    "text", ["现在只要179.9元。", "换季活动，立减20元。", "活动到12月31日结束。"]
)
def test_expired_promotion_is_not_spoken(shop, text):
    catalog, gate = shop
    assert gate.check(text, catalog.products["jacket"], NOW).ok
    assert not gate.check(text, catalog.products["jacket"], LATER).ok
