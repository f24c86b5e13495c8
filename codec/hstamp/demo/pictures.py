"""Pictures of the report, as data inside the page: pixels as PNG, marks as SVG over them."""

from __future__ import annotations

import base64
import io
import math
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import MissingExtraError
from ..stamp import Stamp

__all__ = ["cutout_svg", "mosaic_svg", "png_uri", "stamp_png"]

_VIEW = 240


def png_uri(values: npt.NDArray[Any], noise: float) -> str:
    """Image as a data URI: asinh stretch, first row at the bottom, missing pixels grey.

    Parameters
    ----------
    values : (H, W) array
    noise : float
        Noise of a pixel, in the unit of `values`.
    """
    try:
        from matplotlib.image import imsave
    except ImportError as exc:
        raise MissingExtraError("matplotlib", "plot") from exc
    high = max(np.nanpercentile(values, 99.5), 15 * noise) if np.isfinite(values).any() else 1.0
    low, soft = -1.2 * noise, 1.2 * noise
    scaled = np.arcsinh((values - low) / soft) / math.asinh((high - low) / soft)
    level = np.clip(np.nan_to_num(scaled, nan=0.0), 0, 1)
    rgb = np.repeat(level[..., None], 3, axis=-1)
    rgb[~np.isfinite(values)] = (0.35, 0.22, 0.22)
    out = io.BytesIO()
    imsave(out, np.round(rgb * 255).astype(np.uint8), origin="lower", format="png")
    return "data:image/png;base64," + base64.b64encode(out.getvalue()).decode("ascii")


def stamp_png(stamp: Stamp) -> str:
    """Full picture of a stamp, as ``hstamp show`` draws it, as a data URI."""
    from ..draw import show

    out = io.BytesIO()
    show(stamp).savefig(out, format="png", dpi=110)
    return "data:image/png;base64," + base64.b64encode(out.getvalue()).decode("ascii")


def cutout_svg(uri: str, size: int, pixel: float, caption: str) -> str:
    """Today's cutout with a scale bar.

    Parameters
    ----------
    uri : str
        From `png_uri`.
    size : int
        Side [pixel].
    pixel : float
        Pixel [arcsec].
    caption : str
        What the picture is, for those who cannot see it.
    """
    return _svg(uri, caption, _bar(1.0, size * pixel))


def mosaic_svg(stamp: Stamp, uri: str, angle: float, host: tuple[float, float] | None) -> str:
    """Mosaic with the outlines of the levels, arrows to north and east, and a scale bar.

    Parameters
    ----------
    stamp : Stamp
    uri : str
        The mosaic, from `png_uri`.
    angle : float
        Position angle of +y, east of north [deg].
    host : (float, float) or None
        Host's centre, from the source [pixel].
    """
    layout, marks = stamp.layout, []
    unit = _VIEW / layout.side
    outer = layout.origins[-1]
    for k in range(layout.levels - 1):
        low = (layout.origins[k] - outer) * unit
        side = 15 * 2**k * unit
        style = "today" if k == 1 else "level"
        marks.append(
            f'<rect class="{style}" x="{low:.2f}" y="{_VIEW - low - side:.2f}" '
            f'width="{side:.2f}" height="{side:.2f}"/>'
        )
    x, y = ((float(d) - outer) * unit for d in (stamp.dx, stamp.dy))
    if host is not None:
        hx, hy = x + host[0] * unit, _VIEW - y - host[1] * unit
        marks.append(f'<circle class="host" cx="{hx:.1f}" cy="{hy:.1f}" r="7"/>')
    marks.append(_compass(angle))
    scale = layout.side * (stamp.wcs.pixel_scale if stamp.wcs else 1.0)
    return _svg(uri, f"mosaic of {stamp.id}", "".join(marks) + _bar(10.0, scale))


def _svg(uri: str, caption: str, marks: str) -> str:
    return (
        f'<svg viewBox="0 0 {_VIEW} {_VIEW}" role="img" aria-label="{caption}">'
        f'<image href="{uri}" width="{_VIEW}" height="{_VIEW}" preserveAspectRatio="none"/>'
        f"{marks}</svg>"
    )


def _bar(arcsec: float, across: float) -> str:
    length = _VIEW * arcsec / across
    return (
        f'<line class="bar" x1="10" y1="230" x2="{10 + length:.1f}" y2="230"/>'
        f'<text x="10" y="224">{arcsec:g}″</text>'
    )


def _compass(angle: float) -> str:
    """Arrows to north and, a quarter turn towards the left of it, east."""
    marks, x, y = [], 200.0, 40.0
    for name, turn in (("N", math.radians(angle)), ("E", math.radians(angle) - math.pi / 2)):
        # On the picture +y is up; north lies `angle` from +y, towards +x since east is left.
        dx, dy = math.sin(turn), -math.cos(turn)
        head = " ".join(
            f"{x + a * dx - b * dy:.1f},{y + a * dy + b * dx:.1f}"
            for a, b in ((24, 0), (14, 5), (14, -5))
        )
        marks.append(
            f'<path class="arrow" d="M{x:.1f} {y:.1f} L{x + 15 * dx:.1f} {y + 15 * dy:.1f}"/>'
            f'<polygon class="head" points="{head}"/>'
            f'<text class="mid" x="{x + 33 * dx:.1f}" y="{y + 5 + 33 * dy:.1f}">{name}</text>'
        )
    return "".join(marks)
