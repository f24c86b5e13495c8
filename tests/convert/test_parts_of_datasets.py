"""Folders of files and files of messages that are made in parts hold what one go gives."""

import json

import pytest
from convert_samples import LSST_SCHEMA, ZTF_SCHEMA, lsst_alert, read_ocf, write_ocf, ztf_alert
from test_datasets import OTHER, banded, tree
from test_schemas import tar
from test_wire import read_messages

from hstamp.alerts import add_stamp_fields
from hstamp.cli import main
from hstamp.convert import large
from hstamp.convert.job import run
from hstamp.convert.manifest import MANIFEST
from hstamp.convert.plan import Job, expand
from hstamp.convert.report import Report

SMALL = 120_000
"""Bytes of a part: an alert or two."""


def convert(source, out, *, jobs=1, **options):
    report = Report()
    run(Job(inputs=expand([source]), out=out, **options), report, jobs=jobs)
    return report


def records(folder):
    return {
        path.relative_to(folder).as_posix(): read_ocf(path)
        for path in sorted(folder.rglob("*.avro"))
    }


@pytest.fixture
def mixed(tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    write_ocf(folder / "a.avro", LSST_SCHEMA, [banded(1, "r"), banded(2, "x" * 300)])
    members = [(OTHER, banded(3, "g")), (ZTF_SCHEMA, ztf_alert(4)), (LSST_SCHEMA, banded(5, None))]
    tar(folder / "b.tar", *members, (OTHER, banded(6, "r")), (LSST_SCHEMA, banded(7, "a/b")))
    many = [banded(number, "rg"[number % 2]) for number in range(10, 16)]
    write_ocf(folder / "c.avro", LSST_SCHEMA, many, sync_interval=1)
    return folder


@pytest.mark.parametrize(
    "options",
    [
        {"by_schema": True},
        {"partition": ("diaSource.band",)},
        {"partition": ("diaSource.band",), "form": "stamps"},
        {"partition": ("diaSource.band",), "by_schema": True},
    ],
)
def test_folders_of_files(tmp_path, mixed, options):
    one = convert(mixed, tmp_path / "one", **options)
    two = convert(mixed, tmp_path / "two", part_bytes=SMALL, **options)
    assert [p.reason for p in one.problems] == [p.reason for p in two.problems]
    assert one.alerts_out == two.alerts_out > 8
    assert records(tmp_path / "one") == records(tmp_path / "two")
    assert len(records(tmp_path / "one")) > 2
    known = json.loads((tmp_path / "two" / MANIFEST).read_text())
    assert known["failed"] == len(one.problems)
    # Other processes give the same bytes.
    convert(mixed, tmp_path / "three", jobs=2, part_bytes=SMALL, **options)
    assert tree(tmp_path / "three") == tree(tmp_path / "two")
    assert not list(tmp_path.glob(".*"))


def test_a_stopped_run_goes_on_after_its_parts(tmp_path, mixed, monkeypatch):
    options = {"by_schema": True, "part_bytes": SMALL}
    whole = convert(mixed, tmp_path / "whole", **options)
    assert whole.ok
    made, done = large.make_part, []

    def stopping(task):
        if len(done) == 2:
            raise KeyboardInterrupt
        done.append(task.place)
        made(task)

    monkeypatch.setattr(large, "make_part", stopping)
    with pytest.raises(KeyboardInterrupt):
        convert(mixed, tmp_path / "out", **options)
    assert not (tmp_path / "out").exists()
    monkeypatch.setattr(large, "make_part", lambda task: (done.append(task.place), made(task)))
    again = convert(mixed, tmp_path / "out", **options)
    assert again.alerts_out == whole.alerts_out
    assert len(done) == len(set(done))
    assert tree(tmp_path / "out") == tree(tmp_path / "whole")
    assert sum(convert(mixed, tmp_path / "out", **options).skipped.values()) == 1


def test_messages(tmp_path, mixed):
    options = {"form": "wire", "schema_id": 8}
    one = convert(mixed, tmp_path / "one", **options)
    two = convert(mixed, tmp_path / "two", part_bytes=SMALL, **options)
    # Of the schema of the first alerts alone.
    assert len(one.problems) == len(two.problems) == 3
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    found = read_messages((tmp_path / "two").read_bytes(), 8, add_stamp_fields(LSST_SCHEMA))
    assert len(found) == 10
    assert main(["verify", str(mixed / "c.avro"), str(tmp_path / "two")]) == 1
    column = {"partition": ("diaSource.band",), **options}
    convert(mixed, tmp_path / "parted", part_bytes=SMALL, **column)
    convert(mixed, tmp_path / "whole", **column)
    assert tree(tmp_path / "parted") == tree(tmp_path / "whole")


def test_messages_are_cut_into_parts(tmp_path, mixed):
    convert(mixed, tmp_path / "wire", form="wire", schema_id=8)
    (tmp_path / "d.avsc").write_text(json.dumps(add_stamp_fields(LSST_SCHEMA)))
    options = {"schema_file": tmp_path / "d.avsc", "partition": ("diaSource.band",)}
    convert(tmp_path / "wire", tmp_path / "one", **options)
    convert(tmp_path / "wire", tmp_path / "two", part_bytes=SMALL, **options)
    assert records(tmp_path / "one") == records(tmp_path / "two")


def test_tables(tmp_path):
    pa = pytest.importorskip("pyarrow")
    import pyarrow.dataset as ds
    import pyarrow.parquet as pq

    source = tmp_path / "in"
    source.mkdir()
    rows = [banded(number, "rgi"[number % 3]) for number in range(12)]
    pq.write_table(pa.Table.from_pylist(rows), source / "1", row_group_size=2)
    pq.write_table(pa.Table.from_pylist([ztf_alert(1)]), source / "2")
    pq.write_table(pa.Table.from_pylist([lsst_alert(40)]), source / "3")

    def read(path, partitioning=None):
        return ds.dataset(path, format="parquet", partitioning=partitioning).to_table()

    convert(source, tmp_path / "one", by_schema=True)
    convert(source, tmp_path / "two", by_schema=True, part_bytes=SMALL)
    for name in ("alert.parquet", "alert-2.parquet"):
        assert read(tmp_path / "one" / name).equals(read(tmp_path / "two" / name))
    column = {"partition": ("diaSource.band",)}
    convert(source / "1", tmp_path / "three", **column)
    convert(source / "1", tmp_path / "four", part_bytes=SMALL, **column)
    both = [read(tmp_path / name, "hive").sort_by("diaSourceId") for name in ("three", "four")]
    assert both[0].equals(both[1])
    assert both[0]["diaSourceId"].to_pylist() == [row["diaSourceId"] for row in rows]
    assert main(["verify", str(source / "1"), str(tmp_path / "four")]) == 0


def test_files_beside_an_output_in_parts(tmp_path, mixed):
    out = tmp_path / "out"
    options = {"into_folder": True, "part_bytes": SMALL}
    assert convert(mixed / "b.tar", out, **options).ok
    names = ["b.avro", "b.lsst.v11_1.alert.avro", "b.ztf.alert.avro"]
    before = tree(out)
    assert sorted(name for name in before if name.endswith(".avro")) == names
    (out / names[1]).unlink()
    assert convert(mixed / "b.tar", out, **options).outputs == 1
    assert {n: b for n, b in tree(out).items() if n in names} == {n: before[n] for n in names}
    assert convert(mixed / "b.tar", out, **options).outputs == 0
    (out / names[1]).write_bytes(b"mine")
    assert not convert(mixed / "b.tar", out, **options).ok
    assert (out / names[1]).read_bytes() == b"mine"


def test_files_beside_outputs_of_other_processes(tmp_path, mixed):
    out = tmp_path / "out"
    assert convert(mixed, out, into_folder=True, jobs=2).ok
    assert convert(mixed, out, into_folder=True, jobs=2).outputs == 0
    (out / "b.ztf.alert.avro").unlink()
    assert convert(mixed, out, into_folder=True, jobs=2).outputs == 1
    assert (out / "b.ztf.alert.avro").exists()
