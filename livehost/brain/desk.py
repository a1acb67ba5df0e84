"""The operator's desk: what the console may see of the show and do to it.

In:  status questions, chat, commands.   Out: JSON values, receipts, outcomes.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from livehost.brain import voice_status
from livehost.brain.chat.kinds import class_of
from livehost.brain.chat.message import MOST_TEXT, Rejected, clean
from livehost.brain.console import Console
from livehost.brain.console.desk import Outcome, Receipt, StreamTap
from livehost.brain.intent import Intent, IntentKind
from livehost.brain.writer import wall
from livehost.config import Room
from livehost.errors import ConfigError

if TYPE_CHECKING:
    from livehost.brain.app import Show

Command = Callable[[dict[str, Any]], Outcome]

MOST_NAME = 32


class ShowDesk:
    """The `Desk` of a real show.

    Args:
        show: the parts.
        stop: asks for the end of the show.
    """

    def __init__(self, show: Show, stop: Callable[[], None]) -> None:
        self._room = show.room
        self._state = show.state
        self._catalog = show.catalog
        self._rules = show.gate.rules
        self._intake = show.intake
        self._feeds = show.feeds
        self._inbox = show.inbox
        self._director = show.director
        self._writer = show.writer
        self._speaker = show.speaker
        self._link = show.link
        self._picture = show.picture
        self._voice = show.voice
        self._stop = stop
        self._began = asyncio.get_running_loop().time() - show.state.memory.show_seconds
        self._stopping = False
        self._commands: dict[str, Command] = {
            "say": self._say,
            "skip": self._skip,
            "pause": lambda _: self._pause(True),
            "resume": lambda _: self._pause(False),
            "product": self._product,
            "stop": self._end,
            "slate": self._slate,
            "output_add": self._output_add,
            "output_remove": self._output_remove,
        }

    # --- seeing -----------------------------------------------------------------------------------

    def status(self) -> dict[str, Any]:
        """Return the state of the show; keys are described in `console.desk`."""
        stage = dict(self._link.health)
        outputs = stage.pop("outputs", {})
        place = self._director.cursor
        voice = self._voice.value
        return {
            "room": self._room.name,
            "title": self._room.scene.title,
            "uptime_seconds": round(asyncio.get_running_loop().time() - self._began, 1),
            "mode": self._mode(),
            "now": self._now(),
            "product": self._director.product,
            "place": {
                "segment": place.segment,
                "line": place.line,
                "sentence": place.sentence,
            },
            "products": self._products(),
            "stage": {"connected": self._link.connected, **stage},
            "outputs": [{"name": name, **values} for name, values in outputs.items()],
            "chat": {
                "accepted": dict(self._intake.accepted),
                "rejected": dict(self._state.rejections),
                "waiting": self._inbox.snapshot(),
                "dropped": dict(self._inbox.dropped),
                "classes": dict(self._inbox.classes),
                "sources": self._feeds.snapshot(),
            },
            "speech": {
                **self._speaker.on_air.counts,
                "answer_seconds": self._speaker.on_air.answer_seconds.snapshot(),
                "failures": self._speaker.failures,
            },
            "state": {
                "waiting": self._state.store.waiting,
                "refused": self._state.store.refused,
                "failing": self._state.store.failing,
            },
            "audit": {
                "written": self._state.log.written,
                "waiting": self._state.log.waiting,
                "lost": self._state.log.lost,
                "failing": self._state.log.failing,
            },
            "voice": voice.snapshot() if voice else {},
            "warnings": self._warnings(),
        }

    def metrics(self) -> dict[str, float]:
        """Return every number by its Prometheus name."""
        on_air, store, log = self._speaker.on_air, self._state.store, self._state.log
        answers = on_air.answer_seconds.snapshot()
        numbers: dict[str, float] = {
            "livehost_stage_connected": float(self._link.connected),
            "livehost_stage_connections_total": self._link.session,
            "livehost_speech_ahead_seconds": (
                self._link.remaining() if self._link.connected else 0.0
            ),
            "livehost_utterance_failures_total": self._speaker.failures,
            "livehost_state_writes_waiting": store.waiting,
            "livehost_state_writes_refused_total": store.refused,
            "livehost_state_failing": float(bool(store.failing)),
            "livehost_audit_records_total": log.written,
            "livehost_audit_records_lost_total": log.lost,
            "livehost_audit_failing": float(bool(log.failing)),
            "livehost_preview_packets_left_out_total": self._link.preview.left_out,
            "livehost_answers_total": answers["count"],
            "livehost_catalog_problems": len(self._catalog.problems),
        }
        numbers |= {
            f'livehost_answer_seconds{{quantile="{name}"}}': answers[name]
            for name in ("p50", "p95", "p99", "max")
        }
        numbers |= _labelled("livehost_chat_accepted_total", "kind", self._intake.accepted)
        numbers |= _labelled("livehost_chat_rejected_total", "reason", self._state.rejections)
        numbers |= _labelled("livehost_chat_dropped_total", "reason", self._inbox.dropped)
        numbers |= _labelled("livehost_chat_comments_total", "class", self._inbox.classes)
        numbers |= _labelled("livehost_chat_waiting", "sort", self._inbox.snapshot())
        numbers |= self._feeds.metrics()
        numbers |= _labelled("livehost_show_total", "what", on_air.counts)
        numbers |= voice_status.numbers(self._engines())
        numbers |= voice_status.cache_numbers(self._voice_told())
        return numbers | flattened("livehost_stage", self._link.health)

    def recent(self) -> dict[str, Any]:
        """Return the last chat and the last sentences, oldest first."""
        return {
            "chat": [
                {
                    "id": m.id,
                    "kind": m.kind.value,
                    "class": class_of(m),
                    "nickname": m.nickname,
                    "text": m.text,
                    "at": m.at.isoformat(),
                    "count": m.count,
                    **self._became(m.id),
                }
                for m in self._intake.recent
            ],
            "utterances": list(self._speaker.on_air.recent),
        }

    def _became(self, message: str) -> dict[str, str]:
        """Return what became of a message: its state, and what was said to it."""
        outcome, utterance = self._state.outcomes.get(message, ("", None))
        if not outcome:
            return {"state": "waiting", "answer": ""}
        if outcome not in {"answered", "digest"}:
            return {"state": "passed", "answer": ""}
        said = (u["text"] for u in self._speaker.on_air.recent if u["utterance"] == utterance)
        return {"state": "answered", "answer": "".join(said)}

    def stream(self) -> StreamTap:
        """Return a tap on the encoded stream."""
        return self._link.preview.tap()

    # --- doing ------------------------------------------------------------------------------------

    def submit_chat(self, raw: bytes | dict[str, Any]) -> Receipt:
        """Take one chat message in. Never raises on bad input."""
        try:
            return Receipt(True, self._feeds.direct("http", raw).id)
        except Rejected as rejected:
            return Receipt(False, reason=f"{rejected.reason}: {rejected}")

    async def command(self, name: str, args: dict[str, Any]) -> Outcome:
        """Carry out a command. Never raises on bad arguments."""
        command = self._commands.get(name)
        if command is None:
            return Outcome(False, f"unknown command; there are {', '.join(self._commands)}")
        outcome = command(args if isinstance(args, dict) else {})
        known = {key: value for key, value in args.items() if key != "url"}
        self._state.audit("command", name=name, args=known, ok=outcome.ok, message=outcome.message)
        return outcome

    def _say(self, args: dict[str, Any]) -> Outcome:
        text = args.get("text")
        if not isinstance(text, str) or not (text := clean(text)):
            return Outcome(False, "say needs a text")
        if len(text) > MOST_TEXT:
            return Outcome(False, f"the text is longer than {MOST_TEXT} characters")
        said = self._writer.judged(text, self._intent_here(text))
        if said.rule:
            return Outcome(False, f"「{said.found}」 is stopped by rule {said.rule}; reword it")
        if not self._director.say(text):
            return Outcome(False, "too many texts wait to be said; try again later")
        if args.get("cut") is True:
            self._speaker.cut(resume=True)
        self._speaker.plan()
        return Outcome(True, "will be said next")

    def _intent_here(self, text: str) -> Intent:
        return Intent(IntentKind.SAY, "operator", product=self._director.product, texts=(text,))

    def _skip(self, _: dict[str, Any]) -> Outcome:
        if self._speaker.says_something_else():
            self._speaker.cut(resume=False)
            return Outcome(True, "cut; the script goes on where it was")
        segment = self._director.skip()
        return self._jumped(segment)

    def _product(self, args: dict[str, Any]) -> Outcome:
        product = args.get("id") or args.get("product")
        if not isinstance(product, str) or product not in self._catalog.products:
            known = ", ".join(self._catalog.products)
            return Outcome(False, f"no such product; there are {known}")
        segment = self._director.jump_to_product(product)
        if segment is None:
            return Outcome(False, f"{product} has no segment in the rundown")
        return self._jumped(segment)

    def _jumped(self, segment: str) -> Outcome:
        self._state.cursor(self._director.cursor)
        self._speaker.cut(resume=False)
        self._speaker.plan()
        return Outcome(True, f"now at segment {segment}", {"segment": segment})

    def _pause(self, paused: bool) -> Outcome:
        self._speaker.pause(paused)
        self._state.flag("paused", paused)
        return Outcome(True, "pauses after this sentence" if paused else "goes on")

    def _slate(self, args: dict[str, Any]) -> Outcome:
        on = args.get("on", True)
        if not isinstance(on, bool):
            return Outcome(False, "slate needs on: true or false")
        self._picture.show_slate(on)
        self._state.flag("slate", on)
        return Outcome(True, "slate shown" if on else "host shown")

    def _output_add(self, args: dict[str, Any]) -> Outcome:
        name, url = args.get("name"), args.get("url")
        if not _is_name(name) or not isinstance(url, str) or not url:
            return Outcome(False, "output_add needs a name (letters, digits, - and _) and a url")
        self._picture.add_output(str(name), url)
        return Outcome(True, f"output {name} is being added")

    def _output_remove(self, args: dict[str, Any]) -> Outcome:
        name = args.get("name")
        if not _is_name(name):
            return Outcome(False, "output_remove needs a name")
        self._picture.remove_output(str(name))
        return Outcome(True, f"output {name} is being removed")

    def _end(self, _: dict[str, Any]) -> Outcome:
        self._stopping = True
        self._stop()
        return Outcome(True, "the show ends")

    # --- parts of the status ----------------------------------------------------------------------

    def _mode(self) -> str:
        if self._stopping:
            return "stopping"
        if not self._link.connected:
            return "waiting"
        if self._picture.slate:
            return "slate"
        return "paused" if self._picture.paused else "live"

    def _now(self) -> dict[str, Any] | None:
        saying = self._speaker.on_air.saying
        if saying is None:
            return None
        aired, sentence = saying
        return {
            "utterance": aired.id,
            "sentence": sentence,
            "text": aired.text(sentence),
            "why": aired.intent.reason,
            "kind": aired.intent.kind.value,
            "product": aired.intent.product,
        }

    def _products(self) -> list[dict[str, Any]]:
        now = wall()
        return [
            {"id": p.id, "name": p.name, "price": f"{p.price_at(now):.2f}"}
            for p in self._catalog.products.values()
        ]

    def _engines(self) -> dict[str, Any]:
        """Return the record of each voice engine; nothing while they are not there."""
        engines: dict[str, Any] = self._voice_told().get("engines", {})
        return engines

    def _voice_told(self) -> dict[str, Any]:
        voice = self._voice.value
        return voice.snapshot() if voice else {}

    def _warnings(self) -> list[str]:
        store = self._state.store
        warnings = [f"catalog not reloaded: {problem}" for problem in self._catalog.problems]
        warnings += [f"word lists not reloaded: {problem}" for problem in self._rules.problems]
        if store.failing:
            warnings.append(f"state cannot be written: {store.failing}")
        if failing := self._state.log.failing:
            warnings.append(f"audit log cannot be written: {failing}")
        if store.moved:
            warnings.append(f"the state file was damaged; it is kept as {store.moved.name}")
        warnings += voice_status.warnings(self._engines())
        warnings += voice_status.cache_warnings(self._voice_told())
        warnings += [
            f"chat source {feed.name}: {feed.reason}" for feed in self._feeds if feed.troubled
        ]
        troubles = (self._link.health.get(key) for key in ("renderer_trouble", "encoder_trouble"))
        warnings += [f"picture: {trouble}" for trouble in troubles if trouble]
        if not self._link.connected:
            warnings.append("the stage is not there; nobody hears the host")
        return warnings


def _is_name(name: object) -> bool:
    return (
        isinstance(name, str)
        and 0 < len(name) <= MOST_NAME
        and all(c.isascii() and (c.isalnum() or c in "-_") for c in name)
    )


def _labelled(name: str, label: str, values: Any) -> dict[str, float]:
    return {f'{name}{{{label}="{key}"}}': float(value) for key, value in values.items()}


def flattened(prefix: str, values: dict[str, Any]) -> dict[str, float]:
    """Return the numbers of nested JSON values by joined name; outputs become a label."""
    numbers: dict[str, float] = {}
    for key, value in values.items():
        if key == "outputs" and isinstance(value, dict):
            numbers |= _outputs(value)
        elif isinstance(value, dict):
            numbers |= flattened(f"{prefix}_{key}", value)
        elif isinstance(value, int | float):
            total = "_total" if prefix.endswith("_counters") else ""
            numbers[f"{prefix}_{key}{total}"] = float(value)
    return numbers


def _outputs(outputs: dict[str, Any]) -> dict[str, float]:
    return {
        f'livehost_output_{key}{{output="{json.dumps(name)[1:-1]}"}}': float(value)
        for name, values in outputs.items()
        for key, value in values.items()
        if isinstance(value, int | float)
    }


def make_console(show: Show, stop: Callable[[], None]) -> Console:
    """Return the console of a show. Raises ConfigError when its address is wrong."""
    host, port = _address(show.room, show.options.console)
    token = os.environ.get(show.room.console.token_env) or None
    return Console(ShowDesk(show, stop), host, port, token, show.room.chat.most_bytes)


def _address(room: Room, given: str | None) -> tuple[str, int]:
    if given is None:
        return room.console.host, room.console.port
    host, _, port = given.rpartition(":")
    if not host or not port.isdigit() or int(port) > 65_535:
        raise ConfigError(f"--console {given}: write it like 127.0.0.1:8080")
    return host.strip("[]"), int(port)
