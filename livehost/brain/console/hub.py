"""What every watching browser is told: numbered updates, each encoded once for all of them.

In:  the desk's status, its rundown and its news.   Out: bytes in a bounded box for each browser.

Nothing waits for a browser. One that does not take its messages loses them and gets a snapshot
when it takes again; one that takes nothing for long is let go by its socket.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

from livehost.brain.console.answers import encoded
from livehost.brain.console.desk import Desk
from livehost.brain.console.patch import Tree, difference
from livehost.brain.console.protocol import Since
from livehost.brain.console.watched import Watched
from livehost.brain.news import Item

MOST_BOX = 256 * 1024  # bytes waiting for one browser
MOST_RING = 256 * 1024  # bytes of updates kept for those who come back
TICK_SECONDS = 0.5  # between two looks at the state
GATHER_SECONDS = 0.08  # what happens within is told together
MOST_CHAT = 8  # chat events in one update; a flood is told by the counts of the status
MOST_PENDING = 500  # other events in one update
FLOODS = frozenset({"chat", "chat_done"})


class Box:
    """What one browser still has to take.

    Attributes:
        behind: it lost messages and needs a snapshot.
        lost: how often that happened.
    """

    def __init__(self, most: int = MOST_BOX) -> None:
        self._most = most
        self._answers: deque[bytes] = deque()
        self._news: deque[bytes] = deque()
        self._bytes = 0
        self._wake = asyncio.Event()
        self.behind = False
        self.lost = 0

    def tell(self, message: bytes) -> None:
        """Add an update; when the box is full it is emptied and `behind` is set."""
        if self.behind:
            return
        if self._bytes + len(message) > self._most:
            self.lost += 1
            self.resync()
        else:
            self._news.append(message)
            self._bytes += len(message)
            self._wake.set()

    def answer(self, message: bytes) -> None:
        """Add an answer to something that the browser asked; it is never lost."""
        self._answers.append(message)
        self._wake.set()

    def resync(self) -> None:
        """Have the next message be a snapshot."""
        self._news.clear()
        self._bytes, self.behind = 0, True
        self._wake.set()

    async def next(self, snapshot: Callable[[], bytes]) -> bytes:
        """Return what is to be sent next: answers first; a snapshot for one who was behind."""
        while True:
            if self._answers:
                return self._answers.popleft()
            if self.behind:
                self.behind = False
                return snapshot()
            if self._news:
                message = self._news.popleft()
                self._bytes -= len(message)
                return message
            self._wake.clear()
            await self._wake.wait()


class Hub:
    """Tells all browsers the same.

    Attributes:
        epoch: names this run of sequence numbers.
        seq: of the last update.
        updates: sent so far.
        lost: boxes that were emptied because their browsers took nothing.
    """

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._watched = Watched(desk)
        self._boxes: set[Box] = set()
        self._tree: Tree = {}
        self._pending: list[Item] = []
        self._left_out = 0
        self._chat = 0
        self._ring: deque[tuple[int, bytes]] = deque()
        self._ring_bytes = 0
        self._snapshot: tuple[int, bytes] = (-1, b"")
        self._wake = asyncio.Event()
        self._lost = 0
        self.epoch = secrets.token_hex(6)
        self.seq = 0

    @property
    def lost(self) -> int:
        """Boxes emptied so far."""
        return self._lost + sum(box.lost for box in self._boxes)

    async def run(self) -> None:
        """Tell until cancelled."""
        ended = self._desk.news.listen(self._hear)
        try:
            while True:
                await self._until_news()
                if self._boxes:
                    self.flush()
                else:
                    self._forget()
        finally:
            ended()

    async def _until_news(self) -> None:
        try:
            async with asyncio.timeout(TICK_SECONDS):
                await self._wake.wait()
                await asyncio.sleep(GATHER_SECONDS)
        except TimeoutError:
            pass
        self._wake.clear()

    def touch(self) -> None:
        """Have the state looked at soon: a command may have changed it."""
        self._wake.set()

    def _hear(self, item: Item) -> None:
        if not self._boxes:
            return
        flood = item.kind in FLOODS and item.data.get("outcome") not in ("answered", "asked_back")
        self._chat += flood
        if (self._chat > MOST_CHAT and flood) or len(self._pending) >= MOST_PENDING:
            self._left_out += 1
            return
        self._pending.append(item)
        self._wake.set()

    # --- updates ----------------------------------------------------------------------------------

    def flush(self) -> None:
        """Tell what changed since the last time, if anything did."""
        tree = self._watched.look()
        patch = difference(self._tree, tree)
        for item in changed_outputs(self._tree, tree):
            self._pending.append(item)
        if not (patch or self._pending or self._left_out):
            return
        self._tree = tree
        self.seq += 1
        update: dict[str, Any] = {"type": "update", "seq": self.seq, "patch": patch}
        update["events"] = [item._asdict() for item in self._pending]
        update["left_out"] = self._left_out
        self._pending, self._left_out, self._chat = [], 0, 0
        message = encoded(update)
        self._keep(message)
        for box in self._boxes:
            box.tell(message)

    def _keep(self, message: bytes) -> None:
        self._ring.append((self.seq, message))
        self._ring_bytes += len(message)
        while self._ring_bytes > MOST_RING:
            self._ring_bytes -= len(self._ring.popleft()[1])

    def _forget(self) -> None:
        self._pending, self._left_out, self._chat = [], 0, 0
        self._ring.clear()
        self._ring_bytes = 0

    # --- who comes and goes -----------------------------------------------------------------------

    @property
    def watching(self) -> int:
        """Browsers that watch now."""
        return len(self._boxes)

    def join(self, box: Box, since: Since | None = None) -> None:
        """Have a box told everything, beginning with a snapshot or with what came after `since`."""
        if self._boxes:
            self.flush()
        else:
            self._begin()
        missed = self._after(since)
        if missed is None:
            box.resync()
        for message in missed or []:
            box.tell(message)
        self._boxes.add(box)

    def leave(self, box: Box) -> None:
        """Forget a box; idempotent."""
        if box in self._boxes:
            self._boxes.discard(box)
            self._lost += box.lost

    def _begin(self) -> None:
        """Begin with a number that nobody has: what happened meanwhile was not kept."""
        self._forget()
        self._tree = self._watched.look()
        self.seq += 1

    def _after(self, since: Since | None) -> list[bytes] | None:
        """Return the updates after `since`; None when they are not all here."""
        if since is None or since.epoch != self.epoch or since.seq > self.seq:
            return None
        missed = [message for seq, message in self._ring if seq > since.seq]
        return missed if len(missed) == self.seq - since.seq else None

    def snapshot(self) -> bytes:
        """Return everything as it was told so far."""
        if self._snapshot[0] != self.seq:
            everything = {"type": "snapshot", "seq": self.seq, "status": self._tree}
            everything["recent"] = self._desk.recent()
            self._snapshot = self.seq, encoded(everything)
        return self._snapshot[1]


def changed_outputs(before: Tree, after: Tree) -> Iterator[Item]:
    """Yield an event for each output that came, went or changed its state."""
    old, new = (tree.get("outputs") or {} for tree in (before, after))
    for name in {**old, **new}:
        was, now = (str(outputs.get(name, {}).get("state", "gone")) for outputs in (old, new))
        if was != now:
            reason = str(new.get(name, {}).get("reason", ""))
            yield Item.now("output", {"name": name, "state": now, "before": was, "reason": reason})
