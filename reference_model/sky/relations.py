"""Published relations of the galaxy and star populations, each with its source.

Every function is pure; random draws take a generator.  Magnitudes are AB,
masses are log10 of solar masses, sizes are half-light semi-major axes.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

#: AB magnitude of 1 nJy.
ZERO_POINT_NJY = 31.4


@lru_cache(maxsize=1)
def _distance_table() -> tuple[Floats, Floats, Floats]:
    from astropy.cosmology import FlatLambdaCDM

    # Planck Collaboration 2020 (A&A 641, A6), rounded.
    cosmo = FlatLambdaCDM(H0=67.7, Om0=0.31)
    z = np.concatenate([np.geomspace(1e-3, 0.1, 100), np.linspace(0.105, 6.5, 500)])
    modulus = np.asarray(cosmo.distmod(z).value)
    kpc = np.asarray(cosmo.kpc_proper_per_arcmin(z).value) / 60.0
    return z, modulus, kpc


def distance_modulus(z: Floats) -> Floats:
    """Distance modulus in mag of a flat LCDM cosmology (H0 67.7, Om 0.31)."""
    table, modulus, _ = _distance_table()
    return np.interp(np.log(z), np.log(table), modulus)


def kpc_per_arcsec(z: Floats) -> Floats:
    """Proper kpc per arcsec at redshift z."""
    table, _, kpc = _distance_table()
    return np.exp(np.interp(np.log(z), np.log(table), np.log(kpc)))


def to_njy(mag: Floats) -> Floats:
    """AB magnitude to nJy."""
    return np.power(10.0, 0.4 * (ZERO_POINT_NJY - np.asarray(mag)))


# --------------------------------------------------------------------------
# Counts and redshifts of field galaxies


#: LSST Science Book (arXiv:0912.0201) eq. 3.7: galaxies per arcmin^2 brighter
#: than i, N = 46 * 10**(0.31 (i - 25)).
COUNTS_AT_25, COUNTS_SLOPE = 46.0, 0.31
#: Brighter than this the counts steepen towards the Euclidean 0.6; 0.5 joins
#: the formula to the SDSS counts (Yasuda et al. 2001, AJ 122, 1104).
COUNTS_BREAK, COUNTS_BRIGHT_SLOPE = 21.0, 0.50


def cumulative_counts(i_mag: Floats) -> Floats:
    """Galaxies per square arcminute brighter than an i magnitude."""
    mag = np.asarray(i_mag, dtype=float)
    faint = COUNTS_AT_25 * 10.0 ** (COUNTS_SLOPE * (mag - 25.0))
    at_break = COUNTS_AT_25 * 10.0 ** (COUNTS_SLOPE * (COUNTS_BREAK - 25.0))
    bright = at_break * 10.0 ** (COUNTS_BRIGHT_SLOPE * (mag - COUNTS_BREAK))
    return np.where(mag > COUNTS_BREAK, faint, bright)


def draw_field_magnitudes(rng: np.random.Generator, area_arcmin2: float, faintest: float) -> Floats:
    """Magnitudes in i of a Poisson number of field galaxies, 16 to `faintest`."""
    grid = np.linspace(16.0, faintest, 400)
    counts = cumulative_counts(grid)
    n = int(rng.poisson((counts[-1] - counts[0]) * area_arcmin2))
    u = rng.uniform(counts[0], counts[-1], n)
    return np.interp(u, counts, grid)


def draw_field_redshifts(rng: np.random.Generator, i_mag: Floats) -> Floats:
    """Redshifts given i: LSST Science Book eq. 3.8.

    p(z) = z^2 exp(-z/z0) / (2 z0^3) with z0 = 0.0417 i - 0.744, stated for
    20.5 < i < 25; brighter, z0 scales as a distance (10**(0.2 i)), fainter it
    is continued.
    """
    z0 = 0.0417 * i_mag - 0.744
    edge = 0.0417 * 20.5 - 0.744
    z0 = np.where(i_mag < 20.5, edge * 10.0 ** (0.2 * (i_mag - 20.5)), z0)
    return np.clip(rng.gamma(3.0, z0), 0.02, 6.0)


# --------------------------------------------------------------------------
# Luminosity, mass, type


#: Blanton et al. 2003 (ApJ 592, 819), r band at z = 0.1: Schechter
#: M* - 5 log h = -20.44, alpha = -1.05.
SCHECHTER_MSTAR_H1, SCHECHTER_ALPHA = -20.44, -1.05


def draw_host_luminosity(
    rng: np.random.Generator, n: int, rate_slope: float, faintest: float = -14.0
) -> Floats:
    """Absolute r magnitudes of supernova hosts.

    Schechter function times L**rate_slope: the rate per galaxy grows slower
    than its mass (`reference_model.sky.galaxies.RATE_SLOPE`).
    """
    mstar = SCHECHTER_MSTAR_H1 + 5.0 * np.log10(0.677)
    mag = np.linspace(-24.0, faintest, 1000)
    lum = 10.0 ** (-0.4 * (mag - mstar))
    density = lum ** (SCHECHTER_ALPHA + 1.0 + rate_slope) * np.exp(-lum)
    cdf = np.cumsum(density)
    return np.interp(rng.uniform(0, cdf[-1], n), cdf, mag)


def log_mass(absolute_i: Floats, g_minus_i: Floats) -> Floats:
    """Stellar mass: Taylor et al. 2011 (MNRAS 418, 1587) eq. 8."""
    return 1.15 + 0.70 * g_minus_i - 0.4 * absolute_i


#: Rest-frame g - i of blue and red galaxies (mean, scatter); Taylor et al.
#: 2011 fig. 6, read off.
BLUE_G_I, RED_G_I = (0.60, 0.18), (1.10, 0.08)
#: r - i of a galaxy: rest-frame typical (Fukugita et al. 1995, PASP 107, 945,
#: table 3, Sbc) and observed for faint galaxies (median of the SCOTCH hosts).
R_I_NEARBY, R_I_FAINT = 0.25, 0.50


def quenched_fraction(logm: Floats) -> Floats:
    """Fraction of passive galaxies by mass: Peng et al. 2010 (ApJ 721, 193) eq. 8."""
    return 1.0 - np.exp(-((10.0 ** (logm - 10.56)) ** 0.80))


# --------------------------------------------------------------------------
# Sizes and shapes


def draw_size_nearby_kpc(rng: np.random.Generator, logm: Floats, red: NDArray[np.bool_]) -> Floats:
    """Half-light radii in kpc: Shen et al. 2003 (MNRAS 343, 978) eqs. 17-19.

    Late: 0.1 M**0.14 (1 + M/3.98e10)**0.25; early: 2.88e-6 M**0.56 above
    2e10, flat below it; scatter in ln R from 0.47 (small) to 0.34 (massive).
    """
    mass = 10.0**logm
    late = 0.1 * mass**0.14 * (1.0 + mass / 3.98e10) ** 0.25
    early = 2.88e-6 * np.maximum(mass, 2e10) ** 0.56 * np.minimum(mass / 2e10, 1.0) ** 0.2
    sigma = 0.34 + (0.47 - 0.34) / (1.0 + (mass / 3.98e10) ** 2)
    return np.where(red, early, late) * np.exp(sigma * rng.standard_normal(logm.shape))


def draw_size_kpc(
    rng: np.random.Generator, logm: Floats, z: Floats, red: NDArray[np.bool_]
) -> Floats:
    """Half-light semi-major axes in kpc: van der Wel et al. 2014 (ApJ 788, 28).

    Late 8.9 (1+z)**-0.75 (M/5e10)**0.22, scatter 0.18 dex; early
    5.6 (1+z)**-1.48 (M/5e10)**0.75 (flat in mass below 2e10), scatter 0.14 dex.
    """
    scaled = logm - np.log10(5e10)
    late = 8.9 * (1.0 + z) ** -0.75 * 10.0 ** (0.22 * scaled)
    early = 5.6 * (1.0 + z) ** -1.48 * 10.0 ** (0.75 * np.maximum(scaled, -0.4))
    sigma = np.where(red, 0.14, 0.18)
    size = np.where(red, early, late) * 10.0 ** (sigma * rng.standard_normal(logm.shape))
    return np.asarray(size)


#: Intrinsic thickness of disks: Unterborn & Ryden 2008 (ApJ 687, 976).
DISK_THICKNESS, DISK_THICKNESS_SCATTER = 0.22, 0.06
#: Bulge effective radius over disk scale length: MacArthur, Courteau &
#: Holtzman 2003 (ApJ 582, 689), 0.22 with a scatter of 0.09.
BULGE_TO_SCALE, BULGE_TO_SCALE_SCATTER = 0.22, 0.09
#: Half-light radius of an exponential disk in scale lengths.
EXP_HALF_LIGHT = 1.6783


def draw_disk_ratio(rng: np.random.Generator, n: int) -> Floats:
    """Apparent axis ratios of randomly oriented disks of finite thickness."""
    q0 = np.clip(rng.normal(DISK_THICKNESS, DISK_THICKNESS_SCATTER, n), 0.08, 0.45)
    cos_i = rng.uniform(0.0, 1.0, n)
    return np.sqrt(cos_i**2 + q0**2 * (1.0 - cos_i**2))


def draw_spheroid_ratio(rng: np.random.Generator, n: int) -> Floats:
    """Apparent axis ratios of spheroids: mean 0.75 (Padilla & Strauss 2008, MNRAS 388, 1321)."""
    return np.clip(rng.normal(0.75, 0.14, n), 0.35, 1.0)


def draw_bulge_fraction(rng: np.random.Generator, logm: Floats, red: NDArray[np.bool_]) -> Floats:
    """Bulge-to-total light ratios.

    Spirals: two thirds have B/T < 0.2 (Weinzirl et al. 2009, ApJ 696, 411),
    below 10**9.5 nearly none has a bulge; passive galaxies: 0.4 to 1.
    """
    n = logm.shape[0]
    spiral = rng.beta(0.8, 4.0, n) * np.clip((logm - 8.5) / 1.5, 0.05, 1.0)
    return np.where(red, rng.beta(3.0, 1.2, n), spiral)


def draw_bulge_index(rng: np.random.Generator, red: NDArray[np.bool_]) -> Floats:
    """Sersic indices of bulges.

    Pseudo-bulges 1 to 2.5, classical ones 2 to 4 (Fisher & Drory 2008, AJ 136,
    773); in steps of one half, so that rendering can reuse its profiles.
    """
    n = red.shape[0]
    index = np.where(red, rng.uniform(2.0, 4.0, n), rng.uniform(1.0, 2.5, n))
    return np.round(2.0 * index) / 2.0


# --------------------------------------------------------------------------
# Stars


#: Stars per arcmin^2 brighter than r = 20 at the Galactic pole and the slope
#: of log10 N: Bahcall & Soneira 1980 (ApJS 44, 73) table 1, V counts at b = 90
#: (about 1,900 per square degree), flattening from 0.20 to 0.13 per mag.
STARS_AT_20, STARS_SLOPE_BRIGHT, STARS_SLOPE_FAINT = 0.53, 0.20, 0.13
#: Fields lie between the pole and |b| of about 10 degrees: a factor of 1 to 30.
STAR_DENSITY_RANGE = (1.0, 30.0)


def draw_star_magnitudes(
    rng: np.random.Generator, area_arcmin2: float, density: float, faintest: float = 27.0
) -> Floats:
    """Magnitudes in r of a Poisson number of stars, 12.5 to `faintest`."""
    grid = np.linspace(12.5, faintest, 300)
    slope = np.where(grid < 20.0, STARS_SLOPE_BRIGHT, STARS_SLOPE_FAINT)
    counts = density * STARS_AT_20 * 10.0 ** (slope * (grid - 20.0))
    n = int(rng.poisson(counts[-1] * area_arcmin2))
    return np.interp(rng.uniform(0.0, counts[-1], n), counts, grid)
