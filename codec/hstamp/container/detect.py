"""What a file is, from its first bytes and never from its name."""

from __future__ import annotations

import stat
from enum import Enum
from pathlib import Path
from typing import BinaryIO, Final

from ..errors import InputError
from .gunzip import GZIP_MAGIC, chunks
from .tarball import is_tar

__all__ = ["Kind", "check_regular", "detect", "detect_stream", "sniff"]

_SNIFF: Final = 512
_PACKED: Final = (b"BZh", b"\xfd7zXZ\x00", b"\x28\xb5\x2f\xfd", b"PK\x03\x04", b"\x1f\x9d")
"""First bytes of bzip2, xz, zstandard, zip and compress."""
_QUARANTINE: Final = b'"hstamp.v1.quarantine"'


class Kind(Enum):
    """Kinds of input; the value is what a person would call it."""

    OCF = "Avro container file"
    QUARANTINE = "quarantine file"
    WIRE = "Confluent wire-format message"
    FITS = "FITS file"
    PARQUET = "Parquet file"
    BLOB = "stamp blob"
    JSON = "JSON text"
    TAR = "tar archive"
    GZIP = "gzip file inside a gzip file"
    PACKED = "compressed, but not by gzip: unpack it first"
    EMPTY = "empty file"
    UNKNOWN = "unknown"


def sniff(head: bytes) -> Kind:
    """Kind of an uncompressed file from its first bytes (512 show an archive, 10 all others)."""
    if not head:
        return Kind.EMPTY
    # An archive starts with a name, which may look like the start of any other file.
    if is_tar(head):
        return Kind.TAR
    if head[:4] == b"Obj\x01":
        return Kind.QUARANTINE if _QUARANTINE in head else Kind.OCF
    if head[:2] == b"\xc3\x01":
        return Kind.BLOB
    if head[:9] == b"SIMPLE  =":
        return Kind.FITS
    if head[:4] == b"PAR1":
        return Kind.PARQUET
    if head[:2] == GZIP_MAGIC:
        return Kind.GZIP
    if head[:1] == b"\x00":
        return Kind.WIRE
    if head.startswith(_PACKED):
        return Kind.PACKED
    if head.lstrip(b" \t\r\n")[:1] in (b"{", b"["):
        return Kind.JSON
    return Kind.UNKNOWN


def check_regular(path: Path) -> None:
    """Raise `InputError` for a device, pipe or socket: it could be waited for without end."""
    mode = path.stat().st_mode
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        raise InputError("a device, pipe or socket, not a file ('-' reads standard input)")


def detect(path: Path) -> tuple[Kind, bool]:
    """Kind of a file, and whether it is gzipped (the kind is then that of what is inside)."""
    with path.open("rb") as stream:
        return detect_stream(stream)


def detect_stream(stream: BinaryIO) -> tuple[Kind, bool]:
    """Kind of an open file as `detect` gives it; the file is left where it stood."""
    start = stream.tell()
    try:
        head = stream.read(_SNIFF)
        if head[:2] != GZIP_MAGIC:
            return sniff(head), False
        stream.seek(start)
        inner = b""
        # A gzip header may carry a file name of any length, so read on until bytes come out.
        try:
            for out in chunks(stream, _SNIFF):
                inner += out
                if len(inner) >= _SNIFF:
                    break
        except InputError:
            return (sniff(inner) if inner else Kind.UNKNOWN), True
        return sniff(inner), True
    finally:
        stream.seek(start)
