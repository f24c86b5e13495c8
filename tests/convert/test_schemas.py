"""Wire messages one after the other, and alerts of several schemas in one input."""

import io
import json
import tarfile

import pytest
from convert_samples import (
    LSST_SCHEMA,
    ZTF_SCHEMA,
    lsst_alert,
    read_ocf,
    wire,
    write_ocf,
    ztf_alert,
)

from hstamp.convert.by_schema import file_name
from hstamp.files import Fault, read_stamps


@pytest.fixture
def avsc(tmp_path):
    path = tmp_path / "lsst.avsc"
    path.write_text(json.dumps(LSST_SCHEMA))
    return path


def messages(*numbers, schema_id=1101):
    return [wire(schema_id, LSST_SCHEMA, lsst_alert(n)) for n in numbers]


def test_messages_that_follow_each_other_are_all_read(tmp_path, convert, avsc):
    (tmp_path / "x").write_bytes(b"".join(messages(1, 2, 3)))
    report = convert(tmp_path / "x", tmp_path / "o.avro", schema_file=avsc)
    assert report.ok
    assert [r["diaSourceId"] for r in read_ocf(tmp_path / "o.avro")] == [170001, 170002, 170003]


@pytest.mark.parametrize(
    ("after", "code"),
    [
        (b"rubbish", "E_TRAILING"),
        (b"\0\0\0\4\x4d", "E_TRAILING"),
        (messages(2, schema_id=1000)[0], "E_TRAILING"),
        (messages(2)[0][:-9], "E_AVRO"),
    ],
)
def test_other_bytes_after_a_message_are_told_and_it_stays(tmp_path, convert, avsc, after, code):
    (tmp_path / "x").write_bytes(messages(1)[0] + after)
    report = convert(tmp_path / "x", tmp_path / "o.avro", schema_file=avsc)
    assert [(p.record, p.code) for p in report.problems] == [(1, code)]
    assert len(read_ocf(tmp_path / "o.avro")) == 1


def test_stamps_of_messages_that_follow_each_other(tmp_path, convert, avsc):
    write_ocf(tmp_path / "in", LSST_SCHEMA, [lsst_alert(1), lsst_alert(2)])
    convert(tmp_path / "in", tmp_path / "made.avro")
    import fastavro

    with (tmp_path / "made.avro").open("rb") as stream:
        reader = fastavro.reader(stream)
        schema, records = reader.writer_schema, list(reader)
    (tmp_path / "new.avsc").write_text(json.dumps(schema))
    data = b"".join(wire(9, schema, record) for record in records)
    (tmp_path / "x").write_bytes(data + b"?")
    found = list(read_stamps(tmp_path / "x", schema_file=tmp_path / "new.avsc", errors="collect"))
    assert [item.record for item in found] == [0, 0, 0, 1, 1, 1, 1]
    assert isinstance(found[-1], Fault)
    assert found[-1].error.code == "E_TRAILING"


def tar(path, *members):
    with tarfile.open(path, "w") as archive:
        for number, (schema, record) in enumerate(members):
            held = path.parent / "member"
            data = write_ocf(held, schema, [record]).read_bytes()
            held.unlink()
            info = tarfile.TarInfo(f"{number}.avro")
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return path


def test_an_archive_of_several_schemas_is_sorted_in_a_folder(tmp_path, convert):
    other = {**LSST_SCHEMA, "doc": "the same name, other text"}
    path = tar(
        tmp_path / "night.tar",
        (ZTF_SCHEMA, ztf_alert(1)),
        (LSST_SCHEMA, lsst_alert(1)),
        (ZTF_SCHEMA, ztf_alert(2)),
        (other, lsst_alert(2)),
        (LSST_SCHEMA, lsst_alert(3)),
    )
    report = convert(path, tmp_path / "out", into_folder=True)
    assert report.ok
    assert report.alerts_out == 5
    out = {p.name: len(read_ocf(p)) for p in (tmp_path / "out").glob("*.avro")}
    assert out == {
        "night.avro": 2,
        "night.lsst.v11_1.alert.avro": 2,
        "night.lsst.v11_1.alert-2.avro": 1,
    }
    again = convert(path, tmp_path / "out", into_folder=True)
    assert sum(again.skipped.values()) == 1


