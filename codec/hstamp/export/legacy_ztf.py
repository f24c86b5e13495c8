"""Stamps laid out as ZTF's alert cutouts, for code that reads those.

The layout was read off real alerts of schemas 3.2 to 4.01: a gzipped FITS file of one HDU, 63x63
float32, whose header says BITPIX, NAXIS and BUNIT and nothing of the sky, with the pixel nearest
the source in its centre and NaN where there is no image.
"""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from ..errors import InputError
from .units import bunit

if TYPE_CHECKING:
    from ..stamp import Stamp

__all__ = ["PIXEL_RANGE", "SIDE", "looks_like_ztf", "to_ztf_fits"]

SIDE: Final = 63
"""Side of a ZTF cutout [pixel]."""
PIXEL_RANGE: Final = (0.95, 1.08)
"""Pixels that are taken for ZTF's, nominally 1.012 [arcsec]."""
_BLOCK: Final = 2880


def looks_like_ztf(stamp: Stamp) -> bool:
    """Whether a stamp may be one of ZTF: by the size of its pixels or, without WCS, by its unit."""
    if stamp.wcs is None:
        return stamp.flux_unit == "DN" and stamp.layout.side < SIDE
    return PIXEL_RANGE[0] < stamp.wcs.pixel_scale < PIXEL_RANGE[1]


def to_ztf_fits(stamp: Stamp, size: int = SIDE) -> bytes:
    """Stamp as the bytes of a ZTF cutout.

    Parameters
    ----------
    stamp : Stamp
        The stamp.
    size : int
        Side of the cutout [base pixel], odd. Pixels beyond the mosaic are NaN, as ZTF's are
        beyond the edge of an image: with the stamp's three levels the outermost row and column,
        and up to two more, of 63x63.

    Returns
    -------
    bytes
        A gzipped FITS file. Equal stamps give equal bytes.

    Raises
    ------
    InputError
        If `size` is not odd or reaches more than a quarter beyond the stamp.
    """
    side = stamp.layout.side
    if isinstance(size, bool) or not isinstance(size, int | np.integer) or size < 1 or not size % 2:
        raise InputError(
            f"size: a ZTF cutout has an odd side such as {SIDE}, not {size!r}"
            " (survey 'lsst' gives the view of an LSST cutout)"
        )
    if 4 * size > 5 * side:
        raise InputError(
            f"a stamp of {stamp.n} levels is {side} pixels wide: too few for a ZTF cutout of"
            f" {size}x{size}"
        )
    data = _around_source(stamp, int(size))
    cards = [
        ("SIMPLE", "T"),
        ("BITPIX", f"{-32:d}"),
        ("NAXIS", "2"),
        ("NAXIS1", f"{size:d}"),
        ("NAXIS2", f"{size:d}"),
    ]
    header = [f"{keyword:8}= {value:>20}" for keyword, value in cards]
    if unit := bunit(stamp.flux_unit):
        quoted = unit.replace("'", "''")
        header.append(f"BUNIT   = '{quoted:8}'")
    text = "".join(f"{card[:80]:80}" for card in (*header, "END")).encode("ascii", "replace")
    pixels = data.astype(">f4").tobytes()
    return gzip.compress(_padded(text, b" ") + _padded(pixels, b"\0"), mtime=0)


def _around_source(stamp: Stamp, size: int) -> npt.NDArray[np.float32]:
    """Window with the pixel nearest the source in its centre; NaN beyond the mosaic."""
    mosaic, half = stamp.mosaic(), size // 2
    cut = np.full((size, size), np.nan, dtype=np.float32)
    places = []
    for offset in (stamp.dy, stamp.dx):
        # The corner lies between base pixels -1 and 0: the nearest is the one on the source's side.
        first = -stamp.layout.origins[-1] - (offset < 0) - half
        start, stop = max(first, 0), min(first + size, len(mosaic))
        places.append((slice(start - first, stop - first), slice(start, stop)))
    (rows, from_rows), (columns, from_columns) = places
    cut[rows, columns] = mosaic[from_rows, from_columns]
    return cut


def _padded(data: bytes, fill: bytes) -> bytes:
    return data + fill * (-len(data) % _BLOCK)
