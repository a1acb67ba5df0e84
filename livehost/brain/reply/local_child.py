"""A language model as a process of its own: `python -m livehost.brain.reply.local_child`.

In:  on stdin one JSON line of `Job`; EOF ends it.
Out: an OpenAI-compatible server on this machine; on stdout one JSON line {"url"} or {"error"}.

A .gguf file is served by llama.cpp (package xllamacpp), a folder by transformers. A process,
because native code that crashes or eats the memory then costs no more than the model, and because
it can give way to everything with a deadline.
"""

from __future__ import annotations

import asyncio
import json
import sys
import threading
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiohttp import web

from livehost.errors import BackendBroken, LivehostError
from livehost.process import give_way

NICENESS = 8
MOST_TOKENS = 2048


@dataclass(frozen=True, slots=True)
class Job:
    """What is served.

    Attributes:
        model: a .gguf file, or a folder in the format of transformers.
        threads: that generate.
        context: tokens of prompt and answer together.
        key: requests must carry it.
    """

    model: str
    threads: int
    context: int
    key: str


def main() -> int:
    """Serve until standard input ends."""
    job = Job(**json.loads(sys.stdin.readline()))
    give_way(NICENESS)
    try:
        serve = serve_folder if Path(job.model).is_dir() else serve_gguf
        serve(job)
    except LivehostError as error:
        _tell(error=str(error))
        return 1
    except Exception as error:  # a plugin's seam: told in one line, not raised
        _tell(error=f"{type(error).__name__}: {error}".splitlines()[0][:300])
        return 1
    return 0


def _tell(**said: str) -> None:
    print(json.dumps(said), flush=True)


def _until_the_end() -> None:
    sys.stdin.read()


# --- llama.cpp ------------------------------------------------------------------------------------


def serve_gguf(job: Job) -> None:
    """Serve a .gguf file; the prompt's unchanged beginning is not computed again."""
    import xllamacpp  # noqa: PLC0415

    wanted = xllamacpp.CommonParams()
    wanted.model.path = job.model
    wanted.hostnames, wanted.port, wanted.api_keys = ["127.0.0.1"], 0, [job.key]
    wanted.n_ctx, wanted.n_parallel, wanted.cache_prompt = job.context, 1, True
    wanted.cpuparams.n_threads = wanted.cpuparams_batch.n_threads = job.threads
    wanted.ui = False
    try:
        server = xllamacpp.Server(wanted)
    except RuntimeError as error:  # it says no more than "check the input params"
        raise BackendBroken(
            f"llama.cpp cannot load {job.model}: it is damaged, too large for the memory, "
            "or of a kind that this version of xllamacpp does not know"
        ) from error
    _tell(url=f"{server.listening_address}/v1")
    _until_the_end()


# --- transformers ---------------------------------------------------------------------------------

Piece = Callable[[str], None]
Generate = Callable[[list[dict[str, str]], int, float, Piece, threading.Event], None]
"""Takes messages, most tokens, temperature; hands on pieces of text until done or told to stop."""


def serve_folder(job: Job) -> None:
    """Serve a folder with transformers; nothing is fetched, no code of the folder is run."""
    asyncio.run(_serve(folder_model(job), job.key))


def folder_model(job: Job) -> Generate:
    """Return what generates with the model in a folder."""
    import torch  # noqa: PLC0415
    import transformers  # noqa: PLC0415

    torch.set_num_threads(job.threads)
    only = {"local_files_only": True, "trust_remote_code": False}
    tokenizer = transformers.AutoTokenizer.from_pretrained(job.model, **only)
    model = transformers.AutoModelForCausalLM.from_pretrained(job.model, **only).eval()

    def generate(
        messages: list[dict[str, str]],
        most: int,
        temperature: float,
        piece: Piece,
        stop: threading.Event,
    ) -> None:
        given = tokenizer.apply_chat_template(
            messages, add_generation_prompt=True, return_tensors="pt", return_dict=True
        )
        given = {name: value[:, -(job.context - most) :] for name, value in given.items()}
        streamer = _Streamer(tokenizer, piece)
        with torch.inference_mode():
            model.generate(
                **given,
                max_new_tokens=most,
                do_sample=temperature > 0,
                temperature=max(temperature, 1e-3),
                streamer=streamer,
                stopping_criteria=[lambda *_: torch.tensor([stop.is_set()])],
            )
        streamer.finish()

    return generate


class _Streamer:
    """Hands on text as soon as it is whole characters. See transformers' BaseStreamer."""

    def __init__(self, tokenizer: Any, piece: Piece) -> None:
        self._tokenizer, self._piece = tokenizer, piece
        self._tokens: list[int] = []
        self._prompt, self._said = True, 0

    def put(self, value: Any) -> None:
        if self._prompt:  # the first call repeats what was asked
            self._prompt = False
            return
        self._tokens += value.flatten().tolist()
        self._hand_on(last=False)

    def end(self) -> None: ...

    def finish(self) -> None:
        """Hand on the rest."""
        self._hand_on(last=True)

    def _hand_on(self, *, last: bool) -> None:
        text = self._tokenizer.decode(self._tokens, skip_special_tokens=True)
        if text[self._said :] and (last or not text.endswith("\ufffd")):
            self._piece(text[self._said :])
            self._said = len(text)


async def _serve(generate: Generate, key: str) -> None:
    app = web.Application()
    app.router.add_post("/v1/chat/completions", completions(generate, key))
    runner = web.AppRunner(app, handler_cancellation=True)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    _tell(url=f"http://127.0.0.1:{port}/v1")
    await asyncio.get_running_loop().run_in_executor(None, _until_the_end)
    await runner.cleanup()


def completions(generate: Generate, key: str) -> Callable[[web.Request], Any]:
    """Return the handler of chat completions: one at a time, streamed, ended with its client."""
    turn = asyncio.Lock()

    async def handle(request: web.Request) -> web.StreamResponse:
        if request.headers.get("Authorization") != f"Bearer {key}":
            raise web.HTTPUnauthorized
        asked = await request.json()
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        async with turn:
            async for text in _pieces(generate, asked):
                await response.write(_event({"choices": [{"delta": {"content": text}}]}))
        await response.write(b"data: [DONE]\n\n")
        return response

    return handle


async def _pieces(generate: Generate, asked: dict[str, Any]) -> AsyncIterator[str]:
    """Yield what is generated in a thread; leaving this stops it."""
    loop, stop = asyncio.get_running_loop(), threading.Event()
    queue: asyncio.Queue[str | None] = asyncio.Queue()

    def hand_on(text: str | None) -> None:
        loop.call_soon_threadsafe(queue.put_nowait, text)

    def work() -> None:
        try:
            most = min(MOST_TOKENS, int(asked.get("max_tokens", 160)))
            warmth = float(asked.get("temperature", 0.3))
            generate(asked["messages"], most, warmth, hand_on, stop)
        finally:
            hand_on(None)

    working = loop.run_in_executor(None, work)
    try:
        while (text := await queue.get()) is not None:
            yield text
    finally:
        stop.set()
        await asyncio.shield(working)


def _event(said: dict[str, Any]) -> bytes:
    return f"data: {json.dumps(said, ensure_ascii=False)}\n\n".encode()


if __name__ == "__main__":
    sys.exit(main())
