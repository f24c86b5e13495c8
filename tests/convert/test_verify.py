"""Converted alerts are what their source gives, or the first difference is told."""

import fastavro
import pytest
from convert_samples import (
    LSST_SCHEMA,
    ZTF_SCHEMA,
    lsst_alert,
    lsst_cutout,
    noise,
    write_ocf,
    ztf_alert,
)
from test_schemas import tar

import hstamp
from hstamp.cli import main
from hstamp.convert.verify import difference


def go(*arguments):
    return main([*map(str, arguments)])


@pytest.fixture
def night(tmp_path):
    path = tmp_path / "in" / "night.avro"
    path.parent.mkdir()
    bad = lsst_alert(3, {"cutoutScience": b"no FITS", "cutoutTemplate": None})
    write_ocf(path, LSST_SCHEMA, [lsst_alert(1), lsst_alert(2), bad, lsst_alert(4)])
    return path


@pytest.mark.parametrize(
    ("form", "folder"),
    [("alerts", False), ("alerts", True), ("stamps", False), ("stamps", True), ("blobs", True)],
)
def test_what_was_converted_is_equal(night, tmp_path, capsys, form, folder):
    out = tmp_path / "out" if folder else tmp_path / "out.avro"
    go("convert", night.parent, "--as", form, "-o", f"{out}/" if folder else out)
    capsys.readouterr()
    assert go("verify", night.parent, out) == 0
    assert capsys.readouterr().out == "4 alerts made again: 10 stamps are equal\n"
    assert go("verify", night, out, "--sample", 2, "--seed", 5) == 0
    assert capsys.readouterr().out.startswith("2 alerts made again")


def test_options_of_the_conversion_have_to_be_given(night, tmp_path, capsys):
    out = tmp_path / "out.avro"
    go("convert", night, "-o", out, "--encoding", "f4", "--levels", "2")
    capsys.readouterr()
    assert go("verify", night, out, "--encoding", "f4", "--levels", "2") == 0
    capsys.readouterr()
    assert go("verify", night, out, "--levels", "2") == 1
    said = capsys.readouterr().out
    assert said.startswith(f"differs: {night}, record 0, cutoutDifference: image.")


def rewrite(path, change):
    with path.open("rb") as stream:
        reader = fastavro.reader(stream)
        schema, records = reader.writer_schema, list(reader)
    write_ocf(path, schema, change(records))


def test_the_first_difference_is_told(night, tmp_path, capsys):
    def one_byte(records):
        psf = records[1]["hstampScience"]["psf"]
        psf["data"] = psf["data"][:70] + bytes([psf["data"][70] ^ 1]) + psf["data"][71:]
        return records

    def told(change):
        out = tmp_path / "out.avro"
        go("convert", night, "-f", "-o", out)
        rewrite(out, change)
        capsys.readouterr()
        assert go("verify", night, out) == 1
        return capsys.readouterr().out.splitlines()[0]

    place = f"differs: {night}, record"
    assert told(one_byte) == f"{place} 1, cutoutScience: psf.data at byte 70 differs"
    gone = told(lambda records: [{**records[0], "hstampTemplate": None}, *records[1:]])
    assert gone == f"{place} 0, cutoutTemplate: its stamp is missing"
    assert told(lambda r: r[1:]).startswith(f"{place} 0: alert 170001 is not where")
    assert told(lambda r: r[:3]).startswith(f"{place} 3: alert 170004 is not where")
    assert "record 4: its source is not among the inputs" in told(lambda r: [*r, r[0]])
    more = told(lambda r: [*r[:2], {**r[2], "hstampTemplate": r[1]["hstampTemplate"]}, r[3]])
    assert more == f"{place} 2: the source has no template image"


def test_a_source_that_changed_is_told(night, tmp_path, capsys):
    out = tmp_path / "out.avro"
    go("convert", night, "--as", "stamps", "-o", out)
    changed = lsst_alert(2, {"cutoutTemplate": lsst_cutout(noise(30, 99), 14.3, 14.6)})
    bad = lsst_alert(3, {"cutoutScience": b"no FITS", "cutoutTemplate": None})
    write_ocf(night, LSST_SCHEMA, [lsst_alert(1), changed, bad, lsst_alert(4)])
    capsys.readouterr()
    assert go("verify", night, out) == 1
    assert f"{night}, record 1, cutoutTemplate: image." in capsys.readouterr().out


