"""Signals that end a run as Ctrl-C does, so that temporary files go and the user gets a word.

An exception that a signal raises can be lost: where it comes upon code of a library that passes
over all exceptions. So the signal is remembered too, and `checkpoint` raises it again.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

__all__ = ["Stopped", "answered", "checkpoint", "name_of", "status_of", "stoppable"]

_SIGNALS: Final = ("SIGINT", "SIGTERM", "SIGHUP")
_PLAIN: Final = (signal.SIG_DFL, signal.default_int_handler)


class Stopped(KeyboardInterrupt):
    """A signal asked the run to end.

    Parameters
    ----------
    number : int
        The signal's number.
    """

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number


class _Received:
    """The signal that came last, if its exception may still be on its way."""

    stop: Stopped | None = None


def status_of(stop: KeyboardInterrupt) -> int:
    """Exit status by the shell's convention: 128 and the signal's number."""
    return 128 + (stop.number if isinstance(stop, Stopped) else signal.SIGINT)


def name_of(stop: KeyboardInterrupt) -> str:
    """What to tell the user of it."""
    number = status_of(stop) - 128
    return "interrupted" if number == signal.SIGINT else f"ended by {signal.Signals(number).name}"


def checkpoint() -> None:
    """Raise `Stopped` if a signal came and its exception was lost."""
    if _Received.stop is not None:
        raise _Received.stop


def answered() -> None:
    """Forget the signal that came: the run ends as it asked, and that is no failure."""
    _Received.stop = None


@contextmanager
def stoppable() -> Iterator[None]:
    """Raise `Stopped` at SIGINT, SIGTERM and SIGHUP, unless they are handled or ignored already."""
    before = {}
    if threading.current_thread() is threading.main_thread():
        for number in (getattr(signal, name) for name in _SIGNALS if hasattr(signal, name)):
            # nohup and some supervisors ignore SIGHUP on purpose, shells SIGINT in background.
            if signal.getsignal(number) in _PLAIN:
                before[number] = signal.signal(number, _stop)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if before:
            _Received.stop = None


def _stop(number: int, frame: FrameType | None) -> None:
    _Received.stop = Stopped(number)
    raise _Received.stop
