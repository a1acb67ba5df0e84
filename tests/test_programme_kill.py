"""kill -9 of the real brain at every kind of transition: what viewers heard is whole."""

import asyncio
import os
import sys
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise

import aiohttp
import pytest

from .demo_shop import CHINA
from .show_stage import SocketStage
from .test_brain import options, room_file, sql

pytestmark = [
    pytest.mark.real,
    pytest.mark.stress,
]

PORT = 18_473
SALE_SECONDS = 110  # its opening is said in the first minute of them
FIRST_OF_SALE = "sale x before"
KILLS = (
    "commit 9 before", "commit 12 after", "piece 9 after", "begin script after",
    "sending script after", "_started script before", "_started script after",
    "_heard script before", "_heard script after", "segment x true", "begin announcement after",
    "sending announcement after", "_heard announcement before", "_heard announcement after",
    "sending filler after", "_heard filler after", "sending reply after", "_heard reply after",
    "sale x before", "sale x after", "begin sale after", "sending sale after",
    "_started sale after", "_heard sale before",
)  # fmt: skip
RUNDOWN = """
[[segment]]
id = "one"
kind = "opening"
repeat = 2
lines = ["我们先聊一聊。再看一看吧。", "今天天气不错。"]
[[segment]]
id = "two"
kind = "opening"
lines = ["大家吃饭了吗。", "坐下来慢慢看。喝一口水吧。"]
[[announcement]]
id = "rules"
every_minutes = 1
lines = ["公告说一遍。公告说完了。"]
[[filler]]
lines = ["评论区很安静。"]
[[filler]]
lines = ["随便聊一聊吧。"]
[[flash_sale]]
id = "night"
product = "bottle"
promotion = "flash"
start = {start}
end = {end}
marks = [0.5]
opening = ["活动现在开始。"]
countdown = ["活动还在进行。"]
ending = ["这场活动结束了。"]
"""
SCRIPT = [
    *["我们先聊一聊。", "再看一看吧。", "今天天气不错。"] * 2,
    "大家吃饭了吗。", "坐下来慢慢看。", "喝一口水吧。",
]  # fmt: skip


async def start(folder, wish):
    environment = {**os.environ, "KILL_AT": wish}
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.kill_child",
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL, env=environment,
    )  # fmt: skip
    given = replace(options(folder), console=f"127.0.0.1:{PORT}")
    child.stdin.write(given.line())
    return child


async def ask_now_and_then():
    """A viewer with a question of her own every few seconds."""
    number = 0
    async with aiohttp.ClientSession(f"http://127.0.0.1:{PORT}") as session:
        while True:
            await asyncio.sleep(5)
            number += 1
            question = {"text": "2号链接多少钱", "id": f"q{number}", "user": f"u{number}"}
            try:
                async with session.post("/api/chat", json=question) as answer:
                    await answer.read()
            except (aiohttp.ClientError, OSError):
                number -= 1


def write_rundown(folder, begins):
    ends = begins + timedelta(seconds=SALE_SECONDS)
    text = RUNDOWN.format(start=begins.isoformat(), end=ends.isoformat())
    (folder / "rundown.toml").write_text(text)
    return ends


def soon():
    return datetime.now(CHINA).replace(microsecond=0) + timedelta(seconds=8)


async def killed_one_after_the_other(folder):
    """Run brains, each of which kills itself somewhere else; the last one lives on.

    The sale begins when it is the turn of its kills, however long the others took.
    """
    stage = SocketStage(str(folder / "s.sock"))
    others = [asyncio.ensure_future(stage.serve()), asyncio.ensure_future(ask_now_and_then())]
    died = []
    try:
        write_rundown(folder, soon() + timedelta(days=1))
        for wish in KILLS:
            if wish == FIRST_OF_SALE:
                ends = write_rundown(folder, soon())
            child = await start(folder, wish)
            try:
                died.append((wish, await asyncio.wait_for(child.wait(), 40)))
            except TimeoutError:  # that does not happen any more: the sale is over
                child.kill()
                await child.wait()
        child = await start(folder, "")
        left = (ends - datetime.now(CHINA)).total_seconds()
        await asyncio.sleep(max(20.0, left + 10.0))
        child.kill()
        await child.wait()
    finally:
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
    return stage.air, died


@pytest.mark.timeout(900)
def test_kill_9_at_every_kind_of_transition(tmp_path):
    room_file(tmp_path)
    bottle = tmp_path / "products" / "bottle.toml"
    bottle.write_text(bottle.read_text().replace("end = 2027-", "end = 2099-"))
    air, died = asyncio.run(killed_one_after_the_other(tmp_path))
    killed = [wish for wish, code in died if code == -9]
    assert len(killed) >= len(KILLS) - 3, (died, len(air))
    heard = [s for s in air if s.interrupted is False]
    texts = [s.text for s in heard]
    script = [text for text in texts if text in SCRIPT]
    assert script == (SCRIPT * 20)[: len(script)], texts
    assert [texts.count(t) for t in ("活动现在开始。", "这场活动结束了。")] == [1, 1], texts
    assert texts.count("活动还在进行。") == 1, texts
    told = [s.at for s in heard if s.text == "公告说一遍。"]
    assert abs(len(told) - texts.count("公告说完了。")) <= 1
    assert all(7.0 < b - a < 150.0 for a, b in pairwise(told)), told
    fillers = [s.text for s in heard if s.text in ("评论区很安静。", "随便聊一聊吧。")]
    assert all(a != b for a, b in pairwise(fillers)), fillers
    outcomes = dict(sql(tmp_path, "SELECT outcome, count(*) FROM chat GROUP BY outcome"))
    assert outcomes.get("answered", 0) >= 3 and outcomes.get("refused", 0) == 0
