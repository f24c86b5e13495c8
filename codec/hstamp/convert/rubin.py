"""FITS files of ``lsst.images``, Rubin's image types: what their headers do not say.

Such a file (lsst-images 30, FMTVER 1) has an empty primary HDU whose DATAMODL is a schema's
address, for example ``https://images.lsst.io/schemas/visit_image-1.1.0``, then tile-compressed
``IMAGE`` (float32, BUNIT, a WCS), ``MASK`` and ``VARIANCE`` (float32, BUNIT ``nJy2``), and at the
end tables ``JSON`` and ``INDEX``. WCS A of every plane is the offset of the whole detector or
patch.

``MASK`` is a two-dimensional int32 array, whatever the mask's form in memory (an array of bytes,
bit b of byte j): plane n is named by ``MSKNnnnn``, its bit is the value of ``MSKMnnnn`` and
``MSKDnnnn`` describes it. One array holds 31 planes; the rest follow in HDUs of the same name
with EXTVER 2, 3 ..., each counted from zero again.

``JSON`` is one row with one array of bytes, a JSON text. Its top level says ``band``, and ``psf``:
a coadd's is one image for each cell, in the four-dimensional HDU ``PSF``; those of a visit and of
a difference are a Piff model, which is no image until Piff draws it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ..errors import InputError
from .cards import quiet, text, value
from .hdus import is_array

__all__ = ["CellPsf", "cell_psf", "read_tree", "tree_band"]

_SCHEMAS: Final = "https://images.lsst.io/schemas/"
_MAX_TREE: Final = 8 * 2**20
"""Longest JSON text that is read [byte]; that of a visit with its Piff model has 0.1 MB."""
_MAX_SIDE: Final = 1024


@dataclass(frozen=True)
class CellPsf:
    """The PSF of a coadd of cells, one image for each cell.

    Attributes
    ----------
    hdu : HDU
        Array of shape (cells along y, cells along x, h, w).
    start : (int, int)
        Row and column of the image's first pixel, counted in the grid of cells.
    cell : (int, int)
        Rows and columns of a cell.
    first : (int, int)
        Row and column of the first cell of the array, counted in the grid.
    """

    hdu: Any
    start: tuple[int, int]
    cell: tuple[int, int]
    first: tuple[int, int]

    def at(self, x: float, y: float) -> npt.NDArray[np.float64]:
        """PSF of the cell that a pixel of the image lies in.

        Raises
        ------
        InputError
            If there is no such cell, or its PSF cannot be read.
        """
        row, column = (
            (round(place) + start) // cell - first
            for place, start, cell, first in zip(
                (y, x), self.start, self.cell, self.first, strict=True
            )
        )
        shape = self.hdu.shape
        if not (0 <= row < shape[0] and 0 <= column < shape[1]):
            raise InputError("no cell of the coadd's PSF holds the source")
        if max(shape[2:]) > _MAX_SIDE:
            raise InputError(f"a PSF of {shape[2]} x {shape[3]} pixels")
        damage = getattr(self.hdu, "hstamp_damage", None)
        if damage is not None:
            raise InputError(damage)
        try:
            with quiet():
                cut = self.hdu.section[row, column, :, :]
        except Exception as exc:  # astropy raises almost anything on damaged data
            raise InputError(f"its cell is not readable: {str(exc)[:200]}") from exc
        return np.asarray(cut, dtype=np.float64).reshape(shape[2:])


def read_tree(hdus: Any) -> Mapping[str, Any] | None:
    """Top level of the JSON text of an lsst.images file; None of any other file."""
    if not text(hdus[0].header, "DATAMODL").startswith(_SCHEMAS):
        return None
    for hdu in hdus:
        if text(hdu.header, "EXTNAME").upper() == "JSON":
            try:
                tree = json.loads(_cell_of_bytes(hdu))
            except (InputError, ValueError, RecursionError, OSError):
                return None
            return tree if isinstance(tree, dict) else None
    return None


def tree_band(tree: Mapping[str, Any] | None) -> str | None:
    """Band that the file states."""
    band = None if tree is None else tree.get("band")
    return band if isinstance(band, str) and band.strip() else None


def cell_psf(hdus: Any, tree: Mapping[str, Any] | None) -> CellPsf | str | None:
    """PSF of a coadd of cells.

    Returns
    -------
    CellPsf or str or None
        Text says why a PSF that the file has cannot be used; None where the file has none.
    """
    psf = None if tree is None else tree.get("psf")
    if tree is None or not isinstance(psf, dict):
        return None
    try:
        source = str(psf["array"]["source"]).removeprefix("fits:").upper()
        grid, box = psf["bounds"]["grid"], psf["bounds"]["bbox"]
        sides = grid["cell_shape"]
        cell = _pair([sides["y"], sides["x"]] if isinstance(sides, dict) else sides)
        origin = _pair([grid["bbox"][axis]["start"] for axis in "yx"])
        corner = _pair([box[axis]["start"] for axis in "yx"])
        image = _pair(tree["image"]["yx0"])
        if min(cell) < 1:
            raise ValueError("a cell has no pixel")
    except (KeyError, TypeError, ValueError):
        return "the file keeps it as a model, not as an image"
    for hdu in hdus:
        if text(hdu.header, "EXTNAME").upper() == source and is_array(hdu) and len(hdu.shape) == 4:
            return CellPsf(
                hdu,
                (image[0] - origin[0], image[1] - origin[1]),
                cell,
                ((corner[0] - origin[0]) // cell[0], (corner[1] - origin[1]) // cell[1]),
            )
    return f"the file has no HDU {source[:32]!r} of four axes"


def _pair(numbers: Any) -> tuple[int, int]:
    first, second = numbers
    if not all(isinstance(n, int) and abs(n) < 2**31 for n in (first, second)):
        raise ValueError("not a pair of integers")
    return first, second


def _cell_of_bytes(hdu: Any) -> bytes:
    """The one array of bytes of a table of one row, no longer than its header says."""
    width, rows = value(hdu.header, "NAXIS1"), value(hdu.header, "NAXIS2")
    kind = text(hdu.header, "TFORM1").removeprefix("1")[:2]
    size = value(hdu.header, "PCOUNT")
    if rows != 1 or {"PB": 8, "QB": 16}.get(kind) != width or not 0 < int(size) <= _MAX_TREE:
        raise InputError("the JSON table is not one array of bytes")
    info = hdu.fileinfo()
    info["file"].seek(info["datLoc"])
    data: bytes = info["file"].read(width + int(size))
    half = width // 2
    length, place = (int.from_bytes(data[at : at + half], "big") for at in (0, half))
    heap = value(hdu.header, "THEAP", width)
    return data[heap + place : heap + place + length]
