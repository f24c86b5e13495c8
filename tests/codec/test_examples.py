"""Appendix B: each example written out by hand, against its stated results."""

import struct

import brute
import numpy as np
import pytest

import hstamp

HEADER = bytes.fromhex("C301 436EB4BEBCEEDC4C")


def test_b1():
    blob = (
        HEADER + bytes.fromhex("C801 04 00 00 066E4A79 00000000 0000803E 00 046634 00 00 A017")
        + bytes.fromhex("0000803F") * 196 + bytes.fromhex("00000040") * 176 + bytes(3)
    )  # fmt: skip
    stamp = hstamp.Stamp.from_bytes(blob)
    assert (stamp.version, stamp.n, stamp.id, stamp.band, stamp.flux_unit) == (
        100,
        2,
        None,
        None,
        "nJy",
    )
    assert (stamp.dx, stamp.dy, stamp.wcs) == (0.0, 0.25, None)
    assert stamp.variance is stamp.mask is stamp.psf is None
    expected = np.full((2, 15, 15), 2.0, dtype=np.float32)
    expected[0, :14, :14] = 1.0
    expected[1, 4:11, 4:11] = 1.0
    assert brute.same_bits(stamp.levels, expected)
    assert stamp.to_bytes() == blob


def test_b2():
    blob = (
        HEADER
        + bytes.fromhex("C801 04 02046131 020272 066E4A79 0000003F 000080BE 02")
        + bytes.fromhex("0000000000002540 00000000008046C0 000080B8 00000000 00000000 00008038")
        + bytes.fromhex("046932 040000C842000000C000 040000003F0000003E00 D00B")
        + b"\x00\x80" + b"\x01\x00" * 13 + b"\xff\xff" * 14 + bytes(2 * 168)
        + b"\x00\x80" * 15 + b"\x08\x00" * 161 + bytes(3)
    )  # fmt: skip
    stamp = hstamp.Stamp.from_bytes(blob)
    assert (stamp.id, stamp.band, stamp.dx, stamp.dy) == ("a1", "r", 0.5, -0.25)
    assert stamp.wcs == hstamp.Wcs(10.5, -45.0, -(2.0**-14), 0.0, 0.0, 2.0**-14)
    expected = np.full((2, 15, 15), -1.0, dtype=np.float32)
    expected[0, :14, :14] = 100.0
    expected[0, 0, :14] = 100.5
    expected[0, 1, :14] = 99.5
    expected[0, 0, 0] = np.nan
    expected[1, 0] = np.nan
    expected[1, 4:11, 4:11] = 100.0
    expected[1, 4, 4] = struct.unpack(">f", bytes.fromhex("42C7AAAB"))[0]
    assert brute.same_bits(stamp.levels, expected)
    assert stamp.to_bytes() == blob


def test_b3():
    blob = (
        HEADER + bytes.fromhex("C801 04 00 00 04444E 0000000000000000 00 046634 00 00 A017")
        + bytes.fromhex("000080BF") * 372
        + bytes.fromhex("02 086C6F6738 00008040 E805") + b"\x01" * 195 + b"\xff" + b"\x11" * 176
        + bytes.fromhex("02 047531 0406534154044352 00 E805")
        + b"\x02" + bytes(194) + b"\x01" + bytes(175) + b"\x03"
        + bytes.fromhex("02 046932 06 24 0000 0100 0000 0100 0400 0100 0000 0100 0000")
    )  # fmt: skip
    stamp = hstamp.Stamp.from_bytes(blob)
    assert stamp.flux_unit == "DN"
    assert brute.same_bits(stamp.levels, np.full((2, 15, 15), -1.0, dtype=np.float32))
    variance = np.full((2, 15, 15), 2.0, dtype=np.float32)
    variance[0, :14, :14] = 4.0
    variance[0, 13, 13] = np.nan
    variance[1, 4:11, 4:11] = 1.0
    variance[1, 10, 10] = struct.unpack(">f", bytes.fromhex("3FAAAAAB"))[0]
    assert brute.same_bits(stamp.variance, variance)
    mask = np.zeros((2, 15, 15), dtype=np.uint16)
    mask[0, 0, 0], mask[0, 13, 13], mask[1, 4, 4], mask[1, 10, 10], mask[1, 14, 14] = 2, 1, 2, 1, 3
    # (14, 14) of level 0 is derived from level 1 (11, 11), which is clear.
    np.testing.assert_array_equal(stamp.mask, mask)
    assert stamp.mask_planes == ("SAT", "CR")
    cross = np.float32([[0, 0.125, 0], [0.125, 0.5, 0.125], [0, 0.125, 0]])
    assert brute.same_bits(stamp.psf, cross)
    assert stamp.to_bytes() == blob


@pytest.mark.parametrize("payload", ["0000C07F", "0100807F", "FFFFFFFF", "010080FF"])
def test_any_nan_is_missing(payload):
    """Quiet, signalling and negative NaN alike, without a warning."""
    blob = (
        HEADER + bytes.fromhex("C801 04 00 00 066E4A79 00000000 00000000 00 046634 00 00 A017")
        + bytes.fromhex(payload) * 372 + bytes(3)
    )  # fmt: skip
    stamp = hstamp.Stamp.from_bytes(blob)
    assert np.isnan(stamp.levels).all()
    assert np.isnan(stamp.mosaic()).all()


def test_missing_code_at_the_largest_scale():
    """-32768 times the largest scale would overflow; it is missing, not computed."""
    scale = struct.pack("<f", brute.rnd4(brute.FLT_MAX / 32768))
    blob = (
        HEADER + bytes.fromhex("C801 04 00 00 066E4A79 00000000 00000000 00 046932")
        + b"\x04" + bytes(8) + b"\x00" + b"\x04" + scale * 2 + b"\x00"
        + bytes.fromhex("D00B") + b"\x00\x80" * 371 + b"\xff\x7f" + bytes(3)
    )  # fmt: skip
    stamp = hstamp.Stamp.from_bytes(blob)
    assert np.isnan(stamp.values[:371]).all()
    assert stamp.values[371] > 3e38
