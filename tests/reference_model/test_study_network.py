"""The network: geometry, loss, learning, export."""

# ruff: noqa: E402

from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the network needs the train extra (torch)")
pytest.importorskip("safetensors", reason="the network needs the train extra (safetensors)")
pytest.importorskip("scipy", reason="the network's truth needs the train extra (scipy)")
pytest.importorskip("galsim", reason="the network's truth needs the train extra (GalSim)")

import hstamp
from hstamp.hosts import runtime
from reference_model.network import export, inputs, loss, model
from reference_model.scenes.fields import VIEW
from reference_model.scenes.place import TRANSIENT
from reference_model.scenes.sums import Sums
from reference_model.training import arrays, augment, loop
from reference_model.training.arrays import Split
from reference_model.training.loop import Sampler, TrainConfig, draw_views, train, validate

HSTAMP5 = inputs.KINDS["hstamp5"]


def ramp(shape):
    """An image whose value tells its pixel: 1000 y + x."""
    y, x = np.indices(shape)
    return (1000.0 * y + x).astype(np.float32)


def grids(x, y):
    """Levels of a ramp with the geometry that belongs to them, as a batch of one."""
    values = hstamp.encode(ramp((1000, 1000)), x, y, levels=5, encoding="f4").levels[None].copy()
    first = runtime.first_pixels(5, *inputs.source_offsets(np.array([x]), np.array([y])))
    return values, first


def test_first_pixels_are_where_the_levels_say():
    values, first = grids(400.3, 500.8)
    for k in range(5):
        # The mean of a linear image over a pixel is its value at the pixel's centre.
        at = first[0, k] + np.array([4, 3]) * 2**k
        total = 1000.0 * (500.8 + at[1]) + (400.3 + at[0])
        assert values[0, k, 3, 4] == pytest.approx(total, abs=0.1)


@pytest.mark.parametrize("which", range(8))
def test_flipped_grids_keep_every_pixel_at_its_flipped_place(which):
    values, first = grids(400.3, 500.8)
    turned, turned_first = runtime.flip(values, first, np.float32(HSTAMP5.steps), which)
    # Where does the pixel with this value lie, before and after?
    for k in range(1, 5):
        row, column = 2, 11
        there = np.array([first[0, k, 0] + column * 2**k, first[0, k, 1] + row * 2**k])
        moved = inputs.flip_points(there.astype(np.float32), which)
        pixel = np.round((moved - turned_first[0, k]) / 2**k).astype(int)
        assert turned[0, k, pixel[1], pixel[0]] == values[0, k, row, column]
        np.testing.assert_allclose(turned_first[0, k] + pixel * 2**k, moved, atol=1e-4)
    np.testing.assert_allclose(inputs.unflip_points(inputs.flip_points(first, which), which), first)


def test_other_inputs_show_the_sky_they_claim():
    sums, x, y = Sums(ramp((1000, 1000))), np.array([500.2]), np.array([499.7])
    for name in ("stamp30", "binned30", "multiscale4x8", "overlapping5x30", "window240"):
        kind = inputs.KINDS[name]
        values, first = inputs.means_around(sums, kind, x, y)[0], inputs.first_of(kind, x, y)[0]
        assert values.shape == (len(kind.steps), kind.side, kind.side)
        for g, step in enumerate(kind.steps):
            at = first[g] + np.array([5, 6]) * step
            total = 1000.0 * (499.7 + at[1]) + 500.2 + at[0]
            assert values[g, 6, 5] == pytest.approx(total, abs=0.5)
    assert [inputs.KINDS[f"hstamp{n}"].values for n in range(2, 7)] == [372, 548, 724, 900, 1076]


@pytest.fixture
def net():
    torch.manual_seed(0)
    return model.HostNet(HSTAMP5).eval()


def run(net, example):
    with torch.no_grad():
        return model.Proposals(*net(*(torch.from_numpy(example[n]) for n in export.INPUTS)))


@pytest.mark.parametrize("levels", range(2, 7))
def test_the_same_weights_take_any_number_of_levels(net, levels):
    found = run(net, export.example_inputs(inputs.hierarchical(levels), 3, 1))
    assert found.mean.shape == (3, 49 * levels, 2)
    assert all(torch.isfinite(t).all() for t in (found.logits, found.mean, found.scale))


def test_missing_values_do_not_reach_the_answer(net):
    example = export.example_inputs(HSTAMP5, 2, 1)
    example["values"][:, 3:] = np.nan
    example["values"][0] = np.nan
    found = run(net, example)
    assert torch.isfinite(found.logits).all()
    example["values"][:, 3:] = np.inf
    np.testing.assert_array_equal(run(net, example).logits, found.logits)


