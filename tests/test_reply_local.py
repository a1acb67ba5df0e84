"""A language model on this machine: its server, its child process, and what happens without it."""

import asyncio
import json
import sys
import threading
import time
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp import web

from livehost.brain.catalog import load_catalog
from livehost.brain.gate import Gate
from livehost.brain.reply import GroundedReplier, LocalReplier, Question, local, make_replier
from livehost.brain.reply.local import LocalModel, check_model
from livehost.brain.reply.local_child import completions
from livehost.config import Reply
from livehost.errors import ConfigError, Transient
from tests.demo_shop import NOW, demo_catalog, demo_room

CHILD = """
import json, sys
from http.server import BaseHTTPRequestHandler, HTTPServer
job = json.loads(sys.stdin.readline())

class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        good = self.headers["Authorization"] == "Bearer " + job["key"]
        self.send_response(200 if good else 401)
        self.end_headers()
        if asked["messages"][1]["content"].count("die"):
            import os
            os._exit(3)
        for text in ("现在到手", "179.9元。"):
            line = json.dumps({"choices": [{"delta": {"content": text}}]})
            self.wfile.write(f"data: {line}\\n\\n".encode())
        self.wfile.write(b"data: [DONE]\\n\\n")

    def log_message(self, *_):
        pass

print("a library says hello")
if "broken" in job["model"]:
    print(json.dumps({"error": "ValueError: not a model"}))
    sys.exit(1)
import threading
server = HTTPServer(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
print(json.dumps({"url": f"http://127.0.0.1:{server.server_port}/v1"}), flush=True)
sys.stdin.read()
"""


@pytest.fixture
def child(monkeypatch):
    monkeypatch.setattr(local, "COMMAND", (sys.executable, "-c", CHILD))
    monkeypatch.setattr(local, "REST_SECONDS", 0.05)


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    return demo_catalog(tmp_path_factory.mktemp("shop"))


def until(what, seconds=20):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            if value := what():
                return value
        except Transient:
            pass
        time.sleep(0.02)
    raise AssertionError("not in time")


def replier_of(shop, tmp_path, name="model.gguf"):
    settings = Reply(engine="local", model=name, timeout_seconds=5)
    grounded = GroundedReplier(shop, now=lambda: NOW)
    return LocalReplier(settings, tmp_path / name, grounded, Gate(shop))


def answered(replier, shop, text):
    async def main():
        answer = replier.reply(Question(text, product=shop.products["jacket"]))
        said = "".join([sentence async for sentence in answer])
        return answer.engine, said

    return main()


# --- the child process ----------------------------------------------------------------------------


@pytest.mark.real
def test_the_model_answers_and_the_card_does_when_it_dies(child, shop, tmp_path):
    replier = replier_of(shop, tmp_path)

    async def main():
        first = replier._model.address
        await asyncio.to_thread(until, first)
        told = [await answered(replier, shop, "这件多少钱呢")]
        told.append(await answered(replier, shop, "多少钱 die"))
        await asyncio.sleep(0.3)
        await asyncio.to_thread(until, first)
        replier._breaker.good()
        told.append(await answered(replier, shop, "到底多少钱呀"))
        await replier.close()
        return told

    told = asyncio.run(main())
    assert [engine for engine, _ in told] == ["local", "grounded", "local"]
    assert all("179.9元" in said for _, said in told)


@pytest.mark.real
def test_closing_ends_the_child(child, tmp_path):
    model = LocalModel(tmp_path / "a.gguf", 1, 2048)
    until(model.address)
    process = model._child
    model.close()
    assert process.poll() == 0
    with pytest.raises(Transient):
        model.address()


@pytest.mark.real
def test_a_broken_model_is_told_and_tried_again_later(child, tmp_path, caplog):
    model = LocalModel(tmp_path / "broken.gguf", 1, 2048)
    until(lambda: model._child is None)
    with pytest.raises(Transient, match="ValueError: not a model"):
        model.address()
    until(lambda: "the local language model ended" in caplog.text)
    model.close()


