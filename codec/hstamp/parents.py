"""Parents of sources: what is given, checked, and the windows that are cut from it [VA-2], [PL-2].

A plane of many sources is one image for all of them, or one image each; the images may differ in
shape. Every function here works on many sources, a single one being a batch of one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from .encodings.mask import MAX_PLANES, unnamed
from .errors import InputError

__all__ = [
    "Check",
    "Parents",
    "as_bits",
    "as_flags",
    "as_plane",
    "image_windows",
    "one_each",
    "own_plane",
    "parents_of",
    "real_array",
    "variance_windows",
    "windows_of",
]

Array = npt.NDArray[Any]
Shape = tuple[int, ...]
Check = Callable[[Any, str, int], Array]
"""`as_plane`, `as_bits` or `as_flags`."""


@dataclass(frozen=True)
class Parents:
    """One plane of the parents of B sources, checked.

    Parameters
    ----------
    images : ndarray, shape (H, W) or (B, H, W), or list of (ndarray or None)
        The image of all, or one for each source; None where a source has none.
    """

    images: Array | list[Array | None]

    def of(self, row: int) -> Array | None:
        """Image of one source, shape (H, W)."""
        if isinstance(self.images, list) or self.images.ndim == 3:
            return self.images[row]
        return self.images

    def shapes(self) -> set[Shape]:
        """Rows and columns of the images."""
        if isinstance(self.images, list):
            return {image.shape for image in self.images if image is not None}
        return {self.images.shape[-2:]}

    def in_place(self, rows: Array, dtype: type[np.generic], pixels: int) -> Array | None:
        """Images of these sources, (1 or len(rows), H, W), if kernels can read them as they are.

        Parameters
        ----------
        rows : ndarray of int, shape (B,)
        dtype : type
            What kernels read.
        pixels : int
            Largest size of images that are put together first, where each is its own.
        """
        images: Array
        if not isinstance(self.images, list):
            images = self.images[None] if self.images.ndim == 2 else self.images[_span(rows)]
        else:
            own = [self.images[row] for row in rows.tolist()]
            if (first := own[0]) is None:
                return None
            if len(own) == 1:
                images = first[None]
            elif first.size <= pixels and len({_form(image) for image in own}) == 1:
                images = np.array(own)
            else:
                return None
        kind = images.dtype
        fit = kind == np.dtype(dtype) and kind.isnative and images.flags.c_contiguous
        return images if fit else None


def real_array(values: Any, name: str) -> Array:
    """Array of real numbers; raise `InputError` for anything else."""
    try:
        array = np.asarray(values)
    except Exception as error:  # whatever an object's own conversion raises
        raise InputError(f"{name} is not an array: {error}") from error
    if array.dtype.kind not in "fiub":
        raise InputError(f"{name} must hold real numbers, not {array.dtype}")
    return array


def as_plane(values: Any, name: str, axes: int = 2) -> Array:
    """Check an image or variance: so many axes of real numbers, at least one pixel.

    Integers become float32, which can say "missing", by one rounding.
    """
    array = _with_pixels(real_array(values, name), name, axes)
    return array if array.dtype.kind == "f" else array.astype(np.float32)


def as_flags(values: Any, name: str, axes: int = 2) -> Array:
    """Check flags of pixels: so many axes of booleans, or of numbers that are not 0 for True."""
    return _with_pixels(real_array(values, name), name, axes).astype(np.bool_)


def as_bits(values: Any, name: str, axes: int = 2) -> Array:
    """Check a mask: so many axes of integers that fit the 16 planes of a stamp, as uint16."""
    try:
        array = np.asarray(values)
    except Exception as error:
        raise InputError(f"{name} is not an array: {error}") from error
    if array.dtype.kind not in "iub":
        raise InputError(f"{name} must hold integers, not {array.dtype}")
    array = _with_pixels(array, name, axes)
    if array.dtype.kind == "b" or array.dtype in (np.uint8, np.uint16):
        return array.astype(np.uint16, copy=False)
    # The bits as they stand: a set sign bit is the highest plane, not a negative number.
    raw = array.astype(f"u{array.itemsize}", copy=False)
    found = int(np.bitwise_or.reduce(raw, axis=None))
    if found >> MAX_PLANES:
        raise InputError(f"{unnamed(found, MAX_PLANES)}; a stamp has at most {MAX_PLANES}")
    return raw.astype(np.uint16)


def one_each(values: Any) -> Sequence[Any] | None:
    """Return a sequence of one two-dimensional array for each source; None for anything else."""
    if isinstance(values, np.ndarray) and values.dtype == object and values.ndim == 1:
        values = list(values)
    if not isinstance(values, list | tuple):
        return None
    each = all(v is None or getattr(v, "ndim", None) == 2 for v in values)
    return values if each else None


def parents_of(
    values: Any,
    name: str,
    check: Check,
    faults: dict[int, InputError],
    count: int,
    like: Parents | None = None,
) -> Parents:
    """Check one plane of the parents of `count` sources.

    Parameters
    ----------
    values : array_like, shape (H, W) or (B, H, W), or sequence of B (array_like or None)
        One image of all sources, or one for each.
    name : str
        What to call it in messages.
    check : Check
        What the plane must be.
    faults : dict of int to InputError
        Receives the fault of a source of its own image.
    count : int
        Number of sources B.
    like : Parents, optional
        The image, whose shape a plane must have.

    Raises
    ------
    InputError
        If what is given for all sources cannot be used.
    """
    each = one_each(values)
    if each is None:
        given = getattr(values, "ndim", None)
        images = check(values, name, 3 if given == 3 else 2)
        if images.ndim == 3 and len(images) != count:
            raise InputError(f"{name} holds {len(images)} parents for {count} sources")
        for other in [] if like is None else like.shapes():
            _equal(images.shape[-2:], name, other)
        return Parents(images)
    if len(each) != count:
        raise InputError(f"{name} holds {len(each)} parents for {count} sources")
    checked: list[Array | None] = [None] * count
    for row, one in enumerate(each):
        if one is None and like is not None:
            continue
        try:
            checked[row] = own_plane(one, name, check, None if like is None else like.of(row))
        except InputError as fault:
            faults.setdefault(row, fault)
    return Parents(checked)


def own_plane(values: Any, name: str, check: Check, like: Array | None) -> Array:
    """Check one plane of one parent, which must have the shape of `like`."""
    plane = check(values, name, 2)
    if like is not None:
        _equal(plane.shape, name, like.shape)
    return plane


def windows_of(parents: Parents, rows: Array, corner: tuple[Array, Array], side: int) -> Array:
    """Cut square windows from parents, with NaN, 0 or False beyond their edges.

    Parameters
    ----------
    parents : Parents
        One plane.
    rows : ndarray of int, shape (B,)
        Sources whose parents to cut.
    corner : (ndarray of int64, ndarray of int64), shape (B,) each
        First row and column of each window; they may lie outside.
    side : int
        Rows and columns of a window.

    Returns
    -------
    ndarray, shape (B, side, side)
    """
    images = [parents.of(row) for row in rows.tolist()]
    kind = np.result_type(*{image.dtype for image in images if image is not None})
    windows = np.empty((len(rows), side, side), dtype=kind)
    outside = np.nan if kind.kind == "f" else 0
    tops, lefts = (c.tolist() for c in corner)
    for window, image, top, left in zip(windows, images, tops, lefts, strict=True):
        height, width = image.shape if image is not None else (0, 0)
        bottom, right = min(top + side, height), min(left + side, width)
        first, start = max(top, 0), max(left, 0)
        if (bottom - first, right - start) != (side, side):
            window[...] = outside
        if image is not None and first < bottom and start < right:
            window[first - top : bottom - top, start - left : right - left] = image[
                first:bottom, start:right
            ]
    return windows


def image_windows(
    image: Parents,
    unusable: Parents | None,
    rows: Array,
    corner: tuple[Array, Array],
    side: int,
) -> npt.NDArray[np.float32]:
    """Windows of images as float32, NaN where missing [VA-2], [EC-1]; see `windows_of`."""
    windows = _to_f4(windows_of(image, rows, corner, side))
    if unusable is not None:
        windows[windows_of(unusable, rows, corner, side)] = np.nan
    return windows


def variance_windows(
    spread: Parents,
    image: npt.NDArray[np.float32],
    rows: Array,
    corner: tuple[Array, Array],
    side: int,
) -> npt.NDArray[np.float32]:
    """Windows of variances as float32, NaN where missing [PL-2]; `image` are those of the image."""
    windows = windows_of(spread, rows, corner, side)
    usable = _to_f4(windows)
    # Negative is negative even where float32 would round it to zero.
    usable[(windows < 0) | np.isnan(image)] = np.nan
    return usable


def _to_f4(values: Array) -> npt.NDArray[np.float32]:
    """Values as float32 with NaN where they are not finite; always a copy."""
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        rounded = values.astype(np.float32)
    rounded[~np.isfinite(rounded)] = np.nan
    return rounded


def _form(image: Array | None) -> tuple[Shape, np.dtype[Any]] | None:
    return None if image is None else (image.shape, image.dtype)


def _span(rows: Array) -> Array | slice:
    """Rows as a slice, which copies nothing, where they follow each other."""
    first, last = int(rows[0]), int(rows[-1])
    return slice(first, last + 1) if last - first + 1 == len(rows) else rows


def _with_pixels(array: Array, name: str, axes: int) -> Array:
    if array.ndim != axes or 0 in array.shape[-2:]:
        raise InputError(f"{name} must have {axes} axes and at least one pixel, not {array.shape}")
    return array


def _equal(shape: Shape, name: str, other: Shape) -> None:
    if shape != other:
        raise InputError(f"{name} has shape {shape}, the image {other}")
