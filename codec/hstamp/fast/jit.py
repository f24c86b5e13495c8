"""How kernels are compiled: ahead of the first call, kept on disk, without relaxed arithmetic."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba
from numba import types

__all__ = ["F4", "F8", "I2", "I8", "U1", "U2", "inline", "kernel", "readable", "writable"]

_Function = TypeVar("_Function", bound=Callable[..., Any])

U1, U2, I2, I8 = types.uint8, types.uint16, types.int16, types.int64
F4, F8 = types.float32, types.float64


def readable(scalar: Any, axes: int) -> Any:
    """Type of a contiguous array that a kernel reads; read-only buffers are welcome."""
    return types.Array(scalar, axes, "C", readonly=True)


def writable(scalar: Any, axes: int) -> Any:
    """Type of a contiguous array that a kernel writes."""
    return types.Array(scalar, axes, "C")


def kernel(result: Any, *arguments: Any) -> Callable[[_Function], _Function]:
    """Compile a function for one signature.

    One signature each keeps loading short. ``fastmath`` stays off: sums keep their order, nothing
    is contracted or approximated, NaN and -0.0 keep their meaning [NO-2].
    """

    def compile(function: _Function) -> _Function:
        return cast(_Function, numba.njit(result(*arguments), cache=True, nogil=True)(function))

    return compile


def inline(function: _Function) -> _Function:
    """Compile a function into the kernels that call it."""
    return cast(_Function, numba.njit(cache=True, nogil=True, inline="never")(function))
