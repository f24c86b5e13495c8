"""DELIGHT as a peer: its images, and the process that answers, with a stand-in for it."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("scipy", reason="the study needs the train extra (scipy)")
pytest.importorskip("galsim", reason="the study needs the train extra (GalSim)")
pytest.importorskip("tqdm", reason="the study needs the train extra (tqdm)")

from reference_model import cli
from reference_model.config import CONFIGS, SMALL
from reference_model.evaluation.results import RESULT, read_method, results_folder
from reference_model.methods import delight
from reference_model.methods.peer import SCRIPT, Peer
from reference_model.scenes.fields import write_field

#: Answers 8 pixels to the right and 4 down, unless an image is dark; notes every image it saw.
STAND_IN = """
import json, sys
import numpy as np
print(json.dumps({"astro-delight": VERSION, "keras": "0"}), flush=True)
for line in sys.stdin:
    request = json.loads(line)
    images = np.load(request["images"])
    assert images.shape[1:] == (480, 480) and images.dtype == np.float32
    with open(LOG, "a") as log:
        log.write("%d\\n" % len(images))
    if DIE:
        sys.exit(7)
    np.save(request["answers"], np.tile(np.float32([8, -4, 1]), (len(images), 1))[:SHOW])
    print(json.dumps({"answers": len(images), "silent": []}), flush=True)
