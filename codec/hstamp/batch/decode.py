"""Decode many blobs into arrays over stamps."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ..decoder import fill_levels
from ..encodings.image import dequantise
from ..encodings.mask import MASK_ENCODINGS
from ..encodings.variance import LEVEL_VALUES, MANTISSAS, decode_log8
from ..errors import FormatError, InputError
from ..fast import compiled
from ..layout import GRID, size_of
from ..planes import MaskPlane, Record, Wcs
from ..stamp import Stamp
from ..values import mean_children, or_children, variance_children
from .columns import Shape, shape_of

__all__ = ["PLANES", "StampBatch", "decode_many"]

PLANES: Final = ("image", "variance", "mask", "psf")
_NUMPY_COST: Final = 2e-5
"""What a plane of one stamp takes without compiled kernels [s]."""
_CHUNK: Final = 128
"""Stamps that numpy handles at a time."""
_FEW: Final = 4
"""Below this many blobs, looking for a common shape costs more than it saves."""


@dataclass(frozen=True)
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

    def __len__(self) -> int:
        return len(self.index)


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
    if unknown := set(planes) - set(PLANES):
        raise InputError(f"unknown planes {sorted(unknown)}; there are {PLANES}")
    if errors not in ("raise", "collect"):
        raise InputError(f"errors must be 'raise' or 'collect', not {errors!r}")
    groups, rejected = _grouped(blobs, set(planes))
    if rejected and errors == "raise":
        first = min(rejected)
        fault = rejected[first]
        raise FormatError(fault.code, f"stamp {first}: {fault.reason}") from fault
    return _merged(groups, rejected, set(planes))


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
    for name, value in (
        ("image", stamp.levels if "image" in planes else None),
        ("variance", stamp.variance if "variance" in planes else None),
        ("mask", stamp.mask if "mask" in planes else None),
        ("psf", stamp.psf if "psf" in planes else None),
    ):
        if value is not None:
            arrays[name] = value[None]
    return _Group(np.array([row]), record, arrays, (record.id,))


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
    good = _checked(shape, matrix)
    if not good.any():
        return None, good
    matrix, record = matrix[good], shape.record
    group = _Group(rows[good], record)
    for name, dtype in (("dx", "<f4"), ("dy", "<f4"), ("ra", "<f8"), ("dec", "<f8"), ("cd", "<f4")):
        if name in shape.places:
            column = shape.column(matrix, name, dtype)
            group.arrays[name] = column if name == "cd" else column[:, 0]
    wanted = [name for name in PLANES if name in planes and getattr(record, name) is not None]
    kernels = compiled(_NUMPY_COST * len(matrix) * len(wanted))
    for name in wanted:
        group.arrays[name] = (
            _compiled(name, shape, matrix) if kernels else _plain(name, shape, matrix)
        )
    if "id" in shape.places:
        texts = shape.column(matrix, "id", "u1")
        joined, width = texts.tobytes().decode("ascii"), texts.shape[1]
        group.ids = tuple(joined[i : i + width] for i in range(0, len(joined), width))
    else:
        group.ids = (record.id,) * len(matrix)
    return group, good


def _plain(name: str, shape: Shape, matrix: npt.NDArray[np.uint8]) -> npt.NDArray[Any]:
    """Decode one plane with numpy, a few stamps at a time so that they stay in the cache."""
    decoders: dict[str, Callable[[Shape, npt.NDArray[np.uint8]], npt.NDArray[Any]]]
    decoders = {"image": _image, "variance": _variance, "mask": _mask, "psf": _psf}
    decode = decoders[name]
    parts = [
        decode(shape, matrix[start : start + _CHUNK])
        for start in range(0, max(len(matrix), 1), _CHUNK)
    ]
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def _compiled(name: str, shape: Shape, matrix: npt.NDArray[np.uint8]) -> npt.NDArray[Any]:
    """Decode one plane with the compiled kernels, which give the same bits."""
    from ..fast import planes

    record, count = shape.record, len(matrix)
    if name == "psf":
        assert record.psf is not None
        side = record.psf.size
        psf = np.empty((count, side * side), dtype=np.float32)
        planes.psf_i2(matrix, shape.places["psf"].start, psf)
        return psf.reshape(count, side, side)
    n = record.levels
    if name == "mask" and "mask" not in shape.places:
        return np.zeros((count, n, GRID, GRID), dtype=np.uint16)
    start = shape.places[name].start
    out: npt.NDArray[Any]
    out = np.empty((count, n * GRID * GRID), dtype=np.uint16 if name == "mask" else np.float32)
    if name == "mask":
        assert record.mask is not None
        planes.mask_levels(matrix, start, MASK_ENCODINGS[record.mask.encoding], out)
    elif name == "image" and "scale" in shape.places:
        zero, scale = (shape.column(matrix, k, "<f4").astype(np.float64) for k in ("zero", "scale"))
        planes.image_i2(matrix, start, zero, scale, out)
    elif name == "variance" and record.variance is not None and record.variance.encoding != "f4":
        unit = shape.column(matrix, "unit", "<f4")[:, 0].astype(np.float64)
        planes.levels_log8(matrix, start, unit, LEVEL_VALUES, out)
    else:
        planes.levels_f4(matrix, start, name == "variance", out)
    return out.reshape(count, n, GRID, GRID)


def _image(shape: Shape, matrix: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    n = shape.record.levels
    if shape.record.image.encoding == "f4":
        values = shape.column(matrix, "image", "<f4").astype(np.float32)
    else:
        zero = shape.column(matrix, "zero", "<f4").astype(np.float64)
        scale = shape.column(matrix, "scale", "<f4").astype(np.float64)
        values = dequantise(shape.column(matrix, "image", "<i2"), zero, scale, n)
    return fill_levels(values, n, mean_children)


def _variance(shape: Shape, matrix: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    n, plane = shape.record.levels, shape.record.variance
    assert plane is not None
    if plane.encoding == "f4":
        values = shape.column(matrix, "variance", "<f4").astype(np.float32)
    else:
        unit = shape.column(matrix, "unit", "<f4")[:, 0].astype(np.float64)
        values = decode_log8(shape.column(matrix, "variance", "u1"), unit, n)
    return fill_levels(values, n, variance_children)


def _mask(shape: Shape, matrix: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint16]:
    n, plane = shape.record.levels, shape.record.mask
    assert plane is not None
    if not plane.data:
        return np.zeros((len(matrix), n, GRID, GRID), dtype=np.uint16)
    values = shape.column(matrix, "mask", f"<{plane.encoding}").astype(np.uint16)
    return fill_levels(values, n, or_children)


def _psf(shape: Shape, matrix: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    assert shape.record.psf is not None
    side = shape.record.psf.size
    stored = shape.column(matrix, "psf", "<i2")
    total = stored.sum(axis=1, dtype=np.int64).astype(np.float64)
    psf: npt.NDArray[np.float32] = (stored / total[:, None]).astype(np.float32)
    return psf.reshape(-1, side, side)


def _checked(shape: Shape, matrix: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
    """Whether each row passes the checks of Section 11 that concern what differs in the group.

    A row that fails is checked again by itself, which also finds its code; so a check here may be
    stricter than the specification, never looser.
    """
    try:
        Stamp(shape.record)
    except FormatError:
        return np.zeros(len(matrix), dtype=np.bool_)
    return _numbers_valid(shape, matrix) & _planes_valid(shape, matrix)


def _numbers_valid(shape: Shape, matrix: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
    good = np.ones(len(matrix), dtype=np.bool_)
    for name in ("dx", "dy"):
        good &= np.abs(shape.column(matrix, name, "<f4")[:, 0]) <= 0.5
    if "id" in shape.places:
        text = shape.column(matrix, "id", "u1")
        good &= ((text >= 0x20) & (text <= 0x7E)).all(axis=1)
    if "ra" in shape.places:
        ra, dec = (shape.column(matrix, name, "<f8")[:, 0] for name in ("ra", "dec"))
        cd = shape.column(matrix, "cd", "<f4").astype(np.float64)
        with np.errstate(invalid="ignore", over="ignore"):
            determinant = cd[:, 0] * cd[:, 3] - cd[:, 1] * cd[:, 2]
        good &= (ra >= 0) & (ra < 360) & (np.abs(dec) <= 90)
        good &= np.isfinite(determinant) & (determinant != 0)
    return good


def _planes_valid(shape: Shape, matrix: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
    good = np.ones(len(matrix), dtype=np.bool_)
    record, top = shape.record, float(np.finfo(np.float32).max)
    if "scale" in shape.places:
        zero, scale = (shape.column(matrix, k, "<f4").astype(np.float64) for k in ("zero", "scale"))
        with np.errstate(invalid="ignore"):
            good &= ((scale > 0) & (np.abs(zero) + 32767 * scale <= top)).all(axis=1)
    else:
        good &= ~np.isinf(shape.column(matrix, "image", "<f4")).any(axis=1)
    if record.variance is not None and record.variance.encoding == "f4":
        spread = shape.column(matrix, "variance", "<f4")
        good &= ~((spread < 0) | np.isinf(spread)).any(axis=1)
    elif record.variance is not None:
        unit = shape.column(matrix, "unit", "<f4")[:, 0].astype(np.float64)
        good &= (unit > 0) & (unit * MANTISSAS[13] <= top)
    kernels = compiled(_NUMPY_COST * len(matrix) / 4)
    if "mask" in shape.places and record.mask is not None and len(record.mask.planes) < 16:
        good &= _mask_within(shape, matrix, record.mask, kernels)
    if "psf" in shape.places:
        good &= _psf_valid(shape, matrix, kernels)
    return good


def _mask_within(
    shape: Shape, matrix: npt.NDArray[np.uint8], mask: MaskPlane, kernels: bool
) -> npt.NDArray[np.bool_]:
    """Whether each row sets only bits that have a name (check 19)."""
    good = np.ones(len(matrix), dtype=np.bool_)
    if kernels:
        from ..fast import planes

        width, size = MASK_ENCODINGS[mask.encoding], size_of(shape.record.levels)
        start = shape.places["mask"].start
        planes.mask_within(matrix, start, size, width, len(mask.planes), good)
    else:
        bits = shape.column(matrix, "mask", f"<{mask.encoding}")
        good &= (bits < 1 << len(mask.planes)).all(axis=1)
    return good


def _psf_valid(shape: Shape, matrix: npt.NDArray[np.uint8], kernels: bool) -> npt.NDArray[np.bool_]:
    """Whether each row's PSF is valid (check 20)."""
    good = np.ones(len(matrix), dtype=np.bool_)
    if kernels:
        from ..fast import planes

        place = shape.places["psf"]
        planes.psf_valid(matrix, place.start, (place.stop - place.start) // 2, good)
    else:
        stored = shape.column(matrix, "psf", "<i2")
        good &= (stored.sum(axis=1, dtype=np.int64) > 0) & (stored != -32768).all(axis=1)
    return good


def _merged(groups: list[_Group], rejected: dict[int, FormatError], planes: set[str]) -> StampBatch:
    order = np.concatenate([g.rows for g in groups]) if groups else np.zeros(0, dtype=np.intp)
    index = np.sort(order)
    count = len(index)
    widest = max((g.record.levels for g in groups), default=2)
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
    levels = np.zeros(count, dtype=np.int64)
    if len(groups) == 1:
        record = groups[0].record
        ids, bands = list(groups[0].ids), [record.band] * count
        names = [() if record.mask is None else record.mask.planes] * count
        levels[:] = record.levels
    for group, place in zip(groups, places, strict=True) if len(groups) > 1 else ():
        levels[place] = group.record.levels
        for row, text in zip(place.tolist(), group.ids, strict=True):
            ids[row] = text
            bands[row] = group.record.band
            names[row] = () if group.record.mask is None else group.record.mask.planes
    return StampBatch(
        index=index,
        errors=rejected,
        n=levels,
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
