"""Pairs of images that are really subtracted, and the alerts found in them."""

# ruff: noqa: E402

import json
from dataclasses import replace

import numpy as np
import pytest

galsim = pytest.importorskip("galsim", reason="scenes need the train extra (GalSim)")
pytest.importorskip("scipy", reason="subtraction needs the train extra (scipy)")
pytest.importorskip("tqdm", reason="the data set needs the train extra (tqdm)")

from hstamp.classify import CLASSES
from reference_model.classes import alerts, detect, leaks, pair, subtract, surveys
from reference_model.classes.augment import hidden
from reference_model.classes.config import ClassConfig
from reference_model.classes.dataset import load_alerts, simulate
from reference_model.classes.kinds import KINDS, show
from reference_model.classes.population import Source

TINY = ClassConfig(
    "tiny", 7, {"ztf": (1, 0, 1), "lsst": (1, 0, 0)}, {"ztf": 100, "lsst": 60},
    side=340, epochs=2, atlas=40,
)  # fmt: skip
PIXEL = 0.5


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    root = tmp_path_factory.mktemp("alerts")
    return root, json.loads(simulate(root, TINY).read_text())


@pytest.fixture(scope="module")
def stars():
    """A scene of 80 stars on a grid, and their places in pixels of half an arcsecond."""
    rng = np.random.default_rng(4)
    from reference_model.scenes.render import _paste_blob

    image = np.zeros((750, 750), np.float32)
    places = []
    for x in range(60, 700, 75):
        for y in range(60, 700, 75):
            at = rng.uniform(-0.5, 0.5, 2) + np.array([x, y])
            flux = float(np.exp(rng.uniform(np.log(3e4), np.log(3e5))))
            _paste_blob(image, 0, *at, flux)
            places.append((at[0] * 0.4, at[1] * 0.4, flux))
    return image, np.array(places)


def epoch_of(image, places, seed):
    rng = np.random.default_rng(seed)
    sky = pair.scene_transform(image, 300 * pair.fineness(750, 300))
    found = pair.observe_pair(rng, sky, 300, PIXEL)
    made = subtract.subtract(rng, found.template, found.science, found, places)
    fwhm = max(look.fwhm for look in found.looks) / PIXEL
    detector = detect.Detector.of(made.difference, fwhm)
    return alerts.Epoch(found, found.science, made, detector)


class TestObserving:
    def test_a_star_keeps_its_flux_and_place(self):
        from reference_model.scenes.render import _paste_blob

        image = np.zeros((400, 400), np.float32)
        _paste_blob(image, 0, 200.0, 150.0, 5000.0)
        look = surveys.Look(0.5, 1.4, 24.0, 500.0, 0.0, 0.0, 0.0, 0.0)
        spectrum = pair.scene_transform(image, 160) * surveys.transfer(look, 160)
        seen = np.fft.irfft2(spectrum, s=(160, 160))
        y, x = np.indices(seen.shape)
        near = seen * (np.hypot(x - 80, y - 60) < 20)
        assert seen.sum() == pytest.approx(5000.0, rel=0.01)
        # A blob lies an eighth of a scene pixel from where it was asked for, at most.
        assert (near * x).sum() / near.sum() == pytest.approx(80.0, abs=0.1)
        assert (near * y).sum() / near.sum() == pytest.approx(60.0, abs=0.1)

    @pytest.mark.parametrize("fine", [1, 2])
    def test_a_point_has_its_flux_at_its_place(self, fine):
        look = surveys.Look(0.5, 1.5, 24.0, 500.0, 0.0, 3.5, 0.0, 0.0)
        psf = surveys.transfer(look, 64 * fine, fine)
        image = pair.point(64, 700.0, 2.3, -1.6, (0.0, 0.0), psf)
        y, x = np.indices(image.shape)
        assert image.sum() == pytest.approx(700.0, rel=1e-3)
        assert (image * x).sum() / image.sum() - 32 == pytest.approx(2.3, abs=0.02)
        assert (image * y).sum() / image.sum() - 32 == pytest.approx(-1.6, abs=0.02)

    def test_a_trail_is_as_long_as_its_way(self):
        # A line of length L adds L^2 / 12 to the variance along it.
        look = surveys.Look(0.5, 1.5, 24.0, 500.0, 0.0, 0.0, 0.0, 0.0)
        psf = surveys.transfer(replace(look, moffat=0.0), 96)
        y, x = np.indices((96, 96)) - 48.0
        near = np.hypot(x, y) < 30

        def spread(image):
            return (image * x * x * near).sum() / (image * near).sum()

        still, moved = (pair.point(96, 1.0, 0, 0, (way, 0.0), psf) for way in (0.0, 12.0))
        assert spread(moved) - spread(still) == pytest.approx(12.0, rel=0.03)

    def test_the_limit_is_five_sigma(self):
        # Ivezic et al. 2019 eq. 4: a PSF of 2.266 (FWHM / pixel)^2 pixels; 24.4 AB mag.
        look = surveys.Look(0.2, 0.8, 24.4, 900.0, 0.0, 0.0, 0.0, 0.0)
        flux = 10 ** (0.4 * (31.4 - 24.4))
        assert flux / (look.sigma * np.sqrt(2.266 * 16.0)) == pytest.approx(5.0)
        assert (look.gain * look.sigma) ** 2 == pytest.approx(900.0)


