"""Stamps of alert messages: what fastavro wrote, and what is not there."""

import copy
import io
import json

import fastavro
import pytest
import samples

import hstamp
from hstamp import FormatError, HstampError, InputError
from hstamp.container import reading
from hstamp.container.reading import RecordReader

NAMES = ("hstampDifference", "hstampScience", "hstampTemplate")
STAMP = f"{hstamp.STAMP_SCHEMA['namespace']}.{hstamp.STAMP_SCHEMA['name']}"
SOURCE = {
    "type": "record",
    "name": "source",
    "fields": [
        {"name": "id", "type": "long"},
        {"name": "flux", "type": ["null", "float"]},
        {"name": "name", "type": "string"},
    ],
}
SCHEMA = {
    "type": "record",
    "name": "alert",
    "namespace": "test",
    "fields": [
        {"name": "id", "type": "long"},
        {"name": "source", "type": SOURCE},
        {"name": "earlier", "type": ["null", {"type": "array", "items": "source"}]},
        {"name": "cutout", "type": ["null", "bytes"]},
        {"name": NAMES[0], "type": ["null", hstamp.STAMP_SCHEMA]},
        {"name": "between", "type": "double"},
        {"name": NAMES[1], "type": [STAMP, "null"]},
        {"name": NAMES[2], "type": STAMP},
    ],
}
NULLABLE = {**SCHEMA, "fields": SCHEMA["fields"][:7]}


@pytest.fixture(params=["plain", "compiled"], autouse=True)
def kernel(request, monkeypatch):
    if request.param == "compiled":
        pytest.importorskip("numba")
    monkeypatch.setattr(reading, "compiled", lambda cost: request.param == "compiled")


def record(stamps, number=170_000, earlier=3):
    source = {"id": 5, "flux": None, "name": "a"}
    values = {"id": number, "source": source, "cutout": b"x" * 300, "between": 2.5}
    return {**values, "earlier": [source] * earlier, **dict.fromkeys(NAMES), **stamps}


def message(schema, value):
    out = io.BytesIO()
    fastavro.schemaless_writer(out, fastavro.parse_schema(copy.deepcopy(schema)), value)
    return out.getvalue()


def three():
    stamps = samples.assorted()[:3]
    return dict(zip(NAMES, stamps, strict=True))


def as_dicts(stamps):
    return {name: stamp.to_dict() for name, stamp in stamps.items()}


@pytest.mark.parametrize("head", [b"", b"\0\0\0\4\x4d"], ids=["bare", "wire"])
@pytest.mark.parametrize("schema", [SCHEMA, NULLABLE], ids=["three", "nullable"])
def test_stamps_come_as_they_were_written(head, schema):
    stamps = {n: s for n, s in three().items() if n in {f["name"] for f in schema["fields"]}}
    data = head + message(schema, record(as_dicts(stamps)))
    found = hstamp.read_alert_stamps(data, schema)
    assert found == stamps
    assert list(found) == list(stamps)
    assert hstamp.read_alert_stamps(memoryview(data), json.dumps(schema)) == stamps
    assert hstamp.read_alert_stamps(bytearray(data), json.dumps(schema).encode()) == stamps


def test_null_stamps_are_left_out():
    (name, stamp), *_ = list(three().items())[1:]
    data = message(NULLABLE, record({name: stamp.to_dict()}))
    assert hstamp.read_alert_stamps(data, NULLABLE) == {name: stamp}
    assert hstamp.read_alert_stamps(message(NULLABLE, record({})), NULLABLE) == {}


def test_a_record_that_starts_with_zero():
    """A bare record whose first number is 0 looks like a wire-format message."""
    stamps = three()
    data = message(SCHEMA, record(as_dicts(stamps), number=0))
    assert data[:1] == b"\0"
    assert hstamp.read_alert_stamps(data, SCHEMA) == stamps
    assert hstamp.read_alert_stamps(b"\0\0\0\0\1" + data, SCHEMA) == stamps


def test_a_schema_without_stamps_gives_none():
    schema = {**SCHEMA, "fields": SCHEMA["fields"][:4]}
    assert hstamp.read_alert_stamps(message(schema, record({})), schema) == {}


