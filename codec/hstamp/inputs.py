"""Parents as users hold them, as the plain arrays that the encoder takes.

Units are converted or carried, masked pixels become missing, uncertainties become the variance.
What carries a meaning that a stamp cannot is refused.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from .errors import HstampError, InputError, as_hstamp_error
from .parts import PLAIN, Part, apart, scaled
from .tangent import ParentWcs, Wcs
from .units import DEFAULT_UNIT, check_linear, factor_between, is_dimensionless, unit_text

if TYPE_CHECKING:
    from astropy.units import UnitBase

__all__ = ["Inputs", "plain_inputs", "plain_position"]


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
        type(image) in PLAIN
        and type(variance) in PLAIN
        and type(mask) in PLAIN
        and type(psf) in PLAIN
        and type(unusable) in PLAIN
        and (flux_unit is None or type(flux_unit) is str)
    ):  # the usual case, in a microsecond
        unit = DEFAULT_UNIT if flux_unit is None else flux_unit
        return Inputs(image, variance, mask, mask_planes, psf, unusable, wcs, unit)
    try:
        return _inputs(image, variance, mask, mask_planes, psf, psf_size, unusable, wcs, flux_unit)
    except HstampError:
        raise
    except Exception as exc:  # whatever the objects themselves raise when they are asked
        raise InputError(f"the parent is not readable: {as_hstamp_error(exc).reason}") from exc


def _inputs(
    image: Any,
    variance: Any,
    mask: Any,
    mask_planes: Sequence[str] | None,
    psf: Any,
    psf_size: int | None,
    unusable: Any,
    wcs: Any,
    flux_unit: str | UnitBase | None,
) -> Inputs:
    part = apart(image, "image")
    unit, factor = _flux_unit(part.unit, flux_unit)
    if mask is None and part.flags is not None:
        mask, mask_planes = part.flags, _flag_names(part, mask_planes)
    if psf is None and psf_size != 0:
        psf = part.psf
    return Inputs(
        image=scaled(part.values, factor),
        variance=_variance(part, variance, unit, factor),
        mask=_pure(mask, "mask"),
        mask_planes=mask_planes,
        psf=_shape(psf),
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
    part = apart(value, "image")
    if part.unit is not None and str(part.unit) != "pix" and not is_dimensionless(part.unit):
        raise InputError(f"{name} is in {str(part.unit)!r}, not in pixels")
    try:
        given = np.asarray(part.values)
        # An imaginary part would be lost with no more than a warning.
        plain = None if given.dtype.kind == "c" else given.astype(np.float64)
    except (ValueError, TypeError) as exc:
        raise InputError(f"{name} is no position: {value!r:.80}") from exc
    if plain is None:
        raise InputError(f"{name} is complex, not a position")
    return plain if plain.ndim else float(plain)


def _flux_unit(unit: UnitBase | None, asked: str | UnitBase | None) -> tuple[str, float]:
    """Text of the flux unit, and the factor from the image's unit to it."""
    text = asked if asked is None or isinstance(asked, str) else unit_text(asked, "flux_unit")
    if unit is None:
        return (DEFAULT_UNIT if text is None else text), 1.0
    if text is None:
        return unit_text(unit), 1.0
    return text, factor_between(unit, text, 1, "the image")


def _variance(part: Part, given: Any, unit: str, factor: float) -> Any:
    if given is None:
        return None if part.variance is None else scaled(part.variance, factor**2)
    spread = apart(given, "variance")
    if spread.unit is None:
        return spread.values
    return scaled(spread.values, factor_between(spread.unit, unit, 2, "the variance"))


def _flag_names(part: Part, names: Sequence[str] | None) -> Sequence[str]:
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
    part = apart(value, name)
    if part.unit is not None and not is_dimensionless(part.unit):
        raise InputError(f"{name} has the unit {str(part.unit)!r}")
    return part.values


def _shape(psf: Any) -> Any:
    """A PSF's values in any unit that adds up: it is stored with unit sum [EN-9]."""
    if psf is None:
        return None
    part = apart(psf, "psf")
    if part.unit is not None:
        check_linear(part.unit, "psf")
    return part.values
