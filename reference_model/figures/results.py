"""Tables of the study in Markdown, from stored per-transient results only."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from reference_model.evaluation.bootstrap import Estimate
from reference_model.evaluation.goals import REFERENCE, Goal, alone
from reference_model.evaluation.hostless import area, causes, with_host
from reference_model.evaluation.names import SKY, half_side, ordered, seed_of, seeds_of, title
from reference_model.evaluation.redshift import (
    DELIGHT_CONTAMINATION,
    completeness_contamination,
    cuts,
    gives_probability,
    wrong_share,
)
from reference_model.evaluation.tables import (
    NO_ANSWER,
    Line,
    Mask,
    Study,
    asked,
    line,
    selections,
    where_run,
)
from reference_model.evaluation.told import ABLATIONS
from reference_model.scenes.company import HALF_BOX

#: The sets of transients that secondary tables are given for.
STRATA = ("deep", "nearby", "nearby, host in the n=5 stamp")
#: Those nearby hosts in the stamp that have no brighter galaxy beside them.
UNCROWDED = f"nearby, host in the n=5 stamp, no galaxy brighter than it within {HALF_BOX:g} arcsec"
#: Other encodings of the stamps that the n=5 network reads.
ENCODED = ("net_any5_step8", "net_any5_step4", "net_any5_step2", "net_any5_f4")


def table(head: list[str], rows: list[list[str]]) -> list[str]:
    """A Markdown table, followed by an empty line."""
    lines = ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    return [*lines, *("| " + " | ".join(row) + " |" for row in rows), ""]


def listed(study: Study) -> list[str]:
    """Methods of the long tables, in order: what a network is told has a table of its own."""
    apart = tuple(one.name for one in ABLATIONS[1:])
    return [m for m in ordered(study.methods) if not m.removesuffix(SKY).endswith(apart)]


def named(study: Study, method: str, chosen: Mask) -> str:
    """A method's title, and how many transients it was run on where not on all."""
    seen = where_run(study, method)
    if seen.all():
        return title(method)
    return f"{title(method)} (run on {int((chosen & seen).sum())})"


def main_tables(study: Study, subsets: tuple[str, ...] | None = None) -> list[str]:
    """One table for every subset, or for some; of several seeds the mean."""
    out = []
    for name, chosen in selections(study.rows).items():
        if not chosen.any() or (subsets is not None and name not in subsets):
            continue
        rows = []
        for method in listed(study):
            found: Line = line(study, method, chosen)
            rows.append([
                named(study, method, chosen), str(len(seeds_of(study.methods, method))),
                _arcsec(found.median), _arcsec(found.p68), _arcsec(found.p95),
                found.beyond_1.percent(), found.beyond_host.percent(), found.right.percent(),
            ])  # fmt: skip
        out += [
            f"### {name} (simulated, n = {int(chosen.sum())}, "
            f"{np.unique(study.field[chosen]).size} fields)",
            "",
            *table(['method', 'seeds', 'median error (")', '68 % (")', '95 % (")', '> 1" (%)',
                    '> max(1", R_e) (%)', "right host (%), for comparison only"], rows),
        ]  # fmt: skip
    return out


def _arcsec(value: Estimate) -> str:
    limit = 0.9 * NO_ANSWER
    if value.value >= limit:
        return "no answer"
    high = "no answer" if value.high >= limit else f"{value.high:.2f}"
    return f"{value.value:.2f} ({value.low:.2f}-{high})" if value.n else "-"


def seed_table(study: Study) -> list[str]:
    """What every seed found, and the standard deviation."""
    chosen = selections(study.rows)
    rows = []
    for stratum in STRATA:
        for method in listed(study):
            names = seeds_of(study.methods, method)
            pick = chosen[stratum] & where_run(study, method)
            # Encodings of one network's stamps have its spread.
            if len(names) < 2 or not pick.any() or method in ENCODED:
                continue
            right = 100.0 * asked(study, method, "right", pick).mean(axis=1)
            beyond = 100.0 * asked(study, method, "beyond_host", pick).mean(axis=1)
            rows.append([
                title(method), stratum, ", ".join(str(seed_of(n)) for n in names),
                _each(right), f"{right.std(ddof=1):.2f}", _each(beyond),
                f"{beyond.std(ddof=1):.2f}",
            ])  # fmt: skip
    if not rows:
        return ["One seed of every network was run.", ""]
    return table(["network", "transients", "seeds", "right host (%)", "standard deviation",
                  'error > max(1", R_e) (%)', "standard deviation"], rows)  # fmt: skip


def _each(values: NDArray[np.float64]) -> str:
    return ", ".join(f"{v:.1f}" for v in values)


def goal_table(found: list[Goal]) -> list[str]:
    """The goals, reached or missed."""
    return table(["goal", "measured", ""], [[g.text, g.measured, _verdict(g)] for g in found])


def _verdict(goal: Goal) -> str:
    return f"**{goal.verdict}**" if goal.verdict == "missed" else goal.verdict


def beside_table(found: list[Goal]) -> list[str]:
    """What belongs to the goals without being one."""
    rows = [[g.text, text] for g in found for text in (g.measured, *g.beside) if text]
    return table(["goal", "measured"], rows)


