"""What the script asks of experiments: which wording of a line, which segments in which order.

In:  lines and rounds.   Out: an index, an order; None and the same order where nothing is tried.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

from livehost.brain.experiments.plan import Arm, What
from livehost.brain.experiments.trial import Trial
from livehost.brain.intent import Place
from livehost.brain.script import Segment


def place_of(trial: Trial, segment: str, round_: int) -> str:
    """Return what a choice is made for: a segment in a round, or a round."""
    return f"{segment}@{round_}" if trial.plan.what is What.WORDING else f"@{round_}"


class Chooser:
    """Answers the script.

    Args:
        trials: returns the experiments under way.
        now: returns the present.
    """

    def __init__(self, trials: Callable[[], Iterable[Trial]], now: Callable[[], datetime]) -> None:
        self._trials = trials
        self._now = now

    def wording(self, segment: str, line: str, round_: int) -> int | None:
        """Return which text of a line to say: 0 is its own, 1 its first variant; None: any.

        Args:
            line: its id.
        """
        for trial in self._of(What.WORDING):
            plan = trial.plan
            if plan.segment == segment and (not plan.lines or line in plan.lines):
                return (self._arm(trial, segment, round_).wording or 1) - 1
        return None

    def arranged(self, segments: Sequence[Segment], round_: int) -> Sequence[Segment]:
        """Return the segments of a round in the order they are spoken; never none of them."""
        for trial in self._of(What.SEGMENT):
            chosen = self._arm(trial, "", round_).segment
            others = trial.plan.segments - {chosen}
            if any(segment.id == chosen for segment in segments):
                segments = [segment for segment in segments if segment.id not in others]
        for trial in self._of(What.ORDER):
            segments = reordered(segments, self._arm(trial, "", round_).order)
        return segments

    def _of(self, what: What) -> Iterable[Trial]:
        return (trial for trial in self._trials() if trial.plan.what is what)

    def _arm(self, trial: Trial, segment: str, round_: int) -> Arm:
        name = trial.arm(place_of(trial, segment, round_), self._now())
        return next(arm for arm in trial.plan.arm if arm.id == name)


def reordered(segments: Sequence[Segment], order: Sequence[str]) -> Sequence[Segment]:
    """Return `segments` with those named in `order` in that order; the others keep their places."""
    known = {segment.id: segment for segment in segments}
    named = iter([known[name] for name in order if name in known])
    return [next(named) if segment.id in order else segment for segment in segments]


def follow(trial: Trial, place: Place, line: str, now: datetime) -> None:
    """Note that a place of the script is heard: an arm may be on from here, or be over.

    Args:
        line: the id of its line.
    """
    plan = trial.plan
    on = trial.on
    match plan.what:
        case What.ORDER:
            trial.begun(f"@{place.round}", now)
        case What.SEGMENT:
            name = f"@{place.round}"
            if place.segment == _segment_of(trial, name):
                trial.begun(name, now)
            elif on:
                trial.ended(now)
        case What.WORDING:
            name = f"{place.segment}@{place.round}"
            if place.segment == plan.segment:
                if not plan.lines or line in plan.lines:
                    trial.begun(name, now)
            elif on:
                trial.ended(now)


def _segment_of(trial: Trial, place: str) -> str | None:
    """Return the segment that was chosen for a place."""
    chosen = trial.chosen(place)
    return next((arm.segment for arm in trial.plan.arm if arm.id == chosen), None)
