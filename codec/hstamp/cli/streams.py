"""``-``: standard input as a file that can be read from its start, standard output as a path."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

from ..errors import InputError, output_error
from .terminal import label

__all__ = ["STDIN", "Held", "input_path", "output_path"]

STDIN: Final = "-"
_STDOUT: Final = Path("/dev/stdout")


class Held:
    """Temporary files of a command line, which go when it ends."""

    stack: ExitStack | None = None
    stdin: Path | None = None

    def __enter__(self) -> None:
        self._before = Held.stack, Held.stdin
        Held.stack, Held.stdin = ExitStack(), None

    def __exit__(self, *exc: object) -> None:
        if Held.stack is not None:
            Held.stack.close()
        Held.stack, Held.stdin = self._before


def input_path(text: str) -> Path:
    """File that an argument names; ``-`` stands for all of standard input.

    Raises
    ------
    InputError
        If standard input is a terminal or closed.
    OutputError
        If there is no room for a copy of it.
    """
    if text not in (STDIN, "/dev/stdin"):
        return Path(text)
    if Held.stdin is None:
        Held.stdin = _spool()
    return Held.stdin


def output_path(text: str) -> Path:
    """Path that an output argument names; ``-`` stands for standard output.

    Raises
    ------
    InputError
        If standard output is a terminal.
    """
    if text != STDIN:
        return Path(text)
    if os.isatty(1):
        raise InputError("standard output is a terminal, and the output is no text: redirect it")
    return _STDOUT


def _spool() -> Path:
    """Copy standard input to a temporary file: readers go back and forth in it."""
    if sys.stdin is None or sys.stdin.isatty():
        raise InputError("standard input is a terminal or closed: '-' reads what is sent there")
    assert Held.stack is not None
    # Without a name where the system lets it be opened again; else it goes when the run ends.
    nameless = Path("/proc/self/fd").is_dir()
    make: Any = tempfile.TemporaryFile if nameless else tempfile.NamedTemporaryFile
    file = Held.stack.enter_context(make(prefix="hstamp-"))
    try:
        shutil.copyfileobj(sys.stdin.buffer, file)
        file.flush()
    except OSError as exc:
        raise output_error(f"a temporary file in {tempfile.gettempdir()}", exc) from exc
    path = Path(f"/proc/self/fd/{file.fileno()}") if nameless else Path(file.name)
    label(str(path), "standard input")
    return path
