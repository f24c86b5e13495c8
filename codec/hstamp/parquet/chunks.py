"""Column chunks: moved from file to file as bytes, and measured before they are decoded."""

from __future__ import annotations

from typing import BinaryIO, Final

from ..errors import FormatError
from .footer import chunk_span
from .thrift import Field, Struct, dump, load

__all__ = ["compression", "moved", "unpacked"]

_COPY: Final = 2**20
_HEADER: Final = 2**10
_MAX_HEADER: Final = 2**20

# ColumnChunk
_START, _META, _OFFSETS, _OFFSETS_SIZE, _INDEX, _INDEX_SIZE = 2, 3, 4, 5, 6, 7
# ColumnMetaData
_CODEC, _DATA, _INDEX_PAGE, _DICTIONARY, _BLOOM, _BLOOM_SIZE = 4, 9, 10, 11, 14, 15
# PageHeader
_PAGE_UNPACKED, _PAGE_PACKED = 2, 3
_CODECS: Final = {0: "none", 1: "snappy", 2: "gzip", 4: "brotli", 5: "lz4", 6: "zstd", 7: "lz4"}


def compression(chunk: Struct) -> str:
    """Codec of a chunk, by pyarrow's name; ``snappy`` for one that pyarrow cannot write."""
    return _CODECS.get(chunk[_META].value[_CODEC].value, "snappy")


def moved(source: BinaryIO, size: int, chunk: Struct, out: BinaryIO) -> Struct:
    """Copy a column chunk and what belongs to it to the end of a file.

    Pages, Bloom filter and page index keep their bytes; only the positions that they state are
    those of the new file.

    Parameters
    ----------
    source : binary file
    size : int
        Its bytes.
    chunk : Struct
        The ``ColumnChunk``.
    out : binary file
        Its position is its end.

    Returns
    -------
    Struct
        The ``ColumnChunk`` for the new file.
    """
    start, length = chunk_span(chunk)
    shift = out.tell() - start
    _copy(source, start, length, out)
    meta = dict(chunk[_META].value)
    for key in (_DATA, _INDEX_PAGE, _DICTIONARY):
        if key in meta and meta[key].value > 0:
            meta[key] = _at(meta[key], meta[key].value + shift)
    bloom, bloom_size = meta.pop(_BLOOM, None), meta.get(_BLOOM_SIZE)
    if bloom is not None and bloom_size is not None:
        meta[_BLOOM] = _at(bloom, out.tell())
        _copy(source, bloom.value, _inside(bloom.value, bloom_size.value, size), out)
    new = {**chunk, _META: chunk[_META]._replace(value=meta)}
    if _START in new and new[_START].value > 0:
        new[_START] = _at(new[_START], new[_START].value + shift)
    if _INDEX in new and _INDEX_SIZE in new:
        where, count = new[_INDEX].value, new[_INDEX_SIZE].value
        new[_INDEX] = _at(new[_INDEX], out.tell())
        _copy(source, where, _inside(where, count, size), out)
    if _OFFSETS in new and _OFFSETS_SIZE in new:
        where, count = new[_OFFSETS].value, new[_OFFSETS_SIZE].value
        source.seek(where)
        index = load(source.read(_inside(where, count, size)))[0]
        for location in index[1].value.values:
            location[1] = _at(location[1], location[1].value + shift)
        data = dump(index)
        new[_OFFSETS] = _at(new[_OFFSETS], out.tell())
        new[_OFFSETS_SIZE] = _at(new[_OFFSETS_SIZE], len(data))
        out.write(data)
    return new


def unpacked(stream: BinaryIO, chunk: Struct) -> int:
    """Bytes that the pages of a chunk say they decompress to.

    Raises
    ------
    FormatError
        E_AVRO if its pages cannot be walked.
    """
    at, length = chunk_span(chunk)
    end, total = at + length, 0
    while at < end:
        header, used = _page_header(stream, at, end - at)
        size, packed = header[_PAGE_UNPACKED].value, header[_PAGE_PACKED].value
        if size < 0 or packed < 0:
            raise FormatError("E_AVRO", "not readable as Parquet: a page of negative size")
        total += size
        at += used + packed
    return total


def _page_header(stream: BinaryIO, at: int, most: int) -> tuple[Struct, int]:
    window = _HEADER
    while True:
        stream.seek(at)
        data = stream.read(min(window, most))
        try:
            header, used = load(data)
            header[_PAGE_UNPACKED], header[_PAGE_PACKED]
            return header, used
        except (FormatError, KeyError) as exc:
            # Statistics in a header may be longer than the window.
            if len(data) < window or window >= _MAX_HEADER:
                raise FormatError(
                    "E_AVRO", "not readable as Parquet: a page without a header"
                ) from exc
        window *= 32


def _at(field: Field, value: int) -> Field:
    return field._replace(value=value)


def _inside(start: int, length: int, size: int) -> int:
    if start < 0 or not 0 <= length <= size - start:
        raise FormatError("E_AVRO", "not readable as Parquet: an index beyond the file's end")
    return length


def _copy(source: BinaryIO, start: int, length: int, out: BinaryIO) -> None:
    source.seek(start)
    while length:
        part = source.read(min(length, _COPY))
        if not part:
            raise FormatError("E_AVRO", "not readable as Parquet: it ends too early")
        out.write(part)
        length -= len(part)
