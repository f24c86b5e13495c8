"""Sides of base pixels, from stamps or from who knows them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError

__all__ = ["each_of", "pixels_of"]

Floats = NDArray[np.float64]


def pixels_of(cd: Floats, given: float | Sequence[float | None] | None) -> Floats:
    """Side of a base pixel of each stamp [arcsec].

    Parameters
    ----------
    cd : ndarray, shape (B, 2, 2)
        CD matrices [deg/pixel]; NaN for stamps without a WCS.
    given : float or sequence of float, optional
        What is taken for those.

    Returns
    -------
    ndarray, float64, shape (B,)
        NaN where unknown.
    """
    area = np.abs(cd[:, 0, 0] * cd[:, 1, 1] - cd[:, 0, 1] * cd[:, 1, 0])
    other = each_of(given, len(cd), "pixels", "stamps")
    return np.where(np.isnan(area), other, 3600.0 * np.sqrt(area))


def each_of(
    given: float | Sequence[float | None] | None, count: int, name: str, what: str
) -> Floats:
    """A length for each stamp or alert, NaN where none is given.

    Raises
    ------
    InputError
        If there are more or fewer, or one is not positive.
    """
    values = given if isinstance(given, Sequence) else [given] * count
    found = np.array(values, dtype=np.float64)
    if found.shape != (count,):
        raise InputError(f"{found.size} {name} are given for {count} {what}")
    if (found <= 0).any():
        raise InputError(f"{name} must be larger than 0 arcsec")
    return found
