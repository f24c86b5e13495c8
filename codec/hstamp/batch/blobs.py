"""Blobs to decode, wherever they lie: a few of them at a time as bytes one behind another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

__all__ = ["Blobs", "Joined", "Listed"]

Array = npt.NDArray[Any]


class Blobs(Protocol):
    """B blobs."""

    def __len__(self) -> int:
        """B."""

    def part(self, first: int, last: int) -> tuple[Array, Array, int]:
        """Bytes that hold blobs `first` to `last` - 1, where each starts, where the last stops."""

    def one(self, row: int) -> bytes:
        """One blob."""

    def all(self) -> Sequence[bytes]:
        """All blobs."""


@dataclass(frozen=True)
class Listed:
    """Blobs of a sequence."""

    blobs: Sequence[bytes]

    def __len__(self) -> int:
        return len(self.blobs)

    def part(self, first: int, last: int) -> tuple[Array, Array, int]:
        """Join some of the blobs."""
        some = self.blobs if last - first == len(self.blobs) else self.blobs[first:last]
        stops = np.cumsum(np.fromiter(map(len, some), np.int64, len(some)))
        starts = np.concatenate([np.zeros(1, np.int64), stops[:-1]])
        return np.frombuffer(b"".join(some), np.uint8), starts, int(stops[-1])

    def one(self, row: int) -> bytes:
        """One blob."""
        return self.blobs[row]

    def all(self) -> Sequence[bytes]:
        """All blobs."""
        return self.blobs


@dataclass(frozen=True)
class Joined:
    """Blobs one behind another.

    Parameters
    ----------
    buffer : ndarray of uint8, shape (L,)
    offsets : ndarray of int64, shape (B + 1,)
        Ascending places in `buffer`.
    """

    buffer: Array
    offsets: Array

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def part(self, first: int, last: int) -> tuple[Array, Array, int]:
        """Bytes as they lie."""
        return self.buffer, np.ascontiguousarray(self.offsets[first:last]), int(self.offsets[last])

    def one(self, row: int) -> bytes:
        """One blob."""
        return self.buffer[self.offsets[row] : self.offsets[row + 1]].tobytes()

    def all(self) -> Sequence[bytes]:
        """All blobs."""
        return [self.buffer[i:j].tobytes() for i, j in pairwise(self.offsets.tolist())]
