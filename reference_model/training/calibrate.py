"""Calibration on the validation split: a temperature and a width."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from reference_model.runtime import Calibration

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
    for temperature in (0.8, 0.9, 1.0, 1.1, 1.2, 1.35, 1.5):
        scaled = logits / temperature
        log_w = scaled - np.logaddexp.reduce(scaled, axis=1, keepdims=True)
        for widen in (0.8, 0.9, 1.0, 1.05, 1.1, 1.2, 1.3, 1.5):
            each = log_w[:, :-1] - 0.5 * square / widen**2 - area - 2.0 * np.log(widen)
            total = np.logaddexp.reduce(each, axis=1) - np.log(2.0 * np.pi)
            total = np.logaddexp(total, np.log(1e-9))
            loss = -np.where(present, total, log_w[:, -1]).mean()
            if loss < best:
                best, answer = float(loss), Calibration(temperature, widen)
    return answer
