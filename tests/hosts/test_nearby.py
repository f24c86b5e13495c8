"""Odds of a nearby host from how bright a transient is."""

import json

import numpy as np
import pytest
from host_scenes import scene

from hstamp.errors import InputError
from hstamp.hosts import nearby_of, predict, weights_path
from hstamp.hosts.nearby import load_odds, read_odds
from hstamp.hosts.runtime import priors_of
from hstamp.surveys import Lsst, Ztf

NOTE = {
    "nearby": {
        "share": 0.5,
        "limit": 24.5,
        "magnitudes": [18.0, 20.0],
        "ages": [0.0, 30.0],
        "log_odds": [[2.0, -2.0], [1.0, -5.0]],
        "colours": {"g": 0.5, "r": 0.0},
    }
}


class TestTable:
    def test_magnitudes_between_are_interpolated_and_beyond_are_the_last(self):
        found = read_odds(NOTE).of([18.0, 18.5, 20.0, 15.0, 27.0, np.nan])
        np.testing.assert_allclose(found, [2.0, 1.0, -2.0, 2.0, -2.0, np.nan])

    def test_a_colour_is_taken_off(self):
        # 19.0 in g is 18.5 in r; a band that is not known counts as r.
        found = read_odds(NOTE).of([19.0] * 4, ["g", "r", None, "lsstg"])
        np.testing.assert_allclose(found, [1.0, 0.0, 0.0, 1.0])

    def test_an_age_chooses_the_row_from_which_it_holds(self):
        found = read_odds(NOTE).of([20.0] * 5, age=[0.0, 29.9, 30.0, 900.0, np.nan])
        np.testing.assert_allclose(found, [-2.0, -2.0, -5.0, -5.0, -2.0])

    def test_another_share_moves_all_odds_alike(self):
        # Odds of one in 100 are 1/99, of one half 1.
        found = read_odds(NOTE).of([18.0, 20.0], share=0.01)
        np.testing.assert_allclose(found, np.array([2.0, -2.0]) + np.log(1.0 / 99.0))

    def test_weights_without_a_table(self):
        assert read_odds({}) is None

    @pytest.mark.parametrize("change", [
        {"log_odds": [[1.0, 2.0]]}, {"magnitudes": "bright"}, {"share": None}, {"colours": []},
    ])  # fmt: skip
    def test_what_is_no_table_is_refused(self, change):
        with pytest.raises(InputError, match="odds"):
            read_odds({"nearby": {**NOTE["nearby"], **change}})

    def test_the_file_is_named(self, tmp_path):
        path = tmp_path / "own.onnx"
        path.with_suffix(".json").write_text(json.dumps({}))
        with pytest.raises(InputError, match=r"own\.json.*magnitude"):
            load_odds(path)

    def test_the_shipped_table_calls_bright_ones_nearby(self):
        # Of supernovae of 16 mag nearly all lie within z < 0.1, of 23 mag hardly any.
        assert nearby_of([16.0])[0] > 0.9
        assert nearby_of([23.0])[0] < 0.01
        assert load_odds(weights_path()).share < 0.01


class TestShares:
    def test_each_stamp_has_its_own(self):
        np.testing.assert_allclose(
            priors_of([0.5, 0.01, np.nan], 3), [0.0, np.log(1.0 / 99.0), np.nan], rtol=1e-6
        )

    def test_one_for_all(self):
        np.testing.assert_allclose(priors_of(0.2, 2), np.log(0.25), rtol=1e-6)
        assert np.isnan(priors_of(None, 2)).all()

    @pytest.mark.parametrize("wrong", [[0.1], [0.0, 0.5], [0.5, 1.0]])
    def test_wrong_ones_are_refused(self, wrong):
        with pytest.raises(InputError, match=r"shares|between 0 and 1"):
            priors_of(wrong, 2)

    def test_a_batch_of_shares_gives_what_each_gives_alone(self):
        pytest.importorskip("onnxruntime", reason="the network runs in onnxruntime")
        stamps, shares = [scene(5), scene(5, seed=4), scene(5)], [0.01, 0.9, np.nan]
        together = predict(stamps, nearby=shares)
        for row, (stamp, share) in enumerate(zip(stamps, shares, strict=True)):
            alone = predict([stamp], nearby=None if np.isnan(share) else share)
            assert together.none[row] == pytest.approx(alone.none[0], abs=1e-5)


class TestPackets:
    def test_lsst(self):
        source = {"diaSourceId": 1, "ra": 10.0, "dec": 0.0, "midpointMjdTai": 60010.0,
                  "psfFlux": 3631.0, "psfFluxErr": 100.0, "band": "g"}  # fmt: skip
        record = {"diaSource": source, "diaObject": {"firstDiaSourceMjdTai": 60000.5}}
        found = Lsst().measured(record)
        # 3631 Jy is magnitude 0, a billion times fainter 22.5.
        assert found.brightness == pytest.approx(22.5, abs=1e-3)
        assert found.age == pytest.approx(9.5)
        assert found.band == "g"
        fainter = Lsst().measured({"diaSource": {**source, "psfFlux": -3631.0}, "diaObject": None})
        assert np.isnan([fainter.brightness, fainter.age]).all()
        assert np.isnan(Lsst().measured({"diaSource": {**source, "psfFlux": None}}).brightness)

    def test_ztf(self):
        candidate = {"ra": 10.0, "dec": 0.0, "fid": 2, "magpsf": 18.25, "sigmapsf": 0.1,
                     "isdiffpos": "t", "jd": 2458010.5, "jdstarthist": 2458000.5}  # fmt: skip
        found = Ztf().measured({"candidate": candidate})
        assert (found.brightness, found.age, found.band) == (18.25, 10.0, "r")
        for fainter in ("f", "0"):
            record = {"candidate": {**candidate, "isdiffpos": fainter, "jdstarthist": None}}
            assert np.isnan(Ztf().measured(record).brightness)
            assert np.isnan(Ztf().measured(record).age)
