"""The picture on air: the room, the host in it, and everything written over both.

In:  a presenter `Layer` and the caption of each tick; cards, questions and news when they change.
Out: one `Yuv` a tick.

Only what changed since the last tick is drawn again. The AI label is drawn last, over everything,
and there is no way to leave it out.
"""

from __future__ import annotations

import functools
import logging
import operator
from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path

from livehost.config import Scene, Video
from livehost.media import Layer, Yuv
from livehost.stage import card, countdown, overlay, planes, text
from livehost.stage.backdrop import Backdrop, open_backdrop
from livehost.stage.canvas import colour
from livehost.stage.caption import Captions
from livehost.stage.countdown import Countdown
from livehost.stage.layout import Layout, layout
from livehost.stage.looks import LOOKS
from livehost.stage.pictures import Pictures
from livehost.stage.planes import Box
from livehost.stage.slots import Slot, Sprite
from livehost.stage.studio import Desk, paint_desk, paint_slate, studio
from livehost.stage.workshop import Workshop

log = logging.getLogger(__name__)

FADE_SECONDS = 0.24


class Composer:
    """Composes one room.

    `product`, `question`, `notice` and `slate` may be called at any time; cards are drawn in a
    thread of their own and appear when they are ready. `compose` is called once per tick, in order.

    Args:
        near: makes a path of the room file absolute.
        places: where everything stands; None takes the usual places of a live room.
        live: False for work that has no clock: pictures of a background clip are waited for, and
            the title has no live dot.
    """

    def __init__(
        self,
        video: Video,
        scene: Scene,
        near: Callable[[str | Path], Path],
        places: Layout | None = None,
        live: bool = True,
    ) -> None:
        self._scene = scene
        self._layout = places or layout(video.width, video.height)
        self._frame = planes.frame(video.width, video.height)
        self._pictures = Pictures()
        self._accent = colour(scene.accent)
        self._cards = card.CardPainter(self._layout, self._accent, self._pictures)
        look = LOOKS[scene.studio]
        room = studio(self._layout, look)
        self._backdrop: Backdrop = open_backdrop(
            scene, near, self._layout, video.rate, room, patient=not live
        )
        self._desk: Desk = paint_desk(self._layout, look)
        self._slate_picture = paint_slate(scene, near, self._layout, room)
        self._slate = self._slate_wish = False, False
        self._captions = Captions(self._layout)
        self._label = overlay.label(scene.label, self._layout)
        left_of_it = self._label.layer.left - 2 * self._layout.margin
        self._title = overlay.title_bar(scene.title, self._layout, left_of_it, dot=live)
        self._workshop = Workshop()
        fade = round(FADE_SECONDS * float(video.rate))
        rise = 18 * self._layout.unit
        self._slots = {
            "question": Slot(fade, rise),
            "product": Slot(fade, rise),
            "clock": Slot(1),
            "notice": Slot(fade),
            "slate": Slot(2 * fade),
        }
        self._countdown = Countdown(video.rate, lambda: self.product(self._after))
        self._after: Mapping[str, object] = {}
        self._figures: tuple[str, tuple[int, int]] | None = None
        self._hidden: frozenset[str] = frozenset()
        self._canvas: Yuv | None = None
        self._drawn: list[Sprite] = []
        self._presenter: Layer | None = None
        self._caption: Layer | None = None

    # --- what is shown ----------------------------------------------------------------------------

    def product(self, values: Mapping[str, object]) -> None:
        """Show a product card; an empty mapping hides it."""
        parsed = card.parse(values)
        self._countdown.until(parsed.ends if parsed else None)
        self._after = parsed.after if parsed else {}
        self._workshop.ask("product", (lambda: self._cards.draw(parsed)) if parsed else None)

    def question(self, values: Mapping[str, object]) -> None:
        """Show the chat message that is being answered; an empty mapping hides it."""
        kept = dict(values)
        self._workshop.ask("question", lambda: overlay.question(kept, self._layout, self._accent))

    def notice(self, values: Mapping[str, object]) -> None:
        """Show one line of news; an empty mapping hides it."""
        kept = dict(values)
        self._workshop.ask("notice", lambda: overlay.notice(kept, self._layout))

    def slate(self, on: bool, cut: bool = False) -> None:
        """Show the slate instead of the room and its host, or go back.

        Args:
            cut: with the next picture and without a fade.
        """
        self._slate_wish = on, cut

    def hide(self, layers: Collection[str]) -> None:
        """Leave some of captions, card, question and title out; the label always stays."""
        self._hidden = frozenset(layers)

    def settle(self) -> None:
        """Wait until everything asked for is drawn; then the next `compose` shows it."""
        self._workshop.settle()

    def close(self) -> None:
        """Stop decoding a background clip; nothing is composed after it."""
        self._backdrop.close()
        self._workshop.close()

    @property
    def texts(self) -> tuple[str, ...]:
        """Every string on the picture of the last tick; what the slate covers included."""
        title = self._title.texts if self._title else ()
        slots = [text for slot in self._slots.values() for text in slot.texts]
        return (*slots, *self._captions.texts, *title, *self._label.texts)

    @property
    def label_glyph_px(self) -> int:
        """Ink height of the label's lowest Chinese character, in pixels."""
        style = overlay.label_style(self._layout)
        return text.glyph_px("".join(self._label.texts), style.size, style.weight)

    def snapshot(self) -> dict[str, int]:
        """Return what went wrong since start, by cause."""
        return {
            "pictures_failed": self._pictures.failures,
            "drawings_failed": self._workshop.failures,
            "backdrop_late": self._backdrop.late,
        }

    # --- one tick ---------------------------------------------------------------------------------

    def compose(self, tick: int, presenter: Layer | None, caption: str, progress: float) -> Yuv:
        """Return the picture of `tick` in fresh planes.

        Args:
            presenter: the host; None keeps the last one.
            caption: what is being said, or "".
            progress: 0 .. 1, how much of the caption is said.
        """
        for name, drawn in self._workshop.finished().items():
            self._slots[name].show(drawn, tick)
        self._switch(tick)
        self._count_down(tick)
        changed = self._backdrop.advance(tick)
        sprites = self._sprites(tick, caption if self._scene.captions else "", progress)
        dirty = self._dirty(sprites, presenter, changed)
        self._drawn = sprites
        if presenter is not None:
            self._presenter = presenter
        if self._canvas is None:
            self._canvas = planes.copy(self._backdrop.picture)
        for box in dirty:
            self._draw(self._canvas, box)
        return planes.copy(self._canvas)

    def _switch(self, tick: int) -> None:
        """Bring the slate or take it away, if that was asked for since the last tick."""
        before, self._slate = self._slate, self._slate_wish
        (on, cut), slot = self._slate, self._slots["slate"]
        if on != before[0]:
            slot.show(self._slate_picture if on else None, tick)
        if cut and self._slate != before:
            slot.settle(tick)

    def _count_down(self, tick: int) -> None:
        """Have the time left of a flash sale drawn when it changes and its card stands still."""
        text, card = self._countdown.at(tick), self._slots["product"].steady(tick)
        figures = (text, card.clock) if text and card and card.clock else None
        if figures == self._figures:
            return
        self._figures = figures
        if figures is None:
            self._workshop.ask("clock", None)
            self._slots["clock"].show(None, tick)
        else:
            self._workshop.ask("clock", lambda: countdown.draw(*figures, self._layout))

    def _sprites(self, tick: int, caption: str, progress: float) -> list[Sprite]:
        """Return everything over the host, bottom first, the label last."""
        spoken = self._captions.at(caption, progress)
        over = {
            "card": [*self._slots["product"].sprites(tick), *self._slots["clock"].sprites(tick)],
            "question": self._slots["question"].sprites(tick),
            "captions": [Sprite(spoken)] if spoken else [],
            "notice": self._slots["notice"].sprites(tick),
            "slate": self._slots["slate"].sprites(tick),
            "title": [Sprite(self._title.layer)] if self._title else [],
        }
        shown = (sprite for name in over if name not in self._hidden for sprite in over[name])
        desk = (Sprite(layer) for layer in self._desk.layers)
        return [*desk, *shown, Sprite(self._label.layer)]

    def _dirty(self, sprites: list[Sprite], presenter: Layer | None, changed: bool) -> list[Box]:
        """Return the boxes whose pixels may differ from the last tick's."""
        if self._canvas is None or changed:
            return [self._frame]
        boxes = list(_differences(self._drawn, sprites))
        if presenter is not None and presenter is not self._presenter:
            boxes += [box & self._above_desk for box in _moved(self._presenter, presenter)]
        return _merged(box & self._frame for box in boxes)

    @property
    def _above_desk(self) -> Box:
        return Box(0, 0, self._frame.right, self._desk.solid_top)

    def _draw(self, onto: Yuv, box: Box) -> None:
        """Draw the pixels of `box` from the bottom up."""
        above, room = box & self._above_desk, self._backdrop.picture
        host = self._presenter
        if host is None or not planes.box_of(host).holds(above):
            planes.paste(onto, room, above)
        planes.paste(onto, self._desk.picture, box & self._below)
        if host is not None:  # outside her box there is nothing to mix
            planes.blend(onto, host, above, ground=room)
        for sprite in self._drawn:
            planes.blend(onto, sprite.placed, box, sprite.opacity)

    @property
    def _below(self) -> Box:
        return Box(0, self._desk.solid_top, self._frame.right, self._frame.bottom)


def _moved(before: Layer | None, now: Layer) -> list[Box]:
    """Return the boxes of the frame in which two presenters may differ."""
    if before is not None and now.before is not None and now.before() is before:
        return planes.changes(now)
    return [planes.box_of(layer) for layer in (now, before) if layer]


def _differences(before: list[Sprite], now: list[Sprite]) -> Iterable[Box]:
    """Yield the boxes of sprites that are new, gone or changed."""
    gone = [sprite for sprite in before if not any(sprite.same(other) for other in now)]
    for sprite in now:
        if any(sprite.same(other) for other in before):
            continue
        if last := next((other for other in gone if sprite.follows(other)), None):
            gone.remove(last)
            yield from planes.changes(sprite.placed)
        else:
            yield sprite.box
    for sprite in gone:
        yield sprite.box


def _merged(boxes: Iterable[Box]) -> list[Box]:
    """Return boxes that hold all the given pixels and do not overlap each other."""
    out: list[Box] = []
    for box in boxes:
        whole = box
        while touching := [other for other in out if not (whole & other).empty]:
            out = [other for other in out if other not in touching]
            whole = functools.reduce(operator.or_, touching, whole)
        out += [] if whole.empty else [whole]
    return out
