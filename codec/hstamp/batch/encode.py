"""Encode many sources into blobs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from ..encoder import (
    Options,
    as_bits,
    as_plane,
    plane_names,
    store,
    to_f4,
    true_levels,
    usable_variance,
    without_masked,
)
from ..encodings.image import (
    canonical_f4,
    choose_steps,
    noise_from_levels,
    noise_from_variance,
    quantise,
)
from ..encodings.mask import encode_mask
from ..encodings.psf import encode_psf
from ..encodings.variance import choose_unit, encode_log8
from ..errors import InputError
from ..fast import compiled
from ..layout import Layout, layout_of
from ..planes import (
    FORMAT_VERSION,
    ImagePlane,
    MaskPlane,
    PsfPlane,
    Record,
    VariancePlane,
    Wcs,
)
from ..stamp import encodable
from ..values import mean_children, or_children, variance_children
from .columns import template_of

if TYPE_CHECKING:
    from astropy.wcs import WCS

__all__ = ["encode_many"]

_CHUNK_BYTES: Final = 32 * 2**20
"""Window pixels gathered at a time [byte], so that a visit does not need its windows in memory."""
_NUMPY_COST: Final = 3e-3
"""What encoding one stamp takes without compiled kernels [s]."""

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class _Metadata:
    """What a batch's stamps carry besides pixels."""

    band: str | None
    flux_unit: str
    ids: Sequence[str] | None
    ra: Array | None
    dec: Array | None
    cd: Array | None
    psf: PsfPlane | None
    psf_data: Array | None


