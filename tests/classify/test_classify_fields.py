"""What packets say of detections, and what the head makes of it."""

import csv
import json
import math

import fastavro
import numpy as np
import pytest
from alert_scenes import alert
from astropy.coordinates import SkyCoord

from hstamp.classify import CLASSES, predict, weights_path
from hstamp.classify.fields import FIELDS, FieldHead, features
from hstamp.cli import main
from hstamp.errors import InputError
from hstamp.surveys import Lsst, Measured, Ztf


def ztf(**changed):
    candidate = {
        "candid": 1, "fid": 2, "ra": 10.0, "dec": 20.0, "magpsf": 18.5, "sigmapsf": 0.108574,
        "isdiffpos": "t",
    }  # fmt: skip
    return {"candidate": {**candidate, **changed}}


def lsst(**changed):
    source = {"diaSourceId": 1, "ra": 10.0, "dec": 20.0, "band": "r"}
    return {"diaSource": {**source, "psfFlux": -1000.0, "psfFluxErr": 50.0, **changed}}


class TestPackets:
    def test_ztf(self):
        # An error of 0.1086 mag is a signal-to-noise of ten.
        found = Ztf().measured(ztf())
        assert found.snr == pytest.approx(10.0, rel=1e-4)
        assert (found.survey, found.magnitude, found.band) == ("ZTF", 18.5, "r")
        assert (found.ra, found.dec) == (10.0, 20.0)

    @pytest.mark.parametrize(("word", "sign"), [("t", 1), ("1", 1), ("f", -1), ("0", -1)])
    def test_signs_of_ztf(self, word, sign):
        assert math.copysign(1, Ztf().measured(ztf(isdiffpos=word)).snr) == sign

    @pytest.mark.parametrize(
        "changed",
        [{"isdiffpos": None}, {"sigmapsf": None}, {"sigmapsf": 0.0}, {"sigmapsf": float("nan")}],
    )
    def test_what_ztf_does_not_say_is_not_known(self, changed):
        found = Ztf().measured(ztf(**changed))
        assert math.isnan(found.snr)
        assert found.magnitude == 18.5

    def test_lsst(self):
        # 1000 nJy are 23.9 mag AB.
        found = Lsst().measured(lsst())
        assert (found.survey, found.snr, found.band) == ("LSST", -20.0, "r")
        assert found.magnitude == pytest.approx(23.9)

    def test_names_of_old_schemas(self):
        old = {**lsst()["diaSource"], "psFlux": 500.0, "psFluxErr": 50.0, "psfFlux": None}
        assert Lsst().measured({"diaSource": old}).snr == 10.0

    @pytest.mark.parametrize("flux", [None, 0.0, float("nan")])
    def test_what_lsst_does_not_say_is_not_known(self, flux):
        found = Lsst().measured(lsst(psfFlux=flux))
        assert math.isnan(found.snr)
        assert math.isnan(found.magnitude)
        assert found.ra == 10.0


class TestNumbers:
    def test_latitudes_are_those_of_astropy(self):
        rng = np.random.default_rng(3)
        ra, dec = rng.uniform(0, 360, 50), np.degrees(np.arcsin(rng.uniform(-1, 1, 50)))
        found = features([Measured("ZTF", ra=a, dec=d) for a, d in zip(ra, dec, strict=True)])
        sky = SkyCoord(ra, dec, unit="deg")
        galactic = np.abs(np.sin(sky.galactic.b.rad))
        ecliptic = np.abs(np.sin(sky.barycentricmeanecliptic.lat.rad))
        assert found[:, FIELDS.index("galactic")] == pytest.approx(galactic, abs=1e-6)
        assert found[:, FIELDS.index("ecliptic")] == pytest.approx(ecliptic, abs=1e-6)

    def test_by_hand(self):
        (found,) = features([Measured("ZTF", -100.0, 18.0, 0.0, 0.0, "g")])
        named = dict(zip(FIELDS, found, strict=True))
        assert (named["snr"], named["sign"], named["magnitude"]) == (2.0, -1.0, 18.0)
        assert (named["g"], named["r"], named["i"], named["said"]) == (1.0, 0.0, 0.0, 1.0)
        assert named["ecliptic"] == pytest.approx(0.0)

    def test_nothing_known_is_nothing_said(self):
        found = features([Measured("ZTF")])
        assert np.isnan(found).all()
        assert (head().logits(found) == 0.0).all()

    def test_of_nothing(self):
        assert features([]).shape == (0, len(FIELDS))


