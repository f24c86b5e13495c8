"""Kernels of the encoder's first half: from parents to the stored values of every level.

A parent is read once, row by row, without copying its windows. The plain definitions are
`hstamp.values.true_levels` and `hstamp.values.store`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types

from ..layout import (
    CORE,
    CORE_SIZE,
    GRID,
    HOLE_START,
    HOLE_STOP,
    MAX_LEVELS,
    RING_SIZE,
    Layout,
)
from ..limits import FLT_MAX
from .jit import F4, I8, U2, inline, kernel, readable, writable

__all__ = ["bits_of", "means_of"]

_ORIGINS = Layout(levels=MAX_LEVELS).origins
_FLT_MAX = np.float32(FLT_MAX)


@inline
def _halve(top: Any, bottom: Any, out: Any, squared: bool) -> bool:
    """One row of the next level from two rows of this one [VA-3], [PL-3].

    Children that are not finite are missing. Returns whether all were there. Unsigned indices
    spare the test for negative ones, which keeps the loop vectorised.
    """
    whole = 0.0625 if squared else 0.25
    one = np.uint64(1)
    for j in range(out.shape[0]):
        i = np.uint64(2) * np.uint64(j)
        s = (((0.0 + np.float64(top[i])) + np.float64(top[i + one]))
             + np.float64(bottom[i])) + np.float64(bottom[i + one])  # fmt: skip
        out[j] = np.float32(s * whole)
    bad = 0
    for j in range(out.shape[0]):
        bad += 0 if abs(out[j]) <= _FLT_MAX else 1
    if bad == 0:
        return True
    for j in range(out.shape[0]):
        if not abs(out[j]) <= _FLT_MAX:
            out[j] = _mean_of_some(
                top[2 * j], top[2 * j + 1], bottom[2 * j], bottom[2 * j + 1], squared
            )
    return False


@inline
def _mean_of_some(a: Any, b: Any, c: Any, d: Any, squared: bool) -> Any:
    """One pixel of the next level from those of its children that are there."""
    s = 0.0
    m = 0.0
    for child in (a, b, c, d):
        if abs(child) <= _FLT_MAX:
            s += np.float64(child)
            m += 1.0
    if m == 0.0:
        return np.float32(np.nan)
    return np.float32(s / (m * m if squared else m))


@inline
def _inside(first: int, size: int, side: int) -> tuple[int, int]:
    """Rows or columns of a window, from `first` of its parent's on, that the parent has."""
    begin = min(max(0, -first), side)
    return begin, max(begin, min(side, size - first))


@inline
def _touched(span: tuple[int, int]) -> tuple[int, int]:
    """Rows or columns of the next level that have a child in a span."""
    return span[0] // 2, (span[1] + 1) // 2


@inline
def _blank(grid: Any, above: int, below: int, left: int, right: int) -> None:
    """Mark everything outside some rows and columns of a level as missing."""
    missing = np.float32(np.nan)
    grid[:above] = missing
    grid[below:] = missing
    if left > 0 or right < grid.shape[1]:
        grid[above:below, :left] = missing
        grid[above:below, right:] = missing


@inline
def _or_rows(top: Any, bottom: Any, both: Any, pairs: Any, out: Any) -> None:
    """One row of the next level's bits [PL-4]; `pairs` is the uint32 view of `both`."""
    width = 2 * out.shape[0]
    upper, lower, merged = top[:width], bottom[:width], both[:width]
    for j in range(width):
        merged[j] = upper[j] | lower[j]
    for j in range(out.shape[0]):
        out[j] = np.uint16(pairs[j] | (pairs[j] >> np.uint32(16)))


@inline
def _any_negative(values: Any) -> bool:
    found = 0
    for j in range(values.shape[0]):
        found += 1 if values[j] < 0 else 0
    return found > 0


