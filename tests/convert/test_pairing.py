"""Which variance, mask and PSF are an image's, in files with several images."""

import numpy as np
import pytest
from astropy.io import fits
from convert_samples import gauss, noise

from hstamp import InputError
from hstamp.convert import EncodeOptions, FitsImage, Position
from hstamp.convert.hdus import image_axes

EXACT = EncodeOptions(encoding="f4", variance_encoding="f4", levels=2)
SIDE = 40


def plane(name, value, ver=None, dtype="f4", **cards):
    hdu = fits.ImageHDU(np.full((SIDE, SIDE), value, dtype=dtype), name=name)
    if ver is not None:
        hdu.header["EXTVER"] = ver
    hdu.header.update(cards)
    return hdu


def cut(tmp_path, hdus, hdu=None, options=EXACT):
    path = tmp_path / "in.fits"
    fits.HDUList([fits.PrimaryHDU(), *hdus]).writeto(path, overwrite=True)
    with FitsImage(path, hdu) as image:
        return image.stamp(Position(x=20.0, y=20.0), options)


def variance_of(stamp):
    return None if stamp.variance is None else float(np.nanmax(stamp.variance))


def test_planes_go_by_extver_wherever_they_stand(tmp_path):
    hdus = [
        plane("ERR", 3.0, 2),
        plane("SCI", 100.0, 1),
        plane("DQ", 1, 2, "i2"),
        plane("SCI", 200.0, 2),
        plane("DQ", 4, 1, "i2"),
        plane("ERR", 2.0, 1),
    ]
    for version, variance, bit in ((1, 4.0, "BIT2"), (2, 9.0, "BIT0")):
        stamp, notes = cut(tmp_path, hdus, f"SCI,{version}")
        assert float(stamp.levels[0][7, 7]) == 100.0 * version
        assert variance_of(stamp) == variance
        assert stamp.mask_planes == (bit,)
        assert notes == ()


def test_a_plane_of_another_version_is_not_taken(tmp_path):
    hdus = [plane("SCI", 1.0, 1), plane("SCI", 2.0, 2), plane("ERR", 3.0, 2)]
    stamp, notes = cut(tmp_path, hdus, "SCI,1")
    assert stamp.variance is None
    assert any("variance left out" in note and "ERR,2" in note for note in notes)
    # One image and one plane, yet their headers say different versions.
    stamp, notes = cut(tmp_path, [plane("SCI", 1.0, 1), plane("ERR", 3.0, 2)])
    assert stamp.variance is None
    assert notes


def test_a_plane_without_extver_is_nobodys_among_versions(tmp_path):
    hdus = [plane("SCI", 1.0, 1), plane("SCI", 2.0, 2), plane("VAR", 3.0)]
    for version in (1, 2):
        stamp, notes = cut(tmp_path, hdus, f"SCI,{version}")
        assert stamp.variance is None
        assert any("variance left out" in note for note in notes)


@pytest.mark.parametrize(
    "names",
    [("SCI_G", "VAR_G", "SCI_R", "VAR_R"), ("G_SCI", "G_VAR", "R_SCI", "R_VAR"),
     ("G", "VAR-G", "R", "VAR-R")],
)  # fmt: skip
def test_planes_go_by_the_word_that_they_share(tmp_path, names):
    image_g, var_g, image_r, var_r = names
    hdus = [plane(image_g, 1.0), plane(image_r, 2.0), plane(var_r, 16.0), plane(var_g, 9.0)]
    assert variance_of(cut(tmp_path, hdus, image_g)[0]) == 9.0
    assert variance_of(cut(tmp_path, hdus, image_r)[0]) == 16.0
    assert cut(tmp_path, hdus[:3], image_g)[0].variance is None


def test_planes_that_come_before_their_image(tmp_path):
    hdus = [plane("VARIANCE", 4.0), plane("MASK", 1, dtype="i4"), plane("SCI", 1.0)]
    stamp, notes = cut(tmp_path, hdus)
    assert float(stamp.levels[0][7, 7]) == 1.0
    assert variance_of(stamp) == 4.0
    assert stamp.mask_planes == ("BIT0",)
    assert notes == ()


