"""Tar archives read as a stream: one member at a time, in memory, nothing written to disk.

A survey's night is an archive of thousands of files, one alert each (ZTF's public archive). Only
headers and bytes are looked at: names of members are text for messages and lead to no file. The
standard library's `tarfile.TarInfo` reads a header block; its reader of whole archives is not
used, because it takes extended headers of any length into memory on the word of a size.

Form: POSIX.1-1988 (ustar), POSIX.1-2001 (pax: ``path`` and ``size``), GNU (long names).
"""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import BinaryIO, Final

from ..errors import FormatError, HstampError, InputError
from .gunzip import chunks, ratio_ceiling

__all__ = ["MAX_MEMBER", "Member", "Piece", "Skim", "is_tar", "pieces"]

MAX_MEMBER: Final = 64 * 2**20
"""Largest member that is read [byte] (E_LIMIT); an alert's takes about 0.1 MB."""
_MAX_EXTENDED: Final = 2**20
"""Longest header of a member's header [byte]."""
_BLOCK: Final = tarfile.BLOCKSIZE
_READ: Final = 2**18
_SHOWN: Final = 200


@dataclass(frozen=True)
class Member:
    """Where in an archive a record lies.

    Attributes
    ----------
    name : str
        The member's name, for messages alone.
    record : int or None
        Number of the record in the member, from 0; None for the member as a whole.
    """

    name: str
    record: int | None = None

    @property
    def place(self) -> str:
        """Member and record, as messages say it."""
        return self.name if self.record is None else f"{self.name}, record {self.record}"


@dataclass(frozen=True)
class Piece:
    """A member of an archive and its bytes, or why they were not read.

    Attributes
    ----------
    name : str
    data : bytes
    error : HstampError or None
    passed_over : bool
        Whether it is no file of data: a folder, a link, a device, or a name that starts with
        ``.`` or ``_`` or ends in ``.crc``, as for the files of a folder.
    position : int
        Bytes of the archive as stored that had been read.
    """

    name: str
    data: bytes = b""
    error: HstampError | None = None
    passed_over: bool = False
    position: int = 0


def is_tar(head: bytes) -> bool:
    """Whether the first 512 bytes of a file are the header of an archive's first member."""
    if head[257:262] != b"ustar":
        return False
    try:
        tarfile.TarInfo.frombuf(head[:_BLOCK], "utf-8", "replace")
    except (tarfile.HeaderError, ValueError):
        return False
    return True


def pieces(stream: BinaryIO, *, gzipped: bool = False, before: int = 0) -> Iterator[Piece]:
    """Iterate over the members of an archive.

    Parameters
    ----------
    stream : binary file
        Positioned at its start, or at that of a member.
    gzipped : bool
        Whether the archive is gzipped as a whole.
    before : int
        Bytes of the archive that lie before the stream's, for messages.

    Yields
    ------
    Piece
        Files and what is passed over. Where the archive is damaged, or ends early, the last one
        has the error and an empty name.
    """
    source = _Inflated(stream) if gzipped else _Plain(stream)
    source.taken = before
    yield from _pieces(source)


class Skim:
    """The members of an archive without their data: where it can be cut.

    Parameters
    ----------
    stream : binary file
        Positioned at the archive's start.
    gzipped : bool
        Whether it is gzipped as a whole.

    Attributes
    ----------
    out : binary file or None
        Where the bytes of a gzipped archive go, decompressed, as they pass.
    """

    def __init__(self, stream: BinaryIO, *, gzipped: bool = False) -> None:
        self._source = _Copied(stream) if gzipped else _Skimmed(stream)
        self.out: BinaryIO | None = None

    @property
    def taken(self) -> int:
        """Bytes of the archive, decompressed, that have passed."""
        return self._source.taken

    def pieces(self) -> Iterator[Piece]:
        """Iterate over the members as `pieces` does, with no bytes in them."""
        if isinstance(self._source, _Copied):
            self._source.copy = self._copy
        yield from _pieces(self._source)

    def _copy(self, data: bytes) -> None:
        if self.out is not None:
            self.out.write(data)


def _pieces(source: _Plain) -> Iterator[Piece]:
    try:
        yield from _walk(source)
    except HstampError as exc:
        yield Piece("", error=exc, position=source.position)
    except (tarfile.HeaderError, ValueError) as exc:
        reason = f"the archive is damaged after {source.taken} bytes: {exc}"
        yield Piece("", error=FormatError("E_AVRO", reason), position=source.position)