@inline
def _read(image: Any, spread: Any, row: int, column: int, variance: bool, out: Any) -> None:
    """One row of a window, NaN where missing [VA-2], [PL-2]."""
    missing = np.float32(np.nan)
    width = out.shape[0]
    first, last = max(0, -column), min(width, image.shape[1] - column)
    if row < 0 or row >= image.shape[0] or first >= last:
        out[:] = missing
        return
    out[:first] = missing
    out[last:] = missing
    inside = out[first:last]
    source = image[row, column + first : column + last]
    if variance:
        other = spread[row, column + first : column + last]
        for j in range(inside.shape[0]):
            v = other[j]
            good = (v >= 0) & (v <= _FLT_MAX) & (abs(source[j]) <= _FLT_MAX)
            inside[j] = v if good else missing
    else:
        for j in range(inside.shape[0]):
            v = source[j]
            inside[j] = v if abs(v) <= _FLT_MAX else missing


@inline
def _pixel(image: Any, spread: Any, y: int, x: int, variance: bool) -> Any:
    """One pixel of a window as `_read` gives it."""
    if y < 0 or y >= image.shape[0] or x < 0 or x >= image.shape[1]:
        return np.float32(np.nan)
    v = image[y, x]
    if not abs(v) <= _FLT_MAX:
        return np.float32(np.nan)
    if variance:
        v = spread[y, x]
        if not (v >= 0 and v <= _FLT_MAX):
            return np.float32(np.nan)
    return v


@inline
def _store(grid: Any, k: int, stored: Any) -> None:
    """Core or ring of level k (15, 15) in stamp order."""
    if k == 0:
        for r in range(CORE):
            for c in range(CORE):
                stored[CORE * r + c] = grid[r, c]
        return
    i = CORE_SIZE + RING_SIZE * (k - 1)
    for r in range(GRID):
        if r < HOLE_START or r >= HOLE_STOP:
            for c in range(GRID):
                stored[i + c] = grid[r, c]
            i += GRID
        else:
            for c in range(HOLE_START):
                stored[i + c] = grid[r, c]
                stored[i + HOLE_START + c] = grid[r, HOLE_STOP + c]
            i += 2 * HOLE_START


@kernel(types.void, readable(F4, 3), readable(F4, 3), readable(I8, 1), readable(I8, 1),
        types.boolean, writable(types.boolean, 2), writable(F4, 4), writable(F4, 2))  # fmt: skip
