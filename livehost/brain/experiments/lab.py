"""All experiments of a room: kept in the state file, fed with what viewers do, shown and stopped.

In:  the experiments file, places of the script, chat.   Out: the chooser; status and metrics.

Everything is written down as it happens. After a kill what viewers did is counted again from the
chat log, so that nothing counts twice or is missed.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from livehost.brain.chat.message import ChatMessage
from livehost.brain.experiments.audience import Audience
from livehost.brain.experiments.chooser import Chooser, follow
from livehost.brain.experiments.kept import alive_at, counted, deeds_since, moment, past
from livehost.brain.experiments.plan import Experiment, Per, check, load
from livehost.brain.experiments.trial import Shown, Trial
from livehost.brain.experiments.words import said
from livehost.brain.intent import Place
from livehost.brain.script import Line, Segment
from livehost.brain.store import Store
from livehost.config import Room
from livehost.errors import ConfigError

log = logging.getLogger(__name__)

TICK_SECONDS = 1.0
SNAPSHOT_SECONDS = 2.0  # how long what is told of an experiment serves everybody
RECOUNTED = timedelta(hours=2)
GONE = timedelta(minutes=2)  # without a sentence: the show was not on


Taken = Callable[[ChatMessage, str, bool], None]
"""Told (message, source, fresh) of each message in the chat log."""


def wall() -> datetime:
    """Return the present."""
    return datetime.now(UTC)


class Lab:
    """The experiments.

    Args:
        rundown: returns the segments in force.
        line: returns the line at a place, as it is on air.

    Attributes:
        problems: why the file on disk is not in force; empty when it is.
        misfits: what in the experiments a reload of the rundown has taken away.
        chooser: what the script asks.

    Raises:
        ConfigError: the file is wrong.
    """

    def __init__(
        self,
        room: Room,
        rundown: Callable[[], Sequence[Segment]],
        store: Store,
        line: Callable[[Place], Line],
        now: Callable[[], datetime] = wall,
    ) -> None:
        self._line = line
        self._path = room.near(room.show.experiments) if room.show.experiments else None
        self._language = room.language
        self._rundown = rundown
        self._store = store
        self._now = now
        self._write: Callable[..., object] = store.now
        self._past = past(store)
        self._kept = dict(store.rows("SELECT id, kept FROM experiments"))
        self.audience = Audience()
        self.problems: tuple[str, ...] = ()
        self.misfits: tuple[str, ...] = ()
        self._checked: Sequence[Segment] | None = None
        self._trials: dict[str, Trial] = {}
        self._stamp = self._stamped()
        self.chooser = Chooser(self._arms, now)
        self._seen: dict[str, tuple[float, dict[str, Any]]] = {}
        if self._path:
            self._install(load(self._path, rundown()))
        self._recover()
        self._write = store.put

    # --- the file ---------------------------------------------------------------------------------

    def _install(self, plans: Sequence[Experiment]) -> None:
        """Put plans in force; what was learnt of arms with the same ids goes on."""
        self._past |= {name: trial.shown for name, trial in self._trials.items()}
        self._kept |= {name: trial.kept for name, trial in self._trials.items()}
        self._trials, self._checked = {}, None
        self._seen.clear()
        for plan in plans:
            keep = partial(self._keep, plan.id)
            past, kept = self._past.get(plan.id, []), self._kept.get(plan.id, "")
            self._trials[plan.id] = Trial(plan, keep, past, kept)
            self._note(self._trials[plan.id])

    def _note(self, trial: Trial) -> None:
        self._write(
            "INSERT OR REPLACE INTO experiments VALUES (?, ?, ?, ?)",
            trial.plan.id, trial.plan.model_dump_json(), trial.kept, self._now().isoformat(),
        )  # fmt: skip

    def _arms(self) -> Iterable[Trial]:
        return self._trials.values()

    def _stamped(self) -> tuple[int, int] | None:
        try:
            found = self._path.stat() if self._path else None
        except OSError:
            return None
        return (found.st_mtime_ns, found.st_size) if found else None

    def reload(self) -> None:
        """Put a saved file in force; a broken one leaves the old one and is reported."""
        stamp = self._stamped()
        if self._path is None or stamp == self._stamp:
            return
        self._stamp = stamp
        try:
            self._install(load(self._path, self._rundown()))
        except ConfigError as error:
            self.problems = error.problems
            log.warning("experiments not reloaded", extra={"problems": list(self.problems)})
            return
        self.problems = ()
        log.info("experiments reloaded", extra={"experiments": list(self._trials)})

    async def run(self) -> None:
        """Look after the file and after what is over, until cancelled."""
        while True:
            await asyncio.sleep(TICK_SECONDS)
            self.reload()
            self._compare()
            for trial in self._trials.values():
                trial.settle(self._now(), self.audience.minutes)

    def _compare(self) -> None:
        """See whether the experiments still fit a rundown that was reloaded."""
        rundown = self._rundown()
        if rundown is not self._checked:
            self._checked = rundown
            plans = [trial.plan for trial in self._trials.values()]
            self.misfits = tuple(check(plans, rundown))

    # --- the state file ---------------------------------------------------------------------------

    def _keep(self, experiment: str, one: Shown) -> None:
        self._write(
            "INSERT OR REPLACE INTO exposures VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            experiment, one.number, one.place, one.arm, one.share, one.chosen.isoformat(),
            one.began.isoformat() if one.began else "", one.until.isoformat() if one.until else "",
            one.viewer_minutes, json.dumps(one.counts),
        )  # fmt: skip

    def _recover(self) -> None:
        """Count again what viewers did lately; end what was on when the show went away."""
        now = self._now()
        since = now - RECOUNTED
        deeds = deeds_since(self._store, since)
        for kind, count, _, at in deeds:
            if kind == "audience":
                self.audience.report(at, count)
        alive = alive_at(self._store)
        for trial in self._trials.values():
            if alive and now - alive > GONE:
                trial.interrupted(alive)
            trial.recount(since, [deed for deed in deeds if deed[0] != "audience"])

    # --- what happens -----------------------------------------------------------------------------

    def heard(self, place: Place) -> None:
        """Note that a sentence of the script begins to sound."""
        line = self._line(place).id
        for trial in self._trials.values():
            follow(trial, place, line, self._now())

    def also(self, told: Taken) -> Taken:
        """Return a function that tells `told` of a message and counts it as well."""

        def both(message: ChatMessage, source: str, fresh: bool) -> None:
            told(message, source, fresh)
            self.saw(message, fresh)

        return both

    def saw(self, message: ChatMessage, fresh: bool = True) -> None:
        """Count what a viewer did, once it is in the chat log."""
        if not fresh:
            return
        at = moment(message.at, self._now())
        kind = message.kind.value
        if kind == "audience":
            self.audience.report(at, message.count)
            return
        product = str(message.extra.get("product", ""))
        for trial in self._trials.values():
            trial.did(kind, counted(kind, message.count), product, at)

    # --- the operator -----------------------------------------------------------------------------

    @property
    def trials(self) -> dict[str, Trial]:
        """Experiments by id."""
        return self._trials

    def stop(self, name: str, arm: str) -> str:
        """Freeze an experiment on an arm, "" for the leader; return the arm.

        Raises:
            KeyError: there is no such experiment, or no such arm.
        """
        trial = self._trials[name]
        arm = arm or trial.plan.names[trial.standings(self._now()).leader]
        if arm not in trial.plan.names:
            raise KeyError(arm)
        trial.ended(self._now())
        self._set(trial, arm)
        return arm

    def resume(self, name: str) -> None:
        """Let an experiment go on. Raises KeyError when there is no such experiment."""
        self._set(self._trials[name], "")

    def _set(self, trial: Trial, kept: str) -> None:
        trial.kept = kept
        self._note(trial)
        self._seen.pop(trial.plan.id, None)

    def snapshot(self) -> list[dict[str, Any]]:
        """Return JSON values for the status; at most one experiment is looked at anew."""
        time = asyncio.get_running_loop().time()
        for name, trial in self._trials.items():
            if name not in self._seen:
                self._seen[name] = time, self._told(trial)
        name = min(self._trials, key=lambda name: self._seen[name][0], default="")
        if name and time - self._seen[name][0] > SNAPSHOT_SECONDS:
            self._seen[name] = time, self._told(self._trials[name])
        return [self._seen[name][1] for name in self._trials]

    def _told(self, trial: Trial) -> dict[str, Any]:
        now = self._now()
        known, standings = trial.knowledge(now), trial.standings(now)
        fewest = int(known.exposures.min())
        return {
            "id": trial.plan.id,
            "what": trial.plan.what.value,
            "per": trial.plan.per.value,
            "kept": trial.kept,
            "on": trial.on.arm if trial.on else "",
            "standing": standings.standing.value,
            "words": said(trial.plan, standings, fewest, trial.kept, self._language),
            "arms": [
                {
                    "id": name,
                    "exposures": int(known.exposures[n]),
                    "amount": round(float(known.amount[n]), 2),
                    "reward": float(standings.mean[n]),
                    "low": float(standings.low[n]),
                    "high": float(standings.high[n]),
                    "best": float(standings.best[n]),
                    "loss": float(standings.loss[n]),
                }
                for n, name in enumerate(trial.plan.names)
            ],
        }

    def warnings(self) -> list[str]:
        """Return what an operator should look at."""
        found = [f"experiments not reloaded: {problem}" for problem in self.problems]
        found += self.misfits
        for trial in self._trials.values():
            plan = trial.plan
            over = [one for one in trial.shown[-10:] if one.over(self._now())]
            if plan.per is Per.VIEWER_MINUTE and over and not any(o.viewer_minutes for o in over):
                found.append(f"experiment {plan.id}: no audience is reported; nothing is learnt")
        return found

    def metrics(self) -> dict[str, float]:
        """Return every number by its Prometheus name."""
        numbers: dict[str, float] = {}
        for told in self.snapshot():
            of = f'experiment="{told["id"]}"'
            numbers[f"livehost_experiment_stopped{{{of}}}"] = float(bool(told["kept"]))
            for arm in told["arms"]:
                labels = f'{of},arm="{arm["id"]}"'
                numbers[f"livehost_experiment_exposures_total{{{labels}}}"] = arm["exposures"]
                numbers[f"livehost_experiment_reward{{{labels}}}"] = arm["reward"]
                numbers[f"livehost_experiment_best{{{labels}}}"] = arm["best"]
        return numbers
