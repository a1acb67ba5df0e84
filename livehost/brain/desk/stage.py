"""Commands on the picture and the outputs.

In:  an operator's switches.   Out: cues to the stage.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

from pydantic import Field

from livehost.brain.command import Args, Outcome, Role, Who, command

if TYPE_CHECKING:
    from livehost.brain.app import Show

Name = Annotated[str, Field(pattern=r"^[a-zA-Z0-9_-]{1,32}$")]


class Switch(Args):
    """On or off."""

    on: bool = True


class Layers(Args):
    """What stands over the host; what is not named stays as it is."""

    captions: bool | None = None
    card: bool | None = None
    question: bool | None = None
    title: bool | None = None


class Target(Args):
    """A place to send the stream to."""

    name: Name
    url: Annotated[str, Field(min_length=1, max_length=2000)]


SCHEMES = ("rtmp", "rtmps", "whip+http", "whip+https")
RECORDINGS = (".mp4", ".flv")
WRITE = Outcome(
    False,
    "that is no stream URL: it begins with rtmp, rtmps, whip+http or whip+https and has a host; "
    "a recording ends in .mp4 or .flv",
    code="args",
)


class Named(Args):
    """An output by its name."""

    name: Name


class StageCommands:
    """Switches the picture and the outputs."""

    def __init__(self, show: Show) -> None:
        self._show = show
        self._picture = show.picture

    @command(Role.OPERATOR, Switch)
    def slate(self, args: Switch, _: Who) -> Outcome:
        """Show the slate instead of the host, or the host again."""
        self._picture.show_slate(args.on)
        self._show.state.flag("slate", args.on)
        return Outcome(True, "slate shown" if args.on else "host shown")

    @command(Role.OPERATOR, Layers)
    def layers(self, args: Layers, _: Who) -> Outcome:
        """Show captions, product card, question or title, or leave them out; the label stays."""
        said = args.model_dump(exclude_none=True)
        hidden = (self._picture.hidden - {name for name, shown in said.items() if shown}) | {
            name for name, shown in said.items() if not shown
        }
        self._picture.hide(hidden)
        self._show.state.flag("hidden", sorted(hidden))
        return Outcome(True, f"left out: {', '.join(sorted(hidden)) or 'nothing'}")

    @command(Role.OPERATOR, Target, secret=("url",))
    def output_add(self, args: Target, _: Who) -> Outcome:
        """Send the stream to one more place, for this run."""
        if not _can_be_sent_to(args.url):
            return WRITE
        self._picture.add_output(args.name, args.url)
        return Outcome(True, f"output {args.name} is being added")

    @command(Role.OPERATOR, Target, secret=("url",))
    def output_set(self, args: Target, _: Who) -> Outcome:
        """Send an output somewhere else; the encoder and the other outputs go on."""
        if args.name not in self._show.link.health.get("outputs", {}):
            return Outcome(False, f"there is no output {args.name}; add it")
        if not _can_be_sent_to(args.url):
            return WRITE
        self._picture.add_output(args.name, args.url)
        return Outcome(True, f"output {args.name} is being moved")

    @command(Role.OPERATOR, Named)
    def output_remove(self, args: Named, _: Who) -> Outcome:
        """End an output."""
        self._picture.remove_output(args.name)
        return Outcome(True, f"output {args.name} is being removed")


def _can_be_sent_to(url: str) -> bool:
    """Whether the stage knows what to do with a URL; that it can be reached is seen there."""
    if "://" not in url:
        return url.lower().endswith(RECORDINGS)
    try:
        parts = urlsplit(url)
        return parts.scheme in SCHEMES and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        return False
