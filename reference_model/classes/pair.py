"""A template and a science image of one scene, as two different nights see it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import fft
from scipy.ndimage import gaussian_filter

from reference_model.classes.surveys import SCENE_PIXEL, Look, draw_looks, pixel_transfer, transfer
from reference_model.scenes.render import base_psf

Image = NDArray[np.float32]

#: Variation of the PSF over an image (fraction of its width, and ellipticity).
PSF_DRIFT = 0.015
#: Registration of the science image on the template, pixels: of all of it, and over the image.
SHIFT, WARP = 0.08, 0.05
#: Electrons at which a pixel is full; a template is a mean, with the same fullness in a visit.
FULL_WELL = (5.0e4, 1.5e5)


@dataclass(frozen=True)
class Pair:
    """Two images of one sky on one grid, nJy.

    Attributes
    ----------
    template, science : ndarray, float32, shape (M, M)
    looks : tuple of Look
        How each was taken: template, science.
    shift : ndarray, float32, shape (2, M, M)
        What lies at x + shift in the template's frame lies at x in the science image.
    full : ndarray of bool, shape (M, M)
        Saturated in the science image.
    """

    template: Image
    science: Image
    looks: tuple[Look, Look]
    shift: Image
    full: NDArray[np.bool_]


def fineness(scene_side: int, side: int) -> int:
    """Samples along a pixel in which an image is made: 2 where its PSF may be undersampled."""
    return 2 if 2 * side <= scene_side else 1


def scene_transform(scene: Image, side: int) -> NDArray[np.complex64]:
    """Fourier transform of a scene on the coarser grid of an image of `side` samples.

    Frequencies beyond the image's own are left out, which samples a band-limited scene exactly:
    the PSF that is put on it later is well sampled. The base PSF and the scene's pixel are
    taken off.
    """
    size = scene.shape[0]
    whole = fft.rfft2(scene)
    half = side // 2
    rows = np.r_[0:half, size - half : size]
    found = whole[rows, : half + 1]
    pixel = SCENE_PIXEL * size / side
    step = 2.0 * np.pi / (side * pixel)
    import galsim

    bounds = galsim.BoundsI(0, half, -half, half - 1)
    base = base_psf().drawKImage(image=galsim.ImageCF(bounds=bounds, scale=step), recenter=False)
    base = np.fft.ifftshift(base.array.real, axes=0) * pixel_transfer(side, pixel, SCENE_PIXEL)
    taper = 1.0
    if side == size:  # near the scene's own Nyquist frequency it is aliased: end softly
        edge = np.clip((1.0 - np.abs(np.fft.fftfreq(side, 0.5))) / 0.35, 0.0, 1.0)
        edge *= edge * (3.0 - 2.0 * edge)
        taper = edge[:, None] * edge[None, : half + 1]
    return np.asarray(found / np.maximum(base, 1e-3) * taper, dtype=np.complex64)


def observe_pair(
    rng: np.random.Generator, sky: NDArray[np.complex64], side: int, pixel: float
) -> Pair:
    """Observe a scene twice.

    Parameters
    ----------
    rng : Generator
    sky : ndarray, complex64, shape (F M, F M / 2 + 1)
        From `scene_transform`, with F samples along a pixel.
    side : int
        M.
    pixel : float
        arcsec.
    """
    looks = draw_looks(rng, pixel)
    shift = _warp(rng, side)
    template = _seen(rng, sky, side, looks[0])
    science = _seen(rng, sky, side, looks[1], shift)
    well = np.exp(rng.uniform(*np.log(FULL_WELL)))
    noisy, masks = [], []
    for seen, look in zip((template, science), looks, strict=True):
        # The template's pixels fill like those of the science image did.
        top = np.float32(well / looks[1].gain)
        masks.append(seen > top)
        noisy.append(_noise(rng, np.minimum(seen, top), look))
    return Pair(noisy[0], noisy[1], looks, shift, masks[1])


def _warp(rng: np.random.Generator, side: int) -> Image:
    """A shift of the whole image and a smooth field of shifts, pixels."""
    u = np.linspace(-1.0, 1.0, side, dtype=np.float32)
    x, y = u[None, :], u[:, None]
    parts = (x + 0 * y, y + 0 * x, x * y, x * x - y * y, np.sin(3.0 * x + 4.0 * y))
    out = np.empty((2, side, side), np.float32)
    for axis in range(2):
        weights = rng.normal(0.0, WARP * np.exp(rng.normal(0.0, 0.5)), len(parts))
        out[axis] = rng.normal(0.0, SHIFT)
        for weight, part in zip(weights, parts, strict=True):
            out[axis] += np.float32(weight) * part
    return out


def _seen(
    rng: np.random.Generator, sky: NDArray[np.complex64], side: int, look: Look,
    shift: Image | None = None,
) -> Image:  # fmt: skip
    """Noise-free image; the PSF drifts from one side to the other."""
    u = np.linspace(0.0, 1.0, side, dtype=np.float32)
    angle = rng.uniform(0.0, 2.0 * np.pi)
    weight = 0.5 + (u[None, :] - 0.5) * np.cos(angle) + (u[:, None] - 0.5) * np.sin(angle)
    size = sky.shape[0]
    fine = size // side

    def pixels(spectrum: NDArray[np.complex64]) -> Image:
        found = fft.irfft2(spectrum, s=(size, size))[::fine, ::fine]
        return np.asarray(found * np.float32(fine * fine), dtype=np.float32)

    ends = []
    for _ in range(2):
        seen = sky * transfer(look.changed(rng, PSF_DRIFT), size, fine)
        image = pixels(seen)
        if shift is not None:  # a shift far below the PSF: the first term of its series
            kx = 2j * np.pi * fine * np.fft.rfftfreq(size).astype(np.complex64)[None, :]
            ky = 2j * np.pi * fine * np.fft.fftfreq(size).astype(np.complex64)[:, None]
            image = image + shift[0] * pixels(seen * kx) + shift[1] * pixels(seen * ky)
        ends.append(image)
    return np.asarray(ends[0] * weight + ends[1] * (1.0 - weight), dtype=np.float32)


def _noise(rng: np.random.Generator, seen: Image, look: Look) -> Image:
    electrons = look.sky + np.maximum(seen, 0.0) * look.gain
    white = rng.standard_normal(seen.shape, dtype=np.float32)
    if look.smooth:
        white = gaussian_filter(white, look.smooth, truncate=3.0, mode="wrap")
        white /= white.std()
    ramp = np.linspace(-1.0, 1.0, seen.shape[0], dtype=np.float32)
    # What is left of the sky: a plane and an offset, a fraction of the noise.
    a, b, c = rng.normal(0.0, 0.3 * look.sigma, 3).astype(np.float32)
    noise = white * np.sqrt(electrons, dtype=np.float32) / np.float32(look.gain)
    return np.asarray(seen + noise + a + b * ramp[None, :] + c * ramp[:, None], np.float32)


def point(
    size: int, flux: float, x: float, y: float, trail: tuple[float, float],
    psf: NDArray[np.complex64],
) -> Image:  # fmt: skip
    """A point source, or one that moves evenly, in a small image.

    Parameters
    ----------
    size : int
        Side of the image, pixels.
    flux : float
        nJy.
    x, y : float
        Position from the centre of pixel (size // 2, size // 2).
    trail : tuple of float
        Way during the exposure, pixels.
    psf : ndarray, complex64
        `reference_model.classes.surveys.transfer` on `size` pixels, in any number of samples each.
    """
    samples = psf.shape[0]
    fine = samples // size
    fx = fine * np.fft.rfftfreq(samples)[None, :]
    fy = fine * np.fft.fftfreq(samples)[:, None]
    at = size // 2
    phase = np.exp(-2j * np.pi * (fx * (at + x) + fy * (at + y)))
    smear = np.sinc(fx * trail[0] + fy * trail[1])
    drawn = fft.irfft2(psf * phase * smear * (flux * fine**2), s=(samples, samples))
    return np.asarray(drawn[::fine, ::fine], dtype=np.float32)
