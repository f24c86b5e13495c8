"""ZTF alerts: where the source lies in a 63x63 cutout, and how the cutout lies on the sky.

The packet says neither. Both conventions were measured on public alerts (``docs/convert.md``
gives the numbers): the cutout is centred on the pixel nearest to (xpos, ypos), and its axes run
along xpos and ypos, which increase to the west and to the south.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt

from ..errors import InputError
from ..planes import Wcs

__all__ = [
    "BANDS",
    "MAX_DEC",
    "PIXEL",
    "SIDE",
    "ZtfWcs",
    "nominal_wcs",
    "off_image",
    "source_pixel",
]

ZtfWcs = Literal["auto", "nominal", "none"]

SIDE: Final = 63
"""Side of a ZTF cutout [pixel]."""
CENTRE: Final = 31
"""Its central row and column, 0-based."""
PIXEL: Final = 1.012
"""Nominal pixel [arcsec] (Bellm et al. 2019, PASP 131, 018002); 1.0122 to 1.0125 measured."""
BANDS: Final = {1: "g", 2: "r", 3: "i"}
"""Filter of each ``fid``."""
MAX_DEC: Final = 30.0
"""Largest |declination| at which ``auto`` trusts the nominal orientation [deg].

A quadrant lies up to 3.7 deg east or west of its field's centre, so north turns by up to
3.7 deg * tan(dec) against the camera: 2.1 deg at 30 deg, one pixel at the edge of a cutout.
"""


def source_pixel(candidate: Mapping[str, Any], shape: tuple[int, ...]) -> tuple[float, float]:
    """Position of the source in a cutout.

    Parameters
    ----------
    candidate : mapping
        The alert's ``candidate`` record.
    shape : tuple of int
        Shape of the cutout.

    Returns
    -------
    x, y : float
        Position [pixel, 0-based].

    Raises
    ------
    InputError
        If the cutout is not 63x63, or the alert gives no position.
    """
    if shape != (SIDE, SIDE):
        raise InputError(
            f"a ZTF cutout is {SIDE} x {SIDE}; in one of {shape} the source may be anywhere"
        )
    xpos, ypos = candidate.get("xpos"), candidate.get("ypos")
    if xpos is None or ypos is None or not (math.isfinite(xpos) and math.isfinite(ypos)):
        raise InputError("the alert has no xpos, ypos")
    return CENTRE + _from_nearest(float(xpos)), CENTRE + _from_nearest(float(ypos))


def nominal_wcs(candidate: Mapping[str, Any], policy: ZtfWcs = "auto") -> Wcs | None:
    """Nominal tangent plane at the source.

    Parameters
    ----------
    candidate : mapping
        The alert's ``candidate`` record.
    policy : {"auto", "nominal", "none"}
        ``auto`` gives none beyond |dec| = 30 deg, where the orientation is uncertain by more
        than a pixel at the cutout's edge.
    """
    ra, dec = candidate.get("ra"), candidate.get("dec")
    if policy == "none" or ra is None or dec is None:
        return None
    if policy == "auto" and abs(dec) > MAX_DEC:
        return None
    pixel = PIXEL / 3600.0
    return Wcs(float(ra), float(dec), -pixel, 0.0, 0.0, -pixel)


def off_image(image: npt.NDArray[np.floating[Any]]) -> npt.NDArray[np.bool_]:
    """Pixels beyond the edge of a template, which ZTF fills with -FLT_MAX instead of NaN."""
    return np.asarray(np.abs(image) >= np.finfo(np.float32).max)


def _from_nearest(position: float) -> float:
    return position - math.floor(position + 0.5)
