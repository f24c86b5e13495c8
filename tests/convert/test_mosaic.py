"""Overlapping images: each source from the one whose edge is farthest, worked out by hand.

The patches are boxes of one tract, a tangent plane of 0.2 arcsec a pixel. A source in column c of
the tract is (c - c0 + 1/2) from the left edge of a patch that begins in column c0.
"""

import gzip

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS
from convert_samples import gauss, noise
from test_rubin import layout

import hstamp
from hstamp.cli import main
from hstamp.convert import EncodeOptions, FitsImage, Position, image
from hstamp.convert.mosaic import edge_distance

TRACT = WCS(naxis=2)
TRACT.wcs.ctype = "RA---TAN", "DEC--TAN"
TRACT.wcs.crval = 359.999, -30.0
TRACT.wcs.crpix = 181.0, 101.0
TRACT.wcs.cdelt = -0.2 / 3600, 0.2 / 3600


def sky(column, row):
    return tuple(map(float, TRACT.all_pix2world(column, row, 0)))


def patch(path, level, columns, rows, *, band="r", swapped=False):
    """Write a box of the tract; its pixels are about `level`, so they tell where they are from."""
    shape = rows[1] - rows[0], columns[1] - columns[0]
    pixels = noise(max(shape), level)[: shape[0], : shape[1]] + level
    header = TRACT.to_header()
    header["CRPIX1"] = TRACT.wcs.crpix[0] - columns[0]
    header["CRPIX2"] = TRACT.wcs.crpix[1] - rows[0]
    if swapped:
        pixels = pixels.T.copy()
        for key in ("CRPIX", "CDELT", "CRVAL", "CTYPE", "CUNIT"):
            header[f"{key}1"], header[f"{key}2"] = header[f"{key}2"], header[f"{key}1"]
    header["BAND"] = band
    fits.PrimaryHDU(pixels, header).writeto(path)
    return path


def catalogue(path, places):
    lines = ["id,ra,dec"]
    lines += [f"{name},{ra!r},{dec!r}" for name, (ra, dec) in places.items()]
    path.write_text("\n".join(lines) + "\n")
    return path


def mosaic(paths, table, out, *options, status=0):
    command = ["convert", *paths, "--mosaic", "--catalog", table, "-o", out, *options]
    assert main([str(word) for word in command]) == status
    return [found.stamp for found in hstamp.read_stamps(out)]


def alone(path, name, place, **options):
    with FitsImage(path) as parent:
        where = Position(ra=place[0], dec=place[1], id=name)
        return parent.stamp(where, EncodeOptions(**options))[0].to_bytes()


@pytest.fixture
def pair(tmp_path):
    """Patches of columns 0 to 199 and 160 to 359, rows 0 to 199."""
    return (
        patch(tmp_path / "a.fits", 1000, (0, 200), (0, 200)),
        patch(tmp_path / "b.fits", 2000, (160, 360), (0, 200)),
    )


@pytest.mark.parametrize(
    ("x", "y", "expected"),
    [
        (50.0, 30.0, 30.5),  # rows below
        (50.0, 78.0, 1.5),  # rows above: 79.5 is the edge
        (3.25, 30.0, 3.75),
        (96.0, 40.0, 3.5),  # columns: 99.5 is the edge
        (-0.5, 40.0, 0.0),
        (-1.5, 40.0, -1.0),
        (101.5, 40.0, -2.0),
    ],
)
def test_distance_to_the_edge(x, y, expected):
    assert edge_distance(x, y, (80, 100)) == expected


@pytest.mark.parametrize(
    ("column", "row", "first", "second"),
    [
        (100, 100, 0, 0),  # in one alone
        (300, 100, 1, 1),
        (170, 100, 0, 0),  # 29.5 from the edge, or 10.5
        (185, 100, 1, 1),  # 14.5, or 25.5
        (179.4, 100, 0, 0),  # 20.1, or 19.9
        (179.6, 100, 1, 1),
        (179.5, 100, 0, 1),  # 20 in both: the first that is given
        (185, 5, 0, 1),  # 5.5 in both: the lower edge is nearest
        (160, 100, 0, 0),  # 39.5, or 0.5
        (199, 197, 1, 1),  # 0.5, or 2.5
    ],
)
def test_the_image_whose_edge_is_farthest(pair, tmp_path, column, row, first, second):
    place = sky(column, row)
    table = catalogue(tmp_path / "t.csv", {"s": place})
    for number, (paths, expected) in enumerate(((pair, first), (pair[::-1], second))):
        (stamp,) = mosaic(paths, table, tmp_path / f"{number}.avro", "--levels", "3")
        assert stamp.to_bytes() == alone(pair[expected], "s", place, levels=3)
        assert np.nanmedian(stamp.levels[0]) == pytest.approx(1010 + 1000 * expected, abs=5)


