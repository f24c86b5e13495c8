"""The goals of the study: what was asked, what was measured, reached or missed.

An answer is judged by its distance from the host, an error above max(1", R_e), and by the
redshift that it leads to. Networks are told the share of nearby hosts of an alert stream, and
transients count as often as such a stream holds them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from reference_model.evaluation.bootstrap import ratio_by_group
from reference_model.evaluation.compare import Paired, difference, wrong_ratio
from reference_model.evaluation.hostless import causes, with_host
from reference_model.evaluation.names import RIVALS, SKY, half_side, ordered, seeds_of, title
from reference_model.evaluation.redshift import (
    DELIGHT_CONTAMINATION,
    Cuts,
    completeness_contamination,
    cuts,
)
from reference_model.evaluation.tables import (
    STREAM,
    Floats,
    Mask,
    Study,
    asked,
    selections,
    stream_weights,
    where_run,
)
from reference_model.scenes.company import HALF_BOX

#: The network the goals are about, and those it is compared with.
REFERENCE = "net_any5"
TODAY, OVERLAPPING = "net_stamp30", "net_overlapping5x30"

#: Of networks that were told the transient's magnitude too.
MAGNITUDE = "_magnitude"

#: What may be lost against DELIGHT's 4,500 values, share of errors.
MOST_LOST = 0.005
#: Most errors, over those of today's stamp and of the best other method.
TODAY_RATIO, RIVAL_RATIO = 0.2, 0.7
#: Contents of regions, and what they may be.
CONTENTS = ((0.68, 0.66, 0.70), (0.95, 0.94, 0.96))
#: Brier score of P(none) over that of the best constant.
BRIER_RATIO = 0.5
#: Real hosts within two pixels, and the stamp that shows them.
REAL_SHARE, REAL = 0.95, "net3"
#: Stamps a second on one core.
SPEED = 3000

ERROR = 'error > max(1", R_e)'


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


def points(found: Paired) -> str:
    """A difference of shares of errors in words, in percentage points."""
    return (
        f"errors {100 * found.first:.1f} against {100 * found.second:.1f} %: "
        f"{found.estimate.percent(2)} points (n = {found.estimate.n}; "
        f"{found.spread(100.0)})"
    )


def ratio(found: Paired) -> str:
    """A ratio of errors in words."""
    return (
        f"errors {100 * found.first:.1f} against {100 * found.second:.1f} %: "
        f"ratio {found.estimate.plain()} (n = {found.estimate.n}; {found.spread()})"
    )


def goals(
    study: Study, speed: dict[str, float] | None, real: dict[str, Any] | None = None
) -> list[Goal]:
    """All goals, in the order they were set.

    Parameters
    ----------
    speed : dict, optional
        What `reference_model.evaluation.speed.measure` found.
    real : dict, optional
        What `reference_model.evaluation.real.write_json` wrote.
    """
    chosen = selections(study.rows)
    return [
        against_overlapping(study, chosen),
        against_today(study, chosen),
        against_rivals(study, chosen),
        in_the_deep(study, chosen),
        redshifts(study, chosen),
        *contents(study),
        nothing_there(study),
        on_real_alerts(real),
        fast_enough(speed),
    ]


#: Of transients whose host has no brighter galaxy near it (`alone`).
ALONE = f'no galaxy brighter than the host within {HALF_BOX:g}": '


def alone(study: Study) -> list[Mask]:
    """The transients whose host is the brightest galaxy around; nothing where not counted."""
    return [] if study.brighter is None else [study.brighter == 0]


def _missing(study: Study, *methods: str) -> bool:
    return not all(seeds_of(study.methods, m) for m in methods)


def _within(chosen: dict[str, Mask]) -> Mask:
    """Transients whose host is in the n=5 stamp."""
    return chosen["deep"] | chosen["nearby, host in the n=5 stamp"]


def _strata(chosen: dict[str, Mask], within: Mask) -> dict[str, Mask]:
    return {"deep: ": chosen["deep"] & within, "nearby: ": chosen["nearby"] & within}


def against_overlapping(study: Study, chosen: dict[str, Mask]) -> Goal:
    """n=5 against the 4,500 values that DELIGHT uses."""
    text = (
        f"n=5 (900 values, i2) against 4,500 values (5x30x30), {ERROR}, host in the n=5 stamp: "
        "within 0.5 points"
    )
    first, second = REFERENCE + SKY, OVERLAPPING + SKY
    if _missing(study, first, second):
        return Goal(text, "", "not run")
    within = _within(chosen)
    found = difference(study, first, second, within, weights=stream_weights(study.rows))
    return _judged(
        text, points(found), found.estimate.value, found.estimate.value <= MOST_LOST,
        *_apart(study, difference, points, OVERLAPPING, _strata(chosen, within)),
    )  # fmt: skip


def against_today(study: Study, chosen: dict[str, Mask]) -> Goal:
    """Hosts where today's stamp ends."""
    text = (
        f"n=5 against today's 30x30, {ERROR}, hosts more than 3\" away and in the n=5 stamp: at "
        "most one fifth of the errors"
    )
    first, second = REFERENCE + SKY, TODAY + SKY
    if _missing(study, first, second):
        return Goal(text, "", "not run")
    far = chosen["host more than 3 arcsec away"] & _within(chosen)
    found = wrong_ratio(study, first, second, far, weights=stream_weights(study.rows))
    value = found.estimate.value
    beside = []
    for how, network in today_rows(study).items():
        weights = stream_weights(study.rows, network.nearby)
        paired = wrong_ratio(study, network.name, network.today, far, weights=weights)
        beside.append(f"{how}: {ratio(paired)}")
    return _judged(
        text, ratio(found), value, value <= TODAY_RATIO, *beside,
        *_apart(study, wrong_ratio, ratio, TODAY, _strata(chosen, far)),
    )  # fmt: skip


