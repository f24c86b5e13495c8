"""Tables by groups of transients: depth, seeing, the host's magnitude, its company."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reference_model.evaluation.bootstrap import mean_by_group
from reference_model.evaluation.names import title
from reference_model.evaluation.tables import (
    Mask,
    Question,
    Study,
    asked,
    selections,
    where_run,
)
from reference_model.figures.results import table

#: The questions asked of groups, in words.
ASKED: dict[Question, str] = {
    "right": "right host (%)",
    "beyond_host": 'error > max(1", R_e) (%)',
}


def visit_groups(study: Study) -> dict[str, Mask]:
    """Transients by the number of visits in their template."""
    visits = study.rows["template_visits"]
    return {f"{v} visits": visits == v for v in np.unique(visits)}


def _between(values: NDArray[Any], edges: tuple[float, ...], unit: str) -> dict[str, Mask]:
    """Transients by intervals of a value, the outer two open."""
    out = {}
    for low, high in pairwise((-np.inf, *edges, np.inf)):
        if low == -np.inf:
            name = f"below {high:g}{unit}"
        else:
            name = f"{low:g}{unit} and more" if high == np.inf else f"{low:g}-{high:g}{unit}"
        out[name] = (values >= low) & (values < high)
    return out


def seeing_groups(study: Study) -> dict[str, Mask]:
    """Transients by the seeing of their template."""
    return _between(study.rows["template_fwhm"], (0.75, 0.9), '"')


#: Bounds of the magnitudes of hosts, r.
NEARBY_MAGNITUDES, DEEP_MAGNITUDES = (14.0, 16.0, 18.0, 20.0), (20.0, 22.0, 24.0)


def magnitude_groups(study: Study, edges: tuple[float, ...]) -> dict[str, Mask]:
    """Transients by the apparent r magnitude of their host."""
    return _between(study.rows["host_r"], edges, " mag")


def crowding_groups(study: Study) -> dict[str, Mask]:
    """Transients by the galaxies brighter than their host around them, where counted."""
    if study.brighter is None:
        return {}
    return {
        "none brighter": study.brighter == 0,
        "one brighter": study.brighter == 1,
        "two and more": study.brighter > 1,
    }


def grouped(
    study: Study,
    methods: list[str],
    groups: dict[str, Mask],
    stratum: str,
    question: Question = "right",
) -> list[str]:
    """A share in one stratum by groups of transients."""
    chosen = selections(study.rows)[stratum]
    some = {name: mask & chosen for name, mask in groups.items() if (mask & chosen).any()}
    head = [f"{name} (n = {int(mask.sum())}, {np.unique(study.field[mask]).size} fields)"
            for name, mask in some.items()]  # fmt: skip
    rows = []
    for method in methods:
        cells: list[str] = []
        for mask in some.values():
            pick = mask & where_run(study, method)
            found = asked(study, method, question, pick)
            cells.append(mean_by_group(found, study.field[pick]).percent())
        rows.append([title(method), *cells])
    return table([f"{stratum}, {ASKED[question]}", *head], rows)
