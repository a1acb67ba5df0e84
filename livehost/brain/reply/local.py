"""Answer with a language model on this machine; while it loads or fails, with the card.

In:  `Question`, the path of a model.   Out: `Answer`, as from any OpenAI-compatible server.

The model is a child process with a server on the loopback address (`local_child`), so that
everything that holds for a server holds for it: the gate, time limits, breaker, budget, log.
"""

from __future__ import annotations

import importlib.util
import json
import logging
import secrets
import subprocess
import sys
import threading
import time
from pathlib import Path

from livehost.brain.gate import Gate
from livehost.brain.reply.grounded import GroundedReplier
from livehost.brain.reply.openai import Asked, OpenAIReplier, Refused
from livehost.config import Reply
from livehost.errors import ConfigError, Transient

log = logging.getLogger(__name__)

COMMAND = (sys.executable, "-m", "livehost.brain.reply.local_child")
REST_SECONDS, MOST_REST_SECONDS = 5.0, 300.0
END_SECONDS = 3.0
LOADING = "the local language model is loading"
_MAGIC = b"GGUF"


class LocalModel:
    """The child process; started at once, and again when it is asked for after it ended.

    Args:
        model: a .gguf file, or a folder in the format of transformers.
        threads, context: see `local_child.Job`.
    """

    def __init__(self, model: Path, threads: int, context: int) -> None:
        self._job = {"model": str(model), "threads": threads, "context": context}
        self._lock = threading.Lock()
        self._child: subprocess.Popen[str] | None = None
        self._url = self._key = self._error = ""
        self._rest, self._rests_until = REST_SECONDS, 0.0
        self._closed = False
        self._start()

    def address(self) -> tuple[str, str]:
        """Return base URL and key. Raises Transient while there is no model to ask."""
        with self._lock:
            if self._url:
                return self._url, self._key
            if self._child is None and not self._closed and time.monotonic() >= self._rests_until:
                self._start()
            raise Transient(self._error or LOADING)

    def close(self) -> None:
        """End the child."""
        with self._lock:
            self._closed, child = True, self._child
        if child is None or child.stdin is None:
            return
        child.stdin.close()
        try:
            child.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()

    def _start(self) -> None:
        self._key = secrets.token_urlsafe(24)
        self._child = child = subprocess.Popen(
            COMMAND,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert child.stdin
        child.stdin.write(json.dumps({**self._job, "key": self._key}) + "\n")
        child.stdin.flush()
        threading.Thread(target=self._watch, args=(child,), daemon=True).start()

    def _watch(self, child: subprocess.Popen[str]) -> None:
        """Learn where the server is, and when it ended."""
        assert child.stdout
        for line in child.stdout:
            self._told(line)
        code = child.wait()
        with self._lock:
            self._child, self._url = None, ""
            self._rests_until = time.monotonic() + self._rest
            self._rest = min(MOST_REST_SECONDS, 2 * self._rest)
            closed = self._closed
        if not closed:
            log.warning(
                "the local language model ended", extra={"code": code, "error": self._error}
            )

    def _told(self, line: str) -> None:
        try:
            said = json.loads(line)
        except ValueError:
            return  # libraries print what they like
        if not isinstance(said, dict):
            return
        with self._lock:
            self._error = str(said.get("error", ""))
            if url := said.get("url"):
                self._url, self._rest = str(url), REST_SECONDS
                log.info("local language model ready")


class LocalReplier(OpenAIReplier):
    """The engine that asks a model on this machine. See `OpenAIReplier`."""

    name = "local"
    _force_close = True  # llama.cpp's server ends a connection after a stream without saying so

    def __init__(
        self,
        settings: Reply,
        model: Path,
        fallback: GroundedReplier,
        gate: Gate,
        refused: Refused | None = None,
        asked: Asked | None = None,
    ) -> None:
        super().__init__(settings, fallback, gate, refused=refused, asked=asked)
        self._warms = model.is_file()  # llama.cpp keeps the beginning, transformers does not
        self._model = LocalModel(model, settings.threads, settings.context)

    def _server(self) -> tuple[str, str]:
        return self._model.address()

    async def close(self) -> None:
        await super().close()
        self._model.close()


def check_model(model: Path, where: str) -> None:
    """Raise ConfigError when there is no model at `model`, or nothing that could run it."""
    needed: tuple[str, ...]
    if model.is_dir():
        needed, extra = ("torch", "transformers"), "llm"
        if not (model / "config.json").is_file():
            raise ConfigError(f"{where}: {model} holds no config.json; name a model's folder")
    elif model.suffix == ".gguf" and model.is_file():
        needed, extra = ("xllamacpp",), "gguf"
        if not _is_gguf(model):
            raise ConfigError(f"{where}: {model} is no model: it does not begin as a .gguf file")
    else:
        raise ConfigError(f"{where}: {model}: there is no .gguf file and no folder of a model")
    missing = [name for name in needed if importlib.util.find_spec(name) is None]
    if missing:
        raise ConfigError(
            f"{where}: this model needs {', '.join(missing)}: pip install livehost[{extra}]"
        )


def _is_gguf(model: Path) -> bool:
    with model.open("rb") as file:
        return file.read(len(_MAGIC)) == _MAGIC
