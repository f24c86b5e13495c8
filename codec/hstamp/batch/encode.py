"""Encode many sources into blobs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from ..encoder import (
    Options,
    plane_names,
    store,
    to_f4,
    true_levels,
    usable_variance,
)
from ..encodings.image import (
    canonical_f4,
    choose_steps,
    noise_from_levels,
    noise_from_variance,
    quantise,
)
from ..encodings.mask import encode_mask
from ..encodings.variance import choose_unit, encode_log8
from ..fast import compiled
from ..inputs import plain_inputs, plain_position
from ..layout import Layout, layout_of
from ..planes import (
    FORMAT_VERSION,
    ImagePlane,
    MaskPlane,
    Record,
    VariancePlane,
)
from ..stamp import encodable
from ..tangent import ParentWcs, Wcs
from ..values import mean_children, or_children, variance_children
from .columns import template_of
from .metadata import Metadata, metadata_of
from .parents import Corners, bits_of, own_parents, parents_of, positions_of, windows_of

if TYPE_CHECKING:
    from astropy.units import UnitBase

__all__ = ["encode_many"]

_CHUNK_BYTES: Final = 32 * 2**20
"""Window pixels gathered at a time [byte], so that a visit does not need its windows in memory."""
_NUMPY_COST: Final = 3e-3
"""What encoding one stamp takes without compiled kernels [s]."""

Array = npt.NDArray[Any]


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
    wcs: Sequence[Wcs | ParentWcs] | ParentWcs | None = None,
    band: str | None = None,
    flux_unit: str | UnitBase | None = None,
    ids: Sequence[str] | None = None,
    step: float = Options.step,
) -> list[bytes]:
    """Encode stamps of many sources.

    Gives the bytes of ``encode(...).to_bytes()`` for each source.

    Parameters
    ----------
    image : array_like, Quantity, NDData, CCDData or Cutout2D, or list of these
        One parent of all sources, shape (H, W), or one parent of each, (B, H, W) [flux_unit per
        pixel].
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
    wcs : astropy.wcs.WCS, other APE-14 WCS, callable, or sequence, optional
        The common parent's WCS; or one for each source, its tangent plane or its parent's WCS.
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
    given = plain_inputs(
        image, variance=variance, mask=mask, mask_planes=mask_planes, psf=psf, psf_size=psf_size,
        wcs=wcs, flux_unit=flux_unit,
    )  # fmt: skip
    xs, ys = positions_of(plain_position(x, "x"), plain_position(y, "y"))
    pixels = parents_of(given.image, "image", len(xs))
    variance, mask = given.variance, given.mask
    spread = None if variance is None else parents_of(variance, "variance", len(xs), pixels)
    names = None if mask is None else plane_names(given.mask_planes)
    bits = None if mask is None else bits_of(mask, pixels)
    metadata = metadata_of(
        len(xs), band, given.flux_unit, ids, given.wcs, xs, ys, given.psf, psf_size
    )
    blobs: list[bytes] = []
    chunk = max(1, _CHUNK_BYTES // (4 * layout.side**2))
    for start in range(0, len(xs), chunk):
        rows = slice(start, min(start + chunk, len(xs)))
        corner = Corners(xs[rows], ys[rows], rows)
        blobs += _encode_chunk(pixels, spread, bits, names, corner, layout, options, metadata)
    return blobs


def _encode_chunk(
    pixels: Array,
    spread: Array | None,
    bits: Array | None,
    names: tuple[str, ...] | None,
    corners: Corners,
    layout: Layout,
    options: Options,
    metadata: Metadata,
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
    corners: Corners,
    layout: Layout,
    options: Options,
    columns: dict[str, Array],
) -> tuple[ImagePlane, VariancePlane | None, Array | None]:
    """Fill `columns` for image and variance; give their planes and the stored mask."""
    n = layout.levels
    window = to_f4(windows_of(pixels, corners, layout, np.nan))
    grids = true_levels(window, n, mean_children)
    stored = store(grids)
    noise = None
    variance_plane = None
    if spread is not None:
        noisy = usable_variance(windows_of(spread, corners, layout, np.nan), window)
        stored_variance = store(true_levels(noisy, n, variance_children))
        noise = noise_from_variance(stored_variance, n)
        variance_plane = _variance_columns(stored_variance, n, options, columns)
    if options.encoding == "i2":
        noise = _with_fallback(noise, grids)
    image_plane = _image_columns(stored, n, options, noise, columns)
    stored_mask = None
    if bits is not None:
        marked = windows_of(bits, corners, layout, 0).astype(np.uint16)
        stored_mask = store(true_levels(marked, n, or_children))
    return image_plane, variance_plane, stored_mask


def _compiled_columns(
    pixels: Array,
    spread: Array | None,
    bits: Array | None,
    corners: Corners,
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
    window = None if whole else to_f4(windows_of(pixels, corners, layout, np.nan))
    if window is None:
        parents = own_parents(pixels, corners)
        grids, stored, clean = fast.means(parents, None, rows, left, n)
    else:
        grids, stored, clean = fast.means(window, None, corner, corner, n)
    stored_variance = variance_plane = None
    if spread is not None:
        if whole and fast.direct(spread):
            spreads = own_parents(spread, corners)
            _, stored_variance, _ = fast.means(parents, spreads, rows, left, n, clean)
        else:
            if window is None:
                window = to_f4(windows_of(pixels, corners, layout, np.nan))
            noisy = usable_variance(windows_of(spread, corners, layout, np.nan), window)
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
        marked = np.ascontiguousarray(own_parents(bits, corners))
        stored_mask = fast.bits(marked, rows, left, n)
    return image_plane, variance_plane, stored_mask


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
    metadata: Metadata,
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
    metadata: Metadata,
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