@dataclass(frozen=True)
class Against:
    """A network and today's, where a share of the transients is nearby."""

    name: str
    today: str
    nearby: float


def today_rows(study: Study) -> dict[str, Against]:
    """What shows whether today's goal is out of reach of the format, or of any input."""
    every = {
        "5x30x30, 4,500 values, instead of n=5": Against(OVERLAPPING + SKY, TODAY + SKY, STREAM),
        "both told each transient's magnitude": Against(
            REFERENCE + MAGNITUDE + SKY, TODAY + MAGNITUDE + SKY, STREAM
        ),
        "even odds, both strata alike": Against(REFERENCE, TODAY, 0.5),
        "even odds, both strata alike, 5x30x30 instead of n=5": Against(OVERLAPPING, TODAY, 0.5),
    }
    return {how: a for how, a in every.items() if not _missing(study, a.name, a.today)}


def _apart(study: Study, compare: Any, words: Any, other: str, parts: dict[str, Mask]) -> list[str]:
    """The strata one by one, told that the share is the stream's, and not told."""
    out = []
    for name, part in parts.items():
        if not part.any():
            continue
        told = compare(study, REFERENCE + SKY, other + SKY, part)
        out.append(f"{name}{words(told)}")
        if not _missing(study, REFERENCE, other):
            out.append(f"{name}not told the share: {words(compare(study, REFERENCE, other, part))}")
    return out


def best_rival(study: Study, chosen: Mask, weights: Floats | None = None) -> str | None:
    """The method of (a)-(d) and (f) with the fewest errors > max(1", R_e) on a subset.

    One that was run on some fields only counts if it met every stratum of the subset.
    """
    rates = {}
    strata = set(study.rows["stratum"][chosen])
    for method in ordered(study.methods):
        some = chosen & where_run(study, method)
        if method in RIVALS and some.any() and set(study.rows["stratum"][some]) == strata:
            w = np.ones(int(some.sum())) if weights is None else weights[some]
            wrong = asked(study, method, "beyond_host", some).mean(axis=0)
            rates[method] = float((wrong * w).sum() / w.sum())
    return min(rates, key=lambda m: rates[m]) if rates else None


