"""The simulation against what was measured: distances between distributions."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import ks_2samp, norm, wasserstein_distance

from reference_model.config import ISOLATED, StudyConfig
from reference_model.scenes.dataset import fields
from reference_model.scenes.place import DEEP, NEARBY, ON_GALAXY
from reference_model.scenes.render import SCALE
from reference_model.sky.positions import (
    DDLR_FRACTIONS,
    DEBASS_DDLR,
    DEBASS_OFFSETS,
    FOUNDATION_DDLR,
    FOUNDATION_OFFSETS,
    OFFSET_FRACTIONS,
    RMS_AXIS,
    offset_cdf,
)
from reference_model.sky.relations import cumulative_counts

Floats = NDArray[np.float64]

DDLR = {"DEBASS": DEBASS_DDLR, "Foundation": FOUNDATION_DDLR}


@dataclass(frozen=True)
class Comparison:
    """One quantity, simulated and measured.

    Attributes
    ----------
    name, reference : str
    simulated, measured : ndarray
        Samples (measured ones drawn from percentiles where no table exists).
    ks : float
        Largest difference of the cumulative distributions.
    wasserstein : float
        Earth mover's distance, in the quantity's unit (dex for logarithms).
    """

    name: str
    reference: str
    simulated: Floats
    measured: Floats
    ks: float
    wasserstein: float


def compare(name: str, reference: str, simulated: Floats, measured: Floats) -> Comparison:
    """Distances between two samples."""
    simulated, measured = simulated[np.isfinite(simulated)], measured[np.isfinite(measured)]
    return Comparison(
        name, reference, simulated, measured,
        float(ks_2samp(simulated, measured).statistic),
        float(wasserstein_distance(simulated, measured)),
    )  # fmt: skip


def sample_percentiles(fractions: Floats, values: Floats, n: int = 4000) -> Floats:
    """Even quantiles of a distribution known by percentiles, log-values over probits."""
    u = (np.arange(n) + 0.5) / n
    u = u[(u >= fractions[0]) & (u <= fractions[-1])]
    return np.asarray(np.interp(norm.ppf(u), norm.ppf(fractions), np.log10(values)))


def read_scotch(path: Path) -> dict[str, Floats]:
    """Columns of the SCOTCH host table.

    Parameters
    ----------
    path : Path
        ``scotch_host_data.fits``.
    """
    from astropy.table import Table

    table = Table.read(path)
    take = {k: np.asarray(table[k], dtype=float) for k in ("sep", "mag_r_host", "z_host", "a0",
                                                           "a1", "w0", "w1", "e0")}  # fmt: skip
    # Half-light size of the brighter component; the table gives both.
    take["size"] = np.where(take["w0"] >= take["w1"], take["a0"], take["a1"])
    return take


def in_light_radii(rows: NDArray[Any]) -> Floats:
    """The dDLR in SExtractor's axes: half-light ones times an exponential disk's rms."""
    return np.asarray(rows["ddlr"] / RMS_AXIS, dtype=float)


def comparisons(root: Path, config: StudyConfig, scotch: Path | None) -> list[Comparison]:
    """Everything that can be compared; without the SCOTCH table, the nearby stratum."""
    rows = np.concatenate(
        [np.asarray(f.load("transients")) for s in ISOLATED for f in fields(root, config, s)]
    )
    rows = rows[rows["kind"] == ON_GALAXY]
    near, deep = rows[rows["stratum"] == NEARBY], rows[rows["stratum"] == DEEP]
    out = []
    for name, offsets in (("DEBASS", DEBASS_OFFSETS), ("Foundation", FOUNDATION_OFFSETS)):
        measured = sample_percentiles(OFFSET_FRACTIONS, offsets)
        inside = near["offset"][(near["offset"] >= offsets[0]) & (near["offset"] <= offsets[-1])]
        out.append(compare("nearby: log10 offset (arcsec), 5-99 %", name,
                           np.log10(inside.astype(float)), measured))  # fmt: skip
        ddlr = in_light_radii(near)
        measured = sample_percentiles(DDLR_FRACTIONS, DDLR[name])
        low, high = np.percentile(ddlr, [50, 95])
        kept = ddlr[(ddlr >= low) & (ddlr <= high)]
        out.append(compare("nearby: log10 dDLR, 50-95 %", name, np.log10(kept), measured))
    if scotch is not None:
        table = read_scotch(scotch)
        pairs = {
            "deep: host r (mag)": (deep["host_r"], table["mag_r_host"][table["mag_r_host"] < 30]),
            "deep: host redshift": (deep["host_z"], table["z_host"]),
            "deep: log10 offset (arcsec)": (np.log10(deep["offset"]), np.log10(table["sep"])),
            "deep: log10 R_e (arcsec)": (np.log10(deep["host_re"]), np.log10(table["size"])),
        }
        for name, (mine, theirs) in pairs.items():
            out.append(compare(name, "SCOTCH", mine.astype(float), theirs))
    return out


def measured_counts(root: Path, config: StudyConfig) -> tuple[Floats, Floats, Floats]:
    """Magnitudes in i, simulated and published cumulative counts per square arcminute."""
    grid = np.arange(18.0, 27.01, 0.5)
    total, area = np.zeros(grid.size), 0.0
    for split in ISOLATED:
        for field in fields(root, config, split):
            table = np.asarray(field.load("galaxies"))
            own = table[~table["nearby"]]
            inside = (own["x"] >= 0) & (own["x"] < config.size)
            inside &= (own["y"] >= 0) & (own["y"] < config.size)
            total += np.searchsorted(np.sort(own["i_mag"][inside]), grid)
            area += (config.size * SCALE / 60.0) ** 2
    return grid, total / area, cumulative_counts(grid) - cumulative_counts(np.array(16.0))


def percentile_table(root: Path, config: StudyConfig) -> dict[str, list[float]]:
    """Offset percentiles (5, 16, 50, 84, 95, 99) and shares beyond 3, 24 and 48 arcsec."""
    rows = np.concatenate(
        [np.asarray(f.load("transients")) for s in ISOLATED for f in fields(root, config, s)]
    )
    near = rows[(rows["kind"] == ON_GALAXY) & (rows["stratum"] == NEARBY)]
    offset = near["offset"].astype(float)
    shares = [float((offset > r).mean()) for r in (3.0, 24.0, 48.0)]
    return {
        "offset": [float(v) for v in np.percentile(offset, 100 * OFFSET_FRACTIONS)],
        "beyond": shares,
        "target": [float(v) for v in 1.0 - offset_cdf(np.array([3.0, 24.0, 48.0]))],
        "ddlr": [float(v) for v in np.percentile(in_light_radii(near), [50, 84, 95])],
        "z_median": [float(np.median(near["host_z"]))],
        "n": [float(near.size)],
    }
