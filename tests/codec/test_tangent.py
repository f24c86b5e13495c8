"""Tangent planes of parents: any frame, axis order, unit, matrix form, and any kind of WCS."""

from __future__ import annotations

import subprocess
import sys
import warnings
from typing import Any

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.nddata import NDData, NDDataRef
from astropy.wcs import WCS
from astropy.wcs.wcsapi import HighLevelWCSWrapper, SlicedLowLevelWCS
from hypothesis import given, settings
from hypothesis import strategies as st

import hstamp
from hstamp.tangent import parent_cd, parent_cds, tangent_rows

S = 0.2 / 3600
IMAGE = np.random.default_rng(3).normal(0, 1, (90, 100)).astype(np.float32)
CDELT = {"CD1_1": None, "CD2_2": None, "CDELT1": -S, "CDELT2": S}
LATITUDE_FIRST = {
    "CTYPE1": "DEC--TAN", "CTYPE2": "RA---TAN", "CRVAL1": 2.0, "CRVAL2": 150.0,
    "CD1_1": S, "CD2_2": -S,
}  # fmt: skip
TURNED = {"CD1_1": -0.8 * S, "CD1_2": 0.6 * S, "CD2_1": 0.6 * S, "CD2_2": 0.8 * S}


def wcs_of(**cards: Any) -> WCS:
    header = fits.Header()
    plain = {
        "CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CRPIX1": 65.0, "CRPIX2": 60.0,
        "CRVAL1": 150.0, "CRVAL2": 2.0, "CD1_1": -S, "CD2_2": S,
    }  # fmt: skip
    header.update({key: value for key, value in (plain | cards).items() if value is not None})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # deprecated keywords are among the cases
        return WCS(header)


PARENTS = {
    "latitude first": LATITUDE_FIRST,
    "latitude first, CDELT": LATITUDE_FIRST
    | {"CD1_1": None, "CD2_2": None, "CDELT1": S, "CDELT2": -S},
    "latitude first, CROTA": LATITUDE_FIRST
    | {"CD1_1": None, "CD2_2": None, "CDELT1": S, "CDELT2": -S, "CROTA1": 25.0},
    "latitude first, FK4": LATITUDE_FIRST | {"EQUINOX": 1950.0},
    "galactic, latitude first": LATITUDE_FIRST | {"CTYPE1": "GLAT-TAN", "CTYPE2": "GLON-TAN"},
    "one PC": CDELT | {"PC1_2": 0.3},
    "CROTA2": CDELT | {"CROTA2": 30.0},
    "no CD off the diagonal, mirrored": {"CD1_1": S},
    "radian": {
        "CUNIT1": "rad", "CUNIT2": "rad", "CRVAL1": 2.6, "CRVAL2": 0.03, "CD1_1": -1e-6,
        "CD2_2": 1e-6,
    },
    "arcsec": {
        "CUNIT1": "arcsec", "CUNIT2": "arcsec", "CRVAL1": 540000.0, "CRVAL2": 7200.0,
        "CD1_1": -0.2, "CD2_2": 0.2,
    },
    "negative right ascension": {"CRVAL1": -10.0},
    "FK5 of 1975": TURNED | {"RADESYS": "FK5", "EQUINOX": 1975.0},
    "FK4 without E-terms": TURNED | {"RADESYS": "FK4-NO-E", "EQUINOX": 1950.0},
    "old EPOCH": TURNED | {"EPOCH": 1950.0},
    "galactic, ZEA": TURNED | {"CTYPE1": "GLON-ZEA", "CTYPE2": "GLAT-ZEA"},
    "LONPOLE": TURNED | {"LONPOLE": 90.0},
    "LATPOLE": {"CTYPE1": "RA---CAR", "CTYPE2": "DEC--CAR", "CRVAL2": 40.0, "LATPOLE": 50.0},
    "north pole": TURNED | {"CRVAL2": 90.0},
    "south pole": TURNED | {"CRVAL2": -90.0},
    "SIP": TURNED
    | {"CTYPE1": "RA---TAN-SIP", "CTYPE2": "DEC--TAN-SIP", "A_ORDER": 2, "B_ORDER": 2,
       "A_2_0": 2e-5, "B_1_1": 1e-5},
}  # fmt: skip


