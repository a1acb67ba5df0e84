"""Whose face an avatar has, and whether it may be used today.

In:  [likeness] in avatar.toml.   Out: the consent to ask, at load and while the face is used.
"""

from __future__ import annotations

import os
from datetime import date
from pathlib import Path
from typing import Literal, Self

from pydantic import model_validator

from livehost.consent import Consent, Scope, Use
from livehost.table import Model


class LikenessKeys(Model):
    """[likeness]: what the operator declared when the avatar was made."""

    declared: Literal["consent", "own-face", "ai-generated"]
    """A record of consent; the operator's own face; a picture of nobody real."""
    who: str = ""
    """The person; empty for nobody."""
    on: date
    """The day of the declaration."""
    consent: str = ""
    """The record, relative to the avatar's folder; asked whenever the avatar is loaded."""

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if (self.declared == "consent") != bool(self.consent):
            raise ValueError('consent: is for declared = "consent", and needed there')
        if (self.declared == "ai-generated") == bool(self.who.strip()):
            raise ValueError("who: must name the person, and be empty when there is none")
        return self


def likeness_consent(keys: LikenessKeys | None, folder: Path, room: str = "") -> Consent | None:
    """Return the consent that the face needs; None when the manifest names no record.

    Args:
        room: the room it is for; "" does not ask which rooms were agreed to.
    """
    if keys is None or not keys.consent:
        return None
    record = Path(os.path.normpath(folder / keys.consent))
    return Consent(record, Use(Scope.LIKENESS, room))
