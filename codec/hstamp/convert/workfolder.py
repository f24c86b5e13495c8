"""The folder beside an output in which its parts wait for each other, and for the next run.

It is called ``.NAME.parts`` for an output ``NAME``: readers of folders pass over it. The parts lie
in a folder below, whose name is a digest of all that they follow from: the inputs as they are on
disk, the options and the version of this package. Parts of another digest are of no use.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final, Self

from ..errors import InputError, output_error
from ..outputs import atomic_text, is_special
from ..temporaries import sweep

__all__ = ["WorkFolder", "forget", "parts_done"]

_FCNTL: Final[Any] = import_module("fcntl") if find_spec("fcntl") else None
_PART: Final = "part-"
_LONGEST: Final = 200
_PATIENCE: Final = 2.0
"""How long the lock is waited for: a run that was killed may hold it a moment more [s]."""
_MANIFEST: Final = "manifest.json"


class WorkFolder:
    """The parts of an output in the making; a context that holds a lock on them.

    Parameters
    ----------
    output : Path
    inputs : iterable of Path
    options : mapping
        See `hstamp.convert.history.options_of`.
    say : callable
        Told when parts of an earlier run are of no use.

    Raises
    ------
    InputError
        If another run is at work on the same output.
    OutputError
        If there is no place for it.
    """

    def __init__(
        self,
        output: Path,
        inputs: Iterable[Path],
        options: dict[str, str],
        say: Callable[[str], None],
    ) -> None:
        self._say = say
        self._kept = not is_special(output)
        # What goes to a pipe has no place where another run would find it.
        self.root = root_of(output) if self._kept else Path(tempfile.mkdtemp(prefix="hstamp-"))
        self._inputs, self._options = tuple(inputs), options
        self._manifest = _manifest(self._inputs, options)
        self._output = output
        self._lock, self._removed = -1, False
        digest = hashlib.sha256(json.dumps(self._manifest, sort_keys=True).encode())
        self.folder = self.root / digest.hexdigest()[:16]

    def __enter__(self) -> Self:
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            self._lock = os.open(self.root / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
            self._take_lock()
            others = [path for path in self.root.iterdir() if path.is_dir() and path != self.folder]
            for path in others:
                shutil.rmtree(path, ignore_errors=True)
            if others:
                self._say(
                    f"{self._output}: what an earlier run left is of another version, of other"
                    " options or inputs: all of it is made again"
                )
            self.folder.mkdir(exist_ok=True)
            sweep(self.folder)
        except OSError as exc:
            self._unlock()
            raise output_error(self._output, exc) from exc
        except BaseException:
            self._unlock()
            raise
        if not (self.folder / _MANIFEST).exists():
            atomic_text(self.folder / _MANIFEST, json.dumps(self._manifest, indent=1) + "\n")
        return self

    def __exit__(self, *exc: object) -> None:
        if not self._removed and not (self._kept and any(self.folder.glob(f"{_PART}*"))):
            self.remove()
        self._unlock()

    def part(self, index: int) -> Path:
        """Folder of a part; it is there when the part is done."""
        return self.folder / f"{_PART}{index:06d}"

    def file(self, name: str) -> Path:
        """Place for a file that this run alone uses."""
        return self.folder / name

    def check(self) -> None:
        """Raise `InputError` if an input is not what it was when the run began."""
        if _manifest(self._inputs, self._options) != self._manifest:
            raise InputError("an input has changed while it was read: run it again")

    def remove(self) -> None:
        """Remove all parts: they are in the output, or nobody wants them."""
        self._removed = True
        shutil.rmtree(self.root, ignore_errors=True)

    def _take_lock(self) -> None:
        if _FCNTL is None:
            return
        end = time.monotonic() + _PATIENCE
        while True:
            try:
                _FCNTL.flock(self._lock, _FCNTL.LOCK_EX | _FCNTL.LOCK_NB)
                return
            except BlockingIOError:
                if time.monotonic() > end:
                    raise InputError(f"another run is making {self._output}") from None
                time.sleep(0.05)
            except OSError:
                return  # a file system without locks

    def _unlock(self) -> None:
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1


def root_of(output: Path) -> Path:
    """Folder of the parts of an output."""
    name = output.name
    if len(name.encode()) > _LONGEST:
        name = hashlib.sha256(name.encode()).hexdigest()[:32]
    return output.parent / f".{name}.parts"


def parts_done(output: Path) -> int:
    """Parts of an output that are done and not yet in it."""
    try:
        return sum(1 for _ in root_of(output).glob(f"*/{_PART}*"))
    except OSError:
        return 0


def forget(output: Path) -> None:
    """Remove the parts of an output that is there already: the run that made it was killed."""
    with suppress(OSError):
        root = root_of(output)
        made = [path.stat().st_mtime_ns for path in root.glob(f"*/{_PART}*")]
        if made and max(made) <= output.stat().st_mtime_ns:
            shutil.rmtree(root)


def _manifest(inputs: Iterable[Path], options: dict[str, str]) -> dict[str, Any]:
    from .. import __version__

    digest, count = hashlib.sha256(), 0
    for path in inputs:
        try:
            found = path.stat()
            state = [found.st_size, found.st_mtime_ns, found.st_ino]
        except OSError:
            state = []
        digest.update(json.dumps([str(path), *state]).encode())
        count += 1
    return {
        "version": __version__,
        "options": options,
        "inputs": count,
        "state": digest.hexdigest(),
    }