@pytest.mark.parametrize("name", PARENTS)
def test_position_and_steps_are_those_of_astropy(name: str) -> None:
    wcs, (x, y) = wcs_of(**PARENTS[name]), (70.3, 48.9)
    plane = parent_cd(wcs, x, y)
    source = wcs.pixel_to_world(x, y).icrs
    assert source.separation(SkyCoord(plane.ra, plane.dec, unit="deg")).arcsec < 1e-7
    for step in ((3.0, 0.0), (0.0, 3.0), (-2.0, -2.0)):
        there = wcs.pixel_to_world(x + step[0], y + step[1]).icrs
        east, north = source.spherical_offsets_to(there)
        xi, eta = plane.cd @ step * 3600
        assert np.hypot(east.arcsec - xi, north.arcsec - eta) < 1e-3 * plane.pixel_scale


def test_rotation_without_ctype() -> None:
    """CDELT and CROTA2 of a tangent plane that does not say that it is one."""
    wcs = wcs_of(**CDELT, CROTA2=30.0, CTYPE1=None, CTYPE2=None)
    plane = parent_cd(wcs, 64.0, 59.0)
    c, s = np.cos(np.radians(30)), np.sin(np.radians(30))
    # Calabretta & Greisen 2002, equation 189.
    np.testing.assert_allclose(plane.cd, [[-S * c, -S * s], [-S * s, S * c]], rtol=1e-8)
    assert (plane.ra, plane.dec) == pytest.approx((150.0, 2.0), abs=1e-12)


def test_units_without_ctype() -> None:
    cards = PARENTS["arcsec"] | {"CTYPE1": None, "CTYPE2": None}
    plane = parent_cd(wcs_of(**cards), 64.0, 59.0)
    assert (plane.ra, plane.dec) == pytest.approx((150.0, 2.0), abs=1e-12)
    np.testing.assert_allclose(plane.cd, [[-S, 0], [0, S]], rtol=1e-8, atol=1e-13)


@pytest.mark.parametrize(
    ("kinds", "world", "expected"),
    [
        # The solstice lies on the ecliptic, 23d 26m 21.4s north of the equator (IAU 1976).
        (("ELON", "ELAT"), (90.0, 0.0), (90.0, 23.4392911)),
        (("ELON", "ELAT"), (180.0, 0.0), (180.0, 0.0)),
        # Poles of the galactic and supergalactic systems; the latter by rotating l = 47.37,
        # b = 6.32 (RC3) with the former and the longitude 122.93192 of the celestial pole.
        (("GLON", "GLAT"), (0.0, 90.0), (192.85948, 27.12825)),
        (("SLON", "SLAT"), (0.0, 90.0), (283.75409, 15.70894)),
    ],
)
@pytest.mark.parametrize("radesys", [None, "ICRS"])
def test_frames_are_those_of_ctype_whatever_radesys_says(
    kinds: tuple[str, str], world: tuple[float, float], expected: Any, radesys: str | None
) -> None:
    wcs = wcs_of(
        CTYPE1=f"{kinds[0]}-TAN", CTYPE2=f"{kinds[1]}-TAN", CRVAL1=world[0], CRVAL2=world[1],
        RADESYS=radesys,
    )  # fmt: skip
    plane = parent_cd(wcs, 64.0, 59.0)
    found = SkyCoord(plane.ra, plane.dec, unit="deg")
    assert found.separation(SkyCoord(*expected, unit="deg")).arcsec < 0.2


@pytest.mark.parametrize("system", ["J2000", "fk5", "FK5 "])
def test_spellings_of_a_system(system: str) -> None:
    meant = parent_cd(wcs_of(RADESYS="FK5", EQUINOX=2000.0), 10.0, 10.0)
    assert parent_cd(wcs_of(RADESYS=system), 10.0, 10.0) == meant


