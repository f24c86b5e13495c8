"""Passing over Avro values without building them [CO-6], [DE-4].

A skipper takes the bytes and the position of a value and returns the position behind it. Jumps are
not compared with the end of the bytes: a position beyond it makes the next byte that is looked at
an `IndexError`, and whoever reads a record checks where it ended. That is what keeps a value at
some tens of nanoseconds. The form of every value is checked all the same (E_AVRO).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import repeat
from typing import Any, Final, TypeAlias

import numpy as np

from ..errors import FormatError
from .schema import branches
from .tally import Tally

__all__ = [
    "Skip",
    "SkipMany",
    "Types",
    "int_at",
    "jump_many",
    "long_at",
    "text_many",
    "union_index",
]

Skip: TypeAlias = Callable[[bytes, int, Tally], int]
SkipMany: TypeAlias = Callable[[bytes, int, int, Tally], int]
"""Takes the number of values after the position."""

_WIDTHS: Final = {"null": 0, "boolean": 1, "float": 4, "double": 8}
_VARINTS: Final = {"int": 32, "enum": 32, "long": 64}
_FEW: Final = 48
"""Numbers up to which a loop is quicker than numpy."""
_PIECE: Final = 2**16
_ZEROS: Final = re.compile(rb"\0+")


def long_at(data: bytes, position: int) -> tuple[int, int]:
    """Zig-zag base-128 integer of at most 64 bits, and the position behind it."""
    value = shift = 0
    start = position
    while shift < 70:
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            if value >= 1 << 64:
                break
            return (value >> 1) ^ -(value & 1), position
        shift += 7
    raise FormatError("E_AVRO", f"a number at byte {start} exceeds 64 bits")


def int_at(data: bytes, position: int) -> tuple[int, int]:
    """Integer of at most 32 bits, and the position behind it."""
    value, position = long_at(data, position)
    if not -(1 << 31) <= value < 1 << 31:
        raise FormatError("E_AVRO", f"{value} does not fit 32 bits")
    return value, position


def union_index(data: bytes, position: int, count: int) -> tuple[int, int]:
    """Index of a branch of a union of `count` branches, and the position behind it."""
    index, position = long_at(data, position)
    if not 0 <= index < count:
        raise FormatError("E_AVRO", f"union branch {index} is not one of {count}")
    return index, position


class Types:
    """Named types of a writer's schema, and how to pass over values.

    What is built for a name is built once: names that use names can stand for more types than
    could ever be written out.

    Parameters
    ----------
    schema : object
        Writer's schema as `hstamp.container.schema.check_schema` returns it.
    """

    def __init__(self, schema: Any) -> None:
        self._named = dict(_definitions(schema))
        self._widths: dict[str, int | None] = {}
        self._weights: dict[str, int] = {}
        self._skippers: dict[str, Skip] = {}

    def definition(self, kind: Any) -> Any:
        """Return the type that a name stands for; other types as they are."""
        return self._named.get(kind, kind) if isinstance(kind, str) else kind

    def width(self, kind: Any) -> int | None:
        """Bytes that every value of a type takes, or None where they differ."""
        part = self.definition(kind)
        if isinstance(part, list):
            return None
        if isinstance(part, str):
            return _WIDTHS.get(part)
        if part["type"] == "fixed":
            return int(part["size"])
        if part["type"] != "record":
            return _WIDTHS.get(part["type"])
        name = part["name"]
        if name not in self._widths:
            widths = [self.width(field["type"]) for field in part["fields"]]
            known = [width for width in widths if width is not None]
            self._widths[name] = sum(known) if len(known) == len(widths) else None
        return self._widths[name]

    def weight(self, kind: Any) -> int:
        """Fields in a value of a type at any depth, outside unions, arrays and maps [LI-4]."""
        part = self.definition(kind)
        if not isinstance(part, Mapping) or part["type"] != "record":
            return 0
        name = part["name"]
        if name not in self._weights:
            self._weights[name] = self.cost(field["type"] for field in part["fields"])
        return self._weights[name]

    def cost(self, kinds: Iterable[Any]) -> int:
        """Values that fields of these types count when they are passed over."""
        return sum(1 + self.weight(kind) for kind in kinds)

    def skipper(self, kind: Any) -> Skip:
        """Return what passes over a value of a type, with its Avro form checked."""
        part = self.definition(kind)
        if not isinstance(part, Mapping) or "name" not in part:
            return self._skipper(part)
        name = part["name"]
        if name not in self._skippers:
            self._skippers[name] = self._skipper(part)
        return self._skippers[name]

    def branch_skipper(self, kind: Any) -> Skip:
        """Return what passes over a branch of a union, and counts its fields."""
        skip, weight = self.skipper(kind), self.weight(kind)
        if not weight:
            return skip

        def counted(data: bytes, position: int, tally: Tally) -> int:
            tally.add(weight)
            return skip(data, position, tally)

        return counted

    def fields_skipper(self, kinds: Iterable[Any]) -> Skip:
        """Return what passes over fields that follow each other."""
        steps: list[Skip] = []
        unions: list[tuple[tuple[int, ...], int]] = []
        lead = 0
        for kind in kinds:
            width, choices = self.width(kind), self.choices(kind)
            if width is not None:
                if unions:
                    unions[-1] = unions[-1][0], unions[-1][1] + width
                else:
                    lead += width
            elif choices is not None:
                unions.append((choices, 0))
            else:
                steps += _run(lead, unions)
                lead, unions = 0, []
                steps.append(self.skipper(kind))
        return _sequence((*steps, *_run(lead, unions)))

    def many(self, kind: Any) -> SkipMany:
        """Return what passes over values of a type that follow each other."""
        width = self.width(kind)
        if width is not None:
            return jump_many(width)
        part = self.definition(kind)
        name = _name(part)
        if isinstance(name, str) and name in _VARINTS:
            bits = _VARINTS[name]
            return lambda data, position, count, tally: _numbers(data, position, count, bits)
        if name in ("bytes", "string"):
            return text_many
        choices = self.choices(part)
        if choices is not None:
            return _unions_many(choices)
        each = self.skipper(part)

        def skip(data: bytes, position: int, count: int, tally: Tally) -> int:
            for _ in repeat(None, count):
                position = each(data, position, tally)
            return position

        return skip

    def choices(self, kind: Any) -> tuple[int, ...] | None:
        """Widths of the branches of a union; None where one has none, or fields to count."""
        part = self.definition(kind)
        if not isinstance(part, list) or any(self.weight(branch) for branch in part):
            return None
        widths = [self.width(branch) for branch in part]
        known = [width for width in widths if width is not None]
        return tuple(known) if len(known) == len(widths) else None

    def _skipper(self, part: Any) -> Skip:
        width = self.width(part)
        if width is not None:
            return _jump(width)
        if isinstance(part, list):
            return _union([self.branch_skipper(branch) for branch in part])
        name = _name(part)
        if name == "record":
            return self.fields_skipper(field["type"] for field in part["fields"])
        if name == "array":
            return _blocks(self.many(part["items"]), 1 + self.weight(part["items"]))
        if name == "map":
            entries = _entries(self.skipper(part["values"]))
            return _blocks(entries, 1 + self.weight(part["values"]))
        if name in _VARINTS:
            return _int if _VARINTS[name] == 32 else _long
        return _text


def _definitions(schema: Any) -> Iterator[tuple[str, Any]]:
    """Full name and definition of every named type written in a parsed schema."""
    pending = [schema]
    while pending:
        for part in branches(pending.pop()):
            if not isinstance(part, Mapping):
                continue
            if "name" in part:
                yield part["name"], part
            pending += [part[inner] for inner in ("items", "values") if inner in part]
            pending += [field["type"] for field in part.get("fields", ())]


def _name(kind: Any) -> Any:
    return kind["type"] if isinstance(kind, Mapping) else kind


def _jump(width: int) -> Skip:
    return lambda data, position, tally: position + width


def jump_many(width: int) -> SkipMany:
    """Return what passes over values of `width` bytes each, in one step."""
    return lambda data, position, count, tally: position + count * width


def _run(lead: int, unions: list[tuple[tuple[int, ...], int]]) -> list[Skip]:
    """Steps that pass over `lead` bytes and unions of fixed widths, with what follows each."""
    if unions:
        return [_unions(lead, tuple(unions))]
    return [_jump(lead)] if lead else []


def _sequence(steps: tuple[Skip, ...]) -> Skip:
    if len(steps) == 1:
        return steps[0]

    def skip(data: bytes, position: int, tally: Tally) -> int:
        for step in steps:
            position = step(data, position, tally)
        return position

    return skip


def _table(widths: tuple[int, ...], after: int) -> list[Any]:
    """Bytes to pass over behind each index of one byte; None for what is no such index."""
    table: list[Any] = [None] * 256
    for index, width in enumerate(widths[:64]):
        table[2 * index] = 1 + width + after
    return table


def _unions(lead: int, unions: tuple[tuple[tuple[int, ...], int], ...]) -> Skip:
    tables = tuple(_table(*union) for union in unions)

    def skip(data: bytes, start: int, tally: Tally) -> int:
        position = start + lead
        try:
            for table in tables:
                position += table[data[position]]
        except TypeError:
            position = start + lead
            for widths, after in unions:
                index, position = union_index(data, position, len(widths))
                position += widths[index] + after
        return position

    return skip


def _unions_many(widths: tuple[int, ...]) -> SkipMany:
    table = _table(widths, 0)

    def skip(data: bytes, position: int, count: int, tally: Tally) -> int:
        for _ in repeat(None, count):
            step = table[data[position]]
            if step is None:
                index, position = union_index(data, position, len(widths))
                position += widths[index]
            else:
                position += step
        return position

    return skip


def _union(skippers: list[Skip]) -> Skip:
    table: list[Skip | None] = [None] * 256
    for index, skipper in enumerate(skippers[:64]):
        table[2 * index] = skipper

    def skip(data: bytes, position: int, tally: Tally) -> int:
        step = table[data[position]]
        if step is not None:
            return step(data, position + 1, tally)
        index, position = union_index(data, position, len(skippers))
        return skippers[index](data, position, tally)

    return skip


def _blocks(many: SkipMany, cost: int) -> Skip:
    """Pass over an array or map, whatever its blocks; each item counts `cost`."""

    def skip(data: bytes, position: int, tally: Tally) -> int:
        while True:
            byte = data[position]
            if byte < 0x80:
                count, position = (byte >> 1) ^ -(byte & 1), position + 1
            else:
                count, position = long_at(data, position)
            if not count:
                return position
            stop = None
            if count < 0:
                count = -count
                size, position = long_at(data, position)
                if not 0 <= size <= len(data) - position:
                    raise FormatError("E_AVRO", f"a block of items claims {size} bytes")
                stop = position + size
            if count > len(data) - position:
                raise FormatError(
                    "E_AVRO", f"{count} items claimed, {len(data) - position} bytes remain"
                )
            tally.used += count * cost
            if tally.used > tally.limit:
                raise tally.exceeded()
            position = many(data, position, count, tally)
            if stop is not None and position != stop:
                raise FormatError("E_AVRO", "a block's size is not that of its items")

    return skip


def _entries(value: Skip) -> SkipMany:
    def skip(data: bytes, position: int, count: int, tally: Tally) -> int:
        for _ in repeat(None, count):
            position = value(data, _text(data, position, tally), tally)
        return position

    return skip


def _long(data: bytes, position: int, tally: Tally) -> int:
    return position + 1 if data[position] < 0x80 else long_at(data, position)[1]


def _int(data: bytes, position: int, tally: Tally) -> int:
    return position + 1 if data[position] < 0x80 else int_at(data, position)[1]


def _text(data: bytes, position: int, tally: Tally) -> int:
    size = data[position]
    if size < 0x80 and not size & 1:
        return position + 1 + (size >> 1)
    size, position = long_at(data, position)
    if size < 0:
        raise FormatError("E_AVRO", f"a length of {size} bytes")
    return position + size


def text_many(data: bytes, position: int, count: int, tally: Tally) -> int:
    """Pass over texts or bytes that follow each other."""
    while count:
        size = data[position]
        if not size:
            # Empty ones are all that fit in great numbers.
            run = _ZEROS.match(data, position, position + count)
            assert run is not None
            count -= run.end() - position
            position = run.end()
            continue
        if size < 0x80 and not size & 1:
            position += 1 + (size >> 1)
        else:
            position = _text(data, position, tally)
        count -= 1
    return position


def _numbers(data: bytes, position: int, count: int, bits: int) -> int:
    """Pass over numbers: each ends at its first byte below 80 hex."""
    if count <= _FEW:
        at = int_at if bits == 32 else long_at
        for _ in repeat(None, count):
            position = position + 1 if data[position] < 0x80 else at(data, position)[1]
        return position
    buffer = np.frombuffer(data, dtype=np.uint8)
    while count:
        piece = buffer[position : position + 2 * min(count, _PIECE) + 16]
        ends = np.flatnonzero(piece < 0x80)[:count]
        if not ends.size:
            raise FormatError("E_AVRO", "the bytes end inside a number, or it exceeds 64 bits")
        starts = np.concatenate([[0], ends[:-1] + 1])
        _check_numbers(piece, starts, ends, bits)
        position += int(ends[-1]) + 1
        count -= ends.size
    return position


def _check_numbers(piece: Any, starts: Any, ends: Any, bits: int) -> None:
    lengths = ends - starts + 1
    longest = int(lengths.max())
    # Group g holds bits 7 g to 7 g + 6: the last that matters may hold what is left of `bits`.
    last = (bits - 1) // 7
    if longest <= last:
        return
    if longest > 10:
        raise FormatError("E_AVRO", "a number exceeds 64 bits")
    for group in range(last, longest):
        payload = piece[starts[lengths > group] + group] & 0x7F
        if (payload >= (1 << (bits - 7 * last) if group == last else 1)).any():
            raise FormatError("E_AVRO", f"a number does not fit {bits} bits")
