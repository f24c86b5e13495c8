"""Parents and sources of a batch, checked, and the windows cut from them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..encoder import as_bits, as_plane, without_masked
from ..errors import InputError
from ..layout import Layout

__all__ = ["Corners", "bits_of", "own_parents", "parents_of", "positions_of", "windows_of"]

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Corners:
    """Sources of a chunk: positions, reference corners and rows in the batch."""

    x: Array
    y: Array
    rows: slice

    @property
    def i0(self) -> Array:
        """Columns of the reference corners [GE-1]."""
        return np.floor(self.x).astype(np.int64) + 1

    @property
    def j0(self) -> Array:
        """Rows of the reference corners [GE-1]."""
        return np.floor(self.y).astype(np.int64) + 1

    def __len__(self) -> int:
        return len(self.x)


def positions_of(x: npt.ArrayLike, y: npt.ArrayLike) -> tuple[Array, Array]:
    """Source positions as float64 (B,), each a pixel position."""
    xs, ys = (np.asarray(v, dtype=np.float64) for v in (x, y))
    if xs.ndim != 1 or xs.shape != ys.shape:
        raise InputError(f"x and y must be one-dimensional and equal, not {xs.shape}, {ys.shape}")
    bad = ~(np.isfinite(xs) & np.isfinite(ys) & (np.maximum(np.abs(xs), np.abs(ys)) < 2**31))
    if bad.any():
        raise InputError(f"source {int(np.argmax(bad))} has no pixel position")
    return xs, ys


def parents_of(values: npt.ArrayLike, name: str, count: int, like: Array | None = None) -> Array:
    """Parents as (H, W) or (B, H, W) real numbers, of the shape of `like`."""
    array = np.asarray(without_masked(values))
    if like is not None and array.shape != like.shape:
        raise InputError(f"{name} has shape {array.shape}, the image {like.shape}")
    if array.ndim == 3 and len(array) != count:
        raise InputError(f"{name} holds {len(array)} parents for {count} sources")
    if array.ndim == 2:
        return as_plane(array, name)
    if array.ndim != 3 or 0 in array.shape[1:]:
        raise InputError(f"{name} must have two or three axes and pixels, not {array.shape}")
    if array.dtype.kind not in "fiub":
        raise InputError(f"{name} must hold real numbers, not {array.dtype}")
    return array if array.dtype.kind == "f" else array.astype(np.float32)


def bits_of(mask: npt.ArrayLike, pixels: Array) -> Array:
    """Parent masks as uint16, of the shape of the image."""
    array = np.asarray(mask)
    if array.ndim == 3 and array.shape == pixels.shape:
        flat = as_bits(array.reshape(-1, array.shape[-1]), (array.shape[0] * array.shape[1],
                                                            array.shape[2]))  # fmt: skip
        return flat.reshape(array.shape)
    return as_bits(array, pixels.shape)


def windows_of(parents: Array, corners: Corners, layout: Layout, outside: float) -> Array:
    """Gather the widest level's base pixels of each source, shape (B, side, side)."""
    side, origin = layout.side, layout.origins[-1]
    height, width = parents.shape[-2:]
    rows, columns = corners.j0 + origin, corners.i0 + origin
    windows = np.empty((len(corners), side, side), dtype=parents.dtype)
    first = corners.rows.start
    for b, (row, column) in enumerate(zip(rows.tolist(), columns.tolist(), strict=True)):
        parent = parents if parents.ndim == 2 else parents[first + b]
        if row >= 0 and column >= 0 and row + side <= height and column + side <= width:
            windows[b] = parent[row : row + side, column : column + side]
            continue
        windows[b] = outside
        top, left = max(row, 0), max(column, 0)
        bottom, right = min(row + side, height), min(column + side, width)
        if top < bottom and left < right:
            windows[b, top - row : bottom - row, left - column : right - column] = parent[
                top:bottom, left:right
            ]
    return windows


def own_parents(parents: Array, corners: Corners) -> Array:
    """Parents of a chunk's sources: the common one, or one for each."""
    return parents[None] if parents.ndim == 2 else parents[corners.rows]
