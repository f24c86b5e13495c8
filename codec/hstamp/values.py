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
    return _mean(level, squared=False)


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
    return _mean(level, squared=True)


def or_children(level: U2) -> U2:
    """OR of all four children [PL-4], for uint16 bits of shape (..., 2h, 2w)."""
    top = level[..., 0::2, 0::2] | level[..., 0::2, 1::2]
    bottom = level[..., 1::2, 0::2] | level[..., 1::2, 1::2]
    merged: U2 = top | bottom
    return merged


def _mean(level: F4, *, squared: bool) -> F4:
    """Sum of the finite children over their count, or over its square."""
    with np.errstate(invalid="ignore"):  # a signalling NaN is as missing as any other
        wide = level.astype(np.float64)
    children = (
        wide[..., 0::2, 0::2], wide[..., 0::2, 1::2], wide[..., 1::2, 0::2], wide[..., 1::2, 1::2],
    )  # fmt: skip
    with np.errstate(invalid="ignore", under="ignore"):
        total = 0.0 + children[0]
        for child in children[1:]:
            total += child
        mean: F4 = (total / (16.0 if squared else 4.0)).astype(np.float32)
    # Four float32 never overflow binary64, so only a missing child makes a sum not finite.
    gaps = ~np.isfinite(total)
    if gaps.any():
        total, count = _finite_sum([child[gaps] for child in children])
        with np.errstate(divide="ignore", invalid="ignore", under="ignore"):
            mean[gaps] = (total / (count * count if squared else count)).astype(np.float32)
    return mean


def _finite_sum(children: list[F8]) -> tuple[F8, F8]:
    total, count = np.zeros_like(children[0]), np.zeros_like(children[0])
    for child in children:
        finite = np.isfinite(child)
        # Adding +0.0 for a missing child leaves the sum's bits alone: it is never -0.0,
        # since it started from +0.0.
        total += np.where(finite, child, 0.0)
        count += finite
    return total, count
