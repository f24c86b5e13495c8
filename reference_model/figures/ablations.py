"""What telling a network more is worth, as a table."""

from __future__ import annotations

from reference_model.evaluation.bootstrap import Estimate, ratio_by_group
from reference_model.evaluation.compare import difference
from reference_model.evaluation.goals import REFERENCE
from reference_model.evaluation.names import SKY, seeds_of
from reference_model.evaluation.tables import (
    STREAM,
    Mask,
    Study,
    asked,
    selections,
    stream_weights,
    where_run,
)
from reference_model.evaluation.told import ABLATIONS
from reference_model.figures.results import table

#: Shares of nearby hosts that answers are asked at and counted with, and what they are called.
PRIORS = {"even odds": (0.5, ""), "stream": (STREAM, SKY)}


def errors_at(study: Study, method: str, chosen: Mask, nearby: float) -> Estimate:
    """Share of errors above max(1", R_e) where a share of all transients is nearby."""
    some = chosen & where_run(study, method)
    wrong = asked(study, method, "beyond_host", some)
    w = stream_weights(study.rows, nearby)[some]
    return ratio_by_group(wrong * w, w, study.field[some])


def ablation_table(study: Study) -> list[str]:
    """n=5 told more than its headline; nothing where that was not run."""
    chosen = selections(study.rows)
    within = chosen["deep"] | chosen["nearby, host in the n=5 stamp"]
    parts = {
        "host in the stamp": within,
        'host in it and more than 3" away': within & chosen["host more than 3 arcsec away"],
    }
    rows = []
    for told in ABLATIONS:
        if not any(seeds_of(study.methods, REFERENCE + told.name + s) for _, s in PRIORS.values()):
            continue
        cells = [told.text]
        for nearby, suffix in PRIORS.values():
            method, first = REFERENCE + told.name + suffix, REFERENCE + suffix
            if not (seeds_of(study.methods, method) and seeds_of(study.methods, first)):
                cells += ["-"] * (len(parts) + 1)
                continue
            cells += [errors_at(study, method, part, nearby).percent() for part in parts.values()]
            found = difference(study, method, first, within, together=True,
                               weights=stream_weights(study.rows, nearby))  # fmt: skip
            cells.append("-" if method == first else found.estimate.percent(2))
        rows.append(cells)
    if len(rows) < 2:
        return []
    head = ["n=5"]
    for name in PRIORS:
        head += [f"{name}: {part} (%)" for part in parts]
        head.append(f"{name}: change, host in the stamp (points)")
    return table(head, rows)
