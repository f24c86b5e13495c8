"""How bright a transient is: luminosity function, light curve, distance.

Supernovae only.  What is left out: host extinction, colours (the K correction is that of a
spectrum flat in f_nu), and everything that is not a supernova.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from reference_model.sky.relations import distance_modulus

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Kind:
    """One type of supernova.

    Attributes
    ----------
    share : float
        Of all supernovae in a volume: Li et al. 2011 (MNRAS 412, 1441), figure 9.
    peak, scatter : float
        Absolute B magnitude at peak and its dispersion, free of selection: Richardson et al.
        2014 (AJ 147, 118), table 1.
    rise : float
        Days from explosion to peak.  Ia: Hayden et al. 2010 (ApJ 712, 350); Ib, Ic, IIb:
        Taddia et al. 2015 (A&A 574, A60); II: Gonzalez-Gaitan et al. 2015 (MNRAS 451, 2212).
    decline : float
        Mag per day after peak.  Ia: Phillips et al. 1999 (AJ 118, 1766), 1.1 mag in 15 days;
        Ib, Ic, IIb: Taddia et al. 2015, 0.8 in 15 days; II-P, II-L: Anderson et al. 2014
        (ApJ 786, 67), 1.3 and 3 mag in 100 days; IIn: Kiewe et al. 2012 (ApJ 744, 10).
    """

    share: float
    peak: float
    scatter: float
    rise: float
    decline: float


KINDS = {
    "Ia": Kind(0.240, -19.25, 0.50, 17.0, 0.073),
    "Ib": Kind(0.063, -17.45, 1.12, 20.0, 0.053),
    "Ic": Kind(0.127, -17.66, 1.18, 15.0, 0.053),
    "IIb": Kind(0.068, -16.99, 0.92, 20.0, 0.053),
    "IIP": Kind(0.398, -16.75, 0.98, 8.0, 0.013),
    "IIL": Kind(0.055, -17.98, 0.86, 8.0, 0.030),
    "IIn": Kind(0.049, -18.53, 1.36, 20.0, 0.015),
}

#: Days after peak, at rest, to which a transient raises alerts.
LAST_DAY = 60.0
#: How often magnitudes are drawn again for transients below the limit.
ROUNDS = 60


def below_peak(kind: Kind, day: Floats) -> Floats:
    """Magnitudes below peak at days after it, at rest.

    The flux rises with the square of the time since explosion (Riess et al. 1999, AJ 118,
    2675) and falls exponentially.
    """
    before = np.clip(1.0 + np.asarray(day) / kind.rise, 1e-2, 1.0)
    return np.where(np.asarray(day) < 0.0, -5.0 * np.log10(before), kind.decline * np.asarray(day))


def apparent(absolute: Floats, z: Floats) -> Floats:
    """Apparent AB magnitude, with the K correction of a spectrum flat in f_nu."""
    return np.asarray(absolute + distance_modulus(z) - 2.5 * np.log10(1.0 + np.asarray(z)))


def draw_magnitudes(rng: np.random.Generator, z: Floats) -> Floats:
    """Apparent magnitudes of supernovae of random type and phase at redshifts z."""
    z = np.asarray(z, dtype=float)
    share = np.array([k.share for k in KINDS.values()])
    which = rng.choice(share.size, z.size, p=share / share.sum())
    out = np.empty(z.size)
    for number, kind in enumerate(KINDS.values()):
        mine = which == number
        count = int(mine.sum())
        absolute = rng.normal(kind.peak, kind.scatter, count)
        day = rng.uniform(-kind.rise, LAST_DAY, count)
        out[mine] = apparent(absolute + below_peak(kind, day), z[mine])
    return out


@lru_cache(maxsize=1)
def _drawn() -> tuple[Floats, Floats]:
    """Redshifts, and sorted magnitudes of supernovae at each, from a seed of their own."""
    rng, z = np.random.default_rng(3), np.geomspace(0.002, 6.0, 120)
    return z, np.stack([np.sort(draw_magnitudes(rng, np.full(2000, at))) for at in z])


def detected_share(z: Floats, limit: float) -> Floats:
    """Share of the supernovae at redshifts z, of any type and phase, brighter than a limit."""
    grid, drawn = _drawn()
    share = np.array([np.searchsorted(row, limit) / row.size for row in drawn])
    return np.asarray(np.interp(np.log(z), np.log(grid), share))


def draw_detected(rng: np.random.Generator, z: Floats, limit: float) -> Floats:
    """Magnitudes of supernovae at redshifts z that a survey detects.

    Parameters
    ----------
    rng : numpy.random.Generator
    z : ndarray
    limit : float
        Faintest magnitude that raises an alert.

    Returns
    -------
    ndarray
        Where none of `ROUNDS` draws is bright enough, the limit itself.
    """
    out = draw_magnitudes(rng, z)
    for _ in range(ROUNDS):
        faint = np.flatnonzero(out > limit)
        if not faint.size:
            break
        out[faint] = draw_magnitudes(rng, np.asarray(z, dtype=float)[faint])
    return np.minimum(out, limit)
