"""Which observations a field has: LSST's template and visit, and looks of other surveys."""

from __future__ import annotations

from typing import Any

import numpy as np

from reference_model.scenes.grid import scale_near
from reference_model.scenes.observation import Observation
from reference_model.sky.relations import to_njy


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
#: Bounds of the noise at 0.2 and at 1.2 arcsec: surveys with large pixels are shallow.  LSST's
#: visit has 105 nJy, its coadds 9 and more, a ZTF template about 600, a ZTF exposure 1,400.
LOOK_SCALES, LOOK_SEEING = (0.2, 1.2), (0.6, 3.0)
LOOK_DEEPEST, LOOK_SHALLOWEST = (8.0, 80.0), (300.0, 1600.0)
#: Seeing in pixels: detectors are matched to their sites within these bounds.
LOOK_SAMPLING = (1.2, 7.0)
#: Share of looks whose noise is correlated, and sigma of the kernel in pixels.
LOOK_BLURRED, LOOK_BLUR = 0.5, (0.3, 0.8)
#: Rms of the sky left in the image, in units of a pixel's noise.
LOOK_RESIDUAL = (0.003, 0.3)
#: Share of looks that are science images.
LOOK_SCIENCE = 0.25
#: Moffat indices of PSFs, those whose transforms are quick; 0 stands for a Kolmogorov profile.
LOOK_MOFFAT = (0.0, 2.5, 3.5)
#: Share of looks whose PSF has wings, the share of light in these, their width and index: what
#: telescopes and sums of images make of a seeing disk is none of the textbook profiles, and a
#: star of a high signal shows it.
LOOK_WINGED, LOOK_WINGS = 0.6, (0.01, 0.25)
LOOK_WING_WIDTH, LOOK_WING_INDEX = (1.5, 4.0), (1.5, 2.5)
#: Magnitude at which a star begins to saturate, and the share of looks that keep such pixels.
LOOK_FULL, LOOK_CLIPPED = (11.0, 16.5), 0.6


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
        fwhm = float(np.clip(fwhm, *LOOK_SEEING))
        blur = float(rng.uniform(*LOOK_BLUR)) if rng.uniform() < LOOK_BLURRED else 0.0
        scale = scale_near(scale, size)
        out.append(
            Observation(
                visits=1,
                fwhm=fwhm,
                **_draw_look_psf(rng),
                dead_columns=(0, 0),
                scale=scale,
                turn=int(rng.integers(8)),
                depth=depth,
                blur=blur,
                residual=_between(rng, *LOOK_RESIDUAL),
                science=bool(rng.uniform() < LOOK_SCIENCE),
                full=_full(float(rng.uniform(*LOOK_FULL)), scale, fwhm),
                clipped=bool(rng.uniform() < LOOK_CLIPPED),
                seed=int(rng.integers(2**31)),
            )
        )
    return out


def _draw_look_psf(rng: np.random.Generator) -> dict[str, Any]:
    shape = _draw_shape(rng)
    shape["moffat"] = float(rng.choice(LOOK_MOFFAT))
    if rng.uniform() < LOOK_WINGED:
        shape["wings"] = _between(rng, *LOOK_WINGS)
        shape["wing_width"] = float(rng.uniform(*LOOK_WING_WIDTH))
        shape["wing_index"] = float(rng.choice(LOOK_WING_INDEX))
    return shape


def _full(magnitude: float, scale: float, fwhm: float) -> float:
    """Value of the brightest pixel of a star of a magnitude, nJy.

    The peak of a Gaussian over its flux is 1 / (2 pi sigma**2), or 1 / (1.133 fwhm**2).
    """
    flux = float(to_njy(np.asarray(magnitude, dtype=float)))
    return flux * min(1.0, scale**2 / (1.133 * fwhm**2))


def _between(rng: np.random.Generator, low: float, high: float) -> float:
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))
