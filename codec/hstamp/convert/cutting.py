"""Cutting inputs into parts, which follow from the inputs and the size of a part alone.

What can be sought in is cut where it lies: container files between blocks, wire messages between
messages, tar archives between members, Parquet between row groups, images between positions. Small
files are put together. A gzipped file is decompressed first; an archive that is gzipped as a whole,
a part at a time.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO, Final

from ..alerts.lsst import read_message
from ..alerts.messages import records_of
from ..alerts.wire import WIRE_HEADER
from ..container.compression import MAX_BLOCK
from ..container.detect import Kind
from ..container.gunzip import inflate_to
from ..container.ocf import BadRecord, Container
from ..container.tarball import Skim
from ..errors import HstampError, OutputError
from ..outputs import atomic_writer
from ..parquet.footer import read_footer
from .mosaic import Rows
from .plan import Job, look_at, size_of
from .sections import Part, Section
from .spans import Span
from .workfolder import WorkFolder

__all__ = ["cut", "is_large"]

_FILES: Final = 1024
"""Files in a part, at most."""
_BYTES_A_POSITION: Final = 2**14
"""Positions in an image count so much towards the size of a part [byte]."""
_GZIP: Final = 4
"""A gzipped file counts as so many times its size: alerts shrink no more."""


def is_large(job: Job, inputs: Iterable[Path], rows: Mapping[Path, Rows] | None = None) -> bool:
    """Whether an output is made in parts."""
    total = 0
    for path in inputs:
        count = len(job.positions if rows is None else rows.get(path, ()))
        total += size_of(path) + (count * _BYTES_A_POSITION if count > 1 else 0)
        if total > job.part_bytes:
            return True
    return False


def cut(
    job: Job,
    inputs: Iterable[Path],
    work: WorkFolder,
    rows: Mapping[Path, Rows] | None = None,
) -> Iterator[Part]:
    """Cut inputs into parts.

    Parameters
    ----------
    job : Job
    inputs : iterable of Path
    work : WorkFolder
        Place for copies; parts that are done there are not copied.
    rows : mapping, optional
        Positions that are wanted of each image.

    Yields
    ------
    Part
        In order. A copy that a part reads is there when the part is given.
    """
    held: list[Section] = []
    index = 0

    def full() -> bool:
        return sum(s.size for s in held) >= job.part_bytes or len(held) == _FILES

    for path in inputs:
        if rows is not None and path not in rows:
            continue
        size = size_of(path)
        # Looking into each of millions of files would be dear.
        plain = size * _GZIP <= job.part_bytes and rows is None and len(job.positions) < 2
        wanted = None if rows is None else rows[path]
        cutter = None if plain else _Cutter(job, path, size, work, wanted)
        if cutter is None or cutter.is_small:
            held.append(Section(path, size) if cutter is None else cutter.whole)
            if full():
                yield Part(index, tuple(held))
                index, held = index + 1, []
            continue
        if held:
            yield Part(index, tuple(held))
            index, held = index + 1, []
        for section in cutter.sections(index):
            yield Part(index, (section,))
            index += 1
    if held:
        yield Part(index, tuple(held))


class _Cutter:
    """Cuts one input."""

    def __init__(
        self, job: Job, path: Path, size: int, work: WorkFolder, rows: Rows | None
    ) -> None:
        self._job, self._path, self._size, self._work = job, path, size, work
        self._index, self._rows = 0, rows
        try:
            self._kind, self._gzipped = look_at(path)
        except HstampError:
            self._kind, self._gzipped = Kind.UNKNOWN, False
        if self._kind is Kind.FITS and rows is None and len(job.positions) > 1:
            self._rows = tuple(enumerate(job.positions))
        self.whole = Section(path, size, rows=self._rows if self._kind is Kind.FITS else None)

    @property
    def is_small(self) -> bool:
        """Whether it is not cut."""
        if self._kind is Kind.FITS:
            count = len(self._rows) if self._rows is not None else 0
            return count * _BYTES_A_POSITION <= self._job.part_bytes
        bytes_ = self._size * _GZIP if self._gzipped else self._size
        return bytes_ <= self._job.part_bytes or self._kind not in _CUTS

    def sections(self, index: int) -> Iterator[Section]:
        """Cut it into parts from number `index` on.

        An input that cannot be read stays whole, so that its fault is told as ever.
        """
        self._index = index
        if self._kind is Kind.FITS:
            yield from self._image()
        elif self._kind is Kind.TAR:
            yield from self._archive()
        else:
            yield from self._file()

    def _image(self) -> Iterator[Section]:
        rows = self._rows or ()
        each = max(self._job.part_bytes // _BYTES_A_POSITION, 1)
        at = 0
        for start in range(0, len(rows), each):
            end = self._size * min(start + each, len(rows)) // len(rows)
            yield replace(self.whole, rows=rows[start : start + each], size=end - at)
            at = end

    def _file(self) -> Iterator[Section]:
        path, staged = self._path, False
        if self._gzipped:
            path, staged = self._work.file(f"plain-{self._index:06d}"), True
            try:
                self._inflate(path)
            except OutputError:
                raise
            except (HstampError, OSError):
                yield self.whole
                return
        try:
            spans = list(_CUTS[self._kind](path, self._job))
        except (HstampError, OSError):
            spans = []
        if len(spans) < 2:
            # Read where it lies: what is said of it is said in its own name.
            yield self.whole
            return
        total = spans[-1].stop
        at = 0
        for number, span in enumerate(spans, 1):
            end = self._size * span.stop // total
            yield Section(
                path,
                end - at,
                str(self._path) if staged else "",
                span,
                staged=staged and number == len(spans) and self._kind is not Kind.PARQUET,
            )
            at = end

    def _inflate(self, path: Path) -> None:
        with self._path.open("rb") as source, atomic_writer(path) as out:
            inflate_to(source, out)

    def _archive(self) -> Iterator[Section]:
        with self._path.open("rb") as stream:
            if self._gzipped:
                yield from self._copied(stream)
            else:
                yield from self._spanned(stream)

    def _spanned(self, stream: BinaryIO) -> Iterator[Section]:
        skim, start = Skim(stream), 0
        for piece in skim.pieces():
            if piece.error is not None and not piece.name:
                break
            if skim.taken - start >= self._job.part_bytes:
                yield replace(self.whole, span=Span(start, skim.taken), size=skim.taken - start)
                start = skim.taken
        if start < self._size:
            yield replace(self.whole, span=Span(start, self._size), size=self._size - start)

    def _copied(self, stream: BinaryIO) -> Iterator[Section]:
        """Copy an archive a part at a time, decompressed; past the parts that are done."""
        skim = Skim(stream, gzipped=True)
        pieces = skim.pieces()
        index, at, fault, ended = self._index, 0, None, False
        while not ended:
            path = self._work.file(f"plain-{index:06d}")
            start = stop = skim.taken
            done = self._work.part(index).exists()
            with nullcontext() if done else atomic_writer(path) as skim.out:
                while not ended and stop - start < self._job.part_bytes:
                    piece = next(pieces, None)
                    if piece is None:
                        ended = True
                    elif piece.error is not None and not piece.name:
                        fault, ended = piece.error, True
                    else:
                        stop = skim.taken
                if skim.out is not None:
                    # A member that is not whole is what the fault tells of.
                    skim.out.truncate(stop - start)
            end = self._size if ended else stream.tell()
            span, name = Span(0, stop - start), str(self._path)
            yield Section(path, end - at, name, span, fault=fault, staged=True)
            index, at = index + 1, end


def _blocks(path: Path, job: Job) -> Iterator[Span]:
    with path.open("rb") as stream:
        container = Container(stream)
        head = start = stream.tell()
        size, first, last = os.fstat(stream.fileno()).st_size, 0, 0
        for end, records in container.ends():
            last = records
            if end - start >= job.part_bytes:
                yield Span(start, end, head, first)
                start, first = end, last
    if start < size:
        yield Span(start, size, head, first)


def _messages(path: Path, job: Job) -> Iterator[Span]:
    size = size_of(path)
    with path.open("rb") as stream:
        message, writer = read_message(stream.read(MAX_BLOCK), job.schema_file)
        start = end = number = first = 0
        for item in records_of(message, writer, more=stream.read):
            if isinstance(item, BadRecord):
                break
            end, number = end + WIRE_HEADER + len(item.raw), item.number + 1
            if end - start >= job.part_bytes:
                yield Span(start, end, 0, first)
                start, first = end, number
    if start < size:
        yield Span(start, size, 0, first)


def _row_groups(path: Path, job: Job) -> Iterator[Span]:
    size = size_of(path)
    with path.open("rb") as stream:
        footer = read_footer(stream, size)
    groups = len(footer.groups)
    # Row groups of a table are of one size; a part has as many of them as come to its bytes.
    each = max(groups * job.part_bytes // max(size, 1), 1)
    for start in range(0, groups, each):
        yield Span(start, min(start + each, groups))


_CUTS: Final[dict[Kind, Callable[[Path, Job], Iterator[Span]]]] = {
    Kind.OCF: _blocks,
    Kind.WIRE: _messages,
    Kind.PARQUET: _row_groups,
    Kind.TAR: lambda path, job: iter(()),
}
