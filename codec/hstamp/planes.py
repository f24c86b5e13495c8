"""What a stamp record holds, field by field: Sections 6 and 8.1 of the specification.

These classes carry encoded bytes and say nothing about whether they are valid; `hstamp.decoder`
checks them and turns them into arrays.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from astropy.wcs import WCS

__all__ = [
    "FORMAT_VERSION",
    "Encoded",
    "ImagePlane",
    "MaskPlane",
    "PsfPlane",
    "Record",
    "VariancePlane",
    "Wcs",
]

FORMAT_VERSION: Final = 100
"""100 * MAJOR + MINOR of the specification this package implements."""


@dataclass(frozen=True)
class Wcs:
    """Tangent plane whose tangent point is the source [PL-7].

    Parameters
    ----------
    ra, dec : float
        Source position, ICRS [deg].
    cd1_1, cd1_2, cd2_1, cd2_2 : float
        CD matrix of the base pixel [deg/pixel]; stored as float32.
    """

    ra: float
    dec: float
    cd1_1: float
    cd1_2: float
    cd2_1: float
    cd2_2: float

    @property
    def cd(self) -> npt.NDArray[np.float64]:
        """CD matrix, shape (2, 2) [deg/pixel]."""
        return np.array([[self.cd1_1, self.cd1_2], [self.cd2_1, self.cd2_2]])

    @property
    def pixel_scale(self) -> float:
        """Square root of a base pixel's area on the sky [arcsec]."""
        return float(np.sqrt(abs(np.linalg.det(self.cd)))) * 3600.0

    @classmethod
    def from_astropy(cls, wcs: WCS, x: float, y: float) -> Wcs:
        """Tangent plane at pixel (x, y) of a parent with any celestial WCS.

        Parameters
        ----------
        wcs : astropy.wcs.WCS
            The parent's. One without CTYPE is read as today's LSST cutouts mean it: a tangent
            plane at CRVAL.
        x, y : float
            Source position in the parent [pixel, 0-based].
        """
        from .export.wcs import parent_cd

        return parent_cd(wcs, x, y)


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
    rows : ndarray of uint8, shape (B, L)
        Bytes of each stamp, among which the plane's lie.
    start : int
        First byte of the plane in each row; -1 where its data are empty.
    terms : ndarray of float64, shape (T, B, m), or None
        ``i2`` images: zero and scale of each level, T >= 2 and m >= n; ``log8``: the unit, T = 1
        and first of m; otherwise None.
    """

    encoding: str
    n: int
    rows: npt.NDArray[np.uint8]
    start: int
    terms: npt.NDArray[np.float64] | None = None

    def numbers(self, dtype: str, count: int) -> npt.NDArray[Any]:
        """`count` stored numbers of each stamp, shape (B, count)."""
        stop = self.start + count * np.dtype(dtype).itemsize
        return np.ascontiguousarray(self.rows[:, self.start : stop]).view(dtype)
