"""A gallery of stamps with their hosts marked: a picture, or a page with numbers beside it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from ..inference.alerts import Alert
from ..inference.report import Frame
from ..stamp import Stamp
from .table import HostTable

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["FRAME", "Panel", "panels_of"]

_COLOUR: Final = "#d55e00"
_LEAST_WEIGHT: Final = 0.02
"""Candidates with less weight are not drawn, the best one excepted."""
_FAINTEST: Final = 0.2
"""Opacity of the cross where there is no host: the best candidate can still be looked for."""

FRAME: Final = Frame(
    "Hosts of",
    "The model was trained on a simulated sky. Ellipses: candidates (two sigma, line width"
    " by probability), the cross in the best one, fainter the more probable it is that no host is"
    " in the stamp; white ticks: the source.",
    "model trained on a simulated sky",
)


@dataclass(frozen=True)
class Panel:
    """A stamp and what was found in it.

    Attributes
    ----------
    stamp : Stamp
    title : str
    lines : tuple of str
        The numbers.
    weight : ndarray, shape (K,)
    mean : ndarray, shape (K, 2)
        Base pixels from the source.
    covariance : ndarray, shape (K, 2, 2)
        Base pixels squared.
    none : float
        Probability that no host is in the stamp.
    """

    stamp: Stamp
    title: str
    lines: tuple[str, ...]
    weight: Any
    mean: Any
    covariance: Any
    none: float = 0.0
    pictures = 1

    def draw(self, axes: Sequence[Axes]) -> None:
        """Draw the stamp with its candidates."""
        _draw(axes[0], self)


def panels_of(alerts: Sequence[Alert], hosts: HostTable) -> list[Panel]:
    """Panels of alerts that all have a stamp."""
    found, panels = hosts.candidates, []
    for b, alert in enumerate(alerts):
        assert alert.stamp is not None
        panels.append(
            Panel(
                alert.stamp,
                alert.id or f"{alert.path.name}, {alert.record}",
                _lines(hosts, b),
                found.weight[b],
                np.stack([found.x[b], found.y[b]], axis=-1),
                found.covariance_pixels[b],
                float(hosts.none[b]),
            )
        )
    return panels


def _lines(hosts: HostTable, b: int) -> tuple[str, ...]:
    if math.isnan(hosts.none[b]):
        return ("nothing to see",)
    best = hosts.best
    unit, offset, size = "\N{DOUBLE PRIME}", best.offset[b], best.radius[b]
    if math.isnan(offset):
        unit, offset, size = " px", math.hypot(best.x[b], best.y[b]), best.radius_pixels[b]
    return (
        f"P(host) {best.weight[b]:.2f}, P(none) {hosts.none[b]:.2f}",
        f"offset {offset:.2f}{unit}, size {size:.2f}{unit}",
    )


def _draw(ax: Axes, item: Panel) -> None:
    from matplotlib.patches import Ellipse

    from ..draw import panel
    from ..draw.style import outline

    panel(ax, item.stamp, labels=False)
    for k, weight in enumerate(item.weight):
        if not weight > 0 or (k and weight < _LEAST_WEIGHT):
            continue
        variance, axes = np.linalg.eigh(item.covariance[k])
        # A region smaller than a pixel would not be seen.
        minor, major = 4.0 * np.sqrt(np.maximum(variance, 0.06))
        ax.add_patch(
            Ellipse(
                tuple(item.mean[k]), major, minor,
                angle=math.degrees(math.atan2(axes[1, 1], axes[0, 1])), fill=False, zorder=3,
                edgecolor=_COLOUR, linewidth=0.8 + 1.6 * float(weight), gid=f"candidate-{k}",
            )
        )  # fmt: skip
    if item.weight[0] > 0:
        seen = 1.0 if math.isnan(item.none) else max(1.0 - item.none, _FAINTEST)
        (cross,) = ax.plot(
            *item.mean[0], "+", color=_COLOUR, markersize=9, markeredgewidth=1.6, alpha=seen,
            zorder=4, path_effects=outline(3.0, alpha=seen),
        )  # fmt: skip
        cross.set_gid("host")
