"""FITS header cards that describe a stamp, shared by all exports."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from astropy.io import fits

if TYPE_CHECKING:
    from ..stamp import Stamp

__all__ = ["describe", "mask_cards"]

_AFW_NAME: Final = re.compile(r"[A-Z0-9_-]+")
"""Plane names that a FITS keyword can carry without loss."""

_LONGEST_STRING: Final = 68
"""Characters of a string value that fit one card."""


def describe(stamp: Stamp) -> fits.Header:
    """Cards that hold for every grid of a stamp.

    Parameters
    ----------
    stamp : Stamp
        The stamp.

    Returns
    -------
    astropy.io.fits.Header
        HSVER, HSLEVELS, HSDX, HSDY and, where known, HSID and FILTER.
    """
    header = fits.Header()
    if stamp.id is not None and len(stamp.id.replace("'", "''")) > _LONGEST_STRING:
        header["LONGSTRN"] = ("OGIP 1.0", "long strings go on in CONTINUE cards")
    header["HSVER"] = (stamp.version, "hstamp format number, 100 x major + minor")
    header["HSLEVELS"] = (stamp.n, "levels of the stamp")
    if stamp.id is not None:
        header["HSID"] = (stamp.id, "identifier of the stamp")
    if stamp.band is not None:
        header["FILTER"] = (stamp.band, "band")
    header["HSDX"] = (float(stamp.dx), "[pix] source minus reference corner, x")
    header["HSDY"] = (float(stamp.dy), "[pix] source minus reference corner, y")
    return header


def mask_cards(names: tuple[str, ...]) -> fits.Header:
    """Names of the mask's bits.

    Every bit has a card HSMPb with its exact name; a name that survives as a keyword also has
    the card MP_name = b that LSST's afw writes.

    Parameters
    ----------
    names : tuple of str
        Name of each bit, from bit 0.

    Returns
    -------
    astropy.io.fits.Header
        The cards.
    """
    header = fits.Header()
    for bit, name in enumerate(names):
        if _AFW_NAME.fullmatch(name):
            keyword = f"MP_{name}"
            header[keyword if len(keyword) <= 8 else f"HIERARCH {keyword}"] = bit
    for bit, name in enumerate(names):
        header[f"HSMP{bit}"] = (name, f"mask plane of bit {bit}")
    return header
