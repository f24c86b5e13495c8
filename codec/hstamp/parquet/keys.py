"""Key-value metadata that list a table's columns, and hide those they do not list."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Final

__all__ = ["LISTS_OF_COLUMNS", "with_columns"]

Keys = dict[bytes, bytes | None]


def with_columns(keys: Keys, names: Sequence[str]) -> Keys:
    """Add nullable binary columns to what the keys say of the columns.

    Spark, pandas, pyarrow and parquet-avro each write their schema into a key and believe it
    later: Spark and parquet-avro do not see other columns, and pyarrow forgets the types of the
    old ones. A key that cannot be read is left out; the Parquet schema then speaks for itself.

    Parameters
    ----------
    keys : dict
    names : sequence of str
        The new columns.
    """
    out: Keys = {}
    for key, value in keys.items():
        extend = _EXTEND.get(key)
        if extend is None or value is None or not names:
            out[key] = value
            continue
        with suppress(Exception):  # whatever is in it, it is not what its name says
            out[key] = extend(value, names)
    return out


def _spark(value: bytes, names: Sequence[str]) -> bytes:
    new = [{"name": n, "type": "binary", "nullable": True, "metadata": {}} for n in names]
    return _appended(value, "fields", new)


def _pandas(value: bytes, names: Sequence[str]) -> bytes:
    new = [
        {"name": n, "field_name": n, "pandas_type": "bytes", "numpy_type": "object",
         "metadata": None}
        for n in names
    ]  # fmt: skip
    return _appended(value, "columns", new)


def _avro(value: bytes, names: Sequence[str]) -> bytes:
    new = [{"name": n, "type": ["null", "bytes"], "default": None} for n in names]
    return _appended(value, "fields", new)


def _arrow(value: bytes, names: Sequence[str]) -> bytes:
    import pyarrow

    schema = pyarrow.ipc.read_schema(pyarrow.py_buffer(base64.b64decode(value)))
    for name in names:
        schema = schema.append(pyarrow.field(name, pyarrow.binary()))
    return base64.b64encode(schema.serialize().to_pybytes())


def _appended(value: bytes, key: str, new: Sequence[dict[str, Any]]) -> bytes:
    content = json.loads(value)
    there = {item["name"] for item in content[key]}
    content[key] += [item for item in new if item["name"] not in there]
    return json.dumps(content, separators=(",", ":"), ensure_ascii=False).encode()


_EXTEND: Final[dict[bytes, Callable[[bytes, Sequence[str]], bytes]]] = {
    b"org.apache.spark.sql.parquet.row.metadata": _spark,
    b"pandas": _pandas,
    b"ARROW:schema": _arrow,
    b"parquet.avro.schema": _avro,
    b"avro.schema": _avro,
}
LISTS_OF_COLUMNS: Final = frozenset(_EXTEND)
"""The keys."""
