"""What comes out: old fields bit for bit, stamps beside them, and runs that can be repeated."""

import gzip
import io
from pathlib import Path

import fastavro
import numpy as np
import pytest
from convert_samples import (
    KINDS,
    LSST_SCHEMA,
    ZTF_SCHEMA,
    lsst_alert,
    lsst_cutout,
    noise,
    read_ocf,
    wire,
    write_ocf,
    ztf_alert,
)

import hstamp
from hstamp import InputError, Stamp
from hstamp.alerts.fields import STAMP_FIELDS
from hstamp.convert import EncodeOptions
from hstamp.convert.job import run
from hstamp.convert.plan import Job
from hstamp.convert.report import Report
from hstamp.surveys import Ztf, with_survey


def alerts(tmp_path, name="in.avro", count=3, **options):
    return write_ocf(tmp_path / name, LSST_SCHEMA, [lsst_alert(i) for i in range(count)], **options)


def test_old_fields_are_the_same_and_new_ones_follow(tmp_path, convert):
    source = alerts(tmp_path)
    report = convert(source, tmp_path / "out.avro")
    assert report.ok
    assert (report.alerts_in, report.alerts_out, report.stamps) == (3, 3, {2: 9})
    before, after = read_ocf(source), read_ocf(tmp_path / "out.avro")
    for old, new in zip(before, after, strict=True):
        assert list(new) == [*old, *STAMP_FIELDS.values()]
        assert {k: new[k] for k in old} == old
        for name in STAMP_FIELDS.values():
            assert Stamp.from_dict(new[name]).n == 2


def test_record_bytes_are_the_old_ones_and_three_stamps(tmp_path, convert):
    source = alerts(tmp_path, count=1)
    convert(source, tmp_path / "out.avro")
    blocks = []
    for path in (source, tmp_path / "out.avro"):
        with path.open("rb") as stream:
            blocks.append(next(iter(fastavro.block_reader(stream))).bytes_.getvalue())
    assert blocks[1].startswith(blocks[0])
    tail = io.BytesIO(blocks[1][len(blocks[0]) :])
    union = fastavro.parse_schema(["null", hstamp.STAMP_SCHEMA])
    stamps = [Stamp.from_dict(fastavro.schemaless_reader(tail, union)) for _ in range(3)]
    assert [stamp.id for stamp in stamps] == [
        f"170000/{kind}" for kind in ("difference", "science", "template")
    ]
    assert tail.read() == b""


