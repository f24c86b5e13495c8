"""(c) Gradient ascent: Gagliano et al. 2021 (ApJ 908, 170), section 3.2.

From the transient's pixel, follow the gradient of the smoothed image uphill
until it no longer rises, then take the source that lies there.  The published
code works on PS1 postage stamps; here smoothing and step are in arcsec.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, map_coordinates

from reference_model.methods.common import NO_MATCH, Match, Sources

Image = NDArray[np.float32]

#: Smoothing (sigma) before the climb, arcsec.
SMOOTHING = 0.8
#: A step of the climb in pixels, and the most steps made.
STEP, MOST_STEPS = 0.7, 2000
#: The climb has to begin on light: smoothed signal-to-noise at the start.
START_SNR = 1.5


def smooth(image: Image, sigma: float) -> NDArray[np.float64]:
    """Gaussian smoothing that ignores NaN."""
    finite = np.isfinite(image)
    weight = gaussian_filter(finite.astype(np.float64), sigma, mode="nearest")
    total = gaussian_filter(np.where(finite, image, 0.0).astype(np.float64), sigma, mode="nearest")
    return np.asarray(total / np.maximum(weight, 1e-3))


def climb(smoothed: NDArray[np.float64], x: float, y: float) -> tuple[float, float]:
    """Follow the gradient uphill.

    Parameters
    ----------
    smoothed : ndarray, shape (ny, nx)
    x, y : float
        Start, pixels.

    Returns
    -------
    x, y : float
        Pixel where the climb ends.
    """
    gy, gx = (np.asarray(g) for g in np.gradient(smoothed))
    step = STEP
    here = _at(smoothed, x, y)
    for _ in range(MOST_STEPS):
        slope_x, slope_y = _at(gx, x, y), _at(gy, x, y)
        norm = float(np.hypot(slope_x, slope_y))
        if norm == 0.0 or step < 0.02:
            break
        nx = float(np.clip(x + step * slope_x / norm, 0, smoothed.shape[1] - 1))
        ny = float(np.clip(y + step * slope_y / norm, 0, smoothed.shape[0] - 1))
        there = _at(smoothed, nx, ny)
        if there > here:
            x, y, here = nx, ny, there
        else:
            step *= 0.5
    return x, y


def _at(image: NDArray[np.float64], x: float, y: float) -> float:
    """Bilinear value; far quicker for one point than a general interpolator."""
    ix = min(int(x), image.shape[1] - 2)
    iy = min(int(y), image.shape[0] - 2)
    fx, fy = x - ix, y - iy
    low = image[iy, ix] * (1 - fx) + image[iy, ix + 1] * fx
    high = image[iy + 1, ix] * (1 - fx) + image[iy + 1, ix + 1] * fx
    return float(low * (1 - fy) + high * fy)


def host_by_gradient(
    image: Image, x: float, y: float, sigma: float, sources: Sources, scale: float
) -> Match:
    """Host by gradient ascent.

    Parameters
    ----------
    image : ndarray, shape (ny, nx)
    x, y : float
        The transient's pixel.
    sigma : float
        Noise of an empty pixel, in the image's unit.
    sources : structured array of `SOURCE`
        The catalogue that the end of the climb is looked up in; where it holds
        nothing within two arcsec, the end of the climb is the answer.
    scale : float
        Arcsec per pixel.
    """
    width = SMOOTHING / scale
    smoothed = smooth(image, width)
    start = float(map_coordinates(smoothed, [[y], [x]], order=1, mode="nearest")[0])
    # Noise of a Gaussian-smoothed white image.
    if start < START_SNR * sigma / (2.0 * np.sqrt(np.pi) * width):
        return NO_MATCH
    end_x, end_y = climb(smoothed, x, y)
    dx, dy = (end_x - x) * scale, (end_y - y) * scale
    if sources.size:
        apart = np.hypot(sources["x"] - dx, sources["y"] - dy)
        near = int(np.argmin(apart))
        if apart[near] < 2.0:
            dx, dy = float(sources["x"][near]), float(sources["y"][near])
    return Match(dx=dx, dy=dy, distance=float(np.hypot(dx, dy)))
