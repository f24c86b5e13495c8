"""Old fields of Avro alerts keep their bytes, whatever they mean and wherever they stand."""

import copy
import io
import json

import fastavro
import pytest
from convert_samples import KINDS, LSST_SCHEMA, lsst_alert, read_ocf, write_ocf

import hstamp
from hstamp import Stamp
from hstamp.alerts.fields import STAMP_FIELDS
from hstamp.convert import EncodeOptions

# Field, what it is written as, what the file calls it, and values that this cannot hold or that
# reading and writing would change.
ODD = [
    ("when", "long", {"type": "long", "logicalType": "timestamp-micros"}, -(2**63)),
    ("day", "int", {"type": "int", "logicalType": "date"}, 2**31 - 1),
    ("clock", "long", {"type": "long", "logicalType": "time-micros"}, 10**12),
    ("name", "string", {"type": "string", "logicalType": "uuid"}, "no uuid"),
    ("price", "bytes",
     {"type": "bytes", "logicalType": "decimal", "precision": 2, "scale": 1}, b"\x7f" * 40),
    ("nan", "float", "float", float("nan")),
]  # fmt: skip


def schemas(front):
    """The same fields with and without their logical types, before or after the cutouts."""
    both = []
    for which in (1, 2):
        extra = [{"name": odd[0], "type": ["null", odd[which]], "default": None} for odd in ODD]
        fields = LSST_SCHEMA["fields"]
        fields = [*extra, *fields] if front else [*fields, *extra]
        both.append({**copy.deepcopy(LSST_SCHEMA), "fields": copy.deepcopy(fields)})
    return both


def written(path, plain, logical, records):
    """Records written as plain values under a schema that calls them something else."""
    stream = io.BytesIO()
    marker = b"0123456789abcdef"
    fastavro.writer(stream, fastavro.parse_schema(plain), records, sync_marker=marker)
    data = stream.getvalue()
    head = io.BytesIO()
    fastavro.writer(head, fastavro.parse_schema(logical), [], sync_marker=marker)
    path.write_bytes(head.getvalue() + data[data.index(marker) + 16 :])
    return path


def as_plain(path, plain):
    """Records of a converted file, read without the logical types."""
    schema = copy.deepcopy(plain)
    stamp = hstamp.STAMP_SCHEMA
    for name in STAMP_FIELDS.values():
        schema["fields"].append({"name": name, "type": ["null", stamp]})
        stamp = "hstamp.v1.stamp"
    parsed = fastavro.parse_schema(schema)
    records = []
    with path.open("rb") as stream:
        for block in fastavro.block_reader(stream):
            data = io.BytesIO(block.bytes_.getvalue())
            records += [fastavro.schemaless_reader(data, parsed) for _ in range(block.num_records)]
            assert data.read() == b""
    return records


@pytest.mark.parametrize("front", [True, False])
@pytest.mark.parametrize("drop", [True, False])
def test_logical_types_play_no_part(tmp_path, convert, front, drop):
    plain, logical = schemas(front)
    odd = {name: value for name, _, _, value in ODD}
    records = [lsst_alert(0, **odd), lsst_alert(1, **dict.fromkeys(odd)), lsst_alert(2, **odd)]
    records[2]["cutoutScience"] = b"not FITS"
    source = written(tmp_path / "in.avro", plain, logical, records)
    report = convert(source, tmp_path / "out.avro", drop_cutouts=drop)
    assert len(report.problems) == 1
    assert report.alerts_out == 3
    for number, (old, new) in enumerate(
        zip(records, as_plain(tmp_path / "out.avro", plain), strict=True)
    ):
        for kind in KINDS:
            stamped = (number, kind) != (2, "Science")
            assert (new.pop(f"hstamp{kind}") is not None) == stamped
            before = old.pop(f"cutout{kind}")
            assert new.pop(f"cutout{kind}") == (None if drop and stamped else before)
        assert str(sorted(new.items())) == str(sorted(old.items()))
    with (tmp_path / "out.avro").open("rb") as stream:
        header = json.loads(fastavro.reader(stream).metadata["avro.schema"])
    kinds = {field["name"]: field["type"] for field in header["fields"]}
    for name, _, kind, _ in ODD:
        assert kinds[name][1] == kind


def test_null_need_not_come_first(tmp_path, convert):
    """Dropping writes the branch that null is, which may be any."""
    schema = copy.deepcopy(LSST_SCHEMA)
    for field in schema["fields"]:
        if field["name"].startswith("cutout"):
            field["type"] = ["string", "bytes", "null"]
            del field["default"]
    source = write_ocf(tmp_path / "in.avro", schema, [lsst_alert(0)])
    assert convert(source, tmp_path / "out.avro", drop_cutouts=True).ok
    (out,) = read_ocf(tmp_path / "out.avro")
    assert [out[f"cutout{kind}"] for kind in KINDS] == [None] * 3
    assert out["diaSource"] == lsst_alert(0)["diaSource"]


def test_stamps_made_again_leave_odd_fields_alone(tmp_path, convert):
    plain, logical = schemas(True)
    odd = {name: value for name, _, _, value in ODD}
    source = written(tmp_path / "in.avro", plain, logical, [lsst_alert(0, **odd)])
    convert(source, tmp_path / "once.avro")
    options = EncodeOptions(encoding="f4")
    assert convert(tmp_path / "once.avro", tmp_path / "twice.avro", options=options).ok
    (once,), (twice,) = (as_plain(tmp_path / f"{n}.avro", plain) for n in ("once", "twice"))
    for name in STAMP_FIELDS.values():
        assert Stamp.from_dict(once.pop(name)).to_dict()["image"]["encoding"] == "i2"
        assert Stamp.from_dict(twice.pop(name)).to_dict()["image"]["encoding"] == "f4"
    assert str(once) == str(twice)
