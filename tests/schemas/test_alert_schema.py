"""The derived alert schema: compatible inside its major version, and LSST's own everywhere else."""

import io
import json

import fastavro
import numpy as np
import pytest

import hstamp
from hstamp.alerts.schema import add_stamp_fields
from hstamp.container.schema import stamp_fields

packet = pytest.importorskip("lsst.alert.packet", reason="lsst-alert-packet is not installed")

from hstamp.alerts import derive, lsst  # noqa: E402
from hstamp.alerts.schema import plain_schema  # noqa: E402
from hstamp.demo.packets import fill  # noqa: E402

NEWEST = lsst.newest_version()
SAME_MAJOR = [v for v in lsst.installed_versions() if v[0] == NEWEST[0]]
NAMES = ("hstampDifference", "hstampScience", "hstampTemplate")


def parsed(schema):
    return fastavro.parse_schema(plain_schema(schema))


def record_of(schema, **fields):
    facts = {"diaSourceId": 42, "ra": 10.0, "dec": -5.0, "band": "r"}
    record = fill(schema, {}, facts)
    record.update({f"cutout{k}": k.encode() for k in ("Difference", "Science", "Template")})
    record.update(fields)
    return record


def passed(writer, reader, record):
    """Write with one schema and read with another, as Avro resolves them."""
    out = io.BytesIO()
    fastavro.schemaless_writer(out, parsed(writer), record)
    return fastavro.schemaless_reader(io.BytesIO(out.getvalue()), parsed(writer), parsed(reader))


@pytest.fixture(scope="module")
def stamp():
    image = np.random.default_rng(1).normal(10, 2, (64, 64))
    return hstamp.encode(image, 31.2, 31.4, variance=np.full((64, 64), 4.0), id="42/science")


def test_three_nullable_fields_at_the_end_and_nothing_else():
    old, new = plain_schema(lsst.schema_for_version(NEWEST)), derive.derive_flat()
    added = new["fields"][len(old["fields"]) :]
    assert [f["name"] for f in added] == list(NAMES)
    for field in added:
        assert field["type"][0] == "null"
        assert field["default"] is None
    next_minor = (NEWEST[0], NEWEST[1] + 1)
    back = derive.bump({**new, "fields": new["fields"][: len(old["fields"])]}, next_minor, NEWEST)
    assert back == old


def test_cutout_fields_are_untouched():
    old, new = (
        {f["name"]: f for f in schema["fields"]}
        for schema in (lsst.schema_for_version(NEWEST), derive.derive_flat())
    )
    for name in ("cutoutDifference", "cutoutScience", "cutoutTemplate"):
        assert new[name] == old[name]


def test_it_is_the_next_minor_version_throughout():
    text = json.dumps(derive.derive_flat())
    major, minor = NEWEST
    assert f"lsst.v{major}_{minor}." not in text
    assert f"schema v{major}.{minor}" not in text
    assert f'"confluent:version": {100 * major + minor}' not in text
    assert f"lsst.v{major}_{minor + 1}.alert" in text


def test_version_numbers_are_not_found_inside_longer_ones():
    assert derive.bump("lsst.v11_10.alert", (11, 1), (11, 2)) == "lsst.v11_10.alert"
    assert derive.bump("lsst.v11_1.alert", (11, 1), (11, 2)) == "lsst.v11_2.alert"


@pytest.mark.parametrize("version", SAME_MAJOR, ids=str)
def test_every_older_reader_of_the_major_version_reads_new_alerts(version, stamp):
    """FORWARD_TRANSITIVE: data of the new schema is readable with all previous ones."""
    new, old = derive.derive_flat(), lsst.schema_for_version(version)
    record = record_of(new, hstampScience=stamp.to_dict())
    read = passed(new, old, record)
    assert set(read) == {f["name"] for f in old["fields"]}
    for name in set(read) & set(record):
        old_value, new_value = read[name], record[name]
        if isinstance(old_value, dict):
            common = set(old_value) & set(new_value)
            assert len(common) > 1
            old_value, new_value = ({k: v[k] for k in common} for v in (old_value, new_value))
        assert old_value == new_value, name


