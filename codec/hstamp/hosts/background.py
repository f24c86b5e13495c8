"""Noise and sky of stamps, measured where there is sky.

Without a variance plane, two kinds of estimate are compared. The scatter of the values of each
ring is that of the sky where a ring holds little else. The scatter of mixed second differences,
a - b - c + d of four neighbours, hardly knows a smooth galaxy, but in a resampled image it is
not that of the sky: neighbours are correlated. Both are predicted for white noise convolved
with a Gaussian of some width, and the width and noise are taken on which most pixels agree.
Sources only ever add scatter, so that estimates far above the others are left out, and none
below.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ..layout import GRID, layout_of

__all__ = ["noise_of", "sky_of"]

Floats = NDArray[np.float32]

#: Widths of the Gaussian that correlates the noise, base pixels.
_WIDTHS: Final = np.array([0.0, 0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6, 0.65, 0.7, 0.8])
#: Deviations farther out than this many sigmas are clipped; what is left of sigma then.
_CLIP: Final = 2.5
_LEFT: Final = 0.9546
#: Fewest values that say what their scatter is.
_FEWEST: Final = 25
#: Of several estimates the lower ones are believed: what that makes of white noise, n of 2 to 6.
_LOW: Final = 0.97
#: Of an estimate this much above the noise, in ln, nothing more is held against the noise.
_FAR: Final = 0.2
#: Mixed differences overlap: how many independent ones each is worth.
_WORTH: Final = 0.6
#: Share of the mixed differences that are used: those of the faintest pixels.
_FAINTER: Final = 0.7
#: Median of the absolute deviations to sigma, of a normal distribution.
_MAD: Final = np.float32(1.4826)
#: Share of the lowest variances of a ring that belong to the sky, where there is any.
_FAINT: Final = 0.25


def noise_of(levels: Floats, variance: Floats | None = None) -> Floats:
    """Noise of a base pixel of empty sky, for each stamp.

    Parameters
    ----------
    levels : ndarray, float32, shape (B, n, 15, 15)
    variance : ndarray, float32, same shape, optional
        When given, the noise is that of the faint pixels of the ring where it is least; else,
        and where it is missing, it is measured on the values.

    Returns
    -------
    ndarray, float32, shape (B,)
        NaN where it cannot be told.
    """
    if variance is None:
        return _measured(levels)
    known = np.full(len(levels), np.nan, dtype=np.float32)
    sizes = layout_of(levels.shape[1]).pixel_sizes
    with np.errstate(invalid="ignore"):
        for k, (size, ring) in enumerate(zip(sizes, _rings(levels.shape[1]), strict=True)):
            faint = _quantile(_of_ring(variance[:, k], ring), _FAINT)
            known = np.fmin(known, np.sqrt(faint) * np.float32(size))
    unknown = ~(known > 0)
    if unknown.any():
        known[unknown] = _measured(levels[unknown])
    return known


def sky_of(levels: Floats) -> Floats:
    """Sky of each stamp: clipped median of the widest ring; zero where there are no values."""
    wide = _of_ring(levels[:, -1], _rings(levels.shape[1])[-1])
    middle = _quantile(wide, 0.5)
    for _ in range(2):
        away = np.abs(wide - middle[:, None])
        with np.errstate(invalid="ignore"):
            wide = np.where(away <= _CLIP * _MAD * _quantile(away, 0.5)[:, None], wide, np.nan)
        middle = _quantile(wide, 0.5)
    return np.nan_to_num(middle)


def _measured(levels: Floats) -> Floats:
    n = levels.shape[1]
    names, found, worth = [], [], []
    for k, (size, ring) in enumerate(zip(layout_of(n).pixel_sizes, _rings(n), strict=True)):
        level = levels[:, k]
        if k < 2:
            names.append((k, True))
            scatter, count = _scatter(_mixed(level), False)
            found.append(scatter * np.float32(size))
            worth.append(count * np.float32(_WORTH))
        names.append((k, False))
        scatter, count = _scatter(_of_ring(level, ring), True)
        found.append(scatter * np.float32(size))
        worth.append(count)
    return _agreed(np.stack(found), np.stack(worth), tuple(names))


def _mixed(level: Floats) -> Floats:
    """Mixed second differences (B, 196), in units of one value's noise, where it is faint.

    Of white noise, the sum of four neighbours says nothing about their mixed difference: that
    the brightest are left out changes the scatter of galaxies alone.
    """
    a, b = level[:, :-1, :-1], level[:, :-1, 1:]
    c, d = level[:, 1:, :-1], level[:, 1:, 1:]
    rows = (len(level), (GRID - 1) ** 2)
    total, difference = (a + b + c + d).reshape(rows), (a - b - c + d).reshape(rows)
    with np.errstate(invalid="ignore"):
        faint = total <= _quantile(total, _FAINTER)[:, None]
    return np.where(faint, difference / np.float32(2.0), np.float32(np.nan))


def _agreed(found: Floats, worth: Floats, names: tuple[tuple[int, bool], ...]) -> Floats:
    """The noise on which most values agree, over all widths; estimates of shape (E, B)."""
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.log(found)
    usable = np.isfinite(logs) & (worth >= _FEWEST)
    weight = np.where(usable, worth, np.float32(0.0))
    logs = np.where(usable, logs, np.float32(0.0))
    best = np.full(found.shape[1], np.inf, dtype=np.float32)
    noise = np.full(found.shape[1], np.nan, dtype=np.float32)
    # A galaxy in the ring and correlated noise look alike where one level shows the differences.
    both = usable[[mixed for _, mixed in names]].all(axis=0)
    for width, response in zip(_WIDTHS, _responses(names).T, strict=True):
        each = logs - np.log(response)[:, None]
        for start in each:
            above = each - start
            near = weight * (above <= _FAR)
            total = near.sum(axis=0)
            with np.errstate(divide="ignore", invalid="ignore"):
                middle = (near * each).sum(axis=0) / total
            above = each - middle
            cost = (weight * np.minimum(above, _FAR) ** 2).sum(axis=0)
            if width:
                cost = np.where(both, cost, np.inf)
            better = cost < best  # never where nothing is usable: NaN
            best = np.where(better, cost, best)
            noise = np.where(better, np.exp(middle), noise)
    return noise / np.float32(_LOW)


@lru_cache(maxsize=8)
def _responses(names: tuple[tuple[int, bool], ...]) -> Floats:
    """What each estimate makes of unit noise of each width, shape (E, W).

    White noise convolved with a Gaussian of width w has the correlation exp(-r^2 / 4 w^2),
    a product of its rows and columns.
    """
    out = np.empty((len(names), _WIDTHS.size), dtype=np.float32)
    for row, (k, mixed) in zip(out, names, strict=True):
        place = np.arange(2**k)
        apart = (place[:, None] - place).astype(np.float64)
        for column, width in enumerate(_WIDTHS):
            own = _correlation(apart, width).sum()
            next_to = _correlation(apart + 2.0**k, width).sum() if mixed else 0.0
            row[column] = (own - next_to) / 2.0**k
    return out


def _correlation(apart: NDArray[np.float64], width: float) -> NDArray[np.float64]:
    if width == 0.0:
        return np.asarray(apart == 0.0, dtype=np.float64)
    return np.asarray(np.exp(-((apart / (2.0 * width)) ** 2)), dtype=np.float64)


@lru_cache(maxsize=8)
def _rings(n: int) -> tuple[NDArray[np.intp], ...]:
    """Pixels of each level that no finer level covers, as places in the flattened level."""
    layout = layout_of(n)
    rings = [np.ones((GRID, GRID), dtype=np.bool_)]
    for k in range(1, n):
        size, low = layout.pixel_sizes[k], layout.origins[k - 1] - layout.origins[k]
        first, last = -(-low // size), (low + GRID * layout.pixel_sizes[k - 1]) // size
        ring = np.ones((GRID, GRID), dtype=np.bool_)
        ring[first:last, first:last] = False
        rings.append(ring)
    return tuple(np.flatnonzero(ring) for ring in rings)


def _of_ring(level: Floats, ring: NDArray[np.intp]) -> Floats:
    """Values (B, R) of a level (B, 15, 15) in a ring; rows lie together, for they are sorted."""
    return np.asarray(level.reshape(len(level), GRID**2).take(ring, axis=1), dtype=np.float32)


def _scatter(rows: Floats, centred: bool) -> tuple[Floats, Floats]:
    """Clipped standard deviation of the finite values of each row, and how many there are."""
    if centred:
        rows = rows - _quantile(rows, 0.5)[:, None]
    size = np.abs(rows)
    limit = np.float32(_CLIP) * _MAD * _quantile(size, 0.5)
    with np.errstate(invalid="ignore"):
        kept = size <= limit[:, None]
        count = kept.sum(axis=1).astype(np.float32)
        square = np.where(kept, rows * rows, np.float32(0.0)).sum(axis=1) / count
        return np.sqrt(square) / np.float32(_LEFT), count


def _quantile(rows: Floats, share: float) -> Floats:
    """Value below which a share of the finite values of each row lies; NaN where there are none."""
    ordered = np.sort(rows, axis=1)  # NaN goes last
    count = np.isfinite(rows).sum(axis=1)
    place = (np.maximum(count - 1, 0) * share).astype(np.intp)
    value = np.take_along_axis(ordered, place[:, None], axis=1)[:, 0]
    return np.asarray(np.where(count > 0, value, np.nan), dtype=np.float32)
