"""Properties that are computed once."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

__all__ = ["kept"]

if TYPE_CHECKING:
    from functools import cached_property as kept
else:

    class kept:  # noqa: N801  # used as a decorator
        """`functools.cached_property` without the lock that Python 3.11 takes each first time.

        What is computed is the same whoever computes it, so two threads may both do so.
        """

        def __init__(self, function: Callable[[Any], Any]) -> None:
            self.func, self.__doc__ = function, function.__doc__

        def __set_name__(self, owner: type, name: str) -> None:
            self.name = name

        def __get__(self, instance: Any, owner: type | None = None) -> Any:
            if instance is None:
                return self
            value = instance.__dict__[self.name] = self.func(instance)
            return value
