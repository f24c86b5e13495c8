"""The decoder: Section 9 of the specification, in its order.

Step 1 is `check_record`, step 2 lies in `hstamp.encodings`, steps 3 to 5 are `fill_levels`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Final, TypeVar

import numpy as np
import numpy.typing as npt

from .encodings.image import check_image, decode_image
from .encodings.mask import check_mask, decode_mask
from .encodings.psf import check_psf
from .encodings.variance import check_variance, decode_variance
from .errors import FormatError
from .fast import compiled
from .layout import CORE, GRID, HOLE, MAX_LEVELS, MIN_LEVELS, child_start, layout_of, ring_pixels
from .planes import Record, Wcs
from .values import mean_children, or_children, variance_children

__all__ = [
    "check_record",
    "conserving_values",
    "decode_image_levels",
    "decode_mask_levels",
    "decode_variance_levels",
    "fill_levels",
]

_NUMPY_COST: Final = 1e-4
"""What a plane of one stamp takes without compiled kernels [s]."""
_ID_LIMIT: Final = 128
_TEXT_LIMIT: Final = 32
_DERIVED: Final = 4 + np.arange(GRID) // 2
_RING: Final = ring_pixels()
_SCALAR = TypeVar("_SCALAR", bound=np.generic)


def check_record(record: Record) -> None:
    """Apply checks 8 to 20 of Section 11, in order, to a parsed record.

    Raises
    ------
    FormatError
        With the code of the first check that fails.
    """
    if not 100 <= record.version <= 199:
        raise FormatError("E_VERSION", f"format number {record.version} is not of version 1")
    n = record.levels
    if not MIN_LEVELS <= n <= MAX_LEVELS:
        raise FormatError("E_LEVELS", f"{n} levels; a stamp has {MIN_LEVELS} to {MAX_LEVELS}")
    _check_text("id", record.id, 0, _ID_LIMIT)
    _check_text("band", record.band, 0, _TEXT_LIMIT)
    _check_text("fluxUnit", record.flux_unit, 1, _TEXT_LIMIT)
    if not (abs(record.dx) <= 0.5 and abs(record.dy) <= 0.5):
        raise FormatError("E_OFFSET", f"offset ({record.dx}, {record.dy}) exceeds half a pixel")
    if record.wcs is not None:
        _check_wcs(record.wcs)
    check_image(record.image, n)
    if record.variance is not None:
        check_variance(record.variance, n)
    if record.mask is not None:
        check_mask(record.mask, n)
    if record.psf is not None:
        check_psf(record.psf)


def decode_image_levels(record: Record) -> npt.NDArray[np.float32]:
    """Image levels of a valid record, shape (n, 15, 15), NaN where missing."""
    if compiled(_NUMPY_COST):
        from .fast.record import image_levels

        return image_levels(record.image, record.levels)
    return fill_levels(decode_image(record.image, record.levels), record.levels, mean_children)


def decode_variance_levels(record: Record) -> npt.NDArray[np.float32] | None:
    """Variance levels of a valid record, shape (n, 15, 15), NaN where missing."""
    if record.variance is None:
        return None
    if compiled(_NUMPY_COST):
        from .fast.record import variance_levels

        return variance_levels(record.variance, record.levels)
    values = decode_variance(record.variance, record.levels)
    return fill_levels(values, record.levels, variance_children)


def decode_mask_levels(record: Record) -> npt.NDArray[np.uint16] | None:
    """Mask levels of a valid record, shape (n, 15, 15)."""
    if record.mask is None:
        return None
    if compiled(_NUMPY_COST):
        from .fast.record import mask_levels

        return mask_levels(record.mask, record.levels)
    return fill_levels(decode_mask(record.mask, record.levels), record.levels, or_children)


def fill_levels(
    values: npt.NDArray[_SCALAR],
    levels: int,
    parents: Callable[[Any], npt.NDArray[_SCALAR]],
) -> npt.NDArray[_SCALAR]:
    """Place stored values in their levels and derive the rest (steps 3 to 5 of [DE-1]).

    Parameters
    ----------
    values : ndarray, shape (..., N)
        Stored values in stamp order.
    levels : int
        Number of levels n.
    parents : callable
        The plane's rule for a hole: maps (..., 14, 14) pixels to the (..., 7, 7) above them.

    Returns
    -------
    ndarray, shape (..., n, 15, 15)
    """
    layout = layout_of(levels)
    lead = values.shape[:-1]
    grids = np.empty((*lead, levels, GRID, GRID), dtype=values.dtype)
    grids[..., 0, :CORE, :CORE] = values[..., layout.part(0)].reshape(*lead, CORE, CORE)
    for k in range(1, levels):
        grids[..., k, _RING] = values[..., layout.part(k)]
        start = child_start(k - 1)
        below = grids[..., k - 1, start : start + CORE, start : start + CORE]
        grids[..., k, HOLE, HOLE] = parents(below)
    grids[..., 0, CORE, :] = grids[..., 1, _DERIVED[CORE], _DERIVED]
    grids[..., 0, :, CORE] = grids[..., 1, _DERIVED, _DERIVED[CORE]]
    return grids


def conserving_values(values: npt.NDArray[np.float32], levels: int) -> npt.NDArray[np.float32]:
    """Stored values followed by what a flux-conserving mosaic shows beside them [DE-6].

    Parameters
    ----------
    values : ndarray of float32, shape (..., N)
        Stored image values in stamp order.
    levels : int
        Number of levels n.

    Returns
    -------
    ndarray of float32, shape (..., N + M)
        To be indexed by `Layout.conserving_index`.
    """
    shared = layout_of(levels).shared
    known = values[..., shared.covered].astype(np.float64)
    finite = np.isfinite(known)
    finite[..., 1] &= shared.counts == 2
    found = finite.sum(axis=-1)
    left = 4 - shared.counts
    total = np.where(finite, known, 0.0).sum(axis=-1)
    rest = ((found + left) * values[..., shared.ring].astype(np.float64) - total) / left
    with np.errstate(over="ignore", under="ignore"):
        return np.concatenate([values, rest.astype(np.float32)], axis=-1)


def _check_text(name: str, text: str | None, shortest: int, longest: int) -> None:
    if text is None:
        return
    if not shortest <= len(text) <= longest:
        raise FormatError("E_TEXT", f"{name} has {len(text)} bytes, not {shortest} to {longest}")
    if not (text.isascii() and text.isprintable()):
        raise FormatError("E_TEXT", f"{name} {text!r} is not printable ASCII")


def _check_wcs(wcs: Wcs) -> None:
    if not (0 <= wcs.ra < 360 and -90 <= wcs.dec <= 90):
        raise FormatError("E_WCS", f"position ({wcs.ra}, {wcs.dec}) is not on the sky")
    # Products of two float32 are exact in binary64, so the test does not depend on rounding.
    determinant = wcs.cd1_1 * wcs.cd2_2 - wcs.cd1_2 * wcs.cd2_1
    if not math.isfinite(determinant) or determinant == 0:
        raise FormatError("E_WCS", "the CD matrix is singular or not finite")