"""


def stand_in(folder, version="0.1.0", die=False, show=None):
    path, log = folder / "stand_in.py", folder / "asked.txt"
    values = f"VERSION, LOG, DIE, SHOW = {version!r}, {str(log)!r}, {die}, {show}\n"
    path.write_text(values + STAND_IN)
    return path, log


PYTHON = Path(sys.executable)


def gaussian(shape, x, y, sigma):
    yy, xx = np.indices(shape)
    spread = np.exp(-0.5 * ((xx - x) ** 2 + (yy - y) ** 2) / sigma**2)
    return (spread / spread.sum()).astype(np.float32)


def centroid(image):
    yy, xx = np.indices(image.shape)
    return (image * xx).sum() / image.sum(), (image * yy).sum() / image.sum()


@pytest.mark.parametrize(
    ("x", "y", "dx", "dy"),
    [(400.0, 400.0, 0.0, 0.0), (399.31, 402.86, 10.0, -7.5), (401.5, 398.2, -38.4, 21.7)],
)
def test_a_star_lands_where_it_stands_from_the_transient(x, y, dx, dy):
    scene = gaussian((800, 800), x + dx / 0.2, y + dy / 0.2, 2.1)
    seen = delight.resample(scene, x, y)
    assert seen.shape == (480, 480)
    assert seen.dtype == np.float32
    cx, cy = centroid(seen.astype(float))
    assert cx == pytest.approx(239.5 + dx / 0.25, abs=0.05)
    assert cy == pytest.approx(239.5 + dy / 0.25, abs=0.05)
    assert seen.sum(dtype=float) == pytest.approx(1.0, rel=1e-5)


def test_a_flat_sky_keeps_its_brightness_and_noise_is_shared():
    flat = np.full((700, 700), 2.0, np.float32)
    # 0.25 / 0.2 squared: the area of the larger pixel.
    np.testing.assert_allclose(delight.resample(flat, 350.3, 349.8), 2.0 * 1.5625, rtol=1e-5)


def test_what_was_not_seen_stays_unknown_and_does_not_spread():
    image = np.ones((800, 800), np.float32)
    image[:, 500:] = np.nan
    image[390:394, 390:394] = np.nan
    seen = delight.resample(image, 400.0, 400.0)
    # Pixel 499 ends at 499.5: 99.5 pixels of 0.2" from the transient, at 239.5 + 79.6.
    known = np.isfinite(seen)
    assert known[:, :319].sum() == 480 * 319 - (~known[:, :319]).sum()
    assert known[0, :319].all()
    assert not known[:, 320:].any()
    assert 4 <= (~known[:, :319]).sum() <= 16
    np.testing.assert_allclose(seen[known], 1.5625, rtol=1e-4)


def test_beyond_the_image_nothing_is_known():
    seen = delight.resample(np.ones((100, 100), np.float32), 50.0, 50.0)
    assert 6000 < np.isfinite(seen).sum() <= 81**2


def test_a_peer_answers_in_order(tmp_path):
    script, log = stand_in(tmp_path)
    with Peer(PYTHON, tmp_path / "log.txt", script=script) as peer:
        assert peer.versions["astro-delight"] == "0.1.0"
        for n in (3, 1):
            found = peer.ask(np.zeros((n, 480, 480), np.float32))
            np.testing.assert_array_equal(found, np.tile([8, -4, 1], (n, 1)))
    assert log.read_text().split() == ["3", "1"]


def test_another_version_is_refused(tmp_path):
    script, _ = stand_in(tmp_path, version="0.0.11")
    with pytest.raises(ValueError, match=r"astro-delight 0\.0\.11, the study needs 0\.1\.0"):
        Peer(PYTHON, tmp_path / "log.txt", script=script)


def test_a_missing_interpreter_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nowhere/python: no interpreter; .*README\.md"):
        Peer(tmp_path / "nowhere" / "python", tmp_path / "log.txt")


def test_a_peer_that_dies_says_so_and_where_its_words_are(tmp_path):
    script, _ = stand_in(tmp_path, die=True)
    with (
        Peer(PYTHON, tmp_path / "log.txt", script=script) as peer,
        pytest.raises(ValueError, match=r"ended with status 7; see .*log\.txt"),
    ):
        peer.ask(np.zeros((1, 480, 480), np.float32))


def test_a_peer_that_answers_too_little_is_not_believed(tmp_path):
    script, _ = stand_in(tmp_path, show=1)
    with (
        Peer(PYTHON, tmp_path / "log.txt", script=script) as peer,
        pytest.raises(ValueError, match=r"\(1, 3\) answers to 2 images"),
    ):
        peer.ask(np.zeros((2, 480, 480), np.float32))


def test_an_environment_without_the_package_is_named(tmp_path):
    empty = tmp_path / "empty.py"
    # The real program, in an interpreter that cannot see the package.
    empty.write_text(
        "import runpy, sys\nsys.modules['delight'] = None\n"
        f"runpy.run_path({str(SCRIPT)!r}, run_name='__main__')\n"
    )
    with pytest.raises(ValueError, match="delight"):
        Peer(PYTHON, tmp_path / "log.txt", script=empty)


def test_the_answering_program_takes_nothing_of_this_project():
    text = SCRIPT.read_text()
    assert "reference_model import" not in text
    assert "hstamp" not in text
    # It starts where this project is not importable.
    done = subprocess.run([sys.executable, "-I", str(SCRIPT)], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, check=False)  # fmt: skip
    said = json.loads(done.stdout)
    assert "error" in said or said["astro-delight"]


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    root = tmp_path_factory.mktemp("delight")
    config = replace(SMALL, fields=(1, 1, 2, 1), size=1300, nearby_hosts=4, per_host=1, deep=4,
                     on_star=1, nowhere=1, atlas=12)  # fmt: skip
    for name in config.field_names("test"):
        write_field(root, config, name)
    return root, config


def test_a_test_split_resumes_by_field_and_turns_pixels_into_arcsec(small, tmp_path):
    source, config = small
    root = tmp_path
    (root / config.name).mkdir()
    (root / config.name / "fields").symlink_to(source / config.name / "fields")
    script, log = stand_in(tmp_path)
    delight.run_delight(root, config, PYTHON, most=1, script=script)
    results, notes = read_method(results_folder(root, config), "delight")
    assert notes["fields"] == 1
    # Of full length, and silent about the field that is not done.
    assert np.isfinite(results["dx"]).tolist() == [True] * 10 + [False] * 10
    assert np.isnan(results["none"][10:]).all()
    assert log.read_text().split() == ["10"]
    delight.run_delight(root, config, PYTHON, script=script)
    assert log.read_text().split() == ["10", "10"]
    # Nothing is asked again: not even the interpreter is needed.
    delight.run_delight(root, config, tmp_path / "nowhere")
    results, notes = read_method(results_folder(root, config), "delight")
    assert results.size == 20
    np.testing.assert_allclose(results["dx"], 2.0)
    np.testing.assert_allclose(results["dy"], -1.0)
    assert not results["none"].any()
    assert np.isnan(results["radius"]).all()
    assert notes["fields"] == 2
    assert notes["versions"]["astro-delight"] == "0.1.0"


def test_answers_of_another_data_set_are_not_taken_over(small, tmp_path):
    source, config = small
    (tmp_path / config.name / "delight").mkdir(parents=True)
    (tmp_path / config.name / "fields").symlink_to(source / config.name / "fields")
    for name in config.field_names("test"):
        stale = tmp_path / config.name / "delight" / f"{name}.npy"
        np.save(stale, np.zeros(7, RESULT))
    (tmp_path / config.name / "delight" / "versions.json").write_text("{}")
    with pytest.raises(ValueError, match=r"test-0000\.npy answers 7 transients, the field has 10"):
        delight.run_delight(tmp_path, config, PYTHON)


def test_the_command_names_what_is_missing(small, tmp_path, monkeypatch, capsys):
    root, config = small
    monkeypatch.setitem(CONFIGS, "small", config)
    command = ["--data", str(root), "--set", "small", "--workers", "1", "delight"]
    assert cli.main([*command, "--python", str(tmp_path / "none")]) == 1
    assert "no interpreter" in capsys.readouterr().err
    assert cli.main(["--data", str(tmp_path), *command[2:], "--python", sys.executable]) == 1
    assert "run 'simulate' first" in capsys.readouterr().err
