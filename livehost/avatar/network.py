"""The decoder that draws a face region from blendshape coefficients (needs torch; training only).

In:  (n, k) coefficients.   Out: (n, 3, h, w) RGB around 0..1.

A learned picture of a few feature planes at half resolution is moved by a flow field that is
nearly linear in the coefficients (as the vertices of a blendshape face are), mixed with features
grown from the coefficients alone, and turned into a correction of the mean image. The warp keeps
teeth and lip edges sharp between the trained shapes; the grown part opens and closes things.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

STRIDE = 16  # the coarsest grid is the image divided by this


@dataclass(frozen=True, slots=True)
class Widths:
    """Channels of the decoder, coarse to fine.

    Attributes:
        seed, coarse, middle, fine: planes at 1/16, 1/8, 1/4 and 1/2 of the resolution.
        sheets: how many feature pictures are moved independently.
        planes: feature planes in each sheet.
    """

    seed: int = 24
    coarse: int = 64
    middle: int = 40
    grown: int = 16
    fine: int = 24
    sheets: int = 3
    planes: int = 8


class Decoder(nn.Module):  # type: ignore[misc]  # torch may be missing where types are checked
    """Coefficients to picture.

    Args:
        mean: (3, h, w), the mean of the training images; h and w divisible by 16.
        centre, spread: (k,), mean and scale of the coefficients.
        widths: sizes.
    """

    def __init__(self, mean: Tensor, centre: Tensor, spread: Tensor, widths: Widths) -> None:
        super().__init__()
        self.register_buffer("mean", mean[None].clone())
        self.register_buffer("centre", centre[None].clone())
        self.register_buffer("spread", spread[None].clone())
        self.widths, k = widths, centre.numel()
        self.rows, self.columns = mean.shape[1] // STRIDE, mean.shape[2] // STRIDE
        self._build_growth(k)
        self._build_sheets(k, mean)
        mixed = widths.sheets * widths.planes + widths.grown
        self.mix = nn.Conv2d(mixed, widths.fine, 3, padding=1)
        self.refine = nn.Conv2d(widths.fine, widths.fine, 3, padding=1)
        self.paint = nn.Conv2d(widths.fine, 12, 3, padding=1)

    def _build_growth(self, k: int) -> None:
        w, cells = self.widths, self.rows * self.columns
        self.hidden = nn.Sequential(nn.Linear(k, 128), nn.SiLU(), nn.Linear(128, 128), nn.SiLU())
        self.seed = nn.Linear(128, w.seed * cells)
        self.coarse = nn.Conv2d(w.seed, w.coarse, 3, padding=1)
        self.coarse2 = nn.Conv2d(w.coarse, w.middle, 3, padding=1)
        self.middle = nn.Conv2d(w.middle, w.middle, 3, padding=1)
        self.grown = nn.Conv2d(w.middle, w.grown, 3, padding=1)

    def _build_sheets(self, k: int, mean: Tensor) -> None:
        w, cells = self.widths, self.rows * self.columns
        height, width = mean.shape[1] // 2, mean.shape[2] // 2
        self.sheet = nn.Parameter(torch.randn(w.sheets, w.planes, height, width) * 0.3)
        self.flow = nn.Linear(k, w.sheets * 2 * cells, bias=False)
        self.bend = nn.Linear(128, w.sheets * 2 * cells)
        for layer in (self.flow, self.bend):
            nn.init.normal_(layer.weight, std=1e-3)
        ys, xs = torch.meshgrid(_centres(height), _centres(width), indexing="ij")
        self.register_buffer("still", torch.stack([xs, ys], -1)[None])

    def forward(self, coefs: Tensor) -> Tensor:
        """Return (n, 3, h, w), not clamped while training."""
        n, w = coefs.shape[0], self.widths
        scaled = (coefs - self.centre) / self.spread * 0.5
        hidden = self.hidden(scaled)
        grown = F.silu(self.seed(hidden)).view(n, w.seed, self.rows, self.columns)
        grown = F.silu(self.coarse2(_double(F.silu(self.coarse(grown)))))
        grown = F.silu(self.grown(_double(F.silu(self.middle(grown)))))
        moved = self._moved(scaled, hidden)
        fine = F.silu(self.mix(torch.cat([moved, _double(grown)], 1)))
        fine = F.silu(self.refine(fine))
        picture = self.mean + F.pixel_shuffle(self.paint(fine), 2) * 0.25
        return picture if self.training else picture.clamp(0, 1)

    def _moved(self, scaled: Tensor, hidden: Tensor) -> Tensor:
        n, w = scaled.shape[0], self.widths
        height, width = self.sheet.shape[2:]
        flow = self.flow(scaled) + self.bend(hidden)
        flow = flow.view(n * w.sheets, 2, self.rows, self.columns)
        flow = F.interpolate(flow, size=(height, width), mode="bilinear", align_corners=False)
        where = self.still + flow.permute(0, 2, 3, 1)
        if torch.onnx.is_in_onnx_export():
            moved = _gather(self.sheet, where)
        else:
            sheets = self.sheet.repeat(n, 1, 1, 1)
            moved = F.grid_sample(sheets, where, padding_mode="border", align_corners=False)
        return moved.reshape(n, w.sheets * w.planes, height, width)


def _gather(sheets: Tensor, where: Tensor) -> Tensor:
    """Do what grid_sample with border padding does, for a batch of one, as one gather of rows.

    ONNX Runtime's GridSample took more than half of the decoder's time on a CPU. Operators and
    layouts are chosen by what is fast there: scalar clips, whole rows, no broadcast on the inside.

    Args:
        sheets: (s, c, h, w).
        where: (s, h, w, 2), x and y in -1..1.
    """
    s, c, height, width = sheets.shape
    left, part_x = _corner(where[..., 0], width)
    top, part_y = _corner(where[..., 1], height)
    first = (torch.arange(s) * height * width).view(s, 1)
    index = ((top * width + left).long() + first).reshape(-1)
    rows = sheets.permute(0, 2, 3, 1).reshape(-1, c)
    table = torch.cat([rows, rows.roll(-1, 0), rows.roll(-width, 0), rows.roll(-width - 1, 0)], 1)
    four = table[index].t().reshape(4, c, -1)  # here, right, below, right below
    part_x, part_y = part_x.reshape(1, -1), part_y.reshape(1, -1)
    above = four[0] + (four[1] - four[0]) * part_x
    below = four[2] + (four[3] - four[2]) * part_x
    mixed = above + (below - above) * part_y
    return mixed.view(c, s, height, width).permute(1, 0, 2, 3)


def _corner(where: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """Return the (s, h * w) whole and fractional coordinate of places in -1..1."""
    at = (where.flatten(1) * (size / 2) + (size - 1) / 2).clamp(0, size - 1)
    whole = at.floor().clamp(0, size - 2)
    return whole, at - whole


def _double(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)


def _centres(size: int) -> Tensor:
    """Return the sampling coordinates of the pixel centres, -1..1."""
    return (torch.arange(size) + 0.5) * 2 / size - 1
