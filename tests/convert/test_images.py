"""FITS images of every layout, cut where the position says and read only there."""

import gzip
import tracemalloc

import numpy as np
import pytest
from astropy.coordinates import FK5, SkyCoord
from astropy.io import fits
from astropy.table import Table
from astropy.wcs import WCS
from convert_samples import lsst_cutout, noise

import hstamp
from hstamp import InputError
from hstamp.convert import EncodeOptions, FitsImage, Position
from hstamp.convert.catalog import positions_of

EXACT = EncodeOptions(encoding="f4", variance_encoding="f4")


def stamp_of(path, options=EXACT, hdu=None, gzipped=False, **place):
    with FitsImage(path, hdu, gzipped=gzipped) as image:
        return image.stamp(Position(**place), options)[0]


def test_pixel_position_is_zero_based(tmp_path):
    image = noise(100)
    fits.PrimaryHDU(image).writeto(tmp_path / "a.fits")
    stamp = stamp_of(tmp_path / "a.fits", x=50.25, y=40.75)
    # Corner at column 51, row 41; the core starts 7 before it.
    np.testing.assert_array_equal(stamp.levels[0][:14, :14], image[34:48, 44:58])
    assert stamp.n == 3
    assert (stamp.dx, stamp.dy) == (-0.25, 0.25)
    assert stamp.flux_unit == "unknown"
    assert stamp.wcs is None


@pytest.mark.parametrize(
    ("name", "frame"),
    [
        ("SN2010H_SDSS_r.fits", "icrs"),
        ("UGC1333_DES_r.fits", "icrs"),
        ("UGC1333_PS1_r.fits", FK5()),
        ("HSC-0908120-056-small.fits", FK5()),
    ],
)
def test_sky_position_of_real_images(shared, name, frame):
    """RA and Dec find the pixel that the image's own WCS gives, distortions included."""
    path = shared / "sky" / name
    with fits.open(path) as hdus:
        hdu = next(h for h in hdus if h.is_image and len(h.shape) == 2)
        image, header, shape = hdu.data.astype(np.float32), hdu.header.copy(), hdu.shape
    with np.errstate(all="ignore"):
        import warnings

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            wcs = WCS(header)
    x, y = shape[1] / 2 + 0.3, shape[0] / 2 - 0.2
    lon, lat = wcs.all_pix2world(x, y, 0)
    sky = SkyCoord(lon, lat, unit="deg", frame=frame).icrs
    stamp = stamp_of(path, ra=sky.ra.deg, dec=sky.dec.deg)
    i0, j0 = int(np.floor(x)) + 1, int(np.floor(y)) + 1
    np.testing.assert_array_equal(
        stamp.levels[0][:14, :14], image[j0 - 7 : j0 + 7, i0 - 7 : i0 + 7]
    )
    assert stamp.dx == pytest.approx(x - i0 + 0.5, abs=1e-4)
    assert stamp.wcs.ra == pytest.approx(sky.ra.deg, abs=1e-8)
    assert stamp.wcs.dec == pytest.approx(sky.dec.deg, abs=1e-8)
    # The parity and scale are the image's own: one pixel along +x, seen from the source.
    near = SkyCoord(*wcs.all_pix2world(x + 1, y, 0), unit="deg", frame=frame).icrs
    east, north = sky.spherical_offsets_to(near)
    assert east.deg == pytest.approx(stamp.wcs.cd1_1, abs=1e-8)
    assert north.deg == pytest.approx(stamp.wcs.cd2_1, abs=1e-8)


def test_units_and_bands_of_real_images(shared):
    facts = {}
    for path in sorted((shared / "sky").glob("*.fits")):
        stamp = stamp_of(path, x=100.0, y=100.0)
        facts[path.name] = stamp.flux_unit, stamp.band, stamp.n, stamp.variance is not None
    assert facts == {
        "HSC-0908120-056-small.fits": ("unknown", None, 4, True),
        "SN2010H_SDSS_r.fits": ("nanomaggy", "r", 4, False),
        "UGC1333_DES_r.fits": ("electrons", "r", 4, True),
        "UGC1333_PS1_r.fits": ("unknown", None, 4, False),
    }


