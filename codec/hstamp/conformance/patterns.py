"""What kind of fault a wrong plane shows, from all of its values at once.

The first wrong value says where to look; which values are wrong, and by how much, says what for.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

__all__ = ["pattern_of"]

Array = np.ndarray[Any, Any]
_MEAN = {"image": "VA-3", "variance": "PL-3", "mask": "PL-4"}
_STORED = {"image": "EN-1, EN-2", "variance": "EN-4, EN-5", "mask": "EN-8", "psf": "EN-9"}


def pattern_of(plane: str, want: Array, have: Array) -> str:
    """Words for the kind of fault, with the clause to read.

    Parameters
    ----------
    plane : {"image", "variance", "mask", "psf"}
        Which plane.
    want, have : ndarray of float32 or uint16, shape (n, 15, 15) or (size, size)
        Expected and decoded values, of which some differ.

    Returns
    -------
    str
        For example "holes alone, at most 1 ulp apart: see [VA-3]".
    """
    whole = _whole(want, have)
    if whole:
        return whole
    place, clause = _place(plane, want, have)
    if place.endswith("holes alone"):
        with np.errstate(over="ignore", invalid="ignore"):
            rule = _wrong_rule(plane, have)
        if rule:
            return f"{place}, computed {rule[0]}: see [{rule[1]}]"
    kind, other = _kind(plane, want, have)
    if other:
        place = plane
    return f"{place}{kind}: see [{other or clause}]"


def _same(a: Array, b: Array) -> bool:
    """Whether all values agree, NaN with any NaN and zeros by their signs."""
    return not _wrong(a, b).any()


def _wrong(want: Array, have: Array) -> Array:
    if want.dtype.kind != "f":
        return np.asarray(want != have)
    bits = want.astype("<f4").view("<u4") != have.astype("<f4").view("<u4")
    return np.asarray(bits & ~(np.isnan(want) & np.isnan(have)))


def _swap(values: Array) -> Array:
    return values.byteswap()


_WHOLE: tuple[tuple[str, Callable[[Array], Array]], ...] = (
    ("byte order: values are little-endian, see [NO-1] and [TP-2]", _swap),
    (
        "transposed: the order is [level, row, column], see [TP-2]",
        lambda v: np.swapaxes(v, -1, -2),
    ),
    ("rows are in reverse: row 0 is that of the lowest y, see [GE-3]", lambda v: v[..., ::-1, :]),
    ("columns are in reverse, see [GE-3]", lambda v: v[..., ::-1]),
    ("levels are in reverse: level 0 is the finest, see [GE-3]", lambda v: v[::-1]),
)


def _whole(want: Array, have: Array) -> str:
    """A fault of the whole plane, or nothing."""
    for words, undo in _WHOLE:
        if _same(want, undo(have)):
            return words
    flat_want, flat_have = want.ravel(), have.ravel()
    for words, a, b in (
        ("one value late", flat_want[:-1], flat_have[1:]),
        ("one value early", flat_want[1:], flat_have[:-1]),
    ):
        if _same(a, b) and not _same(a, a[::-1]):
            return f"every value is {words} in the answer, see [TP-2]"
    return ""


def _place(plane: str, want: Array, have: Array) -> tuple[str, str]:
    """Which kinds of pixel are wrong, and the clause that makes those."""
    if plane == "psf":
        return "psf", _STORED["psf"]
    wrong = _wrong(want, have)
    hole, derived = np.zeros(wrong.shape, bool), np.zeros(wrong.shape, bool)
    hole[1:, 4:11, 4:11] = True
    derived[0, 14, :] = derived[0, :, 14] = True
    kinds = [
        name
        for name, where in (("hole", hole), ("derived", derived), ("stored", ~(hole | derived)))
        if (wrong & where).any()
    ]
    if kinds == ["hole"]:
        return f"{plane}: holes alone", _MEAN[plane]
    if kinds == ["derived"]:
        return f"{plane}: row and column 14 of level 0 alone", "GE-7"
    levels = np.flatnonzero(wrong.reshape(len(wrong), -1).any(axis=1)).tolist()
    if "stored" in kinds and len(levels) == 1 and len(wrong) > 1:
        return f"{plane}: level {levels[0]} alone", _STORED[plane]
    if "stored" in kinds and levels and levels[0] > 0:
        return f"{plane}: from level {levels[0]} on", f"GE-6, {_STORED[plane]}"
    if kinds == ["hole", "derived"]:
        return f"{plane}: all that is computed, nothing that is stored", f"{_MEAN[plane]}, GE-7"
    return f"{plane}: stored values", _STORED[plane]


def _wrong_rule(plane: str, have: Array) -> tuple[str, str] | None:
    """The wrong rule from which every hole follows, in words, and the clause of the right one."""
    mean = _MEAN[plane]
    rules: tuple[tuple[str, str, int, Callable[[Array], Array]], ...] = (
        ("with the c of their own level", "GE-4", 0, lambda four: _mean(plane, four)),
        ("as sums, not means", mean, 1, lambda four: _sum(four)[0].astype(np.float32)),
        ("in single precision", f"{mean}, NO-2", 1, lambda four: _single(plane, four)),
        ("with missing children counted", mean, 1, lambda four: _counted(plane, four)),
    )
    for words, clause, below, fold in rules:
        if plane != "mask" or below == 0:
            follows = all(
                _same(fold(_children(have, k, (k - below) % 2)), have[k, 4:11, 4:11])
                for k in range(1, len(have))
            )
            if follows:
                return words, clause
    return None


def _children(levels: Array, k: int, c: int) -> Array:
    """The four children of each hole pixel of level k, shape (4, 7, 7)."""
    part = levels[k - 1, c : c + 14, c : c + 14]
    return np.stack([part[i::2, j::2] for i in (0, 1) for j in (0, 1)])


def _sum(four: Array) -> tuple[Array, Array]:
    """Sum of the finite children, and their number."""
    total = np.zeros(four.shape[1:])
    for child in four.astype(np.float64):
        total = total + np.where(np.isnan(child), 0.0, child)
    count = (~np.isnan(four)).sum(axis=0).astype(np.float64)
    return np.where(count > 0, total, np.nan), count


def _mean(plane: str, four: Array) -> Array:
    if plane == "mask":
        return np.asarray(np.bitwise_or.reduce(four, axis=0))
    total, count = _sum(four)
    return np.asarray((total / _power(plane, np.maximum(count, 1))).astype(np.float32))


def _counted(plane: str, four: Array) -> Array:
    return np.asarray((_sum(four)[0] / _power(plane, np.float64(4))).astype(np.float32))


def _single(plane: str, four: Array) -> Array:
    total = np.zeros(four.shape[1:], np.float32)
    for child in four:
        total = total + np.where(np.isnan(child), np.float32(0), child)
    count = (~np.isnan(four)).sum(axis=0).astype(np.float32)
    mean = total / _power(plane, np.maximum(count, np.float32(1)))
    return np.where(count > 0, mean, np.float32(np.nan))


def _power(plane: str, count: Any) -> Any:
    return count * count if plane == "variance" else count


def _kind(plane: str, want: Array, have: Array) -> tuple[str, str | None]:
    """How the wrong values differ, and the clause where the kind alone tells it."""
    wrong = _wrong(want, have)
    a, b = want[wrong], have[wrong]
    if want.dtype.kind != "f":
        missing_bits = bool(((a & ~b) != 0).all() and not (b & ~a).any())
        return (", bits lost" if missing_bits else ""), None
    lost, found = np.isnan(b) & ~np.isnan(a), np.isnan(a) & ~np.isnan(b)
    if found.all():
        shown = f", missing pixels shown as {b[0]:g}" if (b == b[0]).all() else ", missing shown"
        return shown, "VA-1" if "hole" not in _place(plane, want, have)[0] else None
    if lost.all():
        return ", values shown as missing", None
    if lost.any() or found.any():
        return ", missing pixels differ", None
    if ((a == 0) & (b == 0)).all():
        return ", the sign of zero", None
    apart = int(np.abs(_ordered(a) - _ordered(b)).max())
    if apart <= 2:
        return f", at most {apart} ulp apart: rounding, once and to even", None
    return _ratio(a, b), None


def _ordered(values: Array) -> Array:
    """Bits of float32 as integers in the order of the values."""
    bits = values.astype("<f4").view("<i4").astype(np.int64)
    return np.where(bits < 0, -(bits & 0x7FFFFFFF), bits)


def _ratio(a: Array, b: Array) -> str:
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        ratio = b.astype(np.float64) / a.astype(np.float64)
    usable = ratio[np.isfinite(ratio) & (a != 0)]
    if len(usable) < 2 or np.ptp(usable) > 1e-6 * abs(usable[0]):
        return ""
    if abs(usable[0] - 1) < 1e-3 or not 1e-3 < abs(usable[0]) < 1e3:
        return ""
    return f", each is {usable[0]:.6g} times what is expected"
