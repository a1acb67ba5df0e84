"""The real brain as a process that kills itself with SIGKILL at one named transition.

In:  options on standard input as from the parent; KILL_AT = "place kind when" in the environment.

Announcements and fillers come every few seconds, so that a test of a minute meets them all.
"""

import os
import signal
import sys
from dataclasses import replace

from livehost import process
from livehost.brain import app
from livehost.brain.director import Director
from livehost.brain.intent import IntentKind
from livehost.brain.on_air import OnAir
from livehost.brain.programme import load, timer
from livehost.brain.programme.course import Course
from livehost.brain.stage_link import StageLink
from livehost.brain.store import Store

EVERY, QUIET, FILLERS = 8.0, 1.0, 11.0


def sooner():
    made = load._announcement
    load._announcement = lambda *given: replace(made(*given), every=EVERY)
    settings = timer.Settings

    def soon(*given):
        return replace(settings(*given), quiet=QUIET, filler_seconds=FILLERS)

    timer.Settings = soon


def die():
    os.kill(os.getpid(), signal.SIGKILL)


def killing(owner, name, when, matches):
    """Die before or after a method runs with arguments that match."""
    method = getattr(owner, name)

    def wrapped(self, *given, **more):
        found = matches(self, *given)
        if found and when == "before":
            die()
        result = method(self, *given, **more)
        if (found or (when == "true" and result)) and when != "before":
            die()
        return result

    setattr(owner, name, wrapped)


def of_kind(kind):
    def matches(_, first, *__):
        intent = getattr(first, "intent", first)
        return intent is not None and getattr(intent, "kind", None) == IntentKind(kind)

    return matches


def arm(place, kind, when):
    match place:
        case "begin" | "sending" | "_started" | "_heard":
            killing(OnAir, place, when, of_kind(kind))
        case "yielded" | "put_back" | "broken_off":
            killing(Director, place, when, of_kind(kind))
        case "segment":
            killing(Course, "reached", "true", lambda *_: False)
        case "sale":
            killing(timer.Timer, "_data", when, lambda *_: True)
        case "commit":
            commits = iter(range(int(kind)))
            killing(Store, "_commit", when, lambda *_: next(commits, None) is None)
        case "piece":
            speaks = iter(range(int(kind)))
            killing(StageLink, "speak", when, lambda *_: next(speaks, None) is None)


if __name__ == "__main__":
    process.log_to_stderr("brain")
    sooner()
    if wish := os.environ.get("KILL_AT"):
        arm(*wish.split())
    sys.exit(process.run(app.run))
