"""Encode many sources into blobs: groups of one form, and the fault of each source that has one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, Literal, TypedDict, Unpack, overload

import numpy as np
import numpy.typing as npt

from ..encoder import (
    Options,
    Sources,
    encode_planes,
    n_of,
    names_of,
)
from ..errors import InputError, shown
from ..inputs import plain_inputs, plain_position
from ..layout import layout_of, positions_usable, reference_corners
from ..parents import Check, Parents, as_bits, as_flags, as_plane, parents_of, real_array
from ..tangent import ParentWcs, Wcs
from .assembly import Labels, assembled
from .labels import psfs_of, tangents_of, texts_of

if TYPE_CHECKING:
    from astropy.units import UnitBase

__all__ = ["EncodedBatch", "encode_many"]

_CHUNK_BYTES: Final = 32 * 2**20
"""Window pixels gathered at a time [byte], so that a visit does not need its windows in memory."""

Array = npt.NDArray[Any]
Each = npt.ArrayLike | Sequence[npt.ArrayLike | None]
"""One array for all sources, or one for each."""


class EncodedBatch(list[bytes | None]):
    """Blobs of a batch, None for each source that could not be encoded.

    Attributes
    ----------
    errors : dict of int to InputError
        Sources that could not be encoded, and why, in ascending order.
    """

    def __init__(self, blobs: Sequence[bytes | None], errors: Mapping[int, InputError]) -> None:
        super().__init__(blobs)
        self.errors = dict(sorted(errors.items()))

    def __repr__(self) -> str:
        size = sum(len(blob) for blob in self if blob is not None)
        return f"<EncodedBatch: {len(self) - len(self.errors)} of {len(self)} stamps, {size} bytes>"


class EncodeOptions(TypedDict, total=False):
    """Keywords of `encode_many`."""

    levels: int | None
    encoding: str
    variance: Each | None
    variance_encoding: str
    mask: Each | None
    mask_planes: Sequence[str] | None
    psf: Each | None
    psf_size: int | None
    wcs: Sequence[Wcs | ParentWcs | None] | ParentWcs | None
    band: str | Sequence[str | None] | None
    flux_unit: str | UnitBase | None
    ids: Sequence[str | None] | None
    unusable: Each | None
    step: float


@overload
def encode_many(
    image: Each,
    x: npt.ArrayLike,
    y: npt.ArrayLike,
    *,
    errors: Literal["raise"] = "raise",
    **options: Unpack[EncodeOptions],
) -> list[bytes]: ...


@overload
def encode_many(
    image: Each,
    x: npt.ArrayLike,
    y: npt.ArrayLike,
    *,
    errors: Literal["collect"],
    **options: Unpack[EncodeOptions],
) -> EncodedBatch: ...


def encode_many(
    image: Each,
    x: npt.ArrayLike,
    y: npt.ArrayLike,
    *,
    levels: int | None = 5,
    encoding: str = "i2",
    variance: Each | None = None,
    variance_encoding: str = "log8",
    mask: Each | None = None,
    mask_planes: Sequence[str] | None = None,
    psf: Each | None = None,
    psf_size: int | None = 21,
    wcs: Sequence[Wcs | ParentWcs | None] | ParentWcs | None = None,
    band: str | Sequence[str | None] | None = None,
    flux_unit: str | UnitBase | None = None,
    ids: Sequence[str | None] | None = None,
    unusable: Each | None = None,
    step: float = Options.step,
    errors: str = "raise",
) -> list[bytes] | EncodedBatch:
    """Encode stamps of many sources.

    Gives the bytes of ``encode(...).to_bytes()`` for each source.

    Parameters
    ----------
    image : array_like, Quantity, NDData, CCDData or Cutout2D, or sequence of B of these
        One parent of all sources, shape (H, W), or one parent of each, (B, H, W); in a sequence
        they may differ in shape [flux_unit per pixel].
    x, y : array_like, shape (B,)
        Source positions [parent pixel, 0-based].
    levels : int or None
        Number of levels; None takes for each source the largest that its parent covers.
    encoding, variance_encoding, step
        As in `hstamp.encode`.
    variance, mask, unusable : as `image`, optional
        As in `hstamp.encode`; in a sequence, None where a source has none.
    mask_planes : sequence of str, optional
        Names of the masks' bits.
    psf : array_like, shape (h, w) or (B, h, w), or sequence of B arrays or None, optional
        One PSF for all sources, or one each.
    psf_size : int or None
        Side of the stored PSFs; None keeps each parent's longer side.
    wcs : astropy.wcs.WCS, other APE-14 WCS, callable, or sequence, optional
        The common parent's WCS; or for each source its tangent plane, its parent's WCS, or None.
    band : str or sequence of (str or None), optional
        One for all sources, or one each.
    flux_unit : str or astropy unit, optional
        As in `hstamp.encode`.
    ids : sequence of (str or None), optional
        One identifier for each source.
    errors : {'raise', 'collect'}
        Raise at the first source that cannot be encoded, or encode the others.

    Returns
    -------
    list of bytes, length B
        With ``errors='collect'`` an `EncodedBatch`: None where a source could not be encoded, and
        the reasons in its ``errors``.

    Raises
    ------
    InputError
        If what is given for all sources cannot be used; with ``errors='raise'`` also the fault of
        the first source that has one, whose number its reason names.
    """
    if not isinstance(errors, str) or errors not in ("raise", "collect"):
        raise InputError(f"errors must be 'raise' or 'collect', not {shown(errors)}")
    options = Options(encoding, variance_encoding, psf_size, step)
    given = plain_inputs(
        image, variance=variance, mask=mask, mask_planes=mask_planes, psf=psf, psf_size=psf_size,
        unusable=unusable, wcs=wcs, flux_unit=flux_unit,
    )  # fmt: skip
    names = names_of(given.mask, given.mask_planes)
    xs, ys = (
        real_array(plain_position(v, name), name).astype(np.float64)
        for v, name in ((x, "x"), (y, "y"))
    )
    if xs.ndim != 1 or xs.shape != ys.shape:
        raise InputError(f"x and y must be one-dimensional and equal, not {xs.shape}, {ys.shape}")
    count = len(xs)
    faults: dict[int, InputError] = {
        row: InputError(f"({xs[row]}, {ys[row]}) is not a pixel position")
        for row in np.flatnonzero(~positions_usable(xs, ys)).tolist()
    }
    pixels = parents_of(given.image, "image", as_plane, faults, count)

    def plane(values: Any, name: str, check: Check) -> Parents | None:
        return None if values is None else parents_of(values, name, check, faults, count, pixels)

    planes = (
        plane(given.variance, "variance", as_plane),
        plane(given.mask, "mask", as_bits),
        plane(given.unusable, "unusable", as_flags),
    )
    labels = Labels(
        xs, ys,
        tangents_of(given.wcs, xs, ys, faults),
        texts_of(band, "band", count, True),
        given.flux_unit,
        texts_of(ids, "ids", count, False),
        psfs_of(given.psf, count, options, faults),
    )  # fmt: skip
    good = np.array([row not in faults for row in range(count)], dtype=np.bool_)
    i0, j0 = reference_corners(np.where(good, xs, 0.0), np.where(good, ys, 0.0))

    blobs: list[bytes | None] = [None] * count
    for sources in _groups(levels, pixels, planes, good, i0, j0):
        part = labels.part(sources.rows)
        made = assembled(encode_planes(sources, options), sources, part, names)
        for row, blob in zip(sources.rows.tolist(), made, strict=True):
            if isinstance(blob, InputError):
                faults[row] = blob
            else:
                blobs[row] = blob
    if errors == "collect":
        return EncodedBatch(blobs, faults)
    if faults:
        first = min(faults)
        raise InputError(f"source {first}: {faults[first].reason}") from faults[first]
    return [blob for blob in blobs if blob is not None]


def _groups(
    levels: int | None,
    image: Parents,
    planes: tuple[Parents | None, Parents | None, Parents | None],
    good: npt.NDArray[np.bool_],
    i0: Array,
    j0: Array,
) -> Iterator[Sources]:
    """Sources of one form, a bounded number at a time."""
    rows = np.flatnonzero(good)
    lists = [p.images for p in planes if p is not None and isinstance(p.images, list)]
    groups: dict[tuple[Any, ...], Any] = {}
    if levels is not None and not lists:
        n = n_of(levels, image, 0, 0, 0)
        if len(rows):
            groups[(n,)] = rows
    else:
        for row in rows.tolist():
            n = n_of(levels, image, row, int(i0[row]), int(j0[row]))
            groups.setdefault((n, *(given[row] is None for given in lists)), []).append(row)
    for (n, *_), members in groups.items():
        part = np.array(members, dtype=np.intp)
        variance, mask, unusable = (
            None if p is None or p.of(int(part[0])) is None else p for p in planes
        )
        sources = Sources(n, part, i0[part], j0[part], image, variance, mask, unusable)
        chunk = max(1, _CHUNK_BYTES // (4 * layout_of(n).side ** 2))
        for start in range(0, len(part), chunk):
            yield sources.part(np.arange(start, min(start + chunk, len(part))))
