"""A stamp as a notebook shows it: a table of what it holds and, with matplotlib, a picture."""

from __future__ import annotations

import base64
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .stamp import Stamp

__all__ = ["to_html", "to_png"]


def to_png(stamp: Stamp) -> bytes | None:
    """Small picture of a stamp as PNG; None where it cannot be drawn.

    A notebook shows the result of every cell: a missing or broken matplotlib is no reason to
    show a traceback instead of the stamp.
    """
    try:
        from .draw.notebook import thumbnail

        return thumbnail(stamp)
    except Exception:
        return None


def to_html(stamp: Stamp) -> str:
    """Table of a stamp's facts, with a picture beside it where one can be drawn.

    Parameters
    ----------
    stamp : Stamp

    Returns
    -------
    str
        HTML that needs nothing from outside.
    """
    rows = "".join(
        f'<tr><th style="text-align:left">{escape(name)}</th>'
        f'<td style="text-align:left">{escape(text)}</td></tr>'
        for name, text in _facts(stamp)
    )
    table = f"<table>{rows}</table>"
    picture = to_png(stamp)
    if picture is None:
        return table
    data = base64.b64encode(picture).decode("ascii")
    image = (
        f'<img alt="mosaic of the stamp" src="data:image/png;base64,{data}"'
        ' style="width:260px;max-width:100%">'
    )
    return (
        '<div style="display:flex;flex-wrap:wrap;gap:1em;align-items:flex-start">'
        f"{image}{table}</div>"
    )


def _facts(stamp: Stamp) -> list[tuple[str, str]]:
    record, side = stamp.record, stamp.layout.side
    facts = [("Stamp", stamp.id or "")]
    if stamp.band is not None:
        facts.append(("band", stamp.band))
    field = f"{side} pixels wide"
    if stamp.wcs is not None:
        facts.append(("ICRS", f"{stamp.wcs.ra:.5f} {stamp.wcs.dec:+.5f} deg"))
        field += f", {side * stamp.wcs.pixel_scale:.3g}\N{DOUBLE PRIME}"
    facts.append(("levels", f"{stamp.n}, {field}"))
    facts.append(("image", f"{record.image.encoding}, {stamp.flux_unit}"))
    if record.variance is not None:
        facts.append(("variance", record.variance.encoding))
    if record.mask is not None:
        facts.append(("mask", ", ".join(record.mask.planes)))
    if record.psf is not None:
        facts.append(("PSF", f"{record.psf.size}\N{MULTIPLICATION SIGN}{record.psf.size}"))
    facts.append(("bytes", f"{len(stamp.to_bytes()):,}"))
    return facts
