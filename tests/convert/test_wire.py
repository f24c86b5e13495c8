"""Alerts with stamps as messages in the Confluent wire format, read again by fastavro and by us."""

import io
import json

import fastavro
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

from hstamp.alerts import add_stamp_fields, messages
from hstamp.cli import main
from hstamp.container.ocf import BadRecord
from hstamp.convert.sources import WireSource
from hstamp.files import read_stamps


def go(*arguments):
    return main([*map(str, arguments)])


def read_messages(data, schema_id, schema):
    """Messages as a consumer sees them, by fastavro alone."""
    stream, parsed, out = io.BytesIO(data), fastavro.parse_schema(schema), []
    while (head := stream.read(5)) != b"":
        assert head == b"\x00" + schema_id.to_bytes(4, "big")
        out.append(fastavro.schemaless_reader(stream, parsed))
    return out


@pytest.fixture
def night(tmp_path):
    alerts = [lsst_alert(1), lsst_alert(2, {"cutoutScience": None}), lsst_alert(3)]
    return write_ocf(tmp_path / "night.avro", LSST_SCHEMA, alerts)


@pytest.fixture
def derived(tmp_path):
    path = tmp_path / "derived.avsc"
    path.write_text(json.dumps(add_stamp_fields(LSST_SCHEMA)))
    return path


def test_messages_hold_what_the_container_file_holds(night, derived, tmp_path, capsys):
    assert go("convert", night, "-o", tmp_path / "out.avro") == 0
    assert go("convert", night, "-o", tmp_path / "out", "--as", "wire", "--schema-id", 70001) == 0
    schema = json.loads(derived.read_text())
    found = read_messages((tmp_path / "out").read_bytes(), 70001, schema)
    assert found == read_ocf(tmp_path / "out.avro")
    assert found[1]["hstampScience"] is None
    capsys.readouterr()
    assert go("validate", tmp_path / "out", "--schema", derived) == 0
    ours = list(read_stamps(tmp_path / "out", schema_file=derived))
    assert [(item.record, item.field) for item in ours][3:5] == [
        (1, "hstampDifference"),
        (1, "hstampTemplate"),
    ]


def test_messages_become_messages_and_old_cutouts_can_be_dropped(tmp_path, derived):
    avsc = tmp_path / "lsst.avsc"
    avsc.write_text(json.dumps(LSST_SCHEMA))
    source = tmp_path / "in.bin"
    source.write_bytes(b"".join(wire(1101, LSST_SCHEMA, lsst_alert(n)) for n in (1, 2)))
    out = tmp_path / "out"
    status = go(
        "convert", source, "-o", f"{out}/", "--as", "wire", "--schema-id", 5, "--schema", avsc,
        "--drop-cutouts",
    )  # fmt: skip
    assert status == 0
    data = (out / "in.bin.wire").read_bytes()
    found = read_messages(data, 5, json.loads(derived.read_text()))
    assert [record["diaSourceId"] for record in found] == [170001, 170002]
    assert all(record["cutoutScience"] is None for record in found)
    assert None not in [record["hstampScience"] for record in found]


def test_one_id_is_one_schema(tmp_path, night):
    other = write_ocf(tmp_path / "ztf.avro", ZTF_SCHEMA, [ztf_alert(1)])
    out = tmp_path / "out"
    assert go("convert", night, other, "-o", out, "--as", "wire", "--schema-id", 7) == 1
    assert len(read_messages(out.read_bytes(), 7, add_stamp_fields(LSST_SCHEMA))) == 3


def test_the_id_of_the_schema_without_stamps_is_refused(night, tmp_path, capsys):
    assert go("convert", night, "-o", tmp_path / "out", "--as", "wire", "--schema-id", 1101) == 1
    assert "1101 is the id of LSST's schema 11.1 without stamps" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("options", [["--as", "wire"], ["--schema-id", "3"]])
def test_an_id_is_neither_guessed_nor_passed_over(night, tmp_path, options):
    with pytest.raises(SystemExit):
        go("convert", night, "-o", tmp_path / "out", *options)


def test_rows_and_images_give_no_messages(tmp_path, convert):
    pa = pytest.importorskip("pyarrow")
    import pyarrow.parquet as pq

    alert = lsst_alert(1)
    pq.write_table(pa.Table.from_pylist([alert]), tmp_path / "rows")
    (tmp_path / "image").write_bytes(alert["cutoutScience"])
    report = convert(
        [tmp_path / "rows", tmp_path / "image"], tmp_path / "out", form="wire", schema_id=3
    )
    assert [p.reason for p in report.problems[:1]] == [
        "rows of Parquet are no Avro records, and give no messages"
    ]
    assert report.problems[1].file == str(tmp_path / "image")
    assert not (tmp_path / "out").exists()


def test_files_are_read_that_are_longer_than_what_is_at_hand(tmp_path, monkeypatch):
    made = [wire(9, LSST_SCHEMA, lsst_alert(n)) for n in range(1, 8)]
    longest = max(map(len, made))
    (tmp_path / "lsst.avsc").write_text(json.dumps(LSST_SCHEMA))

    def numbers(data, most):
        (tmp_path / "x").write_bytes(data)
        monkeypatch.setattr(messages, "MAX_BLOCK", most)
        monkeypatch.setattr(messages, "_LEAST", most // 2)
        monkeypatch.setattr("hstamp.convert.sources.MAX_BLOCK", most)
        source = WireSource(tmp_path / "x", False, tmp_path / "lsst.avsc", ("diaSourceId",))
        with source:
            items = [item for batch in source.batches() for item in batch.records]
        return [
            item.error.code if isinstance(item, BadRecord) else item.record["diaSourceId"] - 170000
            for item in items
        ]

    whole = b"".join(made)
    for most in (longest, longest + 1, longest + 4, 2 * longest, 3 * longest, len(whole)):
        assert numbers(whole, most) == [1, 2, 3, 4, 5, 6, 7]
        assert numbers(whole + b"\0\0\0\0", most) == [1, 2, 3, 4, 5, 6, 7, "E_TRAILING"]
        assert numbers(whole[:-1], most) == [1, 2, 3, 4, 5, 6, "E_AVRO"]
    # A message that is longer than may be at hand is at fault.
    assert numbers(whole, longest // 2) == ["E_AVRO"]


def test_the_schema_of_messages_is_derived_from_the_alerts(tmp_path, capsys):
    source = write_ocf(tmp_path / "ztf.avro", ZTF_SCHEMA, [ztf_alert(1)])
    assert go("schema", "derive", "--of", source, "-o", tmp_path / "d.avsc") == 0
    go("convert", source, "-o", tmp_path / "out", "--as", "wire", "--schema-id", 7)
    assert go("validate", tmp_path / "out", "--schema", tmp_path / "d.avsc") == 0
    (tmp_path / "text").write_text("no alerts")
    assert go("schema", "derive", "--of", tmp_path / "text", "-o", tmp_path / "e.avsc") == 1
    assert "no alerts in Avro" in capsys.readouterr().err
    assert not (tmp_path / "e.avsc").exists()
