"""Object container files, read within bounds: Sections 8.3 [CO-4] and 8.4.

The file's own structure is walked here, because a general reader trusts block sizes and
decompresses whatever it is given [DE-4]. Stamps are read by `hstamp.container.reading`; whole
records, for those who want their other fields, by fastavro.
"""

from __future__ import annotations

import io
import json
import os
import struct
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final

import fastavro

from ..errors import FormatError, InputError
from .avro import Cursor
from .blob import MAX_BLOB
from .compression import CODECS, MAX_BLOCK, decompressor
from .reading import record_reader
from .schema import check_schema, parsed_stamp_schema, stamp_fields

if TYPE_CHECKING:
    from ..stamp import Stamp

__all__ = [
    "AVRO_FAULTS",
    "OCF_MAGIC",
    "Container",
    "Found",
    "iter_records",
    "read_stamps",
    "write_stamps",
]

OCF_MAGIC: Final = b"Obj\x01"
_MAX_METADATA: Final = 16 * 2**20
_MAX_SCHEMA: Final = 4 * 2**20
"""Longest schema that is parsed [byte]; as objects it takes up to thirty times as much."""
AVRO_FAULTS: Final = (
    EOFError, ValueError, IndexError, KeyError, TypeError, OverflowError, struct.error,
    StopIteration, AttributeError,
)  # fmt: skip
"""What fastavro raises when bytes are not what the schema says."""


@dataclass(frozen=True)
class Found:
    """A stamp and where it was found.

    Parameters
    ----------
    record : int
        Number of the record in the file, from 0.
    field : str or None
        Alert field that held it; None when the record is the stamp.
    stamp : Stamp
        The stamp.
    """

    record: int
    field: str | None
    stamp: Stamp


class Container:
    """An object container file, opened and its header checked.

    Parameters
    ----------
    stream : binary file
        Positioned at the file's start. One that cannot seek is read into memory.

    Attributes
    ----------
    schema : object
        Writer's schema, parsed by fastavro.
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
        position = self._stream.tell()
        self._end = self._stream.seek(0, os.SEEK_END)
        self._stream.seek(position)
        if self._stream.read(4) != OCF_MAGIC:
            raise FormatError("E_MAGIC", "it does not start with 'Obj' 01")
        self.metadata = self._read_metadata()
        self._sync = self._take(16, "sync marker")
        if len(self.metadata.get("avro.schema", b"")) > _MAX_SCHEMA:
            raise FormatError("E_SCHEMA", f"the writer's schema exceeds {_MAX_SCHEMA} bytes")
        try:
            schema = json.loads(self.metadata["avro.schema"])
        except (KeyError, ValueError, RecursionError) as error:
            raise FormatError("E_SCHEMA", f"the file holds no schema: {error}") from error
        self.schema = check_schema(schema)
        self.codec = self.metadata.get("avro.codec", b"null").decode("ascii", "replace")

    def records(self) -> Iterator[dict[str, Any]]:
        """Iterate over the file's records as dictionaries, read by fastavro.

        Raises
        ------
        FormatError
            With code E_CODEC at once; E_AVRO, E_LIMIT or E_SCHEMA at the record concerned.
        """
        for count, data in self.blocks():
            block = io.BytesIO(data)
            for _ in range(count):
                if block.tell() == len(data):
                    raise FormatError("E_AVRO", f"a block of {count} records ends early")
                yield self._record(block)
            if block.tell() != len(data):
                raise FormatError("E_AVRO", "bytes follow the last record of a block")

    def _record(self, block: io.BytesIO) -> dict[str, Any]:
        try:
            record = fastavro.schemaless_reader(
                block, self.schema, None, handle_unicode_errors="replace"
            )
        except AVRO_FAULTS as error:
            reason = str(error) or type(error).__name__
            raise FormatError("E_AVRO", f"a record does not decode: {reason}") from error
        if not isinstance(record, dict):
            raise FormatError("E_SCHEMA", "the file holds values that are not records")
        return record

    def blocks(self) -> Iterator[tuple[int, bytes]]:
        """Iterate over the file's blocks: number of records, and their bytes decompressed.

        Raises
        ------
        FormatError
            With code E_CODEC at once; E_AVRO or E_LIMIT at the block concerned, also when it
            claims more records than bytes.
        """
        for count, data in self.claimed_blocks():
            if count > len(data):
                raise FormatError("E_AVRO", f"a block of {len(data)} bytes claims {count} records")
            yield count, data

    def claimed_blocks(self) -> Iterator[tuple[int, bytes]]:
        """Iterate over the file's blocks as `blocks` does, whatever number of records they claim.

        For readers of stamps, which take bytes each: the first of them may be at fault before the
        bytes end, and [LI-3] wants that reported.
        """
        decompress = decompressor(self.codec)
        while self._stream.tell() < self._end:
            count, size = self._long("block count"), self._long("block size")
            if size > MAX_BLOCK:
                raise FormatError("E_LIMIT", f"a block claims {size} bytes")
            if count < 0:
                raise FormatError("E_AVRO", f"a block claims {count} records")
            stored = self._take(size, "block")
            if self._take(16, "sync marker") != self._sync:
                raise FormatError("E_AVRO", "a block's sync marker differs from the file's")
            yield count, decompress(stored)

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


def iter_records(stream: BinaryIO) -> tuple[Any, Iterator[dict[str, Any]]]:
    """Writer's schema and records of an object container file; see `Container`."""
    container = Container(stream)
    return container.schema, container.records()


