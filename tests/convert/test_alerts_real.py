"""Every real alert converts, with the pixels where the cutout says they are."""

import gzip
import io
import math
import warnings

import fastavro
import numpy as np
import pytest
from astropy.io import fits

from hstamp import Stamp
from hstamp.alerts.fields import CUTOUT_FIELDS, KINDS, STAMP_FIELDS
from hstamp.convert import EncodeOptions, convert_alert
from hstamp.surveys import Ztf

pytestmark = pytest.mark.usefixtures("shared")
EXACT = EncodeOptions(encoding="f4", variance_encoding="f4", psf_size=None)
# First base offset of each level and its side, from the table of Section 4.
EXTENT = {2: (-15, 30), 3: (-29, 60), 4: (-61, 120)}


def records(folder):
    for path in sorted(folder.glob("*.avro")):
        with path.open("rb") as stream:
            for record in fastavro.reader(stream):
                yield path.name, record


def opened(payload):
    data = gzip.decompress(payload) if payload[:2] == b"\x1f\x8b" else payload
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return fits.open(io.BytesIO(data), memmap=False, lazy_load_hdus=False)


def levels_covered(shape, x, y):
    """Largest n whose widest level fits, straight from the specification's table."""
    i0, j0 = math.floor(x) + 1, math.floor(y) + 1
    best = 2
    for n, (low, side) in EXTENT.items():
        if min(i0, j0) + low >= 0 and max(i0 - shape[1], j0 - shape[0]) + low + side <= 0:
            best = n
    return best


def check_pixels(stamp, image, x, y):
    """Level 0's core is the cutout's own pixels around the reference corner."""
    i0, j0 = math.floor(x) + 1, math.floor(y) + 1
    expected = np.full((14, 14), np.nan, dtype=np.float32)
    for a in range(14):
        for b in range(14):
            row, column = j0 - 7 + a, i0 - 7 + b
            if 0 <= row < image.shape[0] and 0 <= column < image.shape[1]:
                expected[a, b] = image[row, column]
    expected[~np.isfinite(expected)] = np.nan
    np.testing.assert_array_equal(stamp.levels[0][:14, :14], expected)


def test_lsst_container_files(shared):
    seen = 0
    for name, record in [*records(shared / "lsst/v9_ocf"), *records(shared / "lsst")]:
        made = convert_alert(record, EXACT)
        assert not made.failed, name
        for kind in KINDS:
            hdus = opened(record[CUTOUT_FIELDS[kind]])
            header, image = hdus[0].header, hdus[0].data
            x, y = header["CRPIX1"] - 1, header["CRPIX2"] - 1
            stamp = made.stamps[kind]
            assert stamp.n == levels_covered(image.shape, x, y), name
            check_pixels(stamp, image, x, y)
            assert stamp.flux_unit == "nJy"
            assert stamp.band == record["diaSource"]["band"]
            assert stamp.id == f"{record['diaSource']['diaSourceId']}/{kind}"
            assert abs(stamp.wcs.ra - record["diaSource"]["ra"]) < 1e-9
            assert stamp.variance is not None
            side = max(hdus["PSFIMAGE"].shape)
            assert stamp.psf.shape == (side, side)
            seen += 1
    assert seen == 3 * 41


def test_lsst_30x30_with_a_central_source_has_two_levels_and_nothing_missing(shared):
    central = 0
    for _, record in records(shared / "lsst/v9_ocf"):
        header = opened(record["cutoutScience"])[0].header
        place = header["CRPIX1"] - 1, header["CRPIX2"] - 1
        if header["NAXIS1"] != 30 or not all(14 <= p < 15 for p in place):
            continue
        central += 1
        stamp = convert_alert(record, EXACT).stamps["science"]
        assert stamp.n == 2
        assert np.isfinite(stamp.values).all()
        # Level 1 is the whole cutout binned 2x2.
        image = opened(record["cutoutScience"])[0].data.astype(np.float64)
        binned = image.reshape(15, 2, 15, 2).mean(axis=(1, 3))
        np.testing.assert_allclose(stamp.levels[1], binned, rtol=1e-6, atol=1e-3)
    assert central >= 20


def test_edge_alert_keeps_its_missing_pixels(shared):
    _, record = next(records(shared / "lsst"))
    stamp = convert_alert(record, EXACT).stamps["science"]
    image = opened(record["cutoutScience"])[0].data
    assert np.isnan(image).mean() == pytest.approx(0.17, abs=0.01)
    assert np.isnan(stamp.values).any()
    assert not np.isnan(convert_alert(record, EXACT).stamps["template"].values).any()


