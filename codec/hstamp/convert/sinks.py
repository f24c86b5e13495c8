"""Outputs: alerts with stamp fields (Avro or Parquet), and stamps on their own."""

from __future__ import annotations

import hashlib
import json
import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from itertools import chain
from typing import Any, BinaryIO, Final, Protocol

from fastavro.schema import SchemaParseException, UnknownType
from fastavro.write import Writer

from ..alerts.wire import wire_header
from ..container.blob import HEADER
from ..container.schema import STAMP_SCHEMA, check_schema, parsed_stamp_schema
from ..errors import FormatError, InputError
from .derived import Derived, Stamps
from .sources import AlertBatch, AlertRecord

__all__ = [
    "AvroAlertSink",
    "AvroWriter",
    "RecordSink",
    "Sink",
    "StampSink",
    "Stamps",
    "WireSink",
]

_LSST: Final = re.compile(r"lsst\.v(\d{1,4})_(\d{1,2})\.")
_BLOCK: Final = 2**18
_PIECES: Final = 8
_PIECE: Final = 1024
_WORTH: Final = 0.94
"""Sampled size after compression, relative to that before, from which it is not worth its time."""


class Sink(Protocol):
    """Where the stamps of alerts go."""

    def accept(self, schema: Any, codec: str) -> None:
        """Get ready for alerts with this writer's schema."""

    def write(self, batch: AlertBatch, stamps: Sequence[Stamps]) -> int:
        """Write the readable records of a batch and their stamps; return how many."""

    def close(self) -> None:
        """Write what is still held."""


class RecordSink(Sink, Protocol):
    """A sink whose file is records one after the other."""

    def encode(self, item: AlertRecord, stamps: Stamps) -> list[bytes]:
        """Bytes of what becomes of an alert."""

    def append(self, record: bytes) -> None:
        """Write bytes that `encode` gave."""


class AvroWriter:
    """Object container file written from records that are already Avro bytes.

    Parameters
    ----------
    stream : binary file
    schema : dict
        Writer's schema.
    codec : str
        Block codec.

    Raises
    ------
    FormatError
        E_CODEC if the codec is unknown or its package is missing.
    """

    def __init__(self, stream: BinaryIO, schema: Any, codec: str) -> None:
        # A marker that follows from the schema makes equal inputs give equal files.
        marker = hashlib.sha256(json.dumps(schema, sort_keys=True).encode()).digest()[:16]
        try:
            try:
                self._writer = Writer(stream, schema, codec=codec, sync_marker=marker)
            except (SchemaParseException, UnknownType):
                # Members that play no part in reading can be too odd for the library.
                plain = check_schema(schema)
                self._writer = Writer(stream, plain, codec=codec, sync_marker=marker)
        except ValueError as exc:
            raise FormatError("E_CODEC", f"codec {codec!r} cannot be written: {exc}") from exc
        self._deflates = codec == "deflate"
        self._records: list[bytes] = []
        self._bytes = 0

    def append(self, record: bytes) -> None:
        """Add one record's Avro bytes."""
        self._records.append(record)
        self._bytes += len(record)
        if self._bytes >= _BLOCK:
            self.flush()

    def flush(self) -> None:
        """Write the records held as one block."""
        if self._records:
            self.write_block(len(self._records), b"".join(self._records))
        self._records, self._bytes = [], 0
        self._writer.flush()

    def write_block(self, count: int, data: bytes) -> None:
        """Write the bytes of records as one block."""
        if self._deflates:
            self._writer.compression_level = None if _shrinks(data) else 0
        self._writer.write_block(_Block(count, BytesIO(data)))


