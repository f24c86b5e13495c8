"""What a stamp record holds, field by field: Sections 6 and 8.1 of the specification.

These classes carry encoded bytes and say nothing about whether they are valid; `hstamp.decoder`
checks them and turns them into arrays.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from .tangent import Wcs

__all__ = [
    "FORMAT_VERSION",
    "Encoded",
    "ImagePlane",
    "MaskPlane",
    "PsfPlane",
    "Record",
    "VariancePlane",
    "Wcs",
    "bytes_at",
]

FORMAT_VERSION: Final = 100
"""100 * MAJOR + MINOR of the specification this package implements."""


@dataclass(frozen=True)
class ImagePlane:
    """Encoded image values [EN-1] to [EN-3]."""

    encoding: str
    zero: tuple[float, ...]
    scale: tuple[float, ...]
    data: bytes


@dataclass(frozen=True)
class VariancePlane:
    """Encoded variances [EN-4] to [EN-6]."""

    encoding: str
    unit: float
    data: bytes


@dataclass(frozen=True)
class MaskPlane:
    """Encoded mask bits and their names [EN-7], [EN-8]."""

    encoding: str
    planes: tuple[str, ...]
    data: bytes


@dataclass(frozen=True)
class PsfPlane:
    """Encoded point-spread function [EN-9]."""

    encoding: str
    size: int
    data: bytes


@dataclass(frozen=True)
class Record:
    """A stamp as its twelve Avro fields [CO-1]."""

    version: int
    levels: int
    id: str | None
    band: str | None
    flux_unit: str
    dx: float
    dy: float
    wcs: Wcs | None
    image: ImagePlane
    variance: VariancePlane | None
    mask: MaskPlane | None
    psf: PsfPlane | None


class Encoded(NamedTuple):
    """One plane of B stamps of one form, still encoded; a single stamp is a batch of one.

    Parameters
    ----------
    encoding : str
        As in the record.
    n : int
        Number of levels; of a PSF, its side.
    data : ndarray of uint8, shape (L,)
        Bytes among which the stamps' lie.
    starts : ndarray of int64, shape (B,)
        First byte of each stamp's plane in `data`; all -1 where the planes' data are empty.
    terms : ndarray of float64, shape (T, B, m), or None
        ``i2`` images: zero and scale of each level, T >= 2 and m >= n; ``log8``: the unit, T = 1
        and first of m; otherwise None.
    """

    encoding: str
    n: int
    data: npt.NDArray[np.uint8]
    starts: npt.NDArray[np.int64]
    terms: npt.NDArray[np.float64] | None = None

    def numbers(self, dtype: str, count: int) -> npt.NDArray[Any]:
        """`count` stored little-endian numbers of each stamp [NO-1], shape (B, count)."""
        width = count * np.dtype(dtype).itemsize
        if len(self.starts) == 1:
            start = int(self.starts[0])
            return self.data[start : start + width].view(dtype)[None]
        return bytes_at(self.data, self.starts, width).view(dtype).reshape(-1, count)


def bytes_at(
    data: npt.NDArray[np.uint8], starts: npt.NDArray[np.int64], width: int
) -> npt.NDArray[np.void]:
    """`width` bytes from each of some places in bytes on, shape (B,)."""
    every: npt.NDArray[np.void] = np.ndarray(
        (max(0, len(data) - width + 1),), f"V{width}", data, strides=(1,)
    )
    return every[starts]
