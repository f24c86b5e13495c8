"""Augmentation: what must not change the answer, or changes it in a known way."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from hstamp.hosts.runtime import flip
from reference_model.network.inputs import InputKind, flip_points
from reference_model.training.arrays import Batch

Floats = NDArray[np.float32]

#: Share of stamps that lose a half-plane, as beyond a detector's edge.
CUT_CHANCE = 0.05
#: Scatter (ln) of the noise estimate that a stamp is scaled by: of a good one, and of one
#: measured between galaxies.
NOISE_SCATTER = (0.08, 0.30)
#: Share of stamps that lose the median of their outermost grid, as if they carried a sky.
DARK_CHANCE = 0.5
#: Share of stamps whose pixel scale, and whose seeing, is not told.
UNKNOWN_SCALE, UNKNOWN_SEEING = 0.1, 0.3
#: Scatter (ln) of the seeing that is told.
SEEING_SCATTER = 0.08


def turn(batch: Batch, kind: InputKind, which: int) -> Batch:
    """One of the eight rotations and flips, of the grids and of the truth."""
    values, first = flip(batch.values, batch.first, np.array(kind.steps, np.float32), which)
    return replace(batch, values=values, first=first, host=flip_points(batch.host, which))


def jitter_noise(batch: Batch, wide: Floats, rng: np.random.Generator) -> Batch:
    """Scale by a noise estimate that is a little wrong.

    Parameters
    ----------
    wide : ndarray, float32, shape (B,)
        Noise that means over many pixels show, over that of a pixel: correlated noise is
        estimated between the two.
    """
    count = len(batch.values)
    scatter = rng.choice(NOISE_SCATTER, count)
    log = rng.uniform(size=count) * np.log(wide) + scatter * rng.standard_normal(count)
    return replace(batch, values=batch.values * _column(np.exp(-log)))


def darken(batch: Batch, rng: np.random.Generator) -> Batch:
    """Take the median of the outermost grid off some stamps."""
    chosen = rng.uniform(size=len(batch.values)) < DARK_CHANCE
    outer = batch.values[:, -1].reshape(len(batch.values), -1)
    dark = np.zeros(len(outer), np.float32)
    some = chosen & np.isfinite(outer).any(axis=1)
    dark[some] = np.nanmedian(outer[some], axis=1)
    return replace(batch, values=batch.values - _column(dark))


def forget(batch: Batch, rng: np.random.Generator) -> Batch:
    """Tell a slightly wrong seeing, and sometimes neither scale nor seeing."""
    count = len(batch.values)
    seeing = batch.seeing * np.exp(SEEING_SCATTER * rng.standard_normal(count))
    seeing[rng.uniform(size=count) < UNKNOWN_SEEING] = np.nan
    scale = batch.scale.copy()
    scale[rng.uniform(size=count) < UNKNOWN_SCALE] = np.nan
    return replace(batch, scale=scale, seeing=seeing.astype(np.float32))


def _column(values: NDArray[np.floating]) -> Floats:
    return np.asarray(values, dtype=np.float32)[:, None, None, None]


def cut(batch: Batch, kind: InputKind, rng: np.random.Generator) -> Batch:
    """Remove a half-plane from some stamps, on all grids at once.

    A host that lies in what was removed is no longer in the stamp.
    """
    chosen = np.flatnonzero(rng.uniform(size=len(batch.values)) < CUT_CHANCE)
    values, present = batch.values.copy(), batch.present.copy()
    pixel = np.arange(kind.side, dtype=np.float32)
    for i in chosen:
        axis, side = int(rng.integers(2)), float(rng.choice([-1.0, 1.0]))
        edge = kind.reach * rng.uniform(0.02, 0.9)
        for g, step in enumerate(kind.steps):
            gone = side * (batch.first[i, g, axis] + pixel * step) > edge
            if axis == 0:
                values[i, g][:, gone] = np.nan
            else:
                values[i, g][gone, :] = np.nan
        if side * batch.host[i, axis] > edge:
            present[i] = False
    return replace(batch, values=values, present=present)
