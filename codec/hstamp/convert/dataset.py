"""Outputs of many files: alerts sorted by schema, by the values of columns, or both."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO, Final

from ..errors import FormatError, InputError
from ..outputs import created
from .by_schema import file_name
from .derived import Stamps
from .parquet import ParquetTable
from .parquet_parts import PartedTable
from .parquet_sink import ParquetAlertSink
from .partition import Partitions
from .plan import Job
from .sinks import AvroAlertSink, RecordSink, Sink, StampSink, WireSink
from .sources import AlertBatch, AlertRecord

__all__ = ["DatasetSink", "Names"]

_MOST_FILES: Final = 512
"""Files of an output, all of which are open while it is made (E_LIMIT)."""
_MOST_SCHEMAS: Final = 64
_TABLE: Final = {"name": "alert"}
_STAMPS: Final[dict[str, Any]] = {"name": "stamps", "fields": []}


@dataclass
class _Group:
    """The alerts of one schema, or of tables with the same columns."""

    schema: Any
    codec: str
    name: str = ""
    encoder: RecordSink | None = None
    table: Sink | None = None
    files: dict[str, RecordSink] = field(default_factory=dict)


class DatasetSink:
    """Files of alerts or stamps in a folder, by schema and by partition; a `Sink`.

    A file is ``key=value/.../name``: folders are those of `Partitions`; names are those of the
    schemas, or ``part-0``, ``part-1`` ... in the order in which schemas come. What is in a file
    is in the order of the input, so that files of consecutive parts of an input can be joined.

    Parameters
    ----------
    folder : Path
        Where the files are made.
    job : Job
        Its form, options of writing, and how alerts are sorted.
    numbered : bool
        Name files by number always; see `hstamp.convert.dataset_parts`.

    Attributes
    ----------
    files : int
        Files begun.
    """

    def __init__(self, folder: Path, job: Job, *, numbered: bool = False) -> None:
        self._folder, self._job = folder, job
        self._partitions = Partitions(job.partition)
        self._groups: list[_Group] = []
        self._group: _Group | None = None
        self._names = Names(job.by_schema and not numbered)
        self.files = 0
        self._stack = ExitStack()

    def __enter__(self) -> DatasetSink:
        return self

    def __exit__(self, *exc: Any) -> None:
        self._stack.__exit__(*exc)

    @property
    def by_row(self) -> bool:
        """Whether rows of the table at hand are written one by one, and not as row groups."""
        return self._group is not None and not isinstance(self._group.table, ParquetAlertSink)

    def accept(self, schema: Any, codec: str) -> None:
        """Get ready for alerts with this writer's schema, or for the rows of a table."""
        self._group = None
        if self._job.partition and schema is not _STAMPS:
            self._partitions.check(schema)
        # Of stamps alone there is one schema, whatever that of the alerts.
        shared = self._job.form == "stamps" and self._groups
        known = self._groups[0] if shared else self._known(schema)
        if known is None:
            known = self._begun(schema, codec)
        if known.table is not None:
            known.table.accept(schema, codec)
        self._group = known

    def write(self, batch: AlertBatch, stamps: Sequence[Stamps]) -> int:
        """Write the readable records of a batch; return of how many there is anything."""
        group = self._current()
        if group.table is not None:
            return group.table.write(batch, stamps)
        assert group.encoder is not None
        items = [item for item in batch.records if isinstance(item, AlertRecord)]
        # All is made ready before the first is written, so that a fault leaves the files as
        # they were.
        ready: list[tuple[RecordSink, list[bytes]]] = []
        for item, row in zip(items, stamps, strict=True):
            if records := group.encoder.encode(item, row):
                folder = self._partitions.folder(item.record)
                ready.append((self._file(group, folder), records))
        for sink, records in ready:
            for record in records:
                sink.append(record)
        return len(ready)

    def add(self, blob: bytes) -> None:
        """Write the stamp of an image."""
        if self._job.partition:
            raise InputError("an image has no columns to partition by")
        sink = self._file(self._current(), "")
        assert isinstance(sink, StampSink)
        sink.add(blob)

    def close(self) -> None:
        """Write what is still held, and close the files."""
        for group in self._groups:
            for sink in (group.table, *group.files.values()):
                if sink is not None:
                    sink.close()
        self._stack.close()

    def _current(self) -> _Group:
        if self._group is None:
            # Stamps of what has no Avro schema.
            self.accept(_STAMPS, "null")
        assert self._group is not None
        return self._group

    def _known(self, schema: Any) -> _Group | None:
        return next((group for group in self._groups if _same(group.schema, schema)), None)

    def _begun(self, schema: Any, codec: str) -> _Group:
        job, table = self._job, isinstance(schema, ParquetTable)
        if len(self._groups) == _MOST_SCHEMAS:
            raise FormatError("E_LIMIT", f"more than {_MOST_SCHEMAS} schemas in one output")
        if job.form == "wire" and self._groups:
            raise FormatError(
                "E_SCHEMA", "its schema differs from that of the first input, and --schema-id is"
                " the id of one schema",
            )  # fmt: skip
        group = _Group(schema, codec)
        if table and job.form != "stamps":
            group.table = self._new_table(group, codec)
        else:
            group.encoder = self._new_file(BytesIO())
            group.encoder.accept(schema, codec)
        self._groups.append(group)
        return group

    def _new_table(self, group: _Group, codec: str) -> Sink:
        drop = self._job.drop_cutouts
        if self._job.partition:
            parted = PartedTable(
                lambda folder: self._stream(group, folder, "parquet"),
                self._partitions,
                drop_cutouts=drop,
            )
            parted.accept(group.schema, codec)
            return parted
        # What cannot be taken is refused before there is a file.
        ParquetAlertSink(BytesIO(), drop_cutouts=drop).accept(group.schema, codec)
        return ParquetAlertSink(self._stream(group, "", "parquet"), drop_cutouts=drop)

    def _file(self, group: _Group, folder: str) -> RecordSink:
        if folder not in group.files:
            suffix = "wire" if self._job.form == "wire" else "avro"
            sink = self._new_file(self._stream(group, folder, suffix))
            sink.accept(group.schema, group.codec)
            group.files[folder] = sink
        return group.files[folder]

    def _new_file(self, stream: BinaryIO) -> RecordSink:
        job = self._job
        if job.form == "stamps":
            return StampSink(stream, job.codec)
        if job.form == "wire":
            assert job.schema_id is not None
            return WireSink(stream, job.schema_id, drop_cutouts=job.drop_cutouts)
        return AvroAlertSink(stream, job.codec, drop_cutouts=job.drop_cutouts)

    def _stream(self, group: _Group, folder: str, suffix: str) -> BinaryIO:
        if self.files == _MOST_FILES:
            raise FormatError("E_LIMIT", f"more than {_MOST_FILES} files in one output")
        if not group.name:
            group.name = self._names.take(group.schema)
        name = f"{folder}/{group.name}.{suffix}".lstrip("/")
        stream = self._stack.enter_context(created(self._folder / name, self._job.out / name))
        self.files += 1
        return stream


class Names:
    """Names of files, in the order in which their schemas come.

    Parameters
    ----------
    by_schema : bool
        Name them after the schemas.
    """

    def __init__(self, by_schema: bool) -> None:
        self._by_schema = by_schema
        self._taken: set[str] = set()

    def take(self, schema: Any) -> str:
        """Name for the files of a schema, or of tables."""
        name = f"part-{len(self._taken)}"
        if self._by_schema:
            name = file_name(schema if isinstance(schema, dict) else _TABLE, self._taken)
        self._taken.add(name.lower())
        return name


def _same(known: Any, schema: Any) -> bool:
    if isinstance(known, ParquetTable) and isinstance(schema, ParquetTable):
        ours, theirs = known.footer.columns, schema.footer.columns
        return [c.elements for c in ours] == [c.elements for c in theirs]
    return known is schema or bool(known == schema)
