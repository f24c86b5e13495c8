"""Planes of one valid record through the kernels."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..encodings.mask import MASK_ENCODINGS
from ..encodings.variance import LEVEL_VALUES
from ..layout import GRID
from ..planes import ImagePlane, MaskPlane, VariancePlane
from . import planes

__all__ = ["image_levels", "mask_levels", "variance_levels"]


def image_levels(plane: ImagePlane, levels: int) -> npt.NDArray[np.float32]:
    """Image levels, shape (n, 15, 15)."""
    out = np.empty((1, levels * GRID * GRID), dtype=np.float32)
    rows = np.frombuffer(plane.data, np.uint8)[None]
    if plane.encoding == "f4":
        planes.levels_f4(rows, 0, False, out)
    else:
        planes.image_i2(rows, 0, np.array([plane.zero]), np.array([plane.scale]), out)
    return out.reshape(levels, GRID, GRID)


def variance_levels(plane: VariancePlane, levels: int) -> npt.NDArray[np.float32]:
    """Variance levels, shape (n, 15, 15)."""
    out = np.empty((1, levels * GRID * GRID), dtype=np.float32)
    rows = np.frombuffer(plane.data, np.uint8)[None]
    if plane.encoding == "f4":
        planes.levels_f4(rows, 0, True, out)
    else:
        planes.levels_log8(rows, 0, np.array([plane.unit]), LEVEL_VALUES, out)
    return out.reshape(levels, GRID, GRID)


def mask_levels(plane: MaskPlane, levels: int) -> npt.NDArray[np.uint16]:
    """Mask levels, shape (n, 15, 15)."""
    if not plane.data:
        return np.zeros((levels, GRID, GRID), dtype=np.uint16)
    out = np.empty((1, levels * GRID * GRID), dtype=np.uint16)
    rows = np.frombuffer(plane.data, np.uint8)[None]
    planes.mask_levels(rows, 0, MASK_ENCODINGS[plane.encoding], out)
    return out.reshape(levels, GRID, GRID)
