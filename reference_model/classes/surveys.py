"""How a scene is observed twice: pixels, seeing, depth, drawn for one of three kinds of survey."""

from __future__ import annotations

from dataclasses import dataclass, replace

import galsim
import numpy as np
from numpy.typing import NDArray

from reference_model.sky.relations import to_njy

#: Pixel side of the stored scenes, arcsec.
SCENE_PIXEL = 0.2
#: Effective area of a Gaussian PSF in squared FWHM: Ivezic et al. 2019 (ApJ 873, 111), eq. 4.
EFFECTIVE = 2.266


@dataclass(frozen=True)
class Look:
    """One image of a scene.

    Attributes
    ----------
    pixel : float
        arcsec.
    fwhm : float
        Seeing, arcsec.
    limit : float
        AB magnitude of a point source at five sigma.
    sky : float
        Electrons of the sky in a pixel; with the limit it gives the gain.
    smooth : float
        Resampling: width (pixels) of the kernel that correlates the noise; 0 for white noise.
    moffat : float
        Index of a Moffat PSF; 0 for a Kolmogorov one.
    g1, g2 : float
        Ellipticity of the PSF (reduced shear).
    """

    pixel: float
    fwhm: float
    limit: float
    sky: float
    smooth: float
    moffat: float
    g1: float
    g2: float

    @property
    def sigma(self) -> float:
        """Noise of an empty pixel, nJy."""
        area = EFFECTIVE * (self.fwhm / self.pixel) ** 2
        return float(to_njy(np.array(self.limit)) / 5.0 / np.sqrt(area))

    @property
    def gain(self) -> float:
        """Electrons per nJy."""
        return float(np.sqrt(self.sky) / self.sigma)

    def profile(self) -> galsim.GSObject:
        """The PSF."""
        if self.moffat:
            psf = galsim.Moffat(beta=self.moffat, fwhm=self.fwhm)
        else:
            psf = galsim.Kolmogorov(fwhm=self.fwhm)
        return psf.shear(g1=self.g1, g2=self.g2)

    def changed(self, rng: np.random.Generator, amount: float) -> Look:
        """The PSF at another place of the same image."""
        factor = float(np.exp(rng.normal(0.0, amount)))
        d1, d2 = rng.normal(0.0, amount, 2)
        return replace(self, fwhm=self.fwhm * factor, g1=self.g1 + d1, g2=self.g2 + d2)


def draw_pixel(rng: np.random.Generator, stratum: str) -> float:
    """Pixel side in arcsec: about 1, 0.2, or between."""
    if stratum == "ztf":
        return float(rng.uniform(0.98, 1.04))
    if stratum == "lsst":
        return 0.2
    return float(np.exp(rng.uniform(np.log(0.25), np.log(0.95))))


def draw_looks(rng: np.random.Generator, pixel: float) -> tuple[Look, Look]:
    """Template and science image of a survey with such pixels.

    Seeing 1.5" to 3" and a limit of 20 to 21 mag at 1" per pixel (Bellm et al. 2019, PASP 131,
    018002), 0.6" to 1.3" and 23.4 to 24.8 mag at 0.2" (Ivezic et al. 2019, ApJ 873, 111);
    between, both go with the logarithm of the pixel.  A template is 0.3 to 2.5 mag deeper.
    """
    t = float(np.clip(np.log(pixel / 0.2) / np.log(5.0), 0.0, 1.0))
    low, high = np.exp((1 - t) * np.log([0.6, 1.3]) + t * np.log([1.5, 3.0]))
    limit = (1 - t) * rng.uniform(23.4, 24.8) + t * rng.uniform(19.9, 21.2)
    science = _look(rng, pixel, float(np.exp(rng.uniform(np.log(low), np.log(high)))), limit)
    seeing = float(np.exp(rng.uniform(np.log(low), np.log(0.5 * (low + high)))))
    template = _look(rng, pixel, seeing, limit + rng.uniform(0.3, 2.5))
    # A template is a coadd of resampled images; its noise is correlated, its sky that of many.
    return (
        replace(template, smooth=float(rng.uniform(0.35, 0.75)), sky=20.0 * template.sky),
        replace(science, smooth=float(rng.choice([0.0, 0.0, 0.45]))),
    )


def _look(rng: np.random.Generator, pixel: float, fwhm: float, limit: float) -> Look:
    size = float(np.minimum(np.abs(rng.normal(0.0, 0.035)), 0.1))
    angle = rng.uniform(0.0, 2.0 * np.pi)
    sky = float(np.exp(rng.uniform(np.log(150.0), np.log(2500.0))))
    moffat = float(rng.choice([0.0, 2.5, 3.5]))
    g1, g2 = float(size * np.cos(angle)), float(size * np.sin(angle))
    return Look(pixel, fwhm, float(limit), sky, 0.0, moffat, g1, g2)


def transfer(look: Look, size: int, fine: int = 1) -> NDArray[np.complex64]:
    """Fourier transform of PSF and pixel, shape (S, S/2 + 1): half of the grid of an image.

    Parameters
    ----------
    look : Look
    size : int
        Side of the image in samples.
    fine : int
        Samples along a pixel; the pixel's own width stays.
    """
    spacing = look.pixel / fine
    step = 2.0 * np.pi / (size * spacing)
    bounds = galsim.BoundsI(0, size // 2, -size // 2, size // 2 - 1)
    image = look.profile().drawKImage(
        image=galsim.ImageCF(bounds=bounds, scale=step), recenter=False
    )
    found = np.fft.ifftshift(image.array, axes=0)
    return np.asarray(found * pixel_transfer(size, spacing, look.pixel), dtype=np.complex64)


def pixel_transfer(size: int, pixel: float, box: float) -> NDArray[np.float32]:
    """Fourier transform of a square of side `box` on the grid of an image of `pixel` pixels."""
    fx = np.sinc(np.fft.rfftfreq(size, pixel) * box)
    fy = np.sinc(np.fft.fftfreq(size, pixel) * box)
    return np.asarray(fy[:, None] * fx[None, :], dtype=np.float32)
