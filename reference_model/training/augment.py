"""Augmentation: what must not change the answer, or changes it in a known way."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from hstamp.hosts.runtime import flip
from reference_model.network.inputs import InputKind, flip_points
from reference_model.training.arrays import Batch

#: Share of stamps that lose a half-plane, as beyond a detector's edge.
CUT_CHANCE = 0.05
#: Scatter (ln) of the noise estimate that a stamp is scaled by.
NOISE_SCATTER = 0.10


def turn(batch: Batch, kind: InputKind, which: int) -> Batch:
    """One of the eight rotations and flips, of the grids and of the truth."""
    values, first = flip(batch.values, batch.first, np.array(kind.steps, np.float32), which)
    return replace(batch, values=values, first=first, host=flip_points(batch.host, which))


def jitter_noise(batch: Batch, rng: np.random.Generator) -> Batch:
    """Scale by a noise estimate that is a little wrong."""
    factor = np.exp(NOISE_SCATTER * rng.standard_normal(len(batch.values))).astype(np.float32)
    return replace(batch, values=batch.values * factor[:, None, None, None])


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
