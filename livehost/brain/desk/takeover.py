"""Commands of a person who speaks for the host, and of one who stops her.

In:  take-overs, mute, panic.   Out: a lease; silence, and the slate.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from livehost.brain.command import Args, Nothing, Outcome, Role, Who, command
from livehost.brain.lease import Held, Why

if TYPE_CHECKING:
    from livehost.brain.app import Show


class TakeOver(Args):
    """How the person speaks."""

    kind: Literal["type", "microphone"] = "type"


class Switch(Args):
    """On or off."""

    on: bool = True


class Mute(Switch):
    """On or off.

    Attributes:
        music: be silent altogether: the music as well.
    """

    music: bool = False


class TakeOverCommands:
    """Gives the host away and takes her back."""

    def __init__(self, show: Show) -> None:
        self._show = show
        show.lease.listen(self._changed)

    @command(Role.OPERATOR, TakeOver, fleeting=True)
    def take_over(self, args: TakeOver, who: Who) -> Outcome:
        """Speak for the host; the script keeps its place meanwhile."""
        return self._take(args, who, force=False)

    @command(Role.OWNER, TakeOver, fleeting=True)
    def take_over_force(self, args: TakeOver, who: Who) -> Outcome:
        """Speak for the host in place of whoever does so now."""
        return self._take(args, who, force=True)

    def _take(self, args: TakeOver, who: Who, force: bool) -> Outcome:
        lease = self._show.lease
        if not lease.take(who, args.kind, force):
            return taken(self._show)
        return Outcome(True, "you speak for the host", {"lease": lease.snapshot()})

    @command(Role.OPERATOR, quiet=True, urgent=True)
    def lease_keep(self, _: Nothing, who: Who) -> Outcome:
        """Say that you are still there; needed every ten seconds."""
        if self._show.lease.keep(who):
            return Outcome(True)
        return Outcome(False, "you do not speak for the host", self._data(), "lease")

    @command(Role.OPERATOR, urgent=True, fleeting=True)
    def hand_back(self, _: Nothing, who: Who) -> Outcome:
        """Let the host speak for herself again."""
        if self._show.lease.end(who.session):
            return Outcome(True, "the host speaks for herself")
        return Outcome(False, "you do not speak for the host", self._data(), "lease")

    def _data(self) -> dict[str, object]:
        return {"lease": self._show.lease.snapshot()}

    def _changed(self, now: Held | None, before: Held | None, why: Why) -> None:
        """Have the script keep its place, or go on; tell everybody."""
        self._show.speaker.hold(now is not None)
        if why in ("silent", "left") and before:
            self._show.state.audit(
                "command", name="hand_back", args={}, ok=True, message=why,
                who=before.who.name, role=before.who.role.value, address=before.who.address,
            )  # fmt: skip

    # --- silence ----------------------------------------------------------------------------------

    @command(Role.OPERATOR, Mute, urgent=True)
    def mute(self, args: Mute, _: Who) -> Outcome:
        """Silence the voice at once, or have it go on; the host stays alive on the picture."""
        silence(self._show, args.on, music=args.music or not args.on)
        return Outcome(True, "muted" if args.on else "goes on")

    @command(Role.OPERATOR, Switch, urgent=True)
    def panic(self, args: Switch, _: Who) -> Outcome:
        """Show the slate and be silent at once, or undo both."""
        self._show.picture.show_slate(args.on, cut=args.on)
        self._show.state.flag("slate", args.on)
        silence(self._show, args.on, music=True)
        return Outcome(True, "slate shown, nothing is heard" if args.on else "back on air")


def silence(show: Show, on: bool, music: bool) -> None:
    """Silence the voice at once, or have it go on.

    Args:
        music: the music too.
    """
    if on:
        show.lease.end(show.lease.holder or "")
    show.speaker.mute(on)
    show.state.flag("paused", on)
    show.state.flag("muted", on)
    if music:
        show.picture.play_music(not on)
        show.state.flag("music", not on)


def taken(show: Show) -> Outcome:
    """Return the refusal for what only the person who speaks for the host may do."""
    held = show.lease.held
    who = held.who.name if held else "nobody"
    return Outcome(False, f"{who} speaks for the host", {"lease": show.lease.snapshot()}, "lease")
