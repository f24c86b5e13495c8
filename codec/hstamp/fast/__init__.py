"""The arithmetic of the codec, and the choice between numpy and compiled kernels.

`kernels` is the one place where that choice is made. Compiled kernels give the same bits as numpy
and can be absent: they are used when numba is installed (the extra ``fast``), works, and the
environment variable ``HSTAMP_NO_NUMBA`` is not set. Loading numba takes about a second, so the
first stamps go through numpy until their work adds up to about that; `load` does not wait.
Where numba or its cache cannot be used, numpy goes on and the logger ``hstamp`` says so once: a log
line, because an acceleration that is missing must not stop programs that turn warnings into errors.
"""

from __future__ import annotations

import importlib.util
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from typing import Final

from .by_numpy import Plain
from .protocol import Kernels

__all__ = ["SWITCH", "available", "compiled", "kernels", "load", "numpy_only"]

SWITCH: Final = "HSTAMP_NO_NUMBA"
"""Environment variable that, when set and not empty or 0, turns the compiled path off."""
_PATIENCE: Final = 0.5
"""Work done by numpy before numba is loaded [s]: about what loading costs."""
_PLAIN: Final = Plain()

_forbidden: ContextVar[bool] = ContextVar("hstamp_numpy_only", default=False)


class _Progress:
    """What numpy has done so far, and the kernels in use."""

    spent = 0.0
    loaded: Kernels | None = None
    broken = False


@cache
def available() -> bool:
    """Whether numba is installed and not switched off by the environment."""
    if os.environ.get(SWITCH, "") not in ("", "0"):
        return False
    try:
        return importlib.util.find_spec("numba") is not None
    except (ImportError, ValueError):  # a stand-in without a specification
        return False


def load() -> bool:
    """Use the compiled path from now on; False where it is not `available` or does not work."""
    if _Progress.loaded is None and not _Progress.broken and available():
        try:
            from .by_numba import Compiled

            _Progress.loaded = Compiled()
        except Exception as error:  # whatever a broken installation or a full disk may raise
            _Progress.broken = True
            reason = " ".join(str(error).split())[:200]
            logging.getLogger("hstamp").warning(
                "compiled kernels cannot be used (%s: %s); numpy is used, which is slower. Set"
                " NUMBA_CACHE_DIR to a folder that can be written, or %s=1 to choose numpy",
                type(error).__name__, reason, SWITCH,
            )  # fmt: skip
    return _Progress.loaded is not None


def kernels(cost: float) -> Kernels:
    """What carries out work that costs numpy about `cost` seconds."""
    if _forbidden.get():
        return _PLAIN
    if (loaded := _Progress.loaded) is not None:
        return loaded
    if _Progress.broken or not available():
        return _PLAIN
    _Progress.spent += cost
    if _Progress.spent > _PATIENCE:
        load()
    return _Progress.loaded or _PLAIN


def compiled(cost: float = 0.0) -> bool:
    """Whether work that costs numpy about `cost` seconds would be done by compiled kernels."""
    return kernels(cost) is not _PLAIN


@contextmanager
def numpy_only() -> Iterator[None]:
    """Take the numpy path inside a ``with`` block, whatever is installed."""
    token = _forbidden.set(True)
    try:
        yield
    finally:
        _forbidden.reset(token)
