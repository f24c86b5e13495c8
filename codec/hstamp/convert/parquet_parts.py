"""Rows of a broker's tables in the files of their partitions.

Row groups hold rows of many partitions, so that here rows are decoded and encoded again, by
pyarrow: values stay as they are; encodings, statistics and row groups are pyarrow's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, BinaryIO, Final

from ..alerts.fields import CUTOUT_FIELDS, STAMP_FIELDS
from ..errors import FormatError
from ..parquet.keys import LISTS_OF_COLUMNS
from .derived import Stamps
from .parquet import FAULTS, ParquetTable, open_columns, unreadable
from .parquet_sink import Rows, check_columns, codec_of, with_stamps
from .partition import Partitions
from .sources import AlertBatch, AlertRecord

__all__ = ["PartedTable"]

_ROWS: Final = 64
_BUFFER: Final = 2**18
_GROUP: Final = 2**24
"""Bytes of a row group, as they are in memory."""
_HELD: Final = 2**27
"""Bytes that all partitions hold at once."""


class PartedTable:
    """Tables of the same columns, their rows sorted into files; a `Sink`.

    As Hive, Spark and pyarrow do it, a column that is partitioned by is in the names of folders
    and not in the files. Fields of a struct stay in it.

    Parameters
    ----------
    begin : callable
        Opens the file of a folder that `Partitions` names.
    partitions : Partitions
    drop_cutouts : bool
        Set cutouts that became stamps to null.
    """

    def __init__(
        self,
        begin: Callable[[str], BinaryIO],
        partitions: Partitions,
        *,
        drop_cutouts: bool = False,
    ) -> None:
        self._begin, self._partitions, self._drop = begin, partitions, drop_cutouts
        self._schema: Any = None
        self._codec = ""
        self._file: Any = None
        self._group: int | None = None
        self._rows: Rows | None = None
        self._first, self._held = 0, dict[str, Any]()
        self._writers: dict[str, Any] = {}
        self._waiting: dict[str, list[Any]] = {}
        self._bytes: dict[str, int] = {}

    def accept(self, schema: Any, codec: str) -> None:
        """Get ready for the rows of a table; its columns are those of the first."""
        table: ParquetTable = schema
        check_columns(table.footer, self._drop)
        _check_names(table, self._partitions)
        self._file = _opened(table)
        self._group, self._rows, self._held = None, None, {}
        if self._schema is None:
            self._schema = self._new_schema(self._file.schema_arrow)
            self._codec = codec_of(table.footer, 0 if table.footer.rows else None)

    def write(self, batch: AlertBatch, stamps: Sequence[Stamps]) -> int:
        """Write the readable rows of a batch; return how many."""
        import pyarrow as pa

        self._take(batch)
        items = [item for item in batch.records if isinstance(item, AlertRecord)]
        if not items:
            return 0
        if not self._held:
            raise FormatError("E_AVRO", "the row's columns cannot be read")
        old = {
            name: column.take(pa.array([item.number - self._first for item in items]))
            for name, column in self._held.items()
        }
        folders = [self._partitions.folder(item.record) for item in items]
        for folder in dict.fromkeys(folders):
            self._open(folder)
        bulk = {n: c for n, c in old.items() if n in STAMP_FIELDS.values() or self._empties(n)}
        new = {**old, **with_stamps(bulk, list(stamps), self._schema)}
        rows = pa.Table.from_arrays([new[name] for name in self._schema.names], schema=self._schema)
        for folder in dict.fromkeys(folders):
            own = pa.array([place for place, one in enumerate(folders) if one == folder])
            self._add(folder, rows.take(own))
        return len(items)

    def close(self) -> None:
        """Write what is held, and the footers."""
        for folder in list(self._waiting):
            self._flush(folder)
        for writer in self._writers.values():
            writer.close()

    def _empties(self, name: str) -> bool:
        return self._drop and name in CUTOUT_FIELDS.values()

    def _new_schema(self, schema: Any) -> Any:
        import pyarrow as pa

        keys = {path[0] for path in self._partitions.paths if len(path) == 1}
        kept = [field for field in schema if field.name not in keys]
        names = {field.name for field in kept}
        more = [pa.field(n, pa.binary()) for n in STAMP_FIELDS.values() if n not in names]
        keys_of_file = {
            key: value
            for key, value in (schema.metadata or {}).items()
            if key not in LISTS_OF_COLUMNS
        }
        return pa.schema([*kept, *more], metadata=keys_of_file)

    def _take(self, batch: AlertBatch) -> None:
        """Have the rows of a batch at hand; a part of the last batch has them already."""
        import pyarrow as pa

        if batch.group is None:
            return
        if self._rows is None or self._group != batch.group:
            try:
                self._rows = Rows(self._file.iter_batches(_ROWS, row_groups=[batch.group]))
            except (pa.ArrowException, *FAULTS) as exc:
                raise unreadable(exc) from exc
            self._group = batch.group
        self._held = {}
        self._held = self._rows.take(len(batch.records))
        self._first = batch.records[0].number

    def _open(self, folder: str) -> None:
        import pyarrow.parquet as pq

        if folder not in self._writers:
            self._writers[folder] = pq.ParquetWriter(
                self._begin(folder), self._schema, compression=self._codec
            )

    def _add(self, folder: str, rows: Any) -> None:
        self._waiting.setdefault(folder, []).append(rows)
        self._bytes[folder] = self._bytes.get(folder, 0) + rows.nbytes
        if self._bytes[folder] >= _GROUP:
            self._flush(folder)
        elif sum(self._bytes.values()) >= _HELD:
            for each in list(self._waiting):
                self._flush(each)

    def _flush(self, folder: str) -> None:
        import pyarrow as pa

        rows = pa.concat_tables(self._waiting.pop(folder))
        self._bytes.pop(folder)
        self._writers[folder].write_table(rows, row_group_size=max(rows.num_rows, 1))


def _opened(table: ParquetTable) -> Any:
    """All columns of a table, with the types that it was written from where it has them."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table.stream.seek(0)
        file = pq.ParquetFile(table.stream, buffer_size=_BUFFER, pre_buffer=False)
        if tuple(file.schema_arrow.names) == table.names:
            return file
    except (pa.ArrowException, *FAULTS):
        pass
    return open_columns(table, table.names, shared=False)


def _check_names(table: ParquetTable, partitions: Partitions) -> None:
    """Refuse folders whose key is another column of the files."""
    for key, path in zip(partitions.keys, partitions.paths, strict=True):
        if len(path) > 1 and key in table.names:
            column = ".".join(path)
            raise FormatError(
                "E_SCHEMA", f"beside {column} there is a column {key}, and folders would be its"
            )
