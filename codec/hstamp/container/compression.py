"""Block codecs of object container files, each with a bound on what it may produce."""

from __future__ import annotations

import bz2
import importlib
import lzma
import sys
import zlib
from collections.abc import Callable
from typing import Any, Final

from ..errors import FormatError

__all__ = ["CODECS", "MAX_BLOCK", "decompressor"]

MAX_BLOCK: Final = 64 * 2**20
"""Largest block, as stored and as decompressed [byte] (E_LIMIT)."""


def decompressor(codec: str) -> Callable[[bytes], bytes]:
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


def _null() -> Callable[[bytes], bytes]:
    return lambda block: block


def _incremental(make: Callable[[], Any], failures: tuple[type[Exception], ...]) -> Any:
    def decompress(block: bytes) -> bytes:
        try:
            machine = make()
            data: bytes = machine.decompress(block, MAX_BLOCK + 1)
        except failures as error:
            raise FormatError("E_AVRO", f"a block does not decompress: {error}") from error
        if len(data) > MAX_BLOCK:
            raise FormatError("E_LIMIT", f"a block decompresses to more than {MAX_BLOCK} bytes")
        if not machine.eof:
            raise FormatError("E_AVRO", "a compressed block ends early")
        return data

    return decompress


def _deflate() -> Callable[[bytes], bytes]:
    return _incremental(lambda: zlib.decompressobj(-15), (zlib.error,))  # type: ignore[no-any-return]


def _bzip2() -> Callable[[bytes], bytes]:
    return _incremental(bz2.BZ2Decompressor, (OSError, EOFError))  # type: ignore[no-any-return]


def _xz() -> Callable[[bytes], bytes]:
    return _incremental(  # type: ignore[no-any-return]
        lambda: lzma.LZMADecompressor(memlimit=2 * MAX_BLOCK), (lzma.LZMAError, EOFError)
    )


def _snappy() -> Callable[[bytes], bytes]:
    import cramjam

    def decompress(block: bytes) -> bytes:
        body, crc = block[:-4], block[-4:]
        try:
            if cramjam.snappy.decompress_raw_len(body) > MAX_BLOCK:
                raise FormatError("E_LIMIT", f"a block decompresses to more than {MAX_BLOCK} bytes")
            data = bytes(cramjam.snappy.decompress_raw(body))
        except cramjam.DecompressionError as error:
            raise FormatError("E_AVRO", f"a block does not decompress: {error}") from error
        if zlib.crc32(data).to_bytes(4, "big") != crc:
            raise FormatError("E_AVRO", "a block's checksum differs")
        return data

    return decompress


def _zstandard() -> Callable[[bytes], bytes]:
    # A frame's own claim of its size is not used: output stops at the bound.
    zstd = importlib.import_module(
        "compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd"
    )
    options = {zstd.DecompressionParameter.window_log_max: MAX_BLOCK.bit_length() - 1}
    return _incremental(  # type: ignore[no-any-return]
        lambda: zstd.ZstdDecompressor(options=options), (zstd.ZstdError, EOFError)
    )


CODECS: Final[dict[str, Callable[[], Callable[[bytes], bytes]]]] = {
    "null": _null,
    "deflate": _deflate,
    "snappy": _snappy,
    "zstandard": _zstandard,
    "bzip2": _bzip2,
    "xz": _xz,
}
"""Codec names of Avro 1.11 and how to obtain them."""
