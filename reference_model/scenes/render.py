"""Noise-free scenes, rendered with GalSim through one sharp PSF.

A field is drawn once through `BASE_FWHM` seeing; observations of any seeing
are made from it by an exact change of PSF (`reference_model.scenes.observe`).
What is simplified, for speed: galaxies fainter than `ATLAS_BRIGHTEST` take
their profile from an atlas of GalSim drawings (several thousand per split,
each with its own size, shape, inclination and sub-pixel position, flipped
eight ways), so that faint galaxies share profiles within a split; knots are
GalSim Gaussians placed along spiral arms at a quarter of a pixel.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import galsim
import numpy as np
from numpy.typing import NDArray

from reference_model.sky.galaxies import Table, draw_field_galaxies

Image = NDArray[np.float32]

#: Pixel side, arcsec.
SCALE = 0.2
#: Seeing of the stored scenes: sharper than any observation made of them.
BASE_FWHM = 0.5
#: Brightest r magnitude drawn from the atlas.
ATLAS_BRIGHTEST = 21.8
#: Largest half-light semi-major axis (arcsec) drawn from the atlas.
ATLAS_LARGEST = 1.3
ATLAS_STAMP = 41
#: Half-light radii (arcsec) of the blobs that knots are made of.
BLOB_SIZES = (0.05, 0.2, 0.4, 0.8, 1.6, 3.2)
SUBPIXELS = 4
#: Stars brighter than this are drawn with their aureole, on a whole pixel.
BRIGHT_STAR = 18.0

_PARAMS = galsim.GSParams(
    folding_threshold=0.01, maxk_threshold=5e-3, kvalue_accuracy=1e-3, maximum_fft_size=8192
)


@lru_cache(maxsize=1)
def base_psf() -> galsim.GSObject:
    """The sharp PSF of stored scenes."""
    return galsim.Kolmogorov(fwhm=BASE_FWHM, gsparams=_PARAMS)


def _draw(profile: galsim.GSObject, size: int, dx: float, dy: float) -> Image:
    image = galsim.Convolve(profile, base_psf(), gsparams=_PARAMS).drawImage(
        nx=size, ny=size, scale=SCALE, offset=(dx, dy), dtype=np.float32
    )
    return _fade(np.asarray(image.array))


def _fade(stamp: Image) -> Image:
    """Let a large stamp end in a soft edge, so that no profile shows its box."""
    if stamp.shape[0] < 100:
        return stamp
    t = np.abs(np.linspace(-1.0, 1.0, stamp.shape[0], dtype=np.float32))
    radius = np.hypot(t[:, None], t[None, :])
    return np.asarray(stamp * np.clip((1.0 - radius) / 0.25, 0.0, 1.0), dtype=np.float32)


def _paste(image: Image, stamp: Image, x: int, y: int, flux: float) -> None:
    """Add `stamp`, whose centre pixel is at (x, y), where it overlaps."""
    half_y, half_x = stamp.shape[0] // 2, stamp.shape[1] // 2
    x0, y0 = x - half_x, y - half_y
    ax, ay = max(x0, 0), max(y0, 0)
    bx, by = min(x0 + stamp.shape[1], image.shape[1]), min(y0 + stamp.shape[0], image.shape[0])
    if ax < bx and ay < by:
        image[ay:by, ax:bx] += np.float32(flux) * stamp[ay - y0 : by - y0, ax - x0 : bx - x0]


def _component(re: float, q: float, n: float, angle: float) -> galsim.GSObject:
    profile: galsim.GSObject
    if n == 1.0:
        profile = galsim.Exponential(half_light_radius=re, gsparams=_PARAMS)
    else:
        profile = galsim.Sersic(n=n, half_light_radius=re, gsparams=_PARAMS)
    return profile.shear(q=max(q, 0.08), beta=angle * galsim.degrees)


def _stamp_size(re: float, n: float) -> int:
    """Odd stamp side: nearly all of a profile's light, and at most 160 arcsec."""
    reach = (4.5 if n <= 1.0 else 5.0 + 2.0 * (n - 1.0)) * re + 3.0
    return 2 * int(min(reach, 80.0) / SCALE) + 1


@lru_cache(maxsize=1)
def _blobs() -> dict[tuple[int, int, int], Image]:
    """Unit-flux blobs by (size, sub-pixel x, sub-pixel y)."""
    out: dict[tuple[int, int, int], Image] = {}
    for i, re in enumerate(BLOB_SIZES):
        size = 2 * int((3.0 * re + 4.0) / SCALE) + 1
        for ix in range(SUBPIXELS):
            for iy in range(SUBPIXELS):
                shift = [(k + 0.5) / SUBPIXELS - 0.5 for k in (ix, iy)]
                out[i, ix, iy] = _draw(
                    galsim.Gaussian(half_light_radius=re, gsparams=_PARAMS), size, *shift
                )
    return out