class _Plain:
    """Bytes of an archive, each once and in order."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.taken = 0

    @property
    def position(self) -> int:
        """Bytes of the file that have been read."""
        return self._stream.tell()

    def some(self, most: int) -> bytes:
        """Take at most so many bytes; none at the end."""
        data = self._stream.read(min(most, _READ))
        self.taken += len(data)
        return data

    def exactly(self, size: int) -> bytes:
        """Take so many bytes, as they come: a size alone allocates nothing."""
        out = io.BytesIO()
        while (left := size - out.tell()) > 0:
            data = self.some(left)
            if not data:
                raise InputError("the archive ends early", "E_AVRO")
            out.write(data)
        return out.getvalue()

    def member(self, size: int) -> bytes:
        """Take the bytes of a member."""
        return self.exactly(size)

    def leave(self, size: int) -> None:
        """Go past so many bytes."""
        while size > 0:
            data = self.some(size)
            if not data:
                raise InputError("the archive ends early", "E_AVRO")
            size -= len(data)


class _Inflated(_Plain):
    """The same of a gzipped archive, within the bound of any gzip file's ratio."""

    def __init__(self, stream: BinaryIO) -> None:
        super().__init__(stream)
        self._chunks = chunks(stream, _READ)
        self._held = memoryview(b"")

    def some(self, most: int) -> bytes:
        if not len(self._held):
            self._held = memoryview(next(self._chunks, b""))
            if self.taken + len(self._held) > (limit := ratio_ceiling(self.position)):
                raise InputError(f"gzip data decompress to more than {limit} bytes", "E_LIMIT")
        data, self._held = bytes(self._held[:most]), self._held[most:]
        self.taken += len(data)
        return data


class _Skimmed(_Plain):
    """Bytes of an archive of which data are passed over unread."""

    def __init__(self, stream: BinaryIO) -> None:
        super().__init__(stream)
        at = stream.tell()
        self._end = stream.seek(0, io.SEEK_END)
        stream.seek(at)

    def member(self, size: int) -> bytes:
        self.leave(size)
        return b""

    def leave(self, size: int) -> None:
        if size > self._end - self._stream.tell():
            raise InputError("the archive ends early", "E_AVRO")
        self._stream.seek(size, io.SEEK_CUR)
        self.taken += size


class _Copied(_Inflated):
    """Bytes of a gzipped archive that go somewhere else as they pass."""

    copy: Callable[[bytes], None] | None = None

    def some(self, most: int) -> bytes:
        data = super().some(most)
        if self.copy is not None:
            self.copy(data)
        return data

    def member(self, size: int) -> bytes:
        self.leave(size)
        return b""


def _walk(source: _Plain) -> Iterator[Piece]:
    extended: dict[str, str] = {}
    while header := source.some(_BLOCK):
        header += source.exactly(_BLOCK - len(header))
        if not header.strip(b"\0"):
            return  # two such blocks end an archive; what follows is padding
        info = tarfile.TarInfo.frombuf(header, "utf-8", "replace")
        if info.size < 0:
            raise ValueError("a member of negative size")
        if info.type in (tarfile.XHDTYPE, tarfile.GNUTYPE_LONGNAME):
            extended |= _extended(info, _small(source, info.size))
            continue
        if info.type in (tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE, tarfile.GNUTYPE_LONGLINK):
            _pass(source, info.size)
            continue
        if info.type == tarfile.GNUTYPE_SPARSE:
            raise ValueError("sparse files are not read")
        size = int(extended.get("size", info.size))
        name = extended.get("path", info.name)[:_SHOWN]
        extended = {}
        # A link's header may repeat the size of what it leads to; no bytes follow it.
        stored = size if info.isreg() or info.type not in tarfile.SUPPORTED_TYPES else 0
        yield _piece(source, info, name, stored)


def _piece(source: _Plain, info: tarfile.TarInfo, name: str, size: int) -> Piece:
    parts = [part for part in name.split("/") if part not in ("", ".", "..")]
    unwanted = any(p.startswith((".", "_")) or p.endswith(".crc") for p in parts)
    if not info.isreg() or unwanted or not parts:
        _pass(source, size)
        return Piece(name, passed_over=True, position=source.position)
    if size > MAX_MEMBER:
        _pass(source, size)
        reason = f"{size} bytes; members of up to {MAX_MEMBER} bytes are read"
        error = FormatError("E_LIMIT", reason)
        return Piece(name, error=error, position=source.position)
    data = source.member(size)
    source.leave(-size % _BLOCK)
    return Piece(name, data, position=source.position)


def _small(source: _Plain, size: int) -> bytes:
    if size > _MAX_EXTENDED:
        raise InputError(f"a member's extended header claims {size} bytes", "E_LIMIT")
    data = source.exactly(size)
    source.leave(-size % _BLOCK)
    return data


def _pass(source: _Plain, size: int) -> None:
    source.leave(size + -size % _BLOCK)


def _extended(info: tarfile.TarInfo, data: bytes) -> dict[str, str]:
    """What a header of a header says of the name and size of the member that follows."""
    if info.type == tarfile.GNUTYPE_LONGNAME:
        return {"path": data.rstrip(b"\0").decode("utf-8", "replace")}
    found: dict[str, str] = {}
    while data.strip(b"\0"):
        length, _, _ = data.partition(b" ")
        # int() alone would take signs, spaces and underscores.
        if not length.isdigit() or not len(length) + 1 < int(length[:8]) <= len(data):
            raise ValueError("a pax header's length is not that of its text")
        key, _, value = data[len(length) + 1 : int(length) - 1].partition(b"=")
        with suppress(UnicodeDecodeError):
            found[key.decode()] = value.decode("utf-8", "replace")
        data = data[int(length) :]
    if "size" in found and not (found["size"].isascii() and found["size"].isdigit()):
        raise ValueError("a pax header's size is no number")
    return {key: found[key] for key in ("path", "size") if key in found}
