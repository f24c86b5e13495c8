"""Parents as users hold them, as the plain arrays that the encoder takes.

Quantity, CCDData and the other NDData, Cutout2D, masked arrays (NumPy's and astropy's), Tables'
columns, and lists of these are taken apart: units are converted or carried, masked pixels become
missing, uncertainties become the variance. What carries a meaning that a stamp cannot is refused.
The classes are known by their attributes, so that nothing is imported for plain arrays.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from .errors import InputError, as_hstamp_error
from .tangent import ParentWcs, Wcs
from .units import DEFAULT_UNIT, factor_between, is_dimensionless, parsed, unit_text

if TYPE_CHECKING:
    from astropy.units import UnitBase

__all__ = ["Inputs", "plain_inputs", "plain_position", "variance_of"]

_PLAIN: Final = frozenset({np.ndarray, type(None)})
_NUMBERS: Final = (bool, int, float, np.generic)
_UNCERTAINTIES: Final = {"std": ("sigma", 2), "var": ("variance", 1), "ivar": ("weight", -1)}
"""Form of astropy's uncertainties, and the power of their unit that is a variance's."""
_CAN_BE_MISSING: Final = ("image", "variance")


class Inputs(NamedTuple):
    """What `hstamp.encode` and `hstamp.encode_many` were given, as plain arrays.

    Attributes
    ----------
    image : array_like
        Values [flux_unit], NaN where masked.
    variance : array_like or None
        Values [flux_unit**2], NaN where masked.
    mask, psf, unusable : array_like or None
    mask_planes : sequence of str or None
    wcs : Wcs, parent's WCS, sequence of these, or None
    flux_unit : str
    """

    image: Any
    variance: Any
    mask: Any
    mask_planes: Sequence[str] | None
    psf: Any
    unusable: Any
    wcs: Any
    flux_unit: str


@dataclass(frozen=True)
class _Part:
    """One object taken apart; lists have a list in each field that they fill."""

    values: Any
    unit: UnitBase | None = None
    variance: Any = None
    wcs: Any = None
    psf: Any = None
    flags: Any = None
    meta: Any = None


def plain_inputs(
    image: Any,
    *,
    variance: Any = None,
    mask: Any = None,
    mask_planes: Sequence[str] | None = None,
    psf: Any = None,
    psf_size: int | None = None,
    unusable: Any = None,
    wcs: Wcs | ParentWcs | Sequence[Wcs | ParentWcs] | None = None,
    flux_unit: str | UnitBase | None = None,
) -> Inputs:
    """Take apart what an encoder was given.

    Parameters
    ----------
    image, variance, mask, psf, unusable
        Arrays, or objects that hold arrays. Of NDData, the image brings its own variance, WCS,
        PSF and flags where those are not given; of other planes values, unit and mask are read.
    mask_planes : sequence of str, optional
        Names of the bits of `mask`, or of the image's flags.
    psf_size : int or None
        0 leaves an image's own PSF out.
    wcs : optional
        Passed on; takes the place of the image's own.
    flux_unit : str or unit, optional
        Unit to convert to; by default the image's own, and nJy where it has none.

    Returns
    -------
    Inputs

    Raises
    ------
    InputError
        If a unit cannot be converted or carried, a mask or PSF has masked elements, or an object
        carries a meaning that a stamp cannot.
    """
    if (
        type(image) in _PLAIN
        and type(variance) in _PLAIN
        and type(mask) in _PLAIN
        and type(psf) in _PLAIN
        and type(unusable) in _PLAIN
        and (flux_unit is None or type(flux_unit) is str)
    ):  # the usual case, in a microsecond
        unit = DEFAULT_UNIT if flux_unit is None else flux_unit
        return Inputs(image, variance, mask, mask_planes, psf, unusable, wcs, unit)
    part = _apart(image, "image")
    unit, factor = _flux_unit(part.unit, flux_unit)
    if mask is None and part.flags is not None:
        mask, mask_planes = part.flags, _flag_names(part, mask_planes)
    if psf is None and psf_size != 0:
        psf = part.psf
    return Inputs(
        image=_scaled(part.values, factor),
        variance=_variance(part, variance, unit, factor),
        mask=_pure(mask, "mask"),
        mask_planes=mask_planes,
        psf=None if psf is None else _apart(psf, "psf").values,
        unusable=_pure(unusable, "unusable"),
        wcs=part.wcs if wcs is None else wcs,
        flux_unit=unit,
    )


def plain_position(value: Any, name: str) -> Any:
    """Coordinate of sources [pixel] as plain numbers, NaN where masked.

    Raises
    ------
    InputError
        If it has a unit other than pixels.
    """
    if type(value) in (float, int, np.ndarray, np.float64):
        return value
    part = _apart(value, "image")
    if part.unit is not None and str(part.unit) != "pix" and not is_dimensionless(part.unit):
        raise InputError(f"{name} is in {str(part.unit)!r}, not in pixels")
    try:
        given = np.asarray(part.values)
        if given.dtype.kind == "c":
            raise InputError(f"{name} is complex")
        plain = given.astype(np.float64)
    except (ValueError, TypeError) as exc:
        raise InputError(f"{name} is no position: {value!r:.80}") from exc
    return plain if plain.ndim else float(plain)


def variance_of(values: npt.ArrayLike, form: str) -> npt.NDArray[Any]:
    """Variance from a ``variance``, standard deviation (``sigma``) or inverse one (``weight``).

    A negative standard deviation, and a weight of zero or less, say that the pixel is not known:
    its variance is NaN.
    """
    array = np.asarray(values)
    if form == "sigma":
        return np.asarray(np.where(array >= 0, array, np.nan) ** 2)
    if form == "weight":
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(np.where(array > 0, 1.0 / array, np.nan))
    return array


def _apart(value: Any, name: str) -> _Part:
    """Take one object apart, from the outside in."""
    if isinstance(value, (list, tuple)):
        return _list_apart(value, name)
    if type(value) in _PLAIN or isinstance(value, _NUMBERS):
        return _Part(value)
    if isinstance(value, np.ma.MaskedArray):
        part = _with_unit(_apart(np.ma.getdata(value), name), value, name)
        return _masked(part, np.ma.getmask(value), name)
    if hasattr(value, "unmasked") and hasattr(value, "mask"):
        return _masked(_apart(value.unmasked, name), value.mask, name)
    if hasattr(value, "uncertainty_type") and hasattr(value, "array"):
        return _uncertainty_apart(value, name)
    if hasattr(value, "uncertainty") and hasattr(value, "data"):
        return _nddata_apart(value, name)
    if hasattr(value, "position_cutout") and hasattr(value, "data"):
        return replace(_apart(value.data, name), wcs=value.wcs)
    if hasattr(value, "to_value") and hasattr(value, "value"):
        return _with_unit(_Part(np.asarray(value.value)), value, name)
    if hasattr(value, "dims") and hasattr(value, "attrs") and hasattr(value, "data"):
        return _with_unit(_apart(value.data, name), value, name)
    if hasattr(value, "dask") and hasattr(value, "compute"):
        return _apart(value.compute(), name)
    return _with_unit(_Part(_array(value, name)), value, name)


def _list_apart(value: Sequence[Any], name: str) -> _Part:
    """Rows or parents, each taken apart, all in the unit of the first."""
    if all(type(row) in _PLAIN for row in value):
        return _Part(value)
    if all(isinstance(row, (list, tuple, *_NUMBERS)) for row in value):
        return _Part(_array(value, name))
    parts = [_apart(row, name) for row in value]
    there = [part for part in parts if part.values is not None]
    first = there[0].unit
    for number, part in enumerate(parts):
        if part.values is None:
            continue
        if (part.unit is None) != (first is None):
            raise InputError(f"{name} {number} and {name} 0 do not both have a unit")
        if part.unit is not None and first is not None and part.unit != first:
            factor = factor_between(part.unit, unit_text(first, name), 1, f"{name} {number}")
            variance = None if part.variance is None else _scaled(part.variance, factor**2)
            parts[number] = replace(
                part, values=_scaled(part.values, factor), unit=first, variance=variance
            )
    columns = {field: [getattr(part, field) for part in parts] for field in _OWN}
    for field, column in columns.items():
        own = [one for one, part in zip(column, parts, strict=True) if part.values is not None]
        if any(one is None for one in own) and any(one is not None for one in own):
            raise InputError(f"some of the images have a {field} of their own and some have not")
    return _Part(
        [part.values for part in parts],
        first,
        **{
            field: column if any(c is not None for c in column) else None
            for field, column in columns.items()
        },
        meta=parts[0].meta,
    )


_OWN: Final = ("variance", "wcs", "psf", "flags")


def _nddata_apart(value: Any, name: str) -> _Part:
    part = _with_unit(_apart(value.data, name), value, name)
    variance = None
    if value.uncertainty is not None:
        if name != "image":
            raise InputError(f"{name} has an uncertainty, which a stamp cannot carry")
        spread = _uncertainty_apart(value.uncertainty, "uncertainty")
        factor = 1.0
        if spread.unit is not None and part.unit is None:
            raise InputError("the image's uncertainty has a unit, and the image none")
        if spread.unit is not None and part.unit is not None and spread.unit != part.unit**2:
            factor = factor_between(spread.unit, unit_text(part.unit), 2, "the uncertainty")
        variance = _scaled(spread.values, factor)
    if value.mask is not None:
        part = _masked(part, value.mask, name)
    if name != "image":
        return part
    flags = getattr(value, "flags", None)
    return replace(
        part, variance=variance, wcs=value.wcs, psf=getattr(value, "psf", None), flags=flags,
        meta=getattr(value, "meta", None),
    )  # fmt: skip


def _uncertainty_apart(value: Any, name: str) -> _Part:
    """Variance of one of astropy's uncertainties, in the unit that a variance has."""
    kind = getattr(value, "uncertainty_type", None)
    if kind not in _UNCERTAINTIES or name not in ("variance", "uncertainty"):
        raise InputError(f"{name} is an uncertainty of a kind that is not known: {kind!r}")
    if value.array is None:
        raise InputError(f"{name} is an uncertainty without values")
    form, power = _UNCERTAINTIES[kind]
    part = _apart(value.array, "variance")
    unit = part.unit if part.unit is not None else value.unit
    return _Part(variance_of(part.values, form), None if unit is None else unit**power)


