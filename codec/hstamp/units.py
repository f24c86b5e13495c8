"""Units of image values, as astropy writes and reads them [EN-10].

astropy is imported only where somebody hands over a unit.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any, Final

from .errors import InputError

if TYPE_CHECKING:
    from astropy.units import UnitBase

__all__ = [
    "DEFAULT_UNIT",
    "check_linear",
    "factor_between",
    "is_dimensionless",
    "parsed",
    "unit_text",
]

DEFAULT_UNIT: Final = "nJy"
"""Unit of an image that comes without one."""
_LONGEST: Final = 32
"""Characters of the longest ``fluxUnit`` [EN-10]."""
_LOGARITHMIC: Final = {"mag", "dex"}


def unit_text(unit: UnitBase, name: str = "the image") -> str:
    """Unit as a stamp can carry it: in FITS's spelling, else in astropy's.

    Raises
    ------
    InputError
        If it is not linear, has no spelling, or none of up to 32 printable ASCII characters.
    """
    check_linear(unit, name)
    for style in ("fits", "generic"):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                text = str(unit.to_string(style)).strip()
        except Exception:  # noqa: S112  # a unit or scale that the style does not have
            continue
        if 0 < len(text) <= _LONGEST and text.isascii() and text.isprintable():
            return text
    if is_dimensionless(unit):
        raise InputError(f"{name} has a dimensionless unit: give plain values and flux_unit")
    raise InputError(
        f"{name} is in {str(unit)[:80]!r}, which has no name of up to {_LONGEST} printable ASCII "
        "characters: convert it first"
    )


def parsed(text: str) -> UnitBase | None:
    """Read a unit's text in FITS's spelling, else in astropy's; None where it is neither."""
    from astropy import units as u

    for style in ("fits", None):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return u.Unit(text, format=style)
        except (ValueError, TypeError, OverflowError):
            continue
    return None


def factor_between(unit: UnitBase, target: str, power: int, name: str) -> float:
    """Number that turns values in a unit into values in a power of a flux unit.

    Parameters
    ----------
    unit : UnitBase
        Unit of the values.
    target : str
        Flux unit.
    power : {1, 2}
        1 for an image, 2 for a variance.
    name : str
        What the values are, for the error's text.

    Raises
    ------
    InputError
        If the units cannot be converted, or `target` is no unit that astropy knows.
    """
    from astropy.units import UnitsError

    check_linear(unit, name)
    wanted = parsed(target)
    shown = f"the unit {target!r}" + (" squared" if power == 2 else "")
    if wanted is None:
        raise InputError(f"{name} is in {str(unit)!r}; whether that is {shown} cannot be told")
    try:
        return float(unit.to(wanted**power))
    except (UnitsError, TypeError, ValueError) as exc:
        raise InputError(
            f"{name} is in {str(unit)!r}, which is not convertible to {shown}"
        ) from exc


def is_dimensionless(unit: Any) -> bool:
    """Whether a unit is a pure number."""
    return str(unit) == "" or getattr(unit, "physical_type", None) == "dimensionless"


def check_linear(unit: Any, name: str) -> None:
    """Refuse magnitudes and their like: pixels' values are averaged and summed [VA-3]."""
    bases = getattr(unit, "bases", None)
    if bases is None or hasattr(unit, "function_unit"):
        raise InputError(f"{name} is in {str(unit)!r}, which is no linear unit")
    if {str(base) for base in unit.decompose().bases} & _LOGARITHMIC:
        raise InputError(f"{name} is in {str(unit)!r}, which is no linear unit")
