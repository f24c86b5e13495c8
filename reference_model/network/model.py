"""The host finder.

Every grid passes through the same convolutions to a map of cells two pixels
wide; cells exchange features with those of the next coarser and finer grid at
the same place on the sky, and with a summary of the whole stamp.  Each cell
then proposes one host: a weight, a position near the cell's true sky position,
a covariance and a half-light radius.  The answer is the mixture of all
proposals and of "no host here", so that two candidate hosts stay two
candidates.

The pixel scale and the seeing, where they are known, are shown to every cell:
they tell a star from a galaxy.  Every weight comes twice, once for a nearby
host and once for a deep one; the prior odds of these two join them by Bayes'
rule, so that the network need not be trained again for another stream.

Lengths are in base pixels, positions relative to the transient.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from reference_model.network.inputs import InputKind

#: Channels of extra stem layers, of the trunk, inside its blocks, of the summary and of a
#: cell's last layer.
NARROW, WIDE, INNER, TOKEN, HIDDEN = 16, 32, 64, 64, 32
#: Blocks before and after grids exchange what they see.
BEFORE, AFTER = 1, 3
#: What is said of the pixel scale and of the seeing.
KNOWN = 5
#: Middle and spread (ln) of pixel scales and of seeing, arcsec.
SCALE_MIDDLE, SEEING_MIDDLE, SPREAD = 0.45, 1.2, 0.5
#: A cell proposes hosts at most this many of its own sizes away.
REACH = 2.0
#: asinh compresses; this brings the values to order one.
SOFTEN = 3.0


@dataclass(frozen=True)
class Proposals:
    """A batch of mixtures.

    Attributes
    ----------
    logits : Tensor, shape (B, C + 1)
        Log weights up to a constant; the last is "no host in the stamp".
    mean : Tensor, shape (B, C, 2)
        Host position relative to the transient, base pixels.
    scale : Tensor, shape (B, C, 3)
        Cholesky factor of the covariance: l_xx, l_yy (positive) and l_yx.
    log_radius : Tensor, shape (B, C)
        Natural log of the half-light radius in base pixels.
    """

    logits: Tensor
    mean: Tensor
    scale: Tensor
    log_radius: Tensor


@dataclass(frozen=True)
class Hypotheses:
    """The same before the prior odds of nearby and deep hosts are applied.

    Attributes
    ----------
    nearby, deep : Tensor, shape (B, C + 1)
        Log weights of the proposals, and of "no host", given that the transient belongs to
        either stratum, up to a constant that they share.
    mean, scale, log_radius : Tensor
        As in `Proposals`.
    """

    nearby: Tensor
    deep: Tensor
    mean: Tensor
    scale: Tensor
    log_radius: Tensor

    def given(self, prior: Tensor) -> Proposals:
        """Join the strata.

        Parameters
        ----------
        prior : Tensor, shape (B,)
            Natural log of the odds nearby to deep; NaN for even odds, which training has.
        """
        odds = torch.where(torch.isnan(prior), torch.zeros_like(prior), prior).unsqueeze(1)
        nearby, deep = self.nearby - F.softplus(-odds), self.deep - F.softplus(odds)
        return Proposals(_log_sum(nearby, deep), self.mean, self.scale, self.log_radius)


def _log_sum(a: Tensor, b: Tensor) -> Tensor:
    """ln(exp a + exp b), from operations that every runtime has."""
    return torch.maximum(a, b) + torch.log1p(torch.exp(-torch.abs(a - b)))


class Block(nn.Module):
    """What a cell learns from its neighbours.

    A depthwise convolution and two layers on each cell (Liu et al. 2022, arXiv:2201.03545).
    """

    def __init__(self) -> None:
        super().__init__()
        self.around = nn.Conv2d(WIDE, WIDE, 3, padding=1, groups=WIDE)
        self.widen = nn.Conv2d(WIDE, INNER, 1)
        self.narrow = nn.Conv2d(INNER, WIDE, 1)

    def forward(self, maps: Tensor) -> Tensor:
        """Add what was learnt."""
        found: Tensor = self.narrow(torch.relu(self.widen(self.around(maps))))
        return maps + found


def cells_of(side: int, stem: int) -> int:
    """Cells along a side of the trunk's map."""
    for _ in range(stem):
        side = (side - 1) // 2 + 1
    return (side - 3) // 2 + 1


