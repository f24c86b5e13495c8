"""Inputs of every kind, large enough for several parts of a few kilobytes."""

import gzip
import io
import tarfile

import fastavro
from convert_samples import LSST_SCHEMA, ZTF_SCHEMA, lsst_alert, wire, write_ocf, ztf_alert

COUNT = 9


def alerts():
    """Alerts of which one is damaged and one has a damaged cutout."""
    made = [lsst_alert(n) for n in range(COUNT)]
    made[4] = lsst_alert(4, {"cutoutScience": b"no FITS"})
    return made


def ocf(path, codec="null"):
    return write_ocf(path, LSST_SCHEMA, alerts(), sync_interval=1, codec=codec)


def gzipped(path):
    path.write_bytes(gzip.compress(ocf(path).read_bytes(), mtime=0))
    return path


def messages(path):
    path.write_bytes(b"".join(wire(1101, LSST_SCHEMA, alert) for alert in alerts()))
    return path


def member(schema, record):
    out = io.BytesIO()
    fastavro.writer(out, fastavro.parse_schema(schema), [record])
    return out.getvalue()


def tar(path, mode="w", other=False):
    """A night, with a member that is no alert, and on request alerts of a second schema."""
    with tarfile.open(path, mode) as archive:
        for number, alert in enumerate(alerts()):
            data = member(LSST_SCHEMA, alert)
            if other and number % 3 == 2:
                data = member(ZTF_SCHEMA, ztf_alert(number))
            for name, content in ((f"n/{number}.avro", data), (f"n/{number}.txt", b"text")):
                if name.endswith("avro") or number == 6:
                    info = tarfile.TarInfo(name)
                    info.size = len(content)
                    archive.addfile(info, io.BytesIO(content))
    return path


def tar_gz(path):
    return tar(path, "w:gz")


def folder(path):
    path.mkdir()
    for number, alert in enumerate(alerts()):
        (path / f"{number:02d}.avro").write_bytes(member(LSST_SCHEMA, alert))
    (path / "05.other").write_bytes(member(ZTF_SCHEMA, ztf_alert(5)))
    return path


def parquet(path):
    import pyarrow
    import pyarrow.parquet

    rows = [dict(alert) for alert in alerts()]
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), path, row_group_size=2)
    return path
