"""Mask planes of a parent as the bits of a stamp's mask, for the pixels that stamps cover."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from ..encodings.mask import MAX_PLANES, valid_plane_name

if TYPE_CHECKING:
    from .parent import Parent

__all__ = ["PLANES", "UNUSABLE", "Boxes", "chosen", "flags_of", "stored_bits"]

PLANES: Final = (
    "BAD", "SAT", "SATURATED", "INTRP", "INTERPOLATED", "CR", "COSMIC_RAY", "EDGE",
    "DETECTION_EDGE", "DETECTED", "DETECTED_NEGATIVE", "SUSPECT", "NO_DATA", "STREAK", "SPIKE",
    "CROSSTALK", "ITL_DIP", "VIGNETTED", "PARTLY_VIGNETTED", "SAT_TEMPLATE", "HIGH_VARIANCE",
    "UNMASKEDNAN", "UNMASKED_NAN", "INJECTED", "INJECTED_TEMPLATE", "CLIPPED", "REJECTED",
    "INEXACT_PSF", "NOT_DEBLENDED",
)  # fmt: skip
"""Planes of Rubin's images under the names of lsst.afw and of lsst.images, by preference."""
UNUSABLE: Final = ("NO_DATA",)
"""Planes whose pixels have no value."""

_ROWS: Final = 16

Array = npt.NDArray[Any]
Box = tuple[slice, slice]
"""Rows and columns."""


@dataclass(frozen=True)
class Boxes:
    """Pixels of a parent that stamps cover.

    Attributes
    ----------
    rows : sequence of int
        Sources.
    slices : sequence of (slice, slice)
        Rows and columns of each one's stamp, clipped to the parent.
    shape : (int, int)
        The parent's.
    """

    rows: Sequence[int]
    slices: Sequence[Box]
    shape: tuple[int, int]

    @classmethod
    def around(
        cls, rows: Sequence[int], top: Array, left: Array, side: int, shape: tuple[int, ...]
    ) -> Boxes:
        """Squares of `side` pixels from rows `top` and columns `left` on."""
        height, width = shape
        slices = [
            (slice(max(j, 0), min(j + side, height)), slice(max(i, 0), min(i + side, width)))
            for j, i in zip(top.tolist(), left.tolist(), strict=True)
        ]
        return cls(rows, slices, (height, width))

    def parts(self) -> Sequence[Box]:
        """All these pixels, or the whole parent where that is less."""
        area = sum((b.stop - b.start) * (a.stop - a.start) for b, a in self.slices)
        height, width = self.shape
        whole = [(slice(0, height), slice(0, width))]
        return self.slices if area < height * width else whole


def chosen(planes: Mapping[str, int], wanted: Sequence[str]) -> tuple[str, ...]:
    """First sixteen of the wanted planes that an image has."""
    found = [name for name in dict.fromkeys(wanted) if name in planes and valid_plane_name(name)]
    return tuple(found[:MAX_PLANES])


def stored_bits(parent: Parent, names: Sequence[str], boxes: Boxes) -> npt.NDArray[np.uint16]:
    """Mask whose bit k is the plane called ``names[k]``, right where stamps lie and 0 elsewhere.

    Parameters
    ----------
    parent : Parent
        With a mask.
    names : sequence of str
        At most sixteen of its planes.
    boxes : Boxes
        Where stamps lie.

    Returns
    -------
    ndarray of uint16, shape (H, W)
    """
    assert parent.mask is not None
    words = _words(parent.mask)
    tables = _tables([parent.planes[name] for name in names], words.dtype)
    bits = np.zeros(words.shape[:2], dtype=np.uint16)
    for rows, columns in boxes.parts():
        # A few rows at a time, whose indices stay in the cache.
        for top in range(rows.start, rows.stop, _ROWS):
            part = (slice(top, min(top + _ROWS, rows.stop)), columns)
            out = bits[part]
            out[...] = 0
            for place, table in tables.items():
                out |= table.take(words[part][..., place], mode="clip")
    return bits


def flags_of(parent: Parent, names: Sequence[str]) -> Callable[[Box], npt.NDArray[np.bool_]] | None:
    """Where any of the named planes is set.

    Returns
    -------
    callable or None
        From a box to its pixels; None where no such plane is set anywhere.
    """
    if parent.mask is None:
        return None
    words = _words(parent.mask)
    width = 8 * words.dtype.itemsize
    patterns: dict[int, int] = {}
    for name in names:
        if name in parent.planes:
            place, bit = divmod(parent.planes[name], width)
            patterns[place] = patterns.get(place, 0) | 1 << bit
    found = {
        place: words.dtype.type(pattern)
        for place, pattern in patterns.items()
        if int(np.bitwise_or.reduce(words[..., place], axis=None)) & pattern
    }
    if not found:
        return None

    def flags(box: Box) -> npt.NDArray[np.bool_]:
        parts = [(words[box][..., place] & pattern) != 0 for place, pattern in found.items()]
        joined: npt.NDArray[np.bool_] = np.logical_or.reduce(parts)
        return joined

    return flags


def _words(mask: npt.NDArray[np.uint8]) -> Array:
    """Bytes of a mask by twos where their number is even: half as many to look up."""
    return mask.view("<u2") if mask.shape[2] % 2 == 0 else mask


def _tables(bits: Sequence[int], dtype: Any) -> dict[int, npt.NDArray[np.uint16]]:
    """For each word of a mask that matters, the stored bits of each of its values."""
    width = 8 * dtype.itemsize
    values = np.arange(1 << width)
    tables: dict[int, npt.NDArray[np.uint16]] = {}
    for new, bit in enumerate(bits):
        place, old = divmod(bit, width)
        table = tables.setdefault(place, np.zeros(len(values), dtype=np.uint16))
        table |= ((values >> old & 1) << new).astype(np.uint16)
    return tables
