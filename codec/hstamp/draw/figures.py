"""Whole figures: everything about one stamp, and many stamps at a glance."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from matplotlib.figure import Figure

from ..errors import InputError
from ..outputs import atomic_writer
from .orient import AS_STORED, Orientation
from .panels import mask_panel, noise_panel, panel, psf_panel
from .stretch import Stretch
from .style import DPI

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ..stamp import Stamp

__all__ = ["gallery", "show"]

MAX_GALLERY: Final = 400
"""Most stamps in one picture: more would exceed the sizes that image viewers open."""


def show(
    stamp: Stamp,
    path: str | os.PathLike[str] | None = None,
    *,
    title: str | None = None,
    stretch: Stretch | None = None,
    north_up: bool = False,
) -> Figure:
    """Draw all of a stamp: its levels side by side, the mosaic, and the other planes it has.

    All levels and the mosaic share one asinh stretch. Missing pixels are hatched.

    Parameters
    ----------
    stamp : Stamp
        The stamp.
    path : str, path-like or None
        File to write; its suffix chooses the format (PNG, PDF, SVG).
    title : str or None
        Heading; by default the stamp's identifier and band.
    stretch : Stretch or None
        Brightness scale; by default that of the stamp.
    north_up : bool
        Turn the picture, and flip it where the parity asks for it, so that north is up and east
        to the left.

    Returns
    -------
    matplotlib.figure.Figure
        The figure, not registered with pyplot: it needs no display and no closing.

    Raises
    ------
    InputError
        If north is to be up and the stamp has no WCS, or the suffix is of no picture.
    """
    turn = Orientation.north_up(stamp) if north_up else AS_STORED
    stretch = Stretch.of(stamp) if stretch is None else stretch
    width = max(8.0, 1.75 * stamp.n)
    heights = min(width / stamp.n, 2.6) + 0.1, 0.62 * width
    figure = Figure(figsize=(width, sum(heights) + 0.3), dpi=DPI, layout="constrained")
    upper, lower = figure.subfigures(2, 1, height_ratios=heights, squeeze=False)[:, 0]
    heading = _heading(stamp) if title is None else title
    figure.suptitle(heading, fontsize=11, parse_math=False)

    axes = upper.subplots(1, stamp.n, squeeze=False)[0]
    for k, ax in enumerate(axes):
        panel(ax, stamp, k, stretch=stretch, title=_level_title(stamp, k), turn=turn)
        ax.set_label(f"level {k}")

    planes = _other_planes(stamp)
    # Three rows whatever their number, so that the mosaic has the same place in every figure.
    grid = lower.add_gridspec(3, 2 if planes else 1, width_ratios=(3.5, 1.0) if planes else None)
    ax = lower.add_subplot(grid[:, 0], label="mosaic")
    image = panel(ax, stamp, stretch=stretch, title=_mosaic_title(stamp), turn=turn)
    bar = lower.colorbar(image, ax=ax, shrink=0.9, pad=0.02, location="left")
    bar.set_label(f"{stamp.flux_unit} per base pixel", fontsize=8, parse_math=False)
    ticks = stretch.ticks()
    bar.set_ticks(ticks, labels=[f"{tick:g}" for tick in ticks])
    bar.ax.minorticks_off()
    bar.ax.tick_params(labelsize=7)
    bar.ax.set_label("colour bar")
    for row, (name, draw) in enumerate(planes):
        draw(lower.add_subplot(grid[row, 1], label=name), stamp, turn)
    if path is not None:
        _save(figure, path)
    return figure


def _save(figure: Figure, path: str | os.PathLike[str]) -> None:
    target = Path(path)
    form, known = target.suffix[1:].lower() or "png", figure.canvas.get_supported_filetypes()
    if form not in known:
        raise InputError(f"{target}: a picture is {', '.join(sorted(known))}, not {form}")
    with atomic_writer(target) as stream:
        figure.savefig(stream, format=form)


def _other_planes(stamp: Stamp) -> list[tuple[str, Callable[[Axes, Stamp, Orientation], object]]]:
    known = (
        ("noise", stamp.variance, noise_panel),
        ("mask", stamp.mask, mask_panel),
        ("psf", stamp.psf, psf_panel),
    )
    return [(name, draw) for name, plane, draw in known if plane is not None]


def _heading(stamp: Stamp, separator: str = "   ") -> str:
    name = "   ".join(part for part in (stamp.id, stamp.band) if part)
    sky = f"RA {stamp.wcs.ra:.5f}  Dec {stamp.wcs.dec:+.5f}" if stamp.wcs is not None else ""
    return separator.join(part for part in (name, sky) if part) or "stamp"


def _level_title(stamp: Stamp, k: int) -> str:
    size = stamp.layout.pixel_sizes[k]
    if stamp.wcs is None:
        return f"level {k}: {15 * size} px"
    scale = stamp.wcs.pixel_scale * size
    return f"level {k}: {15 * scale:.3g}\N{DOUBLE PRIME}, {scale:.2g}\N{DOUBLE PRIME}/px"


def _mosaic_title(stamp: Stamp) -> str:
    field = f"{stamp.layout.side} px"
    if stamp.wcs is not None:
        field = f"{stamp.layout.side * stamp.wcs.pixel_scale:.3g}\N{DOUBLE PRIME}"
    text = f"mosaic: {field} across from {stamp.layout.size} values"
    missing = int(np.isnan(stamp.values).sum())
    return f"{text}, {missing} missing" if missing else text


def gallery(
    stamps: Iterable[Stamp],
    path: str | os.PathLike[str] | None = None,
    *,
    columns: int = 5,
    titles: Sequence[str] | None = None,
    levels: bool = False,
    stretch: Stretch | None = None,
) -> Figure:
    """Draw many stamps.

    Parameters
    ----------
    stamps : iterable of Stamp
        1 to 400 stamps.
    path : str, path-like or None
        File to write; its suffix chooses the format.
    columns : int
        Mosaics in a row; not used with `levels`.
    titles : sequence of str or None
        One for each stamp; by default its identifier and band.
    levels : bool
        Give each stamp a row of its own: its levels side by side, then its mosaic.
    stretch : Stretch or None
        One brightness scale for all; by default each stamp has its own.

    Returns
    -------
    matplotlib.figure.Figure
        The figure.

    Raises
    ------
    InputError
        If there is no stamp, too many, `titles` has another length, or the suffix is of no
        picture.
    """
    chosen = list(stamps)
    if not 1 <= len(chosen) <= MAX_GALLERY:
        raise InputError(f"a gallery has 1 to {MAX_GALLERY} stamps, not {len(chosen)}")
    if titles is not None and len(titles) != len(chosen):
        raise InputError(f"{len(titles)} titles for {len(chosen)} stamps")
    if columns < 1:
        raise InputError(f"columns must be at least 1, not {columns}")
    names = [_heading(s, "\n") for s in chosen] if titles is None else list(titles)
    if levels:
        return _rows(chosen, names, stretch, path)
    columns = min(columns, len(chosen))
    rows = -(-len(chosen) // columns)
    figure = Figure(figsize=(2.3 * columns, 2.55 * rows), dpi=DPI, layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for ax, stamp, name in zip(axes, chosen, names, strict=False):
        panel(ax, stamp, stretch=stretch, labels=False)
        ax.set_title(name, fontsize=7, parse_math=False)
    for ax in axes[len(chosen) :]:
        ax.remove()
    if path is not None:
        _save(figure, path)
    return figure


def _rows(
    stamps: list[Stamp],
    names: list[str],
    stretch: Stretch | None,
    path: str | os.PathLike[str] | None,
) -> Figure:
    columns = max(stamp.n for stamp in stamps) + 1
    figure = Figure(figsize=(1.7 * columns, 1.95 * len(stamps)), dpi=DPI, layout="constrained")
    axes = figure.subplots(len(stamps), columns, squeeze=False)
    for row, stamp, name in zip(axes, stamps, names, strict=True):
        scale = Stretch.of(stamp) if stretch is None else stretch
        for k, ax in enumerate(row[:-1]):
            if k < stamp.n:
                panel(ax, stamp, k, stretch=scale, title=_level_title(stamp, k))
                ax.title.set_fontsize(7)
            else:
                ax.remove()
        panel(row[-1], stamp, stretch=scale, labels=False)
        row[-1].set_title(name, fontsize=7, parse_math=False)
    if path is not None:
        _save(figure, path)
    return figure