class TestSubtraction:
    @pytest.mark.parametrize("seed", [1, 2, 3, 6])
    def test_constant_stars_go_away(self, stars, seed):
        epoch = epoch_of(*stars, seed)
        inside = (stars[1][:, :2] > 30).all(axis=1) & (stars[1][:, :2] < 270).all(axis=1)
        left = []
        for x, y, flux in stars[1][inside]:
            window = np.s_[round(y) - 8 : round(y) + 9, round(x) - 8 : round(x) + 9]
            found = epoch.made.difference[window]
            left.append((found - np.median(found)).sum() / flux)
        assert abs(np.median(left)) < 0.05
        assert np.median(np.abs(left)) < 0.1

    @pytest.mark.parametrize("seed", [1, 2, 3, 6])
    def test_what_is_injected_after_subtraction_is_what_subtraction_would_give(self, stars, seed):
        epoch = epoch_of(*stars, seed)
        extra = np.zeros_like(epoch.science)
        look = epoch.pair.looks[1]
        patch = pair.point(96, 900.0, 0.3, 0.2, (0.0, 0.0), surveys.transfer(look, 96))
        extra[100:196, 90:186] = patch
        a, b = epoch.made.filters(300)
        whole = np.fft.irfft2(
            np.fft.rfft2(epoch.science + extra) * a - np.fft.rfft2(epoch.pair.template) * b,
            s=(300, 300),
        )
        a, _ = epoch.made.filters(96)
        local = np.fft.irfft2(np.fft.rfft2(patch) * a, s=(96, 96))
        change = (whole - epoch.made.difference)[100:196, 90:186]
        assert np.abs(change - local).max() < 0.03 * np.abs(local).max()

    def test_sources_are_found_where_they_are(self, stars, monkeypatch):
        monkeypatch.setattr(detect, "ERROR", 0.0)
        epoch = epoch_of(*stars, 3)
        rng = np.random.default_rng(1)
        looks = epoch.pair.looks
        psfs = tuple(surveys.transfer(look, alerts.PATCH) for look in looks)
        bright = 40.0 * looks[1].sigma * np.sqrt(2.266) * looks[1].fwhm / PIXEL
        for x, y in ((150.3, 140.8), (131.0, 161.5), (160.6, 171.2)):
            source = Source(x / 0.4, y / 0.4, 0.0, bright)
            found = alerts._inject(
                rng, epoch, source, 2.5, psfs, epoch.made.filters(alerts.PATCH), 1
            )
            moved = epoch.pair.shift[:, round(y), round(x)]
            assert found is not None
            assert found.snr > 10
            assert (found.x, found.y) == pytest.approx((x - moved[0], y - moved[1]), abs=0.4)

    def test_the_reported_place_forgets_where_pixels_are(self):
        # A hot pixel has its centroid on a pixel's centre. A normal error of 0.3 pixel leaves of
        # the pattern with the period of a pixel exp(-2 pi^2 0.3^2) = 17 %.
        rng = np.random.default_rng(8)
        places = np.array([detect.reported(rng, 40.0, 7.0) for _ in range(20000)])
        assert places.mean(axis=0) == pytest.approx([40.0, 7.0], abs=0.01)
        assert np.cos(2 * np.pi * places).mean(axis=0) == pytest.approx([0.169] * 2, abs=0.02)

    def test_a_star_that_fades_is_negative(self, stars):
        epoch = epoch_of(*stars, 3)
        rng = np.random.default_rng(1)
        looks = epoch.pair.looks
        psfs = tuple(surveys.transfer(look, alerts.PATCH) for look in looks)
        bright = 60.0 * looks[1].sigma * np.sqrt(2.266) * looks[1].fwhm / PIXEL
        source = Source(150.0 / 0.4, 150.0 / 0.4, 2.0 * bright, bright)
        found = alerts._inject(rng, epoch, source, 2.5, psfs, epoch.made.filters(96), 2)
        assert found.snr < -10


