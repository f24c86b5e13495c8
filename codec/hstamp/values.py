"""Value rules of Sections 5 and 6: what a pixel of the next level holds, and levels made by them.

Each ``*_children`` maps an array of shape (..., 2h, 2w), whose last two axes are rows and columns
of one level, to the (..., h, w) pixels of the next. The four children are taken in row-major order
and every operation is one correctly rounded binary64 operation [NO-2], so the bits do not depend on
how the loop is arranged. `true_levels` and `store` go from a parent to stored values, `fill_levels`
from stored values to what a decoder shows [DE-1].
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeVar

import numpy as np
import numpy.typing as npt

from .layout import CORE, GRID, HOLE, HOLE_START, child_start, layout_of

__all__ = [
    "fill_levels",
    "mean_children",
    "or_children",
    "store",
    "true_levels",
    "variance_children",
]

_DERIVED: Final = HOLE_START + np.arange(GRID) // 2
"""Row or column of level 1 that row or column a of level 0 lies in [GE-7]."""
_SCALAR = TypeVar("_SCALAR", bound=np.generic)

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


def true_levels(
    window: npt.NDArray[_SCALAR],
    n: int,
    parents: Callable[[Any], npt.NDArray[_SCALAR]],
) -> npt.NDArray[_SCALAR]:
    """Levels of a window by the value rules [VA-3], [PL-3], [PL-4].

    Parameters
    ----------
    window : ndarray, shape (..., side, side)
        Base pixels of the widest level.
    n : int
        Number of levels.
    parents : callable
        The plane's rule, from one level's pixels to the next.

    Returns
    -------
    ndarray, shape (..., n, 15, 15)
        Level 0 holds the parent's pixels in its last row and column too.
    """
    layout = layout_of(n)
    grids = np.empty((*window.shape[:-2], n, GRID, GRID), dtype=window.dtype)
    current = window
    for k in range(n):
        if k:
            current = parents(current)
        start = (layout.origins[k] - layout.origins[-1]) // 2**k
        grids[..., k, :, :] = current[..., start : start + GRID, start : start + GRID]
    return grids


def store(grids: npt.NDArray[_SCALAR]) -> npt.NDArray[_SCALAR]:
    """Stored values of levels (..., n, 15, 15) in stamp order [GE-6], shape (..., N)."""
    layout = layout_of(grids.shape[-3])
    flat = grids.reshape(*grids.shape[:-3], -1)
    return flat[..., layout.stored_index]


def fill_levels(
    values: npt.NDArray[_SCALAR],
    n: int,
    parents: Callable[[Any], npt.NDArray[_SCALAR]],
) -> npt.NDArray[_SCALAR]:
    """Place stored values in their levels and derive the rest, steps 3 to 5 of [DE-1] [VA-4].

    Parameters
    ----------
    values : ndarray, shape (..., N)
        Stored values in stamp order.
    n : int
        Number of levels.
    parents : callable
        The plane's rule for a hole: maps (..., 14, 14) pixels to the (..., 7, 7) above them.

    Returns
    -------
    ndarray, shape (..., n, 15, 15)
    """
    grids = np.empty((*values.shape[:-1], n, GRID, GRID), dtype=values.dtype)
    flat = grids.reshape(*values.shape[:-1], -1)
    flat[..., layout_of(n).stored_index] = values
    for k in range(1, n):
        start = child_start(k - 1)
        below = grids[..., k - 1, start : start + CORE, start : start + CORE]
        grids[..., k, HOLE, HOLE] = parents(below)
    grids[..., 0, CORE, :] = grids[..., 1, _DERIVED[CORE], _DERIVED]
    grids[..., 0, :, CORE] = grids[..., 1, _DERIVED, _DERIVED[CORE]]
    return grids


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
