"""The `livehost` command: parse, hand over, return the exit code; no logic.

In:  arguments.   Out: exit code 0, 1 (run time) or 2 (configuration).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

from livehost import __version__, process
from livehost.brain.access import flags as user_flags
from livehost.brain.audit import flags as audit_flags
from livehost.clip import flags as clip_flags
from livehost.errors import ConfigError, LivehostError
from livehost.options import Options, Target
from livehost.studio import flags as script_flags

ADDRESS = "127.0.0.1:8080"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command."""
    given = parser().parse_args(arguments)
    process.log_to_stderr("livehost")
    try:
        code: int = given.run(given)
    except ConfigError as error:
        print(*error.problems, sep="\n", file=sys.stderr)
        return process.EXIT_CONFIG
    except LivehostError as error:
        print(error, file=sys.stderr)
        return process.EXIT_RUNTIME
    except KeyboardInterrupt:
        return 0
    return code


# --- commands: heavy modules are imported when their command runs ---------------------------------


def _run(given: argparse.Namespace) -> int:
    checked = subprocess.run(
        [sys.executable, "-m", "livehost", "check", "--quiet", str(given.room)], check=False
    )
    if checked.returncode:
        return checked.returncode
    from livehost import parent  # noqa: PLC0415

    chat = tomllib.loads(given.room.read_text()).get("chat", {})
    with tempfile.TemporaryDirectory(prefix="livehost-") as folder:
        options = Options(
            room=str(given.room.resolve()),
            socket=str(Path(folder) / "stage.sock"),
            outputs=tuple(_targets(given.to)),
            record=str(given.record.absolute()) if given.record else None,
            console=given.console,
            seconds=given.seconds,
        )
        return parent.run(options, chat_on_stdin=bool(chat.get("stdin")))


def _targets(urls: Sequence[str]) -> list[Target]:
    """Name the targets; "env:NAME" takes the URL from a variable, so that no key is in `ps`."""
    return [Target(f"to{n}" if n > 1 else "to", _url(url)) for n, url in enumerate(urls, 1)]


def _url(given: str) -> str:
    name = given.removeprefix("env:")
    if name == given:
        return given
    if not os.environ.get(name):
        raise ConfigError(f"--to {given}: the environment variable {name} is not set")
    return os.environ[name]


def _check(given: argparse.Namespace) -> int:
    from livehost.check import check  # noqa: PLC0415

    problems = check(given.room)
    print(*problems, sep="\n", file=sys.stderr, end="\n" if problems else "")
    if problems:
        return process.EXIT_CONFIG
    if not given.quiet:
        print(f"{given.room}: ok")
    return 0


def _voice_say(given: argparse.Namespace) -> int:
    from livehost.brain.voice.say import say  # noqa: PLC0415

    return say(given.room, given.text, given.out)


def _voice_list(given: argparse.Namespace) -> int:
    from livehost.brain.voice.listing import list_voices  # noqa: PLC0415

    return list_voices(given.room, given.json)


def _voice_bench(given: argparse.Namespace) -> int:
    from livehost.brain.voice.bench import bench  # noqa: PLC0415

    return bench(given.room, given.engine, given.json)


def _say(given: argparse.Namespace) -> int:
    from livehost.brain.console import client  # noqa: PLC0415

    print(asyncio.run(client.say(given.console, _token(), given.text)))
    return 0


def _status(given: argparse.Namespace) -> int:
    from livehost.brain.console import client  # noqa: PLC0415

    status = asyncio.run(client.status(given.console, _token()))
    print(json.dumps(status, ensure_ascii=False, indent=2))
    return 0


def _soak(given: argparse.Namespace) -> int:
    from livehost.soak import soak_room  # noqa: PLC0415

    report = soak_room(given.room, given.hours)
    print(json.dumps(asdict(report), ensure_ascii=False, indent=2))
    return process.EXIT_RUNTIME if report.problems else 0


def _render(given: argparse.Namespace) -> int:
    from livehost.clip.command import render  # noqa: PLC0415

    return render(given)


def _avatar_make(given: argparse.Namespace) -> int:
    from livehost.avatar.command import make  # noqa: PLC0415

    return make(given)


