"""``hstamp classify`` as a user runs it."""

import csv
import sys

import fastavro
import numpy as np
import pytest
from alert_scenes import alert
from astropy.io.votable import parse_single_table

import hstamp
from hstamp.classify.columns import COLUMNS
from hstamp.classify.load import load_classifier
from hstamp.cli import main

KINDS = ("asteroid", "SN", "VS")


def stamps_file(path, kinds=KINDS):
    """Three stamps for each alert, one after the other."""
    hstamp.write_stamps(
        path,
        [
            stamp
            for i, kind in enumerate(kinds)
            for stamp in alert(kind, seed=i, id=str(170000 + i)).values()
        ],
    )
    return path


def rows_of(path):
    with path.open(newline="") as stream:
        return list(csv.DictReader(stream))


@pytest.fixture
def runtime():
    pytest.importorskip("onnxruntime", reason="the network runs in onnxruntime")


@pytest.mark.usefixtures("runtime")
class TestTables:
    def test_csv_has_one_row_for_each_alert(self, tmp_path, capsys):
        out = tmp_path / "classes.csv"
        assert main(["classify", str(stamps_file(tmp_path / "s.avro")), "-o", str(out)]) == 0
        rows = rows_of(out)
        assert [row["alert_id"] for row in rows] == ["170000", "170001", "170002"]
        assert list(rows[0]) == [column.name for column in COLUMNS]
        for row in rows:
            chances = [float(row[name]) for name in row if name.startswith("p_")]
            assert sum(chances) == pytest.approx(1.0, abs=1e-5)
            assert float(row["probability"]) == max(chances)
            assert row["band"] == "r"
            assert float(row["ra"]) == 150.0
            assert row["levels"] == "3"
        assert "3 alerts" in capsys.readouterr().out

    def test_it_is_what_predict_says(self, tmp_path):
        out = tmp_path / "classes.csv"
        assert main(["classify", str(stamps_file(tmp_path / "s.avro")), "-o", str(out), "-q"]) == 0
        stamps = [alert(kind, seed=i) for i, kind in enumerate(KINDS)]
        found = hstamp.classify.predict(stamps)
        for row, expected in zip(rows_of(out), found.probabilities, strict=True):
            assert float(row["p_sn"]) == pytest.approx(expected[1], abs=1e-5)
            assert float(row["p_bogus"]) == pytest.approx(expected[4], abs=1e-5)

    @pytest.mark.parametrize("suffix", ["parquet", "vot"])
    def test_other_formats_hold_the_same(self, tmp_path, suffix):
        if suffix == "parquet":
            parquet = pytest.importorskip("pyarrow.parquet")
        source = stamps_file(tmp_path / "s.avro")
        out = tmp_path / f"c.{suffix}"
        assert main(["classify", str(source), "-o", str(out), "-q"]) == 0
        if suffix == "parquet":
            table = parquet.read_table(out).to_pydict()
        else:
            table = parse_single_table(out).to_table()
        assert [str(name) for name in table["class"]] == [
            row["class"] for row in self._csv(tmp_path, source)
        ]
        assert sorted(map(int, table["alert_id"])) == [170000, 170001, 170002]

    def _csv(self, tmp_path, source):
        out = tmp_path / "same.csv"
        assert main(["classify", str(source), "-o", str(out), "-q"]) == 0
        return rows_of(out)

    def test_a_folder_is_made_once(self, tmp_path, capsys):
        stamps_file(tmp_path / "a.avro", KINDS[:1])
        out = tmp_path / "out"
        command = ["classify", str(tmp_path / "a.avro"), "-o", f"{out}/"]
        assert main(command) == 0
        assert (out / "a.avro.classes.csv").exists()
        capsys.readouterr()
        assert main(command) == 0
        assert "skipped 1" in capsys.readouterr().out

    def test_shares_change_the_answer(self, tmp_path):
        source = stamps_file(tmp_path / "s.avro")
        out = tmp_path / "c.csv"
        shares = "AGN=0,SN=1,VS=0,asteroid=0,bogus=0"
        assert main(["classify", str(source), "-o", str(out), "-q", "--shares", shares]) == 0
        assert {row["class"] for row in rows_of(out)} == {"SN"}

    @pytest.mark.parametrize("shares", ["SN=1", "SN", "AGN=1,SN=x,VS=1,asteroid=1,bogus=1"])
    def test_wrong_shares_are_wrong_usage(self, tmp_path, shares):
        with pytest.raises(SystemExit) as stop:
            main(["classify", "x", "-o", str(tmp_path / "c.csv"), "--shares", shares])
        assert stop.value.code == 2

    def test_a_page_shows_every_alert(self, tmp_path):
        pytest.importorskip("matplotlib", reason="reports are drawn by matplotlib")
        source, page = stamps_file(tmp_path / "s.avro"), tmp_path / "c.html"
        command = ["classify", str(source), "-o", str(tmp_path / "c.csv"), "--report", str(page)]
        assert main([*command, "--limit", "2"]) == 0
        text = page.read_text()
        assert text.count('src="data:image/png') == 2
        assert "Classes of 3 alerts, the first 2" in text
        sheet = tmp_path / "c.svg"
        assert main([*command[:-1], str(sheet), "-f"]) == 0
        assert sheet.read_text().count("170001") >= 1


