"""Pages from stored results, and a whole small study."""

import json

import numpy as np
import pytest

pytest.importorskip("scipy", reason="the evaluation needs the train extra (scipy)")
pytest.importorskip("galsim", reason="the evaluation needs the train extra (GalSim)")
pytest.importorskip("matplotlib", reason="the figures need the train extra (matplotlib)")

from made_study import answer, folder_of, made_of, study, truth

from reference_model.evaluation import compare, names, tables
from reference_model.evaluation.results import read_method, write_method
from reference_model.figures import examples
from reference_model.figures import results as pages


def test_the_gallery_has_a_row_for_every_way_to_fail():
    rows = truth(8, host_dx=[5, 5, 5, 40, 5, 5, np.nan, 5], stratum=[1, 1, 1, 1, 0, 0, 0, 1],
                 kind=[0, 0, 0, 0, 0, 0, 2, 0], visible=[1, 1, 1, 1, 1, 1, 0, 1])  # fmt: skip
    net = answer(rows, True, [0, 50, 50, 50, 0, 50, 0, 0])
    sep = answer(rows, True, [50, 0, 50, 0, 50, 0, 0, 0])
    made = made_of(rows, [4, 4, 4, 4, 7, 7, 7, 9], net_any5=net, sep_dlr=sep)
    found = examples.kinds(made, np.ones(8, bool), "net_any5", "sep_dlr")
    assert [np.flatnonzero(kind.chosen).tolist() for kind in found] == [[i] for i in range(7)]
    assert examples.first_fields(made) == [4, 7]


def test_pages_say_what_the_files_say(tmp_path):
    from reference_model.config import StudyConfig
    from reference_model.figures.page import write_results

    folder = tmp_path / "data" / "made" / "results"
    rows = folder_of(folder)
    front = write_results(
        tmp_path, tmp_path / "data", StudyConfig(name="made", seed=77)
    ).read_text()
    page = (tmp_path / "reference_model_tables.md").read_text()
    assert "seed 77" in page
    assert "seed 77" in front
    # What was asked, the answer and its limit come first, and fit a screen.
    places = [front.index(word) for word in ("**Asked:**", "**Answer:**", "**Limit:**")]
    assert places == sorted(places)
    assert front[: front.index("## Goals")].count("\n") < 30
    chosen = tables.selections(rows)
    for subset in ("deep", "nearby", "R_e 1-4 arcsec"):
        pick = chosen[subset]
        section = page.split(f"### {subset} (")[1].split("###")[0]
        assert f"n = {pick.sum()}," in section
        for method, files in {"net_any5": ("net_any5", "net_any5_seed2"), "delight": ("delight",),
                              "net_stamp30": ("net_stamp30",)}.items():  # fmt: skip
            loaded = [np.load(folder / f"{name}.npy")[pick] for name in files]
            error = [np.hypot(r["dx"] - rows["host_dx"][pick], r["dy"] - rows["host_dy"][pick])
                     for r in loaded]  # fmt: skip
            line = next(t for t in section.splitlines() if f"| {names.title(method)} |" in t)
            cells = [cell.split(" (")[0].strip() for cell in line.strip("| ").split(" | ")]
            limit = np.maximum(1.0, rows["host_re"][pick])
            assert cells[1:] == [
                str(len(files)),
                f"{np.mean([np.median(e) for e in error]):.2f}",
                f"{np.mean([np.percentile(e, 68) for e in error]):.2f}",
                f"{np.mean([np.percentile(e, 95) for e in error]):.2f}",
                f"{100 * np.mean([e > 1 for e in error]):.1f}",
                f"{100 * np.mean([e > limit for e in error]):.1f}",
                f"{100 * np.mean([r['right'] for r in loaded]):.1f}",
            ]
    assert "not run" in front
    figures = tmp_path / "figures/reference_model"
    every = page + front
    linked = {text.split(")")[0] for text in every.split("](figures/reference_model/")[1:]}
    assert linked == {path.name for path in figures.iterdir()}
    # The fields are not at hand, so there is nothing to draw examples from.
    assert "examples.png" not in linked


