"""Calibration on the validation split: a temperature, a width, the contents of regions."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hstamp.hosts.runtime import Calibration

Floats = NDArray[np.float32]


def fit(
    logits: Floats, mean: Floats, scale: Floats, host: Floats, present: NDArray[np.bool_]
) -> Calibration:
    """The temperature and width of greatest likelihood, by a grid search.

    Parameters
    ----------
    logits, mean, scale : ndarray
        Raw outputs of the network, as `reference_model.network.model.Proposals`.
    host : ndarray, shape (B, 2), base pixels
    present : ndarray of bool, shape (B,)
    """
    best, answer = np.inf, Calibration()
    d = host[:, None, :] - mean
    u = d[..., 0] / scale[..., 0]
    v = (d[..., 1] - scale[..., 2] * u) / scale[..., 1]
    square, area = u * u + v * v, np.log(scale[..., 0] * scale[..., 1])
    for temperature in (0.8, 0.9, 1.0, 1.1, 1.2, 1.35, 1.5, 1.75):
        scaled = logits / temperature
        log_w = scaled - np.logaddexp.reduce(scaled, axis=1, keepdims=True)
        for widen in (0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 1.0, 1.1, 1.2, 1.35, 1.5):
            each = log_w[:, :-1] - 0.5 * square / widen**2 - area - 2.0 * np.log(widen)
            total = np.logaddexp.reduce(each, axis=1) - np.log(2.0 * np.pi)
            total = np.logaddexp(total, np.log(1e-9))
            loss = -np.where(present, total, log_w[:, -1]).mean()
            if loss < best:
                best, answer = float(loss), Calibration(temperature, widen)
    return answer


#: Steps of the map from a region's own content to the share of hosts inside.
CONTENT_STEPS = 40


def region_contents(level: Floats, weight: NDArray[np.float64] | None = None) -> list[float]:
    """Share of hosts inside the mixture's own regions of 0 to 1 in even steps.

    Parameters
    ----------
    level : ndarray, shape (B,)
        For each host, the content of the smallest region that holds it.
    weight : ndarray, shape (B,), optional
        How much each host counts; all alike when not given.
    """
    nominal = np.linspace(0.0, 1.0, CONTENT_STEPS + 1)
    share = np.array([np.average(level <= n, weights=weight) for n in nominal])
    share[0], share[-1] = 0.0, 1.0
    return [round(float(s), 5) for s in np.maximum.accumulate(share)]
