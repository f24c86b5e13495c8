"""Records of any writer's schema: stamps, chosen fields, and where every field lies.

What is neither a stamp nor chosen is passed over without being built [CO-6], [DE-4]. Logical types
play no part: a chosen timestamp, decimal or uuid is the number, bytes or text that was written.
"""

from __future__ import annotations

import struct
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from ..errors import FormatError
from ..fast import compiled
from ..planes import Record
from .avro import Cursor
from .chosen import Value, passed_over, stamp_of, tree_of, value_of
from .empty import empty_passer
from .program import Walk, walk_of
from .skipping import Types
from .stamp_types import stamp_reader
from .tally import Tally

__all__ = ["Located", "Reading", "RecordReader"]

Located: TypeAlias = tuple[str | None, Record]
"""Name of the field that holds a stamp (None where the record is the stamp), and its record."""

_MANY: Final = 3
"""Fields that are passed over from which a compiled program is quicker than plain steps."""
_PLAIN_COST: Final = 1e-4
"""What a record takes without a kernel [s]."""


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

    Attributes
    ----------
    pass_empty : callable
        Passes over records without stamps where nothing else was asked for, see
        `hstamp.container.empty.PassEmpty`.

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
        self._tree = tree_of(fields)
        wanted = self._wanted = {*self._tree, *(stamps or ())}
        self._schema = schema
        passed = [field["type"] for field in schema["fields"] if field["name"] not in wanted]
        self._cost = 0 if self._whole else types.cost(passed)
        self._steps: list[tuple[str | None, str | None, Value]] = []
        for field in schema["fields"] if self._whole is None else ():
            name, kind = field["name"], field["type"]
            if name in (stamps or ()):
                self._steps.append((name, None, stamp_of(kind, types)))
            elif name in self._tree:
                self._steps.append((None, name, value_of(kind, self._tree[name], types)))
            else:
                self._steps.append((None, None, passed_over(types.fields_skipper([kind]))))

        # A program pays where it stands for many steps; others end before it has begun.
        self._may_walk = len(passed) >= _MANY
        self._walk: Walk | None = None

        self.pass_empty = empty_passer(
            schema, () if self._tree else stamps or (), types, self._cost
        )

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
