"""What viewers get beside the script: answers, thanks, and the notice that the host is made by AI.

In:  waiting chat, what was said, the time.   Out: `Intent`s.

Pure: the caller says what time it is.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from livehost.brain.chat.breath import CROWDED
from livehost.brain.chat.classes import Class
from livehost.brain.chat.inbox import Inbox
from livehost.brain.chat.kinds import Sort
from livehost.brain.chat.message import ChatMessage
from livehost.brain.chat.waiting import Waiting
from livehost.brain.intent import Intent, IntentKind
from livehost.brain.manners import Manners

MOST_REPLIES = 3  # in a row; then the script gets a whole sentence
MOST_IN_A_CROWD = 4  # the same while so much is asked that a breath is full
TALK_SECONDS = 30.0  # between answers to what is not a question
CHATTER_SECONDS = 150.0  # between answers to what is off topic
THANKS_SECONDS = {
    Sort.GIFT: 15.0,
    Sort.FOLLOW: 40.0,
    Sort.PRAISE: 45.0,
    Sort.ENTER: 60.0,
    Sort.TALK: 20.0,  # greetings, while so much is asked that none is answered by itself
    Sort.LIKE: 150.0,
}
THANKS_APART = 15.0  # seconds between any two thanks
MANY_ASK = 3  # questions waiting
FEW_THANKS = 2  # sentences at once while they do
BUSY = 3.0  # times as long between thanks while the chat is busy
MOST_THANKED = 200  # messages settled by one sentence that names some
FIRST_NOTICE = 60.0  # seconds after the start of a new show
NOTICE_WAITS = 60.0  # seconds at most that a notice gives way to a crowd


@dataclass(frozen=True, slots=True)
class Courtesy:
    """How often the host does what is not in the script, in seconds."""

    notice: float = 900.0
    talk: float = TALK_SECONDS
    chatter: float = CHATTER_SECONDS


class Guests:
    """Decide what is said to viewers.

    Args:
        now: the loop's time at the start.
        noticed: seconds since the last spoken notice, None for a new show.
    """

    def __init__(
        self,
        inbox: Inbox,
        manners: Manners,
        courtesy: Courtesy,
        now: float,
        noticed: float | None,
    ) -> None:
        self._inbox = inbox
        self._manners = manners
        self._courtesy = courtesy
        self._replies = 0
        due = FIRST_NOTICE if noticed is None else max(0.0, courtesy.notice - noticed)
        self._notice_due = now + min(due, courtesy.notice)
        self._notice_taken = False
        self._talk_due = dict.fromkeys((Sort.TALK, Sort.CHATTER), now)
        self._thanks_due = dict.fromkeys(THANKS_SECONDS, now)
        self._thanks_from = now

    @property
    def _crowded(self) -> bool:
        return self._inbox.waiting(Sort.QUESTION) >= MANY_ASK

    @property
    def many(self) -> bool:
        """Whether so many answers were given in a row that it is the script's turn."""
        crowd = self._inbox.different(Sort.QUESTION) >= CROWDED
        return self._replies >= (MOST_IN_A_CROWD if crowd else MOST_REPLIES)

    def put_back(self, intent: Intent, now: float) -> None:
        """Return an intent that was chosen and will not be spoken now."""
        if intent.kind is IntentKind.NOTICE and not intent.resumed:
            self._notice_taken = False
        for waiting in intent.waiting:
            self._inbox.put_back(waiting)
        if intent.kind is IntentKind.THANKS:
            self._thanks_due = dict.fromkeys(self._thanks_due, now)
            self._thanks_from = now

    def begun(self, intent: Intent, now: float, product: str | None = None) -> Intent:
        """Note that an intent goes on air; return it with all messages that it answers by now.

        Args:
            product: on air.
        """
        match intent.kind:
            case IntentKind.REPLY:
                self._replies += 1
                return self._joined(intent, now, product)
            case IntentKind.SCRIPT:
                self._replies = 0
            case IntentKind.NOTICE:
                self._notice_due, self._notice_taken = now + self._courtesy.notice, False
        return intent

    def _joined(self, intent: Intent, now: float, product: str | None) -> Intent:
        """Return an answer with who asked the same while it was made or waited for its turn."""
        for waiting in intent.waiting:
            if (waiting.about or product) == intent.product:
                joined = self._inbox.join(waiting, now, product)
                intent = replace(intent, waiting=(joined,), answers=joined.ids)
        return intent

    def question(self, now: float, product: str | None) -> Intent | None:
        """Return the answer to the best question, asked while `product` is on air."""
        if self.many:
            return None
        waiting = self._inbox.take(now, product, (Sort.QUESTION,))
        return self._reply(waiting, product, urgent=True) if waiting else None

    def talk(self, now: float, product: str | None) -> Intent | None:
        """Return the answer to something that is not a question, now and then."""
        if self.many:
            return None
        due = [sort for sort, at in self._talk_due.items() if now >= at]
        waiting = self._inbox.take(now, product, due)
        if waiting is None:
            return None
        talk, chatter = self._courtesy.talk, self._courtesy.chatter
        self._talk_due[waiting.sort] = now + (talk if waiting.sort is Sort.TALK else chatter)
        return self._reply(waiting, product, urgent=False)

    def _reply(self, waiting: Waiting, product: str | None, urgent: bool) -> Intent:
        complaint = waiting.of is Class.COMPLAINT
        return Intent(
            IntentKind.REPLY,
            _reason(waiting, urgent),
            product=waiting.about or product,
            emotion="apologetic" if complaint else "",
            asked=waiting.message,
            answers=waiting.ids,
            urgent=urgent,
            breaks=urgent,
            waiting=(waiting,),
            opening="" if waiting.also else self._manners.asked(waiting),
        )

    def notice(self, now: float) -> Intent | None:
        """Return the notice when it is due."""
        crowd = self._inbox.different(Sort.QUESTION) >= CROWDED
        waits = NOTICE_WAITS if crowd else 0.0
        if self._notice_taken or now < self._notice_due + waits:
            return None
        self._notice_taken = True
        minutes = self._courtesy.notice / 60
        reason = f"AI notice every {minutes:g} minutes"
        return Intent(IntentKind.NOTICE, reason, texts=(self._manners.notice(),))

    def thanks(self, now: float, busy: bool) -> Intent | None:
        """Return thanks in one breath to everybody who waits for some; fewer in a busy chat."""
        if now < self._thanks_from:
            return None
        slower = BUSY if busy else 1.0
        people: list[Waiting] = []
        texts: list[str] = []
        turns = list(THANKS_SECONDS)
        if self._crowded:  # who has waited longest for a turn
            turns.sort(key=self._thanks_due.__getitem__)
        for sort in turns:
            if now < self._thanks_due[sort] or (sort is Sort.TALK and not self._crowded):
                continue
            if self._crowded and len(texts) >= FEW_THANKS:
                break
            all_at_once = sort is Sort.LIKE  # in words that name nobody
            most = self._inbox.waiting(sort) if all_at_once else MOST_THANKED
            if found := self._inbox.drain(sort, most, now):
                texts.append(self._manners.thanks(sort, found))
                people += found
                self._thanks_due[sort] = now + THANKS_SECONDS[sort] * (
                    1.0 if all_at_once else slower
                )
        if not texts:
            return None
        self._thanks_from = now + THANKS_APART * slower
        return Intent(
            IntentKind.THANKS,
            f"thanks to {len(people)} viewers",
            texts=tuple(texts),
            answers=tuple(w.message.id for w in people),
            waiting=tuple(people),
        )


def _reason(waiting: Waiting, urgent: bool) -> str:
    """Return why a message is answered: "question about tea, 3 viewers"."""
    reason = "question" if urgent else "comment"
    if urgent and waiting.about:
        reason += f" about {waiting.about}"
    return f"{reason}, {len(waiting.people)} viewers" if waiting.others else reason


def restored(messages: Iterable[ChatMessage], inbox: Inbox, now: float) -> None:
    """Put chat that an earlier process had accepted back in line."""
    for message in messages:
        inbox.add(message, now)
