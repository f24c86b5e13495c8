"""The long tables behind the page of results."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hstamp.classify import CLASSES
from reference_model.classes import scores
from reference_model.classes.answers import (
    NAMES,
    Answers,
    all_real,
    all_tests,
    read_real,
    widest,
)
from reference_model.classes.dataset import Alerts
from reference_model.classes.fields import ALONE, Told
from reference_model.classes.fields import crossed as head_crossed
from reference_model.classes.kinds import KINDS
from reference_model.classes.leaks import leaks, with_random_places
from reference_model.classes.study import Study, kept
from reference_model.classes.training import load, logits_of
from reference_model.classes.words import percent, plain, points, table

Ints = NDArray[np.int64]


def table_lines(study: Study, test: Alerts) -> list[str]:
    """Lines of the page."""
    real = all_real(study)
    return [
        "# All tables of the classifier of alerts", "",
        "Behind [the page of results](classify_results.md), made with it.", "",
        *(_real_tables(real) if real else []),
        *_fields(study),
        *_simulated_tables(study),
        *_leaks(study, test),
        *_runs(study),
    ]  # fmt: skip


def _recall(which: int, matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(scores.recalls(matrix)[..., which])


def _purity(which: int, matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(scores.purities(matrix, scores.STREAM)[..., which])


def _recalls(found: Answers) -> list[str]:
    return [percent(found.score(partial(_recall, which))) for which in range(len(CLASSES))]


_RECALLS = tuple(f"recall {name} (%)" for name in CLASSES)


def _real_row(title: str, values: int, found: Answers, full: Answers | None) -> list[str]:
    untuned = (
        ""
        if found.untuned is None
        else plain(scores.estimate(scores.macro_f1, found.label, found.untuned, found.group))
    )
    return [
        title, f"{3 * values:,}", ", ".join(map(str, found.seeds)),
        plain(found.score(scores.macro_f1)), "" if full is None else points(found.minus(full)),
        plain(found.score(scores.balanced_f1)), f"{found.loss():.3f}", untuned, *_recalls(found),
    ]  # fmt: skip


def _real_tables(real: dict[str, Answers]) -> list[str]:
    rows = []
    for name, found in real.items():
        full = real.get("window63" if name in KINDS else "window63x8")
        values = KINDS[name.removesuffix("x8") if name not in KINDS else name].values
        rows.append(_real_row(NAMES[name], values, found, full))
    pair = [real[name] for name in ("hstamp3x8", "window63x8") if name in real]
    count = min((len(one.seeds) for one in pair), default=0)
    if len(pair) == 2 and count > 1:
        both = [one.some(count).together() for one in pair]
        for title, name, one in zip(
            ("n=3, mean over turns and seeds", "63x63, mean over turns and seeds"),
            ("hstamp3", "window63"), both, strict=True,
        ):  # fmt: skip
            rows.append(_real_row(title, KINDS[name].values, one, both[1]))
    head = ["input", "values", "seeds", "macro-F1", "minus 63x63 (points)", "macro-F1, balanced",
            "loss, balanced", "macro-F1, simulation only", *_RECALLS]  # fmt: skip
    lines = [
        "## Real ZTF alerts", "",
        "Equal networks, trained on the same simulated alerts, then on half simulated and half real"
        " ones of four folds, and judged on the fifth. *Balanced* gives every class the same"
        " weight; *loss* is the mean negative logarithm of the true class's probability;"
        " *simulation only* is before any real alert was seen. Scores are means over the seeds,"
        " intervals over objects, and differences are of the same alerts and seeds. Equal means"
        " the same layers and widths; a window passes one to three strided convolutions first, and"
        " has one grid instead of several.", "",
        *table(head, rows),
    ]  # fmt: skip
    best = real.get("hstamp3")
    return lines if best is None else lines + _of_levels(best)


def _of_levels(found: Answers) -> list[str]:
    matrix = scores.confusion(found.label, found.answer[0])
    weight = scores.balance(found.label)
    bins = scores.reliability(found.chance[0], found.label, weight)
    error = scores.calibration_error(found.chance[0], found.label, weight)
    told = np.array([scores.expecting(row, scores.STREAM).argmax(axis=1) for row in found.chance])
    share = ", ".join(f"{name} {100 * v:.0f} %" for name, v in scores.STREAM.items())
    rows = []
    for answers, text in ((found.answer, "equal classes"), (told, "the stream's shares")):
        for statistic, word in ((_purity, "purity"), (_recall, "recall")):
            each = [
                scores.estimate(partial(statistic, c), found.label, answers, found.group)
                for c in range(len(CLASSES))
            ]
            rows.append([text, word, *(percent(one) for one in each)])
    return [
        f"### n=3 in detail (seed {found.seeds[0]})", "", "Alerts, true class by answer:", "",
        *table(["true", *CLASSES],
               [[name, *(f"{int(v)}" for v in matrix[i])] for i, name in enumerate(CLASSES)]),
        "Reliability, classes weighted equally (the temperature of each fold is that of the other"
        f" four); mean distance {error:.3f}:", "",
        *table(["probability said", "right", "share of alerts"],
               [[f"{a:.2f}", f"{b:.2f}", f"{c:.2f}"] for a, b, c in bins]),
        "### Purity in a stream", "",
        f"For a stream of {share}. **These shares are assumed**: no source states them for ZTF's"
        " public alerts; `hstamp classify --shares` takes any others. Purities follow from the"
        " recalls above by Bayes' rule, and hold as far as the stream's alerts look like the"
        " labelled ones.", "",
        *table(["probabilities for", "%", *CLASSES], rows),
    ]  # fmt: skip


#: What the rules of the labels do to each field.
_RULES = {
    "signal-to-noise": "the spectroscopic supernovae are bright ones",
    "sign of the difference": "asteroids and supernovae only add light; fair",
    "magnitude": "supernovae follow spectroscopic surveys' limits, doubtful bogus is bright",
    "galactic latitude": "stars lie near the plane, which is fair; but each night had its fields",
    "ecliptic latitude": "asteroids lie near the ecliptic, which is fair; they come from few nights"
                         " that looked there",
    "filter": "one or two filters a night",
    "all of them": "",
}  # fmt: skip


def _fields(study: Study) -> list[str]:
    path = study.answers("packets")
    if not path.exists():
        return []
    stored = np.load(path, allow_pickle=False)
    label, group = stored["label"].astype(np.int64), stored["group"]
    none = Told(stored["numbers"], label, np.zeros((label.size, len(CLASSES))))
    parts = (stored["fold"], stored["night"])
    alone = kept(study, "fields", lambda: {
        name: [_headed([none], group, part, columns) for part in parts]
        for name, columns in ALONE.items()
    })  # fmt: skip
    rows = [[name, *alone[name], _RULES[name]] for name in ALONE]
    lines = [
        "## Packet fields, and nights", "",
        "`hstamp classify --fields` adds a linear head over fields of ZTF's packet to the images'"
        " answer, trained on the real alerts. None of the fields makes a label: never the"
        " star-galaxy score, distances to catalogued stars or known asteroids, real-bogus scores,"
        " the history of detections, or shapes that real-bogus scores are made from. First what"
        " the fields tell alone, macro-F1 for folds by object and for folds by night (111 nights;"
        " three hold more than half of the alerts):", "",
        *table(["field", "folds by object", "folds by night", "what the rules of the labels do"],
               rows),
    ]  # fmt: skip
    seen, nights = read_real(study, "hstamp3"), read_real(study, "hstamp3", "night")
    if seen is None:
        return lines
    told = [Told(stored["numbers"], label, np.log(np.maximum(one, 1e-9))) for one in seen.chance]
    rows = [["images alone", *[plain(seen.score(scores.macro_f1))] * 2],
            ["images and fields", *(_headed(told, group, part) for part in parts)]]  # fmt: skip
    lines += [
        "With the images, n=3; the images' networks have folds by object in both columns, the head"
        " has those of its column:", "",
        *table(["input", "head by object", "head by night"], rows),
        "**What the fields add is the make-up of the collection**: alerts of one night share place,"
        " filter, depth and mostly the class. Where whole nights are held out little is left of the"
        " gain."
        " The head is therefore off by default, its penalty is chosen by nights, and it says"
        " nothing of alerts of other surveys.", "",
    ]  # fmt: skip
    if nights is None:
        return lines
    full = read_real(study, "window63", "night")
    by_night = [["n=3", plain(nights.score(scores.macro_f1)), "", *_recalls(nights)]]
    if full is not None:
        by_night[0][2] = points(nights.minus(full))
        by_night.append(["all pixels, 63x63", plain(full.score(scores.macro_f1)), "+0.0",
                         *_recalls(full)])  # fmt: skip
    return [
        *lines,
        "The images' networks with folds by night too, seed"
        f" {', '.join(map(str, nights.seeds))}; some folds have hardly an alert of a class to learn"
        " from:", "",
        *table(["input", "macro-F1", "minus 63x63 (points)", *_RECALLS], by_night),
    ]  # fmt: skip


def _headed(
    told: Sequence[Told], group: Ints, part: Ints, columns: tuple[str, ...] | None = None
) -> str:
    """Macro-F1 of images' answers with the head, mean over the seeds."""
    answers = np.array([
        (head_crossed(one, part) if columns is None else head_crossed(one, part, columns))[0]
        .argmax(axis=1)
        for one in told
    ])  # fmt: skip
    return plain(scores.estimate(scores.macro_f1, told[0].label, answers, group))


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
        known = all_tests(study, where, stratum)
        if not known:
            continue
        full = widest(known)
        rows = []
        for name, one in known.items():
            weight = scores.balance(one.label)
            error = scores.calibration_error(one.chance[0], one.label, weight)
            rows.append([
                NAMES[name], f"{KINDS[name].values * 3:,}", ", ".join(map(str, one.seeds)),
                plain(one.score(scores.macro_f1)),
                "" if full is None else points(one.minus(known[full])),
                *_recalls(one), f"{error:.3f}",
            ])  # fmt: skip
        against = "" if full is None else f"minus {NAMES[full]} (points)"
        first = next(iter(known.values()))
        count, scenes = len(first.label), len(np.unique(first.group))
        lines += [
            f"### {title} (simulated, {count} alerts of {scenes} scenes)", "",
            *table(["input", "values", "seeds", "macro-F1", against, *_RECALLS,
                    "calibration error"], rows),
        ]  # fmt: skip
    return lines


