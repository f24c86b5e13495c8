"""Galaxy tables: the field's own galaxies, and the nearby hosts.

A table is a structured array with one row per galaxy; positions are filled in
by the scene.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from reference_model.sky import relations as rel

Table = NDArray[Any]

#: One galaxy.  x, y: parent-image pixels; flux: nJy in r; sizes: half-light
#: semi-major axes in arcsec; angles: degrees from +x towards +y.
GALAXY = np.dtype(
    [
        ("x", "f8"), ("y", "f8"), ("r_mag", "f4"), ("i_mag", "f4"), ("flux", "f4"),
        ("z", "f4"), ("log_mass", "f4"), ("red", "?"), ("nearby", "?"), ("atlas", "i4"),
        ("bulge_fraction", "f4"), ("bulge_n", "f4"), ("bulge_re", "f4"), ("bulge_q", "f4"),
        ("disk_re", "f4"), ("disk_q", "f4"), ("angle", "f4"),
        ("knot_fraction", "f4"), ("pitch", "f4"), ("re", "f4"), ("q", "f4"), ("seed", "u4"),
    ]
)  # fmt: skip

#: Faintest galaxy drawn, i mag: beyond the deepest coadd's 5-sigma limit.
FAINTEST = 27.2
#: Knots hold this share of the light of a star-forming disk at most; clumps
#: carry 10-20 % of the light of such disks (Guo et al. 2015, ApJ 800, 39).
MAX_KNOT_FRACTION = 0.20
#: Pitch angles of spiral arms in degrees: Kennicutt 1981 (AJ 86, 1847).
PITCH_RANGE = (8.0, 25.0)
#: Largest half-light semi-major axis, arcsec; the 25 mag isophote of an
#: exponential disk lies near 2 R_e, so that a host is at most 90" across.
LARGEST_RE = 22.0


def _shapes(rng: np.random.Generator, table: Table, size: NDArray[np.float64]) -> None:
    """Fill in components; `size` is the half-light semi-major axis in arcsec."""
    n = table.shape[0]
    red, logm = table["red"], table["log_mass"].astype(float)
    fraction = rel.draw_bulge_fraction(rng, logm, red)
    fraction[fraction < 0.03] = 0.0
    fraction[fraction > 0.9] = 1.0
    ratio = np.clip(rng.normal(rel.BULGE_TO_SCALE, rel.BULGE_TO_SCALE_SCATTER, n), 0.08, 0.5)
    # Bulges of passive disks are larger: close to the disk's own half-light size.
    bulge_to_disk = np.where(red, rng.uniform(0.3, 0.9, n), ratio / rel.EXP_HALF_LIGHT)
    disk = np.ones(n)
    bulge = np.where(fraction == 1.0, 1.0, bulge_to_disk)
    table["bulge_fraction"] = fraction
    table["bulge_n"] = rel.draw_bulge_index(rng, red)
    table["disk_q"] = rel.draw_disk_ratio(rng, n)
    table["bulge_q"] = np.maximum(rel.draw_spheroid_ratio(rng, n), table["disk_q"])
    only = fraction == 1.0
    table["bulge_q"][only] = rel.draw_spheroid_ratio(rng, int(only.sum()))
    half = half_light_radius(fraction, table["bulge_n"].astype(float), bulge, disk)
    table["bulge_re"] = size * bulge / half
    table["disk_re"] = size * disk / half
    table["re"] = size
    table["q"] = np.where(
        only, table["bulge_q"], fraction * table["bulge_q"] + (1 - fraction) * table["disk_q"]
    )
    table["angle"] = rng.uniform(0.0, 180.0, n)
    blue_disk = ~red & (fraction < 0.6)
    table["knot_fraction"] = np.where(blue_disk, rng.uniform(0.0, MAX_KNOT_FRACTION, n), 0.0)
    table["pitch"] = rng.uniform(*PITCH_RANGE, n)
    table["seed"] = rng.integers(0, 2**32, n, dtype=np.uint32)
    table["atlas"] = -1


def sersic_b(n: NDArray[np.float64]) -> NDArray[np.float64]:
    """b_n of the Sersic profile: Ciotti & Bertin 1999 (A&A 352, 447) eq. 18."""
    return 2.0 * n - 1.0 / 3.0 + 4.0 / (405.0 * n) + 46.0 / (25515.0 * n**2)


def half_light_radius(
    fraction: NDArray[np.float64],
    bulge_n: NDArray[np.float64],
    bulge_re: NDArray[np.float64],
    disk_re: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Half-light radius of bulge plus exponential disk, by bisection."""
    from scipy.special import gammainc

    low = np.minimum(bulge_re, disk_re) * 0.5
    high = np.maximum(bulge_re, disk_re) * 1.5
    b, b_disk = sersic_b(bulge_n), sersic_b(np.ones_like(bulge_n))
    for _ in range(40):
        mid = 0.5 * (low + high)
        light = fraction * gammainc(2 * bulge_n, b * (mid / bulge_re) ** (1 / bulge_n))
        light = light + (1 - fraction) * gammainc(2.0, b_disk * mid / disk_re)
        low, high = np.where(light < 0.5, mid, low), np.where(light < 0.5, high, mid)
    return 0.5 * (low + high)


