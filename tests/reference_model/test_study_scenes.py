"""Rendering, observing and cutting, each against something simple."""

# ruff: noqa: E402

import json
from types import SimpleNamespace

import numpy as np
import pytest

galsim = pytest.importorskip("galsim", reason="scenes need the train extra (GalSim)")
pytest.importorskip("scipy", reason="scenes need the train extra (scipy)")
pytest.importorskip("tqdm", reason="the data set needs the train extra (tqdm)")

from reference_model.config import SMALL, StudyConfig
from reference_model.scenes import fields, grid, looks, observation, observe, place, render
from reference_model.scenes.dataset import interleaved, simulate
from reference_model.scenes.sums import Sums, add_patch
from reference_model.sky.galaxies import GALAXY


def galaxy(**columns):
    row = np.zeros(1, GALAXY)[0]
    row["disk_re"], row["disk_q"], row["bulge_re"], row["bulge_q"] = 1.0, 0.6, 0.3, 0.9
    row["bulge_n"], row["bulge_fraction"], row["angle"], row["seed"] = 2.0, 0.3, 30.0, 9
    row["pitch"] = 15.0
    for name, value in columns.items():
        row[name] = value
    return row


def moments(image):
    y, x = np.indices(image.shape)
    total = image.sum()
    return total, (image * x).sum() / total, (image * y).sum() / total


@pytest.mark.parametrize("knots", [0.0, 0.2])
def test_a_galaxy_has_its_flux_at_its_place(knots):
    image = np.zeros((201, 211), np.float32)
    render.draw_galaxy(image, galaxy(knot_fraction=knots), 100.3, 90.8, 5000.0)
    total, x, y = moments(image.astype(float))
    assert total == pytest.approx(5000.0, rel=0.02)
    assert (x, y) == pytest.approx((100.3, 90.8), abs=0.05 if knots == 0 else 1.0)


def test_a_galaxy_beyond_the_edge_is_cut_not_wrapped():
    image = np.zeros((60, 60), np.float32)
    render.draw_galaxy(image, galaxy(), -5.0, 30.0, 1000.0)
    assert image[:, :10].sum() > 50 * image[:, -10:].sum()


@pytest.mark.parametrize("flip", range(8))
def test_flipped_stamps_move_their_galaxies_as_stated(flip):
    stamp = np.zeros((41, 41), np.float32)
    render.draw_galaxy(stamp, galaxy(), 20.3, 19.6, 1.0)
    _, x0, y0 = moments(stamp.astype(float))
    _, x, y = moments(render.flipped(stamp, flip).astype(float))
    sx, sy = render.flipped_shift(np.array([[x0 - 20.0, y0 - 20.0]]), np.array([flip]))
    assert (x - 20.0, y - 20.0) == pytest.approx((sx[0], sy[0]), abs=1e-6)


def test_a_changed_seeing_is_what_galsim_draws():
    scene = np.zeros((128, 128), np.float32)
    scene += render.base_psf().drawImage(nx=128, ny=128, scale=0.2, offset=(0.5, 0.5)).array
    target = galsim.Kolmogorov(fwhm=0.8).shear(g1=0.05, g2=-0.03)
    seen = observe.see(observe.spectrum_of(scene), target, 0.2)
    direct = target.drawImage(nx=128, ny=128, scale=0.2, offset=(0.5, 0.5)).array
    assert np.abs(seen - direct).max() < 0.01 * direct.max()


def look(**changes):
    values = {
        "visits": 1,
        "fwhm": 0.8,
        "g1": 0.0,
        "g2": 0.0,
        "moffat": 0.0,
        "dead_columns": (0, 0),
        "seed": 3,
    }
    return observation.Observation(**{**values, **changes})


STARS = np.zeros(1, [("x", "f8"), ("y", "f8"), ("r_mag", "f4"), ("flux", "f4")])


def test_noise_falls_with_the_root_of_the_visits():
    scene = observe.spectrum_of(np.zeros((200, 200), np.float32))
    one = observe.observe(scene, STARS[:0], look())
    many = observe.observe(scene, STARS[:0], look(visits=25))
    assert np.std(one.image) == pytest.approx(look().sky_sigma, rel=0.02)
    assert np.std(one.image) / np.std(many.image) == pytest.approx(5.0, rel=0.03)


