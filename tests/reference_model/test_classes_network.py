"""The alert classifier: its shape, its calibration, its export, its scores."""

# ruff: noqa: E402

import json

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the network needs the train extra (PyTorch)")
pytest.importorskip("safetensors", reason="weights need the train extra")
pytest.importorskip("galsim", reason="the set needs the train extra (GalSim)")
pytest.importorskip("scipy", reason="the set needs the train extra (scipy)")
pytest.importorskip("tqdm", reason="the set needs the train extra (tqdm)")

from hstamp.classify import CLASSES
from reference_model.classes import scores
from reference_model.classes.dataset import ROW, Alerts
from reference_model.classes.export import example_inputs, export_onnx, write_note
from reference_model.classes.kinds import KINDS
from reference_model.classes.model import AlertNet
from reference_model.classes.training import ClassTraining, load, logits_of, save, train


def alerts_with_dots(count, seed):
    """Class c has a dot in the difference at one of five places, so that it can be learnt."""
    rng = np.random.default_rng(seed)
    rows = np.zeros(count, ROW)
    rows["label"] = np.arange(count) % len(CLASSES)
    rows["pixel"], rows["seeing"] = 0.5, 1.2
    levels = rng.normal(0.0, 1.0, (count, 3, 5, 15, 15)).astype(np.float32)
    for i, label in enumerate(rows["label"]):
        # Turns and flips are augmentations: only the distance may tell.
        levels[i, 2, 0, 7, 7 + label] += 60.0
    return Alerts(
        rows=rows, groups=np.arange(count), levels=levels,
        narrow=np.zeros((count, 3, 64, 64), np.float16), sigma=np.ones((count, 3), np.float32),
        dx=np.zeros(count, np.float32), dy=np.zeros(count, np.float32),
    )  # fmt: skip


def test_it_learns_what_can_be_seen():
    torch.set_num_threads(1)
    config = ClassTraining("hstamp2", steps=220, batch=32)
    model = train(config, alerts_with_dots(400, 1))
    test = alerts_with_dots(100, 2)
    found = logits_of(model, KINDS["hstamp2"], test).argmax(axis=1)
    assert (found == test.rows["label"]).mean() > 0.5  # chance gives 0.2


@pytest.mark.parametrize("name", ["hstamp3", "window63", "multiscale4x8", "stamp30"])
def test_every_input_passes(name):
    kind = KINDS[name]
    model = AlertNet(kind).eval()
    example = example_inputs(kind, 2, 1)
    with torch.no_grad():
        found = model(*(torch.from_numpy(value) for value in example.values()))
    assert found.shape == (2, len(CLASSES))
    assert torch.isfinite(found).all()


def test_weights_are_for_every_number_of_levels(tmp_path):
    model = AlertNet(KINDS["hstamp5"]).eval()
    save(tmp_path / "w.safetensors", model, ClassTraining("any"))
    again = load(tmp_path / "w.safetensors")
    for n in (2, 5):
        example = [torch.from_numpy(v) for v in example_inputs(KINDS[f"hstamp{n}"], 2, n).values()]
        with torch.no_grad():
            assert torch.equal(model(*example), again(*example))


def test_the_export_says_the_same(tmp_path):
    pytest.importorskip("onnx", reason="the export needs the train extra")
    pytest.importorskip("onnxscript", reason="the export needs the train extra")
    pytest.importorskip("onnxruntime", reason="the network runs in onnxruntime")
    from hstamp.classify.load import load_classifier

    model = AlertNet(KINDS["hstamp5"]).eval()
    path = tmp_path / "classes.onnx"
    export_onnx(path, model)
    write_note(path, 1.5, {"seed": 1})
    assert path.stat().st_size < 2e6
    assert json.loads(path.with_suffix(".json").read_text())["temperature"] == 1.5
    runtime = load_classifier(path)
    for n, batch in ((2, 1), (3, 20), (5, 3)):
        example = example_inputs(KINDS[f"hstamp{n}"], batch, n)
        with torch.no_grad():
            expected = model(*(torch.from_numpy(value) for value in example.values())).numpy()
        assert runtime.logits(**example) == pytest.approx(expected, abs=2e-4)


class TestScores:
    def test_by_hand(self):
        # Two classes of five: 3 of 4 AGN right, 1 taken for SN; both SN right.
        labels = np.array([0, 0, 0, 0, 1, 1])
        answers = np.array([0, 0, 0, 1, 1, 1])
        matrix = scores.confusion(labels, answers)
        assert scores.recalls(matrix)[:2] == pytest.approx([0.75, 1.0])
        # F1 = 2 TP / (true + answered): 6 / 7 and 4 / 5.
        assert scores.macro_f1(matrix) == pytest.approx((6 / 7 + 4 / 5) / 2)

    def test_purity_follows_the_stream(self):
        # A tenth of the others is taken for SN: with SN 1 in 100, purity is 0.01 / 0.109.
        labels = np.repeat(np.arange(5), 10)
        answers = labels.copy()
        for other in (0, 2, 3, 4):
            answers[other * 10] = 1
        shares = {"AGN": 0.24, "SN": 0.01, "VS": 0.25, "asteroid": 0.25, "bogus": 0.25}
        found = scores.purities(scores.confusion(labels, answers), shares)
        assert found[1] == pytest.approx(0.01 / (0.01 + 0.099))

    def test_temperature_is_found_again(self):
        rng = np.random.default_rng(5)
        logits = rng.normal(0.0, 2.0, (6000, 5))
        chance = scores.softmax(logits)
        labels = (chance.cumsum(axis=1) > rng.uniform(size=(6000, 1))).argmax(axis=1)
        assert scores.temperature(3.0 * logits, labels) == pytest.approx(3.0, rel=0.1)

    def test_bayes(self):
        found = scores.expecting(
            np.full((1, 5), 0.2), {"AGN": 1, "SN": 2, "VS": 3, "asteroid": 4, "bogus": 0}
        )
        assert found[0] == pytest.approx([0.1, 0.2, 0.3, 0.4, 0.0])

    def test_a_difference_of_equals_is_nothing(self):
        rng = np.random.default_rng(2)
        labels, answers = rng.integers(0, 5, (2, 300))
        groups = np.arange(300) // 3
        found = scores.difference(scores.macro_f1, labels, answers, answers, groups)
        assert (found.value, found.low, found.high) == (0.0, 0.0, 0.0)
        alone = scores.estimate(scores.macro_f1, labels, answers, groups)
        assert alone.low < alone.value < alone.high

    def test_reliability_by_hand(self):
        chance = np.array([[0.8, 0.2, 0, 0, 0]] * 4 + [[0.4, 0.6, 0, 0, 0]] * 2)
        labels = np.array([0, 0, 0, 1, 1, 0])
        found = scores.reliability(chance, labels, np.ones(6))
        assert found[0] == pytest.approx((0.6, 0.5, 1 / 3))
        assert found[1] == pytest.approx((0.8, 0.75, 2 / 3))
        assert scores.calibration_error(chance, labels, np.ones(6)) == pytest.approx(
            0.1 / 3 + 0.05 * 2 / 3
        )
