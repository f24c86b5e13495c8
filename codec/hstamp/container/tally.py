"""What a file may cost: budgets that follow its size [LI-4]."""

from __future__ import annotations

from typing import Final

from ..errors import FormatError

__all__ = ["Tally", "decompressed_limit"]

_FREE_BYTES: Final = 64 * 2**20
_BYTES_RATIO: Final = 16
_FREE_VALUES: Final = 2**23
_VALUES_RATIO: Final = 8


def decompressed_limit(size: int) -> int:
    """Bytes that the blocks in the first `size` bytes of a file may decompress to, together."""
    return _FREE_BYTES + _BYTES_RATIO * size


class Tally:
    """Values of a file that are passed over [LI-4].

    They count before they are gone through: fields of a record that the reader needs when it
    begins, fields of a union's branch when its index is known, and items of an array or map, with
    the fields in each, when the count of a block is known. A few bytes of a compressed block could
    otherwise claim hours of work.

    Parameters
    ----------
    size : int
        Bytes of the file so far; see `allow`.
    """

    __slots__ = ("limit", "used")

    def __init__(self, size: int) -> None:
        self.used = 0
        self.allow(size)

    def allow(self, size: int) -> None:
        """Set the limit for what lies in the first `size` bytes of the file."""
        self.limit = _FREE_VALUES + _VALUES_RATIO * size

    def add(self, count: int) -> None:
        """Count values before they are passed over.

        Raises
        ------
        FormatError
            With code E_LIMIT.
        """
        self.used += count
        if self.used > self.limit:
            raise self.exceeded()

    def exceeded(self) -> FormatError:
        """Return the error that says so."""
        return FormatError(
            "E_LIMIT", f"more than {self.limit} values have to be passed over in this file"
        )
