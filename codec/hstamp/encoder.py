"""The encoder: from a parent image to a stamp record, Section 10 of the specification."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from .encodings.image import (
    DEFAULT_STEP,
    IMAGE_ENCODINGS,
    encode_image,
    noise_from_levels,
    noise_from_variance,
)
from .encodings.mask import encode_mask
from .encodings.psf import encode_psf
from .encodings.variance import VARIANCE_ENCODINGS, encode_variance
from .errors import InputError
from .fast import compiled
from .layout import CORE, GRID, Layout, largest_covered, layout_of, reference_corner, ring_pixels
from .planes import FORMAT_VERSION, ImagePlane, Record, VariancePlane
from .tangent import ParentWcs, Wcs, parent_cd
from .values import mean_children, or_children, variance_children

__all__ = ["Options", "encode_record", "store", "true_levels", "window_of"]

_RING = ring_pixels()
_NUMPY_COST = 3e-3
"""What encoding one stamp takes without compiled kernels [s]."""
_SCALAR = TypeVar("_SCALAR", bound=np.generic)


@dataclass(frozen=True)
class Options:
    """How a stamp is encoded.

    Parameters
    ----------
    encoding : {'i2', 'f4'}
        Image encoding.
    variance_encoding : {'log8', 'f4'}
        Variance encoding.
    psf_size : int or None
        Side of the stored PSF, odd [base pixel]; None keeps the parent's.
    step : float
        ``i2`` quantisation step as a fraction of the noise.
    """

    encoding: str = "i2"
    variance_encoding: str = "log8"
    psf_size: int | None = 21
    step: float = DEFAULT_STEP

    def __post_init__(self) -> None:
        if self.encoding not in IMAGE_ENCODINGS:
            raise InputError(f"encoding must be 'i2' or 'f4', not {self.encoding!r}")
        if self.variance_encoding not in VARIANCE_ENCODINGS:
            raise InputError(
                f"variance_encoding must be 'log8' or 'f4', not {self.variance_encoding!r}"
            )
        if not (np.isfinite(self.step) and self.step > 0):
            raise InputError(f"step must be a positive fraction of the noise, not {self.step}")


def encode_record(
    image: npt.ArrayLike,
    x: float,
    y: float,
    *,
    levels: int | None,
    variance: npt.ArrayLike | None,
    mask: npt.ArrayLike | None,
    mask_planes: Sequence[str] | None,
    psf: npt.ArrayLike | None,
    wcs: Wcs | ParentWcs | None,
    band: str | None,
    flux_unit: str,
    id: str | None,
    unusable: npt.ArrayLike | None,
    options: Options,
) -> Record:
    """Encode one parent; see `hstamp.encode` for the parameters."""
    pixels = as_plane(image, "image")
    i0, j0 = reference_corner(x, y)
    n = largest_covered((pixels.shape[0], pixels.shape[1]), i0, j0) if levels is None else levels
    layout = layout_of(n)

    spread = None if variance is None else as_plane(variance, "variance", pixels.shape)
    bits = None if mask is None else as_bits(mask, pixels.shape)
    names = None if mask is None else plane_names(mask_planes)
    if mask is None and mask_planes is not None:
        raise InputError("mask_planes names the bits of a mask, but no mask is given")
    parent = _Parent(pixels, unusable, spread, bits, layout, i0, j0)
    planes = _compiled_planes if compiled(_NUMPY_COST) else _plain_planes
    image_plane, variance_plane, stored_mask = planes(parent, options)
    mask_plane = None
    if stored_mask is not None and names is not None:
        mask_plane = encode_mask(stored_mask, names)

    return Record(
        version=FORMAT_VERSION,
        levels=n,
        id=id,
        band=band,
        flux_unit=flux_unit,
        dx=float(np.float32(x - (i0 - 0.5))),
        dy=float(np.float32(y - (j0 - 0.5))),
        wcs=None if wcs is None else stored_wcs(wcs, x, y),
        image=image_plane,
        variance=variance_plane,
        mask=mask_plane,
        psf=None if psf is None else encode_psf(psf, options.psf_size),
    )


@dataclass(frozen=True)
class _Parent:
    """Checked planes of one parent and the source's place in it."""

    pixels: npt.NDArray[Any]
    unusable: npt.ArrayLike | None
    spread: npt.NDArray[Any] | None
    bits: npt.NDArray[np.uint16] | None
    layout: Layout
    i0: int
    j0: int

    def image_window(self) -> npt.NDArray[np.float32]:
        return image_window(self.pixels, self.unusable, self.layout, self.i0, self.j0)


_Planes = tuple[ImagePlane, VariancePlane | None, npt.NDArray[np.uint16] | None]


