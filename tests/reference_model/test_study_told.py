"""What networks are told, how they are calibrated on it, and the tables and cards of that."""

import json
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("scipy", reason="the evaluation needs the train extra (scipy)")
pytest.importorskip("galsim", reason="the evaluation needs the train extra (GalSim)")
pytest.importorskip("onnxruntime", reason="the network runs in onnxruntime")

from made_study import made_of, truth, wrong

from hstamp.hosts import weights_path
from hstamp.hosts.runtime import Mixture, candidates
from reference_model.evaluation import told
from reference_model.evaluation.told import ABLATIONS, HEADLINE
from reference_model.figures import ablations, card
from reference_model.network.inputs import hierarchical
from reference_model.scenes.fields import VIEW
from reference_model.training.arrays import Split, batch_for


def split_of(count, sigma, noise_is):
    """Empty stamps whose values scatter `noise_is` times as much as is said of them."""
    rng = np.random.default_rng(2)
    steps = 2.0 ** np.arange(6)
    grids = rng.standard_normal((2, count, 6, 15, 15)) / steps[:, None, None] * noise_is
    views = np.zeros((2, count), VIEW)
    views["x"] = views["y"] = 100.3
    views["sigma"], views["scale"], views["fwhm"], views["snr"] = sigma, 0.2, 0.8, 50.0
    rows = truth(count, transient_r=20.0)
    return Split(rows, views, np.zeros(count, int), ("made",), (grids.astype(np.float16),))


def test_noise_is_measured_unless_it_is_told():
    split = split_of(40, sigma=5.0, noise_is=2.0)
    every = np.arange(40)
    batch = batch_for(hierarchical(5), split, every, np.zeros(40, int))
    noise = told.measured_noise(batch.values)
    assert np.median(noise) == pytest.approx(2.0, rel=0.1)
    np.testing.assert_allclose(told.noise_for_all(split), noise)
    shown = told.as_told(batch, HEADLINE, noise)
    assert shown.values.std() == pytest.approx(batch.values.std() / 2.0, rel=0.1)
    assert np.isnan(shown.seeing).all()
    np.testing.assert_array_equal(shown.scale, batch.scale)
    everything = told.as_told(batch, told.Told("", "", seeing=True, noise=True), noise)
    np.testing.assert_array_equal(everything.values, batch.values)
    np.testing.assert_array_equal(everything.seeing, batch.seeing)


def test_noise_that_cannot_be_measured_is_the_one_that_is_said():
    nothing = np.full((2, 5, 15, 15), np.nan, np.float32)
    np.testing.assert_array_equal(told.measured_noise(nothing), 1.0)


def test_priors():
    split = split_of(3, 1.0, 1.0)
    split.rows["transient_r"] = [16.0, 20.0, 24.0]
    assert np.isnan(told.prior_for(split, HEADLINE, False)).all()
    np.testing.assert_allclose(told.prior_for(split, HEADLINE, True), np.log(0.01 / 0.99))
    bright = replace(HEADLINE, magnitude=True)
    even, stream = (told.prior_for(split, bright, s) for s in (False, True))
    assert even[0] > even[1] > even[2]
    # One in a hundred against one in two: the odds of all change by the same factor.
    np.testing.assert_allclose(stream - even, np.log(0.01 / 0.99), rtol=1e-5)


def test_the_mean_of_two_mixtures():
    def one(place, none):
        return Mixture(
            weight=np.full((1, 1), 1.0 - none, np.float32), none=np.float32([none]),
            mean=np.full((1, 1, 2), place, np.float32), scale=np.float32([[[1.0, 1.0, 0.0]]]),
            log_radius=np.zeros((1, 1), np.float32),
        )  # fmt: skip

    found = candidates(told.mean_of(one(0.0, 0.2), one(50.0, 0.6)))
    assert found.none[0] == pytest.approx(0.4)
    np.testing.assert_allclose(found.weight[0, :2], [0.4, 0.2], rtol=1e-5)
    np.testing.assert_allclose(found.mean[0, :2], [[0.0, 0.0], [50.0, 50.0]])


