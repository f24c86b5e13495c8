"""Temporary files beside an output, and what killed runs left of them.

A temporary file has a name that nobody can foresee, is created anew and never through a link, and
carries a lock while its run lives. A run that was killed leaves the file without the lock: the next
one that writes into the folder removes it.
"""

from __future__ import annotations

import os
import secrets
import shutil
from contextlib import suppress
from functools import lru_cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from .errors import output_error

__all__ = ["NEW", "PREFIX", "create", "create_folder", "sweep", "sweep_once"]

# Where a system has no such locks nothing is locked, and nothing is swept.
_FCNTL: Final[Any] = import_module("fcntl") if find_spec("fcntl") else None
PREFIX: Final = ".hstamp-"
_SUFFIX: Final = ".part"
NEW: Final = (
    os.O_RDWR
    | os.O_CREAT
    | os.O_EXCL
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)
)
"""Flags that open a new file, never one that is there or what a link leads to."""


def sweep(folder: Path) -> int:
    """Remove the temporary files that killed runs left in a folder; return how many.

    The files of runs that live, and of other users, stay.
    """
    if _FCNTL is None:
        return 0
    removed = 0
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith(PREFIX) and entry.name.endswith(_SUFFIX):
                with suppress(OSError):
                    removed += _remove_orphan(entry)
    return removed


@lru_cache(maxsize=1024)
def sweep_once(folder: Path) -> int:
    """Sweep a folder before the first output that this process puts there."""
    return sweep(folder)


def create(folder: Path, output: Path, parts: list[Path]) -> int:
    """Create and lock a file, whose path comes last in `parts`; return its descriptor."""
    try:
        while True:
            parts.append(folder / _new_name())
            # The system takes the umask, and the folder's default ACL, off these permissions.
            handle = os.open(parts[-1], NEW, 0o666)
            if _locked(handle, parts[-1]):
                return handle
            os.close(handle)
    except OSError as exc:
        raise output_error(output, exc) from exc


def create_folder(folder: Path, output: Path, parts: list[Path]) -> int:
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
    return f"{PREFIX}{secrets.token_hex(8)}{_SUFFIX}"


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
