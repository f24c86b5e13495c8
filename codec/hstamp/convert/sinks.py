"""Outputs: alerts with stamp fields (Avro or Parquet), and stamps on their own."""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any, BinaryIO, Final, Protocol

from fastavro.schema import SchemaParseException, UnknownType
from fastavro.write import Writer

from ..alerts.fields import CUTOUT_FIELDS, KINDS, STAMP_FIELDS
from ..alerts.schema import add_stamp_fields, has_stamp_fields
from ..container.avro import write_long
from ..container.blob import HEADER
from ..container.schema import STAMP_SCHEMA, check_schema, is_stamp, parsed_stamp_schema
from ..container.skipping import Types
from ..container.stamp_types import has_our_form
from ..errors import FormatError, InputError
from .sources import AlertBatch, AlertRecord

__all__ = ["AvroAlertSink", "AvroWriter", "Sink", "StampSink", "Stamps"]

Stamps = Mapping[str, bytes | None]
"""Blobs by kind of image."""
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
    """Alerts with the three stamp fields.

    The old fields are copied as bytes, not decoded and encoded again, so that they are the
    same bit for bit: the stamp fields come last, and an Avro record is its fields in order.

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
        self._source: Any = None
        self._branches: dict[str, dict[str, bytes]] = {}
        self._refill = False
        self._writer: AvroWriter | None = None

    def accept(self, schema: Any, codec: str) -> None:
        """Get ready for alerts with this writer's schema; it must stay the same."""
        if self._writer is not None:
            if schema != self._source:
                raise FormatError(
                    "E_SCHEMA",
                    "its schema differs from that of the first input: give a folder as output",
                )
            return
        self._refill = has_stamp_fields(schema)
        plain = add_stamp_fields(schema)
        if self._drop:
            _check_nullable(plain)
        self._source, self._branches = schema, _branches(schema, self._refill)
        self._writer = AvroWriter(self._stream, plain, self._codec or codec)

    def write(self, batch: AlertBatch, stamps: Sequence[Stamps]) -> int:
        """Write the readable records of a batch and their stamps."""
        assert self._writer is not None
        items = [item for item in batch.records if isinstance(item, AlertRecord)]
        # All are encoded before the first is written, so that a fault leaves the file as it was.
        for record in [self._encode(i, made) for i, made in zip(items, stamps, strict=True)]:
            self._writer.append(record)
        return len(items)

    def close(self) -> None:
        """Write the last block."""
        if self._writer is not None:
            self._writer.flush()

    def _encode(self, item: AlertRecord, stamps: Stamps) -> bytes:
        new = b"" if self._refill else b"".join(_nullable(stamps[kind]) for kind in KINDS)
        if not (self._drop or self._refill):
            return item.raw + new
        parts = {
            name: item.raw[start:stop]
            for name, (start, stop) in zip(self._branches, item.spans, strict=True)
        }
        for kind, made in stamps.items():
            # A cutout that gave no stamp is kept: dropping it would lose the only copy.
            if made is None:
                continue
            if self._refill:
                index = self._branches[STAMP_FIELDS[kind]]["stamp"]
                parts[STAMP_FIELDS[kind]] = index + made[len(HEADER) :]
            if self._drop:
                parts[CUTOUT_FIELDS[kind]] = self._branches[CUTOUT_FIELDS[kind]]["null"]
        return b"".join(parts.values()) + new


def _branches(schema: Any, refill: bool) -> dict[str, dict[str, bytes]]:
    """Bytes of the index of every field's branches null and stamp, where it has them."""
    parsed = check_schema(schema)
    types = Types(parsed)
    out: dict[str, dict[str, bytes]] = {}
    for field in parsed["fields"]:
        kinds = field["type"] if isinstance(field["type"], list) else []
        out[field["name"]] = indices = {}
        for index, kind in enumerate(kinds):
            if kind == "null":
                indices["null"] = write_long(index)
            elif is_stamp(kind) and has_our_form(kind, types):
                indices["stamp"] = write_long(index)
    if refill and not all("stamp" in out[name] for name in STAMP_FIELDS.values()):
        raise FormatError("E_SCHEMA", "its stamp fields are not nullable stamps of format 1.0")
    return out


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
        written = 0
        for row in stamps:
            made = [blob for blob in row.values() if blob is not None]
            for blob in made:
                self.add(blob)
            written += bool(made)
        return written

    def add(self, blob: bytes) -> None:
        """Write one stamp."""
        self._writer.append(blob[len(HEADER) :])

    def close(self) -> None:
        """Write the last block."""
        self._writer.flush()


def _nullable(blob: bytes | None) -> bytes:
    """Avro bytes of ``["null", stamp]``: the branch's index, zig-zag, then the record."""
    return b"\x00" if blob is None else b"\x02" + blob[len(HEADER) :]


def _check_nullable(schema: Mapping[str, Any]) -> None:
    for field in schema["fields"]:
        if field["name"] in CUTOUT_FIELDS.values():
            kind = field["type"]
            if not (isinstance(kind, list) and "null" in kind):
                raise InputError(f"{field['name']} is not nullable in this schema: cannot drop it")
