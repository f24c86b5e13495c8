"""A column of blobs as columns of numbers."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ..batch.decode import StampBatch, decode_buffer
from ..errors import FormatError, InputError, shown
from ..fast.protocol import PLANES
from ..layout import count_of
from .blobs import as_column, blob_bytes
from .fields import ERROR, FIELDS, Field
from .tensors import tensor_array

__all__ = ["decode"]

_PSF_SIDE: Final = 21
"""Side of the PSF column where no stamp has one: that of the encoder's default."""

Array = npt.NDArray[Any]


def decode(
    blobs: Any,
    *,
    planes: Collection[str] = PLANES,
    n: int | None = None,
    psf_size: int | None = None,
    steps: bool = False,
    errors: str = "raise",
    prefix: str = "",
) -> Any:
    """Decode a column of blobs into columns of numbers.

    Parameters
    ----------
    blobs : Arrow, pandas or polars column of bytes, or sequence of (bytes or None)
        Stamps in the single-object form [CO-2]; null rows stay null.
    planes : collection of {'image', 'variance', 'mask', 'psf'}
        What to decode; every stamp is checked completely all the same.
    n : int, optional
        Levels of the tensors: wider stamps are cut [CO-7], narrower ones have their outer levels
        missing. By default those of the widest stamp. Give it where parts of one table are
        decoded apart, so that their types agree; `psf_size` too.
    psf_size : int, optional
        Side of the PSF tensors, odd; by default that of the largest.
    steps : bool
        Add the columns zero, scale and varianceUnit, by which `encode` gives the bytes back.
    errors : {'raise', 'collect'}
        Raise at the first blob that is not valid; or leave its row null, and say why in the
        column ``error``.
    prefix : str
        Of the columns' names.

    Returns
    -------
    pyarrow.Table
        The columns of `FIELDS`, one row for each of the column's. Unit, meaning and clauses of
        each are in its field's metadata. A plane that a stamp lacks is null.

    Raises
    ------
    FormatError
        With ``errors='raise'``: the first rejected blob; its reason names the row.
    InputError
        If an option is not usable.
    """
    if not isinstance(errors, str) or errors not in ("raise", "collect"):
        raise InputError(f"errors must be 'raise' or 'collect', not {shown(errors)}")
    buffer, offsets, rows, count = blob_bytes(as_column(blobs))
    batch = decode_buffer(buffer, offsets, planes=planes, errors="collect")
    if batch.errors and errors == "raise":
        first = min(batch.errors)
        fault = batch.errors[first]
        raise FormatError(fault.code, f"row {rows[first]}: {fault.reason}") from fault
    asked = {planes} if isinstance(planes, str) else set(planes)
    made = _Columns(batch, rows, count, n, psf_size)
    wanted = [
        field
        for field in FIELDS
        if _plane_of(field) in {None, *asked} and (steps or not field.optional)
    ]
    fields = [field.field(prefix, made.n, made.side) for field in wanted]
    columns = [made.column(f, arrow.type) for f, arrow in zip(wanted, fields, strict=True)]
    if errors == "collect":
        said: list[str | None] = [None] * count
        for row, fault in batch.errors.items():
            said[rows[row]] = str(fault)
        fields.append(ERROR.field(prefix, made.n, made.side))
        columns.append(pa.array(said, pa.string()))
    return pa.table(columns, schema=pa.schema(fields))


def _plane_of(field: Field) -> str | None:
    """Plane that a field is a part of."""
    parts = {
        "maskPlanes": "mask", "psfSize": "psf", "zero": "image", "scale": "image",
        "varianceUnit": "variance",
    }  # fmt: skip
    return parts.get(field.name, field.name if field.name in PLANES else None)


