"""Units that astropy does not know, or knows under another spelling."""

from __future__ import annotations

import pickle
from pathlib import Path

import astropy.units as u
import numpy as np
import pytest
from astropy.io import fits
from astropy.nddata import CCDData
from export_cases import make_full

import hstamp
from hstamp.export.units import bunit, unit_of

SPELLINGS = {
    "nJy": u.nJy,
    "ADU": u.adu,
    "Adu": u.adu,
    "ELECTRONS": u.electron,
    "e-": u.electron,
    "counts": u.count,
    "COUNTS/S": u.count / u.s,
    "counts s-1": u.count / u.s,
    "DN/sec": u.DN / u.s,
    "e-/sec": u.electron / u.s,
    "electrons per second": u.electron / u.s,
    "photons": u.photon,
    "JY": u.Jy,
    "nanomaggies": u.Unit("nmgy"),
}
ABSENT = ("unknown", "UNKNOWN", "None", " ")


def stamp(unit: str) -> hstamp.Stamp:
    return make_full(2, flux_unit=unit, wcs=None)


@pytest.mark.parametrize(("text", "unit"), SPELLINGS.items())
def test_spellings_of_headers_are_the_units_they_mean(text: str, unit: u.UnitBase) -> None:
    ccd = stamp(text).to_ccddata(0)
    assert ccd.unit == unit
    assert ccd.uncertainty.unit == unit**2
    assert np.nanmedian(ccd.uncertainty.array) == pytest.approx(400, rel=0.03)


@pytest.mark.parametrize("text", ABSENT)
def test_no_unit_is_dimensionless(text: str) -> None:
    ccd = stamp(text).to_ccddata(0)
    assert ccd.unit == u.dimensionless_unscaled
    assert ccd.uncertainty.unit == u.dimensionless_unscaled


@pytest.mark.parametrize("text", ["flogs", "MJY", "flogs per fortnight", "image (a)"])
def test_other_units_keep_their_name_and_convert_to_nothing(text: str) -> None:
    ccd = stamp(text).to_ccddata(1)
    assert str(ccd.unit) == text
    assert ccd.uncertainty.unit == ccd.unit**2
    assert (ccd.multiply(2.0)).unit == ccd.unit
    with pytest.raises(u.UnitConversionError):
        ccd.unit.to(u.nJy)
    assert stamp(text).to_ccddata(0).unit == ccd.unit
    assert str(pickle.loads(pickle.dumps(ccd.unit))) == text


@pytest.mark.parametrize("text", [*SPELLINGS, *ABSENT])
def test_files_are_read_back_by_ccddata(text: str, tmp_path: Path) -> None:
    path = tmp_path / "stamp.fits"
    stamp(text).to_fits(path, planes=("image", "variance"))
    if text in ABSENT:
        assert "BUNIT" not in fits.getheader(path)
        assert "BUNIT" not in fits.getheader(path, "VARIANCE_LEVEL0")
        assert CCDData.read(path, unit="adu", hdu=3).unit == u.adu
        return
    assert CCDData.read(path).unit == SPELLINGS[text]
    variance = fits.getheader(path, "VARIANCE_LEVEL0")
    assert u.Unit(variance["BUNIT"]) == SPELLINGS[text] ** 2


@pytest.mark.parametrize("text", ["nJy", "DN", "adu", "mJy / beam", "nmgy"])
def test_words_that_astropy_reads_are_the_producers(text: str) -> None:
    assert bunit(text) == text


def test_unit_of_is_the_same_object_for_the_same_word() -> None:
    assert unit_of("flogs") is unit_of("flogs")


def test_legacy_view_and_its_reader_agree_on_the_unit(tmp_path: Path) -> None:
    (tmp_path / "a.fits").write_bytes(stamp("ELECTRONS").to_legacy_fits())
    assert CCDData.read(tmp_path / "a.fits").unit == u.electron
    (tmp_path / "b.fits").write_bytes(stamp("unknown").to_legacy_fits())
    assert CCDData.read(tmp_path / "b.fits", unit="adu").unit == u.adu
