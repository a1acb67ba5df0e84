"""What an operator should look at, one line each.

In:  the parts of a show.   Out: lines of text.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from livehost.brain import voice_status

if TYPE_CHECKING:
    from livehost.brain.app import Show


def warnings(show: Show) -> list[str]:
    """Return everything that is not as it should be, what matters least first."""
    found = [f"catalog not reloaded: {problem}" for problem in show.catalog.problems]
    found += [f"word lists not reloaded: {problem}" for problem in show.gate.rules.problems]
    found += _records(show)
    voice = told(show)
    found += voice_status.warnings(voice.get("engines", {}))
    found += voice_status.cache_warnings(voice)
    if why := getattr(show.replier.value, "trouble", ""):  # engines without a model have none
        found.append(f"language model: {why}")
    found += [f"chat source {feed.name}: {feed.reason}" for feed in show.feeds if feed.troubled]
    found += show.actions.warnings()
    found += show.lab.warnings()
    troubles = (show.link.health.get(key) for key in ("renderer_trouble", "encoder_trouble"))
    found += [f"picture: {trouble}" for trouble in troubles if trouble]
    found += show.troubles.warnings(asyncio.get_running_loop().time())
    if not show.link.connected:
        found.append("the stage is not there; nobody hears the host")
    return found


TODO = (
    ("catalog not reloaded", "catalog", "correct the file; the old one stays in force"),
    ("word lists not reloaded", "wordlists", "correct the file; the old one stays in force"),
    ("state cannot be written", "disk", "free space on the disk, or repair it"),
    (
        "disk full",
        "disk",
        "delete old recordings, or use another disk; what is not saved is saved by itself then",
    ),
    ("disk nearly full", "disk", "delete old recordings, or use another disk"),
    ("audit log cannot be written", "disk", "free space on the disk, or repair it"),
    ("the state file was damaged", "state", "the show goes on anew; keep the file for support"),
    ("cached speech", "consent", "delete the files by hand: their person no longer consents"),
    ("voice", "voice", "the next voice speaks meanwhile; look at the engine that is named"),
    (
        "language model",
        "model",
        "the product card answers meanwhile; look at server and key",
    ),
    ("chat source", "chat", "look at the platform's page and at the source's settings"),
    ("action", "action", "look at the program at its address; nothing is lost meanwhile"),
    ("experiment", "experiment", "correct the file, or have the audience reported"),
    ("picture", "picture", "the machine is too busy or lost its GPU; close other programs"),
    ("GPU", "gpu", "the show goes on by the CPU; look at the driver and the card after it"),
    (
        "viewers",
        "viewers",
        "look at the stream on a phone; if it is wrong there too, see the handbook",
    ),
    (
        "the stage is not there",
        "stage",
        "it starts again by itself; if not, start livehost anew",
    ),
)
"""How a warning begins, what names it, and what to do about it."""


def alerts(lines: list[str]) -> list[dict[str, str]]:
    """Return warnings with a word for programs and what to do."""
    found = []
    for line in lines:
        known = (more for start, *more in TODO if line.startswith(start))
        code, todo = next(known, ("other", ""))
        found.append({"code": code, "text": line, "todo": todo})
    return found


def _records(show: Show) -> list[str]:
    store, audit = show.state.store, show.state.log
    found = []
    if store.failing:
        found.append(f"state cannot be written: {store.failing}")
    if audit.failing:
        found.append(f"audit log cannot be written: {audit.failing}")
    if store.moved:
        found.append(f"the state file was damaged; it is kept as {store.moved.name}")
    return found


def told(show: Show) -> dict[str, Any]:
    """Return what the voice tells of itself; nothing while it is not there."""
    voice = show.voice.value
    return voice.snapshot() if voice else {}
