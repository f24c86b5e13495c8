"""The encoder's arithmetic through the kernels, for one source or many."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ..encodings.image import MAD_TO_SIGMA, TOO_LARGE_I2
from ..encodings.variance import MIDPOINTS, TOO_LARGE_LOG8
from ..errors import InputError
from ..layout import GRID, size_of
from . import pyramid, quantise

__all__ = ["bits", "codes_i2", "codes_log8", "direct", "means", "noise"]

_NATIVE: Final = np.dtype(np.float32)

Array = npt.NDArray[Any]


def direct(parent: Array, dtype: Any = np.float32) -> bool:
    """Whether the kernels can read a parent where it lies."""
    return parent.dtype == np.dtype(dtype) and parent.flags.c_contiguous and parent.dtype.isnative


def means(
    image: Array,
    spread: Array | None,
    rows: Array,
    columns: Array,
    levels: int,
    clean: Array | None = None,
) -> tuple[Array, Array, Array]:
    """True levels (B, n, 15, 15), stored values (B, N), both float32, and the windows' clean rows.

    Parameters
    ----------
    image : ndarray of float32, shape (1 or B, H, W)
        `direct` parents.
    spread : ndarray of float32, shape of `image`, or None
        Their variances; with them the result is that of the variance.
    rows, columns : ndarray of int64, shape (B,)
        First row and column of each widest level; they may lie outside.
    levels : int
        Number of levels n.
    clean : ndarray of bool, optional
        For variances: the third result for their images, so that these are not read again.
    """
    if clean is None:
        clean = np.zeros((len(rows), GRID << (levels - 2)), dtype=np.bool_)
    grids = np.empty((len(rows), levels, GRID, GRID), dtype=np.float32)
    stored = np.empty((len(rows), size_of(levels)), dtype=np.float32)
    other = image if spread is None else spread
    pyramid.means_of(image, other, rows, columns, spread is not None, clean, grids, stored)
    return grids, stored, clean


def bits(mask: Array, rows: Array, columns: Array, levels: int) -> Array:
    """Stored mask bits, (B, N) uint16, of `direct` uint16 parents; as in `means`."""
    stored = np.empty((len(rows), size_of(levels)), dtype=np.uint16)
    pyramid.bits_of(mask, rows, columns, levels, stored)
    return stored


def noise(stored_variance: Array | None, grids: Array) -> Array:
    """Noise of each level, (B, n): from the variance where it is known, else from the pixels."""
    found = np.empty(grids.shape[:2])
    if stored_variance is None:
        quantise.noise_of_levels(grids, MAD_TO_SIGMA, found)
        return found
    quantise.noise_of_variance(stored_variance, found)
    unknown = np.isnan(found).all(axis=1)
    if unknown.any():
        guessed = np.empty((np.count_nonzero(unknown), grids.shape[1]))
        quantise.noise_of_levels(grids[unknown], MAD_TO_SIGMA, guessed)
        found[unknown] = guessed
    return found


def codes_i2(stored: Array, noise: Array, step: float) -> tuple[Array, Array, Array]:
    """Zero points and scales (B, n) float32, and integers (B, N) int16, of stored values.

    Raises
    ------
    InputError
        If the values of a level span more than ``i2`` can hold in float32.
    """
    zero = np.empty(noise.shape, dtype=np.float32)
    scale = np.empty(noise.shape, dtype=np.float32)
    codes = np.empty(stored.shape, dtype=np.int16)
    if not quantise.codes_i2(stored, noise, step, zero, scale, codes):
        raise InputError(TOO_LARGE_I2)
    return zero, scale, codes


def codes_log8(stored: Array) -> tuple[Array, Array]:
    """Units (B,) float64 and codes (B, N) uint8 of stored variances.

    Raises
    ------
    InputError
        If they exceed what float32 can hold.
    """
    unit = np.empty(len(stored))
    codes = np.empty(stored.shape, dtype=np.uint8)
    if not quantise.codes_log8(stored, MIDPOINTS, unit, codes):
        raise InputError(TOO_LARGE_LOG8)
    return unit, codes
