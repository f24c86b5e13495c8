"""What a magnitude says about distance, against astropy and against drawn supernovae."""

import numpy as np
import pytest
from astropy import units as u
from astropy.cosmology import FlatLambdaCDM

pytest.importorskip("galsim", reason="the sky needs the train extra (GalSim)")
pytest.importorskip("scipy", reason="the sky needs the train extra (scipy)")

from scipy import stats

from hstamp.hosts.nearby import read_odds
from reference_model.sky.odds import (
    MAGNITUDES,
    WAVELENGTHS,
    colour,
    log_odds,
    nearby_share,
    nearby_table,
    rate,
    volume,
)
from reference_model.sky.transients import KINDS, LAST_DAY, apparent, below_peak


def test_volume():
    z = np.array([0.05, 0.1, 1.0, 3.0])
    expected = FlatLambdaCDM(H0=67.7, Om0=0.31).comoving_volume(z).value
    np.testing.assert_allclose(volume(z), expected, rtol=5e-3)


@pytest.mark.parametrize("band", ["u", "g", "i", "y"])
def test_colours_are_of_a_black_body(band):
    from astropy.modeling.physical_models import BlackBody

    body = BlackBody(temperature=8000.0 * u.K)
    flux = [body(WAVELENGTHS[name] * u.nm).to_value("erg / (s cm2 Hz sr)") for name in (band, "r")]
    assert colour(band) == pytest.approx(-2.5 * np.log10(flux[0] / flux[1]), abs=1e-4)


def test_rates():
    # Star formation of Madau & Dickinson: 0.015 at z = 0, 0.128 at its maximum near z = 1.9.
    assert rate("IIP", np.array([0.0]))[0] == pytest.approx(1.0, rel=0.01)
    assert rate("IIP", np.array([1.86]))[0] == pytest.approx(0.13 / 0.015, rel=0.03)
    assert rate("Ia", np.array([0.0, 1.0])) == pytest.approx([1.0, 2.0**1.5])


@pytest.mark.parametrize("age", [0.0, 45.0])
def test_odds_are_those_of_drawn_supernovae(age):
    # Redshifts are drawn evenly in their logarithm, and weighted by what of the sky they stand for.
    rng, count = np.random.default_rng(5), 200_000
    grid = np.geomspace(1e-3, 3.0, 1001)
    cosmology = FlatLambdaCDM(H0=67.7, Om0=0.31)
    shell = cosmology.differential_comoving_volume(grid).value * grid
    share = np.array([k.share for k in KINDS.values()])
    number = rng.choice(share.size, count, p=share / share.sum())
    z = np.exp(rng.uniform(np.log(1e-3), np.log(3.0), count))
    weight, low = np.interp(z, grid, shell), z < 0.1
    mean, sigma = np.empty(count), np.empty(count)
    for i, (name, kind) in enumerate(KINDS.items()):
        mine = number == i
        day = rng.uniform(-kind.rise, LAST_DAY, mine.sum())
        # Days of all types are drawn alike, whatever the length of a light curve.
        weight[mine] *= rate(name, z[mine]) * (kind.rise + LAST_DAY)
        weight[mine] *= (day + kind.rise) * (1.0 + z[mine]) >= age
        mean[mine] = apparent(kind.peak + below_peak(kind, day), z[mine])
        sigma[mine] = kind.scatter
    for middle in (16.0, 18.0, 20.0, 22.0, 24.0):
        seen = weight * stats.norm.pdf(middle, mean, sigma)
        found = np.log(seen[low].sum() / seen[~low].sum())
        assert log_odds(np.array([middle]), age)[0] == pytest.approx(found, abs=0.05)


def test_share_of_nearby_ones():
    # Under 1 % in LSST's alerts (DMTN-248); most of what is brighter than 18.5 mag, as of ZTF's
    # Bright Transient Survey (Perley et al. 2020, ApJ 904, 35: median redshift near 0.06).
    assert 0.001 < nearby_share() < 0.01
    assert nearby_share(18.5) > 0.5


def test_the_table_is_read_back():
    odds = read_odds({"nearby": nearby_table()})
    assert odds.share == pytest.approx(nearby_share(), abs=1e-5)
    np.testing.assert_allclose(odds.of(MAGNITUDES), log_odds(MAGNITUDES), atol=1e-3)
    assert odds.of([20.0], ["g"])[0] == pytest.approx(odds.of([20.0 - colour("g")])[0], abs=0.01)
