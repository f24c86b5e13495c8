"""Mixtures of host positions, and the few candidates that they come down to."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "MAX_CANDIDATES",
    "Calibration",
    "Candidates",
    "Mixture",
    "Strata",
    "candidates",
    "covariances",
    "expecting",
    "mixture_of",
    "resized",
    "unflip",
]

Floats = NDArray[np.float32]

#: Candidates reported for a transient.
MAX_CANDIDATES = 5
#: Proposals closer than this many of their joint sigmas belong together.
MERGE_SIGMAS = 2.0


@dataclass(frozen=True)
class Strata:
    """How a candidate's size tells nearby hosts (z < 0.1) from others.

    Attributes
    ----------
    trained : float
        Share of transients of the nearby stratum in what the network was trained on.
    none : float
        The same share among those for which it says "none".
    slope, middle : float
        The share among candidates of half-light radius r (base pixels) is the logistic
        function of slope * (ln r - middle).
    """

    trained: float
    none: float
    slope: float
    middle: float


@dataclass(frozen=True)
class Calibration:
    """What is fitted on the validation split.

    Attributes
    ----------
    temperature : float
        Divides the log weights.
    widen : float
        Multiplies every proposal's standard deviations.
    contents : tuple of float
        At even steps from 0 to 1: the share of hosts inside the mixture's own
        highest-density region of that content.
    strata : Strata, optional
        What `expecting` needs.
    floor : float
        Least standard deviation of a candidate's place along each axis, base pixels, added in
        quadrature to what the network says: what no simulation holds, how well alerts are
        registered to their templates and people point at hosts.
    """

    temperature: float = 1.0
    widen: float = 1.0
    contents: tuple[float, ...] = (0.0, 1.0)
    strata: Strata | None = None
    floor: float = 0.0

    def content(self, level: NDArray[Any]) -> Floats:
        """Calibrated content of highest-density regions of the mixture's own content `level`."""
        nominal = np.linspace(0.0, 1.0, len(self.contents))
        return np.asarray(np.interp(level, nominal, self.contents), dtype=np.float32)

    def level(self, content: float) -> float:
        """The mixture's own content of the region that holds `content` of the hosts."""
        nominal = np.linspace(0.0, 1.0, len(self.contents))
        return float(np.interp(content, self.contents, nominal))


@dataclass(frozen=True)
class Mixture:
    """Where the host may be, for B transients.

    Attributes
    ----------
    weight : ndarray, float32, shape (B, C)
        Of each proposal; with `none` they sum to one.
    none : ndarray, float32, shape (B,)
        Probability that no host is in the stamp.
    mean : ndarray, float32, shape (B, C, 2)
        Base pixels.
    scale : ndarray, float32, shape (B, C, 3)
        Cholesky factor l_xx, l_yy, l_yx of each covariance.
    log_radius : ndarray, float32, shape (B, C)
        Natural log of the half-light radius in base pixels.
    """

    weight: Floats
    none: Floats
    mean: Floats
    scale: Floats
    log_radius: Floats


@dataclass(frozen=True)
class Candidates:
    """A few host positions for each of B transients, best first.

    Attributes
    ----------
    weight : ndarray, float32, shape (B, K)
        Probability of each candidate; zero where there are fewer than K.
    mean : ndarray, float32, shape (B, K, 2)
        Base pixels.
    covariance : ndarray, float32, shape (B, K, 2, 2)
        Base pixels squared.
    radius : ndarray, float32, shape (B, K)
        Half-light radius, base pixels.
    none : ndarray, float32, shape (B,)
        Probability that no host is in the stamp.
    """

    weight: Floats
    mean: Floats
    covariance: Floats
    radius: Floats
    none: Floats


def mixture_of(
    logits: Floats, mean: Floats, scale: Floats, log_radius: Floats, calibration: Calibration
) -> Mixture:
    """Raw network outputs, calibrated and normalised."""
    logits = logits / np.float32(calibration.temperature)
    weight = np.exp(logits - logits.max(axis=1, keepdims=True))
    weight /= weight.sum(axis=1, keepdims=True)
    return Mixture(
        weight=weight[:, :-1],
        none=weight[:, -1],
        mean=mean,
        scale=scale * np.float32(calibration.widen),
        log_radius=log_radius,
    )


def expecting(mixture: Mixture, strata: Strata, prior: Floats) -> Mixture:
    """A mixture for a sky where another share of transients is nearby.

    The network's answer holds the share it was trained with. By Bayes' rule the weight of a
    hypothesis changes by the ratio of the shares, new over old, of the stratum that it
    belongs to; the size of a candidate says how likely that is which.

    Parameters
    ----------
    mixture : Mixture
        In the base pixels that sizes in `strata` are counted in.
    strata : Strata
    prior : ndarray, shape (B,)
        Natural logarithm of the odds of a host at z < 0.1; NaN leaves a mixture as it is.
    """
    nearby = 0.5 + 0.5 * np.tanh(0.5 * np.asarray(prior, dtype=np.float64))
    nearby = np.where(np.isfinite(nearby), nearby, strata.trained)
    new = np.stack([nearby / strata.trained, (1.0 - nearby) / (1.0 - strata.trained)])
    # The logistic function of the size; as a tanh it cannot overflow for a stray radius.
    chance = 0.5 + 0.5 * np.tanh(0.5 * strata.slope * (mixture.log_radius - strata.middle))
    weight = mixture.weight * (chance * new[0][:, None] + (1.0 - chance) * new[1][:, None])
    none = mixture.none * (strata.none * new[0] + (1.0 - strata.none) * new[1])
    total = weight.sum(axis=1) + none
    return replace(
        mixture,
        weight=(weight / total[:, None]).astype(np.float32),
        none=(none / total).astype(np.float32),
    )


