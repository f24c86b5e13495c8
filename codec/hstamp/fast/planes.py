"""Kernels of the decoder: from bytes of many records to levels, one plane at a time.

`rows` is a (B, L) byte matrix of B records whose plane starts at byte `start` of each. `out` is
(B, n * 225) in the order of (B, n, 15, 15). The plain definitions are `hstamp.encodings` and
`hstamp.decoder.fill_levels`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types

from .jit import F4, F8, I8, U1, U2, inline, kernel, readable, writable

__all__ = [
    "image_i2", "levels_f4", "levels_log8", "mask_levels", "mask_within", "psf_i2", "psf_valid",
]  # fmt: skip

_ROWS = readable(U1, 2)
_GRID = 225
_CORE = 196
_RING = 176


@inline
def _place(values: Any, levels: int, o: Any) -> None:
    """Core and rings to their places (step 3 of [DE-1])."""
    for r in range(14):
        for c in range(14):
            o[r * 15 + c] = values[r * 14 + c]
    for k in range(1, levels):
        a = _CORE + _RING * (k - 1)
        g = _GRID * k
        o[g : g + 60] = values[a : a + 60]
        for r in range(7):
            for c in range(4):
                o[g + 60 + 15 * r + c] = values[a + 60 + 8 * r + c]
                o[g + 71 + 15 * r + c] = values[a + 64 + 8 * r + c]
        o[g + 165 : g + 225] = values[a + 116 : a + 176]


@inline
def _derive(o: Any) -> None:
    """Row and column 14 of level 0 [GE-7]."""
    for i in range(15):
        o[210 + i] = o[_GRID + 11 * 15 + 4 + i // 2]
        o[15 * i + 14] = o[_GRID + (4 + i // 2) * 15 + 11]


@inline
def _fill(o: Any, levels: int, squared: bool) -> None:
    """Holes from their finite children [VA-3], or the variances of such means [PL-3]."""
    whole = 0.0625 if squared else 0.25
    for k in range(1, levels):
        c = (k - 1) % 2
        below = _GRID * (k - 1) + 16 * c
        hole = _GRID * k + 64
        for u in range(7):
            i = below + 30 * u
            h = hole + 15 * u
            bad = 0
            for v in range(7):
                j = i + 2 * v
                # Division by 4 or 16 is exact in binary64, and so is this product.
                s = (((0.0 + np.float64(o[j])) + np.float64(o[j + 1]))
                     + np.float64(o[j + 15])) + np.float64(o[j + 16])  # fmt: skip
                bad |= s != s
                o[h + v] = np.float32(s * whole)
            if bad:
                for v in range(7):
                    j = i + 2 * v
                    s = np.float64(0.0)
                    m = 0.0
                    for child in (o[j], o[j + 1], o[j + 15], o[j + 16]):
                        if child == child:
                            s += np.float64(child)
                            m += 1.0
                    if m == 0.0:
                        o[h + v] = np.float32(np.nan)
                    else:
                        o[h + v] = np.float32(s / (m * m if squared else m))


@kernel(types.void, _ROWS, I8, readable(F8, 2), readable(F8, 2), writable(F4, 2))
def image_i2(rows: Any, start: int, zero: Any, scale: Any, out: Any) -> None:
    """Image levels of ``i2`` planes [EN-2]."""
    levels = out.shape[1] // _GRID
    size = _CORE + _RING * (levels - 1)
    stored = np.empty(size, np.int16)
    raw = stored.view(np.uint8)
    values = np.empty(size, np.float32)
    missing = np.float32(np.nan)
    for b in range(out.shape[0]):
        raw[:] = rows[b, start : start + 2 * size]
        for k in range(levels):
            z = zero[b, k]
            s = scale[b, k]
            first = 0 if k == 0 else _CORE + _RING * (k - 1)
            # Slices start at 0, which spares each element the test for a negative index.
            codes, decoded = stored[first : _CORE + _RING * k], values[first : _CORE + _RING * k]
            for i in range(codes.shape[0]):
                q = codes[i]
                v = np.float32(z + s * np.float64(q))
                decoded[i] = missing if q == -32768 else v
        o = out[b]
        _place(values, levels, o)
        _fill(o, levels, False)
        _derive(o)


@kernel(types.void, _ROWS, I8, types.boolean, writable(F4, 2))
def levels_f4(rows: Any, start: int, squared: bool, out: Any) -> None:
    """Image or variance levels of ``f4`` planes [EN-1], [EN-4]."""
    levels = out.shape[1] // _GRID
    size = _CORE + _RING * (levels - 1)
    values = np.empty(size, np.float32)
    raw = values.view(np.uint8)
    for b in range(out.shape[0]):
        raw[:] = rows[b, start : start + 4 * size]
        o = out[b]
        _place(values, levels, o)
        _fill(o, levels, squared)
        _derive(o)


@kernel(types.void, _ROWS, I8, readable(F8, 1), readable(F8, 2), writable(F4, 2))
def levels_log8(rows: Any, start: int, unit: Any, table: Any, out: Any) -> None:
    """Variance levels of ``log8`` planes [EN-5]; `table` is M * 2**(e - 15 - 2k), (8, 256)."""
    levels = out.shape[1] // _GRID
    size = _CORE + _RING * (levels - 1)
    values = np.empty(size, np.float32)
    for b in range(out.shape[0]):
        u = unit[b]
        for k in range(levels):
            first = 0 if k == 0 else _CORE + _RING * (k - 1)
            # Left as one loop over indices: as slices it is vectorised with gathers, and slower.
            for i in range(first, _CORE + _RING * k):
                values[i] = np.float32(u * table[k, rows[b, start + i]])
        o = out[b]
        _place(values, levels, o)
        _fill(o, levels, True)
        _derive(o)


@kernel(types.void, _ROWS, I8, I8, writable(U2, 2))
def mask_levels(rows: Any, start: int, width: int, out: Any) -> None:
    """Mask levels of ``u1`` (width 1) and ``u2`` (width 2) planes [EN-8]."""
    levels = out.shape[1] // _GRID
    size = _CORE + _RING * (levels - 1)
    values = np.empty(size, np.uint16)
    raw = values.view(np.uint8)
    for b in range(out.shape[0]):
        if width == 1:
            for i in range(size):
                values[i] = rows[b, start + i]
        else:
            raw[:] = rows[b, start : start + 2 * size]
        o = out[b]
        _place(values, levels, o)
        for k in range(1, levels):
            below = _GRID * (k - 1) + 16 * ((k - 1) % 2)
            hole = _GRID * k + 64
            for u in range(7):
                for v in range(7):
                    j = below + 30 * u + 2 * v
                    o[hole + 15 * u + v] = o[j] | o[j + 1] | o[j + 15] | o[j + 16]
        _derive(o)


@kernel(types.void, _ROWS, I8, I8, I8, I8, writable(types.boolean, 1))
def mask_within(rows: Any, start: int, count: int, width: int, planes: int, good: Any) -> None:
    """Clear `good` where one of `count` mask values sets a bit beyond its planes (check 19)."""
    low_limit = np.uint8((0xFF << min(planes, 8)) & 0xFF)
    high_limit = np.uint8((0xFF << max(planes - 8, 0)) & 0xFF)
    for b in range(rows.shape[0]):
        low = np.uint8(0)
        high = np.uint8(0)
        if width == 1:
            for i in range(start, start + count):
                low |= rows[b, i]
        else:
            for i in range(count):
                low |= rows[b, start + 2 * i]
                high |= rows[b, start + 2 * i + 1]
        if (low & low_limit) or (high & high_limit):
            good[b] = False


@kernel(types.void, _ROWS, I8, I8, writable(types.boolean, 1))
def psf_valid(rows: Any, start: int, count: int, good: Any) -> None:
    """Clear `good` where `count` stored PSF values are not valid (check 20)."""
    stored = np.empty(count, np.int16)
    raw = stored.view(np.uint8)
    for b in range(rows.shape[0]):
        raw[:] = rows[b, start : start + 2 * count]
        total = np.int64(0)
        low = np.int16(0)
        for i in range(count):
            total += np.int64(stored[i])
            low = min(low, stored[i])
        if total <= 0 or low == -32768:
            good[b] = False


@kernel(types.void, _ROWS, I8, writable(F4, 2))
def psf_i2(rows: Any, start: int, out: Any) -> None:
    """Valid PSFs of unit sum [EN-9]."""
    count = out.shape[1]
    stored = np.empty(count, np.int16)
    raw = stored.view(np.uint8)
    for b in range(out.shape[0]):
        raw[:] = rows[b, start : start + 2 * count]
        total = np.int64(0)
        for i in range(count):
            total += np.int64(stored[i])
        q = np.float64(total)
        for i in range(count):
            out[b, i] = np.float32(np.float64(stored[i]) / q)
