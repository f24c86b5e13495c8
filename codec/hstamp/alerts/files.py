"""Outputs that appear whole or not at all."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

__all__ = ["atomic_folder", "atomic_text", "atomic_writer"]


@contextmanager
def atomic_writer(path: Path) -> Iterator[BinaryIO]:
    """Open a temporary file beside `path` and rename it to `path` when all went well.

    After an error or an interruption `path` is as it was, and the temporary file is gone.
    """
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with part.open("wb+") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def atomic_text(path: Path, text: str) -> None:
    """Write a text file, UTF-8, in one step."""
    with atomic_writer(path) as stream:
        stream.write(text.encode("utf-8"))


@contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """Fill a temporary folder and rename it to `path` when all went well.

    A folder that exists is filled in place: what else is in it is not ours to remove.
    """
    if path.is_dir():
        yield path
        return
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    part.mkdir(parents=True)
    try:
        yield part
        part.replace(path)
    finally:
        shutil.rmtree(part, ignore_errors=True)
