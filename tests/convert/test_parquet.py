"""A broker's table gains three columns, and all else comes out as it went in."""

import base64
import datetime
import decimal
import gzip
import json
import math
import random

import numpy as np
import pytest

pa = pytest.importorskip("pyarrow", reason="needs pyarrow (pip install 'hstamp[parquet]')")
pq = pytest.importorskip("pyarrow.parquet", reason="needs pyarrow (hstamp[parquet])")

from convert_samples import lsst_alert, noise, ztf_cutout  # noqa: E402
from parquet_samples import CUTOUTS, chunk_bytes, lsst_table, ztf_table  # noqa: E402

from hstamp import HstampError, Stamp  # noqa: E402
from hstamp.alerts.fields import STAMP_FIELDS  # noqa: E402
from hstamp.container.detect import Kind  # noqa: E402
from hstamp.convert.sources import AlertRecord, BadRecord, open_alerts  # noqa: E402

NEW = list(STAMP_FIELDS.values())


def write(path, table, **options):
    pq.write_table(table, path, **options)
    return path


def stamps_of(path):
    return {name: pq.read_table(path, columns=[name])[name].to_pylist() for name in NEW}


def check_kept(source, out, dropped=()):
    """Every old chunk has its bytes and codec, and the table its rows, types and order."""
    before, after = chunk_bytes(source), chunk_bytes(out)
    assert len(before) == len(after)
    for old, new in zip(before, after, strict=True):
        kept = {path: chunk for path, chunk in old.items() if path.split(".")[0] not in dropped}
        assert {path: new[path] for path in kept} == kept
    old, new = (pq.ParquetFile(path).metadata for path in (source, out))
    assert [old.row_group(i).num_rows for i in range(old.num_row_groups)] == [
        new.row_group(i).num_rows for i in range(new.num_row_groups)
    ]
    assert new.num_rows == old.num_rows
    assert new.created_by == old.created_by


ODD = {
    "nanoseconds": pa.array([1_700_000_000_123_456_789, None, 5], pa.timestamp("ns")),
    "zoned": pa.array([0, None, 1], pa.timestamp("us", tz="America/Santiago")),
    "spans": pa.array([1, None, 3], pa.duration("ns")),
    "exact": pa.array([decimal.Decimal("1.25"), None, decimal.Decimal("-3.50")],
                      pa.decimal128(30, 2)),
    "words": pa.array(["a", "b", "a"]).dictionary_encode(),
    "long_text": pa.array(["x", None, "y"], pa.large_string()),
    "pairs": pa.array([[("a", 1)], None, []], pa.map_(pa.string(), pa.int64())),
    "half": pa.array(np.array([1, 2, 3], np.float16)),
    "fixed": pa.array([b"x" * 16, None, b"y" * 16], pa.binary(16)),
    "times": pa.array([1, None, 2], pa.time64("ns")),
    "lists": pa.array([[{"a": 1, "b": [2, None]}], [], None]),
    "unsigned": pa.array([2**64 - 1, 0, None], pa.uint64()),
    "bad_text": pa.array([b"\xff\xfe", b"", None], pa.binary()).view(pa.string()),
}  # fmt: skip


