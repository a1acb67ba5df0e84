"""The base of everything that is read from a TOML file.

In:  values.   Out: a frozen model; unknown keys are refused.
"""

from __future__ import annotations

import json

from pydantic import BaseModel, ConfigDict


class Model(BaseModel):
    """One table."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def toml_string(value: str) -> str:
    """Return `value` as a TOML string; JSON's escapes are TOML's too."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