def test_des_weight_is_inverse_variance(shared):
    path = shared / "sky/UGC1333_DES_r.fits"
    stamp = stamp_of(path, x=120.3, y=120.3)
    with fits.open(path) as hdus:
        weight = hdus["WGT"].data[114:128, 114:128].astype(np.float32)
    np.testing.assert_allclose(stamp.variance[0][:14, :14], 1 / weight, rtol=1e-6)


def test_hsc_mask_planes_have_their_names_and_bits(shared):
    path = shared / "sky/HSC-0908120-056-small.fits"
    stamp = stamp_of(path, EncodeOptions(unusable=()), x=100.2, y=100.2)
    with fits.open(path) as hdus:
        mask, header = hdus[2].data.astype(int), hdus[2].header
    assert set(stamp.mask_planes) == {k[3:] for k in header if k.startswith("MP_")}
    core = stamp.mask[0][:14, :14]
    parent = mask[101 - 7 : 101 + 7, 101 - 7 : 101 + 7]
    for bit, name in enumerate(stamp.mask_planes):
        np.testing.assert_array_equal(core >> bit & 1, parent >> header[f"MP_{name}"] & 1)


def test_variance_in_every_form(tmp_path):
    image, sigma = noise(64), np.full((64, 64), 3.0, dtype=np.float32)
    sigma[30, 30] = -1.0
    cases = {
        ("UNCERT", "StdDevUncertainty"): sigma,
        ("UNCERT", None): sigma,
        ("ERR", None): sigma,
        ("UNCERT", "VarianceUncertainty"): np.where(sigma > 0, 9.0, -1.0),
        ("VARIANCE", None): np.where(sigma > 0, 9.0, -1.0),
        ("IVAR", None): np.where(sigma > 0, 1 / 9.0, 0.0),
        ("UNCERT", "InverseVariance"): np.where(sigma > 0, 1 / 9.0, 0.0),
    }
    for number, ((name, utype), plane) in enumerate(cases.items()):
        hdu = fits.ImageHDU(plane.astype(np.float32), name=name)
        if utype:
            hdu.header["UTYPE"] = utype
        path = tmp_path / f"{number}.fits"
        fits.HDUList([fits.PrimaryHDU(image), hdu]).writeto(path)
        stamp = stamp_of(path, x=30.5, y=30.5)
        core = stamp.variance[0][:14, :14]
        assert np.isnan(core[6, 6]), name
        np.testing.assert_allclose(core[np.isfinite(core)], 9.0, rtol=1e-6)
        assert np.isfinite(core).sum() == 195


def test_planes_of_another_shape_are_noted(tmp_path):
    path = tmp_path / "a.fits"
    fits.HDUList([fits.PrimaryHDU(noise(64)), fits.ImageHDU(noise(32), name="VARIANCE")]).writeto(
        path
    )
    with FitsImage(path) as image:
        stamp, notes = image.stamp(Position(x=30, y=30), EXACT)
    assert stamp.variance is None
    assert len(notes) == 1
    assert "ignored" in notes[0]


def test_hdu_can_be_chosen(tmp_path):
    path, second = tmp_path / "a.fits", noise(64, 2)
    fits.HDUList([fits.PrimaryHDU(noise(64, 1)), fits.ImageHDU(second, name="DEEP")]).writeto(path)
    for hdu in (1, "DEEP"):
        stamp = stamp_of(path, hdu=hdu, x=30, y=30)
        np.testing.assert_array_equal(stamp.levels[0][:14, :14], second[24:38, 24:38])
    for hdu in (5, "NONE"):
        with pytest.raises(InputError, match="no HDU"):
            stamp_of(path, hdu=hdu, x=30, y=30)


def test_tile_compressed_and_gzipped_files(tmp_path):
    image = np.round(noise(100) * 16).astype(np.int32)
    fits.HDUList([fits.PrimaryHDU(), fits.CompImageHDU(image)]).writeto(tmp_path / "c.fits.fz")
    fits.PrimaryHDU(image).writeto(tmp_path / "p.fits")
    (tmp_path / "g").write_bytes(gzip.compress((tmp_path / "p.fits").read_bytes()))
    plain = stamp_of(tmp_path / "p.fits", x=50.2, y=50.2)
    for name, packed in (("c.fits.fz", False), ("g", True)):
        stamp = stamp_of(tmp_path / name, gzipped=packed, x=50.2, y=50.2)
        np.testing.assert_array_equal(stamp.levels, plain.levels)
    assert plain.levels[0][0, 0] == image[44, 44]


