"""Inference helpers that need numpy alone."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from hstamp.hosts import runtime
from hstamp.hosts.runtime import Calibration, Mixture

ROOT = Path(__file__).resolve().parents[2]


def test_the_runtime_needs_no_training_package():
    code = (
        "import sys, hstamp.hosts.runtime; "
        "bad = [m for m in ('torch', 'galsim', 'sep', 'scipy') if m in sys.modules]; "
        "sys.exit(', '.join(bad) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_geometry_is_that_of_the_format():
    # Table of [GE-3]: first base offset and pixel side of each level.
    table = [(-7, 1), (-15, 2), (-29, 4), (-61, 8), (-117, 16), (-245, 32)]
    for levels in range(2, 7):
        first = runtime.first_pixels(levels, np.zeros(1), np.zeros(1))[0, :, 0]
        # The corner is the point half a pixel before base offset 0.
        np.testing.assert_allclose(first, [o + s / 2 for o, s in table[:levels]])
        np.testing.assert_array_equal(runtime.level_steps(levels), [s for _, s in table[:levels]])


def mixture(weights, means, sigma=1.0, none=0.0):
    count = len(weights)
    scale = np.tile(np.float32([sigma, sigma, 0.0]), (1, count, 1))
    return Mixture(
        weight=np.float32([weights]),
        none=np.float32([none]),
        mean=np.float32([means]),
        scale=scale,
        log_radius=np.full((1, count), np.log(3.0), np.float32),
    )


def test_two_galaxies_stay_two_candidates():
    found = runtime.candidates(
        mixture([0.3, 0.25, 0.4], [[10, 0], [10.5, 0.2], [-8, 3]], none=0.05)
    )
    assert found.weight[0, :2] == pytest.approx([0.55, 0.4])
    assert found.mean[0, 0] == pytest.approx([10.2273, 0.0909], abs=1e-3)
    assert found.mean[0, 1] == pytest.approx([-8, 3])
    assert found.weight[0, 2:].sum() == 0.0
    assert found.radius[0, 0] == pytest.approx(3.0, rel=1e-5)
    assert found.none[0] == pytest.approx(0.05)


def test_a_candidate_is_as_wide_as_what_it_gathers():
    found = runtime.candidates(mixture([0.5, 0.5], [[-1, 0], [1, 0]]))
    np.testing.assert_allclose(found.covariance[0, 0], [[2.0, 0.0], [0.0, 1.0]], atol=1e-5)


def test_calibration_leaves_a_distribution():
    rng = np.random.default_rng(0)
    logits = rng.standard_normal((4, 9)).astype(np.float32)
    mean, scale = np.zeros((4, 8, 2), np.float32), np.ones((4, 8, 3), np.float32)
    found = runtime.mixture_of(logits, mean, scale, mean[..., 0], Calibration(1.7, 1.2))
    np.testing.assert_allclose(found.weight.sum(axis=1) + found.none, 1.0, rtol=1e-6)
    np.testing.assert_allclose(found.scale, 1.2, rtol=1e-6)


def test_contents_of_regions_are_mapped_both_ways():
    calibration = Calibration(contents=(0.0, 0.4, 0.9, 1.0))
    assert calibration.content(np.array([1 / 3, 0.5])) == pytest.approx([0.4, 0.65])
    assert calibration.level(0.65) == pytest.approx(0.5)
    assert Calibration().level(0.68) == pytest.approx(0.68)


@pytest.mark.parametrize("which", range(8))
def test_unflipping_undoes_a_flip(which):
    covariance = np.array([[4.0, 1.2], [1.2, 1.0]])
    point = np.array([3.0, -1.0])
    sign = np.diag([-1.0 if which & 1 else 1.0, -1.0 if which & 2 else 1.0])
    swap = np.array([[0.0, 1.0], [1.0, 0.0]]) if which & 4 else np.eye(2)
    turn = swap @ sign
    turned = turn @ covariance @ turn.T
    lxx = np.sqrt(turned[0, 0])
    lyx = turned[1, 0] / lxx
    scale = np.float32([[[lxx, np.sqrt(turned[1, 1] - lyx**2), lyx]]])
    flipped = mixture([1.0], [turn @ point])
    back = runtime.unflip(
        Mixture(flipped.weight, flipped.none, flipped.mean, scale, flipped.log_radius), which
    )
    np.testing.assert_allclose(back.mean[0, 0], point, rtol=1e-6)
    np.testing.assert_allclose(runtime.covariances(back.scale)[0, 0], covariance, rtol=1e-5)


def test_noise_is_measured_from_the_finest_level():
    rng = np.random.default_rng(1)
    slope = np.linspace(0, 500, 15)[None, :] * np.ones((15, 1))
    levels = np.full((200, 3, 15, 15), np.nan, np.float32)
    levels[:, 0] = slope * 0.05 + 4.0 * rng.standard_normal((200, 15, 15))
    assert np.median(runtime.noise_of(levels)) == pytest.approx(4.0, rel=0.08)
    variance = np.full_like(levels, 9.0)
    np.testing.assert_allclose(runtime.noise_of(levels, variance), 3.0)
    assert np.isnan(runtime.noise_of(np.full((1, 3, 15, 15), np.nan, np.float32)))[0]


def test_the_sky_position_is_that_of_astropy():
    from astropy.wcs import WCS

    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    wcs.wcs.crval, wcs.wcs.crpix = [359.999, -45.0], [1.0, 1.0]
    wcs.wcs.cd = np.array([[-5.0e-5, 2.0e-5], [2.0e-5, 5.0e-5]])
    ra, dec = runtime.to_sky(
        np.float32([[120.0, -33.0]]), np.array([359.999]), np.array([-45.0]), wcs.wcs.cd[None]
    )
    expected = wcs.all_pix2world([[120.0, -33.0]], 0)[0]
    assert (ra[0], dec[0]) == pytest.approx(tuple(expected), abs=1e-9)


def test_wrong_shapes_are_named():
    finder = runtime.HostFinder.__new__(runtime.HostFinder)
    with pytest.raises(ValueError, match="levels must have shape"):
        finder.find(np.zeros((2, 7, 15, 15), np.float32), np.zeros(2), np.zeros(2))


WEIGHTS = ROOT / "reference_model" / "weights" / "host.onnx"


def galaxy_on_noise(x, y, peak):
    """Levels of unit noise with an exponential galaxy (scale 8 pixels) off the source."""
    import hstamp

    yy, xx = np.indices((600, 600))
    image = peak * np.exp(-np.hypot(xx - 300.0 - x, yy - 300.0 - y) / 8.0)
    image += np.random.default_rng(3).standard_normal(image.shape)
    image = image.astype(np.float32)
    return hstamp.encode(image, 300.0, 300.0, levels=6, encoding="f4").levels[None].copy()


@pytest.fixture(scope="module")
def shipped():
    pytest.importorskip("onnxruntime", reason="the weights need the model extra (onnxruntime)")
    import json

    note = json.loads(WEIGHTS.with_suffix(".json").read_text())
    return runtime.HostFinder(WEIGHTS, runtime.read_calibration(note))


# The last lies five light radii from the source: the first candidate, but hardly its host.
# It reaches into the level of 16 pixels, a quarter of which is what can be asked there.
@pytest.mark.parametrize(
    ("x", "y", "within", "probable"),
    [(0.0, 0.0, 2.0, True), (30.0, -12.0, 2.0, True), (-60.0, 40.0, 4.0, False)],
)
def test_the_shipped_weights_find_a_lone_galaxy(shipped, x, y, within, probable):
    levels = galaxy_on_noise(x, y, 60.0)[:, :5]
    # A source at an integer pixel lies half a pixel before the reference corner.
    found = shipped.find(levels, np.float32([-0.5]), np.float32([-0.5]))
    assert found.mean[0, 0] == pytest.approx([x, y], abs=within)
    assert (found.weight[0, 0] > 0.7) == probable
    # Half-light radius of an exponential: 1.678 scale lengths.
    assert found.radius[0, 0] == pytest.approx(13.4, rel=0.4)


def test_the_shipped_weights_turn_with_the_image(shipped):
    levels = galaxy_on_noise(30.0, -12.0, 60.0)[:, :5]
    offset, noise = np.float32([-0.5]), np.ones(1, np.float32)
    first = runtime.first_pixels(5, offset, offset)
    step = runtime.level_steps(5)
    straight = runtime.candidates(shipped.propose_averaged(levels, first, step))
    for which in range(1, 8):
        turned = runtime.flip(levels, first, step, which)
        mixture = runtime.unflip(shipped.propose_averaged(*turned, step), which)
        again = runtime.candidates(mixture)
        np.testing.assert_allclose(again.mean[0, 0], straight.mean[0, 0], atol=0.05)
    assert shipped.find(levels, offset, offset, noise, average=True).none[0] == pytest.approx(
        straight.none[0], abs=1e-5
    )


def test_the_shipped_weights_call_empty_sky_hostless(shipped):
    levels = galaxy_on_noise(0.0, 0.0, 0.0)
    for n in (2, 5, 6):
        found = shipped.find(levels[:, :n], np.float32([-0.5]), np.float32([-0.5]))
        assert found.none[0] > 0.5


def test_the_shipped_weights_are_small():
    assert WEIGHTS.stat().st_size < 1_000_000


def test_the_share_of_nearby_hosts_is_bayes_rule():
    # Two candidates of certain strata (huge and tiny) and none, which is half and half.
    found = mixture([0.6, 0.2], [[10, 0], [1, 0]], none=0.2)
    sizes = np.log(np.float32([[1e4, 1e-4]]))
    found = Mixture(found.weight, found.none, found.mean, found.scale, sizes)
    strata = runtime.Strata(trained=0.5, none=0.5, slope=8.0, middle=0.0)
    rare = runtime.expecting(found, strata, np.log([0.01 / 0.99]))
    # By hand: 0.6 x 0.02, 0.2 x 1.98, 0.2 x (0.02 + 1.98) / 2; then normalised.
    total = 0.012 + 0.396 + 0.2
    np.testing.assert_allclose(rare.weight[0], [0.012 / total, 0.396 / total], rtol=1e-5)
    np.testing.assert_allclose(rare.none, 0.2 / total, rtol=1e-5)
    same = runtime.expecting(found, strata, np.array([0.0]))
    np.testing.assert_allclose(same.weight, found.weight, rtol=1e-6)
    unknown = runtime.expecting(found, strata, np.array([np.nan]))
    np.testing.assert_allclose(unknown.weight, found.weight, rtol=1e-6)


def test_a_stray_radius_is_no_overflow():
    found = mixture([0.4, 0.4], [[10, 0], [1, 0]], none=0.2)
    sizes = np.float32([[60.0, -60.0]])
    found = Mixture(found.weight, found.none, found.mean, found.scale, sizes)
    # exp(8 * 60) is beyond float32.
    rare = runtime.expecting(found, runtime.Strata(0.5, 0.5, 8.0, 0.0), np.log([0.01 / 0.99]))
    total = 0.4 * 0.02 + 0.4 * 1.98 + 0.2
    expected = [0.4 * 0.02 / total, 0.4 * 1.98 / total]
    np.testing.assert_allclose(rare.weight[0], expected, rtol=1e-5)


def test_strata_are_read_from_the_note():
    note = {
        "temperature": 1.0, "widen": 1.0, "region_contents": [0.0, 1.0],
        "strata": {"trained": 0.48, "none": 0.3, "slope": 2.5, "middle": 1.7},
    }  # fmt: skip
    assert runtime.read_calibration(note).strata == runtime.Strata(0.48, 0.3, 2.5, 1.7)
    del note["strata"]
    assert runtime.read_calibration(note).strata is None