def redshift_sets(study: Study) -> dict[str, Mask]:
    """The sets that redshifts are counted for; the last holds hostless transients too."""
    chosen = {name: selections(study.rows)[name] for name in STRATA}
    for some in alone(study):
        chosen[UNCROWDED] = chosen["nearby, host in the n=5 stamp"] & some
    chosen["all transients, hostless included"] = np.ones(study.rows.size, bool)
    return chosen


def matching(study: Study, chosen: Mask) -> float | None:
    """Completeness of (f)'s own redshifts, for others to be compared at."""
    if not seeds_of(study.methods, "delight"):
        return None
    value = completeness_contamination(study, "delight", chosen)[0].value
    return value if np.isfinite(value) else None


def redshift_tables(study: Study) -> list[str]:
    """Redshift error from host identification, completeness and contamination."""
    out = []
    for name, chosen in redshift_sets(study).items():
        if not chosen.any():
            continue
        match, rows = matching(study, chosen), []
        for method in listed(study):
            complete, dirty = completeness_contamination(study, method, chosen)
            cells = [named(study, method, chosen), wrong_share(study, method, chosen).percent(),
                     complete.percent(), dirty.percent()]  # fmt: skip
            if gives_probability(study.methods[seeds_of(study.methods, method)[0]]):
                cut = cuts(study, method, chosen, match)
                cells.append(cut.completeness.percent())
                if match is not None:
                    cells.append(cut.contamination.percent(2))
            else:
                cells += ["-"] * (1 if match is None else 2)
            rows.append(cells)
        head = ["method", "error above 0.01 (1+z), or none given (%)",
                "completeness, P(none) at most 1/2 (%)",
                "contamination, P(none) at most 1/2 (%)",
                f"completeness at a contamination of {DELIGHT_CONTAMINATION:.2%}".replace("%", " %")
                + " (%)"]  # fmt: skip
        if match is not None:
            head.append(f"contamination at (f)'s completeness of {100 * match:.1f} % (%)")
        out += [f"### Redshifts: {name} (simulated, n = {int(chosen.sum())})", "",
                *table(head, rows)]  # fmt: skip
    return out


def contamination_sentence(study: Study) -> str:
    """Our number beside the one in DELIGHT's abstract, and why it is not the same."""
    chosen = selections(study.rows)["nearby, host in the n=5 stamp"]
    if not seeds_of(study.methods, REFERENCE) or not chosen.any():
        return ""
    match = matching(study, chosen)
    cut = cuts(study, REFERENCE, chosen, match)
    text = (
        "The abstract of Foerster et al. 2022 gives DELIGHT a contamination below 0.86 % among "
        "cross-matched redshifts of real hosts, without the completeness that goes with it; held "
        "to that contamination, the n=5 network gives the right redshift to "
        f"{cut.completeness.percent()} % of the simulated nearby transients whose host "
        "lies in its stamp"
    )
    if match is None:
        return text + "."
    text += f", and {_at_its_completeness(study, chosen)}."
    for some in alone(study):
        if (chosen & some).any():
            text += (
                f' Where no galaxy outshines the host within {HALF_BOX:g}", '
                f"{_at_its_completeness(study, chosen & some)}."
            )
    return text


def _at_its_completeness(study: Study, chosen: Mask) -> str:
    match = matching(study, chosen)
    if match is None:
        return "(f) DELIGHT was not run"
    cut = cuts(study, REFERENCE, chosen, match)
    dirty = completeness_contamination(study, "delight", chosen)[1]
    return (
        f"at the completeness that (f) DELIGHT itself has on them, {100 * match:.1f} %, "
        f"its contamination is {cut.contamination.percent(2)} % against (f)'s "
        f"{dirty.percent(2)} %"
    )


def probabilistic(study: Study) -> list[str]:
    """Networks that state P(none)."""
    return [
        method for method in listed(study)
        if method.startswith("net_")
        and gives_probability(study.methods[seeds_of(study.methods, method)[0]])
    ]  # fmt: skip


def hostless_table(study: Study) -> list[str]:
    """Area under the hostless ROC, in the stamp that each network sees, by cause."""
    rows = []
    common = half_side(REFERENCE)
    same = with_host(study.rows, common)
    same_causes = causes(study.rows, common)
    alike = same_causes["every cause"] & ~same_causes["host outside the stamp"]
    for method in probabilistic(study):
        try:
            half = half_side(method)
        except ValueError:
            continue
        visit = "_science" in method
        having = with_host(study.rows, half, visit)
        rows.append([
            named(study, method, having), str(int(having.sum())),
            *(_area(area(study, method, hostless, having))
              for hostless in causes(study.rows, half, visit).values()),
            _area(area(study, method, alike, same)),
        ])  # fmt: skip
    names = list(same_causes)
    return table(["network", "hosts in its stamp", *names,
                  "the same transients for all"], rows)  # fmt: skip


def _area(found: Estimate) -> str:
    return f"{found.plain(3)} n={found.n}" if np.isfinite(found.value) else "-"