def test_while_it_loads_the_card_answers(shop, tmp_path, monkeypatch):
    monkeypatch.setattr(local, "COMMAND", (sys.executable, "-c", "import sys; sys.stdin.read()"))
    replier = replier_of(shop, tmp_path)

    async def main():
        told = await answered(replier, shop, "这件多少钱呢")
        await replier.close()
        return told

    engine, said = asyncio.run(main())
    assert engine == "grounded" and "179.9元" in said


# --- the server for transformers ------------------------------------------------------------------


@asynccontextmanager
async def served(generate):
    app = web.Application()
    app.router.add_post("/v1/chat/completions", completions(generate, "key"))
    runner = web.AppRunner(app, handler_cancellation=True)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    async with aiohttp.ClientSession() as session:
        yield session, f"http://127.0.0.1:{runner.addresses[0][1]}/v1/chat/completions"
    await runner.cleanup()


def ask(key="key", **more):
    body = {"messages": [{"role": "user", "content": "多少钱"}], **more}
    return {"json": body, "headers": {"Authorization": f"Bearer {key}"}}


def test_pieces_are_streamed_and_the_settings_arrive():
    seen = []

    def generate(messages, most, warmth, piece, stop):
        seen.append((messages[0]["content"], most, warmth))
        for text in ("八十", "九元"):
            piece(text)

    async def main():
        async with served(generate) as (session, url):
            got = await session.post(url, **ask(max_tokens=9999, temperature=0))
            return (await got.text()).split("\n\n")

    lines = asyncio.run(main())
    texts = [json.loads(line[6:])["choices"][0]["delta"]["content"] for line in lines[:2]]
    assert texts == ["八十", "九元"] and lines[2] == "data: [DONE]"
    assert seen == [("多少钱", 2048, 0.0)]


def test_without_the_key_nothing_is_generated():
    def generate(*_):
        raise AssertionError

    async def main():
        async with served(generate) as (session, url):
            return (await session.post(url, **ask(key="wrong"))).status

    assert asyncio.run(main()) == 401


def test_who_goes_away_stops_the_generation():
    stopped = threading.Event()

    def generate(messages, most, warmth, piece, stop):
        piece("一")
        if stop.wait(10):
            stopped.set()

    async def main():
        async with served(generate) as (session, url):
            got = await session.post(url, **ask())
            await got.content.readline()
            got.close()
            await asyncio.to_thread(stopped.wait, 5)

    asyncio.run(main())
    assert stopped.is_set()


def test_one_answer_at_a_time():
    running, most_at_once = [], []

    def generate(messages, most, warmth, piece, stop):
        running.append(1)
        most_at_once.append(len(running))
        time.sleep(0.05)
        piece("好")
        running.pop()

    async def main():
        async with served(generate) as (session, url):
            await asyncio.gather(*(_text(session, url) for _ in range(4)))

    async def _text(session, url):
        async with session.post(url, **ask()) as got:
            return await got.text()

    asyncio.run(main())
    assert most_at_once == [1, 1, 1, 1]


# --- settings -------------------------------------------------------------------------------------


def test_what_is_no_model_is_told(tmp_path, monkeypatch):
    (tmp_path / "empty").mkdir()
    with pytest.raises(ConfigError, match=r"reply\.model: .*no .gguf file"):
        check_model(tmp_path / "none.gguf", "reply.model")
    with pytest.raises(ConfigError, match=r"holds no config\.json"):
        check_model(tmp_path / "empty", "reply.model")
    (tmp_path / "a.gguf").write_bytes(b"GGUF")
    monkeypatch.setattr(local.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"pip install livehost\[gguf\]"):
        check_model(tmp_path / "a.gguf", "reply.model")
    (tmp_path / "empty" / "config.json").write_text("{}")
    with pytest.raises(ConfigError, match=r"torch, transformers: pip install livehost\[llm\]"):
        check_model(tmp_path / "empty", "reply.model")


def test_a_room_without_a_model_is_told(tmp_path):
    room = demo_room(tmp_path)
    wanted = room.model_copy(update={"reply": room.reply.model_copy(update={"engine": "local"})})
    with pytest.raises(ConfigError, match=r"reply\.model: is required"):
        make_replier(wanted, load_catalog(room))