def test_a_visit_reaches_the_published_depth():
    # Ivezic et al. 2019: 24.7 in 0.8 arcsec for two 15 s exposures under a dark sky.
    assert look().limit() == pytest.approx(24.6, abs=0.15)


def test_saturated_stars_and_dead_columns_are_missing():
    scene = np.zeros((200, 200), np.float32)
    scene[100, 120] = 1e8
    star = STARS.copy()
    star["x"], star["y"], star["r_mag"] = 120, 100, 13.0
    scene = observe.spectrum_of(scene)
    seen = observe.observe(scene, star, look(dead_columns=(10, 14)))
    assert np.isnan(seen.image[100, 120])
    assert np.isnan(seen.image[:, 10:14]).all()
    assert seen.mask[100, 120] & observe.SATURATED
    assert seen.mask[115, 120] & observe.BLEED
    coadd = observe.observe(scene, star, look(visits=20))
    assert not (coadd.mask & observe.BLEED).any()


def test_saturated_pixels_of_a_look_are_masked_or_keep_their_value():
    scene = np.zeros((200, 200), np.float32)
    scene[97:104, 97:104] = 1e7 / 49
    spectrum = observe.spectrum_of(scene)
    kept = observe.observe(spectrum, STARS[:0], look(full=1e5, clipped=True, depth=50.0))
    assert np.isfinite(kept.image).all()
    assert kept.image.max() == pytest.approx(1e5)
    assert kept.mask[100, 100] & observe.SATURATED
    gone = observe.observe(spectrum, STARS[:0], look(full=1e5, depth=50.0))
    assert np.isnan(gone.image[100, 100])
    fainter = observe.observe(spectrum, STARS[:0], look(full=1e8, depth=50.0))
    assert not fainter.mask.any()
    assert fainter.image.max() > 1.2e5


def test_wings_take_light_from_the_core_and_hold_it_outside():
    plain, winged = look(fwhm=1.0), look(fwhm=1.0, wings=0.1, wing_width=4.0, wing_index=2.0)
    size = 401
    images = [v.psf().drawImage(nx=size, ny=size, scale=0.2).array for v in (plain, winged)]
    y, x = np.indices((size, size)) - size // 2
    far = np.hypot(x, y) * 0.2 > 6.0
    assert [im.sum() for im in images] == pytest.approx([1.0, 1.0], abs=0.02)
    # A Moffat profile of index 2 has 1 / (1 + (r/a)^2) of its light beyond r; fwhm 4 is a 3.11.
    beyond = 1.0 / (1.0 + (6.0 / 3.108) ** 2)
    assert images[1][far].sum() - 0.9 * images[0][far].sum() == pytest.approx(0.1 * beyond, rel=0.1)


@pytest.mark.parametrize("turn", [0, 3, 5, 6])
@pytest.mark.parametrize(("scale", "fwhm"), [(0.26, 0.7), (0.5, 1.3), (1.0, 0.9), (1.0, 2.4)])
def test_a_look_is_what_galsim_draws_in_its_pixels(scale, fwhm, turn):
    size, x, y = 200, 103.3, 91.8
    galaxy = galsim.Exponential(half_light_radius=1.0, flux=1e3).shear(
        q=0.6, beta=0.5 * galsim.radians
    )
    scene = galsim.Convolve(galaxy, render.base_psf()).drawImage(
        nx=size, ny=size, scale=0.2, offset=(x - 99.5, y - 99.5), dtype=np.float32
    ).array  # fmt: skip
    one = look(scale=grid.scale_near(scale, size), fwhm=fwhm, turn=turn, g1=0.05, depth=1.0)
    pixels = grid.grid_of(one, size)
    seen = pixels.turned(observe.see(observe.spectrum_of(scene), one.psf(), one.scale))
    # The same on paper: mirror x, mirror y, then swap the axes.
    matrix = np.diag([-1.0 if turn & 1 else 1.0, -1.0 if turn & 2 else 1.0])
    if turn & 4:
        matrix = matrix[::-1]
    px, py = pixels.pixels(x, y)
    middle = (pixels.side - 1) / 2.0
    expected = galsim.Convolve(galaxy, one.psf()).transform(*matrix.ravel()).drawImage(
        nx=pixels.side, ny=pixels.side, scale=one.scale, offset=(px - middle, py - middle)
    ).array  # fmt: skip
    assert abs(one.scale / scale - 1.0) < 0.05
    assert np.abs(seen - expected).max() < 1e-3 * expected.max()
    # A host to the upper right of a transient, on the look's own axes.
    dx, dy = pixels.along(2.0, 1.0)
    other = pixels.pixels(x + 10.0, y + 5.0)
    assert (other[0] - px, other[1] - py) == pytest.approx((dx / one.scale, dy / one.scale))


