"""Decode many blobs into arrays over stamps."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ..errors import FormatError, InputError, shown
from ..fast import kernels
from ..fast.protocol import PLANES
from ..layout import GRID, MIN_LEVELS
from ..planes import Record, VariancePlane, Wcs
from ..stamp import Stamp
from .checks import checked
from .columns import Shape, shape_of

__all__ = ["StampBatch", "decode_buffer", "decode_many"]

_NUMPY_COST: Final = 2e-5
"""What a plane of one stamp takes without compiled kernels [s]."""
_FEW: Final = 4
"""Below this many blobs, looking for a common shape costs more than it saves."""


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
class _Group:
    """Stamps of one shape: their rows in the input and their decoded arrays."""

    rows: npt.NDArray[np.intp]
    record: Record
    arrays: dict[str, npt.NDArray[Any]] = field(default_factory=dict)
    ids: tuple[str | None, ...] = ()


def decode_many(
    blobs: Sequence[bytes],
    *,
    planes: Collection[str] = PLANES,
    errors: str = "raise",
) -> StampBatch:
    """Decode blobs into arrays over stamps.

    Parameters
    ----------
    blobs : sequence of bytes
        Stamps in the single-object form.
    planes : collection of {'image', 'variance', 'mask', 'psf'}
        What to decode; every stamp is checked completely all the same.
    errors : {'raise', 'collect'}
        Raise at the first stamp that is not valid, or leave it out and report it in
        `StampBatch.errors`.

    Returns
    -------
    StampBatch

    Raises
    ------
    FormatError
        With ``errors='raise'``: the first rejected input; its reason names the input's number.
    """
    wanted = _wanted(planes)
    if not isinstance(errors, str) or errors not in ("raise", "collect"):
        raise InputError(f"errors must be 'raise' or 'collect', not {shown(errors)}")
    groups, rejected = _grouped(_checked_blobs(blobs), wanted)
    if rejected and errors == "raise":
        first = min(rejected)
        fault = rejected[first]
        raise FormatError(fault.code, f"stamp {first}: {fault.reason}") from fault
    return _merged(groups, rejected, wanted)


def decode_buffer(
    buffer: npt.NDArray[np.uint8],
    offsets: npt.NDArray[np.int64],
    *,
    planes: Collection[str] = PLANES,
    errors: str = "raise",
) -> StampBatch:
    """Decode blobs that lie one behind another; otherwise as `decode_many`.

    Parameters
    ----------
    buffer : ndarray of uint8, shape (L,)
        Bytes that hold the blobs.
    offsets : ndarray of int64, shape (B + 1,)
        Blob b is ``buffer[offsets[b]:offsets[b + 1]]``.
    planes, errors
        As in `decode_many`.

    Raises
    ------
    InputError
        If the offsets descend or lie outside the buffer.
    FormatError
        As in `decode_many`.
    """
    buffer, offsets = np.asarray(buffer), np.asarray(offsets)
    if buffer.dtype != np.uint8 or buffer.ndim != 1:
        raise InputError(f"buffer must be bytes, not {buffer.dtype} of {buffer.ndim} axes")
    if offsets.dtype != np.int64 or offsets.ndim != 1 or not len(offsets):
        raise InputError(f"offsets must be int64, not {offsets.dtype} of shape {offsets.shape}")
    if offsets[0] < 0 or offsets[-1] > len(buffer) or (np.diff(offsets) < 0).any():
        raise InputError("offsets must ascend within the buffer")
    bounds = offsets.tolist()
    blobs = [buffer[i:j].tobytes() for i, j in pairwise(bounds)]
    return decode_many(blobs, planes=planes, errors=errors)


def _wanted(planes: Collection[str]) -> set[str]:
    given = (planes,) if isinstance(planes, str) else planes
    try:
        wanted = set(given)
    except TypeError:
        raise InputError(f"planes must be names out of {PLANES}, not {shown(planes)}") from None
    if unknown := wanted - set(PLANES):
        raise InputError(f"unknown planes {sorted(map(repr, unknown))}; there are {PLANES}")
    return wanted


def _checked_blobs(blobs: Any) -> Sequence[bytes]:
    """Return a sequence of bytes; raise `InputError` for anything else."""
    if isinstance(blobs, np.ndarray) and blobs.ndim == 1:
        blobs = blobs.tolist()
    if isinstance(blobs, str | bytes | bytearray | memoryview) or not isinstance(blobs, Sequence):
        raise InputError(f"blobs must be a sequence of bytes, not {type(blobs).__name__}")
    if set(map(type, blobs)) <= {bytes}:
        return blobs
    for i, blob in enumerate(blobs):
        if not isinstance(blob, bytes | bytearray | memoryview):
            raise InputError(f"stamp {i} is {type(blob).__name__}, not bytes")
    return [bytes(blob) for blob in blobs]


def _grouped(
    blobs: Sequence[bytes], planes: set[str]
) -> tuple[list[_Group], dict[int, FormatError]]:
    by_length: dict[int, list[int]] = {}
    for i, blob in enumerate(blobs):
        by_length.setdefault(len(blob), []).append(i)
    groups: list[_Group] = []
    rejected: dict[int, FormatError] = {}
    for length, members in by_length.items():
        rows = np.array(members, dtype=np.intp)
        while len(rows):
            shape = _shape_or_none(blobs[rows[0]]) if len(rows) >= _FEW else None
            if shape is None:
                _one_by_one(blobs, rows[:1], planes, groups, rejected)
                rows = rows[1:]
                continue
            joined = b"".join(
                blobs if len(rows) == len(blobs) else [blobs[i] for i in rows.tolist()]
            )
            matrix = np.frombuffer(joined, np.uint8).reshape(len(rows), length)
            same = shape.matches(matrix)
            alike = matrix if same.all() else matrix[same]
            group, good = _decoded(shape, alike, rows[same], planes)
            if group is not None:
                groups.append(group)
            _one_by_one(blobs, rows[same][~good], planes, groups, rejected)
            rows = rows[~same]
    return groups, rejected


def _shape_or_none(blob: bytes) -> Shape | None:
    try:
        return shape_of(blob)
    except FormatError:
        return None


def _one_by_one(
    blobs: Sequence[bytes],
    rows: npt.NDArray[np.intp],
    planes: set[str],
    groups: list[_Group],
    rejected: dict[int, FormatError],
) -> None:
    for i in rows.tolist():
        try:
            stamp = Stamp.from_bytes(blobs[i])
        except FormatError as error:
            rejected[i] = error
            continue
        groups.append(_single(stamp, i, planes))


def _single(stamp: Stamp, row: int, planes: set[str]) -> _Group:
    record = stamp.record
    arrays = {
        "dx": np.array([record.dx]),
        "dy": np.array([record.dy]),
        **_wcs_arrays(record.wcs),
    }
    if record.image.encoding == "i2":
        arrays |= {"zero": np.array([record.image.zero]), "scale": np.array([record.image.scale])}
    if record.variance is not None:
        arrays["unit"] = np.array([_unit_of(record.variance)])
    for name, value in (
        ("image", stamp.levels if "image" in planes else None),
        ("variance", stamp.variance if "variance" in planes else None),
        ("mask", stamp.mask if "mask" in planes else None),
        ("psf", stamp.psf if "psf" in planes else None),
    ):
        if value is not None:
            arrays[name] = value[None]
    return _Group(np.array([row]), record, arrays, (record.id,))


def _unit_of(plane: VariancePlane) -> float:
    return plane.unit if plane.encoding == "log8" else 0.0


def _wcs_arrays(wcs: Wcs | None) -> dict[str, npt.NDArray[Any]]:
    if wcs is None:
        return {}
    return {
        "ra": np.array([wcs.ra]),
        "dec": np.array([wcs.dec]),
        "cd": np.array([[wcs.cd1_1, wcs.cd1_2, wcs.cd2_1, wcs.cd2_2]]),
    }


def _decoded(
    shape: Shape, matrix: npt.NDArray[np.uint8], rows: npt.NDArray[np.intp], planes: set[str]
) -> tuple[_Group | None, npt.NDArray[np.bool_]]:
    """Decode rows of one shape; rows that fail a check are left to the one-by-one path."""
    good = checked(shape, matrix)
    if not good.any():
        return None, good
    matrix, record = matrix[good], shape.record
    group = _Group(rows[good], record)
    for name, dtype in (("dx", "<f4"), ("dy", "<f4"), ("ra", "<f8"), ("dec", "<f8"), ("cd", "<f4")):
        if name in shape.places:
            column = shape.column(matrix, name, dtype)
            group.arrays[name] = column if name == "cd" else column[:, 0]
    if "scale" in shape.places:
        for name in ("zero", "scale"):
            group.arrays[name] = shape.column(matrix, name, "<f4")
    if record.variance is not None:
        units = shape.column(matrix, "unit", "<f4")[:, 0]
        group.arrays["unit"] = units if record.variance.encoding == "log8" else np.zeros_like(units)
    wanted = [name for name in PLANES if name in planes]
    work = kernels(_NUMPY_COST * len(matrix) * len(wanted))
    for name in wanted:
        if (encoded := shape.encoded(matrix, name)) is not None:
            group.arrays[name] = work.decode(name, encoded)
    if "id" in shape.places:
        texts = shape.column(matrix, "id", "u1")
        joined, width = texts.tobytes().decode("ascii"), texts.shape[1]
        group.ids = tuple(joined[i : i + width] for i in range(0, len(joined), width))
    else:
        group.ids = (record.id,) * len(matrix)
    return group, good


def _merged(groups: list[_Group], rejected: dict[int, FormatError], planes: set[str]) -> StampBatch:
    order = np.concatenate([g.rows for g in groups]) if groups else np.zeros(0, dtype=np.intp)
    index = np.sort(order)
    count = len(index)
    widest = max((g.record.levels for g in groups), default=MIN_LEVELS)
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
    flux_units = [""] * count
    counts, sizes = np.zeros(count, dtype=np.int64), np.zeros(count, dtype=np.int64)
    if len(groups) == 1:
        record = groups[0].record
        ids, bands = list(groups[0].ids), [record.band] * count
        names = [() if record.mask is None else record.mask.planes] * count
        flux_units = [record.flux_unit] * count
        counts[:] = record.levels
    for group, place in zip(groups, places, strict=True):
        sizes[place] = 0 if group.record.psf is None else group.record.psf.size
    for group, place in zip(groups, places, strict=True) if len(groups) > 1 else ():
        counts[place] = group.record.levels
        for row, text in zip(place.tolist(), group.ids, strict=True):
            ids[row] = text
            bands[row] = group.record.band
            flux_units[row] = group.record.flux_unit
            names[row] = () if group.record.mask is None else group.record.mask.planes
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
        flux_units=tuple(flux_units),
        zero=gather("zero", (widest,), np.float32, np.nan),
        scale=gather("scale", (widest,), np.float32, np.nan),
        unit=gather("unit", (), np.float32, np.nan),
        psf_sizes=sizes,
    )


def _psfs(
    groups: list[_Group], places: list[npt.NDArray[np.intp]], count: int
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
