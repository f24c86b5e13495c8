"""Alerts of one object as one row: a table nested by object."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ..arrow import plain

__all__ = ["NESTED", "nested", "object_groups"]

NESTED: Final = "alerts"
"""Name of the nested column."""
_APART: Final = 10.0 / 3600.0
"""Alerts further from their object's first one are not nested [deg]: solar-system objects."""

Array = npt.NDArray[Any]


def object_groups(table: Any) -> npt.NDArray[np.intp]:
    """Number of the object that each alert belongs to, (rows,); those of no object stand alone."""
    count = table.num_rows
    if not count:
        return np.zeros(0, np.intp)
    codes = table["objectId"].combine_chunks().dictionary_encode()
    if isinstance(codes, pa.ChunkedArray):
        codes = codes.chunk(0)
    groups = codes.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.intp)
    alone = np.arange(count) + len(codes.dictionary)
    groups = np.where(groups < 0, alone, groups)
    _, first, which = np.unique(groups, return_index=True, return_inverse=True)
    ra, dec = table["ra"].to_numpy(), table["dec"].to_numpy()
    first = first[which.ravel()]
    # The shorter way round, and degrees of a great circle.
    along = (ra - ra[first] + 180.0) % 360.0 - 180.0
    apart = np.hypot(along * np.cos(np.radians(dec)), dec - dec[first])
    return np.where(apart > _APART, alone, groups)


def nested(table: Any) -> Any:
    """Nest a table of alerts by object.

    Parameters
    ----------
    table : pyarrow.Table
        With the columns objectId, ra and dec [deg], mjd [day].

    Returns
    -------
    pyarrow.Table
        One row an object: objectId, the position of its earliest alert, and the column ``alerts``,
        a struct of lists, which nested-pandas takes for a frame. Alerts of an object are in the
        order of their mjd. Tensors become lists, since Arrow makes no empty nested ones.
    """
    groups, table = object_groups(table), plain(table)
    times = table["mjd"].fill_null(np.inf).to_numpy()
    order = np.lexsort((times, groups))
    _, starts = np.unique(groups[order], return_index=True)
    offsets = pa.array(np.append(starts, len(order)).astype(np.int32))
    rows = table.take(pa.array(order)).combine_chunks()
    firsts = table.select(["objectId", "ra", "dec"]).take(pa.array(order[starts]))
    fields, lists = [], []
    for field, column in zip(rows.schema, rows.columns, strict=True):
        if field.name == "objectId":
            continue
        values = column.chunk(0) if column.num_chunks else pa.array([], field.type)
        item = pa.field("item", field.type)
        lists.append(pa.ListArray.from_arrays(offsets, values, type=pa.list_(item)))
        fields.append(pa.field(field.name, lists[-1].type, metadata=field.metadata))
    struct = pa.StructArray.from_arrays(lists, fields=fields)
    return firsts.append_column(pa.field(NESTED, struct.type), struct)
