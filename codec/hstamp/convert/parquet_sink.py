"""A broker's table with three binary columns of stamp blobs beside its own.

The old columns are moved as bytes, a column chunk at a time: values, types (INT96 too), pages,
codecs, statistics and row groups are those of the input, and so are the keys, but for those that
list the columns. Only the new columns, and cutout columns that are emptied, are encoded.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from typing import Any, BinaryIO, Final, Self

from ..alerts.fields import CUTOUT_FIELDS, KINDS, STAMP_FIELDS
from ..errors import FormatError, InputError
from ..parquet.chunks import compression, moved
from ..parquet.footer import MAGIC, Footer, read_footer, wrapped
from ..parquet.keys import with_columns
from ..parquet.schema import Column
from ..parquet.thrift import Struct
from .alert import NO_STAMPS
from .parquet import FAULTS, ParquetTable, open_columns, unreadable
from .sinks import Stamps
from .sources import AlertBatch, AlertRecord

__all__ = ["ParquetAlertSink", "Rows", "check_columns", "codec_of", "with_stamps"]

_ROWS: Final = 64


class ParquetAlertSink:
    """A broker's table with three binary columns of stamp blobs beside its own.

    One row group of the input is one of the output, and is written when its last row has come.
    Until then what is new of it waits in a temporary file: memory holds the rows of a batch.

    Parameters
    ----------
    stream : binary file
    drop_cutouts : bool
        Set cutouts that became stamps to null.
    """

    def __init__(self, stream: BinaryIO, *, drop_cutouts: bool = False) -> None:
        self._stream, self._drop = stream, drop_cutouts
        self._table: ParquetTable | None = None
        self._first: Footer | None = None
        self._columns: list[Column] = []
        self._groups: list[Struct] = []
        self._open: _NewColumns | None = None

    def accept(self, schema: Any, codec: str) -> None:
        """Get ready for the rows of a table; its columns must be those of the first."""
        table: ParquetTable = schema
        footer = table.footer
        self._discard()
        if self._first is None:
            check_columns(footer, self._drop)
            with _NewColumns(table, None, self._drop) as empty, tempfile.TemporaryFile() as side:
                self._columns = footer.replaced(empty.encode(side).columns)
            self._stream.write(MAGIC)
            self._first = footer
        elif [c.elements for c in footer.columns] != [c.elements for c in self._first.columns]:
            raise FormatError(
                "E_SCHEMA",
                "its columns differ from those of the first input: give a folder as output",
            )
        self._table = table

    def write(self, batch: AlertBatch, stamps: Sequence[Stamps]) -> int:
        """Take the rows of a batch and their stamps; return how many rows were written.

        Rows are written with the last of their row group, and not at all where it is damaged.
        """
        if batch.group is None or self._table is None:
            self._discard()
            return 0
        if self._open is None or self._open.group != batch.group:
            self._discard()
            self._open = _NewColumns(self._table, batch.group, self._drop)
        made = iter(stamps)
        rows = self._table.footer.rows[batch.group]
        try:
            self._open.add(
                [next(made) if isinstance(r, AlertRecord) else NO_STAMPS for r in batch.records]
            )
            if self._open.rows < rows:
                return 0
            self._finish(self._table, self._open)
        except FormatError as exc:
            self._discard()
            lost = f"; row group {batch.group} of {rows} rows is lost"
            raise FormatError(exc.code, exc.reason + lost) from exc
        except BaseException:
            self._discard()
            raise
        self._discard()
        return rows

    def close(self) -> None:
        """Write the footer."""
        self._discard()
        if self._first is not None:
            new = [name for name in STAMP_FIELDS.values() if name not in self._first.names]
            keys = with_columns(self._first.keys, new)
            self._stream.write(wrapped(self._first.written(self._columns, self._groups, keys)))

    def _discard(self) -> None:
        if self._open is not None:
            self._open.close()
        self._open = None

    def _finish(self, table: ParquetTable, new: _NewColumns) -> None:
        footer, group = table.footer, new.group or 0
        with tempfile.TemporaryFile(prefix="hstamp-") as side:
            written = new.encode(side)
            size = side.seek(0, 2)
            chunks: list[Struct] = []
            for column in footer.replaced(written.columns):
                if any(column is one for one in written.columns):
                    found = written.chunks(0, column)
                    chunks += [moved(side, size, chunk, self._stream) for chunk in found]
                else:
                    found = footer.chunks(group, column)
                    chunks += [
                        moved(table.stream, table.size, chunk, self._stream) for chunk in found
                    ]
        number = len(self._groups)
        self._groups.append(footer.group_of(footer.groups[group], chunks, number))


class _NewColumns:
    """The new columns of a row group, as they come; None stands for a row group of no rows."""

    def __init__(self, table: ParquetTable, group: int | None, drop: bool) -> None:
        import pyarrow

        self.group, self.rows = group, 0
        self._codec = codec_of(table.footer, group)
        names = [n for n in STAMP_FIELDS.values() if n in table.names]
        names += [n for n in CUTOUT_FIELDS.values() if drop and n in table.names]
        self._old, old = None, {}
        if names:
            file = open_columns(table, names, shared=False)
            old = {name: file.schema_arrow.field(name) for name in names}
            if group is not None:
                self._old = Rows(file.iter_batches(batch_size=_ROWS, row_groups=[group]))
        new = {name: pyarrow.field(name, pyarrow.binary()) for name in STAMP_FIELDS.values()}
        self._schema = pyarrow.schema(list({**new, **old}.values()))
        self._stack = ExitStack()
        try:
            spool = tempfile.NamedTemporaryFile(prefix="hstamp-")  # noqa: SIM115
            self._file = self._stack.enter_context(spool)
            self._spool = pyarrow.ipc.new_file(self._file, self._schema)
        except BaseException:
            self._stack.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Remove the temporary file."""
        self._stack.close()

    def add(self, rows: Sequence[Stamps]) -> None:
        """Take the stamps of the next rows."""
        import pyarrow

        old = self._old.take(len(rows)) if self._old is not None else {}
        columns = with_stamps(old, rows, self._schema)
        self._spool.write_batch(
            pyarrow.RecordBatch.from_arrays(
                [columns[name] for name in self._schema.names], schema=self._schema
            )
        )
        self.rows += len(rows)

    def encode(self, out: BinaryIO) -> Footer:
        """Write the columns as a Parquet file of one row group; return its footer."""
        import pyarrow
        import pyarrow.parquet

        self._spool.close()
        self._file.flush()
        with pyarrow.memory_map(self._file.name) as mapped:
            pyarrow.parquet.write_table(
                pyarrow.ipc.open_file(mapped).read_all(),
                out,
                row_group_size=max(self.rows, 1),
                compression=self._codec,
                use_dictionary=False,
                write_statistics=False,
                store_schema=False,
            )
        return read_footer(out, out.seek(0, 2))


