"""Observing a scene: seeing, sky, noise, saturation, masks, missing columns.

Numbers are those of LSST's r band: Ivezic et al. 2019 (ApJ 873, 111) and
Rubin technical note SMTN-002.
"""

from __future__ import annotations

from dataclasses import dataclass

import galsim
import numpy as np
from numpy.typing import NDArray
from scipy import fft

from reference_model.scenes.render import SCALE, base_psf
from reference_model.sky.galaxies import Table

Image = NDArray[np.float32]

#: Electrons per nJy in one 30 s visit: an r magnitude of 28.36 gives one
#: electron per second (SMTN-002).
ELECTRONS_PER_NJY = 30.0 * 10.0 ** (0.4 * (28.36 - 31.4))
#: Dark sky in r, mag per square arcsec (Ivezic et al. 2019, table 2).
SKY_MAG = 21.2
SKY_ELECTRONS = 30.0 * 10.0 ** (0.4 * (28.36 - SKY_MAG)) * SCALE**2
#: Read noise in electrons (SMTN-002).
READ_NOISE = 8.8
#: Full well in electrons (SMTN-002 states about 100,000).
FULL_WELL = 1.0e5

#: Mask bits of an observation.
SATURATED, BLEED, NO_DATA = 1, 2, 4


@dataclass(frozen=True)
class Observation:
    """One way to look at a scene.

    Attributes
    ----------
    visits : int
        1 for a visit, more for a template coadd.
    fwhm : float
        Seeing, arcsec.
    g1, g2 : float
        PSF ellipticity (reduced shear).
    moffat : float
        Index of a Moffat PSF; 0 for a Kolmogorov one.
    dead_columns : tuple of int
        First and past-last column without data.
    seed : int
        Of the noise.
    """

    visits: int
    fwhm: float
    g1: float
    g2: float
    moffat: float
    dead_columns: tuple[int, int]
    seed: int

    def psf(self) -> galsim.GSObject:
        """The PSF as a GalSim profile."""
        if self.moffat:
            round_psf = galsim.Moffat(beta=self.moffat, fwhm=self.fwhm)
        else:
            round_psf = galsim.Kolmogorov(fwhm=self.fwhm)
        return round_psf.shear(g1=self.g1, g2=self.g2)

    @property
    def sky_sigma(self) -> float:
        """Noise of an empty pixel, nJy."""
        electrons = SKY_ELECTRONS + READ_NOISE**2
        return float(np.sqrt(electrons / self.visits) / ELECTRONS_PER_NJY)

    def limit(self) -> float:
        """Magnitude of a point source at five sigma."""
        # Effective area of a Gaussian PSF in pixels: Ivezic et al. 2019, eq. 4.
        pixels = 2.266 * (self.fwhm / SCALE) ** 2
        return float(31.4 - 2.5 * np.log10(5.0 * self.sky_sigma * np.sqrt(pixels)))


@dataclass(frozen=True)
class Exposure:
    """An observed image.

    Attributes
    ----------
    image : ndarray, float32
        nJy; NaN where the mask is not zero.
    variance : ndarray, float32
        nJy squared.
    mask : ndarray, uint8
    observation : Observation
    """

    image: Image
    variance: Image
    mask: NDArray[np.uint8]
    observation: Observation


def _draw_seeing(rng: np.random.Generator, low: float, high: float) -> float:
    return float(np.clip(rng.lognormal(np.log(0.78), 0.18), low, high))


#: Visits in a template: from a first shallow one to one of several years.
TEMPLATE_VISITS = (3, 8, 20, 60, 150)


