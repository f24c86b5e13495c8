"""Block codecs of object container files, each with a bound on what it may produce."""

from __future__ import annotations

import bz2
import importlib
import lzma
import sys
import zlib
from collections.abc import Callable
from typing import Any, Final, TypeAlias

from ..errors import FormatError

__all__ = ["CODECS", "MAX_BLOCK", "Decompress", "decompressor"]

Decompress: TypeAlias = Callable[[bytes, int], bytes]
"""Takes a block and the number of bytes that it may decompress to (E_LIMIT)."""

MAX_BLOCK: Final = 64 * 2**20
"""Largest block, as stored and as decompressed [byte] (E_LIMIT)."""


def decompressor(codec: str) -> Decompress:
    """Return the function that decompresses a block of `codec`.

    Raises
    ------
    FormatError
        With code E_CODEC if the codec is unknown, or needs a package that is not installed.
    """
    try:
        return CODECS[codec]()
    except KeyError:
        raise FormatError("E_CODEC", f"codec {codec[:40]!r} is not known") from None
    except ImportError as error:
        raise FormatError(
            "E_CODEC", f"codec {codec!r} needs the package {error.name} (extra 'codecs'):"
            " pip install cramjam backports.zstd"
        ) from error  # fmt: skip


def _over(limit: int) -> FormatError:
    return FormatError(
        "E_LIMIT", f"a block decompresses to more than the {limit} bytes that are left to it"
    )


def _null() -> Decompress:
    return lambda block, limit: block


def _incremental(make: Callable[[], Any], failures: tuple[type[Exception], ...]) -> Any:
    def decompress(block: bytes, limit: int) -> bytes:
        try:
            machine = make()
            data: bytes = machine.decompress(block, limit + 1)
        except failures as error:
            raise FormatError("E_AVRO", f"a block does not decompress: {error}") from error
        if len(data) > limit:
            raise _over(limit)
        if not machine.eof:
            raise FormatError("E_AVRO", "a compressed block ends early")
        return data

    return decompress


def _deflate() -> Decompress:
    return _incremental(lambda: zlib.decompressobj(-15), (zlib.error,))  # type: ignore[no-any-return]


def _bzip2() -> Decompress:
    return _incremental(bz2.BZ2Decompressor, (OSError, EOFError))  # type: ignore[no-any-return]


def _xz() -> Decompress:
    return _incremental(  # type: ignore[no-any-return]
        lambda: lzma.LZMADecompressor(memlimit=2 * MAX_BLOCK), (lzma.LZMAError, EOFError)
    )


def _snappy() -> Decompress:
    import cramjam

    def decompress(block: bytes, limit: int) -> bytes:
        body, crc = block[:-4], block[-4:]
        try:
            if cramjam.snappy.decompress_raw_len(body) > limit:
                raise _over(limit)
            data = bytes(cramjam.snappy.decompress_raw(body))
        except cramjam.DecompressionError as error:
            raise FormatError("E_AVRO", f"a block does not decompress: {error}") from error
        if zlib.crc32(data).to_bytes(4, "big") != crc:
            raise FormatError("E_AVRO", "a block's checksum differs")
        return data

    return decompress


def _zstandard() -> Decompress:
    # A frame's own claim of its size is not used: output stops at the bound.
    zstd = importlib.import_module(
        "compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd"
    )
    options = {zstd.DecompressionParameter.window_log_max: MAX_BLOCK.bit_length() - 1}
    return _incremental(  # type: ignore[no-any-return]
        lambda: zstd.ZstdDecompressor(options=options), (zstd.ZstdError, EOFError)
    )


CODECS: Final[dict[str, Callable[[], Decompress]]] = {
    "null": _null,
    "deflate": _deflate,
    "snappy": _snappy,
    "zstandard": _zstandard,
    "bzip2": _bzip2,
    "xz": _xz,
}
"""Codec names of Avro 1.11 and how to obtain them."""
