"""Hand-made alerts whose class is beyond doubt."""

import numpy as np

import hstamp

PIXEL = 0.2
"""arcsec"""
SEEING = 4.5
"""Full width at half maximum, pixels."""


def spot(side, x, y, flux, fwhm=SEEING):
    """A round Gaussian of a flux."""
    rows, columns = np.indices((side, side))
    sigma = fwhm / 2.3548
    r2 = (columns - x) ** 2 + (rows - y) ** 2
    return flux / (2 * np.pi * sigma**2) * np.exp(-0.5 * r2 / sigma**2)


def alert(kind, levels=3, seed=1, id=None, wcs=True, **extra):
    """Stamps of science, template and difference image.

    ``kind`` is 'asteroid' (a source on empty sky), 'SN' (a source beside a galaxy), or 'VS' (a
    bright star that has faded).
    """
    rng = np.random.default_rng(seed)
    side = 15 * 2 ** (levels - 1) + 20
    x, y = side / 2 + 0.2, side / 2 - 0.3
    rows, columns = np.indices((side, side))
    sky = np.zeros((side, side))
    new = spot(side, x, y, 4000.0)
    if kind == "SN":
        r = np.hypot(columns - x - 9, (rows - y - 4) / 0.7) / 8.0
        sky = 250.0 * np.exp(-1.678 * r)
    elif kind == "VS":
        sky, new = spot(side, x, y, 60000.0), spot(side, x, y, -20000.0)
    images = {
        "science": sky + new + rng.normal(0.0, 5.0, sky.shape),
        "template": sky + rng.normal(0.0, 2.0, sky.shape),
        "difference": new + rng.normal(0.0, 5.5, sky.shape),
    }
    scale = PIXEL / 3600.0
    plane = hstamp.Wcs(150.0, 2.0, -scale, 0.0, 0.0, scale) if wcs else None
    return {
        name: hstamp.encode(
            image, x, y, levels=levels, band="r", wcs=plane,
            id=None if id is None else f"{id}/{name}", **extra,
        )
        for name, image in images.items()
    }  # fmt: skip
