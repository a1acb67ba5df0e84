"""The field's own lip-sync networks, with the user's weights, in place of the avatar's own mouth.

In:  an avatar, network.toml, faces that carry their sound.   Out: a renderer like any other.
"""

from livehost.stage.render.peers.kinds import KINDS, Network, load_network
from livehost.stage.render.peers.renderer import (
    NetworkRenderer,
    check_network,
    playout,
    window,
)

__all__ = [
    "KINDS",
    "Network",
    "NetworkRenderer",
    "check_network",
    "load_network",
    "playout",
    "window",
]
