"""Checks of Section 11 over a group of blobs of one shape."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from ..encodings.mask import MASK_ENCODINGS
from ..encodings.variance import MANTISSAS
from ..errors import FormatError
from ..fast import compiled
from ..layout import size_of
from ..planes import MaskPlane
from ..stamp import Stamp
from .columns import Shape

__all__ = ["NUMPY_COST", "checked"]

NUMPY_COST: Final = 2e-5
"""What a plane of one stamp takes without compiled kernels [s]."""


def checked(shape: Shape, matrix: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
    """Whether each row passes the checks of Section 11 that concern what differs in the group.

    A row that fails is checked again by itself, which also finds its code; so a check here may be
    stricter than the specification, never looser.
    """
    try:
        Stamp(shape.record)
    except FormatError:
        return np.zeros(len(matrix), dtype=np.bool_)
    return _numbers_valid(shape, matrix) & _planes_valid(shape, matrix)


def _numbers_valid(shape: Shape, matrix: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
    good = np.ones(len(matrix), dtype=np.bool_)
    for name in ("dx", "dy"):
        good &= np.abs(shape.column(matrix, name, "<f4")[:, 0]) <= 0.5
    if "id" in shape.places:
        text = shape.column(matrix, "id", "u1")
        good &= ((text >= 0x20) & (text <= 0x7E)).all(axis=1)
    if "ra" in shape.places:
        ra, dec = (shape.column(matrix, name, "<f8")[:, 0] for name in ("ra", "dec"))
        cd = shape.column(matrix, "cd", "<f4").astype(np.float64)
        with np.errstate(invalid="ignore", over="ignore"):
            determinant = cd[:, 0] * cd[:, 3] - cd[:, 1] * cd[:, 2]
        good &= (ra >= 0) & (ra < 360) & (np.abs(dec) <= 90)
        good &= np.isfinite(determinant) & (determinant != 0)
    return good


def _planes_valid(shape: Shape, matrix: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
    good = np.ones(len(matrix), dtype=np.bool_)
    record, top = shape.record, float(np.finfo(np.float32).max)
    if "scale" in shape.places:
        zero, scale = (shape.column(matrix, k, "<f4").astype(np.float64) for k in ("zero", "scale"))
        with np.errstate(invalid="ignore"):
            good &= ((scale > 0) & (np.abs(zero) + 32767 * scale <= top)).all(axis=1)
    else:
        good &= ~np.isinf(shape.column(matrix, "image", "<f4")).any(axis=1)
    if record.variance is not None and record.variance.encoding == "f4":
        spread = shape.column(matrix, "variance", "<f4")
        good &= ~((spread < 0) | np.isinf(spread)).any(axis=1)
    elif record.variance is not None:
        unit = shape.column(matrix, "unit", "<f4")[:, 0].astype(np.float64)
        good &= (unit > 0) & (unit * MANTISSAS[13] <= top)
    kernels = compiled(NUMPY_COST * len(matrix) / 4)
    if "mask" in shape.places and record.mask is not None and len(record.mask.planes) < 16:
        good &= _mask_within(shape, matrix, record.mask, kernels)
    if "psf" in shape.places:
        good &= _psf_valid(shape, matrix, kernels)
    return good


def _mask_within(
    shape: Shape, matrix: npt.NDArray[np.uint8], mask: MaskPlane, kernels: bool
) -> npt.NDArray[np.bool_]:
    """Whether each row sets only bits that have a name (check 19)."""
    good = np.ones(len(matrix), dtype=np.bool_)
    if kernels:
        from ..fast import planes

        width, size = MASK_ENCODINGS[mask.encoding], size_of(shape.record.levels)
        start = shape.places["mask"].start
        planes.mask_within(matrix, start, size, width, len(mask.planes), good)
    else:
        bits = shape.column(matrix, "mask", f"<{mask.encoding}")
        good &= (bits < 1 << len(mask.planes)).all(axis=1)
    return good


def _psf_valid(shape: Shape, matrix: npt.NDArray[np.uint8], kernels: bool) -> npt.NDArray[np.bool_]:
    """Whether each row's PSF is valid (check 20)."""
    good = np.ones(len(matrix), dtype=np.bool_)
    if kernels:
        from ..fast import planes

        place = shape.places["psf"]
        planes.psf_valid(matrix, place.start, (place.stop - place.start) // 2, good)
    else:
        stored = shape.column(matrix, "psf", "<i2")
        good &= (stored.sum(axis=1, dtype=np.int64) > 0) & (stored != -32768).all(axis=1)
    return good
