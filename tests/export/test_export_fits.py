"""FITS files and CCDData: structure, values, units, masks, safety."""

from __future__ import annotations

import gzip
import shutil
import subprocess
import warnings
from pathlib import Path
from typing import BinaryIO

import astropy.units as u
import numpy as np
import pytest
from astropy.io import fits
from astropy.nddata import CCDData, VarianceUncertainty
from astropy.wcs import WCS
from export_cases import ORIGINS, make_full

import hstamp
from hstamp.export import to_ccddata, to_fits, to_hdulist


def test_structure_and_values_survive_the_file(full_stamp: hstamp.Stamp, tmp_path: Path) -> None:
    path = tmp_path / "stamp.fits"
    full_stamp.to_fits(path)
    with fits.open(path, checksum=True) as hdulist:
        names = [hdu.name for hdu in hdulist]
        grids = ["MOSAIC", *(f"LEVEL{k}" for k in range(5))]
        assert names == [
            *(prefix + g for g in grids for prefix in ("", "VARIANCE_", "MASK_")),
            "PSF",
        ]
        np.testing.assert_array_equal(hdulist[0].data, full_stamp.mosaic())
        for k in range(5):
            np.testing.assert_array_equal(hdulist[f"LEVEL{k}"].data, full_stamp.levels[k])
            assert full_stamp.variance is not None
            assert full_stamp.mask is not None
            variance, mask = hdulist[f"VARIANCE_LEVEL{k}"], hdulist[f"MASK_LEVEL{k}"]
            np.testing.assert_array_equal(variance.data, full_stamp.variance[k])
            np.testing.assert_array_equal(mask.data, full_stamp.mask[k])
            assert u.Unit(hdulist[f"LEVEL{k}"].header["BUNIT"]) == u.nJy
            assert u.Unit(variance.header["BUNIT"]) == u.nJy**2
            assert mask.header["BITPIX"] == 32
            assert "BZERO" not in mask.header
            assert hdulist[f"LEVEL{k}"].header["HSSCALE"] == 2**k
            assert hdulist[f"LEVEL{k}"].header["HSORIGIN"] == ORIGINS[k]
        np.testing.assert_array_equal(hdulist["PSF"].data, full_stamp.psf)
        header = hdulist[0].header
        assert (header["HSVER"], header["HSLEVELS"], header["HSID"]) == (100, 5, "12345")
        assert header["FILTER"] == "i"
        hdulist.verify("exception")


def test_missing_pixels_are_nan_in_the_file(full_stamp: hstamp.Stamp) -> None:
    hdulist = full_stamp.to_hdulist()
    assert np.isnan(hdulist["MOSAIC"].data[0]).all()
    assert np.isnan(hdulist["LEVEL4"].data[0]).all()
    assert np.isfinite(hdulist["LEVEL4"].data[-1]).all()


def test_mask_planes_are_named_as_afw_names_them(full_stamp: hstamp.Stamp) -> None:
    header = full_stamp.to_hdulist()["MASK_LEVEL0"].header
    assert header["MP_SAT"] == 0
    assert header["MP_DETECTED_NEGATIVE"] == 1
    # 'odd=name' cannot be a keyword; its exact name is in the indexed card.
    assert [header[f"HSMP{bit}"] for bit in range(3)] == ["SAT", "DETECTED_NEGATIVE", "odd=name"]
    assert not [card for card in header if "ODD" in card.upper()]


@pytest.mark.parametrize("levels", [2, 8])
def test_standard_checker_finds_nothing(levels: int, tmp_path: Path) -> None:
    checker = shutil.which("fitsverify")
    if checker is None:
        pytest.skip("fitsverify is not installed")
    to_fits(make_full(levels, id="x" * 128, flux_unit="DN"), tmp_path / "stamp.fits")
    done = subprocess.run(
        [checker, str(tmp_path / "stamp.fits")], capture_output=True, text=True, check=False
    )
    assert "found 0 warning(s) and 0 error(s)" in done.stdout, done.stdout


