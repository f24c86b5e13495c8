"""Observing a scene: seeing, pixels, sky, noise, saturation, masks, missing columns.

A scene is looked at in two ways.  As LSST does in r, with pixels of 0.2 arcsec: numbers are
those of Ivezic et al. 2019 (ApJ 873, 111) and Rubin technical note SMTN-002.  And as any
survey may: pixels of 0.2 to 1.0 arcsec, seeing of 0.6 to 2.8, any depth, correlated noise,
a sky that was not subtracted quite right, and either parity.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, TypeVar

import galsim
import numpy as np
from numpy.typing import NDArray
from scipy import fft, ndimage

from reference_model.scenes.render import SCALE, base_psf
from reference_model.sky.galaxies import Table

Image = NDArray[np.float32]
Floats = NDArray[np.float64]
_Scalar = TypeVar("_Scalar", bound=np.generic)

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

#: Pixels beyond the scene's edge, where it is reflected.
PAD = 96
#: Widest grid (arcsec) on which a scene is sampled before pixels are picked from it: the
#: sharpest seeing has 2 % of its amplitude left at the Nyquist frequency.
FINE = 0.28


@dataclass(frozen=True)
class Observation:
    """One way to look at a scene.

    Attributes
    ----------
    visits : int
        Of LSST: 1 for a visit, more for a template coadd.
    fwhm : float
        Seeing, arcsec.
    g1, g2 : float
        PSF ellipticity (reduced shear), on the scene's axes.
    moffat : float
        Index of a Moffat PSF; 0 for a Kolmogorov one.
    dead_columns : tuple of int
        First and past-last column without data, in pixels of the scene.
    seed : int
        Of the noise.
    scale : float
        Pixel side, arcsec; taken to the nearest that divides the padded scene.
    turn : int
        Rotation or flip, as `hstamp.hosts.runtime.flip` numbers them.
    depth : float
        Noise of a square arcsec of empty sky, nJy; 0 for that of the visits.
    blur : float
        Sigma in pixels of the Gaussian that the noise is correlated by; 0 for white noise.
    residual : float
        Rms of what is left of the sky, in units of an empty pixel's noise.
    science : bool
        Whether the transient shines.
    """

    visits: int
    fwhm: float
    g1: float
    g2: float
    moffat: float
    dead_columns: tuple[int, int]
    seed: int
    scale: float = SCALE
    turn: int = 0
    depth: float = 0.0
    blur: float = 0.0
    residual: float = 0.0
    science: bool = False

    def psf(self) -> galsim.GSObject:
        """The PSF as a GalSim profile, on the scene's axes."""
        if self.moffat:
            round_psf = galsim.Moffat(beta=self.moffat, fwhm=self.fwhm)
        else:
            round_psf = galsim.Kolmogorov(fwhm=self.fwhm)
        return round_psf.shear(g1=self.g1, g2=self.g2)

    @property
    def sky_sigma(self) -> float:
        """Noise of an empty pixel, nJy."""
        if self.depth:
            return self.depth * self.scale
        electrons = SKY_ELECTRONS + READ_NOISE**2
        return float(np.sqrt(electrons / self.visits) / ELECTRONS_PER_NJY)

    @property
    def gain(self) -> float:
        """Electrons per nJy."""
        if self.depth:
            # Sky-limited: the variance of a square arcsec is its sky over the gain.
            return float(10.0 ** (0.4 * (31.4 - SKY_MAG)) / self.depth**2)
        return self.visits * ELECTRONS_PER_NJY

    @property
    def wide_sigma(self) -> float:
        """Noise of a pixel as means over many show it, nJy.

        Above `sky_sigma` where the noise is correlated.
        """
        return self.sky_sigma * blur_gain(self.blur)

    def limit(self) -> float:
        """Magnitude of a point source at five sigma."""
        # Effective area of a Gaussian PSF: Ivezic et al. 2019, eq. 4.
        area = 2.266 * self.fwhm**2
        return float(31.4 - 2.5 * np.log10(5.0 * self.sky_sigma / self.scale * np.sqrt(area)))


