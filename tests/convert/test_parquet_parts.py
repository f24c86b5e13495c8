"""Rows of tables in the folders of their partitions, as pyarrow's data sets read them."""

import json

import pytest

pa = pytest.importorskip("pyarrow", reason="needs pyarrow (pip install 'hstamp[parquet]')")
pq = pytest.importorskip("pyarrow.parquet", reason="needs pyarrow (hstamp[parquet])")
ds = pytest.importorskip("pyarrow.dataset", reason="needs pyarrow (hstamp[parquet])")

from convert_samples import lsst_alert  # noqa: E402
from parquet_samples import CUTOUTS, lsst_table, ztf_table  # noqa: E402
from test_parquet import NEW, ODD  # noqa: E402

from hstamp import Stamp  # noqa: E402
from hstamp.cli import main  # noqa: E402
from hstamp.convert import dataset, parquet_parts  # noqa: E402

BANDS = ["r", "g", None, "r", "a/b", "r"]


def alerts(bands):
    out = []
    for number, band in enumerate(bands):
        source = {"diaSourceId": 170000 + number, "ra": 150.0, "dec": 2.0, "band": band}
        out.append(lsst_alert(number, diaSource=source))
    return out


def banded(bands, **columns):
    return lsst_table(alerts=alerts(bands), **columns)


def read(folder):
    table = ds.dataset(folder, format="parquet", partitioning="hive").to_table()
    return table.sort_by("diaSourceId")


def test_pyarrow_reads_the_rows_with_the_values_of_their_folders(tmp_path, convert):
    pq.write_table(banded(BANDS), tmp_path / "in.parquet", row_group_size=4)
    report = convert(tmp_path / "in.parquet", tmp_path / "out", partition=("diaSource.band",))
    assert report.ok
    assert report.alerts_out == 6
    table = read(tmp_path / "out")
    assert table["band"].to_pylist() == BANDS
    old = pq.read_table(tmp_path / "in.parquet")
    assert table.select(old.schema.names).cast(old.schema).equals(old)
    # Stamps are those of the same rows in one file.
    convert(tmp_path / "in.parquet", tmp_path / "whole.parquet")
    assert table.select(NEW).equals(pq.read_table(tmp_path / "whole.parquet", columns=NEW))
    assert all(Stamp.from_bytes(blob).n == 2 for blob in table[NEW[0]].to_pylist())
    assert main(["validate", str(tmp_path / "out")]) == 0
    assert sorted(p.name for p in (tmp_path / "out").iterdir())[1:] == [
        "band=__HIVE_DEFAULT_PARTITION__", "band=a%2Fb", "band=g", "band=r",
    ]  # fmt: skip


def test_columns_of_every_type_keep_their_values(tmp_path, convert):
    pq.write_table(banded(["r", "g", "r"], **ODD), tmp_path / "in.parquet")
    assert convert(tmp_path / "in.parquet", tmp_path / "out", partition=("diaSource.band",)).ok
    old = pq.read_table(tmp_path / "in.parquet")
    for band, rows in (("r", [0, 2]), ("g", [1])):
        new = pq.ParquetFile(tmp_path / "out" / f"band={band}" / "part-0.parquet").read()
        assert new.schema.names == [*old.schema.names, *NEW]
        for name in old.schema.names:
            assert new[name].type == old[name].type
            expected = old[name].combine_chunks().take(pa.array(rows))
            assert new[name].combine_chunks().equals(expected), name


def test_a_column_of_the_table_is_in_the_folders_alone(tmp_path, convert):
    table = banded(["r", "g", "r"], night=pa.array([1, 2, None], pa.int64()))
    pq.write_table(table, tmp_path / "in.parquet")
    assert convert(tmp_path / "in.parquet", tmp_path / "out", partition=("night",)).ok
    file = tmp_path / "out" / "night=1" / "part-0.parquet"
    assert "night" not in pq.ParquetFile(file).schema_arrow.names
    assert read(tmp_path / "out")["night"].to_pylist() == [1, 2, None]
    # Where a folder would be taken for another column it is refused.
    table = banded(["r"], band=["g"])
    pq.write_table(table, tmp_path / "both.parquet")
    report = convert(tmp_path / "both.parquet", tmp_path / "both", partition=("diaSource.band",))
    assert [p.code for p in report.problems] == ["E_SCHEMA"]


def test_old_stamps_stay_and_cutouts_are_dropped_where_there_is_a_stamp(tmp_path, convert):
    table = banded(["r", "g"])
    science = [b"no FITS", table["cutoutScience"][1].as_py()]
    old = Stamp.from_bytes(_stamp(tmp_path, convert, table)).to_bytes()
    table = table.set_column(
        table.schema.get_field_index("cutoutScience"), "cutoutScience", pa.array(science)
    ).append_column("hstampScience", pa.array([old, None], pa.binary()))
    pq.write_table(table, tmp_path / "in.parquet")
    report = convert(
        tmp_path / "in.parquet", tmp_path / "out", partition=("diaSource.band",), drop_cutouts=True
    )
    assert [(p.record, p.field) for p in report.problems] == [(0, "cutoutScience")]
    found = read(tmp_path / "out").to_pylist()
    assert (found[0]["hstampScience"], found[0]["cutoutScience"]) == (old, b"no FITS")
    assert found[1]["hstampScience"] is not None
    assert [found[1][name] for name in CUTOUTS] == [None] * 3


def _stamp(tmp_path, convert, table):
    pq.write_table(table, tmp_path / "x.parquet")
    convert(tmp_path / "x.parquet", tmp_path / "y.parquet")
    return pq.read_table(tmp_path / "y.parquet")["hstampScience"][0].as_py()


