"""Image subtraction as surveys do it: a fitted kernel, or proper subtraction.

Both are linear in the two images: in Fourier space D = A S - B T.  A source that is added to
the science image adds A times itself to the difference, so that many alerts can be made of one
subtraction.  Kernel and PSFs are fitted to the images' own stars, whose noise, registration and
changing PSF leave the residuals that real differences have.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from reference_model.classes.pair import Pair
from reference_model.scenes.crop import crop

Image = NDArray[np.float32]
Filters = tuple[NDArray[np.complex64], NDArray[np.complex64]]

#: Side of the images around stars, and of kernels and PSFs, pixels.
PATCH, KERNEL = 47, 25
STARS = 40
#: Basis of kernels (Alard & Lupton 1998, ApJ 503, 325; Alard 2000, A&AS 144, 363): widths in
#: units of the difference of the two PSFs' widths, and degrees of the polynomials.
WIDTHS, DEGREES = (0.6, 1.2, 2.4), (4, 2, 2)


@dataclass(frozen=True)
class Subtraction:
    """A difference image and how it was made.

    Attributes
    ----------
    difference : ndarray, float32, shape (M, M)
    filters : callable
        Side of an image to the pair (A, B) on its half Fourier grid.
    """

    difference: Image
    filters: Callable[[int], Filters]


def subtract(
    rng: np.random.Generator, template: Image, science: Image, pair: Pair,
    stars: NDArray[np.float64],
) -> Subtraction:  # fmt: skip
    """Subtract the template from a science image, by one of the two ways.

    Parameters
    ----------
    rng : Generator
    template, science : ndarray, float32, shape (M, M)
    pair : Pair
        How they were taken.
    stars : ndarray, shape (n, 3)
        x, y and flux of known stars; bright, unsaturated and lonely ones are used.
    """
    chosen = _choose(rng, stars, pair)
    if rng.uniform() < 0.5 or len(chosen) < 4:
        filters = _proper(template, science, pair, chosen)
    else:
        filters = _fitted(template, science, pair, chosen)
    side = science.shape[0]
    a, b = filters(side)
    found = fft.irfft2(fft.rfft2(science) * a - fft.rfft2(template) * b, s=(side, side))
    return Subtraction(np.asarray(found, dtype=np.float32), filters)


def _choose(
    rng: np.random.Generator, stars: NDArray[np.float64], pair: Pair
) -> NDArray[np.float64]:
    side, half = pair.science.shape[0], PATCH // 2 + 2
    top = 0.6 * float(np.nanmax(np.where(pair.full, pair.science, 0.0), initial=0.0))
    inside = (stars[:, :2] > half).all(axis=1) & (stars[:, :2] < side - 1 - half).all(axis=1)
    peak = stars[:, 2] / (2.266 * (pair.looks[1].fwhm / pair.looks[1].pixel) ** 2)
    bright = stars[inside & (peak > 10 * pair.looks[1].sigma) & ((top == 0) | (peak < top))]
    order = np.argsort(-bright[:, 2])[: 4 * STARS]
    lonely = []
    for i in order:
        apart = np.hypot(*(stars[:, :2] - bright[i, :2]).T)
        company = (apart > 0.5) & (apart < 12) & (stars[:, 2] > 0.15 * bright[i, 2])
        if not company.any():
            lonely.append(bright[i])
    lonely = lonely or list(bright[order])
    if not lonely:
        return np.empty((0, 3))
    return np.asarray(lonely)[:STARS]


def _windows(image: Image, stars: NDArray[np.float64], size: int) -> Image:
    half = size // 2
    return np.stack([
        crop(image, round(x) - half, round(y) - half, size) for x, y in stars[:, :2]
    ])  # fmt: skip


def _kernel_transform(kernel: Image, size: int) -> NDArray[np.complex64]:
    """Fourier transform of a small image whose middle is the origin."""
    half = kernel.shape[0] // 2
    whole = np.zeros((size, size), np.float32)
    whole[: kernel.shape[0], : kernel.shape[1]] = kernel
    return np.asarray(fft.rfft2(np.roll(whole, (-half, -half), (0, 1))), dtype=np.complex64)


def basis(width: float) -> Image:
    """Gaussians times polynomials, shape (K, 25, 25); the first has unit sum, the rest none."""
    u = np.arange(KERNEL) - KERNEL // 2
    x, y = u[None, :].astype(float), u[:, None].astype(float)
    out = []
    for scale, degree in zip(WIDTHS, DEGREES, strict=True):
        s = max(scale * width, 0.5)
        gauss = np.exp(-0.5 * (x * x + y * y) / s**2)
        for i in range(degree + 1):
            for j in range(degree + 1 - i):
                part = gauss * (x / s) ** i * (y / s) ** j
                out.append(part / part.sum() if i % 2 == 0 and j % 2 == 0 else part / s)
    for part in out[1:]:
        if abs(part.sum()) > 1e-6:
            part -= out[0]
    return np.asarray(out, dtype=np.float32)


def _fitted(
    template: Image, science: Image, pair: Pair, stars: NDArray[np.float64]
) -> Callable[[int], Filters]:
    """Convolve the sharper image with a kernel fitted around stars."""
    fwhm = [look.fwhm / look.pixel for look in pair.looks]
    sharp_template = fwhm[0] <= fwhm[1]
    source, target = (template, science) if sharp_template else (science, template)
    width = np.sqrt(max(abs(fwhm[0] ** 2 - fwhm[1] ** 2), 1.0)) / 2.355
    kernels = basis(width)
    size, inner = 72, slice(KERNEL // 2 + 1, 72 - KERNEL // 2 - 1)
    from_, to = _windows(source, stars, size), _windows(target, stars, size)
    good = np.isfinite(from_).all(axis=(1, 2)) & np.isfinite(to).all(axis=(1, 2))
    if good.sum() < 3:
        return _proper(template, science, pair, stars)
    spectra = fft.rfft2(from_[good])
    design = []
    for kernel in kernels:
        seen = fft.irfft2(spectra * _kernel_transform(kernel, size), s=(size, size))
        design.append(seen[:, inner, inner].ravel())
    design.append(np.ones_like(design[0]))
    matrix, values = np.stack(design, axis=1), to[good][:, inner, inner].ravel()
    # Bright pixels have more noise; the weights of a survey's own variance plane.
    look = pair.looks[1]
    weight = 1.0 / np.sqrt(look.sky + np.clip(values, 0.0, None) * look.gain)
    square = (matrix * weight[:, None]).T @ (matrix * weight[:, None])
    square += 1e-6 * np.diag(np.diag(square))
    found = np.linalg.solve(square, (matrix * weight[:, None]).T @ (values * weight))
    kernel = np.tensordot(found[:-1], kernels, axes=1).astype(np.float32)

    def filters(side: int) -> Filters:
        one = np.ones((side, side // 2 + 1), np.complex64)
        matched = _kernel_transform(kernel, side)
        return (one, matched) if sharp_template else (matched, one)

    return filters


def _estimated_psf(image: Image, stars: NDArray[np.float64], sigma: float) -> Image:
    """Mean of stars, each shifted to the middle of a pixel and scaled to one."""
    size = 64
    total = np.zeros((size, size))
    fx, fy = np.fft.rfftfreq(size)[None, :], np.fft.fftfreq(size)[:, None]
    for (x, y, flux), window in zip(stars, _windows(image, stars, size), strict=True):
        if not np.isfinite(window).all():
            continue
        clean = window - np.median(window)
        dx, dy = x - round(x), y - round(y)
        moved = fft.irfft2(fft.rfft2(clean) * np.exp(2j * np.pi * (fx * dx + fy * dy)))
        # Weighted by signal: the bright ones make the PSF.
        total += moved * min(flux, 1e4 * sigma)
    half = size // 2
    low = half - KERNEL // 2
    psf = total[low : low + KERNEL, low : low + KERNEL]
    u = np.arange(KERNEL) - KERNEL // 2
    r = np.hypot(u[None, :], u[:, None])
    psf = psf - np.median(psf[r > KERNEL // 2 - 1])
    psf *= np.clip((KERNEL // 2 + 0.5 - r) / 4.0, 0.0, 1.0)
    return np.asarray(psf / psf.sum(), dtype=np.float32)


def _model_psf(pair: Pair, which: int) -> Image:
    look = pair.looks[which]
    drawn = look.profile().drawImage(nx=KERNEL, ny=KERNEL, scale=look.pixel).array
    return np.asarray(drawn / drawn.sum(), dtype=np.float32)


def _proper(
    template: Image, science: Image, pair: Pair, stars: NDArray[np.float64]
) -> Callable[[int], Filters]:
    """Proper subtraction: Zackay, Ofek & Gal-Yam 2016 (ApJ 830, 27), eq. 13, equal zero points."""
    images, psfs = (template, science), []
    for which in range(2):
        if len(stars) < 3:
            psfs.append(_model_psf(pair, which))
        else:
            psfs.append(_estimated_psf(images[which], stars, pair.looks[which].sigma))
    noise = [look.sigma for look in pair.looks]

    def filters(side: int) -> Filters:
        t, s = (_kernel_transform(psf, side) for psf in psfs)
        below = np.sqrt(
            noise[1] ** 2 * np.abs(t) ** 2 + noise[0] ** 2 * np.abs(s) ** 2 + 1e-9 * noise[1] ** 2
        )
        # The zero point of the difference, so that its fluxes are those of the science image.
        scale = np.sqrt(noise[0] ** 2 + noise[1] ** 2)
        return (
            np.asarray(t / below * scale, np.complex64),
            np.asarray(s / below * scale, np.complex64),
        )

    return filters
