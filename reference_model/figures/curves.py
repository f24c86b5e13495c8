"""Figures of the study, from stored per-transient results only."""

from __future__ import annotations

import json
from itertools import cycle, pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reference_model.evaluation.hostless import causes, roc, with_host
from reference_model.evaluation.names import half_side, seeds_of, title
from reference_model.evaluation.redshift import redshift_errors
from reference_model.evaluation.tables import Mask, Study, errors, selections, where_run
from reference_model.figures.style import COLOURS, METHOD_COLOURS, figure, save

#: Edges of the bins of true offset, arcsec.
OFFSETS = (
    0.05,
    0.1,
    0.2,
    0.4,
    0.7,
    1.0,
    1.5,
    2.2,
    3.0,
    4.2,
    6.0,
    8.5,
    12.0,
    17.0,
    24.0,
    34.0,
    48.0,
)
#: Fewest transients a bin of offset needs.
FEWEST = 25
#: Photometric redshifts that LSST is built for: rms error over (1 + z), Ivezic et al. 2019.
PHOTO_Z = 0.02


def colours(methods: list[str]) -> dict[str, str]:
    """A colour for each method, its own where it has one."""
    taken = {METHOD_COLOURS[m] for m in methods if m in METHOD_COLOURS}
    free = cycle([c for c in COLOURS if c not in taken] or COLOURS)
    return {m: METHOD_COLOURS.get(m) or next(free) for m in methods}


def _found(study: Study, method: str, chosen: Mask) -> tuple[NDArray[np.float64], Mask]:
    """Errors of all seeds one after the other, and which transients they are of."""
    pick = chosen & where_run(study, method)
    return errors(study, method, pick), pick


def draw_errors(path: Path, study: Study, methods: list[str], source: str) -> None:
    """Cumulative distance error, by stratum."""
    fig, axes = figure(2, 1, 4.6, 3.6)
    chosen = selections(study.rows)
    for ax, name in zip(axes, ("deep", "nearby"), strict=True):
        for method, colour in colours(methods).items():
            error = np.sort(_found(study, method, chosen[name])[0].ravel())
            share = 1.0 - (np.arange(error.size) + 0.5) / max(error.size, 1)
            ax.loglog(np.clip(error, 1e-3, 1e3), share, color=colour, label=title(method))
        ax.set_xlim(0.01, 100)
        ax.set_ylim(2e-3, 1.05)
        ax.set_title(f"{name} stratum, simulated", fontsize=9)
        ax.set_xlabel("distance error (arcsec)", fontsize=8)
        ax.set_ylabel("share of hosts farther off", fontsize=8)
    axes[0].legend(fontsize=6, frameon=False)
    save(fig, path, source=source)


def draw_offsets(path: Path, study: Study, methods: list[str], source: str) -> None:
    """Median and 95 % distance error against the true offset, by stratum."""
    fig, axes = figure(2, 2, 4.6, 3.3)
    chosen = selections(study.rows)
    for row, name in enumerate(("deep", "nearby")):
        for ax, share in zip(axes[2 * row : 2 * row + 2], (50, 95), strict=True):
            for method, colour in colours(methods).items():
                error, pick = _found(study, method, chosen[name])
                offset = study.rows["offset"][pick]
                at, height = [], []
                for low, high in pairwise(OFFSETS):
                    mine = (offset > low) & (offset <= high)
                    if mine.sum() >= FEWEST:
                        at.append(float(np.sqrt(low * high)))
                        height.append(np.percentile(error[:, mine], share, axis=1).mean())
                ax.loglog(at, np.clip(height, 0.01, 100), ".-", color=colour, ms=4, lw=1.1,
                          label=title(method))  # fmt: skip
            ax.loglog([0.05, 60], [0.05, 60], color="0.8", lw=0.8, zorder=0)
            ax.set_ylim(0.02, 120)
            ax.set_title(f"{name} stratum, simulated: {'median' if share == 50 else '95 %'}",
                         fontsize=9)  # fmt: skip
            ax.set_xlabel("true offset of the host (arcsec)", fontsize=8)
            ax.set_ylabel("distance error (arcsec)", fontsize=8)
    axes[0].legend(fontsize=6, frameon=False)
    save(fig, path, source=source)


def draw_density(path: Path, study: Study, methods: list[str], source: str) -> None:
    """Density of distance error against true offset, one panel for each method."""
    fig, axes = figure(max(len(methods), 1), 2, 2.7, 2.6)
    chosen = selections(study.rows)
    x, y = np.geomspace(0.05, 60, 36), np.geomspace(0.01, 100, 46)
    for row, name in enumerate(("deep", "nearby")):
        for ax, method in zip(axes[row * len(methods) :], methods, strict=False):
            error, pick = _found(study, method, chosen[name])
            offset = np.broadcast_to(study.rows["offset"][pick], error.shape)
            share, _, _ = np.histogram2d(
                np.clip(offset.ravel(), x[0], x[-1]), np.clip(error.ravel(), y[0], y[-1]), (x, y)
            )
            with np.errstate(divide="ignore"):
                log = np.log10(share / max(share.sum(), 1.0))
            ax.pcolormesh(x, y, np.where(np.isfinite(log), log, np.nan).T, cmap="viridis",
                          vmin=-4.0, vmax=-1.5)  # fmt: skip
            ax.plot([0.05, 60], [0.05, 60], color="#D55E00", lw=0.8)
            ax.axhline(1.0, color="0.5", lw=0.6, ls=":")
            ax.set_xscale("log")
            ax.set_yscale("log")
            ax.set_title(f"{title(method)}\n{name}, n = {int(pick.sum())}, simulated", fontsize=6.5)
            ax.set_xlabel("true offset (arcsec)", fontsize=7)
            ax.set_ylabel("distance error (arcsec)", fontsize=7)
    save(fig, path, source=source)


