"""What the console sees of a show: its state, its chat, its last sentences.

In:  the parts of a show.   Out: JSON values.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from livehost.brain.chat.kinds import class_of
from livehost.brain.desk.disk import Disk, folders, one_cause
from livehost.brain.desk.machine import Machine
from livehost.brain.desk.stage import Layers
from livehost.brain.desk.warnings import alerts, warnings
from livehost.brain.sentences import joined
from livehost.brain.writer import wall

if TYPE_CHECKING:
    from livehost.brain.app import Show


class Seeing:
    """Looks at a show; changes nothing.

    Attributes:
        machine: how busy it is.
        stopping: the operator asked for the end.
    """

    def __init__(self, show: Show) -> None:
        self._show = show
        self._began = asyncio.get_running_loop().time() - show.state.memory.show_seconds
        self.machine = Machine()
        self._disk = Disk(folders(show.room))
        self.stopping = False

    def status(self) -> dict[str, Any]:
        """Return the state of the show; keys are described in `console.desk`."""
        show = self._show
        stage = dict(show.link.health)
        outputs = stage.pop("outputs", {})
        place = show.director.cursor
        return {
            "room": show.room.name,
            "title": show.room.scene.title,
            "uptime_seconds": round(asyncio.get_running_loop().time() - self._began, 1),
            "mode": self._mode(),
            "muted": show.picture.muted,
            "lease": show.lease.snapshot(),
            "now": self._now(),
            "product": show.director.product,
            "place": {
                "segment": place.segment,
                "line": place.line,
                "sentence": place.sentence,
            },
            "products": self._products(),
            "stage": {"connected": show.link.connected, **stage},
            "outputs": [{"name": name, **values} for name, values in outputs.items()],
            "chat": self._chat(),
            "actions": show.actions.snapshot(),
            "experiments": show.lab.snapshot(),
            "titles": show.titles.snapshot(),
            **self._records(),
            "voice": show.voice.value.snapshot() if show.voice.value else {},
            "warnings": (lines := self._warnings()),
            "alerts": alerts(lines),
            "machine": self.machine.snapshot(),
            "layers": {name: name not in show.picture.hidden for name in Layers.model_fields},
        }

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
                for m in self._show.intake.recent
            ],
            "utterances": list(self._show.speaker.on_air.recent),
        }

    # --- parts ------------------------------------------------------------------------------------

    def _warnings(self) -> list[str]:
        found = warnings(self._show) + self.machine.warnings() + self._disk.warnings()
        return one_cause(found, self._show.link.health.get("outputs", {}))

    def _became(self, message: str) -> dict[str, str]:
        """Return what became of a message: its state, and what was said to it."""
        outcome, utterance = self._show.state.outcomes.get(message, ("", None))
        if not outcome:
            return {"state": "waiting", "answer": ""}
        if outcome not in {"answered", "asked_back", "digest"}:
            return {"state": "passed", "answer": ""}
        recent = self._show.speaker.on_air.recent
        said = (u["text"] for u in recent if u["utterance"] == utterance)
        return {"state": "answered", "answer": joined(said)}

    def _chat(self) -> dict[str, Any]:
        show = self._show
        return {
            "accepted": dict(show.intake.accepted),
            "rejected": dict(show.state.rejections),
            "waiting": show.inbox.snapshot(),
            "dropped": dict(show.inbox.dropped),
            "classes": dict(show.inbox.classes),
            "sources": show.feeds.snapshot(),
        }

    def _records(self) -> dict[str, Any]:
        on_air, store = self._show.speaker.on_air, self._show.state.store
        audit = self._show.state.log
        return {
            "speech": {
                **on_air.counts,
                "answer_seconds": on_air.answer_seconds.snapshot(),
                "failures": self._show.speaker.failures,
            },
            "state": {
                "waiting": store.waiting,
                "refused": store.refused,
                "failing": store.failing,
            },
            "audit": {
                "written": audit.written,
                "waiting": audit.waiting,
                "lost": audit.lost,
                "failing": audit.failing,
            },
        }

    def _mode(self) -> str:
        if self.stopping:
            return "stopping"
        if not self._show.link.connected:
            return "waiting"
        if self._show.picture.slate:
            return "slate"
        if self._show.picture.paused:
            return "muted" if self._show.picture.muted else "paused"
        return "taken" if self._show.lease.held else "live"

    def _now(self) -> dict[str, Any] | None:
        saying = self._show.speaker.on_air.saying
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
            for p in self._show.catalog.products.values()
        ]
