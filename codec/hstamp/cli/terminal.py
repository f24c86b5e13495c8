"""What reaches a terminal: text without control characters, and a line that shows progress."""

from __future__ import annotations

import os
import shutil
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Self, TextIO

from ..errors import output_error
from ..text import printable
from .signals import checkpoint

__all__ = ["Clean", "Progress", "clean_streams", "label", "labelled"]

_LABELS: Final[dict[str, str]] = {}
_EVERY: Final = 0.1
_BAR: Final = 20
_LOGGED: Final = 60.0
"""Time between the lines of a log [s]."""


class Clean:
    """A text stream that passes on no control character but tabs and line breaks.

    Messages repeat text from files, which must not move the cursor, rename the window or turn
    the direction of writing. Libraries are told that it is no terminal, so they use no colours.

    Parameters
    ----------
    stream : text file
    name : str
        What errors call it.
    """

    def __init__(self, stream: TextIO, name: str = "output") -> None:
        self.stream, self._name = stream, name

    def write(self, text: str) -> int:
        """Write text, what the stream's encoding lacks as escapes."""
        for path, name in _LABELS.items():
            text = text.replace(path, name)
        text = printable(text, keep="\n\t")
        with self._naming():
            try:
                self.stream.write(text)
            except UnicodeEncodeError:
                encoding = self.stream.encoding
                self.stream.write(text.encode(encoding, "backslashreplace").decode(encoding))
        return len(text)

    def flush(self) -> None:
        """Write what is held back."""
        with self._naming():
            self.stream.flush()

    def isatty(self) -> bool:
        """Return False."""
        return False

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)

    @contextmanager
    def _naming(self) -> Iterator[None]:
        """Say of a full disk that it holds this stream; a reader that went away is no fault."""
        try:
            yield
        except BrokenPipeError:
            raise
        except OSError as exc:
            raise output_error(self._name, exc) from exc


@contextmanager
def clean_streams() -> Iterator[None]:
    """Put `Clean` before standard output and error, and send warnings there as lines."""
    out, err = sys.stdout, sys.stderr
    with warnings.catch_warnings():
        warnings.showwarning = _show_warning
        sys.stdout, sys.stderr = Clean(out, "standard output"), Clean(err)
        try:
            yield
        finally:
            sys.stdout, sys.stderr = out, err


def label(path: str, name: str) -> None:
    """Call a file by a name instead of its path in all that is written from now on."""
    _LABELS[path] = name


def labelled(path: Path) -> Path:
    """Path of a file as a table gives it: by the name that `label` gave it, if any."""
    return Path(_LABELS.get(str(path), path))


def _show_warning(message: Warning | str, *where: Any, **more: Any) -> None:
    print(f"hstamp: warning: {' '.join(str(message).split())}", file=sys.stderr)


class Progress:
    """A line of progress on a terminal; in a pipe or where ``TERM`` is ``dumb`` none is drawn.

    It is drawn with a carriage return and spaces alone, without colours.

    Parameters
    ----------
    total : int
        Units of work; with 0 nothing is drawn.
    tell : callable, optional
        Gives more for the line from the seconds that the work has taken. Where no line is drawn
        it is written as a line of its own once a minute, for logs.
    """

    def __init__(self, total: int, tell: Callable[[float], str] | None = None) -> None:
        stream = sys.stderr.stream if isinstance(sys.stderr, Clean) else sys.stderr
        drawn = total > 0 and stream.isatty() and os.environ.get("TERM") != "dumb"
        self._stream: TextIO | None = stream if drawn else None
        self._total, self._began, self._drawn = total, time.monotonic(), 0.0
        self._tell, self._logged = tell, self._began
        self._width = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._erase()

    def update(self, done: int) -> None:
        """Show that `done` units are done; end the run if a signal asked for it."""
        checkpoint()
        now = time.monotonic()
        if self._stream is None:
            if self._tell is not None and self._total > 0 and now - self._logged >= _LOGGED:
                self._logged = now
                print(self._line(done, now), file=sys.stderr)
            return
        if now - self._drawn < _EVERY:
            return
        self._drawn = now
        share = min(max(done / self._total, 0.0), 1.0)
        bar = ("#" * round(share * _BAR)).ljust(_BAR, ".")
        line = f"[{bar}] {self._line(done, now)}"
        line = line[: max(shutil.get_terminal_size().columns - 1, 0)]
        self._stream.write(f"\r{line.ljust(self._width)}")
        self._stream.flush()
        self._width = len(line)

    def _line(self, done: int, now: float) -> str:
        share = min(max(done / self._total, 0.0), 1.0)
        line = f"{share:4.0%} {_clock(now - self._began)}"
        if share > 0.02:
            line += f", {_clock((now - self._began) * (1 / share - 1))} left"
        return line if self._tell is None else f"{line}, {self._tell(now - self._began)}"

    def say(self, line: str) -> None:
        """Write a line to standard error without disturbing the bar."""
        self._erase()
        print(line, file=sys.stderr)

    def _erase(self) -> None:
        if self._stream is not None and self._width:
            self._stream.write(f"\r{' ' * self._width}\r")
            self._stream.flush()
            self._width, self._drawn = 0, 0.0


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