@pytest.mark.parametrize(
    ("cards", "cause"),
    [
        ({"RADESYS": "GAPPT"}, "GAPPT"),
        ({"RADESYS": "MINE"}, "MINE"),
        ({"RADESYS": "J2000", "EQUINOX": 1950.0}, "contradicts"),
        ({"RADESYS": "FK5", "EQUINOX": 1e9}, "EQUINOX"),
        ({"CTYPE1": "TLON-TAN", "CTYPE2": "TLAT-TAN"}, "frame"),
        ({"CTYPE1": "ELON-TAN", "CTYPE2": "ELAT-TAN", "RADESYS": "FK4"}, "frame"),
        ({"CTYPE1": "LINEAR", "CTYPE2": "LINEAR"}, "not celestial"),
    ],
)
def test_frames_that_have_no_place_on_the_sky(cards: dict[str, Any], cause: str) -> None:
    with pytest.raises(hstamp.InputError, match=cause):
        hstamp.encode(IMAGE, 50, 45, levels=2, wcs=wcs_of(**cards))


def test_singular_matrix_is_an_input_error() -> None:
    wcs = WCS(naxis=2)
    wcs.wcs.ctype, wcs.wcs.cd = ["RA---TAN", "DEC--TAN"], [[1e-5, 0.0], [0.0, 0.0]]
    with pytest.raises(hstamp.InputError, match="not usable"):
        parent_cd(wcs, 0.0, 0.0)


# Other WCS objects


@pytest.mark.parametrize("name", ["latitude first", "FK5 of 1975", "SIP", "galactic, ZEA"])
def test_slices_of_an_image(name: str) -> None:
    whole = wcs_of(**PARENTS[name])
    part = NDDataRef(IMAGE, wcs=whole)[10:, 20:].wcs
    low = SlicedLowLevelWCS(whole, np.s_[10:, 20:])
    expected = parent_cd(whole, 65.5, 60.25)
    for wcs in (part, part.low_level_wcs, low, HighLevelWCSWrapper(low)):
        plane = parent_cd(wcs, 45.5, 50.25)
        assert (plane.ra, plane.dec) == pytest.approx((expected.ra, expected.dec), abs=1e-10)
        np.testing.assert_allclose(plane.cd, expected.cd, rtol=1e-6, atol=1e-12)


def test_channel_of_a_cube() -> None:
    cube = WCS(naxis=3)
    cube.wcs.ctype = ["FREQ", "DEC--TAN", "RA---TAN"]
    cube.wcs.crval, cube.wcs.crpix = [1e9, 10.0, 20.0], [1.0, 1.0, 1.0]
    cube.wcs.cdelt = [1e6, 1e-4, -1e-4]
    channel = NDData(np.zeros((4, 4, 3)), wcs=cube)
    sliced = SlicedLowLevelWCS(channel.wcs.low_level_wcs, np.s_[:, :, 0])
    for wcs in (cube, sliced):  # x is declination, y is right ascension
        plane = parent_cd(wcs, 0.0, 0.0)
        assert (plane.ra, plane.dec) == pytest.approx((20.0, 10.0), abs=1e-10)
        np.testing.assert_allclose(plane.cd, [[0, -1e-4], [1e-4, 0]], rtol=1e-8, atol=1e-13)
    with pytest.raises(hstamp.InputError, match="3 pixel axes"):
        parent_cd(SlicedLowLevelWCS(cube, np.s_[1:]), 0.0, 0.0)


def test_a_slice_that_is_no_sky() -> None:
    spectra = WCS(naxis=2)
    spectra.wcs.ctype = ["FREQ", "STOKES"]
    with pytest.raises(hstamp.InputError, match="not celestial"):
        parent_cd(SlicedLowLevelWCS(spectra, np.s_[1:, 1:]), 0.0, 0.0)


# Functions


def grid(x: Any, y: Any) -> tuple[Any, Any]:
    """Half an arcsecond a pixel about (358, 0), with the circle cut at -180 and 180."""
    return -2.0 - x / 7200, y / 7200


FUNCTIONS = {
    "degrees": grid,
    "lists": lambda x, y: tuple(v.tolist() for v in grid(x, y)),
    "quantities": lambda x, y: tuple((v * u.deg).to(u.rad) for v in grid(x, y)),
    "coordinates": lambda x, y: SkyCoord(*grid(x, y), unit="deg"),
    "other frame": lambda x, y: SkyCoord(*grid(x, y), unit="deg").galactic,
}


