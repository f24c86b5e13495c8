"""Figures of the proposal.

`bytes_svg` is drawn anew with every build. ``python docs/proposal/figures.py SHARED`` draws
`figures/today.png` from the real LSST alerts of a folder like ``../shared/data/lsst/v9_ocf``.
"""

from __future__ import annotations

import io
import sys
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Final

import fastavro
import numpy as np
from astropy.io import fits

from hstamp.draw.stretch import Stretch

if TYPE_CHECKING:
    from collections.abc import Sequence

HERE: Final = Path(__file__).resolve().parent
KINDS: Final = ("Science", "Template", "Difference")
COLOURS: Final = ("#b9b9b9", "#7f8c99", "#2f6db3")
"""As it is, snappy, zstd: apart in grey too."""


ROW_COLOURS: Final = ("#2f6db3", "#d98a2b", "#7f8c99", "#c9c9c9")


def bytes_svg(rows: Sequence[tuple[str, float, float | None, float | None]]) -> str:
    """Bars of bytes: a label, the bytes as they are, under snappy and under zstd."""
    most, left, wide, high = max(row[1] for row in rows), 250, 430, 16
    parts, y = [], 30
    for k, name in enumerate(("as it is", "snappy", "zstd")):
        x = left + 90 * k
        parts.append(f'<rect x="{x}" y="6" width="12" height="12" fill="{COLOURS[k]}"/>')
        parts.append(f'<text x="{x + 17}" y="16">{name}</text>')
    for label, *sizes in rows:
        shown = [(k, size) for k, size in enumerate(sizes) if size is not None]
        middle = y + high * len(shown) / 2 + 4
        parts.append(f'<text x="{left - 8}" y="{middle}" text-anchor="end">{label}</text>')
        for k, size in shown:
            width = max(size / most * wide, 1.0)
            parts.append(
                f'<rect x="{left}" y="{y}" width="{width:.1f}" height="{high - 2}"'
                f' fill="{COLOURS[k]}"/>'
                f'<text x="{left + width + 5:.1f}" y="{y + 11}" font-size="11">{size:,.0f}</text>'
            )
            y += high
        y += 9
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {left + wide + 70} {y}"'
        f' width="{left + wide + 70}" height="{y}" role="img"'
        ' font-family="DejaVu Sans,Helvetica,Arial,sans-serif" font-size="12" fill="#222">'
        f"<title>Bytes of one image of an alert</title>{''.join(parts)}</svg>"
    )


def shares_svg(
    columns: Sequence[str], rows: Sequence[tuple[str, Sequence[tuple[float, float, float]]]]
) -> str:
    """Bars of shares in %: for each column of a table a group with a bar for every row.

    Parameters
    ----------
    columns : sequence of str
    rows : sequence of (label, estimates)
        An estimate for each column: value, and the ends of its interval.
    """
    top = max(high for _, values in rows for _, _, high in values)
    most, left, wide, high = max(top, 1.0), 250, 400, 15
    parts, y = [], 4
    for c, column in enumerate(columns):
        parts.append(f'<text x="0" y="{y + 13}" font-weight="bold">{escape(column)}</text>')
        y += 20
        for k, (label, values) in enumerate(rows):
            value, least, greatest = values[c]
            width, middle = max(value / most * wide, 1.0), y + (high - 2) / 2
            colour = ROW_COLOURS[k % len(ROW_COLOURS)]
            parts.append(
                f'<text x="{left - 8}" y="{y + 11}" text-anchor="end" font-size="11">'
                f"{escape(label)}</text>"
                f'<rect x="{left}" y="{y}" width="{width:.1f}" height="{high - 2}"'
                f' fill="{colour}"/>'
                f'<path d="M{left + least / most * wide:.1f} {middle}'
                f'H{left + greatest / most * wide:.1f}" stroke="#222" stroke-width="1.5"/>'
                f'<text x="{left + max(greatest / most * wide, width) + 6:.1f}" y="{y + 11}"'
                f' font-size="11">{value:g} %</text>'
            )
            y += high
        y += 8
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {left + wide + 60} {y}"'
        f' width="{left + wide + 60}" height="{y}" role="img"'
        ' font-family="DejaVu Sans,Helvetica,Arial,sans-serif" font-size="12" fill="#222">'
        f"<title>Answers that miss the host</title>{''.join(parts)}</svg>"
    )


def draw_today(folder: Path, picture: Path, columns: int = 5) -> None:
    """Draw the cutouts of a few real alerts, evenly chosen from a folder by name."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    files = sorted(folder.glob("*.avro"))
    files = [files[i] for i in np.linspace(0, len(files) - 1, columns).astype(int)]
    figure, axes = plt.subplots(3, columns, figsize=(2.1 * columns, 6.4))
    for column, path in zip(axes.T, files, strict=True):
        with path.open("rb") as stream:
            alert = next(iter(fastavro.reader(stream)))
        for ax, kind in zip(column, KINDS, strict=True):
            payload = alert[f"cutout{kind}"]
            ax.set(xticks=[], yticks=[])
            if payload is None:
                continue
            image = fits.getdata(io.BytesIO(payload)).astype(np.float64)
            ax.imshow(image, origin="lower", cmap="gray", norm=Stretch.of_values(image).norm(),
                      interpolation="nearest")  # fmt: skip
            ax.set_xlabel(f"{image.shape[1]}×{image.shape[0]} px, {len(payload):,} B",
                          fontsize=10.5)  # fmt: skip
    for ax, kind in zip(axes[:, 0], KINDS, strict=True):
        ax.set_ylabel(kind.lower(), fontsize=13)
    figure.tight_layout(pad=0.5)
    picture.parent.mkdir(exist_ok=True)
    figure.savefig(picture, dpi=110, metadata={"Software": None})


if __name__ == "__main__":
    draw_today(Path(sys.argv[1]), HERE / "figures" / "today.png")
