"""FITS files that claim what cannot be: an answer, little memory, and no loop."""

import gzip
import struct
import tracemalloc
import zlib

import numpy as np
import pytest
from convert_samples import noise
from hypothesis import given, settings
from hypothesis import strategies as st

from hstamp import HstampError
from hstamp.convert import EncodeOptions, FitsImage, Position
from hstamp.convert.structure import check_structure

OPTIONS = EncodeOptions(encoding="f4", levels=2)
PIXELS = noise(30).astype(">f4").tobytes()
MASK = np.ones((30, 30), dtype=">i4").tobytes()


def card(key, value):
    if isinstance(value, bool):
        value = "T" if value else "F"
    elif isinstance(value, str):
        value = f"'{value:<8}'"
    return f"{key:<8}= {value:>20}".ljust(80)


def header(*cards):
    text = "".join(c.ljust(80)[:80] if isinstance(c, str) else card(*c) for c in cards)
    text += "END".ljust(80)
    return text.ljust(-(-len(text) // 2880) * 2880).encode("latin-1")


def padded(data):
    return data + bytes(-len(data) % 2880)


def primary(*cards, data=PIXELS, bitpix=-32, sides=(30, 30)):
    axes = [(f"NAXIS{n + 1}", side) for n, side in enumerate(sides)]
    head = header(("SIMPLE", True), ("BITPIX", bitpix), ("NAXIS", len(sides)), *axes, *cards)
    return head + padded(data)


EMPTY = primary(data=b"", bitpix=8, sides=())


def extension(*cards, name="MASK", data=MASK, bitpix=32):
    return header(
        ("XTENSION", "IMAGE"), ("BITPIX", bitpix), ("NAXIS", 2), ("NAXIS1", 30), ("NAXIS2", 30),
        ("PCOUNT", 0), ("GCOUNT", 1), ("EXTNAME", name), *cards,
    ) + padded(data)  # fmt: skip


def table(width, rows, pcount, columns, *cards, data=b""):
    named = [
        pair
        for number, (name, form) in enumerate(columns, 1)
        for pair in ((f"TTYPE{number}", name), (f"TFORM{number}", form))
    ]
    return header(
        ("XTENSION", "BINTABLE"), ("BITPIX", 8), ("NAXIS", 2), ("NAXIS1", width), ("NAXIS2", rows),
        ("PCOUNT", pcount), ("GCOUNT", 1), ("TFIELDS", len(columns)), *named, *cards,
    ) + padded(data)  # fmt: skip


def tiled(shape, tile, tiles, *cards, algorithm="GZIP_1", bitpix=-32, form="1PB(9)", name="IMG"):
    heap, pairs, word = b"".join(tiles), b"", 2 if "PI" in form else 1
    place = 0
    for one in tiles:
        pairs += struct.pack(">ii", len(one) // word, place)
        place += len(one)
    sides = [(f"ZNAXIS{n + 1}", side) for n, side in enumerate(shape)]
    sides += [(f"ZTILE{n + 1}", side) for n, side in enumerate(tile)]
    return table(
        8, len(tiles), len(heap), [("COMPRESSED_DATA", form)], ("ZIMAGE", True),
        ("ZCMPTYPE", algorithm), ("ZBITPIX", bitpix), ("ZNAXIS", len(shape)), *sides,
        ("EXTNAME", name), *cards, data=pairs + heap,
    )  # fmt: skip


def bomb(size):
    squeeze = zlib.compressobj(9, wbits=31)
    return b"".join(squeeze.compress(bytes(2**20)) for _ in range(size >> 20)) + squeeze.flush()


def one_tile(data, **options):
    cards = options.pop("cards", ())
    return tiled((30, 30), (30, 30), [data], *cards, **options)


def hcompress(rows, columns):
    return b"\xdd\x99" + struct.pack(">iii", rows, columns, 1) + bytes(80)


CODED = gzip.compress(PIXELS)
BLOCK = (("ZNAME1", "BLOCKSIZE"),)

KEEP_THE_STAMP = {
    "bits beyond 64": extension(("MP_A", 2**200), ("MP_B", 64), ("MP_C", -1), ("MP_D", 63)),
    "mask cards that are no numbers": extension("MP_A    = ((((", ("MP_B", "x"), ("MP_C", 5.5)),
    "cards that cannot be parsed": extension("FOO     = 'unclosed", "BUNIT   = \x01\x02\xff"),
    "a name that is not closed": extension("EXTVER  = 1 2 3", "EXTTYPE = 'MA"),
    "a chain of CONTINUE": extension(
        *["LONG    = 'x&'".replace("x", "x" * 60), *["CONTINUE  '" + "y" * 60 + "&'"] * 400]
    ),
    "HIERARCH junk": extension(*(f"HIERARCH MP_{n} JUNK {n} = {n}" for n in range(400))),
    "400 mask planes": extension(*(f"HIERARCH MP_N{n} = {n % 64}" for n in range(400))),
    "9999 MSKN": extension(*(f"MSKN{n:04d}= 'P{n}'" for n in range(0, 9999, 33))),
    "HDUs without data": header(
        ("XTENSION", "IMAGE"), ("BITPIX", 8), ("NAXIS", 0), ("PCOUNT", 0), ("GCOUNT", 1)
    ) * 15,
    "rows without bytes": table(0, 10**15, 0, [("A", "0B")]),
    "a huge repeat in a table": table(8, 1, 0, [("A", "999999999D")], data=bytes(8)),
    "an unknown compression": one_tile(CODED, algorithm="FOO_1", name="MASK"),
    "a bomb in the variance": one_tile(bomb(2**25), name="VARIANCE"),
    "a mask of tiles without pixels": tiled((0, 30), (1, 30), [], name="MASK"),
}  # fmt: skip


@pytest.mark.parametrize("what", KEEP_THE_STAMP)
def test_what_is_wrong_beside_the_image_costs_no_stamp(what, tmp_path):
    stamp, peak = converted(tmp_path, primary() + KEEP_THE_STAMP[what])
    assert stamp is not None
    np.testing.assert_array_equal(stamp.levels[0][:14, :14], noise(30)[9:23, 9:23])
    assert peak < 60e6


REFUSED = {
    "a billion columns": EMPTY + table(8, 1, 0, [], ("FOO", 1)).replace(
        b"TFIELDS =                    0", b"TFIELDS =           1000000000"),
    "columns below zero": EMPTY + table(8, 1, 0, []).replace(
        b"TFIELDS =                    0", b"TFIELDS =                   -1"),
    "columns that are no number": EMPTY + table(8, 1, 0, []).replace(
        b"TFIELDS =                    0", b"TFIELDS =                  1E9"),
    "a hidden size": primary("HIERARCH NAXIS1 = 1000000"),
    "two sizes": primary(("NAXIS1", 1000000)),
    "lower case sizes": primary("naxis1  =              1000000"),
    "random groups": primary(("GROUPS", True), ("PCOUNT", 0), ("GCOUNT", 9), sides=(0, 30)),
    "a scale of text": primary(("BSCALE", "abc"), bitpix=32),
    "no END": primary()[:2880].replace(b"END", b"   ") + PIXELS,
    "a gzip bomb": EMPTY + one_tile(bomb(2**25)),
    "gzip bombs by the tile": EMPTY + tiled((30, 30), (30, 1), [bomb(2**20)] * 30),
    "tiles on each other": EMPTY + table(
        8, 500, 2000, [("COMPRESSED_DATA", "1PB")], ("ZIMAGE", True), ("ZCMPTYPE", "GZIP_1"),
        ("ZBITPIX", -32), ("ZNAXIS", 2), ("ZNAXIS1", 30), ("ZNAXIS2", 500), ("ZTILE1", 30),
        ("ZTILE2", 1), data=struct.pack(">ii", 2000, 0) * 500 + bytes(2000)),
    "a tile of 2**62 pixels": EMPTY + tiled((2**31 - 1,) * 2, (2**31 - 1,) * 2, [CODED]),
    "a tile of 2**32 pixels": EMPTY + tiled(
        (2**16,) * 2, (2**16,) * 2, [CODED], algorithm="RICE_1", bitpix=16),
    "fifty axes": EMPTY + tiled((1,) * 50, (1,) * 50, [CODED]),
    "an axis below zero": EMPTY + tiled((-30, 30), (30, 30), [CODED]),
    "a tile of no pixel": EMPTY + tiled((30, 30), (0, 30), [CODED]),
    "too many tiles": EMPTY + tiled((30, 30), (30, 30), [CODED] * 5),
    "too few tiles": EMPTY + tiled((30, 30), (30, 1), [CODED] * 5),
    "rice blocks of 0": EMPTY + one_tile(
        CODED, algorithm="RICE_1", bitpix=32, cards=(*BLOCK, ("ZVAL1", 0))),
    "rice blocks of -5": EMPTY + one_tile(
        CODED, algorithm="RICE_1", bitpix=32, cards=(*BLOCK, ("ZVAL1", -5))),
    "rice blocks of text": EMPTY + one_tile(
        CODED, algorithm="RICE_1", bitpix=32, cards=(*BLOCK, ("ZVAL1", "32x"))),
    "rice that ends early": EMPTY + one_tile(CODED[:20], algorithm="RICE_1", bitpix=32),
    "plio that goes on": EMPTY + one_tile(
        struct.pack(">8h", 0, 7, -100, 32000, 32000, 0, 0, 0), algorithm="PLIO_1", bitpix=16,
        form="1PI(9)"),
    "hcompress larger than its tile": EMPTY + one_tile(
        hcompress(30000, 30000), algorithm="HCOMPRESS_1", bitpix=32),
    "hcompress of negative sides": EMPTY + one_tile(
        hcompress(-30, -30), algorithm="HCOMPRESS_1", bitpix=32),
    "a heap beyond the file": EMPTY + one_tile(CODED, cards=(("THEAP", 10**9),)),
    "a column of no known form": EMPTY + one_tile(CODED, form="1PE"),
    "unknown compression": EMPTY + one_tile(CODED, algorithm="FOO_1"),
    "BITPIX of tiles": EMPTY + one_tile(CODED, bitpix=-16),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
def test_what_cannot_be_read_is_refused(what, tmp_path):
    stamp, peak = converted(tmp_path, REFUSED[what])
    assert stamp is None
    assert peak < 60e6


@pytest.mark.parametrize("bitpix", [-8, -16, -128, 0, 1, 24, 10**15])
def test_impossible_bitpix(bitpix, tmp_path):
    assert converted(tmp_path, primary(bitpix=bitpix))[0] is None


def test_the_samples_are_good_where_nothing_is_wrong(tmp_path):
    for data in (
        primary() + extension(),
        EMPTY + one_tile(CODED),
        EMPTY + tiled((30, 30), (30, 1), [gzip.compress(PIXELS[n : n + 120])
                                          for n in range(0, 3600, 120)]),
    ):  # fmt: skip
        stamp, _ = converted(tmp_path, data)
        np.testing.assert_array_equal(stamp.levels[0][:14, :14], noise(30)[9:23, 9:23])


def test_of_hundreds_of_masks_none_is_taken(tmp_path):
    data = primary() + extension(data=b"\0" * 3600) * 300
    path = tmp_path / "a.fits"
    path.write_bytes(data)
    with FitsImage(path) as image:
        stamp, notes = image.stamp(Position(x=15.0, y=15.0), OPTIONS)
    assert stamp.mask is None
    assert len(notes) == 1


def test_headers_have_a_limit_together(tmp_path):
    lines = primary(*["COMMENT x"] * 20000)
    (tmp_path / "a.fits").write_bytes(lines + extension(*["COMMENT x"] * 20000) * 12)
    with (tmp_path / "a.fits").open("rb") as stream, pytest.raises(HstampError, match="headers"):
        check_structure(stream, (tmp_path / "a.fits").stat().st_size)


def test_a_gzipped_file_inflates_to_no_more_than_its_length_allows(tmp_path, monkeypatch):
    monkeypatch.setattr("hstamp.container.gunzip._FREE", 2**20)
    path = tmp_path / "a.fits.gz"
    path.write_bytes(gzip.compress(primary(bitpix=-64, sides=(500, 500), data=bytes(2 * 10**6))))
    with pytest.raises(HstampError, match="more than"):
        FitsImage(path, gzipped=True)


@settings(max_examples=60, deadline=None)
@given(
    algorithm=st.sampled_from(["RICE_1", "GZIP_1", "GZIP_2", "PLIO_1", "HCOMPRESS_1"]),
    data=st.binary(min_size=12, max_size=200),
    bitpix=st.sampled_from([8, 16, 32, -32]),
)
def test_any_bytes_as_a_tile(algorithm, data, bitpix, tmp_path_factory):
    form = "1PI(99)" if algorithm == "PLIO_1" else "1PB(99)"
    if algorithm == "HCOMPRESS_1":
        data = b"\xdd\x99" + struct.pack(">ii", 30, 30) + data
    hdu = one_tile(data[: len(data) // 2 * 2], algorithm=algorithm, bitpix=bitpix, form=form)
    converted(tmp_path_factory.mktemp("tile"), EMPTY + hdu)


def converted(folder, data):
    """The stamp at the middle, or None where an error of the tree says why not; peak memory."""
    assert len(data) < 60_000
    path = folder / "in.fits"
    path.write_bytes(data)
    tracemalloc.start()
    try:
        with FitsImage(path) as image:
            stamp, _ = image.stamp(Position(x=15.0, y=15.0), OPTIONS)
    except HstampError as error:
        assert error.code == "E_INPUT"
        assert str(error).isprintable()
        stamp = None
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    return stamp, peak
