"""From per-transient results to the numbers of the study."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reference_model.evaluation.bootstrap import Estimate, mean_by_group, statistic_by_group
from reference_model.evaluation.results import methods_in, read_method
from reference_model.scenes.place import DEEP, NEARBY, ON_GALAXY

Rows = NDArray[Any]

#: Half the side of an n-level stamp, arcsec: where its hosts end.
HALF_SIDE = {n: 15 * 2 ** (n - 1) * 0.1 for n in range(2, 7)}


@dataclass(frozen=True)
class Study:
    """Truth and results of one test set.

    Attributes
    ----------
    rows : structured array
        Transients.
    field : ndarray of int
        Field number of each.
    methods : dict
        Results by name.
    notes : dict
        How each was made.
    """

    rows: Rows
    field: NDArray[np.int64]
    methods: dict[str, Rows]
    notes: dict[str, dict[str, Any]]


def load_study(folder: Path) -> Study:
    """Read everything that `reference_model.evaluation.results` wrote.

    Raises
    ------
    FileNotFoundError
        If there are no results.
    """
    truth = folder / "truth" / "rows.npy"
    if not truth.exists():
        raise FileNotFoundError(f"no results in {folder}: run the methods and the networks first")
    names = methods_in(folder)
    both = {name: read_method(folder, name) for name in names}
    return Study(
        rows=np.load(truth, allow_pickle=False),
        field=np.load(folder / "truth" / "field.npy", allow_pickle=False),
        methods={n: b[0] for n, b in both.items()},
        notes={n: b[1] for n, b in both.items()},
    )


def selections(rows: Rows) -> dict[str, NDArray[np.bool_]]:
    """The subsets that results are given for; all have a host that can be seen."""
    host = (rows["kind"] == ON_GALAXY) & rows["visible"]
    inside = np.maximum(np.abs(rows["host_dx"]), np.abs(rows["host_dy"]))
    nearby, deep = host & (rows["stratum"] == NEARBY), host & (rows["stratum"] == DEEP)
    within = inside < HALF_SIDE[5] - 1.0
    return {
        "deep": deep & within,
        "nearby": nearby,
        "nearby, host in the n=5 stamp": nearby & within,
        "host more than 3 arcsec away": host & (rows["offset"] > 3.0),
        "offset 3-6 arcsec": host & (rows["offset"] > 3.0) & (rows["offset"] <= 6.0),
        "offset 6-24 arcsec": host & (rows["offset"] > 6.0) & (rows["offset"] <= 24.0),
        "R_e below 1 arcsec": host & (rows["host_re"] < 1.0),
        "R_e 1-4 arcsec": host & (rows["host_re"] >= 1.0) & (rows["host_re"] < 4.0),
        "R_e above 4 arcsec": host & (rows["host_re"] >= 4.0),
    }


def distance_error(rows: Rows, result: Rows) -> NDArray[np.float64]:
    """Arcsec between predicted and true host; infinite where none was predicted."""
    error = np.hypot(
        result["dx"].astype(float) - rows["host_dx"], result["dy"].astype(float) - rows["host_dy"]
    )
    return np.where(np.isfinite(error), error, np.inf)


@dataclass(frozen=True)
class Line:
    """One method on one subset."""

    median: Estimate
    p68: Estimate
    p95: Estimate
    beyond_1: Estimate
    beyond_host: Estimate
    right: Estimate


def _capped(share: float) -> Any:
    def take(values: NDArray[Any]) -> float:
        # Answers of "no host" are infinitely far: percentiles stay defined.
        return float(np.percentile(np.minimum(values, 1e3), share))

    return take


def line(study: Study, method: str, chosen: NDArray[np.bool_]) -> Line:
    """Measure one method on one subset."""
    rows, result, group = study.rows[chosen], study.methods[method][chosen], study.field[chosen]
    error = distance_error(rows, result)
    limit = np.maximum(1.0, rows["host_re"])
    return Line(
        median=statistic_by_group(error, group, _capped(50.0)),
        p68=statistic_by_group(error, group, _capped(68.0)),
        p95=statistic_by_group(error, group, _capped(95.0)),
        beyond_1=mean_by_group((error > 1.0).astype(float), group),
        beyond_host=mean_by_group((error > limit).astype(float), group),
        right=mean_by_group(result["right"].astype(float), group),
    )


def difference(study: Study, first: str, second: str, chosen: NDArray[np.bool_]) -> Estimate:
    """Right-host share of the first method minus the second's, paired."""
    a = study.methods[first]["right"][chosen].astype(float)
    b = study.methods[second]["right"][chosen].astype(float)
    return mean_by_group(a - b, study.field[chosen])


def wrong_ratio(
    study: Study, first: str, second: str, chosen: NDArray[np.bool_], by: str = "right"
) -> Estimate:
    """Wrong hosts of the first method over those of the second, paired.

    Parameters
    ----------
    by : {'right', 'distance'}
        Wrong by the galaxy pointed at, or by an error above max(1", R_e).
    """
    rows = study.rows[chosen]
    wrong = []
    for name in (first, second):
        result = study.methods[name][chosen]
        if by == "right":
            wrong.append(~result["right"])
        else:
            wrong.append(distance_error(rows, result) > np.maximum(1.0, rows["host_re"]))
    both = np.stack(wrong, axis=1).astype(float)

    def ratio(values: NDArray[Any]) -> float:
        return float(values[:, 0].sum() / max(values[:, 1].sum(), 1.0))

    return statistic_by_group(both, study.field[chosen], ratio)


def roc(
    rows: Rows, none: NDArray[Any], present: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
    """Hostless detection: false and true positive rates, and the area under them."""
    order = np.argsort(-none, kind="stable")
    hostless = ~present[order]
    true = np.concatenate([[0.0], np.cumsum(hostless) / max(hostless.sum(), 1)])
    false = np.concatenate([[0.0], np.cumsum(~hostless) / max((~hostless).sum(), 1)])
    return false, true, float(np.trapezoid(true, false))


def redshift_error(rows: Rows, result: Rows) -> NDArray[np.float64]:
    """(z of the galaxy pointed at - z of the true host) / (1 + z); NaN where none."""
    return np.asarray((result["host_z"] - rows["host_z"]) / (1.0 + rows["host_z"]))


#: A redshift counts as right within this, (1 + z) divided out.
REDSHIFT_LIMIT = 0.01


def completeness_contamination(
    study: Study, method: str, chosen: NDArray[np.bool_], threshold: float
) -> tuple[Estimate, Estimate]:
    """Answers given when P(none) is below a threshold.

    Completeness: share of transients with a host whose right host is given.
    Contamination: share of given answers that point at another galaxy.
    """
    result, group = study.methods[method][chosen], study.field[chosen]
    given = (result["none"] <= threshold) & np.isfinite(result["dx"])
    complete = mean_by_group((given & result["right"]).astype(float), group)
    wrong = mean_by_group((~result["right"])[given].astype(float), group[given])
    return complete, wrong