def test_scaled_integers(tmp_path):
    hdu = fits.PrimaryHDU(noise(64))
    hdu.scale("int16", bscale=0.01, bzero=20.0)
    hdu.writeto(tmp_path / "a.fits")
    with fits.open(tmp_path / "a.fits") as hdus:
        expected = hdus[0].data[24:38, 24:38].astype(np.float32)
    stamp = stamp_of(tmp_path / "a.fits", x=30, y=30)
    np.testing.assert_array_equal(stamp.levels[0][:14, :14], expected)


def test_whole_ccd_is_not_read(tmp_path):
    """A 4000x4072 image of 65 MB: a 5-level stamp needs 240x240 pixels of it."""
    path = tmp_path / "ccd.fits"
    header = fits.Header(
        {"SIMPLE": True, "BITPIX": -32, "NAXIS": 2, "NAXIS1": 4072, "NAXIS2": 4000}
    )
    text = header.tostring().encode("ascii")
    with path.open("wb") as stream:
        stream.write(text)
        stream.truncate(-(-(len(text) + 4 * 4000 * 4072) // 2880) * 2880)
        rows = np.arange(4000, dtype=">f4")
        for row in range(1880, 2120):
            stream.seek(len(text) + 4 * 4072 * row)
            stream.write(np.full(4072, rows[row], dtype=">f4").tobytes())
    tracemalloc.start()
    stamp = stamp_of(path, EncodeOptions(levels=5, encoding="f4"), x=2000.0, y=2000.0)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert stamp.levels[0][:14, 0].tolist() == list(range(1994, 2008))
    assert peak < 12e6


def test_default_levels_follow_the_whole_image_not_the_window(tmp_path):
    fits.PrimaryHDU(noise(500)).writeto(tmp_path / "a.fits")
    assert stamp_of(tmp_path / "a.fits", x=250, y=250).n == 6
    assert stamp_of(tmp_path / "a.fits", x=40, y=250).n == 3
    stamp = stamp_of(tmp_path / "a.fits", EncodeOptions(levels=5), x=3, y=250)
    assert stamp.n == 5
    assert np.isnan(stamp.values).any()


@pytest.mark.parametrize("place", [{"x": -1.0, "y": 5.0}, {"x": 5.0, "y": 99.6}])
def test_source_outside_the_image(tmp_path, place):
    fits.PrimaryHDU(noise(100)).writeto(tmp_path / "a.fits")
    with pytest.raises(InputError, match="outside"):
        stamp_of(tmp_path / "a.fits", **place)


def test_position_is_needed_unless_the_cutout_states_it(tmp_path):
    fits.PrimaryHDU(noise(100)).writeto(tmp_path / "a.fits")
    with pytest.raises(InputError, match="where is the source"):
        stamp_of(tmp_path / "a.fits")
    with pytest.raises(InputError, match="no WCS"):
        stamp_of(tmp_path / "a.fits", ra=1.0, dec=1.0)
    (tmp_path / "lsst.fits").write_bytes(lsst_cutout(noise(30), 14.25, 14.75))
    stamp = stamp_of(tmp_path / "lsst.fits")
    assert (stamp.dx, stamp.dy) == (-0.25, 0.25)
    assert stamp.wcs.ra == pytest.approx(150.0)


def test_sky_position_far_off_the_tangent_plane(shared):
    with pytest.raises(InputError):
        stamp_of(shared / "sky/SN2010H_SDSS_r.fits", ra=301.0, dec=-1.0)


def test_catalogue_positions(tmp_path, convert):
    image = noise(200)
    fits.PrimaryHDU(image).writeto(tmp_path / "a.fits")
    table = Table({"ID": ["a", "b", "c"], "X": [50.5, 100.5, 900.0], "Y": [60.5, 70.5, 10.0]})
    report = convert(
        tmp_path / "a.fits", tmp_path / "out.avro", positions=tuple(positions_of(table))
    )
    assert [(p.record, p.code) for p in report.problems] == [(2, "E_INPUT")]
    assert [f.stamp.id for f in hstamp.read_stamps(tmp_path / "out.avro")] == ["a", "b"]
    with pytest.raises(InputError, match="needs columns"):
        positions_of(Table({"x": [1.0]}))
