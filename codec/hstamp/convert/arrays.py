"""Pixels of a plane of a FITS file: a window of them, scaled, with what is missing as NaN."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ..errors import InputError
from .cards import quiet, value
from .hdus import Plane
from .quick import QuickHdu

__all__ = ["FILL", "WHOLE", "Slices", "floats", "integers", "without_fills"]

FILL: Final = 1e29
"""Smallest magnitude that is no measurement but a fill.

SExtractor and SWarp write -1e30, ZTF -3.4e38, IRAF 1.6e38; a flux of 1e29 nJy is -56 mag.
"""
_MAX_PIXELS: Final = 2**24
"""Pixels of the largest window read at once; the widest stamp has 3.7 million, and the cutout of
an alert (64 MiB at most) 16 million."""
_MAX_TILES: Final = 2**16
"""Tiles decompressed for one window; one of the widest stamp's window has 1920 rows."""

Floats = npt.NDArray[np.floating[Any]]
Bools = npt.NDArray[np.bool_]
Slices = tuple[slice, slice]
WHOLE: Final[Slices] = (slice(None), slice(None))


@dataclass(frozen=True)
class _Scaling:
    """BSCALE, BZERO and BLANK of a plane."""

    scale: float
    zero: float
    blank: int | None

    @property
    def none(self) -> bool:
        return self.scale == 1 and self.zero == 0


_PLAIN: Final = _Scaling(1.0, 0.0, None)


def floats(plane: Plane, window: Slices = WHOLE) -> Floats:
    """Values of a window of a plane; blank pixels are NaN.

    Parameters
    ----------
    plane : Plane
    window : (slice, slice)
        Rows and columns.

    Returns
    -------
    float array, shape (H, W)
        float32 from integers of up to 16 bits and from float32, otherwise float64; scaled in
        that precision.

    Raises
    ------
    InputError
        If the window has more than 2**24 pixels or cannot be read.
    """
    raw, scaling = _raw(plane, window), _scaling(plane)
    data: Floats = raw
    if raw.dtype.kind in "iu":
        # An offset is added to integers as such: doubles have no room for 2**63 and a unit.
        offset = _offset_only(scaling, raw.dtype)
        whole = _other_signedness(raw) if offset and scaling.zero else raw
        data = whole.astype(np.float32 if raw.dtype.itemsize <= 2 else np.float64)
        if offset:
            scaling = replace(scaling, zero=0.0)
    if not scaling.none:
        with np.errstate(over="ignore", invalid="ignore"):
            data = data * data.dtype.type(scaling.scale) + data.dtype.type(scaling.zero)
    if scaling.blank is not None and raw.dtype.kind in "iu":
        data[raw == scaling.blank] = np.nan
    return data


def integers(plane: Plane, window: Slices = WHOLE) -> tuple[npt.NDArray[np.uint64], Bools | None]:
    """Bit patterns of a window of a plane, and which of its pixels are blank.

    Returns
    -------
    bits : (H, W) uint64 array
        Negative integers keep the bits that they have in the file; blank pixels have none.
    blank : (H, W) bool array or None
        None where there are no blank pixels.

    Raises
    ------
    InputError
        If the values are no integers, or cannot be read.
    """
    raw, scaling = _raw(plane, window), _scaling(plane)
    if raw.dtype.kind in "iu" and _offset_only(scaling, raw.dtype):
        blank = None if scaling.blank is None else raw == scaling.blank
        meant = _other_signedness(raw) if scaling.zero else raw
        patterns = meant.view(f"u{raw.dtype.itemsize}")
    else:
        values = floats(plane, window).astype(np.float64)
        blank = np.isnan(values)
        known = np.where(blank, 0.0, values)
        if (known < 0).any() or (known >= 2.0**53).any() or (known != np.rint(known)).any():
            raise InputError(f"{plane.label} holds {raw.dtype} values, not integers")
        patterns = known.astype(np.uint64)
    wide = patterns.astype(np.uint64)
    if blank is None or not blank.any():
        return wide, None
    wide[blank] = 0
    return wide, blank