def test_correlated_noise_has_its_pixel_noise_and_more_in_means():
    scene = observe.spectrum_of(np.zeros((800, 800), np.float32))
    one = look(depth=50.0, scale=0.2, blur=0.7)
    image = observe.observe(scene, STARS[:0], one).image
    assert one.sky_sigma == pytest.approx(10.0)
    assert np.std(image) == pytest.approx(10.0, rel=0.02)
    means = image.reshape(32, 25, 32, 25).mean(axis=(1, 3))
    assert np.std(means) * 25 == pytest.approx(one.wide_sigma, rel=0.09)
    assert one.wide_sigma > 1.5 * one.sky_sigma
    left = [observe.left_of_sky(np.random.default_rng(i), 60, 3.0) for i in range(300)]
    assert np.sqrt(np.mean(np.square(left))) == pytest.approx(3.0, rel=0.08)


def test_looks_are_those_of_surveys():
    drawn = [v for seed in range(80) for v in looks.draw_looks(seed, 4000, 4)]
    scale, fwhm = np.array([v.scale for v in drawn]), np.array([v.fwhm for v in drawn])
    assert 0.19 < scale.min() < 0.22
    assert 1.1 < scale.max() < 1.22
    # Even in the logarithm: half lie below the geometric mean.
    assert np.median(scale) == pytest.approx(np.sqrt(0.24), rel=0.15)
    assert fwhm.min() >= 0.6
    assert fwhm.max() <= 3.0
    assert {v.turn for v in drawn} == set(range(8))
    # Wings hold a few per cent, and what is told as seeing is the core's.
    wings = np.array([v.wings for v in drawn])
    assert 0.5 < np.mean(wings > 0) < 0.7
    assert wings.max() <= 0.25
    assert 0.15 < np.mean([v.science for v in drawn]) < 0.35
    # A point source of magnitude m on n pixels of noise: five sigma.
    one = look(depth=100.0, fwhm=2.0, scale=1.0)
    flux = 5.0 * 100.0 * np.sqrt(2.266 * 4.0)
    assert one.limit() == pytest.approx(31.4 - 2.5 * np.log10(flux))


def placed(**changes):
    config = StudyConfig(**{"size": 2200, "nearby_hosts": 9, "per_host": 3, **changes})
    return place._place_nearby(np.random.default_rng(4), config)


def test_placed_hosts_stand_apart():
    hosts, dx, dy = placed()
    for i in range(9):
        apart = np.hypot(hosts["x"] - hosts["x"][i], hosts["y"] - hosts["y"][i]) * 0.2
        assert np.sort(apart)[1] > 85.0
    for axis, offset in (("x", dx), ("y", dy)):
        at = hosts[axis][:, None] + offset / 0.2
        assert at.min() >= 6.0
        assert at.max() < 2193.0


def test_hosts_of_a_group_stand_together_but_not_on_each_other():
    hosts, _, _ = placed(nearby_hosts=8, group=4)
    apart = np.hypot(*(hosts[a][:, None] - hosts[a][None] for a in ("x", "y"))) * 0.2
    own = np.kron(np.eye(2), np.ones((4, 4))) > 0
    assert apart[~own].min() > 85.0
    assert np.median(apart[own & (apart > 0)]) < 85.0
    assert (apart > hosts["re"][:, None] + hosts["re"][None])[own & ~np.eye(8, dtype=bool)].all()


def test_a_field_without_room_says_so(monkeypatch):
    monkeypatch.setattr(place, "FIELD_TRIES", 2)
    with pytest.raises(ValueError, match=r"no room for 40 hosts 85 arcsec apart"):
        placed(nearby_hosts=40, size=1500)


