"""The results page, written from stored per-transient results."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from reference_model.config import GROUP, StudyConfig
from reference_model.evaluation.goals import OVERLAPPING, REFERENCE, TODAY, goals
from reference_model.evaluation.names import seed_of, seeds_of, title
from reference_model.evaluation.results import results_folder
from reference_model.evaluation.tables import STREAM, Study, load_study
from reference_model.evaluation.told import HEADLINE
from reference_model.figures import groups, results
from reference_model.figures.ablations import ablation_table
from reference_model.figures.curves import (
    draw_calibration,
    draw_density,
    draw_errors,
    draw_offsets,
    draw_redshift,
    draw_training,
)
from reference_model.figures.examples import draw_examples, legend
from reference_model.figures.headline import REAL_HOSTS, headline
from reference_model.figures.size import draw_sizes, size_table
from reference_model.scenes.company import HALF_BOX

FOLDER = "figures/reference_model"
#: The subset that secondary tables are given for beside the deep stratum.
WITHIN = "nearby, host in the n=5 stamp"

#: Curves shown in figures, panels of the densities, networks in the calibration figure.
SHOWN = (
    "own_position", "sep_dlr", "gradient_ascent", "catalogue_nearest", "delight", TODAY,
    OVERLAPPING, REFERENCE,
)  # fmt: skip
PANELS = ("sep_dlr", "delight", TODAY, REFERENCE)
CALIBRATED = ("net_any2", "net_any3", "net_any4", REFERENCE, "net_any6", TODAY, OVERLAPPING)
#: Further rows of the tables of depth and seeing.
DEPTHS = (
    "own_position", "sep_nearest", "sep_dlr", "gradient_ascent", "catalogue_nearest",
    "catalogue_dlr", "delight", TODAY, "net_binned30", "net_multiscale4x8", OVERLAPPING,
    "net_window240", "net_any2", "net_any3", "net_any4", REFERENCE, "net_any6",
    "net_any5_science",
)  # fmt: skip


def _training(weights: dict[str, Any]) -> str:
    """One line on how weights were trained, without the seed."""
    run = json.loads(weights.get("train", "{}"))
    start = f", from {run['init']}" if run.get("init") else ""
    return (
        f"{weights.get('epochs', run.get('epochs'))} epochs of {run.get('steps')} batches of "
        f"{run.get('batch')}, of {weights.get('transients')} transients in "
        f"{weights.get('fields')} fields{start}; validation loss {weights.get('validation', '')}"
    )


def run_table(study: Study) -> list[str]:
    """Which runs the networks' results are from; one row where seeds differ in nothing else."""
    rows = []
    for method in results.listed(study):
        names = [n for n in seeds_of(study.methods, method) if "run" in study.notes[n]]
        seeds: dict[tuple[str, ...], list[str]] = {}
        for name in names:
            note = study.notes[name]
            weights = note.get("weights", {})
            key = (str(weights.get("parameters", "")), _training(weights),
                   str(note.get("bytes", "")))  # fmt: skip
            seeds.setdefault(key, []).append(name)
        for (parameters, training, size), some in seeds.items():
            rows.append([
                title(method), ", ".join(str(seed_of(n)) for n in some),
                ", ".join(str(study.notes[n]["run"]) for n in some), size, parameters, training,
            ])  # fmt: skip
    return results.table(
        ["network", "seeds", "runs", "bytes a stamp", "parameters", "training"], rows
    )


def calibration_lines(study: Study) -> list[str]:
    """What was fitted on the validation split for the reference network."""
    out = []
    for name in seeds_of(study.methods, REFERENCE):
        weights = study.notes[name].get("weights", {})
        if weights:
            out.append(f"seed {seed_of(name)}: temperature {weights.get('temperature', '')}, width "
                       f"{weights.get('widen', '')}")  # fmt: skip
    return [f"Calibration of n=5 on the validation split: {'; '.join(out)}.", ""] if out else []


def data_seed(root: Path, config: StudyConfig) -> int:
    """Seed of the data set, from its manifest where it is at hand."""
    path = root / config.name / "manifest.json"
    if not path.exists():
        return config.seed
    return int(json.loads(path.read_text())["config"]["seed"])


def _present(study: Study, methods: tuple[str, ...]) -> list[str]:
    return [m for m in methods if seeds_of(study.methods, m)]


