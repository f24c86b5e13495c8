"""Long-lived mode: one process answers many inputs, one JSON line each."""

from __future__ import annotations

import base64
import json
import os
import select
import subprocess
import threading
import time
from collections.abc import Sequence

from .process import OUTPUT_LIMIT, STDERR_KEPT, Tail, end, feed, start


class EndedError(Exception):
    """The process ended instead of answering; `status` is its exit status."""

    def __init__(self, status: int | None) -> None:
        super().__init__(f"the process ended with status {status}")
        self.status = status


class LongLived:
    """A decoder started with `--jsonl`; restarted by its owner after a crash or a time-out."""

    def __init__(self, command: Sequence[str]) -> None:
        self._command = [*command, "--jsonl"]
        self._process: subprocess.Popen[bytes] | None = None
        self._errors: Tail | None = None
        self._pending = b""

    def _ready(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            self._process = start(self._command)
            assert self._process.stderr is not None
            self._errors = Tail(self._process.stderr)
            self._pending = b""
        return self._process

    def ask(self, identifier: str, data: bytes, timeout: float) -> bytes:
        """Send one input and return the line that answers it.

        Raises
        ------
        TimeoutError
            No whole line within `timeout` seconds; the process has been ended.
        EndedError
            The process ended first.
        """
        process = self._ready()
        assert process.stdin is not None
        line = json.dumps({"id": identifier, "data": base64.b64encode(data).decode("ascii")})
        writer = threading.Thread(
            target=_send, args=(process, line.encode("ascii") + b"\n"), daemon=True
        )
        writer.start()
        try:
            return self._line(process, time.monotonic() + timeout)
        except TimeoutError:
            self.close()
            raise
        finally:
            writer.join(1.0)

    def _line(self, process: subprocess.Popen[bytes], deadline: float) -> bytes:
        assert process.stdout is not None
        descriptor = process.stdout.fileno()
        while b"\n" not in self._pending:
            left = deadline - time.monotonic()
            if left <= 0 or len(self._pending) > OUTPUT_LIMIT:
                raise TimeoutError
            if not select.select([descriptor], [], [], left)[0]:
                raise TimeoutError
            chunk = os.read(descriptor, 65536)
            if not chunk:
                try:
                    status: int | None = process.wait(timeout=5)
                except subprocess.TimeoutExpired:
                    status = None
                self.close()
                raise EndedError(status)
            self._pending += chunk
        line, _, self._pending = self._pending.partition(b"\n")
        return line

    def stderr(self) -> str:
        """End of what the process wrote to standard error so far."""
        return self._errors.text()[-STDERR_KEPT:] if self._errors is not None else ""

    def close(self) -> None:
        """End the process; the next `ask` starts a fresh one."""
        process, self._process = self._process, None
        if process is None:
            return
        if process.stdin is not None:
            feed(process.stdin, b"")
        end(process)
        if self._errors is not None:
            self._errors.join(1.0)
        for pipe in (process.stdout, process.stderr):
            if pipe is not None:
                pipe.close()


def _send(process: subprocess.Popen[bytes], line: bytes) -> None:
    assert process.stdin is not None
    try:
        process.stdin.write(line)
        process.stdin.flush()
    except (OSError, ValueError):
        return  # the reader notices that the process ended
