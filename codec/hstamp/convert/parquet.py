"""Alerts in a broker's Parquet, a few rows at a time, of which only the needed columns are read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO, Final

from ..alerts.fields import CUTOUT_FIELDS, STAMP_FIELDS
from ..errors import FormatError, MissingExtraError
from ..parquet.chunks import unpacked
from ..parquet.footer import MAGIC, Footer, read_footer, wrapped
from .sources import AlertBatch, AlertRecord, BadRecord, CutoutBudget, FileSource
from .spans import Span

__all__ = ["FAULTS", "ParquetSource", "ParquetTable", "open_columns", "unreadable"]

_ROWS: Final = 64
"""Rows that are read at once."""
_BUFFER: Final = 2**18
"""Bytes of a column that are read at once; without it, all of a row group."""
_FREE: Final = 64 * 2**20
_RATIO: Final = 100
"""What is read of a file may be 64 MiB and 100 times its bytes; real tables have 1 to 10 times."""
_FREE_GROUPS: Final = 2**10
_BYTES_A_GROUP: Final = 2**10
_FREE_ROWS: Final = 2**16
_BYTES_A_ROW: Final = 8
"""A file of S bytes may have 65,536 + S/8 rows: an alert without its cutouts is no shorter."""
FAULTS: Final = (OSError, ValueError, RuntimeError, NotImplementedError, MemoryError)
"""What pyarrow raises on damaged data (its own exceptions are of these classes, or wrapped)."""


@dataclass(frozen=True)
class ParquetTable:
    """A Parquet file as sinks need it.

    Attributes
    ----------
    stream : binary file
    size : int
        Its bytes.
    footer : Footer
    """

    stream: BinaryIO
    size: int
    footer: Footer

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the top-level columns."""
        return self.footer.names


def open_columns(table: ParquetTable, paths: Sequence[str], *, shared: bool = True) -> Any:
    """Open a file as if it had these columns only.

    What the others hold, and in which types, plays no part.

    Parameters
    ----------
    table : ParquetTable
    paths : sequence of str
        See `hstamp.parquet.footer.Footer.only`.
    shared : bool
        Give text and bytes as dictionaries, in which a value that many rows share is there once.

    Returns
    -------
    pyarrow.parquet.ParquetFile
    """
    import pyarrow
    import pyarrow.parquet

    footer = table.footer.only(paths)
    try:
        metadata = pyarrow.parquet.read_metadata(BytesIO(MAGIC + wrapped(footer)))
        leaves = [metadata.schema.column(i) for i in range(metadata.num_columns)]
        bulk = [c.path for c in leaves if shared and c.physical_type == "BYTE_ARRAY"]
        return pyarrow.parquet.ParquetFile(
            table.stream,
            metadata=metadata,
            read_dictionary=bulk,
            buffer_size=_BUFFER,
            pre_buffer=False,
        )
    except (pyarrow.ArrowException, *FAULTS) as exc:
        raise unreadable(exc) from exc


class ParquetSource(FileSource):
    """A broker's Parquet file: nested structs, cutouts as binary columns or structs.

    Parameters
    ----------
    path : Path
    gzipped : bool
        Whether the file is gzipped as a whole.
    fields : sequence of str
        Paths of the fields to read.
    """

    def __init__(
        self, path: Path, gzipped: bool, fields: Sequence[str], span: Span | None = None
    ) -> None:
        self._fields = fields
        self._done = 0
        super().__init__(path, gzipped, span)

    def _opened(self, path: Path) -> BinaryIO:
        return path.open("rb")  # a span of a table is one of row groups

    def _open(self) -> None:
        try:
            import pyarrow.parquet  # noqa: F401
        except ImportError as exc:
            raise MissingExtraError("pyarrow", "parquet") from exc
        size = self._stream.seek(0, 2)
        self._budget = _FREE + _RATIO * size
        footer = read_footer(self._stream, size)
        self._rows = sum(footer.rows)
        if self._rows > _FREE_ROWS + size // _BYTES_A_ROW:
            raise FormatError("E_LIMIT", f"{self._rows} rows in a file of {size} bytes")
        if len(footer.groups) > _FREE_GROUPS + size // _BYTES_A_GROUP:
            raise FormatError(
                "E_LIMIT", f"{len(footer.groups)} row groups in a file of {size} bytes"
            )
        self.schema = ParquetTable(self._stream, size, footer)
        self._needed = footer.only(self._fields)
        self._file = open_columns(self.schema, self._fields)

    @property
    def position(self) -> int:
        """Bytes of the file that have been read, by its rows."""
        return self._size * self._done // max(self._rows, 1)

    def batches(self) -> Iterator[AlertBatch]:
        """Iterate over the rows in their order; a row group that is damaged costs itself."""
        import pyarrow

        first, footer = 0, self.schema.footer
        budget = CutoutBudget(self._size)
        for group, rows in enumerate(footer.rows):
            if not rows or not (self._span is None or self._span.start <= group < self._span.stop):
                first += rows
                continue
            number = first
            try:
                self._check_sizes(group)
                for batch in self._file.iter_batches(batch_size=_ROWS, row_groups=[group]):
                    records, beyond = budget.spend(tuple(self._records(number, batch)))
                    yield AlertBatch(records, group)
                    if beyond is not None:
                        yield AlertBatch((beyond,))
                        return
                    number += batch.num_rows
                if number != first + rows:
                    raise FormatError("E_AVRO", f"not readable as Parquet: {rows} rows expected")
            except (pyarrow.ArrowException, *FAULTS) as exc:
                error = exc if isinstance(exc, FormatError) else unreadable(exc)
                left = first + rows - number - 1
                more = f", and {left} more rows in its group are lost" if left > 0 else ""
                bad = BadRecord(number, FormatError(error.code, error.reason + more))
                yield AlertBatch((bad,))
            first += rows
            self._done = first

    def _records(self, number: int, batch: Any) -> Iterator[AlertRecord | BadRecord]:
        for index in range(batch.num_rows):
            try:
                record = {
                    name: column[index].as_py()
                    for name, column in zip(batch.schema.names, batch.columns, strict=True)
                }
            except Exception as exc:  # a value that Python has no object for
                error = FormatError(
                    "E_AVRO", f"the row does not decode: {type(exc).__name__}: {exc}"
                )
                yield BadRecord(number + index, error)
                continue
            self._spend(sum(_size(record.get(name)) for name in _BULK))
            yield AlertRecord(number + index, record)

    def _check_sizes(self, group: int) -> None:
        for column in self._needed.columns:
            for chunk in self._needed.chunks(group, column):
                self._spend(unpacked(self._stream, chunk))

    def _spend(self, count: int) -> None:
        self._budget -= count
        if self._budget < 0:
            raise FormatError("E_LIMIT", f"more than 64 MiB and {_RATIO} times the file's bytes")


_BULK: Final = (*CUTOUT_FIELDS.values(), *STAMP_FIELDS.values())


def _size(value: Any) -> int:
    if isinstance(value, dict):
        return sum(_size(part) for part in value.values())
    return len(value) if isinstance(value, bytes | str) else 0


def unreadable(exc: BaseException) -> FormatError:
    """What pyarrow raised, as an error with a code (E_AVRO)."""
    reason = " ".join(str(exc).split())[:200]
    return FormatError("E_AVRO", f"not readable as Parquet: {reason}")