def test_the_table_of_ablations():
    rows = truth(1000)
    rows["stratum"][:500] = 0
    made = made_of(rows, np.arange(1000) % 10, net_any5=wrong(rows, 0, 50),
                   net_any5_sky=wrong(rows, 0, 50), net_any5_seeing=wrong(rows, 0, 25),
                   net_any5_magnitude_sky=wrong(rows, 500, 100))  # fmt: skip
    head, _, first, seeing, magnitude, _ = ablations.ablation_table(made)
    assert head.startswith("| n=5 | even odds: host in the stamp (%)")
    cells = [[c.split(" (")[0] for c in line.strip("| ").split(" | ")]
             for line in (first, seeing, magnitude)]  # fmt: skip
    assert cells[0][0] == "template alone"
    # Fifty of 500 deep ones: a tenth of a half, or of 99 %.
    assert cells[0][1:] == ["5.0", "5.0", "-", "9.9", "9.9", "-"]
    assert cells[1][1:] == ["2.5", "2.5", "-2.50", "-", "-", "-"]
    # A hundred of 500 nearby ones, of 1 %: 0.2 instead of 9.9 %.
    assert cells[2][1:] == ["-", "-", "-", "0.2", "0.2", "-9.70"]
    alone = made_of(rows, np.zeros(1000, int), net_any5=wrong(rows, 0, 1))
    assert ablations.ablation_table(alone) == []


def test_names_of_ablations_are_names_of_methods():
    from reference_model.evaluation.names import TITLES, half_side

    for one in ABLATIONS:
        for suffix in ("", "_sky"):
            assert f"net_any5{one.name}{suffix}" in TITLES
            assert half_side(f"net_any5{one.name}{suffix}") == pytest.approx(24.0)


class TestCard:
    NOTE = {
        "kind": "hstamp5", "inputs": ["values", "scale", "prior"], "temperature": 0.9,
        "widen": 1.1, "region_contents": [0.0, 0.5, 1.0], "data": "evening 9.9", "data_seed": 7,
        "transients": "12345", "fields": "6", "parameters": "71722", "validation": "0.5",
        "epochs": "8", "run": "any-seed3", "floor": 0.25,
        "train": json.dumps({"seed": 3, "epochs": 8, "steps": 1000, "batch": 64, "init": ""}),
    }  # fmt: skip

    def weights(self, folder, **change):
        path = folder / "m.onnx"
        path.write_bytes(b"x" * 1_500_000)
        path.with_suffix(".json").write_text(json.dumps({**self.NOTE, **change}))
        return path

    def test_it_says_what_stands_beside_the_weights(self, tmp_path):
        text = "\n".join(card.card_lines(self.weights(tmp_path)))
        for words in ("`any-seed3`", "71,722 parameters; ONNX 1.50 MB", "evening 9.9, seed 7",
                      "12,345 transients in 6 training fields", "8 epochs of 1,000 batches",
                      "temperature 0.9, width 1.1", "in 2 steps", "0.25 pixels", "the pixel scale",
                      "not part of these weights"):  # fmt: skip
            assert words in text, words
        assert "seeing" not in text

    def test_limits_are_those_of_what_it_is_told(self, tmp_path):
        new = " ".join(card.limit_lines(self.weights(tmp_path)))
        old = {"inputs": [], "data": "full 1.1", "floor": 0.0}
        before = " ".join(card.limit_lines(self.weights(tmp_path, **old)))
        assert "pixels of 0.2 to 1.2" in new
        assert "floor" in new
        assert "outside training" in before
        assert "by the size of the candidate" in before
        assert "White noise" in before
        assert "White noise" not in new

    def test_only_the_card_is_replaced(self, tmp_path):
        page = tmp_path / card.PAGE
        page.write_text(f"before\n{card.BEGIN}\nan earlier one\n{card.END}\nafter\n")
        model = self.weights(tmp_path)
        card.write_card(tmp_path, model)
        once = page.read_text()
        assert once.startswith(f"before\n{card.BEGIN}\n\n| model card")
        assert once.endswith(f"{card.END}\nafter\n")
        assert "an earlier one" not in once
        card.write_card(tmp_path, model)
        assert page.read_text() == once
        page.write_text("nothing")
        with pytest.raises(ValueError, match="no place"):
            card.write_card(tmp_path, model)

    def test_the_page_has_the_card_of_the_shipped_weights(self, pytestconfig):
        text = (pytestconfig.rootpath / "docs" / card.PAGE).read_text(encoding="utf-8")
        assert "\n".join(card.card_lines(weights_path())) in text
        assert "\n".join(card.limit_lines(weights_path())) in text


