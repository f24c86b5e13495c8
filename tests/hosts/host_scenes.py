"""Hand-made scenes with a known host."""

import numpy as np

import hstamp

PIXEL = 0.2
"""arcsec"""


def picture(
    levels=5, east=-6.4, north=-4.8, *, radius=2.4, seed=1, angle=0.0, missing=False, pixel=PIXEL
):
    """Image of one galaxy on noise, nothing at the source; where the source is; CD matrix.

    The galaxy is an exponential disk (Sersic index 1) of half-light radius `radius` [arcsec],
    axis ratio 0.7, at (`east`, `north`) [arcsec] of the source; `angle` [deg] turns the camera,
    whose pixels are `pixel` [arcsec].
    """
    side = 15 * 2 ** (levels - 1) + 40
    x0, y0 = side / 2 + 0.3, side / 2 - 0.4
    turn = np.deg2rad(angle)
    scale = pixel / 3600.0
    cd = scale * np.array([[-np.cos(turn), np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    dx, dy = np.linalg.solve(cd, np.array([east, north]) / 3600.0)
    rows, columns = np.indices((side, side))
    r = np.hypot(columns - x0 - dx, (rows - y0 - dy) / 0.7) * pixel / radius
    # b_1 of the exponential profile: half of the light within the half-light radius.
    image = 400.0 * np.exp(-1.678 * r)
    image += np.random.default_rng(seed).normal(0.0, 5.0, image.shape)
    if missing:
        image[: int(y0) - 30] = np.nan
        image[int(y0) + 3, int(x0) - 4 : int(x0) + 4] = np.nan
    return image, x0, y0, cd


def scene(
    levels=5, east=-6.4, north=-4.8, *, radius=2.4, seed=1, angle=0.0, missing=False,
    pixel=PIXEL, wcs=True, **extra,
):  # fmt: skip
    """Stamp of a picture."""
    image, x0, y0, cd = picture(
        levels, east, north, radius=radius, seed=seed, angle=angle, missing=missing, pixel=pixel
    )
    return hstamp.encode(
        image, x0, y0, levels=levels, band="r",
        wcs=hstamp.Wcs(150.0, 2.0, *map(float, cd.ravel())) if wcs else None, **extra,
    )  # fmt: skip
