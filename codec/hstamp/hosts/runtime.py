"""Inference with the exported weights: numpy and onnxruntime, nothing else.

`HostFinder` turns levels into mixtures of host positions, `candidates` turns
mixtures into a few positions with weights and covariances.  Lengths are in
base pixels along the pixel axes, relative to the transient; `to_sky` turns
them into the sky with a stamp's CD matrix.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import MissingExtraError

Floats = NDArray[np.float32]

#: Candidates reported for a transient.
MAX_CANDIDATES = 5
#: Proposals closer than this many of their joint sigmas belong together.
MERGE_SIGMAS = 2.0
#: Stamps handed to the network at once.
BATCH = 64

_NAMES = ("host_logits", "host_position", "host_scale", "host_log_radius")


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
    """

    temperature: float = 1.0
    widen: float = 1.0
    contents: tuple[float, ...] = (0.0, 1.0)

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


def level_steps(levels: int) -> Floats:
    """Pixel size of each level, base pixels."""
    return np.asarray(2.0 ** np.arange(levels), dtype=np.float32)


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
    origin = [-7]
    for k in range(levels - 1):
        origin.append(origin[-1] + (k % 2) * 2**k - 2 ** (k + 3))
    centre = np.asarray(origin) + 2.0 ** np.arange(levels) / 2.0
    shift = np.stack([np.asarray(dx), np.asarray(dy)], axis=-1)[:, None, :]
    return np.asarray(centre[None, :, None] - shift, dtype=np.float32)


def noise_of(levels: Floats, variance: Floats | None = None) -> Floats:
    """Noise of an empty base pixel of each stamp.

    Parameters
    ----------
    levels : ndarray, float32, shape (B, n, 15, 15)
    variance : ndarray, float32, same shape, optional
        When given, a low percentile of the finest level's variance; else the
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
    return Calibration(
        float(note["temperature"]), float(note["widen"]), tuple(note["region_contents"])
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
        try:
            import onnxruntime
        except ImportError as exc:
            raise MissingExtraError("onnxruntime", "model") from exc

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        self._session: Any = onnxruntime.InferenceSession(
            str(path), options, providers=["CPUExecutionProvider"]
        )
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

        Returns
        -------
        Candidates
        """
        if levels.ndim != 4 or levels.shape[2:] != (15, 15) or not 2 <= levels.shape[1] <= 6:
            raise ValueError(f"levels must have shape (B, 2..6, 15, 15), not {levels.shape}")
        sigma = noise_of(levels) if noise is None else np.asarray(noise, dtype=np.float32)
        scaled = levels / np.where(sigma > 0, sigma, 1.0).astype(np.float32)[:, None, None, None]
        first = first_pixels(levels.shape[1], dx, dy)
        step = level_steps(levels.shape[1])
        if not average:
            return candidates(self.propose(scaled, first, step))
        return candidates(self.propose_averaged(scaled, first, step))

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


def flip(values: Floats, first: Floats, step: Floats, which: int) -> tuple[Floats, Floats]:
    """One of eight rotations and flips: 1 mirrors x, 2 mirrors y, 4 swaps the axes."""
    span = np.float32(values.shape[-1] - 1) * step
    first = first.copy()
    if which & 1:
        values, first[..., 0] = values[..., ::-1], -(first[..., 0] + span)
    if which & 2:
        values, first[..., 1] = values[..., ::-1, :], -(first[..., 1] + span)
    if which & 4:
        values, first = np.swapaxes(values, -1, -2), first[..., ::-1]
    return values, first


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


def candidates(mixture: Mixture, most: int = MAX_CANDIDATES) -> Candidates:
    """Merge proposals that point at the same place into candidates.

    The heaviest proposal gathers all within `MERGE_SIGMAS` of it; what is left
    is treated the same way, `most` times.
    """
    keep = min(48, mixture.weight.shape[1])
    order = np.argpartition(-mixture.weight, keep - 1, axis=1)[:, :keep]
    w = np.take_along_axis(mixture.weight, order, axis=1).astype(np.float64)
    mean = np.take_along_axis(mixture.mean, order[..., None], axis=1).astype(np.float64)
    scale = np.take_along_axis(mixture.scale, order[..., None], axis=1).astype(np.float64)
    log_radius = np.take_along_axis(mixture.log_radius, order, axis=1).astype(np.float64)
    spread = scale[..., 0] ** 2, scale[..., 1] ** 2 + scale[..., 2] ** 2
    cross = scale[..., 0] * scale[..., 2]
    b = len(w)
    out_w, out_r = np.zeros((b, most)), np.zeros((b, most))
    out_m, out_c = np.zeros((b, most, 2)), np.zeros((b, most, 2, 2))
    rows = np.arange(b)
    left = w.copy()
    for k in range(most):
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
    best = np.argsort(-out_w, axis=1, kind="stable")
    return Candidates(
        weight=np.take_along_axis(out_w, best, 1).astype(np.float32),
        mean=np.take_along_axis(out_m, best[..., None], 1).astype(np.float32),
        covariance=np.take_along_axis(out_c, best[..., None, None], 1).astype(np.float32),
        radius=np.take_along_axis(out_r, best, 1).astype(np.float32),
        none=mixture.none,
    )


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
