"""Check a room and everything it names, and list all that is wrong at once.

In:  a room file.   Out: problems, one line each; an empty list means that it can go on air.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from livehost.config import Room, load_room
from livehost.config_actions import problems as action_problems
from livehost.config_chat import problems
from livehost.errors import ConfigError


def check(path: Path) -> list[str]:
    """Return every problem of the room file and of the files it names."""
    try:
        room = load_room(path)
    except ConfigError as error:
        return list(error.problems)
    steps: tuple[Callable[[Room], Iterable[str]], ...] = (
        _avatar,
        _voice,
        _scripts,
        _outputs,
        _chat,
        _actions,
        _console,
    )
    return [problem for step in steps for problem in _problems(step, room)]


def _problems(step: Callable[[Room], Iterable[str]], room: Room) -> list[str]:
    try:
        return list(step(room))
    except ConfigError as error:
        return list(error.problems)


def _avatar(room: Room) -> Iterable[str]:
    from livehost.avatar import load_avatar  # noqa: PLC0415

    load_avatar(room.near(room.avatar.path), room.name)
    if room.avatar.network:
        from livehost.stage.render.peers import check_network  # noqa: PLC0415

        check_network(room.near(room.avatar.network))
    return ()


def _voice(room: Room) -> Iterable[str]:
    from livehost.brain.voice import check_voice  # noqa: PLC0415

    return check_voice(room)


def _scripts(room: Room) -> Iterable[str]:
    from livehost.brain.manuscript.judge import script_problems  # noqa: PLC0415

    return script_problems(room)


def _console(room: Room) -> Iterable[str]:
    from livehost.brain.access.tls import Tls  # noqa: PLC0415
    from livehost.brain.access.users import Users  # noqa: PLC0415

    Users(room.users_file)
    if room.console.tls_cert and room.console.tls_key:
        Tls(room.near(room.console.tls_cert), room.near(room.console.tls_key))
    return ()


def _outputs(room: Room) -> Iterable[str]:
    for output in room.output:
        try:
            output.target()
        except ConfigError as error:
            yield f"{room.file}: {error}"


def _chat(room: Room) -> Iterable[str]:
    return (f"{room.file}: {problem}" for problem in problems(room.chat))


def _actions(room: Room) -> Iterable[str]:
    return (f"{room.file}: {problem}" for problem in action_problems(room.action))
