"""Kernels of the encoder's second half: steps and codes of stored values, [EC-4] and [EC-5].

The plain definitions are in `hstamp.encodings.image` and `hstamp.encodings.variance`.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import types

from ..encodings.image import ALMOST_ONE, COARSEST, Q_RANGE
from ..encodings.variance import MISSING_LOG8, ZERO_LOG8
from ..layout import CORE_SIZE, GRID, RING_SIZE
from ..limits import FLT_MAX, Q_MAX, Q_MISSING, TOP_MANTISSA, steps_within
from .jit import F4, F8, I2, U1, inline, kernel, readable, writable

__all__ = ["codes_i2", "codes_log8", "noise_of_levels", "noise_of_variance"]

_HIGHEST, _MISSING = float(Q_MAX), float(Q_MISSING)
_ESTIMATE = np.floor(16 * np.log2(1 + np.arange(256) / 256)).astype(np.int64)


_steps_within = inline(steps_within)


@inline
def _ceil_f4(value: float) -> float:
    """Smallest float32 at or above a value >= 0."""
    rounded = np.float32(value)
    if np.float64(rounded) < value:
        rounded = np.nextafter(rounded, np.float32(np.inf))
    return np.float64(rounded)


@kernel(types.void, readable(F4, 2), readable(F8, 2), F8, writable(F8, 2), writable(F8, 2),
        writable(types.boolean, 1), writable(types.boolean, 1), writable(I2, 2))  # fmt: skip
def codes_i2(
    stored: Any, noise: Any, step: float, zero: Any, scale: Any, fits: Any, coarse: Any, codes: Any
) -> None:
    """Zero points, scales and integers of ``i2``.

    Parameters
    ----------
    stored : ndarray of float32, shape (B, N)
    noise : ndarray of float64, shape (B, n)
        NaN where not known.
    step : float
        Fraction of the noise.
    zero, scale : ndarray of float64, shape (B, n)
        Receive the steps.
    fits, coarse : ndarray of bool, shape (B,)
        Receive what `hstamp.encodings.image.Steps` says of each stamp.
    codes : ndarray of int16, shape (B, N)
        Receives the integers.
    """
    for b in range(stored.shape[0]):
        fits[b], coarse[b] = True, False
        for k in range(noise.shape[1]):
            first = 0 if k == 0 else CORE_SIZE + RING_SIZE * (k - 1)
            part = stored[b, first : CORE_SIZE + RING_SIZE * k]
            q = codes[b, first : CORE_SIZE + RING_SIZE * k]
            low, high = np.float32(np.inf), np.float32(-np.inf)
            for i in range(part.shape[0]):
                v = part[i]
                low = v if v < low else low
                high = v if v > high else high
            filled = low <= high
            if not filled:
                low, high = np.float32(0.0), np.float32(0.0)
            bottom, top = np.float64(low), np.float64(high)
            z = np.float64(np.float32((bottom + top) / 2 + 0.0))
            reach = max(top - z, z - bottom)
            wanted = min(step * noise[b, k], (FLT_MAX - abs(z)) / Q_MAX * ALMOST_ONE)
            wanted = wanted if math.isfinite(step * noise[b, k]) else 0.0
            s = max(_ceil_f4(reach / Q_MAX), np.float64(np.float32(wanted)))
            if not (filled and s > 0.0):
                s = 1.0
            fits[b] &= _steps_within(z, s)
            if noise[b, k] > 0.0 and (top - bottom) / Q_RANGE > COARSEST * noise[b, k]:
                coarse[b] = True
            zero[b, k] = z
            scale[b, k] = s
            for i in range(part.shape[0]):
                t = np.rint((np.float64(part[i]) - z) / s)
                t = min(max(t, -_HIGHEST), _HIGHEST) if t == t else _MISSING
                q[i] = np.int16(t)


@kernel(types.void, readable(F4, 2), writable(F8, 2))
def noise_of_variance(stored: Any, noise: Any) -> None:
    """Smallest non-zero noise of each level from stored variances; NaN if none."""
    for b in range(stored.shape[0]):
        for k in range(noise.shape[1]):
            first = 0 if k == 0 else CORE_SIZE + RING_SIZE * (k - 1)
            part = stored[b, first : CORE_SIZE + RING_SIZE * k]
            low = np.float32(np.inf)
            for i in range(part.shape[0]):
                v = part[i]
                low = v if (v > 0) & (v < low) else low
            noise[b, k] = math.sqrt(np.float64(low)) if low < np.inf else np.nan


@inline
def _select(values: Any, count: int, rank: int) -> float:
    """Value of the given rank; moves the values about, what is larger behind it.

    Lomuto's partition without a branch: half of the branches of Hoare's are not foreseen.
    """
    low, high = 0, count - 1
    while low < high:
        middle = (low + high) // 2
        pivot = values[middle]
        values[middle] = values[high]
        stop = low
        for i in range(low, high):
            value = values[i]
            values[i] = values[stop]
            values[stop] = value
            stop += 1 if value < pivot else 0
        values[high] = values[stop]
        values[stop] = pivot
        if rank < stop:
            high = stop - 1
        elif rank > stop:
            low = stop + 1
        else:
            break
    chosen: float = values[rank]
    return chosen


@kernel(types.void, readable(F4, 4), F8, writable(F8, 2))
def noise_of_levels(grids: Any, factor: float, noise: Any) -> None:
    """Noise of each level from its own pixels [EC-4], shape (B, n); NaN where there is none.

    `factor` brings the median of differences of neighbours to a standard deviation.
    """
    steps = np.empty(GRID * (GRID - 1))
    root = math.sqrt(2.0)
    for b in range(grids.shape[0]):
        base = np.inf
        for k in range(grids.shape[1]):
            count = 0
            for r in range(GRID):
                for c in range(GRID - 1):
                    d = abs(np.float64(grids[b, k, r, c + 1]) - np.float64(grids[b, k, r, c]))
                    steps[count] = d
                    count += 1 if d == d else 0
            if count:
                middle = (count - 1) // 2
                low = _select(steps, count, middle)
                high = low
                if count % 2 == 0:
                    # Selection leaves what is larger behind the one selected.
                    high = steps[middle + 1]
                    for i in range(middle + 2, count):
                        high = min(high, steps[i])
                median = (low + high) / 2
                if median > 0:
                    base = min(base, median * 2.0**k * factor / root)
        for k in range(grids.shape[1]):
            noise[b, k] = base / 2.0**k if base < np.inf else np.nan


@kernel(types.void, readable(F4, 2), readable(F8, 1), writable(F8, 1), writable(U1, 2))
def codes_log8(stored: Any, midpoints: Any, unit: Any, codes: Any) -> None:
    """Units and codes of ``log8`` for stored variances."""
    size = stored.shape[1]
    scaled = np.empty(size)
    bits = scaled.view(np.int64)
    last = midpoints.shape[0]
    for b in range(stored.shape[0]):
        low, high = np.inf, 0.0
        for k in range((size - CORE_SIZE) // RING_SIZE + 1):
            first, stop = (CORE_SIZE + RING_SIZE * (k - 1) if k else 0), CORE_SIZE + RING_SIZE * k
            part, wide = stored[b, first:stop], scaled[first:stop]
            four = 4.0**k
            for i in range(part.shape[0]):
                w = np.float64(part[i]) * four
                wide[i] = w
                low = w if (w > 0) & (w < low) else low
                high = w if w > high else high
        if not high > 0:
            low = 1.0
        u = max(np.float64(np.float32(low)), _ceil_f4(high / TOP_MANTISSA))
        unit[b] = u
        for i in range(size):
            w = scaled[i]
            if w != w:
                codes[b, i] = MISSING_LOG8
                continue
            if w == 0:
                codes[b, i] = ZERO_LOG8
                continue
            r = w / u
            scaled[i] = r
            # Guess from exponent and leading bits, then walk to the first midpoint >= r.
            at = 16 * ((bits[i] >> 52) - 1023) + _ESTIMATE[(bits[i] >> 44) & 0xFF]
            at = min(max(at, 0), last)
            while at > 0 and midpoints[at - 1] >= r:
                at -= 1
            while at < last and midpoints[at] < r:
                at += 1
            codes[b, i] = np.uint8(at + 1)
