"""Passing over records without stamps, of which a block can hold millions."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from itertools import groupby
from typing import Any, TypeAlias

from ..errors import FormatError
from .skipping import Skip, Types
from .tally import Tally

__all__ = ["PassEmpty", "empty_passer", "null_byte"]

PassEmpty: TypeAlias = Callable[[bytes, int, int, Tally], tuple[int, int]]
"""Takes a position and the number of records left in the block.

Gives where the first record lies that was not passed over, because it has a stamp or a fault, and
how many were.
"""


def empty_passer(schema: Any, stamps: Collection[str], types: Types, cost: int) -> PassEmpty:
    """Return what passes over records whose stamps are null.

    Parameters
    ----------
    schema : object
        Writer's schema of a record.
    stamps : collection of str
        Its stamp fields; where one cannot be null, nothing is passed over.
    types : Types
    cost : int
        What a record counts [LI-4].
    """
    nulls = {f["name"]: null_byte(f["type"]) for f in schema["fields"] if f["name"] in stamps}
    if not nulls or None in nulls.values():
        return lambda data, position, count, tally: (position, 0)
    same = _empty_records(schema, nulls, types)
    if same is not None:
        return _alike(*same, cost)
    return _each(_empty_steps(schema, nulls, types), cost)


def null_byte(kind: Any) -> int | None:
    """Byte that stands for null in a union, where it has one."""
    return 2 * kind.index("null") if isinstance(kind, list) and "null" in kind[:64] else None


def _alike(pattern: re.Pattern[bytes], width: int, cost: int) -> PassEmpty:
    """Pass over records that all have one width."""

    def passed(data: bytes, position: int, count: int, tally: Tally) -> tuple[int, int]:
        most = min(count, (tally.limit - tally.used) // cost) if cost else count
        run = pattern.match(data, position, min(position + most * width, len(data)))
        done = 0 if run is None else (run.end() - position) // width
        tally.add(done * cost)
        return position + done * width, done

    return passed


def _each(steps: list[Skip], cost: int) -> PassEmpty:
    """Pass over records one by one."""

    def passed(data: bytes, position: int, count: int, tally: Tally) -> tuple[int, int]:
        end = len(data)
        for done in range(count):
            before, start = tally.used, position
            tally.used += cost
            try:
                for step in steps:
                    position = step(data, position, tally)
            except (_StampAheadError, FormatError, IndexError, OverflowError):
                position = end + 1
            if position > end or tally.used > tally.limit:
                tally.used = before
                return start, done
        return position, count

    return passed


class _StampAheadError(Exception):
    """A record holds a stamp, or something else that is rare where one may be."""


def _empty_steps(schema: Any, nulls: Mapping[str, Any], types: Types) -> list[Skip]:
    """How to pass over a record as long as its stamps are null."""
    steps: list[Skip] = []
    for is_stamp_field, group in groupby(schema["fields"], key=lambda f: f["name"] in nulls):
        fields = list(group)
        if is_stamp_field:
            steps += [_null(nulls[field["name"]]) for field in fields]
        else:
            steps.append(types.fields_skipper(field["type"] for field in fields))
    return steps


def _empty_records(
    schema: Any, nulls: Mapping[str, Any], types: Types
) -> tuple[re.Pattern[bytes], int] | None:
    """Pattern of records whose stamps are null, and the width of each, where it is always one."""
    pattern, total = b"", 0
    for field in schema["fields"]:
        width = 1 if field["name"] in nulls else types.width(field["type"])
        if width is None:
            return None
        null = nulls.get(field["name"])
        pattern += b".{%d}" % width if null is None else re.escape(bytes([null]))
        total += width
    # What has matched is never given back, so that a match takes no memory.
    return (re.compile(b"(?:%b)*+" % pattern, re.DOTALL), total) if total < 2**16 else None


def _null(byte: int) -> Skip:
    def skip(data: bytes, position: int, tally: Tally) -> int:
        if data[position] != byte:
            raise _StampAheadError
        return position + 1

    return skip
