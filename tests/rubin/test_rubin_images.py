"""Stamps of real and simulated lsst.images objects, against what that package reads."""

import numpy as np
import pytest
from rubin_samples import exposure_of

import hstamp
from hstamp.rubin import StampOptions, parent_of, stamps_of

li = pytest.importorskip("lsst.images", reason="lsst-images is not installed (extra rubin)")

FILES = {
    "visit_image-1.0.0-dp1.json": "r",
    "visit_image-1.0.0-dp2.json": "i",
    "difference_image-1.0.0-dp2.json": "r",
    "cell_coadd-1.0.0-as_shipped.json": "r",
}
EXACT = StampOptions(encoding="f4", variance_encoding="f4", levels=5, psf="source")


@pytest.fixture(params=FILES)
def image(request, shared):
    read = pytest.importorskip("lsst.images.serialization").read_archive
    return read(str(shared / "rubin_images" / request.param)), FILES[request.param]


def test_files_of_the_data_previews(image):
    """A stamp of the image's middle: level 0 pixel by pixel, and where it lies on the sky."""
    image, band = image
    box = image.bbox
    i, j = box.x.size // 2 - 1, box.y.size // 2 - 1
    x, y = box.x.start + i + 0.625, box.y.start + j + 0.25
    done = stamps_of(parent_of(image), [x], [y], ["17"], EXACT)
    assert not done.errors
    stamp = hstamp.Stamp.from_bytes(done[0])
    assert (stamp.band, stamp.flux_unit, stamp.id) == (band, "nJy", "17")

    def level0(values, fill):
        """[GE-3], [GE-4]: 14 single pixels on a side from 7 before floor(x) + 1 on."""
        wide = np.pad(values, 10, constant_values=fill)
        return wide[j + 1 - 7 + 10 :, i + 1 - 7 + 10 :][:14, :14]

    usable = ~image.mask.get("NO_DATA")
    values, spread = image.image.array, image.variance.array
    assert np.array_equal(
        stamp.levels[0][:14, :14], level0(np.where(usable, values, np.nan), np.nan), equal_nan=True
    )
    spread = np.where(usable & np.isfinite(values) & np.isfinite(spread), spread, np.nan)
    assert np.array_equal(stamp.variance[0][:14, :14], level0(spread, np.nan), equal_nan=True)
    # 48 arcsec are 240 pixels on a side, nearly all of them outside of so small an image.
    assert np.isnan(stamp.levels[4][[0, -1]]).all()
    for bit, name in enumerate(stamp.mask_planes):
        plane = level0(image.mask.get(name), False)
        assert np.array_equal(stamp.mask[0][:14, :14] >> bit & 1, plane), name
    assert len(stamp.mask_planes) == min(len(image.mask.schema.names), 16)

    sky = image.sky_projection.pixel_to_sky(x=x, y=y)
    assert (stamp.wcs.ra, stamp.wcs.dec) == pytest.approx((sky.ra.deg, sky.dec.deg), abs=1e-10)
    # One pixel further along x, as lsst.images sees it and as the stamp's tangent plane does.
    near = sky.spherical_offsets_to(image.sky_projection.pixel_to_sky(x=x + 0.5, y=y))
    back = sky.spherical_offsets_to(image.sky_projection.pixel_to_sky(x=x - 0.5, y=y))
    step = [n.deg - b.deg for n, b in zip(near, back, strict=True)]
    assert (stamp.wcs.cd1_1, stamp.wcs.cd2_1) == pytest.approx(step, rel=1e-5, abs=1e-9)

    drawn = image.psf.compute_kernel_image(x=x, y=y).array
    drawn = drawn / drawn.sum()
    side = drawn.shape[0]
    half = min(21, side) // 2
    middle, stored = side // 2, stamp.psf.shape[0] // 2
    cut = drawn[middle - half : middle + half + 1, middle - half : middle + half + 1]
    found = stamp.psf[stored - half : stored + half + 1, stored - half : stored + half + 1]
    assert found == pytest.approx(cut / cut.sum(), abs=2e-5)


def test_simulated_image_and_a_stand_in_of_afw_give_the_same_bytes():
    """A detector whose first pixel is not (0, 0), under the names of either package."""
    simulate = pytest.importorskip("hstamp.rubin.simulate")
    rng = np.random.default_rng(5)
    pixels = rng.normal(0, 10, (260, 280)).astype("f4")
    mask = np.where(rng.random(pixels.shape) < 0.1, 1 << 5, 0)
    image = simulate.visit_image(pixels, np.full(pixels.shape, 100.0), mask, 3, start=(500, 700))
    x, y = np.array([640.3, 501.2]), np.array([820.9, 955.0])
    from_images = stamps_of(parent_of(image), x, y, ["1", "2"])

    assert stamps_of(parent_of(exposure_of(image)), x, y, ["1", "2"]) == from_images
    assert None not in from_images
