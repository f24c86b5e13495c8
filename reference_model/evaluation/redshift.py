"""The redshift error that host identification causes, completeness and contamination.

A prediction is given the redshift of the catalogued galaxy nearest to it, in
units of the galaxy's own light radius.  Completeness and contamination are of
these redshifts, as Foerster et al. 2022 (DELIGHT) count cross-matches.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reference_model.evaluation.bootstrap import (
    Estimate,
    Floats,
    counts,
    interval,
    mean_by_group,
    ratio_by_group,
    running_counts,
    undefined,
)
from reference_model.evaluation.names import seeds_of
from reference_model.evaluation.tables import Mask, Rows, Study, where_run
from reference_model.scenes.place import ON_GALAXY

#: A redshift counts as right within this, (1 + z) divided out.
REDSHIFT_LIMIT = 0.01
#: What the abstract of Foerster et al. 2022 says of DELIGHT.
DELIGHT_CONTAMINATION = 0.0086
#: P(none) up to which an answer is given, where one number is wanted.
THRESHOLD = 0.5
#: Resamples of the curve of completeness and contamination, and their points on it.
CUT_RESAMPLES, CURVE_POINTS = 300, 500


def redshift_error(rows: Rows, result: Rows) -> NDArray[np.float64]:
    """(z of the galaxy pointed at - z of the true host) / (1 + z); NaN where none."""
    return np.asarray((result["host_z"] - rows["host_z"]) / (1.0 + rows["host_z"]))


def redshift_errors(study: Study, method: str, chosen: Mask) -> Floats:
    """Redshift errors of every seed of a method, shape (S, n)."""
    some = seeds_of(study.methods, method)
    return np.stack([redshift_error(study.rows, study.methods[n])[chosen] for n in some])


def wrong_share(study: Study, method: str, chosen: Mask, limit: float = REDSHIFT_LIMIT) -> Estimate:
    """Share of transients with a redshift error above a limit, or without a redshift."""
    chosen = chosen & where_run(study, method)
    error = np.abs(redshift_errors(study, method, chosen))
    return mean_by_group((~(error <= limit)).astype(float), study.field[chosen])


def gives_probability(result: Rows) -> bool:
    """Whether a method states P(none), rather than yes or no."""
    none = result["none"]
    return bool(((none > 0.0) & (none < 1.0)).any())


def _counted(study: Study, name: str, chosen: Mask) -> tuple[Mask, Mask, Mask]:
    """Of the chosen: a redshift can be given; it is right; there is a host to find."""
    rows, result = study.rows[chosen], study.methods[name][chosen]
    right = np.abs(redshift_error(rows, result)) <= REDSHIFT_LIMIT
    return np.isfinite(result["dx"]), right, (rows["kind"] == ON_GALAXY) & rows["visible"]


def completeness_contamination(
    study: Study, method: str, chosen: Mask, threshold: float = THRESHOLD
) -> tuple[Estimate, Estimate]:
    """Redshifts given where P(none) is at most a threshold.

    Completeness: share of transients with a visible host that are given its
    redshift.  Contamination: share of the given redshifts that are wrong.  Of
    several seeds, counts are averaged.
    """
    chosen = chosen & where_run(study, method)
    group, names = study.field[chosen], seeds_of(study.methods, method)
    found = np.zeros((3, group.size))
    for name in names:
        able, right, host = _counted(study, name, chosen)
        given = able & (study.methods[name]["none"][chosen] <= threshold)
        found += np.stack([given & right & host, given & ~right, given]) / len(names)
    host = _counted(study, names[0], chosen)[2]
    return ratio_by_group(found[0], host, group), ratio_by_group(found[1], found[2], group)


def trade_off(
    none: NDArray[Any],
    able: Mask,
    right: Mask,
    host: Mask,
    index: NDArray[np.int64],
    drawn: NDArray[np.int64],
    stride: int = 1,
) -> tuple[Floats, Floats]:
    """Completeness and contamination as answers are added by rising P(none).

    Parameters
    ----------
    none, able, right, host : ndarray, shape (N,)
    index : ndarray of int, shape (N,)
        Number of the field of each.
    drawn : ndarray of int, shape (R, G)
        How often every field counts, in each of R resamples.
    stride : int
        After how many answers the curve is taken again.

    Returns
    -------
    completeness, contamination : ndarray, shape (R, M)
    """
    order = np.flatnonzero(able)[np.argsort(none[able], kind="stable")]
    groups, part = drawn.shape[1], index[order]
    after = slice((order.size - 1) % stride, None, stride)
    given = drawn @ running_counts(part, None, groups)[:, after]
    good = drawn @ running_counts(part, right[order], groups)[:, after]
    found = drawn @ running_counts(part, (right & host)[order], groups)[:, after]
    total = drawn @ np.bincount(index[host], minlength=drawn.shape[1])
    with np.errstate(invalid="ignore", divide="ignore"):
        return found / total[:, None], 1.0 - good / given


@dataclass(frozen=True)
class Cuts:
    """What cutting at other values of P(none) gives.

    Attributes
    ----------
    completeness : Estimate
        The greatest with a contamination of at most `DELIGHT_CONTAMINATION`.
    contamination : Estimate
        Where the completeness asked for is first reached; NaN if it never is.
    most, dirty : Estimate
        Completeness and contamination of all answers, whatever P(none).
    """

    completeness: Estimate
    contamination: Estimate
    most: Estimate
    dirty: Estimate


def _completeness(complete: Floats, dirty: Floats) -> Floats:
    return np.asarray(np.where(dirty <= DELIGHT_CONTAMINATION, complete, 0.0).max(axis=1))


def _contamination(complete: Floats, dirty: Floats, completeness: float) -> Floats:
    enough = complete >= completeness
    first = dirty[np.arange(len(dirty)), enough.argmax(axis=1)]
    return np.where(enough.any(axis=1), first, np.nan)


def cuts(study: Study, method: str, chosen: Mask, completeness: float | None) -> Cuts:
    """Completeness at DELIGHT's contamination, and contamination at a completeness.

    Of several seeds, each is cut by itself and the results are averaged.
    """
    chosen = chosen & where_run(study, method)
    group, names = study.field[chosen], seeds_of(study.methods, method)
    counted = [_counted(study, name, chosen) for name in names]
    if not all(able.any() and host.any() for able, _, host in counted):
        return Cuts(*(undefined(int(group.size)) for _ in range(4)))
    labels, index = np.unique(group, return_inverse=True)
    samples = (
        (np.ones((1, labels.size), np.int64), 1),
        (counts(labels.size, CUT_RESAMPLES), 1 + group.size // CURVE_POINTS),
    )
    at_most, reached, most, dirty = np.zeros((4, 1 + CUT_RESAMPLES))
    for name, (able, right, host) in zip(names, counted, strict=True):
        none = study.methods[name]["none"][chosen]
        curves = [trade_off(none, able, right, host, index, d, stride) for d, stride in samples]
        at_most += np.concatenate([_completeness(c, d) for c, d in curves])
        most += np.concatenate([c[:, -1] for c, _ in curves])
        dirty += np.concatenate([d[:, -1] for _, d in curves])
        if completeness is not None:
            reached += np.concatenate([_contamination(c, d, completeness) for c, d in curves])
    n = int(group.size)
    found = [
        interval(float(row[0]), row[1:], n)
        for row in np.stack([at_most, reached, most, dirty]) / len(names)
    ]
    if completeness is None:
        found[1] = undefined(n)
    return Cuts(*found)
