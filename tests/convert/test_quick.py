"""The scanner of plain cutouts against astropy: the same cards, the same pixels, or nothing."""

import gzip
import io
import warnings
from pathlib import Path

import fastavro
import numpy as np
import pytest
from astropy.io import fits
from astropy.utils.exceptions import AstropyWarning
from convert_samples import fits_bytes, lsst_cutout, noise, ztf_cutout
from hypothesis import given
from hypothesis import strategies as st

from hstamp.convert.quick import scan_fits

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"
LSST = lsst_cutout(noise(30), 14.3, 14.6)
ZTF = gzip.decompress(ztf_cutout(noise(63))["stampData"])


def as_astropy(data):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AstropyWarning)
        with fits.open(io.BytesIO(data)) as hdus:
            return [(hdu.name, dict(hdu.header), np.array(hdu.data)) for hdu in hdus]


def assert_same(data):
    found = scan_fits(data)
    assert found is not None
    for hdu, (name, header, pixels) in zip(found, as_astropy(data), strict=True):
        assert hdu.name == name
        assert dict(hdu.header) == header
        assert {type(v) for v in hdu.header.values()} <= {int, float, bool, str}
        assert hdu.shape == pixels.shape
        assert hdu.section.dtype.newbyteorder("=") == pixels.dtype.newbyteorder("=")
        assert np.array_equal(hdu.section, pixels, equal_nan=True)


@pytest.mark.parametrize("data", [LSST, ZTF], ids=["lsst", "ztf"])
def test_same_as_astropy(data):
    assert_same(data)


def cutouts_of(path):
    with path.open("rb") as stream:
        for record in fastavro.reader(stream):
            for kind in ("Difference", "Science", "Template"):
                payload = record[f"cutout{kind}"]
                if isinstance(payload, dict):
                    payload = gzip.decompress(payload["stampData"])
                if payload:
                    yield payload


REAL = [
    path
    for folder in ("lsst/v9_ocf", "ztf", "ztf_labelled")
    for path in sorted((SHARED / folder).glob("*.avro"))
]


def test_real_cutouts_are_of_the_kind_and_the_same():
    if not REAL:
        pytest.skip("shared/data is not here")
    count = 0
    for path in REAL:
        for number, payload in enumerate(cutouts_of(path)):
            if number < 60:
                assert_same(payload)
                count += 1
    assert count > 200


def card(key, value):
    return f"{key:<8}= {value:>20}".ljust(80).encode()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (card("NAXIS1", "30"), card("NAXIS1", "30.0")),
        (card("NAXIS1", "30"), card("NAXIS1", "-30")),
        (card("NAXIS1", "30"), card("NAXIS1", "31000")),
        (card("NAXIS", "2"), card("NAXIS", "3")),
        (card("BITPIX", "-32"), card("BITPIX", "8")),
        (card("BITPIX", "-32"), card("BSCALE", "2.0")),
        (card("NAXIS2", "30"), card("NAXIS1", "30")),
    ],
)
def test_what_is_not_plain_is_left_to_the_general_reader(old, new):
    at = next(i for i in range(0, 2880, 80) if LSST[i : i + 8] == old[:8])
    assert scan_fits(LSST[:at] + new + LSST[at + 80 :]) is None


@pytest.mark.parametrize(
    "cards", [{"BZERO": 1.0}, {"CTYPE1": "RA---TAN"}, {"A_ORDER": 2}, {"FOO": "x"}]
)
def test_unknown_cards_are_left_to_the_general_reader(cards):
    hdu = fits.PrimaryHDU(noise(30))
    hdu.header.update(cards)
    assert scan_fits(fits_bytes([hdu])) is None


def test_more_than_the_file_holds():
    assert scan_fits(LSST[:-1]) is None
    assert scan_fits(LSST + b"x") is None
    assert scan_fits(b"") is None


@given(st.integers(0, len(LSST) - 1), st.integers(0, 255))
def test_a_changed_byte_never_gives_other_values(at, value):
    data = bytearray(LSST)
    data[at] = value
    found = scan_fits(bytes(data))
    if found is not None:
        assert_same(bytes(data))
