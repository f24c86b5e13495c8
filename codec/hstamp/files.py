"""Stamps in files of every form: the one reader of the command line and of Python.

A file is a blob, an Avro container file of stamps or alerts, a Confluent wire-format message, a
Parquet table, a tar archive of such files, or one of these gzipped; it is told by its first
bytes. A folder is its files, and so is an archive.
"""

from __future__ import annotations

import dataclasses
import io
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Literal, overload

import fastavro

from .alerts.fields import STAMP_FIELDS
from .alerts.lsst import read_message
from .alerts.messages import records_of
from .container.blob import MAX_BLOB
from .container.compression import CODECS, MAX_BLOCK
from .container.detect import Kind, check_regular, detect_stream
from .container.gunzip import inflate, inflate_to
from .container.ocf import BadRecord, Container
from .container.reading import Reading
from .container.schema import parsed_stamp_schema
from .container.tarball import MAX_MEMBER, Member, pieces
from .errors import FormatError, HstampError, InputError, as_hstamp_error
from .outputs import atomic_writer
from .stamp import Stamp

__all__ = ["Fault", "Found", "files_in", "read_stamps", "write_stamps"]


@dataclass(frozen=True)
class Found:
    """A stamp and where it was found.

    Attributes
    ----------
    record : int
        Number of the record in its file, from 0.
    field : str or None
        Alert field that held it; None when the record is the stamp.
    stamp : Stamp
        The stamp.
    path : Path or None
        The file; None for an open file.
    cutout : bytes or None
        The alert's own cutout of the same image, where a reader of whole alerts has it.
    member : Member or None
        Where the record lies in an archive, whose records `record` counts.
    """

    record: int
    field: str | None
    stamp: Stamp
    path: Path | None = None
    cutout: bytes | None = dataclasses.field(default=None, repr=False, compare=False)
    member: Member | None = None

    @property
    def place(self) -> str:
        """File, member of an archive, record and field."""
        return _place(self.path, self.record, self.field, self.member)


@dataclass(frozen=True)
class Fault:
    """What could not be read, and why.

    Attributes
    ----------
    record : int or None
        Number of the record, from 0; None where the file as a whole is at fault.
    field : str or None
        Alert field; None when the record is the stamp, or is itself at fault.
    error : HstampError
        Its code says what was found.
    path : Path or None
        The file; None for an open file.
    member : Member or None
        Where the record lies in an archive.
    """

    record: int | None
    field: str | None
    error: HstampError
    path: Path | None = None
    member: Member | None = None

    @property
    def place(self) -> str:
        """File, record and field; empty where nothing is known of them."""
        return _place(self.path, self.record, self.field, self.member)

    def placed(self) -> HstampError:
        """Return the error with the place in its message."""
        if not self.place or not isinstance(self.error, FormatError | InputError):
            return self.error
        reason = f"{self.place}: {self.error.reason}"
        if isinstance(self.error, FormatError):
            return FormatError(self.error.code, reason)
        return InputError(reason, self.error.code)


@overload
def read_stamps(
    source: str | Path | BinaryIO,
    *,
    schema_file: str | Path | None = None,
    errors: Literal["raise"] = "raise",
) -> Iterator[Found]: ...


@overload
def read_stamps(
    source: str | Path | BinaryIO,
    *,
    schema_file: str | Path | None = None,
    errors: Literal["collect"],
) -> Iterator[Found | Fault]: ...


def read_stamps(
    source: str | Path | BinaryIO,
    *,
    schema_file: str | Path | None = None,
    errors: Literal["raise", "collect"] = "raise",
) -> Iterator[Found | Fault]:
    """Read the stamps of a file of any form, or of a folder of files.

    Parameters
    ----------
    source : path or binary file
        A blob, a file of stamps or of alerts (Avro container, Confluent wire format, Parquet),
        or a tar archive of these (not of Parquet), each also gzipped, recognised by its first
        bytes; or a folder. In folders and archives names that start with ``.`` or ``_`` or end
        in ``.crc`` are passed over.
    schema_file : path, optional
        Writer's schema of wire-format messages; by default the installed lsst-alert-packet is
        asked for the one that the message's id names.
    errors : {"raise", "collect"}
        Raise at the first fault, or give it as a `Fault` and go on: a stamp that is not valid
        costs itself, a record whose Avro form is at fault what follows in its block, a file that
        cannot be read itself.

    Yields
    ------
    Found or Fault
        In the order of files, records and fields [CO-6].

    Raises
    ------
    HstampError
        At the first fault; its reason names file, record and field, and the code is that of the
        first check of [LI-3] that fails. With "collect" only for wrong arguments.
    OSError
        If a file cannot be opened; with "collect" that is a `Fault` too.
    """
    if errors not in ("raise", "collect"):
        raise InputError(f"errors must be 'raise' or 'collect', not {errors!r}")
    for item in _items(source, None if schema_file is None else Path(schema_file)):
        if errors == "raise" and isinstance(item, Fault):
            if isinstance(cause := item.error.__cause__, OSError):
                raise cause
            raise item.placed() from item.error
        yield item


