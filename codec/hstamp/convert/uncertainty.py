"""Variance of an image from whatever form of uncertainty its file holds."""

from __future__ import annotations

import re
from typing import Any, Final, Literal

import numpy as np
from astropy.units import UnitConversionError

from ..errors import InputError
from ..export.units import known_unit
from ..parts import variance_of
from .arrays import FILL, Floats
from .cards import items, text
from .pairing import Planes
from .roles import Role

__all__ = ["WeightMeaning", "as_variance", "meaning_of_weight", "unit_factor"]

WeightMeaning = Literal["ivar", "variance", "sigma", "exptime"]
"""What a plane that is called a weight holds."""

_STATED: Final = re.compile(r"(D\d{3}|FINAL_?)?(WHT_?T(YPE?)?|WHTTYP)|FINALWHT|RESWHT|WEIGHTTY")
"""Keywords in which drizzling states how its weights were made."""
_KINDS: Final[dict[str, WeightMeaning]] = {
    "IVM": "ivar", "IVAR": "ivar", "INVVAR": "ivar", "INVERSE VARIANCE": "ivar", "ERR": "ivar",
    "EXP": "exptime", "EXPTIME": "exptime", "EXPOSURE": "exptime", "EXPSQ": "exptime",
    "VARIANCE": "variance", "SIGMA": "sigma", "RMS": "sigma",
}  # fmt: skip
"""Drizzling with ``ERR`` weights every input by the inverse square of its error array."""
_POWERS: Final[dict[str, int]] = {"variance": 2, "sigma": 1, "inverse": -2}


def as_variance(values: Floats, role: Role) -> Floats:
    """Variance as `hstamp.parts.variance_of` makes it; NaN for uncertainties of 1e29 or more."""
    known = np.where(np.abs(values) < FILL, values, np.nan).astype(values.dtype, copy=False)
    variance = variance_of(known, role)
    return np.where(variance < FILL, variance, np.nan) if role == "inverse" else variance


def meaning_of_weight(
    planes: Planes, values: Floats, told: WeightMeaning | None
) -> tuple[Role | None, str]:
    """What a plane that is called a weight is.

    Parameters
    ----------
    planes : Planes
    values : array
        Its values.
    told : {"ivar", "variance", "sigma", "exptime"}, optional
        What the user says that it is.

    Returns
    -------
    role : Role or None
        None where it tells no variance.
    note : str
        Why not; empty where it does.
    """
    assert planes.variance is not None
    label = planes.variance.label
    meaning = told or _stated(planes)
    if meaning == "exptime":
        return None, f"variance left out: the weight in {label} is an exposure time"
    if meaning is not None:
        roles: dict[str, Role] = {"ivar": "inverse", "variance": "variance", "sigma": "sigma"}
        return roles[meaning], ""
    if np.isin(values[np.isfinite(values)], (0.0, 1.0)).all():
        return None, f"variance left out: the weight in {label} is 0 or 1, no inverse variance"
    return None, (
        f"variance left out: the header does not say what the weight in {label} is; --weight does"
    )


def _stated(planes: Planes) -> WeightMeaning | None:
    assert planes.variance is not None
    for header in (planes.variance.header, planes.image.header, planes.primary):
        if header is None:
            continue
        for key, stated in items(header, ""):
            if _STATED.fullmatch(key.upper()):
                return _KINDS.get(str(stated).strip().upper())
    return None


def unit_factor(image: Any, plane: Any, role: Role) -> tuple[float, str]:
    """Factor that brings a variance to the square of the image's unit.

    Parameters
    ----------
    image, plane : Header
        Headers of the image and of its uncertainty, which is of kind `role`.

    Returns
    -------
    factor : float
        For the variance that `as_variance` makes.
    note : str
        What was assumed or changed; empty where nothing was.

    Raises
    ------
    InputError
        If the two units are of different things.
    """
    ours, theirs = text(image, "BUNIT"), text(plane, "BUNIT")
    power = _POWERS[role]
    if not ours or not theirs or (ours == theirs and power == 1):
        return 1.0, ""
    base, unit = known_unit(ours), known_unit(theirs)
    if base is None or unit is None:
        # A unit that only people can read is no reason to doubt the plane.
        return 1.0, ""
    if ours == theirs:
        # Pipelines copy the image's header, so the name of the plane weighs more.
        return 1.0, f"BUNIT of the {role} is the image's: taken for that of the {role}"
    try:
        factor = float(unit.to(base**power)) ** (2 / power)
    except UnitConversionError:
        raise InputError(f"its unit {theirs[:32]!r} does not go with {ours[:32]!r}") from None
    if not (np.isfinite(factor) and factor > 0):
        raise InputError(f"its unit {theirs[:32]!r} does not go with {ours[:32]!r}")
    note = f"{role} in {theirs[:32]} brought to the square of {ours[:32]}"
    return factor, "" if factor == 1.0 else note
