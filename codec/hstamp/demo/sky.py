"""Simulated sky around a transient: galaxies, stars, noise, masks, all with numpy.

Surface brightness is Sersic's law (Graham & Driver 2005, PASA 22, 118, eqs. 1 to 4), the PSF a
Moffat profile (Moffat 1969, A&A 3, 455). Depths are those of one LSST visit and of a stack of
sixteen. Everything follows from the seed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

__all__ = ["MASK_BITS", "PIXEL", "PSF_SIZE", "SIDE", "Image", "Scene", "moffat", "scene", "sersic"]

Float = npt.NDArray[np.float64]

SIDE: Final = 260
"""Side of the parents [pixel]; five levels need 240."""
PIXEL: Final = 0.2
"""Pixel [arcsec]."""
PSF_SIZE: Final = 41
_MARGIN: Final = PSF_SIZE // 2
_STACK: Final = 16
_PER_NJY: Final = 0.6
"""Detected electrons per nJy, about one 30 s visit in r."""
_SKY: Final = {"g": 22.0, "r": 26.0, "i": 34.0, "z": 48.0}
"""Sky noise of a visit [nJy/pixel]."""
MASK_BITS: Final = {
    "BAD": 0, "SAT": 1, "INTRP": 2, "CR": 3, "EDGE": 4, "DETECTED": 5, "SUSPECT": 6, "NO_DATA": 7,
}  # fmt: skip
"""Eight mask planes, with names that the LSST pipelines use."""


@dataclass(frozen=True)
class Image:
    """One of the three images of an alert, each (260, 260); variance [nJy**2], PSF (41, 41)."""

    pixels: npt.NDArray[np.float32]
    variance: npt.NDArray[np.float32]
    mask: npt.NDArray[np.int32]
    psf: Float


@dataclass(frozen=True)
class Scene:
    """A transient, its host, and the three images.

    Attributes
    ----------
    x, y : float
        Transient in the images [pixel, 0-based].
    host : (float, float)
        Host's centre in the images [pixel, 0-based].
    ra, dec : float
        Transient on the sky, ICRS [deg].
    angle : float
        Position angle of the rows' direction +y, east of north [deg].
    band : str
    flux : float
        The transient's [nJy].
    difference, science, template : Image
    """

    x: float
    y: float
    host: tuple[float, float]
    ra: float
    dec: float
    angle: float
    band: str
    flux: float
    difference: Image
    science: Image
    template: Image

    @property
    def offset(self) -> float:
        """Distance from the transient to its host's centre [arcsec]."""
        return PIXEL * math.hypot(self.host[0] - self.x, self.host[1] - self.y)


def sersic(
    grid: tuple[Float, Float], x: float, y: float, flux: float, radius: float, n: float,
    q: float, angle: float,
) -> Float:  # fmt: skip
    """Sersic profile on pixel centres.

    Parameters
    ----------
    grid : (Float, Float)
        Rows and columns of the pixels.
    x, y : float
        Centre [pixel].
    flux : float
        Total flux.
    radius : float
        Half-light radius along the major axis [pixel].
    n : float
        Sersic index, 0.5 to 4.
    q : float
        Axis ratio.
    angle : float
        Direction of the major axis from +x towards +y [rad].
    """
    rows, columns = grid
    b = 2.0 * n - 1.0 / 3.0 + 4.0 / (405.0 * n)
    along = (columns - x) * math.cos(angle) + (rows - y) * math.sin(angle)
    across = (rows - y) * math.cos(angle) - (columns - x) * math.sin(angle)
    # The cusp is softened by a third of a pixel, the mean distance within the central one.
    r = np.sqrt(along**2 + (across / q) ** 2 + 0.33**2) / radius
    total = radius**2 * 2 * math.pi * n * math.exp(b) * b ** (-2 * n) * math.gamma(2 * n) * q
    return np.asarray(flux / total * np.exp(-b * (r ** (1 / n) - 1)))


def moffat(fwhm: float, x: float = 0.0, y: float = 0.0, size: int = PSF_SIZE) -> Float:
    """Moffat profile with beta = 3 and unit sum, centred (x, y) off the central pixel."""
    half = size // 2
    rows, columns = np.mgrid[-half : half + 1, -half : half + 1]
    alpha = fwhm / (2.0 * math.sqrt(2.0 ** (1.0 / 3.0) - 1.0))
    profile = (1.0 + ((columns - x) ** 2 + (rows - y) ** 2) / alpha**2) ** -3.0
    return np.asarray(profile / profile.sum())


