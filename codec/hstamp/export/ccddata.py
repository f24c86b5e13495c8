"""Stamps as `astropy.nddata.CCDData`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from astropy.io import fits
from astropy.nddata import CCDData, VarianceUncertainty

from .headers import describe, mask_cards
from .units import unit_of
from .wcs import checked_level, level_wcs, mosaic_wcs

if TYPE_CHECKING:
    from ..stamp import Stamp

__all__ = ["to_ccddata"]


def to_ccddata(stamp: Stamp, level: int | None = None) -> CCDData:
    """One grid of a stamp with its unit, WCS, uncertainty, mask and PSF.

    Parameters
    ----------
    stamp : Stamp
        The stamp.
    level : int or None
        Level, or None for the mosaic.

    Returns
    -------
    astropy.nddata.CCDData
        ``data`` float32 in the stamp's flux unit, NaN where missing; ``mask`` True there;
        ``flags`` the 16 mask bits (uint16) with their names in ``meta["HSMP0"]`` and following;
        ``uncertainty`` the variance; ``psf`` on base pixels, for level 0 and the mosaic, whose
        pixels these are; ``wcs`` the TAN projection. What the stamp lacks is None.

    Raises
    ------
    InputError
        If the stamp has no such level.
    """
    if level is None:
        image, size, origin = stamp.mosaic(), 1, stamp.layout.origins[-1]
        variance = None if stamp.variance is None else stamp.mosaic("variance")
        bits = None if stamp.mask is None else stamp.mosaic("mask")
    else:
        k = checked_level(stamp, level)
        image, size, origin = stamp.levels[k], stamp.layout.pixel_sizes[k], stamp.layout.origins[k]
        variance = None if stamp.variance is None else stamp.variance[k]
        bits = None if stamp.mask is None else stamp.mask[k]
    wcs = None
    if stamp.wcs is not None:
        wcs = mosaic_wcs(stamp) if level is None else level_wcs(stamp, level)
    ccd = CCDData(
        np.array(image, dtype=np.float32),
        unit=unit_of(stamp.flux_unit),
        uncertainty=None if variance is None else VarianceUncertainty(np.array(variance)),
        mask=np.isnan(image),
        flags=None if bits is None else np.array(bits, dtype=np.uint16),
        wcs=wcs,
        meta=_meta(stamp, level, size, origin),
    )
    if size == 1 and stamp.psf is not None:
        ccd.psf = np.array(stamp.psf)
    return ccd


def _meta(stamp: Stamp, level: int | None, size: int, origin: int) -> fits.Header:
    meta = describe(stamp)
    if level is not None:
        meta["HSLEVEL"] = (level, "level, 0 is the finest")
    meta["HSSCALE"] = (size, "[pix] side of a pixel in base pixels")
    meta["HSORIGIN"] = (origin, "[pix] first base offset from reference corner")
    if stamp.mask is not None:
        meta.update(mask_cards(stamp.mask_planes))
    return meta
