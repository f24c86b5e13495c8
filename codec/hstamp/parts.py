"""Objects that hold an array, taken apart: values, unit, variance, WCS, PSF and flags.

The classes (astropy's Quantity, Masked, Column, NDData, NDUncertainty and Cutout2D, NumPy's masked
arrays, xarray's and dask's) are known by their attributes, so that nothing is imported for them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from .errors import InputError, as_hstamp_error
from .units import factor_between, parsed, unit_text

if TYPE_CHECKING:
    from astropy.units import UnitBase

__all__ = ["PLAIN", "Part", "apart", "scaled", "variance_of"]

PLAIN: Final = frozenset({np.ndarray, type(None)})
"""Types that need not be taken apart; a row of a list may have no variance, PSF or mask."""
_NUMBERS: Final = (bool, int, float, np.generic)
_UNCERTAINTIES: Final = {"std": ("sigma", 2), "var": ("variance", 1), "ivar": ("inverse", -1)}
"""Form of astropy's uncertainties, and the power of their unit that is a variance's."""
_CAN_BE_MISSING: Final = ("image", "variance")
_OWN: Final = ("variance", "wcs", "psf", "flags")


@dataclass(frozen=True)
class Part:
    """One object taken apart; lists have a list in each field that they fill."""

    values: Any
    unit: UnitBase | None = None
    variance: Any = None
    wcs: Any = None
    psf: Any = None
    flags: Any = None
    meta: Any = None


def apart(value: Any, name: str) -> Part:
    """Take one object apart, from the outside in.

    Parameters
    ----------
    value
        Array, object that holds one, or list of these.
    name : {'image', 'variance', 'mask', 'psf', 'unusable'}
        What it is; an image and a variance may have masked elements, which become NaN.

    Raises
    ------
    InputError
        If it carries a meaning that cannot be taken.
    """
    if isinstance(value, (list, tuple)):
        return _list_apart(value, name)
    if type(value) in PLAIN or isinstance(value, _NUMBERS):
        return Part(value)
    if isinstance(value, np.ma.MaskedArray):
        part = _with_unit(apart(np.ma.getdata(value), name), value, name)
        return _masked(part, np.ma.getmask(value), name)
    if hasattr(value, "unmasked") and hasattr(value, "mask"):
        return _masked(apart(value.unmasked, name), value.mask, name)
    if hasattr(value, "uncertainty_type") and hasattr(value, "array"):
        return _uncertainty_apart(value, name)
    if hasattr(value, "uncertainty") and hasattr(value, "data"):
        return _nddata_apart(value, name)
    if hasattr(value, "position_cutout") and hasattr(value, "data"):
        return replace(apart(value.data, name), wcs=value.wcs)
    if hasattr(value, "to_value") and hasattr(value, "value"):
        return _with_unit(Part(np.asarray(value.value)), value, name)
    if hasattr(value, "dims") and hasattr(value, "attrs") and hasattr(value, "data"):
        return _with_unit(apart(value.data, name), value, name)
    if hasattr(value, "dask") and hasattr(value, "compute"):
        return apart(value.compute(), name)
    # The unit first: another library's may warn when its array loses it.
    return replace(_with_unit(Part(None), value, name), values=_array(value, name))


def variance_of(values: npt.ArrayLike, form: str) -> npt.NDArray[Any]:
    """Variance from a ``variance``, standard deviation (``sigma``) or ``inverse`` variance.

    A negative standard deviation, and an inverse variance of zero or less, say that the pixel is
    not known: its variance is NaN.
    """
    array = np.asarray(values)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        if form == "sigma":
            return np.asarray(np.where(array >= 0, array, np.nan) ** 2)
        if form == "inverse":
            return np.asarray(np.where(array > 0, 1.0 / array, np.nan))
    return array


def scaled(values: Any, factor: float) -> Any:
    """Values, or lists of values, times a factor; untouched where that is one."""
    if factor == 1.0 or values is None:
        return values
    if isinstance(values, (list, tuple)):
        return [scaled(one, factor) for one in values]
    return np.asarray(values, dtype=np.float64) * factor


def _list_apart(value: Sequence[Any], name: str) -> Part:
    """Rows or parents, each taken apart or None, all in the unit of the first."""
    if all(type(row) in PLAIN for row in value):
        return Part(value)
    if all(isinstance(row, (list, tuple, *_NUMBERS)) for row in value):
        return Part(_array(value, name))
    parts = [apart(row, name) for row in value]
    there = [part for part in parts if part.values is not None]
    first = there[0].unit
    for number, part in enumerate(parts):
        if part.values is None:
            continue
        if (part.unit is None) != (first is None):
            raise InputError(f"{name} {number} and {name} 0 do not both have a unit")
        if part.unit is not None and first is not None and part.unit != first:
            factor = factor_between(part.unit, unit_text(first, name), 1, f"{name} {number}")
            variance = None if part.variance is None else scaled(part.variance, factor**2)
            parts[number] = replace(
                part, values=scaled(part.values, factor), unit=first, variance=variance
            )
    columns = {field: [getattr(part, field) for part in parts] for field in _OWN}
    for field, column in columns.items():
        own = [one for one, part in zip(column, parts, strict=True) if part.values is not None]
        if any(one is None for one in own) and any(one is not None for one in own):
            raise InputError(f"some of the images have a {field} of their own and some have not")
    return Part(
        [part.values for part in parts],
        first,
        **{
            field: column if any(one is not None for one in column) else None
            for field, column in columns.items()
        },
        meta=parts[0].meta,
    )


def _nddata_apart(value: Any, name: str) -> Part:
    part = _with_unit(apart(value.data, name), value, name)
    variance = None
    if value.uncertainty is not None:
        if name != "image":
            raise InputError(f"{name} has an uncertainty, which a stamp cannot carry")
        spread = _uncertainty_apart(value.uncertainty, "uncertainty", part.unit)
        factor = 1.0
        if spread.unit is not None and part.unit is None:
            raise InputError("the image's uncertainty has a unit, and the image none")
        if spread.unit is not None and part.unit is not None and spread.unit != part.unit**2:
            factor = factor_between(spread.unit, unit_text(part.unit), 2, "the uncertainty")
        variance = scaled(spread.values, factor)
    if value.mask is not None:
        part = _masked(part, value.mask, name)
    if name != "image":
        return part
    flags = getattr(value, "flags", None)
    return replace(
        part, variance=variance, wcs=value.wcs, psf=getattr(value, "psf", None), flags=flags,
        meta=getattr(value, "meta", None),
    )  # fmt: skip


def _uncertainty_apart(value: Any, name: str, image: UnitBase | None = None) -> Part:
    """Variance of one of astropy's uncertainties; without a unit where it is the image's squared.

    A unit that astropy does not know equals itself, but has no square.
    """
    kind = getattr(value, "uncertainty_type", None)
    if kind not in _UNCERTAINTIES or name not in ("variance", "uncertainty"):
        raise InputError(f"{name} is an uncertainty of a kind that is not known: {kind!r}")
    if value.array is None:
        raise InputError(f"{name} is an uncertainty without values")
    form, power = _UNCERTAINTIES[kind]
    part = apart(value.array, "variance")
    unit = part.unit if part.unit is not None else value.unit
    own = unit is None or (kind == "std" and unit == image)
    return Part(variance_of(part.values, form), None if own else unit**power)


def _with_unit(part: Part, value: Any, name: str) -> Part:
    """Add the unit that an object states beside its values."""
    unit = getattr(value, "unit", None)
    if unit is None:
        attrs = getattr(value, "attrs", None)
        unit = getattr(value, "units", None)
        if unit is None and isinstance(attrs, Mapping):
            unit = next((attrs[key] for key in ("units", "unit", "BUNIT") if key in attrs), None)
    if unit is None or (callable(unit) and not hasattr(unit, "to_string")):
        return part
    if isinstance(unit, str):
        found = parsed(unit)
        if found is None:
            raise InputError(f"{name} is in {unit[:40]!r}, which is no unit that astropy knows")
        unit = found
    if not hasattr(unit, "to_string"):
        raise InputError(f"{name} has a unit of another library: give plain values and flux_unit")
    if part.unit is not None and part.unit != unit:
        raise InputError(f"{name} has two units, {str(part.unit)!r} and {str(unit)!r}")
    return replace(part, unit=unit)


def _masked(part: Part, mask: Any, name: str) -> Part:
    """Mark masked values as missing; a plane that has no such mark is refused."""
    try:
        hidden = np.asarray(mask)
        hidden = hidden if hidden.dtype == np.bool_ else hidden.astype(np.int64) != 0
        hidden = np.broadcast_to(hidden, np.shape(part.values))
    except (ValueError, TypeError) as exc:
        raise InputError(f"the mask of {name} is no array of its shape") from exc
    if not hidden.any():
        return part
    if name not in _CAN_BE_MISSING:
        raise InputError(f"{name} has masked elements, whose values are not known")
    values = np.asarray(part.values)
    if values.dtype.kind not in "fiub":
        raise InputError(f"{name} must hold real numbers, not {values.dtype}")
    wide = values.astype(np.result_type(values.dtype, np.float32))
    wide[hidden] = np.nan
    return replace(part, values=wide)


def _array(value: Any, name: str) -> npt.NDArray[Any]:
    """Array of anything that NumPy can make one of."""
    try:
        return np.asarray(value)
    except Exception as exc:  # whatever the object's own conversion raises
        raise InputError(f"{name} is no array: {as_hstamp_error(exc).reason}") from exc
