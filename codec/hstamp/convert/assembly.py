"""Parts put together: blocks of container files and row groups of tables, as bytes."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

from ..container.ocf import OCF_MAGIC, Container
from ..errors import output_error
from ..outputs import atomic_writer
from ..parquet.chunks import moved
from ..parquet.footer import MAGIC, read_footer, wrapped
from ..parquet.thrift import Struct
from .by_schema import beside, file_name
from .plan import Output
from .sinks import AvroWriter

__all__ = ["join", "join_by_schema", "join_tables", "schema_in"]

_COPY = 2**20


def join(files: Sequence[Path], out: BinaryIO) -> None:
    """Join container files of one schema, messages, or tables of the same columns, in order."""
    with files[0].open("rb") as first:
        start = first.read(len(MAGIC))
    if start == MAGIC:
        _join_parquet(files, out)
    elif start == OCF_MAGIC:
        _join_containers(files, out)
    else:
        for file in files:
            with file.open("rb") as stream:
                shutil.copyfileobj(stream, out, _COPY)


def join_by_schema(
    parts: Iterable[Sequence[Path]], out: BinaryIO, output: Output, *, force: bool = False
) -> list[Path]:
    """Join the container files of parts, those of the first schema in `out`.

    Parameters
    ----------
    parts : iterable of sequence of Path
        Files of each part, in the order in which their schemas came.
    out : binary file
    output : Output
        Where `out` goes; files of other schemas stand beside it, by the name of the schema.
    force : bool
        Replace what is there, whoever made it.

    Returns
    -------
    list of Path
        Those files.
    """
    groups: list[tuple[Any, list[Path]]] = []
    for file in (file for files in parts for file in files):
        schema = schema_in(file)
        for known, held in groups:
            if known == schema:
                held.append(file)
                break
        else:
            groups.append((schema, [file]))
    names, made = set(output.taken), []
    with ExitStack() as stack:
        for number, (schema, files) in enumerate(groups):
            if not number:
                join(files, out)
                continue
            name = file_name(schema, names)
            names.add(name.lower())
            made.append(beside(output, name, force=force))
            join(files, stack.enter_context(atomic_writer(made[-1])))
    return made


def join_tables(parts: Iterable[Sequence[Path]], folder: Path) -> int:
    """Join the tables of parts that have the same name, into a folder; return the rows."""
    import pyarrow.parquet as pq

    rows = 0
    named: dict[str, list[Path]] = {}
    for file in (file for files in parts for file in files):
        named.setdefault(file.name, []).append(file)
    for name, files in sorted(named.items()):
        try:
            with pq.ParquetWriter(folder / name, pq.read_schema(files[0])) as writer:
                for file in files:
                    for batch in pq.ParquetFile(file).iter_batches(1024):
                        writer.write_batch(batch)
                        rows += batch.num_rows
        except OSError as exc:
            raise output_error(folder / name, exc) from exc
    return rows


def schema_in(file: Path) -> Any:
    """Writer's schema of a container file; None for a table."""
    with file.open("rb") as stream:
        if stream.read(len(MAGIC)) == MAGIC:
            return None
        stream.seek(0)
        return Container(stream).written


def _join_containers(files: Sequence[Path], out: BinaryIO) -> None:
    head, codec = b"", "null"
    for file in files:
        with file.open("rb") as stream:
            container = Container(stream)
            at = stream.tell()
            stream.seek(0)
            own = stream.read(at)
            if not head:
                head = own
                out.write(head)
                codec = container.codec
            if own == head:
                shutil.copyfileobj(stream, out, _COPY)
                continue
        # Of another codec: members of an archive may each have their own.
        with file.open("rb") as stream:
            _recode(Container(stream), codec, out)


def _recode(container: Container, codec: str, out: BinaryIO) -> None:
    spool = BytesIO()
    writer = AvroWriter(spool, container.written, codec)
    writer.flush()
    for count, data in container.blocks():
        spool.seek(0)
        spool.truncate()
        writer.write_block(count, data)
        writer.flush()
        out.write(spool.getvalue())


def _join_parquet(files: Sequence[Path], out: BinaryIO) -> None:
    first, groups = None, list[Struct]()
    for file in files:
        with file.open("rb") as stream:
            size = stream.seek(0, 2)
            footer = read_footer(stream, size)
            if first is None:
                first = footer
                out.write(MAGIC)
            for number, group in enumerate(footer.groups):
                chunks = [
                    moved(stream, size, chunk, out)
                    for column in footer.columns
                    for chunk in footer.chunks(number, column)
                ]
                groups.append(footer.group_of(group, chunks, len(groups)))
    if first is not None:
        out.write(wrapped(first.written(first.columns, groups, first.keys)))
