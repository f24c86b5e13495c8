"""Stamps in the forms that other software reads: FITS, CCDData, today's LSST cutout."""

from __future__ import annotations

from ..tangent import parent_cd
from .ccddata import to_ccddata
from .fits import to_fits, to_hdulist
from .legacy import to_legacy_fits
from .wcs import level_wcs, mosaic_wcs

__all__ = [
    "level_wcs",
    "mosaic_wcs",
    "parent_cd",
    "to_ccddata",
    "to_fits",
    "to_hdulist",
    "to_legacy_fits",
]
