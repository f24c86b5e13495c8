"""A variance, mask or PSF that cannot be used costs itself, says so, and never the stamp."""

from io import BytesIO

import numpy as np
import pytest
from astropy.io import fits
from convert_samples import LSST_SCHEMA, gauss, lsst_alert, lsst_cutout, noise, write_ocf

from hstamp import InputError, read_stamps
from hstamp.convert import EncodeOptions, FitsImage, Position, encode_parent, parent_from_cutout
from hstamp.convert.uncertainty import as_variance

EXACT = EncodeOptions(encoding="f4", variance_encoding="f4", levels=2)
SIDE = 40


def cut(tmp_path, hdus, options=EXACT, primary=None):
    path = tmp_path / "in.fits"
    first = fits.PrimaryHDU(noise(SIDE)) if primary is None else primary
    fits.HDUList([first, *hdus]).writeto(path, overwrite=True, output_verify="ignore")
    with FitsImage(path) as image:
        return image.stamp(Position(x=20.0, y=20.0), options)


def flat(value, name, dtype="f4", **cards):
    hdu = fits.ImageHDU(np.full((SIDE, SIDE), value, dtype=dtype), name=name)
    hdu.header.update(cards)
    return hdu


def hollow():
    psf = np.full((41, 41), 1.0)
    psf[10:31, 10:31] = -1.5
    return psf


@pytest.mark.parametrize(
    ("psf", "word"),
    [
        (gauss((40, 40)), "central pixel"),
        (gauss((41, 40)), "central pixel"),
        (hollow(), "no positive sum"),
        (-gauss((41, 41)), "no positive sum"),
        (np.zeros((41, 41)), "no positive sum"),
        (np.full((41, 41), np.nan), "not finite"),
        (np.where(gauss((41, 41)) == 1, np.inf, 1.0), "not finite"),
        (np.ones(41), "41"),
        (np.ones((3, 41, 41)), "3 x 41 x 41"),
    ],
)
def test_a_psf_that_cannot_be_stored(tmp_path, psf, word):
    stamp, notes = cut(tmp_path, [fits.ImageHDU(psf, name="PSF")])
    assert stamp.psf is None
    assert len(notes) == 1
    assert "PSF" in notes[0]
    assert word in notes[0]


def test_a_psf_with_an_axis_of_length_one_is_a_psf(tmp_path):
    stamp, notes = cut(tmp_path, [fits.ImageHDU(gauss((21, 21))[None], name="PSF")])
    assert notes == ()
    np.testing.assert_allclose(stamp.psf, gauss((21, 21)) / gauss((21, 21)).sum(), atol=2e-6)


def test_an_even_psf_of_an_alert_is_left_out():
    payload = lsst_cutout(noise(30), 14.3, 14.6, psf_shape=(40, 40))
    parent = parent_from_cutout(payload, ra=150.0, dec=2.0, options=EncodeOptions())
    assert parent.psf is None
    assert any(note.startswith("PSF left out") for note in parent.notes)
    assert encode_parent(parent, EncodeOptions()).psf is None


def test_planes_of_another_shape(tmp_path):
    small = fits.ImageHDU(np.ones((20, 20), dtype="f4"), name="VAR")
    mask = fits.ImageHDU(np.ones((20, 20), dtype="i4"), name="MASK")
    stamp, notes = cut(tmp_path, [small, mask])
    assert stamp.variance is None
    assert stamp.mask is None
    assert len(notes) == 2


def damaged_tiles(name, how):
    """A compressed plane whose compressed bytes, or whose header, are not what they should be."""
    values = np.full((SIDE, SIDE), 4, dtype="i4") + np.arange(SIDE, dtype="i4") % 3
    hdu = fits.CompImageHDU(values, name=name, compression_type="GZIP_1")
    path = fits.HDUList([fits.PrimaryHDU(noise(SIDE)), hdu])
    stream = BytesIO()
    path.writeto(stream)
    return how(stream.getvalue())


