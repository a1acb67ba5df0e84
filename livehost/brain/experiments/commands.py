"""Commands on experiments and titles.

In:  an operator's decision.   Out: an experiment frozen or going on; a title noted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from livehost.brain.command import Args, Outcome, Role, Who, command

if TYPE_CHECKING:
    from livehost.brain.app import Show

Named = Annotated[str, Field(min_length=1, max_length=64)]


class Stopped(Args):
    """An experiment, and the arm to keep."""

    id: Named
    keep: Annotated[str, Field(max_length=64)] = ""
    """"" keeps the arm that is most likely the best."""


class Resumed(Args):
    """An experiment."""

    id: Named


class TitleOn(Args):
    """A title of the room file."""

    id: Named


class ExperimentCommands:
    """Stops experiments, lets them go on, and notes titles."""

    def __init__(self, show: Show) -> None:
        self._lab = show.lab
        self._titles = show.titles

    @command(Role.OPERATOR, Stopped)
    def experiment_stop(self, args: Stopped, _: Who) -> Outcome:
        """Stop an experiment and keep one of its arms; nothing more is tried."""
        trial = self._lab.trials.get(args.id)
        if trial is None:
            return self._unknown()
        try:
            arm = self._lab.stop(args.id, args.keep)
        except KeyError:
            return Outcome(False, f"no such arm; there are {', '.join(trial.plan.names)}")
        return Outcome(True, f"{args.id} is stopped on {arm}", {"kept": arm})

    @command(Role.OPERATOR, Resumed)
    def experiment_resume(self, args: Resumed, _: Who) -> Outcome:
        """Let a stopped experiment go on with what it knows."""
        if args.id not in self._lab.trials:
            return self._unknown()
        self._lab.resume(args.id)
        return Outcome(True, f"{args.id} goes on")

    @command(Role.OPERATOR, TitleOn)
    def title_on(self, args: TitleOn, _: Who) -> Outcome:
        """Note that a title and its cover are on the platform from now on."""
        try:
            self._titles.put_on(args.id)
        except KeyError:
            known = ", ".join(t["id"] for t in self._titles.snapshot()["all"]) or "none"
            return Outcome(False, f"no such title in the room file; there are {known}")
        return Outcome(True, f"title {args.id} is on from now")

    def _unknown(self) -> Outcome:
        return Outcome(
            False, f"no such experiment; there are {', '.join(self._lab.trials) or 'none'}"
        )
