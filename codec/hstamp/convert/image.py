"""FITS images of any size, from a cutout to a whole CCD, read only where a stamp needs them."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO, Self, cast

from ..container.gunzip import inflate_to
from ..errors import InputError
from ..layout import largest_covered, layout_of, reference_corner
from ..stamp import Stamp
from .cards import quiet, text
from .cutout import check_inside
from .hdus import open_fits
from .pairing import classify
from .parent import EncodeOptions, encode_without_bad_psf, load_planes
from .position import is_source_plane, pixel_of, plane_at, read_header_wcs

__all__ = ["FitsImage", "Position"]


@dataclass(frozen=True)
class Position:
    """Where a stamp is wanted: on the sky or on the image.

    Attributes
    ----------
    ra, dec : float or None
        ICRS [deg].
    x, y : float or None
        Pixel, 0-based, centres at integers.
    id : str or None
        Identifier of the stamp.
    problem : str or None
        Why there is no position: a row of a catalogue that cannot be used.
    note : str or None
        What the row lacks that its stamp can do without.
    """

    ra: float | None = None
    dec: float | None = None
    x: float | None = None
    y: float | None = None
    id: str | None = None
    problem: str | None = None
    note: str | None = None


class FitsImage:
    """An open FITS image from which stamps are cut.

    Parameters
    ----------
    path : Path
        FITS file, plain, tile-compressed or gzipped (then decompressed to a temporary file).
    hdu : int or str, optional
        Index, EXTNAME or ``EXTNAME,EXTVER`` of the image; by default the first image.
    gzipped : bool
        Whether the whole file is gzipped.

    Raises
    ------
    InputError
        If the file is not FITS, is damaged, or has no image.
    """

    def __init__(self, path: Path, hdu: int | str | None = None, *, gzipped: bool = False) -> None:
        self._stack = ExitStack()
        try:
            if gzipped:
                plain = self._stack.enter_context(
                    tempfile.NamedTemporaryFile(prefix="hstamp-", suffix=".fits")  # noqa: SIM115
                )
                with path.open("rb") as source:
                    inflate_to(source, cast(BinaryIO, plain))
                path = Path(plain.name)
            hdus = self._stack.enter_context(open_fits(path))
            self.planes = classify(hdus, hdu)
            self.header = self.planes.image.header
            self.shape: tuple[int, int] = self.planes.image.shape
            found = read_header_wcs(self.header, hdus)
            self.wcs, self.wcs_fault = found.wcs, found.fault
            self.primary = self.planes.primary
        except BaseException:
            self._stack.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._stack.close()

    @property
    def band(self) -> str | None:
        """Filter by the file's own tree, BAND or FILTER; None where no stamp could carry it."""
        names = [self.planes.band or ""]
        with quiet():
            headers = (self.header, self.primary)
            names += [text(header, key) for header in headers for key in ("BAND", "FILTER")]
        for name in names:
            if name and not name.startswith("_") and len(name) <= 32 and name.isascii():
                return name
        return None

    def pixel(self, position: Position) -> tuple[float, float]:
        """Pixel of a position, checked to be inside the image.

        Raises
        ------
        InputError
            If the position is incomplete, outside, or needs a WCS that the image does not have.
        """
        if position.problem is not None:
            raise InputError(position.problem)
        if position.x is not None and position.y is not None:
            x, y = position.x, position.y
        elif self.wcs is None and position.ra is not None:
            raise InputError(f"{self.wcs_fault or 'the image has no WCS'}: give --x and --y")
        elif self.wcs is not None and position.ra is not None and position.dec is not None:
            x, y = pixel_of(self.wcs, position.ra, position.dec)
        elif self.wcs is not None and is_source_plane(self.wcs):
            x, y = (float(c) - 1.0 for c in self.wcs.wcs.crpix)
        else:
            raise InputError("where is the source? Give --ra and --dec, or --x and --y")
        check_inside(x, y, self.shape)
        return x, y

    def stamp(
        self, position: Position, options: EncodeOptions, *, band: str | None = None
    ) -> tuple[Stamp, tuple[str, ...]]:
        """Cut and encode one stamp, reading no more of the file than its widest level.

        Returns
        -------
        stamp : Stamp
        notes : tuple of str
            What was left out or assumed.
        """
        x, y = self.pixel(position)
        i0, j0 = reference_corner(x, y)
        levels = options.levels or largest_covered(self.shape, i0, j0)
        low, high = layout_of(levels).extent(levels - 1)
        rows, columns = (
            _span(j0 + low, j0 + high, self.shape[0]),
            _span(i0 + low, i0 + high, self.shape[1]),
        )
        plane, notes = plane_at(self.wcs, x, y)
        if self.wcs_fault is not None:
            notes = (f"WCS left out: {self.wcs_fault}",)
        parent = load_planes(self.planes, x, y, plane, options, (rows, columns))
        stamp, parent = encode_without_bad_psf(
            parent,
            replace(options, levels=levels),
            id=position.id,
            band=band or self.band,
        )
        said = () if position.note is None else (position.note,)
        return stamp, parent.notes + notes + said


def _span(start: int, stop: int, size: int) -> slice:
    return slice(max(start, 0), min(stop, size))
