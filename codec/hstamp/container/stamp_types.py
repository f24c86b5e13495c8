"""A stamp under any writer's schema that resolves to ours: Avro 1.11's resolution [CO-6].

General Avro libraries take longs of any length, negative union indices and false block sizes. What
the specification rejects (E_AVRO) is rejected here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import numpy as np

from ..planes import Record
from .as_dict import dict_to_record
from .avro import Cursor, read_record
from .schema import STAMP_SCHEMA
from .skipping import Types

__all__ = ["has_our_form", "stamp_reader"]

Read: TypeAlias = Callable[[Cursor], Any]


def stamp_reader(kind: Any, types: Types) -> Callable[[Cursor], Record]:
    """Return what reads a stamp's record.

    Parameters
    ----------
    kind : object
        The stamp's type in the writer's schema, or its name.
    types : Types
        Types of that schema.
    """
    writer = types.definition(kind)
    if has_our_form(writer, types):
        return read_record
    fields = _reader(writer, STAMP_SCHEMA, types, "stamp")
    return lambda cursor: dict_to_record(fields(cursor))


def has_our_form(kind: Any, types: Types) -> bool:
    """Whether a stamp's type in a writer's schema has the very bytes of format 1.0."""
    return _same(kind, STAMP_SCHEMA, types)


def _same(writer: Any, reader: Any, types: Types) -> bool:
    """Whether a type's values have the very bytes of another's."""
    writer = types.definition(writer)
    if isinstance(reader, list) or isinstance(writer, list):
        return (
            isinstance(writer, list)
            and isinstance(reader, list)
            and len(writer) == len(reader)
            and all(_same(w, r, types) for w, r in zip(writer, reader, strict=True))
        )
    name = _name(reader)
    if _name(writer) != name:
        return False
    if name == "array":
        return _same(writer["items"], reader["items"], types)
    if name != "record":
        return True
    ours, theirs = reader["fields"], writer["fields"]
    return len(ours) == len(theirs) and all(
        w["name"] == r["name"] and _same(w["type"], r["type"], types)
        for w, r in zip(theirs, ours, strict=True)
    )


def _name(kind: Any) -> Any:
    return kind["type"] if isinstance(kind, Mapping) else kind


def _union(readers: list[Read]) -> Read:
    def read(cursor: Cursor) -> Any:
        return readers[cursor.branch(len(readers))](cursor)

    return read


def _reader(writer: Any, reader: Any, types: Types, what: str) -> Read:
    """Read a value of one schema as another; `hstamp.container.resolution` has allowed it."""
    writer = types.definition(writer)
    if isinstance(writer, list):
        return _union([_reader(branch, reader, types, what) for branch in writer])
    wrote = _name(writer)
    if wrote == "null":
        return lambda cursor: None
    if isinstance(reader, list):
        (reader,) = (branch for branch in reader if branch != "null")
    read = _name(reader)
    if read == "record":
        return _fields_reader(writer, reader, types, what)
    if read == "array":
        item = _reader(writer["items"], reader["items"], types, what)
        rest, cost = types.many(writer["items"]), 1 + types.weight(writer["items"])
        return lambda cursor: list(cursor.array(what, lambda: item(cursor), rest, cost))
    return _number(wrote, read, what) or _text(read, what)


def _fields_reader(writer: Any, reader: Any, types: Types, what: str) -> Read:
    wanted = {field["name"]: field["type"] for field in reader["fields"]}
    steps: list[tuple[str | None, Read]] = []
    cost = types.cost(f["type"] for f in writer["fields"] if f["name"] not in wanted)
    for field in writer["fields"]:
        name = field["name"]
        if name in wanted:
            steps.append((name, _reader(field["type"], wanted[name], types, f"{what}.{name}")))
        else:
            steps.append((None, _passed_over(field, types)))

    def read(cursor: Cursor) -> dict[str, Any]:
        cursor.tally.add(cost)
        out = {}
        for name, step in steps:
            value = step(cursor)
            if name is not None:
                out[name] = value
        return out

    return read


def _passed_over(field: Mapping[str, Any], types: Types) -> Read:
    skip = types.fields_skipper([field["type"]])
    return lambda cursor: cursor.pass_over(skip, field["name"])


def _number(wrote: str, read: str, what: str) -> Read | None:
    if read == "int":
        return lambda cursor: cursor.int(what)
    if read not in ("float", "double"):
        return None
    if wrote == "float":
        return lambda cursor: cursor.float(what)
    if wrote == "double":
        return lambda cursor: cursor.double(what)
    integer: Callable[[Cursor], int]
    integer = (lambda c: c.int(what)) if wrote == "int" else (lambda c: c.long(what))
    if read == "double":
        return lambda cursor: float(integer(cursor))
    # A promoted integer is rounded once, to the type of the field.
    return lambda cursor: float(np.int64(integer(cursor)).astype(np.float32))


def _text(read: str, what: str) -> Read:
    if read == "string":
        return lambda cursor: cursor.text(what)
    return lambda cursor: cursor.bytes(what)