def _paste_blob(image: Image, which: int, x: float, y: float, flux: float) -> None:
    ix, iy = int(np.floor(x + 0.5)), int(np.floor(y + 0.5))
    sx, sy = (int((v + 0.5 - i) * SUBPIXELS) for v, i in ((x, ix), (y, iy)))
    _paste(image, _blobs()[which, sx, sy], ix, iy, flux)


def knots(galaxy: Any) -> NDArray[np.float64]:
    """Star-forming knots of a galaxy.

    Returns
    -------
    ndarray, shape (n, 4)
        dx, dy (arcsec from the centre), half-light radius (arcsec) and share
        of the galaxy's flux.  Radii follow the exponential disk; two thirds
        of the knots lie along two logarithmic arms.
    """
    rng = np.random.default_rng(int(galaxy["seed"]))
    re = float(galaxy["disk_re"])
    n = int(np.clip(12 * re / BASE_FWHM, 3, 150))
    radius = re / 1.6783 * rng.gamma(2.0, 1.0, n)
    arm = np.log(np.maximum(radius / re, 0.05)) / np.tan(np.deg2rad(float(galaxy["pitch"])))
    arm = arm + np.pi * rng.integers(0, 2, n) + rng.normal(0.0, 0.3, n)
    phi = np.where(rng.uniform(size=n) < 2 / 3, arm, rng.uniform(0.0, 2.0 * np.pi, n))
    u, v = radius * np.cos(phi), radius * np.sin(phi) * float(galaxy["disk_q"])
    t = np.deg2rad(float(galaxy["angle"]))
    share = rng.pareto(1.5, n) + 0.3
    share *= float(galaxy["knot_fraction"]) * (1 - float(galaxy["bulge_fraction"])) / share.sum()
    size = re * rng.uniform(0.03, 0.15, n)
    return np.stack(
        [u * np.cos(t) - v * np.sin(t), u * np.sin(t) + v * np.cos(t), size, share], axis=1
    )


def draw_galaxy(image: Image, galaxy: Any, x: float, y: float, flux: float) -> None:
    """Add one galaxy, drawn with GalSim, to a scene (pixel centres at integers)."""
    ix, iy = int(np.floor(x + 0.5)), int(np.floor(y + 0.5))
    fraction, knotty = float(galaxy["bulge_fraction"]), float(galaxy["knot_fraction"])
    angle = float(galaxy["angle"])
    parts = [
        (fraction, float(galaxy["bulge_re"]), float(galaxy["bulge_q"]), float(galaxy["bulge_n"])),
        ((1 - fraction) * (1 - knotty), float(galaxy["disk_re"]), float(galaxy["disk_q"]), 1.0),
    ]
    for share, re, q, n in parts:
        if share > 0.0:
            size = min(_stamp_size(re, n), 2 * max(image.shape) + 1)
            stamp = _draw(_component(re, q, n, angle), size, x - ix, y - iy)
            _paste(image, stamp, ix, iy, flux * share)
    if knotty > 0.0 and fraction < 1.0:
        for dx, dy, size_, share in knots(galaxy):
            which = int(np.argmin(np.abs(np.log(np.array(BLOB_SIZES) / size_))))
            _paste_blob(image, which, x + dx / SCALE, y + dy / SCALE, flux * share)


@dataclass(frozen=True)
class Atlas:
    """Unit-flux drawings of faint galaxies.

    Attributes
    ----------
    stamps : ndarray, float32, shape (m, 41, 41)
    shifts : ndarray, float64, shape (m, 2)
        Sub-pixel position (x, y) of each galaxy from the centre pixel.
    rows : structured array, shape (m,)
        The galaxies drawn, sorted by magnitude.
    """

    stamps: Image
    shifts: NDArray[np.float64]
    rows: Table


@lru_cache(maxsize=4)
def atlas(seed: int, size: int) -> Atlas:
    """The atlas of a split; some thousand are drawn in about ten seconds, then kept."""
    rng = np.random.default_rng([seed, 17])
    pool = draw_field_galaxies(rng, 400.0)
    pool = pool[(pool["r_mag"] >= ATLAS_BRIGHTEST) & (pool["re"] < ATLAS_LARGEST)]
    # Even in magnitude, so that the bright end is as varied as the faint one.
    bins = np.floor(4 * pool["r_mag"])
    weight = 1.0 / np.unique(bins, return_counts=True)[1][np.unique(bins, return_inverse=True)[1]]
    rows = pool[rng.choice(pool.size, min(size, pool.size), False, weight / weight.sum())]
    rows = rows[np.argsort(rows["r_mag"])]
    shifts = rng.uniform(-0.5, 0.5, (rows.size, 2))
    stamps = np.zeros((rows.size, ATLAS_STAMP, ATLAS_STAMP), np.float32)
    half = ATLAS_STAMP // 2
    for stamp, row, (sx, sy) in zip(stamps, rows, shifts, strict=True):
        draw_galaxy(stamp, row, half + sx, half + sy, 1.0)
    return Atlas(stamps=stamps, shifts=shifts, rows=rows)


