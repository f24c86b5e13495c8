"""The columns of a table as its schema lists them: a tree, written flat, a parent before its parts.

Field numbers are those of ``SchemaElement`` in ``parquet.thrift`` (Apache Parquet Format 2.11).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

from ..errors import FormatError
from .thrift import I32, STRUCT, Field, Struct

__all__ = ["CHILDREN", "NAME", "Column", "children", "pruned", "subtree"]

_TYPE, _REPETITION, NAME, CHILDREN, _CONVERTED, _LOGICAL = 1, 3, 4, 5, 6, 10
_REQUIRED, _REPEATED = 0, 2
_BYTE_ARRAY: Final = 6
_LISTS: Final = (1, 2, 3)
"""Converted types MAP, MAP_KEY_VALUE and LIST."""
_LOGICAL_LISTS: Final = {2, 3}
"""Logical types MAP and LIST."""
_MAX_DEPTH: Final = 32


@dataclass(frozen=True)
class Column:
    """A top-level column.

    Attributes
    ----------
    name : str
    elements : tuple of Struct
        Its part of the flattened schema, itself first.
    leaves : range
        Its column chunks in every row group.
    """

    name: str
    elements: tuple[Struct, ...]
    leaves: range

    @property
    def required(self) -> bool:
        """Whether the column cannot be null."""
        return self._of(_REPETITION) == _REQUIRED

    @property
    def binary(self) -> bool:
        """Whether the column is one of bytes, one value a row."""
        return (
            len(self.elements) == 1
            and self._of(_TYPE) == _BYTE_ARRAY
            and self._of(_REPETITION) != _REPEATED
        )

    def _of(self, number: int) -> int:
        value: int = self.elements[0].get(number, Field(I32, 0)).value
        return value


def children(element: Struct) -> int:
    """Return the number of parts of an element.

    Raises
    ------
    FormatError
        E_AVRO if it is negative.
    """
    count = element[CHILDREN].value if CHILDREN in element else 0
    if not (isinstance(count, int) and count >= 0):
        raise FormatError("E_AVRO", "not readable as Parquet: a column with negative parts")
    return count


def subtree(elements: Sequence[Struct], at: int, leaf: int, depth: int) -> tuple[int, int]:
    """Where the part of the schema that begins at `at` ends, and the number of the next leaf."""
    if depth > _MAX_DEPTH:
        raise FormatError("E_LIMIT", "the columns of the table are nested too deeply")
    count = children(elements[at])
    at += 1
    if not count:
        return at, leaf + 1
    for _ in range(count):
        at, leaf = subtree(elements, at, leaf, depth + 1)
    return at, leaf


def _is_struct(element: Struct) -> bool:
    """Whether a part of the schema has named fields: lists and maps have parts and no fields."""
    marks = element.get(_LOGICAL)
    return (
        children(element) > 0
        and element.get(_CONVERTED, Field(I32, -1)).value not in _LISTS
        and not (marks is not None and marks.kind == STRUCT and marks.value.keys() & _LOGICAL_LISTS)
    )


def pruned(
    column: Column, paths: Collection[tuple[str, ...]]
) -> tuple[tuple[Struct, ...], list[int]]:
    """Schema elements and leaves of a column that these paths within it reach."""
    elements: list[Struct] = []
    leaves: list[int] = []

    def walk(at: int, leaf: int, inner: Collection[tuple[str, ...]]) -> tuple[int, int]:
        end, last = subtree(column.elements, at, leaf, 0)
        element = column.elements[at]
        if () in inner or not _is_struct(element):
            elements.extend(column.elements[at:end])
            leaves.extend(range(leaf, last))
            return end, last
        mark, kept = len(elements), 0
        elements.append(element)
        at += 1
        for _ in range(children(element)):
            name = column.elements[at][NAME].value.decode("utf-8", "replace")
            deeper = [path[1:] for path in inner if path[0] == name]
            if deeper:
                before = len(elements)
                at, leaf = walk(at, leaf, deeper)
                kept += len(elements) > before
            else:
                at, leaf = subtree(column.elements, at, leaf, 0)
        if kept:
            elements[mark] = {**element, CHILDREN: Field(I32, kept)}
        else:
            del elements[mark:]
        return end, last

    walk(0, column.leaves.start, paths)
    return tuple(elements), leaves