def test_proposals_are_centred_on_their_cells(net):
    with torch.no_grad():
        net.head.weight.zero_()
        net.head.bias.zero_()
    values, first = grids(400.3, 500.8)
    nothing = np.full(1, np.nan, np.float32)
    found = run(net, {"values": values, "first": first, "step": np.float32([1, 2, 4, 8, 16]),
                      "scale": nothing, "seeing": nothing, "prior": nothing})  # fmt: skip
    cells = found.mean.reshape(5, 7, 7, 2).numpy()
    for k in range(5):
        # The middle cell looks at pixel 7, the first at pixel 1.
        np.testing.assert_allclose(cells[k, 3, 3], first[0, k] + 7 * 2**k, atol=1e-4)
        np.testing.assert_allclose(
            cells[k, 0, 6], first[0, k] + np.array([13, 1]) * 2**k, atol=1e-4
        )


def test_what_is_not_known_is_left_out(net):
    example = export.example_inputs(HSTAMP5, 1, 1)
    example["scale"], example["seeing"] = np.float32([np.nan]), np.float32([1.2])
    known = net._known(*(torch.from_numpy(example[n]) for n in ("step", "scale", "seeing")))
    # Middle of the seeing: zero, and known; the scale, and what follows from both, are not.
    np.testing.assert_allclose(known[0], np.tile([0.0, 0.0, 0.0, 1.0, 0.0], (5, 1)), atol=1e-6)
    example["scale"] = np.float32([0.6])
    known = net._known(*(torch.from_numpy(example[n]) for n in ("step", "scale", "seeing")))
    # A seeing of two base pixels is one pixel of the second grid.
    np.testing.assert_allclose(known[0, :2, 4], [np.log(2.0), 0.0], atol=1e-6)


def test_prior_odds_follow_bayes_rule():
    zero = torch.zeros(2, 1, 2)
    nearby = torch.log(torch.tensor([[0.3, 0.1]])).expand(2, 2)
    deep = torch.log(torch.tensor([[0.4, 0.2]])).expand(2, 2)
    prior = torch.tensor([float("nan"), float(np.log(0.01 / 0.99))])
    found = model.Hypotheses(nearby, deep, zero, zero, zero[..., 0]).given(prior)
    weight = torch.softmax(found.logits, dim=1).numpy()
    np.testing.assert_allclose(weight[0], [0.7, 0.3], rtol=1e-5)
    # By hand: 0.3 x 0.01 + 0.4 x 0.99 against 0.1 x 0.01 + 0.2 x 0.99.
    np.testing.assert_allclose(weight[1], [0.399 / 0.598, 0.199 / 0.598], rtol=1e-5)


def test_the_network_is_small():
    assert model.parameters(model.HostNet(HSTAMP5)) < 500_000


def test_the_loss_is_the_density_of_the_mixture():
    from scipy.stats import multivariate_normal

    nearby, deep = torch.tensor([[0.3, -0.2, 0.5]]), torch.tensor([[-1.0, 0.1, 0.2]])
    mean = torch.tensor([[[1.0, 2.0], [-3.0, 0.5]]])
    scale = torch.tensor([[[1.5, 0.7, 0.4], [2.0, 1.0, -0.3]]])
    found = model.Hypotheses(nearby, deep, mean, scale, torch.zeros(1, 2))
    raw = np.exp([0.3, -0.2, 0.5, -1.0, 0.1, 0.2])
    weights = raw / raw.sum()
    point, zero = torch.tensor([[0.4, 1.1]]), torch.zeros(1)
    for is_nearby, own in ((True, weights[:3]), (False, weights[3:])):
        density = 0.0
        for c in range(2):
            lxx, lyy, lyx = scale[0, c].tolist()
            lower = np.array([[lxx, 0.0], [lyx, lyy]])
            normal = multivariate_normal(mean[0, c].numpy(), lower @ lower.T)
            density += own[c] * normal.pdf([0.4, 1.1])
        present, stratum = torch.tensor([True]), torch.tensor([is_nearby])
        value = loss.negative_log_likelihood(found, point, present, zero, stratum)
        assert float(value) == pytest.approx(-np.log(density + loss.FLOOR), rel=1e-5)
        absent = loss.negative_log_likelihood(found, point, ~present, zero, stratum)
        assert float(absent) == pytest.approx(-np.log(own[2]), rel=1e-5)


