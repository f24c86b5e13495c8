"""The real-sky page: where its transients are placed, and what it says when data are missing."""

import numpy as np
import pytest

pytest.importorskip("matplotlib", reason="pages are drawn with matplotlib")
pytest.importorskip("galsim", reason="the study needs the train extra (GalSim)")

from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.wcs import WCS

from reference_model import cli
from reference_model.figures import realsky


def test_transients_are_placed_at_their_distances():
    centre = SkyCoord(27.952, 0.2635, unit="deg")
    placed = realsky.around((27.952, 0.2635))
    assert len(placed) == 40
    for name, ra, dec in placed:
        radius, angle = (int(v) for v in name[1:].split("a"))
        there = SkyCoord(ra, dec, unit="deg")
        assert centre.separation(there).arcsec == pytest.approx(radius, abs=1e-3)
        # Angles run from east to north.
        turn = (90.0 - centre.position_angle(there).deg) % 360.0
        assert turn == pytest.approx(angle, abs=0.1) or turn == pytest.approx(
            360.0 + angle, abs=0.1
        )


def test_the_nucleus_is_the_brightest_pixel_near_the_catalogued_place(tmp_path):
    wcs = WCS(naxis=2)
    wcs.wcs.ctype, wcs.wcs.cunit = ["RA---TAN", "DEC--TAN"], ["deg", "deg"]
    wcs.wcs.crval, wcs.wcs.crpix = list(realsky.UGC1333), [101.0, 101.0]
    wcs.wcs.cdelt = [-0.25 / 3600, 0.25 / 3600]
    image = np.zeros((200, 200), np.float32)
    image[104, 97] = 50.0
    image[10, 10] = 900.0  # a star, too far away to be meant
    path = tmp_path / "image.fits"
    fits.writeto(path, image, wcs.to_header())
    found = SkyCoord(*realsky.nucleus(path), unit="deg")
    assert found.separation(wcs.pixel_to_world(97, 104)).arcsec < 1e-3


def test_missing_data_are_named(tmp_path, capsys):
    assert cli.main(["realsky", "--shared", str(tmp_path), "--docs", str(tmp_path)]) == 1
    assert f"no folder sky in {tmp_path}" in capsys.readouterr().err
