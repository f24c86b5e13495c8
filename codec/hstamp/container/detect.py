"""What a file is, from its first bytes and never from its name."""

from __future__ import annotations

import zlib
from enum import Enum
from pathlib import Path
from typing import Final

__all__ = ["Kind", "detect", "sniff"]

_SNIFF: Final = 64


class Kind(Enum):
    """Kinds of input; the value is what a person would call it."""

    OCF = "Avro container file"
    WIRE = "Confluent wire-format message"
    FITS = "FITS file"
    PARQUET = "Parquet file"
    BLOB = "stamp blob"
    EMPTY = "empty file"
    UNKNOWN = "unknown"


def sniff(head: bytes) -> Kind:
    """Kind of an uncompressed file from its first bytes (10 are enough)."""
    if not head:
        return Kind.EMPTY
    if head[:4] == b"Obj\x01":
        return Kind.OCF
    if head[:2] == b"\xc3\x01":
        return Kind.BLOB
    if head[:9] == b"SIMPLE  =":
        return Kind.FITS
    if head[:4] == b"PAR1":
        return Kind.PARQUET
    if head[:1] == b"\x00":
        return Kind.WIRE
    return Kind.UNKNOWN


def detect(path: Path) -> tuple[Kind, bool]:
    """Kind of a file, and whether it is gzipped (the kind is then that of what is inside)."""
    with path.open("rb") as stream:
        head = stream.read(_SNIFF)
        if head[:2] != b"\x1f\x8b":
            return sniff(head), False
        # A gzip header may carry a file name of any length, so read on until bytes come out.
        inflater, inner = zlib.decompressobj(wbits=31), b""
        try:
            while head and len(inner) < _SNIFF:
                inner += inflater.decompress(head, _SNIFF)
                head = inflater.unconsumed_tail or stream.read(4096)
                if inflater.eof:
                    break
        except zlib.error:
            return Kind.UNKNOWN, True
        return sniff(inner), True