def _plain_planes(parent: _Parent, options: Options) -> _Planes:
    """Image, variance and stored mask of one source; the definition."""
    layout, i0, j0 = parent.layout, parent.i0, parent.j0
    n = layout.levels
    window = parent.image_window()
    grids = true_levels(window, n, mean_children)
    stored = store(grids)

    variance_plane, noise = None, None
    if parent.spread is not None:
        noisy = variance_window(parent.spread, window, layout, i0, j0)
        stored_variance = store(true_levels(noisy, n, variance_children))
        variance_plane = encode_variance(stored_variance, options.variance_encoding, n)
        noise = noise_from_variance(stored_variance, n)
    if options.encoding == "i2" and (noise is None or np.isnan(noise).all()):
        noise = noise_from_levels(grids)
    image_plane = encode_image(stored, options.encoding, n, noise, options.step)

    stored_mask = None
    if parent.bits is not None:
        marked = window_of(parent.bits, layout, i0, j0, np.uint16(0))
        stored_mask = store(true_levels(marked, n, or_children))
    return image_plane, variance_plane, stored_mask


def _compiled_planes(parent: _Parent, options: Options) -> _Planes:
    """Image, variance and stored mask of one source through the compiled kernels."""
    from .fast import encode as fast

    n, spread = parent.layout.levels, parent.spread
    row, column = (np.array([c + parent.layout.origins[-1]]) for c in (parent.j0, parent.i0))
    corner = np.zeros(1, dtype=np.int64)
    whole = parent.unusable is None and fast.direct(parent.pixels)
    window = None if whole else parent.image_window()
    if window is None:
        grids, stored, clean = fast.means(parent.pixels[None], None, row, column, n)
    else:
        grids, stored, clean = fast.means(window[None], None, corner, corner, n)

    variance_plane, stored_variance = None, None
    if spread is not None and whole and fast.direct(spread):
        _, stored_variance, _ = fast.means(parent.pixels[None], spread[None], row, column, n, clean)
    elif spread is not None:
        window = parent.image_window() if window is None else window
        noisy = variance_window(spread, window, parent.layout, parent.i0, parent.j0)[None]
        _, stored_variance, _ = fast.means(noisy, noisy, corner, corner, n)
    if stored_variance is not None and options.variance_encoding == "log8":
        unit, codes = fast.codes_log8(stored_variance)
        variance_plane = VariancePlane("log8", float(unit[0]), codes.tobytes())
    elif stored_variance is not None:
        variance_plane = encode_variance(stored_variance[0], options.variance_encoding, n)

    if options.encoding == "i2":
        noise = fast.noise(stored_variance, grids)
        zero, scale, integers = fast.codes_i2(stored, noise, options.step)
        image_plane = ImagePlane(
            "i2",
            tuple(zero[0].tolist()),
            tuple(scale[0].tolist()),
            integers.astype("<i2").tobytes(),
        )
    else:
        image_plane = encode_image(stored[0], options.encoding, n, None, options.step)

    stored_mask = None
    if parent.bits is not None:
        marked = np.ascontiguousarray(parent.bits)[None]
        stored_mask = fast.bits(marked, row, column, n)[0]
    return image_plane, variance_plane, stored_mask


def true_levels(
    window: npt.NDArray[_SCALAR],
    levels: int,
    parents: Callable[[Any], npt.NDArray[_SCALAR]],
) -> npt.NDArray[_SCALAR]:
    """Levels of a window by the value rules [VA-3], [PL-3], [PL-4].

    Parameters
    ----------
    window : ndarray, shape (..., side, side)
        Base pixels of the widest level.
    levels : int
        Number of levels n.
    parents : callable
        The plane's rule, from one level's pixels to the next.

    Returns
    -------
    ndarray, shape (..., n, 15, 15)
        Level 0 holds the parent's pixels in its last row and column too.
    """
    layout = layout_of(levels)
    grids = np.empty((*window.shape[:-2], levels, GRID, GRID), dtype=window.dtype)
    current = window
    for k in range(levels):
        if k:
            current = parents(current)
        start = (layout.origins[k] - layout.origins[-1]) // 2**k
        grids[..., k, :, :] = current[..., start : start + GRID, start : start + GRID]
    return grids


def store(grids: npt.NDArray[_SCALAR]) -> npt.NDArray[_SCALAR]:
    """Stored values of levels (..., n, 15, 15) in stamp order [GE-6], shape (..., N)."""
    lead, levels = grids.shape[:-3], grids.shape[-3]
    layout = layout_of(levels)
    stored = np.empty((*lead, layout.size), dtype=grids.dtype)
    stored[..., layout.part(0)] = grids[..., 0, :CORE, :CORE].reshape(*lead, -1)
    for k in range(1, levels):
        stored[..., layout.part(k)] = grids[..., k, _RING]
    return stored


def window_of(
    parent: npt.NDArray[_SCALAR], layout: Layout, i0: int, j0: int, outside: _SCALAR
) -> npt.NDArray[_SCALAR]:
    """Cut the widest level's base pixels from a parent, with `outside` beyond its edges."""
    side = layout.side
    window = np.full((side, side), outside, dtype=parent.dtype)
    row, column = j0 + layout.origins[-1], i0 + layout.origins[-1]
    rows = slice(max(row, 0), max(min(row + side, parent.shape[0]), 0))
    columns = slice(max(column, 0), max(min(column + side, parent.shape[1]), 0))
    if rows.start < rows.stop and columns.start < columns.stop:
        window[
            rows.start - row : rows.stop - row, columns.start - column : columns.stop - column
        ] = parent[rows, columns]
    return window