def files_in(folder: Path) -> Iterator[Path]:
    """Iterate over the files of a folder and below, in name order.

    What writers of data sets put beside the data is passed over: names that start with ``.`` or
    ``_`` or end in ``.crc``.
    """
    for path in sorted(folder.rglob("*")):
        parts = path.relative_to(folder).parts
        if path.is_file() and not any(
            p.startswith((".", "_")) or p.endswith(".crc") for p in parts
        ):
            yield path


def _items(source: str | Path | BinaryIO, schema_file: Path | None) -> Iterator[Found | Fault]:
    if not isinstance(source, str | Path):
        stream = source if source.seekable() else io.BytesIO(source.read())
        yield from _guarded(stream, None, schema_file)
        return
    path = Path(source)
    if path.is_dir():
        for file in files_in(path):
            yield from _items(file, schema_file)
        return
    try:
        check_regular(path)
        with path.open("rb") as stream:
            yield from _guarded(stream, path, schema_file)
    except OSError as exc:
        error = InputError(exc.strerror or str(exc))
        error.__cause__ = exc
        yield Fault(None, None, error, path)
    except InputError as exc:
        yield Fault(None, None, exc, path)


def _guarded(
    stream: BinaryIO, path: Path | None, schema_file: Path | None
) -> Iterator[Found | Fault]:
    """Read a file; whatever ends it too soon is its last fault."""
    items = _stream(stream, path, schema_file)
    while True:
        try:
            item = next(items)
        except StopIteration:
            return
        except OSError:
            raise
        except Exception as exc:  # whatever it is, it costs this file and not the run
            yield Fault(None, None, as_hstamp_error(exc), path)
            return
        yield item


def _stream(
    stream: BinaryIO, path: Path | None, schema_file: Path | None
) -> Iterator[Found | Fault]:
    kind, gzipped = detect_stream(stream)
    if kind is Kind.TAR:
        yield from _archive(stream, gzipped, path, schema_file)
        return
    with _plain(stream, gzipped) as plain:
        if kind in (Kind.OCF, Kind.QUARANTINE):
            yield from _container(plain, path)
        elif kind is Kind.WIRE:
            yield from _wire(plain, path, schema_file)
        elif kind is Kind.PARQUET:
            yield from _parquet(plain, path)
        elif kind in (Kind.FITS, Kind.GZIP):
            raise FormatError("E_MAGIC", f"{kind.value}: it holds no stamps")
        else:
            yield _made(Stamp.from_bytes, plain.read(MAX_BLOB + 1), 0, None, path)


def _archive(
    stream: BinaryIO, gzipped: bool, path: Path | None, schema_file: Path | None
) -> Iterator[Found | Fault]:
    """Read the members of an archive one by one; records are numbered through all of them."""
    first = 0
    for piece in pieces(stream, gzipped=gzipped):
        if piece.passed_over:
            continue
        if piece.error is not None:
            member = Member(piece.name) if piece.name else None
            yield Fault(first, None, piece.error, path, member)
            first += 1
            continue
        last = -1
        for item in _member(piece.data, schema_file):
            last = max(last, item.record or 0)
            record = first + (item.record or 0)
            member = Member(piece.name, item.record)
            yield dataclasses.replace(item, record=record, path=path, member=member)
        first += last + 1


def _member(data: bytes, schema_file: Path | None) -> Iterator[Found | Fault]:
    inner = io.BytesIO(data)
    try:
        kind, gzipped = detect_stream(inner)
        if gzipped:
            inner = io.BytesIO(inflate(data, MAX_MEMBER))
        if kind in (Kind.TAR, Kind.PARQUET):
            raise FormatError("E_MAGIC", f"{kind.value} in an archive: it is not read")
    except HstampError as exc:
        yield Fault(None, None, exc)
        return
    yield from _guarded(inner, None, schema_file)