def _draw(docs: Path, root: Path, config: StudyConfig, study: Study, source: str) -> list[str]:
    """Draw every figure; returns the section of the gallery."""
    pictures = docs / FOLDER
    shown = _present(study, SHOWN)
    draw_errors(pictures / "distance_error.png", study, shown, source)
    draw_offsets(pictures / "error_by_offset.png", study, shown, source)
    draw_density(pictures / "error_density.png", study, _present(study, PANELS), source)
    draw_redshift(pictures / "redshift_error.png", study, shown, source)
    draw_calibration(pictures / "calibration.png", study, _present(study, CALIBRATED), source)
    draw_sizes(pictures / "size.png", study, source)
    others = [m for m in ("sep_dlr", "delight") if m in study.methods]
    network = seeds_of(study.methods, REFERENCE)[0]
    if "sep_dlr" not in others or not draw_examples(
        pictures / "examples.png", root, config, study, network, others, source
    ):
        return []
    return [
        "## SExtractor against the network",
        "",
        "Transients of the first test field of each stratum (simulated), the first of each kind in "
        "table order; "
        'right is an error of at most max(1", R_e). ' + legend(network, others),
        "",
        f"![Examples]({FOLDER}/examples.png)",
        "",
    ]


def _crowding(study: Study, methods: list[str]) -> list[str]:
    """The section on hosts with company, where that was counted."""
    some = groups.crowding_groups(study)
    if not some:
        return []
    return [
        "## By company of the host",
        "",
        f'Galaxies brighter than the true host within {HALF_BOX:g}" of the transient on each '
        "axis, the sky that DELIGHT sees. The nearby fields hold more of them than the sky does "
        "([how many](reference_model_simulation.md#company-of-the-nearby-hosts)): this is where "
        "the simulation is hardest, and the column without any is the one that says most about "
        "real nearby hosts.",
        "",
        *groups.grouped(study, methods, some, "nearby", "beyond_host"),
        *groups.grouped(study, methods, some, WITHIN, "beyond_host"),
        *groups.grouped(study, methods, some, WITHIN, "right"),
    ]


def _ablations(study: Study) -> list[str]:
    """The section on what telling a network more is worth, where that was measured."""
    found = ablation_table(study)
    if not found:
        return []
    return [
        "## What telling it more is worth",
        "",
        'Share of transients whose answer is more than max(1", R_e) from the host, of the same '
        "weights told more or shown another image; a change is against the first row, transient "
        "by transient. At even odds both strata count alike; in the stream "
        f"{100 * STREAM:g} % are nearby and the network is told so, or, with a magnitude, the odds "
        "that it gives in such a stream. Magnitudes are drawn from luminosity functions at the "
        "host's redshift, the odds are those of volumes and rates: a survey of supernovae alone.",
        "",
        *found,
    ]


def _clustered(root: Path, config: StudyConfig) -> list[str]:
    """The section on hosts in groups, where these were evaluated."""
    found = clustered_study(root, config)
    if found is None:
        return []
    return [
        "## Hosts in groups",
        "",
        f"A second test set of {found.rows.size} transients in {np.unique(found.field).size} "
        f"fields, whose nearby hosts stand in groups of {GROUP}, as in clusters of galaxies: the "
        "hard case of a bright neighbour. Not part of any goal; there is no deep stratum.",
        "",
        *results.main_tables(found, ("nearby", WITHIN, "host more than 3 arcsec away")),
    ]


def clustered_study(root: Path, config: StudyConfig) -> Study | None:
    """Results of the hosts in groups; None where there are none."""
    folder = results_folder(root, config, "clustered")
    if not (folder / "truth" / "rows.npy").exists():
        return None
    found = load_study(folder)
    return found if seeds_of(found.methods, REFERENCE) else None


