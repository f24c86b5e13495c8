"""Thrift's compact protocol as trees that keep every field, known or not.

Source: Apache Thrift, "Thrift Compact protocol encoding" (doc/specs/thrift-compact-protocol.md).
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple, TypeAlias

from ..errors import FormatError

__all__ = [
    "BINARY",
    "I16",
    "I32",
    "I64",
    "LIST",
    "STRUCT",
    "Field",
    "List",
    "Struct",
    "dump",
    "load",
]

_TRUE: Final = 1
_FALSE: Final = 2
_BYTE: Final = 3
I16: Final = 4
I32: Final = 5
I64: Final = 6
_DOUBLE: Final = 7
BINARY: Final = 8
LIST: Final = 9
_SET: Final = 10
_MAP: Final = 11
STRUCT: Final = 12
_UUID: Final = 13

_MAX_DEPTH: Final = 32
_MAX_VARINT: Final = 10
_WIDTHS: Final = {_BYTE: 1, _DOUBLE: 8, _UUID: 16}


class Field(NamedTuple):
    """A value and the type it is written as; booleans are their type."""

    kind: int
    value: Any


class List(NamedTuple):
    """A list (or set) and the type of its elements."""

    kind: int
    values: list[Any]


Struct: TypeAlias = dict[int, Field]
"""Fields by number, in the order in which they were written."""


def load(data: bytes, start: int = 0) -> tuple[Struct, int]:
    """Read a struct.

    Parameters
    ----------
    data : bytes
    start : int
        Where the struct begins.

    Returns
    -------
    struct : dict
    end : int
        Where it ends.

    Raises
    ------
    FormatError
        E_AVRO if the bytes are no struct. Nothing is allocated for a count before its bytes are
        seen to be there: every element takes one at least.
    """
    reader = _Reader(data, start)
    return reader.struct(0), reader.at


def dump(struct: Struct) -> bytes:
    """Write a struct; the inverse of `load`."""
    out = bytearray()
    _struct(out, struct)
    return bytes(out)


class _Reader:
    def __init__(self, data: bytes, at: int) -> None:
        self.data, self.at = data, at

    def take(self, count: int) -> bytes:
        end = self.at + count
        if not 0 <= count <= len(self.data) - self.at:
            raise FormatError("E_AVRO", "a Parquet footer or header ends within a value")
        part = self.data[self.at : end]
        self.at = end
        return part

    def varint(self) -> int:
        value = 0
        for index in range(_MAX_VARINT):
            byte = self.take(1)[0]
            value |= (byte & 0x7F) << 7 * index
            if byte < 0x80:
                return value
        raise FormatError("E_AVRO", "a number in a Parquet footer has more than 10 bytes")

    def zigzag(self) -> int:
        value = self.varint()
        return value >> 1 ^ -(value & 1)

    def struct(self, depth: int) -> Struct:
        if depth > _MAX_DEPTH:
            raise FormatError("E_LIMIT", "a Parquet footer is nested too deeply")
        fields: Struct = {}
        number = 0
        while head := self.take(1)[0]:
            step, kind = head >> 4, head & 0x0F
            number = number + step if step else self.zigzag()
            if kind in (_TRUE, _FALSE):
                fields[number] = Field(kind, kind == _TRUE)
            else:
                fields[number] = Field(kind, self.value(kind, depth))
        return fields

    def value(self, kind: int, depth: int) -> Any:
        if kind in (I16, I32, I64):
            return self.zigzag()
        if kind == BINARY:
            return self.take(self.varint())
        if kind == STRUCT:
            return self.struct(depth + 1)
        if kind in (LIST, _SET):
            return self.items(depth + 1)
        if kind == _MAP:
            return self.pairs(depth + 1)
        if kind in (_TRUE, _FALSE):
            return self.take(1)[0] == _TRUE
        if kind in _WIDTHS:
            return self.take(_WIDTHS[kind])
        raise FormatError("E_AVRO", f"a Parquet footer has a value of type {kind}")

    def items(self, depth: int) -> List:
        if depth > _MAX_DEPTH:
            raise FormatError("E_LIMIT", "a Parquet footer is nested too deeply")
        head = self.take(1)[0]
        count = self.count(head >> 4 if head >> 4 < 15 else self.varint())
        return List(head & 0x0F, [self.value(head & 0x0F, depth) for _ in range(count)])

    def pairs(self, depth: int) -> tuple[int, list[tuple[Any, Any]]]:
        count = self.count(self.varint())
        if not count:
            return 0, []
        kinds = self.take(1)[0]
        key, value = kinds >> 4, kinds & 0x0F
        if depth > _MAX_DEPTH:
            raise FormatError("E_LIMIT", "a Parquet footer is nested too deeply")
        return kinds, [(self.value(key, depth), self.value(value, depth)) for _ in range(count)]

    def count(self, claimed: int) -> int:
        if claimed > len(self.data) - self.at:
            raise FormatError("E_LIMIT", f"a Parquet footer claims {claimed} values")
        return claimed


def _varint(out: bytearray, value: int) -> None:
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)


def _zigzag(out: bytearray, value: int) -> None:
    _varint(out, value << 1 if value >= 0 else ~(value << 1))


def _struct(out: bytearray, fields: Struct) -> None:
    last = 0
    for number, (kind, value) in sorted(fields.items()):
        if 0 < number - last < 16:
            out.append(number - last << 4 | kind)
        else:
            out.append(kind)
            _zigzag(out, number)
        last = number
        if kind not in (_TRUE, _FALSE):
            _value(out, kind, value)
    out.append(0)


def _value(out: bytearray, kind: int, value: Any) -> None:
    if kind in (I16, I32, I64):
        _zigzag(out, value)
    elif kind == BINARY:
        _varint(out, len(value))
        out += value
    elif kind == STRUCT:
        _struct(out, value)
    elif kind in (LIST, _SET):
        count = len(value.values)
        out.append(min(count, 15) << 4 | value.kind)
        if count >= 15:
            _varint(out, count)
        for item in value.values:
            _value(out, value.kind, item)
    elif kind == _MAP:
        kinds, pairs = value
        _varint(out, len(pairs))
        if pairs:
            out.append(kinds)
        for key, item in pairs:
            _value(out, kinds >> 4, key)
            _value(out, kinds & 0x0F, item)
    elif kind in (_TRUE, _FALSE):
        out.append(_TRUE if value else _FALSE)
    else:
        out += value