class TestCalibration:
    @pytest.fixture(autouse=True)
    def few(self, monkeypatch):
        pytest.importorskip("torch", reason="networks are calibrated with the train extra (torch)")
        from reference_model.training import loop

        monkeypatch.setattr(loop, "VALIDATION", 256)

    def test_stamps_are_told_what_alerts_tell(self):
        from reference_model.evaluation.calibration import told_batches

        split = split_of(200, sigma=1.0, noise_is=3.0)
        batches = list(told_batches(split, hierarchical(5), True))
        assert {b.values.shape[1] for b in batches} == {5, 3, 2}
        five = [b for b in batches if b.values.shape[1] == 5]
        seeing = np.concatenate([b.seeing for b in five])
        assert np.isnan(seeing).mean() == 0.5
        # The measured noise is three times the one that is said.
        assert np.median([b.values[:, 0].std() for b in five]) == pytest.approx(1.0, rel=0.1)
        alone = list(told_batches(split, hierarchical(5), False))
        assert {b.values.shape[1] for b in alone} == {5}

    def test_widths_and_regions_are_those_of_the_truth(self, monkeypatch):
        import torch

        from reference_model.evaluation import calibration
        from reference_model.training.arrays import Batch

        rng, count = np.random.default_rng(9), 4000

        class Claims:
            """Hosts at the source within one pixel; there are two proposals, or one."""

            kind = hierarchical(5)

            def __call__(self, values, first, step, scale, seeing, prior):
                b, c = len(values), values.shape[1]
                logits = torch.zeros(b, c + 1)
                logits[:, -1] = -8.0
                scale = torch.tensor([1.0, 1.0, 0.0]).expand(b, c, 3)
                return logits, torch.zeros(b, c, 2), scale, torch.zeros(b, c)

        def batch(grids):
            unknown = np.full(count, np.nan, np.float32)
            host = (1.5 * rng.standard_normal((count, 2))).astype(np.float32)
            return Batch(
                np.zeros((count, grids, 15, 15), np.float32), np.zeros((count, grids, 2)),
                np.ones(grids, np.float32), unknown, unknown, host, np.ones(count, bool),
                np.zeros(count, np.float32), np.arange(count) % 2 == 0,
            )  # fmt: skip

        monkeypatch.setattr(calibration, "told_batches", lambda *_: [batch(2), batch(1)])
        found = calibration.calibrate(Claims(), None, True)
        assert found.widen == 1.5
        assert found.content(np.array([0.68]))[0] == pytest.approx(0.68, abs=0.02)


def test_decoded_levels_are_kept_until_fields_or_encodings_change(tmp_path, monkeypatch):
    from reference_model.config import StudyConfig
    from reference_model.evaluation import predict

    config, asked = StudyConfig(name="made"), []

    def field(digest):
        folder = tmp_path / "made" / "fields" / "test-0000"
        folder.mkdir(parents=True, exist_ok=True)
        files = {"levels.npy": {"bytes": 1, "sha256": digest}}
        (folder / "field.json").write_text(json.dumps({"files": files}))

    def through(root, config, names, variants):
        asked.append([v.name for v in variants])
        return [predict.Decoded(np.full((1, v.levels, 15, 15), len(asked), np.float32), 10.0, 8.0)
                for v in variants]  # fmt: skip

    def get(*variants):
        found = predict.kept_decoded(tmp_path, config, "test", ["test-0000"], list(variants))
        return [float(one.levels[0, 0, 0, 0]) for one in found]

    monkeypatch.setattr(predict, "through_codec", through)
    five, three = (predict.Variant(str(n), n, {"encoding": "i2"}) for n in (5, 3))
    field("first")
    assert get(five) == [1.0]
    assert get(five, three) == [1.0, 2.0]
    assert get(predict.Variant("5", 5, {"encoding": "f4"}), three) == [3.0, 2.0]
    field("second")
    assert get(three) == [4.0]
    assert asked == [["5"], ["3"], ["5"], ["3"]]
