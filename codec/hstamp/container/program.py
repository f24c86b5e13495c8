"""A writer's schema as a program that passes over records: [CO-6] without building anything.

General Avro libraries build every value of a record. Who wants a few fields of an alert needs to
know where these lie and nothing else, and that follows from the schema: a program of twelve
instructions that `hstamp.fast.walk` carries out. It counts what `hstamp.container.skipping` counts
[LI-4], and where it gives no answer, those skippers have the last word.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt

from .skipping import Types

__all__ = ["Program", "Walk", "program_of", "walk_of"]

JUMP, LONG, INT, BYTES, UNION, ARRAY, MAP, CALL, MARK, RETURN, COUNT, CHOICE = range(12)
"""Instructions; each is a row of operation and three operands.

``JUMP n``: n bytes. ``LONG``, ``INT``: a number. ``BYTES``: a length and that many bytes.
``UNION k t``: a branch of k, whose routine is entry t + branch of the table. ``ARRAY r w c``:
blocks of items with routine r, or of w bytes each where w is not negative, that count c each.
``MAP r _ c``: blocks of keys and items. ``CALL r``. ``MARK j``: the position here is mark j.
``RETURN``. ``COUNT n``: n values are passed over. ``CHOICE k t m``: m unions, each a branch of
k, whose width is entry t + branch of the table.
"""
_ABSENT: Final = -1
_Emit = Callable[..., None]
Walk: TypeAlias = Callable[[bytes, int, int], list[int] | None]
"""See `walk_of`."""


@dataclass(frozen=True)
class Program:
    """How to pass over a record.

    Attributes
    ----------
    code : ndarray of int64, shape (I, 4)
        Instructions.
    table : ndarray of int64, shape (T,)
        Of union branches, their widths or their routines: positions in `code`.
    start : int
        Where the record's own routine starts.
    fields : tuple of str
        Top-level fields, whose starts are marks 0, 1 ... and whose end is the mark after them.
    """

    code: npt.NDArray[np.int64]
    table: npt.NDArray[np.int64]
    start: int
    fields: tuple[str, ...]


def walk_of(schema: Any, types: Types, wanted: Collection[str] = ()) -> Walk | None:
    """Return what carries a record's program out; None where the kernel cannot be used.

    It takes bytes, the position of a record and how many values may be passed over, and gives the
    start of each top-level field, the end of the record, and how many values still may be. It
    gives None where the record is at fault.
    """
    try:
        from ..fast.walk import walk
    except Exception:  # whatever a broken installation raises: the plain skippers do without
        return None
    program = program_of(schema, types, wanted)
    size = len(program.fields) + 2

    def run(data: bytes, position: int, budget: int) -> list[int] | None:
        marks = np.empty(size, dtype=np.int64)
        marks[-1] = budget
        buffer = np.frombuffer(data, np.uint8)
        if walk(buffer, position, program.code, program.table, program.start, marks) < 0:
            return None
        return marks.tolist()

    return run


def program_of(schema: Any, types: Types, wanted: Collection[str] = ()) -> Program:
    """Compile a record's schema.

    Parameters
    ----------
    schema : object
        A record's schema as `hstamp.container.schema.check_schema` returns it: types do not
        contain themselves, names are known.
    types : Types
        Its named types.
    wanted : collection of str
        Top-level fields that are read by other means after the program, so that nothing in them
        counts as passed over.
    """
    compiler = _Compiler(types)
    start = compiler.record(schema, wanted)
    return Program(
        np.array(compiler.code, dtype=np.int64).reshape(-1, 4),
        np.array(compiler.table, dtype=np.int64),
        start,
        tuple(field["name"] for field in schema["fields"]),
    )


class _Compiler:
    def __init__(self, types: Types) -> None:
        self.code: list[tuple[int, int, int, int]] = []
        self.table: list[int] = []
        self._types = types
        self._counting = True
        self._widths: dict[tuple[int, ...], int] = {}
        self._routines: dict[tuple[str, bool], int] = {}

    def record(self, schema: Any, wanted: Collection[str]) -> int:
        """Routine of the outermost record: a mark at every field and at the end."""
        fields = schema["fields"]

        def body(emit: _Emit) -> None:
            emit(COUNT, self._types.cost(f["type"] for f in fields if f["name"] not in wanted))
            for number, field in enumerate(fields):
                emit(MARK, number)
                self._counting = field["name"] not in wanted
                self._value(field["type"], emit)
            emit(MARK, len(fields))

        return self._routine(body)

    def _routine(self, body: Callable[[_Emit], None]) -> int:
        """Code of a routine; those that it needs come before it."""
        own: list[tuple[int, int, int, int]] = []

        def emit(operation: int, a: int = 0, b: int = 0, c: int = 0) -> None:
            if operation == JUMP and own and own[-1][0] == JUMP:
                own[-1] = (JUMP, own[-1][1] + a, 0, 0)
            elif operation == CHOICE and own and own[-1][:3] == (CHOICE, a, b):
                own[-1] = (CHOICE, a, b, own[-1][3] + c)
            elif operation not in (JUMP, COUNT) or a:
                own.append((operation, a, b, c))

        body(emit)
        start = len(self.code)
        self.code += [*own, (RETURN, 0, 0, 0)]
        return start

    def _value(self, kind: Any, emit: _Emit) -> None:
        """Instructions for a value."""
        kind = self._types.definition(kind)
        width = self._types.width(kind)
        name = kind["type"] if isinstance(kind, Mapping) else kind
        if width is not None:
            emit(JUMP, width)
        elif (widths := self._types.choices(kind)) is not None:
            if widths not in self._widths:
                self._widths[widths] = len(self.table)
                self.table += widths
            emit(CHOICE, len(widths), self._widths[widths], 1)
        elif isinstance(kind, list):
            routines = [self._branch(branch) for branch in kind]
            emit(UNION, len(routines), len(self.table))
            self.table += routines
        elif name == "record":
            emit(CALL, self._shared(kind))
        elif name == "array":
            width = self._types.width(kind["items"])
            routine = _ABSENT if width is not None else self._item(kind["items"])
            cost = self._cost(kind["items"])
            emit(ARRAY, routine, _ABSENT if width is None else width, cost)
        elif name == "map":
            emit(MAP, self._item(kind["values"]), 0, self._cost(kind["values"]))
        elif name in ("int", "enum"):
            emit(INT)
        elif name == "long":
            emit(LONG)
        else:
            emit(BYTES)

    def _cost(self, kind: Any) -> int:
        """What an item of an array or map counts."""
        return 1 + self._types.weight(kind) if self._counting else 0

    def _branch(self, kind: Any) -> int:
        """Routine of a branch of a union, whose fields count when its index is known."""
        weight = self._types.weight(kind) if self._counting else 0
        if not weight:
            return self._item(kind)

        def body(emit: _Emit) -> None:
            emit(COUNT, weight)
            self._value(kind, emit)

        return self._routine(body)

    def _item(self, kind: Any) -> int:
        """Routine of a value; one for each name."""
        part = self._types.definition(kind)
        if isinstance(part, Mapping) and part["type"] == "record":
            return self._shared(part)
        return self._routine(lambda emit: self._value(part, emit))

    def _shared(self, record: Any) -> int:
        key = record["name"], self._counting
        if key not in self._routines:

            def body(emit: _Emit) -> None:
                for field in record["fields"]:
                    self._value(field["type"], emit)

            self._routines[key] = self._routine(body)
        return self._routines[key]