def swap(old, new):
    def change(data):
        assert old in data
        return data.replace(old, new.ljust(len(old)))

    return change


def heap_noise(data):
    start = data.rindex(b"\x1f\x8b\x08")
    return data[: start + 10] + b"\xff" * 12 + data[start + 22 :]


@pytest.mark.parametrize("name", ["VARIANCE", "MASK"])
@pytest.mark.parametrize(
    "how",
    [
        heap_noise,
        swap(b"'GZIP_1  '", b"'FOO_1   '"),
        swap(b"'1PB(", b"'9PB("),
        swap(b"ZTILE2  =                    1", b"ZTILE2  =                    0"),
        swap(b"ZTILE2  =                    1", b"ZTILE9  =                    1"),
        swap(b"ZNAXIS2 =                   40", b"ZNAXIS2 =             20000000"),
    ],
)
def test_damaged_compressed_planes(tmp_path, name, how):
    (tmp_path / "a.fits").write_bytes(damaged_tiles(name, how))
    with FitsImage(tmp_path / "a.fits") as image:
        # The damage may lie in the last tile of all.
        stamp, notes = image.stamp(Position(x=38.0, y=38.0), EXACT)
    assert stamp.variance is None
    assert stamp.mask is None
    assert len(notes) == 1
    np.testing.assert_array_equal(stamp.levels[0][:5, :5], noise(SIDE)[32:37, 32:37])


def test_options_that_name_what_is_not_there_are_errors(tmp_path):
    options = EncodeOptions(mask_planes=("NONE",))
    with pytest.raises(InputError, match="NONE"):
        cut(tmp_path, [flat(1, "MASK", "i4")], options)
    with pytest.raises(InputError, match="size 20"):
        cut(tmp_path, [fits.ImageHDU(gauss((21, 21)), name="PSF")], EncodeOptions(psf_size=20))


def test_a_wcs_that_cannot_be_read_is_no_loss_to_a_pixel_position(tmp_path):
    primary = fits.PrimaryHDU(noise(SIDE))
    primary.header["CTYPE1"], primary.header["CTYPE2"] = "RA---XXX", "DEC--XXX"
    primary.header["CRVAL1"], primary.header["CRVAL2"] = 150.0, 2.0
    primary.header["CDELT1"], primary.header["CDELT2"] = 0.0, 0.0
    stamp, notes = cut(tmp_path, [], primary=primary)
    assert stamp.wcs is None
    assert any(note.startswith("WCS left out") for note in notes)
    with FitsImage(tmp_path / "in.fits") as image, pytest.raises(InputError):
        image.stamp(Position(ra=150.0, dec=2.0), EXACT)


def weighted(tmp_path, value=0.25, name="WHT", options=EXACT, **cards):
    primary = fits.PrimaryHDU(noise(SIDE))
    for key, word in cards.items():
        primary.header[key] = word
    stamp, notes = cut(tmp_path, [flat(value, name)], options, primary)
    return None if stamp.variance is None else float(np.nanmax(stamp.variance)), notes


@pytest.mark.parametrize("key", ["D001WHTT", "WHTTYPE", "FINALWHT", "RESWHT", "WHT_TYPE"])
def test_a_weight_is_what_its_header_says(tmp_path, key):
    assert weighted(tmp_path, **{key: "IVM"}) == (4.0, ())
    assert weighted(tmp_path, **{key: "ivm "}) == (4.0, ())
    variance, notes = weighted(tmp_path, **{key: "EXP"})
    assert variance is None
    assert "exposure time" in notes[0]
    variance, notes = weighted(tmp_path, **{key: "CUSTOM"})
    assert variance is None
    assert "--weight" in notes[0]


@pytest.mark.parametrize("name", ["WHT", "WEIGHT", "WGT"])
def test_a_weight_that_does_not_say_what_it_is(tmp_path, name):
    variance, notes = weighted(tmp_path, 1200.0, name)
    assert variance is None
    assert name in notes[0]
    assert "--weight" in notes[0]


