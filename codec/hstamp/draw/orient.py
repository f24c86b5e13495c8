"""How a stamp is turned for display: as stored, or with north up and east to the left."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt
from matplotlib.transforms import Affine2D, Transform

from ..errors import InputError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ..stamp import Stamp

__all__ = ["AS_STORED", "Orientation", "sky_direction"]

Vector = tuple[float, float]


def sky_direction(stamp: Stamp, east: float, north: float) -> Vector:
    """Return the unit vector in the image that points to (east, north) on the sky.

    Raises
    ------
    InputError
        If the stamp has no WCS.
    """
    if stamp.wcs is None:
        raise InputError("the stamp has no WCS: where north is in it is not known")
    x, y = np.linalg.solve(stamp.wcs.cd, np.array([east, north]))
    norm = math.hypot(x, y)
    return float(x / norm), float(y / norm)


@dataclass(frozen=True)
class Orientation:
    """A rotation, or a rotation and a flip, about the source.

    Parameters
    ----------
    right, up : (float, float)
        Unit vectors of the image that point to the right and up in the picture, at right angles.
    """

    right: Vector = (1.0, 0.0)
    up: Vector = (0.0, 1.0)

    @classmethod
    def north_up(cls, stamp: Stamp) -> Orientation:
        """North exactly up; east to the left, at right angles even where the WCS is sheared.

        Raises
        ------
        InputError
            If the stamp has no WCS.
        """
        north, east = sky_direction(stamp, 0.0, 1.0), sky_direction(stamp, 1.0, 0.0)
        # A quarter turn clockwise from north is west where x and y have the parity of the sky.
        clockwise = north[1], -north[0]
        east_is_clockwise = clockwise[0] * east[0] + clockwise[1] * east[1] > 0
        right = (-clockwise[0], -clockwise[1]) if east_is_clockwise else clockwise
        return cls(right, north)

    @property
    def matrix(self) -> npt.NDArray[np.float64]:
        """Picture coordinates from offsets in the image, shape (2, 2)."""
        return np.array([self.right, self.up])

    def apply(self, x: float, y: float) -> Vector:
        """Place of an offset from the source in the picture [base pixel]."""
        u, v = self.matrix @ (x, y)
        return float(u), float(v)

    def on(self, ax: Axes) -> Transform:
        """Return the transform of what is given in offsets in the image."""
        turn = np.eye(3)
        turn[:2, :2] = self.matrix
        return Affine2D(turn) + ax.transData

    def window(self, x: float, y: float, side: float) -> tuple[float, float, float]:
        """Lower left corner and side of the least square of the picture that holds a square.

        Parameters
        ----------
        x, y, side : float
            Lower left corner and side of a square in the image [base pixel].
        """
        corners = np.array([(x, y), (x + side, y), (x, y + side), (x + side, y + side)])
        turned = corners @ self.matrix.T
        low, high = turned.min(axis=0), turned.max(axis=0)
        return float(low[0]), float(low[1]), float((high - low).max())


AS_STORED: Final = Orientation()
"""x to the right, y up: the pixels as they are."""
