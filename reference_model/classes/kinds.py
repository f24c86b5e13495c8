"""Ways to show an alert: the levels of the format, or windows of the same images."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hstamp.classify.inputs import noise_of, scaled, sky_of
from hstamp.hosts.runtime import first_pixels
from hstamp.values import mean_children
from reference_model.classes.cut import NARROW, WIDE
from reference_model.classes.dataset import Alerts
from reference_model.network.inputs import InputKind, hierarchical

Floats = NDArray[np.float32]

#: ZTF's cutout; today's LSST stamp; Reyes-Jainaga et al. 2023; the windows of four levels and of
#: five.
WINDOW63 = InputKind("window63", 63, (1,), 3969, stem=1)
STAMP30 = InputKind("stamp30", 30, (1,), 900)
MULTISCALE = InputKind("multiscale4x8", 8, (1, 2, 4, 8), 208)
WINDOW120 = InputKind("window120", 120, (1,), 14400, stem=2)
WINDOW240 = InputKind("window240", 240, (1,), 57600, stem=3)
KINDS = {
    kind.name: kind
    for kind in (
        *(hierarchical(n) for n in range(2, 6)),
        WINDOW63,
        STAMP30,
        MULTISCALE,
        WINDOW120,
        WINDOW240,
    )
}


@dataclass(frozen=True)
class Shown:
    """Some alerts as one input of a network.

    Attributes
    ----------
    values : ndarray, float32, shape (B, 3, G, S, S)
    first : ndarray, float32, shape (B, G, 2)
        Centre of each grid's first pixel relative to the source, base pixels.
    step : ndarray, float32, shape (G,)
    scale, seeing : ndarray, float32, shape (B,)
        Pixel and seeing, arcsec; seeing is NaN where unknown.
    """

    values: Floats
    first: Floats
    step: Floats
    scale: Floats
    seeing: Floats


def show(kind: InputKind, alerts: Alerts, index: NDArray[np.int64]) -> Shown:
    """Alerts as an input kind shows them."""
    dx, dy = alerts.dx[index], alerts.dy[index]
    if kind.hierarchical:
        levels = alerts.levels[index, :, : len(kind.steps)]
        values = scaled(levels, noise_of(levels))
        first = first_pixels(len(kind.steps), dx, dy)
    else:
        grids, first = _grids(kind, _windows(kind, alerts, index), dx, dy)
        # Windows are kept in units of the noise. Of a large one every fourth row and column says
        # what its median is.
        sparse = 1 if kind.side <= NARROW else 4
        values = grids - sky_of(grids[..., ::sparse, ::sparse])[..., None, None, None]
    rows = alerts.rows[index]
    return Shown(values, first, np.array(kind.steps, np.float32), rows["pixel"], rows["seeing"])


def _windows(kind: InputKind, alerts: Alerts, index: NDArray[np.int64]) -> Floats:
    if kind.side * kind.steps[-1] <= NARROW:
        return alerts.narrow[index].astype(np.float32)
    starts = np.array([start for _, start in alerts.wide])
    side = kind.side * kind.steps[-1]
    middle = slice((WIDE - side) // 2, (WIDE + side) // 2)
    out = np.empty((index.size, 3, side, side), np.float32)
    for row, i in zip(out, index, strict=True):
        which = int(np.searchsorted(starts, i, side="right")) - 1
        row[...] = alerts.wide[which][0][i - starts[which], :, middle, middle]
    return out


def _grids(kind: InputKind, wide: Floats, dx: Floats, dy: Floats) -> tuple[Floats, Floats]:
    """Concentric grids of block means; a window of odd side has the source in its middle pixel."""
    shift = np.stack([dx, dy], axis=-1)
    grids, first = [], []
    level, step = wide, 1
    for wanted in kind.steps:
        while step < wanted:
            flat = mean_children(level.reshape(-1, *level.shape[2:]))
            level = flat.reshape(*level.shape[:2], *flat.shape[1:])
            step *= 2
        low = (level.shape[-1] - kind.side) // 2
        if kind.side % 2:  # the pixel that holds the source lies before the corner or after it
            right = (shift > 0).astype(int)
            parts = [
                one[:, low + r[1] : low + r[1] + kind.side, low + r[0] : low + r[0] + kind.side]
                for one, r in zip(level, right, strict=True)
            ]
            grids.append(np.stack(parts))
            first.append(low + right - (level.shape[-1] - 1) / 2.0 - shift)
        else:
            grids.append(level[..., low : low + kind.side, low : low + kind.side])
            centre = -(kind.side * wanted) / 2.0 + wanted / 2.0
            first.append(np.broadcast_to(centre, shift.shape) - shift)
    return (
        np.ascontiguousarray(np.stack(grids, axis=2)),
        np.stack(first, axis=1).astype(np.float32),
    )
