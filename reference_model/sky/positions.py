"""Where in its host a transient explodes: positions that follow the light.

The nearby stratum is drawn so that its offsets follow the measured ones, in
arcsec and in light radii: hosts and positions come from the relations, and a
pair is kept with a probability that is a product of a function of its offset
and a function of its dDLR (`PairMatch`).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

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

#: The same samples' offsets over the host's directional light radius (dDLR, in
#: SExtractor's rms axes).
DDLR_FRACTIONS = np.array([0.50, 0.84, 0.95])
DEBASS_DDLR = np.array([1.27, 2.51, 4.09])
FOUNDATION_DDLR = np.array([1.41, 2.67, 4.23])
#: Rms axis over half-light axis of an exponential disk: sqrt(3) / 1.678.
RMS_AXIS = 1.03


def _pooled(first: Floats, second: Floats) -> Floats:
    """Two samples' percentiles, averaged in the logarithm by sample size."""
    w = np.array(SAMPLE_SIZES) / sum(SAMPLE_SIZES)
    return np.asarray(np.exp(w[0] * np.log(first) + w[1] * np.log(second)))


def pooled_offsets() -> Floats:
    """Both samples' offset percentiles in arcsec."""
    return _pooled(DEBASS_OFFSETS, FOUNDATION_OFFSETS)


def _cdf(value: Floats, fractions: Floats, percentiles: Floats) -> Floats:
    """Log-value linear in the probit of the fraction, continued with the outermost slopes."""
    from scipy.special import ndtr, ndtri

    knots, probit = np.log(percentiles), ndtri(fractions)
    x = np.log(np.maximum(value, 1e-6))
    inner = np.interp(x, knots, probit)
    low = probit[0] + (x - knots[0]) * (probit[1] - probit[0]) / (knots[1] - knots[0])
    high = probit[-1] + (x - knots[-1]) * (probit[-1] - probit[-2]) / (knots[-1] - knots[-2])
    return np.asarray(ndtr(np.where(x < knots[0], low, np.where(x > knots[-1], high, inner))))


def offset_cdf(offset: Floats) -> Floats:
    """Cumulative fraction of nearby supernovae within an offset (arcsec)."""
    return _cdf(offset, OFFSET_FRACTIONS, pooled_offsets())


def ddlr_cdf(ddlr: Floats) -> Floats:
    """Cumulative fraction of nearby supernovae within a dDLR."""
    return _cdf(ddlr, DDLR_FRACTIONS, _pooled(DEBASS_DDLR, FOUNDATION_DDLR))


def light_radius_distance(dx: Floats, dy: Floats, galaxies: Any, floor: float = 0.0) -> Floats:
    """Distance in units of the galaxy's half-light ellipse.

    Parameters
    ----------
    dx, dy : ndarray, arcsec
        Point minus galaxy, along the pixel axes.
    galaxies : structured array with ``re``, ``q``, ``angle``
    floor : float
        Arcsec added in quadrature to both axes (the seeing).
    """
    t = np.deg2rad(np.asarray(galaxies["angle"], float))
    a = np.hypot(np.asarray(galaxies["re"], float), floor)
    b = np.hypot(np.asarray(galaxies["re"], float) * np.asarray(galaxies["q"], float), floor)
    u = dx * np.cos(t) + dy * np.sin(t)
    v = -dx * np.sin(t) + dy * np.cos(t)
    return np.asarray(np.hypot(u / a, v / b))


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
class PairMatch:
    """Acceptance of a (host, position) pair.

    Attributes
    ----------
    offset_edges, ddlr_edges : ndarray, float64
        Bin edges in ln(arcsec) and ln(dDLR).
    accept : ndarray, float64, shape (offset bins, dDLR bins)
        Probability to keep a pair, at most 1.
    """

    offset_edges: Floats
    ddlr_edges: Floats
    accept: Floats

    def __call__(self, hosts: Table, dx: Floats, dy: Floats) -> Floats:
        """Probability to keep each pair of a host and a position (arcsec from it)."""
        i, j = pair_bins(hosts, dx, dy, self.offset_edges, self.ddlr_edges)
        return np.where((i >= 0) & (j >= 0), self.accept[i, j], 0.0)


