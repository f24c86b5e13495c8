"""Stamps of any file that can hold them, one by one, the faulty ones included."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..alerts.fields import CUTOUT_FIELDS, STAMP_FIELDS
from ..container.blob import MAX_BLOB
from ..container.schema import stamp_fields
from ..convert.detect import Kind, detect
from ..convert.gunzip import inflate
from ..convert.sources import AlertRecord, BadRecord, open_alerts
from ..errors import FormatError, HstampError
from ..stamp import Stamp

__all__ = ["Item", "iter_stamps"]


@dataclass(frozen=True)
class Item:
    """A stamp, or why it is not one.

    Attributes
    ----------
    path : Path
    record : int
        Number of the record, from 0.
    field : str or None
        Alert field; None where the record is the stamp.
    size : int
        Bytes of the stamp as a blob; 0 when it is faulty.
    cutout : bytes or None
        The alert's own cutout of the same image, where the record still has it.
    """

    path: Path
    record: int
    field: str | None
    result: Stamp | HstampError
    cutout: bytes | None = None

    @property
    def stamp(self) -> Stamp:
        """Return the stamp; raise `FormatError`, naming the place, if it is faulty."""
        if isinstance(self.result, HstampError):
            raise FormatError(self.result.code, f"{self.place}: {self.result.reason}")
        return self.result

    @property
    def place(self) -> str:
        """File, record and field."""
        field = f", {self.field}" if self.field else ""
        return f"{self.path}, record {self.record}{field}"


def iter_stamps(path: Path, schema_file: Path | None = None) -> Iterator[Item]:
    """Read a blob, a file of stamps, or a file of alerts (Avro, wire format or Parquet).

    Parameters
    ----------
    path : Path
    schema_file : Path, optional
        Writer's schema of a wire-format message.

    Raises
    ------
    FormatError
        If the file as a whole cannot be read or cannot hold stamps.
    """
    kind, gzipped = detect(path)
    if kind is Kind.BLOB:
        with path.open("rb") as stream:
            # A gzipped blob that is too long is still too long when cut here.
            data = inflate(stream.read(2 * MAX_BLOB)) if gzipped else stream.read(MAX_BLOB + 1)
        yield Item(path, 0, None, _from(Stamp.from_bytes, data))
        return
    if kind in (Kind.FITS, Kind.EMPTY, Kind.UNKNOWN):
        raise FormatError("E_MAGIC", f"{path}: {kind.value}: it holds no stamps")
    with open_alerts(path, kind, gzipped=gzipped, schema_file=schema_file) as source:
        fields = _fields(source.schema, kind)
        if fields is None:
            raise FormatError("E_SCHEMA", f"{path}: its schema holds no stamps")
        make = Stamp.from_bytes if kind is Kind.PARQUET else Stamp.from_dict
        for batch in source.batches():
            for item in batch.records:
                if isinstance(item, BadRecord):
                    yield Item(path, item.number, None, item.error)
                else:
                    yield from _items(path, item, fields, make)


def _items(path: Path, item: AlertRecord, fields: tuple[str, ...], make: Any) -> Iterator[Item]:
    if not fields:
        yield Item(path, item.number, None, _from(make, item.record))
    for name in fields:
        if (value := item.record.get(name)) is not None:
            yield Item(path, item.number, name, _from(make, value), _cutout(item, name))


def _cutout(item: AlertRecord, name: str) -> bytes | None:
    kinds = [kind for kind, field in STAMP_FIELDS.items() if field == name]
    value = item.record.get(CUTOUT_FIELDS[kinds[0]]) if kinds else None
    return value if isinstance(value, bytes) else None


def _fields(schema: Any, kind: Kind) -> tuple[str, ...] | None:
    if kind is not Kind.PARQUET:
        return stamp_fields(schema)
    return tuple(name for name in schema.names if name in STAMP_FIELDS.values()) or None


def _from(make: Any, value: Any) -> Stamp | HstampError:
    try:
        made: Stamp = make(value)
    except HstampError as exc:
        return exc
    return made
