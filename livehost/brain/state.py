"""What the show remembers: chat, utterances, decisions, and where in the script it is.

In:  events of the show.   Out: rows in the state file; on start, everything needed to go on.
"""

from __future__ import annotations

import json
from collections import Counter, OrderedDict
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from livehost.brain.audit import Kind as Audit
from livehost.brain.audit import Recorder
from livehost.brain.chat.intake import REMEMBERED
from livehost.brain.chat.kinds import class_of
from livehost.brain.chat.message import ChatMessage, Kind
from livehost.brain.intent import Intent, Place
from livehost.brain.memory import Memory, Unfinished
from livehost.brain.store import Store

STATE_FILE = "show.sqlite3"
AUDIT_FOLDER = "audit"
ID_BLOCK = 1000  # utterance ids reserved at once
RESUME_SECONDS = 1800.0  # an older cursor starts the script anew
ACK_SECONDS = 600.0  # an answer to a command is known for so long after a restart
SAFE_SECONDS = 0.5  # that a slow disk may hold up a sentence
WAITING_SECONDS = 120.0  # chat not answered yet is taken up again this long after it came
MOST_OUTCOMES = 500
MOST_PLACES = 20


class State:
    """Typed writes over the store.

    Args:
        path: the state file.
        run: names this run of the room; the same name means that the brain was restarted within
            it, and operator switches hold on.

    Raises:
        ConfigError, Transient: see `Store`.
    """

    def __init__(self, path: Path, run: str = "") -> None:
        self.store = Store(path)
        self.log = Recorder(path.parent / AUDIT_FOLDER)
        """The audit log."""
        self.card: Callable[[Intent], dict[str, Any] | None] = lambda _intent: None
        """Returns the product card that an utterance speaks from."""
        self._programme = ""
        self._next_id, self._reserved = self._reserve_first()
        counted = self.store.rows("SELECT reason, count FROM rejected")
        self.rejections: Counter[str] = Counter(dict(counted))
        self.memory = self._recall(run)
        self.outcomes: OrderedDict[str, tuple[str, int | None]] = OrderedDict()
        """What became of the latest messages, and in which utterance."""
        self.told: Callable[[str, str], None] = lambda _id, _outcome: None
        """Told what became of each message as well."""
        self.sounds: Callable[[Place], None] = lambda _place: None
        """Told of each sentence of the script that begins to sound."""
        self._places: OrderedDict[int, Place] = OrderedDict()

    # --- utterances -------------------------------------------------------------------------------

    def new_id(self) -> int:
        """Return an id that no utterance of this file has had or will have."""
        self._next_id += 1
        if self._next_id + ID_BLOCK // 2 > self._reserved:
            self._reserved += ID_BLOCK
            self._meta("next_id", self._reserved)
        return self._next_id

    def utterance(self, utterance: int, intent: Intent, understood: str = "") -> None:
        """Note what is about to be said, why, and what a question was taken for."""
        self.store.put(
            "INSERT OR REPLACE INTO utterances VALUES (?, ?, ?, ?, ?, ?, 'planned')",
            utterance, intent.kind.value, intent.reason, understood,
            json.dumps(intent.to_json(), ensure_ascii=False), _now(),
        )  # fmt: skip
        if intent.place:
            self._places[utterance] = intent.place
            while len(self._places) > MOST_PLACES:
                self._places.popitem(last=False)
        asked = intent.asked
        self.log.note(
            Audit.UTTERANCE,
            utterance=utterance,
            kind=intent.kind.value,
            reason=intent.reason,
            understood=understood,
            product=intent.product,
            card=self.card(intent),
            asked={"id": asked.id, "nickname": asked.nickname, "text": asked.text}
            if asked
            else None,
            answers=list(intent.answers),
        )

    def ended(self, utterance: int, how: str) -> None:
        """Note how an utterance ended: done, yielded, cut, lost, failed, withdrawn."""
        self.store.put("UPDATE utterances SET state = ? WHERE id = ?", how, utterance)
        self.log.note(Audit.ENDED, utterance=utterance, how=how)

    def sentence(self, utterance: int, sentence: int, text: str, rule: str) -> None:
        """Note a sentence that passed the gate, or the safe line in its place."""
        self.store.put(
            "INSERT OR REPLACE INTO sentences VALUES (?, ?, ?, ?, 'planned', 0, 0, ?)",
            utterance, sentence, text, rule, _now(),
        )  # fmt: skip
        self.log.note(Audit.SENTENCE, utterance=utterance, sentence=sentence, text=text, rule=rule)

    def sentence_is(
        self,
        utterance: int,
        sentence: int,
        state: str,
        samples: int = 0,
        total: int = 0,
        tick: int | None = None,
    ) -> None:
        """Note what became of a sentence: sent, started (at tick), heard, interrupted or lost."""
        self.store.put(
            "UPDATE sentences SET state = ?, samples = ?, total = ?, at = ?"
            " WHERE utterance = ? AND sentence = ?",
            state, samples, total, _now(), utterance, sentence,
        )  # fmt: skip
        if state == "started":
            self._aired(utterance, sentence, state=state, tick=tick)
            if place := self._places.get(utterance):
                self.sounds(place)
        elif state != "sent":
            self._aired(utterance, sentence, state=state, samples=samples, total=total)

    def _aired(self, utterance: int, sentence: int, **what: Any) -> None:
        self.log.note(Audit.AIRED, utterance=utterance, sentence=sentence, **what)

    def cursor(self, place: Place) -> None:
        """Note where the script goes on after a restart."""
        self.store.put(
            "INSERT OR REPLACE INTO cursor VALUES (1, ?, ?, ?, ?, ?)",
            place.segment, place.line, place.sentence, _now(), place.round,
        )  # fmt: skip

    def programme(self, values: dict[str, Any]) -> None:
        """Note what else a restart needs: time in a segment, what was announced, flash sales."""
        text = json.dumps(values, ensure_ascii=False)
        if text != self._programme:
            self._programme = text
            self.store.put("INSERT OR REPLACE INTO meta VALUES ('programme', ?)", text)

    # --- chat -------------------------------------------------------------------------------------

    def chat(self, message: ChatMessage, source: str, done: Callable[[bool], None]) -> bool:
        """Write one message; `done(fresh)` follows when it is on disk (fresh: a new id)."""
        m = message

        def written(fresh: bool) -> None:
            if fresh:
                self.log.note(
                    Audit.CHAT, id=m.id, source=source, kind=m.kind.value, user=m.user,
                    nickname=m.nickname, text=m.text, count=m.count, sent=m.at.isoformat(),
                    of=class_of(m),
                )  # fmt: skip
            done(fresh)

        return self.store.put(
            "INSERT OR IGNORE INTO chat"
            " (id, source, kind, user, nickname, text, count, extra, at, received, class)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            m.id, source, m.kind.value, m.user, m.nickname, m.text, m.count,
            json.dumps(m.extra), m.at.isoformat(), _now(), class_of(m), done=written,
        )  # fmt: skip

    def chat_is(self, message_id: str, outcome: str, utterance: int | None = None) -> None:
        """Note what became of a message."""
        self.outcomes[message_id] = outcome, utterance
        while len(self.outcomes) > MOST_OUTCOMES:
            self.outcomes.popitem(last=False)
        self.store.put(
            "UPDATE chat SET outcome = ?, utterance = ? WHERE id = ?",
            outcome, utterance, message_id,
        )  # fmt: skip
        self.log.note(Audit.CHAT_DONE, id=message_id, outcome=outcome, utterance=utterance)
        self.told(message_id, outcome)

    def rejected(self, reason: str) -> None:
        """Count one message that was not accepted."""
        self.rejections[reason] += 1
        self.store.put(
            "INSERT INTO rejected VALUES (?, 1)"
            " ON CONFLICT (reason) DO UPDATE SET count = count + 1",
            reason,
        )

    # --- the rest ---------------------------------------------------------------------------------

    def audit(self, kind: str, **what: Any) -> None:
        """Append one decision: a gate's refusal, an operator's command."""
        text = json.dumps(what, ensure_ascii=False, default=str)
        self.store.put("INSERT INTO audit (at, kind, what) VALUES (?, ?, ?)", _now(), kind, text)
        self.log.note(Audit(kind), **what)

    def ack(self, user: str, key: str, what: str, outcome: str) -> None:
        """Keep the answer to a command over a restart of the brain."""
        self.store.put(
            "INSERT OR REPLACE INTO acks VALUES (?, ?, ?, ?, ?)", user, key, what, outcome, _now()
        )

    def flag(self, name: str, value: Any) -> None:
        """Keep an operator's switch over a restart of the brain."""
        self._meta(f"flag.{name}", value)

    async def safe(self) -> None:
        """Wait until what was noted is on disk; not long, should the disk not take it."""
        await self.store.safe(SAFE_SECONDS)

    async def flush(self) -> None:
        """Wait until everything noted is on disk."""
        await self.store.flush()

    async def close(self) -> None:
        """Save and close."""
        await self.store.close()
        await self.log.close()

    def _meta(self, key: str, value: Any) -> None:
        self.store.put("INSERT OR REPLACE INTO meta VALUES (?, ?)", key, json.dumps(value))

    # --- the start --------------------------------------------------------------------------------

    def _reserve_first(self) -> tuple[int, int]:
        """Reserve a block of ids on disk before the first is used.

        A new file starts at the present in seconds, so that its ids differ from those of a file
        that was moved aside while the stage still knows them.
        """
        rows = self.store.rows("SELECT value FROM meta WHERE key = 'next_id'")
        first = int(json.loads(rows[0][0])) if rows else int(datetime.now(UTC).timestamp())
        self.store.now(
            "INSERT OR REPLACE INTO meta VALUES ('next_id', ?)", json.dumps(first + ID_BLOCK)
        )
        return first, first + ID_BLOCK

    def _recall(self, run: str) -> Memory:
        meta = {k: json.loads(v) for k, v in self.store.rows("SELECT key, value FROM meta")}
        same = bool(run) and meta.get("run") == run
        began = meta.get("began", "") if same else _now()
        if not same:
            self.store.now("INSERT OR REPLACE INTO meta VALUES ('run', ?)", json.dumps(run))
            self.store.now("INSERT OR REPLACE INTO meta VALUES ('began', ?)", json.dumps(began))
            self.store.now("DELETE FROM meta WHERE key LIKE 'flag.%'")
        flags = {k[5:]: v for k, v in meta.items() if same and k.startswith("flag.")}
        return Memory(
            place=self._place(),
            round=self._round(),
            unfinished=self._unfinished(),
            waiting=self._waiting(),
            seen=tuple(self._seen()),
            heard=self._heard(),
            noticed=self._noticed(),
            flags=flags,
            show_seconds=_age(began) or 0.0,
            show=began,
            acks=self._acks(),
            programme=_table(meta.get("programme")),
        )

    def _acks(self) -> tuple[tuple[str, str, str, str], ...]:
        self.store.now("DELETE FROM acks WHERE at < ?", _ago(ACK_SECONDS))
        rows = self.store.rows("SELECT user, id, what, outcome FROM acks ORDER BY at")
        return tuple((user, key, what, outcome) for user, key, what, outcome in rows)

    def _place(self) -> Place | None:
        for segment, line, sentence, round_, at in self.store.rows(
            "SELECT segment, line, sentence, round, at FROM cursor"
        ):
            if _age(at, RESUME_SECONDS) is not None:
                return Place(segment, line, sentence, round_)
        return None

    def _round(self) -> int:
        return max((row[0] + 1 for row in self.store.rows("SELECT round FROM cursor")), default=0)

    def _unfinished(self) -> tuple[Unfinished, ...]:
        rows = self.store.rows(
            "SELECT id, intent FROM utterances u WHERE at > ? AND EXISTS (SELECT 1 FROM sentences s"
            " WHERE s.utterance = u.id AND (s.state IN ('sent', 'started')"
            " OR s.state = 'planned' AND s.sentence > 0 AND u.state = 'planned'))"
            " ORDER BY id DESC LIMIT 3",
            _ago(WAITING_SECONDS),
        )
        return tuple(self._utterance(*row) for row in reversed(rows))

    def _utterance(self, utterance: int, intent: str) -> Unfinished:
        said = self.store.rows(
            "SELECT text, rule, state FROM sentences WHERE utterance = ? ORDER BY sentence",
            utterance,
        )
        return Unfinished(
            utterance,
            Intent.from_json(json.loads(intent)),
            tuple((text, rule, state) for text, rule, state in said),
        )

    def _waiting(self) -> tuple[ChatMessage, ...]:
        rows = self.store.rows(
            "SELECT id, kind, user, nickname, text, at, count, extra FROM chat"
            " WHERE outcome IS NULL AND received > ? AND kind NOT IN ('click', 'order', 'audience')"
            " ORDER BY seq DESC LIMIT 500",
            _ago(WAITING_SECONDS),
        )
        return tuple(
            ChatMessage(i, Kind(k), u, n, t, datetime.fromisoformat(at), c, json.loads(extra))
            for i, k, u, n, t, at, c, extra in reversed(rows)
        )

    def _seen(self) -> list[str]:
        rows = self.store.rows("SELECT id FROM chat ORDER BY seq DESC LIMIT ?", REMEMBERED)
        return [row[0] for row in reversed(rows)]

    def _heard(self) -> tuple[tuple[str, float], ...]:
        rows = self.store.rows(
            "SELECT text, at FROM sentences WHERE state = 'heard'"
            " ORDER BY utterance DESC, sentence DESC LIMIT 200"
        )
        return tuple((text, _age(at) or 0.0) for text, at in reversed(rows))

    def _noticed(self) -> float | None:
        rows = self.store.rows(
            "SELECT s.at FROM sentences s JOIN utterances u ON u.id = s.utterance"
            " WHERE u.kind = 'notice' AND s.state = 'heard' ORDER BY u.id DESC LIMIT 1"
        )
        return _age(rows[0][0], 3600.0) if rows else None


def _table(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _now() -> str:
    return datetime.now(UTC).isoformat()


def _ago(seconds: float) -> str:
    return (datetime.now(UTC) - timedelta(seconds=seconds)).isoformat()


def _age(at: str, most: float = float("inf")) -> float | None:
    """Return the seconds since `at`, or None when more than `most`."""
    try:
        age = (datetime.now(UTC) - datetime.fromisoformat(at)).total_seconds()
    except (ValueError, TypeError):
        return None
    return max(age, 0.0) if age <= most else None
