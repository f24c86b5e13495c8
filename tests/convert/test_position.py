"""Sources found on the sky by the WCS of real, odd and hostile headers."""

from __future__ import annotations

import contextlib
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS, DistortionLookupTable
from hypothesis import given, settings
from hypothesis import strategies as st

import hstamp
from hstamp.convert.position import header_wcs, pixel_of, plane_at, read_header_wcs
from hstamp.tangent import parent_cd

S = 0.2 / 3600
SHAPE = (120, 130)
IMAGE = np.random.default_rng(4).normal(100, 5, SHAPE).astype(np.float32)
CDELT = {"CD1_1": None, "CD2_2": None, "CDELT1": -S, "CDELT2": S}
LATITUDE_FIRST = {
    "CTYPE1": "DEC--TAN", "CTYPE2": "RA---TAN", "CRVAL1": 2.0, "CRVAL2": 150.0,
    "CD1_1": S, "CD2_2": -S,
}  # fmt: skip
SIP = {
    "CTYPE1": "RA---TAN-SIP", "CTYPE2": "DEC--TAN-SIP", "A_ORDER": 2, "B_ORDER": 2, "A_2_0": 2e-5,
    "B_1_1": -3e-5,
}  # fmt: skip


def header(**cards: Any) -> fits.Header:
    made = fits.Header()
    plain = {
        "CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CRPIX1": 65.0, "CRPIX2": 60.0,
        "CRVAL1": 150.0, "CRVAL2": 2.0, "CD1_1": -S, "CD2_2": S,
    }  # fmt: skip
    for key, value in (plain | cards).items():
        if value is not None:
            made[key] = value
    return made


def astropy_sky(cards: fits.Header, x: float, y: float) -> tuple[float, float]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        place = WCS(cards).pixel_to_world(x, y).icrs
    return float(place.ra.deg), float(place.dec.deg)


def used(cards: fits.Header) -> tuple[float, float]:
    """Pixel of the reference position, by the header's WCS."""
    wcs = header_wcs(cards)
    assert wcs is not None
    return pixel_of(wcs, 150.0, 2.0)


