"""``hstamp hosts`` as a user runs it."""

import csv
import os
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from astropy.io.votable import parse_single_table, validate
from astropy.table import Table
from host_scenes import picture, scene

import hstamp
from hstamp.cli import main
from hstamp.hosts.columns import COLUMNS
from hstamp.hosts.load import load_finder

SOURCE = Path(hstamp.__file__).resolve().parents[1]
KINDS = ("difference", "science", "template")


def stamps_file(path, count=3):
    """Three stamps for each alert; only the template shows the host at the usual place."""
    places = {"difference": (7.0, 7.0), "science": (7.0, 7.0), "template": (-6.4, -4.8)}
    hstamp.write_stamps(
        path,
        [
            scene(5, *places[kind], seed=i, id=f"{170000 + i}/{kind}")
            for i in range(count)
            for kind in KINDS
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
    def test_standard_input_has_a_name(self, tmp_path):
        data = stamps_file(tmp_path / "s.avro").read_bytes()
        out, page = tmp_path / "hosts.csv", tmp_path / "hosts.svg"
        done = subprocess.run(
            [sys.executable, "-m", "hstamp.cli", "hosts", "-", "-o", str(out)],
            input=data, capture_output=True, check=False,
            env={**os.environ, "PYTHONPATH": str(SOURCE)},
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert {row["file"] for row in rows_of(out)} == {"standard input"}
        piped = subprocess.run(
            [sys.executable, "-m", "hstamp.cli", "hosts", "-", "-o", "-"],
            input=data, capture_output=True, check=False,
            env={**os.environ, "PYTHONPATH": str(SOURCE)},
        )  # fmt: skip
        assert piped.returncode == 0, piped.stderr
        assert piped.stdout == out.read_bytes()
        assert b"standard output: 3 alerts" in piped.stderr
        # A report that is there already is replaced no sooner than a table.
        page.write_text("mine")
        more = ["hosts", str(tmp_path / "s.avro"), "-o", str(tmp_path / "t.csv")]
        pytest.importorskip("matplotlib")
        assert main([*more, "--report", str(page)]) == 1
        assert page.read_text() == "mine"
        assert not (tmp_path / "t.csv").exists()

    def test_csv_has_one_row_for_each_alert(self, tmp_path, capsys):
        out = tmp_path / "hosts.csv"
        assert main(["hosts", str(stamps_file(tmp_path / "s.avro")), "-o", str(out)]) == 0
        rows = rows_of(out)
        assert [row["alert_id"] for row in rows] == ["170000", "170001", "170002"]
        assert list(rows[0]) == [column.name for column in COLUMNS]
        for row in rows:
            assert row["image"] == "template"
            east, north = float(row["offset_east"]), float(row["offset_north"])
            assert np.hypot(east + 6.4, north + 4.8) < 2.0
            assert float(row["offset"]) == pytest.approx(np.hypot(east, north), rel=1e-5)
        printed = capsys.readouterr()
        assert "3 alerts" in printed.out
        assert "simulated" in printed.out
        assert printed.err == ""

    def test_field_chooses_the_image(self, tmp_path):
        source, out = stamps_file(tmp_path / "s.avro", 1), tmp_path / "hosts.csv"
        assert main(["hosts", str(source), "-o", str(out), "--field", "science"]) == 0
        (row,) = rows_of(out)
        assert row["image"] == "science"
        assert float(row["offset_east"]) > 5.0

    def test_an_alert_that_comes_twice_has_two_rows(self, tmp_path):
        twice, out = tmp_path / "s.avro", tmp_path / "hosts.csv"
        hstamp.write_stamps(twice, [scene(2, id=f"7/{k}") for k in KINDS * 2])
        assert main(["hosts", str(twice), "-o", str(out), "-q"]) == 0
        assert [(row["alert_id"], row["record"]) for row in rows_of(out)] == [
            ("7", "2"),
            ("7", "5"),
        ]

    def test_a_folder_resumes(self, tmp_path, capsys):
        (tmp_path / "in").mkdir()
        for name in ("a.avro", "b.avro"):
            stamps_file(tmp_path / "in" / name, 1)
        out = tmp_path / "out"
        out.mkdir()
        (out / "a.avro.hosts.csv").write_text("not mine")
        command = ["hosts", str(tmp_path / "in"), "-o", f"{out}/"]
        for tables in ("1 alert\n", "0 alerts\nP"):
            assert main(command) == 1
            printed = capsys.readouterr()
            assert tables in printed.out
            assert "a.avro.hosts.csv exists already" in printed.err
            assert (out / "a.avro.hosts.csv").read_text() == "not mine"
            assert len(rows_of(out / "b.avro.hosts.csv")) == 1
        assert main([*command, "--force"]) == 0
        assert rows_of(out / "a.avro.hosts.csv")[0]["alert_id"] == "170000"
        assert main(command) == 0
        assert "skipped 2" in capsys.readouterr().out
        assert main([*command, "--average"]) == 1
        assert "average was the default, is True" in capsys.readouterr().err

    def test_a_failure_fails_again(self, tmp_path, capsys):
        source, out = stamps_file(tmp_path / "in.avro", 2), tmp_path / "out"
        whole = source.read_bytes()
        for data, status in ((whole[:-40], 1), (whole[:-40], 1), (whole, 0), (whole, 0)):
            if source.read_bytes() != data:
                source.write_bytes(data)
            assert main(["hosts", str(source), "-o", f"{out}/"]) == status
        assert "skipped 1" in capsys.readouterr().out
        (table,) = out.glob("*.csv")
        before = table.read_bytes()
        assert main(["hosts", str(source), "-o", str(table)]) == 1
        assert "exists already" in capsys.readouterr().err
        assert table.read_bytes() == before

    def test_ids_are_no_formulas(self, tmp_path):
        blob, out = tmp_path / "one.hstamp", tmp_path / "hosts.csv"
        blob.write_bytes(scene(2, id="=cmd()|x").to_bytes())
        assert main(["hosts", str(blob), "-o", str(out), "-q"]) == 0
        assert rows_of(out)[0]["alert_id"] == "'=cmd()|x"

    def test_votable_is_valid_and_says_the_same(self, tmp_path):
        source = stamps_file(tmp_path / "s.avro")
        plain, table = tmp_path / "hosts.csv", tmp_path / "hosts.vot"
        for out in (plain, table):
            assert main(["hosts", str(source), "-o", str(out), "-q"]) == 0
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            votable = parse_single_table(table, verify="exception")
        assert validate(table, output=None)
        made = votable.to_table()
        assert list(made["alert_id"]) == [170000, 170001, 170002]
        assert str(made["host_ra"].unit) == "deg"
        assert str(made["cov_en"].unit) == "arcsec2"
        assert votable.get_field_by_id_or_name("host_ra").ucd == "pos.eq.ra;meta.main"
        for name in ("ra", "dec", "host_ra", "host_dec", "offset", "p_none", "size"):
            expected = [float(row[name]) for row in rows_of(plain)]
            np.testing.assert_allclose(made[name], expected, rtol=1e-7)

    def test_parquet_says_the_same(self, tmp_path):
        parquet = pytest.importorskip("pyarrow.parquet", reason="Parquet is written by pyarrow")
        source, out = stamps_file(tmp_path / "s.avro"), tmp_path / "hosts.parquet"
        plain = tmp_path / "hosts.csv"
        for path in (out, plain):
            assert main(["hosts", str(source), "-o", str(path), "-q"]) == 0
        table = parquet.read_table(out)
        assert table["alert_id"].to_pylist() == [170000, 170001, 170002]
        assert table.schema.field("size").metadata[b"unit"] == b"arcsec"
        assert table["host_ra"].to_pylist() == [float(row["host_ra"]) for row in rows_of(plain)]

    def test_without_wcs_cells_of_the_sky_are_empty(self, tmp_path):
        image = np.random.default_rng(3).normal(0.0, 5.0, (80, 80))
        blob = tmp_path / "one.hstamp"
        blob.write_bytes(hstamp.encode(image, 40.0, 40.0, levels=3, id="x").to_bytes())
        for name in ("hosts.csv", "hosts.vot"):
            assert main(["hosts", str(blob), "-o", str(tmp_path / name), "-q"]) == 0
        (row,) = rows_of(tmp_path / "hosts.csv")
        assert row["host_ra"] == row["offset"] == row["size"] == ""
        assert np.isfinite(float(row["offset_x"]))
        assert row["alert_id"] == "x"
        assert np.ma.is_masked(Table.read(tmp_path / "hosts.vot")["host_ra"][0]) or np.isnan(
            Table.read(tmp_path / "hosts.vot")["host_ra"][0]
        )

    def test_images_are_converted_in_memory(self, tmp_path):
        image, x, y, _ = picture(5)
        path, out = tmp_path / "image.fits", tmp_path / "hosts.csv"
        fits.PrimaryHDU(image).writeto(path)
        where = ["--x", f"{x}", "--y", f"{y}", "--sky", "keep", "--id", "sn"]
        assert main(["hosts", str(path), "-o", str(out), *where]) == 0
        (row,) = rows_of(out)
        assert (row["alert_id"], row["levels"]) == ("sn", "5")
        # East is left: -6.4 arcsec is 32 pixels to the right.
        assert float(row["offset_x"]) == pytest.approx(32.0, abs=6.0)
        assert float(row["offset_y"]) == pytest.approx(-24.0, abs=6.0)


@pytest.mark.usefixtures("runtime")
class TestReports:
    def test_page_needs_no_other_file(self, tmp_path):
        pytest.importorskip("matplotlib", reason="reports are drawn by matplotlib")
        source, page = stamps_file(tmp_path / "s.avro"), tmp_path / "hosts.html"
        assert main(["hosts", str(source), "-o", str(tmp_path / "h.csv"), "--report", str(page),
                     "--limit", "2"]) == 0  # fmt: skip
        text = page.read_text()
        assert text.count("<img ") == text.count("data:image/png;base64,") == 2
        assert text.count('href="#stamp-') == 4
        for outside in ("http:", "https:", "<script"):
            assert outside not in text
        assert 'name="viewport"' in text
        assert "Hosts of 3 alerts, the first 2" in text
        assert "simulated" in text

    def test_names_cannot_write_the_page(self, tmp_path):
        pytest.importorskip("matplotlib", reason="reports are drawn by matplotlib")
        blob, page = tmp_path / "one.hstamp", tmp_path / "hosts.html"
        blob.write_bytes(scene(2, id="<script>$x_{").to_bytes())
        assert main(["hosts", str(blob), "-o", str(tmp_path / "h.csv"), "--report", str(page)]) == 0
        assert "<script>" not in page.read_text()
        sheet = tmp_path / "hosts.png"
        assert (
            main(["hosts", str(blob), "-o", str(tmp_path / "h.csv"), "-f", "--report", str(sheet)])
            == 0
        )
        assert sheet.read_bytes().startswith(b"\x89PNG")

    def test_the_cross_is_on_the_host(self):
        matplotlib = pytest.importorskip("matplotlib", reason="reports are drawn by matplotlib")
        from matplotlib.figure import Figure

        from hstamp.hosts import predict
        from hstamp.hosts.report import _draw, panels_of
        from hstamp.inference.alerts import Alert

        assert matplotlib
        stamp = scene(5)
        (item,) = panels_of([Alert("x", 0, stamp, "x")], predict([stamp]))
        ax = Figure().add_subplot()
        _draw(ax, item)
        (cross,) = [line for line in ax.lines if line.get_gid() == "host"]
        assert cross.get_xdata()[0] == pytest.approx(32.0, abs=10.0)
        assert cross.get_ydata()[0] == pytest.approx(-24.0, abs=10.0)

    def test_the_cross_fades_where_there_is_no_host(self):
        pytest.importorskip("matplotlib", reason="reports are drawn by matplotlib")
        from matplotlib.figure import Figure

        from hstamp.hosts.report import Panel, _draw

        shown = []
        for none in (0.0, 0.4, 0.999, float("nan")):
            found = [1.0 - none], [[3.0, 4.0]], [[[4.0, 0.0], [0.0, 4.0]]]
            if none != none:
                found = [1.0], *found[1:]
            item = Panel(scene(5), "x", (), *map(np.array, found), none)
            ax = Figure().add_subplot()
            _draw(ax, item)
            (cross,) = [line for line in ax.lines if line.get_gid() == "host"]
            shown.append(cross.get_alpha())
        assert shown == pytest.approx([1.0, 0.6, 0.2, 1.0])


@pytest.mark.usefixtures("runtime")
class TestFaults:
    def test_bad_files_are_reported_and_the_rest_goes_on(self, tmp_path, capsys):
        stamps_file(tmp_path / "a.avro", 1)
        (tmp_path / "b.hstamp").write_bytes(b"\xc3\x01nonsense")
        (tmp_path / "c.txt").write_text("no alerts")
        stamps_file(tmp_path / "d.avro", 2)
        out = tmp_path / "out"
        out.mkdir()
        inputs = [str(tmp_path / name) for name in ("a.avro", "b.hstamp", "c.txt", "d.avro")]
        assert main(["hosts", *inputs, "-o", str(out / "hosts.csv")]) == 1
        assert len(rows_of(out / "hosts.csv")) == 3
        printed = capsys.readouterr()
        assert "b.hstamp, record 0: E_" in printed.err
        assert "c.txt, record 0: E_MAGIC" in printed.err
        assert "failed 2" in printed.out
        assert [path.name for path in out.iterdir()] == ["hosts.csv"]

    def test_nothing_found_leaves_the_old_table(self, tmp_path, capsys):
        out = tmp_path / "hosts.csv"
        out.write_text("mine")
        (tmp_path / "c.txt").write_text("no alerts")
        assert main(["hosts", str(tmp_path / "c.txt"), "-o", str(out), "--force"]) == 1
        assert out.read_text() == "mine"
        assert "nothing was written" in capsys.readouterr().err

    @pytest.mark.parametrize(
        ("arguments", "reason"),
        [
            (["-o", "hosts.txt"], "suffix"),
            (["-o", "absent/hosts.csv"], "folder"),
            (["-o", "h.csv", "--report", "hosts.doc"], "suffix"),
            (["-o", "s.csv"], "is an input"),
        ],
    )
    def test_outputs_are_checked_before_the_work(
        self, tmp_path, monkeypatch, capsys, arguments, reason
    ):
        monkeypatch.chdir(tmp_path)
        stamps_file(tmp_path / "s.csv", 1)
        assert main(["hosts", "s.csv", *arguments]) == 1
        assert reason in capsys.readouterr().err

    def test_an_alert_without_the_image_is_reported(self, tmp_path, capsys):
        blob = tmp_path / "one.hstamp"
        blob.write_bytes(scene(2, id="17/difference").to_bytes())
        assert main(["hosts", str(blob), "-o", str(tmp_path / "h.csv")]) == 1
        assert "no template or science image" in capsys.readouterr().err


def test_missing_onnxruntime_is_said_in_one_line(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    load_finder.cache_clear()
    source = stamps_file(tmp_path / "s.avro", 1)
    assert main(["hosts", str(source), "-o", str(tmp_path / "h.csv")]) == 1
    assert "pip install onnxruntime" in capsys.readouterr().err
    assert not (tmp_path / "h.csv").exists()


@pytest.mark.usefixtures("runtime")
def test_stamps_without_a_packet_have_no_magnitude(tmp_path, capsys):
    source, tables = stamps_file(tmp_path / "s.avro", 2), []
    for number, more in enumerate(([], ["--nearby", "magnitude"])):
        out = tmp_path / f"{number}.csv"
        assert main(["hosts", str(source), "-o", str(out), *more]) == 0
        tables.append(out.read_bytes())
    assert tables[0] == tables[1]
    assert "no magnitude in 2: the share of the training there" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        main(["hosts", str(source), "-o", str(tmp_path / "o.csv"), "--nearby", "bright"])


def test_help_says_that_the_sky_was_simulated(capsys):
    with pytest.raises(SystemExit):
        main(["hosts", "--help"])
    assert "trained on a simulated sky" in " ".join(capsys.readouterr().out.split())


@pytest.mark.usefixtures("runtime")
class TestRealAlerts:
    def test_lsst(self, shared, tmp_path):
        out = tmp_path / "hosts.csv"
        assert main(["hosts", str(shared / "lsst" / "v9_ocf"), "-o", str(out), "-q"]) == 0
        rows = rows_of(out)
        assert len(rows) == len(list((shared / "lsst" / "v9_ocf").iterdir()))
        assert all(abs(float(row["host_ra"]) - float(row["ra"])) < 0.01 for row in rows)
        assert all(row["object_id"] for row in rows)

    def test_ztf_alerts_and_their_stamps_agree(self, shared, tmp_path):
        # Exact values in both: the alert's stamps differ from those made in memory in nothing.
        whole = tmp_path / "with-stamps.avro"
        source = next(iter(sorted((shared / "ztf").glob("*.avro"))))
        assert main(["convert", str(source), "-o", str(whole), "--encoding", "f4",
                     "--variance-encoding", "f4", "-q"]) == 0  # fmt: skip
        for name, path in (("a.csv", source), ("b.csv", whole)):
            assert main(["hosts", str(path), "-o", str(tmp_path / name), "-q"]) == 0
        (first,), (second,) = rows_of(tmp_path / "a.csv"), rows_of(tmp_path / "b.csv")
        assert {**first, "file": ""} == {**second, "file": ""}

    def test_magnitudes_of_alerts_are_their_priors(self, shared, tmp_path, capsys):
        import fastavro

        from hstamp.hosts import nearby_of, predict

        path = shared / "ztf" / "1105522281015015000.avro"
        with path.open("rb") as stream:
            candidate = next(fastavro.reader(stream))["candidate"]
        assert candidate["isdiffpos"] in ("t", "1")
        rows = []
        for number, more in enumerate(([], ["--nearby", "magnitude"])):
            out = tmp_path / f"{number}.csv"
            assert main(["hosts", str(path), "-o", str(out), "-q", *more]) == 0
            rows += rows_of(out)
        assert main(["convert", str(path), "-o", str(tmp_path / "s.avro"), "--encoding", "f4",
                     "--variance-encoding", "f4", "-q"]) == 0  # fmt: skip
        (stamp,) = [i.stamp for i in hstamp.read_stamps(tmp_path / "s.avro")
                    if i.field == "hstampTemplate"]  # fmt: skip
        age = candidate["jd"] - candidate["jdstarthist"]
        chance = nearby_of(
            [candidate["magpsf"]], [{1: "g", 2: "r", 3: "i"}[candidate["fid"]]], [age]
        )
        expected = [predict([stamp], pixel=1.012, nearby=n).none[0] for n in (None, chance)]
        assert [float(row["p_none"]) for row in rows] == pytest.approx(expected, rel=1e-4)
        assert expected[0] != pytest.approx(expected[1], rel=1e-3)
