"""The optional compiled path: the same arithmetic as the rest of the codec, compiled by numba.

Everything here has a plain numpy definition elsewhere, gives the same bits, and can be absent. It
is used when numba is installed (the extra ``fast``) and the environment variable
``HSTAMP_NO_NUMBA`` is not set. Loading numba takes about a second, so the first stamps go through
numpy until their work adds up to about that; `load` does not wait.
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from .single import ScannedBlob

__all__ = ["SWITCH", "available", "compiled", "load", "numpy_only", "scanner"]

SWITCH: Final = "HSTAMP_NO_NUMBA"
"""Environment variable that, when set and not empty or 0, turns the compiled path off."""
_PATIENCE: Final = 0.5
"""Work done by numpy before numba is loaded [s]: about what loading costs."""

_forbidden: ContextVar[bool] = ContextVar("hstamp_numpy_only", default=False)


class _Progress:
    """What numpy has done so far, and whether the kernels are in use."""

    spent = 0.0
    loaded = False
    scanned: Callable[[bytes], ScannedBlob | None] | None = None


@cache
def available() -> bool:
    """Whether numba can be imported and is not switched off by the environment."""
    if os.environ.get(SWITCH, "") not in ("", "0"):
        return False
    return importlib.util.find_spec("numba") is not None


def load() -> bool:
    """Use the compiled path from now on; False where it is not `available`."""
    if available() and not _Progress.loaded:
        from .single import scanned

        _Progress.scanned = scanned
        _Progress.loaded = True
    return _Progress.loaded


def compiled(cost: float) -> bool:
    """Whether to take the compiled path for work that costs numpy about `cost` seconds."""
    if _forbidden.get():
        return False
    if _Progress.loaded:
        return True
    if not available():
        return False
    _Progress.spent += cost
    return _Progress.spent > _PATIENCE and load()


def scanner(cost: float) -> Callable[[bytes], ScannedBlob | None] | None:
    """`hstamp.fast.single.scanned` where `compiled` says yes; an import a stamp would show."""
    return _Progress.scanned if compiled(cost) else None


@contextmanager
def numpy_only() -> Iterator[None]:
    """Take the numpy path inside a ``with`` block, whatever is installed."""
    token = _forbidden.set(True)
    try:
        yield
    finally:
        _forbidden.reset(token)