def _colours(
    rng: np.random.Generator, mean_and_scatter: tuple[float, float], n: int
) -> NDArray[np.float64]:
    return rng.normal(mean_and_scatter[0], mean_and_scatter[1], n)


def draw_field_galaxies(rng: np.random.Generator, area_arcmin2: float) -> Table:
    """The galaxies of a random patch of sky, without positions."""
    i_mag = rel.draw_field_magnitudes(rng, area_arcmin2, FAINTEST)
    n = i_mag.shape[0]
    table = np.zeros(n, GALAXY)
    z = rel.draw_field_redshifts(rng, i_mag)
    # No K correction for blue galaxies (f_nu close to 1/nu), 1.5 z for red
    # ones up to z = 1: the slopes of Chilingarian et al. 2010, MNRAS 405, 1409.
    blue_mass = rel.log_mass(i_mag - rel.distance_modulus(z), _colours(rng, rel.BLUE_G_I, n))
    red_mass = rel.log_mass(
        i_mag - rel.distance_modulus(z) - 1.5 * np.minimum(z, 1.0), _colours(rng, rel.RED_G_I, n)
    )
    # Passive galaxies fade from the mix beyond z of about 1 (Muzzin et al. 2013, ApJ 777, 18).
    chance = rel.quenched_fraction(blue_mass) * np.clip(1.3 - 0.5 * z, 0.0, 1.0)
    red = rng.uniform(size=n) < chance
    table["i_mag"], table["z"], table["red"] = i_mag, z, red
    table["log_mass"] = np.clip(np.where(red, red_mass, blue_mass), 6.5, 12.0)
    table["r_mag"] = (
        i_mag + np.where(z < 0.2, rel.R_I_NEARBY, rel.R_I_FAINT) + (rng.normal(0.0, 0.15, n))
    )
    table["flux"] = rel.to_njy(table["r_mag"])
    kpc = rel.draw_size_kpc(rng, table["log_mass"].astype(float), z, red)
    _shapes(rng, table, np.clip(kpc / rel.kpc_per_arcsec(z), 0.03, LARGEST_RE))
    return table


#: Redshifts of the nearby survey before its offsets are matched: log-normal.
NEARBY_Z_MEDIAN, NEARBY_Z_SIGMA, NEARBY_Z_RANGE = 0.040, 0.55, (0.004, 0.1)
#: Supernova rate per galaxy against its stellar mass: rate ~ M**0.68 (Smith et
#: al. 2012, ApJ 755, 61); used for both strata.
RATE_SLOPE = 0.68


def draw_nearby_hosts(rng: np.random.Generator, n: int) -> Table:
    """Hosts of supernovae within z < 0.1, without positions."""
    table = np.zeros(n, GALAXY)
    z = np.exp(rng.normal(np.log(NEARBY_Z_MEDIAN), NEARBY_Z_SIGMA, n))
    z = np.where((z < NEARBY_Z_RANGE[0]) | (z > NEARBY_Z_RANGE[1]), rng.uniform(0.01, 0.1, n), z)
    absolute_r = rel.draw_host_luminosity(rng, n, RATE_SLOPE)
    absolute_i = absolute_r - rel.R_I_NEARBY
    blue_mass = rel.log_mass(absolute_i, _colours(rng, rel.BLUE_G_I, n))
    red_mass = rel.log_mass(absolute_i, _colours(rng, rel.RED_G_I, n))
    red = rng.uniform(size=n) < rel.quenched_fraction(blue_mass)
    table["z"], table["red"], table["nearby"] = z, red, True
    table["log_mass"] = np.clip(np.where(red, red_mass, blue_mass), 6.5, 12.0)
    table["r_mag"] = absolute_r + rel.distance_modulus(z)
    table["i_mag"] = table["r_mag"] - rel.R_I_NEARBY
    table["flux"] = rel.to_njy(table["r_mag"])
    kpc = rel.draw_size_nearby_kpc(rng, table["log_mass"].astype(float), red)
    _shapes(rng, table, np.clip(kpc / rel.kpc_per_arcsec(z), 0.3, LARGEST_RE))
    return table
