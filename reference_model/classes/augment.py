"""Augmentation of alerts: turns, noise that is a little wrong, and pixels that are missing.

What is missing is drawn without regard to the class, so that it can tell nothing.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from hstamp.hosts.runtime import flip
from reference_model.classes.kinds import Shown

#: Shares of alerts that lose a half-plane, boxes around bright stars, columns, or the seeing.
CUT, BOX, COLUMN, BLIND = 0.05, 0.15, 0.04, 0.4
#: Share that loses the pixels of one image only.
ONE_IMAGE = 0.3
#: Scatter (ln) of the noise that an image is scaled by, and of the offset of its sky (noise).
NOISE, SKY = 0.10, 0.05


def augmented(shown: Shown, rng: np.random.Generator) -> Shown:
    """One augmentation of everything."""
    return hidden(jittered(turned(shown, int(rng.integers(8))), rng), rng)


def turned(shown: Shown, which: int) -> Shown:
    """One of the eight rotations and flips."""
    b, images, g, s = shown.values.shape[:4]
    # The images of an alert lie on the same grids.
    flat = shown.values.reshape(b * images, g, s, s)
    values, first = flip(flat, np.repeat(shown.first, images, axis=0), shown.step, which)
    return replace(shown, values=values.reshape(shown.values.shape), first=first[::images])


def jittered(shown: Shown, rng: np.random.Generator) -> Shown:
    """Noise and sky of each image a little wrong."""
    shape = shown.values.shape[:2]
    factor = np.exp(NOISE * rng.standard_normal(shape)).astype(np.float32)
    offset = (SKY * rng.standard_normal(shape)).astype(np.float32)
    values = shown.values * factor[..., None, None, None] + offset[..., None, None, None]
    return replace(shown, values=values)


def hidden(shown: Shown, rng: np.random.Generator) -> Shown:
    """Missing pixels and unknown seeing."""
    values, seeing = shown.values.copy(), shown.seeing.copy()
    count, side = len(values), values.shape[-1]
    seeing[rng.uniform(size=count) < BLIND] = np.nan
    draws = rng.uniform(size=(3, count))
    pixel = np.arange(side, dtype=np.float32)
    reach = side * shown.step[-1] / 2.0
    for i in np.flatnonzero((draws < np.array([[CUT], [BOX], [COLUMN]])).any(axis=0)):
        which = [int(rng.integers(3))] if rng.uniform() < ONE_IMAGE else [0, 1, 2]
        x0, y0, x1, y1 = _gone(rng, draws[:, i], reach)
        for g, step in enumerate(shown.step):
            half = step / 2.0
            x, y = (shown.first[i, g, axis] + pixel * step for axis in range(2))
            columns = (x + half > x0) & (x - half < x1)
            rows = (y + half > y0) & (y - half < y1)
            for image in which:
                values[i, image, g][np.ix_(rows, columns)] = np.nan
    return replace(shown, values=values, seeing=seeing)


def _gone(
    rng: np.random.Generator, draw: np.ndarray, reach: float
) -> tuple[float, float, float, float]:
    """A rectangle (x0, y0, x1, y1) that is missing, base pixels from the source."""
    far = 1e6
    if draw[0] < CUT:
        edge = reach * rng.uniform(0.03, 0.95)
        box = (edge, -far, far, far)
    elif draw[1] < BOX:
        radius = reach * np.exp(rng.uniform(np.log(0.12), 0.0))
        angle = rng.uniform(0.0, 2.0 * np.pi)
        x, y = radius * np.cos(angle), radius * np.sin(angle)
        wide, high = rng.uniform(1.5, 0.35 * reach, 2)
        box = (x - wide / 2, y - high / 2, x + wide / 2, y + high / 2)
    else:
        x = reach * rng.uniform(-1.0, 1.0)
        box = (x - 0.5, -far, x + rng.uniform(0.0, 1.5), far)
    turn = int(rng.integers(4))
    for _ in range(turn):
        box = (-box[3], box[0], -box[1], box[2])
    return box