def test_places_equal_but_for_rounding(pair, tmp_path):
    """The second's header has the source 0.0002 pixels farther from its edge."""
    header = fits.getheader(pair[1])
    fits.setval(pair[1], "CRPIX1", value=header["CRPIX1"] + 2e-4)
    place = sky(179.5, 100)
    (stamp,) = mosaic(pair, catalogue(tmp_path / "t.csv", {"s": place}), tmp_path / "o.avro")
    assert stamp.to_bytes() == alone(pair[0], "s", place)


def test_gzipped_images_and_images_of_the_whole_sky(pair, tmp_path):
    """Every source is 60 pixels from the lower edge of a map in degrees; columns 205, 260 and 380
    are 45.5 and 99.5 (the rows) from the edge of the second patch, and outside."""
    packed = tmp_path / "b.fits.gz"
    packed.write_bytes(gzip.compress(pair[1].read_bytes(), 1))
    wide = WCS(naxis=2)
    wide.wcs.ctype, wide.wcs.crval, wide.wcs.crpix = ("RA---CAR", "DEC--CAR"), (0, 0), (180.5, 90.5)
    wide.wcs.cdelt = -1, 1
    header = wide.to_header()
    header["BAND"] = "r"
    fits.PrimaryHDU(noise(360)[:180] + 5000, header).writeto(tmp_path / "sky.fits")
    places = {"sky": sky(205, 100), "patch": sky(260, 100), "none": sky(380, 100)}
    table = catalogue(tmp_path / "t.csv", places)
    found = mosaic([pair[0], packed, tmp_path / "sky.fits"], table, tmp_path / "o.avro")
    assert [stamp.id for stamp in found] == ["patch", "sky", "none"]
    assert found[0].to_bytes() == alone(pair[1], "patch", places["patch"])
    assert found[1].to_bytes() == alone(tmp_path / "sky.fits", "sky", places["sky"])


def test_an_image_with_swapped_axes(pair, tmp_path):
    """Columns 160 to 259 of the tract are the rows of an image of 200 columns.

    At (185, 150) its edges are 25.5 and 49.5 away, and the first patch's 14.5.
    """
    turned = patch(tmp_path / "c.fits", 3000, (160, 260), (0, 200), swapped=True)
    place = sky(185, 150)
    table = catalogue(tmp_path / "t.csv", {"s": place})
    (stamp,) = mosaic([pair[0], turned], table, tmp_path / "o.avro")
    assert stamp.to_bytes() == alone(turned, "s", place)


def test_an_image_without_the_wide_levels(pair, tmp_path):
    """At (100, 100) the small image has 19.5 pixels to its edge: 60 of level 2 do not fit in."""
    small = patch(tmp_path / "s.fits", 3000, (80, 120), (80, 120))
    place = sky(100, 100)
    table = catalogue(tmp_path / "t.csv", {"s": place})
    (stamp,) = mosaic([small, *pair], table, tmp_path / "o.avro")
    assert stamp.to_bytes() == alone(pair[0], "s", place)
    # Level 3 is 15 x 8 = 120 pixels wide and fits into 200; level 4, of 240, does not.
    assert stamp.n == 4
    assert not np.isnan(stamp.levels).any()


def test_one_stamp_of_each_band(pair, tmp_path, capsys):
    g = patch(tmp_path / "g.fits", 3000, (120, 320), (0, 200), band="g")
    places = {"left": sky(100, 100), "both": sky(185, 100), "right": sky(300, 100)}
    table = catalogue(tmp_path / "t.csv", places)
    found = mosaic([g, *pair], table, tmp_path / "o.avro")
    # By images in the order given, then by rows: g is 65.5 from 'both', which it has alone.
    expected = [("both", "g"), ("right", "g"), ("left", "r"), ("both", "r"), ("right", "r")]
    assert [(stamp.id, stamp.band) for stamp in found] == expected
    assert "1 x no image in band g at the position" in capsys.readouterr().out
    # A band that is said is that of all images: then the g image is one of three.
    (one,) = mosaic([g, *pair], catalogue(tmp_path / "u.csv", {"both": places["both"]}),
                    tmp_path / "p.avro", "--band", "w")  # fmt: skip
    assert one.band == "w"
    np.testing.assert_allclose(np.nanmedian(one.levels[0]), 3010, atol=5)


