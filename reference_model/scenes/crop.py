"""Squares cut from images; levels are made of them by the codec."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.float32]


def crop(image: Image, x0: int, y0: int, size: int) -> Image:
    """A square of side `size` whose first pixel is (x0, y0), NaN beyond the image."""
    out = np.full((size, size), np.nan, np.float32)
    ax, ay = max(x0, 0), max(y0, 0)
    bx, by = min(x0 + size, image.shape[1]), min(y0 + size, image.shape[0])
    if ax < bx and ay < by:
        out[ay - y0 : by - y0, ax - x0 : bx - x0] = image[ay:by, ax:bx]
    return out
