"""A fresh process for one input, bounded in time and output."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from ..errors import InputError

OUTPUT_LIMIT = 64 * 2**20
STDERR_KEPT = 65536


class CommandError(InputError):
    """The command could not be started."""


@dataclass(frozen=True)
class Completed:
    """What one process left behind; `status` is negative for a signal, None after a time-out."""

    status: int | None
    stdout: bytes
    stderr: str
    seconds: float
    too_much: bool = False


def start(command: Sequence[str]) -> subprocess.Popen[bytes]:
    """Start a decoder in a process group of its own, so that all of it can be ended."""
    try:
        return subprocess.Popen(  # noqa: S603 - running the user's own command is the purpose
            list(command),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=os.name == "posix",
        )
    except OSError as error:
        raise CommandError(why_not_started(command[0], error)) from error


def why_not_started(program: str, error: OSError) -> str:
    """What to do about a program that could not be started."""
    path = Path(shutil.which(program, os.F_OK) or program)
    if not path.exists():
        return f"cannot find the program {program!r}"
    if path.is_dir():
        return f"cannot start {program!r}: it is a folder"
    if error.errno == errno.EACCES or not os.access(path, os.X_OK):
        return (
            f"{program!r} is there but not executable: 'chmod +x {path}', or name the program that"
            f" runs it first, as in '-- python {path}'"
        )
    if error.errno == errno.ENOENT:
        line = _first_line(path)
        where = f", {line!r}," if line else ""
        return f"{program!r} is there, but not the interpreter that its first line{where} names"
    if error.errno == errno.ENOEXEC:
        return (
            f"{program!r} is not a program of this machine: built for another system or"
            " architecture, or a script without '#!' in its first line"
        )
    return f"cannot start {program!r}: {error.strerror or error}"


def _first_line(path: Path) -> str:
    try:
        with path.open("rb") as file:
            head = file.read(200)
    except OSError:
        return ""
    text = head.split(b"\n")[0].decode("utf-8", "replace")
    return "".join(c for c in text if c.isprintable()) if text.startswith("#!") else ""


def end(process: subprocess.Popen[bytes]) -> None:
    """End a process and all that it started."""
    with contextlib.suppress(OSError):
        if os.name == "posix":
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(timeout=5)


def feed(pipe: IO[bytes], data: bytes) -> None:
    """Write all of `data`; a decoder may exit without reading it."""
    with contextlib.suppress(OSError, ValueError):
        pipe.write(data)
    with contextlib.suppress(OSError, ValueError):
        pipe.close()


class Tail(threading.Thread):
    """Drains a pipe and keeps its end, so that a noisy decoder never blocks."""

    def __init__(self, pipe: IO[bytes]) -> None:
        super().__init__(daemon=True)
        self._pipe, self._kept = pipe, b""
        self.start()

    def run(self) -> None:
        """Read until the pipe is closed."""
        with contextlib.suppress(OSError, ValueError):
            while chunk := os.read(self._pipe.fileno(), 65536):
                self._kept = (self._kept + chunk)[-STDERR_KEPT:]

    def text(self) -> str:
        """What is kept, as text."""
        return self._kept.decode("utf-8", "replace")


class _Collect(threading.Thread):
    """Reads a pipe to its end or to the output limit."""

    def __init__(self, process: subprocess.Popen[bytes], pipe: IO[bytes]) -> None:
        super().__init__(daemon=True)
        self._process, self._pipe = process, pipe
        self.data, self.too_much = bytearray(), False
        self.start()

    def run(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            while chunk := os.read(self._pipe.fileno(), 65536):
                self.data += chunk
                if len(self.data) > OUTPUT_LIMIT:
                    self.too_much = True
                    end(self._process)
                    return


def run_once(command: Sequence[str], data: bytes, timeout: float) -> Completed:
    """Give `data` on standard input and collect what the process answers.

    Parameters
    ----------
    command : sequence of str
        Program and arguments; no shell is involved.
    data : bytes
        Standard input.
    timeout : float
        Wall-clock limit [s].

    Raises
    ------
    CommandError
        The command cannot be started.
    """
    began = time.monotonic()
    process = start(command)
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    output, errors = _Collect(process, process.stdout), Tail(process.stderr)
    writer = threading.Thread(target=feed, args=(process.stdin, data), daemon=True)
    writer.start()
    status: int | None
    try:
        status = process.wait(timeout=timeout)
        # A child of the decoder may hold the pipe open: what is left of the time is its own.
        output.join(max(0.1, timeout - (time.monotonic() - began)))
        if output.is_alive():
            status = None
    except subprocess.TimeoutExpired:
        status = None
    finally:
        end(process)
        output.join(1.0)
        errors.join(1.0)
        writer.join(1.0)
        for pipe in (process.stdout, process.stderr):
            pipe.close()
    seconds = time.monotonic() - began
    return Completed(status, bytes(output.data), errors.text(), seconds, output.too_much)
