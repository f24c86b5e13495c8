"""Gzip with a ceiling: a few compressed bytes must not demand unbounded memory or disk."""

from __future__ import annotations

import zlib
from typing import BinaryIO, Final

from ..errors import InputError

__all__ = ["MAX_CUTOUT", "MAX_FILE", "inflate", "inflate_to"]

MAX_CUTOUT: Final = 64 * 2**20
"""Largest decompressed cutout [byte]; the largest container block has the same bound."""
MAX_FILE: Final = 4 * 2**30
"""Largest decompressed input file [byte]; a mosaic CCD with variance and mask is 0.2 GiB."""
_CHUNK: Final = 2**16


def inflate(data: bytes, limit: int = MAX_CUTOUT) -> bytes:
    """Decompress a gzip member held in memory.

    Raises
    ------
    InputError
        If the data are damaged, incomplete, or larger than `limit` when decompressed.
    """
    inflater = zlib.decompressobj(wbits=31)
    try:
        out = inflater.decompress(data, limit + 1)
    except zlib.error as exc:
        raise InputError(f"damaged gzip data: {exc}") from exc
    if len(out) > limit:
        raise InputError(f"gzip data of {len(data)} bytes decompress to more than {limit} bytes")
    if not inflater.eof:
        raise InputError("the gzip data end early")
    return out


def inflate_to(source: BinaryIO, sink: BinaryIO, limit: int = MAX_FILE) -> int:
    """Decompress a gzip file into another file; return the bytes written.

    Raises
    ------
    InputError
        As for `inflate`.
    """
    inflater, written = zlib.decompressobj(wbits=31), 0
    while not inflater.eof:
        chunk = inflater.unconsumed_tail or source.read(_CHUNK)
        if not chunk:
            raise InputError("the gzip data end early")
        try:
            out = inflater.decompress(chunk, 2**20)
        except zlib.error as exc:
            raise InputError(f"damaged gzip data: {exc}") from exc
        written += len(out)
        if written > limit:
            raise InputError(f"gzip file decompresses to more than {limit} bytes")
        sink.write(out)
    sink.seek(0)
    return written
