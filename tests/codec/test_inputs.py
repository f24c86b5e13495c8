"""Objects with units, masks and uncertainties: what they mean is kept, converted or refused."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from astropy import units as u
from astropy.nddata import (
    CCDData,
    Cutout2D,
    InverseVariance,
    NDData,
    NDDataRef,
    StdDevUncertainty,
    UnknownUncertainty,
    VarianceUncertainty,
)
from astropy.table import Column, MaskedColumn
from astropy.utils.masked import Masked
from astropy.wcs import WCS

import hstamp

RNG = np.random.default_rng(8)
SHAPE = (60, 64)
IMAGE = RNG.normal(3.0, 0.1, SHAPE)
HIDDEN = np.zeros(SHAPE, dtype=bool)
HIDDEN[28:32, 30:33] = True
LOUD = np.where(HIDDEN, 1e6, IMAGE)
X, Y = 32.2, 29.7


def sky() -> WCS:
    wcs = WCS(naxis=2)
    wcs.wcs.ctype, wcs.wcs.crval = ["RA---TAN", "DEC--TAN"], [150.0, 2.0]
    wcs.wcs.crpix, wcs.wcs.cdelt = [20.0, 30.0], [-1e-4, 1e-4]
    return wcs


def encode(image: Any, **options: Any) -> hstamp.Stamp:
    exact = {"levels": 3, "encoding": "f4", "variance_encoding": "f4"}
    return hstamp.encode(image, X, Y, **(exact | options))


def both(image: Any, **options: Any) -> hstamp.Stamp:
    """Encode one and encode many, which must agree to the byte."""
    stamp = encode(image, **options)
    exact = {"levels": 3, "encoding": "f4", "variance_encoding": "f4"}
    (blob,) = hstamp.encode_many(image, [X], [Y], **(exact | options))
    assert blob == stamp.to_bytes()
    return stamp


def spread(stamp: hstamp.Stamp) -> Any:
    """Variances of level 0's own pixels, which are the parent's [PL-2]."""
    assert stamp.variance is not None
    return stamp.variance[0, :14, :14]


def holes(stamp: hstamp.Stamp) -> int:
    return int(np.isnan(stamp.levels[0]).sum())


# Units


@pytest.mark.parametrize(
    ("unit", "text"),
    [
        (u.nJy, "nJy"),
        (u.uJy, "uJy"),
        (u.adu, "adu"),
        (u.ct, "count"),
        (u.electron / u.s, "electron / s"),  # FITS has no electron
        (u.DN, "DN"),
        (u.nmgy, "nmgy"),
        (u.Unit(3631 * u.Jy), "3631 Jy"),
        (u.MJy / u.sr, "MJy sr-1"),
        (u.erg / u.s / u.cm**2 / u.Hz, "erg Hz-1 s-1 cm-2"),
    ],
)
def test_unit_of_the_image_is_carried(unit: u.UnitBase, text: str) -> None:
    stamp = both(IMAGE * unit)
    assert stamp.flux_unit == text
    assert u.Unit(stamp.flux_unit) == unit
    assert np.array_equal(stamp.levels, encode(IMAGE).levels, equal_nan=True)


@pytest.mark.parametrize("flux_unit", ["nJy", u.nJy])
def test_unit_is_converted_where_another_is_asked_for(flux_unit: Any) -> None:
    stamp = both(IMAGE * u.uJy, variance=np.full(SHAPE, 4.0) * u.mJy**2, flux_unit=flux_unit)
    assert stamp.flux_unit == "nJy"
    np.testing.assert_allclose(stamp.levels, 1000 * encode(IMAGE).levels, rtol=1e-6)
    np.testing.assert_allclose(spread(stamp), 4e12, rtol=1e-6)  # (1e6 nJy)**2 * 4


def test_plain_numbers_stay_what_they_were() -> None:
    assert both(IMAGE).flux_unit == "nJy"
    assert both(IMAGE, flux_unit="any words").flux_unit == "any words"
    assert both(NDData(IMAGE)).flux_unit == "nJy"
    stamp = both(IMAGE * u.uJy, variance=np.full(SHAPE, 4.0))
    assert np.all(spread(stamp) == 4.0)  # flux_unit squared, as documented


def test_variance_with_a_unit_beside_plain_numbers() -> None:
    stamp = both(IMAGE, variance=np.full(SHAPE, 4.0) * u.uJy**2)
    assert stamp.flux_unit == "nJy"
    np.testing.assert_allclose(spread(stamp), 4e6, rtol=1e-6)


@pytest.mark.parametrize(
    ("image", "options", "cause"),
    [
        (IMAGE * u.m, {"flux_unit": "nJy"}, "not convertible"),
        (IMAGE * u.MJy / u.sr, {"flux_unit": "nJy"}, "not convertible"),
        (IMAGE * u.adu, {"flux_unit": "my counts"}, "cannot be told"),
        (IMAGE * u.ABmag, {}, "no linear unit"),
        (IMAGE * u.mag, {}, "no linear unit"),
        (IMAGE * u.mag / u.arcsec**2, {}, "no linear unit"),
        (IMAGE * u.dex, {}, "no linear unit"),
        (IMAGE * u.dimensionless_unscaled, {}, "dimensionless"),
        (IMAGE * u.dimensionless_unscaled, {"flux_unit": "nJy"}, "not convertible"),
        (IMAGE * u.def_unit("a_unit_with_a_name_that_is_far_too_long"), {}, "32 printable"),
        (IMAGE * u.def_unit("µnit"), {}, "32 printable"),
        (IMAGE * u.uJy, {"variance": IMAGE * u.uJy}, "not convertible"),
        (IMAGE, {"variance": IMAGE * u.adu**2}, "not convertible"),
        (IMAGE, {"variance": IMAGE * u.adu**2, "flux_unit": "ADU!"}, "cannot be told"),
        (IMAGE, {"mask": np.ones(SHAPE, int) * u.m, "mask_planes": ["A"]}, "mask has the unit"),
        (IMAGE, {"psf": np.ones((3, 3)) * u.mag}, "psf is in 'mag'"),
        (IMAGE, {"unusable": np.ones(SHAPE, bool) * u.m}, "unusable has the unit"),
    ],
)
def test_units_that_cannot_be_carried_are_refused(image: Any, options: Any, cause: str) -> None:
    with pytest.raises(hstamp.InputError, match=cause):
        encode(image, **options)


# Masks

MASKED = {
    "numpy": np.ma.MaskedArray(LOUD, mask=HIDDEN),
    "numpy, of a Quantity": np.ma.MaskedArray(LOUD * u.uJy, mask=HIDDEN),
    "astropy": Masked(LOUD, mask=HIDDEN),
    "astropy, of a Quantity": Masked(LOUD * u.uJy, mask=HIDDEN),
    "NDData": NDData(LOUD, mask=HIDDEN),
    "NDData of a masked array": NDData(np.ma.MaskedArray(LOUD, mask=HIDDEN)),
    "NDDataRef": NDDataRef(LOUD, mask=HIDDEN, unit="uJy"),
    "CCDData": CCDData(LOUD, mask=HIDDEN, unit="uJy"),
    "CCDData, bits": CCDData(LOUD, mask=HIDDEN.astype(np.int32) * 4, unit="uJy"),
    "Cutout2D": Cutout2D(np.ma.MaskedArray(LOUD, mask=HIDDEN), (32, 30), SHAPE),
    "column": MaskedColumn(LOUD, mask=HIDDEN, unit="uJy"),
    "rows": [np.ma.MaskedArray(row, mask=hide) for row, hide in zip(LOUD, HIDDEN, strict=True)],
}


@pytest.mark.parametrize("name", MASKED)
def test_masked_pixels_are_missing(name: str) -> None:
    stamp = encode(MASKED[name])
    expected = encode(np.where(HIDDEN, np.nan, LOUD))
    assert np.array_equal(stamp.levels, expected.levels, equal_nan=True)
    assert holes(stamp) == 12
    carried = any(word in name for word in ("Quantity", "Ref", "CCD", "column"))
    assert stamp.flux_unit == ("uJy" if carried else "nJy")


@pytest.mark.parametrize("name", ["numpy", "astropy, of a Quantity", "CCDData"])
def test_masked_parents_of_a_batch(name: str) -> None:
    both(MASKED[name])
    blobs = hstamp.encode_many(
        [MASKED[name], MASKED[name]], [X, X], [Y, Y], levels=3, encoding="f4",
        variance_encoding="f4",
    )  # fmt: skip
    assert blobs == 2 * [encode(MASKED[name]).to_bytes()]


@pytest.mark.parametrize(
    "wrap",
    [
        lambda v, m: np.ma.MaskedArray(v, mask=m),
        lambda v, m: Masked(v * u.nJy, mask=m),
        lambda v, m: NDData(v, mask=m, unit="nJy"),
    ],
)
def test_cube_with_one_parent_for_each_source(wrap: Any) -> None:
    cube, hidden = np.stack([LOUD, 2 * LOUD]), np.stack([HIDDEN, ~HIDDEN & HIDDEN])
    blobs = hstamp.encode_many(wrap(cube, hidden), [X, X], [Y, Y], levels=3, encoding="f4")
    assert blobs[0] == encode(MASKED["numpy"]).to_bytes()
    assert blobs[1] == encode(2 * LOUD).to_bytes()


def test_masked_integers_and_single_precision() -> None:
    counts = np.ma.MaskedArray(np.full(SHAPE, 7, np.uint16), mask=HIDDEN)
    stamp = encode(counts)
    assert holes(stamp) == 12
    assert np.nanmax(stamp.levels) == 7.0
    assert holes(encode(Masked(LOUD.astype(">f4"), mask=HIDDEN))) == 12


def test_masked_variance_is_missing() -> None:
    for variance in (np.ma.MaskedArray(LOUD, mask=HIDDEN), Masked(LOUD * u.nJy**2, mask=HIDDEN)):
        stamp = encode(IMAGE, variance=variance)
        assert stamp.variance is not None
        assert int(np.isnan(stamp.variance[0]).sum()) == 12
        assert holes(stamp) == 0


@pytest.mark.parametrize("name", ["mask", "unusable", "psf"])
def test_planes_whose_elements_cannot_be_missing(name: str) -> None:
    size = (5, 5) if name == "psf" else SHAPE
    values = np.ones(size, dtype={"mask": np.uint8, "unusable": bool, "psf": float}[name])
    options: dict[str, Any] = {"mask_planes": ["A"]} if name == "mask" else {}
    hidden = np.zeros(size, dtype=bool)
    for wrap in (np.ma.MaskedArray, Masked):
        encode(IMAGE, **{name: wrap(values, mask=hidden)}, **options)
    hidden[0, 0] = True
    for wrap in (np.ma.MaskedArray, Masked):
        with pytest.raises(hstamp.InputError, match=f"{name} has masked"):
            encode(IMAGE, **{name: wrap(values, mask=hidden)}, **options)


# What NDData carry


@pytest.mark.parametrize(
    "uncertainty",
    [
        StdDevUncertainty(np.full(SHAPE, 2.0)),
        VarianceUncertainty(np.full(SHAPE, 4.0)),
        InverseVariance(np.full(SHAPE, 0.25)),
        StdDevUncertainty(np.full(SHAPE, 2.0), unit="uJy"),
        StdDevUncertainty(np.full(SHAPE, 2000.0), unit="nJy"),
        VarianceUncertainty(np.full(SHAPE, 4e-6), unit="mJy2"),
        InverseVariance(np.full(SHAPE, 0.25e-6), unit="nJy-2"),
    ],
)
@pytest.mark.parametrize(("flux_unit", "expected"), [(None, 4.0), ("uJy", 4.0), ("nJy", 4e6)])
def test_uncertainty_becomes_the_variance(
    uncertainty: Any, flux_unit: str | None, expected: float
) -> None:
    stamp = both(CCDData(IMAGE, unit="uJy", uncertainty=uncertainty), flux_unit=flux_unit)
    np.testing.assert_allclose(spread(stamp), expected, rtol=1e-6)


def test_a_unit_that_nobody_knows() -> None:
    unit = u.Unit("FLUX_COUNT", parse_strict="silent")
    stamp = both(CCDData(IMAGE, unit=unit, uncertainty=StdDevUncertainty(np.full(SHAPE, 2.0))))
    assert stamp.flux_unit == "FLUX_COUNT"
    assert np.all(spread(stamp) == 4.0)
    with pytest.raises(hstamp.InputError, match="not readable"):
        encode(IMAGE, variance=StdDevUncertainty(IMAGE, unit=unit))


def test_uncertainty_given_as_the_variance() -> None:
    stamp = both(IMAGE, variance=StdDevUncertainty(np.full(SHAPE, 2.0), unit="uJy"))
    np.testing.assert_allclose(spread(stamp), 4e6, rtol=1e-6)
    own = VarianceUncertainty(np.full(SHAPE, 9.0))
    stamp = both(NDData(IMAGE, uncertainty=own), variance=np.full(SHAPE, 1.0))
    assert np.all(spread(stamp) == 1.0)  # what is given comes first


def test_pixels_of_no_known_uncertainty() -> None:
    weights = np.where(HIDDEN, 0.0, 4.0)
    stamp = both(NDData(IMAGE, uncertainty=InverseVariance(weights)))
    assert stamp.variance is not None
    assert int(np.isnan(stamp.variance[0]).sum()) == 12
    assert np.nanmax(stamp.variance) == 0.25
    sigmas = np.where(HIDDEN, -1.0, 3.0)
    stamp = both(NDData(IMAGE, uncertainty=StdDevUncertainty(sigmas)))
    assert stamp.variance is not None
    assert int(np.isnan(stamp.variance[0]).sum()) == 12


def test_wcs_of_the_image_is_used() -> None:
    expected = sky().pixel_to_world(X, Y)
    for image in (
        CCDData(IMAGE, unit="adu", wcs=sky()),
        NDData(IMAGE, wcs=sky()),
        Cutout2D(IMAGE, (32, 30), SHAPE, wcs=sky()),
    ):
        found = both(image).wcs
        assert found is not None
        assert (found.ra, found.dec) == pytest.approx((expected.ra.deg, expected.dec.deg), abs=1e-9)
    other = hstamp.Wcs(10.0, 20.0, -1e-4, 0.0, 0.0, 1e-4)
    stamp = encode(CCDData(IMAGE, unit="adu", wcs=sky()), wcs=other)
    assert stamp.wcs is not None
    assert stamp.wcs.ra == 10.0


def test_cutouts_keep_unit_and_place() -> None:
    cutout = Cutout2D(IMAGE * u.uJy, (33, 30), 51, wcs=sky(), mode="partial", fill_value=np.nan)
    x, y = cutout.to_cutout_position((X, Y))
    stamp = hstamp.encode(cutout, x, y, levels=2, encoding="f4")
    whole = hstamp.encode(IMAGE, X, Y, levels=2, encoding="f4", flux_unit="uJy", wcs=sky())
    assert stamp.flux_unit == "uJy"
    assert np.array_equal(stamp.levels, whole.levels, equal_nan=True)
    assert stamp.wcs is not None
    assert whole.wcs is not None
    assert stamp.wcs.ra == pytest.approx(whole.wcs.ra, abs=1e-10)


def test_slice_of_an_nddata() -> None:
    part = NDDataRef(LOUD, mask=HIDDEN, unit="uJy", wcs=sky())[5:, 3:]
    stamp = hstamp.encode(part, X - 3, Y - 5, levels=2, encoding="f4")
    expected = sky().pixel_to_world(X, Y)
    assert stamp.wcs is not None
    assert stamp.wcs.ra == pytest.approx(expected.ra.deg, abs=1e-9)
    assert holes(stamp) == 12


def test_psf_of_the_image_is_used() -> None:
    psf = np.zeros((5, 5))
    psf[2, 2] = 1.0
    image = CCDData(IMAGE, unit="adu", psf=psf)
    stamp = both(image)
    assert stamp.psf is not None
    assert stamp.psf[10, 10] == 1.0
    assert encode(image, psf_size=0).psf is None
    given = both(image, psf=np.ones((3, 3)) * u.dimensionless_unscaled, psf_size=3)
    assert given.psf is not None
    np.testing.assert_allclose(given.psf, 1 / 9, rtol=1e-6)


def test_flags_are_the_mask_where_their_bits_have_names() -> None:
    flags = HIDDEN.astype(np.uint16) * 2
    image = CCDData(IMAGE, unit="adu", flags=flags)
    stamp = encode(image, mask_planes=["BAD", "SAT"])
    assert stamp.mask is not None
    assert int((stamp.mask[0] == 2).sum()) == 12
    with pytest.raises(hstamp.InputError, match="flags"):
        encode(image)
    assert encode(image, mask=flags, mask_planes=["X", "Y"]).mask_planes == ("X", "Y")


def test_a_stamp_comes_back_from_its_ccddata() -> None:
    first = encode(
        np.where(HIDDEN, np.nan, IMAGE), variance=np.full(SHAPE, 2.0), wcs=sky(),
        mask=HIDDEN.astype(np.uint8), mask_planes=["HOLE"], psf=np.ones((3, 3)), flux_unit="uJy",
    )  # fmt: skip
    ccd = first.to_ccddata(0)
    x, y = float(first.dx) + 6.5, float(first.dy) + 6.5  # origin of level 0: 7 pixels [GE-3]
    again = hstamp.encode(ccd, x, y, levels=2, encoding="f4", variance_encoding="f4")
    assert np.array_equal(again.levels[0], first.levels[0], equal_nan=True)
    assert np.array_equal(spread(again), spread(first), equal_nan=True)
    assert again.mask_planes == ("HOLE",)
    assert again.flux_unit == "uJy"
    assert again.wcs is not None
    assert first.wcs is not None
    np.testing.assert_allclose(again.wcs.cd, first.wcs.cd, rtol=1e-6, atol=1e-10)


@pytest.mark.parametrize(
    ("image", "options", "cause"),
    [
        (NDData(IMAGE, uncertainty=UnknownUncertainty(IMAGE)), {}, "not known"),
        (NDData(IMAGE), {"variance": UnknownUncertainty(IMAGE)}, "not known"),
        (
            SimpleNamespace(
                data=IMAGE, unit=None, uncertainty=StdDevUncertainty(IMAGE, unit="uJy"), mask=None
            ),
            {},
            "the image none",
        ),
        (IMAGE, {"variance": NDData(IMAGE, uncertainty=StdDevUncertainty(IMAGE))}, "uncertainty"),
        (NDData(IMAGE, mask=np.zeros((3, 3), bool)), {}, "mask of image"),
        (NDData(IMAGE, uncertainty=StdDevUncertainty(np.ones((3, 3)))), {}, "variance"),
        (StdDevUncertainty(IMAGE), {}, "image is an uncertainty"),
        ([IMAGE * u.uJy, IMAGE], {}, "both have a unit"),
        ([[1.0, 2.0], [3.0]], {}, "no array"),
        (object(), {}, "image"),
        (None, {}, "image"),
    ],
)
def test_what_cannot_be_taken_is_refused(image: Any, options: Any, cause: str) -> None:
    with pytest.raises(hstamp.InputError, match=cause):
        encode(image, **options)


def test_a_wcs_that_is_no_sky_is_refused_and_not_dropped() -> None:
    spectra = WCS(naxis=2)
    spectra.wcs.ctype = ["FREQ", "STOKES"]
    with pytest.raises(hstamp.InputError, match="not celestial"):
        encode(CCDData(IMAGE, unit="adu", wcs=spectra))


# Lists, columns and arrays of other libraries


def test_parents_in_different_units_have_the_first_ones() -> None:
    parents = [IMAGE * u.uJy, IMAGE * 1e3 * u.nJy, CCDData(IMAGE * 1e-3, unit="mJy")]
    blobs = hstamp.encode_many(parents, 3 * [X], 3 * [Y], levels=3, encoding="f4")
    for blob in blobs:
        stamp = hstamp.Stamp.from_bytes(blob)
        assert stamp.flux_unit == "uJy"
        np.testing.assert_allclose(stamp.levels, encode(IMAGE).levels, rtol=1e-6)


def test_parents_with_planes_of_their_own() -> None:
    psf = np.ones((3, 3))
    parents = [
        CCDData(IMAGE, unit="uJy", uncertainty=StdDevUncertainty(np.full(SHAPE, s)), wcs=sky(),
                psf=psf, mask=HIDDEN)
        for s in (1.0, 2.0)
    ]  # fmt: skip
    exact = {"levels": 3, "encoding": "f4", "variance_encoding": "f4"}
    blobs = hstamp.encode_many(parents, [X, X], [Y, Y], **exact)
    assert blobs == [encode(parent).to_bytes() for parent in parents]
    parents[1] = CCDData(IMAGE, unit="uJy")
    with pytest.raises(hstamp.InputError, match="of their own"):
        hstamp.encode_many(parents, [X, X], [Y, Y], **exact)


def test_lists_of_numbers() -> None:
    assert encode(IMAGE.tolist()) == encode(IMAGE)
    assert encode(list(IMAGE)) == encode(IMAGE)
    assert encode(tuple(map(tuple, IMAGE))) == encode(IMAGE)


def test_columns_and_rows_with_units() -> None:
    assert both(Column(IMAGE, unit="uJy")).flux_unit == "uJy"
    assert encode([row * u.uJy for row in IMAGE]).flux_unit == "uJy"


def xarray_like(**attrs: str) -> Any:
    """The attributes by which an `xarray.DataArray` is known."""
    return SimpleNamespace(dims=("y", "x"), attrs=attrs, data=IMAGE)


def test_arrays_of_other_libraries() -> None:
    assert encode(xarray_like()) == encode(IMAGE)
    assert encode(xarray_like(units="uJy")).flux_unit == "uJy"
    assert encode(xarray_like(units="uJy"), flux_unit="nJy").flux_unit == "nJy"
    with pytest.raises(hstamp.InputError, match="no unit that astropy knows"):
        encode(xarray_like(units="brightness"))
    lazy = SimpleNamespace(dask={}, compute=lambda: np.ma.MaskedArray(LOUD, mask=HIDDEN))
    assert holes(encode(lazy)) == 12

    class Foreign:
        """As of pint or unyt: an array with units of another library."""

        units = SimpleNamespace(dimensionality="flux")

        def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
            return IMAGE

    with pytest.raises(hstamp.InputError, match="another library"):
        encode(Foreign())


def test_data_frames() -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(IMAGE)
    assert encode(frame) == encode(IMAGE)
    frame.attrs["units"] = "uJy"
    assert encode(frame).flux_unit == "uJy"


# Positions


def test_positions_in_pixels() -> None:
    plain = hstamp.encode(IMAGE, X, Y, levels=2)
    assert hstamp.encode(IMAGE, X * u.pix, Masked(Y), levels=2) == plain
    (blob,) = hstamp.encode_many(IMAGE, Column([X], unit="pix"), [Y] * u.pix, levels=2)
    assert blob == plain.to_bytes()


@pytest.mark.parametrize(
    ("x", "cause"),
    [
        (np.complex64(3), "is complex"),
        (3 * u.deg, "not in pixels"),
        ("here", "no position"),
        (np.ma.masked, ""),
        (None, "position"),
    ],
)
def test_positions_that_are_none(x: Any, cause: str) -> None:
    with pytest.raises(hstamp.InputError, match=cause or None):
        hstamp.encode(IMAGE, x, Y, levels=2)


def test_masked_positions_of_a_batch_are_not_numbers() -> None:
    x = np.ma.MaskedArray([X, 30.0], mask=[False, True])
    with pytest.raises(hstamp.InputError, match="source 1"):
        hstamp.encode_many(IMAGE, x, [Y, Y], levels=2)
