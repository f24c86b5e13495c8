"""Section 8: fingerprint, records inside alerts, object container files, and hostile files."""

import io
import json
import random
import zlib

import brute
import fastavro
import numpy as np
import pytest
import samples

import hstamp
from hstamp.container.ocf import Container
from hstamp.errors import CODES

CODECS = ("null", "deflate", "bzip2", "xz", "snappy", "zstandard")


def canonical(schema):
    """Parsing Canonical Form, by the rules of the Avro specification."""

    def quote(value):
        return json.dumps(value, ensure_ascii=False)

    def form(s, namespace):
        if isinstance(s, str):
            known = ("null", "boolean", "int", "long", "float", "double", "bytes", "string")
            return quote(s if s in known or "." in s or not namespace else f"{namespace}.{s}")
        if isinstance(s, list):
            return "[" + ",".join(form(b, namespace) for b in s) + "]"
        if s["type"] == "array":
            return '{"type":"array","items":' + form(s["items"], namespace) + "}"
        if s["type"] == "record":
            space = s.get("namespace", namespace)
            fields = ",".join(
                f'{{"name":{quote(f["name"])},"type":{form(f["type"], space)}}}'
                for f in s["fields"]
            )
            name = quote(f"{space}.{s['name']}")
            return f'{{"name":{name},"type":"record","fields":[{fields}]}}'
        return form(s["type"], namespace)

    return form(schema, "").encode()


def crc64_avro(data):
    """Bit by bit, as the Avro specification defines the Rabin fingerprint."""
    empty = 0xC15D213AA4D7A795
    crc = empty
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (empty if crc & 1 else 0)
    return crc.to_bytes(8, "little")


def test_fingerprint(repository):
    text = (repository / "schemas" / "hstamp.v1.stamp.avsc").read_text(encoding="utf-8")
    assert crc64_avro(canonical(json.loads(text))) == samples.HEADER[2:]
    assert samples.stamp(2).to_bytes()[:10] == samples.HEADER


@pytest.mark.parametrize("index", range(7))
def test_other_avro_readers_agree(index, repository):
    schema = fastavro.parse_schema(
        json.loads((repository / "schemas" / "hstamp.v1.stamp.avsc").read_text(encoding="utf-8"))
    )
    stamp = samples.assorted()[index]
    stream = io.BytesIO(stamp.to_bytes()[10:])
    fields = fastavro.schemaless_reader(stream, schema)
    assert stream.read() == b""
    assert fields == stamp.to_dict()
    assert hstamp.Stamp.from_dict(fields) == stamp
    out = io.BytesIO()
    fastavro.schemaless_writer(out, schema, fields)
    assert hstamp.Stamp.from_bytes(samples.HEADER + out.getvalue()) == stamp


@pytest.mark.parametrize("codec", CODECS)
def test_files_with_every_codec(codec, tmp_path):
    if codec in ("snappy", "zstandard"):
        pytest.importorskip("cramjam", reason="codec needs the extra 'codecs'")
        pytest.importorskip("zstandard", reason="codec needs the extra 'codecs'")
    path, stamps = tmp_path / "s.avro", samples.assorted()
    assert hstamp.write_stamps(path, stamps, codec=codec) == len(stamps)
    with open(path, "rb") as stream:
        assert list(fastavro.reader(stream)) == [s.to_dict() for s in stamps]
    found = list(hstamp.read_stamps(path))
    assert [f.stamp for f in found] == stamps
    assert [(f.record, f.field) for f in found] == [(i, None) for i in range(len(stamps))]
    assert [p.name for p in tmp_path.iterdir()] == ["s.avro"]


def test_failed_write_leaves_nothing(tmp_path):
    def broken():
        yield samples.stamp(2)
        raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        hstamp.write_stamps(tmp_path / "s.avro", broken())
    assert list(tmp_path.iterdir()) == []


