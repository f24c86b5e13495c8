"""What networks are shown of an alert: levels as the format keeps them, and plain windows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

import hstamp
from hstamp.classify.inputs import noise_of
from reference_model.scenes.crop import crop

Image = NDArray[np.float32]

#: Levels that are cut, and the sides of the windows around the reference corner, pixels.
LEVELS, WIDE, NARROW = 5, 240, 64
#: The three images of an alert, in the order of every array here.
IMAGES = ("science", "template", "difference")


@dataclass(frozen=True)
class Views:
    """Some alerts, as networks see them.

    Attributes
    ----------
    levels : ndarray, float32, shape (B, 3, 5, 15, 15)
        As decoded from stamps in encoding i2.
    narrow, wide : ndarray, float16, shape (B, 3, 64, 64) and (B, 3, 240, 240)
        Windows around the reference corner in units of `sigma`.
    sigma : ndarray, float32, shape (B, 3)
        Noise of a base pixel of each image, measured in the stamp.
    dx, dy : ndarray, float32, shape (B,)
        Source minus reference corner, base pixels.
    """

    levels: Image
    narrow: NDArray[np.float16]
    wide: NDArray[np.float16]
    sigma: Image
    dx: Image
    dy: Image


def windows(images: list[Image], x: float, y: float) -> Image:
    """Windows of 240 pixels of the three images around a source, shape (3, 240, 240)."""
    i0, j0 = hstamp.reference_corner(x, y)
    return np.stack([crop(image, i0 - WIDE // 2, j0 - WIDE // 2, WIDE) for image in images])


def views(wide: Image, x: NDArray[np.float64], y: NDArray[np.float64]) -> Views:
    """Views of alerts from their windows.

    Parameters
    ----------
    wide : ndarray, float32, shape (B, 3, 240, 240)
        From `windows`.
    x, y : ndarray, shape (B,)
        Source in the whole image, of which the fraction matters.
    """
    count = len(wide)
    # In a window the reference corner is the middle.
    at = [WIDE // 2 - 1 + (v - np.floor(v)) for v in (x, y)]
    blobs = hstamp.encode_many(
        wide.reshape(-1, WIDE, WIDE), np.repeat(at[0], 3), np.repeat(at[1], 3), levels=LEVELS,
        encoding="i2",
    )  # fmt: skip
    batch = hstamp.decode_many(blobs)
    assert batch.levels is not None
    levels = np.asarray(batch.levels).reshape(count, 3, LEVELS, 15, 15)
    sigma = noise_of(levels)
    low = (WIDE - NARROW) // 2
    scaled = wide / np.where(sigma > 0, sigma, 1.0)[:, :, None, None]
    half = np.clip(scaled, -6.0e4, 6.0e4).astype(np.float16)
    return Views(
        levels=levels,
        narrow=np.ascontiguousarray(half[:, :, low : low + NARROW, low : low + NARROW]),
        wide=half,
        sigma=sigma,
        dx=np.asarray(batch.dx[::3], np.float32),
        dy=np.asarray(batch.dy[::3], np.float32),
    )
