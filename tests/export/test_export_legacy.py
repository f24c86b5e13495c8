"""The view for code that reads today's LSST cutouts."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from astropy.nddata import CCDData, VarianceUncertainty
from astropy.wcs import WCS
from export_cases import lsst_cutouts, make_full

import hstamp
from hstamp.export import to_legacy_fits
from hstamp.export.legacy import legacy_of_alert, on_detector


def stamp_of(cutout: bytes, encoding: str = "f4") -> tuple[hstamp.Stamp, fits.HDUList]:
    hdulist = fits.open(io.BytesIO(cutout))
    header = hdulist[0].header
    stamp = hstamp.encode(
        hdulist[0].data, header["CRPIX1"] - 1, header["CRPIX2"] - 1,
        levels=2, encoding=encoding, variance=hdulist[1].data, variance_encoding="f4",
        psf=hdulist[2].data, psf_size=None, wcs=WCS(header),
    )  # fmt: skip
    return stamp, hdulist


def cards(header: fits.Header) -> list[tuple[str, str]]:
    return [(card.keyword, card.comment) for card in header.cards]


def test_real_cutouts_are_reproduced_card_for_card() -> None:
    compared = 0
    for name, cutout in lsst_cutouts():
        stamp, today = stamp_of(cutout)
        if today[0].data.shape != (30, 30) or not 14 <= today[0].header["CRPIX1"] - 1 < 15:
            continue
        if not 14 <= today[0].header["CRPIX2"] - 1 < 15:
            continue
        if today[2].data.shape[0] != today[2].data.shape[1]:
            continue  # a stamp's PSF is square, some of today's template PSFs are not
        corner = today[0].header["CUTMINX"], today[0].header["CUTMINY"]
        legacy = to_legacy_fits(stamp, corner=corner)
        assert len(legacy) == len(cutout), name
        ours = fits.open(io.BytesIO(legacy))
        for new, old in zip(ours, today, strict=True):
            assert cards(new.header) == cards(old.header), name
            for keyword, value in old.header.items():
                if isinstance(value, float):
                    # dx, dy and CD are float32 in a stamp.
                    assert new.header[keyword] == pytest.approx(value, rel=1e-7, abs=1e-6), keyword
                else:
                    assert new.header[keyword] == value, keyword
            assert new.fileinfo()["datLoc"] == old.fileinfo()["datLoc"]
            assert new.data.dtype == old.data.dtype
            assert new.data.shape == old.data.shape
        # Base offsets -7..6 around the corner at the centre are the parent's own pixels.
        for plane in (0, 1):
            np.testing.assert_array_equal(
                ours[plane].data[8:22, 8:22], today[plane].data[8:22, 8:22]
            )
        blocks = today[0].data.astype(np.float64).reshape(15, 2, 15, 2).mean(axis=(1, 3))
        np.testing.assert_allclose(ours[0].data[0::2, 0::2][:4], blocks[:4], rtol=1e-6, atol=1e-3)
        np.testing.assert_array_equal(ours[0].data[0::2, 0::2][:4], ours[0].data[1::2, 1::2][:4])
        compared += 1
    assert compared > 50


def test_code_that_reads_at_fixed_offsets() -> None:
    """As brokers do that parse no FITS: one header block, then 30 x 30 big-endian float32."""
    stamp = make_full(5)
    legacy = stamp.to_legacy_fits()
    assert len(legacy) == 34_560
    image = np.frombuffer(legacy, ">f4", 900, offset=2_880).reshape(30, 30)
    variance = np.frombuffer(legacy, ">f4", 900, offset=11_520).reshape(30, 30)
    psf = np.frombuffer(legacy, ">f8", 41 * 41, offset=20_160).reshape(41, 41)
    np.testing.assert_array_equal(image[8:22, 8:22], stamp.levels[0, :14, :14])
    np.testing.assert_array_equal(image[::2, ::2][0], stamp.levels[1][0])
    assert variance[15, 15] == pytest.approx(400, rel=0.03)
    assert psf.sum() == pytest.approx(1, abs=1e-6)
    np.testing.assert_array_equal(psf[10:31, 10:31], stamp.psf)


def test_code_that_reads_the_primary_hdu() -> None:
    stamp = make_full(4)
    with fits.open(io.BytesIO(stamp.to_legacy_fits(48))) as hdulist:
        assert hdulist[0].data.shape == (48, 48)
        header = hdulist[0].header
        assert "CTYPE1" not in header
        assert header["CRPIX1"] == pytest.approx(24.5 + stamp.dx)
        assert header["CRPIX2"] == pytest.approx(24.5 + stamp.dy)
        assert header["CRVAL2"] == -45.25
        hdulist.verify("exception")


def test_code_that_reads_ccddata() -> None:
    stamp = make_full(3)
    ccd = CCDData.read(io.BytesIO(stamp.to_legacy_fits()))
    assert str(ccd.unit) == "nJy"
    assert isinstance(ccd.uncertainty, VarianceUncertainty)
    assert ccd.psf.shape == (41, 41)
    np.testing.assert_array_equal(ccd.data[8:22, 8:22], stamp.levels[0, :14, :14])


def test_wcs_of_the_legacy_view_is_that_of_the_stamp() -> None:
    stamp = make_full(3)
    with fits.open(io.BytesIO(stamp.to_legacy_fits(20))) as hdulist:
        header = hdulist[0].header
    again = hstamp.Wcs.from_astropy(WCS(header), header["CRPIX1"] - 1, header["CRPIX2"] - 1)
    assert stamp.wcs is not None
    np.testing.assert_allclose(again.cd, stamp.wcs.cd, rtol=1e-8)
    assert again.ra == pytest.approx(stamp.wcs.ra, abs=1e-10)


@pytest.mark.parametrize(("levels", "beyond"), [(2, 0), (3, 1), (4, 1), (5, 3), (6, 5)])
def test_full_size_is_centred_and_missing_beyond_the_stamp(levels: int, beyond: int) -> None:
    side = 15 * 2 ** (levels - 1)
    stamp = hstamp.encode(np.ones((2000, 2000)), 1000.2, 999.9, levels=levels, encoding="f4")
    with fits.open(io.BytesIO(to_legacy_fits(stamp, side))) as hdulist:
        missing = np.isnan(hdulist[0].data)
        # Odd levels reach further down, even levels further up.
        assert missing.all(axis=0).sum() == beyond
        assert missing.all(axis=1).sum() == beyond
        assert (missing[0].all() or missing[-1].all()) == (beyond > 0)


def test_absent_planes_have_no_hdu_and_psf_may_stay_small() -> None:
    stamp = make_full(2, variance=None, wcs=None)
    with fits.open(io.BytesIO(to_legacy_fits(stamp, psf_size=None))) as hdulist:
        assert [hdu.name for hdu in hdulist] == ["PRIMARY", "PSFIMAGE"]
        assert hdulist["PSFIMAGE"].data.shape == (21, 21)
        assert "CRPIX1" not in hdulist[0].header


@pytest.mark.parametrize("size", [0, 31, 62, -2, 30.0, True])
def test_impossible_sizes(size: int) -> None:
    with pytest.raises(hstamp.InputError, match="size must be"):
        to_legacy_fits(make_full(3), size)


@pytest.mark.parametrize("psf_size", [0, 40])
def test_impossible_psf_sizes(psf_size: int) -> None:
    with pytest.raises(hstamp.InputError, match="psf_size"):
        to_legacy_fits(make_full(2), psf_size=psf_size)


def todays(rotpa: object = 33.244, corner: object = (641, 2185)) -> bytes:
    """A cutout with the cards of schema 10 in their order, source at (14.8, 14.1), 0-based."""
    hdu = fits.PrimaryHDU(np.zeros((30, 30), dtype=np.float32))
    header = hdu.header
    header["EXTEND"] = True
    if corner is not None:
        header["CUTMINX"], header["CUTMINY"] = corner  # type: ignore[misc]
    if rotpa is not None:
        header["ROTPA"] = rotpa
    header["BUNIT"] = "nJy"
    header["CRPIX1"], header["CRPIX2"] = 15.8, 15.1
    stream = io.BytesIO()
    hdu.writeto(stream)
    return stream.getvalue()


def of_todays(levels: int = 2) -> hstamp.Stamp:
    side = 15 * 2 ** (levels - 1) + 10
    low = (side - 30) // 2
    return hstamp.encode(
        np.ones((side, side)), low + 14.8, low + 14.1, levels=levels,
        wcs=hstamp.Wcs(149.87, 2.26, -5.456e-8, 4.6214763e-5, 4.6653238e-5, -6.568e-10),
    )  # fmt: skip


def test_rotpa_is_where_and_what_todays_is() -> None:
    header = fits.Header.fromstring(of_todays().to_legacy_fits(rotpa=33.244, corner=(641, 2185)))
    assert list(header)[5:10] == ["EXTEND", "CUTMINX", "CUTMINY", "ROTPA", "BUNIT"]
    assert header["ROTPA"] == 33.244
    assert header.comments["ROTPA"] == "Pos angle in deg of focal plane +Y wrt North"
    assert "ROTPA" not in fits.Header.fromstring(of_todays().to_legacy_fits())


@pytest.mark.parametrize("angle", [float("nan"), float("inf")])
def test_an_angle_is_a_number(angle: float) -> None:
    with pytest.raises(hstamp.InputError, match="rotpa"):
        of_todays().to_legacy_fits(rotpa=angle)


@pytest.mark.parametrize(("levels", "size"), [(2, 30), (4, 30), (4, 60), (4, 20)])
def test_the_alerts_cutout_gives_the_cards_for_any_size(levels: int, size: int) -> None:
    header = fits.Header.fromstring(legacy_of_alert(of_todays(levels), todays(), size))
    assert header["ROTPA"] == 33.244
    # The source is at the parent's pixel (641 + 14.8, 2185 + 14.1) whatever is cut out.
    assert header["CUTMINX"] + header["CRPIX1"] - 1 == pytest.approx(655.8, abs=1e-5)
    assert header["CUTMINY"] + header["CRPIX2"] - 1 == pytest.approx(2199.1, abs=1e-5)
    assert header["CUTMINX"] == 641 - (size - 30) // 2


def test_cards_of_another_source_are_not_given() -> None:
    stamp = hstamp.encode(np.ones((40, 40)), 20.3, 20.1, levels=2)
    header = fits.Header.fromstring(legacy_of_alert(stamp, todays()))
    assert header["ROTPA"] == 33.244
    assert "CUTMINX" not in header


@pytest.mark.parametrize(
    "cutout",
    [
        None, b"", b"\x1f\x8b rubbish", b"SIMPLE  =", bytes(5760), todays()[:1000],
        todays(rotpa="east", corner=None), todays(rotpa=True, corner=None),
        todays().replace(b"ROTPA   =               33.244", b"ROTPA   =               33.2.4"),
    ],
)  # fmt: skip
def test_unreadable_cards_cost_the_cards_only(cutout: bytes | None) -> None:
    header = fits.Header.fromstring(legacy_of_alert(of_todays(), cutout))
    assert "ROTPA" not in header
    assert header["NAXIS1"] == 30


@pytest.mark.parametrize("form", ["avro", "parquet"])
@pytest.mark.parametrize("kept", [True, False])
def test_command_takes_the_cards_from_the_alert(form: str, kept: bool, tmp_path: Path) -> None:
    import fastavro

    from hstamp.cli import main

    path = tmp_path / f"alert.{form}"
    stamp, cutout = of_todays(), todays() if kept else None
    if form == "parquet":
        pa = pytest.importorskip("pyarrow", reason="Parquet needs pyarrow")
        import pyarrow.parquet as pq

        columns = {"cutoutScience": [cutout], "hstampScience": [stamp.to_bytes()]}
        pq.write_table(pa.table({k: pa.array(v, pa.binary()) for k, v in columns.items()}), path)
    else:
        own = Path(__file__).parents[2] / "schemas" / "hstamp.v1.stamp.avsc"
        schema: dict[str, Any] = {
            "type": "record",
            "name": "alert",
            "fields": [
                {"name": "cutoutScience", "type": ["null", "bytes"]},
                {"name": "hstampScience", "type": ["null", json.loads(own.read_text())]},
            ],
        }
        with path.open("wb") as stream:
            record = {"cutoutScience": cutout, "hstampScience": stamp.to_dict()}
            fastavro.writer(stream, schema, [record])
    out = tmp_path / "legacy.fits"
    assert main(["export", str(path), "--field", "science", "--legacy", "-o", str(out)]) == 0
    header = fits.getheader(out)
    found = {key: header.get(key) for key in ("ROTPA", "CUTMINX", "CUTMINY")}
    known = {"ROTPA": 33.244, "CUTMINX": 641, "CUTMINY": 2185}
    assert found == (known if kept else dict.fromkeys(known))


def test_real_headers_give_what_astropy_reads() -> None:
    count = 0
    for name, cutout in lsst_cutouts():
        header = fits.getheader(io.BytesIO(cutout))
        found = on_detector(cutout)
        assert found.corner == (header["CUTMINX"], header["CUTMINY"]), name
        assert found.crpix == (header["CRPIX1"], header["CRPIX2"]), name
        assert found.rotpa == header.get("ROTPA"), name
        count += 1
    assert count > 50