class TestOldColumns:
    def test_of_every_type(self, tmp_path, convert):
        source = write(tmp_path / "in.parquet", lsst_table(3, **ODD))
        out = tmp_path / "out.parquet"
        assert convert(source, out).ok
        check_kept(source, out)
        old, new = pq.ParquetFile(source).schema_arrow, pq.ParquetFile(out).schema_arrow
        assert new.names == [*old.names, *NEW]
        assert [new.field(name) for name in old.names] == [old.field(name) for name in old.names]
        assert all(new.field(name).type == pa.binary() for name in NEW)
        for blobs in stamps_of(out).values():
            assert [Stamp.from_bytes(blob).n for blob in blobs] == [2, 2, 2]

    @pytest.mark.parametrize("codec", ["none", "snappy", "gzip", "zstd", "brotli", "lz4"])
    def test_codecs(self, tmp_path, convert, codec):
        source = write(tmp_path / "in.parquet", lsst_table(2), compression=codec)
        assert convert(source, tmp_path / "out.parquet").ok
        check_kept(source, tmp_path / "out.parquet")
        (group,) = chunk_bytes(tmp_path / "out.parquet")
        assert {group[name][0] for name in NEW} == {group["cutoutScience"][0]}

    def test_int96_stays_int96(self, tmp_path, convert):
        times = pa.array([datetime.datetime(2026, 2, 2, 15, 28, 49)] * 2)
        source = write(
            tmp_path / "in.parquet", lsst_table(2, brokerTime=times),
            use_deprecated_int96_timestamps=True,
        )  # fmt: skip
        assert convert(source, tmp_path / "out.parquet").ok
        check_kept(source, tmp_path / "out.parquet")
        schema = pq.ParquetFile(tmp_path / "out.parquet").schema
        kinds = {schema.column(i).name: schema.column(i).physical_type for i in range(len(schema))}
        assert kinds["brokerTime"] == "INT96"

    def test_row_groups_and_indexes(self, tmp_path, convert):
        source = write(
            tmp_path / "in.parquet", lsst_table(15), row_group_size=7, write_page_index=True
        )
        assert convert(source, tmp_path / "out.parquet").ok
        check_kept(source, tmp_path / "out.parquet")
        old, new = (pq.ParquetFile(tmp_path / n).metadata for n in ("in.parquet", "out.parquet"))
        for g in range(3):
            for c in range(old.num_columns):
                was, now = old.row_group(g).column(c), new.row_group(g).column(c)
                assert now.has_offset_index == was.has_offset_index
                assert now.has_column_index == was.has_column_index
                assert now.statistics.to_dict() == was.statistics.to_dict()
        table = pq.read_table(tmp_path / "out.parquet", filters=[("diaSourceId", "==", 170012)])
        assert table["diaSourceId"].to_pylist() == [170012]

    def test_page_indexes_name_the_places_of_their_pages(self, tmp_path, convert):
        """In the bytes that no field of the old footer names: the first page is at its place."""
        source = write(
            tmp_path / "in.parquet", lsst_table(2), write_page_index=True, use_dictionary=False
        )
        assert convert(source, tmp_path / "out.parquet", drop_cutouts=True).ok
        data = (tmp_path / "out.parquet").read_bytes()
        chunk = pq.ParquetFile(tmp_path / "out.parquet").metadata.row_group(0).column(0)
        number, place = 2 * chunk.data_page_offset, b""
        while number > 127:
            place, number = place + bytes([number & 127 | 128]), number >> 7
        place += bytes([number])
        # OffsetIndex: field 1, a list of one struct, whose field 1 is the page's offset.
        assert data.count(b"\x19\x1c\x16" + place) == 1

    def test_pages_of_many_kinds(self, tmp_path, convert):
        source = write(
            tmp_path / "in.parquet", lsst_table(30), data_page_version="2.0",
            data_page_size=1000, dictionary_pagesize_limit=2000, compression="zstd",
        )  # fmt: skip
        assert convert(source, tmp_path / "out.parquet").ok
        check_kept(source, tmp_path / "out.parquet")
        ids = [Stamp.from_bytes(b).id for b in stamps_of(tmp_path / "out.parquet")["hstampScience"]]
        assert ids == [f"{170000 + i}/science" for i in range(30)]

    def test_no_rows(self, tmp_path, convert):
        for count, name in ((0, "a"), (1, "b")):
            empty = lsst_table(1).slice(0, count)
            source = write(tmp_path / f"{name}.parquet", empty)
            assert convert(source, tmp_path / f"{name}.out").ok
            table = pq.read_table(tmp_path / f"{name}.out")
            assert (table.num_rows, table.schema.names) == (count, [*empty.schema.names, *NEW])

    def test_damage_in_a_column_that_nobody_needs_stays_there(self, tmp_path, convert):
        source = write(
            tmp_path / "in.parquet", lsst_table(3, other=pa.array(["some text", "and", "more"])),
            compression="none",
        )  # fmt: skip
        data = source.read_bytes()
        at = data.index(b"some text")
        source.write_bytes(data[: at - 4] + b"\xff\xff\xff\x7f" + data[at:])
        assert convert(source, tmp_path / "out.parquet").ok
        check_kept(source, tmp_path / "out.parquet")


