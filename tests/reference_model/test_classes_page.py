"""The page of results says what the stored answers say."""

import json

import numpy as np
import pytest

pytest.importorskip("torch", reason="the study needs the train extra (PyTorch)")
pytest.importorskip("safetensors", reason="the study needs the train extra")
pytest.importorskip("galsim", reason="the study needs the train extra (GalSim)")
pytest.importorskip("scipy", reason="the study needs the train extra (scipy)")
pytest.importorskip("tqdm", reason="the study needs the train extra (tqdm)")

from reference_model.classes import page
from reference_model.classes.config import SMALL
from reference_model.classes.real import FOLDS, fold_of
from reference_model.classes.study import Study, crossed

COUNT = 500


def logits_with_errors(label, share, seed):
    """Sure answers of which a share is wrong, by the next class."""
    rng = np.random.default_rng(seed)
    wrong = rng.uniform(size=label.size) < share
    found = np.zeros((label.size, 5), np.float32)
    found[np.arange(label.size), np.where(wrong, (label + 1) % 5, label)] = 4.0
    return found


def store(study, name, share, seed):
    label = (np.arange(COUNT) % 5).astype(np.uint8)
    path = study.answers(f"real-{name}-seed1")
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(
        path, label=label, group=np.arange(COUNT), fold=np.arange(COUNT) // 5 % FOLDS,
        tuned=logits_with_errors(label, share, seed),
        simulated=logits_with_errors(label, 0.5, seed + 1),
    )  # fmt: skip


@pytest.fixture
def study(tmp_path, monkeypatch):
    made = Study(tmp_path, SMALL)
    made.folder.mkdir(parents=True)
    scene = {"name": "train-ztf-000", "alerts": 7}
    (made.folder / "manifest.json").write_text(
        json.dumps({"version": "1.0", "scenes": [scene], "checksum": "f" * 64})
    )
    monkeypatch.setattr(page, "load_alerts", lambda *options: None)
    monkeypatch.setattr(page, "draw_alerts", lambda *options: None)
    monkeypatch.setattr(page, "leaks", lambda alerts: {"mask": 0.2, "position": 0.21})
    monkeypatch.setattr(page, "alerts_a_second", lambda n: (1000.0 * n, 2.0e5))
    return made


def test_the_first_screen_says_which_is_better(study, tmp_path):
    store(study, "hstamp3", 0.4, 1)
    store(study, "window63", 0.1, 2)
    text = page.write_page(study, tmp_path / "docs").read_text()
    answer = next(line for line in text.splitlines() if line.startswith("**Answer, real"))
    assert "(worse; one seed)" in answer
    assert f"{COUNT} alerts of {COUNT} objects" in answer
    assert text.index("**Question.**") < text.index("**Answer") < text.index("**Limit.**")
    assert text.index("**Limit.**") < text.index("## Real ZTF alerts")
    assert "7 for train" in text


def test_equal_answers_are_no_worse(study, tmp_path):
    store(study, "hstamp3", 0.2, 1)
    store(study, "window63", 0.2, 1)
    text = page.write_page(study, tmp_path / "docs").read_text()
    assert "+0.0 points (no worse; one seed)" in text


def test_nothing_real_is_nothing_said(study, tmp_path):
    text = page.write_page(study, tmp_path / "docs").read_text()
    assert "Answer, real" not in text
    assert "## Real ZTF alerts" not in text


def test_temperatures_come_from_the_other_folds():
    label = (np.arange(400) % 5).astype(np.int64)
    fold = np.arange(400) // 5 % 2
    logits = logits_with_errors(label, 0.2, 3)
    # One fold is always right, the other often wrong: each is told by the other.
    logits[fold == 1] = logits_with_errors(label[fold == 1], 0.0, 3)
    found = crossed(logits, label, fold)
    assert found[fold == 0].max() > found[fold == 1].max()


def test_an_object_has_one_fold():
    assert fold_of("ZTF18abcdefg") == fold_of("ZTF18abcdefg")
    assert {fold_of(f"ZTF18aaaaa{c}{d}") for c in "abcdef" for d in "abcdef"} == set(range(FOLDS))
