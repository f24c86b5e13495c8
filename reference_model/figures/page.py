"""The results page, written from stored per-transient results."""

from __future__ import annotations

import json
from pathlib import Path

from reference_model import DATA_VERSION
from reference_model.config import StudyConfig
from reference_model.evaluation.results import results_folder
from reference_model.evaluation.tables import load_study
from reference_model.figures.examples import draw_examples
from reference_model.figures.results import (
    FOLDER,
    draw_calibration,
    draw_errors,
    draw_redshift,
    draw_training,
    goal_table,
    grouped,
    main_tables,
    ordered,
    redshift_table,
    title,
)

#: The network that the goals are about, and the curves shown in figures.
REFERENCE = "net_any5"
SHOWN = ("own_position", "sep_dlr", "gradient_ascent", "catalogue_dlr", "net_hstamp2", "net_any5")


def _training(weights: dict[str, str]) -> str:
    """One line on how weights were trained."""
    run = json.loads(weights.get("train", "{}"))
    start = f", from {run['init']}" if run.get("init") else ""
    return (
        f"seed {run.get('seed')}, {run.get('epochs')} epochs of {weights.get('transients')} "
        f"transients in {weights.get('fields')} fields{start}"
    )


def write_results(docs: Path, root: Path, config: StudyConfig) -> Path:
    """Write ``reference_model_results.md`` and its figures."""
    folder = results_folder(root, config)
    study = load_study(folder)
    if REFERENCE not in study.methods:
        raise FileNotFoundError(f"no results of {REFERENCE} in {folder}: evaluate a run first")
    speed_path = folder / "truth" / "speed.json"
    speed = json.loads(speed_path.read_text()) if speed_path.exists() else None
    shown = [m for m in SHOWN if m in study.methods]
    nets = [m for m in ordered(study) if m.startswith("net_") and "average" not in m]
    draw_errors(docs / FOLDER / "distance_error.png", study, shown)
    draw_redshift(docs / FOLDER / "redshift_error.png", study, shown)
    draw_calibration(docs / FOLDER / "calibration.png", study, nets[:5])
    if "sep_dlr" in study.methods:
        draw_examples(docs / FOLDER / "examples.png", root, config, study, REFERENCE, "sep_dlr")
    logs = {p.parent.name: p for p in sorted((root / config.name / "runs").glob("*/log.jsonl"))}
    if logs:
        draw_training(docs / FOLDER / "training.png", logs)
    weights = study.notes[REFERENCE].get("weights", {})
    lines = [
        "# Results of the reference model",
        "",
        f"All numbers are **simulated**: data set `{config.name}`, version {DATA_VERSION}, seed "
        f"{config.seed}, test split of {study.rows.size} transients in "
        f"{len(set(study.field.tolist()))} fields. Brackets are 95 % intervals from resampling "
        "whole fields. Made from stored per-transient results by",
        "",
        "    python -m reference_model results",
        "",
        "## Runs",
        "",
        "| method | run | bytes a stamp | training |",
        "|---|---|---|---|",
    ]
    for method in nets:
        note = study.notes[method]
        lines.append(
            f"| {title(method)} | {note.get('run', '')} | {note.get('bytes', '')} | "
            f"{_training(note.get('weights', {}))} |"
        )
    lines += [
        "",
        f"Parameters: {weights.get('parameters', '')}. Calibration on the validation split: "
        f"temperature {weights.get('temperature', '')}, width {weights.get('widen', '')}.",
        "",
        "## Goals",
        "",
        *goal_table(study, REFERENCE, speed),
        "## Distance error and right host",
        "",
        f"![Distance error]({FOLDER}/distance_error.png)",
        "",
        *main_tables(study),
        "## SExtractor against the network",
        "",
        "Nearby transients of the first test field (simulated), the first of each kind in table "
        "order. Cross: transient; circle: true host; triangle: network, n=5; square: "
        'SExtractor source by DLR. Windows are 48" wide.',
        "",
        f"![Examples]({FOLDER}/examples.png)",
        "",
        "## Redshift error from identification",
        "",
        "The redshift of the catalogued galaxy nearest the prediction, against the truth. An "
        "answer is given where P(none) is at most one half.",
        "",
        f"![Redshift error]({FOLDER}/redshift_error.png)",
        "",
        *redshift_table(study),
        "## By template depth and seeing (right host, %)",
        "",
        *grouped(study, shown, study.rows["template_visits"], [1, 5, 12, 30, 100, 200], "visits"),
        *grouped(study, shown, study.rows["template_fwhm"], [0.6, 0.75, 0.9, 1.11], "arcsec"),
        "## Calibration and hostless transients",
        "",
        f"![Calibration]({FOLDER}/calibration.png)",
        "",
        "## Training",
        "",
        f"![Loss]({FOLDER}/training.png)" if logs else "",
        "",
    ]
    path = docs / "reference_model_results.md"
    path.write_text("\n".join(lines))
    return path
