"""Alerts that failed, kept with the reason in an Avro file that can be converted again.

Each record of the file is one alert: its Avro bytes, what was wrong, and where it was. The schema
that the bytes were written with stands in the first record of each schema, and the digest of its
text in all. What has no bytes, a file that cannot be read or a row of Parquet, has a record too.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final, Self

import fastavro

from ..container.gunzip import inflate_to
from ..container.ocf import AlertRecord, BadRecord, Container, record_of
from ..container.schema_parsing import parse_json
from ..container.tally import Tally
from ..container.tarball import Member
from ..container.writer import Writer
from ..errors import FormatError, InputError, as_hstamp_error
from ..outputs import atomic_writer
from .archive import Archive, Item

if TYPE_CHECKING:
    from .report import Problem

__all__ = ["SCHEMA", "Quarantine", "QuarantineArchive"]

_TEXT: Final = ["null", "string"]
SCHEMA: Final[dict[str, Any]] = {
    "type": "record",
    "name": "hstamp.v1.quarantine",
    "doc": "An alert that could not be converted.",
    "fields": [
        {"name": "code", "type": "string", "doc": "Code of the (first) failure."},
        {"name": "reason", "type": "string", "doc": "What was found; several joined by '; '."},
        {"name": "file", "type": "string", "doc": "Input file, and the member of an archive."},
        {
            "name": "record",
            "type": ["null", "long"],
            "doc": "Record in the file or member, from 0.",
        },
        {"name": "field", "type": _TEXT, "doc": "Field at fault, of the first failure."},
        {"name": "alert", "type": ["null", "bytes"], "doc": "The alert as Avro, without header."},
        {"name": "schemaId", "type": _TEXT, "doc": "SHA-256 of the writer's schema as JSON text."},
        {"name": "schema", "type": _TEXT, "doc": "That text, in its first record of the file."},
    ],
}
"""Schema of the file; its name tells a quarantine file from a file of alerts."""
_BLOCK: Final = 64


class Quarantine:
    """A file of failed alerts in the making; there is none where nothing failed.

    Parameters
    ----------
    path : Path

    Attributes
    ----------
    count : int
        Records so far.
    """

    def __init__(self, path: Path) -> None:
        self.path, self.count = path, 0
        self._seen = 0
        self._known: set[str | None] = set()
        self._stack = ExitStack()
        self._writer: Any = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: Any) -> None:
        if self._writer is not None and exc[0] is None:
            self._writer.flush()
        self._stack.__exit__(*exc)

    def collect(
        self,
        problems: Sequence[Problem],
        records: Sequence[AlertRecord | BadRecord] = (),
        schema: Any = None,
    ) -> None:
        """Take what failed since the last call.

        Parameters
        ----------
        problems : sequence of Problem
            All of the run so far.
        records : sequence of AlertRecord or BadRecord
            Records that they may be about.
        schema : object
            Their writer's schema as parsed JSON; None for what is not Avro.
        """
        new, self._seen = problems[self._seen :], len(problems)
        raw = {item.number: item.raw for item in records if isinstance(item, AlertRecord)}
        by_record: dict[Any, list[Problem]] = {}
        for problem in new:
            by_record.setdefault((problem.file, problem.number), []).append(problem)
        for (_, number), failures in by_record.items():
            self._add(failures, raw.get(number, b""), schema)

    def take(self, kept: BinaryIO | None, seen: int) -> None:
        """Take over the records of another quarantine file.

        Parameters
        ----------
        kept : binary file or None
        seen : int
            Problems of the run so far, with those that these records are about.
        """
        self._seen = seen
        texts: dict[str, str] = {}
        records: Any = () if kept is None else fastavro.reader(kept)
        for record in records:
            ident, text = record["schemaId"], record["schema"]
            if text is not None:
                texts[ident] = text
            self._write({**record, "schema": None if ident is None else texts[ident]})

    def _add(self, failures: Sequence[Problem], raw: bytes, schema: Any) -> None:
        first = failures[0]
        ident = text = None
        if raw and isinstance(schema, dict):
            text = json.dumps(schema)
            ident = hashlib.sha256(text.encode()).hexdigest()
        self._write({
            "code": first.code,
            "reason": "; ".join(dict.fromkeys(problem.reason for problem in failures)),
            "file": first.file,
            "record": first.record,
            "field": first.field,
            "alert": raw if ident is not None else None,
            "schemaId": ident,
            "schema": text,
        })  # fmt: skip

    def _write(self, record: dict[str, Any]) -> None:
        """Write a record, the text of its schema only where it is the first with it."""
        if self._writer is None:
            stream = self._stack.enter_context(atomic_writer(self.path))
            self._writer = fastavro.write.Writer(stream, SCHEMA, codec="deflate")
        ident = record["schemaId"]
        self._writer.write({**record, "schema": None if ident in self._known else record["schema"]})
        self._known.add(ident)
        self.count += 1
        if self.count % _BLOCK == 0:
            self._writer.flush()


class QuarantineArchive(Archive):
    """The alerts of a quarantine file, as those of an archive: places name where they were."""

    def _items(self) -> Iterator[Item]:
        stream = self._stream
        if self._gzipped:
            stream = BytesIO()
            inflate_to(self._stream, stream)
        container = Container(stream)
        writers: dict[str, Writer] = {}
        fields = [field["name"] for field in SCHEMA["fields"]]
        for item in container.records(fields):
            self.position = self._stream.tell()
            if isinstance(item, BadRecord):
                yield Item(item)
                continue
            held = item.record
            member = Member(str(held.get("file")), held.get("record"))
            try:
                yield self._alert(item.number, held, member, writers)
            except Exception as exc:  # whatever it is, it costs this alert
                yield Item(BadRecord(item.number, as_hstamp_error(exc), member))

    def _alert(
        self, number: int, held: dict[str, Any], member: Member, writers: dict[str, Writer]
    ) -> Item:
        data, ident, text = held.get("alert"), held.get("schemaId"), held.get("schema")
        if not isinstance(data, bytes) or not isinstance(ident, str):
            raise InputError(f"its bytes were not kept ({held.get('reason')}): convert it again")
        if isinstance(text, str) and ident not in writers:
            writers[ident] = Writer(parse_json(text.encode()))
        if ident not in writers:
            raise FormatError("E_SCHEMA", "no record before it has its schema")
        writer = writers[ident]
        self._approve(writer.written)
        reading = writer.reader(self._fields)(data, 0, Tally(len(data)))
        if reading.stop != len(data):
            raise FormatError("E_TRAILING", f"{len(data) - reading.stop} bytes follow the record")
        record = record_of(writer.name, 0, data, 0, reading)
        return Item(replace(record, number=number, member=member), writer.written, writer.stamps)
