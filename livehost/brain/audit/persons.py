"""The consent of every person behind a voice or the face, into the audit log: used, lapsed.

In:  the consents of the room's voices and of its host's face.
Out: a record when the show begins and at each change.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from livehost.brain.audit.chain import Kind
from livehost.consent import Consent

LOOK_SECONDS = 5.0

Note = Callable[..., None]
"""Takes a kind and the values of a record; see `Recorder.note`."""


async def watch_consents(consents: Mapping[str, Consent], note: Note) -> None:
    """Write down each consent and what becomes of it, until cancelled.

    Args:
        consents: by the engine that speaks with the person's voice; "face" for the host's face.
    """
    loop, told = asyncio.get_running_loop(), dict[str, dict[str, Any]]()
    while True:
        for engine, consent in consents.items():
            now = await loop.run_in_executor(None, state_of, consent)
            if now != told.get(engine):
                told[engine] = now
                note(Kind.CONSENT, engine=engine, **now)
        await asyncio.sleep(LOOK_SECONDS)


def state_of(consent: Consent) -> dict[str, Any]:
    """Return what the log tells of a consent; reads the disk."""
    problem, record = consent.problem(), consent.record
    said: dict[str, Any] = {"problem": problem}
    if record is not None:
        said |= {
            "who": record.who,
            "scope": [str(scope) for scope in record.scope],
            "when": str(record.when),
            "expires": str(record.expires),
            "revoked": str(record.revoked or ""),
            "document": record.document.sha256,
        }
    return said
