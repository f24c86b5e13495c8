"""Hosts of hand-made scenes, whose answers are known by construction."""

import sys

import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from host_scenes import scene

import hstamp
from hstamp.errors import InputError, MissingExtraError
from hstamp.hosts import predict, weights_path
from hstamp.hosts.load import load_finder


@pytest.fixture
def runtime():
    pytest.importorskip("onnxruntime", reason="the network runs in onnxruntime")


def distance(best, east, north, row=0):
    return np.hypot(best.east[row] - east, best.north[row] - north)


@pytest.mark.usefixtures("runtime")
class TestScenes:
    @pytest.mark.parametrize("angle", [0.0, 127.0])
    @pytest.mark.parametrize("levels", [5, 6])
    def test_a_galaxy_eight_arcsec_away_is_found(self, levels, angle):
        hosts = predict([scene(levels, angle=angle)])
        assert distance(hosts.best, -6.4, -4.8) < 2.0
        assert hosts.best.offset[0] == pytest.approx(8.0, abs=2.0)

    def test_a_large_host_is_less_likely_where_nearby_ones_are_rare(self):
        shares = (None, 0.2, 0.01)
        weight = [float(predict([scene(5)], nearby=n).best.weight[0]) for n in shares]
        assert weight[0] > weight[1] > weight[2]

    @pytest.mark.parametrize("pixel", [0.1, 0.4, 1.0])
    def test_any_pixel_shows_the_same_sky(self, pixel):
        # The same galaxy, and as many levels as reach over it: 30 arcsec or more.
        levels = {0.1: 6, 0.4: 4, 1.0: 3}[pixel]
        best = predict([scene(levels, pixel=pixel)]).best
        assert distance(best, -6.4, -4.8) < 2.0 * max(pixel, 0.5)
        assert best.radius[0] == pytest.approx(2.4, rel=0.5)
        assert best.x[0] == pytest.approx(6.4 / pixel, abs=2.0 / pixel)

    def test_pixels_of_several_sizes_together(self):
        stamps = [scene(5), scene(3, pixel=1.0), scene(4, pixel=0.4), scene(3, pixel=1.0, seed=9)]
        together = predict(stamps)
        np.testing.assert_allclose(together.pixel, [0.2, 1.0, 0.4, 1.0], rtol=1e-5)
        for row, stamp in enumerate(stamps):
            alone = predict([stamp])
            assert together.none[row] == pytest.approx(alone.none[0], abs=1e-5)
            assert together.best.east[row] == pytest.approx(alone.best.east[0], abs=1e-3)

    def test_a_pixel_can_be_given(self):
        known, flat = scene(3, pixel=1.0), scene(3, pixel=1.0, wcs=False)
        (first, second, third) = (
            predict([known]), predict([flat], pixel=1.0), predict([flat], pixel=[None]),
        )  # fmt: skip
        assert second.best.x[0] == pytest.approx(first.best.x[0], abs=1e-3)
        assert second.best.radius[0] == pytest.approx(first.best.radius[0], rel=1e-4)
        assert np.isnan(second.best.ra[0])
        assert np.isnan(third.pixel[0])
        # What a stamp says itself comes first.
        assert predict([known], pixel=0.2).best.x[0] == first.best.x[0]
        for wrong in (0.0, [1.0, 1.0]):
            with pytest.raises(InputError, match="pixels"):
                predict([flat], pixel=wrong)

    def test_sizes_that_tell_nearby_hosts_are_in_arcsec(self):
        # A galaxy of 2.4 arcsec is a nearby one however many pixels it has.
        for levels, pixel in ((5, 0.2), (3, 1.0)):
            rare = predict([scene(levels, pixel=pixel)], nearby=0.01)
            usual = predict([scene(levels, pixel=pixel)])
            assert rare.none[0] > usual.none[0]

    @pytest.mark.parametrize("nearby", [0.0, 1.0, -0.1, float("nan")])
    def test_a_share_that_is_none_is_refused(self, nearby):
        with pytest.raises(InputError, match="between 0 and 1"):
            predict([scene(5)], nearby=nearby)

    def test_right_ascension_and_declination_are_those_of_the_offset(self):
        best = predict([scene(5, angle=40.0)]).best
        source = SkyCoord(150.0, 2.0, unit="deg")
        host = SkyCoord(best.ra[0], best.dec[0], unit="deg")
        east, north = (part.to_value("arcsec") for part in source.spherical_offsets_to(host))
        assert (east, north) == pytest.approx((best.east[0], best.north[0]), abs=1e-3)

    @pytest.mark.parametrize("levels", [2, 3, 4, 5, 6])
    def test_any_number_of_levels_with_missing_values(self, levels):
        hosts = predict([scene(levels, 0.6, 0.4, radius=0.8, missing=True)])
        assert hosts.levels[0] == levels
        assert distance(hosts.best, 0.6, 0.4) < 1.0
        assert hosts.none[0] < 0.5

    def test_more_levels_than_the_weights_know_are_left_out(self):
        whole = scene(7)
        wide, six = predict([whole]), predict([whole.cut(6)])
        assert wide.levels[0] == 6
        assert wide.best.x[0] == six.best.x[0]

    def test_an_empty_sky_has_no_host(self):
        empty = scene(5, 1000.0, 0.0)
        assert predict([empty]).none[0] > 0.5

    def test_probabilities_add_up(self):
        hosts = predict([scene(5), scene(5, 0.6, 0.4, radius=0.8)])
        total = hosts.none + hosts.candidates.weight.sum(axis=1)
        # What is left belongs to proposals beyond the last candidate.
        assert np.all((total > 0.8) & (total < 1.0 + 1e-5))
        assert np.all(np.diff(hosts.candidates.weight, axis=1) <= 0)

    def test_covariance_turns_with_the_sky(self):
        stamp = scene(5, angle=127.0)
        best = predict([stamp]).best
        matrix = 3600.0 * stamp.wcs.cd
        expected = matrix @ best.covariance_pixels[0] @ matrix.T
        np.testing.assert_allclose(best.covariance[0], expected, rtol=1e-6)
        assert np.all(np.linalg.eigvalsh(best.covariance[0]) > 0)

    def test_half_light_radius(self):
        best = predict([scene(5, 1.5, 1.0, radius=2.0)]).best
        assert 1.0 < best.radius[0] < 4.0
        assert best.radius[0] == pytest.approx(best.radius_pixels[0] * 0.2, rel=1e-6)

    def test_without_wcs_there_are_pixels_only(self):
        image = np.random.default_rng(2).normal(0.0, 5.0, (120, 120))
        rows, columns = np.indices(image.shape)
        image += 300.0 * np.exp(-np.hypot(columns - 66.0, rows - 55.0) / 3.0)
        best = predict([hstamp.encode(image, 60.0, 60.0, levels=3)]).best
        assert (best.x[0], best.y[0]) == pytest.approx((6.0, -5.0), abs=1.5)
        for part in (best.ra, best.dec, best.east, best.offset, best.radius, best.covariance):
            assert np.isnan(part).all()

    def test_sky_is_taken_off_uncalibrated_images(self):
        dark = scene(5, flux_unit="DN")
        bright = hstamp.encode(
            scene(5).mosaic() + 1000.0, 120.0, 120.0, levels=5, flux_unit="DN", encoding="f4"
        )
        assert predict([bright], sky="keep").none[0] != pytest.approx(
            predict([bright]).none[0], abs=1e-3
        )
        assert predict([dark]).best.x[0] == pytest.approx(
            predict([dark], sky="subtract").best.x[0], abs=1e-6
        )

    def test_averaging_over_turns_finds_the_same_galaxy(self):
        assert distance(predict([scene(5)], average=True).best, -6.4, -4.8) < 2.0


