"""(d) A catalogue as a broker would query it, with its errors and gaps.

The catalogue is derived from a field's true galaxies:

- completeness falls as an error function around `HALF_COMPLETE`, the r depth
  of the DESI Legacy Surveys for a 0.45" galaxy (Dey et al. 2019, AJ 157, 168),
  and is zero near bright stars;
- positions, axes and angles scatter with the inverse of the signal-to-noise
  above a floor;
- a share of stars enters as galaxies, and a share of large galaxies is
  shredded into pieces, as automatic catalogues do.

The shares are assumptions, stated here and varied nowhere.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import erfc

from reference_model.methods.common import SOURCE, Sources
from reference_model.sky.galaxies import Table

HALF_COMPLETE, COMPLETENESS_WIDTH = 23.4, 0.5
#: Smallest positional error (arcsec) and relative size error.
POSITION_FLOOR, SIZE_FLOOR = 0.05, 0.10
#: Share of stars brighter than `HALF_COMPLETE` that are listed as galaxies.
STARS_AS_GALAXIES = 0.03
#: Galaxies with a larger half-light radius (arcsec) are shredded this often.
SHRED_RADIUS, SHRED_CHANCE = 5.0, 0.25
#: Nothing is listed within this radius (arcsec) of a star of magnitude 13;
#: the radius doubles every 2.5 magnitudes.
STAR_HALO = 15.0
#: Rms of an exponential disk along its major axis in half-light radii.
RMS_OVER_HALF_LIGHT = 1.03


def make_catalogue(seed: int, galaxies: Table, stars: Table, scale: float) -> Sources:
    """A catalogue of a field, positions in arcsec from pixel (0, 0).

    Parameters
    ----------
    seed : int
    galaxies, stars : structured array
        The field's truth.
    scale : float
        Arcsec per pixel.

    Returns
    -------
    structured array of `SOURCE`
    """
    rng = np.random.default_rng([seed, 11])
    excess = (galaxies["r_mag"].astype(float) - HALF_COMPLETE) / (np.sqrt(2) * COMPLETENESS_WIDTH)
    listed = rng.uniform(size=galaxies.size) < 0.5 * erfc(excess)
    bright = stars[stars["r_mag"] < 15.0]
    for star in bright:
        reach = STAR_HALO * 2.0 ** ((13.0 - float(star["r_mag"])) / 2.5)
        apart = np.hypot(galaxies["x"] - star["x"], galaxies["y"] - star["y"]) * scale
        listed &= apart > reach
    chosen = galaxies[listed]
    shred = (chosen["re"] > SHRED_RADIUS) & (rng.uniform(size=chosen.size) < SHRED_CHANCE)
    pieces = [_shreds(rng, row, scale) for row in chosen[shred]]
    smooth = _measure(rng, chosen, scale)
    fake = stars[(stars["r_mag"] < HALF_COMPLETE) & (stars["r_mag"] > 16.0)]
    fake = fake[rng.uniform(size=fake.size) < STARS_AS_GALAXIES]
    as_galaxies = np.zeros(fake.size, SOURCE)
    as_galaxies["x"], as_galaxies["y"] = fake["x"] * scale, fake["y"] * scale
    as_galaxies["a"] = as_galaxies["b"] = rng.uniform(0.2, 0.5, fake.size)
    as_galaxies["kron"], as_galaxies["flux"] = 1.0, fake["flux"]
    return np.concatenate([smooth, as_galaxies, *pieces])


def _measure(rng: np.random.Generator, rows: Table, scale: float) -> Sources:
    out = np.zeros(rows.size, SOURCE)
    noise = 1.0 / _snr(rows["r_mag"].astype(float))
    re, q = rows["re"].astype(float), rows["q"].astype(float)
    sigma = np.hypot(POSITION_FLOOR, noise * np.hypot(re, 0.5))
    for axis in ("x", "y"):
        out[axis] = rows[axis] * scale + sigma * rng.standard_normal(rows.size)
    a = (
        RMS_OVER_HALF_LIGHT
        * re
        * np.exp(np.hypot(SIZE_FLOOR, noise) * rng.standard_normal(rows.size))
    )
    b = a * np.clip(q + np.hypot(0.05, noise) * rng.standard_normal(rows.size), 0.1, 1.0)
    angle_error = np.hypot(0.05, noise) / np.maximum(1.0 - q, 0.1)
    out["a"], out["b"] = np.maximum(a, 0.1), np.maximum(b, 0.08)
    out["theta"] = np.deg2rad(rows["angle"].astype(float)) + angle_error * rng.standard_normal(
        rows.size
    )
    out["kron"], out["flux"] = 1.0, rows["flux"]
    return out


def _snr(r_mag: NDArray[np.float64]) -> NDArray[np.float64]:
    """Five sigma at the half-complete magnitude, capped at a hundred."""
    return np.minimum(5.0 * 10.0 ** (0.4 * (HALF_COMPLETE - r_mag)), 100.0)


def _shreds(rng: np.random.Generator, row: Table, scale: float) -> Sources:
    n = int(rng.integers(3, 7))
    out = np.zeros(n, SOURCE)
    re = float(row["re"])
    radius, phi = re * rng.uniform(0.3, 1.5, n), rng.uniform(0, 2 * np.pi, n)
    t = np.deg2rad(float(row["angle"]))
    u, v = radius * np.cos(phi), radius * np.sin(phi) * float(row["q"])
    out["x"] = float(row["x"]) * scale + u * np.cos(t) - v * np.sin(t)
    out["y"] = float(row["y"]) * scale + u * np.sin(t) + v * np.cos(t)
    out["a"] = re * rng.uniform(0.1, 0.4, n)
    out["b"] = out["a"] * rng.uniform(0.4, 1.0, n)
    out["theta"], out["kron"] = rng.uniform(0, np.pi, n), 1.0
    out["flux"] = float(row["flux"]) * rng.uniform(0.02, 0.2, n)
    return out


def around(catalogue: Sources, x: float, y: float, radius: float) -> Sources:
    """Sources within a radius (arcsec) of a point, counted from that point."""
    near = catalogue[np.hypot(catalogue["x"] - x, catalogue["y"] - y) < radius]
    out = near.copy()
    out["x"] -= x
    out["y"] -= y
    return out
