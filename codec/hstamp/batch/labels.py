"""What each stamp of a batch carries besides its planes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ..encoder import Options, encoded_psf, encoded_psfs, stored_planes
from ..errors import InputError, as_hstamp_error, shown
from ..parents import one_each, real_array
from ..planes import PsfPlane
from ..tangent import ParentWcs, Wcs, tangent_at, tangent_rows

__all__ = ["psfs_of", "tangents_of", "texts_of"]

_ROWS: Final = 32
"""PSFs that are encoded together: more would not fit a processor's cache."""
Array = npt.NDArray[Any]
Faults = dict[int, InputError]


def texts_of(values: Any, name: str, count: int, one_for_all: bool) -> Sequence[Any]:
    """One text, or None, for each source; given so, or one for all."""
    if values is None or (one_for_all and isinstance(values, str)):
        return (values,) * count
    if isinstance(values, np.ndarray) and values.ndim == 1:
        values = values.tolist()
    if isinstance(values, str | bytes) or not isinstance(values, Sequence):
        raise InputError(f"{name} must be a sequence of texts, not {shown(values)}")
    if len(values) != count:
        raise InputError(f"{name} has {len(values)} texts for {count} sources")
    return values


def tangents_of(
    wcs: Sequence[Wcs | ParentWcs | None] | ParentWcs | None, xs: Array, ys: Array, faults: Faults
) -> Sequence[Wcs | None]:
    """Tangent plane of each source [PL-7]; faults of single sources go to `faults`."""
    if wcs is None:
        return (None,) * len(xs)
    given: Sequence[Any]
    if isinstance(wcs, Sequence):
        given = wcs
    elif isinstance(wcs, np.ndarray) and wcs.ndim == 1:
        given = wcs.tolist()
    else:
        given = tangent_rows(wcs, xs, ys)
    if len(given) != len(xs):
        raise InputError(f"{len(given)} WCS for {len(xs)} sources")
    found: dict[int, Wcs] = {}
    for row, one in enumerate(given):
        if one is None or row in faults:
            continue
        try:
            if isinstance(one, InputError):
                raise one
            found[row] = tangent_at(one, xs[row], ys[row])
        except Exception as error:
            faults[row] = as_input_error(error)
    planes: list[Wcs | None] = [None] * len(xs)
    for row, stored in zip(found, _stored(list(found.values())), strict=True):
        if isinstance(stored, InputError):
            faults[row] = stored
        else:
            planes[row] = stored
    return planes


def _stored(planes: list[Wcs]) -> Sequence[Wcs | InputError]:
    """Tangent planes as they are stored; where one of many cannot be, which shows one by one."""
    try:
        return stored_planes(planes) if planes else []
    except Exception as error:
        if len(planes) == 1:
            return [as_input_error(error)]
    return [stored for plane in planes for stored in _stored([plane])]


def psfs_of(psf: Any, count: int, options: Options, faults: Faults) -> Sequence[PsfPlane | None]:
    """PSF of each source; one for all, (h, w), or one each, (B, h, w) or a sequence."""
    if psf is None:
        return (None,) * count
    given = one_each(psf)
    if given is None and getattr(psf, "ndim", 2) != 3:
        try:
            return (encoded_psf(psf, options),) * count
        except InputError:
            # A nested list may hold one for each source.
            if getattr(psf, "ndim", None) == 2 or np.ndim(psf) != 3:
                raise
    given = psf if given is None else given
    if len(given) != count:
        raise InputError(f"psf holds {len(given)} arrays for {count} sources")
    planes: list[PsfPlane | None] = [None] * count
    for start in range(0, count, _ROWS):
        alike: dict[tuple[int, ...], list[tuple[int, Array]]] = {}
        for row, one in enumerate(given[start : start + _ROWS], start):
            try:
                if one is not None:
                    array = real_array(one, "psf")
                    alike.setdefault(array.shape, []).append((row, array))
            except InputError as fault:
                faults.setdefault(row, fault)
        for members in alike.values():
            rows = [row for row, _ in members]
            for row, made in zip(rows, _encoded([a for _, a in members], options), strict=True):
                if isinstance(made, InputError):
                    faults.setdefault(row, made)
                else:
                    planes[row] = made
    return planes


def _encoded(psfs: Sequence[Array], options: Options) -> Sequence[PsfPlane | InputError]:
    """PSFs of one shape."""
    try:
        return encoded_psfs(psfs, options)
    except InputError as fault:
        return [fault] * len(psfs)


def as_input_error(error: Exception) -> InputError:
    """Give whatever was raised for one source the type that callers expect."""
    known = as_hstamp_error(error)
    return known if isinstance(known, InputError) else InputError(known.reason)
