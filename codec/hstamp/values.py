"""Value rules of Sections 5 and 6: what a pixel of the next level holds.

Each function maps an array of shape (..., 2h, 2w), whose last two axes are rows and columns of one
level, to the (..., h, w) pixels of the next. The four children are taken in row-major order and
every operation is one correctly rounded binary64 operation [NO-2], so the bits do not depend on
how the loop is arranged.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["mean_children", "or_children", "variance_children"]

F4 = npt.NDArray[np.float32]
F8 = npt.NDArray[np.float64]
U2 = npt.NDArray[np.uint16]


def mean_children(level: F4) -> F4:
    """Mean of the finite children, NaN when none is finite [VA-3].

    Parameters
    ----------
    level : ndarray of float32, shape (..., 2h, 2w)
        Values, NaN where missing.

    Returns
    -------
    ndarray of float32, shape (..., h, w)
    """
    total, count = _finite_sum(level)
    return _divide(total, count)


def variance_children(level: F4) -> F4:
    """Variance of the mean: sum of the finite children over their count squared [PL-3].

    Parameters
    ----------
    level : ndarray of float32, shape (..., 2h, 2w)
        Variances, NaN where missing.

    Returns
    -------
    ndarray of float32, shape (..., h, w)
    """
    total, count = _finite_sum(level)
    return _divide(total, count * count)


def or_children(level: U2) -> U2:
    """OR of all four children [PL-4], for uint16 bits of shape (..., 2h, 2w)."""
    top = level[..., 0::2, 0::2] | level[..., 0::2, 1::2]
    bottom = level[..., 1::2, 0::2] | level[..., 1::2, 1::2]
    merged: U2 = top | bottom
    return merged


def _finite_sum(level: F4) -> tuple[F8, F8]:
    shape = (*level.shape[:-2], level.shape[-2] // 2, level.shape[-1] // 2)
    total = np.zeros(shape, dtype=np.float64)
    count = np.zeros(shape, dtype=np.float64)
    for row in (0, 1):
        for column in (0, 1):
            # A signalling NaN is as missing as any other.
            with np.errstate(invalid="ignore"):
                child = level[..., row::2, column::2].astype(np.float64)
            finite = np.isfinite(child)
            # Adding +0.0 for a missing child leaves the sum's bits alone: it is never -0.0,
            # since it started from +0.0.
            total += np.where(finite, child, 0.0)
            count += finite
    return total, count


def _divide(total: F8, divisor: F8) -> F4:
    with np.errstate(divide="ignore", invalid="ignore", under="ignore"):
        return (total / divisor).astype(np.float32)