def with_stamps(old: Mapping[str, Any], rows: Sequence[Stamps], schema: Any) -> dict[str, Any]:
    """Columns of stamps, and those of cutouts that became stamps emptied.

    Parameters
    ----------
    old : mapping
        Columns of the rows that hold stamps already, and cutouts that are to be emptied.
    rows : sequence
        What was made of each.
    schema : pyarrow.Schema
        Types of the columns.
    """
    import pyarrow

    columns: dict[str, Any] = {}
    for kind in KINDS:
        name, cutout = STAMP_FIELDS[kind], CUTOUT_FIELDS[kind]
        made = [row[kind] for row in rows]
        # A stamp that is there already stays where there is no other.
        before = old[name].to_pylist() if name in old else [None] * len(rows)
        columns[name] = pyarrow.array(
            [b if m is None else m for b, m in zip(before, made, strict=True)],
            schema.field(name).type,
        )
        if cutout in old:
            # A cutout that gave no stamp is kept: dropping it would lose the only copy.
            kept = [i if m is None else None for i, m in enumerate(made)]
            columns[cutout] = old[cutout].take(pyarrow.array(kept, pyarrow.int64()))
    return columns


class Rows:
    """Rows of record batches, as many at a time as are asked for."""

    def __init__(self, batches: Iterator[Any]) -> None:
        self._batches, self._left = batches, None

    def take(self, count: int) -> dict[str, Any]:
        """Columns of the next `count` rows."""
        import pyarrow

        parts: Any = []
        while sum(part.num_rows for part in parts) < count:
            try:
                part = next(self._batches) if self._left is None else self._left
            except (StopIteration, pyarrow.ArrowException, *FAULTS) as exc:
                raise unreadable(exc) from exc
            more = count - sum(p.num_rows for p in parts)
            self._left = part.slice(more) if part.num_rows > more else None
            parts.append(part.slice(0, more))
        table = pyarrow.Table.from_batches(parts).combine_chunks()
        return {name: table[name].chunk(0) for name in table.schema.names}


def codec_of(footer: Footer, group: int | None) -> str:
    """Codec of the old cutouts, which the new columns take over."""
    if group is None:
        return "none"
    for column in footer.columns:
        if column.name in CUTOUT_FIELDS.values():
            return compression(footer.chunks(group, column)[0])
    return "snappy"


def check_columns(footer: Footer, drop: bool) -> None:
    """Raise unless stamps fit into a table and, if `drop`, its cutouts can be null."""
    for column in footer.columns:
        if drop and column.name in CUTOUT_FIELDS.values() and column.required:
            raise InputError(f"{column.name} is not nullable in this table: cannot drop it")
        if column.name in STAMP_FIELDS.values() and not column.binary:
            raise FormatError("E_SCHEMA", f"the column {column.name} holds no stamps")
