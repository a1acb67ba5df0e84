"""The gate: every sentence on its way to the voice, every nickname on its way to the picture.

In:  text, product, time.   Out: `Verdict`; on any doubt, and on any fault of its own, a safe line.
"""

from __future__ import annotations

import logging
import re
import tomllib
import unicodedata
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from livehost.brain.catalog import Catalog
from livehost.brain.gate.card import Card, card_of
from livehost.brain.gate.figures import unbacked
from livehost.brain.gate.fold import fold
from livehost.brain.gate.numerals import han
from livehost.brain.gate.prices import sums
from livehost.brain.gate.reload import Lists, Rules
from livehost.brain.gate.rules import Hit, Rule, View, view, words_rule
from livehost.brain.product import Product
from livehost.config import Room

log = logging.getLogger(__name__)

MOST_CHARACTERS = 600
"""A longer sentence is stopped unread."""
_MASK = "*"
_DEADLINE = "scarcity.deadline"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the gate says about a text.

    Attributes:
        ok: the text may go on air as it is.
        text: what may go on air: the text itself, or a safe line in its place.
        rule: id of the rule that stopped it; "" when ok.
        found: the words that stopped it, as they stand in the text.
        category: of the rule; it chose the safe line.
    """

    ok: bool
    text: str
    rule: str = ""
    found: str = ""
    category: str = ""


class TimesLeft(Protocol):
    """See `livehost.brain.programme.claims.Claims`."""

    def holds(self, found: str, product: Product | None, now: datetime) -> bool:
        """Return whether a deadline in words is true of a running sale."""

    def overclaims(self, text: str, product: Product | None, now: datetime) -> str:
        """Return the words that claim more time than the running sale has, "" when none do."""

    def backed(self, text: str, product: Product | None, now: datetime) -> str:
        """Return a text without the times left in it that are true of the running sale."""


class Gate:
    """Judge texts; never raises, and never lets through what it could not judge.

    Args:
        catalog: the catalog in force, or a function that returns it; None knows no product but
            the one given to `check`.
        wordlists: further rule files, or a function that names them.
        language: of the safe lines, "zh" or "en".

    Raises:
        ConfigError: a word list is wrong.

    Attributes:
        rules: those in force; `rules.reload()` takes up saved lists.
        stopped: how often each rule stopped something.
        noted: how often each rule with action "note" found something.
    """

    def __init__(
        self,
        catalog: Catalog | Callable[[], Catalog] | None = None,
        wordlists: Lists = (),
        language: str = "zh",
    ) -> None:
        self._catalog = catalog
        self.rules = Rules(wordlists)
        self._safe = _safe_lines()[language]
        self._cards: dict[tuple[str, tuple[str, ...]], Card] = {}
        self._names: tuple[int, re.Pattern[str] | None, dict[str, str]] = (-1, None, {})
        self._claims: dict[tuple[str, ...], Rule] = {}
        self.claims: TimesLeft | None = None
        """Knows how long a flash sale goes on; None: none ever runs."""
        self.stopped: Counter[str] = Counter()
        self.noted: Counter[str] = Counter()

    def check(self, text: str, product: Product | None, now: datetime) -> Verdict:
        """Judge one sentence that the host is about to say.

        Args:
            product: the one on the card; figures must stand on it.
            now: timezone-aware; decides which promotions hold.
        """
        try:
            verdict = self._judge(text, product, now)
        except Exception:
            log.exception("The gate failed and stopped the sentence")
            verdict = self._stop(text, "default", "gate-error", "")
        if not verdict.ok:
            self.stopped[verdict.rule] += 1
            log.info(
                "The gate replaced a sentence",
                extra={"rule": verdict.rule, "found": verdict.found, "replaced": text[:200]},
            )
        return verdict

    def check_shown(self, text: str, most: int = 120) -> Verdict:
        """Mask what may not be drawn or read aloud in a nickname or a chat message.

        Args:
            most: longest text in characters; the rest is cut off.
        """
        try:
            verdict = self._masked(text, most)
        except Exception:
            log.exception("The gate failed and masked the whole text")
            verdict = Verdict(False, _MASK * 3, "gate-error", "")
        if not verdict.ok:
            self.stopped[verdict.rule] += 1
        return verdict

    def _judge(self, text: str, product: Product | None, now: datetime) -> Verdict:
        if len(text) > MOST_CHARACTERS:
            return self._stop(text, "default", "too-long", text[:20])
        seen = view(text)
        for hit in self._hits(seen, product, now):
            if hit.rule.text.on_card and self._quotes(hit, text, product, now):
                continue
            found = text[hit.start : hit.end]
            if hit.rule.id == _DEADLINE and self.claims and self.claims.holds(found, product, now):
                continue
            if hit.rule.text.action == "note":
                self._note(hit, text)
                continue
            return self._stop(text, hit.rule.category, hit.rule.id, text[hit.start : hit.end])
        if self.claims and (found := self.claims.overclaims(text, product, now)):
            return self._stop(text, "scarcity", "scarcity.time", found)
        return self._unbacked(seen, product, now) or Verdict(True, text)

    def _unbacked(self, seen: View, product: Product | None, now: datetime) -> Verdict | None:
        """Return the verdict on the first figure that a card does not back."""
        folded = seen.folded.text
        if self.claims:
            folded = self.claims.backed(folded, product, now)
        together = sums(self._named_cards(folded, product, now))
        for part, card in self._parts(folded, product, now):
            if wrong := unbacked(part, card, folded, together):
                return self._stop(seen.text, wrong.category, wrong.rule, wrong.found)
        return None

    def _note(self, hit: Hit, text: str) -> None:
        self.noted[hit.rule.id] += 1
        found = text[hit.start : hit.end]
        log.info("The gate noted words", extra={"rule": hit.rule.id, "found": found})

    def _hits(self, seen: View, product: Product | None, now: datetime) -> Iterator[Hit]:
        card = self._card(product, now).text if product else ""
        for owner, words in self._forbidden(product):
            if words:
                rule = self._claims.setdefault((owner, *words), words_rule(owner, words))
                yield from rule.hits(seen)
        for rule in self.rules.all:
            if rule.scope != "show":
                yield from rule.hits(seen, card)

    def _forbidden(self, product: Product | None) -> Iterator[tuple[str, tuple[str, ...]]]:
        catalog = self._shop()
        if catalog:
            yield "forbidden", catalog.forbidden
        if product:
            yield f"forbidden.{product.id.lower()}", product.forbidden

    def _quotes(self, hit: Hit, text: str, product: Product | None, now: datetime) -> bool:
        """Whether the words found stand on the card too."""
        if product is None:
            return False
        said = fold(text[hit.start : hit.end]).squeezed().text
        return said in fold(self._card(product, now).text).squeezed().text

    def _parts(
        self, text: str, product: Product | None, now: datetime
    ) -> Iterator[tuple[str, Card | None]]:
        """Cut a text where it turns to another product; figures belong to the last one named."""
        catalog = self._shop()
        names, owners = self._named(catalog) if catalog else (None, {})
        turns = [(m.start(), owners[m[0]]) for m in names.finditer(text)] if names else []
        current, start = product, 0
        if current is None and turns and catalog:
            current = catalog.products[turns[0][1]]
        for at, owner in turns:
            if catalog and (current is None or owner != current.id):
                yield text[start:at], self._card(current, now) if current else None
                current, start = catalog.products[owner], at
        yield text[start:], self._card(current, now) if current else None

    def _named_cards(self, text: str, product: Product | None, now: datetime) -> list[Card]:
        """Return the cards of the products named; a single one with that of the product shown."""
        catalog = self._shop()
        names, owners = self._named(catalog) if catalog else (None, {})
        ids = dict.fromkeys(owners[m[0]] for m in names.finditer(text)) if names else {}
        cards = [self._card(catalog.products[name], now) for name in ids] if catalog else []
        if len(cards) == 1 and product:
            cards.append(self._card(product, now))
        return cards

    def _named(self, catalog: Catalog) -> tuple[re.Pattern[str] | None, dict[str, str]]:
        if self._names[0] != catalog.version:
            owners = {fold(n).text: p.id for p in catalog.products.values() for n in _names(p)}
            longest = sorted(owners, key=len, reverse=True)
            pattern = re.compile("|".join(map(re.escape, longest))) if longest else None
            self._names = (catalog.version, pattern, owners)
        return self._names[1], self._names[2]

    def _card(self, product: Product, now: datetime) -> Card:
        key = (product.id, tuple(offer.id for offer in product.offers(now)))
        card = self._cards.get(key)
        if card is None or card.product is not product:
            card = self._cards[key] = card_of(product, now)
        return card

    def _shop(self) -> Catalog | None:
        return self._catalog() if callable(self._catalog) else self._catalog

    def _stop(self, text: str, category: str, rule: str, found: str) -> Verdict:
        lines = self._safe.get(category) or self._safe["default"]
        line = lines[zlib.crc32(text.encode(errors="replace")) % len(lines)]
        return Verdict(False, line, rule, found, category)

    def _masked(self, text: str, most: int) -> Verdict:
        text = "".join(
            c for c in text[:most] if unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Co")
        )
        seen = view(text)
        hits = [
            hit
            for rule in self.rules.all
            if rule.scope != "say" and rule.text.action != "note"
            for hit in rule.hits(seen)
        ]
        chars = list(text)
        for hit in hits:
            chars[hit.start : hit.end] = _MASK * (hit.end - hit.start)
        if not hits:
            return Verdict(True, text)
        first = hits[0]
        found = text[first.start : first.end]
        return Verdict(False, "".join(chars), first.rule.id, found, first.rule.category)


def make_gate(room: Room, catalog: Catalog) -> Gate:
    """Return the gate of a room. Raises ConfigError when one of its word lists is wrong."""
    return Gate(catalog, lambda: room.globbed(room.show.wordlists), room.language)


def _names(product: Product) -> Iterator[str]:
    yield from product.names()
    if product.link:
        yield f"{product.link}号链接"
        yield f"{han(product.link)}号链接"


def _safe_lines() -> dict[str, dict[str, list[str]]]:
    return tomllib.loads(Path(__file__).with_name("safe.toml").read_text("utf-8"))