def test_equal_inputs_give_equal_files(tmp_path, convert):
    source = alerts(tmp_path)
    for name in ("a", "b"):
        convert(source, tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


@pytest.mark.parametrize("codec", ["deflate", "null", "bzip2"])
def test_codec_is_kept_or_chosen(tmp_path, convert, codec):
    source = alerts(tmp_path, codec=codec)
    convert(source, tmp_path / "same.avro")
    convert(source, tmp_path / "other.avro", codec="deflate")
    for name, wanted in (("same.avro", codec), ("other.avro", "deflate")):
        with (tmp_path / name).open("rb") as stream:
            assert fastavro.reader(stream).codec == wanted
        assert len(read_ocf(tmp_path / name)) == 3


def test_unknown_codec_is_reported(tmp_path, convert):
    report = convert(alerts(tmp_path), tmp_path / "out.avro", codec="nope")
    assert [p.code for p in report.problems] == ["E_CODEC"]
    assert not (tmp_path / "out.avro").exists()


def test_dropped_cutouts_are_null_unless_they_gave_no_stamp(tmp_path, convert):
    bad = lsst_alert(1, {"cutoutScience": b"not FITS"})
    source = write_ocf(tmp_path / "in.avro", LSST_SCHEMA, [lsst_alert(0), bad])
    report = convert(source, tmp_path / "out.avro", drop_cutouts=True)
    assert len(report.problems) == 1
    good, rest = read_ocf(tmp_path / "out.avro")
    assert all(good[f"cutout{kind}"] is None for kind in KINDS)
    assert rest["cutoutScience"] == b"not FITS"
    assert rest["hstampScience"] is None
    assert rest["cutoutTemplate"] is None


def test_null_cutouts_are_skipped_not_failed(tmp_path, convert):
    record = lsst_alert(0, dict.fromkeys(("cutoutTemplate", "cutoutDifference")))
    report = convert(write_ocf(tmp_path / "in.avro", LSST_SCHEMA, [record]), tmp_path / "out.avro")
    assert report.ok
    assert report.stamps == {2: 1}
    assert sum(report.skipped.values()) == 2
    (out,) = read_ocf(tmp_path / "out.avro")
    assert out["hstampTemplate"] is None
    assert out["hstampScience"] is not None


def test_alerts_with_stamps_are_filled_again(tmp_path, convert):
    convert(alerts(tmp_path), tmp_path / "once.avro")
    convert(tmp_path / "once.avro", tmp_path / "twice.avro",
            options=EncodeOptions(encoding="f4"))  # fmt: skip
    once, twice = read_ocf(tmp_path / "once.avro"), read_ocf(tmp_path / "twice.avro")
    assert [list(r) for r in twice] == [list(r) for r in once]
    assert twice[0]["hstampScience"]["image"]["encoding"] == "f4"
    assert twice[0]["cutoutScience"] == once[0]["cutoutScience"]


def test_stamps_alone(tmp_path, convert):
    source = write_ocf(tmp_path / "z.avro", ZTF_SCHEMA, [ztf_alert(7)])
    report = convert([alerts(tmp_path), source], tmp_path / "out.avro", form="stamps")
    assert report.ok
    found = list(hstamp.read_stamps(tmp_path / "out.avro"))
    assert [f.stamp.n for f in found] == [2] * 9 + [3] * 3
    assert found[-1].stamp.id == "7/template"
    assert found[-1].stamp.band == "r"


def test_blobs(tmp_path, convert):
    report = convert(alerts(tmp_path), tmp_path / "out", form="blobs", into_folder=True)
    assert report.ok
    files = sorted(p.name for p in (tmp_path / "out/in").iterdir())
    assert files[:3] == [
        "000000-difference.hstamp", "000000-science.hstamp", "000000-template.hstamp"
    ]  # fmt: skip
    assert len(files) == 9
    for path in (tmp_path / "out/in").iterdir():
        assert Stamp.from_bytes(path.read_bytes()).n == 2


def test_wire_message_with_a_schema_file(tmp_path, convert):
    import json

    schema = tmp_path / "schema.avsc"
    schema.write_text(json.dumps(LSST_SCHEMA))
    message = tmp_path / "message"
    message.write_bytes(wire(1101, LSST_SCHEMA, lsst_alert(5)))
    report = convert(message, tmp_path / "out.avro", schema_file=schema)
    assert report.ok
    (out,) = read_ocf(tmp_path / "out.avro")
    assert out["hstampScience"]["id"] == "170005/science"
    message.write_bytes(message.read_bytes() + b"!")
    report = convert(message, tmp_path / "more.avro", schema_file=schema)
    assert [p.code for p in report.problems] == ["E_TRAILING"]


def test_gzipped_container(tmp_path, convert):
    packed = tmp_path / "packed"
    packed.write_bytes(gzip.compress(alerts(tmp_path).read_bytes()))
    report = convert(packed, tmp_path / "out.avro")
    assert report.ok
    assert report.alerts_out == 3


def test_one_bad_record_does_not_stop_the_rest(tmp_path, convert):
    records = [lsst_alert(i) for i in range(4)]
    records[1]["cutoutScience"] = lsst_cutout(noise(30), 14.5, 14.5)[:3000]
    records[2]["diaSource"] = {**records[2]["diaSource"], "ra": float("nan")}
    source = write_ocf(tmp_path / "in.avro", LSST_SCHEMA, records)
    report = convert(source, tmp_path / "out.avro")
    assert (report.alerts_in, report.alerts_out) == (4, 4)
    assert {(p.record, p.field) for p in report.problems} >= {(1, "cutoutScience")}
    assert {p.record for p in report.problems} == {1, 2}
    assert all(str(source) in str(p) and p.code == "E_INPUT" for p in report.problems)
    out = read_ocf(tmp_path / "out.avro")
    assert out[1]["hstampScience"] is None
    assert out[1]["hstampTemplate"] is not None
    assert out[3]["hstampScience"] is not None


def test_damaged_block_costs_only_itself(tmp_path, convert):
    source = alerts(tmp_path, count=3, sync_interval=1)
    data = bytearray(source.read_bytes())
    with source.open("rb") as stream:
        middle = list(fastavro.block_reader(stream))[1]
    # The first record of the second block: its science cutout claims 2**34 bytes.
    start = data.index(middle.bytes_.getvalue())
    length = data.index(b"\x02", start + 20)
    data[length + 1 : length + 6] = b"\xff\xff\xff\xff\x7f"
    source.write_bytes(data)
    report = convert(source, tmp_path / "out.avro")
    assert [(p.record, p.code) for p in report.problems] == [(1, "E_AVRO")]
    assert [r["diaSourceId"] for r in read_ocf(tmp_path / "out.avro")] == [170000, 170002]


def test_truncated_container_gives_what_is_whole(tmp_path, convert):
    source = alerts(tmp_path, count=3, sync_interval=1)
    source.write_bytes(source.read_bytes()[:-100])
    report = convert(source, tmp_path / "out.avro")
    assert report.alerts_out == 2
    assert [p.code for p in report.problems] == ["E_AVRO"]


def test_folder_run_resumes(tmp_path, convert):
    for name in ("a", "b"):
        alerts(tmp_path, f"{name}.avro")
    inputs = [tmp_path / "a.avro", tmp_path / "b.avro"]
    convert(inputs[:1], tmp_path / "out", into_folder=True)
    first = (tmp_path / "out/a.avro").stat().st_mtime_ns
    report = convert(inputs, tmp_path / "out", into_folder=True)
    assert sum(report.skipped.values()) == 1
    assert report.alerts_in == 3
    assert (tmp_path / "out/a.avro").stat().st_mtime_ns == first
    report = convert(inputs, tmp_path / "out", into_folder=True, force=True)
    assert report.alerts_in == 6


@pytest.mark.parametrize("form", ["alerts", "blobs"])
def test_interruption_leaves_nothing_half_done(tmp_path, monkeypatch, form):
    source = alerts(tmp_path)
    calls = []

    def interrupted(*args, **options):
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return read_alert(*args, **options)

    from hstamp.convert import alert

    read_alert = alert.read_alert
    monkeypatch.setattr(alert, "read_alert", interrupted)
    job = Job((source,), tmp_path / "out", into_folder=True, form=form)
    with pytest.raises(KeyboardInterrupt):
        run(job, Report())
    assert list(Path(tmp_path / "out").iterdir()) == []


def test_inputs_are_never_overwritten(tmp_path, convert):
    source = alerts(tmp_path)
    before = source.read_bytes()
    for options in ({"out": source}, {"out": tmp_path, "into_folder": True}):
        with pytest.raises(InputError, match="is an input"):
            convert(source, force=True, **options)
    assert source.read_bytes() == before


def test_two_inputs_for_one_output_are_refused(tmp_path, convert):
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        alerts(tmp_path / folder)
    with pytest.raises(InputError, match="would both become"):
        convert([tmp_path / "a", tmp_path / "b"], tmp_path / "out", into_folder=True)


def test_different_schemas_need_a_folder(tmp_path, convert):
    inputs = [alerts(tmp_path), write_ocf(tmp_path / "z.avro", ZTF_SCHEMA, [ztf_alert()])]
    report = convert(inputs, tmp_path / "one.avro")
    assert [p.code for p in report.problems] == ["E_SCHEMA"]
    assert report.alerts_out == 3
    assert convert(inputs, tmp_path / "many", into_folder=True).ok


def test_files_of_other_things(tmp_path, convert):
    other = {"type": "record", "name": "r", "fields": [{"name": "a", "type": "int"}]}
    write_ocf(tmp_path / "other.avro", other, [{"a": 1}])
    (tmp_path / "empty").touch()
    (tmp_path / "text").write_text("hello")
    (tmp_path / "blob").write_bytes(b"\xc3\x01" + b"\0" * 30)
    codes = {}
    for name in ("other.avro", "empty", "text", "blob"):
        report = convert(tmp_path / name, tmp_path / "out.avro")
        (problem,) = report.problems
        codes[name] = problem.code
        assert not (tmp_path / "out.avro").exists()
    assert codes == {
        "other.avro": "E_SCHEMA", "empty": "E_MAGIC", "text": "E_MAGIC", "blob": "E_INPUT"
    }  # fmt: skip


@pytest.mark.parametrize("policy", ["auto", "nominal", "none"])
@pytest.mark.parametrize("dec", [-10.0, 60.0])
def test_ztf_wcs_policy(tmp_path, convert, policy, dec):
    source = write_ocf(tmp_path / "z.avro", ZTF_SCHEMA, [ztf_alert(dec=dec)])
    convert(source, tmp_path / "out.avro", form="stamps", surveys=with_survey(Ztf(policy)))
    wanted = policy == "nominal" or (policy == "auto" and dec == -10.0)
    for found in hstamp.read_stamps(tmp_path / "out.avro"):
        assert (found.stamp.wcs is not None) == wanted


def test_ztf_cutout_of_another_size_is_refused(tmp_path, convert):
    source = write_ocf(tmp_path / "z.avro", ZTF_SCHEMA, [ztf_alert(side=61)])
    report = convert(source, tmp_path / "out.avro")
    assert len(report.problems) == 3
    assert {p.code for p in report.problems} == {"E_INPUT"}
    assert all("ZTF cuts 63 x 63" in str(p) for p in report.problems)


def test_source_off_centre_loses_only_what_the_cutout_lacks(tmp_path, convert):
    """3.8 pixels off, as in rehearsal samples: two levels, edges missing, the rest unchanged."""
    image = noise(30)
    cutout = lsst_cutout(image, 14.3 + 3.8, 14.6)
    source = write_ocf(
        tmp_path / "in.avro", LSST_SCHEMA, [lsst_alert(0, {"cutoutScience": cutout})]
    )
    report = convert(source, tmp_path / "out.avro", options=EncodeOptions(encoding="f4"))
    assert report.incomplete == 1
    stamp = Stamp.from_dict(read_ocf(tmp_path / "out.avro")[0]["hstampScience"])
    # x = 18.1: the corner is at column 19, level 1 covers columns 4..33 of 30.
    np.testing.assert_array_equal(np.isnan(stamp.levels[1]).sum(axis=1), [2] * 15)
    np.testing.assert_array_equal(stamp.levels[0][:14, :14], image[8:22, 12:26])
    assert stamp.dx == pytest.approx(18.1 - 18.5, abs=1e-5)


def test_cutout_with_ctype_is_placed_by_its_wcs(tmp_path, convert):
    """With a real TAN WCS the alert's position decides, not CRPIX."""
    # CRVAL is 3 pixels away from the source along x: CD maps (3, 0) to this offset.
    ra, dec = 150.0, 2.0
    step = 3 * np.array([-4.8903e-05, -2.6301e-05])
    cutout = lsst_cutout(
        noise(63), 26.4, 29.6, ra - step[0] / np.cos(np.radians(dec)), dec - step[1], ctype=True
    )
    source = write_ocf(
        tmp_path / "in.avro", LSST_SCHEMA, [lsst_alert(0, {"cutoutScience": cutout})]
    )
    assert convert(source, tmp_path / "out.avro").ok
    stamp = Stamp.from_dict(read_ocf(tmp_path / "out.avro")[0]["hstampScience"])
    assert stamp.n == 3
    assert stamp.dx == pytest.approx(29.4 - 29.5, abs=1e-4)


def test_masks_arrive_with_their_names(tmp_path, convert):
    names = [f"P{i:02d}" for i in range(20)]
    mask = np.zeros((30, 30), dtype=int)
    mask[14, 14] = 1 << 3 | 1 << 18
    cutout = lsst_cutout(noise(30), 14.3, 14.6, mask=(mask, names))
    record = lsst_alert(0, {"cutoutScience": cutout, "cutoutTemplate": None})
    source = write_ocf(tmp_path / "in.avro", LSST_SCHEMA, [record])
    convert(source, tmp_path / "out.avro")
    stamp = Stamp.from_dict(read_ocf(tmp_path / "out.avro")[0]["hstampScience"])
    assert len(stamp.mask_planes) == 16
    assert {"P03", "P18"} <= set(stamp.mask_planes)
    value = stamp.mask[0][14 - 8, 14 - 8]
    assert {n for b, n in enumerate(stamp.mask_planes) if value >> b & 1} == {"P03", "P18"}
    convert(source, tmp_path / "few.avro", options=EncodeOptions(mask_planes=("P18",),
            unusable=("P03",)))  # fmt: skip
    stamp = Stamp.from_dict(read_ocf(tmp_path / "few.avro")[0]["hstampScience"])
    assert stamp.mask_planes == ("P18",)
    assert np.isnan(stamp.levels[0][6, 6])


def test_psf_that_is_not_square_or_not_usable(tmp_path, convert):
    odd = lsst_cutout(noise(30), 14.3, 14.6, psf_shape=(35, 33))
    none = lsst_cutout(noise(30), 14.3, 14.6, psf_shape=None)
    record = lsst_alert(0, {"cutoutScience": odd, "cutoutTemplate": none})
    source = write_ocf(tmp_path / "in.avro", LSST_SCHEMA, [record])
    assert convert(source, tmp_path / "o", options=EncodeOptions(psf_size=None)).ok
    (out,) = read_ocf(tmp_path / "o")
    assert Stamp.from_dict(out["hstampScience"]).psf.shape == (35, 35)
    assert out["hstampTemplate"]["psf"] is None
    convert(source, tmp_path / "none", options=EncodeOptions(psf_size=0))
    assert read_ocf(tmp_path / "none")[0]["hstampScience"]["psf"] is None
