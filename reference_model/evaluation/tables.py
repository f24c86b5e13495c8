"""From per-transient results to the numbers of the study.

A method may have been trained with several seeds, each with its own result
file (`reference_model.evaluation.names`): a number is then the mean over them.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from reference_model.evaluation.bootstrap import Estimate, mean_by_group, percentiles_by_group
from reference_model.evaluation.names import base_of, seeds_of
from reference_model.evaluation.results import RESULT, methods_in, read_method
from reference_model.scenes.place import DEEP, NEARBY, ON_GALAXY

Rows = NDArray[Any]
Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

#: Half the side of an n-level stamp, arcsec: where its hosts end.
HALF_SIDE = {n: 15 * 2 ** (n - 1) * 0.1 for n in range(2, 7)}
#: Hosts this close to the edge of the stamp do not count as in it, arcsec.
EDGE = 1.0
#: Share of nearby, wide hosts among the alerts of a whole stream: under 1 % (DMTN-248).
STREAM = 0.01
#: Stands for the infinite error of "no host", so that percentiles stay defined.
NO_ANSWER = 1e3


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
        Results by name, one for every seed.
    notes : dict
        How each was made.
    covered : dict
        Where a method was run on some fields only: which transients.
    brighter : ndarray of int, optional
        Galaxies brighter than the true host around each transient, as
        `reference_model.scenes.company` counts them.
    """

    rows: Rows
    field: NDArray[np.int64]
    methods: dict[str, Rows]
    notes: dict[str, dict[str, Any]]
    covered: dict[str, Mask] = dataclasses.field(default_factory=dict)
    brighter: NDArray[np.int32] | None = None

    @property
    def data_version(self) -> str:
        """Version of the data set that the results are of."""
        return next((str(n["data_version"]) for n in self.notes.values() if "data_version" in n),
                    "unknown")  # fmt: skip


def load_study(folder: Path) -> Study:
    """Read everything that `reference_model.evaluation.results` wrote.

    Raises
    ------
    FileNotFoundError
        If there are no results.
    ValueError
        If a method's results belong to other transients than the truth, or to
        another version of the data set than the others.
    """
    truth = folder / "truth" / "rows.npy"
    if not truth.exists():
        raise FileNotFoundError(f"no results in {folder}: run the methods and the networks first")
    rows = np.load(truth, allow_pickle=False)
    number = np.load(folder / "truth" / "field.npy", allow_pickle=False)
    methods, notes, covered = {}, {}, {}
    versions: dict[str, str] = {}
    for name in methods_in(folder):
        result, note = read_method(folder, name)
        versions.setdefault(str(note.get("data_version")), name)
        if result.size != rows.size:
            result = _padded(folder, name, result, number)
        seen = np.bincount(number, np.isfinite(result["dx"])) > 0
        if not seen.all():
            covered[name] = seen[number]
        methods[name], notes[name] = result, note
    if len(versions) > 1:
        some = ", ".join(f"{name} of {version}" for version, name in versions.items())
        raise ValueError(f"{folder} mixes results of several data sets: {some}")
    counted = folder / "truth" / "brighter.npy"
    brighter = np.load(counted, allow_pickle=False) if counted.exists() else None
    return Study(rows, number, methods, notes, covered, brighter)


def _padded(folder: Path, name: str, result: Rows, number: NDArray[np.int64]) -> Rows:
    """Results of the first fields only, at full length."""
    if result.size not in np.cumsum(np.bincount(number)):
        raise ValueError(
            f"{folder / name}.npy has {result.size} rows; the truth beside it has {number.size}, "
            "and no whole number of its fields is that long: evaluate again"
        )
    full = np.zeros(number.size, RESULT)
    for column in ("dx", "dy", "none", "radius", "host_z", "region", "area95"):
        full[column] = np.nan
    full[: result.size] = result
    return full


def inside(rows: Rows, half: float = HALF_SIDE[5], edge: float = EDGE) -> Mask:
    """Whether the host lies in a stamp of half a side, arcsec; False without a host."""
    far = np.maximum(np.abs(rows["host_dx"]), np.abs(rows["host_dy"]))
    return np.asarray(far < half - edge)


def stream_weights(rows: Rows, nearby: float = STREAM) -> Floats:
    """How much each transient counts, so that a share `nearby` of all are of that stratum.

    The mean weight is one; transients without a host belong to the deep stratum.
    """
    near = rows["stratum"] == NEARBY
    count, size = int(near.sum()), rows.size
    if not 0 < count < size:
        return np.ones(size)
    return np.where(near, nearby * size / count, (1.0 - nearby) * size / (size - count))


def selections(rows: Rows) -> dict[str, Mask]:
    """The subsets that results are given for; all have a host that can be seen."""
    host = (rows["kind"] == ON_GALAXY) & rows["visible"]
    nearby, deep = host & (rows["stratum"] == NEARBY), host & (rows["stratum"] == DEEP)
    within = inside(rows)
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


#: What can be asked of an answer: points at the right host, at a wrong one, or
#: is farther from the host than 1", or than max(1", R_e).
Question = Literal["right", "wrong", "beyond_1", "beyond_host"]


def answers(study: Study, name: str, question: Question) -> NDArray[np.float64]:
    """1 or 0 for every transient, for one result file; NaN where it was not run."""
    rows, result = study.rows, study.methods[name]
    if question in ("right", "wrong"):
        found = np.asarray(result["right"] == (question == "right"), dtype=float)
    else:
        limit = np.maximum(1.0, rows["host_re"]) if question == "beyond_host" else 1.0
        found = np.asarray(distance_error(rows, result) > limit, dtype=float)
    if name in study.covered:
        found[~study.covered[name]] = np.nan
    return found


def asked(
    study: Study, method: str, question: Question, chosen: Mask, names: list[str] | None = None
) -> Floats:
    """Answers of every seed of a method on a subset, shape (S, n)."""
    some = seeds_of(study.methods, method) if names is None else names
    return np.stack([answers(study, name, question)[chosen] for name in some])


def errors(study: Study, method: str, chosen: Mask) -> Floats:
    """Distance errors of every seed of a method, shape (S, n); no answer is far off."""
    some = seeds_of(study.methods, method)
    found = np.stack([distance_error(study.rows, study.methods[n])[chosen] for n in some])
    return np.minimum(found, NO_ANSWER)


def where_run(study: Study, *methods: str) -> Mask:
    """Transients that every seed of these methods was run on."""
    out = np.ones(study.rows.size, bool)
    for name, seen in study.covered.items():
        if base_of(name) in methods:
            out &= seen
    return out


@dataclass(frozen=True)
class Line:
    """One method on one subset."""

    median: Estimate
    p68: Estimate
    p95: Estimate
    beyond_1: Estimate
    beyond_host: Estimate
    right: Estimate


def line(study: Study, method: str, chosen: Mask) -> Line:
    """Measure one method on one subset: means over its seeds."""
    chosen = chosen & where_run(study, method)
    group = study.field[chosen]
    median, p68, p95 = percentiles_by_group(
        errors(study, method, chosen), group, (50.0, 68.0, 95.0)
    )
    return Line(
        median=median,
        p68=p68,
        p95=p95,
        beyond_1=mean_by_group(asked(study, method, "beyond_1", chosen), group),
        beyond_host=mean_by_group(asked(study, method, "beyond_host", chosen), group),
        right=mean_by_group(asked(study, method, "right", chosen), group),
    )
