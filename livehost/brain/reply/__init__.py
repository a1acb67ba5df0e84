"""Answers to viewers: from the product card, or by a language model that falls back to the card.

In:  `Question`.   Out: `Answer`, the sentences to say; none for what is better left alone.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Callable
from pathlib import Path

from livehost.brain.catalog import Catalog
from livehost.brain.gate import Gate, make_gate
from livehost.brain.reply.answer import Answer, Question, Replier
from livehost.brain.reply.grounded import GroundedReplier
from livehost.brain.reply.local import LocalReplier, check_model
from livehost.brain.reply.openai import Asked, Exchange, OpenAIReplier, Refused
from livehost.brain.reply.warm import keep_warm
from livehost.config import Room
from livehost.errors import ConfigError

__all__ = [
    "Answer",
    "Exchange",
    "GroundedReplier",
    "LocalReplier",
    "OpenAIReplier",
    "Question",
    "Replier",
    "host_names",
    "keep_warm",
    "make_replier",
]


def host_names(room: Room) -> dict[str, str]:
    """Return what the host is called, by language; "" where her folder does not say it."""
    try:
        text = (room.near(room.avatar.path) / "avatar.toml").read_text("utf-8")
        avatar = tomllib.loads(text)
    except (OSError, ValueError):  # who draws her says what is wrong with it
        return {}
    title, name = str(avatar.get("title", "")), str(avatar.get("name", ""))
    return {"zh": title or name, "en": name.capitalize() or title}


def make_replier(
    room: Room,
    catalog: Catalog,
    gate: Gate | None = None,
    refused: Refused | None = None,
    asked: Asked | None = None,
    well: Callable[[], bool] = lambda: False,
) -> Replier:
    """Return who answers in a room. Raises ConfigError when [reply] is not complete.

    Args:
        gate: judges what a language model says; None makes one.
        refused: told of what the gate stopped.
        asked: told what a language model was asked and what it said.
        well: whether sound and picture leave this machine as they should.
    """
    grounded = GroundedReplier(
        catalog, room.language, faq=room.show.faq, host=host_names(room), well=well
    )
    if room.reply.engine == "grounded":
        return grounded
    gate = gate or make_gate(room, catalog)
    if room.reply.engine == "local":
        if not room.reply.model:
            raise ConfigError(f'{room.file}: reply.model: is required for engine = "local"')
        model = room.near(Path(room.reply.model))
        check_model(model, f"{room.file}: reply.model")
        return LocalReplier(room.reply, model, grounded, gate, refused, asked)
    problems = [
        f'{room.file}: reply.{key}: is required for engine = "openai"'
        for key in ("base_url", "model")
        if not getattr(room.reply, key)
    ]
    variable = room.reply.api_key_env
    key = os.environ.get(variable, "") if variable else ""
    if variable and not key:
        problems.append(
            f"{room.file}: reply.api_key_env: the environment variable {variable} is not set; "
            "export it, or remove the key for a server that asks for none"
        )
    if problems:
        raise ConfigError(*problems)
    return OpenAIReplier(room.reply, grounded, gate, key, refused=refused, asked=asked)
