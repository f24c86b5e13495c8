"""Kernels of the decoder: from bytes of many records to levels, one plane at a time.

`data` holds the bytes of B records; the plane of record b starts at ``starts[b]``. `out`,
(B, n, 15, 15), receives the levels. The plain definitions are `hstamp.encodings` and
`hstamp.values.fill_levels`. Unsigned indices spare each element the test for a negative one, which
keeps loops vectorised.
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

__all__ = ["image_i2", "int16_at", "levels_f4", "levels_log8", "mask_levels", "psf_i2"]

_DATA, _STARTS = readable(U1, 1), readable(I8, 1)
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
    u = np.uint64
    for r in range(u(CORE)):
        for c in range(u(CORE)):
            o[r * u(GRID) + c] = values[r * u(CORE) + c]
    for k in range(u(1), u(n)):
        a = u(CORE_SIZE) + u(RING_SIZE) * (k - u(1))
        g = u(GRID_SIZE) * k
        for i in range(u(_HEAD)):
            o[g + i] = values[a + i]
            o[g + u(_TAIL) + i] = values[a + u(RING_SIZE - _HEAD) + i]
        a += u(_HEAD)
        g += u(_HEAD)
        for r in range(u(HOLE_SIDE)):
            for c in range(u(HOLE_START)):
                o[g + u(GRID) * r + c] = values[a + u(_SIDES) * r + c]
                o[g + u(HOLE_STOP) + u(GRID) * r + c] = values[
                    a + u(HOLE_START) + u(_SIDES) * r + c
                ]


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


@inline
def int16_at(data: Any, at: Any) -> Any:
    """Little-endian int16 at a byte; unlike a view it needs no alignment."""
    return np.int16(np.uint16(data[at]) | (np.uint16(data[at + np.uint64(1)]) << np.uint16(8)))


@inline
def _copy(source: Any, target: Any) -> None:
    for i in range(np.uint64(target.shape[0])):
        target[i] = source[i]


@kernel(types.void, _DATA, _STARTS, readable(F8, 3), writable(F4, 4))
def image_i2(data: Any, starts: Any, terms: Any, out: Any) -> None:
    """Image levels of ``i2`` planes [EN-2]; `terms` are as in `hstamp.planes.Encoded`."""
    n = out.shape[1]
    size = CORE_SIZE + RING_SIZE * (n - 1)
    values = np.empty(size, np.float32)
    missing = np.float32(np.nan)
    u = np.uint64
    for b in range(out.shape[0]):
        codes = data[starts[b] : starts[b] + 2 * size]
        for k in range(n):
            z = terms[0, b, k]
            s = terms[1, b, k]
            first = 0 if k == 0 else CORE_SIZE + RING_SIZE * (k - 1)
            for i in range(u(first), u(CORE_SIZE + RING_SIZE * k)):
                q = int16_at(codes, u(2) * i)
                v = np.float32(z + s * np.float64(q))
                values[i] = missing if q == Q_MISSING else v
        o = out[b].reshape(n * GRID_SIZE)
        _place(values, n, o)
        _fill(o, n, False)
        _derive(o)


@kernel(types.void, _DATA, _STARTS, types.boolean, writable(F4, 4))
def levels_f4(data: Any, starts: Any, squared: bool, out: Any) -> None:
    """Image or variance levels of ``f4`` planes [EN-1], [EN-4]."""
    n = out.shape[1]
    size = CORE_SIZE + RING_SIZE * (n - 1)
    values = np.empty(size, np.float32)
    raw = values.view(np.uint8)
    for b in range(out.shape[0]):
        _copy(data[starts[b] : starts[b] + 4 * size], raw)
        o = out[b].reshape(n * GRID_SIZE)
        _place(values, n, o)
        _fill(o, n, squared)
        _derive(o)


@kernel(types.void, _DATA, _STARTS, readable(F8, 3), readable(F8, 2), writable(F4, 4))
def levels_log8(data: Any, starts: Any, terms: Any, table: Any, out: Any) -> None:
    """Variance levels of ``log8`` planes [EN-5]; `table` is M * 2**(e - 15 - 2k), (8, 256).

    Values go to their places at once, one pass less than by `_place`. Indices are signed:
    otherwise the look-up is vectorised with gathers, and slower.
    """
    n = out.shape[1]
    size = CORE_SIZE + RING_SIZE * (n - 1)
    for b in range(out.shape[0]):
        unit = terms[0, b, 0]
        codes = data[starts[b] : starts[b] + size]
        o = out[b].reshape(n * GRID_SIZE)
        values = table[0]
        for r in range(CORE):
            for c in range(CORE):
                o[r * GRID + c] = np.float32(unit * values[codes[r * CORE + c]])
        for k in range(1, n):
            values = table[k]
            a = CORE_SIZE + RING_SIZE * (k - 1)
            g = GRID_SIZE * k
            for i in range(_HEAD):
                o[g + i] = np.float32(unit * values[codes[a + i]])
            for i in range(_HEAD):
                o[g + _TAIL + i] = np.float32(unit * values[codes[a + RING_SIZE - _HEAD + i]])
            a += _HEAD
            g += _HEAD
            for r in range(HOLE_SIDE):
                for c in range(HOLE_START):
                    o[g + GRID * r + c] = np.float32(unit * values[codes[a + _SIDES * r + c]])
                    o[g + HOLE_STOP + GRID * r + c] = np.float32(
                        unit * values[codes[a + HOLE_START + _SIDES * r + c]]
                    )
        _fill(o, n, True)
        _derive(o)


@kernel(types.void, _DATA, _STARTS, I8, writable(U2, 4))
def mask_levels(data: Any, starts: Any, width: int, out: Any) -> None:
    """Mask levels of ``u1`` (width 1) and ``u2`` (width 2) planes [EN-8]."""
    n = out.shape[1]
    size = CORE_SIZE + RING_SIZE * (n - 1)
    values = np.empty(size, np.uint16)
    raw = values.view(np.uint8)
    for b in range(out.shape[0]):
        bits = data[starts[b] : starts[b] + width * size]
        if width == 1:
            _copy(bits, values)
        else:
            _copy(bits, raw)
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


@kernel(types.void, _DATA, _STARTS, writable(F4, 3))
def psf_i2(data: Any, starts: Any, out: Any) -> None:
    """Valid PSFs of unit sum [EN-9]."""
    count = out.shape[1] * out.shape[2]
    u = np.uint64
    for b in range(out.shape[0]):
        codes = data[starts[b] : starts[b] + 2 * count]
        total = np.int64(0)
        for i in range(u(count)):
            total += np.int64(int16_at(codes, u(2) * i))
        q, o = np.float64(total), out[b].reshape(count)
        for i in range(u(count)):
            o[i] = np.float32(np.float64(int16_at(codes, u(2) * i)) / q)