#: Columns that an atlas galaxy takes from its drawing.
SHAPE_COLUMNS = (
    "bulge_fraction", "bulge_n", "bulge_re", "bulge_q", "disk_re", "disk_q", "angle",
    "knot_fraction", "pitch", "re", "q", "seed",
)  # fmt: skip


def give_atlas_shapes(rng: np.random.Generator, table: Table, book: Atlas) -> None:
    """Give faint galaxies the shape of an atlas entry of nearly their magnitude.

    Positions move by less than a pixel, onto the entry's sub-pixel position,
    so that the table states what is drawn.  ``atlas`` holds 8 * entry + flip.
    """
    faint = np.flatnonzero((table["r_mag"] >= ATLAS_BRIGHTEST) & ~table["nearby"])
    faint = faint[table["re"][faint] < ATLAS_LARGEST]
    near = np.searchsorted(book.rows["r_mag"], table["r_mag"][faint])
    entry = np.clip(near + rng.integers(-60, 61, faint.size), 0, book.rows.size - 1)
    flip = rng.integers(0, 8, faint.size)
    for name in SHAPE_COLUMNS:
        table[name][faint] = book.rows[name][entry]
    angle = table["angle"][faint].astype(float)
    angle = np.where(flip & 1, 180.0 - angle, angle)
    angle = np.where(flip & 2, -angle, angle)
    angle = np.where(flip & 4, 90.0 - angle, angle)
    table["angle"][faint] = angle % 180.0
    sx, sy = flipped_shift(book.shifts[entry], flip)
    table["x"][faint] = np.round(table["x"][faint]) + sx
    table["y"][faint] = np.round(table["y"][faint]) + sy
    table["atlas"][faint] = 8 * entry + flip


def flipped_shift(
    shift: NDArray[np.float64], flip: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Sub-pixel positions after flips: 1 mirrors x, 2 mirrors y, 4 swaps x and y."""
    x = np.where(flip & 1, -shift[:, 0], shift[:, 0])
    y = np.where(flip & 2, -shift[:, 1], shift[:, 1])
    return np.where(flip & 4, y, x), np.where(flip & 4, x, y)


def flipped(stamp: Image, flip: int) -> Image:
    """A stamp after the flips of `flipped_shift`."""
    if flip & 1:
        stamp = stamp[:, ::-1]
    if flip & 2:
        stamp = stamp[::-1]
    return stamp.T if flip & 4 else stamp


@lru_cache(maxsize=1)
def bright_star() -> Image:
    """Unit-flux bright star with an aureole, 501 pixels wide.

    The aureole holds 1.5 % of the light in a Moffat profile of index 1.5
    (surface brightness falling nearly as r**-3), as King 1971 (PASP 83, 199)
    found around bright stars.
    """
    core = (base_psf() * 0.985).drawImage(nx=501, ny=501, scale=SCALE, dtype=np.float32)
    # So wide that the pixel's own width does not matter.
    halo = galsim.Moffat(beta=1.5, fwhm=4.0, trunc=60.0, flux=0.015)
    wide = halo.drawImage(nx=501, ny=501, scale=SCALE, dtype=np.float32, method="no_pixel")
    return np.asarray(core.array + wide.array)


def render_scene(size: int, galaxies: Table, stars: Table, book: Atlas) -> Image:
    """The noise-free scene in nJy per pixel, through the base PSF.

    Parameters
    ----------
    size : int
        Side in pixels.
    galaxies : structured array
        Rows of `reference_model.sky.galaxies.GALAXY`.
    stars : structured array
        Columns x, y, flux.
    book : Atlas
        Drawings of the faint galaxies.
    """
    image = np.zeros((size, size), np.float32)
    for row in galaxies:
        x, y, flux = float(row["x"]), float(row["y"]), float(row["flux"])
        if row["atlas"] >= 0:
            entry, flip = divmod(int(row["atlas"]), 8)
            ix, iy = int(np.floor(x + 0.5)), int(np.floor(y + 0.5))
            _paste(image, flipped(book.stamps[entry], flip), ix, iy, flux)
        else:
            draw_galaxy(image, row, x, y, flux)
    for row in stars:
        x, y, flux = float(row["x"]), float(row["y"]), float(row["flux"])
        if row["r_mag"] < BRIGHT_STAR:
            _paste(image, bright_star(), round(x), round(y), flux)
        else:
            _paste_blob(image, 0, x, y, flux)
    return image
