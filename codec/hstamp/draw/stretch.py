"""The brightness scale shared by all levels of a stamp."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from matplotlib.colors import FuncNorm

if TYPE_CHECKING:
    from ..stamp import Stamp

__all__ = ["Stretch"]

FloatArray = npt.NDArray[np.floating]


@dataclass(frozen=True)
class Stretch:
    """An asinh stretch, linear near the background and logarithmic far above it.

    Parameters
    ----------
    low, high : float
        Values shown darkest and brightest [flux unit].
    background : float
        Value at which the stretch is steepest [flux unit].
    softening : float
        Distance from the background at which it turns from linear to logarithmic [flux unit].
    """

    low: float
    high: float
    background: float
    softening: float

    @classmethod
    def of(cls, *stamps: Stamp) -> Stretch:
        """Robust stretch for the stored values of one stamp, or of several to be compared."""
        return cls.of_values(np.concatenate([stamp.values for stamp in stamps]))

    @classmethod
    def of_values(cls, values: Iterable[float] | FloatArray) -> Stretch:
        """Robust stretch for values, of which some may be missing.

        The background is the median; the noise is the scatter of the values below it, which
        galaxies do not reach (1.4826 x median absolute deviation). The limits are the 0.5 and
        99.7 percentiles, but at least 3 times the noise from the background.
        """
        array = np.asarray(values, dtype=np.float64).ravel()
        array = array[np.isfinite(array)]
        if array.size == 0:
            return cls(0.0, 1.0, 0.0, 1.0)
        background = float(np.median(array))
        below = background - array[array < background]
        noise = 1.4826 * float(np.median(below)) if below.size else 0.0
        if noise == 0.0:
            noise = float(array.std()) or abs(background) or 1.0
        low, high = np.percentile(array, [0.5, 99.7])
        return cls(
            low=float(max(array.min(), min(low, background - 3.0 * noise))),
            high=float(max(high, background + 3.0 * noise)),
            background=background,
            softening=2.0 * noise,
        ).widened()

    def widened(self) -> Stretch:
        """Return the stretch with its limits apart, even for a constant image."""
        if self.high > self.low:
            return self
        return Stretch(self.low - 1.0, self.low + 1.0, self.background, self.softening)

    def norm(self) -> FuncNorm:
        """Normalisation for matplotlib."""

        def forward(value: FloatArray) -> FloatArray:
            return np.arcsinh((value - self.background) / self.softening)

        def inverse(value: FloatArray) -> FloatArray:
            return self.background + self.softening * np.sinh(value)

        return FuncNorm((forward, inverse), vmin=self.low, vmax=self.high, clip=True)