def _avatar_check(given: argparse.Namespace) -> int:
    from livehost.avatar.command import check  # noqa: PLC0415

    return check(given)


def _script_new(given: argparse.Namespace) -> int:
    from livehost.studio.command import new  # noqa: PLC0415

    return new(given)


def _script_check(given: argparse.Namespace) -> int:
    from livehost.studio.command import check  # noqa: PLC0415

    return check(given)


def _script_vary(given: argparse.Namespace) -> int:
    from livehost.studio.command import vary_rundown  # noqa: PLC0415

    return vary_rundown(given)


def _report(given: argparse.Namespace) -> int:
    from livehost.report import command  # noqa: PLC0415

    return command.report(
        given.room,
        given.out,
        table=given.csv,
        since=given.since,
        until=given.until,
        language=given.language,
    )


def _audit(given: argparse.Namespace) -> int:
    from livehost.brain.audit import command  # noqa: PLC0415

    return command.run(given)


def _user(given: argparse.Namespace) -> int:
    from livehost.brain.access import command  # noqa: PLC0415

    return command.run(given)


def _token() -> str | None:
    return os.environ.get("LIVEHOST_TOKEN")


# --- the parser -----------------------------------------------------------------------------------


def parser() -> argparse.ArgumentParser:
    """Return the parser of the whole command line."""
    whole = argparse.ArgumentParser(
        prog="livehost", description="A 24/7 real-time digital-human livestream server."
    )
    whole.add_argument("--version", action="version", version=f"livehost {__version__}")
    commands = whole.add_subparsers(required=True, metavar="COMMAND")
    _add_run(commands)
    check = _command(
        commands, "check", _check, "check a room and everything it names",
        "livehost check scripts/demo/room.toml",
    )  # fmt: skip
    check.add_argument("room", type=Path, metavar="ROOM.toml")
    check.add_argument("--quiet", action="store_true", help="print problems only")
    _add_voice(commands)
    _add_avatar(commands)
    _add_script(commands)
    _add_report(commands)
    render = _command(
        commands, "render", _render, "make a clip of a host: text or a recording to MP4",
        clip_flags.EXAMPLE,
    )  # fmt: skip
    clip_flags.add_flags(render)
    say = _command(
        commands, "say", _say, "have the host say something now",
        'livehost say "欢迎新来的朋友"',
    )  # fmt: skip
    say.add_argument("text")
    status = _command(
        commands, "status", _status, "print the state of a running room",
        "livehost status --console 127.0.0.1:8080",
    )  # fmt: skip
    for command in (say, status):
        command.add_argument("--console", metavar="HOST:PORT", default=ADDRESS)
    _add_audit(commands)
    _add_user(commands)
    soak = _command(
        commands, "soak", _soak, "run a room's clock, speech and sound for hours of virtual time",
        "livehost soak scripts/demo/room.toml --hours 24",
    )  # fmt: skip
    soak.add_argument("room", type=Path, metavar="ROOM.toml")
    soak.add_argument("--hours", type=float, default=24.0)
    return whole


