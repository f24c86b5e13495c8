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
from reference_model.scenes import fields, observe, render
from reference_model.scenes.dataset import interleaved, simulate
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
    seen = observe.change_seeing(scene, target, pad=32)
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
    return observe.Observation(**{**values, **changes})


STARS = np.zeros(1, [("x", "f8"), ("y", "f8"), ("r_mag", "f4"), ("flux", "f4")])


def test_noise_falls_with_the_root_of_the_visits():
    scene = np.zeros((200, 200), np.float32)
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
    seen = observe.observe(scene, star, look(dead_columns=(10, 14)))
    assert np.isnan(seen.image[100, 120])
    assert np.isnan(seen.image[:, 10:14]).all()
    assert seen.mask[100, 120] & observe.SATURATED
    assert seen.mask[115, 120] & observe.BLEED
    coadd = observe.observe(scene, star, look(visits=20))
    assert not (coadd.mask & observe.BLEED).any()


def test_stored_scenes_lose_less_than_the_noise():
    scene = np.array([[0.0, 0.3, -2.0, 20.0, 1e4, 3e6]], np.float32)
    back = fields.unpack(fields.pack(scene))
    assert np.abs(back - scene)[0, :4].max() < 0.03
    np.testing.assert_allclose(back[0, 4:], scene[0, 4:], rtol=1e-3)


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
    found = fields.cut_levels(SimpleNamespace(image=image), rows, with_transient=False)
    np.testing.assert_array_equal(found[0, :4], brute_force(image, x, y, 4))


TINY = StudyConfig(
    name="tiny", fields=(1, 1, 1), size=500, nearby_hosts=1, per_host=3, deep=6, on_star=2,
    nowhere=2, atlas=60, alternate=False,
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
    path = tiny / "tiny/fields/train-0000/scene.npy"
    before = path.stat().st_mtime_ns
    simulate(tiny, TINY, 1)
    assert path.stat().st_mtime_ns == before


def test_the_manifest_counts_what_is_there(tiny):
    manifest = json.loads((tiny / "tiny/manifest.json").read_text())
    assert manifest["complete"]
    assert manifest["config"]["seed"] == TINY.seed
    for split in ("train", "validation", "test"):
        rows = np.load(tiny / f"tiny/fields/{split}-0000/transients.npy")
        assert manifest["transients"][split] == len(rows)
    size = sum(p.stat().st_size for p in (tiny / "tiny/fields").rglob("*.npy"))
    assert manifest["bytes"] == size


def test_stored_levels_repeat_from_the_stored_scene(tiny):
    field = fields.Field(tiny / "tiny/fields/train-0000")
    rows = np.asarray(field.load("transients"))
    again = fields.cut_levels(field.exposure(), rows, with_transient=False)
    np.testing.assert_array_equal(again, field.load("levels_template"))


def test_the_thirty_pixel_stamp_is_level_one_before_binning(tiny):
    from hstamp.values import mean_children
    from reference_model.network.inputs import STAMP30
    from reference_model.scenes.other import cut_all, load_other

    field = fields.Field(tiny / "tiny/fields/train-0000")
    with pytest.raises(FileNotFoundError, match="inputs --kind stamp30"):
        load_other(tiny, TINY, field, STAMP30)
    cut_all(tiny, TINY, [STAMP30], 1)
    grids, first = load_other(tiny, TINY, field, STAMP30)
    rows = field.load("transients")
    for which, name in enumerate(("template", "visit")):
        binned = mean_children(grids[which, :, 0].astype(np.float32))
        level = field.load(f"levels_{name}")[:, 1] / rows[f"{name}_sigma"][:, None, None]
        # Half precision keeps 11 bits of every pixel.
        np.testing.assert_allclose(binned, level, rtol=2.0**-11, atol=2.0**-9)
    assert (np.abs(first[:, 0, 0] + 15.0 - (np.floor(rows["x"]) + 1 - rows["x"])) < 1e-4).all()


def test_truth_points_from_the_transient_to_its_host(tiny):
    truth = fields.Field(tiny / "tiny/fields/train-0000").truth()
    rows = truth.transients[truth.transients["host"] >= 0]
    host = truth.galaxies[rows["host"]]
    np.testing.assert_allclose(rows["x"] + rows["host_dx"] / 0.2, host["x"], atol=1e-3)
    np.testing.assert_allclose(rows["y"] + rows["host_dy"] / 0.2, host["y"], atol=1e-3)


def test_fields_of_all_splits_are_made_side_by_side():
    order = interleaved(SMALL)
    assert sorted(order) == sorted(SMALL.field_names())
    half = interleaved(StudyConfig(fields=(20, 4, 8)))[:16]
    assert [sum(n.startswith(s) for n in half) for s in ("train", "val", "test")] == [10, 2, 4]
