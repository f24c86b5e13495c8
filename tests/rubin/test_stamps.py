"""Stamps of a table of sources, from stand-ins for afw exposures."""

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rubin_samples import BITS, HEIGHT, WIDTH, X0, Y0, AfwPsf, bits, counts, exposure, gauss, sky

import hstamp
from hstamp.errors import InputError
from hstamp.rubin import StampOptions, parent_of, stamps_of

NAMES = ("BAD", "SAT", "INTRP", "CR", "DETECTED", "NO_DATA", "STREAK")
"""The samples' planes in the order in which stamps prefer them."""


def moved(values):
    """Bits 0, 1, 2 ... in the order of NAMES."""
    order = ("BAD", "SAT", "INTRP", "CR", "DETECTED", "NO_DATA", "STREAK")
    return sum(((values >> BITS[name]) & 1) << new for new, name in enumerate(order)).astype("u2")


def by_encode(x, y, id, n=5, psf_at=(WIDTH / 2 - 0.5, HEIGHT / 2 - 0.5), pixels=None):
    """The same stamp from the public encoder, with everything stated by hand."""
    return hstamp.encode(
        counts() * np.float32(2) if pixels is None else pixels, x - X0, y - Y0, levels=n,
        variance=np.full((HEIGHT, WIDTH), 36.0, "f4"), mask=moved(bits()), mask_planes=NAMES,
        psf=gauss(1.5 + (X0 + psf_at[0]) / 2000),
        wcs=lambda a, b: sky().all_pix2world(a + X0, b + Y0, 0),
        band="i", flux_unit="nJy", id=id,
    ).to_bytes()  # fmt: skip


def test_bytes_are_those_of_the_encoder():
    x, y = np.array([X0 + 150.25, X0 + 12.5, X0 + 319.0]), np.array([Y0 + 140.5, Y0 + 3.75, Y0])
    done = stamps_of(parent_of(exposure()), x, y, ["7", "8", "9"])
    assert done == [by_encode(*each) for each in zip(x, y, "789", strict=True)]
    assert not done.errors


def test_position_on_the_sky_and_pixel_at_the_centre():
    """A source at a pixel's centre in the detector's coordinates."""
    pixels = np.zeros((HEIGHT, WIDTH), "f4")
    pixels[40, 100] = 500.0
    options = StampOptions(encoding="f4", mask_planes=(), variance=False)
    (blob,) = stamps_of(
        parent_of(exposure(pixels=pixels)), [X0 + 100], [Y0 + 40], ["a"], config=options
    )
    stamp = hstamp.Stamp.from_bytes(blob)
    ra, dec = sky().all_pix2world([X0 + 100], [Y0 + 40], 0)
    assert (stamp.wcs.ra, stamp.wcs.dec) == pytest.approx((ra[0], dec[0]), abs=1e-11)
    half = stamp.levels[0].shape[0] // 2
    assert np.unravel_index(np.nanargmax(stamp.levels[0]), stamp.levels[0].shape) in [
        (half, half), (half - 1, half - 1), (half, half - 1), (half - 1, half),
    ]  # fmt: skip
    assert np.nanmax(stamp.levels[0]) == 1000.0
    assert stamp.mask is None
    assert stamp.variance is None


def test_calibrated_once():
    image = exposure()
    stamps_of(parent_of(image), [X0 + 50, X0 + 70], [Y0 + 50, Y0 + 70])
    assert image.photoCalib.calls == 1


def test_one_psf_of_the_middle_or_one_of_each_source():
    x, y = [X0 + 100.0, X0 + 200.0], [Y0 + 100.0, Y0 + 150.0]
    image = exposure(psf=AfwPsf())
    stamps_of(parent_of(image), x, y)
    assert image.psf.asked == [(X0 + 159.5, Y0 + 149.5)]
    image = exposure(psf=AfwPsf())
    done = stamps_of(parent_of(image), x, y, config=StampOptions(psf="source"))
    assert image.psf.asked == list(zip(x, y, strict=True))
    widths = [hstamp.Stamp.from_bytes(blob).psf.max() for blob in done]
    assert widths[0] > widths[1]
    (bare, _) = stamps_of(parent_of(image), x, y, config=StampOptions(psf="none"))
    assert hstamp.Stamp.from_bytes(bare).psf is None


@pytest.mark.parametrize(
    "config", [StampOptions(), StampOptions(psf="source")], ids=lambda c: c.psf
)
def test_one_fault_costs_one_null(config):
    """Each kind of fault among good sources; one stamp's side is 240 pixels."""
    pixels = counts()
    pixels[:, 200:] = np.nan
    mask = bits()
    mask[:130, :130] = 1 << BITS["NO_DATA"]
    image = exposure(pixels=pixels, mask=mask, psf=AfwPsf(broken=X0 + 190))
    rows = {
        "good": (X0 + 150.0, Y0 + 150.0),
        "nan": (np.nan, Y0 + 10.0),
        "infinite": (X0 + 10.0, np.inf),
        "outside": (X0 - 1.0, Y0 + 10.0),
        "beyond": (X0 + WIDTH, Y0 + 10.0),
        "in the image's own pixels": (150.0, 150.0),
        "no psf": (X0 + 195.0, Y0 + 150.0),
        "good too": (X0 + 140.0, Y0 + 200.0),
    }
    x, y = np.array(list(rows.values())).T
    done = stamps_of(parent_of(image), x, y, list(rows), config=config)
    without_psf = {"no psf"} if config.psf == "source" else set()
    lost = {name for name, blob in zip(rows, done, strict=True) if blob is None}
    assert lost == {
        "nan", "infinite", "outside", "beyond", "in the image's own pixels"
    } | without_psf  # fmt: skip
    assert {list(rows)[row] for row in done.errors} == lost
    alone = stamps_of(parent_of(image), x[:1], y[:1], ["good"], config=config)
    assert alone[0] == done[0]


