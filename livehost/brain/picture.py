"""What the picture should show beside the host; sent when it changes and again to a new stage.

In:  product cards, questions, operator switches.   Out: cues, each at the sentence it belongs to.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

from livehost.wire import Cue, CueKind

Card = dict[str, Any]


class Picture:
    """Desired state of the picture and of the stage's switches.

    Args:
        post: sends a cue if there is a stage.

    Attributes:
        shown: told of each card that takes the place of another.
    """

    def __init__(self, post: Callable[[Cue], object]) -> None:
        self._post = post
        self.shown: Callable[[Card], None] = lambda _card: None
        self._card: Card = {}
        self._question_of: int | None = None
        self.slate = False
        self.paused = False
        self.muted = False  # paused at once, not after a sentence
        self.music = True
        self.hidden: frozenset[str] = frozenset()  # layers left out of the picture
        self._added: dict[str, str] = {}
        self._removed: set[str] = set()

    @property
    def card(self) -> Card:
        """The product card that is shown; {} when none is."""
        return self._card

    @property
    def held_back(self) -> bool:
        """Whether viewers are kept from seeing or hearing the host."""
        return self.slate or self.paused or self.muted

    def restore(self, flags: Mapping[str, Any]) -> None:
        """Set the switches as the state file has them, before a stage is there."""
        self.paused = bool(flags.get("paused"))
        self.slate = bool(flags.get("slate"))
        self.muted = bool(flags.get("muted"))
        self.music = bool(flags.get("music", True))
        self.hidden = frozenset(flags.get("hidden", ()))

    def renew(self) -> None:
        """Tell a stage everything: it may be new, or remember another brain's wishes."""
        self._post(Cue(CueKind.PAUSE if self.paused else CueKind.RESUME))
        self._post(Cue(CueKind.SLATE, {"on": self.slate}))
        self._post(Cue(CueKind.MUSIC, {"on": self.music}))
        self.hide(self.hidden)
        self._post(Cue(CueKind.PRODUCT, self._card))
        self._question_of = None
        self._post(Cue(CueKind.QUESTION))
        for name in self._removed:
            self._post(Cue(CueKind.OUTPUT_REMOVE, {"name": name}))
        for name, url in self._added.items():
            self._post(Cue(CueKind.OUTPUT_ADD, {"name": name, "url": url}))

    def product(self, card: Card, utterance: int | None = None) -> None:
        """Show a product card, with the first sentence of `utterance` or at once."""
        if card != self._card:
            self._card = card
            self._at(CueKind.PRODUCT, card, utterance)
            if card:
                self.shown(card)

    def question(self, question: Card, utterance: int) -> None:
        """Show the question that `utterance` answers; {} hides the one before it."""
        if question or self._question_of is not None:
            self._at(CueKind.QUESTION, question, utterance)
        self._question_of = utterance if question else None

    def over(self, utterance: int) -> None:
        """Hide the question of an utterance that was heard, unless another one took its place."""
        if self._question_of == utterance:
            self.no_question()

    def no_question(self) -> None:
        """Hide the question at once."""
        self._question_of = None
        self._post(Cue(CueKind.QUESTION))

    def pause(self, paused: bool) -> None:
        """Hold speech after the current sentence, or go on."""
        self.paused = paused
        self._post(Cue(CueKind.PAUSE if paused else CueKind.RESUME))

    def show_slate(self, on: bool, cut: bool = False) -> None:
        """Show the slate in place of the host, or the host again; `cut` leaves out the fade."""
        self.slate = on
        self._post(Cue(CueKind.SLATE, {"on": on, "cut": cut}))

    def hide(self, layers: Collection[str]) -> None:
        """Leave layers out of the picture: captions, card, question, title."""
        self.hidden = frozenset(layers)
        self._post(Cue(CueKind.LAYERS, {"hidden": sorted(self.hidden)}))

    def play_music(self, on: bool) -> None:
        """Play the music behind the host, or be silent there."""
        self.music = on
        self._post(Cue(CueKind.MUSIC, {"on": on}))

    def add_output(self, name: str, url: str) -> None:
        """Have the stage send to one more place. The URL holds a secret: it is kept in memory."""
        self._added[name] = url
        self._removed.discard(name)
        self._post(Cue(CueKind.OUTPUT_ADD, {"name": name, "url": url}))

    def remove_output(self, name: str) -> None:
        """Have the stage stop sending to a place."""
        if self._added.pop(name, None) is None:
            self._removed.add(name)
        self._post(Cue(CueKind.OUTPUT_REMOVE, {"name": name}))

    def _at(self, kind: CueKind, values: Card, utterance: int | None) -> None:
        sentence = None if utterance is None else 0
        self._post(Cue(kind, values, utterance, sentence))
