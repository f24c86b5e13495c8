"""The goals of the study: what was asked, what was measured, reached or missed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from reference_model.evaluation.bootstrap import Estimate, mean_by_group
from reference_model.evaluation.compare import Paired, difference, wrong_ratio
from reference_model.evaluation.names import RIVALS, SKY, half_side, ordered, seeds_of, title
from reference_model.evaluation.tables import Mask, Study, asked, selections, where_run
from reference_model.scenes.company import HALF_BOX

#: The network the goals are about, and those it is compared with.
REFERENCE = "net_any5"
TODAY, OVERLAPPING, FLOATS = "net_stamp30", "net_overlapping5x30", "net_any5_f4"

#: What may be lost against DELIGHT's 4,500 values, share of right hosts.
MOST_LOST = 0.005
#: Stamps a second on one core.
SPEED = 2000


@dataclass(frozen=True)
class Goal:
    """One goal.

    Attributes
    ----------
    text : str
        What was to be reached.
    measured : str
        Empty where it was not run.
    verdict : str
        ``reached``, ``missed``, ``not run``, or ``undefined`` where the
        comparison has nothing in its denominator.
    beside : tuple of str
        What belongs to it without being the goal.
    """

    text: str
    measured: str
    verdict: str
    beside: tuple[str, ...] = ()


def _judged(text: str, measured: str, value: float, reached: bool, *beside: str) -> Goal:
    verdict = "undefined" if not np.isfinite(value) else "reached" if reached else "missed"
    return Goal(text, measured, verdict, beside)


def points(found: Paired, what: str = "right host") -> str:
    """A difference of shares in words, in percentage points."""
    return (
        f"{what} {100 * found.first:.1f} against {100 * found.second:.1f} %: "
        f"{found.estimate.percent(2)} points (n = {found.estimate.n}; "
        f"{found.spread(100.0)})"
    )


def ratio(found: Paired, what: str) -> str:
    """A ratio of wrong answers in words."""
    return (
        f"{what} {100 * found.first:.1f} against {100 * found.second:.1f} %: "
        f"ratio {found.estimate.plain()} (n = {found.estimate.n}; {found.spread()})"
    )


def goals(study: Study, speed: dict[str, float] | None) -> list[Goal]:
    """All goals, in the order they were set.

    Parameters
    ----------
    speed : dict, optional
        What `reference_model.evaluation.speed.measure` found.
    """
    chosen = selections(study.rows)
    return [
        against_overlapping(study, chosen),
        against_today(study, chosen),
        against_rivals(study, chosen),
        against_floats(study, chosen),
        *contents(study),
        in_the_deep(study, chosen),
        fast_enough(speed),
    ]


#: Of transients whose host has no brighter galaxy near it (`alone`).
ALONE = f'no galaxy brighter than the host within {HALF_BOX:g}": '


def alone(study: Study) -> list[Mask]:
    """The transients whose host is the brightest galaxy around; nothing where not counted."""
    return [] if study.brighter is None else [study.brighter == 0]


def _missing(study: Study, *methods: str) -> bool:
    return not all(seeds_of(study.methods, m) for m in methods)


def against_overlapping(study: Study, chosen: dict[str, Mask]) -> Goal:
    """n=5 against the 4,500 values that DELIGHT uses."""
    text = (
        "n=5 (900 values, i2) against DELIGHT-style 4,500 values, right host where the host lies "
        "in the n=5 stamp: within 0.5 percentage points"
    )
    if _missing(study, REFERENCE, OVERLAPPING):
        return Goal(text, "", "not run")
    deep, nearby = chosen["deep"], chosen["nearby, host in the n=5 stamp"]
    found = difference(study, REFERENCE, OVERLAPPING, deep | nearby)
    value = found.estimate.value
    return _judged(
        text, points(found), value, value >= -MOST_LOST,
        "deep: " + points(difference(study, REFERENCE, OVERLAPPING, deep)),
        "nearby: " + points(difference(study, REFERENCE, OVERLAPPING, nearby)),
        *(ALONE + points(difference(study, REFERENCE, OVERLAPPING, nearby & some))
          for some in alone(study)),
    )  # fmt: skip


def against_today(study: Study, chosen: dict[str, Mask]) -> Goal:
    """Wrong hosts where today's stamp ends."""
    text = "n=5 against today's 30x30, hosts more than 3\" away: at most a third of the wrong hosts"
    if _missing(study, REFERENCE, TODAY):
        return Goal(text, "", "not run")
    far = chosen["host more than 3 arcsec away"]
    within = far & (chosen["deep"] | chosen["nearby, host in the n=5 stamp"])
    found = wrong_ratio(study, REFERENCE, TODAY, far)
    return _judged(
        text, ratio(found, "wrong host"), found.estimate.value, found.estimate.value <= 1 / 3,
        "host in the n=5 stamp: "
        + ratio(wrong_ratio(study, REFERENCE, TODAY, within), "wrong host"),
        *(ALONE + ratio(wrong_ratio(study, REFERENCE, TODAY, far & some), "wrong host")
          for some in alone(study)),
        *(ALONE + "host in the n=5 stamp: "
          + ratio(wrong_ratio(study, REFERENCE, TODAY, within & some), "wrong host")
          for some in alone(study)),
    )  # fmt: skip


