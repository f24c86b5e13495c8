"""The brightness scale shared by all levels of a stamp."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt
from matplotlib.colors import FuncNorm

if TYPE_CHECKING:
    from ..stamp import Stamp

__all__ = ["Stretch"]

FloatArray = npt.NDArray[np.floating]

_DECADES: Final = 8
"""Powers of ten below the largest value that may have a tick."""
_GAP: Final = 0.07
"""Least distance of two ticks that can be read, as a fraction of the bar."""


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
        values = np.concatenate([stamp.values for stamp in stamps])
        outer = np.concatenate([s.values[s.layout.part(s.n - 1)] for s in stamps])
        return cls.of_values(values, outer)

    @classmethod
    def of_values(cls, values: npt.ArrayLike, outer: npt.ArrayLike | None = None) -> Stretch:
        """Robust stretch for values of which some may be missing.

        Parameters
        ----------
        values : array_like
            Values to be shown, NaN where missing [flux unit].
        outer : array_like, optional
            Those that are mostly sky; by default all. The background is their median, the noise
            1.4826 x the median distance of those below it, which galaxies do not reach.

        Returns
        -------
        Stretch
            Limits at the 0.5 and 99.7 percentiles, at least 3 times the noise from the
            background; softening 4 times the noise, at least 1 % of the range.
        """
        array = _finite(values)
        if array.size == 0:
            return cls(0.0, 1.0, 0.0, 1.0)
        sky = array if outer is None else _finite(outer)
        sky = sky if sky.size else array
        background = float(np.median(sky))
        below = background - sky[sky < background]
        noise = 1.4826 * float(np.median(below)) if below.size else 0.0
        low, high = (float(limit) for limit in np.percentile(array, [0.5, 99.7]))
        low, high = min(low, background - 3.0 * noise), max(high, background + 3.0 * noise)
        if not high > low:
            return cls(low - 1.0, low + 1.0, background, 1.0)
        return cls(low, high, background, max(4.0 * noise, 0.01 * (high - low)))

    def scaled(self, value: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Values on the scale, 0 at `low` and 1 at `high`; not cut at the ends."""
        at = [
            np.arcsinh((np.asarray(v, dtype=np.float64) - self.background) / self.softening)
            for v in (value, self.low, self.high)
        ]
        return np.asarray((at[0] - at[1]) / (at[2] - at[1]))

    def ticks(self) -> list[float]:
        """Round values for a colour bar, no two of which come closer than labels can be read.

        Returns
        -------
        list of float
            Zero where it lies on the scale, and 1, 2 and 5 times powers of ten of both signs,
            rounder and larger values first; in ascending order.
        """
        largest = max(abs(self.low), abs(self.high))
        top = math.floor(math.log10(largest)) if largest > 0 else 0
        steps = [m * 10.0**p for m in (1, 5, 2) for p in range(top, top - _DECADES, -1)]
        wanted = [0.0, *(sign * step for step in steps for sign in (1.0, -1.0))]
        chosen: list[float] = []
        for value in wanted:
            if self.low <= value <= self.high and all(
                abs(float(self.scaled(value)) - float(self.scaled(other))) >= _GAP
                for other in chosen
            ):
                chosen.append(value)
        if len(chosen) < 2:  # a narrow range far from zero has no such values
            chosen = [self.low, self.high]
        return sorted(chosen)

    def norm(self) -> FuncNorm:
        """Normalisation for matplotlib."""

        def forward(value: FloatArray) -> FloatArray:
            scaled: FloatArray = np.arcsinh((value - self.background) / self.softening)
            return scaled

        def inverse(value: FloatArray) -> FloatArray:
            return self.background + self.softening * np.sinh(value)

        return FuncNorm((forward, inverse), vmin=self.low, vmax=self.high, clip=True)


def _finite(values: npt.ArrayLike) -> npt.NDArray[np.float64]:
    array = np.asarray(values, dtype=np.float64).ravel()
    return array[np.isfinite(array)]