@contextmanager
def _plain(stream: BinaryIO, gzipped: bool) -> Iterator[BinaryIO]:
    if not gzipped:
        yield stream
        return
    with tempfile.TemporaryFile(prefix="hstamp-") as plain:
        try:
            inflate_to(stream, plain)
        except InputError as exc:
            # Of bytes that are no stamp, a decoder says no more than that [LI-1].
            code = exc.code if exc.code == "E_LIMIT" else "E_MAGIC"
            raise FormatError(code, exc.reason) from exc
        yield plain


def _container(stream: BinaryIO, path: Path | None) -> Iterator[Found | Fault]:
    container = Container(stream)
    if container.stamp_fields is None:
        raise FormatError("E_SCHEMA", "its schema holds no stamps")
    for item in container.readings():
        if isinstance(item, BadRecord):
            yield Fault(item.number, None, item.error, path)
        else:
            yield from _stamps(item[0], item[3], path)


def _wire(stream: BinaryIO, path: Path | None, schema_file: Path | None) -> Iterator[Found | Fault]:
    data = stream.read(MAX_BLOCK)
    try:
        message, writer = read_message(data, schema_file)
    except HstampError as exc:
        if schema_file is not None:
            raise
        # Any bytes may start with a zero: without a schema they are no stamp [LI-1].
        code = "E_LIMIT" if len(data) > MAX_BLOB else "E_MAGIC"
        reason = f"no stamp, and no wire-format message whose schema is known: {exc.reason}"
        raise FormatError(code, reason) from exc
    if writer.stamps is None:
        raise FormatError("E_SCHEMA", "its schema holds no stamps")
    for item in records_of(message, writer, more=stream.read):
        if isinstance(item, BadRecord):
            # What follows the record is a fault of the file's, and of the record alone in it.
            number = max(item.number - 1, 0) if item.error.code == "E_TRAILING" else item.number
            yield Fault(number, None, item.error, path)
            continue
        for field, record in item.stamps:
            yield _made(Stamp, record, item.number, field, path)


def _parquet(stream: BinaryIO, path: Path | None) -> Iterator[Found | Fault]:
    from .convert.sources import open_alerts  # it stands on this module's neighbours

    names = tuple(STAMP_FIELDS.values())
    with _named(stream, path) as place, open_alerts(place, Kind.PARQUET, fields=names) as source:
        present = [name for name in names if name in source.schema.names]
        if not present:
            raise FormatError("E_SCHEMA", "its columns hold no stamps")
        for batch in source.batches():
            for item in batch.records:
                if isinstance(item, BadRecord):
                    yield Fault(item.number, None, item.error, path)
                    continue
                for name in present:
                    if (blob := item.record.get(name)) is not None:
                        yield _made(Stamp.from_bytes, blob, item.number, name, path)


@contextmanager
def _named(stream: BinaryIO, path: Path | None) -> Iterator[Path]:
    """Path of an open file, copied where it has none or was gzipped."""
    if path is not None and detect_stream(stream)[0] is Kind.PARQUET and _is_file(stream, path):
        yield path
        return
    with tempfile.NamedTemporaryFile(prefix="hstamp-") as copy:
        while piece := stream.read(2**20):
            copy.write(piece)
        copy.flush()
        yield Path(copy.name)


def _is_file(stream: BinaryIO, path: Path) -> bool:
    return getattr(stream, "name", None) == str(path)


def _stamps(number: int, reading: Reading, path: Path | None) -> Iterator[Found | Fault]:
    for field, record in reading.stamps:
        yield _made(Stamp, record, number, field, path)


def _made(
    make: Callable[[Any], Stamp], value: Any, number: int, field: str | None, path: Path | None
) -> Found | Fault:
    try:
        return Found(number, field, make(value), path)
    except Exception as exc:  # whatever it is, it costs this stamp and not the run
        return Fault(number, field, as_hstamp_error(exc), path)


def _place(path: Path | None, record: int | None, field: str | None, member: Member | None) -> str:
    parts = [] if path is None else [str(path)]
    if member is not None:
        parts.append(member.place)
    elif record is not None:
        parts.append(f"record {record}")
    if field is not None:
        parts.append(field)
    return ", ".join(parts)


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

    Raises
    ------
    InputError
        If the codec is not one of Avro's.
    """
    if codec not in CODECS:
        raise InputError(f"codec must be one of {', '.join(CODECS)}, not {codec!r}")
    count = 0

    def counted() -> Iterator[dict[str, Any]]:
        nonlocal count
        for stamp in stamps:
            yield stamp.to_dict()
            count += 1

    with atomic_writer(Path(path)) as stream:
        fastavro.writer(stream, parsed_stamp_schema(), counted(), codec=codec)
    return count
