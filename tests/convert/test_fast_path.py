"""Cutouts that are scanned and cutouts that astropy reads give the same stamps."""

import gzip
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS
from convert_samples import fits_bytes, lsst_alert, lsst_cutout, noise, ztf_alert
from hypothesis import given
from hypothesis import strategies as st

from hstamp import Wcs
from hstamp.alerts import KINDS
from hstamp.convert import EncodeOptions, convert_alert, cutout
from hstamp.convert.plan import look_at
from hstamp.convert.position import plain_place
from hstamp.convert.quick import scan_fits
from hstamp.convert.sources import open_alerts
from hstamp.surveys import survey_of
from hstamp.tangent import parent_cd

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
FORMS = (".avro", ".parquet") if find_spec("pyarrow") else (".avro",)
FILES = [p for p in sorted(DATA.rglob("*")) if p.suffix in FORMS]
MOST = 150
"""Alerts of one file; the general reader takes 10 ms for each."""


def blobs(record, schema_name=None):
    made = convert_alert(record, EncodeOptions(), schema_name=schema_name)
    return (
        {kind: None if s is None else s.to_bytes() for kind, s in made.stamps.items()},
        {kind: str(error) for kind, error in made.failed.items()},
        made.notes,
    )


@pytest.fixture
def general(monkeypatch):
    def convert(*args):
        with monkeypatch.context() as patch:
            patch.setattr(cutout, "scan_fits", lambda data: None)
            return blobs(*args)

    return convert


@pytest.mark.parametrize("path", FILES or [None], ids=lambda path: path and path.stem)
def test_real_alerts(path, general, monkeypatch):
    if path is None:
        pytest.skip("shared/data is not here")
    kind, gzipped = look_at(path)
    if path.parent.name == "wire":
        pytest.importorskip("lsst.alert.packet")
    with open_alerts(path, kind, gzipped=gzipped) as source:
        items = [item for batch in source.batches() for item in batch.records][:MOST]
    for item in items:
        found = blobs(item.record, item.schema_name)
        assert any(found[0].values())
        assert found == general(item.record, item.schema_name)


def test_real_alerts_are_scanned(monkeypatch):
    """Nothing of LSST's and ZTF's container files needs the general reader."""
    paths = [p for p in FILES if p.parent.name in ("v9_ocf", "ztf", "ztf_labelled", "v10_parquet")]
    if not paths:
        pytest.skip("shared/data is not here")
    monkeypatch.setattr(cutout, "open_fits", lambda data: pytest.fail("read by astropy"))
    for path in paths:
        kind, gzipped = look_at(path)
        with open_alerts(path, kind, gzipped=gzipped) as source:
            item = next(source.batches()).records[0]
        made = convert_alert(item.record, EncodeOptions(), schema_name=item.schema_name)
        assert not made.failed


@pytest.mark.parametrize(
    "record",
    [
        lsst_alert(1, {"cutoutScience": lsst_cutout(noise(30), 14.3, 14.6)}),
        lsst_alert(1, {"cutoutScience": lsst_cutout(noise(31), 15.5, 14.6, psf_shape=(21, 25))}),
        lsst_alert(1, {"cutoutScience": lsst_cutout(noise(30), 14.3, 14.6)[:-2880]}),
        lsst_alert(1, {"cutoutScience": lsst_cutout(np.full((30, 30), 1e30), 14.3, 14.6)}),
        lsst_alert(1, {"cutoutScience": b"SIMPLE  ="}),
        ztf_alert() | {"objectId": "ZTF18abcdefg"},
        ztf_alert(xpos=3.3) | {"objectId": "ZTF18abcdefg"},
    ],
)
def test_made_alerts(record, general):
    assert blobs(record) == general(record)


def header_of(**cards):
    plain = {
        "NAXIS": 2, "CRPIX1": 15.5, "CRPIX2": 14.25, "CRVAL1": 150.0, "CRVAL2": 2.0,
        "CDELT1": 1.0, "CDELT2": 1.0,
        "PC1_1": -5e-5, "PC1_2": 1e-6, "PC2_1": 2e-6, "PC2_2": 5.1e-5,
    }  # fmt: skip
    return {key: value for key, value in {**plain, **cards}.items() if value is not None}


def test_numbers_of_the_header():
    place = plain_place(header_of(CDELT1=2.0, LATPOLE=90.0), 150.0, 2.0)
    assert (place.x, place.y) == (14.5, 13.25)
    assert place.wcs == Wcs(150.0, 2.0, -1e-4, 2e-6, 2e-6, 5.1e-5)
    assert place == plain_place(fits.Header(header_of(CDELT1=2.0, LATPOLE=90.0)), 150.0, 2.0)