def head(survey="ZTF"):
    """Everything negative is a variable star."""
    weights = np.zeros((len(FIELDS), len(CLASSES)))
    weights[FIELDS.index("sign"), CLASSES.index("VS")] = -50.0
    return FieldHead(survey, np.zeros(len(FIELDS)), np.ones(len(FIELDS)), weights)


@pytest.fixture
def weights(tmp_path):
    """The weights that come with hstamp, with this head."""
    pytest.importorskip("onnxruntime", reason="the network runs in onnxruntime")
    path = tmp_path / "headed.onnx"
    path.write_bytes(weights_path().read_bytes())
    note = json.loads(weights_path().with_suffix(".json").read_text())
    path.with_suffix(".json").write_text(json.dumps({**note, "fields": head().note()}))
    return path


class TestHead:
    def test_its_note_is_the_head(self):
        again = FieldHead.of(json.loads(json.dumps(head().note())))
        assert again.survey == "ZTF"
        assert (again.weights == head().weights).all()

    @pytest.mark.parametrize(
        "changed", [{"fields": ["drb"]}, {"scale": [0.0] * 9}, {"weights": [[1.0]]}]
    )
    def test_another_head_is_none(self, changed):
        with pytest.raises(ValueError, match=r"are others|have the shapes|no finite numbers"):
            FieldHead.of({**head().note(), **changed})

    def test_it_adds_to_what_the_images_say(self, weights):
        alerts = [alert("SN", seed=i) for i in range(4)]
        plain = predict(alerts, weights=weights)
        fields = [Measured("ZTF", -10.0), Measured("ZTF", 10.0), Measured("LSST", -10.0), None]
        told = predict(alerts, weights=weights, fields=fields)
        assert told.names[0] == "VS"
        # The prior is multiplied: without VS the others keep their proportions.
        rest = plain.probabilities[1] * (np.arange(5) != CLASSES.index("VS"))
        assert told.probabilities[1] == pytest.approx(rest / rest.sum(), abs=1e-9)
        assert told.probabilities[2:] == pytest.approx(plain.probabilities[2:])

    def test_as_many_fields_as_alerts(self, weights):
        with pytest.raises(InputError, match="fields of 1 alerts are given for 2 alerts"):
            predict([alert("SN")] * 2, weights=weights, fields=[None])

    def test_weights_without_a_head_say_so(self, weights):
        weights.with_suffix(".json").write_text(json.dumps({"temperature": 1.0}))
        with pytest.raises(InputError, match="take no packet fields"):
            predict([alert("SN")], weights=weights, fields=[None])


def test_the_command_reads_them(weights, shared, tmp_path, capsys):
    source = shared / "ztf_labelled" / "alerts.avro"
    if not source.exists():
        pytest.skip("the labelled alerts are not among the shared data")
    with source.open("rb") as stream:
        reader = fastavro.reader(stream)
        alerts = [next(reader) for _ in range(2)]
        for record, sign in zip(alerts, "ft", strict=True):
            record["candidate"]["isdiffpos"] = sign
            # What makes a label changes nothing.
            record["candidate"] |= {"drb": 0.5, "sgscore1": 0.5, "ssdistnr": 1.0, "rb": 0.1}
        path, out = tmp_path / "a.avro", tmp_path / "c.csv"
        with path.open("wb") as target:
            fastavro.writer(target, reader.writer_schema, alerts)
    command = ["classify", str(path), "-o", str(out), "--weights", str(weights)]
    assert main([*command, "--fields"]) == 0
    assert "packet fields of ZTF looked at in 2" in capsys.readouterr().out
    with out.open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert rows[0]["class"] == "VS"
    assert float(rows[1]["p_vs"]) < 1e-9
