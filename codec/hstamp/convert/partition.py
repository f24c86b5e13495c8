"""Folders of a partitioned output, as Hive names them: ``band=r/``.

Text is escaped byte by byte (``%2F``), so that no value leads to another folder; a null and an
empty text are ``__HIVE_DEFAULT_PARTITION__``. Spark, pyarrow, DuckDB and polars read these names.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from typing import Any, Final

from ..container.schema import check_schema
from ..container.skipping import Types
from ..errors import FormatError, InputError
from .parquet import ParquetTable, open_columns

__all__ = ["NULL", "Partitions", "segment"]

NULL: Final = "__HIVE_DEFAULT_PARTITION__"
_SAFE: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-")
_LONGEST: Final = 200
"""Bytes of a folder's name; file systems take 255."""
_SCALARS: Final = frozenset(("null", "boolean", "int", "long", "float", "double", "string", "enum"))


class Partitions:
    """The columns that an output is partitioned by.

    Parameters
    ----------
    columns : sequence of str
        Paths of fields, such as ``diaSource.band``. A folder is named after the last part.

    Raises
    ------
    InputError
        If two columns have the same last part.
    """

    def __init__(self, columns: Sequence[str]) -> None:
        self.columns = tuple(columns)
        self.paths = [tuple(column.split(".")) for column in columns]
        self.keys = [path[-1] for path in self.paths]
        if not all(part for path in self.paths for part in path):
            raise InputError(f"no name of a column: {', '.join(map(repr, self.columns))}")
        if len({key.lower() for key in self.keys}) < len(self.keys):
            raise InputError("two columns to partition by have the same name in a folder's")

    def check(self, schema: Any) -> None:
        """Raise `FormatError` (E_SCHEMA) unless alerts of a schema or table have the columns."""
        for column, path in zip(self.columns, self.paths, strict=True):
            if isinstance(schema, ParquetTable):
                _check_table(schema, column, path)
            else:
                parsed = check_schema(schema)
                _check_avro(parsed, Types(parsed), column, path)

    def folder(self, record: Mapping[str, Any]) -> str:
        """Folder of an alert, below the output's; empty where there are no columns.

        Raises
        ------
        InputError
            If a value cannot be a folder's name.
        """
        return "/".join(
            segment(key, _value(record, path))
            for key, path in zip(self.keys, self.paths, strict=True)
        )


def segment(key: str, value: Any) -> str:
    """Name of the folder for a value: ``key=value``.

    Raises
    ------
    InputError
        If the value is no number, text, truth value, date or null, or its name is too long.
    """
    name = f"{_escaped(key)}={NULL if value is None or value == '' else _escaped(_text(value))}"
    if value == NULL:
        raise InputError(f"{key} is the text that stands for null in names of folders")
    if len(name.encode()) > _LONGEST:
        raise InputError(f"{key} gives a folder a name of more than {_LONGEST} bytes")
    return name


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        # As Spark and Java write them; zero has one folder.
        return "NaN" if value != value else repr(value or 0.0)
    if isinstance(value, datetime.date) and not isinstance(value, datetime.datetime):
        return value.isoformat()
    raise InputError(f"a value of type {type(value).__name__} cannot name a folder")


def _escaped(text: str) -> str:
    return "".join(
        ch
        if ch in _SAFE or (ch > "\x7f" and ch.isprintable())
        else "".join(f"%{byte:02X}" for byte in ch.encode("utf-8", "surrogatepass"))
        for ch in text
    )


def _value(record: Mapping[str, Any], path: Sequence[str]) -> Any:
    value: Any = record
    for part in path:
        if value is None:
            return None
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def _check_avro(parsed: Any, types: Types, column: str, path: Sequence[str]) -> None:
    """Follow a path through records and unions with null."""
    kinds = [parsed]
    for part in path:
        fields = [
            field
            for kind in kinds
            if isinstance(kind, Mapping) and kind["type"] == "record"
            for field in kind["fields"]
            if field["name"] == part
        ]
        if not fields:
            raise FormatError("E_SCHEMA", f"its alerts have no field {column}")
        branches = fields[0]["type"]
        kinds = [
            types.definition(kind)
            for kind in (branches if isinstance(branches, list) else [branches])
        ]
    names = {kind["type"] if isinstance(kind, Mapping) else kind for kind in kinds}
    if others := sorted(str(name) for name in names - _SCALARS):
        raise FormatError("E_SCHEMA", f"{column} is of type {others[0]}: no name for a folder")


def _check_table(table: ParquetTable, column: str, path: Sequence[str]) -> None:
    import pyarrow as pa

    schema = open_columns(table, [column], shared=False).schema_arrow
    kind: Any = pa.struct(list(schema))
    for part in path:
        if not pa.types.is_struct(kind) or kind.get_field_index(part) < 0:
            raise FormatError("E_SCHEMA", f"its rows have no column {column}")
        kind = kind.field(part).type
    tests = (
        pa.types.is_boolean, pa.types.is_integer, pa.types.is_floating, pa.types.is_string,
        pa.types.is_large_string, pa.types.is_date, pa.types.is_null,
    )  # fmt: skip
    if not any(test(kind) for test in tests):
        raise FormatError("E_SCHEMA", f"{column} is of type {kind}: no name for a folder")