def draw_observations(seed: int, size: int) -> tuple[Observation, Observation]:
    """The template and the visit of a field, from the field's seed."""
    rng = np.random.default_rng([seed, 3])
    dead = (0, 0)
    if rng.uniform() < 0.25:  # a strip between detectors
        start = int(rng.integers(0, size - size // 40))
        dead = (start, start + int(rng.integers(size // 80, size // 40)))
    both = []
    for visits in (int(rng.choice(TEMPLATE_VISITS)), 1):
        g = np.minimum(np.abs(rng.normal(0.0, 0.03)), 0.08)
        t = rng.uniform(0.0, 2.0 * np.pi)
        both.append(
            Observation(
                visits=visits,
                fwhm=_draw_seeing(rng, 0.6, 1.1),
                g1=float(g * np.cos(t)),
                g2=float(g * np.sin(t)),
                moffat=float(rng.choice([0.0, 2.5, 3.5])),
                dead_columns=dead,
                seed=int(rng.integers(2**31)),
            )
        )
    return both[0], both[1]


def _transfer(profile: galsim.GSObject, size: int) -> NDArray[np.complex64]:
    """Fourier transform of a profile on the grid of a padded image."""
    kx = 2.0 * np.pi * fft.rfftfreq(size, SCALE)
    step = kx[1]
    bounds = galsim.BoundsI(0, size // 2, -size // 2, size // 2 - 1)
    image = profile.drawKImage(image=galsim.ImageCF(bounds=bounds, scale=step), recenter=False)
    return np.asarray(fft.ifftshift(image.array, axes=0))


def change_seeing(scene: Image, psf: galsim.GSObject, pad: int = 96) -> Image:
    """A scene through another, broader PSF.

    Exact for a noise-free, well-sampled scene: its Fourier transform is
    multiplied by the ratio of the two transfer functions.  The scene is
    reflected beyond its edge, so that nothing wraps around.
    """
    size = fft.next_fast_len(scene.shape[0] + 2 * pad, real=True)
    size += size % 2
    after = size - scene.shape[0] - pad
    padded = np.pad(scene, ((pad, after), (pad, after)), mode="reflect")
    ratio = _transfer(psf, size)
    base = _transfer(base_psf(), size).real
    # Near the Nyquist frequency the scene itself is aliased: let the ratio
    # end softly there instead of amplifying what is left.
    ratio /= np.maximum(base, 1e-3)
    edge = np.clip((1.0 - np.abs(fft.fftfreq(size, 0.5))) / 0.35, 0.0, 1.0).astype(np.float32)
    edge *= edge * (3.0 - 2.0 * edge)
    ratio *= edge[:, None] * edge[None, : size // 2 + 1]
    seen = fft.irfft2(fft.rfft2(padded) * ratio, s=(size, size))
    n = scene.shape[0]
    return np.asarray(seen[pad : pad + n, pad : pad + n], dtype=np.float32)


def make_mask(seen: Image, stars: Table, observation: Observation) -> NDArray[np.uint8]:
    """Saturated pixels (grown by two), bleed trails (visits only), dead columns."""
    mask = np.zeros(seen.shape, np.uint8)
    rows_full, columns_full = np.nonzero(seen > FULL_WELL / ELECTRONS_PER_NJY)
    for dy in range(-2, 3):
        for dx in range(-2, 3):
            lines = np.clip(rows_full + dy, 0, seen.shape[0] - 1)
            columns = np.clip(columns_full + dx, 0, seen.shape[1] - 1)
            mask[lines, columns] |= SATURATED
    if observation.visits == 1:
        for row in stars[stars["r_mag"] < 15.5]:
            x, y = round(float(row["x"])), round(float(row["y"]))
            reach = int(12.0 * 10.0 ** (0.25 * (15.5 - float(row["r_mag"]))))
            trail = slice(max(y - reach, 0), max(y + reach + 1, 0))
            mask[trail, max(x - 1, 0) : max(x + 2, 0)] |= BLEED
    mask[:, observation.dead_columns[0] : observation.dead_columns[1]] |= NO_DATA
    return mask


def observe(scene: Image, stars: Table, observation: Observation) -> Exposure:
    """Look at a noise-free scene.

    The noise of a pixel is Gaussian with the variance of its sky, read noise
    and source electrons.  A coadd's noise is drawn as white: correlations from
    resampling are not simulated.
    """
    seen = change_seeing(scene, observation.psf())
    mask = make_mask(seen, stars, observation)
    electrons = SKY_ELECTRONS + READ_NOISE**2 + np.maximum(seen, 0.0) * ELECTRONS_PER_NJY
    variance = (electrons / (observation.visits * ELECTRONS_PER_NJY**2)).astype(np.float32)
    noise = np.random.default_rng(observation.seed).standard_normal(seen.shape, dtype=np.float32)
    image = seen + noise * np.sqrt(variance)
    image[mask != 0] = np.nan
    return Exposure(image=image, variance=variance, mask=mask, observation=observation)
