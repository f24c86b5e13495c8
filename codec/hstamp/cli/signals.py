"""Signals that end a run as Ctrl-C does, so that temporary files go and the user gets a word."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

__all__ = ["Stopped", "name_of", "status_of", "stoppable"]

_SIGNALS: Final = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]


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


def status_of(stop: KeyboardInterrupt) -> int:
    """Exit status by the shell's convention: 128 and the signal's number."""
    return 128 + (stop.number if isinstance(stop, Stopped) else signal.SIGINT)


def name_of(stop: KeyboardInterrupt) -> str:
    """What to tell the user of it."""
    return (
        f"ended by {signal.Signals(stop.number).name}"
        if isinstance(stop, Stopped)
        else "interrupted"
    )


@contextmanager
def stoppable() -> Iterator[None]:
    """Raise `Stopped` at SIGTERM and SIGHUP, unless they are handled or ignored already."""
    before = {}
    if threading.current_thread() is threading.main_thread():
        for number in _SIGNALS:
            # nohup and some supervisors ignore SIGHUP on purpose.
            if signal.getsignal(number) is signal.SIG_DFL:
                before[number] = signal.signal(number, _stop)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _stop(number: int, frame: FrameType | None) -> None:
    # A second signal must not disturb the cleaning up after the first.
    for other in _SIGNALS:
        signal.signal(other, signal.SIG_IGN)
    raise Stopped(number)
