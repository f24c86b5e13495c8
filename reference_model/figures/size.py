"""Accuracy against bytes per stamp."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.ticker import NullFormatter, ScalarFormatter

from reference_model.evaluation.bootstrap import Estimate, mean_by_group
from reference_model.evaluation.names import seeds_of
from reference_model.evaluation.tables import Study, asked, selections, where_run
from reference_model.figures.results import STRATA, table
from reference_model.figures.style import figure, save
from reference_model.network.inputs import KINDS

#: Today's 30x30 stamp as FITS, with its variance, PSF and headers
#: (docs/viewing.md).
TODAY_BYTES = 34_560
#: Bytes of a value of the inputs that have no format of their own here.
BYTES_A_VALUE = 4

#: How the n=5 stamp is sent, and the prefixes cut from it.
ENCODINGS = {
    "net_any5_f4": "n=5, f4",
    "net_any5": "n=5, i2 at sigma/16",
    "net_any5_step8": "n=5, i2 at sigma/8",
    "net_any5_step4": "n=5, i2 at sigma/4",
    "net_any5_step2": "n=5, i2 at sigma/2",
    "net_any2": "n=2, i2 at sigma/16",
    "net_any3": "n=3, i2 at sigma/16",
    "net_any4": "n=4, i2 at sigma/16",
    "net_any6": "n=6, i2 at sigma/16",
}
PREFIXES = ("net_any2", "net_any3", "net_any4", "net_any5", "net_any6")
#: Other inputs, each with a network of its own.
OTHERS = {
    "net_stamp30": "30x30, today's FITS",
    "net_multiscale4x8": "4x8x8, f4 values alone",
    "net_overlapping5x30": "5x30x30, f4 values alone",
    "net_window240": "240x240, f4 values alone",
}


@dataclass(frozen=True)
class Size:
    """One way to send the sky around a transient.

    Attributes
    ----------
    method, label : str
    size : float
        Bytes a stamp; NaN if unknown.
    compressed : float
        The same in a deflated block; NaN if not measured.
    run : bool
        Whether there are results.
    """

    method: str
    label: str
    size: float
    compressed: float
    run: bool


def sizes(study: Study) -> list[Size]:
    """Every encoding with results, and every other input, run or not."""
    out = []
    for method, label in ENCODINGS.items():
        names = seeds_of(study.methods, method)
        notes = [study.notes[n] for n in names]
        if names:
            out.append(
                Size(method, label, _mean(notes, "bytes"), _mean(notes, "bytes_deflated"), True)
            )
    for method, label in OTHERS.items():
        size = BYTES_A_VALUE * KINDS[method.removeprefix("net_")].values
        if method == "net_stamp30":
            size = TODAY_BYTES
        out.append(Size(method, label, size, float("nan"), bool(seeds_of(study.methods, method))))
    return out


def _mean(notes: list[dict[str, object]], key: str) -> float:
    found = [float(str(n[key])) for n in notes if n.get(key) is not None]
    return float(np.mean(found)) if found else float("nan")


def measure(study: Study, method: str, stratum: str) -> tuple[Estimate, Estimate]:
    """Share of right hosts, and of errors > max(1", R_e), of one stratum."""
    pick = selections(study.rows)[stratum] & where_run(study, method)
    group = study.field[pick]
    return (mean_by_group(asked(study, method, "right", pick), group),
            mean_by_group(asked(study, method, "beyond_host", pick), group))  # fmt: skip


def size_table(study: Study) -> list[str]:
    """Accuracy against bytes, as a table."""
    rows = []
    for item in sizes(study):
        cells = [item.label, _bytes(item.size), _bytes(item.compressed)]
        for stratum in STRATA:
            cells += (
                [e.percent() for e in measure(study, item.method, stratum)]
                if item.run else ["not run"] * 2
            )  # fmt: skip
        rows.append(cells)
    head = ["sent as", "bytes a stamp", "bytes, deflated"]
    for stratum in STRATA:
        head += [f"{stratum}: right host (%)", f'{stratum}: error > max(1", R_e) (%)']
    return table(head, rows)


def _bytes(value: float) -> str:
    return f"{value:,.0f}" if np.isfinite(value) else "-"


def draw_sizes(path: Path, study: Study, source: str) -> None:
    """Accuracy against bytes, as a figure: wrong answers, so that less is better."""
    fig, axes = figure(2, 1, 5.2, 4.0)
    found = sizes(study)
    colours = dict(zip(STRATA, ("#D55E00", "#56B4E9", "#0072B2"), strict=True))
    for stratum in STRATA:
        got = {s.method: measure(study, s.method, stratum) for s in found if s.run}
        for i, ax in enumerate(axes):
            values = {m: _wrong(e[i], flip=i == 0) for m, e in got.items() if e[i].n}
            chain = [s for p in PREFIXES for s in found if s.method == p and p in values]
            ax.plot([s.size for s in chain], [values[s.method][0] for s in chain],
                    color=colours[stratum], lw=1.0, label=f"n=2 to 6, i2: {stratum}")  # fmt: skip
            for s in found:
                if s.method not in values:
                    continue
                value, low, high = values[s.method]
                for size, face in ((s.size, colours[stratum]), (s.compressed, "none")):
                    if np.isfinite(size):
                        ax.errorbar(size, value, [[value - low], [high - value]], fmt=_marker(s),
                                    color=colours[stratum], mfc=face, ms=5, lw=0.7)  # fmt: skip
    names = ("wrong host (%)", 'error > max(1", R_e) (%)')
    for ax, name in zip(axes, names, strict=True):
        ax.set_xscale("log")
        ax.set_yscale("log")
        low, high = ax.get_ylim()
        ax.set_ylim(low, high * (high / low) ** 0.45)
        ax.yaxis.set_major_formatter(ScalarFormatter())
        ax.yaxis.set_minor_formatter(NullFormatter())
        ax.set_yticks([t for t in (1, 2, 5, 10, 20, 50) if low <= t <= high])
        for s in found:
            if s.method in OTHERS:
                ax.axvline(s.size, color="0.85", lw=0.8, zorder=0)
                text = s.label if s.run else f"{s.label}, not run"
                ax.annotate(
                    text, (s.size, 0.99), xycoords=("data", "axes fraction"), fontsize=5.5,
                    rotation=90, va="top", ha="right", color="0.4",
                )  # fmt: skip
        ax.set_xlabel("bytes a stamp (hollow: deflated)", fontsize=8)
        ax.set_ylabel(f"{name}, simulated", fontsize=8)
    axes[0].plot([], [], "o", color="0.3", ms=5, label="i2 at sigma/16")
    axes[0].plot([], [], "v", color="0.3", ms=5, label="i2 at coarser steps")
    axes[0].plot([], [], "s", color="0.3", ms=5, label="f4")
    axes[0].plot([], [], "D", color="0.3", ms=5, label="other inputs, own networks")
    axes[1].legend(*axes[0].get_legend_handles_labels(), fontsize=6, frameon=False,
                   loc="upper left", bbox_to_anchor=(1.0, 1.0))  # fmt: skip
    save(fig, path, source=source)


def _wrong(found: Estimate, flip: bool) -> tuple[float, float, float]:
    if flip:
        return 100 * (1 - found.value), 100 * (1 - found.high), 100 * (1 - found.low)
    return 100 * found.value, 100 * found.low, 100 * found.high


def _marker(item: Size) -> str:
    if item.method in OTHERS:
        return "D"
    if "_step" in item.method:
        return "v"
    return "s" if item.method.endswith("_f4") else "o"
