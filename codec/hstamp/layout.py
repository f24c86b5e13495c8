"""Geometry of the nested grids: Section 4 of the specification."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from .errors import InputError, shown

__all__ = [
    "CORE",
    "CORE_SIZE",
    "GRID",
    "GRID_SIZE",
    "HOLE",
    "HOLE_SIDE",
    "HOLE_START",
    "HOLE_STOP",
    "MAX_LEVELS",
    "MIN_LEVELS",
    "RING_SIZE",
    "Layout",
    "SharedPixels",
    "child_start",
    "count_of",
    "largest_covered",
    "positions_usable",
    "reference_corner",
    "reference_corners",
    "size_of",
]

GRID: Final = 15
"""Pixels along a side of every level [GE-3]."""
CORE: Final = 14
"""Pixels along a side of the stored part of level 0 [GE-5]."""
HOLE_START: Final = 4
HOLE_STOP: Final = 11
HOLE: Final = slice(HOLE_START, HOLE_STOP)
"""Rows and columns of the hole of a level k >= 1 [GE-4]."""
HOLE_SIDE: Final = HOLE_STOP - HOLE_START
GRID_SIZE: Final = GRID**2
"""Pixels of a level."""
CORE_SIZE: Final = CORE**2
"""Stored values of level 0 [GE-5]."""
RING_SIZE: Final = GRID_SIZE - HOLE_SIDE**2
"""Stored values of a level k >= 1 [GE-5]."""
MIN_LEVELS: Final = 2
MAX_LEVELS: Final = 8
"""Fewest and most levels of a stamp [GE-2]."""
_FARTHEST: Final = 2**31
"""Coordinates from here on are no pixel positions [pixel]."""

IntArray = npt.NDArray[np.intp]


def size_of(n: int) -> int:
    """Number of stored values N(n) of one plane [GE-6]."""
    return CORE_SIZE + (n - 1) * RING_SIZE


def count_of(levels: object) -> int:
    """Check a number of levels [GE-2]; raise `InputError` for anything else."""
    if isinstance(levels, bool) or not isinstance(levels, int | np.integer):
        raise InputError(f"levels must be an integer, not {shown(levels)}")
    if not MIN_LEVELS <= levels <= MAX_LEVELS:
        raise InputError(f"levels must be {MIN_LEVELS} to {MAX_LEVELS}, not {shown(levels)}")
    return int(levels)


def child_start(k: int) -> int:
    """First row and column of level `k` that lies under the hole of level k + 1 [GE-4]."""
    return k % 2


def reference_corner(x: float, y: float) -> tuple[int, int]:
    """Column and row of the base pixel up and right of the reference corner [GE-1].

    `reference_corners` says the same of arrays.

    Parameters
    ----------
    x, y : float
        Source position in the parent [pixel, 0-based, centres at integers].

    Returns
    -------
    i0, j0 : int
        The corner is the point (i0 - 1/2, j0 - 1/2).

    Raises
    ------
    InputError
        If a coordinate is not finite or beyond 2**31.
    """
    try:
        x, y = float(x), float(y)
    except Exception as error:  # whatever an object's own conversion raises
        raise InputError(f"({shown(x)}, {shown(y)}) is not a pair of numbers") from error
    if not positions_usable(x, y):
        raise InputError(f"source position ({x}, {y}) is not a pixel position")
    return math.floor(x) + 1, math.floor(y) + 1


def reference_corners(
    x: npt.NDArray[np.float64], y: npt.NDArray[np.float64]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Reference corners of usable positions of shape (B,) [GE-1]; see `reference_corner`."""
    return np.floor(x).astype(np.int64) + 1, np.floor(y).astype(np.int64) + 1


def positions_usable(x: Any, y: Any) -> Any:
    """Whether positions, numbers or arrays, are finite and within the range of pixel numbers."""
    return (abs(x) < _FARTHEST) & (abs(y) < _FARTHEST)


@dataclass(frozen=True)
class SharedPixels:
    """Ring pixels partly covered by stored pixels of the level below.

    Attributes
    ----------
    ring : ndarray of intp, shape (M,)
        Stamp-order positions of the ring pixels.
    covered : ndarray of intp, shape (M, 2)
        Stamp-order positions of the stored children, row-major; a single one is given twice.
    counts : ndarray of intp, shape (M,)
        Number of stored children, 1 or 2.
    """

    ring: IntArray
    covered: IntArray
    counts: IntArray


