"""A line that shows that something is still being waited for."""

from __future__ import annotations

import os
import sys
import threading
import time
from typing import Self, TextIO

__all__ = ["Waiting"]

_PERIOD = 0.5


class Waiting:
    """Count and seconds on a terminal, renewed while nothing is finished; nothing in a pipe.

    Parameters
    ----------
    total : int
        Units of work.
    what : str
        Their name, in the plural.
    stream : text file, optional
        Where to write; standard error by default.
    period : float
        Time between renewals [s].
    """

    def __init__(
        self, total: int, what: str, stream: TextIO | None = None, period: float = _PERIOD
    ) -> None:
        self._total, self._what, self._period = total, what, period
        self._stream = sys.stderr if stream is None else stream
        self._done, self._began = 0, time.monotonic()
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None
        if self._stream.isatty() and os.environ.get("TERM") != "dumb":
            self._thread = threading.Thread(target=self._renew, daemon=True)

    def __enter__(self) -> Self:
        if self._thread is not None:
            self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._ended.set()
        if self._thread is not None:
            self._thread.join()
            self._stream.write("\r\x1b[K")
            self._stream.flush()

    def update(self, done: int) -> None:
        """Take note that `done` units are done."""
        self._done = done

    def _renew(self) -> None:
        while not self._ended.wait(self._period):
            seconds = time.monotonic() - self._began
            line = f"{self._done} of {self._total} {self._what}, {seconds:.0f} s"
            self._stream.write(f"\r\x1b[K{line}")
            self._stream.flush()