def pair_bins(
    hosts: Table, dx: Floats, dy: Floats, offset_edges: Floats, ddlr_edges: Floats
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Bins of the pairs in offset and in dDLR; -1 outside."""
    found = []
    ddlr = light_radius_distance(dx, dy, hosts) / RMS_AXIS
    for value, edges in ((np.hypot(dx, dy), offset_edges), (ddlr, ddlr_edges)):
        which = np.digitize(np.log(np.maximum(value, 1e-9)), edges) - 1
        found.append(np.where(which < edges.size - 1, which, -1))
    return found[0], found[1]


#: Rounds of fitting the acceptance to one measured distribution, then the other.
FIT_ROUNDS = 40
#: Share of pairs whose acceptance may exceed one, and is cut to it.
CUT_SHARE = 0.003


@lru_cache(maxsize=1)
def pair_match(draws: int = 500_000) -> PairMatch:
    """The acceptance that turns the relations' offsets and dDLRs into the measured ones.

    Iterative proportional fitting (Deming & Stephan 1940) of a product of two
    functions to the two marginal distributions.
    """
    rng = np.random.default_rng(7)
    hosts = draw_nearby_hosts(rng, draws)
    dx, dy = draw_in_light(rng, hosts)
    edges = np.linspace(np.log(0.05), np.log(110.0), 61), np.linspace(np.log(0.02), np.log(9.0), 41)
    i, j = pair_bins(hosts, dx, dy, *edges)
    ok = (i >= 0) & (j >= 0)
    have = np.zeros((60, 40))
    np.add.at(have, (i[ok], j[ok]), 1.0)
    want = (np.diff(offset_cdf(np.exp(edges[0]))), np.diff(ddlr_cdf(np.exp(edges[1]))))
    by_offset, by_ddlr = np.ones(60), np.ones(40)
    for _ in range(FIT_ROUNDS):
        by_offset = want[0] / np.maximum(have @ by_ddlr, 5.0 * by_ddlr.mean())
        by_ddlr = want[1] / np.maximum(by_offset @ have, 5.0 * by_offset.mean())
    product = by_offset[:, None] * by_ddlr[None, :]
    kept = (have * product).ravel()
    order = np.argsort(product.ravel())
    share = np.cumsum(kept[order]) / kept.sum()
    top = product.ravel()[order][np.searchsorted(share, 1.0 - CUT_SHARE)]
    return PairMatch(*edges, accept=np.minimum(product / top, 1.0))


def draw_nearby_pairs(
    rng: np.random.Generator, hosts: int, per_host: int
) -> tuple[Table, Floats, Floats]:
    """Nearby hosts, and several transients on each, with measured offsets.

    Returns
    -------
    table : structured array, shape (hosts,)
    dx, dy : ndarray, float64, shape (hosts, per_host), arcsec
    """
    match = pair_match()
    kept: list[Table] = [draw_nearby_hosts(rng, 0)]
    found = 0
    while found < hosts:
        batch = draw_nearby_hosts(rng, 4000)
        dx, dy = draw_in_light(rng, batch)
        keep = rng.uniform(size=4000) < match(batch, dx, dy)
        kept.append(batch[keep])
        found += int(keep.sum())
    table = np.concatenate(kept)[:hosts]
    out = np.zeros((2, hosts, per_host))
    for i in range(hosts):
        have = 0
        while have < per_host:
            same = np.repeat(table[i : i + 1], 2000)
            dx, dy = draw_in_light(rng, same)
            kept_here = np.flatnonzero(rng.uniform(size=same.size) < match(same, dx, dy))
            take = kept_here[: per_host - have]
            out[0, i, have : have + take.size] = dx[take]
            out[1, i, have : have + take.size] = dy[take]
            have += take.size
    return table, out[0], out[1]