@pytest.mark.usefixtures("runtime")
class TestInputs:
    def test_stamps_blobs_and_batches_agree(self):
        stamps = [scene(n, 0.6, 0.4, seed=n, id=f"s{n}") for n in (5, 2, 3, 5)]
        blobs = [stamp.to_bytes() for stamp in stamps]
        one = predict(stamps)
        for other in (
            predict(blobs),
            predict(blobs, sky="keep"),
            predict(hstamp.decode_many(blobs)),
        ):
            assert other.ids == ("s5", "s2", "s3", "s5")
            np.testing.assert_allclose(other.none, one.none, atol=1e-5)
            np.testing.assert_allclose(other.best.ra, one.best.ra, atol=1e-7)

    def test_order_and_company_change_nothing(self):
        stamps = [scene(n, 0.6, 0.4, seed=n) for n in (5, 2, 3)]
        together = predict(stamps)
        alone = [predict([stamp]).best.east[0] for stamp in stamps]
        np.testing.assert_allclose(together.best.east, alone, atol=1e-4)

    def test_nothing_is_known_of_a_stamp_without_values(self):
        blind = hstamp.encode(np.full((80, 80), np.nan), 40.0, 40.0, levels=3)
        hosts = predict([blind, scene(5)])
        assert np.isnan(hosts.none[0])
        assert np.isnan(hosts.best.x[0])
        assert hosts.best.weight[0] == 0.0
        assert distance(hosts.best, -6.4, -4.8, 1) < 2.0

    def test_no_stamps(self):
        hosts = predict([])
        assert len(hosts) == 0
        assert hosts.best.ra.shape == (0,)

    def test_faults_are_named(self, tmp_path):
        with pytest.raises(hstamp.InputError, match="not str"):
            predict(["stamp"])
        with pytest.raises(hstamp.InputError, match="sky must be"):
            predict([], sky="blue")
        with pytest.raises(hstamp.FormatError):
            predict([b"\xc3\x01 and no more"])
        with pytest.raises(hstamp.InputError, match="image plane"):
            predict(hstamp.decode_many([scene(2).to_bytes()], planes=()))
        (tmp_path / "own.onnx").write_bytes(weights_path().read_bytes())
        with pytest.raises(hstamp.InputError, match=r"own\.json is not beside it"):
            predict([], weights=tmp_path / "own.onnx")
        (tmp_path / "own.json").write_text("{}")
        with pytest.raises(hstamp.InputError, match="not a calibration"):
            predict([], weights=tmp_path / "own.onnx")
        (tmp_path / "own.json").write_text(weights_path().with_suffix(".json").read_text())
        (tmp_path / "own.onnx").write_bytes(b"no network")
        with pytest.raises(hstamp.InputError, match="not readable by onnxruntime"):
            predict([], weights=tmp_path / "own.onnx")


