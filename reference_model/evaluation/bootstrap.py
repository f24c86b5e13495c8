"""Intervals: percentile bootstrap over fields and training seeds.

Transients of a field share galaxies and noise, and several share one host.
Resampling whole fields keeps these together, so that the intervals do not
pretend that they are independent.  A resample is a multinomial count of every
field; sums over transients are then products of these counts with the sums of
the fields, and only percentiles need the transients themselves.

Values of several training seeds come as rows, (S, N): every statistic is taken
for each seed and averaged, and a resample draws seeds too, so that the interval
holds what the choice of a seed does.  Of few seeds that is a rough guess: how
they differ is stated apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

RESAMPLES = 1000
#: Percentiles are looked up in every resample: fewer of them.
PERCENTILE_RESAMPLES = 300


@dataclass(frozen=True)
class Estimate:
    """A number with its 95 % interval and sample size."""

    value: float
    low: float
    high: float
    n: int

    def percent(self, digits: int = 1) -> str:
        """As a percentage with its interval."""
        return _text(100.0 * self.value, 100.0 * self.low, 100.0 * self.high, digits)

    def plain(self, digits: int = 2) -> str:
        """As a number with its interval."""
        return _text(self.value, self.low, self.high, digits)


def _text(value: float, low: float, high: float, digits: int) -> str:
    if not np.isfinite(value):
        return "-"
    dash = " to " if min(low, high) < 0.0 else "-"
    return f"{value:.{digits}f} ({low:.{digits}f}{dash}{high:.{digits}f})"


def undefined(n: int = 0) -> Estimate:
    """What is estimated from nothing."""
    return Estimate(float("nan"), float("nan"), float("nan"), n)


@lru_cache(maxsize=64)
def counts(groups: int, resamples: int = RESAMPLES, seed: int = 0) -> NDArray[np.int64]:
    """How often every group is drawn in every resample, shape (resamples, groups)."""
    rng = np.random.default_rng(seed)
    found = rng.multinomial(groups, np.full(groups, 1.0 / groups), size=resamples)
    found.setflags(write=False)
    return found


def interval(value: float, resampled: Floats, n: int) -> Estimate:
    """An estimate from its resamples; those where it is undefined are left out."""
    some = resampled[np.isfinite(resampled)]
    if not some.size or not np.isfinite(value):
        return undefined(n)
    low, high = np.percentile(some, [2.5, 97.5])
    return Estimate(float(value), float(low), float(high), n)


def sums(values: Floats, index: NDArray[np.int64], groups: int) -> Floats:
    """Sum of every group, shape (S, groups), of values (S, N)."""
    return np.stack([np.bincount(index, row, minlength=groups) for row in values])


def mean_by_group(
    values: NDArray[Any], group: NDArray[np.int64], seed: int = 0, resamples: int = RESAMPLES
) -> Estimate:
    """Mean of values (NaN left out), resampling whole groups.

    Parameters
    ----------
    values : ndarray, shape (N,) or (S, N)
        A row for each training seed: the mean over seeds of their means.
    group : ndarray of int, shape (N,)
    """
    table = np.atleast_2d(np.asarray(values, dtype=float))
    some = np.isfinite(table).any(axis=0)
    table, group = table[:, some], group[some]
    if not group.size:
        return undefined()
    labels, index = np.unique(group, return_inverse=True)
    ok = np.isfinite(table)
    total = sums(np.where(ok, table, 0.0), index, labels.size)
    count = sums(ok.astype(float), index, labels.size)
    drawn = counts(labels.size, resamples, seed)
    with np.errstate(invalid="ignore"):
        means = ((drawn @ total.T / (drawn @ count.T)) * seed_shares(len(table), resamples)).sum(1)
        value = float((total.sum(axis=1) / count.sum(axis=1)).mean())
    return interval(value, means, int(group.size))


def seed_shares(seeds: int, resamples: int = RESAMPLES, number: int = 0) -> Floats:
    """How much every training seed counts in every resample, shape (resamples, seeds).

    Parameters
    ----------
    number : int
        Another one for networks of another kind, whose seeds are drawn apart.
    """
    return counts(seeds, resamples, 1000 + number) / seeds


@dataclass(frozen=True)
class Sums:
    """A sum over transients, and what it is in every resample, shape (resamples,)."""

    value: float
    resampled: Floats


def resampled_sums(values: NDArray[Any], group: NDArray[np.int64], number: int = 0) -> Sums:
    """Sum of values (N,), or mean over seeds of the sums of values (S, N).

    Groups are drawn alike for all values of the same groups, seeds by `number`.
    """
    table = np.atleast_2d(np.asarray(values, dtype=float))
    labels, index = np.unique(group, return_inverse=True)
    each = sums(table, index, labels.size)
    drawn = counts(labels.size) @ each.T
    return Sums(
        float(each.sum(axis=1).mean()),
        (drawn * seed_shares(len(table), number=number)).sum(axis=1),
    )


def ratio_by_group(top: NDArray[Any], bottom: NDArray[Any], group: NDArray[np.int64]) -> Estimate:
    """Sum of one quantity over the sum of another, resampling whole groups.

    Parameters
    ----------
    top, bottom : ndarray, shape (N,) or (S, N)
        Of several training seeds, the mean over seeds of the sums.
    group : ndarray, shape (N,)

    Returns
    -------
    Estimate
        NaN where the second sum is zero.
    """
    if not group.size:
        return undefined()
    first, second = resampled_sums(top, group, 0), resampled_sums(bottom, group, 1)
    with np.errstate(invalid="ignore", divide="ignore"):
        value = float(np.divide(first.value, second.value))
        return interval(value, first.resampled / second.resampled, int(group.size))


def percentiles_by_group(
    values: NDArray[Any],
    group: NDArray[np.int64],
    shares: tuple[float, ...],
    seed: int = 0,
    resamples: int = PERCENTILE_RESAMPLES,
) -> list[Estimate]:
    """Percentiles (numpy's linear interpolation), resampling whole groups.

    Parameters
    ----------
    values : ndarray, shape (N,) or (S, N)
    group : ndarray of int, shape (N,)
    shares : tuple of float
        Percent.
    """
    table = np.atleast_2d(np.asarray(values, dtype=float))
    if not group.size:
        return [undefined() for _ in shares]
    labels, index = np.unique(group, return_inverse=True)
    drawn = counts(labels.size, resamples, seed)
    found, counted = np.zeros((resamples, len(shares))), seed_shares(len(table), resamples)
    for row, share in zip(table, counted.T, strict=True):
        order = np.argsort(row)
        part = _resampled_percentiles(row[order], running_counts(index[order]), drawn, shares)
        found += share[:, None] * part
    whole = np.percentile(table, shares, axis=1).mean(axis=1)
    return [interval(float(v), f, int(group.size)) for v, f in zip(whole, found.T, strict=True)]


def running_counts(
    index: NDArray[np.int64],
    some: NDArray[np.bool_] | None = None,
    groups: int | None = None,
) -> NDArray[np.int64]:
    """How many of the first items belong to each group.

    Parameters
    ----------
    index : ndarray of int, shape (N,)
        Group of every item, in order.
    some : ndarray of bool, shape (N,), optional
        The items to count.
    groups : int, optional
        Number of groups; by default up to the greatest in `index`.

    Returns
    -------
    ndarray of int, shape (G, N)
        A resample holds the sum of them, each group as often as it is drawn.
    """
    own = np.zeros((groups or int(index.max()) + 1, index.size), np.int64)
    own[index, np.arange(index.size)] = 1 if some is None else some
    return np.asarray(np.cumsum(own, axis=1))


#: Items are first looked for in blocks of this many.
_BLOCK = 32


def _resampled_percentiles(
    ordered: Floats, running: NDArray[np.int64], drawn: NDArray[np.int64], shares: Any
) -> Floats:
    size = drawn @ running[:, -1]
    ends = np.append(np.arange(_BLOCK - 1, ordered.size - 1, _BLOCK), ordered.size - 1)
    reached = drawn @ running[:, ends]

    def item(number: NDArray[np.int64]) -> Floats:
        # Item k of a resample, each value repeated as often as drawn, is the
        # first at which the running count exceeds k.
        block = (reached > number[:, None]).argmax(axis=1)
        at = np.minimum(block[:, None] * _BLOCK + np.arange(_BLOCK), ordered.size - 1)
        count = np.einsum("rg,grb->rb", drawn, running[:, at])
        first = (count > number[:, None]).argmax(axis=1)
        return np.asarray(ordered[at[np.arange(len(at)), first]])

    out = np.empty((len(drawn), len(shares)))
    for i, share in enumerate(shares):
        place = (size - 1) * share / 100.0
        lower = np.floor(place).astype(np.int64)
        a, b = item(lower), item(np.minimum(lower + 1, size - 1))
        out[:, i] = a + (place - lower) * (b - a)
    return out
