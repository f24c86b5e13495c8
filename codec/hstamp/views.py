"""Methods of a stamp that stand on it: exports and pictures, each loaded when it is first called.

`hstamp.stamp` knows their names and nothing else of them, so that the codec does not depend on what
is built from it.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from .stamp import Stamp, view

if TYPE_CHECKING:
    from astropy.io.fits import HDUList
    from astropy.nddata import CCDData
    from matplotlib.figure import Figure

__all__: list[str] = []


@view
def to_ccddata(stamp: Stamp, level: int | None) -> CCDData:
    """`hstamp.export.ccddata.to_ccddata`."""
    from .export.ccddata import to_ccddata

    return to_ccddata(stamp, level)


@view
def to_hdulist(stamp: Stamp, **options: Any) -> HDUList:
    """`hstamp.export.fits.to_hdulist`."""
    from .export.fits import to_hdulist

    return to_hdulist(stamp, **options)


@view
def to_fits(stamp: Stamp, path: str | Path, **options: Any) -> None:
    """`hstamp.export.fits.to_fits`."""
    from .export.fits import to_fits

    to_fits(stamp, path, **options)


@view
def to_legacy_fits(stamp: Stamp, size: int | None, **options: Any) -> bytes:
    """`hstamp.export.legacy.to_legacy_fits`."""
    from .export.legacy import to_legacy_fits

    return to_legacy_fits(stamp, size, **options)


@view
def plot(stamp: Stamp, **options: Any) -> Figure:
    """`hstamp.draw.show`."""
    from .draw import show

    return show(stamp, **options)


@view
def to_html(stamp: Stamp) -> str:
    """`hstamp.notebook.to_html`."""
    from .notebook import to_html

    return to_html(stamp)


@view
def to_png(stamp: Stamp) -> bytes | None:
    """`hstamp.notebook.to_png`."""
    from .notebook import to_png

    return to_png(stamp)
