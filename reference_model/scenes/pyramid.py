"""Windows around a transient, and the nested levels cut from them.

The geometry is the specification's; `levels_of` exists because a scene needs
the levels of thousands of windows at once before anything is encoded.  Tests
hold it against the codec value by value.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.float32]

#: Levels cut from every window.
MAX_LEVELS = 6


def origins(levels: int) -> list[int]:
    """First base pixel of each level, from the reference corner."""
    out = [-7]
    for k in range(levels - 1):
        out.append(out[-1] + (k % 2) * 2**k - 2 ** (k + 3))
    return out


def corner(x: float, y: float) -> tuple[int, int]:
    """Reference corner (i0, j0) of a source at pixel (x, y)."""
    return int(np.floor(x)) + 1, int(np.floor(y)) + 1


def window(image: Image, x: float, y: float, levels: int = MAX_LEVELS) -> Image:
    """The parent pixels of the outermost level, NaN beyond the image."""
    size, first = 15 * 2 ** (levels - 1), origins(levels)[-1]
    i0, j0 = corner(x, y)
    return crop(image, i0 + first, j0 + first, size)


def crop(image: Image, x0: int, y0: int, size: int) -> Image:
    """A square of side `size` whose first pixel is (x0, y0), NaN beyond the image."""
    out = np.full((size, size), np.nan, np.float32)
    ax, ay = max(x0, 0), max(y0, 0)
    bx, by = min(x0 + size, image.shape[1]), min(y0 + size, image.shape[0])
    if ax < bx and ay < by:
        out[ay - y0 : by - y0, ax - x0 : bx - x0] = image[ay:by, ax:bx]
    return out


def bin2(image: Image) -> Image:
    """Means of the finite values of 2x2 blocks, NaN where there are none."""
    parts = (image[0::2, 0::2], image[0::2, 1::2], image[1::2, 0::2], image[1::2, 1::2])
    sums = np.add(parts[0], parts[1], dtype=np.float64)
    sums += parts[2]
    sums += parts[3]
    if np.isfinite(sums).all():
        sums *= 0.25
        return sums.astype(np.float32)
    total, count = np.zeros(parts[0].shape), np.zeros(parts[0].shape)
    for part in parts:
        finite = np.isfinite(part)
        total += np.where(finite, part, np.float32(0.0))
        count += finite
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(total / count, dtype=np.float32)


def levels_of(parent: Image, levels: int = MAX_LEVELS) -> Image:
    """Levels of one window.

    Parameters
    ----------
    parent : ndarray, float32, shape (15 * 2**(levels-1),) * 2
        As `window` returns it.
    levels : int
        Number of levels.

    Returns
    -------
    ndarray, float32, shape (levels, 15, 15)
        The last row and column of level 0 are taken from level 1.
    """
    out = np.empty((levels, 15, 15), np.float32)
    first = origins(levels)
    binned = parent
    for k in range(levels):
        start = (first[k] - first[-1]) >> k
        out[k] = binned[start : start + 15, start : start + 15]
        if k + 1 < levels:
            binned = bin2(binned)
    if levels > 1:
        parent_index = (np.arange(15) + first[0] - first[1]) >> 1
        last = parent_index[14]
        out[0, 14, :] = out[1, last, parent_index]
        out[0, :, 14] = out[1, parent_index, last]
    return out
