"""Pictures of the three images of alerts with their classes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ..inference.alerts import Alert
from ..inference.report import Frame
from ..stamp import Stamp
from .inputs import IMAGES
from .table import CLASSES, ClassTable

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["FRAME", "Panel", "panels_of"]

FRAME: Final = Frame(
    "Classes of",
    "From left to right: science, template and difference image; white ticks: the source. The"
    " model was trained on simulated alerts and on some real ones of ZTF.",
    "science, template, difference; model trained on simulated alerts and some real ones",
)


@dataclass(frozen=True)
class Panel:
    """An alert and its class.

    Attributes
    ----------
    stamps : tuple of Stamp
        Science, template, difference.
    title : str
    lines : tuple of str
        The probabilities.
    """

    stamps: tuple[Stamp, ...]
    title: str
    lines: tuple[str, ...]
    pictures = len(IMAGES)

    def draw(self, axes: Sequence[Axes]) -> None:
        """Draw the three images beside each other."""
        from ..draw import panel

        for ax, stamp in zip(axes, self.stamps, strict=True):
            panel(ax, stamp, labels=False)


def panels_of(alerts: Sequence[Alert], classes: ClassTable) -> list[Panel]:
    """Panels of alerts that all have their stamps."""
    return [
        Panel(
            tuple(alert.stamps[image] for image in IMAGES),
            alert.id or f"{alert.path.name}, {alert.record}",
            _lines(classes, b),
        )
        for b, alert in enumerate(alerts)
    ]


def _lines(classes: ClassTable, b: int) -> tuple[str, ...]:
    row = classes.probabilities[b]
    if math.isnan(row[0]):
        return ("nothing to see",)
    order = (-row).argsort()
    others = ", ".join(f"{CLASSES[i]} {row[i]:.2f}" for i in order[1:] if row[i] >= 0.005)
    return (f"{CLASSES[order[0]]} {row[order[0]]:.2f}", others or "no other above 0.005")
