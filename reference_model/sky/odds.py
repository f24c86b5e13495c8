"""How much the brightness of a transient says about its host's distance.

By Bayes' rule the odds of a transient within z < 0.1 are the ratio of how many supernovae of
its magnitude the sky holds on either side. They are counted over types, phases and volume, with
luminosities and light curves of `reference_model.sky.transients`, and written beside the weights
as a small table. All transients count as supernovae.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from reference_model.sky.relations import distance_modulus
from reference_model.sky.transients import KINDS, LAST_DAY, Kind, apparent, below_peak

Floats = NDArray[np.float64]

#: Nearest and farthest redshift that are counted, and the one that parts the strata.
NEAREST_Z, NEAR_Z, LAST_Z = 1e-3, 0.1, 3.0
#: The stream whose share of nearby hosts is known: alerts of LSST, down to a visit's depth.
LIMIT = 24.5
#: Magnitudes (AB, r) of the table.
MAGNITUDES = np.arange(13.0, 26.01, 0.5)
#: Ages of the table: days since the first detection, which a supernova is at least old.
AGES = (0.0, 15.0, 30.0, 45.0, 60.0, 75.0)
#: Effective wavelengths of LSST's bands, nm (Ivezic et al. 2019, ApJ 873, 111, table 1).
WAVELENGTHS = {"u": 368.0, "g": 480.2, "r": 623.1, "i": 754.2, "z": 869.0, "y": 973.6}
#: Temperature (K) of the black body whose colours stand for the mean ones of a supernova in the
#: weeks around its peak.
TEMPERATURE = 8000.0
#: h c / k in nm K (CODATA).
SECOND_RADIATION = 1.438776877e7


def rate(name: str, z: Floats) -> Floats:
    """Supernovae of a type in a comoving volume and a time at rest, over those at z = 0.

    Ia: Kessler et al. 2019 (PASP 131, 094501), from Dilday et al. 2008 and Hounsell et al.
    2018. Others follow star formation: Madau & Dickinson 2014 (ARA&A 52, 415), eq. 15.
    """
    z = np.asarray(z, dtype=float)
    if name == "Ia":
        return np.where(z < 1.0, (1.0 + z) ** 1.5, 2.0**1.5 * ((1.0 + z) / 2.0) ** -0.5)
    young = (1.0 + z) ** 2.7 / (1.0 + ((1.0 + z) / 2.9) ** 5.6)
    return np.asarray(young * (1.0 + (1.0 / 2.9) ** 5.6))


def volume(z: Floats) -> Floats:
    """Comoving volume of the whole sky within z, Mpc**3, in the study's flat cosmology."""
    distance = 10.0 ** (0.2 * distance_modulus(z) - 5.0) / (1.0 + z)
    return np.asarray(4.0 / 3.0 * np.pi * distance**3)


def colour(band: str) -> float:
    """Magnitude in a band minus magnitude in r: of a black body of `TEMPERATURE`, AB."""
    blue, red = (_planck(WAVELENGTHS[name]) for name in (band, "r"))
    return float(-2.5 * np.log10(blue / red))


def _planck(wavelength: float) -> float:
    """Planck's law in f_nu, up to a factor."""
    return float(wavelength**-3 / np.expm1(SECOND_RADIATION / (wavelength * TEMPERATURE)))


def counted(
    magnitudes: Floats, age: float = 0.0, z_range: tuple[float, float] = (NEAREST_Z, LAST_Z)
) -> Floats:
    """Supernovae on the sky per magnitude, at magnitudes and of an age at least, up to a factor.

    At any moment those at some phase are as many as their volume and rate at rest make, since
    dilation of the time between explosions and of the time they last cancel.

    Parameters
    ----------
    magnitudes : ndarray
        Apparent, AB, r.
    age : float
        Observed days since the explosion, at least.
    z_range : tuple of float
    """
    edges = np.geomspace(*z_range, 121)
    z = np.sqrt(edges[1:] * edges[:-1])
    shell = np.diff(volume(edges))
    out = np.zeros(np.shape(magnitudes))
    for name, kind in KINDS.items():
        weight = kind.share * rate(name, z) * shell
        days, step = _phases(kind)
        old = (days + kind.rise) * (1.0 + z[:, None]) >= age
        middle = apparent(kind.peak + below_peak(kind, days), z[:, None])
        away = (np.asarray(magnitudes)[:, None, None] - middle) / kind.scatter
        density = np.exp(-0.5 * away**2) / (kind.scatter * np.sqrt(2.0 * np.pi))
        out += np.einsum("mzd,zd->m", density, old * weight[:, None]) * step
    return out


def _phases(kind: Kind) -> tuple[Floats, float]:
    count = 60
    step = (kind.rise + LAST_DAY) / count
    return np.asarray(-kind.rise + step * (np.arange(count) + 0.5), dtype=np.float64), step


def log_odds(magnitudes: Floats, age: float = 0.0) -> Floats:
    """Natural log of the odds of z < `NEAR_Z` that volumes and rates give at magnitudes."""
    near = counted(magnitudes, age, (NEAREST_Z, NEAR_Z))
    deep = counted(magnitudes, age, (NEAR_Z, LAST_Z))
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(near) - np.log(deep))


def nearby_share(limit: float = LIMIT) -> float:
    """Share of z < `NEAR_Z` among the supernovae brighter than a limit."""
    grid = np.arange(8.0, limit, 0.05) + 0.025
    near, every = counted(grid, 0.0, (NEAREST_Z, NEAR_Z)).sum(), counted(grid).sum()
    return float(near / every)


def nearby_table() -> dict[str, Any]:
    """The odds as they stand beside the weights; `hstamp.hosts.nearby` reads them.

    Returns
    -------
    dict
        ``magnitudes`` (AB, r), ``ages`` (days since the first detection, from which a row
        holds), ``log_odds`` (a row for each age), ``colours`` (magnitude in each band minus that
        in r), and the ``share`` of all transients down to ``limit`` that these odds make nearby.
    """
    return {
        "share": round(nearby_share(), 5),
        "limit": LIMIT,
        "magnitudes": MAGNITUDES.tolist(),
        "ages": list(AGES),
        "log_odds": [[round(float(v), 3) for v in log_odds(MAGNITUDES, age)] for age in AGES],
        "colours": {band: round(colour(band), 3) for band in WAVELENGTHS},
    }