@pytest.mark.parametrize("version", SAME_MAJOR, ids=str)
def test_forward_transitive_field_by_field(version):
    """Every field of an older schema is in the new one, or has a default."""
    new, old = derive.derive_flat(), plain_schema(lsst.schema_for_version(version))
    new_types, old_types = records(new), records(old)
    for name, old_type in old_types.items():
        if name not in new_types:
            continue
        have = {f["name"]: f for f in new_types[name]["fields"]}
        for field in old_type["fields"]:
            assert field["name"] in have or "default" in field, (name, field["name"])


def records(schema):
    """Record types by unqualified name, which is what Avro's resolution compares."""
    found = {}

    def walk(node):
        if isinstance(node, dict):
            if node.get("type") == "record":
                found[node["name"].rsplit(".", 1)[-1]] = node
            for value in node.values():
                walk(value)
        elif isinstance(node, list):
            for value in node:
                walk(value)

    walk(schema)
    return found


def test_new_reader_reads_old_alerts():
    old, new = lsst.schema_for_version(NEWEST), derive.derive_flat()
    record = record_of(old)
    read = passed(old, new, record)
    assert all(read[name] is None for name in NAMES)
    assert {k: read[k] for k in record} == record


def test_stamps_are_found_by_name_and_read_back(stamp):
    new = derive.derive_flat()
    assert stamp_fields(parsed(new)) == NAMES
    record = record_of(new, hstampTemplate=stamp.to_dict())
    out = io.BytesIO()
    fastavro.writer(out, parsed(new), [record])
    out.seek(0)
    (found,) = hstamp.read_stamps(out)
    assert found.field == "hstampTemplate"
    assert found.stamp.to_bytes() == stamp.to_bytes()


def test_files_load_as_lsst_loads_its_own(tmp_path):
    written = derive.write_derived(tmp_path)
    major, minor = NEWEST
    alert = tmp_path / f"lsst.v{major}_{minor + 1}.alert.avsc"
    assert alert in written
    loaded = packet.schema.Schema.from_file(str(alert))
    assert loaded.get_schema_id() == 100 * major + minor + 1
    flat = json.loads((tmp_path / f"lsst.v{major}_{minor + 1}.alert.flat.avsc").read_text())
    for schema in (loaded.definition, flat):
        record = record_of(schema)
        assert passed(schema, flat, record) == record
    originals = {p.name for p in lsst.schema_dir(NEWEST).glob("*.avsc")}
    assert {p.name for p in written} == {
        *(name.replace(f"v{major}_{minor}", f"v{major}_{minor + 1}") for name in originals),
        "hstamp.v1.stamp.avsc",
        f"lsst.v{major}_{minor + 1}.alert.flat.avsc",
    }
    assert json.loads((tmp_path / "hstamp.v1.stamp.avsc").read_text()) == hstamp.STAMP_SCHEMA


@pytest.mark.parametrize("version", lsst.installed_versions(), ids=str)
def test_every_installed_version_can_be_extended(version):
    schema = add_stamp_fields(lsst.schema_for_version(version))
    assert stamp_fields(parsed(schema)) == NAMES
    assert add_stamp_fields(schema) == schema


def test_schemas_that_cannot_be_extended():
    half = add_stamp_fields({"type": "record", "name": "a", "fields": []})
    half["fields"].pop()
    for schema in ("int", {"type": "array", "items": "int"}, half):
        with pytest.raises(hstamp.FormatError) as caught:
            add_stamp_fields(schema)
        assert caught.value.code == "E_SCHEMA"


def test_unknown_wire_ids_say_what_is_installed():
    with pytest.raises(hstamp.FormatError, match=r"99\.7") as caught:
        lsst.schema_for_id(9907)
    assert caught.value.code == "E_SCHEMA"