def transients(n):
    """Stamps with one bright round host at a known place, and some with none."""
    rng = np.random.default_rng(8)
    rows = np.zeros(n, TRANSIENT)
    rows["x"] = rows["y"] = 300.0 + rng.uniform(0, 1, n)
    rows["host_dx"], rows["host_dy"] = rng.uniform(-4, 4, (2, n))
    rows["host_re"], rows["visible"] = 1.0, True
    rows["kind"][::8] = 2
    rows["stratum"][1::2] = 1
    views = np.zeros((2, n), VIEW)
    for name in ("x", "y", "host_dx", "host_dy"):
        views[name] = rows[name]
    views["snr"], views["sigma"], views["wide"], views["weight"] = 100.0, 1.0, 1.0, 1.0
    views["fwhm"], views["scale"] = 0.8, 0.2
    yy, xx = np.indices((600, 600))
    levels = np.empty((n, 6, 15, 15), np.float32)
    for i, row in enumerate(rows):
        image = rng.standard_normal((600, 600), dtype=np.float32)
        if row["kind"] == 0:
            at = row["x"] + row["host_dx"] / 0.2, row["y"] + row["host_dy"] / 0.2
            near = (
                slice(int(at[1]) - 30, int(at[1]) + 31),
                slice(int(at[0]) - 30, int(at[0]) + 31),
            )
            d2 = (xx[near] - at[0]) ** 2 + (yy[near] - at[1]) ** 2
            image[near] += (20.0 * np.exp(-0.5 * d2 / 16.0)).astype(np.float32)
        levels[i] = hstamp.encode(image, row["x"], row["y"], levels=6, encoding="f4").levels
    grids = np.stack([levels, levels]).astype(np.float16)
    return Split(rows, views, np.zeros(n, int), ("made",), (grids,))


@pytest.fixture(scope="module")
def made():
    return transients(160)


def levels_of(made):
    return made.grids[0][0].astype(np.float32)


def test_truth_moves_with_its_grids(made):
    batch = arrays.make_batch(HSTAMP5, made.rows, made.views[0], levels_of(made))
    for which in range(8):
        turned = augment.turn(batch, HSTAMP5, which)
        # The brightest pixel of level 2 lies within its own size of the host, flipped or not.
        flat = turned.values[:, 2].reshape(160, -1)
        row, column = np.divmod(flat.argmax(axis=1), 15)
        at = turned.first[:, 2] + np.stack([column, row], axis=1) * 4.0
        good = batch.present & (np.abs(batch.host).max(axis=1) < 22)
        assert (np.abs(at - turned.host)[good] < 4.0).all()


def test_a_host_outside_or_in_a_hole_is_not_in_the_stamp(made):
    two = inputs.hierarchical(2)
    batch = arrays.make_batch(two, made.rows, made.views[0], levels_of(made))
    inside = np.abs(batch.host).max(axis=1) < 14.0
    outside = np.abs(batch.host).max(axis=1) > 16.0
    has = made.rows["kind"] == 0
    assert batch.present[inside & has].all()
    assert not batch.present[outside].any()
    holed = levels_of(made)
    holed[:, 4] = np.nan
    batch = arrays.make_batch(HSTAMP5, made.rows, made.views[0], holed)
    assert not batch.present.any()


def test_a_cut_takes_all_grids_and_the_truth_with_it(made, monkeypatch):
    monkeypatch.setattr(augment, "CUT_CHANCE", 1.0)
    batch = arrays.make_batch(HSTAMP5, made.rows, made.views[0], levels_of(made))
    found = augment.cut(batch, HSTAMP5, np.random.default_rng(1))
    lost = np.isnan(found.values[:, 4]).any(axis=(1, 2))
    assert lost.sum() > 100
    assert (batch.present & ~found.present).any()
    assert not (~batch.present & found.present).any()


def test_a_sky_and_a_wrong_noise_are_shown(made, monkeypatch):
    monkeypatch.setattr(augment, "DARK_CHANCE", 1.0)
    batch = arrays.make_batch(HSTAMP5, made.rows, made.views[0], levels_of(made))
    dark = augment.darken(batch, np.random.default_rng(1))
    assert np.abs(np.nanmedian(dark.values[:, -1], axis=(1, 2))).max() < 1e-6
    wide = np.full(160, 2.0, np.float32)
    noisy = augment.jitter_noise(batch, wide, np.random.default_rng(1))
    factor = batch.values[:, 0, 3, 3] / noisy.values[:, 0, 3, 3]
    # Between a pixel's noise and twice that, one estimate in two scatters by 30 %.
    assert np.median(factor) == pytest.approx(np.sqrt(2.0), rel=0.1)
    told = augment.forget(batch, np.random.default_rng(1))
    assert 0.15 < np.isnan(told.seeing).mean() < 0.45
    assert 0.02 < np.isnan(told.scale).mean() < 0.25
    np.testing.assert_array_equal(told.host, batch.host)


