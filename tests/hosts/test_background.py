"""Noise and sky against images whose noise and sky are known."""

import numpy as np
import pytest

import hstamp
from hstamp.hosts.background import noise_of, sky_of

SIGMA = 7.0


def image(levels, seed, *, sky=0.0, host=0.0, radius=1.0, smooth=0.0):
    """White noise, or noise of two neighbours, with an exponential disk a little off the middle."""
    side = 15 * 2 ** (levels - 1) + 10
    values = np.random.default_rng(seed).normal(0.0, SIGMA, (side, side))
    if smooth:
        # A pixel shifted by a fraction, as in resampling: of unit variance again.
        norm = np.hypot(1.0 - smooth, smooth)
        for axis in (0, 1):
            values = ((1.0 - smooth) * values + smooth * np.roll(values, 1, axis)) / norm
    rows, columns = np.indices(values.shape)
    r = np.hypot(columns - side / 2 - 2.0, (rows - side / 2) / 0.7) / radius
    return values + sky + host * SIGMA * np.exp(-1.678 * r)


def stamps(levels, count=24, **scene):
    images = [image(levels, seed, **scene) for seed in range(count)]
    middle = len(images[0]) / 2
    made = [hstamp.encode(i, middle + 0.2, middle - 0.3, levels=levels, encoding="f4")
            for i in images]  # fmt: skip
    return np.stack([stamp.levels for stamp in made])


class TestNoise:
    @pytest.mark.parametrize("levels", [2, 3, 4, 5, 6])
    def test_white_noise(self, levels):
        found = noise_of(stamps(levels)) / SIGMA
        assert found.mean() == pytest.approx(1.0, abs=0.05)
        assert found.std() < 0.08

    @pytest.mark.parametrize("smooth", [0.2, 0.5])
    def test_neighbours_that_are_correlated(self, smooth):
        # Half of each neighbour: two pixels side by side differ by sigma only, not sqrt(2) sigma.
        assert noise_of(stamps(4, smooth=smooth)).mean() / SIGMA == pytest.approx(1.0, abs=0.1)

    @pytest.mark.parametrize(("host", "radius"), [(100.0, 3.0), (1000.0, 3.0), (30.0, 8.0)])
    def test_a_bright_host_in_the_middle(self, host, radius):
        found = noise_of(stamps(4, host=host, radius=radius)) / SIGMA
        assert np.median(found) == pytest.approx(1.0, abs=0.1)

    def test_a_host_that_fills_the_stamp(self):
        found = noise_of(stamps(2, host=100.0, radius=20.0)) / SIGMA
        assert np.median(found) == pytest.approx(1.0, abs=0.25)

    def test_the_sky_makes_no_difference(self):
        plain, bright = stamps(3), stamps(3, sky=500.0)
        np.testing.assert_allclose(noise_of(bright), noise_of(plain), rtol=2e-3)

    def test_missing_values(self):
        levels = stamps(4)
        levels[:, 0] = np.nan
        levels[:, 1:, :8] = np.nan
        assert noise_of(levels).mean() / SIGMA == pytest.approx(1.0, abs=0.15)
        levels[:] = np.nan
        assert np.isnan(noise_of(levels)).all()

    def test_a_variance_plane_says_it(self):
        # Shot noise of the host adds to the variance in the middle; a mean of 8 x 8 pixels has
        # 1/64 of the variance of one.
        levels = stamps(4)
        variance = np.ones_like(levels) * SIGMA**2 / 4.0 ** np.arange(4)[None, :, None, None]
        variance[:, :2] *= 40.0
        np.testing.assert_allclose(noise_of(levels, variance), SIGMA, rtol=1e-6)
        variance[3:] = np.nan
        found = noise_of(levels, variance)
        np.testing.assert_allclose(found[3:], noise_of(levels[3:]), rtol=1e-6)


class TestSky:
    def test_around_a_host(self):
        found = sky_of(stamps(4, sky=300.0, host=1000.0, radius=5.0))
        np.testing.assert_allclose(found, 300.0, atol=0.3 * SIGMA)

    def test_nothing_is_no_sky(self):
        assert sky_of(np.full((2, 3, 15, 15), np.nan, dtype=np.float32)).tolist() == [0.0, 0.0]
        assert sky_of(np.empty((0, 3, 15, 15), dtype=np.float32)).shape == (0,)
