"""The network that hears what the mouth does, and what its answers cost when they are wrong.

In:  log-mel frames at 100 Hz.   Out: shares of visemes, reach, brow and eyelid tendencies at 50 Hz.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from livehost.media import BLENDSHAPES
from livehost.stage.drive.mel import BANDS
from livehost.stage.drive.timings import GROUP_OF, GROUPS, OPENERS

_LAYERS = ((1, 1), (1, 1), (2, 2), (4, 0), (8, 0))
"""Dilation, and steps of 20 ms looked ahead, of each block."""
CLOSURE_WEIGHT = 3.0
"""How much more a moment counts in which lips must be shut: it is rare, and it is what one sees."""
_PRESS = GROUPS.index("press")
REACH = (0.5, 0.7)
"""Least reach of an open vowel, and how much further it may go."""


class Block(nn.Module):
    """A residual convolution without padding, (batch, width, steps) to fewer steps."""

    def __init__(self, width: int, dilation: int, ahead: int) -> None:
        super().__init__()
        self.mix = nn.Conv1d(width, width, 3, dilation=dilation, bias=False)
        self.norm = nn.BatchNorm1d(width)
        self.drop = nn.Dropout(0.1)
        self._first, self._last = 2 * dilation - ahead, ahead

    def forward(self, x: Tensor) -> Tensor:
        kept = x[:, :, self._first : x.shape[2] - self._last]
        return kept + self.drop(functional.relu(self.norm(self.mix(x))))


class Network(nn.Module):
    """(batch, BANDS + 1, PAST + FUTURE + 2 * n - 1) to n moments.

    The last band is 1 where a frame is known, else 0. The first moment lies PAST frames behind the
    first frame; moments are two frames apart.
    """

    def __init__(self, visemes: int, width: int = 128) -> None:
        super().__init__()
        self.visemes = visemes
        self.register_buffer("mean", torch.zeros(BANDS, 1))
        self.register_buffer("spread", torch.ones(BANDS, 1))
        self.enter = nn.Conv1d(BANDS + 1, width, 5, stride=2)
        self.blocks = nn.Sequential(*[Block(width, *layer) for layer in _LAYERS])
        self.drop = nn.Dropout(0.2)
        self.turn = nn.Conv1d(width, width, 1)
        self.leave = nn.Conv1d(width, len(GROUPS) * visemes + 3, 1)

    def forward(self, heard: Tensor) -> tuple[Tensor, Tensor]:
        """Return logits of the shares (batch, n, groups, visemes), and (batch, n, 3) logits."""
        known = heard[:, BANDS:]
        seen = (heard[:, :BANDS] - self.mean) / self.spread * known
        x = functional.relu(self.enter(torch.cat([seen, known], 1)))
        x = self.drop(self.blocks(x))
        x = self.leave(functional.relu(self.turn(x))).transpose(1, 2)
        shares = x[:, :, :-3].reshape(x.shape[0], x.shape[1], len(GROUPS), self.visemes)
        return shares, x[:, :, -3:]


class Served(nn.Module):
    """A network as it goes on air: probabilities instead of logits."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network

    def forward(self, heard: Tensor) -> tuple[Tensor, Tensor]:
        """Return shares, and (batch, n, 3): reach, brow, blink."""
        shares, more = self.network(heard)
        return torch.softmax(shares, -1), _tendencies(more)


def _tendencies(more: Tensor) -> Tensor:
    more = torch.sigmoid(more)
    return torch.cat([REACH[0] + REACH[1] * more[:, :, :1], more[:, :, 1:]], 2)


class Judge(nn.Module):
    """Compares answers with labels.

    Args:
        targets: (visemes, 53) of the reference avatar.
        closures: which of them shut the lips.
    """

    def __init__(self, targets: Tensor, closures: list[int]) -> None:
        super().__init__()
        self.closures = closures
        one_hot = functional.one_hot(torch.as_tensor(GROUP_OF), len(GROUPS)).float()  # (53, groups)
        self.register_buffer("basis", torch.einsum("vs,sg->gvs", targets, one_hot))
        opens = torch.zeros(len(BLENDSHAPES))
        opens[list(OPENERS)] = 1
        self.register_buffer("opens", opens)
        self.register_buffer("weight", 1 / targets.amax(0).clamp(min=0.25))
        self.used = targets.amax(0) > 0

    def shapes(self, shares: Tensor, reach: Tensor) -> Tensor:
        """Return (batch, n, 53): what the reference avatar's face would do."""
        shapes = torch.einsum("btgv,gvs->bts", shares, self.basis)
        return shapes * (1 + self.opens * (reach - 1))

    def forward(
        self, answers: tuple[Tensor, Tensor], shapes: Tensor, shares: Tensor, tendencies: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return losses of the shapes, of their movement, of the shares and of the tendencies.

        Args:
            shapes, shares: see `Labels`; tendencies: (batch, n, 2) brow and blink.
        """
        logits, more = answers
        ours = self.shapes(torch.softmax(logits, -1), _tendencies(more)[:, :, :1])
        wrong = ((ours - shapes) * self.weight)[:, :, self.used]
        moved = wrong[:, 1:] - wrong[:, :-1]
        pressed = -(shares * torch.log_softmax(logits, -1)).sum(3).mean(2)
        felt = functional.binary_cross_entropy_with_logits(more[:, :, 1:], tendencies)
        heavy = 1 + CLOSURE_WEIGHT * shares[:, :, _PRESS, self.closures].sum(2)
        return (
            (_cost(wrong) * heavy).mean(),
            _cost(moved).mean(),
            (pressed * heavy).mean(),
            felt,
        )


def _cost(wrong: Tensor) -> Tensor:
    """Return (batch, n), growing like a square where little is wrong, linearly where much is."""
    return functional.smooth_l1_loss(
        wrong, torch.zeros_like(wrong), beta=0.1, reduction="none"
    ).mean(2)