def encode_many(
    image: npt.ArrayLike,
    x: npt.ArrayLike,
    y: npt.ArrayLike,
    *,
    levels: int = 5,
    encoding: str = "i2",
    variance: npt.ArrayLike | None = None,
    variance_encoding: str = "log8",
    mask: npt.ArrayLike | None = None,
    mask_planes: Sequence[str] | None = None,
    psf: npt.ArrayLike | None = None,
    psf_size: int | None = 21,
    wcs: Sequence[Wcs] | WCS | None = None,
    band: str | None = None,
    flux_unit: str = "nJy",
    ids: Sequence[str] | None = None,
    step: float = Options.step,
) -> list[bytes]:
    """Encode stamps of many sources.

    Gives the bytes of ``encode(...).to_bytes()`` for each source.

    Parameters
    ----------
    image : array_like, shape (H, W) or (B, H, W)
        One parent of all sources, or one parent of each [flux_unit per pixel].
    x, y : array_like, shape (B,)
        Source positions [parent pixel, 0-based].
    levels : int
        Number of levels.
    encoding, variance_encoding, step, band, flux_unit
        As in `hstamp.encode`.
    variance, mask : array_like, shape of `image`, optional
        As in `hstamp.encode`.
    mask_planes : sequence of str, optional
        Names of the mask's bits.
    psf : array_like, shape (h, w) or (B, h, w), optional
        One PSF for all sources, or one each.
    psf_size : int or None
        Side of the stored PSF.
    wcs : sequence of Wcs, or astropy.wcs.WCS, optional
        One tangent plane for each source, or the common parent's WCS.
    ids : sequence of str, optional
        One identifier for each source.

    Returns
    -------
    list of bytes, length B

    Raises
    ------
    InputError
        If the parents, positions or options cannot be encoded.
    """
    options = Options(encoding, variance_encoding, psf_size, step)
    layout = layout_of(levels)
    xs, ys = _positions(x, y)
    pixels = _parents(image, "image", len(xs))
    spread = None if variance is None else _parents(variance, "variance", len(xs), pixels)
    names = None if mask is None else plane_names(mask_planes)
    bits = None if mask is None else _bits(mask, pixels)
    metadata = _metadata(len(xs), band, flux_unit, ids, wcs, xs, ys, psf, psf_size)
    blobs: list[bytes] = []
    chunk = max(1, _CHUNK_BYTES // (4 * layout.side**2))
    for start in range(0, len(xs), chunk):
        rows = slice(start, min(start + chunk, len(xs)))
        corner = _Corners(xs[rows], ys[rows], rows)
        blobs += _encode_chunk(pixels, spread, bits, names, corner, layout, options, metadata)
    return blobs


@dataclass(frozen=True)
class _Corners:
    """Sources of a chunk: positions, reference corners and rows in the batch."""

    x: Array
    y: Array
    rows: slice

    @property
    def i0(self) -> Array:
        return np.floor(self.x).astype(np.int64) + 1

    @property
    def j0(self) -> Array:
        return np.floor(self.y).astype(np.int64) + 1

    def __len__(self) -> int:
        return len(self.x)


def _encode_chunk(
    pixels: Array,
    spread: Array | None,
    bits: Array | None,
    names: tuple[str, ...] | None,
    corners: _Corners,
    layout: Layout,
    options: Options,
    metadata: _Metadata,
) -> list[bytes]:
    n = layout.levels
    columns: dict[str, Array] = {
        "dx": (corners.x - (corners.i0 - 0.5)).astype("<f4"),
        "dy": (corners.y - (corners.j0 - 0.5)).astype("<f4"),
    }
    planes = _compiled_columns if compiled(_NUMPY_COST * len(corners)) else _plain_columns
    image_plane, variance_plane, stored_mask = planes(
        pixels, spread, bits, corners, layout, options, columns
    )
    record = Record(
        FORMAT_VERSION, n, None, metadata.band, metadata.flux_unit, 0.0, 0.0, None,
        image_plane, variance_plane, None, metadata.psf,
    )  # fmt: skip
    return _assemble(record, columns, stored_mask, names, metadata, corners.rows)


def _plain_columns(
    pixels: Array,
    spread: Array | None,
    bits: Array | None,
    corners: _Corners,
    layout: Layout,
    options: Options,
    columns: dict[str, Array],
) -> tuple[ImagePlane, VariancePlane | None, Array | None]:
    """Fill `columns` for image and variance; give their planes and the stored mask."""
    n = layout.levels
    window = to_f4(_windows(pixels, corners, layout, np.nan))
    grids = true_levels(window, n, mean_children)
    stored = store(grids)
    noise = None
    variance_plane = None
    if spread is not None:
        noisy = usable_variance(_windows(spread, corners, layout, np.nan), window)
        stored_variance = store(true_levels(noisy, n, variance_children))
        noise = noise_from_variance(stored_variance, n)
        variance_plane = _variance_columns(stored_variance, n, options, columns)
    if options.encoding == "i2":
        noise = _with_fallback(noise, grids)
    image_plane = _image_columns(stored, n, options, noise, columns)
    stored_mask = None
    if bits is not None:
        marked = _windows(bits, corners, layout, 0).astype(np.uint16)
        stored_mask = store(true_levels(marked, n, or_children))
    return image_plane, variance_plane, stored_mask


def _compiled_columns(
    pixels: Array,
    spread: Array | None,
    bits: Array | None,
    corners: _Corners,
    layout: Layout,
    options: Options,
    columns: dict[str, Array],
) -> tuple[ImagePlane, VariancePlane | None, Array | None]:
    """As `_plain_columns`, through the compiled kernels."""
    from ..fast import encode as fast

    n = layout.levels
    rows, left = corners.j0 + layout.origins[-1], corners.i0 + layout.origins[-1]
    corner = np.zeros(len(corners), dtype=np.int64)
    whole = fast.direct(pixels)
    window = None if whole else to_f4(_windows(pixels, corners, layout, np.nan))
    if window is None:
        parents = _own(pixels, corners)
        grids, stored, clean = fast.means(parents, None, rows, left, n)
    else:
        grids, stored, clean = fast.means(window, None, corner, corner, n)
    stored_variance = variance_plane = None
    if spread is not None:
        if whole and fast.direct(spread):
            spreads = _own(spread, corners)
            _, stored_variance, _ = fast.means(parents, spreads, rows, left, n, clean)
        else:
            if window is None:
                window = to_f4(_windows(pixels, corners, layout, np.nan))
            noisy = usable_variance(_windows(spread, corners, layout, np.nan), window)
            _, stored_variance, _ = fast.means(noisy, noisy, corner, corner, n)
        if options.variance_encoding == "log8":
            unit, columns["variance"] = fast.codes_log8(stored_variance)
            columns["unit"] = unit.astype("<f4")
            variance_plane = VariancePlane("log8", 1.0, bytes(stored.shape[1]))
        else:
            variance_plane = _variance_columns(stored_variance, n, options, columns)
    if options.encoding == "i2":
        noise = fast.noise(stored_variance, grids)
        zero, scale, integers = fast.codes_i2(stored, noise, options.step)
        columns["zero"], columns["scale"] = zero.astype("<f4"), scale.astype("<f4")
        columns["image"] = integers.astype("<i2")
        image_plane = ImagePlane("i2", (0.0,) * n, (1.0,) * n, bytes(2 * stored.shape[1]))
    else:
        image_plane = _image_columns(stored, n, options, None, columns)
    stored_mask = None
    if bits is not None:
        marked = np.ascontiguousarray(_own(bits, corners))
        stored_mask = fast.bits(marked, rows, left, n)
    return image_plane, variance_plane, stored_mask


def _own(parents: Array, corners: _Corners) -> Array:
    """Parents of a chunk's sources: the common one, or one for each."""
    return parents[None] if parents.ndim == 2 else parents[corners.rows]


def _with_fallback(noise: Array | None, grids: Array) -> Array:
    """Noise from the variance where it is known, from the pixels elsewhere [EC-4]."""
    if noise is None:
        return noise_from_levels(grids)
    unknown = np.isnan(noise).all(axis=1)
    if unknown.any():
        noise = noise.copy()
        noise[unknown] = noise_from_levels(grids[unknown])
    return noise


def _image_columns(
    stored: Array, n: int, options: Options, noise: Array | None, columns: dict[str, Array]
) -> ImagePlane:
    if options.encoding == "f4":
        columns["image"] = np.frombuffer(canonical_f4(stored), "<f4").reshape(stored.shape)
        return ImagePlane("f4", (), (), bytes(4 * stored.shape[1]))
    zero, scale = choose_steps(stored, n, noise, options.step)
    columns["zero"], columns["scale"] = zero.astype("<f4"), scale.astype("<f4")
    columns["image"] = quantise(stored, zero, scale, n).astype("<i2")
    return ImagePlane("i2", (0.0,) * n, (1.0,) * n, bytes(2 * stored.shape[1]))


def _variance_columns(
    stored: Array, n: int, options: Options, columns: dict[str, Array]
) -> VariancePlane:
    if options.variance_encoding == "f4":
        columns["variance"] = np.frombuffer(canonical_f4(stored), "<f4").reshape(stored.shape)
        columns["unit"] = np.ones(len(stored), dtype="<f4")
        return VariancePlane("f4", 1.0, bytes(4 * stored.shape[1]))
    unit = choose_unit(stored, n)
    columns["unit"] = unit.astype("<f4")
    columns["variance"] = encode_log8(stored, unit, n)
    return VariancePlane("log8", 1.0, bytes(stored.shape[1]))


def _assemble(
    record: Record,
    columns: dict[str, Array],
    stored_mask: Array | None,
    names: tuple[str, ...] | None,
    metadata: _Metadata,
    rows: slice,
) -> list[bytes]:
    """Write blobs group by group: those with equal mask presence and identifier length."""
    count = rows.stop - rows.start
    if metadata.ra is not None and metadata.dec is not None and metadata.cd is not None:
        columns["ra"], columns["dec"] = metadata.ra[rows], metadata.dec[rows]
        columns["cd"] = metadata.cd[rows]
    if metadata.psf is not None:
        data = metadata.psf_data
        single = np.frombuffer(metadata.psf.data, "<i2")
        columns["psf"] = np.tile(single, (count, 1)) if data is None else data[rows]
    ids = None if metadata.ids is None else list(metadata.ids[rows])
    marked: list[bool] = [False] * count
    if stored_mask is not None:
        marked = [bool(row.any()) for row in stored_mask]
    keys: dict[tuple[bool, int], list[int]] = {}
    for row in range(count):
        keys.setdefault((marked[row], -1 if ids is None else len(ids[row])), []).append(row)
    blobs: list[bytes] = [b""] * count
    for (has_mask, id_length), members in keys.items():
        chosen = np.array(members)
        part = {name: values[chosen] for name, values in columns.items()}
        template = _template(record, metadata, names, has_mask, id_length)
        if has_mask and stored_mask is not None and template.mask is not None:
            part["mask"] = stored_mask[chosen].astype(f"<{template.mask.encoding}")
        if ids is not None:
            joined = "".join(ids[row] for row in members)
            part["id"] = np.frombuffer(joined.encode("latin-1", "replace"), np.uint8)
            part["id"] = part["id"].reshape(len(members), -1)
        shape = template_of(template)
        matrix = shape.rows(part, len(members))
        for row, line in zip(members, matrix, strict=True):
            blobs[row] = line.tobytes()
    return blobs


def _template(
    record: Record,
    metadata: _Metadata,
    names: tuple[str, ...] | None,
    has_mask: bool,
    id_length: int,
) -> Record:
    mask: MaskPlane | None = None
    if names is not None:
        size = layout_of(record.levels).size
        bits = np.full(size, 1 if has_mask else 0, dtype=np.uint16)
        mask = encode_mask(bits, names)
    known = metadata.ra is not None
    return encodable(
        Record(
            record.version,
            record.levels,
            None if id_length < 0 else "x" * id_length,
            record.band,
            record.flux_unit,
            0.0,
            0.0,
            Wcs(0.0, 0.0, 1.0, 0.0, 0.0, 1.0) if known else None,
            record.image,
            record.variance,
            mask,
            record.psf,
        )
    )


def _positions(x: npt.ArrayLike, y: npt.ArrayLike) -> tuple[Array, Array]:
    xs, ys = (np.asarray(v, dtype=np.float64) for v in (x, y))
    if xs.ndim != 1 or xs.shape != ys.shape:
        raise InputError(f"x and y must be one-dimensional and equal, not {xs.shape}, {ys.shape}")
    bad = ~(np.isfinite(xs) & np.isfinite(ys) & (np.maximum(np.abs(xs), np.abs(ys)) < 2**31))
    if bad.any():
        raise InputError(f"source {int(np.argmax(bad))} has no pixel position")
    return xs, ys


def _parents(values: npt.ArrayLike, name: str, count: int, like: Array | None = None) -> Array:
    array = np.asarray(without_masked(values))
    if like is not None and array.shape != like.shape:
        raise InputError(f"{name} has shape {array.shape}, the image {like.shape}")
    if array.ndim == 3 and len(array) != count:
        raise InputError(f"{name} holds {len(array)} parents for {count} sources")
    if array.ndim == 2:
        return as_plane(array, name)
    if array.ndim != 3 or 0 in array.shape[1:]:
        raise InputError(f"{name} must have two or three axes and pixels, not {array.shape}")
    if array.dtype.kind not in "fiub":
        raise InputError(f"{name} must hold real numbers, not {array.dtype}")
    return array if array.dtype.kind == "f" else array.astype(np.float32)


def _bits(mask: npt.ArrayLike, pixels: Array) -> Array:
    array = np.asarray(mask)
    if array.ndim == 3 and array.shape == pixels.shape:
        flat = as_bits(array.reshape(-1, array.shape[-1]), (array.shape[0] * array.shape[1],
                                                            array.shape[2]))  # fmt: skip
        return flat.reshape(array.shape)
    return as_bits(array, pixels.shape)


def _windows(parents: Array, corners: _Corners, layout: Layout, outside: float) -> Array:
    """Gather the widest level's base pixels of each source, shape (B, side, side)."""
    side, origin = layout.side, layout.origins[-1]
    height, width = parents.shape[-2:]
    rows, columns = corners.j0 + origin, corners.i0 + origin
    windows = np.empty((len(corners), side, side), dtype=parents.dtype)
    first = corners.rows.start
    for b, (row, column) in enumerate(zip(rows.tolist(), columns.tolist(), strict=True)):
        parent = parents if parents.ndim == 2 else parents[first + b]
        if row >= 0 and column >= 0 and row + side <= height and column + side <= width:
            windows[b] = parent[row : row + side, column : column + side]
            continue
        windows[b] = outside
        top, left = max(row, 0), max(column, 0)
        bottom, right = min(row + side, height), min(column + side, width)
        if top < bottom and left < right:
            windows[b, top - row : bottom - row, left - column : right - column] = parent[
                top:bottom, left:right
            ]
    return windows


def _metadata(
    count: int,
    band: str | None,
    flux_unit: str,
    ids: Sequence[str] | None,
    wcs: Sequence[Wcs] | WCS | None,
    xs: Array,
    ys: Array,
    psf: npt.ArrayLike | None,
    psf_size: int | None,
) -> _Metadata:
    if ids is not None:
        if len(ids) != count:
            raise InputError(f"{len(ids)} identifiers for {count} sources")
        for text in ids:
            if len(text) > 128 or not (text.isascii() and text.isprintable()):
                raise InputError(f"identifier {text!r} is not up to 128 printable ASCII characters")
    ra = dec = cd = None
    if wcs is not None:
        planes = _tangent_planes(wcs, xs, ys)
        if len(planes) != count:
            raise InputError(f"{len(planes)} WCS for {count} sources")
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
    return _Metadata(band, flux_unit, ids, ra, dec, cd, plane, data)


def _tangent_planes(wcs: Sequence[Wcs] | WCS, xs: Array, ys: Array) -> Sequence[Wcs]:
    if isinstance(wcs, Sequence):
        return wcs
    from ..export.wcs import parent_cds

    return parent_cds(wcs, xs, ys)


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
