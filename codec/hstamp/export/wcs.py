"""Sky coordinates of a stamp's grids."""

from __future__ import annotations

from typing import TYPE_CHECKING

from astropy.wcs import WCS

from ..errors import InputError
from ..tangent import Wcs

if TYPE_CHECKING:
    from ..stamp import Stamp

__all__ = ["checked_level", "grid_position", "level_wcs", "mosaic_wcs", "tangent_wcs"]


def grid_position(stamp: Stamp, k: int | None) -> tuple[float, float]:
    """Position of the source in a level or in the mosaic, by [PL-6] and [PL-7].

    Parameters
    ----------
    stamp : Stamp
        The stamp.
    k : int or None
        Level, or None for the mosaic.

    Returns
    -------
    x, y : float
        Position [pixel of that grid, 0-based, centres at integers].

    Raises
    ------
    InputError
        If the stamp has no level `k`.
    """
    layout = stamp.layout
    if k is None:
        size, origin = 1, layout.origins[-1]
    else:
        size, origin = layout.pixel_sizes[checked_level(stamp, k)], layout.origins[k]
    return (float(stamp.dx) - origin) / size - 0.5, (float(stamp.dy) - origin) / size - 0.5


def checked_level(stamp: Stamp, k: int) -> int:
    """Return `k` if the stamp has such a level; raise `InputError` otherwise."""
    if not 0 <= k < stamp.n:
        raise InputError(f"level must be 0 to {stamp.n - 1}, not {k}")
    return k


def tangent_wcs(wcs: Wcs, x: float, y: float, *, scale: float = 1.0, side: int = 0) -> WCS:
    """TAN projection with the source at 0-based pixel (x, y) of a grid.

    Parameters
    ----------
    wcs : Wcs
        Sky position of the source and CD matrix of the base pixel.
    x, y : float
        Position of the source in the grid [pixel, 0-based].
    scale : float
        Side of the grid's pixels [base pixel].
    side : int
        Pixels along each axis of the grid; 0 leaves the shape open.

    Returns
    -------
    astropy.wcs.WCS
        ICRS, degrees.
    """
    tan = WCS(naxis=2)
    tan.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    tan.wcs.cunit = ["deg", "deg"]
    tan.wcs.radesys = "ICRS"
    tan.wcs.crval = [wcs.ra, wcs.dec]
    tan.wcs.crpix = [x + 1.0, y + 1.0]
    tan.wcs.cd = scale * wcs.cd
    tan.wcs.set()
    if side:
        tan.pixel_shape = (side, side)
    return tan


def level_wcs(stamp: Stamp, k: int) -> WCS:
    """Sky coordinates of level `k` [PL-7].

    Parameters
    ----------
    stamp : Stamp
        A stamp with a WCS.
    k : int
        Level, 0 to n - 1.

    Returns
    -------
    astropy.wcs.WCS
        TAN projection over the 15x15 grid.

    Raises
    ------
    InputError
        If the stamp has no WCS or no level `k`.
    """
    x, y = grid_position(stamp, k)
    size = stamp.layout.pixel_sizes[k]
    return tangent_wcs(_wcs_of(stamp), x, y, scale=size, side=15)


def mosaic_wcs(stamp: Stamp) -> WCS:
    """Sky coordinates of the mosaic [PL-7].

    Parameters
    ----------
    stamp : Stamp
        A stamp with a WCS.

    Returns
    -------
    astropy.wcs.WCS
        TAN projection over (15 * 2**(n-1)) squared base pixels.

    Raises
    ------
    InputError
        If the stamp has no WCS.
    """
    x, y = grid_position(stamp, None)
    return tangent_wcs(_wcs_of(stamp), x, y, side=stamp.layout.side)


def _wcs_of(stamp: Stamp) -> Wcs:
    if stamp.wcs is None:
        raise InputError("the stamp has no WCS")
    return stamp.wcs