def _leaks(study: Study, alerts: Alerts) -> list[str]:
    found = kept(study, "leaks", lambda: leaks(alerts))
    lines = [
        "## What must tell nothing", "",
        "Mean recall of a linear classifier in simulated scenes that it has not seen, chance being"
        f" 0.200: of the pattern of missing pixels {found['mask']:.3f}; of the source's place"
        f" between pixels {found['position']:.3f}. Position in the cutout, clipping, missing pixels"
        " and normalisation are drawn or measured in the same way for every class.",
    ]  # fmt: skip
    path = study.run("any-all-seed1")
    if path.exists():
        score = kept(study, "places", lambda: _with_places(path, alerts))
        lines.append(
            "With random places between pixels the network's macro-F1 at n=3 changes by"
            f" {100 * (score[1] - score[0]):+.1f} points."
        )
    return [*lines, ""]


def _with_places(path: Path, alerts: Alerts) -> list[float]:
    """Macro-F1 of a network at n=3, with the alerts' places and with random ones."""
    model, kind = load(path), KINDS["hstamp3"]
    labels = alerts.rows["label"].astype(np.int64)
    return [
        float(scores.macro_f1(scores.confusion(
            labels, logits_of(model, kind, some).argmax(axis=1)
        )))
        for some in (alerts, with_random_places(alerts))
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
