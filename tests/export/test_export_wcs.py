"""Sky positions of the grids, against the parent's own WCS."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.wcs import WCS
from export_cases import ORIGINS, lsst_cutouts, make_full, needs
from hypothesis import given, settings
from hypothesis import strategies as st

import hstamp
from hstamp.export import level_wcs, mosaic_wcs, parent_cd

SIP = {
    "A_ORDER": 2, "B_ORDER": 2, "A_2_0": 2e-7, "A_1_1": -1e-7, "B_0_2": 1.5e-7, "B_1_1": 5e-8,
}  # fmt: skip


def parent(ctype: str = "TAN", *, angle: float = 0.0, flip: bool = False, **cards: object) -> WCS:
    """WCS of a made-up 4000x4000 CCD at 0.2 arcsec per pixel."""
    c, s = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    cd = 0.2 / 3600 * np.array([[-c, s], [s, c]])
    if flip:
        cd[:, 0] *= -1
    header = fits.Header()
    header.update({
        "NAXIS": 2, "NAXIS1": 4000, "NAXIS2": 4000,
        "CTYPE1": f"RA---{ctype}", "CTYPE2": f"DEC--{ctype}",
        "CRVAL1": 150.0, "CRVAL2": -30.0, "CRPIX1": 2000.5, "CRPIX2": 2000.5,
        "CD1_1": cd[0, 0], "CD1_2": cd[0, 1], "CD2_1": cd[1, 0], "CD2_2": cd[1, 1],
        "RADESYS": "ICRS",
    } | cards)  # fmt: skip
    return WCS(header)


PARENTS = {
    "upright": parent(),
    "rotated": parent(angle=77.0),
    "flipped": parent(angle=-130.0, flip=True),
    "SIP": parent("TAN-SIP", angle=12.0, **SIP),
    "TPV": parent("TPV", angle=12.0, PV1_1=1.001, PV2_1=0.999, PV1_7=0.02),
    "ZEA": parent("ZEA", angle=45.0),
    "SIN": parent("SIN"),
    "FK5": parent(angle=30.0, RADESYS="FK5", EQUINOX=2000.0),
    "galactic": parent(angle=30.0, CTYPE1="GLON-TAN", CTYPE2="GLAT-TAN", RADESYS=""),
    "latitude first": parent(
        angle=20.0, CTYPE1="DEC--TAN", CTYPE2="RA---TAN", CRVAL1=-30.0, CRVAL2=150.0
    ),
    "RA zero": parent(angle=5.0, CRVAL1=0.0),
    "pole": parent(angle=5.0, CRVAL2=89.9999),
    "south": parent(angle=5.0, CRVAL2=-89.99),
}


def sky_of_parent(wcs: WCS, x: float, y: float) -> SkyCoord:
    return wcs.pixel_to_world(x, y).icrs


def check_on_sky(
    stamp: hstamp.Stamp,
    hdulist: fits.HDUList,
    wcs: WCS,
    x: float,
    y: float,
    curvature: float = 0.0,
) -> None:
    """Source, corners and centre of every grid within 0.01 base pixel of the parent's WCS.

    A tangent plane cannot follow a distortion's second order: `curvature` allows that much times
    the squared distance from the source, where it exceeds 0.01 pixel.
    """
    i0, j0 = np.floor(x) + 1, np.floor(y) + 1
    source = sky_of_parent(wcs, x, y)
    pixel = source.separation(sky_of_parent(wcs, x + 1, y)).arcsec
    grids = {f"LEVEL{k}": (ORIGINS[k], 2**k, 15) for k in range(stamp.n)}
    grids["MOSAIC"] = (ORIGINS[stamp.n - 1], 1, 15 * 2 ** (stamp.n - 1))
    for name, (origin, size, side) in grids.items():
        grid = WCS(hdulist[name].header)
        assert hdulist[name].data.shape == (side, side)
        for u, v in ((0, 0), (side, 0), (0, side), (side, side), (side / 2, side / 3)):
            expected = sky_of_parent(
                wcs, i0 - 0.5 + origin + u * size, j0 - 0.5 + origin + v * size
            )
            found = grid.pixel_to_world(u - 0.5, v - 0.5)
            squared = (origin + u * size) ** 2 + (origin + v * size) ** 2
            allowed = max(0.01, curvature * squared) * pixel
            assert found.separation(expected).arcsec < allowed, (name, u, v)
        at_source = grid.pixel_to_world(
            (x - (i0 - 0.5) - origin) / size - 0.5, (y - (j0 - 0.5) - origin) / size - 0.5
        )
        assert at_source.separation(source).arcsec < 0.001 * pixel, name


@pytest.mark.parametrize("name", PARENTS)
def test_exported_grids_lie_where_the_parent_says(name: str, tmp_path: object) -> None:
    wcs = PARENTS[name]
    x, y = 1890.37, 2077.81
    image = np.zeros((4000, 4000), dtype=np.float32)
    stamp = hstamp.encode(image, x, y, levels=5, wcs=wcs)
    path = f"{tmp_path}/stamp.fits"
    stamp.to_fits(path)
    with fits.open(path) as hdulist:
        check_on_sky(stamp, hdulist, wcs, x, y)


@pytest.mark.parametrize(
    ("file", "hdu", "curvature"),
    [
        ("SN2010H_SDSS_r.fits", 0, 0.0),
        ("UGC1333_DES_r.fits", 0, 0.0),
        ("UGC1333_PS1_r.fits", 0, 0.0),
        # Near the edge of HSC's field the scale changes by 0.7 percent in 1000 pixels.
        ("HSC-0908120-056-small.fits", 1, 4e-6),
    ],
)
def test_real_parents(file: str, hdu: int, curvature: float) -> None:
    with fits.open(needs("sky", file)) as hdulist, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # these files carry deprecated WCS keywords
        image, wcs = hdulist[hdu].data.astype(np.float32), WCS(hdulist[hdu].header)
    rows, columns = image.shape
    for x, y in ((columns / 2 - 0.2, rows / 2 + 0.3), (0.31 * columns, 0.77 * rows)):
        stamp = hstamp.encode(image, x, y, levels=5, wcs=wcs, flux_unit="count")
        check_on_sky(stamp, stamp.to_hdulist(), wcs, x, y, curvature)


@settings(deadline=None, max_examples=25)
@given(
    x=st.floats(-50, 4050),
    y=st.floats(-50, 4050),
    name=st.sampled_from(["rotated", "SIP", "RA zero", "pole"]),
)
def test_tangent_plane_anywhere_on_a_ccd(x: float, y: float, name: str) -> None:
    wcs = PARENTS[name]
    plane = parent_cd(wcs, x, y)
    source = sky_of_parent(wcs, x, y)
    assert SkyCoord(plane.ra, plane.dec, unit="deg").separation(source).arcsec < 1e-6
    # A step of ten pixels in any direction, by the CD matrix and by the parent.
    for step in (np.array([10.0, 0.0]), np.array([0.0, -10.0]), np.array([7.0, 7.0])):
        target = sky_of_parent(wcs, x + step[0], y + step[1])
        east, north = source.spherical_offsets_to(target)
        xi, eta = plane.cd @ step * 3600
        assert np.hypot(east.arcsec - xi, north.arcsec - eta) < 2e-3 * 0.2


@pytest.mark.parametrize("declination", [90.0, -90.0])
def test_tangent_plane_beside_a_pole(declination: float) -> None:
    """Within a pixel of the pole one pixel is a third of the circle in right ascension."""
    wcs = parent(CRVAL2=declination)
    x = y = 2000.5 - 1 + 0.4
    plane = parent_cd(wcs, x, y)
    source = sky_of_parent(wcs, x, y)
    for step in ([10.0, 0.0], [0.0, 10.0]):
        target = sky_of_parent(wcs, x + step[0], y + step[1])
        east, north = source.spherical_offsets_to(target)
        xi, eta = plane.cd @ step * 3600
        assert np.hypot(east.arcsec - xi, north.arcsec - eta) < 1e-3 * 0.2


def test_lsst_wcs_without_ctype_is_a_tangent_plane_at_the_source() -> None:
    import io

    seen = 0
    for _, cutout in lsst_cutouts():
        header = fits.getheader(io.BytesIO(cutout))
        plane = parent_cd(WCS(header), header["CRPIX1"] - 1, header["CRPIX2"] - 1)
        assert plane.ra == pytest.approx(header["CRVAL1"], abs=1e-11)
        assert plane.dec == pytest.approx(header["CRVAL2"], abs=1e-11)
        expected = [header[card] for card in ("PC1_1", "PC1_2", "PC2_1", "PC2_2")]
        np.testing.assert_allclose(plane.cd.ravel(), expected, rtol=1e-7, atol=1e-13)
        seen += 1
    assert seen == 120


def test_lsst_wcs_away_from_its_reference_point() -> None:
    linear = WCS(naxis=2)
    linear.wcs.crval, linear.wcs.crpix = [10.0, -60.0], [15.5, 15.5]
    linear.wcs.cd = [[-5e-5, 0.0], [0.0, 5e-5]]
    plane = parent_cd(linear, 14.5 + 20, 14.5)
    # 20 pixels of 5e-5 degrees west, on the circle of declination -60: twice as far in RA.
    assert plane.ra == pytest.approx(10.0 - 20 * 5e-5 / np.cos(np.radians(60)), abs=1e-7)
    assert plane.dec == pytest.approx(-60.0, abs=1e-6)


def test_cube_uses_its_celestial_axes() -> None:
    cube = WCS(naxis=3)
    cube.wcs.ctype = ["RA---TAN", "DEC--TAN", "FREQ"]
    cube.wcs.crval, cube.wcs.crpix = [20.0, 10.0, 1e9], [1.0, 1.0, 1.0]
    cube.wcs.cdelt = [-1e-4, 1e-4, 1e6]
    plane = parent_cd(cube, 0.0, 0.0)
    assert (plane.ra, plane.dec) == pytest.approx((20.0, 10.0))
    np.testing.assert_allclose(plane.cd, [[-1e-4, 0], [0, 1e-4]], rtol=1e-9, atol=1e-14)


@pytest.mark.parametrize("ra", [0.0, 359.9999999999, 360.0, -1e-20])
def test_right_ascension_is_below_360(ra: float) -> None:
    plane = parent_cd(parent(CRVAL1=ra, CRPIX1=1.0, CRPIX2=1.0), 0.0, 0.0)
    assert 0.0 <= plane.ra < 360.0


def test_wcs_that_give_no_position_are_refused() -> None:
    spectral = WCS(naxis=2)
    spectral.wcs.ctype = ["FREQ", "STOKES"]
    singular = WCS(naxis=2)
    singular.wcs.crval, singular.wcs.crpix = [10.0, 10.0], [1.0, 1.0]
    singular.wcs.cd = [[1e-5, 1e-5], [1e-5, 1e-5]]
    for wcs, x, cause in (
        (WCS(naxis=2), 0.0, "empty"),
        (spectral, 0.0, "not celestial"),
        (singular, 0.0, "area"),
        (parent("SIN"), 1e7, "no sky position"),
    ):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with pytest.raises(hstamp.InputError, match=cause):
                parent_cd(wcs, x, 0.0)


def test_levels_share_the_source_and_double_their_pixels(full_stamp: hstamp.Stamp) -> None:
    mosaic = mosaic_wcs(full_stamp)
    assert mosaic.array_shape == (240, 240)
    base = mosaic.pixel_scale_matrix
    for k in range(5):
        level = level_wcs(full_stamp, k)
        np.testing.assert_array_equal(level.wcs.crval, mosaic.wcs.crval)
        np.testing.assert_allclose(level.pixel_scale_matrix, 2**k * base, rtol=1e-15)
        assert level.array_shape == (15, 15)


def test_missing_wcs_and_unknown_level() -> None:
    stamp = make_full(2, wcs=None)
    with pytest.raises(hstamp.InputError, match="no WCS"):
        mosaic_wcs(stamp)
    with pytest.raises(hstamp.InputError, match="level must be 0 to 1"):
        level_wcs(make_full(2), 2)
