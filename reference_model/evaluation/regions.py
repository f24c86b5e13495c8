"""Calibration: how much probability lies where the density exceeds the truth's.

If the mixtures are honest, that share is uniform between 0 and 1 over
transients, and the region of 68 % contains 68 % of the hosts.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hstamp.hosts.runtime import Mixture

Floats = NDArray[np.float32]

SAMPLES = 400


def density(mixture: Mixture, points: NDArray[np.float64], keep: NDArray[np.int64]) -> Floats:
    """Density of the host's position, given that there is one.

    Parameters
    ----------
    mixture : Mixture
    points : ndarray, shape (B, P, 2), base pixels
    keep : ndarray of int, shape (B, K)
        The proposals to use.

    Returns
    -------
    ndarray, shape (B, P), per square base pixel
    """
    w = np.take_along_axis(mixture.weight, keep, 1)
    mean = np.take_along_axis(mixture.mean, keep[..., None], 1)
    scale = np.take_along_axis(mixture.scale, keep[..., None], 1)
    w = w / np.maximum(w.sum(axis=1, keepdims=True), 1e-12)
    d = points[:, :, None, :].astype(np.float32) - mean[:, None]
    u = d[..., 0] / scale[:, None, :, 0]
    v = (d[..., 1] - scale[:, None, :, 2] * u) / scale[:, None, :, 1]
    norm = w / (2.0 * np.pi * scale[..., 0] * scale[..., 1])
    return np.asarray((norm[:, None] * np.exp(-0.5 * (u * u + v * v))).sum(axis=2), np.float32)


def heaviest(mixture: Mixture, count: int = 64) -> NDArray[np.int64]:
    """Indices of the heaviest proposals, shape (B, count)."""
    count = min(count, mixture.weight.shape[1])
    return np.asarray(np.argpartition(-mixture.weight, count - 1, axis=1)[:, :count])


def regions(mixture: Mixture, host: Floats, seed: int = 0) -> tuple[Floats, Floats]:
    """Probability inside the density contour through the true host, and region sizes.

    Parameters
    ----------
    mixture : Mixture
    host : ndarray, shape (B, 2), base pixels

    Returns
    -------
    level : ndarray, shape (B,)
        0 where the truth is at the peak, 1 where it is outside everything.
    area95 : ndarray, shape (B,)
        Area of the 95 % region, square base pixels.
    """
    rng = np.random.default_rng(seed)
    level, area = np.empty(len(host), np.float32), np.empty(len(host), np.float32)
    for start in range(0, len(host), 128):
        rows = slice(start, start + 128)
        part = Mixture(mixture.weight[rows], mixture.none[rows], mixture.mean[rows],
                       mixture.scale[rows], mixture.log_radius[rows])  # fmt: skip
        keep = heaviest(part)
        w = np.take_along_axis(part.weight, keep, 1).astype(np.float64)
        cdf = np.cumsum(w / w.sum(axis=1, keepdims=True), axis=1)
        u = rng.uniform(size=(len(w), SAMPLES))
        chosen = (u[:, :, None] > cdf[:, None, :]).sum(axis=2).clip(0, keep.shape[1] - 1)
        which = np.take_along_axis(keep, chosen, 1)
        mean = np.take_along_axis(part.mean, which[..., None], 1)
        scale = np.take_along_axis(part.scale, which[..., None], 1)
        z = rng.standard_normal((2, *which.shape))
        points = np.stack(
            [
                mean[..., 0] + scale[..., 0] * z[0],
                mean[..., 1] + scale[..., 2] * z[0] + scale[..., 1] * z[1],
            ],
            axis=-1,
        )
        at = density(part, points, keep)
        truth = density(part, host[rows][:, None, :].astype(np.float64), keep)
        level[rows] = (at > truth).mean(axis=1)
        # The 95 % region's area: mean of 1 / density over samples inside it.
        limit = np.percentile(at, 5.0, axis=1, keepdims=True)
        area[rows] = np.where(at >= limit, 1.0 / np.maximum(at, 1e-12), 0.0).mean(axis=1)
    return level, area