def test_missing_onnxruntime_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    load_finder.cache_clear()
    with pytest.raises(MissingExtraError, match="pip install onnxruntime"):
        predict([scene(2)])


def test_missing_weights_are_named(tmp_path):
    with pytest.raises(hstamp.InputError, match=r"absent\.onnx do not exist"):
        weights_path(tmp_path / "absent.onnx")


@pytest.mark.usefixtures("runtime")
def test_a_floor_is_added_to_covariances_in_pixels(tmp_path):
    import json
    import shutil

    plain = tmp_path / "m.onnx"
    shutil.copy(weights_path(), plain)
    note = json.loads(weights_path().with_suffix(".json").read_text())
    found = []
    for floor in (0.0, 0.5):
        path = plain.with_stem(f"m{floor}")
        shutil.copy(plain, path)
        path.with_suffix(".json").write_text(json.dumps({**note, "floor": floor}))
        found.append(predict([scene(3, pixel=1.0)], weights=path).best)
    without, with_floor = found
    np.testing.assert_allclose(
        with_floor.covariance_pixels[0] - without.covariance_pixels[0], 0.25 * np.eye(2), atol=1e-5
    )
    # A pixel has one arcsec.
    np.testing.assert_allclose(
        with_floor.covariance[0] - without.covariance[0], 0.25 * np.eye(2), atol=1e-4
    )
