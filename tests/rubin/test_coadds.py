"""Patches of cell coadds of a real size, written by lsst.images and converted from the shell."""

import astropy.units as u
import numpy as np
import pytest
from astropy.wcs import WCS

li = pytest.importorskip("lsst.images", reason="lsst-images is not installed (extra rubin)")
cells = pytest.importorskip("lsst.images.cells", reason="lsst-images is not installed")

import hstamp  # noqa: E402
from hstamp.cli import main  # noqa: E402

CELL, COUNT = 150, 12
"""Pixels of a cell's side, and cells of a patch's."""
SIDE = CELL * COUNT
NAMES = ("NO_DATA", "DETECTED", "INEXACT_PSF", *(f"PLANE{n}" for n in range(9)))
STARTS = {"a.fits": (3000, 4500), "b.fits": (3000 + 10 * CELL, 4500)}
"""First column and row in the tract: two cells of either patch are in the other, too."""
HOLE = (4, 3)
"""Row and column of a cell of the first patch that nothing was taken into."""

TRACT = WCS(naxis=2)
TRACT.wcs.ctype = "RA---TAN", "DEC--TAN"
TRACT.wcs.crval = 53.0, -28.0
TRACT.wcs.crpix = 4000.5, 5000.5
TRACT.wcs.cdelt = -0.2 / 3600, 0.2 / 3600


def kernel(row, column):
    r = np.arange(21) - 10
    profile = np.exp(-(r**2) / (2 * (1.5 + row / 20 + column / 50) ** 2))
    return np.outer(profile, profile) / np.outer(profile, profile).sum()


def coadd(start, seed):
    """A patch of 12 x 12 cells, as the pipelines make them."""
    rng = np.random.default_rng(seed)
    corner = (start[1], start[0])
    box = li.Box.from_shape((SIDE, SIDE), start=corner)
    grid = cells.CellGrid(bbox=box, cell_shape=li.YX(y=CELL, x=CELL))
    frame = li.TractFrame(skymap="s", tract=1, bbox=li.Box.from_shape((12000, 12000)))
    projection = li.SkyProjection.from_fits_wcs(TRACT, frame)
    schema = li.MaskSchema([li.MaskPlane(name, name.lower()) for name in NAMES])
    # Few distinct values, which are compressed fast.
    pixels = rng.integers(-40, 40, (SIDE, SIDE)).astype("f4") + np.float32(1000 * seed)
    spread = np.full((SIDE, SIDE), 400.0, "f4")
    mask = li.Mask(0, schema=schema, bbox=box)
    mask.set("DETECTED", np.add.outer(np.arange(SIDE), np.arange(SIDE)) % 7 == 0)
    array = np.array([[kernel(row, column) for column in range(COUNT)] for row in range(COUNT)])
    missing = set()
    if seed == 1:
        hole = tuple(slice(CELL * part, CELL * (part + 1)) for part in HOLE)
        pixels[hole], spread[hole], array[HOLE] = 0, np.inf, np.nan
        empty = np.zeros((SIDE, SIDE), bool)
        empty[hole] = True
        mask.set("NO_DATA", empty)
        missing.add(cells.CellIJ(*HOLE))
    bounds = cells.CellGridBounds(grid=grid, bbox=box, missing=frozenset(missing))
    return cells.CellCoadd(
        li.Image(pixels, bbox=box, unit=u.nJy, sky_projection=projection),
        mask=mask, variance=li.Image(spread, bbox=box, unit=u.nJy**2),
        psf=cells.CellPointSpreadFunction(array, bounds), band="i",
        patch=cells.PatchDefinition(id=seed, index=li.YX(y=0, x=seed), inner_bbox=box, cells=grid),
    )  # fmt: skip


@pytest.fixture(scope="module")
def patches(tmp_path_factory):
    from lsst.images import serialization

    folder = tmp_path_factory.mktemp("patches")
    for seed, (name, start) in enumerate(STARTS.items(), 1):
        serialization.write_archive(coadd(start, seed), str(folder / name))
    return folder


PLACES = {
    "left": ("a.fits", 3700.25, 5400.5),
    "left of the middle of both": ("a.fits", 4640.0, 5400.0),
    "right of the middle of both": ("b.fits", 4660.0, 5400.0),
    "right": ("b.fits", 6000.5, 4600.75),
    "above the middle cell without data": ("a.fits", 3000 + 3.5 * CELL, 4500 + 5.2 * CELL),
    "in the cell without data": ("a.fits", 3000 + 3.5 * CELL, 4500 + 4.5 * CELL),
}
"""Patch whose edge is farthest, and place in the tract; the middle of both is column 4650."""


def test_wide_stamps_of_positions_in_overlapping_patches(patches, tmp_path, capsys):
    table, out = tmp_path / "positions.csv", tmp_path / "stamps.avro"
    rows = ["id,ra,dec"]
    for name, (_, column, row) in PLACES.items():
        ra, dec = map(float, TRACT.all_pix2world(column, row, 0))
        rows.append(f"{name},{ra!r},{dec!r}")
    rows.append("elsewhere,12.0,45.0")
    table.write_text("\n".join(rows) + "\n", encoding="utf-8")
    words = [str(patches / name) for name in STARTS]
    status = main(
        ["convert", *words, "--mosaic", "--catalog", str(table), "--levels", "5", "-o", str(out)]
    )
    assert status == 1
    assert "is not in any of the 2 images" in capsys.readouterr().err
    found = {each.stamp.id: each.stamp for each in hstamp.read_stamps(out)}
    assert set(found) == set(PLACES)
    assert main(["validate", str(out)]) == 0

    images = {name: cells.CellCoadd.read(str(patches / name)) for name in STARTS}
    for name, (path, column, row) in PLACES.items():
        stamp, image, start = found[name], images[path], STARTS[path]
        assert (stamp.n, stamp.band, stamp.flux_unit) == (5, "i", "nJy")
        usable = ~image.mask.get("NO_DATA")
        x, y = column - start[0], row - start[1]
        expected = hstamp.encode(
            np.where(usable, image.image.array, np.nan), x, y, levels=5,
            variance=np.where(usable, image.variance.array, np.nan),
        )  # fmt: skip
        assert np.array_equal(stamp.levels, expected.levels, equal_nan=True)
        assert np.array_equal(stamp.variance, expected.variance, equal_nan=True)
        # [GE-3], [GE-4]: level 0 has 14 x 14 whole pixels from 7 before the corner on.
        core = tuple(slice(int(v) + 1 - 7, int(v) + 1 + 7) for v in (y, x))
        bit = stamp.mask_planes.index("DETECTED")
        detected = image.mask.get("DETECTED")[core]
        assert np.array_equal(stamp.mask[0][:14, :14] >> bit & 1, detected)
        assert (stamp.wcs.ra, stamp.wcs.dec) == pytest.approx(
            tuple(map(float, TRACT.all_pix2world(column, row, 0))), abs=1e-9
        )
        cell = int(y + 0.5) // CELL, int(x + 0.5) // CELL
        if (path, cell) == ("a.fits", HOLE):
            assert stamp.psf is None
        else:
            np.testing.assert_allclose(stamp.psf, kernel(*cell), atol=2e-5)
    hole = found["in the cell without data"]
    assert np.isnan(hole.levels[0]).all()
    assert not np.isnan(hole.levels[4]).all()
