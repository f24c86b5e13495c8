"""Simulated parents: point sources and galaxies on a noisy sky, in nJy, at 0.2 arcsec per pixel."""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from astropy.io import fits

import hstamp

__all__ = [
    "PLACE",
    "PLANES",
    "SCALE",
    "SKY_SIGMA",
    "Parent",
    "cutout",
    "detector",
    "parent",
    "parents",
    "psf_image",
]

PLACE = (53.1, -27.8)
"""Right ascension and declination of every source [deg]."""
SCALE = 0.2
"""Pixel [arcsec]."""
SKY_SIGMA = 25.0
"""Noise of an empty pixel [nJy]: a 30 s exposure to r = 24.4 (5 sigma) in 0.8 arcsec seeing."""
GAIN = 0.02
"""Electrons per nJy, order of magnitude of one 30 s exposure."""
PLANES = ("BAD", "SAT", "CR", "EDGE", "NO_DATA", "INTRP", "DETECTED", "STREAK")
Float = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Parent:
    """One simulated image and its central source."""

    image: npt.NDArray[np.float32]
    variance: npt.NDArray[np.float32]
    mask: npt.NDArray[np.uint16]
    psf: npt.NDArray[np.float64]
    x: float
    y: float
    kind: str

    def encode(self, **options: object) -> hstamp.Stamp:
        planes: dict[str, object] = {
            "levels": 5,
            "variance": self.variance,
            "psf": self.psf,
            "band": "r",
            "id": "170000000000000001",
            "wcs": hstamp.Wcs(*PLACE, -SCALE / 3600, 0, 0, SCALE / 3600),
        }
        if options.pop("mask", False):
            planes |= {"mask": self.mask, "mask_planes": PLANES}
        return hstamp.encode(self.image, self.x, self.y, **{**planes, **options})  # type: ignore[arg-type]


def cutout(p: Parent, size: int = 30, *, planes: bool = True) -> bytes:
    """Today's cutout of a parent's own pixels; without `planes`, its primary HDU alone."""
    i0, j0 = hstamp.reference_corner(p.x, p.y)
    cut = np.s_[j0 - size // 2 : j0 - size // 2 + size, i0 - size // 2 : i0 - size // 2 + size]
    out = io.BytesIO()
    with fits.open(io.BytesIO(p.encode().to_legacy_fits(30))) as hdus:
        hdus[0].data, hdus[1].data = p.image[cut], p.variance[cut]
        hdus[2].data = p.psf
        (hdus if planes else fits.HDUList([fits.PrimaryHDU(p.image[cut], hdus[0].header)])).writeto(
            out
        )
    return out.getvalue()


def psf_image(size: int, fwhm: float, x: float = 0.0, y: float = 0.0) -> Float:
    """Moffat (beta = 3) of unit sum about the centre of an odd square."""
    half = size // 2
    rows, columns = np.mgrid[-half : half + 1, -half : half + 1].astype(float)
    alpha = fwhm / (2 * np.sqrt(2 ** (1 / 3) - 1))
    image = (1 + ((columns - x) ** 2 + (rows - y) ** 2) / alpha**2) ** -3.0
    return image / image.sum()


def _add(image: Float, light: Float, x: int, y: int) -> None:
    half = light.shape[0] // 2
    top, left = y - half, x - half
    r0, r1 = max(top, 0), min(top + light.shape[0], image.shape[0])
    c0, c1 = max(left, 0), min(left + light.shape[1], image.shape[1])
    if r0 < r1 and c0 < c1:
        image[r0:r1, c0:c1] += light[r0 - top : r1 - top, c0 - left : c1 - left]


def _galaxy(rng: np.random.Generator, size: int, radius: float, dx: float, dy: float) -> Float:
    """Exponential or de Vaucouleurs-like profile of unit sum, half-light `radius` pixels."""
    half = size // 2
    rows, columns = np.mgrid[-half : half + 1, -half : half + 1].astype(float)
    angle, ratio = rng.uniform(0, np.pi), rng.uniform(0.3, 1.0)
    u = (columns - dx) * np.cos(angle) + (rows - dy) * np.sin(angle)
    v = -(columns - dx) * np.sin(angle) + (rows - dy) * np.cos(angle)
    r = np.sqrt(u**2 + (v / ratio) ** 2 + 0.5)
    light = (
        np.exp(-1.68 * r / radius) if rng.random() < 0.6 else np.exp(-3.67 * (r / radius) ** 0.5)
    )
    return light / light.sum()


def parent(seed: int, side: int = 260, density: float = 1.0, kind: str | None = None) -> Parent:
    """Simulate one parent; the source in its middle is a 'star' or a 'galaxy'."""
    rng = np.random.default_rng(seed)
    kind = kind or ("star", "galaxy")[seed % 2]
    image = np.zeros((side, side))
    fwhm = rng.uniform(3.3, 5.0)
    area = side**2 * SCALE**2 / 3600
    for _ in range(rng.poisson(40 * density * area)):  # galaxies to r = 25, per square arcmin
        flux = 360.0 * min((1 - rng.random()) ** -1.1, 3e3)
        radius = np.clip(2.2 * flux**0.12 * rng.lognormal(0, 0.3), 1, 25)
        light = _galaxy(
            rng, int(8 * radius) | 1, radius, rng.uniform(-0.5, 0.5), rng.uniform(-0.5, 0.5)
        )
        _add(image, flux * light, *rng.integers(0, side, 2))
    for _ in range(rng.poisson(6 * density * area)):
        flux = 1000.0 * min((1 - rng.random()) ** -1.0, 1e4)
        _add(image, flux * psf_image(61, fwhm), *rng.integers(0, side, 2))
    x, y = side / 2 - 0.5 + rng.uniform(-0.5, 0.5, 2)
    cx, cy = round(x), round(y)
    flux = 10 ** rng.uniform(3.3, 5.5)
    if kind == "star":
        _add(image, flux * psf_image(81, fwhm, x - cx, y - cy), cx, cy)
    else:
        radius = rng.uniform(2.5, 9)
        _add(image, 2 * flux * _galaxy(rng, 141, radius, x - cx, y - cy), cx, cy)
    variance = SKY_SIGMA**2 + image / GAIN
    image += rng.normal(size=image.shape) * np.sqrt(variance)
    mask = np.zeros(image.shape, dtype=np.uint16)
    mask[rng.random(image.shape) < 0.002] |= 4
    mask[:, rng.integers(0, side)] |= 1
    mask[variance > 4 * SKY_SIGMA**2] |= 64
    return Parent(
        image.astype(np.float32), variance.astype(np.float32), mask, psf_image(41, fwhm), x, y, kind
    )


def parents(count: int, first: int = 0) -> list[Parent]:
    return [parent(first + i) for i in range(count)]


def detector(seed: int, side: int = 4000) -> tuple[Parent, npt.NDArray[np.float64]]:
    """Detector-sized image tiled from simulated fields, and a generator of positions on it."""
    tiles = [parent(seed + i, side=500, density=1.0) for i in range(4)]
    repeats = side // 1000

    def joined(name: str) -> npt.NDArray[np.generic]:
        block = np.block(
            [
                [getattr(tiles[0], name), getattr(tiles[1], name)],
                [getattr(tiles[2], name), getattr(tiles[3], name)],
            ]
        )
        return np.tile(block, (repeats, repeats))

    whole = Parent(joined("image"), joined("variance"), joined("mask"), tiles[0].psf, 0, 0, "field")  # type: ignore[arg-type]
    return whole, np.random.default_rng(seed).uniform(0, side, (2, 10_000))
