"""Kernels of the decoder: from bytes of many records to levels, one plane at a time.

`rows` is a (B, L) byte matrix of B records whose plane starts at byte `start` of each. `out`,
(B, n, 15, 15), receives the levels. The plain definitions are `hstamp.encodings` and
`hstamp.values.fill_levels`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types

from ..layout import (
    CORE,
    CORE_SIZE,
    GRID,
    GRID_SIZE,
    HOLE_SIDE,
    HOLE_START,
    HOLE_STOP,
    RING_SIZE,
)
from ..limits import Q_MISSING
from .jit import F4, F8, I8, U1, U2, inline, kernel, readable, writable

__all__ = ["image_i2", "levels_f4", "levels_log8", "mask_levels", "psf_i2"]

_ROWS = readable(U1, 2)
_HEAD = HOLE_START * GRID
"""Ring values in front of the hole; as many follow it."""
_TAIL = HOLE_STOP * GRID
_SIDES = 2 * HOLE_START
"""Ring values beside the hole in each of its rows."""
_FIRST = HOLE_START * GRID + HOLE_START
"""First pixel of the hole in its level."""


@inline
def _place(values: Any, n: int, o: Any) -> None:
    """Core and rings to their places (step 3 of [DE-1])."""
    for r in range(CORE):
        for c in range(CORE):
            o[r * GRID + c] = values[r * CORE + c]
    for k in range(1, n):
        a = CORE_SIZE + RING_SIZE * (k - 1)
        g = GRID_SIZE * k
        o[g : g + _HEAD] = values[a : a + _HEAD]
        for r in range(HOLE_SIDE):
            for c in range(HOLE_START):
                o[g + _HEAD + GRID * r + c] = values[a + _HEAD + _SIDES * r + c]
                o[g + _HEAD + HOLE_STOP + GRID * r + c] = values[
                    a + _HEAD + HOLE_START + _SIDES * r + c
                ]
        o[g + _TAIL : g + GRID_SIZE] = values[a + RING_SIZE - _HEAD : a + RING_SIZE]


@inline
def _derive(o: Any) -> None:
    """Row and column 14 of level 0 [GE-7]."""
    for i in range(GRID):
        o[CORE * GRID + i] = o[GRID_SIZE + _TAIL + HOLE_START + i // 2]
        o[GRID * i + CORE] = o[GRID_SIZE + (HOLE_START + i // 2) * GRID + HOLE_STOP]


@inline
def _fill(o: Any, n: int, squared: bool) -> None:
    """Holes from their finite children [VA-3], or the variances of such means [PL-3]."""
    whole = 0.0625 if squared else 0.25
    for k in range(1, n):
        c = (k - 1) % 2
        below = GRID_SIZE * (k - 1) + (GRID + 1) * c
        hole = GRID_SIZE * k + _FIRST
        for u in range(HOLE_SIDE):
            i = below + 2 * GRID * u
            h = hole + GRID * u
            bad = 0
            for v in range(HOLE_SIDE):
                j = i + 2 * v
                # Division by 4 or 16 is exact in binary64, and so is this product.
                s = (((0.0 + np.float64(o[j])) + np.float64(o[j + 1]))
                     + np.float64(o[j + GRID])) + np.float64(o[j + GRID + 1])  # fmt: skip
                bad |= s != s
                o[h + v] = np.float32(s * whole)
            if bad:
                for v in range(HOLE_SIDE):
                    j = i + 2 * v
                    s = np.float64(0.0)
                    m = 0.0
                    for child in (o[j], o[j + 1], o[j + GRID], o[j + GRID + 1]):
                        if child == child:
                            s += np.float64(child)
                            m += 1.0
                    if m == 0.0:
                        o[h + v] = np.float32(np.nan)
                    else:
                        o[h + v] = np.float32(s / (m * m if squared else m))


@kernel(types.void, _ROWS, I8, readable(F8, 3), writable(F4, 4))
def image_i2(rows: Any, start: int, terms: Any, out: Any) -> None:
    """Image levels of ``i2`` planes [EN-2]; `terms` are as in `hstamp.planes.Encoded`."""
    n = out.shape[1]
    size = CORE_SIZE + RING_SIZE * (n - 1)
    stored = np.empty(size, np.int16)
    raw = stored.view(np.uint8)
    values = np.empty(size, np.float32)
    missing = np.float32(np.nan)
    for b in range(out.shape[0]):
        raw[:] = rows[b, start : start + 2 * size]
        for k in range(n):
            z = terms[0, b, k]
            s = terms[1, b, k]
            first = 0 if k == 0 else CORE_SIZE + RING_SIZE * (k - 1)
            # Slices start at 0, which spares each element the test for a negative index.
            codes, decoded = (
                stored[first : CORE_SIZE + RING_SIZE * k],
                values[first : CORE_SIZE + RING_SIZE * k],
            )
            for i in range(codes.shape[0]):
                q = codes[i]
                v = np.float32(z + s * np.float64(q))
                decoded[i] = missing if q == Q_MISSING else v
        o = out[b].reshape(n * GRID_SIZE)
        _place(values, n, o)
        _fill(o, n, False)
        _derive(o)


@kernel(types.void, _ROWS, I8, types.boolean, writable(F4, 4))
def levels_f4(rows: Any, start: int, squared: bool, out: Any) -> None:
    """Image or variance levels of ``f4`` planes [EN-1], [EN-4]."""
    n = out.shape[1]
    size = CORE_SIZE + RING_SIZE * (n - 1)
    values = np.empty(size, np.float32)
    raw = values.view(np.uint8)
    for b in range(out.shape[0]):
        raw[:] = rows[b, start : start + 4 * size]
        o = out[b].reshape(n * GRID_SIZE)
        _place(values, n, o)
        _fill(o, n, squared)
        _derive(o)


@kernel(types.void, _ROWS, I8, readable(F8, 3), readable(F8, 2), writable(F4, 4))
def levels_log8(rows: Any, start: int, terms: Any, table: Any, out: Any) -> None:
    """Variance levels of ``log8`` planes [EN-5]; `table` is M * 2**(e - 15 - 2k), (8, 256)."""
    n = out.shape[1]
    size = CORE_SIZE + RING_SIZE * (n - 1)
    values = np.empty(size, np.float32)
    for b in range(out.shape[0]):
        u = terms[0, b, 0]
        for k in range(n):
            first = 0 if k == 0 else CORE_SIZE + RING_SIZE * (k - 1)
            # Left as one loop over indices: as slices it is vectorised with gathers, and slower.
            for i in range(first, CORE_SIZE + RING_SIZE * k):
                values[i] = np.float32(u * table[k, rows[b, start + i]])
        o = out[b].reshape(n * GRID_SIZE)
        _place(values, n, o)
        _fill(o, n, True)
        _derive(o)


@kernel(types.void, _ROWS, I8, I8, writable(U2, 4))
def mask_levels(rows: Any, start: int, width: int, out: Any) -> None:
    """Mask levels of ``u1`` (width 1) and ``u2`` (width 2) planes [EN-8]."""
    n = out.shape[1]
    size = CORE_SIZE + RING_SIZE * (n - 1)
    values = np.empty(size, np.uint16)
    raw = values.view(np.uint8)
    for b in range(out.shape[0]):
        if width == 1:
            for i in range(size):
                values[i] = rows[b, start + i]
        else:
            raw[:] = rows[b, start : start + 2 * size]
        o = out[b].reshape(n * GRID_SIZE)
        _place(values, n, o)
        for k in range(1, n):
            below = GRID_SIZE * (k - 1) + (GRID + 1) * ((k - 1) % 2)
            hole = GRID_SIZE * k + _FIRST
            for u in range(HOLE_SIDE):
                for v in range(HOLE_SIDE):
                    j = below + 2 * GRID * u + 2 * v
                    o[hole + GRID * u + v] = o[j] | o[j + 1] | o[j + GRID] | o[j + GRID + 1]
        _derive(o)


@kernel(types.void, _ROWS, I8, writable(F4, 3))
def psf_i2(rows: Any, start: int, out: Any) -> None:
    """Valid PSFs of unit sum [EN-9]."""
    count = out.shape[1] * out.shape[2]
    stored = np.empty(count, np.int16)
    raw = stored.view(np.uint8)
    for b in range(out.shape[0]):
        raw[:] = rows[b, start : start + 2 * count]
        total = np.int64(0)
        for i in range(count):
            total += np.int64(stored[i])
        q, o = np.float64(total), out[b].reshape(count)
        for i in range(count):
            o[i] = np.float32(np.float64(stored[i]) / q)
