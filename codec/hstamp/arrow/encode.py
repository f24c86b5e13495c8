"""Columns of numbers as a column of blobs."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ..batch.recode import Blobs, Choices, Decoded, Texts, recoded
from ..encodings.image import IMAGE_ENCODINGS
from ..encodings.variance import VARIANCE_ENCODINGS
from ..errors import InputError, shown
from ..layout import GRID
from .blobs import as_table
from .fields import ERROR
from .tensors import as_numpy

__all__ = ["encode"]

_SEPARATOR: Final = "\x00"
"""Between names of mask planes; no name can hold it [EN-7]."""

Array = npt.NDArray[Any]


def encode(
    table: Any,
    *,
    encoding: str | None = None,
    variance_encoding: str | None = None,
    errors: str = "raise",
    prefix: str = "",
) -> Any:
    """Encode columns of numbers, as `decode` makes them, into a column of blobs.

    Parameters
    ----------
    table : Arrow table, or pandas or polars data frame
        Columns that `hstamp.arrow.FIELDS` lists, of which ``image`` is needed; others may be
        missing. Lists do for tensors. Without ``n`` all stamps have the levels of the tensors,
        without ``fluxUnit`` their unit is nJy, without ``dx`` and ``dy`` they are 0. A row whose
        image is null gives null.
    encoding : {None, 'f4', 'i2'}
        Of images. None takes ``i2`` with the steps in the columns zero and scale where these give
        every value back bit for bit, and the exact ``f4`` elsewhere; ``i2`` chooses steps there
        instead [EC-4].
    variance_encoding : {None, 'f4', 'log8'}
        Of variances, likewise, with the column varianceUnit [EC-5].
    errors : {'raise', 'collect'}
        Raise at the first row that is no stamp; or leave its blob null.
    prefix : str
        Of the columns' names.

    Returns
    -------
    pyarrow.Array of large_binary, or pyarrow.Table
        With ``errors='collect'`` a table of the columns ``stamp`` and ``error``.

    Raises
    ------
    InputError
        If columns are missing or of other types; with ``errors='raise'`` also for the first row
        whose values no stamp can hold.

    Notes
    -----
    Pixels that levels share are taken from the finer level [VA-4], [GE-7], so that decoding gives
    back what was decoded; levels that were changed apart from each other are made one again.
    """
    for name, value, known in (
        ("encoding", encoding, IMAGE_ENCODINGS),
        ("variance_encoding", variance_encoding, VARIANCE_ENCODINGS),
    ):
        if value is not None and (not isinstance(value, str) or value not in known):
            raise InputError(f"{name} must be None or one of {sorted(known)}, not {shown(value)}")
    if not isinstance(errors, str) or errors not in ("raise", "collect"):
        raise InputError(f"errors must be 'raise' or 'collect', not {shown(errors)}")
    whole = _Columns(as_table(table), prefix)
    rows = np.flatnonzero(~whole.missing("image"))
    stamps = whole if len(rows) == whole.count else whole.part(rows)
    made = recoded(stamps.decoded(), encoding=encoding, variance_encoding=variance_encoding)
    if made.faults and errors == "raise":
        first = min(made.faults)
        raise InputError(f"row {rows[first]}: {made.faults[first].reason}") from made.faults[first]
    blobs = _spread(made, rows, whole.count)
    if errors == "raise":
        return blobs
    said: list[str | None] = [None] * whole.count
    for row, fault in made.faults.items():
        said[rows[row]] = str(fault)
    return pa.table({"stamp": blobs, ERROR.name: pa.array(said, pa.string())})


def _spread(made: Blobs, rows: Array, count: int) -> Any:
    """Column of blobs over the bytes as they lie, null where there is none."""
    lengths = np.zeros(count, np.int64)
    lengths[rows] = np.diff(made.offsets)
    offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)])
    known = lengths > 0
    bits = None if known.all() else pa.py_buffer(np.packbits(known, bitorder="little"))
    buffers = [bits, pa.py_buffer(offsets), pa.py_buffer(made.data)]
    return pa.Array.from_buffers(pa.large_binary(), count, buffers)


class _Columns:
    """Columns of a table, by their names without the prefix."""

    def __init__(self, table: Any, prefix: str) -> None:
        self.table, self.prefix, self.count = table, prefix, table.num_rows
        if prefix + "image" not in table.column_names:
            have = ", ".join(table.column_names)[:300]
            raise InputError(f"there is no column {prefix}image among {have}")

    def part(self, rows: Array) -> _Columns:
        """Some of the rows."""
        return _Columns(self.table.take(pa.array(rows)), self.prefix)

    def get(self, name: str) -> Any:
        """Return a column, or None."""
        if self.prefix + name not in self.table.column_names:
            return None
        return self.table[self.prefix + name]

    def missing(self, name: str) -> Array:
        """Return which rows have no value, (rows,)."""
        column = self.get(name)
        if column is None:
            return np.ones(self.count, np.bool_)
        return ~np.asarray(column.is_valid())

    def numbers(self, name: str, dtype: Any, fill: float) -> Array:
        """Return a column of numbers; `fill` where there are none."""
        column = self.get(name)
        if column is None:
            return np.full(self.count, fill, dtype)
        try:
            kind = pa.from_numpy_dtype(np.dtype(dtype))
            full = pc.fill_null(column.cast(kind), pa.scalar(fill, kind))
        except (pa.ArrowException, TypeError) as exc:
            raise InputError(f"{self.prefix}{name} holds {column.type}, not numbers") from exc
        values: Array = full.to_numpy()
        return values

    def levels(self, name: str, dtype: Any) -> Array | None:
        """Return a plane, (rows, w, 15, 15), or None."""
        column = self.get(name)
        if column is None:
            return None
        return self._typed(as_numpy(column, self._shape(column.type, (GRID, GRID))), name, dtype)

    def tensor(self, name: str, ndim: int) -> Array | None:
        """Return a tensor of `ndim` axes a row, or None."""
        column = self.get(name)
        if column is None:
            return None
        kind, shape = column.type, None
        if not isinstance(kind, pa.FixedShapeTensorType):
            size = _list_size(column)
            side = round(size ** (1 / ndim))
            shape = (side,) * ndim
        values = self._typed(as_numpy(column, shape), name, np.float32)
        if values.ndim != ndim + 1:
            raise InputError(f"{self.prefix}{name} has values of shape {values.shape[1:]}")
        return values

    def _typed(self, values: Array, name: str, dtype: Any) -> Array:
        if not np.can_cast(values.dtype, dtype, "same_kind"):
            raise InputError(f"{self.prefix}{name} holds {values.dtype}, not {np.dtype(dtype)}")
        with np.errstate(over="ignore"):
            return values.astype(dtype, copy=False)

    def _shape(self, kind: Any, inner: tuple[int, int]) -> tuple[int, ...]:
        """Shape of a plane's values, which the tensor's or else the list's size tells."""
        if isinstance(kind, pa.FixedShapeTensorType):
            shape = tuple(kind.shape)
            if len(shape) != 3 or shape[1:] != inner:
                raise InputError(f"a plane has the shape (n, {GRID}, {GRID}), not {shape}")
            return shape
        return (_list_size(self.get("image")) // (inner[0] * inner[1]), *inner)

    def texts(self, name: str, default: str | None = None) -> Choices:
        """Return texts of which few differ."""
        column = self.get(name)
        if column is None:
            known = default is not None
            return Choices(np.full(self.count, 0 if known else -1), (default,) if known else ())
        return _choices(column.cast(pa.string()))

    def names(self) -> Choices:
        """Return the names of mask planes."""
        column = self.get("maskPlanes")
        if column is None:
            return Choices(np.full(self.count, -1), ())
        found = _choices(pc.binary_join(column.cast(pa.list_(pa.string())), _SEPARATOR))
        return Choices(found.codes, tuple(tuple(v.split(_SEPARATOR)) for v in found.values))

    def ids(self) -> Texts:
        """Return the identifiers."""
        column = self.get("id")
        if column is None:
            nothing = np.zeros(self.count, np.bool_)
            return Texts(np.zeros(0, np.uint8), np.zeros(self.count + 1, np.int64), nothing)
        known = np.asarray(column.is_valid())
        column = pc.fill_null(column.cast(pa.large_string()), "").combine_chunks()
        if isinstance(column, pa.ChunkedArray):
            column = column.chunk(0) if column.num_chunks else pa.array([], pa.large_string())
        _, places, data = column.buffers()
        offsets = np.zeros(1, np.int64)
        if len(column):
            offsets = np.frombuffer(places, np.int64)[column.offset :][: len(column) + 1]
        return Texts(
            np.zeros(0, np.uint8) if data is None else np.frombuffer(data, np.uint8), offsets, known
        )

    def decoded(self) -> Decoded:
        """Stamps as `recoded` takes them."""
        levels = self.levels("image", np.float32)
        assert levels is not None
        variance, mask = self.levels("variance", np.float32), self.levels("mask", np.uint16)
        names = self.names()
        if mask is not None and (mask.any(axis=(1, 2, 3)) & (names.codes < 0)).any():
            raise InputError(f"{self.prefix}mask needs {self.prefix}maskPlanes, names of its bits")
        psf, cd = self.tensor("psf", 2), self.tensor("cd", 2)
        side = 0 if psf is None else psf.shape[-1]
        sizes = self.numbers("psfSize", np.int64, side)
        zero, scale = self.tensor("zero", 1), self.tensor("scale", 1)
        return Decoded(
            n=self.numbers("n", np.int64, levels.shape[1]),
            dx=self.numbers("dx", np.float32, 0.0),
            dy=self.numbers("dy", np.float32, 0.0),
            wcs=~(self.missing("ra") | self.missing("dec") | self.missing("cd")),
            ra=self.numbers("ra", np.float64, np.nan),
            dec=self.numbers("dec", np.float64, np.nan),
            cd=np.full((self.count, 2, 2), np.nan, np.float32) if cd is None else cd,
            levels=levels,
            variance=variance,
            has_variance=~self.missing("variance"),
            mask=mask,
            psf=psf,
            psf_sizes=np.where(self.missing("psf"), 0, sizes),
            ids=self.ids(),
            bands=self.texts("band"),
            flux_units=self.texts("fluxUnit", "nJy"),
            mask_planes=names,
            zero=zero,
            scale=scale,
            unit=None
            if self.get("varianceUnit") is None
            else self.numbers("varianceUnit", np.float32, np.nan),
        )


def _list_size(column: Any) -> int:
    """Values in each list of a column."""
    if pa.types.is_fixed_size_list(column.type):
        return int(column.type.list_size)
    if not (pa.types.is_list(column.type) or pa.types.is_large_list(column.type)):
        raise InputError(f"{column.type} is no type of tensors")
    longest = pc.max(pc.list_value_length(column)).as_py()
    return int(longest or 0)


def _choices(column: Any) -> Choices:
    """Which of its distinct texts each row has."""
    encoded = column.dictionary_encode().combine_chunks()
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.chunk(0) if encoded.num_chunks else pa.array([], encoded.type)
    codes = pc.fill_null(encoded.indices, -1).to_numpy(zero_copy_only=False).astype(np.int64)
    return Choices(codes, tuple(encoded.dictionary.to_pylist()))