def means_of(
    image: Any, spread: Any, rows: Any, columns: Any, variance: bool, clean: Any, grids: Any,
    stored: Any,
) -> None:  # fmt: skip
    """True levels and stored values of images, or of their variances.

    Parameters
    ----------
    image, spread : ndarray of float32, shape (1 or B, H, W)
        Parents; `spread`, the variance, is read with `variance` only.
    rows, columns : ndarray of int64, shape (B,)
        First row and column of each widest level in its parent; they may lie outside.
    variance : bool
        Whether to follow [PL-3] rather than [VA-3].
    clean : ndarray of bool, shape (B, side / 2)
        Pairs of rows of which every image pixel is there: found for images, used for variances.
    grids : ndarray of float32, shape (B, n, 15, 15)
        Receives the levels.
    stored : ndarray of float32, shape (B, N)
        Receives the stored values.
    """
    n = grids.shape[1]
    side = GRID << (n - 1)
    half = side // 2
    window = np.empty((2, side), np.float32)
    low = np.empty((half, half), np.float32)
    high = np.empty((side // 4 + 1, side // 4 + 1), np.float32)
    start = _ORIGINS[0] - _ORIGINS[n - 1]
    for b in range(grids.shape[0]):
        i = b if image.shape[0] > 1 else 0
        one, other = image[i], spread[i if variance else 0]
        row, column = rows[b], columns[b]
        for r in range(GRID):
            _read(one, other, row + start + r, column + start, variance, grids[b, 0, r])
        inside = _inside(row, one.shape[0], side), _inside(column, one.shape[1], side)
        above, below = _touched(inside[0])
        left, right = _touched(inside[1])
        # Pixels of the next level all of whose columns are the parent's.
        first, last = (inside[1][0] + 1) // 2, inside[1][1] // 2
        _blank(low[:half, :half], above, below, left, right)
        for r in range(half):
            y = row + 2 * r
            done = False
            if y >= 0 and y + 1 < one.shape[0] and first < last:
                source = other if variance else one
                top = source[y, column + 2 * first : column + 2 * last]
                bottom = source[y + 1, column + 2 * first : column + 2 * last]
                if not variance:
                    clean[b, r] = _halve(top, bottom, low[r, first:last], False)
                    done = True
                elif clean[b, r] and not (_any_negative(top) or _any_negative(bottom)):
                    _halve(top, bottom, low[r, first:last], True)
                    done = True
            elif not variance:
                clean[b, r] = False
            if done:
                for edge, end in ((left, first), (last, right)):
                    for j in range(edge, end):  # one pixel, if any
                        x = column + 2 * j
                        low[r, j] = _mean_of_some(
                            _pixel(one, other, y, x, variance),
                            _pixel(one, other, y, x + 1, variance),
                            _pixel(one, other, y + 1, x, variance),
                            _pixel(one, other, y + 1, x + 1, variance),
                            variance,
                        )
            elif above <= r < below:
                for h in range(2):
                    _read(one, other, y + h, column, variance, window[h])
                _halve(window[0, 2 * left : 2 * right], window[1, 2 * left : 2 * right],
                       low[r, left:right], variance)  # fmt: skip
        _store(grids[b, 0], 0, stored[b])
        for k in range(1, n):
            at = (_ORIGINS[k] - _ORIGINS[n - 1]) >> k
            current = low if k % 2 else high
            for r in range(GRID):
                for c in range(GRID):
                    grids[b, k, r, c] = current[at + r, at + c]
            _store(grids[b, k], k, stored[b])
            if k < n - 1:
                wide = side >> (k + 1)
                above, below = _touched((above, below))
                left, right = _touched((left, right))
                coarse = high if k % 2 else low
                _blank(coarse[:wide, :wide], above, below, left, right)
                for r in range(above, below):
                    _halve(current[2 * r, 2 * left : 2 * right],
                           current[2 * r + 1, 2 * left : 2 * right],
                           coarse[r, left:right], variance)  # fmt: skip


@kernel(types.void, readable(U2, 3), readable(I8, 1), readable(I8, 1), I8, writable(U2, 2))
def bits_of(mask: Any, rows: Any, columns: Any, n: int, stored: Any) -> None:
    """Stored mask values, shape (B, N), by [PL-4]; parameters as in `means_of`."""
    side = GRID << (n - 1)
    window = np.empty((2, side), np.uint16)
    low = np.empty((side // 2, side // 2), np.uint16)
    high = np.empty((side // 4 + 1, side // 4 + 1), np.uint16)
    grid = np.empty((GRID, GRID), np.uint16)
    both = np.empty(side, np.uint16)
    pairs = both.view(np.uint32)
    start = _ORIGINS[0] - _ORIGINS[n - 1]
    for b in range(stored.shape[0]):
        one = mask[b if mask.shape[0] > 1 else 0]
        first = max(0, -columns[b])
        last = min(side, one.shape[1] - columns[b])
        for r in range(side // 2):
            y = rows[b] + 2 * r
            inside = first == 0 and last == side and y >= 0 and y + 1 < one.shape[0]
            if inside:
                left = columns[b]
                _or_rows(one[y, left : left + side], one[y + 1, left : left + side], both, pairs,
                         low[r])  # fmt: skip
            else:
                for h in range(2):
                    window[h] = 0
                    if 0 <= y + h < one.shape[0] and first < last:
                        window[h, first:last] = one[y + h, columns[b] + first : columns[b] + last]
                _or_rows(window[0], window[1], both, pairs, low[r])
        for r in range(GRID):
            y = rows[b] + start + r
            for c in range(GRID):
                x = columns[b] + start + c
                there = 0 <= y < one.shape[0] and 0 <= x < one.shape[1]
                grid[r, c] = one[y, x] if there else np.uint16(0)
        _store(grid, 0, stored[b])
        for k in range(1, n):
            half = side >> k
            at = (_ORIGINS[k] - _ORIGINS[n - 1]) >> k
            current = low if k % 2 else high
            _store(current[at : at + GRID, at : at + GRID], k, stored[b])
            if k < n - 1:
                above = high if k % 2 else low
                for r in range(half // 2):
                    _or_rows(current[2 * r], current[2 * r + 1], both, pairs,
                             above[r, : half // 2])  # fmt: skip
