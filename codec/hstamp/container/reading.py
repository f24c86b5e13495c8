"""Stamps out of records of any writer's schema: Avro 1.11's resolution, read within bounds.

General Avro libraries take longs of any length, negative union indices and false block sizes, and
build every item of an array that they are told to skip. What the specification rejects (E_AVRO) is
rejected here, and what is not a stamp is passed over without being built [CO-6], [DE-4].
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, TypeAlias

import numpy as np

from ..planes import Record
from .as_dict import dict_to_record
from .avro import Cursor, read_record
from .schema import STAMP_SCHEMA, branches, is_stamp

__all__ = ["Located", "record_reader"]

Read: TypeAlias = Callable[[Cursor], Any]
Skip: TypeAlias = Callable[[Cursor], None]
Located: TypeAlias = tuple[str | None, Record]
"""A stamp's record and the name of the field that holds it."""

_WIDTHS: Final = {"null": 0, "boolean": 1, "float": 4, "double": 8}


def record_reader(schema: Any, fields: tuple[str, ...]) -> Callable[[Cursor], list[Located]]:
    """Return what reads one record of a file and gives its stamps.

    Parameters
    ----------
    schema : object
        Writer's schema as `hstamp.container.schema.check_schema` returns it.
    fields : tuple of str
        Where it holds stamps, as `hstamp.container.schema.stamp_fields` says.

    Returns
    -------
    callable
        Takes a `Cursor` at a record and returns its stamps in the order of fields, parsed but not
        checked. It raises `FormatError` with code E_AVRO.
    """
    types = _Types(schema)
    if not fields:
        whole = _stamp_reader(schema, types)

        def only(cursor: Cursor) -> list[Located]:
            return [(None, whole(cursor))]

        return only
    steps: list[tuple[str | None, Read]] = []
    for field in schema["fields"]:
        if field["name"] in fields:
            steps.append((field["name"], _branch_reader(field["type"], types)))
        else:
            steps.append((None, types.skipper(field["type"])))

    def read(cursor: Cursor) -> list[Located]:
        found: list[Located] = []
        for name, step in steps:
            value = step(cursor)
            if name is not None and value is not None:
                found.append((name, value))
        return found

    return read


def _definitions(kind: Any) -> Iterator[tuple[str, Any]]:
    """Full name and definition of every named type written in a parsed schema."""
    for part in branches(kind):
        if not isinstance(part, Mapping):
            continue
        if "name" in part:
            yield part["name"], part
        for inner in ("items", "values"):
            if inner in part:
                yield from _definitions(part[inner])
        for field in part.get("fields", ()):
            yield from _definitions(field["type"])


def _branch_reader(kind: Any, types: _Types) -> Read:
    """Read a field that may hold a stamp; other values are passed over and give None."""
    if not isinstance(kind, list):
        return _stamp_reader(kind, types)
    return _union([_stamp_reader(b, types) if is_stamp(b) else types.skipper(b) for b in kind])


def _stamp_reader(kind: Any, types: _Types) -> Callable[[Cursor], Record]:
    writer = types.definition(kind)
    if _same(writer, STAMP_SCHEMA, types):
        return read_record
    fields = _reader(writer, STAMP_SCHEMA, types, "stamp")
    return lambda cursor: dict_to_record(fields(cursor))


def _same(writer: Any, reader: Any, types: _Types) -> bool:
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
    count = len(readers)

    def read(cursor: Cursor) -> Any:
        return readers[cursor.branch(count)](cursor)

    return read


def _reader(writer: Any, reader: Any, types: _Types, what: str) -> Read:
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
        return lambda cursor: list(cursor.array(what, lambda: item(cursor)))
    return _number(wrote, read, what) or _text(read, what)


def _fields_reader(writer: Any, reader: Any, types: _Types, what: str) -> Read:
    wanted = {field["name"]: field["type"] for field in reader["fields"]}
    steps: list[tuple[str | None, Read]] = []
    for field in writer["fields"]:
        name = field["name"]
        if name in wanted:
            steps.append((name, _reader(field["type"], wanted[name], types, f"{what}.{name}")))
        else:
            steps.append((None, types.skipper(field["type"])))

    def read(cursor: Cursor) -> dict[str, Any]:
        out = {}
        for name, step in steps:
            value = step(cursor)
            if name is not None:
                out[name] = value
        return out

    return read


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


class _Types:
    """Named types of a writer's schema, and how to pass over values.

    What is built for a name is built once: names that use names can stand for more types than
    could ever be written out.
    """

    def __init__(self, schema: Any) -> None:
        self._named = dict(_definitions(schema))
        self._widths: dict[str, int | None] = {}
        self._skippers: dict[str, Skip] = {}

    def definition(self, kind: Any) -> Any:
        """Return the type that a name stands for; other types as they are."""
        return self._named.get(kind, kind) if isinstance(kind, str) else kind

    def width(self, kind: Any) -> int | None:
        """Bytes that every value of a type takes, or None where they differ."""
        if isinstance(kind, list):
            return None
        if isinstance(kind, str) and kind not in self._named:
            return _WIDTHS.get(kind)
        part = self.definition(kind)
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

    def skipper(self, kind: Any) -> Skip:
        """Return what passes over a value of a type, with its Avro form checked."""
        part = self.definition(kind)
        if not isinstance(part, Mapping) or "name" not in part:
            return self._skipper(part)
        name = part["name"]
        if name not in self._skippers:
            self._skippers[name] = self._skipper(part)
        return self._skippers[name]

    def _skipper(self, part: Any) -> Skip:
        width = self.width(part)
        if width is not None:
            return _jump(width)
        if isinstance(part, list):
            return _union([self.skipper(branch) for branch in part])
        name = _name(part)
        if name == "record":
            return self._fields_skipper(part)
        if name == "array":
            each = self.skipper(part["items"])
            return lambda cursor: cursor.items("an array", lambda: each(cursor))
        if name == "map":
            value = self.skipper(part["values"])

            def entry(cursor: Cursor) -> None:
                cursor.skip(cursor.long("a key"), "a key")
                value(cursor)

            return lambda cursor: cursor.items("a map", lambda: entry(cursor))
        if name in ("int", "enum"):
            return lambda cursor: _drop(cursor.int(name))
        if name == "long":
            return lambda cursor: _drop(cursor.long(name))
        return lambda cursor: cursor.skip(cursor.long(name), name)

    def _fields_skipper(self, record: Any) -> Skip:
        steps: list[Skip] = []
        run = 0
        for field in record["fields"]:
            width = self.width(field["type"])
            if width is not None:
                run += width
                continue
            if run:
                steps.append(_jump(run))
            run = 0
            steps.append(self.skipper(field["type"]))
        if run:
            steps.append(_jump(run))

        def skip(cursor: Cursor) -> None:
            for step in steps:
                step(cursor)

        return skip


def _drop(value: int) -> None:
    """Forget a number whose form was all that mattered."""


def _jump(width: int) -> Skip:
    return lambda cursor: cursor.skip(width, "a value")
