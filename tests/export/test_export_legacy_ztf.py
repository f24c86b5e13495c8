"""The view for code that reads ZTF's cutouts."""

from __future__ import annotations

import gzip
import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from export_cases import needs

import hstamp
from hstamp.cli import main

ARCSEC = 1 / 3600


def parent() -> np.ndarray:
    rows, columns = np.indices((63, 63))
    return (100.0 * rows + columns).astype(np.float32)


def stamp(x: float = 31.2, y: float = 30.9, scale: float = 1.012, **options: Any) -> hstamp.Stamp:
    wcs = hstamp.Wcs(10.0, 20.0, -scale * ARCSEC, 0.0, 0.0, -scale * ARCSEC)
    chosen = {"levels": 3, "encoding": "f4", "flux_unit": "DN", "wcs": wcs} | options
    return hstamp.encode(parent(), x, y, **chosen)


def read(data: bytes) -> Any:
    """As ZTF's readers do: gunzip, open, take the first HDU."""
    with gzip.open(io.BytesIO(data)) as stream, fits.open(io.BytesIO(stream.read())) as hdus:
        return hdus[0].header.copy(), np.array(hdus[0].data), len(hdus)


def test_layout_is_that_of_real_cutouts() -> None:
    data = stamp().to_legacy_fits()
    header, pixels, hdus = read(data)
    assert hdus == 1
    assert pixels.shape == (63, 63)
    assert pixels.dtype == ">f4"
    assert list(header) == ["SIMPLE", "BITPIX", "NAXIS", "NAXIS1", "NAXIS2", "BUNIT"]
    assert header["BUNIT"] == "DN"
    assert len(gzip.decompress(data)) == 20_160
    assert stamp().to_legacy_fits() == data


def test_bytes_of_the_header_are_those_of_real_alerts() -> None:
    import fastavro

    path = min(needs("ztf").glob("*.avro"))
    with path.open("rb") as stream:
        alert: Any = next(iter(fastavro.reader(stream)))
    today = gzip.decompress(alert["cutoutScience"]["stampData"])
    ours = gzip.decompress(stamp().to_legacy_fits())
    # ZTF writes the value T where the standard does not want it, astropy warns of it.
    assert ours[80:2880] == today[80:2880]
    assert len(ours) == len(today)


@pytest.mark.parametrize(
    ("x", "y", "column", "row"),
    [(31.2, 30.9, 31, 31), (31.0, 31.0, 31, 31), (30.6, 31.4, 31, 31), (31.49, 30.51, 31, 31)],
)
def test_pixel_nearest_the_source_is_in_the_centre(
    x: float, y: float, column: int, row: int
) -> None:
    _, pixels, _ = read(stamp(x, y).to_legacy_fits())
    assert pixels[31, 31] == 100 * row + column
    # The core is the parent, pixel by pixel.
    np.testing.assert_array_equal(pixels[26:37, 26:37], parent()[26:37, 26:37])


def test_beyond_the_stamp_is_nan_as_beyond_an_image() -> None:
    # [GE-3]: with x = 31.2 the corner is before pixel 32, level 2 covers pixels 3 to 62.
    _, pixels, _ = read(stamp(31.2, 31.2).to_legacy_fits())
    finite = np.isfinite(pixels)
    assert finite[3:, 3:].all()
    assert not finite[:3].any()
    assert not finite[:, :3].any()


@pytest.mark.parametrize("scale", [1.0, 1.0122, 1.0125])
def test_pixels_of_one_arcsecond_are_taken_for_ztf(scale: float) -> None:
    assert stamp(scale=scale).to_legacy_fits()[:2] == b"\x1f\x8b"


def test_other_stamps_are_not() -> None:
    assert stamp(scale=0.2).to_legacy_fits()[:6] == b"SIMPLE"
    assert stamp(wcs=None, flux_unit="nJy").to_legacy_fits()[:6] == b"SIMPLE"
    # Far north the packet has no orientation, and so the stamp no WCS.
    assert stamp(wcs=None).to_legacy_fits()[:2] == b"\x1f\x8b"


def test_the_caller_may_decide() -> None:
    assert stamp(scale=0.2).to_legacy_fits(63)[:2] == b"\x1f\x8b"
    assert stamp(scale=0.2).to_legacy_fits(survey="ztf")[:2] == b"\x1f\x8b"
    assert len(stamp().to_legacy_fits(survey="lsst")) % 2880 == 0
    _, pixels, _ = read(stamp().to_legacy_fits(21))
    np.testing.assert_array_equal(pixels[5:16, 5:16], parent()[26:37, 26:37])


def test_command_lets_the_caller_decide(tmp_path: Path) -> None:
    path, out = tmp_path / "a.hstamp", tmp_path / "a.fits"
    path.write_bytes(stamp().to_bytes())
    command = ["export", str(path), "--legacy", "--force", "-o", str(out)]
    assert main(command) == 0
    assert out.read_bytes()[:2] == b"\x1f\x8b"
    assert main([*command, "--survey", "lsst"]) == 0
    assert fits.getdata(out).shape == (30, 30)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"size": 30}, "odd side"),
        ({"size": 0}, "odd side"),
        ({"size": 63.0}, "odd side"),
        ({"size": 77}, "too few"),
        ({"rotpa": 3.0}, "no cards"),
        ({"survey": "panstarrs"}, "survey"),
    ],
)
def test_what_ztf_does_not_have_is_refused(options: dict[str, Any], said: str) -> None:
    with pytest.raises(hstamp.InputError, match=said):
        stamp().to_legacy_fits(**options)


def test_two_levels_are_too_few() -> None:
    with pytest.raises(hstamp.InputError, match="30 pixels wide"):
        stamp(levels=2).to_legacy_fits()
