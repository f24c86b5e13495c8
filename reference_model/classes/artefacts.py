"""What detectors and telescopes add to a science image: the sources of bogus alerts."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from reference_model.classes.pair import Pair

Image = NDArray[np.float32]


def spoil(rng: np.random.Generator, pair: Pair) -> Image:
    """Science image with cosmic rays, hot pixels, bad columns, bleeds, ghosts and a step.

    None of it leaves missing pixels: alerts of LSST and ZTF carry the values as they are.
    """
    image = pair.science.copy()
    side, sigma = image.shape[0], np.float32(pair.looks[1].sigma)
    area = side * side / 1.0e6
    for _ in range(rng.poisson(40 * area)):
        _cosmic_ray(rng, image, sigma)
    for _ in range(rng.poisson(12 * area)):
        y, x = rng.integers(0, side, 2)
        image[y, x] += sigma * np.exp(rng.uniform(np.log(12.0), np.log(300.0)))
    for _ in range(rng.poisson(3 * side / 1000)):
        _column(rng, image, sigma)
    _bleeds(rng, pair.full, image, sigma)
    for _ in range(rng.poisson(5 * area)):
        _ghost(rng, image, sigma)
    for _ in range(rng.poisson(3 * area)):
        _streak(rng, image, sigma)
    if rng.uniform() < 0.5:  # an amplifier's edge: one side is offset, in steps along it
        at = int(rng.integers(side // 8, side - side // 8))
        image[:, at:] += (
            sigma
            * rng.normal(0.0, 1.0, (side, 1)).cumsum(axis=0).astype(np.float32)
            * np.float32(rng.uniform(0.02, 0.08))
        )
    return image


def spoil_template(rng: np.random.Generator, pair: Pair) -> Image:
    """Template with what its coadd did not reject."""
    image = pair.template.copy()
    side, sigma = image.shape[0], np.float32(pair.looks[0].sigma)
    area = side * side / 1.0e6
    for _ in range(rng.poisson(6 * area)):
        _cosmic_ray(rng, image, sigma)
    for _ in range(rng.poisson(2 * area)):
        _ghost(rng, image, sigma)
    for _ in range(rng.poisson(2 * area)):
        _streak(rng, image, sigma)
    return image


def _cosmic_ray(rng: np.random.Generator, image: Image, sigma: np.float32) -> None:
    side = image.shape[0]
    length = float(min(rng.exponential(4.0), 40.0))
    angle = rng.uniform(0.0, np.pi)
    x, y = rng.uniform(2, side - 2, 2)
    n = max(1, int(2 * length))
    t = np.linspace(0.0, length, n)
    xs = np.floor(x + t * np.cos(angle)).astype(int)
    ys = np.floor(y + t * np.sin(angle)).astype(int)
    inside = (xs >= 0) & (xs < side - 1) & (ys >= 0) & (ys < side - 1)
    strength = np.exp(rng.uniform(np.log(8.0), np.log(400.0))) / np.sqrt(n) * 1.5
    np.add.at(
        image,
        (ys[inside], xs[inside]),
        sigma * (strength * rng.uniform(0.5, 1.5, int(inside.sum()))).astype(np.float32),
    )
    if rng.uniform() < 0.5:  # charge spreads to the next pixel
        np.add.at(image, (ys[inside], xs[inside] + 1), sigma * np.float32(0.3 * strength))


def _column(rng: np.random.Generator, image: Image, sigma: np.float32) -> None:
    side = image.shape[0]
    x, wide = int(rng.integers(0, side - 3)), int(rng.choice([1, 1, 1, 2]))
    start = int(rng.integers(0, side)) if rng.uniform() < 0.5 else 0
    sign = rng.choice([-1.0, 1.0], p=[0.6, 0.4])
    depth = np.float32(sign * np.exp(rng.uniform(np.log(2.0), np.log(20.0))))
    image[start:, x : x + wide] += sigma * depth


def _bleeds(
    rng: np.random.Generator, full: NDArray[np.bool_], image: Image, sigma: np.float32
) -> None:
    """Charge of full pixels runs along columns."""
    side = image.shape[0]
    columns = np.flatnonzero(full.sum(axis=0) > 2)
    for x in columns:
        if rng.uniform() < 0.3:
            continue
        ys = np.flatnonzero(full[:, x])
        for chunk in np.split(ys, np.flatnonzero(np.diff(ys) > 1) + 1):
            if chunk.size < 3:
                continue
            reach = int(chunk.size * rng.uniform(0.5, 4.0))
            low, high = max(int(chunk[0]) - reach, 0), min(int(chunk[-1]) + reach, side)
            fade = 1.0 - np.abs(np.linspace(-1.0, 1.0, high - low))
            image[low:high, x] += sigma * (rng.uniform(20.0, 300.0) * fade).astype(np.float32)


def _ghost(rng: np.random.Generator, image: Image, sigma: np.float32) -> None:
    """A patch of reflected light: a disk with a sharp rim."""
    side = image.shape[0]
    x, y = rng.uniform(0, side, 2)
    radius = rng.uniform(3.0, 25.0)
    r = np.hypot(np.arange(side)[None, :] - x, np.arange(side)[:, None] - y)
    disk = np.clip((radius - r) / rng.uniform(0.5, 3.0), 0.0, 1.0)
    image += sigma * (rng.uniform(0.8, 4.0) * disk).astype(np.float32)


def _streak(rng: np.random.Generator, image: Image, sigma: np.float32) -> None:
    """A satellite's trail, or the spike of a bright star beyond the image."""
    side = image.shape[0]
    angle, offset = rng.uniform(0.0, np.pi), rng.uniform(-0.6, 0.6) * side
    u = np.arange(side) - side / 2
    across = u[None, :] * np.sin(angle) - u[:, None] * np.cos(angle) - offset
    along = u[None, :] * np.cos(angle) + u[:, None] * np.sin(angle)
    start = rng.uniform(-0.7, 0.7) * side
    inside = (along > start) & (along < start + np.exp(rng.uniform(2.5, 7.0)))
    profile = np.exp(-0.5 * (across / rng.uniform(0.7, 2.0)) ** 2) * inside
    image += sigma * (np.exp(rng.uniform(np.log(2.0), np.log(20.0))) * profile).astype(np.float32)
