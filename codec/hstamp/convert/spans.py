"""Runs of a large input that can be read by themselves, as if each were a file."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final, cast

__all__ = ["Span", "open_span"]

_BUFFER: Final = 2**18


@dataclass(frozen=True)
class Span:
    """A run of blocks, messages, members or row groups of a file.

    Attributes
    ----------
    start, stop : int
        Where it starts and stops: bytes, or row groups of a Parquet file.
    head : int
        Bytes at the file's start that belong before each run: the header of a container file.
    first : int
        Number of its first record in the file.
    """

    start: int
    stop: int
    head: int = 0
    first: int = 0


def open_span(path: Path, span: Span | None = None) -> BinaryIO:
    """Open a run of a file for reading: the header, and the bytes of the run; or all of it."""
    file = path.open("rb")
    if span is None:
        return file
    return cast(BinaryIO, io.BufferedReader(_SpanFile(file, span), _BUFFER))


class _SpanFile(io.RawIOBase):
    """The bytes ``[0, head)`` and ``[start, stop)`` of a file."""

    def __init__(self, file: BinaryIO, span: Span) -> None:
        self._file, self._span, self._at = file, span, 0
        self._size = span.head + span.stop - span.start

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = max(base + offset, 0)
        return self._at

    def readinto(self, buffer: Any, /) -> int:
        span = self._span
        view = memoryview(buffer).cast("B")
        inside = self._at < span.head
        end = span.head if inside else self._size
        count = max(min(len(view), end - self._at), 0)
        self._file.seek(self._at if inside else span.start + self._at - span.head)
        done = self._file.readinto(view[:count])  # type: ignore[attr-defined]
        self._at += done
        return int(done)

    def close(self) -> None:
        self._file.close()
        super().close()
