"""Tables and figures of the study, from stored per-transient results only."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reference_model.evaluation.bootstrap import Estimate, mean_by_group
from reference_model.evaluation.tables import (
    REDSHIFT_LIMIT,
    Line,
    Study,
    completeness_contamination,
    difference,
    distance_error,
    line,
    redshift_error,
    roc,
    selections,
    wrong_ratio,
)
from reference_model.figures.style import COLOURS, figure, save
from reference_model.scenes.place import ON_GALAXY

FOLDER = "figures/reference_model"

#: How a method is called in tables; the order of the tables.
TITLES = {
    "own_position": "(g) own position",
    "sep_nearest": "(a) SExtractor source, nearest ellipse",
    "sep_dlr": "(b) SExtractor source, DLR",
    "gradient_ascent": "(c) gradient ascent",
    "catalogue_nearest": "(d) catalogue, nearest ellipse",
    "catalogue_dlr": "(d) catalogue, DLR",
    "net_hstamp2": "(e) network, n=2, trained alone",
    "net_any2": "(e) network, n=2 (30x30 pixels, outer part binned)",
    "net_any3": "(e) network, n=3",
    "net_any4": "(e) network, n=4",
    "net_any5": "(e) network, n=5, i2 (900 values)",
    "net_any5_step8": "(e) network, n=5, i2 at sigma/8",
    "net_any5_step4": "(e) network, n=5, i2 at sigma/4",
    "net_any5_step2": "(e) network, n=5, i2 at sigma/2",
    "net_any5_f4": "(e) network, n=5, f4",
    "net_stamp30": "(e) network, today's 30x30",
    "net_binned30": "(e) network, 30x30 binned to 48 arcsec",
    "net_multiscale4x8": "(e) network, 4x8x8 of Reyes-Jainaga et al.",
    "net_overlapping5x30": "(e) network, 5x30x30 of DELIGHT",
    "net_window240": "(e) network, full 240x240 window",
    "net_any5_average": "(e) network, n=5, i2, eight-fold average",
    "net_any6": "(e) network, n=6",
    "net_any5_visit": "(e) network, n=5, visit instead of template",
}


def title(method: str) -> str:
    """Name of a method in tables and legends."""
    return TITLES.get(method, method.replace("_", " "))


def ordered(study: Study) -> list[str]:
    """Methods in the order of `TITLES`, then the rest."""
    known = [m for m in TITLES if m in study.methods]
    return known + sorted(m for m in study.methods if m not in TITLES)


def main_tables(study: Study) -> list[str]:
    """One Markdown table for every subset."""
    out = []
    for name, chosen in selections(study.rows).items():
        if not chosen.any():
            continue
        out += [
            f"### {name} (simulated, n = {int(chosen.sum())}, "
            f"{np.unique(study.field[chosen]).size} fields)",
            "",
            '| method | median error (") | 68 % (") | 95 % (") | > 1" (%) | '
            '> max(1", R_e) (%) | right host (%) |',
            "|---|---|---|---|---|---|---|",
        ]
        for method in ordered(study):
            found: Line = line(study, method, chosen)
            out.append(
                f"| {title(method)} | {_arcsec(found.median)} | {_arcsec(found.p68)} | "
                f"{_arcsec(found.p95)} | {found.beyond_1.percent()} | "
                f"{found.beyond_host.percent()} | {found.right.percent()} |"
            )
        out.append("")
    return out


def _arcsec(value: Estimate) -> str:
    if value.value >= 900.0:
        return "no answer"
    high = "no answer" if value.high >= 900.0 else f"{value.high:.2f}"
    return f"{value.value:.2f} ({value.low:.2f}-{high})"


def goal_table(study: Study, best: str, speed: dict[str, float] | None) -> list[str]:
    """The goals that these results can speak to, reached or missed."""
    rows = study.rows
    chosen = selections(rows)
    lines = ["| goal | measured (simulated) | |", "|---|---|---|"]

    def add(text: str, value: str, reached: bool | None) -> None:
        verdict = "not run" if reached is None else "reached" if reached else "missed"
        lines.append(f"| {text} | {value} | {verdict} |")

    add("n=5 within 0.5 points of DELIGHT-style 4,500 values, right host", "", None)
    far = chosen["host more than 3 arcsec away"]
    if "net_hstamp2" in study.methods:
        ratio = wrong_ratio(study, best, "net_hstamp2", far)
        add("n=5 against today's footprint (n=2, trained alone), hosts beyond 3\": at most one "
            "third of the wrong hosts", f"ratio {ratio.plain()}", ratio.value <= 1 / 3)  # fmt: skip
    classical = [m for m in ("sep_nearest", "sep_dlr", "gradient_ascent", "catalogue_nearest",
                             "catalogue_dlr") if m in study.methods]  # fmt: skip
    near = chosen["nearby"]
    if classical and near.any():
        limit = np.maximum(1.0, rows["host_re"][near])
        rates = {m: float((distance_error(rows, study.methods[m])[near] > limit).mean())
                 for m in classical}  # fmt: skip
        rival = min(rates, key=lambda m: rates[m])
        ratio = wrong_ratio(study, best, rival, near, by="distance")
        add(f"n=5 against the best of (a)-(d) (here {title(rival)}), error > max(1\", R_e), "
            "nearby: at most half", f"ratio {ratio.plain()}", ratio.value <= 0.5)  # fmt: skip
    if "net_any5_f4" in study.methods:
        both = chosen["deep"] | near
        gap = difference(study, best, "net_any5_f4", both)
        add("i2 at sigma/16 against f4: no difference within the interval",
            f"right host {gap.percent(2)} points", gap.low <= 0.0 <= gap.high)  # fmt: skip
    region = study.methods[best]["region"]
    ok = np.isfinite(region)
    for share, low, high in ((0.68, 0.66, 0.70), (0.95, 0.94, 0.96)):
        cover = mean_by_group((region[ok] <= share).astype(float), study.field[ok])
        add(f"{share:.0%} regions contain {low:.0%}-{high:.0%}", cover.percent() + " %",
            low <= cover.value <= high)  # fmt: skip
    if "net_hstamp2" in study.methods:
        gap = difference(study, best, "net_hstamp2", chosen["deep"])
        add("deep stratum: n=5 against today's footprint, no loss",
            f"right host {gap.percent(2)} points", gap.high >= 0.0)  # fmt: skip
    if speed:
        add("at least 2,000 stamps a second on one core, decoding included",
            f"{speed['both']:.0f} a second (decoding alone {speed['decode']:.0f})",
            speed["both"] >= 2000)  # fmt: skip
    return [*lines, ""]


def redshift_table(study: Study) -> list[str]:
    """Redshift error from host identification, completeness and contamination."""
    lines = [
        "| method | stratum | wrong redshift: error above 0.01 (1+z) (%) | completeness (%) | "
        "contamination (%) |",
        "|---|---|---|---|---|",
    ]
    chosen = selections(study.rows)
    for stratum in ("deep", "nearby"):
        pick = chosen[stratum]
        for method in ordered(study):
            error = np.abs(redshift_error(study.rows, study.methods[method])[pick])
            wrong = mean_by_group((~(error <= REDSHIFT_LIMIT)).astype(float), study.field[pick])
            complete, dirty = completeness_contamination(study, method, pick, 0.5)
            lines.append(f"| {title(method)} | {stratum} | {wrong.percent()} | "
                         f"{complete.percent()} | {dirty.percent()} |")  # fmt: skip
    return [*lines, ""]


def draw_errors(path: Path, study: Study, methods: list[str]) -> None:
    """Cumulative distance error, by stratum."""
    fig, axes = figure(2, 1, 4.6, 3.6)
    chosen = selections(study.rows)
    for ax, name in zip(axes, ("deep", "nearby"), strict=True):
        for method, colour in zip(methods, COLOURS, strict=False):
            error = np.sort(distance_error(study.rows, study.methods[method])[chosen[name]])
            share = 1.0 - (np.arange(error.size) + 0.5) / error.size
            ax.loglog(np.clip(error, 1e-3, 1e3), share, color=colour, label=title(method))
        ax.set_xlim(0.01, 100)
        ax.set_ylim(2e-3, 1.05)
        ax.set_title(f"{name} stratum, simulated", fontsize=9)
        ax.set_xlabel("distance error (arcsec)", fontsize=8)
        ax.set_ylabel("share of hosts farther off", fontsize=8)
    axes[0].legend(fontsize=6.5, frameon=False)
    save(fig, path)


def draw_redshift(path: Path, study: Study, methods: list[str]) -> None:
    """Distribution of the redshift error that host identification causes."""
    fig, axes = figure(2, 1, 4.6, 3.6)
    chosen = selections(study.rows)
    edges = np.concatenate([[0.0], np.geomspace(1e-3, 2.0, 40)])
    for ax, name in zip(axes, ("deep", "nearby"), strict=True):
        for method, colour in zip(methods, COLOURS, strict=False):
            error = np.abs(redshift_error(study.rows, study.methods[method])[chosen[name]])
            error = np.where(np.isfinite(error), error, 9.0)
            beyond = [(error > e).mean() for e in edges]
            ax.semilogx(np.maximum(edges, 5e-4), beyond, color=colour, label=title(method))
        ax.set_title(f"{name} stratum, simulated", fontsize=9)
        ax.set_xlabel("|redshift error| / (1+z) from identification", fontsize=8)
        ax.set_ylabel("share of transients beyond", fontsize=8)
    axes[0].legend(fontsize=6.5, frameon=False)
    save(fig, path)


def draw_calibration(path: Path, study: Study, methods: list[str]) -> None:
    """Nominal against actual content of the regions, and the hostless ROC."""
    fig, axes = figure(2, 1, 4.0, 3.6)
    share = np.linspace(0.0, 1.0, 101)
    axes[0].plot([0, 1], [0, 1], color="0.7", lw=1)
    for method, colour in zip(methods, COLOURS, strict=False):
        region = study.methods[method]["region"]
        region = region[np.isfinite(region)]
        axes[0].plot(share, [(region <= s).mean() for s in share], color=colour,
                     label=title(method))  # fmt: skip
        present = study.rows["visible"] & (study.rows["kind"] == ON_GALAXY)
        false, true, area = roc(study.rows, study.methods[method]["none"], present)
        axes[1].plot(false, true, color=colour, label=f"{title(method)}: area {area:.3f}")
    axes[0].set_xlabel("nominal content of the region", fontsize=8)
    axes[0].set_ylabel("hosts inside (simulated)", fontsize=8)
    axes[1].set_xlabel("hosts called hostless", fontsize=8)
    axes[1].set_ylabel("hostless called hostless", fontsize=8)
    for ax in axes:
        ax.legend(fontsize=6.5, frameon=False)
    save(fig, path)


def draw_training(path: Path, logs: dict[str, Path]) -> None:
    """Loss by epoch of every run."""
    fig, axes = figure(1, 1, 5.0, 3.2)
    for (name, log), colour in zip(logs.items(), COLOURS, strict=False):
        lines = [json.loads(text) for text in log.read_text().splitlines()]
        epochs = [entry["epoch"] for entry in lines]
        axes[0].plot(
            epochs, [e["loss"] for e in lines], color=colour, ls=":", label=f"{name}, training"
        )
        axes[0].plot(epochs, [e["validation"] for e in lines], color=colour,
                     label=f"{name}, validation")  # fmt: skip
    axes[0].set_xlabel("epoch", fontsize=8)
    axes[0].set_ylabel("negative log-likelihood", fontsize=8)
    axes[0].legend(fontsize=7, frameon=False)
    save(fig, path)


def grouped(
    study: Study, methods: list[str], by: NDArray[Any], edges: list[float], unit: str
) -> list[str]:
    """Right-host share by bins of a quantity, for both strata together."""
    chosen = selections(study.rows)
    host = chosen["deep"] | chosen["nearby"]
    head = [f"{low:g}-{high:g}" for low, high in pairwise(edges)]
    lines = ["| method | " + " | ".join(f"{h} {unit}" for h in head) + " |",
             "|---" * (len(head) + 1) + "|"]  # fmt: skip
    for method in methods:
        cells = []
        for low, high in pairwise(edges):
            pick = host & (by >= low) & (by < high)
            right = study.methods[method]["right"][pick].astype(float)
            found = mean_by_group(right, study.field[pick])
            cells.append(f"{found.percent()} n={found.n}" if found.n else "-")
        lines.append(f"| {title(method)} | " + " | ".join(cells) + " |")
    return [*lines, ""]