def test_planes_follow_their_image_where_nothing_else_tells(tmp_path):
    hdus = [plane("DEEP", 1.0), plane("VAR", 4.0), plane("WIDE", 2.0), plane("VAR", 9.0)]
    assert variance_of(cut(tmp_path, hdus, "DEEP")[0]) == 4.0
    assert variance_of(cut(tmp_path, hdus, "WIDE")[0]) == 9.0


@pytest.mark.parametrize("order", ["IIVV", "VIVI"])
def test_doubtful_orders_give_no_plane_rather_than_the_wrong_one(tmp_path, order):
    counts = {"I": iter(("DEEP", "WIDE")), "V": iter(("VAR", "VAR"))}
    hdus = [plane(next(counts[kind]), 4.0) for kind in order]
    for name in ("DEEP", "WIDE"):
        stamp, notes = cut(tmp_path, hdus, name)
        assert stamp.variance is None
        assert any("variance left out" in note for note in notes)


@pytest.mark.parametrize(
    ("name", "variance"),
    [("INVERSE_VARIANCE", 0.25), ("INV_VAR", 0.25), ("VAR", 4.0), ("SCI_ERR", 16.0),
     ("UNC", 16.0), ("IVAR", 0.25), ("INV_SIGMA", None)],
)  # fmt: skip
def test_what_a_plane_is_by_its_name(tmp_path, name, variance):
    assert variance_of(cut(tmp_path, [plane("SCI", 1.0), plane(name, 4.0)])[0]) == variance


@pytest.mark.parametrize("name", ["MASK", "DQ", "BPM", "FLAGS", "QUALITY", "SCI_MASK"])
def test_masks_by_name(tmp_path, name):
    stamp, _ = cut(tmp_path, [plane("SCI", 1.0), plane(name, 4, dtype="i4")])
    assert stamp.mask_planes == ("BIT2",)


def test_a_link_in_the_header_decides(tmp_path):
    """ERRDATA and HDUCLAS3, as in ESO's science data products."""
    hdus = [
        plane("ONE", 1.0, ERRDATA="B"),
        plane("TWO", 2.0, ERRDATA="A"),
        plane("A", 5.0, HDUCLAS2="ERROR", HDUCLAS3="RMSE"),
        plane("B", 0.25, HDUCLAS2="ERROR", HDUCLAS3="INVMSE"),
    ]
    assert variance_of(cut(tmp_path, hdus, "ONE")[0]) == 4.0
    assert variance_of(cut(tmp_path, hdus, "TWO")[0]) == 25.0


def test_the_total_error_is_taken_and_not_a_part_of_it(tmp_path):
    """As in JWST's files: ERR beside VAR_POISSON, and AREA, which is no image."""
    hdus = [plane("SCI", 1.0), plane("VAR_POISSON", 1.0), plane("ERR", 3.0), plane("AREA", 1.0),
            plane("VAR_RNOISE", 2.0), plane("DQ", 1, dtype="i4")]  # fmt: skip
    stamp, _ = cut(tmp_path, hdus)
    assert variance_of(stamp) == 9.0
    assert stamp.mask_planes == ("BIT0",)


@pytest.mark.parametrize(
    ("hdu", "value"),
    [("sci", 1.0), ("SCI,2", 2.0), ("sci , 2", 2.0), (2, 2.0), ("2", 2.0), ("7", 3.0), ("7,5", 4.0),
     ("a,b", 5.0)],
)  # fmt: skip
def test_an_hdu_by_number_name_and_version(tmp_path, hdu, value):
    hdus = [plane("SCI", 1.0, 1), plane("SCI", 2.0, 2), plane("7", 3.0), plane("7", 4.0, 5),
            plane("A,B", 5.0)]  # fmt: skip
    assert float(cut(tmp_path, hdus, hdu)[0].levels[0][7, 7]) == value


@pytest.mark.parametrize("hdu", ["SCI,3", "NONE", 9, "PRIMARY", ",", "2,1"])
def test_an_hdu_that_is_not_there(tmp_path, hdu):
    with pytest.raises(InputError, match="HDU"):
        cut(tmp_path, [plane("SCI", 1.0, 1)], hdu)


