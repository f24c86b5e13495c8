"""Integer images: blank pixels, offsets, and masks of every width."""

import numpy as np
import pytest
from astropy.io import fits
from convert_samples import gauss, noise

from hstamp.convert import EncodeOptions, FitsImage, Position

EXACT = EncodeOptions(encoding="f4", variance_encoding="f4", levels=2)
SIDE = 40


def raw_hdu(stored, **cards):
    """Bytes of an extension with these stored values, whatever its header says of them."""
    values = {"XTENSION": "'IMAGE   '", "BITPIX": 8 * stored.dtype.itemsize, "NAXIS": 2,
              "NAXIS1": stored.shape[1], "NAXIS2": stored.shape[0], "PCOUNT": 0,
              "GCOUNT": 1, **cards}  # fmt: skip
    head = "".join(f"{f'{key:<8}= {value:>20}':<80}" for key, value in values.items()) + "END"
    head = head.ljust(-(-len(head) // 2880) * 2880)
    data = stored.astype(stored.dtype.newbyteorder(">")).tobytes()
    return head.encode("ascii") + data + bytes(-len(data) % 2880)


def cut(tmp_path, *parts, **options):
    path = tmp_path / "in.fits"
    primary = "".join(
        line.ljust(80)
        for line in ("SIMPLE  =                    T", "BITPIX  =                    8",
                     "NAXIS   =                    0", "END")
    ).ljust(2880)  # fmt: skip
    path.write_bytes(primary.encode("ascii") + b"".join(parts))
    with FitsImage(path) as image:
        return image.stamp(Position(x=20.0, y=20.0), EncodeOptions(
            encoding="f4", variance_encoding="f4", levels=2, **options))  # fmt: skip


# Pixel (20, 20) is row and column 6 of the core, whose corner is (14, 14).
CORE = np.s_[14:28]


@pytest.mark.parametrize(
    ("dtype", "blank", "cards", "scaled"),
    [
        ("u1", 0, {}, lambda v: v),
        ("u1", 255, {}, lambda v: v),
        ("u1", 0, {"BZERO": -128}, lambda v: v - 128),
        ("i2", -32768, {}, lambda v: v),
        ("i2", 0, {}, lambda v: v),
        ("i2", -32768, {"BSCALE": 0.5, "BZERO": 100.0}, lambda v: v * 0.5 + 100),
        ("i2", -32768, {"BZERO": 32768}, lambda v: v + 32768),
        ("i2", 32767, {"BZERO": 32768, "BSCALE": 1}, lambda v: v + 32768),
        ("i4", -2147483648, {}, lambda v: v),
        ("i4", -2147483648, {"BZERO": 2147483648}, lambda v: v + 2147483648),
        ("i4", 5, {"BSCALE": 0.25}, lambda v: v * 0.25),
        ("i8", -(2**63), {}, lambda v: v),
        ("i8", -(2**63), {"BZERO": 2**63}, lambda v: v + 2.0**63),
    ],
)
def test_blank_pixels_are_missing_in_every_integer_form(tmp_path, dtype, blank, cards, scaled):
    stored = (np.arange(SIDE * SIDE).reshape(SIDE, SIDE) % 50 + 10).astype(dtype)
    stored[20, 18:22] = blank
    stamp, notes = cut(tmp_path, raw_hdu(stored, BLANK=blank, **cards))
    expected = scaled(stored.astype(np.float64)).astype(np.float32)[CORE, CORE]
    expected[6, 4:8] = np.nan
    np.testing.assert_array_equal(stamp.levels[0][:14, :14], expected)
    assert notes == ()


@pytest.mark.parametrize("kind", ["u1", "i1", "i2", "u2", "i4", "u4", "i8", "u8"])
def test_integers_of_every_kind_keep_their_values(tmp_path, kind):
    """astropy writes those of the other signedness with an offset, of 2**63 for 64 bits."""
    values = (np.arange(SIDE * SIDE).reshape(SIDE, SIDE) % 101).astype(kind)
    fits.PrimaryHDU(values).writeto(tmp_path / "a.fits")
    packed = fits.CompImageHDU(values, compression_type="GZIP_1")
    fits.HDUList([fits.PrimaryHDU(), packed]).writeto(tmp_path / "b.fits")
    for name in ("a.fits", "b.fits"):
        with FitsImage(tmp_path / name) as image:
            stamp, notes = image.stamp(Position(x=20.0, y=20.0), EXACT)
        np.testing.assert_array_equal(stamp.levels[0][:14, :14], values[CORE, CORE])
        assert notes == ()


@pytest.mark.parametrize("cards", [{"BLANK": "1.5"}, {"BLANK": "'abc     '"}, {"BLANK": 2**70}])
def test_a_blank_that_no_pixel_can_have_is_none(tmp_path, cards):
    stored = np.full((SIDE, SIDE), 7, dtype="i2")
    stamp, _ = cut(tmp_path, raw_hdu(stored, **cards))
    np.testing.assert_array_equal(stamp.levels[0][:14, :14], np.full((14, 14), 7.0))


def test_blank_means_nothing_in_an_image_of_floats(tmp_path):
    hdu = fits.ImageHDU(np.full((SIDE, SIDE), 7.0, dtype="f4"))
    hdu.writeto(tmp_path / "a.fits")
    data = (tmp_path / "a.fits").read_bytes().replace(b"END" + b" " * 77, f"{'BLANK   = 7':<80}END"
                                                      .ljust(160).encode(), 2)  # fmt: skip
    (tmp_path / "a.fits").write_bytes(data)
    with FitsImage(tmp_path / "a.fits") as image:
        stamp, _ = image.stamp(Position(x=20.0, y=20.0), EXACT)
    assert not np.isnan(stamp.levels[0][:14, :14]).any()


@pytest.mark.parametrize("quantize", [16, 0])
def test_blank_pixels_of_compressed_images(tmp_path, quantize):
    values = noise(SIDE)
    values[20, 18:22] = np.nan
    hdu = fits.CompImageHDU(values, compression_type="RICE_1" if quantize else "GZIP_2",
                            quantize_level=quantize)  # fmt: skip
    integers = np.where(np.isnan(values), -32768, 100 * np.nan_to_num(values)).astype("i2")
    coded = fits.CompImageHDU(integers, fits.Header({"BLANK": -32768}), compression_type="RICE_1")
    for number, kind in enumerate((hdu, coded)):
        path = tmp_path / f"{number}.fits"
        fits.HDUList([fits.PrimaryHDU(), kind]).writeto(path)
        with FitsImage(path) as image:
            stamp, _ = image.stamp(Position(x=20.0, y=20.0), EXACT)
        missing = np.isnan(stamp.levels[0][:14, :14])
        assert missing.sum() == 4
        assert missing[6, 4:8].all()


def test_blank_in_a_variance_is_no_information(tmp_path):
    image = np.full((SIDE, SIDE), 7, dtype="i4")
    variance = np.full((SIDE, SIDE), 9, dtype="i2")
    variance[20, 20] = -1
    stamp, notes = cut(tmp_path, raw_hdu(image), raw_hdu(variance, EXTNAME="'VAR     '", BLANK=-1))
    core = stamp.variance[0][:14, :14]
    assert np.isnan(core[6, 6])
    assert np.nansum(core) == 9 * 195
    assert notes == ()


def test_blank_in_a_mask_is_a_missing_pixel(tmp_path):
    image = np.full((SIDE, SIDE), 7, dtype="i4")
    for dtype, blank, zero in (("i2", -32768, 0), ("i4", 9, 0), ("i2", -32768, 32768)):
        mask = np.full((SIDE, SIDE), 2 - zero, dtype=dtype)
        mask[20, 20] = blank
        stamp, notes = cut(
            tmp_path,
            raw_hdu(image),
            raw_hdu(mask, EXTNAME="'MASK    '", BLANK=blank, BZERO=zero),
        )
        missing = np.isnan(stamp.levels[0][:14, :14])
        assert missing[6, 6]
        assert missing.sum() == 1
        assert stamp.mask_planes == ("BIT1",)
        assert stamp.mask[0][5, 5] == 1
        assert any("1 pixels are blank in the mask" in note for note in notes)


@pytest.mark.parametrize(
    ("dtype", "zero", "value", "planes"),
    [
        ("u1", 0, 1, ("BIT0",)),
        ("u1", 0, 0x81, ("BIT0", "BIT7")),
        ("i2", 0, -32768, ("BIT15",)),
        ("i2", 32768, -32768 + 5, ("BIT0", "BIT2")),
        ("i4", 0, -(2**31), ("BIT31",)),
        ("i4", 0, -(2**31) + 1, ("BIT0", "BIT31")),
        ("i4", 2**31, 0, ("BIT31",)),
        ("i8", 0, 2**40, ("BIT40",)),
        ("i8", 0, -(2**63), ("BIT63",)),
        ("i8", 2**63, 1, ("BIT0", "BIT63")),
        ("f4", 0, 6.0, ("BIT1", "BIT2")),
        ("f8", 0, 2.0**52, ("BIT52",)),
    ],
)
def test_bits_of_masks_of_every_form(tmp_path, dtype, zero, value, planes):
    image = np.full((SIDE, SIDE), 7, dtype="i4")
    mask = np.full((SIDE, SIDE), -zero if zero else 0).astype(dtype)
    mask[20, 20] = value
    cards = {"BITPIX": -8 * mask.dtype.itemsize} if mask.dtype.kind == "f" else {}
    stamp, notes = cut(
        tmp_path, raw_hdu(image), raw_hdu(mask, EXTNAME="'DQ      '", BZERO=zero, **cards)
    )
    assert stamp.mask_planes == planes
    assert stamp.mask[0][6, 6] == 2 ** len(planes) - 1
    assert np.count_nonzero(stamp.mask[0][:14, :14]) == 1
    assert notes == ()


@pytest.mark.parametrize("value", [0.5, -1.0, 1e30, np.inf])
def test_a_mask_that_holds_no_integers_is_left_out(tmp_path, value):
    mask = np.full((SIDE, SIDE), value, dtype="f4")
    hdus = [fits.PrimaryHDU(noise(SIDE)), fits.ImageHDU(mask, name="MASK")]
    fits.HDUList(hdus).writeto(tmp_path / "a.fits")
    with FitsImage(tmp_path / "a.fits") as image:
        stamp, notes = image.stamp(Position(x=20.0, y=20.0), EXACT)
    assert stamp.mask is None
    assert len(notes) == 1
    assert notes[0].startswith("mask left out")


def test_plane_names_that_name_no_bit_are_passed_over(tmp_path):
    mask = fits.ImageHDU(np.full((SIDE, SIDE), 5, dtype="i4"), name="MASK")
    for key, value in {"MP_A": 0, "MP_HUGE": 2**200, "MP_64": 64, "MP_NEG": -1, "MP_TRUE": True,
                       "MP_TEXT": "2", "MP_HALF": 2.5, "MP_WHOLE": 3.0}.items():  # fmt: skip
        mask.header[f"HIERARCH {key}"] = value
    hdus = [fits.PrimaryHDU(noise(SIDE)), mask, fits.ImageHDU(gauss((21, 21)), name="PSF")]
    fits.HDUList(hdus).writeto(tmp_path / "a.fits")
    with FitsImage(tmp_path / "a.fits") as image:
        stamp, _ = image.stamp(Position(x=20.0, y=20.0), EXACT)
    assert stamp.mask_planes == ("A", "TEXT", "WHOLE")
    assert stamp.mask[0][6, 6] == 0b011
    assert stamp.psf is not None


def test_two_names_of_one_bit_mark_it_once(tmp_path):
    mask = fits.ImageHDU(np.zeros((SIDE, SIDE), dtype="i4"), name="MASK")
    mask.data[20, 20], mask.data[20, 21] = 2, 4
    mask.header["MP_A"], mask.header["MP_B"] = 1, 1
    fits.HDUList([fits.PrimaryHDU(noise(SIDE)), mask]).writeto(tmp_path / "a.fits")
    options = EncodeOptions(encoding="f4", levels=2, unusable=("A", "B"))
    with FitsImage(tmp_path / "a.fits") as image:
        stamp, _ = image.stamp(Position(x=20.0, y=20.0), options)
    missing = np.isnan(stamp.levels[0][:14, :14])
    assert missing[6, 6]
    assert missing.sum() == 1


def test_fills_are_missing_and_counted(tmp_path):
    image = noise(SIDE)
    image[20, 18:21] = -1e30, np.finfo("f4").max, 1.6e38
    image[21, 20] = 9e28
    variance = np.full((SIDE, SIDE), 4.0, dtype="f4")
    variance[22, 22] = 1e30
    hdus = [fits.PrimaryHDU(image), fits.ImageHDU(variance, name="VAR")]
    fits.HDUList(hdus).writeto(tmp_path / "a.fits")
    with FitsImage(tmp_path / "a.fits") as parent:
        stamp, notes = parent.stamp(Position(x=20.0, y=20.0), EXACT)
    missing = np.isnan(stamp.levels[0][:14, :14])
    assert missing.sum() == 3
    assert missing[6, 4:7].all()
    assert np.isnan(stamp.variance[0][8, 8])
    assert notes == ("3 pixels hold fills (magnitude 1e29 or more): missing",)


def test_fills_of_many_stamps_are_one_line_of_the_summary(tmp_path, convert):
    image = noise(SIDE)
    image[20, 18:21] = -1e30
    fits.PrimaryHDU(image).writeto(tmp_path / "a.fits")
    places = (Position(x=20.0, y=20.0), Position(x=18.0, y=20.0), Position(x=21.0, y=21.0))
    report = convert(tmp_path / "a.fits", tmp_path / "o.avro", positions=places, options=EXACT)
    report.notes["another"] += 1
    lines = [line for line in report.lines() if line.startswith("note")]
    assert lines == [
        "note        3 x 9 pixels hold fills (magnitude 1e29 or more): missing",
        "note        1 x another",
    ]
