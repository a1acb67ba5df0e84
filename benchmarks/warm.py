"""Seconds to the first token of a local model, with and without its prompt read ahead.

    python -m benchmarks --only warm --model model.gguf

In:  a .gguf file, the demo shop.   Out: for the first question after a start, for the first one
after the product changed and for a second one, seconds to the first piece of text; and how long it
takes to read ahead. Both ways are measured in one run, in turns, each with a process of its own;
quote the ratios.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from benchmarks.machine import quantiles
from livehost.brain.catalog import Catalog, load_catalog
from livehost.brain.gate import Gate
from livehost.brain.reply import GroundedReplier, LocalReplier, Question
from livehost.brain.reply.local import LOADING, check_model
from livehost.brain.reply.prompt import messages
from livehost.brain.reply.sse import pieces
from livehost.config import Reply, load_room
from livehost.errors import Transient

ROOM = Path(__file__).parent.parent / "scripts" / "demo" / "room.toml"
ROUNDS = 10
LOADING_SECONDS = 60.0
PRODUCTS = ("jacket", "bottle")
QUESTIONS = ("这件衣服上班路上穿合适吗", "跟我妈一起穿可以吗")
Times = dict[str, list[float]]


def measure(model: Path, rounds: int = ROUNDS) -> dict[str, Any]:
    """Return seconds to the first token, cold and warm, in turns.

    Raises:
        ConfigError: there is no such model, or nothing that runs it.
        Transient: the model does not load.
    """
    check_model(model, "--model")
    times: dict[str, Times] = {"cold": {}, "warm": {}}
    catalog = load_catalog(load_room(ROOM))
    for _ in range(rounds):
        for way, found in times.items():
            asyncio.run(_round(model, catalog, way == "warm", found))
    quoted = {way: {what: quantiles(v) for what, v in t.items()} for way, t in times.items()}
    cold, warm = times["cold"], times["warm"]
    ratio = {what: round(_median(warm[what]) / _median(cold[what]), 3) for what in cold}
    return {"model": model.name, "seconds_to_first_token": quoted, "warm_to_cold_p50": ratio}


def _median(values: list[float]) -> float:
    return quantiles(values)["p50"]


async def _round(model: Path, catalog: Catalog, warms: bool, times: Times) -> None:
    """Ask about a product after the start and after a switch, twice each."""
    settings = Reply(
        engine="local", model=model.name, max_tokens=16, timeout_seconds=60, warm=warms
    )
    replier = LocalReplier(settings, model, GroundedReplier(catalog), Gate(catalog))
    try:
        await _loaded(replier)
        for number, product in enumerate(PRODUCTS):
            shown = catalog.products[product]
            if beginning := replier.opening(shown):
                times.setdefault("to read ahead", []).append(
                    await _timed(replier.warm(beginning[1]))
                )
            for again, text in enumerate(QUESTIONS):
                what = ("second question", "first after a switch", "first after the start")
                name = what[0] if again else what[1 if number else 2]
                question = Question(text, product=shown, heard=("大家好。", "先看面料。"))
                times.setdefault(name, []).append(await _first_token(replier, question, settings))
    finally:
        await replier.close()


async def _loaded(replier: LocalReplier) -> None:
    end = time.monotonic() + LOADING_SECONDS
    while True:
        try:
            replier._server()
            return
        except Transient as error:
            if str(error) != LOADING or time.monotonic() > end:
                raise
            await asyncio.sleep(0.1)


async def _timed(work: Awaitable[object]) -> float:
    began = time.monotonic()
    await work
    return time.monotonic() - began


async def _first_token(replier: LocalReplier, question: Question, settings: Reply) -> float:
    base, key = replier._server()
    body = {
        "model": settings.model,
        "messages": messages(question, "zh", replier._now()),
        "max_tokens": settings.max_tokens,
        "temperature": 0.3,
        "stream": True,
    }
    post: Callable[..., Any] = replier._connected().post
    began, first = time.monotonic(), 0.0
    headers = {"Authorization": f"Bearer {key}"}
    async with post(f"{base}/chat/completions", json=body, headers=headers) as got:
        got.raise_for_status()
        async for text in pieces(got.content.iter_any()):
            first = first or (time.monotonic() - began if text else 0.0)
    return first
