"""Files of lsst.images: mask planes, band and PSF, from files made here and by the package."""

import json

import numpy as np
import pytest
from astropy.io import fits
from convert_samples import gauss, noise

from hstamp.convert import EncodeOptions, FitsImage, Position

OPTIONS = EncodeOptions(encoding="f4", variance_encoding="f4", levels=2, unusable=("NO_DATA",))
SIDE = 60


def mask_hdu(values, names, ver=None):
    hdu = fits.CompImageHDU(values.astype("i4"), name="MASK", compression_type="GZIP_2")
    if ver is not None:
        hdu.header["EXTVER"] = ver
    for number, name in enumerate(names):
        hdu.header[f"MSKN{number:04d}"] = name, f"Name for mask plane {number}."
        hdu.header[f"MSKM{number:04d}"] = 1 << number
        hdu.header[f"MSKD{number:04d}"] = "What it means, at a length that takes two cards " * 2
    return hdu


def layout(path, masks, tree, extra=()):
    """The layout that `hstamp.convert.rubin` describes, written with astropy alone."""
    primary = fits.PrimaryHDU()
    primary.header["FMTVER"] = 1
    primary.header["DATAMODL"] = "https://images.lsst.io/schemas/visit_image-1.1.0"
    planes = []
    for name, unit, values in (
        ("IMAGE", "nJy", noise(SIDE)),
        ("VARIANCE", "nJy2", np.full((SIDE, SIDE), 4.0, dtype="f4")),
    ):
        hdu = fits.CompImageHDU(values, name=name, compression_type="GZIP_2", quantize_level=0)
        hdu.header["BUNIT"] = unit
        planes.append(hdu)
    text = json.dumps(tree).encode("utf-8")
    rows = np.empty(1, dtype=object)
    rows[0] = np.frombuffer(text, np.uint8)
    column = fits.Column("JSON", f"PB({len(text)})", array=rows)
    table = fits.BinTableHDU.from_columns([column], name="JSON")
    hdus = [primary, planes[0], *masks, planes[1], *extra, table]
    fits.HDUList(hdus).writeto(path)
    return path


def test_planes_band_and_missing_pixels(tmp_path):
    mask = np.zeros((SIDE, SIDE))
    mask[30, 30], mask[31, 31], mask[32, 32] = 1, 4, 1 << 30
    names = ["NO_DATA", "SATURATED", "SPIKE", *(f"P{n}" for n in range(3, 31))]
    tree = {"band": "i", "psf": {"piff": {}}, "image": {"yx0": [0, 0]}}
    path = layout(tmp_path / "a.fits", [mask_hdu(mask, names)], tree)
    with FitsImage(path) as image:
        stamp, notes = image.stamp(Position(x=30.0, y=30.0), OPTIONS)
    assert stamp.band == "i"
    assert stamp.flux_unit == "nJy"
    assert float(np.nanmax(stamp.variance)) == 4.0
    assert set(stamp.mask_planes) >= {"NO_DATA", "SPIKE", "P30"}
    # Pixel (30, 30) is row and column 6 of the core.
    assert np.isnan(stamp.levels[0][6, 6])
    for at, name in ((6, "NO_DATA"), (7, "SPIKE"), (8, "P30")):
        assert stamp.mask[0][at, at] == 1 << stamp.mask_planes.index(name)
    assert stamp.psf is None
    assert notes == ("PSF left out: the file keeps it as a model, not as an image",)


def test_more_planes_than_one_array_holds(tmp_path):
    first, second = np.zeros((SIDE, SIDE)), np.zeros((SIDE, SIDE))
    first[30, 30], second[30, 30], second[31, 31] = 2, 1, 2
    masks = [
        mask_hdu(first, [f"A{n}" for n in range(31)]),
        mask_hdu(second, ["B0", "NO_DATA"], 2),
    ]
    with FitsImage(layout(tmp_path / "a.fits", masks, {"band": "g"})) as image:
        stamp, _ = image.stamp(Position(x=30.0, y=30.0), OPTIONS)
    a1, b0, no_data = (stamp.mask_planes.index(name) for name in ("A1", "B0", "NO_DATA"))
    assert stamp.mask[0][6, 6] == 1 << a1 | 1 << b0
    assert stamp.mask[0][7, 7] == 1 << no_data
    assert np.isnan(stamp.levels[0][7, 7])
    assert not np.isnan(stamp.levels[0][6, 6])


