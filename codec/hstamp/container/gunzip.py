"""Gzip with a ceiling: a few compressed bytes must not demand unbounded memory or disk.

What is held in memory is decompressed by isal where it is installed (extra ``fast``), in two thirds
of zlib's time; zlib has the last word on whatever isal does not take.

A gzip file is a sequence of members (RFC 1952, Section 2.2), as ``cat a.gz b.gz``, bgzip and pigz
write them. Padding between members and whatever follows the last one are passed over.
"""

from __future__ import annotations

import importlib
import io
import zlib
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from typing import Any, BinaryIO, Final

from ..errors import InputError

__all__ = [
    "GZIP_MAGIC",
    "MAX_CUTOUT",
    "MAX_FILE",
    "ceiling",
    "chunks",
    "inflate",
    "inflate_to",
    "ratio_ceiling",
]

GZIP_MAGIC: Final = b"\x1f\x8b"
MAX_CUTOUT: Final = 64 * 2**20
"""Largest decompressed cutout [byte]; the largest container block has the same bound."""
MAX_FILE: Final = 4 * 2**30
"""Largest decompressed input file [byte]; a mosaic CCD with variance and mask is 0.2 GiB."""
_FREE: Final = 256 * 2**20
"""What any gzip file may decompress to [byte] ..."""
_RATIO: Final = 256
"""... and how often its own size beyond that; gzip reaches 1030 on zeros, and 2 to 20 on images."""
_PLAIN_FLAGS: Final = (b"\0", b"\x08")
"""Flags of a member's header with no extra fields or with a name: isal passes over others."""
_READ: Final = 2**16
_CHUNK: Final = 2**20


def ceiling(size: int) -> int:
    """Bytes that a gzip file of `size` bytes may decompress to."""
    return min(MAX_FILE, ratio_ceiling(size))


def ratio_ceiling(size: int) -> int:
    """Bytes that the first `size` bytes may decompress to where nothing is kept of them."""
    return _FREE + _RATIO * size


def chunks(source: BinaryIO, chunk: int = _CHUNK) -> Iterator[bytes]:
    """Iterate over the decompressed bytes of all members.

    Parameters
    ----------
    source : binary file
        Positioned at the first member.
    chunk : int
        Largest piece [byte].

    Raises
    ------
    InputError
        If the data are damaged or end early.
    """
    data = source.read(_READ)
    while data:
        inflater = zlib.decompressobj(wbits=31)
        while not inflater.eof:
            data = data or source.read(_READ)
            if not data:
                raise InputError("the gzip data end early")
            try:
                out = inflater.decompress(data, chunk)
            except zlib.error as exc:
                raise InputError(f"damaged gzip data: {exc}") from exc
            data = inflater.unconsumed_tail
            if out:
                yield out
        data = _next_member(inflater.unused_data, source)


def _next_member(rest: bytes, source: BinaryIO) -> bytes:
    """Bytes from the next member on; empty where there is none."""
    while not (rest := rest.lstrip(b"\0")):
        rest = source.read(_READ)
        if not rest:
            return b""
    if len(rest) < len(GZIP_MAGIC):
        rest += source.read(_READ)
    return rest if rest.startswith(GZIP_MAGIC) else b""


def inflate(data: bytes, limit: int = MAX_CUTOUT) -> bytes:
    """Decompress gzip data held in memory.

    Raises
    ------
    InputError
        If the data are damaged, incomplete, or larger than `limit` when decompressed (E_LIMIT).
    """
    for library, failure in _libraries():
        if library is not zlib and data[3:4] not in _PLAIN_FLAGS:
            continue
        try:
            machine = library.decompressobj(wbits=31)
            whole: bytes = machine.decompress(data, limit + 1)
        except failure:
            continue  # said below, where members that follow each other are read too
        if machine.eof and not machine.unused_data and len(whole) <= limit:
            return whole
    out = io.BytesIO()
    inflate_to(io.BytesIO(data), out, limit)
    return out.getvalue()


@cache
def _libraries() -> tuple[tuple[Any, type[Exception]], ...]:
    """Libraries in the order in which they are tried, with what they raise on damage."""
    found: list[tuple[Any, type[Exception]]] = [(zlib, zlib.error)]
    with suppress(ImportError):
        quick = importlib.import_module("isal.isal_zlib")
        found.insert(0, (quick, quick.error))
    return tuple(found)


def inflate_to(source: BinaryIO, sink: BinaryIO, limit: int | None = None) -> int:
    """Decompress a gzip file into another file; return the bytes written.

    Parameters
    ----------
    source, sink : binary file
        Seekable; `source` is positioned at its start, and `sink` is left there.
    limit : int, optional
        Largest result [byte]; `ceiling` of the source's size by default.

    Raises
    ------
    InputError
        As for `inflate`.
    """
    if limit is None:
        limit = ceiling(source.seek(0, io.SEEK_END))
        source.seek(0)
    written = 0
    for out in chunks(source, min(_CHUNK, limit + 1)):
        written += len(out)
        if written > limit:
            raise InputError(f"gzip data decompress to more than {limit} bytes", "E_LIMIT")
        sink.write(out)
    sink.seek(0)
    return written