def test_rows_in_no_image_are_reported_once(pair, tmp_path, capsys):
    table = tmp_path / "t.csv"
    (ra, dec), far = sky(100, 100), sky(170, 230)
    table.write_text(
        f"id,ra,dec\nin,{ra!r},{dec!r}\nabove,{far[0]!r},{far[1]!r}\n"
        f"behind,{ra - 180!r},{-dec!r}\nbad,,1\n"
    )
    found = mosaic(pair, table, tmp_path / "o.avro", status=1)
    said = capsys.readouterr().err
    assert [stamp.id for stamp in found] == ["in"]
    assert said.count("is not in any of the 2 images") == 2
    for line in ("record 1: E_INPUT: (", "record 2: E_INPUT: (", "record 3: E_INPUT: dec"):
        assert said.count(f"the catalogue, {line}".replace("dec", "ra is missing")) == 1


def test_an_image_that_cannot_be_used_costs_itself(pair, tmp_path, capsys):
    fits.PrimaryHDU(noise(50)).writeto(tmp_path / "blind.fits")
    (tmp_path / "text.fits").write_text("no image")
    others = [tmp_path / name for name in ("blind.fits", "text.fits", "none.fits")]
    place = sky(185, 100)
    table = catalogue(tmp_path / "t.csv", {"s": place})
    (stamp,) = mosaic([*others, *pair], table, tmp_path / "o.avro", status=1)
    assert stamp.to_bytes() == alone(pair[1], "s", place)
    said = capsys.readouterr().err
    assert "blind.fits: E_INPUT: the image has no WCS" in said
    assert [said.count(path.name) for path in others] == [1, 1, 1]
    assert "catalogue" not in said


def test_without_it_every_image_gives_its_stamp(pair, tmp_path):
    ra, dec = sky(185, 100)
    out = tmp_path / "o.avro"
    paths = map(str, pair)
    assert main(["convert", *paths, f"--ra={ra!r}", f"--dec={dec!r}", "-o", str(out)]) == 0
    assert len(list(hstamp.read_stamps(out))) == 2


def test_one_position_and_refused_combinations(pair, tmp_path, capsys):
    ra, dec = sky(185, 100)
    start = ["convert", *map(str, pair), "--mosaic"]
    out = ["-o", str(tmp_path / "o.avro")]
    assert main([*start, f"--ra={ra!r}", f"--dec={dec!r}", *out]) == 0
    assert len(list(hstamp.read_stamps(tmp_path / "o.avro"))) == 1
    for words in (
        [*out],
        ["--x", "5", "--y", "5", *out],
        ["--ra=1", "--dec=1", "-o", f"{tmp_path}/new/"],
        ["--ra=1", "--dec=1", "--as", "hats", *out],
    ):
        with pytest.raises(SystemExit) as caught:
            main([*start, *words])
        assert caught.value.code == 2
    (tmp_path / "xy.csv").write_text("x,y\n5,5\n")
    out = ["-o", str(tmp_path / "p.avro")]
    assert main([*start, "--catalog", str(tmp_path / "xy.csv"), *out]) == 1
    assert "columns ra and dec" in capsys.readouterr().err


def test_one_file_is_open_and_windows_alone_are_read(tmp_path, monkeypatch):
    count, most, windows = 0, 0, []
    opened, closed, loaded = FitsImage.__enter__, FitsImage.__exit__, image.load_planes

    def enter(self):
        nonlocal count, most
        count += 1
        most = max(most, count)
        return opened(self)

    def leave(self, *exc):
        nonlocal count
        count -= 1
        return closed(self, *exc)

    def load(*arguments):
        windows.append(arguments[-1])
        return loaded(*arguments)

    monkeypatch.setattr(FitsImage, "__enter__", enter)
    monkeypatch.setattr(FitsImage, "__exit__", leave)
    monkeypatch.setattr(image, "load_planes", load)
    paths = [patch(tmp_path / f"{n}.fits", 1000, (60 * n, 60 * n + 100), (0, 100))
             for n in range(6)]  # fmt: skip
    # Columns 20 and 50 are in patch 0, 110 in patches 0 (none), 1: each once.
    table = catalogue(tmp_path / "t.csv", {c: sky(c, 50) for c in (20, 50, 110)})
    assert len(mosaic(paths, table, tmp_path / "o.avro", "--levels", "2")) == 3
    assert (count, most, len(windows)) == (0, 1, 3)
    assert all(part.stop - part.start <= 30 for window in windows for part in window)


