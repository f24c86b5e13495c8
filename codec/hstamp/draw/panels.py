"""One picture in one pair of axes: a level, the mosaic, the noise, the mask or the PSF."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from matplotlib.colors import ListedColormap, Normalize
from matplotlib.patches import Patch, Rectangle

from .marks import compass, level_box, level_outlines, scale_bar, source_marker, window_of
from .orient import AS_STORED, Orientation
from .stretch import Stretch
from .style import BEYOND, CMAP, HATCH, LEVEL_COLOURS, MASK_COLOURS, MISSING

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.image import AxesImage

    from ..stamp import Stamp

__all__ = ["mask_panel", "noise_panel", "panel", "psf_panel"]


def panel(
    ax: Axes,
    stamp: Stamp,
    level: int | None = None,
    *,
    stretch: Stretch | None = None,
    outlines: bool = True,
    labels: bool = True,
    marks: bool = True,
    title: str | None = None,
    turn: Orientation = AS_STORED,
) -> AxesImage:
    """Draw a level or the mosaic.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Where to draw; its coordinates become base pixels from the source.
    stamp : Stamp
        The stamp.
    level : int or None
        Level, or None for the mosaic.
    stretch : Stretch or None
        Brightness scale; by default that of the stamp.
    outlines : bool
        Outline the levels in a mosaic.
    labels : bool
        Number the outlines.
    marks : bool
        Mark the source, and draw a scale bar and (in a mosaic) the directions to north and east.
    title : str or None
        Text above the panel.
    turn : Orientation
        How the picture is turned, for example ``Orientation.north_up(stamp)``; the values stay
        those of the stamp.

    Returns
    -------
    matplotlib.image.AxesImage
        The image, for a colour bar.
    """
    k = stamp.n - 1 if level is None else level
    data = stamp.mosaic() if level is None else stamp.levels[level]
    stretch = Stretch.of(stamp) if stretch is None else stretch
    image = _draw(ax, stamp, k, data, turn, cmap=CMAP, norm=stretch.norm())
    x, y, side = window_of(stamp, k, turn)
    if level is None and outlines:
        level_outlines(ax, stamp, labels=labels, turn=turn)
    if level is not None:
        for spine in ax.spines.values():
            spine.set_color(LEVEL_COLOURS[level % len(LEVEL_COLOURS)])
            spine.set_linewidth(2.0)
    if marks:
        # In a mosaic the levels around the source are small: the ticks stay short of them.
        shrink = 0.4 if level is None else 1.0
        source_marker(ax, gap=0.045 * shrink * side, length=0.08 * shrink * side)
        scale_bar(ax, stamp, k=level, turn=turn)
        if level is None:
            centre = (x + 0.85 * side, y + 0.15 * side)
            compass(ax, stamp, size=0.11 * side, centre=centre, turn=turn)
    if title is not None:
        ax.set_title(title, fontsize=9, parse_math=False)
    return image


def noise_panel(ax: Axes, stamp: Stamp, turn: Orientation = AS_STORED) -> AxesImage | None:
    """Draw the square root of the mosaic's variance; None for a stamp without variance."""
    if stamp.variance is None:
        return None
    with np.errstate(invalid="ignore"):
        noise = np.sqrt(stamp.mosaic("variance"))
    finite = noise[np.isfinite(noise)]
    low, high = np.percentile(finite, [0.5, 99.5]) if finite.size else (0.0, 1.0)
    norm = Normalize(low, high if high > low else low + 1.0)
    image = _draw(ax, stamp, stamp.n - 1, noise, turn, cmap="cividis", norm=norm)
    ax.set_facecolor("white")  # the colours of low noise are dark and bluish too
    title = f"noise: {low:.3g} to {high:.3g} {stamp.flux_unit}" if finite.size else "noise: none"
    ax.set_title(title, fontsize=8, parse_math=False)
    return image


def mask_panel(
    ax: Axes, stamp: Stamp, turn: Orientation = AS_STORED, *, legend: bool = True
) -> AxesImage | None:
    """Draw the lowest set bit of each pixel of the mosaic; None for a stamp without mask."""
    if stamp.mask is None:
        return None
    bits = stamp.mosaic("mask").astype(np.int64)
    # The lowest set bit, alone, is a power of two: its exponent is exact in float64.
    lowest = np.where(bits > 0, np.log2(np.maximum(bits & -bits, 1)), np.nan)
    present = [int(b) for b in np.unique(lowest[np.isfinite(lowest)])]
    colours = [MASK_COLOURS[b % len(MASK_COLOURS)] for b in range(16)]
    norm = Normalize(-0.5, 15.5)
    image = _draw(
        ax, stamp, stamp.n - 1, lowest, turn, cmap=ListedColormap(colours), norm=norm, hatch=False
    )
    ax.set_facecolor("#202020")
    ax.set_title("mask" if present else "mask: all clear", fontsize=8)
    if legend and present:
        box = ax.legend(
            handles=[Patch(color=colours[b], label=str(b)) for b in present],
            fontsize=6,
            loc="upper left",
            framealpha=0.8,
            handlelength=1.0,
            borderpad=0.3,
        )
        # Set afterwards: a legend drops labels that begin with an underscore.
        for text, b in zip(box.get_texts(), present, strict=True):
            text.set_text(_name(stamp, b))
            text.set_parse_math(False)
    return image


def psf_panel(ax: Axes, stamp: Stamp, turn: Orientation = AS_STORED) -> AxesImage | None:
    """Draw the PSF on base pixels; None for a stamp without PSF."""
    if stamp.psf is None:
        return None
    peak = float(stamp.psf.max())
    stretch = Stretch(0.0, peak, 0.0, peak / 100.0)
    half = len(stamp.psf) / 2.0
    image = ax.imshow(
        stamp.psf,
        origin="lower",
        interpolation="nearest",
        cmap=CMAP,
        norm=stretch.norm(),
        extent=(-half, half, -half, half),
        transform=turn.on(ax),
    )
    _frame(ax, turn, -half, -half, 2.0 * half)
    ax.set_title(f"PSF, {len(stamp.psf)} px", fontsize=8)
    return image


def _draw(
    ax: Axes,
    stamp: Stamp,
    k: int,
    data: npt.NDArray[Any],
    turn: Orientation,
    *,
    hatch: bool = True,
    **style: Any,
) -> AxesImage:
    """Image over the extent of level `k`, with a hatch that shows through where it is missing."""
    x, y, side = level_box(stamp, k)
    if hatch and np.isnan(data).any():
        ax.add_patch(
            Rectangle(
                (x, y),
                side,
                side,
                facecolor=MISSING,
                edgecolor=HATCH,
                hatch="////",
                linewidth=0.0,
                gid="missing",
                zorder=0,
                transform=turn.on(ax),
            )
        )
    image = ax.imshow(
        np.ma.masked_invalid(data),
        origin="lower",
        interpolation="nearest",
        extent=(x, x + side, y, y + side),
        zorder=1,
        transform=turn.on(ax),
        **style,
    )
    _frame(ax, turn, x, y, side)
    return image


def _frame(ax: Axes, turn: Orientation, x: float, y: float, side: float) -> None:
    """Show the square of the picture that holds a square of the image, and no ticks."""
    left, low, width = turn.window(x, y, side)
    ax.set_xlim(left, left + width)
    ax.set_ylim(low, low + width)
    ax.set_facecolor(BEYOND)
    ax.set_xticks([])
    ax.set_yticks([])


def _name(stamp: Stamp, bit: int) -> str:
    return stamp.mask_planes[bit] if bit < len(stamp.mask_planes) else f"bit {bit}"
