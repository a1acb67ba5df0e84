"""The moments of a show that other programs are told of: began, ended, a product is on the card.

In:  what the show does.   Out: events, each once for what it tells of, over restarts too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from livehost.brain.product import Product
from livehost.brain.state import State

Emit = Callable[[str, dict[str, Any], str], object]
"""Takes kind, data, and an id or ""."""

_FLAG_BEGAN, _FLAG_SHOWN = "told.began", "told.shown"


class Moments:
    """Notices what is worth an event.

    Args:
        products: returns the products in force, by id.
    """

    def __init__(
        self,
        emit: Emit,
        state: State,
        products: Callable[[], Mapping[str, Product]],
    ) -> None:
        self._emit = emit
        self._state = state
        self._products = products
        self._shown = state.memory.flags.get(_FLAG_SHOWN)

    def began(self, title: str) -> None:
        """Tell that the show began; a brain that was started again within it tells nothing."""
        if self._state.memory.flags.get(_FLAG_BEGAN):
            return
        self._emit("show.began", {"title": title, "show": self._show}, self._id("began"))
        self._state.flag(_FLAG_BEGAN, True)

    def ended(self) -> None:
        """Tell that the show ended as it should."""
        self._emit("show.ended", {"show": self._show}, self._id("ended"))

    def card(self, card: Mapping[str, Any]) -> None:
        """Tell which product is on the card, when it is another one or has another price."""
        name = card.get("name")
        product = next((p for p in self._products().values() if p.name == name), None)
        if product is None:
            return
        price = str(card.get("price", ""))
        shown = [product.id, price]
        if shown == self._shown:
            return
        self._shown = shown
        data = {"product": product.id, "link": product.link, "name": product.name, "price": price}
        self._emit("product.shown", data, "")
        self._state.flag(_FLAG_SHOWN, shown)

    @property
    def _show(self) -> str:
        return self._state.memory.show

    def _id(self, what: str) -> str:
        """Return the name of an event that happens once in a show."""
        return f"show {self._show} {what}"
