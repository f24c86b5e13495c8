"""One blob through the kernels: checked at once, each plane decoded when it is asked for."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ..container.blob import HEADER, MAX_BLOB
from ..encodings.variance import LEVEL_VALUES
from ..layout import GRID
from . import planes
from .scan import (
    IMAGE_F4,
    IMAGE_START,
    LEVELS,
    MASK_START,
    MASK_WIDTH,
    PLACES,
    PSF_SIZE,
    PSF_START,
    VARIANCE_F4,
    VARIANCE_START,
    scan,
)

__all__ = ["ScannedBlob", "scanned"]

_PIXELS: Final = GRID * GRID


class ScannedBlob:
    """A valid blob and where its planes lie.

    Parameters
    ----------
    row : ndarray of uint8, shape (L,)
        The blob.
    places : list of int
        As `hstamp.fast.scan` fills it.
    numbers : ndarray of float64, shape (17,)
        Zero points, scales (8 each) and the variance unit.
    """

    __slots__ = ("levels", "numbers", "places", "rows")

    def __init__(
        self, row: npt.NDArray[np.uint8], places: list[int], numbers: npt.NDArray[np.float64]
    ) -> None:
        self.rows = row.reshape(1, -1)
        self.places = places
        self.numbers = numbers
        self.levels = places[LEVELS]

    def image(self) -> npt.NDArray[np.float32]:
        """Image levels, shape (n, 15, 15)."""
        n, places = self.levels, self.places
        out = np.empty((1, n * _PIXELS), dtype=np.float32)
        if places[IMAGE_F4]:
            planes.levels_f4(self.rows, places[IMAGE_START], False, out)
        else:
            steps = self.numbers[:16].reshape(2, 1, 8)
            zero, scale = steps[0], steps[1]
            planes.image_i2(self.rows, places[IMAGE_START], zero, scale, out)
        return out.reshape(n, GRID, GRID)

    def variance(self) -> npt.NDArray[np.float32] | None:
        """Variance levels, shape (n, 15, 15), or None."""
        n, places = self.levels, self.places
        start = places[VARIANCE_START]
        if not start:
            return None
        out = np.empty((1, n * _PIXELS), dtype=np.float32)
        if places[VARIANCE_F4]:
            planes.levels_f4(self.rows, start, True, out)
        else:
            planes.levels_log8(self.rows, start, self.numbers[16:], LEVEL_VALUES, out)
        return out.reshape(n, GRID, GRID)

    def mask(self) -> npt.NDArray[np.uint16] | None:
        """Mask levels, shape (n, 15, 15), or None."""
        n, places = self.levels, self.places
        start = places[MASK_START]
        if not start:
            return None
        if start < 0:
            return np.zeros((n, GRID, GRID), dtype=np.uint16)
        out = np.empty((1, n * _PIXELS), dtype=np.uint16)
        planes.mask_levels(self.rows, start, places[MASK_WIDTH], out)
        return out.reshape(n, GRID, GRID)

    def psf(self) -> npt.NDArray[np.float32] | None:
        """PSF, shape (size, size), or None."""
        start, side = self.places[PSF_START], self.places[PSF_SIZE]
        if not start:
            return None
        out = np.empty((1, side * side), dtype=np.float32)
        planes.psf_i2(self.rows, start, out)
        return out.reshape(side, side)


def scanned(blob: Any) -> ScannedBlob | None:
    """Find and check everything in a blob; None where the plain path must decide."""
    if type(blob) is not bytes or not blob.startswith(HEADER) or len(blob) > MAX_BLOB:
        return None
    row = np.frombuffer(blob, np.uint8)
    places = np.empty(PLACES, dtype=np.int64)
    numbers = np.empty(17)
    if not scan(row, places, numbers):
        return None
    return ScannedBlob(row, places.tolist(), numbers)
