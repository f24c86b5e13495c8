"""Records of any writer's schema: stamps, chosen fields, and where every field lies.

What is neither a stamp nor chosen is passed over without being built [CO-6], [DE-4]. Logical types
play no part: a chosen timestamp, decimal or uuid is the number, bytes or text that was written.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final, TypeAlias

from ..errors import FormatError
from ..fast import compiled
from ..planes import Record
from .avro import Cursor
from .program import Walk, walk_of
from .schema import branches, check_schema, is_stamp, stamp_fields
from .skipping import Skip, Types, int_at, long_at, union_index
from .stamp_types import has_our_form, stamp_reader
from .tally import Tally

__all__ = ["Located", "Reading", "RecordReader", "Writer"]

Located: TypeAlias = tuple[str | None, Record]
"""Name of the field that holds a stamp (None where the record is the stamp), and its record."""
Value: TypeAlias = Callable[[bytes, int, Tally], tuple[Any, int]]
"""Reads a value: gives it and the position behind it."""
_Tree: TypeAlias = dict[str, "_Tree"]

_FIXED: Final = {
    "boolean": struct.Struct("<?"), "float": struct.Struct("<f"), "double": struct.Struct("<d"),
}  # fmt: skip
_MANY: Final = 3
"""Fields that are passed over from which a compiled program is quicker than plain steps."""
_PLAIN_COST: Final = 1e-4
"""What a record takes without a kernel [s]."""
_ONE_BYTE: Final = 64
"""Branches of a union whose indices take one byte each."""
_MAX_LEAVES: Final = 256
"""Fields of a record that is chosen as a whole."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One record.

    Attributes
    ----------
    stamps : list of (str or None, Record)
        Its stamps in the order of fields, parsed but not checked.
    values : dict
        Chosen fields by name; those of inner records in dictionaries of their own.
    stops : list of int
        Where each top-level field ends, in the bytes that were read.
    stop : int
        Where the record ends.
    """

    stamps: list[Located]
    values: dict[str, Any]
    stops: list[int]
    stop: int


class RecordReader:
    """Reads the records of a file; compiled from its writer's schema.

    Parameters
    ----------
    schema : object
        Writer's schema as `hstamp.container.schema.check_schema` returns it.
    stamps : tuple of str or None
        Where it holds stamps, as `hstamp.container.schema.stamp_fields` says.
    fields : collection of str
        Other fields to read: names, or paths such as ``diaSource.ra``. A path that ends at a
        record means its numbers, texts and bytes. Fields that the schema lacks are left out;
        arrays and maps are never read and give None.

    Raises
    ------
    FormatError
        With code E_SCHEMA if the schema's values are not records.
    """

    def __init__(
        self, schema: Any, stamps: tuple[str, ...] | None, fields: Collection[str] = ()
    ) -> None:
        types = self._types = Types(schema)
        if not isinstance(schema, Mapping) or "fields" not in schema:
            raise FormatError("E_SCHEMA", "the file holds values that are not records")
        self._whole = stamp_reader(schema, types) if stamps == () else None
        self._tree = _tree(fields)
        wanted = self._wanted = {*self._tree, *(stamps or ())}
        self._schema = schema
        passed = [field["type"] for field in schema["fields"] if field["name"] not in wanted]
        self._cost = 0 if self._whole else types.cost(passed)
        self._steps: list[tuple[str | None, str | None, Value]] = []
        for field in schema["fields"] if self._whole is None else ():
            name, kind = field["name"], field["type"]
            if name in (stamps or ()):
                self._steps.append((name, None, _stamp(kind, types)))
            elif name in self._tree:
                self._steps.append((None, name, _value(kind, self._tree[name], types)))
            else:
                self._steps.append((None, None, _nothing(types.fields_skipper([kind]))))

        # A program pays where it stands for many steps; others end before it has begun.
        self._may_walk = len(passed) >= _MANY
        self._walk: Walk | None = None

        self._empty: list[Skip] = []
        self._same: tuple[re.Pattern[bytes], int] | None = None
        if stamps and not self._tree:
            nulls = {
                f["name"]: _null_of(f["type"]) for f in schema["fields"] if f["name"] in stamps
            }
            if None not in nulls.values():
                self._empty = _empty_steps(schema, nulls, types)
                self._same = _empty_records(schema, nulls, types)

    def pass_empty(self, data: bytes, position: int, count: int, tally: Tally) -> tuple[int, int]:
        """Pass over records without stamps, of which a block can hold millions.

        Returns
        -------
        position : int
            Where the first record lies that was not passed over: it has a stamp or a fault.
        done : int
            Number of records passed over, at most `count`.
        """
        end, cost, steps = len(data), self._cost, self._empty
        if self._same is not None:
            pattern, width = self._same
            most = min(count, (tally.limit - tally.used) // cost) if cost else count
            run = pattern.match(data, position, min(position + most * width, end))
            done = 0 if run is None else (run.end() - position) // width
            tally.add(done * cost)
            return position + done * width, done
        for done in range(count if steps else 0):
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
        return position, count if steps else 0

    def __call__(self, data: bytes, position: int, tally: Tally) -> Reading:
        """Read the record at a position.

        Raises
        ------
        FormatError
            With code E_AVRO, or E_LIMIT where too much is passed over.
        """
        try:
            reading = self._read(data, position, tally)
        except (IndexError, OverflowError, struct.error) as error:
            raise FormatError("E_AVRO", "the bytes end early") from error
        if reading.stop > len(data):
            raise FormatError("E_AVRO", "the bytes end early")
        return reading

    def _read(self, data: bytes, position: int, tally: Tally) -> Reading:
        if self._whole is not None:
            cursor = Cursor(data, position, tally)
            return Reading([(None, self._whole(cursor))], {}, [], cursor.position)
        if self._may_walk and (reading := self._walked(data, position, tally)) is not None:
            return reading
        tally.add(self._cost)
        found: list[Located] = []
        values: dict[str, Any] = {}
        stops: list[int] = []
        for stamp, name, step in self._steps:
            value, position = step(data, position, tally)
            stops.append(position)
            if name is not None:
                values[name] = value
            elif stamp is not None and value is not None:
                found.append((stamp, value))
        return Reading(found, values, stops, position)

    def _walked(self, data: bytes, position: int, tally: Tally) -> Reading | None:
        """Record by the compiled program; None where the plain steps have to read it."""
        starts = self.walk(data, position, tally)
        if starts is None:
            return None
        found: list[Located] = []
        values: dict[str, Any] = {}
        before = tally.used
        tally.used = tally.limit - starts[-1]
        try:
            for number, (stamp, name, step) in enumerate(self._steps):
                if name is not None:
                    values[name] = step(data, starts[number], tally)[0]
                elif stamp is not None:
                    value = step(data, starts[number], tally)[0]
                    if value is not None:
                        found.append((stamp, value))
        except Exception:  # what is wrong, and what came first, the plain steps say
            tally.used = before
            return None
        return Reading(found, values, starts[1:-1], starts[-2])

    def walk(self, data: bytes, position: int, tally: Tally) -> list[int] | None:
        """Where the fields of a record lie, without reading any.

        Returns
        -------
        list of int or None
            The start of each top-level field, the end of the record, and how many values may still
            be passed over. None where no kernel can be used or the record is at fault.
        """
        if not self._may_walk or not compiled(_PLAIN_COST):
            return None
        if self._walk is None:
            self._walk = walk_of(self._schema, self._types, self._wanted)
        if self._walk is None:
            self._may_walk = False
            return None
        return self._walk(data, position, tally.limit - tally.used)


class Writer:
    """What a writer's schema says, worked out once for all files and messages that carry it.

    Parameters
    ----------
    written : object
        The schema as parsed JSON.

    Attributes
    ----------
    written : object
    schema : object
        The same as `hstamp.container.schema.check_schema` gives it.
    stamps : tuple of str or None
        Where it holds stamps, as `hstamp.container.schema.stamp_fields` says.

    Raises
    ------
    FormatError
        With code E_SCHEMA.
    """

    def __init__(self, written: Any) -> None:
        self.written = written
        self.schema = check_schema(written)
        self.stamps = stamp_fields(self.schema)
        self._readers: dict[frozenset[str], RecordReader] = {}

    @property
    def name(self) -> str | None:
        """Full name of the record; None where the values are not records."""
        return self.schema.get("name") if isinstance(self.schema, Mapping) else None

    def reader(self, fields: Collection[str] = ()) -> RecordReader:
        """Return what reads the stamps and these fields."""
        wanted = frozenset(fields)
        if wanted not in self._readers:
            self._readers[wanted] = RecordReader(self.schema, self.stamps, wanted)
        return self._readers[wanted]

    def places_of_stamps(self) -> tuple[tuple[int, str, int, int], ...] | None:
        """Where stamps lie whose bytes are those of format 1.0.

        Returns
        -------
        tuple of (int, str, int, int) or None
            For each stamp field: its number among the record's fields, its name, and the bytes
            that stand for null and for a stamp in its union (-1 for null where it has none). None
            where one of the fields has another form.
        """
        if not self.stamps:
            return ()
        types = Types(self.schema)
        places = []
        for number, field in enumerate(self.schema["fields"]):
            if field["name"] not in self.stamps:
                continue
            kinds = field["type"]
            if not isinstance(kinds, list) or len(kinds) > _ONE_BYTE:
                return None
            ours = [2 * i for i, kind in enumerate(kinds) if is_stamp(kind)]
            if len(ours) != 1 or not has_our_form(kinds[ours[0] // 2], types):
                return None
            null = _null_of(kinds)
            places.append((number, field["name"], -1 if null is None else null, ours[0]))
        return tuple(places)


def _tree(paths: Collection[str]) -> _Tree:
    tree: _Tree = {}
    for path in paths:
        node = tree
        for name in path.split("."):
            node = node.setdefault(name, {})
    return tree


class _StampAheadError(Exception):
    """A record holds a stamp, or something else that is rare where one may be."""


def _null_of(kind: Any) -> int | None:
    """Byte that stands for null in a union, where it has one."""
    return 2 * kind.index("null") if isinstance(kind, list) and "null" in kind[:64] else None


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


def _nothing(skip: Skip) -> Value:
    return lambda data, position, tally: (None, skip(data, position, tally))


def _stamp(kind: Any, types: Types) -> Value:
    """Read a field that may hold a stamp; other values are passed over and give None."""
    if not isinstance(kind, list):
        read = stamp_reader(kind, types)

        def stamp(data: bytes, position: int, tally: Tally) -> tuple[Any, int]:
            cursor = Cursor(data, position, tally)
            return read(cursor), cursor.position

        return stamp
    return _union([
        _stamp(branch, types) if is_stamp(branch) else _nothing(types.branch_skipper(branch))
        for branch in kind
    ])  # fmt: skip


def _union(readers: list[Value]) -> Value:
    def read(data: bytes, position: int, tally: Tally) -> tuple[Any, int]:
        index, position = union_index(data, position, len(readers))
        return readers[index](data, position, tally)

    return read


def _value(kind: Any, tree: _Tree, types: Types) -> Value:
    part = types.definition(kind)
    if isinstance(part, list):
        return _union([_value(branch, tree, types) for branch in part])
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
    return _nothing(types.branch_skipper(part))


def _leaves(record: Any, types: Types) -> _Tree:
    """Fields of a record that are neither records, arrays nor maps."""
    made = ("record", "error", "array", "map")
    leaves: _Tree = {}
    for field in record["fields"][:_MAX_LEAVES]:
        kinds = [types.definition(branch) for branch in branches(types.definition(field["type"]))]
        if not any(isinstance(kind, Mapping) and kind["type"] in made for kind in kinds):
            leaves[field["name"]] = {}
    return leaves


def _fields(record: Any, tree: _Tree, types: Types) -> Value:
    steps: list[tuple[str | None, Value]] = []
    passed: list[Any] = []

    def flush() -> None:
        if passed:
            steps.append((None, _nothing(types.fields_skipper(list(passed)))))
            passed.clear()

    for field in record["fields"]:
        if field["name"] in tree:
            flush()
            steps.append((field["name"], _value(field["type"], tree[field["name"]], types)))
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