def against_rivals(study: Study, chosen: dict[str, Mask]) -> Goal:
    """n=5 against methods that see the whole image or a catalogue."""
    text = (
        f"n=5 against the best of (a)-(d) and (f) DELIGHT, {ERROR}, host in the n=5 stamp: at "
        "most 0.7 of the errors"
    )
    within, weights = _within(chosen), stream_weights(study.rows)
    rival, first = best_rival(study, within, weights), REFERENCE + SKY
    if rival is None or _missing(study, first):
        return Goal(text, "", "not run")
    found = wrong_ratio(study, first, rival, within, weights=weights)
    beside = []
    parts = _strata(chosen, within)
    for some in alone(study):
        parts["nearby, " + ALONE] = parts["nearby: "] & some
    for name, part in parts.items():
        other = best_rival(study, part)
        for network, how in ((first, ""), (REFERENCE, "not told the share, ")):
            if other and not _missing(study, network):
                inner = ratio(wrong_ratio(study, network, other, part))
                beside.append(f"{name}{how}{title(other)}, {inner}")
    value = found.estimate.value
    return _judged(text, f"{title(rival)}, {ratio(found)}", value, value <= RIVAL_RATIO, *beside)


def in_the_deep(study: Study, chosen: dict[str, Mask]) -> Goal:
    """Whether more sky costs hosts where today's stamp holds them all."""
    text = f"deep stratum: n=5 against today's 30x30, {ERROR}: no loss"
    first, second = REFERENCE + SKY, TODAY + SKY
    if _missing(study, first, second):
        return Goal(text, "", "not run")
    found = difference(study, first, second, chosen["deep"])
    beside = []
    if not _missing(study, REFERENCE, TODAY):
        plain = difference(study, REFERENCE, TODAY, chosen["deep"])
        beside.append("not told the share: " + points(plain))
    return _judged(text, points(found), found.estimate.value, found.estimate.low <= 0.0, *beside)


def redshifts(study: Study, chosen: dict[str, Mask]) -> Goal:
    """Wrong redshifts at the completeness that DELIGHT has."""
    text = (
        "contamination of redshifts at DELIGHT's completeness, isolated hosts in the n=5 stamp: "
        f"below its published {100 * DELIGHT_CONTAMINATION:.2f} %"
    )
    isolated = alone(study)
    if _missing(study, REFERENCE + SKY, "delight") or not isolated:
        return Goal(text, "", "not run")
    part = chosen["nearby, host in the n=5 stamp"] & isolated[0]
    reached, own = completeness_contamination(study, "delight", part)
    made = {
        name: cuts(study, name, part, reached.value)
        for name in (REFERENCE + SKY, REFERENCE + MAGNITUDE + SKY, REFERENCE)
        if not _missing(study, name)
    }
    found = made[REFERENCE + SKY]
    beside = [
        f"(f) DELIGHT itself: contamination {own.percent(2)} % at a completeness of "
        f"{reached.percent()} % (n = {reached.n})"
    ]
    for name, how in ((REFERENCE + MAGNITUDE + SKY, "told each transient's magnitude"),
                      (REFERENCE, "not told the share")):  # fmt: skip
        if name in made:
            beside.append(f"{how}: {_cut_words(made[name])}")
    # A completeness that is never reached is no contamination: the goal is missed by it.
    value = found.contamination.value
    return _judged(
        text, f"{_cut_words(found)} (n = {found.most.n})", found.most.value,
        value < DELIGHT_CONTAMINATION, *beside,
    )  # fmt: skip


def _cut_words(found: Cuts) -> str:
    """Contamination at the completeness asked for, or what is reached instead."""
    if np.isfinite(found.contamination.value):
        return f"{found.contamination.percent(2)} %"
    return (
        f"that completeness is not reached: all answers together have {found.most.percent()} % "
        f"with a contamination of {found.dirty.percent(2)} %"
    )


def _mean(study: Study, values: Floats) -> tuple[Any, tuple[float, ...]]:
    """Stream-weighted mean over seeds of values (S, N), NaN left out, and that of each seed."""
    weights = stream_weights(study.rows)
    some = np.isfinite(values).all(axis=0)
    values, w = values[:, some], weights[some]
    found = ratio_by_group(values * w, w, study.field[some])
    return found, tuple(float((v * w).sum() / w.sum()) if w.size else np.nan for v in values)


