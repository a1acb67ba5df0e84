"""What an operator should look at, one line each.

In:  the parts of a show.   Out: lines of text.
"""

from __future__ import annotations

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
    found += [f"chat source {feed.name}: {feed.reason}" for feed in show.feeds if feed.troubled]
    found += show.actions.warnings()
    found += show.lab.warnings()
    troubles = (show.link.health.get(key) for key in ("renderer_trouble", "encoder_trouble"))
    found += [f"picture: {trouble}" for trouble in troubles if trouble]
    if not show.link.connected:
        found.append("the stage is not there; nobody hears the host")
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