class _Columns:
    """Columns of a batch whose stamps came from some rows of a table."""

    def __init__(
        self, batch: StampBatch, rows: Array, count: int, n: int | None, psf_size: int | None
    ) -> None:
        self.batch, self.count = batch, count
        self.places = rows[batch.index]
        self.n = int(batch.n.max(initial=2)) if n is None else count_of(n)
        largest = int(batch.psf_sizes.max(initial=0))
        if psf_size is None:
            self.side = largest or _PSF_SIDE
        elif type(psf_size) is not int or psf_size % 2 == 0 or psf_size < max(largest, 1):
            raise InputError(
                f"psf_size must be odd and at least {max(largest, 1)}, the largest PSF's side,"
                f" not {shown(psf_size)}"
            )
        else:
            self.side = psf_size

    def column(self, field: Field, kind: Any) -> Any:
        """Arrow array of a field."""
        batch, name = self.batch, field.name
        if name in ("id", "band", "fluxUnit"):
            texts = {"id": batch.ids, "band": batch.bands, "fluxUnit": batch.flux_units}[name]
            return self._spread(pa.array(texts, pa.string()))
        if name == "maskPlanes":
            return self._spread(_names(batch.mask_planes))
        if isinstance(kind, pa.FixedShapeTensorType):
            return self._tensor(name, kind)
        values, missing = {
            "n": (np.minimum(batch.n, self.n), None),
            "dx": (batch.dx, None),
            "dy": (batch.dy, None),
            "ra": (batch.ra, np.isnan(batch.ra)),
            "dec": (batch.dec, np.isnan(batch.ra)),
            "psfSize": (batch.psf_sizes, batch.psf_sizes == 0),
            "varianceUnit": (batch.unit, np.isnan(batch.unit)),
        }[name]
        return self._spread(pa.array(values.astype(kind.to_pandas_dtype()), mask=missing))

    def _tensor(self, name: str, kind: Any) -> Any:
        batch = self.batch
        values, missing = {
            "image": (batch.levels, None),
            "variance": (batch.variance, np.isnan(batch.unit)),
            "mask": (batch.mask, np.array([not names for names in batch.mask_planes], np.bool_)),
            "psf": (batch.psf, batch.psf_sizes == 0),
            "cd": (batch.cd, np.isnan(batch.ra)),
            "zero": (batch.zero, np.isnan(batch.scale[:, 0])),
            "scale": (batch.scale, np.isnan(batch.scale[:, 0])),
        }[name]
        dtype = np.dtype(kind.value_type.to_pandas_dtype())
        fill = np.nan if dtype.kind == "f" else 0
        shape = tuple(kind.shape)
        if values is not None and len(values) == self.count and values.shape[1:] == shape:
            return tensor_array(values.astype(dtype, copy=False), kind, missing)
        out = np.full((self.count, *shape), fill, dtype)
        absent = np.ones(self.count, np.bool_)
        absent[self.places] = False if missing is None else missing
        if values is not None and name == "psf":
            start = (shape[0] - values.shape[-1]) // 2
            inner = slice(start, start + values.shape[-1])
            present = batch.psf_sizes > 0
            out[self.places[present]] = 0.0
            out[self.places, inner, inner] = values
        elif values is not None:
            depth = min(values.shape[1], shape[0])
            out[self.places, :depth] = values[:, :depth]
        return tensor_array(out, kind, absent)

    def _spread(self, column: Any) -> Any:
        """Column of all rows, null where there is no stamp."""
        if len(self.places) == self.count:
            return column
        index = np.zeros(self.count, np.int64)
        index[self.places] = np.arange(len(self.places))
        absent = np.ones(self.count, np.bool_)
        absent[self.places] = False
        return column.take(pa.array(index, mask=absent))


def _names(planes: tuple[tuple[str, ...], ...]) -> Any:
    """Lists of names, of which few differ; null where there is no mask."""
    distinct = {names: code for code, names in enumerate(dict.fromkeys(planes))}
    lists = pa.array([list(names) or None for names in distinct], pa.list_(pa.string()))
    return lists.take(pa.array(list(map(distinct.__getitem__, planes)), pa.int64()))