def test_block_means_leave_out_missing_pixels():
    image = np.arange(36.0, dtype=np.float32).reshape(6, 6)
    image[0, 0] = np.nan
    found = Sums(image).means(np.array([-2]), np.array([0]), 2, 4)[0]
    # Beyond the image there is nothing; (0, 0) is left out of the first block inside.
    assert np.isnan(found[:, 0]).all()
    assert np.isnan(found[3]).all()
    assert found[0, 1] == pytest.approx((1 + 6 + 7) / 3)
    assert found[2, 3] == pytest.approx((28 + 29 + 34 + 35) / 4)
    total = np.zeros((2, 2))
    add_patch(total, np.float32([[1, 2, 4]]), -1, 1, 2)
    # The first pixel lies before the grid, the others in its first block.
    np.testing.assert_array_equal(total, [[6.0, 0.0], [0.0, 0.0]])


def brute_force(image, x, y, levels):
    """Levels by walking over pixels, straight from the geometry's definition."""
    i0, j0 = int(np.floor(x)) + 1, int(np.floor(y)) + 1
    origin = [-7, -15, -29, -61, -117, -245][:levels]

    def value(k, i, j):
        if k == 0:
            inside = 0 <= i < image.shape[1] and 0 <= j < image.shape[0]
            return image[j, i] if inside else np.float32(np.nan)
        half = 2 ** (k - 1)
        children = [value(k - 1, i + a, j + b) for b in (0, half) for a in (0, half)]
        finite = [float(c) for c in children if np.isfinite(c)]
        return np.float32(sum(finite) / len(finite)) if finite else np.float32(np.nan)

    out = np.empty((levels, 15, 15), np.float32)
    for k in range(levels):
        for row in range(15):
            for column in range(15):
                i = i0 + origin[k] + column * 2**k
                j = j0 + origin[k] + row * 2**k
                out[k, row, column] = value(k, i, j)
    first = out[1]
    for m in range(15):
        parent = (m - 7 + 15) // 2
        out[0, 14, m], out[0, m, 14] = first[11, parent], first[parent, 11]
    return out


@pytest.mark.parametrize(("x", "y"), [(40.2, 33.9), (3.0, 61.49)])
def test_levels_are_the_means_of_their_pixels(x, y):
    rng = np.random.default_rng(1)
    image = rng.standard_normal((70, 80)).astype(np.float32)
    image[rng.uniform(size=image.shape) < 0.05] = np.nan
    rows = np.array([(x, y)], dtype=[("x", "f8"), ("y", "f8")])
    one = look(depth=5.0, scale=0.2)
    found = fields.cut_levels(SimpleNamespace(image=image, observation=one), rows)
    np.testing.assert_array_equal(found[0, :4], brute_force(image, x, y, 4).astype(np.float16))


TINY = StudyConfig(
    name="tiny", fields=(1, 1, 1, 1), size=1300, nearby_hosts=4, per_host=2, deep=6, on_star=2,
    nowhere=2, looks=2, atlas=60, alternate=False,
)  # fmt: skip


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    root = tmp_path_factory.mktemp("data")
    simulate(root, TINY, 1)
    return root


def test_one_seed_gives_one_data_set(tiny, tmp_path):
    fields.write_field(tmp_path, TINY, "test-0000")
    one = json.loads((tiny / "tiny/fields/test-0000/field.json").read_text())
    two = json.loads((tmp_path / "tiny/fields/test-0000/field.json").read_text())
    assert one == two


def test_a_finished_field_is_not_made_again(tiny):
    path = tiny / "tiny/fields/train-0000/levels.npy"
    before = path.stat().st_mtime_ns
    simulate(tiny, TINY, 1)
    assert path.stat().st_mtime_ns == before


def test_the_manifest_counts_what_is_there(tiny):
    manifest = json.loads((tiny / "tiny/manifest.json").read_text())
    assert manifest["complete"]
    assert manifest["config"]["seed"] == TINY.seed
    for split in ("train", "validation", "test", "clustered"):
        rows = np.load(tiny / f"tiny/fields/{split}-0000/transients.npy")
        assert manifest["transients"][split] == len(rows)
    size = sum(p.stat().st_size for p in (tiny / "tiny/fields").rglob("*.npy"))
    assert manifest["bytes"] == size