def test_wire_messages(shared, tmp_path, convert):
    pytest.importorskip("lsst.alert.packet")
    report = convert(shared / "lsst/wire", tmp_path / "out", into_folder=True)
    assert report.ok
    assert (report.alerts_in, report.alerts_out, sum(report.stamps.values())) == (3, 3, 9)
    for path in (tmp_path / "out").glob("*.avro"):
        with path.open("rb") as stream:
            (record,) = fastavro.reader(stream)
        assert all(record[name] is not None for name in STAMP_FIELDS.values())


def test_parquet_keeps_its_columns_and_gains_blobs(shared, tmp_path, convert):
    parquet = pytest.importorskip("pyarrow.parquet")
    source = shared / "lsst/v10_parquet/rubin_sample_data_10_0.parquet"
    report = convert(source, tmp_path / "out.parquet")
    assert report.ok
    assert report.stamps == {2: 75}
    before, after = parquet.read_table(source), parquet.read_table(tmp_path / "out.parquet")
    assert after.select(before.column_names).equals(before)
    for name in STAMP_FIELDS.values():
        stamps = [Stamp.from_bytes(blob.as_py()) for blob in after[name]]
        assert len(stamps) == 25
        assert all(stamp.n == 2 and np.isfinite(stamp.values).all() for stamp in stamps)


def test_ztf_gives_three_levels(shared):
    seen = 0
    for name, record in records(shared / "ztf"):
        made = convert_alert(record, EXACT)
        assert not made.failed, name
        candidate = record["candidate"]
        x, y = (31 + p - math.floor(p + 0.5) for p in (candidate["xpos"], candidate["ypos"]))
        for kind in KINDS:
            stamp = made.stamps[kind]
            assert stamp.n == 3
            image = opened(record[CUTOUT_FIELDS[kind]]["stampData"])[0].data
            image = np.where(image == np.finfo(np.float32).min, np.nan, image)
            check_pixels(stamp, image, x, y)
            assert stamp.flux_unit == "DN"
            assert (stamp.wcs is None) == (abs(candidate["dec"]) > 30)
        seen += 1
    assert seen == 21


def test_ztf_template_filler_is_missing_like_the_science_image(shared):
    record = next(r for n, r in records(shared / "ztf") if n == "2475433850015015000.avro")
    template = opened(record["cutoutTemplate"]["stampData"])[0].data
    science = opened(record["cutoutScience"]["stampData"])[0].data
    np.testing.assert_array_equal(template == np.finfo(np.float32).min, np.isnan(science))
    stamps = convert_alert(record, EXACT).stamps
    missing = np.isnan(stamps["template"].values)
    assert missing.any()
    np.testing.assert_array_equal(missing, np.isnan(stamps["science"].values))


def centroid(image):
    """Least-squares Gaussian of the central 11x11 pixels; None without a source."""
    cut = image[26:37, 26:37].astype(float)
    if not np.isfinite(cut).all():
        return None
    rows, columns = np.mgrid[-5:6, -5:6].astype(float)
    p = np.array([cut[5, 5] - np.median(cut), 0.0, 0.0, 1.2, np.median(cut)])
    for _ in range(60):
        dx, dy = columns - p[1], rows - p[2]
        shape = np.exp(-(dx**2 + dy**2) / (2 * p[3] ** 2))
        model = p[0] * shape + p[4]
        r2 = dx**2 + dy**2
        jac = np.stack(
            [shape, p[0] * shape * dx / p[3] ** 2, p[0] * shape * dy / p[3] ** 2,
             p[0] * shape * r2 / p[3] ** 3, np.ones_like(cut)], axis=-1).reshape(-1, 5)  # fmt: skip
        step, *_ = np.linalg.lstsq(jac, (cut - model).ravel(), rcond=None)
        p += np.clip(step, -0.5 * abs(p).max(), 0.5 * abs(p).max())
        if not 0.3 < p[3] < 5:
            return None
    rms = np.std(cut - model)
    return (p[1], p[2]) if abs(p[0]) > 8 * rms and 0.6 < p[3] < 2 else None


