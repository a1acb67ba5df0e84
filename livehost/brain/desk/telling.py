"""What the audit log writes down, told to those who watch, in the words of docs/protocol.md.

In:  events of the audit log.   Out: news; what a language model was asked stays out of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from livehost.brain.audit import Kind
from livehost.brain.news import News

if TYPE_CHECKING:
    from livehost.brain.app import Show

NAMES = {
    Kind.CHAT: "chat",
    Kind.CHAT_DONE: "chat_done",
    Kind.UTTERANCE: "utterance",
    Kind.ENDED: "utterance_ended",
    Kind.AIRED: "sentence",
    Kind.GATE: "gate",
    Kind.COMMAND: "command",
    Kind.RELOAD: "reload",
    Kind.SHOW: "show",
}
PRIVATE = frozenset({Kind.MODEL, Kind.SENTENCE, Kind.CONSENT, Kind.ERASED, Kind.DROPPED, Kind.GAP})
KEPT = {
    "chat": ("id", "source", "kind", "nickname", "text", "count", "of", "sent"),
    "utterance": ("utterance", "kind", "reason", "product", "asked", "answers"),
}
"""What is told of an event; of others, everything."""


def tell(show: Show, news: News, kind: Kind, body: dict[str, Any]) -> None:
    """Tell one event of the audit log."""
    if kind in PRIVATE:
        return
    name = NAMES.get(kind, kind.value.replace("-", "_"))
    data = {key: body[key] for key in KEPT[name]} if name in KEPT else dict(body)
    if name == "sentence":
        data["text"] = _text(show, body)
    news.tell(name, **data)


def _text(show: Show, body: dict[str, Any]) -> str:
    """Return a sentence that sounds, or did so a moment ago."""
    saying = show.speaker.on_air.saying
    if saying and (saying[0].id, saying[1]) == (body["utterance"], body["sentence"]):
        return saying[0].text(saying[1])
    for said in reversed(show.speaker.on_air.recent):
        if (said["utterance"], said["sentence"]) == (body["utterance"], body["sentence"]):
            return str(said["text"])
    return ""
