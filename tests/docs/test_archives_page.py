"""The commands of the page on archives do what it says."""

import io
import json
import re
import shlex
import sys
import tarfile
from pathlib import Path

import fastavro
import pytest

from hstamp.alerts import add_stamp_fields
from hstamp.cli import main
from hstamp.convert.quarantine import SCHEMA

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "archives.md").read_text(encoding="utf-8")
sys.path.insert(0, str(ROOT / "tests" / "convert"))
from convert_samples import LSST_SCHEMA, ZTF_SCHEMA, lsst_alert, write_ocf, ztf_alert  # noqa: E402


def commands(name):
    found = re.search(rf"<!-- test: {name} -->\n```sh\n(.*?)```", PAGE, re.S)
    assert found, f"no block {name}"
    return [shlex.split(line)[1:] for line in found[1].splitlines()]


@pytest.fixture
def night(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    alerts = [lsst_alert(1), lsst_alert(2, {"cutoutScience": b"no FITS"})]
    with tarfile.open("night.tar.gz", "w:gz") as archive:
        for alert in alerts:
            out = io.BytesIO()
            fastavro.writer(out, fastavro.parse_schema(LSST_SCHEMA), [alert])
            info = tarfile.TarInfo(f"{alert['diaSourceId']}.avro")
            info.size = len(out.getvalue())
            archive.addfile(info, io.BytesIO(out.getvalue()))


def test_a_night_and_what_failed_of_it(night, tmp_path, capsys):
    convert, verify, validate = commands("night")
    assert main(convert) == 1
    assert "night.tar.gz, 170002.avro, record 0, cutoutScience: E_INPUT" in capsys.readouterr().err
    assert (tmp_path / "with-stamps" / "night.avro").exists()
    assert main(verify) == 0
    assert "2 alerts made again: 5 stamps are equal" in capsys.readouterr().out
    assert main(validate) == 0
    (again,) = commands("again")
    assert main(again) == 1
    assert (tmp_path / "again" / "failed.avro").exists()


def test_a_night_by_two_processes(night, tmp_path):
    (command,) = commands("jobs")
    assert main(command) == 1
    assert (tmp_path / "by-two" / "night.avro").exists()


def test_messages_are_written_and_read(night, tmp_path):
    derive, convert, validate = commands("wire")
    assert main(derive) == 0
    plain = fastavro.schema.to_parsing_canonical_form
    derived = json.loads((tmp_path / "derived.avsc").read_text())
    assert plain(derived) == plain(add_stamp_fields(LSST_SCHEMA))
    assert main(convert) == 1
    assert main(validate) == 0


def test_alerts_are_sorted_by_schema(night, tmp_path):
    convert, verify = commands("by schema")
    (tmp_path / "nights").mkdir()
    (tmp_path / "night.tar.gz").rename(tmp_path / "nights" / "1.tar.gz")
    write_ocf(tmp_path / "nights" / "2.avro", ZTF_SCHEMA, [ztf_alert(1)])
    assert main(convert) == 1
    names = [path.name for path in sorted((tmp_path / "sorted").glob("[!.]*"))]
    assert names == ["lsst.v11_1.alert.avro", "ztf.alert.avro"]
    assert main(verify) == 0


def test_alerts_are_partitioned(night, tmp_path):
    alerts, stamps, verify = commands("partition")
    assert main(alerts) == 1
    assert main(stamps) == 1
    assert (tmp_path / "by-band" / "band=r" / "part-0.avro").exists()
    assert (tmp_path / "stamps-by-band" / "band=r" / "part-0.avro").exists()
    assert main(verify) == 0


def test_a_data_set_is_read(tmp_path, monkeypatch):
    pa = pytest.importorskip("pyarrow")
    import pyarrow.parquet as pq

    monkeypatch.chdir(tmp_path)
    pq.write_table(pa.Table.from_pylist([lsst_alert(1)]), "in.parquet")
    assert main(["convert", "in.parquet", "--partition", "diaSource.band", "-o", "by-band"]) == 0
    found = re.search(r"<!-- test: dataset -->\n```python\n(.*?)```", PAGE, re.S)
    names = {}
    exec(found[1], names)
    assert names["table"]["band"].to_pylist() == ["r"]


def test_the_summary_as_json(night, capsys):
    (command,) = commands("json")
    assert main(command) == 1
    assert json.loads(capsys.readouterr().out)["stamps"] == 5


def test_the_fields_of_a_quarantine_file_are_told():
    told = re.findall(r"`(\w+)`", "".join(re.findall(r"^\| (`.*?) \|", PAGE, re.M)))
    assert sorted(set(told) & {f["name"] for f in SCHEMA["fields"]}) == sorted(
        f["name"] for f in SCHEMA["fields"]
    )