def resized(mixture: Mixture, ratio: float | np.float32) -> Mixture:
    """A mixture whose lengths are counted in other pixels: all of them times `ratio`."""
    times = np.float32(ratio)
    return replace(
        mixture,
        mean=mixture.mean * times,
        scale=mixture.scale * times,
        log_radius=mixture.log_radius + np.log(times),
    )


def unflip(mixture: Mixture, which: int) -> Mixture:
    """A mixture found on a flipped input, on the original axes."""
    mean, covariance = mixture.mean, covariances(mixture.scale)
    if which & 4:
        mean, covariance = mean[..., ::-1], covariance[..., ::-1, ::-1]
    sign = np.array([-1.0 if which & 1 else 1.0, -1.0 if which & 2 else 1.0], dtype=np.float32)
    covariance = covariance * sign[:, None] * sign[None, :]
    lxx = np.sqrt(covariance[..., 0, 0])
    lyx = covariance[..., 1, 0] / lxx
    lyy = np.sqrt(np.maximum(covariance[..., 1, 1] - lyx**2, 1e-12))
    return Mixture(
        weight=mixture.weight,
        none=mixture.none,
        mean=np.ascontiguousarray(mean * sign),
        scale=np.stack([lxx, lyy, lyx], axis=-1),
        log_radius=mixture.log_radius,
    )


def covariances(scale: Floats) -> Floats:
    """Covariance matrices (..., 2, 2) of Cholesky factors (..., 3)."""
    lxx, lyy, lyx = scale[..., 0], scale[..., 1], scale[..., 2]
    rows = [[lxx * lxx, lxx * lyx], [lxx * lyx, lyx * lyx + lyy * lyy]]
    return np.stack([np.stack(r, axis=-1) for r in rows], axis=-2)


def candidates(mixture: Mixture) -> Candidates:
    """Merge proposals that point at the same place into candidates.

    The heaviest proposal gathers all within `MERGE_SIGMAS` of it; what is left
    is treated the same way, `MAX_CANDIDATES` times.
    """
    keep = min(48, mixture.weight.shape[1])
    order = np.argpartition(-mixture.weight, keep - 1, axis=1)[:, :keep]
    b = len(order)
    rows = np.arange(b)
    # Plain indices take whole vectors at once, which take_along_axis does not.
    at = rows[:, None], order
    w, mean = mixture.weight[at].astype(np.float64), mixture.mean[at].astype(np.float64)
    scale, log_radius = (a[at].astype(np.float64) for a in (mixture.scale, mixture.log_radius))
    spread = scale[..., 0] ** 2, scale[..., 1] ** 2 + scale[..., 2] ** 2
    cross = scale[..., 0] * scale[..., 2]
    out_w, out_r = np.zeros((b, MAX_CANDIDATES)), np.zeros((b, MAX_CANDIDATES))
    out_m, out_c = np.zeros((b, MAX_CANDIDATES, 2)), np.zeros((b, MAX_CANDIDATES, 2, 2))
    left = w.copy()
    for k in range(MAX_CANDIDATES):
        top = left.argmax(axis=1)
        d = mean - mean[rows, top][:, None, :]
        vx = spread[0] + spread[0][rows, top][:, None]
        vy = spread[1] + spread[1][rows, top][:, None]
        near = d[..., 0] ** 2 / vx + d[..., 1] ** 2 / vy < MERGE_SIGMAS**2
        share = np.where(near, left, 0.0)
        total = share.sum(axis=1)
        part = share / np.maximum(total, 1e-30)[:, None]
        centre = (part[..., None] * mean).sum(axis=1)
        e = mean - centre[:, None, :]
        out_w[:, k], out_m[:, k] = total, centre
        out_c[:, k, 0, 0] = (part * (spread[0] + e[..., 0] ** 2)).sum(axis=1)
        out_c[:, k, 1, 1] = (part * (spread[1] + e[..., 1] ** 2)).sum(axis=1)
        out_c[:, k, 0, 1] = (part * (cross + e[..., 0] * e[..., 1])).sum(axis=1)
        out_c[:, k, 1, 0] = out_c[:, k, 0, 1]
        out_r[:, k] = np.exp((part * log_radius).sum(axis=1))
        left = np.where(near, 0.0, left)
    best = rows[:, None], np.argsort(-out_w, axis=1, kind="stable")
    return Candidates(
        weight=out_w[best].astype(np.float32),
        mean=out_m[best].astype(np.float32),
        covariance=out_c[best].astype(np.float32),
        radius=out_r[best].astype(np.float32),
        none=mixture.none,
    )
