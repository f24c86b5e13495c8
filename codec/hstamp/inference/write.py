"""Tables as CSV, Parquet or VOTable."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, BinaryIO, Final

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError, MissingExtraError
from ..outputs import atomic_writer
from ..text import safe_cell
from .columns import Sheet

__all__ = ["check_target", "write_table"]

Columns = Mapping[str, NDArray[Any]]


def check_target(path: Path, form: str | None = None) -> None:
    """Say before the work whether the table can be written afterwards.

    Parameters
    ----------
    path : Path
    form : {"csv", "parquet", "vot"}, optional
        By default the suffix says it.

    Raises
    ------
    InputError
        If the suffix is unknown or the folder does not exist.
    MissingExtraError
        For Parquet without pyarrow.
    """
    suffix = _suffix(path, form)
    if suffix not in _WRITERS:
        raise InputError(f"{path}: the suffix must be one of {', '.join(_WRITERS)}")
    if path.is_dir() or not path.resolve().parent.is_dir():
        raise InputError(f"{path}: not a file in a folder that exists")
    if suffix == ".parquet":
        try:
            import pyarrow  # noqa: F401
        except ImportError as exc:
            raise MissingExtraError("pyarrow", "parquet") from exc


def write_table(path: Path, sheet: Sheet, columns: Columns, form: str | None = None) -> None:
    """Write a table as CSV, Parquet or VOTable. The file appears whole.

    Parameters
    ----------
    path : Path
    sheet : Sheet
        What the columns are.
    columns : mapping of str to ndarray, shape (B,)
        By their names in the sheet.
    form : {"csv", "parquet", "vot"}, optional
        By default the suffix chooses.
    """
    with atomic_writer(path) as stream:
        _WRITERS[_suffix(path, form)](stream, sheet, columns)


def _suffix(path: Path, form: str | None) -> str:
    return path.suffix.lower() if form is None else f".{form}"


def _csv(stream: BinaryIO, sheet: Sheet, columns: Columns) -> None:
    text = io.TextIOWrapper(stream, encoding="utf-8", newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([column.name for column in sheet.columns])
    # repr of the array's own type: the shortest text that reads back as the same number.
    cells = [[_cell(value) for value in columns[column.name]] for column in sheet.columns]
    writer.writerows(zip(*cells, strict=True))
    text.flush()
    text.detach()


def _cell(value: Any) -> str:
    if isinstance(value, str):
        return safe_cell(value)
    return "" if isinstance(value, np.floating) and np.isnan(value) else str(value)


def _parquet(stream: BinaryIO, sheet: Sheet, columns: Columns) -> None:
    import pyarrow
    import pyarrow.parquet

    arrays, fields = [], []
    for column in sheet.columns:
        values = columns[column.name]
        if values.dtype == object:
            array = pyarrow.array([value or None for value in values], pyarrow.string())
        else:
            # NaN and null differ in Parquet, and dataframes count only null as missing.
            array = pyarrow.array(values, from_pandas=True)
        arrays.append(array)
        about = {"description": column.meaning, "unit": column.unit or ""}
        fields.append(pyarrow.field(column.name, array.type, metadata=about))
    schema = pyarrow.schema(fields, metadata={"remark": sheet.remark})
    pyarrow.parquet.write_table(pyarrow.Table.from_arrays(arrays, schema=schema), stream)


def _votable(stream: BinaryIO, sheet: Sheet, columns: Columns) -> None:
    from astropy.io.votable import from_table
    from astropy.table import Column, Table

    table = Table(meta={"name": sheet.name})
    for column in sheet.columns:
        values = columns[column.name]
        if values.dtype == object:
            values = values.astype(str) if values.size else values.astype("U1")
        made = Column(values, unit=column.unit, description=column.meaning)
        if column.ucd is not None:
            made.meta["ucd"] = column.ucd
        table[column.name] = made
    votable = from_table(table)
    votable.description = sheet.remark
    votable.to_xml(stream)


_WRITERS: Final[dict[str, Callable[[BinaryIO, Sheet, Columns], None]]] = {
    ".csv": _csv,
    ".parquet": _parquet,
    ".vot": _votable,
    ".xml": _votable,
}
