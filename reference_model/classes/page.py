"""The pages of results, from stored answers only: what was asked and the answer, then tables."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from reference_model.classes import scores
from reference_model.classes.answers import NAMES, Answers, all_real, all_tests, widest
from reference_model.classes.dataset import load_alerts
from reference_model.classes.kinds import KINDS
from reference_model.classes.pictures import draw_alerts
from reference_model.classes.speed import alerts_a_second
from reference_model.classes.study import Study
from reference_model.classes.tables import table_lines
from reference_model.classes.words import plain, points, seeds, table, verdict

TABLES = "classify_tables.md"


def write_page(study: Study, docs: Path) -> Path:
    """Write ``classify_results.md`` and, behind it, ``classify_tables.md``."""
    real = all_real(study)
    fine, every = all_tests(study, "lsst", "lsst"), all_tests(study, "all", "lsst")
    coarse = all_tests(study, "all", "ztf")
    lines = [
        "# What compression costs a classifier of alerts", "",
        *_first_screen(real, fine, every),
        *_real_summary(real),
        *_simulated_summary(fine, every, coarse),
        *_speed(),
        *_published(real),
    ]  # fmt: skip
    test = load_alerts(study.root, study.config, "test")
    draw_alerts(docs / "figures" / "classes" / "simulated.png", test)
    path = docs / "classify_results.md"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines).rstrip() + "\n")
    (docs / TABLES).write_text("\n".join(table_lines(study, test)).rstrip() + "\n")
    return path


def _first_screen(
    real: dict[str, Answers], fine: dict[str, Answers], every: dict[str, Answers]
) -> list[str]:
    lines = [
        "**Question.** An alert's three images are shown to equal networks, once as hierarchical"
        " stamps of n levels and once with all their pixels. How much worse does the format make"
        " the answer AGN, supernova (SN), variable star (VS), asteroid or bogus? Asked: on real"
        " ZTF alerts n=3 within one point of macro-F1 of all 63x63 pixels; simulated, n=5 within"
        " half a point of the whole window.",
        "",
    ]
    if "hstamp3" in real and "window63" in real:
        ours, full = real["hstamp3"], real["window63"]
        gap = ours.minus(full)
        lines += [
            f"**Answer, real ZTF alerts.** Macro-F1 is {plain(ours.score(scores.macro_f1))} with"
            f" n=3 (1,644 values in three images) and {plain(full.score(scores.macro_f1))} with"
            f" 63x63 pixels (11,907 values): a difference of {points(gap)} points"
            f" ({verdict(gap, 0.01)}; {seeds(len(ours.seeds), len(full.seeds))})."
            f"{_together(real)}{_multiscale(real)}"
            f" {len(ours.label)} alerts of {len(np.unique(ours.group))} objects, five-fold"
            " cross-validation by object, 95 % intervals over objects.",
            "",
        ]
    wide = widest(fine)
    if "hstamp5" in fine and wide is not None and wide != "window63":
        gap = fine["hstamp5"].minus(fine[wide])
        side = KINDS[wide].side
        count = seeds(len(fine["hstamp5"].seeds), len(fine[wide].seeds))
        text = (
            "**Answer, simulated LSST-like alerts.** n=5 (900 values an image) against"
            f" {side}x{side} pixels ({KINDS[wide].values:,}): {points(gap)} points of macro-F1"
            f" ({verdict(gap, 0.005)}; {count})"
        )
        if "window120" in fine and wide != "window120":
            less = fine[wide].minus(fine["window120"])
            text += (
                f"; against 120x120: {points(fine['hstamp5'].minus(fine['window120']))}."
                f" {side}x{side} against the 120x120 that it holds: {points(less)}"
            )
            if less.high < 0:
                text += (
                    "; in equal steps the network of the wide window learns less, and 120x120 is"
                    " the harder measure"
                )
        if "hstamp5" in every and "stamp30" in every:
            text += (
                ". Against today's 30x30, of networks for all pixel scales:"
                f" {points(every['hstamp5'].minus(every['stamp30']))}"
            )
        lines += [text + ". Intervals over scenes.", ""]
    lines += [
        "**Limit.** The real alerts are few: an interval over objects reaches about two points each"
        " way, and with it no input of those compared is far from any other. Their labels are"
        " doubtful where it matters: bogus is another"
        " network's opinion (drb < 0.1, about a fifth doubtful by eye), AGN are nearly all blazars,"
        " and 55 alerts of AGN, 62 of bogus are few. They come from few nights, each with classes"
        f" of its own ([what that means]({TABLES}#packet-fields-and-nights)). The simulated alerts"
        " are only as good as the simulation. No number here says how pure a class is in a stream"
        " other than the one that is assumed. Scores say nothing about satellites, comets, tidal"
        " disruptions or novae, which are no classes here.",
        "",
        f"[All tables]({TABLES}): every input, recalls, confusion, reliability, purity, packet"
        " fields, what was run. [How it works and is used](classify.md)."
        " [How often the real alerts were looked at](../reference_model/classes/LOOKS.md). Made"
        " from stored answers by `python -m reference_model classes results`.",
        "",
    ]
    return lines


def _together(real: dict[str, Answers]) -> str:
    """What several networks, turns and seeds, make of both inputs."""
    ours, full = real.get("hstamp3x8"), real.get("window63x8")
    if ours is None or full is None:
        return ""
    count = min(len(ours.seeds), len(full.seeds))
    if count == 1:
        return f" With the mean over rotations and flips: {points(ours.minus(full))}."
    gap = ours.some(count).together().minus(full.some(count).together())
    return f" Of means over {count} seeds, rotations and flips: {points(gap)}."


def _multiscale(real: dict[str, Answers]) -> str:
    """The other way to hold several scales, beside n=3."""
    other = real.get("multiscale4x8")
    if other is None:
        return ""
    count = seeds(len(other.seeds), len(real["hstamp3"].seeds))
    return f" n=3 against 4x8x8: {points(real['hstamp3'].minus(other))} ({count})."


def _real_summary(real: dict[str, Answers]) -> list[str]:
    if not real:
        return []
    full = real.get("window63")
    rows = [
        [
            NAMES[name], f"{3 * KINDS[name].values:,}", ", ".join(map(str, one.seeds)),
            plain(one.score(scores.macro_f1)),
            "" if full is None else "+0.0" if one is full else points(one.minus(full)),
        ]
        for name, one in real.items() if name in KINDS
    ]  # fmt: skip
    head = ["input", "values", "seeds", "macro-F1", "minus 63x63 (points)"]
    return ["## Real ZTF alerts", "", *table(head, rows)]


def _simulated_summary(
    fine: dict[str, Answers], every: dict[str, Answers], coarse: dict[str, Answers]
) -> list[str]:
    lines = ["## Simulated alerts", ""]
    for title, known in (
        ("LSST-like, networks trained on LSST-like alerts only", fine),
        ("LSST-like, networks trained on all pixel scales", every),
        ("ZTF-like, networks trained on all pixel scales", coarse),
    ):
        full = widest(known)
        if full is None:
            continue
        rows = [
            [
                NAMES[name], f"{3 * KINDS[name].values:,}", ", ".join(map(str, one.seeds)),
                plain(one.score(scores.macro_f1)),
                "+0.0" if name == full else points(one.minus(known[full])),
            ]
            for name, one in known.items()
        ]  # fmt: skip
        head = ["input", "values", "seeds", "macro-F1", f"minus {NAMES[full]} (points)"]
        lines += [f"**{title}**", "", *table(head, rows)]
    return lines if len(lines) > 2 else []


def _speed() -> list[str]:
    found = {n: alerts_a_second(n) for n in (2, 3, 5)}
    text = ", ".join(f"{whole:,.0f} at n={n}" for n, (whole, _) in found.items())
    return [
        "## Speed", "",
        f"Alerts a second of processor time on one core, from blobs to probabilities: {text}"
        f" (decoding alone: {found[3][1]:,.0f} at n=3). Measured with the shipped weights while"
        " other work kept the machine busy; asked were 1,500.", "",
    ]  # fmt: skip


def _published(real: dict[str, Answers]) -> list[str]:
    rows = [
        ["Reyes-Jainaga et al. 2023, ApJL 952, L43 (arXiv:2304.13080)",
         "macro-F1 0.874 for 4x8x8, in the abstract of the preprint's first version; the published"
         " one says on par with stamps 15 times heavier",
         "six classes, satellites among them; the position on the sky is an input beside the"
         " images (their published code has no other metadata); trained on real stamps by the ten"
         " thousand, one random detection of each object; AGN of catalogues, not blazars alone;"
         " asteroids with one detection only"],
        ["Carrasco-Davis et al. 2021, AJ 162, 231 (arXiv:2008.03309)",
         "accuracy 0.94 in a balanced test set",
         "first detections; metadata of the alert as inputs; their own labels"],
    ]  # fmt: skip
    if "hstamp3" in real:
        ours = real["hstamp3"]
        rows.append([
            "here, n=3",
            f"macro-F1 {plain(ours.score(scores.macro_f1))}, balanced"
            f" {plain(ours.score(scores.balanced_f1))}; accuracy in a balanced test set"
            f" {plain(ours.score(scores.accuracy))}",
            f"{len(ours.label)} real alerts, images only",
        ])  # fmt: skip
    return ["## Published numbers", "", *table(["", "score", "what differs"], rows)]
