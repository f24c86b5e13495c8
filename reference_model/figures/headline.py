"""The first screen of the results: what was asked, the answer, and its honest limit."""

from __future__ import annotations

import numpy as np

from reference_model.evaluation.bootstrap import Estimate, ratio_by_group
from reference_model.evaluation.compare import Paired, wrong_ratio
from reference_model.evaluation.goals import (
    MAGNITUDE,
    OVERLAPPING,
    REFERENCE,
    TODAY,
    TODAY_RATIO,
    TOLD,
    Goal,
    best_rival,
)
from reference_model.evaluation.names import SKY, seeds_of, title
from reference_model.evaluation.tables import (
    STREAM,
    Mask,
    Study,
    asked,
    selections,
    stream_weights,
    where_run,
)
from reference_model.evaluation.told import HEADLINE
from reference_model.figures.results import goal_table, table
from reference_model.scenes.place import DEEP

FOLDER = "figures/reference_model"
#: Where ``python -m reference_model real`` leaves its results, within the documents.
REAL_HOSTS = f"{FOLDER}/real_hosts.json"

#: Networks of the first table, and what they are called there.
SHOWN = {
    REFERENCE + SKY: 'hierarchical stamp, n=5: 900 values, 48" wide',
    TODAY + SKY: "today's 30x30: 900 values, 6\" wide",
    OVERLAPPING + SKY: '5x30x30: 4,500 values, 96" wide',
}


def errors_of(study: Study, method: str, chosen: Mask, stream: bool = False) -> Estimate:
    """Share of errors above max(1", R_e), mean over seeds; at the stream's share if asked."""
    some = chosen & where_run(study, method)
    wrong = asked(study, method, "beyond_host", some)
    w = stream_weights(study.rows)[some] if stream else np.ones(wrong.shape[1])
    return ratio_by_group(wrong * w, w, study.field[some])


def error_table(study: Study) -> list[str]:
    """Errors of the networks that matter and of the best other method."""
    chosen = selections(study.rows)
    near = chosen["nearby, host in the n=5 stamp"]
    within = chosen["deep"] | near
    columns = {
        "alert stream, host in the n=5 stamp (%)": (within, True),
        "deep (%)": (chosen["deep"], False),
        "nearby, host in the n=5 stamp (%)": (near, False),
    }
    rows = []
    for method, name in SHOWN.items():
        if seeds_of(study.methods, method):
            rows.append([name, *(errors_of(study, method, *c).percent() for c in columns.values())])
    cells = []
    for some, stream in columns.values():
        rival = best_rival(study, some, stream_weights(study.rows) if stream else None)
        found = errors_of(study, rival, some, stream).percent() if rival else "-"
        cells.append(f"{found}, {title(rival)}" if rival else found)
    if rows:
        rows.append(["best of the classical methods, the catalogue and DELIGHT", *cells])
    counts = [f"{name}, n = {int(some.sum())}" for name, (some, _) in columns.items()]
    return table(["input", *counts], rows) if rows else []


