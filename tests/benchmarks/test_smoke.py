"""The benchmark's own parts work; nothing here measures time."""

import ast
import sys
import tomllib
from pathlib import Path

import fastavro
import numpy as np
import pytest

import hstamp
from hstamp.convert import job
from hstamp.convert.plan import Job
from hstamp.convert.report import Report

from . import __main__, compressors, data, markdown, night_alerts, night_page, sizes, sky
from .timing import race


def test_race_reports_each_contender():
    found = race({"a": (lambda: sum(range(50)), 5), "b": (lambda: None, 1)}, rounds=2, sample=0.0)
    assert set(found) == {"a", "b"}
    assert all(e["low"] <= e["median"] <= e["high"] for e in found.values())


def test_cutouts_are_todays_form_with_the_parents_own_pixels():
    p = sky.parent(4)
    blob = sky.cutout(p)
    assert len(blob) == 34_560
    pixels = np.frombuffer(blob, ">f4", 900, 2880).reshape(30, 30)
    i0, j0 = hstamp.reference_corner(p.x, p.y)
    assert np.array_equal(pixels, p.image[j0 - 15 : j0 + 15, i0 - 15 : i0 + 15])
    # The level-1 grid of a stamp is what today's cutout shows, binned.
    grid = p.encode(encoding="f4").levels[1]
    binned = pixels.reshape(15, 2, 15, 2).astype(float).mean(axis=(1, 3))
    assert np.allclose(grid, binned, rtol=1e-6, atol=1e-4)


def test_windows_are_those_of_the_stamps():
    p = sky.parent(5)
    mosaic = p.encode(encoding="f4").mosaic()
    window = sizes._window(p)
    assert mosaic.shape == window.shape
    assert np.array_equal(mosaic[110:124, 110:124], window[110:124, 110:124])


def test_tables_of_a_result():
    rows = {
        "a": {"median": 2.0, "low": 1.0, "high": 3.0},
        "b": {"median": 1.0, "low": 1, "high": 1},
    }
    table = markdown.race(rows, "a", "times")
    assert "| b | 1 | 1 to 1 | 2 |" in table


def test_real_cutouts_when_present():
    if data.shared() is None:
        pytest.skip("real data are not here: set HSTAMP_SHARED to the folder that holds data/")
    assert all(len(c) == 34_560 for c in data.lsst_cutouts())


HERE = Path(__file__).parent


def test_all_that_is_imported_is_declared():
    """What the measurements import is in the extra, and asked for before anything runs."""
    imported = set()
    for path in HERE.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and not node.level:
                names = [node.module]
            imported |= {name.partition(".")[0] for name in names}
    own = {"hstamp", "pytest", "tests"} | set(sys.stdlib_module_names)
    core = {"numpy", "fastavro", "astropy"}
    asked = {module.partition(".")[0] for module in compressors.NEEDED}
    assert imported - own - core <= asked
    project = tomllib.loads((HERE.parents[1] / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    declared = {r.partition(";")[0].split(">")[0].split("=")[0].strip() for r in extras["bench"]}
    (nested,) = [r for r in declared if r.startswith("hstamp[")]
    for extra in nested[7:-1].split(","):
        declared |= {r.split(">")[0].partition(";")[0].strip() for r in extras[extra]}
    assert set(compressors.NEEDED.values()) <= declared


def test_what_is_missing_is_said_before_the_work(monkeypatch, capsys, tmp_path):
    monkeypatch.setitem(compressors.NEEDED, "no_such_module_of_ours.part", "no-such-package")
    with pytest.raises(SystemExit) as stop:
        __main__.main(["--quick", "--out", str(tmp_path / "new")])
    assert stop.value.code == 2
    assert "no-such-package" in capsys.readouterr().err
    assert not (tmp_path / "new").exists()


def test_quick_overwrites_nothing(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(__main__, "missing", list)
    stored = tmp_path / "figures" / "performance" / "results.json"
    stored.parent.mkdir(parents=True)
    stored.write_text("mine")
    with pytest.raises(SystemExit) as stop:
        __main__.main(["--quick", "--out", str(tmp_path)])
    assert stop.value.code == 2
    assert stored.read_text() == "mine"
    assert "overwrites nothing" in capsys.readouterr().err


def test_compressors_are_undone_by_their_own_readers():
    cramjam = pytest.importorskip("cramjam", reason="snappy and lz4 need the codecs extra")
    text = b"stamp " * 500
    assert bytes(cramjam.snappy.decompress_raw(compressors.snappy(text))) == text
    assert bytes(cramjam.lz4.decompress(compressors.lz4(text))) == text
    assert len(compressors.zstd(text)) < 60


def test_alerts_of_a_night_are_all_different_and_become_stamps(tmp_path):
    pytest.importorskip("lsst.alert.packet", reason="needs the lsst extra")
    made = night_alerts.Night(2)
    path = tmp_path / "night.avro"
    assert made.write(path, 5) == path.stat().st_size
    with path.open("rb") as stream:
        alerts = list(fastavro.reader(stream))
    assert len({alert["diaSourceId"] for alert in alerts}) == 5
    assert all(alert["diaSourceId"] == alert["diaSource"]["diaSourceId"] for alert in alerts)
    cutouts = {alert[f"cutout{kind}"] for alert in alerts for kind in ("Science", "Template")}
    assert {len(cutout) for cutout in cutouts} == {34_560}
    assert len({cutout[:2880] for cutout in cutouts}) == 10  # no header is read twice
    assert len(alerts[0]["prvDiaSources"]) == len(alerts[0]["prvDiaForcedSources"]) == 12
    report = Report()
    job.run(Job((path,), tmp_path / "out.avro"), report)
    assert (report.alerts_in, report.alerts_out, sum(report.stamps.values())) == (5, 5, 15)


def test_a_plan_follows_from_the_rates():
    few = {"alerts": 100, "CPU seconds": 2.2}
    run = {"alerts": 1000, "CPU seconds": 4.0, "bytes in": 2e8, "bytes out": 1e7}
    plan = night_page._plan({"runs": {"this process, a hundredth": few, "this process": run}})
    # 10 million alerts at 500 a second are 20,000 s, 5.6 core-hours; 200 kB each are 2 TB.
    assert "| one night | 10 | 5.6 | 0.09 | 2.00 | 0.10 |" in plan
    assert "| ten years | 30,000 | 16,666.7 | 260.42 | 6,000.00 | 300.00 |" in plan