def write_results(docs: Path, root: Path, config: StudyConfig) -> Path:
    """Write ``reference_model_results.md``, the tables behind it, and their figures."""
    folder = results_folder(root, config)
    study = load_study(folder)
    if not seeds_of(study.methods, REFERENCE):
        raise FileNotFoundError(f"no results of {REFERENCE} in {folder}: evaluate a run first")
    speed_path = folder / "truth" / "speed.json"
    speed = json.loads(speed_path.read_text()) if speed_path.exists() else None
    seed = data_seed(root, config)
    source = f"simulated: data set {config.name} {study.data_version}, seed {seed}"
    gallery = _draw(docs, root, config, study, source)
    logs = {p.parent.name: p for p in sorted((root / config.name / "runs").glob("*/log.jsonl"))}
    if logs:
        draw_training(docs / FOLDER / "training.png", logs, source)
    depths = _present(study, DEPTHS)
    real_path = docs / REAL_HOSTS
    real = json.loads(real_path.read_text()) if real_path.exists() else None
    every = goals(study, speed, real)
    made = (
        f"data set `{config.name}`, version {study.data_version}, seed {seed}, test split of "
        f"{study.rows.size} transients in {np.unique(study.field).size} fields"
    )
    front = docs / "reference_model_results.md"
    told = "\n".join(headline(study, every, made, clustered_study(root, config)))
    front.write_text(told.rstrip("\n") + "\n")
    lines = [
        "# Tables of the reference model",
        "",
        "What stands behind [the results](reference_model_results.md). "
        f"All numbers are **simulated**: {made}. Where a network was trained with several seeds, "
        "its numbers are means over them. Brackets are 95 % intervals from resampling whole "
        "fields (of both strata together where strata are pooled) and, of shares and errors, the "
        "training seeds where there are several; [their own table](#spread-over-seeds) shows how "
        f"these differ. Unless a row says otherwise a network is shown the {HEADLINE.text}. Made "
        "from stored per-transient results by",
        "",
        "    python -m reference_model results",
        "",
        "## Beside the goals",
        "",
        "A comparison uses all seeds of both methods, transient by transient; the range that "
        "single seeds span stands beside it. The first number of a row is the goal's own, at the "
        "share of nearby hosts of an alert stream.",
        "",
        *results.beside_table(every),
        *_ablations(study),
        *_clustered(root, config),
        "## Runs",
        "",
        *run_table(study),
        *calibration_lines(study),
        "## Distance error and right host",
        "",
        "A host is right if the galaxy nearest the answer, in units of its own light radius, is "
        "the host. That discriminates little, as the transient's own position shows, and stands "
        "here for comparison only.",
        "",
        f"![Distance error]({FOLDER}/distance_error.png)",
        "",
        "Against the true offset of the host; the grey line is where the error equals the offset, "
        "as for the transient's own position:",
        "",
        f"![Error by offset]({FOLDER}/error_by_offset.png)",
        "",
        f"![Density of error and offset]({FOLDER}/error_density.png)",
        "",
        "In a density, colour is the share of transients in a cell on a logarithmic scale; "
        "no answer stands at the top.",
        "",
        *results.main_tables(study),
        "## Spread over seeds",
        "",
        *results.seed_table(study),
        "## Accuracy against bytes",
        "",
        "Prefixes are cut from the same stamps and read by the same weights; other inputs have "
        "networks of their own. Vertical lines mark today's FITS stamp (34,560 bytes) and inputs "
        "without a format, counted as 4 bytes a value. The i2 encoding takes the same bytes at "
        "every step; only what compression makes of them differs.",
        "",
        f"![Accuracy against bytes]({FOLDER}/size.png)",
        "",
        *size_table(study),
        *gallery,
        "## Redshift error from identification",
        "",
        "e(z of the transient) = e(host photometry) + e(host identification); this is the second "
        "term: the redshift of the catalogued galaxy nearest the prediction, against the true "
        "host's. Completeness is the share of transients with a visible host that are given its "
        "redshift, contamination the share of given redshifts that are wrong.",
        "",
        f"![Redshift error]({FOLDER}/redshift_error.png)",
        "",
        "The dashed line is the rms error that LSST's photometric redshifts are designed for, "
        "0.02 (1+z) (Ivezic et al. 2019, ApJ 873, 111).",
        "",
        results.contamination_sentence(study),
        "",
        *results.redshift_tables(study),
        "## By template depth and seeing",
        "",
    ]
    for some in (groups.visit_groups(study), groups.seeing_groups(study)):
        for stratum in ("deep", WITHIN):
            lines += groups.grouped(study, depths, some, stratum)
    lines += [
        "Depth and seeing belong to a field: a group holds few fields, and its intervals are "
        "rough.",
        "",
        "## By magnitude of the host",
        "",
        "The r magnitude of the true host: what a method makes of hosts as bright as those it was "
        "trained or tried on elsewhere.",
        "",
        *groups.grouped(
            study, depths, groups.magnitude_groups(study, groups.DEEP_MAGNITUDES), "deep"
        ),
        *groups.grouped(
            study, depths, groups.magnitude_groups(study, groups.NEARBY_MAGNITUDES), WITHIN
        ),
        *_crowding(study, depths),
        "## Calibration and hostless transients",
        "",
        f"![Calibration]({FOLDER}/calibration.png)",
        "",
        "Area under the ROC curve of P(none), by why there is no host to be found: 1 is perfect, "
        "0.5 is blind. Each network is judged by the stamp it sees, so that for a small one most "
        'hosts are outside; those within 1" of its edge are left out. The last column is the '
        "same for all: hosts in the n=5 stamp against hosts too faint, stars and empty sky. The "
        "classical methods give no probability.",
        "",
        *results.hostless_table(study),
    ]
    for looks in sorted((folder / "looks").glob("any-seed1.md")):
        lines += [
            "## Views of every survey",
            "",
            'Templates of the test fields in pixels of 0.2 to 1.0" and seeing of 0.6 to 2.8", of '
            "any depth, with correlated noise and some sky left; both strata alike, a transient as "
            "often as a survey of that depth finds one at its redshift. Hosts are those that can "
            "be seen in the stamp.",
            "",
            *looks.read_text().splitlines(),
            "",
        ]
    if logs:
        lines += ["## Training", "", f"![Loss]({FOLDER}/training.png)", ""]
    path = docs / "reference_model_tables.md"
    path.write_text("\n".join(lines).rstrip("\n") + "\n")
    return front
