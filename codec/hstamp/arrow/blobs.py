"""Columns of blobs, in every form that Arrow and the libraries beside it have for bytes."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ..errors import InputError

__all__ = ["as_column", "as_table", "blob_bytes", "is_bytes"]


def is_bytes(kind: Any) -> bool:
    """Whether an Arrow type holds bytes."""
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return bool(
        pa.types.is_binary(kind)
        or pa.types.is_large_binary(kind)
        or pa.types.is_fixed_size_binary(kind)
        or pa.types.is_binary_view(kind)
    )


def as_column(values: Any) -> Any:
    """Arrow column of what a library calls a column.

    Parameters
    ----------
    values : pyarrow, pandas, polars or other Arrow column, or sequence
        A sequence holds bytes, None where there are none.

    Returns
    -------
    pyarrow.Array or pyarrow.ChunkedArray

    Raises
    ------
    InputError
        If it is no column.
    """
    if isinstance(values, pa.Array | pa.ChunkedArray):
        return values
    try:
        if hasattr(values, "__arrow_c_stream__"):
            return pa.chunked_array(values)
        if hasattr(values, "__arrow_c_array__"):
            return pa.array(values)
        return pa.array(values)
    except (pa.ArrowException, TypeError, ValueError) as exc:
        raise InputError(f"no column of bytes: {_first_line(exc)}") from exc


def as_table(values: Any) -> Any:
    """Arrow table of what a library calls a table or a data frame.

    Raises
    ------
    InputError
        If it is no table.
    """
    try:
        if isinstance(values, pa.Table):
            return values
        if isinstance(values, pa.RecordBatch):
            return pa.Table.from_batches([values])
        return pa.table(values)
    except (pa.ArrowException, TypeError, ValueError) as exc:
        raise InputError(f"no table: {_first_line(exc)}") from exc


def blob_bytes(
    column: Any,
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64], npt.NDArray[np.intp], int]:
    """Bytes of a column's blobs, without a copy where the column is one chunk without nulls.

    Parameters
    ----------
    column : pyarrow.Array or pyarrow.ChunkedArray
        Of binary, large_binary, binary_view or fixed_size_binary, or a dictionary of these.

    Returns
    -------
    buffer : ndarray of uint8
    offsets : ndarray of int64, shape (B + 1,)
        Blob b is ``buffer[offsets[b] : offsets[b + 1]]``.
    rows : ndarray of intp, shape (B,)
        Rows of the column that are not null.
    count : int
        Rows of the column.

    Raises
    ------
    InputError
        If the column holds no bytes.
    """
    if not is_bytes(column.type):
        if not pa.types.is_null(column.type):
            raise InputError(f"a column of blobs holds bytes, not {column.type}")
        column = column.cast(pa.large_binary())
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if isinstance(column, pa.ChunkedArray) and column.num_chunks == 1:
        column = column.chunk(0)
    if not (isinstance(column, pa.Array) and pa.types.is_binary(column.type)):
        # 64-bit offsets before chunks are joined, which may be longer than 32 bits count.
        column = column.cast(pa.large_binary())
    count, rows = len(column), np.arange(len(column), dtype=np.intp)
    if column.null_count:
        rows = np.flatnonzero(np.asarray(column.is_valid()))
        column = pc.drop_null(column)
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    if isinstance(column, pa.ChunkedArray):
        column = pa.concat_arrays(column.chunks) if column.chunks else pa.array([], column.type)
    _, places, data = column.buffers()
    width = np.int64 if pa.types.is_large_binary(column.type) else np.int32
    offsets: npt.NDArray[Any] = np.zeros(1, np.int64)
    if len(column):
        offsets = np.frombuffer(places, width)[column.offset : column.offset + len(column) + 1]
    buffer = np.zeros(0, np.uint8) if data is None else np.frombuffer(data, np.uint8)
    return buffer, offsets.astype(np.int64, copy=False), rows, count


def _first_line(exc: Exception) -> str:
    return str(exc).split("\n", 1)[0][:200]
