"""Alerts in the members of tar archives, as runs of records that share a schema."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from itertools import chain, islice
from pathlib import Path
from typing import Any, BinaryIO, Final, Self

from ..alerts.fields import STAMP_FIELDS
from ..alerts.lsst import read_message
from ..alerts.messages import records_of
from ..container.blob import MAX_BLOB, read_blob
from ..container.detect import Kind, detect_stream
from ..container.gunzip import inflate
from ..container.ocf import AlertRecord, BadRecord, Container
from ..container.schema import STAMP_SCHEMA
from ..container.tarball import MAX_MEMBER, Member, Piece, pieces
from ..errors import FormatError, as_hstamp_error
from ..surveys import fields_of
from .sources import AlertBatch
from .spans import Span, open_span

__all__ = ["Archive", "Item", "Run"]

_RECORDS: Final = 64
"""Records that are held at once."""
_FREE_RECORDS: Final = 2**14
_BYTES_A_RECORD: Final = 32
"""A member of S bytes may have 16,384 + S/32 records to convert, as any file."""


@dataclass(frozen=True)
class Item:
    """A record, or a fault, and the schema that it was written with."""

    record: AlertRecord | BadRecord
    schema: Any = None
    stamp_fields: tuple[str, ...] | None = None
    codec: str = "null"


class Archive:
    """A tar archive of alerts, plain or gzipped, read once from front to back.

    Parameters
    ----------
    path : Path
    gzipped : bool
        Whether the archive is gzipped as a whole; each member may be, too.
    schema_file : Path, optional
        Writer's schema of members that are wire messages.
    fields : sequence of str, optional
        Paths of the fields that are wanted; see `hstamp.convert.sources.open_alerts`.
    check : callable, optional
        Raises an exception for a schema whose records are not wanted; that costs the member.
    span : Span, optional
        Run of whole members to read instead of all of them.

    Attributes
    ----------
    passed_over : int
        Members so far that are no files of data.
    """

    def __init__(
        self,
        path: Path,
        *,
        gzipped: bool = False,
        schema_file: Path | None = None,
        fields: Sequence[str] | None = None,
        check: Callable[[Any], None] = lambda schema: None,
        span: Span | None = None,
    ) -> None:
        self._fields = frozenset(
            (*fields_of(), *STAMP_FIELDS.values()) if fields is None else fields
        )
        self._schema_file, self._check = schema_file, check
        self._stack = ExitStack()
        self._stream: BinaryIO = self._stack.enter_context(open_span(path, span))
        self._gzipped, self._before = gzipped, span.start if span is not None else 0
        self._next = 0
        self._checked: Any = None
        self.position, self.passed_over = 0, 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._stack.close()

    def runs(self) -> Iterator[Run]:
        """Iterate over the longest stretches of records of one schema.

        Each has to be read to its end before the next is asked for.
        """
        items = self._items()
        while (first := next(items, None)) is not None:
            run = Run(self, first, items)
            yield run
            items = chain(run.rest(), items)

    def _items(self) -> Iterator[Item]:
        for piece in pieces(self._stream, gzipped=self._gzipped, before=self._before):
            self.position = piece.position
            if piece.passed_over:
                self.passed_over += 1
            elif piece.error is not None:
                yield self._bad(piece, BadRecord(0, piece.error))
            else:
                yield from self._member(piece)

    def _member(self, piece: Piece) -> Iterator[Item]:
        last = -1
        try:
            for item in self._opened(piece):
                last = item.record.number
                yield self._numbered(piece, item)
        except Exception as exc:  # whatever it is, it costs this member and not the archive
            yield self._bad(piece, BadRecord(last + 1, as_hstamp_error(exc)))

    def _opened(self, piece: Piece) -> Iterator[Item]:
        data = piece.data
        kind, gzipped = detect_stream(io.BytesIO(data))
        if gzipped:
            data = inflate(data, MAX_MEMBER)
        if kind is Kind.OCF:
            yield from self._container(data)
        elif kind is Kind.WIRE:
            yield from self._message(data)
        elif kind is Kind.BLOB:
            record = AlertRecord(0, {}, stamps=((None, read_blob(data[: MAX_BLOB + 1])),))
            self._approve(STAMP_SCHEMA)
            yield Item(record, STAMP_SCHEMA, ())
        else:
            raise FormatError("E_MAGIC", f"{kind.value}: neither alerts nor stamps in Avro")

    def _container(self, data: bytes) -> Iterator[Item]:
        container = Container(io.BytesIO(data))
        self._approve(container.written)
        most = _FREE_RECORDS + len(data) // _BYTES_A_RECORD
        for record in container.records(self._fields):
            if record.number >= most:
                reason = f"more records than a file of {len(data)} bytes may have to convert"
                raise FormatError("E_LIMIT", reason)
            yield Item(record, container.written, container.stamp_fields, container.codec)

    def _message(self, data: bytes) -> Iterator[Item]:
        message, writer = read_message(data, self._schema_file)
        self._approve(writer.written)
        for record in records_of(message, writer, self._fields):
            yield Item(record, writer.written, writer.stamps)

    def _approve(self, schema: Any) -> None:
        if schema is not self._checked:
            self._check(schema)
            self._checked = schema

    def _numbered(self, piece: Piece, item: Item) -> Item:
        """Number a record through the archive; where it lies in its member is kept beside."""
        record = item.record
        member = Member(piece.name, record.number)
        self._next += 1
        return replace(item, record=replace(record, number=self._next - 1, member=member))

    def _bad(self, piece: Piece, bad: BadRecord) -> Item:
        record = bad.number or None  # the whole member, unless records came before
        if not piece.name:
            return Item(replace(bad, number=-1))
        self._next += 1
        return Item(replace(bad, number=self._next - 1, member=Member(piece.name, record)))


class Run:
    """Records of an archive that follow each other and share a schema; an `AlertSource`.

    Faults belong to the run that they are found in. A run that starts with one and ends before
    any record has the schema None.
    """

    def __init__(self, archive: Archive, first: Item, items: Iterator[Item]) -> None:
        held = [first]
        # A fault has no schema: the run's is that of its first record.
        while held[-1].schema is None and len(held) < _RECORDS:
            following = next(items, None)
            if following is None:
                break
            held.append(following)
        known = held[-1]
        self.schema, self.stamp_fields, self.codec = known.schema, known.stamp_fields, known.codec
        self._archive = archive
        self._items = chain(held, items)
        self._rest: list[Item] = []

    @property
    def position(self) -> int:
        """Bytes of the archive as stored that have been read."""
        return self._archive.position

    def batches(self) -> Iterator[AlertBatch]:
        """Iterate over the records of the run, some at a time."""
        own = self._own()
        while batch := tuple(islice(own, _RECORDS)):
            yield AlertBatch(batch)

    def rest(self) -> list[Item]:
        """Item of the next run that this one has taken."""
        return self._rest

    def _own(self) -> Iterator[AlertRecord | BadRecord]:
        for item in self._items:
            # Equal texts are parsed once, so that schemas are seldom compared.
            same = item.schema is None or item.schema is self.schema
            if not same and item.schema != self.schema:
                self._rest = [item]
                return
            yield item.record

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        return