@pytest.mark.parametrize("shape", [(1, 40, 50), (1, 1, 40, 50), (40, 50, 1), (40, 1, 50)])
@pytest.mark.parametrize("packed", [False, True])
def test_axes_of_length_one_are_left_out(tmp_path, shape, packed):
    image = noise(50)[:40]
    kind = fits.CompImageHDU if packed else fits.ImageHDU
    tile = {"tile_shape": shape, "compression_type": "GZIP_1", "quantize_level": 0}
    hdu = kind(image.reshape(shape), **(tile if packed else {}))
    variance = fits.ImageHDU(np.full((40, 50), 4.0, dtype="f4"), name="VAR")
    fits.HDUList([fits.PrimaryHDU(), hdu, variance]).writeto(tmp_path / "a.fits")
    with FitsImage(tmp_path / "a.fits") as parent:
        assert parent.shape == (40, 50)
        stamp, notes = parent.stamp(Position(x=25.2, y=20.3), EXACT)
    np.testing.assert_array_equal(stamp.levels[0][:14, :14], image[14:28, 19:33])
    assert float(np.nanmax(stamp.variance)) == 4.0
    assert notes == ()


@pytest.mark.parametrize("sky", [(1, 2), (2, 3), (1, 3)])
def test_sky_axes_beside_one_of_length_one(tmp_path, sky):
    """CRPIX and CRVAL belong to the axes that are columns and rows."""
    shape = {(1, 2): (1, 40, 40), (2, 3): (40, 40, 1), (1, 3): (40, 1, 40)}[sky]
    other = ({1, 2, 3} - set(sky)).pop()
    header = fits.Header()
    cards = ("RA---TAN", 21.25, 150.0, -1e-4), ("DEC--TAN", 11.25, 2.0, 1e-4)
    for axis, values in zip((*sky, other), (*cards, ("FREQ", 1.0, 1.4e9, 1e6)), strict=True):
        for key, value in zip(("CTYPE", "CRPIX", "CRVAL", "CDELT"), values, strict=True):
            header[f"{key}{axis}"] = value
    fits.PrimaryHDU(noise(40).reshape(shape), header).writeto(tmp_path / "a.fits")
    with FitsImage(tmp_path / "a.fits") as parent:
        stamp, _ = parent.stamp(Position(ra=150.0, dec=2.0), EXACT)
    # 1-based (21.25, 11.25) is pixel (20.25, 10.25): the corner is at (20.5, 10.5).
    assert (stamp.dx, stamp.dy) == pytest.approx((-0.25, -0.25), abs=1e-6)
    np.testing.assert_array_equal(stamp.levels[0][:14, :14], noise(40)[4:18, 14:28])


def test_a_cube_is_refused_by_its_name(tmp_path):
    fits.PrimaryHDU(np.zeros((3, 40, 40), dtype="f4")).writeto(tmp_path / "a.fits")
    with pytest.raises(InputError, match="3 x 40 x 40: cut a plane"):
        FitsImage(tmp_path / "a.fits")
    with pytest.raises(InputError, match="3 x 40 x 40"):
        FitsImage(tmp_path / "a.fits", 0)


def test_image_axes():
    assert image_axes((5, 7)) == (0, 1)
    assert image_axes((1, 7)) == (0, 1)
    assert image_axes((1, 1, 7)) == (1, 2)
    assert image_axes((5, 1, 7, 1)) == (0, 2)
    assert image_axes((1, 1, 1, 1)) == (2, 3)
    assert image_axes((2, 5, 7)) is None
    assert image_axes((7,)) is None
    assert image_axes((0, 7)) is None


def test_psf_of_an_odd_number_of_axes_is_noted(tmp_path):
    psf = fits.ImageHDU(np.stack([gauss((21, 21))] * 3), name="PSF")
    stamp, notes = cut(tmp_path, [plane("SCI", 1.0), psf])
    assert stamp.psf is None
    assert any("PSF" in note and "3 x 21 x 21" in note for note in notes)
