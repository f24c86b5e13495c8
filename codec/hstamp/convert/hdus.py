"""Opening FITS data safely, and the two-dimensional planes in them."""

from __future__ import annotations

import re
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from io import BytesIO
from pathlib import Path
from typing import Any, Final

from astropy.io import fits

from ..errors import InputError, as_hstamp_error
from .cards import quiet, text, value
from .quick import QuickHdu
from .structure import TILE_OF_CUTOUT, check_structure

__all__ = ["Plane", "image_axes", "is_array", "open_fits", "planes_of"]

_SHOWN: Final = 32
_ARRAYS: Final = (fits.PrimaryHDU, fits.ImageHDU, fits.CompImageHDU, QuickHdu)


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
        damaged = check_structure(BytesIO(source), len(source), TILE_OF_CUTOUT)
    else:
        with source.open("rb") as outline:
            damaged = check_structure(outline, source.stat().st_size)
    try:
        hdus = _opened(source)
    except InputError:
        raise
    except Exception as exc:  # astropy raises almost anything on damaged headers
        why = as_hstamp_error(exc).reason
        try:
            # The damage may be in a compressed part that the stamp can do without.
            hdus = _opened(source, disable_image_compression=True)
        except Exception:  # the first error says more
            raise InputError(f"not readable as FITS: {why}") from exc
        with quiet():
            tiled = [i for i, hdu in enumerate(hdus) if value(hdu.header, "ZIMAGE") is True]
        for index in tiled:
            damaged.setdefault(index, f"not readable: {why}")
    for index, reason in damaged.items():
        if index < len(hdus):
            hdus[index].hstamp_damage = reason
    return hdus


def _opened(source: bytes | Path, **options: Any) -> fits.HDUList:
    with ExitStack() as stack:
        stream = BytesIO(source) if isinstance(source, bytes) else source.open("rb")
        stack.callback(stream.close)
        # ZTF writes 'SIMPLE  =  T', which is legible but not in the fixed columns.
        with quiet():
            hdus = fits.open(
                stream,
                memmap=False,
                lazy_load_hdus=False,
                do_not_scale_image_data=True,
                **options,
            )
        if not len(hdus):
            raise InputError("it holds no HDU")
        # From here on it is the list that closes the file.
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

    @cached_property
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

    @property
    def header(self) -> fits.Header:
        """Header of the HDU, with all of its axes."""
        header: fits.Header = self.hdu.header
        return header


def planes_of(hdus: fits.HDUList) -> list[Plane]:
    """Two-dimensional arrays of a FITS file, in its order."""
    planes = []
    for index, hdu in enumerate(hdus):
        axes = image_axes(hdu.shape) if is_array(hdu) else None
        if axes is not None:
            planes.append(Plane(hdu, index, axes))
    return planes


def is_array(hdu: Any) -> bool:
    """Whether an HDU is an array with at least one axis."""
    # A compressed image that was not taken apart is a table, and calls itself an image.
    return isinstance(hdu, _ARRAYS) and bool(hdu.shape)


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