def blur_gain(blur: float) -> float:
    """How much more noise is left in means over many pixels than if it were white."""
    if not blur:
        return 1.0
    impulse = np.zeros(33)
    impulse[16] = 1.0
    kernel = ndimage.gaussian_filter1d(impulse, blur)
    return float(1.0 / (kernel**2).sum())


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


def _draw_shape(rng: np.random.Generator) -> dict[str, Any]:
    g = np.minimum(np.abs(rng.normal(0.0, 0.03)), 0.08)
    t = rng.uniform(0.0, 2.0 * np.pi)
    return {"g1": float(g * np.cos(t)), "g2": float(g * np.sin(t)),
            "moffat": float(rng.choice([0.0, 2.5, 3.5]))}  # fmt: skip


#: Visits in a template: from a first shallow one to one of several years.
TEMPLATE_VISITS = (3, 8, 20, 60, 150)


def draw_observations(seed: int, size: int) -> tuple[Observation, Observation]:
    """LSST's template and visit of a field, from the field's seed."""
    rng = np.random.default_rng([seed, 3])
    dead = (0, 0)
    if rng.uniform() < 0.25:  # a strip between detectors
        start = int(rng.integers(0, size - size // 40))
        dead = (start, start + int(rng.integers(size // 80, size // 40)))
    both = []
    for visits in (int(rng.choice(TEMPLATE_VISITS)), 1):
        fwhm = _draw_seeing(rng, 0.6, 1.1)
        both.append(
            Observation(
                visits=visits,
                fwhm=fwhm,
                **_draw_shape(rng),
                dead_columns=dead,
                seed=int(rng.integers(2**31)),
                science=visits == 1,
            )
        )
    return both[0], both[1]


#: Pixel sides (arcsec), seeing (arcsec), and noise of a square arcsec (nJy) of other looks.
#: Bounds of the noise at 0.2 and at 1.0 arcsec: surveys with large pixels are shallow.  LSST's
#: visit has 105 nJy, its coadds 9 and more, a ZTF template about 600, a ZTF exposure 1,400.
LOOK_SCALES, LOOK_SEEING = (0.2, 1.0), (0.6, 2.8)
LOOK_DEEPEST, LOOK_SHALLOWEST = (8.0, 80.0), (300.0, 1600.0)
#: Seeing in pixels: detectors are matched to their sites within these bounds.
LOOK_SAMPLING = (1.2, 7.0)
#: Share of looks whose noise is correlated, and sigma of the kernel in pixels.
LOOK_BLURRED, LOOK_BLUR = 0.5, (0.3, 0.8)
#: Rms of the sky left in the image, in units of a pixel's noise.
LOOK_RESIDUAL = (0.003, 0.3)
#: Share of looks that are science images.
LOOK_SCIENCE = 0.25


def draw_looks(seed: int, size: int, count: int) -> list[Observation]:
    """Looks at a field as other surveys may take them, from the field's seed."""
    rng = np.random.default_rng([seed, 4])
    out = []
    for _ in range(count):
        scale = _between(rng, *LOOK_SCALES)
        fwhm = _between(rng, *LOOK_SEEING)
        fwhm = float(np.clip(fwhm, LOOK_SAMPLING[0] * scale, LOOK_SAMPLING[1] * scale))
        share = np.log(scale / LOOK_SCALES[0]) / np.log(LOOK_SCALES[1] / LOOK_SCALES[0])
        deepest, shallowest = (b[0] * (b[1] / b[0]) ** share
                               for b in (LOOK_DEEPEST, LOOK_SHALLOWEST))  # fmt: skip
        depth = _between(rng, float(deepest), float(shallowest))
        blur = float(rng.uniform(*LOOK_BLUR)) if rng.uniform() < LOOK_BLURRED else 0.0
        out.append(
            Observation(
                visits=1,
                fwhm=float(np.clip(fwhm, *LOOK_SEEING)),
                **_draw_shape(rng),
                dead_columns=(0, 0),
                scale=scale_near(scale, size),
                turn=int(rng.integers(8)),
                depth=depth,
                blur=blur,
                residual=_between(rng, *LOOK_RESIDUAL),
                science=bool(rng.uniform() < LOOK_SCIENCE),
                seed=int(rng.integers(2**31)),
            )
        )
    return out


def _between(rng: np.random.Generator, low: float, high: float) -> float:
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


# --------------------------------------------------------------------------
# Geometry


def padded_size(size: int) -> int:
    """Side of a scene with its reflected border, for which transforms are quick."""
    found = int(fft.next_fast_len(size + 2 * PAD, real=True))
    return found + found % 2


def samples(scale: float, size: int) -> tuple[int, int]:
    """How a padded scene is sampled: pixels along it, and finer samples in one of them."""
    times = int(np.ceil(scale / FINE - 1e-9))
    length = padded_size(size)
    wanted = max(round(length * SCALE / scale), 2)
    fine = times * wanted
    while fine % 2 or fft.next_fast_len(fine, real=True) > 1.004 * fine:
        fine += times
    return fine // times, times


def scale_near(scale: float, size: int) -> float:
    """The pixel side nearest to one asked for that divides a padded scene."""
    if abs(scale - SCALE) < 1e-9:
        return SCALE
    found = padded_size(size) * SCALE / samples(scale, size)[0]
    # Where that changes the number of samples in a pixel, once more.
    again = padded_size(size) * SCALE / samples(found, size)[0]
    return found if again == found else scale_near(again, size)


@dataclass(frozen=True)
class Grid:
    """Where the pixels of an observation lie on the scene.

    Attributes
    ----------
    ratio : float
        Pixel side in pixels of the scene.
    start : int
        First pixel kept, counted from the padded scene's first.
    side : int
        Pixels along a side.
    turn : int
        Rotation or flip.
    """

    ratio: float
    start: int
    side: int
    turn: int

    def pixels(self, x: Floats, y: Floats) -> tuple[Floats, Floats]:
        """Pixel coordinates of places given in pixels of the scene, centres at integers."""
        u = (np.asarray(x, float) + PAD) / self.ratio - self.start
        v = (np.asarray(y, float) + PAD) / self.ratio - self.start
        u = self.side - 1 - u if self.turn & 1 else u
        v = self.side - 1 - v if self.turn & 2 else v
        return (v, u) if self.turn & 4 else (u, v)

    def along(self, dx: Floats, dy: Floats) -> tuple[Floats, Floats]:
        """A difference of places (any unit) along the pixel axes."""
        u = -np.asarray(dx) if self.turn & 1 else np.asarray(dx)
        v = -np.asarray(dy) if self.turn & 2 else np.asarray(dy)
        return (v, u) if self.turn & 4 else (u, v)

    def turned(self, image: NDArray[_Scalar]) -> NDArray[_Scalar]:
        """An image after the turn."""
        image = image[:, ::-1] if self.turn & 1 else image
        image = image[::-1] if self.turn & 2 else image
        return np.ascontiguousarray(image.T if self.turn & 4 else image)


def grid_of(observation: Observation, size: int) -> Grid:
    """The pixels of an observation of a scene of a side."""
    if observation.scale == SCALE:
        return Grid(1.0, PAD, size, observation.turn)
    ratio = padded_size(size) / samples(observation.scale, size)[0]
    # Pixels whose centres lie on the scene.
    start = int(np.ceil((PAD - 0.5) / ratio))
    last = int(np.floor((PAD + size - 0.5) / ratio))
    return Grid(ratio, start, last - start + 1, observation.turn)


# --------------------------------------------------------------------------
# Light


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
    """Saturated pixels (grown by two), bleed trails (LSST visits only), dead columns."""
    mask = np.zeros(seen.shape, np.uint8)
    rows_full, columns_full = np.nonzero(seen > FULL_WELL / ELECTRONS_PER_NJY)
    for dy in range(-2, 3):
        for dx in range(-2, 3):
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
    image[mask != 0] = np.nan
    return Exposure(grid.turned(image), grid.turned(variance), grid.turned(mask), observation)
