"""Outputs that appear whole or not at all.

A temporary file lies beside its output under a name that nobody can foresee, is created anew and
never through a link, and carries a lock while its run lives. A run that was killed leaves the
file without the lock: the next one that writes into the folder removes it.
"""

from __future__ import annotations

import errno
import io
import os
import re
import secrets
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache, partial
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, BinaryIO, Final, cast

from .errors import OutputError

__all__ = [
    "atomic_folder",
    "atomic_text",
    "atomic_writer",
    "is_special",
    "output_error",
    "spooled",
    "sweep",
]

# Where a system has no such locks nothing is locked, and nothing is swept.
_FCNTL: Final[Any] = import_module("fcntl") if find_spec("fcntl") else None
_PREFIX: Final = ".hstamp-"
_SUFFIX: Final = ".part"
_BUFFER: Final = 2**18
_NEW: Final = (
    os.O_RDWR
    | os.O_CREAT
    | os.O_EXCL
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)
)
_STREAMS: Final = {"/dev/stdout": 1, "/dev/stderr": 2}
_DESCRIPTOR: Final = re.compile(r"/(?:dev|proc/self)/fd/([0-9]{1,4})")


class _NowhereError(OutputError, FileNotFoundError):
    """There is no folder for the output."""


class _ForbiddenError(OutputError, PermissionError):
    """The user may not write there."""


_KINDS: Final[dict[int | None, type[OutputError]]] = {
    errno.ENOENT: _NowhereError,
    errno.EACCES: _ForbiddenError,
    errno.EPERM: _ForbiddenError,
}


def output_error(path: Path | str, exc: OSError) -> OutputError:
    """Say of a system error which output it was about; Python's own kinds of it stay."""
    kind = _KINDS.get(exc.errno, OutputError)
    return kind(str(path), exc.strerror or str(exc) or type(exc).__name__, exc.errno)


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
    _sweep_once(target.parent)
    # A signal may come between any two steps: what has a name from here on is removed below.
    parts: list[Path] = []
    try:
        raw = _Raw(_create(target.parent, path, parts), path)
        stream = io.BufferedRandom(raw, _BUFFER)
        try:
            yield cast(BinaryIO, stream)
            stream.flush()
            raw.settle(mode)
        finally:
            # What could not be written once is tried again by close(), in vain.
            with suppress(OSError, ValueError):
                stream.close()
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
    _sweep_once(path.parent)
    parts: list[Path] = []
    handle = -1
    try:
        handle = _create_folder(path.parent, path, parts)
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


def sweep(folder: Path) -> int:
    """Remove the temporary files that killed runs left in a folder; return how many.

    The files of runs that live, and of other users, stay.
    """
    if _FCNTL is None:
        return 0
    removed = 0
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith(_PREFIX) and entry.name.endswith(_SUFFIX):
                with suppress(OSError):
                    removed += _remove_orphan(entry)
    return removed


@lru_cache(maxsize=1024)
def _sweep_once(folder: Path) -> int:
    """Sweep a folder before the first output that this process puts there."""
    return sweep(folder)


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
    with tempfile.TemporaryFile(prefix=_PREFIX) as file:
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


def _create(folder: Path, output: Path, parts: list[Path]) -> int:
    """Create and lock a file, whose path comes last in `parts`; return its descriptor."""
    try:
        while True:
            parts.append(folder / _new_name())
            # The system takes the umask, and the folder's default ACL, off these permissions.
            handle = os.open(parts[-1], _NEW, 0o666)
            if _locked(handle, parts[-1]):
                return handle
            os.close(handle)
    except OSError as exc:
        raise output_error(output, exc) from exc


def _create_folder(folder: Path, output: Path, parts: list[Path]) -> int:
    """Create and lock a folder, whose path comes last in `parts`; return its descriptor."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        while True:
            parts.append(folder / _new_name())
            parts[-1].mkdir()
            handle = os.open(parts[-1], os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0))
            if _locked(handle, parts[-1]):
                return handle
            os.close(handle)
    except OSError as exc:
        raise output_error(output, exc) from exc


def _new_name() -> str:
    return f"{_PREFIX}{secrets.token_hex(8)}{_SUFFIX}"


def _locked(handle: int, part: Path) -> bool:
    """Lock a new file; false where a sweep came first and took it for an orphan."""
    if _FCNTL is None:
        return True
    try:
        _FCNTL.flock(handle, _FCNTL.LOCK_EX | _FCNTL.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True  # a file system without locks: a sweep gets none either
    return os.path.lexists(part)


def _remove_orphan(entry: os.DirEntry[str]) -> bool:
    folder = entry.is_dir(follow_symlinks=False)
    # Opening must not wait for the other end of a pipe that somebody put there.
    flags = os.O_NOFOLLOW | os.O_NONBLOCK | (os.O_RDONLY if folder else os.O_RDWR)
    handle = os.open(entry.path, flags)
    try:
        if os.fstat(handle).st_uid != os.geteuid():
            return False
        _FCNTL.flock(handle, _FCNTL.LOCK_EX | _FCNTL.LOCK_NB)
        if folder:
            shutil.rmtree(entry.path)
        else:
            Path(entry.path).unlink()
    finally:
        os.close(handle)
    return True
