"""Tables in which columns of blobs and columns of numbers stand for each other."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, Final

import pyarrow as pa

from ..errors import InputError
from ..fast.protocol import PLANES
from .blobs import as_table, is_bytes
from .decode import decode
from .encode import encode
from .fields import ERROR, FIELDS

__all__ = ["collapse", "expand", "stamp_columns"]

_JOINT: Final = "_"
"""Between a blob column's name and a part's: a dot would be a struct's or a nested frame's."""
_PREFIX: Final = "hstamp"


def stamp_columns(table: Any) -> list[str]:
    """Names of the columns of blobs in a table: of bytes, called hstamp and what may follow."""
    schema = as_table(table).schema
    return [
        field.name
        for field in schema
        if field.name.startswith(_PREFIX) and (is_bytes(field.type) or pa.types.is_null(field.type))
    ]


def expand(
    table: Any,
    columns: Sequence[str] | None = None,
    *,
    planes: Collection[str] = PLANES,
    n: int | None = None,
    psf_size: int | None = None,
    steps: bool = False,
    errors: str = "raise",
    keep: bool = False,
) -> Any:
    """Replace columns of blobs by columns that need no decoder.

    Column ``hstampScience`` becomes ``hstampScience_image``, ``hstampScience_variance`` and so on
    at its place: flat columns, because of these every engine reads the wanted ones alone.

    Parameters
    ----------
    table : Arrow table, or pandas or polars data frame
    columns : sequence of str, optional
        Columns of blobs; by default `stamp_columns`.
    planes, n, psf_size, steps, errors
        As in `hstamp.arrow.decode`.
    keep : bool
        Keep the columns of blobs before their numbers.

    Returns
    -------
    pyarrow.Table

    Raises
    ------
    FormatError
        With ``errors='raise'``: for the first blob that is no stamp.
    InputError
        If there is no such column, or an option is not usable.
    """
    table = as_table(table)
    wanted = _wanted(table, stamp_columns(table) if columns is None else columns)
    fields, arrays = [], []
    for field, column in zip(table.schema, table.columns, strict=True):
        if keep or field.name not in wanted:
            fields.append(field)
            arrays.append(column)
        if field.name in wanted:
            made = decode(
                column, planes=planes, n=n, psf_size=psf_size, steps=steps, errors=errors,
                prefix=field.name + _JOINT,
            )  # fmt: skip
            fields += made.schema
            arrays += made.columns
    return pa.table(arrays, schema=pa.schema(fields, table.schema.metadata))


def collapse(
    table: Any,
    columns: Sequence[str] | None = None,
    *,
    encoding: str | None = None,
    variance_encoding: str | None = None,
) -> Any:
    """Replace the columns that `expand` made by columns of blobs.

    Parameters
    ----------
    table : Arrow table, or pandas or polars data frame
    columns : sequence of str, optional
        Names of the columns of blobs; by default all whose numbers are there.
    encoding, variance_encoding
        As in `hstamp.arrow.encode`.

    Returns
    -------
    pyarrow.Table
        Blobs are ``large_binary``, and stand where the first of their numbers stood.

    Raises
    ------
    InputError
        If there are no such columns, or no stamp can hold what is in them.
    """
    table = as_table(table)
    image = _JOINT + "image"
    found = [name.removesuffix(image) for name in table.column_names if name.endswith(image)]
    wanted = [name for name in found if name.startswith(_PREFIX)] if columns is None else columns
    for name in wanted:
        if name not in found:
            raise InputError(f"there is no column {name}{image}")
    options: Any = {"encoding": encoding, "variance_encoding": variance_encoding}
    owner = {
        name + _JOINT + field.name: name for name in wanted for field in (*FIELDS, ERROR)
    }  # fmt: skip
    fields, arrays, done = [], [], set(table.column_names) & set(wanted)
    for field, column in zip(table.schema, table.columns, strict=True):
        name = owner.get(field.name)
        if name is None:
            fields.append(field)
            arrays.append(column)
        elif name not in done:
            done.add(name)
            fields.append(pa.field(name, pa.large_binary()))
            arrays.append(encode(table, prefix=name + _JOINT, **options))
    return pa.table(arrays, schema=pa.schema(fields, table.schema.metadata))


def _wanted(table: Any, columns: Sequence[str]) -> set[str]:
    wanted = {columns} if isinstance(columns, str) else set(columns)
    if missing := wanted - set(table.column_names):
        raise InputError(f"there is no column {sorted(missing)[0]}")
    for name in wanted:
        clash = [f.name for f in FIELDS if name + _JOINT + f.name in table.column_names]
        if clash:
            raise InputError(f"{name}{_JOINT}{clash[0]} is a column already")
    return wanted