def best_rival(study: Study, chosen: Mask) -> str | None:
    """The method of (a)-(d) and (f) with the fewest errors > max(1", R_e) on a subset."""
    rates = {}
    for method in ordered(study.methods):
        some = chosen & where_run(study, method)
        if method in RIVALS and some.any():
            rates[method] = float(asked(study, method, "beyond_host", some).mean())
    return min(rates, key=lambda m: rates[m]) if rates else None


def out_of_reach(study: Study, chosen: Mask, half: float) -> Estimate:
    """Share of hosts farther from a stamp than max(1", R_e): no answer in it can be right."""
    rows = study.rows[chosen]
    beyond = [np.maximum(np.abs(rows[axis]) - half, 0.0) for axis in ("host_dx", "host_dy")]
    lost = np.hypot(*beyond) > np.maximum(1.0, rows["host_re"])
    return mean_by_group(lost.astype(float), study.field[chosen])


def against_rivals(study: Study, chosen: dict[str, Mask]) -> Goal:
    """n=5 against methods that see the whole image or a catalogue."""
    text = (
        "n=5 against the best of (a)-(d) and (f), error > max(1\", R_e), nearby stratum: at most "
        "half"
    )  # fmt: skip
    near = chosen["nearby"]
    rival = best_rival(study, near)
    if rival is None or _missing(study, REFERENCE):
        return Goal(text, "", "not run")
    found = wrong_ratio(study, REFERENCE, rival, near, "beyond_host")
    floor = out_of_reach(study, near, half_side(REFERENCE))
    beside = [
        f"hosts out of the stamp's reach alone: {floor.percent()} % of the transients, a ratio "
        f"of {floor.value / found.second:.2f}" if found.second else "",
    ]  # fmt: skip
    within = chosen["nearby, host in the n=5 stamp"]
    parts = {"host in the n=5 stamp: ": within}
    for some in alone(study):
        parts |= {ALONE: near & some, ALONE + "host in the n=5 stamp: ": within & some}
    for name, part in parts.items():
        other = best_rival(study, part)
        if other:
            inner = wrong_ratio(study, REFERENCE, other, part, "beyond_host")
            beside.append(f"{name}{title(other)}, {ratio(inner, 'error')}")
    return _judged(
        text, f"{title(rival)}, {ratio(found, 'error')}", found.estimate.value,
        found.estimate.value <= 0.5, *filter(None, beside),
    )  # fmt: skip


def against_floats(study: Study, chosen: dict[str, Mask]) -> Goal:
    """What the default step of i2 costs."""
    text = "i2 at sigma/16 against f4: no difference within the interval"
    if _missing(study, REFERENCE, FLOATS):
        return Goal(text, "", "not run")
    both = chosen["deep"] | chosen["nearby"]
    found = difference(study, REFERENCE, FLOATS, both, together=True)
    error = difference(study, REFERENCE, FLOATS, both, "beyond_host", together=True)
    gap = found.estimate
    return _judged(
        text, points(found), gap.value, gap.low <= 0.0 <= gap.high,
        points(error, 'error > max(1", R_e)'),
    )  # fmt: skip


def contents(study: Study) -> list[Goal]:
    """What the regions say, against what they hold."""
    out = []
    names = seeds_of(study.methods, REFERENCE)
    for share, low, high in ((0.68, 0.66, 0.70), (0.95, 0.94, 0.96)):
        text = f"{share:.0%} regions contain {low:.0%} to {high:.0%}"
        if not names:
            out.append(Goal(text, "", "not run"))
            continue
        region = np.stack([study.methods[n]["region"] for n in names]).astype(float)
        held = np.where(np.isfinite(region), region <= share, np.nan)
        found = mean_by_group(held, study.field)
        single = tuple(float(h[np.isfinite(h)].mean()) for h in held if np.isfinite(h).any())
        spread = Paired(found, single, found.value, share).spread(100.0, 1)
        out.append(_judged(text, f"{found.percent()} % (n = {found.n}; {spread})", found.value,
                           low <= found.value <= high))  # fmt: skip
    return out


def in_the_deep(study: Study, chosen: dict[str, Mask]) -> Goal:
    """Whether more sky costs hosts where today's stamp holds them all."""
    text = "deep stratum: n=5 against today's 30x30, no loss of right hosts"
    if _missing(study, REFERENCE, TODAY):
        return Goal(text, "", "not run")
    found = difference(study, REFERENCE, TODAY, chosen["deep"])
    error = difference(study, REFERENCE, TODAY, chosen["deep"], "beyond_host")
    beside = [points(error, 'error > max(1", R_e)')]
    if not _missing(study, REFERENCE + SKY, TODAY + SKY):
        told = difference(study, REFERENCE + SKY, TODAY + SKY, chosen["deep"])
        beside.append("both told that 1 % are nearby: " + points(told))
    return _judged(text, points(found), found.estimate.value, found.estimate.high >= 0.0, *beside)


def fast_enough(speed: dict[str, float] | None) -> Goal:
    """Stamps a second on one core."""
    text = f"at least {SPEED:,} stamps a second on one CPU core, decoding included"
    if not speed:
        return Goal(text, "", "not run")
    return _judged(
        text, f"{speed['both']:,.0f} a second (decoding alone {speed['decode']:,.0f})",
        speed["both"], speed["both"] >= SPEED,
    )  # fmt: skip
