"""Ranges that Section 7 allows, each said once: for a number, for arrays and for the kernels.

The predicates hold for Python numbers, for arrays (element by element) and, compiled from this
very source, inside the kernels of `hstamp.fast`; therefore they use nothing but comparison and
arithmetic. NaN compares false and so is outside every range.
"""

from __future__ import annotations

from typing import Any, Final

__all__ = [
    "FLT_MAX",
    "ID_LIMIT",
    "MAX_PSF_SIZE",
    "MAX_VERSION",
    "MIN_VERSION",
    "NAME_LIMIT",
    "Q_MAX",
    "Q_MISSING",
    "TEXT_LIMIT",
    "TOP_MANTISSA",
    "cd_within",
    "dec_within",
    "offset_within",
    "printable",
    "psf_within",
    "ra_within",
    "steps_within",
    "unit_within",
]

FLT_MAX: Final = (2.0 - 2.0**-23) * 2.0**127
"""Largest float32."""
Q_MAX: Final = 32767
"""Largest magnitude of an ``i2`` code that is a value [EN-2], [EN-9]."""
Q_MISSING: Final = -32768
"""The ``i2`` code of a missing value [EN-2]."""
TOP_MANTISSA: Final = 57549
"""M[13] of [EN-5]: value of the largest ``log8`` code in units of `unit` at level 0."""
MIN_VERSION: Final = 100
MAX_VERSION: Final = 199
"""Format numbers of version 1 [VE-2]."""
ID_LIMIT: Final = 128
TEXT_LIMIT: Final = 32
"""Longest identifier; longest band and unit [EN-10] [byte]."""
NAME_LIMIT: Final = 32
"""Longest name of a mask plane [EN-7] [byte]."""
MAX_PSF_SIZE: Final = 127
"""Largest side of a PSF [EN-9] [base pixel]."""


def steps_within(zero: Any, scale: Any) -> Any:
    """Whether a zero point and a scale of ``i2`` are usable [EN-3]."""
    return (scale > 0.0) & (abs(zero) + Q_MAX * scale <= FLT_MAX)


def unit_within(unit: Any) -> Any:
    """Whether a unit of ``log8`` is usable [EN-6]."""
    return (unit > 0.0) & (unit * TOP_MANTISSA <= FLT_MAX)


def offset_within(offset: Any) -> Any:
    """Whether `dx` or `dy` is within half a base pixel [EN-11], [PL-6]."""
    return abs(offset) <= 0.5


def ra_within(ra: Any) -> Any:
    """Whether a right ascension [deg] is in range [EN-11]."""
    return (ra >= 0.0) & (ra < 360.0)


def dec_within(dec: Any) -> Any:
    """Whether a declination [deg] is in range [EN-11]."""
    return abs(dec) <= 90.0


def cd_within(cd1_1: Any, cd1_2: Any, cd2_1: Any, cd2_2: Any) -> Any:
    """Whether a CD matrix of float32 elements, given as float64, is usable [EN-11].

    Products of two float32 are exact in binary64, so the answer does not depend on rounding.
    """
    determinant = cd1_1 * cd2_2 - cd1_2 * cd2_1
    return (abs(determinant) > 0.0) & (abs(determinant) <= FLT_MAX * FLT_MAX * 2.0)


def psf_within(total: Any, lowest: Any) -> Any:
    """Whether PSF codes of this sum and smallest value are usable [EN-9]."""
    return (total > 0) & (lowest > Q_MISSING)


def printable(text: str, shortest: int, longest: int) -> bool:
    """Whether text has so many characters, all printable ASCII [EN-10]."""
    return shortest <= len(text) <= longest and text.isascii() and text.isprintable()