@pytest.mark.parametrize("kind", FUNCTIONS)
def test_function_from_pixels_to_the_sky(kind: str) -> None:
    stamp = hstamp.encode(IMAGE, 60.0, 0.0, levels=2, wcs=FUNCTIONS[kind])
    assert stamp.wcs is not None
    assert stamp.wcs.ra == pytest.approx(358.0 - 60 / 7200, abs=1e-10)
    assert stamp.wcs.dec == pytest.approx(0.0, abs=1e-10)
    np.testing.assert_allclose(stamp.wcs.cd, [[-1 / 7200, 0], [0, 1 / 7200]], rtol=1e-6, atol=1e-10)
    blob = hstamp.encode_many(IMAGE, [60.0, 40.0], [0.0, 0.0], levels=2, wcs=FUNCTIONS[kind])[0]
    assert hstamp.Stamp.from_bytes(blob) == stamp


def broken(x: Any, y: Any) -> Any:
    raise RuntimeError("no sky today")


@pytest.mark.parametrize(
    ("function", "cause"),
    [
        (broken, "no sky today"),
        (lambda x, y: (x * np.nan, y), "no sky position"),
        (lambda x, y: (x, y + 100.0), "no sky position"),
        (lambda x, y: (0.0, 0.0), "positions"),
        (lambda x, y: None, "fails"),
        (lambda x, y: (x * u.m, y * u.m), "fails"),
        (lambda x, y: (x * 1e-4, x * 1e-4), "area"),
        ("a name", "must be a WCS"),
        (hstamp.Wcs(1.0, 2.0, S, 0.0, 0.0, S), "one source"),
    ],
)
def test_functions_that_are_none(function: Any, cause: str) -> None:
    with pytest.raises(hstamp.InputError, match=cause):
        parent_cds(function, np.array([3.0]), np.array([4.0]))


def test_one_source_off_the_sky_costs_only_itself() -> None:
    wcs = wcs_of(CTYPE1="RA---SIN", CTYPE2="DEC--SIN")
    xs, ys = np.array([64.0, 1e7, 65.0]), np.array([59.0, 0.0, 59.0])
    first, second, third = tangent_rows(wcs, xs, ys)
    assert first == parent_cd(wcs, 64.0, 59.0)
    assert third == parent_cd(wcs, 65.0, 59.0)
    assert isinstance(second, hstamp.InputError)


def test_each_parent_its_own_wcs() -> None:
    own = [wcs_of(), grid, hstamp.Wcs(7.0, 8.0, -S, 0.0, 0.0, S)]
    blobs = hstamp.encode_many(IMAGE, [64.0, 0.0, 5.0], [59.0, 0.0, 5.0], levels=2, wcs=own)
    found = [hstamp.Stamp.from_bytes(blob).wcs for blob in blobs]
    assert [w.ra for w in found if w] == pytest.approx([150.0, 358.0, 7.0], abs=1e-10)


@settings(deadline=None, max_examples=40)
@given(
    ra=st.floats(0.0, 359.9999),
    dec=st.floats(-90.0, 90.0),
    angle=st.floats(0.0, 360.0),
    parity=st.sampled_from([-1.0, 1.0]),
    stretch=st.floats(0.5, 2.0),
)
def test_matrix_of_a_tangent_plane_is_its_own(
    ra: float, dec: float, angle: float, parity: float, stretch: float
) -> None:
    c, s = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    cd = S * np.array([[parity * c, -stretch * s], [parity * s, stretch * c]])
    wcs = WCS(naxis=2)
    wcs.wcs.ctype, wcs.wcs.crval, wcs.wcs.cd = ["RA---TAN", "DEC--TAN"], [ra, dec], cd
    plane = parent_cd(lambda x, y: wcs.wcs_pix2world(x, y, 1), 0.0, 0.0)
    np.testing.assert_allclose(plane.cd, cd, atol=1e-7 * S)


def test_functions_and_plain_arrays_need_no_astropy() -> None:
    code = (
        "import sys, numpy, hstamp;"
        "hstamp.encode(numpy.ones((40, 40)), 20, 20, wcs=lambda x, y: (x / 100, y / 100));"
        "sys.exit('astropy' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
