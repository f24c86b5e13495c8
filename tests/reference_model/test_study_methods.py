"""The classical finders on scenes whose host is known by construction."""

import numpy as np
import pytest

pytest.importorskip("sep", reason="the finders need the train extra (sep)")
pytest.importorskip("scipy", reason="the finders need the train extra (scipy)")

from reference_model.methods import (
    SOURCE,
    climb,
    detect,
    directional_light_radius,
    host_by_gradient,
    nearest_by_dlr,
    nearest_by_ellipse,
    own_position,
)
from reference_model.methods.catalogue import around, make_catalogue
from reference_model.methods.gradient import smooth
from reference_model.sky.galaxies import GALAXY


def source(x, y, a, b, theta, kron=2.0):
    row = np.zeros(1, SOURCE)
    row["x"], row["y"], row["a"], row["b"], row["theta"], row["kron"] = x, y, a, b, theta, kron
    return row


def blob(shape, x, y, a, b, theta, peak):
    yy, xx = np.indices(shape)
    u = (xx - x) * np.cos(theta) + (yy - y) * np.sin(theta)
    v = -(xx - x) * np.sin(theta) + (yy - y) * np.cos(theta)
    return peak * np.exp(-0.5 * ((u / a) ** 2 + (v / b) ** 2))


def noisy(image, sigma=1.0):
    rng = np.random.default_rng(4)
    return (image + sigma * rng.standard_normal(image.shape)).astype(np.float32)


@pytest.mark.parametrize(
    ("theta", "radius"), [(0.0, 2.0), (np.pi / 2, 1.0), (np.pi / 4, 2 / np.sqrt(2.5))]
)
def test_light_radius_towards_a_source_on_the_x_axis(theta, radius):
    # a = 2, b = 1: at 45 degrees 1/r^2 = (1/4 + 1) / 2.
    assert directional_light_radius(source(5.0, 0.0, 2.0, 1.0, theta))[0] == pytest.approx(radius)


def test_an_elongated_galaxy_wins_along_its_axis():
    far_but_pointing = source(6.0, 0.0, 3.0, 0.5, 0.0)
    near_and_round = source(0.0, 3.0, 0.5, 0.5, 0.0)
    both = np.concatenate([near_and_round, far_but_pointing])
    for finder in (nearest_by_dlr, nearest_by_ellipse):
        found = finder(both)
        assert (found.dx, found.dy) == (6.0, 0.0)
    assert nearest_by_dlr(both).distance == pytest.approx(2.0)


def test_nothing_is_found_beyond_four_light_radii():
    assert nearest_by_dlr(source(3.9, 0.0, 1.0, 1.0, 0.0)).found
    assert not nearest_by_dlr(source(4.1, 0.0, 1.0, 1.0, 0.0)).found
    assert not nearest_by_dlr(np.zeros(0, SOURCE)).found


def test_the_kron_radius_scales_the_ellipse():
    # Aperture 2.5 * 4 = 10 rms radii of 0.5: a source 5 away is at distance 1.
    found = nearest_by_ellipse(source(5.0, 0.0, 0.5, 0.5, 0.0, kron=4.0))
    assert found.distance == pytest.approx(1.0)


def test_the_own_position_is_the_origin():
    assert (own_position().dx, own_position().dy, own_position().found) == (0.0, 0.0, True)


def test_detected_sources_have_the_shape_they_were_drawn_with():
    image = blob((160, 160), 90.0, 70.0, 8.0, 4.0, 0.5, 300.0)
    found = detect(noisy(image), 1.0, x=80.0, y=80.0, scale=0.2)
    best = found[np.argmax(found["flux"])]
    assert (best["x"], best["y"]) == pytest.approx((2.0, -2.0), abs=0.02)
    assert (best["a"], best["b"]) == pytest.approx((1.6, 0.8), rel=0.08)
    assert best["theta"] == pytest.approx(0.5, abs=0.03)


