"""Small parts for tests of the show: a rundown, a voice, a writer, a record that is only memory."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import numpy as np

from livehost.brain.chat.inbox import Inbox
from livehost.brain.chat.message import ChatMessage, parse
from livehost.brain.director import Director
from livehost.brain.guests import Courtesy
from livehost.brain.manners import History, Manners
from livehost.brain.picture import Picture
from livehost.brain.script import Kind, Line, Segment
from livehost.brain.speaker import Speaker
from livehost.brain.stage_link import StageLink
from livehost.brain.utterance import Said

from .show_stage import FakeStage

CHARACTER = 12_000  # samples: a quarter of a second


@dataclass(frozen=True)
class Chunk:
    pcm: np.ndarray
    phones: tuple = ()


def segment(name: str, product: str | None, *texts: str, **more) -> Segment:
    lines = tuple(Line(text, "neutral") for text in texts)
    return Segment(name, product, Kind.TRANSITION, lines, **more)


RUNDOWN = (
    segment("open", None, "欢迎大家来到这里。", "今天有两样东西。先看第一样东西。再看第二样。"),
    segment("tea", "tea", "这是一款绿茶。产地在山里。", "茶叶用小罐装。"),
    segment("cup", "cup", "这是一个杯子。", "杯子可以放心用。"),
)


def sentences(text: str) -> list[str]:
    return [part + "。" for part in text.split("。") if part]


ALL = [s for part in RUNDOWN for line in part.lines for s in sentences(line.text)]


def comment(text: str, user: str = "u", **more) -> ChatMessage:
    return parse({"kind": "comment", "text": text, "user": user, "nickname": user, **more})


def social(kind: str, user: str, **more) -> ChatMessage:
    return parse({"kind": kind, "user": user, "nickname": user, **more})


class Tone:
    """A voice: a quarter of a second per character, silent where a test has `pauses` in a text,
    after a delay that a test may set."""

    def __init__(self) -> None:
        self.pauses: dict[str, tuple[int, ...]] = {}
        self.delays: dict[str, float] = {}
        self.broken: dict[str, Exception] = {}
        self.asked: list[str] = []

    async def __call__(self, text: str, emotion: str):
        self.asked.append(text)
        await asyncio.sleep(self.delays.get(text, 0.0))
        if text in self.broken:
            raise self.broken[text]
        samples = len(text) * CHARACTER
        pcm = np.full(samples, 0.1, np.float32)
        for character in self.pauses.get(text, ()):
            pcm[character * CHARACTER : (character + 1) * CHARACTER] = 0.0
        for start in range(0, samples, 9_600):
            yield Chunk(pcm[start : start + 9_600])


class Words:
    """A writer over RUNDOWN; replies are "答" + the question, in two sentences."""

    def __init__(self, director_line) -> None:
        self._line = director_line
        self.reply_seconds = 0.0
        self.stopped: dict[str, str] = {}

    async def sentences(self, intent):
        if intent.texts:
            for text in intent.texts:
                for sentence in sentences(text):
                    yield sentence
        elif intent.lines:
            for line in intent.lines:
                for sentence in sentences(line.text.replace("{left}", intent.left)):
                    yield sentence
        elif intent.place:
            _, line = self._line(intent.place)
            for sentence in sentences(line.text)[intent.place.sentence :]:
                yield sentence
        else:
            await asyncio.sleep(self.reply_seconds)
            yield f"答{intent.asked.text}。"
            yield "还有问题吗。"

    def judged(self, text, intent):
        if text in self.stopped:
            return Said("看商品卡。", "rule", "word", text)
        return Said(text)

    def question(self, intent):
        return {"nickname": intent.asked.nickname, "text": intent.asked.text}

    def card(self, intent):
        return {"name": intent.product} if intent.product else None

    def understood(self, intent):
        return ""

    def asked_back(self, intent):
        return frozenset()

    def holds(self, intent, text):
        return True


class Notes:
    """A record that keeps everything in memory."""

    def __init__(self) -> None:
        self.next_id = 100
        self.utterances: dict[int, tuple] = {}
        self.ends: dict[int, str] = {}
        self.states: dict[tuple[int, int], tuple] = {}
        self.cursors: list = []
        self.chat: dict[str, tuple] = {}
        self.audits: list = []

    def new_id(self):
        self.next_id += 1
        return self.next_id

    def utterance(self, utterance, intent, understood):
        self.utterances[utterance] = intent

    def ended(self, utterance, how):
        self.ends[utterance] = how

    def sentence(self, utterance, sentence, text, rule):
        self.states[utterance, sentence] = ("planned", text)

    def sentence_is(self, utterance, sentence, state, samples=0, total=0, tick=None):
        assert (utterance, sentence) in self.states, "written down before it is acted on"
        self.states[utterance, sentence] = (state, self.states[utterance, sentence][1])

    def cursor(self, place):
        self.cursors.append(place)

    def programme(self, values):
        self.kept = values

    async def safe(self):
        pass

    def chat_is(self, message_id, outcome, utterance=None):
        self.chat[message_id] = (outcome, utterance)

    def audit(self, kind, **what):
        self.audits.append((kind, what))


@dataclass
class Room:
    """A show on virtual time."""

    stage: FakeStage
    courtesy: Courtesy = field(default_factory=lambda: Courtesy(notice=1e9))
    rundown: tuple = RUNDOWN
    place: object = None
    notes: object = field(default_factory=Notes)
    gives_way: float = 0.0
    programme: object = None
    kept: object = None

    def __post_init__(self) -> None:
        now = asyncio.get_running_loop().time()
        self.voice = Tone()
        self.inbox = Inbox(about=lambda text: next((p for p in ("tea", "cup") if p in text), None))
        self.history = History()
        self.director = Director(
            lambda: self.rundown,
            self.inbox,
            Manners("zh"),
            self.history,
            now=now,
            courtesy=self.courtesy,
            place=self.place,
            noticed=0.0,
            programme=self.programme,
            kept=self.kept,
        )
        self.words = Words(self.director.line)
        self.link = StageLink("x", connect=self.stage and self.stage.connect)
        self.picture = Picture(self.link.cue)
        self.speaker = Speaker(
            self.director,
            self.words,
            self.voice,
            self.link,
            self.notes,
            self.picture,
            gives_way=self.gives_way,
        )

    def chat(self, message: ChatMessage) -> None:
        now = asyncio.get_running_loop().time()
        if self.inbox.add(message, now, self.director.product):
            self.speaker.plan()

    @asynccontextmanager
    async def on_air(self):
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self.link.run()), group.create_task(self.speaker.run())]
            yield self
            await self.stop(tasks)

    async def stop(self, tasks) -> None:
        for task in tasks:
            task.cancel()
        for task in tasks:
            with suppress(asyncio.CancelledError):
                await task


@asynccontextmanager
async def staged():
    """A running stage without a brain."""
    stage = FakeStage()
    running = asyncio.ensure_future(stage.run())
    try:
        yield stage
    finally:
        running.cancel()


@asynccontextmanager
async def show(**options):
    """A running stage and a running brain."""
    async with staged() as stage, Room(stage, **options).on_air() as room:
        yield room