def test_choice_of_grids_and_planes(full_stamp: hstamp.Stamp) -> None:
    only = to_hdulist(full_stamp, what=("levels",), planes=("image",))
    assert [hdu.name for hdu in only] == [f"LEVEL{k}" for k in range(5)]
    assert isinstance(only[0], fits.PrimaryHDU)
    mosaic = to_hdulist(full_stamp, what=("mosaic",), planes=("image", "psf"))
    assert [hdu.name for hdu in mosaic] == ["MOSAIC", "PSF"]


def test_absent_planes_are_left_out() -> None:
    stamp = make_full(2, variance=None, mask=None, mask_planes=None, psf=None, wcs=None)
    hdulist = to_hdulist(stamp)
    assert [hdu.name for hdu in hdulist] == ["MOSAIC", "LEVEL0", "LEVEL1"]
    assert not WCS(hdulist[0].header).has_celestial
    # Without a sky position the grids still align, in base pixels from the source.
    for hdu, side, size in zip(hdulist, (30, 15, 15), (1, 1, 2), strict=True):
        plane = WCS(hdu.header, key="P")
        low = plane.wcs_pix2world([[-0.5, -0.5]], 0)[0]
        high = plane.wcs_pix2world([[side - 0.5, side - 0.5]], 0)[0]
        np.testing.assert_allclose(high - low, side * size)
        origin = ORIGINS[1] if side == 30 else ORIGINS[hdu.header["HSLEVEL"]]
        np.testing.assert_allclose(low, [origin - stamp.dx, origin - stamp.dy], atol=1e-6)


@pytest.mark.parametrize(
    "choice",
    [
        {"what": ("level",)},
        {"what": ()},
        {"what": "levels"},
        {"planes": ("image", "noise")},
        {"planes": ("psf",)},
    ],
)
def test_wrong_choices_are_named(full_stamp: hstamp.Stamp, choice: dict[str, object]) -> None:
    with pytest.raises(hstamp.InputError, match=r"what must|planes must"):
        to_hdulist(full_stamp, **choice)  # type: ignore[arg-type]


def test_files_are_whole_reproducible_and_not_overwritten_by_chance(
    full_stamp: hstamp.Stamp, tmp_path: Path
) -> None:
    path, other = tmp_path / "a.fits", tmp_path / "b.fits"
    to_fits(full_stamp, path)
    to_fits(full_stamp, other)
    assert path.read_bytes() == other.read_bytes()
    with pytest.raises(FileExistsError, match=r"a\.fits"):
        to_fits(full_stamp, path)
    to_fits(full_stamp, path, overwrite=True, what=("mosaic",))
    assert path.stat().st_size < other.stat().st_size
    with pytest.raises(FileNotFoundError):
        to_fits(full_stamp, tmp_path / "nowhere" / "c.fits")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.fits", "b.fits"]


