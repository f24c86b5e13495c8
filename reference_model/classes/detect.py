"""Detection in difference images: one rule, whatever the source is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, maximum_filter

Image = NDArray[np.float32]

#: Signal-to-noise of an alert: LSST's and ZTF's own.
THRESHOLD = 5.0
#: Width of the detection filter in that of the PSF (Gaussian sigma over FWHM).
SIGMA_OF_FWHM = 1.0 / 2.3548
#: Windows of the centroid, in widths of the filter.
REACH = 2.5
#: Error of an alert's place, pixels in each axis. Artefacts of single pixels are centred on pixels
#: exactly; of this the places of real alerts show nothing.
ERROR = 0.3


@dataclass(frozen=True)
class Detector:
    """A filter and its noise, measured on the whole difference image.

    Attributes
    ----------
    width : float
        Gaussian sigma, pixels.
    noise : float
        Scatter of the filtered image, by its median absolute deviation.
    """

    width: float
    noise: float

    @classmethod
    def of(cls, difference: Image, fwhm: float) -> Detector:
        """Detector for a PSF of `fwhm` pixels."""
        width = fwhm * SIGMA_OF_FWHM
        seen = gaussian_filter(difference, width, truncate=3.0)
        spread = float(np.median(np.abs(seen - np.median(seen))))
        return cls(width, 1.4826 * spread)

    def significance(self, difference: Image) -> Image:
        """Signal-to-noise of a point source at each pixel."""
        return np.asarray(
            gaussian_filter(difference, self.width, truncate=3.0) / np.float32(self.noise)
        )

    def peaks(self, difference: Image, margin: int) -> NDArray[np.int64]:
        """Pixels (x, y) of all extremes beyond the threshold, of either sign."""
        size = np.abs(self.significance(difference))
        top = (size == maximum_filter(size, 2 * round(2 * self.width) + 1)) & (size > THRESHOLD)
        top[:margin] = top[-margin:] = False
        top[:, :margin] = top[:, -margin:] = False
        y, x = np.nonzero(top)
        return np.stack([x, y], axis=1)

    def near(self, patch: Image, reach: float) -> tuple[int, int] | None:
        """Pixel (x, y) of the extreme near the middle, or None below the threshold."""
        size = np.abs(self.significance(patch))
        at = patch.shape[0] // 2
        low, high = at - round(reach), at + round(reach) + 1
        inner = size[low:high, low:high]
        y, x = np.unravel_index(int(inner.argmax()), inner.shape)
        if inner[y, x] < THRESHOLD:
            return None
        return int(x) + low, int(y) + low

    def centroid(self, patch: Image, x: int, y: int) -> tuple[float, float]:
        """Position of the source at an extreme: two steps of a weighted mean."""
        sign = np.sign(patch[max(y - 1, 0) : y + 2, max(x - 1, 0) : x + 2].sum()) or 1.0
        fx, fy = float(x), float(y)
        reach = int(np.ceil(REACH * self.width))
        for _ in range(2):
            cx, cy = round(fx), round(fy)
            ax, ay = max(cx - reach, 0), max(cy - reach, 0)
            part = np.maximum(sign * patch[ay : cy + reach + 1, ax : cx + reach + 1], 0.0)
            u = np.arange(ax, ax + part.shape[1])[None, :] - fx
            v = np.arange(ay, ay + part.shape[0])[:, None] - fy
            weight = part * np.exp(-0.5 * (u * u + v * v) / (1.5 * self.width) ** 2)
            total = float(weight.sum())
            if total <= 0:
                break
            # A Gaussian weight of this width halves the step, nearly.
            fx += float(np.clip(1.4 * (weight * u).sum() / total, -1.5, 1.5))
            fy += float(np.clip(1.4 * (weight * v).sum() / total, -1.5, 1.5))
        return fx, fy


def reported(rng: np.random.Generator, x: float, y: float) -> tuple[float, float]:
    """The place that an alert is given, from its centroid: the same error for every class."""
    dx, dy = rng.normal(0.0, ERROR, 2)
    return x + float(dx), y + float(dy)
