"""Alerts of a detector with stamps, from no more than its table of sources.

The pipeline task has no history, object or orbit at hand. Its alerts follow the schema that
`hstamp schema` derives from LSST's, so that whatever reads alerts reads them, and hold what the
table says: ``diaSourceId``, a ``diaSource`` of the columns of the same name, and three stamps.
Everything else that may be null is. A number that the schema wants and the table lacks is NaN, or
-1 where it is an integer: no count, flag or identifier is made up.
"""

from __future__ import annotations

import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import fastavro
import pyarrow as pa

from ..alerts.derive import derive_flat
from ..alerts.fields import STAMP_FIELDS
from ..alerts.lsst import load_schema_file
from ..alerts.schema import Schema, add_stamp_fields
from ..errors import FormatError
from ..stamp import Stamp

__all__ = ["Alerts", "alert_schema", "alerts_of"]

_COLUMNS: Final = {
    "long": pa.int64(), "int": pa.int32(), "float": pa.float32(), "double": pa.float64(),
    "boolean": pa.bool_(), "string": pa.string(),
}  # fmt: skip
_UNKNOWN: Final = {"long": -1, "int": -1, "float": math.nan, "double": math.nan}
_CODEC: Final = "deflate"


@dataclass(frozen=True)
class Alerts:
    """Alerts and their schema.

    Attributes
    ----------
    schema : dict
        Avro record schema, as parsed JSON.
    records : sequence of mapping
        Alerts as fastavro takes and gives them.
    """

    schema: Schema
    records: Sequence[Mapping[str, Any]]

    def to_bytes(self) -> bytes:
        """Avro container file, as `hstamp.read_stamps` and `hstamp validate` read it."""
        stream = io.BytesIO()
        fastavro.writer(stream, self.schema, self.records, codec=_CODEC)
        return stream.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes) -> Alerts:
        """Read a container file.

        Raises
        ------
        FormatError
            E_AVRO if it is none, or is damaged.
        """
        try:
            reader = fastavro.reader(io.BytesIO(data))
            records = [record for record in reader if isinstance(record, dict)]
            schema = reader.writer_schema
        except Exception as exc:  # fastavro raises almost anything on damaged data
            raise FormatError("E_AVRO", f"not a container file of alerts: {exc}") from exc
        if not isinstance(schema, dict):
            raise FormatError("E_SCHEMA", "the file's schema is not that of a record")
        return cls(schema, records)


@lru_cache(maxsize=4)
def alert_schema(path: str | None = None) -> Schema:
    """Alert schema with the three stamp fields.

    Parameters
    ----------
    path : str, optional
        Its ``.avsc`` file, or one of LSST's to which the fields are added; by default the newest
        one installed.

    Raises
    ------
    FormatError
        E_SCHEMA if the file is no schema of alerts.
    MissingExtraError
        Without a path, where lsst-alert-packet is missing.
    """
    if path is None:
        return derive_flat()
    return add_stamp_fields(load_schema_file(Path(path)))


def alerts_of(
    sources: pa.Table,
    ids: Sequence[int | None],
    columns: Mapping[str, Sequence[bytes | None]],
    schema: Schema,
    where: Mapping[str, Any],
) -> Alerts:
    """Make an alert of each source that has an identifier.

    Parameters
    ----------
    sources : pyarrow.Table
        Columns called like fields of the schema's ``diaSource`` fill them; others are left out,
        and one whose values do not fit the field's type counts as missing.
    ids : sequence of (int or None)
        ``diaSourceId`` of each row.
    columns : mapping of str to sequence of (bytes or None)
        Blobs of each stamp field.
    schema : dict
        See `alert_schema`.
    where : mapping of str to value
        What all rows share and the table may lack, such as ``visit`` and ``detector``.

    Returns
    -------
    Alerts

    Raises
    ------
    FormatError
        E_SCHEMA if the schema has no record ``diaSource``.
    """
    fields: dict[str, list[Any]] = {"diaSourceId": list(ids)}
    for field in _source_fields(schema):
        if (name := field["name"]) not in fields:
            fields[name] = _values(sources, field, where.get(name))
    records = []
    for row, each in enumerate(ids):
        if each is None:
            continue
        alert: dict[str, Any] = {
            "diaSourceId": each,
            "diaSource": {name: values[row] for name, values in fields.items()},
        }
        for name in STAMP_FIELDS.values():
            blob = columns[name][row]
            alert[name] = None if blob is None else Stamp.from_bytes(blob).to_dict()
        records.append(alert)
    return Alerts(schema, records)


def _source_fields(schema: Schema) -> list[dict[str, Any]]:
    for field in schema.get("fields", ()):
        if field["name"] == "diaSource" and isinstance(field["type"], dict):
            fields: list[dict[str, Any]] = field["type"]["fields"]
            return fields
    raise FormatError("E_SCHEMA", "the schema of alerts defines no record diaSource")


def _values(sources: pa.Table, field: Mapping[str, Any], shared: Any) -> list[Any]:
    """Value of a field of ``diaSource`` for each row."""
    branches = field["type"] if isinstance(field["type"], list) else [field["type"]]
    kind = next((each for each in branches if isinstance(each, str) and each != "null"), "")
    lacking = shared if shared is not None else None if "null" in branches else _UNKNOWN.get(kind)
    column = None
    if field["name"] in sources.column_names and kind in _COLUMNS:
        try:
            column = sources.column(field["name"]).cast(_COLUMNS[kind]).to_pylist()
        except pa.ArrowInvalid:
            column = None
    if column is None:
        return [lacking] * sources.num_rows
    return [lacking if value is None else value for value in column]
