"""Gzip data in memory: what comes out does not depend on the library that is installed."""

import gzip
import struct
import zlib

import pytest

from hstamp.container import gunzip
from hstamp.errors import HstampError

TEXT = b"SIMPLE  =                    T" + bytes(range(256)) * 20
PLAIN = gzip.compress(TEXT, mtime=0)
BODY, TRAILER = PLAIN[10:-8], PLAIN[-8:]


def member(flags: int, extra: bytes = b"") -> bytes:
    """RFC 1952, Section 2.3: header, what the flags announce, deflated data, CRC-32 and size."""
    return b"\x1f\x8b\x08" + bytes((flags,)) + bytes(5) + b"\x03" + extra + BODY + TRAILER


GOOD = {
    "plain": member(0),
    "name": member(8, b"cutout.fits\0"),
    "extra field": member(4, struct.pack("<H", 3) + b"abc"),
    "comment": member(16, b"no comment\0"),
    "header checksum": member(2, struct.pack("<H", zlib.crc32(member(2)[:10]) & 0xFFFF)),
    "padded": PLAIN + bytes(9),
}
BAD = {
    "reserved flag 5": member(0x20),
    "reserved flag 7": member(0x80),
    "wrong header checksum": member(2, b"\0\0"),
    "cut": PLAIN[:-1],
    "cut in the data": PLAIN[:60],
    "wrong checksum": PLAIN[:-8] + b"\0\0\0\0" + PLAIN[-4:],
    "wrong size": PLAIN[:-4] + b"\0\0\0\0",
    "no data": PLAIN[:10],
    "nothing": b"\x1f\x8b",
}


@pytest.fixture(params=["all", "zlib alone"])
def libraries(request, monkeypatch):
    if request.param == "all":
        pytest.importorskip("isal")
        assert len(gunzip._libraries()) == 2
    else:
        monkeypatch.setattr(gunzip, "_libraries", lambda: ((zlib, zlib.error),))


@pytest.mark.parametrize("name", GOOD)
def test_members_of_every_kind(libraries, name):
    assert gunzip.inflate(GOOD[name]) == TEXT


@pytest.mark.parametrize("name", BAD)
def test_damage_is_told(libraries, name):
    with pytest.raises(HstampError, match="gzip"):
        gunzip.inflate(BAD[name])


def test_two_members_are_one_file(libraries):
    assert gunzip.inflate(PLAIN + gzip.compress(b"more")) == TEXT + b"more"


def test_no_more_than_the_limit(libraries):
    assert gunzip.inflate(PLAIN, len(TEXT)) == TEXT
    with pytest.raises(HstampError, match="E_LIMIT"):
        gunzip.inflate(PLAIN, len(TEXT) - 1)
