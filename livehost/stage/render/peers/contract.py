"""A user's ONNX file, checked against what its network is published to take and to make.

In:  a session, the shapes by role.   Out: the names of its inputs and outputs, by role.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort

from livehost.errors import ConfigError

Shape = tuple[int | None, ...]
"""Sides of a tensor; None: the number of pictures, free or fixed in the file; -1: any length."""


@dataclass(frozen=True, slots=True)
class Form:
    """What one model takes and makes.

    Attributes:
        takes: shapes of its inputs by role.
        gives: shape of its output.
        spare: role of one more input, of at most one side, that it may lack.
    """

    takes: Mapping[str, Shape]
    gives: Shape
    spare: str = ""


TYPES: dict[str, type[np.generic]] = {
    "tensor(float)": np.float32,
    "tensor(float16)": np.float16,
    "tensor(int64)": np.int64,
    "tensor(int32)": np.int32,
}


def look(path: Path, form: Form) -> None:
    """Compare a file with its form, without running it. Raises ConfigError."""
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 3
    try:
        session = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # the seam to native code
        said = (str(error).splitlines() or [repr(error)])[0][:200]
        raise ConfigError(f"{path.name}: is not an ONNX file that can be read: {said}") from error
    arguments(path.name, session, form)


def arguments(model: str, session: Any, form: Form) -> tuple[dict[str, Any], Any]:
    """Return a session's inputs by role, and its output. Raises ConfigError."""
    inputs = named(model, "input", session.get_inputs(), form.takes, spare=form.spare)
    made = named(model, "output", session.get_outputs(), {"": form.gives}, more=True)
    return inputs, made[""]


def named(
    model: str,
    what: str,
    found: list[Any],
    wanted: Mapping[str, Shape],
    *,
    spare: str = "",
    more: bool = False,
) -> dict[str, Any]:
    """Return the arguments of a session by role.

    An argument is known by its shape, since exports name them as they like; of several with one
    shape, the first not yet taken.

    Args:
        model: file name, for messages.
        what: "input" or "output", for messages.
        found: the session's.
        spare: role of one more argument, of at most one side, that may be missing.
        more: whether there may be arguments that no role takes.

    Raises:
        ConfigError: one line for each role that no argument fits, and for arguments left over.
    """
    left, by_role, problems = list(found), {}, []
    for role, shape in wanted.items():
        taken = next((each for each in left if fits(each.shape, shape)), None)
        if taken is None:
            problems.append(f"{model}: has no {what} of shape {plain(shape)}{_of(role)}")
        elif taken.type not in TYPES:
            problems.append(f"{model}: {what} {taken.name} is a {taken.type}; export it as float")
        else:
            by_role[role] = taken
            left.remove(taken)
    if spare and left and len(left[0].shape) <= 1:
        by_role[spare] = left.pop(0)
    if left and not more and not problems:
        problems.append(f"{model}: {what} {left[0].name} {plain(left[0].shape)} is not known")
    if problems:
        its = "; ".join(f"{each.name} {plain(each.shape)}" for each in found)
        raise ConfigError(*(f"{problem}; its {what}s: {its}" for problem in problems))
    return by_role


def fits(found: Any, wanted: Shape) -> bool:
    """Whether a tensor of the shape `found`, whose free sides have names, can hold `wanted`."""
    if len(found) != len(wanted):
        return False
    return all(
        not isinstance(has, int) or needs in (None, -1, has)
        for has, needs in zip(found, wanted, strict=True)
    )


def plain(shape: Any) -> str:
    """Return a shape as people write it."""
    sides = (str(side) if isinstance(side, int) and side >= 0 else "n" for side in shape)
    return "[" + ", ".join(sides) + "]"


def _of(role: str) -> str:
    return f" ({role})" if role else ""
