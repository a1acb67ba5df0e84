"""What is on the picture: sources that may fail, over one that cannot.

In:  a `Plan` per tick.   Out: a `Yuv`, always.
The idea is Liquidsoap's fallible and infallible sources (savonet/liquidsoap, switch.ml).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from livehost.media import Face, Layer, Quality, Yuv
from livehost.stage.render import Renderer
from livehost.wire import Cue, CueKind

log = logging.getLogger(__name__)

_GREY = np.full((2, 2), 128, np.uint8)
_NOBODY = Layer(
    Yuv(_GREY, _GREY[:1, :1], _GREY[:1, :1]),
    alpha=np.zeros((2, 2), np.uint8),
    alpha_uv=np.zeros((1, 1), np.uint8),
    left=0,
    top=0,
)  # a layer that shows nothing: None would leave the last picture of the host standing

MOST_REST_TICKS = 750
"""Between two tries to open a renderer; one that held longer than this starts a new count."""


@dataclass(frozen=True, slots=True)
class Plan:
    """All that a source needs to draw one tick.

    Attributes:
        tick: index since the stream began.
        face: what the host does.
        quality: what the picture may cost.
        caption: the sentence that sounds, or "".
        progress: share of the caption already said, 0..1.
        cues: changes to the scene that take effect with this tick.
    """

    tick: int
    face: Face
    quality: Quality
    caption: str = ""
    progress: float = 0.0
    cues: tuple[Cue, ...] = ()


class Source(Protocol):
    """Something that can draw ticks; called from the render thread only."""

    name: str

    def picture(self, plan: Plan) -> Yuv | None:
        """Return the picture of `plan`, or None when this source has none now."""


class Scenery(Protocol):
    """See `livehost.stage.compose.Composer`."""

    def product(self, card: dict[str, object]) -> None: ...
    def question(self, question: dict[str, object]) -> None: ...
    def notice(self, notice: dict[str, object]) -> None: ...
    def slate(self, on: bool, cut: bool = False) -> None: ...
    def hide(self, layers: Collection[str]) -> None: ...
    def compose(self, tick: int, presenter: Layer | None, caption: str, progress: float) -> Yuv: ...


class Host:
    """The presenter in her room.

    A renderer that raises is dropped and opened again after a rest; meanwhile the last picture of
    her stays in the scene, which goes on. The new one starts from what the old one showed. Each
    failure soon after the last doubles the rest.

    Args:
        rest_ticks: from a failure to the first try to open it again.

    Attributes:
        failures: times that a renderer raised, or did not open.
        provider: where its models run, or ran last.
        withdrawn: why she must not be shown; the scene goes on without her. "" shows her.
    """

    name = "host"

    def __init__(
        self, open_renderer: Callable[[], Renderer], scenery: Scenery, rest_ticks: int = 25
    ) -> None:
        self._open = open_renderer
        self._scenery = scenery
        self._first_rest = self._rest = rest_ticks
        self._again_at = self._opened_at = 0
        self._presenter: Layer | None = None
        self._shown: Face | None = None
        self._renderer: Renderer | None = open_renderer()
        self._why = self.withdrawn = ""
        self._losses = self.failures = 0
        self.provider = self._renderer.provider

    @property
    def trouble(self) -> str:
        """Why she is not drawn as she should be, "" when all is well."""
        renderer = self._renderer
        if self.withdrawn:
            return self.withdrawn
        return self._why if renderer is None else renderer.trouble

    @property
    def losses(self) -> int:
        """Times that an accelerator failed on air."""
        renderer = self._renderer
        return self._losses + (renderer.losses if renderer else 0)

    def picture(self, plan: Plan) -> Yuv | None:
        for cue in plan.cues:
            apply(self._scenery, cue)
        presenter = self._draw(plan)
        return self._scenery.compose(plan.tick, presenter, plan.caption, plan.progress)

    def _draw(self, plan: Plan) -> Layer | None:
        if self.withdrawn:
            self._presenter = _NOBODY
            return _NOBODY
        try:
            if self._renderer is None:
                if plan.tick < self._again_at:
                    return self._presenter
                self._renderer = self._opened(plan.tick)
            self._presenter = self._renderer.render(plan.face, plan.quality)
            self.provider = self._renderer.provider
        except Exception as error:
            self._failed(plan.tick, error)
        return self._presenter

    def _opened(self, tick: int) -> Renderer:
        renderer = self._open()
        if self._shown is not None:
            renderer.begin(self._shown)
        self._opened_at = tick
        log.warning("renderer back", extra={"provider": renderer.provider})
        return renderer

    def _failed(self, tick: int, error: Exception) -> None:
        self.failures += 1
        if tick - self._opened_at > MOST_REST_TICKS:
            self._rest = self._first_rest
        if self._renderer is not None:
            log.exception("renderer failed; the last picture of the host stays")
            self._losses += self._renderer.losses
            self._shown = self._renderer.shown
            self._renderer = None
        self._why = f"renderer failed: {error}"
        self._again_at = tick + self._rest
        self._rest = min(self._rest * 2, MOST_REST_TICKS)


class Still:
    """The source that cannot fail: one picture made before going on air, with its label."""

    name = "still"

    def __init__(self, picture: Yuv) -> None:
        self._picture = picture

    def picture(self, plan: Plan) -> Yuv:
        return self._picture


class Program:
    """First source that delivers wins; `safety` always delivers."""

    def __init__(self, sources: Sequence[Source], safety: Still) -> None:
        self._sources = sources
        self._safety = safety
        self.on_air = safety.name
        self.failures = 0

    def picture(self, plan: Plan) -> Yuv:
        """Return the picture of this tick. Never raises."""
        for source in self._sources:
            try:
                picture = source.picture(plan)
            except Exception:
                self.failures += 1
                if self.on_air == source.name:
                    log.exception("picture source failed", extra={"source": source.name})
                picture = None
            if picture is not None:
                self.on_air = source.name
                return picture
        self.on_air = self._safety.name
        return self._safety.picture(plan)


def apply(scenery: Scenery, cue: Cue) -> None:
    """Carry out a scene cue; other kinds are not for the picture."""
    match cue.kind:
        case CueKind.PRODUCT:
            scenery.product(cue.data)
        case CueKind.QUESTION:
            scenery.question(cue.data)
        case CueKind.NOTICE:
            scenery.notice(cue.data)
        case CueKind.SLATE:
            scenery.slate(bool(cue.data.get("on")), bool(cue.data.get("cut")))
        case CueKind.LAYERS:
            scenery.hide([str(name) for name in cue.data.get("hidden", [])])
        case _:
            pass