def _add_audit(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    audit = commands.add_parser(
        "audit", help="check and export the record of what was said and why"
    )
    actions = audit.add_subparsers(required=True, metavar="ACTION", dest="action")
    audit_flags.add_actions(lambda name, *about: _command(actions, name, _audit, *about))


def _add_user(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    user = commands.add_parser("user", help="who may use the console")
    actions = user.add_subparsers(required=True, metavar="ACTION", dest="action")
    user_flags.add_actions(lambda name, *about: _command(actions, name, _user, *about))


def _add_run(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    run = _command(
        commands, "run", _run, "put a room on air",
        "livehost run scripts/demo/room.toml --to rtmp://127.0.0.1/live/key --record show.mp4",
    )  # fmt: skip
    run.add_argument("room", type=Path, metavar="ROOM.toml")
    run.add_argument(
        "--to",
        action="append",
        default=[],
        metavar="URL",
        help="also push here, or to the URL in the variable of env:NAME; may be repeated",
    )
    run.add_argument("--record", type=Path, metavar="FILE", help="also write .mp4 or .flv")
    run.add_argument(
        "--for", dest="seconds", type=float, metavar="SECONDS", help="end cleanly after this time"
    )
    run.add_argument("--console", metavar="HOST:PORT", help="in place of the room's address")


def _add_voice(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    voice = commands.add_parser("voice", help="list, try and measure voices")
    actions = voice.add_subparsers(required=True, metavar="ACTION")
    say = _command(
        actions, "say", _voice_say, "speak a text into a WAV file",
        'livehost voice say "今天只要199.9元" --out hello.wav',
    )  # fmt: skip
    say.add_argument("text")
    say.add_argument("--out", type=Path, required=True, metavar="FILE.wav")
    listed = _command(
        actions, "list", _voice_list, "list the engines and voices that a room can use",
        "livehost voice list --room scripts/demo/room.toml",
    )  # fmt: skip
    bench = _command(
        actions, "bench", _voice_bench, "measure how soon and how fast engines speak",
        "livehost voice bench --engine kokoro --engine hibari",
    )  # fmt: skip
    bench.add_argument(
        "--engine",
        action="append",
        default=[],
        metavar="NAME",
        help="instead of those the room names; may be repeated",
    )
    for command in (say, listed, bench):
        command.add_argument(
            "--room", type=Path, metavar="ROOM.toml", help="whose voice and lexicon"
        )
    for command in (listed, bench):
        command.add_argument("--json", action="store_true", help="for programs")


def _add_avatar(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    avatar = commands.add_parser("avatar", help="make a host from a photo or a video, and check it")
    actions = avatar.add_subparsers(required=True, metavar="ACTION")
    make = _command(
        actions, "make", _avatar_make, "make a host from one photo or from a video",
        "livehost avatar make me.jpg --name me --own-face \"Wang Li\"",
    )  # fmt: skip
    make.add_argument("source", type=Path, metavar="PHOTO|VIDEO")
    make.add_argument("--name", required=True, help="letters, digits, - and _")
    make.add_argument("--out", type=Path, metavar="DIR", help="avatars/NAME if not given")
    make.add_argument("--title", default="", help="how viewers may call the host")
    make.add_argument("--consent", type=Path, metavar="FILE", help="the person's consent record")
    make.add_argument("--own-face", default="", metavar="NAME", help="it is you: your name")
    make.add_argument("--ai-generated", action="store_true", help="it shows nobody real")
    make.add_argument(
        "--background", choices=("keep", "cut"), default="keep", help="the photo's own, or none"
    )
    make.add_argument("--licence", default="not stated", help="of the photo or video")
    make.add_argument("--seed", type=int, default=1, help="of what is drawn by chance")
    make.add_argument("--replace", action="store_true", help="take the place of an older avatar")
    check = _command(
        actions, "check", _avatar_check, "check that an avatar can go on air",
        "livehost avatar check avatars/xiaohe",
    )  # fmt: skip
    check.add_argument("folder", type=Path, metavar="DIR")


def _add_report(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    report = _command(
        commands, "report", _report, "what a room did hour by hour, as a page and a table",
        "livehost report scripts/demo/room.toml --out report.html --csv report.csv",
    )  # fmt: skip
    report.add_argument("room", type=Path, metavar="ROOM.toml", help="or the audit log's folder")
    report.add_argument("--out", type=Path, default=Path("report.html"), metavar="FILE")
    report.add_argument(
        "--csv", type=Path, metavar="FILE", help="also a table, a row for each hour"
    )
    report.add_argument("--since", default="", metavar="TIME", help="like 2026-11-22 (UTC)")
    report.add_argument("--until", default="", metavar="TIME", help="the first moment after")
    report.add_argument("--language", choices=("zh", "en"), default="zh")


def _add_script(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    script = commands.add_parser("script", help="write, check and vary what the host says")
    actions = script.add_subparsers(required=True, metavar="ACTION")
    runs = {"new": _script_new, "check": _script_check, "vary": _script_vary}

    def add(name: str, about: str, example: str) -> argparse.ArgumentParser:
        return _command(actions, name, runs[name], about, example)

    script_flags.add_actions(add)


def _command(
    commands: argparse._SubParsersAction[argparse.ArgumentParser],
    name: str,
    run: Callable[[argparse.Namespace], int],
    about: str,
    example: str,
) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(
        name,
        help=about,
        description=about[0].upper() + about[1:] + ".",
        epilog=f"example: {example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=run)
    return parser
