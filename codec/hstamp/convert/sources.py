"""Alerts from files, a batch at a time: Avro containers, wire messages and Parquet."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO, Protocol, Self

import fastavro

from ..alerts.lsst import load_schema_file, schema_for_id
from ..alerts.wire import split_wire
from ..container.compression import MAX_BLOCK
from ..container.detect import Kind
from ..container.gunzip import inflate_to
from ..container.ocf import AVRO_FAULTS, Container
from ..container.schema import check_schema
from ..errors import FormatError, HstampError

__all__ = ["AlertBatch", "AlertRecord", "AlertSource", "BadRecord", "FileSource", "open_alerts"]


@dataclass(frozen=True)
class AlertRecord:
    """A record that could be read.

    Attributes
    ----------
    number : int
        Number of the record in its file, from 0.
    record : dict
        Its fields.
    raw : bytes
        Its Avro bytes as they were read; empty for Parquet.
    schema_name : str or None
        Full name of the record in the writer's schema; None for Parquet.
    """

    number: int
    record: dict[str, Any]
    raw: bytes = b""
    schema_name: str | None = None


@dataclass(frozen=True)
class BadRecord:
    """A record, or everything from a record on, that could not be read."""

    number: int
    error: HstampError


@dataclass(frozen=True)
class AlertBatch:
    """Records that lie together in the file; `table` is the Arrow batch they come from."""

    records: tuple[AlertRecord | BadRecord, ...]
    table: Any = None


class AlertSource(Protocol):
    """An open file of alerts.

    Attributes
    ----------
    schema : object
        Writer's schema: parsed by fastavro, or an Arrow schema for Parquet.
    codec : str
        Block codec of an Avro container, ``null`` otherwise.
    """

    schema: Any
    codec: str

    @property
    def position(self) -> int:
        """Bytes of the file that have been read."""

    def batches(self) -> Iterator[AlertBatch]:
        """Iterate over the file; faults become `BadRecord` and never an exception."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *exc: object) -> None: ...


def open_alerts(
    path: Path, kind: Kind, *, gzipped: bool = False, schema_file: Path | None = None
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

    Raises
    ------
    FormatError
        If the file's header or schema is not readable.
    """
    if kind is Kind.OCF:
        return OcfSource(path, gzipped)
    if kind is Kind.WIRE:
        return WireSource(path, gzipped, schema_file)
    if kind is Kind.PARQUET and not gzipped:
        from .parquet import ParquetSource  # it stands on this module

        return ParquetSource(path)
    raise FormatError("E_MAGIC", f"{kind.value}: not a file of alerts")


class FileSource:
    """A file that is read from front to back, decompressed first where it is gzipped."""

    schema: Any
    codec: str = "null"

    def __init__(self, path: Path, gzipped: bool) -> None:
        self._stack = ExitStack()
        self._size = path.stat().st_size
        try:
            self._stream: BinaryIO = self._stack.enter_context(path.open("rb"))
            if gzipped:
                plain = self._stack.enter_context(tempfile.TemporaryFile(prefix="hstamp-"))  # noqa: SIM115
                inflate_to(self._stream, plain)
                self._stream = plain
            self._open()
        except BaseException:
            self._stack.close()
            raise

    def _open(self) -> None:
        raise AssertionError("every source says how it opens")

    @property
    def position(self) -> int:
        """Bytes of the file that have been read."""
        end = os.fstat(self._stream.fileno()).st_size
        return round(self._size * self._stream.tell() / max(end, 1))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._stack.close()


class OcfSource(FileSource):
    """An Avro object container file; a fault costs its block, or the rest of the file."""

    def _open(self) -> None:
        self._container = Container(self._stream)
        self.schema = self._container.schema
        self.codec = self._container.codec

    def batches(self) -> Iterator[AlertBatch]:
        number, blocks = 0, self._container.blocks()
        while True:
            try:
                count, data = next(blocks)
            except StopIteration:
                return
            except FormatError as exc:
                yield AlertBatch((BadRecord(number, exc),))
                return
            yield AlertBatch(tuple(self._records(number, count, data)))
            number += count

    def _records(self, number: int, count: int, data: bytes) -> Iterator[AlertRecord | BadRecord]:
        block = BytesIO(data)
        for index in range(number, number + count):
            start = block.tell()
            try:
                record = _decode(block, self.schema)
            except FormatError as exc:
                left = number + count - index - 1
                more = f", and {left} more in its block cannot be found" if left else ""
                yield BadRecord(index, FormatError(exc.code, exc.reason + more))
                return
            yield AlertRecord(index, record, data[start : block.tell()], self.schema["name"])
        if block.tell() != len(data):
            yield BadRecord(
                number + count - 1, FormatError("E_AVRO", "bytes follow the last record of a block")
            )


class WireSource(FileSource):
    """One message in the Confluent wire format."""

    def __init__(self, path: Path, gzipped: bool, schema_file: Path | None) -> None:
        self._schema_file = schema_file
        super().__init__(path, gzipped)

    def _open(self) -> None:
        data = self._stream.read(MAX_BLOCK + 1)
        if len(data) > MAX_BLOCK:
            raise FormatError("E_LIMIT", f"the message is longer than {MAX_BLOCK} bytes")
        message = split_wire(data)
        self._payload = message.payload
        if self._schema_file is None:
            self.schema = schema_for_id(message.schema_id)
        else:
            self.schema = check_schema(load_schema_file(self._schema_file))

    def batches(self) -> Iterator[AlertBatch]:
        block = BytesIO(self._payload)
        try:
            record = _decode(block, self.schema)
            if left := len(self._payload) - block.tell():
                raise FormatError("E_TRAILING", f"{left} bytes follow the record")
        except FormatError as exc:
            yield AlertBatch((BadRecord(0, exc),))
            return
        yield AlertBatch((AlertRecord(0, record, self._payload, self.schema["name"]),))


def _decode(block: BytesIO, schema: Any) -> dict[str, Any]:
    try:
        record = fastavro.schemaless_reader(block, schema, None, handle_unicode_errors="replace")
    except AVRO_FAULTS as exc:
        reason = str(exc) or type(exc).__name__
        raise FormatError("E_AVRO", f"the record does not decode: {reason}") from exc
    if not isinstance(record, dict):
        raise FormatError("E_SCHEMA", "the file holds values that are not records")
    return record