def test_the_user_may_say_what_a_weight_is(tmp_path):
    for told, expected in (("ivar", 4.0), ("variance", 0.25), ("sigma", 0.0625), ("exptime", None)):
        options = EncodeOptions(encoding="f4", variance_encoding="f4", levels=2, weight=told)
        assert weighted(tmp_path, options=options)[0] == expected
        assert weighted(tmp_path, options=options, D001WHTT="EXP")[0] == expected


def test_weights_of_zero_and_one_are_a_mask(tmp_path):
    variance, notes = weighted(tmp_path, 1.0)
    assert variance is None
    assert "0 or 1" in notes[0]


def test_des_weights_are_inverse_variances(tmp_path):
    hdu = flat(0.25, "WGT", DES_EXT="WEIGHT", BUNIT="electrons")
    primary = fits.PrimaryHDU(noise(SIDE), fits.Header({"BUNIT": "electrons"}))
    stamp, _ = cut(tmp_path, [hdu], primary=primary)
    assert float(np.nanmax(stamp.variance)) == 4.0


@pytest.mark.parametrize(
    ("image", "name", "unit", "value", "expected"),
    [
        ("nJy", "VAR", "nJy2", 4.0, 4.0),
        ("nJy", "VAR", "nJy**2", 4.0, 4.0),
        ("nJy", "VAR", "uJy2", 4.0, 4e6),
        ("nJy", "ERR", "uJy", 4.0, 16e6),
        ("nJy", "ERR", "nJy", 4.0, 16.0),
        ("nJy", "IVAR", "uJy-2", 4.0, 0.25e6),
        ("nJy", "VAR", "nJy", 4.0, 4.0),
        ("electrons", "VAR", "electron2", 4.0, 4.0),
        ("nJy", "VAR", "what a unit", 4.0, 4.0),
        ("nJy", "VAR", "mag", 4.0, None),
        ("adu", "ERR", "electron", 4.0, None),
    ],
)
def test_units_of_the_variance_and_the_image(tmp_path, image, name, unit, value, expected):
    primary = fits.PrimaryHDU(noise(SIDE), fits.Header({"BUNIT": image}))
    stamp, notes = cut(tmp_path, [flat(value, name, BUNIT=unit)], primary=primary)
    if expected is None:
        assert stamp.variance is None
        assert "unit" in notes[0]
    else:
        assert float(np.nanmax(stamp.variance)) == pytest.approx(expected, rel=1e-6)


def test_as_variance_of_values_that_say_nothing():
    values = np.array([4.0, 0.0, -1.0, 1e30, np.nan, np.inf])
    nan = np.nan
    np.testing.assert_array_equal(as_variance(values, "variance"), [4, 0, -1, nan, nan, nan])
    np.testing.assert_array_equal(as_variance(values, "sigma"), [16, 0, nan, nan, nan, nan])
    np.testing.assert_array_equal(as_variance(values, "inverse"), [0.25, nan, nan, nan, nan, nan])


def test_one_bad_psf_of_many_alerts_costs_itself(tmp_path, convert):
    even = lsst_cutout(noise(30), 14.3, 14.6, psf_shape=(40, 40))
    good = lsst_cutout(noise(30), 14.3, 14.6, psf_shape=(21, 21))
    alerts = [
        lsst_alert(number, {"cutoutScience": payload})
        for number, payload in enumerate([good, even] * 4)
    ]
    source = write_ocf(tmp_path / "in.avro", LSST_SCHEMA, alerts)
    report = convert(source, tmp_path / "out.avro", form="stamps")
    assert not report.problems
    ((note, count),) = report.notes.items()
    assert note == "science: PSF left out: a PSF needs a central pixel; shape (40, 40) has none"
    assert count == 4
    stamps = [item.stamp for item in read_stamps(tmp_path / "out.avro")]
    assert [stamp.psf is None for stamp in stamps[1::3]] == [False, True] * 4
    assert not any(stamp.psf is None for stamp in stamps[::3] + stamps[2::3])