def test_ztf_source_lies_where_the_convention_says(shared):
    """Centroids of difference images against 31 + xpos - round(xpos): the measured residuals."""
    residuals = []
    for _, record in records(shared / "ztf"):
        found = centroid(opened(record["cutoutDifference"]["stampData"])[0].data)
        if found is not None:
            candidate = record["candidate"]
            residuals.append(
                [f - (p - math.floor(p + 0.5))
                 for f, p in zip(found, (candidate["xpos"], candidate["ypos"]), strict=True)]
            )  # fmt: skip
    assert len(residuals) >= 10
    assert np.abs(np.median(residuals, axis=0)).max() < 0.05
    assert np.abs(residuals).max() < 0.15


def test_ztf_nominal_orientation_agrees_with_positions_in_one_quadrant(shared):
    """CD matrix fitted to (xpos, ypos, ra, dec) of one exposure: 1.012 arcsec, within 1 degree."""

    quadrants = {}
    for _, record in records(shared / "ztf"):
        candidate = record["candidate"]
        quadrants.setdefault(candidate["pid"], []).append(candidate)
    fitted = 0
    for group in quadrants.values():
        if len(group) < 3:
            continue
        ra, dec, xpos, ypos = (
            np.array([c[k] for c in group]) for k in ("ra", "dec", "xpos", "ypos")
        )
        xi = (ra - ra.mean()) * np.cos(np.radians(dec)) * 3600
        eta = (dec - dec.mean()) * 3600
        design = np.stack([xpos, ypos, np.ones_like(xpos)], axis=1)
        fit = np.linalg.lstsq(design, np.stack([xi, eta], axis=1), rcond=None)[0][:2].T
        nominal = Ztf().place({"candidate": group[0]}, (63, 63)).wcs.cd * 3600
        turn = fit @ np.linalg.inv(nominal)
        assert math.degrees(math.atan2(turn[1, 0], turn[0, 0])) == pytest.approx(0, abs=1.0)
        assert math.sqrt(np.linalg.det(turn)) == pytest.approx(1, abs=0.002)
        fitted += 1
    assert fitted == 2


def test_clipped_ztf_cutouts(shared):
    """The pixels of a clipped cutout stand where those of its whole window would."""
    seen = 0
    with (shared / "ztf_clipped.avro").open("rb") as stream:
        for record in fastavro.reader(stream):
            candidate = record["candidate"]
            made = convert_alert(record, EXACT)
            assert not made.failed
            # 1-based columns and rows of the nearest pixel: the window begins 31 before it.
            left, low = (math.floor(candidate[k] + 0.5) - 31 for k in ("xpos", "ypos"))
            x, y = candidate["xpos"] - left, candidate["ypos"] - low
            for kind in KINDS:
                image = opened(record[CUTOUT_FIELDS[kind]]["stampData"])[0].data
                assert image.shape != (63, 63)
                whole = np.full((63, 63), np.nan, dtype=np.float32)
                row, column = max(1 - low, 0), max(1 - left, 0)
                whole[row : row + image.shape[0], column : column + image.shape[1]] = image
                whole[np.abs(whole) > 1e29] = np.nan
                assert made.stamps[kind].n == 3
                check_pixels(made.stamps[kind], whole, x, y)
                seen += 1
    assert seen == 60


def test_clipped_ztf_sources_are_where_xpos_and_ypos_say(shared):
    """The brightest pixel of positive difference images is the nearest to the source."""
    offsets = []
    with (shared / "ztf_clipped.avro").open("rb") as stream:
        for record in fastavro.reader(stream):
            image = opened(record["cutoutDifference"]["stampData"])[0].data
            place = Ztf().place(record, image.shape)
            row, column = (math.floor(p + 0.5) for p in (place.y, place.x))
            near = np.abs(image[max(row - 3, 0) : row + 4, max(column - 3, 0) : column + 4])
            found = np.unravel_index(np.nanargmax(near), near.shape)
            offsets.append(math.hypot(found[0] - min(row, 3), found[1] - min(column, 3)))
    assert np.median(offsets) <= 1


def test_labelled_ztf_alerts(shared):
    count = 0
    with (shared / "ztf_labelled/alerts.avro").open("rb") as stream:
        for record in fastavro.reader(stream):
            if count % 9 == 0:
                made = convert_alert(record, EXACT)
                assert not made.failed
                assert {stamp.n for stamp in made.stamps.values()} == {3}
            count += 1
    assert count == 897