@pytest.mark.usefixtures("runtime")
class TestFaults:
    def test_an_alert_without_an_image_is_reported(self, tmp_path, capsys):
        stamps = alert("SN", id="17")
        path = tmp_path / "s.avro"
        hstamp.write_stamps(path, [stamps["science"], stamps["difference"]])
        assert main(["classify", str(path), "-o", str(tmp_path / "c.csv")]) == 1
        assert "no template image" in capsys.readouterr().err

    def test_the_rest_goes_on(self, tmp_path, capsys):
        (tmp_path / "b.hstamp").write_bytes(b"\xc3\x01nonsense")
        source = stamps_file(tmp_path / "a.avro", KINDS[:1])
        out = tmp_path / "c.csv"
        assert main(["classify", str(tmp_path / "b.hstamp"), str(source), "-o", str(out)]) == 1
        assert len(rows_of(out)) == 1
        assert "E_" in capsys.readouterr().err

    def test_alerts_without_values_have_empty_cells(self, tmp_path):
        nothing = {
            name: hstamp.encode(np.full((60, 60), np.nan), 30, 30, levels=2, id=f"5/{name}")
            for name in ("science", "template", "difference")
        }
        path, out = tmp_path / "s.avro", tmp_path / "c.csv"
        hstamp.write_stamps(path, list(nothing.values()))
        assert main(["classify", str(path), "-o", str(out)]) == 0
        (row,) = rows_of(out)
        assert row["class"] == row["p_sn"] == ""


def test_missing_onnxruntime_is_said_in_one_line(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    load_classifier.cache_clear()
    source = stamps_file(tmp_path / "s.avro", KINDS[:1])
    assert main(["classify", str(source), "-o", str(tmp_path / "c.csv")]) == 1
    assert "pip install onnxruntime" in capsys.readouterr().err
    assert not (tmp_path / "c.csv").exists()


@pytest.mark.usefixtures("runtime")
def test_nothing_that_makes_a_label_is_looked_at(shared, tmp_path):
    source = shared / "ztf_labelled" / "alerts.avro"
    if not source.exists():
        pytest.skip("the labelled alerts are not among the shared data")
    with source.open("rb") as stream:
        reader = fastavro.reader(stream)
        schema = reader.writer_schema
        alerts = [next(reader) for _ in range(3)]
    plain, changed = tmp_path / "plain.avro", tmp_path / "changed.avro"
    with plain.open("wb") as stream:
        fastavro.writer(stream, schema, alerts)
    for record in alerts:
        for name in ("sgscore1", "distpsnr1", "ssdistnr", "drb", "rb", "ndethist", "classtar"):
            assert name in record["candidate"]
            record["candidate"][name] = 1
    with changed.open("wb") as stream:
        fastavro.writer(stream, schema, alerts)
    tables = []
    for source in (plain, changed):
        out = tmp_path / f"{source.stem}.csv"
        assert main(["classify", str(source), "-o", str(out), "-q"]) == 0
        tables.append(rows_of(out))
        for row in tables[-1]:
            del row["file"]
    assert tables[0] == tables[1]
    # A window of 63 pixels holds three levels.
    assert [row["levels"] for row in tables[0]] == ["3", "3", "3"]
