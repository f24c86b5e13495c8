"""Metrics on hand-made results, and a whole small study."""

import json

import numpy as np
import pytest

pytest.importorskip("scipy", reason="the evaluation needs the train extra (scipy)")
pytest.importorskip("galsim", reason="the evaluation needs the train extra (GalSim)")
pytest.importorskip("matplotlib", reason="the figures need the train extra (matplotlib)")

from hstamp.hosts.runtime import Mixture
from reference_model.evaluation import bootstrap, regions, tables
from reference_model.evaluation.results import RESULT, read_method, write_method
from reference_model.evaluation.tables import Study
from reference_model.scenes.place import TRANSIENT


def test_intervals_know_that_a_field_stands_or_falls_together():
    values = np.repeat([0.0, 1.0] * 10, 50)
    together = np.repeat(np.arange(20), 50)
    apart = np.arange(1000)
    wide = bootstrap.mean_by_group(values, together)
    narrow = bootstrap.mean_by_group(values, apart)
    assert wide.value == narrow.value == 0.5
    # Standard errors: 0.5 / sqrt(20) and 0.5 / sqrt(1000).
    assert wide.high - wide.low == pytest.approx(2 * 1.96 * 0.5 / np.sqrt(20), rel=0.15)
    assert narrow.high - narrow.low == pytest.approx(2 * 1.96 * 0.5 / np.sqrt(1000), rel=0.15)


