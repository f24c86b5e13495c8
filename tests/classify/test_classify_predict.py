"""Classes of hand-made alerts, and what `predict` takes."""

import json

import numpy as np
import pytest
from alert_scenes import alert

import hstamp
from hstamp.classify import CLASSES, ClassTable, predict, weights_path
from hstamp.classify.inputs import IMAGES, noise_of, scaled, sky_of
from hstamp.errors import HstampError, InputError

pytest.importorskip("onnxruntime", reason="the network runs in onnxruntime")


@pytest.mark.parametrize("kind", ["asteroid", "SN", "VS"])
@pytest.mark.parametrize("levels", [3, 5])
def test_plain_alerts(kind, levels):
    found = predict([alert(kind, levels, seed) for seed in range(3)], seeing=0.9)
    assert list(found.names).count(kind) >= 2
    assert found.probabilities.sum(axis=1) == pytest.approx(1.0)
    assert found.best == pytest.approx(found.probabilities.max(axis=1))


def test_batches_say_the_same_as_stamps():
    alerts = [alert(kind, n, id=str(n)) for kind, n in (("SN", 3), ("VS", 2), ("asteroid", 4))]
    batches = {
        image: hstamp.decode_many([one[image].to_bytes() for one in alerts]) for image in IMAGES
    }
    one, other = predict(alerts), predict(batches)
    assert other.probabilities == pytest.approx(one.probabilities, abs=1e-6)
    assert one.ids == other.ids == ("3/difference", "2/difference", "4/difference")
    assert list(one.levels) == list(other.levels) == [3, 2, 4]


def test_unit_and_sky_do_not_matter():
    first = alert("SN", encoding="f4")
    values = np.stack([first[image].levels for image in IMAGES])
    again = {
        image: hstamp.decode_many([first[image].to_bytes()])
        for image in IMAGES
    }  # fmt: skip
    assert set(again) == set(IMAGES)
    factors = np.array([3.0, 0.01, 40.0], np.float32)[:, None, None, None]
    shifted = (values * factors + 7.0)[None]
    one = scaled(values[None], noise_of(values[None]))
    assert scaled(shifted, noise_of(shifted)) == pytest.approx(one, abs=2e-2)


def test_sky_and_noise_by_hand():
    # A sky of 10 with one bright pixel; steps of 2 between neighbours everywhere.
    level = np.full((1, 1, 15, 15), 10.0, np.float32)
    level[0, 0, ::2, ::2] += 2.0
    level[0, 0, 1::2, 1::2] += 2.0
    assert noise_of(level) == pytest.approx([2.0 * 1.4826 / np.sqrt(2.0)])
    level[0, 0, 3, 3] = 5000.0
    assert sky_of(level)[0] in (10.0, 12.0)
    level[:] = np.nan
    assert np.isnan(noise_of(level)[0])
    assert sky_of(level)[0] == 0.0


def test_averaging_is_over_turns():
    turned = alert("asteroid", 3, seed=4)
    found = predict([turned], average=True)
    assert found.probabilities.sum() == pytest.approx(1.0)
    plain = predict([turned])
    assert found.probabilities != pytest.approx(plain.probabilities, abs=1e-9)


def test_shares_are_bayes():
    alerts = [alert("SN"), alert("VS")]
    shares = dict(zip(CLASSES, (10, 1, 39, 20, 30), strict=True))
    plain, told = predict(alerts), predict(alerts, shares=shares)
    expected = plain.probabilities * np.array([10, 1, 39, 20, 30])
    assert told.probabilities == pytest.approx(expected / expected.sum(axis=1, keepdims=True))


def test_a_difference_without_values_is_not_classified():
    made = alert("SN")
    gone = hstamp.encode(np.full((80, 80), np.nan), 40, 40, levels=3)
    found = predict([made, {**made, "difference": gone}])
    assert np.isfinite(found.probabilities[0]).all()
    assert np.isnan(found.probabilities[1]).all()
    assert found.names[1] == ""


def test_missing_pixels_are_taken():
    made = alert("asteroid")
    image = np.array(np.random.default_rng(0).normal(0, 5, (80, 80)))
    image[:20] = np.nan
    found = predict([{**made, "template": hstamp.encode(image, 40, 40, levels=3)}])
    assert np.isfinite(found.probabilities).all()


def test_nothing_is_nothing():
    found = predict([])
    assert len(found) == 0
    assert found.names.shape == found.best.shape == (0,)


@pytest.mark.parametrize(
    ("alerts", "options", "reason"),
    [
        ([{"science": 1}], {}, "alert 0: no stamp of its science image"),
        ([alert("SN")], {"pixel": [0.2, 0.3]}, "2 pixels are given for 1 stamps"),
        ([alert("SN")], {"seeing": -1.0}, "widths of the seeing must be larger than 0"),
        ([alert("SN")], {"shares": {"SN": 1.0}}, "shares must be given of"),
        ([alert("SN")], {"shares": dict.fromkeys(CLASSES, 0.0)}, "not all of them 0"),
        ({"science": 1}, {}, "no batch of the science images"),
        ([alert("SN")], {"weights": "absent.onnx"}, "do not exist"),
    ],
)
def test_what_cannot_be_used_is_said(alerts, options, reason):
    with pytest.raises(InputError, match=reason):
        predict(alerts, **options)


def test_weights_of_ones_own(tmp_path):
    path = tmp_path / "mine.onnx"
    path.write_bytes(weights_path().read_bytes())
    with pytest.raises(InputError, match="is not beside it"):
        predict([alert("SN")], weights=path)
    path.with_suffix(".json").write_text(json.dumps({"temperature": 100.0}))
    flat = predict([alert("SN")], weights=path)
    assert flat.probabilities == pytest.approx(0.2, abs=0.05)
    path.with_suffix(".json").write_text("{}")
    other = tmp_path / "other.onnx"
    other.write_bytes(b"nonsense")
    other.with_suffix(".json").write_text(json.dumps({"temperature": 1.0}))
    with pytest.raises(HstampError, match="not readable by onnxruntime"):
        predict([alert("SN")], weights=other)


def test_the_weights_are_small():
    assert weights_path().stat().st_size < 2_000_000


def test_the_table_is_as_long_as_its_alerts():
    table = ClassTable((None,), np.array([3]), np.array([[0.1, 0.5, 0.2, 0.1, 0.1]]))
    assert len(table) == 1
    assert list(table.names) == ["SN"]