def draw_redshift(path: Path, study: Study, methods: list[str], source: str) -> None:
    """Distribution of the redshift error that host identification causes."""
    fig, axes = figure(2, 2, 4.6, 3.3)
    chosen = selections(study.rows)
    edges = np.concatenate([[0.0], np.geomspace(1e-3, 2.0, 40)])
    bins = np.linspace(-1.0, 1.0, 81)
    for column, name in enumerate(("deep", "nearby")):
        above, below = axes[column], axes[2 + column]
        for method, colour in colours(methods).items():
            pick = chosen[name] & where_run(study, method)
            error = redshift_errors(study, method, pick).ravel()
            got = error[np.isfinite(error)]
            weight = np.full(got.size, 1.0 / max(error.size, 1))
            above.hist(np.clip(got, -1.0, 1.0), bins, weights=weight, histtype="step",
                       color=colour, lw=1.0, label=title(method))  # fmt: skip
            far = np.sort(np.abs(np.where(np.isfinite(error), error, 9.0)))
            beyond = 1.0 - np.searchsorted(far, edges, side="right") / max(far.size, 1)
            below.semilogx(np.maximum(edges, 5e-4), beyond, color=colour)
        above.set_yscale("log")
        above.set_title(f"{name} stratum, simulated", fontsize=9)
        above.set_xlabel("redshift error / (1+z) from identification", fontsize=8)
        above.set_ylabel("share of transients in a bin", fontsize=8)
        below.axvline(PHOTO_Z, color="0.6", lw=0.8, ls="--")
        below.set_xlabel(
            "|redshift error| / (1+z) from identification; dashed: photometry, 0.02", fontsize=7.5
        )
        below.set_ylabel("share beyond, or without a redshift", fontsize=8)
    axes[0].legend(fontsize=6, frameon=False)
    save(fig, path, source=source)


def draw_calibration(path: Path, study: Study, methods: list[str], source: str) -> None:
    """Nominal against actual content of the regions, and the hostless ROC."""
    fig, axes = figure(2, 1, 4.0, 3.6)
    share = np.linspace(0.0, 1.0, 101)
    axes[0].plot([0, 1], [0, 1], color="0.7", lw=1)
    for method, colour in colours(methods).items():
        names = seeds_of(study.methods, method)
        region = np.concatenate([study.methods[n]["region"] for n in names])
        region = np.sort(region[np.isfinite(region)])
        held = np.searchsorted(region, share, side="right") / max(region.size, 1)
        axes[0].plot(share, held, color=colour, label=title(method))
        half = half_side(method)
        having, hostless = with_host(study.rows, half), causes(study.rows, half)["every cause"]
        pick = (having | hostless) & where_run(study, method)
        grid = np.linspace(0.0, 1.0, 201)
        curves, areas = [], []
        for name in names:
            false, true, area = roc(study.methods[name]["none"][pick], hostless[pick])
            curves.append(np.interp(grid, false, true))
            areas.append(area)
        axes[1].plot(grid, np.mean(curves, axis=0), color=colour,
                     label=f"{title(method)}: area {np.mean(areas):.3f}")  # fmt: skip
    axes[0].set_xlabel("nominal content of the region", fontsize=8)
    axes[0].set_ylabel("hosts inside (simulated)", fontsize=8)
    axes[1].set_xlabel("hosts in the stamp called hostless", fontsize=8)
    axes[1].set_ylabel("hostless called hostless (simulated)", fontsize=8)
    for ax in axes:
        ax.legend(fontsize=6, frameon=False)
    save(fig, path, source=source)


def draw_training(path: Path, logs: dict[str, Path], source: str) -> None:
    """Loss by epoch of every run: training dotted, validation drawn through."""
    fig, axes = figure(1, 1, 6.4, 3.8)
    styles = [(c, m) for m in ("o", "s", "^") for c in COLOURS]
    for i, (name, log) in enumerate(logs.items()):
        colour, marker = styles[i % len(styles)]
        lines: list[dict[str, Any]] = [json.loads(text) for text in log.read_text().splitlines()]
        epochs = [entry["epoch"] for entry in lines]
        axes[0].plot(epochs, [e["loss"] for e in lines], color=colour, ls=":", lw=0.9)
        axes[0].plot(epochs, [e["validation"] for e in lines], color=colour, marker=marker, ms=3,
                     lw=1.1, label=name)  # fmt: skip
    axes[0].set_xlabel("epoch", fontsize=8)
    axes[0].set_ylabel("negative log-likelihood", fontsize=8)
    axes[0].legend(fontsize=6, frameon=False, ncols=2, title="dotted: training; line: validation",
                   title_fontsize=6)  # fmt: skip
    save(fig, path, source=source)
