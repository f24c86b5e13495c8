"""Intervals: percentile bootstrap over fields.

Transients of a field share galaxies and noise, and several share one host.
Resampling whole fields keeps these together, so that the intervals do not
pretend that they are independent.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 1000


@dataclass(frozen=True)
class Estimate:
    """A number with its 95 % interval and sample size."""

    value: float
    low: float
    high: float
    n: int

    def percent(self, digits: int = 1) -> str:
        """As a percentage with its interval."""
        a, b, c = (100.0 * v for v in (self.value, self.low, self.high))
        return f"{a:.{digits}f} ({b:.{digits}f}-{c:.{digits}f})"

    def plain(self, digits: int = 2) -> str:
        """As a number with its interval."""
        return f"{self.value:.{digits}f} ({self.low:.{digits}f}-{self.high:.{digits}f})"


def mean_by_group(
    values: NDArray[Any], group: NDArray[np.int64], seed: int = 0, resamples: int = RESAMPLES
) -> Estimate:
    """Mean of values (NaN left out), resampling whole groups."""
    ok = np.isfinite(values.astype(float))
    values, group = values[ok].astype(float), group[ok]
    if not values.size:
        return Estimate(float("nan"), float("nan"), float("nan"), 0)
    labels, index = np.unique(group, return_inverse=True)
    total = np.bincount(index, values)
    count = np.bincount(index).astype(float)
    rng = np.random.default_rng(seed)
    pick = rng.integers(0, labels.size, (resamples, labels.size))
    means = total[pick].sum(axis=1) / count[pick].sum(axis=1)
    low, high = np.percentile(means, [2.5, 97.5])
    return Estimate(float(values.mean()), float(low), float(high), int(values.size))


def statistic_by_group(
    values: NDArray[Any],
    group: NDArray[np.int64],
    statistic: Callable[[NDArray[Any]], float],
    seed: int = 0,
    resamples: int = 300,
) -> Estimate:
    """Any statistic of the rows of `values`, resampling whole groups."""
    if not len(values):
        return Estimate(float("nan"), float("nan"), float("nan"), 0)
    labels = np.unique(group)
    members = [np.flatnonzero(group == label) for label in labels]
    rng = np.random.default_rng(seed)
    found = [
        statistic(values[np.concatenate([members[j] for j in rng.integers(0, labels.size,
                                                                         labels.size)])])
        for _ in range(resamples)
    ]  # fmt: skip
    low, high = np.nanpercentile(found, [2.5, 97.5])
    return Estimate(float(statistic(values)), float(low), float(high), len(values))
