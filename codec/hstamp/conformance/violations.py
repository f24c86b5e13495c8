"""What breaks a clause of Section 10, and where in a plane it shows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from .outcomes import Difference

__all__ = [
    "Array",
    "Violation",
    "check_f4",
    "check_missing",
    "data_of",
    "fail_where",
    "hex_of",
    "places",
    "same",
]

Array = np.ndarray[Any, Any]
_MISSING_F4 = 0x7FC00000


class Violation(Exception):  # noqa: N818 - what the judge found, not an error of its own
    """The blob breaks a clause of Section 10, or is no blob."""

    def __init__(self, clause: str, message: str, difference: Difference | None = None) -> None:
        super().__init__(f"[{clause}] {message}")
        self.clause = clause
        self.difference = difference


def places(n: int) -> Array:
    """(N, 3) level, row and column of each stored value in stamp order [GE-6]."""
    out = [(0, a, b) for a in range(14) for b in range(14)]
    ring = [(a, b) for a in range(15) for b in range(15) if not (4 <= a <= 10 and 4 <= b <= 10)]
    out += [(k, a, b) for k in range(1, n) for a, b in ring]
    return np.array(out)


def same(clause: str, name: str, expected: Any, got: Any) -> None:
    """Raise where metadata are not what the request makes them."""
    if expected != got:
        difference = Difference(name, 0, repr(expected), repr(got))
        raise Violation(clause, str(difference), difference)


def data_of(fields: Mapping[str, Any], plane: str, dtype: str, count: int, clause: str) -> Array:
    """Stored numbers of a plane."""
    raw = fields[f"{plane}.data"]
    wanted = count * np.dtype(dtype).itemsize
    if len(raw) != wanted:
        raise Violation(clause, f"{plane}.data has {len(raw)} bytes, not {wanted}")
    return np.frombuffer(raw, dtype)


def check_missing(clause: str, plane: str, true: Array, got: Array, n: int) -> None:
    """Raise where other pixels are missing than in the parent."""
    fail_where(clause, plane, np.isnan(true) != np.isnan(got), true, got, n)


def fail_where(clause: str, plane: str, wrong: Array, true: Array, got: Array, n: int) -> None:
    """Raise with the first of the wrong values."""
    if not wrong.any():
        return
    first = int(np.argmax(wrong))
    level, row, column = (int(v) for v in places(n)[first])
    hexes = [hex_of(array[first]) for array in (true, got)]
    difference = Difference(
        plane,
        0,
        str(true[first]),
        str(got[first]),
        level,
        row,
        column,
        hexes[0],
        hexes[1],
        int(wrong.sum()),
        wrong.size,
    )
    raise Violation(clause, str(difference), difference)


def hex_of(value: Any) -> str:
    """Bits of a float32 or an integer."""
    if isinstance(value, np.floating):
        return f"{int(np.float32(value).view(np.uint32)):08X}"
    return f"{int(value):04X}"


def check_f4(plane: str, true: Array, raw: Array, n: int) -> None:
    """Raise where stored float32 values are not the true ones, bit for bit."""
    check_missing("EC-1", plane, true, raw, n)
    a, b = true.view(np.uint32), raw.view(np.uint32)
    missing = np.isnan(true)
    fail_where("EC-2", plane, (a != b) & ~missing, true, raw, n)
    fail_where("EC-8", f"{plane} (missing is 7FC00000)", missing & (b != _MISSING_F4), true, raw, n)