def scene(seed: int, number: int) -> Scene:
    """Draw one alert's sky.

    Parameters
    ----------
    seed, number : int
        Seed of the demonstration and number of the alert.
    """
    rng = np.random.default_rng([seed, number])
    band = "griz"[number % 4]
    x, y = SIDE / 2 - 0.5 + rng.uniform(-0.5, 0.5, 2)
    # Offsets of nearby supernovae: half of them within 6", one in ten beyond 15".
    offset = min(float(rng.lognormal(math.log(5.5), 0.9)), 21.0) / PIXEL
    towards = rng.uniform(0, 2 * math.pi)
    host = (x + offset * math.cos(towards), y + offset * math.sin(towards))
    sky = _galaxies(rng, host, offset)
    seeing = rng.uniform(3.3, 4.6), 3.6
    science_psf, template_psf = moffat(seeing[0]), moffat(seeing[1])
    noise = _SKY[band]
    flux = noise * rng.uniform(60, 300)

    stars = _stars(rng)
    blurred = _blur(sky, science_psf) + _star_light(stars, seeing[0])
    reference = _blur(sky, template_psf) + _star_light(stars, seeing[1])
    transient = np.zeros_like(blurred)
    _add(transient, moffat(seeing[0], *_frac(x, y)), flux, x, y)

    science = _observe(rng, blurred + transient, noise, 1, science_psf)
    template = _observe(rng, reference, noise, _STACK, template_psf)
    difference = Image(
        # A matched template leaves its noise and a little of every bright core.
        (science.pixels - blurred + 0.01 * (blurred - reference)).astype(np.float32)
        - (template.pixels - reference).astype(np.float32),
        science.variance + template.variance,
        science.mask | (template.mask & (1 << MASK_BITS["SAT"])),
        science_psf,
    )
    images = [difference, science, template]
    if number % 10 == 7:
        images = [_at_edge(image, int(rng.integers(20, 70))) for image in images]
    return Scene(
        float(x),
        float(y),
        (float(host[0]), float(host[1])),
        float(rng.uniform(0, 360)),
        float(rng.uniform(-65, 5)),
        float(rng.uniform(-180, 180)),
        band,
        float(flux),
        *images,
    )


def _galaxies(rng: np.random.Generator, host: tuple[float, float], offset: float) -> Float:
    """Host, and the field down to magnitude 25, before the PSF; with a margin for it."""
    size = SIDE + 2 * _MARGIN
    grid = np.mgrid[-_MARGIN : size - _MARGIN, -_MARGIN : size - _MARGIN].astype(float)
    rows, columns = grid
    plane = (rows, columns)
    radius = max(offset / rng.uniform(0.8, 2.5), 4.0)
    q, angle, bulge = rng.uniform(0.35, 0.95), rng.uniform(0, math.pi), rng.uniform(0.1, 0.5)
    # Disks of nearby spirals have about 21.5 mag/arcsec**2 within their half-light radius.
    area = 2 * math.pi * q * (radius * PIXEL) ** 2
    light = _flux(rng.normal(21.5, 0.4)) * area
    sky = sersic(plane, *host, (1 - bulge) * light, radius, 1.0, q, angle)
    sky += sersic(plane, *host, bulge * light, radius / 4, 4.0, 0.5 + q / 2, angle)
    if q > 0.5:
        sky *= _spiral(plane, host, radius, q, angle, rng)
    for _ in range(rng.poisson(26)):
        # Counts rise by 10**(0.35 m); sizes shrink towards fainter magnitudes.
        magnitude = 25.0 + math.log10(rng.uniform(0.001, 1.0)) / 0.35
        x, y = rng.uniform(-_MARGIN, SIDE + _MARGIN, 2)
        size_px = max(1.0, rng.lognormal(math.log(3.0), 0.4) * 10 ** (0.07 * (23 - magnitude)))
        sky += sersic(
            plane, x, y, _flux(magnitude), size_px, float(rng.choice([1.0, 1.0, 2.5])),
            rng.uniform(0.3, 1.0), rng.uniform(0, math.pi),
        )  # fmt: skip
    return np.asarray(sky)


