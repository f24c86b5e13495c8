"""Alerts sorted into files by schema and by the values of columns, read by independent readers."""

from urllib.parse import unquote

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
from test_schemas import tar

from hstamp.cli import main
from hstamp.convert import dataset
from hstamp.convert.manifest import MANIFEST
from hstamp.convert.partition import NULL, segment
from hstamp.errors import InputError, OutputError
from hstamp.files import read_stamps

OTHER = {**LSST_SCHEMA, "doc": "the same name, other text"}


def go(*arguments):
    return main([*map(str, arguments)])


def tree(folder):
    """Every file below a folder, and the bytes of it."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != MANIFEST
    }


def ids(path):
    return [
        record["diaSourceId"] - 170000 if "diaSourceId" in record else record["candidate"]["candid"]
        for record in read_ocf(path)
    ]


def banded(number, band):
    source = {"diaSourceId": 170000 + number, "ra": 150.0, "dec": 2.0, "band": band}
    return lsst_alert(number, diaSource=source)


@pytest.fixture
def mixed(tmp_path):
    """A folder of alerts of three schemas: files, an archive, and messages."""
    folder = tmp_path / "in"
    folder.mkdir()
    write_ocf(folder / "a.avro", LSST_SCHEMA, [lsst_alert(1)])
    write_ocf(folder / "b.avro", ZTF_SCHEMA, [ztf_alert(2)])
    tar(
        folder / "c.tar",
        (OTHER, lsst_alert(3)),
        (ZTF_SCHEMA, ztf_alert(4)),
        (LSST_SCHEMA, lsst_alert(5)),
    )
    (folder / "d.bin").write_bytes(wire(1101, LSST_SCHEMA, lsst_alert(6)))
    return folder


@pytest.fixture
def avsc(tmp_path):
    import json

    path = tmp_path / "lsst.avsc"
    path.write_text(json.dumps(LSST_SCHEMA))
    return path


def test_alerts_of_many_schemas_have_a_file_each(mixed, tmp_path, convert, avsc):
    report = convert(mixed, tmp_path / "out", by_schema=True, schema_file=avsc)
    assert report.ok
    assert report.alerts_out == 6
    out = tmp_path / "out"
    # The schema of a file for messages is fastavro's form of it, so that it is another one.
    assert {name: ids(out / name) for name in tree(out)} == {
        "lsst.v11_1.alert.avro": [1, 5],
        "ztf.alert.avro": [2, 4],
        "lsst.v11_1.alert-2.avro": [3],
        "lsst.v11_1.alert-3.avro": [6],
    }
    with (out / "lsst.v11_1.alert-2.avro").open("rb") as stream:
        assert fastavro.reader(stream).writer_schema["doc"] == OTHER["doc"]
    assert len(list(read_stamps(out))) == 18


def test_equal_inputs_give_equal_files_equal_to_those_of_each_schema(mixed, tmp_path, convert):
    convert(mixed, tmp_path / "1", by_schema=True)
    convert(mixed, tmp_path / "2", by_schema=True)
    assert tree(tmp_path / "1") == tree(tmp_path / "2")
    write_ocf(tmp_path / "lsst", LSST_SCHEMA, [lsst_alert(1), lsst_alert(5)])
    convert(tmp_path / "lsst", tmp_path / "alone.avro")
    assert (tmp_path / "1" / "lsst.v11_1.alert.avro").read_bytes() == (
        tmp_path / "alone.avro"
    ).read_bytes()


def test_a_later_run_knows_what_is_there(mixed, tmp_path, convert):
    (mixed / "d.bin").unlink()
    out = tmp_path / "out"
    assert convert(mixed, out, by_schema=True).ok
    again = convert(mixed, out, by_schema=True)
    assert (again.outputs, sum(again.skipped.values())) == (0, 1)
    with pytest.raises(InputError, match="other options"):
        convert(mixed, out, by_schema=True, codec="deflate")
    assert convert(mixed, out, by_schema=True, codec="deflate", force=True).outputs == 1
    # An input more makes the whole again, and none of the old files stays.
    write_ocf(mixed / "b.avro", LSST_SCHEMA, [lsst_alert(9)])
    write_ocf(mixed / "c.tar", LSST_SCHEMA, [lsst_alert(8)])
    assert convert(mixed, out, by_schema=True, codec="deflate").outputs == 1
    assert list(tree(out)) == ["lsst.v11_1.alert.avro"]
    (out / "lsst.v11_1.alert.avro").write_bytes(b"changed")
    with pytest.raises(InputError, match="not as it was made"):
        convert(mixed, out, by_schema=True, codec="deflate")


def test_nothing_of_others_is_replaced(mixed, tmp_path, convert):
    out = tmp_path / "out"
    (out / "band=r").mkdir(parents=True)
    (out / "band=r" / "mine").write_text("mine")
    for force in (False, True):
        with pytest.raises(OutputError, match="no such run"):
            convert(mixed, out, by_schema=True, force=force)
    (out / "band=r" / "mine").rename(tmp_path / "mine")
    assert convert(mixed, out, by_schema=True).outputs == 1
    (tmp_path / "mine").rename(out / "mine")
    with pytest.raises(OutputError, match="a file of others, mine"):
        convert(mixed, out, by_schema=True, force=True)
    file = tmp_path / "file"
    file.write_text("mine")
    with pytest.raises(OutputError, match="no folder"):
        convert(mixed, file, by_schema=True, force=True)
    assert (out / "mine").read_text() == file.read_text() == "mine"


def test_nothing_appears_before_the_end(mixed, tmp_path, convert, monkeypatch):
    def stop(self):
        assert not (tmp_path / "out").exists()
        raise KeyboardInterrupt

    monkeypatch.setattr(dataset.DatasetSink, "close", stop)
    before = sorted(tmp_path.iterdir())
    with pytest.raises(KeyboardInterrupt):
        convert(mixed, tmp_path / "out", by_schema=True)
    assert sorted(tmp_path.iterdir()) == before


def test_alerts_are_partitioned_by_a_field(tmp_path, convert):
    bands = ["r", "g", None, "r", "", "i"]
    alerts = [banded(n, band) for n, band in enumerate(bands)]
    source = write_ocf(tmp_path / "in.avro", LSST_SCHEMA, alerts)
    report = convert(source, tmp_path / "out", partition=("diaSource.band",))
    assert report.ok
    out = tmp_path / "out"
    assert {name: ids(out / name) for name in tree(out)} == {
        "band=r/part-0.avro": [0, 3],
        "band=g/part-0.avro": [1],
        f"band={NULL}/part-0.avro": [2, 4],
        "band=i/part-0.avro": [5],
    }
    whole = convert(source, tmp_path / "whole.avro")
    assert whole.ok
    made = {r["diaSourceId"]: r for r in read_ocf(tmp_path / "whole.avro")}
    assert read_ocf(out / "band=g" / "part-0.avro") == [made[170001]]
    assert go("validate", out) == 0


def test_partitions_in_partitions_of_schemas(tmp_path, convert):
    def both(n, band, number):
        return {**banded(n, band), "diaSourceId": number}

    schema = {**LSST_SCHEMA, "doc": "d"}
    a = write_ocf(tmp_path / "a", LSST_SCHEMA, [both(1, "r", 5), both(2, "g", 5)])
    b = write_ocf(tmp_path / "b", schema, [both(3, "r", 5)])
    options = {"partition": ("diaSourceId", "diaSource.band")}
    assert convert([a, b], tmp_path / "o", **options).ok
    assert list(tree(tmp_path / "o")) == [
        "diaSourceId=5/band=g/part-0.avro",
        "diaSourceId=5/band=r/part-0.avro",
        "diaSourceId=5/band=r/part-1.avro",
    ]
    assert convert([a, b], tmp_path / "s", by_schema=True, **options).ok
    assert list(tree(tmp_path / "s"))[1:] == [
        "diaSourceId=5/band=r/lsst.v11_1.alert-2.avro",
        "diaSourceId=5/band=r/lsst.v11_1.alert.avro",
    ]


def test_stamps_and_messages_are_partitioned_too(tmp_path, convert):
    alerts = [banded(1, "r"), banded(2, "g"), ztf_alert(3)]
    a = write_ocf(tmp_path / "a", LSST_SCHEMA, alerts[:2])
    b = write_ocf(tmp_path / "b", ZTF_SCHEMA, alerts[2:])
    column = ("diaSource.band",)
    report = convert([a, b], tmp_path / "s", form="stamps", partition=column)
    assert [p.reason for p in report.problems] == ["its alerts have no field diaSource.band"]
    names = [str(item.stamp.id) for item in read_stamps(tmp_path / "s" / "band=g" / "part-0.avro")]
    assert [name.partition("/")[0] for name in names] == ["170002"] * 3
    convert([a], tmp_path / "w", form="wire", schema_id=77, partition=column)
    data = (tmp_path / "w" / "band=r" / "part-0.wire").read_bytes()
    assert data[:5] == b"\0\0\0\0\x4d"


HOSTILE = [
    "../../etc/passwd", "/etc/passwd", "..", ".", "a/b", "a\\b", "a\0b", "a\nb", "%2F", "=", "CON",
    " ", "é", "\u202e", "🙂", "x" * 150, "'", '"', "*?", "{x}", "a=b", "~", "NaN", "null",
]  # fmt: skip


def test_hostile_text_stays_in_its_folder_and_comes_back(tmp_path, convert):
    alerts = [banded(n, band) for n, band in enumerate(HOSTILE)]
    source = write_ocf(tmp_path / "in.avro", LSST_SCHEMA, alerts)
    assert convert(source, tmp_path / "deep" / "out", partition=("diaSource.band",)).ok
    assert sorted(p.name for p in tmp_path.iterdir()) == ["deep", "in.avro"]
    out = tmp_path / "deep" / "out"
    found = {}
    for folder in out.iterdir():
        if folder.name == MANIFEST:
            continue
        assert folder.name.isprintable()
        assert [path.name for path in folder.iterdir()] == ["part-0.avro"]
        found[unquote(folder.name.removeprefix("band="), errors="strict")] = ids(
            folder / "part-0.avro"
        )
    assert found == {band: [n] for n, band in enumerate(HOSTILE)}


@pytest.mark.parametrize("band", ["x" * 201, "é" * 101, "/" * 70, NULL])
def test_text_that_cannot_name_a_folder_costs_its_alert(tmp_path, convert, band):
    alerts = [banded(1, "r"), banded(2, band), banded(3, "g")]
    source = write_ocf(tmp_path / "in.avro", LSST_SCHEMA, alerts)
    report = convert(source, tmp_path / "out", partition=("diaSource.band",))
    assert [(p.record, p.code) for p in report.problems] == [(1, "E_INPUT")]
    assert list(tree(tmp_path / "out")) == ["band=g/part-0.avro", "band=r/part-0.avro"]


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (True, "k=true"), (7, "k=7"), (-(2**63), "k=-9223372036854775808"), (1.5, "k=1.5"),
        (float("nan"), "k=NaN"), (float("inf"), "k=inf"), (-0.0, "k=0.0"), (0.0, "k=0.0"),
        (1e300, "k=1e%2B300"), (None, f"k={NULL}"),
    ],
)  # fmt: skip
def test_names_of_values(value, name):
    assert segment("k", value) == name


@pytest.mark.parametrize("value", [b"bytes", [1], {"a": 1}])
def test_values_that_have_no_name(value):
    with pytest.raises(InputError):
        segment("k", value)


@pytest.mark.parametrize("column", ["diaSource", "cutoutScience", "nothing", "diaSource.nothing",
                                    "diaSource.band.more"])  # fmt: skip
def test_columns_that_are_not_there_or_name_nothing_are_refused(tmp_path, convert, column):
    source = write_ocf(tmp_path / "in.avro", LSST_SCHEMA, [lsst_alert(1)])
    report = convert(source, tmp_path / "out", partition=(column,))
    assert [p.code for p in report.problems] == ["E_SCHEMA"]
    assert not (tmp_path / "out").exists()


def test_columns_of_one_name_are_refused(tmp_path, convert):
    source = write_ocf(tmp_path / "in.avro", LSST_SCHEMA, [lsst_alert(1)])
    report = convert(source, tmp_path / "o", partition=("diaSourceId", "diaSource.diaSourceId"))
    assert "same name" in report.problems[0].reason


def test_files_are_bounded(tmp_path, convert, monkeypatch):
    monkeypatch.setattr(dataset, "_MOST_FILES", 2)
    alerts = [banded(n, band) for n, band in enumerate("rgirg")]
    source = write_ocf(tmp_path / "in.avro", LSST_SCHEMA, alerts)
    report = convert(source, tmp_path / "out", partition=("diaSource.band",))
    assert [(p.record, p.code) for p in report.problems] == [(2, "E_LIMIT")]
    assert {name: ids(tmp_path / "out" / name) for name in tree(tmp_path / "out")} == {
        "band=r/part-0.avro": [0, 3],
        "band=g/part-0.avro": [1, 4],
    }


@pytest.mark.usefixtures("third_unwritable")
def test_a_record_that_cannot_be_written_is_written_nowhere(tmp_path, convert):
    alerts = [banded(n, band) for n, band in enumerate("rgrg")]
    source = write_ocf(tmp_path / "in.avro", LSST_SCHEMA, alerts)
    report = convert(source, tmp_path / "out", partition=("diaSource.band",))
    assert [(p.record, p.reason) for p in report.problems] == [(2, "TypeError: cannot")]
    assert ids(tmp_path / "out" / "band=r" / "part-0.avro") == [0]
    assert ids(tmp_path / "out" / "band=g" / "part-0.avro") == [1, 3]


def test_images_have_no_columns(tmp_path, convert):
    (tmp_path / "image").write_bytes(lsst_alert(1)["cutoutScience"])
    report = convert(
        tmp_path / "image", tmp_path / "out", form="stamps", partition=("diaSource.band",)
    )
    assert not report.ok
    assert not (tmp_path / "out").exists()
    report = convert(tmp_path / "image", tmp_path / "out", by_schema=True)
    assert "use --as stamps" in report.problems[0].reason


@pytest.mark.parametrize(
    "options",
    [
        ["--by-schema", "--as", "stamps"], ["--by-schema", "--as", "blobs"],
        ["--partition", "a", "--as", "hats"], ["--by-schema", "--mosaic"],
    ],
)  # fmt: skip
def test_options_that_do_not_go_together(tmp_path, options):
    source = write_ocf(tmp_path / "in.avro", LSST_SCHEMA, [lsst_alert(1)])
    with pytest.raises(SystemExit):
        go("convert", source, "-o", tmp_path / "out", *options)


def test_many_schemas_are_bounded(tmp_path, convert, monkeypatch):
    monkeypatch.setattr(dataset, "_MOST_SCHEMAS", 3)
    members = [({**LSST_SCHEMA, "doc": str(n)}, lsst_alert(n)) for n in range(5)]
    report = convert(tar(tmp_path / "t.tar", *members), tmp_path / "out", by_schema=True)
    assert [p.code for p in report.problems] == ["E_LIMIT", "E_LIMIT"]
    assert len(tree(tmp_path / "out")) == 3
