"""The page of results says what the stored answers say."""

import json

import numpy as np
import pytest

pytest.importorskip("torch", reason="the study needs the train extra (PyTorch)")
pytest.importorskip("safetensors", reason="the study needs the train extra")
pytest.importorskip("galsim", reason="the study needs the train extra (GalSim)")
pytest.importorskip("scipy", reason="the study needs the train extra (scipy)")
pytest.importorskip("tqdm", reason="the study needs the train extra (tqdm)")

from reference_model.classes import page, tables
from reference_model.classes.config import SMALL
from reference_model.classes.fields import Told, choose, fit
from reference_model.classes.fields import crossed as head_crossed
from reference_model.classes.real import FOLDS, fold_of, night_folds
from reference_model.classes.study import Study, crossed

COUNT = 500


def logits_with_errors(label, share, seed):
    """Sure answers of which a share is wrong, by the next class."""
    rng = np.random.default_rng(seed)
    wrong = rng.uniform(size=label.size) < share
    found = np.zeros((label.size, 5), np.float32)
    found[np.arange(label.size), np.where(wrong, (label + 1) % 5, label)] = 4.0
    return found


def store(study, name, share, seed, number=1):
    label = (np.arange(COUNT) % 5).astype(np.uint8)
    path = study.answers(f"real-{name}-seed{number}")
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
    monkeypatch.setattr(tables, "leaks", lambda alerts: {"mask": 0.2, "position": 0.21})
    monkeypatch.setattr(page, "alerts_a_second", lambda n: (1000.0 * n, 2.0e5))
    return made


def test_the_first_screen_says_which_is_better(study, tmp_path):
    store(study, "hstamp3", 0.4, 1)
    store(study, "window63", 0.1, 2)
    text = page.write_page(study, tmp_path / "docs").read_text()
    answer = next(line for line in text.splitlines() if line.startswith("**Answer, real"))
    assert "(worse by more than 1 point; one seed)" in answer
    assert f"{COUNT} alerts of {COUNT} objects" in answer
    assert text.index("**Question.**") < text.index("**Answer") < text.index("**Limit.**")
    assert text.index("**Limit.**") < text.index("## Real ZTF alerts")
    tables_text = (tmp_path / "docs" / "classify_tables.md").read_text()
    assert "7 for train" in tables_text
    assert "## What was run" not in text


def test_equal_answers_are_no_worse(study, tmp_path):
    store(study, "hstamp3", 0.2, 1)
    store(study, "window63", 0.2, 1)
    text = page.write_page(study, tmp_path / "docs").read_text()
    assert "+0.0 points (within 1 point, with its interval; one seed)" in text


def test_the_gap_is_the_mean_over_seeds(study, tmp_path):
    # Two of ten wrong against none, and none against two: together nothing.
    for number, ours, full in ((1, 0.2, 0.0), (2, 0.0, 0.2)):
        store(study, "hstamp3", ours, 7, number)
        store(study, "window63", full, 7, number)
    text = page.write_page(study, tmp_path / "docs").read_text()
    answer = next(line for line in text.splitlines() if line.startswith("**Answer, real"))
    assert "a difference of +0.0 points" in answer
    assert "2 seeds)" in answer


def test_fields_are_told_by_object_and_by_night(study, tmp_path):
    store(study, "hstamp3", 0.3, 1)
    label = np.arange(COUNT) % 5
    numbers = np.random.default_rng(1).normal(size=(COUNT, 9))
    numbers[:, 2], numbers[:, 8] = label, 1.0  # the magnitude tells the class
    np.savez(study.answers("packets"), numbers=numbers, label=label, group=np.arange(COUNT),
             fold=np.arange(COUNT) // 5 % FOLDS, night=np.arange(COUNT) // 100)  # fmt: skip
    page.write_page(study, tmp_path / "docs")
    text = (tmp_path / "docs" / "classify_tables.md").read_text()
    rows = {line.split("|")[1].strip(): line for line in text.splitlines() if line[:1] == "|"}
    told, blind = (float(rows[name].split("|")[2].split()[0]) for name in ("magnitude", "filter"))
    assert told > 0.35 > 0.3 > blind
    both = float(rows["images and fields"].split("|")[2].split()[0])
    assert both > float(rows["images alone"].split("|")[2].split()[0]) + 0.1


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


def told(seed, count=1000):
    """The sign is that of the label's parity in nine of ten, and the images know nothing."""
    rng = np.random.default_rng(seed)
    label = rng.integers(0, 2, count)
    numbers = np.full((count, 9), np.nan)
    numbers[:, 1] = np.where(rng.uniform(size=count) < 0.9, 2 * label - 1, 1 - 2 * label)
    numbers[:, 8] = 1.0
    return Told(numbers, label, np.zeros((count, 5)))


def test_a_head_finds_the_odds():
    # Nine to one for equal classes: log 9 between the two, half of it on each side of zero.
    made = told(1, 20000)
    head = fit(made, 1e-6)
    found = head.logits(made.numbers)
    up = made.numbers[:, 1] > 0
    assert np.ptp(found[up][0, :2]) == pytest.approx(np.log(9.0), abs=0.15)
    assert found[up][0, 1] > found[up][0, 0]
    assert found[~up][0, 0] > found[~up][0, 1]
    # What is nowhere known has no weight.
    assert (head.weights[[0, 2, 3, 4, 5, 6, 7]] == 0).all()


def test_a_head_is_judged_by_alerts_that_it_has_not_seen():
    # One night each for two classes, and a number that tells the night alone.
    label = np.repeat([0, 1, 0, 1], 50)
    night = np.repeat([0, 1, 2, 3], 50)
    numbers = np.full((200, 9), np.nan)
    numbers[:, 2], numbers[:, 8] = np.repeat([1.0, 2.0, 2.0, 1.0], 50), 1.0
    made = Told(numbers, label, np.zeros((200, 5)))
    shuffled = np.arange(200) % 4
    assert (head_crossed(made, night)[0].argmax(axis=1) == label).mean() < 0.6
    assert choose(made, night) >= choose(told(2, 200), shuffled)


def test_a_night_is_in_one_part():
    nights = [5] * 9 + [7] * 6 + [1] * 3 + [2] * 2 + [3, 4, 4]
    found = night_folds(nights)
    assert len(set(zip(nights, found, strict=True))) == 6
    assert set(found) == set(range(FOLDS))


def test_an_object_has_one_fold():
    assert fold_of("ZTF18abcdefg") == fold_of("ZTF18abcdefg")
    assert {fold_of(f"ZTF18aaaaa{c}{d}") for c in "abcdef" for d in "abcdef"} == set(range(FOLDS))