def _with_unit(part: _Part, value: Any, name: str) -> _Part:
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


def _masked(part: _Part, mask: Any, name: str) -> _Part:
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


def _flux_unit(unit: UnitBase | None, asked: str | UnitBase | None) -> tuple[str, float]:
    """Text of the flux unit, and the factor from the image's unit to it."""
    text = asked if asked is None or isinstance(asked, str) else unit_text(asked, "flux_unit")
    if unit is None:
        return (DEFAULT_UNIT if text is None else text), 1.0
    if text is None:
        return unit_text(unit), 1.0
    return text, factor_between(unit, text, 1, "the image")


def _variance(part: _Part, given: Any, unit: str, factor: float) -> Any:
    if given is None:
        return None if part.variance is None else _scaled(part.variance, factor**2)
    spread = _apart(given, "variance")
    if spread.unit is None:
        return spread.values
    return _scaled(spread.values, factor_between(spread.unit, unit, 2, "the variance"))


def _flag_names(part: _Part, names: Sequence[str] | None) -> Sequence[str]:
    """Names of the bits of an image's flags: as given, or as `Stamp.to_ccddata` leaves them."""
    if names is not None:
        return names
    meta = part.meta if isinstance(part.meta, Mapping) or hasattr(part.meta, "cards") else {}
    found: list[str] = []
    while (name := meta.get(f"HSMP{len(found)}")) is not None:
        found.append(str(name))
    if not found:
        raise InputError("the image has flags: name their bits with mask_planes, or remove them")
    return found


def _pure(value: Any, name: str) -> Any:
    """Bits or truth values: they have no unit."""
    if value is None:
        return None
    part = _apart(value, name)
    if part.unit is not None and not is_dimensionless(part.unit):
        raise InputError(f"{name} has the unit {str(part.unit)!r}")
    return part.values


def _scaled(values: Any, factor: float) -> Any:
    if factor == 1.0:
        return values
    if values is None:
        return None
    if isinstance(values, (list, tuple)):
        return [_scaled(one, factor) for one in values]
    return np.asarray(values, dtype=np.float64) * factor


def _array(value: Any, name: str) -> npt.NDArray[Any]:
    """Array of anything that NumPy can make one of."""
    try:
        return np.asarray(value)
    except Exception as exc:  # whatever the object's own conversion raises
        raise InputError(f"{name} is no array: {as_hstamp_error(exc).reason}") from exc
