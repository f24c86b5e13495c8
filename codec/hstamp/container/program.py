"""A writer's schema as a program that passes over records: [CO-6] without building anything.

General Avro libraries build every value of a record. Who wants a few fields of an alert needs to
know where these lie and nothing else, and that follows from the schema: a program of nine
instructions, carried out by `hstamp.fast.walk` or by `hstamp.container.reading`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

__all__ = ["Program", "program_of"]

JUMP, LONG, INT, BYTES, UNION, ARRAY, MAP, CALL, MARK, RETURN = range(10)
"""Instructions; each is a row of operation and two operands.

``JUMP n``: n bytes. ``LONG``, ``INT``: a number. ``BYTES``: a length and that many bytes.
``UNION k t``: a branch of k, whose routine is entry t + branch of the table. ``ARRAY r w``: blocks
of items with routine r, or of w bytes each where w is not negative. ``MAP r``: blocks of keys and
items. ``CALL r``. ``MARK j``: the position here is mark j. ``RETURN``.
"""
_WIDTHS: Final = {"null": 0, "boolean": 1, "float": 4, "double": 8}
_ABSENT: Final = -1


@dataclass(frozen=True)
class Program:
    """How to pass over a record.

    Attributes
    ----------
    code : ndarray of int64, shape (I, 3)
        Instructions.
    table : ndarray of int64, shape (T,)
        Routines of union branches: positions in `code`.
    start : int
        Where the record's own routine starts.
    marks : dict of str to int
        Wanted paths and the numbers of their marks; the position of a mark is that of the value,
        behind the index of its union.
    fields : tuple of str
        Top-level fields, whose starts are marks 0, 1 ... and whose end is the mark after them.
    """

    code: npt.NDArray[np.int64]
    table: npt.NDArray[np.int64]
    start: int
    marks: dict[str, int]
    fields: tuple[str, ...]


def program_of(schema: Any, named: Mapping[str, Any], paths: Collection[str] = ()) -> Program:
    """Compile a record's schema.

    Parameters
    ----------
    schema : object
        A record's schema as `hstamp.container.schema.check_schema` returns it: types do not
        contain themselves, names are known.
    named : mapping of str to object
        Its named types.
    paths : collection of str
        Fields of records inside the record whose positions are wanted, with dots.
    """
    compiler = _Compiler(named, paths)
    start = compiler.record(schema)
    return Program(
        np.array(compiler.code, dtype=np.int64).reshape(-1, 3),
        np.array(compiler.table, dtype=np.int64),
        start,
        compiler.marks,
        tuple(field["name"] for field in schema["fields"]),
    )


class _Compiler:
    def __init__(self, named: Mapping[str, Any], paths: Collection[str]) -> None:
        self.code: list[tuple[int, int, int]] = []
        self.table: list[int] = []
        self.marks: dict[str, int] = {}
        self._named = named
        self._wanted = set(paths)
        # Every step on the way to a wanted field is walked, not called.
        self._open = {path[:at] for path in paths for at in range(len(path)) if path[at] == "."}
        self._routines: dict[str, int] = {}
        self._widths: dict[str, int | None] = {}

    def record(self, schema: Any) -> int:
        """Routine of the outermost record: a mark at every field and at the end."""
        count = len(schema["fields"])
        self._next = count + 1

        def body(emit: Callable[[int, int, int], None]) -> None:
            for number, field in enumerate(schema["fields"]):
                emit(MARK, number, 0)
                self._value(field["type"], emit, field["name"])
            emit(MARK, count, 0)

        return self._routine(body)

    def _routine(self, body: Callable[[Callable[[int, int, int], None]], None]) -> int:
        """Code of a routine; those that it needs come before it."""
        own: list[tuple[int, int, int]] = []

        def emit(operation: int, a: int = 0, b: int = 0) -> None:
            if operation == JUMP and own and own[-1][0] == JUMP:
                own[-1] = (JUMP, own[-1][1] + a, 0)
            elif operation != JUMP or a:
                own.append((operation, a, b))

        body(emit)
        start = len(self.code)
        self.code += [*own, (RETURN, 0, 0)]
        return start

    def _value(self, kind: Any, emit: Callable[[int, int, int], None], path: str) -> None:
        """Instructions for a value; a wanted one is marked."""
        kind = self._definition(kind)
        inner = path in self._open and isinstance(kind, Mapping) and kind["type"] == "record"
        if path in self._wanted and not isinstance(kind, list):
            self._mark(path, emit)
        width = None if inner or isinstance(kind, list) else self._width(kind)
        if width is not None:
            emit(JUMP, width, 0)
        elif isinstance(kind, list):
            routines = [self._branch(branch, path) for branch in kind]
            emit(UNION, len(routines), len(self.table))
            self.table += routines
        else:
            self._typed(kind, emit, path, inner)

    def _typed(
        self, kind: Any, emit: Callable[[int, int, int], None], path: str, inner: bool
    ) -> None:
        name = kind["type"] if isinstance(kind, Mapping) else kind
        if name == "record":
            if inner:
                for field in kind["fields"]:
                    self._value(field["type"], emit, f"{path}.{field['name']}")
            else:
                emit(CALL, self._shared(kind), 0)
        elif name == "array":
            width = self._width(self._definition(kind["items"]))
            routine = _ABSENT if width is not None else self._item(kind["items"])
            emit(ARRAY, routine, _ABSENT if width is None else width)
        elif name == "map":
            emit(MAP, self._item(kind["values"]), 0)
        elif name in ("int", "enum"):
            emit(INT, 0, 0)
        elif name == "long":
            emit(LONG, 0, 0)
        else:
            emit(BYTES, 0, 0)

    def _mark(self, path: str, emit: Callable[[int, int, int], None]) -> None:
        if path not in self.marks:
            self.marks[path] = self._next
            self._next += 1
        emit(MARK, self.marks[path], 0)

    def _branch(self, kind: Any, path: str) -> int:
        kind = self._definition(kind)
        if path in self._open or (path in self._wanted and kind != "null"):
            return self._routine(lambda emit: self._value(kind, emit, path))
        return self._item(kind)

    def _item(self, kind: Any) -> int:
        """Routine of a value that nobody wants; one for each name."""
        kind = self._definition(kind)
        if isinstance(kind, Mapping) and "name" in kind and kind["type"] == "record":
            return self._shared(kind)
        return self._routine(lambda emit: self._value(kind, emit, ""))

    def _shared(self, record: Any) -> int:
        name = record["name"]
        if name not in self._routines:

            def body(emit: Callable[[int, int, int], None]) -> None:
                for field in record["fields"]:
                    self._value(field["type"], emit, "")

            self._routines[name] = self._routine(body)
        return self._routines[name]

    def _definition(self, kind: Any) -> Any:
        return self._named.get(kind, kind) if isinstance(kind, str) else kind

    def _width(self, kind: Any) -> int | None:
        """Bytes that every value of a type takes, or None where they differ."""
        if isinstance(kind, list):
            return None
        name = kind["type"] if isinstance(kind, Mapping) else kind
        if name == "fixed":
            return int(kind["size"])
        if name != "record":
            return _WIDTHS.get(name)
        full = kind["name"]
        if full not in self._widths:
            widths = [self._width(self._definition(field["type"])) for field in kind["fields"]]
            known = [width for width in widths if width is not None]
            self._widths[full] = sum(known) if len(known) == len(widths) else None
        return self._widths[full]
