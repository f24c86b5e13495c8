"""The population against the relations it is drawn from."""

import numpy as np
import pytest

pytest.importorskip("scipy", reason="the simulated sky needs the train extra (scipy)")

from reference_model.sky import galaxies, positions, relations


def rng():
    return np.random.default_rng(5)


def test_counts_are_those_of_the_science_book():
    assert relations.cumulative_counts(np.array(25.0)) == pytest.approx(46.0)
    steps = relations.cumulative_counts(np.array([23.0, 24.0]))
    assert np.log10(steps[1] / steps[0]) == pytest.approx(0.31)


def test_drawn_magnitudes_follow_the_counts():
    drawn = relations.draw_field_magnitudes(rng(), 400.0, 26.0)
    share = (drawn < 25.0).sum() / 400.0
    assert share == pytest.approx(46.0, rel=0.05)


def test_distances_are_those_of_astropy():
    from astropy.cosmology import FlatLambdaCDM

    cosmo = FlatLambdaCDM(H0=67.7, Om0=0.31)
    z = np.array([0.0137, 0.3, 1.77])
    np.testing.assert_allclose(relations.distance_modulus(z), cosmo.distmod(z).value, atol=2e-3)
    np.testing.assert_allclose(
        relations.kpc_per_arcsec(z), cosmo.kpc_proper_per_arcmin(z).value / 60, rtol=2e-3
    )


def one_host(**columns):
    table = np.zeros(1, galaxies.GALAXY)
    table["disk_re"], table["disk_q"], table["bulge_n"] = 2.0, 1.0, 2.0
    table["bulge_re"], table["bulge_q"] = 0.5, 1.0
    for name, value in columns.items():
        table[name] = value
    return table


@pytest.mark.parametrize("fraction", [0.0, 0.4, 1.0])
def test_half_of_the_transients_lie_within_the_half_light_radius(fraction):
    host = one_host(bulge_fraction=fraction)
    re = galaxies.half_light_radius(
        np.array([fraction]), np.array([2.0]), np.array([0.5]), np.array([2.0])
    )
    dx, dy = positions.draw_in_light(rng(), np.repeat(host, 40_000))
    assert (np.hypot(dx, dy) < re).mean() == pytest.approx(0.5, abs=0.01)


def test_transients_follow_the_orientation_of_the_disk():
    host = one_host(disk_q=0.3, angle=90.0)
    dx, dy = positions.draw_in_light(rng(), np.repeat(host, 40_000))
    # Medians, because the tail of an exponential makes variances noisy.
    assert np.median(np.abs(dx)) / np.median(np.abs(dy)) == pytest.approx(0.3, abs=0.01)


def test_nearby_offsets_follow_the_measured_percentiles():
    _, dx, dy = positions.draw_nearby_pairs(rng(), 1500, 6)
    found = np.percentile(np.hypot(dx, dy), [5, 16, 50, 84, 95])
    debass, foundation = (0.73, 1.44, 5.22, 13.3, 34.5), (0.93, 1.84, 6.14, 15.4, 36.5)
    for value, low, high in zip(found, debass, foundation, strict=True):
        assert 0.88 * low < value < 1.12 * high


def test_measured_distribution_is_monotonic_and_hits_its_percentiles():
    grid = np.geomspace(0.01, 200.0, 300)
    share = positions.offset_cdf(grid)
    assert (np.diff(share) > 0).all()
    assert positions.offset_cdf(positions.pooled_offsets()) == pytest.approx(
        [0.05, 0.16, 0.5, 0.84, 0.95, 0.99]
    )


def test_hosts_are_at_most_ninety_arcsec_across():
    hosts = galaxies.draw_nearby_hosts(rng(), 5000)
    assert (4.0 * hosts["re"] <= 90.0).all()
    assert (hosts["z"] <= 0.1).all()


def test_a_supernova_at_peak_has_its_published_magnitude():
    from reference_model.sky import transients

    # SN Ia at z = 0.0137, distance modulus 33.93 (H0 67.7, Om 0.31): -19.25 + 33.93 - 0.015.
    assert transients.apparent(np.array(-19.25), np.array(0.0137)) == pytest.approx(
        14.665, abs=0.02
    )
    ia = transients.KINDS["Ia"]
    # Half of its rise before peak a quarter of the light; 15 days after it 1.1 mag less.
    assert transients.below_peak(ia, np.array(-8.5)) == pytest.approx(1.505, abs=0.01)
    assert transients.below_peak(ia, np.array(15.0)) == pytest.approx(1.1, abs=0.01)
    assert transients.below_peak(ia, np.array(0.0)) == 0.0
    assert sum(k.share for k in transients.KINDS.values()) == pytest.approx(1.0, abs=0.001)


def test_fainter_surveys_find_nearer_supernovae():
    from reference_model.sky import transients

    z = np.array([0.01, 0.1, 0.3])
    shares = [transients.detected_share(z, limit) for limit in (18.0, 20.5, 24.5)]
    for share in shares:
        assert (np.diff(share) <= 0).all()
    assert (np.diff(shares, axis=0) >= 0).all()
    # At z = 0.1 (modulus 38.4) only the decline hides an Ia from 24.5 mag.
    assert shares[2][1] > 0.9
    drawn = transients.draw_detected(rng(), np.full(4000, 0.05), 20.0)
    assert drawn.max() <= 20.0
    # Modulus 36.85: the brightest Ia have 16.6.
    assert 16.0 < np.percentile(drawn, 5) < 18.0