def alert_schema(stamp=hstamp.STAMP_SCHEMA):
    return {"type": "record", "name": "lsst.v11_0.alert", "fields": [
        {"name": "alertId", "type": "long"},
        {"name": "before", "type": {"type": "array", "items": "double"}},
        {"name": "cutoutScience", "type": ["null", "bytes"], "default": None},
        {"name": "hstampDifference", "type": ["null", stamp], "default": None},
        {"name": "hstampScience", "type": ["null", "hstamp.v1.stamp"], "default": None},
        {"name": "hstampTemplate", "type": ["null", "hstamp.v1.stamp"], "default": None},
    ]}  # fmt: skip


def container(schema, records, **options):
    out = io.BytesIO()
    options = {"sync_marker": bytes(16)} | options  # tests of two workers have the same names
    fastavro.writer(out, fastavro.parse_schema(schema), records, **options)
    return out.getvalue()


def read(data):
    return list(hstamp.read_stamps(io.BytesIO(data)))


def code_of(data):
    with pytest.raises(hstamp.FormatError) as caught:
        read(data)
    return caught.value.code


def alert(number, **stamps):
    return {"alertId": number, "before": [1.0, 2.0], "cutoutScience": b"FITS", **stamps}


def test_alerts_with_nullable_fields():
    a, b = samples.stamp(2, seed=1), samples.stamp(3, seed=2)
    data = container(alert_schema(), [
        alert(1), alert(2, hstampTemplate=b.to_dict()),
        alert(3, hstampDifference=a.to_dict(), hstampScience=b.to_dict()),
    ])  # fmt: skip
    assert [(f.record, f.field, f.stamp) for f in read(data)] == [
        (1, "hstampTemplate", b), (2, "hstampDifference", a), (2, "hstampScience", b)
    ]  # fmt: skip


def test_faults_name_the_record_and_field():
    bad = samples.stamp(2).to_dict() | {"levels": 9}
    with pytest.raises(hstamp.FormatError, match=r"E_LEVELS: record 1, hstampScience"):
        read(container(alert_schema(), [alert(1), alert(2, hstampScience=bad)]))


def later_minor(drop=()):
    fields = [f for f in hstamp.STAMP_SCHEMA["fields"] if f["name"] not in drop]
    new = {
        "name": "quality",
        "type": ["null", {"type": "map", "values": "string"}],
        "default": None,
    }
    return hstamp.STAMP_SCHEMA | {"fields": [*fields, new]}


def test_unknown_fields_of_a_later_minor_are_skipped():
    stamp = samples.stamp(3)
    fields = stamp.to_dict() | {"version": 101, "quality": {"a": "b"}}
    for data in (
        container(later_minor(), [fields]),
        container(alert_schema(later_minor()), [alert(5, hstampScience=fields)]),
    ):
        (found,) = read(data)
        assert found.stamp.to_dict() == stamp.to_dict() | {"version": 101}


@pytest.mark.parametrize("name", ["version", "levels", "dx", "dy", "image"])
def test_missing_field_without_default(name):
    fields = {k: v for k, v in samples.stamp(3).to_dict().items() if k != name}
    assert code_of(container(later_minor((name,)), [fields])) == "E_SCHEMA"
    assert code_of(container(alert_schema(later_minor((name,))),
                             [alert(1, hstampScience=fields)])) == "E_SCHEMA"  # fmt: skip


def test_missing_fields_take_their_defaults():
    names = ("id", "band", "fluxUnit", "wcs", "variance", "mask", "psf")
    fields = {k: v for k, v in samples.stamp(3).to_dict().items() if k not in names}
    (found,) = read(container(later_minor(names), [fields]))
    stamp = found.stamp
    assert stamp.flux_unit == "nJy"
    assert stamp.id is stamp.band is stamp.wcs is stamp.variance is stamp.mask is stamp.psf is None


GOOD = container(hstamp.STAMP_SCHEMA, [s.to_dict() for s in samples.assorted()[:3]],
                 sync_marker=bytes(range(16)))  # fmt: skip


def header(schema, codec=b"null"):
    schema = schema if isinstance(schema, bytes) else json.dumps(schema).encode()
    entries = (b"avro.schema", schema), (b"avro.codec", codec)
    meta = samples.long(2) + b"".join(samples.text(k) + samples.text(v) for k, v in entries)
    return b"Obj\x01" + meta + b"\x00" + bytes(16)


def block(count, data):
    return samples.long(count) + samples.long(len(data)) + data + bytes(16)


