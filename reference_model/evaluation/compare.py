"""Two methods on the same transients, with all their seeds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from reference_model.evaluation.bootstrap import Estimate, mean_by_group, ratio_by_group
from reference_model.evaluation.names import seed_of, seeds_of
from reference_model.evaluation.tables import Floats, Mask, Question, Study, asked, where_run


@dataclass(frozen=True)
class Paired:
    """A comparison.

    Attributes
    ----------
    estimate : Estimate
        From the mean over seeds of each method, transient by transient; its
        interval resamples fields.
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
    a = asked(study, first, question, chosen, kept[0]).mean(axis=0)
    b = asked(study, second, question, chosen, kept[1]).mean(axis=0)
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
    question: Question = "right",
    together: bool = False,
) -> Paired:
    """Share of the first method minus the second's."""
    chosen = chosen & where_run(study, first, second)
    a, b, single = _both(study, first, second, chosen, question, together)
    return Paired(
        estimate=mean_by_group(a - b, study.field[chosen]),
        seeds=tuple(_share(x - y) for x, y in single),
        first=_share(a),
        second=_share(b),
    )


def wrong_ratio(
    study: Study, first: str, second: str, chosen: Mask, question: Question = "wrong"
) -> Paired:
    """Wrong answers of the first method over those of the second; NaN where it has none.

    Parameters
    ----------
    question : {'wrong', 'beyond_1', 'beyond_host'}
        What counts as wrong.
    """
    chosen = chosen & where_run(study, first, second)
    a, b, single = _both(study, first, second, chosen, question, False)
    return Paired(
        estimate=ratio_by_group(a, b, study.field[chosen]),
        seeds=tuple(float(x.sum() / y.sum()) if y.sum() else float("nan") for x, y in single),
        first=_share(a),
        second=_share(b),
    )


def _share(values: Floats) -> float:
    return float(values.mean()) if values.size else float("nan")
