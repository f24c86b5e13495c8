"""Planes of a group of blobs of one shape, decoded together."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ..decoder import fill_levels
from ..encodings.image import dequantise
from ..encodings.mask import MASK_ENCODINGS
from ..encodings.variance import LEVEL_VALUES, decode_log8
from ..layout import GRID
from ..values import mean_children, or_children, variance_children
from .columns import Shape

__all__ = ["compiled_plane", "plain_plane"]

_CHUNK: Final = 128
"""Stamps that numpy handles at a time."""


def plain_plane(name: str, shape: Shape, matrix: npt.NDArray[np.uint8]) -> npt.NDArray[Any]:
    """Decode one plane with numpy, a few stamps at a time so that they stay in the cache."""
    decoders: dict[str, Callable[[Shape, npt.NDArray[np.uint8]], npt.NDArray[Any]]]
    decoders = {"image": _image, "variance": _variance, "mask": _mask, "psf": _psf}
    decode = decoders[name]
    parts = [
        decode(shape, matrix[start : start + _CHUNK])
        for start in range(0, max(len(matrix), 1), _CHUNK)
    ]
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def compiled_plane(name: str, shape: Shape, matrix: npt.NDArray[np.uint8]) -> npt.NDArray[Any]:
    """Decode one plane with the compiled kernels, which give the same bits."""
    from ..fast import planes

    record, count = shape.record, len(matrix)
    if name == "psf":
        assert record.psf is not None
        side = record.psf.size
        psf = np.empty((count, side * side), dtype=np.float32)
        planes.psf_i2(matrix, shape.places["psf"].start, psf)
        return psf.reshape(count, side, side)
    n = record.levels
    if name == "mask" and "mask" not in shape.places:
        return np.zeros((count, n, GRID, GRID), dtype=np.uint16)
    start = shape.places[name].start
    out: npt.NDArray[Any]
    out = np.empty((count, n * GRID * GRID), dtype=np.uint16 if name == "mask" else np.float32)
    if name == "mask":
        assert record.mask is not None
        planes.mask_levels(matrix, start, MASK_ENCODINGS[record.mask.encoding], out)
    elif name == "image" and "scale" in shape.places:
        zero, scale = (shape.column(matrix, k, "<f4").astype(np.float64) for k in ("zero", "scale"))
        planes.image_i2(matrix, start, zero, scale, out)
    elif name == "variance" and record.variance is not None and record.variance.encoding != "f4":
        unit = shape.column(matrix, "unit", "<f4")[:, 0].astype(np.float64)
        planes.levels_log8(matrix, start, unit, LEVEL_VALUES, out)
    else:
        planes.levels_f4(matrix, start, name == "variance", out)
    return out.reshape(count, n, GRID, GRID)


def _image(shape: Shape, matrix: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    n = shape.record.levels
    if shape.record.image.encoding == "f4":
        values = shape.column(matrix, "image", "<f4").astype(np.float32)
    else:
        zero = shape.column(matrix, "zero", "<f4").astype(np.float64)
        scale = shape.column(matrix, "scale", "<f4").astype(np.float64)
        values = dequantise(shape.column(matrix, "image", "<i2"), zero, scale, n)
    return fill_levels(values, n, mean_children)


def _variance(shape: Shape, matrix: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    n, plane = shape.record.levels, shape.record.variance
    assert plane is not None
    if plane.encoding == "f4":
        values = shape.column(matrix, "variance", "<f4").astype(np.float32)
    else:
        unit = shape.column(matrix, "unit", "<f4")[:, 0].astype(np.float64)
        values = decode_log8(shape.column(matrix, "variance", "u1"), unit, n)
    return fill_levels(values, n, variance_children)


def _mask(shape: Shape, matrix: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint16]:
    n, plane = shape.record.levels, shape.record.mask
    assert plane is not None
    if not plane.data:
        return np.zeros((len(matrix), n, GRID, GRID), dtype=np.uint16)
    values = shape.column(matrix, "mask", f"<{plane.encoding}").astype(np.uint16)
    return fill_levels(values, n, or_children)


def _psf(shape: Shape, matrix: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    assert shape.record.psf is not None
    side = shape.record.psf.size
    stored = shape.column(matrix, "psf", "<i2")
    total = stored.sum(axis=1, dtype=np.int64).astype(np.float64)
    psf: npt.NDArray[np.float32] = (stored / total[:, None]).astype(np.float32)
    return psf.reshape(-1, side, side)
