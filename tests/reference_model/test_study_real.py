"""Finders on alerts whose hosts are known: hand-made ones, and real ones where they are at hand."""

import hashlib
import json

import numpy as np
import pytest

pytest.importorskip("sep", reason="real alerts are judged with the train extra (sep)")
pytest.importorskip("scipy", reason="real alerts are judged with the train extra (scipy)")
pytest.importorskip("galsim", reason="real alerts are judged with the train extra (GalSim)")
pytest.importorskip("onnxruntime", reason="the network runs in onnxruntime")

import hstamp
from hstamp.hosts import weights_path
from reference_model import cli
from reference_model.evaluation import real
from reference_model.evaluation.real_alerts import RealAlert, part_of, read_real, truth_of
from reference_model.figures.real import summary_line

SCALE = 1.012 / 3600.0


def alert(name, dx, dy, kind="host", flux=3000.0):
    """A galaxy on a ZTF-like cutout, so many pixels from the source; x runs west, y south."""
    rows, columns = np.indices((63, 63))
    image = np.random.default_rng(3).normal(200.0, 8.0, (63, 63))
    r = np.hypot(columns - 31.2 - dx, (rows - 30.9 - dy) / 0.8)
    image += flux * np.exp(-1.678 * r / 3.0) * (kind == "host")
    ra, dec = 150.0, 20.0
    place = (ra - dx * SCALE / np.cos(np.deg2rad(dec)), dec - dy * SCALE)
    wcs = hstamp.Wcs(ra, dec, -SCALE, 0.0, 0.0, -SCALE)
    return RealAlert(
        name, f"{name}1", image.astype(np.float32), 31.2, 30.9, wcs, kind,
        place if kind == "host" else None,
    )  # fmt: skip


def test_objects_are_split_by_their_names():
    names = [f"ZTF21aaaaa{letter}" for letter in "abcdefghijklmnopqrstuvwxyz"]
    for name in names:
        even = hashlib.sha256(name.encode()).hexdigest()[1] in "02468ace"
        assert part_of(name) == ("dev" if even else "test")
    assert {part_of(name) for name in names} == {"dev", "test"}


def test_every_finder_points_at_a_clear_host():
    alerts = [alert("a", 6.0, -4.0), alert("b", -8.0, 2.0), alert("c", 0.0, 0.0, "asteroid")]
    found = {one.name: one for one in real.run_finders(alerts, weights_path(), (3,))}
    for name in ("nearest", "dlr", "net3"):
        assert (found[name].score.error[:2] < 2.0).all(), name
    # The source's own place is off by as much as the host: 7.2 and 8.2 pixels.
    np.testing.assert_allclose(
        found["own"].score.error[:2], 1.012 * np.array([7.211, 8.246]), rtol=1e-3
    )
    assert np.isnan(found["net3"].score.error[2])
    assert found["net3"].score.hostless.tolist() == [0.0, 0.0, 1.0]
    (row,) = [r for r in real.rows_of(alerts, list(found.values())) if r.name == "net3"]
    assert (row.every.hosts, row.far.hosts) == (2, 2)
    assert row.every.within_pixels.value == 1.0
    assert row.none["asteroid"] > row.none["host"]


def test_sky_and_noise_of_a_cutout():
    flat, sigma = real.flattened(alert("a", 10.0, 10.0).image)
    assert sigma == pytest.approx(8.0, rel=0.08)
    assert np.nanmedian(flat) == pytest.approx(0.0, abs=1.0)


def test_looks_are_written_down(tmp_path):
    model = tmp_path / "m.onnx"
    model.write_bytes(b"weights")
    for why in ("first", "second"):
        real.log_look("test", model, why, tmp_path / "looks.csv")
    lines = (tmp_path / "looks.csv").read_text().splitlines()
    assert lines[0] == "date,part,weights,why"
    assert [line.split(",")[3] for line in lines[1:]] == ["first", "second"]
    assert lines[1].split(",")[2] == hashlib.sha256(b"weights").hexdigest()[:12]


