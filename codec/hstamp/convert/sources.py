"""Alerts from files, a batch at a time: Avro containers, wire messages and Parquet."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, Final, Protocol, Self

from ..alerts.fields import CUTOUT_FIELDS, STAMP_FIELDS
from ..alerts.lsst import read_message
from ..alerts.messages import records_of
from ..container.compression import MAX_BLOCK
from ..container.detect import Kind
from ..container.gunzip import inflate_to
from ..container.ocf import AlertRecord, BadRecord, Container
from ..errors import FormatError
from ..surveys import fields_of
from .spans import Span, open_span

__all__ = [
    "AlertBatch",
    "AlertRecord",
    "AlertSource",
    "BadRecord",
    "CutoutBudget",
    "FileSource",
    "open_alerts",
]

_RECORDS: Final = 64
"""Records that are held at once."""
_FREE_RECORDS: Final = 2**14
_BYTES_A_RECORD: Final = 32
"""A file of S bytes may have 16,384 + S/32 records to convert: no alert compresses to less."""


_FREE_CUTOUTS: Final = 2**11
_BYTES_A_CUTOUT: Final = 1024
"""A file of S bytes may have 2,048 + S/1024 cutouts to convert, a millisecond or more each."""


class CutoutBudget:
    """The cutouts that a file may still have.

    Parameters
    ----------
    size : int
        Bytes of the file.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._left = _FREE_CUTOUTS + size // _BYTES_A_CUTOUT

    def spend(
        self, records: tuple[AlertRecord | BadRecord, ...]
    ) -> tuple[tuple[AlertRecord | BadRecord, ...], BadRecord | None]:
        """Return the records that are within the budget, and what the first beyond it becomes."""
        for place, record in enumerate(records):
            if isinstance(record, BadRecord):
                continue
            self._left -= sum(
                record.record.get(name) is not None for name in CUTOUT_FIELDS.values()
            )
            if self._left < 0:
                reason = f"more cutouts than a file of {self._size} bytes may have to convert"
                return records[:place], BadRecord(record.number, FormatError("E_LIMIT", reason))
        return records, None


@dataclass(frozen=True)
class AlertBatch:
    """Records that lie together in the file.

    Attributes
    ----------
    records : tuple
    group : int or None
        Row group that they are in, for Parquet; None for what is in no row group that can be
        read to its end.
    """

    records: tuple[AlertRecord | BadRecord, ...]
    group: int | None = None


