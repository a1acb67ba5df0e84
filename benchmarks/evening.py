"""Replayed evenings through the whole brain: what was answered, when, and what was said wrongly.

    python -m benchmarks --only evening

In:  evenings/*.jsonl, the demo shop.   Out: for each evening the share of messages answered by the
class they were written as, what became of the others, seconds to the answer and what they were
spent on, figures that no card backs, sentences said again within half an hour, and what an answer
costs the script.

Virtual time: an evening takes as long as the code in it. The voice is `tone`, whose characters last
as long as those of the shipped voice, and which takes as long to make what is not in the cache.
Viewers who are asked which product they mean say so a few seconds later.
"""

from __future__ import annotations

import asyncio
import json
import random
import shutil
import tempfile
from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.evening_report import TOLD, report
from livehost.brain import app
from livehost.brain.chat.classes import Class
from livehost.brain.chat.message import ChatMessage
from livehost.brain.intent import Intent
from livehost.brain.on_air import Aired
from livehost.brain.utterance import Said, Utterance
from livehost.brain.voice.speech import Chunk, Sentence
from livehost.brain.voice.tone import Tone
from livehost.clock import VirtualTimeLoop
from livehost.options import Options
from tests.show_parts import staged
from tests.show_stage import FakeStage

FOLDER = Path(__file__).with_name("evenings")
DEMO = Path(__file__).parent.parent / "scripts" / "demo"
AVATAR = Path(__file__).parent.parent / "avatars" / "xiaohe"
NAMES = ("quiet", "flash", "difficult")
AFTER = 60.0  # seconds that the show goes on after the last message
SPEED = 0.57  # of the notes: 0.21 s a character, as the shipped voice speaks; a letter half of it
MAKING = 0.15  # seconds to make a second of speech, on two busy cores
THINKS = (5.0, 12.0)  # seconds until a viewer says which product was meant
WHICH = ("2号", "防晒衣", "就这个", "那个杯子", "1号链接的", "说的是坚果")
ROOM = """
name = "evening"
[avatar]
path = "avatar"
[voice]
engine = "tone"
[state]
dir = "state"
cache_dir = "cache"
[chat]
replay = "evening.jsonl"
"""


def measure(names: tuple[str, ...] = NAMES) -> dict[str, Any]:
    """Replay the evenings one after the other."""
    return {name: replay(FOLDER / f"{name}.jsonl") for name in names}


def replay(file: Path) -> dict[str, Any]:
    """Play one evening and return what came of it."""
    with tempfile.TemporaryDirectory(prefix="livehost-evening-") as name:
        folder = Path(name)
        shutil.copytree(DEMO, folder, dirs_exist_ok=True)
        (folder / "avatar").mkdir()
        shutil.copy(AVATAR / "avatar.toml", folder / "avatar")
        (folder / "room.toml").write_text(ROOM)
        shutil.copy(file, folder / "evening.jsonl")
        last = json.loads(file.read_text("utf-8").splitlines()[-1])["at"]
        with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner, _unhurried_voice():
            seen = runner.run(_show(folder, last + AFTER, file.stem))
        return {"minutes": round(last / 60, 1), **report(seen, folder / "state" / "show.sqlite3")}


@contextmanager
def _unhurried_voice() -> Iterator[None]:
    """Have the voice take its time, to speak and to make what is not in the cache."""
    speak = Tone.speak

    async def slowly(self: Tone, sentence: Sentence) -> AsyncGenerator[Chunk, None]:
        letters = sum(char.isascii() and char.isalpha() for char in sentence.text)
        pace = SPEED * len(sentence.text) / (len(sentence.text) - letters / 2)
        spoken = replace(sentence, speed=sentence.speed * pace)
        chunks = [chunk async for chunk in speak(self, spoken)]
        await asyncio.sleep(MAKING * sum(len(chunk.pcm) for chunk in chunks) / 48_000)
        for chunk in chunks:
            yield chunk

    Tone.speak = slowly  # type: ignore[method-assign]
    try:
        yield
    finally:
        Tone.speak = speak  # type: ignore[method-assign]