ONE = samples.record(samples.stamp(2).to_dict())
STAMP = hstamp.STAMP_SCHEMA


def field(kind):
    return {"type": "record", "name": "a", "fields": [
        {"name": "bad", "type": kind}, {"name": "stamp", "type": ["null", STAMP], "default": None},
    ]}  # fmt: skip


def deflated(data):
    machine = zlib.compressobj(wbits=-15)
    return machine.compress(data) + machine.flush()


HUGE = samples.long(-(2**62)) + samples.long(0)
FILES = [
    ("E_MAGIC", b"Obj\x02" + GOOD[4:]),
    ("E_SCHEMA", header(b"{nonsense")),
    ("E_SCHEMA", header(b"[" * 100_000)),
    ("E_SCHEMA", header({"type": "record", "name": "x", "fields": [{"name": "a", "type": "int"}]})),
    ("E_SCHEMA", header("int")),
    ("E_SCHEMA", header({"type": "record", "name": "x"})),
    ("E_SCHEMA", header(field({"type": "array", "items": "null"})) + block(1, HUGE)),
    ("E_SCHEMA", header(field({"type": "array", "items": {"type": "null"}})) + block(1, HUGE)),
    ("E_SCHEMA", header(field(["null", {"type": "array", "items": "null"}])) + block(1, HUGE)),
    ("E_SCHEMA", header(field({"type": "map", "values": {"type": "array", "items": "null"}}))),
    ("E_SCHEMA", header(field({"type": "array", "items":
     {"type": "record", "name": "e", "fields": [{"name": "n", "type": "null"}]}})) + block(1, HUGE)),  # noqa: E501
    ("E_SCHEMA", header(field({"type": "array", "items":
     {"type": "fixed", "name": "f", "size": 0}})) + block(1, HUGE)),
    ("E_SCHEMA", header({"type": "record", "name": "a", "fields": [
        {"name": "next", "type": ["null", "a"]}, {"name": "stamp", "type": ["null", STAMP]}]})
     + block(1, b"\x02" * 200_000)),
    ("E_CODEC", header(STAMP, b"lz77") + block(1, ONE)),
    ("E_SCHEMA", header("int", b"lz77") + block(1, ONE)),
    ("E_LIMIT", header(STAMP) + samples.long(1) + samples.long(2**26 + 1)),
    ("E_LIMIT", header(STAMP, b"deflate") + block(1, deflated(bytes(2**26 + 1)))),
    ("E_AVRO", header(STAMP) + samples.long(1) + samples.long(2**26)),
    ("E_AVRO", header(STAMP) + samples.long(1) + samples.long(-5)),
    ("E_AVRO", header(STAMP) + block(-1, ONE)),
    ("E_AVRO", header(STAMP) + block(2, ONE)),
    ("E_AVRO", header(STAMP) + block(2**60, ONE)),
    ("E_AVRO", header(STAMP) + block(1, ONE + b"\x00")),
    ("E_AVRO", header(STAMP) + block(0, ONE)),
    ("E_AVRO", header(STAMP) + block(1, ONE[:-1])),
    ("E_AVRO", header(STAMP) + block(1, ONE)[:-1] + b"\x01"),
    ("E_AVRO", header(STAMP, b"deflate") + block(1, ONE)),
    ("E_AVRO", header(STAMP)[:-3]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("code", "data"), FILES, ids=[f"{number}-{code}" for number, (code, _) in enumerate(FILES)]
)
def test_hostile_files(code, data):
    assert code_of(data) == code


def test_plain_file_of_this_module_reads():
    (found,) = read(header(STAMP) + block(1, ONE))
    assert found.stamp == samples.stamp(2)
    assert read(header(STAMP)) == []


@pytest.mark.parametrize("seed", range(4))
def test_mutated_files(seed):
    rng = random.Random(seed)
    outcomes = set()
    for _ in range(150):
        data = bytearray(GOOD)
        reach = len(data) if rng.random() < 0.5 else data.index(bytes(range(16))) + 120
        for _ in range(rng.choice((1, 1, 1, 4))):
            at = rng.randrange(4, reach)
            kind = rng.randrange(4)
            if kind == 0:
                data[at] ^= 1 << rng.randrange(8)
            elif kind == 1:
                data[at:at] = rng.randbytes(3)
            elif kind == 2:
                del data[at : at + 3]
            else:
                data[at : at + 1] = samples.long(rng.choice((-1, 2**31, 2**62, -(2**63))))
        try:
            for found in read(bytes(data)):
                assert hstamp.Stamp.from_bytes(found.stamp.to_bytes()) == found.stamp
            outcomes.add(None)
        except hstamp.FormatError as error:
            assert error.code in CODES
            outcomes.add(error.code)
    assert len(outcomes) > 2


def test_truncated_files():
    rng = random.Random(1)
    for length in {4, 5, len(GOOD) - 1, *(rng.randrange(4, len(GOOD)) for _ in range(200))}:
        try:
            read(GOOD[:length])
        except hstamp.FormatError as error:
            assert error.code == "E_AVRO"
        else:
            # Only a cut between blocks is a whole file, of fewer records.
            assert GOOD[:length].endswith(bytes(range(16)))


def test_container_reports_what_it_is():
    found = Container(io.BytesIO(GOOD))
    assert found.codec == "null"
    assert found.stamp_fields == ()
    records = list(found.records())
    assert [record.number for record in records] == [0, 1, 2]
    assert {record.schema_name for record in records} == {"hstamp.v1.stamp"}
    assert GOOD.endswith(b"".join(record.raw for record in records) + bytes(range(16)))
    ((field, first),) = records[0].stamps
    assert field is None
    assert brute.same_bits(hstamp.Stamp(first).levels, np.asarray(samples.assorted()[0].levels))


def test_records_without_stamps_keep_their_numbers():
    """Some of them in bulk, with fields of one width between the stamps and without."""
    stamp = samples.stamp(2)
    for kind in ("int", "double", {"type": "fixed", "name": "f", "size": 3}, ["null", "string"]):
        schema = {"type": "record", "name": "alert", "fields": [
            {"name": "s", "type": [STAMP, "null"]}, {"name": "x", "type": kind},
            {"name": "t", "type": ["null", "hstamp.v1.stamp"]},
        ]}  # fmt: skip
        value = {"int": 70000, "double": 0.5}.get(kind if isinstance(kind, str) else "", "abc")
        value = b"abc" if isinstance(kind, dict) else value
        rows = [{"s": None, "x": value, "t": None} for _ in range(300)]
        rows[7]["t"] = rows[150]["s"] = rows[299]["t"] = stamp.to_dict()
        found = read(container(schema, rows, sync_interval=2000))
        assert [(f.record, f.field) for f in found] == [(7, "t"), (150, "s"), (299, "t")]
        assert all(f.stamp == stamp for f in found)


def test_a_stamp_behind_empty_records_is_at_fault_at_its_number():
    rows = [{"s": None} for _ in range(50)] + [{"s": samples.stamp(2).to_dict() | {"levels": 9}}]
    schema = {"type": "record", "name": "a", "fields": [{"name": "s", "type": ["null", STAMP]}]}
    data = container(schema, rows)
    with pytest.raises(hstamp.FormatError, match=r"^E_LEVELS: record 50, s: "):
        read(data)
    with pytest.raises(hstamp.FormatError, match=r"^E_AVRO: record 50: "):
        read(header(schema) + block(52, bytes(50)))
    with pytest.raises(hstamp.FormatError, match=r"^E_AVRO: record 50: "):
        read(header(schema) + block(2**63 - 1, bytes(50)))


def test_lengths_beyond_what_a_machine_can_address():
    schema = {"type": "record", "name": "a", "fields": [
        {"name": "x", "type": "string"}, {"name": "y", "type": "double"},
        {"name": "s", "type": ["null", STAMP]},
    ]}  # fmt: skip
    for size in (2**63 - 1, 2**62, 2**31):
        assert code_of(header(schema) + block(1, samples.long(size) + bytes(40))) == "E_AVRO"
        for fields in ([], ["x", "y"]):
            (bad,) = Container(
                io.BytesIO(header(schema) + block(1, samples.long(size) + bytes(40)))
            ).records(fields)
            assert bad.error.code == "E_AVRO"
