"""Mask planes of a FITS header, and choosing the sixteen that a stamp can carry."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ..errors import InputError

__all__ = ["MAX_PLANES", "plane_bits", "select_planes", "where_set"]

MAX_PLANES: Final = 16
"""Planes of a stamp's mask [PL-4]."""

IntArray = npt.NDArray[np.integer[Any]]


def plane_bits(header: Mapping[str, Any], mask: IntArray) -> dict[str, int]:
    """Plane name to bit, from the ``MP_*`` keywords that the LSST pipelines write.

    Without such keywords the bits that are set are called ``BIT0``, ``BIT1`` ...
    """
    named = {
        key.removeprefix("MP_"): int(value)
        for key, value in header.items()
        if key.startswith("MP_") and isinstance(value, int) and 0 <= value < 64
    }
    if named:
        return dict(sorted(named.items(), key=lambda item: item[1]))
    used = int(np.bitwise_or.reduce(mask, axis=None)) if mask.size else 0
    return {f"BIT{bit}": bit for bit in range(64) if used >> bit & 1}


def select_planes(
    mask: IntArray, bits: Mapping[str, int], wanted: Sequence[str] | None = None
) -> tuple[npt.NDArray[np.uint16], tuple[str, ...], tuple[str, ...]]:
    """Move planes to bits 0, 1, 2 ... of a 16-bit mask.

    Parameters
    ----------
    mask : array of int
        The parent's mask.
    bits : mapping of str to int
        Plane names and their bits in `mask`.
    wanted : sequence of str, optional
        Planes to keep, in this order. By default all of them; of more than sixteen, those
        that are set somewhere come first, then lower bits.

    Returns
    -------
    mask : array of uint16
    planes : tuple of str
    dropped : tuple of str
        Planes that are set somewhere and did not fit.

    Raises
    ------
    InputError
        If a plane in `wanted` does not exist, or there are more than sixteen.
    """
    used = int(np.bitwise_or.reduce(mask, axis=None)) if mask.size else 0
    if wanted is None:
        ranked = sorted(bits, key=lambda name: (not used >> bits[name] & 1, bits[name]))
        planes = sorted(ranked[:MAX_PLANES], key=lambda name: bits[name])
    else:
        missing = [name for name in wanted if name not in bits]
        if missing:
            raise InputError(f"the mask has no plane {missing}; it has {list(bits)}")
        if len(wanted) > MAX_PLANES:
            raise InputError(f"{len(wanted)} mask planes wanted; a stamp has at most {MAX_PLANES}")
        planes = list(wanted)
    out = np.zeros(mask.shape, dtype=np.uint16)
    for new, name in enumerate(planes):
        out |= ((mask >> bits[name]) & 1).astype(np.uint16) << np.uint16(new)
    dropped = tuple(n for n in bits if n not in planes and used >> bits[n] & 1)
    return out, tuple(planes), () if wanted is not None else dropped


def where_set(
    mask: IntArray, bits: Mapping[str, int], names: Sequence[str]
) -> npt.NDArray[np.bool_] | None:
    """Pixels where any of the named planes is set; None when no name is one of the mask's."""
    value = sum(1 << bits[name] for name in set(names) if name in bits)
    return (mask & value) != 0 if value else None
