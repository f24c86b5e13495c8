"""Reading the stamps and the chosen fields of a record, and passing over what is neither [CO-6]."""

from __future__ import annotations

import struct
from collections.abc import Callable, Collection, Mapping
from typing import Any, Final, TypeAlias

from ..errors import FormatError
from .avro import Cursor
from .schema import branches, is_stamp
from .skipping import Skip, Types, int_at, long_at, union_index
from .stamp_types import stamp_reader
from .tally import Tally

__all__ = ["Tree", "Value", "passed_over", "stamp_of", "tree_of", "value_of"]

Value: TypeAlias = Callable[[bytes, int, Tally], tuple[Any, int]]
"""Reads a value: gives it and the position behind it."""
Tree: TypeAlias = dict[str, "Tree"]
"""Fields that are wanted of a record, and of records in it; an empty one means all its leaves."""

_FIXED: Final = {
    "boolean": struct.Struct("<?"), "float": struct.Struct("<f"), "double": struct.Struct("<d"),
}  # fmt: skip
_MAX_LEAVES: Final = 256
"""Fields of a record that is chosen as a whole."""


def tree_of(paths: Collection[str]) -> Tree:
    """Fields by paths such as ``diaSource.ra``."""
    tree: Tree = {}
    for path in paths:
        node = tree
        for name in path.split("."):
            node = node.setdefault(name, {})
    return tree


def passed_over(skip: Skip) -> Value:
    """Pass over a value; it gives None."""
    return lambda data, position, tally: (None, skip(data, position, tally))


def stamp_of(kind: Any, types: Types) -> Value:
    """Read a field that may hold a stamp; other values are passed over and give None."""
    if not isinstance(kind, list):
        read = stamp_reader(kind, types)

        def stamp(data: bytes, position: int, tally: Tally) -> tuple[Any, int]:
            cursor = Cursor(data, position, tally)
            return read(cursor), cursor.position

        return stamp
    return _union([
        stamp_of(branch, types) if is_stamp(branch) else passed_over(types.branch_skipper(branch))
        for branch in kind
    ])  # fmt: skip


def _union(readers: list[Value]) -> Value:
    def read(data: bytes, position: int, tally: Tally) -> tuple[Any, int]:
        index, position = union_index(data, position, len(readers))
        return readers[index](data, position, tally)

    return read


def value_of(kind: Any, tree: Tree, types: Types) -> Value:
    """Read a value of a type; of an array or map, None."""
    part = types.definition(kind)
    if isinstance(part, list):
        return _union([value_of(branch, tree, types) for branch in part])
    name = part["type"] if isinstance(part, Mapping) else part
    if name == "null":
        return lambda data, position, tally: (None, position)
    if name in _FIXED:
        return _packed(_FIXED[name])
    if name == "long":
        return lambda data, position, tally: long_at(data, position)
    if name == "int":
        return lambda data, position, tally: int_at(data, position)
    if name == "enum":
        return _enum(tuple(part["symbols"]))
    if name in ("bytes", "string"):
        return _text if name == "string" else _bytes
    if name == "fixed":
        return _sized(int(part["size"]))
    if name == "record":
        return _fields(part, tree or _leaves(part, types), types)
    return passed_over(types.branch_skipper(part))


def _leaves(record: Any, types: Types) -> Tree:
    """Fields of a record that are neither records, arrays nor maps."""
    made = ("record", "error", "array", "map")
    leaves: Tree = {}
    for field in record["fields"][:_MAX_LEAVES]:
        kinds = [types.definition(branch) for branch in branches(types.definition(field["type"]))]
        if not any(isinstance(kind, Mapping) and kind["type"] in made for kind in kinds):
            leaves[field["name"]] = {}
    return leaves


def _fields(record: Any, tree: Tree, types: Types) -> Value:
    steps: list[tuple[str | None, Value]] = []
    passed: list[Any] = []

    def flush() -> None:
        if passed:
            steps.append((None, passed_over(types.fields_skipper(list(passed)))))
            passed.clear()

    for field in record["fields"]:
        if field["name"] in tree:
            flush()
            steps.append((field["name"], value_of(field["type"], tree[field["name"]], types)))
        else:
            passed.append(field["type"])
    flush()
    cost = types.cost(f["type"] for f in record["fields"] if f["name"] not in tree)

    def read(data: bytes, position: int, tally: Tally) -> tuple[Any, int]:
        tally.add(cost)
        out = {}
        for name, step in steps:
            value, position = step(data, position, tally)
            if name is not None:
                out[name] = value
        return out, position

    return read


def _packed(form: struct.Struct) -> Value:
    def read(data: bytes, position: int, tally: Tally) -> tuple[Any, int]:
        return form.unpack_from(data, position)[0], position + form.size

    return read


def _sized(size: int) -> Value:
    return lambda data, position, tally: (data[position : position + size], position + size)


def _bytes(data: bytes, position: int, tally: Tally) -> tuple[bytes, int]:
    size, position = long_at(data, position)
    if size < 0:
        raise FormatError("E_AVRO", f"a length of {size} bytes")
    return data[position : position + size], position + size


def _text(data: bytes, position: int, tally: Tally) -> tuple[str, int]:
    value, position = _bytes(data, position, tally)
    return value.decode("utf-8", "replace"), position


def _enum(symbols: tuple[str, ...]) -> Value:
    def read(data: bytes, position: int, tally: Tally) -> tuple[str | None, int]:
        index, position = int_at(data, position)
        # A symbol that the schema lacks is unknown, and no reason to lose the record.
        return symbols[index] if 0 <= index < len(symbols) else None, position

    return read