def image_window(
    pixels: npt.NDArray[Any], unusable: npt.ArrayLike | None, layout: Layout, i0: int, j0: int
) -> npt.NDArray[np.float32]:
    """Window of the image as float32, NaN where missing [VA-2]."""
    window = to_f4(window_of(pixels, layout, i0, j0, outside_of(pixels)))
    if unusable is not None:
        flags = as_plane(unusable, "unusable", pixels.shape).astype(np.bool_)
        window[window_of(flags, layout, i0, j0, np.False_)] = np.nan
    return window


def variance_window(
    spread: npt.NDArray[Any],
    image: npt.NDArray[np.float32],
    layout: Layout,
    i0: int,
    j0: int,
) -> npt.NDArray[np.float32]:
    """Window of the variance as float32, NaN where missing [PL-2]."""
    return usable_variance(window_of(spread, layout, i0, j0, outside_of(spread)), image)


def usable_variance(
    spread: npt.NDArray[Any], image: npt.NDArray[np.float32]
) -> npt.NDArray[np.float32]:
    """Variances as float32, NaN where negative before rounding or where the image is missing."""
    usable = to_f4(spread)
    usable[(spread < 0) | np.isnan(image)] = np.nan
    return usable


def to_f4(values: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    """Values as float32 with NaN where they are not finite; always a copy."""
    with np.errstate(over="ignore", under="ignore"):
        rounded = values.astype(np.float32)
    rounded[~np.isfinite(rounded)] = np.nan
    return rounded


def outside_of(parent: npt.NDArray[Any]) -> Any:
    """Return the value that marks pixels beyond a parent's edge: NaN of the parent's type."""
    return parent.dtype.type(np.nan)


def as_plane(
    values: npt.ArrayLike, name: str, shape: tuple[int, ...] | None = None
) -> npt.NDArray[Any]:
    """Check a parent plane: two axes of real numbers, and the image's shape.

    Integers become float32, which can say "missing", by one rounding; booleans stay.
    """
    array = np.asarray(without_masked(values))
    if array.ndim != 2 or 0 in array.shape:
        raise InputError(f"{name} must have two axes and at least one pixel, not {array.shape}")
    if shape is not None and array.shape != shape:
        raise InputError(f"{name} has shape {array.shape}, the image {shape}")
    if array.dtype.kind not in "fiub":
        raise InputError(f"{name} must hold real numbers, not {array.dtype}")
    if array.dtype.kind in "iu" or (array.dtype.kind == "b" and name != "unusable"):
        return array.astype(np.float32)
    return array


def without_masked(values: npt.ArrayLike) -> npt.ArrayLike:
    """Masked arrays with NaN where they are masked, so that those pixels are missing."""
    if isinstance(values, np.ma.MaskedArray) and values.dtype.kind in "fiu":
        wide = values.astype(np.result_type(values, np.float32))
        filled: npt.ArrayLike = np.ma.filled(wide, np.nan)
        return filled
    return values


def as_bits(mask: npt.ArrayLike, shape: tuple[int, ...]) -> npt.NDArray[np.uint16]:
    """Check a parent mask: integers of the image's shape that fit 16 bits."""
    array = np.asarray(mask)
    if array.shape != shape:
        raise InputError(f"mask has shape {array.shape}, the image {shape}")
    if array.dtype.kind not in "iub":
        raise InputError(f"mask must hold integers, not {array.dtype}")
    fits = array.dtype in (np.uint8, np.uint16)
    if not fits and array.itemsize > 1 and ((array < 0) | (array > 0xFFFF)).any():
        raise InputError("mask sets bits beyond the 16 planes a stamp can name")
    if array.dtype == np.int8 and (array < 0).any():
        raise InputError("mask is negative")
    return array.astype(np.uint16, copy=False)


def plane_names(names: Sequence[str] | None) -> tuple[str, ...]:
    """Check that a mask comes with the names of its bits."""
    if names is None:
        raise InputError("a mask needs mask_planes, the names of its bits 0, 1, 2 ...")
    return tuple(names)


def stored_wcs(wcs: Wcs | ParentWcs, x: float, y: float) -> Wcs:
    """Tangent plane at the source with its CD matrix rounded to float32 [CO-1]."""
    plane = wcs if isinstance(wcs, Wcs) else parent_cd(wcs, x, y)
    cd = (plane.cd1_1, plane.cd1_2, plane.cd2_1, plane.cd2_2)
    return Wcs(
        float(plane.ra) % 360.0 % 360.0, float(plane.dec), *(float(np.float32(c)) for c in cd)
    )