class TestKeys:
    def keys(self, tmp_path, convert, keys):
        table = lsst_table(1)
        source = write(tmp_path / "in.parquet", table.replace_schema_metadata(keys))
        assert convert(source, tmp_path / "out.parquet").ok
        return pq.read_metadata(tmp_path / "out.parquet").metadata

    def test_others_are_kept(self, tmp_path, convert):
        found = self.keys(tmp_path, convert, {"mine": "é\x00", "empty": ""})
        assert found[b"mine"] == "é\x00".encode()
        assert found[b"empty"] == b""

    def test_spark(self, tmp_path, convert):
        old = {"name": "diaSourceId", "type": "long", "nullable": True, "metadata": {"a": "é"}}
        key = "org.apache.spark.sql.parquet.row.metadata"
        found = self.keys(tmp_path, convert, {key: json.dumps({"type": "struct", "fields": [old]})})
        new = [{"name": n, "type": "binary", "nullable": True, "metadata": {}} for n in NEW]
        assert json.loads(found[key.encode()]) == {"type": "struct", "fields": [old, *new]}

    def test_a_spark_key_that_is_none_is_left_out(self, tmp_path, convert):
        key = "org.apache.spark.sql.parquet.row.metadata"
        assert key.encode() not in self.keys(tmp_path, convert, {key: "not JSON"})

    def test_pandas_and_avro(self, tmp_path, convert):
        keys = {
            "pandas": json.dumps({"columns": [{"name": "diaSourceId"}], "index_columns": ["i"]}),
            "parquet.avro.schema": json.dumps({"type": "record", "name": "a", "fields": []}),
        }
        found = self.keys(tmp_path, convert, keys)
        pandas = json.loads(found[b"pandas"])
        assert [c["name"] for c in pandas["columns"]] == ["diaSourceId", *NEW]
        assert pandas["index_columns"] == ["i"]
        avro = json.loads(found[b"parquet.avro.schema"])
        assert [(f["name"], f["type"]) for f in avro["fields"]] == [
            (name, ["null", "bytes"]) for name in NEW
        ]

    def test_arrow(self, tmp_path, convert):
        found = self.keys(tmp_path, convert, None)
        schema = pa.ipc.read_schema(pa.py_buffer(base64.b64decode(found[b"ARROW:schema"])))
        assert schema.names[-3:] == NEW


