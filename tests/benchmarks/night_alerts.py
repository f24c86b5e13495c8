"""A night of made alerts in LSST's v11 form: many of them, quickly, and in every form stored.

A few alerts are made with everything in them: three cutouts as long as real ones, of simulated sky,
and twelve earlier and twelve forced sources. The others are these with identifiers of their own.
"""

from __future__ import annotations

import base64
import gzip
import io
import json
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import fastavro
from astropy.io import fits

from . import sky
from .alerts import v11

__all__ = ["SCHEMA_ID", "Night", "write_forms"]

SCHEMA_ID: Final = 1101
_FIRST: Final = 170_000_000_100_000_000
"""Identifiers from here on have nine bytes in Avro, so that one may take the place of another."""
_MARK: Final = _FIRST - 1
_TEXT: Final = b"@" * 12
"""In a comment of each cutout's header, so that no two headers are the same, as in real ones."""
_BLOCK: Final = 16


class Night:
    """Made alerts.

    Parameters
    ----------
    distinct : int
        Alerts whose images differ.
    """

    def __init__(self, distinct: int = 24) -> None:
        alerts = v11()
        if alerts is None:
            raise SystemExit("needs the package lsst-alert-packet (extra 'lsst')")
        self.schema: Any = alerts.plain
        self._parsed = fastavro.parse_schema(self.schema)
        self._templates: list[bytes] = []
        ra, dec = sky.PLACE
        for seed in range(distinct):
            cutouts = [_marked(sky.cutout(sky.parent(3 * seed + k, side=120))) for k in range(3)]
            record = alerts.record(None, cutouts)
            record["diaSourceId"] = record["diaSource"]["diaSourceId"] = _MARK
            record["diaSource"] |= {"ra": ra, "dec": dec, "band": "ugrizy"[seed % 6]}
            out = io.BytesIO()
            fastavro.schemaless_writer(out, self._parsed, record)
            self._templates.append(out.getvalue())

    def alert(self, number: int) -> bytes:
        """Avro bytes of one alert."""
        template, text = self._templates[number % len(self._templates)], b"%012d" % number
        return template.replace(_long(_MARK), _long(_FIRST + number)).replace(_TEXT, text)

    def record(self, number: int) -> dict[str, Any]:
        """One alert, decoded."""
        found: Any = fastavro.schemaless_reader(io.BytesIO(self.alert(number)), self._parsed)
        return dict(found)

    def container(self, first: int, stop: int) -> Iterator[bytes]:
        """Pieces of an uncompressed container file of some alerts."""
        out = io.BytesIO()
        fastavro.writer(out, self._parsed, [], sync_marker=bytes(range(16)))
        yield out.getvalue()
        for start in range(first, stop, _BLOCK):
            part = [self.alert(n) for n in range(start, min(start + _BLOCK, stop))]
            size = sum(map(len, part))
            yield b"".join((_long(len(part)), _long(size), *part, bytes(range(16))))

    def write(self, path: Path, count: int) -> int:
        """Write a container file; return its bytes."""
        with path.open("wb") as stream:
            return sum(stream.write(piece) for piece in self.container(0, count))


def _marked(cutout: bytes) -> bytes:
    comment = b"[d] MJD of fiducial time"
    assert cutout.count(comment) == 1
    return cutout.replace(comment, _TEXT.ljust(len(comment)))


def _long(value: int) -> bytes:
    out = io.BytesIO()
    fastavro.schemaless_writer(out, "long", value)
    return out.getvalue()


def write_forms(night: Night, folder: Path, count: int) -> dict[str, tuple[Path, int, list[str]]]:
    """Write the same alerts in every form that they are stored in.

    Returns
    -------
    dict
        Form to its path, the number of alerts, and options that reading it needs.
    """
    whole = folder / "night.avro"
    night.write(whole, count)
    schema = folder / "v11.avsc"
    schema.write_text(json.dumps(night.schema))
    wire = folder / "night.wire"
    head = b"\0" + SCHEMA_ID.to_bytes(4, "big")
    wire.write_bytes(b"".join(head + night.alert(n) for n in range(count)))
    files = folder / "files"
    files.mkdir()
    for n in range(count):
        (files / f"{n:06d}.avro").write_bytes(b"".join(night.container(n, n + 1)))
    packed = folder / "night.avro.gz"
    with gzip.open(packed, "wb", 1) as stream:
        stream.write(whole.read_bytes())
    tars = {"tar": folder / "night.tar", "tar.gz": folder / "night.tar.gz"}
    for mode, path in zip(("w", "w:gz"), tars.values(), strict=True):
        with tarfile.open(path, mode) as archive:
            archive.add(files, "night")
    needs = ["--schema", str(schema)]
    forms: dict[str, tuple[Path, int, list[str]]] = {
        "Avro container file": (whole, count, []),
        "Avro container file, gzipped": (packed, count, []),
        "wire messages in one file": (wire, count, needs),
        "folder of files of one alert": (files, count, []),
        "tar": (tars["tar"], count, []),
        "tar.gz": (tars["tar.gz"], count, []),
    }
    return forms | _tables(night, folder, count) | _packets(night, folder, min(count, 200))


def _tables(night: Night, folder: Path, count: int) -> dict[str, tuple[Path, int, list[str]]]:
    """Parquet with a column of bytes for each cutout, and with structs as Fink writes them."""
    import pyarrow as pa
    from pyarrow import parquet

    records = [night.record(n) for n in range(count)]
    names = [f"cutout{kind}" for kind in ("Difference", "Science", "Template")]
    plain, nested = folder / "night.parquet", folder / "struct.parquet"
    columns = {
        name: pa.array([r[name] for r in records])
        for name in ("diaSourceId", "diaSource", "prvDiaSources", "prvDiaForcedSources")
    }
    flat = columns | {name: pa.array([r[name] for r in records], pa.binary()) for name in names}
    parquet.write_table(pa.table(flat), plain, row_group_size=500)
    structs = columns | {
        name: pa.array([{"fileName": "", "stampData": r[name]} for r in records]) for name in names
    }
    parquet.write_table(pa.table(structs), nested, row_group_size=500)
    return {
        "Parquet, cutouts as bytes": (plain, count, []),
        "Parquet, cutouts as structs": (nested, count, []),
    }


def _packets(night: Night, folder: Path, count: int) -> dict[str, tuple[Path, int, list[str]]]:
    """Alerts as Rubin's alert retrieval service gives them: FITS with the images, and JSON."""
    images, texts = folder / "service.fits", folder / "service.json"
    images.mkdir()
    texts.mkdir()
    for n in range(count):
        record = night.record(n)
        hdus: list[Any] = [fits.PrimaryHDU()]
        for kind, name in (("Difference", "DIFFIM"), ("Science", "SCIENCE")):
            with fits.open(io.BytesIO(record[f"cutout{kind}"])) as held:
                hdus.append(fits.ImageHDU(held[0].data.copy(), held[0].header.copy(), name=name))
        fits.HDUList(hdus).writeto(images / f"{n:06d}.fits")
        (texts / f"{n:06d}.json").write_text(json.dumps(record, default=_base64))
    return {
        "FITS of the retrieval service, two images": (images, count, []),
        "JSON of the retrieval service": (texts, count, []),
    }


def _base64(value: Any) -> Any:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return value.isoformat() if hasattr(value, "isoformat") else str(value)