class TestSet:
    def test_it_holds_every_class(self, made):
        root, manifest = made
        assert manifest["alerts"] > 200
        found = load_alerts(root, TINY, "train")
        assert set(found.rows["label"]) == set(range(len(CLASSES)))
        assert len(found) == sum(
            s["alerts"] for s in manifest["scenes"] if s["name"].startswith("train")
        )
        assert (np.abs(found.rows["snr"]) >= 4.99).all()

    def test_it_is_made_once(self, made):
        root, manifest = made
        assert json.loads(simulate(root, TINY).read_text()) == manifest

    def test_nothing_but_the_images_tells_the_class(self, made):
        # Of five equal classes a blind classifier gets a fifth right; with some hundred alerts,
        # seen in many disguises, it may be 6 points off.
        root, _ = made
        found = leaks.leaks(load_alerts(root, TINY, "train"), rounds=6)
        assert found["mask"] < 0.26
        assert found["position"] < 0.28

    def test_a_mask_that_tells_the_class_is_noticed(self, made):
        root, _ = made
        found = load_alerts(root, TINY, "train")
        levels = found.levels.copy()
        levels[found.rows["label"] == 4, 2, :, :5] = np.nan
        assert leaks.leaks(replace(found, levels=levels))["mask"] > 0.3

    def test_missing_pixels_are_drawn_without_the_class(self, made):
        root, _ = made
        found = load_alerts(root, TINY, "train")
        shown = show(KINDS["hstamp3"], found, np.arange(64))
        again = replace(shown, values=shown.values[::-1].copy(), first=shown.first[::-1].copy())
        masks = [
            np.isnan(hidden(s, np.random.default_rng(3)).values).mean(axis=(1, 2, 3, 4))
            for s in (shown, again)
        ]
        assert (masks[0] > 0).sum() == (masks[1] > 0).sum() > 5

    def test_windows_show_the_same_pixels_as_levels(self, made):
        root, _ = made
        found = load_alerts(root, TINY, "train", ("lsst",))
        index = np.arange(20)
        fine = show(KINDS["hstamp2"], found, index)
        plain = show(KINDS["window63"], found, index)
        for b in index:
            # Level 0 begins at the source's cell; both say where their first pixel lies.
            shift = np.round(fine.first[b, 0] - plain.first[b, 0]).astype(int)
            window = plain.values[b, 2, 0, shift[1] : shift[1] + 14, shift[0] : shift[0] + 14]
            level = fine.values[b, 2, 0, :14, :14]
            assert np.allclose(window - np.median(window), level - np.median(level), atol=0.2)

    def test_the_source_lies_in_the_middle_pixel_of_a_window(self, made):
        root, _ = made
        found = load_alerts(root, TINY, "train")
        shown = show(KINDS["window63"], found, np.arange(len(found)))
        assert np.abs(shown.first + 31.0).max() <= 0.5 + 1e-5
