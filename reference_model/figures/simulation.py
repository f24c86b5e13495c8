"""The page that holds the simulated sky against the measured one."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from reference_model import DATA_VERSION
from reference_model.config import GROUP, ISOLATED, StudyConfig
from reference_model.figures.style import COLOURS, figure, save
from reference_model.scenes.company import HALF_BOX, company
from reference_model.scenes.compare import (
    Comparison,
    comparisons,
    measured_counts,
    percentile_table,
)
from reference_model.scenes.dataset import checksum, fields
from reference_model.scenes.place import DEEP, NEARBY, ON_GALAXY
from reference_model.sky.positions import DEBASS_OFFSETS, FOUNDATION_OFFSETS

PICTURE = "figures/reference_model/simulation.png"


def draw_comparisons(
    path: Path, found: list[Comparison], counts: tuple[np.ndarray, np.ndarray, np.ndarray]
) -> None:
    """Cumulative distributions, and the number counts."""
    names = sorted({c.name for c in found}, key=[c.name for c in found].index)
    fig, axes = figure(3, (len(names) + 1 + 2) // 3)
    for ax, name in zip(axes, names, strict=False):
        mine = [c for c in found if c.name == name]
        ax.plot(*_cumulative(mine[0].simulated), color=COLOURS[0], label="simulated")
        for c, colour in zip(mine, COLOURS[1:], strict=False):
            label = f"{c.reference} (KS {c.ks:.3f})"
            ax.plot(*_cumulative(c.measured), color=colour, ls="--", label=label)
        ax.set_xlabel(name, fontsize=8)
        ax.set_ylabel("cumulative share", fontsize=8)
        ax.legend(fontsize=7, frameon=False)
    ax = axes[len(names)]
    grid, simulated, published = counts
    ax.semilogy(grid, simulated, color=COLOURS[0], label="simulated")
    ax.semilogy(grid, published, color=COLOURS[1], ls="--", label="LSST Science Book eq. 3.7")
    ax.set_xlabel("i (mag)", fontsize=8)
    ax.set_ylabel("galaxies per arcmin$^2$ brighter than i", fontsize=8)
    ax.legend(fontsize=7, frameon=False)
    for ax in axes[len(names) + 1 :]:
        ax.set_axis_off()
    save(fig, path)


def _cumulative(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    share = np.linspace(0.0, 1.0, 200)
    return np.quantile(values, share), share


def _size(root: Path, config: StudyConfig) -> str:
    """What the manifest says of the data set, in a sentence."""
    manifest = json.loads((root / config.name / "manifest.json").read_text())
    counts = manifest["transients"]
    return (
        f"{len(manifest['fields'])} fields, {sum(counts.values()):,} transients "
        f"({counts['train']:,} for training, {counts['validation']:,} for validation, "
        f"{counts['test']:,} for testing, {counts['clustered']:,} in fields whose hosts stand in "
        f"groups), each in {2 + config.looks} views, {manifest['bytes'] / 1e9:.1f} GB, checksum "
        f"of all files `{checksum(manifest)[:16]}`."
    )


def looks_table(root: Path, config: StudyConfig) -> list[str]:
    """How the looks of other surveys are spread: percentiles over all of them."""
    views = [v for s in ISOLATED for f in fields(root, config, s) for v in f.views[2:]]
    if not views:
        return []
    columns = {
        'pixel (")': [v.scale for v in views],
        'seeing (")': [v.fwhm for v in views],
        "point source at 5 sigma (mag)": [v.limit() for v in views],
        "sigma of the noise's kernel (pixels)": [v.blur for v in views],
        "rms of the sky left (pixel noise)": [v.residual for v in views],
    }
    lines = [
        "## Looks of other surveys",
        "",
        f"n = {len(views)}; {np.mean([v.science for v in views]):.0%} of them show the transient.",
        "",
        "| quantity | 2 % | 16 % | 50 % | 84 % | 98 % |",
        "|---|---|---|---|---|---|",
    ]
    for name, values in columns.items():
        cells = " | ".join(f"{v:.3g}" for v in np.percentile(values, [2, 16, 50, 84, 98]))
        lines.append(f"| {name} | {cells} |")
    return [*lines, ""]


def transients_table(root: Path, config: StudyConfig) -> list[tuple[str, list[float]]]:
    """Percentiles of transient magnitudes and host redshifts of both strata."""
    rows = np.concatenate(
        [np.asarray(f.load("transients")) for s in ISOLATED for f in fields(root, config, s)]
    )
    out = []
    for name, stratum in (("nearby", NEARBY), ("deep", DEEP)):
        mine = rows[(rows["stratum"] == stratum) & (rows["kind"] == ON_GALAXY)]
        values = [np.percentile(mine[c], [5, 50, 95]) for c in ("transient_r", "host_z")]
        out.append((name, [float(v) for v in np.concatenate(values)]))
    return out


def write_page(docs: Path, root: Path, config: StudyConfig, scotch: Path | None) -> Path:
    """Compare, draw, and write ``reference_model_simulation.md``."""
    found = comparisons(root, config, scotch)
    counts = measured_counts(root, config)
    draw_comparisons(docs / PICTURE, found, counts)
    table = percentile_table(root, config)
    beside, grouped = company(root, config), company(root, config, ("clustered",))
    faint = counts[0] >= 20
    dex = float(np.abs(np.log10(counts[1][faint] / counts[2][faint])).max())

    def row(name: str, values: list[float], digits: int = 2) -> str:
        return f"| {name} | " + " | ".join(f"{v:.{digits}f}" for v in values) + " |"

    lines = [
        "# The simulated sky against the measured one",
        "",
        f"Data set `{config.name}`, version {DATA_VERSION}, seed {config.seed}. Everything called "
        "simulated on this page comes from it. " + _size(root, config) + " Made by",
        "",
        "    python -m reference_model pages --scotch scotch_host_data.fits",
        "",
        f"![Distributions]({PICTURE})",
        "",
        "## Distances between the distributions",
        "",
        "KS is the largest difference of the cumulative shares, W the earth mover's distance in "
        "the quantity's own unit (dex for logarithms). Samples known by percentiles only are "
        "compared inside the outermost percentiles.",
        "",
        "| quantity | reference | simulated n | KS | W |",
        "|---|---|---|---|---|",
        *(
            f"| {c.name} | {c.reference} | {c.simulated.size} | {c.ks:.3f} | {c.wasserstein:.3f} |"
            for c in found
        ),
        f"| number counts, 20 < i < 27 | LSST Science Book | | | at most {dex:.3f} dex off |",
        "",
        "## Offsets of the nearby stratum (arcsec)",
        "",
        "| sample | 5 % | 16 % | 50 % | 84 % | 95 % | 99 % |",
        "|---|---|---|---|---|---|---|",
        row(f"simulated (n = {int(table['n'][0])})", table["offset"]),
        row("DEBASS (n = 431)", list(DEBASS_OFFSETS)),
        row("Foundation (n = 164)", list(FOUNDATION_OFFSETS)),
        "",
        '| sample | > 3" | > 24" | > 48" | dDLR 50 % | 84 % | 95 % | median z |',
        "|---|---|---|---|---|---|---|---|",
        row("simulated", [*table["beyond"], *table["ddlr"], table["z_median"][0]], 3),
        "| DEBASS | 0.66 | 0.081 | 0.021 | 1.27 | 2.51 | 4.09 | 0.042 |",
        "| Foundation | 0.76 | 0.085 | 0.043 | 1.41 | 2.67 | 4.23 | 0.031 |",
        "",
        "## Company of the nearby hosts",
        "",
        f"{100 * beside.simulated:.1f} % of the nearby transients (n = {beside.n}) have a galaxy "
        f'brighter than their host within {HALF_BOX:g}" on each axis; the number counts alone '
        f"give {100 * beside.counted:.1f} % at random places. Placed hosts stand at least "
        f'{config.separation:g}" apart. In the clustered test set, whose hosts stand in groups of '
        f"{GROUP}, {100 * grouped.simulated:.1f} % have one (n = {grouped.n}): a sky that is "
        "harder than any survey's.",
        "",
        *looks_table(root, config),
        "## Transients",
        "",
        "Their magnitudes are those of supernovae of seven types at the host's redshift "
        "(`reference_model/sky/transients.py`: volumetric shares, luminosity functions, rise and "
        "decline, each with its source), at a random phase, among those that a survey of the "
        "view's depth detects. In looks of other surveys a transient counts as often in training "
        "as such a survey finds one at its redshift.",
        "",
        "| stratum | r 5 % | 50 % | 95 % | host z 5 % | 50 % | 95 % |",
        "|---|---|---|---|---|---|---|",
        *(row(name, values) for name, values in transients_table(root, config)),
        "",
        "## How it is made, and what is simplified",
        "",
        "- Hosts and positions come from published relations (`reference_model/sky`, each constant "
        "with its source); nearby pairs are then kept with a probability that is a function of "
        "their offset times a function of their dDLR, fitted so that both follow the pooled DEBASS "
        "and Foundation percentiles. Their redshifts are not matched: they are a check.",
        "- Number counts are drawn from the formula they are compared with: that line checks the "
        "code, not the sky. Sizes, redshifts and offsets of the deep stratum are predictions.",
        "- The strata have fields of their own. Those of the deep stratum hold no galaxy that was "
        "placed: their counts are the sky's. Those of the nearby stratum hold "
        f"{config.nearby_hosts} placed hosts each, with {config.per_host} transients on every one. "
        "Between z = 0.1 and 0.2 a field has few galaxies, which hold 12 % of the deep "
        "transients.",
        "- One band (r). Galaxies fainter than r = 21.8 share GalSim profiles within a split "
        "(several thousand, flipped eight ways); brighter ones and all nearby hosts are drawn one "
        "by one, with knots along spiral arms.",
        '- A scene is drawn once through 0.5" seeing; each observation is an exact change of PSF '
        "and pixel of it (Kolmogorov or Moffat, elliptical). LSST's two have 0.2\" pixels, "
        '0.6-1.1" seeing and sky, source and read noise of one 30 s visit or of a coadd of 3, 8, '
        "20, 60 or 150; their noise is white and no sky is left. Looks of other surveys are those "
        "of the table above: half have noise correlated by a Gaussian, all have sky left, each is "
        "turned or mirrored in one of eight ways.",
        "- Saturated pixels are masked, with bleed trails in visits; a quarter of the fields have "
        "a strip without data. No galaxy clustering, no lensing, no diffraction spikes, no "
        "asteroids.",
        "- dDLR is measured in half-light axes and divided by 1.03 to stand for SExtractor's rms "
        "axes; SExtractor truncates at an isophote, which this does not.",
        "",
    ]
    path = docs / "reference_model_simulation.md"
    path.write_text("\n".join(lines))
    return path
