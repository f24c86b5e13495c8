"""Draws `hero.png`: what today's stamp and a hierarchical one show of the same sky.

``python docs/figures/hero.py IMAGE [PICTURE]`` with the SDSS r-band image of SN 2010H that
``../shared/data/README.md`` names (scimma/blast, MIT). Four levels of its 0.396 arcsec pixels are
as wide as five of Rubin's 0.2 arcsec.
"""

from __future__ import annotations

import sys
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
from astropy.io import fits
from astropy.wcs import WCS
from matplotlib.patches import Polygon

import hstamp
from hstamp.draw.marks import source_marker
from hstamp.draw.orient import Orientation
from hstamp.draw.panels import panel
from hstamp.draw.stretch import Stretch
from hstamp.draw.style import CMAP, outline

RA, DEC = 121.6015, 1.0359
LEVELS, TODAY = 4, 6.0
"""Levels of the stamp, and width of today's [arcsec]."""
TODAY_BYTES = 34_560
"""Bytes of a cutout of 30x30 pixels as built."""


def draw(image: Path, picture: Path) -> None:
    """Draw the two stamps at one size and one brightness scale."""
    with fits.open(image) as hdus:
        data = hdus[0].data.astype(np.float32)
        wcs = WCS(hdus[0].header)
    x, y = (float(v) for v in wcs.world_to_pixel_values(RA, DEC))
    stamp = hstamp.encode(data, x, y, levels=LEVELS, wcs=wcs)
    turn, stretch = Orientation.north_up(stamp), Stretch.of(stamp)
    pixel = float(np.sqrt(abs(np.linalg.det(stamp.wcs.cd)))) * 3600.0
    half = TODAY / pixel / 2.0

    figure, (left, right) = plt.subplots(1, 2, figsize=(9.6, 5.1), facecolor="white")
    panel(right, stamp, stretch=stretch, turn=turn, outlines=False)
    near = round(half) + 3
    i, j = round(x), round(y)
    cut = data[j - near : j + near + 1, i - near : i + near + 1]
    edge = near + 0.5
    left.imshow(
        cut, origin="lower", cmap=CMAP, norm=stretch.norm(), interpolation="nearest",
        extent=(i - edge - x, i + edge - x, j - edge - y, j + edge - y), transform=turn.on(left),
    )  # fmt: skip
    left.set(xlim=(-half, half), ylim=(-half, half), xticks=[], yticks=[])
    source_marker(left, gap=0.06 * half, length=0.14 * half)
    unit = 2.0 / pixel
    left.plot([-0.9 * half, -0.9 * half + unit], [-0.9 * half] * 2, color="white", lw=2,
              path_effects=outline(3.2))  # fmt: skip
    left.text(-0.9 * half + unit / 2, -0.87 * half, "2″", color="white", ha="center",
              va="bottom", path_effects=outline(2.0))  # fmt: skip
    corners = [(-half, -half), (half, -half), (half, half), (-half, half)]
    right.add_patch(Polygon(corners, fill=False, edgecolor="#e69f00", lw=1.8))
    for spine in left.spines.values():
        spine.set(color="#e69f00", linewidth=2.5)
    wide = stamp.layout.side * pixel
    left.set_title(f"today: {TODAY:.0f}″, {TODAY_BYTES:,} bytes", fontsize=13)
    right.set_title(
        f"hierarchical: {wide:.0f}″, {len(stamp.to_bytes()):,} bytes (image)", fontsize=13
    )
    figure.subplots_adjust(left=0.01, right=0.99, bottom=0.01, top=0.92, wspace=0.03)
    figure.savefig(picture, dpi=110, metadata={"Software": None})


if __name__ == "__main__":
    here = Path(__file__).resolve().parent / "hero.png"
    draw(Path(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) > 2 else here)
