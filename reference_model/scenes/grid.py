"""Where the pixels of an observation lie on its scene."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from reference_model.scenes.observation import Observation
from reference_model.scenes.render import SCALE

Floats = NDArray[np.float64]
_Scalar = TypeVar("_Scalar", bound=np.generic)

#: Pixels beyond the scene's edge, where it is reflected.
PAD = 96
#: Widest grid (arcsec) on which a scene is sampled before pixels are picked from it: the
#: sharpest seeing has 2 % of its amplitude left at the Nyquist frequency.
FINE = 0.28


def padded_size(size: int) -> int:
    """Side of a scene with its reflected border, for which transforms are quick."""
    found = int(fft.next_fast_len(size + 2 * PAD, real=True))
    return found + found % 2


def samples(scale: float, size: int) -> tuple[int, int]:
    """How a padded scene is sampled: pixels along it, and finer samples in one of them."""
    times = int(np.ceil(scale / FINE - 1e-9))
    length = padded_size(size)
    wanted = max(round(length * SCALE / scale), 2)
    fine = times * wanted
    while fine % 2 or fft.next_fast_len(fine, real=True) > 1.004 * fine:
        fine += times
    return fine // times, times


def scale_near(scale: float, size: int) -> float:
    """The pixel side nearest to one asked for that divides a padded scene."""
    if abs(scale - SCALE) < 1e-9:
        return SCALE
    found = padded_size(size) * SCALE / samples(scale, size)[0]
    # Where that changes the number of samples in a pixel, once more.
    again = padded_size(size) * SCALE / samples(found, size)[0]
    return found if again == found else scale_near(again, size)


@dataclass(frozen=True)
class Grid:
    """Where the pixels of an observation lie on the scene.

    Attributes
    ----------
    ratio : float
        Pixel side in pixels of the scene.
    start : int
        First pixel kept, counted from the padded scene's first.
    side : int
        Pixels along a side.
    turn : int
        Rotation or flip.
    """

    ratio: float
    start: int
    side: int
    turn: int

    def pixels(self, x: Floats, y: Floats) -> tuple[Floats, Floats]:
        """Pixel coordinates of places given in pixels of the scene, centres at integers."""
        u = (np.asarray(x, float) + PAD) / self.ratio - self.start
        v = (np.asarray(y, float) + PAD) / self.ratio - self.start
        u = self.side - 1 - u if self.turn & 1 else u
        v = self.side - 1 - v if self.turn & 2 else v
        return (v, u) if self.turn & 4 else (u, v)

    def along(self, dx: Floats, dy: Floats) -> tuple[Floats, Floats]:
        """A difference of places (any unit) along the pixel axes."""
        u = -np.asarray(dx) if self.turn & 1 else np.asarray(dx)
        v = -np.asarray(dy) if self.turn & 2 else np.asarray(dy)
        return (v, u) if self.turn & 4 else (u, v)

    def turned(self, image: NDArray[_Scalar]) -> NDArray[_Scalar]:
        """An image after the turn."""
        image = image[:, ::-1] if self.turn & 1 else image
        image = image[::-1] if self.turn & 2 else image
        return np.ascontiguousarray(image.T if self.turn & 4 else image)


def grid_of(observation: Observation, size: int) -> Grid:
    """The pixels of an observation of a scene of a side."""
    if observation.scale == SCALE:
        return Grid(1.0, PAD, size, observation.turn)
    ratio = padded_size(size) / samples(observation.scale, size)[0]
    # Pixels whose centres lie on the scene.
    start = int(np.ceil((PAD - 0.5) / ratio))
    last = int(np.floor((PAD + size - 0.5) / ratio))
    return Grid(ratio, start, last - start + 1, observation.turn)
