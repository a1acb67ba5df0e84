"""The base of everything that is read from a TOML file.

In:  values.   Out: a frozen model; unknown keys are refused.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Model(BaseModel):
    """One table."""

    model_config = ConfigDict(frozen=True, extra="forbid")
