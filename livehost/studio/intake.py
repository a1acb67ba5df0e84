"""What people hand in is material, never an instruction: titles, keywords and facts are judged.

In:  texts of an operator or of somebody else, cards.   Out: the same without what may not be said.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from livehost.brain.gate import Gate
from livehost.brain.product import Product
from livehost.brain.reply.understand import load_intents
from livehost.errors import ConfigError
from livehost.studio.cards import everything
from livehost.studio.essence import card_text, unbacked_claim

MOST_TITLE = 40
MOST_KEYWORD = 12
_TRIES = 5
_MARKS = re.compile(r"[{}<>\[\]`\\|]+")
_EDGES = " 　,，。.、;；:：!！?？~-—·的"
_TEXTS = ("usage", "authenticity", "warranty")
_LISTS = ("selling_points", "tags", "aliases")


@dataclass(slots=True)
class Intake:
    """Clean what was handed in, and keep account of it.

    Attributes:
        notes: what was left out and why.
    """

    gate: Gate
    now: datetime
    notes: list[str] = field(default_factory=list)

    def title(self, text: str) -> str:
        """Return a title that may be said. Raises ConfigError when nothing of it is left."""
        text = printable(text)[:MOST_TITLE]
        if why := instruction(text):
            raise ConfigError(f"--title: {why}; give the name of what is sold")
        cleaned, found = self._cut(text)
        if not any(char.isalnum() for char in cleaned) or len(cleaned) < 2:
            raise ConfigError(f"--title: nothing may be said of {text!r}: {'; '.join(found)}")
        self.notes += [f"--title: {reason}; taken out" for reason in found]
        return cleaned

    def keywords(self, given: Iterable[str], products: Iterable[Product]) -> list[str]:
        """Return the keywords that may be said; claims that no card backs are left out."""
        known = card_text(products)
        kept: list[str] = []
        for keyword in map(printable, given):
            why = instruction(keyword) or self._stopped(keyword)
            if not why and len(keyword) > MOST_KEYWORD:
                why = f"longer than {MOST_KEYWORD} characters"
            if not why and (claim := unbacked_claim(keyword, known)):
                why = f"「{claim}」 is a claim that no card makes"
            if not why and any(char.isdigit() for char in keyword) and keyword not in known:
                why = "holds a figure that no card backs"
            if why:
                self.notes.append(f"--keywords: {keyword}: {why}; left out")
            elif keyword:
                kept.append(keyword)
        return kept

    def card(self, product: Product) -> Product:
        """Return a card without what the gate would stop. Raises ConfigError for its name."""
        if why := instruction(product.name) or self._stopped(product.name, product):
            raise ConfigError(f"{product.id}: name: {product.name}: {why}")
        changes: dict[str, Any] = {}
        for key in _LISTS:
            changes[key] = tuple(t for t in getattr(product, key) if self._kept(product, key, t))
        for key in _TEXTS:
            text = getattr(product, key)
            changes[key] = _ended(text) if text and self._kept(product, key, text) else None
        changes["selling_points"] = tuple(map(_ended, changes["selling_points"]))
        changes["details"] = {
            name: value
            for name, value in product.details.items()
            if self._kept(product, "details", f"{name}{value}")
        }
        changes["faq"] = tuple(f for f in product.faq if self._kept(product, "faq", f.answer))
        changes["returns"] = self._block(product, "returns")
        changes["delivery"] = self._block(product, "delivery")
        changes["promotion"] = tuple(
            offer for offer in product.promotion if self._kept(product, "promotion", offer.text)
        )
        return product.model_copy(update=changes)

    def _block(self, product: Product, key: str) -> Any:
        """Return returns or delivery with its text without a full stop, or without its text."""
        block = getattr(product, key)
        if block is None or not block.text:
            return block
        if self._kept(product, key, block.text):
            return block.model_copy(update={"text": _ended(block.text)})
        return None if key == "returns" else block.model_copy(update={"text": None})

    def _kept(self, product: Product, key: str, text: str) -> bool:
        why = instruction(text) or self._stopped(text, product)
        if why:
            self.notes.append(f"{product.id}: {key}: {text}: {why}; left out")
        return not why

    def _stopped(self, text: str, product: Product | None = None) -> str:
        """Return why the gate stops a text, "" when it does not."""
        moment = self.now
        if product:  # an offer that is still to come is judged in its own time
            coming = [o.start for o in product.promotion if o.text == text and o.start > moment]
            moment = coming[0] if coming else moment
        verdict = self.gate.check(text, product, moment)
        return "" if verdict.ok else f"「{verdict.found}」 is stopped by rule {verdict.rule}"

    def _cut(self, text: str) -> tuple[str, list[str]]:
        found: list[str] = []
        for _ in range(_TRIES):
            verdict = self.gate.check(text, None, self.now)
            if verdict.ok:
                return text.strip(_EDGES), found
            found.append(f"「{verdict.found}」 is stopped by rule {verdict.rule}")
            text = text.replace(verdict.found, "") if verdict.found in text else ""
        return "", found


def printable(text: str) -> str:
    """Return a text without what is not read aloud: control characters, brackets, symbols."""
    kept = "".join(c for c in text if unicodedata.category(c)[0] not in "CS" or c in "%+℃¥")
    return " ".join(_MARKS.sub(" ", kept).split())


def instruction(text: str) -> str:
    """Return why a text is taken for an instruction to a machine, "" when it is none."""
    early, _ = load_intents()
    found = dict(early.patterns).get("injection")
    hit = found.search(text.lower()) if found else None
    return f"「{hit[0]}」 reads like an instruction, and this is material" if hit else ""


def words_of(product: Product) -> str:
    """Return all texts of a card in one, to find out what kind of thing it is."""
    return " ".join(text for _, text in everything(product))


def _ended(text: str) -> str:
    return text.rstrip("。.;；,， ")
