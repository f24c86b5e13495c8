"""Observing a scene: seeing, pixels, sky, noise, saturation, masks, missing columns."""

from __future__ import annotations

from dataclasses import dataclass, replace

import galsim
import numpy as np
from numpy.typing import NDArray
from scipy import fft, ndimage

from reference_model.scenes.grid import PAD, Grid, grid_of, padded_size, samples
from reference_model.scenes.observation import Observation, blur_gain
from reference_model.scenes.render import SCALE, base_psf
from reference_model.sky.galaxies import Table

Image = NDArray[np.float32]

#: Mask bits of an observation.
SATURATED, BLEED, NO_DATA = 1, 2, 4


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


@dataclass(frozen=True)
class Spectrum:
    """The Fourier transform of a padded scene, from which every look at it is made.

    Attributes
    ----------
    values : ndarray, complex64
        Transform of the scene over that of its own PSF and pixel.
    size : int
        Side of the scene.
    """

    values: NDArray[np.complex64]
    size: int


def spectrum_of(scene: Image) -> Spectrum:
    """Transform a scene, reflected beyond its edge so that nothing wraps around."""
    size = scene.shape[0]
    length = padded_size(size)
    padded = np.pad(scene, ((PAD, length - size - PAD),) * 2, mode="reflect")
    values = fft.rfft2(padded)
    # Near the Nyquist frequency the scene itself is aliased: let it end softly there
    # instead of amplifying what is left.
    values /= np.maximum(_transfer(base_psf(), length).real, 1e-3)
    edge = np.clip((1.0 - np.abs(fft.fftfreq(length, 0.5))) / 0.35, 0.0, 1.0).astype(np.float32)
    edge *= edge * (3.0 - 2.0 * edge)
    own = edge / np.sinc(fft.fftfreq(length)).astype(np.float32)
    values *= own[:, None]
    values *= own[None, : length // 2 + 1]
    return Spectrum(values, size)


def _transfer(profile: galsim.GSObject, size: int) -> NDArray[np.complex64]:
    """Fourier transform of a profile on the grid of a padded image."""
    kx = 2.0 * np.pi * fft.rfftfreq(size, SCALE)
    step = kx[1]
    bounds = galsim.BoundsI(0, size // 2, -size // 2, size // 2 - 1)
    image = profile.drawKImage(image=galsim.ImageCF(bounds=bounds, scale=step), recenter=False)
    return np.asarray(fft.ifftshift(image.array, axes=0))


def see(spectrum: Spectrum, psf: galsim.GSObject, scale: float) -> Image:
    """A scene through a PSF and pixels of a size, nJy per pixel, before any turn.

    Exact for a noise-free, well-sampled scene: its transform is multiplied by those of the
    PSF and of the pixel, then sampled more finely than the seeing needs, and one sample per
    pixel is kept.
    """
    length = padded_size(spectrum.size)
    number, times = (length, 1) if scale == SCALE else samples(scale, spectrum.size)
    ratio = length / number
    pixel = np.sinc(fft.fftfreq(length) * ratio).astype(np.float32)
    values = spectrum.values * _transfer(psf, length)
    values *= pixel[:, None]
    values *= pixel[None, : length // 2 + 1]
    seen = fft.irfft2(_resized(values, number * times), s=(number * times,) * 2)
    seen = seen[::times, ::times] * np.float32((number * times / length) ** 2 * ratio**2)
    grid = grid_of(Observation(1, 1.0, 0.0, 0.0, 0.0, (0, 0), 0, scale), spectrum.size)
    part = slice(grid.start, grid.start + grid.side)
    return np.ascontiguousarray(seen[part, part], dtype=np.float32)


def _resized(values: NDArray[np.complex64], size: int) -> NDArray[np.complex64]:
    """The transform of a finer or coarser sampling: frequencies added or left out."""
    old = values.shape[0]
    if size == old:
        return values
    keep = min(old, size) // 2
    out = np.zeros((size, size // 2 + 1), values.dtype)
    out[:keep, :keep] = values[:keep, :keep]
    out[-keep + 1 :, :keep] = values[-keep + 1 :, :keep]
    return out


def make_mask(seen: Image, stars: Table, observation: Observation, grid: Grid) -> NDArray[np.uint8]:
    """Saturated pixels, bleed trails (LSST visits only), dead columns.

    Where saturated pixels are masked, their neighbours within two pixels are too.
    """
    mask = np.zeros(seen.shape, np.uint8)
    rows_full, columns_full = np.nonzero(seen > observation.saturation)
    grown = 0 if observation.clipped else 2
    for dy in range(-grown, grown + 1):
        for dx in range(-grown, grown + 1):
            lines = np.clip(rows_full + dy, 0, seen.shape[0] - 1)
            columns = np.clip(columns_full + dx, 0, seen.shape[1] - 1)
            mask[lines, columns] |= SATURATED
    if observation.visits == 1 and not observation.depth:
        for row in stars[stars["r_mag"] < 15.5]:
            x, y = (round(float(v)) for v in grid.pixels(row["x"], row["y"]))
            reach = int(12.0 * 10.0 ** (0.25 * (15.5 - float(row["r_mag"]))))
            trail = slice(max(y - reach, 0), max(y + reach + 1, 0))
            mask[trail, max(x - 1, 0) : max(x + 2, 0)] |= BLEED
    mask[:, observation.dead_columns[0] : observation.dead_columns[1]] |= NO_DATA
    return mask


#: Knots of the sky that is left, along a side.
WAVES = 9


def left_of_sky(rng: np.random.Generator, side: int, rms: float) -> Image:
    """A smooth field of zero mean over many draws: what sky subtraction left behind.

    A constant, a slope and waves a quarter of the image long carry a third of the variance
    each.
    """
    t = np.linspace(-1.0, 1.0, side, dtype=np.float32)
    slope = rng.standard_normal(2) * np.sqrt(1.5)
    coarse = rng.standard_normal((WAVES, WAVES)).astype(np.float32)
    # A cubic spline along one axis, then along the other.
    spline = ndimage.zoom(np.eye(WAVES, dtype=np.float32), (side / WAVES, 1.0), order=3,
                          mode="nearest", grid_mode=True)  # fmt: skip
    waves = spline @ coarse @ spline.T
    waves /= np.float32(max(float(waves.std()), 1e-6))
    total = slope[0] * t[None, :] + slope[1] * t[:, None] + waves + rng.standard_normal()
    return np.asarray(rms / np.sqrt(3.0) * total, dtype=np.float32)


def observe(spectrum: Spectrum, stars: Table, observation: Observation) -> Exposure:
    """Look at a noise-free scene.

    The noise of a pixel is Gaussian with the variance of its sky, read noise and source
    electrons.  LSST's coadds have white noise and no sky left in them; other looks have what
    the observation says.
    """
    grid = grid_of(observation, spectrum.size)
    seen = see(spectrum, observation.psf(), observation.scale)
    mask = make_mask(seen, stars, observation, replace(grid, turn=0))
    spread = observation.sky_sigma**2 + np.maximum(seen, 0.0) / observation.gain
    variance = np.asarray(spread, dtype=np.float32)
    rng = np.random.default_rng(observation.seed)
    noise = rng.standard_normal(seen.shape, dtype=np.float32)
    if observation.blur:
        noise = ndimage.gaussian_filter(noise, observation.blur, mode="wrap")
        noise *= np.float32(blur_gain(observation.blur))
    image = seen + noise * np.sqrt(variance)
    if observation.residual:
        image += left_of_sky(rng, seen.shape[0], observation.residual * observation.sky_sigma)
    image = image.astype(np.float32, copy=False)
    image[(mask & (BLEED | NO_DATA) if observation.clipped else mask) != 0] = np.nan
    if observation.clipped:
        image = np.minimum(image, np.float32(observation.saturation))
    return Exposure(grid.turned(image), grid.turned(variance), grid.turned(mask), observation)
