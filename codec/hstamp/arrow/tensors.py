"""Arrow tensors and numpy arrays of the same memory."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ..errors import InputError
from .blobs import as_column, as_table

__all__ = ["as_numpy", "plain", "tensor_array"]


def tensor_array(
    values: npt.NDArray[Any], kind: Any, missing: npt.NDArray[np.bool_] | None = None
) -> Any:
    """Tensor column over the memory of an array (rows, ...); null where `missing`."""
    flat = pa.array(np.ascontiguousarray(values).reshape(-1))
    size = int(np.prod(kind.shape))
    mask = pa.array(missing) if missing is not None and missing.any() else None
    storage = pa.FixedSizeListArray.from_arrays(flat, size, mask=mask)
    return pa.ExtensionArray.from_storage(kind, storage.cast(kind.storage_type))


def as_numpy(column: Any, shape: tuple[int, ...] | None = None) -> npt.NDArray[Any]:
    """Values of a tensor column, shape ``(rows, *shape)``, without a copy where it is one chunk.

    Parameters
    ----------
    column : pyarrow, pandas or polars column
        Of ``fixed_shape_tensor``, or of the lists that engines without this type make of it.
    shape : tuple of int, optional
        Shape of a value; needed for lists.

    Returns
    -------
    ndarray
        Null rows of floating-point columns are NaN, those of others 0.

    Raises
    ------
    InputError
        If it is no column of tensors or of lists of this size.
    """
    column = as_column(column)
    if isinstance(column, pa.ChunkedArray):
        if column.num_chunks != 1:
            parts = [as_numpy(chunk, shape) for chunk in column.chunks]
            return np.concatenate(parts) if parts else _empty(column.type, shape)
        column = column.chunk(0)
    if shape is None:
        shape = _shape(column.type)
    if shape is None:
        raise InputError(f"{column.type} does not tell the shape of its values: give it")
    column = _storage(column)
    size = int(np.prod(shape))
    kind = column.type
    if pa.types.is_fixed_size_list(kind):
        if kind.list_size != size:
            raise InputError(f"lists of {kind.list_size} values have no shape {shape}")
        flat = column.values.slice(column.offset * size, len(column) * size)
    elif pa.types.is_list(kind) or pa.types.is_large_list(kind):
        lengths = column.value_lengths().drop_null().to_numpy(zero_copy_only=False)
        if (lengths != size).any():
            raise InputError(f"lists of other than {size} values have no shape {shape}")
        if column.null_count:
            column = column.cast(pa.list_(kind.value_type, size))
            return as_numpy(column, shape)
        flat = column.flatten()
    else:
        raise InputError(f"{kind} is no type of tensors")
    if flat.null_count:
        # Parquet fills null rows with null elements.
        flat = flat.fill_null(float("nan") if pa.types.is_floating(flat.type) else 0)
    values: npt.NDArray[Any] = flat.to_numpy(zero_copy_only=False).reshape(-1, *shape)
    if column.null_count:
        values = values.copy()
        values[~np.asarray(column.is_valid())] = np.nan if values.dtype.kind == "f" else 0
    return values


def plain(table: Any) -> Any:
    """Table whose tensors are fixed-size lists, for engines that know no extension types.

    Parameters
    ----------
    table : table or data frame

    Returns
    -------
    pyarrow.Table
        Each former tensor's shape is in its field's metadata, key ``shape``.
    """
    table = as_table(table)
    fields, columns = [], []
    for field, column in zip(table.schema, table.columns, strict=True):
        if isinstance(field.type, pa.FixedShapeTensorType):
            about = {**(field.metadata or {}), b"shape": json.dumps(field.type.shape).encode()}
            column = pa.chunked_array([c.storage for c in column.chunks], field.type.storage_type)
            field = pa.field(field.name, column.type, field.nullable, about)
        fields.append(field)
        columns.append(column)
    return pa.table(columns, schema=pa.schema(fields, table.schema.metadata))


def _storage(column: Any) -> Any:
    return column.storage if isinstance(column, pa.ExtensionArray) else column


def _storage_type(kind: Any) -> Any:
    return getattr(kind, "storage_type", kind)


def _shape(kind: Any) -> tuple[int, ...] | None:
    return tuple(kind.shape) if isinstance(kind, pa.FixedShapeTensorType) else None


def _empty(kind: Any, shape: tuple[int, ...] | None) -> npt.NDArray[Any]:
    known = shape or _shape(kind)
    if known is None:
        raise InputError(f"{kind} does not tell the shape of its values: give it")
    value = _storage_type(kind).value_type
    return np.empty((0, *known), value.to_pandas_dtype())
