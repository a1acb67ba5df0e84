"""What every prompt begins with is sent ahead, once a product, and never in the way."""

import asyncio
import json
from contextlib import suppress

import pytest

from livehost.brain.gate import Gate
from livehost.brain.reply import GroundedReplier, OpenAIReplier, Question, keep_warm, warm
from livehost.brain.reply.budget import tokens
from livehost.brain.reply.prompt import beginning, messages
from livehost.clock import VirtualTimeLoop
from livehost.config import Reply
from livehost.errors import Transient
from tests.demo_shop import NOW, demo_catalog


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    return demo_catalog(tmp_path_factory.mktemp("shop"))


class Asked(OpenAIReplier):
    """Notes what would be sent, and when a request was cancelled."""

    def __init__(self, shop, seconds=3.0, **settings):
        reply = Reply(engine="openai", base_url="http://x/v1", model="m", **settings)
        grounded = GroundedReplier(shop, now=lambda: NOW)
        super().__init__(reply, grounded, Gate(shop), now=lambda: NOW)
        self.seconds, self.sent, self.cancelled, self.error = seconds, [], 0, None
        self.address = "http://x/v1"

    def _server(self):
        if not self.address:
            raise Transient("loading")
        return self.address, ""

    async def _post(self, body):
        self.sent.append(body)
        if self.error:
            raise self.error
        try:
            await asyncio.sleep(self.seconds)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise


def shown(shop, replier, course, seconds=40.0):
    """Keep warm while products come on air: (second, id)."""

    async def main():
        on_air = {"id": course[0][1]}
        keeping = asyncio.ensure_future(keep_warm(replier, lambda: shop.products.get(on_air["id"])))
        loop, begin = asyncio.get_running_loop(), asyncio.get_running_loop().time()
        for at, product in [*course[1:], (seconds, "")]:
            await asyncio.sleep(begin + at - loop.time())
            on_air["id"] = product
        keeping.cancel()
        with suppress(asyncio.CancelledError):
            await keeping

    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        runner.run(main())
    return replier.sent


def test_what_is_sent_ahead_is_how_every_question_begins(shop):
    jacket = shop.products["jacket"]
    ahead = beginning(jacket, "zh", NOW)
    for question in (
        Question("多少钱", product=jacket),
        Question("x", product=jacket, heard=("a",)),
    ):
        system, user = messages(question, "zh", NOW)
        assert system == ahead[0] and user["content"].startswith(ahead[1]["content"])
    assert len(ahead[1]["content"]) > 500 and "179.9元" in ahead[1]["content"]


def test_one_request_of_one_token_for_each_product(shop):
    sent = shown(shop, Asked(shop, warm=True), [(0, "jacket"), (10, "bottle"), (20, "jacket")])
    assert [body["max_tokens"] for body in sent] == [1, 1, 1]
    said = [body["messages"][1]["content"] for body in sent]
    assert [("防晒衣" in text, "保温杯" in text) for text in said] == [
        (True, False), (False, True), (True, False),
    ]  # fmt: skip


def test_nothing_is_sent_twice_while_nothing_changes(shop):
    assert len(shown(shop, Asked(shop, warm=True), [(0, "jacket")], 300.0)) == 1


def test_it_ends_when_the_product_moves_on(shop):
    replier = Asked(shop, warm=True, seconds=60.0)
    sent = shown(shop, replier, [(0, "jacket"), (5, "bottle")], 8.0)
    assert len(sent) == 2 and replier.cancelled == 2


def test_a_server_elsewhere_is_not_warmed_unless_asked_for(shop):
    assert shown(shop, Asked(shop), [(0, "jacket")]) == []
    local = Asked(shop)
    local._warms = True
    assert len(shown(shop, local, [(0, "jacket")])) == 1
    never = Asked(shop, warm=False)
    never._warms = True
    assert shown(shop, never, [(0, "jacket")]) == []


def test_the_budget_bounds_it_and_pays_for_it(shop):
    prompt = beginning(shop.products["jacket"], "zh", NOW)
    needed = sum(tokens(part["content"]) for part in prompt)
    poor = Asked(shop, warm=True, most_tokens_per_hour=needed - 1)
    assert shown(shop, poor, [(0, "jacket")]) == []
    rich = Asked(shop, warm=True, most_tokens_per_hour=needed + 10)
    assert len(shown(shop, rich, [(0, "jacket"), (10, "bottle")])) == 1
    assert rich._budget.left(20.0) <= 10


def test_not_while_the_server_is_left_alone(shop):
    replier = Asked(shop, warm=True)
    replier._breaker.bad(0.0, broken=True)  # for thirty seconds
    assert shown(shop, replier, [(0, "jacket")], 25.0) == []
    assert len(shown(shop, Asked(shop, warm=True), [(0, "jacket")], 25.0)) == 1


def test_what_fails_is_tried_again_later_and_breaks_nothing(shop):
    replier = Asked(shop, warm=True)
    replier.error = Transient("no")
    sent = shown(shop, replier, [(0, "jacket")], 5 * warm.AGAIN_SECONDS)
    assert 3 <= len(sent) <= 5 and not replier._breaker.open(0.0)


def test_a_server_that_is_loading_is_waited_for_and_a_new_one_is_warmed(shop):
    replier = Asked(shop, warm=True)
    replier.address = ""

    async def main():
        keeping = asyncio.ensure_future(keep_warm(replier, lambda: shop.products["jacket"]))
        await asyncio.sleep(10)
        assert not replier.sent
        replier.address = "http://x/v1"
        await asyncio.sleep(10)
        assert len(replier.sent) == 1
        replier.address = "http://y/v1"
        await asyncio.sleep(2 * warm.APART_SECONDS)
        assert len(replier.sent) == 2
        keeping.cancel()
        with suppress(asyncio.CancelledError):
            await keeping

    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        runner.run(main())


def test_the_card_needs_no_warming(shop):
    grounded = GroundedReplier(shop, now=lambda: NOW)
    assert shown(shop, type("_", (), {"sent": [], "name": grounded.name})(), [(0, "jacket")]) == []


def test_prompts_are_plain_json(shop):
    assert json.dumps(beginning(None, "en", NOW))
