"""Inference with the exported weights: numpy and onnxruntime, nothing else.

`HostFinder` turns levels into mixtures of host positions, `candidates` turns
mixtures into a few positions with weights and covariances.  Lengths are in
base pixels along the pixel axes, relative to the transient; `to_sky` turns
them into the sky with a stamp's CD matrix.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..inference.weights import session_of
from ..layout import layout_of
from .mixture import (
    Calibration,
    Candidates,
    Mixture,
    Strata,
    candidates,
    covariances,
    expecting,
    mixture_of,
    unflip,
)

__all__ = [
    "Calibration",
    "Candidates",
    "HostFinder",
    "Mixture",
    "Strata",
    "candidates",
    "covariances",
    "expecting",
    "first_pixels",
    "flip",
    "level_steps",
    "mixture_of",
    "noise_of",
    "read_calibration",
    "to_sky",
    "unflip",
]

Floats = NDArray[np.float32]

#: Stamps handed to the network at once: few enough that its maps stay in a core's cache.
BATCH = 16

_NAMES = ("host_logits", "host_position", "host_scale", "host_log_radius")


def level_steps(levels: int) -> Floats:
    """Pixel size of each level, base pixels."""
    return np.asarray(layout_of(levels).pixel_sizes, dtype=np.float32)


def first_pixels(levels: int, dx: Floats, dy: Floats) -> Floats:
    """Centre of each level's first pixel relative to the source.

    Parameters
    ----------
    levels : int
    dx, dy : ndarray, shape (B,)
        Source minus reference corner, base pixels: the stamp's own fields.

    Returns
    -------
    ndarray, float32, shape (B, levels, 2)
    """
    centre = np.asarray(layout_of(levels).origins) + level_steps(levels) / 2.0
    shift = np.stack([np.asarray(dx), np.asarray(dy)], axis=-1)[:, None, :]
    return np.asarray(centre[None, :, None] - shift, dtype=np.float32)


def noise_of(levels: Floats, variance: Floats | None = None) -> Floats:
    """Noise of an empty base pixel of each stamp.

    Parameters
    ----------
    levels : ndarray, float32, shape (B, n, 15, 15)
    variance : ndarray, float32, same shape, optional
        When given, the noise of the median variance of the finest level; else the
        scatter between neighbouring pixels of the finest level, which a smooth
        host hardly changes.

    Returns
    -------
    ndarray, float32, shape (B,)
        NaN where it cannot be told.
    """
    fine = levels[:, 0, :14, :14]
    with np.errstate(invalid="ignore"):
        steps = np.concatenate(
            [
                (fine[:, 1:] - fine[:, :-1]).reshape(len(fine), -1),
                (fine[:, :, 1:] - fine[:, :, :-1]).reshape(len(fine), -1),
            ],
            axis=1,
        )
    scatter = _row_median(np.abs(steps)) * np.float32(1.4826 / np.sqrt(2.0))
    if variance is None:
        return scatter
    known = np.sqrt(_row_median(variance[:, 0, :14, :14].reshape(len(fine), -1)))
    return np.asarray(np.where(known > 0, known, scatter), dtype=np.float32)


def _row_median(rows: Floats) -> Floats:
    """Median of the finite values of each row, NaN where there are none."""
    ordered = np.sort(rows, axis=1)  # NaN goes last
    count = np.isfinite(rows).sum(axis=1)
    middle = np.maximum(count - 1, 0) // 2
    value = np.take_along_axis(ordered, middle[:, None], axis=1)[:, 0]
    return np.asarray(np.where(count > 0, value, np.nan), dtype=np.float32)


def read_calibration(note: dict[str, Any]) -> Calibration:
    """Calibration from the JSON file beside the weights."""
    strata = note.get("strata")
    return Calibration(
        float(note["temperature"]),
        float(note["widen"]),
        tuple(note["region_contents"]),
        None if strata is None else Strata(**{k: float(v) for k, v in strata.items()}),
    )


class HostFinder:
    """The exported network.

    Parameters
    ----------
    path : Path or str
        The ONNX file.
    calibration : Calibration
    threads : int
        Threads of the runtime.
    """

    def __init__(
        self, path: Path | str, calibration: Calibration | None = None, threads: int = 1
    ) -> None:
        self._session: Any = session_of(path, threads)
        self.calibration = calibration or Calibration()

    def propose(self, scaled: Floats, first: Floats, step: Floats) -> Mixture:
        """Run the network on noise-scaled grids.

        Parameters
        ----------
        scaled : ndarray, float32, shape (B, G, S, S)
            Values over the noise of a base pixel, NaN where missing.
        first : ndarray, float32, shape (B, G, 2)
        step : ndarray, float32, shape (G,)
        """
        parts: list[list[Floats]] = []
        for start in range(0, max(len(scaled), 1), BATCH):
            rows = slice(start, start + BATCH)
            feed = {
                "values": np.ascontiguousarray(scaled[rows], dtype=np.float32),
                "first": np.ascontiguousarray(first[rows], dtype=np.float32),
                "step": np.ascontiguousarray(step, dtype=np.float32),
            }
            parts.append(self._session.run(list(_NAMES), feed))
        logits, mean, scale, log_radius = (
            np.concatenate([p[i] for p in parts]) for i in range(len(_NAMES))
        )
        return mixture_of(logits, mean, scale, log_radius, self.calibration)

    def find(
        self,
        levels: Floats,
        dx: Floats,
        dy: Floats,
        noise: Floats | None = None,
        average: bool = False,
        nearby: float | None = None,
    ) -> Candidates:
        """Hosts of hierarchical stamps.

        Parameters
        ----------
        levels : ndarray, float32, shape (B, n, 15, 15)
            As decoded, in any flux unit; n from 2 to 6.
        dx, dy : ndarray, shape (B,)
            Source minus reference corner, base pixels.
        noise : ndarray, shape (B,), optional
            Noise of an empty base pixel; measured when not given.
        average : bool
            Average over the eight rotations and flips: slower, a little better.
        nearby : float, optional
            Share of transients that are expected to be nearby (z < 0.1), as
            `hstamp.hosts.mixture.expecting` takes it; that of the training when not given.

        Returns
        -------
        Candidates
        """
        if levels.ndim != 4 or levels.shape[2:] != (15, 15) or not 2 <= levels.shape[1] <= 6:
            raise InputError(f"levels must have shape (B, 2..6, 15, 15), not {levels.shape}")
        sigma = noise_of(levels) if noise is None else np.asarray(noise, dtype=np.float32)
        scaled = levels / np.where(sigma > 0, sigma, 1.0).astype(np.float32)[:, None, None, None]
        first = first_pixels(levels.shape[1], dx, dy)
        step = level_steps(levels.shape[1])
        propose = self.propose_averaged if average else self.propose
        mixture = propose(scaled, first, step)
        if nearby is not None:
            if self.calibration.strata is None:
                raise InputError("these weights do not say how sizes tell nearby hosts from others")
            mixture = expecting(mixture, self.calibration.strata, nearby)
        return candidates(mixture)

    def propose_averaged(self, scaled: Floats, first: Floats, step: Floats) -> Mixture:
        """The mean of the mixtures of all eight rotations and flips."""
        found = []
        for which in range(8):
            turned, turned_first = flip(scaled, first, step, which)
            found.append(unflip(self.propose(turned, turned_first, step), which))
        return Mixture(
            weight=np.concatenate([m.weight * np.float32(0.125) for m in found], axis=1),
            none=np.mean([m.none for m in found], axis=0, dtype=np.float32),
            mean=np.concatenate([m.mean for m in found], axis=1),
            scale=np.concatenate([m.scale for m in found], axis=1),
            log_radius=np.concatenate([m.log_radius for m in found], axis=1),
        )


def flip(values: Floats, first: Floats, step: Floats, which: int) -> tuple[Floats, Floats]:
    """One of eight rotations and flips: 1 mirrors x, 2 mirrors y, 4 then swaps x and y.

    Parameters
    ----------
    values : ndarray, float32, shape (B, G, S, S)
    first : ndarray, float32, shape (B, G, 2)
        Centre of each grid's first pixel, which moves too since grids are off-centre.
    step : ndarray, float32, shape (G,)
        Pixel of each grid, base pixels.
    which : int
        0 to 7.

    Returns
    -------
    values, first : ndarray
        Contiguous, of the same shapes.
    """
    span = np.float32(values.shape[-1] - 1) * step
    first = first.copy()
    if which & 1:
        values, first[..., 0] = values[..., ::-1], -(first[..., 0] + span)
    if which & 2:
        values, first[..., 1] = values[..., ::-1, :], -(first[..., 1] + span)
    if which & 4:
        values, first = np.swapaxes(values, -1, -2), first[..., ::-1]
    return np.ascontiguousarray(values), np.ascontiguousarray(first)


def to_sky(
    mean: Floats, ra: NDArray[np.float64], dec: NDArray[np.float64], cd: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Positions on the sky through each stamp's tangent plane.

    Parameters
    ----------
    mean : ndarray, shape (B, 2)
        Base pixels from the source.
    ra, dec : ndarray, shape (B,), deg
    cd : ndarray, shape (B, 2, 2), deg per pixel

    Returns
    -------
    ra, dec : ndarray, shape (B,), deg
        By the inverse gnomonic projection (Calabretta & Greisen 2002, A&A 395,
        1077, section 5.1.3).
    """
    plane = np.deg2rad(np.einsum("bij,bj->bi", cd, mean.astype(np.float64)))
    xi, eta = plane[:, 0], plane[:, 1]
    sin0, cos0 = np.sin(np.deg2rad(dec)), np.cos(np.deg2rad(dec))
    below = cos0 - eta * sin0
    out_ra = np.rad2deg(np.arctan2(xi, below)) + ra
    out_dec = np.rad2deg(np.arctan2(sin0 + eta * cos0, np.hypot(xi, below)))
    return out_ra % 360.0, out_dec