def test_stored_levels_repeat_from_the_tables(tiny):
    field = fields.Field(tiny / "tiny/fields/train-0000")
    for number, view in enumerate(field.views):
        again = fields.cut_levels(field.exposure(view), np.asarray(field.load("views"))[number])
        np.testing.assert_array_equal(again, field.load("levels")[number])


def test_the_thirty_pixel_stamp_is_level_one_before_binning(tiny):
    from hstamp.values import mean_children
    from reference_model.network.inputs import STAMP30
    from reference_model.scenes.other import cut_all, load_other

    field = fields.Field(tiny / "tiny/fields/train-0000")
    with pytest.raises(FileNotFoundError, match="inputs --kind stamp30"):
        load_other(tiny, TINY, field, STAMP30)
    cut_all(tiny, TINY, [STAMP30], 1)
    grids, first = load_other(tiny, TINY, field, STAMP30)
    views = field.load("views")
    assert grids.shape == (4, views.shape[1], 1, 30, 30)
    for which in range(4):  # the second shows transients
        binned = mean_children(grids[which, :, 0].astype(np.float32))
        level = field.load("levels")[which, :, 1].astype(np.float32)
        # Half precision keeps 11 bits of every pixel.
        np.testing.assert_allclose(binned, level, rtol=2.0**-9, atol=2.0**-8)
        corner = np.floor(views["x"][which]) + 1 - views["x"][which]
        assert np.abs(first[which, :, 0, 0] + 14.5 - (corner - 0.5)).max() < 1e-4


def test_narrower_inputs_are_cut_out_of_the_widest(tiny):
    from reference_model.network.inputs import KINDS, first_of, means_around
    from reference_model.scenes.other import cut_all, load_other

    field = fields.Field(tiny / "tiny/fields/test-0000")
    kind, view = KINDS["multiscale4x8"], np.asarray(field.load("views"))[0]
    cut_all(tiny, TINY, [kind], 1)
    grids, first = load_other(tiny, TINY, field, kind)
    exposure = field.exposure()
    direct = means_around(Sums(exposure.image), kind, view["x"], view["y"])
    expected = fields.in_noise(direct, exposure.observation)
    np.testing.assert_array_equal(grids[0], expected)
    np.testing.assert_allclose(first[0], first_of(kind, view["x"], view["y"]), atol=1e-4)


def test_every_view_knows_where_its_host_is(tiny):
    field = fields.Field(tiny / "tiny/fields/train-0000")
    rows, galaxies = field.load("transients"), field.load("galaxies")
    has = np.flatnonzero(rows["host"] >= 0)
    for view, table in zip(field.views, np.asarray(field.load("views")), strict=True):
        pixels = grid.grid_of(view, TINY.size)
        host = galaxies[rows["host"][has]]
        x, y = pixels.pixels(host["x"], host["y"])
        np.testing.assert_allclose(
            table["x"][has] + table["host_dx"][has] / view.scale, x, atol=2e-3
        )
        np.testing.assert_allclose(
            table["y"][has] + table["host_dy"][has] / view.scale, y, atol=2e-3
        )
    views = np.asarray(field.load("views"))
    assert (views["weight"][:2] == 1.0).all()
    # A transient must be seen to raise an alert.
    for view, table in zip(field.views[2:], views[2:], strict=True):
        assert (table["transient_r"] <= view.limit() + 1e-3).all()


def test_truth_points_from_the_transient_to_its_host(tiny):
    truth = fields.Field(tiny / "tiny/fields/train-0000").truth()
    rows = truth.transients[truth.transients["host"] >= 0]
    host = truth.galaxies[rows["host"]]
    np.testing.assert_allclose(rows["x"] + rows["host_dx"] / 0.2, host["x"], atol=1e-3)
    np.testing.assert_allclose(rows["y"] + rows["host_dy"] / 0.2, host["y"], atol=1e-3)


def test_fields_of_all_splits_are_made_side_by_side():
    order = interleaved(SMALL)
    assert sorted(order) == sorted(SMALL.field_names())
    half = interleaved(StudyConfig(fields=(20, 4, 8, 2)))[:17]
    assert [sum(n.startswith(s) for n in half) for s in ("train", "val", "test", "clus")] == [
        10,
        2,
        4,
        1,
    ]
