"""Flux units of stamps as astropy knows them, and as a BUNIT that other software reads.

A stamp carries the producer's own words ([EN-10] asks for a FITS unit string and nothing checks
it): detectors count in ``ADU``, ``ELECTRONS`` or ``e-/sec``, and many images say nothing.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

import astropy.units as u

from ..units import parsed

__all__ = ["NO_UNIT", "bunit", "known_unit", "unit_of"]

NO_UNIT: Final = frozenset(
    {"", "unknown", "none", "null", "n/a", "na", "unitless", "dimensionless"}
)
"""Words for "no unit is known"; ``unknown`` is what the converters write."""

_SPELLINGS: Final = {
    "adu": "adu", "adus": "adu",
    "dn": "DN", "dns": "DN",
    "e": "electron", "e-": "electron", "elec": "electron", "electron": "electron",
    "electrons": "electron",
    "count": "ct", "counts": "ct", "ct": "ct", "cts": "ct",
    "photon": "photon", "photons": "photon", "ph": "photon",
    "jy": "Jy", "jansky": "Jy", "janskys": "Jy", "njy": "nJy", "nanojansky": "nJy",
    "ujy": "uJy", "microjansky": "uJy",
    "maggy": "mgy", "maggies": "mgy", "nmgy": "nmgy", "nanomaggy": "nmgy", "nanomaggies": "nmgy",
    "s": "s", "sec": "s", "second": "s", "seconds": "s",
    "pix": "pix", "pixel": "pix", "pixels": "pix", "per": "/",
}  # fmt: skip
"""Other spellings in lower case. ``MJY`` is not here: it may be milli or mega."""

_WORD: Final = re.compile(r"[A-Za-z_]+(?:-(?![\d]))?")


@lru_cache(maxsize=256)
def unit_of(text: str) -> u.UnitBase:
    """Unit of a stamp's values.

    Parameters
    ----------
    text : str
        The stamp's ``flux_unit``.

    Returns
    -------
    astropy.units.UnitBase
        The unit that astropy or a usual other spelling gives the text, dimensionless where the
        text says that none is known, and otherwise a unit of its own under this name: it can be
        squared for a variance, and is converted to nothing.
    """
    if text.strip().lower() in NO_UNIT:
        return u.dimensionless_unscaled
    known = known_unit(text)
    return u.def_unit(text) if known is None else known


def known_unit(text: str) -> u.UnitBase | None:
    """Unit that astropy, or a usual other spelling, gives a text; None where neither has one."""
    known = _parsed(text)
    if known is None:
        known = _parsed(_WORD.sub(lambda word: _SPELLINGS.get(word[0].lower(), word[0]), text))
    return known


def bunit(text: str, power: int = 1) -> str | None:
    """BUNIT of a plane.

    Parameters
    ----------
    text : str
        The stamp's ``flux_unit``.
    power : int
        1 for the image, 2 for the variance.

    Returns
    -------
    str or None
        The producer's text where astropy reads it or nothing better is known, the standard's
        spelling of the same unit otherwise; None for no unit, which FITS says without the card.
    """
    if text.strip().lower() in NO_UNIT:
        return None
    if power == 1 and _parsed(text) is not None:
        return text
    unit = unit_of(text) ** power
    for form in ("fits", "generic"):  # FITS has no name for DN and electrons
        try:
            written = str(unit.to_string(form))
        except ValueError:
            continue
        if _parsed(written) == unit:
            return written
    return text if power == 1 else f"({text})**{power}"


def _parsed(text: str) -> u.UnitBase | None:
    unit = parsed(text)
    return unit if isinstance(unit, u.UnitBase) else None