def test_the_test_part_wants_a_reason(tmp_path, capsys):
    assert cli.main(["real", "--data", str(tmp_path), "--part", "test"]) == 1
    assert "--why" in capsys.readouterr().err
    assert cli.main(["real", "--data", str(tmp_path)]) == 1
    assert "no file alerts.avro" in capsys.readouterr().err


def test_results_are_kept(tmp_path):
    alerts = [alert("a", 6.0, -4.0)]
    found = real.run_finders(alerts, weights_path(), (3,))
    real.write_json(tmp_path / "r.json", "dev", alerts, found, weights_path())
    told = json.loads((tmp_path / "r.json").read_text())
    assert told["alerts"][0]["offset"] == pytest.approx(1.012 * 7.211, rel=1e-3)
    (net,) = [row for row in told["finders"] if row["name"] == "net3"]
    assert net["every"]["within_pixels"]["n"] == 1
    assert len(real.table_lines(real.rows_of(alerts, found))) == 3 + len(found)
    assert "host for 1 of 1 objects" in summary_line(real.rows_of(alerts, found))


def test_real_alerts_are_read(shared):
    if not (shared / "ztf_labelled").is_dir():
        pytest.skip("the labelled ZTF alerts are not here")
    found = read_real(shared / "ztf_labelled", "dev")
    assert {a.kind for a in found} == {"host", "asteroid", "variable star"}
    assert all(part_of(a.object_id) == "dev" for a in found)
    truth = truth_of(found)
    hosts = np.array([a.kind == "host" for a in found])
    assert (np.isfinite(truth.ra) == hosts).all()
    assert (truth.none == ~hosts).all()
    assert all(a.image.shape == (63, 63) for a in found)


def test_a_floor_is_what_people_and_alerts_scatter_by(tmp_path, monkeypatch):
    rng, count, scatter = np.random.default_rng(4), 300, 0.5
    alerts = [alert(f"o{i}", 5.0, 0.0) for i in range(count)]
    pixel = np.full(count, 1.012)
    # x runs west: the host is 5 pixels west of the source. What is claimed is a tenth of a pixel.
    middle = np.array([-5.0 * 1.012, 0.0])
    places = middle + rng.normal(0.0, scatter * 1.012, (count, 2))
    claimed = real.Answers(
        np.full(count, 150.0), np.full(count, 20.0), pixel, np.full(count, 3), np.zeros(count),
        np.ones((count, 1)), places[:, :1], places[:, 1:],
        np.tile(np.eye(2) * (0.1 * 1.012) ** 2, (count, 1, 1, 1)),
    )  # fmt: skip
    monkeypatch.setattr(real, "predict", lambda stamps, weights: None)
    monkeypatch.setattr(real, "answers_of", lambda table: claimed)
    monkeypatch.setattr(RealAlert, "stamp", lambda self, levels: None)
    model = tmp_path / "m.onnx"
    model.with_suffix(".json").write_text(json.dumps({"kind": "hstamp5"}))
    assert real.write_floor(alerts, model) == pytest.approx(scatter, abs=0.06)
    note = json.loads(model.with_suffix(".json").read_text())
    assert note["kind"] == "hstamp5"
    # A floor that is there already is part of what is claimed.
    claimed.covariance[:] += np.eye(2) * (note["floor"] * 1.012) ** 2
    assert real.fit_floor(alerts, model) == note["floor"]


def test_a_floor_is_chosen_on_one_part_alone(shared, capsys):
    if not (shared / "ztf_labelled").is_dir():
        pytest.skip("the labelled ZTF alerts are not here")
    arguments = ["real", "--data", str(shared / "ztf_labelled"), "--part", "test", "--why", "none"]
    assert cli.main([*arguments, "--fit-floor"]) == 1
    assert "dev alone" in capsys.readouterr().err