def test_a_stamp_without_any_value_is_none():
    pixels, mask = counts(), bits()
    pixels[:150, :150] = np.nan
    mask[150:, 150:] = 1 << BITS["NO_DATA"]
    config = StampOptions(levels=2)
    x, y = [X0 + 60.0, X0 + 260.0, X0 + 260.0], [Y0 + 60.0, Y0 + 240.0, Y0 + 60.0]
    done = stamps_of(parent_of(exposure(pixels=pixels, mask=mask)), x, y, config=config)
    assert [blob is None for blob in done] == [True, True, False]
    assert "usable" in done.errors[0].reason


def test_pixels_without_data_are_missing_and_the_parent_stays():
    mask = np.zeros((HEIGHT, WIDTH), "i4")
    mask[140:150, 160:170] = 1 << BITS["NO_DATA"]
    image = exposure(mask=mask)
    parent = parent_of(image)
    before = parent.image.copy()
    blobs = [
        stamps_of(parent, [X0 + 165.0], [Y0 + 145.0], config=StampOptions(unusable=names))[0]
        for names in (("NO_DATA",), ("NO_SUCH_PLANE",))
    ]
    missing = [np.isnan(hstamp.Stamp.from_bytes(blob).levels[0]).sum() for blob in blobs]
    assert missing == [100, 0]
    assert np.array_equal(parent.image, before)


def test_a_wcs_that_fails_at_one_source_costs_one_null():
    image = exposure()
    whole = image.getWcs()

    def fails(x, y, degrees):
        if (x > X0 + 250).any():
            raise ValueError("outside of the model")
        return whole.pixelToSkyArray(x, y, degrees=degrees)

    image.getWcs = lambda: SimpleNamespace(pixelToSkyArray=fails)
    done = stamps_of(parent_of(image), [X0 + 100.0, X0 + 260.0], [Y0 + 100.0] * 2)
    assert [blob is None for blob in done] == [False, True]
    assert "outside of the model" in done.errors[1].reason


def test_an_average_psf_that_fails_leaves_stamps_without_one():
    done = stamps_of(parent_of(exposure(psf=AfwPsf(broken=0))), [X0 + 100.0], [Y0 + 100.0])
    assert hstamp.Stamp.from_bytes(done[0]).psf is None


def test_no_sources():
    assert stamps_of(parent_of(exposure()), [], []) == []


@settings(max_examples=25, deadline=None)
@given(st.lists(st.sampled_from(sorted(BITS)), max_size=9), st.integers(0, 2**32 - 1))
def test_planes_are_found_by_name(names, seed):
    """Whatever planes are wanted in whatever order, against one pixel at a time."""
    mask = np.random.default_rng(seed).integers(0, 2**18, (HEIGHT, WIDTH)).astype("i4")
    config = StampOptions(levels=2, mask_planes=names, unusable=())
    (blob,) = stamps_of(parent_of(exposure(mask=mask)), [X0 + 100.25], [Y0 + 50.25], config=config)
    stamp = hstamp.Stamp.from_bytes(blob)
    wanted = tuple(dict.fromkeys(names))
    if not wanted:
        assert stamp.mask is None
        return
    assert stamp.mask_planes == wanted
    # [GE-3], [GE-4]: level 0 begins 7 before i0 = 101, j0 = 51; 14 x 14 of its pixels are single.
    cut = mask[44:58, 94:108]
    same = sum(((cut >> BITS[name]) & 1) << new for new, name in enumerate(wanted))
    assert np.array_equal(stamp.mask[0][:14, :14], same)


@pytest.mark.parametrize(
    "change",
    [
        {"photoCalib": None},
        {"getXY0": None},
        {"filter": SimpleNamespace(hasBandLabel=lambda: 1 / 0)},
    ],
    ids=lambda change: next(iter(change)),
)
def test_exposures_that_cannot_be_read(change):
    image = exposure()
    for name, value in change.items():
        setattr(image, name, value)
    with pytest.raises(InputError):
        parent_of(image)


@pytest.mark.parametrize("thing", [None, np.zeros((5, 5)), "image.fits"], ids=repr)
def test_things_that_are_no_image(thing):
    with pytest.raises(InputError, match="neither"):
        parent_of(thing)


@pytest.mark.parametrize(
    "option",
    [
        {"levels": 1},
        {"psf": "mean"},
        {"psf_size": 20},
        {"encoding": "i4"},
        {"step": -1.0},
        {"mask_planes": "SAT"},
    ],
    ids=str,
)
def test_options_are_checked_when_they_are_made(option):
    with pytest.raises(InputError):
        StampOptions(**option)
