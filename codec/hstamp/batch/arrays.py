"""Decoded stamps as arrays over stamps, and how groups of one form become them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import FormatError
from ..layout import GRID, MIN_LEVELS

__all__ = ["Group", "StampBatch", "merged"]


@dataclass(frozen=True, repr=False)
class StampBatch:
    """Stamps as arrays; row b of each belongs to input ``index[b]``.

    Stamps of fewer levels than the widest have their outer levels missing.

    Attributes
    ----------
    index : ndarray of intp, shape (B,)
        Which inputs were decoded, ascending.
    errors : dict of int to FormatError
        Inputs that were rejected, and why.
    n : ndarray of int64, shape (B,)
        Levels of each stamp.
    dx, dy : ndarray of float32, shape (B,)
        Source position minus the reference corner [base pixel].
    ra, dec : ndarray of float64, shape (B,)
        Source position [deg]; NaN without a WCS.
    cd : ndarray of float32, shape (B, 2, 2)
        CD matrix of the base pixel [deg/pixel]; NaN without a WCS.
    levels : ndarray of float32, shape (B, n, 15, 15), or None
        Image levels; None when the plane was not asked for.
    variance : ndarray of float32, shape (B, n, 15, 15), or None
        Variance levels, NaN where missing or absent; None when no stamp has any.
    mask : ndarray of uint16, shape (B, n, 15, 15), or None
        Mask levels, 0 where absent; None when no stamp has any.
    psf : ndarray of float32, shape (B, s, s), or None
        PSFs, padded with zeros to the largest; NaN where absent.
    ids, bands : tuple of (str or None)
    mask_planes : tuple of tuple of str
        Names of each stamp's mask bits.
    flux_units : tuple of str
        FITS unit string of each image, per base pixel [PL-1].
    zero, scale : ndarray of float32, shape (B, n)
        Steps of images encoded as ``i2`` [EN-2]; NaN for ``f4`` and for levels that are not there.
    unit : ndarray of float32, shape (B,)
        Unit of variances encoded as ``log8`` [EN-5]; 0 for ``f4``, NaN where there are none.
    psf_sizes : ndarray of int64, shape (B,)
        Side of each PSF before padding [base pixel]; 0 where there is none.
    """

    index: npt.NDArray[np.intp]
    errors: dict[int, FormatError]
    n: npt.NDArray[np.int64]
    dx: npt.NDArray[np.float32]
    dy: npt.NDArray[np.float32]
    ra: npt.NDArray[np.float64]
    dec: npt.NDArray[np.float64]
    cd: npt.NDArray[np.float32]
    levels: npt.NDArray[np.float32] | None
    variance: npt.NDArray[np.float32] | None
    mask: npt.NDArray[np.uint16] | None
    psf: npt.NDArray[np.float32] | None
    ids: tuple[str | None, ...]
    bands: tuple[str | None, ...]
    mask_planes: tuple[tuple[str, ...], ...]
    flux_units: tuple[str, ...]
    zero: npt.NDArray[np.float32]
    scale: npt.NDArray[np.float32]
    unit: npt.NDArray[np.float32]
    psf_sizes: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.index)

    def __repr__(self) -> str:
        planes = [
            name
            for name, array in (
                ("image", self.levels), ("variance", self.variance), ("mask", self.mask),
                ("psf", self.psf),
            )
            if array is not None
        ]  # fmt: skip
        levels = "/".join(str(n) for n in np.unique(self.n).tolist()) or "no"
        rejected = f", {len(self.errors)} rejected" if self.errors else ""
        return f"<StampBatch: {len(self)} stamps of {levels} levels, {', '.join(planes)}{rejected}>"


@dataclass
class Group:
    """Stamps of one form.

    Attributes
    ----------
    rows : ndarray of intp, shape (B,)
        Their numbers in the input.
    n : int
        Number of levels.
    arrays : dict of str to ndarray
        Decoded planes, and `dx`, `dy`, `ra`, `dec`, `cd`, `zero`, `scale`, `unit` and `psf_size`,
        as far as they have them.
    ids, bands, units, names : list
        Texts of each stamp, and the names of its mask's bits.
    """

    rows: npt.NDArray[np.intp]
    n: int
    arrays: dict[str, npt.NDArray[Any]] = field(default_factory=dict)
    ids: list[str | None] = field(default_factory=list)
    bands: list[str | None] = field(default_factory=list)
    names: list[tuple[str, ...]] = field(default_factory=list)
    units: list[str] = field(default_factory=list)


def merged(groups: list[Group], rejected: dict[int, FormatError], planes: set[str]) -> StampBatch:
    """Arrays of all stamps from those of groups of one form."""
    order = np.concatenate([g.rows for g in groups]) if groups else np.zeros(0, dtype=np.intp)
    index = np.sort(order)
    count = len(index)
    widest = max((g.n for g in groups), default=MIN_LEVELS)
    places = [np.searchsorted(index, g.rows) for g in groups]

    def gather(name: str, shape: tuple[int, ...], dtype: Any, fill: float) -> npt.NDArray[Any]:
        if len(groups) == 1 and name in groups[0].arrays:
            return groups[0].arrays[name].reshape(count, *shape).astype(dtype, copy=False)
        out = np.full((count, *shape), fill, dtype=dtype)
        for group, place in zip(groups, places, strict=True):
            if (values := group.arrays.get(name)) is not None:
                inner: tuple[Any, ...] = tuple(slice(0, size) for size in values.shape[1:])
                out[(place, *inner)] = values
        return out

    def plane(name: str, dtype: Any, fill: float) -> npt.NDArray[Any] | None:
        if not any(name in g.arrays for g in groups) and not (name == "image" and name in planes):
            return None
        return gather(name, (widest, GRID, GRID), dtype, fill)

    ids: list[str | None] = [None] * count
    bands: list[str | None] = [None] * count
    names: list[tuple[str, ...]] = [()] * count
    units = [""] * count
    counts = np.zeros(count, dtype=np.int64)
    for group, place in zip(groups, places, strict=True):
        counts[place] = group.n
        if len(groups) == 1:
            ids, bands, names, units = group.ids, group.bands, group.names, group.units
            break
        texts = zip(place.tolist(), group.ids, group.bands, group.names, group.units, strict=True)
        for row, name, band, planes_named, unit in texts:
            ids[row], bands[row], names[row], units[row] = name, band, planes_named, unit
    return StampBatch(
        index=index,
        errors=rejected,
        n=counts,
        dx=gather("dx", (), np.float32, np.nan),
        dy=gather("dy", (), np.float32, np.nan),
        ra=gather("ra", (), np.float64, np.nan),
        dec=gather("dec", (), np.float64, np.nan),
        cd=gather("cd", (4,), np.float32, np.nan).reshape(count, 2, 2),
        levels=plane("image", np.float32, np.nan),
        variance=plane("variance", np.float32, np.nan),
        mask=plane("mask", np.uint16, 0),
        psf=_psfs(groups, places, count),
        ids=tuple(ids),
        bands=tuple(bands),
        mask_planes=tuple(names),
        flux_units=tuple(units),
        zero=gather("zero", (widest,), np.float32, np.nan),
        scale=gather("scale", (widest,), np.float32, np.nan),
        unit=gather("unit", (), np.float32, np.nan),
        psf_sizes=gather("psf_size", (), np.int64, 0),
    )


def _psfs(
    groups: list[Group], places: list[npt.NDArray[np.intp]], count: int
) -> npt.NDArray[np.float32] | None:
    sides = [g.arrays["psf"].shape[-1] for g in groups if "psf" in g.arrays]
    if not sides:
        return None
    side = max(sides)
    if len(groups) == 1:
        return groups[0].arrays["psf"]
    out = np.full((count, side, side), np.nan, dtype=np.float32)
    for group, place in zip(groups, places, strict=True):
        if (values := group.arrays.get("psf")) is None:
            continue
        start = (side - values.shape[-1]) // 2
        stop = start + values.shape[-1]
        out[place] = 0.0
        out[place, start:stop, start:stop] = values
    return out