NO_PC = dict.fromkeys(("PC1_1", "PC1_2", "PC2_1", "PC2_2", "CDELT1", "CDELT2"))
CD = {"CD1_1": -5e-5, "CD1_2": 1e-6, "CD2_1": 2e-6, "CD2_2": 5.1e-5}


def test_cd_matrix_and_elements_that_are_not_there():
    found = plain_place(header_of(**NO_PC, **CD), 150.0, 2.0)
    assert found.wcs == Wcs(150.0, 2.0, -5e-5, 1e-6, 2e-6, 5.1e-5)
    # A PC matrix is the unit matrix where it says nothing, a CD matrix zero (Table 2).
    found = plain_place(header_of(**{**NO_PC, "CDELT1": -1e-4, "CDELT2": 2e-4}), 150.0, 2.0)
    assert found.wcs == Wcs(150.0, 2.0, -1e-4, 0.0, 0.0, 2e-4)
    found = plain_place(header_of(**NO_PC, CD1_2=1e-4, CD2_1=2e-4), 150.0, 2.0)
    assert found.wcs == Wcs(150.0, 2.0, 0.0, 1e-4, 2e-4, 0.0)


@pytest.mark.parametrize(
    "cards",
    [
        {"CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN"},
        {"CUNIT1": "arcsec"},
        {"RADESYS": "FK5"},
        {"LONPOLE": 90.0},
        {"CROTA2": 20.0},
        {"PV2_1": 1.0},
        {"A_ORDER": 2},
        {"NAXIS": 3},
        {"WCSAXES": 3},
        {"CRVAL3": 1.0},
        {"PC1_1": 0.0, "PC1_2": 0.0},
        {"PC1_1": float("inf")},
        {"PC1_1": "-5e-5"},
        {"PC1_1": True},
        {"CDELT1": None},
        {"CRVAL1": None},
        {"CRVAL1": 150.1},
        {"CD1_1": 1e-4},
    ],
)
def test_what_is_not_plain_is_left_to_wcslib(cards):
    assert plain_place(header_of(), 150.0, 2.0) is not None
    assert plain_place(header_of(**cards), 150.0, 2.0) is None


def test_no_plain_place_at_a_pole_or_for_an_empty_wcs():
    assert plain_place(header_of(CRVAL2=90.0), 150.0, 90.0) is None
    empty = dict.fromkeys(("CRPIX1", "CRPIX2", "CRVAL1", "CRVAL2"), 0.0)
    assert plain_place(header_of(**empty), 0.0, 0.0) is None


@given(
    st.floats(0.0, 360.0),
    st.floats(-89.0, 89.0),
    st.tuples(*[st.floats(0.2, 1.0)] * 2, *[st.floats(-0.1, 0.1)] * 2),
)
def test_the_matrix_is_the_jacobian_that_wcslib_gives(ra, dec, matrix):
    a, d, b, c = (1e-4 * value for value in matrix)
    cards = header_of(
        CRVAL1=ra, CRVAL2=dec, PC1_1=-a, PC1_2=b, PC2_1=c, PC2_2=d, CTYPE1=None, CTYPE2=None
    )
    place = plain_place(cards, ra, dec)
    wcs = WCS(fits.Header({**cards, "CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN"}))
    expected = parent_cd(wcs, place.x, place.y)
    assert place.wcs.cd == pytest.approx(expected.cd, rel=0, abs=1e-11)
    assert place.wcs.dec == pytest.approx(expected.dec, abs=1e-12)
    assert abs((place.wcs.ra - expected.ra + 180.0) % 360.0 - 180.0) < 1e-10


def test_whole_ztf_cutouts_without_a_wcs_are_scanned():
    record = ztf_alert()
    payload = gzip.decompress(record["cutoutScience"]["stampData"])
    assert scan_fits(payload) is not None
    assert survey_of(record, "ztf.alert").name == "ZTF"
    assert set(KINDS) == set(convert_alert(record, EncodeOptions(), schema_name="ztf.alert").stamps)


def test_images_of_two_extensions_follow_their_own_headers():
    """What a plane is hangs on its own cards, also where an earlier cutout had the same shapes."""
    image, other = noise(30), np.full((30, 30), 4.0, np.float32)
    cards = header_of(NAXIS=None, PC1_1=-5.5e-5, PC1_2=1.5e-6, PC2_1=2.5e-6)
    for name, variance in (("UNCERT", True), ("THUMBNAIL", False), ("UNCERT", True)):
        hdu = fits.ImageHDU(other, name=name)
        payload = fits_bytes([fits.PrimaryHDU(image, fits.Header(cards)), hdu])
        assert scan_fits(payload) is not None
        made = convert_alert(
            lsst_alert(
                1,
                {"cutoutScience": payload},
            ),
            EncodeOptions(),
        )
        assert (made.stamps["science"].variance is not None) == variance
