"""Mask planes of a FITS header, and choosing the sixteen that a stamp can carry."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ..encodings.mask import valid_plane_name
from ..errors import InputError
from .cards import items, value

__all__ = ["MAX_PLANES", "join_masks", "plane_bits", "select_planes", "where_set"]

MAX_PLANES: Final = 16
"""Planes of a stamp's mask [PL-4]."""
_BITS: Final = 64
_RUBIN: Final = re.compile(r"MSKN(\d{4})")

Bits = npt.NDArray[np.uint64]


def plane_bits(header: Any, mask: Bits) -> dict[str, int]:
    """Plane name to bit of a mask.

    The LSST pipelines write ``MP_NAME = bit``; ``lsst.images`` writes a name ``MSKNnnnn`` and the
    value of its bit ``MSKMnnnn``. Without such keywords the bits that are set are called
    ``BIT0``, ``BIT1`` ... Cards that name no bit of a 64-bit mask are passed over.

    Parameters
    ----------
    header : Header
    mask : (H, W) uint64 array
    """
    given: list[tuple[str, int]] = []
    for key, number in items(header, "MP_"):
        bit = _integer(number)
        if bit is not None and 0 <= bit < _BITS:
            given.append((key.removeprefix("MP_"), bit))
    for key, name in items(header, "MSKN"):
        match = _RUBIN.fullmatch(key)
        number = None if match is None else value(header, f"MSKM{match[1]}", 1 << int(match[1]))
        mask_value = _integer(number)
        if mask_value is not None and mask_value.bit_count() == 1 and 0 < mask_value < 1 << _BITS:
            given.append((str(name).strip(), mask_value.bit_length() - 1))
    named = {name if valid_plane_name(name) else f"BIT{bit}": bit for name, bit in given}
    if named:
        return dict(sorted(named.items(), key=lambda item: item[1]))
    used = _used(mask)
    return {f"BIT{bit}": bit for bit in range(_BITS) if used >> bit & 1}


def join_masks(parts: Sequence[tuple[Bits, Mapping[str, int]]]) -> tuple[Bits, dict[str, int]]:
    """One mask of several that each hold some of an image's planes.

    Raises
    ------
    InputError
        If they have more than 64 planes together.
    """
    if len(parts) == 1:
        return parts[0][0], dict(parts[0][1])
    joined = np.zeros_like(parts[0][0])
    bits: dict[str, int] = {}
    for mask, names in parts:
        for name, bit in names.items():
            place = bits.setdefault(name, len(bits))
            if place >= _BITS:
                raise InputError(f"more than {_BITS} mask planes")
            joined |= ((mask >> np.uint64(bit)) & np.uint64(1)) << np.uint64(place)
    return joined, bits


def select_planes(
    mask: Bits, bits: Mapping[str, int], wanted: Sequence[str] | None = None
) -> tuple[npt.NDArray[np.uint16], tuple[str, ...], tuple[str, ...]]:
    """Move planes to bits 0, 1, 2 ... of a 16-bit mask.

    Parameters
    ----------
    mask : array of uint64
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
    used = _used(mask)
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
        one = (mask >> np.uint64(bits[name])) & np.uint64(1)
        out |= one.astype(np.uint16) << np.uint16(new)
    dropped = tuple(n for n in bits if n not in planes and used >> bits[n] & 1)
    return out, tuple(planes), () if wanted is not None else dropped


def where_set(
    mask: Bits, bits: Mapping[str, int], names: Sequence[str]
) -> npt.NDArray[np.bool_] | None:
    """Pixels where any of the named planes is set; None when no name is one of the mask's."""
    pattern = 0
    for name in names:
        if name in bits:
            pattern |= 1 << bits[name]
    return (mask & np.uint64(pattern)) != 0 if pattern else None


def _used(mask: Bits) -> int:
    return int(np.bitwise_or.reduce(mask, axis=None)) if mask.size else 0


def _integer(number: Any) -> int | None:
    """An integer, also where it is written as text or with a fraction of zero."""
    if isinstance(number, bool):
        return None
    if isinstance(number, str) and re.fullmatch(r"\s*[+-]?\d{1,20}\s*", number):
        return int(number)
    if isinstance(number, float) and number.is_integer() and abs(number) < 2.0**63:
        return int(number)
    return number if isinstance(number, int) else None
