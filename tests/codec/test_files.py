"""One reader for files of every form, from Python and from the command line."""

import contextlib
import gzip
import io
import json
import os
import re
from importlib.util import find_spec

import fastavro
import pytest
import samples

import hstamp
from hstamp.cli import main
from hstamp.conformance import load_suite
from hstamp.files import Fault, Found

OPTIONAL = {"container-snappy": "cramjam", "container-zstandard": "backports"}
"""Codecs that a reader need not know [CO-4], and what this one reads them with."""
VECTORS = [v for v in load_suite().vectors if v.id not in OPTIONAL or find_spec(OPTIONAL[v.id])]


def test_every_vector_has_one_verdict_in_python():
    got = {}
    for vector in VECTORS:
        try:
            got[vector.id] = len(list(hstamp.read_stamps(io.BytesIO(vector.data()))))
        except hstamp.FormatError as error:
            got[vector.id] = error.code
    expected = {v.id: v.error or len(v.expected()) for v in VECTORS}
    assert {k: v for k, v in got.items() if v != expected[k]} == {}


def test_every_vector_has_the_same_verdict_by_command():
    """One call for all files: a fault costs its file, and its first code is that of the vector."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = main(["validate", *(str(vector.path) for vector in VECTORS)])
    assert status == 1
    first = {}
    for line in err.getvalue().splitlines():
        path, code = re.match(r"(.+?)(?:, record [^:]*)?: (E_[A-Z]+): ", line).groups()
        first.setdefault(path, code)
    assert first == {str(v.path): v.error for v in VECTORS if v.error}
    # Stamps before a fault are counted too, so those of valid files are the fewest.
    valid = int(re.search(r"(\d+) valid stamps", out.getvalue())[1])
    assert valid >= sum(len(v.expected()) for v in VECTORS)


def stamps_file(path, count=3):
    stamps = [samples.stamp(2, seed=i, id=f"s{i}") for i in range(count)]
    hstamp.write_stamps(path, stamps)
    return path, stamps


def test_gzip_of_one_member_and_of_many(tmp_path):
    path, stamps = stamps_file(tmp_path / "s.avro")
    data = path.read_bytes()
    for cut in (1, 100, len(data) // 2, len(data)):
        members = gzip.compress(data[:cut]) + gzip.compress(data[cut:]) + gzip.compress(b"")
        for tail in (b"", bytes(700), b"junk"):
            found = hstamp.read_stamps(io.BytesIO(members + tail))
            assert [item.stamp for item in found] == stamps


def test_padding_between_members_is_passed_over(tmp_path):
    path, stamps = stamps_file(tmp_path / "s.avro")
    data = path.read_bytes()
    padded = gzip.compress(data[:50]) + bytes(70000) + gzip.compress(data[50:])
    assert [item.stamp for item in hstamp.read_stamps(io.BytesIO(padded))] == stamps


def test_a_damaged_second_member_is_no_end(tmp_path):
    path, _ = stamps_file(tmp_path / "s.avro")
    data = path.read_bytes()
    second = gzip.compress(data[100:])
    for broken in (second[:-4], second[:20] + b"\xff\xff" + second[22:]):
        with pytest.raises(hstamp.FormatError, match="E_MAGIC"):
            list(hstamp.read_stamps(io.BytesIO(gzip.compress(data[:100]) + broken)))


def test_gzip_inside_gzip_is_refused(tmp_path):
    path, _ = stamps_file(tmp_path / "s.avro")
    twice = gzip.compress(gzip.compress(path.read_bytes()))
    with pytest.raises(hstamp.FormatError, match=r"E_MAGIC.*gzip file inside a gzip file"):
        list(hstamp.read_stamps(io.BytesIO(twice)))


def test_gzip_that_grows_beyond_its_ceiling(tmp_path, monkeypatch):
    from hstamp.container import gunzip

    monkeypatch.setattr(gunzip, "_FREE", 2**20)
    monkeypatch.setattr(gunzip, "_RATIO", 10)
    bomb = gzip.compress(b"Obj\x01" + bytes(2**22))
    with pytest.raises(hstamp.FormatError, match="E_LIMIT"):
        list(hstamp.read_stamps(io.BytesIO(bomb)))


def test_blobs_and_gzipped_blobs(tmp_path):
    stamp = samples.stamp(3)
    for data in (stamp.to_bytes(), gzip.compress(stamp.to_bytes())):
        (tmp_path / "one").write_bytes(data)
        (found,) = hstamp.read_stamps(tmp_path / "one")
        assert (found.record, found.field, found.stamp) == (0, None, stamp)
        assert found.place == f"{tmp_path / 'one'}, record 0"


def test_parquet_columns_of_blobs(tmp_path):
    pyarrow = pytest.importorskip("pyarrow", reason="Parquet is read by pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    stamps = [samples.stamp(2, seed=i) for i in range(3)]
    table = pyarrow.table({
        "diaSourceId": [1, 2, 3],
        "hstampScience": [stamps[0].to_bytes(), None, b"no stamp"],
        "hstampTemplate": [None, stamps[1].to_bytes(), stamps[2].to_bytes()],
    })  # fmt: skip
    path = tmp_path / "t.parquet"
    parquet.write_table(table, path)
    expected = [
        (0, "hstampScience", stamps[0]),
        (1, "hstampTemplate", stamps[1]),
        (2, "hstampScience", "E_MAGIC"),
        (2, "hstampTemplate", stamps[2]),
    ]
    packed = io.BytesIO(gzip.compress(path.read_bytes()))
    for source in (path, io.BytesIO(path.read_bytes()), packed):
        got = [
            (i.record, i.field, i.stamp if isinstance(i, Found) else i.error.code)
            for i in hstamp.read_stamps(source, errors="collect")
        ]
        assert got == expected


def test_wire_messages_with_a_schema_and_without(tmp_path):
    schema = {"type": "record", "name": "alert", "fields": [
        {"name": "id", "type": "long"},
        {"name": "hstampScience", "type": ["null", hstamp.STAMP_SCHEMA]}]}  # fmt: skip
    (tmp_path / "a.avsc").write_text(json.dumps(schema))
    stamp, out = samples.stamp(2), io.BytesIO()
    fastavro.schemaless_writer(
        out, fastavro.parse_schema(schema), {"id": 7, "hstampScience": stamp.to_dict()}
    )
    message = b"\x00" + (987_654).to_bytes(4, "big") + out.getvalue()
    (tmp_path / "m").write_bytes(message)
    (found,) = hstamp.read_stamps(tmp_path / "m", schema_file=tmp_path / "a.avsc")
    assert (found.field, found.stamp) == ("hstampScience", stamp)
    with pytest.raises(hstamp.FormatError, match="E_MAGIC"):
        list(hstamp.read_stamps(tmp_path / "m"))
    with pytest.raises(hstamp.FormatError, match="E_TRAILING"):
        list(hstamp.read_stamps(io.BytesIO(message + b"\0"), schema_file=tmp_path / "a.avsc"))


def test_a_folder_is_its_files(tmp_path):
    _, stamps = stamps_file(tmp_path / "b.avro", 2)
    (tmp_path / "a").mkdir()
    (tmp_path / "a/one").write_bytes(stamps[1].to_bytes())
    for name in ("_SUCCESS", ".b.avro.crc", "b.avro.crc", ".hidden"):
        (tmp_path / name).write_bytes(b"no stamp")
    (tmp_path / "_temporary").mkdir()
    (tmp_path / "_temporary/x").write_bytes(b"no stamp")
    os.mkfifo(tmp_path / "pipe")
    found = [(i.path.name, i.record, i.stamp) for i in hstamp.read_stamps(tmp_path)]
    assert found == [("one", 0, stamps[1]), ("b.avro", 0, stamps[0]), ("b.avro", 1, stamps[1])]


def test_faults_are_collected_and_the_rest_goes_on(tmp_path):
    good, bad = samples.stamp(2), samples.stamp(2).to_dict() | {"levels": 9}
    with open(tmp_path / "b", "wb") as stream:
        schema = fastavro.parse_schema(hstamp.STAMP_SCHEMA)
        rows = [good.to_dict(), bad, good.to_dict()]
        fastavro.writer(stream, schema, rows, sync_interval=1)
    (tmp_path / "a").write_text("no stamp")
    (tmp_path / "c").write_bytes(good.to_bytes())
    items = list(hstamp.read_stamps(tmp_path, errors="collect"))
    got = [i.error.code if isinstance(i, Fault) else i.record for i in items]
    assert got == ["E_MAGIC", 0, "E_LEVELS", 2, 0]
    assert items[2].place == f"{tmp_path / 'b'}, record 1"
    with pytest.raises(hstamp.FormatError, match="E_MAGIC"):
        list(hstamp.read_stamps(tmp_path))
    (gone,) = hstamp.read_stamps(tmp_path / "gone", errors="collect")
    assert (gone.error.code, gone.record) == ("E_INPUT", None)
    with pytest.raises(FileNotFoundError):
        list(hstamp.read_stamps(tmp_path / "gone"))
    with pytest.raises(hstamp.InputError, match="collect"):
        list(hstamp.read_stamps(tmp_path, errors="ignore"))


def test_a_damaged_block_costs_itself(tmp_path):
    """Records of the other blocks keep their numbers."""
    data = io.BytesIO()
    stamps = [samples.stamp(2, seed=i) for i in range(4)]
    marker = bytes(range(16))
    fastavro.writer(data, fastavro.parse_schema(hstamp.STAMP_SCHEMA),
                    [s.to_dict() for s in stamps], sync_interval=1, sync_marker=marker)  # fmt: skip
    raw = bytearray(data.getvalue())
    second = raw.index(stamps[1].to_bytes()[10:])
    raw[second + 2 : second + 4] = b"\x09\x09"  # a negative union index where the id stands
    items = list(hstamp.read_stamps(io.BytesIO(bytes(raw)), errors="collect"))
    assert [(type(i).__name__, i.record) for i in items] == [
        ("Found", 0), ("Fault", 1), ("Found", 2), ("Found", 3)
    ]  # fmt: skip
    assert items[1].error.code == "E_AVRO"


@pytest.mark.parametrize("fault", [ZeroDivisionError("boom"), RecursionError("deep")])
def test_any_exception_costs_its_stamp(fault, monkeypatch, tmp_path):
    path, stamps = stamps_file(tmp_path / "s.avro")
    from hstamp import files

    def faulty(record):
        if record.id == "s1":
            raise fault
        return hstamp.Stamp(record)

    monkeypatch.setattr(files, "Stamp", faulty)
    items = list(hstamp.read_stamps(path, errors="collect"))
    assert [i.stamp for i in items if isinstance(i, Found)] == [stamps[0], stamps[2]]
    assert items[1].error.code == "E_INPUT"
    assert type(fault).__name__ in items[1].error.reason
