"""All actions of a room: each event goes to every target that asked for its kind.

In:  kinds of events with JSON values.   Out: events in the outboxes; status, warnings, metrics.

What sends is loaded in a thread when the show runs: the web client takes long to import.
"""

from __future__ import annotations

import asyncio
import json
import logging
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from livehost.brain.actions.outbox import Event, Outbox, left
from livehost.brain.store import Store
from livehost.config_actions import Action, shown
from livehost.errors import ConfigError
from livehost.supervise import supervise

if TYPE_CHECKING:
    from livehost.brain.actions.target import Target

log = logging.getLogger(__name__)

LAST_SECONDS = 1.5  # for what waits when the show ends
FATES = ("delivered", "superseded", "full", "expired", "refused", "lost")


def _wall() -> datetime:
    return datetime.now(UTC)


class Actions:
    """The [[action]]s of a room.

    Args:
        room: its name, told with each event.
        now: aware wall time.
    """

    def __init__(
        self,
        room: str,
        settings: tuple[Action, ...],
        store: Store,
        now: Callable[[], datetime] = _wall,
    ) -> None:
        self._room = room
        self._settings = {action.name: action for action in settings}
        self._store = store
        self._now = now
        self._targets: dict[str, Target] = {}
        self._broken: dict[str, str] = {}
        before = left(store, self._settings)
        self._outboxes = {a.name: self._outbox(a, before[a.name]) for a in settings}

    def _outbox(self, action: Action, before: list[Event]) -> Outbox:
        return Outbox(
            action.name,
            self._store,
            most=action.queue,
            late=action.late_seconds,
            keep=action.keep_hours * 3600,
            now=self._now,
            left=before,
        )

    def emit(self, kind: str, data: dict[str, Any], event_id: str = "") -> str:
        """Tell everybody who asked for it that something happened; return the event's id.

        Never waits and never raises: what cannot be told is counted.

        Args:
            data: JSON values; anything else is told as text.
            event_id: names an event that may be told twice, in this room; "" is a new one.
        """
        at = self._now()
        named = uuid.uuid5(uuid.NAMESPACE_URL, f"livehost:{self._room}:{event_id}")
        event_id = (named if event_id else uuid.uuid4()).hex
        values = {"id": event_id, "kind": kind, "at": at.isoformat(), "room": self._room}
        text = json.dumps({**values, "data": data}, ensure_ascii=False, default=str)
        event = Event(event_id, kind, at, text.encode("utf-8", "replace"))
        for name, outbox in self._outboxes.items():
            wanted = self._settings[name].events
            if not wanted or kind in wanted:
                outbox.add(event)
        return event_id

    async def run(self) -> None:
        """Deliver until cancelled."""
        if not self._settings:
            await asyncio.Event().wait()
        await asyncio.get_running_loop().run_in_executor(None, _load)
        self._make()
        async with asyncio.TaskGroup() as group:
            for name, target in self._targets.items():
                group.create_task(supervise(f"action {name}", target.run), name=f"action {name}")
            await asyncio.Event().wait()

    async def finish(self, seconds: float = LAST_SECONDS) -> None:
        """Deliver what waits at the end of the show, as far as `seconds` allow."""
        try:
            async with asyncio.timeout(seconds):
                await self._store.flush()
                async with asyncio.TaskGroup() as group:
                    for target in self._targets.values():
                        group.create_task(target.finish())
        except TimeoutError:
            waiting = sum(len(outbox) for outbox in self._outboxes.values())
            log.warning("actions are left for the next start", extra={"waiting": waiting})

    def _make(self) -> None:
        """Make what sends; a target whose settings are wrong is missing, and only it."""
        from livehost.brain.actions.target import Target  # noqa: PLC0415  (see `run`)

        for name, settings in self._settings.items():
            if name in self._targets:
                continue
            try:
                self._targets[name] = Target(settings, self._outboxes[name], self._now)
            except ConfigError as error:
                self._broken[name] = str(error)
                log.error("action cannot run", extra={"target": name, "reason": str(error)})

    # --- what the operator sees -------------------------------------------------------------------

    def snapshot(self) -> list[dict[str, Any]]:
        """Return JSON values for the status, in the order of the room file."""
        return [self._seen(name) for name in self._settings]

    def _seen(self, name: str) -> dict[str, Any]:
        settings, outbox = self._settings[name], self._outboxes[name]
        target = self._targets.get(name)
        state = "failed" if name in self._broken else target.state.value if target else "starting"
        return {
            "name": name,
            "to": _to(settings),
            "signed": bool(settings.secret_env),
            "state": state,
            "reason": self._broken.get(name) or (target.reason if target else ""),
            "waiting": len(outbox),
            "oldest_seconds": round(outbox.oldest_seconds, 1),
            "events": {fate: outbox.counts[fate] for fate in FATES},
            "tries": target.tries if target else 0,
            "failures": target.failures if target else 0,
            "seconds": target.seconds.snapshot() if target else {},
        }

    def warnings(self) -> list[str]:
        """Return a line for every target that does not get its events."""
        return [
            f"action {seen['name']}: {seen['reason']}; {seen['waiting']} events wait"
            for seen in self.snapshot()
            if seen["state"] in {"failed", "open"}
        ]

    def metrics(self) -> dict[str, float]:
        """Return every number by its Prometheus name."""
        numbers: dict[str, float] = {}
        for seen in self.snapshot():
            of = f'target="{seen["name"]}"'
            numbers[f"livehost_action_ok{{{of}}}"] = float(seen["state"] in {"ready", "starting"})
            numbers[f"livehost_action_waiting{{{of}}}"] = seen["waiting"]
            numbers[f"livehost_action_oldest_seconds{{{of}}}"] = seen["oldest_seconds"]
            numbers[f"livehost_action_tries_total{{{of}}}"] = seen["tries"]
            numbers[f"livehost_action_failures_total{{{of}}}"] = seen["failures"]
            for fate, count in seen["events"].items():
                numbers[f'livehost_action_events_total{{{of},result="{fate}"}}'] = count
        return numbers


def _to(settings: Action) -> str:
    try:
        return shown(settings.address())
    except ConfigError:
        return ""


def _load() -> None:
    import livehost.brain.actions.target  # noqa: F401, PLC0415
