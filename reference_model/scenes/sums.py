"""Block means of an image at many places, from its summed-area table."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Integers = NDArray[np.int64]


class Sums:
    """Running sums of an image (Crow 1984, SIGGRAPH 18, 207), pixels without a value left out.

    Parameters
    ----------
    image : ndarray, float32, shape (ny, nx)
    """

    def __init__(self, image: Floats) -> None:
        there = np.isfinite(image)
        self.shape = image.shape
        self.total = _table(np.where(there, image, np.float32(0.0)), np.float64)
        self.count = _table(there, np.int32)

    def means(self, x: Integers, y: Integers, step: int, side: int) -> Floats:
        """Square grids of block means.

        Parameters
        ----------
        x, y : ndarray of int, shape (N,)
            First pixel of each grid; it may lie outside the image.
        step : int
            Pixels along a block.
        side : int
            Blocks along a grid.

        Returns
        -------
        ndarray, float32, shape (N, side, side)
            NaN where a block has no pixel with a value.
        """
        total, count = self.blocks(x, y, step, side)
        return ratio(total, count)

    def blocks(
        self, x: Integers, y: Integers, step: int, side: int
    ) -> tuple[NDArray[np.float64], NDArray[np.int32]]:
        """Sums and numbers of the pixels in the blocks of `means`."""
        edge = step * np.arange(side + 1)
        column = np.clip(x[:, None] + edge, 0, self.shape[1])[:, None, :]
        row = np.clip(y[:, None] + edge, 0, self.shape[0])[:, :, None]
        total, count = (_differences(t[row, column]) for t in (self.total, self.count))
        return total.astype(np.float64, copy=False), count.astype(np.int32, copy=False)


def ratio(total: NDArray[np.float64], count: NDArray[np.int32]) -> Floats:
    """Means, NaN where there is nothing."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(count > 0, total / count, np.nan), dtype=np.float32)


def add_patch(total: NDArray[np.float64], patch: Floats, x: int, y: int, step: int) -> None:
    """Add the pixels of a patch to the sums of one grid of blocks.

    Parameters
    ----------
    total : ndarray, float64, shape (side, side)
        Changed in place.
    patch : ndarray, float32, shape (h, w)
        Zero where a pixel must not count.
    x, y : int
        First pixel of the patch, counted from the grid's first pixel.
    step : int
        Pixels along a block.
    """
    side = total.shape[0]
    row = (y + np.arange(patch.shape[0])) // step
    column = (x + np.arange(patch.shape[1])) // step
    inside = (row >= 0) & (row < side), (column >= 0) & (column < side)
    index = row[inside[0]][:, None] * side + column[inside[1]][None, :]
    part = patch[np.ix_(*inside)]
    total += np.bincount(index.ravel(), part.ravel(), side * side).reshape(side, side)


def _table(values: NDArray[np.generic], dtype: type) -> NDArray[np.generic]:
    out = np.zeros((values.shape[0] + 1, values.shape[1] + 1), dtype)
    np.cumsum(values, axis=0, dtype=dtype, out=out[1:, 1:])
    np.cumsum(out[1:, 1:], axis=1, out=out[1:, 1:])
    return out


def _differences(corners: NDArray[np.generic]) -> NDArray[np.generic]:
    return np.diff(np.diff(corners, axis=1), axis=2)
