"""What a viewer has said in this show, as far as later answers need it: measures, products.

In:  understood questions.   Out: what is known of who asks now; nothing after "forget me".

Held in memory only: it is gone with the process, after `KEPT`, when too many others came since, and
at the viewer's word. What was typed is in the chat log under that log's own rules.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from livehost.brain.reply.understand import Body

MOST_VIEWERS = 2000
MOST_ASKED = 3
KEPT = timedelta(hours=3)
CARRIED = timedelta(minutes=3)
"""In which a viewer may still say which product a question was about."""


@dataclass(frozen=True, slots=True)
class Viewer:
    """What is known of a viewer.

    Attributes:
        seen: when she or he last asked.
        body: measures, as they were given.
        product: id of the product last asked about; "" when none.
        asked: the last questions with what they were taken for, oldest first.
        message: id of the last one.
        open: the last question and its class, when it was asked back which product it is about.
    """

    seen: datetime
    body: Body = field(default_factory=Body)
    product: str = ""
    asked: tuple[tuple[str, str], ...] = ()
    message: str = ""
    open: tuple[str, str] | None = None


class Viewers:
    """The viewers who asked lately."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, Viewer] = OrderedDict()

    def __len__(self) -> int:
        return len(self._known)

    def of(self, user: str, now: datetime) -> Viewer | None:
        """Return what is known of `user`; None of a stranger, and of nobody ("")."""
        viewer = self._known.get(user)
        if viewer is not None and now - viewer.seen > KEPT:
            self.forget(user)
            return None
        return viewer

    def note(
        self,
        user: str,
        now: datetime,
        *,
        body: Body,
        product: str,
        asked: tuple[str, str],
        message: str = "",
    ) -> None:
        """Remember a question; one that comes again under the same id counts once.

        Args:
            asked: the question and what it was taken for.
        """
        if not user:
            return
        before = self.of(user, now) or Viewer(now)
        again = bool(message) and message == before.message
        kept = before.asked if again else (*before.asked, asked)[-MOST_ASKED:]
        self._known[user] = Viewer(now, merged(body, before.body), product, kept, message)
        self._known.move_to_end(user)
        while len(self._known) > MOST_VIEWERS:
            self._known.popitem(last=False)

    def ask_back(self, user: str, text: str, of: str) -> None:
        """Remember that the question just noted waits for the product that it is about."""
        if viewer := self._known.get(user):
            self._known[user] = replace(viewer, open=(text, of))

    def open_of(self, user: str, now: datetime) -> tuple[str, str] | None:
        """Return the question of `user` that waits for its product, and its class."""
        viewer = self.of(user, now)
        return viewer.open if viewer and now - viewer.seen <= CARRIED else None

    def last_of(self, user: str, now: datetime) -> str:
        """Return what `user` asked within the last minutes, "" when nothing."""
        viewer = self.of(user, now)
        recent = viewer is not None and now - viewer.seen <= CARRIED
        return viewer.asked[-1][0] if viewer and recent and viewer.asked else ""

    def forget(self, user: str) -> bool:
        """Forget a viewer; return whether there was anything to forget."""
        return self._known.pop(user, None) is not None


def merged(now: Body, before: Body) -> Body:
    """Return measures given now, completed with what was given before."""
    if now.height_cm is None:
        now = replace(now, height_cm=before.height_cm)
    if now.weight_jin is None:
        now = replace(now, weight_jin=before.weight_jin, in_kg=before.in_kg)
    return now
