"""Wire the brain together and keep the show going.

In:  `Options`, a room file, the stage's reports, chat, commands.   Out: speech and cues; the state
file.

Order of the start: what is cheap first (state, script, link), so that a brain that was killed
speaks cached sentences again before the models of voice and replies are loaded.
"""

from __future__ import annotations

import asyncio
import functools
import json
import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import asdict
from types import ModuleType
from typing import TYPE_CHECKING

from livehost import __version__
from livehost.brain.actions.actions import Actions
from livehost.brain.actions.moments import Moments
from livehost.brain.ahead import SpeechAhead
from livehost.brain.audit import Kind as Audit
from livehost.brain.audit.persons import watch_consents
from livehost.brain.catalog import Line, Segment, load_catalog
from livehost.brain.chat.feed import Feed, feed_of
from livehost.brain.chat.feed import State as FeedState
from livehost.brain.chat.feeds import Feeds
from livehost.brain.chat.inbox import Inbox
from livehost.brain.chat.intake import Intake
from livehost.brain.chat.keep import keep
from livehost.brain.chat.kinds import product_in, reading_of
from livehost.brain.chat.message import ChatMessage
from livehost.brain.chat.replay import ReplaySource
from livehost.brain.chat.source import Source
from livehost.brain.chat.stdin import LineSource
from livehost.brain.chat.troubles import Troubles
from livehost.brain.common import CommonAnswers
from livehost.brain.director import Director
from livehost.brain.emotion import Feeling
from livehost.brain.experiments.lab import Lab
from livehost.brain.experiments.titles import Titles
from livehost.brain.gate import Verdict, make_gate
from livehost.brain.guests import Courtesy, restored
from livehost.brain.heard import Heard as HeardBefore
from livehost.brain.intent import Place
from livehost.brain.late import Late
from livehost.brain.lease import Lease
from livehost.brain.manners import History, Manners
from livehost.brain.niceness import give_way
from livehost.brain.on_air import adopted
from livehost.brain.picture import Picture
from livehost.brain.programme.claims import Claims
from livehost.brain.programme.overlay import OVERLAY, Overlay
from livehost.brain.programme.timer import Timer, make_programme, sale_end
from livehost.brain.reply import Exchange, Replier, keep_warm, make_replier
from livehost.brain.saved import Saved
from livehost.brain.speaker import Speaker
from livehost.brain.stage_link import StageLink, sends
from livehost.brain.state import STATE_FILE, State
from livehost.brain.utterance import Chunk
from livehost.brain.writer import ShowWriter
from livehost.config import Room, load_room
from livehost.options import Options
from livehost.supervise import supervise

if TYPE_CHECKING:
    from livehost.brain.console import Console
    from livehost.brain.voice import Sentence, SpeechCache

log = logging.getLogger(__name__)


async def run(
    options: Options, ending: asyncio.Event, lines: asyncio.StreamReader | None = None
) -> int:
    """Run the show until `ending` is set; return the exit code.

    Args:
        lines: standard input after the options, for chat as JSON lines.

    Raises:
        ConfigError: the room, its products or its script are wrong.
        Transient: the state file is held by somebody else; start again.
    """
    room = load_room(options.path)
    show = Show(room, options)
    way = asyncio.ensure_future(give_way(lambda: bool(show.speaker.on_air.recent)))
    try:
        await show.run(ending, lines)
    finally:
        way.cancel()
        await show.close()
    return 0