def _asinh(x: Tensor) -> Tensor:
    """Inverse hyperbolic sine from operations that are vectorised everywhere."""
    size = torch.abs(x)
    return torch.sign(x) * torch.log(size + torch.sqrt(size * size + 1.0))


def _resample(cells: int) -> tuple[Tensor, Tensor]:
    """Matrices that take a flattened map to its next finer and next coarser neighbour.

    Grids are concentric within a quarter of a pixel, which is far below a
    cell, so that one fixed pair serves all levels.
    """
    middle = (cells - 1) / 2.0
    finer = torch.zeros(cells, cells)
    for i in range(cells):
        at = (i - middle) / 2.0 + middle
        low = int(at)
        finer[i, low] += 1.0 - (at - low)
        if at > low:
            finer[i, low + 1] += at - low
    total = finer.sum(dim=0, keepdim=True).clamp(min=1e-6)
    coarser = (finer / total).T
    # One product of the flattened map instead of two small ones, which is quicker.
    return torch.kron(finer, finer), torch.kron(coarser, coarser)


class HostNet(nn.Module):
    """The network of one input kind.

    Parameters
    ----------
    kind : InputKind
        For hierarchical stamps the weights do not depend on n.
    """

    def __init__(self, kind: InputKind) -> None:
        super().__init__()
        self.kind = kind
        self.stem_layers = kind.stem
        self.many = len(kind.steps) > 1
        first: list[nn.Module] = []
        channels = 3
        for _ in range(kind.stem):
            first += [nn.Conv2d(channels, NARROW, 3, stride=2, padding=1), nn.ReLU()]
            channels = NARROW
        self.stem = nn.Sequential(*first, nn.Conv2d(channels, WIDE, 5, stride=2, padding=1))
        self.before = nn.Sequential(*(Block() for _ in range(BEFORE)))
        self.from_coarse = nn.Linear(WIDE, WIDE // 2)
        self.from_fine = nn.Linear(WIDE, WIDE // 2)
        self.after = nn.Sequential(*(Block() for _ in range(AFTER)))
        self.place = nn.Linear(8, WIDE)
        self.known = nn.Sequential(nn.Linear(KNOWN, TOKEN), nn.ReLU(), nn.Linear(TOKEN, WIDE))
        self.token = nn.Sequential(
            nn.Linear(3 * WIDE + 1 + KNOWN, TOKEN), nn.ReLU(), nn.Linear(TOKEN, TOKEN)
        )
        self.query = nn.Linear(TOKEN, TOKEN)
        self.key = nn.Linear(TOKEN, TOKEN)
        self.value = nn.Linear(TOKEN, TOKEN)
        self.mix = nn.Sequential(nn.Linear(2 * TOKEN, TOKEN), nn.ReLU(), nn.Linear(TOKEN, TOKEN))
        self.to_cells = nn.Linear(TOKEN, HIDDEN)
        self.cell = nn.Linear(WIDE, HIDDEN)
        self.head = nn.Linear(HIDDEN, 8)
        self.none = nn.Sequential(nn.Linear(2 * TOKEN, TOKEN), nn.ReLU(), nn.Linear(TOKEN, 2))
        finer, coarser = _resample(cells_of(kind.side, kind.stem))
        self.register_buffer("finer", finer, persistent=False)
        self.register_buffer("coarser", coarser, persistent=False)

    def forward(
        self, values: Tensor, first: Tensor, step: Tensor, scale: Tensor, seeing: Tensor,
        prior: Tensor,
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:  # fmt: skip
        """Propose hosts.

        Parameters
        ----------
        values, first, step, scale, seeing : Tensor
            As `consider` takes them.
        prior : Tensor, shape (B,)
            Natural log of the odds of a nearby host (z < 0.1) to a deep one; NaN if unknown.

        Returns
        -------
        tuple of Tensor
            The fields of `Proposals`.
        """
        found = self.consider(values, first, step, scale, seeing).given(prior)
        return found.logits, found.mean, found.scale, found.log_radius

    def consider(
        self, values: Tensor, first: Tensor, step: Tensor, scale: Tensor, seeing: Tensor
    ) -> Hypotheses:
        """Weigh nearby and deep hosts.

        Parameters
        ----------
        values : Tensor, shape (B, G, S, S)
            In units of the base pixel's noise; NaN where missing.
        first : Tensor, shape (B, G, 2)
            Centre of each grid's first pixel relative to the source.
        step : Tensor, shape (G,)
            Pixel size of each grid.
        scale, seeing : Tensor, shape (B,)
            Side of a base pixel and FWHM of the point-spread function, arcsec; NaN if unknown.
        """
        b, g, s = values.shape[0], values.shape[1], values.shape[2]
        f = self.stem(self._features(values, step).reshape(b * g, 3, s, s))
        c = f.shape[-1]
        x, y, place = self._places(first, step, c)
        known = self._known(step, scale, seeing)
        told = self.known(known).reshape(b * g, WIDE, 1, 1)
        f = torch.relu(f + _each(self.place, place.reshape(b * g, 8, c, c)) + told)
        f = self.before(f)
        f = self.after(self._exchange(f, b, g) if self.many else f)
        pooled = torch.cat(
            [f.mean(dim=(2, 3)), f.amax(dim=(2, 3)), f[:, :, c // 2, c // 2]], dim=1
        ).reshape(b, g, 3 * WIDE)
        level = (torch.log2(step) / 4.0).reshape(1, g, 1).expand(b, g, 1)
        token = self.token(torch.cat([pooled, level.to(pooled.dtype), known], dim=2))
        score = torch.matmul(self.query(token), self.key(token).transpose(1, 2)) / TOKEN**0.5
        seen = torch.matmul(torch.softmax(score, dim=2), self.value(token))
        context = token + self.mix(torch.cat([token, seen], dim=2))
        hidden = _each(self.cell, f) + self.to_cells(context).reshape(b * g, HIDDEN, 1, 1)
        out = _each(self.head, torch.relu(hidden)).reshape(b, g, 8, c * c)
        none = self.none(torch.cat([context.mean(dim=1), context.amax(dim=1)], dim=1))
        return self._hypotheses(out.float(), x, y, none.float(), step)

    def _known(self, step: Tensor, scale: Tensor, seeing: Tensor) -> Tensor:
        """What is known of pixels and seeing, shape (B, G, 5); zeros for what is not.

        Pixel side and seeing as such, the seeing in pixels of the grid, and whether each of
        the two is known.
        """
        b, g = scale.shape[0], step.shape[0]
        parts = []
        for value, middle in ((scale, SCALE_MIDDLE), (seeing, SEEING_MIDDLE)):
            there = torch.logical_not(torch.isnan(value))
            clean = torch.where(there, value, torch.full_like(value, middle))
            parts.append((torch.log(clean / middle) / SPREAD, there.to(value.dtype)))
        (side, has_side), (blur, has_blur) = parts
        pixels = blur * SPREAD - side * SPREAD + math.log(SEEING_MIDDLE / SCALE_MIDDLE)
        pixels = (pixels.unsqueeze(1) - torch.log(step).unsqueeze(0)) / (2.0 * SPREAD)
        pixels = pixels * (has_side * has_blur).unsqueeze(1)
        same = torch.stack([side, has_side, blur, has_blur], dim=1).unsqueeze(1).expand(b, g, 4)
        return torch.cat([same, pixels.unsqueeze(2)], dim=2)

    def _features(self, values: Tensor, step: Tensor) -> Tensor:
        """Two views of the flux, and which pixels are there.

        The first view has the same unit on all grids, which keeps the flux
        between them; the second is in units of the grid's own noise.
        """
        there = torch.isfinite(values)
        clean = torch.where(there, values, torch.zeros_like(values))
        own = clean * step.reshape(1, -1, 1, 1)
        return torch.stack(
            [_asinh(clean) / SOFTEN, _asinh(own) / SOFTEN, there.to(values.dtype)], dim=2
        )

    def _places(self, first: Tensor, step: Tensor, cells: int) -> tuple[Tensor, Tensor, Tensor]:
        """Cell centres x and y (B, G, c*c), and features of their place (B, G, 8, c*c)."""
        b, g = first.shape[0], first.shape[1]
        # The last strided convolution looks around pixels 1, 3, 5, ..., those of a stem
        # before it around every second one.
        inner = 1.0 + 2.0 * torch.arange(cells, dtype=first.dtype, device=first.device)
        inner = inner * 2.0**self.stem_layers
        size = step.reshape(1, g, 1)
        row = first[:, :, 1:] + inner.reshape(1, 1, cells) * size
        column = first[:, :, :1] + inner.reshape(1, 1, cells) * size
        x = column.unsqueeze(2).expand(b, g, cells, cells).reshape(b, g, cells * cells)
        y = row.unsqueeze(3).expand(b, g, cells, cells).reshape(b, g, cells * cells)
        scale = 2.0 / (size * self.kind.side)
        near_x, near_y = x * scale, y * scale
        r2 = near_x * near_x + near_y * near_y
        radius = torch.log2(torch.sqrt(x * x + y * y) + 0.5) / 4.0
        level = (torch.log2(size) / 4.0).expand(b, g, cells * cells)
        place = torch.stack([near_x, near_y, r2, torch.sqrt(r2 + 1e-6), torch.exp(-4.0 * r2),
                             radius, level, level * level], dim=2)  # fmt: skip
        return x, y, place

    def _exchange(self, f: Tensor, b: int, g: int) -> Tensor:
        """Let every cell see the next coarser and finer grid at its place."""
        finer, coarser = cast(Tensor, self.finer), cast(Tensor, self.coarser)
        c = f.shape[-1]
        up = _each(self.from_coarse, f).reshape(b, g, WIDE // 2, c * c)[:, 1:]
        down = _each(self.from_fine, f).reshape(b, g, WIDE // 2, c * c)[:, :-1]
        blank = torch.zeros_like(up[:, :1])
        up = torch.matmul(up, finer.T.to(up.dtype))
        down = torch.matmul(down, coarser.T.to(down.dtype))
        # Half of the channels tell of the coarser grid, half of the finer one.
        moved = torch.cat([torch.cat([up, blank], 1), torch.cat([blank, down], 1)], 2)
        return f + moved.reshape(b * g, WIDE, c, c)

    def _hypotheses(
        self, out: Tensor, x: Tensor, y: Tensor, none: Tensor, step: Tensor
    ) -> Hypotheses:
        b, g, m = out.shape[0], out.shape[1], out.shape[3]
        size = step.reshape(1, g, 1) * 2.0**self.stem_layers
        away = 2.0 * REACH * torch.tanh(out[:, :, 1:3])
        spread = torch.exp(torch.clamp(out[:, :, 3:5], -4.0, 2.5))
        lxx, lyy = spread[:, :, 0] * size, spread[:, :, 1] * size
        mean = torch.stack([x + away[:, :, 0] * size, y + away[:, :, 1] * size], dim=3)
        scale = torch.stack([lxx, lyy, out[:, :, 5] * lyy], dim=3)
        log_radius = out[:, :, 6] + torch.log(size)
        return Hypotheses(
            torch.cat([out[:, :, 0].reshape(b, g * m), none[:, :1]], dim=1),
            torch.cat([out[:, :, 7].reshape(b, g * m), none[:, 1:]], dim=1),
            mean.reshape(b, g * m, 2),
            scale.reshape(b, g * m, 3),
            log_radius.reshape(b, g * m),
        )


def _each(layer: nn.Linear, maps: Tensor) -> Tensor:
    """A linear layer on the channels of every cell."""
    return F.conv2d(maps, layer.weight[:, :, None, None], layer.bias)


def parameters(model: nn.Module) -> int:
    """Number of trained values."""
    return sum(p.numel() for p in model.parameters())
