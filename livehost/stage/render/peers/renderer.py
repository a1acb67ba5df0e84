"""A renderer whose mouth a network paints from sound; eyes, head and breath are as ever.

In:  faces that carry their sound, a quality level.   Out: a `Layer` in frame pixels.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

from livehost.avatar import Avatar
from livehost.clock import Timeline
from livehost.errors import ConfigError
from livehost.media import Face, Layer, Quality
from livehost.stage.ear import Ear, Window
from livehost.stage.playout import Playout
from livehost.stage.render.decoder import DecoderRenderer
from livehost.stage.render.loop import LoopRenderer
from livehost.stage.render.part import Drawn
from livehost.stage.render.peers.contract import look
from livehost.stage.render.peers.crop import Carried, Paste, face, place
from livehost.stage.render.peers.kinds import Network, load_network
from livehost.stage.render.peers.mouth import AROUND, NetworkMouth
from livehost.stage.render.peers.musetalk import MuseTalk
from livehost.stage.render.peers.ultralight import Ultralight
from livehost.stage.render.peers.wav2lip import Wav2Lip
from livehost.stage.render.texture import Texture

log = logging.getLogger(__name__)

_PAINTERS: dict[str, type[Wav2Lip] | type[Ultralight] | type[MuseTalk]] = {
    "wav2lip": Wav2Lip,
    "ultralight": Ultralight,
    "musetalk": MuseTalk,
}


def window(network: Network, timeline: Timeline) -> Window:
    """Return what the renderer of `network` must hear around a tick."""
    shift, later = network.shift_ms / 1000, (network.batch - 1) * timeline.period
    wanted = _painter(network).window(shift)
    return replace(
        wanted,
        before=max(wanted.before, AROUND),
        after=max(wanted.after, AROUND + 2 * timeline.period) + later,
        ticks=max(2, network.batch),
        held=network.look_ahead_ms / 1000,
    )


class NetworkRenderer:
    """Renders one avatar with a network's mouth; call it from one thread.

    Raises:
        BackendBroken: a model cannot be loaded, or fails.
        ConfigError: a model is of another form, or the face does not lie where it should.
    """

    def __init__(
        self, avatar: Avatar, network: Network, width: int, height: int, rate: Fraction
    ) -> None:
        where = place(avatar, network)
        painter = _painter(network)(network, face(avatar, where))

        def on_plate(texture: Texture) -> NetworkMouth:
            return mouth(Paste(avatar, texture, where, network.form.top))

        def in_film(lips: Drawn) -> NetworkMouth:
            return mouth(Carried(avatar, lips, where, network.form.top))

        def mouth(paste: Paste | Carried) -> NetworkMouth:
            self._mouth = NetworkMouth(painter, paste, network.batch)
            return self._mouth

        self.name = network.kind
        self._inner: DecoderRenderer | LoopRenderer = (
            LoopRenderer(avatar, width, height, rate, in_film)
            if avatar.loop
            else DecoderRenderer(avatar, width, height, on_plate)
        )
        log.info("network's licence", extra={"network": network.kind, "licence": network.licence})

    @property
    def provider(self) -> str:
        """Where the mouth is painted."""
        return self._inner.provider

    @property
    def trouble(self) -> str:
        """Why an accelerator is not used for the eyes, "" when nothing is wrong."""
        return self._inner.trouble

    @property
    def losses(self) -> int:
        """Times that an accelerator failed on air."""
        return self._inner.losses

    @property
    def shown(self) -> Face:
        """What is shown, but for the mouth, which begins anew at rest."""
        return self._inner.shown

    def begin(self, shown: Face) -> None:
        """Start from what another renderer showed last. Raises BackendBroken."""
        self._mouth.listen(None, Quality.FULL)
        self._inner.begin(shown)

    def render(self, face: Face, quality: Quality) -> Layer:
        """Return the presenter at `face`, who says its sound. Raises BackendBroken."""
        self._mouth.listen(face.sound, quality)
        return self._inner.render(face, quality)


def playout(network: Network | None, timeline: Timeline) -> Playout:
    """Return a playout for the renderer of `network`; None is one that need not hear."""
    return Ear(timeline, window(network, timeline)) if network else Playout()


def _painter(network: Network) -> type[Wav2Lip] | type[Ultralight] | type[MuseTalk]:
    return _PAINTERS[network.kind.split("-")[0]]


def check_network(path: Path) -> Network:
    """Read network.toml and look into its models without running them.

    Raises:
        ConfigError: every problem found.
    """
    network = load_network(path)
    problems: list[str] = []
    for name, form in _painter(network).forms(network.form.side).items():
        try:
            look(network.path(name), form)
        except ConfigError as error:
            problems += error.problems
    if problems:
        raise ConfigError(*problems)
    return network