class Show:
    """All parts of the brain, built in the order they depend on each other."""

    def __init__(self, room: Room, options: Options) -> None:
        now = asyncio.get_running_loop().time()
        self.room = room
        self.options = options
        self.catalog = load_catalog(room)
        self.gate = make_gate(room, self.catalog)
        self.state = State(room.state_dir / STATE_FILE, options.socket)
        memory = self.state.memory
        self.voice: Late[SpeechCache] = Late(functools.partial(_load_voice, room))
        self.replier: Late[Replier] = Late(
            functools.partial(
                make_replier, room, self.catalog, self.gate, self._refused, self._asked, self._well
            )
        )
        self.link = StageLink(options.socket)
        self.actions = Actions(room.name, room.action, self.state.store)
        self.lab = Lab(
            room, lambda: self.catalog.segments, self.state.store,
            lambda place: self._line(place)[1],
        )  # fmt: skip
        self.titles = Titles(room.title, self.state)
        self.state.sounds = self.lab.heard
        self.moments = Moments(self.actions.emit, self.state, lambda: self.catalog.products)
        self.picture = Picture(self.link.cue)
        self.picture.shown = self.moments.card
        self.picture.restore(memory.flags)
        self.lease, self.heard = Lease(), HeardBefore()
        self.programme = make_programme(room, self.catalog, now, memory.programme)
        history = History()
        self.writer = ShowWriter(
            self.catalog,
            self.gate,
            self.replier.get,
            history,
            self._line,
            turn=self._turn,
            pinned=lambda: self.overlay.pinned,
            sale=sale_end(self.programme),
        )
        self.gate.claims = Claims(self.programme.sales)
        self.state.card = self.writer.card
        self.writer.wording = self.lab.chooser.wording
        self.inbox = Inbox(
            self.state.chat_is,
            lambda text: product_in(text, self.writer.names()),
            awaited=self._awaited,
        )
        manners = Manners(room.language, self.writer.sayable)
        for text, age in memory.heard:
            history.add(text)
            manners.said(text, now - age)
        self.overlay = Overlay(memory.flags.get(OVERLAY))
        self.director = Director(
            lambda: self.overlay.of(self.catalog.segments),
            self.inbox,
            manners,
            history,
            now=now,
            courtesy=Courtesy(notice=room.show.notice_minutes * 60),
            place=memory.place,
            round_=memory.round,
            noticed=memory.noticed,
            programme=self.programme,
            kept=memory.programme,
            arranged=self.lab.chooser.arranged,
        )
        self.director.shown = self._on_card
        self.director.tell = lambda kind, values: self.actions.emit(kind, values, "")
        self.speaker = Speaker(
            self.director,
            self.writer,
            self._speak,
            self.link,
            self.state,
            self.picture,
            gives_way=room.show.gives_way_seconds,
        )
        self.intake = Intake(
            self.state,
            self.inbox,
            most_bytes=room.chat.most_bytes,
            product=lambda: self.director.product,
            news=self.speaker.plan,
            seen=memory.seen,
        )
        self.feeds, self.troubles = Feeds(self.intake), Troubles()
        self.feeds.add(Feed("http", "http")).is_not_live(FeedState.LISTENING)
        for settings in room.chat.source:
            self.feeds.add(feed_of(settings))
        self.timer = Timer(
            self.programme, self.catalog, self.speaker, self.state, self.director.to_json,
            self.actions.emit,
        )  # fmt: skip
        self.intake.told = self.lab.also(self._written)
        self.state.told = self.feeds.settled
        answers = CommonAnswers(
            self.catalog, room.language, lambda: self.director.seen, self.writer.judged
        )
        self.ahead = SpeechAhead(
            self.voice.get, self.writer, self.director, manners, self.sentence, answers.texts
        )
        self.saved = Saved(self.catalog, self.gate.rules, self.state, self.speaker)
        self._take_up(now)

    def _written(self, message: ChatMessage, source: str, fresh: bool) -> None:
        self.feeds.written(message, source, fresh)
        if fresh and (reading := reading_of(message)):
            now = asyncio.get_running_loop().time()
            self.programme.rate.note(now)
            self.troubles.note(reading, message.user, now)

    def _awaited(self, message: ChatMessage) -> bool:
        replier = self.replier.value
        return replier is not None and replier.awaits(message.user, message.text)

    def _well(self) -> bool:
        """Return whether sound and picture leave this machine as they should."""
        return self.link.connected and not self.picture.held_back and sends(self.link.health)

    def _on_card(self) -> str | None:
        """Return the product whose card viewers see."""
        name = self.picture.card.get("name")
        return next((p.id for p in self.catalog.products.values() if p.name == name), None)

    def _turn(self, place: Place) -> int:
        return self.director.course.turn(place)

    def _line(self, place: Place) -> tuple[Segment, Line]:
        return self.director.line(place)

    def _take_up(self, now: float) -> None:
        """Go on with what an earlier process left."""
        memory = self.state.memory
        self.speaker.on_air.adopt(adopted(left) for left in memory.unfinished)
        intents = [left.intent for left in memory.unfinished] + [*self.director.owed.intents]
        under_way = {answered for intent in intents for answered in intent.answers}
        restored((m for m in memory.waiting if m.id not in under_way), self.inbox, now)
        if place := memory.place:
            log.info("show goes on", extra={"segment": place.segment, "line": place.line})

    # --- running ----------------------------------------------------------------------------------

    async def run(self, ending: asyncio.Event, lines: asyncio.StreamReader | None) -> None:
        """Keep every service running until `ending` is set."""
        self._note_beginning()
        self.moments.began(self.room.scene.title)
        async with asyncio.TaskGroup() as group:
            services = [
                group.create_task(supervise(name, service), name=name)
                for name, service in (
                    ("audit", self.state.log.run),
                    ("consents", self._consents),
                    ("stage-link", self.link.run),
                    ("speaker", self.speaker.run),
                    ("voice", self.voice.load_and_wait),
                    ("replies", self.replier.load_and_wait),
                    ("replies-ahead", self._warm),
                    ("speech-ahead", self.ahead.run),
                    ("programme", self.timer.run),
                    ("catalog", self.saved.catalog),
                    ("wordlists", self.saved.wordlists),
                    ("console", self._console),
                    ("chat", self.feeds.run),
                    ("chat-sources", self._chat_sources),
                    ("actions", self.actions.run),
                    ("experiments", self.lab.run),
                    ("titles", self.titles.run),
                )
            ]
            for source in self._sources(lines):
                feed = self.feeds.add(Feed(source.name, source.name))
                services.append(group.create_task(keep(source, feed), name=source.name))
            await ending.wait()
            self.moments.ended()
            for task in services:
                task.cancel()

    async def close(self) -> None:
        """Save the last state and close what is open."""
        self.state.log.note(Audit.SHOW, event="ended")
        await self.actions.finish()
        await self.state.close()
        if self.replier.value:
            await self.replier.value.close()
        if self.voice.value:
            self.voice.value.close()

    def sentence(self, text: str, feeling: Feeling) -> Sentence:
        """Return what the voice takes of a text."""
        from livehost.brain.voice import Sentence  # noqa: PLC0415  (see _load_voice)

        names = {name for p in self.catalog.products.values() for name in p.names()}
        stressed = tuple(sorted(name for name in names if name in text))
        return Sentence(text, feeling.emotion, intensity=feeling.intensity, stressed=stressed)

    async def _speak(self, text: str, feeling: Feeling) -> AsyncGenerator[Chunk, None]:
        voice = await self.voice.get()
        sentence = self.sentence(text, feeling)
        from livehost.brain.voice import Unspeakable  # noqa: PLC0415  (see _load_voice)

        try:
            async with aclosing(voice.speak(sentence)) as chunks:
                async for chunk in chunks:
                    yield chunk
        except Unspeakable:
            log.warning("nothing in a sentence can be spoken", extra={"text": text})

    async def _warm(self) -> None:
        """Have a language model read the card of the product on air before anybody asks."""
        replier = await self.replier.get()
        await keep_warm(replier, lambda: self.writer.product(self.director.seen))

    async def _consents(self) -> None:
        """Write down whose voices and whose face are in use."""
        await self.voice.get()
        from livehost.avatar import face_consent  # noqa: PLC0415  (see _load_voice)
        from livehost.brain.voice.consented import consents  # noqa: PLC0415  (see _load_voice)

        used = consents(self.room)
        if face := face_consent(self.room.near(self.room.avatar.path), self.room.name):
            used["face"] = face
        await watch_consents(used, self.state.log.note)

    def _refused(self, verdict: Verdict, text: str) -> None:
        """Write down what a language model said and the gate stopped; the card answers instead."""
        self.state.audit(
            "gate", model=True, rule=verdict.rule, found=verdict.found, text=text, said=""
        )

    def _asked(self, exchange: Exchange) -> None:
        if exchange.messages:
            self.state.log.note(Audit.MODEL, **asdict(exchange))

    def _note_beginning(self) -> None:
        """Write down what goes on air, and with what label."""
        room = self.room
        self.state.log.note(
            Audit.SHOW,
            event="began",
            room=room.name,
            version=__version__,
            label=room.scene.label,
            avatar=room.avatar.path,
            voice={"engine": room.voice.engine, "name": room.voice.name},
            products=sorted(self.catalog.products),
        )

    async def _console(self) -> None:
        console = await asyncio.get_running_loop().run_in_executor(None, _load_console)
        await console(self, _ask_end).run()

    # --- chat -------------------------------------------------------------------------------------

    def _sources(self, lines: asyncio.StreamReader | None) -> list[Source]:
        chat, memory = self.room.chat, self.state.memory
        sources: list[Source] = []
        if chat.replay:
            path = self.room.near(chat.replay)
            sources.append(ReplaySource(path, base=memory.show_seconds, show=memory.show))
        if chat.stdin and lines:
            sources.append(LineSource(lines))
        return sources

    async def _chat_sources(self) -> None:
        """Keep the sources of the room file running; without any there is nothing to load."""
        if not self.room.chat.source:
            await asyncio.Event().wait()
        house = await asyncio.get_running_loop().run_in_executor(None, _load_house)
        memory = self.state.memory
        await house.House(self.room, self.feeds, house.Past(memory.show_seconds, memory.show)).run()


# The voice's engines and the web server take long to import: each is loaded in a thread, and what
# stands in their modules is imported where it is used.


def _load_voice(room: Room) -> SpeechCache:
    from livehost.brain.voice import make_voice  # noqa: PLC0415

    # `livehost check` came first; what ends later must not end a show that is started again.
    return make_voice(room, running=True)


def _load_house() -> ModuleType:
    from livehost.brain.chat import house  # noqa: PLC0415

    return house


def _load_console() -> Callable[[Show, Callable[[], None]], Console]:
    from livehost.brain.desk import make_console  # noqa: PLC0415

    return make_console


def _ask_end() -> None:
    """Ask the parent to end the show."""
    print(json.dumps({"event": "stop"}), flush=True)