class Seen:
    """What is noted of a show while it runs.

    Attributes:
        messages: by id, as they were written down.
        came: when they were, by id.
        kinds: the intents that went on air, by utterance.
        taken, made: when an utterance was chosen and when its beginning was there.
        products: id of the product that a sentence was judged with.
        twice: seconds of script sentences said again after they gave way.
    """

    def __init__(self, show: app.Show, stage: FakeStage, seed: str) -> None:
        self.show, self.stage = show, stage
        self.messages: dict[str, ChatMessage] = {}
        self.came: dict[str, float] = {}
        self.kinds: dict[int, Intent] = {}
        self.products: dict[str, str | None] = {}
        self.twice: list[float] = []
        self.taken: dict[int, float] = {}
        self.made: dict[int, float] = {}
        self._rng = random.Random(seed)
        self._viewers: set[asyncio.Task[None]] = set()
        self._listen()
        self._listen_to_makings()
        self._answer_back()

    def _listen(self) -> None:
        show, on_air = self.show, self.show.speaker.on_air
        written, begin, sending = show.intake.told, on_air.begin, on_air.sending
        judged = show.writer.judged

        def told(message: ChatMessage, source: str, fresh: bool) -> None:
            self.came[message.id], self.messages[message.id] = _now(), message
            written(message, source, fresh)

        def begun(aired: Aired, understood: str) -> None:
            begin(aired, understood)
            self.kinds[aired.id] = aired.intent

        def sent(aired: Aired, sentence: int, begun: int = 0) -> None:
            if (part := aired.intent.heard) and sentence == 0:
                self.twice.append((part.samples - begun) / 48_000)
            sending(aired, sentence, begun)

        def judge(text: str, intent: Intent) -> Said:
            said = judged(text, intent)
            self.products[said.text] = show.writer._product_of(intent)
            return said

        show.intake.told, on_air.begin, on_air.sending = told, begun, sent  # type: ignore[method-assign]
        show.writer.judged = judge  # type: ignore[method-assign]

    def _listen_to_makings(self) -> None:
        makings = self.show.speaker._makings
        make, made = makings._make, makings._made

        def making(intent: Intent, group: asyncio.TaskGroup) -> Utterance:
            utterance = make(intent, group)
            self.taken[utterance.id] = _now()

            def is_made() -> None:
                self.made[utterance.id] = _now()
                made()

            utterance._on_ready = is_made
            return utterance

        makings._make = making  # type: ignore[method-assign]

    def _answer_back(self) -> None:
        """Have a viewer who is asked which product say which."""
        state = self.show.state
        became = state.chat_is

        def told(message_id: str, outcome: str, utterance: int | None = None) -> None:
            became(message_id, outcome, utterance)
            message = self.messages.get(message_id)
            first = message is not None and not message_id.startswith(TOLD)
            if outcome == "asked_back" and message and first and _wants_a_product(message):
                task = asyncio.ensure_future(self._says_which(message))
                self._viewers.add(task)
                task.add_done_callback(self._viewers.discard)

        state.chat_is = told  # type: ignore[method-assign]

    async def _says_which(self, message: ChatMessage) -> None:
        await asyncio.sleep(self._rng.uniform(*THINKS))
        self.show.intake.submit(
            {
                "id": TOLD + message.id,
                "user": message.user,
                "nickname": message.nickname,
                "text": self._rng.choice(WHICH),
                "extra": {"label": message.extra["label"], "asked": message.text},
            },
            "replay",
        )


def _wants_a_product(message: ChatMessage) -> bool:
    """Return whether a message that was asked back lacks a product, not the measures of a body."""
    return bool(message.extra["label"] != Class.SIZE.value)


async def _show(folder: Path, seconds: float, seed: str) -> Seen:
    room = folder / "room.toml"
    async with staged() as stage:
        options = Options(str(room), str(folder / "s.sock"), console="127.0.0.1:0")
        show = app.Show(app.load_room(room), options)
        show.link._connect = stage.connect  # type: ignore[assignment]
        show._console = asyncio.Event().wait  # type: ignore[assignment,method-assign]
        seen, ending = Seen(show, stage, seed), asyncio.Event()
        running = asyncio.ensure_future(show.run(ending, None))
        await asyncio.sleep(seconds)
        ending.set()
        await running
        await show.close()
    return seen


def _now() -> float:
    return asyncio.get_running_loop().time()
