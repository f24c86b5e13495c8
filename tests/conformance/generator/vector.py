"""What a vector is, and the pseudo-random numbers that fill some of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Vector:
    """One input with what must come of it.

    `error` is None for a valid input. `stamps` lists (field, blob) for containers, whose expected
    result is that of the blobs; a blob's own result comes from the oracle.
    """

    id: str
    data: bytes
    clauses: tuple[str, ...]
    reason: str
    profile: str = "core"
    error: str | None = None
    flags: tuple[str, ...] = ()
    stamps: tuple[tuple[str | None, bytes], ...] | None = None
    optional: str | None = None
    since: str = "1.0"


class Lcg:
    """MMIX linear congruential generator: the same numbers in any language, for ever."""

    def __init__(self, seed: int) -> None:
        self.state = (seed * 2862933555777941757 + 3037000493) % 2**64

    def below(self, limit: int) -> int:
        self.state = (self.state * 6364136223846793005 + 1442695040888963407) % 2**64
        return (self.state >> 33) % limit

    def between(self, low: int, high: int) -> int:
        return low + self.below(high - low + 1)

    def many(self, count: int, low: int, high: int) -> list[int]:
        return [self.between(low, high) for _ in range(count)]

    def sky(self, count: int) -> Iterator[float]:
        """Values with 24 significant bits around zero, so that sums of four do not fit binary32."""
        for _ in range(count):
            yield self.between(-(2**23), 2**24) / 2.0 ** self.between(8, 16)