@dataclass(frozen=True)
class Layout:
    """The geometry of an n-level stamp.

    Parameters
    ----------
    levels : int
        Number of levels n, 2 to 8.

    Raises
    ------
    InputError
        If `levels` is not an integer from 2 to 8.

    Examples
    --------
    >>> Layout(levels=5).size
    900
    >>> Layout(levels=5).origins
    (-7, -15, -29, -61, -117)
    """

    levels: int = 5

    def __post_init__(self) -> None:
        object.__setattr__(self, "levels", count_of(self.levels))

    @property
    def size(self) -> int:
        """Number of stored values N(n) of one plane."""
        return size_of(self.levels)

    @property
    def pixel_sizes(self) -> tuple[int, ...]:
        """Side s_k of a pixel of each level [base pixel]."""
        return tuple(2**k for k in range(self.levels))

    @cached_property
    def origins(self) -> tuple[int, ...]:
        """First base offset o_k of each level, the same along both axes [base pixel]."""
        origin, origins = -7, [-7]
        for k in range(self.levels - 1):
            origin += child_start(k) * 2**k - 2 ** (k + 3)
            origins.append(origin)
        return tuple(origins)

    @property
    def side(self) -> int:
        """Side of the widest level, and of the mosaic [base pixel]."""
        return GRID << (self.levels - 1)

    @property
    def starts(self) -> tuple[int, ...]:
        """Position of each level's first stored value in stamp order."""
        return (0, *(size_of(k) for k in range(1, self.levels)))

    def part(self, k: int) -> slice:
        """Stored values of level `k` (core or ring) as a slice of stamp order."""
        return slice(self.starts[k], size_of(k + 1))

    @cached_property
    def stored_index(self) -> IntArray:
        """Place in the flattened (n, 15, 15) levels of each stored value, shape (N,) [GE-6]."""
        stored = np.zeros((self.levels, GRID, GRID), dtype=np.bool_)
        stored[0, :CORE, :CORE] = True
        stored[1:, ring_pixels()] = True
        return _frozen(np.flatnonzero(stored))

    @cached_property
    def level_index(self) -> IntArray:
        """Stamp-order position of each level pixel, shape (n, 15, 15); -1 where none is stored."""
        index = np.full((self.levels, GRID, GRID), -1, dtype=np.intp)
        index.ravel()[self.stored_index] = np.arange(self.size)
        return _frozen(index)

    @cached_property
    def mosaic_index(self) -> IntArray:
        """Stamp-order position shown at each base pixel of the mosaic, shape (side, side)."""
        mosaic = np.empty((self.side, self.side), dtype=np.intp)
        outer = self.origins[-1]
        for k in reversed(range(self.levels)):
            stored = self.level_index[k] if k else self.level_index[0, :CORE, :CORE]
            fine = stored.repeat(2**k, axis=0).repeat(2**k, axis=1)
            start = self.origins[k] - outer
            window = mosaic[start : start + len(fine), start : start + len(fine)]
            np.copyto(window, fine, where=fine >= 0)
        return _frozen(mosaic)

    @cached_property
    def shared(self) -> SharedPixels:
        """Ring pixels of which finer stored pixels cover a part [DE-6]."""
        ring, covered, counts = [], [], []
        for k in range(1, self.levels - 1):
            # Level k's row and column beyond the hole above lie at index 0 (c_k = 1) or 14.
            edge, above = (0, HOLE.start - 1) if child_start(k) else (CORE, HOLE.stop)
            first = child_start(k)
            pairs = [(above, above, [(edge, edge)])]
            for u in range(HOLE.stop - HOLE.start):
                fine = (first + 2 * u, first + 2 * u + 1)
                pairs.append((above, HOLE.start + u, [(edge, c) for c in fine]))
                pairs.append((HOLE.start + u, above, [(r, edge) for r in fine]))
            for row, column, known in pairs:
                ring.append(self.level_index[k + 1, row, column])
                places = [self.level_index[k, r, c] for r, c in known]
                covered.append((places[0], places[-1]))
                counts.append(len(places))
        return SharedPixels(
            _frozen(np.array(ring, dtype=np.intp)),
            _frozen(np.array(covered, dtype=np.intp).reshape(-1, 2)),
            _frozen(np.array(counts, dtype=np.intp)),
        )

    @cached_property
    def conserving_index(self) -> IntArray:
        """`mosaic_index` with the uncovered parts of `shared` pixels at positions N, N + 1 ..."""
        table = np.arange(self.size)
        table[self.shared.ring] = self.size + np.arange(len(self.shared.ring))
        return _frozen(table[self.mosaic_index])

    def extent(self, k: int) -> tuple[int, int]:
        """Base offsets of level `k`, as a half-open range [base pixel]."""
        return self.origins[k], self.origins[k] + GRID * 2**k


def ring_pixels() -> npt.NDArray[np.bool_]:
    """Pixels of a level k >= 1 that are stored: True outside the hole, shape (15, 15) [GE-5]."""
    ring = np.ones((GRID, GRID), dtype=np.bool_)
    ring[HOLE, HOLE] = False
    return ring


@lru_cache(maxsize=MAX_LEVELS, typed=True)
def layout_of(n: int) -> Layout:
    """Return the shared `Layout` of n levels, so that its index maps are built once."""
    return Layout(n)


def largest_covered(shape: tuple[int, int], i0: int, j0: int) -> int:
    """Largest n whose widest level lies inside a parent, and at least 2 [EC-7].

    Parameters
    ----------
    shape : (int, int)
        Rows and columns of the parent.
    i0, j0 : int
        Reference corner, see `reference_corner`.
    """
    best = MIN_LEVELS
    for n in range(MIN_LEVELS, MAX_LEVELS + 1):
        low, high = layout_of(n).extent(n - 1)
        if min(i0, j0) + low >= 0 and i0 + high <= shape[1] and j0 + high <= shape[0]:
            best = n
    return best


def _frozen(array: IntArray) -> IntArray:
    array.flags.writeable = False
    return array
