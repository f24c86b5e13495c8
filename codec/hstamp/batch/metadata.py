"""What a batch's stamps carry besides pixels, as columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..encodings.psf import encode_psf
from ..errors import InputError
from ..planes import PsfPlane
from ..tangent import ParentWcs, Wcs, parent_cd, parent_cds

__all__ = ["Metadata", "metadata_of"]

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Metadata:
    """What a batch's stamps carry besides pixels."""

    band: str | None
    flux_unit: str
    ids: Sequence[str] | None
    ra: Array | None
    dec: Array | None
    cd: Array | None
    psf: PsfPlane | None
    psf_data: Array | None


def metadata_of(
    count: int,
    band: str | None,
    flux_unit: str,
    ids: Sequence[str] | None,
    wcs: Sequence[Wcs | ParentWcs] | ParentWcs | None,
    xs: Array,
    ys: Array,
    psf: npt.ArrayLike | None,
    psf_size: int | None,
) -> Metadata:
    """Check and gather what `encode_many` was given besides pixels; raise `InputError`."""
    if ids is not None:
        if len(ids) != count:
            raise InputError(f"{len(ids)} identifiers for {count} sources")
        for text in ids:
            if len(text) > 128 or not (text.isascii() and text.isprintable()):
                raise InputError(f"identifier {text!r} is not up to 128 printable ASCII characters")
    ra = dec = cd = None
    if wcs is not None:
        planes = _tangent_planes(wcs, xs, ys)
        ra = np.array([plane.ra for plane in planes], dtype="<f8") % 360.0 % 360.0
        dec = np.array([plane.dec for plane in planes], dtype="<f8")
        cd = np.array([(p.cd1_1, p.cd1_2, p.cd2_1, p.cd2_2) for p in planes], dtype="<f4").reshape(
            -1, 4
        )
        wide = cd.astype(np.float64)
        determinant = wide[:, 0] * wide[:, 3] - wide[:, 1] * wide[:, 2]
        good = np.isfinite(ra) & (np.abs(dec) <= 90) & np.isfinite(determinant) & (determinant != 0)
        if not good.all():
            raise InputError(f"the WCS of source {int(np.argmin(good))} is not usable")
    plane, data = _psf_columns(psf, psf_size, count)
    return Metadata(band, flux_unit, ids, ra, dec, cd, plane, data)


def _tangent_planes(
    wcs: Sequence[Wcs | ParentWcs] | ParentWcs, xs: Array, ys: Array
) -> Sequence[Wcs]:
    if not isinstance(wcs, Sequence):
        return parent_cds(wcs, xs, ys)
    if len(wcs) != len(xs):
        raise InputError(f"{len(wcs)} WCS for {len(xs)} sources")
    return [
        one if isinstance(one, Wcs) else parent_cd(one, float(x), float(y))
        for one, x, y in zip(wcs, xs, ys, strict=True)
    ]


def _psf_columns(
    psf: npt.ArrayLike | None, psf_size: int | None, count: int
) -> tuple[PsfPlane | None, Array | None]:
    if psf is None:
        return None, None
    array = np.asarray(psf, dtype=np.float64)
    if array.ndim == 2:
        return encode_psf(array, psf_size), None
    if array.ndim != 3 or len(array) != count or not count:
        raise InputError(f"psf has shape {array.shape}; it must be (h, w) or ({count}, h, w)")
    encoded = [encode_psf(one, psf_size) for one in array]
    data = np.frombuffer(b"".join(one.data for one in encoded), "<i2")
    return encoded[0], data.reshape(count, -1)
