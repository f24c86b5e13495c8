"""Inference with the exported weights: numpy and onnxruntime, nothing else.

`HostFinder` turns levels into mixtures of host positions, `candidates` turns
mixtures into a few positions with weights and covariances.  Lengths are in
base pixels of the stamp along the pixel axes, relative to the transient; `to_sky`
turns them into the sky with a stamp's CD matrix.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..inference.weights import session_of
from ..layout import layout_of
from .background import noise_of
from .mixture import (
    Calibration,
    Candidates,
    Mixture,
    Strata,
    candidates,
    covariances,
    expecting,
    mixture_of,
    resized,
    unflip,
)

__all__ = [
    "PIXEL",
    "Calibration",
    "Candidates",
    "Conditions",
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
    "prior_of",
    "priors_of",
    "read_calibration",
    "resized",
    "to_sky",
    "unflip",
]

Floats = NDArray[np.float32]

#: Stamps handed to the network at once: few enough that its maps stay in a core's cache.
BATCH = 16

#: Pixel of the simulated images that lengths of the network are counted in, arcsec.
PIXEL: Final = 0.2
#: Natural logarithm within which pixels are counted as equal.
_ALIKE: Final = 0.02

_NAMES = ("host_logits", "host_position", "host_scale", "host_log_radius")


@dataclass(frozen=True)
class Conditions:
    """How B stamps were observed, and what is known beforehand: float32 arrays of shape (B,).

    Attributes
    ----------
    scale : ndarray
        Side of a base pixel [arcsec]; NaN where not known, which counts as `PIXEL` for networks
        that learnt no other.
    seeing : ndarray
        Full width at half maximum of the PSF [arcsec]; NaN where not known.
    prior : ndarray
        Natural logarithm of the odds that the transient's host is nearby (z < 0.1); NaN for
        those of the training.
    """

    scale: Floats
    seeing: Floats
    prior: Floats

    @classmethod
    def of(cls, count: int, scale: float = PIXEL) -> Conditions:
        """Equal pixels, and nothing known."""
        unknown = np.full(count, np.nan, dtype=np.float32)
        return cls(np.full(count, scale, dtype=np.float32), unknown, unknown)

    def rows(self, some: NDArray[Any]) -> Conditions:
        """The same of some of the stamps."""
        return Conditions(self.scale[some], self.seeing[some], self.prior[some])

    def as_inputs(self) -> dict[str, Floats]:
        """By the names of the network's inputs."""
        return {"scale": self.scale, "seeing": self.seeing, "prior": self.prior}


def prior_of(nearby: float) -> float:
    """Natural logarithm of the odds of a share.

    Raises
    ------
    InputError
        If the share does not lie between 0 and 1.
    """
    if not 0.0 < nearby < 1.0:
        raise InputError(f"nearby must lie between 0 and 1, not {nearby}")
    return float(np.log(nearby / (1.0 - nearby)))


def priors_of(nearby: float | Sequence[float] | NDArray[Any] | None, count: int) -> Floats:
    """The same of each of `count` stamps; NaN where no share is known.

    Raises
    ------
    InputError
        If there are more or fewer shares, or one does not lie between 0 and 1.
    """
    if nearby is None or np.ndim(nearby) == 0:
        prior = np.nan if nearby is None else prior_of(float(np.asarray(nearby)))
        return np.full(count, prior, dtype=np.float32)
    shares = np.asarray(nearby, dtype=np.float64)
    if shares.shape != (count,):
        raise InputError(f"{shares.size} shares are given for {count} stamps")
    wrong = np.flatnonzero((shares <= 0.0) | (shares >= 1.0))
    if wrong.size:
        raise InputError(f"nearby must lie between 0 and 1, not {shares[wrong[0]]}")
    return np.asarray(np.log(shares / (1.0 - shares)), dtype=np.float32)


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


