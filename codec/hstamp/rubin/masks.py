"""Mask planes of a parent as the bits of a stamp's mask, for the pixels that stamps cover."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from ..encodings.mask import MAX_PLANES, valid_plane_name

if TYPE_CHECKING:
    from .parent import Parent

__all__ = ["PLANES", "UNUSABLE", "Boxes", "chosen", "stored_bits", "where_set"]

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

Array = npt.NDArray[Any]


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
    slices: Sequence[tuple[slice, slice]]
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

    def parts(self) -> Sequence[tuple[slice, slice]]:
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
    tables = _tables([parent.planes[name] for name in names])
    bits = np.zeros(parent.mask.shape[:2], dtype=np.uint16)
    for box in boxes.parts():
        out, first = bits[box], True
        for place, table in tables.items():
            found = table[parent.mask[box][..., place]]
            if first:
                out[...] = found
            else:
                out |= found
            first = False
    return bits


def where_set(
    parent: Parent, names: Sequence[str], box: tuple[slice, slice]
) -> npt.NDArray[np.bool_] | None:
    """Pixels of a box where any of the named planes is set; None where the image has none."""
    if parent.mask is None:
        return None
    flags: npt.NDArray[np.bool_] | None = None
    for place, table in _tables([parent.planes[n] for n in names if n in parent.planes]).items():
        pattern = np.uint8(sum(1 << b for b in range(8) if table[1 << b]))
        found = (parent.mask[box][..., place] & pattern) != 0
        flags = found if flags is None else flags | found
    return flags


def _tables(bits: Sequence[int]) -> dict[int, npt.NDArray[np.uint16]]:
    """For each byte of a mask that matters, the stored bits of each of its 256 values."""
    values = np.arange(256)
    tables: dict[int, npt.NDArray[np.uint16]] = {}
    for new, bit in enumerate(bits):
        place, old = divmod(bit, 8)
        table = tables.setdefault(place, np.zeros(256, dtype=np.uint16))
        table |= ((values >> old & 1) << new).astype(np.uint16)
    return tables