def read_stamps(source: str | Path | BinaryIO) -> Iterator[Found]:
    """Read the stamps of a blob, a stamp file or a file of alerts.

    Parameters
    ----------
    source : path or binary file
        Recognised by its first bytes.

    Yields
    ------
    Found
        In the order of records and fields [CO-6].

    Raises
    ------
    FormatError
        At the first stamp that is not valid; its reason names the record.
    """
    if isinstance(source, str | Path):
        with open(source, "rb") as file:
            yield from read_stamps(file)
        return
    from ..stamp import Stamp

    stream = source if source.seekable() else io.BytesIO(source.read())
    start = stream.tell()
    magic = stream.read(4)
    stream.seek(start)
    if magic != OCF_MAGIC:
        yield Found(0, None, Stamp.from_bytes(stream.read(MAX_BLOB + 1)))
        return
    container = Container(stream)
    fields = stamp_fields(container.schema)
    if fields is None:
        raise FormatError("E_SCHEMA", "the writer's schema holds no stamp")
    read = record_reader(container.schema, fields)
    first = 0
    for count, data in container.claimed_blocks():
        block = Cursor(data)
        for number in range(first, first + count):
            where = f"record {number}"
            try:
                for field, record in read(block):
                    where = f"record {number}" + (f", {field}" if field else "")
                    yield Found(number, field, Stamp(record))
            except FormatError as error:
                raise FormatError(error.code, f"{where}: {error.reason}") from error
        first += count
        if block.position != block.end:
            raise FormatError("E_AVRO", "bytes follow the last record of a block")


def write_stamps(path: str | Path, stamps: Iterable[Stamp], *, codec: str = "null") -> int:
    """Write stamps to an object container file; a file of that name is replaced when complete.

    Parameters
    ----------
    path : path
        Where to write.
    stamps : iterable of Stamp
        What to write.
    codec : str
        An Avro block codec known to fastavro.

    Returns
    -------
    int
        Number of stamps written.
    """
    if codec not in CODECS:
        raise InputError(f"codec must be one of {', '.join(CODECS)}, not {codec!r}")
    target, count = Path(path), 0

    def counted() -> Iterator[dict[str, Any]]:
        nonlocal count
        for stamp in stamps:
            yield stamp.to_dict()
            count += 1

    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(handle, "wb") as stream:
            fastavro.writer(stream, parsed_stamp_schema(), counted(), codec=codec)
        os.replace(name, target)
    except BaseException:
        os.unlink(name)
        raise
    return count
