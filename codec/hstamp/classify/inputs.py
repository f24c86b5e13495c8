"""What the classifier is shown of the three images of an alert; training and inference use it."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["IMAGES", "noise_of", "scaled", "sky_of"]

Floats = NDArray[np.float32]

IMAGES: Final = ("science", "template", "difference")
"""The images of an alert, in the order of every array."""

_MAD: Final = np.float32(1.4826 / np.sqrt(2.0))


def noise_of(levels: Floats) -> Floats:
    """Scatter between neighbouring base pixels, which a smooth galaxy hardly changes.

    A unit for the network, not an estimate of the noise: it is taken in the same way of every
    image, whatever lies in it.

    Parameters
    ----------
    levels : ndarray, float32, shape (..., n, 15, 15)

    Returns
    -------
    ndarray, float32, shape (...)
        NaN where there are no neighbours with values.
    """
    fine = levels[..., 0, :14, :14].reshape(-1, 14, 14)
    steps = np.concatenate(
        [
            (fine[:, 1:] - fine[:, :-1]).reshape(len(fine), -1),
            (fine[:, :, 1:] - fine[:, :, :-1]).reshape(len(fine), -1),
        ],
        axis=1,
    )
    found = _median(np.abs(steps)) * _MAD
    return found.reshape(levels.shape[:-3])


def sky_of(grids: Floats) -> Floats:
    """Median of the widest grid of each image, zero where it has no values.

    Parameters
    ----------
    grids : ndarray, float32, shape (..., G, S, S)

    Returns
    -------
    ndarray, float32, shape (...)
    """
    widest = grids[..., -1, :, :]
    found = _median(widest.reshape(-1, widest.shape[-1] * widest.shape[-2]))
    return np.nan_to_num(found).reshape(widest.shape[:-2])


def scaled(grids: Floats, noise: Floats) -> Floats:
    """Grids without their sky, in units of the noise; NaN where there is none.

    Parameters
    ----------
    grids : ndarray, float32, shape (B, 3, G, S, S)
    noise : ndarray, float32, shape (B, 3)
        From `noise_of`.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        unit = np.where(noise > 0, noise, np.float32(np.nan))
        found = (grids - sky_of(grids)[..., None, None, None]) / unit[..., None, None, None]
    return np.asarray(found, dtype=np.float32)


def _median(rows: Floats) -> Floats:
    """Median of the finite values of each row, NaN where there are none."""
    ordered = np.sort(rows, axis=1)  # NaN goes last
    count = (rows.shape[1] - np.isnan(rows).sum(axis=1)).astype(np.intp)
    middle = np.maximum(count - 1, 0) // 2
    value = np.take_along_axis(ordered, middle[:, None], axis=1)[:, 0]
    return np.asarray(np.where(count > 0, value, np.nan), dtype=np.float32)
