"""Files are recognised by what is in them."""

import bz2
import gzip
import lzma
import zlib

import pytest

from hstamp.cli import main
from hstamp.container.detect import Kind, detect, sniff

HEADS = {
    Kind.OCF: b"Obj\x01" + b"\x02" * 60,
    Kind.WIRE: b"\x00\x00\x00\x04\x4d\x02",
    Kind.FITS: b"SIMPLE  =                    T",
    Kind.PARQUET: b"PAR1" + b"\x15" * 20,
    Kind.BLOB: b"\xc3\x01\x43\x6e\xb4\xbe\xbc\xee\xdc\x4c",
    Kind.GZIP: gzip.compress(b"SIMPLE  ="),
    Kind.EMPTY: b"",
    Kind.PACKED: b"PK\x03\x04",
    Kind.UNKNOWN: b"%PDF-1.7",
}


@pytest.mark.parametrize("kind", HEADS, ids=lambda kind: kind.name)
def test_kind_from_first_bytes(kind):
    assert sniff(HEADS[kind]) is kind


@pytest.mark.parametrize("kind", [k for k in HEADS if k is not Kind.GZIP], ids=lambda k: k.name)
@pytest.mark.parametrize("name", ["a.avro", "a.fits", "a.gz", "a"])
def test_name_does_not_matter(tmp_path, kind, name):
    path = tmp_path / name
    path.write_bytes(HEADS[kind])
    assert detect(path) == (kind, False)
    path.write_bytes(gzip.compress(HEADS[kind]))
    assert detect(path) == (kind, True)


def test_ztf_fits_with_free_format_simple_card():
    assert sniff(b"SIMPLE  =  T   ") is Kind.FITS


@pytest.mark.parametrize("pack", [bz2.compress, lzma.compress])
def test_what_gzip_did_not_pack_is_named(tmp_path, capsys, pack):
    """Archives send FITS files as .fits.bz2 and .fits.xz."""
    path = tmp_path / "a.fits.packed"
    path.write_bytes(pack(HEADS[Kind.FITS] * 200))
    assert detect(path) == (Kind.PACKED, False)
    for command in (["info", str(path)], ["convert", str(path), "-o", str(tmp_path / "o.avro")]):
        assert main(command) == 1
        said = "".join(capsys.readouterr())
        assert "E_MAGIC" in said
        assert "unpack it first" in said


def test_gzip_header_with_a_long_file_name(tmp_path):
    body = zlib.compressobj(wbits=-15)
    data = body.compress(HEADS[Kind.FITS]) + body.flush()
    path = tmp_path / "long"
    path.write_bytes(
        b"\x1f\x8b\x08\x08" + b"\0" * 6 + b"n" * 5000 + b"\0" + data
        + zlib.crc32(HEADS[Kind.FITS]).to_bytes(4, "little")
        + len(HEADS[Kind.FITS]).to_bytes(4, "little")
    )  # fmt: skip
    assert detect(path) == (Kind.FITS, True)


def test_damaged_gzip_is_unknown(tmp_path):
    path = tmp_path / "x"
    path.write_bytes(b"\x1f\x8b\x08\x00" + b"\xff" * 40)
    assert detect(path) == (Kind.UNKNOWN, True)


def test_truncated_gzip_still_shows_its_kind(tmp_path):
    path = tmp_path / "x"
    path.write_bytes(gzip.compress(HEADS[Kind.FITS] + bytes(range(256)) * 40)[:-20])
    assert detect(path) == (Kind.FITS, True)


@pytest.mark.parametrize("first", [b"", b"S", HEADS[Kind.FITS][:5]])
def test_kind_of_a_gzip_file_whose_first_member_is_short(tmp_path, first):
    path = tmp_path / "x"
    rest = HEADS[Kind.FITS][len(first) :]
    path.write_bytes(gzip.compress(first) + bytes(600) + gzip.compress(rest))
    assert detect(path) == (Kind.FITS, True)


def test_gzip_inside_gzip(tmp_path):
    path = tmp_path / "x"
    path.write_bytes(gzip.compress(gzip.compress(HEADS[Kind.FITS])))
    assert detect(path) == (Kind.GZIP, True)
