"""The arithmetic through the compiled kernels; importing this loads or compiles them."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ..encodings.image import MAD_TO_SIGMA, Steps
from ..encodings.mask import MASK_ENCODINGS
from ..encodings.variance import LEVEL_VALUES, MIDPOINTS
from ..layout import GRID, MAX_LEVELS, size_of
from ..planes import Encoded
from . import decode, pyramid, quantise
from .protocol import Codes, Means
from .scan import PLACES, scan
from .scanned import Scanned

__all__ = ["Compiled"]

Array = npt.NDArray[Any]
_LEVEL_VALUES: Final = LEVEL_VALUES.copy()
"""Writable, as arrays must be to be passed to a kernel on the shortest way."""


class Compiled:
    """`hstamp.fast.protocol.Kernels` by compiled kernels, which read parents where they lie."""

    in_place = True

    def means(self, image: Array, rows: Array, columns: Array, n: int) -> Means:
        """Levels and stored values of windows within parents, and which rows are clean."""
        clean = np.zeros((len(rows), GRID << (n - 2)), dtype=np.bool_)
        levels, stored = _outputs(len(rows), n)
        pyramid.means_of(image, image, rows, columns, False, clean, levels, stored)
        return Means(levels, stored, clean)

    def variances(
        self, image: Array, spread: Array, rows: Array, columns: Array, n: int, clean: Array | None
    ) -> Array:
        """Stored variances of windows within parents."""
        if clean is None:
            clean = np.zeros((len(rows), GRID << (n - 2)), dtype=np.bool_)
        levels, stored = _outputs(len(rows), n)
        pyramid.means_of(image, spread, rows, columns, True, clean, levels, stored)
        return stored

    def bits(self, mask: Array, rows: Array, columns: Array, n: int) -> Array:
        """Stored bits of windows within parents."""
        stored = np.empty((len(rows), size_of(n)), dtype=np.uint16)
        pyramid.bits_of(mask, rows, columns, n, stored)
        return stored

    def noise_of_variance(self, stored: Array, n: int) -> Array:
        """Noise of each level from its variances."""
        noise = np.empty((len(stored), n))
        quantise.noise_of_variance(stored, noise)
        return noise

    def noise_of_levels(self, levels: Array) -> Array:
        """Noise of each level from its pixels."""
        noise = np.empty(levels.shape[:2])
        quantise.noise_of_levels(levels, MAD_TO_SIGMA, noise)
        return noise

    def codes_i2(self, stored: Array, noise: Array, step: float) -> Codes:
        """Steps and codes of images."""
        zero, scale = np.empty(noise.shape), np.empty(noise.shape)
        codes = np.empty(stored.shape, dtype=np.int16)
        fits, coarse = (np.empty(len(stored), dtype=np.bool_) for _ in range(2))
        quantise.codes_i2(stored, noise, step, zero, scale, fits, coarse, codes)
        return Codes(Steps(zero, scale, fits, coarse), codes)

    def codes_log8(self, stored: Array, n: int) -> tuple[Array, Array]:
        """Units and codes of variances."""
        unit, codes = np.empty(len(stored)), np.empty(stored.shape, dtype=np.uint8)
        quantise.codes_log8(stored, MIDPOINTS, unit, codes)
        return unit, codes

    def decode(self, plane: str, encoded: Encoded, out: Array | None = None) -> Array:
        """Levels of a plane."""
        encoding, n, data, starts, terms = encoded
        if out is None:
            shape = (n, n) if plane == "psf" else (n, GRID, GRID)
            out = np.empty((len(starts), *shape), np.uint16 if plane == "mask" else np.float32)
        if plane == "psf":
            decode.psf_i2(data, starts, out)
        elif encoding == "i2":
            decode.image_i2(data, starts, terms, out)
        elif encoding == "log8":
            decode.levels_log8(data, starts, terms, _LEVEL_VALUES, out)
        elif encoding == "f4":
            decode.levels_f4(data, starts, plane == "variance", out)
        elif starts[0] < 0:
            out[...] = 0
        else:
            decode.mask_levels(data, starts, MASK_ENCODINGS[encoding], out)
        return out

    def scan(self, data: Array, starts: Array, stop: int) -> Scanned:
        """Find and check everything in blobs."""
        places = np.empty((PLACES, len(starts)), dtype=np.int64)
        terms = np.empty((3, len(starts), MAX_LEVELS))
        scan(data, starts, stop, places, terms)
        return Scanned(data, places, terms)


def _outputs(count: int, n: int) -> tuple[Array, Array]:
    """Room for levels (B, n, 15, 15) and stored values (B, N)."""
    levels = np.empty((count, n, GRID, GRID), dtype=np.float32)
    return levels, np.empty((count, size_of(n)), dtype=np.float32)
