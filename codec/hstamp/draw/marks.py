"""Annotations; all axes are in base pixels from the source."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from matplotlib.patches import Rectangle

from .orient import AS_STORED, Orientation, sky_direction
from .style import LEVEL_COLOURS, outline

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ..stamp import Stamp

__all__ = ["compass", "level_box", "level_outlines", "scale_bar", "source_marker", "window_of"]

_NICE: Final = (1.0, 2.0, 5.0)


def level_box(stamp: Stamp, k: int) -> tuple[float, float, float]:
    """Lower left corner and side of level `k` [base pixel from the source]."""
    low, high = stamp.layout.extent(k)
    return low - float(stamp.dx), low - float(stamp.dy), float(high - low)


def window_of(stamp: Stamp, k: int, turn: Orientation = AS_STORED) -> tuple[float, float, float]:
    """Lower left corner and side of the picture that holds level `k` [base pixel]."""
    return turn.window(*level_box(stamp, k))


def level_outlines(
    ax: Axes,
    stamp: Stamp,
    levels: Sequence[int] | None = None,
    *,
    labels: bool = True,
    turn: Orientation = AS_STORED,
) -> list[Rectangle]:
    """Draw the borders of levels, by default of all but the widest, which fills the mosaic.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Axes in base pixels from the source.
    stamp : Stamp
        The stamp.
    levels : sequence of int or None
        Levels to outline.
    labels : bool
        Write each level's number at its upper right corner, where there is room for it.
    turn : Orientation
        How the picture is turned.

    Returns
    -------
    list of matplotlib.patches.Rectangle
        One for each level.
    """
    boxes = []
    for k in range(stamp.n - 1) if levels is None else levels:
        x, y, side = level_box(stamp, k)
        colour = LEVEL_COLOURS[k % len(LEVEL_COLOURS)]
        box = Rectangle((x, y), side, side, fill=False, edgecolor=colour, linewidth=1.2)
        box.set_transform(turn.on(ax))
        box.set_gid(f"level-{k}")
        box.set_path_effects(outline(2.2))
        ax.add_patch(box)
        boxes.append(box)
        if labels and side > 0.12 * stamp.layout.side:
            inset = 0.035 * stamp.layout.side
            corner = max(
                (turn.apply(u, v) for u in (x + inset, x + side - inset)
                 for v in (y + inset, y + side - inset)),
                key=sum,
            )  # fmt: skip
            ax.text(
                *corner,
                str(k),
                color=colour,
                fontsize=8,
                fontweight="bold",
                ha="center",
                va="center",
                path_effects=outline(),
            )
    return boxes


def source_marker(ax: Axes, *, gap: float, length: float) -> None:
    """Mark the source with two ticks that leave the source itself free.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Axes in base pixels from the source.
    gap, length : float
        Distance from the source, and length, of each tick [base pixel].
    """
    for xs, ys in (((gap, gap + length), (0.0, 0.0)), ((0.0, 0.0), (gap, gap + length))):
        (line,) = ax.plot(xs, ys, color="white", linewidth=1.4, path_effects=outline(2.6))
        line.set_gid("source")


def compass(
    ax: Axes,
    stamp: Stamp,
    *,
    size: float,
    centre: tuple[float, float],
    turn: Orientation = AS_STORED,
) -> None:
    """Draw arrows to north and east; nothing for a stamp without WCS.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Axes in base pixels from the source.
    stamp : Stamp
        The stamp.
    size : float
        Length of the arrows [base pixel].
    centre : (float, float)
        Middle of the drawing [base pixel from the source].
    turn : Orientation
        How the picture is turned.
    """
    if stamp.wcs is None:
        return
    north, east = sky_direction(stamp, 0.0, 1.0), sky_direction(stamp, 1.0, 0.0)
    arrows = {"N": turn.apply(*north), "E": turn.apply(*east)}
    foot_x = centre[0] - size * sum(x for x, _ in arrows.values()) / 2.0
    foot_y = centre[1] - size * sum(y for _, y in arrows.values()) / 2.0
    for letter, (x, y) in arrows.items():
        arrow = ax.annotate(
            "",
            xy=(foot_x + size * x, foot_y + size * y),
            xytext=(foot_x, foot_y),
            arrowprops={
                "arrowstyle": "-|>,head_width=0.28,head_length=0.5",
                "color": "white",
                "linewidth": 2.0,
                "shrinkA": 0,
                "shrinkB": 0,
                "path_effects": outline(4.4),
            },
            zorder=4,
        )
        arrow.set_gid(f"arrow-{letter}")
        ax.text(
            foot_x + 1.36 * size * x,
            foot_y + 1.36 * size * y,
            letter,
            color="white",
            fontsize=_letters(ax),
            fontweight="bold",
            ha="center",
            va="center_baseline",
            path_effects=outline(3.0),
            zorder=5,
        )


def _letters(ax: Axes) -> float:
    """Size of letters that stand out in a large panel and leave room in a small one [point]."""
    figure = ax.get_figure()
    width = ax.get_position().width * (figure.bbox.width / figure.dpi if figure else 4.0)
    return min(12.0, max(7.0, 2.6 * width))


def bar_length(arcsec: float) -> float:
    """Largest of 1, 2 or 5 times a power of ten that is at most `arcsec`."""
    power = 10.0 ** math.floor(math.log10(arcsec))
    return max((n * power for n in _NICE if n * power <= arcsec * 1.0001), default=power)


def scale_bar(
    ax: Axes, stamp: Stamp, *, k: int | None, turn: Orientation = AS_STORED
) -> float | None:
    """Draw a bar of a round length in arcsec; in base pixels for a stamp without WCS.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Axes in base pixels from the source.
    stamp : Stamp
        The stamp.
    k : int or None
        Level shown in the axes, or None for the mosaic.
    turn : Orientation
        How the picture is turned.

    Returns
    -------
    float
        Length of the bar [base pixel].
    """
    x, y, side = window_of(stamp, stamp.n - 1 if k is None else k, turn)
    pixel, unit = (1.0, " px") if stamp.wcs is None else (stamp.wcs.pixel_scale, "\N{DOUBLE PRIME}")
    length = bar_length(0.33 * side * pixel)
    start, foot = x + 0.06 * side, y + 0.07 * side
    (line,) = ax.plot(
        (start, start + length / pixel),
        (foot, foot),
        color="white",
        linewidth=2.0,
        solid_capstyle="butt",
        path_effects=outline(3.4),
    )
    line.set_gid("scale-bar")
    ax.text(
        start + length / pixel / 2.0,
        foot + 0.025 * side,
        f"{length:g}{unit}",
        color="white",
        fontsize=8,
        ha="center",
        va="bottom",
        path_effects=outline(),
    )
    return length / pixel
