"""Opening FITS data safely, and the two-dimensional planes in them."""

from __future__ import annotations

import re
import warnings
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from io import BytesIO
from pathlib import Path
from typing import Any, Final

from astropy.io import fits
from astropy.utils.exceptions import AstropyWarning
from astropy.wcs import WCS

from ..errors import InputError
from .cards import text, value
from .structure import check_structure

__all__ = ["Plane", "image_axes", "open_fits", "planes_of"]

_SHOWN: Final = 32


def open_fits(source: bytes | Path) -> fits.HDUList:
    """Open FITS data and check that every HDU's data are there.

    Nothing is read or allocated on the word of a header: the size that each header claims is
    compared with the bytes that follow it. Tile-compressed HDUs that claim what cannot be are
    marked, and `Plane.damage` says why. Integers come unscaled, see `hstamp.convert.arrays`.

    Raises
    ------
    InputError
        If the data are not FITS, or end before a header says.
    """
    if isinstance(source, bytes):
        damaged = check_structure(BytesIO(source), len(source))
    else:
        with source.open("rb") as outline:
            damaged = check_structure(outline, source.stat().st_size)
    with ExitStack() as stack:
        try:
            # ZTF writes 'SIMPLE  =  T', which is legible but not in the fixed columns.
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", AstropyWarning)
                hdus = fits.open(
                    BytesIO(source) if isinstance(source, bytes) else source,
                    memmap=False,
                    lazy_load_hdus=False,
                    do_not_scale_image_data=True,
                )
                stack.callback(hdus.close)
                if not len(hdus):
                    raise InputError("it holds no HDU")
                for index, reason in damaged.items():
                    if index < len(hdus):
                        hdus[index].hstamp_damage = reason
        except InputError:
            raise
        except Exception as exc:  # astropy raises almost anything on damaged headers
            reasons = "".join(f"; HDU {index}: {reason}" for index, reason in damaged.items())
            raise InputError(
                f"not readable as FITS: {type(exc).__name__}: {str(exc)[:200]}{reasons[:200]}"
            ) from exc
        stack.pop_all()
    return hdus


@dataclass(frozen=True)
class Plane:
    """A two-dimensional array of a FITS file.

    Attributes
    ----------
    hdu : HDU
    index : int
        Its number in the file.
    axes : (int, int)
        Which of the array's axes are rows and columns; the others have length one.
    """

    hdu: Any
    index: int
    axes: tuple[int, int]

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        shape = self.hdu.shape
        return int(shape[self.axes[0]]), int(shape[self.axes[1]])

    @property
    def name(self) -> str:
        """EXTNAME in capitals, empty where there is none."""
        return text(self.hdu.header, "EXTNAME").upper()

    @property
    def version(self) -> int | None:
        """EXTVER; None where the header has none (FITS then means 1)."""
        number = value(self.hdu.header, "EXTVER")
        return number if isinstance(number, int) and not isinstance(number, bool) else None

    @property
    def label(self) -> str:
        """What to call it in a message."""
        shown = re.sub(r"[^ -~]", "?", self.name)[:_SHOWN]
        version = "" if self.version is None else f",{self.version}"
        return f"HDU {self.index} ({shown}{version})" if shown else f"HDU {self.index}"

    @property
    def damage(self) -> str | None:
        """Why it must not be read; None where nothing is known against it."""
        reason: str | None = getattr(self.hdu, "hstamp_damage", None)
        return reason

    @cached_property
    def header(self) -> fits.Header:
        """Header whose first two axes are columns and rows."""
        original = self.hdu.header
        count = len(self.hdu.shape)
        columns, rows = count - self.axes[1], count - self.axes[0]
        if (columns, rows) == (1, 2):
            return original
        moved = original.copy()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", AstropyWarning)
                sky = WCS(original).sub([columns, rows]).to_header(relax=True)
        except Exception:  # wcslib raises many kinds; the image is readable without its WCS
            sky = fits.Header()
        for key in list(moved):
            if _WCS_KEY.fullmatch(key):
                moved.remove(key, ignore_missing=True, remove_all=True)
        moved.update(sky)
        return moved


_WCS_KEY: Final = re.compile(
    r"(CTYPE|CRPIX|CRVAL|CDELT|CUNIT|CROTA)\d+|(PC|CD|PV|PS)\d+_\d+|WCSAXES|A_.*|B_.*"
)


def planes_of(hdus: fits.HDUList) -> list[Plane]:
    """Two-dimensional arrays of a FITS file, in its order."""
    planes = []
    for index, hdu in enumerate(hdus):
        axes = image_axes(hdu.shape) if hdu.is_image and hdu.shape else None
        if axes is not None:
            planes.append(Plane(hdu, index, axes))
    return planes


def image_axes(shape: tuple[int, ...]) -> tuple[int, int] | None:
    """Axes of an array that are rows and columns when those of length one are left out.

    Parameters
    ----------
    shape : tuple of int
        Shape in the order of numpy.

    Returns
    -------
    (int, int) or None
        None where there is no pixel, or where more than two axes are longer than one.
    """
    if len(shape) < 2 or 0 in shape:
        return None
    axes = [axis for axis, size in enumerate(shape) if size > 1]
    for axis in reversed(range(len(shape))):
        if len(axes) < 2 and axis not in axes:
            axes.append(axis)
    return (min(axes), max(axes)) if len(axes) == 2 else None
