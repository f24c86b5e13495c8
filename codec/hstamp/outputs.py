"""Outputs that appear whole or not at all.

What is written goes to a temporary file beside its output (`hstamp.temporaries`), which takes the
output's name when all of it is there.
"""

from __future__ import annotations

import errno
import io
import os
import re
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, Final, cast

from .errors import OutputError, output_error
from .temporaries import NEW, PREFIX, create, create_folder, sweep_once

__all__ = [
    "atomic_folder",
    "atomic_text",
    "atomic_writer",
    "created",
    "is_special",
    "spooled",
    "whole_folder",
]

_BUFFER: Final = 2**18
_STREAMS: Final = {"/dev/stdout": 1, "/dev/stderr": 2}
_DESCRIPTOR: Final = re.compile(r"/(?:dev|proc/self)/fd/([0-9]{1,4})")


def is_special(path: Path) -> bool:
    """Whether a path is a device, a pipe or a socket: it is written to, never replaced."""
    if _descriptor(path) is not None:
        return True
    try:
        mode = path.stat().st_mode
    except OSError:
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


@contextmanager
def atomic_writer(path: Path) -> Iterator[BinaryIO]:
    """Open a temporary file beside `path` and rename it to `path` when all went well.

    After an error or an interruption `path` is as it was, and the temporary file is gone. A new
    file has the permissions that the umask leaves, a replaced one those that it had. Where
    `path` is a link, the file that it leads to is replaced. A device or a pipe gets the bytes
    when all of them are there.

    Raises
    ------
    OutputError
        If something cannot be written, whichever call of the stream met it; or if `path` is a
        folder, or a link that leads nowhere.
    """
    if is_special(path):
        with spooled(path, partial(_pour, path)) as stream:
            yield stream
        return
    target, mode = _target(path)
    sweep_once(target.parent)
    # A signal may come between any two steps: what has a name from here on is removed below.
    parts: list[Path] = []
    try:
        with _written(create(target.parent, path, parts), path, mode, _BUFFER) as stream:
            yield stream
        try:
            parts[-1].replace(target)
        except OSError as exc:
            raise output_error(path, exc) from exc
    finally:
        for part in parts:
            with suppress(OSError):
                part.unlink()


def atomic_text(path: Path, text: str) -> None:
    """Write a text file, UTF-8, in one step."""
    with atomic_writer(path) as stream:
        stream.write(text.encode("utf-8"))


@contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """Fill a temporary folder and rename it to `path` when all went well.

    Into a folder that exists the files are moved one by one: what else is in it is not ours to
    remove.

    Raises
    ------
    OutputError
        If a folder or file cannot be made.
    """
    sweep_once(path.parent)
    parts: list[Path] = []
    handle = -1
    try:
        handle = create_folder(path.parent, path, parts)
        part = parts[-1]
        yield part
        try:
            if path.is_dir():
                for made in sorted(part.iterdir()):
                    made.replace(path / made.name)
            else:
                part.replace(path)
        except OSError as exc:
            raise output_error(path, exc) from exc
    finally:
        if handle >= 0:
            os.close(handle)
        for part in parts:
            shutil.rmtree(part, ignore_errors=True)


@contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """Fill a temporary folder and put it at `path` when all went well, in place of one there.

    Raises
    ------
    OutputError
        If a folder or file cannot be made.
    """
    old: Path | None = None
    try:
        with atomic_folder(path) as folder:
            yield folder
            if path.is_dir():
                try:
                    old = path.replace(folder.with_name(f"{folder.name}.old"))
                except OSError as exc:
                    raise output_error(path, exc) from exc
    except BaseException:
        if old is not None and not path.exists():
            old.replace(path)
        raise
    if old is not None:
        # Under this name, what a killed run leaves of it is swept up by the next.
        shutil.rmtree(old.replace(old.with_suffix("")), ignore_errors=True)


@contextmanager
def created(path: Path, output: Path) -> Iterator[BinaryIO]:
    """Create a file in a folder that is being filled, and bring it to the disk in the end.

    Parameters
    ----------
    path : Path
        Nothing may be there; its folders are made.
    output : Path
        What faults name.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, NEW, 0o666)
    except OSError as exc:
        raise output_error(output, exc) from exc
    with _written(handle, output, None, io.DEFAULT_BUFFER_SIZE) as stream:
        yield stream


@contextmanager
def _written(handle: int, output: Path, mode: int | None, buffer: int) -> Iterator[BinaryIO]:
    """Write to an open file, which is on the disk in the end and has the permissions `mode`."""
    raw = _Raw(handle, output)
    stream = io.BufferedRandom(raw, buffer)
    try:
        yield cast(BinaryIO, stream)
        stream.flush()
        raw.settle(mode)
    finally:
        # What could not be written once is tried again by close(), in vain.
        with suppress(OSError, ValueError):
            stream.close()


class _Raw(io.FileIO):
    """A file whose faults name the output, and stay: what was lost once is never called whole."""

    def __init__(self, handle: int, output: Path, *, closefd: bool = True) -> None:
        super().__init__(handle, "rb+", closefd=closefd)
        self._output = output
        self._fault: OutputError | None = None

    def write(self, data: Any, /) -> int:
        if self._fault is not None:
            raise self._fault
        try:
            return super().write(data)
        except OSError as exc:
            self._fault = output_error(self._output, exc)
            raise self._fault from exc

    def settle(self, mode: int | None) -> None:
        """Bring all to the disk; raise the fault that somebody may have passed over."""
        if self._fault is not None:
            raise self._fault
        try:
            if mode is not None:
                os.fchmod(self.fileno(), mode)
            os.fsync(self.fileno())
        except OSError as exc:
            raise output_error(self._output, exc) from exc


@contextmanager
def spooled(output: Path, copy: Callable[[BinaryIO], None]) -> Iterator[BinaryIO]:
    """Collect what is written in a nameless temporary file, then hand it to `copy`, rewound."""
    with tempfile.TemporaryFile(prefix=PREFIX) as file:
        stream = io.BufferedRandom(_Raw(file.fileno(), output, closefd=False), _BUFFER)
        try:
            yield cast(BinaryIO, stream)
            stream.seek(0)
            copy(cast(BinaryIO, stream))
        finally:
            with suppress(OSError, ValueError):
                stream.close()


def _pour(path: Path, stream: BinaryIO) -> None:
    descriptor = _descriptor(path)
    try:
        with path.open("wb") if descriptor is None else os.fdopen(os.dup(descriptor), "wb") as sink:
            shutil.copyfileobj(stream, sink, _BUFFER)
    except BrokenPipeError:
        raise
    except OSError as exc:
        raise output_error(path, exc) from exc


def _descriptor(path: Path) -> int | None:
    """Number of the open file that a path such as ``/dev/stdout`` stands for."""
    name = str(path)
    if name in _STREAMS:
        return _STREAMS[name]
    found = _DESCRIPTOR.fullmatch(name)
    return int(found[1]) if found is not None else None


def _target(path: Path) -> tuple[Path, int | None]:
    """File to replace, and its permissions if it is there."""
    target = path
    try:
        if path.is_symlink():
            target = Path(os.path.realpath(path))
        mode = target.stat().st_mode
    except FileNotFoundError:
        if target != path:
            raise OutputError(str(path), "it is a link that leads nowhere") from None
        return target, None
    except OSError as exc:
        raise output_error(path, exc) from exc
    if stat.S_ISDIR(mode):
        raise OutputError(str(path), "it is a folder", errno.EISDIR)
    return target, stat.S_IMODE(mode) & 0o777