def test_interrupted_write_leaves_the_old_file(
    full_stamp: hstamp.Stamp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.fits"
    to_fits(full_stamp, path)
    before = path.read_bytes()

    def interrupted(_: fits.HDUList, stream: BinaryIO, **__: object) -> None:
        stream.write(b"SIMPLE  =")
        raise OSError("no space left on device")

    monkeypatch.setattr(fits.HDUList, "writeto", interrupted)
    with pytest.raises(OSError, match="no space"):
        to_fits(full_stamp, path, overwrite=True)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["a.fits"]


def test_compressed_by_name(full_stamp: hstamp.Stamp, tmp_path: Path) -> None:
    path = tmp_path / "stamp.fits.gz"
    to_fits(full_stamp, path)
    np.testing.assert_array_equal(fits.getdata(path), full_stamp.mosaic())
    to_fits(full_stamp, tmp_path / "plain.fits")
    # Neither name nor time [RFC 1952, 2.3]: equal stamps give equal files.
    assert path.read_bytes()[:10] == bytes((0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 2, 255))
    assert gzip.decompress(path.read_bytes()) == (tmp_path / "plain.fits").read_bytes()


@pytest.mark.parametrize("levels", range(2, 8))
def test_flux_is_conserved_by_levels_and_mosaic(levels: int) -> None:
    rng = np.random.default_rng(levels)
    side = 15 * 2 ** (levels - 1)
    # Whole numbers: sums of them are exact in float64, means of them exact to 2**-14 in float32.
    parent = rng.integers(0, 100, (side + 9, side + 9)).astype(np.float32)
    x = y = 4 - ORIGINS[levels - 1] - 0.7
    stamp = hstamp.encode(parent, x, y, levels=levels, encoding="f4")
    window = parent[4 : 4 + side, 4 : 4 + side].astype(np.float64)
    wide = to_hdulist(stamp)[f"LEVEL{levels - 1}"]
    flux = wide.data.astype(np.float64).sum() * wide.header["HSSCALE"] ** 2
    assert flux == pytest.approx(window.sum(), rel=1e-7)
    mosaic = to_hdulist(stamp)["MOSAIC"].data.astype(np.float64)
    assert mosaic.sum() == pytest.approx(window.sum(), rel=1e-7)


def test_ccddata_of_a_level_and_of_the_mosaic(full_stamp: hstamp.Stamp) -> None:
    for level in (0, 3, None):
        ccd = full_stamp.to_ccddata(level)
        image = full_stamp.mosaic() if level is None else full_stamp.levels[level]
        np.testing.assert_array_equal(ccd.data, image)
        np.testing.assert_array_equal(ccd.mask, np.isnan(image))
        assert ccd.unit == u.nJy
        assert isinstance(ccd.uncertainty, VarianceUncertainty)
        assert ccd.uncertainty.unit == u.nJy**2
        # The mean of 4**k pixels of variance 400; more where some of them are missing.
        expected = 400 / 4 ** (4 if level is None else level)
        assert np.median(ccd.uncertainty.array[-4:-1, -4:-1]) == pytest.approx(expected, rel=0.03)
        assert ccd.flags.dtype == np.uint16
        assert ccd.wcs.has_celestial
        assert (ccd.psf is not None) == (level != 3)
        assert ccd.meta["HSMP1"] == "DETECTED_NEGATIVE"


def test_ccddata_survives_its_own_file(full_stamp: hstamp.Stamp, tmp_path: Path) -> None:
    full_stamp.to_ccddata(1).write(tmp_path / "ccd.fits")
    back = CCDData.read(tmp_path / "ccd.fits")
    np.testing.assert_array_equal(back.data, full_stamp.levels[1])
    assert back.meta["HSLEVEL"] == 1
    assert back.unit == u.nJy


def test_ccddata_without_planes_and_with_a_unit_of_its_own() -> None:
    stamp = make_full(
        2, variance=None, mask=None, mask_planes=None, psf=None, wcs=None, flux_unit="flogs"
    )
    ccd = to_ccddata(stamp)
    assert (ccd.uncertainty, ccd.flags, ccd.psf, ccd.wcs) == (None, None, None, None)
    assert str(ccd.unit) == "flogs"
    with pytest.raises(hstamp.InputError, match="level"):
        to_ccddata(stamp, 2)


def test_unknown_units_do_not_stop_an_export(tmp_path: Path) -> None:
    stamp = make_full(2, flux_unit="flogs per fortnight")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        to_fits(stamp, tmp_path / "odd.fits")
    assert fits.getheader(tmp_path / "odd.fits", "LEVEL0")["BUNIT"] == "flogs per fortnight"
    variance = fits.getheader(tmp_path / "odd.fits", "VARIANCE_LEVEL0")
    assert variance["BUNIT"] == "(flogs per fortnight)**2"