def test_stars_are_left_out_when_the_seeing_is_given():
    width = 0.8 / 0.2 / 2.3548
    image = blob((160, 160), 100.0, 80.0, width, width, 0.0, 500.0)
    image += blob((160, 160), 40.0, 80.0, 8.0, 6.0, 0.0, 200.0)
    every = detect(noisy(image), 1.0, 80.0, 80.0, 0.2)
    kept = detect(noisy(image), 1.0, 80.0, 80.0, 0.2, fwhm=0.8)
    assert (np.hypot(every["x"] - 4.0, every["y"]) < 0.5).any()
    assert not (np.hypot(kept["x"] - 4.0, kept["y"]) < 0.5).any()
    assert (np.hypot(kept["x"] + 8.0, kept["y"]) < 0.5).any()


def test_missing_pixels_are_no_sources():
    image = noisy(blob((120, 120), 60.0, 60.0, 5.0, 5.0, 0.0, 100.0))
    image[:, 90:] = np.nan
    found = detect(image, 1.0, 60.0, 60.0, 0.2)
    assert found.size
    assert (found["x"] < 6.0).all()


def test_the_climb_ends_on_the_hill_it_starts_on():
    image = blob((200, 200), 70.0, 90.0, 15.0, 10.0, 0.4, 100.0)
    image += blob((200, 200), 150.0, 90.0, 12.0, 12.0, 0.0, 400.0)
    smoothed = smooth(image.astype(np.float32), 2.0)
    assert climb(smoothed, 60.0, 100.0) == pytest.approx((70.0, 90.0), abs=1.0)
    assert climb(smoothed, 140.0, 80.0) == pytest.approx((150.0, 90.0), abs=1.0)


def test_gradient_ascent_finds_a_galaxy_and_not_empty_sky():
    image = noisy(blob((240, 240), 140.0, 130.0, 15.0, 10.0, 0.4, 60.0))
    none = np.zeros(0, SOURCE)
    found = host_by_gradient(image, 125.0, 122.0, 1.0, none, 0.2)
    assert (found.dx, found.dy) == pytest.approx((3.0, 1.6), abs=0.6)
    listed = source(3.0, 1.6, 1.0, 1.0, 0.0)
    exact = host_by_gradient(image, 125.0, 122.0, 1.0, listed, 0.2)
    assert (exact.dx, exact.dy) == (3.0, 1.6)
    assert not host_by_gradient(-np.abs(noisy(np.zeros((99, 99)))), 50, 50, 1.0, none, 0.2).found


def galaxies(n, r_mag, re=1.0):
    table = np.zeros(n, GALAXY)
    rng = np.random.default_rng(3)
    table["x"], table["y"] = rng.uniform(0, 4000, (2, n))
    table["r_mag"], table["re"], table["q"], table["flux"] = r_mag, re, 0.7, 1.0
    return table


STARS = np.zeros(0, [("x", "f8"), ("y", "f8"), ("r_mag", "f4"), ("flux", "f4")])


@pytest.mark.parametrize(("r_mag", "share"), [(20.0, 1.0), (23.4, 0.5), (25.5, 0.0)])
def test_the_catalogue_is_as_complete_as_stated(r_mag, share):
    found = make_catalogue(1, galaxies(4000, r_mag), STARS, 0.2)
    assert found.size / 4000 == pytest.approx(share, abs=0.03)


def test_the_catalogue_is_blind_near_bright_stars():
    table = galaxies(500, 20.0)
    star = np.zeros(1, STARS.dtype)
    star["x"], star["y"], star["r_mag"] = 2000, 2000, 13.0
    found = make_catalogue(1, table, star, 0.2)
    assert not (np.hypot(found["x"] - 400, found["y"] - 400) < 14.0).any()
    assert found.size > 450


def test_large_galaxies_are_sometimes_shredded():
    found = make_catalogue(1, galaxies(400, 15.0, re=10.0), STARS, 0.2)
    assert found.size > 400 + 400 * 0.25 * 1.5


def test_the_search_counts_from_its_centre():
    table = np.concatenate([source(10.0, 20.0, 1, 1, 0), source(90.0, 20.0, 1, 1, 0)])
    near = around(table, 12.0, 20.0, 30.0)
    assert near.size == 1
    assert (near["x"][0], near["y"][0]) == (-2.0, 0.0)
    assert table["x"][0] == 10.0