def test_names_of_files_lead_nowhere_else():
    schema = {"name": "Alert", "namespace": "a.b"}
    assert file_name(schema, set()) == "a.b.Alert"
    assert file_name(schema, {"a.b.alert"}) == "a.b.Alert-2"
    assert file_name({"name": "__hidden"}, set()) == "hidden"
    assert file_name({"name": "_"}, set()) == "alert"
    assert len(file_name({"name": "x" * 5000}, set())) == 120


def three(path):
    other = {**LSST_SCHEMA, "doc": "the same name, other text"}
    members = (ZTF_SCHEMA, ztf_alert(1)), (LSST_SCHEMA, lsst_alert(1)), (other, lsst_alert(2))
    return tar(path, *members)


LSST_FILE = "night.lsst.v11_1.alert.avro"


def test_files_beside_an_output_are_part_of_it(tmp_path, convert):
    path, out = three(tmp_path / "night.tar"), tmp_path / "out"
    assert convert(path, out, into_folder=True).ok
    before = {p.name: p.read_bytes() for p in out.glob("*.avro")}
    # One that is gone is made again.
    (out / LSST_FILE).unlink()
    assert convert(path, out, into_folder=True).outputs == 1
    assert {p.name: p.read_bytes() for p in out.glob("*.avro")} == before
    # One that was changed since is not replaced.
    (out / LSST_FILE).write_bytes(b"mine")
    report = convert(path, out, into_folder=True)
    assert "is not as" in report.problems[0].reason
    assert (out / LSST_FILE).read_bytes() == b"mine"
    assert convert(path, out, into_folder=True, force=True).ok
    assert {p.name: p.read_bytes() for p in out.glob("*.avro")} == before
    # Those of schemas that the input no longer has go.
    tar(path, (ZTF_SCHEMA, ztf_alert(1)), (LSST_SCHEMA, lsst_alert(1)))
    assert convert(path, out, into_folder=True).ok
    assert sorted(p.name for p in out.glob("*.avro")) == ["night.avro", LSST_FILE]


def test_a_file_of_others_beside_an_output_stays(tmp_path, convert):
    path, out = three(tmp_path / "night.tar"), tmp_path / "out"
    out.mkdir()
    (out / LSST_FILE).write_bytes(b"mine")
    report = convert(path, out, into_folder=True)
    assert [p.code for p in report.problems] == ["E_INPUT"]
    assert "did not make it" in report.problems[0].reason
    assert (out / LSST_FILE).read_bytes() == b"mine"
    assert report.alerts_out == 2


def test_a_file_beside_an_output_is_no_other_output(tmp_path, convert):
    three(tmp_path / "night.tar")
    write_ocf(tmp_path / LSST_FILE, LSST_SCHEMA, [lsst_alert(7)])
    for force in (False, True):
        inputs = [tmp_path / "night.tar", tmp_path / LSST_FILE]
        report = convert(inputs, tmp_path / "out", into_folder=True, force=force)
        assert report.ok
        out = {p.name: [r.get("diaSourceId") for r in read_ocf(p)]
               for p in (tmp_path / "out").glob("*.avro")}  # fmt: skip
        assert out == {
            "night.avro": [None],
            LSST_FILE: [170007],
            "night.lsst.v11_1.alert-2.avro": [170001],
            "night.lsst.v11_1.alert-3.avro": [170002],
        }


def test_an_input_is_no_file_beside_an_output(tmp_path, convert):
    (tmp_path / "other").mkdir()
    path = three(tmp_path / "other" / "night.tar")
    source = write_ocf(tmp_path / LSST_FILE, LSST_SCHEMA, [lsst_alert(7)])
    before = source.read_bytes()
    link = tmp_path / "other" / "a.avro"
    link.symlink_to(source)
    assert convert([path, link], tmp_path, into_folder=True, force=True).ok
    assert source.read_bytes() == before
    assert [r["diaSourceId"] for r in read_ocf(tmp_path / "night.lsst.v11_1.alert-2.avro")] == [
        170001
    ]
