"""What failed is kept with its reason, and can be converted again."""

import gzip
import hashlib
import io
import json

import fastavro
import numpy as np
from convert_samples import (
    LSST_SCHEMA,
    ZTF_SCHEMA,
    lsst_alert,
    read_ocf,
    write_ocf,
    ztf_alert,
)
from test_schemas import tar

from hstamp.cli import main
from hstamp.container.detect import Kind, detect


def night(tmp_path):
    bad = [
        lsst_alert(2, {"cutoutScience": b"no FITS", "cutoutTemplate": b"nor this"}),
        lsst_alert(4, {"diaSource": {"diaSourceId": 4, "ra": np.nan, "dec": 2.0, "band": "r"}}),
    ]
    path = tmp_path / "night.avro"
    write_ocf(path, LSST_SCHEMA, [lsst_alert(1), bad[0], lsst_alert(3), bad[1]])
    return path, bad


def raw(record):
    out = io.BytesIO()
    fastavro.schemaless_writer(out, fastavro.parse_schema(LSST_SCHEMA), record)
    return out.getvalue()


def go(*arguments):
    return main(["convert", *map(str, arguments)])


def test_each_alert_that_failed_is_kept_with_its_bytes(tmp_path, capsys):
    path, bad = night(tmp_path)
    (tmp_path / "text").write_bytes(b"rubbish")
    kept = tmp_path / "kept.avro"
    assert go(path, tmp_path / "text", "-o", tmp_path / "o.avro", "--quarantine", kept) == 1
    assert f"quarantine  3 in {kept}" in capsys.readouterr().out
    first, second, third = read_ocf(kept)
    assert [(k["file"], k["record"], k["code"]) for k in (first, second, third)] == [
        (str(path), 1, "E_INPUT"),
        (str(path), 3, "E_INPUT"),
        (str(tmp_path / "text"), None, "E_MAGIC"),
    ]
    assert first["field"] == "cutoutScience"
    assert "b'no FITS'" in first["reason"]
    assert "b'nor this'" in first["reason"]
    assert [first["alert"], second["alert"], third["alert"]] == [*map(raw, bad), None]
    with path.open("rb") as stream:
        written = json.dumps(json.loads(fastavro.reader(stream).metadata["avro.schema"]))
    assert first["schema"] == written
    assert first["schemaId"] == hashlib.sha256(written.encode()).hexdigest()
    assert (second["schema"], second["schemaId"]) == (None, first["schemaId"])
    assert detect(kept) == (Kind.QUARANTINE, False)


def test_a_quarantine_file_is_converted_again(tmp_path, capsys):
    ztf = ztf_alert(9, side=20)
    path = tar(
        tmp_path / "n.tar",
        (LSST_SCHEMA, lsst_alert(2, {"cutoutScience": b"no FITS"})),
        (ZTF_SCHEMA, ztf),
        (LSST_SCHEMA, lsst_alert(3)),
    )
    kept, out = tmp_path / "kept.avro", tmp_path / "out"
    assert go(path, "-o", f"{out}/", "--quarantine", kept) == 1
    assert [k["file"] for k in read_ocf(kept)] == [f"{path}, 0.avro", f"{path}, 1.avro"]
    (tmp_path / "kept.gz").write_bytes(gzip.compress(kept.read_bytes()))
    capsys.readouterr()
    for again in (kept, tmp_path / "kept.gz"):
        target = tmp_path / f"{again.suffix}.stamps"
        assert go(again, "--as", "stamps", "-o", target) == 1
        err = capsys.readouterr().err
        assert f"{again}, {path}, 0.avro, record 0, cutoutScience: E_INPUT" in err
        assert [s["id"] for s in read_ocf(target)] == ["170002/difference", "170002/template"]
    assert go(kept, "-o", f"{tmp_path / 'again'}/") == 1
    (alert,) = read_ocf(tmp_path / "again" / "kept.avro")
    assert alert["hstampDifference"]["id"] == "170002/difference"


def test_what_has_no_bytes_is_told_when_converted_again(tmp_path, capsys):
    (tmp_path / "text").write_bytes(b"rubbish")
    kept = tmp_path / "kept.avro"
    go(tmp_path / "text", "-o", tmp_path / "o.avro", "--quarantine", kept)
    capsys.readouterr()
    assert go(kept, "-o", tmp_path / "o.avro") == 1
    assert "its bytes were not kept" in capsys.readouterr().err


def test_nothing_failed_leaves_no_file_and_none_is_overwritten(tmp_path, capsys):
    write_ocf(tmp_path / "a", LSST_SCHEMA, [lsst_alert(1)])
    kept = tmp_path / "kept"
    assert go(tmp_path / "a", "-o", tmp_path / "o", "--quarantine", kept) == 0
    assert not kept.exists()
    kept.write_bytes(b"mine")
    assert go(tmp_path / "a", "-o", tmp_path / "p", "--quarantine", kept) == 1
    assert go(tmp_path / "a", "-f", "-o", tmp_path / "p", "--quarantine", tmp_path / "a") == 1
    assert kept.read_bytes() == b"mine"
    assert len(read_ocf(tmp_path / "a")) == 1


def test_blobs_keep_them_too(tmp_path):
    path, bad = night(tmp_path)
    kept = tmp_path / "kept"
    go(path, "--as", "blobs", "-o", tmp_path / "blobs", "--quarantine", kept)
    assert [k["alert"] for k in read_ocf(kept)] == [*map(raw, bad)]
