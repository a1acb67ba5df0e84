"""Cutting text into what can be spoken at once."""

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livehost.brain.sentences import FIRST, MOST, from_stream, joined, speakable, split


def streamed(pieces):
    async def source():
        for piece in pieces:
            yield piece

    async def main():
        return [sentence async for sentence in from_stream(source())]

    return asyncio.run(main())


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("", []),
        ("。。。！", []),
        ("你好呀，欢迎来。今天有三款！", ["你好呀，欢迎来。", "今天有三款！"]),
        ("现在199.9元，3:30开始。好的。", ["现在199.9元，3:30开始。好的。"]),
        ("他说“你好。再见。”然后走了。", ["他说“你好。再见。”然后走了。"]),
        ("真的吗？！真的好看……走吧走吧走吧。", ["真的吗？！真的好看……", "走吧走吧走吧。"]),
        ("第一行文字在这\n第二行文字在这", ["第一行文字在这", "第二行文字在这"]),
        ("Dr. Smith paid 3.5 yuan. Really? Yes, it is true.",
         ["Dr. Smith paid 3.5 yuan.", "Really? Yes, it is true."]),
        ("Visit example.com today please. Thank you so much.",
         ["Visit example.com today please.", "Thank you so much."]),
        ("Good question, Leo. Yes.", ["Good question, Leo. Yes."]),
        ("只有一句没有句号", ["只有一句没有句号"]),
    ],
)  # fmt: skip
def test_split(text, sentences):
    assert split(text) == sentences


def test_joined_sentences_read_like_the_text():
    for text in ("我看到了。现在79元。", "Leo, I see it. It is 79 yuan now.", "Wow!!", ""):
        assert joined(split(text)) == text


def test_the_first_sentence_is_cut_early_but_not_before_a_stump():
    long = "我看了一下尺码表上的数字，您说的身高体重对应的码数是这样的，请您再核对一下看看。"
    first = split(long)[0]
    assert first.endswith("，") and len(first) < FIRST + 15
    assert len(split("我看了一下商品卡上面的尺码表，拍这个。")) == 1


@pytest.mark.parametrize("text", ["啊" * 300, "一二三，" * 60, "word " * 200, "1234567890" * 30])
def test_long_texts_are_cut(text):
    sentences = split(text)
    assert len(sentences) > 1
    assert all(sum(0.5 if c.isascii() else 1 for c in s) <= MOST * 2 for s in sentences)


@pytest.mark.parametrize("number", ["199.90", "3:30", "1,999", "UPF50"])
def test_numbers_stay_whole(number):
    for pad in range(30, 60):
        text = "价" * pad + number + "元，" + "后" * 50
        assert any(number in sentence for sentence in split(text)), pad


TEXTS = st.text("好的，。！？…“”（） \nabc.Dr 0123456789:；、", max_size=150)


@settings(deadline=None)
@given(TEXTS)
def test_nothing_that_can_be_said_is_lost(text):
    def kept(pieces):
        return "".join(c for c in "".join(pieces) if c.isalnum())

    sentences = split(text)
    assert kept(sentences) == kept(text)
    assert all(speakable(s) and s == s.strip() for s in sentences)


@settings(deadline=None)
@given(TEXTS, st.lists(st.integers(1, 9), min_size=1, max_size=20))
def test_a_stream_says_the_same_however_it_is_cut(text, sizes):
    pieces, at, n = [], 0, 0
    while at < len(text):
        pieces.append(text[at : at + sizes[n % len(sizes)]])
        at, n = at + sizes[n % len(sizes)], n + 1
    said = "".join(c for s in streamed(pieces) for c in s if c.isalnum())
    assert said == "".join(c for c in text if c.isalnum())
    assert all(speakable(s) for s in streamed(pieces))


def test_a_stream_speaks_before_it_ends():
    seen = []

    async def source():
        for piece in ["你好呀，欢迎", "来。今天", "有三款", "好东西。"]:
            seen.append(piece)
            yield piece

    async def main():
        async for sentence in from_stream(source()):
            return sentence, len(seen)
        return None

    assert asyncio.run(main()) == ("你好呀，欢迎来。", 2)