def test_archives_of_several_schemas(tmp_path, capsys):
    path = tar(
        tmp_path / "n.tar",
        (ZTF_SCHEMA, ztf_alert(1)),
        (LSST_SCHEMA, lsst_alert(1)),
        (ZTF_SCHEMA, ztf_alert(2)),
    )
    go("convert", path, "-o", f"{tmp_path / 'out'}/")
    capsys.readouterr()
    assert go("verify", path, tmp_path / "out") == 0
    assert capsys.readouterr().out == "3 alerts made again: 9 stamps are equal\n"


def test_what_is_not_there_is_told(night, tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    assert go("verify", night, tmp_path / "empty") == 1
    assert "holds no output of" in capsys.readouterr().err
    assert go("verify", night, tmp_path / "none") == 1
    assert "no such file" in capsys.readouterr().err


def test_fields_that_differ_are_named():
    image = noise(40)
    one = hstamp.encode(image, 20, 20, id="a")
    assert difference(one, one) is None
    assert difference(one, hstamp.encode(image, 20, 20, id="b")) == "id"
    assert difference(one, hstamp.encode(image, 20, 20, id="a", encoding="f4")).startswith("image")


def spread(tmp_path):
    from test_datasets import banded

    folder = tmp_path / "many"
    folder.mkdir()
    bad = {"cutoutScience": b"no FITS", "cutoutTemplate": None}
    none = dict.fromkeys(("cutoutDifference", "cutoutScience", "cutoutTemplate"))
    alerts = [banded(1, "r"), banded(2, "g"), {**banded(3, "r"), **bad}, banded(4, None)]
    write_ocf(folder / "a.avro", LSST_SCHEMA, [*alerts, {**banded(5, "g"), **none}])
    write_ocf(folder / "b.avro", LSST_SCHEMA, [banded(6, "r"), banded(7, "g")])
    return folder


@pytest.mark.parametrize(
    "options",
    [
        ["--by-schema"],
        ["--partition", "diaSource.band"],
        ["--partition", "diaSource.band", "--as", "stamps"],
        ["--partition", "diaSource.band", "--as", "wire", "--schema-id", "9"],
        ["--as", "wire", "--schema-id", "9"],
    ],
)
def test_what_was_sorted_is_equal_too(tmp_path, capsys, options):
    folder, out = spread(tmp_path), tmp_path / "out"
    assert go("convert", folder, "-o", out, *options) == 1
    capsys.readouterr()
    assert go("verify", folder, out) == 0
    assert capsys.readouterr().out == "7 alerts made again: 16 stamps are equal\n"
    assert go("verify", folder, out, "--sample", 3) == 0
    # What is not there is missed, and what is too much is told.
    if out.is_dir():
        capsys.readouterr()
        files = sorted(path for path in out.rglob("*.*") if path.suffix in (".avro", ".wire"))
        data = files[-1].read_bytes()
        files[-1].write_bytes(data[: len(data) - 40])
        assert go("verify", folder, out) == 1
        files[-1].write_bytes(data)
    assert go("verify", folder / "a.avro", out) == 1
    assert "not among the inputs" in capsys.readouterr().out


def test_messages_for_each_input_and_rows_in_partitions(tmp_path, capsys):
    folder, out = spread(tmp_path), tmp_path / "out"
    go("convert", folder, "-o", f"{out}/", "--as", "wire", "--schema-id", 9)
    capsys.readouterr()
    assert go("verify", folder, out) == 0
    assert capsys.readouterr().out == "7 alerts made again: 16 stamps are equal\n"
    pa = pytest.importorskip("pyarrow")
    import pyarrow.parquet as pq
    from test_datasets import banded

    rows = [banded(n, "rgi"[n % 3]) for n in range(6)]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "in.parquet")
    sorted_ = tmp_path / "sorted"
    assert (
        go("convert", tmp_path / "in.parquet", "-o", sorted_, "--partition", "diaSource.band") == 0
    )
    capsys.readouterr()
    assert go("verify", tmp_path / "in.parquet", sorted_) == 0
    assert capsys.readouterr().out == "6 alerts made again: 18 stamps are equal\n"


def test_archives_of_many_schemas_by_schema(tmp_path, capsys):
    other = {**LSST_SCHEMA, "doc": "another"}
    members = [(LSST_SCHEMA, lsst_alert(1)), (ZTF_SCHEMA, ztf_alert(2)), (other, lsst_alert(3))]
    path = tar(tmp_path / "n.tar", *members, (LSST_SCHEMA, lsst_alert(4)))
    assert go("convert", path, "-o", tmp_path / "out", "--by-schema") == 0
    capsys.readouterr()
    assert go("verify", path, tmp_path / "out") == 0
    assert capsys.readouterr().out == "4 alerts made again: 12 stamps are equal\n"