class TestForms:
    def test_ztf_as_fink_keeps_it(self, tmp_path, convert):
        names = pa.array([b"\xff.fits", b"x.fits"]).view(pa.string())
        table = ztf_table(2)
        for name in CUTOUTS:
            data = table[name].combine_chunks()
            parts = [names, data.field("stampData"), pa.array([1, 2], pa.int32())]
            struct = pa.StructArray.from_arrays(parts, ["fileName", "stampData", "stampId"])
            table = table.set_column(table.schema.get_field_index(name), name, struct)
        source = write(tmp_path / "in.parquet", table)
        report = convert(source, tmp_path / "out.parquet")
        assert report.ok
        assert report.stamps == {3: 6}
        check_kept(source, tmp_path / "out.parquet")
        stamps = stamps_of(tmp_path / "out.parquet")
        assert Stamp.from_bytes(stamps["hstampTemplate"][1]).id == "1/template"

    def test_packets_of_ztf_form(self, tmp_path, convert):
        table = ztf_table(1)
        table = table.set_column(1, "objectId", pa.array(["WNTR24aabcd"]))
        report = convert(write(tmp_path / "in.parquet", table), tmp_path / "out.parquet")
        (problem,) = report.problems
        assert "WNTR24aabcd" in str(problem)

    @pytest.mark.parametrize("nested", [False, True])
    def test_dropped_cutouts(self, tmp_path, convert, nested):
        if nested:
            table = ztf_table(3, flag=pa.array([1, 2, 3]))
            bad = [None, {"fileName": "b", "stampData": b"not FITS", "stampId": 7}, None]
            column = table["cutoutScience"].to_pylist()
        else:
            table = lsst_table(3, flag=pa.array([1, 2, 3]))
            bad = [None, b"not FITS", None]
            column = table["cutoutScience"].to_pylist()
        mixed = [b or c for b, c in zip(bad, column, strict=True)]
        index = table.schema.get_field_index("cutoutScience")
        kind = table.schema.field("cutoutScience").type
        table = table.set_column(index, "cutoutScience", pa.array(mixed, kind))
        source, out = write(tmp_path / "in.parquet", table), tmp_path / "out.parquet"
        report = convert(source, out, drop_cutouts=True)
        assert len(report.problems) == 1
        check_kept(source, out, dropped=CUTOUTS)
        after = pq.read_table(out)
        assert after.schema.names == [*table.schema.names, *NEW]
        assert after.schema.field("cutoutScience").type == kind
        assert after["cutoutScience"].to_pylist() == bad
        assert after["cutoutTemplate"].null_count == 3
        assert after["flag"].to_pylist() == [1, 2, 3]
        assert after["hstampScience"].null_count == 1
        assert out.stat().st_size < source.stat().st_size / 4

    def test_cutouts_that_cannot_be_null(self, tmp_path, convert):
        table = lsst_table(1)
        fields = [f.with_nullable(f.name != "cutoutScience") for f in table.schema]
        source = write(tmp_path / "in.parquet", table.cast(pa.schema(fields)))
        report = convert(source, tmp_path / "out.parquet", drop_cutouts=True)
        (problem,) = report.problems
        assert "not nullable" in str(problem)
        assert convert(source, tmp_path / "kept.parquet").ok

    def test_stamps_are_filled_again(self, tmp_path, convert):
        one = write(tmp_path / "in.parquet", lsst_table(2))
        convert(one, tmp_path / "once.parquet")
        table = pq.read_table(tmp_path / "once.parquet")
        changed = table.set_column(
            table.schema.get_field_index("cutoutScience"), "cutoutScience",
            pa.array([None, table["cutoutScience"][1].as_py()], pa.binary()),
        )  # fmt: skip
        source = write(tmp_path / "again.parquet", changed)
        assert convert(source, tmp_path / "twice.parquet").ok
        check_kept(source, tmp_path / "twice.parquet", dropped=NEW)
        assert pq.read_table(tmp_path / "twice.parquet").equals(changed)

    def test_a_column_of_that_name_that_holds_no_stamps(self, tmp_path, convert):
        source = write(tmp_path / "in.parquet", lsst_table(1, hstampScience=pa.array([5])))
        report = convert(source, tmp_path / "out.parquet")
        assert [p.code for p in report.problems] == ["E_SCHEMA"]
        assert not (tmp_path / "out.parquet").exists()

    def test_several_tables_become_one(self, tmp_path, convert):
        parts = [
            write(tmp_path / f"{i}.parquet", lsst_table(2, n=pa.array([i, i]))) for i in (1, 2)
        ]
        assert convert(parts, tmp_path / "out.parquet").ok
        assert pq.read_table(tmp_path / "out.parquet")["n"].to_pylist() == [1, 1, 2, 2]
        other = write(tmp_path / "3.parquet", lsst_table(2, m=pa.array([3, 3])))
        report = convert([parts[0], other], tmp_path / "two.parquet")
        assert [p.code for p in report.problems] == ["E_SCHEMA"]
        assert pq.read_table(tmp_path / "two.parquet").num_rows == 2

    def test_gzipped_as_a_whole(self, tmp_path, convert):
        source = write(tmp_path / "in.parquet", lsst_table(2))
        packed = tmp_path / "in.parquet.gz"
        packed.write_bytes(gzip.compress(source.read_bytes()))
        assert convert(packed, tmp_path / "out.parquet").ok
        check_kept(source, tmp_path / "out.parquet")

    def test_only_the_fields_of_a_path_are_read(self, tmp_path):
        source = write(tmp_path / "in.parquet", ztf_table(1))
        paths = ("candid.deeper", "candidate.ra", "cutoutScience.stampId", "nowhere", "candidate.x")
        with open_alerts(source, Kind.PARQUET, fields=paths) as opened:
            (batch,) = opened.batches()
        (item,) = batch.records
        assert item.record == {
            "candid": 0, "candidate": {"ra": 150.0}, "cutoutScience": {"stampId": None}
        }  # fmt: skip