def test_the_company_of_hosts_has_its_section(tmp_path):
    from reference_model.config import StudyConfig
    from reference_model.figures.page import write_results

    folder = tmp_path / "data" / "made" / "results"
    rows = folder_of(folder)
    brighter = np.arange(rows.size, dtype=np.int32) % 4
    np.save(folder / "truth" / "brighter.npy", brighter)
    write_results(tmp_path, tmp_path / "data", StudyConfig(name="made"))
    page = (tmp_path / "reference_model_tables.md").read_text()
    section = page.split("## By company of the host")[1].split("\n## ")[0]
    nearby = tables.selections(rows)["nearby"]
    groups = (brighter == 0, brighter == 1, brighter > 1)
    counts = [int((nearby & chosen).sum()) for chosen in groups]
    for name, count in zip(("none brighter", "one brighter", "two and more"), counts, strict=True):
        assert f"{name} (n = {count}," in section
    result = np.load(folder / "delight.npy")
    limit = np.maximum(1.0, rows["host_re"])
    beyond = np.hypot(result["dx"] - rows["host_dx"], result["dy"] - rows["host_dy"]) > limit
    line = next(t for t in section.splitlines() if t.startswith(f"| {names.title('delight')} |"))
    assert line.split("|")[2].split()[0] == f"{100 * beyond[nearby & (brighter == 0)].mean():.1f}"


def test_results_of_some_fields_count_there_alone(tmp_path):
    rows = folder_of(tmp_path)
    full = np.load(tmp_path / "delight.npy")
    write_method(tmp_path, "delight", full[:120], {"fields": 2})
    made = tables.load_study(tmp_path)
    pick = tables.selections(rows)["nearby"]
    found = tables.line(made, "delight", pick).right
    assert found.n == pick[:120].sum()
    assert found.value == pytest.approx(full["right"][:120][pick[:120]].mean())
    paired = compare.difference(made, "net_stamp30", "delight", pick, "right")
    other = made.methods["net_stamp30"]["right"][:120][pick[:120]].mean()
    assert paired.estimate.value == pytest.approx(other - found.value)
    assert f"run on {found.n})" in pages.named(made, "delight", pick)


def test_results_of_other_transients_are_refused(tmp_path):
    folder_of(tmp_path)
    full = np.load(tmp_path / "delight.npy")
    write_method(tmp_path, "delight", full[:119], {})
    with pytest.raises(ValueError, match=r"delight\.npy has 119 rows"):
        tables.load_study(tmp_path)
    write_method(tmp_path, "delight", full, {"data_version": "0.9"})
    with pytest.raises(ValueError, match="several data sets"):
        tables.load_study(tmp_path)


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
        name="tiny", fields=(1, 1, 1, 1), size=1300, nearby_hosts=4, per_host=2, deep=10, on_star=2,
        nowhere=2, atlas=60, alternate=False,
    )  # fmt: skip
    monkeypatch.setitem(CONFIGS, "small", tiny)
    monkeypatch.setattr("reference_model.training.loop.VALIDATION", 256)
    base = ["--data", str(tmp_path), "--set", "small", "--workers", "1"]
    docs = tmp_path / "docs"
    for step in (
        ["simulate"],
        ["methods"],
        ["train", "--any-levels", "--epochs", "1", "--steps", "2"],
        ["export", "any-seed1"],
        ["evaluate", "any-seed1", "--levels", "2", "5", "--ablations"],
        ["evaluate", "any-seed1", "--split", "clustered"],
        ["results", "--docs", str(docs)],
        ["pages", "--docs", str(docs)],
    ):
        assert cli.main([*base, *step]) == 0
    assert "**Answer:**" in (docs / "reference_model_results.md").read_text()
    page = (docs / "reference_model_tables.md").read_text()
    right = read_method(tmp_path / "tiny/results", "net_any5")[0]["right"]
    rows = np.load(tmp_path / "tiny/results/truth/rows.npy")
    nearby = (rows["stratum"] == 1) & rows["visible"]
    groups = page.split("## Hosts in groups")[1].split("\n## ")[0]
    section = page.replace(groups, "").split("### nearby (")[1].split("###")[0]
    line = next(text for text in section.splitlines() if "n=5, i2 (900" in text)
    assert line.rstrip(" |").split("|")[-1].strip().startswith(f"{100 * right[nearby].mean():.1f} ")
    assert "simulated" in page
    told = page.split("## What telling it more is worth")[1].split("\n## ")[0]
    assert "| + the transient's magnitude |" in told
    assert "### nearby (" in groups
    note = json.loads((tmp_path / "tiny/runs/any-seed1/model.json").read_text())
    assert note["simulated"] is True
    assert len(note["nearby"]["log_odds"]) == len(note["nearby"]["ages"])
    assert (docs / "figures/reference_model/simulation.png").stat().st_size > 10_000


def test_a_missing_data_set_is_explained(tmp_path, capsys):
    from reference_model import cli

    assert cli.main(["--data", str(tmp_path), "--set", "small", "methods"]) == 1
    assert "simulate" in capsys.readouterr().err
