"""From a pair of images to labelled alerts: injection, subtraction, detection."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from hstamp.classify import CLASSES
from reference_model.classes.artefacts import spoil, spoil_template
from reference_model.classes.cut import windows
from reference_model.classes.detect import Detector, reported
from reference_model.classes.pair import FULL_WELL, Pair, fineness, observe_pair, point
from reference_model.classes.population import Source, draw_source
from reference_model.classes.sky import Scene
from reference_model.classes.subtract import Subtraction, subtract
from reference_model.classes.surveys import transfer
from reference_model.scenes.crop import crop

Image = NDArray[np.float32]

#: Pixels from the edge of an image that sources keep.
MARGIN = 105
#: Side of the image in which a source is drawn, pixels.
PATCH = 96
#: Share of a detection's signal that has to be the injected source's own; else what was found is
#: something else that happens to lie there.
OWN = 0.6


@dataclass(frozen=True)
class Found:
    """An alert.

    Attributes
    ----------
    label : int
        Place in `hstamp.classify.CLASSES`.
    x, y : float
        Reported position, pixels of the image.
    snr : float
        Of the difference, with its sign.
    wide : ndarray, float32, shape (3, 240, 240)
        Science, template, difference.
    """

    label: int
    x: float
    y: float
    snr: float
    wide: Image


@dataclass(frozen=True)
class Epoch:
    """A subtracted pair, ready for injection."""

    pair: Pair
    science: Image
    made: Subtraction
    detector: Detector

    @property
    def images(self) -> list[Image]:
        """Science, template, difference, without injected sources."""
        return [self.science, self.pair.template, self.made.difference]


def make_epoch(
    rng: np.random.Generator, scene: Scene, sky: NDArray[np.complex64], side: int, pixel: float
) -> Epoch:
    """Observe a scene twice, spoil the second image, subtract."""
    pair = observe_pair(rng, sky, side, pixel)
    science = spoil(rng, pair)
    pair = replace(pair, template=spoil_template(rng, pair))
    ratio = side / scene.image.shape[0]
    stars = np.stack(
        [scene.stars["x"] * ratio, scene.stars["y"] * ratio, scene.stars["flux"]], axis=1
    ).astype(float)
    made = subtract(rng, pair.template, science, pair, stars)
    fwhm = max(look.fwhm for look in pair.looks) / pixel
    return Epoch(pair, science, made, Detector.of(made.difference, fwhm))


def shares(scene: Scene) -> dict[str, float]:
    """Relative numbers of the classes: variable stars follow the stars, galaxies the rest.

    Near the plane of the Galaxy more of the variables are stars, and dust hides galaxies.
    """
    dense = scene.star_factor / scene.middle
    outside = float(np.clip(dense**-0.25, 0.5, 1.6))
    return {
        "AGN": outside, "SN": outside, "VS": float(np.clip(dense**0.5, 0.4, 2.0)),
        "asteroid": 1.0, "bogus": 1.0,
    }  # fmt: skip


def alerts_of(rng: np.random.Generator, epoch: Epoch, scene: Scene, count: int) -> Iterator[Found]:
    """About `count` alerts of an epoch, classes mixed."""
    weights = shares(scene)
    each = {name: round(count / 5 * weight) for name, weight in weights.items()}
    yield from _bogus(rng, epoch, each["bogus"])
    side = epoch.science.shape[0]
    ratio = scene.image.shape[0] / side
    inside = (MARGIN * ratio, (side - MARGIN) * ratio)
    looks = epoch.pair.looks
    fine = fineness(scene.image.shape[0], side)
    psfs = (transfer(looks[0], PATCH * fine, fine), transfer(looks[1], PATCH * fine, fine))
    filters = epoch.made.filters(PATCH)
    for name in CLASSES[:-1]:
        left, tries = each[name], 8 * each[name]
        while left and tries:
            tries -= 1
            source = draw_source(rng, name, scene, inside, looks)
            if source is None:
                continue
            found = _inject(rng, epoch, source, ratio, psfs, filters, CLASSES.index(name))
            if found is not None:
                left -= 1
                yield found


def _bogus(rng: np.random.Generator, epoch: Epoch, count: int) -> Iterator[Found]:
    """Detections where nothing was injected."""
    difference = epoch.made.difference
    peaks = epoch.detector.peaks(difference, MARGIN)
    significance = epoch.detector.significance(difference)
    if not len(peaks):
        return
    # A bad column or a bright star gives many: each counts by its surroundings.
    apart = np.hypot(*(peaks[:, None] - peaks[None, :]).transpose(2, 0, 1))
    weight = 1.0 / (apart < 30).sum(axis=1)
    # Half of them where the template has a source, half elsewhere.
    template = epoch.pair.template
    bright = template[peaks[:, 1], peaks[:, 0]] > 10.0 * epoch.pair.looks[0].sigma
    for group in (bright, ~bright):
        if group.any():
            weight[group] *= 0.5 / weight[group].sum()
    chosen = rng.choice(len(peaks), min(count, len(peaks)), False, weight / weight.sum())
    for px, py in peaks[chosen]:
        half = PATCH // 2
        patch = crop(difference, px - half, py - half, PATCH)
        x, y = epoch.detector.centroid(np.nan_to_num(patch), half, half)
        x, y = reported(rng, x + px - half, y + py - half)
        yield Found(
            CLASSES.index("bogus"), x, y, float(significance[py, px]), windows(epoch.images, x, y)
        )


def _inject(
    rng: np.random.Generator, epoch: Epoch, source: Source, ratio: float,
    psfs: tuple[NDArray[np.complex64], NDArray[np.complex64]],
    filters: tuple[NDArray[np.complex64], NDArray[np.complex64]], label: int,
) -> Found | None:  # fmt: skip
    looks, pair = epoch.pair.looks, epoch.pair
    x, y = source.x / ratio, source.y / ratio
    ix, iy = round(x), round(y)
    half = PATCH // 2
    moved = pair.shift[:, iy, ix]
    trail = (source.trail[0] / looks[1].pixel, source.trail[1] / looks[1].pixel)
    added = []
    for look, psf, flux, dx, dy, way in (
        (looks[1], psfs[1], source.science_flux, x - ix - moved[0], y - iy - moved[1], trail),
        (looks[0], psfs[0], source.template_flux, x - ix, y - iy, (0.0, 0.0)),
    ):
        light = point(PATCH, flux, float(dx), float(dy), way, psf)
        # Fuller than full: nothing to be learnt from, and its alert would be masked.
        if light.max() > 0.8 * FULL_WELL[0] / looks[1].gain:
            return None
        noise = rng.standard_normal(light.shape, dtype=np.float32)
        added.append(light + noise * np.sqrt(np.maximum(light, 0.0) / np.float32(look.gain)))
    size = (PATCH, PATCH)
    change = fft.irfft2(fft.rfft2(added[0]) * filters[0] - fft.rfft2(added[1]) * filters[1], s=size)
    patches = [added[0], added[1], np.asarray(change, np.float32)]
    difference = crop(epoch.made.difference, ix - half, iy - half, PATCH) + patches[2]
    difference = np.nan_to_num(difference)
    reach = max(2.0, 0.7 * looks[1].fwhm / looks[1].pixel, 0.6 * float(np.hypot(*trail)))
    peak = epoch.detector.near(difference, min(reach, half - 8))
    if peak is None:
        return None
    px, py = epoch.detector.centroid(difference, *peak)
    snr = float(epoch.detector.significance(difference)[peak[1], peak[0]])
    own = float(epoch.detector.significance(patches[2])[peak[1], peak[0]])
    if own / snr < OWN:
        return None
    fx, fy = reported(rng, px + ix - half, py + iy - half)
    wide = windows(epoch.images, fx, fy)
    x0 = int(np.floor(fx)) + 1 - wide.shape[-1] // 2
    y0 = int(np.floor(fy)) + 1 - wide.shape[-1] // 2
    ax, ay = ix - half - x0, iy - half - y0
    for image, patch in zip(wide, patches, strict=True):
        image[ay : ay + PATCH, ax : ax + PATCH] += patch
    return Found(label, fx, fy, snr, wide)
