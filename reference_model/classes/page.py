"""The page of results, from stored answers only."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hstamp.classify import CLASSES
from reference_model.classes import scores
from reference_model.classes.config import STRATA
from reference_model.classes.dataset import load_alerts
from reference_model.classes.kinds import KINDS
from reference_model.classes.leaks import leaks, with_random_places
from reference_model.classes.pictures import draw_alerts
from reference_model.classes.speed import alerts_a_second
from reference_model.classes.study import Study, crossed
from reference_model.classes.training import load, logits_of
from reference_model.evaluation.bootstrap import Estimate

Ints = NDArray[np.int64]
Statistic = Callable[[NDArray[np.float64]], NDArray[np.float64]]

NAMES = {
    "hstamp2": "n=2", "hstamp3": "n=3", "hstamp4": "n=4", "hstamp5": "n=5",
    "window63": "all pixels, 63x63", "window120": "all pixels, 120x120",
    "window240": "all pixels, 240x240",
    "multiscale4x8": "4x8x8 of Reyes-Jainaga et al.", "stamp30": "today's 30x30",
    "hstamp3x8": "n=3, mean over turns", "window63x8": "63x63, mean over turns",
}  # fmt: skip


@dataclass(frozen=True)
class Real:
    """Answers to real alerts of one input, of one or several seeds.

    Attributes
    ----------
    label, group, fold : ndarray, shape (N,)
    chance : ndarray, shape (S, N, 5)
        Cross-validated probabilities, calibrated on the other folds.
    untuned : ndarray of int, shape (S, N)
        Answers of the networks that saw simulated alerts only.
    seeds : tuple of int
    """

    label: Ints
    group: Ints
    fold: Ints
    chance: NDArray[np.float64]
    untuned: Ints
    seeds: tuple[int, ...]

    @property
    def answer(self) -> Ints:
        """Most probable classes, shape (S, N)."""
        return np.asarray(self.chance.argmax(axis=2))

    def some(self, count: int) -> Real:
        """The first seeds."""
        return Real(self.label, self.group, self.fold, self.chance[:count], self.untuned[:count],
                    self.seeds[:count])  # fmt: skip


def read_real(study: Study, name: str) -> Real | None:
    """Stored answers of an input; None where there are none."""
    chance, untuned, seeds, stored = [], [], [], None
    for seed in range(1, 10):
        path = study.answers(f"real-{name}-seed{seed}")
        if path.exists():
            stored = np.load(path, allow_pickle=False)
            label = stored["label"].astype(np.int64)
            chance.append(crossed(stored["tuned"], label, stored["fold"]))
            untuned.append(stored["simulated"].argmax(axis=1))
            seeds.append(seed)
    if stored is None:
        return None
    return Real(label, stored["group"], stored["fold"], np.stack(chance), np.stack(untuned),
                tuple(seeds))  # fmt: skip


@dataclass(frozen=True)
class Tested:
    """Answers to simulated alerts of one input and stratum: as `Real`, without folds."""

    label: Ints
    group: Ints
    answer: Ints
    chance: NDArray[np.float64]
    seeds: tuple[int, ...]


def read_test(study: Study, where: str, name: str, stratum: str) -> Tested | None:
    """Stored answers to simulated alerts of a stratum."""
    chance, seeds, found = [], [], None
    for seed in range(1, 10):
        path = study.answers(f"test-{where}-{name}-seed{seed}")
        if path.exists():
            found = np.load(path, allow_pickle=False)
            warmth = scores.temperature(
                found["validation_logits"], found["validation_label"].astype(np.int64)
            )
            inside = found["test_stratum"] == STRATA.index(stratum)
            if not inside.any():
                return None
            chance.append(scores.softmax(found["test_logits"][inside], warmth))
            seeds.append(seed)
    if found is None:
        return None
    each = np.stack(chance)
    return Tested(found["test_label"][inside].astype(np.int64), found["test_group"][inside],
                  np.asarray(each.argmax(axis=2)), each, tuple(seeds))  # fmt: skip


def write_page(study: Study, docs: Path) -> Path:
    """Write ``classify_results.md``."""
    real = {name: found for name in NAMES if (found := read_real(study, name)) is not None}
    lines = [
        "# What compression costs a classifier of alerts",
        "",
        *_first_screen(study, real),
        *(_real_tables(real) if real else []),
        *_simulated_tables(study),
        *_leaks(study),
        *_speed(),
        *_runs(study),
    ]
    test = load_alerts(study.root, study.config, "test")
    draw_alerts(docs / "figures" / "classes" / "simulated.png", test)
    path = docs / "classify_results.md"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines).rstrip() + "\n")
    return path


def _first_screen(study: Study, real: dict[str, Real]) -> list[str]:
    lines = [
        "**Question.** An alert's three images are shown to equal networks, once as hierarchical"
        " stamps of n levels and once with all their pixels. How much worse does the format make"
        " the answer AGN, supernova (SN), variable star (VS), asteroid or bogus?",
        "",
    ]
    if "hstamp3" in real and "window63" in real:
        gap = _gap(real, "hstamp3", "window63", scores.macro_f1)
        ours, full = (_score(real[name], scores.macro_f1) for name in ("hstamp3", "window63"))
        verdict = (
            "no worse" if gap.low > -0.01 else
            "worse" if gap.high < -0.01 else "not told apart within one point"
        )  # fmt: skip
        turned = ""
        if "hstamp3x8" in real and "window63x8" in real:
            other = _gap(real, "hstamp3x8", "window63x8", scores.macro_f1)
            turned = (
                " With the mean over rotations and flips, eight times as slow, it is"
                f" {_points(other)}."
            )
        lines += [
            f"**Answer, real ZTF alerts.** Macro-F1 is {ours.plain(3)} with n=3 (1,644 values in"
            f" three images) and {full.plain(3)} with 63x63 pixels (11,907 values): a difference of"
            f" {_points(gap)} points ({verdict}; {_seeds(real)}).{turned}"
            f" {len(real['hstamp3'].label)} alerts of"
            f" {len(np.unique(real['hstamp3'].group))} objects, five-fold cross-validation by"
            " object, 95 % intervals over objects.",
            "",
        ]
    four, five, wide = (
        read_test(study, "lsst", name, "lsst") for name in ("hstamp4", "hstamp5", "window120")
    )
    if four is not None and five is not None and wide is not None:
        gap, more = (_gap_of(one, wide, scores.macro_f1) for one in (four, five))
        text = (
            f"**Answer, simulated LSST-like alerts.** n=4 (724 values an image) against the 120x120"
            f" pixels that it covers (14,400): {_points(gap)} points of macro-F1; n=5 (900 values)"
            f" against the same: {_points(more)}"
        )
        five, small = (read_test(study, "all", name, "lsst") for name in ("hstamp5", "stamp30"))
        if five is not None and small is not None:
            text += f"; n=5 against today's 30x30: {_points(_gap_of(five, small, scores.macro_f1))}"
        lines += [
            text + ". Intervals over scenes. 240x240 pixels, all that n=5 covers, were not tried:"
            " their network needs a night.",
            "",
        ]
    lines += [
        "**Limit.** The labels of the real alerts are doubtful where it matters: bogus is another"
        " network's opinion (drb < 0.1, about a fifth doubtful by eye), AGN are nearly all blazars,"
        " and 55 alerts of AGN, 62 of bogus are few. The simulated alerts are only as good as the"
        " simulation. No number here says how pure a class is in a stream other than the one that"
        " is assumed below. Scores say nothing about satellites, comets, tidal disruptions or"
        " novae, which are no classes here.",
        "",
        "[How it works and is used](classify.md). Made from stored answers by"
        " `python -m reference_model classes results`;"
        " [how often the real alerts were looked at](../reference_model/classes/LOOKS.md).",
        "",
    ]
    return lines


def _seeds(real: dict[str, Real]) -> str:
    count = min(len(real[name].seeds) for name in ("hstamp3", "window63"))
    return "one seed" if count == 1 else f"{count} seeds"


def _score(real: Real, statistic: Statistic) -> Estimate:
    return scores.estimate(statistic, real.label, real.answer, real.group)


def _gap(real: dict[str, Real], one: str, other: str, statistic: Statistic) -> Estimate:
    """Difference of two inputs over the seeds that both have."""
    count = min(len(real[one].seeds), len(real[other].seeds))
    a, b = real[one].some(count), real[other].some(count)
    return scores.difference(statistic, a.label, a.answer, b.answer, a.group)


def _gap_of(one: Tested, other: Tested, statistic: Statistic) -> Estimate:
    count = min(len(one.seeds), len(other.seeds))
    return scores.difference(
        statistic, one.label, one.answer[:count], other.answer[:count], one.group
    )


def _points(gap: Estimate) -> str:
    if gap.low == gap.high:  # one group has no spread
        return f"{100 * gap.value:+.1f}"
    return f"{100 * gap.value:+.1f} ({100 * gap.low:+.1f} to {100 * gap.high:+.1f})"


def _plain(found: Estimate) -> str:
    return f"{found.value:.3f}" if found.low == found.high else found.plain(3)


def _percent(found: Estimate) -> str:
    return f"{100 * found.value:.0f}" if found.low == found.high else found.percent(0)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    return [
        "| " + " | ".join(head) + " |",
        "|" + "---|" * len(head),
        *("| " + " | ".join(row) + " |" for row in rows),
        "",
    ]


def _real_tables(real: dict[str, Real]) -> list[str]:
    rows = []
    for name, found in real.items():
        each = [
            scores.estimate(partial(_recall, which), found.label, found.answer, found.group)
            for which in range(len(CLASSES))
        ]
        averaged = name not in KINDS
        values = KINDS[name.removesuffix("x8") if averaged else name].values * 3
        untuned = scores.estimate(scores.macro_f1, found.label, found.untuned, found.group)
        full = "window63x8" if averaged else "window63"
        gap = "" if full not in real else _points(_gap(real, name, full, scores.macro_f1))
        rows.append([
            NAMES[name], f"{values:,}", ", ".join(map(str, found.seeds)),
            _score(found, scores.macro_f1).plain(3), gap,
            _score(found, scores.balanced_f1).plain(3), untuned.plain(3),
            *(one.percent(0) for one in each),
        ])  # fmt: skip
    head = ["input", "values", "seeds", "macro-F1", "minus 63x63 (points)",
            "macro-F1, balanced", "macro-F1, simulation only",
            *(f"recall {name} (%)" for name in CLASSES)]  # fmt: skip
    lines = [
        "## Real ZTF alerts", "",
        "Equal networks, trained on the same simulated alerts, then on half simulated and half real"
        " ones of four folds, and judged on the fifth. *Balanced* gives every class the same"
        " weight; *simulation only* is before any real alert was seen. Equal means the same layers"
        " and widths; a window passes one to three strided convolutions first, and has one grid"
        " instead of several.", "",
        *_table(head, rows),
    ]  # fmt: skip
    best = real.get("hstamp3")
    return lines if best is None else lines + _of_levels(best)


def _recall(which: int, matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(scores.recalls(matrix)[..., which])


def _purity(which: int, matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(scores.purities(matrix, scores.STREAM)[..., which])


def _of_levels(found: Real) -> list[str]:
    first = found.answer[0]
    matrix = scores.confusion(found.label, first)
    lines = [
        f"### n=3 in detail (seed {found.seeds[0]})", "", "Alerts, true class by answer:", "",
        *_table(["true", *CLASSES],
                [[name, *(f"{int(v)}" for v in matrix[i])] for i, name in enumerate(CLASSES)]),
    ]  # fmt: skip
    weight = scores.balance(found.label)
    bins = scores.reliability(found.chance[0], found.label, weight)
    error = scores.calibration_error(found.chance[0], found.label, weight)
    lines += [
        "Reliability, classes weighted equally (the temperature of each fold is that of the other"
        f" four); mean distance {error:.3f}:", "",
        *_table(["probability said", "right", "share of alerts"],
                [[f"{a:.2f}", f"{b:.2f}", f"{c:.2f}"] for a, b, c in bins]),
    ]  # fmt: skip
    told = np.array([scores.expecting(row, scores.STREAM).argmax(axis=1) for row in found.chance])
    share = ", ".join(f"{name} {100 * v:.0f} %" for name, v in scores.STREAM.items())
    rows = []
    for answers, text in ((found.answer, "equal classes"), (told, "the stream's shares")):
        for statistic, word in ((_purity, "purity"), (_recall, "recall")):
            each = [
                scores.estimate(partial(statistic, c), found.label, answers, found.group)
                for c in range(len(CLASSES))
            ]
            rows.append([text, word, *(one.percent(0) for one in each)])
    lines += [
        "### Purity in a stream", "",
        f"For a stream of {share}. **These shares are assumed**: no source states them for ZTF's"
        " public alerts; `hstamp classify --shares` takes any others. Purities follow from the"
        " recalls above by Bayes' rule, and hold as far as the stream's alerts look like the"
        " labelled ones.", "",
        *_table(["probabilities for", "%", *CLASSES], rows),
        "### Published numbers", "",
        *_table(["", "macro-F1", "what differs"], [
            ["ALeRCE's stamp classifiers (Carrasco-Davis et al. 2021, AJ 162, 231;"
             " Reyes-Jainaga et al. 2023, ApJL 952, L43)",
             "0.874 published with metadata; accuracy 0.94 in a balanced test set",
             "52,000 real training stamps of the same survey; metadata as inputs, among them"
             " fields that our labels follow from; AGN of catalogues, not blazars alone; first"
             " detections only"],
            ["here, n=3", _score(found, scores.macro_f1).plain(3),
             f"{len(found.label)} real alerts, images only"],
        ]),
    ]  # fmt: skip
    return lines


def _simulated_tables(study: Study) -> list[str]:
    lines = ["## Simulated alerts", ""]
    for stratum, where, title in (
        ("ztf", "all", 'ZTF-like: 1" pixels, seeing 1.5-3" (networks trained on all pixel scales)'),
        ("lsst", "all", 'LSST-like: 0.2" pixels, seeing 0.6-1.3" (the same networks)'),
        ("lsst", "lsst", "LSST-like, networks trained on LSST-like alerts only"),
        ("lsst", "final", "LSST-like, the shipped weights (simulated, then real ZTF alerts)"),
        ("ztf", "final", "ZTF-like, the shipped weights"),
        ("between", "all", 'between: 0.25" to 0.95" pixels'),
    ):
        found = {name: read_test(study, where, name, stratum) for name in NAMES}
        known = {name: one for name, one in found.items() if one is not None}
        if not known:
            continue
        full = next((n for n in ("window240", "window120", "window63") if n in known), None)
        rows = []
        for name, one in known.items():
            estimate = partial(scores.estimate, labels=one.label, answers=one.answer,
                               groups=one.group)  # fmt: skip
            weight = scores.balance(one.label)
            error = scores.calibration_error(one.chance[0], one.label, weight)
            rows.append([
                NAMES[name], f"{KINDS[name].values * 3:,}", ", ".join(map(str, one.seeds)),
                _plain(estimate(scores.macro_f1)),
                "" if full is None else _points(_gap_of(one, known[full], scores.macro_f1)),
                *(_percent(estimate(partial(_recall, c))) for c in range(len(CLASSES))),
                f"{error:.3f}",
            ])  # fmt: skip
        against = "" if full is None else f"minus {NAMES[full]} (points)"
        first = next(iter(known.values()))
        count, scenes = len(first.label), len(np.unique(first.group))
        lines += [
            f"### {title} (simulated, {count} alerts of {scenes} scenes)", "",
            *_table(["input", "values", "seeds", "macro-F1", against,
                     *(f"recall {name} (%)" for name in CLASSES), "calibration error"], rows),
        ]  # fmt: skip
    return lines


def _leaks(study: Study) -> list[str]:
    alerts = load_alerts(study.root, study.config, "test")
    found = leaks(alerts)
    lines = [
        "## What must tell nothing", "",
        "Mean recall of a linear classifier in simulated scenes that it has not seen, chance being"
        f" 0.200: of the pattern of missing pixels {found['mask']:.3f}; of the source's place"
        f" between pixels {found['position']:.3f}, because sharp artefacts are centred on pixels."
        " Position in the cutout, clipping, missing pixels and normalisation are drawn or measured"
        " in the same way for every class.",
    ]  # fmt: skip
    path = study.run("any-all-seed1")
    if path.exists():
        model, kind = load(path), KINDS["hstamp3"]
        labels = alerts.rows["label"].astype(np.int64)
        score = [
            float(scores.macro_f1(scores.confusion(
                labels, logits_of(model, kind, some).argmax(axis=1)
            )))
            for some in (alerts, with_random_places(alerts))
        ]  # fmt: skip
        lines.append(
            f"The network makes little of the place: with random ones its macro-F1 at n=3 changes"
            f" by {100 * (score[1] - score[0]):+.1f} points."
        )
    return [*lines, ""]


def _speed() -> list[str]:
    found = {n: alerts_a_second(n) for n in (2, 3, 5)}
    text = ", ".join(f"{whole:,.0f} at n={n}" for n, (whole, _) in found.items())
    return [
        "## Speed", "",
        f"Alerts a second of processor time on one core, from blobs to probabilities: {text}"
        f" (decoding alone: {found[3][1]:,.0f} at n=3). Measured with the shipped weights.", "",
    ]  # fmt: skip


def _runs(study: Study) -> list[str]:
    manifest = json.loads((study.folder / "manifest.json").read_text())
    counts = dict.fromkeys(("train", "validation", "test"), 0)
    for scene in manifest["scenes"]:
        counts[scene["name"].split("-")[0]] += scene["alerts"]
    text = ", ".join(f"{count:,} for {split}" for split, count in counts.items())
    runs = sorted(path.stem for path in (study.folder / "runs").glob("*.safetensors"))
    return [
        "## What was run", "",
        f"Simulated alerts, version {manifest['version']}: {text}, in {len(manifest['scenes'])}"
        f" scenes of which each belongs to one split; SHA-256 of all {manifest['checksum'][:16]}."
        f" {study.steps:,} steps of 64 alerts on simulated alerts of all pixel scales, half as many"
        f" where networks see LSST-like ones only, {study.tune} more for each fold"
        f" of the real ones. Runs: {', '.join(runs)}.", "",
    ]  # fmt: skip
