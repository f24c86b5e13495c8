"""Where in its host a transient explodes: positions that follow the light.

The nearby stratum is drawn so that its offsets follow the measured ones: hosts
and positions come from the relations, and a pair is kept with a probability
that depends on its offset alone (`OffsetMatch`).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from reference_model.sky.galaxies import Table, draw_nearby_hosts, sersic_b

Floats = NDArray[np.float64]

#: Measured offsets (arcsec) between nearby supernovae and their vetted hosts,
#: at these cumulative fractions: DEBASS (431 objects) and Foundation (164),
#: read from the tables of Pripriiiii/Host-Properties.
OFFSET_FRACTIONS = np.array([0.05, 0.16, 0.50, 0.84, 0.95, 0.99])
DEBASS_OFFSETS = np.array([0.73, 1.44, 5.22, 13.3, 34.5, 70.0])
FOUNDATION_OFFSETS = np.array([0.93, 1.84, 6.14, 15.4, 36.5, 76.0])
SAMPLE_SIZES = (431, 164)


def pooled_offsets() -> Floats:
    """Both samples' percentiles, averaged in the logarithm by sample size."""
    w = np.array(SAMPLE_SIZES) / sum(SAMPLE_SIZES)
    return np.asarray(np.exp(w[0] * np.log(DEBASS_OFFSETS) + w[1] * np.log(FOUNDATION_OFFSETS)))


def offset_cdf(offset: Floats) -> Floats:
    """Cumulative fraction of nearby supernovae within an offset (arcsec).

    Log-offset is interpolated linearly in the probit of the fraction and
    continued with the outermost slopes.
    """
    from scipy.special import ndtr, ndtri

    knots, probit = np.log(pooled_offsets()), ndtri(OFFSET_FRACTIONS)
    x = np.log(np.maximum(offset, 1e-6))
    inner = np.interp(x, knots, probit)
    low = probit[0] + (x - knots[0]) * (probit[1] - probit[0]) / (knots[1] - knots[0])
    high = probit[-1] + (x - knots[-1]) * (probit[-1] - probit[-2]) / (knots[-1] - knots[-2])
    return np.asarray(ndtr(np.where(x < knots[0], low, np.where(x > knots[-1], high, inner))))


def draw_in_light(rng: np.random.Generator, hosts: Table) -> tuple[Floats, Floats]:
    """One position per row that follows the host's light.

    Returns
    -------
    dx, dy : ndarray, float64, arcsec
        Transient minus host, along the pixel axes.
    """
    from scipy.special import gammaincinv

    n = hosts.shape[0]
    in_bulge = rng.uniform(size=n) < hosts["bulge_fraction"]
    index = np.where(in_bulge, hosts["bulge_n"], 1.0).astype(float)
    re = np.where(in_bulge, hosts["bulge_re"], hosts["disk_re"]).astype(float)
    q = np.where(in_bulge, hosts["bulge_q"], hosts["disk_q"]).astype(float)
    # Light beyond 99.5 % of a profile is too faint to be drawn, and to be a host.
    u = rng.uniform(0.0, 0.995, n)
    radius = re * (gammaincinv(2.0 * index, u) / sersic_b(index)) ** index
    phi = rng.uniform(0.0, 2.0 * np.pi, n)
    major, minor = radius * np.cos(phi), radius * q * np.sin(phi)
    angle = np.deg2rad(hosts["angle"].astype(float))
    return (
        major * np.cos(angle) - minor * np.sin(angle),
        major * np.sin(angle) + minor * np.cos(angle),
    )


@dataclass(frozen=True)
class OffsetMatch:
    """Acceptance of a (host, position) pair as a function of its offset.

    Attributes
    ----------
    edges : ndarray, float64
        Bin edges in ln(arcsec).
    accept : ndarray, float64
        Probability to keep a pair in each bin, at most 1.
    """

    edges: Floats
    accept: Floats

    def __call__(self, offset: Floats) -> Floats:
        """Probability to keep a pair at an offset in arcsec."""
        which = np.digitize(np.log(np.maximum(offset, 1e-6)), self.edges) - 1
        inside = (which >= 0) & (which < self.accept.shape[0])
        return np.where(inside, self.accept[np.clip(which, 0, self.accept.shape[0] - 1)], 0.0)


@lru_cache(maxsize=1)
def offset_match(draws: int = 400_000) -> OffsetMatch:
    """The acceptance that turns the relations' offsets into the measured ones."""
    rng = np.random.default_rng(7)
    hosts = draw_nearby_hosts(rng, draws)
    dx, dy = draw_in_light(rng, hosts)
    edges = np.linspace(np.log(0.05), np.log(110.0), 61)
    have, _ = np.histogram(np.log(np.hypot(dx, dy)), edges)
    want = np.diff(offset_cdf(np.exp(edges)))
    ratio = np.where(have >= 5, want * draws / np.maximum(have, 1), 0.0)
    return OffsetMatch(edges=edges, accept=ratio / ratio.max())


def draw_nearby_pairs(
    rng: np.random.Generator, hosts: int, per_host: int
) -> tuple[Table, Floats, Floats]:
    """Nearby hosts, and several transients on each, with measured offsets.

    Returns
    -------
    table : structured array, shape (hosts,)
    dx, dy : ndarray, float64, shape (hosts, per_host), arcsec
    """
    match = offset_match()
    kept: list[Table] = []
    found = 0
    while found < hosts:
        batch = draw_nearby_hosts(rng, 4000)
        dx, dy = draw_in_light(rng, batch)
        keep = rng.uniform(size=4000) < match(np.hypot(dx, dy))
        kept.append(batch[keep])
        found += int(keep.sum())
    table = np.concatenate(kept)[:hosts]
    out = np.zeros((2, hosts, per_host))
    for i in range(hosts):
        have = 0
        while have < per_host:
            dx, dy = draw_in_light(rng, np.repeat(table[i : i + 1], 500))
            kept_here = np.flatnonzero(rng.uniform(size=500) < match(np.hypot(dx, dy)))
            take = kept_here[: per_host - have]
            out[0, i, have : have + take.size] = dx[take]
            out[1, i, have : have + take.size] = dy[take]
            have += take.size
    return table, out[0], out[1]