def study():
    rows = np.zeros(8, TRANSIENT)
    rows["stratum"], rows["visible"], rows["host_re"] = 1, True, 3.0
    rows["host_dx"], rows["offset"], rows["host_z"] = 10.0, 10.0, 0.05
    result = np.zeros((2, 8), RESULT)
    result["dx"][0] = [10.0, 10.5, 12.0, 14.0, 10.0, 10.0, 10.0, np.nan]
    result["right"][0] = [1, 1, 1, 0, 1, 1, 1, 0]
    result["dx"][1], result["right"][1] = 0.0, False
    result["host_z"] = 0.05
    result["host_z"][0, 3], result["host_z"][0, 7] = 0.5, np.nan
    methods = {"net_any5": result[0], "own_position": result[1]}
    return Study(rows, np.arange(8) // 2, methods, {"net_any5": {}, "own_position": {}})


def test_a_line_of_the_table():
    made = study()
    found = tables.line(made, "net_any5", np.ones(8, bool))
    assert found.median.value == 0.25
    assert found.beyond_1.value == pytest.approx(3 / 8)
    # Beyond max(1", R_e = 3"): the one 4" off, and the one without an answer.
    assert found.beyond_host.value == pytest.approx(2 / 8)
    assert found.right.value == pytest.approx(6 / 8)


def test_ratios_and_differences_are_paired():
    made, every = study(), np.ones(8, bool)
    assert tables.wrong_ratio(made, "net_any5", "own_position", every).value == pytest.approx(2 / 8)
    assert tables.difference(made, "net_any5", "own_position", every).value == pytest.approx(6 / 8)
    by_distance = tables.wrong_ratio(made, "net_any5", "own_position", every, by="distance")
    assert by_distance.value == pytest.approx(2 / 8)


def test_redshift_errors_come_from_the_galaxy_pointed_at():
    made = study()
    error = tables.redshift_error(made.rows, made.methods["net_any5"])
    assert error[3] == pytest.approx(0.45 / 1.05)
    assert np.isnan(error[7])
    assert (error[[0, 1, 2, 4, 5, 6]] == 0).all()


def test_contamination_counts_wrong_answers_only():
    made, every = study(), np.ones(8, bool)
    complete, dirty = tables.completeness_contamination(made, "net_any5", every, 0.5)
    assert complete.value == pytest.approx(6 / 8)
    assert dirty.value == pytest.approx(1 / 7)


def test_the_area_under_a_perfect_and_a_blind_curve():
    present = np.array([True] * 50 + [False] * 50)
    assert tables.roc(present, np.where(present, 0.1, 0.9), present)[2] == pytest.approx(1.0)
    rng = np.random.default_rng(2)
    many = np.tile(present, 40)
    assert tables.roc(many, rng.uniform(size=4000), many)[2] == pytest.approx(0.5, abs=0.03)


@pytest.mark.parametrize(("stated", "true"), [(2.0, 2.0), (2.0, 4.0)])
def test_regions_of_an_honest_mixture_hold_what_they_say(stated, true):
    rng = np.random.default_rng(3)
    n = 1500
    centre = np.float32([[-20.0, 0.0], [15.0, 5.0]])
    mixture = Mixture(
        weight=np.tile(np.float32([0.63, 0.27]), (n, 1)),
        none=np.full(n, 0.1, np.float32),
        mean=np.tile(centre, (n, 1, 1)),
        scale=np.tile(np.float32([stated, stated, 0.0]), (n, 2, 1)),
        log_radius=np.zeros((n, 2), np.float32),
    )
    which = rng.choice(2, n, p=[0.7, 0.3])
    host = (centre[which] + true * rng.standard_normal((n, 2))).astype(np.float32)
    level, area = regions.regions(mixture, host)
    inside = (level <= 0.68).mean()
    if stated == true:
        assert inside == pytest.approx(0.68, abs=0.035)
        # Two Gaussians 35 apart: 95 % of each lies within pi * 5.99 sigma^2.
        assert np.median(area) == pytest.approx(2 * np.pi * 5.99 * stated**2, rel=0.15)
    else:
        assert inside < 0.45


def test_calibrated_regions_hold_what_they_say():
    from hstamp.hosts.runtime import Calibration
    from reference_model.training.calibrate import region_contents

    rng = np.random.default_rng(6)
    # An over-cautious mixture: its own levels crowd towards zero.
    level = rng.uniform(size=20_000) ** 1.5
    calibration = Calibration(contents=tuple(region_contents(level[:10_000])))
    content = calibration.content(level[10_000:])
    for share in (0.3, 0.68, 0.95):
        assert (content <= share).mean() == pytest.approx(share, abs=0.015)


def test_results_survive_the_disk(tmp_path):
    results = study().methods["net_any5"]
    write_method(tmp_path, "net_any5", results, {"run": "r"})
    back, notes = read_method(tmp_path, "net_any5")
    assert back.tobytes() == results.tobytes()
    assert back.dtype == results.dtype
    assert notes["run"] == "r"
    assert notes["n"] == 8


def test_a_whole_small_study_fills_its_pages(tmp_path, monkeypatch):
    for name in ("torch", "onnx", "onnxscript", "onnxruntime", "sep", "safetensors", "hstamp"):
        pytest.importorskip(name, reason=f"the study needs the train extra ({name})")
    from reference_model import cli
    from reference_model.config import CONFIGS, StudyConfig

    tiny = StudyConfig(
        name="tiny", fields=(1, 1, 1), size=600, nearby_hosts=1, per_host=6, deep=10, on_star=2,
        nowhere=2, atlas=60,
    )  # fmt: skip
    monkeypatch.setitem(CONFIGS, "small", tiny)
    base = ["--data", str(tmp_path), "--set", "small", "--workers", "1"]
    docs = tmp_path / "docs"
    for step in (
        ["simulate"],
        ["methods"],
        ["train", "--any-levels", "--epochs", "1"],
        ["export", "any-seed1"],
        ["evaluate", "any-seed1", "--levels", "2", "5"],
        ["results", "--docs", str(docs)],
        ["pages", "--docs", str(docs)],
    ):
        assert cli.main([*base, *step]) == 0
    page = (docs / "reference_model_results.md").read_text()
    right = read_method(tmp_path / "tiny/results", "net_any5")[0]["right"]
    rows = np.load(tmp_path / "tiny/results/truth/rows.npy")
    nearby = (rows["stratum"] == 1) & rows["visible"]
    section = page.split("### nearby (")[1].split("###")[0]
    line = next(text for text in section.splitlines() if "n=5, i2 (900" in text)
    assert line.rstrip(" |").split("|")[-1].strip().startswith(f"{100 * right[nearby].mean():.1f} ")
    assert "simulated" in page
    note = json.loads((tmp_path / "tiny/runs/any-seed1/model.json").read_text())
    assert note["simulated"] is True
    assert (docs / "figures/reference_model/simulation.png").stat().st_size > 10_000


def test_a_missing_data_set_is_explained(tmp_path, capsys):
    from reference_model import cli

    assert cli.main(["--data", str(tmp_path), "--set", "small", "methods"]) == 1
    assert "simulate" in capsys.readouterr().err
