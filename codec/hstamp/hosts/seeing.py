"""Seeing from images of the PSF."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..stamp import Stamp

__all__ = ["seeing_of", "seeing_of_stamps"]

Floats = NDArray[np.float32]


def seeing_of(psf: Floats | None, count: int) -> Floats:
    """Full width at half maximum of each PSF, pixels of the image.

    The geometric mean of the widths along rows and columns through the brightest pixel, where
    straight lines between pixels cross half of its value.

    Parameters
    ----------
    psf : ndarray, float32, shape (B, s, s), or None
        Zero or NaN for stamps without one.
    count : int
        B.

    Returns
    -------
    ndarray, float32, shape (B,)
        NaN where not known, or where an image ends before half maximum.
    """
    if psf is None or not psf.size:
        return np.full(count, np.nan, dtype=np.float32)
    flat = np.nan_to_num(psf.reshape(count, -1))
    peak = flat.argmax(axis=1)
    top = flat[np.arange(count), peak]
    row, column = np.divmod(peak, psf.shape[-1])
    every = np.arange(count)
    square = flat.reshape(psf.shape)
    with np.errstate(divide="ignore", invalid="ignore"):
        wide = _width(square[every, row] / top[:, None], column)
        high = _width(square[every, :, column] / top[:, None], row)
    return np.asarray(np.where(top > 0, np.sqrt(wide * high), np.nan), dtype=np.float32)


def _width(lines: Floats, middle: NDArray[np.intp]) -> Floats:
    """Width at one half of lines that are one at their middle."""
    return _reach(lines, middle) + _reach(lines[:, ::-1], lines.shape[1] - 1 - middle)


def _reach(lines: Floats, middle: NDArray[np.intp]) -> Floats:
    """How far beyond the middle a line first falls below one half; NaN if it never does."""
    size = lines.shape[1]
    low = (lines < 0.5) & (np.arange(size) > middle[:, None])
    after = low.argmax(axis=1)
    every = np.arange(len(lines))
    inner, outer = lines[every, np.maximum(after - 1, 0)], lines[every, after]
    found = after - 1 - middle + (inner - 0.5) / np.maximum(inner - outer, 1e-12)
    return np.asarray(np.where(low.any(axis=1), found, np.nan), dtype=np.float32)


def seeing_of_stamps(stamps: Sequence[Stamp]) -> NDArray[np.float32]:
    """Width of each stamp's PSF [base pixel]."""
    found = np.full(len(stamps), np.nan, dtype=np.float32)
    psfs = [stamp.psf for stamp in stamps]
    sides = np.array([0 if psf is None else len(psf) for psf in psfs])
    for side in np.unique(sides[sides > 0]):
        rows = np.flatnonzero(sides == side)
        found[rows] = seeing_of(np.stack([np.asarray(psfs[b]) for b in rows]), rows.size)
    return found
