"""How well P(none) tells transients without a host in the stamp from the others."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from reference_model.evaluation.bootstrap import Estimate, counts, interval, undefined
from reference_model.evaluation.names import seeds_of
from reference_model.evaluation.tables import EDGE, Floats, Mask, Rows, Study, inside, where_run
from reference_model.scenes.place import NOWHERE, ON_GALAXY, ON_STAR, VISIBLE_SNR


def with_host(rows: Rows, half: float, visit: bool = False) -> Mask:
    """Transients whose host lies in a stamp of half a side and can be seen on it.

    Hosts within `EDGE` of the stamp's edge are left out.

    Parameters
    ----------
    half : float
        Arcsec.
    visit : bool
        Whether the stamp shows the visit, not the template.
    """
    return np.asarray((rows["kind"] == ON_GALAXY) & _seen(rows, visit) & inside(rows, half))


def causes(rows: Rows, half: float, visit: bool = False) -> dict[str, Mask]:
    """Transients without a host in the stamp, by the reason why."""
    galaxy, seen = rows["kind"] == ON_GALAXY, _seen(rows, visit)
    out = {
        "host too faint": galaxy & ~seen,
        "on a star": rows["kind"] == ON_STAR,
        "nothing there": rows["kind"] == NOWHERE,
        "host outside the stamp": galaxy & seen & ~inside(rows, half, -EDGE),
    }
    return {"every cause": np.any(list(out.values()), axis=0), **out}


def _seen(rows: Rows, visit: bool) -> Mask:
    if not visit:
        return np.asarray(rows["visible"])
    return np.asarray(rows["host_snr"] * rows["template_sigma"] / rows["visit_sigma"] > VISIBLE_SNR)


def roc(none: NDArray[Any], hostless: Mask) -> tuple[Floats, Floats, float]:
    """Hostless detection: false and true positive rates, and the area under them.

    Equal values of P(none) are one step of the curve.
    """
    order = np.argsort(-none, kind="stable")
    last = np.append(np.flatnonzero(np.diff(none[order]) != 0), order.size - 1)
    hits = np.cumsum(hostless[order])[last]
    false = np.append(0.0, (last + 1 - hits) / max(int((~hostless).sum()), 1))
    true = np.append(0.0, hits / max(int(hostless.sum()), 1))
    return false, true, float(np.trapezoid(true, false))


def area_by_group(none: NDArray[Any], hostless: Mask, group: NDArray[np.int64]) -> Estimate:
    """Area under the ROC curve, resampling whole groups.

    The area is the share of pairs of one transient without and one with a host
    in which the first has the greater P(none), ties counting one half; counted
    once for every pair of groups, resamples are quadratic forms.

    Parameters
    ----------
    none : ndarray, shape (S, N)
        A row for each seed: the mean of their areas.
    """
    if not hostless.any() or hostless.all():
        return undefined(int(hostless.size))
    labels, index = np.unique(group, return_inverse=True)
    groups = labels.size
    without = np.bincount(index[hostless], minlength=groups).astype(float)
    having = np.bincount(index[~hostless], minlength=groups).astype(float)
    won = np.zeros((groups, groups))
    for row in np.atleast_2d(none):
        for g in range(groups):
            hosts = np.sort(row[~hostless & (index == g)])
            score = 0.5 * (np.searchsorted(hosts, row[hostless], "left")
                           + np.searchsorted(hosts, row[hostless], "right"))  # fmt: skip
            won[:, g] += np.bincount(index[hostless], score, minlength=groups)
    won /= len(np.atleast_2d(none))
    drawn = counts(groups)
    with np.errstate(invalid="ignore"):
        area = ((drawn @ won) * drawn).sum(axis=1) / ((drawn @ without) * (drawn @ having))
    value = won.sum() / (without.sum() * having.sum())
    return interval(float(value), area, int(hostless.sum()))


def area(study: Study, method: str, hostless: Mask, having: Mask) -> Estimate:
    """Area for a method's P(none) between two sets of transients; n counts the hostless."""
    chosen = (hostless | having) & where_run(study, method)
    none = np.stack([study.methods[n]["none"][chosen] for n in seeds_of(study.methods, method)])
    return area_by_group(none, hostless[chosen], study.field[chosen])
