"""The waiting line: what goes first, what is dropped, and that nobody waits for ever."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livehost.brain.chat.breath import CROWDED, MANY, MOST_KINDS, MOST_PASSED
from livehost.brain.chat.inbox import AGEING, MOST, MOST_ALIKE, STALE, Inbox
from livehost.brain.chat.kinds import Sort, is_question, product_in
from livehost.brain.reply.situation import complaint

from .show_parts import comment, social


def about(text):
    return next((p for p in ("tea", "cup") if p in text), None)


def taken(inbox, now=0.0, product="tea", **more):
    texts = []
    while waiting := inbox.take(now, product, **more):
        texts.append(waiting.message.text)
    return texts


def test_order():
    inbox = Inbox(about=about)
    for n, text in enumerate(["唱首歌", "你好", "掉色吗", "cup掉色吗", "tea掉色吗"]):
        inbox.add(comment(text, f"u{n}"), 0.0)
    assert taken(inbox, product="tea") == ["tea掉色吗", "掉色吗", "cup掉色吗", "你好", "唱首歌"]


def test_waiting_makes_up_for_rank():
    inbox = Inbox(about=about)
    inbox.add(comment("包邮吗", "a"), 0.0)
    inbox.add(comment("tea多少钱", "b"), AGEING - 1)
    assert inbox.best(AGEING, "tea").message.text == "tea多少钱"
    inbox = Inbox(about=about)
    inbox.add(comment("包邮吗", "a"), 0.0)
    inbox.add(comment("tea多少钱", "b"), AGEING + 1)
    assert inbox.best(AGEING + 2, "tea").message.text == "包邮吗"


def test_nobody_starves_under_a_stream_of_better_questions():
    inbox = Inbox(about=about)
    inbox.add(comment("包邮吗", "old"), 0.0)
    for second in range(1, 100):
        inbox.add(comment(f"tea多少钱{second}", f"u{second}"), float(second))
        if inbox.take(float(second), "tea").message.user == "old":
            break
    assert second <= AGEING + 1


def test_full_drops_the_lowest_then_the_oldest():
    gone = []
    inbox = Inbox(lambda message, why: gone.append((message, why)), about, most=4)
    inbox.add(social("like", "a", id="like1"), 0.0)
    inbox.add(social("enter", "b", id="enter1"), 0.0)
    inbox.add(social("enter", "c", id="enter2"), 1.0)
    inbox.add(comment("多少钱", "d", id="q1"), 0.0)
    assert inbox.add(comment("几码", "e", id="q2"), 2.0)
    assert inbox.add(comment("有几码", "h", id="q2b"), 2.0), "the same question takes no room"
    assert inbox.add(comment("包邮吗", "f", id="q3"), 2.0)
    assert not inbox.add(social("like", "g", id="like2"), 3.0)
    assert [m for m, _ in gone] == ["like1", "enter1", "like2"]
    assert {why for _, why in gone} == {"full"} and len(inbox) == 5
    assert inbox.dropped["full"] == 3


def test_ten_thousand_messages_stay_bounded_and_keep_the_questions():
    inbox = Inbox(about=about)
    for n in range(10_000):
        kind = comment(f"问题{n}多少钱", f"u{n}") if n % 50 == 0 else social("like", f"u{n}")
        inbox.add(kind, n / 10_000)
    assert inbox._different == MOST and inbox.waiting(Sort.QUESTION) == 200
    assert inbox.dropped["full"] == 10_000 - len(inbox)


def test_three_of_one_viewer():
    inbox = Inbox()
    assert all(inbox.add(comment(f"第{n}个多少钱", "same"), 0.0) for n in range(3))
    assert not inbox.add(comment("第四个多少钱", "same"), 0.0)
    assert inbox.dropped["user_limit"] == 1
    inbox.take(0.0, None)
    assert inbox.add(comment("又一个多少钱", "same"), 0.0), "an answered one makes room"


def test_what_others_ask_already_is_not_counted_against_a_viewer():
    inbox = Inbox()
    inbox.add(comment("包邮吗", "other", id="theirs"), 0.0)
    assert all(inbox.add(comment(f"第{n}个多少钱", "same"), 0.0) for n in range(3))
    assert inbox.add(comment("包邮吗？", "same", id="ours"), 0.0)
    assert not inbox.add(comment("可以退吗", "same"), 0.0), "nobody asks that yet"
    assert inbox.take(0.0, None).ids[:2] == ("theirs", "ours")


def test_the_same_question_is_answered_once():
    inbox = Inbox()
    for n in range(5):
        inbox.add(comment("多少 钱？" if n % 2 else "多少钱", f"u{n}", id=str(n)), float(n))
    first = inbox.take(5.0, None)
    assert first.message.id == "0" and first.same == ("1", "2", "3", "4") and not len(inbox)


def test_stale_messages_leave():
    inbox = Inbox()
    inbox.add(comment("多少钱", "a"), 0.0)
    inbox.add(comment("你好", "b"), 0.0)
    assert inbox.best(STALE[Sort.QUESTION] - 1, None).message.text == "多少钱"
    assert inbox.best(max(STALE.values()) + 1, None) is None
    assert inbox.dropped["stale"] == 2 and len(inbox) == 0


def test_put_back_keeps_its_place():
    inbox = Inbox()
    for n in range(3):
        inbox.add(comment(f"{n}号漏水吗", f"u{n}"), float(n))
    first = inbox.take(3.0, None)
    inbox.put_back(first)
    assert taken(inbox, 3.0) == ["0号漏水吗", "1号漏水吗", "2号漏水吗"]


CROWD = ("多少钱", "158 100斤穿什么码", "包邮吗", "还有货吗", "172 140斤选啥", "可以退吗", "怎么洗")


def crowded(texts=CROWD):
    inbox = Inbox(about=about)
    for n, text in enumerate(texts):
        inbox.add(comment(text, f"u{n}", id=str(n)), 0.1 * n)
    return inbox


def test_when_many_wait_one_breath_answers_several_about_the_same_product():
    inbox = crowded()
    first = inbox.take(1.0, "tea")
    assert first.ids == ("0", "2", "3", "5", "1", "4"), "short answers, then sizes"
    assert first.left == len(inbox) == 1 and inbox.take(1.0, "tea").message.text == "怎么洗"


def test_what_a_breath_says_already_answers_all_who_ask_for_it():
    colours = [f"有{colour}色吗" for colour in "红黑白蓝绿黄紫粉灰"]
    first = crowded(["多少钱", *colours, "两件多少钱"]).take(1.0, "tea")
    assert len(first.ids) == len(colours) + 2


def test_a_breath_is_about_one_product_and_in_one_language():
    inbox = crowded(["多少钱", "cup多少钱", "how much is it", "tea包邮吗"])
    first = inbox.take(1.0, "tea")
    assert {first.message.text, *(w.message.text for w in first.also)} == {"多少钱", "tea包邮吗"}


def test_a_few_are_answered_one_by_one_and_long_answers_alone():
    assert crowded(CROWD[: MANY - 1]).take(1.0, "tea").also == ()
    assert crowded(["漏水吗", "怎么洗", "防晒吗", "保温多久"]).take(1.0, "tea").also == ()


def test_a_breath_that_is_put_back_is_as_it_was():
    inbox = crowded()
    inbox.put_back(inbox.take(1.0, "tea"))
    assert len(inbox) == len(CROWD)
    again = inbox.take(1.0, "tea")
    assert again.ids == ("0", "2", "3", "5", "1", "4") and again.left == 1
    assert not set(again.ids) & set(inbox.take(2.0, "tea").ids)


def test_who_asks_while_the_answer_is_made_is_answered_with_it():
    inbox = crowded(["多少钱", "还有货吗", "包邮吗"])
    first = inbox.take(1.0, "tea")
    for n, text in enumerate(("多少钱啊", "有优惠吗", "价格多少", "怎么洗", "cup多少钱")):
        inbox.add(comment(text, f"late{n}", id=f"late{n}"), 2.0)
    joined = inbox.join(first, 2.0, "tea")
    assert {"0", "1", "2", "late0", "late2"} <= set(joined.ids)
    assert not {"late1", "late3", "late4"} & set(joined.ids), "asks something else"
    assert len(inbox) == 3 and len(set(joined.ids)) == len(joined.ids)


def test_in_a_crowd_facts_and_sizes_are_answered_apart():
    sizes = [f"{150 + n} {90 + 2 * n}斤穿什么码" for n in range(CROWDED)]
    facts = crowded(["多少钱", "还有货吗", *sizes]).take(1.0, "tea")
    assert {w.of.value for w in (facts, *facts.also)} == {"price", "stock"}


def test_a_breath_in_a_crowd_leaves_what_few_ask_for_those_who_are_many():
    others = [f"cup第{n}个多少钱" for n in range(MOST_PASSED + 2) for _ in range(40)]
    first = crowded(["多少钱"] * 100 + ["还有货吗"] * 100 + others + ["可以退吗"]).take(1.0, "tea")
    assert {w.of.value for w in (first, *first.also)} == {"price", "stock"}
    few = crowded(["多少钱"] * 100 + ["可以退吗"] + others[:40]).take(1.0, "tea")
    assert {w.of.value for w in (few, *few.also)} == {"price", "service"}


def test_complaints_of_a_kind_get_one_apology_and_few_kinds_share_a_breath():
    broken = [f"收到第{n}个就是坏的，差评" for n in range(6)]
    first = crowded(
        [*broken, "客服没人理，投诉", "钱什么时候退款，骗子", "快递员态度恶劣，投诉"]
    ).take(1.0, "tea")
    assert set(first.ids) >= {str(n) for n in range(6)}
    kinds = {complaint(w.reading.plain) for w in (first, *first.also)}
    assert len(kinds) == MOST_KINDS


def test_comparisons_share_a_breath_and_nothing_else_does():
    texts = [
        "1号和2号哪个好",
        "和别家的有啥区别",
        "跟普通杯子比咋样",
        "漏水吗",
        "which one is better",
    ]
    first = crowded(texts).take(9.0, "tea", (Sort.QUESTION,))
    assert [w.message.text for w in (first, *first.also)] == texts[:3]


def test_the_largest_crowd_goes_first():
    texts = ["cup多少钱"] * 40 + ["多少钱"] * 200 + ["有什么颜色"]
    assert crowded(texts).take(30.0, "tea").message.text == "多少钱"


def test_what_a_viewer_was_asked_back_for_is_a_question():
    inbox = Inbox(awaited=lambda message: message.user == "asked")
    inbox.add(comment("2号", "asked"), 0.0)
    inbox.add(comment("2号", "other"), 0.0)
    taken = inbox.take(0.0, None, (Sort.QUESTION,))
    assert taken.message.user == "asked" and not taken.same
    assert inbox.take(0.0, None, (Sort.QUESTION,)) is None


def test_who_asks_the_same_again_waits_with_it():
    inbox = Inbox()
    for n in range(5):
        assert inbox.add(comment("多少钱", "same", id=str(n)), 0.0)
    assert inbox.take(0.0, None).ids == ("0", "1", "2", "3", "4")


def test_drain_takes_the_newest_of_one_sort():
    inbox = Inbox()
    for n in range(5):
        inbox.add(social("follow", f"u{n}"), float(n))
    inbox.add(social("gift", "g"), 0.0)
    assert [w.message.user for w in inbox.drain(Sort.FOLLOW, 3, 5.0)] == ["u2", "u3", "u4"]
    assert inbox.snapshot()["follow"] == 2 and inbox.snapshot()["gift"] == 1


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["ask", "talk", "like", "gift", "take", "drain"]), st.integers(0, 9)
        ),
        max_size=80,
    )
)
def test_size_is_always_what_is_inside(steps):
    inbox, now = Inbox(about=about, most=6), 0.0
    for what, n in steps:
        now += n * 7
        if what == "take":
            inbox.take(now, "tea")
        elif what == "drain":
            inbox.drain(Sort.LIKE, n, now) if n else None
        elif what in ("like", "gift"):
            inbox.add(social(what, f"u{n}"), now)
        else:
            inbox.add(comment("tea多少钱" if what == "ask" else "嗯", f"u{n}"), now)
        assert len(inbox) == sum(inbox.snapshot().values()) <= 6 * MOST_ALIKE
        assert inbox._different == sum(map(len, inbox._groups.values())) <= 6


@pytest.mark.parametrize(
    "text",
    [
        "多少钱", "有货吗", "我160 100斤穿什么码", "能便宜点不？", "几天到", "这个怎么洗", "包邮么",
        "how much is it", "Is it in stock", "什么时候发货", "介绍一下2号",
    ],
)  # fmt: skip
def test_questions(text):
    assert is_question(text)


@pytest.mark.parametrize("text", ["好看", "666", "你好", "主播好", "已拍", "哈哈哈", "nice", "👍"])
def test_no_questions(text):
    assert not is_question(text)


def test_the_longest_name_wins():
    names = {"a": ("杯",), "b": ("保温杯", "2号")}
    assert product_in("这个保温杯多少钱", names) == "b"
    assert product_in("杯子多少钱", names) == "a"
    assert product_in("多少钱", names) is None
