"""A writer's schema, worked out once for all files and messages that carry it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final

from .empty import null_byte
from .reading import RecordReader
from .schema import check_schema, is_stamp, stamp_fields
from .skipping import Types
from .stamp_types import has_our_form

__all__ = ["Writer"]

_ONE_BYTE: Final = 64
"""Branches of a union whose indices take one byte each."""


class Writer:
    """What a writer's schema says.

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
            null = null_byte(kinds)
            places.append((number, field["name"], -1 if null is None else null, ours[0]))
        return tuple(places)
