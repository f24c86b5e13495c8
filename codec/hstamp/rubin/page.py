"""The page of the demonstration: today's cutout beside the stamp that the pipeline made."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import Final

import numpy as np

from ..alerts.fields import STAMP_FIELDS
from ..demo.pictures import cutout_svg, mosaic_svg, png_uri, stamp_png
from ..demo.report import document, pair, pictures
from ..export.pages import enlarging
from ..layout import reference_corner
from ..stamp import Stamp
from .parent import Parent, parent_of
from .simulate import Exposure

__all__ = ["page"]

_TODAY: Final = 30
"""Side of today's cutout [pixel]."""
_PIXEL: Final = 0.2
_SHOWN: Final = 8
"""Sources of each detector."""


def page(
    exposures: Sequence[Exposure],
    stamps: Mapping[int, Mapping[str, Sequence[Stamp | None]]],
    steps: Sequence[str],
) -> str:
    """Write the page.

    Parameters
    ----------
    exposures : sequence of Exposure
    stamps : mapping of int to mapping of str to sequence of (Stamp or None)
        Detector to field to stamps, as the pipeline made them.
    steps : sequence of str
        What was done.

    Returns
    -------
    str
        HTML without scripts and with nothing from outside.
    """
    cards, hero = [], ""
    for one in exposures:
        parent = parent_of(one.science)
        made = stamps[one.detector][STAMP_FIELDS["science"]]
        for row, stamp in list(enumerate(made))[:_SHOWN]:
            if stamp is not None:
                cards.append(_card(one, parent, row, stamp))
                hero = hero or stamp_png(stamp)
    body = f"""<h1>Wide stamps made where the whole image is</h1>
<p>Simulated detectors, real middleware: a Butler repository, a pipeline task under
<code>pipetask</code>, a table of stamps. Orange is today's 6″ cutout, blue the other levels, and
the green circle the middle of the wide galaxy.</p>
<pre class="scroll">{escape(chr(10).join(steps))}</pre>
{pictures(hero, cards)}"""
    return document("Hierarchical stamps made by a pipeline task", body)


def _card(one: Exposure, parent: Parent, row: int, stamp: Stamp) -> str:
    x, y = float(one.x[row]), float(one.y[row])
    i0, j0 = reference_corner(x - parent.x0, y - parent.y0)
    half = _TODAY // 2
    cut = np.full((_TODAY, _TODAY), np.nan)
    rows, columns = (np.arange(start - half, start + half) for start in (j0, i0))
    height, width = parent.image.shape
    there = ((rows >= 0) & (rows < height), (columns >= 0) & (columns < width))
    cut[np.ix_(*there)] = parent.image[np.ix_(rows[there[0]], columns[there[1]])]
    noise = 1.0 if stamp.variance is None else float(np.sqrt(np.nanmedian(stamp.variance[0])))
    today = cutout_svg(png_uri(cut, noise), _TODAY, _PIXEL, "today's cutout")
    angle = 0.0
    if stamp.wcs is not None:
        angle = math.degrees(math.atan2(stamp.wcs.cd1_2, stamp.wcs.cd2_2))
    offset = (one.galaxy[0] - x, one.galaxy[1] - y)
    seen = offset if max(map(abs, offset)) < stamp.layout.side / 2 else None
    wide = mosaic_svg(stamp, png_uri(stamp.mosaic(), noise), angle, seen)
    both = pair(today, "6″", wide, f"48″, {len(stamp.to_bytes()):,} bytes")
    caption = f"{escape(str(stamp.id))}, detector {one.detector}"
    return enlarging(f"source-{one.ids[row]}", both, caption=caption, kind="card")