def _shrinks(data: bytes) -> bool:
    """Whether deflate is worth its time, by pieces of a block.

    Blocks of gzipped cutouts (ZTF's) shrink by less than a hundredth, and trying to takes as long
    as all the rest of a conversion; they become stored blocks of the same codec (RFC 1951,
    Section 3.2.4).
    """
    step = max(len(data) // _PIECES, _PIECE)
    sample = b"".join(data[at : at + _PIECE] for at in range((step - _PIECE) // 2, len(data), step))
    return len(zlib.compress(sample, 1)) < _WORTH * len(sample)


@dataclass(frozen=True)
class _Block:
    """What fastavro's `Writer.write_block` asks of a block."""

    num_records: int
    bytes_: BytesIO


class AvroAlertSink:
    """Alerts with the three stamp fields, in a container file.

    Parameters
    ----------
    stream : binary file
    codec : str, optional
        Block codec; the input's by default.
    drop_cutouts : bool
        Set the three old cutout fields to null.
    """

    def __init__(
        self, stream: BinaryIO, codec: str | None = None, *, drop_cutouts: bool = False
    ) -> None:
        self._stream, self._codec, self._drop = stream, codec, drop_cutouts
        self._derived: Derived | None = None
        self._writer: AvroWriter | None = None

    def accept(self, schema: Any, codec: str) -> None:
        """Get ready for alerts with this writer's schema; it must stay the same."""
        if self._derived is not None and self._writer is not None:
            if schema != self._derived.source:
                raise FormatError(
                    "E_SCHEMA",
                    "its schema differs from that of the first input: give a folder as output,"
                    " or --by-schema",
                )
            return
        self._derived = Derived(schema, drop_cutouts=self._drop)
        self._writer = AvroWriter(self._stream, self._derived.schema, self._codec or codec)

    def write(self, batch: AlertBatch, stamps: Sequence[Stamps]) -> int:
        """Write the readable records of a batch and their stamps."""
        return _write(self, batch, stamps)

    def encode(self, item: AlertRecord, stamps: Stamps) -> list[bytes]:
        """Avro bytes of what becomes of an alert."""
        assert self._derived is not None
        return [self._derived.encode(item, stamps)]

    def append(self, record: bytes) -> None:
        """Write bytes that `encode` gave."""
        assert self._writer is not None
        self._writer.append(record)

    def close(self) -> None:
        """Write the last block."""
        if self._writer is not None:
            self._writer.flush()


class WireSink:
    """Alerts with the three stamp fields, as messages one after the other.

    A message is a zero byte, the schema's id and the record (`hstamp.alerts.wire`).

    Parameters
    ----------
    stream : binary file
    schema_id : int
        Id under which a registry has the schema *with* the stamp fields.
    drop_cutouts : bool
        Set the three old cutout fields to null.
    """

    def __init__(self, stream: BinaryIO, schema_id: int, *, drop_cutouts: bool = False) -> None:
        self._stream, self._id, self._drop = stream, schema_id, drop_cutouts
        self._header = wire_header(schema_id)
        self._derived: Derived | None = None

    def accept(self, schema: Any, codec: str) -> None:
        """Get ready for alerts with this writer's schema; an id names one schema only."""
        if self._derived is not None:
            if schema != self._derived.source:
                raise FormatError(
                    "E_SCHEMA", f"its schema differs from that of the first input, and {self._id}"
                    " is the id of one schema",
                )  # fmt: skip
            return
        derived = Derived(schema, drop_cutouts=self._drop)
        own = _lsst_id(schema)
        if derived.source_has_no_stamps and own == self._id:
            raise InputError(
                f"{own} is the id of LSST's schema {own // 100}.{own % 100} without stamps:"
                " readers would take the messages for such alerts"
            )
        self._derived = derived

    def write(self, batch: AlertBatch, stamps: Sequence[Stamps]) -> int:
        """Write the readable records of a batch and their stamps."""
        return _write(self, batch, stamps)

    def encode(self, item: AlertRecord, stamps: Stamps) -> list[bytes]:
        """Bytes of the message that becomes of an alert."""
        assert self._derived is not None
        return [self._header + self._derived.encode(item, stamps)]

    def append(self, record: bytes) -> None:
        """Write bytes that `encode` gave."""
        self._stream.write(record)

    def close(self) -> None:
        """Nothing is held."""


class StampSink:
    """A container file of stamps.

    Parameters
    ----------
    stream : binary file
    codec : str
        Block codec.
    """

    def __init__(self, stream: BinaryIO, codec: str | None = None) -> None:
        parsed_stamp_schema()
        self._writer = AvroWriter(stream, STAMP_SCHEMA, codec or "null")

    def accept(self, schema: Any, codec: str) -> None:
        """Take alerts of any schema."""

    def write(self, batch: AlertBatch, stamps: Sequence[Stamps]) -> int:
        """Write the stamps; return of how many alerts there were any."""
        return _write(self, batch, stamps)

    def add(self, blob: bytes) -> None:
        """Write one stamp."""
        self.append(blob[len(HEADER) :])

    def encode(self, item: AlertRecord, stamps: Stamps) -> list[bytes]:
        """Avro bytes of an alert's stamps."""
        return [blob[len(HEADER) :] for blob in stamps.values() if blob is not None]

    def append(self, record: bytes) -> None:
        """Write bytes that `encode` gave."""
        self._writer.append(record)

    def close(self) -> None:
        """Write the last block."""
        self._writer.flush()


def _write(sink: RecordSink, batch: AlertBatch, stamps: Sequence[Stamps]) -> int:
    """Write a batch; return of how many alerts there is anything."""
    items = [item for item in batch.records if isinstance(item, AlertRecord)]
    # All are encoded before the first is written, so that a fault leaves the file as it was.
    made = [sink.encode(item, row) for item, row in zip(items, stamps, strict=True)]
    for record in chain.from_iterable(made):
        sink.append(record)
    return sum(map(bool, made))


def _lsst_id(schema: Any) -> int | None:
    """Id of a schema of LSST's in its registry, by the schema's name."""
    name = f"{schema.get('namespace', '')}.{schema.get('name', '')}"
    found = _LSST.match(name.lstrip("."))
    return None if found is None else 100 * int(found[1]) + int(found[2])