def test_a_stamp_with_a_field_that_1_0_does_not_have():
    """[CO-6]: fields of a later version are passed over."""
    later = copy.deepcopy(NULLABLE)
    stamp_type = later["fields"][4]["type"][1]
    stamp_type["fields"].append({"name": "later", "type": ["null", "long"], "default": None})
    stamp = three()[NAMES[0]]
    data = message(later, record({NAMES[0]: {**stamp.to_dict(), "later": 3}}))
    assert hstamp.read_alert_stamps(data, later) == {NAMES[0]: stamp}


def test_faults_of_messages():
    data = message(SCHEMA, record(as_dicts(three())))
    for bad, code in (
        (data[:-1], "E_AVRO"),
        (data + b"x", "E_TRAILING"),
        (b"", "E_AVRO"),
        (b"\0" + data, "E_AVRO"),
    ):
        with pytest.raises(FormatError) as caught:
            hstamp.read_alert_stamps(bad, SCHEMA)
        assert caught.value.code == code
    with pytest.raises(InputError, match="bytes"):
        hstamp.read_alert_stamps("text", SCHEMA)


def test_a_stamp_at_fault_has_its_own_code():
    stamp = three()[NAMES[0]].to_dict()
    data = message(NULLABLE, record({NAMES[0]: {**stamp, "dx": 7.0}}))
    with pytest.raises(FormatError) as caught:
        hstamp.read_alert_stamps(data, NULLABLE)
    assert caught.value.code == "E_OFFSET"


@pytest.mark.parametrize(
    ("schema", "error"),
    [
        ('"long"', FormatError),
        ("{", FormatError),
        (hstamp.STAMP_SCHEMA, FormatError),
        ({"type": "record", "name": "a"}, FormatError),
        (5, InputError),
        (None, InputError),
    ],
)
def test_what_is_no_schema_of_alerts(schema, error):
    with pytest.raises(error):
        hstamp.read_alert_stamps(b"\2", schema)


def test_many():
    stamps = three()
    good = message(SCHEMA, record(as_dicts(stamps)))
    assert hstamp.read_many(iter([good, b"\0\0\0\0\1" + good]), SCHEMA) == [stamps] * 2
    with pytest.raises(FormatError, match="E_AVRO: message 1: "):
        hstamp.read_many([good, good[:-1]], SCHEMA)
    first, bad, last = hstamp.read_many([good, good[:-1], good], SCHEMA, errors="collect")
    assert first == last == stamps
    assert isinstance(bad, HstampError)
    assert bad.code == "E_AVRO"
    assert hstamp.read_many([], SCHEMA) == []
    with pytest.raises(InputError, match="errors"):
        hstamp.read_many([], SCHEMA, errors="ignore")


def test_what_is_passed_over_is_bounded():
    """[LI-4]: 2**23 values and 8 for each byte; items of one byte with 3000 fields count 3001."""
    wide = [{"name": f"f{i}", "type": "null"} for i in range(2999)]
    wide.append({"name": "last", "type": "boolean"})
    items = {"type": "record", "name": "wide", "fields": wide}
    schema = copy.deepcopy(NULLABLE)
    schema["fields"].append({"name": "many", "type": {"type": "array", "items": items}})
    head = message(NULLABLE, record({}))
    for count, good in ((2, True), (2700, True), (2900, False), (100_000, False)):
        data = head + message({"type": "array", "items": "boolean"}, [True] * count)
        if good:
            assert hstamp.read_alert_stamps(data, schema) == {}
            continue
        with pytest.raises(FormatError) as caught:
            hstamp.read_alert_stamps(data, schema)
        assert caught.value.code == "E_LIMIT"


def test_the_record_is_not_read_where_a_kernel_passes_over_it(monkeypatch, request):
    data = message(NULLABLE, record(as_dicts({NAMES[0]: three()[NAMES[0]]})))
    calls = []
    read = RecordReader._read
    monkeypatch.setattr(RecordReader, "_read", lambda *a: calls.append(1) or read(*a))
    assert len(hstamp.read_alert_stamps(data, NULLABLE)) == 1
    assert bool(calls) == (not reading.compiled(0.0))
