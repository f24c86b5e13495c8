"""Reading only the pixels that stamps cover, where a detector has few sources.

A dataset of ``lsst.images`` can be read in part. Its files hold a tile for each row of pixels, so
that what a part costs is its rows: boxes that share rows are read as one, and all of them together
take no longer than the whole. What comes back is a parent of the whole size, of which only these
boxes have values; a stamp of one of its sources has the bytes of a stamp of the whole image.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from ..layout import layout_of, positions_usable, reference_corners
from .masks import Box, Boxes
from .parent import Parent, parent_of

__all__ = ["bands", "read_boxes"]


def read_boxes(dataset: Any, x: npt.ArrayLike, y: npt.ArrayLike, n: int) -> Parent:
    """Read what stamps of some sources cover.

    Parameters
    ----------
    dataset : lsst.daf.butler.DeferredDatasetHandle
        Of an image of lsst.images; anything with its ``get(component=, parameters=)``.
    x, y : array_like, shape (B,)
        Positions [pixel of the detector].
    n : int
        Number of levels of the stamps.

    Returns
    -------
    Parent
        Of the whole image's size, place and middle.

    Raises
    ------
    InputError
        If what is read is no image.
    """
    box = dataset.get(component="bbox")
    x0, y0 = int(box.x.start), int(box.y.start)
    shape = int(box.y.size), int(box.x.size)
    slices = _covered(np.asarray(x, "f8") - x0, np.asarray(y, "f8") - y0, n, shape)
    # One pixel where no source is inside: unit, band and planes are those of an image all the same.
    wanted = bands(slices) or [(slice(0, 1), slice(0, 1))]
    whole: Parent | None = None
    for rows, columns in wanted:
        part = parent_of(dataset.get(parameters={"bbox": type(box).factory[
            rows.start + y0 : rows.stop + y0, columns.start + x0 : columns.stop + x0
        ]}))  # fmt: skip
        if whole is None:
            whole = _empty_like(part, shape, x0, y0)
        for name in ("image", "variance", "mask"):
            if (plane := getattr(whole, name)) is not None:
                plane[rows, columns] = getattr(part, name)
    assert whole is not None
    return whole


def bands(slices: Sequence[Box]) -> list[Box]:
    """Fewest boxes, no two of which share a row, that hold all of some boxes.

    Parameters
    ----------
    slices : sequence of (slice, slice)
        Rows and columns.

    Returns
    -------
    list of (slice, slice)
        From the first row on.
    """
    joined: list[Box] = []
    for rows, columns in sorted(slices, key=lambda box: (box[0].start, box[0].stop)):
        if joined and rows.start < joined[-1][0].stop:
            above, beside = joined[-1]
            joined[-1] = (
                slice(above.start, max(above.stop, rows.stop)),
                slice(min(beside.start, columns.start), max(beside.stop, columns.stop)),
            )
        else:
            joined.append((rows, columns))
    return joined


def _covered(xs: Any, ys: Any, n: int, shape: tuple[int, int]) -> list[Box]:
    """Boxes of the sources that lie in an image of a shape, clipped to it."""
    usable = np.flatnonzero(positions_usable(xs, ys))
    layout = layout_of(n)
    i0, j0 = reference_corners(xs[usable], ys[usable])
    origin = int(layout.origins[-1])
    boxes = Boxes.around(usable.tolist(), j0 + origin, i0 + origin, layout.side, shape)
    return [box for box in boxes.slices if all(part.start < part.stop for part in box)]


def _empty_like(part: Parent, shape: tuple[int, int], x0: int, y0: int) -> Parent:
    """Parent of the whole image whose pixels are zero, which take no memory until they are set."""
    variance, mask = part.variance, part.mask
    return replace(
        part,
        image=np.zeros(shape, part.image.dtype),
        variance=None if variance is None else np.zeros(shape, variance.dtype),
        mask=None if mask is None else np.zeros((*shape, mask.shape[2]), np.uint8),
        x0=x0,
        y0=y0,
        middle=(x0 + (shape[1] - 1) / 2, y0 + (shape[0] - 1) / 2),
    )
