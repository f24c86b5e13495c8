"""Records of alerts with the three stamp fields, from records that are Avro bytes already."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..alerts.fields import CUTOUT_FIELDS, KINDS, STAMP_FIELDS
from ..alerts.schema import add_stamp_fields, has_stamp_fields
from ..container.avro import write_long
from ..container.blob import HEADER
from ..container.schema import check_schema, is_stamp
from ..container.skipping import Types
from ..container.stamp_types import has_our_form
from ..errors import FormatError, InputError
from .sources import AlertRecord

__all__ = ["Derived", "Stamps"]

Stamps = Mapping[str, bytes | None]
"""Blobs by kind of image."""


class Derived:
    """Alerts of one schema, and how they get their stamps.

    The old fields are copied as bytes, not decoded and encoded again, so that they are the
    same bit for bit: the stamp fields come last, and an Avro record is its fields in order.

    Parameters
    ----------
    source : dict
        Writer's schema of the alerts.
    drop_cutouts : bool
        Set the three old cutout fields to null.

    Attributes
    ----------
    source, schema : dict
        The alerts' schema as it is and with the stamp fields.
    source_has_no_stamps : bool

    Raises
    ------
    FormatError
        E_SCHEMA if there are stamp fields, and no stamps of format 1.0 fit in.
    InputError
        If cutouts are to be dropped and cannot be null.
    """

    def __init__(self, source: Any, *, drop_cutouts: bool = False) -> None:
        self.source, self._drop = source, drop_cutouts
        self._refill = has_stamp_fields(source)
        self.source_has_no_stamps = not self._refill
        self.schema = add_stamp_fields(source)
        if drop_cutouts:
            _check_nullable(self.schema)
        self._branches = _branches(source, self._refill)

    def encode(self, item: AlertRecord, stamps: Stamps) -> bytes:
        """Avro bytes of an alert with its stamps."""
        new = b"" if self._refill else b"".join(_nullable(stamps[kind]) for kind in KINDS)
        if not (self._drop or self._refill):
            return item.raw + new
        parts = {
            name: item.raw[start:stop]
            for name, (start, stop) in zip(self._branches, item.spans, strict=True)
        }
        for kind, made in stamps.items():
            # A cutout that gave no stamp is kept: dropping it would lose the only copy.
            if made is None:
                continue
            if self._refill:
                index = self._branches[STAMP_FIELDS[kind]]["stamp"]
                parts[STAMP_FIELDS[kind]] = index + made[len(HEADER) :]
            if self._drop:
                parts[CUTOUT_FIELDS[kind]] = self._branches[CUTOUT_FIELDS[kind]]["null"]
        return b"".join(parts.values()) + new


def _branches(schema: Any, refill: bool) -> dict[str, dict[str, bytes]]:
    """Bytes of the index of every field's branches null and stamp, where it has them."""
    parsed = check_schema(schema)
    types = Types(parsed)
    out: dict[str, dict[str, bytes]] = {}
    for field in parsed["fields"]:
        kinds = field["type"] if isinstance(field["type"], list) else []
        out[field["name"]] = indices = {}
        for index, kind in enumerate(kinds):
            if kind == "null":
                indices["null"] = write_long(index)
            elif is_stamp(kind) and has_our_form(kind, types):
                indices["stamp"] = write_long(index)
    if refill and not all("stamp" in out[name] for name in STAMP_FIELDS.values()):
        raise FormatError("E_SCHEMA", "its stamp fields are not nullable stamps of format 1.0")
    return out


def _nullable(blob: bytes | None) -> bytes:
    """Avro bytes of ``["null", stamp]``: the branch's index, zig-zag, then the record."""
    return b"\x00" if blob is None else b"\x02" + blob[len(HEADER) :]


def _check_nullable(schema: Mapping[str, Any]) -> None:
    for field in schema["fields"]:
        if field["name"] in CUTOUT_FIELDS.values():
            kind = field["type"]
            if not (isinstance(kind, list) and "null" in kind):
                raise InputError(f"{field['name']} is not nullable in this schema: cannot drop it")