def contents(study: Study) -> list[Goal]:
    """What the regions say, against what they hold."""
    out = []
    names = seeds_of(study.methods, REFERENCE + SKY)
    for share, low, high in CONTENTS:
        text = f"{share:.0%} regions contain {low:.0%} to {high:.0%}"
        if not names:
            out.append(Goal(text, "", "not run"))
            continue
        found, single = _mean(study, _held(study, names, share))
        spread = Paired(found, single, found.value, share).spread(100.0, 1)
        beside = []
        if plain := seeds_of(study.methods, REFERENCE):
            held = _held(study, plain, share)
            both = held[:, np.isfinite(held).all(axis=0)].mean()
            beside.append(f"both strata alike, not told the share: {100 * both:.1f} %")
        out.append(_judged(text, f"{found.percent()} % (n = {found.n}; {spread})", found.value,
                           low <= found.value <= high, *beside))  # fmt: skip
    return out


def _held(study: Study, names: list[str], share: float) -> Floats:
    region = np.stack([study.methods[n]["region"] for n in names]).astype(float)
    return np.where(np.isfinite(region), region <= share, np.nan)


def nothing_there(study: Study) -> Goal:
    """How well P(none) is known."""
    text = "P(none), Brier score: at most half of the best constant's"
    names = seeds_of(study.methods, REFERENCE + SKY)
    half = half_side(REFERENCE)
    absent, present = causes(study.rows, half)["every cause"], with_host(study.rows, half)
    known = absent | present
    if not names or not absent.any() or not present.any():
        return Goal(text, "", "not run")
    none = np.stack([study.methods[n]["none"] for n in names]).astype(float)
    weights = stream_weights(study.rows)
    share = float((weights * absent).sum() / (weights * known).sum())
    square = np.where(known, (none - absent) ** 2, np.nan)
    found, single = _mean(study, square)
    constant = share * (1.0 - share)
    value = found.value / constant
    each = ", ".join(f"{s:.3f}" for s in single)
    return _judged(
        text,
        f"{found.plain(3)} against {constant:.3f}: ratio {value:.2f} (n = {found.n}; seeds: "
        f"{each}; {100 * share:.0f} % have no host to be seen in the stamp)",
        value, value <= BRIER_RATIO,
    )  # fmt: skip


def on_real_alerts(real: dict[str, Any] | None) -> Goal:
    """Hosts that people chose, in ZTF's alerts."""
    text = "real: hosts chosen at ALeRCE, n=3: at least 95 % within 2 pixels"
    made = {row["name"]: row["every"] for row in (real or {}).get("finders", [])}
    if REAL not in made:
        return Goal(text, "", "not run")

    def share(name: str) -> str:
        part = made[name]["within_pixels"]
        low, value, high = (100 * part[key] for key in ("low", "value", "high"))
        return f"{value:.1f} ({low:.1f}-{high:.1f}) % of {part['n']} objects"

    titles = {"net3_average": "n=3, eight-fold average",
              "net3_magnitude": "n=3, told magnitude, band and age",
              "nearest": "SExtractor, nearest ellipse", "dlr": "SExtractor, DLR",
              "gradient": "gradient ascent", "delight": "(f) DELIGHT"}  # fmt: skip
    value = made[REAL]["within_pixels"]["value"]
    return _judged(
        text, share(REAL), value, value >= REAL_SHARE,
        *(f"{title}: {share(name)}" for name, title in titles.items() if name in made),
    )  # fmt: skip


def fast_enough(speed: dict[str, float] | None) -> Goal:
    """Stamps a second on one core."""
    text = f"at least {SPEED:,} stamps a second on one CPU core, decoding included"
    if not speed:
        return Goal(text, "", "not run")
    return _judged(
        text, f"{speed['both']:,.0f} a second (decoding alone {speed['decode']:,.0f})",
        speed["both"], speed["both"] >= SPEED,
    )  # fmt: skip


#: The share of nearby hosts that networks are told, in words.
TOLD = f"{100 * STREAM:g} % of the transients are nearby (z < 0.1)"