def test_strata_are_shown_alike_and_transients_by_weight(made):
    views = made.views.copy()
    views["weight"][:, made.rows["stratum"] == 0] = np.where(np.arange(80) < 8, 1.0, 1e-6)
    sampler = Sampler(replace(made, views=views))
    index = sampler.draw(np.random.default_rng(1), np.zeros(200, int), 240)
    assert (made.rows["stratum"][index] == 1).mean() == 0.5
    assert index[made.rows["stratum"][index] == 0].max() < 16
    # Half of the transients in pixels of 1": stamps of 240" are drawn a fifth as often.
    views["weight"], views["scale"] = 1.0, 0.2
    coarse = np.arange(made.rows.size) // 2 % 2 == 0
    views["scale"][:, coarse] = 1.0
    sampler = Sampler(replace(made, views=views))
    for width, share in ((60, 0.5), (240, 1.0 / 6.0)):
        index = sampler.draw(np.random.default_rng(2), np.zeros(4000, int), width)
        assert coarse[index].mean() == pytest.approx(share, abs=0.03)
    drawn = draw_views(np.random.default_rng(1), 4000, 6)
    assert (drawn == 0).mean() == pytest.approx(0.25, abs=0.03)
    assert np.bincount(drawn)[2:].min() > 500


CONFIG = TrainConfig(epochs=6, steps=12, batch=32, rate=6e-3)


@pytest.fixture(autouse=True)
def few(monkeypatch):
    """A validation choice that fits the made split."""
    monkeypatch.setattr(loop, "VALIDATION", 128)


def test_a_tiny_training_run_learns(made, tmp_path):
    torch.set_num_threads(1)
    torch.manual_seed(CONFIG.seed)
    before = validate(model.HostNet(HSTAMP5), made, CONFIG).mean
    weights = train(tmp_path, CONFIG, made, made, "made")
    learnt, notes = export.load_weights(weights)
    assert validate(learnt, made, CONFIG).mean < before - 2.5
    assert notes["transients"] == "160"
    batch = arrays.make_batch(HSTAMP5, made.rows, made.views[0], levels_of(made))
    seen = {n: getattr(batch, n) for n in ("values", "first", "step", "scale", "seeing")}
    found = run(learnt, {**seen, "prior": np.full(160, np.nan, np.float32)})
    best = found.logits[:, :-1].argmax(dim=1)
    error = np.hypot(*(found.mean[torch.arange(160), best].numpy() - batch.host).T)
    assert np.median(error[batch.present]) < 3.0


def test_an_interrupted_run_ends_as_an_uninterrupted_one(made, tmp_path):
    config = TrainConfig(epochs=2, steps=4, batch=40)
    whole = train(tmp_path / "whole", config, made, made, "made")

    class StopError(Exception):
        pass

    def stop(*_):
        raise StopError

    kept = loop._checkpoint
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "_checkpoint", lambda *a: (kept(*a), stop()))
        with pytest.raises(StopError):
            train(tmp_path / "part", config, made, made, "made")
    part = train(tmp_path / "part", config, made, made, "made")
    one, two = (export.load_weights(p)[0].state_dict() for p in (whole, part))
    for name, value in one.items():
        torch.testing.assert_close(two[name], value, rtol=0, atol=1e-6)


def test_a_run_of_another_configuration_is_not_overwritten(made, tmp_path):
    train(tmp_path, TrainConfig(epochs=1, steps=2, batch=80), made, made, "made")
    with pytest.raises(ValueError, match="another configuration"):
        train(tmp_path, TrainConfig(epochs=2, steps=2, batch=80), made, made, "made")


def test_onnx_says_what_torch_says(net, tmp_path):
    pytest.importorskip("onnx", reason="the export needs the train extra (onnx)")
    pytest.importorskip("onnxscript", reason="the export needs the train extra (onnxscript)")
    pytest.importorskip("onnxruntime", reason="the runtime needs the model extra (onnxruntime)")
    from hstamp.hosts.runtime import HostFinder

    path = tmp_path / "model.onnx"
    export.export_onnx(path, net)
    assert path.stat().st_size < 2_000_000
    assert b"site-packages" not in path.read_bytes()
    finder = HostFinder(path)
    for levels in (2, 5, 6):
        example = export.example_inputs(inputs.hierarchical(levels), 7, levels)
        sky = runtime.Conditions(example["scale"], example["seeing"], example["prior"])
        mixture = finder.propose(example["values"], example["first"], example["step"], sky)
        found = run(net, example)
        weight = torch.softmax(found.logits, dim=1).numpy()
        np.testing.assert_allclose(mixture.weight, weight[:, :-1], atol=1e-4)
        np.testing.assert_allclose(mixture.none, weight[:, -1], atol=1e-4)
        np.testing.assert_allclose(mixture.mean, found.mean.numpy(), atol=1e-4, rtol=1e-6)
        np.testing.assert_allclose(mixture.scale, found.scale.numpy(), atol=1e-4, rtol=1e-5)
        np.testing.assert_allclose(mixture.log_radius, found.log_radius.numpy(), atol=1e-4)
