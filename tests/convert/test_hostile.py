"""Damaged and hostile inputs: an error that says so, and little memory."""

import gzip
import io
import tracemalloc
import zlib

import numpy as np
import pytest
from astropy.io import fits
from convert_samples import (
    KINDS,
    LSST_SCHEMA,
    fits_bytes,
    lsst_alert,
    lsst_cutout,
    noise,
    write_ocf,
)
from hypothesis import given
from hypothesis import strategies as st

from hstamp import HstampError, InputError, Stamp
from hstamp.alerts.wire import split_wire
from hstamp.container.detect import Kind
from hstamp.container.gunzip import inflate, inflate_to
from hstamp.convert import EncodeOptions, FitsImage, convert_alert, parent_from_cutout
from hstamp.convert.sources import BadRecord, open_alerts

OPTIONS = EncodeOptions()
CUTOUT = lsst_cutout(noise(30), 14.3, 14.6, mask=(np.ones((30, 30)), ["BAD", "SAT"]))


def parent(payload):
    return parent_from_cutout(payload, ra=150.0, dec=2.0, options=OPTIONS)


def bomb(size):
    squeeze = zlib.compressobj(9, wbits=31)
    zeros = bytes(2**20)
    return b"".join(squeeze.compress(zeros) for _ in range(size // 2**20)) + squeeze.flush()


def peak_of(call):
    tracemalloc.start()
    try:
        with pytest.raises(HstampError) as caught:
            call()
        return caught.value, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_the_sample_itself_is_good():
    assert parent(CUTOUT).image.shape == (30, 30)
    assert parent(gzip.compress(CUTOUT)).mask_planes == ("BAD", "SAT")


@pytest.mark.parametrize("keep", [0, 1, 9, 80, 2879, 2880, 2881, 4000, 6479, 12000])
def test_truncated_cutouts(keep):
    with pytest.raises(InputError):
        parent(CUTOUT[:keep])


def test_truncated_or_damaged_gzip():
    packed = gzip.compress(CUTOUT)
    for data in (packed[:-10], packed[:30], packed[:40] + b"\0" + packed[41:], b"\x1f\x8b"):
        with pytest.raises(InputError):
            parent(data)


def test_gzip_bomb_in_a_cutout_stops_at_the_bound():
    data = bomb(256 * 2**20)
    assert len(data) < 300_000
    error, peak = peak_of(lambda: parent(data))
    assert "more than" in str(error)
    assert peak < 140 * 2**20


def test_gzip_bomb_as_a_file_stops_at_the_bound(tmp_path):
    sink = io.BytesIO()
    with pytest.raises(InputError, match="more than"):
        inflate_to(io.BytesIO(bomb(8 * 2**20)), sink, limit=2**20)
    assert len(sink.getvalue()) <= 2**20
    with pytest.raises(InputError, match="more than"):
        inflate(bomb(2 * 2**20), limit=2**20)


def test_a_cutout_has_no_more_pixels_than_its_length_allows():
    """A gzipped blank cutout of 2000 x 2000 pixels, and one compressed in tiles."""
    blank = fits.PrimaryHDU(np.zeros((2000, 2000), dtype="f4"))
    tiles = fits.CompImageHDU(np.zeros((2000, 2000), dtype="i2"), compression_type="RICE_1")
    for payload in (gzip.compress(fits_bytes([blank])), fits_bytes([fits.PrimaryHDU(), tiles])):
        assert len(payload) < 100_000
        error, peak = peak_of(lambda payload=payload: parent(payload))
        assert str(len(payload)) in str(error) or "decompress" in str(error)
        assert peak < 40e6


@pytest.mark.parametrize("form", ["avro", "parquet"])
def test_a_file_has_no_more_cutouts_than_its_length_allows(tmp_path, form):
    """Cutouts that are all alike compress to a few bytes each, and cost what others cost."""
    rows = [lsst_alert(i, cutouts={f"cutout{k}": b"x" for k in KINDS}) for i in range(1000)]
    path, kind = tmp_path / "a", Kind.OCF
    if form == "avro":
        write_ocf(path, LSST_SCHEMA, rows, codec="deflate")
    else:
        pa = pytest.importorskip("pyarrow")
        kind = Kind.PARQUET
        pytest.importorskip("pyarrow.parquet").write_table(pa.Table.from_pylist(rows), path)
    allowed = (2048 + path.stat().st_size // 1024) // 3
    assert allowed < 1000
    with open_alerts(path, kind) as source:
        found = [item for batch in source.batches() for item in batch.records]
    assert [item.number for item in found] == list(range(allowed + 1))
    *good, last = found
    assert not any(isinstance(item, BadRecord) for item in good)
    assert isinstance(last, BadRecord)
    assert last.error.code == "E_LIMIT"
    assert "more cutouts" in str(last.error)


def test_a_cutout_without_signal_is_small_and_good():
    cutout = lsst_cutout(np.zeros((102, 102)), 50.0, 50.0)
    assert parent(gzip.compress(cutout)).image.shape == (102, 102)


def header(**cards):
    values = {"SIMPLE": True, "BITPIX": -32, "NAXIS": 2, "NAXIS1": 30, "NAXIS2": 30}
    values.update({"CRPIX1": 15.0, "CRPIX2": 15.0, "CRVAL1": 150.0, "CRVAL2": 2.0,
                   "CDELT1": -5e-5, "CDELT2": 5e-5})  # fmt: skip
    values.update(cards)
    lines = [f"{key:<8}= {_card(value):>20}" for key, value in values.items() if value is not None]
    return "".join(f"{line:<80}" for line in [*lines, "END"]).ljust(2880).encode("ascii")


def _card(value):
    return {True: "T", False: "F"}[value] if isinstance(value, bool) else str(value)


HUGE = 2_000_000_000


@pytest.mark.parametrize(
    "cards",
    [
        {"NAXIS1": HUGE, "NAXIS2": HUGE},
        {"NAXIS1": 2**62, "NAXIS2": 2**62},
        {"NAXIS1": -30},
        {"NAXIS1": 0},
        {"NAXIS": 999},
        {"NAXIS": -1},
        {"NAXIS": 3, "NAXIS3": HUGE},
        {"BITPIX": -64_000},
        {"BITPIX": 7},
        {"NAXIS1": 31},
        {"NAXIS1": None},
        {"CRVAL1": None, "CRVAL2": None},
        {"CDELT1": 0.0},
        {"CRPIX1": 1e300},
        {"CRVAL2": 1000.0},
        {"CTYPE1": "'RA---TAN'", "CTYPE2": "'RA---TAN'"},
        {"CTYPE1": "'FREQ    '", "CTYPE2": "'STOKES  '"},
        {"CTYPE1": "'RA---XXX'", "CTYPE2": "'DEC--XXX'"},
    ],
    ids=str,
)
def test_absurd_headers(cards):
    payload = header(**cards) + noise(30).astype(">f4").tobytes() + bytes(720)
    error, peak = peak_of(lambda: parent(payload[: 2880 + 3600]))
    assert error.code == "E_INPUT"
    assert peak < 20e6


def test_the_plain_header_is_good():
    payload = header() + noise(30).astype(">f4").tobytes() + bytes(720)
    assert parent(payload[: 2880 + 3600]).x == 14.0


def test_mask_that_is_no_integer_image():
    planes = [fits.PrimaryHDU(noise(30)), fits.ImageHDU(noise(30), name="MASK")]
    for key, value in (("CRPIX1", 15.0), ("CRPIX2", 15.0), ("CRVAL1", 150.0), ("CRVAL2", 2.0),
                       ("CDELT1", -5e-5), ("CDELT2", 5e-5)):  # fmt: skip
        planes[0].header[key] = value
    made = parent(fits_bytes(planes))
    assert made.mask is None
    assert any(note.startswith("mask left out") for note in made.notes)


@given(
    cuts=st.lists(
        st.tuples(st.integers(0, len(CUTOUT) - 1), st.integers(0, 255)), min_size=1, max_size=8
    ),
    end=st.integers(0, len(CUTOUT)),
    truncate=st.booleans(),
)
def test_mutated_cutouts_convert_or_say_why(cuts, end, truncate):
    data = bytearray(CUTOUT)
    for place, value in cuts:
        data[place] = value
    payload = bytes(data[:end] if truncate else data)
    made = convert_alert(lsst_alert(0, {"cutoutScience": payload}), OPTIONS)
    stamp = made.stamps["science"]
    if stamp is None:
        assert not payload or made.failed["science"].code == "E_INPUT"
    else:
        assert Stamp.from_bytes(stamp.to_bytes()).to_dict() == stamp.to_dict()


@given(
    place=st.integers(0, 2879), text=st.text(st.characters(min_codepoint=32, max_codepoint=126),
                                             min_size=1, max_size=20)
)  # fmt: skip
def test_mutated_headers_convert_or_say_why(place, text):
    data = bytearray(CUTOUT)
    data[place : place + len(text)] = text.encode("ascii")
    made = convert_alert(lsst_alert(0, {"cutoutScience": bytes(data)}), OPTIONS)
    assert (made.stamps["science"] is None) == ("science" in made.failed)


@given(data=st.binary(max_size=400))
def test_any_bytes_as_a_fits_file(data, tmp_path_factory):
    path = tmp_path_factory.mktemp("any") / "x"
    path.write_bytes(b"SIMPLE  =                    T" + data)
    with pytest.raises(InputError):
        FitsImage(path)


@given(data=st.binary(max_size=64))
def test_wire_headers(data):
    if data[:1] == b"\0" and len(data) > 5:
        message = split_wire(data)
        assert message.payload == data[5:]
        assert message.schema_id.to_bytes(4, "big") == data[1:5]
    else:
        with pytest.raises(HstampError):
            split_wire(data)


SMALL = lsst_alert(0, dict.fromkeys(("cutoutDifference", "cutoutTemplate")))


@given(place=st.floats(0, 1, exclude_max=True), value=st.integers(0, 255), keep=st.floats(0, 1))
def test_mutated_alert_files_never_crash(place, value, keep, tmp_path_factory):
    from hstamp.convert.job import run
    from hstamp.convert.plan import Job
    from hstamp.convert.report import Report

    folder = tmp_path_factory.mktemp("mutated")
    source = write_ocf(folder / "in.avro", LSST_SCHEMA, [SMALL, SMALL])
    data = bytearray(source.read_bytes())
    data[int(place * min(len(data), 2600))] = value
    source.write_bytes(data[: int(len(data) * max(keep, 0.02))])
    report = Report()
    run(Job((source,), folder / "out.avro"), report)
    assert report.alerts_out <= 2
    assert all(problem.code.startswith("E_") for problem in report.problems)
