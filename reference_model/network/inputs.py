"""What the networks of the study are shown: one family, many inputs.

An input is a stack of square grids of equal side, each with its own pixel
size.  `InputKind` describes it; the arrays are values in units of the base
pixel's noise, NaN where missing, and the position of every grid's first pixel.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reference_model.scenes.sums import Sums

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class InputKind:
    """One way to show the sky around a transient.

    Attributes
    ----------
    name : str
    side : int
        Pixels along a side of every grid.
    steps : tuple of int
        Pixel size of each grid, in base pixels.
    values : int
        Numbers that have to be transported.
    stem : int
        Extra strided convolutions before the shared trunk, for large grids.
    """

    name: str
    side: int
    steps: tuple[int, ...]
    values: int
    stem: int = 0

    @property
    def hierarchical(self) -> bool:
        """Whether this is a hierarchical stamp, whose levels every field holds."""
        return self.name.startswith("hstamp")

    @property
    def reach(self) -> float:
        """Half the side of the sky shown, base pixels."""
        return self.side * self.steps[-1] / 2.0


def hierarchical(levels: int) -> InputKind:
    """The hierarchical stamp of n levels."""
    return InputKind(
        f"hstamp{levels}", 15, tuple(2**k for k in range(levels)), 196 + 176 * (levels - 1)
    )


#: Today's stamp; the same count of values at one resolution over 48 arcsec;
#: Reyes-Jainaga et al. 2023; Foerster et al. 2022 (DELIGHT); the wide window.
STAMP30 = InputKind("stamp30", 30, (1,), 900)
BINNED30 = InputKind("binned30", 30, (8,), 900)
MULTISCALE = InputKind("multiscale4x8", 8, (1, 2, 4, 8), 208)
OVERLAPPING = InputKind("overlapping5x30", 30, (1, 2, 4, 8, 16), 4500, stem=1)
WINDOW = InputKind("window240", 240, (1,), 57600, stem=3)

KINDS = {
    kind.name: kind
    for kind in (
        *(hierarchical(n) for n in range(2, 7)), STAMP30, BINNED30, MULTISCALE, OVERLAPPING, WINDOW,
    )
}  # fmt: skip


def source_offsets(x: NDArray[np.float64], y: NDArray[np.float64]) -> tuple[Floats, Floats]:
    """Source minus reference corner for sources at pixels (x, y)."""
    return (
        (x - (np.floor(x) + 0.5)).astype(np.float32),
        (y - (np.floor(y) + 0.5)).astype(np.float32),
    )


def corners(x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.int64]:
    """Reference corners of sources at pixels (x, y), shape (N, 2): the codec's, in one go."""
    return np.stack([np.floor(x), np.floor(y)], axis=-1).astype(np.int64) + 1


def means_around(
    sums: Sums, kind: InputKind, x: NDArray[np.float64], y: NDArray[np.float64]
) -> Floats:
    """Grids of any kind but the hierarchical ones around sources.

    All are block means, also those of which other work takes medians: only the
    geometry differs between inputs.

    Parameters
    ----------
    sums : Sums
        Of the image.
    kind : InputKind
    x, y : ndarray, shape (N,)
        The sources' pixels.

    Returns
    -------
    ndarray, float32, shape (N, G, side, side)
    """
    corner = corners(x, y)
    return np.stack(
        [
            sums.means(corner[:, 0] - half, corner[:, 1] - half, step, kind.side)
            for step in kind.steps
            for half in (kind.side * step // 2,)
        ],
        axis=1,
    )


def first_of(kind: InputKind, x: NDArray[np.float64], y: NDArray[np.float64]) -> Floats:
    """Centre of the first pixel of each grid relative to the source, shape (N, G, 2)."""
    steps = np.asarray(kind.steps, dtype=np.float64)
    centre = -(kind.side * steps) / 2.0 + (steps - 1.0) / 2.0
    shift = corners(x, y) - np.stack([x, y], axis=-1)
    return (centre[None, :, None] + shift[:, None, :]).astype(np.float32)


def flip_points(points: Floats, which: int) -> Floats:
    """Points (..., 2) after the rotation or flip that `hstamp.hosts.runtime.flip` gives grids."""
    out = points.copy()
    if which & 1:
        out[..., 0] = -out[..., 0]
    if which & 2:
        out[..., 1] = -out[..., 1]
    if which & 4:
        out = out[..., ::-1].copy()
    return out


def unflip_points(points: Floats, which: int) -> Floats:
    """Undo `flip_points`."""
    out = points[..., ::-1].copy() if which & 4 else points.copy()
    return flip_points(out, which & 3)