def coadd(path, corner, level):
    """A coadd of cells of 30 pixels in the layout of lsst.images, 60 pixels wide; the PSF of cell
    (row, column) has the width 1 + level / 10 + (2 row + column) / 20."""
    cells = np.zeros((2, 2, 21, 21))
    for row, column in np.ndindex(2, 2):
        cells[row, column] = gauss((21, 21), 1 + level / 10 + (2 * row + column) / 20)
    start = {"y": {"start": corner[1]}, "x": {"start": corner[0]}}
    grid = {"bbox": start, "cell_shape": {"y": 30, "x": 30}}
    tree = {
        "band": "i",
        "image": {"yx0": corner[::-1]},
        "psf": {"array": {"source": "fits:PSF"}, "bounds": {"grid": grid, "bbox": start}},
    }
    extra = [fits.CompImageHDU(cells, name="PSF", compression_type="GZIP_2", quantize_level=0)]
    layout(path, [], tree, extra)
    with fits.open(path, mode="update") as hdus:
        header = TRACT.to_header()
        header["CRPIX1"] -= corner[0]
        header["CRPIX2"] -= corner[1]
        hdus["IMAGE"].header.update(header)
        hdus["IMAGE"].data = hdus["IMAGE"].data + np.float32(1000 * level)
    return path


def test_coadds_of_cells(tmp_path):
    """Patches of columns 0 to 59 and 40 to 99: (53, 40) is 6.5 and 13.5 from the edges, and in row
    1 and column 0 of the second's cells."""
    paths = [coadd(tmp_path / "a.fits", [0, 0], 1), coadd(tmp_path / "b.fits", [40, 0], 3)]
    place = sky(53, 40)
    table = catalogue(tmp_path / "t.csv", {"s": place})
    (stamp,) = mosaic(paths, table, tmp_path / "o.avro")
    assert stamp.to_bytes() == alone(paths[1], "s", place)
    assert (stamp.band, stamp.flux_unit) == ("i", "nJy")
    assert np.nanmedian(stamp.levels[0]) == pytest.approx(3010, abs=5)
    expected = gauss((21, 21), 1.4)
    np.testing.assert_allclose(stamp.psf, expected / expected.sum(), atol=2e-6)


def test_patches_that_the_package_writes(tmp_path):
    """As written by lsst.images itself, first pixels and sky included (needs Python 3.12)."""
    li = pytest.importorskip("lsst.images", reason="lsst-images is not installed")
    writer = pytest.importorskip("lsst.images.fits", reason="lsst-images is not installed")
    tract = li.Box.from_shape((200, 360))
    frame = li.TractFrame(skymap="s", tract=1, bbox=tract)
    projection = li.SkyProjection.from_fits_wcs(TRACT, frame)
    paths = []
    for name, start, level in (("a.fits", 0, 1000), ("b.fits", 160, 2000)):
        pixels = noise(200, level) + np.float32(level)
        written = li.Image(pixels, yx0=(0, start), sky_projection=projection)
        variance = li.Image(np.full((200, 200), 4.0, dtype="f4"), yx0=(0, start))
        schema = li.MaskSchema([li.MaskPlane("NO_DATA", "")])
        mask = li.Mask(0, schema=schema, bbox=written.bbox)
        writer.write(li.MaskedImage(written, mask=mask, variance=variance), tmp_path / name)
        paths.append(tmp_path / name)
    places = {"a": sky(170, 100), "b": sky(185, 100)}
    found = mosaic(paths, catalogue(tmp_path / "t.csv", places), tmp_path / "o.avro")
    assert [stamp.id for stamp in found] == ["a", "b"]
    for stamp, path, level, pixel in zip(found, paths, (1000, 2000), (170, 25), strict=True):
        assert stamp.to_bytes() == alone(path, stamp.id, places[stamp.id])
        own = noise(200, level) + np.float32(level)
        # The corner is right of and above the source's pixel; the core starts 7 before it.
        core = own[94:108, pixel - 6 : pixel + 8]
        np.testing.assert_allclose(stamp.levels[0][:14, :14], core, atol=0.1)