def tnx() -> dict[str, Any]:
    """IRAF's polynomials, in cards of 68 characters."""
    cards: dict[str, Any] = {"CTYPE1": "RA---TNX", "CTYPE2": "DEC--TNX"}
    surface = "3. 3. 3. 0. -0.01 0.01 -0.01 0.01 " + " ".join(f"0.000{i}" for i in range(1, 10))
    for axis, kind in ((1, "ra lngcor"), (2, "dec latcor")):
        name, correction = kind.split()
        text = f'wtype=tnx axtype={name} {correction} = "{surface}"'
        for part in range(-(-len(text) // 68)):
            cards[f"WAT{axis}_{part + 1:03d}"] = text[68 * part : 68 * part + 68]
    return cards


HEADERS: dict[str, dict[str, Any]] = {
    "latitude first": LATITUDE_FIRST,
    "latitude first, distorted": LATITUDE_FIRST
    | {"CTYPE1": "DEC--TAN-SIP", "CTYPE2": "RA---TAN-SIP", "A_ORDER": 2, "B_ORDER": 2,
       "A_2_0": 2e-5, "B_1_1": -3e-5},
    "latitude first, FK5 of 1975": LATITUDE_FIRST | {"RADESYS": "FK5", "EQUINOX": 1975.0},
    "galactic, latitude first": LATITUDE_FIRST | {"CTYPE1": "GLAT-CAR", "CTYPE2": "GLON-CAR"},
    "FK4": {"EQUINOX": 1950.0},
    "RADECSYS": {"RADECSYS": "FK4", "EQUINOX": 1950.0},
    "CROTA1": LATITUDE_FIRST
    | {"CD1_1": None, "CD2_2": None, "CDELT1": S, "CDELT2": -S, "CROTA1": 25.0},
    "CROTA2": CDELT | {"CROTA2": 30.0},
    "PC with three digits": CDELT | {"PC001002": 0.5, "PC002001": -0.5},
    "a missing PC": CDELT | {"PC1_2": 0.5},
    "negative right ascension": {"CRVAL1": -179.9999},
    "pole": {"CRVAL2": 90.0},
    "SIP": SIP,
    "SIP without its suffix": SIP | {"CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN"},
    "SIP and SCAMP's PV": SIP | {"PV1_1": 1.0, "PV1_5": 0.01, "PV2_1": 1.0, "PV2_5": 0.01},
    "SCAMP's PV": {"PV1_1": 1.01, "PV1_4": 40.0, "PV2_1": 0.99, "PV2_5": 30.0},
    "ZPN": {"CTYPE1": "RA---ZPN", "CTYPE2": "DEC--ZPN", "PV2_1": 1.0, "PV2_3": 42.0},
    "AIPS's projections": {"CTYPE1": "RA---NCP", "CTYPE2": "DEC--NCP", "CRVAL2": 60.0},
    "TNX": tnx(),
    "a date that is none": {"DATE-OBS": "yesterday", "MJD-OBS": "late"},
    "a spectral axis": {"CTYPE3": "FREQ", "CRVAL3": 1e9, "CDELT3": 1e6, "CRPIX3": 1.0},
}  # fmt: skip


@pytest.mark.parametrize("name", HEADERS)
@pytest.mark.parametrize(("x", "y"), [(70.3, 48.9), (5.0, 110.0)])
def test_position_is_where_astropy_puts_it(name: str, x: float, y: float) -> None:
    cards = header(**HEADERS[name])
    seen = header(**{k: v for k, v in HEADERS[name].items() if not k.endswith("3")})
    ra, dec = astropy_sky(seen, x, y)
    wcs = header_wcs(cards)
    assert wcs is not None
    # wcslib's ZPN repeats itself within 2e-5 pixel, the others within the digits kept.
    pixels, degrees = (5e-5, 1e-9) if name == "ZPN" else (2e-6, 1e-10)
    assert pixel_of(wcs, ra, dec) == pytest.approx((x, y), abs=pixels)
    plane = parent_cd(wcs, x, y)
    assert plane.dec == pytest.approx(dec, abs=degrees)
    assert np.cos(np.radians(dec)) * (plane.ra - ra) == pytest.approx(0.0, abs=degrees)


def test_every_term_of_scamp_beside_sip_is_redundant() -> None:
    """Radial terms (3, 11, 23) too, which astropy's own remedy leaves in."""
    more = {f"PV{axis}_{m}": 0.5 / (m + 1) for axis in (1, 2) for m in (0, 1, 2, 3, 4, 11, 12)}
    wcs = header_wcs(header(**SIP, **more))
    assert wcs is not None
    there = pixel_of(wcs, *astropy_sky(header(**SIP), 70.3, 48.9))
    assert there == pytest.approx((70.3, 48.9), abs=2e-6)


@pytest.mark.parametrize(
    ("told", "meant"),
    [
        ({"CRVAL1": "150.5", "EQUINOX": "2000.0", "RADESYS": "FK5"},
         {"CRVAL1": 150.5, "EQUINOX": 2000.0, "RADESYS": "FK5"}),
        ({"EQUINOX": "J2000.0"}, {"EQUINOX": 2000.0}),
        ({"EQUINOX": "B1950"}, {"EQUINOX": 1950.0}),
        ({"CTYPE1": "ra---tan", "CTYPE2": "dec--tan"}, {}),
        ({"EQUINOX": "", "RADESYS": "", "CUNIT1": "", "LONPOLE": fits.card.UNDEFINED}, {}),
        ({"EPOCH": "2019-01-01T00:00:00"}, {}),
    ],
)  # fmt: skip
def test_values_in_an_unusual_spelling(told: dict[str, Any], meant: dict[str, Any]) -> None:
    wcs = header_wcs(header(**told))
    assert wcs is not None
    assert pixel_of(wcs, *astropy_sky(header(**meant), 70.0, 50.0)) == pytest.approx(
        (70, 50), abs=2e-6
    )


def test_a_source_on_the_edge_of_a_pixel_does_not_hang_on_rounding() -> None:
    """Each of these is found an ulp or two beside a whole number, on one side or the other."""
    for name in ("SIP", "FK4", "CROTA2"):
        cards = header(**HEADERS[name])
        wcs = header_wcs(cards)
        assert wcs is not None
        for x, y in ((70.0, 55.0), (13.0, 100.0), (91.0, 18.0)):
            assert pixel_of(wcs, *astropy_sky(cards, x, y)) == (x, y)


def test_right_ascension_is_compared_on_the_circle() -> None:
    cards = header(CTYPE1=None, CTYPE2=None, CRVAL1=-10.0)
    wcs = header_wcs(cards)
    assert wcs is not None
    assert pixel_of(wcs, 350.0, 2.0) == (64.0, 59.0)


@pytest.mark.parametrize("units", [("deg", 1.0), ("arcsec", 3600.0)])
def test_rotated_cutout_without_ctype(units: tuple[str, float]) -> None:
    unit, size = units
    cards = header(
        CTYPE1=None, CTYPE2=None, CUNIT1=unit, CUNIT2=unit, CRVAL1=150.0 * size,
        CRVAL2=0.0, CD1_1=None, CD2_2=None, CDELT1=-S * size, CDELT2=S * size, CROTA2=90.0,
    )  # fmt: skip
    wcs = header_wcs(cards)
    assert wcs is not None
    assert pixel_of(wcs, 150.0, 0.0) == (64.0, 59.0)
    # Turned by 90 degrees, x runs south and y west (Calabretta & Greisen 2002, equation 189).
    assert pixel_of(wcs, 150.0, -10 * S) == pytest.approx((74.0, 59.0), abs=2e-6)
    assert pixel_of(wcs, 150.0 - 10 * S, 0.0) == pytest.approx((64.0, 69.0), abs=2e-6)


def test_look_up_tables_of_distortions(tmp_path: Path) -> None:
    wcs, rng = WCS(header()), np.random.default_rng(1)
    for name, size in (("cpdis1", 1.0), ("cpdis2", 1.0), ("det2im1", 0.1)):
        values = rng.normal(0, size, (12, 13)).astype(np.float32)
        setattr(wcs, name, DistortionLookupTable(values, (1, 1), (1, 1), (11, 11)))
    hdus = wcs.to_fits()
    hdus[0].data = IMAGE
    hdus.writeto(tmp_path / "tables.fits")
    with fits.open(tmp_path / "tables.fits") as file:
        whole = WCS(file[0].header, file)
        sky = whole.pixel_to_world(70.3, 48.9)
        ra, dec = float(sky.ra.deg), float(sky.dec.deg)
        bare = WCS(header()).world_to_pixel(sky)
        assert np.hypot(bare[0] - 70.3, bare[1] - 48.9) > 0.3  # the tables do something
        read = header_wcs(file[0].header, file)
        assert read is not None
        assert pixel_of(read, ra, dec) == pytest.approx((70.3, 48.9), abs=2e-6)
        # astropy's own inversion stops within 1e-4 pixel and ignores detector tables.
        found = read_header_wcs(file[0].header)
        assert found.wcs is None
        assert "look-up table" in str(found.fault)


@pytest.mark.parametrize(
    ("order", "lengths"),
    [
        ((1, 2, 3), (130, 120, 1)),
        ((1, 2, 3), None),
        ((3, 1, 2), (1, 130, 120)),
        ((1, 3, 2), (130, 1, 120)),
        ((3, 2, 1), (1, 120, 130)),
        ((1, 2, 3, 4), (130, 120, 1, 1)),
        ((1, 3, 2), (1, 1, 120)),
        ((1, 2, 3), (1, 1, 1)),
    ],
)
def test_axes_of_one_pixel_are_passed_over(order: Any, lengths: Any) -> None:
    cards = fits.Header([("NAXIS", len(lengths) if lengths else 2)])
    for axis, length in enumerate(lengths or (130, 120), 1):
        cards[f"NAXIS{axis}"] = length
    flat, names = header(), {1: "1", 2: "2"}
    for axis, kind in enumerate(order, 1):
        if kind > 2:
            cards[f"CTYPE{axis}"], cards[f"CRVAL{axis}"] = ("FREQ", "STOKES")[kind - 3], 1.0
            continue
        for key in ("CTYPE", "CRVAL", "CRPIX"):
            cards[f"{key}{axis}"] = flat[f"{key}{names[kind]}"]
        cards[f"CDELT{axis}"] = (-S, S)[kind - 1]
    wcs = header_wcs(cards)
    assert wcs is not None
    mirrored = order == (3, 2, 1)
    x, y = (48.9, 70.3) if mirrored else (70.3, 48.9)
    assert pixel_of(wcs, *astropy_sky(flat, 70.3, 48.9)) == pytest.approx((x, y), abs=2e-6)


@pytest.mark.parametrize(
    ("cards", "cause"),
    [
        ({"NAXIS": 3, "NAXIS1": 9, "NAXIS2": 9, "NAXIS3": 9}, "3 axes longer"),
        ({"NAXIS": 3, "NAXIS1": 9, "NAXIS2": 1, "NAXIS3": 9, "CTYPE3": "FREQ"}, "elestial"),
        ({"CTYPE2": "FREQ"}, "elestial"),
        ({"CD1_1": 0.0, "CD2_2": 0.0}, "zero"),
        (CDELT | {"CDELT1": 0.0}, "Singular"),
        ({"PC1_3": 0.5}, "mixes"),
        ({"PC1_99": 0.5}, "mixes"),
        ({"CRVAL1": "north"}, "CRVAL1"),
        ({"CRVAL1": True}, "CRVAL1"),
        ({"CTYPE1": 7}, "CTYPE1"),
        (SIP | {"B_ORDER": None}, "B_ORDER"),
        (SIP | {"A_ORDER": 10}, "order 9"),
        (SIP | {"AP_ORDER": 10**9, "BP_ORDER": 10**9}, "order 9"),
        (SIP | {"A_ORDER": -(10**9)}, "order 9"),
        (SIP | {"A_ORDER": 2.5}, "whole number"),
        ({"CTYPE1": "RA---TAB", "CTYPE2": "DEC--TAB"}, "-TAB"),
        ({"CPDIS1": "TPD"}, "'TPD', which astropy does not apply"),
        ({"D2IMDIS1": "Polynomial"}, "does not apply"),
        ({"D2IMDIS1": "LOOKUP"}, "D2IMARR is not in the file"),
        ({"AXISCORR": 1}, "D2IMARR is not in the file"),
        ({"CQDIS1": "TPD", "DQ1.NAXES": 10**6}, "NAXES"),
        (tnx() | {"WAT1_001": 'wtype=tnx axtype=ra lngcor = "3. 99999. 3. 2. -1. 1. '}, "99999"),
        (tnx() | {"WAT2_001": 'wtype=tnx axtype=dec latcor = "3. 3. 1e9 2. -1. 1. '}, "1e9"),
        ({"CTYPE1": "RA---XYZ", "CTYPE2": "DEC--XYZ"}, "not readable|elestial"),
        ({"CPDIS1": "LOOKUP"}, "look-up table WCSDVARR"),
    ],
)
def test_headers_that_cannot_be_read_say_why(cards: dict[str, Any], cause: str) -> None:
    with pytest.raises(hstamp.InputError, match=cause):
        used(header(**cards))


def test_unreadable_and_non_finite_cards() -> None:
    for text in ("NaN", "inf", "1.5.2", "'never closed", "1E999"):
        image = header(CRVAL1=None).tostring(endcard=False, padding=False)
        cards = fits.Header.fromstring(image + f"CRVAL1  = {text:>20s}".ljust(80))
        with pytest.raises(hstamp.InputError, match="CRVAL1"):
            header_wcs(cards)


@pytest.mark.parametrize(
    "cards",
    [
        {"WCSAXES": 10**6},
        {"PV1_99": 1.0, "PV2_4": 1e300},
        {"PV999_1": 1.0, "PC99_98": 1.0, "CTYPE999": "FREQ"},
        {"CRPIX1": 1e300},
        {"CRVAL2": 1e300},
        {"LONPOLE": 1e300, "LATPOLE": -1e300},
        {"CD1_1": 1e-300, "CD2_2": 1e300},
        SIP | {"A_2_0": 1e300},
        {"CTYPE1": "RA---TAN-SIP", "CTYPE2": "DEC--TAN-SIP"},
    ],
)
def test_absurd_numbers_end_in_a_position_or_an_input_error(cards: dict[str, Any]) -> None:
    with contextlib.suppress(hstamp.InputError):
        assert np.isfinite(used(header(**cards))).all()


CODES = [
    "AZP",
    "SZP",
    "TAN",
    "STG",
    "SIN",
    "ARC",
    "ZPN",
    "ZEA",
    "AIR",
    "CYP",
    "CEA",
    "CAR",
    "MER",
    "SFL",
    "PAR",
    "MOL",
    "AIT",
    "COP",
    "COE",
    "COD",
    "COO",
    "BON",
    "PCO",
    "TSC",
    "CSC",
    "QSC",
    "HPX",
    "XPH",
    "TNX",
    "ZPX",
    "TPV",
    "DSS",
    "TAB",
    "NCP",
    "GLS",
    "TAN-SIP",
    "XYZ",
]
KEYS = [
    *(f"{key}{axis}" for key in ("CUNIT", "CRVAL", "CRPIX", "CDELT", "CROTA") for axis in (1, 2)),
    *(f"PV{axis}_{m}" for axis in (1, 2) for m in (0, 1, 2, 3, 5, 11, 30, 40, 99)),
    *("CD1_1", "CD1_2", "PC2_1", "PC1_99", "PC001002", "LONPOLE", "LATPOLE", "RADESYS", "EQUINOX"),
    *("WCSAXES", "NAXIS", "NAXIS1", "A_ORDER", "B_ORDER", "A_2_0", "A_DMAX", "AP_ORDER", "PROJP1"),
    *("CPDIS1", "CQDIS2", "D2IMDIS1", "AXISCORR", "WAT1_001", "PPO3", "AMDX1", "CTYPE3", "PS1_0"),
]
VALUES = [0, 1, -1, 2, 9, 90.0, 1e-300, 1e300, -1e300, 10**18, 0.5, True, "", "abc", "LOOKUP"]


@settings(max_examples=150)
@given(
    code=st.sampled_from(CODES),
    system=st.sampled_from([("RA--", "DEC-"), ("GLON", "GLAT"), ("ELON", "ELAT")]),
    cards=st.dictionaries(st.sampled_from(KEYS), st.sampled_from(VALUES), max_size=6),
)
def test_any_header_has_a_wcs_or_says_why_not(code: str, system: Any, cards: Any) -> None:
    kinds = {"CTYPE1": f"{system[0]}-{code}", "CTYPE2": f"{system[1]}-{code}"}
    with contextlib.suppress(hstamp.InputError):
        wcs = header_wcs(header(**(kinds | cards)))
        assert wcs is not None
        plane = parent_cd(wcs, 70.0, 50.0)
        assert np.isfinite([plane.ra, plane.dec, *plane.cd.ravel()]).all()
        assert 0 <= plane.ra < 360
        assert -90 <= plane.dec <= 90


def test_cards_beyond_counting_are_refused() -> None:
    image = header().tostring(endcard=False, padding=False)
    text = "".join(f"DP1     = 'X.{number}: 1'".ljust(80) for number in range(2500))
    with pytest.raises(hstamp.InputError, match="more than 2000 cards"):
        header_wcs(fits.Header.fromstring(image + text))


def test_the_last_of_repeated_cards_holds() -> None:
    image = header(CRVAL1=10.0).tostring(endcard=False, padding=False)
    again = "CRVAL1  =                150.0".ljust(80)
    wcs = header_wcs(fits.Header.fromstring(image + 3000 * again))
    assert wcs is not None
    assert wcs.wcs.crval[0] == 150.0


@pytest.mark.parametrize("place", [(330.0, -2.0), (150.0, -89.0), (0.0, 0.0)])
@pytest.mark.parametrize("name", ["SIP", "SCAMP's PV", "CROTA2", "FK4"])
def test_places_that_the_projection_does_not_reach(name: str, place: Any) -> None:
    """The other side of the sky, where an inverse may answer with another branch."""
    wcs = header_wcs(header(**HEADERS[name]))
    assert wcs is not None
    with pytest.raises(hstamp.InputError, match="no pixel"):
        pixel_of(wcs, *place)


@pytest.mark.parametrize(
    "cards",
    [
        {"CTYPE1": "LINEAR", "CTYPE2": "LINEAR"},
        {"RADESYS": "MINE"},
        {"CPDIS1": "LOOKUP"},
        {"A_ORDER": 5000, "B_ORDER": 5000},
        {"CD1_1": 0.0, "CD2_2": 0.0},
        {"CRVAL2": 1e300},
        {"NAXIS3": 1, "PC1_3": 1.0},
    ],
)
def test_an_image_with_pixels_given_needs_no_wcs(
    cards: dict[str, Any], tmp_path: Path, convert: Any
) -> None:
    cards = {key: value for key, value in cards.items() if key != "NAXIS3"}
    path = tmp_path / "image.fits"
    fits.PrimaryHDU(IMAGE, header(**cards)).writeto(path)
    from hstamp.convert.image import Position

    report = convert(path, tmp_path / "out.avro", positions=(Position(x=65.0, y=60.0),))
    assert sum(report.stamps.values()) == 1
    assert any("WCS left out" in note for note in report.notes)
    (found,) = hstamp.read_stamps(tmp_path / "out.avro")
    assert found.stamp.wcs is None
    report = convert(path, tmp_path / "sky.avro", positions=(Position(ra=150.0, dec=2.0),))
    assert sum(report.stamps.values()) == 0


def test_plane_of_a_good_wcs_has_no_note() -> None:
    wcs = header_wcs(header())
    assert wcs is not None
    plane, notes = plane_at(wcs, 64.0, 59.0)
    assert plane == parent_cd(wcs, 64.0, 59.0)
    assert notes == ()
    assert plane_at(None, 1.0, 1.0) == (None, ())


def test_hostile_polynomial_of_order_5000(shared: Path) -> None:
    path = shared.parent / "hostile" / "sip-5000.fits"
    if not path.exists():
        pytest.skip(f"no shared file {path}")
    with pytest.raises(hstamp.InputError, match="A_ORDER is 5000; SIP goes to order 9"):
        header_wcs(fits.getheader(path))


def test_a_place_off_a_distorted_projection():
    """Behind the tangent plane; what astropy's inversion warns of is no word for a user."""
    wcs = header_wcs(header(**SIP))
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        with pytest.raises(hstamp.InputError, match="outside the projection"):
            pixel_of(wcs, 330.0, -2.0)
    assert said == []