def today_sentence(study: Study) -> list[str]:
    """Whether today's goal is missed by the format, or out of reach of any input at that prior."""
    chosen = selections(study.rows)
    far = chosen["host more than 3 arcsec away"] & (
        chosen["deep"] | chosen["nearby, host in the n=5 stamp"]
    )
    found: dict[str, Paired] = {}
    for name, first, second, nearby in (
        ("n5", REFERENCE + SKY, TODAY + SKY, STREAM),
        ("wide", OVERLAPPING + SKY, TODAY + SKY, STREAM),
        ("even", REFERENCE, TODAY, 0.5),
        ("magnitude", REFERENCE + MAGNITUDE + SKY, TODAY + MAGNITUDE + SKY, STREAM),
    ):
        if seeds_of(study.methods, first) and seeds_of(study.methods, second):
            weights = stream_weights(study.rows, nearby)
            found[name] = wrong_ratio(study, first, second, far, weights=weights)
    if "n5" not in found or "wide" not in found:
        return []
    n5, wide = found["n5"].estimate.value, found["wide"].estimate.value
    if not n5 > TODAY_RATIO:
        return []
    text = (
        f"Of hosts more than 3\" away, today's stamp loses {_percent(found['n5'].second)} and n=5 "
        f"{_percent(found['n5'].first)} at the stream's prior: {n5:.2f} of the errors, "
        f"{TODAY_RATIO:g} asked. "
    )
    if wide > TODAY_RATIO:
        text += (
            f"More values do not reach it either: with five times as many (5x30x30) it is "
            f"{wide:.2f}. It is the share of nearby hosts that decides, not the format"
        )
    else:
        text += f"With five times the values (5x30x30) it is {wide:.2f}, so more values do help"
    if "even" in found:
        text += f": at even odds n=5 has {found['even'].estimate.plain()} of the errors"
    deep = far & (study.rows["stratum"] == DEEP)
    text += (
        f", in the stream the {int(deep.sum())} deep ones count for nearly all, of which n=5 loses "
        f"{errors_of(study, REFERENCE + SKY, deep).percent()} %"
    )
    if "magnitude" in found:
        text += (
            ". In the stream, both told each transient's magnitude, the ratio is "
            f"{found['magnitude'].estimate.plain()}"
        )
    return [text + ".", ""]


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def clustered_sentence(found: Study | None) -> list[str]:
    """One line on the hosts in groups."""
    if found is None:
        return []
    chosen = selections(found.rows)["nearby, host in the n=5 stamp"]
    parts = []
    for method, name in ((REFERENCE, "n=5"), (TODAY, "today's 30x30"), (OVERLAPPING, "5x30x30")):
        if seeds_of(found.methods, method):
            parts.append(f"{name} {errors_of(found, method, chosen).percent()} %")
    rival = best_rival(found, chosen)
    if rival:
        parts.append(f"{title(rival)} {errors_of(found, rival, chosen).percent()} %")
    return [
        "Where nearby hosts stand in groups, at even odds, errors are: "
        + ", ".join(parts)
        + f" (n = {int(chosen.sum())}; [table](reference_model_tables.md#hosts-in-groups)).",
        "",
    ]


def headline(
    study: Study, found: list[Goal], made: str, clustered: Study | None = None
) -> list[str]:
    """The page of results.

    Parameters
    ----------
    study : Study
    found : list of Goal
    made : str
        What the numbers are of, in words.
    clustered : Study, optional
        Results of nearby hosts in groups.
    """
    verdicts = [goal.verdict for goal in found]
    reached, missed = verdicts.count("reached"), verdicts.count("missed")
    other = len(found) - reached - missed
    rest = f", {other} not run or undefined" if other else ""
    return [
        "# Results of the reference model",
        "",
        "**Asked:** how much of what finds the host galaxy of a transient survives in a "
        "hierarchical stamp of 900 values, against today's stamp of as many values, against five "
        "times the values, and against methods that see the whole image.",
        "",
        f"**Answer:** {reached} of {len(found)} goals are reached, {missed} missed{rest}. The "
        'table gives the share of transients whose answer is more than max(1", R_e) from the '
        f"host, told that {TOLD}; a network is shown the {HEADLINE.text}.",
        "",
        *error_table(study),
        f"**Limit:** all of it but one row is simulated: {made}. One band, one family of galaxy "
        "profiles, and priors that are the simulation's; how it compares with measured "
        "distributions is [on its own page](reference_model_simulation.md). Real hosts are "
        "[few, bright and chosen by people](reference_model_realhosts.md), and say nothing about "
        "faint ones.",
        "",
        "## Goals",
        "",
        "At the share of nearby hosts of an alert stream, 95 % intervals in brackets; "
        "[strata apart, and networks that are not told the share](reference_model_tables.md"
        "#beside-the-goals).",
        "",
        *goal_table(found),
        *today_sentence(study),
        *clustered_sentence(clustered),
        "## Errors by offset, and by bytes",
        "",
        f"![Error by offset]({FOLDER}/error_by_offset.png)",
        "",
        f"![Accuracy against bytes]({FOLDER}/size.png)",
        "",
        "## Behind it",
        "",
        "[Tables](reference_model_tables.md): every method on every subset, seeds, bytes, "
        "redshifts, depth and seeing, magnitudes, company, calibration. "
        "[Real hosts](reference_model_realhosts.md), [the real sky](reference_model_realsky.md), "
        "[how it works and how to repeat it](reference_model.md).",
    ]
