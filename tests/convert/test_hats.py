"""HATS catalogues: written by hats-import, opened by LSDB."""

import re
from pathlib import Path

import numpy as np
import pytest

pa = pytest.importorskip("pyarrow", reason="needs pyarrow (pip install 'hstamp[hats]')")
pq = pytest.importorskip("pyarrow.parquet", reason="needs pyarrow (hstamp[hats])")

from convert_samples import lsst_alert, lsst_cutout, noise  # noqa: E402
from parquet_samples import CUTOUTS, lsst_table, ztf_table  # noqa: E402

from hstamp import InputError, Stamp  # noqa: E402
from hstamp.convert.objects import nested, object_groups  # noqa: E402
from hstamp.errors import OutputError  # noqa: E402

STAMPS = ["hstampDifference", "hstampScience", "hstampTemplate"]


def night(count=6):
    """Alerts of objects 0, 0, 1, 1, 2, 2 ..., the later one of each first."""
    alerts = []
    for row in range(count):
        ra, dec = 10.0 + 60 * (row // 2), 5.0 * (row // 2)
        cutout = lsst_cutout(noise(30, row), 14, 15, ra, dec)
        alert = lsst_alert(row, dict.fromkeys(CUTOUTS, cutout))
        alert["diaSource"] |= {
            "ra": ra, "dec": dec, "diaObjectId": 70 + row // 2, "midpointMjdTai": 61000.0 - row,
        }  # fmt: skip
        alerts.append(alert)
    return lsst_table(alerts=alerts)


def test_alerts_of_one_object_are_one_row():
    table = pa.table({
        "objectId": ["a", "b", None, "a", None, "c", "a"],
        "ra": [359.9999, 5.0, 7.0, 0.0001, 7.0, 8.0, 0.1],
        "dec": [0.0] * 7,
        "mjd": [2.0, None, 3.0, 1.0, 4.0, 5.0, 6.0],
        "id": list("0123456"),
    })  # fmt: skip
    groups = object_groups(table)
    assert groups[0] == groups[3]
    # Six alerts more, each by itself: two have no object, and one is 360 arcsec from its own.
    assert len(set(groups.tolist())) == 6
    made = nested(table)
    rows = {tuple(row["alerts"]["id"]): row for row in made.to_pylist()}
    assert set(rows) == {("3", "0"), ("1",), ("2",), ("4",), ("5",), ("6",)}
    assert rows["3", "0"]["objectId"] == "a"
    assert rows["3", "0"]["ra"] == 0.0001
    assert nested(table.slice(0, 0)).num_rows == 0


@pytest.fixture
def catalog(tmp_path, convert):
    pytest.importorskip("hats_import", reason="needs hats-import (pip install 'hstamp[hats]')")
    pytest.importorskip("lsdb", reason="needs lsdb (pip install 'hstamp[hats]')")
    pq.write_table(night(), tmp_path / "in.parquet")

    def go(**options):
        report = convert(tmp_path / "in.parquet", tmp_path / "night", form="hats", **options)
        assert report.ok, report.lines()
        assert report.alerts_out == 6
        import lsdb

        return lsdb.open_catalog(tmp_path / "night")

    return go


slow = pytest.mark.filterwarnings("ignore")


@slow
def test_blobs_of_alerts(catalog, tmp_path, convert, monkeypatch):
    found = catalog(nest=False)
    rows = found.compute()
    assert len(rows) == 6
    one = found.cone_search(70.0, 5.0, 1.0).compute()
    assert sorted(one["id"]) == ["170002", "170003"]
    assert list(one["objectId"]) == ["71", "71"]
    assert sorted(one["mjd"]) == [60997.0, 60998.0]
    alerts = convert(tmp_path / "in.parquet", tmp_path / "out.parquet")
    assert alerts.ok
    table = pq.read_table(tmp_path / "out.parquet")
    made = dict(
        zip(table["diaSourceId"].to_pylist(), table["hstampScience"].to_pylist(), strict=True)
    )
    assert {int(k): v for k, v in zip(rows["id"], rows["hstampScience"], strict=True)} == made

    page = Path(__file__).resolve().parents[2] / "docs" / "arrow.md"
    text = re.search(
        r"<!-- test: hats -->\n```python\n(.*?)```", page.read_text(encoding="utf-8"), re.S
    )
    (tmp_path / "night").rename(tmp_path / "night-hats")
    monkeypatch.chdir(tmp_path)
    names = {}
    exec(text[1], names)
    two = names["found"]
    assert sorted(two["id"]) == ["170002", "170003"]
    assert list(two["peak"]) == [
        np.nanmax(Stamp.from_bytes(made[int(name)]).levels[0]) for name in two["id"]
    ]


@slow
def test_tensors_of_alerts(catalog):
    from hstamp import arrow as ha

    found = catalog(nest=False, tensors=True)
    rows = found.compute()
    images = ha.as_numpy(rows["hstampScience_image"])
    blobs = ha.encode(rows.reset_index(), prefix="hstampScience_").to_pylist()
    stamps = [Stamp.from_bytes(blob) for blob in blobs]
    np.testing.assert_array_equal(images, np.array([stamp.levels for stamp in stamps]))
    assert {stamp.record.image.encoding for stamp in stamps} == {"i2"}


@slow
@pytest.mark.parametrize("tensors", [False, True])
def test_objects_with_their_alerts(catalog, tensors):
    from hstamp import arrow as ha

    found = catalog(tensors=tensors)
    rows = found.compute()
    assert sorted(rows["objectId"]) == ["70", "71", "72"]
    one = found.cone_search(70.0, 5.0, 1.0).compute()
    alerts = one["alerts"].nest.to_flat()
    assert list(alerts["id"]) == ["170003", "170002"]
    if tensors:
        n = alerts["hstampScience_n"].iloc[0]
        images = ha.as_numpy(alerts["hstampScience_image"], (n, 15, 15))
    else:
        images = ha.as_numpy(ha.decode(alerts["hstampScience"])["image"])
    assert images.shape[0] == 2


@slow
def test_what_is_there_stays_until_the_new_one_is_complete(catalog, tmp_path, convert):
    assert len(catalog().compute()) == 3
    with pytest.raises(InputError, match="exists already"):
        catalog()
    before = sorted(path.name for path in (tmp_path / "night").rglob("*"))
    assert not convert_bad(tmp_path, convert).ok
    assert sorted(path.name for path in (tmp_path / "night").rglob("*")) == before
    assert len(catalog(force=True, nest=False).compute()) == 6
    other = tmp_path / "other"
    other.mkdir()
    (other / "notes.txt").write_text("mine")
    with pytest.raises(OutputError, match="other things"):
        convert(tmp_path / "in.parquet", other, form="hats", force=True)
    assert (other / "notes.txt").read_text() == "mine"
    assert {path.name for path in tmp_path.iterdir()} == {
        "in.parquet", "night", "other", "bad.parquet",
    }  # fmt: skip


def convert_bad(tmp_path, convert):
    (tmp_path / "bad.parquet").write_bytes(b"PAR1 no table PAR1")
    return convert(tmp_path / "bad.parquet", tmp_path / "night", form="hats", force=True)


@slow
def test_a_fault_costs_its_record(tmp_path, convert):
    pytest.importorskip("hats_import", reason="needs hats-import (pip install 'hstamp[hats]')")
    lsdb = pytest.importorskip("lsdb", reason="needs lsdb (pip install 'hstamp[hats]')")
    alerts = [lsst_alert(row) for row in range(3)]
    alerts[1]["diaSource"]["ra"] = None
    pq.write_table(lsst_table(alerts=alerts), tmp_path / "a.parquet")
    pq.write_table(ztf_table(2), tmp_path / "b.parquet")
    report = convert([tmp_path / "a.parquet", tmp_path / "b.parquet"], tmp_path / "c", form="hats")
    assert not report.ok
    assert (report.alerts_in, report.alerts_out) == (5, 4)
    rows = lsdb.open_catalog(tmp_path / "c").compute()
    assert sorted(rows["survey"]) == ["LSST", "LSST", "ZTF", "ZTF"]


def test_command(tmp_path, capsys, monkeypatch):
    from hstamp.cli import main

    pq.write_table(night(), tmp_path / "in.parquet")
    for arguments in (["--tensors"], ["--nest", "always"]):
        with pytest.raises(SystemExit):
            main(["convert", str(tmp_path / "in.parquet"), "-o", str(tmp_path / "x"), *arguments])
    monkeypatch.setattr("hstamp.convert.hats.find_spec", lambda name: None)
    arguments = ["convert", str(tmp_path / "in.parquet"), "-o", str(tmp_path / "x"), "--as", "hats"]
    assert main(arguments) == 1
    assert "pip install" in capsys.readouterr().err
    assert not (tmp_path / "x").exists()


@slow
def test_a_catalogue_made_in_parts_has_the_same_rows(catalog, tmp_path, convert):
    one = catalog(nest=False).compute()
    (tmp_path / "night").rename(tmp_path / "one")
    pq.write_table(night(), tmp_path / "in.parquet", row_group_size=1)
    report = convert(
        tmp_path / "in.parquet", tmp_path / "night", form="hats", nest=False, part_bytes=100_000
    )
    assert report.alerts_out == 6
    import lsdb

    parts = lsdb.open_catalog(tmp_path / "night").compute()
    assert one.to_dict() == parts.to_dict()
    assert not list(tmp_path.glob(".*.parts"))
