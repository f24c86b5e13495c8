"""What the network is fed, and what becomes of its answers: a network that repeats its inputs."""

from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("onnxruntime", reason="the network runs in onnxruntime")

from hstamp.errors import InputError
from hstamp.hosts.load import load_finder
from hstamp.hosts.mixture import Calibration, Strata
from hstamp.hosts.runtime import Conditions, HostFinder, prior_of

OLD = ("values", "first", "step")
NEW = (*OLD, "scale", "seeing", "prior")


class Echo:
    """One proposal: at the first pixel of the finest grid, a step wide, of two steps' radius."""

    def __init__(self, names):
        self.names, self.fed = names, []

    def get_inputs(self):
        return [SimpleNamespace(name=name) for name in self.names]

    def run(self, outputs, feed):
        self.fed.append(feed)
        count, step = len(feed["values"]), float(feed["step"][0])
        mean = feed["first"][:, :1]
        scale = np.tile(np.float32([step, step, 0.0]), (count, 1, 1))
        radius = np.full((count, 1), np.log(2.0 * step), np.float32)
        return [np.zeros((count, 2), np.float32), mean, scale, radius]


def finder(names, strata=None):
    made = HostFinder.__new__(HostFinder)
    made._session = Echo(names)
    made._inputs = frozenset(names)
    made.calibration = Calibration(strata=strata)
    return made


def grids(count):
    values = np.ones((count, 2, 15, 15), np.float32)
    first = np.tile(np.float32([[-7.0, -7.5], [-14.0, -14.5]]), (count, 1, 1))
    return values, first, np.float32([1.0, 2.0])


def conditions(scale, prior=np.nan):
    scale = np.float32(scale)
    return Conditions(scale, np.full_like(scale, 1.5), np.full_like(scale, prior))


class TestOldWeights:
    def test_lengths_and_noise_enter_in_pixels_of_a_fifth_of_an_arcsec(self):
        asked = finder(OLD)
        found = asked.propose(*grids(1), conditions([1.0]))
        (feed,) = asked._session.fed
        assert set(feed) == set(OLD)
        # One arcsec is five of the network's pixels; 5 x 5 of them have a fifth of the noise of
        # one, so that values in units of one pixel's noise are a fifth. Within one per cent.
        np.testing.assert_allclose(feed["step"], [5.0, 10.0], rtol=0.01)
        np.testing.assert_allclose(feed["first"][0, 0], [-35.0, -37.5], rtol=0.01)
        np.testing.assert_allclose(feed["values"], 0.2, rtol=0.01)
        # Answers are in the stamp's own pixels again, exactly.
        np.testing.assert_allclose(found.mean[0, 0], [-7.0, -7.5], rtol=1e-6)
        np.testing.assert_allclose(found.scale[0, 0], [1.0, 1.0, 0.0], rtol=1e-6)
        np.testing.assert_allclose(np.exp(found.log_radius), 2.0, rtol=1e-6)

    def test_rows_of_other_pixels_keep_their_order(self):
        asked = finder(OLD)
        values, first, step = grids(4)
        first[:, 0, 0] = [-1.0, -2.0, -3.0, -4.0]
        found = asked.propose(values, first, step, conditions([0.2, 1.0, 0.2, 0.26]))
        assert len(asked._session.fed) == 3
        np.testing.assert_allclose(found.mean[:, 0, 0], [-1.0, -2.0, -3.0, -4.0], rtol=1e-6)

    def test_a_pixel_that_is_not_known_is_the_networks_own(self):
        asked = finder(OLD)
        found = asked.propose(*grids(2), conditions([np.nan, 0.2]))
        (feed,) = asked._session.fed
        np.testing.assert_allclose(feed["step"], [1.0, 2.0], rtol=1e-6)
        assert found.mean.shape == (2, 1, 2)

    def test_sizes_are_told_apart_in_arcsec(self):
        # Certain above 2 arcsec, that is ten of the network's pixels: two pixels of 1.5" are.
        strata = Strata(trained=0.5, none=0.5, slope=100.0, middle=float(np.log(10.0)))
        asked = finder(OLD, strata)
        found = asked.propose(*grids(2), conditions([1.5, 0.2], prior_of(0.01)))
        # By hand: one half against none in both; the first gets 0.02 / (0.02 + 1), the second
        # 1.98 / (1.98 + 1).
        np.testing.assert_allclose(found.weight[:, 0], [0.02 / 1.02, 1.98 / 2.98], rtol=1e-4)

    def test_a_prior_needs_strata(self):
        with pytest.raises(InputError, match="sizes tell"):
            finder(OLD).propose(*grids(1), conditions([0.2], 0.0))


class TestNewWeights:
    def test_all_is_fed_as_it_is(self):
        asked = finder(NEW)
        found = asked.propose(*grids(2), conditions([1.0, 0.2], prior_of(0.01)))
        (feed,) = asked._session.fed
        assert set(feed) == set(NEW)
        np.testing.assert_allclose(feed["scale"], [1.0, 0.2])
        np.testing.assert_allclose(feed["seeing"], 1.5)
        np.testing.assert_allclose(feed["prior"], np.log(1.0 / 99.0), rtol=1e-6)
        np.testing.assert_array_equal(feed["step"], [1.0, 2.0])
        np.testing.assert_allclose(found.weight[:, 0], 0.5)

    def test_what_is_not_known_is_nan(self):
        asked = finder(NEW)
        asked.propose(*grids(1))
        (feed,) = asked._session.fed
        assert feed["scale"].tolist() == pytest.approx([0.2])
        assert np.isnan(feed["seeing"]).all()
        assert np.isnan(feed["prior"]).all()


@pytest.mark.parametrize("names", [OLD, NEW])
def test_nothing_is_asked(names):
    found = finder(names).propose(*grids(0))
    assert found.weight.shape == (0, 1)


def test_the_shipped_weights_say_what_they_take():
    from hstamp.hosts import weights_path

    assert load_finder(weights_path()).takes_prior