def test_the_psf_of_the_cell_that_holds_the_source(tmp_path):
    """A patch of cells of 20 x 30 pixels; the image starts at (40, 90), the PSF's cells at
    (20, 60)."""
    cells = np.zeros((5, 4, 21, 21))
    sizes = 1.0 + np.arange(20).reshape(5, 4) / 10
    for index in np.ndindex(5, 4):
        cells[index] = gauss((21, 21), sizes[index])
    cells[1, 1] = np.nan
    bounds = {
        "grid": {"bbox": {"y": {"start": 0}, "x": {"start": 0}}, "cell_shape": {"y": 20, "x": 30}},
        "bbox": {"y": {"start": 20}, "x": {"start": 60}},
    }
    tree = {
        "band": "r",
        "image": {"yx0": [40, 90]},
        "psf": {"array": {"source": "fits:PSF"}, "bounds": bounds},
    }
    extra = [fits.CompImageHDU(cells, name="PSF", compression_type="GZIP_2", quantize_level=0)]
    path = layout(tmp_path / "a.fits", [], tree, extra)
    with FitsImage(path) as image:
        for (x, y), cell in {
            (29.0, 25.0): (2, 1),
            (35.0, 45.0): (3, 2),
            (31.0, 5.0): (1, 2),
        }.items():
            stamp, notes = image.stamp(Position(x=x, y=y), OPTIONS)
            expected = gauss((21, 21), sizes[cell])
            np.testing.assert_allclose(stamp.psf, expected / expected.sum(), atol=2e-6)
            assert notes == ()
        stamp, notes = image.stamp(Position(x=5.0, y=5.0), OPTIONS)
        assert stamp.psf is None
        assert notes[0].startswith("PSF left out")


@pytest.mark.parametrize(
    "tree",
    [
        [],
        "x",
        {"band": 5},
        {"band": ""},
        {"band": "x" * 100},
        {"psf": 1},
        {"psf": {"array": {"source": 1}, "bounds": 2}},
    ],
)
def test_a_tree_that_says_nothing(tmp_path, tree):
    with FitsImage(layout(tmp_path / "a.fits", [], tree)) as image:
        stamp, _ = image.stamp(Position(x=30.0, y=30.0), OPTIONS)
    assert stamp.band is None
    assert stamp.psf is None


def test_a_tree_that_is_damaged(tmp_path):
    path = layout(tmp_path / "a.fits", [], {"band": "r"})
    data = path.read_bytes()
    for old, new in ((b'{"band', b'{{{{{{'), (b"PCOUNT  =                   13",
                                             b"PCOUNT  =                    1")):  # fmt: skip
        assert data.count(old) == 1
        path.write_bytes(data.replace(old, new))
        with FitsImage(path) as image:
            assert image.band is None


def test_files_that_the_package_writes(tmp_path):
    """As written by lsst.images itself, with 40 mask planes (needs Python 3.12)."""
    images = pytest.importorskip("lsst.images", reason="lsst-images is not installed")
    writer = pytest.importorskip("lsst.images.fits", reason="lsst-images is not installed")
    schema = images.MaskSchema([images.MaskPlane(f"P{n}", "") for n in range(39)]
                               + [images.MaskPlane("NO_DATA", "")])  # fmt: skip
    pixels = noise(SIDE)
    image = images.Image(pixels, yx0=(100, 200))
    mask = images.Mask(0, schema=schema, bbox=image.bbox)
    for name, row in (("P3", 30), ("P33", 31), ("NO_DATA", 32)):
        where = np.zeros((SIDE, SIDE), dtype=bool)
        where[row, row] = True
        mask.set(name, where)
    variance = images.Image(np.full((SIDE, SIDE), 4.0, dtype="f4"), yx0=(100, 200))
    writer.write(images.MaskedImage(image, mask=mask, variance=variance), tmp_path / "a.fits")
    with FitsImage(tmp_path / "a.fits") as parent:
        stamp, _ = parent.stamp(Position(x=30.0, y=30.0), OPTIONS)
    core = stamp.levels[0][:14, :14]
    assert np.isnan(core[8, 8])
    np.testing.assert_array_equal(core[:8], pixels[24:32, 24:38])
    assert float(np.nanmax(stamp.variance)) == 4.0
    for at, name in ((6, "P3"), (7, "P33"), (8, "NO_DATA")):
        assert stamp.mask[0][at, at] == 1 << stamp.mask_planes.index(name)