def without_fills(values: Floats) -> tuple[Floats, int]:
    """Values with fills replaced by NaN, and how many they were."""
    with np.errstate(invalid="ignore"):
        fills = np.abs(values) >= FILL
    if not fills.any():
        return values, 0
    count = int(np.count_nonzero(fills & np.isfinite(values)))
    return (np.where(fills, np.nan, values).astype(values.dtype), count) if count else (values, 0)


def _scaling(plane: Plane) -> _Scaling:
    header = plane.header
    if isinstance(plane.hdu, QuickHdu):
        return _PLAIN  # a scan knows no cards of this kind
    scale, zero, blank = (value(header, key, None) for key in ("BSCALE", "BZERO", "BLANK"))
    numbers = []
    for key, given, default in (("BSCALE", scale, 1.0), ("BZERO", zero, 0.0)):
        number = default if given is None else given
        if isinstance(number, bool) or not isinstance(number, int | float):
            raise InputError(f"{plane.label}: {key} is {str(number)[:32]!r}")
        numbers.append(float(number))
    if not np.isfinite(numbers).all():
        raise InputError(f"{plane.label}: BSCALE {numbers[0]}, BZERO {numbers[1]}")
    usable = isinstance(blank, int) and not isinstance(blank, bool)
    return _Scaling(numbers[0], numbers[1], blank if usable else None)


def _offset_only(scaling: _Scaling, dtype: np.dtype[Any]) -> bool:
    """Whether integers are stored as they are, or with the offset of the other signedness."""
    half = float(1 << (8 * dtype.itemsize - 1))
    return scaling.scale == 1 and scaling.zero in (0.0, -half if dtype.kind == "u" else half)


def _other_signedness(raw: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Integers that are stored with the offset of the other signedness, as they are meant."""
    size = raw.dtype.itemsize
    unsigned = np.dtype(f"u{size}")
    # Adding 2**(b - 1) modulo 2**b turns the highest bit round, and no other.
    turned = raw.view(unsigned) ^ unsigned.type(1 << (8 * size - 1))
    meant: npt.NDArray[Any] = turned.view(unsigned if raw.dtype.kind == "i" else f"i{size}")
    return meant


def _raw(plane: Plane, window: Slices) -> npt.NDArray[Any]:
    """Stored values of a window, in the machine's byte order."""
    if isinstance(plane.hdu, QuickHdu):
        scanned = plane.hdu.section[window]
        return scanned.astype(scanned.dtype.newbyteorder("="))
    if plane.damage is not None:
        raise InputError(f"{plane.label}: {plane.damage}")
    rows, columns = (part.indices(size) for part, size in zip(window, plane.shape, strict=True))
    height, width = len(range(*rows)), len(range(*columns))
    if height * width > _MAX_PIXELS:
        raise InputError(f"a window of {height} x {width} pixels is more than {_MAX_PIXELS}")
    index = [slice(0, 1)] * len(plane.hdu.shape)
    index[plane.axes[0]], index[plane.axes[1]] = window
    try:
        _check_tiles(plane, height, width)
        with quiet():
            data = np.asarray(plane.hdu.section[tuple(index)])
    except InputError:
        raise
    except Exception as exc:  # astropy raises almost anything on damaged data
        raise InputError(f"pixels of {plane.label} are not readable: {str(exc)[:200]}") from exc
    if data.size != height * width:
        raise InputError(f"pixels of {plane.label} come as {data.shape}")
    return data.reshape(height, width).astype(data.dtype.newbyteorder("="), copy=False)


def _check_tiles(plane: Plane, height: int, width: int) -> None:
    """Refuse a window of more compressed tiles than are worth reading."""
    tile = getattr(plane.hdu, "tile_shape", None)
    if tile:
        sides = [min(int(tile[axis]), plane.hdu.shape[axis]) for axis in plane.axes]
        if (height // sides[0] + 1) * (width // sides[1] + 1) > _MAX_TILES:
            raise InputError(f"{plane.label} has tiles of {sides[0]} x {sides[1]} pixels")
