"""The alert classifier: the trunk of the host finder over three images, and one answer.

Every grid passes through the same convolutions, its three images as channels; cells exchange
features with the next coarser and finer grid, grids with each other, and the whole is summed up
into the probabilities of the classes.  Lengths are in base pixels.
"""

from __future__ import annotations

from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from hstamp.classify import CLASSES
from reference_model.network.inputs import InputKind
from reference_model.network.model import SOFTEN, _asinh, _each, _resample, cells_of

#: Channels of extra stem layers and of the trunk, and length of a summary.
NARROW, WIDE, TOKEN = 16, 32, 64
#: Views of a pixel: two of each image, and whether it is there; a lone grid has one of each.
CHANNELS, LONE = 9, 6
#: Seeing of which the logarithm is zero for the network, arcsec.
MIDDLE = 1.2


class AlertNet(nn.Module):
    """The network of one input kind.

    Parameters
    ----------
    kind : InputKind
        For hierarchical stamps the weights do not depend on n.
    """

    def __init__(self, kind: InputKind) -> None:
        super().__init__()
        self.kind = kind
        self.many = len(kind.steps) > 1
        first: list[nn.Module] = []
        self.views = channels = CHANNELS if self.many else LONE
        for _ in range(kind.stem):
            first += [nn.Conv2d(channels, NARROW, 3, stride=2, padding=1), nn.ReLU()]
            channels = NARROW
        self.stem = nn.Sequential(*first, nn.Conv2d(channels, WIDE, 5, stride=2, padding=1))
        self.place = nn.Linear(6, WIDE)
        self.refine = nn.Conv2d(WIDE, WIDE, 3, padding=1)
        self.from_coarse = nn.Linear(WIDE, WIDE)
        self.from_fine = nn.Linear(WIDE, WIDE)
        self.merge = nn.Conv2d(WIDE, WIDE, 3, padding=1)
        self.settle = nn.Conv2d(WIDE, WIDE, 3, padding=1)
        self.token = nn.Sequential(
            nn.Linear(4 * WIDE + 4, TOKEN), nn.ReLU(), nn.Linear(TOKEN, TOKEN)
        )
        self.query = nn.Linear(TOKEN, TOKEN)
        self.key = nn.Linear(TOKEN, TOKEN)
        self.value = nn.Linear(TOKEN, TOKEN)
        self.mix = nn.Sequential(nn.Linear(2 * TOKEN, TOKEN), nn.ReLU(), nn.Linear(TOKEN, TOKEN))
        self.drop = nn.Dropout(0.1)
        self.answer = nn.Sequential(
            nn.Linear(3 * TOKEN, TOKEN), nn.ReLU(), nn.Linear(TOKEN, len(CLASSES))
        )
        finer, coarser = _resample(cells_of(kind.side, kind.stem))
        self.register_buffer("finer", finer, persistent=False)
        self.register_buffer("coarser", coarser, persistent=False)

    def forward(
        self, values: Tensor, first: Tensor, step: Tensor, scale: Tensor, seeing: Tensor
    ) -> Tensor:
        """Classify alerts.

        Parameters
        ----------
        values : Tensor, shape (B, 3, G, S, S)
            Science, template and difference in units of their noise; NaN where missing.
        first : Tensor, shape (B, G, 2)
            Centre of each grid's first pixel relative to the source.
        step : Tensor, shape (G,)
            Pixel size of each grid.
        scale, seeing : Tensor, shape (B,)
            Base pixel and seeing, arcsec; NaN where unknown.

        Returns
        -------
        Tensor, shape (B, 5)
            Log probabilities up to a constant, for classes that are equally frequent.
        """
        b, g, s = values.shape[0], values.shape[2], values.shape[3]
        f = self.stem(self._features(values, step).reshape(b * g, self.views, s, s))
        c = f.shape[-1]
        place = self._places(first, step, c)
        f = torch.relu(f + _each(self.place, place.reshape(b * g, 6, c, c)))
        f = f + torch.relu(self.refine(f))
        between = self._exchange(f, b, g) if self.many else f
        f = f + torch.relu(self.merge(between))
        f = f + torch.relu(self.settle(f))
        # What lies at the source counts most, and is asked of several cells.
        near = torch.exp(-(place[:, :, 2] * 12.0)).reshape(b * g, 1, c * c)
        flat = f.reshape(b * g, WIDE, c * c)
        centre = (flat * near).sum(dim=2) / (near.sum(dim=2) + 1e-3)
        pooled = torch.cat(
            [f.mean(dim=(2, 3)), f.amax(dim=(2, 3)), f[:, :, c // 2, c // 2], centre], dim=1
        ).reshape(b, g, 4 * WIDE)
        level = (torch.log2(step) / 4.0).reshape(1, g, 1).expand(b, g, 1)
        about = self._conditions(scale, seeing).unsqueeze(1).expand(b, g, 3)
        token = self.token(torch.cat([pooled, level.to(pooled.dtype), about], dim=2))
        score = torch.matmul(self.query(token), self.key(token).transpose(1, 2)) / TOKEN**0.5
        seen = torch.matmul(torch.softmax(score, dim=2), self.value(token))
        context = token + self.mix(torch.cat([token, seen], dim=2))
        whole = torch.cat([context.mean(dim=1), context.amax(dim=1), context[:, 0]], dim=1)
        return cast(Tensor, self.answer(self.drop(whole)).float())

    def _conditions(self, scale: Tensor, seeing: Tensor) -> Tensor:
        """Features (B, 3) of pixel and seeing."""
        pixel = torch.where(torch.isfinite(scale), torch.log(scale / 0.4), torch.zeros_like(scale))
        known = torch.isfinite(seeing)
        width = torch.where(known, torch.log(seeing / MIDDLE), torch.zeros_like(seeing))
        return torch.stack([pixel, width, known.to(pixel.dtype)], dim=1)

    def _features(self, values: Tensor, step: Tensor) -> Tensor:
        """Views of the flux of each image, and which pixels are there: (B, G, 9 or 6, S, S).

        The first view has the same unit on all grids, which keeps the flux between them; the
        second is in units of the grid's own noise. A lone grid of base pixels has one noise, and
        both views would be the same.
        """
        there = torch.isfinite(values)
        clean = torch.where(there, values, torch.zeros_like(values))
        seen = [_asinh(clean) / SOFTEN]
        if self.many:
            seen.append(_asinh(clean * step.reshape(1, 1, -1, 1, 1)) / SOFTEN)
        return torch.cat([*seen, there.to(values.dtype)], dim=1).transpose(1, 2)

    def _places(self, first: Tensor, step: Tensor, cells: int) -> Tensor:
        """Features of the place of each cell, (B, G, 6, c*c)."""
        b, g = first.shape[0], first.shape[1]
        inner = 1.0 + 2.0 * torch.arange(cells, dtype=first.dtype, device=first.device)
        inner = inner * 2.0**self.kind.stem
        size = step.reshape(1, g, 1)
        row = first[:, :, 1:] + inner.reshape(1, 1, cells) * size
        column = first[:, :, :1] + inner.reshape(1, 1, cells) * size
        x = column.unsqueeze(2).expand(b, g, cells, cells).reshape(b, g, cells * cells)
        y = row.unsqueeze(3).expand(b, g, cells, cells).reshape(b, g, cells * cells)
        unit = 2.0 / (size * self.kind.side)
        near_x, near_y = x * unit, y * unit
        r2 = near_x * near_x + near_y * near_y
        level = (torch.log2(size) / 4.0).expand(b, g, cells * cells)
        radius = torch.log2(torch.sqrt(x * x + y * y) + 0.5) / 4.0
        return torch.stack([near_x, near_y, r2, torch.exp(-4.0 * r2), radius, level], dim=2)

    def _exchange(self, f: Tensor, b: int, g: int) -> Tensor:
        """Let every cell see the next coarser and finer grid at its place."""
        finer, coarser = cast(Tensor, self.finer), cast(Tensor, self.coarser)
        c = f.shape[-1]
        up = _each(self.from_coarse, f).reshape(b, g, WIDE, c * c)[:, 1:]
        down = _each(self.from_fine, f).reshape(b, g, WIDE, c * c)[:, :-1]
        blank = torch.zeros_like(up[:, :1])
        up = torch.matmul(up, finer.T.to(up.dtype))
        down = torch.matmul(down, coarser.T.to(down.dtype))
        moved = torch.cat([up, blank], dim=1) + torch.cat([blank, down], dim=1)
        return f + moved.reshape(b * g, WIDE, c, c)


def probabilities(logits: Tensor) -> Tensor:
    """Probabilities of classes that are equally frequent."""
    return F.softmax(logits, dim=1)