def _spiral(
    plane: tuple[Float, Float], centre: tuple[float, float], radius: float, q: float,
    angle: float, rng: np.random.Generator,
) -> Float:  # fmt: skip
    rows, columns = plane
    dx, dy = columns - centre[0], rows - centre[1]
    along = dx * math.cos(angle) + dy * math.sin(angle)
    across = (dy * math.cos(angle) - dx * math.sin(angle)) / q
    r = np.hypot(along, across) / radius + 1e-3
    winding = rng.choice([-1.0, 1.0]) * rng.uniform(2.0, 3.5)
    arms = np.cos(2 * np.arctan2(across, along) + winding * np.log(r) * 2)
    return np.asarray(1 + 0.45 * arms * np.clip(r * 2 - 0.4, 0, 1))


def _stars(rng: np.random.Generator) -> list[tuple[float, float, float]]:
    return [
        (*rng.uniform(0, SIDE, 2), _flux(rng.uniform(16.5, 23.0))) for _ in range(rng.poisson(2.5))
    ]


def _star_light(stars: list[tuple[float, float, float]], fwhm: float) -> Float:
    plane = np.zeros((SIDE, SIDE))
    for x, y, flux in stars:
        _add(plane, moffat(fwhm, *_frac(x, y), size=101), flux, x, y)
    return plane


def _frac(x: float, y: float) -> tuple[float, float]:
    return x - round(x), y - round(y)


def _add(plane: Float, profile: Float, flux: float, x: float, y: float) -> None:
    half, column, row = len(profile) // 2, round(x), round(y)
    rows = slice(max(row - half, 0), min(row + half + 1, SIDE))
    columns = slice(max(column - half, 0), min(column + half + 1, SIDE))
    top, left = row - half, column - half
    plane[rows, columns] += (
        flux
        * profile[rows.start - top : rows.stop - top, columns.start - left : columns.stop - left]
    )


def _blur(sky: Float, psf: Float) -> Float:
    kernel = np.zeros_like(sky)
    kernel[: len(psf), : len(psf)] = psf
    kernel = np.roll(kernel, (-_MARGIN, -_MARGIN), (0, 1))
    blurred = np.fft.irfft2(np.fft.rfft2(sky) * np.fft.rfft2(kernel), sky.shape)
    return np.asarray(blurred[_MARGIN:-_MARGIN, _MARGIN:-_MARGIN])


def _observe(
    rng: np.random.Generator, light: Float, noise: float, visits: int, psf: Float
) -> Image:
    variance = (noise**2 + np.clip(light, 0, None) / _PER_NJY) / visits
    pixels = light + rng.normal(0, np.sqrt(variance))
    mask = np.zeros(light.shape, dtype=np.int32)
    smooth = _box(light / np.sqrt(variance), 3)
    mask[smooth > 1.7] |= 1 << MASK_BITS["DETECTED"]
    mask[light > 40_000] |= (1 << MASK_BITS["SAT"]) | (1 << MASK_BITS["INTRP"])
    if visits == 1:
        _cosmic_ray(rng, pixels, mask, noise)
    return Image(pixels.astype(np.float32), variance.astype(np.float32), mask, psf)


def _cosmic_ray(rng: np.random.Generator, pixels: Float, mask: Any, noise: float) -> None:
    """Leave an interpolated track: repaired pixels keep their flags."""
    x, y = rng.uniform(20, SIDE - 20, 2)
    angle, length = rng.uniform(0, math.pi), int(rng.integers(8, 40))
    for step in range(length):
        column, row = int(x + step * math.cos(angle)), int(y + step * math.sin(angle))
        if 0 <= row < SIDE and 0 <= column < SIDE:
            mask[row, column] |= (1 << MASK_BITS["CR"]) | (1 << MASK_BITS["INTRP"])
            pixels[row, column] += rng.normal(0, noise / 2)


def _box(values: Float, half: int) -> Float:
    sums = np.cumsum(np.cumsum(np.pad(values, ((half + 1, half),) * 2, mode="edge"), 0), 1)
    width = 2 * half + 1
    columns = sums[:, width:] - sums[:, :-width]
    return np.asarray((columns[width:] - columns[:-width]) / width**2)


def _at_edge(image: Image, columns: int) -> Image:
    """Same image where the detector ends: no data in the first columns."""
    pixels, mask, variance = image.pixels.copy(), image.mask.copy(), image.variance.copy()
    pixels[:, :columns] = np.nan
    variance[:, :columns] = np.nan
    mask[:, :columns] = 1 << MASK_BITS["NO_DATA"]
    mask[:, columns : columns + 10] |= 1 << MASK_BITS["EDGE"]
    return Image(pixels, variance, mask, image.psf)


def _flux(magnitude: float) -> float:
    """AB magnitude to nJy (zero point 31.4)."""
    return float(10 ** (0.4 * (31.4 - magnitude)))
