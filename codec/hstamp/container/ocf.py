"""Object container files, read within bounds: Sections 8.3 [CO-4] and 8.4.

The file's own structure is walked here, because a general reader trusts block sizes and
decompresses whatever it is given [DE-4]; its records are read by `hstamp.container.reading`.
"""

from __future__ import annotations

import io
import os
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, BinaryIO, Final

from ..errors import FormatError, HstampError, as_hstamp_error
from .compression import MAX_BLOCK, decompressor
from .reading import Located, Reading, RecordReader
from .schema_parsing import parse_json
from .tally import Tally, decompressed_limit
from .tarball import Member
from .writer import Writer

__all__ = ["OCF_MAGIC", "AlertRecord", "BadRecord", "Container", "record_of"]

OCF_MAGIC: Final = b"Obj\x01"
_MAX_METADATA: Final = 16 * 2**20
_MAX_SCHEMA: Final = 4 * 2**20
"""Longest schema that is parsed [byte]; as objects it takes up to thirty times as much."""
_CACHED_SCHEMA: Final = 2**18
"""Longest schema that is kept as parsed [byte]; the files of a stream share theirs."""


@dataclass(frozen=True)
class AlertRecord:
    """A record that could be read.

    Attributes
    ----------
    number : int
        Number of the record in its file, from 0.
    record : dict
        The fields that were asked for.
    raw : bytes
        Its Avro bytes as they were read; empty for Parquet.
    schema_name : str or None
        Full name of the record in the writer's schema; None for Parquet.
    spans : tuple of (int, int)
        Where each top-level field lies in `raw`: start and stop.
    stamps : tuple of (str or None, Record)
        Its stamps, parsed but not checked, and the names of their fields.
    member : Member or None
        Where it lies in an archive, whose records `number` counts.
    """

    number: int
    record: dict[str, Any]
    raw: bytes = b""
    schema_name: str | None = None
    spans: tuple[tuple[int, int], ...] = ()
    stamps: tuple[Located, ...] = ()
    member: Member | None = None


@dataclass(frozen=True)
class BadRecord:
    """A record, or everything from a record on, that could not be read.

    Its number is -1 where what is at fault is no record: an archive that ends early.
    """

    number: int
    error: HstampError
    member: Member | None = None


