"""Two methods on the same transients, with all their seeds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reference_model.evaluation.bootstrap import (
    Estimate,
    interval,
    ratio_by_group,
    resampled_sums,
    undefined,
)
from reference_model.evaluation.names import seed_of, seeds_of
from reference_model.evaluation.tables import Floats, Mask, Question, Study, asked, where_run

Index = NDArray[np.int64]


@dataclass(frozen=True)
class Paired:
    """A comparison.

    Attributes
    ----------
    estimate : Estimate
        From the mean over seeds of each method; its interval resamples fields, and the seeds
        of each method.
    seeds : tuple of float
        The same comparison, one seed of each method at a time.
    first, second : float
        The two methods' own shares.
    """

    estimate: Estimate
    seeds: tuple[float, ...]
    first: float
    second: float

    def spread(self, scale: float = 1.0, digits: int = 2) -> str:
        """The range over seeds, in words."""
        found = [scale * s for s in self.seeds if np.isfinite(s)]
        if len(found) < 2:
            return "one seed"
        return f"{len(found)} seeds: {min(found):.{digits}f} to {max(found):.{digits}f}"


def pairings(study: Study, first: str, second: str, together: bool) -> list[tuple[str, str]]:
    """Which result files are compared one by one.

    Equal seeds where both methods have several; a method with one result is
    compared with every seed of the other.

    Parameters
    ----------
    together : bool
        Equal seeds only: for two encodings read by the same weights.
    """
    a, b = seeds_of(study.methods, first), seeds_of(study.methods, second)
    if not together and len(a) == 1:
        return [(a[0], name) for name in b]
    if not together and len(b) == 1:
        return [(name, b[0]) for name in a]
    other = {seed_of(name): name for name in b}
    return [(name, other[seed_of(name)]) for name in a if seed_of(name) in other]


def _both(
    study: Study, first: str, second: str, chosen: Mask, question: Question, together: bool
) -> tuple[Floats, Floats, list[tuple[Floats, Floats]]]:
    pairs = pairings(study, first, second, together)
    kept = [sorted({p[i] for p in pairs}) if together else None for i in (0, 1)]
    a = asked(study, first, question, chosen, kept[0])
    b = asked(study, second, question, chosen, kept[1])
    single = [
        (asked(study, first, question, chosen, [x])[0],
         asked(study, second, question, chosen, [y])[0])
        for x, y in pairs
    ]  # fmt: skip
    return a, b, single


def difference(
    study: Study,
    first: str,
    second: str,
    chosen: Mask,
    question: Question = "beyond_host",
    together: bool = False,
    weights: Floats | None = None,
) -> Paired:
    """Share of the first method minus the second's.

    Parameters
    ----------
    weights : ndarray, shape (N,), optional
        How much each transient of the study counts; by default all the same.
    """
    chosen = chosen & where_run(study, first, second)
    a, b, single = _both(study, first, second, chosen, question, together)
    w = np.ones(a.shape[1]) if weights is None else weights[chosen]
    return Paired(
        estimate=_difference(a * w, b * w, w, study.field[chosen], together),
        seeds=tuple(_share(x - y, w) for x, y in single),
        first=_share(a, w),
        second=_share(b, w),
    )


def wrong_ratio(
    study: Study,
    first: str,
    second: str,
    chosen: Mask,
    question: Question = "beyond_host",
    weights: Floats | None = None,
) -> Paired:
    """Wrong answers of the first method over those of the second; NaN where it has none.

    Parameters
    ----------
    question : {'wrong', 'beyond_1', 'beyond_host'}
        What counts as wrong.
    weights : ndarray, shape (N,), optional
        How much each transient of the study counts; by default all the same.
    """
    chosen = chosen & where_run(study, first, second)
    a, b, single = _both(study, first, second, chosen, question, False)
    w = np.ones(a.shape[1]) if weights is None else weights[chosen]
    return Paired(
        estimate=ratio_by_group(a * w, b * w, study.field[chosen]),
        seeds=tuple(
            float((x * w).sum() / (y * w).sum()) if y.any() else float("nan") for x, y in single
        ),
        first=_share(a, w),
        second=_share(b, w),
    )


def _difference(a: Floats, b: Floats, w: Floats, group: Index, together: bool) -> Estimate:
    if not group.size:
        return undefined()
    # Encodings that the same weights read have the same seeds in every resample.
    first, second = resampled_sums(a, group, 0), resampled_sums(b, group, 0 if together else 1)
    every = resampled_sums(w, group)
    return interval(
        (first.value - second.value) / every.value,
        (first.resampled - second.resampled) / every.resampled,
        int(group.size),
    )


def _share(values: Floats, weights: Floats) -> float:
    """Weighted mean of values (N,) or (S, N)."""
    if not values.size:
        return float("nan")
    return float((values * weights).sum(axis=-1).mean() / weights.sum())
