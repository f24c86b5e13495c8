"""Colours and text effects, chosen to survive colour blindness and print."""

from __future__ import annotations

from typing import Final

from matplotlib.patheffects import AbstractPathEffect, withStroke

__all__ = [
    "BEYOND",
    "CMAP",
    "DPI",
    "HATCH",
    "LEVEL_COLOURS",
    "MASK_COLOURS",
    "MISSING",
    "outline",
]

CMAP: Final = "gray"
"""One lightness ramp: brightness carries the values, colour is left to the annotations."""

MISSING: Final = "#6a4c75"
HATCH: Final = "#d8b8e2"
"""Missing pixels: a hatched hue that the grey ramp does not contain."""

BEYOND: Final = "#17212e"
"""Corners of a turned picture, where there is no stamp; no grey either, and dark behind marks."""

# Okabe & Ito, "Color Universal Design" (2008): distinct under all common colour deficiencies.
LEVEL_COLOURS: Final = (
    "#e69f00",
    "#56b4e9",
    "#009e73",
    "#f0e442",
    "#cc79a7",
    "#d55e00",
    "#0072b2",
    "#b0b0b0",
)
MASK_COLOURS: Final = LEVEL_COLOURS[:7]
DPI: Final = 120


def outline(width: float = 2.0, alpha: float = 1.0) -> list[AbstractPathEffect]:
    """Path effects that keep a light line or text readable on any background."""
    return [withStroke(linewidth=width, foreground="black", alpha=alpha)]
