"""Checks of Section 11 over a group of blobs of one shape."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ..decoder import check_record
from ..encodings.image import image_within
from ..encodings.mask import mask_within
from ..encodings.psf import psfs_within
from ..encodings.variance import variance_within
from ..errors import FormatError
from ..limits import cd_within, dec_within, offset_within, ra_within, steps_within, unit_within
from .columns import Shape

__all__ = ["checked"]


def checked(shape: Shape, matrix: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
    """Whether each row passes the checks of Section 11 that concern what differs in the group.

    A row that fails is checked again by itself, which also finds its code; so a check here may be
    stricter than the specification, never looser.
    """
    good = np.ones(len(matrix), dtype=np.bool_)
    try:
        check_record(shape.record)
    except FormatError:
        return ~good
    record, places = shape.record, shape.places

    def column(name: str) -> npt.NDArray[Any]:
        return shape.column(matrix, name)

    def number(name: str) -> npt.NDArray[np.float64]:
        return column(name).astype(np.float64)

    good &= offset_within(number("dx")[:, 0]) & offset_within(number("dy")[:, 0])
    if "id" in places:
        text = column("id")
        good &= ((text >= 0x20) & (text <= 0x7E)).all(axis=1)
    if "ra" in places:
        good &= ra_within(number("ra")[:, 0]) & dec_within(number("dec")[:, 0])
        with np.errstate(invalid="ignore", over="ignore"):
            good &= cd_within(*number("cd").T)
    if "scale" in places:
        with np.errstate(invalid="ignore"):
            good &= steps_within(number("zero"), number("scale")).all(axis=1)
    else:
        good &= image_within(column("image"))
    if record.variance is not None and record.variance.encoding == "f4":
        good &= variance_within(column("variance"))
    elif record.variance is not None:
        good &= unit_within(number("unit")[:, 0])
    if "mask" in places and record.mask is not None:
        good &= mask_within(column("mask"), len(record.mask.planes))
    if "psf" in places:
        good &= psfs_within(column("psf"))
    return good