def test_nested_cutouts_and_numbers(tmp_path, convert):
    pq.write_table(ztf_table(3), tmp_path / "in.parquet")
    assert convert(tmp_path / "in.parquet", tmp_path / "out", partition=("candidate.fid",)).ok
    table = ds.dataset(tmp_path / "out", format="parquet", partitioning="hive").to_table()
    assert table["fid"].to_pylist() == [2, 2, 2]
    assert table.sort_by("candid")["cutoutScience"].to_pylist() == (
        pq.read_table(tmp_path / "in.parquet")["cutoutScience"].to_pylist()
    )


def test_many_rows_in_many_groups_with_bounded_memory(tmp_path, convert, monkeypatch):
    monkeypatch.setattr(parquet_parts, "_GROUP", 2**16)
    bands = ["rgi"[n % 3] for n in range(150)]
    pq.write_table(banded(bands), tmp_path / "in.parquet", row_group_size=70)
    assert convert(tmp_path / "in.parquet", tmp_path / "out", partition=("diaSource.band",)).ok
    table = read(tmp_path / "out")
    assert table["diaSourceId"].to_pylist() == [170000 + n for n in range(150)]
    assert table["band"].to_pylist() == bands
    file = pq.ParquetFile(tmp_path / "out" / "band=r" / "part-0.parquet")
    assert file.metadata.num_row_groups > 1
    assert file.read()["diaSourceId"].to_pylist() == [170000 + n for n in range(0, 150, 3)]


def test_a_row_without_a_folder_costs_itself(tmp_path, convert, monkeypatch):
    monkeypatch.setattr(dataset, "_MOST_FILES", 2)
    pq.write_table(banded(["r", "x" * 300, "g", "i", "r"]), tmp_path / "in.parquet")
    report = convert(tmp_path / "in.parquet", tmp_path / "out", partition=("diaSource.band",))
    assert [(p.record, p.code) for p in report.problems] == [(1, "E_INPUT"), (3, "E_LIMIT")]
    assert read(tmp_path / "out")["diaSourceId"].to_pylist() == [170000, 170002, 170004]


@pytest.mark.parametrize(
    "column", ["diaSource", "cutoutScience", "when", "lists", "nothing", "diaSource.nothing"]
)
def test_columns_that_name_no_folder_are_refused(tmp_path, convert, column):
    table = banded(["r"], when=pa.array([1], pa.timestamp("us")), lists=[[1]])
    pq.write_table(table, tmp_path / "in.parquet")
    report = convert(tmp_path / "in.parquet", tmp_path / "out", partition=(column,))
    assert [p.code for p in report.problems] == ["E_SCHEMA"]
    assert not (tmp_path / "out").exists()


def test_dates_and_truth_values_name_folders(tmp_path, convert):
    import datetime

    table = banded(["r", "r"], day=[datetime.date(2026, 1, 2), None], ok=[True, False])
    pq.write_table(table, tmp_path / "in.parquet")
    assert convert(tmp_path / "in.parquet", tmp_path / "out", partition=("day", "ok")).ok
    assert sorted(p.parent.relative_to(tmp_path / "out").as_posix()
                  for p in (tmp_path / "out").rglob("*.parquet")) == [
        "day=2026-01-02/ok=true", "day=__HIVE_DEFAULT_PARTITION__/ok=false",
    ]  # fmt: skip


def test_a_damaged_row_group_costs_its_rows(tmp_path, convert):
    source = tmp_path / "in.parquet"
    extra = pa.array([bytes([n]) * 400 for n in range(6)], pa.binary())
    pq.write_table(banded(BANDS, extra=extra), source, row_group_size=3, compression="gzip",
                   use_dictionary=False)  # fmt: skip
    chunk = pq.ParquetFile(source).metadata.row_group(0)
    place = next(chunk.column(i) for i in range(chunk.num_columns)
                 if chunk.column(i).path_in_schema == "extra")  # fmt: skip
    data = bytearray(source.read_bytes())
    start = place.data_page_offset
    data[start + 30 : start + place.total_compressed_size] = bytes(place.total_compressed_size - 30)
    source.write_bytes(data)
    report = convert(source, tmp_path / "out", partition=("diaSource.band",))
    assert {p.code for p in report.problems} == {"E_AVRO"}
    assert {p.record for p in report.problems} == {0, 1, 2}
    assert read(tmp_path / "out")["diaSourceId"].to_pylist() == [170003, 170004, 170005]


def test_tables_and_containers_by_schema(tmp_path, convert):
    from convert_samples import LSST_SCHEMA, write_ocf

    folder = tmp_path / "in"
    folder.mkdir()
    pq.write_table(lsst_table(2), folder / "1.parquet")
    pq.write_table(ztf_table(2), folder / "2.parquet")
    write_ocf(folder / "3.avro", LSST_SCHEMA, alerts(["r"]))
    pq.write_table(lsst_table(1), folder / "4.parquet")
    report = convert(folder, tmp_path / "out", by_schema=True)
    assert report.ok
    out = tmp_path / "out"
    assert {p.name: pq.ParquetFile(p).metadata.num_rows for p in out.glob("*.parquet")} == {
        "alert.parquet": 3, "alert-2.parquet": 2,
    }  # fmt: skip
    assert (out / "lsst.v11_1.alert.avro").exists()
    files = json.loads((out / ".hstamp-dataset.json").read_text())["files"]
    assert sorted(files) == ["alert-2.parquet", "alert.parquet", "lsst.v11_1.alert.avro"]
