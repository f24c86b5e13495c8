"""Alerts that the pipeline task writes: what they hold, and how a repository keeps them."""

import io
import json
import math
from pathlib import Path

import fastavro
import pytest
from rubin_samples import X0, Y0, exposure

pytest.importorskip("lsst.pipe.base", reason="lsst-pipe-base is not installed (extra rubin)")
pytest.importorskip("lsst.alert.packet", reason="lsst-alert-packet is not installed (extra lsst)")
pa = pytest.importorskip("pyarrow", reason="pyarrow is not installed (extra rubin)")

import hstamp  # noqa: E402
from hstamp import rubin  # noqa: E402
from hstamp.alerts import STAMP_FIELDS  # noqa: E402
from hstamp.alerts.derive import derive_flat  # noqa: E402
from hstamp.cli import main  # noqa: E402
from hstamp.errors import HstampError  # noqa: E402
from hstamp.rubin.alerts import Alerts  # noqa: E402
from hstamp.rubin.task import MakeHierarchicalStampsConfig, MakeHierarchicalStampsTask  # noqa: E402

FIELDS = list(STAMP_FIELDS.values())
BIG = 2**62 + 1


def table():
    return pa.table({
        "diaSourceId": pa.array([11, BIG, 13]),
        "x": [X0 + 100.0, X0 + 200.25, math.nan],
        "y": [Y0 + 80.0, Y0 + 150.5, Y0 + 3.0],
        "ra": [53.1, 53.2, 53.3],
        "dec": [-27.0, -28.0, -29.0],
        "psfNdata": pa.array([441, None, 400], pa.int64()),
        "snr": pa.array([7.5, None, 9.0], pa.float64()),
        "isNegative": [False, True, None],
        "band": ["r", "r", None],
        "apFlux": ["no", "number", "at all"],
        "detector": pa.array([7, 7, 7], pa.int16()),
        "someNewColumn": [1, 2, 3],
    })  # fmt: skip


def made(**settings):
    config = MakeHierarchicalStampsConfig()
    config.update(do_write_alerts=True, **settings)
    task = MakeHierarchicalStampsTask(config=config)
    images = {kind: exposure(factor=f) for kind, f in zip(STAMP_FIELDS, (1.0, 2.0, 3.0))}  # noqa: B905
    return task.run(**images, sources=table(), where={"visit": 5, "detector": 99, "band": "z"})


def test_an_alert_holds_what_the_table_says():
    done = made()
    data = done.alerts.to_bytes()
    records = list(fastavro.reader(io.BytesIO(data)))
    first, second, third = (record["diaSource"] for record in records)
    assert [record["diaSourceId"] for record in records] == [11, BIG, 13]
    assert second["diaSourceId"] == BIG
    assert (first["ra"], first["dec"], first["psfNdata"], first["snr"]) == (53.1, -27.0, 441, 7.5)
    assert (second["isNegative"], second["band"], third["band"]) == (True, "r", "z")
    # What may be null is null; a number that must be there is NaN or -1.
    assert (second["snr"], third["isNegative"], first["diaObjectId"]) == (None, None, None)
    assert (second["psfNdata"], first["dipoleNdata"], first["bboxSize"]) == (-1, -1, -1)
    assert math.isnan(first["midpointMjdTai"])
    assert first["apFlux"] is None
    # The data ID tells what the table does not, and no more.
    assert (first["visit"], first["detector"]) == (5, 7)
    assert "someNewColumn" not in first
    for record in records:
        rest = set(record) - {"diaSourceId", "diaSource", *FIELDS}
        assert {record[name] for name in rest} == {None}


def test_its_stamps_have_the_bytes_of_the_table(tmp_path):
    done = made()
    path = tmp_path / "alerts.avro"
    path.write_bytes(done.alerts.to_bytes())
    found = {(each.record, each.field): each.stamp.to_bytes() for each in hstamp.read_stamps(path)}
    expected = {
        (row, name): blob
        for name in FIELDS
        for row, blob in enumerate(done.stamps.column(name).to_pylist())
        if blob is not None
    }
    assert found == expected
    assert len(found) == 6
    assert main(["validate", str(path)]) == 0


def test_the_schema_is_the_derived_one_or_that_of_a_file(tmp_path):
    assert made().alerts.schema == derive_flat()
    assert main(["schema", "derive", "-o", str(tmp_path / "s")]) == 0
    (flat,) = (tmp_path / "s").glob("*.flat.avsc")
    own = json.loads(flat.read_text(encoding="utf-8"))
    source = next(field for field in own["fields"] if field["name"] == "diaSource")["type"]
    source["fields"].append({"name": "someNewColumn", "type": ["null", "long"], "default": None})
    flat.write_text(json.dumps(own), encoding="utf-8")
    done = made(alert_schema_file=str(flat))
    records = Alerts.from_bytes(done.alerts.to_bytes()).records
    assert [record["diaSource"]["someNewColumn"] for record in records] == [1, 2, 3]


@pytest.mark.parametrize(
    "schema",
    [{"type": "record", "name": "a", "fields": []}, {"type": "string"}, "no JSON"],
    ids=str,
)
def test_a_file_that_is_no_schema_of_alerts(schema, tmp_path):
    path = tmp_path / "s.avsc"
    path.write_text(schema if isinstance(schema, str) else json.dumps(schema), encoding="utf-8")
    with pytest.raises(HstampError) as caught:
        made(alert_schema_file=str(path))
    assert caught.value.code == "E_SCHEMA"


def test_alerts_are_made_where_they_are_asked_for_only():
    config = MakeHierarchicalStampsConfig()
    assert not config.do_write_alerts
    connections = config.connections.ConnectionsClass(config=config)
    assert set(connections.outputs) == {"stamps"}
    config.do_write_alerts = True
    connections = config.connections.ConnectionsClass(config=config)
    assert set(connections.outputs) == {"stamps", "alerts"}
    assert connections.alerts.storageClass == "HierarchicalStampAlerts"


def test_a_damaged_file():
    with pytest.raises(HstampError) as caught:
        Alerts.from_bytes(made().alerts.to_bytes()[:-40])
    assert caught.value.code == "E_AVRO"


def test_a_repository_that_learns_of_alerts_by_the_search_path(tmp_path, monkeypatch):
    """Whose own configuration says nothing of them."""
    butler = pytest.importorskip("lsst.daf.butler", reason="lsst-daf-butler is not installed")
    alerts = made().alerts
    root = butler.Butler.makeRepo(str(tmp_path / "repository"))
    monkeypatch.setenv("DAF_BUTLER_CONFIG_PATH", str(Path(rubin.__file__).parent / "configs"))
    with butler.Butler.from_config(root, run="run") as repository:
        kind = butler.DatasetType(
            "alerts", repository.dimensions.conform([]), "HierarchicalStampAlerts"
        )
        repository.registry.registerDatasetType(kind)
        ref = repository.put(alerts, "alerts")
        back, path = repository.get(ref), repository.getURI(ref).ospath
    assert path.endswith(".avro")
    names = [[field["name"] for field in each.schema["fields"]] for each in (back, alerts)]
    assert names[0] == names[1]
    for one, two in zip(alerts.records, back.records, strict=True):
        assert [one[name] for name in ("diaSourceId", *FIELDS)] == [
            two[name] for name in ("diaSourceId", *FIELDS)
        ]
    assert len(list(hstamp.read_stamps(path))) == 6