class AlertSource(Protocol):
    """An open file of alerts.

    Attributes
    ----------
    schema : object
        Writer's schema as parsed JSON, or a `ParquetTable`.
    stamp_fields : tuple of str or None
        Where records hold stamps; see `hstamp.container.schema.stamp_fields`.
    codec : str
        Block codec of an Avro container, ``null`` otherwise.
    """

    schema: Any
    stamp_fields: tuple[str, ...] | None
    codec: str

    @property
    def position(self) -> int:
        """Bytes of the file that have been read."""

    def batches(self) -> Iterator[AlertBatch]:
        """Iterate over the file; faults become `BadRecord` and never an exception."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *exc: object) -> None: ...


def open_alerts(
    path: Path,
    kind: Kind,
    *,
    gzipped: bool = False,
    schema_file: Path | None = None,
    fields: Sequence[str] | None = None,
    span: Span | None = None,
) -> AlertSource:
    """Open a file whose kind is known.

    Parameters
    ----------
    path : Path
    kind : Kind
        OCF, WIRE or PARQUET.
    gzipped : bool
        Whether the file is gzipped as a whole.
    schema_file : Path, optional
        Writer's schema of wire messages; by default the installed lsst-alert-packet is asked
        for the one that the message's id names.
    fields : sequence of str, optional
        Paths of the fields that are wanted; by default those that the surveys of the registry
        look at and the stamp fields. Others may be absent from the records.
    span : Span, optional
        Run of the file to read instead of all of it.

    Raises
    ------
    FormatError
        If the file's header or schema is not readable.
    """
    wanted = (*fields_of(), *STAMP_FIELDS.values()) if fields is None else fields
    if kind is Kind.OCF:
        return OcfSource(path, gzipped, wanted, span)
    if kind is Kind.WIRE:
        return WireSource(path, gzipped, schema_file, wanted, span)
    if kind is Kind.PARQUET:
        from .parquet import ParquetSource  # it stands on this module

        return ParquetSource(path, gzipped, wanted, span)
    raise FormatError("E_MAGIC", f"{kind.value}: not a file of alerts")


class FileSource:
    """A file that is read from front to back, decompressed first where it is gzipped."""

    schema: Any
    stamp_fields: tuple[str, ...] | None = None
    codec: str = "null"

    def __init__(self, path: Path, gzipped: bool, span: Span | None = None) -> None:
        self._stack = ExitStack()
        self._span = span
        try:
            self._stream: BinaryIO = self._stack.enter_context(self._opened(path))
            self._size = self._stream.seek(0, os.SEEK_END)
            self._stream.seek(0)
            if gzipped:
                plain = self._stack.enter_context(tempfile.TemporaryFile(prefix="hstamp-"))  # noqa: SIM115
                inflate_to(self._stream, plain)
                self._stream = plain
            self._end = self._stream.seek(0, os.SEEK_END)
            self._stream.seek(0)
            self._open()
        except BaseException:
            self._stack.close()
            raise

    def _opened(self, path: Path) -> BinaryIO:
        return open_span(path, self._span)

    def _open(self) -> None:
        raise AssertionError("every source says how it opens")

    @property
    def position(self) -> int:
        """Bytes of the file that have been read."""
        return round(self._size * self._stream.tell() / max(self._end, 1))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._stack.close()


class OcfSource(FileSource):
    """An Avro object container file; a fault costs its block, or the rest of the file."""

    def __init__(
        self, path: Path, gzipped: bool, fields: Sequence[str], span: Span | None = None
    ) -> None:
        self._fields = fields
        super().__init__(path, gzipped, span)

    def _open(self) -> None:
        self._container = Container(self._stream)
        self.schema = self._container.written
        self.stamp_fields = self._container.stamp_fields
        self.codec = self._container.codec

    def batches(self) -> Iterator[AlertBatch]:
        """Iterate over the records in their order, some at a time."""
        first = self._span.first if self._span is not None else 0
        records = self._container.records(self._fields, first)
        most = _FREE_RECORDS + self._size // _BYTES_A_RECORD
        budget = CutoutBudget(self._size)
        while batch := tuple(islice(records, min(_RECORDS, most + 1))):
            if len(batch) > most:
                reason = f"more records than a file of {self._size} bytes may have to convert"
                batch = (
                    *batch[:most],
                    BadRecord(batch[most].number, FormatError("E_LIMIT", reason)),
                )
            batch, beyond = budget.spend(batch)
            yield AlertBatch(batch if beyond is None else (*batch, beyond))
            most -= len(batch)
            if most < 0 or beyond is not None:
                return


class WireSource(FileSource):
    """Messages in the Confluent wire format; see `hstamp.alerts.messages`."""

    def __init__(
        self,
        path: Path,
        gzipped: bool,
        schema_file: Path | None,
        fields: Sequence[str],
        span: Span | None = None,
    ) -> None:
        self._schema_file, self._fields = schema_file, fields
        super().__init__(path, gzipped, span)

    def _open(self) -> None:
        data = self._stream.read(MAX_BLOCK)
        self._message, self._writer = read_message(data, self._schema_file)
        self.schema, self.stamp_fields = self._writer.written, self._writer.stamps

    def batches(self) -> Iterator[AlertBatch]:
        """Give the records of the message and of those that follow it."""
        first = self._span.first if self._span is not None else 0
        more = self._stream.read
        records = records_of(self._message, self._writer, self._fields, more, first)
        while batch := tuple(islice(records, _RECORDS)):
            yield AlertBatch(batch)
