"""Realistic questions against the demo cards: the right fact, or honestly none."""

import asyncio
from pathlib import Path

import pytest

from livehost.brain.chat.classes import meant, read
from livehost.brain.gate import Gate
from livehost.brain.reply import GroundedReplier, Question
from tests.demo_shop import NOW, demo_catalog

FILE = Path(__file__).parent / "data" / "questions.txt"
NOT_ON_IT = ("卡上没", "没有写", "客服", "查不到", "没有提到", "没有这一项", "找不到", "没有依据")


def questions():
    """Return (product, question, words of which one must be said) in the order of the file."""
    rows, product = [], ""
    for line in FILE.read_text("utf-8").splitlines():
        if line.startswith("["):
            product = line.strip("[]")
        elif "=>" in line and line[0] != "#":
            text, wanted = line.split(" => ")
            words = [w for w in wanted.split("|") if w != "?"]
            rows.append((product, text, words + list(NOT_ON_IT) * ("?" in wanted)))
    return rows


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    return demo_catalog(tmp_path_factory.mktemp("shop"))


def asked(shop, half):
    """Return (product, question, answer, intent, whether it is right) of one half."""
    rows, gate = questions(), Gate(shop)

    async def main():
        told = []
        for number, (product, text, wanted) in enumerate(rows):
            if half is not None and number % 2 != half:
                continue
            replier = GroundedReplier(shop, now=lambda: NOW)
            card = shop.products[product]
            question = Question(meant(text), product=card, of=read(text).of.value)
            answer = replier.reply(question)
            sentences = [sentence async for sentence in answer]
            assert all(gate.check(s, card, NOW).ok for s in sentences), (text, sentences)
            said = "".join(sentences)
            right = any(word in said for word in wanted)
            told.append((product, text, said, answer.intent, right))
        return told

    return asyncio.run(main())


def test_there_are_sixty_of_each_product():
    products = [product for product, _, _ in questions()]
    assert all(products.count(product) >= 60 for product in ("jacket", "bottle", "nuts"))


@pytest.mark.parametrize(("half", "least"), [(0, 0.94), (1, 0.9)])
def test_most_questions_get_the_right_fact(shop, half, least):
    told = asked(shop, half)
    right = sum(row[-1] for row in told)
    assert right / len(told) >= least, [row[:3] for row in told if not row[-1]]
