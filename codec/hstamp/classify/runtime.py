"""Inference with the exported weights: numpy and onnxruntime, nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..hosts.runtime import first_pixels, flip, level_steps
from ..inference.weights import session_of
from .inputs import noise_of, scaled

__all__ = ["AlertClassifier"]

Floats = NDArray[np.float32]

BATCH: Final = 16
"""Alerts handed to the network at once: few enough that its maps stay in a core's cache."""


class AlertClassifier:
    """The exported network.

    Parameters
    ----------
    path : Path or str
        The ONNX file.
    temperature : float
        Of the probabilities, from the calibration.
    threads : int
        Threads of the runtime.
    """

    def __init__(self, path: Path | str, temperature: float = 1.0, threads: int = 1) -> None:
        self._session: Any = session_of(path, threads)
        self.temperature = temperature

    def logits(
        self, values: Floats, first: Floats, step: Floats, scale: Floats, seeing: Floats
    ) -> Floats:
        """Run the network on scaled grids.

        Parameters
        ----------
        values : ndarray, float32, shape (B, 3, G, S, S)
            From `hstamp.classify.inputs.scaled`.
        first : ndarray, float32, shape (B, G, 2)
            Centre of each grid's first pixel relative to the source, base pixels.
        step : ndarray, float32, shape (G,)
            Pixel size of each grid, base pixels.
        scale, seeing : ndarray, float32, shape (B,)
            Base pixel and seeing [arcsec]; NaN where unknown.

        Returns
        -------
        ndarray, float32, shape (B, 5)
        """
        every = {"values": values, "first": first, "scale": scale, "seeing": seeing}
        parts = []
        for start in range(0, max(len(values), 1), BATCH):
            feed = {
                name: np.ascontiguousarray(value[start : start + BATCH], dtype=np.float32)
                for name, value in every.items()
            }
            feed["step"] = np.ascontiguousarray(step, dtype=np.float32)
            parts.append(self._session.run(None, feed)[0])
        return np.concatenate(parts)

    def classify(
        self,
        levels: Floats,
        dx: Floats,
        dy: Floats,
        scale: Floats | None = None,
        seeing: Floats | None = None,
        average: bool = False,
    ) -> NDArray[np.float64]:
        """Probabilities of the classes, taken as equally frequent.

        Parameters
        ----------
        levels : ndarray, float32, shape (B, 3, n, 15, 15)
            Science, template and difference image as decoded, in any flux unit; n from 2 to 5.
        dx, dy : ndarray, shape (B,)
            Source minus reference corner, base pixels.
        scale, seeing : ndarray, shape (B,), optional
            Base pixel and seeing [arcsec]; NaN where unknown.
        average : bool
            Average over the eight rotations and flips: slower, a little better.

        Returns
        -------
        ndarray, float64, shape (B, 5)
        """
        if levels.ndim != 5 or levels.shape[1] != 3 or levels.shape[3:] != (15, 15):
            raise InputError(f"levels must have shape (B, 3, 2..5, 15, 15), not {levels.shape}")
        if not 2 <= levels.shape[2] <= 5:
            raise InputError(f"levels must be 2 to 5, not {levels.shape[2]}")
        values = scaled(levels, noise_of(levels))
        first, step = first_pixels(levels.shape[2], dx, dy), level_steps(levels.shape[2])
        unknown = np.full(len(levels), np.nan, dtype=np.float32)
        about = (unknown if scale is None else scale, unknown if seeing is None else seeing)
        found = []
        for which in range(8 if average else 1):
            turned, place = _turned(values, first, step, which)
            found.append(self._probabilities(self.logits(turned, place, step, *about)))
        return np.asarray(np.mean(found, axis=0))

    def _probabilities(self, logits: Floats) -> NDArray[np.float64]:
        warm = logits.astype(np.float64) / self.temperature
        warm = np.exp(warm - warm.max(axis=1, keepdims=True))
        return np.asarray(warm / warm.sum(axis=1, keepdims=True))


def _turned(values: Floats, first: Floats, step: Floats, which: int) -> tuple[Floats, Floats]:
    if not which:
        return values, first
    # The three images of an alert lie on the same grids.
    flat = values.reshape(-1, *values.shape[2:])
    turned, place = flip(flat, np.repeat(first, values.shape[1], axis=0), step, which)
    return turned.reshape(values.shape), place[:: values.shape[1]]
