"""The host finder.

Every grid passes through the same convolutions to a map of cells two pixels
wide; cells exchange features with those of the next coarser and finer grid at
the same place on the sky, and with a summary of the whole stamp.  Each cell
then proposes one host: a weight, a position near the cell's true sky position,
a covariance and a half-light radius.  The answer is the mixture of all
proposals and of "no host here", so that two candidate hosts stay two
candidates.

Lengths are in base pixels, positions relative to the transient.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from reference_model.network.inputs import InputKind

#: Channels of extra stem layers, of the trunk, of the summary and of a cell's last layer.
NARROW, WIDE, TOKEN, HIDDEN = 16, 32, 64, 32
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
        self.refine = nn.Conv2d(WIDE, WIDE, 3, padding=1)
        self.from_coarse = nn.Linear(WIDE, WIDE)
        self.from_fine = nn.Linear(WIDE, WIDE)
        self.merge = nn.Conv2d(WIDE, WIDE, 3, padding=1)
        self.settle = nn.Conv2d(WIDE, WIDE, 3, padding=1)
        self.place = nn.Linear(8, WIDE)
        self.token = nn.Sequential(
            nn.Linear(3 * WIDE + 1, TOKEN), nn.ReLU(), nn.Linear(TOKEN, TOKEN)
        )
        self.query = nn.Linear(TOKEN, TOKEN)
        self.key = nn.Linear(TOKEN, TOKEN)
        self.value = nn.Linear(TOKEN, TOKEN)
        self.mix = nn.Sequential(nn.Linear(2 * TOKEN, TOKEN), nn.ReLU(), nn.Linear(TOKEN, TOKEN))
        self.to_cells = nn.Linear(TOKEN, HIDDEN)
        self.cell = nn.Linear(WIDE, HIDDEN)
        self.head = nn.Linear(HIDDEN, 7)
        self.none = nn.Sequential(nn.Linear(2 * TOKEN, TOKEN), nn.ReLU(), nn.Linear(TOKEN, 1))
        finer, coarser = _resample(cells_of(kind.side, kind.stem))
        self.register_buffer("finer", finer, persistent=False)
        self.register_buffer("coarser", coarser, persistent=False)

    def forward(
        self, values: Tensor, first: Tensor, step: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Propose hosts.

        Parameters
        ----------
        values : Tensor, shape (B, G, S, S)
            In units of the base pixel's noise; NaN where missing.
        first : Tensor, shape (B, G, 2)
            Centre of each grid's first pixel relative to the source.
        step : Tensor, shape (G,)
            Pixel size of each grid.

        Returns
        -------
        tuple of Tensor
            The fields of `Proposals`.
        """
        b, g, s = values.shape[0], values.shape[1], values.shape[2]
        f = self.stem(self._features(values, step).reshape(b * g, 3, s, s))
        c = f.shape[-1]
        x, y, place = self._places(first, step, c)
        f = torch.relu(f + _each(self.place, place.reshape(b * g, 8, c, c)))
        f = f + torch.relu(self.refine(f))
        between = self._exchange(f, b, g) if self.many else f
        f = f + torch.relu(self.merge(between))
        f = f + torch.relu(self.settle(f))
        pooled = torch.cat(
            [f.mean(dim=(2, 3)), f.amax(dim=(2, 3)), f[:, :, c // 2, c // 2]], dim=1
        ).reshape(b, g, 3 * WIDE)
        level = (torch.log2(step) / 4.0).reshape(1, g, 1).expand(b, g, 1)
        token = self.token(torch.cat([pooled, level.to(pooled.dtype)], dim=2))
        score = torch.matmul(self.query(token), self.key(token).transpose(1, 2)) / TOKEN**0.5
        seen = torch.matmul(torch.softmax(score, dim=2), self.value(token))
        context = token + self.mix(torch.cat([token, seen], dim=2))
        hidden = _each(self.cell, f) + self.to_cells(context).reshape(b * g, HIDDEN, 1, 1)
        out = _each(self.head, torch.relu(hidden)).reshape(b, g, 7, c * c)
        none = self.none(torch.cat([context.mean(dim=1), context.amax(dim=1)], dim=1))
        return self._proposals(out.float(), x, y, none.float(), step)

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
        up = _each(self.from_coarse, f).reshape(b, g, WIDE, c * c)[:, 1:]
        down = _each(self.from_fine, f).reshape(b, g, WIDE, c * c)[:, :-1]
        blank = torch.zeros_like(up[:, :1])
        up = torch.matmul(up, finer.T.to(up.dtype))
        down = torch.matmul(down, coarser.T.to(down.dtype))
        moved = torch.cat([up, blank], dim=1) + torch.cat([blank, down], dim=1)
        return f + moved.reshape(b * g, WIDE, c, c)

    def _proposals(
        self, out: Tensor, x: Tensor, y: Tensor, none: Tensor, step: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        b, g, m = out.shape[0], out.shape[1], out.shape[3]
        size = step.reshape(1, g, 1) * 2.0**self.stem_layers
        away = 2.0 * REACH * torch.tanh(out[:, :, 1:3])
        spread = torch.exp(torch.clamp(out[:, :, 3:5], -4.0, 2.5))
        lxx, lyy = spread[:, :, 0] * size, spread[:, :, 1] * size
        mean = torch.stack([x + away[:, :, 0] * size, y + away[:, :, 1] * size], dim=3)
        scale = torch.stack([lxx, lyy, out[:, :, 5] * lyy], dim=3)
        log_radius = out[:, :, 6] + torch.log(size)
        return (
            torch.cat([out[:, :, 0].reshape(b, g * m), none], dim=1),
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
