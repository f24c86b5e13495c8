"""A small picture of a stamp, for notebooks."""

from __future__ import annotations

import io
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from .panels import panel

if TYPE_CHECKING:
    from ..stamp import Stamp

__all__ = ["thumbnail"]

_INCHES: Final = 2.6
_DPI: Final = 100


@lru_cache(maxsize=4)  # a notebook asks for the picture alone and inside the table
def thumbnail(stamp: Stamp) -> bytes:
    """Draw the mosaic, 260 pixels wide.

    Parameters
    ----------
    stamp : Stamp

    Returns
    -------
    bytes
        PNG.
    """
    figure = Figure(figsize=(_INCHES, _INCHES), dpi=_DPI)
    FigureCanvasAgg(figure)
    panel(figure.add_axes((0.0, 0.0, 1.0, 1.0)), stamp, labels=False)
    out = io.BytesIO()
    figure.savefig(out, format="png")
    return out.getvalue()