class TestFaults:
    def damaged(self, tmp_path, group):
        """Three row groups, one with a science cutout whose page does not decompress."""
        source = write(
            tmp_path / "in.parquet", lsst_table(6), row_group_size=2, compression="snappy"
        )
        chunk = pq.ParquetFile(source).metadata.row_group(group).column(5)
        assert chunk.path_in_schema == "cutoutDifference"
        data = bytearray(source.read_bytes())
        data[chunk.data_page_offset + 40 : chunk.data_page_offset + 400] = b"\xff" * 360
        source.write_bytes(data)
        return source

    @pytest.mark.parametrize("group", [0, 1, 2])
    def test_a_damaged_row_group_costs_itself(self, tmp_path, convert, group):
        source = self.damaged(tmp_path, group)
        report = convert(source, tmp_path / "out.parquet")
        assert [(p.record, p.code) for p in report.problems] == [(2 * group, "E_AVRO")]
        ids = pq.read_table(tmp_path / "out.parquet")["diaSourceId"].to_pylist()
        assert ids == [170000 + i for i in range(6) if i // 2 != group]
        assert report.alerts_out == 4

    def test_one_value_that_cannot_be_read_costs_its_row(self, tmp_path, convert):
        rows = [lsst_alert(i) for i in range(3)]
        bands = pa.array([b"r", b"\xff", b"g"], pa.binary()).view(pa.string())
        table = lsst_table(alerts=rows)
        source_field = pa.StructArray.from_arrays(
            [pa.array([r["diaSource"][k] for r in rows]) for k in ("diaSourceId", "ra", "dec")]
            + [bands],
            ["diaSourceId", "ra", "dec", "band"],
        )
        table = table.set_column(1, "diaSource", source_field)
        source, out = write(tmp_path / "in.parquet", table), tmp_path / "out.parquet"
        report = convert(source, out)
        assert [(p.record, p.code) for p in report.problems] == [(1, "E_AVRO")]
        check_kept(source, out)
        assert [b is None for b in stamps_of(out)["hstampScience"]] == [False, True, False]

    def test_cutouts_that_are_lists(self, tmp_path, convert):
        lists = pa.array([[1, 2, 3]], pa.list_(pa.uint8()))
        table = lsst_table(1)
        table = table.set_column(
            table.schema.get_field_index("cutoutScience"), "cutoutScience", lists
        )
        report = convert(write(tmp_path / "in.parquet", table), tmp_path / "out.parquet")
        (problem,) = report.problems
        assert "cutoutScience is list, not bytes" in str(problem)
        assert report.stamps == {2: 2}

    @pytest.mark.parametrize("keep", [4, 8, 100, -1, -9])
    def test_what_is_no_whole_file(self, tmp_path, convert, keep):
        source = write(tmp_path / "in.parquet", lsst_table(1))
        source.write_bytes(source.read_bytes()[:keep])
        report = convert(source, tmp_path / "out.parquet")
        assert [p.code for p in report.problems] == ["E_AVRO"]
        assert not (tmp_path / "out.parquet").exists()

    def test_encrypted(self, tmp_path, convert):
        source = write(tmp_path / "in.parquet", lsst_table(1))
        source.write_bytes(source.read_bytes()[:-4] + b"PARE")
        report = convert(source, tmp_path / "out.parquet")
        assert [p.code for p in report.problems] == ["E_CODEC"]
        assert "encrypted" in str(report.problems[0])

    def test_rows_and_bytes_beyond_any_table(self, tmp_path, convert):
        nulls = pa.nulls(10**6, pa.binary())
        table = pa.table({"diaSource": pa.nulls(10**6, pa.struct([("ra", pa.float64())])),
                          **dict.fromkeys(CUTOUTS, nulls)})  # fmt: skip
        report = convert(write(tmp_path / "rows.parquet", table), tmp_path / "out.parquet")
        assert [p.code for p in report.problems] == ["E_LIMIT"]
        tiny = pa.table(
            {"diaSource": pa.nulls(3000, pa.int8()), **dict.fromkeys(CUTOUTS, nulls[:3000])}
        )
        source = write(tmp_path / "groups.parquet", tiny, row_group_size=1)
        groups = convert(source, tmp_path / "groups-out.parquet")
        assert source.stat().st_size > 3000 * 100
        # Some writers spend more than a kilobyte on a group of one row.
        if source.stat().st_size < (3000 - 1024) * 1024:
            assert [p.code for p in groups.problems] == ["E_LIMIT"]
        big = lsst_table(alerts=[{**lsst_alert(0), "cutoutScience": bytes(8 * 10**7)}])
        source = write(tmp_path / "bytes.parquet", big, compression="zstd")
        assert source.stat().st_size < 10**6
        report = convert(source, tmp_path / "out.parquet")
        assert [p.code for p in report.problems] == ["E_LIMIT"]

    def test_a_value_that_many_rows_share(self, tmp_path, convert):
        rows = [{**lsst_alert(0), "cutoutScience": bytes(2 * 10**6)}] * 64
        source = write(tmp_path / "in.parquet", lsst_table(alerts=rows), compression="zstd")
        report = convert(source, tmp_path / "out.parquet")
        assert [p.code for p in report.problems if p.field is None] == ["E_LIMIT"]

    def test_no_damage_ends_in_another_exception(self, tmp_path):
        """Bytes changed anywhere, most of all in the footer: errors of the tree, or records."""
        source = write(tmp_path / "in.parquet", lsst_table(2), write_page_index=True)
        whole, rng = source.read_bytes(), random.Random(5)
        length = int.from_bytes(whole[-8:-4], "little")
        for _ in range(300):
            data = bytearray(whole)
            low = len(data) - 8 - length if rng.random() < 0.8 else 4
            for _ in range(rng.choice((1, 1, 3))):
                data[rng.randrange(low, len(data) - 4)] = rng.randrange(256)
            source.write_bytes(data)
            try:
                with open_alerts(source, Kind.PARQUET) as opened:
                    for batch in opened.batches():
                        assert all(isinstance(r, AlertRecord | BadRecord) for r in batch.records)
            except HstampError:
                pass


def test_ztf_sources_of_a_table_are_where_those_of_packets_are(tmp_path, convert):
    image = noise(63)
    source = write(tmp_path / "in.parquet", ztf_table(1, {"cutoutScience": ztf_cutout(image)}))
    convert(source, tmp_path / "out.parquet")
    stamp = Stamp.from_bytes(stamps_of(tmp_path / "out.parquet")["hstampScience"][0])
    # xpos 1000.3, ypos 200.8: nearest pixel 201, so the source is at (31.3, 30.8).
    assert stamp.dx == pytest.approx(31.3 - math.floor(31.3) - 0.5, abs=1e-5)
    assert stamp.dy == pytest.approx(30.8 - math.floor(30.8) - 0.5, abs=1e-5)