class Container:
    """An object container file, opened and its header checked.

    Parameters
    ----------
    stream : binary file
        Positioned at the file's start. One that cannot seek is read into memory.

    Attributes
    ----------
    schema : object
        Writer's schema as `hstamp.container.schema.check_schema` gives it.
    written : object
        The same as parsed JSON, with all that reading has no use for.
    stamp_fields : tuple of str or None
        Where it holds stamps; see `hstamp.container.schema.stamp_fields`.
    codec : str
        Name of the block codec.
    metadata : dict of str to bytes
        The file's metadata.

    Raises
    ------
    FormatError
        With code E_MAGIC, E_AVRO, E_LIMIT or E_SCHEMA.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream if stream.seekable() else io.BytesIO(stream.read())
        self._start = self._stream.tell()
        self._end = self._stream.seek(0, os.SEEK_END)
        self._stream.seek(self._start)
        if self._stream.read(4) != OCF_MAGIC:
            raise FormatError("E_MAGIC", "it does not start with 'Obj' 01")
        self.metadata = self._read_metadata()
        self._sync = self._take(16, "sync marker")
        text = self.metadata.get("avro.schema", b"")
        if len(text) > _MAX_SCHEMA:
            raise FormatError("E_SCHEMA", f"the writer's schema exceeds {_MAX_SCHEMA} bytes")
        self._writer = _known(text) if len(text) <= _CACHED_SCHEMA else _parsed(text)
        self.written, self.schema = self._writer.written, self._writer.schema
        self.stamp_fields = self._writer.stamps
        self.codec = self.metadata.get("avro.codec", b"null").decode("ascii", "replace")

    def readings(
        self, fields: Collection[str] = (), first: int = 0
    ) -> Iterator[tuple[int, bytes, int, Reading] | BadRecord]:
        """Iterate over the records: number, bytes of the block, position in them, what was read.

        Numbers start at `first`.

        A fault costs its record and what follows in the block, where records can no longer be
        found, or everything from a block on that is itself at fault. Each record is read when it
        is asked for, so that the faults of its stamps come before those of later records [LI-3].
        Where no fields are asked for, records without stamps may be left out.
        """
        reader = self._writer.reader(frozenset(fields))
        blocks, tally = self.blocks(), Tally(0)
        while True:
            try:
                count, data = next(blocks)
            except StopIteration:
                return
            except FormatError as error:
                yield BadRecord(first, error)
                return
            tally.allow(self._stream.tell() - self._start)
            for item in _readings(reader, first, count, data, tally):
                yield item
                if isinstance(item, BadRecord) and item.error.code == "E_LIMIT":
                    return
            first += count

    def records(
        self, fields: Collection[str] = (), first: int = 0
    ) -> Iterator[AlertRecord | BadRecord]:
        """Iterate over the records with their bytes, the chosen fields and their stamps."""
        for item in self.readings(fields, first):
            if isinstance(item, BadRecord):
                yield item
            else:
                yield record_of(self._writer.name, *item)

    def blocks(self) -> Iterator[tuple[int, bytes]]:
        """Iterate over the file's blocks: the number of records they claim, and their bytes.

        Raises
        ------
        FormatError
            With code E_CODEC at once; E_AVRO or E_LIMIT at the block concerned.
        """
        decompress, total = decompressor(self.codec), 0
        while self._stream.tell() < self._end:
            count, size = self._long("block count"), self._long("block size")
            if size > MAX_BLOCK:
                raise FormatError("E_LIMIT", f"a block claims {size} bytes")
            if count < 0:
                raise FormatError("E_AVRO", f"a block claims {count} records")
            stored = self._take(size, "block")
            if self._take(16, "sync marker") != self._sync:
                raise FormatError("E_AVRO", "a block's sync marker differs from the file's")
            left = decompressed_limit(self._stream.tell() - self._start) - total
            data = decompress(stored, min(MAX_BLOCK, left))
            total += len(data)
            yield count, data

    def ends(self) -> Iterator[tuple[int, int]]:
        """Iterate over the blocks without reading them: where each ends, and the records so far.

        Ends before a block at fault, whose fault `blocks` tells.
        """
        records = 0
        with suppress(FormatError):
            while (at := self._stream.tell()) < self._end:
                count, size = self._long("block count"), self._long("block size")
                at = self._stream.tell()
                if count < 0 or not 0 <= size <= min(MAX_BLOCK, self._end - at):
                    return
                self._stream.seek(size, os.SEEK_CUR)
                if self._take(16, "sync marker") != self._sync:
                    return
                records += count
                yield self._stream.tell(), records

    def _read_metadata(self) -> dict[str, bytes]:
        metadata: dict[str, bytes] = {}
        while count := self._long("metadata"):
            stop = None
            if count < 0:
                count, size = -count, self._long("metadata")
                stop = self._stream.tell() + size
            for _ in range(count):
                key = self._sized("metadata").decode("utf-8", "replace")
                metadata[key] = self._sized("metadata")
            if stop is not None and stop != self._stream.tell():
                raise FormatError("E_AVRO", "metadata: a block's size is not that of its items")
        return metadata

    def _sized(self, what: str) -> bytes:
        size = self._long(what)
        if _MAX_METADATA < size <= self._end - self._stream.tell():
            raise FormatError("E_LIMIT", f"{what} claims {size} bytes")
        return self._take(size, what)

    def _take(self, size: int, what: str) -> bytes:
        remaining = self._end - self._stream.tell()
        if not 0 <= size <= remaining:
            raise FormatError("E_AVRO", f"{what}: {size} bytes wanted, {remaining} remain")
        return self._stream.read(size)

    def _long(self, what: str) -> int:
        value = 0
        for shift in range(0, 70, 7):
            byte = self._take(1, what)[0]
            value |= (byte & 0x7F) << shift
            if byte < 0x80 and value < 1 << 64:
                return (value >> 1) ^ -(value & 1)
            if byte < 0x80:
                break
        raise FormatError("E_AVRO", f"{what}: a number exceeds 64 bits")


def record_of(
    name: str | None, number: int, data: bytes, start: int, reading: Reading
) -> AlertRecord:
    """Record with its own bytes, cut out of those that were read."""
    stops = [stop - start for stop in reading.stops]
    return AlertRecord(
        number,
        reading.values,
        data[start : reading.stop],
        name,
        tuple(zip([0, *stops], stops, strict=False)),
        tuple(reading.stamps),
    )


def _readings(
    reader: RecordReader, first: int, count: int, data: bytes, tally: Tally
) -> Iterator[tuple[int, bytes, int, Reading] | BadRecord]:
    """Read the records of a block; the last item is a `BadRecord` where they end too soon."""
    position, number, end = 0, first, first + count
    while number < end:
        try:
            if position >= len(data):
                raise FormatError("E_AVRO", f"a block of {count} records ends early")
            reading = reader(data, position, tally)
        except Exception as exc:  # whatever it is, it costs this block and not the run
            left, error = end - number - 1, as_hstamp_error(exc)
            more = f", and {left} more in its block cannot be found" if left else ""
            yield BadRecord(number, FormatError(error.code, error.reason + more))
            return
        yield number, data, position, reading
        position, number = reading.stop, number + 1
        if not reading.stamps:
            position, done = reader.pass_empty(data, position, end - number, tally)
            number += done
    if position != len(data):
        error = FormatError("E_AVRO", "bytes follow the last record of a block")
        yield BadRecord(max(first, first + count - 1), error)


def _parsed(text: bytes) -> Writer:
    return Writer(parse_json(text))


_known = lru_cache(maxsize=32)(_parsed)