def read_calibration(note: dict[str, Any]) -> Calibration:
    """Calibration from the JSON file beside the weights."""
    strata = note.get("strata")
    return Calibration(
        float(note["temperature"]),
        float(note["widen"]),
        tuple(note["region_contents"]),
        None if strata is None else Strata(**{k: float(v) for k, v in strata.items()}),
        float(note.get("floor", 0.0)),
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
        self._inputs = frozenset(given.name for given in self._session.get_inputs())
        self.calibration = calibration or Calibration()

    @property
    def takes_prior(self) -> bool:
        """Whether a share of nearby hosts can be given."""
        return "prior" in self._inputs or self.calibration.strata is not None

    @property
    def takes_seeing(self) -> bool:
        """Whether the network looks at the width of the PSF."""
        return "seeing" in self._inputs

    def propose(
        self, scaled: Floats, first: Floats, step: Floats, sky: Conditions | None = None
    ) -> Mixture:
        """Run the network on noise-scaled grids.

        Parameters
        ----------
        scaled : ndarray, float32, shape (B, G, S, S)
            Values over the noise of a base pixel, NaN where missing.
        first : ndarray, float32, shape (B, G, 2)
        step : ndarray, float32, shape (G,)
        sky : Conditions, optional
            By default those of B stamps in pixels of `PIXEL`, with nothing known.

        Returns
        -------
        Mixture
            In base pixels of the stamp.
        """
        given = Conditions.of(len(scaled)) if sky is None else sky
        if "scale" in self._inputs or not len(scaled):
            return self._run(scaled, first, step, given)
        out: list[tuple[NDArray[np.intp], Mixture]] = []
        for rows, ratio in _alike(given.scale):
            # A block of pixels of the network's size has the noise of one of its pixels times
            # their number along a side, where noise is white.
            found = self._run(
                scaled[rows] / ratio, first[rows] * ratio, step * ratio, given.rows(rows)
            )
            out.append((rows, resized(found, 1.0 / ratio)))
        return _together(out)

    def _run(self, scaled: Floats, first: Floats, step: Floats, sky: Conditions) -> Mixture:
        step = np.ascontiguousarray(step, dtype=np.float32)
        every = {"values": scaled, "first": first, **sky.as_inputs()}
        parts: list[list[Floats]] = []
        for start in range(0, max(len(scaled), 1), BATCH):
            rows = slice(start, start + BATCH)
            feed = {
                name: np.ascontiguousarray(value[rows], dtype=np.float32)
                for name, value in every.items()
                if name in self._inputs
            }
            parts.append(self._session.run(list(_NAMES), {**feed, "step": step}))
        logits, mean, scale, log_radius = (
            np.concatenate([p[i] for p in parts]) for i in range(len(_NAMES))
        )
        found = mixture_of(logits, mean, scale, log_radius, self.calibration)
        known = np.isfinite(sky.prior)
        if "prior" in self._inputs or not known.any():
            return found
        if self.calibration.strata is None:
            raise InputError("these weights do not say how sizes tell nearby hosts from others")
        return expecting(found, self.calibration.strata, sky.prior)

    def find(
        self,
        levels: Floats,
        dx: Floats,
        dy: Floats,
        noise: Floats | None = None,
        average: bool = False,
        nearby: float | None = None,
        sky: Conditions | None = None,
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
            Share of transients that are expected to be nearby (z < 0.1); that of the training
            when not given.
        sky : Conditions, optional
            Pixel, seeing and prior of each stamp; by default pixels of `PIXEL` and nothing known.

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
        given = Conditions.of(len(levels)) if sky is None else sky
        if nearby is not None:
            given = replace(given, prior=priors_of(nearby, len(levels)))
        propose = self.propose_averaged if average else self.propose
        return candidates(propose(scaled, first, step, given))

    def propose_averaged(
        self, scaled: Floats, first: Floats, step: Floats, sky: Conditions | None = None
    ) -> Mixture:
        """The mean of the mixtures of all eight rotations and flips."""
        found = []
        for which in range(8):
            turned, turned_first = flip(scaled, first, step, which)
            found.append(unflip(self.propose(turned, turned_first, step, sky), which))
        return Mixture(
            weight=np.concatenate([m.weight * np.float32(0.125) for m in found], axis=1),
            none=np.mean([m.none for m in found], axis=0, dtype=np.float32),
            mean=np.concatenate([m.mean for m in found], axis=1),
            scale=np.concatenate([m.scale for m in found], axis=1),
            log_radius=np.concatenate([m.log_radius for m in found], axis=1),
        )


def _alike(scale: Floats) -> Iterator[tuple[NDArray[np.intp], np.float32]]:
    """Rows whose pixels are alike, and how many of the network's pixels one is along a side.

    Pixels are counted as equal within one per cent: the network has one set of steps for all
    stamps of a batch.
    """
    known = np.where(np.isfinite(scale), scale, PIXEL).astype(np.float64)
    number = np.round(np.log(known / PIXEL) / _ALIKE)
    for value in np.unique(number):
        yield np.flatnonzero(number == value), np.float32(np.exp(value * _ALIKE))


def _together(parts: list[tuple[NDArray[np.intp], Mixture]]) -> Mixture:
    if len(parts) == 1:
        return parts[0][1]
    back = np.argsort(np.concatenate([rows for rows, _ in parts]))
    return Mixture(
        *(
            np.concatenate([getattr(found, field.name) for _, found in parts])[back]
            for field in fields(Mixture)
        )
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
